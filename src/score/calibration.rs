//! How far probabilities are from what they promise.
//!
//! Deliberately absent: making them better (`learn` fits temperatures).

/// Intervals that confidences are sorted into, as in the paper.
const BINS: usize = 15;

/// Expected calibration error (Guo et al. 2017, equation 3), 0..1: the mean gap between how sure predictions are and
/// how often they are right, over 15 equal intervals of confidence, weighted by clips. `None` without predictions.
///
/// A pair per clip: the probability of the predicted class, 0..1, and whether that class was right.
#[must_use]
pub fn calibration_error(predictions: &[(f64, bool)]) -> Option<f64> {
    if predictions.is_empty() || predictions.iter().any(|(p, _)| !p.is_finite()) {
        return None;
    }
    let mut bins = [(0.0, 0.0); BINS];
    for &(p, right) in predictions {
        // Intervals are closed above: 1 belongs to the last one.
        let bin = ((p * BINS as f64).ceil() as usize).clamp(1, BINS) - 1;
        bins[bin].0 += p;
        bins[bin].1 += f64::from(u8::from(right));
    }
    // |mean confidence - share right| * clips / all = |sum of confidences - number right| / all
    Some(bins.iter().map(|(sure, right)| (sure - right).abs()).sum::<f64>() / predictions.len() as f64)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_gap_is_counted_by_hand() {
        // (0.8, 0.8667]: 0.85 and 0.81, one right: |1.66 - 1| = 0.66. (0.9333, 1]: 1.0 wrong: 1. (0.4667, 0.5333]: 0.5 right: 0.5.
        let found = calibration_error(&[(0.85, true), (0.81, false), (1.0, false), (0.5, true)]);
        assert!(found.is_some_and(|error| (error - (0.66 + 1.0 + 0.5) / 4.0).abs() < 1e-12), "{found:?}");
    }

    #[test]
    fn promises_kept_cost_nothing_and_nothing_is_none() {
        let kept: Vec<(f64, bool)> = (0..10).map(|clip| (0.7, clip < 7)).collect();
        assert!(calibration_error(&kept).is_some_and(|error| error < 1e-12));
        assert_eq!(calibration_error(&[]), None);
        assert_eq!(calibration_error(&[(f64::NAN, true)]), None);
        assert_eq!(calibration_error(&[(0.0, false)]), Some(0.0));
    }
}
