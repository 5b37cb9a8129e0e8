//! Frames of 20 ms every 10 ms and their spectra, the ground under everything that is not pitch.
//!
//! Frame `t` starts at sample `t * hop`: unlike the rest of `features`, eGeMAPS does not centre frames nor pad the ends.
//! Deliberately absent: the 60 ms frames of pitch and harmonics.

use std::sync::Arc;

use realfft::RealToComplex;
use realfft::num_complex::Complex;

use crate::features::dsp::{cut, forward};

/// Length of a frame and distance of frames in seconds.
const WINDOW: f64 = 0.020;
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
    /// Plans for a wave of the given rate in Hz.
    pub fn new(samples: &'a [f32], rate: u32) -> Frames<'a> {
        let rate = f64::from(rate);
        let length = ((rate * WINDOW).round() as usize).max(2);
        let plan = forward(length.next_power_of_two());
        Frames {
            samples,
            rate,
            hop: ((rate * HOP).round() as usize).max(1),
            window: hamming(length),
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

    /// Hz from one bin to the next.
    pub fn resolution(&self) -> f64 {
        self.rate / self.input.len() as f64
    }

    /// Number of bins of a spectrum.
    pub fn bins(&self) -> usize {
        self.spectrum.len()
    }

    /// Spectrum of frame `t` under a Hamming window; valid until the next call.
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
