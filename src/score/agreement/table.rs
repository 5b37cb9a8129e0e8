//! Ratings as numbers: units by raters, with holes; equal units are kept once.
//!
//! A rating is a code, the place of its value in [`Table::values`]; for categories the values are 0, 1, 2 … Units that were rated
//! alike by the same raters are one *pattern*, and what a coefficient needs of a pattern whatever the other units say (how far
//! its raters agree) is worked out once, so that a resample is a count per pattern. Deliberately absent: clips and names.

use std::collections::BTreeMap;

/// Why ratings make no table.
#[derive(Debug, Clone, PartialEq, thiserror::Error)]
pub enum TableError {
    /// A value is not finite, or the values do not ascend.
    #[error("the values of a scale must be finite and ascend")]
    Values,
    /// A rating is none of the values.
    #[error("unit {unit}: rating {code} where there are {values} values")]
    Code {
        /// The unit, from 0.
        unit: usize,
        /// The rating.
        code: usize,
        /// How many values there are.
        values: usize,
    },
    /// A rating by nobody, or two by one rater.
    #[error("unit {unit}: rater {rater} where there are {raters}, or twice")]
    Rater {
        /// The unit, from 0.
        unit: usize,
        /// The rater.
        rater: usize,
        /// How many raters there are.
        raters: usize,
    },
}

/// Who gave a unit which code.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub struct Rating {
    /// From 0.
    pub rater: u32,
    /// A place in [`Table::values`].
    pub code: u32,
}

/// Units by raters.
#[derive(Debug, Clone)]
pub struct Table {
    values: Vec<f64>,
    raters: usize,
    /// The pattern of each unit.
    pattern_of: Vec<u32>,
    patterns: Vec<Pattern>,
    /// Of all patterns, one after the other, by rater.
    said: Vec<Rating>,
    /// Of all patterns: code and how many raters gave it.
    counts: Vec<(u32, u32)>,
    /// Of all couples of raters who rated a unit together, one after the other.
    pairs: Vec<Pair>,
    /// End of each couple's part of `pairs`.
    couples: Vec<usize>,
}

/// What holds of a pattern in every resample. Means are over its ordered pairs of two raters; 0 with fewer than two.
#[derive(Debug, Clone, Copy, Default)]
pub(super) struct Pattern {
    /// End of its part of `said` and of `counts`; it starts where the one before ends.
    ends: [usize; 2],
    /// Number of ratings.
    pub(super) ratings: f64,
    /// Share of pairs that agree.
    pub(super) agree: f64,
    /// Mean |a - b|.
    pub(super) linear: f64,
    /// Mean (a - b)².
    pub(super) square: f64,
    /// Mean ((a - b) / (a + b))², 0 where a + b is.
    pub(super) ratio: f64,
}

/// Two ratings of one pattern; the lower rater's code first.
#[derive(Debug, Clone, Copy)]
pub(super) struct Pair {
    pub(super) pattern: u32,
    pub(super) codes: [u32; 2],
}

impl Table {
    /// Ratings on a scale of those `values`, ascending, whether used or not; a list of (rater, code) per unit.
    ///
    /// # Errors
    /// Values that do not ascend; a code or rater beyond them; a rater twice in a unit.
    pub fn new<U>(values: Vec<f64>, raters: usize, units: U) -> Result<Table, TableError>
    where
        U: IntoIterator<Item = Vec<(usize, usize)>>,
    {
        let ascend = values.windows(2).all(|two| two[0] < two[1]) && values.iter().all(|value| value.is_finite());
        if !ascend {
            return Err(TableError::Values);
        }
        let (count, mut rows) = (values.len(), Vec::new());
        for (unit, ratings) in units.into_iter().enumerate() {
            let mut row = Vec::with_capacity(ratings.len());
            for (rater, code) in ratings {
                if code >= count {
                    return Err(TableError::Code { unit, code, values: count });
                }
                if rater >= raters {
                    return Err(TableError::Rater { unit, rater, raters });
                }
                row.push(Rating { rater: rater as u32, code: code as u32 });
            }
            row.sort_unstable();
            if let Some(twice) = row.windows(2).find(|two| two[0].rater == two[1].rater) {
                return Err(TableError::Rater { unit, rater: twice[0].rater as usize, raters });
            }
            rows.push(row);
        }
        Ok(Table::of(values, raters, rows))
    }

    /// Ratings by `classes` categories.
    ///
    /// # Errors
    /// As [`Table::new`].
    pub fn nominal<U>(classes: usize, raters: usize, units: U) -> Result<Table, TableError>
    where
        U: IntoIterator<Item = Vec<(usize, usize)>>,
    {
        Table::new((0..classes).map(|class| class as f64).collect(), raters, units)
    }

    /// Checked rows, each sorted by rater.
    fn of(values: Vec<f64>, raters: usize, rows: Vec<Vec<Rating>>) -> Table {
        let (said, counts, pairs) = (Vec::new(), Vec::new(), Vec::new());
        let (pattern_of, patterns) = (Vec::with_capacity(rows.len()), Vec::new());
        let mut table = Table { values, raters, pattern_of, patterns, said, counts, pairs, couples: Vec::new() };
        let (mut known, mut couples) = (BTreeMap::new(), BTreeMap::new());
        for row in rows {
            let next = known.len() as u32;
            let pattern = *known.entry(row).or_insert_with_key(|row| {
                table.add(row, &mut couples);
                next
            });
            table.pattern_of.push(pattern);
        }
        for mut pairs in couples.into_values() {
            table.pairs.append(&mut pairs);
            table.couples.push(table.pairs.len());
        }
        table
    }

    fn add(&mut self, row: &[Rating], couples: &mut BTreeMap<(u32, u32), Vec<Pair>>) {
        let mut pattern = Pattern { ratings: row.len() as f64, ..Pattern::default() };
        let number = self.patterns.len() as u32;
        let mut counts: BTreeMap<u32, u32> = BTreeMap::new();
        for (at, first) in row.iter().enumerate() {
            *counts.entry(first.code).or_default() += 1;
            for second in &row[at + 1..] {
                let pair = Pair { pattern: number, codes: [first.code, second.code] };
                couples.entry((first.rater, second.rater)).or_default().push(pair);
                let (a, b) = (self.values[first.code as usize], self.values[second.code as usize]);
                pattern.agree += f64::from(u8::from(first.code == second.code));
                pattern.linear += (a - b).abs();
                pattern.square += (a - b) * (a - b);
                pattern.ratio += ratio(a, b);
            }
        }
        let pairs = (row.len() * row.len().saturating_sub(1) / 2).max(1) as f64;
        for mean in [&mut pattern.agree, &mut pattern.linear, &mut pattern.square, &mut pattern.ratio] {
            *mean /= pairs;
        }
        self.said.extend(row);
        self.counts.extend(counts);
        pattern.ends = [self.said.len(), self.counts.len()];
        self.patterns.push(pattern);
    }

    /// What codes stand for, ascending.
    #[must_use]
    pub fn values(&self) -> &[f64] {
        &self.values
    }

    /// Number of raters.
    #[must_use]
    pub fn raters(&self) -> usize {
        self.raters
    }

    /// Number of units, rated or not.
    #[must_use]
    pub fn units(&self) -> usize {
        self.pattern_of.len()
    }

    /// Number of ratings.
    #[must_use]
    pub fn ratings(&self) -> usize {
        self.pattern_of.iter().map(|&pattern| self.patterns[pattern as usize].ratings as usize).sum()
    }

    /// The ratings of a unit, by rater.
    #[must_use]
    pub fn unit(&self, unit: usize) -> &[Rating] {
        self.pattern_of.get(unit).map_or(&[], |&pattern| self.said(pattern as usize))
    }

    /// The table of some raters alone, numbered anew in that order; units stay, though nobody of them rated some.
    #[must_use]
    pub fn of_raters(&self, raters: &[usize]) -> Table {
        let new: BTreeMap<u32, u32> = raters.iter().enumerate().map(|(new, &old)| (old as u32, new as u32)).collect();
        let keep = |rating: &Rating| new.get(&rating.rater).map(|&rater| Rating { rater, ..*rating });
        self.mapped(self.values.clone(), raters.len(), keep)
    }

    /// The table of all raters but one.
    #[must_use]
    pub fn without(&self, rater: usize) -> Table {
        let rest: Vec<usize> = (0..self.raters).filter(|other| *other != rater).collect();
        self.of_raters(&rest)
    }

    /// One category against the rest: code 1 for it, 0 for any other.
    #[must_use]
    pub fn one_vs_rest(&self, code: usize) -> Table {
        let turn = |rating: &Rating| Some(Rating { code: u32::from(rating.code as usize == code), ..*rating });
        self.mapped(vec![0.0, 1.0], self.raters, turn)
    }

    /// Patterns are mapped, not units: a table of a million units may have a hundred.
    fn mapped(&self, values: Vec<f64>, raters: usize, turn: impl Fn(&Rating) -> Option<Rating>) -> Table {
        let rows = (0..self.patterns.len()).map(|pattern| {
            let mut row: Vec<Rating> = self.said(pattern).iter().filter_map(&turn).collect();
            row.sort_unstable();
            row
        });
        let mut table = Table::of(values, raters, rows.collect());
        let merged = std::mem::take(&mut table.pattern_of);
        table.pattern_of = self.pattern_of.iter().map(|&pattern| merged[pattern as usize]).collect();
        table
    }

    pub(super) fn pattern_of(&self) -> &[u32] {
        &self.pattern_of
    }

    pub(super) fn patterns(&self) -> &[Pattern] {
        &self.patterns
    }

    pub(super) fn said(&self, pattern: usize) -> &[Rating] {
        &self.said[self.part(pattern, 0)]
    }

    pub(super) fn counts(&self, pattern: usize) -> &[(u32, u32)] {
        &self.counts[self.part(pattern, 1)]
    }

    /// What the raters of each couple say of the patterns that both rated.
    pub(super) fn couples(&self) -> impl Iterator<Item = &[Pair]> {
        let starts = std::iter::once(0).chain(self.couples.iter().copied());
        starts.zip(&self.couples).map(|(start, &end)| &self.pairs[start..end])
    }

    fn part(&self, pattern: usize, list: usize) -> std::ops::Range<usize> {
        let start = if pattern == 0 { 0 } else { self.patterns[pattern - 1].ends[list] };
        start..self.patterns[pattern].ends[list]
    }
}

/// Krippendorff's ratio difference.
pub(super) fn ratio(a: f64, b: f64) -> f64 {
    if a + b == 0.0 { 0.0 } else { ((a - b) / (a + b)).powi(2) }
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use super::*;

    fn table() -> Table {
        let units = vec![vec![(0, 1), (2, 1)], vec![(2, 0), (0, 2), (1, 2)], vec![], vec![(2, 1), (0, 1)]];
        Table::nominal(3, 3, units).unwrap()
    }

    #[test]
    fn equal_units_are_one_pattern() {
        let table = table();
        assert_eq!((table.units(), table.raters(), table.ratings()), (4, 3, 7));
        assert_eq!(table.pattern_of(), [0, 1, 2, 0]);
        assert_eq!(table.unit(1).iter().map(|one| one.code).collect::<Vec<_>>(), [2, 2, 0]);
        assert!(table.unit(2).is_empty() && table.unit(9).is_empty());
        assert_eq!(table.counts(1), [(0, 1), (2, 2)]);
        let pattern = table.patterns()[1];
        assert!((pattern.agree - 1.0 / 3.0).abs() < 1e-15 && (pattern.square - 8.0 / 3.0).abs() < 1e-15);
    }

    #[test]
    fn raters_and_classes_can_be_taken_out() {
        let two = table().of_raters(&[2, 0]);
        assert_eq!((two.raters(), two.ratings(), two.units()), (2, 6, 4));
        let codes = |table: &Table, unit| table.unit(unit).iter().map(|one| one.code).collect::<Vec<_>>();
        assert_eq!(codes(&two, 1), [0, 2], "the third rater comes first now");
        assert_eq!(codes(&table().without(2), 1), [2, 2]);
        assert_eq!(codes(&table().one_vs_rest(2), 1), [1, 1, 0]);
        assert_eq!(table().one_vs_rest(2).values(), [0.0, 1.0]);
    }

    #[test]
    fn what_is_no_table_is_refused() {
        let refused = |values: &[f64], unit: Vec<(usize, usize)>| Table::new(values.to_vec(), 2, [unit]).err();
        assert_eq!(refused(&[1.0, 1.0], vec![]), Some(TableError::Values));
        assert_eq!(refused(&[0.0, f64::NAN], vec![]), Some(TableError::Values));
        assert_eq!(refused(&[1.0, 2.0], vec![(0, 2)]), Some(TableError::Code { unit: 0, code: 2, values: 2 }));
        for wrong in [vec![(2, 0)], vec![(1, 0), (1, 1)]] {
            assert!(matches!(refused(&[1.0, 2.0], wrong), Some(TableError::Rater { .. })));
        }
    }
}
