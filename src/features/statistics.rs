//! Statistics of one track over time, where some frames may be missing (unvoiced).
//!
//! Percentiles are numpy's (linear between ranks), spreads divide by n. A statistic of nothing is 0, so that a row
//! stays finite. Deliberately absent: which track gets which statistic (`functionals`).

/// One number of a track: its name in a column, and how it is computed.
#[derive(Debug, Clone, Copy)]
pub struct Statistic {
    /// Suffix of the column's name.
    pub name: &'static str,
    /// True when the unit is the track's per second.
    pub per_second: bool,
    /// The number itself.
    pub of: fn(&Sample) -> f64,
}

const fn stat(name: &'static str, of: fn(&Sample) -> f64) -> Statistic {
    Statistic { name, per_second: false, of }
}

const fn speed(name: &'static str, of: fn(&Sample) -> f64) -> Statistic {
    Statistic { name, per_second: true, of }
}

/// Mean and standard deviation.
pub const MOMENTS: &[Statistic] = ALL.split_at(2).0;
/// Moments and the percentiles 5, 20, 50, 80, 95.
pub const DISTRIBUTION: &[Statistic] = ALL.split_at(7).0;
/// Everything: distribution, 5-95 range, trend, mean speed of rising and of falling.
pub const CONTOUR: &[Statistic] = &ALL;

const ALL: [Statistic; 11] = [
    stat("mean", |s| s.mean),
    stat("sd", Sample::sd),
    stat("p5", |s| s.percentile(5.0)),
    stat("p20", |s| s.percentile(20.0)),
    stat("p50", |s| s.percentile(50.0)),
    stat("p80", |s| s.percentile(80.0)),
    stat("p95", |s| s.percentile(95.0)),
    stat("range", |s| s.percentile(95.0) - s.percentile(5.0)),
    speed("trend", Sample::trend),
    speed("rise", |s| s.mean_step(1.0)),
    speed("fall", |s| s.mean_step(-1.0)),
];

/// Value below which a share of ascending values lies, linear between ranks as numpy's; 0 of nothing.
pub fn quantile(sorted: &[f64], share: f64) -> f64 {
    let Some(last) = sorted.len().checked_sub(1) else { return 0.0 };
    let rank = share * last as f64;
    let (low, rest) = (rank.floor() as usize, rank.fract());
    sorted[low] + rest * (sorted[(low + 1).min(last)] - sorted[low])
}

/// The present values of a track, prepared for statistics.
#[derive(Debug, Clone)]
pub struct Sample {
    sorted: Vec<f64>,
    /// Seconds and value, in order of time.
    points: Vec<(f64, f64)>,
    /// Seconds between frames.
    hop: f64,
    mean: f64,
}

impl Sample {
    /// The values that are there; frame `t` lies at `t * hop` seconds.
    pub fn new(track: impl Iterator<Item = Option<f32>>, hop: f64) -> Sample {
        let present = track.enumerate().filter_map(|(t, value)| Some((t as f64 * hop, f64::from(value?))));
        let points: Vec<(f64, f64)> = present.collect();
        let mut sorted: Vec<f64> = points.iter().map(|&(_, value)| value).collect();
        sorted.sort_unstable_by(f64::total_cmp);
        let mean = mean(sorted.iter().copied());
        Sample { sorted, points, hop, mean }
    }

    fn sd(&self) -> f64 {
        mean(self.sorted.iter().map(|value| (value - self.mean) * (value - self.mean))).sqrt()
    }

    fn percentile(&self, percent: f64) -> f64 {
        quantile(&self.sorted, percent / 100.0)
    }

    /// Slope per second of the line of least squares through all values.
    fn trend(&self) -> f64 {
        let centre = mean(self.points.iter().map(|&(time, _)| time));
        let run: f64 = self.points.iter().map(|&(time, _)| (time - centre) * (time - centre)).sum();
        let rise: f64 = self.points.iter().map(|&(time, value)| (time - centre) * (value - self.mean)).sum();
        if run > 0.0 { rise / run } else { 0.0 }
    }

    /// Mean speed per second over the steps between neighbouring frames that go up (`sign` 1) or down (-1).
    fn mean_step(&self, sign: f64) -> f64 {
        let neighbours = self.points.windows(2).filter(|pair| pair[1].0 - pair[0].0 < 1.5 * self.hop);
        mean(neighbours.map(|pair| pair[1].1 - pair[0].1).filter(|step| step * sign > 0.0)) / self.hop
    }
}

/// Arithmetic mean; 0 of nothing.
pub fn mean(values: impl Iterator<Item = f64>) -> f64 {
    let (count, sum) = values.fold((0_usize, 0.0), |(count, sum), value| (count + 1, sum + value));
    if count == 0 { 0.0 } else { sum / count as f64 }
}

/// Count, mean, deviation and extremes of a few numbers; all 0 of none.
#[derive(Debug, Clone, Copy, Default, PartialEq)]
pub struct Spread {
    /// How many there are.
    pub count: f64,
    /// Their mean.
    pub mean: f64,
    /// Population deviation.
    pub sd: f64,
    /// The least.
    pub low: f64,
    /// The greatest.
    pub high: f64,
}

impl Spread {
    /// Of these numbers.
    pub fn of(numbers: impl Iterator<Item = f64>) -> Spread {
        let (mut count, mut mean, mut squares) = (0.0, 0.0, 0.0);
        let (mut low, mut high) = (f64::INFINITY, f64::NEG_INFINITY);
        for number in numbers {
            count += 1.0;
            let gap = number - mean;
            mean += gap / count;
            squares += gap * (number - mean);
            (low, high) = (low.min(number), high.max(number));
        }
        if count == 0.0 { Spread::default() } else { Spread { count, mean, sd: (squares / count).sqrt(), low, high } }
    }
}

/// A peak or a valley of a track.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Turn {
    /// Number of the frame.
    pub at: usize,
    /// Peak or valley.
    pub is_peak: bool,
}

/// Peaks and valleys in turn, each at least `step` (above 0) away from the next; what lies before the first and after
/// the last certain one does not count.
pub fn turns(values: &[f64], step: f64) -> Vec<Turn> {
    let mut turns = Vec::new();
    let (mut high, mut low, mut rising) = (0, 0, None);
    for (t, &value) in values.iter().enumerate() {
        if value > values[high] {
            high = t;
        }
        if value < values[low] {
            low = t;
        }
        if rising != Some(false) && value <= values[high] - step {
            turns.push(Turn { at: high, is_peak: true });
            (low, rising) = (t, Some(false));
        } else if rising != Some(true) && value >= values[low] + step {
            turns.push(Turn { at: low, is_peak: false });
            (high, rising) = (t, Some(true));
        }
    }
    turns
}

#[cfg(test)]
mod tests {
    use super::*;

    fn numbers(track: &[Option<f32>], names: &[&str]) -> Vec<f64> {
        let sample = Sample::new(track.iter().copied(), 0.5);
        let find = |name: &&str| ALL.iter().find(|s| s.name == *name).map(|s| (s.of)(&sample));
        names.iter().filter_map(find).collect()
    }

    #[test]
    fn a_ramp_has_known_numbers() {
        let ramp: Vec<_> = (0..=20).map(|i| Some(i as f32)).collect();
        let found = numbers(&ramp, &["mean", "p5", "p20", "p50", "p95", "range", "trend", "rise", "fall"]);
        let wanted = [10.0, 1.0, 4.0, 10.0, 19.0, 18.0, 2.0, 2.0, 0.0];
        assert!(found.iter().zip(wanted).all(|(a, b)| (a - b).abs() < 1e-9), "{found:?}");
    }

    #[test]
    fn a_gap_is_no_step() {
        let track = [Some(1.0), Some(2.0), None, Some(9.0), Some(8.0)];
        assert_eq!(numbers(&track, &["rise", "fall", "mean"]), [2.0, -2.0, 5.0]);
    }

    #[test]
    fn nothing_has_all_zeros() {
        for track in [&[][..], &[None, None]] {
            let sample = Sample::new(track.iter().copied(), 0.01);
            assert!(ALL.iter().all(|s| (s.of)(&sample) == 0.0));
        }
    }

    #[test]
    fn small_steps_are_no_turns() {
        let found = turns(&[0.0, 5.0, 4.5, 6.0, 1.0, 1.5, 0.5, 4.0, 3.9], 2.0);
        let wanted = [(0, false), (3, true), (6, false)].map(|(at, is_peak)| Turn { at, is_peak });
        assert_eq!(found, wanted);
        assert!(turns(&[1.0; 9], 1.0).is_empty() && turns(&[], 1.0).is_empty());
    }

    #[test]
    fn a_spread_of_few_numbers() {
        let spread = Spread::of([4.0, 1.0, 1.0].into_iter());
        assert_eq!((spread.count, spread.mean, spread.low, spread.high), (3.0, 2.0, 1.0, 4.0));
        assert!((spread.sd - 2.0_f64.sqrt()).abs() < 1e-12);
        assert_eq!(Spread::of(std::iter::empty()), Spread::default());
    }
}
