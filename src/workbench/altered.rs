//! Clips of a corpus heard again with something changed in their sound: what a net asks for while it learns.
//!
//! Prepared sounds are kept in memory as 16-bit samples, up to a bound; of a larger corpus those that were asked for
//! first stay and the others are decoded each time. Deliberately absent: what is changed (`learn` draws it), scaling.

use std::collections::HashMap;
use std::path::PathBuf;
use std::sync::{Arc, Mutex, PoisonError};

use anyhow::{Context, Result, anyhow};

use crate::audio::Wave;
use crate::corpus::{Clip, Extent};
use crate::features::alter::Change;
use crate::features::{Chosen, Features, Image, Preparation};
use crate::learn::{Alter, LearnError};

/// Bytes of samples that are kept: three hours at 22,050 Hz.
const KEPT_BYTES: usize = 512 << 20;

/// The clips of a task.
pub struct AlteredClips {
    files: Vec<(PathBuf, Extent)>,
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
        let files = clips.iter().map(|clip| (clip.path(), clip.extent)).collect();
        AlteredClips { files, set, preparation, most_bytes: KEPT_BYTES, kept: Mutex::default() }
    }

    fn wave(&self, row: usize) -> Result<Arc<Narrow>> {
        let kept = || self.kept.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(wave) = kept().waves.get(&row) {
            return Ok(Arc::clone(wave));
        }
        let wave = Arc::new(Narrow::of(&self.preparation.apply(self.files[row].1.sound(&self.files[row].0)?)?));
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
        let image = self.changed(row, change).with_context(|| self.files[row].0.display().to_string());
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

#[cfg(test)]
#[allow(clippy::unwrap_used, clippy::panic)]
mod tests {
    use super::*;
    use crate::features::feature_set;

    fn clips(most_bytes: usize) -> AlteredClips {
        let folder = PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("corpora/demo");
        let mut paths = ["f1_anger_s1", "m1_neutral_s2", "m2_fear_s2"]
            .map(|clip| folder.join(clip).with_extension("flac"))
            .to_vec();
        paths.push(folder.join("no such clip.wav"));
        let (set, preparation) = (feature_set("logmel").unwrap(), Preparation::plain(16_000));
        let files = paths.into_iter().map(|path| (path, Extent::Whole)).collect();
        AlteredClips { files, set, preparation, most_bytes, kept: Mutex::default() }
    }

    #[test]
    fn a_clip_that_is_not_changed_looks_like_itself() {
        let clips = clips(usize::MAX);
        let wave = clips.preparation.apply(crate::audio::decode(&clips.files[0].0).unwrap()).unwrap();
        let Features::Image(own) = clips.set.extract(&wave).unwrap() else { panic!("logmel makes images") };
        let found = clips.image(0, &Change::NONE).unwrap();
        assert_eq!(found.dim(), own.dim());
        let off = found.iter().zip(&own).map(|(a, b)| f64::from(a - b).abs()).sum::<f64>() / own.len() as f64;
        assert!(off < 0.1, "{off} dB off");
        let fast = clips.image(0, &Change { speed: 1.25, ..Change::NONE }).unwrap();
        assert!((fast.dim().2 as f64 * 1.25 / own.dim().2 as f64 - 1.0).abs() < 0.05, "{:?}", fast.dim());
    }

    #[test]
    fn what_is_kept_is_bounded_and_changes_no_bit() {
        let (all, none) = (clips(usize::MAX), clips(0));
        let change = Change { speed: 0.9, pitch: 1.0, ..Change::NONE };
        for row in [0, 1, 0] {
            assert_eq!(all.image(row, &change).unwrap(), none.image(row, &change).unwrap());
        }
        assert_eq!((all.kept.lock().unwrap().waves.len(), none.kept.lock().unwrap().waves.len()), (2, 0));
        let bytes: usize = all.kept.lock().unwrap().waves.values().map(|wave| 2 * wave.samples.len()).sum();
        assert_eq!(all.kept.lock().unwrap().bytes, bytes);
    }

    #[test]
    fn a_clip_that_is_gone_is_named() {
        let why = clips(usize::MAX).image(3, &Change::NONE).unwrap_err().to_string();
        assert!(why.contains("no such clip.wav"), "{why}");
    }

    #[test]
    fn the_quietest_and_the_loudest_wave_come_back() {
        for samples in [vec![0.0; 9], vec![1e-30, -1e-38], vec![1e12, -3e11], vec![]] {
            let wave = Narrow::of(&Wave { samples: samples.clone(), rate: 8_000 }).wide();
            let near =
                |(a, b): (&f32, &f32)| (a - b).abs() <= 1e-4 * samples.iter().fold(0.0, |m, s: &f32| s.abs().max(m));
            assert!(wave.samples.len() == samples.len() && wave.samples.iter().zip(&samples).all(near), "{samples:?}");
        }
    }
}
