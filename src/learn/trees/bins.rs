//! Columns in one byte per value: up to 255 bins, bounded by quantiles of the training rows.
//!
//! As scikit-learn's `HistGradientBoosting` makes them. Deliberately absent: a bin for missing values.

use super::Columns;
use super::columns::middle;

/// Bins of a column, at most.
pub(super) const MOST: usize = 255;

/// Codes of the training rows, column by column.
pub(in crate::learn) struct Bins {
    codes: Vec<u8>,
    /// By column: bin b holds the values above threshold b - 1 and up to threshold b.
    thresholds: Vec<Vec<f32>>,
    rows: usize,
}

impl Bins {
    /// Codes all columns.
    pub(in crate::learn) fn of(columns: &Columns) -> Bins {
        let mut codes = Vec::with_capacity(columns.rows() * columns.count());
        let mut thresholds = Vec::with_capacity(columns.count());
        for column in 0..columns.count() {
            let values = columns.column(column);
            let bounds = bounds(values);
            codes.extend(values.iter().map(|&value| bounds.partition_point(|&bound| bound < value) as u8));
            thresholds.push(bounds);
        }
        Bins { codes, thresholds, rows: columns.rows() }
    }

    /// Number of rows.
    pub(super) fn rows(&self) -> usize {
        self.rows
    }

    /// Number of columns.
    pub(in crate::learn) fn count(&self) -> usize {
        self.thresholds.len()
    }

    /// Codes of one column by row.
    pub(super) fn column(&self, column: usize) -> &[u8] {
        &self.codes[column * self.rows..(column + 1) * self.rows]
    }

    /// Number of bins of a column.
    pub(super) fn bins(&self, column: usize) -> usize {
        self.thresholds[column].len() + 1
    }

    /// Largest value in a bin that is not the last.
    pub(super) fn threshold(&self, column: usize, bin: usize) -> f32 {
        self.thresholds[column][bin]
    }
}

/// Upper bounds of all bins but the last, ascending: midpoints where the values are few, else quantiles (numpy's
/// `averaged_inverted_cdf`).
fn bounds(values: &[f32]) -> Vec<f32> {
    let mut sorted = values.to_vec();
    sorted.sort_unstable_by(f32::total_cmp);
    let mut distinct = sorted.clone();
    distinct.dedup();
    if distinct.len() <= MOST {
        return distinct.windows(2).map(|two| middle(two[0], two[1])).collect();
    }
    let quantile = |part: usize| {
        let (place, rest) = (sorted.len() * part / MOST, sorted.len() * part % MOST);
        if rest > 0 { sorted[place] } else { middle(sorted[place - 1], sorted[place]) }
    };
    let mut bounds: Vec<f32> = (1..MOST).map(quantile).collect();
    bounds.dedup();
    bounds
}

#[cfg(test)]
mod tests {
    use super::*;
    use ndarray::Array2;

    #[test]
    fn few_values_have_a_bin_each() {
        assert_eq!(bounds(&[3.0, 1.0, 3.0, 2.0, 1.0]), [1.5, 2.5]);
        assert!(bounds(&[7.0, 7.0]).is_empty());
        let bins = Bins::of(&Columns::of(&ndarray::array![[3.0, 7.0], [1.0, 7.0], [2.0, 7.0]]));
        assert_eq!((bins.column(0), bins.column(1)), (&[2u8, 0, 1][..], &[0u8, 0, 0][..]));
        assert_eq!((bins.bins(0), bins.bins(1)), (3, 1));
    }

    #[test]
    fn many_values_fill_their_bins_alike() {
        let rows = Array2::from_shape_fn((5100, 1), |(row, _)| ((row * 7919) % 5100) as f64);
        let bins = Bins::of(&Columns::of(&rows));
        assert_eq!(bins.bins(0), MOST);
        let mut sizes = [0; MOST];
        bins.column(0).iter().for_each(|&code| sizes[code as usize] += 1);
        assert!(sizes.iter().all(|&size| size == 20), "{sizes:?}");
        // 5100 = 255 · 20, so each bound is the middle between two values; 0..=19 is the first bin.
        assert_eq!(bins.threshold(0, 0), 19.5);
    }
}
