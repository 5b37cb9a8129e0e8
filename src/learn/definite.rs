//! Linear systems with a symmetric positive definite matrix: products of rows with each other, and Cholesky by blocks.
//!
//! Rows of blocks on rayon; the same bits whatever the pool, as each number is computed by one thread in one order.
//! Deliberately absent: pivoting; who may meet a singular matrix adds something to its diagonal first.

use ndarray::{Array2, Axis, s};
use rayon::prelude::*;

use super::cnn::{Matrix, Write, multiply};
use super::{Epoch, LearnError};
use crate::job::Watch;

/// Columns that are eliminated at a time, and rows of a product.
const BLOCK: usize = 64;

/// rows · rowsᵀ, n x n.
///
/// # Errors
/// Cancelled.
pub(super) fn products(rows: &Array2<f64>, watch: &dyn Watch<Epoch>) -> Result<Array2<f64>, LearnError> {
    let rows = rows.as_standard_layout();
    let (clips, columns) = rows.dim();
    let numbers = rows.as_slice().unwrap_or_default();
    let mut out = Array2::zeros((clips, clips));
    let lines = out.as_slice_mut().unwrap_or_default();
    let all = Matrix::new(numbers, clips, columns, columns).transposed();
    lines.par_chunks_mut((BLOCK * clips).max(1)).enumerate().try_for_each(|(block, out)| {
        watch.check()?;
        let own = Matrix::new(&numbers[block * BLOCK * columns..], out.len() / clips, columns, columns);
        multiply(out, own, all, Write::Replace);
        Ok::<_, LearnError>(())
    })?;
    Ok(out)
}

/// L with L Lᵀ = a matrix; what stands right of the diagonal is not read.
pub(super) struct Cholesky(Array2<f64>);

impl Cholesky {
    /// Of an n x n matrix, of which the lower triangle is read.
    ///
    /// # Errors
    /// Cancelled; `Failed` where the matrix is not positive definite.
    pub fn of(mut matrix: Array2<f64>, watch: &dyn Watch<Epoch>) -> Result<Cholesky, LearnError> {
        let n = matrix.nrows();
        let numbers = matrix.as_slice_mut().ok_or_else(|| LearnError::Failed("a matrix with gaps".to_owned()))?;
        for first in (0..n).step_by(BLOCK) {
            watch.check()?;
            let width = BLOCK.min(n - first);
            let (above, below) = numbers.split_at_mut((first + width) * n);
            let own = &mut above[first * n..];
            eliminate(own, n, first, width);
            diagonal(own, n, first)?;
            let own: &[f64] = own;
            below.par_chunks_mut(BLOCK * n).for_each(|rows| {
                reduce(rows, own, n, (first, width));
                for row in rows.chunks_mut(n) {
                    substitute(&mut row[first..first + width], own, n, first);
                }
            });
        }
        Ok(Cholesky(matrix))
    }

    /// The solution x of L Lᵀ x = right, n x k.
    pub fn solve(&self, right: &Array2<f64>) -> Array2<f64> {
        let mut x = right.clone();
        for at in 0..x.nrows() {
            let (done, mut rest) = x.view_mut().split_at(Axis(0), at);
            let row = self.0.row(at);
            let known = row.slice(s![..at]).dot(&done);
            let mut own = rest.row_mut(0);
            own -= &known;
            own /= row[at];
        }
        self.solve_upper(&x)
    }

    /// The solution x of Lᵀ x = right, n x k.
    pub fn solve_upper(&self, right: &Array2<f64>) -> Array2<f64> {
        let mut x = right.clone();
        for at in (0..x.nrows()).rev() {
            let (mut before, mut rest) = x.view_mut().split_at(Axis(0), at);
            let row = self.0.row(at);
            let mut own = rest.row_mut(0);
            own /= row[at];
            for (mut line, &entry) in before.rows_mut().into_iter().zip(row) {
                line.scaled_add(-entry, &own);
            }
        }
        x
    }

    /// L, with zeros right of the diagonal.
    pub fn lower(&self) -> Array2<f64> {
        let mut lower = self.0.clone();
        for (at, mut row) in lower.rows_mut().into_iter().enumerate() {
            row.slice_mut(s![at + 1..]).fill(0.0);
        }
        lower
    }
}

/// Takes what columns before `first` explain from the block of rows on the diagonal.
fn eliminate(own: &mut [f64], n: usize, first: usize, width: usize) {
    let before = own.to_vec();
    reduce(own, &before, n, (first, width));
}

/// Takes the product of the columns before `first` of `rows` and of `own` from the columns of the block.
fn reduce(rows: &mut [f64], own: &[f64], n: usize, (first, width): (usize, usize)) {
    let count = rows.len() / n;
    let mut known = vec![0.0; count * width];
    let (left, right) = (Matrix::new(rows, count, first, n), Matrix::new(own, width, first, n));
    multiply(&mut known, left, right.transposed(), Write::Replace);
    for (row, known) in rows.chunks_mut(n).zip(known.chunks(width)) {
        row[first..first + width].iter_mut().zip(known).for_each(|(value, known)| *value -= known);
    }
}

/// Cholesky of the block on the diagonal, row by row.
fn diagonal(own: &mut [f64], n: usize, first: usize) -> Result<(), LearnError> {
    for at in 0..own.len() / n {
        let (done, rest) = own.split_at_mut(at * n);
        let row = &mut rest[first..=first + at];
        substitute(&mut row[..at], done, n, first);
        let left = row[at] - row[..at].iter().map(|value| value * value).sum::<f64>();
        if left.is_nan() || left <= 0.0 {
            return Err(LearnError::Failed("a covariance that is not positive definite".to_owned()));
        }
        row[at] = left.sqrt();
    }
    Ok(())
}

/// Solves x Lᵀ = row in place, where L is the block of `own` from column `first` on.
fn substitute(row: &mut [f64], own: &[f64], n: usize, first: usize) {
    for at in 0..row.len() {
        let line = &own[at * n + first..=at * n + first + at];
        let known: f64 = row[..at].iter().zip(line).map(|(a, b)| a * b).sum();
        row[at] = (row[at] - known) / line[at];
    }
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use super::*;
    use crate::job::Unwatched;

    #[test]
    fn solutions_solve() {
        for n in [1, 5, BLOCK, BLOCK + 1, 3 * BLOCK - 7] {
            let rows =
                Array2::from_shape_fn((n, n + 3), |(row, column)| ((row * 37 + column * 61) % 101) as f64 / 50.0 - 1.0);
            let mut matrix = products(&rows, &Unwatched).unwrap();
            assert!((&matrix - &rows.dot(&rows.t())).iter().all(|gap| gap.abs() < 1e-10));
            matrix.diag_mut().mapv_inplace(|value| value + 1.0);
            let right =
                Array2::from_shape_fn((n, 2), |(row, column)| (row + 1) as f64 * if column == 0 { 1.0 } else { -0.5 });
            let found = Cholesky::of(matrix.clone(), &Unwatched).unwrap().solve(&right);
            let lower = Cholesky::of(matrix.clone(), &Unwatched).unwrap().lower();
            assert!((lower.dot(&lower.t()) - &matrix).iter().all(|gap| gap.abs() < 1e-10 * n as f64), "{n}");
            assert!((matrix.dot(&found) - &right).iter().all(|gap| gap.abs() < 1e-8 * n as f64), "{n}");
        }
    }

    #[test]
    fn what_is_not_positive_is_refused() {
        let matrix = ndarray::array![[1.0, 2.0], [2.0, 1.0]];
        assert!(matches!(Cholesky::of(matrix, &Unwatched), Err(LearnError::Failed(_))));
        assert!(matches!(Cholesky::of(Array2::from_elem((1, 1), f64::NAN), &Unwatched), Err(LearnError::Failed(_))));
    }
}
