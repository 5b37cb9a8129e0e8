//! What follows a convolution, fused: batch normalisation, ReLU, and 2x2 max-pool, the mean over all pixels, or nothing.
//!
//! With `y` the convolution's output, normalisation is `z = scale * y + shift` per channel, where `scale = gamma /
//! sd` and `shift = beta - mean * scale` (Ioffe & Szegedy 2015, arXiv:1502.03167). As `z` rises or falls with `y`, the
//! largest `z` of four is at their largest or smallest `y`: pooling picks that `y`, and everything else follows from
//! it, so no normalised image and no arg-max is ever stored. Sums over images are taken in f64, image by image, so
//! they do not depend on threads. Deliberately absent: threads and parameters' places.
//!
//! Loops run over pixels for [`LANES`] channels at a time, so that factors and sums stay in registers. All are always
//! inlined, so that callers can have them compiled for wider registers (`kernel::widest`).

use super::super::plane::Plane;
use super::lanes::LANES;

/// Added to the variance (PyTorch's default).
const EPSILON: f64 = 1e-5;
/// Numbers summed in f32 before their sum goes on in f64.
const RUN: usize = 8;

/// `$pass::<W>(first, ...)` for all channels: `W` of them from `first`, [`LANES`] at a time and the rest one by one.
macro_rules! by_lanes {
    ($channels:expr, $pass:ident, $($argument:expr),*) => {{
        let mut first = 0;
        while first + LANES <= $channels {
            $pass::<LANES>(first, $($argument),*);
            first += LANES;
        }
        while first < $channels {
            $pass::<1>(first, $($argument),*);
            first += 1;
        }
    }};
}

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

    #[inline(always)]
    fn factors<const W: usize>(&self, first: usize) -> ([f32; W], [f32; W]) {
        (load(&self.scale, first), load(&self.shift, first))
    }

    /// False once a NaN or infinity has come through the net.
    pub fn is_finite(&self) -> bool {
        let factors = self.scale.iter().chain(&self.shift);
        self.variance.iter().all(|v| v.is_finite()) && factors.into_iter().all(|v| v.is_finite())
    }

    /// From the sums of [`add_kept_sums`] or [`add_mean_sums`] over the batch: the gradients of gamma and beta, and what
    /// [`spread_pool`], [`spread_all`] and [`spread_mean`] need.
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

impl Slope {
    #[inline(always)]
    fn factors<const W: usize>(&self, first: usize) -> ([f32; W], [f32; W]) {
        (load(&self.along, first), load(&self.offset, first))
    }
}

/// Adds per-channel sums of a flat image and of its squares to `sums` (2 x channels).
#[inline(always)]
pub fn sum_up(plane: Plane, y: &[f32], sums: &mut [f64]) {
    for row in 0..plane.height {
        by_lanes!(plane.channels, sum_row, &y[plane.flat_row(row)], sums);
    }
}

#[inline(always)]
fn sum_row<const W: usize>(first: usize, y: &[f32], sums: &mut [f64]) {
    let channels = sums.len() / 2;
    let term = |pixel: usize| {
        let y = load::<W>(y, pixel * channels + first);
        [y, each(|i| y[i] * y[i])]
    };
    add_runs(y.len() / channels, term, first, sums);
}

/// For one row of 2x2 windows: the `y` whose `z` is largest. `top` and `bottom` are two rows of `y`; of `scale` only
/// the signs count, which are those of gamma.
#[inline(always)]
pub fn pick_row(top: &[f32], bottom: &[f32], scale: &[f32], picked: &mut [f32]) {
    by_lanes!(scale.len(), pick_lanes, (top, bottom), scale, picked);
}

#[inline(always)]
fn pick_lanes<const W: usize>(first: usize, (top, bottom): (&[f32], &[f32]), scale: &[f32], picked: &mut [f32]) {
    let channels = scale.len();
    let scale = load::<W>(scale, first);
    let windows = top.chunks_exact(2 * channels).zip(bottom.chunks_exact(2 * channels));
    for (out, (top, bottom)) in picked.chunks_exact_mut(channels).zip(windows) {
        let (a, b) = (load::<W>(top, first), load::<W>(top, channels + first));
        let (c, d) = (load::<W>(bottom, first), load::<W>(bottom, channels + first));
        let high = each::<W, _>(|i| larger(larger(a[i], b[i]), larger(c[i], d[i])));
        let low = each::<W, _>(|i| smaller(smaller(a[i], b[i]), smaller(c[i], d[i])));
        store(out, first, each::<W, _>(|i| if scale[i] >= 0.0 { high[i] } else { low[i] }));
    }
}

/// Some rows of numbers in a slice: the first begins it.
#[derive(Debug, Clone, Copy)]
pub struct Rows {
    /// How many.
    pub count: usize,
    /// Numbers of each.
    pub len: usize,
    /// From the start of one to the next where they are read, and where they are written.
    pub steps: (usize, usize),
}

/// Normalisation and ReLU of some rows.
#[inline(always)]
pub fn activate(rows: Rows, y: &[f32], normal: &Normal, out: &mut [f32]) {
    for row in 0..rows.count {
        let (y, out) = (&y[row * rows.steps.0..][..rows.len], &mut out[row * rows.steps.1..][..rows.len]);
        by_lanes!(normal.scale.len(), activate_lanes, y, normal, out);
    }
}

#[inline(always)]
fn activate_lanes<const W: usize>(first: usize, y: &[f32], normal: &Normal, out: &mut [f32]) {
    let channels = normal.scale.len();
    let (scale, shift) = normal.factors::<W>(first);
    for (out, y) in out.chunks_exact_mut(channels).zip(y.chunks_exact(channels)) {
        let y = load::<W>(y, first);
        store(out, first, each::<W, _>(|i| larger(scale[i] * y[i] + shift[i], 0.0)));
    }
}

/// Scoring, where the scale is in the kernel: max-pool, shift and ReLU of two rows.
#[inline(always)]
pub fn pool_and_shift(top: &[f32], bottom: &[f32], shift: &[f32], out: &mut [f32]) {
    by_lanes!(shift.len(), pool_and_shift_lanes, (top, bottom), shift, out);
}

#[inline(always)]
fn pool_and_shift_lanes<const W: usize>(first: usize, (top, bottom): (&[f32], &[f32]), shift: &[f32], out: &mut [f32]) {
    let channels = shift.len();
    let shift = load::<W>(shift, first);
    let windows = top.chunks_exact(2 * channels).zip(bottom.chunks_exact(2 * channels));
    for (out, (top, bottom)) in out.chunks_exact_mut(channels).zip(windows) {
        let (a, b) = (load::<W>(top, first), load::<W>(top, channels + first));
        let (c, d) = (load::<W>(bottom, first), load::<W>(bottom, channels + first));
        let high = each::<W, _>(|i| larger(larger(a[i], b[i]), larger(c[i], d[i])));
        store(out, first, each::<W, _>(|i| larger(high[i] + shift[i], 0.0)));
    }
}

/// The same without the pool.
#[inline(always)]
pub fn shift(y: &[f32], shift: &[f32], out: &mut [f32]) {
    by_lanes!(shift.len(), shift_lanes, y, shift, out);
}

#[inline(always)]
fn shift_lanes<const W: usize>(first: usize, y: &[f32], shift: &[f32], out: &mut [f32]) {
    let channels = shift.len();
    let shift = load::<W>(shift, first);
    for (out, y) in out.chunks_exact_mut(channels).zip(y.chunks_exact(channels)) {
        let y = load::<W>(y, first);
        store(out, first, each::<W, _>(|i| larger(y[i] + shift[i], 0.0)));
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

/// Gradient sums of normalisation: per channel the sum of `dz` and of `dz * y` of one image, into `sums` (2 x channels,
/// overwritten). `y` is what was kept of the convolution (all, or what a max-pool picked), `d` its gradient.
#[inline(always)]
pub fn add_kept_sums(rows: Rows, y: &[f32], d: &[f32], normal: &Normal, sums: &mut [f64]) {
    sums.fill(0.0);
    for row in 0..rows.count {
        let (y, d) = (&y[row * rows.steps.0..][..rows.len], &d[row * rows.steps.1..][..rows.len]);
        by_lanes!(normal.scale.len(), add_kept_row, (y, d), normal, sums);
    }
}

#[inline(always)]
fn add_kept_row<const W: usize>(first: usize, (y, d): (&[f32], &[f32]), normal: &Normal, sums: &mut [f64]) {
    let channels = normal.scale.len();
    let factors = normal.factors::<W>(first);
    let term = |pixel: usize| {
        let at = pixel * channels + first;
        slope_term(load::<W>(y, at), load::<W>(d, at), factors)
    };
    add_runs(y.len() / channels, term, first, sums);
}

/// The same under [`mean_pool`]; `d` is the gradient of the means.
#[inline(always)]
pub fn add_mean_sums(plane: Plane, y: &[f32], d: &[f32], (normal, mean): (&Normal, Mean), sums: &mut [f64]) {
    let shares = mean.shares(plane, d);
    sums.fill(0.0);
    for row in 0..plane.height {
        let share = &shares[mean.part(plane, row)];
        let y = &y[plane.flat_row(row)][..mean.valid * plane.channels];
        by_lanes!(plane.channels, add_mean_row, (y, share), normal, sums);
    }
}

#[inline(always)]
fn add_mean_row<const W: usize>(first: usize, (y, share): (&[f32], &[f32]), normal: &Normal, sums: &mut [f64]) {
    let (factors, share) = (normal.factors::<W>(first), load::<W>(share, first));
    let channels = normal.scale.len();
    let term = |pixel: usize| slope_term(load::<W>(y, pixel * channels + first), share, factors);
    add_runs(y.len() / channels, term, first, sums);
}

/// `dz` and `dz * y`.
#[inline(always)]
fn slope_term<const W: usize>(y: [f32; W], d: [f32; W], (scale, shift): ([f32; W], [f32; W])) -> [[f32; W]; 2] {
    let dz = each(|i| if scale[i] * y[i] + shift[i] > 0.0 { d[i] } else { 0.0 });
    [dz, each(|i| dz[i] * y[i])]
}

/// Carries the gradient of a max-pooled image back to `y`: writes the whole padded `dy`, border included. A tie goes
/// to the first of the four, as in PyTorch.
#[inline(always)]
pub fn spread_pool(plane: Plane, from: &Pooled<'_>, normal: &Normal, slope: &Slope, dy: &mut [f32]) {
    let pooled = plane.halved();
    plane.clear_border(dy);
    for row in 0..pooled.height {
        let (top, bottom) = (2 * row, 2 * row + 1);
        let windows = Pooled {
            y: &from.y[plane.flat_row(top).start..plane.flat_row(bottom).end],
            picked: &from.picked[pooled.dense_row(row)],
            d: &from.d[pooled.flat_row(row)],
        };
        let out = &mut dy[plane.padded_row(top).start..plane.padded_row(bottom).end];
        by_lanes!(plane.channels, spread_windows, windows, normal, slope, out);
    }
}

/// One row of 2x2 windows; `y` and `out` are two rows with the border between them.
#[inline(always)]
fn spread_windows<const W: usize>(first: usize, from: Pooled<'_>, normal: &Normal, slope: &Slope, out: &mut [f32]) {
    let channels = normal.scale.len();
    let (scale, shift) = normal.factors::<W>(first);
    let (along, offset) = slope.factors::<W>(first);
    let below = from.picked.len() * 2 + channels;
    let (top, bottom) = out.split_at_mut(below);
    let (above, under) = (&from.y[..below], &from.y[below..]);
    for x in 0..from.picked.len() / channels {
        let (picked, d) = (load::<W>(from.picked, x * channels + first), load::<W>(from.d, x * channels + first));
        let mut left = each::<W, _>(|i| if scale[i] * picked[i] + shift[i] > 0.0 { scale[i] * d[i] } else { 0.0 });
        for (y, out) in [(above, &mut *top), (under, &mut *bottom)] {
            for at in [2 * x * channels + first, (2 * x + 1) * channels + first] {
                let y = load::<W>(y, at);
                let taken = each::<W, _>(|i| if y[i] == picked[i] { left[i] } else { 0.0 });
                // What a pixel takes is no longer left for later pixels of its window.
                left = each(|i| left[i] - taken[i]);
                store(out, at, each::<W, _>(|i| taken[i] + (along[i] * y[i] + offset[i])));
            }
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

/// Carries the gradient `from.1` of an image without a pool back to `y`, `from.0`, both flat: writes the whole padded `dy`,
/// border included.
#[inline(always)]
pub fn spread_all(plane: Plane, from: (&[f32], &[f32]), normal: &Normal, slope: &Slope, dy: &mut [f32]) {
    plane.clear_border(dy);
    for row in 0..plane.height {
        let from = (&from.0[plane.flat_row(row)], &from.1[plane.flat_row(row)]);
        by_lanes!(plane.channels, spread_row, from, normal, slope, &mut dy[plane.padded_row(row)]);
    }
}

#[inline(always)]
fn spread_row<const W: usize>(first: usize, (y, d): (&[f32], &[f32]), normal: &Normal, slope: &Slope, out: &mut [f32]) {
    let channels = normal.scale.len();
    let (scale, shift) = normal.factors::<W>(first);
    let (along, offset) = slope.factors::<W>(first);
    let from = y.chunks_exact(channels).zip(d.chunks_exact(channels));
    for (out, (y, d)) in out.chunks_exact_mut(channels).zip(from) {
        let (y, d) = (load::<W>(y, first), load::<W>(d, first));
        let active = each::<W, _>(|i| if scale[i] * y[i] + shift[i] > 0.0 { scale[i] * d[i] } else { 0.0 });
        store(out, first, each::<W, _>(|i| active[i] + (along[i] * y[i] + offset[i])));
    }
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
    let (y, d) = from;
    let shares = mean.shares(plane, d);
    plane.clear_border(dy);
    for row in 0..plane.height {
        let (share, y) = (&shares[mean.part(plane, row)], &y[plane.flat_row(row)]);
        let (inside, outside) = dy[plane.padded_row(row)].split_at_mut(mean.valid * plane.channels);
        by_lanes!(plane.channels, spread_mean_row, (y, share), normal, slope, inside);
        by_lanes!(plane.channels, spread_nothing_row, &y[inside.len()..], slope, outside);
    }
}

#[inline(always)]
fn spread_mean_row<const W: usize>(
    first: usize,
    (y, share): (&[f32], &[f32]),
    normal: &Normal,
    slope: &Slope,
    out: &mut [f32],
) {
    let channels = normal.scale.len();
    let ((scale, shift), share) = (normal.factors::<W>(first), load::<W>(share, first));
    let (along, offset) = slope.factors::<W>(first);
    for (y, out) in y.chunks_exact(channels).zip(out.chunks_exact_mut(channels)) {
        let y = load::<W>(y, first);
        let active = each::<W, _>(|i| if scale[i] * y[i] + shift[i] > 0.0 { scale[i] * share[i] } else { 0.0 });
        store(out, first, each::<W, _>(|i| active[i] + along[i] * y[i] + offset[i]));
    }
}

/// Pixels behind the clip's end bear on nothing but the batch's mean and variance.
#[inline(always)]
fn spread_nothing_row<const W: usize>(first: usize, y: &[f32], slope: &Slope, out: &mut [f32]) {
    let channels = slope.along.len();
    let (along, offset) = slope.factors::<W>(first);
    for (y, out) in y.chunks_exact(channels).zip(out.chunks_exact_mut(channels)) {
        let y = load::<W>(y, first);
        store(out, first, each::<W, _>(|i| along[i] * y[i] + offset[i]));
    }
}

/// Adds two numbers per channel and pixel to `sums` (2 x channels), from channel `first`.
#[inline(always)]
fn add_runs<const W: usize>(pixels: usize, term: impl Fn(usize) -> [[f32; W]; 2], first: usize, sums: &mut [f64]) {
    let (mut totals, mut squares, channels) = ([0.0_f64; W], [0.0_f64; W], sums.len() / 2);
    let mut start = 0;
    while start < pixels {
        let (mut run, mut other) = ([0.0_f32; W], [0.0_f32; W]);
        let end = (start + RUN).min(pixels);
        for pixel in start..end {
            let [a, b] = term(pixel);
            run = each(|i| run[i] + a[i]);
            other = each(|i| other[i] + b[i]);
        }
        totals = each(|i| totals[i] + f64::from(run[i]));
        squares = each(|i| squares[i] + f64::from(other[i]));
        start = end;
    }
    for i in 0..W {
        sums[first + i] += totals[i];
        sums[channels + first + i] += squares[i];
    }
}

// Not array::from_fn, whose inner function is not always inlined.
#[inline(always)]
fn each<const W: usize, T: Copy + Default>(of: impl Fn(usize) -> T) -> [T; W] {
    let mut lanes = [T::default(); W];
    for (i, lane) in lanes.iter_mut().enumerate() {
        *lane = of(i);
    }
    lanes
}

#[inline(always)]
fn load<const W: usize>(numbers: &[f32], first: usize) -> [f32; W] {
    let mut lanes = [0.0; W];
    lanes.copy_from_slice(&numbers[first..first + W]);
    lanes
}

#[inline(always)]
fn store<const W: usize>(numbers: &mut [f32], first: usize, lanes: [f32; W]) {
    numbers[first..first + W].copy_from_slice(&lanes);
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
