//! Gold labels as a file: a row per clip and question, with how each came to be.
//!
//! Deliberately absent: other tools' formats (see `emolab export`).

use std::path::PathBuf;

use anyhow::{Context, Result, ensure};
use clap::Args;
use serde::Serialize;

use crate::cli::say;
use crate::file::stage;
use crate::label::gold::{Gold, GoldSet, How, METHODS, Method, Origin, Tie, decisions, method, of};
use crate::label::{Annotation, Ratings};

/// Arguments about gold labels.
#[derive(Debug, Args)]
pub struct GoldArgs {
    /// Write gold labels by this method: majority, soft, ds, mace (classes); majority, soft, mean, ewe (scales). What a lead
    /// decided wins over every method.
    #[arg(long = "gold", value_name = "METHOD", value_parser = known, requires = "out")]
    method: Option<&'static Method>,
    /// File of the gold labels: .csv, or .jsonl with the probabilities by name.
    #[arg(long, short, value_name = "FILE", requires = "method")]
    out: Option<PathBuf>,
    /// For majority: open, confidence or first (of the scheme).
    #[arg(long, value_name = "RULE", default_value = "open", value_parser = tie, requires = "method")]
    tie: Tie,
    /// For soft: added to the count of every answer.
    #[arg(long, value_name = "COUNT", default_value_t = 0.0, requires = "method")]
    smoothing: f64,
}

fn known(text: &str) -> Result<&'static Method> {
    let all = || METHODS.iter().map(|method| method.name).collect::<Vec<_>>().join(", ");
    method(text).with_context(|| format!("there are {}", all()))
}

fn tie(text: &str) -> Result<Tie> {
    let found = Tie::ALL.into_iter().find(|(name, _)| *name == text);
    found.map(|(_, tie)| tie).with_context(|| format!("there are {}", Tie::ALL.map(|(name, _)| name).join(", ")))
}

/// A gold label as a row.
#[derive(Debug, Serialize)]
struct Row<'a> {
    file: &'a str,
    scheme: &'a str,
    question: &'a str,
    value: Option<&'a str>,
    method: &'a str,
    /// People who judged the clip.
    raters: usize,
    /// Those who said the value.
    agree: Option<usize>,
    decided_by: Option<&'a str>,
    decided_at: Option<String>,
}

impl GoldArgs {
    /// Whether it can be done, before anything is printed.
    ///
    /// # Errors
    /// A negative count; a file of another kind.
    pub fn check(&self, ratings: &[Ratings]) -> Result<()> {
        ensure!(self.smoothing >= 0.0 && self.smoothing.is_finite(), "--smoothing is a count from 0 up");
        let Some((method, out)) = self.method.zip(self.out.as_ref()) else { return Ok(()) };
        ensure!(is_json(out) || ending(out) == "csv", "{}: write a .csv or .jsonl", out.display());
        let fits = |one: &&Ratings| method.level.is_none_or(|level| level == one.level);
        ensure!(ratings.iter().any(|one| fits(&one)), "{} fits none of the questions asked for", method.name);
        Ok(())
    }

    /// Writes the gold labels of the questions that the method fits, if they are asked for.
    ///
    /// # Errors
    /// The file cannot be written.
    pub fn write(&self, ratings: &[Ratings], annotations: &[Annotation], seed: u64) -> Result<()> {
        let Some((method, out)) = self.method.zip(self.out.as_ref()) else { return Ok(()) };
        let how = How { method, tie: self.tie, smoothing: self.smoothing, seed };
        let fits = |one: &&Ratings| method.level.is_none_or(|level| level == one.level);
        let mut sets = Vec::new();
        for one in ratings.iter().filter(fits) {
            sets.push(of(one, &decisions(annotations, &one.scheme, &one.question), how)?);
        }
        let bytes = if is_json(out) { json(&sets)? } else { csv(&sets)? };
        let written = stage(out, |file| file.write_all(&bytes)).and_then(|staged| staged.publish(out));
        written.with_context(|| format!("cannot write {}", out.display()))?;
        let all = || sets.iter().flat_map(|set| &set.clips);
        let open = all().filter(|gold| gold.value.is_none()).count();
        say(&format!("written: {}: {} clips, {open} without a label", out.display(), all().count()));
        Ok(())
    }
}

fn ending(path: &std::path::Path) -> String {
    path.extension().map(|ending| ending.to_string_lossy().to_lowercase()).unwrap_or_default()
}

fn is_json(path: &std::path::Path) -> bool {
    ending(path) == "jsonl"
}

fn row<'a>(set: &'a GoldSet, gold: &'a Gold) -> Row<'a> {
    let (raters, agree, decided) = match &gold.origin {
        Origin::Ratings { of, agree } => (*of, Some(*agree), None),
        Origin::Decided { by, at, of } => (*of, None, Some((by.as_str(), at.to_string()))),
    };
    Row {
        file: &gold.clip.0,
        scheme: &set.scheme,
        question: &set.question,
        value: gold.value.as_deref(),
        method: if decided.is_some() { "decided" } else { set.how.method.name },
        raters,
        agree,
        decided_by: decided.as_ref().map(|(by, _)| *by),
        decided_at: decided.map(|(_, at)| at),
    }
}

/// Probabilities stand in `p_<answer>` columns: all answers of all questions written.
fn csv(sets: &[GoldSet]) -> Result<Vec<u8>> {
    let mut answers: Vec<&String> = Vec::new();
    for label in sets.iter().flat_map(|set| &set.labels) {
        if !answers.contains(&label) {
            answers.push(label);
        }
    }
    let mut out = csv::WriterBuilder::new().has_headers(false).from_writer(Vec::new());
    let head = ["file", "scheme", "question", "value", "method", "raters", "agree", "decided_by", "decided_at"];
    out.write_record(head.into_iter().map(str::to_owned).chain(answers.iter().map(|label| format!("p_{label}"))))?;
    for (set, gold) in sets.iter().flat_map(|set| set.clips.iter().map(move |gold| (set, gold))) {
        let share = |label: &&String| {
            let place = set.labels.iter().position(|one| one == *label)?;
            gold.distribution.get(place).copied()
        };
        let shares: Vec<Option<f64>> = answers.iter().map(share).collect();
        out.serialize((row(set, gold), shares))?;
    }
    Ok(out.into_inner().map_err(|error| error.into_error())?)
}

fn json(sets: &[GoldSet]) -> Result<Vec<u8>> {
    let mut out = Vec::new();
    for (set, gold) in sets.iter().flat_map(|set| set.clips.iter().map(move |gold| (set, gold))) {
        let mut line = serde_json::to_value(row(set, gold))?;
        let shares = set.labels.iter().cloned().zip(gold.distribution.iter().map(|share| (*share).into()));
        line["p"] = serde_json::Value::Object(shares.collect());
        serde_json::to_writer(&mut out, &line)?;
        out.push(b'\n');
    }
    Ok(out)
}
