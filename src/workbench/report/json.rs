//! Runs as JSON: what `classification_report(output_dict=True)` of scikit-learn holds, under its keys, and all else.
//!
//! Scores are fractions; what is undefined is null, where scikit-learn writes 0.

use serde_json::{Map, Value, json};

use super::super::experiment::Judged;
use super::{Entry, Report, words};
use crate::score::{Confusion, PerClass, metric};

/// All of it.
pub fn value(all: &Report) -> Value {
    let groups: Vec<Value> = all
        .groups()
        .iter()
        .filter(|group| group.len() > 1)
        .map(|group| {
            let id = |&at: &usize| all.entries[at].judged.run.id;
            let versus = all.versus(group);
            json!({
                "runs": group.iter().map(id).collect::<Vec<_>>(),
                "best_and_ties": versus.as_ref().map(|versus| versus.strong.iter().map(|&at| id(&group[at])).collect::<Vec<_>>()),
                "p_adjusted": versus.as_ref().map(|versus| versus.p.clone()),
                "test": versus.as_ref().map(|versus| versus.told.clone()),
            })
        })
        .collect();
    json!({ "comparisons": groups, "runs": all.entries.iter().map(entry).collect::<Vec<_>>() })
}

fn entry(entry: &Entry) -> Value {
    let mut all = run(&entry.judged);
    if let Some(twin) = &entry.twin {
        all["speaker_independent_twin"] = run(twin);
    }
    if let Some(reason) = &entry.no_twin {
        all["speaker_independent_twin"] = json!({ "missing": reason });
    }
    all
}

fn run(judged: &Judged) -> Value {
    let (run, summary) = (&judged.run, &judged.summary);
    let ci = summary.uar_ci;
    let metrics: Map<String, Value> =
        summary.metrics().into_iter().map(|(name, value)| (name.to_owned(), json!(value))).collect();
    json!({
        "id": run.id,
        "began": run.started_at.to_string(),
        "title": words::title(run),
        "protocol_in_words": words::protocol(judged),
        "notes": words::warnings(judged),
        "protocol": run.protocol,
        "recipe": run.recipe,
        "classes": run.classes(),
        "metrics": metrics,
        "uar_interval": ci.map(|ci| json!({ "low": ci.low, "high": ci.high, "name": summary.interval_name() })),
        "calibration": summary.calibration.as_ref().map(|all| json!({ "ece": all.ece, "brier": all.brier, "nll": all.nll })),
        "classification_report": dict(&summary.confusion, run.classes()),
        "confusion": summary.confusion.rows(),
        "fit_seconds": run.fit_seconds,
    })
}

/// scikit-learn's dictionary, by the names of the classes.
pub fn dict(confusion: &Confusion, classes: &[String]) -> Value {
    let (mut dict, all) = (Map::new(), confusion.per_class());
    for (class, score) in classes.iter().zip(&all) {
        dict.insert(class.clone(), row([score.precision, score.recall, score.f1], score.support));
    }
    dict.insert("accuracy".to_owned(), json!(metric("wa").and_then(|wa| (wa.of)(confusion))));
    let total = confusion.total();
    dict.insert("macro avg".to_owned(), row(average(&all, |score| u64::from(score.support > 0)), total));
    dict.insert("weighted avg".to_owned(), row(average(&all, |score| score.support), total));
    Value::Object(dict)
}

fn row([precision, recall, f1]: [Option<f64>; 3], support: u64) -> Value {
    json!({ "precision": precision, "recall": recall, "f1-score": f1, "support": support })
}

/// Averages over the classes that occur in the truth; undefined where that of a class is.
fn average(all: &[PerClass], weight: impl Fn(&PerClass) -> u64) -> [Option<f64>; 3] {
    let whole: u64 = all.iter().map(&weight).sum();
    let of = |score: fn(&PerClass) -> Option<f64>| {
        let present = all.iter().filter(|class| class.support > 0);
        let sum = present.map(|class| Some(score(class)? * weight(class) as f64)).sum::<Option<f64>>();
        sum.filter(|_| whole > 0).map(|sum| sum / whole as f64)
    };
    [of(|class| class.precision), of(|class| class.recall), of(|class| class.f1)]
}
