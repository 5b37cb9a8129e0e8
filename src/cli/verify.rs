//! `emolab verify`: a run made again, and every prediction compared to the last bit.

use std::io::Write;
use std::path::PathBuf;

use anyhow::{Result, bail, ensure};
use clap::Args;

use super::compare::{tell_cache, tell_problems};
use super::progress::Progress;
use super::runs::store;
use super::table::left;
use super::{Files, opened, say, stdout};
use crate::corpus::{Corpus, Origin};
use crate::features::cache::Cache;
use crate::store::{Run, RunId};
use crate::workbench::differ::Predictions;
use crate::workbench::gate::GateFailed;
use crate::workbench::kept;
use crate::workbench::truth::{self, Wanted};
use crate::workbench::verify::{Verified, origins, repeatable, verify};

/// Changes that are listed.
const SHOWN: usize = 10;

/// Arguments of `emolab verify`.
#[derive(Debug, Args)]
pub struct Verify {
    /// Number of the run (emolab runs).
    run: RunId,
    /// Where the corpus lies now [default: where it was].
    #[arg(long, value_name = "PATH")]
    at: Option<PathBuf>,
    /// Accept probabilities that differ by no more than this, as long as every class is the same.
    #[arg(long, value_name = "P", default_value_t = 0.0, value_parser = tolerance)]
    tolerance: f32,
    /// Print JSON.
    #[arg(long)]
    json: bool,
    /// No progress.
    #[arg(long, short)]
    quiet: bool,
    #[command(flatten)]
    files: Files,
}

fn tolerance(text: &str) -> Result<f32> {
    let value: f32 = text.parse()?;
    ensure!((0.0..=1.0).contains(&value), "a probability, 0 to 1");
    Ok(value)
}

impl Verify {
    /// Reads the run, scans its corpus, fits, compares.
    pub fn run(self) -> Result<()> {
        let progress = Progress::new(self.quiet)?;
        let run = kept::judged(&store(&self.files)?, self.run)?.run;
        // Before the scan: a run that cannot be made again should not cost minutes.
        repeatable(&run)?;
        let corpora = self.corpora(&run, &progress)?;
        let cache = Cache::open(&self.files.cache()?);
        let verified = verify(&run, &corpora, &cache, &progress)?;
        progress.end();
        tell_cache(&cache);
        self.print(&run, &verified)?;
        match verified.holds(self.tolerance) {
            true => Ok(()),
            false => Err(GateFailed(format!("run {} could not be repeated", self.run)).into()),
        }
    }

    /// The run's corpora as they are now.
    fn corpora(&self, run: &Run, progress: &Progress) -> Result<Vec<Corpus>> {
        let mut origins = origins(run);
        match (&self.at, &mut origins[..]) {
            (None, _) => {}
            (Some(at), [origin]) => origin.path.clone_from(at),
            (Some(_), _) => bail!("--at moves one corpus, and the run is a cell of a matrix of {}", origins.len()),
        }
        let mut corpora = Vec::new();
        for Origin { path, description } in &origins {
            let corpus = opened(path, description.as_deref(), &self.files, progress)?;
            tell_problems(&corpus);
            let wanted = run.protocol.data.truth.as_ref().map(Wanted::from);
            corpora.push(truth::from_store(corpus, wanted.as_ref(), &self.files.store()?)?);
        }
        Ok(corpora)
    }

    fn print(&self, run: &Run, verified: &Verified) -> Result<()> {
        let mut out = stdout();
        if self.json {
            let holds = verified.holds(self.tolerance);
            let identical = verified.holds(0.0);
            let all = serde_json::json!({ "run": self.run, "identical": identical, "holds": holds,
                "tolerance": self.tolerance, "verified": verified });
            serde_json::to_writer_pretty(&mut out, &all)?;
            writeln!(out)?;
        } else {
            verified.notes.iter().for_each(|note| say(note));
            for line in text(run, verified, self.tolerance) {
                writeln!(out, "{line}")?;
            }
        }
        Ok(out.flush()?)
    }
}

fn text(run: &Run, verified: &Verified, tolerance: f32) -> Vec<String> {
    let data = &run.protocol.data;
    let Some(all) = &verified.predictions else {
        let mut lines = vec![format!("the data of {} are not those of the run:", data.corpus)];
        lines.extend(cut(verified.data.clone()));
        return lines;
    };
    if all.identical() {
        let (count, folds, seconds) = (all.shared, run.protocol.plan.folds, verified.seconds);
        return vec![format!(
            "identical: {count} predictions of {folds} folds, every class and probability to the last bit ({seconds:.1} s)"
        )];
    }
    let head = match tolerance > 0.0 && all.within(tolerance) {
        true => format!("the same within {tolerance}: every class; not every bit"),
        false => "differs".to_owned(),
    };
    let mut lines = vec![format!("{head}: {}", counted(all))];
    lines.extend(unequal(all));
    lines
}

/// How much differs, in a line.
pub fn counted(all: &Predictions) -> String {
    let (unequal, shared, other) = (all.unequal.len(), all.shared, all.reclassified().count());
    let mut told = format!("{unequal} of {shared} predictions, {other} of another class");
    if let Some(largest) = all.largest {
        told.push_str(&format!("; largest |Δp| {largest:.2e}"));
    }
    for (clips, whose) in [(&all.only_a, "first"), (&all.only_b, "second")] {
        if !clips.is_empty() {
            told.push_str(&format!("; {} tested by the {whose} alone", clips.len()));
        }
    }
    told
}

/// The first differences as a table.
fn unequal(all: &Predictions) -> Vec<String> {
    let head = ["clip", "fold", "truth", "was", "is", "|Δp|"].map(str::to_owned).to_vec();
    let pair = |[a, b]: &[String; 2]| if a == b { a.clone() } else { format!("{a}/{b}") };
    let row = |one: &crate::workbench::differ::Unequal| {
        let folds = one.folds.map(|fold| (fold + 1).to_string());
        let p = one.p.map_or_else(|| "-".to_owned(), |p| format!("{p:.2e}"));
        vec![one.clip.clone(), pair(&folds), pair(&one.truth), one.pred[0].clone(), one.pred[1].clone(), p]
    };
    let rows: Vec<Vec<String>> = std::iter::once(head).chain(all.unequal.iter().take(SHOWN).map(row)).collect();
    let more = all.unequal.len().checked_sub(SHOWN + 1).map(|left| format!("and {} more", left + 1));
    left(&rows).into_iter().chain(more).collect()
}

/// The first of many lines.
fn cut(mut lines: Vec<String>) -> Vec<String> {
    let left = lines.len().saturating_sub(SHOWN);
    if left > 0 {
        lines.truncate(SHOWN);
        lines.push(format!("and {left} more"));
    }
    lines
}
