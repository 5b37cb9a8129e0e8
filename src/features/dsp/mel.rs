//! Mel bands, decibels, the cosine transform behind MFCC, and derivatives over time.
//!
//! Definitions and defaults are librosa's. Deliberately absent: which bands and how many coefficients a set takes.

use super::{Kernel, wide};

/// Below this power the decibel scale ends: -100 dB (`librosa.power_to_db`'s `amin`).
pub const POWER_FLOOR: f32 = 1e-10;

/// Frames a derivative looks at: four on each side.
pub const DELTA_WIDTH: usize = 9;

const LANES: usize = 8;
const HZ_PER_MEL: f64 = 200.0 / 3.0;
const LOG_START_HZ: f64 = 1000.0;

/// How frequency becomes mel.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Scale {
    /// Linear below 1 kHz, logarithmic above (Slaney's Auditory Toolbox): librosa's default.
    Slaney,
    /// 2595 log10(1 + f / 700), as in HTK.
    Htk,
}

impl Scale {
    /// Hz to mel.
    pub fn mel(self, hz: f64) -> f64 {
        match self {
            Scale::Htk => 2595.0 * (1.0 + hz / 700.0).log10(),
            Scale::Slaney if hz < LOG_START_HZ => hz / HZ_PER_MEL,
            Scale::Slaney => LOG_START_HZ / HZ_PER_MEL + (hz / LOG_START_HZ).ln() / log_step(),
        }
    }

    /// Mel to Hz.
    pub fn hz(self, mel: f64) -> f64 {
        let start = LOG_START_HZ / HZ_PER_MEL;
        match self {
            Scale::Htk => 700.0 * (10.0_f64.powf(mel / 2595.0) - 1.0),
            Scale::Slaney if mel < start => mel * HZ_PER_MEL,
            Scale::Slaney => LOG_START_HZ * (log_step() * (mel - start)).exp(),
        }
    }
}

fn log_step() -> f64 {
    6.4_f64.ln() / 27.0
}

/// How high the triangles are.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Norm {
    /// Each of area 1 in Hz: librosa's default, "slaney".
    Area,
    /// Each of height 1: librosa's `norm=None`, and HTK's.
    Height,
}

/// All that decides a [`MelBank`] besides the spectrum it looks at.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Mel {
    /// Number of bands.
    pub bands: usize,
    /// Lower edge of the lowest band in Hz.
    pub low: f64,
    /// Upper edge of the highest band in Hz.
    pub high: f64,
    /// What the bands are evenly spaced in.
    pub scale: Scale,
    /// How high they are.
    pub norm: Norm,
}

/// Triangular bands over a power spectrum (`librosa.filters.mel`).
#[derive(Debug, Clone)]
pub struct MelBank {
    bands: Vec<Band>,
}

#[derive(Debug, Clone)]
struct Band {
    first: usize,
    weights: Vec<f32>,
}

impl MelBank {
    /// `count` bands of Slaney's scale and area from `low` to `high` Hz, over bins of the given frequencies (Hz,
    /// ascending).
    pub fn new(frequencies: &[f32], count: usize, low: f64, high: f64) -> MelBank {
        MelBank::of(frequencies, Mel { bands: count, low, high, scale: Scale::Slaney, norm: Norm::Area })
    }

    /// Bands evenly spaced in mel, over bins of the given frequencies (Hz, ascending).
    ///
    /// A band narrower than the bins may hold none; it then measures 0.
    pub fn of(frequencies: &[f32], mel: Mel) -> MelBank {
        let (low, high) = (mel.scale.mel(mel.low), mel.scale.mel(mel.high));
        let edge = |i: usize| mel.scale.hz(low + (high - low) * i as f64 / (mel.bands + 1) as f64);
        let edges: Vec<f64> = (0..mel.bands + 2).map(edge).collect();
        let band = |edges: &[f64]| Band::new(frequencies, [edges[0], edges[1], edges[2]], mel.norm);
        MelBank { bands: edges.windows(3).map(band).collect() }
    }

    /// Number of bands.
    pub fn len(&self) -> usize {
        self.bands.len()
    }

    /// True for a bank without bands.
    pub fn is_empty(&self) -> bool {
        self.bands.is_empty()
    }

    /// Power per band of one frame's power spectrum; `into` holds one number per band.
    pub fn apply(&self, power: &[f32], into: &mut [f32]) {
        wide(Weigh { bands: &self.bands, power, into });
    }
}

struct Weigh<'a> {
    bands: &'a [Band],
    power: &'a [f32],
    into: &'a mut [f32],
}

impl Kernel for Weigh<'_> {
    type Output = ();

    #[inline(always)]
    fn run(self) {
        for (out, band) in self.into.iter_mut().zip(self.bands) {
            *out = dot(&band.weights, &self.power[band.first..band.first + band.weights.len()]);
        }
    }
}

impl Band {
    fn new(frequencies: &[f32], [low, centre, high]: [f64; 3], norm: Norm) -> Band {
        let peak = match norm {
            Norm::Area => 2.0 / (high - low),
            Norm::Height => 1.0,
        };
        let weight = |hz: f64| ((hz - low) / (centre - low)).min((high - hz) / (high - centre)).max(0.0) * peak;
        let first = frequencies.partition_point(|&hz| f64::from(hz) <= low);
        let end = frequencies.partition_point(|&hz| f64::from(hz) < high).max(first);
        // Whole registers: bins beyond the triangle have weight 0.
        let whole = (end - first).next_multiple_of(LANES).min(frequencies.len());
        let first = first.min(frequencies.len() - whole);
        Band {
            first,
            weights: frequencies[first..first + whole].iter().map(|&hz| weight(f64::from(hz)) as f32).collect(),
        }
    }
}

/// Dot product in a fixed order with eight partial sums, which the compiler keeps in one register.
#[inline(always)]
pub(super) fn dot(a: &[f32], b: &[f32]) -> f32 {
    let mut sums = [0.0_f32; LANES];
    let ((a, a_tail), (b, b_tail)) = (a.as_chunks::<LANES>(), b.as_chunks::<LANES>());
    let tail: f32 = a_tail.iter().zip(b_tail).map(|(x, y)| x * y).sum();
    for (x, y) in a.iter().zip(b) {
        for lane in 0..LANES {
            sums[lane] += x[lane] * y[lane];
        }
    }
    let [a, b, c, d, e, f, g, h] = sums;
    ((a + e) + (c + g)) + ((b + f) + (d + h)) + tail
}

/// Power to decibels re 1, floored at [`POWER_FLOOR`] (`librosa.power_to_db` with `ref=1`, without `top_db`).
///
/// The logarithm is a polynomial (Moshier's Cephes `logf`) without branches or calls, so that loops over it run on
/// whole registers; it is within 2e-6 dB + 2e-7 of its value. Infinity counts as 2^128.
#[inline(always)]
pub fn power_to_db(power: f32) -> f32 {
    const DB_PER_NEPER: f32 = 10.0 / std::f32::consts::LN_10;
    DB_PER_NEPER * ln(if power > POWER_FLOOR { power } else { POWER_FLOOR })
}

/// [`power_to_db`] of each.
pub fn powers_to_db(values: &mut [f32]) {
    wide(Levels(values));
}

struct Levels<'a>(&'a mut [f32]);

impl Kernel for Levels<'_> {
    type Output = ();

    #[inline(always)]
    fn run(self) {
        self.0.iter_mut().for_each(|value| *value = power_to_db(*value));
    }
}

/// Natural logarithm of a positive normal number.
#[inline(always)]
fn ln(x: f32) -> f32 {
    const COEFFICIENTS: [f32; 9] = [
        7.037_683_6e-2,
        -1.151_461e-1,
        1.167_699_9e-1,
        -1.242_014_1e-1,
        1.424_932_3e-1,
        -1.666_805_8e-1,
        2.000_071_5e-1,
        -2.499_999_4e-1,
        3.333_333e-1,
    ];
    // ln 2 in two parts, so that whole numbers times the first are exact.
    const LN_2: [f32; 2] = [0.693_359_4, -2.121_944_4e-4];
    let root_half = std::f32::consts::FRAC_1_SQRT_2.to_bits();
    let bits = x.to_bits().wrapping_sub(root_half) as i32;
    let exponent = (bits >> 23) as f32;
    let rest = f32::from_bits((bits as u32 & 0x7f_ffff).wrapping_add(root_half)) - 1.0;
    let square = rest * rest;
    let tail = COEFFICIENTS.iter().fold(0.0, |sum, c| sum * rest + c);
    let small = rest * square * tail + exponent * LN_2[1] - 0.5 * square;
    rest + small + exponent * LN_2[0]
}

/// Raises everything more than `top_db` below the maximum to that level.
pub fn clip_range(db: &mut [f32], top_db: f32) {
    let mut highest = [f32::NEG_INFINITY; LANES];
    let (chunks, tail) = db.as_chunks::<LANES>();
    for chunk in chunks {
        for (most, &value) in highest.iter_mut().zip(chunk) {
            *most = if value > *most { value } else { *most };
        }
    }
    let floor = highest.iter().chain(tail).copied().fold(f32::NEG_INFINITY, f32::max) - top_db;
    db.iter_mut().for_each(|value| *value = if *value > floor { *value } else { floor });
}

/// Decibels re a level, between two bounds (`librosa.power_to_db`, `librosa.amplitude_to_db`).
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Decibels {
    /// What counts as 0 dB.
    pub reference: Reference,
    /// The least power that counts, librosa's `amin`: positive.
    pub floor: f64,
    /// Range kept below the maximum in dB; `None` keeps all.
    pub top_db: Option<f32>,
}

/// What counts as 0 dB.
#[derive(Debug, Clone, Copy, PartialEq)]
pub enum Reference {
    /// This power.
    Power(f64),
    /// The largest power there is.
    Maximum,
}

impl Decibels {
    /// librosa's defaults: re 1, at least 1e-10, 80 dB below the maximum.
    pub const LIBROSA: Decibels = Decibels { reference: Reference::Power(1.0), floor: 1e-10, top_db: Some(80.0) };

    /// Replaces powers by their level.
    pub fn powers(&self, values: &mut [f32]) {
        let db = |power: f64| 10.0 * power.max(self.floor).log10();
        let reference = match self.reference {
            Reference::Power(power) => power.abs(),
            Reference::Maximum => f64::from(values.iter().copied().fold(0.0, f32::max)),
        };
        let zero = db(reference);
        values.iter_mut().for_each(|value| *value = (db(f64::from(*value)) - zero) as f32);
        if let Some(top_db) = self.top_db {
            clip_range(values, top_db);
        }
    }

    /// Replaces amplitudes by their level; `floor` and the reference are powers here too (librosa's `amin` is 1e-5,
    /// its square 1e-10).
    pub fn amplitudes(&self, values: &mut [f32]) {
        values.iter_mut().for_each(|value| *value *= *value);
        self.powers(values);
    }
}

/// Orthonormal DCT-II matrix, first `rows` rows over `len` inputs (`scipy.fft.dct(norm="ortho")`): row-major.
pub fn dct(rows: usize, len: usize) -> Vec<f32> {
    // All angles are multiples of one: 4 len cosines are enough.
    let turn = std::f64::consts::PI / (2 * len) as f64;
    let cosines: Vec<f64> = (0..4 * len).map(|i| (turn * i as f64).cos()).collect();
    let entry = |row: usize, i: usize| {
        let scale = if row == 0 { 1.0 } else { 2.0_f64 };
        ((scale / len as f64).sqrt() * cosines[row * (2 * i + 1) % (4 * len)]) as f32
    };
    (0..rows).flat_map(|row| (0..len).map(move |i| (row, i))).map(|(row, i)| entry(row, i)).collect()
}

/// Applies a row-major matrix to a vector of `from.len()` numbers.
pub fn transform(matrix: &[f32], from: &[f32], into: &mut [f32]) {
    for (out, row) in into.iter_mut().zip(matrix.chunks_exact(from.len())) {
        *out = dot(row, from);
    }
}

/// Which derivative over time.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Order {
    /// Slope of the line of least squares through the frames around.
    First,
    /// Curvature of the parabola of least squares.
    Second,
}

/// First derivative per frame: slope of the line through nine frames (`librosa.feature.delta`).
///
/// Ends follow the line of the first and last nine frames (`mode="interp"`); a track of fewer than nine frames,
/// where librosa refuses, repeats its end values instead (`mode="nearest"`).
pub fn delta(track: &[f32], into: &mut [f32]) {
    wide(Nine { track, into, order: Order::First });
}

/// Second derivative per frame: curvature of the parabola through nine frames (`librosa.feature.delta`, order 2),
/// with the ends of [`delta`].
pub fn delta2(track: &[f32], into: &mut [f32]) {
    wide(Nine { track, into, order: Order::Second });
}

/// [`delta`] or [`delta2`] through `width` frames; an even `width` counts as one more, and at least 3.
pub fn derivative(track: &[f32], into: &mut [f32], order: Order, width: usize) {
    let weights: Vec<f32> = order.weights(width.max(3) | 1).collect();
    let half = weights.len() / 2;
    if track.len() < weights.len() {
        return derive_short(track, into, &weights);
    }
    let sum = |around: &[f32]| around.iter().zip(&weights).map(|(value, weight)| value * weight).sum();
    let inner = track.windows(weights.len()).map(sum);
    into[half..].iter_mut().zip(inner).for_each(|(out, value)| *out = value);
    spread_ends(into, half);
}

impl Order {
    fn weights(self, width: usize) -> impl Iterator<Item = f32> {
        let offsets = (0..width).map(move |i| i as f64 - (width / 2) as f64);
        let square: f64 = offsets.clone().map(|k| k * k).sum();
        let mean = square / width as f64;
        let spread: f64 = offsets.clone().map(|k| (k * k - mean).powi(2)).sum();
        let weight = move |k: f64| match self {
            Order::First => k / square,
            Order::Second => 2.0 * (k * k - mean) / spread,
        };
        offsets.map(move |k| weight(k) as f32)
    }
}

/// The width of all feature sets, known to the compiler: whole registers of frames at a time.
struct Nine<'a> {
    track: &'a [f32],
    into: &'a mut [f32],
    order: Order,
}

impl Kernel for Nine<'_> {
    type Output = ();

    #[inline(always)]
    fn run(self) {
        const HALF: usize = DELTA_WIDTH / 2;
        let Nine { track, into, order } = self;
        let mut weights = [0.0; DELTA_WIDTH];
        weights.iter_mut().zip(order.weights(DELTA_WIDTH)).for_each(|(weight, value)| *weight = value);
        if track.len() < DELTA_WIDTH {
            return derive_short(track, into, &weights);
        }
        let inner = track.len() - 2 * HALF;
        let shifted: [&[f32]; DELTA_WIDTH] = std::array::from_fn(|k| &track[k..k + inner]);
        for (t, out) in into[HALF..HALF + inner].iter_mut().enumerate() {
            let mut sum = 0.0;
            for k in 0..DELTA_WIDTH {
                sum += weights[k] * shifted[k][t];
            }
            *out = sum;
        }
        spread_ends(into, HALF);
    }
}

/// End values are repeated outwards.
fn derive_short(track: &[f32], into: &mut [f32], weights: &[f32]) {
    let Some(last) = track.len().checked_sub(1) else { return };
    let half = weights.len() / 2;
    for (t, out) in into.iter_mut().enumerate() {
        let at = |k: usize| track[(t + k).saturating_sub(half).min(last)];
        *out = weights.iter().enumerate().map(|(k, weight)| weight * at(k)).sum();
    }
}

/// The fitted polynomial's highest derivative is constant over its frames.
fn spread_ends(into: &mut [f32], half: usize) {
    let end = into.len() - half;
    let (first, last) = (into[half], into[end - 1]);
    into[..half].fill(first);
    into[end..].fill(last);
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn mel_and_back() {
        for scale in [Scale::Slaney, Scale::Htk] {
            for hz in [0.0, 50.0, 999.0, 1000.0, 4321.0, 20_000.0] {
                assert!((scale.hz(scale.mel(hz)) - hz).abs() < 1e-8 * hz.max(1.0));
            }
        }
        assert!((Scale::Slaney.mel(1000.0) - 15.0).abs() < 1e-12);
        assert!((Scale::Htk.mel(1000.0) - 999.9855).abs() < 1e-4);
    }

    #[test]
    fn delta_of_a_line_is_its_slope_everywhere() {
        let line: Vec<f32> = (0..20).map(|i| 3.0 * i as f32 - 7.0).collect();
        let (mut first, mut second) = (vec![9.0; 20], vec![9.0; 20]);
        delta(&line, &mut first);
        delta2(&line, &mut second);
        assert!(first.iter().all(|v| (v - 3.0).abs() < 1e-5), "{first:?}");
        assert!(second.iter().all(|v| v.abs() < 1e-4), "{second:?}");
    }

    #[test]
    fn second_delta_of_a_parabola_is_twice_its_factor() {
        let parabola: Vec<f32> = (0..15).map(|i| 0.5 * (i * i) as f32).collect();
        let mut second = vec![0.0; 15];
        delta2(&parabola, &mut second);
        assert!(second.iter().all(|v| (v - 1.0).abs() < 1e-4), "{second:?}");
    }

    #[test]
    fn a_short_track_has_finite_derivatives() {
        for len in 0..DELTA_WIDTH {
            let mut out = vec![f32::NAN; len];
            delta(&vec![1.0; len], &mut out);
            assert!(out.iter().all(|v| v.abs() < 1e-6), "{out:?}");
        }
    }

    #[test]
    fn dct_rows_are_orthonormal() {
        let (rows, len) = (5, 16);
        let matrix = dct(rows, len);
        for a in 0..rows {
            for b in 0..rows {
                let product = dot(&matrix[a * len..][..len], &matrix[b * len..][..len]);
                assert!((product - f32::from(a == b)).abs() < 1e-6);
            }
        }
    }

    #[test]
    fn a_band_between_two_bins_measures_nothing() {
        let bank = MelBank::new(&[0.0, 1000.0], 3, 400.0, 600.0);
        let mut out = [9.0; 3];
        bank.apply(&[1.0, 1.0], &mut out);
        assert_eq!(out, [0.0; 3]);
    }
}
