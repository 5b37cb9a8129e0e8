//! The nets on images and rows, on our own engine.
//!
//! A model is a list of layers ([`List`], readable as TOML) with a linear head per task, trained by back-propagation on
//! random windows of each clip and scored on whole clips. Blocks of 3x3 convolution, batch normalisation, ReLU and pool at
//! the front of a list run fused. Deliberately absent: reading of images and their normalisation across clips
//! (`features`, `learn::norm`), and frameworks: matrix products and loops over slices are all there is.
//!
//! | file | what |
//! |---|---|
//! | `kernel.rs` | the matrix product; unsafe code |
//! | `plane.rs`, `batch.rs` | where a pixel lies; images between layers, threads |
//! | `layer.rs`, `layers/` | what a layer is; each kind |
//! | `fused/` | the fast blocks |
//! | `quantized/`, `kernel_int8.rs` | the blocks of a fitted net in whole numbers; their products (unsafe) |
//! | `list.rs`, `layout.rs`, `model.rs` | the list; named tensors in one flat vector; both together, scoring |
//! | `run.rs`, `pass.rs`, `loss.rs` | all layers forward and backward; one batch; what it is worth |
//! | `optimiser.rs`, `schedule.rs`, `average.rs` | the step, its length, the average of many |
//! | `balance.rs` | rare and frequent classes |
//! | `split.rs`, `train.rs`, `checkpoint.rs`, `random.rs` | inner split, epochs, going on after a kill |
//! | `augment/`, `crops.rs` | what is changed in a clip before it is learnt from; which parts of it are scored |
//! | `learner.rs` | a model in training with its clips; the fitted model |
//! | `saliency.rs` | what of an image spoke for a class |
//! | `settings.rs`, `nets.rs`, `nets/` | a net and its training as one TOML; the nets of the registry |

mod again;
mod augment;
mod average;
mod balance;
mod batch;
mod checkpoint;
mod crops;
mod fused;
#[cfg(test)]
mod golden;
#[cfg(test)]
mod gradients;
mod kernel;
mod kernel_int8;
mod layer;
mod layers;
mod layout;
mod learner;
mod list;
mod loss;
mod model;
mod nets;
mod optimiser;
mod pass;
mod plane;
mod quantized;
mod random;
mod run;
mod saliency;
mod schedule;
mod settings;
mod split;
mod train;
#[cfg(test)]
mod trajectory;
mod versioned;

pub use augment::{Augment, Gain, Mixup, Paste, Pitch, Shift, Snr, Speed};
pub use average::{Average, Averager, Numbers};
pub use balance::Balance;
pub use checkpoint::{Keeper, Unkept};
pub use crops::Crops;
pub use kernel::{Matrix, Write, multiply};
pub(super) use kernel::{Work, widest};
pub use learner::{NetModel, fit};
pub use list::{Input, LayerSpec, List};
pub use loss::{Heads, Loss, log_softmax};
pub use model::{Model as Net, Plan, Scratch, Scratches};
pub use nets::{CNN, CNN1D, CRNN, MLP, Net as NetKind};
pub use optimiser::{Method, Optimiser, clip};
pub use pass::{Draw, Pass, Window};
pub use random::Random;
pub use schedule::{Curve, Schedule};
pub use settings::Settings;
pub use train::{Fit, Leg, Trainee, train};
