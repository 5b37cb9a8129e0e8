//! How sure a score is: a bootstrap over speakers, and the spread over folds.
//!
//! Clips of one speaker are alike, so whole speakers are drawn, not clips (cluster bootstrap, percentile interval:
//! Davison & Hinkley 1997, ch. 2.4 and 3.8). Deliberately absent: intervals over clips, BCa, and tests between runs.

use rand::{Rng, SeedableRng};
use rand_pcg::Pcg64;

use super::confusion::Confusion;

/// Fewer groups than this make a percentile interval too narrow to trust.
const ENOUGH_GROUPS: usize = 6;

/// How to draw.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Bootstrap {
    /// Number of resamples.
    pub draws: usize,
    /// Coverage, 0..1.
    pub level: f64,
    /// Seed of the draws: same seed, same interval.
    pub seed: u64,
}

impl Default for Bootstrap {
    fn default() -> Self {
        Bootstrap { draws: 1000, level: 0.95, seed: 0 }
    }
}

/// A percentile interval.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Interval {
    /// Lower end.
    pub low: f64,
    /// Upper end.
    pub high: f64,
    /// Number of groups drawn from.
    pub groups: usize,
    /// True below six groups: the interval is then likely too narrow; say so beside it.
    pub few_groups: bool,
}

impl Interval {
    /// What was done, for captions.
    pub const NAME: &'static str = "speaker bootstrap, percentile";
}

/// Interval of `score` over resampled groups; `groups` holds one confusion per speaker
/// ([`Confusion::by_group`]).
///
/// A resample in which the score is undefined is left out. `None` with fewer than two groups, without draws, or
/// when more than half of the resamples are undefined.
#[must_use]
pub fn bootstrap(groups: &[Confusion], score: fn(&Confusion) -> Option<f64>, how: Bootstrap) -> Option<Interval> {
    let first = groups.first()?;
    if groups.len() < 2 {
        return None;
    }
    let mut random = Pcg64::seed_from_u64(how.seed);
    let mut values: Vec<f64> = (0..how.draws)
        .filter_map(|_| {
            let mut drawn = Confusion::new(first.classes());
            groups.iter().for_each(|_| drawn.add(&groups[random.random_range(0..groups.len())]));
            score(&drawn)
        })
        .collect();
    if values.is_empty() || values.len() * 2 < how.draws {
        return None;
    }
    values.sort_by(f64::total_cmp);
    let tail = (1.0 - how.level) / 2.0;
    let (low, high) = (quantile(&values, tail), quantile(&values, 1.0 - tail));
    Some(Interval { low, high, groups: groups.len(), few_groups: groups.len() < ENOUGH_GROUPS })
}

/// Mean and sample standard deviation (n - 1) of a score over folds; no mean of nothing, no deviation of one value.
#[must_use]
pub fn fold_spread(values: &[f64]) -> Option<(f64, Option<f64>)> {
    if values.is_empty() {
        return None;
    }
    let count = values.len() as f64;
    let mean = values.iter().sum::<f64>() / count;
    let squares: f64 = values.iter().map(|value| (value - mean).powi(2)).sum();
    Some((mean, (values.len() > 1).then(|| (squares / (count - 1.0)).sqrt())))
}

/// Linear between order statistics, as numpy's default.
fn quantile(sorted: &[f64], at: f64) -> f64 {
    let place = at.clamp(0.0, 1.0) * (sorted.len() - 1) as f64;
    let below = place.floor() as usize;
    let above = (below + 1).min(sorted.len() - 1);
    sorted[below] + (sorted[above] - sorted[below]) * (place - below as f64)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::score::metric;

    fn uar() -> fn(&Confusion) -> Option<f64> {
        metric("uar").unwrap().of
    }

    /// Groups that are right on `share` of ten clips of each of two classes.
    fn groups(shares: &[usize]) -> Vec<Confusion> {
        let truth: Vec<usize> = (0..20).map(|clip| clip % 2).collect();
        let judged = |right: usize| {
            let pred: Vec<usize> =
                truth.iter().enumerate().map(|(i, &t)| if i / 2 < right { t } else { 1 - t }).collect();
            Confusion::of(&truth, &pred, 2).unwrap()
        };
        shares.iter().map(|&right| judged(right)).collect()
    }

    #[test]
    fn the_interval_holds_the_pooled_score_and_repeats() {
        let parts = groups(&[9, 8, 6, 10, 7, 8, 5, 9]);
        let interval = bootstrap(&parts, uar(), Bootstrap::default()).unwrap();
        assert_eq!(bootstrap(&parts, uar(), Bootstrap::default()), Some(interval));
        assert!(interval.low < 0.775 && 0.775 < interval.high, "{interval:?}");
        // The standard error of the mean of these eight shares is 0.060, so ± 1.96 s.e. is 0.66 to 0.89.
        assert!((interval.low - 0.66).abs() < 0.03 && (interval.high - 0.89).abs() < 0.03, "{interval:?}");
        assert!(!interval.few_groups);
    }

    #[test]
    fn few_groups_are_said_and_one_is_not_enough() {
        assert!(bootstrap(&groups(&[9, 5, 7]), uar(), Bootstrap::default()).unwrap().few_groups);
        assert_eq!(bootstrap(&groups(&[9]), uar(), Bootstrap::default()), None);
        assert_eq!(bootstrap(&[], uar(), Bootstrap::default()), None);
    }

    #[test]
    fn a_score_that_is_never_defined_has_no_interval() {
        let all = groups(&[9, 8, 6]);
        assert_eq!(bootstrap(&all, |_| None, Bootstrap::default()), None);
        assert_eq!(bootstrap(&all, uar(), Bootstrap { draws: 0, ..Bootstrap::default() }), None);
    }

    #[test]
    fn spread_over_folds() {
        assert_eq!(fold_spread(&[]), None);
        assert_eq!(fold_spread(&[0.5]), Some((0.5, None)));
        let (mean, sd) = fold_spread(&[1.0, 2.0, 3.0, 4.0]).unwrap();
        assert!((mean - 2.5).abs() < 1e-12 && (sd.unwrap() - 1.2909944487).abs() < 1e-9);
    }

    #[test]
    fn quantiles_are_numpys() {
        // numpy.quantile([1, 2, 4, 8], [0, .1, .5, .975, 1])
        let all = [1.0, 2.0, 4.0, 8.0];
        let found = [0.0, 0.1, 0.5, 0.975, 1.0].map(|at| quantile(&all, at));
        assert!(found.iter().zip([1.0, 1.3, 3.0, 7.7, 8.0]).all(|(a, b)| (a - b).abs() < 1e-12), "{found:?}");
    }
}
