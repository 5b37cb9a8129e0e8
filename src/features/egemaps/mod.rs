//! eGeMAPSv02 (Eyben et al., "The Geneva Minimalistic Acoustic Parameter Set for Voice Research and Affective Computing",
//! 2016): 25 descriptors per 10 ms and 88 functionals of a clip, as openSMILE 2.6 computes them.
//!
//! Written from the paper and from openSMILE's answers to recordings, tones and pulses; `docs/egemaps.md` says how far it
//! agrees. With `formants=resonances` the formants are resonances of the vocal tract instead, and agree with nothing.
//! Deliberately absent: openSMILE's other sets, and librosa's framing (frames here start at their left edge).

mod bands;
mod columns;
mod contour;
mod formants;
mod frames;
mod functionals;
mod harmonics;
mod lpc;
mod path;
mod periods;
pub mod pitch;
mod reported;
mod smoothing;
mod spectral;
mod tracks;

use std::sync::Arc;

use ndarray::{Array3, Axis};

pub use formants::{Formants, formants};
use smoothing::{smooth, smooth_defined};
use tracks::{FormantKind, Tracks};

use super::parameter::Asked;
use super::{Chosen, Column, FeatureError, FeatureSet, Features, Kind, Parameters, Raster, SpecError, checked};
use crate::audio::Wave;

/// The 88 functionals.
pub static EGEMAPS: Egemaps = Egemaps { kind: FormantKind::Reported };
/// The 25 descriptors over time.
pub static DESCRIPTORS: Descriptors = Descriptors { kind: FormantKind::Reported };

const VERSION: u32 = 1;
/// The one parameter, and what it can be.
const FORMANTS: &str = "formants";
const KINDS: [(&str, FormantKind); 2] = [("opensmile", FormantKind::Reported), ("resonances", FormantKind::Resonances)];

/// The set `egemaps`.
#[derive(Debug, Clone, Copy)]
pub struct Egemaps {
    kind: FormantKind,
}

/// The set `egemaps-lld`.
#[derive(Debug, Clone, Copy)]
pub struct Descriptors {
    kind: FormantKind,
}

/// What `formants=` asks for.
fn formant_kind(set: &str, parameters: &Parameters) -> Result<FormantKind, SpecError> {
    let mut kind = FormantKind::Reported;
    for (name, value) in parameters.iter() {
        if name != FORMANTS {
            return Err(parameters.unknown(set, &[FORMANTS]));
        }
        kind = Asked { set, name, value }.word(&KINDS)?;
    }
    Ok(kind)
}

impl FeatureSet for Egemaps {
    fn name(&self) -> &str {
        match self.kind {
            FormantKind::Reported => "egemaps",
            FormantKind::Resonances => "egemaps:formants=resonances",
        }
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
    /// That of most corpora of emotional speech; numbers are openSMILE's only at the rate of the recordings.
    fn rate(&self) -> u32 {
        16_000
    }
    fn columns(&self) -> Vec<Column> {
        columns::functionals()
    }
    fn extract(&self, wave: &Wave) -> Result<Features, FeatureError> {
        let Wave { samples, rate } = checked(wave)?;
        Ok(Features::Row(functionals::functionals(&Tracks::of(samples, *rate, self.kind))))
    }
    fn with(&self, parameters: &Parameters) -> Result<Chosen, SpecError> {
        Ok(Arc::new(Egemaps { kind: formant_kind("egemaps", parameters)? }))
    }
}

impl FeatureSet for Descriptors {
    fn name(&self) -> &str {
        match self.kind {
            FormantKind::Reported => "egemaps-lld",
            FormantKind::Resonances => "egemaps-lld:formants=resonances",
        }
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
    /// That of most corpora of emotional speech; numbers are openSMILE's only at the rate of the recordings.
    fn rate(&self) -> u32 {
        16_000
    }
    fn columns(&self) -> Vec<Column> {
        columns::descriptors()
    }
    /// Descriptors are no frequencies; 10 ms a frame.
    fn raster(&self, _rate: u32) -> Option<Raster> {
        Some(Raster { hop: 0.010, edges: None })
    }
    /// `[1, 25, frames]`; a descriptor is 0 where it is undefined, but the level of a formant without voice is -201, as
    /// in openSMILE.
    fn extract(&self, wave: &Wave) -> Result<Features, FeatureError> {
        let Wave { samples, rate } = checked(wave)?;
        let tracks = Tracks::of(samples, *rate, self.kind);
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
    fn with(&self, parameters: &Parameters) -> Result<Chosen, SpecError> {
        Ok(Arc::new(Descriptors { kind: formant_kind("egemaps-lld", parameters)? }))
    }
}

/// The track, its last value repeated up to at least `frames`.
fn lengthened(track: &[f32], frames: usize) -> Vec<f32> {
    let mut track = track.to_vec();
    let last = track.last().copied().unwrap_or(0.0);
    track.resize(track.len().max(frames), last);
    track
}
