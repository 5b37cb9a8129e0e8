//! Altered copies among the clips of a task, by their fingerprints, which the cache keeps.
//!
//! Deliberately absent: the very same audio (a task holds it once) and what a fingerprint is (see `features::fingerprint`).

use std::sync::atomic::{AtomicUsize, Ordering};

use anyhow::Result;
use rayon::prelude::*;

use super::experiment::News;
use super::material::Listener;
use crate::corpus::{Clip, Corpus, Task};
use crate::features::cache::Cache;
use crate::features::fingerprint::{self, FINGERPRINT, Fingerprint, Words};
use crate::job::Watch;

/// Pairs of rows of the task that hold the same recording: louder, resampled, encoded again, or trimmed.
///
/// # Errors
/// A clip that cannot be decoded; cancelling.
pub fn copies(corpus: &Corpus, task: &Task, cache: &Cache, watch: &dyn Watch<News>) -> Result<Vec<(usize, usize)>> {
    let listener = Listener { cache, preparation: Fingerprint::preparation() };
    let clips: Vec<&Clip> = task.rows.iter().map(|&row| &corpus.clips[row]).collect();
    let (done, total) = (AtomicUsize::new(0), clips.len());
    let words = |clip: &&Clip| -> Result<Words> {
        watch.check()?;
        let features = listener.features(clip, &FINGERPRINT)?;
        let done = done.fetch_add(1, Ordering::Relaxed) + 1;
        watch.tell(News::Reading { set: "fingerprint".to_owned(), done, total });
        Ok(Fingerprint::words(&features))
    };
    let prints: Vec<Words> = clips.par_iter().map(words).collect::<Result<_>>()?;
    Ok(fingerprint::copies(&prints))
}
