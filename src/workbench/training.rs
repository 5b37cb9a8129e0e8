//! The running comparison as a screen sees it, and the two jobs that read and write runs.
//!
//! Deliberately absent: the fits themselves (see `experiment`).

use std::borrow::Cow;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::{Duration, Instant};

use anyhow::Result;

use super::curve::{Spending, curve};
use super::eta::Left;
use super::experiment::{Compared, Judged, News, Request, compare};
use super::kept::judged;
use super::live::Live;
use super::material::{Contender, Listener, contenders};
use super::summary::Summary;
use super::truth::{Wanted, from_store};
use super::{Settings, corpus_key};
use crate::corpus::Corpus;
use crate::features::cache::Cache;
use crate::job::{Job, Report, Watch};
use crate::store::{Run, RunId, Store};

/// Milliseconds between two reports of clips that are read.
const APART: u64 = 40;

/// A comparison: what was asked, how far it is, how it ended.
pub struct Training {
    /// Distinguishes it from earlier ones.
    pub(super) number: u64,
    /// What was asked.
    pub request: Request,
    /// How far it is, and all that it has told.
    pub live: Live,
    /// `None` while it runs; then how it ended.
    pub end: Option<Result<(), String>>,
    started: Instant,
    took: Option<Duration>,
    job: Job,
}

/// Lets through what a screen can show: of the clips that are read, thousands a second, a report now and then.
pub(super) struct Sieve {
    began: Instant,
    /// When one was let through last, in milliseconds.
    last: AtomicU64,
}

impl Sieve {
    pub(super) fn new() -> Sieve {
        Sieve { began: Instant::now(), last: AtomicU64::new(0) }
    }

    pub(super) fn lets(&self, report: &Report<News, Compared>) -> bool {
        self.lets_at(report, self.began.elapsed().as_millis() as u64)
    }

    fn lets_at(&self, report: &Report<News, Compared>, now: u64) -> bool {
        let Report::News(News::Reading { done, total, .. }) = report else { return true };
        if done < total && now < self.last.load(Ordering::Relaxed) + APART {
            return false;
        }
        self.last.store(now, Ordering::Relaxed);
        true
    }
}

impl Training {
    pub(super) fn new(number: u64, request: Request, job: Job) -> Training {
        Training { number, request, live: Live::default(), end: None, started: Instant::now(), took: None, job }
    }

    /// Distinguishes it from earlier ones.
    pub fn number(&self) -> u64 {
        self.number
    }

    /// True until the job has ended.
    pub fn is_running(&self) -> bool {
        self.end.is_none()
    }

    /// True once it has ended because somebody asked for it.
    pub fn was_cancelled(&self) -> bool {
        self.end.as_ref().is_some_and(|end| end.as_ref().is_err_and(|reason| reason == CANCELLED))
    }

    /// Time since the start, or the whole time once it has ended.
    pub fn elapsed(&self) -> Duration {
        self.took.unwrap_or_else(|| self.started.elapsed())
    }

    /// Share done, 0..1: classifiers counted alike, folds within the current one.
    pub fn share(&self) -> f64 {
        if self.end == Some(Ok(())) { 1.0 } else { self.live.share() }
    }

    /// Time left of everything, as far as it was measured; `None` before anything is and after the end.
    pub fn left(&self) -> Option<Left> {
        self.live.left(self.elapsed().as_secs_f64()).filter(|_| self.is_running())
    }

    /// Time left of the fit of a fold (from 0) that is under way.
    pub fn fit_left(&self, fold: usize) -> Option<Left> {
        self.live.fit_left(self.elapsed().as_secs_f64(), fold).filter(|_| self.is_running())
    }

    /// The settings of the nets at work, in words; nothing for other classifiers.
    pub fn net(&self) -> Vec<(String, String)> {
        let Some((model, ..)) = &self.live.model else { return Vec::new() };
        let title = |who: &Contender| self.request.recipe(who).is_ok_and(|(recipe, _)| recipe.title() == *model);
        let all = contenders(&self.request.models).unwrap_or_default();
        all.iter().find(|who| title(who)).map_or_else(Vec::new, |who| self.request.told(who))
    }

    pub(super) fn cancel(&self) {
        self.job.cancel();
    }

    pub(super) fn apply(&mut self, report: Report<News, Compared>) {
        match report {
            Report::News(news) => return self.live.hear(&news, self.elapsed().as_secs_f64()),
            Report::Done(_) => self.end = Some(Ok(())),
            Report::Cancelled => self.end = Some(Err(CANCELLED.to_owned())),
            Report::Failed(reason) => self.end = Some(Err(reason)),
        }
        self.took = Some(self.started.elapsed());
    }
}

/// How a training ended that was cancelled.
const CANCELLED: &str = "cancelled";

/// The comparison, or the learning curves where something is to be spent, as a job: its own cache and its own connection to the store, so that the UI thread waits for neither.
pub(super) fn compare_and_keep(
    corpus: &Corpus,
    (request, truth, spending): (&Request, Option<&Wanted>, Option<Spending>),
    settings: &Settings,
    watch: &dyn Watch<News>,
) -> Result<Compared> {
    let corpus = &match truth {
        Some(_) => Cow::Owned(from_store(corpus.clone(), truth, &settings.store)?),
        None => Cow::Borrowed(corpus),
    };
    let cache = Cache::open(&settings.cache);
    let listener = Listener { cache: &cache, preparation: settings.preparation };
    let mut keeper = Keeper::new(settings.store.clone());
    let mut keep = |run: &Run| keeper.keep(run).map(Some);
    let compared = match spending {
        None => compare(corpus, request, &listener, &mut keep, watch)?,
        Some(spending) => curve(corpus, (request, spending), &listener, &mut keep, watch)?,
    };
    if let Some(reason) = cache.trouble() {
        watch.tell(News::Trouble(format!("features are not kept for next time: {reason}")));
    }
    Ok(compared)
}

/// Saves runs; opens the store with the first one.
pub struct Keeper {
    path: PathBuf,
    store: Option<Store>,
}

impl Keeper {
    /// For the store at `path`.
    pub fn new(path: PathBuf) -> Keeper {
        Keeper { path, store: None }
    }

    /// Saves a run and gives its number.
    ///
    /// # Errors
    /// The store's.
    pub fn keep(&mut self, run: &Run) -> Result<RunId> {
        let store = match &mut self.store {
            Some(store) => store,
            empty => empty.insert(Store::open(&self.path)?),
        };
        Ok(store.save_run(run)?)
    }
}

/// All runs on `corpus` with their figures, newest first, and what is wrong with those that cannot be read.
pub(super) fn load_runs(store: &Path, corpus: &Corpus) -> (Vec<Arc<Judged>>, Vec<String>) {
    let (mut runs, mut problems) = (Vec::new(), Vec::new());
    let listed = Store::open(store).and_then(|store| Ok((store.runs(&corpus_key(corpus))?, store)));
    let (listed, store) = match listed {
        Ok(listed) => listed,
        Err(error) => return (runs, vec![error.to_string()]),
    };
    problems.extend(listed.problems.iter().map(|problem| format!("run {}: {}", problem.id.0, problem.reason)));
    for id in listed.runs.iter().filter_map(|head| head.id) {
        let judged = || -> Result<Option<Judged>> {
            let Some(run) = store.run(id)? else { return Ok(None) };
            Ok(Some(Judged { summary: Summary::of(&run)?, run }))
        };
        match judged() {
            Ok(judged) => runs.extend(judged.map(Arc::new)),
            Err(error) => problems.push(format!("{error:#}")),
        }
    }
    (runs, problems)
}

/// The newest run of each recipe in each cell of a matrix of corpora, whichever corpus it was tested on. What cannot be read
/// is told where the runs of its own corpus are listed.
pub(super) fn load_crossed(store: &Path) -> Vec<Arc<Judged>> {
    let Ok(store) = Store::open(store) else { return Vec::new() };
    let mut newest: Vec<Run> = Vec::new();
    for run in store.all_runs().map(|listed| listed.runs).unwrap_or_default() {
        let cell = |run: &Run| (run.protocol.data.target, run.protocol.plan.cross.clone());
        let known = newest.iter().any(|other| cell(other) == cell(&run) && other.recipe == run.recipe);
        if run.protocol.plan.cross.is_some() && !known {
            newest.push(run);
        }
    }
    newest.iter().filter_map(|run| judged(&store, run.id?).ok()).map(Arc::new).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn of_many_clips_read_a_report_comes_through_now_and_then_and_the_last_one_always() {
        let sieve = Sieve::new();
        let reading = |done| Report::News(News::Reading { set: "mfcc".to_owned(), done, total: 1000 });
        let through = (0..1000).filter(|clip| sieve.lets_at(&reading(*clip), 1000 + *clip as u64 / 10)).count();
        assert_eq!(through, 3, "100 ms of reports");
        assert!(sieve.lets_at(&reading(1000), 1100));
        assert!(sieve.lets_at(&Report::Cancelled, 1100));
    }
}
