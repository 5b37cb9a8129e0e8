//! Multinomial logistic regression by linfa (L-BFGS on the softmax loss with an L2 penalty).
//!
//! linfa has no class weights, so rows of rare classes are repeated (`shares::balanced`). Deliberately absent: L1,
//! a search for C, and linfa's own prediction: the fitted numbers are kept as f32 and the softmax is ours, so that a
//! model read back scores exactly as before.

use linfa::DatasetView;
use linfa::traits::Fit;
use linfa_logistic::MultiLogisticRegression;
use ndarray::{Array1, Array2, ArrayView1, Axis};

use super::definite::{Cholesky, products};
use super::worker::guarded;
use super::{Classifier, Data, Epoch, Inputs, Knob, LearnError, Model, Recipe, Weights, shares};
use crate::features::Kind;
use crate::job::Watch;

/// Inverse strength of the penalty, as scikit-learn's `C`: loss summed over rows + |w|² / 2C.
const C: Knob = Knob {
    name: "c",
    default: Some(0.1),
    range: (1e-9, 1e6),
    whole: false,
    tries: &[0.001, 0.003, 0.01, 0.03, 0.1, 0.3, 1.0],
    about: "inverse strength of the penalty: loss summed over clips + |w|² / 2c",
};

/// Upper bound of L-BFGS steps; set by hand, not tuned.
const STEPS: u64 = 200;

/// Part of the mean |x|² that is added to each, so that clips that are the same do no harm.
const FLOOR: f64 = 1e-9;

/// Softmax regression.
pub(super) struct Logistic;

struct Softmax {
    /// d x classes.
    slopes: Array2<f32>,
    intercepts: Array1<f32>,
}

impl Classifier for Logistic {
    fn name(&self) -> &'static str {
        "logistic"
    }
    fn about(&self) -> &'static str {
        "multinomial logistic regression, C = 0.1, classes balanced (linfa)"
    }
    fn kind(&self) -> Kind {
        Kind::Row
    }
    fn knobs(&self) -> &'static [Knob] {
        &[C]
    }
    fn fit(&self, data: &Data, recipe: &Recipe, watch: &dyn Watch<Epoch>) -> Result<Box<dyn Model>, LearnError> {
        let order = shares::balanced(&data.labels, data.classes);
        let rows = data.inputs.rows()?;
        let labels: Vec<usize> = order.iter().map(|&row| data.labels[row]).collect();
        let narrow = Narrow::of(rows, watch)?;
        let seen = narrow.as_ref().map_or(rows, |narrow| &narrow.rows).select(Axis(0), &order);
        let set = DatasetView::new(seen.view(), ArrayView1::from(&labels));
        let how = MultiLogisticRegression::default()
            .alpha(1.0 / C.number(recipe))
            .max_iterations(STEPS)
            .gradient_tolerance(1e-2);
        watch.check()?;
        let fitted = guarded("logistic", || how.fit(&set))?.map_err(|why| LearnError::Failed(why.to_string()))?;
        let slopes = narrow.map_or_else(|| fitted.params().clone(), |narrow| narrow.back(rows, fitted.params()));
        let single = |value: f64| value as f32;
        Ok(Box::new(Softmax { slopes: slopes.mapv(single), intercepts: fitted.intercept().mapv(single) }))
    }
    fn load(&self, weights: &Weights) -> Result<Box<dyn Model>, LearnError> {
        Ok(Box::new(Softmax { slopes: weights.get("slopes")?, intercepts: weights.get("intercepts")? }))
    }
}

/// The same problem in as many columns as there are clips.
///
/// The penalty keeps the slopes within what the clips span, w = Xᵀa, and depends on X Xᵀ = L Lᵀ alone: L in place of X has
/// the same optimum, w' = Lᵀa.
struct Narrow {
    rows: Array2<f64>,
    factor: Cholesky,
}

impl Narrow {
    /// `None` where columns do not outnumber clips.
    fn of(rows: &Array2<f64>, watch: &dyn Watch<Epoch>) -> Result<Option<Narrow>, LearnError> {
        if rows.ncols() <= rows.nrows() {
            return Ok(None);
        }
        let mut matrix = products(rows, watch)?;
        let mean = matrix.diag().mean().unwrap_or(0.0);
        matrix.diag_mut().mapv_inplace(|value| value + FLOOR * mean + f64::MIN_POSITIVE);
        let factor = Cholesky::of(matrix, watch)?;
        Ok(Some(Narrow { rows: factor.lower(), factor }))
    }

    /// Slopes over the columns of `rows` from those over the narrow ones.
    fn back(&self, rows: &Array2<f64>, slopes: &Array2<f64>) -> Array2<f64> {
        rows.t().dot(&self.factor.solve_upper(slopes))
    }
}

impl Model for Softmax {
    fn scores(&self, inputs: &Inputs) -> Result<Array2<f64>, LearnError> {
        let mut logits = inputs.rows()?.dot(&self.slopes.mapv(f64::from)) + self.intercepts.mapv(f64::from);
        shares::softmax(&mut logits);
        Ok(logits)
    }
    fn weights(&self) -> Weights {
        let mut weights = Weights::default();
        weights.put("slopes", &self.slopes);
        weights.put("intercepts", &self.intercepts);
        weights
    }
    fn parameters(&self) -> usize {
        self.slopes.len() + self.intercepts.len()
    }
}

#[cfg(test)]
mod tests {
    use crate::learn::golden::cases;

    #[test]
    fn probabilities_are_scikit_learns_with_more_clips_than_columns_and_with_fewer() {
        for case in cases() {
            let off = case.gap(case.fitted("logistic", &[("c", 0.5)]).as_ref(), "logistic");
            assert!(off < 5e-3, "{off}");
        }
    }
}
