//! The large vector: thousands of functionals of 65 low-level descriptors and their derivatives, as in the ComParE
//! challenges, for linear classifiers.
//!
//! Written from the challenges' papers (Schuller et al., Interspeech 2013; Weninger et al., Frontiers in Psychology
//! 4:292, 2013) and not from openSMILE: the aim is level with it in use, the numbers differ. Where it departs from them
//! (bands without RASTA filter, no smoothing, fewer functionals of derivatives), it was better so on five speakers of
//! EmoDB. Deliberately absent: normalisation over clips.

mod auditory;
mod series;
mod spectrum;
mod tracks;
mod units;
mod voice;

use super::{Column, FeatureError, FeatureSet, Features, Kind};
use crate::audio::Wave;
use series::{EXTREMES, Group, MEAN, PEAKS, PERCENTILES, PREDICTION, REGRESSION, SEGMENTS, SPREAD, Series, TIMES};
use tracks::{Track, Tracks};
use units::unit;

/// Functionals of 65 descriptors and their derivatives.
pub static RICH: Rich = Rich;

/// The set `rich`.
#[derive(Debug, Clone, Copy)]
pub struct Rich;

/// Of tracks over all frames.
const STEADY: &[Group] = &[PERCENTILES, MEAN, SPREAD, EXTREMES, REGRESSION, TIMES, SEGMENTS, PEAKS, PREDICTION];
/// Of their derivatives, whose mean and trend only tell how the clip begins and ends.
const STEADY_DELTA: &[Group] = &[PERCENTILES, SPREAD, PEAKS];
/// Of tracks over voiced frames, which stand one after the other without the gaps.
const VOICED: &[Group] = &[PERCENTILES, MEAN, SPREAD, EXTREMES, REGRESSION, TIMES, PREDICTION];
/// Of their derivatives, taken within each voiced stretch.
const VOICED_DELTA: &[Group] = &[PERCENTILES, SPREAD];
/// Of voicing itself, 1 where voiced and 0 elsewhere.
const VOICING: &[Group] = &[MEAN, SEGMENTS];

impl FeatureSet for Rich {
    fn name(&self) -> &str {
        "rich"
    }

    fn about(&self) -> &str {
        "vector: thousands of functionals of 65 descriptors and their derivatives, as in ComParE; for linear-svm"
    }

    fn kind(&self) -> Kind {
        Kind::Row
    }

    fn version(&self) -> u32 {
        1
    }

    fn columns(&self) -> Vec<Column> {
        let tracks = Tracks::empty();
        let mut columns = Vec::new();
        for track in &tracks.steady {
            name(&mut columns, track, 0, STEADY);
            name(&mut columns, track, 1, STEADY_DELTA);
        }
        for track in &tracks.voiced {
            name(&mut columns, track, 0, VOICED);
            name(&mut columns, track, 1, VOICED_DELTA);
        }
        name(&mut columns, &tracks.voicing, 0, VOICING);
        columns
    }

    /// What a silent, unvoiced or very short clip lacks is 0; see `series`.
    fn extract(&self, wave: &Wave) -> Result<Features, FeatureError> {
        let tracks = Tracks::of(wave)?;
        let (mut series, mut row) = (Series::new(tracks.hop), Vec::new());
        let mut add = |values: &[f32], groups: &[Group]| {
            series.load(values);
            groups.iter().for_each(|group| series.append(group, &mut row));
        };
        let whole: &[bool] = &vec![true; tracks.frames()];
        let (mut values, mut slopes) = (Vec::new(), Vec::new());
        for (all, keep, plain, derived) in [
            (&tracks.steady, whole, STEADY, STEADY_DELTA),
            (&tracks.voiced, tracks.is_voiced.as_slice(), VOICED, VOICED_DELTA),
        ] {
            for track in all {
                stretches(&track.values, keep, tracks.hop, (&mut values, &mut slopes));
                add(&values, plain);
                add(&slopes, derived);
            }
        }
        add(&tracks.voicing.values, VOICING);
        Ok(Features::Row(row))
    }
}

fn name(columns: &mut Vec<Column>, track: &Track, order: usize, groups: &[Group]) {
    let prefix = if order == 0 { "" } else { "delta_" };
    columns.extend(groups.iter().flat_map(|group| group.names).map(|&(functional, per)| Column {
        name: format!("{prefix}{}_{functional}", track.name),
        unit: unit(track.unit, order, per),
        source: track.source,
    }));
}

/// The values of the stretches that are kept, end to end, and their change per second.
///
/// The change is half the difference of a frame's two neighbours; at an end of a stretch the end value counts as its
/// own neighbour. Longer slopes were worse on the five speakers.
fn stretches(track: &[f32], keep: &[bool], hop: f64, (values, slopes): (&mut Vec<f32>, &mut Vec<f32>)) {
    values.clear();
    slopes.clear();
    let per_second = (0.5 / hop) as f32;
    let mut start = 0;
    for run in keep.chunk_by(|a, b| a == b) {
        let part = &track[start..start + run.len()];
        start += run.len();
        if run[0] {
            let last = part.len() - 1;
            values.extend_from_slice(part);
            slopes.extend((0..=last).map(|t| (part[(t + 1).min(last)] - part[t.saturating_sub(1)]) * per_second));
        }
    }
}

#[cfg(test)]
#[allow(clippy::unwrap_used, clippy::panic)]
mod tests {
    use super::*;

    /// A sawtooth at 110 Hz for `on` of every half second.
    fn saw(rate: u32, seconds: f32, on: f32) -> Wave {
        let sample = |i: usize| {
            let time = i as f32 / rate as f32;
            if (time * 2.0).fract() < on { (time * 110.0).fract() - 0.5 } else { 0.0 }
        };
        Wave { samples: (0..(seconds * rate as f32) as usize).map(sample).collect(), rate }
    }

    fn row(wave: &Wave) -> Vec<f32> {
        match RICH.extract(wave).unwrap() {
            Features::Row(row) => row,
            Features::Image(_) => panic!("rich makes rows"),
        }
    }

    fn value(wave: &Wave, column: &str) -> f32 {
        let at = RICH.columns().iter().position(|c| c.name == column);
        row(wave)[at.unwrap_or_else(|| panic!("no column {column}"))]
    }

    #[test]
    fn columns_say_what_a_known_wave_is() {
        let wave = saw(16_000, 1.5, 0.5);
        for (column, wanted, within) in [
            ("pitch_median", 24.0, 0.1),
            ("pitch_mean", 24.0, 0.2),
            ("voiced_segments", 2.0, 0.1),
            ("voiced_mean", 0.5, 0.06),
            ("voiced_segment_mean", 0.25, 0.04),
            ("level_p99", -10.8, 0.5),
            ("jitter_median", 0.0, 0.01),
            ("shimmer_median", 0.0, 0.02),
        ] {
            let found = value(&wave, column);
            assert!((found - wanted).abs() <= within, "{column}: {found}, not {wanted}");
        }
    }

    #[test]
    fn the_rate_hardly_matters() {
        let (low, high) = (saw(16_000, 1.0, 0.7), saw(48_000, 1.0, 0.7));
        for (column, within) in
            [("pitch_mean", 0.1), ("level_mean", 0.5), ("centroid_mean", 0.1), ("rolloff75_mean", 0.1)]
        {
            let (a, b) = (value(&low, column), value(&high, column));
            assert!((a - b).abs() <= within, "{column}: {a} at 16 kHz, {b} at 48 kHz");
        }
    }

    #[test]
    fn stretches_do_not_reach_over_gaps() {
        let (mut values, mut slopes) = (vec![], vec![]);
        let keep = [true, true, true, false, true, true];
        stretches(&[1.0, 2.0, 4.0, 9.0, 7.0, 7.0], &keep, 0.5, (&mut values, &mut slopes));
        assert_eq!(values, [1.0, 2.0, 4.0, 7.0, 7.0]);
        assert_eq!(slopes, [1.0, 3.0, 2.0, 0.0, 0.0]);
    }

    #[test]
    fn silence_has_the_floor_and_otherwise_nothing() {
        let silent = Wave { samples: vec![0.0; 4000], rate: 16_000 };
        assert_eq!(value(&silent, "level_mean"), -100.0);
        for column in ["level_sd", "voiced_mean", "pitch_mean", "delta_level_peaks", "centroid_mean", "mfcc1_lp_gain"] {
            assert_eq!(value(&silent, column), 0.0, "{column}");
        }
    }
}
