//! Sound in, sound out: decoding by content, mono mix, resampling, level, playback.
//!
//! Deliberately absent: features (see `features`), corpora, and any text for the user.

use std::fmt;

mod browser;
mod container;
mod decode;
#[cfg(feature = "playback")]
mod device;
mod edit_list;
mod ladder;
mod level;
#[cfg(feature = "playback")]
mod mixer;
mod player;
#[cfg(all(feature = "playback", unix))]
mod pulse;
mod resample;
mod silent;
mod sink;
mod stretch;
#[cfg(feature = "playback")]
mod tape;

pub use browser::Browser;
pub use decode::{AudioError, decode, decode_bytes};
pub use ladder::{Ladder, Passed, Rung, Wish, is_over_ssh, rungs};
pub use level::Level;
pub use player::{Playback, PlaybackNews, Player};
pub use silent::{Clock, Silent};
pub use sink::{Progress, Sink, SinkName, Tuning, open_default};

/// Samples hashed at a time: enough for BLAKE3 to use wide registers.
const HASH_BLOCK: usize = 1 << 14;

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
    /// Of the decoded samples.
    pub hash: AudioHash,
}

/// BLAKE3 of decoded samples (rate, channels, f32 bits): equal for equal audio whatever the container's metadata. Shown as 64 hex
/// digits.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct AudioHash(pub [u8; 32]);

impl fmt::Display for AudioHash {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&blake3::Hash::from_bytes(self.0).to_hex())
    }
}

impl Wave {
    /// Duration in seconds.
    pub fn seconds(&self) -> f64 {
        self.samples.len() as f64 / f64::from(self.rate.max(1))
    }
}

impl Sound {
    /// Frames (samples per channel).
    pub fn frames(&self) -> usize {
        self.samples.len() / usize::from(self.channels.max(1))
    }

    /// Duration in seconds.
    pub fn seconds(&self) -> f64 {
        self.frames() as f64 / f64::from(self.rate.max(1))
    }

    /// The mean of the channels.
    pub fn mono(&self) -> Wave {
        let samples = match self.channels {
            0 | 1 => self.samples.clone(),
            n => self.samples.chunks_exact(usize::from(n)).map(|f| f.iter().sum::<f32>() / f32::from(n)).collect(),
        };
        Wave { samples, rate: self.rate }
    }

    /// What is kept of the sound when its samples are dropped.
    pub fn facts(&self) -> AudioFacts {
        AudioFacts {
            rate: self.rate,
            channels: self.channels,
            seconds: self.seconds(),
            peak: level::peak(&self.samples),
            rms: level::rms(&self.samples),
            hash: self.hash(),
        }
    }

    /// BLAKE3 over rate (u32), channels (u16) and samples (f32 bits), all little-endian.
    fn hash(&self) -> AudioHash {
        let mut hasher = blake3::Hasher::new();
        hasher.update(&self.rate.to_le_bytes()).update(&self.channels.to_le_bytes());
        let mut block = Vec::with_capacity(4 * HASH_BLOCK);
        for samples in self.samples.chunks(HASH_BLOCK) {
            block.clear();
            block.extend(samples.iter().flat_map(|sample| sample.to_le_bytes()));
            hasher.update(&block);
        }
        AudioHash(hasher.finalize().into())
    }
}
