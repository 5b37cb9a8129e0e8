//! How everybody who labels this corpus is doing, kept up to date while they do: a job that reads the store every few seconds.
//!
//! Deliberately absent: the figures themselves (see `label::quality`), and agreement between people (see `agree`).

use std::sync::Arc;
use std::time::Duration;

use anyhow::{Result, bail};

use super::{Opening, Update, Workbench, corpus_key};
use crate::job::{Job, Report};
use crate::label::{Quality, quality};
use crate::store::Store;

/// Between two looks at the store.
const LOOK: Duration = Duration::from_secs(3);
/// Between two looks at whether to stop.
const STEP: Duration = Duration::from_millis(50);

/// The job and its last figures.
#[derive(Default)]
pub(super) struct Watched {
    number: u64,
    job: Option<Job>,
    found: Option<Result<Arc<Vec<Quality>>, String>>,
}

impl Workbench {
    /// Has the figures of everybody who labels worked out, and again whenever somebody has said more; also what other processes
    /// write. Does nothing while that is being done.
    ///
    /// # Errors
    /// The corpus is not open; no thread.
    pub fn watch_raters(&mut self) -> Result<()> {
        if self.opening != Opening::Open {
            bail!(self.not_open());
        }
        if self.watched.job.is_some() {
            return Ok(());
        }
        self.watched.number += 1;
        let (number, send) = (self.watched.number, self.send.clone());
        let (path, key) = (self.settings.store.clone(), corpus_key(&self.corpus));
        let (scheme, round) = (self.labels.scheme.clone(), self.round().clone());
        let report = move |report| drop(send.send(Update::Raters(number, report)));
        let job = Job::spawn("raters", report, move |watch| {
            let (store, mut seen) = (Store::open(&path)?, None);
            loop {
                let newest = store.newest()?;
                if seen != Some(newest) {
                    let all = store.annotations(&key, None)?;
                    watch.tell(quality(&all, &scheme.name, &scheme.questions, &round));
                    seen = Some(newest);
                }
                for _ in 0..LOOK.as_millis() / STEP.as_millis() {
                    watch.check()?;
                    std::thread::sleep(STEP);
                }
            }
        })?;
        self.watched.job = Some(job);
        Ok(())
    }

    /// Works them out no more.
    pub fn unwatch_raters(&mut self) {
        // Dropped: asked to stop. What it still reports is of an old number.
        (self.watched.job, self.watched.number) = (None, self.watched.number + 1);
    }

    /// The figures of everybody, by name: `None` until they are there, an error where the store cannot be read.
    pub fn raters(&self) -> Option<Result<&Arc<Vec<Quality>>, &str>> {
        self.watched.found.as_ref().map(|found| found.as_ref().map_err(String::as_str))
    }

    pub(super) fn rated(&mut self, number: u64, report: Report<Vec<Quality>, ()>) -> bool {
        if number != self.watched.number {
            return false;
        }
        match report {
            Report::News(found) => self.watched.found = Some(Ok(Arc::new(found))),
            Report::Done(()) | Report::Cancelled => self.watched.job = None,
            Report::Failed(reason) => (self.watched.job, self.watched.found) = (None, Some(Err(reason))),
        }
        true
    }
}
