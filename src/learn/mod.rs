//! Learning from matrices, class numbers and group numbers: one file per classifier behind one trait.
//!
//! `learn` never sees clips, speakers or files, so it cannot leak a speaker: what it is given is what it may use.
//! Deliberately absent: splitting into test folds (`corpus::plan`), scoring beyond the early-stopping UAR, storage.

mod altered;
mod boosting;
mod calibration;
pub mod cnn;
pub mod committee;
mod cost;
mod definite;
mod distance;
mod diverse;
mod extra_trees;
mod fit;
mod forest;
#[cfg(test)]
mod golden;
mod gram;
mod knn;
mod knob;
mod lda;
mod linear_svm;
mod logistic;
mod majority;
pub mod model_file;
mod naive_bayes;
pub mod norm;
mod pairs;
mod ridge;
mod shares;
mod smo;
pub mod space;
mod svm;
mod tree;
mod trees;
mod worker;

use std::collections::BTreeMap;
use std::sync::Arc;

use ndarray::{Array, Array2, ArrayD, Dimension};

pub use altered::{Alter, Altered};
pub use cost::Cost;
pub use diverse::{diverse, uncertainty};
pub use fit::{Fitted, fit, fit_kept};
pub use knob::{Knob, Tune, check_params, unusual};

use crate::features::{Image, Kind};
use crate::job::{Cancelled, Watch};
use crate::score::Confusion;
use norm::Scalers;

/// What a classifier reads: n clips, all of one kind.
#[derive(Debug, Clone)]
pub enum Inputs {
    /// One image per clip, `[channel, band, frame]`; channels and bands agree, frames may differ.
    Images(Vec<Image>),
    /// n x d.
    Rows(Array2<f64>),
}

/// Training data: everything in it may be used for fitting.
#[derive(Debug, Clone)]
pub struct Data {
    /// n clips.
    pub inputs: Inputs,
    /// n class numbers, each below `classes`.
    pub labels: Vec<usize>,
    /// n group numbers (who speaks); an inner split keeps a group on one side.
    pub groups: Vec<usize>,
    /// Number of classes of the task; some may be absent from `labels`.
    pub classes: usize,
    /// What some classifiers can use besides.
    pub extras: Extras,
}

/// What may come with training data; a classifier that has no use for it leaves it.
#[derive(Debug, Clone, Default)]
pub struct Extras {
    /// Something else that is known of the clips, learnt beside the first.
    pub second: Option<Second>,
    /// The clips with their sound changed; `None` = there is no sound behind them.
    pub altered: Option<Altered>,
    /// What scales each image as it is read; `None` = they are as they shall be.
    pub scalers: Option<Scalers>,
    /// The class of speech without emotion, if the task has one.
    pub neutral: Option<usize>,
    /// n x classes: soft labels, where people disagree; rows sum to 1. `Data::labels` has the likeliest class.
    pub shares: Option<Array2<f32>>,
    /// Fitted nets to start from, by the classifier's name.
    pub starts: BTreeMap<String, Arc<Start>>,
}

/// A net fitted to other clips, to start from.
#[derive(Debug, Clone, PartialEq)]
pub struct Start {
    /// As [`Model::weights`] gave them.
    pub weights: Weights,
    /// Class numbers that its head tells apart, ascending; a net for others gets a head of its own.
    pub classes: Vec<usize>,
}

/// Labels of a second kind.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Second {
    /// n class numbers, each below `classes`; `None` = not known.
    pub labels: Vec<Option<usize>>,
    /// Number of classes.
    pub classes: usize,
}

/// How features are scaled before a classifier sees them.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Default, serde::Serialize, serde::Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Norm {
    /// Not at all.
    None,
    /// Zero mean and unit variance per column, estimated on the training rows.
    #[default]
    Train,
    /// Zero mean and unit variance per column within each group, label-free; needs a group's clips together.
    Speaker,
}

/// A classifier and all that decides its result beside the data.
#[derive(Debug, Clone, PartialEq, Default, serde::Serialize, serde::Deserialize)]
pub struct Recipe {
    /// Name in [`CLASSIFIERS`].
    pub classifier: String,
    /// Name of the feature set (told, not interpreted here).
    pub features: String,
    /// Scaling.
    pub norm: Norm,
    /// Seed of everything random.
    pub seed: u64,
    /// Upper bound of epochs for those that have epochs; `None` = the classifier's default.
    pub epochs: Option<usize>,
    /// Hyper-parameters that differ from the classifier's defaults, by the name of their [`Knob`].
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub params: BTreeMap<String, f64>,
    /// How those that `params` does not give are chosen in each fold; such a recipe is not one to fit yet.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub tune: Option<Tune>,
    /// The net and its training where the classifier is one; `None` = the registry's.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub net: Option<cnn::Settings>,
    /// What is learnt beside the first target (told, not interpreted here).
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub also: Option<String>,
    /// Fitted once with each of these in place of `seed`, and what the fits say is averaged; empty = one fit.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub seeds: Vec<u64>,
    /// Recipes that decide together (see [`committee`]); empty = `classifier` decides alone.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub members: Vec<Recipe>,
}

/// News from a fit that has epochs.
#[derive(Debug, Clone, PartialEq, Default)]
pub struct Epoch {
    /// 1-based.
    pub epoch: usize,
    /// Upper bound.
    pub epochs: usize,
    /// Mean training loss of this epoch (cross-entropy, nats).
    pub train_loss: f64,
    /// Unweighted average recall of the training windows as they were seen in this epoch (altered, with dropout, by
    /// weights that still changed), 0..1.
    pub train_uar: Option<f64>,
    /// Loss on the inner development split, if there is one.
    pub dev_loss: Option<f64>,
    /// Unweighted average recall on the inner development split, 0..1.
    pub dev_uar: Option<f64>,
    /// Learning rate at the end of the epoch.
    pub rate: f64,
    /// The best epoch so far (1-based), whose weights would be kept; `None` where nothing tells epochs apart.
    pub best: Option<usize>,
    /// Whether it may end before `epochs`, for want of a better epoch.
    pub may_stop: bool,
    /// How fast it went.
    pub pace: Pace,
    /// Who was taken for whom on the inner development split.
    pub dev: Option<Confusion>,
}

/// How fast an epoch went.
#[derive(Debug, Clone, Copy, PartialEq, Default)]
pub struct Pace {
    /// Training clips seen per second, judging left out.
    pub clips_per_second: f64,
    /// Time of the whole epoch, judging included.
    pub seconds: f64,
}

/// Named tensors that hold a fitted model; written as safetensors.
#[derive(Debug, Clone, PartialEq, Default)]
pub struct Weights {
    /// Numbers by name.
    pub tensors: BTreeMap<String, ArrayD<f32>>,
    /// Whole numbers by name: weights of quantized layers.
    pub int8: BTreeMap<String, ArrayD<i8>>,
    /// Opaque bytes by name, for models of other crates (their serde form as JSON).
    pub bytes: BTreeMap<String, Vec<u8>>,
}

/// Why fitting, scoring or loading did not work.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum LearnError {
    /// Fewer than two classes in the training data.
    #[error("training needs at least two classes, found {0}")]
    TooFewClasses(usize),
    /// Too few clips.
    #[error("{0}")]
    TooFewRows(String),
    /// NaN or infinity.
    #[error("clip {row}, column {column}: not a finite number")]
    NotFinite {
        /// Row of the inputs.
        row: usize,
        /// Column, or channel * bands + band.
        column: usize,
    },
    /// Images given to a classifier of rows, other columns than in training, labels out of range …
    #[error("{0}")]
    WrongInput(String),
    /// A model file that is not ours, is cut short, or comes from a newer version.
    #[error("{0}")]
    BadModel(String),
    /// The underlying library failed or panicked.
    #[error("{0}")]
    Failed(String),
    /// Asked to stop. Not `transparent`: the cause must stand in the chain for `job::is_cancelled` to find it.
    #[error("stopped")]
    Cancelled(#[from] Cancelled),
}

/// A kind of classifier; one static per file, listed in [`CLASSIFIERS`].
///
/// The caller (`learn::fit`) has already checked the data (finite, ≥ 2 classes), scaled it and dropped constant columns.
pub trait Classifier: Sync {
    /// Short name, as typed after `--models`.
    fn name(&self) -> &'static str;
    /// One line: what it is and by which library.
    fn about(&self) -> &'static str;
    /// What it reads.
    fn kind(&self) -> Kind;
    /// Which weights are kept, in words for the protocol.
    fn checkpoint(&self) -> &'static str {
        "none to choose: fitted once on all training clips"
    }
    /// True where its scores keep the order of the classes and promise nothing: a fit that people are to see then gets a
    /// temperature, by training groups that it did not learn from (see [`committee`]).
    fn overstates(&self) -> bool {
        false
    }
    /// The hyper-parameters that may be set; none by default.
    fn knobs(&self) -> &'static [Knob] {
        &[]
    }
    /// The net and its training as in the registry, where it is a net.
    fn settings(&self) -> Option<Result<cnn::Settings, LearnError>> {
        None
    }
    /// Fits on all of `data`.
    ///
    /// # Errors
    /// [`LearnError`]; `Cancelled` within 100 ms of the watch saying so.
    fn fit(&self, data: &Data, recipe: &Recipe, watch: &dyn Watch<Epoch>) -> Result<Box<dyn Model>, LearnError>;
    /// As [`Classifier::fit`]; what trains in epochs writes a checkpoint after each and goes on from the last one, to
    /// the same bits as without interruption.
    ///
    /// # Errors
    /// As [`Classifier::fit`], and the keeper's.
    fn fit_kept(
        &self,
        data: &Data,
        recipe: &Recipe,
        _keeper: &dyn cnn::Keeper,
        watch: &dyn Watch<Epoch>,
    ) -> Result<Box<dyn Model>, LearnError> {
        self.fit(data, recipe, watch)
    }
    /// Rebuilds a fitted model from what [`Model::weights`] gave.
    ///
    /// # Errors
    /// [`LearnError::BadModel`].
    fn load(&self, weights: &Weights) -> Result<Box<dyn Model>, LearnError>;
}

/// A fitted classifier.
pub trait Model: Send + Sync {
    /// n x classes scores; rows sum to 1.
    ///
    /// # Errors
    /// [`LearnError::WrongInput`] when the inputs do not look like those of training.
    fn scores(&self, inputs: &Inputs) -> Result<Array2<f64>, LearnError>;
    /// What of the only image in `inputs` spoke for a class: bands x frames, 0 (nothing) to 1 (most); `None` where the
    /// model does not read images or cannot tell.
    ///
    /// # Errors
    /// As [`Model::scores`].
    fn saliency(&self, _inputs: &Inputs, _class: usize) -> Result<Option<Array2<f32>>, LearnError> {
        Ok(None)
    }
    /// Everything needed to rebuild it; equal models give equal weights.
    fn weights(&self) -> Weights;
    /// Number of trained parameters, for the card.
    fn parameters(&self) -> usize;
    /// Temperature fitted on held-out training clips, by which the scores are calibrated; `None` = they are not.
    fn temperature(&self) -> Option<f64> {
        None
    }
    /// Multiply-adds of scoring a clip of so many frames; `None` where they are not counted.
    fn macs(&self, _frames: usize) -> Option<u64> {
        None
    }
    /// The same model with its front in whole numbers (see `cnn::quantized`), calibrated on `inputs`, which need no labels.
    ///
    /// # Errors
    /// [`LearnError::WrongInput`] when it has no part that can be quantized, or the inputs are not those of training.
    fn quantized(&self, _inputs: &Inputs) -> Result<Box<dyn Model>, LearnError> {
        Err(LearnError::WrongInput("only nets with convolutions on images can be quantized".to_owned()))
    }
}

/// [`Classifier::checkpoint`] of those that train in epochs (see `cnn::split` for the split).
const BEST_EPOCH: &str = "best UAR on held-out training speakers (held-out training clips where there is one speaker; \
                          last epoch where nothing can be held out); the test fold is never looked at";

/// All classifiers, in the order of pickers and tables.
pub static CLASSIFIERS: &[&dyn Classifier] = &[
    &cnn::CNN,
    &cnn::CNN1D,
    &cnn::CRNN,
    &cnn::MLP,
    &svm::Svm,
    &linear_svm::LinearSvm,
    &logistic::Logistic,
    &lda::Lda,
    &ridge::Ridge,
    &forest::FOREST,
    &extra_trees::EXTRA_TREES,
    &boosting::Boosting,
    &knn::Knn,
    &naive_bayes::NaiveBayes,
    &tree::TREE,
    &majority::Majority,
];

/// The classifier of that name.
pub fn classifier(name: &str) -> Option<&'static dyn Classifier> {
    CLASSIFIERS.iter().copied().find(|kind| kind.name() == name)
}

impl Recipe {
    /// For tables: the classifier's name, whether it was tuned, and how many fits were averaged: `svm tuned`, `cnn x5`.
    pub fn title(&self) -> String {
        let tuned = if self.tune.is_some() { " tuned" } else { "" };
        match self.seeds.len() {
            0 => format!("{}{tuned}", self.classifier),
            fits => format!("{}{tuned} x{fits}", self.classifier),
        }
    }

    /// The same for one fit with `seed`.
    #[must_use]
    pub fn with_seed(&self, seed: u64) -> Recipe {
        let members = self.members.iter().map(|member| member.with_seed(seed)).collect();
        Recipe { seed, seeds: Vec::new(), members, ..self.clone() }
    }

    /// The recipes that fit one classifier each, first to last; of several seeds the first one's.
    pub fn leaves(&self) -> Vec<&Recipe> {
        if self.members.is_empty() { vec![self] } else { self.members.iter().flat_map(Recipe::leaves).collect() }
    }
}

impl std::fmt::Display for Norm {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.pad(match self {
            Norm::None => "none",
            Norm::Train => "train",
            Norm::Speaker => "speaker",
        })
    }
}

impl std::str::FromStr for Norm {
    type Err = String;

    fn from_str(name: &str) -> Result<Norm, String> {
        let known = [Norm::None, Norm::Train, Norm::Speaker];
        known
            .into_iter()
            .find(|norm| norm.to_string() == name)
            .ok_or_else(|| format!("no scaling `{name}`; there are none, train and speaker"))
    }
}

impl Epoch {
    /// The same with the classes of the task: those of the fit are `present`, ascending, of `classes`.
    fn of_task(self, present: &[usize], classes: usize) -> Epoch {
        let dev = self.dev.map(|dev| dev.spread(present, classes));
        Epoch { dev, ..self }
    }
}

impl Inputs {
    /// Number of clips.
    pub fn len(&self) -> usize {
        match self {
            Inputs::Images(images) => images.len(),
            Inputs::Rows(rows) => rows.nrows(),
        }
    }

    /// True without clips.
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// Images or rows.
    pub fn kind(&self) -> Kind {
        match self {
            Inputs::Images(_) => Kind::Image,
            Inputs::Rows(_) => Kind::Row,
        }
    }

    /// The matrix, n x d.
    ///
    /// # Errors
    /// [`LearnError::WrongInput`] for images.
    pub fn rows(&self) -> Result<&Array2<f64>, LearnError> {
        match self {
            Inputs::Rows(rows) => Ok(rows),
            Inputs::Images(_) => Err(LearnError::WrongInput("rows of numbers are needed, not images".into())),
        }
    }

    /// The clips at `rows`, in that order; images are shared, not copied. Panics when a row is out of range.
    #[must_use]
    pub fn select(&self, rows: &[usize]) -> Inputs {
        match self {
            Inputs::Images(images) => Inputs::Images(rows.iter().map(|&row| images[row].clone()).collect()),
            Inputs::Rows(all) => Inputs::Rows(all.select(ndarray::Axis(0), rows)),
        }
    }
}

impl Data {
    /// The clips at `rows`, in that order.
    #[must_use]
    pub fn select(&self, rows: &[usize]) -> Data {
        Data {
            inputs: self.inputs.select(rows),
            labels: rows.iter().map(|&row| self.labels[row]).collect(),
            groups: rows.iter().map(|&row| self.groups[row]).collect(),
            classes: self.classes,
            extras: self.extras.select(rows),
        }
    }

    /// The image of a row of `images`, which are those of the data, as it is to be read.
    #[must_use]
    pub fn image(&self, images: &[Image], row: usize) -> Image {
        let scalers = self.extras.scalers.as_ref();
        scalers.map_or_else(|| images[row].clone(), |scalers| scalers.image(row, &images[row]))
    }

    /// The label of a clip for each head.
    pub fn labels_of(&self, row: usize) -> impl Iterator<Item = Option<usize>> {
        let second = self.extras.second.as_ref().map(|second| second.labels[row]);
        std::iter::once(Some(self.labels[row])).chain(second)
    }
}

impl Extras {
    /// Those of the clips at `rows`, in that order.
    #[must_use]
    pub fn select(&self, rows: &[usize]) -> Extras {
        let second = self.second.as_ref().map(|second| Second {
            labels: rows.iter().map(|&row| second.labels[row]).collect(),
            classes: second.classes,
        });
        let altered = self.altered.as_ref().map(|altered| altered.select(rows));
        let shares = self.shares.as_ref().map(|shares| shares.select(ndarray::Axis(0), rows));
        let scalers = self.scalers.as_ref().map(|scalers| scalers.select(rows));
        Extras { second, altered, scalers, neutral: self.neutral, shares, starts: self.starts.clone() }
    }
}

impl Weights {
    /// Keeps a tensor under `name`.
    pub fn put<D: Dimension>(&mut self, name: &str, tensor: &Array<f32, D>) {
        self.tensors.insert(name.to_owned(), tensor.clone().into_dyn());
    }

    /// The tensor called `name`, with `D` axes.
    ///
    /// # Errors
    /// [`LearnError::BadModel`] when it is missing, has other axes, or holds NaN or infinity.
    pub fn get<D: Dimension>(&self, name: &str) -> Result<Array<f32, D>, LearnError> {
        let tensor = self.tensors.get(name).ok_or_else(|| LearnError::BadModel(format!("no tensor {name:?}")))?;
        if tensor.iter().any(|value| !value.is_finite()) {
            return Err(LearnError::BadModel(format!("tensor {name:?} holds a number that is not finite")));
        }
        let axes = tensor.ndim();
        tensor
            .clone()
            .into_dimensionality()
            .map_err(|_| LearnError::BadModel(format!("tensor {name:?} has {axes} axes, not the number expected")))
    }

    /// Keeps the JSON of `value` under `name`.
    ///
    /// # Errors
    /// [`LearnError::Failed`] when `value` has no JSON.
    pub fn put_json(&mut self, name: &str, value: &impl serde::Serialize) -> Result<(), LearnError> {
        // By way of `Value`, whose maps are sorted: equal models give equal bytes.
        let json = serde_json::to_value(value).and_then(|value| serde_json::to_vec(&value));
        self.bytes.insert(name.to_owned(), json.map_err(|why| LearnError::Failed(format!("{name}: {why}")))?);
        Ok(())
    }

    /// Reads the JSON kept under `name`.
    ///
    /// # Errors
    /// [`LearnError::BadModel`] when it is missing or something else.
    pub fn get_json<T: serde::de::DeserializeOwned>(&self, name: &str) -> Result<T, LearnError> {
        let bytes = self.bytes.get(name).ok_or_else(|| LearnError::BadModel(format!("no entry {name:?}")))?;
        serde_json::from_slice(bytes).map_err(|why| LearnError::BadModel(format!("entry {name:?}: {why}")))
    }

    /// Takes in all of `inner`, with `room/` before the names.
    pub fn nest(&mut self, room: &str, inner: Weights) {
        self.tensors.extend(inner.tensors.into_iter().map(|(name, tensor)| (format!("{room}/{name}"), tensor)));
        self.int8.extend(inner.int8.into_iter().map(|(name, tensor)| (format!("{room}/{name}"), tensor)));
        self.bytes.extend(inner.bytes.into_iter().map(|(name, bytes)| (format!("{room}/{name}"), bytes)));
    }

    /// What [`Weights::nest`] put under `room`, with its own names again.
    #[must_use]
    pub fn room(&self, room: &str) -> Weights {
        let own = |name: &String| name.strip_prefix(room).and_then(|rest| rest.strip_prefix('/')).map(str::to_owned);
        Weights {
            tensors: self.tensors.iter().filter_map(|(name, tensor)| Some((own(name)?, tensor.clone()))).collect(),
            int8: self.int8.iter().filter_map(|(name, tensor)| Some((own(name)?, tensor.clone()))).collect(),
            bytes: self.bytes.iter().filter_map(|(name, bytes)| Some((own(name)?, bytes.clone()))).collect(),
        }
    }
}
