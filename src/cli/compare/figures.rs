//! What the text and the JSON of a comparison share.

use std::path::Path;
use std::sync::Arc;

use crate::corpus::{Corpus, Ratings, Target};
use crate::score::fold_spread;
use crate::store::{Listened, Run, Store};
use crate::workbench::baseline::{Baseline, baselines};
use crate::workbench::corpus_key;
use crate::workbench::experiment::Judged;
use crate::workbench::human::{by_agreement, raters};
use crate::workbench::summary::Part;
use crate::workbench::versus::Versus;

/// What people say of the corpus.
#[derive(Debug, Default)]
pub struct People {
    /// What listeners of the corpus heard.
    pub ratings: Ratings,
    /// What those reach who label in emolab.
    pub raters: Option<Listened>,
}

impl People {
    /// What the corpus and the store tell; a store that is not there, or cannot be read, tells nothing.
    pub fn of(corpus: &Corpus, store: &Path) -> People {
        let annotations = || Store::open(store).ok()?.annotations(&corpus_key(corpus), None).ok();
        let raters = store.is_file().then(annotations).flatten().and_then(|all| raters(&all, corpus));
        People { ratings: corpus.ratings.clone(), raters }
    }
}

/// The runs of one plan and what they come to together.
pub struct Side<'a> {
    /// At least one.
    pub runs: &'a [Arc<Judged>],
    /// The runs set against each other; `None` with a reason in `incomparable`.
    pub versus: Option<Versus>,
    /// Why they are not.
    pub incomparable: Option<String>,
    /// People on the same clips, by what they are called.
    pub people: Vec<(&'static str, Listened)>,
    /// The floors that no run stands for.
    pub baselines: Vec<Baseline>,
}

impl<'a> Side<'a> {
    /// `None` without runs.
    pub fn of(runs: &'a [Arc<Judged>], people: &People) -> Option<Side<'a>> {
        let first = &runs.first()?.run;
        let all: Vec<&Run> = runs.iter().map(|judged| &judged.run).collect();
        let (versus, incomparable) = match Versus::of(&all, first.recipe.seed) {
            Ok(versus) => (Some(versus), None),
            Err(reason) => (None, Some(format!("{reason:#}"))),
        };
        let asked = |one: &Baseline| all.iter().any(|run| run.recipe.classifier == one.name);
        let floors = baselines(first).map_or_else(|_| Vec::new(), Vec::from);
        let baselines = floors.into_iter().filter(|one| !asked(one)).collect();
        let listeners = first.protocol.data.listeners.clone().map(|one| ("listeners", one));
        let labels = first.protocol.data.target == Target::Emotion;
        let raters = people.raters.clone().filter(|_| labels).map(|one| ("raters", one));
        let people = listeners.into_iter().chain(raters).collect();
        Some(Side { runs, versus, incomparable, people, baselines })
    }

    /// The run with the highest UAR.
    pub fn best(&self) -> &'a Judged {
        &self.runs[self.versus.as_ref().map_or(0, |versus| versus.best)]
    }

    /// The best run where people agree little, more and most; empty where that is not known.
    pub fn agreement(&self, people: &People) -> Vec<Part> {
        by_agreement(&self.best().run, &people.ratings).unwrap_or_default()
    }
}

/// The runs of the plan asked for, then those of its speaker-independent twin.
pub fn parts(runs: &[Arc<Judged>]) -> (&[Arc<Judged>], &[Arc<Judged>]) {
    let plan = |judged: &Arc<Judged>| judged.run.protocol.plan.plan.clone();
    let at = runs.iter().position(|judged| plan(judged) != plan(&runs[0])).unwrap_or(runs.len());
    runs.split_at(at)
}

/// The runs without repeats, or of the first repeat: they stand in front.
pub fn first(runs: &[Arc<Judged>]) -> &[Arc<Judged>] {
    let again = |judged: &Arc<Judged>| judged.run.protocol.plan.repeat.is_some_and(|repeat| repeat.number > 1);
    &runs[..runs.iter().position(again).unwrap_or(runs.len())]
}

/// UAR of guessing, 0..1.
pub fn chance(run: &Run) -> f64 {
    1.0 / run.classes().len().max(1) as f64
}

/// UARs of the fits that a run averages, each by itself.
pub struct Singles {
    pub mean: f64,
    pub sd: Option<f64>,
    pub low: f64,
    pub high: f64,
}

/// `None` for one fit.
pub fn singles(judged: &Judged) -> Option<Singles> {
    let known: Vec<f64> = judged.summary.uar_seeds.iter().flatten().copied().collect();
    let (mean, sd) = fold_spread(&known)?;
    let (low, high) = known.iter().fold((1.0_f64, 0.0_f64), |(low, high), &uar| (low.min(uar), high.max(uar)));
    Some(Singles { mean, sd, low, high })
}
