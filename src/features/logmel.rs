//! The image: a log-mel spectrogram and its first and second derivatives over time, intensity-normalised.
//!
//! Deliberately absent: resampling, padding to a common length, and statistics over clips; each is the caller's.

use std::borrow::Cow;
use std::sync::Arc;

use ndarray::Array3;

use super::dsp::mel::{self, Mel, MelBank, Norm, Scale};
use super::dsp::shape::gain_to;
use super::dsp::{Framing, Stft};
use super::parameter::{Asked, spelled};
use super::{Chosen, Column, FeatureError, FeatureSet, Features, Kind, Parameters, Raster, SpecError, checked};
use crate::audio::Wave;

/// Log-mel, delta, delta-delta: 64 Slaney bands from 50 Hz to 8 kHz (or half the rate), 25 ms window, 10 ms hop.
pub static LOGMEL: LogMel = LogMel { name: Cow::Borrowed(NAME), spectrogram: Spectrogram::SPEECH, derivatives: 2 };

const NAME: &str = "logmel";

/// An image set: a spectrogram with its derivatives.
#[derive(Debug, Clone)]
pub struct LogMel {
    name: Cow<'static, str>,
    spectrogram: Spectrogram,
    /// Channels after the first.
    derivatives: usize,
}

impl LogMel {
    fn spelled(&self) -> Vec<(&'static str, String)> {
        let own = ("derivatives", self.derivatives.to_string());
        self.spectrogram.spelled().into_iter().chain([own]).collect()
    }
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
    /// Lower edge of the lowest band in Hz; half the upper edge where that is less.
    pub low: f64,
    /// Upper edge of the highest band in Hz; half the rate where that is less.
    pub high: f64,
    /// What the bands are evenly spaced in; each has area 1 in Hz.
    pub scale: Scale,
    /// Root mean square the clip is scaled to first (1 = full scale); `None` leaves its level.
    pub level: Option<f64>,
    /// Range kept below the clip's maximum in dB.
    pub top_db: f32,
}

impl Spectrogram {
    /// The default image's channel 0. The level, -20 dB re full scale, is any constant: it only has to be the same.
    pub const SPEECH: Spectrogram = Spectrogram {
        window: 0.025,
        hop: 0.010,
        bands: 64,
        low: 50.0,
        high: 8000.0,
        scale: Scale::Slaney,
        level: Some(0.1),
        top_db: 80.0,
    };

    /// Power per band in dB re 1, floored at -100 dB and at `top_db` below the maximum:
    /// `power_to_db(melspectrogram(...))` of librosa. Row-major `[band, frame]`, and the number of frames.
    ///
    /// # Errors
    /// [`FeatureError`] when the wave is empty, not finite, or of no usable rate.
    pub fn decibels(&self, wave: &Wave) -> Result<(Vec<f32>, usize), FeatureError> {
        let frames = self.framing(wave.rate).frames(checked(wave)?.samples.len());
        let mut db = vec![0.0; self.bands * frames];
        self.draw(wave, &mut db);
        Ok((db, frames))
    }

    /// Where its pixels lie. A band reaches halfway to its neighbours' centres.
    pub(super) fn raster(&self, rate: u32) -> Raster {
        let mel = self.mel(rate);
        let (low, high) = (mel.scale.mel(mel.low), mel.scale.mel(mel.high));
        let edge = |band: usize| mel.scale.hz(low + (high - low) * (band as f64 + 0.5) / (mel.bands + 1) as f64);
        let edges = Some((0..=mel.bands).map(edge).collect());
        Raster { edges, ..Raster::frames(&self.framing(rate), rate) }
    }

    /// The bands at that rate.
    fn mel(&self, rate: u32) -> Mel {
        let high = self.high.min(f64::from(rate) / 2.0);
        Mel { bands: self.bands, low: self.low.min(high / 2.0), high, scale: self.scale, norm: Norm::Area }
    }

    /// Window and hop in samples.
    pub(super) fn framing(&self, rate: u32) -> Framing {
        Framing::seconds(rate, self.window, self.hop)
    }

    /// [`Spectrogram::decibels`] of a checked wave.
    fn draw(&self, wave: &Wave, into: &mut [f32]) {
        /// Frames whose bands are written at once: neighbours in memory, so a line of it is fetched once.
        const BLOCK: usize = 8;
        let framing = self.framing(wave.rate);
        let frames = framing.frames(wave.samples.len());
        let bank = MelBank::of(&framing.frequencies(wave.rate), self.mel(wave.rate));
        let mut stft = Stft::scaled(framing, self.level.map_or(1.0, |level| gain_to(&wave.samples, level)));
        let mut block = vec![0.0; BLOCK * self.bands];
        for first in (0..frames).step_by(BLOCK) {
            let count = BLOCK.min(frames - first);
            for (t, bands) in block.chunks_exact_mut(self.bands).enumerate().take(count) {
                bank.apply(stft.power(&wave.samples, first + t), bands);
                mel::powers_to_db(bands);
            }
            for (band, track) in into.chunks_exact_mut(frames).enumerate() {
                let values = block[band..].iter().step_by(self.bands);
                track[first..first + count].iter_mut().zip(values).for_each(|(out, &value)| *out = value);
            }
        }
        mel::clip_range(into, self.top_db);
    }

    /// Takes a parameter that was typed after a set's name; false when it is not one of [`Spectrogram::spelled`].
    pub(super) fn take(&mut self, asked: Asked<'_>) -> Result<bool, SpecError> {
        match asked.name {
            "bands" => self.bands = asked.count(1..=512)?,
            "window" => self.window = asked.number(0.001..=1.0)?,
            "hop" => self.hop = asked.number(0.001..=1.0)?,
            "low" => self.low = asked.number(0.0..=100_000.0)?,
            "high" => self.high = asked.number(1.0..=400_000.0)?,
            "scale" => self.scale = asked.word(&SCALES)?,
            "level" if asked.value == "keep" => self.level = None,
            "level" => self.level = Some(asked.number(1e-4..=1.0).map_err(|_| asked.wrong(LEVEL))?),
            _ => return Ok(false),
        }
        Ok(true)
    }

    /// That the parameters of a set make sense together.
    pub(super) fn whole(self, set: &str) -> Result<Spectrogram, SpecError> {
        let value = &self.low.to_string();
        let right = format!("below high={}", self.high);
        if self.low < self.high { Ok(self) } else { Err(Asked { set, name: "low", value }.wrong(&right)) }
    }

    /// Names and values of the parameters.
    pub(super) fn spelled(&self) -> [(&'static str, String); 7] {
        let scale = SCALES.iter().find(|(_, scale)| *scale == self.scale).map_or("", |(word, _)| word);
        [
            ("bands", self.bands.to_string()),
            ("window", self.window.to_string()),
            ("hop", self.hop.to_string()),
            ("low", self.low.to_string()),
            ("high", self.high.to_string()),
            ("scale", scale.to_owned()),
            ("level", self.level.map_or("keep".to_owned(), |level| level.to_string())),
        ]
    }
}

const SCALES: [(&str, Scale); 2] = [("slaney", Scale::Slaney), ("htk", Scale::Htk)];
const LEVEL: &str = "a root mean square from 0.0001 to 1 (full scale), or `keep` to leave the clip's own";

impl FeatureSet for LogMel {
    fn name(&self) -> &str {
        &self.name
    }

    fn about(&self) -> &str {
        "image: log-mel spectrogram, its first and second derivative over time (64 bands, 25/10 ms), level-normalised"
    }

    fn kind(&self) -> Kind {
        Kind::Image
    }

    /// 2: another order of sums in transform, bands and logarithm; the picture is the same to 1e-4 dB.
    fn version(&self) -> u32 {
        2
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
        channels.into_iter().take(1 + self.derivatives).flat_map(names).collect()
    }

    /// `[1 + derivatives, bands, frames]`; a silent clip is -100 dB throughout with derivatives 0.
    fn extract(&self, wave: &Wave) -> Result<Features, FeatureError> {
        let frames = self.spectrogram.framing(wave.rate).frames(checked(wave)?.samples.len());
        let layer = self.spectrogram.bands * frames;
        let mut image = vec![0.0; (1 + self.derivatives) * layer];
        let (picture, slopes) = image.split_at_mut(layer);
        self.spectrogram.draw(wave, picture);
        derive(picture, slopes, frames);
        let shape = (1 + self.derivatives, self.spectrogram.bands, frames);
        // The buffer was made for this shape; an image of zeros would be the answer to a bug here.
        let image = Array3::from_shape_vec(shape, image).unwrap_or_else(|_| Array3::zeros(shape));
        Ok(Features::Image(image.into_shared()))
    }

    fn raster(&self, rate: u32) -> Option<Raster> {
        Some(self.spectrogram.raster(rate))
    }

    /// `bands`, `window` and `hop` in seconds, `low` and `high` in Hz, `scale` slaney or htk, `level` as root mean
    /// square or `keep`, `derivatives` 0 to 2.
    fn with(&self, parameters: &Parameters) -> Result<Chosen, SpecError> {
        let mut set = self.clone();
        for (name, value) in parameters.iter() {
            let asked = Asked { set: NAME, name, value };
            if name == "derivatives" {
                set.derivatives = asked.count(0..=2)?;
            } else if !set.spectrogram.take(asked)? {
                let known: Vec<&str> = set.spelled().iter().map(|(name, _)| *name).collect();
                return Err(parameters.unknown(NAME, &known));
            }
        }
        set.spectrogram = set.spectrogram.whole(NAME)?;
        set.name = Cow::Owned(spelled(NAME, &set.spelled(), &LOGMEL.spelled()));
        Ok(Arc::new(set))
    }
}

/// First and second derivatives of a picture `[row, frame]`, one layer after the other, as many as `into` has room for.
pub(super) fn derive(picture: &[f32], into: &mut [f32], frames: usize) {
    for (order, layer) in into.chunks_exact_mut(picture.len().max(1)).enumerate() {
        let slope = if order == 0 { mel::delta } else { mel::delta2 };
        for (track, into) in picture.chunks_exact(frames).zip(layer.chunks_exact_mut(frames)) {
            slope(track, into);
        }
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
    fn a_tone_is_loudest_in_the_band_whose_edges_hold_it() {
        let rate = 22_050;
        let raster = LOGMEL.raster(rate).unwrap();
        let edges = raster.edges.unwrap();
        assert!((edges.len(), raster.hop) == (65, 221.0 / 22_050.0));
        for hz in [180.0, 700.0, 1500.0, 5000.0] {
            let wave = (0..8000).map(|i| (i as f32 * hz * std::f32::consts::TAU / rate as f32).sin() * 0.3).collect();
            let image = image(wave);
            let loudest = (0..64).max_by(|a, b| image[(0, *a, 15)].total_cmp(&image[(0, *b, 15)])).unwrap();
            let (low, high) = (edges[loudest] as f32, edges[loudest + 1] as f32);
            assert!((low..high).contains(&hz), "{hz} Hz in the band from {low} to {high}");
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
    fn derivatives_may_be_left_out() {
        let wave = Wave { samples: (0..8000).map(|i| (i as f32 * 0.1).sin()).collect(), rate: 22_050 };
        let full = image(wave.samples.clone());
        for derivatives in 0..=2 {
            let set = crate::features::feature_set(&format!("logmel:derivatives={derivatives}")).unwrap();
            let Features::Image(image) = set.extract(&wave).unwrap() else { panic!("an image") };
            assert_eq!(image, full.slice(ndarray::s![..=derivatives, .., ..]));
            assert_eq!(set.columns().len(), 64 * (1 + derivatives));
        }
    }

    #[test]
    fn silence_is_the_floor_without_slopes() {
        let image = image(vec![0.0; 5000]);
        assert!(image.index_axis(ndarray::Axis(0), 0).iter().all(|&v| (v + 100.0).abs() < 1e-4));
        assert!(image.index_axis(ndarray::Axis(0), 2).iter().all(|&v| v.abs() < 1e-4));
    }
}
