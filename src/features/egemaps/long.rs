//! Frames of 60 ms every 10 ms under a Gaussian window and their spectra, the ground under pitch and harmonics.
//!
//! Frame `t` starts at sample `t * hop`. Deliberately absent: the 20 ms frames of everything else.

use std::sync::Arc;

use realfft::RealToComplex;
use realfft::num_complex::Complex;

use crate::features::dsp::{cut, forward};

/// Length of a frame in seconds.
const WINDOW: f64 = 0.060;
/// Distance of frames in seconds.
const HOP: f64 = 0.010;
/// Standard deviation of the window over half its length.
const SIGMA: f64 = 0.4;

/// Cuts a wave into frames and transforms them, one at a time.
pub struct LongFrames<'a> {
    samples: &'a [f32],
    rate: f64,
    hop: usize,
    window: Vec<f32>,
    plan: Arc<dyn RealToComplex<f32>>,
    input: Vec<f32>,
    spectrum: Vec<Complex<f32>>,
    scratch: Vec<Complex<f32>>,
    rms: f32,
}

impl<'a> LongFrames<'a> {
    /// Plans for a wave of the given rate in Hz.
    pub fn new(samples: &'a [f32], rate: u32) -> LongFrames<'a> {
        let rate = f64::from(rate);
        let length = ((rate * WINDOW).round() as usize).max(2);
        let plan = forward(length.next_power_of_two());
        LongFrames {
            samples,
            rate,
            hop: ((rate * HOP).round() as usize).max(1),
            window: gaussian(length),
            input: plan.make_input_vec(),
            spectrum: plan.make_output_vec(),
            scratch: plan.make_scratch_vec(),
            rms: 0.0,
            plan,
        }
    }

    /// Number of frames wholly inside the wave; a wave shorter than one has one, padded with zeros.
    pub fn count(&self) -> usize {
        1 + self.samples.len().saturating_sub(self.window.len()) / self.hop
    }

    /// Hz from one bin to the next.
    pub fn resolution(&self) -> f64 {
        self.rate / self.input.len() as f64
    }

    /// Number of bins of a spectrum.
    pub fn bins(&self) -> usize {
        self.spectrum.len()
    }

    /// Spectrum of frame `t`, zero-padded to a power of two; valid until the next call.
    pub fn spectrum(&mut self, t: usize) -> &[Complex<f32>] {
        let (frame, rest) = self.input.split_at_mut(self.window.len());
        cut(self.samples, (t * self.hop) as isize, frame);
        frame.iter_mut().zip(&self.window).for_each(|(sample, weight)| *sample *= weight);
        rest.fill(0.0);
        let energy: f32 = frame.iter().map(|sample| sample * sample).sum();
        self.rms = (energy / frame.len() as f32).sqrt();
        let done = self.plan.process_with_scratch(&mut self.input, &mut self.spectrum, &mut self.scratch);
        debug_assert!(done.is_ok(), "buffers come from the plan");
        &self.spectrum
    }

    /// RMS of the last frame transformed, as weighted by the window.
    pub fn rms(&self) -> f32 {
        self.rms
    }
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
        let mut frames = LongFrames::new(&wave, 16_000);
        assert_eq!((frames.count(), frames.bins()), (3, 513));
        // An impulse at the first sample of a frame has a flat spectrum, as high as the window's first weight.
        let edge = (-0.5f32 / 0.16).exp();
        for bin in frames.spectrum(1) {
            assert!((bin.norm() - edge).abs() < 1e-6, "{}", bin.norm());
        }
        assert!((frames.rms() - edge / 960f32.sqrt()).abs() < 1e-6);
        frames.spectrum(2);
        assert_eq!(frames.rms(), 0.0);
    }

    #[test]
    fn a_wave_shorter_than_a_frame_has_one() {
        assert_eq!(LongFrames::new(&[0.1; 80], 16_000).count(), 1);
        assert_eq!(LongFrames::new(&[0.1; 1], 1_000).count(), 1);
    }
}
