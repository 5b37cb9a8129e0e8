//! Trees grown side by side, whose leaves' shares of the classes are averaged: one tree, a forest, extra-trees.
//!
//! Each tree has a generator of its own, made of the seed and the tree's number. Classes are balanced as in
//! scikit-learn 1.9 with `class_weight="balanced"`: by weight where a tree sees all rows; where rows are drawn with return,
//! each class is as likely to be drawn, and all that were drawn weigh the same. Deliberately absent: out-of-bag scores and importances.

use ndarray::Array2;
use rand::{Rng, SeedableRng};
use rand_pcg::Pcg64;
use rayon::prelude::*;

use super::cart::{Growth, Soil, grow};
use super::{Columns, Cut, Ensemble, Tree};
use crate::features::Kind;
use crate::job::{Cancelled, Watch};
use crate::learn::{Classifier, Data, Epoch, Inputs, Knob, LearnError, Model, Recipe, Weights};

/// A classifier of this family.
pub(in crate::learn) struct Grove {
    pub name: &'static str,
    pub about: &'static str,
    /// What may be set; those of [`knob`].
    pub knobs: &'static [Knob],
    /// Whether each tree sees rows drawn with return instead of all.
    pub bootstrap: bool,
    /// How a column is cut.
    pub cut: Cut,
    /// Whether a node tries √d columns instead of all d.
    pub some_columns: bool,
}

/// The hyper-parameters of the family.
pub(in crate::learn) mod knob {
    use super::Knob;

    /// scikit-learn's `n_estimators`.
    pub(in crate::learn) const TREES: Knob = Knob {
        name: "trees",
        default: Some(100.0),
        range: (1.0, 1e5),
        whole: true,
        tries: &[100.0, 300.0],
        about: "number of trees",
    };

    /// scikit-learn's `max_depth`.
    pub(in crate::learn) const DEPTH: Knob = Knob {
        name: "depth",
        default: None,
        range: (1.0, 1e6),
        whole: true,
        tries: &[4.0, 8.0, 16.0],
        about: "questions on the way to a leaf, at most; no bound where not given",
    };

    /// scikit-learn's `min_samples_leaf`.
    pub(in crate::learn) const LEAF: Knob = Knob {
        name: "leaf",
        default: Some(1.0),
        range: (1.0, 1e6),
        whole: true,
        tries: &[1.0, 2.0, 4.0, 8.0],
        about: "different clips in a leaf, at least",
    };

    /// scikit-learn's `max_features`, as a share.
    pub(in crate::learn) const COLUMNS: Knob = Knob {
        name: "columns",
        default: None,
        range: (0.0, 1.0),
        whole: false,
        tries: &[0.05, 0.1, 0.2, 0.4],
        about: "share of the columns that a question is chosen from, at least one column; √columns where not given",
    };

    /// The same where all columns are the default.
    pub(in crate::learn) const ALL_COLUMNS: Knob = Knob {
        default: Some(1.0),
        tries: &[0.1, 0.3, 1.0],
        about: "share of the columns that a question is chosen from, at least one column",
        ..COLUMNS
    };
}

struct Grown {
    ensemble: Ensemble,
    /// Name of the classifier.
    name: String,
}

/// What all trees of a fit share.
struct Ground<'a> {
    data: &'a Data,
    columns: &'a Columns,
    growth: Growth,
    /// Rows of each class, where they are drawn.
    draw: Option<Vec<Vec<usize>>>,
    /// Weight of a row of each class.
    weights: Vec<f64>,
}

impl Grove {
    fn growth(&self, columns: usize, recipe: &Recipe) -> Growth {
        let share = knob::COLUMNS.of(recipe).map(|share| share * columns as f64);
        let some = share.unwrap_or_else(|| if self.some_columns { (columns as f64).sqrt() } else { columns as f64 });
        Growth {
            cut: self.cut,
            columns: (some as usize).max(1),
            depth: knob::DEPTH.of(recipe).map(|depth| depth as usize),
            leaf: knob::LEAF.number(recipe) as usize,
        }
    }

    fn tree(&self, ground: &Ground<'_>, seed: u64, watch: &dyn Watch<Epoch>) -> Result<Tree, Cancelled> {
        let mut random = Pcg64::seed_from_u64(seed);
        let Ground { data, columns, growth, draw, weights } = ground;
        let mut counts = vec![u32::from(draw.is_none()); data.labels.len()];
        if let Some(by_class) = draw {
            for _ in 0..counts.len() {
                let rows = &by_class[random.random_range(0..by_class.len())];
                counts[rows[random.random_range(0..rows.len())]] += 1;
            }
        }
        let soil = Soil { columns, labels: &data.labels, counts: &counts, weights };
        grow(&soil, *growth, &mut random, watch)
    }
}

impl Classifier for Grove {
    fn name(&self) -> &'static str {
        self.name
    }
    fn about(&self) -> &'static str {
        self.about
    }
    fn kind(&self) -> Kind {
        Kind::Row
    }
    fn knobs(&self) -> &'static [Knob] {
        self.knobs
    }
    fn fit(&self, data: &Data, recipe: &Recipe, watch: &dyn Watch<Epoch>) -> Result<Box<dyn Model>, LearnError> {
        let columns = Columns::of(data.inputs.rows()?);
        let growth = self.growth(columns.count(), recipe);
        let (draw, weights) = if self.bootstrap {
            (Some(by_class(&data.labels, data.classes)), vec![1.0; data.classes])
        } else {
            (None, whole(&balance(&data.labels, data.classes), data.labels.len()))
        };
        let ground = Ground { data, columns: &columns, growth, draw, weights };
        let tree = |number| self.tree(&ground, scattered(recipe.seed, number), watch);
        let number =
            self.knobs.iter().find(|knob| knob.name == knob::TREES.name).map_or(1, |knob| knob.number(recipe) as u64);
        let trees = (0..number).into_par_iter().map(tree).collect::<Result<Vec<_>, Cancelled>>()?;
        let ensemble = Ensemble { trees, width: data.classes, columns: columns.count() };
        Ok(Box::new(Grown { ensemble, name: self.name.to_owned() }))
    }
    fn load(&self, weights: &Weights) -> Result<Box<dyn Model>, LearnError> {
        let (ensemble, name) = (Ensemble::get(weights)?, weights.get_json::<String>("classifier")?);
        if name != self.name {
            return Err(LearnError::BadModel(format!("trees of {name}, not of {}", self.name)));
        }
        Ok(Box::new(Grown { ensemble, name }))
    }
}

impl Model for Grown {
    fn scores(&self, inputs: &Inputs) -> Result<Array2<f64>, LearnError> {
        let sums = self.ensemble.sums(inputs, self.ensemble.width)?;
        Ok(sums / self.ensemble.trees.len() as f64)
    }
    fn weights(&self) -> Weights {
        let mut weights = Weights::default();
        self.ensemble.put(&mut weights);
        weights.bytes.insert("classifier".into(), format!("{:?}", self.name).into_bytes());
        weights
    }
    fn parameters(&self) -> usize {
        self.ensemble.nodes()
    }
}

/// Rows of each class.
fn by_class(labels: &[usize], classes: usize) -> Vec<Vec<usize>> {
    let mut rows = vec![Vec::new(); classes];
    labels.iter().enumerate().for_each(|(row, &label)| rows[label].push(row));
    rows
}

/// Weight of a row of each class: rows / (classes · rows of the class).
pub(in crate::learn) fn balance(labels: &[usize], classes: usize) -> Vec<f64> {
    let mut counts = vec![0.0f64; classes];
    labels.iter().for_each(|&label| counts[label] += 1.0);
    counts.iter().map(|count| labels.len() as f64 / (classes as f64 * count.max(1.0))).collect()
}

/// The same in whole numbers, so large that rounding does not matter and so small that the squares of their sums are exact:
/// else two cuts that part the classes alike would differ in their last bits, and these would decide instead of the seed.
fn whole(weights: &[f64], rows: usize) -> Vec<f64> {
    // All rows together weigh 2²⁵.
    let scale = f64::from(1 << 25) / rows as f64;
    weights.iter().map(|weight| (weight * scale).round().max(1.0)).collect()
}

/// Seed of tree `number`: SplitMix64, so that neighbouring seeds of a recipe share no tree.
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
        let mut seeds: Vec<u64> = (0..20).flat_map(|seed| (0..100).map(move |tree| scattered(seed, tree))).collect();
        seeds.sort_unstable();
        seeds.dedup();
        assert_eq!(seeds.len(), 2000);
    }

    #[test]
    fn classes_of_any_size_weigh_the_same() {
        let weights = balance(&[0, 0, 0, 1], 2);
        assert_eq!(weights, [4.0 / 6.0, 2.0]);
    }
}
