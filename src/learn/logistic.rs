//! Multinomial logistic regression: argmin's L-BFGS on the softmax loss with an L2 penalty, whose value and slope come from one
//! pass over the rows (as scikit-learn's `_linear_loss.LinearModelLoss`).
//!
//! Rows of rare classes weigh more (`shares::times`). linfa-logistic has the same solver but no weights, and computes value and
//! slope apart: inside compare on EmoDB it took 1.5 times as long as scikit-learn, this 0.4 (docs/baselines.md). Deliberately absent: L1, a
//! search for C.

use std::cell::RefCell;

use argmin::core::{CostFunction, Error, Executor, Gradient, State};
use argmin::solver::linesearch::MoreThuenteLineSearch;
use argmin::solver::quasinewton::LBFGS;
use ndarray::{Array1, Array2, ArrayView2};
use rayon::prelude::*;

use super::cnn::{Matrix, Write, multiply};
use super::definite::{Cholesky, products};
use super::worker::guarded;
use super::{Classifier, Data, Epoch, Inputs, Knob, LearnError, Model, Recipe, Weights, shares};
use crate::features::Kind;
use crate::job::Watch;

/// Inverse strength of the penalty, as scikit-learn's `C`: loss summed over rows + |w|² / 2C.
const C: Knob = Knob {
    name: "c",
    default: Some(0.1),
    range: (1e-9, 1e6),
    whole: false,
    tries: &[0.001, 0.003, 0.01, 0.03, 0.1, 0.3, 1.0],
    about: "inverse strength of the penalty: loss summed over clips + |w|² / 2c",
};

/// Upper bound of L-BFGS steps, pairs that it remembers, and the norm of the slope at which it stops; set by hand, not tuned.
const STEPS: u64 = 200;
const PAIRS: usize = 10;
const FLAT: f64 = 1e-2;
/// Rows that are gone through at a time, by one thread.
const BLOCK: usize = 128;

/// Part of the mean |x|² that is added to each, so that clips that are the same do no harm.
const FLOOR: f64 = 1e-9;

/// Softmax regression.
pub(super) struct Logistic;

struct Softmax {
    /// d x classes.
    slopes: Array2<f32>,
    intercepts: Array1<f32>,
}

impl Classifier for Logistic {
    fn name(&self) -> &'static str {
        "logistic"
    }
    fn about(&self) -> &'static str {
        "multinomial logistic regression, C = 0.1, classes balanced (L-BFGS of argmin)"
    }
    fn kind(&self) -> Kind {
        Kind::Row
    }
    fn knobs(&self) -> &'static [Knob] {
        &[C]
    }
    fn fit(&self, data: &Data, recipe: &Recipe, watch: &dyn Watch<Epoch>) -> Result<Box<dyn Model>, LearnError> {
        let rows = data.inputs.rows()?;
        let narrow = Narrow::of(rows, watch)?;
        let seen = narrow.as_ref().map_or(rows, |narrow| &narrow.rows);
        watch.check()?;
        let loss = Loss::new(seen, data, 1.0 / C.number(recipe));
        let found = guarded("logistic", || loss.least(watch))?;
        watch.check()?;
        let (slopes, intercepts) = found?;
        let slopes = narrow.map_or_else(|| slopes.clone(), |narrow| narrow.back(rows, &slopes));
        let single = |value: f64| value as f32;
        Ok(Box::new(Softmax { slopes: slopes.mapv(single), intercepts: intercepts.mapv(single) }))
    }
    fn load(&self, weights: &Weights) -> Result<Box<dyn Model>, LearnError> {
        Ok(Box::new(Softmax { slopes: weights.get("slopes")?, intercepts: weights.get("intercepts")? }))
    }
}

/// Σ weight · -log p(class of the row) + |w|² · penalty / 2, over rows x columns; the parameters are a row of slopes per class, then
/// the intercepts, which are not penalised.
struct Loss<'a> {
    rows: Vec<f64>,
    columns: usize,
    labels: &'a [usize],
    weights: Vec<f64>,
    classes: usize,
    penalty: f64,
}

/// The loss as the solver wants it.
struct Asked<'a> {
    loss: Loss<'a>,
    watch: &'a dyn Watch<Epoch>,
    /// The solver asks for the value and then for the slope at the same place.
    last: RefCell<Option<Seen>>,
}

/// Value and slope at a place.
struct Seen {
    place: Vec<f64>,
    value: f64,
    slope: Vec<f64>,
}

impl<'a> Loss<'a> {
    fn new(rows: &Array2<f64>, data: &'a Data, penalty: f64) -> Loss<'a> {
        let times = shares::times(&data.labels, data.classes);
        Loss {
            rows: rows.iter().copied().collect(),
            columns: rows.ncols(),
            labels: &data.labels,
            weights: data.labels.iter().map(|&label| times[label] as f64).collect(),
            classes: data.classes,
            penalty,
        }
    }

    /// Slopes, columns x classes, and intercepts where it is least.
    fn least(self, watch: &'a dyn Watch<Epoch>) -> Result<(Array2<f64>, Array1<f64>), LearnError> {
        let (columns, classes) = (self.columns, self.classes);
        let failed = |why: Error| LearnError::Failed(why.to_string());
        let solver = LBFGS::new(MoreThuenteLineSearch::new(), PAIRS).with_tolerance_grad(FLAT).map_err(failed)?;
        let start = vec![0.0; classes * (columns + 1)];
        let run = Executor::new(Asked { loss: self, watch, last: RefCell::new(None) }, solver)
            .configure(|state| state.param(start).max_iters(STEPS))
            .run();
        let result = run.map_err(failed)?;
        let nowhere = || LearnError::Failed("no least loss was found".to_owned());
        let place = result.state().get_best_param().ok_or_else(nowhere)?;
        let (slopes, intercepts) = place.split_at(classes * columns);
        let slopes = ArrayView2::from_shape((classes, columns), slopes).map_err(|_| nowhere())?;
        Ok((slopes.t().to_owned(), Array1::from(intercepts.to_vec())))
    }

    /// Value and slope from one pass. Blocks are summed in their order: the same bits on any number of threads.
    fn look(&self, place: &[f64]) -> (f64, Vec<f64>) {
        let (slopes, intercepts) = place.split_at(self.classes * self.columns);
        let blocks = self.rows.par_chunks((BLOCK * self.columns).max(1)).enumerate();
        let parts: Vec<_> = blocks.map(|(block, rows)| self.part(block, rows, (slopes, intercepts))).collect();
        let mut value = 0.5 * self.penalty * slopes.iter().map(|slope| slope * slope).sum::<f64>();
        let mut slope: Vec<f64> = slopes.iter().map(|slope| self.penalty * slope).collect();
        slope.resize(place.len(), 0.0);
        for (own, part) in parts {
            value += own;
            slope.iter_mut().zip(part).for_each(|(slope, part)| *slope += part);
        }
        (value, slope)
    }

    /// What a block of rows adds to both.
    fn part(&self, block: usize, rows: &[f64], (slopes, intercepts): (&[f64], &[f64])) -> (f64, Vec<f64>) {
        let (columns, classes) = (self.columns, self.classes);
        let clips = rows.len() / columns;
        let first = block * BLOCK;
        let (labels, weights) = (&self.labels[first..first + clips], &self.weights[first..first + clips]);
        let mut off = vec![0.0; clips * classes];
        let own = Matrix::new(rows, clips, columns, columns);
        multiply(&mut off, own, Matrix::new(slopes, classes, columns, columns).transposed(), Write::Replace);
        let mut value = 0.0;
        for (row, (&label, weight)) in off.chunks_mut(classes).zip(labels.iter().zip(weights)) {
            row.iter_mut().zip(intercepts).for_each(|(logit, intercept)| *logit += intercept);
            let top = row.iter().copied().fold(f64::NEG_INFINITY, f64::max);
            let own = row[label] - top;
            row.iter_mut().for_each(|logit| *logit = (*logit - top).exp());
            let sum: f64 = row.iter().sum();
            value += weight * (sum.ln() - own);
            row.iter_mut().for_each(|share| *share *= weight / sum);
            row[label] -= weight;
        }
        let mut slope = vec![0.0; classes * (columns + 1)];
        let (of_slopes, of_intercepts) = slope.split_at_mut(classes * columns);
        multiply(of_slopes, Matrix::new(&off, clips, classes, classes).transposed(), own, Write::Replace);
        for row in off.chunks(classes) {
            of_intercepts.iter_mut().zip(row).for_each(|(sum, off)| *sum += off);
        }
        (value, slope)
    }
}

impl Asked<'_> {
    /// What `take` wants of the place, looked at only once.
    fn at<T>(&self, place: &[f64], take: impl Fn(&Seen) -> T) -> Result<T, Error> {
        self.watch.check().map_err(|_| Error::msg("cancelled"))?;
        let mut last = self.last.borrow_mut();
        if let Some(seen) = last.as_ref().filter(|seen| seen.place == place) {
            return Ok(take(seen));
        }
        let (value, slope) = self.loss.look(place);
        Ok(take(last.insert(Seen { place: place.to_vec(), value, slope })))
    }
}

impl CostFunction for Asked<'_> {
    type Param = Vec<f64>;
    type Output = f64;
    fn cost(&self, place: &Vec<f64>) -> Result<f64, Error> {
        self.at(place, |seen| seen.value)
    }
}

impl Gradient for Asked<'_> {
    type Param = Vec<f64>;
    type Gradient = Vec<f64>;
    fn gradient(&self, place: &Vec<f64>) -> Result<Vec<f64>, Error> {
        self.at(place, |seen| seen.slope.clone())
    }
}

/// The same problem in as many columns as there are clips.
///
/// The penalty keeps the slopes within what the clips span, w = Xᵀa, and depends on X Xᵀ = L Lᵀ alone: L in place of X has
/// the same optimum, w' = Lᵀa.
struct Narrow {
    rows: Array2<f64>,
    factor: Cholesky,
}

impl Narrow {
    /// `None` where columns do not outnumber clips.
    fn of(rows: &Array2<f64>, watch: &dyn Watch<Epoch>) -> Result<Option<Narrow>, LearnError> {
        if rows.ncols() <= rows.nrows() {
            return Ok(None);
        }
        let mut matrix = products(rows, watch)?;
        let mean = matrix.diag().mean().unwrap_or(0.0);
        matrix.diag_mut().mapv_inplace(|value| value + FLOOR * mean + f64::MIN_POSITIVE);
        let factor = Cholesky::of(matrix, watch)?;
        Ok(Some(Narrow { rows: factor.lower(), factor }))
    }

    /// Slopes over the columns of `rows` from those over the narrow ones.
    fn back(&self, rows: &Array2<f64>, slopes: &Array2<f64>) -> Array2<f64> {
        rows.t().dot(&self.factor.solve_upper(slopes))
    }
}

impl Model for Softmax {
    fn scores(&self, inputs: &Inputs) -> Result<Array2<f64>, LearnError> {
        let mut logits = inputs.rows()?.dot(&self.slopes.mapv(f64::from)) + self.intercepts.mapv(f64::from);
        shares::softmax(&mut logits);
        Ok(logits)
    }
    fn weights(&self) -> Weights {
        let mut weights = Weights::default();
        weights.put("slopes", &self.slopes);
        weights.put("intercepts", &self.intercepts);
        weights
    }
    fn parameters(&self) -> usize {
        self.slopes.len() + self.intercepts.len()
    }
}

#[cfg(test)]
mod tests {
    use crate::learn::golden::cases;

    #[test]
    fn probabilities_are_scikit_learns_with_more_clips_than_columns_and_with_fewer() {
        for case in cases() {
            let off = case.gap(case.fitted("logistic", &[("c", 0.5)]).as_ref(), "logistic");
            assert!(off < 5e-3, "{off}");
        }
    }
}
