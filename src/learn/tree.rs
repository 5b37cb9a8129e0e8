//! A decision tree by smartcore: Gini, grown until its leaves are pure.
//!
//! linfa's trees are not used: they differ from run to run and abort the process on NaN. Deliberately absent:
//! pruning, and shares in the leaves: smartcore keeps only a leaf's class, so every score is 0 or 1.

use ndarray::Array2;
use smartcore::linalg::basic::matrix::DenseMatrix;
use smartcore::tree::decision_tree_classifier::{DecisionTreeClassifier, DecisionTreeClassifierParameters};

use super::worker::guarded;
use super::{Classifier, Data, Epoch, Inputs, LearnError, Model, Recipe, Weights, shares};
use crate::features::Kind;
use crate::job::Watch;

type Fitted = DecisionTreeClassifier<f64, u32, DenseMatrix<f64>, Vec<u32>>;

/// One CART tree.
pub(super) struct Tree;

struct Grown {
    tree: Fitted,
    classes: usize,
    weights: Weights,
}

/// smartcore's form of a matrix, column by column (trees sort columns).
///
/// # Errors
/// `Failed` when smartcore refuses the shape.
pub(super) fn matrix(rows: &Array2<f64>) -> Result<DenseMatrix<f64>, LearnError> {
    let values = rows.t().iter().copied().collect();
    DenseMatrix::new(rows.nrows(), rows.ncols(), values, true).map_err(failed)
}

/// Class numbers as smartcore wants them.
pub(super) fn targets(labels: &[usize]) -> Vec<u32> {
    labels.iter().map(|&label| label as u32).collect()
}

/// smartcore's error as ours.
pub(super) fn failed(why: smartcore::error::Failed) -> LearnError {
    LearnError::Failed(why.to_string())
}

impl Classifier for Tree {
    fn name(&self) -> &'static str {
        "tree"
    }
    fn about(&self) -> &'static str {
        "decision tree, Gini, unpruned (smartcore)"
    }
    fn kind(&self) -> Kind {
        Kind::Row
    }
    fn fit(&self, data: &Data, recipe: &Recipe, _: &dyn Watch<Epoch>) -> Result<Box<dyn Model>, LearnError> {
        let (rows, labels) = (matrix(data.inputs.rows()?)?, targets(&data.labels));
        let how = DecisionTreeClassifierParameters { seed: Some(recipe.seed), ..Default::default() };
        let tree = guarded("tree", || Fitted::fit(&rows, &labels, how))?.map_err(failed)?;
        let mut weights = Weights::default();
        weights.put_json("tree", &tree)?;
        weights.put_json("classes", &data.classes)?;
        Ok(Box::new(Grown { tree, classes: data.classes, weights }))
    }
    fn load(&self, weights: &Weights) -> Result<Box<dyn Model>, LearnError> {
        let (tree, classes) = (weights.get_json("tree")?, weights.get_json("classes")?);
        Ok(Box::new(Grown { tree, classes, weights: weights.clone() }))
    }
}

impl Model for Grown {
    fn scores(&self, inputs: &Inputs) -> Result<Array2<f64>, LearnError> {
        let found = self.tree.predict(&matrix(inputs.rows()?)?).map_err(failed)?;
        Ok(shares::votes(&[found], inputs.len(), self.classes))
    }
    fn weights(&self) -> Weights {
        self.weights.clone()
    }
    fn parameters(&self) -> usize {
        nodes(&self.weights)
    }
}

/// Number of nodes in the trees kept as JSON.
pub(super) fn nodes(weights: &Weights) -> usize {
    let field = b"\"split_feature\"";
    weights.bytes.values().map(|json| json.windows(field.len()).filter(|part| part == field).count()).sum()
}
