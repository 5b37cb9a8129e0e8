//! Functionals of one track: what its values are like, whatever they measure.
//!
//! The list is that of the ComParE challenges (Schuller et al., Interspeech 2013, table 3; Weninger et al., Frontiers in
//! Psychology 4:292, 2013), each defined here in its plain textbook form. A functional that a track is too short or too
//! flat for is 0, and every number is finite. Deliberately absent: missing frames; the caller hands over the frames
//! that count.

use super::super::statistics::{Spread, Turn, quantile, turns};
use super::units::Per;

/// Functionals that are computed together.
pub struct Group {
    /// Suffix of the column and its unit, one per number.
    pub names: &'static [(&'static str, Per)],
    /// Writes as many numbers as there are names.
    pub of: fn(&Series, &mut [f64]),
}

/// What a track's range is like, without extremes.
pub const PERCENTILES: Group = Group {
    names: &[
        ("q1", Per::Value),
        ("median", Per::Value),
        ("q3", Per::Value),
        ("iqr12", Per::Value),
        ("iqr23", Per::Value),
        ("iqr13", Per::Value),
        ("p1", Per::Value),
        ("p99", Per::Value),
        ("range", Per::Value),
    ],
    of: |series, out| {
        let [p1, q1, q2, q3, p99] = [0.01, 0.25, 0.5, 0.75, 0.99].map(|share| series.quantile(share));
        out.copy_from_slice(&[q1, q2, q3, q2 - q1, q3 - q2, q3 - q1, p1, p99, p99 - p1]);
    },
};

/// The mean.
pub const MEAN: Group = Group { names: &[("mean", Per::Value)], of: |series, out| out[0] = series.mean };

/// Shape of the distribution; flatness is the geometric over the arithmetic mean of the magnitudes.
pub const SPREAD: Group = Group {
    names: &[
        ("sd", Per::Value),
        ("skewness", Per::Nothing),
        ("kurtosis", Per::Nothing),
        ("flatness", Per::Nothing),
        ("rms", Per::Value),
    ],
    of: moments,
};

/// Where the extremes lie (0 the first frame, 1 the last) and how far apart they are.
pub const EXTREMES: Group = Group {
    names: &[("max_position", Per::Nothing), ("min_position", Per::Nothing), ("full_range", Per::Value)],
    of: extremes,
};

/// Line and parabola of least squares: slope, value at the start, root mean square of what is left, twice the
/// parabola's leading factor, its slope at the start, and what it leaves.
pub const REGRESSION: Group = Group {
    names: &[
        ("slope", Per::Second),
        ("offset", Per::Value),
        ("line_error", Per::Value),
        ("curvature", Per::SecondSquared),
        ("slope_start", Per::Second),
        ("parabola_error", Per::Value),
    ],
    of: regression,
};

/// Shares of the time: above 25, 50, 75 and 90 % of the range, rising, and curved to the left.
pub const TIMES: Group = Group {
    names: &[
        ("up25", Per::Nothing),
        ("up50", Per::Nothing),
        ("up75", Per::Nothing),
        ("up90", Per::Nothing),
        ("rise_time", Per::Nothing),
        ("left_curve_time", Per::Nothing),
    ],
    of: times,
};

/// Lengths of the stretches above the mean, and how many there are in a second.
pub const SEGMENTS: Group = Group {
    names: &[
        ("segments", Per::Count),
        ("segment_mean", Per::Time),
        ("segment_max", Per::Time),
        ("segment_min", Per::Time),
        ("segment_sd", Per::Time),
    ],
    of: segments,
};

/// Peaks and valleys that stand out by a tenth of the range: distances, heights, and the slopes between them.
pub const PEAKS: Group = Group {
    names: &[
        ("peaks", Per::Count),
        ("peak_distance_mean", Per::Time),
        ("peak_distance_sd", Per::Time),
        ("peak_mean", Per::Value),
        ("peak_above_mean", Per::Value),
        ("peak_range", Per::Value),
        ("valley_mean", Per::Value),
        ("valley_range", Per::Value),
        ("rise_mean", Per::Second),
        ("rise_sd", Per::Second),
        ("fall_mean", Per::Second),
        ("fall_sd", Per::Second),
    ],
    of: peaks,
};

/// Linear prediction of order 5 of the track without its mean: gain in dB, and the coefficients.
pub const PREDICTION: Group = Group {
    names: &[
        ("lp_gain", Per::Decibel),
        ("lpc1", Per::Nothing),
        ("lpc2", Per::Nothing),
        ("lpc3", Per::Nothing),
        ("lpc4", Per::Nothing),
        ("lpc5", Per::Nothing),
    ],
    of: prediction,
};

/// A deviation below this part of the largest magnitude is rounding of single precision: the track is constant.
const FLAT: f64 = 1e-6;
/// A peak or valley stands out by this part of the range.
const PROMINENCE: f64 = 0.1;
/// Order of the linear prediction.
const ORDER: usize = 5;
/// Best prediction gain told, as a part of the energy that is left: 60 dB.
const RESIDUAL: f64 = 1e-6;

/// A track's values, sorted and summed once for all functionals; the buffers are kept from track to track.
#[derive(Default)]
pub struct Series {
    values: Vec<f64>,
    sorted: Vec<f64>,
    keys: Vec<u32>,
    turns: Vec<Turn>,
    /// Seconds between values.
    hop: f64,
    mean: f64,
    /// 0 for a flat track.
    sd: f64,
}

impl Series {
    /// Buffers for tracks of one value per `hop` seconds.
    pub fn new(hop: f64) -> Series {
        Series { hop, ..Series::default() }
    }

    /// Takes in the finite values of a track.
    pub fn load(&mut self, track: &[f32]) {
        self.values.clear();
        self.values.extend(track.iter().map(|&value| f64::from(value)));
        self.sort(track);
        let count = self.values.len().max(1) as f64;
        self.mean = self.values.iter().sum::<f64>() / count;
        let variance = self.values.iter().map(|value| (value - self.mean) * (value - self.mean)).sum::<f64>() / count;
        let largest = self.lowest().abs().max(self.highest().abs());
        self.sd = if variance.sqrt() > FLAT * largest { variance.sqrt() } else { 0.0 };
        let step = PROMINENCE * (self.highest() - self.lowest());
        self.turns = if self.sd > 0.0 { turns(&self.values, step) } else { vec![] };
    }

    /// Appends the group's numbers of the loaded track.
    pub fn append(&self, group: &Group, row: &mut Vec<f32>) {
        let mut numbers = [0.0; 16];
        let numbers = &mut numbers[..group.names.len()];
        if !self.values.is_empty() {
            (group.of)(self, numbers);
        }
        // The range of two huge numbers may not fit into single precision.
        let bound = f64::from(f32::MAX);
        row.extend(numbers.iter().map(|number| number.clamp(-bound, bound) as f32));
    }

    /// Sorts by integer keys in the order of the numbers: several times faster than by comparing floats.
    fn sort(&mut self, track: &[f32]) {
        self.keys.clear();
        self.keys.extend(track.iter().map(|value| {
            let bits = value.to_bits();
            if bits >> 31 == 1 { !bits } else { bits | 1 << 31 }
        }));
        self.keys.sort_unstable();
        self.sorted.clear();
        self.sorted.extend(self.keys.iter().map(|&key| {
            let bits = if key >> 31 == 1 { key & !(1 << 31) } else { !key };
            f64::from(f32::from_bits(bits))
        }));
    }

    fn lowest(&self) -> f64 {
        self.sorted.first().copied().unwrap_or(0.0)
    }

    fn highest(&self) -> f64 {
        self.sorted.last().copied().unwrap_or(0.0)
    }

    /// numpy's percentile, linear between ranks.
    fn quantile(&self, share: f64) -> f64 {
        quantile(&self.sorted, share)
    }

    /// Values at the peaks or at the valleys, in order of time.
    fn heights(&self, peaks: bool) -> impl Iterator<Item = f64> + Clone {
        self.turns.iter().filter(move |turn| turn.is_peak == peaks).map(|turn| self.values[turn.at])
    }
}

fn moments(series: &Series, out: &mut [f64]) {
    let count = series.values.len() as f64;
    let (mut cubes, mut fourths, mut squares, mut logs, mut sizes) = (0.0, 0.0, 0.0, 0.0, 0.0);
    for &value in &series.values {
        let gap = value - series.mean;
        cubes += gap * gap * gap;
        fourths += gap * gap * gap * gap;
        squares += value * value;
        sizes += value.abs();
        logs += f64::from((value.abs() as f32).max(f32::MIN_POSITIVE).ln());
    }
    let spread = series.sd;
    let (skewness, kurtosis) =
        if spread > 0.0 { (cubes / count / spread.powi(3), fourths / count / spread.powi(4)) } else { (0.0, 0.0) };
    let flatness = if sizes > 0.0 { (logs / count).exp() / (sizes / count) } else { 0.0 };
    out.copy_from_slice(&[spread, skewness, kurtosis, flatness.min(1.0), (squares / count).sqrt()]);
}

fn extremes(series: &Series, out: &mut [f64]) {
    let last = series.values.len().saturating_sub(1).max(1) as f64;
    let place = |wanted: f64| series.values.iter().position(|&value| value == wanted).unwrap_or(0) as f64 / last;
    let (low, high) = (series.lowest(), series.highest());
    out.copy_from_slice(&[place(high), place(low), high - low]);
}

/// By polynomials that are orthogonal over the frames: i, i² - (n² - 1) / 12, counted from the middle.
fn regression(series: &Series, out: &mut [f64]) {
    let count = series.values.len() as f64;
    let middle = (count - 1.0) / 2.0;
    let bow = (count * count - 1.0) / 12.0;
    let (mut rise, mut bend, mut spread) = (0.0, 0.0, 0.0);
    for (i, &value) in series.values.iter().enumerate() {
        let (x, y) = (i as f64 - middle, value - series.mean);
        rise += x * y;
        bend += (x * x - bow) * y;
        spread += y * y;
    }
    let run = count * bow;
    let runs = run * (count * count - 4.0) / 15.0;
    let slope = if run > 0.0 { rise / run } else { 0.0 };
    let factor = if runs > 0.0 { bend / runs } else { 0.0 };
    let line = spread - slope * rise;
    let left = |energy: f64| (energy.max(0.0) / count).sqrt();
    out.copy_from_slice(&[
        slope / series.hop,
        series.mean - slope * middle,
        left(line),
        2.0 * factor / (series.hop * series.hop),
        (slope - 2.0 * factor * middle) / series.hop,
        left(line - factor * bend),
    ]);
}

fn times(series: &Series, out: &mut [f64]) {
    let count = series.values.len() as f64;
    let (low, range) = (series.lowest(), series.highest() - series.lowest());
    let above = |share: f64| {
        let level = low + share * range;
        (series.sorted.len() - series.sorted.partition_point(|&value| value <= level)) as f64 / count
    };
    let rising = series.values.windows(2).filter(|pair| pair[1] > pair[0]).count() as f64;
    let curved = series.values.windows(3).filter(|three| three[0] + three[2] > 2.0 * three[1]).count() as f64;
    out.copy_from_slice(&[
        above(0.25),
        above(0.5),
        above(0.75),
        above(0.9),
        rising / (count - 1.0).max(1.0),
        curved / (count - 2.0).max(1.0),
    ]);
}

fn segments(series: &Series, out: &mut [f64]) {
    let runs = series.values.chunk_by(|a, b| (*a > series.mean) == (*b > series.mean));
    let lengths = runs.filter(|run| run[0] > series.mean).map(|run| run.len() as f64 * series.hop);
    let all = Spread::of(if series.sd > 0.0 { Some(lengths) } else { None }.into_iter().flatten());
    let seconds = series.values.len() as f64 * series.hop;
    out.copy_from_slice(&[all.count / seconds, all.mean, all.high, all.low, all.sd]);
}

fn peaks(series: &Series, out: &mut [f64]) {
    let places = series.turns.iter().filter(|turn| turn.is_peak).map(|turn| turn.at);
    let distances = Spread::of(places.clone().zip(places.skip(1)).map(|(a, b)| (b - a) as f64 * series.hop));
    let (peaks, valleys) = (Spread::of(series.heights(true)), Spread::of(series.heights(false)));
    let slopes = |up: bool| {
        let pairs = series.turns.windows(2).filter(move |pair| pair[1].is_peak == up);
        Spread::of(pairs.map(|pair| {
            let frames = (pair[1].at - pair[0].at) as f64;
            (series.values[pair[1].at] - series.values[pair[0].at]) / (frames * series.hop)
        }))
    };
    let (rises, falls) = (slopes(true), slopes(false));
    let above = if peaks.count > 0.0 { peaks.mean - series.mean } else { 0.0 };
    let seconds = series.values.len() as f64 * series.hop;
    out.copy_from_slice(&[
        peaks.count / seconds,
        distances.mean,
        distances.sd,
        peaks.mean,
        above,
        peaks.high - peaks.low,
        valleys.mean,
        valleys.high - valleys.low,
        rises.mean,
        rises.sd,
        falls.mean,
        falls.sd,
    ]);
}

/// Levinson's recursion on the biased autocorrelation.
fn prediction(series: &Series, out: &mut [f64]) {
    if series.sd == 0.0 || series.values.len() <= ORDER {
        return;
    }
    let mut lags = [0.0; ORDER + 1];
    for (lag, sum) in lags.iter_mut().enumerate() {
        let ahead = series.values[lag..].iter();
        *sum = ahead.zip(&series.values).map(|(a, b)| (a - series.mean) * (b - series.mean)).sum();
    }
    let mut error = lags[0];
    let mut factors = [0.0; ORDER];
    for order in 0..ORDER {
        let known: f64 = (0..order).map(|i| factors[i] * lags[order - i]).sum();
        let reflection = (lags[order + 1] - known) / error;
        let before = factors;
        for i in 0..order {
            factors[i] = before[i] - reflection * before[order - 1 - i];
        }
        factors[order] = reflection;
        error *= 1.0 - reflection * reflection;
        if error <= RESIDUAL * lags[0] {
            error = RESIDUAL * lags[0];
            break;
        }
    }
    out[0] = 10.0 * (lags[0] / error).log10();
    out[1..].copy_from_slice(&factors);
}

#[cfg(test)]
#[allow(clippy::unwrap_used, clippy::panic)]
mod tests {
    use super::*;

    const ALL: [Group; 9] = [PERCENTILES, MEAN, SPREAD, EXTREMES, REGRESSION, TIMES, SEGMENTS, PEAKS, PREDICTION];

    fn all(track: &[f32], hop: f64) -> Vec<(&'static str, f32)> {
        let mut series = Series::new(hop);
        // A track before must leave nothing behind.
        series.load(&[9.0, -3.0, 7.0, 1.0]);
        series.load(track);
        let mut row = Vec::new();
        ALL.iter().for_each(|group| series.append(group, &mut row));
        ALL.iter().flat_map(|group| group.names).map(|&(name, _)| name).zip(row).collect()
    }

    fn check(track: &[f32], hop: f64, wanted: &[(&str, f32)]) {
        let found = all(track, hop);
        for &(name, wanted) in wanted {
            let value = found.iter().find(|(known, _)| *known == name).unwrap_or_else(|| panic!("no {name}")).1;
            assert!((value - wanted).abs() <= 1e-4 * wanted.abs().max(1.0), "{name}: {value}, not {wanted}");
        }
    }

    #[test]
    fn a_ramp_has_known_numbers() {
        let ramp: Vec<f32> = (0..101).map(|i| i as f32).collect();
        check(
            &ramp,
            0.5,
            &[
                ("q1", 25.0),
                ("iqr13", 50.0),
                ("p1", 1.0),
                ("range", 98.0),
                ("mean", 50.0),
                ("sd", 29.154_76),
                ("skewness", 0.0),
                ("kurtosis", 1.799_765),
                ("max_position", 1.0),
                ("min_position", 0.0),
                ("slope", 2.0),
                ("offset", 0.0),
                ("line_error", 0.0),
                ("curvature", 0.0),
                ("up75", 0.247_525),
                ("rise_time", 1.0),
                ("segment_mean", 25.0),
                ("peaks", 0.0),
            ],
        );
    }

    #[test]
    fn a_parabola_is_fitted_exactly() {
        let parabola: Vec<f32> =
            (0..21).map(|i| 3.0 * (i as f32 * 0.1).powi(2) - 2.0 * (i as f32 * 0.1) + 1.0).collect();
        check(
            &parabola,
            0.1,
            &[("curvature", 6.0), ("slope_start", -2.0), ("parabola_error", 0.0), ("left_curve_time", 1.0)],
        );
    }

    #[test]
    fn waves_have_peaks_and_slopes() {
        // A triangle of period 8 frames between 0 and 4, with a ripple that is no peak.
        let triangle: Vec<f32> = (0..49).map(|i| 4.0 - ((i % 8) as f32 - 4.0).abs() + 0.05 * (i % 2) as f32).collect();
        check(
            &triangle,
            0.25,
            &[("peak_distance_mean", 2.0), ("peak_distance_sd", 0.0), ("peak_mean", 4.0), ("valley_mean", 0.0)],
        );
        check(&triangle, 0.25, &[("rise_mean", 4.0), ("fall_mean", -4.0), ("rise_sd", 0.0)]);
    }

    #[test]
    fn prediction_finds_a_recursion() {
        // x(t) = 1.5 x(t-1) - 0.8 x(t-2) + noise.
        let (mut past, mut state) = ([0.0_f64; 2], 1_u32);
        let mut next = || {
            state = state.wrapping_mul(1_664_525).wrapping_add(1_013_904_223);
            let value = 1.5 * past[0] - 0.8 * past[1] + f64::from(state >> 8) / 8_388_608.0 - 1.0;
            past = [value, past[0]];
            value as f32
        };
        let track: Vec<f32> = (0..20_000).map(|_| next()).collect();
        let found = all(&track, 0.01);
        let value = |wanted: &str| found.iter().find(|(name, _)| *name == wanted).unwrap().1;
        assert!((value("lpc1") - 1.5).abs() < 0.05 && (value("lpc2") + 0.8).abs() < 0.05, "{found:?}");
        // Variance over innovation of this recursion: (1 + 0.8) / ((1 - 0.8) ((1 + 0.8)² - 1.5²)) = 9.09, 9.6 dB.
        assert!((value("lp_gain") - 9.6).abs() < 0.3, "{}", value("lp_gain"));
    }

    #[test]
    fn degenerate_tracks_have_finite_numbers() {
        let tracks: [&[f32]; 9] = [
            &[],
            &[0.0],
            &[-3.0],
            &[1.0, 2.0],
            &[0.1; 50],
            &[1e30; 7],
            &[1e-40, 0.0, -1e-40, 0.0, 1e-40, 0.0, 0.0],
            &[f32::MAX, f32::MIN, f32::MAX, f32::MIN, 0.0, 1.0, 2.0],
            &[1.0, -1.0, 1.0, -1.0, 1.0, -1.0, 1.0],
        ];
        for track in tracks {
            let bad = all(track, 0.01).into_iter().find(|(_, value)| !value.is_finite());
            assert_eq!(bad, None, "{track:?}");
        }
        assert!(all(&[], 0.01).iter().all(|&(_, value)| value == 0.0));
        check(
            &[0.1; 50],
            0.01,
            &[("sd", 0.0), ("skewness", 0.0), ("lp_gain", 0.0), ("segments", 0.0), ("flatness", 1.0)],
        );
    }
}
