//! The vector: statistics of low-level descriptors over a clip, one named column each.
//!
//! A statistic over frames that do not exist (the pitch of a whisper, the unvoiced stretches of a vowel) is 0.
//! Deliberately absent: normalisation over clips, and eGeMAPS' exact definitions.

use super::descriptors::{Descriptors, SHAPE};
use super::statistics::{CONTOUR, DISTRIBUTION, MOMENTS, Sample, Statistic, mean};
use super::{Column, FeatureError, FeatureSet, Features, Kind};
use crate::audio::Wave;

/// Means, spreads, percentiles and slopes of MFCC, pitch, level and spectral shape, and the rhythm of voicing.
pub static FUNCTIONALS: Functionals = Functionals;

/// The set `functionals`.
#[derive(Debug, Clone, Copy)]
pub struct Functionals;

impl FeatureSet for Functionals {
    fn name(&self) -> &str {
        "functionals"
    }

    fn about(&self) -> &str {
        "vector: statistics of MFCC, pitch, level, spectral shape and rhythm over the clip"
    }

    fn kind(&self) -> Kind {
        Kind::Row
    }

    /// 2: another order of sums in the transform and the logarithm.
    fn version(&self) -> u32 {
        2
    }

    fn columns(&self) -> Vec<Column> {
        let mut columns = Vec::new();
        for track in tracks(&Descriptors::empty()) {
            columns.extend(track.statistics.iter().map(|statistic| track.column(statistic)));
        }
        columns.extend(RHYTHM.map(|(name, unit)| Column { name: name.to_owned(), unit, source: SOURCE }));
        columns
    }

    fn extract(&self, wave: &Wave) -> Result<Features, FeatureError> {
        let descriptors = Descriptors::of(wave)?;
        let mut row = Vec::new();
        for track in tracks(&descriptors) {
            let sample = Sample::new(track.values.iter().copied(), descriptors.hop);
            row.extend(track.statistics.iter().map(|statistic| (statistic.of)(&sample) as f32));
        }
        row.extend(rhythm(&descriptors).map(|value| value as f32));
        Ok(Features::Row(row))
    }
}

const SOURCE: &str = "emolab: descriptors by librosa's definitions, statistics by numpy's";

/// A track and what is asked of it. Names and numbers both come from the same list, so they cannot disagree.
struct Track {
    name: String,
    /// Unit of the values, and of their change per second.
    units: [&'static str; 2],
    values: Vec<Option<f32>>,
    statistics: &'static [Statistic],
}

impl Track {
    fn column(&self, statistic: &Statistic) -> Column {
        let unit = self.units[usize::from(statistic.per_second)];
        Column { name: format!("{}_{}", self.name, statistic.name), unit, source: SOURCE }
    }
}

fn tracks(from: &Descriptors) -> Vec<Track> {
    let all = |_: usize| true;
    let voiced = |t: usize| from.pitch[t].is_some();
    let unvoiced = |t: usize| from.pitch[t].is_none();
    let mut tracks = Vec::new();
    let mut add = |name: String, unit, values, statistics| {
        tracks.push(Track { name, units: [unit, "-"], values, statistics });
    };
    for (i, (mfcc, delta)) in from.mfcc.iter().zip(&from.delta).enumerate() {
        add(format!("mfcc{i}"), "dB", masked(mfcc, all), DISTRIBUTION);
        add(format!("delta_mfcc{i}"), "dB/frame", masked(delta, all), DISTRIBUTION);
    }
    for ((name, unit), values) in SHAPE.into_iter().zip(&from.shape) {
        add(name.to_owned(), unit, masked(values, all), DISTRIBUTION);
        add(format!("{name}_voiced"), unit, masked(values, voiced), MOMENTS);
        add(format!("{name}_unvoiced"), unit, masked(values, unvoiced), MOMENTS);
    }
    let contour = |name: &str, units, values| Track { name: name.to_owned(), units, values, statistics: CONTOUR };
    tracks.push(contour("level", ["dB", "dB/s"], masked(&from.level, all)));
    tracks.push(contour("pitch", ["semitone", "semitone/s"], from.semitones()));
    tracks
}

fn masked(values: &[f32], keep: impl Fn(usize) -> bool) -> Vec<Option<f32>> {
    values.iter().enumerate().map(|(t, &value)| keep(t).then_some(value)).collect()
}

/// Columns of [`rhythm`].
const RHYTHM: [(&str, &str); 7] = [
    ("voiced_fraction", "-"),
    ("voiced_segments", "1/s"),
    ("voiced_length_mean", "s"),
    ("voiced_length_sd", "s"),
    ("unvoiced_length_mean", "s"),
    ("unvoiced_length_sd", "s"),
    ("level_peaks", "1/s"),
];

/// How voiced stretches and syllables follow each other; what a clip lacks is 0.
fn rhythm(from: &Descriptors) -> [f64; RHYTHM.len()] {
    let lengths = |voiced: bool| -> Vec<f64> {
        let runs = from.pitch.chunk_by(|a, b| a.is_some() == b.is_some());
        runs.filter(|run| run[0].is_some() == voiced).map(|run| run.len() as f64 * from.hop).collect()
    };
    let spread = |lengths: &[f64]| {
        let centre = mean(lengths.iter().copied());
        mean(lengths.iter().map(|length| (length - centre) * (length - centre))).sqrt()
    };
    let (voiced, unvoiced) = (lengths(true), lengths(false));
    let seconds = from.level.len().max(1) as f64 * from.hop;
    [
        voiced.iter().sum::<f64>() / seconds,
        voiced.len() as f64 / seconds,
        mean(voiced.iter().copied()),
        spread(&voiced),
        mean(unvoiced.iter().copied()),
        spread(&unvoiced),
        peaks(&from.level) as f64 / seconds,
    ]
}

/// Syllable-like peaks of the level: the smoothed level is the largest within 50 ms on both sides and above its mean.
fn peaks(level: &[f32]) -> usize {
    const REACH: usize = 5;
    let near = |t: usize, reach: usize| t.saturating_sub(reach)..(t + reach + 1).min(level.len());
    let smooth: Vec<f32> =
        (0..level.len()).map(|t| level[near(t, 2)].iter().sum::<f32>() / near(t, 2).len() as f32).collect();
    let centre = mean(smooth.iter().map(|&value| f64::from(value))) as f32;
    let is_peak = |&t: &usize| {
        let (before, after) = (&smooth[near(t, REACH).start..t], &smooth[t..near(t, REACH).end]);
        let top = smooth[t];
        top > centre && before.iter().all(|&value| value < top) && after.iter().all(|&value| value <= top)
    };
    (0..smooth.len()).filter(is_peak).count()
}

#[cfg(test)]
#[allow(clippy::unwrap_used, clippy::panic)]
mod tests {
    use super::*;

    fn value(samples: Vec<f32>, column: &str) -> f32 {
        let at = FUNCTIONALS.columns().iter().position(|c| c.name == column).unwrap();
        match FUNCTIONALS.extract(&Wave { samples, rate: 16_000 }).unwrap() {
            Features::Row(row) => row[at],
            Features::Image(_) => panic!("functionals make rows"),
        }
    }

    /// A sawtooth at 110 Hz (A2, 24 semitones above A0) for `on` of every second.
    fn saw(seconds: usize, on: f32) -> Vec<f32> {
        let sample = |i: usize| {
            let heard = (i % 16_000) as f32 / 16_000.0 < on;
            if heard { (i as f32 * 110.0 / 16_000.0).fract() - 0.5 } else { 0.0 }
        };
        (0..seconds * 16_000).map(sample).collect()
    }

    #[test]
    fn pitch_is_in_semitones() {
        assert!((value(saw(2, 1.0), "pitch_mean") - 24.0).abs() < 0.1);
    }

    #[test]
    fn rhythm_counts_voiced_stretches() {
        let wave = saw(4, 0.5);
        assert!((value(wave.clone(), "voiced_segments") - 1.0).abs() < 0.05);
        assert!((value(wave.clone(), "voiced_length_mean") - 0.5).abs() < 0.06);
        assert!((value(wave, "voiced_fraction") - 0.5).abs() < 0.06);
    }

    #[test]
    fn a_silent_clip_has_no_pitch_and_no_voice() {
        for column in ["pitch_mean", "voiced_fraction", "voiced_length_sd", "level_peaks", "centroid_mean"] {
            assert_eq!(value(vec![0.0; 8000], column), 0.0, "{column}");
        }
        assert_eq!(value(vec![0.0; 8000], "level_mean"), -100.0);
    }

    #[test]
    fn level_keeps_what_the_spectra_leave_out() {
        let quiet: Vec<f32> = saw(1, 1.0).iter().map(|x| x * 0.1).collect();
        assert!((value(saw(1, 1.0), "level_p50") - value(quiet.clone(), "level_p50") - 20.0).abs() < 0.01);
        assert!((value(saw(1, 1.0), "mfcc0_p50") - value(quiet, "mfcc0_p50")).abs() < 0.01);
    }
}
