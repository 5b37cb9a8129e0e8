//! Fundamental frequency by pYIN: YIN's troughs as candidates with probabilities, and the likeliest path through them.
//!
//! Mauch & Dixon, ICASSP 2014, in the variant of `librosa.pyin` 0.11, whose parameters and defaults these are.
//! Deliberately absent: the difference function itself (`pitch`).

use super::pitch::{Difference, parabola, troughs};

/// What pYIN is asked for; see [`Pyin::new`] for librosa's defaults.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Pyin {
    /// Lowest pitch in Hz.
    pub low: f64,
    /// Highest pitch in Hz: above `low`, at most half the rate.
    pub high: f64,
    /// Samples per frame: even, longer than a period of `low`, better two.
    pub frame: usize,
    /// Samples from one frame to the next: at least 1.
    pub hop: usize,
    /// Number of trough thresholds, evenly spaced up to 1.
    pub thresholds: usize,
    /// Parameters of the beta distribution of the threshold: whole, at least 1.
    pub beta: [i32; 2],
    /// Decay of the prior over troughs: the larger, the more short periods are preferred.
    pub boltzmann: f64,
    /// Distance of pitch bins in semitones.
    pub resolution: f64,
    /// Fastest change of pitch, octaves per second.
    pub max_transition_rate: f64,
    /// Probability of a change between voiced and unvoiced from frame to frame.
    pub switch: f64,
    /// Probability of the deepest trough where none is below the threshold.
    pub no_trough: f64,
}

/// pYIN's answer for one frame.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Estimate {
    /// Centre of the likeliest pitch bin in Hz, whether voiced or not (librosa's `fill_na=None`).
    pub hz: f32,
    /// Whether the likeliest path is voiced here.
    pub voiced: bool,
    /// Probability that the frame is voiced, before paths are looked at: 0..1.
    pub probability: f32,
}

/// Least number that counts as a probability above 0, as in librosa's Viterbi search.
const TINY: f64 = f64::MIN_POSITIVE;

impl Pyin {
    /// librosa's defaults for a range in Hz and a frame length in samples: a hop of a quarter frame, 100 thresholds of
    /// Beta(2, 18), Boltzmann parameter 2, bins of 0.1 semitones, 35.92 octaves/s, switch and no-trough probability
    /// 0.01.
    pub fn new(low: f64, high: f64, frame: usize) -> Pyin {
        Pyin {
            low,
            high,
            frame,
            hop: (frame / 4).max(1),
            thresholds: 100,
            beta: [2, 18],
            boltzmann: 2.0,
            resolution: 0.1,
            max_transition_rate: 35.92,
            switch: 0.01,
            no_trough: 0.01,
        }
    }

    /// One estimate per frame; frame `t` is centred on sample `t * hop`, zero-padded.
    pub fn track(&self, samples: &[f32], rate: u32) -> Vec<Estimate> {
        let rate = f64::from(rate);
        let bins = self.bins();
        let mut observer = Observer::new(self, rate);
        let start = |t: usize| (t * self.hop) as isize - (self.frame / 2) as isize;
        let seen: Vec<Observation> =
            (0..1 + samples.len() / self.hop).map(|t| observer.frame(samples, start(t))).collect();
        let semitones = (self.max_transition_rate * 12.0 * self.hop as f64 / rate).round_ties_even() as usize;
        let paths = Paths::new(bins, semitones * self.per_semitone() / 2, self.switch);
        let hz = |bin: usize| self.low * 2.0_f64.powf(bin as f64 / (12 * self.per_semitone()) as f64);
        let estimate = |(state, seen): (usize, &Observation)| Estimate {
            hz: hz(state % bins) as f32,
            voiced: state < bins,
            probability: seen.voiced as f32,
        };
        paths.likeliest(&seen, SEGMENT).into_iter().zip(&seen).map(estimate).collect()
    }

    fn per_semitone(&self) -> usize {
        ((1.0 / self.resolution).ceil() as usize).max(1)
    }

    fn bins(&self) -> usize {
        (12.0 * self.per_semitone() as f64 * (self.high / self.low).log2()).floor().max(0.0) as usize + 1
    }

    /// Probability of each threshold: the beta distribution between its neighbours.
    fn prior(&self) -> Vec<f64> {
        let below = |i: usize| beta_below(i as f64 / self.thresholds as f64, self.beta);
        (0..self.thresholds).map(|i| below(i + 1) - below(i)).collect()
    }
}

/// Cumulative beta distribution for whole parameters: a binomial tail.
fn beta_below(x: f64, [a, b]: [i32; 2]) -> f64 {
    let n = a + b - 1;
    let mut choose = 1.0;
    let mut sum = 0.0;
    for k in 0..=n {
        if k >= a {
            sum += choose * x.powi(k) * (1.0 - x).powi(n - k);
        }
        choose *= f64::from(n - k) / f64::from(k + 1);
    }
    sum
}

/// What one frame says.
struct Observation {
    /// Pitch bins and their probabilities; each bin once.
    bins: Vec<(usize, f64)>,
    /// Their sum, at most 1.
    voiced: f64,
}

/// Turns frames into observations.
struct Observer {
    pitch: Pyin,
    rate: f64,
    difference: Difference,
    prior: Vec<f64>,
    /// exp(-boltzmann k) for the k-th trough.
    decay: Vec<f64>,
    /// Places and heights of the troughs of the frame, and their probabilities.
    troughs: Vec<(usize, f32, f64)>,
}

impl Observer {
    fn new(pitch: &Pyin, rate: f64) -> Observer {
        let difference = Difference::new([pitch.low, pitch.high], rate, pitch.frame);
        let decay = (0..=pitch.frame).map(|k| (-pitch.boltzmann * k as f64).exp()).collect();
        Observer { pitch: *pitch, rate, difference, prior: pitch.prior(), decay, troughs: Vec::new() }
    }

    fn frame(&mut self, wave: &[f32], start: isize) -> Observation {
        let silent = Observation { bins: Vec::new(), voiced: 0.0 };
        let shortest = self.difference.shortest as f64;
        let Some(values) = self.difference.of(wave, start) else { return silent };
        self.troughs.clear();
        self.troughs.extend(troughs(values).map(|at| (at, values[at], 0.0)));
        weigh(&mut self.troughs, &self.prior, &self.decay, self.pitch.no_trough);
        let mut found = silent;
        let (low, per_octave) = (self.pitch.low, 12.0 * self.pitch.per_semitone() as f64);
        for &(at, _, probability) in self.troughs.iter().filter(|trough| trough.2 > 0.0) {
            let hz = self.rate / (shortest + at as f64 + f64::from(parabola(values, at)));
            let bin = (per_octave * (hz / low).log2()).round_ties_even().max(0.0) as usize;
            // Of two troughs in a bin librosa keeps the longer period's.
            found.bins.retain(|&(other, _)| other != bin);
            found.bins.push((bin, probability));
        }
        let bins = self.pitch.bins();
        found.bins.retain(|&(bin, _)| bin < bins);
        found.voiced = found.bins.iter().map(|(_, probability)| probability).sum::<f64>().clamp(0.0, 1.0);
        found
    }
}

/// Probabilities of troughs: for each threshold its prior, shared among the troughs below it by the Boltzmann
/// distribution; where none is, a little for the deepest.
fn weigh(troughs: &mut [(usize, f32, f64)], prior: &[f64], decay: &[f64], no_trough: f64) {
    let Some(deepest) = (0..troughs.len()).min_by(|&a, &b| troughs[a].1.total_cmp(&troughs[b].1)) else { return };
    let mut above_all = 0.0;
    for (i, share) in prior.iter().enumerate() {
        let threshold = (i + 1) as f64 / prior.len() as f64;
        let below = |trough: &(usize, f32, f64)| f64::from(trough.1) < threshold;
        let count = troughs.iter().filter(|trough| below(trough)).count();
        if count == 0 {
            above_all += share;
            continue;
        }
        let scale = share * (1.0 - decay[1]) / (1.0 - decay[count]);
        for (trough, decay) in troughs.iter_mut().filter(|trough| below(trough)).zip(decay) {
            trough.2 += scale * decay;
        }
    }
    troughs[deepest].2 += no_trough * above_all;
}

/// The hidden states - pitch bins, voiced, then the same, unvoiced - and how likely each follows each.
///
/// From bin k the bins within `reach` are reached with the probabilities of a triangle, the rest with [`TINY`].
struct Paths {
    bins: usize,
    reach: usize,
    /// Log of the triangle, from -reach to reach.
    triangle: Vec<f64>,
    /// Log of what makes the probabilities of one bin's successors sum to 1.
    scale: Vec<f64>,
    /// Log probability of staying voiced or unvoiced, and of changing.
    stay: f64,
    change: f64,
}

/// Frames whose likelihoods are kept at once: memory does not grow with the square of anything, nor by 10 kB a frame.
const SEGMENT: usize = 1024;
const LANES: usize = 8;

impl Paths {
    fn new(bins: usize, reach: usize, switch: f64) -> Paths {
        let reach = reach.min(bins - 1);
        let weight = |offset: isize| (reach + 1 - offset.unsigned_abs()) as f64;
        let triangle: Vec<f64> = (-(reach as isize)..=reach as isize).map(weight).collect();
        let sum = |k: usize| -> f64 {
            let (from, to) = (reach.saturating_sub(k), (reach + bins - k).min(2 * reach + 1));
            triangle[from..to].iter().sum()
        };
        Paths {
            bins,
            reach,
            scale: (0..bins).map(|k| -sum(k).ln()).collect(),
            triangle: triangle.iter().map(|weight| weight.ln()).collect(),
            stay: (1.0 - switch).ln(),
            change: switch.ln(),
        }
    }

    /// States of the likeliest path, a frame each, with likelihoods of `segment` frames kept at once.
    fn likeliest(&self, seen: &[Observation], segment: usize) -> Vec<usize> {
        let mut search = Search::new(self);
        let segments: Vec<&[Observation]> = seen.chunks(segment).collect();
        // Likelihoods before each segment; inside a segment they are computed when the path comes back to it.
        let mut before: Vec<Option<Vec<f64>>> = vec![None];
        for segment in &segments[..segments.len().saturating_sub(1)] {
            let last = before.last().cloned().flatten();
            before.push(search.run(segment, last.as_deref()).pop());
        }
        let mut states = Vec::with_capacity(seen.len());
        for (segment, before) in segments.iter().zip(&before).rev() {
            let likelihoods = search.run(segment, before.as_deref());
            let earlier = before.iter().chain(&likelihoods).collect::<Vec<_>>();
            let steps = if before.is_some() { likelihoods.len() } else { likelihoods.len() - 1 };
            if states.is_empty() {
                states.extend(likelihoods.last().map(|last| highest(last.iter().copied())));
            }
            for values in earlier[..steps].iter().rev() {
                let next = states.last().copied().unwrap_or_default();
                states.push(self.predecessor(values, next));
            }
        }
        states.reverse();
        states
    }

    /// The state before `next` on the likeliest path.
    fn predecessor(&self, values: &[f64], next: usize) -> usize {
        let (voiced, bin) = (next < self.bins, next % self.bins);
        let likelihood = |(state, value): (usize, &f64)| {
            let from = state % self.bins;
            if from.abs_diff(bin) > self.reach {
                return value + TINY.ln();
            }
            let switch = if (state < self.bins) == voiced { self.stay } else { self.change };
            value + (switch + self.triangle[self.reach + bin - from] + self.scale[from])
        };
        highest(values.iter().enumerate().map(likelihood))
    }
}

/// Index of the first highest value.
fn highest(values: impl Iterator<Item = f64>) -> usize {
    let mut best = (0, f64::NEG_INFINITY);
    for (at, value) in values.enumerate() {
        if value > best.1 {
            best = (at, value);
        }
    }
    best.0
}

/// Viterbi's forward pass, and its buffers.
struct Search<'a> {
    paths: &'a Paths,
    /// The better of the two ways into each bin, with room for the triangle on both sides.
    sources: Vec<f64>,
    reached: Vec<f64>,
}

impl Search<'_> {
    fn new(paths: &Paths) -> Search<'_> {
        let whole = paths.bins.next_multiple_of(LANES);
        Search { paths, sources: vec![f64::NEG_INFINITY; whole + 2 * paths.reach], reached: vec![0.0; whole] }
    }

    /// Log likelihood of the best path into each state, for each frame of a segment.
    fn run(&mut self, segment: &[Observation], before: Option<&[f64]>) -> Vec<Vec<f64>> {
        let mut all: Vec<Vec<f64>> = Vec::with_capacity(segment.len());
        for seen in segment {
            let next = match all.last().map(Vec::as_slice).or(before) {
                None => vec![(0.5 / self.paths.bins as f64).ln(); 2 * self.paths.bins],
                Some(values) => self.advance(values),
            };
            all.push(self.observe(next, seen));
        }
        all
    }

    /// Best likelihoods one frame later, before that frame is looked at.
    fn advance(&mut self, values: &[f64]) -> Vec<f64> {
        let Paths { bins, reach, stay, change, .. } = *self.paths;
        let anywhere = values.iter().copied().fold(f64::NEG_INFINITY, f64::max) + TINY.ln();
        let (voiced, unvoiced) = values.split_at(bins);
        let mut next = Vec::with_capacity(2 * bins);
        for [into_voiced, into_unvoiced] in [[stay, change], [change, stay]] {
            let ways = voiced.iter().zip(unvoiced).zip(&self.paths.scale);
            for (source, ((voiced, unvoiced), scale)) in self.sources[reach..].iter_mut().zip(ways) {
                *source = larger(voiced + into_voiced, unvoiced + into_unvoiced) + scale;
            }
            widen(&self.sources, &self.paths.triangle, &mut self.reached);
            next.extend(self.reached[..bins].iter().map(|&value| larger(value, anywhere)));
        }
        next
    }

    fn observe(&self, mut values: Vec<f64>, seen: &Observation) -> Vec<f64> {
        let bins = self.paths.bins;
        let (voiced, unvoiced) = values.split_at_mut(bins);
        let never = TINY.ln();
        for &(bin, probability) in &seen.bins {
            voiced[bin] += (probability + TINY).ln() - never;
        }
        voiced.iter_mut().for_each(|value| *value += never);
        let silent = ((1.0 - seen.voiced) / bins as f64 + TINY).ln();
        unvoiced.iter_mut().for_each(|value| *value += silent);
        values
    }
}

fn larger(a: f64, b: f64) -> f64 {
    if a > b { a } else { b }
}

/// `into[j]` = the largest of `from[j + d] + weights[d]`; eight at a time, which the compiler keeps in registers.
fn widen(from: &[f64], weights: &[f64], into: &mut [f64]) {
    for (at, out) in into.as_chunks_mut::<LANES>().0.iter_mut().enumerate() {
        let mut best = [f64::NEG_INFINITY; LANES];
        for (near, weight) in from[at * LANES..].windows(LANES).zip(weights) {
            for lane in 0..LANES {
                best[lane] = larger(near[lane] + weight, best[lane]);
            }
        }
        *out = best;
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// A second of a gliding sawtooth, half a second of silence, and the sawtooth again.
    fn wave() -> Vec<f32> {
        let mut phase = 0.0_f64;
        let sample = |i: usize| {
            phase = (phase + (150.0 + 60.0 * i as f64 / 16_000.0) / 16_000.0).fract();
            if (16_000..24_000).contains(&i) { 0.0 } else { (phase - 0.5) as f32 }
        };
        (0..40_000).map(sample).collect()
    }

    #[test]
    fn hears_where_a_voice_is_and_how_high() {
        let track = Pyin::new(60.0, 600.0, 1024).track(&wave(), 16_000);
        let at = |seconds: f64| track[(seconds * 16_000.0 / 256.0) as usize];
        for seconds in [0.3, 0.6, 1.8, 2.3] {
            let wanted = 150.0 + 60.0 * seconds;
            assert!(at(seconds).voiced && (f64::from(at(seconds).hz) / wanted - 1.0).abs() < 0.01, "{:?}", at(seconds));
        }
        assert!(!at(1.25).voiced && at(1.25).probability == 0.0);
        assert!(Pyin::new(60.0, 600.0, 1024).track(&[0.0; 4000], 16_000).iter().all(|e| !e.voiced && e.hz.is_finite()));
    }

    #[test]
    fn what_is_kept_at_once_does_not_change_the_path() {
        let pitch = Pyin { resolution: 0.5, ..Pyin::new(60.0, 600.0, 1024) };
        let mut observer = Observer::new(&pitch, 16_000.0);
        let wave = wave();
        let seen: Vec<Observation> = (0..150).map(|t| observer.frame(&wave, 256 * t - 512)).collect();
        let paths = Paths::new(pitch.bins(), 7, 0.01);
        let whole = paths.likeliest(&seen, 1000);
        for segment in [1, 7, 149, 150] {
            assert_eq!(paths.likeliest(&seen, segment), whole, "{segment} frames at once");
        }
        assert_eq!(paths.likeliest(&[], 7), Vec::<usize>::new());
    }

    #[test]
    fn thresholds_follow_the_beta_distribution() {
        // Beta(2, 18) below x is 1 - (1 - x)^19 - 19 x (1 - x)^18.
        let x = 0.1_f64;
        let closed = 1.0 - 0.9_f64.powi(19) - 19.0 * x * 0.9_f64.powi(18);
        assert!((beta_below(x, [2, 18]) - closed).abs() < 1e-12);
        let sum: f64 = Pyin::new(60.0, 600.0, 1024).prior().iter().sum();
        assert!((sum - 1.0).abs() < 1e-12);
    }
}
