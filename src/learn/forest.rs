//! A random forest (Breiman 2001): trees on clips drawn with return, each cut the purest of √columns drawn anew.
//!
//! The scores are the mean of the leaves' shares of the classes, as in scikit-learn. Deliberately absent: out-of-bag scores
//! and importances.

use super::trees::{Cut, Grove, knob};

/// Random forest.
pub(super) static FOREST: Grove = Grove {
    name: "forest",
    about: "random forest, 100 trees, classes balanced (own)",
    knobs: &[knob::TREES, knob::DEPTH, knob::LEAF, knob::COLUMNS],
    bootstrap: true,
    cut: Cut::Best,
    some_columns: true,
};
