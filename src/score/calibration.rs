//! How far probabilities are from what they promise.
//!
//! Deliberately absent: making them better (`learn` fits temperatures).

/// Intervals that confidences are sorted into, as in the paper.
const BINS: usize = 15;
/// What the sum of a clip's probabilities may miss 1 by: they are kept as `f32`.
const WHOLE: f64 = 1e-3;

/// Scores of the probabilities of all clips.
#[derive(Debug, Clone, PartialEq)]
pub struct Calibration {
    /// Expected calibration error (Guo et al. 2017, equation 3), 0..1: the mean gap between how sure predictions are and how
    /// often they are right, over 15 equal intervals of confidence, weighted by clips.
    pub ece: f64,
    /// Brier score over all classes (Brier 1950): mean of Σ_k (p_k - y_k)², 0..2; twice the usual one for two classes
    /// (scikit-learn's `brier_score_loss(scale_by_half=False)`).
    pub brier: f64,
    /// Negative log-likelihood: mean of -ln p of the true class, in nats. A probability of 0 counts as 2.2e-16, as in
    /// scikit-learn's `log_loss`.
    pub nll: f64,
    /// The intervals of confidence, ascending: the reliability diagram.
    pub bins: Vec<ReliabilityBin>,
}

/// Predictions whose confidence lies above `low` and up to `high`.
#[derive(Debug, Clone, Copy, PartialEq, serde::Serialize)]
pub struct ReliabilityBin {
    /// Lower end, exclusive but for 0.
    pub low: f64,
    /// Upper end, inclusive.
    pub high: f64,
    /// Clips in it.
    pub clips: usize,
    /// Mean probability of the predicted class; `None` without clips.
    pub confidence: Option<f64>,
    /// Share of right predictions; `None` without clips.
    pub right: Option<f64>,
}

impl Calibration {
    /// Of one list of probabilities per clip, the predicted class and the true one: (p, pred, truth).
    ///
    /// `None` without clips, and when what is there are no probabilities: not finite, below 0, not summing to 1, or without an
    /// entry for a class.
    #[must_use]
    pub fn of(clips: &[(&[f32], usize, usize)]) -> Option<Calibration> {
        let sound = |(p, pred, truth): &(&[f32], usize, usize)| {
            let sum: f64 = p.iter().map(|&p| f64::from(p)).sum();
            p.iter().all(|p| p.is_finite() && *p >= 0.0) && (sum - 1.0).abs() < WHOLE && (*pred).max(*truth) < p.len()
        };
        if clips.is_empty() || !clips.iter().all(sound) {
            return None;
        }
        let n = clips.len() as f64;
        let brier = |(p, _, truth): &(&[f32], usize, usize)| {
            let of = |(class, &p): (usize, &f32)| (f64::from(p) - f64::from(u8::from(class == *truth))).powi(2);
            p.iter().enumerate().map(of).sum::<f64>()
        };
        let nll = |(p, _, truth): &(&[f32], usize, usize)| -f64::from(p[*truth]).max(f64::EPSILON).ln();
        let bins = bins(clips);
        let gap = |bin: &ReliabilityBin| Some((bin.confidence? - bin.right?).abs() * bin.clips as f64);
        Some(Calibration {
            ece: bins.iter().filter_map(gap).sum::<f64>() / n,
            brier: clips.iter().map(brier).sum::<f64>() / n,
            nll: clips.iter().map(nll).sum::<f64>() / n,
            bins,
        })
    }
}

fn bins(clips: &[(&[f32], usize, usize)]) -> Vec<ReliabilityBin> {
    let mut sums = [(0_usize, 0.0, 0_usize); BINS];
    for (p, pred, truth) in clips {
        let sure = f64::from(p[*pred]);
        // Intervals are closed above: 1 belongs to the last one.
        let bin = ((sure * BINS as f64).ceil() as usize).clamp(1, BINS) - 1;
        sums[bin] = (sums[bin].0 + 1, sums[bin].1 + sure, sums[bin].2 + usize::from(pred == truth));
    }
    let bin = |(at, &(clips, sure, right)): (usize, &(usize, f64, usize))| {
        let mean = |sum: f64| (clips > 0).then(|| sum / clips as f64);
        let end = |at: usize| at as f64 / BINS as f64;
        ReliabilityBin { low: end(at), high: end(at + 1), clips, confidence: mean(sure), right: mean(right as f64) }
    };
    sums.iter().enumerate().map(bin).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn everything_is_counted_by_hand() {
        // (0.8, 0.8667]: 0.85 right and 0.8125 wrong; (0.9333, 1]: 1 wrong; (0.4667, 0.5333]: 0.5 right.
        let clips: [(&[f32], usize, usize); 4] =
            [(&[0.85, 0.15], 0, 0), (&[0.8125, 0.1875], 0, 1), (&[0.0, 1.0], 1, 0), (&[0.5, 0.5], 0, 0)];
        let found = Calibration::of(&clips).unwrap();
        let near = |found: f64, wanted: f64| assert!((found - wanted).abs() < 1e-7, "{found} is not {wanted}");
        near(found.ece, (0.6625 + 1.0 + 0.5) / 4.0);
        near(found.brier, 2.0 * (0.0225 + 0.8125_f64.powi(2) + 1.0 + 0.25) / 4.0);
        near(found.nll, -(0.85_f64.ln() + 0.1875_f64.ln() + f64::EPSILON.ln() + 0.5_f64.ln()) / 4.0);
        assert_eq!(found.bins.len(), BINS);
        assert_eq!((found.bins[12].clips, found.bins[12].right), (2, Some(0.5)));
        assert_eq!((found.bins[0].clips, found.bins[0].confidence), (0, None));
    }

    #[test]
    fn promises_kept_cost_nothing() {
        let p = [0.7_f32, 0.3];
        let kept: Vec<(&[f32], usize, usize)> = (0..10).map(|clip| (&p[..], 0, usize::from(clip >= 7))).collect();
        assert!(Calibration::of(&kept).is_some_and(|found| found.ece < 1e-7));
    }

    #[test]
    fn what_is_no_probability_has_no_calibration() {
        assert_eq!(Calibration::of(&[]), None);
        for p in [&[f32::NAN, 1.0][..], &[0.5, 0.6], &[1.5, -0.5], &[1.0]] {
            assert_eq!(Calibration::of(&[(p, 0, 1)]), None, "{p:?}");
        }
    }
}
