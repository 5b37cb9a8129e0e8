//! Agreement that corrects for chance by the shares of the categories over all raters: percent agreement, Fleiss' kappa, Gwet's AC1
//! and AC2.
//!
//! Units with missing ratings count by the pairs they have (Gwet, Handbook of Inter-Rater Reliability, 4th ed. 2014, ch. 2 and
//! 4); with complete ratings this is each author's own formula. Deliberately absent: standard errors; intervals are resampled.

use super::sample::Sample;

/// Mean over units of the share of pairs of raters that agree.
pub(super) fn percent(sample: &Sample<'_>) -> Option<f64> {
    let totals = sample.totals();
    (totals.paired > 0.0).then(|| totals.means[0] / totals.paired)
}

/// Fleiss (1971): chance is the agreement of two ratings drawn from all.
pub(super) fn fleiss(sample: &Sample<'_>) -> Option<f64> {
    let chance = shares(sample)?.map(|share| share * share).sum();
    beyond(percent(sample)?, chance)
}

/// Gwet (2008): chance is bounded by the raters' doubt, so that it stays sane where one category is rare.
pub(super) fn ac1(sample: &Sample<'_>) -> Option<f64> {
    let categories = sample.values().len() as f64;
    gwet(sample, percent(sample)?, categories)
}

/// AC2 with weights 1 - |a - b| / range.
pub(super) fn ac2_linear(sample: &Sample<'_>) -> Option<f64> {
    weighted(sample, 1, f64::abs)
}

/// AC2 with weights 1 - ((a - b) / range)².
pub(super) fn ac2(sample: &Sample<'_>) -> Option<f64> {
    weighted(sample, 2, |off| off * off)
}

fn weighted(sample: &Sample<'_>, mean: usize, cost: fn(f64) -> f64) -> Option<f64> {
    let (values, totals) = (sample.values(), sample.totals());
    let widest = cost(values.last()? - values.first()?);
    if totals.paired == 0.0 || widest == 0.0 {
        return None;
    }
    let costs: f64 = values.iter().flat_map(|a| values.iter().map(move |b| cost(a - b))).sum();
    let weights = (values.len() * values.len()) as f64 - costs / widest;
    gwet(sample, 1.0 - totals.means[mean] / totals.paired / widest, weights)
}

/// `weights`: their sum over all pairs of categories.
fn gwet(sample: &Sample<'_>, observed: f64, weights: f64) -> Option<f64> {
    let categories = sample.values().len() as f64;
    if categories < 2.0 {
        return None;
    }
    let doubt: f64 = shares(sample)?.map(|share| share * (1.0 - share)).sum();
    beyond(observed, weights * doubt / (categories * (categories - 1.0)))
}

/// Share of each category: the mean over units of its share there.
fn shares<'a>(sample: &'a Sample<'_>) -> Option<impl Iterator<Item = f64> + 'a> {
    let totals = sample.totals();
    (totals.rated > 0.0).then(|| totals.shares.iter().map(|sum| sum / totals.rated))
}

/// What agreement there is beyond chance, of what there could be; undefined where chance agreement is complete.
pub(super) fn beyond(observed: f64, chance: f64) -> Option<f64> {
    (chance < 1.0 - 1e-12).then(|| (observed - chance) / (1.0 - chance))
}
