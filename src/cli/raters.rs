//! `emolab raters`: how everybody who labels a corpus is doing: hidden repeats, known answers, haste, long runs, drift.
//!
//! Reads the store alone, so it answers while others label. Deliberately absent: the figures themselves (`label::quality`).

use std::io::Write;
use std::path::PathBuf;

use anyhow::{Context, Result, bail};
use clap::Args;
use serde_json::json;

use super::table::{lines, percent};
use super::{Files, stdout};
use crate::label::{Annotation, Answers, OfQuestion, Quality, Question, Ratings, Scale, Scheme, Share, quality};
use crate::score::agreement::Level;
use crate::store::Store;
use crate::workbench::agree::{Inquiry, ratings};
use crate::workbench::key_of;

/// Arguments of `emolab raters`.
#[derive(Debug, Args)]
pub struct Raters {
    /// Folder or table of the corpus that is labelled.
    path: PathBuf,
    /// Scheme: its name in the store, a built-in name or a TOML file; the one with most answers if not given.
    #[arg(long, value_name = "NAME")]
    scheme: Option<String>,
    /// Print JSON.
    #[arg(long)]
    json: bool,
    #[command(flatten)]
    files: Files,
}

impl Raters {
    /// Reads the store, prints a table per question, or all as JSON.
    ///
    /// # Errors
    /// No labels; an unknown scheme.
    pub fn run(self) -> Result<()> {
        self.path.metadata().with_context(|| self.path.display().to_string())?;
        let (path, key) = (self.files.store()?, key_of(&self.path));
        if !path.exists() {
            bail!("{}: nothing has been labelled yet", path.display());
        }
        let store = Store::open(&path)?;
        let annotations = store.annotations(&key, None)?;
        let (name, questions) = self.scheme(&annotations)?;
        let round = store.round(&key, &name)?.map(|kept| kept.round).unwrap_or_default();
        let found = quality(&annotations, &name, &questions, &round);
        if found.is_empty() {
            bail!("{}: nobody has labelled {} by {name}", path.display(), self.path.display());
        }
        let mut out = stdout();
        if self.json {
            serde_json::to_writer_pretty(&mut out, &json!({ "scheme": name, "raters": found }))?;
            writeln!(out)?;
        } else {
            for line in
                found[0].questions.iter().enumerate().flat_map(|(at, question)| table(&found, at, question, &name))
            {
                writeln!(out, "{line}")?;
            }
        }
        Ok(out.flush()?)
    }

    /// The scheme's name and questions: those of its file, or what the answers tell of them.
    fn scheme(&self, annotations: &[Annotation]) -> Result<(String, Vec<Question>)> {
        if let Some(Ok(scheme)) = self.scheme.as_deref().map(Scheme::load) {
            return Ok((scheme.name, scheme.questions));
        }
        let all = ratings(annotations, &Inquiry { scheme: self.scheme.clone(), ..Inquiry::default() })?;
        let name =
            all.first().map(|one| one.scheme.clone()).context("nobody has answered anything that can be counted")?;
        if let Ok(scheme) = Scheme::load(&name) {
            return Ok((scheme.name, scheme.questions));
        }
        Ok((name, all.iter().map(seen).collect()))
    }
}

/// A question as far as its answers tell: a scale or not.
fn seen(ratings: &Ratings) -> Question {
    let (low_word, high_word) = (String::new(), String::new());
    let answers = match ratings.level {
        Level::Scale => Answers::Scale(Scale { low: 1, high: 9, low_word, high_word }),
        Level::Nominal => Answers::Choice(Vec::new()),
    };
    Question { name: ratings.question.clone(), ..Question::one(answers) }
}

fn table(found: &[Quality], at: usize, question: &OfQuestion, scheme: &str) -> Vec<String> {
    let title =
        if question.question.is_empty() { scheme.to_owned() } else { format!("{scheme}: {}", question.question) };
    let heading =
        ["rater", "clips", "s/clip", "too fast", "repeats same", "steady", "gold %", "longest run", "vote % by third"];
    let mut rows = vec![heading.map(str::to_owned).to_vec()];
    rows.extend(found.iter().map(|one| row(one, &one.questions[at])));
    let mut text = vec![title];
    text.extend(lines(&rows));
    text.push(String::new());
    text
}

fn row(one: &Quality, question: &OfQuestion) -> Vec<String> {
    let number = |value: Option<f64>, digits: usize| value.map_or("-".to_owned(), |value| format!("{value:.digits$}"));
    let run = question.run.as_ref();
    let run = run.map_or("-".to_owned(), |run| format!("{} {} (p {:.3})", run.length, run.value, run.chance));
    let thirds: Vec<String> = question.thirds.iter().map(|third| percent(third.others.share())).collect();
    vec![
        one.rater.clone(),
        one.clips.to_string(),
        number(one.seconds, 1),
        of(one.fast),
        of(question.same),
        number(question.steady, 2),
        percent(question.gold.share()),
        run,
        thirds.join(" "),
    ]
}

fn of(share: Share) -> String {
    if share.of == 0 { "-".to_owned() } else { format!("{}/{}", share.count, share.of) }
}
