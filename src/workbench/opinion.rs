//! What a model says of clips, asked for one by one and answered by a worker: scores, and what of the picture spoke.
//!
//! The worker owns the model; what it is asked last it answers first, and what nobody waits for any more is dropped.
//! Which clips' answers an annotator has seen is kept here, because a label given after that is no longer blind.
//! Deliberately absent: when an answer may be shown (see `tui::screens`), and scoring many clips (`models.rs`).

use std::collections::{HashMap, HashSet};
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::sync::mpsc::{Receiver, Sender, channel};

use anyhow::{Context, Result};
use ndarray::{Array2, s};
use rayon::prelude::*;

use super::material::Listener;
use super::models::{Card, Saved};
use super::{Settings, Update, shelf};
use crate::corpus::{Clip, Corpus};
use crate::features::cache::Cache;
use crate::features::{Chosen, Features, Raster, feature_set};
use crate::job::{Job, Report, Watch};
use crate::learn::Norm;
use crate::learn::committee::Views;

/// Questions kept waiting: a key held down passes more clips than anyone looks at.
const WAITING: usize = 8;

/// What is asked of a model.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Ask {
    /// The probability of each class for a clip.
    Scores(usize),
    /// What of a clip spoke for a class.
    Salience(usize, usize),
}

/// What the worker tells.
#[derive(Debug)]
pub enum Word {
    /// The model is there.
    Open(Arc<Card>),
    /// Probabilities of the card's classes for some clips: the one that was asked for, and those it was scaled with.
    Scores(Vec<(usize, Vec<f64>)>),
    /// What of a clip spoke for a class; `None` where the model cannot tell.
    Salience((usize, usize), Option<Arc<Salience>>),
    /// The question will not be answered: the reason, or none where newer ones took its place.
    Dropped(Ask, Option<String>),
}

/// What of a clip spoke for a class.
#[derive(Debug, Clone, PartialEq)]
pub struct Salience {
    /// Bands x frames, 0 (nothing) to 1 (most).
    pub map: Array2<f32>,
    /// Where its pixels lie.
    pub raster: Raster,
    /// The second of the clip at which the model's frames begin.
    pub start: f64,
}

/// Which part of a picture is marked.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Marked {
    /// None.
    #[default]
    Nothing,
    /// What spoke for the class that the model holds most likely.
    Predicted,
    /// What spoke for the class that the corpus says it is.
    Labelled,
}

/// Where its answers are shown.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Places {
    /// In Label, once a clip is decided.
    pub label: bool,
    /// In Browse.
    pub browse: bool,
    /// Over Browse's spectrogram.
    pub marked: Marked,
}

/// The model that is asked, and its answers so far.
pub struct Adviser {
    number: u64,
    /// As it was asked for.
    pub name: String,
    /// Classes and all else it says about itself, once it is open.
    pub card: Option<Arc<Card>>,
    /// Why it cannot answer, if it cannot.
    pub trouble: Option<String>,
    asks: Sender<Ask>,
    asked: HashSet<Ask>,
    scores: HashMap<usize, Vec<f64>>,
    salience: HashMap<(usize, usize), Option<Arc<Salience>>>,
    failed: HashMap<Ask, String>,
    /// Ends when the channel of questions closes; dropping it stops what is being computed.
    _job: Job,
}

/// The adviser, where its answers are shown, and whom they have been shown for.
#[derive(Default)]
pub(super) struct Opinions {
    pub(super) adviser: Option<Adviser>,
    pub(super) places: Places,
    started: u64,
    /// Clips whose scores were on the screen, and the model they were of.
    seen: HashMap<usize, String>,
    /// Clips whose name, speaker and label were on the screen.
    listed: HashSet<usize>,
}

impl Salience {
    /// The most that spoke within some seconds of the clip and some Hz; 0 where the model saw nothing.
    ///
    /// A frame counts for the hop around its centre; where bands are no frequencies, each counts for all.
    pub fn most(&self, seconds: (f64, f64), hertz: (f64, f64)) -> f32 {
        let (bands, frames) = self.map.dim();
        let frame = |second: f64| ((second - self.start) / self.raster.hop + 0.5).floor();
        let (first, last) = (frame(seconds.0).max(0.0), frame(seconds.1).min(frames as f64 - 1.0));
        let rows = match &self.raster.edges {
            None => 0..bands,
            Some(edges) => {
                let band = |hz: f64| edges.partition_point(|edge| *edge <= hz);
                // Before the first edge lies no band, nor behind the last.
                band(hertz.0).saturating_sub(1)..band(hertz.1).min(bands)
            }
        };
        if first > last || rows.is_empty() {
            return 0.0;
        }
        self.map.slice(s![rows, first as usize..=last as usize]).fold(0.0, |most, &value| most.max(value))
    }
}

impl Adviser {
    /// Class names and probabilities for a clip, the likeliest first; `None` while they are not known.
    pub fn ranked(&self, clip: usize) -> Option<Vec<(&str, f64)>> {
        let mut ranked: Vec<(&str, f64)> = self.scores(clip)?.collect();
        ranked.sort_by(|a, b| b.1.total_cmp(&a.1));
        Some(ranked)
    }

    /// The same in the order of the card.
    pub fn scores(&self, clip: usize) -> Option<impl Iterator<Item = (&str, f64)>> {
        let classes = &self.card.as_ref()?.classes;
        Some(classes.iter().map(String::as_str).zip(self.scores.get(&clip)?.iter().copied()))
    }

    /// The number of a class.
    pub fn class(&self, name: &str) -> Option<usize> {
        self.card.as_ref()?.classes.iter().position(|class| class == name)
    }

    /// What of a clip spoke for a class: `None` until it is known, `Some(None)` where the model cannot tell.
    pub fn salience(&self, clip: usize, class: usize) -> Option<Option<&Salience>> {
        self.salience.get(&(clip, class)).map(Option::as_deref)
    }

    /// Why a question has no answer.
    pub fn failure(&self, ask: Ask) -> Option<&str> {
        self.trouble.as_deref().or_else(|| self.failed.get(&ask).map(String::as_str))
    }

    fn ask(&mut self, ask: Ask) {
        let known = match ask {
            Ask::Scores(clip) => self.scores.contains_key(&clip),
            Ask::Salience(clip, class) => self.salience.contains_key(&(clip, class)),
        };
        if !known && !self.failed.contains_key(&ask) && self.asked.insert(ask) {
            // A worker that has ended has told why.
            let _ = self.asks.send(ask);
        }
    }

    fn take(&mut self, word: Word) {
        match word {
            Word::Open(card) => self.card = Some(card),
            Word::Scores(all) => {
                for (clip, p) in all {
                    self.asked.remove(&Ask::Scores(clip));
                    self.scores.insert(clip, p);
                }
            }
            Word::Salience(of, found) => {
                self.asked.remove(&Ask::Salience(of.0, of.1));
                self.salience.insert(of, found);
            }
            Word::Dropped(ask, reason) => {
                self.asked.remove(&ask);
                self.failed.extend(reason.map(|reason| (ask, reason)));
            }
        }
    }
}

impl Opinions {
    /// Has `name` asked from now on; nothing happens if it is the one already, and well.
    pub(super) fn consult(
        &mut self,
        name: &str,
        corpus: &Arc<Corpus>,
        (settings, send): (&Settings, &Sender<Update>),
    ) -> Result<()> {
        if self.adviser.as_ref().is_some_and(|adviser| adviser.name == name && adviser.trouble.is_none()) {
            return Ok(());
        }
        self.started += 1;
        let (number, send) = (self.started, send.clone());
        let (corpus, cache, asked) = (Arc::clone(corpus), settings.cache.clone(), name.to_owned());
        let (asks, questions) = channel();
        let report = move |report| drop(send.send(Update::Opinion(number, report)));
        let job = Job::spawn("model", report, move |watch| {
            let saved = shelf::model(Path::new(&asked))?;
            watch.tell(Word::Open(Arc::new(saved.card.clone())));
            Worker { sets: saved.sets()?, saved, corpus, cache }.answer(&questions, watch)
        })?;
        self.adviser = Some(Adviser {
            number,
            name: name.to_owned(),
            card: None,
            trouble: None,
            asks,
            asked: HashSet::new(),
            scores: HashMap::new(),
            salience: HashMap::new(),
            failed: HashMap::new(),
            _job: job,
        });
        Ok(())
    }

    pub(super) fn ask(&mut self, ask: Ask) {
        if let Some(adviser) = &mut self.adviser {
            adviser.ask(ask);
        }
    }

    /// Takes in a report of the worker with that number.
    pub(super) fn take(&mut self, number: u64, report: Report<Word, ()>) -> bool {
        let Some(adviser) = self.adviser.as_mut().filter(|adviser| adviser.number == number) else { return false };
        match report {
            Report::News(word) => adviser.take(word),
            Report::Failed(reason) => adviser.trouble = Some(reason),
            Report::Done(()) | Report::Cancelled => return false,
        }
        true
    }

    /// The clips lie at other places now. Who has seen the name of a recording knows it of its parts, too; the model is asked for
    /// anew.
    pub(super) fn moved(&mut self, before: &Corpus, now: &Corpus) {
        self.adviser = None;
        let (seen, listed) = (std::mem::take(&mut self.seen), std::mem::take(&mut self.listed));
        for (place, clip) in now.clips.iter().enumerate() {
            let old = before.index_of(&clip.id).or_else(|| before.index_of(&clip.recording()?));
            let Some(old) = old else { continue };
            seen.get(&old).into_iter().for_each(|what| drop(self.seen.insert(place, what.clone())));
            if listed.contains(&old) {
                self.listed.insert(place);
            }
        }
    }

    /// Remembers that the scores of a clip, if they are known, are on the screen.
    pub(super) fn see(&mut self, clip: usize) {
        if let Some(adviser) = self.adviser.as_ref().filter(|adviser| adviser.scores.contains_key(&clip)) {
            self.seen.insert(clip, adviser.name.clone());
        }
    }

    /// Remembers that what a run says of clips is on the screen.
    pub(super) fn see_run(&mut self, clips: &[usize], run: &str) {
        self.seen.extend(clips.iter().map(|&clip| (clip, run.to_owned())));
    }

    /// Remembers that what the corpus says of clips is on the screen.
    pub(super) fn see_corpus(&mut self, clips: &[usize]) {
        self.listed.extend(clips);
    }

    /// Whether what the corpus says of a clip was on the screen.
    pub(super) fn saw_corpus(&self, clip: usize) -> bool {
        self.listed.contains(&clip)
    }

    /// The model whose scores of a clip were on the screen.
    pub(super) fn seen(&self, clip: usize) -> Option<&str> {
        self.seen.get(&clip).map(String::as_str)
    }
}

/// The model at work on its own thread.
struct Worker {
    saved: Saved,
    sets: Vec<Chosen>,
    corpus: Arc<Corpus>,
    cache: PathBuf,
}

impl Worker {
    /// Answers until nobody can ask any more.
    fn answer(&self, questions: &Receiver<Ask>, watch: &dyn Watch<Word>) -> Result<()> {
        let cache = Cache::open(&self.cache);
        let listener = Listener { cache: &cache, preparation: self.saved.card.preparation };
        let mut waiting: Vec<Ask> = Vec::new();
        loop {
            if waiting.is_empty() {
                let Ok(first) = questions.recv() else { return Ok(()) };
                waiting.push(first);
            }
            waiting.extend(questions.try_iter());
            let old = waiting.len().saturating_sub(WAITING);
            waiting.drain(..old).for_each(|ask| watch.tell(Word::Dropped(ask, None)));
            watch.check()?;
            let Some(ask) = waiting.pop() else { continue };
            let word = match ask {
                Ask::Scores(clip) => self.scores(clip, &listener, watch),
                Ask::Salience(clip, class) => self.salience((clip, class), &listener, watch),
            };
            watch.tell(word.unwrap_or_else(|error| Word::Dropped(ask, Some(format!("{error:#}")))));
        }
    }

    fn scores(&self, clip: usize, listener: &Listener<'_>, watch: &dyn Watch<Word>) -> Result<Word> {
        let (clips, views) = self.together(clip, listener, watch)?;
        let scores = self.saved.fitted.scores(&views, &vec![0; clips.len()])?.scores;
        Ok(Word::Scores(clips.into_iter().zip(scores.outer_iter().map(|row| row.to_vec())).collect()))
    }

    fn salience(&self, of: (usize, usize), listener: &Listener<'_>, watch: &dyn Watch<Word>) -> Result<Word> {
        let (clips, views) = self.together(of.0, listener, watch)?;
        let row = clips.iter().position(|clip| *clip == of.0).context("no such clip")?;
        let found = self.saved.fitted.saliency(&views, &vec![0; clips.len()], (row, of.1))?;
        let Some((set, map)) = found else { return Ok(Word::Salience(of, None)) };
        let preparation = self.saved.card.preparation;
        let Some(raster) = feature_set(set)?.raster(preparation.rate) else { return Ok(Word::Salience(of, None)) };
        let start = preparation.applied(self.corpus.clips[of.0].sound()?)?.1;
        let found = Some(Arc::new(Salience { map, raster, start }));
        Ok(Word::Salience(of, found))
    }

    /// What goes through the model to judge a clip: itself, and where it scales by speaker, the speaker's other clips that
    /// can be read. A clip without a speaker is scaled by itself.
    fn together(&self, clip: usize, listener: &Listener<'_>, watch: &dyn Watch<Word>) -> Result<(Vec<usize>, Views)> {
        let clips = &self.corpus.clips;
        let asked = clips.get(clip).context("no such clip")?;
        let grouped = self.saved.card.recipe.norm == Norm::Speaker && asked.speaker.is_some();
        let with = |other: &usize| *other == clip || (grouped && clips[*other].speaker == asked.speaker);
        let chosen: Vec<usize> = if grouped { (0..clips.len()).filter(with).collect() } else { vec![clip] };
        let heard = |&other: &usize| -> Result<Option<(usize, Vec<Features>)>> {
            watch.check()?;
            match (self.hear(&clips[other], listener), other == clip) {
                (Ok(features), _) => Ok(Some((other, features))),
                (Err(_), false) => Ok(None),
                (Err(error), true) => Err(error),
            }
        };
        let known: Vec<_> = chosen.par_iter().map(heard).collect::<Result<_>>()?;
        let (clips, features): (Vec<usize>, Vec<Vec<Features>>) = known.into_iter().flatten().unzip();
        Ok((clips, self.saved.views(&features)?))
    }

    fn hear(&self, clip: &Clip, listener: &Listener<'_>) -> Result<Vec<Features>> {
        self.sets.iter().map(|set| listener.features(clip, set.as_ref())).collect()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_spoke_is_found_by_time_and_frequency() {
        let mut map = Array2::zeros((3, 4));
        (map[(1, 2)], map[(0, 0)]) = (1.0, 0.5);
        let raster = Raster { hop: 0.1, edges: Some(vec![100.0, 200.0, 400.0, 800.0]) };
        let mut salience = Salience { map, raster, start: 0.0 };
        // Frame 2 is centred on 0.2 s.
        assert_eq!(salience.most((0.16, 0.24), (250.0, 300.0)), 1.0);
        assert_eq!(salience.most((0.26, 0.34), (250.0, 300.0)), 0.0);
        assert_eq!(salience.most((0.16, 0.24), (450.0, 700.0)), 0.0);
        assert_eq!(salience.most((0.0, 9.0), (0.0, 9000.0)), 1.0);
        assert_eq!(salience.most((0.0, 0.04), (0.0, 150.0)), 0.5);
        assert_eq!(salience.most((0.0, 9.0), (900.0, 9000.0)), 0.0, "above all bands");
        assert_eq!(salience.most((0.0, 9.0), (10.0, 90.0)), 0.0, "below all bands");
        assert_eq!(salience.most((1.0, 2.0), (0.0, 9000.0)), 0.0, "behind the last frame");
        salience.start = 1.0;
        assert_eq!(salience.most((1.16, 1.24), (250.0, 300.0)), 1.0);
        assert_eq!(salience.most((0.16, 0.24), (250.0, 300.0)), 0.0, "before the first frame");
        salience.raster.edges = None;
        assert_eq!(salience.most((1.16, 1.24), (5000.0, 6000.0)), 1.0, "bands that are no frequencies");
    }
}
