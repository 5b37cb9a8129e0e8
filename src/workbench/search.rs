//! Searching for a recipe: random candidates, successive halving, inside the training speakers of every outer fold.
//!
//! For each fold of the plan the search sees its training speakers alone, judges candidates on inner folds of them, fits
//! the winner on all of them, and that fit predicts the fold's test speakers: so the run that comes of it is as honest as
//! one of `experiment`, and what is judged is the search, not one recipe. Beside it stands the run of the recipe that the
//! search starts from, unchanged. Without outer folds a search gives a recipe and a *selection score*, which is no estimate.
//!
//! Deliberately absent: hyper-parameters of classifiers that are no nets (see `tune`), and plans that leak speakers.

mod candidates;
mod halving;
mod journal;
mod race;

use std::collections::{BTreeMap, BTreeSet};
use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

use anyhow::{Context, Result, bail, ensure};
use ndarray::Array2;

use super::copies::copies;
use super::experiment::{Agenda, Judged, News, Request, Series, confusion, finish, predictions, protocol};
use super::folds::Planned;
use super::material::{Listener, sets};
use crate::corpus::plan::Split;
use crate::corpus::{Corpus, Task, task};
use crate::job::Watch;
use crate::label::Timestamp;
use crate::learn::committee::{Sets, Verdict};
use crate::learn::space::Space;
use crate::learn::{Recipe, classifier};
use crate::store::{Run, RunId, Searched, Training, Winner};

pub use candidates::Candidate;
use candidates::Candidates;
pub(super) use halving::ranked;
pub use halving::{ETA, Rung, Score};
use journal::Journal;
pub use race::{Budget, Tried};
use race::{Fold, Race, ranking, spent};
pub(super) use race::{inner_folds, score};

/// What to search, where, and how long.
#[derive(Debug, Clone)]
pub struct Quest {
    /// Classifiers, target, plan, seed and all that stays as it is.
    pub request: Request,
    /// What varies.
    pub space: Space,
    /// How much may be tried.
    pub budget: Budget,
    /// Inner folds, at most.
    pub inner: usize,
    /// Search once on all speakers, for a recipe; nothing is judged and the plan is not used.
    pub once: bool,
    /// Folder of the journal; `None` = what is done is kept in memory alone.
    pub journal: Option<PathBuf>,
    /// Go on from the journal.
    pub resume: bool,
}

/// What a search brings.
#[derive(Debug)]
pub struct Found {
    /// The run of the winners, then that of the unchanged recipe; none where nothing was judged.
    pub runs: Vec<Arc<Judged>>,
    /// The candidates by number; the last ones may not have been tried.
    pub candidates: Vec<Candidate>,
    /// The rungs of the race in each fold; none where time decided.
    pub rungs: Vec<Rung>,
    /// The outer folds; one, of all speakers, where nothing was judged.
    pub folds: Vec<Searching>,
}

/// The search in one outer fold.
#[derive(Debug, Clone, serde::Serialize)]
pub struct Searching {
    /// Name of the fold.
    pub name: String,
    /// Number of the candidate that won.
    pub winner: usize,
    /// Its score on the inner folds; `None` when there was no time for any trial.
    pub score: Option<Score>,
    /// Every trial, in the order in which they ended.
    pub tried: Vec<Tried>,
}

/// The fits that are judged.
#[derive(Default)]
struct Outer {
    winners: Vec<Verdict>,
    defaults: Vec<Verdict>,
    /// Fit time of search and winners, and that of the defaults.
    seconds: (f64, f64),
    /// Why the unchanged recipe has no run.
    no_default: Option<String>,
}

/// Searches, judges, and gives both runs to `keep` (see [`super::experiment::compare`]).
///
/// A trial that fails is no winner; a winner that fails on the whole fold makes way for the next best.
///
/// # Errors
/// Unknown names, a space that does not fit, a plan that leaks speakers, fewer than 3 speakers, an unreadable clip, a
/// journal that cannot be written, no trial that succeeded, [`crate::job::Cancelled`] in the chain.
pub fn search(
    corpus: &Corpus,
    quest: &Quest,
    listener: &Listener<'_>,
    keep: &mut dyn FnMut(&Run) -> Result<Option<RunId>>,
    watch: &dyn Watch<News>,
) -> Result<Found> {
    let request = &quest.request;
    let mut candidates = Candidates::new(request, &quest.space)?;
    let task = task(corpus, request.target)?;
    let copies = if quest.once { Vec::new() } else { copies(corpus, &task, listener.cache, watch)? };
    let planned = planned(&task, quest, &copies)?;
    let inner = inner(&task, quest, planned.splits())?;
    let sets = gathered(corpus, &task, (&candidates, request), listener, watch)?;
    let versions = versions(&candidates)?;
    let stage = Stage { corpus, task: &task, quest, listener, versions, planned: &planned };
    let mut journal = stage.journal()?;
    journal.notes().iter().for_each(|note| watch.tell(News::Trouble(note.clone())));
    let started_at = Timestamp::now();
    let clips = inner.first().and_then(|folds| folds.first()).map_or(0, |split| split.train.len());
    stage.announce(&candidates, watch);
    let (candidates, journal) = (&mut candidates, &mut journal);
    let mut race = Race { sets: &sets, candidates, journal, budget: quest.budget, clips, watch };
    let mut outer = Outer::default();
    let done = stage.all(inner, &mut race, &mut outer)?;
    let rungs = quest.budget.trials.map_or_else(Vec::new, |trials| race.rungs(trials));
    let candidates = race.candidates.all().to_vec();
    if let Some(trials) = quest.budget.trials.filter(|&trials| trials > candidates.len()) {
        let have = candidates.len();
        watch.tell(News::Trouble(format!("the space holds {have} different recipes, not {trials}: all took part")));
    }
    let mut found = Found { runs: Vec::new(), candidates, rungs, folds: done };
    for run in stage.runs(&found, outer, started_at, watch) {
        let judged = finish(run, None, keep, watch)?;
        watch.tell(News::Run(Arc::clone(&judged)));
        found.runs.push(judged);
    }
    Ok(found)
}

/// The outer folds; where it is searched once, all speakers are to learn from.
fn planned(task: &Task, quest: &Quest, copies: &[(usize, usize)]) -> Result<Planned> {
    let plan = &quest.request.plan;
    if quest.once {
        let lacking = task.speakerless();
        ensure!(lacking == 0, "{lacking} clips have no known speaker, so a search cannot keep speakers apart");
        let (train, test) = ((0..task.rows.len()).collect(), Vec::new());
        let all = Split { name: "all speakers".to_owned(), train, test };
        return Ok(Planned::unplanned(plan.clone(), vec![all]));
    }
    let refused = "a search needs a plan that keeps speakers apart (loso, speakers:K)";
    ensure!(!plan.leaks_speakers(), "{refused}, not {plan}");
    let planned = Planned::of(task, plan, (quest.request.seed, &quest.request.allow), copies)?;
    planned.hold()?;
    ensure!(!planned.speakers_leak(), "{refused}, not {plan}");
    Ok(planned)
}

/// Training data of every feature set that a candidate may read.
fn gathered(
    corpus: &Corpus,
    task: &Task,
    (candidates, request): (&Candidates<'_>, &Request),
    listener: &Listener<'_>,
    watch: &dyn Watch<News>,
) -> Result<Sets> {
    let mut all = Sets::new();
    for features in candidates.features() {
        let asked = Request { features: features.map(str::to_owned), ..request.clone() };
        for (name, data) in sets(corpus, task, (candidates.contenders(), &asked), listener, watch)? {
            all.entry(name).or_insert(data);
        }
    }
    Ok(all)
}

/// Versions of the same sets.
fn versions(candidates: &Candidates<'_>) -> Result<BTreeMap<String, u32>> {
    let mut all = BTreeMap::new();
    for features in candidates.features() {
        for who in candidates.contenders() {
            all.extend(who.sets(features, candidates.nets())?.iter().map(|set| (set.name().to_owned(), set.version())));
        }
    }
    Ok(all)
}

/// The inner folds of each outer one.
fn inner(task: &Task, quest: &Quest, splits: &[Split]) -> Result<Vec<Vec<Split>>> {
    let of = |split: &Split| {
        let all = (&task.labels[..], &task.groups[..]);
        let inner = inner_folds(all, &split.train, (quest.inner, quest.request.seed));
        inner.with_context(|| format!("inside the fold that tests {}", split.name))
    };
    splits.iter().map(of).collect()
}

/// What is searched and judged on.
struct Stage<'a> {
    corpus: &'a Corpus,
    task: &'a Task,
    quest: &'a Quest,
    listener: &'a Listener<'a>,
    /// Of every feature set in play.
    versions: BTreeMap<String, u32>,
    planned: &'a Planned,
}

impl Stage<'_> {
    fn plan(&self) -> String {
        if self.quest.once { "all speakers".to_owned() } else { self.quest.request.plan.to_string() }
    }

    fn announce(&self, candidates: &Candidates<'_>, watch: &dyn Watch<News>) {
        let names: Vec<&str> = candidates.contenders().iter().map(|who| who.name).collect();
        let (model, plan) = (format!("search {}", names.join(", ")), self.plan());
        let folds: Vec<String> = self.planned.splits().iter().map(|split| split.name.clone()).collect();
        let count = folds.len();
        let series = vec![Series { model: model.clone(), plan: plan.clone(), folds }];
        watch.tell(News::Start(Arc::new(Agenda { series, ..Agenda::of(self.corpus, self.task) })));
        watch.tell(News::Model { model, plan, index: 0, of: 1, folds: count });
    }

    /// The journal of just this search: of these data, features, nets, space, folds and seed, by this version.
    fn journal(&self) -> Result<Journal> {
        let Some(dir) = &self.quest.journal else { return Ok(Journal::in_memory()) };
        let (request, quest) = (&self.quest.request, self.quest);
        let facts = super::experiment::data_facts(self.corpus, self.task);
        // Everything that decides what a fit of this number in this fold brings.
        let what = (&facts, request, &quest.space, quest.inner, quest.once, &self.versions, self.listener.preparation);
        let key = blake3::hash(format!("{} {what:?}", env!("CARGO_PKG_VERSION")).as_bytes()).to_hex();
        let about = format!("{}, {}, {}, seed {}", facts.corpus, request.target, self.plan(), request.seed);
        Journal::open(dir, (&key[..16], &about), quest.resume)
    }

    /// Searches in every fold, and judges unless it is searched once.
    fn all(&self, inner: Vec<Vec<Split>>, race: &mut Race<'_, '_>, outer: &mut Outer) -> Result<Vec<Searching>> {
        let (mut done, of) = (Vec::new(), self.planned.splits().len());
        for (number, (split, inner)) in self.planned.splits().iter().zip(inner).enumerate() {
            let mut fold = Fold { number, split, inner, time: None };
            let left = self.quest.budget.time.map(|time| {
                let spent = Duration::from_secs_f64(outer.seconds.0 + outer.seconds.1);
                time.saturating_sub(spent) / (of - number) as u32
            });
            // The unchanged recipe first: how long it takes is what the winner, too, is expected to take.
            let default = if self.quest.once { 0.0 } else { self.default(race, &fold, outer)? };
            fold.time = left.map(|left| left.saturating_sub(Duration::from_secs_f64(2.0 * default)));
            let tried = race.run(&fold)?;
            outer.seconds.0 += spent(&tried);
            let searching = self.winner(race, &fold, tried, outer)?;
            done.push(searching);
        }
        Ok(done)
    }

    /// Judges the unchanged recipe; the time it took.
    fn default(&self, race: &mut Race<'_, '_>, fold: &Fold<'_>, outer: &mut Outer) -> Result<f64> {
        let told = format!("{}: the unchanged recipe", fold.split.name);
        race.watch.tell(News::Trial { told, done: 0, total: 1 });
        let (scores, seconds) = race.outer(fold, 0)?;
        match scores {
            Ok(scores) => outer.defaults.push(verdict(scores)),
            Err(reason) => outer.no_default = Some(format!("{}: {reason}", fold.split.name)),
        }
        outer.seconds.1 += seconds;
        Ok(seconds)
    }

    /// The best trial whose fit on the whole fold succeeds.
    fn winner(
        &self,
        race: &mut Race<'_, '_>,
        fold: &Fold<'_>,
        tried: Vec<Tried>,
        outer: &mut Outer,
    ) -> Result<Searching> {
        let name = fold.split.name.clone();
        let mut ranked: Vec<(usize, Option<Score>)> = ranking(&tried).iter().map(|t| (t.trial, t.score)).collect();
        if tried.is_empty() {
            race.watch.tell(News::Trouble(format!("{name}: no time for a single trial; the unchanged recipe stands")));
            ranked.push((0, None));
        }
        let mut seen = BTreeSet::new();
        ranked.retain(|(trial, _)| seen.insert(*trial));
        let mut failed = None;
        for (winner, score) in ranked {
            if self.quest.once {
                return Ok(Searching { name, winner, score, tried });
            }
            let (scores, seconds) = race.outer(fold, winner)?;
            // The same fit as that of the unchanged recipe counts once.
            outer.seconds.0 += if winner == 0 { 0.0 } else { seconds };
            match scores {
                Ok(scores) => {
                    let (confusion, done) = (confusion(self.task, fold.split, &scores), fold.number + 1);
                    let (fold, folds) = (fold.number, self.planned.splits().len());
                    race.watch.tell(News::Fold { fold, confusion, seconds, done, folds });
                    outer.winners.push(verdict(scores));
                    return Ok(Searching { name, winner, score, tried });
                }
                Err(reason) => {
                    race.watch.tell(News::Trouble(format!("{name}, trial {winner}: {reason}")));
                    failed = Some(reason);
                }
            }
        }
        let failed = failed.or_else(|| race.failure(fold.number)).unwrap_or_default();
        bail!("{name}: every trial failed, the last: {failed}")
    }

    /// The run of the winners and that of the unchanged recipe.
    fn runs(&self, found: &Found, outer: Outer, started_at: Timestamp, watch: &dyn Watch<News>) -> Vec<Run> {
        if self.quest.once {
            return Vec::new();
        }
        let (searched, default) = outer.seconds;
        let (recipe, facts) = self.searched(found);
        let mut run = self.run(recipe, &outer.winners, (started_at, searched), found);
        run.protocol.plan.notes.extend(told(&facts));
        run.protocol.search = Some(facts);
        let mut runs = vec![run];
        match outer.no_default {
            None => {
                let recipe = found.candidates[0].recipe.clone();
                runs.push(self.run(recipe, &outer.defaults, (started_at, default), found));
            }
            Some(reason) => watch.tell(News::Trouble(format!("no run of the unchanged recipe: {reason}"))),
        }
        runs
    }

    fn run(
        &self,
        recipe: Recipe,
        scores: &[Verdict],
        (started_at, fit_seconds): (Timestamp, f64),
        found: &Found,
    ) -> Run {
        let request = &self.quest.request;
        let training = Training {
            norm: recipe.norm,
            seed: request.seed,
            epochs: request.epochs,
            checkpoint: self.checkpoint(&found.candidates[0].recipe),
            preparation: self.listener.preparation,
            features_version: self.versions.get(&found.candidates[0].recipe.features).copied().unwrap_or(0),
            sets: if self.versions.len() > 1 { self.versions.clone() } else { BTreeMap::new() },
        };
        let protocol = protocol((self.corpus, self.task), self.planned, training);
        let predictions = predictions((self.corpus, self.task), self.planned.splits(), scores);
        Run { id: None, started_at, protocol, recipe, fit_seconds, cost: None, predictions }
    }

    fn checkpoint(&self, recipe: &Recipe) -> String {
        classifier(&recipe.classifier).map_or_else(String::new, |kind| kind.checkpoint().to_owned())
    }

    /// What a run says of the recipes of its folds.
    fn searched(&self, found: &Found) -> (Recipe, Searched) {
        let winners: Vec<Winner> = found
            .folds
            .iter()
            .map(|fold| {
                let Candidate { changes, recipe } = found.candidates[fold.winner].clone();
                let inner_uar = fold.score.map(|score| score.uar);
                Winner { fold: fold.name.clone(), trial: fold.winner, changes, recipe, inner_uar }
            })
            .collect();
        let distinct = |of: fn(&Recipe) -> &str| {
            let all: BTreeSet<&str> = winners.iter().map(|winner| of(&winner.recipe)).collect();
            all.into_iter().collect::<Vec<_>>().join(" + ")
        };
        let recipe = Recipe {
            classifier: format!("{} (search)", distinct(|recipe| &recipe.classifier)),
            features: distinct(|recipe| &recipe.features),
            norm: self.quest.request.norm,
            seed: self.quest.request.seed,
            epochs: self.quest.request.epochs,
            ..Recipe::default()
        };
        let Budget { trials, time } = self.quest.budget;
        let seconds = time.map(|time| time.as_secs_f64());
        let facts =
            Searched { space: self.quest.space.lines(), trials, seconds, inner_folds: self.quest.inner, winners };
        (recipe, facts)
    }
}

/// What one fit says.
fn verdict(scores: Array2<f64>) -> Verdict {
    Verdict { scores, seeds: Vec::new() }
}

/// What a reader of the run must know of the search.
fn told(facts: &Searched) -> Vec<String> {
    let budget = match (facts.trials, facts.seconds) {
        (Some(trials), None) => format!("{trials} trials a fold"),
        (Some(trials), Some(seconds)) => format!("up to {trials} trials a fold in {seconds:.0} s"),
        (None, seconds) => format!("as many trials as {:.0} s hold", seconds.unwrap_or_default()),
    };
    let inner = facts.inner_folds;
    let mut notes = vec![format!(
        "each fold's recipe was chosen on up to {inner} inner folds of its training speakers ({budget}); its test speakers took no part"
    )];
    notes.extend(facts.winners.iter().map(|winner| {
        let (name, changes) = (&winner.recipe.classifier, winner.changes.text());
        let score = winner.inner_uar.map_or_else(|| "-".to_owned(), |uar| format!("{:.1}", 100.0 * uar));
        let changes = if changes.is_empty() { "unchanged".to_owned() } else { changes };
        format!("{}: trial {}, {name} ({changes}); inner UAR {score} %", winner.fold, winner.trial)
    }));
    notes
}
