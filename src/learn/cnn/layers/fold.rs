//! Makes a sequence of an image: the channels of all bands of a frame become the channels of one pixel.

use std::ops::Range;

use rayon::prelude::*;
use serde::{Deserialize, Serialize};

use super::super::batch::Batch;
use super::super::kernel::Real;
use super::super::layer::{Backward, Forward, Kind, Layer, Seen};
use super::super::plane::Plane;
use crate::learn::LearnError;

/// No settings. Channel `band * channels + channel` of the sequence is that channel of that band.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Fold {}

impl<F: Real> Kind<F> for Fold {
    fn output(&self, input: Plane) -> Result<Plane, String> {
        Ok(folded(input))
    }

    fn build(&self, _input: Plane) -> Box<dyn Layer<F>> {
        Box::new(self.clone())
    }
}

impl<F: Real> Layer<F> for Fold {
    fn forward(&mut self, _with: Forward<'_, F>, x: &Batch<F>, y: &mut Batch<F>) -> Result<(), LearnError> {
        let plane = x.plane;
        y.shape_after(x, folded(plane), 1);
        y.each_mut().zip(x.each()).for_each(|(y, x)| {
            for (from, to) in moves(plane) {
                y[to].copy_from_slice(&x[from]);
            }
        });
        Ok(())
    }

    fn backward(
        &mut self,
        _with: Backward<'_, F>,
        Seen { x, dy, .. }: Seen<'_, F>,
        dx: Option<&mut Batch<F>>,
    ) -> Result<(), LearnError> {
        let (plane, Some(dx)) = (x.plane, dx) else { return Ok(()) };
        dx.each_mut().zip(dy.each()).for_each(|(dx, dy)| {
            for (from, to) in moves(plane) {
                dx[from].copy_from_slice(&dy[to]);
            }
        });
        Ok(())
    }
}

fn folded(input: Plane) -> Plane {
    Plane { height: 1, width: input.width, channels: input.height * input.channels }
}

/// Where each pixel of an image is, and where in the sequence.
fn moves(plane: Plane) -> impl Iterator<Item = (Range<usize>, Range<usize>)> {
    let Plane { height, width, channels } = plane;
    (0..height * width).map(move |pixel| {
        let (from, to) = (pixel * channels, (pixel % width * height + pixel / width) * channels);
        (from..from + channels, to..to + channels)
    })
}
