//! `emolab train` writes a model folder, `emolab predict` uses one.

use std::io::Write;
use std::path::{Path, PathBuf};

use anyhow::{Context, Result, bail};
use clap::Args;
use serde_json::json;

use super::compare::{ProtocolArgs, tell_cache, tell_problems};
use super::log::{LogArg, ended};
use super::prepare::Prepare;
use super::progress::Progress;
use super::table::{lines, percent};
use super::{Files, Place, description, opened, say, stdout};
use crate::corpus::plan::Plan;
use crate::features::cache::Cache;
use crate::learn::Norm;
use crate::workbench::experiment::compare;
use crate::workbench::log::{Log, Logged};
use crate::workbench::material::Listener;
use crate::workbench::models::{Asked, Row, Saved, Scores, check_folder, train};
use crate::workbench::shelf::{asked, model};

/// Arguments of `emolab train`.
#[derive(Debug, Args)]
pub struct Train {
    #[command(flatten)]
    place: Place,
    /// Classifier.
    #[arg(long, value_parser = super::classifier_named, value_name = "NAME", default_value = "cnn")]
    model: String,
    /// Folder to write; an older model there is replaced.
    #[arg(long, short, value_name = "DIR")]
    out: PathBuf,
    #[command(flatten)]
    protocol: ProtocolArgs,
    /// Evaluate the recipe under this plan first (loso, speakers:K, random:K) and write the scores into the card.
    #[arg(long)]
    plan: Option<Plan>,
    /// No progress.
    #[arg(long, short)]
    quiet: bool,
    #[command(flatten)]
    log: LogArg,
    #[command(flatten)]
    files: Files,
    #[command(flatten)]
    prepare: Prepare,
}

impl Train {
    /// Scans, evaluates if asked, fits on all clips, writes the folder.
    pub fn run(self) -> Result<()> {
        let progress = Progress::new(self.quiet)?;
        let models = vec![self.model.clone()];
        self.protocol.check(&models)?;
        check_folder(&self.out)?;
        let log = self.log.open()?;
        let saved = ended(log.as_ref(), self.train(models, log.as_ref(), &progress))?;
        self.tell(&saved);
        Ok(())
    }

    fn train(&self, models: Vec<String>, log: Option<&Log>, progress: &Progress) -> Result<Saved> {
        let corpus = opened(&self.place.path, self.place.corpus().as_deref(), &self.files, progress)?;
        tell_problems(&corpus);
        let corpus = self.protocol.truth.apply(corpus, &self.files)?;
        let cache = Cache::open(&self.files.cache()?);
        let listener =
            Listener { cache: &cache, preparation: self.prepare.preparation(self.protocol.features.as_deref()) };
        let request = self.protocol.request(models, self.plan.clone().unwrap_or(Plan::Loso));
        let watch = Logged::new(log, progress);
        let compared = match self.plan {
            None => None,
            Some(_) => Some(compare(&corpus, &request, &listener, &mut |_| Ok(None), &watch)?),
        };
        let mut saved = train(&corpus, &request, &listener, &watch)?;
        let runs = compared.iter().flat_map(|compared| &compared.runs);
        saved.card.scores = runs.map(|judged| Scores::of(judged)).collect();
        saved.write(&self.out)?;
        compared.iter().for_each(|compared| compared.clear_checkpoints());
        progress.end();
        tell_cache(&cache);
        Ok(saved)
    }

    fn tell(&self, saved: &Saved) {
        let card = &saved.card;
        say(&format!(
            "{}: {} on {} clips of {} speakers, {} classes, {} parameters",
            self.out.display(),
            card.recipe.title(),
            card.trained_on.clips,
            card.trained_on.speakers,
            card.classes.len(),
            card.parameters
        ));
        if card.scores.is_empty() {
            let plan = if card.trained_on.speakers > 1 { "loso" } else { "random:5" };
            say(&format!("not evaluated: give --plan {plan} to have its scores in the card"));
        }
    }
}

/// Arguments of `emolab predict`.
#[derive(Debug, Args)]
pub struct Predict {
    /// Model folder, or the name of a model: one in `models/`, one of your own, or one that comes with emolab.
    model: PathBuf,
    /// Audio files and folders of them; `-` reads a list of paths, one a line.
    #[arg(required = true, value_name = "PATHS")]
    audio: Vec<PathBuf>,
    /// How folders tell speakers, for models that scale by speaker: the name of a corpus description or a TOML file.
    /// Recognised by itself if not given.
    #[arg(long, value_name = "NAME")]
    corpus: Option<String>,
    /// Print JSON.
    #[arg(long, conflicts_with = "csv")]
    json: bool,
    /// Print CSV.
    #[arg(long)]
    csv: bool,
    /// No progress.
    #[arg(long, short)]
    quiet: bool,
}

impl Predict {
    /// Predicts and prints; files that cannot be read are told and make the verb fail after the others are printed.
    pub fn run(self) -> Result<()> {
        let progress = Progress::new(self.quiet)?;
        let saved = model(&self.model)?;
        let by_speaker = saved.card.recipe.norm == Norm::Speaker;
        let corpus = self.audio.first().and_then(|path| description(self.corpus.as_deref(), path));
        let files = asked(&listed(&self.audio)?, (by_speaker, corpus.as_deref()), &progress)?;
        if !self.quiet {
            remarks(&saved, &files);
        }
        let problems = self.print(&saved, &files, &progress)?;
        for (file, reason) in &problems {
            say(&format!("{}: {reason}", file.display()));
        }
        if !problems.is_empty() {
            bail!("{} of {} files could not be read", problems.len(), files.len());
        }
        Ok(())
    }

    /// CSV batch by batch, everything else at the end.
    fn print(&self, saved: &Saved, files: &[Asked], progress: &Progress) -> Result<Vec<(PathBuf, String)>> {
        let (mut rows, mut out, stream) = (Vec::new(), stdout(), self.csv);
        let mut csv = csv::Writer::from_writer(Vec::new());
        if stream {
            csv.write_record(head(&saved.card.classes, "p_"))?;
        }
        let problems = saved.predict(files, progress, &mut |batch| {
            if stream {
                for row in &batch {
                    csv.write_record(cells(row, |p| p.to_string()))?;
                }
                out.write_all(&std::mem::replace(&mut csv, csv::Writer::from_writer(Vec::new())).into_inner()?)?;
            } else {
                rows.extend(batch);
            }
            Ok(())
        })?;
        progress.end();
        if self.json {
            let all = json!({ "model": saved.card, "rows": rows,
                "problems": problems.iter().map(|(file, reason)| json!({ "file": file, "reason": reason })).collect::<Vec<_>>() });
            serde_json::to_writer_pretty(&mut out, &all)?;
            writeln!(out)?;
        } else if !stream {
            let table = rows.iter().map(|row| cells(row, |p| percent(Some(p))));
            for line in lines(&std::iter::once(head(&saved.card.classes, "")).chain(table).collect::<Vec<_>>()) {
                writeln!(out, "{line}")?;
            }
        }
        out.flush()?;
        Ok(problems)
    }
}

/// `paths` with the lines of standard input where `-` stands.
fn listed(paths: &[PathBuf]) -> Result<Vec<PathBuf>> {
    let mut all = Vec::new();
    for path in paths {
        if path != Path::new("-") {
            all.push(path.clone());
            continue;
        }
        for line in std::io::stdin().lines() {
            let line = line.context("standard input: not a list of paths")?;
            all.extend((!line.trim().is_empty()).then(|| PathBuf::from(line)));
        }
    }
    if all.is_empty() {
        bail!("standard input named no file");
    }
    Ok(all)
}

/// What must be known to read the figures.
fn remarks(saved: &Saved, files: &[Asked]) {
    let (all, known) = (files.len(), files.iter().filter(|file| file.speaker.is_some()).count());
    if saved.card.recipe.norm == Norm::Speaker && all > 1 {
        match known {
            0 => say("this model scales by speaker: the files are taken as one speaker's"),
            known if known < all => {
                say(&format!(
                    "this model scales by speaker: {} files without one are taken as one speaker's",
                    all - known
                ));
            }
            _ => {}
        }
    }
    if saved.card.trained_on.synthetic {
        say("this model was trained on synthetic speech: what it says means nothing");
    }
}

fn head(classes: &[String], prefix: &str) -> Vec<String> {
    let classes = classes.iter().map(|class| format!("{prefix}{class}"));
    let ends = ["pitch_hz", "energy_db"].map(str::to_owned);
    ["file", "pred"].map(str::to_owned).into_iter().chain(classes).chain(ends).collect()
}

fn cells(row: &Row, p: impl Fn(f64) -> String) -> Vec<String> {
    let number = |value: Option<f64>| value.map_or_else(|| "-".to_owned(), |value| format!("{value:.1}"));
    let mut cells = vec![row.file.clone(), row.pred.clone()];
    cells.extend(row.p.iter().map(|&value| p(value)));
    cells.extend([number(row.pitch_hz), number(Some(row.energy_db))]);
    cells
}
