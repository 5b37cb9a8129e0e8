//! `emolab next`: which clips to label next, and whether pointing at them is worth it.

use std::io::Write;

use anyhow::{Context, Result};
use clap::Args;

use super::compare::{TruthArgs, tell_cache, tell_problems};
use super::prepare::{Prepare, set_name};
use super::progress::Progress;
use super::table::{lines, percent};
use super::{Files, Place, opened, say, stdout};
use crate::corpus::Corpus;
use crate::features::cache::Cache;
use crate::label::{Annotation, Occasion};
use crate::learn::Norm;
use crate::store::{Batch, Store};
use crate::workbench::corpus_key;
use crate::workbench::material::Listener;
use crate::workbench::next::trial::{Difference, Step, Stop, logged, simulate, stop};
use crate::workbench::next::{Method, Wish, propose};

/// Arguments of `emolab next`.
#[derive(Debug, Args)]
pub struct Next {
    #[command(flatten)]
    place: Place,
    /// Classifier that learns from the labels there are.
    #[arg(long, value_parser = super::classifier_named, default_value = "linear-svm", value_name = "NAME")]
    model: String,
    /// Feature set [default: the usual one of the classifier].
    #[arg(long, value_name = "SET", value_parser = set_name)]
    features: Option<String>,
    /// Scaling: none, train or speaker.
    #[arg(long, default_value_t = Norm::Train)]
    norm: Norm,
    /// Clips in a batch.
    #[arg(long, value_name = "N", default_value_t = 20, value_parser = clap::value_parser!(u32).range(1..=100_000))]
    size: u32,
    /// uncertain (and unlike each other), random, or both: half of each.
    #[arg(long, default_value = "both", value_name = "WAY")]
    method: Method,
    /// Of everything random.
    #[arg(long, default_value_t = 0)]
    seed: u64,
    #[command(flatten)]
    truth: TruthArgs,
    /// Do not keep the batch: the queues stay as they are.
    #[arg(long)]
    no_save: bool,
    /// Tell what the batches brought so far, each way, and what the later half of the labels did.
    #[arg(long, conflicts_with = "simulate")]
    curves: bool,
    /// Try both ways on the labels there are, as if none were known: so many batches.
    #[arg(long, value_name = "BATCHES")]
    simulate: Option<usize>,
    /// Repeat that with so many seeds.
    #[arg(long, value_name = "N", default_value_t = 5, requires = "simulate", value_parser = clap::value_parser!(u32).range(1..=1000))]
    seeds: u32,
    /// Print JSON; scores are fractions.
    #[arg(long)]
    json: bool,
    /// No progress.
    #[arg(long, short)]
    quiet: bool,
    #[command(flatten)]
    files: Files,
    #[command(flatten)]
    prepare: Prepare,
}

impl Next {
    /// Scans, learns, points at clips, keeps the batch.
    ///
    /// # Errors
    /// As [`propose`], [`logged`] and [`simulate`]; the store's.
    pub fn run(self) -> Result<()> {
        let progress = Progress::new(self.quiet)?;
        let scanned = opened(&self.place.path, self.place.corpus().as_deref(), &self.files, &progress)?;
        tell_problems(&scanned);
        // Labels of the corpus itself are only pretended not to be there.
        let corpus = match self.simulate {
            Some(_) => self.truth.apply(scanned, &self.files)?,
            None => self.truth.or_majority().apply(scanned, &self.files)?,
        };
        let cache = Cache::open(&self.files.cache()?);
        let listener = Listener { cache: &cache, preparation: self.prepare.preparation(self.features.as_deref()) };
        let told = match self.simulate {
            Some(batches) => {
                let steps = simulate(&corpus, &self.wish(), (batches, self.seeds as usize), &listener, &progress)?;
                self.steps(&steps, None)?
            }
            None if self.curves => self.curves(&corpus, &listener, &progress)?,
            None => self.propose(&corpus, &listener, &progress)?,
        };
        progress.end();
        tell_cache(&cache);
        let mut out = stdout();
        told.iter().try_for_each(|line| writeln!(out, "{line}"))?;
        Ok(out.flush()?)
    }

    fn wish(&self) -> Wish {
        let (model, features) = (self.model.clone(), self.features.clone());
        Wish { model, features, norm: self.norm, size: self.size as usize, method: self.method, seed: self.seed }
    }

    fn propose(&self, corpus: &Corpus, listener: &Listener<'_>, progress: &Progress) -> Result<Vec<String>> {
        let batch = propose(corpus, &self.wish(), listener, progress)?;
        let scheme = corpus.truth.as_ref().map(|truth| truth.scheme.clone()).context("no scheme")?;
        if !self.no_save {
            Store::open(&self.files.store()?)?.save_batch(&corpus_key(corpus), &scheme, &batch)?;
            say(&format!("kept: these {} clips come first in every queue of {scheme}", batch.clips.len()));
        }
        if self.json {
            return Ok(vec![serde_json::to_string_pretty(&batch)?]);
        }
        Ok(told(&batch))
    }

    fn curves(&self, corpus: &Corpus, listener: &Listener<'_>, progress: &Progress) -> Result<Vec<String>> {
        let store = Store::open(&self.files.store()?)?;
        let (key, truth) = (corpus_key(corpus), corpus.truth.as_ref().context("no scheme")?);
        let batches = store.batches(&key, &truth.scheme)?;
        let order = first_said(&store.annotations(&key, None)?, &truth.scheme);
        let stop = stop(corpus, &self.wish(), &order, listener, progress)?;
        let steps = logged(corpus, &self.wish(), &batches, listener, progress)?;
        self.steps(&steps, Some(&stop))
    }

    fn steps(&self, steps: &[Step], stop: Option<&Stop>) -> Result<Vec<String>> {
        if self.json {
            let all = serde_json::json!({ "model": self.model, "norm": self.norm, "steps": steps, "stop": stop });
            return Ok(vec![serde_json::to_string_pretty(&all)?]);
        }
        let mut all = vec![format!("{}, norm {}; speakers are kept apart", self.model, self.norm)];
        if !steps.is_empty() {
            let head = ["labels", "uncertain UAR %", "random UAR %", "difference, points"].map(str::to_owned).to_vec();
            let rows: Vec<Vec<String>> = std::iter::once(head).chain(steps.iter().map(row)).collect();
            all.extend(lines(&rows));
        }
        all.extend(stop.map(stopping));
        Ok(all)
    }
}

/// The labelled clips in the order of their first answer.
fn first_said(annotations: &[Annotation], scheme: &str) -> Vec<crate::corpus::ClipId> {
    let mut seen = std::collections::HashSet::new();
    let said = annotations.iter().filter(|one| one.occasion == Occasion::Main && one.scheme.name == scheme);
    let answers = said.filter(|one| one.act.word() == "label");
    answers.filter(|one| seen.insert(&one.clip)).map(|one| one.clip.clone()).collect()
}

fn told(batch: &Batch) -> Vec<String> {
    let head = vec![format!("by {}; {} clips labelled", batch.by, batch.labelled)];
    let rows: Vec<Vec<String>> =
        batch.clips.iter().map(|one| vec![one.clip.0.to_string(), one.method.clone()]).collect();
    head.into_iter().chain(lines(&rows)).collect()
}

fn row(step: &Step) -> Vec<String> {
    let uar = |way: Option<(f64, Option<f64>)>| match way {
        Some((mean, Some(sd))) => format!("{} ± {}", percent(Some(mean)), percent(Some(sd))),
        way => percent(way.map(|(mean, _)| mean)),
    };
    let [own, other] = step.labels.map(|labels| format!("{labels:.0}"));
    let labels = if own == other { own } else { format!("{own}, {other}") };
    let difference = step.difference.as_ref().map_or_else(|| "-".to_owned(), interval);
    vec![labels, uar(step.uncertain), uar(step.random), difference]
}

fn interval(difference: &Difference) -> String {
    let [value, low, high] = [difference.value, difference.low, difference.high].map(|share| 100.0 * share);
    format!("{value:+.1} [{low:+.1}, {high:+.1}]")
}

/// Whether to stop, in words; what to make of it is the reader's.
fn stopping(stop: &Stop) -> String {
    let [all, half] = stop.labels;
    let [now, then] = stop.uar.map(percent);
    let gain = match &stop.gain {
        Some(gain) if gain.low > 0.0 => {
            format!("the later half brought {} points: more labels are still likely to help", interval(gain))
        }
        Some(gain) => format!("the later half brought {} points: no evidence that labels still help", interval(gain)),
        None => "what the later half brought cannot be told".to_owned(),
    };
    format!("stop here? UAR {now} with {all} labels, {then} with the first {half}; {gain}")
}

impl TruthArgs {
    /// The same, with the majority in place of the corpus.
    fn or_majority(&self) -> TruthArgs {
        if self.is_corpus() { self.with_method("majority") } else { self.clone() }
    }
}
