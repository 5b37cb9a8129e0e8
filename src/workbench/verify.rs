//! Making a run again, from what the store knows of it, and comparing every prediction to the last bit.
//!
//! What is made again is the run as it was judged: a search is not searched again, its winners are fitted again. Features
//! come from the cache where they are there (an empty folder as cache has them computed). Deliberately absent: the time and
//! cost of the run, which no machine repeats.

use std::collections::BTreeMap;
use std::path::PathBuf;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Instant;

use anyhow::{Context, Result, bail, ensure};

use super::cross::Recrossed;
use super::curve::thinned;
use super::differ::Predictions;
use super::experiment::{Agenda, News, Series, confusion, data_facts, judge, predictions, side_by_side};
use super::material::{Listener, named_sets};
use super::places;
use super::pretrain::begin;
use crate::corpus::plan::{Plan, Split};
use crate::corpus::{Corpus, Origin, Target, Task, task};
use crate::features::cache::Cache;
use crate::features::{Kind, feature_set};
use crate::job::Watch;
use crate::learn::committee::Sets;
use crate::learn::{Recipe, classifier};
use crate::store::{AUDIO_DIGITS, Prediction, Run, Source};

/// How a run compares with what is there now.
#[derive(Debug, Clone, PartialEq, serde::Serialize)]
pub struct Verified {
    /// What is not as it was: version, processor, feature sets; a sentence each. Bits may differ for it.
    pub notes: Vec<String>,
    /// What of the data has changed, a sentence each; nothing where all is as it was.
    pub data: Vec<String>,
    /// The predictions then and now; `None` where the data have changed, and nothing was fitted.
    pub predictions: Option<Predictions>,
    /// Time of the fits.
    pub seconds: f64,
}

impl Verified {
    /// True when the run was made again and every prediction is the same: to the last bit where `tolerance` is 0, else up to
    /// that difference of a probability (see [`Predictions::within`]).
    pub fn holds(&self, tolerance: f32) -> bool {
        let same = |all: &Predictions| all.identical() || (tolerance > 0.0 && all.within(tolerance));
        self.predictions.as_ref().is_some_and(same)
    }
}

/// Where the corpora of a run were: one, or all of its matrix; runs from before that was noted tell the folder.
pub fn origins(run: &Run) -> Vec<Origin> {
    let source = &run.protocol.source;
    let of = |source: &Source| Origin { path: PathBuf::from(&source.path), description: source.description.clone() };
    match (&source.crossed[..], source.path.is_empty()) {
        ([], true) => vec![Origin { path: PathBuf::from(&run.protocol.data.corpus_key), ..of(source) }],
        ([], false) => vec![of(source)],
        (crossed, _) => crossed.iter().map(of).collect(),
    }
}

/// Whether the run can be made again at all.
///
/// # Errors
/// Why it cannot.
pub fn repeatable(run: &Run) -> Result<()> {
    let protocol = &run.protocol;
    ensure!(protocol.training.preparation.rate > 0, "the run is too old: it does not say how clips were prepared");
    ensure!(
        protocol.data.pretrained.is_empty() || !protocol.source.pretrain.is_empty(),
        "the run is too old: it does not say where the corpora of its pre-training were"
    );
    if let Some(search) = &protocol.search {
        let (winners, folds) = (search.winners.len(), protocol.plan.folds);
        ensure!(winners == folds, "the run tells {winners} chosen recipes for {folds} folds");
    }
    match protocol.plan.cross {
        None => plan(run).map(drop),
        Some(_) => {
            ensure!(!protocol.source.crossed.is_empty(), "the run is too old: it does not say where its corpora were");
            Ok(())
        }
    }
}

fn plan(run: &Run) -> Result<Plan> {
    let plan = &run.protocol.plan.plan;
    plan.parse().with_context(|| format!("the plan `{plan}` cannot be laid out again"))
}

/// Makes `run` again on its corpora (see [`origins`]) and compares.
///
/// # Errors
/// A run that cannot be made again (see [`repeatable`]), a corpus without its labels, an unreadable clip, a failed fit,
/// [`crate::job::Cancelled`] in the chain.
pub fn verify(run: &Run, corpora: &[Corpus], cache: &Cache, watch: &dyn Watch<News>) -> Result<Verified> {
    repeatable(run)?;
    match (&run.protocol.plan.cross, corpora) {
        (Some(_), corpora) => verify_cell(run, corpora, cache, watch),
        (None, [corpus]) => verify_alone(run, corpus, cache, watch),
        (None, _) => bail!("the run is of one corpus"),
    }
}

fn verify_alone(run: &Run, corpus: &Corpus, cache: &Cache, watch: &dyn Watch<News>) -> Result<Verified> {
    let (plan, task) = (plan(run)?, task(corpus, run.protocol.data.target)?);
    let (recipes, data) = (recipes(run), changes(run, corpus, &task));
    if !data.is_empty() {
        return Ok(Verified { notes: notes(run, &recipes)?, data, predictions: None, seconds: 0.0 });
    }
    let (seed, spent) = (run.protocol.training.seed, run.protocol.plan.spent);
    let mut splits = task.splits(&plan, seed)?;
    if let Some(spent) = &spent {
        splits = thinned(&task, &splits, spent, seed);
    }
    Again { corpus, task: &task, splits: &splits, recipes: &recipes }.verified(run, cache, watch, &|all| all)
}

fn verify_cell(run: &Run, corpora: &[Corpus], cache: &Cache, watch: &dyn Watch<News>) -> Result<Verified> {
    let (cell, recipes) = (Recrossed::of(run, corpora)?, recipes(run));
    let (corpus, task) = cell.material();
    let (then, now) = (&run.protocol.data, data_facts(corpus, task));
    let mut data = Vec::new();
    if then.classes != now.classes {
        data.push(format!("classes {} were {}", now.classes.join(", "), then.classes.join(", ")));
    }
    if then.data_hash != cell.data_hash {
        data.push(format!("data hash {} was {}, over what is learnt from and tested", cell.data_hash, then.data_hash));
    }
    if !data.is_empty() {
        return Ok(Verified { notes: notes(run, &recipes)?, data, predictions: None, seconds: 0.0 });
    }
    let again = Again { corpus, task, splits: &cell.splits, recipes: &recipes };
    again.verified(run, cache, watch, &|all| cell.filed(all))
}

/// What was fitted: one recipe for all folds, or one for each.
fn recipes(run: &Run) -> Vec<Recipe> {
    match &run.protocol.search {
        Some(search) => search.winners.iter().map(|winner| winner.recipe.clone()).collect(),
        None => vec![run.recipe.clone()],
    }
}

/// A run that is made again.
struct Again<'a> {
    corpus: &'a Corpus,
    task: &'a Task,
    splits: &'a [Split],
    recipes: &'a [Recipe],
}

impl Again<'_> {
    /// Fits and compares; `filed` gives predictions the names that the run has.
    fn verified(
        &self,
        run: &Run,
        cache: &Cache,
        watch: &dyn Watch<News>,
        filed: &dyn Fn(Vec<Prediction>) -> Vec<Prediction>,
    ) -> Result<Verified> {
        let (recipes, folds) = (self.recipes.len(), self.splits.len());
        ensure!(recipes == 1 || recipes == folds, "the plan {} now has {folds} folds", run.protocol.plan.plan);
        let listener = Listener { cache, preparation: run.protocol.training.preparation };
        let sets = self.sets(run, &listener, watch)?;
        let started = Instant::now();
        let now = Run { predictions: filed(self.predictions(run, &sets, watch)?), ..run.clone() };
        let predictions = Some(Predictions::of(run, &now));
        let notes = notes(run, self.recipes)?;
        Ok(Verified { notes, data: Vec::new(), predictions, seconds: started.elapsed().as_secs_f64() })
    }

    /// Training data of all that the recipes read, with the nets that they start from.
    fn sets(&self, run: &Run, listener: &Listener<'_>, watch: &dyn Watch<News>) -> Result<Sets> {
        let leaves: Vec<&Recipe> = self.recipes.iter().flat_map(Recipe::leaves).collect();
        let also = leaves.iter().find_map(|leaf| leaf.also.as_ref()).map(|also| also.parse::<Target>()).transpose()?;
        let names = leaves.iter().map(|leaf| leaf.features.as_str());
        let mut sets = named_sets(self.corpus, self.task, (names, also), listener, watch)?;
        let paths: Vec<PathBuf> = run.protocol.source.pretrain.iter().map(PathBuf::from).collect();
        // All repeats of a run start from the nets that the first one's seed made.
        let before = run.protocol.plan.repeat.map_or(0, |repeat| repeat.number as u64 - 1);
        let first = |&leaf: &&Recipe| {
            let seed = leaf.seed.wrapping_sub(before);
            Recipe { also: None, seeds: Vec::new(), seed, ..leaf.clone() }
        };
        let alone: Vec<Recipe> = leaves.iter().map(first).collect();
        let told =
            begin((self.corpus, self.task), (&alone.iter().collect::<Vec<_>>(), &paths), &mut sets, listener, watch)?;
        ensure!(
            told == run.protocol.data.pretrained,
            "what nets were pre-trained on has changed: {} (it was {})",
            told.join("; "),
            run.protocol.data.pretrained.join("; ")
        );
        Ok(sets)
    }

    fn predictions(&self, run: &Run, sets: &Sets, watch: &dyn Watch<News>) -> Result<Vec<Prediction>> {
        let images = |leaf: &&Recipe| classifier(&leaf.classifier).is_some_and(|kind| kind.kind() == Kind::Image);
        let images = self.recipes.iter().flat_map(Recipe::leaves).any(|leaf| images(&leaf));
        let workers = if images { 1 } else { rayon::current_num_threads() };
        self.announce(run, watch);
        let (folds, done) = (self.splits.len(), AtomicUsize::new(0));
        let verdicts = side_by_side(workers, self.splits, |fold, split| {
            let began = Instant::now();
            let recipe = self.recipes.get(fold).unwrap_or(&self.recipes[0]);
            let (_, verdict) = judge(recipe, (sets, None), (fold, split), watch)?;
            let (confusion, seconds) = (confusion(self.task, split, &verdict.scores), began.elapsed().as_secs_f64());
            let done = done.fetch_add(1, Ordering::Relaxed) + 1;
            watch.tell(News::Fold { fold, confusion, seconds, done, folds });
            Ok(verdict)
        })?;
        Ok(predictions((self.corpus, self.task), self.splits, &verdicts))
    }

    fn announce(&self, run: &Run, watch: &dyn Watch<News>) {
        let (model, plan) = (run.recipe.title(), run.protocol.plan.plan.clone());
        let folds: Vec<String> = self.splits.iter().map(|split| split.name.clone()).collect();
        let count = folds.len();
        let series = vec![Series { model: model.clone(), plan: plan.clone(), folds }];
        watch.tell(News::Start(Arc::new(Agenda { series, ..Agenda::of(self.corpus, self.task) })));
        watch.tell(News::Model { model, plan, index: 0, of: 1, folds: count });
    }
}

/// What is not as it was when the run was made, beside the data.
fn notes(run: &Run, recipes: &[Recipe]) -> Result<Vec<String>> {
    let (maker, training) = (&run.protocol.maker, &run.protocol.training);
    let mut notes = Vec::new();
    let version = env!("CARGO_PKG_VERSION");
    if maker.emolab != version {
        notes.push(format!("made by emolab {}, verified by {version}", maker.emolab));
    }
    let commit = env!("EMOLAB_COMMIT");
    if maker.commit != commit {
        let told = |commit: &str| if commit.is_empty() { "a build of no known commit" } else { commit }.to_owned();
        notes.push(format!("made by {}, verified by {}", told(&maker.commit), told(commit)));
    }
    let (host, cpu) = (places::host(), places::cpu());
    let last_bits = "the last bits of sums may differ between processors";
    if !maker.cpu.is_empty() && maker.cpu != cpu {
        notes.push(format!("made on {} ({}), verified on {cpu} ({host}): {last_bits}", maker.cpu, maker.host));
    } else if maker.cpu.is_empty() && maker.host != host {
        notes.push(format!("made on {}, verified on {host} ({cpu}): {last_bits}", maker.host));
    }
    let names: BTreeMap<&str, ()> =
        recipes.iter().flat_map(Recipe::leaves).map(|leaf| (leaf.features.as_str(), ())).collect();
    for name in names.keys() {
        let now = feature_set(name)?.version();
        let then = training.sets.get(*name).copied().unwrap_or(training.features_version);
        if then != now {
            notes.push(format!("feature set {name} was version {then}, and is version {now}"));
        }
    }
    Ok(notes)
}

/// What of the data is not as it was; nothing where the hash says that all of it is.
fn changes(run: &Run, corpus: &Corpus, task: &Task) -> Vec<String> {
    let (then, now) = (&run.protocol.data, data_facts(corpus, task));
    if then.data_hash == now.data_hash && then.classes == now.classes {
        return Vec::new();
    }
    let mut told = vec![format!("data hash {} was {}", now.data_hash, then.data_hash)];
    if then.classes != now.classes {
        told.push(format!("classes {} were {}", now.classes.join(", "), then.classes.join(", ")));
    }
    let known: BTreeMap<&str, &Prediction> =
        run.predictions.iter().map(|prediction| (prediction.clip.0.as_str(), prediction)).collect();
    let mut seen = 0;
    for (row, &place) in task.rows.iter().enumerate() {
        let clip = &corpus.clips[place];
        let Some(was) = known.get(clip.id.0.as_str()) else {
            // A plan need not test every clip: only where it did is one that it did not test new.
            told.extend((known.len() == then.clips).then(|| format!("{}: new", clip.id.0)));
            continue;
        };
        seen += 1;
        let (class, speaker) = (&task.classes[task.labels[row]], &task.speakers[task.groups[row]]);
        let audio: String = clip.audio.hash.to_string().chars().take(AUDIO_DIGITS).collect();
        let parts = [
            ("class", then.classes.get(was.truth).map_or("", String::as_str), class.as_str()),
            ("speaker", was.speaker.as_str(), speaker.as_str()),
            ("audio", was.audio.as_str(), audio.as_str()),
        ];
        // Runs from before it was noted do not tell the audio.
        let changed = parts.iter().filter(|(what, was, is)| was != is && !(*what == "audio" && was.is_empty()));
        told.extend(changed.map(|(what, was, is)| format!("{}: {what} {is} was {was}", clip.id.0)));
    }
    if seen < known.len() {
        let here: std::collections::BTreeSet<&str> =
            task.rows.iter().map(|&place| corpus.clips[place].id.0.as_str()).collect();
        told.extend(known.keys().filter(|clip| !here.contains(*clip)).map(|clip| format!("{clip}: gone")));
    }
    if told.len() == 1 {
        told.push("which clips have changed cannot be told: those that were tested agree".to_owned());
    }
    told
}
