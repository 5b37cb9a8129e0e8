//! What a screen or a table shows of one clip: spectrogram, pitch and level over time, and their means.
//!
//! Same arithmetic as the feature sets, so that what is seen is what is learned from. Deliberately absent: colours,
//! scaling to a screen.

use ndarray::Array2;

use super::descriptors::{framing, levels, pitches};
use super::dsp::shape::to_level;
use super::logmel::Spectrogram;
use super::{FeatureError, checked};
use crate::audio::Wave;

/// Log-mel spectrogram in dB `[band, frame]`, low bands first, a frame per 10 ms, at the clip's own level.
///
/// # Errors
/// [`FeatureError`] when the wave is empty, not finite, or of no usable rate.
pub fn spectrogram_db(wave: &Wave, bands: usize) -> Result<Array2<f32>, FeatureError> {
    let (db, frames) = Spectrogram { bands, level: None, ..Spectrogram::SPEECH }.decibels(wave)?;
    Ok(Array2::from_shape_vec((bands, frames), db).unwrap_or_else(|_| Array2::zeros((bands, frames))))
}

/// Pitch and level of one clip over time.
#[derive(Debug, Clone, PartialEq)]
pub struct Curves {
    /// Seconds from one frame to the next.
    pub hop: f64,
    /// Pitch in Hz; `None` where unvoiced.
    pub pitch: Vec<Option<f32>>,
    /// RMS of 25 ms in dB re full scale, at least -100.
    pub level: Vec<f32>,
}

impl Curves {
    /// Both curves of a clip, by the voicing rule the functionals use.
    ///
    /// # Errors
    /// [`FeatureError`] when the wave is empty, not finite, or of no usable rate.
    pub fn of(wave: &Wave) -> Result<Curves, FeatureError> {
        let (samples, gain) = to_level(&checked(wave)?.samples, 0.1);
        let framing = framing(wave.rate);
        let level = levels(&samples, framing, gain);
        let (pitch, _) = pitches(&samples, wave.rate, &level);
        Ok(Curves { hop: framing.hop as f64 / f64::from(wave.rate), pitch, level })
    }

    /// Mean pitch over the voiced frames in Hz; `None` when nothing is voiced.
    pub fn mean_pitch(&self) -> Option<f32> {
        let voiced = self.pitch.iter().flatten().count();
        let sum: f32 = self.pitch.iter().flatten().sum();
        (voiced > 0).then(|| sum / voiced as f32)
    }

    /// Mean level over all frames in dB re full scale.
    pub fn mean_level(&self) -> f32 {
        self.level.iter().sum::<f32>() / self.level.len().max(1) as f32
    }
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use super::*;

    fn saw(hz: f32, gain: f32) -> Wave {
        let sample = |i: usize| ((i as f32 * hz / 16_000.0).fract() - 0.5) * gain;
        Wave { samples: (0..16_000).map(sample).collect(), rate: 16_000 }
    }

    #[test]
    fn means_are_in_hertz_and_decibels() {
        let curves = Curves::of(&saw(200.0, 1.0)).unwrap();
        assert!((curves.mean_pitch().unwrap() - 200.0).abs() < 1.0, "{:?}", curves.mean_pitch());
        // A sawtooth of peak 0.5 has an RMS of 0.5 / sqrt 3; the half-empty frames at the ends cost little.
        assert!((curves.mean_level() + 10.8).abs() < 0.2, "{}", curves.mean_level());
        assert_eq!(curves.pitch.len(), curves.level.len());
    }

    #[test]
    fn silence_has_no_pitch_and_the_lowest_level() {
        let curves = Curves::of(&saw(200.0, 0.0)).unwrap();
        assert_eq!((curves.mean_pitch(), curves.mean_level()), (None, -100.0));
    }

    #[test]
    fn the_spectrogram_keeps_the_clips_level() {
        let (loud, quiet) = (saw(200.0, 1.0), saw(200.0, 0.1));
        let highest = |wave| spectrogram_db(wave, 40).unwrap().iter().copied().fold(f32::MIN, f32::max);
        assert_eq!(spectrogram_db(&loud, 40).unwrap().dim(), (40, 101));
        assert!((highest(&loud) - highest(&quiet) - 20.0).abs() < 0.01);
        assert_eq!(spectrogram_db(&Wave { samples: vec![], rate: 16_000 }, 40), Err(FeatureError::Empty));
    }
}
