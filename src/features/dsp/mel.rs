//! Mel bands, decibels, the cosine transform behind MFCC, and derivatives over time.
//!
//! Slaney's scale and area normalisation, librosa's defaults. Deliberately absent: HTK's scale and liftering.

/// Below this power the decibel scale ends: -100 dB (`librosa.power_to_db`'s `amin`).
pub const POWER_FLOOR: f32 = 1e-10;

/// Frames a derivative looks at: four on each side.
pub const DELTA_WIDTH: usize = 9;

const LANES: usize = 8;
const HZ_PER_MEL: f64 = 200.0 / 3.0;
const LOG_START_HZ: f64 = 1000.0;

/// Hz to mel: linear below 1 kHz, logarithmic above (Slaney's Auditory Toolbox).
pub fn hz_to_mel(hz: f64) -> f64 {
    if hz < LOG_START_HZ { hz / HZ_PER_MEL } else { LOG_START_HZ / HZ_PER_MEL + (hz / LOG_START_HZ).ln() / log_step() }
}

/// Inverse of [`hz_to_mel`].
pub fn mel_to_hz(mel: f64) -> f64 {
    let start = LOG_START_HZ / HZ_PER_MEL;
    if mel < start { mel * HZ_PER_MEL } else { LOG_START_HZ * (log_step() * (mel - start)).exp() }
}

fn log_step() -> f64 {
    6.4_f64.ln() / 27.0
}

/// Triangular bands over a power spectrum, each of unit area in Hz (`librosa.filters.mel`, norm "slaney").
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
    /// `count` bands evenly spaced in mel from `low` to `high` Hz, over bins of the given frequencies (Hz).
    ///
    /// A band narrower than the bins may hold none; it then measures 0.
    pub fn new(frequencies: &[f32], count: usize, low: f64, high: f64) -> MelBank {
        let (low, high) = (hz_to_mel(low), hz_to_mel(high));
        let edge = |i: usize| mel_to_hz(low + (high - low) * i as f64 / (count + 1) as f64);
        let bands = (0..count).map(|i| Band::new(frequencies, [edge(i), edge(i + 1), edge(i + 2)])).collect();
        MelBank { bands }
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
        for (out, band) in into.iter_mut().zip(&self.bands) {
            *out = dot(&band.weights, &power[band.first..band.first + band.weights.len()]);
        }
    }
}

impl Band {
    fn new(frequencies: &[f32], [low, centre, high]: [f64; 3]) -> Band {
        let area = 2.0 / (high - low);
        let weight = |hz: f64| ((hz - low) / (centre - low)).min((high - hz) / (high - centre)).max(0.0) * area;
        let inside = |hz: f32| weight(f64::from(hz)) > 0.0;
        let first = frequencies.iter().position(|&hz| inside(hz)).unwrap_or(0);
        let weights =
            frequencies[first..].iter().take_while(|&&hz| inside(hz)).map(|&hz| weight(f64::from(hz)) as f32).collect();
        Band { first, weights }
    }
}

/// Dot product in a fixed order with eight partial sums, which the compiler keeps in one register.
fn dot(a: &[f32], b: &[f32]) -> f32 {
    let mut sums = [0.0_f32; LANES];
    let (a_chunks, b_chunks) = (a.chunks_exact(LANES), b.chunks_exact(LANES));
    let tail: f32 = a_chunks.remainder().iter().zip(b_chunks.remainder()).map(|(x, y)| x * y).sum();
    for (x, y) in a_chunks.zip(b_chunks) {
        for lane in 0..LANES {
            sums[lane] += x[lane] * y[lane];
        }
    }
    sums.iter().sum::<f32>() + tail
}

/// Power to decibels re 1, floored at [`POWER_FLOOR`] (`librosa.power_to_db` with `ref=1`, without `top_db`).
pub fn power_to_db(power: f32) -> f32 {
    const DB_PER_NEPER: f32 = 10.0 / std::f32::consts::LN_10;
    DB_PER_NEPER * power.max(POWER_FLOOR).ln()
}

/// Raises everything more than `top_db` below the maximum to that level.
pub fn clip_range(db: &mut [f32], top_db: f32) {
    let floor = db.iter().copied().fold(f32::NEG_INFINITY, f32::max) - top_db;
    db.iter_mut().for_each(|value| *value = value.max(floor));
}

/// Orthonormal DCT-II matrix, first `rows` rows over `len` inputs (`scipy.fft.dct(norm="ortho")`): row-major.
pub fn dct(rows: usize, len: usize) -> Vec<f32> {
    let entry = |row: usize, i: usize| {
        let scale = if row == 0 { 1.0 } else { 2.0_f64 };
        let angle = std::f64::consts::PI * row as f64 * (2 * i + 1) as f64 / (2 * len) as f64;
        ((scale / len as f64).sqrt() * angle.cos()) as f32
    };
    (0..rows).flat_map(|row| (0..len).map(move |i| entry(row, i))).collect()
}

/// Applies a row-major matrix to a vector of `from.len()` numbers.
pub fn transform(matrix: &[f32], from: &[f32], into: &mut [f32]) {
    for (out, row) in into.iter_mut().zip(matrix.chunks_exact(from.len())) {
        *out = dot(row, from);
    }
}

/// First derivative per frame: slope of the line through nine frames (`librosa.feature.delta`).
///
/// Ends follow the line of the first and last nine frames (`mode="interp"`); a track of fewer than nine frames,
/// where librosa refuses, repeats its end values instead (`mode="nearest"`).
pub fn delta(track: &[f32], into: &mut [f32]) {
    const WEIGHTS: [f32; DELTA_WIDTH] = [-4.0, -3.0, -2.0, -1.0, 0.0, 1.0, 2.0, 3.0, 4.0];
    derivative(track, into, &WEIGHTS.map(|k| k / 60.0));
}

/// Second derivative per frame: curvature of the parabola through nine frames (`librosa.feature.delta`, order 2),
/// with the ends of [`delta`].
pub fn delta2(track: &[f32], into: &mut [f32]) {
    const WEIGHTS: [f32; DELTA_WIDTH] = [28.0, 7.0, -8.0, -17.0, -20.0, -17.0, -8.0, 7.0, 28.0];
    derivative(track, into, &WEIGHTS.map(|k| k / 462.0));
}

fn derivative(track: &[f32], into: &mut [f32], weights: &[f32; DELTA_WIDTH]) {
    const HALF: usize = DELTA_WIDTH / 2;
    let Some(last) = track.len().checked_sub(1) else { return };
    if track.len() < DELTA_WIDTH {
        for (t, out) in into.iter_mut().enumerate() {
            let at = |k: usize| track[(t + k).saturating_sub(HALF).min(last)];
            *out = weights.iter().enumerate().map(|(k, weight)| weight * at(k)).sum();
        }
        return;
    }
    let inner = into.len() - 2 * HALF;
    let centre = &mut into[HALF..HALF + inner];
    centre.fill(0.0);
    for (k, weight) in weights.iter().enumerate() {
        centre.iter_mut().zip(&track[k..k + inner]).for_each(|(out, value)| *out += weight * value);
    }
    // The fitted polynomial's highest derivative is constant over its nine frames.
    let (first, end) = (into[HALF], into[HALF + inner - 1]);
    into[..HALF].fill(first);
    into[HALF + inner..].fill(end);
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn mel_and_back() {
        for hz in [0.0, 50.0, 999.0, 1000.0, 4321.0, 20_000.0] {
            assert!((mel_to_hz(hz_to_mel(hz)) - hz).abs() < 1e-8 * hz.max(1.0));
        }
        assert!((hz_to_mel(1000.0) - 15.0).abs() < 1e-12);
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
