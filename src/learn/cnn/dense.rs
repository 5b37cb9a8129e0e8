//! The linear layer and dropout, on rows: `y = x w + b`.
//!
//! Deliberately absent: threads (these products are small beside the convolutions).

use std::ops::Range;

use rand::Rng;

use super::kernel::{Matrix, Write, multiply};
use super::layout::Layout;

/// A linear layer: sizes and where its weight `[inputs, outputs]` and bias `[outputs]` are.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Dense {
    /// Numbers of a row it reads.
    pub inputs: usize,
    /// Numbers of a row it makes.
    pub outputs: usize,
    weight: Range<usize>,
    bias: Range<usize>,
}

impl Dense {
    /// Takes its place in `layout` under `name`.
    pub fn new(layout: &mut Layout, name: &str, inputs: usize, outputs: usize) -> Self {
        let weight = layout.add(format!("{name}.weight"), &[inputs, outputs]);
        let bias = layout.add(format!("{name}.bias"), &[outputs]);
        Dense { inputs, outputs, weight, bias }
    }

    /// Random start: uniform with the variance 2 / inputs of He et al. 2015 (arXiv:1502.01852); bias 0.
    pub fn start(&self, parameters: &mut [f32], random: &mut impl Rng) {
        start_uniform(&mut parameters[self.weight.clone()], self.inputs, random);
        parameters[self.bias.clone()].fill(0.0);
    }

    /// `x`: rows x inputs; returns rows x outputs.
    pub fn forward(&self, parameters: &[f32], x: &[f32], rows: usize) -> Vec<f32> {
        let mut y: Vec<f32> = parameters[self.bias.clone()].repeat(rows);
        let weight = Matrix::new(&parameters[self.weight.clone()], self.inputs, self.outputs, self.outputs);
        multiply(&mut y, Matrix::new(x, rows, self.inputs, self.inputs), weight, Write::Add);
        y
    }

    /// Adds the gradients of weight and bias to `gradient`; `x` as in forward, `dy` rows x outputs.
    pub fn add_gradient(&self, x: &[f32], dy: &[f32], rows: usize, gradient: &mut [f32]) {
        let dy_rows = Matrix::new(dy, rows, self.outputs, self.outputs);
        let x = Matrix::new(x, rows, self.inputs, self.inputs);
        multiply(&mut gradient[self.weight.clone()], x.transposed(), dy_rows, Write::Add);
        for dy in dy.chunks_exact(self.outputs) {
            gradient[self.bias.clone()].iter_mut().zip(dy).for_each(|(sum, d)| *sum += d);
        }
    }

    /// The gradient of `x`: rows x inputs.
    pub fn backward(&self, parameters: &[f32], dy: &[f32], rows: usize) -> Vec<f32> {
        let mut dx = vec![0.0; rows * self.inputs];
        let weight = Matrix::new(&parameters[self.weight.clone()], self.inputs, self.outputs, self.outputs);
        let dy = Matrix::new(dy, rows, self.outputs, self.outputs);
        multiply(&mut dx, dy, weight.transposed(), Write::Replace);
        dx
    }
}

/// Uniform numbers of variance 2 / `inputs`.
pub fn start_uniform(weights: &mut [f32], inputs: usize, random: &mut impl Rng) {
    let bound = (6.0 / inputs.max(1) as f32).sqrt();
    weights.iter_mut().for_each(|w| *w = (random.random::<f32>() * 2.0 - 1.0) * bound);
}

/// Inverted dropout (Srivastava et al. 2014): factors 0 with probability `rate`, else 1 / (1 - rate).
pub fn dropout(rate: f32, len: usize, random: &mut impl Rng) -> Vec<f32> {
    if rate <= 0.0 {
        return vec![1.0; len];
    }
    (0..len).map(|_| if random.random::<f32>() < rate { 0.0 } else { 1.0 / (1.0 - rate) }).collect()
}

/// Multiplies element by element, in place.
pub fn scale(values: &mut [f32], factors: &[f32]) {
    values.iter_mut().zip(factors).for_each(|(value, factor)| *value *= factor);
}
