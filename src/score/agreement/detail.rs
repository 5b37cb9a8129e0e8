//! What lies behind a coefficient: each pair of raters, each category, the table without each rater, the units agreed on least.
//!
//! Deliberately absent: intervals of these; they are for finding where to look.

use super::estimate::value;
use super::{Coefficient, Level, Table, coefficient};

/// One category against all others.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct PerClass {
    /// Ratings that give it.
    pub ratings: usize,
    /// Specific agreement: where one rater gives it, the chance that another of the same unit does (Cicchetti & Feinstein 1990 for
    /// two raters, Uebersax for more).
    pub specific: Option<f64>,
    /// Krippendorff's alpha of it against the rest.
    pub alpha: Option<f64>,
    /// Cohen's kappa of it against the rest, mean over pairs.
    pub kappa: Option<f64>,
}

/// The coefficient of each pair of raters: symmetric, `None` on the diagonal.
#[must_use]
pub fn matrix(table: &Table, coefficient: &Coefficient) -> Vec<Vec<Option<f64>>> {
    let raters = table.raters();
    let mut cells = vec![vec![None; raters]; raters];
    for (a, b) in (0..raters).flat_map(|a| (a + 1..raters).map(move |b| (a, b))) {
        let found = value(&table.of_raters(&[a, b]), coefficient);
        (cells[a][b], cells[b][a]) = (found, found);
    }
    cells
}

/// A category by itself: `table` has code 1 for it, 0 for any other (see [`Table::one_vs_rest`]).
#[must_use]
pub fn per_class(table: &Table) -> PerClass {
    let of = |name: &str| coefficient(name).and_then(|row| value(table, row));
    let (mut ratings, mut given, mut shared) = (0, 0.0, 0.0);
    for unit in 0..table.units() {
        let said = table.unit(unit);
        let hits = said.iter().filter(|rating| rating.code == 1).count();
        ratings += hits;
        given += (hits * said.len().saturating_sub(1)) as f64;
        shared += (hits * hits.saturating_sub(1)) as f64;
    }
    PerClass { ratings, specific: (given > 0.0).then(|| shared / given), alpha: of("alpha"), kappa: of("kappa") }
}

/// The coefficient without each rater in turn: who pulls it down stands where it is highest.
#[must_use]
pub fn without_each(table: &Table, coefficient: &Coefficient) -> Vec<Option<f64>> {
    (0..table.raters()).map(|rater| value(&table.without(rater), coefficient)).collect()
}

/// How far the raters of each unit are apart, 0..1: the share of pairs that differ, or the mean squared difference over the squared
/// range of the scale; `None` with fewer than two ratings.
#[must_use]
pub fn disagreement(table: &Table, level: Level) -> Vec<Option<f64>> {
    let range = table.values().last().zip(table.values().first()).map_or(0.0, |(high, low)| high - low);
    let of = |&pattern: &u32| {
        let pattern = &table.patterns()[pattern as usize];
        let apart = match level {
            Level::Nominal => 1.0 - pattern.agree,
            Level::Scale if range > 0.0 => pattern.square / (range * range),
            Level::Scale => 0.0,
        };
        (pattern.ratings > 1.0).then_some(apart)
    };
    table.pattern_of().iter().map(of).collect()
}
