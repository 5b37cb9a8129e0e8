//! A comparison as JSON: scores are fractions, every prediction is there.

use std::collections::BTreeMap;
use std::sync::Arc;

use serde_json::{Value, json};

use super::figures::{People, Side, chance, first, parts, singles};
use super::repeats;
use crate::score::Bootstrap;
use crate::store::Run;
use crate::workbench::baseline::Baseline;
use crate::workbench::experiment::{Compared, Judged};
use crate::workbench::summary::Part;
use crate::workbench::versus::{Fused, LEVEL, Versus};

/// All of it.
pub fn json_of(compared: &Compared, people: &People) -> Value {
    let (asked, twin) = parts(&compared.runs);
    let mut all = side(asked, people);
    if !twin.is_empty() {
        all["speaker_independent_twin"] = side(twin, people);
    }
    if let Some(reason) = &compared.no_twin {
        all["speaker_independent_twin"] = json!({ "missing": reason });
    }
    if !compared.failed.is_empty() {
        all["failed"] = json!(compared.failed);
    }
    all
}

fn side(runs: &[Arc<Judged>], people: &People) -> Value {
    let side = Side::of(first(runs), people);
    json!({
        "protocol": runs.first().map(|judged| protocol(&judged.run)),
        "runs": runs.iter().map(|judged| run_json(judged)).collect::<Vec<_>>(),
        "repeats": repeats::json(runs),
        "comparison": side.as_ref().and_then(|side| side.versus.as_ref()).map(comparison),
        "incomparable": side.as_ref().and_then(|side| side.incomparable.clone()),
        "people": side.as_ref().map(|side| side.people.iter().map(|(name, one)| json!({ "name": name, "scores": one })).collect::<Vec<_>>()),
        "best_by_agreement": side.as_ref().map(|side| side.agreement(people).iter().map(part).collect::<Vec<_>>()),
        "baselines": side.as_ref().map(|side| side.baselines.iter().map(baseline).collect::<Vec<_>>()),
    })
}

/// Runs are meant by their place in `runs`.
fn comparison(versus: &Versus) -> Value {
    let ties: Vec<usize> = (0..versus.beside_best.len()).filter(|&run| versus.ties(run)).collect();
    json!({
        "test": versus.name(), "level": LEVEL, "best": versus.best, "ties": ties,
        "unit": versus.unit, "units": versus.units, "too_few_to_tell": versus.too_few(),
        "beside_best": versus.beside_best, "pairs": versus.pairs,
        "fusions": versus.fusions.iter().map(fused).collect::<Vec<_>>(),
    })
}

fn fused(one: &Fused) -> Value {
    let significant = one.pair.permutation.p <= LEVEL;
    json!({ "fusion": one.fusion, "best_member": one.member, "pair": one.pair, "significant": significant })
}

fn baseline(one: &Baseline) -> Value {
    json!({ "name": one.name, "how": one.how, "uar": one.uar, "wa": one.wa, "computed": true })
}

fn part(one: &Part) -> Value {
    json!({ "name": one.name, "clips": one.clips, "uar": one.uar, "wa": one.wa })
}

/// What stands beside the numbers.
pub fn protocol(run: &Run) -> Value {
    let p = &run.protocol;
    let Bootstrap { draws, level, method, .. } = Bootstrap::default();
    json!({
        "corpus": p.data.corpus, "root": p.data.corpus_key, "target": p.data.target, "classes": p.data.classes,
        "clips": p.data.clips, "speakers": p.data.speakers, "data_hash": p.data.data_hash, "synthetic": p.data.synthetic,
        "plan": p.plan.plan, "folds": p.plan.folds, "speakers_leak": p.plan.speakers_leak,
        "leaks": p.plan.leaks, "norm": p.training.norm, "seed": p.training.seed, "epochs": p.training.epochs,
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
        "uar_ci_name": summary.interval_name(),
        "uar_ci_few_speakers": summary.uar_ci.is_some_and(|ci| ci.few_groups),
        "uar_folds": summary.uar_folds.map(|(mean, sd)| json!({ "mean": mean, "sd": sd })),
        "wa": summary.wa,
        "macro_f1": summary.macro_f1,
        "metrics": summary.metrics().into_iter().collect::<BTreeMap<_, _>>(),
        "calibration": calibration.map(|one| json!({ "ece": one.ece, "brier": one.brier, "nll": one.nll, "reliability": one.bins })),
        "truth": run.protocol.data.truth,
        "soft": summary.soft,
        "by_speaker": summary.by_speaker.iter().map(part).collect::<Vec<_>>(),
        "worst_speaker": summary.worst_speaker().map(part),
        "speakers_mean_uar": summary.speakers_mean(),
        "by_sex": summary.by_sex.iter().map(part).collect::<Vec<_>>(),
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
