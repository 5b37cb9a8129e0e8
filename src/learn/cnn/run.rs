//! All layers of a model at work: forward and backward through each, with what they hand to each other.
//!
//! Deliberately absent: where images come from and what the result is worth (`pass.rs`).

use super::batch::Batch;
use super::kernel::Real;
use super::layer::{Backward, Forward, Layer, Seen};
use super::model::Model;
use super::random::Random;
use crate::job::Watch;
use crate::learn::{Epoch, LearnError};

/// The layers with their buffers. The numbers stay in the model.
pub struct Run<F> {
    layers: Vec<Box<dyn Layer<F>>>,
    /// What each layer made.
    made: Vec<Batch<F>>,
    /// Gradients of what a layer made and of what it read.
    slopes: (Batch<F>, Batch<F>),
    /// The versions of the model's numbers that the layers are ready to score with.
    settled: Option<(u64, u64)>,
}

impl<F: Real> Run<F> {
    /// For any batch of that model.
    pub fn new(model: &Model<F>) -> Run<F> {
        let layers: Vec<_> = model.nodes().iter().map(|node| node.build()).collect();
        let made = layers.iter().map(|_| Batch::default()).collect();
        Run { layers, made, slopes: Default::default(), settled: None }
    }

    /// Through all layers; with a generator as in training, else as in scoring.
    ///
    /// # Errors
    /// `Cancelled`; [`LearnError::Failed`] when a number is not finite.
    pub fn forward(
        &mut self,
        model: &Model<F>,
        input: &Batch<F>,
        mut random: Option<&mut Random>,
        watch: &dyn Watch<Epoch>,
    ) -> Result<(), LearnError> {
        let versions = Some((model.parameters.version(), model.state.version()));
        if random.is_none() && self.settled != versions {
            for (layer, node) in self.layers.iter_mut().zip(model.nodes()) {
                layer.settle(&model.parameters[node.parameters.clone()], &model.state[node.state.clone()]);
            }
            self.settled = versions;
        }
        for (number, (layer, node)) in self.layers.iter_mut().zip(model.nodes()).enumerate() {
            watch.check()?;
            let (before, after) = self.made.split_at_mut(number);
            let with = Forward {
                parameters: &model.parameters[node.parameters.clone()],
                state: &model.state[node.state.clone()],
                random: random.as_deref_mut(),
                watch,
            };
            layer.forward(with, before.last().unwrap_or(input), &mut after[0])?;
        }
        Ok(())
    }

    /// What the heads made.
    pub fn made(&self) -> &[F] {
        self.made.last().map_or(&[], |made| &made.values)
    }

    /// Back through all layers: from the gradient of what the heads made to that of all parameters, added to `gradient`.
    /// The gradient of the input is computed only where it is asked for.
    ///
    /// # Errors
    /// `Cancelled`.
    pub fn backward(
        &mut self,
        model: &Model<F>,
        (input, mut d_input): (&Batch<F>, Option<&mut Batch<F>>),
        (d, gradient): (&[F], &mut [F]),
        watch: &dyn Watch<Epoch>,
    ) -> Result<(), LearnError> {
        let (dy, dx) = (&mut self.slopes.0, &mut self.slopes.1);
        if let Some(made) = self.made.last() {
            dy.shape_after(made, made.plane, 1);
            dy.values.copy_from_slice(d);
        }
        for (number, (layer, node)) in self.layers.iter_mut().zip(model.nodes()).enumerate().rev() {
            watch.check()?;
            let x = if number == 0 { input } else { &self.made[number - 1] };
            let with = Backward {
                parameters: &model.parameters[node.parameters.clone()],
                gradient: &mut gradient[node.parameters.clone()],
                watch,
            };
            let mut wanted = if number == 0 { d_input.as_deref_mut() } else { Some(&mut *dx) };
            if let Some(dx) = &mut wanted {
                dx.shape_after(x, x.plane, 1);
            }
            layer.backward(with, Seen { x, y: &self.made[number], dy }, wanted)?;
            std::mem::swap(dy, dx);
        }
        Ok(())
    }

    /// Moves the model's state towards what the last training batch showed.
    pub fn follow(&self, model: &mut Model<F>) {
        let places: Vec<_> = model.nodes().iter().map(|node| node.state.clone()).collect();
        for (layer, place) in self.layers.iter().zip(places) {
            layer.follow(&mut model.state[place]);
        }
    }
}
