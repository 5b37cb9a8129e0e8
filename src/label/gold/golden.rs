//! Methods against crowd-kit and audpsychometric (`tests/golden/gold.json`, made by the script of the same name).

#![allow(clippy::unwrap_used)]

use serde::Deserialize;

use super::super::Ratings;
use super::mace::{Beliefs, from};
use super::{How, METHODS, dawid_skene, ewe};
use crate::score::agreement::Level;
use crate::score::distribution::digamma;

#[derive(Deserialize)]
struct Golden {
    digamma: Vec<(f64, f64)>,
    nominal: Vec<Nominal>,
    scale: Vec<Scale>,
}

#[derive(Deserialize)]
struct Nominal {
    name: String,
    classes: usize,
    ratings: Vec<Vec<Option<usize>>>,
    dawid_skene: Vec<Vec<f64>>,
    start: Start,
    mace: Vec<Vec<f64>>,
    knowing: Vec<[f64; 2]>,
}

#[derive(Deserialize)]
struct Start {
    guesses: Vec<[f64; 2]>,
    habits: Vec<Vec<f64>>,
}

#[derive(Deserialize)]
struct Scale {
    name: String,
    ratings: Vec<Vec<usize>>,
    ewe: Vec<f64>,
    raters: Vec<f64>,
}

fn golden() -> Golden {
    serde_json::from_str(include_str!("../../../tests/golden/gold.json")).unwrap()
}

fn same(what: &str, found: &[Vec<f64>], wanted: &[Vec<f64>]) {
    assert_eq!(found.len(), wanted.len(), "{what}");
    for (at, (found, wanted)) in found.iter().zip(wanted).enumerate() {
        let near = found.len() == wanted.len() && found.iter().zip(wanted).all(|(a, b)| (a - b).abs() <= 1e-9);
        assert!(near, "{what}, clip {at}: {found:?}, not {wanted:?}");
    }
}

#[test]
fn digamma_is_scipys() {
    for (x, wanted) in golden().digamma {
        assert!((digamma(x) - wanted).abs() <= 1e-12 * wanted.abs().max(1.0), "{x}: {} not {wanted}", digamma(x));
    }
}

#[test]
fn posteriors_are_crowd_kits() {
    for case in golden().nominal {
        let ratings = Ratings::of_codes(Level::Nominal, 0..case.classes, &case.ratings);
        let found = dawid_skene::dawid_skene(&ratings, &How::plain(&METHODS[0])).distributions;
        same(&format!("{}: Dawid-Skene", case.name), &found, &case.dawid_skene);
        let start = Beliefs { guesses: case.start.guesses, habits: case.start.habits };
        let (found, beliefs) = from(&ratings, start);
        same(&format!("{}: MACE", case.name), &found, &case.mace);
        let pairs = |all: &[[f64; 2]]| all.iter().map(|two| two.to_vec()).collect::<Vec<_>>();
        same(&format!("{}: knowing", case.name), &pairs(&beliefs.guesses), &pairs(&case.knowing));
    }
}

#[test]
fn means_are_audpsychometrics() {
    for case in golden().scale {
        let rows: Vec<Vec<Option<usize>>> =
            case.ratings.iter().map(|row| row.iter().map(|step| Some(step - 1)).collect()).collect();
        let ratings = Ratings::of_codes(Level::Scale, 1..10, &rows);
        let found = ewe::ewe(&ratings, &How::plain(&METHODS[0]));
        let values: Vec<f64> = found.values.iter().map(|value| value.as_ref().unwrap().parse().unwrap()).collect();
        same(&case.name, &[values], &[case.ewe]);
        let trust: Vec<f64> = found.raters.iter().map(|trust| trust.unwrap()).collect();
        same(&case.name, &[trust], &[case.raters]);
    }
}
