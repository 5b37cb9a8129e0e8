//! The Workbench's verbs of labelling: what this annotator is to do, has said, and says now.
//!
//! Deliberately absent: other annotators (see `agree`), and the keys of the screen.

use std::collections::{HashMap, HashSet};

use anyhow::{Context, Result, bail};

use super::segments::rateable;
use super::{Workbench, corpus_key};
use crate::corpus::{Clip, ClipId};
use crate::label::{
    Act, Annotation, Annotator, At, Exposure, Ledger, Listening, NewAnnotation, Occasion, Queue, Round, Scheme,
    Timestamp, Turn,
};
use crate::store::{Store, StoreError, other_shape};

/// Told where a corpus gives nothing to choose from.
const NO_CLASSES: &str = "this corpus names no classes to choose from. Quit (q), and start with some:";

/// Scheme, annotator, and what the store says of both.
pub(super) struct Labels {
    pub(super) scheme: Scheme,
    pub(super) annotator: Annotator,
    ledger: Ledger,
    queue: Queue,
    round: Round,
    /// Clips done before this sitting, since midnight.
    today: usize,
    /// Why nothing may be said in this version of the scheme.
    refused: Option<String>,
    /// The store knows what this version asks.
    is_known: bool,
}

impl Labels {
    /// Before anything is read.
    pub(super) fn new(scheme: Scheme, annotator: Annotator) -> Labels {
        Labels {
            scheme,
            annotator,
            ledger: Ledger::default(),
            queue: Queue::default(),
            round: Round::default(),
            today: 0,
            refused: None,
            is_known: false,
        }
    }

    /// Takes in what this annotator has said of `clips`, what the lead has planned, and which clips shall come `first`.
    fn read(
        &mut self,
        store: &Store,
        key: &str,
        (clips, first): (&[Clip], &mut Vec<ClipId>),
    ) -> Result<(), StoreError> {
        // A clip's id is kept once.
        let ids: HashMap<&str, &ClipId> = clips.iter().map(|clip| (clip.id.0.as_str(), &clip.id)).collect();
        let (ledger, scheme, midnight) = (&mut self.ledger, &self.scheme.name, local_midnight());
        // Only those of today are kept beyond the ledger.
        let mut today = Vec::new();
        store.each_annotation(key, Some(&self.annotator), |mut event| {
            if let Some(&id) = ids.get(event.clip.0.as_str()) {
                event.said.clip = id.clone();
            }
            if event.scheme.name == *scheme {
                ledger.apply(&event);
            }
            if event.at >= midnight {
                today.push(event);
            }
        })?;
        self.today = since(midnight, &today, &self.ledger);
        self.round = store.round(key, &self.scheme.name)?.map(|kept| kept.round).unwrap_or_default();
        let known = store.shape(&self.scheme.id())?.filter(|known| *known != self.scheme.shape());
        self.refused = known.map(|_| other_shape(&self.scheme.id()));
        let batches = store.batches(key, &self.scheme.name)?;
        let last = batches.into_iter().rfind(|batch| !batch.is_review()).map(|batch| batch.clips).unwrap_or_default();
        *first = last.into_iter().map(|one| one.clip).collect();
        Ok(())
    }
}

impl Workbench {
    /// Questions, answers and their keys.
    pub fn scheme(&self) -> &Scheme {
        &self.labels.scheme
    }

    /// Who labels.
    pub fn annotator(&self) -> &Annotator {
        &self.labels.annotator
    }

    /// What this annotator has said so far, for whatever occasion.
    pub fn ledger(&self) -> &Ledger {
        &self.labels.ledger
    }

    /// The order in which this annotator hears the clips: places are those of [`Workbench::corpus`].
    pub fn queue(&self) -> &Queue {
        &self.labels.queue
    }

    /// What the lead has planned.
    pub fn round(&self) -> &Round {
        &self.labels.round
    }

    /// Clips that this annotator has done today, by the local clock.
    pub fn done_today(&self) -> usize {
        self.labels.today + self.sitting().clips
    }

    /// Saves one act of this annotator; it is on disk when this returns: in the store, or in the recovery journal (see
    /// [`Workbench::standing`]).
    ///
    /// # Errors
    /// Neither takes it, naming the files; nothing has changed then.
    pub fn annotate(&mut self, turn: Turn, act: Act, listening: Option<Listening>) -> Result<()> {
        let clip = self.corpus.clips.get(turn.clip).context("no such clip")?;
        let (id, audio) = (clip.id.clone(), clip.audio.hash.to_string());
        self.append((id, audio.to_string()), (turn.occasion, act), listening)
    }

    fn append(
        &mut self,
        (clip, audio): (ClipId, String),
        (occasion, act): (Occasion, Act),
        listening: Option<Listening>,
    ) -> Result<()> {
        let (annotator, scheme) = (self.labels.annotator.clone(), self.labels.scheme.id());
        let exposure = self.exposure(&clip, occasion, &act);
        let new = NewAnnotation::now(clip, audio, annotator, scheme, act);
        let event = NewAnnotation { exposure, occasion, listening, ..new };
        self.keep_shape()?;
        let was_done = self.labels.ledger.is_done(At { clip: &event.clip, occasion });
        let kept = self.safe.append(&corpus_key(&self.corpus), event).context("not saved")?;
        self.retry_later();
        self.labels.ledger.apply(&kept.said);
        let is_work = occasion != Occasion::Adjudication;
        self.sound
            .hearing
            .count(is_work && was_done, is_work && self.labels.ledger.is_done(At { clip: &kept.said.clip, occasion }));
        if kept.renumbered {
            self.reload_labels();
        } else if let Some(index) = self.corpus.index_of(&kept.said.clip) {
            self.labels.queue.settle(index, &kept.said.clip, &self.labels.ledger);
        }
        self.look_ahead();
        Ok(())
    }

    /// Why nothing may be said in this version of the scheme, if so: it asked something else before.
    pub fn scheme_trouble(&self) -> Option<&str> {
        self.labels.refused.as_deref()
    }

    /// Whether there is nothing to choose from, in no question; [`Workbench::scheme_trouble`] says what to do.
    pub fn lacks_classes(&self) -> bool {
        let asked = &self.labels.scheme.questions;
        self.settings.scheme.is_none() && asked.iter().all(|question| question.answers.classes().is_empty())
    }

    /// Tells the store, once, what the scheme asks. The classes of a corpus are what the corpus has: they may grow.
    fn keep_shape(&mut self) -> Result<()> {
        let labels = &mut self.labels;
        if let Some(reason) = &labels.refused {
            bail!("not saved: {reason}");
        }
        if self.settings.scheme.is_some() && !labels.is_known {
            labels.is_known = self.safe.keep_shape(&labels.scheme.id(), &labels.scheme.shape()).context("not saved")?;
        }
        Ok(())
    }

    /// What of a model or the corpus was seen before an act, or what of a model comes on the screen once it is done.
    fn exposure(&self, clip: &ClipId, occasion: Occasion, act: &Act) -> Option<Exposure> {
        let index = self.corpus.index_of(clip);
        let now = index.and_then(|clip| self.opinions.seen(clip));
        let listed = index.filter(|clip| self.opinions.saw_corpus(*clip)).map(|_| Exposure::CORPUS);
        if let Some(what) = now.or(self.labels.ledger.exposed(At { clip, occasion })).or(listed) {
            return Some(Exposure::Before(what.to_owned()));
        }
        let shown = self.opinions.places.label && matches!(act, Act::Answer { .. });
        let adviser = self.opinions.adviser.as_ref().filter(|adviser| shown && adviser.trouble.is_none());
        adviser.map(|adviser| Exposure::After(adviser.name.clone()))
    }

    /// Takes back this annotator's last act, on whichever clip it was; that turn, or `None` when nothing is left.
    ///
    /// # Errors
    /// As [`Workbench::annotate`].
    pub fn undo(&mut self) -> Result<Option<Turn>> {
        let target = self.labels.ledger.undo_target().map(|(id, at)| (Act::Undo(id), at.clip.clone(), at.occasion));
        target.map_or(Ok(None), |target| self.again(target))
    }

    /// Does again what was last undone; that turn, or `None` when nothing is left.
    ///
    /// # Errors
    /// As [`Workbench::annotate`].
    pub fn redo(&mut self) -> Result<Option<Turn>> {
        let target = self.labels.ledger.redo_target().map(|(id, at)| (Act::Redo(id), at.clip.clone(), at.occasion));
        target.map_or(Ok(None), |target| self.again(target))
    }

    /// Undoes or redoes; also on a clip that has left the corpus, so that the acts before it stay within reach.
    fn again(&mut self, (act, clip, occasion): (Act, ClipId, Occasion)) -> Result<Option<Turn>> {
        let index = self.corpus.index_of(&clip);
        let audio = index.map(|index| self.corpus.clips[index].audio.hash.to_string()).unwrap_or_default();
        self.append((clip, audio.to_string()), (occasion, act), None)?;
        // Without its name: who labels is blind.
        index.map(|clip| Some(Turn { clip, occasion })).context("done, on a clip that is no longer in the corpus")
    }

    /// Reads what was said and planned, and orders the clips. What cannot be read from the store is told by
    /// [`Workbench::standing`].
    pub(super) fn reload_labels(&mut self) {
        let (labels, key) = (&mut self.labels, corpus_key(&self.corpus));
        if self.settings.scheme.is_none() {
            labels.scheme = Scheme::of_classes(&self.corpus.name, &self.corpus.classes);
        }
        let mut first = Vec::new();
        labels.ledger = Ledger::asking(labels.scheme.required());
        if let Err(error) =
            self.safe.store().map_or(Ok(()), |store| labels.read(store, &key, (&self.corpus.clips, &mut first)))
        {
            self.safe.distrust(&error);
        }
        if labels.scheme.questions.iter().all(|question| question.answers.classes().is_empty())
            && self.settings.scheme.is_none()
        {
            let root = self.root.display();
            labels.refused = Some(format!("{NO_CLASSES} emolab label {root} --scheme ekman6"));
        }
        // What this sitting has done is counted by itself.
        labels.today = labels.today.saturating_sub(self.sound.hearing.sitting().clips);
        let waiting = self.safe.waiting().iter().filter(|line| line.corpus_key == key).map(|line| &line.said);
        labels.ledger = std::mem::take(&mut labels.ledger).and(waiting, &labels.annotator, &labels.scheme.name);
        self.order_clips(&first);
        self.ahead.begin(self.labels.ledger.labelled_count(), &self.labels.round);
    }

    /// Orders the clips anew, these first.
    pub(super) fn order_clips(&mut self, first: &[ClipId]) {
        let labels = &mut self.labels;
        let (clips, places) = rateable(&self.corpus);
        labels.queue = Queue::new(&clips, &labels.annotator, &labels.round, first).placed(&places);
        let said = self.corpus.clips.iter().enumerate();
        said.for_each(|(index, clip)| labels.queue.settle(index, &clip.id, &labels.ledger));
    }
}

/// Turns that are done and were answered since then; `events` in order of time.
fn since(then: Timestamp, events: &[Annotation], ledger: &Ledger) -> usize {
    let late = events.iter().rev().take_while(|event| event.at >= then);
    let work = late.filter(|event| event.occasion != Occasion::Adjudication);
    let answered = work.filter(|event| matches!(event.act, Act::Answer { .. }));
    let turns: HashSet<_> = answered.map(|event| (&event.clip, event.occasion)).collect();
    turns.into_iter().filter(|&(clip, occasion)| ledger.is_done(At { clip, occasion })).count()
}

fn local_midnight() -> Timestamp {
    let day = jiff::Zoned::now().start_of_day().ok();
    day.and_then(|day| Timestamp::from_millis(day.timestamp().as_millisecond())).unwrap_or_else(Timestamp::now)
}
