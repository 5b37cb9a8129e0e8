//! The one way to fit and to score: checks, scaling, classes that do not occur, and guards around foreign code.
//!
//! A classifier sees only finite, scaled data whose classes all occur; what it was spared is put back here.
//! Deliberately absent: splitting, scoring, and writing files (`model_file.rs`).

use std::sync::Arc;

use ndarray::{Array2, Axis};
use rayon::prelude::*;

use super::cnn::{Keeper, Unkept};
use super::norm::Prep;
use super::worker::{guarded, on_own_thread};
use super::{
    CLASSIFIERS, Classifier, Data, Epoch, Extras, Inputs, LearnError, Model, Recipe, Second, Start, Weights,
    check_params, classifier,
};
use crate::features::Kind;
use crate::job::{Mapped, Watch};

/// A fitted recipe: prepares clips as in training and scores them.
pub struct Fitted {
    recipe: Recipe,
    classes: usize,
    /// Classes that occurred in training, ascending; the model numbers them 0, 1, ….
    present: Vec<usize>,
    prep: Prep,
    model: Box<dyn Model>,
}

/// Fits `recipe` on all of `data`, reporting epochs to `watch`.
///
/// Runs on a thread of its own and returns `Cancelled` within 50 ms of the watch saying so. The libraries behind the
/// baselines cannot be stopped halfway: their thread then runs on unheard until it is done.
///
/// # Errors
/// [`LearnError`]: no such classifier or hyper-parameter, inputs of the wrong kind or of unequal lengths, fewer than two rows or classes,
/// NaN or infinity, no column that varies, a failure or panic of the classifier, cancelled.
pub fn fit(recipe: &Recipe, data: &Data, watch: &dyn Watch<Epoch>) -> Result<Fitted, LearnError> {
    fit_kept(recipe, data, Arc::new(Unkept), watch)
}

/// As [`fit`], with checkpoints (see [`Classifier::fit_kept`]).
///
/// # Errors
/// As [`fit`], and the keeper's.
pub fn fit_kept(
    recipe: &Recipe,
    data: &Data,
    keeper: Arc<dyn Keeper>,
    watch: &dyn Watch<Epoch>,
) -> Result<Fitted, LearnError> {
    let kind = known(&recipe.classifier).map_err(LearnError::WrongInput)?;
    check_params(kind, &recipe.params)?;
    if recipe.tune.is_some() {
        return Err(LearnError::WrongInput(format!("{}: its hyper-parameters are not chosen yet", kind.name())));
    }
    check(kind, data)?;
    let (recipe, data) = (recipe.clone(), data.clone());
    on_own_thread(kind.name(), watch, move |watch| {
        finite(&data.inputs)?;
        let (prep, inputs, scalers) = Prep::fit(recipe.norm, &data.inputs, &data.groups)?;
        watch.check()?;
        let (present, labels) = renumbered(&data.labels);
        let extras = Extras {
            second: data.extras.second.and_then(learnable),
            altered: data.extras.altered.map(|clips| prep.altered(clips, scalers.clone())),
            scalers,
            starts: data.extras.starts.into_iter().map(|(name, start)| (name, of_classes(start, &present))).collect(),
            neutral: data.extras.neutral.and_then(|class| present.iter().position(|&known| known == class)),
            shares: data.extras.shares.map(|shares| of_present(&shares, &present)),
        };
        let told = Mapped::new(watch, |epoch: Epoch| Some(epoch.of_task(&present, data.classes)));
        let ready = Data { inputs, labels, groups: data.groups, classes: present.len(), extras };
        let model = kind.fit_kept(&ready, &recipe, keeper.as_ref(), &told)?;
        Ok(Fitted { recipe, classes: data.classes, present, prep, model })
    })
}

/// Soft labels over the classes that occur: what is said of the others falls away, and rows sum to 1 again.
fn of_present(shares: &Array2<f32>, present: &[usize]) -> Array2<f32> {
    let mut left = shares.select(ndarray::Axis(1), present);
    for mut row in left.rows_mut() {
        let sum = row.sum();
        row.mapv_inplace(|share| if sum > 0.0 { share / sum } else { 0.0 });
    }
    left
}

impl Fitted {
    /// n x classes: the score of each class for each clip; rows sum to 1, a class absent from training gets 0.
    ///
    /// `groups` holds one number per clip; under `Norm::Speaker` the clips of a group are scaled together, so give
    /// all clips of a speaker at once.
    ///
    /// # Errors
    /// `WrongInput` when the inputs do not look like those of training, `NotFinite`, or `Failed`.
    pub fn scores(&self, inputs: &Inputs, groups: &[usize]) -> Result<Array2<f64>, LearnError> {
        same_length("groups", groups.len(), inputs.len())?;
        if inputs.is_empty() {
            return Ok(Array2::zeros((0, self.classes)));
        }
        finite(inputs)?;
        let ready = self.prep.apply(inputs, groups)?;
        let found = guarded(&self.recipe.classifier, || self.model.scores(&ready))??;
        self.spread(&found, inputs.len())
    }

    /// What of the clip at `row` spoke for a class (see [`Model::saliency`]); `None` also for a class that did not occur in
    /// training. The other clips are there to be scaled with, as in [`Fitted::scores`].
    ///
    /// # Errors
    /// As [`Fitted::scores`].
    pub fn saliency(
        &self,
        inputs: &Inputs,
        groups: &[usize],
        (row, class): (usize, usize),
    ) -> Result<Option<Array2<f32>>, LearnError> {
        same_length("groups", groups.len(), inputs.len())?;
        let Some(class) = self.present.iter().position(|&present| present == class) else { return Ok(None) };
        finite(inputs)?;
        let ready = self.prep.apply(inputs, groups)?.select(&[row]);
        guarded(&self.recipe.classifier, || self.model.saliency(&ready, class))?
    }

    /// The recipe.
    #[must_use]
    pub fn recipe(&self) -> &Recipe {
        &self.recipe
    }

    /// Number of classes of the task, absent ones included.
    #[must_use]
    pub fn classes(&self) -> usize {
        self.classes
    }

    /// Classes that occurred in training, ascending.
    #[must_use]
    pub fn present(&self) -> &[usize] {
        &self.present
    }

    /// Number of trained parameters, for the card.
    #[must_use]
    pub fn parameters(&self) -> usize {
        self.model.parameters()
    }

    /// Multiply-adds of scoring a clip of so many frames; `None` where they are not counted.
    #[must_use]
    pub fn macs(&self, frames: usize) -> Option<u64> {
        self.model.macs(frames)
    }

    /// The same with the front of its net in whole numbers, calibrated on `inputs` (n clips, of these groups), which need
    /// no labels and should look like those of training.
    ///
    /// # Errors
    /// `WrongInput` when the classifier has no part that can be quantized or the inputs do not look like those of
    /// training, `NotFinite`, `TooFewRows` without a clip.
    pub fn quantized(&self, inputs: &Inputs, groups: &[usize]) -> Result<Fitted, LearnError> {
        same_length("groups", groups.len(), inputs.len())?;
        if inputs.is_empty() {
            return Err(LearnError::TooFewRows("quantizing needs clips to calibrate on".to_owned()));
        }
        finite(inputs)?;
        let model = self.model.quantized(&self.prep.apply(inputs, groups)?)?;
        let (recipe, present, prep) = (self.recipe.clone(), self.present.clone(), self.prep.clone());
        Ok(Fitted { recipe, classes: self.classes, present, prep, model })
    }

    /// Temperature of the scores (see [`Model::temperature`]).
    #[must_use]
    pub fn temperature(&self) -> Option<f64> {
        self.model.temperature()
    }

    /// Everything that [`Fitted::load`] needs beside the recipe and the number of classes.
    ///
    /// # Errors
    /// `Failed` when something in it cannot be written down.
    pub fn weights(&self) -> Result<Weights, LearnError> {
        let mut weights = Weights::default();
        weights.put_json("present", &self.present)?;
        weights.nest("prep", self.prep.weights()?);
        weights.nest("model", self.model.weights());
        Ok(weights)
    }

    /// Rebuilds what [`Fitted::weights`] described; it scores exactly as before.
    ///
    /// # Errors
    /// [`LearnError::BadModel`].
    pub fn load(recipe: Recipe, classes: usize, weights: &Weights) -> Result<Fitted, LearnError> {
        let kind = known(&recipe.classifier).map_err(LearnError::BadModel)?;
        let present: Vec<usize> = weights.get_json("present")?;
        if present.len() < 2 || !present.is_sorted_by(|a, b| a < b) || present.iter().any(|&class| class >= classes) {
            return Err(LearnError::BadModel(format!("trained on classes {present:?} of {classes}")));
        }
        let prep = Prep::load(&weights.room("prep"))?;
        // A damaged file may hold numbers that a library takes on trust.
        let model = guarded(kind.name(), || kind.load(&weights.room("model")));
        let model = model.map_err(|why| LearnError::BadModel(why.to_string()))??;
        Ok(Fitted { recipe, classes, present, prep, model })
    }

    fn spread(&self, found: &Array2<f64>, clips: usize) -> Result<Array2<f64>, LearnError> {
        let name = &self.recipe.classifier;
        if found.dim() != (clips, self.present.len()) {
            return Err(LearnError::Failed(format!("{name}: {:?} scores for {clips} clips", found.dim())));
        }
        let mut all = Array2::zeros((clips, self.classes));
        for (row, scores) in found.rows().into_iter().enumerate() {
            let sum = scores.sum();
            if scores.iter().any(|score| !score.is_finite() || *score < 0.0) || (sum - 1.0).abs() > 1e-3 {
                return Err(LearnError::Failed(format!("{name}: no usable scores for clip {row}")));
            }
            self.present.iter().zip(scores).for_each(|(&class, score)| all[(row, class)] = score / sum);
        }
        Ok(all)
    }
}

impl std::fmt::Debug for Fitted {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Fitted").field("recipe", &self.recipe).field("present", &self.present).finish_non_exhaustive()
    }
}

fn known(name: &str) -> Result<&'static dyn Classifier, String> {
    classifier(name).ok_or_else(|| {
        let names: Vec<&str> = CLASSIFIERS.iter().map(|kind| kind.name()).collect();
        format!("no classifier is called {name:?}; there are {}", names.join(", "))
    })
}

fn check(kind: &dyn Classifier, data: &Data) -> Result<(), LearnError> {
    if kind.kind() != data.inputs.kind() {
        let wanted = if kind.kind() == Kind::Image { "images" } else { "rows of numbers" };
        return Err(LearnError::WrongInput(format!("{} learns from {wanted}", kind.name())));
    }
    let clips = data.inputs.len();
    same_length("labels", data.labels.len(), clips)?;
    same_length("groups", data.groups.len(), clips)?;
    if let Some(altered) = &data.extras.altered {
        same_length("clips to change", altered.len(), clips)?;
    }
    if let Some(row) = data.labels.iter().position(|&label| label >= data.classes) {
        let text = format!("clip {row}: class {} of {}", data.labels[row], data.classes);
        return Err(LearnError::WrongInput(text));
    }
    if let Some(second) = &data.extras.second {
        same_length("second labels", second.labels.len(), clips)?;
        if let Some(label) = second.labels.iter().flatten().find(|&&label| label >= second.classes) {
            return Err(LearnError::WrongInput(format!("second label {label} of {}", second.classes)));
        }
    }
    if clips < 2 {
        return Err(LearnError::TooFewRows(format!("training needs at least two clips, found {clips}")));
    }
    match renumbered(&data.labels).0.len() {
        found @ (0 | 1) => Err(LearnError::TooFewClasses(found)),
        _ => Ok(()),
    }
}

fn same_length(what: &str, found: usize, clips: usize) -> Result<(), LearnError> {
    if found == clips {
        return Ok(());
    }
    Err(LearnError::WrongInput(format!("{found} {what} for {clips} clips")))
}

/// The first number, in reading order, that is NaN or infinite is an error.
fn finite(inputs: &Inputs) -> Result<(), LearnError> {
    let found = match inputs {
        // Far quicker than to know where.
        Inputs::Rows(rows) if rows.iter().all(|value| value.is_finite()) => None,
        Inputs::Rows(rows) => rows.indexed_iter().find(|(_, value)| !value.is_finite()).map(|(place, _)| place),
        Inputs::Images(images) => images.par_iter().enumerate().find_map_first(|(row, image)| {
            let mut lines = image.lanes(Axis(2)).into_iter();
            lines.position(|line| line.iter().any(|value| !value.is_finite())).map(|column| (row, column))
        }),
    };
    found.map_or(Ok(()), |(row, column)| Err(LearnError::NotFinite { row, column }))
}

/// The classes that occur, ascending, and each label as its place among them.
fn renumbered(labels: &[usize]) -> (Vec<usize>, Vec<usize>) {
    let mut present = labels.to_vec();
    present.sort_unstable();
    present.dedup();
    let places = labels.iter().map(|label| present.partition_point(|class| class < label)).collect();
    (present, places)
}

/// A start numbered as the classes that occur; for other classes without any, so that its head is not taken.
fn of_classes(start: Arc<Start>, present: &[usize]) -> Arc<Start> {
    let classes = if start.classes == present { (0..present.len()).collect() } else { Vec::new() };
    Arc::new(Start { weights: start.weights.clone(), classes })
}

/// Second labels with the classes that occur numbered without gaps; `None` where fewer than two do.
fn learnable(second: Second) -> Option<Second> {
    let known: Vec<usize> = second.labels.iter().flatten().copied().collect();
    let present = renumbered(&known).0;
    let place = |label: usize| present.partition_point(|&class| class < label);
    let labels = second.labels.iter().map(|label| label.map(place)).collect();
    (present.len() > 1).then_some(Second { labels, classes: present.len() })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn second_labels_are_numbered_without_gaps_and_one_class_is_none() {
        let second = |labels: &[Option<usize>]| learnable(Second { labels: labels.to_vec(), classes: 4 });
        let found = second(&[Some(3), None, Some(1), Some(3)]);
        assert_eq!(found, Some(Second { labels: vec![Some(1), None, Some(0), Some(1)], classes: 2 }));
        assert_eq!((second(&[Some(3), None, Some(3)]), second(&[None])), (None, None));
    }

    #[test]
    fn labels_are_numbered_without_gaps() {
        assert_eq!(renumbered(&[5, 2, 5, 9]), (vec![2, 5, 9], vec![1, 0, 1, 2]));
    }

    #[test]
    fn the_first_bad_number_is_named() {
        let mut rows = Array2::zeros((4, 3));
        rows[(3, 0)] = f64::NAN;
        rows[(2, 1)] = f64::INFINITY;
        assert_eq!(finite(&Inputs::Rows(rows)).unwrap_err(), LearnError::NotFinite { row: 2, column: 1 });
        let mut image = ndarray::Array3::zeros((2, 3, 4));
        image[(1, 1, 3)] = f32::NAN;
        let why = finite(&Inputs::Images(vec![image.into_shared()])).unwrap_err();
        assert_eq!(why, LearnError::NotFinite { row: 0, column: 4 });
    }
}
