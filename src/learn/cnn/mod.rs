//! The nets on images and rows, on our own engine.
//!
//! A model is a list of layers ([`List`], readable as TOML) with a linear head per task, trained by back-propagation on
//! random windows of each clip and scored on whole clips. Blocks of 3x3 convolution, batch normalisation, ReLU and pool at
//! the front of a list run fused. Deliberately absent: reading of images and their normalisation across clips
//! (`features`, `learn::norm`), and frameworks: matrix products and loops over slices are all there is.
//!
//! | file | what |
//! |---|---|
//! | `kernel.rs` | the matrix product; all unsafe code |
//! | `plane.rs`, `batch.rs` | where a pixel lies; images between layers, threads |
//! | `layer.rs`, `layers/` | what a layer is; each kind |
//! | `fused/` | the fast blocks |
//! | `list.rs`, `layout.rs`, `model.rs` | the list; named tensors in one flat vector; both together, scoring |
//! | `run.rs`, `pass.rs`, `loss.rs` | all layers forward and backward; one batch; what it is worth |
//! | `optimiser.rs`, `schedule.rs`, `average.rs` | the step, its length, the average of many |
//! | `split.rs`, `train.rs`, `checkpoint.rs`, `random.rs` | inner split, epochs, going on after a kill |
//! | `learner.rs` | a model in training with its clips; the fitted model |

mod average;
mod batch;
mod checkpoint;
mod fused;
#[cfg(test)]
mod golden;
#[cfg(test)]
mod gradients;
mod kernel;
mod layer;
mod layers;
mod layout;
mod learner;
mod list;
mod loss;
mod model;
mod optimiser;
mod pass;
mod plane;
mod random;
mod run;
mod schedule;
mod split;
mod train;
#[cfg(test)]
mod trajectory;

pub use average::{Average, Averager, Numbers};
pub use checkpoint::{Keeper, Unkept};
pub use learner::{NetModel, Task, fit};
pub use list::{Input, LayerSpec, List};
pub use loss::{Heads, Loss, log_softmax};
pub use model::{Model as Net, Plan, Scratch, Scratches};
pub use optimiser::{Method, Optimiser, clip};
pub use pass::{Draw, Pass, Window};
pub use random::Random;
pub use schedule::{Curve, Schedule};
pub use train::{Fit, Trainee, train};

use super::{BEST_EPOCH, Classifier, Data, Epoch, Inputs, LearnError, Model, Recipe, Weights};
use crate::features::Kind;
use crate::job::Watch;

/// The default list: four blocks, and means over four bundles of bands.
pub const DEFAULT: &str = include_str!("default.toml");
const SCHEDULE: Schedule = Schedule::new(40, 16, 15, 3e-3);
/// Share of the target spread over all classes.
const SMOOTHING: f64 = 0.1;

/// The classifier.
#[derive(Debug, Clone, Copy)]
pub struct Cnn;

impl Classifier for Cnn {
    fn name(&self) -> &'static str {
        "cnn"
    }

    fn about(&self) -> &'static str {
        "convolutional net on the spectrogram image (own engine)"
    }

    fn kind(&self) -> Kind {
        Kind::Image
    }

    fn checkpoint(&self) -> &'static str {
        BEST_EPOCH
    }

    fn fit(&self, data: &Data, recipe: &Recipe, watch: &dyn Watch<Epoch>) -> Result<Box<dyn Model>, LearnError> {
        fit_cnn(data, recipe, &Unkept, watch)
    }

    fn load(&self, weights: &Weights) -> Result<Box<dyn Model>, LearnError> {
        let model = NetModel::load(weights)?;
        if matches!(model.plan().input, Input::Images { .. }) {
            return Ok(Box::new(model));
        }
        Err(LearnError::BadModel("these tensors are no cnn: it reads rows".to_owned()))
    }
}

/// Fits the default `cnn`, with a checkpoint after each epoch; goes on from the keeper's, if there is one, to the same
/// bits as without interruption.
///
/// # Errors
/// As [`Classifier::fit`]; [`LearnError::BadModel`] when the checkpoint is damaged or of another fit.
pub fn fit_cnn(
    data: &Data,
    recipe: &Recipe,
    keeper: &dyn Keeper,
    watch: &dyn Watch<Epoch>,
) -> Result<Box<dyn Model>, LearnError> {
    let images = match &data.inputs {
        Inputs::Images(images) => images,
        Inputs::Rows(_) => return Err(LearnError::WrongInput("the cnn reads images, not rows of numbers".to_owned())),
    };
    let first = images.first().ok_or_else(|| LearnError::TooFewRows("no clips to train on".to_owned()))?;
    let (channels, bands, _) = first.dim();
    let task = Task { list: List::read(DEFAULT)?, input: Input::Images { channels, bands }, smoothing: SMOOTHING };
    let schedule = Schedule { epochs: recipe.epochs.unwrap_or(SCHEDULE.epochs), ..SCHEDULE };
    Ok(Box::new(fit(&task, data, &Fit { recipe, schedule, keeper, watch })?))
}
