//! One number for a whole confusion matrix: the rows of [`METRICS`] and their values for one run.
//!
//! A new metric is one row and one function. Deliberately absent: metrics of scores (log-loss, calibration, AUC):
//! a confusion matrix does not hold them.

use super::confusion::{Confusion, share};

/// A row of [`METRICS`].
#[derive(Debug, Clone, Copy)]
pub struct Metric {
    /// Short name, as in JSON and table heads.
    pub name: &'static str,
    /// One line for help and the catalogue.
    pub about: &'static str,
    /// True when more is better.
    pub higher_is_better: bool,
    /// True when a share of 1, to be drawn in percent; else a coefficient, drawn as it is.
    pub percent: bool,
    /// The value; `None` where undefined.
    pub of: fn(&Confusion) -> Option<f64>,
}

/// All metrics, the one to look at first first.
pub static METRICS: &[Metric] = &[
    Metric { of: uar, ..row("uar", "unweighted average recall: mean recall over the classes that occur", true) },
    Metric { of: wa, ..row("wa", "weighted accuracy: share of clips that are right", true) },
    Metric { of: macro_f1, ..row("macro_f1", "mean F1 over the classes that occur in truth or prediction", true) },
    Metric { of: weighted_f1, ..row("weighted_f1", "mean F1 weighted by the number of clips of each class", true) },
    Metric { of: mcc, ..row("mcc", "Matthews correlation of truth and prediction, -1 to 1", false) },
    Metric { of: kappa, ..row("kappa", "Cohen's kappa: agreement with the truth beyond chance", false) },
];

/// The metric of that name.
#[must_use]
pub fn metric(name: &str) -> Option<&'static Metric> {
    METRICS.iter().find(|metric| metric.name == name)
}

const fn row(name: &'static str, about: &'static str, percent: bool) -> Metric {
    Metric { name, about, higher_is_better: true, percent, of: wa }
}

/// Mean recall over the classes with support (scikit-learn's `balanced_accuracy_score`).
fn uar(all: &Confusion) -> Option<f64> {
    mean(all.per_class().iter().filter_map(|class| class.recall))
}

fn wa(all: &Confusion) -> Option<f64> {
    share(all.correct(), all.total())
}

/// Scikit-learn's `f1_score(average="macro")` with its default labels: those in truth or prediction.
fn macro_f1(all: &Confusion) -> Option<f64> {
    mean(all.per_class().iter().filter_map(|class| class.f1))
}

fn weighted_f1(all: &Confusion) -> Option<f64> {
    let sum: f64 = all.per_class().iter().map(|class| class.f1.unwrap_or(0.0) * class.support as f64).sum();
    (all.total() > 0).then(|| sum / all.total() as f64)
}

/// Gorodkin's (2004) generalisation to k classes; undefined where truth or prediction is constant
/// (scikit-learn says 0 there).
fn mcc(all: &Confusion) -> Option<f64> {
    let (total, correct) = (all.total() as f64, all.correct() as f64);
    let (mut both, mut truth, mut pred) = (0.0, 0.0, 0.0);
    for class in 0..all.classes() {
        let (t, p) = (all.support(class) as f64, all.predicted(class) as f64);
        both += t * p;
        truth += t * t;
        pred += p * p;
    }
    let spread = (total * total - pred) * (total * total - truth);
    (spread > 0.0).then(|| (correct * total - both) / spread.sqrt())
}

/// Cohen (1960); undefined where chance agreement is complete.
fn kappa(all: &Confusion) -> Option<f64> {
    let observed = wa(all)?;
    let total = all.total() as f64;
    let chance: f64 =
        (0..all.classes()).map(|class| all.support(class) as f64 * all.predicted(class) as f64).sum::<f64>()
            / (total * total);
    (chance < 1.0).then(|| (observed - chance) / (1.0 - chance))
}

fn mean(values: impl Iterator<Item = f64>) -> Option<f64> {
    let (sum, count) = values.fold((0.0, 0u64), |(sum, count), value| (sum + value, count + 1));
    (count > 0).then(|| sum / count as f64)
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn nothing_counted_is_undefined_everywhere() {
        assert!(METRICS.iter().all(|metric| (metric.of)(&Confusion::new(3)).is_none()));
    }

    #[test]
    fn one_class_only_leaves_coefficients_undefined() {
        let all = Confusion::of(&[1, 1], &[1, 1], 3).unwrap();
        assert_eq!((uar(&all), wa(&all), macro_f1(&all)), (Some(1.0), Some(1.0), Some(1.0)));
        assert_eq!((mcc(&all), kappa(&all)), (None, None));
        assert!(metric("no such").is_none());
    }

    #[test]
    fn names_are_unique_and_found() {
        for row in METRICS {
            assert!(std::ptr::eq(metric(row.name).unwrap(), row), "{}", row.name);
        }
    }

    proptest! {
        /// Every clip is one prediction and one truth, so micro-averaged F1 = 2 tp / (2 tp + fp + fn) is the accuracy.
        #[test]
        fn accuracy_is_micro_f1(pairs in prop::collection::vec((0usize..4, 0usize..4), 1..60)) {
            let (truth, pred): (Vec<_>, Vec<_>) = pairs.into_iter().unzip();
            let all = Confusion::of(&truth, &pred, 4).unwrap();
            let hits: u64 = (0..4).map(|class| all.count(class, class)).sum();
            let both: u64 = (0..4).map(|class| all.support(class) + all.predicted(class)).sum();
            prop_assert_eq!(wa(&all), Some(2.0 * hits as f64 / both as f64));
        }

        #[test]
        fn every_value_is_finite_and_in_range(pairs in prop::collection::vec((0usize..5, 0usize..5), 0..40)) {
            let (truth, pred): (Vec<_>, Vec<_>) = pairs.into_iter().unzip();
            let all = Confusion::of(&truth, &pred, 5).unwrap();
            for metric in METRICS {
                let value = (metric.of)(&all);
                let low = if metric.percent { 0.0 } else { -1.0 };
                prop_assert!(value.is_none_or(|value| (low - 1e-12..=1.0 + 1e-12).contains(&value)), "{}", metric.name);
            }
        }
    }
}
