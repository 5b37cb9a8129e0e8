//! The mean over all frames that belong to a clip, in each of some bundles of bands.
//!
//! One bundle is the global mean; more keep some of where in the spectrum a channel was active.

use rayon::prelude::*;
use serde::{Deserialize, Serialize};

use super::super::batch::Batch;
use super::super::kernel::Real;
use super::super::layer::{Backward, Forward, Kind, Layer, Seen};
use super::super::plane::Plane;
use crate::learn::LearnError;

/// Settings.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct MeanPool {
    /// Bundles of bands; as many as that or fewer, so that they divide the height.
    #[serde(default = "one")]
    pub parts: usize,
}

fn one() -> usize {
    1
}

impl MeanPool {
    /// Bundles for an image of this height.
    pub fn parts_of(&self, height: usize) -> usize {
        (1..=self.parts).rev().find(|parts| height.is_multiple_of(*parts)).unwrap_or(1)
    }

    fn made(&self, input: Plane) -> Plane {
        Plane { height: 1, width: 1, channels: self.parts_of(input.height) * input.channels }
    }
}

impl<F: Real> Kind<F> for MeanPool {
    fn output(&self, input: Plane) -> Result<Plane, String> {
        if (1..=64).contains(&self.parts) {
            return Ok(self.made(input));
        }
        Err(format!("{} parts are not 1 to 64", self.parts))
    }

    fn build(&self, _input: Plane) -> Box<dyn Layer<F>> {
        Box::new(self.clone())
    }
}

impl<F: Real> Layer<F> for MeanPool {
    fn forward(&mut self, _with: Forward<'_, F>, x: &Batch<F>, y: &mut Batch<F>) -> Result<(), LearnError> {
        let (plane, rows) = (x.plane, x.plane.height / self.parts_of(x.plane.height));
        y.shape(self.made(plane), x.valid.iter().map(|_| 1));
        y.each_mut().zip(x.each()).zip(&x.valid).for_each(|((y, x), &valid)| {
            let mut sums = vec![0.0; y.len()];
            for (row, x) in x.chunks_exact(plane.width * plane.channels).enumerate() {
                let sums = &mut sums[row / rows * plane.channels..][..plane.channels];
                for pixel in x.chunks_exact(plane.channels).take(valid) {
                    sums.iter_mut().zip(pixel).for_each(|(sum, x)| *sum += x.wide());
                }
            }
            let count = (rows * valid) as f64;
            y.iter_mut().zip(sums).for_each(|(y, sum)| *y = F::of(sum / count));
        });
        Ok(())
    }

    fn backward(
        &mut self,
        _with: Backward<'_, F>,
        Seen { x, dy, .. }: Seen<'_, F>,
        dx: Option<&mut Batch<F>>,
    ) -> Result<(), LearnError> {
        let Some(dx) = dx else { return Ok(()) };
        let (plane, rows) = (x.plane, x.plane.height / self.parts_of(x.plane.height));
        dx.each_mut().zip(dy.each()).zip(&x.valid).for_each(|((dx, dy), &valid)| {
            let share = F::of(1.0 / (rows * valid) as f64);
            dx.fill(F::ZERO);
            for (row, dx) in dx.chunks_exact_mut(plane.width * plane.channels).enumerate() {
                let dy = &dy[row / rows * plane.channels..][..plane.channels];
                for pixel in dx.chunks_exact_mut(plane.channels).take(valid) {
                    pixel.iter_mut().zip(dy).for_each(|(dx, &d)| *dx = d * share);
                }
            }
        });
        Ok(())
    }
}
