//! Probabilities that mean what they say: one temperature, fitted on clips that were not learnt from.
//!
//! Guo et al., "On calibration of modern neural networks", ICML 2017: p^(1/T), normalised, with the T that makes the true
//! classes likeliest. T > 1 softens, T < 1 sharpens; the order of the classes stays. Deliberately absent: anything with
//! more than one number to fit, which the few clips of a held-out speaker would not bear.

use ndarray::Array2;

use super::{LearnError, Weights};

/// Of the entry among a model's weights.
const NAME: &str = "temperature";

/// What a temperature may be: a handful of clips that are all right would ask for 0.
pub(super) const RANGE: (f64, f64) = (0.2, 5.0);

/// The same for what may promise far too much: products of hundreds of columns (LDA, naive Bayes).
pub(super) const WIDE: (f64, f64) = (RANGE.0, 100.0);

/// The same where the clips chose the model. They flatter it, and would always have it surer of itself than it may be: on
/// five speakers of EmoDB the error of calibration rose from 0.06 to 0.12. So they may soften only.
pub(super) const FLATTERED: (f64, f64) = (1.0, RANGE.1);

/// Halvings of the range, each by the golden section: 40 leave less than 1e-7 of it.
const STEPS: usize = 40;

/// A probability of 0 is taken for this where logarithms are averaged: nobody alone rules a class out.
pub(super) const FLOOR: f64 = 1e-9;

/// And for this where a temperature is fitted, which must see how much too small it was.
pub(super) const DEEP: f64 = 1e-300;

/// The temperature under which `labels` are likeliest, given log-probabilities of each class; 1 without clips.
///
/// The loss is convex in 1/T (a log-sum-exp less a line), so it has one minimum in ln T, too.
pub(super) fn temperature(log_p: &[Vec<f64>], labels: &[usize], range: (f64, f64)) -> f64 {
    if log_p.is_empty() {
        return 1.0;
    }
    let loss = |ln_t: f64| mean_loss(log_p, labels, (-ln_t).exp());
    let golden = (5f64.sqrt() - 1.0) / 2.0;
    let (mut low, mut high) = (range.0.ln(), range.1.ln());
    for _ in 0..STEPS {
        let (left, right) = (high - golden * (high - low), low + golden * (high - low));
        if loss(left) <= loss(right) {
            high = right;
        } else {
            low = left;
        }
    }
    f64::midpoint(low, high).exp()
}

/// Mean of -ln p of the true classes, where p is exp(slope * log_p), normalised.
fn mean_loss(log_p: &[Vec<f64>], labels: &[usize], slope: f64) -> f64 {
    let one = |(row, &label): (&Vec<f64>, &usize)| {
        let top = row.iter().copied().fold(f64::NEG_INFINITY, f64::max);
        let total: f64 = row.iter().map(|value| (slope * (value - top)).exp()).sum();
        total.ln() - slope * (row[label] - top)
    };
    log_p.iter().zip(labels).map(one).sum::<f64>() / log_p.len() as f64
}

/// Logarithms of probabilities, which are at least `floor`.
pub(super) fn logarithms(p: &Array2<f64>, floor: f64) -> Vec<Vec<f64>> {
    p.rows().into_iter().map(|row| row.iter().map(|p| p.max(floor).ln()).collect()).collect()
}

/// p^(1/T) of each row, normalised; a probability of 0 stays 0.
pub(super) fn tempered(p: &Array2<f64>, temperature: f64) -> Array2<f64> {
    let mut scaled = p.clone();
    for mut row in scaled.rows_mut() {
        // By the largest: a power of something tiny must not end in a row of zeros.
        let top = row.iter().copied().fold(0.0, f64::max);
        if top > 0.0 {
            row.mapv_inplace(|p| (p / top).powf(1.0 / temperature));
            let sum = row.sum();
            row.mapv_inplace(|p| p / sum);
        }
    }
    scaled
}

/// Keeps a temperature among the weights of a model.
pub(super) fn save(temperature: Option<f64>, weights: &mut Weights) {
    if let Some(temperature) = temperature {
        weights.bytes.insert(NAME.to_owned(), temperature.to_string().into_bytes());
    }
}

/// What [`save`] kept.
pub(super) fn load(weights: &Weights) -> Result<Option<f64>, LearnError> {
    if !weights.bytes.contains_key(NAME) {
        return Ok(None);
    }
    match weights.get_json::<f64>(NAME)? {
        found if found.is_finite() && found > 0.0 => Ok(Some(found)),
        found => Err(LearnError::BadModel(format!("a temperature of {found}"))),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use ndarray::array;

    /// Two classes, log-odds of 2 for the first one each time, which is right `right` times of ten.
    fn coin(right: usize) -> f64 {
        let log_p = vec![vec![2.0, 0.0]; 10];
        temperature(&log_p, &labels(right), RANGE)
    }

    fn labels(right: usize) -> Vec<usize> {
        (0..10).map(|clip| usize::from(clip >= right)).collect()
    }

    #[test]
    fn the_temperature_makes_promises_come_true() {
        // Eight of ten right ask for log-odds of ln 4 where 2 are given: T = 2 / ln 4.
        assert!((coin(8) - 2.0 / 4f64.ln()).abs() < 1e-6, "{}", coin(8));
        let p = tempered(&array![[2f64.exp() / (1.0 + 2f64.exp()), 1.0 / (1.0 + 2f64.exp())]], coin(8));
        assert!((p[(0, 0)] - 0.8).abs() < 1e-6, "{p}");
    }

    #[test]
    fn it_stays_within_its_range_and_is_one_where_nothing_is_known() {
        assert!((coin(10) - RANGE.0).abs() < 1e-6 && (coin(3) - RANGE.1).abs() < 1e-6);
        assert_eq!(temperature(&[], &[], RANGE), 1.0);
        let flattered = temperature(&vec![vec![2.0, 0.0]; 10], &labels(10), FLATTERED);
        assert!((flattered - 1.0).abs() < 1e-6, "{flattered}");
    }

    #[test]
    fn order_and_zeros_stay() {
        let p = array![[0.7, 0.3, 0.0], [1e-300, 1e-280, 1.0 - 1e-280]];
        for t in [0.2, 1.0, 5.0] {
            let scaled = tempered(&p, t);
            assert_eq!(scaled[(0, 2)], 0.0);
            assert!(scaled[(0, 0)] > scaled[(0, 1)] && (scaled.row(1).sum() - 1.0).abs() < 1e-12);
        }
        assert_eq!(logarithms(&p, FLOOR)[0][2], FLOOR.ln());
    }
}
