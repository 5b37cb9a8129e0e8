//! Frames every 10 ms and their spectra: 60 ms under a Gaussian window for pitch and harmonics, 20 ms under a Hamming
//! window for everything else.
//!
//! Frame `t` starts at sample `t * hop`: unlike the rest of `features`, eGeMAPS does not centre frames nor pad the ends.
//! Deliberately absent: what is made of a spectrum.

use std::sync::Arc;

use realfft::RealToComplex;
use realfft::num_complex::Complex;

use crate::features::dsp::{cut, forward};

/// Length of a frame in seconds.
const SHORT: f64 = 0.020;
const LONG: f64 = 0.060;
/// Standard deviation of the Gaussian window over half its length.
const SIGMA: f64 = 0.4;
/// Distance of frames in seconds.
pub const HOP: f64 = 0.010;

/// Cuts a wave into frames and transforms them, one at a time.
pub struct Frames<'a> {
    samples: &'a [f32],
    rate: f64,
    hop: usize,
    window: Vec<f32>,
    plan: Arc<dyn RealToComplex<f32>>,
    input: Vec<f32>,
    spectrum: Vec<Complex<f32>>,
    scratch: Vec<Complex<f32>>,
}

impl<'a> Frames<'a> {
    /// 20 ms of a wave of the given rate in Hz, under a symmetric Hamming window.
    pub fn short(samples: &'a [f32], rate: u32) -> Frames<'a> {
        Frames::under(hamming, samples, (rate, SHORT))
    }

    /// 60 ms, under a Gaussian window.
    pub fn long(samples: &'a [f32], rate: u32) -> Frames<'a> {
        Frames::under(gaussian, samples, (rate, LONG))
    }

    fn under(window: fn(usize) -> Vec<f32>, samples: &'a [f32], (rate, seconds): (u32, f64)) -> Frames<'a> {
        let rate = f64::from(rate);
        let length = ((rate * seconds).round() as usize).max(2);
        let plan = forward(length.next_power_of_two());
        Frames {
            samples,
            rate,
            hop: ((rate * HOP).round() as usize).max(1),
            window: window(length),
            input: plan.make_input_vec(),
            spectrum: plan.make_output_vec(),
            scratch: plan.make_scratch_vec(),
            plan,
        }
    }

    /// Number of frames wholly inside the wave; a wave shorter than one has one, padded with zeros.
    pub fn count(&self) -> usize {
        1 + self.samples.len().saturating_sub(self.window.len()) / self.hop
    }

    /// Seconds from one frame to the next: 10 ms rounded to whole samples.
    pub fn hop_seconds(&self) -> f64 {
        self.hop as f64 / self.rate
    }

    /// Half of what the transform is longer than a frame, in seconds.
    pub fn margin_seconds(&self) -> f64 {
        ((self.input.len() - self.window.len()) / 2) as f64 / self.rate
    }

    /// Hz from one bin to the next.
    pub fn resolution(&self) -> f64 {
        self.rate / self.input.len() as f64
    }

    /// Number of bins of a spectrum.
    pub fn bins(&self) -> usize {
        self.spectrum.len()
    }

    /// Mean square of the samples of frame `t`.
    pub fn energy(&self, t: usize) -> f64 {
        let start = (t * self.hop).min(self.samples.len());
        let end = (start + self.window.len()).min(self.samples.len());
        let sum: f64 = self.samples[start..end].iter().map(|&x| f64::from(x) * f64::from(x)).sum();
        sum / self.window.len() as f64
    }

    /// RMS of the samples of frame `t` as weighted by the window.
    pub fn weighted_rms(&self, t: usize) -> f32 {
        let start = (t * self.hop).min(self.samples.len());
        let weighted = self.samples[start..].iter().zip(&self.window).map(|(sample, weight)| sample * weight);
        let energy: f32 = weighted.map(|sample| sample * sample).sum();
        (energy / self.window.len() as f32).sqrt()
    }

    /// Spectrum of frame `t`, zero-padded to a power of two; valid until the next call.
    pub fn spectrum(&mut self, t: usize) -> &[Complex<f32>] {
        let (frame, rest) = self.input.split_at_mut(self.window.len());
        cut(self.samples, (t * self.hop) as isize, frame);
        frame.iter_mut().zip(&self.window).for_each(|(sample, weight)| *sample *= weight);
        rest.fill(0.0);
        let done = self.plan.process_with_scratch(&mut self.input, &mut self.spectrum, &mut self.scratch);
        debug_assert!(done.is_ok(), "buffers come from the plan");
        &self.spectrum
    }
}

/// Symmetric Hamming window.
fn hamming(len: usize) -> Vec<f32> {
    let turn = std::f64::consts::TAU / (len - 1) as f64;
    (0..len).map(|i| (0.54 - 0.46 * (turn * i as f64).cos()) as f32).collect()
}

/// Magnitude of each bin. Not by `norm`, which guards against overflow at several times the cost.
pub fn magnitudes(spectrum: &[Complex<f32>], into: &mut [f32]) {
    into.iter_mut().zip(spectrum).for_each(|(magnitude, bin)| *magnitude = bin.norm_sqr().sqrt());
}

/// Gaussian of [`SIGMA`] about the middle of `len` samples, 1 at the middle.
fn gaussian(len: usize) -> Vec<f32> {
    let middle = (len - 1) as f64 / 2.0;
    let weight = |i: usize| (-0.5 * ((i as f64 - middle) / (SIGMA * middle)).powi(2)).exp() as f32;
    (0..len).map(weight).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn frames_start_at_their_left_edge_and_lie_inside() {
        let wave: Vec<f32> = (0..1280).map(|i| if i == 160 { 1.0 } else { 0.0 }).collect();
        let mut frames = Frames::long(&wave, 16_000);
        assert_eq!((frames.count(), frames.bins()), (3, 513));
        // An impulse at the first sample of a frame has a flat spectrum, as high as the window's first weight.
        let edge = (-0.5f32 / 0.16).exp();
        for bin in frames.spectrum(1) {
            assert!((bin.norm() - edge).abs() < 1e-6, "{}", bin.norm());
        }
        assert!((frames.weighted_rms(1) - edge / 960f32.sqrt()).abs() < 1e-6);
        assert_eq!(frames.weighted_rms(2), 0.0);
    }

    #[test]
    fn a_wave_shorter_than_a_frame_has_one() {
        assert_eq!(Frames::long(&[0.1; 80], 16_000).count(), 1);
        assert_eq!(Frames::long(&[0.1; 1], 1_000).count(), 1);
    }
}
