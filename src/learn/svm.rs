//! A support vector machine with RBF kernel: own SMO (`smo.rs`) for each pair of classes, in parallel.
//!
//! One-vs-one as in libsvm. The clips are put in the order of their classes, so that a pair is two ranges of one kernel
//! matrix (`gram.rs`). What is kept: the support vectors of all pairs as one matrix and a row of coefficients per pair, so
//! that scoring is two matrix products and a model read back scores exactly as before. Deliberately absent: a search for
//! C, other kernels, and Platt's sigmoid per pair: one temperature stands in its place (see `committee`).

use ndarray::{Array1, Array2, Axis};
use rayon::prelude::*;

use super::distance::{Points, centre};
use super::gram::{Gram, ROOM, kernel};
use super::pairs::{coupled, pairs};
use super::smo::{Problem, Solution};
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

/// RBF SVM.
pub(super) struct Svm;

struct Machine {
    kept: Kept,
    /// The support vectors, ready to be compared, and where they were moved to.
    points: Points,
    centre: Array1<f64>,
    /// Coefficients, m x pairs.
    coefficients: Array2<f64>,
}

/// What is saved.
struct Kept {
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

impl Classifier for Svm {
    fn name(&self) -> &'static str {
        "svm"
    }
    fn about(&self) -> &'static str {
        "support vector machine, RBF, C = 10, one-vs-one, classes balanced (own SMO)"
    }
    fn kind(&self) -> Kind {
        Kind::Row
    }
    fn overstates(&self) -> bool {
        true
    }
    fn knobs(&self) -> &'static [Knob] {
        &[C, GAMMA]
    }
    fn fit(&self, data: &Data, recipe: &Recipe, watch: &dyn Watch<Epoch>) -> Result<Box<dyn Model>, LearnError> {
        let rows = data.inputs.rows()?;
        let (c, gamma) = (C.number(recipe), GAMMA.of(recipe).unwrap_or_else(|| gamma(rows)));
        Ok(Box::new(Machine::new(solved(rows, data, (c, gamma), ROOM, watch)?)))
    }
    fn load(&self, weights: &Weights) -> Result<Box<dyn Model>, LearnError> {
        let gamma: Array1<f32> = weights.get("gamma")?;
        let kept = Kept {
            vectors: weights.get("vectors")?,
            coefficients: weights.get("coefficients")?,
            offsets: weights.get("offsets")?,
            gamma: gamma.first().copied().unwrap_or(0.0),
            classes: weights.get_json("classes")?,
        };
        let pairs = kept.classes.saturating_mul(kept.classes.saturating_sub(1)) / 2;
        if kept.coefficients.dim() != (pairs, kept.vectors.nrows()) || kept.offsets.len() != pairs {
            return Err(LearnError::BadModel("svm: vectors and coefficients do not fit together".into()));
        }
        Ok(Box::new(Machine::new(kept)))
    }
}

/// The machines of all pairs; kernel values may take `room` bytes.
fn solved(
    rows: &Array2<f64>,
    data: &Data,
    (c, gamma): (f64, f64),
    room: usize,
    watch: &dyn Watch<Epoch>,
) -> Result<Kept, LearnError> {
    let sorted = Sorted::of(&data.labels, data.classes);
    let rows = rows.select(Axis(0), &sorted.order);
    let gram = Gram::new(Points::new(&rows, &centre(&rows)), gamma, room, watch)?;
    let own = room / rayon::current_num_threads().max(1);
    let solve = |pair| sorted.problem(pair, c).solve(&mut gram.rows(own), watch);
    let solutions = pairs(data.classes).into_par_iter().map(solve).collect::<Result<Vec<_>, LearnError>>()?;
    Ok(Kept::new(&rows, &sorted, &solutions, gamma))
}

/// Clips in the order of their classes.
struct Sorted {
    /// Clip numbers, class by class; within a class as they came.
    order: Vec<usize>,
    /// Where each class begins in `order`, and the end.
    starts: Vec<usize>,
}

impl Sorted {
    fn of(labels: &[usize], classes: usize) -> Sorted {
        let mut order: Vec<usize> = (0..labels.len()).collect();
        order.sort_by_key(|&clip| labels[clip]);
        let starts = (0..=classes).map(|class| order.partition_point(|&clip| labels[clip] < class)).collect();
        Sorted { order, starts }
    }

    fn classes(&self) -> usize {
        self.starts.len() - 1
    }

    /// A pair of classes. The price of a clip is c · n / (classes · clips of its class), scikit-learn's
    /// `class_weight="balanced"`.
    fn problem(&self, (first, second): (usize, usize), c: f64) -> Problem {
        let side = |class: usize| self.starts[class]..self.starts[class + 1];
        let price = |class: usize| c * self.order.len() as f64 / (self.classes() * side(class).len().max(1)) as f64;
        Problem { sides: [side(first), side(second)], prices: [price(first), price(second)] }
    }
}

impl Kept {
    fn new(rows: &Array2<f64>, sorted: &Sorted, solutions: &[Solution], gamma: f64) -> Kept {
        let mut coefficients = Array2::<f32>::zeros((solutions.len(), rows.nrows()));
        for ((mut line, solution), pair) in
            coefficients.rows_mut().into_iter().zip(solutions).zip(pairs(sorted.classes()))
        {
            let [first, second] = sorted.problem(pair, 1.0).sides;
            first
                .chain(second)
                .zip(&solution.multipliers)
                .for_each(|(clip, &multiplier)| line[clip] = multiplier as f32);
        }
        let used = |clip: &usize| coefficients.column(*clip).iter().any(|&coefficient| coefficient != 0.0);
        let used: Vec<usize> = (0..rows.nrows()).filter(used).collect();
        Kept {
            vectors: rows.select(Axis(0), &used).mapv(|value| value as f32),
            coefficients: coefficients.select(Axis(1), &used),
            offsets: solutions.iter().map(|solution| solution.offset as f32).collect(),
            gamma: gamma as f32,
            classes: sorted.classes(),
        }
    }
}

impl Machine {
    fn new(kept: Kept) -> Machine {
        let vectors = kept.vectors.mapv(f64::from);
        let centre = centre(&vectors);
        let points = Points::new(&vectors, &centre);
        Machine { points, centre, coefficients: kept.coefficients.t().mapv(f64::from), kept }
    }

    /// Decisions of rows, given their squared distances to the support vectors: n x pairs.
    fn decisions(&self, mut near: Vec<f32>) -> Array2<f64> {
        let vectors = self.points.len();
        let count = near.len() / vectors.max(1);
        kernel(&mut near, self.kept.gamma);
        let near = Array2::from_shape_fn((count, vectors), |(row, vector)| f64::from(near[row * vectors + vector]));
        near.dot(&self.coefficients) - self.kept.offsets.mapv(f64::from)
    }

    /// The same as scores, n x classes.
    fn block(&self, near: Vec<f32>) -> Array2<f64> {
        let decisions = self.decisions(near);
        let mut scores = Array2::zeros((decisions.nrows(), self.kept.classes));
        for (mut out, line) in scores.rows_mut().into_iter().zip(decisions.rows()) {
            out.assign(&coupled(line, self.kept.classes));
        }
        scores
    }
}

impl Model for Machine {
    fn scores(&self, inputs: &Inputs) -> Result<Array2<f64>, LearnError> {
        let rows = inputs.rows()?;
        if rows.ncols() != self.centre.len() {
            return Err(LearnError::WrongInput(format!("svm: {} columns, not {}", rows.ncols(), self.centre.len())));
        }
        Points::new(rows, &self.centre).scored(&self.points, |_, near| self.block(near))
    }
    fn weights(&self) -> Weights {
        let mut weights = Weights::default();
        weights.put("vectors", &self.kept.vectors);
        weights.put("coefficients", &self.kept.coefficients);
        weights.put("offsets", &self.kept.offsets);
        weights.put("gamma", &Array1::from_elem(1, self.kept.gamma));
        weights.bytes.insert("classes".into(), self.kept.classes.to_string().into_bytes());
        weights
    }
    fn parameters(&self) -> usize {
        self.kept.vectors.len() + self.kept.coefficients.len() + self.kept.offsets.len()
    }
}

/// 1 / (d · variance of all numbers), scikit-learn's `gamma="scale"`.
fn gamma(rows: &Array2<f64>) -> f64 {
    let spread = rows.var(0.0) * rows.ncols() as f64;
    if spread > 0.0 { 1.0 / spread } else { 1.0 }
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use super::*;
    use crate::learn::golden::{cases, gap};

    fn machine(case: &crate::learn::golden::Case, room: usize) -> Machine {
        let rows = case.data.inputs.rows().unwrap();
        Machine::new(solved(rows, &case.data, (2.0, 0.05), room, &crate::job::Unwatched).unwrap())
    }

    fn decisions(machine: &Machine, rows: &Array2<f64>) -> Array2<f64> {
        Points::new(rows, &machine.centre).scored(&machine.points, |_, near| machine.decisions(near)).unwrap()
    }

    #[test]
    fn decisions_are_libsvms() {
        for case in cases() {
            let found = decisions(&machine(&case, ROOM), case.asked.rows().unwrap());
            let off = gap(&found, &case.wanted("svm"));
            assert!(off < 2e-3, "{off}");
        }
    }

    #[test]
    fn rows_of_the_kernel_that_do_not_fit_change_nothing_to_speak_of() {
        for case in cases() {
            let asked = case.asked.rows().unwrap();
            let off = gap(&decisions(&machine(&case, ROOM), asked), &decisions(&machine(&case, 3000), asked));
            assert!(off < 2e-3, "{off}");
        }
    }
}
