//! A support vector machine with RBF kernel: linfa's SMO for each pair of classes, in parallel.
//!
//! One-vs-one as in libsvm: a pair holds only its own clips, so it is small and fast where linfa's one-vs-all is not.
//! What is kept is ours: the support vectors of all pairs as one matrix and a row of coefficients per pair, so that
//! scoring is two matrix products and a model read back scores exactly as before. Deliberately absent: Platt scaling
//! (linfa fits it on the training clips, where margins flatter, and fails on separable ones) and a search for C.

use linfa::DatasetView;
use linfa::traits::Fit;
use linfa_svm::Svm as Smo;
use ndarray::{Array1, Array2, ArrayView1, Axis};
use rayon::prelude::*;

use super::pairs::{coupled, pairs};
use super::worker::guarded;
use super::{Classifier, Data, Epoch, Inputs, Knob, LearnError, Model, Recipe, Weights};
use crate::features::Kind;
use crate::job::Watch;

/// scikit-learn's `C`.
const C: Knob = Knob {
    name: "c",
    default: Some(10.0),
    range: (1e-9, 1e6),
    whole: false,
    tries: &[0.1, 0.3, 1.0, 3.0, 10.0, 30.0, 100.0],
    about: "price of a clip on the wrong side, before class balance",
};

/// scikit-learn's `gamma`.
const GAMMA: Knob = Knob {
    name: "gamma",
    default: None,
    range: (1e-9, 1e6),
    whole: false,
    tries: &[0.0003, 0.001, 0.003, 0.01, 0.03, 0.1],
    about: "the kernel is exp(-gamma |x - y|²); 1 / (columns · variance of all numbers) where not given",
};

/// Stopping tolerance, as scikit-learn's `tol`.
const TOLERANCE: f64 = 1e-3;

/// RBF SVM.
pub(super) struct Svm;

struct Machine {
    /// Support vectors of any pair, m x d.
    vectors: Array2<f32>,
    /// Pairs x m: signed multipliers; pairs in the order 0-1, 0-2, …, 1-2, …; positive speaks for the first.
    coefficients: Array2<f32>,
    /// One per pair.
    offsets: Array1<f32>,
    /// The kernel is exp(-gamma |x - y|²).
    gamma: f32,
    classes: usize,
}

/// What SMO found for one pair: multipliers of rows of the training data, and the offset.
struct Plane {
    multipliers: Vec<(usize, f64)>,
    offset: f64,
}

impl Classifier for Svm {
    fn name(&self) -> &'static str {
        "svm"
    }
    fn about(&self) -> &'static str {
        "support vector machine, RBF, C = 10, one-vs-one, classes balanced (linfa)"
    }
    fn kind(&self) -> Kind {
        Kind::Row
    }
    fn knobs(&self) -> &'static [Knob] {
        &[C, GAMMA]
    }
    fn fit(&self, data: &Data, recipe: &Recipe, watch: &dyn Watch<Epoch>) -> Result<Box<dyn Model>, LearnError> {
        let rows = data.inputs.rows()?;
        let (c, gamma) = (C.number(recipe), GAMMA.of(recipe).unwrap_or_else(|| gamma(rows)));
        let plane = |(first, second)| {
            watch.check()?;
            plane(data, rows, (first, second), (c, gamma))
        };
        let planes = pairs(data.classes).into_par_iter().map(plane).collect::<Result<Vec<_>, LearnError>>()?;
        Ok(Box::new(Machine::new(rows, &planes, gamma, data.classes)))
    }
    fn load(&self, weights: &Weights) -> Result<Box<dyn Model>, LearnError> {
        let gamma: Array1<f32> = weights.get("gamma")?;
        let machine = Machine {
            vectors: weights.get("vectors")?,
            coefficients: weights.get("coefficients")?,
            offsets: weights.get("offsets")?,
            gamma: gamma.first().copied().unwrap_or(0.0),
            classes: weights.get_json("classes")?,
        };
        let pairs = machine.classes * machine.classes.saturating_sub(1) / 2;
        if machine.coefficients.dim() != (pairs, machine.vectors.nrows()) || machine.offsets.len() != pairs {
            return Err(LearnError::BadModel("svm: vectors and coefficients do not fit together".into()));
        }
        Ok(Box::new(machine))
    }
}

impl Machine {
    fn new(rows: &Array2<f64>, planes: &[Plane], gamma: f64, classes: usize) -> Machine {
        let mut used: Vec<usize> =
            planes.iter().flat_map(|plane| plane.multipliers.iter().map(|&(row, _)| row)).collect();
        used.sort_unstable();
        used.dedup();
        let mut coefficients = Array2::zeros((planes.len(), used.len()));
        for (mut line, plane) in coefficients.rows_mut().into_iter().zip(planes) {
            for &(row, multiplier) in &plane.multipliers {
                line[used.partition_point(|&other| other < row)] = multiplier as f32;
            }
        }
        Machine {
            vectors: rows.select(Axis(0), &used).mapv(|value| value as f32),
            coefficients,
            offsets: planes.iter().map(|plane| plane.offset as f32).collect(),
            gamma: gamma as f32,
            classes,
        }
    }

    /// n x pairs.
    fn decisions(&self, rows: &Array2<f64>) -> Array2<f64> {
        let vectors = self.vectors.mapv(f64::from);
        let squares = |all: &Array2<f64>| all.map_axis(Axis(1), |row| row.dot(&row));
        let (left, right) = (squares(rows), squares(&vectors));
        let mut kernel = rows.dot(&vectors.t());
        let gamma = f64::from(self.gamma);
        for ((row, column), value) in kernel.indexed_iter_mut() {
            *value = (-gamma * (left[row] + right[column] - 2.0 * *value).max(0.0)).exp();
        }
        kernel.dot(&self.coefficients.t().mapv(f64::from)) - self.offsets.mapv(f64::from)
    }
}

impl Model for Machine {
    fn scores(&self, inputs: &Inputs) -> Result<Array2<f64>, LearnError> {
        let rows = inputs.rows()?;
        if rows.ncols() != self.vectors.ncols() {
            return Err(LearnError::WrongInput(format!("svm: {} columns, not {}", rows.ncols(), self.vectors.ncols())));
        }
        let decisions = self.decisions(rows);
        let mut scores = Array2::zeros((rows.nrows(), self.classes));
        for (mut out, line) in scores.rows_mut().into_iter().zip(decisions.rows()) {
            out.assign(&coupled(line, self.classes));
        }
        Ok(scores)
    }
    fn weights(&self) -> Weights {
        let mut weights = Weights::default();
        weights.put("vectors", &self.vectors);
        weights.put("coefficients", &self.coefficients);
        weights.put("offsets", &self.offsets);
        weights.put("gamma", &Array1::from_elem(1, self.gamma));
        weights.bytes.insert("classes".into(), self.classes.to_string().into_bytes());
        weights
    }
    fn parameters(&self) -> usize {
        self.vectors.len() + self.coefficients.len() + self.offsets.len()
    }
}

/// 1 / (d · variance of all numbers), scikit-learn's `gamma="scale"`.
fn gamma(rows: &Array2<f64>) -> f64 {
    let spread = rows.var(0.0) * rows.ncols() as f64;
    if spread > 0.0 { 1.0 / spread } else { 1.0 }
}

/// Trains one pair. The price of a clip is c · n / (classes · clips of its class), scikit-learn's `class_weight="balanced"`.
fn plane(data: &Data, rows: &Array2<f64>, pair: (usize, usize), (c, gamma): (f64, f64)) -> Result<Plane, LearnError> {
    let members: Vec<usize> =
        (0..data.labels.len()).filter(|&row| data.labels[row] == pair.0 || data.labels[row] == pair.1).collect();
    let is_first: Vec<bool> = members.iter().map(|&row| data.labels[row] == pair.0).collect();
    let firsts = is_first.iter().filter(|&&first| first).count();
    let price = |count: usize| c * data.labels.len() as f64 / (data.classes as f64 * count as f64);

    let own = rows.select(Axis(0), &members);
    let set = DatasetView::new(own.view(), ArrayView1::from(&is_first));
    let how = Smo::<f64, bool>::params()
        .eps(TOLERANCE)
        .gaussian_kernel(1.0 / gamma)
        .pos_neg_weights(price(firsts), price(members.len() - firsts));
    let found = guarded("svm", || how.fit(&set))?.map_err(|why| LearnError::Failed(why.to_string()))?;
    let multipliers = members.into_iter().zip(found.alpha).filter(|&(_, multiplier)| multiplier != 0.0).collect();
    Ok(Plane { multipliers, offset: found.rho })
}
