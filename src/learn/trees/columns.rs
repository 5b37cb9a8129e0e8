//! The training rows column by column, in single precision.
//!
//! scikit-learn's trees, too, see single precision only; half the bytes are read in a walk over a column, and a threshold
//! kept in a file is the threshold that was chosen. Deliberately absent: anything sorted, which each node does for itself.

use ndarray::{Array2, ArrayView1};

/// n rows of d columns.
pub(in crate::learn) struct Columns {
    /// Column after column.
    values: Vec<f32>,
    rows: usize,
}

impl Columns {
    /// From n x d finite numbers.
    pub(in crate::learn) fn of(rows: &Array2<f64>) -> Columns {
        Columns { values: rows.t().iter().copied().map(single).collect(), rows: rows.nrows() }
    }

    /// Number of rows.
    pub(in crate::learn) fn rows(&self) -> usize {
        self.rows
    }

    /// Number of columns.
    pub(in crate::learn) fn count(&self) -> usize {
        self.values.len().checked_div(self.rows).unwrap_or(0)
    }

    /// Values of one column by row.
    pub(in crate::learn) fn column(&self, column: usize) -> &[f32] {
        &self.values[column * self.rows..(column + 1) * self.rows]
    }
}

/// A row as trees see it.
pub(super) fn row_of(row: ArrayView1<f64>) -> Vec<f32> {
    row.iter().copied().map(single).collect()
}

/// Beyond the range of single precision stands its largest number, not infinity, so that a threshold stays finite.
fn single(value: f64) -> f32 {
    (value as f32).clamp(f32::MIN, f32::MAX)
}

/// The largest number of single precision that is at most halfway between `below` and `above`, and never `above`: asks
/// of numbers of single precision just what the exact middle would.
pub(super) fn middle(below: f32, above: f32) -> f32 {
    let exact = f64::from(below) / 2.0 + f64::from(above) / 2.0;
    let near = exact as f32;
    let at_most = if f64::from(near) > exact { near.next_down() } else { near };
    if at_most >= above { below } else { at_most }
}

#[cfg(test)]
mod tests {
    use super::*;
    use ndarray::array;

    #[test]
    fn rows_become_columns() {
        let columns = Columns::of(&array![[1.0, 2.0], [3.0, 1e300], [5.0, -1e300]]);
        assert_eq!((columns.rows(), columns.count()), (3, 2));
        assert_eq!(columns.column(0), [1.0, 3.0, 5.0]);
        assert_eq!(columns.column(1), [2.0, f32::MAX, f32::MIN]);
    }

    #[test]
    fn the_middle_parts_even_neighbours() {
        assert_eq!(middle(1.0, 2.0), 1.5);
        let one_up = 1.0f32.next_up();
        for (below, above) in [(1.0, one_up), (-one_up, -1.0), (f32::MIN, f32::MAX), (-0.0, f32::MIN_POSITIVE)] {
            let at = middle(below, above);
            assert!(below <= at && at < above && at.is_finite(), "{below} {at} {above}");
        }
    }
}
