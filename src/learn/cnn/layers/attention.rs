//! Attentive statistics pooling (Okabe et al. 2018, arXiv:1803.10963): weighted mean and standard deviation of a
//! sequence, the weights a softmax over time of `v tanh(x w + b)`.
//!
//! Only frames that belong to the clip have weight. Deliberately absent: several heads, a context of all frames.

use rayon::prelude::*;
use serde::{Deserialize, Serialize};

use super::super::batch::{Batch, Groups};
use super::super::kernel::{Matrix, Real, Write, multiply};
use super::super::layer::{Backward, Forward, Kind, Layer, Seen, Start, Tensor};
use super::super::plane::Plane;
use crate::learn::LearnError;

/// Added to the variance, so that the slope of its root stays finite where all frames are equal.
const EPSILON: f64 = 1e-5;

/// Settings.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Attention {
    /// Hidden numbers from which a frame's weight is made.
    pub hidden: usize,
}

impl<F: Real> Kind<F> for Attention {
    fn output(&self, input: Plane) -> Result<Plane, String> {
        if input.height != 1 {
            return Err(format!("it reads images of height 1, not {}; `fold` makes them", input.height));
        }
        if !(1..=4096).contains(&self.hidden) {
            return Err("hidden must be 1 to 4096".to_owned());
        }
        Ok(Plane { height: 1, width: 1, channels: 2 * input.channels })
    }

    fn parameters(&self, input: Plane) -> Vec<Tensor> {
        let hidden = self.hidden;
        vec![
            Tensor::new("weight", &[input.channels, hidden], Start::Small(input.channels)),
            Tensor::new("bias", &[hidden], Start::Zeros),
            Tensor::new("score", &[hidden], Start::Small(hidden)),
        ]
    }

    fn macs(&self, input: Plane) -> u64 {
        (input.width * (input.channels + 1) * self.hidden + 2 * input.dense_len()) as u64
    }

    fn build(&self, _input: Plane) -> Box<dyn Layer<F>> {
        Box::new(Work { hidden: self.hidden, inner: Vec::new(), share: Vec::new(), groups: Groups::default() })
    }
}

struct Work<F> {
    hidden: usize,
    /// tanh(x w + b), `[clip][frame][hidden]`.
    inner: Vec<F>,
    /// Weight of each frame, `[clip][frame]`.
    share: Vec<F>,
    groups: Groups<F>,
}

impl<F: Real> Layer<F> for Work<F> {
    fn forward(&mut self, with: Forward<'_, F>, x: &Batch<F>, y: &mut Batch<F>) -> Result<(), LearnError> {
        let Plane { width, channels: c, .. } = x.plane;
        let hidden = self.hidden;
        y.shape(Plane { height: 1, width: 1, channels: 2 * c }, x.valid.iter().map(|_| 1));
        self.inner.resize(x.clips() * width * hidden, F::ZERO);
        self.share.resize(x.clips() * width, F::ZERO);
        let (weight, rest) = with.parameters.split_at(c * hidden);
        let (bias, score) = rest.split_at(hidden);
        let notes = self.inner.par_chunks_exact_mut(width * hidden).zip(self.share.par_chunks_exact_mut(width));
        y.each_mut().zip(x.each()).zip(notes).zip(&x.valid).for_each(|(((y, x), (inner, share)), &valid)| {
            inner.chunks_exact_mut(hidden).for_each(|frame| frame.copy_from_slice(bias));
            multiply(inner, Matrix::new(x, width, c, c), Matrix::new(weight, c, hidden, hidden), Write::Add);
            inner.iter_mut().for_each(|v| *v = v.tanh());
            for (share, inner) in share.iter_mut().zip(inner.chunks_exact(hidden)) {
                *share = dot(inner, score);
            }
            softmax(&mut share[..valid]);
            share[valid..].fill(F::ZERO);
            let (mean, sd) = y.split_at_mut(c);
            statistics(x, share, mean, sd);
        });
        Ok(())
    }

    fn backward(
        &mut self,
        with: Backward<'_, F>,
        Seen { x, y, dy }: Seen<'_, F>,
        dx: Option<&mut Batch<F>>,
    ) -> Result<(), LearnError> {
        let Plane { width, channels: c, .. } = x.plane;
        let hidden = self.hidden;
        let (weight, rest) = with.parameters.split_at(c * hidden);
        let score = &rest[hidden..];
        let (all_inner, all_share) = (&self.inner, &self.share);
        self.groups.run(x.clips(), with.gradient, dx, |clip, group, dx| {
            let inner = &all_inner[clip * width * hidden..][..width * hidden];
            let (share, x) = (&all_share[clip * width..][..width], x.clip(clip));
            group.work.resize(width * (hidden + 1) + 2 * c, F::ZERO);
            let (d_inner, rest) = group.work.split_at_mut(width * hidden);
            let (d_share, slopes) = rest.split_at_mut(width);
            slope_of_statistics(y.clip(clip), dy.clip(clip), slopes);
            // Of the frame's term in the sums: share * (slope * x + square * x * x).
            let (slope, square) = slopes.split_at(c);
            for (d, x) in d_share.iter_mut().zip(x.chunks_exact(c)) {
                *d = x.iter().zip(slope).zip(square).map(|((&x, &a), &b)| x * (a + b * x)).sum();
            }
            let level: F = d_share.iter().zip(share).map(|(&d, &s)| d * s).sum();
            d_share.iter_mut().zip(share).for_each(|(d, &s)| *d = s * (*d - level));
            let (for_weight, rest) = group.gradient.split_at_mut(c * hidden);
            let (for_bias, for_score) = rest.split_at_mut(hidden);
            let frames = d_inner.chunks_exact_mut(hidden).zip(inner.chunks_exact(hidden)).zip(&*d_share);
            for ((d_inner, inner), &d) in frames {
                for (((to, &v), &s), sum) in d_inner.iter_mut().zip(inner).zip(score).zip(for_score.iter_mut()) {
                    *sum += d * v;
                    *to = d * s * (F::ONE - v * v);
                }
                for_bias.iter_mut().zip(&*d_inner).for_each(|(sum, &d)| *sum += d);
            }
            let d_inner = Matrix::new(d_inner, width, hidden, hidden);
            multiply(for_weight, Matrix::new(x, width, c, c).transposed(), d_inner, Write::Add);
            if !dx.is_empty() {
                let two = F::ONE + F::ONE;
                for ((dx, x), &share) in dx.chunks_exact_mut(c).zip(x.chunks_exact(c)).zip(share) {
                    let factors = slope.iter().zip(square);
                    dx.iter_mut().zip(x).zip(factors).for_each(|((dx, &x), (&a, &b))| *dx = share * (a + two * b * x));
                }
                multiply(dx, d_inner, Matrix::new(weight, c, hidden, hidden).transposed(), Write::Add);
            }
        });
        Ok(())
    }
}

fn dot<F: Real>(a: &[F], b: &[F]) -> F {
    a.iter().zip(b).map(|(&a, &b)| a * b).sum()
}

/// In place, over all of it.
fn softmax<F: Real>(values: &mut [F]) {
    let high = values.iter().fold(values[0], |high, &v| if v > high { v } else { high });
    values.iter_mut().for_each(|v| *v = (*v - high).exp());
    let total: F = values.iter().copied().sum();
    values.iter_mut().for_each(|v| *v = *v / total);
}

/// Weighted mean and standard deviation of each channel, summed in f64.
fn statistics<F: Real>(x: &[F], share: &[F], mean: &mut [F], sd: &mut [F]) {
    let c = mean.len();
    let mut sums = vec![(0.0, 0.0); c];
    for (x, share) in x.chunks_exact(c).zip(share) {
        for (sum, x) in sums.iter_mut().zip(x) {
            let (x, share) = (x.wide(), share.wide());
            sum.0 += share * x;
            sum.1 += share * x * x;
        }
    }
    for ((mean, sd), (first, second)) in mean.iter_mut().zip(sd).zip(sums) {
        let variance = second - first * first;
        *mean = F::of(first);
        // Not `max(0.0)`: that would turn NaN into 0 and hide it.
        *sd = F::of((if variance < 0.0 { 0.0 } else { variance } + EPSILON).sqrt());
    }
}

/// Gradients of the weighted sums of `x` and of its squares, one behind the other.
fn slope_of_statistics<F: Real>(y: &[F], dy: &[F], slopes: &mut [F]) {
    let c = y.len() / 2;
    let (two, (slope, square)) = (F::ONE + F::ONE, slopes.split_at_mut(c));
    for i in 0..c {
        square[i] = dy[c + i] / (two * y[c + i]);
        slope[i] = dy[i] - two * y[i] * square[i];
    }
}
