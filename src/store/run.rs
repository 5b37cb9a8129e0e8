//! A run: one recipe judged on one corpus by one plan, with all that a reader needs to believe its numbers.
//!
//! Deliberately absent: scores (computed from the predictions by `score`, so they cannot disagree) and the fitted models.

use std::collections::{BTreeMap, HashMap};

use serde::{Deserialize, Serialize};

use crate::corpus::{ClipId, Leak, Sex, Target, Truth};
use crate::features::Preparation;
use crate::label::Timestamp;
use crate::learn::space::Point;
use crate::learn::{Cost, Norm, Recipe};

/// Number of a run in its store.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(transparent)]
pub struct RunId(pub i64);

impl std::fmt::Display for RunId {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        self.0.fmt(f)
    }
}

impl std::str::FromStr for RunId {
    type Err = std::num::ParseIntError;

    fn from_str(text: &str) -> Result<RunId, Self::Err> {
        text.parse().map(RunId)
    }
}

/// One recipe, judged.
#[derive(Debug, Clone, PartialEq)]
pub struct Run {
    /// Its number, once stored.
    pub id: Option<RunId>,
    /// When it began.
    pub started_at: Timestamp,
    /// On what and how.
    pub protocol: Protocol,
    /// Classifier, features, scaling, seed.
    pub recipe: Recipe,
    /// Time from the first fit to the last score, in seconds; folds may run side by side.
    pub fit_seconds: f64,
    /// What scoring with the last fold's model costs; `None` in runs from before it was measured.
    pub cost: Option<Cost>,
    /// One per clip and fold it was tested in; empty in listings.
    pub predictions: Vec<Prediction>,
}

/// What stands beside every number: data, plan, training, maker.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Protocol {
    /// Which clips.
    pub data: DataFacts,
    /// How they were split.
    pub plan: PlanFacts,
    /// What all recipes of the comparison share.
    pub training: Training,
    /// How each fold's recipe was chosen, where it was searched for.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub search: Option<Searched>,
    /// By which program, where.
    pub maker: Maker,
    /// Where its material was; empty in runs from before it was noted.
    #[serde(default)]
    pub source: Source,
}

/// What people reach where a run is judged.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Listened {
    /// Who they are and how it was counted, in words.
    pub how: String,
    /// Number of clips that they heard.
    pub clips: usize,
    /// Expected unweighted average recall of one of them, 0..1.
    pub uar: f64,
    /// Its 95 % interval, by the bootstrap of the runs.
    pub uar_ci: Option<[f64; 2]>,
    /// Expected share of right answers, 0..1.
    pub wa: f64,
}

/// Which clips a run is about.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct DataFacts {
    /// Name of the corpus' description.
    pub corpus: String,
    /// What the store files the corpus under.
    pub corpus_key: String,
    /// What is recognised.
    pub target: Target,
    /// Class names; their places are the class numbers of the predictions.
    pub classes: Vec<String>,
    /// Number of clips used.
    pub clips: usize,
    /// Number of speakers among them.
    pub speakers: usize,
    /// Hash over the clips' audio hashes, labels and speakers: equal for equal data.
    pub data_hash: String,
    /// True for machine-made speech, whose scores mean nothing.
    pub synthetic: bool,
    /// What people reach on these clips, where the corpus has a table of it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub listeners: Option<Listened>,
    /// Sex of each speaker, where the corpus tells; a run knows it so that its tables need no corpus.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub sexes: BTreeMap<String, Sex>,
    /// Other corpora that nets were trained on before, a sentence each.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub pretrained: Vec<String>,
    /// How people's labels were made into those that were learnt and judged by; `None` = the corpus' own.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub truth: Option<Truth>,
}

/// How clips were split.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
pub struct PlanFacts {
    /// As typed: `loso`, `speakers:5`, `folds:mine.json`.
    pub plan: String,
    /// Number of folds.
    pub folds: usize,
    /// True when a speaker may be on both sides of a split.
    pub speakers_leak: bool,
    /// What a reader must know of data and folds, a sentence each.
    #[serde(default)]
    pub notes: Vec<String>,
    /// What training and test parts share: kept apart by no promise of the plan, or allowed by the user.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub leaks: Vec<Leak>,
    /// Which of several repeats with seeds that follow one another, where there are several.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub repeat: Option<Repeat>,
    /// How much of each training part was learnt from, where it was not all: a point of a learning curve.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub spent: Option<Spent>,
    /// Where the run stands in a matrix of several corpora; the run is filed under the corpus tested.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub cross: Option<CrossFacts>,
}

/// A cell of a matrix of corpora.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct CrossFacts {
    /// Names of the corpora learnt from; the tested one alone on the diagonal, where speakers are kept apart.
    pub trained_on: Vec<String>,
    /// Name of the corpus tested.
    pub tested_on: String,
}

/// One of several runs of the same recipe under the same plan, each with the next seed.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct Repeat {
    /// Which, from 1.
    pub number: usize,
    /// How many.
    pub of: usize,
}

/// A part of the training parts of all folds; the test parts stay whole.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct Spent {
    /// What was counted.
    pub by: Coin,
    /// Speakers learnt from in each fold; the mean, rounded.
    pub speakers: usize,
    /// Clips learnt from in each fold; the mean, rounded.
    pub clips: usize,
    /// Number of the draw, from 0; the same number draws alike for every classifier.
    pub draw: usize,
    /// What each fold was thinned to: so many speakers, or clips halved so many times; `None` = everything.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub step: Option<u32>,
}

/// What a learning curve spends.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Coin {
    /// Whole speakers.
    Speakers,
    /// Clips, as many of each class as its share.
    Clips,
}

impl Coin {
    /// Every coin.
    pub const ALL: [Coin; 2] = [Coin::Speakers, Coin::Clips];
}

impl std::fmt::Display for Coin {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.pad(match self {
            Coin::Speakers => "speakers",
            Coin::Clips => "clips",
        })
    }
}

impl std::str::FromStr for Coin {
    type Err = String;

    /// # Errors
    /// Another word.
    fn from_str(text: &str) -> Result<Coin, String> {
        let found = Coin::ALL.into_iter().find(|coin| coin.to_string() == text);
        found.ok_or_else(|| format!("a learning curve goes by speakers or clips, not by `{text}`"))
    }
}

impl std::fmt::Display for Spent {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "{} {}, draw {}", self.amount(), self.by, self.draw + 1)
    }
}

impl Spent {
    /// How much of what it goes by.
    pub fn amount(&self) -> usize {
        match self.by {
            Coin::Speakers => self.speakers,
            Coin::Clips => self.clips,
        }
    }
}

/// How models were trained.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Training {
    /// Scaling of features.
    pub norm: Norm,
    /// Seed of everything random.
    pub seed: u64,
    /// Upper bound of epochs, where the user set one.
    pub epochs: Option<usize>,
    /// Which weights are kept, in words.
    pub checkpoint: String,
    /// What happened to a clip before its features were computed: `rate`, and what else was asked for.
    #[serde(flatten)]
    pub preparation: Preparation,
    /// Version of the feature set.
    #[serde(default)]
    pub features_version: u32,
    /// Versions of the feature sets by name, where there are several.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub sets: BTreeMap<String, u32>,
}

/// A search inside the training speakers of each fold, and what won.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Searched {
    /// What varied: each key with its range in words.
    pub space: Vec<(String, String)>,
    /// Trials a fold, where a number was asked for.
    pub trials: Option<usize>,
    /// Fit time of everything, where a time was asked for.
    pub seconds: Option<f64>,
    /// Inner folds of training speakers, at most.
    pub inner_folds: usize,
    /// One per fold of the plan, in its order.
    pub winners: Vec<Winner>,
}

/// The recipe that was fitted and judged in one fold.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Winner {
    /// Name of the fold.
    pub fold: String,
    /// Number of the candidate; unchanged recipes come first.
    pub trial: usize,
    /// What it changes in the recipe that the search started from.
    pub changes: Point,
    /// All of it.
    pub recipe: Recipe,
    /// What it was chosen by, 0..1: a selection score, not an estimate.
    pub inner_uar: Option<f64>,
}

/// What made a run.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Maker {
    /// Version of emolab.
    pub emolab: String,
    /// Commit that a release was built from, whatever was changed and not committed; empty for other builds, and in runs from
    /// before it was noted.
    #[serde(default)]
    pub commit: String,
    /// Name of the machine.
    pub host: String,
    /// Its processor; empty in runs from before it was noted.
    #[serde(default)]
    pub cpu: String,
}

/// Where the material of a run was when it was made: what it takes to make it again, beside protocol and recipe.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
pub struct Source {
    /// The corpus' folder or table.
    #[serde(default)]
    pub path: String,
    /// The description that was asked for (see [`crate::corpus::Origin`]).
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub description: Option<String>,
    /// Other corpora that nets were trained on before.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub pretrain: Vec<String>,
    /// The corpora of the matrix that the run is a cell of, in its order.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub crossed: Vec<Source>,
}

/// What a run says about one clip.
#[derive(Debug, Clone, PartialEq)]
pub struct Prediction {
    /// The clip.
    pub clip: ClipId,
    /// Who speaks; empty when the corpus does not say.
    pub speaker: String,
    /// The fold in whose test part it was.
    pub fold: usize,
    /// True class number.
    pub truth: usize,
    /// Predicted class number.
    pub pred: usize,
    /// Score per class.
    pub p: Vec<f32>,
    /// Class number that the fit of each seed predicts by itself; empty where there is but one fit.
    pub seeds: Vec<usize>,
    /// The first [`AUDIO_DIGITS`] digits of the audio's hash; empty in runs from before it was noted.
    pub audio: String,
}

/// Digits of a hash that tell one recording from another.
pub const AUDIO_DIGITS: usize = 16;
impl Prediction {
    /// What clips that are no independent witnesses share: the speaker; a clip whose speaker is unknown stands for itself.
    pub fn voice(&self) -> (&str, &str) {
        match self.speaker.as_str() {
            "" => ("", self.clip.0.as_str()),
            known => (known, ""),
        }
    }
}

impl Run {
    /// Class names.
    pub fn classes(&self) -> &[String] {
        &self.protocol.data.classes
    }

    /// True class number of each prediction.
    pub fn truth(&self) -> Vec<usize> {
        self.predictions.iter().map(|prediction| prediction.truth).collect()
    }

    /// Predicted class number of each prediction.
    pub fn pred(&self) -> Vec<usize> {
        self.predictions.iter().map(|prediction| prediction.pred).collect()
    }

    /// Class number that the fit of each seed predicts, of each prediction; seeds in the order of the recipe.
    pub fn pred_of_seeds(&self) -> Vec<Vec<usize>> {
        let of = |seed: usize| self.predictions.iter().map(|prediction| prediction.seeds[seed]).collect();
        (0..self.recipe.seeds.len()).map(of).collect()
    }

    /// Speaker of each prediction as a number, in order of appearance from 0; a clip whose speaker is unknown is a group of
    /// its own.
    pub fn groups(&self) -> Vec<usize> {
        let mut numbers: HashMap<(&str, &str), usize> = HashMap::new();
        let mut number = |voice| {
            let next = numbers.len();
            *numbers.entry(voice).or_insert(next)
        };
        self.predictions.iter().map(|one| number(one.voice())).collect()
    }

    /// What keeps the run from being stored: numbers that are not finite, classes that do not exist.
    pub(super) fn fault(&self) -> Option<String> {
        let classes = self.classes().len();
        if !self.fit_seconds.is_finite() {
            return Some("the time of fitting is not a number".to_owned());
        }
        if self.cost.is_some_and(|cost| !cost.is_finite()) {
            return Some("the cost of scoring is not a number".to_owned());
        }
        let odd = |prediction: &&Prediction| {
            let Prediction { truth, pred, p, seeds, .. } = prediction;
            let beyond = [truth, pred].into_iter().chain(seeds).any(|class| *class >= classes);
            let fits = seeds.len() == self.recipe.seeds.len();
            beyond || !fits || p.len() != classes || p.iter().any(|score| !score.is_finite())
        };
        let odd = self.predictions.iter().find(odd)?;
        Some(format!("the prediction for {} does not fit {classes} classes or is not finite", odd.clip.0))
    }
}

#[cfg(test)]
pub(crate) mod tests {
    use super::*;

    /// A small run on the corpus filed under `key`.
    pub(crate) fn run(key: &str) -> Run {
        let prediction = |clip: &str, speaker: &str, fold, truth| Prediction {
            clip: ClipId(clip.into()),
            speaker: speaker.to_owned(),
            fold,
            truth,
            pred: 1,
            p: vec![0.25, 0.75],
            seeds: Vec::new(),
            audio: "00ff".to_owned(),
        };
        Run {
            id: None,
            started_at: Timestamp::now(),
            protocol: Protocol {
                data: DataFacts {
                    corpus: "demo".to_owned(),
                    corpus_key: key.to_owned(),
                    target: Target::Emotion,
                    classes: vec!["anger".to_owned(), "fear".to_owned()],
                    clips: 3,
                    speakers: 2,
                    data_hash: "00".to_owned(),
                    synthetic: true,
                    listeners: None,
                    sexes: BTreeMap::new(),
                    pretrained: Vec::new(),
                    truth: None,
                },
                plan: PlanFacts { plan: "loso".to_owned(), folds: 2, ..PlanFacts::default() },
                training: Training {
                    norm: Norm::Train,
                    seed: 1,
                    epochs: None,
                    checkpoint: "last".to_owned(),
                    preparation: Preparation::plain(22_050),
                    features_version: 1,
                    sets: BTreeMap::new(),
                },
                search: None,
                maker: Maker {
                    emolab: "0.1.0".to_owned(),
                    commit: String::new(),
                    host: "here".to_owned(),
                    cpu: String::new(),
                },
                source: Source { path: key.to_owned(), ..Source::default() },
            },
            recipe: Recipe {
                classifier: "majority".to_owned(),
                features: "functionals".to_owned(),
                norm: Norm::Train,
                seed: 1,
                ..Recipe::default()
            },
            fit_seconds: 0.125,
            cost: Some(Cost { parameters: 2, bytes: 300, clip_ms: Some(0.5), ..Cost::default() }),
            predictions: vec![
                prediction("a.wav", "s2", 0, 0),
                prediction("b.wav", "s1", 1, 1),
                prediction("c.wav", "s2", 0, 1),
            ],
        }
    }

    #[test]
    fn predictions_come_as_columns() {
        let run = run("/c");
        assert_eq!((run.truth(), run.pred(), run.groups()), (vec![0, 1, 1], vec![1, 1, 1], vec![0, 1, 0]));
    }

    #[test]
    fn a_record_from_before_there_were_preparations_is_read() {
        let old = r#"{"norm":"train","seed":1,"epochs":null,"checkpoint":"last","rate":16000,"features_version":1}"#;
        let training: Training = serde_json::from_str(old).unwrap();
        assert_eq!(training.preparation, Preparation::plain(16_000));
        assert_eq!(serde_json::to_string(&training).unwrap(), old);
        let older: Training = serde_json::from_str(&old.replace(r#""rate":16000,"#, "")).unwrap();
        assert_eq!(older.preparation.to_string(), "rate not recorded");
    }

    #[test]
    fn a_record_from_before_its_source_was_noted_is_read() {
        let whole = run("/c").protocol;
        let mut old = serde_json::to_value(&whole).unwrap();
        assert_eq!(serde_json::from_value::<Protocol>(old.clone()).unwrap(), whole);
        old.as_object_mut().unwrap().remove("source");
        old["maker"].as_object_mut().unwrap().retain(|name, _| name != "cpu" && name != "commit");
        let read: Protocol = serde_json::from_value(old).unwrap();
        assert_eq!(read, Protocol { source: Source::default(), ..whole });
    }

    #[test]
    fn a_run_that_contradicts_itself_has_a_fault() {
        let spoil = |change: fn(&mut Run)| {
            let mut run = run("/c");
            change(&mut run);
            run.fault()
        };
        assert_eq!(spoil(|_| ()), None);
        assert!(spoil(|run| run.predictions[1].p[0] = f32::NAN).is_some_and(|fault| fault.contains("b.wav")));
        assert!(spoil(|run| run.predictions[2].truth = 2).is_some());
        assert!(spoil(|run| run.predictions[2].seeds = vec![0]).is_some(), "a fit that the recipe does not have");
        assert!(spoil(|run| run.predictions[0].p.truncate(1)).is_some());
        assert!(spoil(|run| run.fit_seconds = f64::INFINITY).is_some());
        assert!(spoil(|run| run.cost = Some(Cost { clip_ms: Some(f64::NAN), ..Cost::default() })).is_some());
    }
}
