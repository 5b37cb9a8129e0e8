//! What the repeats of a comparison come to: the same recipes under the same plan, each time with the next seed, so with
//! other folds where the plan is random, and other fits where the classifier is.
//!
//! Each repeat is a run of its own; here they are put together. Deliberately absent: one fit that averages several seeds
//! (`--seeds`, see `learn::committee`), and tests between recipes (see `versus`).

use std::sync::Arc;

use anyhow::Result;

use super::experiment::Judged;
use super::summary::Summary;
use crate::score::{Interval, fold_spread};

/// A recipe under a plan, several times.
#[derive(Debug, Clone, PartialEq)]
pub struct Repeated {
    /// The recipe's title.
    pub model: String,
    /// UAR of each repeat, 0..1, in the order of seeds; repeats without one are left out.
    pub uars: Vec<f64>,
    /// Their mean, and their standard deviation.
    pub spread: Option<(f64, Option<f64>)>,
    /// Interval of the mean: of the UAR over the predictions of all repeats together, by bootstrap over speakers. With every
    /// clip tested once a repeat that UAR is the mean of the repeats'.
    pub interval: Option<Interval>,
    /// True when every repeat predicted the same: neither plan nor classifier uses the seed.
    pub same: bool,
}

/// Puts the repeats of each recipe together, in the order in which recipes come first. Nothing where there are no repeats.
///
/// # Errors
/// A damaged run.
pub fn repeated(runs: &[Arc<Judged>]) -> Result<Vec<Repeated>> {
    let key = |judged: &Judged| (judged.run.recipe.title(), judged.run.recipe.features.clone());
    let mut groups: Vec<((String, String), Vec<&Judged>)> = Vec::new();
    for judged in runs.iter().filter(|judged| judged.run.protocol.plan.repeat.is_some()) {
        match groups.iter_mut().find(|(have, _)| *have == key(judged)) {
            Some((_, group)) => group.push(judged),
            None => groups.push((key(judged), vec![judged])),
        }
    }
    groups.into_iter().map(|((model, _), group)| together(model, &group)).collect()
}

fn together(model: String, group: &[&Judged]) -> Result<Repeated> {
    let mut pooled = group[0].run.clone();
    pooled.recipe.seeds.clear();
    pooled.predictions.clear();
    for (repeat, judged) in group.iter().enumerate() {
        let folds = judged.run.protocol.plan.folds;
        pooled.predictions.extend(judged.run.predictions.iter().cloned().map(|mut one| {
            one.fold += repeat * folds;
            one.seeds.clear();
            one
        }));
    }
    let first = &group[0].run.predictions;
    let as_first =
        |judged: &&Judged| judged.run.predictions.iter().map(|one| &one.p).eq(first.iter().map(|one| &one.p));
    let uars: Vec<f64> = group.iter().filter_map(|judged| judged.summary.uar).collect();
    Ok(Repeated {
        model,
        spread: fold_spread(&uars),
        uars,
        interval: Summary::of(&pooled)?.uar_ci,
        same: group.iter().all(as_first),
    })
}
