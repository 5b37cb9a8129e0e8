//! What a screen shows and plays of one clip, made by a job and kept for a while.
//!
//! Deliberately absent: colours and cells (see `tui::widgets`).

use std::sync::Arc;

use anyhow::{Context, Result};
use ndarray::Array2;

use crate::audio::{Sound, Wave, decode};
use crate::corpus::Clip;
use crate::features::curves::{Curves, spectrogram_db};

/// Bands of the spectrogram that is shown.
const BANDS: usize = 64;

/// One clip, decoded and ready to be drawn and played.
#[derive(Debug, Clone)]
pub struct Picture {
    /// As it lies on disk: what is played.
    pub sound: Arc<Sound>,
    /// Mono at the working rate: what is drawn.
    pub wave: Wave,
    /// Log-mel spectrogram in dB, `[band, frame]`, lowest band first, one frame per 10 ms.
    pub spectrogram: Array2<f32>,
    /// Pitch and level over time.
    pub curves: Curves,
}

impl Picture {
    /// Decodes and analyses a clip at `rate` samples per second.
    ///
    /// # Errors
    /// The file cannot be decoded; the text names it.
    pub fn of(clip: &Clip, rate: u32) -> Result<Picture> {
        let sound = decode(&clip.path).with_context(|| clip.path.display().to_string())?;
        let wave = sound.mono().resample(rate)?;
        let (spectrogram, curves) = (spectrogram_db(&wave, BANDS)?, Curves::of(&wave)?);
        Ok(Picture { sound: Arc::new(sound), wave, spectrogram, curves })
    }
}
