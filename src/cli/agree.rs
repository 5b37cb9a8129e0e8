//! `emolab agree`: how far the people who labelled a corpus agree, and gold labels out of what they say.
//!
//! Reads the store alone, so it answers while others label. Deliberately absent: deciding disputes (the screens do).

mod gold;
mod text;

use std::io::Write;
use std::path::PathBuf;

use anyhow::{Context, Result, bail, ensure};
use clap::Args;
use serde_json::{Value, json};

use super::{Files, stdout};
use crate::job::Unwatched;
use crate::label::{Annotation, Ratings, Scheme};
use crate::score::agreement::{COEFFICIENTS, Coefficient, coefficient};
use crate::score::{Bootstrap, Interval};
use crate::store::Store;
use crate::workbench::agree::{DRAWS, Inquiry, Study, ratings};
use crate::workbench::gate::GateFailed;
use crate::workbench::key_of;

/// Arguments of `emolab agree`.
#[derive(Debug, Args)]
pub struct Agree {
    /// Folder or table of the corpus whose labels are wanted.
    path: PathBuf,
    /// Scheme: its name in the store, a built-in name or a TOML file; the one with most answers if not given.
    #[arg(long, value_name = "NAME")]
    scheme: Option<String>,
    /// One question of the scheme; all if not given.
    #[arg(long, value_name = "NAME")]
    question: Option<String>,
    /// Only these people, separated by commas.
    #[arg(long, value_delimiter = ',', value_name = "NAMES")]
    raters: Vec<String>,
    /// Draws of each interval, over clips.
    #[arg(long, value_name = "N", default_value_t = DRAWS)]
    draws: usize,
    /// Of the draws, and of MACE.
    #[arg(long, default_value_t = 0)]
    seed: u64,
    /// Clips listed of those agreed on least.
    #[arg(long, value_name = "N", default_value_t = 10)]
    worst: usize,
    /// Print JSON.
    #[arg(long)]
    json: bool,
    /// End with 3 if a coefficient is lower, or undefined: alpha=0.6, or alpha=0.6,kappa=0.5.
    #[arg(long, value_name = "NAME=BAR", value_delimiter = ',', value_parser = bar)]
    fail_under: Vec<Bar>,
    #[command(flatten)]
    gold: gold::GoldArgs,
    #[command(flatten)]
    files: Files,
}

/// The least that a coefficient may be.
#[derive(Debug, Clone, Copy)]
struct Bar {
    coefficient: &'static Coefficient,
    least: f64,
}

fn bar(text: &str) -> Result<Bar> {
    let (name, least) = text.split_once('=').context("write NAME=BAR, as in alpha=0.6")?;
    let known = || COEFFICIENTS.iter().map(|row| row.name).collect::<Vec<_>>().join(", ");
    let coefficient = coefficient(name).with_context(|| format!("no coefficient `{name}`; there are {}", known()))?;
    let least: f64 = least.parse().with_context(|| format!("`{least}` is no number"))?;
    ensure!((-1.0..=1.0).contains(&least), "{name} goes from -1 to 1");
    Ok(Bar { coefficient, least })
}

impl Agree {
    /// Studies the labels, prints, writes gold labels, holds the coefficients to the bars.
    ///
    /// # Errors
    /// No labels; an unknown scheme, question, rater; a file that cannot be written; a bar that is not reached.
    pub fn run(self) -> Result<()> {
        self.path.metadata().with_context(|| self.path.display().to_string())?;
        let annotations = self.annotations()?;
        let found = ratings(&annotations, &self.inquiry(&annotations)?)?;
        self.gold.check(&found)?;
        self.gold.write(&found, &annotations, self.seed)?;
        let how = self.how();
        let studies = found.into_iter().map(|one: Ratings| Study::of(one, &annotations, how, &Unwatched));
        let studies: Vec<Study> = studies.collect::<Result<_>>()?;
        let mut out = stdout();
        if self.json {
            let all: Vec<Value> = studies.iter().map(|study| document(study, self.worst)).collect();
            serde_json::to_writer_pretty(&mut out, &json!({ "questions": all }))?;
            writeln!(out)?;
        } else {
            for line in studies.iter().flat_map(|study| text::lines(study, self.worst)) {
                writeln!(out, "{line}")?;
            }
        }
        out.flush()?;
        self.hold(&studies)
    }

    fn annotations(&self) -> Result<Vec<Annotation>> {
        let path = self.files.store()?;
        if !path.exists() {
            bail!("{}: nothing has been labelled yet", path.display());
        }
        let annotations = Store::open(&path)?.annotations(&key_of(&self.path), None)?;
        if annotations.is_empty() {
            bail!("{}: no annotations of {}", path.display(), self.path.display());
        }
        Ok(annotations)
    }

    /// A scheme that the store knows by name need not be a file.
    fn inquiry(&self, annotations: &[Annotation]) -> Result<Inquiry> {
        let (question, raters) = (self.question.clone(), self.raters.clone());
        let plain = Inquiry { question, raters, how: self.how(), ..Inquiry::default() };
        let Some(name) = &self.scheme else { return Ok(plain) };
        match Scheme::load(name) {
            Ok(scheme) => Ok(Inquiry { scheme: Some(scheme.name), questions: scheme.questions, ..plain }),
            Err(_) if annotations.iter().any(|event| event.scheme.name == *name) => {
                Ok(Inquiry { scheme: Some(name.clone()), ..plain })
            }
            Err(error) => Err(error).context("no scheme of that name was used, either"),
        }
    }

    fn how(&self) -> Bootstrap {
        Bootstrap { draws: self.draws, seed: self.seed, ..Bootstrap::default() }
    }

    fn hold(&self, studies: &[Study]) -> Result<()> {
        let mut under = Vec::new();
        for Bar { coefficient, least } in &self.fail_under {
            let mut asked = false;
            for study in studies {
                let found = study.estimates.iter().find(|one| one.coefficient.name == coefficient.name);
                let Some(found) = found else { continue };
                asked = true;
                if found.value.is_none_or(|value| value < *least) {
                    let value = found.value.map_or_else(|| "undefined".to_owned(), |value| format!("{value:.4}"));
                    under.push(format!("{}: {} is {value}, below {least}", text::title(study), coefficient.name));
                }
            }
            ensure!(asked, "--fail-under {}: it is for scales, and no question asked for is one", coefficient.name);
        }
        if under.is_empty() { Ok(()) } else { Err(GateFailed(under.join("; ")).into()) }
    }
}

/// One question as JSON; undefined is null.
fn document(study: &Study, worst: usize) -> Value {
    let ratings = &study.ratings;
    let ends = |ci: Interval| json!([ci.low, ci.high]);
    let coefficients = study.estimates.iter().map(|one| {
        let (row, ci) = (one.coefficient, one.interval);
        json!({ "name": row.name, "title": row.title, "value": one.value, "interval": ci.map(ends) })
    });
    let raters = ratings
        .raters
        .iter()
        .enumerate()
        .map(|(at, name)| json!({ "name": name, "clips": study.shared[at][at], "without": study.without[at] }));
    let classes = study.classes.iter().map(|(class, one)| {
        json!({ "class": class, "ratings": one.ratings, "specific": one.specific, "alpha": one.alpha, "kappa": one.kappa })
    });
    let clips = study.worst.iter().take(worst);
    let clips =
        clips.map(|&(clip, apart)| json!({ "file": study.clip(clip).0, "apart": apart, "said": study.said(clip) }));
    let disputes = study.disputes.iter().take(worst);
    let disputes = disputes.map(|one| json!({ "file": one.clip.0, "worth": one.worth }));
    json!({
        "scheme": ratings.scheme, "question": ratings.question, "answers": ratings.labels,
        "clips": ratings.clips.len(), "ratings": ratings.said.iter().map(Vec::len).sum::<usize>(),
        "cannot_judge": ratings.cannot_judge, "decided": study.decided, "disputed": study.disputes.len(),
        "intervals": { "level": study.how.level, "method": study.how.method.name(), "draws": study.how.draws,
                       "over": "clips", "seed": study.how.seed },
        "coefficients": coefficients.collect::<Vec<_>>(),
        "pairs": { "coefficient": study.headline.name, "matrix": study.matrix, "shared": study.shared },
        "raters": raters.collect::<Vec<_>>(), "classes": classes.collect::<Vec<_>>(),
        "worst": clips.collect::<Vec<_>>(), "disputes": disputes.collect::<Vec<_>>(),
    })
}
