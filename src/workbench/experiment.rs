//! Comparing classifiers on a corpus: features, folds, fits, predictions.
//!
//! A contender is one classifier or several that decide together (`learn::committee`), under one seed or several.
//! Blocking; the caller gives a [`Watch`] and decides on which thread it runs. Folds of classifiers that read rows run
//! side by side; those that read images use all cores inside one fit, so their folds follow one another.
//!
//! Nothing is fitted, chosen or stopped on test clips, and there is no way to ask for it: `judge` hands `learn` the rows
//! of the training part alone (`Data::select`), and all that is fitted is fitted from those: scaling, dropped
//! columns, early stopping (on training groups split off), calibration of a committee's members. Test rows are passed once, to
//! `Committee::scores`, after the fit. Scaling by speaker looks at a test speaker's clips, without labels, and is told with
//! every table. Searching and tuning see a fold's training part alone. Features look at one clip at a time. What the user
//! chooses by looking at results (`--set`, `--net`) is beyond any program; it is part of the recipe that a run tells.
//! Deliberately absent: tuning (`tune`), paired tests, and any choice made on a test fold.

use std::collections::{BTreeMap, BTreeSet};
use std::path::PathBuf;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Instant;

use anyhow::{Context, Result, bail};
use ndarray::Array2;

use super::checkpoints::{Checkpoints, Shelf};
use super::copies::copies;
use super::cost::{Hearings, cost};
use super::folds::{Planned, planned};
use super::material::{Contender, Listener, check_asked, contenders, sets};
use super::pretrain::pretrain;
use super::summary::Summary;
use super::tune::Tuning;
use super::{corpus_key, human, net, places};
use crate::corpus::plan::{Plan, Split};
use crate::corpus::{Clip, Corpus, LeakKind, Origin, Sex, Target, Task, task};
use crate::features::{Chosen, Preparation};
use crate::job::{Mapped, Watch, is_cancelled};
use crate::label::Timestamp;
use crate::learn::cnn::Settings;
use crate::learn::committee::{Committee, Sets, Verdict, Views, convene, unkept};
use crate::learn::{Classifier, Cost, Data, Epoch, Norm, Recipe, Tune, unusual};
use crate::score::Confusion;
use crate::store::{AUDIO_DIGITS, DataFacts, Maker, Prediction, Protocol, Run, RunId, Source, Training};

/// Nets that the user gave, by the name of the classifier whose own they stand for.
pub type Nets = BTreeMap<String, Settings>;

/// Hyper-parameters that the user gave, by the name of the classifier and their own.
pub type Params = BTreeMap<String, BTreeMap<String, f64>>;

/// What to compare, and how.
#[derive(Debug, Clone, PartialEq)]
pub struct Request {
    /// Names of classifiers, in the order of the table.
    pub models: Vec<String>,
    /// Feature set for the classifiers that can read it; the others take their kind's default.
    pub features: Option<String>,
    /// How to split. A plan that leaks speakers is run beside its speaker-independent twin.
    pub plan: Plan,
    /// Leaks that do not stop the run although the plan promises to exclude them.
    pub allow: BTreeSet<LeakKind>,
    /// What to recognise.
    pub target: Target,
    /// How features are scaled.
    pub norm: Norm,
    /// Upper bound of epochs for classifiers that have epochs.
    pub epochs: Option<usize>,
    /// Seed of everything random.
    pub seed: u64,
    /// Nets that are not the registry's, by the name of the classifier.
    pub nets: Nets,
    /// Hyper-parameters that are not the registry's, by the name of the classifier.
    pub params: Params,
    /// What is done beyond one fit.
    pub effort: Effort,
}

/// What goes into a model beyond one fit on the labels of the corpus. Nothing by default.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Effort {
    /// Fits with seeds that follow one another, whose probabilities are averaged; 0 and 1 = one fit.
    pub seeds: usize,
    /// A second target for nets to learn beside the first.
    pub also: Option<Target>,
    /// Other corpora to train nets on images on before.
    pub pretrain: Vec<PathBuf>,
    /// Runs with seeds that follow one another, each with folds and fits of its own; 0 and 1 = one run.
    pub repeats: usize,
    /// How hyper-parameters that `params` does not give are chosen inside each fold; `None` = they stay the defaults.
    pub tune: Option<Tune>,
    /// Where a killed run leaves what it needs to go on; `None` = nowhere. Changes no result.
    pub checkpoints: Option<Checkpoints>,
}

impl Request {
    /// The same with another seed.
    pub fn seeded(&self, seed: u64) -> Request {
        Request { seed, ..self.clone() }
    }

    /// The net of a classifier that is one: asked for, or the registry's; written out, so that a run tells all of it.
    fn net(&self, kind: &dyn Classifier) -> Result<Option<Settings>> {
        let asked = self.nets.get(kind.name()).cloned().map(Ok);
        Ok(asked.or_else(|| kind.settings()).transpose()?)
    }

    /// The nets of a contender in words (see [`net::told`]); nothing where it has none.
    pub fn told(&self, who: &Contender) -> Vec<(String, String)> {
        let nets = who.members.iter().filter_map(|(kind, _)| self.net(*kind).ok()?);
        let told = nets.filter_map(|mut settings| {
            settings.schedule.epochs = self.epochs.unwrap_or(settings.schedule.epochs);
            net::told(&settings).ok()
        });
        told.flatten().collect()
    }

    /// The recipe of one of its contenders, and the feature sets that it reads.
    ///
    /// # Errors
    /// An unknown feature set.
    pub fn recipe(&self, who: &Contender) -> Result<(Recipe, Vec<Chosen>)> {
        let sets = who.sets(self.features.as_deref(), &self.nets)?;
        let all = who.members.iter().zip(&sets).map(|((kind, _), set)| self.member(*kind, set.name()));
        let mut all: Vec<Recipe> = all.collect::<Result<_>>()?;
        let recipe = match (all.len(), all.pop()) {
            (1, Some(only)) => only,
            (_, last) => {
                // Members of a fusion stay as they are: what is chosen for one alone need not suit the others.
                let members = all.into_iter().chain(last).map(|member| Recipe { tune: None, ..member }).collect();
                let features = sets.iter().map(|set| set.name()).collect::<Vec<_>>().join(" + ");
                let (classifier, norm, seed, epochs) = (who.name.to_owned(), self.norm, self.seed, self.epochs);
                Recipe { classifier, features, norm, seed, epochs, members, ..Recipe::default() }
            }
        };
        let seeds = match self.effort.seeds as u64 {
            0 | 1 => Vec::new(),
            fits => (0..fits).map(|fit| self.seed.wrapping_add(fit)).collect(),
        };
        Ok((Recipe { seeds, ..recipe }, sets))
    }

    /// True where a hyper-parameter is left to choose.
    fn is_open(&self, kind: &dyn Classifier) -> bool {
        let given = self.params.get(kind.name());
        kind.knobs().iter().any(|knob| given.is_none_or(|given| !given.contains_key(knob.name)))
    }

    fn member(&self, kind: &dyn Classifier, features: &str) -> Result<Recipe> {
        let net = self.net(kind)?;
        Ok(Recipe {
            classifier: kind.name().to_owned(),
            features: features.to_owned(),
            norm: self.norm,
            seed: self.seed,
            epochs: self.epochs,
            params: self.params.get(kind.name()).map(|given| unusual(kind, given)).unwrap_or_default(),
            tune: self.effort.tune.filter(|_| self.is_open(kind)),
            also: self.effort.also.filter(|_| net.is_some()).map(|also| also.to_string()),
            net,
            ..Recipe::default()
        })
    }
}

/// What a comparison is about to do.
#[derive(Debug, Clone, PartialEq, Eq, Default, serde::Serialize)]
pub struct Agenda {
    /// Name of the corpus.
    pub corpus: String,
    /// Class names of the task, in the order of confusions.
    pub classes: Vec<String>,
    /// Labelled clips.
    pub clips: usize,
    /// Known speakers.
    pub speakers: usize,
    /// What is fitted, in that order.
    pub series: Vec<Series>,
}

/// A classifier under a plan.
#[derive(Debug, Clone, PartialEq, Eq, Default, serde::Serialize)]
pub struct Series {
    /// The classifier's name.
    pub model: String,
    /// The plan, as typed.
    pub plan: String,
    /// Its folds by name, such as `speaker 12`.
    pub folds: Vec<String>,
}

/// News of a running comparison.
#[derive(Debug, Clone)]
pub enum News {
    /// It is known what will be fitted.
    Start(Arc<Agenda>),
    /// Features of `done` of `total` clips are there.
    Reading {
        /// Name of the feature set.
        set: String,
        /// Clips done.
        done: usize,
        /// Clips in all.
        total: usize,
    },
    /// A classifier starts on a plan.
    Model {
        /// Its name.
        model: String,
        /// The plan, as typed.
        plan: String,
        /// Number of this fit series, from 0.
        index: usize,
        /// Fit series in all (classifiers x plans).
        of: usize,
        /// Folds of the plan.
        folds: usize,
    },
    /// One more epoch of one fold.
    Epoch {
        /// Fold, from 0.
        fold: usize,
        /// The epoch's figures.
        epoch: Epoch,
    },
    /// One more fold is judged.
    Fold {
        /// Which, from 0.
        fold: usize,
        /// Its test clips: who was taken for whom.
        confusion: Confusion,
        /// Seconds from the start of its fit.
        seconds: f64,
        /// Folds done of the current series.
        done: usize,
        /// Folds of the current series.
        folds: usize,
    },
    /// One more trial of a search has ended.
    Trial {
        /// Which, where, and the best so far.
        told: String,
        /// Trials of the outer fold that are done, or seconds spent where the search has a time.
        done: usize,
        /// In all.
        total: usize,
    },
    /// A classifier is done on a plan.
    Run(Arc<Judged>),
    /// Something that the user should know: a run that could not be saved, a classifier that failed.
    Trouble(String),
}

/// What a comparison brings.
#[derive(Debug, Default)]
pub struct Compared {
    /// The runs of the plan, then those of its speaker-independent twin.
    pub runs: Vec<Arc<Judged>>,
    /// Classifiers that failed on a plan, with the reason.
    pub failed: Vec<Failure>,
    /// Why a plan that leaks speakers stands alone.
    pub no_twin: Option<String>,
    pub(super) shelves: Vec<Shelf>,
}

impl Compared {
    /// Removes the checkpoints: nothing is left to resume. For when the results are safe.
    pub fn clear_checkpoints(&self) {
        self.shelves.iter().for_each(Shelf::clear);
    }
}

/// A classifier that could not be judged.
#[derive(Debug, Clone, PartialEq, Eq, serde::Serialize)]
pub struct Failure {
    /// Its name.
    pub model: String,
    /// The plan, as typed.
    pub plan: String,
    /// The whole error chain.
    pub reason: String,
}

/// A run with its figures.
#[derive(Debug, Clone)]
pub struct Judged {
    /// The run.
    pub run: Run,
    /// Its figures.
    pub summary: Summary,
}

/// What all fits of a comparison share: the task and the training data of each feature set.
pub(super) struct Material<'a> {
    pub corpus: &'a Corpus,
    pub task: &'a Task,
    pub preparation: Preparation,
    pub sets: Sets,
    pub pretrained: Vec<String>,
    pub hearings: Hearings,
}

impl Material<'_> {
    /// What a run needs to go on after a kill; `told` is what it is on, in words. `None` where nothing is kept.
    pub(super) fn shelf(
        &self,
        request: &Request,
        who: &Contender,
        (told, splits): (&str, &[Split]),
    ) -> Result<Option<Shelf>> {
        let Some(at) = &request.effort.checkpoints else { return Ok(None) };
        let (recipe, sets) = request.recipe(who)?;
        Ok(Some(Shelf::open(at, &self.key(&recipe, &sets, (told, splits)))))
    }

    /// All that decides the scores of a recipe, as text.
    fn key(&self, recipe: &Recipe, sets: &[Chosen], (plan, splits): (&str, &[Split])) -> String {
        let versions: Vec<(&str, u32)> = sets.iter().map(|set| (set.name(), set.version())).collect();
        let second = self.sets.values().next().map(|data| &data.extras.second);
        let rows: Vec<_> = splits.iter().map(|split| (&split.train, &split.test)).collect();
        let data = (data_hash(self.corpus, self.task), &self.task.classes, &self.preparation);
        format!(
            "{} {data:?} {plan} {rows:?} {recipe:?} {versions:?} {second:?} {:?}",
            env!("CARGO_PKG_VERSION"),
            self.pretrained
        )
    }
}

/// Runs every classifier of `request` on its plan and, if that leaks speakers, on the speaker-independent twin.
///
/// Each finished run is given to `keep`, which may save it and give its number, and is told as [`News::Run`]; so what was
/// done before a cancel is not lost. A classifier that fails does not stop the others.
///
/// # Errors
/// Unknown names, a corpus without such labels, one speaker, an unreadable clip, all classifiers failed,
/// [`crate::job::Cancelled`] in the chain.
pub fn compare(
    corpus: &Corpus,
    request: &Request,
    listener: &Listener<'_>,
    keep: &mut dyn FnMut(&Run) -> Result<Option<RunId>>,
    watch: &dyn Watch<News>,
) -> Result<Compared> {
    let all = contenders(&request.models)?;
    check_asked(&all, (request.features.as_deref(), request.effort.also))?;
    let task = task(corpus, request.target)?;
    let copies = copies(corpus, &task, listener.cache, watch)?;
    let (planned, no_twin) = planned(&task, request, &copies)?;
    if let Some(reason) = &no_twin {
        watch.tell(News::Trouble(format!("no speaker-independent run beside {}: {reason}", request.plan)));
    }
    let mut sets = sets(corpus, &task, (&all, request), listener, watch)?;
    let pretrained = pretrain((corpus, &task), (&all, request), &mut sets, listener, watch)?;
    let hearings = hearings(corpus, &task, (&all, request), listener, watch)?;
    let material = Material { corpus, task: &task, preparation: listener.preparation, sets, pretrained, hearings };
    watch.tell(News::Start(Arc::new(agenda(&material, request, &all, &planned)?)));
    let mut compared = Compared { runs: Vec::new(), failed: Vec::new(), no_twin, shelves: Vec::new() };
    let of = planned.len() * all.len();
    let series = planned.iter().flat_map(|planned| all.iter().map(move |who| (planned, who)));
    for (index, (planned, who)) in series.enumerate() {
        let request = &request.seeded(planned.seed);
        let (model, plan) = (request.recipe(who)?.0.title(), planned.plan.to_string());
        let shelf = material.shelf(request, who, (&plan, planned.splits()))?;
        watch.tell(News::Model { model: model.clone(), plan: plan.clone(), index, of, folds: planned.splits().len() });
        let run = run(who, (&material, shelf.as_ref()), request, planned, watch);
        match run {
            Ok(run) => {
                let judged = finish(run, shelf.as_ref(), keep, watch)?;
                watch.tell(News::Run(Arc::clone(&judged)));
                compared.runs.push(judged);
            }
            Err(error) if is_cancelled(&error) => return Err(error),
            Err(error) => {
                let reason = format!("{error:#}");
                watch.tell(News::Trouble(format!("{model} on {plan}: {reason}")));
                compared.failed.push(Failure { model, plan, reason });
            }
        }
        compared.shelves.extend(shelf);
    }
    match compared.failed.first() {
        Some(first) if compared.runs.is_empty() => bail!("{} on {}: {}", first.model, first.plan, first.reason),
        _ => Ok(compared),
    }
}

/// What computing the features of all contenders takes.
pub(super) fn hearings(
    corpus: &Corpus,
    task: &Task,
    (all, request): (&[Contender], &Request),
    listener: &Listener<'_>,
    watch: &dyn Watch<News>,
) -> Result<Hearings> {
    let clips: Vec<&Clip> = task.rows.iter().map(|&row| &corpus.clips[row]).collect();
    let sets =
        all.iter().map(|who| who.sets(request.features.as_deref(), &request.nets)).collect::<Result<Vec<_>>>()?;
    Hearings::of(&clips, &sets.concat(), listener, watch)
}

/// Saves a run and works out its figures.
pub(super) fn finish(
    mut run: Run,
    shelf: Option<&Shelf>,
    keep: &mut dyn FnMut(&Run) -> Result<Option<RunId>>,
    watch: &dyn Watch<News>,
) -> Result<Arc<Judged>> {
    let stored = shelf.and_then(Shelf::stored);
    match stored.map_or_else(|| keep(&run), |id| Ok(Some(id))) {
        Ok(id) => {
            run.id = id;
            shelf.zip(id).into_iter().for_each(|(shelf, id)| shelf.note_stored(id));
        }
        Err(error) => watch.tell(News::Trouble(format!("the run is not saved: {error:#}"))),
    }
    Ok(Arc::new(Judged { summary: Summary::of(&run)?, run }))
}

fn agenda(material: &Material<'_>, request: &Request, all: &[Contender], planned: &[Planned]) -> Result<Agenda> {
    let mut series = Vec::new();
    for Planned { plan, layout, .. } in planned {
        let folds: Vec<String> = layout.splits.iter().map(|split| split.name.clone()).collect();
        for who in all {
            let model = request.recipe(who)?.0.title();
            series.push(Series { model, plan: plan.to_string(), folds: folds.clone() });
        }
    }
    Ok(Agenda { series, ..Agenda::of(material.corpus, material.task) })
}

impl Agenda {
    /// The task, and nothing to fit yet.
    pub fn of(corpus: &Corpus, task: &Task) -> Agenda {
        Agenda {
            corpus: corpus.name.clone(),
            classes: task.classes.clone(),
            clips: task.rows.len(),
            speakers: task.known_speakers(),
            series: Vec::new(),
        }
    }
}

/// Fits a contender on every fold of a plan, and what it says of the test rows.
pub(super) fn run(
    who: &Contender,
    (material, shelf): (&Material<'_>, Option<&Shelf>),
    request: &Request,
    planned: &Planned,
    watch: &dyn Watch<News>,
) -> Result<Run> {
    let (recipe, sets) = request.recipe(who)?;
    let splits = planned.splits();
    let workers = if who.reads_images() { 1 } else { rayon::current_num_threads() };
    let last = Mutex::new(None);
    let tuning = Tuning::of(&recipe, (material.task, &material.sets), request.params.get(who.name), splits.len());
    let (started_at, started) = (Timestamp::now(), Instant::now());
    let (done, found) = (AtomicUsize::new(0), AtomicUsize::new(0));
    let folds = side_by_side(workers, splits, |fold, split| {
        let began = Instant::now();
        let shape = (split.test.len(), material.task.classes.len(), recipe.seeds.len());
        let recipe = tuning.recipe((fold, split), shelf, watch)?;
        let verdict = match shelf.and_then(|shelf| shelf.verdict(fold, shape)) {
            Some(verdict) => {
                found.fetch_add(1, Ordering::Relaxed);
                verdict
            }
            None => {
                let (committee, verdict) = judge(&recipe, (&material.sets, shelf), (fold, split), watch)?;
                if fold + 1 == splits.len() {
                    *last.lock().unwrap_or_else(PoisonError::into_inner) = Some(committee);
                }
                verdict
            }
        };
        shelf.into_iter().for_each(|shelf| {
            shelf.keep(fold, &verdict);
            shelf.tell(watch);
        });
        let (confusion, seconds) = (confusion(material.task, split, &verdict.scores), began.elapsed().as_secs_f64());
        let done = done.fetch_add(1, Ordering::Relaxed) + 1;
        watch.tell(News::Fold { fold, confusion, seconds, done, folds: splits.len() });
        Ok(verdict)
    })?;
    let fit_seconds = started.elapsed().as_secs_f64();
    // Timed alone: no other fold is at work now.
    let committee = last.into_inner().unwrap_or_else(PoisonError::into_inner);
    let timed = splits.last().zip(committee).map(|(split, committee)| timed(&committee, material, split, watch));
    let cost = timed.transpose()?;
    let training = Training {
        norm: request.norm,
        seed: request.seed,
        epochs: request.epochs,
        checkpoint: checkpoint(who),
        preparation: material.preparation,
        features_version: sets[0].version(),
        sets: versions(&sets),
    };
    let mut protocol = protocol((material.corpus, material.task), planned, training);
    if who.can_start() {
        protocol.data.pretrained.clone_from(&material.pretrained);
        protocol.source.pretrain =
            request.effort.pretrain.iter().map(|path| Origin::of(path, None).path.display().to_string()).collect();
    }
    tuning.tell(&mut protocol);
    if let found @ 1.. = found.into_inner() {
        let note = format!(
            "{}: {found} of {} folds are from before an interruption, and not in the time",
            recipe.title(),
            splits.len()
        );
        protocol.plan.notes.push(note);
    }
    let predictions = predictions((material.corpus, material.task), splits, &folds);
    Ok(Run { id: None, started_at, protocol, recipe, fit_seconds, cost, predictions })
}

/// Cost of the fits of a fold, on the fold's test clips.
fn timed(committee: &Committee, material: &Material<'_>, split: &Split, watch: &dyn Watch<News>) -> Result<Cost> {
    let (test, groups) = views(committee.recipe(), &material.sets, &split.test);
    let seconds = |&row: &usize| material.corpus.clips[material.task.rows[row]].audio.seconds;
    let seconds: Vec<f64> = split.test.iter().map(seconds).collect();
    cost(committee, (&test, &groups), &seconds, &material.hearings, watch)
}

/// Which weights a contender keeps, in words.
fn checkpoint(who: &Contender) -> String {
    match &who.members[..] {
        [(only, _)] => only.checkpoint().to_owned(),
        several => {
            let said = several.iter().map(|(kind, _)| format!("{}: {}", kind.name(), kind.checkpoint()));
            said.collect::<Vec<_>>().join("; ")
        }
    }
}

/// Versions of the feature sets by name, where there are several.
pub(super) fn versions(sets: &[Chosen]) -> BTreeMap<String, u32> {
    let all = sets.iter().map(|set| (set.name().to_owned(), set.version()));
    if sets.len() > 1 { all.collect() } else { BTreeMap::new() }
}

/// The recipe fitted on the fold's training rows, and what it says of its test rows.
pub(super) fn judge(
    recipe: &Recipe,
    (all, shelf): (&Sets, Option<&Shelf>),
    (fold, split): (usize, &Split),
    watch: &dyn Watch<News>,
) -> Result<(Committee, Verdict)> {
    let keepers = |fit: &str| shelf.map_or_else(|| unkept(fit), |shelf| shelf.keeper(fold, fit));
    let told = Mapped::new(watch, |epoch| {
        shelf.into_iter().for_each(|shelf| shelf.tell(watch));
        Some(News::Epoch { fold, epoch })
    });
    let train = read(recipe, all).iter().map(|(name, data)| ((*name).clone(), data.select(&split.train))).collect();
    let committee = convene(recipe, &train, &keepers, &told).with_context(|| split.name.clone())?;
    let (test, groups) = views(recipe, all, &split.test);
    let verdict = committee.scores(&test, &groups)?;
    Ok((committee, verdict))
}

/// The feature sets that a recipe reads.
fn read<'a>(recipe: &Recipe, all: &'a Sets) -> Vec<(&'a String, &'a Data)> {
    recipe.leaves().iter().filter_map(|leaf| all.get_key_value(&leaf.features)).collect()
}

/// Some rows of them, and who speaks there.
fn views(recipe: &Recipe, all: &Sets, rows: &[usize]) -> (Views, Vec<usize>) {
    let read = read(recipe, all);
    let groups = rows.iter().map(|&row| read[0].1.groups[row]).collect();
    (read.iter().map(|(name, data)| ((*name).clone(), data.inputs.select(rows))).collect(), groups)
}

/// Who was taken for whom in the fold's test rows.
pub(super) fn confusion(task: &Task, split: &Split, scores: &Array2<f64>) -> Confusion {
    let mut all = Confusion::new(task.classes.len());
    for (&row, scores) in split.test.iter().zip(scores.outer_iter()) {
        all.see(task.labels[row], argmax(scores.iter().copied()));
    }
    all
}

/// Runs `work` over `items` on up to `workers` plain threads, keeps the order, stops at the first error.
///
/// Plain threads, not rayon: a fit may itself wait for rayon's pool, and a pool that waits for itself never ends.
pub(super) fn side_by_side<T: Sync, R: Send>(
    workers: usize,
    items: &[T],
    work: impl Fn(usize, &T) -> Result<R> + Sync,
) -> Result<Vec<R>> {
    let (next, results) = (AtomicUsize::new(0), Mutex::new(Vec::new()));
    std::thread::scope(|scope| {
        for _ in 0..workers.clamp(1, items.len().max(1)) {
            scope.spawn(|| {
                loop {
                    let index = next.fetch_add(1, Ordering::Relaxed);
                    let Some(item) = items.get(index) else { return };
                    let result = work(index, item);
                    if result.is_err() {
                        next.store(items.len(), Ordering::Relaxed);
                    }
                    results.lock().unwrap_or_else(PoisonError::into_inner).push((index, result));
                }
            });
        }
    });
    let mut results = results.into_inner().unwrap_or_else(PoisonError::into_inner);
    results.sort_by_key(|(index, _)| *index);
    results.into_iter().map(|(_, result)| result).collect()
}

/// What each fold's verdict says of its test clips, in the order of the task.
pub(super) fn predictions((corpus, task): (&Corpus, &Task), splits: &[Split], folds: &[Verdict]) -> Vec<Prediction> {
    let mut by_row = BTreeMap::new();
    for (fold, (split, verdict)) in splits.iter().zip(folds).enumerate() {
        for (at, (&row, scores)) in split.test.iter().zip(verdict.scores.outer_iter()).enumerate() {
            by_row.insert(
                row,
                Prediction {
                    clip: corpus.clips[task.rows[row]].id.clone(),
                    speaker: task.speakers[task.groups[row]].clone(),
                    fold,
                    truth: task.labels[row],
                    pred: argmax(scores.iter().copied()),
                    p: scores.iter().map(|&p| p as f32).collect(),
                    seeds: verdict.seeds.iter().map(|scores| argmax(scores.row(at).iter().copied())).collect(),
                    audio: corpus.clips[task.rows[row]].audio.hash.to_string().chars().take(AUDIO_DIGITS).collect(),
                },
            );
        }
    }
    by_row.into_values().collect()
}

/// Index of the largest score; the first of equals.
pub fn argmax(scores: impl Iterator<Item = f64>) -> usize {
    scores.enumerate().fold((0, f64::NEG_INFINITY), |best, (i, p)| if p > best.1 { (i, p) } else { best }).0
}

/// What stands beside the numbers of a run on `task`.
pub(super) fn protocol((corpus, task): (&Corpus, &Task), planned: &Planned, training: Training) -> Protocol {
    let mut plan = planned.facts(task, training.norm);
    plan.notes.splice(..0, corpus.truth.iter().map(ToString::to_string));
    Protocol {
        data: data_facts(corpus, task),
        plan,
        training,
        search: None,
        maker: Maker {
            emolab: env!("CARGO_PKG_VERSION").to_owned(),
            commit: env!("EMOLAB_COMMIT").to_owned(),
            host: places::host(),
            cpu: places::cpu(),
        },
        source: source(corpus),
    }
}

/// Where the corpus of a run is.
pub(super) fn source(corpus: &Corpus) -> Source {
    let Origin { path, description } = corpus.origin.clone();
    Source { path: path.display().to_string(), description, ..Source::default() }
}

/// Which clips a run on `task` is about.
pub(super) fn data_facts(corpus: &Corpus, task: &Task) -> DataFacts {
    DataFacts {
        corpus: corpus.name.clone(),
        corpus_key: corpus_key(corpus),
        target: task.target,
        classes: task.classes.clone(),
        clips: task.rows.len(),
        speakers: task.known_speakers(),
        data_hash: data_hash(corpus, task),
        synthetic: corpus.synthetic,
        listeners: human::listeners(corpus, task),
        sexes: sexes(corpus, task),
        pretrained: Vec::new(),
        truth: corpus.truth.clone(),
    }
}

/// Sex of each known speaker of the task, where the corpus tells.
fn sexes(corpus: &Corpus, task: &Task) -> BTreeMap<String, Sex> {
    let of = |&row: &usize| corpus.clips[row].speaker.as_deref().map(str::to_owned).zip(corpus.clips[row].sex);
    task.rows.iter().filter_map(of).collect()
}

/// Identifies what was learnt from: BLAKE3 over audio hash, class and speaker of every clip, in order, then soft labels.
fn data_hash(corpus: &Corpus, task: &Task) -> String {
    let mut hasher = blake3::Hasher::new();
    for (row, &clip) in task.rows.iter().enumerate() {
        let audio = corpus.clips[clip].audio.hash.to_string();
        for part in [&audio, &task.classes[task.labels[row]], &task.speakers[task.groups[row]]] {
            hasher.update(part.as_bytes());
            hasher.update(&[0]);
        }
    }
    for share in task.rows.iter().filter_map(|&clip| corpus.shares(clip)).flatten() {
        hasher.update(&share.to_le_bytes());
    }
    hasher.finalize().to_hex()[..16].to_owned()
}
