//! `emolab features`: the features of a corpus as files for other programs, or what each column of a set is.
//!
//! Deliberately absent: the computing and writing (see `workbench::extract`).

use std::io::Write;
use std::path::PathBuf;

use anyhow::{Context, Result};
use clap::Args;
use serde_json::json;

use super::compare::{tell_cache, tell_problems};
use super::prepare::{Prepare, set_name};
use super::progress::Progress;
use super::{Files, description, opened, say, stdout, table};
use crate::features::cache::Cache;
use crate::features::{FeatureSet, Kind, feature_set};
use crate::workbench::extract::{Extraction, Format};
use crate::workbench::material::Listener;

/// Problems said on stderr; all are in `problems.csv`.
const SAID: usize = 5;

/// Arguments of `emolab features`.
#[derive(Debug, Args)]
pub struct Extract {
    /// Folder of the corpus, or a CSV/TSV table of clips.
    #[arg(required_unless_present = "describe")]
    path: Option<PathBuf>,
    /// Corpus description: a name (emodb, ravdess, …) or a TOML file. Recognised by itself if not given.
    #[arg(long, value_name = "NAME")]
    corpus: Option<String>,
    /// Feature set, with parameters if wanted (logmel:bands=40), or sets of rows side by side (egemaps+mfcc).
    #[arg(long, value_name = "SET", default_value = "functionals", value_parser = set_name)]
    set: String,
    /// Folder to write.
    #[arg(long, short, value_name = "DIR", required_unless_present = "describe")]
    out: Option<PathBuf>,
    /// npy: one matrix, or one array per clip (images); csv and parquet: a line per clip, or per frame of a file per
    /// clip (images).
    #[arg(long, default_value = "npy")]
    format: Written,
    /// Print name, unit and source of every column of the set, and compute nothing.
    #[arg(long)]
    describe: bool,
    /// With --describe: print JSON.
    #[arg(long, requires = "describe")]
    json: bool,
    /// No progress.
    #[arg(long, short)]
    quiet: bool,
    #[command(flatten)]
    files: Files,
    #[command(flatten)]
    prepare: Prepare,
}

#[derive(Debug, Clone, Copy, clap::ValueEnum)]
enum Written {
    Npy,
    Csv,
    Parquet,
}

impl Extract {
    /// Describes, or scans, computes and writes. What was computed is kept when it is stopped; run again, it goes on.
    pub fn run(self) -> Result<()> {
        let set = feature_set(&self.set)?;
        if self.describe {
            return describe(set.as_ref(), self.json);
        }
        let (path, out) = (self.path.context("no PATH")?, self.out.context("no --out")?);
        let progress = Progress::new(self.quiet)?;
        let corpus = opened(&path, description(self.corpus.as_deref(), &path).as_deref(), &self.files, &progress)?;
        tell_problems(&corpus);
        let cache = Cache::open(&self.files.cache()?);
        let listener = Listener { cache: &cache, preparation: self.prepare.preparation(Some(&self.set)) };
        let format = match self.format {
            Written::Npy => Format::Npy,
            Written::Csv => Format::Csv,
            Written::Parquet => Format::Parquet,
        };
        let extraction = Extraction { corpus: &corpus, set: set.as_ref(), format, out: &out };
        let extracted = extraction.run(&listener, &progress)?;
        progress.end();
        tell_cache(&cache);
        for problem in extracted.problems.iter().take(SAID) {
            say(&format!("{}: {}", problem.file, problem.reason));
        }
        let without = extracted.problems.len();
        if without > 0 {
            say(&format!("{without} clip(s) without features (all: {})", out.join("problems.csv").display()));
        }
        say(&format!("{}: {} of {} clips; {}", out.display(), set.name(), extracted.clips, listener.preparation));
        Ok(())
    }
}

fn describe(set: &dyn FeatureSet, json: bool) -> Result<()> {
    let (columns, mut out) = (set.columns(), stdout());
    if json {
        let columns: Vec<_> = columns
            .iter()
            .map(|column| json!({ "name": column.name, "unit": column.unit, "source": column.source }))
            .collect();
        let kind = if set.kind() == Kind::Image { "image" } else { "row" };
        let all = json!({ "set": set.name(), "version": set.version(), "about": set.about(), "kind": kind,
            "columns": columns });
        serde_json::to_writer_pretty(&mut out, &all)?;
        writeln!(out)?;
        return Ok(out.flush()?);
    }
    writeln!(out, "{}: {}", set.name(), set.about())?;
    writeln!(out)?;
    let head = vec!["column".to_owned(), "unit".to_owned(), "source".to_owned()];
    let rows = columns.into_iter().map(|column| vec![column.name, column.unit.to_owned(), column.source.to_owned()]);
    for line in table::left(&std::iter::once(head).chain(rows).collect::<Vec<_>>()) {
        writeln!(out, "{line}")?;
    }
    Ok(out.flush()?)
}
