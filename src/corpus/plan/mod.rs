//! Plans: how a corpus is split into train and test, and the splits they make.
//!
//! A plan sees [`Rows`]: numbers and names, never audio. What it promises to keep apart is a [`Promise`]; whether it does so
//! is for `guard` to say. Deliberately absent: the inner development split (a classifier makes it from training groups),
//! training on one corpus and testing on another, and running anything.

mod audit;
mod deal;
mod error;
mod file;
mod given;

use std::collections::BTreeSet;
use std::fmt;
use std::path::PathBuf;
use std::str::FromStr;

use super::target::Traits;
pub use audit::{Count, audit, most_uneven};
use deal::{grouped, positions, stratified};
pub use error::PlanError;
pub use file::{Maker, PlanFile};

/// Up to this many speakers a random plan's twin leaves them out one by one.
const LOSO_UP_TO: usize = 12;
/// Groups of speakers, and of sentences, of a plan by both unless the user says otherwise: 25 fits, each learning from 64 %
/// of the clips.
const USUAL_BLOCKS: usize = 5;

/// How to split.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub enum Plan {
    /// Leave one speaker out: one fold per speaker.
    Loso,
    /// K folds, each speaker in exactly one, balanced by class and sex.
    Speakers(usize),
    /// K folds, each sentence in exactly one, balanced by class and sex; speakers leak.
    Sentences(usize),
    /// Groups of speakers times groups of sentences, 5 of each (or as many as there are) where no numbers are given: a fold
    /// tests one block and learns from what shares neither speaker nor sentence with it.
    Both(Option<(usize, usize)>),
    /// K folds over clips, stratified by class; speakers leak.
    Random(usize),
    /// By a column of the corpus' table, or a named part of its file names: train, dev and test, or a fold per value.
    Given(String),
    /// By a file: one that emolab wrote, a CSV, or EmoBox's folders (see [`PlanFile`]).
    Folds(PathBuf),
}

/// One fold: rows to learn from and rows to be judged on. Row numbers refer to the caller's arrays.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Split {
    /// `speaker 03`, `fold 2`, …
    pub name: String,
    /// Training rows, ascending.
    pub train: Vec<usize>,
    /// Test rows, ascending; disjoint from `train`.
    pub test: Vec<usize>,
}

/// What a plan may look at. `labels` and `groups` have a value per row; row `i` has class `labels[i]` and group (speaker)
/// `groups[i]`. What the traits do not have is unknown.
#[derive(Debug, Clone, Copy)]
pub struct Rows<'a> {
    /// Class numbers.
    pub labels: &'a [usize],
    /// Speaker numbers.
    pub groups: &'a [usize],
    /// All else.
    pub traits: &'a Traits,
}

/// What a plan keeps apart by its nature. A leak of what it promises to keep apart stops a run.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Promise {
    /// No speaker is learnt from and tested in the same fold.
    pub speakers: bool,
    /// No recording session is.
    pub sessions: bool,
    /// No sentence is.
    pub sentences: bool,
    /// No recording and its altered copy are.
    pub audio: bool,
}

/// What a plan comes to on a corpus.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Layout {
    /// The folds; every row is tested at most once.
    pub splits: Vec<Split>,
    /// What a reader of the numbers must know of the folds, a sentence each.
    pub notes: Vec<String>,
    /// What is kept apart.
    pub promise: Promise,
}

impl Plan {
    /// The words for plans, for help and errors.
    pub const WORDS: &'static str = "loso, speakers:K, sentences:K, speakers+sentences[:KxL], random:K, given:COLUMN and \
                                     folds:FILE";

    /// The splits of rows of which nothing but class and speaker is known. The same seed gives the same splits; `loso` does
    /// not use it. A class missing from a training part is not refused: see [`Split::unlearnt`].
    ///
    /// # Errors
    /// [`PlanError`]; row counts that differ are cut to the shorter.
    pub fn splits(&self, labels: &[usize], groups: &[usize], seed: u64) -> Result<Vec<Split>, PlanError> {
        let rows = labels.len().min(groups.len());
        let (labels, groups) = (&labels[..rows], &groups[..rows]);
        Ok(self.lay(&Rows { labels, groups, traits: &Traits::default() }, seed)?.splits)
    }

    /// The splits and what to tell of them.
    ///
    /// # Errors
    /// [`PlanError`].
    pub fn lay(&self, rows: &Rows<'_>, seed: u64) -> Result<Layout, PlanError> {
        self.check(rows)?;
        let layout = match self {
            Plan::Loso => self.folds(rows.groups, positions(rows.groups)),
            Plan::Speakers(k) => self.folds(rows.groups, grouped(&rows.strata(), rows.groups, *k, seed)),
            Plan::Sentences(k) => self.folds(rows.groups, grouped(&rows.strata(), &rows.sentences()?, *k, seed)),
            Plan::Random(k) => self.folds(rows.groups, stratified(rows.labels, *k, seed)),
            Plan::Both(blocks) => self.blocks(rows, *blocks, seed)?,
            Plan::Given(column) => given::lay(column, rows)?,
            Plan::Folds(path) => PlanFile::read(path)?.lay(rows)?,
        };
        for split in &layout.splits {
            let classes = split.train.iter().map(|row| rows.labels[*row]).collect::<BTreeSet<_>>();
            if classes.len() < 2 {
                return Err(PlanError::FewClasses { fold: split.name.clone(), held_out: split.held_out(rows.groups) });
            }
        }
        Ok(layout)
    }

    /// True when a speaker is on both sides of a split by the plan's nature. Of columns and files the splits must be asked
    /// (see `guard`).
    pub fn leaks_speakers(&self) -> bool {
        matches!(self, Plan::Random(_) | Plan::Sentences(_))
    }

    /// True when every speaker must be known.
    pub fn needs_speakers(&self) -> bool {
        matches!(self, Plan::Loso | Plan::Speakers(_) | Plan::Both(_))
    }

    /// True when another seed may give other splits.
    pub fn is_random(&self) -> bool {
        !matches!(self, Plan::Loso | Plan::Given(_) | Plan::Folds(_))
    }

    /// The speaker-independent plan to show beside one that leaks speakers: `loso` up to 12 speakers, else as many groups of
    /// speakers as it has folds, or five; a plan that keeps speakers apart is its own twin.
    pub fn twin(&self, speakers: usize) -> Plan {
        match self {
            Plan::Loso | Plan::Speakers(_) | Plan::Both(_) => self.clone(),
            _ if speakers <= LOSO_UP_TO => Plan::Loso,
            Plan::Random(k) | Plan::Sentences(k) => Plan::Speakers(*(k.min(&speakers))),
            Plan::Given(_) | Plan::Folds(_) => Plan::Speakers(5.min(speakers)),
        }
    }

    /// What the plan keeps apart. A plan that somebody else made is held to keep apart speakers and sessions; one that
    /// leaks by its nature (`random:K`) promises nothing and always runs.
    pub fn promise(&self) -> Promise {
        let speakers = Promise { speakers: true, audio: true, ..Promise::default() };
        match self {
            Plan::Loso | Plan::Speakers(_) => speakers,
            Plan::Sentences(_) => Promise { speakers: false, sentences: true, ..speakers },
            Plan::Both(_) => Promise { sentences: true, ..speakers },
            Plan::Given(_) | Plan::Folds(_) => Promise { sessions: true, ..speakers },
            Plan::Random(_) => Promise::default(),
        }
    }

    fn check(&self, all: &Rows<'_>) -> Result<(), PlanError> {
        let plan = || self.clone();
        let (rows, speakers) = (all.labels.len(), all.groups.iter().collect::<BTreeSet<_>>().len());
        match self {
            _ if rows == 0 => Err(PlanError::NoRows),
            Plan::Speakers(k) | Plan::Random(k) | Plan::Sentences(k) if *k < 2 => Err(PlanError::TooFewFolds(plan())),
            Plan::Both(Some((k, l))) if k.min(l) < &2 => Err(PlanError::TooFewFolds(plan())),
            Plan::Loso | Plan::Speakers(_) | Plan::Both(_) if speakers < 2 => Err(PlanError::OneSpeaker(plan())),
            Plan::Speakers(k) | Plan::Both(Some((k, _))) if *k > speakers => {
                Err(PlanError::TooFewSpeakers { plan: plan(), speakers })
            }
            Plan::Random(k) if *k > rows => Err(PlanError::TooFewRows { plan: plan(), rows }),
            Plan::Sentences(least) | Plan::Both(Some((_, least))) => self.check_sentences(all, *least),
            Plan::Both(None) => self.check_sentences(all, 2),
            _ => Ok(()),
        }
    }

    fn check_sentences(&self, rows: &Rows<'_>, least: usize) -> Result<(), PlanError> {
        let sentences = rows.sentences()?.iter().collect::<BTreeSet<_>>().len();
        if sentences < least { Err(PlanError::TooFewSentences { plan: self.clone(), sentences }) } else { Ok(()) }
    }

    /// Folds that learn from all that they do not test.
    fn folds(&self, groups: &[usize], fold_of: Vec<usize>) -> Layout {
        let folds = fold_of.iter().max().map_or(0, |last| last + 1);
        let split = |fold| {
            let (test, train): (Vec<usize>, _) = (0..fold_of.len()).partition(|row| fold_of[*row] == fold);
            let name = match (self, test.first()) {
                (Plan::Loso, Some(row)) => format!("speaker {}", groups[*row]),
                _ => format!("fold {}", fold + 1),
            };
            Split { name, train, test }
        };
        Layout { splits: (0..folds).map(split).collect(), notes: Vec::new(), promise: self.promise() }
    }

    /// Blocks of speakers and sentences, without the empty ones.
    fn blocks(&self, rows: &Rows<'_>, blocks: Option<(usize, usize)>, seed: u64) -> Result<Layout, PlanError> {
        let sentences = rows.sentences()?;
        let many = |groups: &[usize]| groups.iter().collect::<BTreeSet<_>>().len().min(USUAL_BLOCKS);
        let (k, l) = blocks.unwrap_or_else(|| (many(rows.groups), many(&sentences)));
        let strata = rows.strata();
        let voices = grouped(&strata, rows.groups, k, seed);
        let texts = grouped(&strata, &sentences, l, seed);
        let mut splits = Vec::new();
        for (voice, text) in (0..k).flat_map(|voice| (0..l).map(move |text| (voice, text))) {
            let all = |wanted: &dyn Fn(usize) -> bool| (0..voices.len()).filter(|row| wanted(*row)).collect::<Vec<_>>();
            let test = all(&|row| voices[row] == voice && texts[row] == text);
            let train = all(&|row| voices[row] != voice && texts[row] != text);
            if !test.is_empty() {
                splits.push(Split { name: format!("speakers {} x sentences {}", voice + 1, text + 1), train, test });
            }
        }
        let rows = voices.len();
        let left_out: usize = splits.iter().map(|split| rows - split.train.len() - split.test.len()).sum();
        let share = 100.0 * left_out as f64 / (rows * splits.len()).max(1) as f64;
        let notes = vec![format!(
            "{k} groups of speakers x {l} of sentences; in each fold {share:.0} % of the clips are left out of training and \
             test, because they share speaker or sentence with the test part"
        )];
        Ok(Layout { splits, notes, promise: self.promise() })
    }
}

impl Rows<'_> {
    /// Class and sex of each row as one number.
    fn strata(&self) -> Vec<usize> {
        let sex = |row: usize| self.traits.sexes.get(row).copied().flatten().map_or(0, |sex| 1 + sex as usize);
        self.labels.iter().enumerate().map(|(row, label)| 3 * label + sex(row)).collect()
    }

    /// Sentence number of each row.
    fn sentences(&self) -> Result<Vec<usize>, PlanError> {
        let clips = self.labels.len();
        let known: Vec<usize> = self.traits.sentences.iter().copied().flatten().collect();
        let lacking = clips - known.len().min(clips);
        if lacking > 0 { Err(PlanError::UnknownSentences { lacking, clips }) } else { Ok(known) }
    }
}

impl Split {
    /// Groups that are tested and not learnt from, ascending.
    pub fn held_out(&self, groups: &[usize]) -> Vec<usize> {
        let of = |rows: &[usize]| rows.iter().map(|row| groups[*row]).collect::<BTreeSet<_>>();
        of(&self.test).difference(&of(&self.train)).copied().collect()
    }

    /// Classes that are tested but not learnt from, ascending: they cannot be recognised in this fold.
    pub fn unlearnt(&self, labels: &[usize]) -> Vec<usize> {
        self.held_out(labels)
    }
}

impl fmt::Display for Plan {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(&match self {
            Plan::Loso => "loso".to_owned(),
            Plan::Speakers(k) => format!("speakers:{k}"),
            Plan::Sentences(k) => format!("sentences:{k}"),
            Plan::Both(None) => "speakers+sentences".to_owned(),
            Plan::Both(Some((k, l))) => format!("speakers+sentences:{k}x{l}"),
            Plan::Random(k) => format!("random:{k}"),
            Plan::Given(column) => format!("given:{column}"),
            Plan::Folds(path) => format!("folds:{}", path.display()),
        })
    }
}

impl FromStr for Plan {
    type Err = PlanError;
    fn from_str(text: &str) -> Result<Self, PlanError> {
        let unknown = || PlanError::Unknown(text.to_owned());
        let number = |text: &str| text.parse::<usize>().map_err(|_| unknown());
        let (kind, rest) = text.split_once(':').map_or((text, None), |(kind, rest)| (kind, Some(rest)));
        let plan = match (kind, rest) {
            ("loso", None) => return Ok(Plan::Loso),
            ("speakers+sentences", None) => return Ok(Plan::Both(None)),
            ("given", Some(column)) if !column.is_empty() => return Ok(Plan::Given(column.to_owned())),
            ("folds", Some(path)) if !path.is_empty() => return Ok(Plan::Folds(PathBuf::from(path))),
            ("speakers", Some(k)) => Plan::Speakers(number(k)?),
            ("sentences", Some(k)) => Plan::Sentences(number(k)?),
            ("random", Some(k)) => Plan::Random(number(k)?),
            ("speakers+sentences", Some(both)) => {
                let (k, l) = both.split_once('x').ok_or_else(unknown)?;
                Plan::Both(Some((number(k)?, number(l)?)))
            }
            _ => return Err(unknown()),
        };
        match plan {
            Plan::Speakers(0 | 1) | Plan::Sentences(0 | 1) | Plan::Random(0 | 1) => Err(PlanError::TooFewFolds(plan)),
            Plan::Both(Some((0 | 1, _) | (_, 0 | 1))) => Err(PlanError::TooFewFolds(plan)),
            plan => Ok(plan),
        }
    }
}

#[cfg(test)]
mod tests;
