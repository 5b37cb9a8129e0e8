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

impl Couple {
    fn none(codes: usize) -> Couple {
        let margins = [vec![0.0; codes], vec![0.0; codes]];
        Couple { units: 0.0, agree: 0.0, linear: 0.0, square: 0.0, margins }
    }

    fn add(&mut self, codes: [u32; 2], units: u64, values: &[f64]) {
        let ([a, b], units) = (codes.map(|code| code as usize), units as f64);
        let off = (values[a] - values[b]).abs();
        self.margins[0][a] += units;
        self.margins[1][b] += units;
        self.units += units;
        self.agree += if a == b { units } else { 0.0 };
        self.linear += units * off;
        self.square += units * off * off;
    }
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
        let (values, k) = (self.values(), self.values().len());
        let longest = self.table.couples().map(<[Pair]>::len).max().unwrap_or(0);
        // As many cells as kinds of pairs; none where a scale has more of them than there are pairs.
        let mut cells = vec![0_u64; k.checked_mul(k).filter(|kinds| *kinds < longest).unwrap_or(0)];
        let mut couple = |pairs: &[Pair]| {
            let mut couple = Couple::none(k);
            let weight = |pair: &Pair| self.weights[pair.pattern as usize];
            if cells.is_empty() || pairs.len() <= cells.len() {
                pairs.iter().for_each(|pair| couple.add(pair.codes, weight(pair), values));
                return couple;
            }
            // Fewer kinds of pairs than pairs: counted first, which is the quickest that can be done with a pair.
            cells.fill(0);
            for pair in pairs {
                let [a, b] = pair.codes;
                cells[a as usize * k + b as usize] += weight(pair);
            }
            for (at, &count) in cells.iter().enumerate().filter(|(_, count)| **count > 0) {
                couple.add([(at / k) as u32, (at % k) as u32], count, values);
            }
            couple
        };
        self.table.couples().map(&mut couple).collect()
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
