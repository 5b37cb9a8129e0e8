//! Squeeze-and-excitation (Hu et al. 2018, arXiv:1709.01507): each channel is scaled by what a small net makes of the
//! channels' means: `s = sigmoid(relu(m w1 + b1) w2 + b2)`. The mean is over what belongs to the clip.

use rayon::prelude::*;
use serde::{Deserialize, Serialize};

use super::super::batch::{Batch, Groups};
use super::super::kernel::Real;
use super::super::layer::{Backward, Forward, Kind, Layer, Seen, Start, Tensor};
use super::super::plane::Plane;
use super::activation::sigmoid;
use crate::learn::LearnError;

/// Settings.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Squeeze {
    /// The small net's hidden numbers.
    pub hidden: usize,
}

impl<F: Real> Kind<F> for Squeeze {
    fn output(&self, input: Plane) -> Result<Plane, String> {
        if (1..=4096).contains(&self.hidden) { Ok(input) } else { Err("hidden must be 1 to 4096".to_owned()) }
    }

    fn parameters(&self, input: Plane) -> Vec<Tensor> {
        let (c, hidden) = (input.channels, self.hidden);
        vec![
            Tensor::new("squeeze", &[c, hidden], Start::He(c)),
            Tensor::new("squeeze_bias", &[hidden], Start::Zeros),
            Tensor::new("excite", &[hidden, c], Start::He(hidden)),
            Tensor::new("excite_bias", &[c], Start::Zeros),
        ]
    }

    fn macs(&self, input: Plane) -> u64 {
        (2 * self.hidden * input.channels + input.dense_len()) as u64
    }

    fn build(&self, input: Plane) -> Box<dyn Layer<F>> {
        Box::new(Work { channels: input.channels, hidden: self.hidden, notes: Vec::new(), groups: Groups::default() })
    }
}

struct Work<F> {
    channels: usize,
    hidden: usize,
    /// Per clip: means, hidden numbers, scales.
    notes: Vec<F>,
    groups: Groups<F>,
}

/// The four tensors, or their gradients.
fn four<F>(all: &[F], channels: usize, hidden: usize) -> [&[F]; 4] {
    let (w1, rest) = all.split_at(channels * hidden);
    let (b1, rest) = rest.split_at(hidden);
    let (w2, b2) = rest.split_at(channels * hidden);
    [w1, b1, w2, b2]
}

impl<F: Real> Layer<F> for Work<F> {
    fn forward(&mut self, with: Forward<'_, F>, x: &Batch<F>, y: &mut Batch<F>) -> Result<(), LearnError> {
        y.shape_after(x, x.plane, 1);
        let (plane, c, hidden) = (x.plane, self.channels, self.hidden);
        self.notes.resize(x.clips() * (2 * c + hidden), F::ZERO);
        let [w1, b1, w2, b2] = four(with.parameters, c, hidden);
        let images = y.each_mut().zip(x.each()).zip(self.notes.par_chunks_exact_mut(2 * c + hidden));
        images.zip(&x.valid).for_each(|(((y, x), notes), &valid)| {
            let (mean, rest) = notes.split_at_mut(c);
            let (inner, scale) = rest.split_at_mut(hidden);
            means(plane, x, valid, mean);
            affine(mean, w1, b1, inner);
            inner.iter_mut().for_each(|v| *v = if *v < F::ZERO { F::ZERO } else { *v });
            affine(inner, w2, b2, scale);
            scale.iter_mut().for_each(|v| *v = sigmoid(*v));
            for (y, x) in y.chunks_exact_mut(c).zip(x.chunks_exact(c)) {
                y.iter_mut().zip(x).zip(&*scale).for_each(|((y, &x), &s)| *y = x * s);
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
        let (plane, c, hidden) = (x.plane, self.channels, self.hidden);
        let [w1, _, w2, _] = four(with.parameters, c, hidden);
        let notes = &self.notes;
        self.groups.run(x.clips(), with.gradient, dx, |clip, group, dx| {
            let notes = &notes[clip * (2 * c + hidden)..][..2 * c + hidden];
            let (mean, inner, scale) = (&notes[..c], &notes[c..c + hidden], &notes[c + hidden..]);
            group.work.resize(2 * c + hidden, F::ZERO);
            let (d_scale, rest) = group.work.split_at_mut(c);
            let (d_inner, d_mean) = rest.split_at_mut(hidden);
            d_scale.fill(F::ZERO);
            for (x, dy) in x.clip(clip).chunks_exact(c).zip(dy.clip(clip).chunks_exact(c)) {
                d_scale.iter_mut().zip(x).zip(dy).for_each(|((sum, &x), &d)| *sum += x * d);
            }
            d_scale.iter_mut().zip(scale).for_each(|(d, &s)| *d = *d * s * (F::ONE - s));
            let (first, second) = group.gradient.split_at_mut((c + 1) * hidden);
            affine_back((inner, w2, d_scale), second, d_inner);
            d_inner.iter_mut().zip(inner).for_each(|(d, &v)| *d = if v > F::ZERO { *d } else { F::ZERO });
            affine_back((mean, w1, d_inner), first, d_mean);
            if !dx.is_empty() {
                let valid = x.valid[clip];
                let share = F::of(1.0 / (plane.height * valid) as f64);
                for (pixel, (dx, dy)) in dx.chunks_exact_mut(c).zip(dy.clip(clip).chunks_exact(c)).enumerate() {
                    let share = if pixel % plane.width < valid { share } else { F::ZERO };
                    let factors = scale.iter().zip(&*d_mean);
                    dx.iter_mut().zip(dy).zip(factors).for_each(|((dx, &d), (&s, &m))| *dx = d * s + m * share);
                }
            }
        });
        Ok(())
    }
}

/// Means of the channels over what belongs to the clip.
fn means<F: Real>(plane: Plane, x: &[F], valid: usize, mean: &mut [F]) {
    let mut sums = vec![0.0; mean.len()];
    for row in x.chunks_exact(plane.width * plane.channels) {
        for pixel in row.chunks_exact(plane.channels).take(valid) {
            sums.iter_mut().zip(pixel).for_each(|(sum, x)| *sum += x.wide());
        }
    }
    mean.iter_mut().zip(sums).for_each(|(mean, sum)| *mean = F::of(sum / (plane.height * valid) as f64));
}

/// `y = x w + b`.
fn affine<F: Real>(x: &[F], w: &[F], b: &[F], y: &mut [F]) {
    y.copy_from_slice(b);
    for (&x, w) in x.iter().zip(w.chunks_exact(b.len())) {
        y.iter_mut().zip(w).for_each(|(y, &w)| *y += x * w);
    }
}

/// Adds to the gradient of `w` and `b`, which lie one behind the other, and writes that of `x`.
fn affine_back<F: Real>((x, w, dy): (&[F], &[F], &[F]), gradient: &mut [F], dx: &mut [F]) {
    let (for_w, for_b) = gradient.split_at_mut(w.len());
    for_b.iter_mut().zip(dy).for_each(|(sum, &d)| *sum += d);
    let rows = w.chunks_exact(dy.len()).zip(for_w.chunks_exact_mut(dy.len()));
    for ((dx, &x), (w, for_w)) in dx.iter_mut().zip(x).zip(rows) {
        for_w.iter_mut().zip(dy).for_each(|(sum, &d)| *sum += x * d);
        *dx = w.iter().zip(dy).map(|(&w, &d)| w * d).sum();
    }
}
