//! What a figure of a report shows: numbers and names, no shapes. `svg` draws it.

use crate::score::{PerClass, ReliabilityBin};

/// A picture with a name for its file and a caption.
#[derive(Debug, Clone, PartialEq)]
pub struct Figure {
    /// Name of its file, without ending: `run-12-confusion`.
    pub name: String,
    /// Whose it is, for sheets of several.
    pub title: String,
    /// What it shows, and what must be known to read it.
    pub caption: String,
    /// What is drawn.
    pub picture: Picture,
}

/// The kinds of pictures.
#[derive(Debug, Clone, PartialEq)]
pub enum Picture {
    /// Who was taken for whom: a heat map in percent of the true class.
    Confusion {
        /// Names of the classes.
        classes: Vec<String>,
        /// Counts; rows are the truth.
        rows: Vec<Vec<u64>>,
    },
    /// Precision, recall and F1 of each class as bars.
    Classes {
        /// Names of the classes.
        classes: Vec<String>,
        /// Their scores.
        scores: Vec<PerClass>,
    },
    /// How often predictions are right by how sure they are.
    Reliability {
        /// Intervals of confidence.
        bins: Vec<ReliabilityBin>,
    },
    /// UAR of several runs with intervals.
    Forest {
        /// The runs, from above.
        rows: Vec<Whisker>,
        /// UAR of guessing, 0..1.
        chance: f64,
    },
}

/// A run in a [`Picture::Forest`].
#[derive(Debug, Clone, PartialEq)]
pub struct Whisker {
    /// Which run.
    pub name: String,
    /// Its UAR, 0..1.
    pub value: Option<f64>,
    /// Its interval.
    pub interval: Option<(f64, f64)>,
    /// True for the best run and for those that tie with it.
    pub strong: bool,
}
