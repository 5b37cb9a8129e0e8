//! Pitch and voicing per 10 ms: sub-harmonic summation over an octave spectrum, and the likeliest path.
//!
//! After Hermes, "Measurement of pitch by subharmonic summation", JASA 83 (1988): magnitudes of 60 ms frames, cleaned of
//! what lies between peaks, smoothed, brought to an octave scale by a cubic spline, weighted as the ear does, and summed
//! over 15 harmonics. Details were settled by comparing with openSMILE's answers to tones and speech. Deliberately
//! absent: smoothing of the track (`functionals`) and periods of the wave (`periods`).

use realfft::num_complex::Complex;

use super::frames::{Frames, magnitudes};
use super::path::{CANDIDATES, Candidate, Frame, cheapest};
use crate::features::dsp::wide::{Kernel, wide};

/// Frames worked on side by side: the spline's recurrences wait for themselves, so one frame alone leaves most of the
/// processor idle.
const LANES: usize = 8;
/// A number of each of these frames.
type Lanes = [f32; LANES];

/// Pitch range in Hz.
const RANGE: std::ops::RangeInclusive<f64> = 55.0..=1000.0;
/// Lowest frequency of the octave spectrum in Hz.
const LOWEST: f64 = 25.0;
const HARMONICS: usize = 15;
/// Weight of each harmonic over the one below it.
const COMPRESSION: f32 = 0.85;
/// Frequency in Hz at which the ear's weight is one half, and its steepness per octave (Hermes' arc tangent).
const EAR_HZ: f64 = 32.0;
const EAR_STEEPNESS: f64 = 3.0;
/// Bins kept on either side of a peak of the spectrum.
const PEAK_REACH: usize = 2;
/// Harmonics lie on the octave grid's nearest points, less this: fitted; pitch agrees to 0.1 cent at 16 kHz, 2 at others.
const GRID_BIAS: f64 = 0.12;
/// Frames whose windowed RMS is below this are unvoiced.
const SILENCE: f32 = 0.001;

/// Pitch of a clip, one number per 60 ms frame.
#[derive(Debug, Clone, PartialEq, Default)]
pub struct PitchTrack {
    /// Frequency in Hz; 0 where unvoiced.
    pub hz: Vec<f32>,
    /// How periodic the frame is, 0 to 1: one minus mean over peak of the summed spectrum. Voice has 0.7 or more.
    pub voicing: Vec<f32>,
}

/// Pitch of a wave of `rate` Hz; frame `t` starts at sample `t * hop` (10 ms) and is 60 ms long.
///
/// A wave shorter than one frame has one, padded with zeros.
pub fn track(samples: &[f32], rate: u32) -> PitchTrack {
    let mut long = Frames::long(samples, rate);
    let mut sum = Subharmonics::new(long.bins(), long.resolution());
    let mut loud = Vec::with_capacity(long.count());
    let mut frames = Vec::with_capacity(long.count());
    for first in (0..long.count()).step_by(LANES) {
        let block = LANES.min(long.count() - first);
        for lane in 0..block {
            sum.put(lane, long.spectrum(first + lane));
            loud.push(long.weighted_rms(first + lane) >= SILENCE);
        }
        let means = wide(Summation(&mut sum));
        frames.extend((0..block).map(|lane| sum.pick(lane, means[lane])));
    }
    let path = cheapest(&frames);
    let chosen = frames.iter().zip(path).zip(loud).map(|((frame, path), loud)| {
        let voiced = path.filter(|_| loud).map(|index| frame[index]);
        let hz = voiced.map_or(0.0, |candidate| candidate.hz);
        (hz, voiced.unwrap_or(frame[0]).strength.clamp(0.0, 1.0))
    });
    let (hz, voicing) = chosen.unzip();
    PitchTrack { hz, voicing }
}

/// Semitones above 27.5 Hz; 0 stays 0, unvoiced.
pub fn semitones(hz: f32) -> f32 {
    if hz > 0.0 { 12.0 * (hz / 27.5).log2() } else { 0.0 }
}

/// Octave spectrum and its sum over harmonics, for spectra of one size.
struct Subharmonics {
    grid: Grid,
    spline: Spline,
    /// The ear's weight at each point of the grid.
    ear: Vec<f32>,
    /// Points of the grid from a frequency to its harmonics, and their weights.
    harmonics: Vec<(usize, f32)>,
    /// Of one frame.
    single: Vec<f32>,
    magnitude: Vec<Lanes>,
    octave: Vec<Lanes>,
    sum: Vec<Lanes>,
}

/// Equal steps of log2 frequency.
#[derive(Debug, Clone, Copy)]
struct Grid {
    points: usize,
    lowest: f64,
    step: f64,
}

impl Grid {
    fn log2(&self, point: f64) -> f64 {
        self.lowest + point * self.step
    }

    /// Points at or below `hz`.
    fn below(&self, hz: f64) -> usize {
        ((((hz.log2() - self.lowest) / self.step).floor() + 1.0).max(0.0) as usize).min(self.points)
    }
}

impl Subharmonics {
    fn new(bins: usize, resolution: f64) -> Subharmonics {
        let highest = ((bins - 1) as f64 * resolution).log2();
        let lowest = LOWEST.log2();
        let grid = Grid { points: bins, lowest, step: (highest - lowest) / (bins - 1) as f64 };
        let ear = |point: usize| {
            let octaves = grid.log2(point as f64) - EAR_HZ.log2();
            (0.5 + (EAR_STEEPNESS * octaves).atan() / std::f64::consts::PI) as f32
        };
        let harmonic = |n: usize| {
            let points = ((n as f64).log2() / grid.step - GRID_BIAS).round().max(0.0) as usize;
            (points, COMPRESSION.powi(n as i32 - 1))
        };
        Subharmonics {
            grid,
            spline: Spline::new(bins, resolution, grid),
            ear: (0..bins).map(ear).collect(),
            harmonics: (1..=HARMONICS).map(harmonic).filter(|&(points, _)| points < bins).collect(),
            single: vec![0.0; bins],
            magnitude: vec![[0.0; LANES]; bins],
            octave: vec![[0.0; LANES]; bins],
            // One point more than the range, for the parabola through its last peak.
            sum: vec![[0.0; LANES]; (grid.below(*RANGE.end()) + 2).min(bins)],
        }
    }

    /// Takes in a frame.
    fn put(&mut self, lane: usize, spectrum: &[Complex<f32>]) {
        magnitudes(spectrum, &mut self.single);
        keep_peaks(&mut self.single);
        self.magnitude.iter_mut().zip(&self.single).for_each(|(lanes, value)| lanes[lane] = *value);
    }

    /// Sums the harmonics for the points of the pitch range; the mean over the whole grid.
    #[inline(always)]
    fn add_harmonics(&mut self) -> Lanes {
        self.sum.fill([0.0; LANES]);
        let mut total = [0.0; LANES];
        let mut rest = sum_of(&self.octave);
        let mut at = 0;
        for &(points, weight) in &self.harmonics {
            let passed = sum_of(&self.octave[at..points]);
            at = points;
            for lane in 0..LANES {
                rest[lane] -= passed[lane];
                total[lane] += weight * rest[lane];
            }
            for (sum, value) in self.sum.iter_mut().zip(&self.octave[points..]) {
                sum.iter_mut().zip(value).for_each(|(sum, value)| *sum += weight * value);
            }
        }
        total.map(|total| total / self.grid.points as f32)
    }

    /// The strongest candidates of a frame, strongest first: peaks of the sum within the range, refined by a parabola.
    fn pick(&self, lane: usize, mean: f32) -> Frame {
        let mut best = Frame::default();
        let first = self.grid.below(*RANGE.start()).saturating_sub(1).max(1);
        for point in first..self.sum.len().saturating_sub(1) {
            let around = [self.sum[point - 1][lane], self.sum[point][lane], self.sum[point + 1][lane]];
            if around[1] > around[0] && around[1] >= around[2] {
                let (shift, height) = vertex(around);
                let hz = self.grid.log2(point as f64 + f64::from(shift)).exp2();
                if RANGE.contains(&hz) && height > 0.0 {
                    insert(&mut best, Candidate { hz: hz as f32, strength: 1.0 - mean / height });
                }
            }
        }
        best
    }
}

/// From magnitudes to their sum over harmonics; the mean of the sum per frame.
struct Summation<'a>(&'a mut Subharmonics);

impl Kernel for Summation<'_> {
    type Output = Lanes;

    #[inline(always)]
    fn run(self) -> Lanes {
        let Subharmonics { spline, ear, magnitude, octave, .. } = &mut *self.0;
        smooth(magnitude);
        spline.evaluate(magnitude, octave);
        for (values, weight) in octave.iter_mut().zip(ear) {
            values.iter_mut().for_each(|value| *value = value.max(0.0) * *weight);
        }
        self.0.add_harmonics()
    }
}

#[inline(always)]
fn sum_of(values: &[Lanes]) -> Lanes {
    let mut sum = [0.0; LANES];
    for value in values {
        sum.iter_mut().zip(value).for_each(|(sum, value)| *sum += value);
    }
    sum
}

/// Puts a candidate where it belongs by strength; the weakest falls off the end.
fn insert(best: &mut Frame, candidate: Candidate) {
    let place = best.iter().position(|other| other.hz == 0.0 || other.strength < candidate.strength);
    if let Some(place) = place {
        best.copy_within(place..CANDIDATES - 1, place + 1);
        best[place] = candidate;
    }
}

/// Zeroes what is more than [`PEAK_REACH`] bins from the two peaks around it.
///
/// A falling start counts as a peak; below the first peak and above the last all stays.
fn keep_peaks(magnitude: &mut [f32]) {
    let mut last = (magnitude[0] > magnitude[1]).then_some(0);
    for bin in 1..magnitude.len() - 1 {
        if magnitude[bin] > magnitude[bin - 1] && magnitude[bin] >= magnitude[bin + 1] {
            let from = last.map_or(bin, |last| last + PEAK_REACH + 1);
            if from + PEAK_REACH < bin {
                magnitude[from..bin - PEAK_REACH].fill(0.0);
            }
            last = Some(bin);
        }
    }
}

/// Weights 1/4, 1/2, 1/4; the ends stay.
#[inline(always)]
fn smooth(values: &mut [Lanes]) {
    let mut left = values[0];
    for i in 1..values.len() - 1 {
        let (here, right) = (values[i], values[i + 1]);
        values[i] = std::array::from_fn(|lane| 0.25 * left[lane] + 0.5 * here[lane] + 0.25 * right[lane]);
        left = here;
    }
}

/// Place relative to the middle one and height of the peak of the parabola through three equidistant values.
fn vertex([left, middle, right]: [f32; 3]) -> (f32, f32) {
    let bend = left - 2.0 * middle + right;
    if bend == 0.0 {
        return (0.0, middle);
    }
    let shift = 0.5 * (left - right) / bend;
    (shift, middle - 0.25 * (left - right) * shift)
}

/// Natural cubic spline over the log2 frequency of bins 1, 2, ... evaluated on a [`Grid`]; all but the values is ready.
struct Spline {
    /// Rows of the tridiagonal system for second derivatives, eliminated.
    rows: Vec<Row>,
    points: Vec<Point>,
    second: Vec<Lanes>,
}

/// Row of a knot: weights of the three values, and of its neighbours' second derivatives.
#[derive(Debug, Clone, Copy, Default)]
struct Row {
    value: [f32; 3],
    left: f32,
    right: f32,
}

/// A point: the bin at its left, and the weights of both bins' values and second derivatives.
#[derive(Debug, Clone, Copy)]
struct Point {
    bin: usize,
    value: [f32; 2],
    second: [f32; 2],
}

impl Spline {
    fn new(bins: usize, resolution: f64, grid: Grid) -> Spline {
        let knot = |bin: usize| (bin as f64 * resolution).log2();
        let mut rows = vec![Row::default(); bins];
        let mut above = 0.0;
        for (bin, row) in rows.iter_mut().enumerate().take(bins - 1).skip(2) {
            let (left, right) = (knot(bin) - knot(bin - 1), knot(bin + 1) - knot(bin));
            let pivot = 1.0 / (2.0 * (left + right) - left * above);
            let (down, up) = (6.0 / left * pivot, 6.0 / right * pivot);
            above = right * pivot;
            let value = [down as f32, -(down + up) as f32, up as f32];
            *row = Row { value, left: (left * pivot) as f32, right: above as f32 };
        }
        let point = |point: usize| {
            let at = grid.log2(point as f64);
            let bin = ((at.exp2() / resolution) as usize).clamp(1, bins - 2);
            let width = knot(bin + 1) - knot(bin);
            let (near, far) = ((knot(bin + 1) - at) / width, (at - knot(bin)) / width);
            let bend = |share: f64| ((share.powi(3) - share) * width * width / 6.0) as f32;
            Point { bin, value: [near as f32, far as f32], second: [bend(near), bend(far)] }
        };
        Spline { rows, points: (0..grid.points).map(point).collect(), second: vec![[0.0; LANES]; bins] }
    }

    #[inline(always)]
    fn evaluate(&mut self, values: &[Lanes], into: &mut [Lanes]) {
        let second = &mut self.second;
        for bin in 2..values.len() - 1 {
            let Row { value: [down, same, up], left, .. } = self.rows[bin];
            let [below, here, above] = [values[bin - 1], values[bin], values[bin + 1]];
            let before = second[bin - 1];
            second[bin] = std::array::from_fn(|lane| {
                down * below[lane] + same * here[lane] + up * above[lane] - left * before[lane]
            });
        }
        for bin in (2..values.len() - 1).rev() {
            let (right, after) = (self.rows[bin].right, second[bin + 1]);
            second[bin].iter_mut().zip(after).for_each(|(second, after)| *second -= right * after);
        }
        for (into, point) in into.iter_mut().zip(&self.points) {
            let Point { bin, value, second: bend } = *point;
            let (values, second) = ([values[bin], values[bin + 1]], [second[bin], second[bin + 1]]);
            *into = std::array::from_fn(|lane| {
                value[0] * values[0][lane]
                    + value[1] * values[1][lane]
                    + bend[0] * second[0][lane]
                    + bend[1] * second[1][lane]
            });
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Twenty harmonics, each weaker than the last, for `seconds`.
    fn voice(hz: f64, rate: u32, seconds: f64) -> Vec<f32> {
        let partials: Vec<f64> = (1..=20).map(f64::from).filter(|n| n * hz < 0.45 * f64::from(rate)).collect();
        let at = |i: usize| {
            let turn = std::f64::consts::TAU * hz * i as f64 / f64::from(rate);
            (0.1 * partials.iter().map(|n| (n * turn + n * n * 0.3).cos() / n).sum::<f64>()) as f32
        };
        (0..(seconds * f64::from(rate)) as usize).map(at).collect()
    }

    fn cents(hz: f32, expected: f64) -> f64 {
        1200.0 * (f64::from(hz) / expected).log2().abs()
    }

    #[test]
    fn a_steady_voice_has_its_pitch_at_any_rate() {
        for rate in [8_000, 16_000, 44_100, 192_000] {
            for hz in [80.0, 131.0, 250.0, 420.0] {
                let found = track(&voice(hz, rate, 0.2), rate);
                assert_eq!(found.hz.len(), 15);
                assert!(found.hz.iter().all(|&found| cents(found, hz) < 15.0), "{rate} {hz} {:?}", found.hz);
                assert!(found.voicing.iter().all(|&voicing| voicing > 0.7), "{rate} {hz} {:?}", found.voicing);
            }
        }
    }

    #[test]
    fn pitch_follows_a_glide() {
        let mut turn = 0.0;
        let wave: Vec<f32> = (0..8000)
            .map(|i| {
                turn += std::f64::consts::TAU * (150.0 + f64::from(i) / 80.0) / 16_000.0;
                (1..20).map(|n| 0.05 * (f64::from(n) * turn).cos()).sum::<f64>() as f32
            })
            .collect();
        let found = track(&wave, 16_000);
        for (t, &hz) in found.hz.iter().enumerate() {
            let middle = 150.0 + (t as f64 * 160.0 + 480.0) / 80.0;
            assert!(cents(hz, middle) < 15.0, "{t} {hz} {middle}");
        }
    }

    #[test]
    fn what_is_no_voice_is_unvoiced_and_finite() {
        let quiet: Vec<f32> = voice(200.0, 16_000, 0.2).iter().map(|sample| sample * 1e-3).collect();
        for rate in [1_000, 8_000, 16_000, 192_000] {
            for wave in [vec![0.0; rate as usize / 2], vec![0.7; rate as usize / 2], quiet.clone()] {
                let found = track(&wave, rate);
                assert!(found.hz.iter().all(|&hz| hz == 0.0), "{rate} {:?}", found.hz);
                assert!(found.voicing.iter().all(|voicing| (0.0..=1.0).contains(voicing)), "{:?}", found.voicing);
            }
        }
    }

    #[test]
    fn a_wave_shorter_than_a_frame_has_one_finite_frame() {
        for rate in [1_000, 8_000, 16_000, 192_000] {
            for wave in [vec![1.0], vec![0.5; rate as usize / 200], voice(200.0, rate, 0.01)] {
                let found = track(&wave, rate);
                assert_eq!((found.hz.len(), found.voicing.len()), (1, 1));
                assert!(found.hz[0].is_finite() && (0.0..=1.0).contains(&found.voicing[0]), "{rate} {found:?}");
            }
        }
    }

    #[test]
    fn peaks_keep_their_surroundings_and_nothing_else() {
        let mut magnitude = [5.0, 4.0, 3.0, 2.0, 1.0, 1.1, 1.2, 1.5, 3.0, 2.0, 1.0, 0.5, 0.4];
        keep_peaks(&mut magnitude);
        assert_eq!(magnitude, [5.0, 4.0, 3.0, 0.0, 0.0, 0.0, 1.2, 1.5, 3.0, 2.0, 1.0, 0.5, 0.4]);
    }

    #[test]
    fn the_spline_meets_its_knots_and_a_parabola_between() {
        let grid = Grid { points: 129, lowest: 5.0, step: 7.0 / 128.0 };
        let mut spline = Spline::new(129, 32.0, grid);
        let curve = |log2: f64| (log2 - 9.0).powi(2) as f32;
        let values: Vec<Lanes> = (0..129).map(|bin| [curve((f64::from(bin.max(1)) * 32.0).log2()); LANES]).collect();
        let mut out = vec![[0.0; LANES]; 129];
        spline.evaluate(&values, &mut out);
        let out: Vec<f32> = out.into_iter().map(|lanes| lanes[LANES - 1]).collect();
        assert!((out[0] - curve(5.0)).abs() < 1e-4 && (out[128] - curve(12.0)).abs() < 1e-3);
        // The natural spline bends less at its ends than a parabola; further in it is one.
        for (point, value) in out.iter().enumerate().skip(90).take(30) {
            assert!((value - curve(grid.log2(point as f64))).abs() < 1e-3, "{point} {value}");
        }
    }

    #[test]
    fn semitones_count_from_27_5_hz() {
        assert_eq!((semitones(27.5), semitones(55.0), semitones(0.0)), (0.0, 12.0, 0.0));
    }
}
