//! Max-pool and average-pool over windows that do not overlap.
//!
//! Deliberately absent: windows that overlap, and pools over all of an image (`mean.rs`, `attention.rs`).

use rayon::prelude::*;
use serde::{Deserialize, Serialize};

use super::super::batch::Batch;
use super::super::kernel::Real;
use super::super::layer::{Backward, Forward, Kind, Layer, Seen};
use super::super::plane::Plane;
use crate::learn::LearnError;

/// Longest side of a window.
const LONGEST: usize = 64;

/// Keeps the largest number of each window.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct MaxPool {
    /// Rows and columns of a window.
    pub size: [usize; 2],
}

/// Keeps the mean of each window.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct AvgPool {
    /// Rows and columns of a window.
    pub size: [usize; 2],
}

impl<F: Real> Kind<F> for MaxPool {
    fn output(&self, input: Plane) -> Result<Plane, String> {
        pooled(self.size, input)
    }

    fn shrink(&self) -> (usize, usize) {
        (self.size[0], self.size[1])
    }

    fn build(&self, _input: Plane) -> Box<dyn Layer<F>> {
        Box::new(self.clone())
    }
}

impl<F: Real> Kind<F> for AvgPool {
    fn output(&self, input: Plane) -> Result<Plane, String> {
        pooled(self.size, input)
    }

    fn shrink(&self) -> (usize, usize) {
        (self.size[0], self.size[1])
    }

    fn build(&self, _input: Plane) -> Box<dyn Layer<F>> {
        Box::new(self.clone())
    }
}

impl<F: Real> Layer<F> for MaxPool {
    fn forward(&mut self, _with: Forward<'_, F>, x: &Batch<F>, y: &mut Batch<F>) -> Result<(), LearnError> {
        let made = shrunk(self.size, x.plane);
        y.shape_after(x, made, self.size[1]);
        let c = made.channels;
        y.each_mut().zip(x.each()).for_each(|(y, x)| {
            for (window, y) in y.chunks_exact_mut(c).enumerate() {
                for (number, at) in pixels(self.size, x_of(self.size, made), window).enumerate() {
                    for (y, &x) in y.iter_mut().zip(&x[at * c..][..c]) {
                        // Written so that NaN wins.
                        *y = if number > 0 && x <= *y { *y } else { x };
                    }
                }
            }
        });
        Ok(())
    }

    fn backward(
        &mut self,
        _with: Backward<'_, F>,
        Seen { x, y, dy }: Seen<'_, F>,
        dx: Option<&mut Batch<F>>,
    ) -> Result<(), LearnError> {
        let Some(dx) = dx else { return Ok(()) };
        let (made, c) = (y.plane, y.plane.channels);
        let images = dx.each_mut().zip(x.each()).zip(y.each().zip(dy.each()));
        images.for_each(|((dx, x), (y, dy))| {
            for (window, (y, dy)) in y.chunks_exact(c).zip(dy.chunks_exact(c)).enumerate() {
                let mut left = dy.to_vec();
                for at in pixels(self.size, x_of(self.size, made), window) {
                    let (dx, x) = (&mut dx[at * c..][..c], &x[at * c..][..c]);
                    for (((dx, x), y), left) in dx.iter_mut().zip(x).zip(y).zip(&mut left) {
                        // A tie goes to the first, as in PyTorch: what a pixel takes is not left for later ones.
                        *dx = if x == y { std::mem::take(left) } else { F::ZERO };
                    }
                }
            }
        });
        Ok(())
    }
}

impl<F: Real> Layer<F> for AvgPool {
    fn forward(&mut self, _with: Forward<'_, F>, x: &Batch<F>, y: &mut Batch<F>) -> Result<(), LearnError> {
        let made = shrunk(self.size, x.plane);
        y.shape_after(x, made, self.size[1]);
        let (c, share) = (made.channels, self.share::<F>());
        y.each_mut().zip(x.each()).for_each(|(y, x)| {
            for (window, y) in y.chunks_exact_mut(c).enumerate() {
                y.fill(F::ZERO);
                for at in pixels(self.size, x_of(self.size, made), window) {
                    y.iter_mut().zip(&x[at * c..][..c]).for_each(|(y, &x)| *y += x * share);
                }
            }
        });
        Ok(())
    }

    fn backward(
        &mut self,
        _with: Backward<'_, F>,
        Seen { y, dy, .. }: Seen<'_, F>,
        dx: Option<&mut Batch<F>>,
    ) -> Result<(), LearnError> {
        let Some(dx) = dx else { return Ok(()) };
        let (made, c, share) = (y.plane, y.plane.channels, self.share::<F>());
        dx.each_mut().zip(dy.each()).for_each(|(dx, dy)| {
            for (window, dy) in dy.chunks_exact(c).enumerate() {
                for at in pixels(self.size, x_of(self.size, made), window) {
                    dx[at * c..][..c].iter_mut().zip(dy).for_each(|(dx, &d)| *dx = d * share);
                }
            }
        });
        Ok(())
    }
}

impl AvgPool {
    fn share<F: Real>(&self) -> F {
        F::of(1.0 / (self.size[0] * self.size[1]) as f64)
    }
}

fn pooled(size: [usize; 2], input: Plane) -> Result<Plane, String> {
    if size.iter().any(|side| !(1..=LONGEST).contains(side)) {
        return Err(format!("a window of {size:?} is none; its sides are 1 to {LONGEST}"));
    }
    if input.width == 1 && size[1] > 1 || input.height < size[0] {
        return Err(format!("a window of {size:?} is larger than the {} x {} it reads", input.height, input.width));
    }
    Ok(shrunk(size, input))
}

/// The sizes divide: a model pads its images so.
fn shrunk([rows, columns]: [usize; 2], input: Plane) -> Plane {
    Plane { height: input.height / rows, width: input.width / columns, ..input }
}

fn x_of([rows, columns]: [usize; 2], made: Plane) -> Plane {
    Plane { height: made.height * rows, width: made.width * columns, ..made }
}

/// The pixels of a window, by number, row by row.
fn pixels([rows, columns]: [usize; 2], x: Plane, window: usize) -> impl Iterator<Item = usize> {
    let across = x.width / columns;
    let first = window / across * rows * x.width + window % across * columns;
    (0..rows * columns).map(move |at| first + at / columns * x.width + at % columns)
}
