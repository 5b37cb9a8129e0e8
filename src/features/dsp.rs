//! Signal arithmetic over frames: framing, short-time spectra, and below it mel bands, spectral shape and pitch.
//!
//! Definitions and defaults are librosa 0.11's (centred frames, zero padding, periodic Hann window), checked against
//! its numbers in `tests/features.rs`. Work goes frame by frame, so memory does not grow with the spectrogram; buffers
//! and plans are made once per clip and thread. Deliberately absent: anything about clips, sets or columns.

pub mod emphasis;
pub mod mel;
pub mod pitch;
pub mod shape;
pub mod trim;

use std::cell::RefCell;
use std::sync::Arc;

use realfft::num_complex::Complex;
use realfft::{ComplexToReal, RealFftPlanner, RealToComplex};

thread_local! {
    /// Planning costs more than transforming: each thread keeps its plans.
    static PLANNER: RefCell<RealFftPlanner<f32>> = RefCell::new(RealFftPlanner::new());
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
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
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
pub struct Stft {
    framing: Framing,
    window: Vec<f32>,
    plan: Arc<dyn RealToComplex<f32>>,
    input: Vec<f32>,
    spectrum: Vec<Complex<f32>>,
    scratch: Vec<Complex<f32>>,
    power: Vec<f32>,
}

impl Stft {
    /// Plans and buffers for one framing.
    pub fn new(framing: Framing) -> Stft {
        let plan = forward(framing.fft);
        Stft {
            window: hann(framing.window),
            input: plan.make_input_vec(),
            spectrum: plan.make_output_vec(),
            scratch: plan.make_scratch_vec(),
            power: vec![0.0; framing.bins()],
            framing,
            plan,
        }
    }

    /// Squared magnitude of each bin of frame `frame`; valid until the next call.
    pub fn power(&mut self, samples: &[f32], frame: usize) -> &[f32] {
        let Framing { window, hop, fft } = self.framing;
        // librosa centres a short window inside the transform.
        let left = (fft - window) / 2;
        let start = (frame * hop + left) as isize - (fft / 2) as isize;
        self.input.fill(0.0);
        let inside = &mut self.input[left..left + window];
        cut(samples, start, inside);
        inside.iter_mut().zip(&self.window).for_each(|(sample, weight)| *sample *= weight);
        let done = self.plan.process_with_scratch(&mut self.input, &mut self.spectrum, &mut self.scratch);
        debug_assert!(done.is_ok(), "buffers come from the plan");
        for (power, bin) in self.power.iter_mut().zip(&self.spectrum) {
            *power = bin.norm_sqr();
        }
        &self.power
    }
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
