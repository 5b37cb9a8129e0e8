//! A decision tree: the purest cut of all columns at every node, grown until its leaves are pure.
//!
//! It gives scikit-learn's predictions where no two cuts are equally good; where they are, the seed decides. Its scores are
//! the shares of the classes in a leaf, so mostly 0 and 1. Deliberately absent: pruning.

use super::trees::{Cut, Grove, knob};

/// One tree.
pub(super) static TREE: Grove = Grove {
    name: "tree",
    about: "decision tree, Gini, unpruned, classes balanced (own)",
    knobs: &[knob::DEPTH, knob::LEAF, knob::ALL_COLUMNS],
    bootstrap: false,
    cut: Cut::Best,
    some_columns: false,
};
