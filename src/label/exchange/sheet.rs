//! The one value that every format of labels reads into and writes from: what was rated, what was asked, who said what.
//!
//! A format states which [`Part`]s it keeps. [`Sheet::kept`] is what an importer gets back of a sheet that was written in such a
//! format, [`Sheet::lost`] tells the rest in words. Deliberately absent: files (see the formats), and finding the clips of a corpus
//! (see `import`).

use std::collections::{BTreeMap, BTreeSet, HashMap};
use std::fmt;

use super::Trouble;
use crate::corpus::{Clip, ClipId, Sex, Span};
use crate::label::gold::{GoldSet, Origin};
use crate::label::{
    Act, Annotation, AnnotationId, Annotator, Answers, Exposure, Ledger, Listening, Occasion, Scheme, SchemeId,
    Timestamp,
};
use crate::score::agreement::Level;

/// Labels on their way in or out.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct Sheet {
    /// Name of the corpus or of the file.
    pub name: String,
    /// What was rated, and clips that are only described.
    pub items: Vec<Item>,
    /// What was asked, as far as it is known.
    pub asked: Vec<Asked>,
    /// Who said what, oldest first.
    pub said: Vec<Said>,
    /// What a reader met and left out; it did not stop the rest.
    pub problems: Vec<Trouble>,
}

/// A clip, or a part of one.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct Item {
    /// Path as the file gives it, `/` between parts; ours are relative to the corpus root.
    pub file: String,
    /// Start and end in seconds, where only a part is meant.
    pub span: Option<(f64, f64)>,
    /// Length of the whole file in seconds, where known.
    pub seconds: Option<f64>,
    /// Its samples per second and channels, where known.
    pub sound: Option<(u32, u16)>,
    /// Who speaks.
    pub speaker: Option<String>,
    /// The speaker's sex.
    pub sex: Option<Sex>,
    /// What is said.
    pub text: Option<String>,
    /// `train`, `dev`, `test`, …
    pub split: Option<String>,
}

/// One question of a scheme.
#[derive(Debug, Clone, PartialEq)]
pub struct Asked {
    /// The scheme.
    pub scheme: SchemeId,
    /// The question; empty for the only one.
    pub question: String,
    /// What may be answered.
    pub expected: Expected,
}

/// What may be answered to a question.
#[derive(Debug, Clone, PartialEq)]
pub enum Expected {
    /// One of these.
    Choice(Vec<String>),
    /// Any of these.
    Several(Vec<String>),
    /// A number in this range.
    Scale(f64, f64),
    /// Anything.
    Text,
}

/// One thing that one rater said about one item.
#[derive(Debug, Clone, PartialEq)]
pub struct Said {
    /// Place in [`Sheet::items`].
    pub item: usize,
    /// Who; `None` where the file names nobody.
    pub rater: Option<Rater>,
    /// Asked by which scheme; `None` where the file names none.
    pub scheme: Option<SchemeId>,
    /// What. Ids of undo and redo are those of the file (see [`Said::id`]).
    pub act: Act,
    /// 0..=1; of a vote the share of those who said so.
    pub confidence: Option<f64>,
    /// When; `None` where the file does not tell.
    pub at: Option<Timestamp>,
    /// How the clip was heard; of foreign files only [`Listening::seconds`] is known (see [`lead_time`]).
    pub listening: Option<Listening>,
    /// What it was said for.
    pub occasion: Occasion,
    /// What was seen of a model.
    pub exposure: Option<Exposure>,
    /// Hash of the sound that was rated.
    pub audio: Option<String>,
    /// Its number where it comes from.
    pub id: Option<AnnotationId>,
    /// True when something later took its place, or it was undone.
    pub superseded: bool,
}

/// Who rated, as the field tells them apart. Written plainly for people, else `machine:NAME`, `truth:NAME`, `vote:NAME`,
/// `other:NAME`; a person whose name looks like one of those is `human:NAME`.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Rater {
    /// What stands behind the name.
    pub kind: RaterKind,
    /// Name.
    pub name: String,
}

/// What kinds of raters there are (audformat's list).
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum RaterKind {
    /// A person.
    Human,
    /// A program.
    Machine,
    /// What the corpus says, or what a lead decided.
    Truth,
    /// What several raters come to.
    Vote,
    /// Anything else.
    Other,
}

/// What a format may keep of what was said.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Part {
    /// Several raters, with their names and kinds. A format without keeps one answer per item: the vote.
    Rater,
    /// Names of schemes.
    Scheme,
    /// Several questions.
    Question,
    /// When it was said.
    Time,
    /// How sure the rater was.
    Confidence,
    /// Seconds on the clip.
    LeadTime,
    /// How the clip was heard, which model was seen, the hash of the sound.
    Listening,
    /// Hidden repeats, training, adjudication. A format without keeps an adjudication as the truth of who decided.
    Occasion,
    /// Notes and flags.
    Remarks,
    /// Skips.
    Skips,
    /// "Cannot judge".
    Unjudged,
    /// What was undone or replaced, and the ids of all.
    History,
    /// Parts of files.
    Span,
    /// Speaker and sex.
    Speaker,
    /// What is spoken.
    Text,
    /// Train, dev, test.
    Split,
}

impl RaterKind {
    /// Every kind.
    pub const ALL: [RaterKind; 5] =
        [RaterKind::Human, RaterKind::Machine, RaterKind::Truth, RaterKind::Vote, RaterKind::Other];

    /// The word in files.
    pub fn word(self) -> &'static str {
        match self {
            RaterKind::Human => "human",
            RaterKind::Machine => "machine",
            RaterKind::Truth => "truth",
            RaterKind::Vote => "vote",
            RaterKind::Other => "other",
        }
    }

    fn prefixed(text: &str) -> Option<(RaterKind, &str)> {
        let (word, name) = text.split_once(':')?;
        let kind = RaterKind::ALL.into_iter().find(|kind| kind.word() == word)?;
        (!name.is_empty()).then_some((kind, name))
    }
}

impl Rater {
    /// A person.
    pub fn human(name: impl Into<String>) -> Rater {
        Rater { kind: RaterKind::Human, name: name.into() }
    }

    /// A rater of that kind.
    pub fn new(kind: RaterKind, name: impl Into<String>) -> Rater {
        Rater { kind, name: name.into() }
    }

    /// The rater of a written name.
    pub fn parse(text: &str) -> Rater {
        match RaterKind::prefixed(text) {
            Some((kind, name)) => Rater::new(kind, name),
            None => Rater::human(text),
        }
    }

    /// The rater that a store's annotator is. What is no person is a machine there; truth, votes and others have their kind before
    /// their name.
    pub fn of(annotator: &Annotator) -> Rater {
        match annotator {
            Annotator::Human(name) => Rater::human(name),
            Annotator::Machine(name) => match RaterKind::prefixed(name) {
                Some((kind @ (RaterKind::Truth | RaterKind::Vote | RaterKind::Other), name)) => Rater::new(kind, name),
                _ => Rater::new(RaterKind::Machine, name),
            },
        }
    }

    /// What the store calls this rater; the opposite of [`Rater::of`].
    pub fn annotator(&self) -> Annotator {
        match self.kind {
            RaterKind::Human => Annotator::Human(self.name.clone()),
            RaterKind::Machine => Annotator::Machine(self.name.clone()),
            kind => Annotator::Machine(format!("{}:{}", kind.word(), self.name)),
        }
    }
}

impl fmt::Display for Rater {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.kind {
            RaterKind::Human if RaterKind::prefixed(&self.name).is_none() => f.write_str(&self.name),
            kind => write!(f, "{}:{}", kind.word(), self.name),
        }
    }
}

/// All that is known of a foreign rating's listening: how long it took. Nothing was played here, and nobody knows by what.
pub fn lead_time(seconds: f64) -> Listening {
    let (sink, picture) = ("unknown".to_owned(), "unknown".to_owned());
    Listening { plays: 0, heard: 0.0, sink, gain_db: 0.0, picture, seconds }
}

impl Item {
    /// A whole file.
    pub fn of(file: impl Into<String>) -> Item {
        Item { file: file.into(), ..Item::default() }
    }

    /// The file, or the part of a file, that a clip is called after.
    pub fn named(id: &ClipId) -> Item {
        let (file, part) = id.split();
        Item { span: part.map(|span| (span.start(), span.end())), ..Item::of(file) }
    }

    /// What a clip of it is called: to the nearest millisecond; of a part of no length its file.
    pub fn id(&self) -> ClipId {
        let file = ClipId(self.file.as_str().into());
        self.span.and_then(|(start, end)| Span::seconds(start, end)).map_or(file.clone(), |span| file.part(span))
    }

    /// The item of a clip; of a part, its file's length is not known.
    pub fn clip(clip: &Clip) -> Item {
        let named = Item::named(&clip.id);
        Item {
            seconds: named.span.is_none().then_some(clip.audio.seconds),
            sound: Some((clip.audio.rate, clip.audio.channels)),
            speaker: clip.speaker.as_deref().map(str::to_owned),
            sex: clip.sex,
            text: clip.words.as_deref().or(clip.text.as_deref()).map(str::to_owned),
            split: clip.other.get("split").cloned(),
            ..named
        }
    }
}

impl Said {
    /// Someone's answer to the only question of a scheme, of which nothing else is known.
    pub fn answer(item: usize, rater: Option<Rater>, value: impl Into<String>) -> Said {
        Said {
            item,
            rater,
            scheme: None,
            act: Act::label(value),
            confidence: None,
            at: None,
            listening: None,
            occasion: Occasion::Main,
            exposure: None,
            audio: None,
            id: None,
            superseded: false,
        }
    }

    /// An annotation of a store about that item.
    pub fn of(item: usize, one: Annotation, superseded: bool) -> Said {
        let (id, said) = (Some(one.id), one.said);
        Said {
            item,
            rater: Some(Rater::of(&said.annotator)),
            scheme: Some(said.scheme),
            act: said.act,
            confidence: said.confidence,
            at: Some(said.at),
            listening: said.listening,
            occasion: said.occasion,
            exposure: said.exposure,
            audio: Some(said.audio),
            id,
            superseded,
        }
    }

    /// The question of an answer; empty for the only one.
    pub fn question(&self) -> &str {
        self.act.question().unwrap_or_default()
    }

    /// The value of an answer; `None` for anything else.
    pub fn value(&self) -> Option<&str> {
        match &self.act {
            Act::Answer { value, .. } => Some(value),
            _ => None,
        }
    }

    /// Seconds on the clip.
    pub fn seconds(&self) -> Option<f64> {
        self.listening.as_ref().map(|heard| heard.seconds)
    }
}

impl Sheet {
    /// The sheet of a corpus' annotations, in order of id. `clips` describe the items where they are known (a file of labels needs
    /// none); recordings that are cut are described by their parts. Schemes that nobody defines are made of the answers met.
    pub fn of(name: &str, clips: &[Clip], schemes: &[Scheme], annotations: &[Annotation]) -> Sheet {
        let mut sheet = Sheet { name: name.to_owned(), ..Sheet::default() };
        let mut places: HashMap<String, usize> = HashMap::new();
        let cut = clips.iter().filter(|clip| clip.is_cut());
        let lengths: HashMap<&str, f64> = cut.map(|clip| (clip.id.0.as_str(), clip.audio.seconds)).collect();
        let known = |item: Item| Item { seconds: item.seconds.or(lengths.get(item.file.as_str()).copied()), ..item };
        for clip in clips.iter().filter(|clip| !clip.is_cut()) {
            places.insert(clip.id.0.to_string(), sheet.items.len());
            sheet.items.push(known(Item::clip(clip)));
        }
        let superseded = superseded(annotations);
        for one in annotations {
            let item = *places.entry(one.clip.0.to_string()).or_insert_with(|| {
                sheet.items.push(known(Item::named(&one.clip)));
                sheet.items.len() - 1
            });
            sheet.said.push(Said::of(item, one.clone(), superseded.contains(&one.id)));
        }
        sheet.ask(schemes);
        sheet
    }

    /// Adds what a method makes of people's answers, as the vote of a rater that is called like the method; its confidence is the
    /// probability of the class. What a lead decided is in the sheet already.
    pub fn add_gold(&mut self, gold: &GoldSet, at: Timestamp) {
        let items: HashMap<ClipId, usize> = self.items.iter().zip(0..).map(|(item, at)| (item.id(), at)).collect();
        let version = self.said.iter().filter_map(|said| said.scheme.as_ref()).filter(|id| id.name == gold.scheme);
        let version = version.map(|id| id.version).max().unwrap_or(1);
        let scheme = SchemeId { name: gold.scheme.clone(), version };
        let made = gold.clips.iter().filter(|clip| matches!(clip.origin, Origin::Ratings { .. }));
        let said = made.filter_map(|clip| {
            let value = clip.value.clone()?;
            let place = gold.labels.iter().position(|label| *label == value).filter(|_| gold.level == Level::Nominal);
            let confidence = place.and_then(|place| clip.distribution.get(place).copied());
            let rater = Rater::new(RaterKind::Vote, gold.how.method.name);
            let act = Act::label(value).asked(gold.question.clone());
            let base = Said::answer(*items.get(&clip.clip)?, Some(rater), "");
            Some(Said { scheme: Some(scheme.clone()), act, confidence, at: Some(at), ..base })
        });
        let said: Vec<Said> = said.collect();
        self.said.extend(said);
    }

    /// Adds the questions of these schemes that were answered, and for answers to others what was met.
    fn ask(&mut self, schemes: &[Scheme]) {
        let mut met: BTreeMap<(SchemeId, String), BTreeSet<String>> = BTreeMap::new();
        for said in &self.said {
            if let (Some(scheme), Some(value)) = (&said.scheme, said.value()) {
                let values = met.entry((scheme.clone(), said.question().to_owned())).or_default();
                if !value.is_empty() {
                    values.insert(value.to_owned());
                }
            }
        }
        for ((id, question), values) in met {
            let defined = schemes.iter().find(|scheme| scheme.id() == id).and_then(|scheme| scheme.question(&question));
            let expected = match defined {
                Some(question) => Expected::of(&question.answers),
                None => Expected::met(&values),
            };
            self.asked.push(Asked { scheme: id, question, expected });
        }
    }

    /// The place of an item, which is added when new.
    pub fn place(&mut self, item: Item, places: &mut Places) -> usize {
        let key = (item.file.clone(), item.span.map(|(start, end)| (start.to_bits(), end.to_bits())));
        *places.entry(key).or_insert_with(|| {
            self.items.push(item);
            self.items.len() - 1
        })
    }

    /// What a format that keeps these parts hands on of this sheet.
    #[must_use]
    pub fn kept(&self, keeps: &[Part]) -> Sheet {
        let has = |part| keeps.contains(&part);
        let mut kept = if has(Part::Question) { self.clone() } else { self.one_question() };
        kept.said.retain(|said| told(said, keeps) && (has(Part::Span) || self.items[said.item].span.is_none()));
        for said in &mut kept.said {
            reduce(said, keeps);
        }
        if !has(Part::Rater) {
            kept.said = votes(&kept.said);
        }
        for item in &mut kept.items {
            item.speaker = item.speaker.take().filter(|_| has(Part::Speaker));
            item.sex = item.sex.filter(|_| has(Part::Speaker));
            item.text = item.text.take().filter(|_| has(Part::Text));
            item.split = item.split.take().filter(|_| has(Part::Split));
        }
        kept
    }

    /// What a format that keeps these parts loses of this sheet, in words; empty when nothing.
    pub fn lost(&self, keeps: &[Part]) -> Vec<String> {
        let mut lost = Vec::new();
        for (part, what, there) in LOSSES {
            let count = self.said.iter().filter(|said| there(said, &self.items[said.item])).count();
            if count > 0 && !keeps.contains(part) {
                lost.push(format!("{what} ({count})"));
            }
        }
        let questions: BTreeSet<(Option<&SchemeId>, &str)> = self
            .said
            .iter()
            .filter(|said| said.value().is_some())
            .map(|said| (said.scheme.as_ref(), said.question()))
            .collect();
        if questions.len() > 1 && !keeps.contains(&Part::Question) {
            lost.push(format!("all but one of {} questions", questions.len()));
        }
        let raters: BTreeSet<&Rater> = self.said.iter().filter_map(|said| said.rater.as_ref()).collect();
        if raters.len() > 1 && !keeps.contains(&Part::Rater) {
            lost.push(format!("who said what: the vote of {} raters is written", raters.len()));
        }
        lost
    }

    /// The answers of the question that most answers belong to; the others go. For formats that have room for one.
    #[must_use]
    pub fn one_question(&self) -> Sheet {
        let mut counts: BTreeMap<(Option<&SchemeId>, &str), usize> = BTreeMap::new();
        for said in self.said.iter().filter(|said| said.value().is_some()) {
            *counts.entry((said.scheme.as_ref(), said.question())).or_default() += 1;
        }
        let most = counts.iter().max_by_key(|(key, count)| (**count, std::cmp::Reverse(*key)));
        let most = most.map(|((scheme, question), _)| (scheme.cloned(), (*question).to_owned()));
        let mut one = self.clone();
        if let Some((scheme, question)) = most {
            one.said.retain(|said| said.scheme == scheme && said.question() == question);
        }
        one
    }

    /// What may be answered to a question.
    pub fn expected(&self, scheme: Option<&SchemeId>, question: &str) -> Option<&Expected> {
        self.asked
            .iter()
            .find(|asked| Some(&asked.scheme) == scheme && asked.question == question)
            .map(|asked| &asked.expected)
    }
}

/// Where items stand in a sheet that is being read.
pub type Places = HashMap<(String, Option<(u64, u64)>), usize>;

impl Expected {
    fn of(answers: &Answers) -> Expected {
        let names = || answers.classes().iter().map(|class| class.name.clone()).collect();
        match answers {
            Answers::Choice(_) => Expected::Choice(names()),
            Answers::Several(_) => Expected::Several(names()),
            Answers::Scale(scale) => Expected::Scale(f64::from(scale.low), f64::from(scale.high)),
            Answers::Text => Expected::Text,
        }
    }

    /// Numbers are a scale as wide as they reach, anything else classes.
    pub fn met(values: &BTreeSet<String>) -> Expected {
        let numbers: Option<Vec<f64>> =
            values.iter().map(|value| value.parse().ok().filter(|number: &f64| number.is_finite())).collect();
        match numbers {
            Some(numbers) if !numbers.is_empty() => {
                let low = numbers.iter().copied().fold(f64::INFINITY, f64::min);
                Expected::Scale(low, numbers.iter().copied().fold(f64::NEG_INFINITY, f64::max))
            }
            _ => Expected::Choice(values.iter().cloned().collect()),
        }
    }
}

/// The ids of annotations that no longer count: undone or replaced, each occasion for itself.
fn superseded(annotations: &[Annotation]) -> BTreeSet<AnnotationId> {
    let mut ledgers: BTreeMap<(&str, &Annotator, Occasion), Ledger> = BTreeMap::new();
    annotations.iter().for_each(|one| ledgers.entry(sitting(one)).or_default().apply(one));
    let gone = |one: &&Annotation| ledgers.get(&sitting(one)).is_some_and(|ledger| !ledger.holds(one.id));
    annotations.iter().filter(gone).map(|one| one.id).collect()
}

fn sitting(one: &Annotation) -> (&str, &Annotator, Occasion) {
    (&one.said.scheme.name, &one.said.annotator, one.said.occasion)
}

/// True when a format that keeps these parts writes it at all.
fn told(said: &Said, keeps: &[Part]) -> bool {
    let has = |part| keeps.contains(&part);
    let kind = match &said.act {
        Act::Answer { value, .. } => !value.is_empty() || has(Part::Unjudged),
        Act::Skip => has(Part::Skips),
        Act::Flag(_) | Act::Note(_) => has(Part::Remarks),
        Act::Undo(_) | Act::Redo(_) => has(Part::History),
    };
    let occasion = has(Part::Occasion) || matches!(said.occasion, Occasion::Main | Occasion::Adjudication);
    kind && occasion && (has(Part::History) || !said.superseded)
}

/// Takes away what a format that keeps these parts has no place for.
fn reduce(said: &mut Said, keeps: &[Part]) {
    let has = |part| keeps.contains(&part);
    if !has(Part::Occasion) && said.occasion == Occasion::Adjudication {
        said.occasion = Occasion::Main;
        said.rater = said.rater.take().map(|rater| Rater::new(RaterKind::Truth, rater.name));
    }
    said.scheme = said.scheme.take().filter(|_| has(Part::Scheme));
    said.at = said.at.filter(|_| has(Part::Time));
    said.confidence = said.confidence.filter(|_| has(Part::Confidence));
    if !has(Part::Listening) {
        said.listening = said.seconds().filter(|_| has(Part::LeadTime)).map(lead_time);
        (said.exposure, said.audio) = (None, None);
    }
    if !has(Part::History) {
        said.id = None;
    }
    if !has(Part::Question) {
        said.act = said.act.clone().asked("");
    }
}

/// One answer per item: the truth where there is one, else the class that most people give (machines' only where no person gives
/// any). Ties have none. Nobody says it any more.
fn votes(said: &[Said]) -> Vec<Said> {
    let rank = |said: &Said| match said.rater.as_ref().map(|rater| rater.kind) {
        Some(RaterKind::Truth) => 0,
        Some(RaterKind::Vote) => 1,
        Some(RaterKind::Human) | None => 2,
        Some(_) => 3,
    };
    let mut items: BTreeMap<usize, Vec<&Said>> = BTreeMap::new();
    for one in said.iter().filter(|said| said.value().is_some()) {
        items.entry(one.item).or_default().push(one);
    }
    let mut votes = Vec::new();
    for (item, all) in items {
        let best = all.iter().map(|said| rank(said)).min();
        let mut counts: BTreeMap<&str, usize> = BTreeMap::new();
        for one in all.iter().filter(|said| Some(rank(said)) == best) {
            *counts.entry(one.value().unwrap_or_default()).or_default() += 1;
        }
        let most = counts.values().copied().max().unwrap_or_default();
        let mut first = counts.iter().filter(|(_, count)| **count == most);
        if let (Some((value, _)), None) = (first.next(), first.next()) {
            votes.push(Said::answer(item, None, *value));
        }
    }
    votes
}

/// A scheme and one of its questions as one word, for formats with a place for one: `SCHEME/QUESTION`, `SCHEME@VERSION`, `SCHEME`.
pub fn topic(scheme: Option<&SchemeId>, question: &str) -> String {
    let scheme = match scheme {
        Some(SchemeId { name, version: 1 }) => name.clone(),
        Some(id) => id.to_string(),
        None => String::new(),
    };
    if question.is_empty() { scheme } else { format!("{scheme}/{question}") }
}

/// The scheme and the question of a [`topic`]. Any word is one: the name of a scheme of one question.
pub fn topic_of(text: &str) -> (Option<SchemeId>, String) {
    let (scheme, question) = text.split_once('/').unwrap_or((text, ""));
    let id = scheme.parse().unwrap_or_else(|_| SchemeId { name: scheme.to_owned(), version: 1 });
    (Some(id).filter(|id| !id.name.is_empty()), question.to_owned())
}

/// A number as answers are written: `7` for 7.0.
pub fn number(text: &str) -> Option<String> {
    text.trim().parse::<f64>().ok().filter(|number| number.is_finite()).map(|number| number.to_string())
}

/// Tells whether something is there that a format without the part would lose.
type There = fn(&Said, &Item) -> bool;

/// What is lost without which part.
const LOSSES: &[(Part, &str, There)] = &[
    (Part::Scheme, "names of schemes", |said, _| said.scheme.is_some()),
    (Part::Time, "times", |said, _| said.at.is_some()),
    (Part::Confidence, "confidences", |said, _| said.confidence.is_some()),
    (Part::LeadTime, "seconds on the clip", |said, _| said.listening.is_some()),
    (Part::Listening, "how clips were heard and what was seen of a model", |said, _| {
        said.listening.as_ref().is_some_and(|heard| heard.plays > 0) || said.exposure.is_some()
    }),
    (Part::Occasion, "repeats and training answers", |said, _| {
        matches!(said.occasion, Occasion::Repeat | Occasion::Training)
    }),
    (Part::Remarks, "notes and flags", |said, _| matches!(said.act, Act::Note(_) | Act::Flag(_))),
    (Part::Skips, "skips", |said, _| said.act == Act::Skip),
    (Part::Unjudged, "\"cannot judge\"", |said, _| said.value() == Some("")),
    (Part::History, "what was undone or replaced", |said, _| said.superseded),
    (Part::Span, "answers about parts of files", |_, item| item.span.is_some()),
];
