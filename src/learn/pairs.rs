//! One against one: the order of the pairs of classes, and class shares from the decisions of all pairs.
//!
//! Deliberately absent: what decides within a pair (`svm`, `linear_svm`), and calibration.

use ndarray::{Array1, Array2, ArrayView1};

/// Slope of the logistic that turns a decision value into the probability within a pair. Set by hand where Platt would
/// fit one per pair: it keeps the order and needs no clips; one temperature calibrates the whole (see `committee`).
const SLOPE: f64 = 2.0;

/// All pairs in reading order: 0-1, 0-2, …, 1-2, ….
pub(super) fn pairs(classes: usize) -> Vec<(usize, usize)> {
    (0..classes).flat_map(|first| (first + 1..classes).map(move |second| (first, second))).collect()
}

/// Class probabilities from pairwise ones: the second method of Wu, Lin & Weng (2004, JMLR 5:975, algorithm 2),
/// which libsvm uses.
pub(super) fn coupled(decisions: ArrayView1<f64>, classes: usize) -> Array1<f64> {
    let mut within = Array2::zeros((classes, classes));
    for ((first, second), &decision) in pairs(classes).into_iter().zip(decisions) {
        // Kept off 0 and 1, as in libsvm, so that the system below stays regular.
        let share = (1.0 / (1.0 + (-SLOPE * decision).exp())).clamp(1e-7, 1.0 - 1e-7);
        within[(first, second)] = share;
        within[(second, first)] = 1.0 - share;
    }
    let system = Array2::from_shape_fn((classes, classes), |(row, column)| {
        if row == column {
            within.column(row).iter().map(|share: &f64| share * share).sum::<f64>()
        } else {
            -within[(row, column)] * within[(column, row)]
        }
    });
    descend(&system, classes)
}

/// Minimises pᵀ·system·p over p ≥ 0, Σp = 1 by libsvm's coordinate steps.
fn descend(system: &Array2<f64>, classes: usize) -> Array1<f64> {
    let mut shares = Array1::from_elem(classes, 1.0 / classes as f64);
    for _ in 0..100.max(classes) {
        let mut slopes = system.dot(&shares);
        let mut value = shares.dot(&slopes);
        if slopes.iter().all(|slope| (slope - value).abs() < 0.005 / classes as f64) {
            break;
        }
        for class in 0..classes {
            let step = (value - slopes[class]) / system[(class, class)];
            shares[class] += step;
            let norm = 1.0 + step;
            value = (value + step * (step * system[(class, class)] + 2.0 * slopes[class])) / (norm * norm);
            slopes.zip_mut_with(&system.row(class), |slope, entry| *slope = (*slope + step * entry) / norm);
            shares /= norm;
        }
    }
    shares
}

#[cfg(test)]
mod tests {
    use super::*;
    use ndarray::array;

    #[test]
    fn pairs_come_in_reading_order() {
        assert_eq!(pairs(3), [(0, 1), (0, 2), (1, 2)]);
        assert!(pairs(1).is_empty());
    }

    #[test]
    fn two_classes_couple_to_the_logistic() {
        let shares = coupled(array![1.0].view(), 2);
        assert!((shares[0] - 1.0 / (1.0 + (-SLOPE).exp())).abs() < 1e-2, "{shares}");
        assert!((shares.sum() - 1.0).abs() < 1e-12);
    }

    #[test]
    fn coupling_prefers_the_class_that_wins_its_pairs() {
        // 1 beats 0 and 2; 0 beats 2 narrowly.
        let shares = coupled(array![-1.5, 0.2, 2.0].view(), 3);
        assert!(shares[1] > shares[0] && shares[0] > shares[2], "{shares}");
        let far = coupled(array![900.0, -900.0, 900.0].view(), 3);
        assert!(far.iter().all(|share| share.is_finite()), "{far}");
    }
}
