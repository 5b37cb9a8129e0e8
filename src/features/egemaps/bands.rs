//! 26 mel bands from 20 Hz to 8 kHz, and what is made of them: loudness and the cepstrum.
//!
//! Deliberately absent: Slaney's scale and area normalisation, which `features::dsp::mel` has.

use std::f64::consts::{PI, TAU};

/// Number of bands.
const BANDS: usize = 26;
const LOW_HZ: f64 = 20.0;
const HIGH_HZ: f64 = 8000.0;
/// No band holds less than this: one step of 16 bit, squared.
const FLOOR: f64 = 1.0 / (32_767.0 * 32_767.0);
/// Cepstral coefficients 1 to 4.
pub const CEPSTRUM: usize = 4;
/// Liftering: coefficient k is weighted by 1 + L/2 sin(πk/L).
const LIFTER: f64 = 22.0;
/// Loudness is the power to this (Zwicker and Fastl, "Psychoacoustics", 1999).
const COMPRESSION: f64 = 0.33;
/// Brings the sum over bands to openSMILE's scale; fitted, correct to six digits.
const LOUDNESS_SCALE: f64 = 0.069_021_96;

/// Triangular bands, evenly spaced in mel, with the weights of loudness and the cosines of the cepstrum.
pub struct Bands {
    /// First bin and weights of each band.
    filters: Vec<(usize, Vec<f32>)>,
    /// Of each band, after compression.
    loudness: [f64; BANDS],
    cosines: [[f64; BANDS]; CEPSTRUM],
}

impl Bands {
    /// Bands over the bins of a power spectrum, `resolution` Hz apart.
    pub fn new(bins: usize, resolution: f64) -> Bands {
        let (low, high) = (mel(LOW_HZ), mel(HIGH_HZ));
        let edge = |i: usize| low + (high - low) * i as f64 / (BANDS + 1) as f64;
        let first = (LOW_HZ / resolution).round() as usize + 1;
        let filter = |band: usize| {
            let weight = |bin: usize| {
                let at = mel(bin as f64 * resolution);
                let (rise, fall) = (at - edge(band), edge(band + 2) - at);
                rise.min(fall) / (edge(band + 1) - edge(band))
            };
            let inside: Vec<usize> = (first..bins).filter(|&bin| weight(bin) > 0.0).collect();
            let start = inside.first().copied().unwrap_or(0);
            (start, inside.into_iter().map(|bin| weight(bin) as f32).collect())
        };
        Bands {
            filters: (0..BANDS).map(filter).collect(),
            loudness: std::array::from_fn(|band| LOUDNESS_SCALE * equal_loudness(hz(edge(band + 1))).powf(COMPRESSION)),
            cosines: std::array::from_fn(|row| std::array::from_fn(|band| cosine(row + 1, band))),
        }
    }

    /// Loudness and the cepstrum of one frame's power spectrum.
    pub fn of(&self, power: &[f32]) -> (f64, [f64; CEPSTRUM]) {
        let mut loudness = 0.0;
        let mut cepstrum = [0.0; CEPSTRUM];
        for (band, (start, weights)) in self.filters.iter().enumerate() {
            let energy: f32 = weights.iter().zip(&power[*start..]).map(|(weight, power)| weight * power).sum();
            let log = f64::from(energy).max(FLOOR).ln();
            loudness += self.loudness[band] * (COMPRESSION * log).exp();
            cepstrum.iter_mut().zip(&self.cosines).for_each(|(sum, row)| *sum += row[band] * log);
        }
        (loudness, cepstrum)
    }
}

/// Hz to mel, as in the HTK book.
fn mel(hz: f64) -> f64 {
    1127.0 * (hz / 700.0).ln_1p()
}

fn hz(mel: f64) -> f64 {
    700.0 * (mel / 1127.0).exp_m1()
}

/// Liftered cosine transform (HTK book, 5.3 and 5.4).
fn cosine(k: usize, band: usize) -> f64 {
    let lifter = 1.0 + LIFTER / 2.0 * (PI * k as f64 / LIFTER).sin();
    lifter * (2.0 / BANDS as f64).sqrt() * (PI * k as f64 * (band as f64 + 0.5) / BANDS as f64).cos()
}

/// How well the ear hears a frequency (Hermansky, "Perceptual linear predictive analysis of speech", 1990), with a
/// fall above 4 kHz whose order and place openSMILE's answers to speech show to be ω⁷ / 1.7e31.
fn equal_loudness(hz: f64) -> f64 {
    let omega = TAU * hz;
    let square = omega * omega;
    let rise = (square + 56.8e6) * square * square / ((square + 6.3e6).powi(2) * (square + 0.38e9));
    rise / (1.0 + omega.powi(7) / 1.7e31)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_ear_is_best_between_two_and_five_kilohertz() {
        let best = (1..80)
            .max_by(|&a, &b| equal_loudness(f64::from(a) * 100.0).total_cmp(&equal_loudness(f64::from(b) * 100.0)));
        assert!(best.is_some_and(|hundred| (20..50).contains(&hundred)), "{best:?}");
    }

    #[test]
    fn silence_is_as_loud_as_opensmile_says_and_has_a_flat_cepstrum() {
        let (loudness, cepstrum) = Bands::new(257, 31.25).of(&[0.0; 257]);
        assert!((loudness - 0.001_034).abs() < 2e-6, "{loudness}");
        assert!(cepstrum.iter().all(|value| value.abs() < 1e-9), "{cepstrum:?}");
    }
}
