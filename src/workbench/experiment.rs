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

use super::material::{Listener, check_features, classifiers, data, set_for};
use super::summary::Summary;
use super::{corpus_key, places};
use crate::corpus::plan::{Plan, Split};
use crate::corpus::{Corpus, Target, Task, task};
use crate::features::{Chosen, Kind, Preparation};
use crate::job::{Mapped, Watch, is_cancelled};
use crate::label::Timestamp;
use crate::learn::cnn::Settings;
use crate::learn::{Classifier, Data, Epoch, Norm, Recipe, fit};
use crate::score::Association;
use crate::store::{DataFacts, Maker, PlanFacts, Prediction, Protocol, Run, RunId, Training};

/// Share of the classes' entropy that speakers may tell, beyond chance, before scaling by speaker is warned of.
const CONFOUNDED: f64 = 0.2;

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
    /// Nets that are not the registry's, by the name of the classifier.
    pub nets: BTreeMap<String, Settings>,
}

impl Request {
    /// The net of a classifier that is one: asked for, or the registry's; written out, so that a run tells all of it.
    fn net(&self, kind: &dyn Classifier) -> Result<Option<Settings>> {
        let asked = self.nets.get(kind.name()).cloned().map(Ok);
        Ok(asked.or_else(|| kind.settings()).transpose()?)
    }

    /// The recipe of one of its classifiers, and the feature set that it reads.
    ///
    /// # Errors
    /// An unknown feature set.
    pub fn recipe(&self, kind: &dyn Classifier) -> Result<(Recipe, Chosen)> {
        let set = set_for(kind.kind(), self.features.as_deref())?;
        let recipe = Recipe {
            classifier: kind.name().to_owned(),
            features: set.name().to_owned(),
            norm: self.norm,
            seed: self.seed,
            epochs: self.epochs,
            net: self.net(kind)?,
        };
        Ok((recipe, set))
    }
}

/// News of a running comparison.
#[derive(Debug, Clone)]
pub enum News {
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
#[derive(Debug)]
pub struct Compared {
    /// The runs of the plan, then those of its speaker-independent twin.
    pub runs: Vec<Arc<Judged>>,
    /// Classifiers that failed on a plan, with the reason.
    pub failed: Vec<Failure>,
    /// Why a plan that leaks speakers stands alone.
    pub no_twin: Option<String>,
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
struct Material<'a> {
    corpus: &'a Corpus,
    task: &'a Task,
    preparation: Preparation,
    data: BTreeMap<String, Data>,
}

/// A plan and the splits it makes.
type Planned = (Plan, Vec<Split>);

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
    let kinds = classifiers(&request.models)?;
    check_features(&kinds, request.features.as_deref())?;
    let task = task(corpus, request.target)?;
    let (planned, no_twin) = planned(&task, request)?;
    if let Some(reason) = &no_twin {
        watch.tell(News::Trouble(format!("no speaker-independent run beside {}: {reason}", request.plan)));
    }
    if let Some(note) = scaling_note(&task, request.norm) {
        watch.tell(News::Trouble(note));
    }
    let material = material(corpus, &task, (&kinds, request), listener, watch)?;
    let mut compared = Compared { runs: Vec::new(), failed: Vec::new(), no_twin };
    let of = planned.len() * kinds.len();
    let series = planned.iter().flat_map(|planned| kinds.iter().map(move |kind| (planned, *kind)));
    for (index, (planned, kind)) in series.enumerate() {
        let (model, plan) = (kind.name().to_owned(), planned.0.to_string());
        watch.tell(News::Model { model: model.clone(), plan: plan.clone(), index, of, folds: planned.1.len() });
        match run(kind, &material, request, planned, watch) {
            Ok(run) => {
                let judged = finish(run, keep, watch)?;
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
    }
    match compared.failed.first() {
        Some(first) if compared.runs.is_empty() => bail!("{} on {}: {}", first.model, first.plan, first.reason),
        _ => Ok(compared),
    }
}

pub(super) fn finish(
    mut run: Run,
    keep: &mut dyn FnMut(&Run) -> Result<Option<RunId>>,
    watch: &dyn Watch<News>,
) -> Result<Arc<Judged>> {
    match keep(&run) {
        Ok(id) => run.id = id,
        Err(error) => watch.tell(News::Trouble(format!("the run is not saved: {error:#}"))),
    }
    Ok(Arc::new(Judged { summary: Summary::of(&run)?, run }))
}

/// The plan with its splits, then its twin's if it leaks speakers; or why there is no twin.
fn planned(task: &Task, request: &Request) -> Result<(Vec<Planned>, Option<String>)> {
    let plan = request.plan;
    let mut planned = vec![(plan, task.splits(&plan, request.seed)?)];
    if !plan.leaks_speakers() {
        return Ok((planned, None));
    }
    let twin = plan.twin(task.speakers.len());
    match task.splits(&twin, request.seed) {
        Ok(splits) => planned.push((twin, splits)),
        Err(reason) => return Ok((planned, Some(reason.to_string()))),
    }
    Ok((planned, None))
}

/// The plan of a corpus when none is asked for: one fold per speaker up to twelve speakers, else five groups of speakers.
pub fn default_plan(corpus: &Corpus) -> Plan {
    let speakers: std::collections::BTreeSet<_> =
        corpus.clips.iter().filter_map(|clip| clip.speaker.as_ref()).collect();
    Plan::Random(5).twin(speakers.len())
}

fn material<'a>(
    corpus: &'a Corpus,
    task: &'a Task,
    (kinds, request): (&[&'static dyn Classifier], &Request),
    listener: &Listener<'_>,
    watch: &dyn Watch<News>,
) -> Result<Material<'a>> {
    let mut all = BTreeMap::new();
    for kind in kinds {
        let (_, set) = request.recipe(*kind)?;
        if !all.contains_key(set.name()) {
            all.insert(set.name().to_owned(), data(corpus, task, set.as_ref(), listener, watch)?);
        }
    }
    Ok(Material { corpus, task, preparation: listener.preparation, data: all })
}

fn run(
    kind: &'static dyn Classifier,
    material: &Material<'_>,
    request: &Request,
    (plan, splits): &Planned,
    watch: &dyn Watch<News>,
) -> Result<Run> {
    let (recipe, set) = request.recipe(kind)?;
    let data = &material.data[set.name()];
    let workers = if kind.kind() == Kind::Image { 1 } else { rayon::current_num_threads() };
    let (started_at, started) = (Timestamp::now(), Instant::now());
    let done = AtomicUsize::new(0);
    let folds = side_by_side(workers, splits, |fold, split| {
        let scores = judge(&recipe, data, (fold, split), watch)?;
        watch.tell(News::Fold { done: done.fetch_add(1, Ordering::Relaxed) + 1, folds: splits.len() });
        Ok(scores)
    })?;
    let fit_seconds = started.elapsed().as_secs_f64();
    let training = Training {
        norm: request.norm,
        seed: request.seed,
        epochs: request.epochs,
        checkpoint: kind.checkpoint().to_owned(),
        preparation: material.preparation,
        features_version: set.version(),
    };
    let protocol = protocol((material.corpus, material.task), (*plan, splits), training);
    Ok(Run {
        id: None,
        started_at,
        protocol,
        recipe,
        fit_seconds,
        predictions: predictions((material.corpus, material.task), splits, &folds),
    })
}

/// Scores of the fold's test rows.
fn judge(recipe: &Recipe, all: &Data, (fold, split): (usize, &Split), watch: &dyn Watch<News>) -> Result<Array2<f64>> {
    let told = Mapped::new(watch, |epoch| Some(News::Epoch { fold, epoch }));
    let fitted = fit(recipe, &all.select(&split.train), &told).with_context(|| format!("fold {}", split.name))?;
    let test = all.select(&split.test);
    Ok(fitted.scores(&test.inputs, &test.groups)?)
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

pub(super) fn predictions(
    (corpus, task): (&Corpus, &Task),
    splits: &[Split],
    folds: &[Array2<f64>],
) -> Vec<Prediction> {
    let mut by_row = BTreeMap::new();
    for (fold, (split, scores)) in splits.iter().zip(folds).enumerate() {
        for (&row, scores) in split.test.iter().zip(scores.outer_iter()) {
            by_row.insert(
                row,
                Prediction {
                    clip: corpus.clips[task.rows[row]].id.clone(),
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

/// What stands beside the numbers of a run on `task`.
pub(super) fn protocol(
    (corpus, task): (&Corpus, &Task),
    (plan, splits): (Plan, &[Split]),
    training: Training,
) -> Protocol {
    Protocol {
        data: data_facts(corpus, task),
        plan: PlanFacts {
            plan: plan.to_string(),
            folds: splits.len(),
            speakers_leak: plan.leaks_speakers(),
            notes: notes(task, splits, training.norm),
        },
        training,
        search: None,
        maker: Maker { emolab: env!("CARGO_PKG_VERSION").to_owned(), host: places::host() },
    }
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
    }
}

/// What speaks against scaling by speaker where speakers and classes go together: what tells one speaker from another is
/// scaled away, and with it what tells the classes apart.
///
/// Measured as the share of the classes' entropy that the speaker tells beyond chance (see [`Association`]): chance,
/// because speakers of few clips each tell something of any classes. Balanced designs give about 0 (EmoDB
/// 0.005); where each speaker is heard in one emotion, as 27 of 29 are in URDU, it is about 1.
pub fn scaling_note(task: &Task, norm: Norm) -> Option<String> {
    if norm != Norm::Speaker {
        return None;
    }
    let told = Association::of(&task.groups, &task.labels).told_beyond_chance();
    let mut classes = vec![std::collections::BTreeSet::new(); task.speakers.len()];
    task.groups.iter().zip(&task.labels).for_each(|(&group, &label)| {
        classes[group].insert(label);
    });
    let of_one = classes.iter().filter(|classes| classes.len() == 1).count();
    let speakers = format!("{of_one} of {} speakers are heard in one class only", task.speakers.len());
    let result = "scaling by speaker takes away what tells the classes apart";
    match told {
        None => Some(format!("speaker and class cannot be told apart ({speakers}): {result}")),
        Some(told) if told >= CONFOUNDED => {
            let percent = 100.0 * told;
            Some(format!(
                "speaker and class are confounded: the speaker tells {percent:.0} % of the class beyond chance ({speakers}); {result}"
            ))
        }
        Some(_) => None,
    }
}

/// What a reader of the numbers must know of data and folds.
fn notes(task: &Task, splits: &[Split], norm: Norm) -> Vec<String> {
    let mut notes: Vec<String> = scaling_note(task, norm).into_iter().collect();
    if task.twins > 0 {
        notes.push(format!("{} clips left out: same audio as another clip", task.twins));
    }
    for split in splits {
        for class in split.unlearnt(&task.labels) {
            notes.push(format!(
                "fold {}: no {} to learn from, so none can be recognised",
                split.name, task.classes[class]
            ));
        }
    }
    notes
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
