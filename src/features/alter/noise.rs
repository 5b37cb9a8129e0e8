//! Noise beside speech, of a colour and a level, drawn from a seed.
//!
//! Deliberately absent: recorded noises and rooms; nothing is shipped or fetched.

use std::f32::consts::TAU;

use rand::{Rng, SeedableRng};
use rand_pcg::Pcg64;

/// Below this root mean square (-120 dB) a wave counts as silence, which has no signal-to-noise ratio.
const SILENCE: f64 = 1e-6;
/// Where the spectrum of long-term speech begins to fall, in Hz (after Byrne et al. 1994).
const SPEECH: f32 = 500.0;

/// What is heard beside the speech.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Noise {
    /// Signal-to-noise ratio in dB: both as root mean square over the whole wave.
    pub snr: f64,
    /// Its spectrum.
    pub colour: Colour,
    /// Decides every sample.
    pub seed: u64,
}

/// Spectrum of a noise.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Colour {
    /// The same power at all frequencies.
    White,
    /// -3 dB an octave, from about 10 Hz on at 44 kHz (P. Kellet's three poles, within 0.5 dB).
    Pink,
    /// Flat to 500 Hz, then -6 dB an octave: about the long-term spectrum of many voices.
    Speech,
}

impl Colour {
    /// All of them.
    pub const ALL: [Colour; 3] = [Colour::White, Colour::Pink, Colour::Speech];
}

impl Noise {
    /// Adds it; silence stays silent.
    pub(super) fn add(&self, samples: &mut [f32], rate: u32) {
        let signal = rms(samples);
        let noise = self.samples(samples.len(), rate);
        let own = rms(&noise);
        if signal < SILENCE || own == 0.0 {
            return;
        }
        let factor = (signal / own * 10.0_f64.powf(-self.snr / 20.0)) as f32;
        samples.iter_mut().zip(noise).for_each(|(sample, noise)| *sample += factor * noise);
    }

    fn samples(&self, len: usize, rate: u32) -> Vec<f32> {
        let mut random = Pcg64::seed_from_u64(self.seed);
        let mut white = move || random.random::<f32>() * 2.0 - 1.0;
        let (mut poles, keep) = ([0.0_f32; 3], (-TAU * SPEECH / rate as f32).exp());
        let next = |_| {
            let drawn = white();
            match self.colour {
                Colour::White => drawn,
                Colour::Pink => {
                    poles[0] = 0.99765 * poles[0] + 0.099_046 * drawn;
                    poles[1] = 0.963 * poles[1] + 0.296_516_4 * drawn;
                    poles[2] = 0.57 * poles[2] + 1.052_691_3 * drawn;
                    poles.iter().sum::<f32>() + 0.1848 * drawn
                }
                Colour::Speech => {
                    poles[0] = keep * poles[0] + (1.0 - keep) * drawn;
                    poles[0]
                }
            }
        };
        (0..len).map(next).collect()
    }
}

fn rms(samples: &[f32]) -> f64 {
    let sum: f64 = samples.iter().map(|&sample| f64::from(sample) * f64::from(sample)).sum();
    (sum / samples.len().max(1) as f64).sqrt()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_ratio_is_as_asked_and_the_seed_decides() {
        let clean: Vec<f32> = (0..8_000).map(|i| (i as f32 * 0.3).sin() * 0.2).collect();
        for (snr, colour) in [(10.0, Colour::White), (0.0, Colour::Pink), (30.0, Colour::Speech)] {
            let with = |seed: u64| {
                let mut noisy = clean.clone();
                Noise { snr, colour, seed }.add(&mut noisy, 16_000);
                noisy
            };
            let noise: Vec<f32> = with(1).iter().zip(&clean).map(|(noisy, clean)| noisy - clean).collect();
            let found = 20.0 * (rms(&clean) / rms(&noise)).log10();
            assert!((found - snr).abs() < 0.01, "{colour:?}: {found} dB for {snr}");
            assert!(with(1) == with(1) && with(1) != with(2));
        }
    }

    #[test]
    fn colours_fall_as_they_say() {
        // Power of the difference of neighbours, which lifts 6 dB an octave, beside that of the noise itself.
        let tilt = |colour| {
            let noise = Noise { snr: 0.0, colour, seed: 3 }.samples(20_000, 16_000);
            let steps: Vec<f32> = noise.windows(2).map(|pair| pair[1] - pair[0]).collect();
            rms(&steps) / rms(&noise)
        };
        let [white, pink, speech] = Colour::ALL.map(tilt);
        // √2; that of 200,000 samples in f64; √(2 - 2a) of one pole at a.
        let one_pole = (2.0 - 2.0 * (-std::f64::consts::TAU * 500.0 / 16_000.0).exp()).sqrt();
        for (found, wanted) in [(white, 2.0_f64.sqrt()), (pink, 0.6017), (speech, one_pole)] {
            assert!((found - wanted).abs() < 0.03, "{found} for {wanted}");
        }
    }
}
