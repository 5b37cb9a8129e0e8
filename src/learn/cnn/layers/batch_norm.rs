//! Batch normalisation per channel (Ioffe & Szegedy 2015, arXiv:1502.03167), with PyTorch's defaults.
//!
//! In training by mean and variance of the batch, padding included; in scoring by their running averages. Sums are
//! taken in f64, image by image. Deliberately absent: what `fused/` does in one pass with convolution, ReLU and pool.

use rayon::prelude::*;
use serde::{Deserialize, Serialize};

use super::super::batch::Batch;
use super::super::kernel::Real;
use super::super::layer::{Backward, Forward, Kind, Layer, Seen, Start, Tensor};
use super::super::plane::Plane;
use crate::learn::LearnError;

/// Added to the variance.
const EPSILON: f64 = 1e-5;
/// Share of the new batch in the running moments.
const MOMENTUM: f64 = 0.1;

/// No settings.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct BatchNorm {}

impl<F: Real> Kind<F> for BatchNorm {
    fn output(&self, input: Plane) -> Result<Plane, String> {
        Ok(input)
    }

    fn parameters(&self, input: Plane) -> Vec<Tensor> {
        let shape = [input.channels];
        vec![Tensor::new("gamma", &shape, Start::Ones), Tensor::new("beta", &shape, Start::Zeros)]
    }

    fn state(&self, input: Plane) -> Vec<Tensor> {
        let shape = [input.channels];
        vec![Tensor::new("mean", &shape, Start::Zeros), Tensor::new("variance", &shape, Start::Ones)]
    }

    fn build(&self, _input: Plane) -> Box<dyn Layer<F>> {
        Box::new(Work::default())
    }
}

/// The last batch's moments, per channel.
#[derive(Default)]
struct Work {
    mean: Vec<f64>,
    variance: Vec<f64>,
    /// 1 / sd.
    inverse: Vec<f64>,
    /// Pixels that mean and variance were taken over; 0 in scoring, where no pixel moves them.
    count: usize,
}

impl<F: Real> Layer<F> for Work {
    fn forward(&mut self, with: Forward<'_, F>, x: &Batch<F>, y: &mut Batch<F>) -> Result<(), LearnError> {
        y.shape_after(x, x.plane, 1);
        let channels = x.plane.channels;
        if with.random.is_some() {
            self.measure(x);
        } else {
            let (mean, variance) = with.state.split_at(channels);
            self.mean = mean.iter().map(|v| v.wide()).collect();
            self.variance = variance.iter().map(|v| v.wide()).collect();
            self.count = 0;
        }
        self.inverse = self.variance.iter().map(|v| 1.0 / (v + EPSILON).sqrt()).collect();
        let (gamma, beta) = with.parameters.split_at(channels);
        let scale: Vec<f64> = gamma.iter().zip(&self.inverse).map(|(g, i)| g.wide() * i).collect();
        let shift = beta.iter().zip(&scale).zip(&self.mean).map(|((b, s), m)| F::of(b.wide() - s * m));
        let (scale, shift): (Vec<F>, Vec<F>) = (scale.iter().map(|&s| F::of(s)).collect(), shift.collect());
        y.each_mut().zip(x.each()).for_each(|(y, x)| {
            for (y, x) in y.chunks_exact_mut(channels).zip(x.chunks_exact(channels)) {
                for (((y, &x), &scale), &shift) in y.iter_mut().zip(x).zip(&scale).zip(&shift) {
                    *y = x * scale + shift;
                }
            }
        });
        Ok(())
    }

    fn backward(
        &mut self,
        with: Backward<'_, F>,
        Seen { x, dy, .. }: Seen<'_, F>,
        dx: Option<&mut Batch<F>>,
    ) -> Result<(), LearnError> {
        let channels = x.plane.channels;
        let sums = total(x, dy, |x, d| (d, d * x));
        let gamma = &with.parameters[..channels];
        let (d_gamma, d_beta) = with.gradient.split_at_mut(channels);
        // dx = scale * dy + along * x + offset
        let (mut scale, mut along, mut offset) = (Vec::new(), Vec::new(), Vec::new());
        for c in 0..channels {
            let (sum, product) = (sums[c], sums[channels + c]);
            let bend = self.inverse[c] * (product - self.mean[c] * sum);
            d_gamma[c] += F::of(bend);
            d_beta[c] += F::of(sum);
            let factor = gamma[c].wide() * self.inverse[c];
            let share = if self.count == 0 { 0.0 } else { factor / self.count as f64 };
            let slope = -share * self.inverse[c] * bend;
            scale.push(F::of(factor));
            along.push(F::of(slope));
            offset.push(F::of(-share * sum - slope * self.mean[c]));
        }
        let Some(dx) = dx else { return Ok(()) };
        dx.each_mut().zip(x.each().zip(dy.each())).for_each(|(dx, (x, dy))| {
            let pixels = dx.chunks_exact_mut(channels).zip(x.chunks_exact(channels)).zip(dy.chunks_exact(channels));
            for ((dx, x), dy) in pixels {
                let values = dx.iter_mut().zip(x).zip(dy);
                for (((to, &x), &d), c) in values.zip(0..) {
                    *to = scale[c] * d + (along[c] * x + offset[c]);
                }
            }
        });
        Ok(())
    }

    fn follow(&self, state: &mut [F]) {
        let unbiased = self.count as f64 / (self.count as f64 - 1.0).max(1.0);
        let news = self.mean.iter().copied().chain(self.variance.iter().map(|v| v * unbiased));
        state.iter_mut().zip(news).for_each(|(old, new)| *old = F::of(old.wide() + MOMENTUM * (new - old.wide())));
    }
}

impl Work {
    fn measure<F: Real>(&mut self, x: &Batch<F>) {
        let channels = x.plane.channels;
        self.count = x.clips() * x.plane.height * x.plane.width;
        let count = self.count as f64;
        let sums = total(x, x, |x, _| (x, x * x));
        self.mean = sums[..channels].iter().map(|sum| sum / count).collect();
        let squares = sums[channels..].iter().zip(&self.mean);
        // Not `max(0.0)`: that would turn NaN into 0 and hide it.
        self.variance =
            squares.map(|(sum, mean)| sum / count - mean * mean).map(|v| if v < 0.0 { 0.0 } else { v }).collect();
    }
}

/// Sums of two terms over all pixels, per channel; images in their order.
fn total<F: Real>(x: &Batch<F>, d: &Batch<F>, term: impl Fn(f64, f64) -> (f64, f64) + Sync) -> Vec<f64> {
    let channels = x.plane.channels;
    let one = |(x, d): (&[F], &[F])| {
        let mut sums = vec![0.0; 2 * channels];
        let (first, second) = sums.split_at_mut(channels);
        for (x, d) in x.chunks_exact(channels).zip(d.chunks_exact(channels)) {
            for (((x, d), a), b) in x.iter().zip(d).zip(first.iter_mut()).zip(second.iter_mut()) {
                let (one, other) = term(x.wide(), d.wide());
                *a += one;
                *b += other;
            }
        }
        sums
    };
    let all: Vec<Vec<f64>> = x.each().zip(d.each()).map(one).collect();
    let mut total = vec![0.0; 2 * channels];
    all.iter().for_each(|sums| total.iter_mut().zip(sums).for_each(|(total, sum)| *total += sum));
    total
}
