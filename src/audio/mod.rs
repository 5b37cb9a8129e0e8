//! Sound in, sound out: decoding by content, mono mix, resampling, level, playback.
//!
//! Deliberately absent: features (see `features`), corpora, and any text for the user.

/// Mono samples at one rate: what features are computed from.
#[derive(Debug, Clone, PartialEq)]
pub struct Wave {
    /// Samples, nominally in -1..1.
    pub samples: Vec<f32>,
    /// Samples per second.
    pub rate: u32,
}

/// A decoded file as it lies on disk: what is played.
#[derive(Debug, Clone, PartialEq)]
pub struct Sound {
    /// Interleaved samples, nominally in -1..1.
    pub samples: Vec<f32>,
    /// Channels, at least 1.
    pub channels: u16,
    /// Frames per second.
    pub rate: u32,
}

/// What is known of a clip's audio without keeping its samples.
#[derive(Debug, Clone, PartialEq)]
pub struct AudioFacts {
    /// Frames per second of the file.
    pub rate: u32,
    /// Channels of the file.
    pub channels: u16,
    /// Duration in seconds.
    pub seconds: f64,
    /// Largest absolute sample, 1 = full scale.
    pub peak: f32,
    /// Root mean square over all samples, 1 = full scale.
    pub rms: f32,
    /// BLAKE3 of the decoded samples (rate, channels, f32 bits), hex: equal for equal audio whatever the container's metadata.
    pub hash: String,
}

impl Wave {
    /// Duration in seconds.
    pub fn seconds(&self) -> f64 {
        self.samples.len() as f64 / f64::from(self.rate.max(1))
    }
}
