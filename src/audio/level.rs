//! How loud a wave is, and making it as loud as wanted.
//!
//! Only this file names ebur128. Deliberately absent: limiting and compression: a normalised wave may exceed full scale; a sound
//! that is played is held below it by its gain.

use ebur128::{EbuR128, Mode};

use super::{Sound, Wave};

/// Below this level (-120 dB) a wave counts as silence: amplifying it would only show rounding noise.
const SILENCE: f32 = 1e-6;
/// The highest true peak that EBU R 128 lets pass, -1 dBTP.
const CEILING: f32 = 0.891_250_94;

/// What a wave is scaled to.
#[derive(Debug, Clone, Copy, PartialEq)]
pub enum Level {
    /// Root mean square over the whole wave, 1 = full scale.
    Rms(f32),
    /// Largest absolute sample, 1 = full scale.
    Peak(f32),
    /// Integrated loudness of EBU R 128 (ITU-R BS.1770-4) in LUFS.
    Loudness(f32),
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

    /// Integrated loudness of EBU R 128 (ITU-R BS.1770-4: K-weighted, gated blocks of 400 ms) in LUFS; `None` where
    /// every block is below the gate of -70 LUFS or the rate is none that can be weighted.
    ///
    /// The standard knows no sound of less than one block: a shorter wave is measured as if repeated to 400 ms.
    pub fn loudness(&self) -> Option<f32> {
        let block = (self.rate as usize * 2).div_ceil(5);
        let repeats = block.div_ceil(self.samples.len().max(1)).max(1);
        let mut meter = EbuR128::new(1, self.rate, Mode::I).ok()?;
        for _ in 0..repeats {
            meter.add_frames_f32(&self.samples).ok()?;
        }
        meter.loudness_global().ok().filter(|loudness| loudness.is_finite()).map(|loudness| loudness as f32)
    }

    /// The wave scaled by one factor so that its level is `to`; what is too quiet to have that level (below -120 dB,
    /// or below the gate of the loudness) stays as it is. Nothing is clipped: samples may exceed 1.
    #[must_use]
    pub fn normalised(mut self, to: Level) -> Wave {
        let ratio = |now: f32, wanted: f32| (now > SILENCE).then(|| wanted / now);
        let factor = match to {
            Level::Rms(wanted) => ratio(self.rms(), wanted),
            Level::Peak(wanted) => ratio(self.peak(), wanted),
            Level::Loudness(wanted) => self.loudness().map(|now| 10.0_f32.powf((wanted - now) / 20.0)),
        };
        if let Some(factor) = factor {
            self.samples.iter_mut().for_each(|sample| *sample *= factor);
        }
        self
    }
}

impl Sound {
    /// The factor that gives it the integrated loudness `lufs` (EBU R 128, of the mean of its channels), held so that no true peak
    /// exceeds -1 dB; 1 for what is too quiet to have a loudness.
    pub fn gain_to(&self, lufs: f32) -> f32 {
        let wanted = self.mono().loudness().map_or(1.0, |now| 10.0_f32.powf((lufs - now) / 20.0));
        wanted.min(CEILING / self.true_peak().max(SILENCE))
    }

    /// Largest absolute value of the sound between and at its samples (ITU-R BS.1770-4, oversampled), 1 = full scale.
    pub fn true_peak(&self) -> f32 {
        let measured = || {
            let mut meter = EbuR128::new(u32::from(self.channels), self.rate, Mode::TRUE_PEAK).ok()?;
            meter.add_frames_f32(&self.samples).ok()?;
            (0..u32::from(self.channels)).filter_map(|channel| meter.true_peak(channel).ok()).reduce(f64::max)
        };
        measured().map_or(0.0, |peak| peak as f32).max(peak(&self.samples))
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

    /// One second of a sine.
    fn sine(hz: f32, amplitude: f32, rate: u32) -> Wave {
        let sample = |i: u32| amplitude * (std::f32::consts::TAU * hz * i as f32 / rate as f32).sin();
        Wave { samples: (0..rate).map(sample).collect(), rate }
    }

    #[test]
    fn loudness_is_that_of_the_standard() {
        // ITU-R BS.1770-4: a full-scale sine of 997 Hz in one front channel reads -3.01 LUFS.
        for rate in [16_000, 22_050, 48_000] {
            let found = sine(997.0, 1.0, rate).loudness();
            assert!(found.is_some_and(|lufs| (lufs + 3.01).abs() < 0.05), "{rate}: {found:?}");
        }
        let quiet = sine(997.0, 0.1, 48_000).normalised(Level::Loudness(-23.0));
        assert!(quiet.loudness().is_some_and(|lufs| (lufs + 23.0).abs() < 0.01), "{:?}", quiet.loudness());
    }

    #[test]
    fn a_short_wave_has_the_loudness_of_its_repetition() {
        let mut short = sine(1000.0, 0.5, 16_000);
        let whole = short.loudness().unwrap();
        short.samples.truncate(1600);
        assert!((short.loudness().unwrap() - whole).abs() < 0.1, "{:?} {whole}", short.loudness());
        assert_eq!(sine(1000.0, 1e-5, 16_000).loudness(), None);
        assert_eq!((wave(&[]).loudness(), wave(&[0.0]).loudness()), (None, None));
    }

    #[test]
    fn sounds_are_made_equally_loud_as_far_as_their_peaks_allow() {
        let sound = |amplitude| {
            let wave = sine(997.0, amplitude, 16_000);
            Sound { samples: wave.samples, channels: 1, rate: wave.rate }
        };
        let level = |amplitude: f32, lufs| amplitude * sound(amplitude).gain_to(lufs);
        assert!((level(0.5, -23.0) - level(0.01, -23.0)).abs() < 1e-3, "{}", level(0.01, -23.0));
        assert!((level(0.5, 0.0) - CEILING).abs() < 2e-3, "a sine of 0 LUFS would clip");
        assert_eq!(Sound { samples: vec![0.0; 9], channels: 1, rate: 8_000 }.gain_to(-23.0), 1.0);
    }

    #[test]
    fn silence_is_left_alone() {
        let hush = wave(&[0.0, 5e-7, -5e-7]);
        assert_eq!(hush.clone().normalised(Level::Rms(0.1)), hush);
        assert_eq!(hush.clone().normalised(Level::Loudness(-23.0)), hush);
        assert_eq!(wave(&[]).normalised(Level::Peak(1.0)), wave(&[]));
    }
}
