//! Training clips heard again with something changed in their sound.
//!
//! `learn` sees no sounds: whoever gives the data gives with them a maker of changed images. Deliberately absent: what
//! is changed and how often (`cnn::augment`).

use std::fmt;
use std::sync::Arc;

use super::LearnError;
use crate::features::Image;
use crate::features::alter::Change;

/// Makes images of clips whose sound was changed first.
pub trait Alter: Send + Sync {
    /// The image of the maker's clip `row` after `change`: as the clip's own, but for the number of frames.
    ///
    /// # Errors
    /// [`LearnError::Failed`] that names the clip.
    fn image(&self, row: usize, change: &Change) -> Result<Image, LearnError>;
}

/// For each clip of some data, who can change it.
#[derive(Clone)]
pub struct Altered {
    /// A maker and its number of the clip.
    rows: Vec<(Arc<dyn Alter>, usize)>,
}

impl Altered {
    /// All `clips` of one maker, in its order.
    pub fn new(maker: &Arc<dyn Alter>, clips: usize) -> Altered {
        Altered { rows: (0..clips).map(|row| (Arc::clone(maker), row)).collect() }
    }

    /// Clips that can be changed.
    #[must_use]
    pub fn len(&self) -> usize {
        self.rows.len()
    }

    /// True without clips.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.rows.is_empty()
    }

    /// Those of the clips at `rows`, in that order. Panics when a row is out of range.
    #[must_use]
    pub fn select(&self, rows: &[usize]) -> Altered {
        Altered { rows: rows.iter().map(|&row| self.rows[row].clone()).collect() }
    }
}

impl Alter for Altered {
    fn image(&self, row: usize, change: &Change) -> Result<Image, LearnError> {
        let (maker, row) = &self.rows[row];
        maker.image(*row, change)
    }
}

impl fmt::Debug for Altered {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Altered({} clips)", self.rows.len())
    }
}
