//! What is changed at random in the clips of a batch before a net learns from them.
//!
//! | key of `[augment]` | what | where |
//! |---|---|---|
//! | `speed`, `pitch`, `noise`, `gain` | the sound, then the image anew | `features::alter` |
//! | `shift` | frames go around | `make.rs` |
//! | `paste` | a second clip behind or before | `make.rs` |
//! | `frames` | a window of a longer clip | `make.rs` |
//! | `mixup` | two clips and their targets at once | `make.rs` |
//! | `blank`, `masks` | bands and frames set to the mean | `pass.rs` |
//!
//! Everything is drawn first, on one thread and from the fit's generator (`plan.rs`); then the images are made side by
//! side (`make.rs`). So a seed decides all of it, whatever the number of threads. Deliberately absent: what suits a corpus.

mod make;
mod plan;

use serde::{Deserialize, Serialize};

pub use make::{Made, targets};
pub use plan::{Planned, Plans};

use crate::features::alter::Change;
use crate::learn::LearnError;

/// How much is changed; what is `None` is left alone.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct Augment {
    /// Frames of a training window; longer clips are cut at a random place.
    pub frames: usize,
    /// A mask blanks up to this share of the bands, or of the frames (SpecAugment, Park et al. 2019, arXiv:1904.08779).
    pub blank: f64,
    /// Masks over bands, and as many over frames.
    pub masks: usize,
    /// Tempo and pitch together (Ko et al. 2015).
    #[serde(skip_serializing_if = "Option::is_none")]
    pub speed: Option<Speed>,
    /// Pitch alone.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub pitch: Option<Pitch>,
    /// Noise of a colour drawn.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub noise: Option<Snr>,
    /// Level; nothing for sets that bring all clips to one level.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub gain: Option<Gain>,
    /// Place in time.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub shift: Option<Shift>,
    /// Two clips in one image, with both targets (Zhang et al. 2018, arXiv:1710.09412).
    #[serde(skip_serializing_if = "Option::is_none")]
    pub mixup: Option<Mixup>,
    /// Two clips one after the other, with one target (CopyPaste, Pappagari et al. 2021, arXiv:2010.14602).
    #[serde(skip_serializing_if = "Option::is_none")]
    pub paste: Option<Paste>,
}

/// Faster or slower.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Speed {
    /// Share of the clips.
    pub p: f64,
    /// Least factor.
    pub low: f64,
    /// Highest factor.
    pub high: f64,
}

/// Higher or lower.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Pitch {
    /// Share of the clips.
    pub p: f64,
    /// Most, up or down.
    pub semitones: f64,
}

/// Noisier.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Snr {
    /// Share of the clips.
    pub p: f64,
    /// Least signal-to-noise ratio in dB.
    pub low: f64,
    /// Highest signal-to-noise ratio in dB.
    pub high: f64,
}

/// Louder or softer.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Gain {
    /// Share of the clips.
    pub p: f64,
    /// Most, up or down, in dB.
    pub db: f64,
}

/// Earlier or later: what leaves at one end comes in at the other.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Shift {
    /// Share of the clips.
    pub p: f64,
    /// Most frames, forth or back.
    pub frames: usize,
}

/// With a part of another clip of the batch.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Mixup {
    /// Share of the clips.
    pub p: f64,
    /// Of the beta distribution that the shares come from; small = one clip nearly alone.
    pub alpha: f64,
}

/// With another clip beside it in time: of the same class, or neutral, which leaves an emotion what it is.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Paste {
    /// Share of the clips.
    pub p: f64,
    /// Share of them that get a neutral clip, where the task has a neutral class; the others one of their own class.
    pub neutral: f64,
}

impl Default for Augment {
    fn default() -> Self {
        Augment {
            frames: 192,
            blank: 0.0,
            masks: 1,
            speed: None,
            pitch: None,
            noise: None,
            gain: None,
            shift: None,
            mixup: None,
            paste: None,
        }
    }
}

impl Augment {
    /// All numbers are where they make sense.
    ///
    /// # Errors
    /// [`LearnError::WrongInput`] that names the key.
    pub fn check(&self) -> Result<(), LearnError> {
        within("frames", self.frames as f64, (1.0, 1e6))?;
        within("blank", self.blank, (0.0, 1.0))?;
        within("masks", self.masks as f64, (0.0, 100.0))?;
        let (slowest, fastest) = (*Change::SPEED.start(), *Change::SPEED.end());
        if let Some(Speed { p, low, high }) = self.speed {
            within("speed.p", p, (0.0, 1.0))?;
            within("speed.low", low, (slowest, fastest))?;
            within("speed.high", high, (low, fastest))?;
        }
        if let Some(Pitch { p, semitones }) = self.pitch {
            within("pitch.p", p, (0.0, 1.0))?;
            within("pitch.semitones", semitones, (0.0, *Change::PITCH.end()))?;
        }
        if let Some(Snr { p, low, high }) = self.noise {
            within("noise.p", p, (0.0, 1.0))?;
            within("noise.low", low, (-60.0, 120.0))?;
            within("noise.high", high, (low, 120.0))?;
        }
        if let Some(Gain { p, db }) = self.gain {
            within("gain.p", p, (0.0, 1.0))?;
            within("gain.db", db, (0.0, 60.0))?;
        }
        self.check_images()
    }

    fn check_images(&self) -> Result<(), LearnError> {
        if let Some(Shift { p, frames }) = self.shift {
            within("shift.p", p, (0.0, 1.0))?;
            within("shift.frames", frames as f64, (0.0, 1e6))?;
        }
        if let Some(Mixup { p, alpha }) = self.mixup {
            within("mixup.p", p, (0.0, 1.0))?;
            within("mixup.alpha", alpha, (0.01, 100.0))?;
        }
        if let Some(Paste { p, neutral }) = self.paste {
            within("paste.p", p, (0.0, 1.0))?;
            within("paste.neutral", neutral, (0.0, 1.0))?;
        }
        Ok(())
    }

    /// The first key asked for that rows of numbers have no use for.
    pub fn only_of_images(&self) -> Option<&'static str> {
        let asked = [
            ("blank", self.blank > 0.0),
            ("speed", self.speed.is_some()),
            ("pitch", self.pitch.is_some()),
            ("noise", self.noise.is_some()),
            ("gain", self.gain.is_some()),
            ("shift", self.shift.is_some()),
            ("paste", self.paste.is_some()),
        ];
        asked.into_iter().find(|(_, asked)| *asked).map(|(key, _)| key)
    }
}

fn within(key: &str, value: f64, (low, high): (f64, f64)) -> Result<(), LearnError> {
    if value.is_finite() && (low..=high).contains(&value) {
        return Ok(());
    }
    Err(LearnError::WrongInput(format!("net: augment.{key} is {value}, not {low} to {high}")))
}
