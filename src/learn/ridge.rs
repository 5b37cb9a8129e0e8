//! Ridge regression on one column of ±1 per class, classes balanced: the quickest of the linear ones.
//!
//! scikit-learn's `RidgeClassifier(class_weight="balanced")`; where columns outnumber clips, the system solved is n x n.
//! Deliberately absent: cross-validated alpha (`RidgeClassifierCV`).

use ndarray::{Array1, Array2, Axis};

use super::definite::{Cholesky, products};
use super::{Classifier, Data, Epoch, Inputs, Knob, LearnError, Model, Recipe, Weights, shares};
use crate::features::Kind;
use crate::job::Watch;

/// scikit-learn's `alpha`.
const ALPHA: Knob = Knob {
    name: "alpha",
    default: None,
    range: (1e-9, 1e9),
    whole: false,
    tries: &[1.0, 3.0, 10.0, 30.0, 100.0, 300.0, 1000.0],
    about: "strength of the penalty: weighted squares summed over clips + alpha |w|²; mean |x|² where not given",
};

/// Slope of the softmax over decisions, which lie within about -1 and 1.
const SLOPE: f64 = 4.0;

/// Ridge classifier.
pub(super) struct Ridge;

struct Linear {
    /// d x classes.
    slopes: Array2<f32>,
    offsets: Array1<f32>,
}

impl Classifier for Ridge {
    fn name(&self) -> &'static str {
        "ridge"
    }
    fn about(&self) -> &'static str {
        "ridge regression on ±1 per class, alpha = mean |x|², classes balanced (own)"
    }
    fn kind(&self) -> Kind {
        Kind::Row
    }
    fn knobs(&self) -> &'static [Knob] {
        &[ALPHA]
    }
    fn fit(&self, data: &Data, recipe: &Recipe, watch: &dyn Watch<Epoch>) -> Result<Box<dyn Model>, LearnError> {
        let rows = data.inputs.rows()?;
        let roots = roots(data);
        let (rows, row_mean) = weighted(rows, &roots);
        let sides =
            Array2::from_shape_fn(
                (rows.nrows(), data.classes),
                |(row, class)| {
                    if data.labels[row] == class { 1.0 } else { -1.0 }
                },
            );
        let (sides, side_mean) = weighted(&sides, &roots);
        let length = rows.iter().map(|value| value * value).sum::<f64>() / rows.nrows() as f64;
        let alpha = ALPHA.of(recipe).unwrap_or(length).max(f64::MIN_POSITIVE);
        let narrow = rows.nrows() >= rows.ncols();
        let mut matrix = products(&if narrow { rows.t().to_owned() } else { rows.clone() }, watch)?;
        matrix.diag_mut().mapv_inplace(|value| value + alpha);
        let solver = Cholesky::of(matrix, watch)?;
        let slopes = if narrow { solver.solve(&rows.t().dot(&sides)) } else { rows.t().dot(&solver.solve(&sides)) };
        let offsets = side_mean - row_mean.dot(&slopes);
        let single = |value: f64| value as f32;
        Ok(Box::new(Linear { slopes: slopes.mapv(single), offsets: offsets.mapv(single) }))
    }
    fn load(&self, weights: &Weights) -> Result<Box<dyn Model>, LearnError> {
        let linear = Linear { slopes: weights.get("ridge_slopes")?, offsets: weights.get("ridge_offsets")? };
        if linear.slopes.ncols() != linear.offsets.len() {
            return Err(LearnError::BadModel("ridge: slopes and offsets do not fit together".into()));
        }
        Ok(Box::new(linear))
    }
}

/// Roots of the weights of clips: n / (classes · clips of its class), scikit-learn's `class_weight="balanced"`.
fn roots(data: &Data) -> Array1<f64> {
    let mut counts = vec![0usize; data.classes];
    data.labels.iter().for_each(|&label| counts[label] += 1);
    let weight = |label: usize| data.labels.len() as f64 / (data.classes * counts[label]) as f64;
    data.labels.iter().map(|&label| weight(label).sqrt()).collect()
}

/// Rows less their weighted mean, times the root of their weight; and that mean.
fn weighted(rows: &Array2<f64>, roots: &Array1<f64>) -> (Array2<f64>, Array1<f64>) {
    let weights = roots * roots;
    let mean = weights.dot(rows) / weights.sum();
    ((rows - &mean) * roots.view().insert_axis(Axis(1)), mean)
}

impl Model for Linear {
    fn scores(&self, inputs: &Inputs) -> Result<Array2<f64>, LearnError> {
        let rows = inputs.rows()?;
        if rows.ncols() != self.slopes.nrows() {
            return Err(LearnError::WrongInput(format!(
                "ridge: {} columns, not {}",
                rows.ncols(),
                self.slopes.nrows()
            )));
        }
        let mut decisions = rows.dot(&self.slopes.mapv(f64::from)) + self.offsets.mapv(f64::from);
        decisions *= SLOPE;
        shares::softmax(&mut decisions);
        Ok(decisions)
    }
    fn weights(&self) -> Weights {
        let mut weights = Weights::default();
        weights.put("ridge_slopes", &self.slopes);
        weights.put("ridge_offsets", &self.offsets);
        weights
    }
    fn parameters(&self) -> usize {
        self.slopes.len() + self.offsets.len()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::learn::golden::{cases, gap};

    #[test]
    fn decisions_are_scikit_learns_with_more_clips_than_columns_and_with_fewer() {
        for case in cases() {
            let mut wanted = case.wanted("ridge") * SLOPE;
            shares::softmax(&mut wanted);
            let found = case.fitted("ridge", &[("alpha", 3.0)]).scores(&case.asked);
            let off = found.map(|found| gap(&found, &wanted));
            assert!(off.as_ref().is_ok_and(|off| *off < 1e-5), "{off:?}");
        }
    }
}
