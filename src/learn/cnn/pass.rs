//! One training pass: a batch of windows of clips forward and backward through a model, giving loss and gradient.
//!
//! rayon runs over clips and over a fixed number of groups of clips; every sum is taken in the order of clips and groups,
//! so the bits are the same for any number of threads. Buffers are made once per fit. Deliberately absent: the optimiser,
//! epochs and what a batch is made of.

use std::ops::Range;

use rayon::prelude::*;

use super::batch::Batch;
use super::loss::Heads;
use super::model::Model;
use super::plane::Plane;
use super::random::Random;
use super::run::Run;
use crate::features::Image;
use crate::job::Watch;
use crate::learn::{Epoch, LearnError};
use crate::score::Confusion;

/// One clip of a batch.
#[derive(Debug, Clone)]
pub struct Draw<'a> {
    /// The clip.
    pub image: &'a Image,
    /// What of it is seen; at most the pass's frames.
    pub window: Window,
}

/// Which frames of an image a net sees, and what of them is blanked.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Window {
    /// Frames from `start`.
    pub frames: Range<usize>,
    /// Frames of the image set to zero.
    pub blank_frames: Vec<Range<usize>>,
    /// Bands set to zero.
    pub blank_bands: Vec<Range<usize>>,
}

impl Window {
    /// Everything.
    pub fn whole(frames: usize) -> Window {
        Window { frames: 0..frames, blank_frames: Vec::new(), blank_bands: Vec::new() }
    }
}

/// Buffers for batches of a model, and the gradient of the last one.
pub struct Pass {
    run: Run<f32>,
    input: Batch<f32>,
    /// Gradient of all parameters.
    pub gradient: Vec<f32>,
    /// What the first head took the windows for, since it was last emptied.
    pub seen: Confusion,
}

impl Pass {
    /// For any batch of that model.
    pub fn new(model: &Model) -> Pass {
        let seen = Confusion::new(model.plan().heads[0]);
        Pass { run: Run::new(model), input: Batch::default(), gradient: vec![0.0; model.parameters.len()], seen }
    }

    /// Mean loss of windows of at most `frames` frames, all padded to that; leaves the gradient in [`Pass::gradient`] and
    /// moves the model's state. `targets`: clips x outputs, a probability each (see [`Heads`]).
    ///
    /// # Errors
    /// `Cancelled`; [`LearnError::Failed`] when a number is not finite.
    pub fn of_images(
        &mut self,
        model: &mut Model,
        (batch, frames): (&[Draw<'_>], usize),
        goal: (&Heads, &[f64]),
        random: &mut Random,
        watch: &dyn Watch<Epoch>,
    ) -> Result<f64, LearnError> {
        let plane = model.plan().list.padded(model.plan().input, frames);
        self.input.shape(plane, batch.iter().map(|draw| draw.window.frames.len()));
        self.input.each_mut().zip(batch).for_each(|(x, draw)| fill(draw.image, &draw.window, plane, x));
        self.run(model, goal, random, watch)
    }

    /// The same for rows of numbers, one behind the other.
    ///
    /// # Errors
    /// `Cancelled`; [`LearnError::Failed`] when a number is not finite.
    pub fn of_rows(
        &mut self,
        model: &mut Model,
        rows: &[f32],
        goal: (&Heads, &[f64]),
        random: &mut Random,
        watch: &dyn Watch<Epoch>,
    ) -> Result<f64, LearnError> {
        let plane = model.plan().list.padded(model.plan().input, 1);
        self.input.shape(plane, std::iter::repeat_n(1, rows.len() / plane.channels));
        self.input.values.copy_from_slice(rows);
        self.run(model, goal, random, watch)
    }

    fn run(
        &mut self,
        model: &mut Model,
        (heads, targets): (&Heads, &[f64]),
        random: &mut Random,
        watch: &dyn Watch<Epoch>,
    ) -> Result<f64, LearnError> {
        self.run.forward(model, &self.input, Some(random), watch)?;
        let (value, d) = heads.of_batch(self.run.made(), targets);
        if !value.is_finite() {
            return Err(LearnError::Failed("the loss is not a finite number".to_owned()));
        }
        count(self.run.made(), targets, model.outputs(), &mut self.seen);
        self.gradient.fill(0.0);
        self.run.backward(model, (&self.input, None), (&d, &mut self.gradient), watch)?;
        if self.gradient.iter().any(|slope| !slope.is_finite()) {
            return Err(LearnError::Failed("the gradient is not a finite number".to_owned()));
        }
        self.run.follow(model);
        Ok(value)
    }
}

/// Counts what the first head made of a batch; of a target that is shared among classes the largest share is the truth.
fn count(logits: &[f32], targets: &[f64], outputs: usize, seen: &mut Confusion) {
    let classes = seen.classes();
    for (logits, target) in logits.chunks_exact(outputs).zip(targets.chunks_exact(outputs)) {
        let (truth, share) = largest(target[..classes].iter().copied());
        if share > 0.0 {
            let pred = taken_for(truth, logits[..classes].iter().map(|&logit| f64::from(logit)));
            seen.see(truth, pred);
        }
    }
}

/// The class with the highest score; of several that are as high as the truth's another one, so that a net that gives all
/// classes the same is right about none.
pub(super) fn taken_for(truth: usize, scores: impl Iterator<Item = f64>) -> usize {
    let mut best = (truth, f64::NEG_INFINITY);
    for (class, score) in scores.enumerate() {
        if score > best.1 || (score == best.1 && best.0 == truth) {
            best = (class, score);
        }
    }
    best.0
}

fn largest(values: impl Iterator<Item = f64>) -> (usize, f64) {
    values.enumerate().fold((0, f64::NEG_INFINITY), |best, (at, value)| if value > best.1 { (at, value) } else { best })
}

/// Writes a window of an image, channels together; what lies outside the image or is blanked is zero, which is the mean
/// when the features are normalised.
pub(super) fn fill(image: &Image, window: &Window, plane: Plane, x: &mut [f32]) {
    let Window { frames, blank_frames, blank_bands } = window;
    let (channels, bands, _) = image.dim();
    x.fill(0.0);
    let place = |frame: usize| (frame.clamp(frames.start, frames.end) - frames.start).min(plane.width);
    let blank = |frames: &Range<usize>| place(frames.start) * channels..place(frames.end) * channels;
    let seen = |band: &usize| !blank_bands.iter().any(|bands| bands.contains(band));
    for band in (0..bands.min(plane.height)).filter(seen) {
        let row = &mut x[plane.dense_row(band)];
        for channel in 0..channels {
            let values = image.slice(ndarray::s![channel, band, frames.clone()]);
            let pixels = row.chunks_exact_mut(channels);
            match values.as_slice() {
                Some(values) => pixels.zip(values).for_each(|(pixel, &from)| pixel[channel] = from),
                None => pixels.zip(values).for_each(|(pixel, &from)| pixel[channel] = from),
            }
        }
        blank_frames.iter().for_each(|frames| row[blank(frames)].fill(0.0));
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_tie_with_the_truth_is_no_hit() {
        assert_eq!(taken_for(1, [0.1, 0.9, 0.3].into_iter()), 1);
        assert_eq!(taken_for(1, [0.9, 0.9, 0.3].into_iter()), 0);
        assert_eq!(taken_for(0, [0.5, 0.5].into_iter()), 1);
        assert_eq!(taken_for(2, [0.7, 0.1, 0.2].into_iter()), 0);
    }

    #[test]
    fn the_largest_share_of_a_target_counts_and_a_clip_without_one_does_not() {
        let mut seen = Confusion::new(2);
        // Two classes of the first head, two of a second one.
        let logits = [2.0, 1.0, 9.0, 0.0, 0.0, 3.0, 9.0, 0.0, 1.0, 0.0, 0.0, 9.0];
        let targets = [0.7, 0.3, 1.0, 0.0, 0.6, 0.4, 1.0, 0.0, 0.0, 0.0, 1.0, 0.0];
        count(&logits, &targets, 4, &mut seen);
        assert_eq!(seen.rows(), [vec![1, 1], vec![0, 0]]);
    }
}
