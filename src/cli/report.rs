//! `emolab report`: runs that are kept, for readers, papers and programs; a gate for scripts.

use std::io::Write;
use std::path::{Path, PathBuf};

use anyhow::{Context, Result, bail, ensure};
use clap::Args;

use super::runs::store;
use super::{Files, say, stdout};
use crate::file::stage;
use crate::score::{METRICS, Metric, metric};
use crate::store::RunId;
use crate::workbench::gate::GateFailed;
use crate::workbench::report::{Format, Output, Report as Reported};

/// Arguments of `emolab report`.
#[derive(Debug, Args)]
pub struct Report {
    /// Numbers of the runs (emolab runs).
    #[arg(required = true, value_name = "RUN")]
    runs: Vec<RunId>,
    /// text, md, csv, json, html, latex or svg.
    #[arg(long, value_name = "FORMAT", default_value = "text", value_parser = format)]
    format: Format,
    /// Write into this file, or into this folder [default: standard output]. A name with the format's ending is a file; one
    /// that ends with / or is a folder takes all files: csv and svg have several.
    #[arg(long, short, value_name = "PATH")]
    out: Option<PathBuf>,
    /// End with 3 if a score of a run is lower: uar=70, or uar=70,wa=60; percent, or as it is for mcc and kappa.
    #[arg(long, value_name = "SCORE=BAR", value_delimiter = ',', value_parser = bar)]
    fail_under: Vec<Bar>,
    #[command(flatten)]
    files: Files,
}

/// The least that a score may be.
#[derive(Debug, Clone, Copy)]
struct Bar {
    metric: &'static Metric,
    /// As the score is drawn: in percent where it is a share.
    least: f64,
}

fn format(text: &str) -> Result<Format> {
    let known = || Format::ALL.map(|(name, _)| name).join(", ");
    let found = Format::ALL.into_iter().find(|(name, _)| *name == text);
    found.map(|(_, format)| format).with_context(|| format!("there are {}", known()))
}

fn bar(text: &str) -> Result<Bar> {
    let (name, least) = text.split_once('=').context("write SCORE=BAR, as in uar=70")?;
    let known = || METRICS.iter().map(|metric| metric.name).collect::<Vec<_>>().join(", ");
    let metric = metric(name).with_context(|| format!("no score `{name}`; there are {}", known()))?;
    let least: f64 = least.parse().with_context(|| format!("`{least}` is no number"))?;
    let range = if metric.percent { 0.0..=100.0 } else { -1.0..=1.0 };
    ensure!(range.contains(&least), "{name} goes from {} to {}", range.start(), range.end());
    Ok(Bar { metric, least })
}

impl Report {
    /// Reads the runs, writes the report, holds the scores to the bars.
    pub fn run(self) -> Result<()> {
        let report = Reported::load(&store(&self.files)?, &self.runs)?;
        match &self.out {
            None => {
                let mut out = stdout();
                out.write_all(report.single(self.format)?.as_bytes())?;
                out.flush()?;
            }
            Some(path) if self.is_folder(path) => folder(path, &report.files(self.format)?)?,
            Some(path) => {
                let name = path.file_name().map(|name| name.to_string_lossy().into_owned());
                let name = name.with_context(|| format!("{}: not the name of a file", path.display()))?;
                let parent = path.parent().filter(|parent| !parent.as_os_str().is_empty());
                let output = Output { name, text: report.single(self.format)? };
                write(parent.unwrap_or(Path::new("")), &[output])?;
            }
        }
        self.hold(&report)
    }

    /// What is there decides; else the name.
    fn is_folder(&self, path: &Path) -> bool {
        let named = path.as_os_str().to_string_lossy().ends_with('/');
        let several = matches!(self.format, Format::Csv | Format::Svg);
        let ending = path.extension().is_some_and(|ending| ending.eq_ignore_ascii_case(self.format.ending()));
        path.is_dir() || (!path.exists() && (named || (several && !ending)))
    }

    fn hold(&self, report: &Reported) -> Result<()> {
        let mut under = Vec::new();
        for entry in &report.entries {
            let run = &entry.judged.run;
            for Bar { metric, least } in &self.fail_under {
                let value = (metric.of)(&entry.judged.summary.confusion);
                let value = value.map(|value| if metric.percent { 100.0 * value } else { value });
                if value.is_none_or(|value| value < *least) {
                    let id = run.id.map_or_else(String::new, |id| id.to_string());
                    let value = value.map_or_else(|| "undefined".to_owned(), |value| format!("{value:.4}"));
                    under.push(format!("run {id}: {} is {value}, below {least}", metric.name));
                }
            }
        }
        if under.is_empty() { Ok(()) } else { Err(GateFailed(under.join("; ")).into()) }
    }
}

fn folder(path: &Path, files: &[Output]) -> Result<()> {
    std::fs::create_dir_all(path).with_context(|| format!("cannot make the folder {}", path.display()))?;
    write(path, files)
}

/// All files or none: each is complete before the first takes its name.
fn write(folder: &Path, files: &[Output]) -> Result<()> {
    let mut staged = Vec::new();
    for file in files {
        let path = folder.join(&file.name);
        if path.is_dir() {
            bail!("{} is a folder", path.display());
        }
        let written = stage(&path, |out| out.write_all(file.text.as_bytes()));
        staged.push((written.with_context(|| format!("cannot write {}", path.display()))?, path));
    }
    for (file, path) in staged {
        file.publish(&path).with_context(|| format!("cannot write {}", path.display()))?;
        say(&format!("written: {}", path.display()));
    }
    Ok(())
}
