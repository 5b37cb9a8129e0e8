//! How loud a wave is, and making it as loud as wanted.
//!
//! Deliberately absent: loudness in LUFS, limiting, compression: a normalised wave may exceed full scale.

use super::Wave;

/// Below this level (-120 dB) a wave counts as silence: amplifying it would only show rounding noise.
const SILENCE: f32 = 1e-6;

/// What a wave is scaled to.
#[derive(Debug, Clone, Copy, PartialEq)]
pub enum Level {
    /// Root mean square over the whole wave, 1 = full scale.
    Rms(f32),
    /// Largest absolute sample, 1 = full scale.
    Peak(f32),
}

impl Wave {
    /// Largest absolute sample; 0 for no samples.
    pub fn peak(&self) -> f32 {
        peak(&self.samples)
    }

    /// Root mean square, √(Σx²/n); 0 for no samples.
    pub fn rms(&self) -> f32 {
        rms(&self.samples)
    }

    /// The wave scaled by one factor so that its level is `to`; silence (below -120 dB) stays as it is. Nothing is
    /// clipped: with [`Level::Rms`] single samples may exceed 1.
    #[must_use]
    pub fn normalised(mut self, to: Level) -> Wave {
        let (now, wanted) = match to {
            Level::Rms(wanted) => (self.rms(), wanted),
            Level::Peak(wanted) => (self.peak(), wanted),
        };
        if now > SILENCE {
            let factor = wanted / now;
            self.samples.iter_mut().for_each(|sample| *sample *= factor);
        }
        self
    }
}

pub(super) fn peak(samples: &[f32]) -> f32 {
    samples.iter().fold(0.0, |peak, sample| peak.max(sample.abs()))
}

pub(super) fn rms(samples: &[f32]) -> f32 {
    let sum: f64 = samples.iter().map(|&sample| f64::from(sample) * f64::from(sample)).sum();
    (sum / samples.len().max(1) as f64).sqrt() as f32
}

#[cfg(test)]
mod tests {
    use super::*;

    fn wave(samples: &[f32]) -> Wave {
        Wave { samples: samples.to_vec(), rate: 8_000 }
    }

    #[test]
    fn levels_of_a_square_wave_are_its_amplitude() {
        let square = wave(&[0.5, -0.5, 0.5, -0.5]);
        assert_eq!((square.peak(), square.rms()), (0.5, 0.5));
        assert_eq!((wave(&[]).peak(), wave(&[]).rms()), (0.0, 0.0));
    }

    #[test]
    fn normalising_reaches_the_level_and_keeps_the_shape() {
        let loud = wave(&[0.1, -0.2, 0.0, 0.4]).normalised(Level::Rms(0.1));
        assert!((loud.rms() - 0.1).abs() < 1e-6, "{}", loud.rms());
        assert!((loud.samples[3] / loud.samples[0] - 4.0).abs() < 1e-5);
        let peaked = wave(&[0.1, -0.2]).normalised(Level::Peak(1.0));
        assert!((peaked.peak() - 1.0).abs() < 1e-6);
    }

    #[test]
    fn silence_is_left_alone() {
        let hush = wave(&[0.0, 5e-7, -5e-7]);
        assert_eq!(hush.clone().normalised(Level::Rms(0.1)), hush);
        assert_eq!(wave(&[]).normalised(Level::Peak(1.0)), wave(&[]));
    }
}
