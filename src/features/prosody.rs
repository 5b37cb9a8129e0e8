//! How it is said: melody, loudness, tempo, pauses and rhythm, as a short vector that a phonetician can read.
//!
//! Syllables are counted as nuclei: peaks of intensity with dips before and after them, in voiced frames (de Jong &
//! Wempe, Behavior Research Methods 41:385, 2009, here without Praat). Leading and trailing silence is neither pause
//! nor speaking time. What a clip lacks (a pause, a second syllable, a voice) is 0. Deliberately absent: timbre.

use super::descriptors::{LEVEL, framing, levels, pitches, semitones};
use super::dsp::shape::to_level;
use super::statistics::{CONTOUR, Sample, Spread, turns};
use super::{Column, FeatureError, FeatureSet, Features, Kind, checked};
use crate::audio::Wave;

/// Pitch, level, speech rate, pauses, voicing and rhythm.
pub static PROSODY: Prosody = Prosody;

/// The set `prosody`.
#[derive(Debug, Clone, Copy)]
pub struct Prosody;

/// Frames this far below the loudest (its 99th percentile) are silent, in dB.
const SILENCE_DB: f32 = 25.0;
/// Silence shorter than this is no pause, in seconds.
const SHORTEST_PAUSE: f64 = 0.3;
/// Sound shorter than this, between silences, is noise, in seconds.
const SHORTEST_SOUND: f64 = 0.1;
/// Dip in dB between two nuclei.
const DIP_DB: f64 = 2.0;
/// Frames on each side that the intensity is averaged over before nuclei are sought: about 50 ms together.
const SMOOTH: usize = 2;

const NUCLEI: &str = "de Jong & Wempe 2009 (Behav. Res. Methods 41:385)";
const PVI: &str = "Grabe & Low 2002 (Laboratory Phonology 7)";
const VARCO: &str = "Dellwo 2006 (Varco)";
const VOICING: &str = "Eyben et al. 2016 (GeMAPS), pitch by YIN";
const PITCH: &str = "pitch by YIN, statistics by numpy";
const RMS: &str = "librosa.feature.rms, statistics by numpy";

/// Columns after the two contours, in the order of [`Timing::numbers`].
const TIMING: [(&str, &str, &str); 28] = [
    ("speech_rate", "1/s", NUCLEI),
    ("articulation_rate", "1/s", NUCLEI),
    ("syllable_duration", "s", NUCLEI),
    ("phonation_share", "-", NUCLEI),
    ("pauses", "1/s", NUCLEI),
    ("pause_mean", "s", NUCLEI),
    ("pause_sd", "s", NUCLEI),
    ("pause_share", "-", NUCLEI),
    ("phrase_mean", "s", NUCLEI),
    ("phrase_sd", "s", NUCLEI),
    ("voiced_share", "-", VOICING),
    ("voiced_segments", "1/s", VOICING),
    ("voiced_length_mean", "s", VOICING),
    ("voiced_length_sd", "s", VOICING),
    ("voiced_length_max", "s", VOICING),
    ("voiced_length_pvi", "%", PVI),
    ("voiced_length_varco", "%", VARCO),
    ("unvoiced_length_mean", "s", VOICING),
    ("unvoiced_length_sd", "s", VOICING),
    ("beat_mean", "s", NUCLEI),
    ("beat_sd", "s", NUCLEI),
    ("beat_pvi", "%", PVI),
    ("beat_varco", "%", VARCO),
    ("nucleus_level_mean", "dB", NUCLEI),
    ("nucleus_level_sd", "dB", NUCLEI),
    ("nucleus_pitch_mean", "semitone", NUCLEI),
    ("nucleus_pitch_sd", "semitone", NUCLEI),
    ("nucleus_pitch_step", "semitone", NUCLEI),
];

impl FeatureSet for Prosody {
    fn name(&self) -> &str {
        "prosody"
    }

    fn about(&self) -> &str {
        "vector: pitch in semitones, level, speech rate by syllable nuclei, pauses, voicing and rhythm"
    }

    fn kind(&self) -> Kind {
        Kind::Row
    }

    fn version(&self) -> u32 {
        1
    }

    fn columns(&self) -> Vec<Column> {
        let contour = |track: &'static str, units: [&'static str; 2], source| {
            CONTOUR.iter().map(move |statistic| Column {
                name: format!("{track}_{}", statistic.name),
                unit: units[usize::from(statistic.per_second)],
                source,
            })
        };
        let timing = TIMING.map(|(name, unit, source)| Column { name: name.to_owned(), unit, source });
        let pitch = contour("pitch", ["semitone", "semitone/s"], PITCH);
        pitch.chain(contour("level", ["dB", "dB/s"], RMS)).chain(timing).collect()
    }

    /// Pitch over voiced frames, level over sounding ones; see the file's head for what silence counts as.
    fn extract(&self, wave: &Wave) -> Result<Features, FeatureError> {
        let heard = Heard::of(wave)?;
        let pitch = heard.pitch.iter().map(|pitch| pitch.map(semitones));
        let level = heard.level.iter().zip(&heard.sounding).map(|(&level, &sounds)| sounds.then_some(level));
        let mut row = Vec::new();
        for sample in [Sample::new(pitch, heard.hop), Sample::new(level, heard.hop)] {
            row.extend(CONTOUR.iter().map(|statistic| (statistic.of)(&sample) as f32));
        }
        row.extend(Timing::of(&heard).numbers().map(|number| number as f32));
        Ok(Features::Row(row))
    }
}

/// What is heard in each frame.
struct Heard {
    /// Pitch in Hz.
    pitch: Vec<Option<f32>>,
    /// dB re full scale.
    level: Vec<f32>,
    /// Not silent.
    sounding: Vec<bool>,
    /// Seconds between frames.
    hop: f64,
}

impl Heard {
    fn of(wave: &Wave) -> Result<Heard, FeatureError> {
        let (samples, gain) = to_level(&checked(wave)?.samples, LEVEL);
        let framing = framing(wave.rate);
        let level = levels(&samples, framing, gain);
        let (pitch, _) = pitches(&samples, wave.rate, &level);
        let hop = framing.hop as f64 / f64::from(wave.rate);
        Ok(Heard { sounding: sounding(&level, hop), pitch, level, hop })
    }

    /// Frames of the syllable nuclei.
    fn nuclei(&self) -> Vec<usize> {
        let frames = self.level.len();
        let near = |t: usize| &self.level[t.saturating_sub(SMOOTH)..(t + SMOOTH + 1).min(frames)];
        let smooth: Vec<f64> = (0..frames)
            .map(|t| near(t).iter().map(|&level| f64::from(level)).sum::<f64>() / near(t).len() as f64)
            .collect();
        let peaks = turns(&smooth, DIP_DB).into_iter().filter(|turn| turn.is_peak).map(|turn| turn.at);
        peaks.filter(|&t| self.sounding[t] && self.pitch[t].is_some()).collect()
    }

    /// Lengths in seconds of the stretches in which `value` stays the same and is `wanted`.
    fn lengths(&self, values: &[bool], wanted: bool) -> Vec<f64> {
        let runs = values.chunk_by(|a, b| a == b);
        runs.filter(|run| run[0] == wanted).map(|run| run.len() as f64 * self.hop).collect()
    }
}

/// Which frames are sound, after short silences were taken as sound and then short sounds as silence.
fn sounding(level: &[f32], hop: f64) -> Vec<bool> {
    let mut sorted = level.to_vec();
    sorted.sort_unstable_by(f32::total_cmp);
    let top = sorted.get((sorted.len() as f64 * 0.99) as usize).or(sorted.last()).copied().unwrap_or(0.0);
    // A clip of one level is all sound, unless that level is the floor.
    let mut sounds: Vec<bool> = level.iter().map(|&level| level > top - SILENCE_DB && level > -99.0).collect();
    for (kind, shortest) in [(false, SHORTEST_PAUSE), (true, SHORTEST_SOUND)] {
        let frames = sounds.len();
        let mut start = 0;
        for run in sounds.chunk_by_mut(|a, b| a == b) {
            let (from, end) = (start, start + run.len());
            start = end;
            let inner = from > 0 && end < frames;
            if run[0] == kind && inner && (run.len() as f64) * hop < shortest {
                run.fill(!kind);
            }
        }
    }
    sounds
}

/// What the timing columns are computed from.
struct Timing {
    /// Seconds from the first sound to the last.
    span: f64,
    pauses: Vec<f64>,
    phrases: Vec<f64>,
    voiced: Vec<f64>,
    unvoiced: Vec<f64>,
    /// Seconds from nucleus to nucleus.
    beats: Vec<f64>,
    /// Level in dB and pitch in semitones at each nucleus.
    nuclei: Vec<(f64, f64)>,
}

impl Timing {
    fn of(heard: &Heard) -> Timing {
        let first = heard.sounding.iter().position(|&sounds| sounds).unwrap_or(0);
        let end = heard.sounding.iter().rposition(|&sounds| sounds).map_or(first, |last| last + 1);
        let voicing: Vec<bool> = heard.pitch[first..end].iter().map(Option::is_some).collect();
        let nuclei = heard.nuclei();
        let at = |t: usize| (f64::from(heard.level[t]), f64::from(heard.pitch[t].map_or(0.0, semitones)));
        Timing {
            span: (end - first) as f64 * heard.hop,
            pauses: heard.lengths(&heard.sounding[first..end], false),
            phrases: heard.lengths(&heard.sounding[first..end], true),
            voiced: heard.lengths(&voicing, true),
            unvoiced: heard.lengths(&voicing, false),
            beats: nuclei.windows(2).map(|pair| (pair[1] - pair[0]) as f64 * heard.hop).collect(),
            nuclei: nuclei.into_iter().map(at).collect(),
        }
    }

    /// In the order of [`TIMING`].
    fn numbers(&self) -> [f64; TIMING.len()] {
        let spread = |values: &[f64]| Spread::of(values.iter().copied());
        let (pauses, phrases) = (spread(&self.pauses), spread(&self.phrases));
        let (voiced, unvoiced) = (spread(&self.voiced), spread(&self.unvoiced));
        let beats = spread(&self.beats);
        let level = Spread::of(self.nuclei.iter().map(|nucleus| nucleus.0));
        let pitch = Spread::of(self.nuclei.iter().map(|nucleus| nucleus.1));
        let steps = Spread::of(self.nuclei.windows(2).map(|pair| (pair[1].1 - pair[0].1).abs()));
        let syllables = self.nuclei.len() as f64;
        let speaking: f64 = self.phrases.iter().sum();
        [
            share(syllables, self.span),
            share(syllables, speaking),
            share(speaking, syllables),
            share(speaking, self.span),
            share(pauses.count, self.span),
            pauses.mean,
            pauses.sd,
            share(self.pauses.iter().sum(), self.span),
            phrases.mean,
            phrases.sd,
            share(self.voiced.iter().sum(), self.span),
            share(voiced.count, self.span),
            voiced.mean,
            voiced.sd,
            voiced.high,
            variability(&self.voiced),
            100.0 * share(voiced.sd, voiced.mean),
            unvoiced.mean,
            unvoiced.sd,
            beats.mean,
            beats.sd,
            variability(&self.beats),
            100.0 * share(beats.sd, beats.mean),
            level.mean,
            level.sd,
            pitch.mean,
            pitch.sd,
            steps.mean,
        ]
    }
}

/// One over the other; 0 over nothing.
fn share(part: f64, whole: f64) -> f64 {
    if whole > 0.0 { part / whole } else { 0.0 }
}

/// Normalised pairwise variability of lengths: mean difference of neighbours over their mean, in percent.
fn variability(lengths: &[f64]) -> f64 {
    let pair = |pair: &[f64]| share((pair[1] - pair[0]).abs(), (pair[0] + pair[1]) / 2.0);
    100.0 * Spread::of(lengths.windows(2).map(pair)).mean
}

#[cfg(test)]
#[allow(clippy::unwrap_used, clippy::panic)]
mod tests {
    use super::*;

    const RATE: u32 = 16_000;

    fn value(samples: &[f32], column: &str) -> f32 {
        let at = PROSODY.columns().iter().position(|c| c.name == column).unwrap();
        match PROSODY.extract(&Wave { samples: samples.to_vec(), rate: RATE }).unwrap() {
            Features::Row(row) => row[at],
            Features::Image(_) => panic!("prosody makes rows"),
        }
    }

    /// A sawtooth at 110 Hz whose level swings by 12 dB four times a second.
    fn babble(seconds: f32) -> Vec<f32> {
        let sample = |i: usize| {
            let time = i as f32 / RATE as f32;
            let level = 0.4 - 0.3 * (std::f32::consts::TAU * 4.0 * time).cos();
            level * ((time * 110.0).fract() - 0.5)
        };
        (0..(seconds * RATE as f32) as usize).map(sample).collect()
    }

    fn silence(seconds: f32) -> Vec<f32> {
        vec![0.0; (seconds * RATE as f32) as usize]
    }

    #[test]
    fn swells_are_syllables() {
        let wave = babble(3.0);
        assert!((value(&wave, "speech_rate") - 4.0).abs() < 0.4, "{}", value(&wave, "speech_rate"));
        assert!((value(&wave, "beat_mean") - 0.25).abs() < 0.02);
        assert!(value(&wave, "beat_pvi") < 10.0);
        assert!((value(&wave, "pitch_mean") - 24.0).abs() < 0.1);
        assert_eq!(value(&wave, "pauses"), 0.0);
    }

    #[test]
    fn a_pause_is_inside_and_long_enough() {
        let wave = [silence(0.8), babble(1.0), silence(0.5), babble(1.0), silence(0.8)].concat();
        assert!((value(&wave, "pause_mean") - 0.5).abs() < 0.06, "{}", value(&wave, "pause_mean"));
        assert!((value(&wave, "pauses") - 0.4).abs() < 0.04);
        assert!((value(&wave, "phonation_share") - 0.8).abs() < 0.05);
        assert!((value(&wave, "articulation_rate") - 4.0).abs() < 0.5);
        let short = [babble(1.0), silence(0.15), babble(1.0)].concat();
        assert_eq!((value(&short, "pauses"), value(&short, "pause_share")), (0.0, 0.0));
    }

    #[test]
    fn silence_has_no_prosody() {
        for column in TIMING.map(|(name, ..)| name).into_iter().chain(["pitch_mean", "level_mean"]) {
            assert_eq!(value(&silence(0.5), column), 0.0, "{column}");
        }
    }

    #[test]
    fn equal_lengths_do_not_vary() {
        assert_eq!(variability(&[0.2, 0.2, 0.2]), 0.0);
        assert!((variability(&[0.1, 0.3]) - 100.0).abs() < 1e-9);
        assert_eq!(variability(&[0.3]), 0.0);
    }
}
