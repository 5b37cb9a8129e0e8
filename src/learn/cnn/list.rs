//! A model as a list of layers that a person can read and a TOML can hold:
//!
//! ```toml
//! [[layer]]
//! kind = "conv"
//! channels = 16
//! kernel = [3, 3]
//!
//! [[layer]]
//! kind = "batch_norm"
//! ```
//!
//! The list ends in a row of numbers; the linear heads, one per task, are put behind it by the model, which knows the
//! classes. An image is first padded with zeros, below and at the right, so that all strides and pools divide it.
//! Deliberately absent: numbers, and which layers are fused (`model.rs`).

use std::sync::Arc;

use serde::{Deserialize, Serialize};

use super::kernel::Real;
use super::layer::Kind;
use super::layers::{
    Attention, AvgPool, BatchNorm, Conv, Conv1d, Dropout, Fold, Gru, Linear, MaxPool, MeanPool, Relu, Silu, Squeeze,
};
use super::plane::Plane;
use crate::learn::LearnError;

/// Most layers of a list.
const LONGEST: usize = 100;
/// Most channels or numbers that a layer may make.
const WIDEST: usize = 1 << 16;

/// One entry of a list: `kind` and its settings.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(tag = "kind", rename_all = "snake_case")]
pub enum LayerSpec {
    /// Convolution in two dimensions.
    Conv(Conv),
    /// Convolution along time.
    Conv1d(Conv1d),
    /// Batch normalisation.
    BatchNorm(BatchNorm),
    /// max(x, 0).
    Relu(Relu),
    /// x * sigmoid(x).
    Silu(Silu),
    /// Largest of each window.
    MaxPool(MaxPool),
    /// Mean of each window.
    AvgPool(AvgPool),
    /// Mean over the clip.
    MeanPool(MeanPool),
    /// Blanks a share.
    Dropout(Dropout),
    /// All inputs to all outputs.
    Linear(Linear),
    /// Squeeze-and-excitation.
    Squeeze(Squeeze),
    /// Attentive mean and standard deviation over the clip.
    Attention(Attention),
    /// Gated recurrent units.
    Gru(Gru),
    /// Bands to channels.
    Fold(Fold),
}

impl LayerSpec {
    /// The layer with its settings.
    pub fn kind<F: Real>(&self) -> Arc<dyn Kind<F>> {
        match self.clone() {
            LayerSpec::Conv(layer) => Arc::new(layer),
            LayerSpec::Conv1d(layer) => Arc::new(layer),
            LayerSpec::BatchNorm(layer) => Arc::new(layer),
            LayerSpec::Relu(layer) => Arc::new(layer),
            LayerSpec::Silu(layer) => Arc::new(layer),
            LayerSpec::MaxPool(layer) => Arc::new(layer),
            LayerSpec::AvgPool(layer) => Arc::new(layer),
            LayerSpec::MeanPool(layer) => Arc::new(layer),
            LayerSpec::Dropout(layer) => Arc::new(layer),
            LayerSpec::Linear(layer) => Arc::new(layer),
            LayerSpec::Squeeze(layer) => Arc::new(layer),
            LayerSpec::Attention(layer) => Arc::new(layer),
            LayerSpec::Gru(layer) => Arc::new(layer),
            LayerSpec::Fold(layer) => Arc::new(layer),
        }
    }

    /// Its `kind` as written in a list.
    pub fn name(&self) -> &'static str {
        match self {
            LayerSpec::Conv(_) => "conv",
            LayerSpec::Conv1d(_) => "conv1d",
            LayerSpec::BatchNorm(_) => "batch_norm",
            LayerSpec::Relu(_) => "relu",
            LayerSpec::Silu(_) => "silu",
            LayerSpec::MaxPool(_) => "max_pool",
            LayerSpec::AvgPool(_) => "avg_pool",
            LayerSpec::MeanPool(_) => "mean_pool",
            LayerSpec::Dropout(_) => "dropout",
            LayerSpec::Linear(_) => "linear",
            LayerSpec::Squeeze(_) => "squeeze",
            LayerSpec::Attention(_) => "attention",
            LayerSpec::Gru(_) => "gru",
            LayerSpec::Fold(_) => "fold",
        }
    }
}

/// What a list reads.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Input {
    /// Images of so many channels and bands and of any number of frames.
    Images {
        /// Layers of the image.
        channels: usize,
        /// Rows of the image.
        bands: usize,
    },
    /// Rows of so many numbers.
    Rows(usize),
}

/// The layers of a model, without its heads.
#[derive(Debug, Clone, PartialEq, Default, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct List {
    /// In order.
    #[serde(rename = "layer")]
    pub layers: Vec<LayerSpec>,
}

impl List {
    /// Reads `[[layer]]` after `[[layer]]`.
    ///
    /// # Errors
    /// [`LearnError::WrongInput`] that names the entry (1-based) and what is wrong with it.
    pub fn read(text: &str) -> Result<List, LearnError> {
        let mut table: toml::Table = text.parse().map_err(|why: toml::de::Error| wrong(why.message()))?;
        let list = List::take(&mut table)?;
        match table.keys().next() {
            Some(other) => Err(wrong(&format!("`{other}` is nothing it holds; there is only [[layer]]"))),
            None => Ok(list),
        }
    }

    /// Takes the layers out of a table that may hold other things.
    ///
    /// # Errors
    /// As [`List::read`].
    pub(super) fn take(table: &mut toml::Table) -> Result<List, LearnError> {
        let entries = match table.remove("layer") {
            Some(toml::Value::Array(entries)) => entries,
            _ => return Err(wrong("no [[layer]] in it")),
        };
        let read = |(number, entry): (usize, toml::Value)| {
            let kind =
                entry.get("kind").and_then(toml::Value::as_str).map_or(String::new(), |kind| format!(" ({kind})"));
            let layer = LayerSpec::deserialize(entry);
            layer.map_err(|why| wrong(&format!("layer {}{kind}: {}", number + 1, why.message())))
        };
        Ok(List { layers: entries.into_iter().enumerate().map(read).collect::<Result<_, _>>()? })
    }

    /// The text that [`List::read`] reads.
    ///
    /// # Errors
    /// [`LearnError::Failed`] when TOML cannot hold a setting.
    pub fn text(&self) -> Result<String, LearnError> {
        toml::to_string(self).map_err(|why| LearnError::Failed(format!("list of layers: {why}")))
    }

    /// By how much all layers together divide height and width.
    pub fn shrink(&self) -> (usize, usize) {
        let each = self.layers.iter().map(|layer| layer.kind::<f32>().shrink());
        each.fold((1, 1), |(down, along), (rows, columns)| (down * rows.max(1), along * columns.max(1)))
    }

    /// The padded size of an image of so many frames.
    pub fn padded(&self, input: Input, frames: usize) -> Plane {
        let (down, along) = self.shrink();
        let up = |n: usize, step: usize| n.max(1).next_multiple_of(step);
        match input {
            Input::Images { channels, bands } => Plane { height: up(bands, down), width: up(frames, along), channels },
            Input::Rows(numbers) => Plane { height: 1, width: 1, channels: numbers },
        }
    }

    /// What each layer reads, and what the last one makes, of images of so many frames.
    ///
    /// # Errors
    /// [`LearnError::WrongInput`] that names the layer (1-based) and why it cannot read what it gets, or that the list
    /// does not end in a row.
    pub fn sizes(&self, input: Input, frames: usize) -> Result<Vec<Plane>, LearnError> {
        let wrong = |why: String| Err(LearnError::WrongInput(why));
        if self.layers.is_empty() || self.layers.len() > LONGEST {
            return wrong(format!("a list of {} layers; there are 1 to {LONGEST}", self.layers.len()));
        }
        if self.layers.iter().any(|layer| matches!(layer.kind::<f32>().shrink(), (0, _) | (_, 0))) {
            return wrong("list of layers: a stride or window of 0".to_owned());
        }
        if self.shrink().0 > WIDEST || self.shrink().1 > WIDEST {
            return wrong("list of layers: strides and pools leave nothing of any image".to_owned());
        }
        let mut sizes = vec![self.padded(input, frames)];
        for (number, layer) in self.layers.iter().enumerate() {
            let made = layer.kind::<f32>().output(sizes[number]);
            let made = made.and_then(|made| match made.channels {
                1..=WIDEST => Ok(made),
                other => Err(format!("{other} channels are not 1 to {WIDEST}")),
            });
            match made {
                Ok(made) => sizes.push(made),
                Err(why) => return wrong(format!("layer {} ({}): {why}", number + 1, layer.name())),
            }
        }
        let last = sizes[self.layers.len()];
        if (last.height, last.width) == (1, 1) {
            return Ok(sizes);
        }
        wrong("the list ends in an image; a mean_pool or attention makes the row that a head reads".to_owned())
    }
}

fn wrong(why: &str) -> LearnError {
    LearnError::WrongInput(format!("list of layers: {why}"))
}
