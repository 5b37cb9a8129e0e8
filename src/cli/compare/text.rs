//! A comparison as text: a table per plan, what sets the models apart, the best one in detail.

use std::sync::Arc;

use super::figures::{People, Side, chance, first, parts, singles};
use super::params::{chosen, given};
use super::repeats;
use crate::cli::table::{lines, percent};
use crate::score::{Bootstrap, report};
use crate::store::Listened;
use crate::workbench::baseline::Baseline;
use crate::workbench::experiment::{Compared, Judged};
use crate::workbench::summary::Part;
use crate::workbench::versus::{LEVEL, Pair, Versus};

/// All of it.
pub fn text(compared: &Compared, people: &People) -> Vec<String> {
    let (asked, twin) = parts(&compared.runs);
    let mut all = Vec::new();
    for runs in [asked, twin] {
        let Some(side) = Side::of(first(runs), people) else { continue };
        all.extend(protocol_text(&side.runs[0]));
        all.push(String::new());
        all.extend(scores(&side));
        all.extend(side.runs.iter().flat_map(|judged| beside(judged)));
        all.push(String::new());
        all.extend(repeats::text(runs));
        all.push(
            "cost of scoring: one clip at a time, the last fold's model; x real time includes features".to_owned(),
        );
        all.extend(table(cost_head(), side.runs.iter().map(|one| cost_row(one))));
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
    if let Some(side) = Side::of(first(if twin.is_empty() { asked } else { twin }), people) {
        all.extend(detail(side.best(), &side.agreement(people)));
    }
    all
}

fn table(head: Vec<String>, rows: impl Iterator<Item = Vec<String>>) -> Vec<String> {
    lines(&std::iter::once(head).chain(rows).collect::<Vec<_>>())
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
    if judged.summary.unit() == "clips" {
        all.push("no speaker is known: intervals and tests take clips for independent, which flatters".to_owned());
    }
    all.extend(plan.notes.iter().cloned());
    all
}

/// Heads of the columns of [`row`].
pub fn head() -> Vec<String> {
    ["model", "features", "UAR %", "95 %", "folds", "WA %", "F1 %", "ECE %", "Brier", "fit s"]
        .map(str::to_owned)
        .to_vec()
}

/// A run as a row of the table of scores.
pub fn row(judged: &Judged) -> Vec<String> {
    let (run, s) = (&judged.run, &judged.summary);
    let spread = |(mean, sd)| format!("{} ± {}", percent(Some(mean)), percent(sd));
    let calibration = s.calibration.as_ref();
    vec![
        run.recipe.title(),
        run.recipe.features.clone(),
        percent(s.uar),
        ends(s.uar_ci.map(|ci| (ci.low, ci.high))),
        s.uar_folds.map_or_else(|| "-".to_owned(), spread),
        percent(s.wa),
        percent(s.macro_f1),
        percent(calibration.map(|one| one.ece)),
        calibration.map_or_else(|| "-".to_owned(), |one| format!("{:.3}", one.brier)),
        format!("{:.1}", run.fit_seconds),
    ]
}

fn ends(interval: Option<(f64, f64)>) -> String {
    interval.map_or_else(|| "-".to_owned(), |(low, high)| format!("{}-{}", percent(Some(low)), percent(Some(high))))
}

/// Where the columns of [`beside_best`] stand in a row.
const BESIDE: usize = 4;

/// The table of scores, marked and with its floor, and what explains it.
fn scores(side: &Side<'_>) -> Vec<String> {
    let mark = |ties: bool, name: &str| format!("{} {name}", if ties { "*" } else { " " });
    let mut head = head();
    head.splice(BESIDE..BESIDE, ["to best".to_owned(), "p".to_owned()]);
    head[0] = mark(false, &head[0]);
    let of = |(at, judged): (usize, &Arc<Judged>)| {
        let mut row = row(judged);
        row.splice(BESIDE..BESIDE, beside_best(side.versus.as_ref(), at));
        row[0] = mark(side.versus.as_ref().is_some_and(|versus| versus.ties(at)), &row[0]);
        row
    };
    let rows = side.runs.iter().enumerate().map(of);
    let people = side.people.iter().map(|(name, one)| human(name, one));
    let mut all = table(head, rows.chain(people).chain(side.baselines.iter().map(floor)));
    all.push(String::new());
    if let Some(name) = side.runs[0].summary.interval_name() {
        all.push(format!("95 %: interval of the UAR, {name}, {} draws; folds: mean ± sd", Bootstrap::default().draws));
    }
    all.extend(side.people.iter().map(|(name, one)| format!("{name}: {}; {} clips", one.how, one.clips)));
    match (&side.versus, &side.incomparable) {
        (Some(versus), _) => all.extend(explained(versus, side.runs)),
        (None, reason) => all.extend(reason.iter().map(|reason| format!("not set against each other: {reason}"))),
    }
    all
}

/// Points of UAR to the best and the adjusted p.
fn beside_best(versus: Option<&Versus>, at: usize) -> [String; 2] {
    let dash = || "-".to_owned();
    let Some(versus) = versus else { return [dash(), dash()] };
    match &versus.beside_best[at] {
        None => ["best".to_owned(), dash()],
        Some(pair) => [points(pair.difference()), p_value(pair.p_holm)],
    }
}

fn points(difference: f64) -> String {
    format!("{:+.1}", 100.0 * difference)
}

fn p_value(p: f64) -> String {
    if p < 0.001 { "<.001".to_owned() } else { format!("{p:.3}").trim_start_matches('0').to_owned() }
}

fn floor(one: &Baseline) -> Vec<String> {
    let mut row = vec![format!("  {}", one.name), "(computed)".to_owned(), percent(one.uar)];
    row.extend(std::iter::repeat_n("-".to_owned(), 4));
    row.push(percent(one.wa));
    row
}

fn human(name: &str, one: &Listened) -> Vec<String> {
    let ends = ends(one.uar_ci.map(|[low, high]| (low, high)));
    let mut row = vec![format!("  {name}"), "(people)".to_owned(), percent(Some(one.uar)), ends];
    row.extend(std::iter::repeat_n("-".to_owned(), 3));
    row.push(percent(Some(one.wa)));
    row
}

fn explained(versus: &Versus, runs: &[Arc<Judged>]) -> Vec<String> {
    let title = |at: usize| runs[at].run.recipe.title();
    let mut all = Vec::new();
    if runs.len() > 1 {
        all.push(
            "* the best and all that are not significantly worse (p > 0.05); to best: in points of UAR; p:".to_owned(),
        );
        all.push(format!("  {}", versus.name()));
        if versus.too_few() {
            let (units, unit) = (versus.units, versus.unit);
            all.push(format!(
                "  only {units} {unit}: no difference, however large, can be significant; ties say nothing"
            ));
        }
    }
    all.extend(versus.fusions.iter().map(|one| {
        let (gap, p) = (points(one.pair.difference()), one.pair.permutation.p);
        let verdict = if p > LEVEL { "not significant" } else { "significant" };
        format!(
            "{} beside {}, its best member here: {gap} points, {verdict} (p {})",
            title(one.fusion),
            title(one.member),
            p_value(p)
        )
    }));
    all.extend(runner_up(versus).and_then(|pair| {
        let [a, b] = [pair.a, pair.b].map(title);
        let rope = pair.rope?;
        Some(format!(
            "{b} over {a} by more than a point: probability {:.2}; within a point {:.2}; {a} over {b} {:.2} (correlated t over folds)",
            rope.below, rope.within, rope.above
        ))
    }));
    all
}

/// The best run beside the second best.
fn runner_up(versus: &Versus) -> Option<&Pair> {
    versus.beside_best.iter().flatten().max_by(|a, b| a.difference().total_cmp(&b.difference()))
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
    let soft = judged.summary.soft.map(|fit| {
        let (ce, floor, js) = (fit.cross_entropy, fit.floor, fit.jensen_shannon);
        let title = recipe.title();
        format!(
            "{title}: cross-entropy with people's shares {ce:.3} nats (at best {floor:.3}), Jensen-Shannon {js:.3} bits"
        )
    });
    single.into_iter().chain(soft).chain(also).chain(given(judged)).chain(before).chain(chosen(judged)).collect()
}

fn difference(leaky: &Judged, honest: &Judged) -> Vec<String> {
    let gap = leaky.summary.uar.zip(honest.summary.uar).map(|(a, b)| points(a - b));
    vec![
        leaky.run.recipe.title(),
        percent(leaky.summary.uar),
        percent(honest.summary.uar),
        gap.unwrap_or_else(|| "-".to_owned()),
    ]
}

fn detail(best: &Judged, by_agreement: &[Part]) -> Vec<String> {
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
    all.push(String::new());
    all.extend(by_part(best, by_agreement));
    all
}

/// The best run on parts of the clips.
fn by_part(best: &Judged, by_agreement: &[Part]) -> Vec<String> {
    let mut all = Vec::new();
    let said = |part: &Part| format!("{}: {} ({} clips)", part.name, percent(part.uar), part.clips);
    if !best.summary.by_sex.is_empty() {
        let sexes: Vec<String> = best.summary.by_sex.iter().map(said).collect();
        all.push(format!("UAR by sex - {}", sexes.join(", ")));
    }
    if let Some(worst) = best.summary.worst_speaker() {
        let (speakers, mean) = (best.summary.by_speaker.len(), best.summary.speakers_mean());
        all.push(format!("UAR by speaker - worst {}; mean of {speakers} speakers: {}", said(worst), percent(mean)));
    }
    if !by_agreement.is_empty() {
        let levels: Vec<String> = by_agreement.iter().map(said).collect();
        all.push(format!("UAR by share of listeners who agree - {}", levels.join(", ")));
    }
    all
}
