//! Sound in, sound out: decoding by content, mono mix, resampling, level, playback.
//!
//! Deliberately absent: features (see `features`), corpora, and any text for the user.

mod activity;
mod browser;
mod container;
mod decode;
#[cfg(feature = "playback")]
mod device;
mod edit_list;
mod facts;
mod heard;
mod ladder;
mod level;
mod mixer;
mod overview;
mod part;
mod player;
#[cfg(all(feature = "playback", unix))]
mod pulse;
#[cfg(unix)]
pub mod remote;
mod resample;
mod silent;
mod sink;
mod span;
mod stretch;
mod tape;
#[cfg(feature = "playback")]
mod timed;

pub use activity::Detector;
pub use browser::Browser;
pub use decode::{AudioError, decode, decode_bytes};
pub use facts::{AudioFacts, AudioHash};
pub use ladder::{Again, Ladder, Passed, Rung, Wish, is_over_ssh, rungs};
pub use level::Level;
pub use overview::Overview;
pub use part::{Ear, Make, decode_part, decode_parts, facts_of, stream};
pub use player::{Playback, PlaybackNews, Player};
pub use silent::{Clock, Silent};
pub use sink::{Progress, Sink, SinkName, Tuning, open_default};
pub use span::{NoSpan, Span};

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

    /// Channels and rate.
    pub fn make(&self) -> Make {
        Make { channels: self.channels, rate: self.rate }
    }

    /// What is kept of the sound when its samples are dropped.
    pub fn facts(&self) -> AudioFacts {
        let mut gathering = facts::Gathering::new(self.make());
        gathering.take(&self.samples);
        gathering.finish()
    }
}
