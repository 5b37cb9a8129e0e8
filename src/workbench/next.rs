//! Which clips to label next: a classifier learns from the labels there are and points at clips that it is uncertain of and that
//! are unlike each other; beside it, a random choice, so that both can be compared (see `trial`).
//!
//! Deliberately absent: the choice itself (see `learn::diverse`), who labels the clips, and queues: a kept [`Batch`] comes first in
//! everybody's.

pub mod trial;

use std::collections::HashSet;

use anyhow::{Result, ensure};
use arcstr::ArcStr;
use ndarray::Array2;
use rand::SeedableRng;
use rand::seq::SliceRandom;
use rand_pcg::Pcg64;

use super::experiment::{Effort, News, Request, judge};
use super::material::{Contender, Listener, contenders, sets};
use crate::corpus::plan::{Plan, Split};
use crate::corpus::{ClipId, Corpus, Target, Task, task};
use crate::job::Watch;
use crate::label::Timestamp;
use crate::learn::committee::Sets;
use crate::learn::{Inputs, Norm, Recipe, diverse, uncertainty};
use crate::store::{Batch, Proposed};

/// How clips are chosen.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, serde::Serialize, serde::Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Method {
    /// Uncertain ones that are unlike each other, spread over speakers.
    Uncertain,
    /// By lot.
    Random,
    /// Half of each, so that what they bring can be compared.
    #[default]
    Both,
}

/// No such word among the ways.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("no way `{0}`; there are uncertain, random and both")]
pub struct UnknownMethod(String);

impl std::fmt::Display for Method {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.pad(match self {
            Method::Uncertain => UNCERTAIN,
            Method::Random => RANDOM,
            Method::Both => "both",
        })
    }
}

impl std::str::FromStr for Method {
    type Err = UnknownMethod;

    fn from_str(text: &str) -> Result<Method, UnknownMethod> {
        match text {
            UNCERTAIN => Ok(Method::Uncertain),
            RANDOM => Ok(Method::Random),
            "both" => Ok(Method::Both),
            _ => Err(UnknownMethod(text.to_owned())),
        }
    }
}

/// What is asked for.
#[derive(Debug, Clone, PartialEq, serde::Serialize, serde::Deserialize)]
pub struct Wish {
    /// Classifier that learns from the labels there are.
    pub model: String,
    /// Feature set; `None` = the usual one of its kind.
    pub features: Option<String>,
    /// How features are scaled.
    pub norm: Norm,
    /// Clips wanted.
    pub size: usize,
    /// How they are chosen.
    pub method: Method,
    /// Of everything random.
    pub seed: u64,
}

impl Default for Wish {
    fn default() -> Wish {
        let (model, features) = ("linear-svm".to_owned(), None);
        Wish { model, features, norm: Norm::Train, size: 20, method: Method::Both, seed: 0 }
    }
}

/// The words of a method in a batch.
const UNCERTAIN: &str = "uncertain";
const RANDOM: &str = "random";

/// The clips to label next, of those that have no label in `corpus` (see `truth::relabelled`).
///
/// # Errors
/// Fewer than two classes labelled, an unreadable clip, a fit that fails, cancelling.
pub fn propose(corpus: &Corpus, wish: &Wish, listener: &Listener<'_>, watch: &dyn Watch<News>) -> Result<Batch> {
    let pool = Pool::of(corpus, wish, listener, watch)?;
    let labelled: Vec<usize> = (0..pool.known.len()).filter(|&row| pool.known[row]).collect();
    let rest: Vec<usize> = (0..pool.known.len()).filter(|&row| !pool.known[row]).collect();
    ensure!(!rest.is_empty(), "every clip has its label");
    let chosen = pool.choose((&labelled, &rest), (wish.method, wish.size, wish.seed), watch)?;
    let clips = chosen.into_iter().map(|(row, method)| Proposed { clip: pool.id(row), method: method.to_owned() });
    let truth = corpus.truth.as_ref().map_or_else(|| "the corpus' labels".to_owned(), ToString::to_string);
    let (title, features) = (pool.recipe.title(), &pool.recipe.features);
    Ok(Batch {
        clips: clips.collect(),
        by: format!("{title} on {features}, norm {}; {truth}", wish.norm),
        labelled: labelled.len(),
        at: Timestamp::now(),
    })
}

/// All clips of a corpus as rows of features, of which some have a label.
struct Pool {
    corpus: Corpus,
    task: Task,
    /// Whether the row has a label; the class number of one that has none is never looked at.
    known: Vec<bool>,
    recipe: Recipe,
    sets: Sets,
}

impl Pool {
    fn of(corpus: &Corpus, wish: &Wish, listener: &Listener<'_>, watch: &dyn Watch<News>) -> Result<Pool> {
        let mut all = corpus.clone();
        let known = task(corpus, Target::Emotion)?;
        let labelled: HashSet<&ClipId> = known.rows.iter().map(|&clip| &corpus.clips[clip].id).collect();
        // So that every clip is a row. `labelled` alone is learnt from.
        for clip in all.clips.iter_mut().filter(|clip| clip.label.is_none()) {
            clip.label = known.classes.first().map(ArcStr::from);
        }
        let task = task(&all, Target::Emotion)?;
        let known = task.rows.iter().map(|&clip| labelled.contains(&all.clips[clip].id)).collect();
        let (request, who) = asked(wish)?;
        let recipe = request.recipe(&who)?.0;
        let sets = sets(&all, &task, (std::slice::from_ref(&who), &request), listener, watch)?;
        Ok(Pool { corpus: all, task, known, recipe, sets })
    }

    fn id(&self, row: usize) -> ClipId {
        self.corpus.clips[self.task.rows[row]].id.clone()
    }

    /// The score of each class for each of the rows `of`, by a fit on the rows `by`.
    fn scores(&self, (by, of): (&[usize], &[usize]), seed: u64, watch: &dyn Watch<News>) -> Result<Array2<f64>> {
        let recipe = self.recipe.with_seed(seed);
        let (mut train, mut test) = (by.to_vec(), of.to_vec());
        train.sort_unstable();
        test.sort_unstable();
        let name = format!("{} labelled clips", train.len());
        let scores =
            judge(&recipe, (&self.sets, None), (0, &Split { name, train, test: test.clone() }), watch)?.1.scores;
        // In the order that was asked for.
        let place = |row: &usize| test.binary_search(row).unwrap_or_default();
        Ok(scores.select(ndarray::Axis(0), &of.iter().map(place).collect::<Vec<_>>()))
    }

    /// Rows of `rest` to label next, and how each was chosen; `labelled` is learnt from.
    fn choose(
        &self,
        (labelled, rest): (&[usize], &[usize]),
        (method, size, seed): (Method, usize, u64),
        watch: &dyn Watch<News>,
    ) -> Result<Vec<(usize, &'static str)>> {
        let half = if method == Method::Both { size.div_ceil(2) } else { size };
        let mut by_lot = rest.to_vec();
        by_lot.shuffle(&mut Pcg64::seed_from_u64(seed));
        let uncertain = match method {
            Method::Random => Vec::new(),
            Method::Uncertain | Method::Both => self.uncertain((labelled, rest), (half, seed), watch)?,
        };
        by_lot.retain(|row| !uncertain.contains(row));
        by_lot.truncate(if method == Method::Uncertain { 0 } else { size - uncertain.len().min(size) });
        let mut chosen: Vec<(usize, &'static str)> = uncertain.into_iter().map(|row| (row, UNCERTAIN)).collect();
        chosen.extend(by_lot.into_iter().map(|row| (row, RANDOM)));
        // Nobody shall tell from the order how a clip was chosen.
        chosen.shuffle(&mut Pcg64::seed_from_u64(seed.wrapping_add(1)));
        Ok(chosen)
    }

    fn uncertain(
        &self,
        (labelled, rest): (&[usize], &[usize]),
        (size, seed): (usize, u64),
        watch: &dyn Watch<News>,
    ) -> Result<Vec<usize>> {
        let scores = self.scores((labelled, rest), seed, watch)?;
        let undecided: Vec<f64> = scores.outer_iter().map(uncertainty).collect();
        let groups: Vec<usize> = rest.iter().map(|&row| self.task.groups[row]).collect();
        let features = match self.sets.values().next().map(|data| data.inputs.select(rest)) {
            Some(Inputs::Rows(rows)) => rows,
            // Images have no columns to compare: what the classifier says of them has.
            _ => scores,
        };
        let chosen = diverse(features.view(), &undecided, &groups, (size, seed));
        Ok(chosen.into_iter().map(|at| rest[at]).collect())
    }
}

/// The classifier as a comparison would ask for it.
fn asked(wish: &Wish) -> Result<(Request, Contender)> {
    let models = vec![wish.model.clone()];
    let who = contenders(&models)?.swap_remove(0);
    let request = Request {
        models,
        features: wish.features.clone(),
        plan: Plan::Loso,
        allow: Default::default(),
        target: Target::Emotion,
        norm: wish.norm,
        epochs: None,
        seed: wish.seed,
        nets: Default::default(),
        params: Default::default(),
        effort: Effort::default(),
    };
    Ok((request, who))
}
