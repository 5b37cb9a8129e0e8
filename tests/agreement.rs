//! Agreement against krippendorff, irrCAC, pingouin, audmetric, audpsychometric and scikit-learn (`golden/agreement.json`, made by
//! the script of the same name), and against worked examples as published.

use std::collections::{BTreeMap, BTreeSet};

use emolab::score::agreement::{
    COEFFICIENTS, Coefficient, Level, Table, coefficient, coefficients, disagreement, estimates, matrix, per_class,
    value, without_each,
};
use emolab::score::{Bootstrap, Method};
use proptest::prelude::*;
use serde::Deserialize;

#[derive(Deserialize)]
struct Case {
    name: String,
    values: Vec<f64>,
    ratings: Vec<Vec<Option<usize>>>,
    want: BTreeMap<String, Option<f64>>,
}

impl Case {
    fn table(&self) -> Table {
        let raters = self.ratings[0].len();
        Table::new(self.values.clone(), raters, self.ratings.iter().map(|row| filled(row))).unwrap()
    }
}

fn filled(row: &[Option<usize>]) -> Vec<(usize, usize)> {
    row.iter().enumerate().filter_map(|(rater, code)| Some((rater, (*code)?))).collect()
}

fn cases() -> Vec<Case> {
    serde_json::from_str(include_str!("golden/agreement.json")).unwrap()
}

fn named(name: &str) -> Case {
    cases().into_iter().find(|case| case.name == name).unwrap()
}

fn of(table: &Table, name: &str) -> Option<f64> {
    value(table, coefficient(name).unwrap())
}

#[test]
fn every_coefficient_is_the_peers() {
    let mut compared = BTreeSet::new();
    for case in cases() {
        let table = case.table();
        for (name, want) in &case.want {
            let found = of(&table, name);
            let near = found.zip(*want).is_some_and(|(found, want)| (found - want).abs() <= 1e-9);
            assert!(near, "{}: {name} is {found:?}, not {want:?}", case.name);
            compared.insert(name.clone());
        }
    }
    let all: BTreeSet<String> = COEFFICIENTS.iter().map(|row| row.name.to_owned()).collect();
    assert_eq!(compared, all, "each has a peer");
}

#[test]
fn worked_examples_are_as_published() {
    let check = |case: &str, rows: &[(&str, f64)]| {
        let table = named(case).table();
        for (name, published) in rows {
            let found = of(&table, name).unwrap();
            assert!((found - published).abs() < 0.006, "{case}: {name} is {found}, not {published}");
        }
    };
    let alphas = [("alpha", 0.743), ("alpha_ordinal", 0.815), ("alpha_interval", 0.849), ("alpha_ratio", 0.797)];
    check("krippendorff 2011", &alphas);
    check("krippendorff 2011", &[("ac1", 0.775), ("fleiss", 0.761)]);
    check("shrout fleiss 1979", &[("icc1", 0.17), ("icc2_1", 0.29), ("icc2_k", 0.62), ("cronbach", 0.91)]);
}

#[test]
fn what_says_nothing_is_undefined() {
    let none = Table::nominal(3, 2, Vec::new()).unwrap();
    let alone = Table::nominal(3, 2, vec![vec![(0, 1)], vec![(1, 2)]]).unwrap();
    let constant = Table::nominal(3, 2, vec![vec![(0, 1), (1, 1)]; 4]).unwrap();
    for row in COEFFICIENTS {
        assert_eq!((value(&none, row), value(&alone, row)), (None, None), "{}", row.name);
    }
    for name in ["kappa", "fleiss", "alpha", "alpha_interval", "ccc", "icc1", "cronbach"] {
        assert_eq!(of(&constant, name), None, "{name}: all ratings are the same");
    }
    assert_eq!((of(&constant, "percent"), of(&constant, "ac1")), (Some(1.0), Some(1.0)));
}

#[test]
fn intervals_hold_the_value_and_depend_on_the_seed_alone() {
    let table = named("scale, holes").table();
    let all: Vec<&'static Coefficient> = coefficients(Level::Scale).collect();
    let with = |threads: usize, seed: u64| {
        let pool = rayon::ThreadPoolBuilder::new().num_threads(threads).build().unwrap();
        let how = Bootstrap { draws: 300, seed, ..Bootstrap::default() };
        let found = pool.install(|| estimates(&table, &all, how, || true)).unwrap();
        found.iter().map(|one| one.interval.map(|ci| (ci.low.to_bits(), ci.high.to_bits()))).collect::<Vec<_>>()
    };
    assert_eq!(with(1, 3), with(3, 3));
    assert_ne!(with(1, 3), with(1, 4));
    let found = estimates(&table, &all, Bootstrap { draws: 300, ..Bootstrap::default() }, || true).unwrap();
    for one in &found {
        let (value, ci) = (one.value.unwrap(), one.interval.unwrap());
        let name = one.coefficient.name;
        assert!(ci.low <= value && value <= ci.high && ci.low < ci.high, "{name}: {value} not in {ci:?}");
        assert_eq!((ci.groups, ci.method), (40, Method::ExpandedBca));
    }
    assert!(estimates(&table, &all, Bootstrap::default(), || false).is_none(), "stopped");
}

/// For percent agreement a bootstrap of units is one of a mean: Gwet's interval is the normal one, ± 1.96 standard errors.
#[test]
fn the_interval_of_a_mean_is_as_wide_as_its_standard_error_says() {
    let units = (0..200).map(|unit| vec![(0, 0), (1, usize::from(unit % 4 == 0))]);
    let table = Table::nominal(2, 2, units).unwrap();
    let found = estimates(&table, &[coefficient("percent").unwrap()], Bootstrap::default(), || true).unwrap();
    let ci = found[0].interval.unwrap();
    let half = 1.972 * (0.75_f64 * 0.25 / 199.0).sqrt();
    assert!((ci.low - (0.75 - half)).abs() < 0.01 && (ci.high - (0.75 + half)).abs() < 0.01, "{ci:?} ± {half}");
}

#[test]
fn behind_a_coefficient_stand_pairs_classes_and_raters() {
    let table =
        Table::nominal(3, 3, (0..30).map(|unit| vec![(0, unit % 3), (1, unit % 3), (2, (unit / 3) % 3)])).unwrap();
    let alpha = coefficient("alpha").unwrap();
    let cells = matrix(&table, alpha);
    assert_eq!((cells[0][1], cells[1][0], cells[0][0]), (Some(1.0), Some(1.0), None));
    assert!(cells[0][2].is_some_and(|cell| cell < 0.1), "{cells:?}");
    let without = without_each(&table, alpha);
    assert_eq!(without[2], Some(1.0), "it was the third");
    assert!(without[0] < value(&table, alpha));
    let classes = [0, 1, 2].map(|class| per_class(&table.one_vs_rest(class)));
    assert_eq!(classes.iter().map(|class| class.ratings).sum::<usize>(), 90);
    // Of a class' 30 ratings, 20 are by the two who always agree; 10 clips of three raters share it at random.
    assert!(classes.iter().all(|class| class.specific.is_some_and(|share| (0.4..0.7).contains(&share))), "{classes:?}");
    let apart = disagreement(&table, Level::Nominal);
    assert_eq!(apart.iter().filter(|one| **one == Some(0.0)).count(), 10);
    assert!(apart.iter().all(|one| one.is_some_and(|one| one == 0.0 || (one - 2.0 / 3.0).abs() < 1e-12)));
}

fn ratings() -> impl Strategy<Value = Vec<Vec<Option<usize>>>> {
    (2_usize..5).prop_flat_map(|raters| {
        let row = prop::collection::vec(prop::option::weighted(0.8, 0_usize..4), raters);
        prop::collection::vec(row, 1..30)
    })
}

proptest! {
    #[test]
    fn values_are_finite_at_most_one_and_blind_to_the_order_of_raters(rows in ratings()) {
        let raters = rows[0].len();
        let table = |turn: bool| {
            let rows = rows.iter().map(|row| if turn { row.iter().rev().copied().collect() } else { row.clone() });
            Table::nominal(4, raters, rows.map(|row: Vec<_>| filled(&row))).unwrap()
        };
        for row in COEFFICIENTS {
            let (one, turned) = (value(&table(false), row), value(&table(true), row));
            prop_assert_eq!(one.is_some(), turned.is_some());
            prop_assert!(one.is_none_or(|one| one.is_finite() && one <= 1.0 + 1e-9), "{} {:?}", row.name, one);
            prop_assert!(one.zip(turned).is_none_or(|(a, b)| (a - b).abs() < 1e-6 * a.abs().max(1.0)), "{}", row.name);
        }
    }
}
