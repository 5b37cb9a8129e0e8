//! What is changed at random in a clip before a net learns from it.
//!
//! Drawn on one thread from the fit's generator, so that a seed decides all of it.

use rand::Rng;
use serde::{Deserialize, Serialize};

use super::pass::Window;
use super::random::Random;
use crate::features::Image;

/// How much is changed.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct Augment {
    /// Frames of a training window; longer clips are cut at a random place.
    pub frames: usize,
    /// Up to this share of the bands, and of the frames, is blanked (SpecAugment, Park et al. 2019, arXiv:1904.08779).
    pub blank: f64,
}

impl Default for Augment {
    fn default() -> Self {
        Augment { frames: 192, blank: 0.0 }
    }
}

impl Augment {
    /// A random stretch of an image with some bands and frames blanked.
    pub fn window(&self, image: &Image, random: &mut Random) -> Window {
        let (_, bands, frames) = image.dim();
        let seen = frames.min(self.frames);
        let start = random.random_range(0..=frames - seen);
        let mut blank = |from: usize, len: usize| {
            let most = (len as f64 * self.blank) as usize;
            let size = random.random_range(0..=most);
            let first = from + random.random_range(0..=len - size);
            first..first + size
        };
        Window { frames: start..start + seen, blank_frames: blank(start, seen), blank_bands: blank(0, bands) }
    }
}
