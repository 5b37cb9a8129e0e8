//! What may be done to a prepared wave to learn from it again: another speed, pitch, level, or noise beside it.
//!
//! Every change is decided by its numbers alone (noise by its seed), so the same change of the same wave gives the same
//! bits. Deliberately absent: what is drawn and how often (`learn::cnn`), and anything done to images.

mod noise;
mod speed;
mod stretch;

use std::ops::RangeInclusive;

pub use noise::{Colour, Noise};

use crate::audio::Wave;

/// What is done to one wave, in the order of the fields.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Change {
    /// Times as fast, pitch and tempo together, as a tape (Ko et al. 2015); rounded to 1/128, within
    /// [`Change::SPEED`].
    pub speed: f64,
    /// Semitones up with the tempo kept; within [`Change::PITCH`].
    pub pitch: f64,
    /// What is heard beside the speech.
    pub noise: Option<Noise>,
    /// Level in dB, last of all. Sets that bring every clip to one level (`logmel` unless `level=keep`) do not see it.
    pub gain: f64,
}

impl Change {
    /// Speeds that can be had.
    pub const SPEED: RangeInclusive<f64> = 0.5..=2.0;
    /// Pitches that can be had, in semitones.
    pub const PITCH: RangeInclusive<f64> = -12.0..=12.0;

    /// Nothing is done.
    pub const NONE: Change = Change { speed: 1.0, pitch: 0.0, noise: None, gain: 0.0 };

    /// The wave changed: its length is divided by the speed, and at least one sample where there was one. A number
    /// outside its range counts as the nearest inside.
    #[must_use]
    pub fn apply(&self, wave: &Wave) -> Wave {
        let (speed, pitch) = (inside(self.speed, &Self::SPEED, 1.0), inside(self.pitch, &Self::PITCH, 0.0));
        let up = (pitch / 12.0).exp2();
        // Longer at the same pitch, then faster: the tempo comes back and the pitch goes up.
        let mut samples = if pitch == 0.0 {
            wave.samples.clone()
        } else {
            stretch::stretched(&wave.samples, wave.rate, speed::rounded(up))
        };
        let faster = speed::rounded(speed) * if pitch == 0.0 { 1.0 } else { speed::rounded(up) };
        samples = speed::faster(samples, faster);
        if let Some(noise) = self.noise {
            noise.add(&mut samples, wave.rate);
        }
        if self.gain != 0.0 {
            let factor = 10.0_f64.powf(self.gain / 20.0) as f32;
            samples.iter_mut().for_each(|sample| *sample *= factor);
        }
        Wave { samples, rate: wave.rate }
    }
}

fn inside(value: f64, range: &RangeInclusive<f64>, otherwise: f64) -> f64 {
    if value.is_finite() { value.clamp(*range.start(), *range.end()) } else { otherwise }
}

/// Σ a b in eight sums side by side: an order that does not depend on the width of the registers.
#[inline(always)]
fn dot(a: &[f32], b: &[f32]) -> f32 {
    let mut sums = [0.0_f32; 8];
    let (a, b) = (a.chunks_exact(8), b.chunks_exact(8));
    let rest: f32 = a.remainder().iter().zip(b.remainder()).map(|(a, b)| a * b).sum();
    for (a, b) in a.zip(b) {
        for lane in 0..8 {
            sums[lane] += a[lane] * b[lane];
        }
    }
    sums.iter().sum::<f32>() + rest
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::features::dsp::{Framing, Stft};

    const RATE: u32 = 16_000;

    fn sine(hz: f64, samples: usize) -> Wave {
        let at = |i: usize| (0.5 * (std::f64::consts::TAU * hz * i as f64 / f64::from(RATE)).sin()) as f32;
        Wave { samples: (0..samples).map(at).collect(), rate: RATE }
    }

    /// Frequency of the strongest bin in the middle of a wave.
    fn peak(wave: &Wave) -> f64 {
        let framing = Framing { window: 4096, hop: 4096, fft: 4096 };
        let middle = &wave.samples[wave.samples.len() / 2 - 2048..][..4096];
        let mut stft = Stft::new(framing);
        let power: Vec<f32> = stft.power(&[&[0.0; 2048][..], middle].concat(), 1).to_vec();
        let top = (0..power.len()).max_by(|&a, &b| power[a].total_cmp(&power[b])).unwrap();
        top as f64 * f64::from(RATE) / 4096.0
    }

    #[test]
    fn speed_moves_pitch_and_length_together() {
        for speed in [0.9, 1.1, 1.25] {
            let fast = Change { speed, ..Change::NONE }.apply(&sine(500.0, 20_000));
            assert!((fast.samples.len() as f64 * speed / 20_000.0 - 1.0).abs() < 0.005, "{}", fast.samples.len());
            assert!((peak(&fast) / (500.0 * speed) - 1.0).abs() < 0.01, "{speed}: {}", peak(&fast));
            let rms = |wave: &Wave| f64::from(wave.rms());
            assert!((rms(&fast) / rms(&sine(500.0, 20_000)) - 1.0).abs() < 0.01, "{}", fast.rms());
        }
    }

    #[test]
    fn nothing_above_half_the_rate_folds_down() {
        let fast = Change { speed: 2.0, ..Change::NONE }.apply(&sine(6_000.0, 20_000));
        assert!(fast.rms() < 1e-3, "{}", fast.rms());
    }

    #[test]
    fn pitch_keeps_the_length() {
        for pitch in [-2.0, 2.0, 4.0] {
            let high = Change { pitch, ..Change::NONE }.apply(&sine(500.0, 20_000));
            assert!(high.samples.len().abs_diff(20_000) <= 1, "{}", high.samples.len());
            let wanted = 500.0 * 2.0_f64.powf(pitch / 12.0);
            assert!((peak(&high) / wanted - 1.0).abs() < 0.015, "{pitch}: {} for {wanted}", peak(&high));
        }
    }

    #[test]
    fn gain_is_in_decibels() {
        let loud = Change { gain: 6.0, ..Change::NONE }.apply(&sine(500.0, 4_000));
        let db = 20.0 * (loud.rms() / sine(500.0, 4_000).rms()).log10();
        assert!((db - 6.0).abs() < 1e-3, "{db}");
    }

    #[test]
    fn extremes_stay_finite() {
        let noise = Some(Noise { snr: 0.0, colour: Colour::Pink, seed: 1 });
        let all = Change { speed: 1.1, pitch: -2.0, noise, gain: 6.0 };
        for samples in [vec![0.0; 80], vec![0.0; 16_000], vec![1.0], vec![1e12; 5_000], sine(100.0, 80).samples] {
            let wave = Wave { samples, rate: RATE };
            let changed = all.apply(&wave);
            assert!(!changed.samples.is_empty() && changed.samples.iter().all(|sample| sample.is_finite()));
            assert_eq!(changed, all.apply(&wave));
        }
        assert!(all.apply(&Wave { samples: vec![], rate: RATE }).samples.is_empty());
        let odd = Change { speed: f64::NAN, pitch: f64::INFINITY, ..Change::NONE };
        assert_eq!(odd.apply(&sine(9.0, 50)), sine(9.0, 50));
    }
}
