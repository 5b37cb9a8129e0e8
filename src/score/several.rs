//! Several systems: over several corpora (Friedman, Nemenyi), and what many tests at once take (Holm).
//!
//! Deliberately absent: Bonferroni (Holm is never weaker) and Dunnett-style tests against a control.

use super::distribution::{chi_squared_tail, f_tail, range_critical, range_tail};
use super::paired::mid_ranks;

/// Holm's (1979) step-down adjustment: p-values that may each be held against the level asked for, however many there are.
/// In the order given; statsmodels' `multipletests(method="holm")`.
#[must_use]
pub fn holm(p: &[f64]) -> Vec<f64> {
    let mut order: Vec<usize> = (0..p.len()).collect();
    order.sort_by(|&a, &b| p[a].total_cmp(&p[b]));
    let (mut adjusted, mut so_far) = (vec![0.0; p.len()], 0.0_f64);
    for (place, &at) in order.iter().enumerate() {
        so_far = so_far.max(p[at] * (p.len() - place) as f64).min(1.0);
        adjusted[at] = so_far;
    }
    adjusted
}

/// Friedman's test of k systems on n corpora, and what Nemenyi's test needs.
#[derive(Debug, Clone, PartialEq)]
pub struct Friedman {
    /// Mean rank of each system; 1 = best.
    pub mean_ranks: Vec<f64>,
    /// Number of corpora.
    pub corpora: usize,
    /// Friedman's chi-squared, ties corrected (`scipy.stats.friedmanchisquare`).
    pub chi_squared: f64,
    /// Its p, with k - 1 degrees of freedom.
    pub p_chi_squared: f64,
    /// Iman & Davenport's F (1980), less conservative: (n - 1) χ² / (n (k - 1) - χ²); infinite when all corpora agree.
    pub f: f64,
    /// Its p, with k - 1 and (k - 1)(n - 1) degrees of freedom.
    pub p: f64,
}

impl Friedman {
    /// `scores` holds a row per corpus and in it a score per system, more being better.
    ///
    /// `None` with fewer than two corpora or systems, rows of different length, a score that is not finite, or when every
    /// corpus has all systems equal.
    #[must_use]
    pub fn of(scores: &[Vec<f64>]) -> Option<Friedman> {
        let (n, k) = (scores.len(), scores.first()?.len());
        let sound = |row: &Vec<f64>| row.len() == k && row.iter().all(|score| score.is_finite());
        if n < 2 || k < 2 || !scores.iter().all(sound) {
            return None;
        }
        let (mut sums, mut ties) = (vec![0.0; k], 0.0);
        for row in scores {
            let (ranks, tied) = mid_ranks(&row.iter().map(|score| -score).collect::<Vec<_>>());
            sums.iter_mut().zip(&ranks).for_each(|(sum, rank)| *sum += rank);
            ties += tied;
        }
        let (corpora, n, k) = (n, n as f64, k as f64);
        let correction = 1.0 - ties / (n * k * (k * k - 1.0));
        let squares: f64 = sums.iter().map(|sum| sum * sum).sum();
        let chi_squared = (12.0 / (n * k * (k + 1.0)) * squares - 3.0 * n * (k + 1.0)) / correction;
        if !chi_squared.is_finite() {
            return None;
        }
        let rest = n * (k - 1.0) - chi_squared;
        let f = if rest <= 1e-9 { f64::INFINITY } else { (n - 1.0) * chi_squared / rest };
        Some(Friedman {
            mean_ranks: sums.iter().map(|sum| sum / n).collect(),
            corpora,
            chi_squared,
            p_chi_squared: chi_squared_tail(chi_squared, k - 1.0),
            f,
            p: f_tail(f, k - 1.0, (k - 1.0) * (n - 1.0)),
        })
    }

    /// Nemenyi's (1963) critical difference: mean ranks further apart differ at level `alpha` (Demšar, JMLR 7, 2006, eq. 1).
    #[must_use]
    pub fn critical_difference(&self, alpha: f64) -> f64 {
        range_critical(alpha, self.mean_ranks.len()) / std::f64::consts::SQRT_2 * self.standard_error()
    }

    /// Nemenyi's p for two systems, adjusted for all pairs as it is.
    #[must_use]
    pub fn nemenyi(&self, a: usize, b: usize) -> f64 {
        let apart = (self.mean_ranks[a] - self.mean_ranks[b]).abs() / self.standard_error();
        range_tail(apart * std::f64::consts::SQRT_2, self.mean_ranks.len())
    }

    fn standard_error(&self) -> f64 {
        let k = self.mean_ranks.len() as f64;
        (k * (k + 1.0) / (6.0 * self.corpora as f64)).sqrt()
    }
}
