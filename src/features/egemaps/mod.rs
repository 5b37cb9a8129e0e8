//! eGeMAPSv02 (Eyben et al., "The Geneva Minimalistic Acoustic Parameter Set for Voice Research and Affective Computing",
//! 2016): 25 descriptors per 10 ms and 88 functionals of a clip, as openSMILE 2.6 computes them.
//!
//! Written from the paper and from openSMILE's answers to recordings, tones and pulses; `docs/egemaps.md` says how far it
//! agrees. Deliberately absent: openSMILE's other sets, and librosa's framing (frames here start at their left edge).

mod bands;
mod columns;
mod contour;
mod formants;
mod frames;
mod functionals;
mod harmonics;
mod long;
mod lpc;
mod path;
mod periods;
pub mod pitch;
mod reported;
mod smoothing;
mod spectral;
mod tracks;

use ndarray::{Array3, Axis};

pub use formants::{Formants, formants};
use smoothing::{smooth, smooth_defined};
use tracks::Tracks;

use super::{Column, FeatureError, FeatureSet, Features, Kind, checked};
use crate::audio::Wave;

/// The 88 functionals.
pub static EGEMAPS: Egemaps = Egemaps;
/// The 25 descriptors over time.
pub static DESCRIPTORS: Descriptors = Descriptors;

const VERSION: u32 = 1;

/// The set `egemaps`.
#[derive(Debug, Clone, Copy)]
pub struct Egemaps;

/// The set `egemaps-lld`.
#[derive(Debug, Clone, Copy)]
pub struct Descriptors;

impl FeatureSet for Egemaps {
    fn name(&self) -> &str {
        "egemaps"
    }
    fn about(&self) -> &str {
        "vector: the 88 functionals of eGeMAPSv02, as openSMILE computes them"
    }
    fn kind(&self) -> Kind {
        Kind::Row
    }
    fn version(&self) -> u32 {
        VERSION
    }
    fn columns(&self) -> Vec<Column> {
        columns::functionals()
    }
    fn extract(&self, wave: &Wave) -> Result<Features, FeatureError> {
        let Wave { samples, rate } = checked(wave)?;
        Ok(Features::Row(functionals::functionals(&Tracks::of(samples, *rate))))
    }
}

impl FeatureSet for Descriptors {
    fn name(&self) -> &str {
        "egemaps-lld"
    }
    fn about(&self) -> &str {
        "image: the 25 descriptors of eGeMAPSv02 over time, as openSMILE computes them"
    }
    fn kind(&self) -> Kind {
        Kind::Image
    }
    fn version(&self) -> u32 {
        VERSION
    }
    fn columns(&self) -> Vec<Column> {
        columns::descriptors()
    }
    /// `[1, 25, frames]`; a descriptor is 0 where it is undefined, but the level of a formant without voice is -201, as
    /// in openSMILE.
    fn extract(&self, wave: &Wave) -> Result<Features, FeatureError> {
        let Wave { samples, rate } = checked(wave)?;
        let tracks = Tracks::of(samples, *rate);
        // One more than there are frames of pitch, as in openSMILE: the last repeats the end.
        let frames = tracks.frames() + 1;
        let plain = tracks.plain.iter().map(|track| smooth(&lengthened(track, frames)));
        let sparse = tracks.voiced.iter().chain(tracks.formants.iter().flatten());
        let sparse = sparse.map(|track| smooth_defined(&lengthened(track, frames)));
        let mut image = Array3::zeros((1, tracks::PLAIN + tracks::VOICED + 3 * tracks::FORMANTS, frames));
        let mut rows = image.index_axis_mut(Axis(0), 0);
        for (mut row, track) in rows.outer_iter_mut().zip(plain.chain(sparse)) {
            row.iter_mut().zip(track).for_each(|(cell, value)| *cell = value);
        }
        Ok(Features::Image(image.into_shared()))
    }
}

/// The track, its last value repeated up to at least `frames`.
fn lengthened(track: &[f32], frames: usize) -> Vec<f32> {
    let mut track = track.to_vec();
    let last = track.last().copied().unwrap_or(0.0);
    track.resize(track.len().max(frames), last);
    track
}
