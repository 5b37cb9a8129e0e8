//! Extremely randomised trees (Geurts, Ernst & Wehenkel 2006): all clips, √columns drawn per cut, each cut at random.
//!
//! The purest of the random cuts is taken, so nothing is sorted: faster than a forest, and often as good. Deliberately
//! absent: what `forest` lacks, too.

use super::trees::{Cut, Grove, knob};

/// Extra trees.
pub(super) static EXTRA_TREES: Grove = Grove {
    name: "extra-trees",
    about: "extremely randomised trees, 100 of them, classes balanced (own)",
    knobs: &[knob::TREES, knob::DEPTH, knob::LEAF, knob::COLUMNS],
    bootstrap: false,
    cut: Cut::Random,
    some_columns: true,
};
