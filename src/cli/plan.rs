//! `emolab plan`: the folds of a plan, counted and looked through for leaks, and a file of them for others.
//!
//! Deliberately absent: fitting anything.

use std::io::Write;
use std::path::PathBuf;

use anyhow::{Context, Result};
use clap::Args;
use serde_json::{Value, json};

use super::compare::tell_problems;
use super::progress::Progress;
use super::table::lines;
use super::{Files, Place, opened, say, stdout};
use crate::corpus::plan::{Count, Maker, Plan, PlanFile, audit, most_uneven};
use crate::corpus::{Corpus, LeakKind, Target, Task, task};
use crate::features::cache::Cache;
use crate::file::write_whole;
use crate::learn::Norm;
use crate::workbench::copies::copies;
use crate::workbench::folds::{Planned, default_plan};

/// Arguments of `emolab plan`.
#[derive(Debug, Args)]
pub struct ShowPlan {
    #[command(flatten)]
    place: Place,
    /// As for compare: loso, speakers:K, sentences:K, speakers+sentences[:KxL], random:K, given:COLUMN, folds:FILE.
    #[arg(long)]
    plan: Option<Plan>,
    /// emotion, sex or sex+emotion.
    #[arg(long, default_value_t = Target::Emotion)]
    target: Target,
    /// Seed of the plan.
    #[arg(long, default_value_t = 0)]
    seed: u64,
    /// Leaks that are no failure: speaker, session, sentence or audio; again for each.
    #[arg(long, value_name = "KIND")]
    allow_leak: Vec<LeakKind>,
    /// Write the folds: JSON, or CSV if the name ends so; --plan folds:FILE reads both.
    #[arg(long, short, value_name = "FILE")]
    out: Option<PathBuf>,
    /// Print JSON.
    #[arg(long)]
    json: bool,
    /// No progress.
    #[arg(long, short)]
    quiet: bool,
    #[command(flatten)]
    files: Files,
}

impl ShowPlan {
    /// Scans, plans, prints, writes; fails with 3 where the plan leaks.
    pub fn run(self) -> Result<()> {
        let progress = Progress::new(self.quiet)?;
        let corpus = opened(&self.place.path, self.place.corpus().as_deref(), &self.files, &progress)?;
        tell_problems(&corpus);
        let task = task(&corpus, self.target)?;
        let copies = copies(&corpus, &task, &Cache::open(&self.files.cache()?), &progress)?;
        progress.end();
        let plan = self.plan.clone().unwrap_or_else(|| default_plan(&corpus));
        let allowed = self.allow_leak.iter().copied().collect();
        let planned = Planned::of(&task, &plan, (self.seed, &allowed), &copies)?;
        let mut out = stdout();
        if self.json {
            serde_json::to_writer_pretty(&mut out, &self.json_of(&corpus, &task, &planned))?;
            writeln!(out)?;
        } else {
            self.text(&corpus, &task, &planned).iter().try_for_each(|line| writeln!(out, "{line}"))?;
        }
        out.flush()?;
        if let Some(path) = &self.out {
            let origin = Maker { plan: &plan, seed: self.seed, corpus: &corpus.name, target: &self.target.to_string() };
            let text = PlanFile::of(&planned.layout, &task.traits.ids, origin).text(path)?;
            write_whole(path, |out| out.write_all(&text)).with_context(|| path.display().to_string())?;
            say(&format!("{}: {} folds", path.display(), planned.splits().len()));
        }
        Ok(planned.hold()?)
    }

    fn text(&self, corpus: &Corpus, task: &Task, planned: &Planned) -> Vec<String> {
        let counts = audit(task, planned.splits());
        let mut all = vec![format!(
            "{}: {}, {} clips, {} speakers, {} classes; plan {} ({} folds), seed {}",
            corpus.name,
            self.target,
            task.rows.len(),
            task.known_speakers(),
            task.classes.len(),
            planned.plan,
            counts.len(),
            self.seed
        )];
        if planned.speakers_leak() {
            all.push("SPEAKERS LEAK: the same voices are in training and test".to_owned());
        }
        all.extend(planned.notes(task, Norm::Train));
        all.push(String::new());
        let head = ["fold", "train", "test", "speakers", "female", "male"].map(str::to_owned);
        let head = head.into_iter().chain(task.classes.iter().cloned()).collect();
        all.extend(lines(&std::iter::once(head).chain(counts.iter().map(row)).collect::<Vec<_>>()));
        all.push(String::new());
        // Less than a twentieth of a point would be shown as none.
        let uneven = most_uneven(task, &counts).filter(|(.., points)| points.abs() >= 0.05);
        if let Some((fold, class, points)) = uneven {
            all.push(format!("least even: {class} in {fold}, {points:+.1} points from its share of the corpus"));
        }
        for one in counts.iter().filter(|one| !one.untested.is_empty()) {
            all.push(format!("{}: tests no {}; recall there is undefined", one.fold, one.untested.join(", ")));
        }
        all
    }

    fn json_of(&self, corpus: &Corpus, task: &Task, planned: &Planned) -> Value {
        json!({
            "corpus": corpus.name, "target": self.target, "clips": task.rows.len(),
            "speakers": task.known_speakers(), "classes": task.classes, "plan": planned.plan.to_string(),
            "seed": self.seed, "speakers_leak": planned.speakers_leak(), "notes": planned.notes(task, Norm::Train),
            "leaks": planned.leaks, "folds": audit(task, planned.splits()),
        })
    }
}

fn row(one: &Count) -> Vec<String> {
    let numbers = [one.train, one.test, one.speakers, one.female, one.male];
    let numbers = numbers.iter().chain(&one.classes).map(usize::to_string);
    std::iter::once(one.fold.clone()).chain(numbers).collect()
}
