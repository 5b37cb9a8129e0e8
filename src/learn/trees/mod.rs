//! Trees of questions about single columns, and the ways to grow many of them.
//!
//! `columns` holds the training rows by column, `ensemble` what is grown, walked and kept in files. `cart` grows one
//! tree depth first, by the best cut of each column or a random one (`cut`); `grove` grows many of these side by side, and
//! is the classifiers `tree`, `forest` and `extra-trees`. `bins` codes columns in a byte, `histogram` sums gradients per
//! code, and `leafwise` grows the trees of `boosting` from those sums.
//!
//! Results depend on the seed and not on the number of threads. Deliberately absent: missing values (`learn::fit` refuses
//! them), columns of categories, pruning, and regression.

mod bins;
mod cart;
mod columns;
mod cut;
mod ensemble;
mod grove;
mod histogram;
mod leafwise;

pub(super) use bins::Bins;
pub(super) use columns::Columns;
pub(super) use cut::Cut;
pub(super) use ensemble::{Ensemble, Tree};
pub(super) use grove::{Grove, balance, knob};
pub(super) use leafwise::{Leafwise, Slope};
