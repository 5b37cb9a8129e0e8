//! `emolab runs`: the runs that the store keeps, as a table or JSON; one of them, what sets two apart, removing them.
//!
//! Deliberately absent: making runs again (`verify.rs`) and reports (`report.rs`).

use std::io::{BufRead, IsTerminal, Write, stdin};
use std::path::PathBuf;

use anyhow::{Context, Result, bail, ensure};
use clap::{Args, Subcommand};
use serde_json::{Value, json};

use super::table::{left, lines, percent};
use super::verify::counted;
use super::{Files, compare, say, stdout};
use crate::score::report;
use crate::store::{Run, RunId, Store};
use crate::workbench::differ::{Difference, Field};
use crate::workbench::experiment::Judged;
use crate::workbench::{kept, key_of};

/// Longest value in a table of differences.
const WIDEST: usize = 48;

/// Arguments of `emolab runs`.
#[derive(Debug, Args)]
#[command(args_conflicts_with_subcommands = true)]
pub struct Runs {
    #[command(subcommand)]
    verb: Option<RunsVerb>,
    #[command(flatten)]
    list: List,
}

#[derive(Debug, Subcommand)]
enum RunsVerb {
    /// Everything about one run.
    Show(Show),
    /// What sets two runs apart, and nothing else.
    Diff(Diff),
    /// Remove runs with their predictions.
    Rm(Remove),
}

/// All runs.
#[derive(Debug, Args)]
struct List {
    /// Only the runs on this corpus: its folder or table.
    path: Option<PathBuf>,
    /// Print JSON; scores are fractions.
    #[arg(long)]
    json: bool,
    #[command(flatten)]
    files: Files,
}

#[derive(Debug, Args)]
struct Show {
    /// Number of the run.
    run: RunId,
    /// List every prediction.
    #[arg(long)]
    predictions: bool,
    /// Print JSON; scores are fractions.
    #[arg(long)]
    json: bool,
    #[command(flatten)]
    files: Files,
}

#[derive(Debug, Args)]
struct Diff {
    /// Number of the first run.
    a: RunId,
    /// Number of the second run.
    b: RunId,
    /// Clips that are listed, of those taken for different classes.
    #[arg(long, value_name = "N", default_value_t = 20)]
    clips: usize,
    /// Print JSON; scores are fractions.
    #[arg(long)]
    json: bool,
    #[command(flatten)]
    files: Files,
}

#[derive(Debug, Args)]
struct Remove {
    /// Numbers of the runs.
    #[arg(required = true, value_name = "RUN")]
    runs: Vec<RunId>,
    /// Do not ask.
    #[arg(long, short)]
    yes: bool,
    #[command(flatten)]
    files: Files,
}

impl Runs {
    /// Lists, or does what its verb says.
    pub fn run(self) -> Result<()> {
        match self.verb {
            None => self.list.run(),
            Some(RunsVerb::Show(verb)) => verb.run(),
            Some(RunsVerb::Diff(verb)) => verb.run(),
            Some(RunsVerb::Rm(verb)) => verb.run(),
        }
    }
}

/// The store, if there is one: reading makes none.
///
/// # Errors
/// There is none, or it cannot be read.
pub fn store(files: &Files) -> Result<Store> {
    let path = files.store()?;
    ensure!(path.exists(), "{}: no run is kept there yet", path.display());
    Ok(Store::open(&path)?)
}

impl List {
    fn run(self) -> Result<()> {
        let store = store(&self.files)?;
        let listed = match &self.path {
            Some(path) => store.runs(&key_of(path))?,
            None => store.all_runs()?,
        };
        let (mut rows, mut values) = (vec![head()], Vec::new());
        let problems = kept::each(&store, &listed, &mut |judged| match self.json {
            true => values.push(short(&judged)),
            false => rows.push(row(&judged)),
        });
        let mut out = stdout();
        if self.json {
            serde_json::to_writer_pretty(&mut out, &json!({ "runs": values, "problems": problems }))?;
            writeln!(out)?;
        } else if rows.len() > 1 {
            left(&rows).iter().try_for_each(|line| writeln!(out, "{line}"))?;
        } else {
            say("no run is kept");
        }
        out.flush()?;
        problems.iter().for_each(|problem| say(problem));
        Ok(())
    }
}

fn head() -> Vec<String> {
    let names = ["run", "began", "corpus", "target", "model", "features", "plan", "norm", "seed"];
    let figures = ["UAR %", "95 %", "clips", "emolab", "s"];
    names.iter().chain(&figures).map(|name| (*name).to_owned()).collect()
}

fn row(judged: &Judged) -> Vec<String> {
    let (run, p) = (&judged.run, &judged.run.protocol);
    let leak = if p.plan.speakers_leak { " (speakers leak)" } else { "" };
    let spent = p.plan.spent.map_or_else(String::new, |spent| format!(", {spent}"));
    let ci = judged.summary.uar_ci.as_ref();
    vec![
        run.id.map_or_else(|| "-".to_owned(), |id| id.to_string()),
        minute(run),
        p.data.corpus.clone(),
        p.data.target.to_string(),
        run.recipe.title(),
        run.recipe.features.clone(),
        format!("{}{spent}{leak}", p.plan.plan),
        run.recipe.norm.to_string(),
        run.recipe.seed.to_string(),
        percent(judged.summary.uar),
        ci.map_or_else(|| "-".to_owned(), |ci| format!("{} to {}", percent(Some(ci.low)), percent(Some(ci.high)))),
        p.data.clips.to_string(),
        p.maker.emolab.clone(),
        format!("{:.1}", run.fit_seconds),
    ]
}

/// When it began, to the minute, UTC.
fn minute(run: &Run) -> String {
    run.started_at.to_string().chars().take(16).collect::<String>().replace('T', " ")
}

/// A run without its predictions.
fn short(judged: &Judged) -> Value {
    let mut all = compare::run_json(judged);
    if let Some(fields) = all.as_object_mut() {
        fields.remove("predictions");
        fields.insert("started_at".to_owned(), json!(judged.run.started_at.to_string()));
        fields.insert("protocol".to_owned(), compare::protocol(&judged.run));
    }
    all
}

impl Show {
    fn run(self) -> Result<()> {
        let judged = kept::judged(&store(&self.files)?, self.run)?;
        let mut out = stdout();
        if self.json {
            let mut all = json!({ "recipe": judged.run.recipe, "record": judged.run.protocol, "run": short(&judged) });
            if self.predictions {
                all["predictions"] = compare::run_json(&judged)["predictions"].take();
            }
            serde_json::to_writer_pretty(&mut out, &all)?;
            writeln!(out)?;
        } else {
            for line in self.text(&judged)? {
                writeln!(out, "{line}")?;
            }
        }
        Ok(out.flush()?)
    }

    fn text(&self, judged: &Judged) -> Result<Vec<String>> {
        let run = &judged.run;
        let mut all = vec![format!("run {}, began {} UTC, {:.1} s", self.run, minute(run), run.fit_seconds)];
        all.push(String::new());
        all.extend(compare::protocol_text(judged));
        all.push(String::new());
        all.extend(lines(&[compare::head(), compare::row(judged)]));
        all.push(String::new());
        all.extend(report(&judged.summary.confusion, run.classes()).lines().map(str::to_owned));
        all.push(String::new());
        let facts = Difference::facts(run)?;
        all.extend(left(&facts.into_iter().map(|(path, value)| vec![path, word(&value)]).collect::<Vec<_>>()));
        if self.predictions {
            all.push(String::new());
            all.extend(predictions(run));
        }
        Ok(all)
    }
}

fn predictions(run: &Run) -> Vec<String> {
    let names = ["file", "speaker", "fold", "truth", "pred"].map(str::to_owned);
    let head = names.into_iter().chain(run.classes().iter().cloned()).collect();
    let row = |one: &crate::store::Prediction| {
        let class = |class: usize| run.classes()[class].clone();
        let fold = (one.fold + 1).to_string();
        let mut cells = vec![one.clip.0.to_string(), one.speaker.clone(), fold, class(one.truth), class(one.pred)];
        cells.extend(one.p.iter().map(|p| format!("{p:.3}")));
        cells
    };
    left(&std::iter::once(head).chain(run.predictions.iter().map(row)).collect::<Vec<Vec<String>>>())
}

impl Diff {
    fn run(self) -> Result<()> {
        let store = store(&self.files)?;
        let (a, b) = (kept::judged(&store, self.a)?, kept::judged(&store, self.b)?);
        let difference = Difference::of(&a, &b)?;
        let mut out = stdout();
        if self.json {
            let all = json!({ "a": self.a, "b": self.b, "difference": difference });
            serde_json::to_writer_pretty(&mut out, &all)?;
            writeln!(out)?;
        } else {
            for line in self.text(&difference) {
                writeln!(out, "{line}")?;
            }
        }
        Ok(out.flush()?)
    }

    fn text(&self, difference: &Difference) -> Vec<String> {
        let head = |what: &str| vec![what.to_owned(), format!("run {}", self.a), format!("run {}", self.b)];
        let value = |value: &Option<Value>| value.as_ref().map_or_else(|| "-".to_owned(), word);
        let row = |field: &Field| vec![field.path.clone(), value(&field.a), value(&field.b)];
        let share = |value: &Option<Value>| {
            value.as_ref().and_then(Value::as_f64).map_or("-".to_owned(), |v| format!("{v:.4}"))
        };
        let score = |field: &Field| vec![field.path.clone(), share(&field.a), share(&field.b)];
        let mut all = Vec::new();
        let table = |what, rows: Vec<Vec<String>>| left(&std::iter::once(head(what)).chain(rows).collect::<Vec<_>>());
        if !difference.fields.is_empty() {
            all.extend(table("field", difference.fields.iter().map(row).collect()));
            all.push(String::new());
        }
        if !difference.scores.is_empty() {
            all.extend(table("score", difference.scores.iter().map(score).collect()));
            all.push(String::new());
        }
        if difference.predictions.identical() {
            all.push(format!("all {} predictions are the same, to the last bit", difference.predictions.shared));
            return all;
        }
        all.push(counted(&difference.predictions));
        let other: Vec<_> = difference.predictions.reclassified().collect();
        let rows = other
            .iter()
            .take(self.clips)
            .map(|one| vec![one.clip.clone(), one.truth[0].clone(), one.pred[0].clone(), one.pred[1].clone()]);
        let (a, b) = (format!("run {}", self.a), format!("run {}", self.b));
        let head = vec!["clip".to_owned(), "truth".to_owned(), a, b];
        if self.clips > 0 && !other.is_empty() {
            all.extend(left(&std::iter::once(head).chain(rows).collect::<Vec<_>>()));
            all.extend(other.len().checked_sub(self.clips + 1).map(|left| format!("and {} more", left + 1)));
        }
        all
    }
}

/// A value in a table: short, text without quotes.
fn word(value: &Value) -> String {
    let text = value.as_str().map_or_else(|| value.to_string(), str::to_owned);
    match text.chars().count() > WIDEST {
        true => text.chars().take(WIDEST - 1).chain(['…']).collect(),
        false => text,
    }
}

impl Remove {
    fn run(self) -> Result<()> {
        let mut store = store(&self.files)?;
        // Before anyone is asked.
        self.runs.iter().try_for_each(|&id| match store.has_run(id)? {
            true => Ok(()),
            false => bail!("no run {id} in {}; nothing was removed", store.path().display()),
        })?;
        let names = self.runs.iter().map(RunId::to_string).collect::<Vec<_>>().join(", ");
        if !self.yes && !agreed(&format!("remove run {names} with all predictions? [y/N] "))? {
            bail!("nothing was removed");
        }
        store.remove_runs(&self.runs)?;
        say(&format!("removed run {names}"));
        Ok(())
    }
}

/// Asks on the terminal.
fn agreed(question: &str) -> Result<bool> {
    ensure!(stdin().is_terminal(), "removing runs needs a terminal to ask on, or --yes");
    let mut talk = std::io::stderr().lock();
    write!(talk, "{question}").and_then(|()| talk.flush()).context("stderr")?;
    let mut answer = String::new();
    stdin().lock().read_line(&mut answer).context("standard input")?;
    Ok(["y", "yes"].contains(&answer.trim().to_lowercase().as_str()))
}
