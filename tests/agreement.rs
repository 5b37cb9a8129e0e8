//! Agreement against krippendorff, irrCAC, pingouin, audmetric, audpsychometric and scikit-learn (`golden/agreement.json`, made by
//! the script of the same name), and against worked examples as published.

use std::collections::{BTreeMap, BTreeSet};

use emolab::corpus::ClipId;
use emolab::label::{Act, Annotator, NewAnnotation, Occasion, SchemeId};
use emolab::score::agreement::{
    COEFFICIENTS, Coefficient, Level, Table, coefficient, coefficients, disagreement, estimates, matrix, per_class,
    value, without_each,
};
use emolab::score::{Bootstrap, Method};
use emolab::store::Store;
use emolab::workbench::key_of;
use proptest::prelude::*;
use serde::Deserialize;

use crate::support::{Home, text};

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
        assert_eq!((ci.groups, ci.method), (if one.coefficient.whole { 9 } else { 40 }, Method::ExpandedBca));
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

/// A store in which three people rate six clips of a corpus `c`, with a decision of the lead, and valence by two of them.
fn labelled(home: &Home) -> (String, String) {
    let (corpus, store) = (home.path().join("c"), home.path().join("s.db"));
    std::fs::create_dir(&corpus).unwrap();
    let key = key_of(&corpus);
    let mut kept = Store::open(&store).unwrap();
    let mut say = |who: &str, clip: &str, (scheme, question): (&str, &str), value: &str, occasion: Occasion| {
        let (who, scheme) = (Annotator::Human(who.to_owned()), SchemeId { name: scheme.to_owned(), version: 1 });
        let act = Act::label(value).asked(question);
        let new = NewAnnotation::now(ClipId(clip.into()), "00".to_owned(), who, scheme, act);
        kept.append(&key, &NewAnnotation { occasion, ..new }).unwrap();
    };
    let rows = [("a", "xxx"), ("b", "yyy"), ("c", "xxy"), ("d", "xyy"), ("e", "yyy"), ("f", "xy-")];
    for (clip, answers) in rows {
        for (who, answer) in ["anna", "ben", "cleo"].iter().zip(answers.chars()) {
            let value = if answer == '-' { String::new() } else { answer.to_string() };
            say(who, clip, ("mine", ""), &value, Occasion::Main);
        }
        say("anna", clip, ("vad", "valence"), if clip < "d" { "2" } else { "8" }, Occasion::Main);
        say("ben", clip, ("vad", "valence"), if clip < "d" { "3" } else { "9" }, Occasion::Main);
    }
    say("lead", "f", ("mine", ""), "y", Occasion::Adjudication);
    (corpus.to_str().unwrap().to_owned(), store.to_str().unwrap().to_owned())
}

#[test]
fn the_verb_tells_figures_and_keeps_a_gate() {
    let home = Home::new();
    let (corpus, store) = labelled(&home);
    let run = |more: &[&str]| home.run(&[&["agree", &corpus, "--store", &store, "--draws", "200"], more].concat());
    let plain = run(&[]);
    let shown = text(&plain.stdout);
    assert!(plain.status.success(), "{}", text(&plain.stderr));
    assert!(shown.starts_with("mine: 3 raters, 6 clips, 6 of them by two or more; 17 ratings, 1 cannot judge\n"));
    assert!(shown.contains("2 clips disputed, 1 decided\n"), "{shown}");
    assert!(shown.contains("200 draws, seed 0") && shown.contains("Agreed on least: 3 of 3 clips"), "{shown}");
    let json: serde_json::Value = serde_json::from_slice(&run(&["--json", "--scheme", "vad"]).stdout).unwrap();
    let one = &json["questions"][0];
    assert_eq!((one["question"].as_str(), one["answers"].as_array().unwrap().len()), (Some("valence"), 9));
    let found = one["coefficients"].as_array().unwrap();
    let alpha = found.iter().find(|row| row["name"] == "alpha_interval").unwrap();
    let (value, low) = (alpha["value"].as_f64().unwrap(), alpha["interval"][0].as_f64().unwrap());
    assert!(value > 0.9 && low <= value, "{alpha}");
    let gate = run(&["--fail-under", "alpha=0.9"]);
    assert_eq!(gate.status.code(), Some(3));
    assert!(text(&gate.stderr).contains("mine: alpha is 0."), "{}", text(&gate.stderr));
    assert!(run(&["--fail-under", "alpha=0.1"]).status.success());
}

#[test]
fn gold_labels_are_written_with_how_they_came_to_be() {
    let home = Home::new();
    let (corpus, store) = labelled(&home);
    let out = home.path().join("gold.csv");
    let run = |more: &[&str]| home.run(&[&["agree", &corpus, "--store", &store, "--draws", "0"], more].concat());
    let made = run(&["--gold", "majority", "-o", out.to_str().unwrap()]);
    assert!(made.status.success(), "{}", text(&made.stderr));
    let written = std::fs::read_to_string(&out).unwrap();
    let lines: Vec<&str> = written.lines().collect();
    assert_eq!(lines[0], "file,scheme,question,value,method,raters,agree,decided_by,decided_at,p_x,p_y");
    assert!(lines[3].starts_with("c,mine,,x,majority,3,2,,,0.66"), "{}", lines[3]);
    assert!(lines[6].starts_with("f,mine,,y,decided,2,,lead,20"), "{}", lines[6]);
    let out = home.path().join("gold.jsonl");
    let made = run(&["--scheme", "vad", "--gold", "ewe", "-o", out.to_str().unwrap()]);
    assert!(made.status.success(), "{}", text(&made.stderr));
    let first: serde_json::Value =
        serde_json::from_str(std::fs::read_to_string(&out).unwrap().lines().next().unwrap()).unwrap();
    assert_eq!((first["value"].as_str(), first["p"]["2"].as_f64()), (Some("2.5"), Some(0.5)));
}

#[test]
fn what_cannot_be_agreed_on_is_told() {
    let home = Home::new();
    let (corpus, store) = labelled(&home);
    let cases: &[(&[&str], i32, &str)] = &[
        (&["--scheme", "nope"], 1, "no scheme of that name was used"),
        (&["--scheme", "ekman6"], 1, "nobody has answered anything of ekman6 yet"),
        (&["--question", "arousal"], 1, "`arousal`"),
        (&["--raters", "anna,zoe"], 1, "no ratings by zoe"),
        (&["--gold", "majority"], 2, "--out"),
        (&["--gold", "best", "-o", "x.csv"], 2, "majority, soft, ds"),
        (&["--gold", "ds", "-o", "x.txt"], 1, "write a .csv or .jsonl"),
        (&["--scheme", "vad", "--gold", "ds", "-o", "x.csv"], 1, "fits none of the questions"),
        (&["--fail-under", "alpha"], 2, "NAME=BAR"),
        (&["--fail-under", "icc1=0.5"], 1, "it is for scales"),
    ];
    for (args, code, told) in cases {
        let output = home.run(&[&["agree", &corpus, "--store", &store, "--draws", "10"], *args].concat());
        let talk = text(&output.stderr);
        assert_eq!(output.status.code(), Some(*code), "{args:?}: {talk}");
        assert!(talk.contains(told), "{args:?} does not name {told:?}: {talk}");
    }
}

/// Pairs of codes are counted before they are summed where those are fewer; both ways must come to the same.
#[test]
fn many_clips_of_few_kinds_of_pairs_agree_as_one_of_each() {
    let kind = |kind: usize| vec![(0, kind % 3), (1, kind % 4 % 3)];
    let once = Table::nominal(3, 2, (0..12).map(kind)).unwrap();
    // Somebody else each time makes every clip a pattern of its own: 600 pairs of the first two, of nine kinds.
    let many =
        Table::nominal(3, 52, (0..600).map(|clip| [kind(clip % 12), vec![(2 + clip / 12, 0)]].concat())).unwrap();
    let first = |name: &str| matrix(&once, coefficient(name).unwrap())[0][1].unwrap();
    let two = many.of_raters(&[0, 1]);
    for name in ["kappa", "kappa_linear", "kappa_quadratic"] {
        assert!((of(&two, name).unwrap() - first(name)).abs() < 1e-12, "{name}");
    }
    // The 100 couples with somebody else say nothing (a constant): Light's mean is of those that do.
    let constant = Table::nominal(3, 2, (0..12).map(|clip| vec![(0, clip % 3), (1, 0)])).unwrap();
    assert_eq!(of(&constant, "kappa"), Some(0.0));
    let (all, shared) = (of(&many, "kappa").unwrap(), first("kappa"));
    assert!((all - shared / 101.0).abs() < 1e-12, "{all} {shared}");
}
