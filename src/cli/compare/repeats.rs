//! The repeats of a comparison, as lines and as JSON.

use std::sync::Arc;

use serde_json::{Value, json};

use crate::cli::table::{lines, percent};
use crate::workbench::experiment::Judged;
use crate::workbench::repeats::{Repeated, repeated};

/// A row per recipe; nothing where there were no repeats.
pub fn text(runs: &[Arc<Judged>]) -> Vec<String> {
    let all = repeated(runs).unwrap_or_default();
    let Some(first) = all.first() else { return Vec::new() };
    let head = ["model", "UAR % mean ± sd", "lowest", "highest", "95 % (speakers)"].map(str::to_owned).to_vec();
    let mut told = vec![format!(
        "over {} repeats, each with the next seed for folds and fits; other tables are of the first:",
        first.uars.len()
    )];
    told.extend(lines(&std::iter::once(head).chain(all.iter().map(row)).collect::<Vec<_>>()));
    let same: Vec<&str> = all.iter().filter(|one| one.same).map(|one| one.model.as_str()).collect();
    if !same.is_empty() {
        told.push(format!("repeats change nothing, neither plan nor classifier uses the seed: {}", same.join(", ")));
    }
    told.push(String::new());
    told
}

fn row(one: &Repeated) -> Vec<String> {
    let ends = one.uars.iter().fold(None, |ends: Option<(f64, f64)>, &uar| {
        Some(ends.map_or((uar, uar), |(low, high)| (low.min(uar), high.max(uar))))
    });
    let interval = one.interval.map(|ci| format!("{} to {}", percent(Some(ci.low)), percent(Some(ci.high))));
    vec![
        one.model.clone(),
        one.spread.map_or_else(|| "-".to_owned(), |(mean, sd)| format!("{} ± {}", percent(Some(mean)), percent(sd))),
        percent(ends.map(|(low, _)| low)),
        percent(ends.map(|(_, high)| high)),
        interval.unwrap_or_else(|| "-".to_owned()),
    ]
}

/// As [`text`]; `null` where there were no repeats.
pub fn json(runs: &[Arc<Judged>]) -> Value {
    let all = repeated(runs).unwrap_or_default();
    let one = |one: &Repeated| {
        json!({
            "model": one.model, "uars": one.uars, "uar_mean": one.spread.map(|(mean, _)| mean),
            "uar_sd": one.spread.and_then(|(_, sd)| sd), "uar_ci": one.interval.map(|ci| [ci.low, ci.high]),
            "same_every_time": one.same,
        })
    };
    if all.is_empty() { Value::Null } else { all.iter().map(one).collect() }
}
