//! What is known of a sound without keeping its samples, gathered piece by piece.
//!
//! Deliberately absent: keeping it from one scan to the next (see `corpus::facts`).

use std::fmt;

use super::level::peak;
use super::part::Make;

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

impl AudioHash {
    /// The hash of its 64 hex digits.
    pub fn parse(text: &str) -> Option<AudioHash> {
        blake3::Hash::from_hex(text).ok().map(|hash| AudioHash(hash.into()))
    }
}

impl fmt::Display for AudioHash {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&blake3::Hash::from_bytes(self.0).to_hex())
    }
}

/// Samples hashed at a time: enough for BLAKE3 to use wide registers.
const BLOCK: usize = 1 << 14;

/// The facts of what was heard so far; the same whatever the pieces it came in.
pub(super) struct Gathering {
    make: Make,
    samples: u64,
    peak: f32,
    squares: f64,
    hasher: blake3::Hasher,
    block: Vec<u8>,
}

impl Gathering {
    pub(super) fn new(make: Make) -> Gathering {
        let mut hasher = blake3::Hasher::new();
        // Rate (u32), channels (u16) and samples (f32 bits), all little-endian.
        hasher.update(&make.rate.to_le_bytes()).update(&make.channels.to_le_bytes());
        Gathering { make, samples: 0, peak: 0.0, squares: 0.0, hasher, block: Vec::with_capacity(4 * BLOCK) }
    }

    pub(super) fn take(&mut self, samples: &[f32]) {
        self.samples += samples.len() as u64;
        self.peak = self.peak.max(peak(samples));
        self.squares = samples.iter().fold(self.squares, |sum, &sample| sum + f64::from(sample) * f64::from(sample));
        for samples in samples.chunks(BLOCK) {
            self.block.clear();
            self.block.extend(samples.iter().flat_map(|sample| sample.to_le_bytes()));
            self.hasher.update(&self.block);
        }
    }

    pub(super) fn finish(self) -> AudioFacts {
        let Make { channels, rate } = self.make;
        let frames = self.samples / u64::from(channels.max(1));
        AudioFacts {
            rate,
            channels,
            seconds: frames as f64 / f64::from(rate.max(1)),
            peak: self.peak,
            rms: (self.squares / self.samples.max(1) as f64).sqrt() as f32,
            hash: AudioHash(self.hasher.finalize().into()),
        }
    }
}
