//! Turning what a classifier says into rows that sum to 1.
//!
//! Deliberately absent: calibration. These are shares that keep the order of the classes, not promises.

use ndarray::{Array2, ArrayViewMut1};

/// Nothing is taken for less likely than e to this: a share of 0 could never be calibrated.
const LEAST: f64 = -600.0;

/// exp(x) / Σ exp(x) of each row, in place, safe for any finite x.
pub(super) fn softmax(logits: &mut Array2<f64>) {
    logits.rows_mut().into_iter().for_each(softmax_row);
}

fn softmax_row(mut row: ArrayViewMut1<f64>) {
    let top = row.iter().copied().fold(f64::NEG_INFINITY, f64::max);
    row.mapv_inplace(|value| (value - top).max(LEAST).exp());
    let sum = row.sum();
    row.mapv_inplace(|value| value / sum);
}

/// How often a row of each class must be seen so that every class has about the weight of the largest:
/// round(largest / count); 0 for a class without rows. UAR counts classes alike, and corpora do not.
pub(super) fn times(labels: &[usize], classes: usize) -> Vec<usize> {
    let mut counts = vec![0usize; classes];
    labels.iter().for_each(|&label| counts[label] += 1);
    let largest = counts.iter().copied().max().unwrap_or(0);
    let of = |&count: &usize| if count == 0 { 0 } else { (largest as f64 / count as f64).round() as usize };
    counts.iter().map(of).collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use ndarray::array;

    #[test]
    fn softmax_survives_large_numbers() {
        let mut logits = array![[1000.0, 1000.0], [-4000.0, -3000.0], [0.0, 3f64.ln()]];
        softmax(&mut logits);
        let wanted = array![[0.5, 0.5], [0.0, 1.0], [0.25, 0.75]];
        assert!((logits - wanted).iter().all(|gap| gap.abs() < 1e-12));
    }

    #[test]
    fn rare_classes_count_more() {
        assert_eq!(times(&[0, 0, 1, 0, 0, 2, 2, 2], 4), [1, 4, 1, 0]);
    }
}
