//! Averages of a net's numbers over training: exponential (EMA) over steps, or even over the last epochs (SWA, Izmailov
//! et al. 2018, arXiv:1803.05407). Running moments are averaged with the parameters.

use serde::{Deserialize, Serialize};

/// Which average is judged and kept.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
#[serde(tag = "kind", rename_all = "lowercase", deny_unknown_fields)]
pub enum Average {
    /// The numbers themselves.
    None,
    /// After each step, the average keeps this share of itself; the first step is taken whole.
    Ema {
        /// Near 1: 0.99 looks back a hundred steps.
        decay: f32,
    },
    /// Epochs count evenly from this share of the fit on; before, the numbers themselves.
    Swa {
        /// 0..1.
        from: f64,
    },
}

/// All that training changes in a net.
#[derive(Debug, Clone, PartialEq, Default)]
pub struct Numbers {
    /// What is trained.
    pub parameters: Vec<f32>,
    /// Running moments.
    pub state: Vec<f32>,
}

impl Numbers {
    fn towards(&mut self, [parameters, state]: [&[f32]; 2], share: f32) {
        let old = self.parameters.iter_mut().chain(&mut self.state);
        old.zip(parameters.iter().chain(state)).for_each(|(old, new)| *old += share * (new - *old));
    }
}

/// An average as far as it has come.
#[derive(Debug, Clone, PartialEq)]
pub struct Averager {
    average: Average,
    pub(super) mean: Option<Numbers>,
    /// How often it was moved.
    pub(super) taken: u64,
}

impl Averager {
    /// Of nothing yet.
    pub fn new(average: Average) -> Averager {
        Averager { average, mean: None, taken: 0 }
    }

    /// After a step of the optimiser.
    pub fn after_step(&mut self, numbers: [&[f32]; 2]) {
        if let Average::Ema { decay } = self.average {
            self.take(numbers, 1.0 - decay);
        }
    }

    /// After an epoch; `progress` is the share of the fit that is done.
    pub fn after_epoch(&mut self, numbers: [&[f32]; 2], progress: f64) {
        if matches!(self.average, Average::Swa { from } if progress >= from) {
            self.take(numbers, 1.0 / (self.taken + 1) as f32);
        }
    }

    /// The average; `None` = the numbers themselves.
    pub fn mean(&self) -> Option<&Numbers> {
        self.mean.as_ref()
    }

    fn take(&mut self, [parameters, state]: [&[f32]; 2], share: f32) {
        self.taken += 1;
        match &mut self.mean {
            Some(mean) => mean.towards([parameters, state], share),
            None => self.mean = Some(Numbers { parameters: parameters.to_vec(), state: state.to_vec() }),
        }
    }
}
