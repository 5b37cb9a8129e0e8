//! `emolab quantize`: a model folder whose net computes in whole numbers, and what that saves and costs.

use std::io::Write;
use std::path::PathBuf;

use anyhow::{Context, Result};
use clap::Args;

use super::compare::{tell_cache, tell_problems};
use super::progress::Progress;
use super::table::{lines, percent};
use super::{Files, description, opened, say, stdout};
use crate::features::cache::Cache;
use crate::workbench::material::Listener;
use crate::workbench::models::check_folder;
use crate::workbench::quantize::{Figures, Material, Quantized, quantize};
use crate::workbench::shelf;

/// Arguments of `emolab quantize`.
#[derive(Debug, Args)]
pub struct Quantize {
    /// Model folder, as `emolab train` wrote it, or the name of a model, as `predict` takes it; it stays as it is.
    model: PathBuf,
    /// Folder to write; an older model there is replaced.
    #[arg(long, short, value_name = "DIR")]
    out: PathBuf,
    /// Speech to find the scales on: the clips that the model was trained on, or others like them; labels are not needed.
    #[arg(long, value_name = "PATH")]
    calibrate: PathBuf,
    /// Labelled clips to score both models on; without it those of --calibrate, if labelled.
    #[arg(long, value_name = "PATH")]
    test: Option<PathBuf>,
    /// Corpus description for both: a name or a TOML file. Recognised by itself if not given.
    #[arg(long, value_name = "NAME")]
    corpus: Option<String>,
    /// Print the new card as JSON.
    #[arg(long)]
    json: bool,
    /// No progress.
    #[arg(long, short)]
    quiet: bool,
    #[command(flatten)]
    files: Files,
}

impl Quantize {
    /// Scans, quantizes, writes the folder, prints.
    pub fn run(self) -> Result<()> {
        let progress = Progress::new(self.quiet)?;
        check_folder(&self.out)?;
        let model = shelf::model(&self.model)?;
        let open =
            |path: &PathBuf| opened(path, description(self.corpus.as_deref(), path).as_deref(), &self.files, &progress);
        let calibrate = open(&self.calibrate)?;
        tell_problems(&calibrate);
        let test = self.test.as_ref().map(open).transpose()?;
        if let Some(test) = &test {
            tell_problems(test);
        }
        let cache = Cache::open(&self.files.cache()?);
        let listener = Listener { cache: &cache, preparation: model.card.preparation };
        let material = Material { calibrate: &calibrate, test: test.as_ref() };
        let saved = quantize(&self.model, material, &listener, &progress)?;
        saved.write(&self.out)?;
        progress.end();
        tell_cache(&cache);
        let mut out = stdout();
        if self.json {
            serde_json::to_writer_pretty(&mut out, &saved.card)?;
            writeln!(out)?;
        } else {
            let quantized = saved.card.quantized.as_ref().context("a quantized card says so")?;
            let (model, clips) = (self.model.display(), quantized.clips);
            writeln!(out, "{}: {model} in int8, calibrated on {clips} clips", self.out.display())?;
            for line in table(quantized) {
                writeln!(out, "{line}")?;
            }
        }
        out.flush()?;
        if saved.card.quantized.is_some_and(|quantized| quantized.scored.is_some()) {
            say("where the model was trained on these clips its UAR is no estimate; the difference is what counts");
        }
        Ok(())
    }
}

fn table(quantized: &Quantized) -> Vec<String> {
    let Quantized { before, after, scored, .. } = quantized;
    let row = |name: &str, of: &dyn Fn(&Figures) -> Option<f64>, digits: usize| {
        let cell = |value: Option<f64>| value.map_or_else(|| "-".to_owned(), |value| format!("{value:.digits$}"));
        let ratio = of(before).zip(of(after)).map(|(before, after)| after / before);
        let ratio = ratio.map_or_else(|| "-".to_owned(), |ratio| format!("{ratio:.2}"));
        vec![name.to_owned(), cell(of(before)), cell(of(after)), ratio]
    };
    let mut rows = vec![
        ["", "f32", "int8", "ratio"].map(str::to_owned).to_vec(),
        row("MB", &|figures| Some(figures.megabytes), 3),
        row("ms per clip, one at a time", &|figures| Some(figures.clip_ms), 3),
        row("ms per clip, 32 on all cores", &|figures| Some(figures.batch_ms), 3),
        row("x real time, with features", &|figures| figures.real_time, 5),
    ];
    if let Some(scored) = scored {
        let (before, after) = (percent(Some(scored.uar_before)), percent(Some(scored.uar_after)));
        let name = format!("UAR % on {} clips of {}", scored.clips, scored.corpus);
        rows.push(vec![name, before, after, format!("loss {:.2}", scored.uar_loss)]);
        rows.push(vec!["same class in %".to_owned(), String::new(), percent(Some(scored.agreement)), String::new()]);
    }
    lines(&rows)
}
