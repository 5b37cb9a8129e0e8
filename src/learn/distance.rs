//! Squared Euclidean distances between many rows at once, by the matrix product, in f32.
//!
//! |x - y|² = |x|² + |y|² - 2 x·y cancels where rows lie far from 0, so all are moved by one centre first, in f64.
//! What is left is an error of about 1e-6 of the rows' own squared lengths; who must know better looks again ([`Points::exact`]).
//! Blocks of rows run on rayon, and a block gives the same bits whatever the pool. Deliberately absent: other distances.

use ndarray::{Array1, Array2, ArrayView2, Axis};
use rayon::prelude::*;

use super::LearnError;
use super::cnn::{Matrix, Write, multiply};

/// Multiplications in a block: some ten milliseconds, after which a caller looks at its watch.
const WORK: usize = 1 << 30;

/// Most rows in a block; more gain nothing.
const ROWS: usize = 256;

/// Rows ready to be compared.
pub(super) struct Points {
    /// n x d, moved by the centre.
    values: Vec<f32>,
    /// n squared lengths.
    squares: Vec<f32>,
    columns: usize,
}

/// Where rows are moved to before they are compared: their mean.
pub(super) fn centre(rows: &Array2<f64>) -> Array1<f64> {
    rows.mean_axis(Axis(0)).unwrap_or_else(|| Array1::zeros(rows.ncols()))
}

impl Points {
    /// Those of `rows`, less `centre`.
    pub fn new(rows: &Array2<f64>, centre: &Array1<f64>) -> Points {
        let mut values = Vec::with_capacity(rows.len());
        let mut squares = Vec::with_capacity(rows.nrows());
        for row in rows.rows() {
            let from = values.len();
            values.extend(row.iter().zip(centre).map(|(value, centre)| (value - centre) as f32));
            squares.push(values[from..].iter().map(|&value| f64::from(value) * f64::from(value)).sum::<f64>() as f32);
        }
        Points { values, squares, columns: rows.ncols() }
    }

    /// Number of rows.
    pub fn len(&self) -> usize {
        self.squares.len()
    }

    /// Rows that are compared with `others` in one go.
    pub fn block(&self, others: &Points) -> usize {
        (WORK / (others.len() * self.columns).max(1)).clamp(1, ROWS)
    }

    /// Squared distances of the rows from `first` on to all of `others`, row by row into `out`, a whole number of rows.
    ///
    /// # Panics
    /// When `out` reaches beyond the rows, or the columns differ.
    pub fn distances(&self, first: usize, others: &Points, out: &mut [f32]) {
        let (columns, width) = (self.columns, others.len());
        let rows = out.len() / width.max(1);
        let left = Matrix::new(&self.values[first * columns..(first + rows) * columns], rows, columns, columns);
        let right = Matrix::new(&others.values, width, columns, columns).transposed();
        multiply(out, left, right, Write::Replace);
        for (line, square) in out.chunks_mut(width.max(1)).zip(&self.squares[first..]) {
            for (value, other) in line.iter_mut().zip(&others.squares) {
                *value = (square + other - 2.0 * *value).max(0.0);
            }
        }
    }

    /// n x classes: what `score` makes of blocks of rows, given the number of the first and their squared distances to
    /// `others`, one under the other; blocks run side by side.
    ///
    /// # Errors
    /// `Failed` when there are no rows.
    pub fn scored(
        &self,
        others: &Points,
        score: impl Fn(usize, Vec<f32>) -> Array2<f64> + Sync,
    ) -> Result<Array2<f64>, LearnError> {
        let block = self.block(others);
        let one = |first: usize| {
            let mut near = vec![0.0; block.min(self.len() - first) * others.len()];
            self.distances(first, others, &mut near);
            score(first, near)
        };
        let firsts: Vec<usize> = (0..self.len()).step_by(block).collect();
        let parts: Vec<Array2<f64>> = firsts.into_par_iter().map(one).collect();
        let parts: Vec<ArrayView2<f64>> = parts.iter().map(Array2::view).collect();
        ndarray::concatenate(Axis(0), &parts).map_err(|why| LearnError::Failed(why.to_string()))
    }

    /// How far a squared distance from row `at` to a row of that squared length may be off.
    pub fn error(&self, at: usize, longest: f32) -> f32 {
        // Rounding of two squares, of the product (whose terms grow like the root of their number), and of the sum.
        4.0 * f32::EPSILON * (self.squares[at] + longest) * (self.columns as f32).sqrt().max(4.0)
    }

    /// Squared length of the longest row.
    pub fn longest(&self) -> f32 {
        self.squares.iter().copied().fold(0.0, f32::max)
    }
}
