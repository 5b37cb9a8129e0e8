//! Gradient boosting over histograms: each round grows, for every class, one small tree towards what is still wrong.
//!
//! Friedman (2001) with second derivatives, columns in 255 bins and trees grown leaf by leaf: the way of LightGBM and of
//! scikit-learn's `HistGradientBoostingClassifier`, whose numbers it follows. The loss is the cross-entropy of a softmax, of a
//! logistic where there are two classes; classes are balanced by weight, so that
//! before the first round all are equally likely. All rounds are run: held-out speakers, which
//! could end it early, are worth more to learn from. Nothing in it is random.

use ndarray::Array2;
use rayon::prelude::*;

use super::trees::{Bins, Columns, Ensemble, Leafwise, Slope, Tree, balance};
use super::{Classifier, Data, Epoch, Inputs, Knob, LearnError, Model, Recipe, Weights, shares};
use crate::features::Kind;
use crate::job::{Cancelled, Watch};

/// scikit-learn's `max_iter`.
const ROUNDS: Knob = Knob {
    name: "rounds",
    default: Some(100.0),
    range: (1.0, 1e4),
    whole: true,
    tries: &[50.0, 100.0, 200.0],
    about: "number of rounds, each a tree for every class",
};

/// scikit-learn's `learning_rate`.
const RATE: Knob = Knob {
    name: "rate",
    default: Some(0.1),
    range: (1e-6, 1.0),
    whole: false,
    tries: &[0.03, 0.06, 0.1, 0.2],
    about: "part of the best step that a leaf takes",
};

/// scikit-learn's `max_leaf_nodes`.
const LEAVES: Knob = Knob {
    name: "leaves",
    default: Some(31.0),
    range: (2.0, 1e5),
    whole: true,
    tries: &[4.0, 8.0, 16.0, 31.0],
    about: "leaves of a tree, at most",
};

/// scikit-learn's `min_samples_leaf`.
const LEAF: Knob = Knob {
    name: "leaf",
    default: Some(20.0),
    range: (1.0, 1e6),
    whole: true,
    tries: &[5.0, 10.0, 20.0, 40.0],
    about: "clips in a leaf, at least",
};

/// scikit-learn's `l2_regularization`.
const L2: Knob = Knob {
    name: "l2",
    default: Some(0.0),
    range: (0.0, 1e6),
    whole: false,
    tries: &[0.0, 0.3, 1.0, 3.0, 10.0],
    about: "penalty of a leaf's square",
};

/// Gradient boosting.
pub(super) struct Boosting;

struct Boosted {
    /// Round after round a tree for every margin.
    ensemble: Ensemble,
    classes: usize,
}

/// Rows on the way through the rounds.
struct Course<'a> {
    labels: &'a [usize],
    /// Weight of a row of each class.
    weights: Vec<f64>,
    /// By margin, what is said of each row so far.
    said: Vec<Vec<f64>>,
}

impl Classifier for Boosting {
    fn name(&self) -> &'static str {
        "boosting"
    }
    fn about(&self) -> &'static str {
        "gradient boosting of small trees over histograms, 100 rounds, classes balanced (own)"
    }
    fn kind(&self) -> Kind {
        Kind::Row
    }
    fn knobs(&self) -> &'static [Knob] {
        &[ROUNDS, RATE, LEAVES, LEAF, L2]
    }
    fn fit(&self, data: &Data, recipe: &Recipe, watch: &dyn Watch<Epoch>) -> Result<Box<dyn Model>, LearnError> {
        let columns = Columns::of(data.inputs.rows()?);
        watch.check()?;
        let bins = Bins::of(&columns);
        let how = Leafwise {
            rate: RATE.number(recipe),
            leaves: LEAVES.number(recipe) as usize,
            leaf: LEAF.number(recipe) as usize,
            l2: L2.number(recipe),
        };
        let mut course = Course::new(&data.labels, data.classes);
        let mut trees = Vec::new();
        for _ in 0..ROUNDS.number(recipe) as usize {
            trees.extend(course.round(&bins, how, watch)?);
        }
        let ensemble = Ensemble { trees, width: 1, columns: columns.count() };
        Ok(Box::new(Boosted { ensemble, classes: data.classes }))
    }
    fn load(&self, weights: &Weights) -> Result<Box<dyn Model>, LearnError> {
        let (ensemble, classes): (Ensemble, usize) = (Ensemble::get(weights)?, weights.get_json("boosting")?);
        if ensemble.width != 1 || classes < 2 || ensemble.trees.len() % margins(classes) != 0 {
            return Err(LearnError::BadModel("boosting: trees and classes do not fit together".into()));
        }
        Ok(Box::new(Boosted { ensemble, classes }))
    }
}

impl Model for Boosted {
    fn scores(&self, inputs: &Inputs) -> Result<Array2<f64>, LearnError> {
        let mut said = self.ensemble.sums(inputs, margins(self.classes))?;
        if self.classes == 2 {
            said = ndarray::concatenate![ndarray::Axis(1), Array2::zeros(said.dim()), said];
        }
        shares::softmax(&mut said);
        Ok(said)
    }
    fn weights(&self) -> Weights {
        let mut weights = Weights::default();
        self.ensemble.put(&mut weights);
        weights.bytes.insert("boosting".into(), self.classes.to_string().into_bytes());
        weights
    }
    fn parameters(&self) -> usize {
        self.ensemble.nodes()
    }
}

/// Numbers that are said of a row: of two classes, one for the second; else one for each.
fn margins(classes: usize) -> usize {
    if classes == 2 { 1 } else { classes }
}

impl Course<'_> {
    fn new(labels: &[usize], classes: usize) -> Course<'_> {
        let said = vec![vec![0.0; labels.len()]; margins(classes)];
        Course { labels, weights: balance(labels, classes), said }
    }

    /// Grows a tree for every margin.
    fn round(&mut self, bins: &Bins, how: Leafwise, watch: &dyn Watch<Epoch>) -> Result<Vec<Tree>, Cancelled> {
        let slopes: Vec<Vec<Slope>> = self.slopes();
        let grow = |(said, slopes): (&mut Vec<f64>, Vec<Slope>)| how.grow(bins, &slopes, said, watch);
        self.said.par_iter_mut().zip(slopes).map(grow).collect()
    }

    /// Derivatives of the loss by margin and row.
    fn slopes(&self) -> Vec<Vec<Slope>> {
        let binary = self.said.len() == 1;
        let mut slopes = vec![vec![Slope::default(); self.labels.len()]; self.said.len()];
        let mut shares = vec![0.0; self.said.len()];
        for (row, &label) in self.labels.iter().enumerate() {
            self.shares(row, &mut shares);
            let weight = self.weights[label];
            for (margin, &share) in shares.iter().enumerate() {
                let wanted = f64::from(u8::from(label == margin + usize::from(binary)));
                let (gradient, hessian) = (weight * (share - wanted), weight * share * (1.0 - share));
                slopes[margin][row] = Slope { gradient: gradient as f32, hessian: hessian as f32 };
            }
        }
        slopes
    }

    /// How likely the classes that have a margin are for a row, as far as was learnt.
    fn shares(&self, row: usize, shares: &mut [f64]) {
        if let ([said], [share]) = (&self.said[..], &mut *shares) {
            *share = 1.0 / (1.0 + (-said[row]).exp());
            return;
        }
        let top = self.said.iter().fold(f64::NEG_INFINITY, |top, said| top.max(said[row]));
        shares.iter_mut().zip(&self.said).for_each(|(share, said)| *share = (said[row] - top).exp());
        let sum: f64 = shares.iter().sum();
        shares.iter_mut().for_each(|share| *share /= sum);
    }
}
