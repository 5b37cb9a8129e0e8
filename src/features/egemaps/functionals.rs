//! From tracks to the 88 numbers: means, spreads, percentiles, slopes and rhythm.
//!
//! How far each track goes into the clip's end was read off openSMILE's answers: it computes functionals before its
//! last two frames of pitch arrive. Deliberately absent: names and units (`columns`).

use super::contour::Contour;
use super::smoothing::{smooth, smooth_defined};
use super::tracks::Tracks;
use crate::features::statistics::quantile;

/// Runs of voice or of none shorter than this many frames do not count.
const SHORTEST_RUN: usize = 3;
/// Places of tracks in [`Tracks::plain`].
const LOUDNESS: usize = 0;
const FLUX: usize = 5;

/// The 88 functionals in openSMILE's order. What a clip lacks (the pitch of a whisper) is 0.
pub fn functionals(tracks: &Tracks) -> Vec<f32> {
    let mut row: Vec<f64> = Vec::with_capacity(88);
    let voiced = |track: &Vec<f32>| defined(&whole(smooth_defined(track), 2));
    row.extend(contour(&voiced(&tracks.voiced[0]), tracks.hop));
    let loudness = smooth(&tracks.plain[LOUDNESS]);
    row.extend(contour(&loudness, tracks.hop));
    for track in &tracks.plain[FLUX..] {
        row.extend(moments(&smooth(track)));
    }
    for track in &tracks.voiced[1..] {
        row.extend(moments(&voiced(track)));
    }
    for [hz, bandwidth, level] in &tracks.formants {
        row.extend(moments(&while_voiced(tracks, hz)));
        row.extend(moments(&while_voiced(tracks, bandwidth)));
        row.extend(moments(&defined(&whole(smooth_defined(level), 1))));
    }
    for track in &tracks.plain[1..] {
        row.extend(moments(&while_voiced(tracks, track)));
    }
    for track in &tracks.plain[1..=FLUX] {
        row.push(moments(&while_unvoiced(tracks, track))[0]);
    }
    row.extend(rhythm(tracks, &loudness));
    row.push(tracks.level);
    row.into_iter().map(|value| value as f32).collect()
}

/// All but the last `without` values, but at least one.
fn whole(mut track: Vec<f32>, without: usize) -> Vec<f32> {
    track.truncate(track.len().saturating_sub(without).max(1));
    track
}

fn defined(track: &[f32]) -> Vec<f32> {
    track.iter().copied().filter(|&value| value != 0.0).collect()
}

/// Smoothed over voiced neighbours, voiced frames only.
fn while_voiced(tracks: &Tracks, track: &[f32]) -> Vec<f32> {
    let known = whole(tracks.voiced[0].clone(), 1);
    let masked: Vec<f32> = known.iter().zip(track).map(|(&f0, &value)| if f0 > 0.0 { value } else { 0.0 }).collect();
    defined(&whole(smooth_defined(&masked), 1))
}

/// Smoothed over unvoiced neighbours, unvoiced frames only.
fn while_unvoiced(tracks: &Tracks, track: &[f32]) -> Vec<f32> {
    let pitch = &tracks.voiced[0];
    let masked: Vec<f32> = pitch.iter().zip(track).map(|(&f0, &value)| if f0 > 0.0 { 0.0 } else { value }).collect();
    defined(&whole(smooth_defined(&masked), 1))
}

/// Mean, and standard deviation over the mean; 0 of nothing.
fn moments(values: &[f32]) -> [f64; 2] {
    if values.is_empty() {
        return [0.0; 2];
    }
    let count = values.len() as f64;
    let mean = values.iter().map(|&value| f64::from(value)).sum::<f64>() / count;
    let variance = values.iter().map(|&value| (f64::from(value) - mean).powi(2)).sum::<f64>() / count;
    [mean, if mean == 0.0 { 0.0 } else { variance.sqrt() / mean }]
}

/// Mean, variation, percentiles 20, 50, 80, their range, mean and deviation of rising and of falling slopes.
fn contour(values: &[f32], hop: f64) -> [f64; 10] {
    let [mean, variation] = moments(values);
    let mut sorted: Vec<f64> = values.iter().copied().map(f64::from).collect();
    sorted.sort_by(f64::total_cmp);
    let [low, middle, high] = [0.2, 0.5, 0.8].map(|share| quantile(&sorted, share));
    let Contour { rising, falling, .. } = Contour::of(values, hop);
    [mean, variation, low, middle, high, high - low, rising[0], rising[1], falling[0], falling[1]]
}

/// Loudness peaks per second, voiced segments per second, mean and deviation of the length in seconds of voiced and of
/// unvoiced segments.
fn rhythm(tracks: &Tracks, loudness: &[f32]) -> [f64; 6] {
    let peaks = Contour::of(loudness, tracks.hop).peaks as f64;
    let mut voice: Vec<bool> = whole(tracks.voiced[0].clone(), 1).iter().map(|&f0| f0 > 0.0).collect();
    if voice.len() > 1 && voice.last() == Some(&true) {
        voice.pop();
    }
    // One frame without voice does not end a segment.
    for t in 1..voice.len().saturating_sub(1) {
        voice[t] |= voice[t - 1] && voice[t + 1];
    }
    let lengths = |wanted: bool| -> Vec<f32> {
        let runs = voice.chunk_by(|a, b| a == b).filter(|run| run[0] == wanted && run.len() >= SHORTEST_RUN);
        // From the first frame's start to the last frame's start.
        runs.map(|run| ((run.len() - 1) as f64 * tracks.hop) as f32).collect()
    };
    let (voiced, unvoiced) = (lengths(true), lengths(false));
    let spread = |lengths: &[f32]| {
        let [mean, variation] = moments(lengths);
        [mean, mean * variation]
    };
    let ([voiced_mean, voiced_sd], [unvoiced_mean, unvoiced_sd]) = (spread(&voiced), spread(&unvoiced));
    let per_second = voiced.len() as f64 / (voice.len() as f64 * tracks.hop);
    let seconds = loudness.len() as f64 * tracks.hop;
    [peaks / seconds, per_second, voiced_mean, voiced_sd, unvoiced_mean, unvoiced_sd]
}
