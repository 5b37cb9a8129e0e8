//! A comparison as JSON: scores are fractions, every prediction is there.

use std::sync::Arc;

use serde_json::{Value, json};

use super::figures::{chance, parts, singles};
use crate::score::Bootstrap;
use crate::store::Run;
use crate::workbench::experiment::{Compared, Judged};

/// All of it.
pub fn json_of(compared: &Compared) -> Value {
    let (asked, twin) = parts(&compared.runs);
    let mut all = side(asked);
    if !twin.is_empty() {
        all["speaker_independent_twin"] = side(twin);
    }
    if let Some(reason) = &compared.no_twin {
        all["speaker_independent_twin"] = json!({ "missing": reason });
    }
    if !compared.failed.is_empty() {
        all["failed"] = json!(compared.failed);
    }
    all
}

fn side(runs: &[Arc<Judged>]) -> Value {
    json!({
        "protocol": runs.first().map(|judged| protocol(&judged.run)),
        "runs": runs.iter().map(|judged| run_json(judged)).collect::<Vec<_>>(),
    })
}

/// What stands beside the numbers.
pub fn protocol(run: &Run) -> Value {
    let p = &run.protocol;
    let Bootstrap { draws, level, method, .. } = Bootstrap::default();
    json!({
        "corpus": p.data.corpus, "root": p.data.corpus_key, "target": p.data.target, "classes": p.data.classes,
        "clips": p.data.clips, "speakers": p.data.speakers, "data_hash": p.data.data_hash, "synthetic": p.data.synthetic,
        "plan": p.plan.plan, "folds": p.plan.folds, "speakers_leak": p.plan.speakers_leak,
        "norm": p.training.norm, "seed": p.training.seed, "epochs": p.training.epochs,
        "rate": p.training.preparation.rate, "preparation": p.training.preparation,
        "notes": p.plan.notes, "pretrained": p.data.pretrained,
        "interval": { "name": method.name(), "level": level, "draws": draws },
        "chance_uar": chance(run), "emolab": p.maker.emolab, "host": p.maker.host,
    })
}

/// A run with its figures.
pub fn run_json(judged: &Judged) -> Value {
    let (run, summary) = (&judged.run, &judged.summary);
    let calibration = summary.calibration.as_ref();
    let per_class = run.classes().iter().zip(&summary.per_class).map(|(class, score)| {
        json!({ "class": class, "precision": score.precision, "recall": score.recall, "f1": score.f1, "support": score.support })
    });
    let predictions = run.predictions.iter().map(|p| {
        json!({ "file": p.clip, "speaker": p.speaker, "fold": p.fold, "truth": run.classes()[p.truth], "pred": run.classes()[p.pred], "p": p.p })
    });
    json!({
        "id": run.id,
        "model": run.recipe.classifier,
        "features": run.recipe.features,
        "members": run.recipe.members.iter().map(|one| json!({ "model": one.classifier, "features": one.features, "params": one.params })).collect::<Vec<_>>(),
        "params": run.recipe.params,
        "tune": run.recipe.tune,
        "search": run.protocol.search,
        "also": run.recipe.leaves().iter().find_map(|leaf| leaf.also.clone()),
        "seeds": seeds_json(judged),
        "plan": run.protocol.plan.plan,
        "speakers_leak": run.protocol.plan.speakers_leak,
        "uar": summary.uar,
        "checkpoint": run.protocol.training.checkpoint,
        "uar_ci": summary.uar_ci.as_ref().map(|ci| [ci.low, ci.high]),
        "uar_ci_few_speakers": summary.uar_ci.is_some_and(|ci| ci.few_groups),
        "uar_folds": summary.uar_folds.map(|(mean, sd)| json!({ "mean": mean, "sd": sd })),
        "wa": summary.wa,
        "macro_f1": summary.macro_f1,
        "ece": calibration.map(|one| one.ece),
        "classes": run.classes(),
        "per_class": per_class.collect::<Vec<_>>(),
        "confusion": summary.confusion.rows(),
        "fit_seconds": run.fit_seconds,
        "cost": run.cost,
        "predictions": predictions.collect::<Vec<_>>(),
    })
}

/// The UAR of each seed's fit by itself, and what they come to.
fn seeds_json(judged: &Judged) -> Value {
    let each = judged.run.recipe.seeds.iter().zip(&judged.summary.uar_seeds);
    let each: Vec<Value> = each.map(|(seed, uar)| json!({ "seed": seed, "uar": uar })).collect();
    singles(judged).map_or(
        Value::Null,
        |one| json!({ "each": each, "uar_mean": one.mean, "uar_sd": one.sd, "uar_min": one.low, "uar_max": one.high }),
    )
}
