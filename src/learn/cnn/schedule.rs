//! How long and how fast a fit goes: epochs, batches, the learning rate over time.

use std::f64::consts::PI;

use serde::{Deserialize, Serialize};

use super::average::Average;
use super::optimiser::Method;

/// How a net is trained.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Schedule {
    /// Upper bound.
    pub epochs: usize,
    /// Steps that a fit takes at least and at most: a small corpus gets more epochs than `epochs`, a large one fewer.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub steps: Option<[usize; 2]>,
    /// Clips of a batch, at most.
    pub batch: usize,
    /// Stop after so many epochs without a better one.
    pub patience: usize,
    /// Share of the fit before which no epoch is chosen: at a high rate one that looks good is luck.
    #[serde(default)]
    pub settle: f64,
    /// Once the epoch is chosen, fit again from the start to that epoch on all training clips, held-out ones included.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub refit: bool,
    /// Highest learning rate.
    pub rate: f64,
    /// The rate over time.
    pub curve: Curve,
    /// How to step.
    pub method: Method,
    /// Longest gradient.
    pub clip: Option<f64>,
    /// Whose weights are judged and kept.
    pub average: Average,
}

impl Schedule {
    /// With Adam under one cycle, no clipping and no averaging.
    pub const fn new(epochs: usize, batch: usize, patience: usize, rate: f64) -> Schedule {
        let curve = Curve::OneCycle { rise: 0.2, from: 0.1 };
        let (steps, settle, method, clip, average) = (None, 0.0, Method::Adam, None, Average::None);
        Schedule { epochs, steps, batch, patience, settle, refit: false, rate, curve, method, clip, average }
    }

    /// Epochs for so many clips.
    pub fn epochs_of(&self, clips: usize) -> usize {
        let batches = clips.div_ceil(self.batch.max(1)).max(1);
        match self.steps {
            Some([least, most]) => self.epochs.max(least.div_ceil(batches)).min((most / batches).max(1)),
            None => self.epochs,
        }
    }
}

/// Share of the highest rate over the fit, as a function of its progress from 0 to 1.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
#[serde(tag = "kind", rename_all = "snake_case", deny_unknown_fields)]
pub enum Curve {
    /// Always all of it.
    Constant,
    /// Up in a line over a first stretch, then down to zero along a half cosine (after Smith & Topin 2019,
    /// arXiv:1708.07120).
    OneCycle {
        /// Share of the fit.
        rise: f64,
        /// Share of the rate at the start.
        from: f64,
    },
    /// Down along a half cosine.
    Cosine {
        /// Share of the rate at the end.
        floor: f64,
    },
    /// Half cosines one after the other, each from the top (SGDR, Loshchilov & Hutter 2017, arXiv:1608.03983).
    Restarts {
        /// Share of the fit that the first one takes.
        first: f64,
        /// How many times longer each is than the one before; 1 or more.
        growth: f64,
        /// Share of the rate at the end of each.
        floor: f64,
    },
}

impl Curve {
    /// Share of the highest rate.
    pub fn at(self, progress: f64) -> f64 {
        match self {
            Curve::Constant => 1.0,
            Curve::OneCycle { rise, from } if progress < rise => from + (1.0 - from) * progress / rise,
            Curve::OneCycle { rise, .. } => fall((progress - rise) / (1.0 - rise), 0.0),
            Curve::Cosine { floor } => fall(progress, floor),
            Curve::Restarts { first, growth, floor } => fall(place(progress, first, growth), floor),
        }
    }
}

/// From 1 to `floor` along a half cosine.
fn fall(progress: f64, floor: f64) -> f64 {
    floor + (1.0 - floor) * (0.5 * (1.0 + (PI * progress).cos()))
}

/// Progress within the period that `progress` lies in.
fn place(progress: f64, first: f64, growth: f64) -> f64 {
    // Steps are counted in floating point: one that begins a period must not end the last.
    const SLACK: f64 = 1e-9;
    let (mut start, mut length) = (0.0, first.max(1e-3));
    while progress + SLACK >= start + length {
        start += length;
        length *= growth.max(1.0);
    }
    ((progress - start) / length).max(0.0)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_rate_rises_then_falls_to_zero() {
        let one_cycle = |progress| Curve::OneCycle { rise: 0.2, from: 0.1 }.at(progress);
        assert!((one_cycle(0.0) - 0.1).abs() < 1e-12 && (one_cycle(0.2) - 1.0).abs() < 1e-12);
        assert!(one_cycle(1.0).abs() < 1e-12 && one_cycle(0.6) < 1.0);
    }

    #[test]
    fn small_corpora_get_more_epochs_and_large_ones_fewer() {
        let schedule = Schedule { steps: Some([600, 9000]), ..Schedule::new(40, 16, 40, 1e-3) };
        let steps = |clips: usize| schedule.epochs_of(clips) * clips.div_ceil(16);
        assert_eq!((schedule.epochs_of(60), steps(60)), (150, 600));
        assert_eq!(schedule.epochs_of(480), 40);
        assert!((8500..=9000).contains(&steps(7000)));
        assert_eq!((schedule.epochs_of(1_000_000), schedule.epochs_of(0)), (1, 600));
    }

    #[test]
    fn restarts_begin_at_the_top_and_strange_settings_end() {
        let curve = Curve::Restarts { first: 0.1, growth: 2.0, floor: 0.0 };
        assert!((curve.at(0.1) - 1.0).abs() < 1e-9 && (curve.at(0.3) - 1.0).abs() < 1e-9 && curve.at(0.29) < 0.01);
        assert!(Curve::Restarts { first: 0.0, growth: 0.0, floor: 0.0 }.at(1.0).is_finite());
    }
}
