//! Fundamental frequency by YIN, and which frames are voiced.
//!
//! YIN: de Cheveigné & Kawahara, JASA 111 (2002), in the variant of `librosa.yin` 0.11. Deliberately absent: probabilities
//! of pitches (`pyin`) and any tracking over time beyond a median over neighbours.

use std::sync::Arc;

use realfft::num_complex::Complex;
use realfft::{ComplexToReal, RealToComplex};

use super::{cut, forward, inverse};

/// What YIN is asked for.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Yin {
    /// Lowest pitch in Hz.
    pub low: f64,
    /// Highest pitch in Hz, at most a quarter of the rate.
    pub high: f64,
    /// Samples per frame, even, longer than two periods of `low`.
    pub frame: usize,
    /// Samples from one frame to the next.
    pub hop: usize,
    /// The first trough of the difference function below this is taken; without one, the deepest.
    pub trough: f32,
}

/// YIN's answer for one frame, whether voiced or not.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Candidate {
    /// Frequency in Hz.
    pub hz: f32,
    /// Normalised difference at that period: near 0 for a periodic frame, around 1 for noise; 1 for silence.
    pub aperiodicity: f32,
}

impl Yin {
    /// Pitches of speech, 60-600 Hz, in frames of 64 ms every 10 ms, librosa's trough threshold 0.1.
    pub fn speech(rate: u32, hop: usize) -> Yin {
        let rate = f64::from(rate);
        let frame = ((rate * 0.064 / 2.0).round() as usize).max(2) * 2;
        Yin { low: 60.0, high: 600.0_f64.min(rate / 4.0), frame, hop, trough: 0.1 }
    }

    /// One candidate per frame; frame `t` is centred on sample `t * hop`, zero-padded.
    pub fn track(&self, samples: &[f32], rate: u32) -> Vec<Candidate> {
        let mut search = Search::new(self, f64::from(rate));
        (0..1 + samples.len() / self.hop)
            .map(|t| search.frame(samples, (t * self.hop) as isize - (self.frame / 2) as isize))
            .collect()
    }
}

/// Which frames are voiced, and their pitch: `None` where unvoiced.
///
/// A frame is voiced when its aperiodicity is below `limit` and its level (`levels_db`) above `floor_db`; runs of
/// fewer than three frames are dropped, and within a run each pitch is the median of up to five neighbours, which
/// removes single octave jumps.
pub fn voiced(candidates: &[Candidate], levels_db: &[f32], limit: f32, floor_db: f32) -> Vec<Option<f32>> {
    const SHORTEST: usize = 3;
    let mut pitch: Vec<Option<f32>> = candidates
        .iter()
        .zip(levels_db)
        .map(|(c, &level)| (c.aperiodicity < limit && level > floor_db).then_some(c.hz))
        .collect();
    for run in pitch.chunk_by_mut(|a, b| a.is_some() == b.is_some()) {
        if run.len() < SHORTEST {
            run.fill(None);
        } else {
            median_of_neighbours(run);
        }
    }
    pitch
}

fn median_of_neighbours(run: &mut [Option<f32>]) {
    let raw: Vec<f32> = run.iter().copied().flatten().collect();
    if raw.len() != run.len() {
        return;
    }
    for (i, value) in run.iter_mut().enumerate() {
        let mut near = raw[i.saturating_sub(2)..(i + 3).min(raw.len())].to_vec();
        near.sort_by(f32::total_cmp);
        *value = Some(near[near.len() / 2]);
    }
}

/// Buffers of one search, reused from frame to frame.
struct Search {
    rate: f64,
    trough: f32,
    difference: Difference,
}

impl Search {
    fn new(yin: &Yin, rate: f64) -> Search {
        Search { rate, trough: yin.trough, difference: Difference::new([yin.low, yin.high], rate, yin.frame) }
    }

    fn frame(&mut self, wave: &[f32], start: isize) -> Candidate {
        let shortest = self.difference.shortest as f64;
        let Some(values) = self.difference.of(wave, start) else {
            return Candidate { hz: (self.rate / shortest) as f32, aperiodicity: 1.0 };
        };
        let below = |&at: &usize| values[at] < self.trough;
        let best = troughs(values).find(below).unwrap_or_else(|| lowest(values));
        let period = shortest + best as f64 + f64::from(parabola(values, best));
        Candidate { hz: (self.rate / period) as f32, aperiodicity: values[best].clamp(0.0, 1.0) }
    }
}

/// Cumulative mean normalised difference of one frame after the other (YIN's step 3), with its buffers.
pub(super) struct Difference {
    /// Shortest period looked at, in samples; the first value's.
    pub(super) shortest: usize,
    longest: usize,
    forward: Arc<dyn RealToComplex<f32>>,
    inverse: Arc<dyn ComplexToReal<f32>>,
    /// Samples of the frame, zero-padded, later their autocorrelation.
    time: Vec<f32>,
    samples: Vec<f32>,
    spectrum: Vec<Complex<f32>>,
    scratch: Vec<Complex<f32>>,
    values: Vec<f32>,
}

impl Difference {
    /// For pitches between two in Hz and frames of `frame` samples.
    pub(super) fn new([low, high]: [f64; 2], rate: f64, frame: usize) -> Difference {
        let shortest = ((rate / high).floor() as usize).max(1);
        let longest = ((rate / low).ceil() as usize).min(frame - 1).max(shortest + 1);
        // Long enough that no lag up to `longest` wraps around.
        let len = fast_len(frame + longest + 1);
        let (forward, inverse) = (forward(len), inverse(len));
        let scratch = forward.get_scratch_len().max(inverse.get_scratch_len());
        Difference {
            shortest,
            longest,
            time: forward.make_input_vec(),
            samples: vec![0.0; frame],
            spectrum: forward.make_output_vec(),
            scratch: vec![Complex::default(); scratch],
            values: vec![0.0; longest - shortest + 1],
            forward,
            inverse,
        }
    }

    /// One value per period, of the frame that starts at a sample; `None` where all of it is zero.
    pub(super) fn of(&mut self, wave: &[f32], start: isize) -> Option<&[f32]> {
        cut(wave, start, &mut self.samples);
        if self.samples.iter().all(|&x| x == 0.0) {
            return None;
        }
        self.autocorrelate();
        self.normalise();
        Some(&self.values)
    }

    /// Leaves the autocorrelation of the frame in `time`, by the power spectrum.
    fn autocorrelate(&mut self) {
        let (frame, rest) = self.time.split_at_mut(self.samples.len());
        frame.copy_from_slice(&self.samples);
        rest.fill(0.0);
        let done = self.forward.process_with_scratch(&mut self.time, &mut self.spectrum, &mut self.scratch);
        debug_assert!(done.is_ok(), "buffers come from the plan");
        let scale = 1.0 / self.time.len() as f32;
        self.spectrum.iter_mut().for_each(|bin| *bin = Complex::new(bin.norm_sqr() * scale, 0.0));
        let done = self.inverse.process_with_scratch(&mut self.spectrum, &mut self.time, &mut self.scratch);
        debug_assert!(done.is_ok(), "a power spectrum is real at both ends");
    }

    /// Eq. 8, with librosa's difference d(k) = 2 (acf(0) - acf(k)) - energy of the first k samples.
    fn normalise(&mut self) {
        let (mut energy, mut sum) = (0.0_f64, 0.0_f64);
        for k in 1..=self.longest {
            let sample = f64::from(self.samples.get(k - 1).copied().unwrap_or(0.0));
            energy += sample * sample;
            let difference = 2.0 * (f64::from(self.time[0]) - f64::from(self.time[k])) - energy;
            sum += difference;
            if k >= self.shortest {
                let mean = sum / k as f64;
                self.values[k - self.shortest] = (difference / (mean + f64::from(f32::MIN_POSITIVE))) as f32;
            }
        }
    }
}

/// The least even length of at least `len` that transforms fast: a power of two times 1, 3, 5, 9 or 15.
fn fast_len(len: usize) -> usize {
    let over = |odd: usize| len.div_ceil(odd).next_power_of_two().max(2) * odd;
    [1, 3, 5, 9, 15].into_iter().map(over).min().unwrap_or(len)
}

/// Where values are lower than the one before and no higher than the next (`librosa.util.localmin`); the first counts
/// only when the next is truly higher, the last without a next.
pub(super) fn troughs(values: &[f32]) -> impl Iterator<Item = usize> {
    (0..values.len()).filter(|&i| {
        let falls = i == 0 || values[i] < values[i - 1];
        falls && values.get(i + 1).is_none_or(|&next| if i == 0 { values[i] < next } else { values[i] <= next })
    })
}

fn lowest(values: &[f32]) -> usize {
    (0..values.len()).min_by(|&a, &b| values[a].total_cmp(&values[b])).unwrap_or(0)
}

/// Offset of the vertex of the parabola through a value and its neighbours; 0 when it lies beyond them.
pub(super) fn parabola(values: &[f32], at: usize) -> f32 {
    if at == 0 || at + 1 >= values.len() {
        return 0.0;
    }
    let (before, here, after) = (values[at - 1], values[at], values[at + 1]);
    let (bend, slope) = (after + before - 2.0 * here, (after - before) / 2.0);
    if slope.abs() >= bend.abs() { 0.0 } else { -slope / bend }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn saw(hz: f64, rate: u32, seconds: f64) -> Vec<f32> {
        (0..(seconds * f64::from(rate)) as usize)
            .map(|i| ((i as f64 * hz / f64::from(rate)).fract() - 0.5) as f32)
            .collect()
    }

    #[test]
    fn finds_the_pitch_of_a_sawtooth() {
        for (hz, rate) in [(82.0, 16_000), (147.3, 16_000), (220.0, 22_050), (431.0, 44_100)] {
            let track = Yin::speech(rate, rate as usize / 100).track(&saw(hz, rate, 0.5), rate);
            let middle = track[track.len() / 2];
            assert!((f64::from(middle.hz) / hz - 1.0).abs() < 0.005, "{hz} at {rate}: {middle:?}");
            assert!(middle.aperiodicity < 0.2, "{hz} at {rate}: {middle:?}");
        }
    }

    #[test]
    fn silence_is_aperiodic() {
        let track = Yin::speech(16_000, 160).track(&[0.0; 4000], 16_000);
        assert!(track.iter().all(|c| c.aperiodicity == 1.0 && c.hz.is_finite()));
    }

    #[test]
    fn voicing_drops_short_runs_and_octave_jumps() {
        let at = |hz, aperiodicity| Candidate { hz, aperiodicity };
        let candidates =
            [at(100.0, 0.1), at(100.0, 0.9), at(100.0, 0.1), at(101.0, 0.1), at(202.0, 0.1), at(102.0, 0.1)];
        let pitch = voiced(&candidates, &[0.0; 6], 0.3, -60.0);
        assert_eq!(pitch[..2], [None, None]);
        assert!(pitch[2..].iter().all(|p| p.is_some_and(|hz| hz < 110.0)), "{pitch:?}");
        assert!(voiced(&candidates, &[-70.0; 6], 0.3, -60.0).iter().all(Option::is_none));
    }
}
