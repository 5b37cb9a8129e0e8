//! Scores: confusion matrix, metrics as rows of a table, intervals, calibration, scales, the classification report; tests
//! between systems; what two groupings of the same clips say about each other.
//!
//! Undefined scores are `None`, never NaN and never a silent 0. Deliberately absent: anything that knows a classifier.

pub mod agreement;
mod association;
mod calibration;
mod confusion;
pub mod distribution;
mod interval;
mod metric;
mod paired;
mod report;
mod resample;
mod scale;
mod separation;
mod several;
mod soft;

pub use association::Association;
pub use calibration::{Calibration, ReliabilityBin};
pub use confusion::{Confusion, PerClass, ScoreError};
pub use interval::{Bootstrap, Interval, Method, Resamples, bootstrap, fold_spread};
pub use metric::{METRICS, Metric, metric};
pub use paired::{
    ENOUGH_SPEAKERS, ROPE, Rope, SWAPS, Test, corrected_t, five_by_two_f, mcnemar, rope, speaker_permutation, wilcoxon,
};
pub use report::report;
pub use resample::Score;
pub use scale::{ccc, pearson, rmse};
pub use separation::{anova_f, mutual_information};
pub use several::{Friedman, holm};
pub use soft::SoftFit;
