//! The shape of the spectrum over a clip: moments and percentiles of librosa's spectral measures.
//!
//! Taken from the clip at a common level; only `rms` knows how loud it was. Deliberately absent: mel bands (`mfcc`) and
//! pitch (`functionals`, `prosody`).

use std::borrow::Cow;
use std::sync::Arc;

use super::dsp::chroma::{CLASSES, Chroma};
use super::dsp::contrast::Contrast;
use super::dsp::mel::power_to_db;
use super::dsp::{Framing, Stft, shape};
use super::parameter::{Asked, spelled};
use super::statistics::{DISTRIBUTION, Sample};
use super::{Chosen, Column, FeatureError, FeatureSet, Features, Kind, Parameters, SpecError, checked};
use crate::audio::Wave;

/// Centroid, bandwidth, roll-off, flatness, flux, zero crossings, level, contrast in seven bands and twelve pitch
/// classes: seven statistics each.
pub static SPECTRAL: Spectral = Spectral { name: Cow::Borrowed(NAME), measure: Measure::SPEECH };

const NAME: &str = "spectral";
const LEVEL: f64 = 0.1;
/// Nothing is quieter than this, dB re full scale.
const QUIETEST_DB: f32 = -100.0;
const CONTRASTS: usize = 7;

/// Name, unit and source of the measures of one number per frame, in the order of the tracks.
const SINGLE: [(&str, &str, &str); 7] = [
    ("centroid", "Hz", "librosa.feature.spectral_centroid"),
    ("bandwidth", "Hz", "librosa.feature.spectral_bandwidth"),
    ("rolloff", "Hz", "librosa.feature.spectral_rolloff"),
    ("flatness", "dB", "librosa.feature.spectral_flatness, in dB"),
    ("flux", "-", "distance of neighbouring magnitude spectra, each scaled to sum 1"),
    ("zcr", "1/sample", "librosa.feature.zero_crossing_rate"),
    ("rms", "dB", "librosa.feature.rms, in dB re full scale"),
];
const CLASS_NAMES: [&str; CLASSES] = ["c", "cs", "d", "ds", "e", "f", "fs", "g", "gs", "a", "as", "b"];

/// The set `spectral`.
#[derive(Debug, Clone)]
pub struct Spectral {
    name: Cow<'static, str>,
    measure: Measure,
}

/// All that decides the tracks.
#[derive(Debug, Clone, Copy, PartialEq)]
struct Measure {
    /// Window and hop in seconds.
    window: f64,
    hop: f64,
    /// Share of the magnitude below the roll-off.
    rolloff: f64,
    /// Window of the spectra that pitch classes are taken from, in seconds: semitones are narrow.
    chroma: f64,
}

impl Measure {
    const SPEECH: Measure = Measure { window: 0.025, hop: 0.010, rolloff: 0.85, chroma: 0.1 };

    /// Names and values of the parameters.
    fn spelled(&self) -> [(&'static str, String); 4] {
        [
            ("window", self.window.to_string()),
            ("hop", self.hop.to_string()),
            ("rolloff", self.rolloff.to_string()),
            ("chroma", self.chroma.to_string()),
        ]
    }

    fn with(mut self, parameters: &Parameters) -> Result<Measure, SpecError> {
        for (name, value) in parameters.iter() {
            let asked = Asked { set: NAME, name, value };
            match name {
                "window" => self.window = asked.number(0.001..=1.0)?,
                "hop" => self.hop = asked.number(0.001..=1.0)?,
                "rolloff" => self.rolloff = asked.number(0.01..=0.99)?,
                "chroma" => self.chroma = asked.number(0.001..=1.0)?,
                _ => return Err(parameters.unknown(NAME, &self.spelled().map(|(name, _)| name))),
            }
        }
        Ok(self)
    }

    /// All tracks of a checked wave, in the order of [`columns`].
    fn tracks(&self, wave: &Wave) -> Vec<Vec<f32>> {
        let framing = Framing::seconds(wave.rate, self.window, self.hop);
        let gain = shape::gain_to(&wave.samples, LEVEL);
        let mut tracks = self.shapes(wave, framing, gain);
        tracks.push(shape::zero_crossing_rate(&wave.samples, framing.window, framing.hop));
        let db = |rms: f32| (20.0 * rms.log10()).max(QUIETEST_DB);
        tracks.push(shape::rms(&wave.samples, framing.window, framing.hop).into_iter().map(db).collect());
        tracks.extend(contrasts(wave, framing, gain));
        tracks.extend(self.chroma(wave, gain));
        tracks
    }

    /// The first five of [`SINGLE`].
    fn shapes(&self, wave: &Wave, framing: Framing, gain: f64) -> Vec<Vec<f32>> {
        let frequencies = framing.frequencies(wave.rate);
        let mut tracks = vec![Vec::new(); SINGLE.len() - 2];
        let mut before: Vec<f32> = Vec::new();
        each_frame(wave, framing, gain, |power, magnitude| {
            let (centroid, bandwidth) = shape::centroid_and_bandwidth(magnitude, &frequencies);
            let values = [
                centroid,
                bandwidth,
                shape::rolloff(magnitude, &frequencies, self.rolloff),
                power_to_db(shape::flatness(power)),
                // The first frame has none before it.
                if before.is_empty() { 0.0 } else { shape::flux(&before, magnitude) },
            ];
            tracks.iter_mut().zip(values).for_each(|(track, value)| track.push(value));
            before.clear();
            before.extend_from_slice(magnitude);
        });
        tracks
    }

    /// Pitch classes at A = 440 Hz; speech has no tuning that could be estimated.
    fn chroma(&self, wave: &Wave, gain: f64) -> Vec<Vec<f32>> {
        let framing = Framing::seconds(wave.rate, self.chroma, self.hop);
        let classes = Chroma::new(wave.rate, framing.fft, 0.0);
        let mut tracks = vec![Vec::new(); CLASSES];
        let mut stft = Stft::scaled(framing, gain);
        for t in 0..framing.frames(wave.samples.len()) {
            let found = classes.of(stft.power(&wave.samples, t));
            tracks.iter_mut().zip(found).for_each(|(track, value)| track.push(value));
        }
        tracks
    }
}

/// Power and magnitude of each frame in turn.
fn each_frame(wave: &Wave, framing: Framing, gain: f64, mut see: impl FnMut(&[f32], &[f32])) {
    let mut stft = Stft::scaled(framing, gain);
    let mut magnitude = vec![0.0; framing.bins()];
    for t in 0..framing.frames(wave.samples.len()) {
        let power = stft.power(&wave.samples, t);
        magnitude.iter_mut().zip(power).for_each(|(magnitude, power)| *magnitude = power.sqrt());
        see(power, &magnitude);
    }
}

fn contrasts(wave: &Wave, framing: Framing, gain: f64) -> Vec<Vec<f32>> {
    let mut bands = Contrast::new(&framing.frequencies(wave.rate));
    let frames = framing.frames(wave.samples.len());
    let (mut peaks, mut valleys) = (vec![0.0; CONTRASTS * frames], vec![0.0; CONTRASTS * frames]);
    let mut t = 0;
    each_frame(wave, framing, gain, |_, magnitude| {
        bands.ends(magnitude, |k, peak, valley| (peaks[k * frames + t], valleys[k * frames + t]) = (peak, valley));
        t += 1;
    });
    Contrast::decibels(&mut peaks, &mut valleys);
    peaks.chunks_exact(frames).map(<[f32]>::to_vec).collect()
}

/// Name, unit and source of each track.
fn columns() -> impl Iterator<Item = (String, &'static str, &'static str)> {
    let single = SINGLE.into_iter().map(|(name, unit, source)| (name.to_owned(), unit, source));
    let contrast = (0..CONTRASTS).map(|k| (format!("contrast{k}"), "dB", "librosa.feature.spectral_contrast"));
    let source = "librosa.feature.chroma_stft, tuning 0";
    single.chain(contrast).chain(CLASS_NAMES.map(|class| (format!("chroma_{class}"), "-", source)))
}

impl FeatureSet for Spectral {
    fn name(&self) -> &str {
        &self.name
    }

    fn about(&self) -> &str {
        "vector: centroid, bandwidth, roll-off, flatness, flux, contrast, chroma, zero crossings, level: seven statistics"
    }

    fn kind(&self) -> Kind {
        Kind::Row
    }

    fn version(&self) -> u32 {
        1
    }

    fn columns(&self) -> Vec<Column> {
        let column = |(track, unit, source): (String, &'static str, &'static str)| {
            DISTRIBUTION.iter().map(move |s| Column { name: format!("{track}_{}", s.name), unit, source })
        };
        columns().flat_map(column).collect()
    }

    /// A silent clip has centroid, bandwidth, roll-off, flux, contrast and chroma 0, flatness 0 dB and -100 dB RMS.
    fn extract(&self, wave: &Wave) -> Result<Features, FeatureError> {
        let tracks = self.measure.tracks(checked(wave)?);
        let statistics = |track: &Vec<f32>| {
            let sample = Sample::new(track.iter().map(|&value| Some(value)), self.measure.hop);
            DISTRIBUTION.iter().map(|statistic| (statistic.of)(&sample) as f32).collect::<Vec<_>>()
        };
        Ok(Features::Row(tracks.iter().flat_map(statistics).collect()))
    }

    /// `window`, `hop` and `chroma` (the pitch classes' window) in seconds, `rolloff` as a share.
    fn with(&self, parameters: &Parameters) -> Result<Chosen, SpecError> {
        let measure = self.measure.with(parameters)?;
        let name = Cow::Owned(spelled(NAME, &measure.spelled(), &Measure::SPEECH.spelled()));
        Ok(Arc::new(Spectral { name, measure }))
    }
}

#[cfg(test)]
#[allow(clippy::unwrap_used, clippy::panic)]
mod tests {
    use super::*;

    fn value(samples: Vec<f32>, column: &str) -> f32 {
        let at = SPECTRAL.columns().iter().position(|c| c.name == column).unwrap();
        match SPECTRAL.extract(&Wave { samples, rate: 16_000 }).unwrap() {
            Features::Row(row) => row[at],
            Features::Image(_) => panic!("spectral makes rows"),
        }
    }

    fn tone(hz: f32) -> Vec<f32> {
        (0..16_000).map(|i| (std::f32::consts::TAU * hz * i as f32 / 16_000.0).sin() * 0.5).collect()
    }

    #[test]
    fn a_tone_has_its_place_class_and_level() {
        assert!((value(tone(1000.0), "centroid_p50") - 1000.0).abs() < 5.0);
        assert!(value(tone(440.0), "chroma_a_p50") == 1.0);
        assert!((value(tone(440.0), "rms_p50") + 9.03).abs() < 0.05);
        assert!((value(tone(1000.0), "zcr_p50") - 0.125).abs() < 0.01);
    }

    #[test]
    fn silence_has_the_values_it_says() {
        for column in ["centroid_mean", "rolloff_p95", "flux_sd", "contrast3_mean", "chroma_c_p50"] {
            assert_eq!(value(vec![0.0; 8000], column), 0.0, "{column}");
        }
        assert_eq!(value(vec![0.0; 8000], "rms_mean"), -100.0);
        assert!(value(vec![0.0; 8000], "flatness_mean").abs() < 1e-4);
    }
}
