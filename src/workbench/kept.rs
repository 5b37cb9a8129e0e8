//! Runs that the store keeps, with their figures: one, all, and the honest twin of one whose speakers leak.
//!
//! Deliberately absent: making runs (see `experiment`) and making them again (see `verify`).

use anyhow::{Context, Result};

use super::experiment::Judged;
use super::summary::Summary;
use crate::store::{Run, RunId, Runs, Store};

/// The run of that number.
///
/// # Errors
/// There is none, or it is damaged.
pub fn judged(store: &Store, id: RunId) -> Result<Judged> {
    let run = store.run(id)?;
    let run = run.with_context(|| format!("no run {id} in {} (emolab runs lists them)", store.path().display()))?;
    Ok(Judged { summary: Summary::of(&run).with_context(|| format!("run {id}"))?, run })
}

/// Gives each of the `listed` runs with its figures to `take`, one at a time: predictions of all runs at once might not fit
/// into memory. What is wrong with those that cannot be read comes back.
pub fn each(store: &Store, listed: &Runs, take: &mut dyn FnMut(Judged)) -> Vec<String> {
    let mut problems: Vec<String> =
        listed.problems.iter().map(|problem| format!("run {}: {}", problem.id, problem.reason)).collect();
    for id in listed.runs.iter().filter_map(|run| run.id) {
        match judged(store, id) {
            Ok(judged) => take(judged),
            Err(error) => problems.push(format!("{error:#}")),
        }
    }
    problems
}

/// The run of the same recipe on the same clips under a plan that keeps speakers apart: for a run whose speakers leak. Of
/// several the first after it, since a comparison makes the twin after the run; else the newest.
///
/// # Errors
/// The store's.
pub fn twin(store: &Store, run: &Run) -> Result<Option<Judged>> {
    let listed = store.runs(&run.protocol.data.corpus_key)?;
    let same = |other: &&Run| {
        let (a, b) = (&run.protocol, &other.protocol);
        !b.plan.speakers_leak
            && a.plan.spent == b.plan.spent
            && a.data.data_hash == b.data.data_hash
            && a.training.preparation == b.training.preparation
            && run.recipe == other.recipe
    };
    // Newest first.
    let twins: Vec<RunId> = listed.runs.iter().filter(same).filter_map(|other| other.id).collect();
    let after = twins.iter().rev().find(|&&twin| Some(twin) > run.id);
    after.or(twins.first()).map(|&twin| judged(store, twin)).transpose()
}
