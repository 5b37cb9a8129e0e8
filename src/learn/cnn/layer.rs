//! What a layer is: on paper ([`Kind`]: sizes and tensors, no numbers) and at work ([`Layer`]: forward and backward with
//! its own buffers).
//!
//! The numbers of all layers lie in one vector of the model; a layer is handed its stretch of it. Deliberately absent:
//! any layer; each is a file in `layers/`.

use std::fmt::Debug;

use super::batch::Batch;
use super::kernel::Real;
use super::plane::Plane;
use super::random::Random;
use crate::job::Watch;
use crate::learn::{Epoch, LearnError};

/// A kind of layer with its settings, as a list gives it.
pub trait Kind<F>: Debug + Send + Sync {
    /// Size of what it makes of such an image.
    ///
    /// # Errors
    /// Why it cannot read it, as the end of a sentence that begins with the layer's name.
    fn output(&self, input: Plane) -> Result<Plane, String>;

    /// By how much it divides height and width.
    fn shrink(&self) -> (usize, usize) {
        (1, 1)
    }

    /// What it trains, in the order of its numbers.
    fn parameters(&self, _input: Plane) -> Vec<Tensor> {
        Vec::new()
    }

    /// What it follows without training it (running moments), in the order of its numbers.
    fn state(&self, _input: Plane) -> Vec<Tensor> {
        Vec::new()
    }

    /// Multiply-adds for one image.
    fn macs(&self, _input: Plane) -> u64 {
        0
    }

    /// One at work, for images of this height and these channels and any width.
    fn build(&self, input: Plane) -> Box<dyn Layer<F>>;
}

/// A named part of a layer's numbers.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Tensor {
    /// Name within the layer.
    pub name: String,
    /// Sizes, the last together in memory.
    pub shape: Vec<usize>,
    /// What it holds at the start.
    pub start: Start,
}

impl Tensor {
    /// All of its settings.
    pub fn new(name: &str, shape: &[usize], start: Start) -> Tensor {
        Tensor { name: name.to_owned(), shape: shape.to_vec(), start }
    }
}

/// What a tensor holds before training.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Start {
    /// 0.
    Zeros,
    /// 1.
    Ones,
    /// Uniform with variance 2 / so many inputs (He et al. 2015, arXiv:1502.01852), for layers before a ReLU.
    He(usize),
    /// Uniform with variance 1 / (3 x so many inputs): PyTorch's choice for recurrent layers.
    Small(usize),
}

/// What forward is given beside images.
pub struct Forward<'a, F> {
    /// The layer's own.
    pub parameters: &'a [F],
    /// The layer's own.
    pub state: &'a [F],
    /// There while training; what is random comes from it, drawn on one thread.
    pub random: Option<&'a mut Random>,
    /// To stop.
    pub watch: &'a dyn Watch<Epoch>,
}

/// What backward is given beside images.
pub struct Backward<'a, F> {
    /// The layer's own.
    pub parameters: &'a [F],
    /// Of the layer's own parameters; backward adds to it.
    pub gradient: &'a mut [F],
    /// To stop.
    pub watch: &'a dyn Watch<Epoch>,
}

/// What backward reads of the forward pass.
#[derive(Debug, Clone, Copy)]
pub struct Seen<'a, F> {
    /// What forward read.
    pub x: &'a Batch<F>,
    /// What forward made.
    pub y: &'a Batch<F>,
    /// The gradient of what forward made.
    pub dy: &'a Batch<F>,
}

/// A layer with its buffers. Backward follows the forward pass with the same images.
pub trait Layer<F: Real>: Send + Sync {
    /// Writes `y`, sizes included.
    ///
    /// # Errors
    /// `Cancelled`; [`LearnError::Failed`] when a number is not finite.
    fn forward(&mut self, with: Forward<'_, F>, x: &Batch<F>, y: &mut Batch<F>) -> Result<(), LearnError>;

    /// Adds to the gradient of the parameters and writes that of `x`, where asked, into `dx`, which has the size of `x`.
    ///
    /// # Errors
    /// `Cancelled`.
    fn backward(
        &mut self,
        with: Backward<'_, F>,
        seen: Seen<'_, F>,
        dx: Option<&mut Batch<F>>,
    ) -> Result<(), LearnError>;

    /// The numbers are not those of the last scoring: makes ready what scoring needs of them. Comes before any forward pass
    /// for scoring.
    fn settle(&mut self, _parameters: &[F], _state: &[F]) {}

    /// Moves the state towards what the last training batch showed.
    fn follow(&self, _state: &mut [F]) {}
}
