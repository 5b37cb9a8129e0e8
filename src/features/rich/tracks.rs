//! The low-level descriptors of `rich`: 65 tracks over time, one number per 10 ms each.
//!
//! The list is that of the ComParE challenges (Weninger et al., Frontiers in Psychology 4:292, 2013, table 1); spectra are
//! taken from the clip scaled to a common level, and `loudness` and `level` know how loud it was. Deliberately absent:
//! statistics over a track (`series`).

use super::super::descriptors::{LEVEL, framing, harmonicity, levels, pitches, semitones};
use super::super::dsp::Stft;
use super::super::dsp::shape::{to_level, zero_crossing_rate};
use super::super::{FeatureError, checked};
use super::auditory::{BANDS, Ear, Heard, MFCC};
use super::spectrum::{SHAPES, Shape};
use super::voice::Voice;
use crate::audio::Wave;

/// Name, unit and source of a track.
type Label = (&'static str, &'static str, &'static str);

const PLP: &str = "Hermansky 1990 (JASA 87:1738)";
const RASTA: &str = "Hermansky & Morgan 1994 (IEEE TSAP 2:578)";
const COMPARE: &str = "Weninger et al. 2013 (Front. Psychol. 4:292)";
const YIN: &str = "de Cheveigné & Kawahara 2002 (JASA 111:1917)";
const PRAAT: &str = "Boersma, Praat manual: Voice 2 and 3";

/// Tracks over all frames before the bands.
const FIRST: [Label; 5] = [
    ("loudness", "-", PLP),
    ("loudness_rasta", "-", RASTA),
    ("level", "dB", "librosa.feature.rms"),
    ("zcr", "-", "librosa.feature.zero_crossing_rate"),
    ("voicing", "-", YIN),
];
/// Tracks over all frames after the bands and coefficients.
const SHAPE: [Label; SHAPES + 1] = [
    ("energy_250_650", "dB", COMPARE),
    ("energy_1000_4000", "dB", COMPARE),
    ("rolloff25", "kHz", COMPARE),
    ("rolloff50", "kHz", COMPARE),
    ("rolloff75", "kHz", COMPARE),
    ("rolloff90", "kHz", COMPARE),
    ("flux", "-", COMPARE),
    ("centroid", "kHz", COMPARE),
    ("entropy", "bit", COMPARE),
    ("variance", "kHz²", COMPARE),
    ("skewness", "-", COMPARE),
    ("kurtosis", "-", COMPARE),
    ("slope", "dB/kHz", COMPARE),
    ("harmonicity", "-", COMPARE),
    ("sharpness", "acum", "Zwicker & Fastl, Psychoacoustics, ch. 9"),
];
/// Tracks over voiced frames.
const VOICED: [Label; 5] = [
    ("pitch", "semitone", YIN),
    ("jitter", "-", PRAAT),
    ("jitter_ddp", "-", PRAAT),
    ("shimmer", "-", PRAAT),
    ("hnr", "dB", YIN),
];
/// Where the level, zero crossings and voicing stand among the tracks over all frames; the spectrum gives the rest.
const LEVEL_AT: usize = 2;

/// One descriptor over time.
pub struct Track {
    /// Unique, as it stands in columns.
    pub name: String,
    /// Unit of the values, or "-".
    pub unit: &'static str,
    /// Where its definition comes from.
    pub source: &'static str,
    /// One per frame, all finite.
    pub values: Vec<f32>,
}

/// Tracks of equal length.
pub struct Tracks {
    /// Over all frames.
    pub steady: Vec<Track>,
    /// Meaningful where voiced.
    pub voiced: Vec<Track>,
    /// 1 where voiced, 0 elsewhere.
    pub voicing: Track,
    /// The same as a choice of frames.
    pub is_voiced: Vec<bool>,
    /// Seconds from frame to frame.
    pub hop: f64,
}

impl Tracks {
    /// All tracks of one clip.
    ///
    /// # Errors
    /// [`FeatureError`] when the wave is empty, not finite, or of no usable rate.
    pub fn of(wave: &Wave) -> Result<Tracks, FeatureError> {
        let (samples, gain) = to_level(&checked(wave)?.samples, LEVEL);
        let framing = framing(wave.rate);
        let level = levels(&samples, framing, gain);
        let (pitch, candidates) = pitches(&samples, wave.rate, &level);
        let mut tracks = Tracks::empty();
        tracks.hop = framing.hop as f64 / f64::from(wave.rate);
        tracks.is_voiced = pitch.iter().map(Option::is_some).collect();
        tracks.voicing.values = pitch.iter().map(|pitch| f32::from(u8::from(pitch.is_some()))).collect();
        spectral(&samples, wave.rate, gain, &mut tracks.steady);
        let zcr = zero_crossing_rate(&samples, framing.window, framing.hop);
        let periodicity = candidates.iter().map(|candidate| 1.0 - candidate.aperiodicity).collect();
        fill(&mut tracks.steady[LEVEL_AT..], [level, zcr, periodicity]);
        let Voice { jitter, jitter_ddp, shimmer } = Voice::of(&samples, wave.rate, framing.hop, &pitch);
        let semitones = pitch.iter().map(|pitch| pitch.map_or(0.0, semitones)).collect();
        let hnr = candidates.iter().map(harmonicity).collect();
        fill(&mut tracks.voiced, [semitones, jitter, jitter_ddp, shimmer, hnr]);
        Ok(tracks)
    }

    /// All tracks of no frames: what tracks there are, without a clip.
    pub fn empty() -> Tracks {
        let bands = (0..BANDS).map(|band| track(&format!("band{band}"), "-", PLP));
        let mfcc = (1..=MFCC).map(|i| track(&format!("mfcc{i}"), "dB", "librosa.feature.mfcc, 26 bands"));
        let fixed = |(name, unit, source): Label| track(name, unit, source);
        Tracks {
            steady: FIRST.map(fixed).into_iter().chain(bands).chain(mfcc).chain(SHAPE.map(fixed)).collect(),
            voiced: VOICED.map(fixed).into(),
            voicing: track("voiced", "-", YIN),
            is_voiced: vec![],
            hop: 0.01,
        }
    }

    /// Number of frames.
    pub fn frames(&self) -> usize {
        self.is_voiced.len()
    }
}

fn track(name: &str, unit: &'static str, source: &'static str) -> Track {
    Track { name: name.to_owned(), unit, source, values: vec![] }
}

fn fill<const N: usize>(tracks: &mut [Track], values: [Vec<f32>; N]) {
    tracks.iter_mut().zip(values).for_each(|(track, values)| track.values = values);
}

/// Fills in the tracks that come from the spectrum.
fn spectral(samples: &[f32], rate: u32, gain: f64, tracks: &mut [Track]) {
    let framing = framing(rate);
    let frames = framing.frames(samples.len());
    let frequencies = framing.frequencies(rate);
    let (mut ear, mut shape) = (Ear::new(&frequencies, gain), Shape::new(&frequencies));
    let mut stft = Stft::new(framing);
    tracks.iter_mut().for_each(|track| track.values = vec![0.0; frames]);
    for t in 0..frames {
        let power = stft.power(samples, t);
        let Heard { loudness, loudness_rasta, sharpness, bands, mfcc } = ear.hear(power);
        (tracks[0].values[t], tracks[1].values[t]) = (loudness, loudness_rasta);
        let rest = bands.into_iter().chain(mfcc).chain(shape.of(power)).chain([sharpness]);
        tracks[FIRST.len()..].iter_mut().zip(rest).for_each(|(track, value)| track.values[t] = value);
    }
}
