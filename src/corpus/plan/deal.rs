//! Dealing rows and groups of rows to folds, evenly.
//!
//! Deliberately absent: what the groups are (speakers, sentences) and which rows a fold learns from.

use std::collections::BTreeSet;

use rand::SeedableRng;
use rand::seq::SliceRandom;
use rand_pcg::Pcg64;

/// The position of each row's group among all groups: a fold per group.
pub(super) fn positions(groups: &[usize]) -> Vec<usize> {
    let all: Vec<usize> = groups.iter().copied().collect::<BTreeSet<_>>().into_iter().collect();
    groups.iter().map(|group| all.partition_point(|g| g < group)).collect()
}

/// Deals each stratum's rows, shuffled, to the folds in turn; the next stratum goes on where the last one stopped, so that
/// the folds' sizes differ by at most one, and so does each stratum.
pub(super) fn stratified(strata: &[usize], folds: usize, seed: u64) -> Vec<usize> {
    let mut rng = Pcg64::seed_from_u64(seed);
    let mut rows: Vec<usize> = (0..strata.len()).collect();
    rows.shuffle(&mut rng);
    rows.sort_by_key(|row| strata[*row]);
    let mut fold_of = vec![0; strata.len()];
    for (turn, row) in rows.into_iter().enumerate() {
        fold_of[row] = turn % folds;
    }
    fold_of
}

/// The greedy algorithm of scikit-learn's `StratifiedGroupKFold(shuffle=True)`: groups in shuffled order, those with the most
/// uneven counts first, each go to the fold that keeps the strata's shares most even, ties to the smaller fold. Unlike
/// there no fold stays empty.
pub(super) fn grouped(strata: &[usize], groups: &[usize], folds: usize, seed: u64) -> Vec<usize> {
    let group_of = positions(groups);
    let many = group_of.iter().max().map_or(0, |last| last + 1);
    let width = strata.iter().max().map_or(0, |last| last + 1);
    let mut counts = vec![vec![0.0; width]; many];
    for (stratum, group) in strata.iter().zip(&group_of) {
        counts[*group][*stratum] += 1.0;
    }
    let mut order: Vec<usize> = (0..many).collect();
    order.shuffle(&mut Pcg64::seed_from_u64(seed));
    order.sort_by(|a, b| deviation(counts[*b].iter().copied()).total_cmp(&deviation(counts[*a].iter().copied())));
    let mut deal = Deal { totals: column_sums(&counts, width), folds: vec![vec![0.0; width]; folds] };
    let mut fold_of_group = vec![0; many];
    for (dealt, group) in order.iter().enumerate() {
        fold_of_group[*group] = deal.give(&counts[*group], order.len() - dealt);
    }
    group_of.into_iter().map(|group| fold_of_group[group]).collect()
}

/// Counts of the strata in the folds while groups are dealt out.
struct Deal {
    totals: Vec<f64>,
    folds: Vec<Vec<f64>>,
}

impl Deal {
    /// Puts a group into the best fold and returns it; `left` groups are not yet dealt, this one included.
    fn give(&mut self, group: &[f64], left: usize) -> usize {
        let empty = self.folds.iter().filter(|fold| fold.iter().sum::<f64>() == 0.0).count();
        let candidates = (0..self.folds.len()).filter(|f| empty < left || self.folds[*f].iter().sum::<f64>() == 0.0);
        let scored = candidates.map(|fold| (self.unevenness(group, fold), self.folds[fold].iter().sum::<f64>(), fold));
        // Summing in another order changes last bits: scikit-learn, too, takes close scores for ties.
        let best = scored.reduce(|a, b| {
            let tie = (a.0 - b.0).abs() <= 1e-8;
            if (tie && b.1 < a.1) || (!tie && b.0 < a.0) { b } else { a }
        });
        let fold = best.map_or(0, |(_, _, fold)| fold);
        for (have, more) in self.folds[fold].iter_mut().zip(group) {
            *have += more;
        }
        fold
    }

    /// Mean over strata of the deviation between folds of the stratum's share, were the group in `fold`.
    fn unevenness(&self, group: &[f64], fold: usize) -> f64 {
        let present = (0..group.len()).filter(|stratum| self.totals[*stratum] > 0.0);
        let spread: Vec<f64> = present
            .map(|stratum| {
                deviation(self.folds.iter().enumerate().map(|(f, counts)| {
                    let more = if f == fold { group[stratum] } else { 0.0 };
                    (counts[stratum] + more) / self.totals[stratum]
                }))
            })
            .collect();
        spread.iter().sum::<f64>() / spread.len().max(1) as f64
    }
}

fn column_sums(rows: &[Vec<f64>], columns: usize) -> Vec<f64> {
    (0..columns).map(|c| rows.iter().map(|row| row[c]).sum()).collect()
}

/// Population standard deviation; 0 for nothing.
fn deviation(values: impl Iterator<Item = f64> + Clone) -> f64 {
    let n = values.clone().count().max(1) as f64;
    let mean = values.clone().sum::<f64>() / n;
    (values.map(|v| (v - mean).powi(2)).sum::<f64>() / n).sqrt()
}
