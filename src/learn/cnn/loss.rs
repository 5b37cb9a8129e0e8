//! Softmax and class-weighted, smoothed cross-entropy against soft targets, in f64; the sum over several heads.

use std::ops::Range;

use super::kernel::Real;

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

    /// Weighted mean cross-entropy (nats) of `logits` (rows x classes) and its gradient. `targets` holds a probability
    /// each. A row weighs what its targets weigh: sum of target x class weight; one without a target weighs nothing.
    pub fn of_batch<F: Real>(&self, logits: &[F], targets: &[f64]) -> (f64, Vec<F>) {
        let classes = self.weights.len();
        let weight = |target: &[f64]| target.iter().zip(&self.weights).map(|(t, w)| t * w).sum::<f64>();
        let total: f64 = targets.chunks_exact(classes).map(weight).sum();
        let mut gradient = Vec::with_capacity(logits.len());
        let mut loss = 0.0;
        for (logits, target) in logits.chunks_exact(classes).zip(targets.chunks_exact(classes)) {
            let share = weight(target) / if total > 0.0 { total } else { 1.0 };
            for (log_p, target) in log_softmax(logits).iter().zip(target) {
                let target = target * (1.0 - self.smoothing) + self.smoothing / classes as f64;
                loss -= share * target * log_p;
                gradient.push(F::of(share * (log_p.exp() - target)));
            }
        }
        (loss, gradient)
    }
}

/// The losses of all heads, each over its columns of the outputs, and each one's share of the sum.
#[derive(Debug, Clone, PartialEq)]
pub struct Heads(pub Vec<(Loss, f64)>);

impl Heads {
    /// One head that counts fully.
    pub fn one(loss: Loss) -> Heads {
        Heads(vec![(loss, 1.0)])
    }

    /// Targets that are certain; `labels`: one per clip and head, clip after clip, `None` = unknown.
    pub fn targets(&self, labels: impl IntoIterator<Item = Option<usize>>) -> Vec<f64> {
        let sizes = self.0.iter().cycle().map(|(loss, _)| loss.weights.len());
        let one =
            |(label, classes): (Option<usize>, usize)| (0..classes).map(move |c| f64::from(u8::from(label == Some(c))));
        labels.into_iter().zip(sizes).flat_map(one).collect()
    }

    /// The columns of each head.
    pub fn columns(&self) -> impl Iterator<Item = Range<usize>> {
        self.0.iter().scan(0, |first, (loss, _)| {
            let columns = *first..*first + loss.weights.len();
            *first = columns.end;
            Some(columns)
        })
    }

    /// Sum of the heads' losses and its gradient; `logits` and `targets`: rows x all classes.
    pub fn of_batch<F: Real>(&self, logits: &[F], targets: &[f64]) -> (f64, Vec<F>) {
        let width = self.0.iter().map(|(loss, _)| loss.weights.len()).sum();
        let (mut total, mut gradient) = (0.0, vec![F::ZERO; logits.len()]);
        for ((loss, share), columns) in self.0.iter().zip(self.columns()) {
            let (value, d) = loss.of_batch(&cut(logits, width, &columns), &cut(targets, width, &columns));
            total += share * value;
            for (row, d) in gradient.chunks_exact_mut(width).zip(d.chunks_exact(columns.len())) {
                row[columns.clone()].iter_mut().zip(d).for_each(|(to, d)| *to = F::of(share * d.wide()));
            }
        }
        (total, gradient)
    }
}

/// Some columns of rows.
fn cut<T: Copy>(rows: &[T], width: usize, columns: &Range<usize>) -> Vec<T> {
    rows.chunks_exact(width).flat_map(|row| &row[columns.clone()]).copied().collect()
}

/// Logarithms of the probabilities.
pub fn log_softmax<F: Real>(logits: &[F]) -> Vec<f64> {
    let high = logits.iter().fold(f64::NEG_INFINITY, |high, v| high.max(v.wide()));
    let total: f64 = logits.iter().map(|v| (v.wide() - high).exp()).sum();
    logits.iter().map(|v| v.wide() - high - total.ln()).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn loss() -> Loss {
        Loss { weights: vec![0.5, 2.0, 1.0], smoothing: 0.1 }
    }

    #[test]
    fn gradients_of_two_heads_agree_with_finite_differences() {
        let heads = Heads(vec![(loss(), 1.0), (Loss::plain(2), 0.3)]);
        let logits = [0.3, -1.2, 0.8, 0.4, 1.0, 2.0, 0.1, -0.4, -2.0, 0.5];
        let mut targets = heads.targets([Some(1), None, Some(2), Some(0)]);
        (targets[0], targets[1]) = (0.25, 0.75);
        let (_, gradient) = heads.of_batch(&logits, &targets);
        for i in 0..logits.len() {
            let moved = |by: f64| {
                let mut logits = logits;
                logits[i] += by;
                heads.of_batch(&logits, &targets).0
            };
            let slope = (moved(1e-6) - moved(-1e-6)) / 2e-6;
            assert!((gradient[i] - slope).abs() < 1e-8, "entry {i}: {} for {slope}", gradient[i]);
        }
        assert_eq!(gradient[3..5], [0.0, 0.0], "a head without a label learns nothing");
    }

    #[test]
    fn weights_balance_the_classes_and_absent_ones_do_not_count() {
        let loss = Loss::balanced([0, 0, 0, 2].into_iter(), 3, 0.0);
        assert_eq!(loss.weights, [4.0 / 6.0, 0.0, 2.0]);
        let (value, _) = Loss::plain(2).of_batch(&[0.0_f32, 0.0], &[0.0, 1.0]);
        assert!((value - std::f64::consts::LN_2).abs() < 1e-12);
    }

    #[test]
    fn far_logits_do_not_overflow_and_nan_shows() {
        assert!(log_softmax(&[1e30_f32, -1e30]).iter().all(|v| !v.is_nan()));
        assert!(Loss::plain(2).of_batch(&[f32::NAN, 0.0], &[1.0, 0.0]).0.is_nan());
    }
}
