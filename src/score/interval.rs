//! How sure a score is: a bootstrap over speakers, and the spread over folds.
//!
//! Clips of one speaker are alike, so whole speakers are drawn, not clips (cluster bootstrap: Davison & Hinkley 1997, ch. 2.4
//! and 3.8). The plain percentile interval is too narrow for few speakers; [`Method`] says what is done about it, and
//! `benches/statistics.rs` measures how often each kind covers. Deliberately absent: tests between runs (see `paired.rs`).

use super::confusion::Confusion;
use super::distribution::{normal_cdf, normal_quantile, student_quantile};
use super::resample::{Score, jackknife, resample};

/// Fewer groups than this make any interval over them too narrow to trust.
const ENOUGH_GROUPS: usize = 6;

/// How an interval is read off the resamples.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Method {
    /// Their quantiles at the level asked for.
    Percentile,
    /// Bias-corrected and accelerated (Efron 1987): the quantiles moved for bias and skew.
    Bca,
    /// Percentile at the level that makes it as wide as Student's t would, n / (n - 1) included (Hesterberg, The American
    /// Statistician 69, 2015, "expanded percentile"): resamples of n groups vary too little, and by the normal law.
    ExpandedPercentile,
    /// BCa at that level.
    #[default]
    ExpandedBca,
}

impl Method {
    /// All of them.
    pub const ALL: [Method; 4] = [Method::Percentile, Method::Bca, Method::ExpandedPercentile, Method::ExpandedBca];

    /// For captions.
    #[must_use]
    pub fn name(self) -> &'static str {
        match self {
            Method::Percentile => "percentile",
            Method::Bca => "BCa",
            Method::ExpandedPercentile => "expanded percentile",
            Method::ExpandedBca => "expanded BCa",
        }
    }
}

/// How to draw.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Bootstrap {
    /// Number of resamples.
    pub draws: usize,
    /// Coverage, 0..1.
    pub level: f64,
    /// Seed of the draws: same seed, same interval.
    pub seed: u64,
    /// How the interval is read off.
    pub method: Method,
}

impl Default for Bootstrap {
    fn default() -> Self {
        Bootstrap { draws: 4000, level: 0.95, seed: 0, method: Method::default() }
    }
}

/// An interval.
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
    /// How it was read off.
    pub method: Method,
}

/// Resamples of a score, from which intervals of every [`Method`] can be read.
#[derive(Debug, Clone, PartialEq)]
pub struct Resamples {
    /// Ascending.
    values: Vec<f64>,
    point: f64,
    /// Scores without each group in turn.
    without: Vec<f64>,
    groups: usize,
}

/// Interval of `score` over resampled groups; `groups` holds one confusion per speaker
/// ([`Confusion::by_group`]).
///
/// A resample in which the score is undefined is left out. `None` with fewer than two groups, without draws, or
/// when more than half of the resamples are undefined.
#[must_use]
pub fn bootstrap(groups: &[Confusion], score: Score, how: Bootstrap) -> Option<Interval> {
    Resamples::of(groups, score, how.draws, how.seed)?.interval(how.method, how.level)
}

impl Resamples {
    /// Draws; `None` as [`bootstrap`].
    #[must_use]
    pub fn of(groups: &[Confusion], score: Score, draws: usize, seed: u64) -> Option<Resamples> {
        let first = groups.first().filter(|_| groups.len() > 1)?;
        let mut all = Confusion::new(first.classes());
        groups.iter().for_each(|group| all.add(group));
        let point = score(&all)?;
        let values = resample(groups, score, draws, seed);
        Resamples::made(values, (point, jackknife(groups, score)), (draws, groups.len()))
    }

    /// Of `values` that are defined in `draws` resamples of `groups` groups, the score of all of them, and its jackknife; `None`
    /// where more than half are undefined, and of fewer than two groups.
    pub(super) fn made(
        mut values: Vec<f64>,
        (point, without): (f64, Vec<f64>),
        (draws, groups): (usize, usize),
    ) -> Option<Resamples> {
        if values.is_empty() || values.len() * 2 < draws || groups < 2 {
            return None;
        }
        values.sort_by(f64::total_cmp);
        Some(Resamples { values, point, without, groups })
    }

    /// The interval that covers with probability `level`, 0..1.
    #[must_use]
    pub fn interval(&self, method: Method, level: f64) -> Option<Interval> {
        let (tail, n) = ((1.0 - level) / 2.0, self.groups as f64);
        let z = match method {
            Method::Percentile | Method::Bca => normal_quantile(tail),
            Method::ExpandedPercentile | Method::ExpandedBca => {
                (n / (n - 1.0)).sqrt() * student_quantile(tail, n - 1.0)
            }
        };
        let (bias, acceleration) = match method {
            Method::Percentile | Method::ExpandedPercentile => (0.0, 0.0),
            Method::Bca | Method::ExpandedBca => (self.bias(), self.acceleration()),
        };
        let at = |z: f64| {
            let moved = bias + z;
            quantile(&self.values, normal_cdf(bias + moved / (1.0 - acceleration * moved)))
        };
        let (low, high) = (at(z), at(-z));
        let few_groups = self.groups < ENOUGH_GROUPS;
        (low.is_finite() && high.is_finite()).then_some(Interval { low, high, groups: self.groups, few_groups, method })
    }

    /// z0 of BCa: how far the resamples lie beside the score itself; equal ones count half (as scipy does).
    fn bias(&self) -> f64 {
        let below = self.values.partition_point(|value| *value < self.point);
        let up_to = self.values.partition_point(|value| *value <= self.point);
        let share = (below + up_to) as f64 / (2 * self.values.len()) as f64;
        // All resamples on one side of the score: no correction rather than an infinite one.
        if share > 0.0 && share < 1.0 { normal_quantile(share) } else { 0.0 }
    }

    /// a of BCa by the jackknife: skew of the groups' influence; 0 where leaving any out changes nothing.
    fn acceleration(&self) -> f64 {
        let n = self.without.len() as f64;
        let mean = self.without.iter().sum::<f64>() / n;
        let power = |k: i32| self.without.iter().map(|value| (mean - value).powi(k)).sum::<f64>();
        let a = power(3) / (6.0 * power(2).powf(1.5));
        if a.is_finite() { a } else { 0.0 }
    }
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

    const ENDS: [[f64; 2]; 4] = [
        [0.025, 0.975],
        [0.0455727587907917, 0.987351396544702],
        [0.0009541005518824885, 0.9990458994481175],
        [0.002539376347191796, 0.9996840369731089],
    ];

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
        assert!(!interval.few_groups);
        // The standard error of the mean of these eight shares is 0.060: ± 1.96 s.e. of the resamples' √(7/8) of that, and ±
        // t(7) = 2.36 s.e., are 0.66 to 0.89 and 0.63 to 0.92; what skews down makes BCa reach lower.
        let of = |method| bootstrap(&parts, uar(), Bootstrap { method, ..Bootstrap::default() }).unwrap();
        let near = |interval: Interval, low: f64, high: f64| {
            assert!((interval.low - low).abs() < 0.02 && (interval.high - high).abs() < 0.02, "{interval:?}");
        };
        near(of(Method::Percentile), 0.66, 0.88);
        near(of(Method::ExpandedPercentile), 0.63, 0.90);
        assert!(of(Method::Bca).low <= of(Method::Percentile).low, "{:?}", of(Method::Bca));
        assert!(of(Method::ExpandedBca).low < of(Method::Bca).low);
    }

    #[test]
    fn few_groups_are_said_and_one_is_not_enough() {
        assert!(bootstrap(&groups(&[9, 5, 7]), uar(), Bootstrap::default()).unwrap().few_groups);
        assert_eq!(bootstrap(&groups(&[9]), uar(), Bootstrap::default()), None);
        assert_eq!(bootstrap(&[], uar(), Bootstrap::default()), None);
    }

    #[test]
    fn systems_that_are_always_right_have_an_interval_without_width() {
        for method in Method::ALL {
            let found = bootstrap(&groups(&[10, 10, 10]), uar(), Bootstrap { method, ..Bootstrap::default() }).unwrap();
            assert_eq!((found.low, found.high), (1.0, 1.0), "{method:?}");
        }
    }

    /// The formula by scipy's normal distribution (`tests/golden/statistics.py`) on resamples given, not drawn.
    #[test]
    fn the_ends_are_where_the_formula_says() {
        let values: Vec<f64> = (0..1001).map(|at| f64::from(at) / 1000.0).collect();
        let resamples = Resamples { values, point: 0.55, without: vec![0.5, 0.52, 0.56, 0.6, 0.57], groups: 5 };
        let ends = |method| resamples.interval(method, 0.95).map(|one| [one.low, one.high]).unwrap();
        for (method, wanted) in Method::ALL.into_iter().zip(ENDS) {
            let found = ends(method);
            assert!(
                found.iter().zip(wanted).all(|(a, b)| (a - b).abs() < 1e-9),
                "{method:?}: {found:?}, not {wanted:?}"
            );
        }
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
