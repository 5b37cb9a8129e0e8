//! Agreement of two raters, each with shares of their own: Cohen's kappa, plain and weighted, and the concordance correlation; of
//! more raters the mean over pairs (Light 1971).
//!
//! A pair counts with the units that both rated. Deliberately absent: Conger's kappa, which pools the pairs' chance agreement.

use super::nominal::beyond;
use super::sample::{Couple, Sample};

/// Cohen (1960).
pub(super) fn kappa(sample: &Sample<'_>) -> Option<f64> {
    mean(sample, |couple, _| {
        let [a, b] = &couple.margins;
        let chance: f64 = a.iter().zip(b).map(|(a, b)| a * b).sum();
        beyond(couple.agree / couple.units, chance / (couple.units * couple.units))
    })
}

/// Cohen (1968) with the cost |a - b|.
pub(super) fn kappa_linear(sample: &Sample<'_>) -> Option<f64> {
    mean(sample, |couple, values| {
        let (mut sums, mut chance) = ([0.0; 2], 0.0);
        for (at, step) in values.windows(2).enumerate() {
            sums[0] += couple.margins[0][at];
            sums[1] += couple.margins[1][at];
            // Pairs of which one lies below the step and the other above it cross it.
            chance += (step[1] - step[0]) * (sums[0] * (couple.units - sums[1]) + sums[1] * (couple.units - sums[0]));
        }
        saved(couple.linear / couple.units, chance / (couple.units * couple.units))
    })
}

/// Cohen (1968) with the cost (a - b)². The same number as Lin's concordance correlation with variances divided by n (Krippendorff
/// 1970): both are 1 - mean (a - b)² / its mean over all pairs of units.
pub(super) fn quadratic(sample: &Sample<'_>) -> Option<f64> {
    mean(sample, |couple, values| {
        let middle = values.first()?.midpoint(*values.last()?);
        let moment = |margin: &[f64], power: i32| {
            margin.iter().zip(values).map(|(units, value)| units * (value - middle).powi(power)).sum::<f64>()
                / couple.units
        };
        let [a, b] = &couple.margins;
        let chance = moment(a, 2) + moment(b, 2) - 2.0 * moment(a, 1) * moment(b, 1);
        saved(couple.square / couple.units, chance)
    })
}

fn saved(cost: f64, chance: f64) -> Option<f64> {
    (chance > 1e-12).then(|| 1.0 - cost / chance)
}

/// Over the pairs that have it; none of them, none.
fn mean(sample: &Sample<'_>, of: impl Fn(&Couple, &[f64]) -> Option<f64>) -> Option<f64> {
    let shared = sample.couples().iter().filter(|couple| couple.units > 0.0);
    let (sum, pairs) = shared
        .filter_map(|couple| of(couple, sample.values()))
        .fold((0.0, 0_u32), |(sum, pairs), value| (sum + value, pairs + 1));
    (pairs > 0).then(|| sum / f64::from(pairs))
}
