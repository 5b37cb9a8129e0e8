//! A fit that was interrupted and goes on: what is kept after each epoch and put back, to the bit.
//!
//! Deliberately absent: where it is kept; a [`Keeper`] of the caller's decides (`model_file` writes [`Weights`] whole).

use serde::{Deserialize, Serialize};

use super::average::{Averager, Numbers};
use super::optimiser::Optimiser;
use super::random::Random;
use super::train::{Best, Dev};
use crate::learn::{LearnError, Weights};

/// A place for the last checkpoint of one fit.
pub trait Keeper: Send + Sync {
    /// What was written last; `None` = nothing yet.
    ///
    /// # Errors
    /// [`LearnError::BadModel`] when there is something that cannot be read.
    fn read(&self) -> Result<Option<Weights>, LearnError>;

    /// Replaces what was written before.
    ///
    /// # Errors
    /// [`LearnError::Failed`]; the fit ends with it.
    fn write(&self, checkpoint: &Weights) -> Result<(), LearnError>;

    /// Hears that what was read is of no use. `Ok` = the fit starts afresh.
    ///
    /// # Errors
    /// `why`, unless the keeper knows better; the fit ends with it.
    fn refused(&self, why: LearnError) -> Result<(), LearnError> {
        Err(why)
    }
}

/// Keeps nothing: an interrupted fit is lost.
#[derive(Debug, Clone, Copy, Default)]
pub struct Unkept;

impl Keeper for Unkept {
    fn read(&self) -> Result<Option<Weights>, LearnError> {
        Ok(None)
    }

    fn write(&self, _checkpoint: &Weights) -> Result<(), LearnError> {
        Ok(())
    }
}

/// A fit between two epochs.
#[derive(Debug, Clone)]
pub struct Course {
    /// Epochs done.
    pub epoch: usize,
    /// All of the fit's randomness.
    pub random: Random,
    /// With what it remembers.
    pub optimiser: Optimiser,
    /// As far as it has come.
    pub averager: Averager,
    /// The best epoch so far.
    pub best: Option<Best>,
}

/// What is not a tensor.
#[derive(Debug, Serialize, Deserialize)]
struct Card {
    /// What is being fitted to what; a checkpoint of something else is refused.
    purpose: String,
    epoch: usize,
    drawn: u64,
    steps: i32,
    averaged: u64,
    best: Option<(usize, Dev)>,
}

impl Course {
    /// Everything needed to go on.
    ///
    /// # Errors
    /// [`LearnError::Failed`] when a number has no JSON.
    pub fn write(&self, purpose: &str, [parameters, state]: [&[f32]; 2]) -> Result<Weights, LearnError> {
        let mut kept = Weights::default();
        let mut put = |name: &str, numbers: &[f32]| {
            kept.put(name, &ndarray::ArrayView1::from(numbers).to_owned());
        };
        put("parameters", parameters);
        put("state", state);
        put("first", &self.optimiser.first);
        put("second", &self.optimiser.second);
        let best = self.best.as_ref().map(|best| &best.numbers);
        for (name, numbers) in [("mean", self.averager.mean()), ("best", best)] {
            if let Some(numbers) = numbers {
                put(&format!("{name}.parameters"), &numbers.parameters);
                put(&format!("{name}.state"), &numbers.state);
            }
        }
        let card = Card {
            purpose: purpose.to_owned(),
            epoch: self.epoch,
            drawn: self.random.drawn(),
            steps: self.optimiser.steps,
            averaged: self.averager.taken,
            best: self.best.as_ref().map(|best| (best.epoch, best.dev)),
        };
        kept.put_json("course", &card)?;
        Ok(kept)
    }

    /// Takes this course, at its start, to where `kept` was written; returns the net's numbers. `seed` is the fit's.
    ///
    /// # Errors
    /// [`LearnError::BadModel`] when it is damaged or of another fit.
    pub fn read(&mut self, kept: &Weights, purpose: &str, seed: u64) -> Result<Numbers, LearnError> {
        let card: Card = kept.get_json("course")?;
        if card.purpose != purpose {
            let found = card.purpose;
            return Err(LearnError::BadModel(format!("the checkpoint is of another fit: {found}, not {purpose}")));
        }
        let size = self.optimiser.first.len();
        let numbers = numbers(kept, "")?;
        self.optimiser.first = vector(kept, "first")?;
        let second = vector(kept, "second")?;
        if (numbers.parameters.len(), self.optimiser.first.len(), second.len())
            != (size, size, self.optimiser.second.len())
        {
            return Err(LearnError::BadModel("the checkpoint is of a net of another size".to_owned()));
        }
        self.optimiser.second = second;
        self.optimiser.steps = card.steps;
        self.averager.taken = card.averaged;
        self.averager.mean = if card.averaged > 0 { Some(self::numbers(kept, "mean.")?) } else { None };
        self.best = match card.best {
            Some((epoch, dev)) => Some(Best { dev, epoch, numbers: self::numbers(kept, "best.")? }),
            None => None,
        };
        let sizes = |other: &Numbers| (other.parameters.len(), other.state.len());
        let others = self.averager.mean.iter().chain(self.best.as_ref().map(|best| &best.numbers));
        if others.into_iter().any(|other| sizes(other) != sizes(&numbers)) {
            return Err(LearnError::BadModel("the checkpoint's parts are of different sizes".to_owned()));
        }
        self.epoch = card.epoch;
        self.random = Random::at(seed, card.drawn);
        Ok(numbers)
    }
}

fn numbers(kept: &Weights, prefix: &str) -> Result<Numbers, LearnError> {
    let part = |name: &str| vector(kept, &format!("{prefix}{name}"));
    Ok(Numbers { parameters: part("parameters")?, state: part("state")? })
}

fn vector(kept: &Weights, name: &str) -> Result<Vec<f32>, LearnError> {
    Ok(kept.get::<ndarray::Ix1>(name)?.to_vec())
}
