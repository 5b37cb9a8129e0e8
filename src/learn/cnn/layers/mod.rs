//! The layers, a file each.
//!
//! A new one is a file with its settings, its `Kind` and its `Layer`, a line here, and a line each in `list.rs`'s enum and
//! in its `LayerSpec::kind`.

mod activation;
mod attention;
mod batch_norm;
mod conv;
mod dropout;
mod fold;
mod gru;
mod linear;
mod mean;
mod pool;
mod squeeze;

pub use activation::{Relu, Silu};
pub use attention::Attention;
pub use batch_norm::BatchNorm;
pub use conv::{Conv, Conv1d};
pub use dropout::Dropout;
pub use fold::Fold;
pub use gru::Gru;
pub use linear::Linear;
pub use mean::MeanPool;
pub use pool::{AvgPool, MaxPool};
pub use squeeze::Squeeze;
