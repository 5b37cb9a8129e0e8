//! Krippendorff's alpha: one less the disagreement within units over that between all ratings. Any number of raters, missing ratings,
//! four kinds of difference.
//!
//! K. Krippendorff, "Computing Krippendorff's Alpha-Reliability" (2011), with the sums over pairs of ratings written as sums over
//! ratings, so that the time does not grow with their square. Deliberately absent: circular and bipolar differences.

use super::sample::{Sample, Totals};
use super::table::ratio;

/// More different values than this would take too long to compare pair by pair.
const MOST_RATIOS: usize = 1000;

/// Two ratings differ or not.
pub(super) fn nominal(sample: &Sample<'_>) -> Option<f64> {
    let totals = sample.totals();
    let n = pairable(totals)?;
    let same: f64 = totals.counts.iter().map(|count| count * count).sum();
    alpha(totals.weighted[0], n * n - same, n)
}

/// They differ by the number of ratings between them: the distance of their mid-ranks.
pub(super) fn ordinal(sample: &Sample<'_>) -> Option<f64> {
    let totals = sample.totals();
    let n = pairable(totals)?;
    let mut below = 0.0;
    let ranks: Vec<f64> = totals
        .counts
        .iter()
        .map(|count| {
            let rank = below + count / 2.0 - n / 2.0;
            below += count;
            rank
        })
        .collect();
    let mut within = 0.0;
    for (at, weight, pattern) in sample.patterns().filter(|(_, _, pattern)| pattern.ratings > 1.0) {
        let (mut sum, mut squares) = (0.0, 0.0);
        for &(code, count) in sample.counts(at) {
            let rank = ranks[code as usize];
            sum += f64::from(count) * rank;
            squares += f64::from(count) * rank * rank;
        }
        within += weight * 2.0 * (pattern.ratings * squares - sum * sum) / (pattern.ratings - 1.0);
    }
    alpha(within, spread(&totals.counts, &ranks, n), n)
}

/// They differ by the square of their difference.
pub(super) fn interval(sample: &Sample<'_>) -> Option<f64> {
    let (totals, values) = (sample.totals(), sample.values());
    let n = pairable(totals)?;
    let middle = values.first()?.midpoint(*values.last()?);
    let centred: Vec<f64> = values.iter().map(|value| value - middle).collect();
    alpha(totals.weighted[1], spread(&totals.counts, &centred, n), n)
}

/// They differ by the square of their difference over their sum; for values from a true zero up, a thousand different ones at most.
pub(super) fn ratios(sample: &Sample<'_>) -> Option<f64> {
    let (totals, values) = (sample.totals(), sample.values());
    let n = pairable(totals)?;
    if values.len() > MOST_RATIOS || values.first().is_none_or(|least| *least < 0.0) {
        return None;
    }
    let of = |at: usize| {
        let others = values[..at].iter().zip(&totals.counts);
        totals.counts[at] * others.map(|(value, count)| count * ratio(*value, values[at])).sum::<f64>()
    };
    alpha(totals.weighted[2], 2.0 * (0..values.len()).map(of).sum::<f64>(), n)
}

/// Ratings in units that have two or more.
fn pairable(totals: &Totals) -> Option<f64> {
    let n: f64 = totals.counts.iter().sum();
    (n > 1.0).then_some(n)
}

/// Sum over all ordered pairs of ratings of the squared difference.
fn spread(counts: &[f64], values: &[f64], n: f64) -> f64 {
    let sum = |power: i32| counts.iter().zip(values).map(|(count, value)| count * value.powi(power)).sum::<f64>();
    2.0 * (n * sum(2) - sum(1).powi(2))
}

/// Undefined where all ratings are the same: there is nothing to agree on.
fn alpha(within: f64, all: f64, n: f64) -> Option<f64> {
    (all > 1e-12 * n * n).then(|| 1.0 - (n - 1.0) * within / all)
}
