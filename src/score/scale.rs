//! Scores of predictions on a scale, such as arousal: how near and how alike they are.
//!
//! Deliberately absent: rank correlations and agreement among raters.

/// Lin's (1989) concordance correlation: 2 s_xy / (s_x² + s_y² + (x̄ - ȳ)²), with variances divided by n.
///
/// 1 for equal values; unlike [`pearson`] it falls with a shift or another spread. `None` for lists that are empty or differ in
/// length, for numbers that are not finite, and where neither list varies.
#[must_use]
pub fn ccc(truth: &[f64], pred: &[f64]) -> Option<f64> {
    let Moments { mean: (x, y), variance: (xx, yy), covariance } = Moments::of(truth, pred)?;
    let whole = xx + yy + (x - y) * (x - y);
    (whole > 0.0 && xx + yy > 0.0).then(|| 2.0 * covariance / whole)
}

/// Pearson's correlation. `None` as [`ccc`], and where either list does not vary.
#[must_use]
pub fn pearson(truth: &[f64], pred: &[f64]) -> Option<f64> {
    let Moments { variance: (xx, yy), covariance, .. } = Moments::of(truth, pred)?;
    (xx > 0.0 && yy > 0.0).then(|| (covariance / (xx.sqrt() * yy.sqrt())).clamp(-1.0, 1.0))
}

/// Root of the mean squared difference, in the unit of the scale. `None` for lists that are empty or differ in length, and for
/// numbers that are not finite.
#[must_use]
pub fn rmse(truth: &[f64], pred: &[f64]) -> Option<f64> {
    Moments::of(truth, pred)?;
    let squares: f64 = truth.iter().zip(pred).map(|(x, y)| (x - y) * (x - y)).sum();
    Some((squares / truth.len() as f64).sqrt())
}

struct Moments {
    mean: (f64, f64),
    variance: (f64, f64),
    covariance: f64,
}

impl Moments {
    fn of(x: &[f64], y: &[f64]) -> Option<Moments> {
        if x.is_empty() || x.len() != y.len() || !x.iter().chain(y).all(|value| value.is_finite()) {
            return None;
        }
        let n = x.len() as f64;
        let mean = (x.iter().sum::<f64>() / n, y.iter().sum::<f64>() / n);
        let product = |pairs: &mut dyn Iterator<Item = (f64, f64)>| pairs.map(|(a, b)| a * b).sum::<f64>() / n;
        let from = |values: &[f64], mean: f64| values.iter().map(|value| value - mean).collect::<Vec<_>>();
        let (x, y) = (from(x, mean.0), from(y, mean.1));
        let both = |a: &[f64], b: &[f64]| product(&mut a.iter().copied().zip(b.iter().copied()));
        Some(Moments { mean, variance: (both(&x, &x), both(&y, &y)), covariance: both(&x, &y) })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_shift_costs_concordance_but_not_correlation() {
        let (x, shifted) = ([1.0, 2.0, 3.0], [2.0, 3.0, 4.0]);
        assert_eq!((ccc(&x, &x), pearson(&x, &x), rmse(&x, &x)), (Some(1.0), Some(1.0), Some(0.0)));
        // 2 * 2/3 / (2/3 + 2/3 + 1)
        assert!(ccc(&x, &shifted).is_some_and(|found| (found - 4.0 / 7.0).abs() < 1e-12));
        assert_eq!(pearson(&x, &shifted), Some(1.0));
        assert_eq!(rmse(&x, &shifted), Some(1.0));
    }

    #[test]
    fn what_does_not_vary_or_is_no_number_is_undefined() {
        for (a, b) in [(vec![], vec![]), (vec![1.0], vec![1.0, 2.0]), (vec![f64::NAN, 1.0], vec![1.0, 2.0])] {
            assert_eq!((ccc(&a, &b), pearson(&a, &b), rmse(&a, &b)), (None, None, None));
        }
        assert_eq!((ccc(&[2.0; 3], &[5.0; 3]), pearson(&[2.0; 3], &[1.0, 2.0, 3.0])), (None, None));
        assert_eq!(ccc(&[2.0; 3], &[1.0, 2.0, 3.0]), Some(0.0));
    }
}
