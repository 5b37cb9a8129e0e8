//! A comparison as text: a table per plan, what sets the models apart, the best one in detail.

use super::figures::{chance, parts, singles};
use super::tuned::chosen;
use crate::cli::table::{lines, percent};
use crate::score::report;
use crate::workbench::experiment::{Compared, Judged};

/// All of it.
pub fn text(compared: &Compared) -> Vec<String> {
    let (asked, twin) = parts(&compared.runs);
    let mut all = Vec::new();
    for side in [asked, twin] {
        let Some(first) = side.first() else { continue };
        all.extend(protocol_text(first));
        all.push(String::new());
        all.extend(lines(&std::iter::once(head()).chain(side.iter().map(|judged| row(judged))).collect::<Vec<_>>()));
        all.extend(side.iter().flat_map(|judged| beside(judged)));
        all.push(String::new());
        all.push(
            "cost of scoring: one clip at a time, the last fold's model; x real time includes features".to_owned(),
        );
        all.extend(lines(
            &std::iter::once(cost_head()).chain(side.iter().map(|one| cost_row(one))).collect::<Vec<_>>(),
        ));
        all.push(String::new());
    }
    if !twin.is_empty() {
        all.push("UAR with speakers leaking, without, and the difference in points:".to_owned());
        all.extend(lines(&asked.iter().zip(twin).map(|(a, b)| difference(a, b)).collect::<Vec<_>>()));
        all.push(String::new());
    }
    if let Some(reason) = &compared.no_twin {
        all.push(format!("no speaker-independent run beside it: {reason}"));
        all.push(String::new());
    }
    // The detail below is of the last honest table: the twin where there is one.
    let side = if twin.is_empty() { asked } else { twin };
    if let Some(best) =
        side.iter().max_by(|a, b| a.summary.uar.unwrap_or(-1.0).total_cmp(&b.summary.uar.unwrap_or(-1.0)))
    {
        all.extend(detail(best));
    }
    all
}

/// What stands above a table.
pub fn protocol_text(judged: &Judged) -> Vec<String> {
    let run = &judged.run;
    let (data, plan) = (&run.protocol.data, &run.protocol.plan);
    let mut all = vec![format!(
        "{}: {}, {} clips, {} speakers, {} classes; plan {} ({} folds), norm {}, seed {}; {}; chance UAR {}",
        data.corpus,
        data.target,
        data.clips,
        data.speakers,
        data.classes.len(),
        plan.plan,
        plan.folds,
        run.recipe.norm,
        run.recipe.seed,
        run.protocol.training.preparation,
        percent(Some(chance(run))),
    )];
    if plan.speakers_leak {
        all.push("SPEAKERS LEAK: the same voices are in training and test; compare with the table below".to_owned());
    }
    if data.synthetic {
        all.push("synthetic speech: these scores mean nothing".to_owned());
    }
    if judged.summary.uar_ci.is_some_and(|ci| ci.few_groups) {
        all.push(format!("only {} speakers: intervals over so few are too narrow to trust", data.speakers));
    }
    all.extend(plan.notes.iter().cloned());
    all
}

/// Heads of the columns of [`row`].
pub fn head() -> Vec<String> {
    ["model", "features", "UAR %", "95 % (speakers)", "folds mean ± sd", "WA %", "macro-F1 %", "fit s"]
        .map(str::to_owned)
        .to_vec()
}

/// A run as a row of the table of scores.
pub fn row(judged: &Judged) -> Vec<String> {
    let (run, s) = (&judged.run, &judged.summary);
    let interval = s
        .uar_ci
        .as_ref()
        .map_or_else(|| "-".to_owned(), |ci| format!("{} to {}", percent(Some(ci.low)), percent(Some(ci.high))));
    let folds =
        s.uar_folds.map_or_else(|| "-".to_owned(), |(mean, sd)| format!("{} ± {}", percent(Some(mean)), percent(sd)));
    vec![
        run.recipe.title(),
        run.recipe.features.clone(),
        percent(s.uar),
        interval,
        folds,
        percent(s.wa),
        percent(s.macro_f1),
        format!("{:.1}", run.fit_seconds),
    ]
}

fn cost_head() -> Vec<String> {
    ["model", "parameters", "MMAC (3 s)", "MB", "ms per clip", "x real time", "fit s"].map(str::to_owned).to_vec()
}

fn cost_row(judged: &Judged) -> Vec<String> {
    let (run, cost) = (&judged.run, judged.run.cost.as_ref());
    let dash = |text: Option<String>| text.unwrap_or_else(|| "-".to_owned());
    vec![
        run.recipe.title(),
        dash(cost.map(|cost| cost.parameters.to_string())),
        dash(cost.and_then(|cost| cost.macs_3s).map(|macs| format!("{:.1}", macs as f64 / 1e6))),
        dash(cost.map(|cost| format!("{:.2}", cost.megabytes()))),
        dash(cost.and_then(|cost| cost.clip_ms).map(|ms| format!("{ms:.2}"))),
        dash(cost.and_then(|cost| cost.real_time).map(|share| format!("{share:.4}"))),
        format!("{:.1}", run.fit_seconds),
    ]
}

/// What a row of the table does not hold: the single fits of several seeds, the second target.
fn beside(judged: &Judged) -> Vec<String> {
    let recipe = &judged.run.recipe;
    let single = singles(judged).map(|one| {
        let [mean, low, high] = [one.mean, one.low, one.high].map(|uar| percent(Some(uar)));
        let fits = recipe.seeds.len();
        format!("{}: one fit of the {fits} has UAR {mean} ± {} ({low} to {high})", recipe.title(), percent(one.sd))
    });
    let also = recipe.leaves().iter().find_map(|leaf| leaf.also.clone());
    let also = also.map(|also| format!("{}: learns {also} besides", recipe.title()));
    let before = judged.run.protocol.data.pretrained.iter().map(|text| format!("{}: {text}", recipe.title()));
    let set = recipe.leaves().into_iter().filter(|leaf| !leaf.params.is_empty()).map(|leaf| {
        let all: Vec<String> = leaf.params.iter().map(|(name, value)| format!("{name} = {value}")).collect();
        format!("{}: {}", leaf.classifier, all.join(", "))
    });
    single.into_iter().chain(also).chain(set).chain(before).chain(chosen(judged)).collect()
}

fn difference(leaky: &Judged, honest: &Judged) -> Vec<String> {
    let gap = leaky.summary.uar.zip(honest.summary.uar).map(|(a, b)| format!("{:+.1}", 100.0 * (a - b)));
    vec![
        leaky.run.recipe.title(),
        percent(leaky.summary.uar),
        percent(honest.summary.uar),
        gap.unwrap_or_else(|| "-".to_owned()),
    ]
}

fn detail(best: &Judged) -> Vec<String> {
    let mut all = vec![format!("{}, {}:", best.run.recipe.title(), best.run.protocol.plan.plan), String::new()];
    all.extend(report(&best.summary.confusion, best.run.classes()).lines().map(str::to_owned));
    all.push(String::new());
    all.push("confusion in % of the true class (rows)".to_owned());
    let mut rows = vec![std::iter::once(String::new()).chain(best.run.classes().iter().cloned()).collect::<Vec<_>>()];
    for (class, shares) in best.run.classes().iter().zip(best.summary.confusion.normalised()) {
        let cells = (0..best.run.classes().len()).map(|column| percent(shares.as_ref().map(|row| row[column])));
        rows.push(std::iter::once(class.clone()).chain(cells).collect());
    }
    all.extend(lines(&rows));
    all
}
