//! Recordings cut into segments: which parts are clips, found by voice activity or by hand.
//!
//! Deliberately absent: the screen (see `tui::screens::cut`), and how voice is found (see `audio::activity`).

use std::ops::ControlFlow;
use std::path::Path;
use std::sync::atomic::{AtomicUsize, Ordering};

use rayon::prelude::*;

use super::experiment::News;
use super::key_of;
use crate::audio::{AudioError, AudioHash, Detector, Overview, Span};
use crate::corpus::{Clip, ClipId, Corpus, Cut, Cuts, Facts, ScanError, Scanned, rescan};
use crate::job::{Cancelled, Watch};
use crate::store::{CutAct, Recut, Store};

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

/// What is made of a recording.
#[derive(Debug, Clone, PartialEq)]
pub struct Proposal {
    /// The recording.
    pub file: ClipId,
    /// Its sound.
    pub audio: AudioHash,
    /// Its length.
    pub seconds: f64,
    /// Where somebody speaks; the reason where it cannot be heard.
    pub spans: Result<Vec<Span>, String>,
}

impl Proposal {
    /// What makes these the parts of the recording, and no others.
    pub fn changes(&self, old: &[Cut]) -> Vec<Recut> {
        let Ok(spans) = &self.spans else { return Vec::new() };
        let gone = old.iter().filter(|cut| !spans.contains(&cut.span)).map(|cut| (*cut, CutAct::Uncut));
        let new = spans.iter().filter(|span| old.iter().all(|cut| cut.span != **span));
        let new = new.map(|span| (Cut { span: *span, audio: Some(self.audio) }, CutAct::Cut));
        gone.chain(new).map(|(cut, act)| Recut { file: self.file.clone(), cut, act }).collect()
    }
}

/// The recordings of a corpus that last so many seconds, cut or not.
pub fn recordings(corpus: &Corpus, least: f64) -> Vec<&Clip> {
    let whole = |clip: &&Clip| clip.recording().is_none() && clip.audio.seconds >= least;
    corpus.clips.iter().filter(whole).collect()
}

/// Listens for voice in recordings, several at a time; what is found comes in their order.
///
/// # Errors
/// Cancelling; a recording that cannot be heard says so in its place.
pub fn propose(recordings: &[&Clip], detector: &Detector, watch: &dyn Watch<News>) -> Result<Vec<Proposal>, Cancelled> {
    let total = recordings.iter().map(|clip| clip.audio.seconds).sum::<f64>() as usize;
    let heard = AtomicUsize::new(0);
    let one = |clip: &&Clip| {
        let mut last = 0;
        let spans = listen(clip, &mut |seconds| {
            let done = heard.fetch_add(seconds as usize - last, Ordering::Relaxed) + seconds as usize - last;
            last = seconds as usize;
            watch.tell(News::Reading { set: "seconds heard".to_owned(), done, total });
            if watch.check().is_err() { ControlFlow::Break(()) } else { ControlFlow::Continue(()) }
        });
        let spans = match spans {
            Ok(None) => return Err(Cancelled),
            Ok(Some(overview)) => Ok(detector.speech(&overview)),
            Err(error) => Err(error.to_string()),
        };
        Ok(Proposal { file: clip.id.clone(), audio: clip.audio.hash, seconds: clip.audio.seconds, spans })
    };
    recordings.par_iter().map(one).collect()
}

fn listen(clip: &Clip, told: &mut dyn FnMut(f64) -> ControlFlow<()>) -> Result<Option<Overview>, AudioError> {
    Overview::of(&clip.path(), told)
}
