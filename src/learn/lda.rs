//! Linear discriminant analysis with shrinkage, for few clips and many columns.
//!
//! Each class's covariance is drawn towards a diagonal by Ledoit and Wolf's share (J. Multivariate Analysis 88, 2004) on
//! columns scaled within the class, as scikit-learn's `LinearDiscriminantAnalysis(solver="lsqr", shrinkage="auto")`, with
//! equal priors: UAR counts classes alike. The mean covariance is a diagonal and a product of n rows; where columns
//! outnumber clips, the system solved is n x n (Woodbury). Deliberately absent: projections, and other solvers.

use ndarray::{Array1, Array2, Axis};

use super::definite::{Cholesky, products};
use super::{Classifier, Data, Epoch, Inputs, Knob, LearnError, Model, Recipe, Weights, shares};
use crate::features::Kind;
use crate::job::Watch;

/// scikit-learn's `shrinkage`; a given one draws towards equal variances, as there.
const SHRINKAGE: Knob = Knob {
    name: "shrinkage",
    default: None,
    range: (1e-6, 1.0),
    whole: false,
    tries: &[0.001, 0.003, 0.01, 0.03, 0.1, 0.3],
    about: "share of the diagonal in each class's covariance; Ledoit and Wolf's where not given",
};

/// Part of the mean variance that the diagonal has at least, so that the system is regular.
const FLOOR: f64 = 1e-10;

/// Shrinkage LDA.
pub(super) struct Lda;

struct Linear {
    /// d x classes.
    slopes: Array2<f32>,
    intercepts: Array1<f32>,
}

impl Classifier for Lda {
    fn name(&self) -> &'static str {
        "lda"
    }
    fn about(&self) -> &'static str {
        "linear discriminant analysis, Ledoit-Wolf shrinkage, equal priors (own)"
    }
    fn kind(&self) -> Kind {
        Kind::Row
    }
    fn overstates(&self) -> bool {
        true
    }
    fn knobs(&self) -> &'static [Knob] {
        &[SHRINKAGE]
    }
    fn fit(&self, data: &Data, recipe: &Recipe, watch: &dyn Watch<Epoch>) -> Result<Box<dyn Model>, LearnError> {
        let rows = data.inputs.rows()?;
        let mut spread = Spread { rows: Vec::new(), diagonal: Array1::zeros(rows.ncols()) };
        let mut means = Array2::zeros((data.classes, rows.ncols()));
        for class in 0..data.classes {
            let own: Vec<usize> = (0..data.labels.len()).filter(|&row| data.labels[row] == class).collect();
            let mut own = rows.select(Axis(0), &own);
            let mean = own.mean_axis(Axis(0)).unwrap_or_else(|| Array1::zeros(rows.ncols()));
            own -= &mean;
            means.row_mut(class).assign(&mean);
            spread.add(own, data.classes, SHRINKAGE.of(recipe), watch)?;
        }
        let slopes = spread.solve(&means.t().to_owned(), watch)?;
        let intercepts = (0..data.classes).map(|class| (-0.5 * means.row(class).dot(&slopes.column(class))) as f32);
        Ok(Box::new(Linear { intercepts: intercepts.collect(), slopes: slopes.mapv(|slope| slope as f32) }))
    }
    fn load(&self, weights: &Weights) -> Result<Box<dyn Model>, LearnError> {
        let linear = Linear { slopes: weights.get("lda_slopes")?, intercepts: weights.get("lda_intercepts")? };
        if linear.slopes.ncols() != linear.intercepts.len() {
            return Err(LearnError::BadModel("lda: slopes and intercepts do not fit together".into()));
        }
        Ok(Box::new(linear))
    }
}

/// A covariance: rows · rowsᵀ over the columns, and a diagonal beside.
struct Spread {
    rows: Vec<Array2<f64>>,
    diagonal: Array1<f64>,
}

impl Spread {
    /// Adds one of `classes` classes, given its clips less their mean.
    fn add(
        &mut self,
        own: Array2<f64>,
        classes: usize,
        given: Option<f64>,
        watch: &dyn Watch<Epoch>,
    ) -> Result<(), LearnError> {
        let clips = own.nrows() as f64;
        let variances = own.map_axis(Axis(0), |column| column.dot(&column) / clips);
        let (share, towards) = match given {
            Some(share) => (share, Array1::from_elem(own.ncols(), variances.mean().unwrap_or(0.0))),
            None => {
                let scales = variances.mapv(|variance| if variance > 0.0 { variance.sqrt() } else { 1.0 });
                let (share, mean) = ledoit_wolf(&(&own / &scales), watch)?;
                (share, scales.mapv(|scale| mean * scale * scale))
            }
        };
        self.diagonal.scaled_add(share / classes as f64, &towards);
        self.rows.push(own * ((1.0 - share) / (clips * classes as f64)).sqrt());
        Ok(())
    }

    /// The solution of covariance · x = right, d x k.
    fn solve(&self, right: &Array2<f64>, watch: &dyn Watch<Epoch>) -> Result<Array2<f64>, LearnError> {
        let views: Vec<_> = self.rows.iter().map(Array2::view).collect();
        let rows = ndarray::concatenate(Axis(0), &views).map_err(|why| LearnError::Failed(why.to_string()))?;
        let columns = rows.ncols();
        let total = self.diagonal.sum() + rows.iter().map(|value| value * value).sum::<f64>();
        // Where clips of a class do not differ, all columns count alike: the nearest mean.
        let floor = if total > 0.0 { FLOOR * total / columns as f64 } else { 1.0 };
        let diagonal = &self.diagonal + floor;
        if rows.nrows() >= columns {
            let mut matrix = products(&rows.t().to_owned(), watch)?;
            matrix.diag_mut().scaled_add(1.0, &diagonal);
            return Ok(Cholesky::of(matrix, watch)?.solve(right));
        }
        // (D + AᵀA)⁻¹ b = D⁻¹b - D⁻¹Aᵀ (I + A D⁻¹ Aᵀ)⁻¹ A D⁻¹ b.
        let scaled = &rows / &diagonal.mapv(f64::sqrt);
        let mut matrix = products(&scaled, watch)?;
        matrix.diag_mut().mapv_inplace(|value| value + 1.0);
        let plain = right / &diagonal.view().insert_axis(Axis(1));
        let inner = Cholesky::of(matrix, watch)?.solve(&rows.dot(&plain));
        Ok(plain - rows.t().dot(&inner) / diagonal.view().insert_axis(Axis(1)))
    }
}

/// Ledoit and Wolf's share of the diagonal, 0..1, and the mean variance, of rows whose columns have mean 0.
fn ledoit_wolf(rows: &Array2<f64>, watch: &dyn Watch<Epoch>) -> Result<(f64, f64), LearnError> {
    let (clips, columns) = (rows.nrows() as f64, rows.ncols() as f64);
    let lengths = rows.map_axis(Axis(1), |row| row.dot(&row));
    let mean = lengths.sum() / clips / columns;
    // The sum of squares of rows · rowsᵀ is that of rowsᵀ · rows.
    let small = if rows.nrows() < rows.ncols() { rows.clone() } else { rows.t().to_owned() };
    let squares = products(&small, watch)?.iter().map(|value| value * value).sum::<f64>() / (clips * clips);
    let noise = (lengths.dot(&lengths) / clips - squares) / (columns * clips);
    let distance = squares / columns - mean * mean;
    let noise = noise.min(distance);
    Ok((if noise > 0.0 { noise / distance } else { 0.0 }, mean))
}

impl Model for Linear {
    fn scores(&self, inputs: &Inputs) -> Result<Array2<f64>, LearnError> {
        let rows = inputs.rows()?;
        if rows.ncols() != self.slopes.nrows() {
            return Err(LearnError::WrongInput(format!("lda: {} columns, not {}", rows.ncols(), self.slopes.nrows())));
        }
        let mut logits = rows.dot(&self.slopes.mapv(f64::from)) + self.intercepts.mapv(f64::from);
        shares::softmax(&mut logits);
        Ok(logits)
    }
    fn weights(&self) -> Weights {
        let mut weights = Weights::default();
        weights.put("lda_slopes", &self.slopes);
        weights.put("lda_intercepts", &self.intercepts);
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
            let off = [
                case.gap(case.fitted("lda", &[]).as_ref(), "lda"),
                case.gap(case.fitted("lda", &[("shrinkage", 0.2)]).as_ref(), "lda_0.2"),
            ];
            assert!(off.iter().all(|off| *off < 1e-5), "{off:?}");
        }
    }
}
