//! The feed-forward net on rows: linear layers with ReLU and dropout, on the cnn's engine and training loop.
//!
//! Deliberately absent: scaling of the columns (`learn::norm`).

use super::cnn::{Fit, Input, Keeper, List, NetModel, Schedule, Task, Unkept, fit};
use super::{BEST_EPOCH, Classifier, Data, Epoch, LearnError, Model, Recipe, Weights};
use crate::features::Kind;
use crate::job::Watch;

/// Its list.
pub const DEFAULT: &str = include_str!("cnn/mlp.toml");
const SCHEDULE: Schedule = Schedule::new(60, 32, 20, 2e-3);
/// Share of the target spread over all classes.
const SMOOTHING: f64 = 0.1;

/// The classifier.
#[derive(Debug, Clone, Copy)]
pub struct Mlp;

impl Classifier for Mlp {
    fn name(&self) -> &'static str {
        "mlp"
    }

    fn about(&self) -> &'static str {
        "feed-forward net, two hidden layers (own engine)"
    }

    fn kind(&self) -> Kind {
        Kind::Row
    }

    fn checkpoint(&self) -> &'static str {
        BEST_EPOCH
    }

    fn fit(&self, data: &Data, recipe: &Recipe, watch: &dyn Watch<Epoch>) -> Result<Box<dyn Model>, LearnError> {
        fit_mlp(data, recipe, &Unkept, watch)
    }

    fn load(&self, weights: &Weights) -> Result<Box<dyn Model>, LearnError> {
        let model = NetModel::load(weights)?;
        if matches!(model.plan().input, Input::Rows(_)) {
            return Ok(Box::new(model));
        }
        Err(LearnError::BadModel("these tensors are no mlp: it reads images".to_owned()))
    }
}

/// Fits the default `mlp`, with a checkpoint after each epoch; goes on from the keeper's, if there is one, to the same
/// bits as without interruption.
///
/// # Errors
/// As [`Classifier::fit`]; [`LearnError::BadModel`] when the checkpoint is damaged or of another fit.
pub fn fit_mlp(
    data: &Data,
    recipe: &Recipe,
    keeper: &dyn Keeper,
    watch: &dyn Watch<Epoch>,
) -> Result<Box<dyn Model>, LearnError> {
    let rows = data.inputs.rows()?;
    if rows.is_empty() {
        return Err(LearnError::TooFewRows("no numbers to train on".to_owned()));
    }
    let task = Task { list: List::read(DEFAULT)?, input: Input::Rows(rows.ncols()), smoothing: SMOOTHING };
    let schedule = Schedule { epochs: recipe.epochs.unwrap_or(SCHEDULE.epochs), ..SCHEDULE };
    Ok(Box::new(fit(&task, data, &Fit { recipe, schedule, keeper, watch })?))
}
