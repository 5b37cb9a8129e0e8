//! Signal arithmetic over frames: framing, short-time spectra, and below it mel bands, spectral shape and pitch.
//!
//! Definitions and defaults are librosa 0.11's (centred frames, zero padding, periodic Hann window), checked against
//! its numbers in `tests/features.rs`. Work goes frame by frame, so memory does not grow with the spectrogram; buffers
//! and plans are made once per clip and thread. Deliberately absent: anything about clips, sets or columns.

pub mod chroma;
pub mod contrast;
pub mod emphasis;
pub mod mel;
pub mod pitch;
pub mod pyin;
pub mod shape;
pub mod trim;
pub(super) mod wide;

use std::cell::RefCell;
use std::collections::HashMap;
use std::sync::Arc;

use realfft::num_complex::Complex;
use realfft::{ComplexToReal, RealFftPlanner, RealToComplex};
use rustfft::{Fft, FftPlanner};
pub(super) use wide::{Kernel, wide};

thread_local! {
    /// Planning costs more than transforming: each thread keeps its plans.
    static PLANNER: RefCell<RealFftPlanner<f32>> = RefCell::new(RealFftPlanner::new());
    static HALVES: RefCell<Halves> = RefCell::new(Halves { planner: FftPlanner::new(), tables: HashMap::new() });
}

/// The forward transform of `len` real samples.
pub(super) fn forward(len: usize) -> Arc<dyn RealToComplex<f32>> {
    PLANNER.with_borrow_mut(|planner| planner.plan_fft_forward(len))
}

/// The unscaled inverse transform to `len` real samples.
pub(super) fn inverse(len: usize) -> Arc<dyn ComplexToReal<f32>> {
    PLANNER.with_borrow_mut(|planner| planner.plan_fft_inverse(len))
}

/// How a wave is cut: frame `t` is centred on sample `t * hop`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub struct Framing {
    /// Samples under the window.
    pub window: usize,
    /// Samples from one frame to the next.
    pub hop: usize,
    /// Length of the transform: even, at least `window`.
    pub fft: usize,
}

impl Framing {
    /// Window and hop in seconds, rounded to samples (at least 1); the transform is the next power of two.
    pub fn seconds(rate: u32, window: f64, hop: f64) -> Framing {
        let samples = |seconds: f64| ((f64::from(rate) * seconds).round() as usize).max(1);
        let window = samples(window);
        Framing { window, hop: samples(hop), fft: window.next_power_of_two().max(2) }
    }

    /// Number of frames of a wave: 1 + samples / hop.
    pub fn frames(&self, samples: usize) -> usize {
        1 + samples / self.hop
    }

    /// Number of bins of a frame's spectrum: fft / 2 + 1.
    pub fn bins(&self) -> usize {
        self.fft / 2 + 1
    }

    /// Frequency of each bin in Hz.
    pub fn frequencies(&self, rate: u32) -> Vec<f32> {
        (0..self.bins()).map(|bin| (bin as f64 * f64::from(rate) / self.fft as f64) as f32).collect()
    }
}

/// Periodic Hann window of `len` samples, as `scipy.signal.get_window("hann", len)`.
pub fn hann(len: usize) -> Vec<f32> {
    let turn = std::f64::consts::TAU / len as f64;
    (0..len).map(|i| (0.5 - 0.5 * (turn * i as f64).cos()) as f32).collect()
}

/// Copies the samples `start..start + into.len()` of a wave that is zero outside its ends.
pub fn cut(samples: &[f32], start: isize, into: &mut [f32]) {
    let before = (start.min(0).unsigned_abs()).min(into.len());
    let from = (start.max(0) as usize).min(samples.len());
    let taken = (into.len() - before).min(samples.len() - from);
    into[..before].fill(0.0);
    into[before..before + taken].copy_from_slice(&samples[from..from + taken]);
    into[before + taken..].fill(0.0);
}

/// Short-time Fourier transform, one frame at a time (`librosa.stft`, centred, zero-padded, Hann).
///
/// A frame of n samples is transformed as n/2 complex numbers, and its halves are taken apart while the power is
/// formed: about half the time of a transform followed by a power.
pub struct Stft {
    framing: Framing,
    tables: Arc<Tables>,
    /// Hann window times gain.
    window: Vec<f32>,
    /// One windowed frame; zero outside the window.
    input: Vec<f32>,
    /// The same, two samples to a number; later its transform.
    halves: Vec<Complex<f32>>,
    scratch: Vec<Complex<f32>>,
    power: Vec<f32>,
}

impl Stft {
    /// Plans and buffers for one framing.
    pub fn new(framing: Framing) -> Stft {
        Stft::scaled(framing, 1.0)
    }

    /// The same for a wave that counts as multiplied by `gain`.
    pub fn scaled(framing: Framing, gain: f64) -> Stft {
        let tables = HALVES.with_borrow_mut(|halves| halves.tables(framing));
        Stft {
            window: tables.window.iter().map(|&weight| (f64::from(weight) * gain) as f32).collect(),
            input: vec![0.0; framing.fft],
            halves: vec![Complex::default(); framing.fft / 2],
            scratch: vec![Complex::default(); tables.plan.get_inplace_scratch_len()],
            power: vec![0.0; framing.bins()],
            framing,
            tables,
        }
    }

    /// Squared magnitude of each bin of frame `frame`; valid until the next call.
    pub fn power(&mut self, samples: &[f32], frame: usize) -> &[f32] {
        let Framing { window, hop, fft } = self.framing;
        // librosa centres a short window inside the transform.
        let left = (fft - window) / 2;
        let start = (frame * hop + left) as isize - (fft / 2) as isize;
        let inside = &mut self.input[left..left + window];
        match usize::try_from(start).ok().and_then(|start| samples.get(start..start + window)) {
            Some(whole) => inside.copy_from_slice(whole),
            None => cut(samples, start, inside),
        }
        wide(Weigh { samples: &mut self.input, left, window: &self.window, into: &mut self.halves });
        self.tables.plan.process_with_scratch(&mut self.halves, &mut self.scratch);
        wide(Power { turns: &self.tables.turns, halves: &self.halves, into: &mut self.power });
        &self.power
    }
}

/// What all transforms of one framing share.
struct Tables {
    plan: Arc<dyn Fft<f32>>,
    window: Vec<f32>,
    /// Cosine and sine of -2 pi k / n, for k = 1, 2 … below n / 4.
    turns: [Vec<f32>; 2],
}

struct Halves {
    planner: FftPlanner<f32>,
    tables: HashMap<Framing, Arc<Tables>>,
}

impl Halves {
    fn tables(&mut self, framing: Framing) -> Arc<Tables> {
        let made = || {
            let half = framing.fft / 2;
            let turn = |k: usize| -std::f64::consts::TAU * k as f64 / framing.fft as f64;
            let turns = [f64::cos, f64::sin].map(|of| (1..half.div_ceil(2)).map(|k| of(turn(k)) as f32).collect());
            Arc::new(Tables { plan: self.planner.plan_fft_forward(half), window: hann(framing.window), turns })
        };
        Arc::clone(self.tables.entry(framing).or_insert_with(made))
    }
}

/// Windows a frame whose window starts at `left`, and puts two samples into a number.
struct Weigh<'a> {
    samples: &'a mut [f32],
    left: usize,
    window: &'a [f32],
    into: &'a mut [Complex<f32>],
}

impl Kernel for Weigh<'_> {
    type Output = ();

    #[inline(always)]
    fn run(self) {
        let inside = &mut self.samples[self.left..][..self.window.len()];
        inside.iter_mut().zip(self.window).for_each(|(sample, weight)| *sample *= weight);
        for (number, pair) in self.into.iter_mut().zip(self.samples.as_chunks::<2>().0) {
            *number = Complex::new(pair[0], pair[1]);
        }
    }
}

/// Power of the real signal whose even and odd samples were the real and imaginary parts of what was transformed.
///
/// Bins k and n/2 - k come from the same two numbers a, b of the half-length transform: with the even samples'
/// spectrum e = (a + b*) / 2 and the odd ones' o = (a - b*) / 2i, they are e + w o and (e - w o)*.
struct Power<'a> {
    turns: &'a [Vec<f32>; 2],
    halves: &'a [Complex<f32>],
    into: &'a mut [f32],
}

impl Kernel for Power<'_> {
    type Output = ();

    #[inline(always)]
    fn run(self) {
        let Power { turns, halves, into } = self;
        let half = halves.len();
        let pairs = half.div_ceil(2) - 1;
        let first = halves[0];
        into[half / 2] = halves[half / 2].norm_sqr();
        into[0] = (first.re + first.im) * (first.re + first.im);
        into[half] = (first.re - first.im) * (first.re - first.im);
        let (low, high) = into[1..half].split_at_mut(half - 1 - pairs);
        apart(&halves[1..=pairs], &halves[half - pairs..], turns, [&mut low[..pairs], high]);
    }
}

/// Bins whose power is formed at once: as written below, they fill whole registers.
const LANES: usize = 8;

/// Power of the bins that two mirrored stretches of a half-length transform stand for.
#[inline(always)]
fn apart(a: &[Complex<f32>], b: &[Complex<f32>], turns: &[Vec<f32>; 2], into: [&mut [f32]; 2]) {
    let [low, high] = into;
    let ((a, a_end), (b_end, b)) = (a.as_chunks(), b.as_rchunks());
    let ((cos, cos_end), (sin, sin_end)) = (turns[0].as_chunks(), turns[1].as_chunks());
    let ((low, low_end), (high_end, high)) = (low.as_chunks_mut(), high.as_rchunks_mut());
    let from = a.iter().zip(b.iter().rev()).zip(cos.iter().zip(sin));
    for (((a, b), turn), (low, high)) in from.zip(low.iter_mut().zip(high.iter_mut().rev())) {
        (*low, *high) = pair_of(a, b, turn);
    }
    // What is left is filled up with zeros.
    let rest = a_end.len();
    let (mut a, mut b, mut turn) = ([Complex::default(); LANES], [Complex::default(); LANES], [[0.0; LANES]; 2]);
    a[..rest].copy_from_slice(a_end);
    b[LANES - rest..].copy_from_slice(b_end);
    turn[0][..rest].copy_from_slice(cos_end);
    turn[1][..rest].copy_from_slice(sin_end);
    let (low, high) = pair_of(&a, &b, (&turn[0], &turn[1]));
    low_end.copy_from_slice(&low[..rest]);
    high_end.copy_from_slice(&high[LANES - rest..]);
}

/// |e + w o|² and, backwards as `b` is, |e - w o|².
#[inline(always)]
fn pair_of(
    a: &[Complex<f32>; LANES],
    b: &[Complex<f32>; LANES],
    (cos, sin): (&[f32; LANES], &[f32; LANES]),
) -> ([f32; LANES], [f32; LANES]) {
    let (are, aim) = (a.map(|a| a.re), a.map(|a| a.im));
    let bre: [f32; LANES] = std::array::from_fn(|k| b[LANES - 1 - k].re);
    let bim: [f32; LANES] = std::array::from_fn(|k| b[LANES - 1 - k].im);
    let (mut low, mut high) = ([0.0; LANES], [0.0; LANES]);
    for k in 0..LANES {
        let (even_re, even_im) = (are[k] + bre[k], aim[k] - bim[k]);
        let (odd_re, odd_im) = (aim[k] + bim[k], bre[k] - are[k]);
        let (re, im) = (odd_re * cos[k] - odd_im * sin[k], odd_re * sin[k] + odd_im * cos[k]);
        let ((x, y), (u, v)) = ((even_re + re, even_im + im), (even_re - re, even_im - im));
        low[k] = 0.25 * (x * x + y * y);
        high[k] = 0.25 * (u * u + v * v);
    }
    (low, std::array::from_fn(|k| high[LANES - 1 - k]))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn cut_pads_both_ends_with_zeros() {
        let wave = [1.0, 2.0, 3.0];
        let mut out = [9.0; 5];
        cut(&wave, -1, &mut out);
        assert_eq!(out, [0.0, 1.0, 2.0, 3.0, 0.0]);
        cut(&wave, 2, &mut out);
        assert_eq!(out, [3.0, 0.0, 0.0, 0.0, 0.0]);
        cut(&wave, -9, &mut out);
        assert_eq!(out, [0.0; 5]);
        cut(&wave, 7, &mut out);
        assert_eq!(out, [0.0; 5]);
    }

    #[test]
    fn a_sine_on_a_bin_has_its_power_there() {
        let framing = Framing { window: 64, hop: 16, fft: 64 };
        let wave: Vec<f32> = (0..256).map(|i| (std::f32::consts::TAU * 8.0 * i as f32 / 64.0).sin()).collect();
        let mut stft = Stft::new(framing);
        let power = stft.power(&wave, 8);
        let best = (0..power.len()).max_by(|&a, &b| power[a].total_cmp(&power[b]));
        assert_eq!(best, Some(8));
        // A Hann window sums to len / 2, a sine's line holds half its amplitude.
        assert!((power[8] - 16.0 * 16.0).abs() < 1e-2, "{}", power[8]);
    }

    #[test]
    fn seconds_become_samples_and_a_power_of_two() {
        assert_eq!(Framing::seconds(16_000, 0.025, 0.010), Framing { window: 400, hop: 160, fft: 512 });
        assert_eq!(Framing::seconds(22_050, 0.025, 0.010), Framing { window: 551, hop: 221, fft: 1024 });
        assert_eq!(Framing::seconds(16_000, 0.025, 0.010).frames(0), 1);
    }
}
