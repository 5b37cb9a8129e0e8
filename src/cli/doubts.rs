//! `emolab doubts`: labels that are probably wrong, put before a lead among controls; and what came of it.

use std::collections::BTreeMap;
use std::io::Write;
use std::path::PathBuf;

use anyhow::{Context, Result, ensure};
use clap::Args;

use super::runs::store;
use super::table::lines;
use super::{Files, say, stdout};
use crate::corpus::ClipId;
use crate::label::gold::{GoldSet, How, decisions, labels, method};
use crate::label::{Annotation, Asked};
use crate::store::{Batch, Run, RunId, Store};
use crate::workbench::doubts::{Doubt, doubts, outcome, review};
use crate::workbench::{kept, key_of};

/// Arguments of `emolab doubts`.
#[derive(Debug, Args)]
pub struct Doubts {
    /// Folder or table of the corpus.
    path: PathBuf,
    /// A run whose predictions of clips that it had not learnt from are asked (emolab runs lists them).
    #[arg(long, value_name = "RUN", required_unless_present = "report")]
    run: Option<RunId>,
    /// Clips to look at again; as many controls come with them.
    #[arg(long, value_name = "N", default_value_t = 20)]
    top: usize,
    /// Of the controls and the order.
    #[arg(long, default_value_t = 0)]
    seed: u64,
    /// Name of the scheme whose labels are reviewed [default: that of the run's labels, else the corpus' own classes].
    #[arg(long, value_name = "NAME")]
    scheme: Option<String>,
    /// Show them: whoever decides should not look. Nothing is put before anybody then.
    #[arg(long)]
    show: bool,
    /// Tell what came of the last review: how many suspects got another label, and how many controls.
    #[arg(long, conflicts_with_all = ["run", "show"])]
    report: bool,
    /// Print JSON.
    #[arg(long)]
    json: bool,
    #[command(flatten)]
    files: Files,
}

impl Doubts {
    /// Ranks the labels, keeps the review, or tells of the last one.
    ///
    /// # Errors
    /// No such run, one of another corpus or in which speakers leak; a store that cannot be written; no review yet.
    pub fn run(self) -> Result<()> {
        let (mut store, key) = (store(&self.files)?, key_of(&self.path));
        let annotations = store.annotations(&key, None)?;
        let Some(id) = self.run else { return self.tell_outcome(&store, &key, &annotations) };
        let run = kept::judged(&store, id)?.run;
        ensure!(run.protocol.data.corpus_key == key, "run {id} is of {}", run.protocol.data.corpus_key);
        let scheme = self.scheme(&run);
        let all = doubts(&run, gold(&annotations, &run, &scheme).as_ref())?;
        if self.show {
            return self.tell(&all);
        }
        let decided = decisions(&annotations, &scheme, question(&run));
        let batch = review(&all, (self.top, self.seed), &decided, format!("run {id}: {}", run.recipe.title()));
        store.save_batch(&key, &scheme, &batch)?;
        let clips = batch.clips.len();
        say(&format!(
            "{clips} clips, controls among them, wait in Adjudicate for --scheme {scheme}; then: emolab doubts --report"
        ));
        Ok(())
    }

    fn scheme(&self, run: &Run) -> String {
        let of_run = run.protocol.data.truth.as_ref().map(|truth| truth.scheme.clone());
        self.scheme.clone().or(of_run).unwrap_or_else(|| run.protocol.data.corpus.clone())
    }

    fn tell(&self, all: &[Doubt]) -> Result<()> {
        let mut out = stdout();
        let top = &all[..self.top.min(all.len())];
        if self.json {
            serde_json::to_writer_pretty(&mut out, top)?;
            writeln!(out)?;
        } else {
            let head =
                ["file", "label", "rather", "p of label %", "raters against %", "doubt %"].map(str::to_owned).to_vec();
            let percent = |share: f64| format!("{:.1}", 100.0 * share);
            let row = |one: &Doubt| {
                let words = [one.clip.0.to_string(), one.label.clone(), one.instead.clone()];
                [words.to_vec(), [one.p, one.raters, one.score].map(percent).to_vec()].concat()
            };
            let rows: Vec<Vec<String>> = std::iter::once(head).chain(top.iter().map(row)).collect();
            lines(&rows).iter().try_for_each(|line| writeln!(out, "{line}"))?;
        }
        Ok(out.flush()?)
    }

    fn tell_outcome(&self, store: &Store, key: &str, annotations: &[Annotation]) -> Result<()> {
        let scheme = self.scheme.clone().or_else(|| annotations.last().map(|one| one.scheme.name.clone()));
        let scheme = scheme.context("nobody has labelled this corpus yet")?;
        let reviews: Vec<Batch> = store.batches(key, &scheme)?.into_iter().filter(Batch::is_review).collect();
        let last = reviews.last().with_context(|| format!("no review of {scheme} yet: emolab doubts --run"))?;
        let id: Option<RunId> =
            last.by.strip_prefix("run ").and_then(|rest| rest.split(':').next()?.parse().ok().map(RunId));
        let run = kept::judged(store, id.context("the review does not name its run")?)?.run;
        let before: BTreeMap<ClipId, String> =
            run.predictions.iter().map(|one| (one.clip.clone(), run.classes()[one.truth].clone())).collect();
        let found = outcome(last, &before, &decisions(annotations, &scheme, question(&run)));
        let mut out = stdout();
        if self.json {
            serde_json::to_writer_pretty(&mut out, &found)?;
            writeln!(out)?;
        } else {
            for (who, [seen, changed]) in [("suspects", found.suspects), ("controls", found.controls)] {
                writeln!(out, "{who}: {changed} of {seen} that were decided got another label")?;
            }
        }
        Ok(out.flush()?)
    }
}

/// The question that the run's labels answer.
fn question(run: &Run) -> &str {
    run.protocol.data.truth.as_ref().map_or("", |truth| &truth.question)
}

/// How far people agree on it, if anybody rated.
fn gold(annotations: &[Annotation], run: &Run, scheme: &str) -> Option<GoldSet> {
    let asked = Asked { scheme, question: question(run), ..Asked::default() };
    labels(annotations, &asked, How::plain(method("majority")?)).ok()
}
