//! The second leg of a fit: what the first one chose, kept with the checkpoints of the second.
//!
//! Deliberately absent: training itself (`train.rs`).

use serde::{Deserialize, Serialize};

use super::checkpoint::Keeper;
use crate::learn::{LearnError, Weights};

/// Of the entry in a checkpoint.
const NAME: &str = "chosen";

/// What held-out clips have chosen.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Chosen {
    /// What the first leg fitted to what (see `train::purpose`).
    pub of: String,
    /// Epochs that the first leg took.
    pub done: usize,
    /// The best of them.
    pub best: usize,
    /// Fitted on the held-out clips.
    pub temperature: Option<f64>,
}

impl Chosen {
    /// From a checkpoint of the second leg; `None` where the keeper has none after a first leg `of` that purpose.
    ///
    /// # Errors
    /// The keeper's; [`LearnError::BadModel`] when the entry is damaged.
    pub fn kept(keeper: &dyn Keeper, of: &str) -> Result<Option<Chosen>, LearnError> {
        let kept = keeper.read()?.filter(|kept| kept.bytes.contains_key(NAME));
        let chosen: Option<Chosen> = kept.map(|kept| kept.get_json(NAME)).transpose()?;
        Ok(chosen.filter(|chosen| chosen.of == of))
    }
}

/// Keeps the checkpoints of the second leg: each with what the first one chose.
pub struct Again<'a> {
    /// Of the whole fit.
    pub keeper: &'a dyn Keeper,
    /// By the first leg.
    pub chosen: Chosen,
}

impl Keeper for Again<'_> {
    fn read(&self) -> Result<Option<Weights>, LearnError> {
        Ok(self.keeper.read()?.filter(|kept| kept.bytes.contains_key(NAME)))
    }

    fn write(&self, checkpoint: &Weights) -> Result<(), LearnError> {
        let mut checkpoint = checkpoint.clone();
        checkpoint.put_json(NAME, &self.chosen)?;
        self.keeper.write(&checkpoint)
    }

    fn refused(&self, why: LearnError) -> Result<(), LearnError> {
        self.keeper.refused(why)
    }
}
