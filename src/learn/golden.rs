//! What scikit-learn's classifiers decide on a little data (`tests/golden/classifiers.py`), for the tests of ours.
#![allow(clippy::unwrap_used)]

use ndarray::Array2;

use super::{Data, Extras, Inputs, Model, Recipe, classifier};
use crate::job::Unwatched;

/// One of the two cases.
pub(super) struct Case {
    pub data: Data,
    pub asked: Inputs,
    /// The whole table of the case.
    table: serde_json::Value,
}

/// The case with more clips than columns, and that with fewer.
pub(super) fn cases() -> [Case; 2] {
    let all: serde_json::Value = serde_json::from_str(include_str!("../../tests/golden/classifiers.json")).unwrap();
    ["narrow", "wide"].map(|name| {
        let table = all[name].clone();
        let labels: Vec<usize> = serde_json::from_value(table["labels"].clone()).unwrap();
        let groups = vec![0; labels.len()];
        let inputs = Inputs::Rows(matrix(&table["rows"]));
        let data = Data { inputs, labels, groups, classes: 3, extras: Extras::default() };
        Case { data, asked: Inputs::Rows(matrix(&table["asked"])), table }
    })
}

impl Case {
    /// What scikit-learn says, by the name in the table.
    pub fn wanted(&self, name: &str) -> Array2<f64> {
        matrix(&self.table[name])
    }

    /// A classifier of the registry, fitted on the rows as they are.
    pub fn fitted(&self, name: &str, params: &[(&str, f64)]) -> Box<dyn Model> {
        let params = params.iter().map(|&(knob, value)| (knob.to_owned(), value)).collect();
        let recipe = Recipe { classifier: name.to_owned(), params, ..Recipe::default() };
        classifier(name).unwrap().fit(&self.data, &recipe, &Unwatched).unwrap()
    }

    /// The greatest difference between what a fitted classifier says and what stands in the table.
    pub fn gap(&self, model: &dyn Model, name: &str) -> f64 {
        gap(&model.scores(&self.asked).unwrap(), &self.wanted(name))
    }
}

/// The greatest difference between two tables of one shape.
pub(super) fn gap(found: &Array2<f64>, wanted: &Array2<f64>) -> f64 {
    assert_eq!(found.dim(), wanted.dim());
    (found - wanted).iter().fold(0.0, |most, gap| gap.abs().max(most))
}

fn matrix(table: &serde_json::Value) -> Array2<f64> {
    let rows: Vec<Vec<f64>> = serde_json::from_value(table.clone()).unwrap();
    Array2::from_shape_fn((rows.len(), rows[0].len()), |(row, column)| rows[row][column])
}
