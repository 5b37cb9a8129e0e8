//! `emolab compare`: classifiers on a corpus under a plan, as a table or JSON.

use std::io::Write;
use std::path::PathBuf;
use std::sync::Arc;

use anyhow::{Context, Result, bail, ensure};
use clap::Args;
use serde_json::{Value, json};

use super::log::{LogArg, ended};
use super::prepare::{Prepare, set_name};
use super::progress::Progress;
use super::table::{lines, percent};
use super::{Files, Place, say, stdout};
use crate::corpus::plan::Plan;
use crate::corpus::{Corpus, Target, scan};
use crate::features::cache::Cache;
use crate::learn::cnn::Settings;
use crate::learn::{CLASSIFIERS, Norm, check_params, classifier};
use crate::score::{Bootstrap, Interval, fold_spread, report};
use crate::store::Run;
use crate::workbench::checkpoints::Checkpoints;
use crate::workbench::experiment::{Compared, Effort, Judged, Params, Request, compare, default_plan};
use crate::workbench::log::{Log, Logged};
use crate::workbench::material::{Contender, Listener, check_asked, check_pretrain, contenders};
use crate::workbench::{Keeper, places};

/// Arguments of `emolab compare`.
#[derive(Debug, Args)]
pub struct Compare {
    #[command(flatten)]
    place: Place,
    /// Classifiers, separated by commas; fusion = cnn and linear-svm together [default: all single ones].
    #[arg(long, value_delimiter = ',', value_name = "NAMES")]
    models: Vec<String>,
    #[command(flatten)]
    protocol: ProtocolArgs,
    /// loso, speakers:K or random:K [default: loso up to 12 speakers, else speakers:5].
    #[arg(long)]
    plan: Option<Plan>,
    /// Print JSON; scores are fractions.
    #[arg(long)]
    json: bool,
    /// Do not save the runs in the store.
    #[arg(long)]
    no_save: bool,
    /// No progress.
    #[arg(long, short)]
    quiet: bool,
    #[command(flatten)]
    log: LogArg,
    #[command(flatten)]
    files: Files,
    #[command(flatten)]
    prepare: Prepare,
}

/// What decides a result beside data and plan.
#[derive(Debug, Clone, Args)]
pub struct ProtocolArgs {
    /// emotion, sex or sex+emotion.
    #[arg(long, default_value_t = Target::Emotion)]
    target: Target,
    /// Feature set for the classifiers that can read it.
    #[arg(long, value_name = "SET", value_parser = set_name)]
    pub features: Option<String>,
    /// Scaling: none, train (fitted on the training clips) or speaker (each speaker's own clips, without labels).
    #[arg(long, default_value_t = Norm::Train)]
    norm: Norm,
    /// Upper bound of epochs for classifiers that have epochs.
    #[arg(long, value_parser = clap::value_parser!(u32).range(1..=100_000))]
    epochs: Option<u32>,
    /// Seed of everything random.
    #[arg(long, default_value_t = 0)]
    seed: u64,
    /// Take a net and its training from a TOML (see src/learn/cnn/nets): cnn=FILE.
    #[arg(long = "net", value_name = "MODEL=FILE", value_parser = |text: &str| net(text).map_err(|why| format!("{why:#}")))]
    nets: Vec<(String, Settings)>,
    /// Give a classifier a hyper-parameter (docs/catalogue.md lists them): svm.c=3; again for each.
    #[arg(long = "set", value_name = "MODEL.NAME=VALUE", value_parser = |text: &str| set(text).map_err(|why| format!("{why:#}")))]
    sets: Vec<SetArg>,
    /// Fit with N seeds that follow one another and average their probabilities; each fit's score is told beside.
    #[arg(long, value_name = "N", default_value_t = 1, value_parser = clap::value_parser!(u32).range(1..=1000))]
    seeds: u32,
    /// A second target for nets to learn beside the first: sex.
    #[arg(long, value_name = "TARGET")]
    also: Option<Target>,
    /// Train nets on images on these corpora first, over the classes shared; again for each: --pretrain A --pretrain B.
    #[arg(long, value_name = "PATH")]
    pretrain: Vec<PathBuf>,
    #[command(flatten)]
    resuming: Resuming,
}

/// Going on after a kill.
#[derive(Debug, Clone, Args)]
struct Resuming {
    /// Go on where the same command was killed: finished folds and epochs are not done again, the result is the same.
    #[arg(long)]
    resume: bool,
    /// Folder for what that needs [default: emolab/checkpoints in the XDG state directory].
    #[arg(long, value_name = "DIR", env = "EMOLAB_CHECKPOINTS")]
    checkpoints: Option<PathBuf>,
}

impl Resuming {
    /// Without a place for them a run goes without.
    fn checkpoints(&self) -> Option<Checkpoints> {
        let folder = self.checkpoints.clone().map_or_else(places::checkpoints, Ok);
        folder.map(|folder| Checkpoints { folder, resume: self.resume }).ok()
    }
}

impl ProtocolArgs {
    /// The request for these models and this plan.
    pub fn request(&self, models: Vec<String>, plan: Plan) -> Request {
        Request {
            models,
            features: self.features.clone(),
            plan,
            target: self.target,
            norm: self.norm,
            epochs: self.epochs.map(|epochs| epochs as usize),
            seed: self.seed,
            nets: self.nets.iter().cloned().collect(),
            params: self.params(),
            effort: self.effort(),
        }
    }

    fn params(&self) -> Params {
        let mut params = Params::new();
        for one in &self.sets {
            params.entry(one.model.clone()).or_default().insert(one.name.clone(), one.value);
        }
        params
    }

    fn effort(&self) -> Effort {
        Effort {
            seeds: self.seeds as usize,
            also: self.also,
            pretrain: self.pretrain.clone(),
            checkpoints: self.resuming.checkpoints(),
        }
    }

    /// Checks, before anything is read, that there are such models and that they can do what is asked for.
    ///
    /// # Errors
    /// As [`check_asked`], [`check_params`] and [`check_pretrain`].
    pub fn check(&self, models: &[String]) -> Result<()> {
        let all = contenders(models)?;
        check_pretrain(&all, &self.pretrain)?;
        check_set(&all, &self.sets)?;
        check_asked(&all, (self.features.as_deref(), self.also))
    }
}

impl Compare {
    /// Scans, compares, saves, prints.
    pub fn run(mut self) -> Result<()> {
        let progress = Progress::new(self.quiet)?;
        if self.models.is_empty() {
            self.models = CLASSIFIERS.iter().map(|kind| kind.name().to_owned()).collect();
        }
        // Before the scan: a typing error should not cost minutes.
        self.protocol.check(&self.models)?;
        let log = self.log.open()?;
        let compared = ended(log.as_ref(), self.compare(log.as_ref(), &progress))?;
        self.print(&compared)
    }

    fn compare(&self, log: Option<&Log>, progress: &Progress) -> Result<Compared> {
        let corpus = scan(&self.place.path, self.place.corpus.as_deref(), progress)?;
        tell_problems(&corpus);
        let plan = self.plan.unwrap_or_else(|| default_plan(&corpus));
        let request = self.protocol.request(self.models.clone(), plan);
        let cache = Cache::open(&self.files.cache()?);
        let listener =
            Listener { cache: &cache, preparation: self.prepare.preparation(self.protocol.features.as_deref()) };
        let mut keeper = Keeper::new(self.files.store()?);
        let mut keep = |run: &Run| if self.no_save { Ok(None) } else { keeper.keep(run).map(Some) };
        let compared = compare(&corpus, &request, &listener, &mut keep, &Logged::new(log, progress))?;
        progress.end();
        tell_cache(&cache);
        Ok(compared)
    }

    fn print(&self, compared: &Compared) -> Result<()> {
        let mut out = stdout();
        if self.json {
            serde_json::to_writer_pretty(&mut out, &json_of(compared))?;
            writeln!(out)?;
        } else {
            for line in text(compared) {
                writeln!(out, "{line}")?;
            }
        }
        out.flush()?;
        compared.clear_checkpoints();
        if !compared.failed.is_empty() {
            bail!("{} of {} runs failed", compared.failed.len(), compared.failed.len() + compared.runs.len());
        }
        Ok(())
    }
}

/// One `--set`.
#[derive(Debug, Clone, PartialEq)]
struct SetArg {
    model: String,
    name: String,
    value: f64,
}

/// A classifier's hyper-parameter and its value, checked before anything is read.
fn set(text: &str) -> Result<SetArg> {
    let parts = text.split_once('=').and_then(|(place, value)| Some((place.split_once('.')?, value)));
    let ((model, name), value) = parts.context("write MODEL.NAME=VALUE, as in svm.c=3")?;
    let kind = classifier(model).with_context(|| format!("no classifier `{model}`"))?;
    let value: f64 = value.parse().with_context(|| format!("`{value}` is no number"))?;
    check_params(kind, &[(name.to_owned(), value)].into())?;
    Ok(SetArg { model: model.to_owned(), name: name.to_owned(), value })
}

/// Each hyper-parameter once, and only of classifiers that are fitted.
fn check_set(contenders: &[Contender], sets: &[SetArg]) -> Result<()> {
    for (at, one) in sets.iter().enumerate() {
        let fitted = contenders.iter().flat_map(|who| &who.members).any(|(kind, _)| kind.name() == one.model);
        ensure!(fitted, "{}.{} is set, but {} is not among the classifiers", one.model, one.name, one.model);
        let again = sets[..at].iter().any(|other| (&other.model, &other.name) == (&one.model, &one.name));
        ensure!(!again, "{}.{} is set twice", one.model, one.name);
    }
    Ok(())
}

/// A classifier and the net in a file, checked before anything is read.
fn net(text: &str) -> Result<(String, Settings)> {
    let (name, file) = text.split_once('=').context("write MODEL=FILE, as in cnn=my-net.toml")?;
    let kind = classifier(name).with_context(|| format!("no classifier `{name}`"))?;
    ensure!(kind.settings().is_some(), "{name} is no net");
    let text = std::fs::read_to_string(file).with_context(|| file.to_owned())?;
    Ok((name.to_owned(), Settings::read(&text).with_context(|| file.to_owned())?))
}

/// Says why features could not be kept for next time, if so.
pub fn tell_cache(cache: &Cache) {
    if let Some(reason) = cache.trouble() {
        say(&format!("features are not kept for next time: {reason}"));
    }
}

/// Says how many files did not open, and which first.
pub fn tell_problems(corpus: &Corpus) {
    if let Some(first) = corpus.problems.first() {
        let count = corpus.problems.len();
        say(&format!("{count} problem(s), the first: {}: {} (all: emolab scan)", first.file, first.reason));
    }
}

fn parts(runs: &[Arc<Judged>]) -> (&[Arc<Judged>], &[Arc<Judged>]) {
    let plan = |judged: &Arc<Judged>| judged.run.protocol.plan.plan.clone();
    let at = runs.iter().position(|judged| plan(judged) != plan(&runs[0])).unwrap_or(runs.len());
    runs.split_at(at)
}

fn json_of(compared: &Compared) -> Value {
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

pub(super) fn protocol(run: &Run) -> Value {
    let p = &run.protocol;
    let Bootstrap { draws, level, .. } = Bootstrap::default();
    json!({
        "corpus": p.data.corpus, "root": p.data.corpus_key, "target": p.data.target, "classes": p.data.classes,
        "clips": p.data.clips, "speakers": p.data.speakers, "data_hash": p.data.data_hash, "synthetic": p.data.synthetic,
        "plan": p.plan.plan, "folds": p.plan.folds, "speakers_leak": p.plan.speakers_leak,
        "norm": p.training.norm, "seed": p.training.seed, "epochs": p.training.epochs,
        "rate": p.training.preparation.rate, "preparation": p.training.preparation,
        "notes": p.plan.notes, "pretrained": p.data.pretrained,
        "interval": { "name": Interval::NAME, "level": level, "draws": draws },
        "chance_uar": chance(run), "emolab": p.maker.emolab, "host": p.maker.host,
    })
}

fn chance(run: &Run) -> f64 {
    1.0 / run.classes().len().max(1) as f64
}

pub(super) fn run_json(judged: &Judged) -> Value {
    let (run, summary) = (&judged.run, &judged.summary);
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
        "calibration_error": summary.calibration_error,
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

/// UARs of the fits that a run averages, each by itself.
struct Singles {
    mean: f64,
    sd: Option<f64>,
    low: f64,
    high: f64,
}

/// `None` for one fit.
fn singles(judged: &Judged) -> Option<Singles> {
    let known: Vec<f64> = judged.summary.uar_seeds.iter().flatten().copied().collect();
    let (mean, sd) = fold_spread(&known)?;
    let (low, high) = known.iter().fold((1.0_f64, 0.0_f64), |(low, high), &uar| (low.min(uar), high.max(uar)));
    Some(Singles { mean, sd, low, high })
}

fn text(compared: &Compared) -> Vec<String> {
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

pub(super) fn protocol_text(judged: &Judged) -> Vec<String> {
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

pub(super) fn head() -> Vec<String> {
    ["model", "features", "UAR %", "95 % (speakers)", "folds mean ± sd", "WA %", "macro-F1 %", "fit s"]
        .map(str::to_owned)
        .to_vec()
}

pub(super) fn row(judged: &Judged) -> Vec<String> {
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
    let set = recipe.leaves().into_iter().filter(|leaf| !leaf.params.is_empty()).map(|leaf| {
        let all: Vec<String> = leaf.params.iter().map(|(name, value)| format!("{name} = {value}")).collect();
        format!("{}: {}", leaf.classifier, all.join(", "))
    });
    let before = judged.run.protocol.data.pretrained.iter().map(|text| format!("{}: {text}", recipe.title()));
    single.into_iter().chain(also).chain(set).chain(before).collect()
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
