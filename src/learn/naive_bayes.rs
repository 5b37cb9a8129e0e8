//! Gaussian naive Bayes by linfa.
//!
//! linfa's own probabilities underflow to NaN with many columns (it takes the exponent before the logarithm), so the
//! joint log-likelihood is taken from it and the softmax is ours. Deliberately absent: other than Gaussian columns.

use linfa::DatasetView;
use linfa::traits::Fit;
use linfa_bayes::{GaussianNb, NaiveBayes as _};
use ndarray::{Array2, ArrayView1, Axis};
use rayon::prelude::*;

use super::worker::guarded;
use super::{Classifier, Data, Epoch, Inputs, Knob, LearnError, Model, Recipe, Weights, shares};
use crate::features::Kind;
use crate::job::Watch;

/// Part of the largest variance added to each variance, as scikit-learn's `var_smoothing`. Larger than its 1e-9:
/// a class of few clips would otherwise have columns that rule it out.
const SMOOTHING: Knob = Knob {
    name: "smoothing",
    default: Some(1e-3),
    range: (0.0, 1e6),
    whole: false,
    tries: &[1e-9, 1e-6, 1e-3, 0.01, 0.1, 1.0],
    about: "part of the largest variance that is added to each variance",
};

/// Clips that are scored at a time: linfa makes several matrices of their size.
const PART: usize = 64;

/// Gaussian naive Bayes.
pub(super) struct NaiveBayes;

struct Gaussians {
    fitted: GaussianNb<f64, usize>,
    /// Classes, columns.
    shape: (usize, usize),
    weights: Weights,
}

impl Classifier for NaiveBayes {
    fn name(&self) -> &'static str {
        "naive-bayes"
    }
    fn about(&self) -> &'static str {
        "Gaussian naive Bayes (linfa)"
    }
    fn kind(&self) -> Kind {
        Kind::Row
    }
    fn overstates(&self) -> bool {
        true
    }
    fn knobs(&self) -> &'static [Knob] {
        &[SMOOTHING]
    }
    fn fit(&self, data: &Data, recipe: &Recipe, _: &dyn Watch<Epoch>) -> Result<Box<dyn Model>, LearnError> {
        let set = DatasetView::new(data.inputs.rows()?.view(), ArrayView1::from(&data.labels));
        let how = GaussianNb::params().var_smoothing(SMOOTHING.number(recipe));
        let fitted = guarded("naive-bayes", || how.fit(&set))?.map_err(|why| LearnError::Failed(why.to_string()))?;
        let mut weights = Weights::default();
        weights.put_json("gaussians", &fitted)?;
        let shape = (data.classes, set.records().ncols());
        weights.put_json("shape", &shape)?;
        Ok(Box::new(Gaussians { fitted, shape, weights }))
    }
    fn load(&self, weights: &Weights) -> Result<Box<dyn Model>, LearnError> {
        let (fitted, shape) = (weights.get_json("gaussians")?, weights.get_json("shape")?);
        Ok(Box::new(Gaussians { fitted, shape, weights: weights.clone() }))
    }
}

impl Model for Gaussians {
    fn scores(&self, inputs: &Inputs) -> Result<Array2<f64>, LearnError> {
        let rows = inputs.rows()?;
        let mut logits = Array2::from_elem((rows.nrows(), self.shape.0), f64::NEG_INFINITY);
        let parts = logits.axis_chunks_iter_mut(Axis(0), PART).zip(rows.axis_chunks_iter(Axis(0), PART));
        parts.collect::<Vec<_>>().into_par_iter().for_each(|(mut logits, rows)| {
            for (&&class, likelihood) in &self.fitted.joint_log_likelihood(rows) {
                logits.column_mut(class).assign(likelihood);
            }
        });
        shares::softmax(&mut logits);
        Ok(logits)
    }
    fn weights(&self) -> Weights {
        self.weights.clone()
    }
    fn parameters(&self) -> usize {
        // A mean and a variance per class and column, and the priors.
        self.shape.0 * (2 * self.shape.1 + 1)
    }
}

#[cfg(test)]
mod tests {
    use crate::learn::golden::cases;

    #[test]
    fn probabilities_are_scikit_learns() {
        for case in cases() {
            let off = case.gap(case.fitted("naive-bayes", &[]).as_ref(), "naive_bayes");
            assert!(off < 1e-6, "{off}");
        }
    }
}
