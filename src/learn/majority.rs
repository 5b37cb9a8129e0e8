//! The classifier that looks at nothing: the bar that every other one must clear.

use ndarray::{Array1, Array2};

use super::{Classifier, Data, Epoch, Inputs, LearnError, Model, Recipe, Weights};
use crate::features::Kind;
use crate::job::Watch;

/// Scores = how often each class occurs in training.
pub(super) struct Majority;

struct Priors(Array1<f32>);

impl Classifier for Majority {
    fn name(&self) -> &'static str {
        "majority"
    }
    fn about(&self) -> &'static str {
        "always the most frequent class of the training clips: the floor"
    }
    fn kind(&self) -> Kind {
        Kind::Row
    }
    fn fit(&self, data: &Data, _: &Recipe, _: &dyn Watch<Epoch>) -> Result<Box<dyn Model>, LearnError> {
        let mut priors = Array1::zeros(data.classes);
        let each = 1.0 / data.labels.len() as f64;
        data.labels.iter().for_each(|&label| priors[label] += each);
        Ok(Box::new(Priors(priors.mapv(|share: f64| share as f32))))
    }
    fn load(&self, weights: &Weights) -> Result<Box<dyn Model>, LearnError> {
        Ok(Box::new(Priors(weights.get("priors")?)))
    }
}

impl Model for Priors {
    fn scores(&self, inputs: &Inputs) -> Result<Array2<f64>, LearnError> {
        let shape = (inputs.len(), self.0.len());
        Ok(Array2::from_shape_fn(shape, |(_, class)| f64::from(self.0[class])))
    }
    fn weights(&self) -> Weights {
        let mut weights = Weights::default();
        weights.put("priors", &self.0);
        weights
    }
    fn parameters(&self) -> usize {
        self.0.len()
    }
}
