//! Targets: what is to be recognised, and a corpus laid out for it as class numbers and group numbers.
//!
//! Deliberately absent: features (see `features`) and splitting itself (see `plan`).

use std::borrow::Cow;
use std::collections::{BTreeMap, BTreeSet, HashSet};
use std::fmt;
use std::str::FromStr;

use super::plan::{Layout, Plan, PlanError, Rows, Split};
use super::{Clip, ClipId, Corpus, Sex, Target};

/// A corpus seen as a classification task. `rows`, `labels` and `groups` have one entry per clip that has the target.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Task {
    /// What is recognised.
    pub target: Target,
    /// Names of the classes that occur, in the corpus' order.
    pub classes: Vec<String>,
    /// Indices into `corpus.clips`, ascending.
    pub rows: Vec<usize>,
    /// Class number of each row.
    pub labels: Vec<usize>,
    /// Group (speaker) number of each row; a clip whose speaker is unknown is a group of its own, parts of one recording are one
    /// group.
    pub groups: Vec<usize>,
    /// Name of each group: the speaker, `recording …` for the parts of one whose speaker is unknown, else empty.
    pub speakers: Vec<String>,
    /// Clips left out because their audio is that of an earlier clip: a copy in training would give its twin away.
    pub twins: usize,
    /// What else plans may split by.
    pub traits: Traits,
}

/// What is known of the rows of a task beyond class and speaker; a value per row.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Traits {
    /// Names of the clips.
    pub ids: Vec<ClipId>,
    /// The speakers' sex.
    pub sexes: Vec<Option<Sex>>,
    /// Number of the sentence.
    pub sentences: Vec<Option<usize>>,
    /// The sentences by number.
    pub texts: Vec<String>,
    /// What other columns of a table, or named parts of a file name, say.
    pub columns: BTreeMap<String, Vec<Option<String>>>,
}

/// Why a corpus is no task.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum TaskError {
    /// No clip has the target.
    #[error(
        "{corpus}: none of {clips} clips has a label for the target `{target}`; label some and learn from what people said (--truth majority, in Train `labels`)"
    )]
    NoLabels {
        /// Name of the corpus.
        corpus: String,
        /// How many clips it has.
        clips: usize,
        /// What was to be recognised.
        target: Target,
    },
    /// All clips are of one class.
    #[error("{corpus}: all {clips} clips with a target `{target}` are of one class, `{class}`; nothing can be learnt")]
    OneClass {
        /// Name of the corpus.
        corpus: String,
        /// How many clips have the target.
        clips: usize,
        /// What was to be recognised.
        target: Target,
        /// The only class.
        class: String,
    },
}

/// A word that names no target.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("no target `{0}`; there are emotion, sex and sex+emotion")]
pub struct UnknownTarget(pub String);

/// Lays a corpus out for a target. Recordings that are cut are left out: their parts stand for them. Of clips with the same audio, under whatever name, the first one counts.
///
/// # Errors
/// [`TaskError`] when fewer than two classes occur.
pub fn task(corpus: &Corpus, target: Target) -> Result<Task, TaskError> {
    let order = class_order(corpus, target);
    let mut named: Vec<(usize, String)> =
        corpus.clips.iter().enumerate().filter_map(|(row, clip)| Some((row, target.class_of(clip)?))).collect();
    let (mut heard, all) = (HashSet::new(), named.len());
    named.retain(|(row, _)| heard.insert(corpus.clips[*row].audio.hash));
    let classes: Vec<String> = order.into_iter().filter(|class| named.iter().any(|(_, have)| have == class)).collect();
    let name = || corpus.name.clone();
    match &classes[..] {
        [] => return Err(TaskError::NoLabels { corpus: name(), clips: corpus.clips.len(), target }),
        [class] => {
            return Err(TaskError::OneClass { corpus: name(), clips: named.len(), target, class: class.clone() });
        }
        _ => {}
    }
    let number: BTreeMap<&str, usize> = classes.iter().enumerate().map(|(at, class)| (class.as_str(), at)).collect();
    let labels = named.iter().map(|(_, class)| number[class.as_str()]).collect();
    let rows: Vec<usize> = named.iter().map(|(row, _)| *row).collect();
    let (groups, speakers) = groups(corpus, &rows);
    let traits = Traits::of(corpus, &rows);
    Ok(Task { target, classes, rows, labels, groups, speakers, twins: all - named.len(), traits })
}

impl Traits {
    fn of(corpus: &Corpus, rows: &[usize]) -> Traits {
        let clips: Vec<&Clip> = rows.iter().map(|row| &corpus.clips[*row]).collect();
        let texts: BTreeSet<&str> = clips.iter().filter_map(|clip| clip.text.as_deref()).collect();
        let texts: Vec<String> = texts.into_iter().map(str::to_owned).collect();
        let place = |text: &str| texts.binary_search_by(|known| known.as_str().cmp(text)).ok();
        let sentence = |clip: &&Clip| place(clip.text.as_deref()?);
        let names: BTreeSet<&String> = clips.iter().flat_map(|clip| clip.other.keys()).collect();
        let column = |name: &String| clips.iter().map(|clip| clip.other.get(name).cloned()).collect();
        Traits {
            ids: clips.iter().map(|clip| clip.id.clone()).collect(),
            sexes: clips.iter().map(|clip| clip.sex).collect(),
            sentences: clips.iter().map(sentence).collect(),
            columns: names.into_iter().map(|name| (name.clone(), column(name))).collect(),
            texts,
        }
    }

    fn part(&self, rows: &[usize]) -> Traits {
        fn chosen<T: Clone>(all: &[T], rows: &[usize]) -> Vec<T> {
            rows.iter().filter_map(|row| all.get(*row).cloned()).collect()
        }
        Traits {
            ids: chosen(&self.ids, rows),
            sexes: chosen(&self.sexes, rows),
            sentences: chosen(&self.sentences, rows),
            texts: self.texts.clone(),
            columns: self.columns.iter().map(|(name, all)| (name.clone(), chosen(all, rows))).collect(),
        }
    }

    /// The recording session of each row, where the corpus names sessions.
    pub fn sessions(&self) -> Option<&[Option<String>]> {
        self.columns.get("session").map(Vec::as_slice)
    }
}

impl Task {
    /// The task of some of its rows, which must be ascending; classes and their numbers stay, speakers are counted anew.
    #[must_use]
    pub fn part(&self, rows: &[usize]) -> Task {
        let used: BTreeSet<usize> = rows.iter().map(|row| self.groups[*row]).collect();
        let used: Vec<usize> = used.into_iter().collect();
        let group = |row: &usize| used.partition_point(|group| *group < self.groups[*row]);
        Task {
            target: self.target,
            classes: self.classes.clone(),
            rows: rows.iter().map(|row| self.rows[*row]).collect(),
            labels: rows.iter().map(|row| self.labels[*row]).collect(),
            groups: rows.iter().map(group).collect(),
            speakers: used.iter().map(|group| self.speakers[*group].clone()).collect(),
            twins: self.twins,
            traits: self.traits.part(rows),
        }
    }

    /// How many speakers are known.
    pub fn known_speakers(&self) -> usize {
        self.speakers.len() - self.speakerless()
    }

    /// How many rows lack a speaker.
    pub fn speakerless(&self) -> usize {
        self.speakers.iter().filter(|s| s.is_empty()).count()
    }

    /// The plan's splits; see [`Task::lay`].
    ///
    /// # Errors
    /// As [`Task::lay`].
    pub fn splits(&self, plan: &Plan, seed: u64) -> Result<Vec<Split>, PlanError> {
        Ok(self.lay(plan, seed)?.splits)
    }

    /// The plan's splits and what to tell of them; a fold that keeps one speaker apart is named after them. Row numbers are
    /// positions in `rows`.
    ///
    /// # Errors
    /// [`PlanError::UnknownSpeakers`] when the plan must keep speakers apart and some are unknown; what [`Plan::lay`]
    /// refuses.
    pub fn lay(&self, plan: &Plan, seed: u64) -> Result<Layout, PlanError> {
        let lacking = self.speakerless();
        if plan.needs_speakers() && lacking > 0 {
            return Err(PlanError::UnknownSpeakers { lacking, clips: self.rows.len() });
        }
        let named = |held_out: &[usize], number: String| match held_out {
            [only] if matches!(plan, Plan::Loso | Plan::Speakers(_)) => match &self.speakers[*only] {
                recording if recording.starts_with(RECORDING) => recording.clone(),
                speaker => format!("speaker {speaker}"),
            },
            _ => number,
        };
        let rows = Rows { labels: &self.labels, groups: &self.groups, traits: &self.traits };
        let mut layout = plan.lay(&rows, seed).map_err(|error| match error {
            PlanError::FewClasses { fold, held_out } => {
                PlanError::FewClasses { fold: named(&held_out, fold), held_out }
            }
            other => other,
        })?;
        for split in &mut layout.splits {
            split.name = named(&split.held_out(&self.groups), std::mem::take(&mut split.name));
        }
        let recordings = self.speakers.iter().filter(|name| name.starts_with(RECORDING)).count();
        if recordings > 0 && layout.promise.speakers {
            layout.notes.push(format!(
                "who speaks in {recordings} recordings is not known: the parts of each are kept together as if it were one \
                 speaker; who is heard in two of them may be on both sides"
            ));
        }
        Ok(layout)
    }
}

impl Target {
    /// Every target.
    pub const ALL: [Target; 3] = [Target::Emotion, Target::Sex, Target::SexEmotion];

    /// The clip's class, `None` where the corpus does not say, and of a recording that is cut: its parts stand for it.
    pub fn class_of(self, clip: &Clip) -> Option<String> {
        match self {
            _ if clip.is_cut() => None,
            Target::Emotion => clip.label.as_deref().map(str::to_owned),
            Target::Sex => clip.sex.map(|sex| sex.to_string()),
            Target::SexEmotion => Some(format!("{}_{}", clip.sex?, clip.label.as_ref()?)),
        }
    }
}

impl fmt::Display for Target {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(match self {
            Target::Emotion => "emotion",
            Target::Sex => "sex",
            Target::SexEmotion => "sex+emotion",
        })
    }
}

impl FromStr for Target {
    type Err = UnknownTarget;
    fn from_str(text: &str) -> Result<Self, UnknownTarget> {
        Target::ALL.into_iter().find(|t| t.to_string() == text).ok_or_else(|| UnknownTarget(text.to_owned()))
    }
}

impl fmt::Display for Sex {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(match self {
            Sex::Female => "female",
            Sex::Male => "male",
        })
    }
}

fn class_order(corpus: &Corpus, target: Target) -> Vec<String> {
    let sexes = [Sex::Female, Sex::Male];
    match target {
        Target::Emotion => corpus.classes.clone(),
        Target::Sex => sexes.map(|sex| sex.to_string()).into(),
        Target::SexEmotion => {
            sexes.iter().flat_map(|sex| corpus.classes.iter().map(move |class| format!("{sex}_{class}"))).collect()
        }
    }
}

/// What the group of a recording is called before its name.
const RECORDING: &str = "recording ";

/// Group of each row and the groups' names: known speakers and recordings sorted by name first, then a group per clip without
/// either.
fn groups(corpus: &Corpus, rows: &[usize]) -> (Vec<usize>, Vec<String>) {
    let voice = |row: &usize| {
        let clip = &corpus.clips[*row];
        let recording = || clip.voice().map(|recording| Cow::Owned(format!("{RECORDING}{recording}")));
        clip.speaker.as_deref().map(Cow::Borrowed).or_else(recording)
    };
    let mut number: BTreeMap<Cow<'_, str>, usize> = rows.iter().filter_map(voice).map(|name| (name, 0)).collect();
    for (at, group) in number.values_mut().enumerate() {
        *group = at;
    }
    let mut names: Vec<String> = number.keys().map(|name| name.to_string()).collect();
    let mut group_of = |row: &usize| match voice(row) {
        Some(name) => number[&name],
        None => {
            names.push(String::new());
            names.len() - 1
        }
    };
    let groups = rows.iter().map(&mut group_of).collect();
    (groups, names)
}
