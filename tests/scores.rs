//! Scores against scikit-learn: tables in `golden/`, made by the scripts of the same names.

#![allow(clippy::unwrap_used)]

use emolab::score::{Confusion, METRICS, anova_f, metric, mutual_information, report};

#[derive(serde::Deserialize)]
struct Case {
    name: String,
    classes: Vec<String>,
    truth: Vec<usize>,
    pred: Vec<usize>,
    confusion: Vec<Vec<u64>>,
    precision: Vec<Option<f64>>,
    recall: Vec<Option<f64>>,
    support: Vec<u64>,
    report: String,
    #[serde(flatten)]
    metrics: std::collections::BTreeMap<String, f64>,
}

fn cases() -> Vec<Case> {
    serde_json::from_str(include_str!("golden/score.json")).unwrap()
}

fn counted(case: &Case) -> Confusion {
    Confusion::of(&case.truth, &case.pred, case.classes.len()).unwrap()
}

#[test]
fn confusion_and_metrics_are_scikit_learns() {
    for case in cases() {
        let all = counted(&case);
        assert_eq!(all.rows(), case.confusion, "{}", case.name);
        assert_eq!(case.metrics.len(), METRICS.len());
        for (name, &wanted) in &case.metrics {
            let found = (metric(name).unwrap().of)(&all).unwrap();
            assert!((found - wanted).abs() < 1e-12, "{} {name}: {found}, scikit-learn {wanted}", case.name);
        }
    }
}

#[test]
fn scores_of_each_class_are_scikit_learns() {
    let close = |found: Option<f64>, wanted: Option<f64>| match (found, wanted) {
        (Some(found), Some(wanted)) => (found - wanted).abs() < 1e-12,
        (found, wanted) => found == wanted,
    };
    for case in cases() {
        for (class, scores) in counted(&case).per_class().into_iter().enumerate() {
            assert!(close(scores.precision, case.precision[class]), "{} {class}: {scores:?}", case.name);
            assert!(close(scores.recall, case.recall[class]), "{} {class}: {scores:?}", case.name);
            assert_eq!(scores.support, case.support[class], "{} {class}", case.name);
        }
    }
}

#[test]
fn the_report_is_scikit_learns_byte_for_byte_where_all_is_defined() {
    let (defined, undefined): (Vec<Case>, Vec<Case>) =
        cases().into_iter().partition(|case| case.precision.iter().chain(&case.recall).all(Option::is_some));
    assert!(defined.len() >= 5 && !undefined.is_empty());
    for case in defined {
        assert_eq!(report(&counted(&case), &case.classes), case.report, "{}", case.name);
    }
    for case in undefined {
        let ours = report(&counted(&case), &case.classes);
        assert_eq!(ours.lines().count(), case.report.lines().count());
        assert!(ours.contains('-') && ours != case.report, "{}: a dash where scikit-learn says 0.00", case.name);
    }
}

#[derive(serde::Deserialize)]
struct Separation {
    labels: Vec<usize>,
    columns: Vec<Separated>,
}

#[derive(serde::Deserialize)]
struct Separated {
    name: String,
    values: Vec<f64>,
    f: f64,
    mi: Option<f64>,
    mi_exact: Option<f64>,
}

/// `golden/separation.json`, made by `golden/separation.py`.
#[test]
fn anova_and_mutual_information_are_scikit_learns() {
    let Separation { labels, columns } = serde_json::from_str(include_str!("golden/separation.json")).unwrap();
    assert!(columns.len() >= 7);
    for column in columns {
        let f = anova_f(&column.values, &labels, 6).unwrap();
        assert!((f / column.f - 1.0).abs() < 1e-9, "{}: F {f}, scikit-learn {}", column.name, column.f);
        let mi = mutual_information(&column.values, &labels, 6).unwrap();
        for (wanted, tolerance) in [(column.mi, 2e-2), (column.mi_exact, 1e-12)] {
            assert!(
                wanted.is_none_or(|wanted| (mi - wanted).abs() < tolerance),
                "{}: MI {mi}, not {wanted:?}",
                column.name
            );
        }
    }
}
