//! One recording being cut by hand: its outline, its parts, what is heard of it, and what can be taken back.
//!
//! Every change is in the store before the screen shows it. The corpus is read anew when the recording is left, not with every cut.
//! Deliberately absent: keys and cells (see `tui::screens::cut`).

use std::ops::ControlFlow;
use std::path::PathBuf;
use std::sync::Arc;

use anyhow::{Context, Result, bail};

use super::picture::LOUDNESS;
use super::training::Training;
use super::{Opening, Update, Workbench, corpus_key};
use crate::audio::{Detector, Overview, PlaybackNews, Sound, Span, decode_part};
use crate::corpus::{Clip, ClipId, Cut};
use crate::job::{Job, Report};
use crate::store::{CutAct, Recut};

/// So many milliseconds are decoded at a time to be heard: seconds of work, not minutes, whatever the format.
const PIECE: u32 = 120_000;

/// What jobs bring to a recording that is being cut.
#[derive(Debug)]
pub enum Brought {
    /// Its outline.
    Overview(Arc<Overview>),
    /// A piece to be heard, from that millisecond on.
    Piece(u32, Arc<Sound>),
}

/// The recording at hand.
#[derive(Debug)]
pub struct Cutting {
    /// Tells reports for this recording from late ones for another.
    number: u64,
    /// The recording.
    pub recording: Box<Clip>,
    path: PathBuf,
    /// Its outline; `None` while it is being heard, an error where it cannot be.
    pub overview: Option<Result<Arc<Overview>, String>>,
    /// Share of it that has been heard.
    pub heard: f64,
    /// Its parts, by time.
    pub parts: Vec<Cut>,
    /// What undoes the changes of this sitting, the last one last.
    undo: Vec<Vec<Recut>>,
    changed: bool,
    job: Option<Job>,
    hearing: Option<Hearing>,
}

/// What is heard of it.
#[derive(Debug)]
struct Hearing {
    /// Where the piece at hand begins.
    from: u32,
    /// Where it is to end.
    until: u32,
    /// Its take at the player; `None` while it is decoded.
    take: Option<u64>,
    _job: Job,
}

/// The recordings that were cut, counted.
#[derive(Debug, Default)]
pub(super) struct Cuttings {
    number: u64,
    /// How often the corpus was read anew.
    pub(super) readings: u64,
    pub(super) at_hand: Option<Cutting>,
}

impl Cutting {
    /// The outline, once it is there.
    pub fn outline(&self) -> Option<&Overview> {
        self.overview.as_ref()?.as_deref().ok()
    }

    /// Whether something can be taken back.
    pub fn can_undo(&self) -> bool {
        !self.undo.is_empty()
    }

    /// The name of one of its parts as a clip.
    pub fn id(&self, span: Span) -> ClipId {
        self.recording.id.part(span)
    }
}

impl Workbench {
    /// Takes a recording at hand to be cut: that of the clip at that place, or the one that the clip is a part of.
    ///
    /// # Errors
    /// The corpus is not open, the store cannot be read, training is running, no thread.
    pub fn cut_open(&mut self, clip: usize) -> Result<()> {
        self.cut_close();
        if self.opening != Opening::Open {
            bail!("the corpus is not open yet");
        }
        if self.training.as_ref().is_some_and(Training::is_running) {
            bail!("a comparison is running on the clips as they are; cut when it has ended");
        }
        let clip = self.corpus.clips.get(clip).context("no such clip")?;
        let whole = clip.recording().and_then(|id| self.corpus.index_of(&id));
        let recording = Box::new(whole.map_or(clip, |place| &self.corpus.clips[place]).clone());
        let key = corpus_key(&self.corpus);
        let mut all = self.safe.store().map_err(|error| anyhow::anyhow!("{error}"))?.segments(&key)?;
        let (path, seconds) = (recording.path(), recording.audio.seconds.max(1e-3));
        self.cuttings.number += 1;
        let (number, send, file) = (self.cuttings.number, self.send.clone(), path.clone());
        let report = move |report| drop(send.send(Update::Cutting(number, report)));
        let job = Job::spawn("outline", report, move |watch| {
            let made = Overview::of(&file, &mut |heard| {
                watch.tell((heard / seconds).min(1.0));
                if watch.check().is_err() { ControlFlow::Break(()) } else { ControlFlow::Continue(()) }
            });
            match made.with_context(|| file.display().to_string())? {
                Some(overview) => Ok(Brought::Overview(Arc::new(overview))),
                None => Err(crate::job::Cancelled.into()),
            }
        })?;
        self.cuttings.at_hand = Some(Cutting {
            number,
            parts: all.remove(&recording.id).unwrap_or_default(),
            recording,
            path,
            overview: None,
            heard: 0.0,
            undo: Vec::new(),
            changed: false,
            job: Some(job),
            hearing: None,
        });
        Ok(())
    }

    /// Leaves the recording at hand; where its parts are others now, the corpus is read anew.
    pub(super) fn cut_close(&mut self) {
        if self.cuttings.at_hand.take().is_some_and(|cutting| cutting.changed) {
            self.reread();
        }
    }

    /// How often the corpus was read anew: after each time, the places of clips mean others.
    pub fn readings(&self) -> u64 {
        self.cuttings.readings
    }

    /// The recording that is being cut.
    pub fn cutting(&self) -> Option<&Cutting> {
        self.cuttings.at_hand.as_ref()
    }

    /// Changes the parts of the recording at hand: all of these or none. Gives back how many changed.
    ///
    /// # Errors
    /// No recording is at hand; the store takes nothing, and then nothing has changed.
    pub fn recut(&mut self, changes: &[(Span, CutAct)]) -> Result<usize> {
        let cutting = self.cuttings.at_hand.as_ref().context("no recording is at hand")?;
        let (file, audio) = (&cutting.recording.id, Some(cutting.recording.audio.hash));
        let one = |(span, act): &(Span, CutAct)| {
            // What is removed and comes back comes back as it was.
            let cut = cutting.parts.iter().find(|cut| cut.span == *span).copied();
            Recut { file: file.clone(), cut: cut.unwrap_or(Cut { span: *span, audio }), act: *act }
        };
        let changes: Vec<Recut> = changes.iter().map(one).collect();
        let done = self.keep_cuts(&changes)?;
        let undo: Vec<Recut> = done.iter().rev().map(Recut::opposite).collect();
        if let Some(cutting) = self.cuttings.at_hand.as_mut().filter(|_| !undo.is_empty()) {
            cutting.undo.push(undo);
        }
        Ok(done.len())
    }

    /// Takes back the last change of this sitting; false where there is none.
    ///
    /// # Errors
    /// As [`Workbench::recut`].
    pub fn undo_cut(&mut self) -> Result<bool> {
        let last = self.cuttings.at_hand.as_ref().and_then(|cutting| cutting.undo.last().cloned());
        let Some(changes) = last else { return Ok(false) };
        self.keep_cuts(&changes)?;
        if let Some(cutting) = &mut self.cuttings.at_hand {
            cutting.undo.pop();
        }
        Ok(true)
    }

    fn keep_cuts(&mut self, changes: &[Recut]) -> Result<Vec<Recut>> {
        let (key, who) = (corpus_key(&self.corpus), self.labels.annotator.clone());
        let done = self.safe.recut(&key, &who, changes).context("not saved")?;
        let Some(cutting) = &mut self.cuttings.at_hand else { return Ok(done) };
        for Recut { cut, act, .. } in changes {
            cutting.parts.retain(|part| part.span != cut.span);
            if *act == CutAct::Cut {
                cutting.parts.push(*cut);
            }
        }
        cutting.parts.sort();
        cutting.changed |= !done.is_empty();
        Ok(done)
    }

    /// Cuts where somebody speaks, within a part of the recording or all of it; what touches a part that is there is left as it
    /// is. Gives back how many parts are new.
    ///
    /// # Errors
    /// The recording is not heard through yet; as [`Workbench::recut`].
    pub fn cut_by_voice(&mut self, detector: &Detector, within: Option<Span>) -> Result<usize> {
        let cutting = self.cuttings.at_hand.as_ref().context("no recording is at hand")?;
        let overview = cutting.outline().context("the recording is still being heard")?;
        let free = |span: &Span| cutting.parts.iter().all(|part| !part.span.overlaps(*span));
        let inside = |span: &Span| within.is_none_or(|all| all.overlaps(*span));
        let found = detector.speech(overview).into_iter().filter(|span| free(span) && inside(span));
        let changes: Vec<(Span, CutAct)> = found.map(|span| (span, CutAct::Cut)).collect();
        self.recut(&changes)
    }

    /// Plays the recording at hand from a millisecond on, up to another or its end.
    ///
    /// # Errors
    /// No recording is at hand; no thread.
    pub fn hear(&mut self, from: u32, until: Option<u32>) -> Result<()> {
        self.sound.player.stop();
        let cutting = self.cuttings.at_hand.as_mut().context("no recording is at hand")?;
        let end = cutting.outline().map_or((cutting.recording.audio.seconds * 1000.0) as u32, Overview::millis);
        let until = until.unwrap_or(end).min(end);
        let Some(span) = Span::millis(from, until.min(from.saturating_add(PIECE))) else {
            cutting.hearing = None;
            return Ok(());
        };
        let (number, send, file) = (cutting.number, self.send.clone(), cutting.path.clone());
        let report = move |report| drop(send.send(Update::Cutting(number, report)));
        let job = Job::spawn("piece", report, move |_| {
            Ok(Brought::Piece(from, Arc::new(decode_part(&file, span).with_context(|| file.display().to_string())?)))
        })?;
        cutting.hearing = Some(Hearing { from, until, take: None, _job: job });
        Ok(())
    }

    /// Where in the recording at hand the sound is, in milliseconds, and whether it runs; `None` where nothing of it is heard.
    pub fn heard_at(&self) -> Option<(f64, bool)> {
        let hearing = self.cuttings.at_hand.as_ref()?.hearing.as_ref()?;
        let Some(take) = hearing.take else { return Some((f64::from(hearing.from), true)) };
        let playback = self.playback();
        let at = f64::from(hearing.from) + 1000.0 * playback.position;
        (playback.take == take).then_some((at, playback.playing))
    }

    /// The end of a piece: the next one follows. True when something may look different.
    pub(super) fn heard_out(&mut self, news: &PlaybackNews) -> bool {
        let PlaybackNews::Finished(finished) = news else { return true };
        let hearing = self.cuttings.at_hand.as_ref().and_then(|cutting| cutting.hearing.as_ref());
        if let Some(hearing) = hearing.filter(|hearing| hearing.take == Some(*finished)) {
            let (next, until) = (hearing.from.saturating_add(PIECE), hearing.until);
            if next < until {
                // Without a thread it ends here, as at the end of the recording.
                let _ = self.hear(next, Some(until));
            }
        }
        true
    }

    /// Takes in what a job has brought.
    pub(super) fn brought(&mut self, number: u64, report: Report<f64, Brought>) -> bool {
        let even = self.sound.even;
        let Some(cutting) = self.cuttings.at_hand.as_mut().filter(|cutting| cutting.number == number) else {
            return false;
        };
        match report {
            Report::News(heard) => cutting.heard = heard,
            Report::Done(Brought::Overview(overview)) => (cutting.overview, cutting.job) = (Some(Ok(overview)), None),
            Report::Done(Brought::Piece(from, sound)) => {
                let Some(hearing) = cutting.hearing.as_mut().filter(|hearing| hearing.from == from) else {
                    return false;
                };
                let gain = if even { sound.gain_to(LOUDNESS) } else { 1.0 };
                hearing.take = Some(self.sound.player.play(sound, 0.0, gain));
                (self.sound.clip, self.sound.on_arrival) = (None, None);
            }
            Report::Cancelled => return false,
            Report::Failed(reason) if cutting.overview.is_none() => cutting.overview = Some(Err(reason)),
            Report::Failed(_) => cutting.hearing = None,
        }
        true
    }
}
