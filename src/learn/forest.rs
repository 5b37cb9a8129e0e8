//! A random forest by smartcore: 100 trees, bootstrap within each class, √d columns tried per split.
//!
//! smartcore grows trees one after another and tells only the winner of the vote. So each tree is a forest of one,
//! grown in parallel from its own seed, and the shares of the votes are the scores: the result depends on the seed
//! and not on the number of threads. Deliberately absent: out-of-bag scores and importances.

use ndarray::Array2;
use rayon::prelude::*;
use smartcore::ensemble::random_forest_classifier::{RandomForestClassifier, RandomForestClassifierParameters};
use smartcore::linalg::basic::matrix::DenseMatrix;

use super::tree::{failed, matrix, nodes, targets};
use super::worker::guarded;
use super::{Classifier, Data, Epoch, Inputs, LearnError, Model, Recipe, Weights, shares};
use crate::features::Kind;
use crate::job::Watch;

const TREES: u64 = 100;

type One = RandomForestClassifier<f64, u32, DenseMatrix<f64>, Vec<u32>>;

/// Random forest.
pub(super) struct Forest;

struct Grown {
    trees: Vec<One>,
    classes: usize,
    weights: Weights,
}

impl Classifier for Forest {
    fn name(&self) -> &'static str {
        "forest"
    }
    fn about(&self) -> &'static str {
        "random forest, 100 trees, vote shares as scores (smartcore)"
    }
    fn kind(&self) -> Kind {
        Kind::Row
    }
    fn fit(&self, data: &Data, recipe: &Recipe, watch: &dyn Watch<Epoch>) -> Result<Box<dyn Model>, LearnError> {
        let (rows, labels) = (matrix(data.inputs.rows()?)?, targets(&data.labels));
        let grow = |number| {
            watch.check()?;
            let seed = scattered(recipe.seed, number);
            let how = RandomForestClassifierParameters::default().with_n_trees(1).with_seed(seed);
            guarded("forest", || One::fit(&rows, &labels, how))?.map_err(failed)
        };
        let trees: Vec<One> = (0..TREES).into_par_iter().map(grow).collect::<Result<_, LearnError>>()?;
        let mut weights = Weights::default();
        weights.put_json("trees", &trees)?;
        weights.put_json("classes", &data.classes)?;
        Ok(Box::new(Grown { trees, classes: data.classes, weights }))
    }
    fn load(&self, weights: &Weights) -> Result<Box<dyn Model>, LearnError> {
        let (trees, classes) = (weights.get_json("trees")?, weights.get_json("classes")?);
        Ok(Box::new(Grown { trees, classes, weights: weights.clone() }))
    }
}

impl Model for Grown {
    fn scores(&self, inputs: &Inputs) -> Result<Array2<f64>, LearnError> {
        let rows = matrix(inputs.rows()?)?;
        let vote = |tree: &One| guarded("forest", || tree.predict(&rows))?.map_err(failed);
        let voters = self.trees.par_iter().map(vote).collect::<Result<Vec<_>, LearnError>>()?;
        Ok(shares::votes(&voters, inputs.len(), self.classes))
    }
    fn weights(&self) -> Weights {
        self.weights.clone()
    }
    fn parameters(&self) -> usize {
        nodes(&self.weights)
    }
}

/// Seed of tree `number`: SplitMix64, because smartcore itself counts up from the seed, and neighbouring seeds of a
/// recipe would share their trees.
fn scattered(seed: u64, number: u64) -> u64 {
    let mut z = seed.wrapping_mul(0xd134_2543_de82_ef95).wrapping_add(number.wrapping_mul(0x9e37_79b9_7f4a_7c15));
    z = (z ^ (z >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
    z = (z ^ (z >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
    z ^ (z >> 31)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn neighbouring_recipes_share_no_tree() {
        let mut seeds: Vec<u64> = (0..20).flat_map(|seed| (0..TREES).map(move |tree| scattered(seed, tree))).collect();
        seeds.sort_unstable();
        seeds.dedup();
        assert_eq!(seeds.len(), 20 * TREES as usize);
    }
}
