//! Inverted dropout (Srivastava et al. 2014) of single numbers, or of whole channels of a clip (Tompson et al. 2015,
//! arXiv:1411.4280).

use rand::Rng;
use serde::{Deserialize, Serialize};

use super::super::batch::Batch;
use super::super::kernel::Real;
use super::super::layer::{Backward, Forward, Kind, Layer, Seen};
use super::super::plane::Plane;
use super::super::random::Random;
use crate::learn::LearnError;

/// Settings.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Dropout {
    /// Share that is blanked, 0..1.
    pub rate: f32,
    /// Whole channels.
    #[serde(default)]
    pub spatial: bool,
}

impl<F: Real> Kind<F> for Dropout {
    fn output(&self, input: Plane) -> Result<Plane, String> {
        if (0.0..1.0).contains(&self.rate) {
            return Ok(input);
        }
        Err(format!("a rate of {} is not in 0..1", self.rate))
    }

    fn build(&self, _input: Plane) -> Box<dyn Layer<F>> {
        Box::new(Work { rate: self.rate, spatial: self.spatial, kept: Vec::new() })
    }
}

struct Work<F> {
    rate: f32,
    spatial: bool,
    /// Factor of each number, or of each clip's channel; empty = none.
    kept: Vec<F>,
}

impl<F: Real> Layer<F> for Work<F> {
    fn forward(&mut self, with: Forward<'_, F>, x: &Batch<F>, y: &mut Batch<F>) -> Result<(), LearnError> {
        y.shape_after(x, x.plane, 1);
        y.values.copy_from_slice(&x.values);
        self.kept.clear();
        if let Some(random) = with.random {
            let len = if self.spatial { x.clips() * x.plane.channels } else { x.values.len() };
            self.kept.extend(factors::<F>(self.rate, random).take(len));
        }
        self.scale(y);
        Ok(())
    }

    fn backward(
        &mut self,
        _with: Backward<'_, F>,
        seen: Seen<'_, F>,
        dx: Option<&mut Batch<F>>,
    ) -> Result<(), LearnError> {
        if let Some(dx) = dx {
            dx.values.copy_from_slice(&seen.dy.values);
            self.scale(dx);
        }
        Ok(())
    }
}

impl<F: Real> Work<F> {
    fn scale(&self, batch: &mut Batch<F>) {
        if self.kept.is_empty() {
            return;
        }
        if !self.spatial {
            return batch.values.iter_mut().zip(&self.kept).for_each(|(value, &kept)| *value *= kept);
        }
        let (len, channels) = (batch.plane.dense_len(), batch.plane.channels);
        for (clip, kept) in batch.values.chunks_exact_mut(len).zip(self.kept.chunks_exact(channels)) {
            for pixel in clip.chunks_exact_mut(channels) {
                pixel.iter_mut().zip(kept).for_each(|(value, &kept)| *value *= kept);
            }
        }
    }
}

/// 0 with probability `rate`, else 1 / (1 - rate).
fn factors<F: Real>(rate: f32, random: &mut Random) -> impl Iterator<Item = F> {
    let kept = F::of(f64::from(1.0 / (1.0 - rate)));
    std::iter::repeat_with(move || if random.random::<f32>() < rate { F::ZERO } else { kept })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::job::Unwatched;

    fn blanked(spatial: bool) -> Batch<f32> {
        let (mut x, mut y) = (Batch::default(), Batch::default());
        x.shape(Plane { height: 2, width: 50, channels: 40 }, [50, 50].into_iter());
        x.values.fill(1.0);
        let mut layer = Dropout { rate: 0.25, spatial }.build(x.plane);
        let mut random = Random::new(1);
        let with = Forward { parameters: &[], state: &[], random: Some(&mut random), watch: &Unwatched };
        layer.forward(with, &x, &mut y).unwrap();
        y
    }

    #[test]
    fn a_share_is_blanked_and_the_mean_stays() {
        let y = blanked(false);
        let zeros = y.values.iter().filter(|&&v| v == 0.0).count() as f32 / y.values.len() as f32;
        let mean = y.values.iter().sum::<f32>() / y.values.len() as f32;
        assert!((zeros - 0.25).abs() < 0.03 && (mean - 1.0).abs() < 0.04, "{zeros} {mean}");
    }

    #[test]
    fn spatial_dropout_blanks_whole_channels_of_a_clip() {
        let y = blanked(true);
        for clip in 0..2 {
            let first = y.clip(clip)[..40].to_vec();
            assert!(first.contains(&0.0) && first.iter().any(|&v| v > 1.3));
            assert!(y.clip(clip).chunks_exact(40).all(|pixel| pixel == first));
        }
        assert_ne!(y.clip(0), y.clip(1));
    }
}
