//! The five nearest neighbours by smartcore (Euclidean, linear search); their shares are the scores.
//!
//! Ties: of equally far clips, the earlier in training counts as nearer, because the search takes a clip only when it
//! is strictly nearer. Deliberately absent: weights by distance and search trees, which gain nothing in 100 columns.

use ndarray::{Array1, Array2, Axis};
use rayon::prelude::*;
use smartcore::algorithm::neighbour::KNNAlgorithmName;
use smartcore::linalg::basic::matrix::DenseMatrix;
use smartcore::metrics::distance::euclidian::Euclidian;
use smartcore::neighbors::knn_classifier::{KNNClassifier, KNNClassifierParameters};

use super::worker::guarded;
use super::{Classifier, Data, Epoch, Inputs, Knob, LearnError, Model, Recipe, Weights};
use crate::features::Kind;
use crate::job::Watch;

/// scikit-learn's `n_neighbors`.
const K: Knob = Knob {
    name: "k",
    default: Some(5.0),
    range: (1.0, 1e6),
    whole: true,
    tries: &[1.0, 3.0, 5.0, 9.0, 15.0, 25.0],
    about: "number of neighbours that vote; all clips where there are fewer",
};

/// Clips asked about at a time.
const PART: usize = 32;

type Search = KNNClassifier<f64, u32, DenseMatrix<f64>, Vec<u32>, Euclidian<f64>>;

/// k nearest neighbours.
pub(super) struct Knn;

struct Neighbours {
    search: Search,
    rows: Array2<f32>,
    labels: Array1<f32>,
    classes: usize,
    k: usize,
}

impl Classifier for Knn {
    fn name(&self) -> &'static str {
        "knn"
    }
    fn about(&self) -> &'static str {
        "5 nearest neighbours, Euclidean (smartcore)"
    }
    fn kind(&self) -> Kind {
        Kind::Row
    }
    fn knobs(&self) -> &'static [Knob] {
        &[K]
    }
    fn fit(&self, data: &Data, recipe: &Recipe, _: &dyn Watch<Epoch>) -> Result<Box<dyn Model>, LearnError> {
        let rows = data.inputs.rows()?.mapv(|value| value as f32);
        let labels = data.labels.iter().map(|&label| label as f32).collect();
        Ok(Box::new(Neighbours::new(rows, labels, data.classes, K.number(recipe) as usize)?))
    }
    fn load(&self, weights: &Weights) -> Result<Box<dyn Model>, LearnError> {
        let (rows, labels): (Array2<f32>, Array1<f32>) = (weights.get("rows")?, weights.get("labels")?);
        let classes: usize = weights.get_json("classes")?;
        let known = |&label: &f32| label >= 0.0 && label.fract() == 0.0 && (label as usize) < classes;
        if rows.nrows() != labels.len() || rows.is_empty() || !labels.iter().all(known) {
            return Err(LearnError::BadModel("knn: rows and labels do not fit together".into()));
        }
        Ok(Box::new(Neighbours::new(rows, labels, classes, weights.get_json("k")?)?))
    }
}

impl Neighbours {
    /// From the numbers that will be saved, so that a model read back is the same model.
    fn new(rows: Array2<f32>, labels: Array1<f32>, classes: usize, k: usize) -> Result<Neighbours, LearnError> {
        let how = KNNClassifierParameters::default()
            .with_k(k.min(rows.nrows()))
            .with_algorithm(KNNAlgorithmName::LinearSearch);
        let numbers: Vec<usize> = labels.iter().map(|&label| label as usize).collect();
        let (known, classes_of) = (matrix(&rows.mapv(f64::from))?, targets(&numbers));
        let search = guarded("knn", || Search::fit(&known, &classes_of, how))?.map_err(failed)?;
        Ok(Neighbours { search, rows, labels, classes, k })
    }
}

impl Model for Neighbours {
    fn scores(&self, inputs: &Inputs) -> Result<Array2<f64>, LearnError> {
        let rows = inputs.rows()?;
        let parts: Vec<_> = rows.axis_chunks_iter(Axis(0), PART).collect();
        let ask = |part: ndarray::ArrayView2<f64>| {
            let part = matrix(&part.to_owned())?;
            guarded("knn", || self.search.predict_proba(&part))?.map_err(failed)
        };
        let found = parts.into_par_iter().map(ask).collect::<Result<Vec<_>, LearnError>>()?;
        let shares: Vec<f64> = found.into_iter().flatten().flatten().collect();
        Array2::from_shape_vec((rows.nrows(), self.classes), shares).map_err(|why| LearnError::Failed(why.to_string()))
    }
    fn weights(&self) -> Weights {
        let mut weights = Weights::default();
        weights.put("rows", &self.rows);
        weights.put("labels", &self.labels);
        weights.bytes.insert("k".into(), self.k.to_string().into_bytes());
        weights.bytes.insert("classes".into(), self.classes.to_string().into_bytes());
        weights
    }
    fn parameters(&self) -> usize {
        self.rows.len()
    }
}

/// smartcore's form of a matrix.
fn matrix(rows: &Array2<f64>) -> Result<DenseMatrix<f64>, LearnError> {
    let values = rows.t().iter().copied().collect();
    DenseMatrix::new(rows.nrows(), rows.ncols(), values, true).map_err(failed)
}

/// Class numbers as smartcore wants them.
fn targets(labels: &[usize]) -> Vec<u32> {
    labels.iter().map(|&label| label as u32).collect()
}

fn failed(why: smartcore::error::Failed) -> LearnError {
    LearnError::Failed(why.to_string())
}
