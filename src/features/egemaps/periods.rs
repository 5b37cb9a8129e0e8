//! Jitter and shimmer: how much neighbouring periods of the voice differ in length and in height.
//!
//! Periods are found by waveform matching: two stretches of equal length, one after the other, whose correlation is a
//! local maximum within 10 % of the expected period. A pointer walks through each voiced stretch of the recording. Its
//! rules were settled by comparing with openSMILE's answers to pulse trains and speech. Deliberately absent: pitch.

/// A match may differ from the expected period by this share.
const SEARCH: f32 = 0.1;
/// Correlation below which a match is walked over but not counted.
const CORRELATION: f64 = 0.5;
/// Distance of frames in seconds.
const HOP: f64 = 0.010;
/// A frame's second and later matches end this many samples before the next frame.
const MARGIN: usize = 3;
/// Largest relative difference reported.
const MOST: f32 = 1.0;

/// Tracks of equal length, one number per frame, before smoothing.
#[derive(Debug, Clone, PartialEq, Default)]
pub struct Periods {
    /// Mean difference of consecutive period lengths over their mean, 0 to 1; 0 where unvoiced or nothing was compared.
    pub jitter: Vec<f32>,
    /// Mean difference of the heights of consecutive periods over their mean, as 20 log10(1 + difference), 0 to 6 dB;
    /// frames without a new match repeat the last one; 0 where unvoiced.
    pub shimmer_db: Vec<f32>,
}

/// Jitter and shimmer of a wave of `rate` Hz, given its pitch in Hz (0 = unvoiced); frame `t` starts at `t * hop` (10 ms).
pub fn periods(samples: &[f32], rate: u32, hz: &[f32]) -> Periods {
    let hop = ((f64::from(rate) * HOP).round() as usize).max(1);
    let mut walk = Walk::new(samples);
    let mut found = Periods { jitter: vec![0.0; hz.len()], shimmer_db: vec![0.0; hz.len()] };
    let mut before = 0.0;
    for (t, &hz) in hz.iter().enumerate() {
        if hz > 0.0 {
            if before <= 0.0 {
                walk.begin(t * hop);
            }
            let sums = walk.frame(rate as f32 / hz, t * hop..(t + 1) * hop);
            (found.jitter[t], found.shimmer_db[t]) = walk.report(&sums);
        }
        before = hz;
    }
    found
}

/// What a frame's matches add up to.
#[derive(Debug, Clone, Copy, Default)]
struct Sums {
    tried: usize,
    matches: usize,
    length: f32,
    /// Lengths compared with the one before, and their differences.
    compared: usize,
    length_change: f32,
    height: f32,
    height_change: f32,
}

/// A match: its length to the sample, and refined.
#[derive(Debug, Clone, Copy)]
struct Match {
    lag: usize,
    period: f32,
    correlation: f64,
}

/// The pointer that walks from period to period.
struct Walk<'a> {
    samples: &'a [f32],
    /// Sums of the samples and of their squares before each sample.
    totals: Vec<(f64, f64)>,
    /// Correlations by lag, from the shortest.
    curve: Vec<f64>,
    at: usize,
    last_period: Option<f32>,
    last_jitter: f32,
    last_shimmer: f32,
}

impl<'a> Walk<'a> {
    fn new(samples: &'a [f32]) -> Walk<'a> {
        let mut totals = Vec::with_capacity(samples.len() + 1);
        let mut total = (0.0, 0.0);
        totals.push(total);
        for &sample in samples {
            let sample = f64::from(sample);
            total = (total.0 + sample, total.1 + sample * sample);
            totals.push(total);
        }
        let (last_period, last_jitter, last_shimmer) = (None, 0.0, 0.0);
        Walk { samples, totals, curve: vec![], at: 0, last_period, last_jitter, last_shimmer }
    }

    /// A voiced stretch begins.
    fn begin(&mut self, at: usize) {
        (self.at, self.last_period, self.last_jitter, self.last_shimmer) = (at, None, 0.0, 0.0);
    }

    /// Walks through a frame, given the expected period in samples.
    fn frame(&mut self, expected: f32, frame: std::ops::Range<usize>) -> Sums {
        let shortest = ((expected * (1.0 - SEARCH)) as usize).max(1);
        let longest = ((expected * (1.0 + SEARCH)) as usize).max(shortest);
        let mut sums = Sums::default();
        // A frame that the pointer has not passed gets one try, however far the match reaches.
        while self.at + 2 * longest + 2 < self.samples.len()
            && if sums.tried == 0 { self.at <= frame.start } else { self.at + 2 * longest + MARGIN < frame.end }
        {
            sums.tried += 1;
            match self.find(shortest, longest) {
                None => self.at += (expected.round() as usize).max(1),
                Some(found) => {
                    if found.correlation >= CORRELATION {
                        self.count(found, &mut sums);
                    }
                    self.at += found.lag;
                }
            }
        }
        sums
    }

    /// The lag of the highest local maximum of the correlation between a stretch and the next, if there is one.
    fn find(&mut self, shortest: usize, longest: usize) -> Option<Match> {
        let mut curve = std::mem::take(&mut self.curve);
        curve.clear();
        curve.extend((shortest..=longest).map(|lag| self.correlation(lag)));
        let peaks = (1..curve.len().saturating_sub(1)).filter(|&i| curve[i] > curve[i - 1] && curve[i] >= curve[i + 1]);
        let best = peaks.max_by(|&a, &b| curve[a].total_cmp(&curve[b]).then(b.cmp(&a)));
        let found = best.map(|i| {
            let bend = curve[i - 1] - 2.0 * curve[i] + curve[i + 1];
            let shift = if bend < 0.0 { 0.5 * (curve[i - 1] - curve[i + 1]) / bend } else { 0.0 };
            let lag = shortest + i;
            Match { lag, period: lag as f32 + shift as f32, correlation: curve[i] }
        });
        self.curve = curve;
        found
    }

    /// Pearson's correlation of the `lag` samples from here with the `lag` after them; 0 where one of them is constant.
    fn correlation(&self, lag: usize) -> f64 {
        let (here, next) = (&self.samples[self.at..self.at + lag], &self.samples[self.at + lag..self.at + 2 * lag]);
        let [start, middle, end] = [0, lag, 2 * lag].map(|offset| self.totals[self.at + offset]);
        let size = lag as f64;
        let spread = |from: (f64, f64), to: (f64, f64)| (to.1 - from.1) - (to.0 - from.0).powi(2) / size;
        let product = spread(start, middle) * spread(middle, end);
        let common = f64::from(dot(here, next)) - (middle.0 - start.0) * (end.0 - middle.0) / size;
        // Rounding leaves a constant stretch some spread.
        if product > (1e-12 * (end.1 - start.1)).powi(2) { (common / product.sqrt()).clamp(-1.0, 1.0) } else { 0.0 }
    }

    fn count(&mut self, found: Match, sums: &mut Sums) {
        let (here, next) = self.samples[self.at..self.at + 2 * found.lag].split_at(found.lag);
        let (here, next) = (height(here), height(next));
        sums.matches += 1;
        sums.length += found.period;
        sums.height += 0.5 * (here + next);
        sums.height_change += (here - next).abs();
        if let Some(last) = self.last_period.replace(found.period) {
            sums.compared += 1;
            sums.length_change += (found.period - last).abs();
        }
    }

    /// Jitter and shimmer of a frame; without a match the last shimmer stays, the last jitter only after a failed try.
    fn report(&mut self, sums: &Sums) -> (f32, f32) {
        if sums.compared > 0 {
            let change = sums.length_change / sums.compared as f32;
            self.last_jitter = (change / (sums.length / sums.matches as f32)).min(MOST);
        }
        if sums.height > 0.0 {
            self.last_shimmer = 20.0 * (1.0 + (sums.height_change / sums.height).min(MOST)).log10();
        }
        (if sums.tried > 0 { self.last_jitter } else { 0.0 }, self.last_shimmer)
    }
}

/// Highest less lowest sample.
fn height(samples: &[f32]) -> f32 {
    let (low, high) = samples
        .iter()
        .fold((f32::INFINITY, f32::NEG_INFINITY), |(low, high), &sample| (low.min(sample), high.max(sample)));
    high - low
}

/// Sum of products in eight strands, which the compiler makes one vector of.
fn dot(a: &[f32], b: &[f32]) -> f32 {
    let mut strands = [0.0f32; 8];
    let (a, b) = (a.chunks_exact(8), b.chunks_exact(8));
    let rest: f32 = a.remainder().iter().zip(b.remainder()).map(|(a, b)| a * b).sum();
    for (a, b) in a.zip(b) {
        for (strand, (a, b)) in strands.iter_mut().zip(a.iter().zip(b)) {
            *strand += a * b;
        }
    }
    strands.iter().sum::<f32>() + rest
}

#[cfg(test)]
mod tests {
    use super::*;

    const RATE: u32 = 16_000;

    /// A train of decaying pulses, period and height by turns from the lists.
    fn train(lengths: &[usize], heights: &[f32]) -> Vec<f32> {
        let mut wave = vec![0.0; 9600];
        let mut at = 0;
        for n in 0.. {
            for (i, sample) in wave.iter_mut().skip(at).take(60).enumerate() {
                *sample += heights[n % heights.len()] * (-(i as f32) / 8.0).exp() * (i as f32 * 0.6).sin();
            }
            at += lengths[n % lengths.len()];
            if at >= 9000 {
                return wave;
            }
        }
        wave
    }

    fn middle(track: &[f32]) -> f32 {
        track[10..40].iter().sum::<f32>() / 30.0
    }

    #[test]
    fn an_even_train_has_neither() {
        let found = periods(&train(&[100], &[0.5]), RATE, &[160.0; 50]);
        assert!(found.jitter.iter().all(|&jitter| jitter < 1e-4), "{:?}", found.jitter);
        assert!(found.shimmer_db.iter().all(|&db| db < 1e-3), "{:?}", found.shimmer_db);
    }

    #[test]
    fn alternating_lengths_are_jitter() {
        let found = periods(&train(&[98, 102], &[0.5]), RATE, &[160.0; 50]);
        // A stretch begins within a pulse and ends within another, so it sees a little of both lengths.
        assert!((0.034..0.041).contains(&middle(&found.jitter)), "{}", middle(&found.jitter));
        assert!(middle(&found.shimmer_db) < 0.02);
    }

    #[test]
    fn alternating_heights_are_shimmer() {
        let found = periods(&train(&[100], &[0.5, 0.6]), RATE, &[160.0; 50]);
        let expected = 20.0 * (1.0f32 + 0.1 / 0.55).log10();
        assert!((middle(&found.shimmer_db) - expected).abs() < 0.02, "{}", middle(&found.shimmer_db));
        assert!(middle(&found.jitter) < 1e-3);
    }

    #[test]
    fn unvoiced_frames_are_zero_and_a_stretch_begins_anew() {
        let hz: Vec<f32> = (0..50).map(|t| if (20..=30).contains(&t) { 0.0 } else { 160.0 }).collect();
        let found = periods(&train(&[98, 102], &[0.5]), RATE, &hz);
        assert!(found.jitter[20..=30].iter().all(|&jitter| jitter == 0.0));
        assert!(found.shimmer_db[20..=30].iter().all(|&db| db == 0.0));
        assert!(found.jitter[35] > 0.03);
    }

    #[test]
    fn any_wave_and_pitch_give_finite_numbers() {
        for rate in [1_000, 8_000, 48_000, 192_000] {
            for wave in [vec![0.0; 4000], vec![0.7; 4000], vec![1.0], vec![-1.0; rate as usize / 200]] {
                for hz in [55.0, 300.0, 1000.0] {
                    let found = periods(&wave, rate, &[hz; 12]);
                    assert!(found.jitter.iter().chain(&found.shimmer_db).all(|value| *value == 0.0), "{found:?}");
                }
            }
        }
    }
}
