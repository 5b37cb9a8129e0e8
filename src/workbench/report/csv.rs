//! Runs as CSV (RFC 4180): scores, predictions, confusions.

use anyhow::{Context, Result};
use csv::Writer;

use super::super::experiment::Judged;
use crate::score::METRICS;

/// One row per run: who, on what, how; every metric as a fraction, empty where undefined.
///
/// # Errors
/// None that come of the runs.
pub fn scores(runs: &[&Judged]) -> Result<String> {
    let mut csv = Writer::from_writer(Vec::new());
    let who = ["run", "corpus", "target", "classifier", "features", "plan", "folds", "speakers_leak", "norm", "seed"];
    let how = ["clips", "speakers", "data_hash", "emolab", "fit_seconds"];
    let ends = ["uar_low", "uar_high", "interval", "ece", "brier", "nll"];
    csv.write_record(who.iter().chain(&how).copied().chain(METRICS.iter().map(|row| row.name)).chain(ends))?;
    for judged in runs {
        let (run, summary) = (&judged.run, &judged.summary);
        let (data, plan) = (&run.protocol.data, &run.protocol.plan);
        let number = |value: Option<f64>| value.map_or_else(String::new, |value| value.to_string());
        let who = [
            run.id.map_or_else(String::new, |id| id.to_string()),
            data.corpus.clone(),
            data.target.to_string(),
            run.recipe.title(),
            run.recipe.features.clone(),
            plan.plan.clone(),
            plan.folds.to_string(),
            plan.speakers_leak.to_string(),
            run.recipe.norm.to_string(),
            run.recipe.seed.to_string(),
            data.clips.to_string(),
            data.speakers.to_string(),
            data.data_hash.clone(),
            run.protocol.maker.emolab.clone(),
            run.fit_seconds.to_string(),
        ];
        let (ci, calibration) = (summary.uar_ci, summary.calibration.as_ref());
        let ends = [
            number(ci.map(|ci| ci.low)),
            number(ci.map(|ci| ci.high)),
            summary.interval_name().unwrap_or_default(),
            number(calibration.map(|all| all.ece)),
            number(calibration.map(|all| all.brier)),
            number(calibration.map(|all| all.nll)),
        ];
        let metrics = summary.metrics().into_iter().map(|(_, value)| number(value));
        csv.write_record(who.into_iter().chain(metrics).chain(ends))?;
    }
    text(csv)
}

/// One row per clip: `file, speaker, fold, truth, pred, p_<class>…`; folds from 1.
///
/// # Errors
/// A damaged run.
pub fn predictions(judged: &Judged) -> Result<String> {
    let run = &judged.run;
    let mut csv = Writer::from_writer(Vec::new());
    let head = ["file", "speaker", "fold", "truth", "pred"].map(str::to_owned);
    csv.write_record(head.into_iter().chain(run.classes().iter().map(|class| format!("p_{class}"))))?;
    for one in &run.predictions {
        let class = |class: usize| run.classes().get(class).cloned().with_context(|| format!("no class {class}"));
        let cells = [
            one.clip.0.to_string(),
            one.speaker.clone(),
            (one.fold + 1).to_string(),
            class(one.truth)?,
            class(one.pred)?,
        ];
        csv.write_record(cells.into_iter().chain(one.p.iter().map(f32::to_string)))?;
    }
    text(csv)
}

/// Counts; rows are the truth.
///
/// # Errors
/// None that come of the run.
pub fn confusion(judged: &Judged) -> Result<String> {
    let mut csv = Writer::from_writer(Vec::new());
    let classes = judged.run.classes();
    csv.write_record(std::iter::once("truth").chain(classes.iter().map(String::as_str)))?;
    for (class, counts) in classes.iter().zip(judged.summary.confusion.rows()) {
        csv.write_record(std::iter::once(class.clone()).chain(counts.iter().map(u64::to_string)))?;
    }
    text(csv)
}

fn text(csv: Writer<Vec<u8>>) -> Result<String> {
    Ok(String::from_utf8(csv.into_inner()?)?)
}
