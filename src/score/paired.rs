//! Two systems on the same clips: is one better, or was it luck?
//!
//! Every test is two-sided and exact where it can be. Deliberately absent: unpaired tests (the clips are the same), tests over
//! folds that take them for independent, and more than two systems (see `several.rs`).

use rand::{Rng, SeedableRng};
use rand_pcg::Pcg64;

use super::confusion::Confusion;
use super::distribution::{f_tail, normal_cdf, student_cdf, student_two_sided};

/// With up to this many signs all assignments are looked at: two lists of 2^15 sums.
const EXACT_SIGNS: usize = 30;
/// Assignments drawn where there are more.
pub const SWAPS: usize = 20_000;
/// Sums nearer than this share of all that could be summed are the same sum.
const SAME: f64 = 1e-12;
/// Below this many speakers a permutation test cannot reach a p of 0.05 (2 / 2^5 = 0.0625).
pub const ENOUGH_SPEAKERS: usize = 6;

/// What a test found.
#[derive(Debug, Clone, Copy, PartialEq, serde::Serialize)]
pub struct Test {
    /// What was measured; which number that is stands at each test.
    pub statistic: f64,
    /// Probability of a statistic at least as extreme if there is no difference.
    pub p: f64,
    /// Number of things that the test takes for independent: clips, speakers, corpora.
    pub n: usize,
    /// True when p is counted or derived without approximation.
    pub exact: bool,
}

/// McNemar's exact test (1947; two-sided binomial): `a_only` clips only the first system has right, `b_only` only the second.
///
/// It takes clips for independent, which clips of one speaker are not: where speakers are known,
/// [`speaker_permutation`] is the test to believe. Statistic: the smaller count. p = 1 without discordant clips.
#[must_use]
pub fn mcnemar(a_only: u64, b_only: u64) -> Test {
    let (few, n) = (a_only.min(b_only), a_only + b_only);
    let ln_ways =
        |k: u64| libm::lgamma(n as f64 + 1.0) - libm::lgamma(k as f64 + 1.0) - libm::lgamma((n - k) as f64 + 1.0);
    let half = n as f64 * std::f64::consts::LN_2;
    let tail: f64 = (0..=few).map(|k| (ln_ways(k) - half).exp()).sum();
    Test { statistic: few as f64, p: (2.0 * tail).min(1.0), n: n as usize, exact: true }
}

/// Permutation test of the difference in UAR between two systems, by speakers.
///
/// If the systems are equally good, their predictions for all clips of a speaker may be swapped; p is the share of the 2^n
/// ways to do so in which the UARs differ at least as much (Good, Permutation Tests, 2000, ch. 3; the pairing by cluster
/// keeps what clips of a speaker have in common). `a` and `b` hold a confusion per speaker, in the same order, with equal
/// supports. Counted exactly up to 30 speakers; beyond, 20,000 ways are drawn with `seed` and p = (b + 1) / (m + 1).
/// Statistic: UAR of a - UAR of b. `None` without clips, or when the supports differ: those are not the same clips.
#[must_use]
pub fn speaker_permutation(a: &[Confusion], b: &[Confusion], seed: u64) -> Option<Test> {
    let classes = a.first()?.classes();
    let paired = |(a, b): (&Confusion, &Confusion)| {
        b.classes() == classes && (0..classes).all(|class| a.support(class) == b.support(class))
    };
    if a.len() != b.len() || !a.iter().zip(b).all(paired) {
        return None;
    }
    let support = |class: usize| a.iter().map(|one| one.support(class)).sum::<u64>() as f64;
    let present: Vec<(usize, f64)> =
        (0..classes).map(|class| (class, support(class))).filter(|(_, support)| *support > 0.0).collect();
    if present.is_empty() {
        return None;
    }
    // A swap changes no support, so each speaker brings a fixed number to the difference, or its opposite.
    let brings = |(a, b): (&Confusion, &Confusion)| {
        let of =
            |&(class, support): &(usize, f64)| (a.count(class, class) as f64 - b.count(class, class) as f64) / support;
        present.iter().map(of).sum::<f64>() / present.len() as f64
    };
    let brought: Vec<f64> = a.iter().zip(b).map(brings).collect();
    Some(signs(&brought, seed))
}

/// Wilcoxon's signed-rank test of paired differences, for example of two systems over several corpora.
///
/// Zeros are dropped, equal differences share their mean rank (`scipy.stats.wilcoxon` with its defaults). Up to 30 differences
/// p is exact, with ties too; beyond, the normal approximation with ties corrected, without continuity correction. Statistic:
/// the smaller sum of ranks. `None` when no difference is left or one is not finite.
#[must_use]
pub fn wilcoxon(differences: &[f64]) -> Option<Test> {
    let kept: Vec<f64> = differences.iter().copied().filter(|d| *d != 0.0).collect();
    if kept.is_empty() || kept.iter().any(|d| !d.is_finite()) {
        return None;
    }
    let (ranks, ties) = mid_ranks(&kept.iter().map(|d| d.abs()).collect::<Vec<_>>());
    let signed: Vec<f64> = ranks.iter().zip(&kept).map(|(rank, d)| rank.copysign(*d)).collect();
    let n = kept.len() as f64;
    let (all, sum) = (n * (n + 1.0) / 2.0, signed.iter().sum::<f64>());
    let statistic = (all - sum.abs()) / 2.0;
    if kept.len() <= EXACT_SIGNS {
        return Some(Test { statistic, ..signs(&signed, 0) });
    }
    let variance = n * (n + 1.0) * (2.0 * n + 1.0) / 24.0 - ties / 48.0;
    let z = (statistic - all / 2.0) / variance.sqrt();
    Some(Test { statistic, p: (2.0 * normal_cdf(z)).min(1.0), n: kept.len(), exact: false })
}

/// Nadeau & Bengio's corrected resampled t-test (Machine Learning 52, 2003) of the differences over the parts of a repeated
/// cross-validation.
///
/// Training parts overlap, so the variance is taken times 1/n + `test_share` / (1 - `test_share`); `test_share` is the share of
/// all clips that one part tests, 1/k for k folds. Statistic: t with n - 1 degrees of freedom. `None` with fewer than two
/// differences, without spread, or where a number makes no sense.
#[must_use]
pub fn corrected_t(differences: &[f64], test_share: f64) -> Option<Test> {
    let Posterior { mean, scale, df } = Posterior::of(differences, test_share)?;
    let t = mean / scale;
    Some(Test { statistic: t, p: student_two_sided(t, df), n: differences.len(), exact: false })
}

/// Alpaydin's combined 5x2cv F test (Neural Computation 11, 1999): `differences[i]` holds the difference in score in both halves
/// of the i-th of five two-fold cross-validations.
///
/// Statistic: F with 10 and 5 degrees of freedom. `None` where the differences do not vary.
#[must_use]
pub fn five_by_two_f(differences: &[[f64; 2]; 5]) -> Option<Test> {
    let squares: f64 = differences.iter().flatten().map(|d| d * d).sum();
    let variance = |[a, b]: &[f64; 2]| (a - b) * (a - b) / 2.0;
    let variances: f64 = differences.iter().map(variance).sum();
    let f = squares / (2.0 * variances);
    f.is_finite().then(|| Test { statistic: f, p: f_tail(f, 10.0, 5.0), n: 5, exact: false })
}

/// How probable it is that one system is better, the other, or that they are as good as equal.
#[derive(Debug, Clone, Copy, PartialEq, serde::Serialize)]
pub struct Rope {
    /// Probability that the difference is below the region.
    pub below: f64,
    /// Probability that it lies within: practically no difference.
    pub within: f64,
    /// Probability that it is above.
    pub above: f64,
}

/// The region of practical equivalence of this program: one point of UAR to either side.
pub const ROPE: f64 = 0.01;

/// Bayesian correlated t-test (Benavoli, Corani, Demšar & Zaffalon, JMLR 18, 2017, section 4.1): where the mean difference over the
/// folds of a cross-validation lies, seen from the region within `rope` of zero.
///
/// `test_share` as in [`corrected_t`], and the same cases are `None`; differences that do not vary have no spread to reason from.
#[must_use]
pub fn rope(differences: &[f64], test_share: f64, rope: f64) -> Option<Rope> {
    let Posterior { mean, scale, df } = Posterior::of(differences, test_share)?;
    let below = student_cdf((-rope - mean) / scale, df);
    let above = student_cdf((mean - rope) / scale, df);
    Some(Rope { below, within: (1.0 - below - above).max(0.0), above })
}

/// Student's t that the mean difference follows.
struct Posterior {
    mean: f64,
    scale: f64,
    df: f64,
}

impl Posterior {
    fn of(differences: &[f64], test_share: f64) -> Option<Posterior> {
        let n = differences.len() as f64;
        if differences.len() < 2 || !(0.0..1.0).contains(&test_share) {
            return None;
        }
        let mean = differences.iter().sum::<f64>() / n;
        let variance = differences.iter().map(|d| (d - mean) * (d - mean)).sum::<f64>() / (n - 1.0);
        let scale = (variance * (1.0 / n + test_share / (1.0 - test_share))).sqrt();
        (scale > 0.0 && scale.is_finite()).then_some(Posterior { mean, scale, df: n - 1.0 })
    }
}

/// The sum of `values` among the sums under all ways to choose their signs.
fn signs(values: &[f64], seed: u64) -> Test {
    let n = values.len();
    let statistic: f64 = values.iter().sum();
    let all: f64 = values.iter().map(|value| value.abs()).sum();
    // A hair below, so that sums which rounding alone tells apart count as equal.
    let bar = statistic.abs() - SAME * all;
    let exact = n <= EXACT_SIGNS;
    let p = if exact { share_of_all(values, bar) } else { share_of_drawn(values, bar, seed) };
    Test { statistic, p, n, exact }
}

/// Share of the 2^n signed sums with an absolute value of at least `bar`: every sum is one of the first half of the values
/// plus one of the second half, so that 2^(n/2) sums, sorted, tell of all.
fn share_of_all(values: &[f64], bar: f64) -> f64 {
    if bar <= 0.0 {
        return 1.0;
    }
    let (first, second) = values.split_at(values.len() / 2);
    let mut sums = signed_sums(second);
    sums.sort_by(f64::total_cmp);
    let beyond = |a: &f64| {
        let above = sums.len() - sums.partition_point(|b| a + b < bar);
        (above + sums.partition_point(|b| a + b <= -bar)) as f64
    };
    signed_sums(first).iter().map(beyond).sum::<f64>() / 2.0_f64.powi(values.len() as i32)
}

fn signed_sums(values: &[f64]) -> Vec<f64> {
    let mut sums = vec![0.0];
    for value in values {
        sums = sums.iter().flat_map(|sum| [sum + value, sum - value]).collect();
    }
    sums
}

fn share_of_drawn(values: &[f64], bar: f64, seed: u64) -> f64 {
    let mut random = Pcg64::seed_from_u64(seed);
    let mut beyond = 0_usize;
    for _ in 0..SWAPS {
        let mut sum = 0.0;
        for some in values.chunks(64) {
            let mut bits: u64 = random.random();
            for value in some {
                sum += if bits & 1 == 1 { *value } else { -value };
                bits >>= 1;
            }
        }
        beyond += usize::from(f64::abs(sum) >= bar);
    }
    (beyond + 1) as f64 / (SWAPS + 1) as f64
}

/// Ranks from 1, equal values sharing the mean of theirs, and Σ (t³ - t) over groups of t equal values.
pub(super) fn mid_ranks(values: &[f64]) -> (Vec<f64>, f64) {
    let mut order: Vec<usize> = (0..values.len()).collect();
    order.sort_by(|&a, &b| values[a].total_cmp(&values[b]));
    let (mut ranks, mut ties) = (vec![0.0; values.len()], 0.0);
    let mut from = 0;
    for group in order.chunk_by(|&a, &b| values[a] == values[b]) {
        let t = group.len() as f64;
        group.iter().for_each(|&at| ranks[at] = from as f64 + (t + 1.0) / 2.0);
        ties += t * t * t - t;
        from += group.len();
    }
    (ranks, ties)
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn equal_values_share_their_rank() {
        assert_eq!(mid_ranks(&[3.0, 1.0, 3.0, 2.0]), (vec![3.5, 1.0, 3.5, 2.0], 6.0));
        assert_eq!(mid_ranks(&[]), (vec![], 0.0));
    }

    #[test]
    fn two_halves_tell_of_all_signs() {
        let values = [0.4, -0.1, 0.25, 0.3, 0.05];
        let mut beyond = 0;
        for ways in 0..32_u32 {
            let sum: f64 = values.iter().enumerate().map(|(at, v)| if ways >> at & 1 == 1 { *v } else { -v }).sum();
            beyond += u32::from(sum.abs() >= 0.9 - 1e-12);
        }
        assert_eq!(signs(&values, 0).p, f64::from(beyond) / 32.0);
    }

    #[test]
    fn drawing_comes_near_counting() {
        let values: Vec<f64> = (0..24).map(|at| f64::from(at * 7 % 11) - 3.5).collect();
        let test = signs(&values, 0);
        let bar = test.statistic.abs() - 1e-9;
        assert!((share_of_drawn(&values, bar, 5) - test.p).abs() < 0.005, "{}", test.p);
    }

    proptest! {
        #[test]
        fn tests_look_to_both_sides(values in prop::collection::vec(-1.0..1.0, 1..14)) {
            let turned: Vec<f64> = values.iter().map(|value: &f64| -value).collect();
            prop_assert_eq!(signs(&values, 0).p, signs(&turned, 0).p);
            prop_assert_eq!(wilcoxon(&values).map(|test| test.p), wilcoxon(&turned).map(|test| test.p));
            let p = signs(&values, 0).p;
            prop_assert!(p > 0.0 && p <= 1.0);
        }

        #[test]
        fn the_three_parts_of_a_rope_are_all(values in prop::collection::vec(-0.1..0.1, 2..12), share in 0.0..0.5) {
            if let Some(Rope { below, within, above }) = rope(&values, share, ROPE) {
                prop_assert!((below + within + above - 1.0).abs() < 1e-12);
            }
        }
    }
}
