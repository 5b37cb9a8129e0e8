//! Clips of a corpus heard again with something changed in their sound: what a net asks for while it learns.
//!
//! Prepared sounds are kept in memory as 16-bit samples, up to a bound; of a larger corpus those that were asked for
//! first stay and the others are decoded each time. Deliberately absent: what is changed (`learn` draws it), scaling.

use std::collections::HashMap;
use std::path::PathBuf;
use std::sync::{Arc, Mutex, PoisonError};

use anyhow::{Context, Result, anyhow};

use crate::audio::{Wave, decode};
use crate::corpus::Clip;
use crate::features::alter::Change;
use crate::features::{Chosen, Features, Image, Preparation};
use crate::learn::{Alter, LearnError};

/// Bytes of samples that are kept: three hours at 22,050 Hz.
const KEPT_BYTES: usize = 512 << 20;

/// The clips of a task.
pub struct AlteredClips {
    paths: Vec<PathBuf>,
    set: Chosen,
    preparation: Preparation,
    most_bytes: usize,
    kept: Mutex<Kept>,
}

#[derive(Default)]
struct Kept {
    waves: HashMap<usize, Arc<Narrow>>,
    bytes: usize,
}

/// A wave in 16 bits a sample of its own full scale: its noise is 96 dB down, below all that a set looks at.
struct Narrow {
    samples: Vec<i16>,
    scale: f32,
    rate: u32,
}

impl AlteredClips {
    /// Nothing is decoded before it is asked for.
    pub fn new(clips: &[&Clip], set: Chosen, preparation: Preparation) -> AlteredClips {
        let paths = clips.iter().map(|clip| clip.path.clone()).collect();
        AlteredClips { paths, set, preparation, most_bytes: KEPT_BYTES, kept: Mutex::default() }
    }

    fn wave(&self, row: usize) -> Result<Arc<Narrow>> {
        let kept = || self.kept.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(wave) = kept().waves.get(&row) {
            return Ok(Arc::clone(wave));
        }
        let wave = Arc::new(Narrow::of(&self.preparation.apply(decode(&self.paths[row])?)?));
        let mut kept = kept();
        let bytes = wave.samples.len() * size_of::<i16>();
        if kept.bytes + bytes <= self.most_bytes && kept.waves.insert(row, Arc::clone(&wave)).is_none() {
            kept.bytes += bytes;
        }
        Ok(wave)
    }

    fn changed(&self, row: usize, change: &Change) -> Result<Image> {
        match self.set.extract(&change.apply(&self.wave(row)?.wide()))? {
            Features::Image(image) => Ok(image),
            Features::Row(_) => Err(anyhow!("{} makes no images", self.set.name())),
        }
    }
}

impl Alter for AlteredClips {
    fn image(&self, row: usize, change: &Change) -> Result<Image, LearnError> {
        let image = self.changed(row, change).with_context(|| self.paths[row].display().to_string());
        image.map_err(|why| LearnError::Failed(format!("{why:#}")))
    }
}

impl Narrow {
    fn of(wave: &Wave) -> Narrow {
        let scale = wave.peak().max(f32::MIN_POSITIVE) / f32::from(i16::MAX);
        let samples = wave.samples.iter().map(|sample| (sample / scale).round() as i16).collect();
        Narrow { samples, scale, rate: wave.rate }
    }

    fn wide(&self) -> Wave {
        let samples = self.samples.iter().map(|&sample| f32::from(sample) * self.scale).collect();
        Wave { samples, rate: self.rate }
    }
}
