//! Scores: confusion matrix, metrics as rows of a table, intervals, the classification report; what two groupings of
//! the same clips say about each other.
//!
//! Undefined scores are `None`, never NaN and never a silent 0. Deliberately absent: paired tests (to come in
//! `compare.rs`) and anything that knows a classifier.

mod association;
mod calibration;
mod confusion;
mod interval;
mod metric;
mod report;
mod separation;

pub use association::Association;
pub use calibration::calibration_error;
pub use confusion::{Confusion, PerClass, ScoreError};
pub use interval::{Bootstrap, Interval, bootstrap, fold_spread};
pub use metric::{METRICS, Metric, metric};
pub use report::report;
pub use separation::{anova_f, mutual_information};
