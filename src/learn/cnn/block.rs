//! What follows a convolution, fused: batch normalisation, ReLU, and 2x2 max-pool or the mean over all pixels.
//!
//! With `y` the convolution's output, normalisation is `z = scale * y + shift` per channel, where `scale = gamma /
//! sd` and `shift = beta - mean * scale` (Ioffe & Szegedy 2015, arXiv:1502.03167). As `z` rises or falls with `y`, the
//! largest `z` of four is at their largest or smallest `y`: pooling picks that `y`, and everything else follows from
//! it, so no normalised image and no arg-max is ever stored. Sums over images are taken in f64, image by image, so
//! they do not depend on threads. Deliberately absent: threads and parameters' places.
//!
//! All loops are always inlined, so that callers can have them compiled for wider registers (`kernel::widest`).

use super::plane::Plane;

/// Added to the variance (PyTorch's default).
const EPSILON: f64 = 1e-5;
/// Numbers summed in f32 before their sum goes on in f64.
const RUN: usize = 8;

/// Batch normalisation of one batch: what forward found and backward needs again. One number per channel.
#[derive(Debug, Clone, Default)]
pub struct Normal {
    /// gamma / sd.
    pub scale: Vec<f32>,
    /// beta - mean * scale.
    pub shift: Vec<f32>,
    /// Mean of `y`.
    pub mean: Vec<f64>,
    /// Biased variance of `y`.
    pub variance: Vec<f64>,
    /// Pixels that mean and variance were taken over.
    pub count: usize,
}

impl Normal {
    /// From per-channel sums of `y` and of its squares over `count` pixels.
    pub fn of_batch(sums: &[f64], count: usize, gamma: &[f32], beta: &[f32]) -> Normal {
        let channels = gamma.len();
        let mean: Vec<f64> = sums[..channels].iter().map(|sum| sum / count as f64).collect();
        let squares = sums[channels..].iter().zip(&mean);
        // Not `max(0.0)`: that would turn NaN into 0 and hide it.
        let variance = squares.map(|(sum, mean)| sum / count as f64 - mean * mean);
        let variance = variance.map(|v| if v < 0.0 { 0.0 } else { v }).collect();
        Normal { count, ..Normal::of_moments(mean, variance, gamma, beta) }
    }

    /// From known mean and variance (scoring).
    pub fn of_moments(mean: Vec<f64>, variance: Vec<f64>, gamma: &[f32], beta: &[f32]) -> Normal {
        let scale: Vec<f64> =
            variance.iter().zip(gamma).map(|(v, &gamma)| f64::from(gamma) / (v + EPSILON).sqrt()).collect();
        let shift = scale.iter().zip(&mean).zip(beta).map(|((s, m), &beta)| (f64::from(beta) - m * s) as f32).collect();
        Normal { scale: scale.iter().map(|&s| s as f32).collect(), shift, mean, variance, count: 0 }
    }

    /// False once a NaN or infinity has come through the net.
    pub fn is_finite(&self) -> bool {
        let factors = self.scale.iter().chain(&self.shift);
        self.variance.iter().all(|v| v.is_finite()) && factors.into_iter().all(|v| v.is_finite())
    }

    /// From the sums of [`add_pool_sums`] or [`add_mean_sums`] over the batch: the gradients of gamma and beta, and what [`spread_pool`] and [`spread_mean`]
    /// need.
    pub fn backward(&self, sums: &[f64], d_gamma: &mut [f32], d_beta: &mut [f32]) -> Slope {
        let channels = self.scale.len();
        let mut slope = Slope { along: vec![0.0; channels], offset: vec![0.0; channels] };
        for c in 0..channels {
            let (sum, product) = (sums[c], sums[channels + c]);
            let inverse = 1.0 / (self.variance[c] + EPSILON).sqrt();
            let gamma_gradient = inverse * (product - self.mean[c] * sum);
            d_gamma[c] = gamma_gradient as f32;
            d_beta[c] = sum as f32;
            let scale = f64::from(self.scale[c]) / self.count as f64;
            let along = -scale * inverse * gamma_gradient;
            slope.along[c] = along as f32;
            slope.offset[c] = (-scale * sum - along * self.mean[c]) as f32;
        }
        slope
    }
}

/// How the batch's mean and variance bend the gradient: `dy = scale * dz + along * y + offset`, per channel.
#[derive(Debug, Clone, Default)]
pub struct Slope {
    along: Vec<f32>,
    offset: Vec<f32>,
}

/// Per-channel sums of a flat image and of its squares, into `sums` (2 x channels, overwritten).
#[inline(always)]
pub fn sum_up(plane: Plane, y: &[f32], sums: &mut [f64]) {
    sums.fill(0.0);
    let channels = plane.channels;
    let (total, squares) = sums.split_at_mut(channels);
    let mut run = vec![0.0_f32; 2 * channels];
    for row in 0..plane.height {
        for pixels in y[plane.flat_row(row)].chunks(RUN * channels) {
            run.fill(0.0);
            let (first, second) = run.split_at_mut(channels);
            for pixel in pixels.chunks_exact(channels) {
                for ((a, b), &v) in first.iter_mut().zip(second.iter_mut()).zip(pixel) {
                    *a += v;
                    *b += v * v;
                }
            }
            add_to(total, first);
            add_to(squares, second);
        }
    }
}

/// For one row of 2x2 windows: the `y` whose `z` is largest. `top` and `bottom` are two rows of `y`.
#[inline(always)]
pub fn pick_row(top: &[f32], bottom: &[f32], normal: &Normal, picked: &mut [f32]) {
    let channels = normal.scale.len();
    let windows = top.chunks_exact(2 * channels).zip(bottom.chunks_exact(2 * channels));
    for (out, (top, bottom)) in picked.chunks_exact_mut(channels).zip(windows) {
        let ((a, b), (c, d)) = (top.split_at(channels), bottom.split_at(channels));
        let corners = a.iter().zip(b).zip(c.iter().zip(d));
        for ((out, &scale), ((&a, &b), (&c, &d))) in out.iter_mut().zip(&normal.scale).zip(corners) {
            let high = larger(larger(a, b), larger(c, d));
            let low = smaller(smaller(a, b), smaller(c, d));
            *out = if scale >= 0.0 { high } else { low };
        }
    }
}

/// Normalisation and ReLU of a row.
#[inline(always)]
pub fn activate_row(y: &[f32], normal: &Normal, out: &mut [f32]) {
    let channels = normal.scale.len();
    for (out, y) in out.chunks_exact_mut(channels).zip(y.chunks_exact(channels)) {
        for ((out, &y), (&scale, &shift)) in out.iter_mut().zip(y).zip(normal.scale.iter().zip(&normal.shift)) {
            *out = larger(scale * y + shift, 0.0);
        }
    }
}

/// The mean over the first `valid` pixels of each row, taken in each of `parts` equal bundles of rows. One part is
/// the global mean; more keep some of where in the spectrum a channel was active.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Mean {
    /// Pixels of a row that belong to the clip.
    pub valid: usize,
    /// Divides the height.
    pub parts: usize,
}

impl Mean {
    /// The part of a row, as places in parts x channels.
    fn part(self, plane: Plane, row: usize) -> std::ops::Range<usize> {
        let part = row * self.parts / plane.height;
        part * plane.channels..(part + 1) * plane.channels
    }

    fn pixels(self, plane: Plane) -> usize {
        plane.height / self.parts * self.valid
    }

    /// What of the gradient of a mean each pixel gets.
    fn shares(self, plane: Plane, d: &[f32]) -> Vec<f32> {
        d.iter().map(|d| d / self.pixels(plane) as f32).collect()
    }
}

/// Means of the activations of a flat image, into `pooled` (parts x channels).
#[inline(always)]
pub fn mean_pool(plane: Plane, y: &[f32], normal: &Normal, mean: Mean, pooled: &mut [f32]) {
    let channels = plane.channels;
    let (mut total, mut run) = (vec![0.0; pooled.len()], vec![0.0_f32; channels]);
    for row in 0..plane.height {
        let total = &mut total[mean.part(plane, row)];
        for pixels in y[plane.flat_row(row)][..mean.valid * channels].chunks(RUN * channels) {
            run.fill(0.0);
            for pixel in pixels.chunks_exact(channels) {
                let factors = normal.scale.iter().zip(&normal.shift);
                for ((sum, &y), (&scale, &shift)) in run.iter_mut().zip(pixel).zip(factors) {
                    *sum += larger(scale * y + shift, 0.0);
                }
            }
            add_to(total, &run);
        }
    }
    let count = mean.pixels(plane) as f64;
    pooled.iter_mut().zip(&total).for_each(|(out, sum)| *out = (sum / count) as f32);
}

/// Gradient sums of normalisation under a max-pool: per channel the sum of `dz` and of `dz * y` of one image, into
/// `sums` (2 x channels, overwritten). `picked` is dense, `d` (the gradient of the pooled image) flat.
#[inline(always)]
pub fn add_pool_sums(pooled: Plane, picked: &[f32], d: &[f32], normal: &Normal, sums: &mut [f64]) {
    let channels = pooled.channels;
    sums.fill(0.0);
    let (total, products) = sums.split_at_mut(channels);
    let mut run = vec![0.0_f32; 2 * channels];
    for row in 0..pooled.height {
        let picked = picked[pooled.dense_row(row)].chunks(RUN * channels);
        for (picked, d) in picked.zip(d[pooled.flat_row(row)].chunks(RUN * channels)) {
            run.fill(0.0);
            for (y, d) in picked.chunks_exact(channels).zip(d.chunks_exact(channels)) {
                add_active(&mut run, y, d, normal);
            }
            add_to(total, &run[..channels]);
            add_to(products, &run[channels..]);
        }
    }
}

/// The same under [`mean_pool`]; `d` is the gradient of the means.
#[inline(always)]
pub fn add_mean_sums(plane: Plane, y: &[f32], d: &[f32], (normal, mean): (&Normal, Mean), sums: &mut [f64]) {
    let channels = plane.channels;
    let shares = mean.shares(plane, d);
    sums.fill(0.0);
    let (total, products) = sums.split_at_mut(channels);
    let mut run = vec![0.0_f32; 2 * channels];
    for row in 0..plane.height {
        let share = &shares[mean.part(plane, row)];
        for pixels in y[plane.flat_row(row)][..mean.valid * channels].chunks(RUN * channels) {
            run.fill(0.0);
            for y in pixels.chunks_exact(channels) {
                add_active(&mut run, y, share, normal);
            }
            add_to(total, &run[..channels]);
            add_to(products, &run[channels..]);
        }
    }
}

/// Carries the gradient of a max-pooled image back to `y`: writes the whole padded `dy`, border included. A tie goes
/// to the first of the four, as in PyTorch.
#[inline(always)]
pub fn spread_pool(plane: Plane, from: &Pooled<'_>, normal: &Normal, slope: &Slope, dy: &mut [f32]) {
    let pooled = plane.halved();
    plane.clear_border(dy);
    let mut left = vec![0.0_f32; pooled.width * plane.channels];
    for row in 0..pooled.height {
        let picked = &from.picked[pooled.dense_row(row)];
        activate_gradient(picked, &from.d[pooled.flat_row(row)], normal, &mut left);
        for half in 0..2 {
            let y = &from.y[plane.flat_row(2 * row + half)];
            let out = &mut dy[plane.padded_row(2 * row + half)];
            spread_row(y, picked, &mut left, slope, out);
        }
    }
}

/// What [`spread_pool`] reads: the convolution's output, the picked values and the gradient of the pooled image.
#[derive(Debug, Clone, Copy)]
pub struct Pooled<'a> {
    /// Flat.
    pub y: &'a [f32],
    /// Dense, of the pooled size.
    pub picked: &'a [f32],
    /// Flat, of the pooled size.
    pub d: &'a [f32],
}

/// Carries the gradient of the means, `from.1`, back to `y`, `from.0`: writes the whole padded `dy`, border included.
#[inline(always)]
pub fn spread_mean(
    plane: Plane,
    from: (&[f32], &[f32]),
    (normal, mean): (&Normal, Mean),
    slope: &Slope,
    dy: &mut [f32],
) {
    let ((y, d), channels) = (from, plane.channels);
    let shares = mean.shares(plane, d);
    plane.clear_border(dy);
    for row in 0..plane.height {
        let share = &shares[mean.part(plane, row)];
        let pixels = y[plane.flat_row(row)].chunks_exact(channels);
        for (x, (y, out)) in pixels.zip(dy[plane.padded_row(row)].chunks_exact_mut(channels)).enumerate() {
            let inside = if x < mean.valid { 1.0 } else { 0.0 };
            for c in 0..channels {
                let active = if normal.scale[c] * y[c] + normal.shift[c] > 0.0 { inside } else { 0.0 };
                out[c] = active * normal.scale[c] * share[c] + slope.along[c] * y[c] + slope.offset[c];
            }
        }
    }
}

/// `left = scale * d` where the picked value is active, else 0.
#[inline(always)]
fn activate_gradient(picked: &[f32], d: &[f32], normal: &Normal, left: &mut [f32]) {
    let channels = normal.scale.len();
    let pixels = picked.chunks_exact(channels).zip(d.chunks_exact(channels));
    for (left, (y, d)) in left.chunks_exact_mut(channels).zip(pixels) {
        let factors = normal.scale.iter().zip(&normal.shift);
        for ((left, (&y, &d)), (&scale, &shift)) in left.iter_mut().zip(y.iter().zip(d)).zip(factors) {
            *left = if scale * y + shift > 0.0 { scale * d } else { 0.0 };
        }
    }
}

/// One row of `dy`; what a pixel takes is no longer `left` for later pixels of its window.
#[inline(always)]
fn spread_row(y: &[f32], picked: &[f32], left: &mut [f32], slope: &Slope, out: &mut [f32]) {
    let channels = slope.along.len();
    let windows = picked.chunks_exact(channels).zip(left.chunks_exact_mut(channels));
    let pixels = y.chunks_exact(2 * channels).zip(out.chunks_exact_mut(2 * channels));
    for ((picked, left), (y, out)) in windows.zip(pixels) {
        for (y, out) in y.chunks_exact(channels).zip(out.chunks_exact_mut(channels)) {
            let slopes = slope.along.iter().zip(&slope.offset);
            let places = out.iter_mut().zip(y).zip(picked.iter().zip(left.iter_mut()));
            for (((out, &y), (&picked, left)), (&along, &offset)) in places.zip(slopes) {
                let taken = if y == picked { *left } else { 0.0 };
                *left -= taken;
                *out = taken + (along * y + offset);
            }
        }
    }
}

#[inline(always)]
fn add_active(run: &mut [f32], y: &[f32], d: &[f32], normal: &Normal) {
    let channels = y.len();
    let (first, second) = run.split_at_mut(channels);
    let (scale, shift) = (&normal.scale[..channels], &normal.shift[..channels]);
    let (first, second, d) = (&mut first[..channels], &mut second[..channels], &d[..channels]);
    for c in 0..channels {
        let dz = if scale[c] * y[c] + shift[c] > 0.0 { d[c] } else { 0.0 };
        first[c] += dz;
        second[c] += dz * y[c];
    }
}

#[inline(always)]
fn add_to(total: &mut [f64], part: &[f32]) {
    total.iter_mut().zip(part).for_each(|(total, &part)| *total += f64::from(part));
}

// f32::max costs two more instructions for its promise about NaN, which `Normal::is_finite` makes unneeded.
#[inline(always)]
fn larger(a: f32, b: f32) -> f32 {
    if a > b { a } else { b }
}

#[inline(always)]
fn smaller(a: f32, b: f32) -> f32 {
    if a < b { a } else { b }
}
