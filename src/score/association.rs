//! How much two groupings of the same items say about each other: mutual information, and the share beyond chance.
//!
//! Deliberately absent: what the groupings are (a caller's speakers and classes), and continuous variables.

use std::collections::BTreeMap;

/// Mutual information of two groupings of the same items, in nats, with what a reader needs to judge it.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Association {
    /// I(a; b) = Σ n_ij/n · ln(n · n_ij / (a_i · b_j)); scikit-learn's `mutual_info_score`.
    pub mutual: f64,
    /// The same expected for groupings of these sizes put together by chance (Vinh, Epps & Bailey, JMLR 11, 2010,
    /// eq. 24a; scikit-learn's `expected_mutual_information`).
    pub expected: f64,
    /// Entropy of the second grouping.
    pub entropy_b: f64,
}

impl Association {
    /// Of two groupings, as numbers, of the same items in the same order; 0 throughout for no items.
    #[must_use]
    pub fn of(a: &[usize], b: &[usize]) -> Association {
        let n = a.len().min(b.len());
        let (mut cells, mut rows, mut columns) = (BTreeMap::new(), BTreeMap::new(), BTreeMap::new());
        for (&i, &j) in a.iter().zip(b) {
            *cells.entry((i, j)).or_insert(0_usize) += 1;
            *rows.entry(i).or_insert(0_usize) += 1;
            *columns.entry(j).or_insert(0_usize) += 1;
        }
        let all = n as f64;
        let share = |((i, j), &count): (&(usize, usize), &usize)| {
            let by_chance = rows[i] as f64 * columns[j] as f64;
            count as f64 / all * (all * count as f64 / by_chance).ln()
        };
        let rows_by_size = sizes(rows.values().copied());
        let columns_by_size = sizes(columns.values().copied());
        Association {
            mutual: cells.iter().map(share).sum::<f64>().max(0.0),
            expected: expected(&rows_by_size, &columns_by_size, n),
            entropy_b: entropy(&columns_by_size, n),
        }
    }

    /// The share of the second grouping's entropy that the first one tells, beyond chance: (I − E(I)) / (H_b − E(I)); at
    /// most 1, about 0 for groupings that know nothing of each other however many and small the groups are.
    ///
    /// `None` where chance alone would tell all (every item a group of its own, or one class). It is scikit-learn's
    /// `adjusted_mutual_info_score` with H_b, not a mean of the entropies, as the most there could be: the question has
    /// a direction.
    #[must_use]
    pub fn told_beyond_chance(&self) -> Option<f64> {
        let room = self.entropy_b - self.expected;
        (room > 1e-9 * self.entropy_b.max(1.0)).then(|| (self.mutual - self.expected) / room)
    }
}

/// How many groups there are of each size.
fn sizes(all: impl Iterator<Item = usize>) -> BTreeMap<usize, usize> {
    let mut counts = BTreeMap::new();
    all.for_each(|size| *counts.entry(size).or_insert(0) += 1);
    counts
}

fn entropy(sizes: &BTreeMap<usize, usize>, n: usize) -> f64 {
    let of = |(&size, &groups): (&usize, &usize)| {
        let share = size as f64 / n as f64;
        -(groups as f64) * share * share.ln()
    };
    sizes.iter().map(of).sum::<f64>().max(0.0)
}

/// Sum over pairs of groups of the mean, under the hypergeometric distribution of their overlap, of its share of I.
fn expected(rows: &BTreeMap<usize, usize>, columns: &BTreeMap<usize, usize>, n: usize) -> f64 {
    let mut logs = vec![0.0; n + 1];
    for i in 1..=n {
        logs[i] = logs[i - 1] + (i as f64).ln();
    }
    let all = n as f64;
    let mut sum = 0.0;
    for (&a, &times_a) in rows {
        for (&b, &times_b) in columns {
            let fixed = logs[a] + logs[b] + logs[n - a] + logs[n - b] - logs[n];
            let overlap = |both: usize| {
                let chance = fixed - logs[both] - logs[a - both] - logs[b - both] - logs[n + both - a - b];
                both as f64 / all * (all * both as f64 / (a as f64 * b as f64)).ln() * chance.exp()
            };
            let least = (a + b).saturating_sub(n).max(1);
            sum += (times_a * times_b) as f64 * (least..=a.min(b)).map(overlap).sum::<f64>();
        }
    }
    sum
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use super::*;

    const MUTUAL: f64 = 0.48464617075236704;
    const EXPECTED: f64 = 0.35841409196300983;

    fn near(found: f64, wanted: f64) {
        assert!((found - wanted).abs() < 1e-9, "{found} is not {wanted}");
    }

    /// scikit-learn 1.9: `mutual_info_score`,
    /// `expected_mutual_information(contingency_matrix(a, b), 12)`, `entropy`, and
    /// `(mi - emi) / (entropy(b) - emi)`, on the same lists.
    #[test]
    fn numbers_are_scikit_learns() {
        let a = [0, 0, 0, 1, 1, 1, 2, 2, 2, 3, 3, 3];
        let b = [0, 0, 1, 1, 1, 1, 2, 2, 0, 0, 1, 2];
        let found = Association::of(&a, &b);
        near(found.mutual, MUTUAL);
        near(found.expected, EXPECTED);
        near(found.told_beyond_chance().unwrap(), (MUTUAL - EXPECTED) / (found.entropy_b - EXPECTED));
    }

    #[test]
    fn equal_groupings_tell_all_and_crossed_ones_nothing() {
        let (a, twice): (Vec<usize>, Vec<usize>) = (0..40).map(|i| (i % 4, 7 + 2 * (i % 4))).unzip();
        near(Association::of(&a, &twice).told_beyond_chance().unwrap(), 1.0);
        let crossed: Vec<usize> = (0..40).map(|i| i / 4 % 5).collect();
        let found = Association::of(&a, &crossed);
        near(found.mutual, 0.0);
        assert!(found.told_beyond_chance().unwrap() < 0.0);
    }

    #[test]
    fn many_small_groups_are_not_taken_for_knowledge() {
        // 200 speakers of two clips each, classes by a generator that knows nothing of them.
        let mut state = 1_u32;
        let mut class = || {
            state = state.wrapping_mul(1_664_525).wrapping_add(1_013_904_223);
            (state >> 16) as usize % 4
        };
        let (speakers, classes): (Vec<usize>, Vec<usize>) = (0..400).map(|i| (i / 2, class())).unzip();
        let found = Association::of(&speakers, &classes);
        assert!(found.mutual / found.entropy_b > 0.5, "plain mutual information: {}", found.mutual);
        assert!(found.told_beyond_chance().unwrap().abs() < 0.1, "{:?}", found.told_beyond_chance());
    }

    #[test]
    fn where_chance_tells_all_there_is_no_share() {
        assert_eq!(Association::of(&[0, 1, 2, 3], &[0, 1, 0, 1]).told_beyond_chance(), None);
        assert_eq!(Association::of(&[0, 0, 1], &[5, 5, 5]).told_beyond_chance(), None);
        assert_eq!(Association::of(&[], &[]).told_beyond_chance(), None);
    }
}
