//! Scores against scikit-learn: tables in `golden/`, made by the scripts of the same names.

#![allow(clippy::unwrap_used)]

use emolab::score::{Confusion, METRICS, anova_f, metric, mutual_information, report, rmse};

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

/// Scores beside those of smartcore, on predictions that no table holds.
#[test]
fn scores_agree_with_smartcores() {
    let mut state = 7_u32;
    let mut next = |below: u32| {
        state = state.wrapping_mul(1_664_525).wrapping_add(1_013_904_223);
        (state >> 16) % below
    };
    for classes in [2, 3, 7] {
        let truth: Vec<u32> = (0..200).map(|_| next(classes)).collect();
        let pred: Vec<u32> = truth.iter().map(|&class| if next(3) == 0 { next(classes) } else { class }).collect();
        let whole = |all: &[u32]| all.iter().map(|&class| class as usize).collect::<Vec<_>>();
        let (t, p) = (whole(&truth), whole(&pred));
        let all = Confusion::of(&t, &p, classes as usize).unwrap();
        let near = |ours: f64, theirs: f64| assert!((ours - theirs).abs() < 1e-12, "{ours} beside {theirs}");
        near((metric("wa").unwrap().of)(&all).unwrap(), smartcore::metrics::accuracy(&truth, &pred));
        let wide = |all: &[u32]| all.iter().map(|&class| f64::from(class)).collect::<Vec<_>>();
        let (t, p) = (wide(&truth), wide(&pred));
        near(rmse(&t, &p).unwrap().powi(2), smartcore::metrics::mean_squared_error(&t, &p));
        if classes == 2 {
            let one = all.per_class()[1];
            near(one.precision.unwrap(), smartcore::metrics::precision(&t, &p));
            near(one.recall.unwrap(), smartcore::metrics::recall(&t, &p));
            near(one.f1.unwrap(), smartcore::metrics::f1(&t, &p, 1.0));
        }
    }
}
