//! Comparing classifiers on a corpus: features, folds, fits, predictions.
//!
//! Blocking; the caller gives a [`Watch`] and decides on which thread it runs. Folds of classifiers that read rows run
//! side by side; those that read images use all cores inside one fit, so their folds follow one another.
//! Deliberately absent: tuning, paired tests, and any choice made on a test fold.

use std::collections::BTreeMap;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Instant;

use anyhow::{Context, Result, bail};
use ndarray::Array2;
use rayon::prelude::*;

use crate::audio::decode;
use crate::corpus::plan::{Plan, Split};
use crate::corpus::{Clip, Corpus, Target, Task, task};
use crate::features::cache::Cache;
use crate::features::{FEATURE_SETS, FeatureSet, Features, Kind, feature_set};
use crate::job::{Mapped, Watch};
use crate::label::Timestamp;
use crate::learn::{Classifier, Data, Epoch, Inputs, Norm, Recipe, classifier, fit};
use crate::store::{DataFacts, Maker, PlanFacts, Prediction, Protocol, Run, RunId, Training};

use super::summary::Summary;
use super::{corpus_key, places};

/// How the weights of a classifier with epochs are chosen.
const CHECKPOINT: &str = "best UAR on an inner split of the training speakers; the test fold is never looked at";

/// What to compare, and how.
#[derive(Debug, Clone, PartialEq)]
pub struct Request {
    /// Names of classifiers, in the order of the table.
    pub models: Vec<String>,
    /// Feature set for the classifiers that can read it; the others take their kind's default.
    pub features: Option<String>,
    /// How to split. A plan that leaks speakers is run beside its speaker-independent twin.
    pub plan: Plan,
    /// What to recognise.
    pub target: Target,
    /// How features are scaled.
    pub norm: Norm,
    /// Upper bound of epochs for classifiers that have epochs.
    pub epochs: Option<usize>,
    /// Seed of everything random.
    pub seed: u64,
}

/// News of a running comparison.
#[derive(Debug, Clone)]
pub enum News {
    /// Features of `done` of `total` clips are there.
    Reading {
        /// Name of the feature set.
        set: &'static str,
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
        /// Folds done of the current series.
        done: usize,
        /// Folds of the current series.
        folds: usize,
    },
    /// A classifier is done on a plan.
    Run(Arc<Judged>),
    /// A run could not be saved; the reason. It is still shown.
    NotKept(String),
}

/// A run with its figures.
#[derive(Debug, Clone)]
pub struct Judged {
    /// The run.
    pub run: Run,
    /// Its figures.
    pub summary: Summary,
}

/// What all fits of a comparison share: the task and one matrix or image list per feature set.
struct Material<'a> {
    corpus: &'a Corpus,
    task: &'a Task,
    inputs: BTreeMap<&'static str, Inputs>,
}

/// Runs every classifier of `request` on its plan (and, if that leaks speakers, on the speaker-independent twin).
///
/// Each finished run is given to `keep`, which may save it and give its number, and is told as [`News::Run`]; so what was
/// done before a cancel is not lost. Returns the runs of the plan, then those of the twin.
///
/// # Errors
/// Unknown names, a corpus without such labels, one speaker, an unreadable clip, [`crate::job::Cancelled`] in the chain.
pub fn compare(
    corpus: &Corpus,
    request: &Request,
    listener: &Listener<'_>,
    keep: &mut dyn FnMut(&Run) -> Result<Option<RunId>>,
    watch: &dyn Watch<News>,
) -> Result<Vec<Arc<Judged>>> {
    let kinds = classifiers(&request.models)?;
    let task = task(corpus, request.target)?;
    let plans = plans(request.plan, &task);
    let mut splits = vec![task.splits(&plans[0], request.seed)?];
    for twin in &plans[1..] {
        let why = "a plan that leaks speakers is only shown beside a speaker-independent one";
        splits.push(task.splits(twin, request.seed).context(why)?);
    }
    let material = material(corpus, &task, &kinds, request, listener, watch)?;
    let of = plans.len() * kinds.len();
    let mut runs = Vec::new();
    for (plan, splits) in plans.iter().zip(&splits) {
        for kind in &kinds {
            let (model, index) = (kind.name().to_owned(), runs.len());
            watch.tell(News::Model { model, plan: plan.to_string(), index, of, folds: splits.len() });
            let mut run = run(*kind, &material, request, (*plan, splits), watch)
                .with_context(|| format!("{} on {}", kind.name(), plan))?;
            match keep(&run) {
                Ok(id) => run.id = id,
                Err(error) => watch.tell(News::NotKept(format!("{error:#}"))),
            }
            let judged = Arc::new(Judged { summary: Summary::of(&run)?, run });
            watch.tell(News::Run(Arc::clone(&judged)));
            runs.push(judged);
        }
    }
    Ok(runs)
}

/// Where features come from: the cache and the rate to compute them at.
#[derive(Debug, Clone, Copy)]
pub struct Listener<'a> {
    /// Features of earlier runs.
    pub cache: &'a Cache,
    /// Samples per second that clips are resampled to.
    pub rate: u32,
}

impl Listener<'_> {
    /// Features of one clip, from the cache or from its file.
    ///
    /// # Errors
    /// The file cannot be decoded or holds nothing to compute from; the text names the file.
    pub fn features(&self, clip: &Clip, set: &'static dyn FeatureSet) -> Result<Features> {
        let make = || -> Result<Features> {
            let wave = decode(&clip.path)?.mono().resample(self.rate)?;
            Ok(set.extract(&wave)?)
        };
        self.cache.get_or(&clip.audio.hash, self.rate, set, make).with_context(|| clip.path.display().to_string())
    }

    /// Features of many clips in their order, in parallel; all of them or the first error.
    ///
    /// # Errors
    /// As [`Listener::features`], and cancelling.
    pub fn inputs(&self, clips: &[&Clip], set: &'static dyn FeatureSet, watch: &dyn Watch<News>) -> Result<Inputs> {
        let (done, total) = (AtomicUsize::new(0), clips.len());
        let all: Vec<Features> = clips
            .par_iter()
            .map(|clip| {
                watch.check()?;
                let features = self.features(clip, set)?;
                let done = done.fetch_add(1, Ordering::Relaxed) + 1;
                watch.tell(News::Reading { set: set.name(), done, total });
                Ok(features)
            })
            .collect::<Result<_>>()?;
        gather(all)
    }
}

/// One input from the features of many clips; all must be of one kind and width.
///
/// # Errors
/// Mixed kinds or widths: cannot come from one feature set.
pub fn gather(all: Vec<Features>) -> Result<Inputs> {
    let width = match all.first() {
        None => bail!("no clips"),
        Some(Features::Row(row)) => Some(row.len()),
        Some(Features::Image(_)) => None,
    };
    let (rows, mut images, mut numbers) = (all.len(), Vec::new(), Vec::new());
    for features in all {
        match (features, width) {
            (Features::Image(image), None) => images.push(image),
            (Features::Row(row), Some(width)) if row.len() == width => numbers.extend(row.into_iter().map(f64::from)),
            _ => bail!("features of one set differ in shape"),
        }
    }
    Ok(match width {
        Some(width) => Inputs::Rows(Array2::from_shape_vec((rows, width), numbers)?),
        None => Inputs::Images(images),
    })
}

/// The feature set that a classifier of this kind reads when `asked` for.
///
/// # Errors
/// An unknown name.
pub fn set_for(kind: Kind, asked: Option<&str>) -> Result<&'static dyn FeatureSet> {
    if let Some(name) = asked {
        let set = feature_set(name).with_context(|| {
            let known: Vec<_> = FEATURE_SETS.iter().map(|set| set.name()).collect();
            format!("no feature set `{name}`; there are {}", known.join(", "))
        })?;
        if set.kind() == kind {
            return Ok(set);
        }
    }
    FEATURE_SETS.iter().copied().find(|set| set.kind() == kind).context("no feature set of this kind")
}

/// The classifiers of these names, in that order.
///
/// # Errors
/// An unknown or repeated name, or none.
pub fn classifiers(names: &[String]) -> Result<Vec<&'static dyn Classifier>> {
    let known = || crate::learn::CLASSIFIERS.iter().map(|kind| kind.name()).collect::<Vec<_>>().join(", ");
    if names.is_empty() {
        bail!("no classifier chosen; there are {}", known());
    }
    let mut kinds: Vec<&'static dyn Classifier> = Vec::new();
    for name in names {
        let kind = classifier(name).with_context(|| format!("no classifier `{name}`; there are {}", known()))?;
        if kinds.iter().any(|other| other.name() == kind.name()) {
            bail!("classifier `{name}` is named twice");
        }
        kinds.push(kind);
    }
    Ok(kinds)
}

/// The plan of a corpus when none is asked for: one fold per speaker up to twelve speakers, else five groups of speakers.
pub fn default_plan(corpus: &Corpus) -> Plan {
    let speakers: std::collections::BTreeSet<_> =
        corpus.clips.iter().filter_map(|clip| clip.speaker.as_ref()).collect();
    Plan::Random(5).twin(speakers.len())
}

/// The plan, and its speaker-independent twin if it leaks speakers.
fn plans(plan: Plan, task: &Task) -> Vec<Plan> {
    if plan.leaks_speakers() { vec![plan, plan.twin(task.speakers.len())] } else { vec![plan] }
}

fn material<'a>(
    corpus: &'a Corpus,
    task: &'a Task,
    kinds: &[&'static dyn Classifier],
    request: &Request,
    listener: &Listener<'_>,
    watch: &dyn Watch<News>,
) -> Result<Material<'a>> {
    let clips: Vec<&Clip> = task.rows.iter().map(|&row| &corpus.clips[row]).collect();
    let mut inputs = BTreeMap::new();
    for kind in kinds {
        let set = set_for(kind.kind(), request.features.as_deref())?;
        if !inputs.contains_key(set.name()) {
            inputs.insert(set.name(), listener.inputs(&clips, set, watch)?);
        }
    }
    Ok(Material { corpus, task, inputs })
}

fn run(
    kind: &'static dyn Classifier,
    material: &Material<'_>,
    request: &Request,
    (plan, splits): (Plan, &[Split]),
    watch: &dyn Watch<News>,
) -> Result<Run> {
    let set = set_for(kind.kind(), request.features.as_deref())?;
    let recipe = Recipe {
        classifier: kind.name().to_owned(),
        features: set.name().to_owned(),
        norm: request.norm,
        seed: request.seed,
        epochs: request.epochs,
    };
    let data = Data {
        inputs: material.inputs[set.name()].clone(),
        labels: material.task.labels.clone(),
        groups: material.task.groups.clone(),
        classes: material.task.classes.len(),
    };
    let workers = if kind.kind() == Kind::Image { 1 } else { rayon::current_num_threads() };
    let started_at = Timestamp::now();
    let done = AtomicUsize::new(0);
    let folds = side_by_side(workers, splits, |fold, split| {
        let judged = judge(&recipe, &data, (fold, split), watch)?;
        watch.tell(News::Fold { done: done.fetch_add(1, Ordering::Relaxed) + 1, folds: splits.len() });
        Ok(judged)
    })?;
    let predictions = predictions(material, splits, &folds);
    Ok(Run {
        id: None,
        started_at,
        protocol: protocol(material, request, plan, splits.len()),
        recipe,
        fit_seconds: folds.iter().map(|fold| fold.fit_seconds).sum(),
        predictions,
    })
}

struct Scored {
    scores: Array2<f64>,
    fit_seconds: f64,
}

fn judge(recipe: &Recipe, all: &Data, (fold, split): (usize, &Split), watch: &dyn Watch<News>) -> Result<Scored> {
    let started = Instant::now();
    let told = Mapped::new(watch, |epoch| Some(News::Epoch { fold, epoch }));
    let fitted = fit(recipe, &all.select(&split.train), &told).with_context(|| format!("fold {}", split.name))?;
    let fit_seconds = started.elapsed().as_secs_f64();
    let test = all.select(&split.test);
    Ok(Scored { scores: fitted.scores(&test.inputs, &test.groups)?, fit_seconds })
}

/// Runs `work` over `items` on up to `workers` plain threads, keeps the order, stops at the first error.
///
/// Plain threads, not rayon: a fit may itself wait for rayon's pool, and a pool that waits for itself never ends.
fn side_by_side<T: Sync, R: Send>(
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

fn predictions(material: &Material<'_>, splits: &[Split], folds: &[Scored]) -> Vec<Prediction> {
    let task = material.task;
    let mut by_row = BTreeMap::new();
    for (fold, (split, judged)) in splits.iter().zip(folds).enumerate() {
        for (&row, scores) in split.test.iter().zip(judged.scores.outer_iter()) {
            by_row.insert(
                row,
                Prediction {
                    clip: material.corpus.clips[task.rows[row]].id.clone(),
                    speaker: task.speakers[task.groups[row]].clone(),
                    fold,
                    truth: task.labels[row],
                    pred: argmax(scores.iter().copied()),
                    p: scores.iter().map(|&p| p as f32).collect(),
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

fn protocol(material: &Material<'_>, request: &Request, plan: Plan, folds: usize) -> Protocol {
    let (corpus, task) = (material.corpus, material.task);
    Protocol {
        data: DataFacts {
            corpus: corpus.name.clone(),
            corpus_key: corpus_key(corpus),
            target: request.target,
            classes: task.classes.clone(),
            clips: task.rows.len(),
            speakers: task.speakers.len(),
            data_hash: data_hash(corpus, task),
            synthetic: corpus.synthetic,
        },
        plan: PlanFacts { plan: plan.to_string(), folds, speakers_leak: plan.leaks_speakers() },
        training: Training {
            norm: request.norm,
            seed: request.seed,
            epochs: request.epochs,
            checkpoint: CHECKPOINT.to_owned(),
        },
        maker: Maker { emolab: env!("CARGO_PKG_VERSION").to_owned(), host: places::host() },
    }
}

/// Identifies what was learnt from: BLAKE3 over audio hash, class and speaker of every clip, in order.
fn data_hash(corpus: &Corpus, task: &Task) -> String {
    let mut hasher = blake3::Hasher::new();
    for (row, &clip) in task.rows.iter().enumerate() {
        for part in [&corpus.clips[clip].audio.hash, &task.classes[task.labels[row]], &task.speakers[task.groups[row]]]
        {
            hasher.update(part.as_bytes());
            hasher.update(&[0]);
        }
    }
    hasher.finalize().to_hex()[..16].to_owned()
}
