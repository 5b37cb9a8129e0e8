//! `emolab compare`: classifiers on a corpus under a plan, as a table or JSON.

mod figures;
mod json;
mod params;
mod repeats;
mod text;

use std::io::Write;
use std::path::PathBuf;

use anyhow::{Context, Result, bail, ensure};
use clap::Args;

use super::log::ended;
use super::prepare::set_name;
use super::progress::Progress;
use super::running::Running;
use super::search::time;
use super::{Files, Place, opened, say, stdout};
use crate::corpus::plan::Plan;
use crate::corpus::{Corpus, LeakKind, Target};
use crate::features::cache::Cache;
use crate::learn::cnn::Settings;
use crate::learn::{CLASSIFIERS, Norm, Tune, check_params, classifier};
use crate::store::Run;
use crate::workbench::checkpoints::Checkpoints;
use crate::workbench::experiment::{Compared, Effort, Params, Request, compare};
use crate::workbench::folds::default_plan;
use crate::workbench::log::{Log, Logged};
use crate::workbench::material::{Contender, Listener, check_asked, check_pretrain, contenders};
use crate::workbench::truth::{self, TruthName, Wanted};
use crate::workbench::{Keeper, places};

use figures::People;
pub use json::{protocol, run_json};
pub use text::{head, protocol_text, row};

/// Arguments of `emolab compare`.
#[derive(Debug, Args)]
pub struct Compare {
    #[command(flatten)]
    place: Place,
    /// Classifiers, separated by commas; fusion = cnn and linear-svm together [default: all single ones].
    #[arg(long, value_parser = super::classifier_named, value_delimiter = ',', value_name = "NAMES")]
    models: Vec<String>,
    #[command(flatten)]
    protocol: ProtocolArgs,
    /// loso, speakers:K, sentences:K, speakers+sentences[:KxL], random:K, given:COLUMN or folds:FILE [default: loso up to
    /// 12 speakers, else speakers:5]; emolab plan shows and saves one.
    #[arg(long)]
    plan: Option<Plan>,
    /// Run N times with seeds that follow one another, each with folds and fits of its own; every repeat is kept as a run.
    #[arg(long, value_name = "N", default_value_t = 1, value_parser = clap::value_parser!(u32).range(1..=1000))]
    repeats: u32,
    #[command(flatten)]
    tuning: TuneArgs,
    #[command(flatten)]
    running: Running,
}

/// What decides a result beside data and plan.
#[derive(Debug, Clone, Args)]
pub struct ProtocolArgs {
    /// emotion, sex or sex+emotion.
    #[arg(long, default_value_t = Target::Emotion)]
    target: Target,
    #[command(flatten)]
    pub truth: TruthArgs,
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
    /// Run although the plan's folds share this: speaker, session, sentence or audio; again for each. Printed with every table.
    #[arg(long, value_name = "KIND")]
    allow_leak: Vec<LeakKind>,
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

/// Which labels are learnt and judged by.
#[derive(Debug, Clone, Args)]
pub struct TruthArgs {
    /// Take these for true: corpus, or what people said here: majority, ds (Dawid-Skene), mace, gold (decided, else the
    /// majority) or soft (nets learn the shares).
    #[arg(long, value_name = "NAME", default_value = "corpus")]
    truth: TruthName,
    /// The scheme in which they said it [default: the one most used].
    #[arg(long, value_name = "NAME")]
    truth_scheme: Option<String>,
    /// The question of that scheme [default: its first choice].
    #[arg(long, value_name = "NAME")]
    truth_question: Option<String>,
}

impl TruthArgs {
    /// Whether the corpus' own labels are asked for.
    pub fn is_corpus(&self) -> bool {
        self.truth.0 == truth::TRUTHS[0]
    }

    /// The same by that method.
    pub fn with_method(&self, name: &str) -> TruthArgs {
        TruthArgs { truth: TruthName(name.to_owned()), ..self.clone() }
    }

    /// The corpus with these labels.
    ///
    /// # Errors
    /// As [`truth::from_store`]; options that go with people's labels alone.
    pub fn apply(&self, corpus: Corpus, files: &Files) -> Result<Corpus> {
        let method = Some(&self.truth.0).filter(|_| !self.is_corpus());
        let alone = method.is_none() && (self.truth_scheme.is_some() || self.truth_question.is_some());
        ensure!(!alone, "--truth-scheme and --truth-question go with --truth majority, ds, mace, gold or soft");
        let (scheme, question) = (self.truth_scheme.clone(), self.truth_question.clone());
        let wanted = method.map(|method| Wanted { method: method.clone(), scheme, question, until: None });
        truth::from_store(corpus, wanted.as_ref(), &files.store()?)
    }
}

/// Choosing hyper-parameters.
#[derive(Debug, Clone, Args)]
struct TuneArgs {
    /// Choose each classifier's hyper-parameters (but those of --set) inside every fold, on its training speakers alone.
    #[arg(long)]
    tune: bool,
    /// What is tried for a classifier: so many combinations in each fold, or a time for all folds (90s, 20m), whose end depends on the machine.
    #[arg(long, value_name = "N|TIME", default_value = "20", requires = "tune", value_parser = |text: &str| budget(text).map_err(|why| format!("{why:#}")))]
    tune_budget: TuneBudget,
    /// Inner folds of training speakers, at most.
    #[arg(long, value_name = "K", default_value_t = 3, requires = "tune", value_parser = clap::value_parser!(u32).range(2..=100))]
    tune_folds: u32,
}

/// A number of combinations, or seconds.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum TuneBudget {
    Trials(usize),
    Seconds(u64),
}

fn budget(text: &str) -> Result<TuneBudget> {
    if let Ok(trials) = text.parse::<usize>() {
        ensure!((1..=10_000).contains(&trials), "from 1 to 10000 combinations");
        return Ok(TuneBudget::Trials(trials));
    }
    Ok(TuneBudget::Seconds(time(text).context("or a number of combinations: 20")?.as_secs()))
}

impl TuneArgs {
    /// Something must be there to choose.
    fn check(&self, models: &[String]) -> Result<()> {
        let some =
            contenders(models)?.iter().any(|who| matches!(&who.members[..], [(kind, _)] if !kind.knobs().is_empty()));
        ensure!(some || !self.tune, "none of --models has a hyper-parameter to choose; `emolab search` is for nets");
        Ok(())
    }

    fn tune(&self) -> Option<Tune> {
        let (trials, seconds) = match self.tune_budget {
            TuneBudget::Trials(trials) => (Some(trials), None),
            TuneBudget::Seconds(seconds) => (None, Some(seconds)),
        };
        self.tune.then_some(Tune { trials, seconds, folds: self.tune_folds as usize })
    }
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
            allow: self.allow_leak.iter().copied().collect(),
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
            repeats: 1,
            tune: None,
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
    ///
    /// # Errors
    /// As [`compare`]; arguments that do not go together.
    pub fn run(mut self) -> Result<()> {
        let progress = Progress::new(self.running.quiet)?;
        if self.models.is_empty() {
            self.models = CLASSIFIERS.iter().map(|kind| kind.name().to_owned()).collect();
        }
        // Before the scan: a typing error should not cost minutes.
        self.protocol.check(&self.models)?;
        self.tuning.check(&self.models)?;
        let log = self.running.log.open()?;
        let (compared, people) = ended(log.as_ref(), self.compare(log.as_ref(), &progress))?;
        self.print(&compared, &people)
    }

    fn compare(&self, log: Option<&Log>, progress: &Progress) -> Result<(Compared, People)> {
        let corpus = opened(&self.place.path, self.place.corpus().as_deref(), &self.running.files, progress)?;
        tell_problems(&corpus);
        let corpus = self.protocol.truth.apply(corpus, &self.running.files)?;
        let plan = self.plan.clone().unwrap_or_else(|| default_plan(&corpus));
        let mut request = self.protocol.request(self.models.clone(), plan);
        request.effort.repeats = self.repeats as usize;
        request.effort.tune = self.tuning.tune();
        let cache = Cache::open(&self.running.files.cache()?);
        let listener = Listener {
            cache: &cache,
            preparation: self.running.prepare.preparation(self.protocol.features.as_deref()),
        };
        let mut keeper = Keeper::new(self.running.files.store()?);
        let mut keep = |run: &Run| if self.running.no_save { Ok(None) } else { keeper.keep(run).map(Some) };
        let compared = compare(&corpus, &request, &listener, &mut keep, &Logged::new(log, progress))?;
        progress.end();
        tell_cache(&cache);
        let people = People::of(&corpus, &self.running.files.store()?);
        Ok((compared, people))
    }

    fn print(&self, compared: &Compared, people: &People) -> Result<()> {
        let mut out = stdout();
        if self.running.json {
            serde_json::to_writer_pretty(&mut out, &json::json_of(compared, people))?;
            writeln!(out)?;
        } else {
            for line in text::text(compared, people) {
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
