//! Scoring a clip by its parts: as many windows as a net was trained on, evenly placed, and their mean.
//!
//! Deliberately absent: the net.

use ndarray::s;
use serde::{Deserialize, Serialize};

use super::loss::log_softmax;
use crate::features::Image;
use crate::learn::LearnError;

/// Which parts of a clip are scored.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct Crops {
    /// Windows of the training length, from the first frame to the last; a clip that is no longer is one window.
    pub count: usize,
    /// The whole clip counts as one window more; it is all there is where `count` is 0.
    pub whole: bool,
}

impl Default for Crops {
    fn default() -> Self {
        Crops { count: 0, whole: true }
    }
}

impl Crops {
    /// With the length of a window.
    pub fn of(self, frames: usize) -> Cut {
        Cut { crops: self, frames }
    }
}

/// How clips are cut for scoring; kept with the model.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Cut {
    crops: Crops,
    frames: usize,
}

impl Cut {
    /// Whole clips.
    pub const WHOLE: Cut = Cut { crops: Crops { count: 0, whole: true }, frames: 1 };

    /// Logarithms of the mean over all parts of the probabilities of the first `classes` logits.
    ///
    /// # Errors
    /// As `logits`.
    pub fn log_probabilities(
        &self,
        image: &Image,
        classes: usize,
        mut logits: impl FnMut(&Image) -> Result<Vec<f32>, LearnError>,
    ) -> Result<Vec<f64>, LearnError> {
        let mut score = |image: &Image| Ok(log_softmax(&logits(image)?[..classes]));
        let starts = self.starts(image.dim().2);
        if starts.is_empty() {
            return score(image);
        }
        let mut all = if self.crops.whole { vec![score(image)?] } else { Vec::new() };
        for start in starts {
            all.push(score(&image.slice(s![.., .., start..start + self.frames]).to_shared())?);
        }
        let mean = |class: usize| all.iter().map(|part| part[class].exp()).sum::<f64>() / all.len() as f64;
        // A probability that underflowed is small, not nothing: its logarithm stays finite.
        Ok((0..classes).map(|class| mean(class).max(f64::MIN_POSITIVE).ln()).collect())
    }

    /// Frames of each part that is scored of a clip of so many.
    pub fn parts(&self, frames: usize) -> impl Iterator<Item = usize> {
        let windows = self.starts(frames).len();
        let whole = usize::from(windows == 0 || self.crops.whole);
        std::iter::repeat_n(frames, whole).chain(std::iter::repeat_n(self.frames, windows))
    }

    /// First frames of the windows of a clip, each once; none where the whole clip is all.
    fn starts(&self, frames: usize) -> Vec<usize> {
        let room = frames.saturating_sub(self.frames);
        let at = |part: usize| match self.crops.count {
            1 => room / 2,
            count => part * room / (count - 1),
        };
        let mut starts: Vec<usize> = if room == 0 { Vec::new() } else { (0..self.crops.count).map(at).collect() };
        starts.dedup();
        starts
    }
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use super::*;

    /// A net of two classes whose logits are 0 and the mean of the image.
    fn scored(cut: Cut, image: &Image) -> (Vec<f64>, usize) {
        let mut calls = 0;
        let found = cut.log_probabilities(image, 2, |image| {
            calls += 1;
            Ok(vec![0.0, image.mean().unwrap(), f32::NAN])
        });
        (found.unwrap(), calls)
    }

    #[test]
    fn windows_reach_from_end_to_end_and_their_mean_is_a_distribution() {
        let image = Image::from_shape_fn((1, 2, 100), |(_, _, frame)| frame as f32 / 10.0);
        for (count, whole, starts) in [(1, false, vec![35]), (3, true, vec![0, 35, 70]), (0, true, vec![])] {
            let cut = Crops { count, whole }.of(30);
            assert_eq!(cut.starts(100), starts);
            let (log_p, calls) = scored(cut, &image);
            assert_eq!(calls, (starts.len() + usize::from(whole)).max(1));
            assert_eq!(cut.parts(100).count(), calls);
            assert!((log_p.iter().map(|p| p.exp()).sum::<f64>() - 1.0).abs() < 1e-12);
        }
    }

    #[test]
    fn a_clip_no_longer_than_a_window_is_scored_once() {
        let short = Image::from_elem((1, 2, 1), 3.0);
        for cut in [Crops { count: 5, whole: true }.of(30), Crops { count: 5, whole: false }.of(1), Cut::WHOLE] {
            assert_eq!(scored(cut, &short).1, 1);
        }
        let next = Image::from_elem((1, 2, 31), 3.0);
        assert_eq!(scored(Crops { count: 5, whole: false }.of(30), &next).1, 2);
    }
}
