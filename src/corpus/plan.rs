//! Plans: how a corpus is split into train and test, and the splits they make.
//!
//! Deliberately absent: the inner development split (a classifier makes it from training groups), and running anything.

/// How to split.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Plan {
    /// Leave one speaker out: one fold per speaker.
    Loso,
    /// K folds, each speaker in exactly one, balanced by class.
    Speakers(usize),
    /// K folds over clips, stratified by class; speakers leak.
    Random(usize),
}

/// One fold: rows to learn from and rows to be judged on. Row numbers refer to the caller's arrays.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Split {
    /// `speaker 03`, `fold 2`, …
    pub name: String,
    /// Training rows, ascending.
    pub train: Vec<usize>,
    /// Test rows, ascending; disjoint from `train`.
    pub test: Vec<usize>,
}
