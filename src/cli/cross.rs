//! `emolab cross`: learn on one corpus, be judged on another; the matrix of all.
//!
//! Deliberately absent: plans (the diagonal has the usual one of its corpus).

use std::io::Write;
use std::path::PathBuf;

use anyhow::{Result, bail, ensure};
use clap::Args;
use serde_json::{Value, json};

use super::compare::{ProtocolArgs, protocol, protocol_text, tell_cache, tell_problems};
use super::log::ended;
use super::progress::Progress;
use super::running::Running;
use super::table::{lines, percent};
use super::{opened, stdout};
use crate::corpus::Corpus;
use crate::corpus::plan::Plan;
use crate::features::cache::Cache;
use crate::store::Run;
use crate::workbench::Keeper;
use crate::workbench::cross::{Cell, Crossing, cross};
use crate::workbench::log::{Log, Logged};
use crate::workbench::material::Listener;

/// Arguments of `emolab cross`.
#[derive(Debug, Args)]
pub struct Cross {
    /// Two or more corpora: folders, or tables of clips.
    #[arg(required = true, num_args = 2.., value_name = "PATH")]
    paths: Vec<PathBuf>,
    /// Classifiers, separated by commas.
    #[arg(long, value_parser = super::classifier_named, value_delimiter = ',', value_name = "NAMES", required = true)]
    models: Vec<String>,
    #[command(flatten)]
    protocol: ProtocolArgs,
    #[command(flatten)]
    running: Running,
}

impl Cross {
    /// Scans, crosses, saves, prints.
    pub fn run(self) -> Result<()> {
        let progress = Progress::new(self.running.quiet)?;
        self.protocol.check(&self.models)?;
        let log = self.running.log.open()?;
        let crossing = ended(log.as_ref(), self.cross(log.as_ref(), &progress))?;
        let mut out = stdout();
        if self.running.json {
            serde_json::to_writer_pretty(&mut out, &json_of(&crossing))?;
            writeln!(out)?;
        } else {
            text(&crossing).iter().try_for_each(|line| writeln!(out, "{line}"))?;
        }
        out.flush()?;
        crossing.clear_checkpoints();
        if !crossing.failed.is_empty() {
            bail!("{} of {} runs failed", crossing.failed.len(), crossing.failed.len() + crossing.cells.len());
        }
        Ok(())
    }

    fn cross(&self, log: Option<&Log>, progress: &Progress) -> Result<Crossing> {
        ensure!(self.protocol.truth.is_corpus(), "emolab cross learns and judges by the corpora's own labels alone");
        let mut corpora: Vec<Corpus> = Vec::new();
        for path in &self.paths {
            let corpus = opened(path, None, &self.running.files, progress)?;
            tell_problems(&corpus);
            corpora.push(corpus);
        }
        let request = self.protocol.request(self.models.clone(), Plan::Loso);
        let cache = Cache::open(&self.running.files.cache()?);
        let listener = Listener {
            cache: &cache,
            preparation: self.running.prepare.preparation(self.protocol.features.as_deref()),
        };
        let mut keeper = Keeper::new(self.running.files.store()?);
        let mut keep = |run: &Run| if self.running.no_save { Ok(None) } else { keeper.keep(run).map(Some) };
        let crossing = cross(&corpora, &request, &listener, &mut keep, &Logged::new(log, progress))?;
        progress.end();
        tell_cache(&cache);
        Ok(crossing)
    }
}

/// Cells of each classifier, in the order of the classifiers.
fn by_model(crossing: &Crossing) -> Vec<(String, Vec<&Cell>)> {
    let mut all: Vec<(String, Vec<&Cell>)> = Vec::new();
    for cell in &crossing.cells {
        let model = cell.judged.run.recipe.title();
        match all.last_mut().filter(|(last, _)| *last == model) {
            Some((_, cells)) => cells.push(cell),
            None => all.push((model, vec![cell])),
        }
    }
    all
}

fn text(crossing: &Crossing) -> Vec<String> {
    let mut all = Vec::new();
    for cell in crossing.cells.iter().take(crossing.cells.len() / by_model(crossing).len().max(1)) {
        all.extend(protocol_text(&cell.judged));
    }
    all.push(format!("classes shared by all: {}", crossing.classes.join(", ")));
    all.extend(crossing.missing.iter().map(|missing| format!("no run {missing}")));
    for (model, cells) in by_model(crossing) {
        all.push(String::new());
        all.push(format!("{model}: UAR %, trained on (rows), tested on (columns); [within: other speakers of it]"));
        all.extend(matrix(crossing, &cells));
    }
    all
}

fn matrix(crossing: &Crossing, cells: &[&Cell]) -> Vec<String> {
    let numbers = 0..crossing.corpora.len();
    let found = |wanted: &dyn Fn(&Cell) -> bool| {
        let cell = cells.iter().find(|cell| wanted(cell));
        cell.map_or_else(
            || "-".to_owned(),
            |cell| match (percent(cell.judged.summary.uar), cell.place.is_within()) {
                (uar, true) => format!("[{uar}]"),
                (uar, false) => uar,
            },
        )
    };
    let head = std::iter::once(String::new()).chain(crossing.corpora.iter().cloned()).collect();
    let mut rows: Vec<Vec<String>> = vec![head];
    for from in numbers.clone() {
        let row =
            numbers.clone().map(|to| found(&|cell| cell.place.trained_on == [from] && cell.place.tested_on == to));
        rows.push(std::iter::once(crossing.corpora[from].clone()).chain(row).collect());
    }
    if crossing.corpora.len() > 2 {
        let row = numbers.map(|to| found(&|cell| cell.place.trained_on.len() > 1 && cell.place.tested_on == to));
        rows.push(std::iter::once("all others".to_owned()).chain(row).collect());
    }
    lines(&rows)
}

fn json_of(crossing: &Crossing) -> Value {
    let cell = |cell: &Cell| {
        let (run, summary) = (&cell.judged.run, &cell.judged.summary);
        let trained: Vec<&String> = cell.place.trained_on.iter().map(|number| &crossing.corpora[*number]).collect();
        json!({
            "id": run.id, "model": run.recipe.title(), "features": run.recipe.features, "trained_on": trained,
            "tested_on": crossing.corpora[cell.place.tested_on], "within": cell.place.is_within(),
            "uar": summary.uar, "uar_ci": summary.uar_ci.as_ref().map(|ci| [ci.low, ci.high]), "wa": summary.wa,
            "macro_f1": summary.macro_f1, "confusion": summary.confusion.rows(), "protocol": protocol(run),
        })
    };
    json!({
        "corpora": crossing.corpora, "classes": crossing.classes, "missing": crossing.missing,
        "cells": crossing.cells.iter().map(cell).collect::<Vec<_>>(), "failed": crossing.failed,
    })
}
