//! What the text and the JSON of a comparison share.

use std::sync::Arc;

use crate::score::fold_spread;
use crate::store::Run;
use crate::workbench::experiment::Judged;

/// The runs of the plan asked for, then those of its speaker-independent twin.
pub fn parts(runs: &[Arc<Judged>]) -> (&[Arc<Judged>], &[Arc<Judged>]) {
    let plan = |judged: &Arc<Judged>| judged.run.protocol.plan.plan.clone();
    let at = runs.iter().position(|judged| plan(judged) != plan(&runs[0])).unwrap_or(runs.len());
    runs.split_at(at)
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
