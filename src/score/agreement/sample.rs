//! A table, or a resample of it: how often each pattern counts, and the sums that several coefficients share.
//!
//! Sums are made when the first coefficient asks. Deliberately absent: drawing (see `estimate.rs`) and the coefficients.

use std::cell::OnceCell;

use super::table::{Pair, Pattern, Table};

/// Units of a table, drawn.
pub struct Sample<'a> {
    table: &'a Table,
    /// Units of each pattern.
    weights: &'a [u64],
    totals: OnceCell<Totals>,
    couples: OnceCell<Vec<Couple>>,
    rows: OnceCell<Option<Rows>>,
}

/// Sums over units; "paired" are those with two ratings or more.
#[derive(Debug, Clone, Default)]
pub(super) struct Totals {
    /// Number of units with a rating.
    pub(super) rated: f64,
    /// Number of paired units.
    pub(super) paired: f64,
    /// Sum over paired units of the mean over pairs: agreement, |a - b|, (a - b)².
    pub(super) means: [f64; 3],
    /// The same, each unit times its number of ratings: disagreement, (a - b)², ratio difference.
    pub(super) weighted: [f64; 3],
    /// Of each code: the sum over rated units of its share of their ratings.
    pub(super) shares: Vec<f64>,
    /// Of each code: its ratings in paired units.
    pub(super) counts: Vec<f64>,
}

/// What two raters say of the units that both rated.
#[derive(Debug, Clone)]
pub(super) struct Couple {
    pub(super) units: f64,
    pub(super) agree: f64,
    pub(super) linear: f64,
    pub(super) square: f64,
    /// Units per code, of the one and of the other.
    pub(super) margins: [Vec<f64>; 2],
}

/// Mean squares of the two-way layout: units that every rater rated.
#[derive(Debug, Clone, Copy)]
pub(super) struct Rows {
    pub(super) units: f64,
    pub(super) raters: f64,
    /// Between units.
    pub(super) between: f64,
    /// Between raters.
    pub(super) raters_square: f64,
    /// What is left.
    pub(super) error: f64,
}

impl<'a> Sample<'a> {
    /// `weights`: units of each pattern of the table.
    pub(super) fn new(table: &'a Table, weights: &'a [u64]) -> Sample<'a> {
        let (totals, couples, rows) = (OnceCell::new(), OnceCell::new(), OnceCell::new());
        Sample { table, weights, totals, couples, rows }
    }

    pub(super) fn values(&self) -> &'a [f64] {
        self.table.values()
    }

    pub(super) fn totals(&self) -> &Totals {
        self.totals.get_or_init(|| self.sum())
    }

    pub(super) fn couples(&self) -> &[Couple] {
        self.couples.get_or_init(|| self.compare())
    }

    /// `None` with fewer than two such units or raters.
    pub(super) fn rows(&self) -> Option<Rows> {
        *self.rows.get_or_init(|| self.analyse())
    }

    /// Number, weight and facts of each pattern that is there.
    pub(super) fn patterns(&self) -> impl Iterator<Item = (usize, f64, &'a Pattern)> {
        let all = self.table.patterns().iter().zip(self.weights).enumerate();
        all.filter(|(_, (_, weight))| **weight > 0).map(|(at, (pattern, &weight))| (at, weight as f64, pattern))
    }

    pub(super) fn counts(&self, pattern: usize) -> &'a [(u32, u32)] {
        self.table.counts(pattern)
    }

    fn sum(&self) -> Totals {
        let none = vec![0.0; self.values().len()];
        let mut sums = Totals { shares: none.clone(), counts: none, ..Totals::default() };
        for (at, weight, pattern) in self.patterns().filter(|(_, _, pattern)| pattern.ratings > 0.0) {
            let paired = pattern.ratings > 1.0;
            sums.rated += weight;
            for &(code, count) in self.counts(at) {
                let count = weight * f64::from(count);
                sums.shares[code as usize] += count / pattern.ratings;
                sums.counts[code as usize] += if paired { count } else { 0.0 };
            }
            if paired {
                sums.paired += weight;
                let ratings = weight * pattern.ratings;
                let means = [pattern.agree, pattern.linear, pattern.square];
                let weighted = [1.0 - pattern.agree, pattern.square, pattern.ratio];
                sums.means.iter_mut().zip(means).for_each(|(sum, mean)| *sum += weight * mean);
                sums.weighted.iter_mut().zip(weighted).for_each(|(sum, mean)| *sum += ratings * mean);
            }
        }
        sums
    }

    fn compare(&self) -> Vec<Couple> {
        let (values, weights) = (self.values(), self.weights.iter().map(|&weight| weight as f64).collect::<Vec<f64>>());
        let couple = |pairs: &[Pair]| {
            let margins = [vec![0.0; values.len()], vec![0.0; values.len()]];
            let mut couple = Couple { units: 0.0, agree: 0.0, linear: 0.0, square: 0.0, margins };
            for pair in pairs {
                let weight = weights[pair.pattern as usize];
                let [a, b] = pair.codes.map(|code| code as usize);
                let off = (values[a] - values[b]).abs();
                couple.margins[0][a] += weight;
                couple.margins[1][b] += weight;
                couple.units += weight;
                couple.agree += if a == b { weight } else { 0.0 };
                couple.linear += weight * off;
                couple.square += weight * off * off;
            }
            couple
        };
        self.table.couples().map(couple).collect()
    }

    /// Analysis of variance, units by raters, one rating per cell.
    fn analyse(&self) -> Option<Rows> {
        let (values, raters) = (self.values(), self.table.raters());
        // From the middle of the scale, so that squares of large values do not swallow small differences.
        let middle = values.first()?.midpoint(*values.last()?);
        let (mut units, mut squares, mut row_squares, mut columns) = (0.0, 0.0, 0.0, vec![0.0; raters]);
        for (at, weight, _) in self.patterns().filter(|(_, _, pattern)| pattern.ratings as usize == raters) {
            let mut row = 0.0;
            for (rating, column) in self.table.said(at).iter().zip(&mut columns) {
                let value = values[rating.code as usize] - middle;
                row += value;
                *column += weight * value;
                squares += weight * value * value;
            }
            units += weight;
            row_squares += weight * row * row;
        }
        let k = raters as f64;
        if units < 2.0 || raters < 2 {
            return None;
        }
        let all: f64 = columns.iter().sum();
        let whole = all * all / (units * k);
        let between = row_squares / k - whole;
        let raters_square = columns.iter().map(|column| column * column).sum::<f64>() / units - whole;
        let error = (squares - whole - between - raters_square).max(0.0) / ((units - 1.0) * (k - 1.0));
        let (between, raters_square) = (between / (units - 1.0), raters_square / (k - 1.0));
        Some(Rows { units, raters: k, between, raters_square, error })
    }
}
