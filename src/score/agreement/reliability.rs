//! How much of the variance of ratings on a scale is the units' own: intraclass correlations and Cronbach's alpha.
//!
//! Shrout & Fleiss, Psychological Bulletin 86 (1979). Only units that every rater rated count: with holes the two-way layout has no
//! closed form. Deliberately absent: ICC(3,1); for ICC(3,k) see Cronbach's alpha, which is the same number.

use super::sample::{Rows, Sample};

/// ICC(1,1): each unit may have raters of its own.
pub(super) fn icc1(sample: &Sample<'_>) -> Option<f64> {
    let Rows { units, raters, between, raters_square, error } = sample.rows()?;
    let within = ((raters - 1.0) * raters_square + (units - 1.0) * (raters - 1.0) * error) / (units * (raters - 1.0));
    share(between - within, between + (raters - 1.0) * within)
}

/// ICC(2,1): a single rater, drawn from many; absolute agreement.
pub(super) fn icc2_1(sample: &Sample<'_>) -> Option<f64> {
    let Rows { units, raters, between, raters_square, error } = sample.rows()?;
    share(between - error, between + (raters - 1.0) * error + raters * (raters_square - error) / units)
}

/// ICC(2,k): the mean of these raters; absolute agreement.
pub(super) fn icc2_k(sample: &Sample<'_>) -> Option<f64> {
    let Rows { units, between, raters_square, error, .. } = sample.rows()?;
    share(between - error, between + (raters_square - error) / units)
}

/// Cronbach (1951), raters for items, by mean squares (Hoyt 1941); equal to ICC(3,k).
pub(super) fn cronbach(sample: &Sample<'_>) -> Option<f64> {
    let Rows { between, error, .. } = sample.rows()?;
    share(between - error, between)
}

fn share(part: f64, whole: f64) -> Option<f64> {
    (whole > 1e-12).then(|| part / whole)
}
