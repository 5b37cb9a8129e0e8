//! Longer or shorter at the same pitch: WSOLA (Verhelst & Roelands 1993), overlapping frames each taken where it best
//! continues the one before.
//!
//! Speech keeps its periods, which a phase vocoder smears. Deliberately absent: stretching of music.

use super::dot;
use crate::features::dsp::{Kernel, hann, wide};

/// Half a frame in seconds: a period of the lowest voice.
const HALF: f64 = 0.015;
/// How far a frame may move to fit, in seconds.
const SEARCH: f64 = 0.0075;
/// Every so many places are tried first, then all around the best.
const COARSE: usize = 4;

/// The samples `longer` times as long (0.4 to 2.5), round(n x longer).
pub fn stretched(samples: &[f32], rate: u32, longer: f64) -> Vec<f32> {
    let seconds = |length: f64| ((length * f64::from(rate)).round() as usize).max(1);
    let (half, search) = (seconds(HALF), seconds(SEARCH));
    let len = (samples.len() as f64 * longer).round() as usize;
    let margin = 5 * half + search + COARSE;
    let mut padded = vec![0.0; margin];
    padded.extend(samples);
    padded.resize(padded.len() + margin, 0.0);
    let window = hann(2 * half);
    let mut into = vec![0.0; len + 2 * half];
    let mut before = margin;
    // Frame k is centred on k x half of what comes out; `into` begins half a frame early.
    for frame in 0..=len.div_ceil(half) {
        let target = margin + ((frame * half) as f64 / longer).round() as usize;
        let place = match frame {
            0 => target,
            _ => wide(Fit { padded: &padded, target, natural: before + half, half, search }),
        };
        let source = &padded[place - half..place + half];
        let sums = &mut into[frame * half..(frame * half + 2 * half).min(len + 2 * half)];
        sums.iter_mut().zip(source).zip(&window).for_each(|((sum, sample), weight)| *sum += sample * weight);
        before = place;
    }
    into.truncate(len + half);
    into.drain(..half);
    into
}

/// Finds the place within `search` of `target` before which the samples are most like those before `natural`: by
/// normalised correlation over half a frame; the target itself where all are alike.
struct Fit<'a> {
    padded: &'a [f32],
    target: usize,
    natural: usize,
    half: usize,
    search: usize,
}

impl Fit<'_> {
    #[inline(always)]
    fn likeness(&self, place: usize) -> f32 {
        let wanted = &self.padded[self.natural - self.half..self.natural];
        let found = &self.padded[place - self.half..place];
        let energy = dot(found, found);
        if energy > 0.0 { dot(wanted, found) / energy.sqrt() } else { 0.0 }
    }

    #[inline(always)]
    fn best(&self, places: impl Iterator<Item = usize>, start: (usize, f32)) -> (usize, f32) {
        places.fold(start, |best, place| {
            let likeness = self.likeness(place);
            if likeness > best.1 { (place, likeness) } else { best }
        })
    }
}

impl Kernel for Fit<'_> {
    type Output = usize;

    #[inline(always)]
    fn run(self) -> usize {
        let start = (self.target, self.likeness(self.target));
        let all = self.target - self.search..=self.target + self.search;
        let (coarse, likeness) = self.best(all.step_by(COARSE), start);
        self.best(coarse - (COARSE - 1)..coarse + COARSE, (coarse, likeness)).0
    }
}
