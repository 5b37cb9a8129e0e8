//! The linear layer on rows: `y = x w + b`, the whole batch in one product.
//!
//! Deliberately absent: a linear map of each pixel; that is a 1x1 convolution.

use serde::{Deserialize, Serialize};

use super::super::batch::Batch;
use super::super::kernel::{Matrix, Real, Write, multiply};
use super::super::layer::{Backward, Forward, Kind, Layer, Seen, Start, Tensor};
use super::super::plane::Plane;
use crate::learn::LearnError;

/// Settings.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Linear {
    /// Numbers it makes.
    pub outputs: usize,
}

impl<F: Real> Kind<F> for Linear {
    fn output(&self, input: Plane) -> Result<Plane, String> {
        if (input.height, input.width) != (1, 1) {
            let (height, width) = (input.height, input.width);
            return Err(format!(
                "it reads rows of numbers, not images ({height} high, {width} or more wide); pool first"
            ));
        }
        Ok(input.with_channels(self.outputs))
    }

    fn parameters(&self, input: Plane) -> Vec<Tensor> {
        let weight = Tensor::new("weight", &[input.channels, self.outputs], Start::He(input.channels));
        vec![weight, Tensor::new("bias", &[self.outputs], Start::Zeros)]
    }

    fn macs(&self, input: Plane) -> u64 {
        (input.channels * self.outputs) as u64
    }

    fn build(&self, _input: Plane) -> Box<dyn Layer<F>> {
        Box::new(self.clone())
    }
}

impl<F: Real> Layer<F> for Linear {
    fn forward(&mut self, with: Forward<'_, F>, x: &Batch<F>, y: &mut Batch<F>) -> Result<(), LearnError> {
        let (inputs, rows) = (x.plane.channels, x.clips());
        y.shape_after(x, x.plane.with_channels(self.outputs), 1);
        let (weight, bias) = with.parameters.split_at(inputs * self.outputs);
        y.values.chunks_exact_mut(self.outputs).for_each(|row| row.copy_from_slice(bias));
        let weight = Matrix::new(weight, inputs, self.outputs, self.outputs);
        multiply(&mut y.values, Matrix::new(&x.values, rows, inputs, inputs), weight, Write::Add);
        Ok(())
    }

    fn backward(
        &mut self,
        with: Backward<'_, F>,
        Seen { x, dy, .. }: Seen<'_, F>,
        dx: Option<&mut Batch<F>>,
    ) -> Result<(), LearnError> {
        let (inputs, rows) = (x.plane.channels, x.clips());
        let size = inputs * self.outputs;
        let d = Matrix::new(&dy.values, rows, self.outputs, self.outputs);
        let (for_weight, for_bias) = with.gradient.split_at_mut(size);
        multiply(for_weight, Matrix::new(&x.values, rows, inputs, inputs).transposed(), d, Write::Add);
        for dy in dy.values.chunks_exact(self.outputs) {
            for_bias.iter_mut().zip(dy).for_each(|(sum, &d)| *sum += d);
        }
        if let Some(dx) = dx {
            let weight = Matrix::new(&with.parameters[..size], inputs, self.outputs, self.outputs);
            multiply(&mut dx.values, d, weight.transposed(), Write::Replace);
        }
        Ok(())
    }
}
