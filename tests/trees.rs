//! Trees and boosting beside scikit-learn's numbers (`golden/trees.py`), on data where no tie decides.

#![allow(clippy::unwrap_used)]

use emolab::job::Unwatched;
use emolab::learn::{Data, Extras, Fitted, Inputs, Norm, Recipe, fit};
use ndarray::Array2;
use serde_json::Value;

fn golden() -> Value {
    serde_json::from_str(include_str!("golden/trees.json")).unwrap()
}

fn matrix(rows: &Value) -> Array2<f64> {
    let rows: Vec<Vec<f64>> = serde_json::from_value(rows.clone()).unwrap();
    Array2::from_shape_fn((rows.len(), rows[0].len()), |(row, column)| rows[row][column])
}

fn data(case: &Value) -> Data {
    let labels: Vec<usize> = serde_json::from_value(case["labels"].clone()).unwrap();
    let classes = labels.iter().max().unwrap() + 1;
    let groups = vec![0; labels.len()];
    Data { inputs: Inputs::Rows(matrix(&case["rows"])), labels, groups, classes, extras: Extras::default() }
}

fn fitted(classifier: &str, params: &[(&str, f64)], seed: u64, data: &Data) -> Fitted {
    let params = params.iter().map(|&(name, value)| (name.to_owned(), value)).collect();
    let (classifier, norm) = (classifier.to_owned(), Norm::None);
    fit(&Recipe { classifier, norm, seed, params, ..Recipe::default() }, data, &Unwatched).unwrap()
}

fn scores(model: &Fitted, rows: &Array2<f64>) -> Array2<f64> {
    model.scores(&Inputs::Rows(rows.clone()), &vec![0; rows.nrows()]).unwrap()
}

fn furthest(found: &Array2<f64>, wanted: &Array2<f64>) -> f64 {
    (found - wanted).iter().fold(0.0, |most, gap| most.max(gap.abs()))
}

#[test]
fn a_tree_is_scikit_learns_whatever_the_seed() {
    let golden = golden();
    for case in [&golden["three"], &golden["two"]] {
        let (data, how) = (data(case), &case["tree"]);
        let params = [("leaf", &how["min_samples_leaf"]), ("depth", &how["max_depth"])];
        let params = params.map(|(name, value)| (name, value.as_f64().unwrap()));
        for seed in 0..5 {
            let found = scores(&fitted("tree", &params, seed, &data), &matrix(&case["ask"]));
            let gap = furthest(&found, &matrix(&how["shares"]));
            assert!(gap < 1e-5, "shares differ by {gap}");
        }
    }
}

#[test]
fn boosting_follows_scikit_learns_way() {
    let golden = golden();
    let rounds: Vec<f64> = serde_json::from_value(golden["rounds"].clone()).unwrap();
    for case in [&golden["three"], &golden["two"]] {
        let (data, how) = (data(case), &case["boosting"]);
        let names = [("leaf", "min_samples_leaf"), ("leaves", "max_leaf_nodes"), ("l2", "l2_regularization")];
        let mut params = names.map(|(ours, theirs)| (ours, how[theirs].as_f64().unwrap())).to_vec();
        params.push(("rate", how["learning_rate"].as_f64().unwrap()));
        for (&rounds, wanted) in rounds.iter().zip(how["losses"].as_array().unwrap()) {
            let params = [&params[..], &[("rounds", rounds)]].concat();
            let model = fitted("boosting", &params, 0, &data);
            let (found, wanted) = (loss(&scores(&model, data.inputs.rows().unwrap()), &data), wanted.as_f64().unwrap());
            assert!((found / wanted - 1.0).abs() < 1e-3, "loss {found} after {rounds} rounds, not {wanted}");
        }
        let params = [&params[..], &[("rounds", *rounds.last().unwrap())]].concat();
        let found = scores(&fitted("boosting", &params, 0, &data), &matrix(&case["ask"]));
        let gap = furthest(&found, &matrix(&how["shares"]));
        assert!(gap < 1e-3, "shares differ by {gap}");
    }
}

/// Cross-entropy in nats, classes weighing the same.
fn loss(scores: &Array2<f64>, data: &Data) -> f64 {
    let count = |class: usize| data.labels.iter().filter(|&&label| label == class).count() as f64;
    let lost = data.labels.iter().enumerate().map(|(row, &label)| -scores[(row, label)].ln() / count(label));
    lost.sum::<f64>() / data.classes as f64
}

#[test]
fn more_trees_of_a_forest_agree_with_more_seeds() {
    let golden = golden();
    let (data, ask) = (data(&golden["three"]), matrix(&golden["three"]["ask"]));
    for classifier in ["forest", "extra-trees"] {
        let of = |trees: f64, seed| scores(&fitted(classifier, &[("trees", trees)], seed, &data), &ask);
        let apart = |trees| furthest(&of(trees, 1), &of(trees, 2));
        let (few, many) = (apart(8.0), apart(200.0));
        assert!(many < 0.5 * few && few > 0.0, "{classifier}: seeds differ by {few} with 8 trees, by {many} with 200");
    }
}

#[test]
fn a_limit_of_depth_and_leaf_holds() {
    let data = data(&golden()["three"]);
    let nodes = |name, value| fitted("tree", &[(name, value)], 0, &data).parameters();
    let free = fitted("tree", &[], 0, &data).parameters();
    assert_eq!(nodes("depth", 1.0), 3);
    assert!(nodes("depth", 2.0) <= 7 && nodes("leaf", 10.0) < free);
    assert_eq!(nodes("leaf", 76.0), 1, "150 clips cannot be parted into two of 76");
}

#[test]
fn a_damaged_tree_is_refused() {
    let data = data(&golden()["three"]);
    for classifier in ["tree", "forest", "boosting"] {
        let model = fitted(classifier, &[], 0, &data);
        let good = model.weights().unwrap();
        let nodes = &good.tensors["model/nodes"];
        // A child before its parent, a column that is not there, a node that is missing.
        for spoil in [(0, 2, 0.0), (0, 2, 1e6), (0, 0, 99.0)] {
            let mut bad = good.clone();
            bad.tensors.get_mut("model/nodes").unwrap()[[spoil.0, spoil.1]] = spoil.2;
            assert!(Fitted::load(model.recipe().clone(), 3, &bad).is_err(), "{classifier}: {spoil:?}");
        }
        let mut short = good.clone();
        let rows = nodes.shape()[0] - 1;
        short.tensors.insert("model/nodes".into(), nodes.slice_axis(ndarray::Axis(0), (0..rows).into()).to_owned());
        assert!(Fitted::load(model.recipe().clone(), 3, &short).is_err(), "{classifier}: a node short");
    }
}
