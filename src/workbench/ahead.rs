//! Retraining while labelling goes on: after so many labels a job learns from all there are, points at the next clips and puts
//! them first in the queue.
//!
//! Deliberately absent: what is asked of it (the lead's `Round::ahead`), and the choice (see `next`).

use std::sync::Arc;
use std::sync::mpsc::Sender;

use anyhow::{Result, ensure};

use super::material::Listener;
use super::next::{Wish, propose};
use super::truth::{Wanted, from_store};
use super::{Settings, Update, Workbench, corpus_key};
use crate::corpus::Corpus;
use crate::features::cache::Cache;
use crate::job::{Job, Report, Watch};
use crate::label;
use crate::store::{Batch, Store};

use super::experiment::News;

/// The job, and when it ran last.
#[derive(Debug, Default)]
pub(super) struct Ahead {
    number: u64,
    job: Option<Job>,
    /// Clips this annotator had labelled then.
    since: usize,
    trouble: Option<String>,
}

impl Ahead {
    /// A session begins: what was labelled since the last full step counts.
    pub(super) fn begin(&mut self, labelled: usize, round: &label::Round) {
        let every = round.ahead.as_ref().map_or(1, |asked| asked.every.max(1));
        self.since = self.since.max(labelled - labelled % every);
    }
}

impl Workbench {
    /// Starts the job when enough was labelled since the last one and nothing else needs the processor.
    pub(super) fn look_ahead(&mut self) {
        let labelled = self.ledger().labelled_count();
        let Some(asked) = self.round().ahead.clone().filter(|asked| labelled >= self.ahead.since + asked.every) else {
            return;
        };
        let busy = self.training.as_ref().is_some_and(super::Training::is_running) || self.rankings.is_running();
        if busy || self.ahead.job.is_some() {
            return;
        }
        let (corpus, settings, scheme) = (Arc::clone(&self.corpus), self.settings.clone(), self.scheme().name.clone());
        let number = self.ahead.number + 1;
        let report = report(number, self.send.clone());
        let job = Job::spawn("ahead", report, move |watch| choose(&corpus, &asked, (&settings, &scheme), watch));
        self.ahead.number = number;
        self.ahead.since = labelled;
        match job {
            Ok(job) => self.ahead.job = Some(job),
            Err(error) => self.ahead.trouble = Some(error.to_string()),
        }
    }

    /// Whether clips are being chosen just now.
    pub fn is_looking_ahead(&self) -> bool {
        self.ahead.job.is_some()
    }

    /// Why the last choice failed, if it did; labelling goes on in the order there was.
    pub fn ahead_trouble(&self) -> Option<&str> {
        self.ahead.trouble.as_deref()
    }

    pub(super) fn looked_ahead(&mut self, number: u64, report: Report<News, Option<Batch>>) -> bool {
        if number != self.ahead.number {
            return false;
        }
        match report {
            Report::News(_) => return false,
            Report::Done(batch) => {
                self.ahead.trouble = None;
                if let Some(batch) = batch {
                    let first: Vec<_> = batch.clips.into_iter().map(|one| one.clip).collect();
                    self.order_clips(&first);
                }
            }
            Report::Cancelled => {}
            Report::Failed(reason) => self.ahead.trouble = Some(reason),
        }
        self.ahead.job = None;
        true
    }
}

fn report(number: u64, send: Sender<Update>) -> impl Fn(Report<News, Option<Batch>>) + Send + Sync + 'static {
    move |report| drop(send.send(Update::Ahead(number, report)))
}

/// The next batch, kept; `None` where another process has just chosen one.
fn choose(
    corpus: &Corpus,
    asked: &label::Ahead,
    (settings, scheme): (&Settings, &str),
    watch: &dyn Watch<News>,
) -> Result<Option<Batch>> {
    let wanted = Wanted { method: "majority".to_owned(), scheme: Some(scheme.to_owned()), ..Wanted::default() };
    let known = from_store(corpus.clone(), Some(&wanted), &settings.store)?;
    let labelled = known.truth.as_ref().map_or(0, |truth| truth.labelled);
    let mut store = Store::open(&settings.store)?;
    let last = store.batches(&corpus_key(corpus), scheme)?.into_iter().rfind(|batch| !batch.is_review());
    if last.is_some_and(|last| labelled < last.labelled + asked.every) {
        return Ok(None);
    }
    let wish = Wish {
        model: asked.model.clone(),
        features: asked.features.clone(),
        size: asked.size,
        method: asked.way.parse()?,
        seed: labelled as u64,
        ..Wish::default()
    };
    let cache = Cache::open(&settings.cache);
    let batch = propose(&known, &wish, &Listener { cache: &cache, preparation: settings.preparation }, watch)?;
    ensure!(!batch.clips.is_empty(), "nothing to choose from");
    store.save_batch(&corpus_key(corpus), scheme, &batch)?;
    Ok(Some(batch))
}
