//! Where what was said is kept: in the store, and in the recovery journal for as long as the store cannot take it.
//!
//! What [`Safe::append`] has taken is on a disk, in one place or the other; which one it was is told by
//! [`Safe::standing`]. As soon as the store takes writes again, what waits goes there, in order, before anything new.
//! Deliberately absent: reading labels.

use std::collections::HashMap;
use std::path::{Path, PathBuf};
use std::time::Duration;

use anyhow::{Result, anyhow};

use super::{Opening, Update, Workbench};
use crate::label::{Annotation, AnnotationId, Annotator, NewAnnotation, SchemeId};
use crate::store::{Finding, Journal, Recovered, Recut, Store, StoreError, Waiting, renumbered, sensible};

/// How long a key may wait for another process: at first, and while labels wait in the journal anyway.
const PATIENCE: [Duration; 2] = [Duration::from_secs(2), Duration::from_millis(50)];

/// The store and its journal.
#[derive(Debug)]
pub struct Safe {
    path: PathBuf,
    store: Result<Store, StoreError>,
    journal: Journal,
    /// Why the store took nothing last.
    trouble: Option<String>,
    /// Why the journal took nothing last.
    lost: Option<String>,
    /// The numbers in the store of what had waited.
    ids: HashMap<AnnotationId, AnnotationId>,
    news: Vec<String>,
}

/// Where labels go at present.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Standing<'a> {
    /// Into the store.
    Store,
    /// Into the recovery journal: how many wait there, and why the store does not take them.
    Journal(usize, &'a str),
    /// Nowhere; why.
    Nowhere(&'a str),
}

/// What was kept.
#[derive(Debug)]
pub struct Kept {
    /// With the number of the place where it is.
    pub said: Annotation,
    /// True when what waited is in the store now, under other numbers than before.
    pub renumbered: bool,
}

/// What waits in the folder `journals` for the store at `path`, left by processes that have ended.
pub fn journal_finding(journals: &Path, path: &Path) -> Finding {
    let (what, journal) = ("recovery journal", Journal::open(journals, path));
    let folder = journal.folder().display();
    if let Some(trouble) = journal.troubles().first() {
        return Finding::bad(what, format!("{trouble}; its other lines are recovered, the file is kept"));
    }
    match journal.waiting().len() {
        0 => Finding::good(what, "nothing waits"),
        waiting => {
            let advice = "they go into the store the next time emolab label starts and the store can be written";
            Finding::bad(what, format!("{waiting} labels wait in {folder}; {advice}"))
        }
    }
}

/// How long the store is left alone before labels that wait are offered to it again.
const RETRY: Duration = Duration::from_secs(3);

impl Workbench {
    /// Where labels are saved at present.
    pub fn standing(&self) -> Standing<'_> {
        self.safe.standing()
    }

    /// What the user should hear of, once: labels recovered, cautions about the store.
    pub fn take_news(&mut self) -> Vec<String> {
        self.safe.take_news()
    }

    /// Something that the user should hear of at the start.
    pub fn tell(&mut self, news: String) {
        self.safe.news.push(news);
    }

    /// Has the store tried again in a while, if it took nothing last.
    pub(super) fn retry_later(&mut self) {
        if self.retrying || self.safe.standing() == Standing::Store {
            return;
        }
        let send = self.send.clone();
        let wait = move || {
            std::thread::sleep(RETRY);
            drop(send.send(Update::Retry));
        };
        // Without a thread the next label tries.
        self.retrying = std::thread::Builder::new().name("retry".to_owned()).spawn(wait).is_ok();
    }

    /// Tries it.
    pub(super) fn retry(&mut self) -> bool {
        self.retrying = false;
        if self.safe.retry() && self.opening == Opening::Open {
            self.reload_labels();
        }
        self.retry_later();
        true
    }
}

impl Safe {
    /// Opens the store at `path` and brings what an earlier session left in `journals` into it. A store that cannot be
    /// opened is no error: what is said then waits in the journal.
    pub fn open(path: &Path, journals: &Path) -> Safe {
        let store = Store::open(path);
        let mut safe = Safe {
            path: path.to_owned(),
            journal: Journal::open(journals, path),
            trouble: None,
            store,
            lost: None,
            ids: HashMap::new(),
            news: Vec::new(),
        };
        safe.news.extend(safe.journal.troubles().iter().map(|trouble| format!("recovery journal: {trouble}")));
        match &safe.store {
            Ok(store) if store.is_read_only() => {
                safe.doubt(format!("{}: you may read it, not write it", safe.path.display()));
            }
            Ok(store) => {
                safe.news.extend(store.cautions().iter().cloned());
                safe.empty_journal();
            }
            Err(error) => {
                let reason = error.to_string();
                safe.doubt(reason);
            }
        }
        safe
    }

    /// The store, to read from.
    ///
    /// # Errors
    /// Why it could not be opened.
    pub fn store(&self) -> Result<&Store, &StoreError> {
        self.store.as_ref()
    }

    /// Keeps what a scheme asks, so that its version never means something else (see [`Store::keep_shape`]).
    ///
    /// # Errors
    /// That version asked something else before. A store that takes nothing is no error: it is told by [`Safe::standing`].
    pub fn keep_shape(&mut self, scheme: &SchemeId, shape: &str) -> Result<bool, StoreError> {
        let (None, Ok(store)) = (&self.trouble, &mut self.store) else { return Ok(false) };
        match store.keep_shape(scheme, shape) {
            Ok(()) => Ok(true),
            Err(error @ StoreError::Refused(_)) => Err(error),
            // The label itself tells what is wrong with the store.
            Err(_) => Ok(false),
        }
    }

    /// Keeps changes to the parts of recordings (see [`Store::recut`]). They do not go into the journal: who cuts waits until the
    /// store takes it.
    ///
    /// # Errors
    /// Why the store takes nothing; nothing is kept then.
    pub fn recut(&mut self, corpus_key: &str, who: &Annotator, changes: &[Recut]) -> Result<Vec<Recut>> {
        self.retry();
        match (&self.trouble, &mut self.store) {
            (None, Ok(store)) => Ok(store.recut(corpus_key, who, changes)?),
            (Some(trouble), _) => Err(anyhow!("{trouble}")),
            (None, Err(error)) => Err(anyhow!("{error}")),
        }
    }

    /// What waits in the journal.
    pub fn waiting(&self) -> &[Waiting] {
        self.journal.waiting()
    }

    /// Where the next label goes.
    pub fn standing(&self) -> Standing<'_> {
        match (&self.trouble, &self.lost) {
            (None, _) => Standing::Store,
            (Some(reason), None) => Standing::Journal(self.journal.waiting().len(), reason),
            (Some(_), Some(lost)) => Standing::Nowhere(lost),
        }
    }

    /// What the user should hear of, once.
    pub fn take_news(&mut self) -> Vec<String> {
        self.news.iter().for_each(|news| log::info!("told: {news}"));
        std::mem::take(&mut self.news)
    }

    /// Takes the store for unusable: it could not be read.
    pub fn distrust(&mut self, error: &StoreError) {
        self.doubt(error.to_string());
    }

    fn doubt(&mut self, reason: String) {
        if self.trouble.as_ref() != Some(&reason) {
            log::warn!("the store takes nothing: {reason}");
        }
        self.trouble = Some(reason);
    }

    /// Keeps one act. It is on a disk when this returns.
    ///
    /// # Errors
    /// It makes no sense, or neither the store nor the journal takes it; nothing is kept then.
    pub fn append(&mut self, corpus_key: &str, mut new: NewAnnotation) -> Result<Kept> {
        sensible(&new)?;
        let renumbered_now = self.trouble.is_some() && self.retry();
        new.act = renumbered(new.act, &self.ids);
        if let (None, Ok(store)) = (&self.trouble, &mut self.store) {
            match store.append(corpus_key, &new) {
                Ok(said) => return Ok(Kept { said, renumbered: renumbered_now }),
                Err(error @ StoreError::Refused(_)) => return Err(error.into()),
                Err(error) => self.doubt(error.to_string()),
            }
        }
        let kept = self.journal.append(corpus_key, &new);
        self.lost = kept.as_ref().err().map(|error| {
            let trouble = self.trouble.as_deref().unwrap_or_default();
            format!("{trouble}; nor does the recovery journal take it: {error}")
        });
        match kept {
            Ok(said) => Ok(Kept { said, renumbered: renumbered_now }),
            Err(_) => Err(anyhow!(self.lost.clone().unwrap_or_default())),
        }
    }

    /// Tries the store again, if it took nothing last. True when what waited is there now, under other numbers.
    pub fn retry(&mut self) -> bool {
        if self.trouble.is_none() {
            return false;
        }
        // Opened anew: the old file may be gone, repaired, or another. What cannot be opened stays as it was.
        match Store::open_existing(&self.path) {
            Ok(store) if store.is_read_only() => return false,
            Ok(store) => self.store = Ok(store),
            Err(_) if self.store.is_ok() => {}
            Err(error) => {
                self.doubt(error.to_string());
                return false;
            }
        }
        self.empty_journal()
    }

    /// Brings what waits into the store. True when something waited.
    fn empty_journal(&mut self) -> bool {
        let Ok(store) = &mut self.store else { return false };
        let waited = self.journal.waiting().len();
        let recovered = store
            .wait_at_most(PATIENCE[usize::from(self.trouble.is_some())])
            .and_then(|()| if waited == 0 { store.prove() } else { Ok(()) })
            .and_then(|()| store.recover(self.journal.waiting()))
            .and_then(|recovered| store.wait_at_most(PATIENCE[0]).map(|()| recovered));
        match recovered {
            Err(error) => {
                self.doubt(error.to_string());
                false
            }
            Ok(recovered) => {
                (self.trouble, self.lost) = (None, None);
                self.settle(&recovered);
                self.ids.extend(recovered.ids);
                waited > 0
            }
        }
    }

    /// The store has what waited; tells of it.
    fn settle(&mut self, recovered: &Recovered) {
        if self.journal.waiting().is_empty() {
            return;
        }
        let earlier = self.journal.earlier();
        let labels = |count: usize| if count == 1 { "1 label".to_owned() } else { format!("{count} labels") };
        let here = self.journal.waiting().len() - earlier;
        if earlier > 0 {
            let were = if earlier == 1 { "was" } else { "were" };
            self.news.push(format!("{} of an earlier session {were} recovered", labels(earlier)));
        }
        if here > 0 {
            self.news.push(format!("the store takes labels again; {} of the journal went there", labels(here)));
        }
        let kept = match self.journal.settle(!recovered.refused.is_empty()) {
            Ok(kept) => kept,
            Err(error) => return self.news.push(format!("recovery journal: {error}")),
        };
        let names: Vec<String> = kept.iter().map(|path| path.display().to_string()).collect();
        self.news.extend(
            recovered.refused.iter().map(|reason| format!("not recovered, kept in {}: {reason}", names.join(", "))),
        );
    }
}
