//! Recordings cut into segments: which parts are clips, found by voice activity or by hand.
//!
//! Deliberately absent: the screen (see `tui::screens::cut`), and how voice is found (see `audio::activity`).

use std::path::Path;

use super::key_of;
use crate::corpus::{ClipId, Corpus, Cuts, Facts, ScanError, Scanned, rescan};
use crate::job::Watch;
use crate::store::Store;

/// The recordings of the corpus at `root` that are cut, by the store at `store`; none where that cannot be read, which whoever
/// opens it to write is told.
pub fn cuts(store: &Path, root: &Path) -> Cuts {
    let read = || Store::open_existing(store).ok()?.segments(&key_of(root)).ok();
    read().unwrap_or_default()
}

/// Opens a corpus with its segments.
///
/// # Errors
/// As [`scan`](crate::corpus::scan()).
pub fn scan(root: &Path, corpus: Option<&str>, store: &Path, watch: &dyn Watch<Scanned>) -> Result<Corpus, ScanError> {
    rescan(root, corpus, Facts::none(), &cuts(store, root), watch)
}

/// The clips that people are to hear, with who is heard, and their places in the corpus: all but recordings that are cut.
pub fn rateable(corpus: &Corpus) -> (Vec<(&ClipId, Option<&str>)>, Vec<usize>) {
    let open = corpus.clips.iter().enumerate().filter(|(_, clip)| !clip.is_cut());
    open.map(|(place, clip)| ((&clip.id, clip.voice()), place)).unzip()
}
