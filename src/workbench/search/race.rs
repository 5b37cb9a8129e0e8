//! The search inside one outer fold: inner folds of its training speakers, rungs of trials, the winner.
//!
//! It is handed the rows that it may learn from and never looks at others. Deliberately absent: outer folds, runs, files.

use std::collections::BTreeSet;
use std::ops::Range;
use std::time::{Duration, Instant};

use anyhow::{Context, Result, ensure};
use ndarray::Array2;

use super::super::experiment::{News, argmax, side_by_side};
use super::candidates::{Candidate, Candidates, full_epochs};
use super::halving::{ETA, FEWEST_EPOCHS, Rung, Score, largest, ranked, rungs, rungs_to};
use super::journal::{End, Entry, Journal, Place};
use crate::corpus::plan::{Plan, Split};
use crate::features::Kind;
use crate::job::{Cancelled, Mapped, Watch, is_cancelled};
use crate::learn::committee::Sets;
use crate::learn::{Recipe, classifier, fit};
use crate::score::{Confusion, metric};

/// Trials of a race whose end is a time: race follows race until it has come.
const RACE: usize = 9;
/// A probability of 0 would make a loss that is not finite.
const LEAST: f64 = 1e-12;

/// How much may be tried.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Budget {
    /// Trials in each outer fold; `None` = as many as there is time for.
    pub trials: Option<usize>,
    /// Time for everything, outer fits included; `None` = as long as the trials take.
    pub time: Option<Duration>,
}

/// One trial in one rung.
#[derive(Debug, Clone, PartialEq, serde::Serialize)]
pub struct Tried {
    /// Number of the candidate.
    pub trial: usize,
    /// By what its epochs were divided.
    pub shorten: usize,
    /// What it was worth on the inner folds; `None` = it failed.
    pub score: Option<Score>,
    /// Time it took.
    pub seconds: f64,
}

/// What all folds share.
pub struct Race<'a, 'b> {
    /// Training data of every feature set that candidates read.
    pub sets: &'a Sets,
    /// The recipes that may take part.
    pub candidates: &'a mut Candidates<'b>,
    /// What is already done.
    pub journal: &'a mut Journal,
    /// How much may be tried.
    pub budget: Budget,
    /// Clips of an inner fit, about: what its epochs are counted by.
    pub clips: usize,
    /// To tell and to stop.
    pub watch: &'a dyn Watch<News>,
}

/// Scores per class of an outer fold's test rows, or why there are none; and the time they took.
pub type Judgement = (Result<Array2<f64>, String>, f64);

/// An outer fold of a search.
#[derive(Debug, Clone)]
pub struct Fold<'a> {
    /// From 0.
    pub number: usize,
    /// Rows to search on and to be judged on; the latter may be empty.
    pub split: &'a Split,
    /// Inner folds of the training rows.
    pub inner: Vec<Split>,
    /// Fit time that is left for its trials.
    pub time: Option<Duration>,
}

/// Cancels at a time, too.
struct Until<'a> {
    outer: &'a dyn Watch<News>,
    end: Option<Instant>,
}

impl Watch<News> for Until<'_> {
    fn check(&self) -> Result<(), Cancelled> {
        self.outer.check()?;
        if self.end.is_some_and(|end| Instant::now() >= end) { Err(Cancelled) } else { Ok(()) }
    }
    fn tell(&self, news: News) {
        self.outer.tell(news);
    }
}

/// Speaker-disjoint folds of the rows that a search may see, balanced by class; at most one per speaker.
///
/// # Errors
/// One speaker; a fold that leaves fewer than two classes to learn from.
pub fn inner_folds(
    (labels, groups): (&[usize], &[usize]),
    rows: &[usize],
    (folds, seed): (usize, u64),
) -> Result<Vec<Split>> {
    let of = |all: &[usize]| rows.iter().map(|&row| all[row]).collect::<Vec<_>>();
    let (labels, groups) = (of(labels), of(groups));
    let speakers = groups.iter().collect::<BTreeSet<_>>().len();
    ensure!(
        speakers > 1,
        "a search needs at least 2 speakers to learn from in every fold, and there is one (--plan loso leaves most)"
    );
    let splits = Plan::Speakers(folds.min(speakers)).splits(&labels, &groups, seed)?;
    let back = |places: Vec<usize>| places.into_iter().map(|place| rows[place]).collect();
    let back = |split: Split| Split { train: back(split.train), test: back(split.test), ..split };
    Ok(splits.into_iter().map(back).collect())
}

impl Race<'_, '_> {
    /// The rungs of a race of so many, as far as there are candidates for it.
    pub fn rungs(&mut self, trials: usize) -> Vec<Rung> {
        let enough = matches!(self.candidates.get(trials - 1), Ok(Some(_)));
        rungs(if enough { trials } else { self.candidates.all().len() }, self.epochs())
    }

    /// Runs the fold's trials, as many as the budget allows, in the order in which they ended.
    ///
    /// # Errors
    /// Cancelled; the journal cannot be written; features of a candidate are missing.
    pub fn run(&mut self, fold: &Fold<'_>) -> Result<Vec<Tried>> {
        let mut tried = Vec::new();
        match self.budget.trials {
            Some(trials) => drop(self.race(fold, (0..trials, 1), &mut tried)?),
            None => self.races(fold, &mut tried)?,
        }
        Ok(tried)
    }

    /// Race after race until the time is over or the space is used up, each as large as there is time for by what trials
    /// have taken. All end with the same share of the epochs as the first: scores of others do not compare.
    fn races(&mut self, fold: &Fold<'_>, tried: &mut Vec<Tried>) -> Result<()> {
        let shortest = if self.epochs() >= FEWEST_EPOCHS * ETA * ETA { ETA * ETA } else { 1 };
        if self.heat(fold, (0, shortest), tried)?.is_none() {
            return Ok(());
        }
        let (mut first, mut top) = (0, None);
        loop {
            let whole = spent(tried) / tried.iter().map(|tried| 1.0 / tried.shorten as f64).sum::<f64>();
            let left = fold.time.map_or(0.0, |time| time.as_secs_f64()) - spent(tried);
            let race = largest(RACE, self.epochs(), whole, left);
            let Some((trials, shorten)) = race.filter(|(_, found)| *found <= top.unwrap_or(*found)) else {
                return Ok(());
            };
            let shorten = *top.get_or_insert(shorten);
            if !self.race(fold, (first..first + trials, shorten), tried)? {
                return Ok(());
            }
            first += trials;
            if self.candidates.get(first)?.is_none() {
                return Ok(());
            }
        }
    }

    /// Epochs of a whole fit of the first candidate.
    fn epochs(&self) -> usize {
        full_epochs(&self.candidates.all()[0].recipe, self.clips).unwrap_or(1)
    }

    /// One race between candidates of these numbers; false when the time was over before its end.
    fn race(&mut self, fold: &Fold<'_>, (numbers, top): (Range<usize>, usize), tried: &mut Vec<Tried>) -> Result<bool> {
        let mut field = Vec::new();
        for number in numbers {
            field.extend(self.candidates.get(number)?.is_some().then_some(number));
        }
        for rung in rungs_to(top, field.len(), self.epochs()) {
            field.truncate(rung.trials);
            let mut scored = Vec::new();
            for &trial in &field {
                let Some(score) = self.heat(fold, (trial, rung.shorten), tried)? else { return Ok(false) };
                scored.push((trial, score));
            }
            field = ranked(&scored);
        }
        Ok(true)
    }

    /// One trial of a race, unless it was tried before; `None` when the time was over before its end.
    fn heat(&mut self, fold: &Fold<'_>, at: (usize, usize), tried: &mut Vec<Tried>) -> Result<Option<Option<Score>>> {
        if let Some(before) = tried.iter().find(|tried| (tried.trial, tried.shorten) == at) {
            return Ok(Some(before.score));
        }
        let left = fold.time.map(|time| time.as_secs_f64() - spent(tried));
        let Some(one) = self.inner(fold, at, left)? else { return Ok(None) };
        let score = one.score;
        tried.push(one);
        self.tell(fold, tried);
        Ok(Some(score))
    }

    /// One trial on the inner folds; `None` when `left` seconds were not enough.
    fn inner(&mut self, fold: &Fold<'_>, (trial, shorten): (usize, usize), left: Option<f64>) -> Result<Option<Tried>> {
        let place = Place { fold: fold.number, trial, shorten: Some(shorten) };
        let tried = |entry: &Entry| Tried { trial, shorten, score: entry.score(), seconds: entry.seconds };
        if let Some(done) = self.journal.get(place) {
            return Ok(Some(tried(done)));
        }
        if left.is_some_and(|left| left <= 0.0) {
            return Ok(None);
        }
        let started = Instant::now();
        let end = left.map(|left| started + Duration::from_secs_f64(left));
        let Some(candidate) = self.candidates.get(trial)? else { return Ok(None) };
        let end = match score(self.sets, (candidate, shorten), &fold.inner, &Until { outer: self.watch, end }) {
            Ok(score) => End::Inner(score),
            // The time, not the user.
            Err(error) if is_cancelled(&error) => return self.watch.check().map(|()| None).map_err(Into::into),
            Err(error) => End::Failed(format!("{error:#}")),
        };
        let entry = Entry { place, seconds: started.elapsed().as_secs_f64(), end };
        self.journal.add(entry.clone())?;
        Ok(Some(tried(&entry)))
    }

    /// Scores per class of the outer fold's test rows by a candidate fitted on all of its training rows, or why there are
    /// none; and the time it took.
    ///
    /// # Errors
    /// Cancelled; the journal cannot be written.
    pub fn outer(&mut self, fold: &Fold<'_>, trial: usize) -> Result<Judgement> {
        let place = Place { fold: fold.number, trial, shorten: None };
        if let Some(done) = self.journal.get(place) {
            return Ok((done.scores()?, done.seconds));
        }
        let started = Instant::now();
        let recipe = self.candidates.get(trial)?.context("no such candidate")?.recipe.clone();
        let scores = judge(self.sets, &recipe, fold.split, (fold.number, self.watch));
        let seconds = started.elapsed().as_secs_f64();
        let end = match &scores {
            Ok(scores) => End::Outer(scores.outer_iter().map(|row| row.to_vec()).collect()),
            Err(error) if is_cancelled(error) => return Err(Cancelled.into()),
            Err(error) => End::Failed(format!("{error:#}")),
        };
        self.journal.add(Entry { place, seconds, end })?;
        Ok((scores.map_err(|error| format!("{error:#}")), seconds))
    }

    /// Why the last trial of a fold failed, if one did.
    pub fn failure(&self, fold: usize) -> Option<String> {
        self.journal.entries().iter().rev().filter(|entry| entry.place.fold == fold).find_map(Entry::failure)
    }

    fn tell(&mut self, fold: &Fold<'_>, tried: &[Tried]) {
        let Some(last) = tried.last() else { return };
        let epochs = if last.shorten > 1 { format!(" at 1/{} of its epochs", last.shorten) } else { String::new() };
        let best = tried.iter().filter_map(|tried| tried.score).map(|score| score.uar).fold(0.0, f64::max);
        let (done, total) = match (fold.time, self.budget.trials) {
            (None, Some(trials)) => (tried.len(), self.rungs(trials).iter().map(|rung| rung.trials).sum()),
            (time, _) => (spent(tried) as usize, time.unwrap_or_default().as_secs() as usize),
        };
        let told = format!("{}: trial {}{epochs}; best inner UAR {:.1}", fold.split.name, last.trial, 100.0 * best);
        self.watch.tell(News::Trial { told, done, total });
    }
}

/// Seconds that trials took.
pub fn spent(tried: &[Tried]) -> f64 {
    tried.iter().map(|tried| tried.seconds).sum()
}

/// Trials of a fold, the best first: those with more epochs before those with fewer.
pub fn ranking(tried: &[Tried]) -> Vec<&Tried> {
    let mut all: Vec<(&Tried, Score)> = tried.iter().filter_map(|tried| Some((tried, tried.score?))).collect();
    all.sort_by(|(a, x), (b, y)| a.shorten.cmp(&b.shorten).then(x.order(y)).then(a.trial.cmp(&b.trial)));
    all.into_iter().map(|(tried, _)| tried).collect()
}

/// What a recipe is worth on inner folds: each is scored by a fit on the others.
///
/// # Errors
/// Cancelled; missing features; a fit that failed.
pub fn score(
    sets: &Sets,
    (candidate, shorten): (&Candidate, usize),
    inner: &[Split],
    watch: &dyn Watch<News>,
) -> Result<Score> {
    let recipe = &candidate.recipe;
    let data = sets.get(&recipe.features).with_context(|| format!("no features `{}`", recipe.features))?;
    let images = classifier(&recipe.classifier).is_some_and(|kind| kind.kind() == Kind::Image);
    let workers = if images { 1 } else { rayon::current_num_threads() };
    // The curves of inner fits are told to nobody: there are too many to look at.
    let silent = Mapped::new(watch, |_| None);
    let folds = side_by_side(workers, inner, |_, split| {
        let (train, recipe) = (data.select(&split.train), candidate.shortened(shorten, split.train.len()));
        let fitted = fit(&recipe, &train, &silent).with_context(|| format!("inner {}", split.name))?;
        let test = data.select(&split.test);
        Ok(fitted.scores(&test.inputs, &test.groups)?)
    })?;
    let (mut truth, mut pred, mut loss) = (Vec::new(), Vec::new(), 0.0);
    for (&row, scores) in
        inner.iter().zip(&folds).flat_map(|(split, scores)| split.test.iter().zip(scores.outer_iter()))
    {
        truth.push(data.labels[row]);
        pred.push(argmax(scores.iter().copied()));
        loss -= scores[data.labels[row]].max(LEAST).ln();
    }
    let confusion = Confusion::of(&truth, &pred, data.classes)?;
    let uar = metric("uar").and_then(|metric| (metric.of)(&confusion)).context("no clips to score")?;
    Ok(Score { uar, loss: loss / truth.len().max(1) as f64 })
}

/// Scores of a split's test rows by a fit on all of its training rows.
fn judge(sets: &Sets, recipe: &Recipe, split: &Split, (fold, watch): (usize, &dyn Watch<News>)) -> Result<Array2<f64>> {
    let data = sets.get(&recipe.features).with_context(|| format!("no features `{}`", recipe.features))?;
    let told = Mapped::new(watch, |epoch| Some(News::Epoch { fold, epoch }));
    let fitted = fit(recipe, &data.select(&split.train), &told).with_context(|| format!("fold {}", split.name))?;
    let test = data.select(&split.test);
    Ok(fitted.scores(&test.inputs, &test.groups)?)
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    proptest! {
        #[test]
        fn inner_folds_hold_training_speakers_alone_and_each_on_one_side(
            speakers in 3usize..9, each in 2usize..5, folds in 2usize..5, held in 0usize..3, seed: u64
        ) {
            let groups: Vec<usize> = (0..speakers * each * 2).map(|row| row / (each * 2)).collect();
            let labels: Vec<usize> = (0..groups.len()).map(|row| row % 2).collect();
            let rows: Vec<usize> = (0..groups.len()).filter(|&row| groups[row] != held).collect();
            let inner = inner_folds((&labels, &groups), &rows, (folds, seed)).unwrap();
            prop_assert_eq!(inner.len(), folds.min(speakers - 1));
            let mut tested: Vec<usize> = Vec::new();
            for split in &inner {
                let train: BTreeSet<usize> = split.train.iter().map(|&row| groups[row]).collect();
                let test: BTreeSet<usize> = split.test.iter().map(|&row| groups[row]).collect();
                prop_assert!(!train.contains(&held) && !test.contains(&held), "the outer test speaker is inside");
                prop_assert!(train.is_disjoint(&test));
                prop_assert_eq!(split.train.len() + split.test.len(), rows.len());
                tested.extend(&split.test);
            }
            tested.sort_unstable();
            prop_assert_eq!(tested, rows);
        }
    }

    #[test]
    fn the_longest_rung_counts_first() {
        let tried = |trial, shorten, uar: Option<f64>| Tried {
            trial,
            shorten,
            score: uar.map(|uar| Score { uar, loss: 1.0 }),
            seconds: 1.0,
        };
        let all = [
            tried(0, 3, Some(0.9)),
            tried(1, 3, None),
            tried(2, 3, Some(0.7)),
            tried(2, 1, Some(0.5)),
            tried(3, 1, Some(0.6)),
        ];
        let order: Vec<(usize, usize)> = ranking(&all).iter().map(|tried| (tried.trial, tried.shorten)).collect();
        assert_eq!(order, [(3, 1), (2, 1), (0, 3), (2, 3)]);
    }
}
