//! The image: a log-mel spectrogram and its first and second derivatives over time, intensity-normalised.
//!
//! Deliberately absent: resampling, padding to a common length, and statistics over clips; each is the caller's.

use ndarray::Array3;

use super::dsp::shape::to_level;
use super::dsp::{Framing, Stft, mel};
use super::{Column, FeatureError, FeatureSet, Features, Kind, checked};
use crate::audio::Wave;

/// Log-mel, delta, delta-delta: 64 Slaney bands from 50 Hz to 8 kHz (or half the rate), 25 ms window, 10 ms hop.
pub static LOGMEL: LogMel = LogMel { name: "logmel", version: 1, spectrogram: Spectrogram::SPEECH };

/// An image set: a named spectrogram with its derivatives.
#[derive(Debug, Clone)]
pub struct LogMel {
    /// Name after `--set`.
    pub name: &'static str,
    /// Raised whenever the numbers change.
    pub version: u32,
    /// What channel 0 shows.
    pub spectrogram: Spectrogram,
}

/// All that decides a log-mel spectrogram. A variant is another value of this.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Spectrogram {
    /// Hann window in seconds; the transform is the next power of two of its samples.
    pub window: f64,
    /// Seconds from one frame to the next.
    pub hop: f64,
    /// Number of mel bands.
    pub bands: usize,
    /// Lower edge of the lowest band in Hz.
    pub low: f64,
    /// Upper edge of the highest band in Hz; half the rate where that is less.
    pub high: f64,
    /// Root mean square the clip is scaled to first (1 = full scale); `None` leaves its level.
    pub level: Option<f64>,
    /// Range kept below the clip's maximum in dB.
    pub top_db: f32,
}

impl Spectrogram {
    /// The default image's channel 0. The level, -20 dB re full scale, is any constant: it only has to be the same.
    pub const SPEECH: Spectrogram =
        Spectrogram { window: 0.025, hop: 0.010, bands: 64, low: 50.0, high: 8000.0, level: Some(0.1), top_db: 80.0 };

    /// Power per band in dB re 1, floored at -100 dB and at `top_db` below the maximum:
    /// `power_to_db(melspectrogram(...))` of librosa. Row-major `[band, frame]`, and the number of frames.
    ///
    /// # Errors
    /// [`FeatureError`] when the wave is empty, not finite, or of no usable rate.
    pub fn decibels(&self, wave: &Wave) -> Result<(Vec<f32>, usize), FeatureError> {
        let wave = checked(wave)?;
        let framing = Framing::seconds(wave.rate, self.window, self.hop);
        let frames = framing.frames(wave.samples.len());
        let mut db = vec![0.0; self.bands * frames];
        match self.level {
            Some(level) => self.powers(&to_level(&wave.samples, level).0, wave.rate, &mut db),
            None => self.powers(&wave.samples, wave.rate, &mut db),
        }
        db.iter_mut().for_each(|value| *value = mel::power_to_db(*value));
        mel::clip_range(&mut db, self.top_db);
        Ok((db, frames))
    }

    fn powers(&self, samples: &[f32], rate: u32, into: &mut [f32]) {
        let framing = Framing::seconds(rate, self.window, self.hop);
        let high = self.high.min(f64::from(rate) / 2.0);
        let bank = mel::MelBank::new(&framing.frequencies(rate), self.bands, self.low.min(high / 2.0), high);
        let mut stft = Stft::new(framing);
        let mut bands = vec![0.0; self.bands];
        let frames = framing.frames(samples.len());
        for t in 0..frames {
            bank.apply(stft.power(samples, t), &mut bands);
            bands.iter().enumerate().for_each(|(band, &power)| into[band * frames + t] = power);
        }
    }
}

impl FeatureSet for LogMel {
    fn name(&self) -> &str {
        self.name
    }

    fn about(&self) -> &str {
        "image: log-mel spectrogram, its first and second derivative over time (64 bands, 25/10 ms), level-normalised"
    }

    fn kind(&self) -> Kind {
        Kind::Image
    }

    fn version(&self) -> u32 {
        self.version
    }

    fn columns(&self) -> Vec<Column> {
        let channels = [
            ("mel", "dB", "librosa.feature.melspectrogram, power_to_db"),
            ("delta", "dB/frame", "librosa.feature.delta, order 1"),
            ("delta2", "dB/frame²", "librosa.feature.delta, order 2"),
        ];
        let names = |(channel, unit, source)| {
            (0..self.spectrogram.bands).map(move |band| Column { name: format!("{channel}_{band}"), unit, source })
        };
        channels.into_iter().flat_map(names).collect()
    }

    /// `[3, bands, frames]`; a silent clip is -100 dB throughout with derivatives 0.
    fn extract(&self, wave: &Wave) -> Result<Features, FeatureError> {
        let (mut image, frames) = self.spectrogram.decibels(wave)?;
        let layer = image.len();
        image.resize(3 * layer, 0.0);
        let (static_layer, rest) = image.split_at_mut(layer);
        let (first, second) = rest.split_at_mut(layer);
        for (band, track) in static_layer.chunks_exact(frames).enumerate() {
            mel::delta(track, &mut first[band * frames..][..frames]);
            mel::delta2(track, &mut second[band * frames..][..frames]);
        }
        let shape = (3, self.spectrogram.bands, frames);
        // The buffer was made for this shape; an image of zeros would be the answer to a bug here.
        let image = Array3::from_shape_vec(shape, image).unwrap_or_else(|_| Array3::zeros(shape));
        Ok(Features::Image(image.into_shared()))
    }
}

#[cfg(test)]
#[allow(clippy::unwrap_used, clippy::panic)]
mod tests {
    use super::*;

    fn image(samples: Vec<f32>) -> super::super::Image {
        match LOGMEL.extract(&Wave { samples, rate: 22_050 }).unwrap() {
            Features::Image(image) => image,
            Features::Row(_) => panic!("logmel makes images"),
        }
    }

    #[test]
    fn level_does_not_show() {
        let wave: Vec<f32> = (0..22_050).map(|i| (i as f32 * 0.05).sin() * 0.5 * (i as f32 / 22_050.0)).collect();
        let quiet: Vec<f32> = wave.iter().map(|x| x * 0.01).collect();
        let (loud, quiet) = (image(wave), image(quiet));
        let worst = loud.iter().zip(&quiet).map(|(a, b)| (a - b).abs()).fold(0.0, f32::max);
        assert!(worst < 1e-2, "{worst} dB");
    }

    #[test]
    fn three_seconds_make_three_hundred_frames() {
        // The hop is 221 samples: 22,050 Hz has no round 10 ms.
        assert_eq!(image(vec![0.1; 66_150]).dim(), (3, 64, 300));
    }

    #[test]
    fn silence_is_the_floor_without_slopes() {
        let image = image(vec![0.0; 5000]);
        assert!(image.index_axis(ndarray::Axis(0), 0).iter().all(|&v| (v + 100.0).abs() < 1e-4));
        assert!(image.index_axis(ndarray::Axis(0), 2).iter().all(|&v| v.abs() < 1e-4));
    }
}
