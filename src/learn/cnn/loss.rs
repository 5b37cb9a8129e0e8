//! Softmax and class-weighted, smoothed cross-entropy, in f64.

/// What a wrong answer costs.
#[derive(Debug, Clone, PartialEq)]
pub struct Loss {
    /// Weight of each class.
    pub weights: Vec<f64>,
    /// Share of the target that is spread evenly over all classes (Szegedy et al. 2016), 0..1.
    pub smoothing: f64,
}

impl Loss {
    /// Every clip counts the same; no smoothing.
    pub fn plain(classes: usize) -> Loss {
        Loss { weights: vec![1.0; classes], smoothing: 0.0 }
    }

    /// Each class of `labels` weighs the same in all; mean weight 1. A class without clips has weight 0.
    pub fn balanced(labels: impl Iterator<Item = usize>, classes: usize, smoothing: f64) -> Loss {
        let mut counts = vec![0_usize; classes];
        labels.for_each(|label| counts[label] += 1);
        let present = counts.iter().filter(|&&n| n > 0).count();
        let total: usize = counts.iter().sum();
        let weight = |&n: &usize| if n == 0 { 0.0 } else { total as f64 / (present * n) as f64 };
        Loss { weights: counts.iter().map(weight).collect(), smoothing }
    }

    /// Weighted mean cross-entropy (nats) of `logits` (rows x classes) and its gradient.
    pub fn of_batch(&self, logits: &[f32], labels: &[usize]) -> (f64, Vec<f32>) {
        let classes = self.weights.len();
        let total: f64 = labels.iter().map(|&label| self.weights[label]).sum();
        let mut gradient = Vec::with_capacity(logits.len());
        let mut loss = 0.0;
        for (logits, &label) in logits.chunks_exact(classes).zip(labels) {
            let share = self.weights[label] / if total > 0.0 { total } else { 1.0 };
            let log_p = log_softmax(logits);
            for (class, log_p) in log_p.iter().enumerate() {
                let hit = if class == label { 1.0 - self.smoothing } else { 0.0 };
                let target = hit + self.smoothing / classes as f64;
                loss -= share * target * log_p;
                gradient.push((share * (log_p.exp() - target)) as f32);
            }
        }
        (loss, gradient)
    }
}

/// Logarithms of the probabilities.
pub fn log_softmax(logits: &[f32]) -> Vec<f64> {
    let high = logits.iter().fold(f64::NEG_INFINITY, |high, &v| high.max(f64::from(v)));
    let total: f64 = logits.iter().map(|&v| (f64::from(v) - high).exp()).sum();
    logits.iter().map(|&v| f64::from(v) - high - total.ln()).collect()
}

#[cfg(test)]
mod tests {
    use super::super::reference;
    use super::*;

    #[test]
    fn gradient_agrees_with_finite_differences() {
        let loss = Loss { weights: vec![0.5, 2.0, 1.0], smoothing: 0.1 };
        let (logits, labels) = ([0.3_f32, -1.2, 0.8, 2.0, 0.1, -0.4], [1, 2]);
        let (_, gradient) = loss.of_batch(&logits, &labels);
        let at = |x: &[f64]| {
            let narrow: Vec<f32> = x.iter().map(|&v| v as f32).collect();
            loss.of_batch(&narrow, &labels).0
        };
        reference::assert_gradient(&gradient, &reference::wide(&logits), at);
    }

    #[test]
    fn weights_balance_the_classes_and_absent_ones_do_not_count() {
        let loss = Loss::balanced([0, 0, 0, 2].into_iter(), 3, 0.0);
        assert_eq!(loss.weights, [4.0 / 6.0, 0.0, 2.0]);
        let (value, _) = Loss::plain(2).of_batch(&[0.0, 0.0], &[1]);
        assert!((value - std::f64::consts::LN_2).abs() < 1e-12);
    }

    #[test]
    fn far_logits_do_not_overflow_and_nan_shows() {
        assert!(log_softmax(&[1e30, -1e30]).iter().all(|v| !v.is_nan()));
        assert!(Loss::plain(2).of_batch(&[f32::NAN, 0.0], &[0]).0.is_nan());
    }
}
