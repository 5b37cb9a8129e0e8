//! The k nearest neighbours, all distances by the matrix product; the neighbours' shares are the scores.
//!
//! The product is in f32 (`distance.rs`); whoever may be among the nearest by it is measured again in f64, so that the
//! neighbours are the true ones. Of equally far clips the earlier in training counts as nearer. Deliberately absent: weights
//! by distance and search trees, which gain nothing in 100 columns.

use ndarray::{Array1, Array2, ArrayView1};

use super::distance::{Points, centre};
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

/// k nearest neighbours.
pub(super) struct Knn;

struct Neighbours {
    rows: Array2<f32>,
    labels: Array1<f32>,
    classes: usize,
    k: usize,
    /// The rows, ready to be compared, and where they were moved to.
    points: Points,
    centre: Array1<f64>,
    longest: f32,
}

impl Classifier for Knn {
    fn name(&self) -> &'static str {
        "knn"
    }
    fn about(&self) -> &'static str {
        "5 nearest neighbours, Euclidean (own)"
    }
    fn kind(&self) -> Kind {
        Kind::Row
    }
    fn knobs(&self) -> &'static [Knob] {
        &[K]
    }
    fn fit(&self, data: &Data, recipe: &Recipe, watch: &dyn Watch<Epoch>) -> Result<Box<dyn Model>, LearnError> {
        watch.check()?;
        let rows = data.inputs.rows()?.mapv(|value| value as f32);
        let labels = data.labels.iter().map(|&label| label as f32).collect();
        Ok(Box::new(Neighbours::new(rows, labels, data.classes, K.number(recipe) as usize)))
    }
    fn load(&self, weights: &Weights) -> Result<Box<dyn Model>, LearnError> {
        let (rows, labels): (Array2<f32>, Array1<f32>) = (weights.get("rows")?, weights.get("labels")?);
        let (classes, k): (usize, usize) = (weights.get_json("classes")?, weights.get_json("k")?);
        let known = |&label: &f32| label >= 0.0 && label.fract() == 0.0 && (label as usize) < classes;
        if rows.nrows() != labels.len() || rows.is_empty() || k == 0 || !labels.iter().all(known) {
            return Err(LearnError::BadModel("knn: rows and labels do not fit together".into()));
        }
        Ok(Box::new(Neighbours::new(rows, labels, classes, k)))
    }
}

impl Neighbours {
    /// From the numbers that will be saved, so that a model read back is the same model.
    fn new(rows: Array2<f32>, labels: Array1<f32>, classes: usize, k: usize) -> Neighbours {
        let wide = rows.mapv(f64::from);
        let centre = centre(&wide);
        let points = Points::new(&wide, &centre);
        Neighbours { longest: points.longest(), points, centre, rows, labels, classes, k }
    }

    /// Shares of the classes among the nearest of the rows from `first` on, given their squared distances to all clips.
    fn block(&self, asked: &Array2<f64>, points: &Points, (first, near): (usize, Vec<f32>)) -> Array2<f64> {
        let count = near.len() / self.points.len();
        let mut shares = Array2::zeros((count, self.classes));
        for (at, line) in near.chunks(self.points.len()).enumerate() {
            let row = first + at;
            let nearest = self.nearest(asked.row(row), line, points.error(row, self.longest));
            let vote = 1.0 / nearest.len() as f64;
            nearest.iter().for_each(|&clip| shares[(at, self.labels[clip] as usize)] += vote);
        }
        shares
    }

    /// The k clips that are nearest to `row`, given squared distances that may be off by `error`.
    fn nearest(&self, row: ArrayView1<f64>, distances: &[f32], error: f32) -> Vec<usize> {
        let k = self.k.min(distances.len());
        let last = least(distances, k);
        let exact = |clip: usize| -> f64 {
            row.iter().zip(self.rows.row(clip)).map(|(a, &b)| (a - f64::from(b)) * (a - f64::from(b))).sum()
        };
        let near = distances.iter().enumerate().filter(|(_, distance)| **distance <= last + 2.0 * error);
        let mut near: Vec<(f64, usize)> = near.map(|(clip, _)| (exact(clip), clip)).collect();
        near.sort_by(|a, b| a.0.total_cmp(&b.0));
        near.into_iter().take(k).map(|(_, clip)| clip).collect()
    }
}

/// The k-th least of `distances`.
fn least(distances: &[f32], k: usize) -> f32 {
    let (mut nearest, mut last) = (vec![f32::INFINITY; k], f32::INFINITY);
    for &distance in distances {
        // Few clips get this far: after the first ones, each is nearer than all but k with a chance of k / clips so far.
        if distance < last {
            let at = nearest.partition_point(|&other| other <= distance);
            nearest.copy_within(at..k - 1, at + 1);
            nearest[at] = distance;
            last = nearest[k - 1];
        }
    }
    last
}

impl Model for Neighbours {
    fn scores(&self, inputs: &Inputs) -> Result<Array2<f64>, LearnError> {
        let rows = inputs.rows()?;
        if rows.ncols() != self.centre.len() {
            return Err(LearnError::WrongInput(format!("knn: {} columns, not {}", rows.ncols(), self.centre.len())));
        }
        let points = Points::new(rows, &self.centre);
        points.scored(&self.points, |first, near| self.block(rows, &points, (first, near)))
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

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn neighbours_are_the_true_ones_however_far_from_zero() {
        // Ten thousand away from 0 with steps of a thousandth: f32 alone could not tell them apart.
        let at = |clip: usize, column: usize| 1e4 + ((clip * 31 + column * 17) % 64) as f64 / 1024.0;
        let rows = Array2::from_shape_fn((40, 3), |(clip, column)| at(clip, column));
        let model = Neighbours::new(rows.mapv(|value| value as f32), Array1::zeros(40), 1, 4);
        let points = Points::new(&rows, &model.centre);
        let mut distances = vec![0.0; 40 * 40];
        points.distances(0, &model.points, &mut distances);
        for row in 0..40 {
            let exact = |clip: usize| (&rows.row(row) - &rows.row(clip)).mapv(|gap| gap * gap).sum();
            let mut wanted: Vec<usize> = (0..40).collect();
            wanted.sort_by(|&a, &b| exact(a).total_cmp(&exact(b)));
            let line = &distances[row * 40..(row + 1) * 40];
            assert_eq!(model.nearest(rows.row(row), line, points.error(row, model.longest)), wanted[..4], "{row}");
        }
    }

    #[test]
    fn shares_are_scikit_learns() {
        for case in crate::learn::golden::cases() {
            let off = case.gap(case.fitted("knn", &[("k", 4.0)]).as_ref(), "knn");
            assert!(off < 1e-9, "{off}");
        }
    }
}
