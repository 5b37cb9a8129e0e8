//! The command line: every verb without a screen, one file per group of verbs.
//!
//! Data goes to stdout, talk to stderr. Exit codes: 0 ok, 1 failed, 2 usage, 3 a gate failed, 130 interrupted.
//! Deliberately absent: anything a screen could not do too; verbs call the workbench.

mod agree;
mod assign;
mod compare;
mod config;
mod cross;
mod curve;
mod docs;
mod doctor;
mod doubts;
mod examples;
mod features;
mod keys;
mod labels;
mod log;
mod looks;
mod manual;
mod memory;
mod model;
mod next;
mod plan;
mod prepare;
mod progress;
mod quantize;
mod raters;
mod report;
mod running;
mod runs;
mod scan;
mod search;
mod segment;
#[cfg(unix)]
mod ssh;
mod store;
mod table;
mod tour;
mod verify;
mod which;

use std::ffi::OsString;
use std::io::{self, IsTerminal, Write};
use std::path::{Path, PathBuf};
use std::process::ExitCode;
use std::sync::mpsc;

use anyhow::{Context, Result, anyhow, bail};
use clap::{ArgAction, Args, CommandFactory, FromArgMatches, Parser, Subcommand};

use crate::audio::Wish;
use crate::corpus::{Corpus, Scanned, demo_root};
use crate::job::{Watch, is_cancelled, yield_in_pool};
use crate::tui;
use crate::workbench::config::{Config, SETTINGS, nearest};
use crate::workbench::gate::is_gate;
use crate::workbench::material::contenders;
use crate::workbench::{Settings, Workbench, logbook, lost, places, segments};

pub use docs::pages;

/// A terminal workbench for emotional speech: browse, hear, label, train, compare.
///
/// Without a verb it opens the workbench on PATH, or on the synthetic demo corpus.
#[derive(Debug, Parser)]
#[command(version, args_conflicts_with_subcommands = true)]
struct Cli {
    #[command(subcommand)]
    verb: Option<Verb>,
    #[command(flatten)]
    open: Open,
    /// Tell on stderr what is being done, twice for more; with a screen, in the log alone.
    #[arg(long, short, global = true, action = ArgAction::Count)]
    verbose: u8,
}

#[derive(Debug, Subcommand)]
enum Verb {
    /// List the clips of a corpus, what their names say, and every problem.
    Scan(scan::Scan),
    /// Compare classifiers on a corpus under a plan.
    Compare(compare::Compare),
    /// Draw learning curves: what classifiers reach with fewer speakers or clips to learn from.
    Curve(curve::CurveVerb),
    /// Learn on one corpus, be judged on another: the matrix of several, over the classes they share.
    Cross(cross::Cross),
    /// Show the folds of a plan, what they hold and share, and write them as a file.
    Plan(plan::ShowPlan),
    /// Search for a recipe inside the training speakers of each fold, and judge what it finds.
    Search(search::Search),
    /// List the runs that are kept; show, compare or remove them.
    Runs(runs::Runs),
    /// Make a run again and compare every prediction to the last bit.
    Verify(verify::Verify),
    /// Write a report of runs: text, Markdown, CSV, JSON, HTML, LaTeX or SVG.
    Report(report::Report),
    /// Fit one classifier on all labelled clips and write a model folder.
    Train(model::Train),
    /// Make a model folder whose net computes in whole numbers: smaller and faster.
    Quantize(quantize::Quantize),
    /// Recognise files with a model folder.
    Predict(model::Predict),
    /// Cut long recordings into segments by voice activity: each a clip to be heard, labelled and learnt from.
    Segment(segment::Segment),
    /// Open the workbench in the Label screen.
    Label(Open),
    /// Open the workbench on a server, and hear its clips on this laptop.
    #[cfg(unix)]
    Ssh(ssh::Ssh),
    /// Plan a round: who rates which clips, how often, and how their work is watched.
    Assign(assign::Assign),
    /// Point at clips to label next: uncertain ones that are unlike each other; tell whether that is worth it.
    Next(next::Next),
    /// Put labels that are probably wrong before a lead, among controls; tell what came of it.
    Doubts(doubts::Doubts),
    /// Tell how far the people who labelled agree, and make gold labels of what they say.
    Agree(agree::Agree),
    /// Tell how everybody who labels is doing: repeats, known answers, haste, drift.
    Raters(raters::Raters),
    /// Write what was said about the clips, in a format that other programs read.
    Export(labels::Export),
    /// Take in what others said about the clips: labels, ratings, votes.
    Import(labels::ImportVerb),
    /// Copy the store of labels and runs, whole or not at all.
    Backup(store::Backup),
    /// Put a copy in the store's place; what was there is kept.
    Restore(store::Restore),
    /// Bring in what another store has and this one has not: laptop and server, two raters' machines.
    Merge(store::Merge),
    /// Look whether the store is whole, and labels wait to go into it.
    Check(store::Check),
    /// Compute features of a corpus as .npy, CSV or Parquet, or describe the columns of a set.
    Features(features::Extract),
    /// Show what is set and where it was said; write a file of settings.
    Config(config::ConfigVerb),
    /// Look whether sound, terminal and storage work, and tell what mends them.
    Doctor(doctor::Doctor),
    /// Show which keys do what, start a keys.toml of your own, tell what is wrong with it.
    Keys(keys::Keys),
    /// Print what a shell needs to complete commands.
    Completions(manual::Completions),
    /// Print the manual page, or write one per verb.
    Man(manual::Manual),
    /// Write the pages that are generated from the registries.
    #[command(hide = true)]
    Docs(docs::Docs),
}

/// Where a corpus lies and how to read it.
#[derive(Debug, Clone, Args)]
struct Place {
    /// Folder of the corpus, or a CSV/TSV table of clips.
    path: PathBuf,
    /// Corpus description: a name (emodb, ravdess, …) or a TOML file. Recognised by itself if not given.
    #[arg(long, value_name = "NAME")]
    corpus: Option<String>,
}

/// What the screens need.
#[derive(Debug, Clone, Args)]
struct Open {
    /// Folder of the corpus, or a table of clips; the demo corpus if not given.
    path: Option<PathBuf>,
    /// Corpus description: a name (emodb, ravdess, …) or a TOML file.
    #[arg(long, value_name = "NAME")]
    corpus: Option<String>,
    /// Labelling scheme: a built-in name or a TOML file; the corpus' own classes if not given.
    #[arg(long, value_name = "NAME")]
    scheme: Option<String>,
    /// Who labels; the login name if not given.
    #[arg(long, value_name = "NAME", env = "EMOLAB_ANNOTATOR")]
    annotator: Option<String>,
    /// Where sound goes: auto, companion, pulse, device, browser, browser:PORT, file:PATH (a WAV of what would be heard) or none;
    /// emolab doctor tells what is there.
    #[arg(long, value_name = "SINK")]
    audio: Option<Wish>,
    /// The same as --audio none.
    #[arg(long, conflicts_with = "audio")]
    silent: bool,
    /// Show the three steps of the first start again.
    #[arg(long)]
    tour: bool,
    #[command(flatten)]
    files: Files,
    #[command(flatten)]
    prepare: prepare::Prepare,
    #[command(flatten)]
    looks: looks::Looks,
}

/// Where emolab keeps its own files.
#[derive(Debug, Clone, Args)]
struct Files {
    /// SQLite file of labels and runs [default: emolab/emolab.db in the XDG data directory].
    #[arg(long, value_name = "FILE", env = "EMOLAB_STORE")]
    store: Option<PathBuf>,
    /// Folder of computed features, safe to delete [default: emolab in the XDG cache directory].
    #[arg(long, value_name = "DIR", env = "EMOLAB_CACHE")]
    cache: Option<PathBuf>,
}

/// Parses the arguments, runs the verb, prints the error chain, chooses the exit code.
pub fn main() -> ExitCode {
    memory::give_back_what_is_large();
    let parsed = command().try_get_matches().and_then(|matches| Cli::from_arg_matches(&matches));
    let cli = match parsed {
        Ok(cli) => cli,
        Err(error) => {
            if let Some(told) = misspelt(&std::env::args().skip(1).collect::<Vec<_>>()).filter(|_| error.use_stderr()) {
                say(&told);
                return ExitCode::from(2);
            }
            error.exit()
        }
    };
    begin(&cli);
    match run(cli).inspect_err(|error| ::log::warn!("ends: {error:#}")) {
        Ok(()) => ExitCode::SUCCESS,
        // `emolab scan … | head` is no failure.
        Err(error) if is_broken_pipe(&error) => ExitCode::SUCCESS,
        Err(error) if is_cancelled(&error) => {
            say("interrupted");
            ExitCode::from(130)
        }
        Err(error) if is_gate(&error) => {
            say(&format!("emolab: {error:#}"));
            ExitCode::from(3)
        }
        Err(error) => {
            say(&format!("emolab: {error:#}"));
            ExitCode::from(1)
        }
    }
}

/// Settings of the user, and the log, for the verbs that do something.
fn begin(cli: &Cli) {
    let config = Config::of(None);
    if !matches!(cli.verb, None | Some(Verb::Label(_) | Verb::Config(_) | Verb::Completions(_) | Verb::Man(_))) {
        config.problems.iter().for_each(|problem| say(&format!("emolab: {problem}")));
    }
    let level = config.value("log_level").unwrap_or_default().to_owned();
    places::settle(config);
    if matches!(cli.verb, Some(Verb::Config(_) | Verb::Completions(_) | Verb::Man(_) | Verb::Docs(_))) {
        return;
    }
    let asked = std::env::var("RUST_LOG").ok().filter(|asked| !asked.is_empty());
    let with_screen = matches!(cli.verb, None | Some(Verb::Label(_)));
    logbook::begin(&asked.unwrap_or(level), cli.verbose, with_screen);
    let args: Vec<String> = std::env::args().skip(1).collect();
    ::log::info!("emolab {} starts: {}", env!("CARGO_PKG_VERSION"), args.join(" "));
    let earlier = std::panic::take_hook();
    std::panic::set_hook(Box::new(move |info| {
        logbook::panicked(info);
        earlier(info);
    }));
}

/// The name of a classifier, or of a fusion of some.
fn classifier_named(name: &str) -> Result<String, String> {
    contenders(&[name.to_owned()]).map(|_| name.to_owned()).map_err(|error| error.to_string())
}

/// The command line as clap knows it, for generated pages and tests.
pub fn command() -> clap::Command {
    examples::shown(Cli::command())
}

/// Parses `args` as `main` would, without running anything; for tests of the surface.
///
/// # Errors
/// clap's own, with the usage text.
pub fn check(args: impl IntoIterator<Item = impl Into<OsString> + Clone>) -> Result<(), clap::Error> {
    Cli::try_parse_from(args).map(drop)
}

fn run(cli: Cli) -> Result<()> {
    match cli.verb {
        None => open(cli.open, tui::Start::Browse),
        Some(Verb::Label(at)) => open(at, tui::Start::Label),
        Some(Verb::Scan(verb)) => verb.run(),
        #[cfg(unix)]
        Some(Verb::Ssh(verb)) => verb.run(),
        Some(Verb::Compare(verb)) => verb.run(),
        Some(Verb::Curve(verb)) => verb.run(),
        Some(Verb::Cross(verb)) => verb.run(),
        Some(Verb::Plan(verb)) => verb.run(),
        Some(Verb::Search(verb)) => verb.run(),
        Some(Verb::Runs(verb)) => verb.run(),
        Some(Verb::Verify(verb)) => verb.run(),
        Some(Verb::Report(verb)) => verb.run(),
        Some(Verb::Train(verb)) => verb.run(),
        Some(Verb::Quantize(verb)) => verb.run(),
        Some(Verb::Predict(verb)) => verb.run(),
        Some(Verb::Segment(verb)) => verb.run(),
        Some(Verb::Assign(verb)) => verb.run(),
        Some(Verb::Next(verb)) => verb.run(),
        Some(Verb::Doubts(verb)) => verb.run(),
        Some(Verb::Agree(verb)) => verb.run(),
        Some(Verb::Raters(verb)) => verb.run(),
        Some(Verb::Export(verb)) => verb.run(),
        Some(Verb::Backup(verb)) => verb.run(),
        Some(Verb::Restore(verb)) => verb.run(),
        Some(Verb::Merge(verb)) => verb.run(),
        Some(Verb::Check(verb)) => verb.run(),
        Some(Verb::Import(verb)) => verb.run(),
        Some(Verb::Features(verb)) => verb.run(),
        Some(Verb::Config(verb)) => verb.run(),
        Some(Verb::Doctor(verb)) => verb.run(),
        Some(Verb::Keys(verb)) => verb.run(),
        Some(Verb::Completions(verb)) => verb.run(),
        Some(Verb::Man(verb)) => verb.run(),
        Some(Verb::Docs(verb)) => verb.run(),
    }
}

fn open(open: Open, start: tui::Start) -> Result<()> {
    let terminal = io::stdout().is_terminal() && io::stdin().is_terminal();
    let root = match &open.path {
        Some(path) => {
            path.metadata().with_context(|| missing(path))?;
            path.clone()
        }
        None => demo_root()?,
    };
    let config = Config::of(Some(&root));
    let said = |flag: &Option<String>, name: &str| flag.clone().or_else(|| config.value(name).map(str::to_owned));
    let corpus = said(&open.corpus, "corpus");
    match start {
        _ if terminal => {}
        // Without a terminal the same verb as plain lines.
        tui::Start::Browse => return scan::print(&root, corpus.as_deref(), &open.files),
        tui::Start::Label => bail!("labelling needs a terminal; emolab export and emolab scan do not"),
    }
    let annotator = said(&open.annotator, "annotator").unwrap_or_else(login_name);
    let lost = lost::take(&root, &annotator);
    let start = if lost.as_ref().is_some_and(|lost| lost.labelling) { tui::Start::Label } else { start };
    let settings = Settings {
        corpus,
        scheme: said(&open.scheme, "scheme"),
        annotator,
        store: open.files.store()?,
        journal: places::journal()?,
        cache: open.files.cache()?,
        preparation: open.prepare.preparation(None),
        audio: wish(&open, &config)?,
        begin: lost.and_then(|lost| lost.clip),
    };
    let tour = open.tour || (open.path.is_none() && start == tui::Start::Browse && tour::is_due(&config));
    if let Err(error) = yield_in_pool() {
        ::log::warn!("priority: {error}");
    }
    let (send, updates) = mpsc::channel();
    let mut workbench = Workbench::open(&root, settings, send)?;
    config.problems.iter().for_each(|problem| workbench.tell(problem.clone()));
    let setting = |name: &str| config.value(SETTINGS.iter().find(|row| row.env == name)?.name);
    let env = |name: &str| {
        open.looks.get(name).or_else(|| setting(name).map(str::to_owned)).or_else(|| std::env::var(name).ok())
    };
    tui::run(workbench, updates, (start, tour), &env)
}

/// Where sound is to go: as the flags say, else the settings.
fn wish(open: &Open, config: &Config) -> Result<Wish> {
    match (open.silent, &open.audio, config.value("audio")) {
        (true, ..) => Ok(Wish::None),
        (false, Some(wish), _) => Ok(wish.clone()),
        (false, None, Some(text)) => text.parse().map_err(|choice| anyhow!("audio = {text}: {choice}")),
        (false, None, None) => Ok(Wish::Auto),
    }
}

/// Reads a corpus, with the segments that the store has of it.
fn opened(root: &Path, corpus: Option<&str>, files: &Files, watch: &dyn Watch<Scanned>) -> Result<Corpus> {
    Ok(segments::scan(root, corpus, &files.store()?, watch)?)
}

/// What to say of a folder that is not there.
/// What to say of a verb that there is not, where one is meant by it that there is: clap takes the word for a folder, and complains
/// about what follows.
fn misspelt(args: &[String]) -> Option<String> {
    let word = args.first().filter(|word| !word.starts_with('-') && args.len() > 1 && !Path::new(word).exists())?;
    let verbs: Vec<String> = command().get_subcommands().map(|verb| verb.get_name().to_owned()).collect();
    let near = nearest(word, verbs.iter().cloned()).filter(|_| !verbs.contains(word))?;
    Some(format!("emolab: there is no command {word}; did you mean {near}?"))
}

fn missing(path: &Path) -> String {
    let verbs = command();
    let verbs = verbs.get_subcommands().map(|verb| verb.get_name().to_owned());
    let folder = path.parent().filter(|folder| !folder.as_os_str().is_empty()).unwrap_or(Path::new("."));
    let beside = std::fs::read_dir(folder).into_iter().flatten().flatten();
    let beside = beside.map(|entry| entry.file_name().to_string_lossy().into_owned());
    let asked = path.file_name().unwrap_or_default().to_string_lossy();
    let near =
        if path.components().count() == 1 { nearest(&asked, verbs.chain(beside)) } else { nearest(&asked, beside) };
    let hint = near.map(|name| format!(" (did you mean {}?)", folder.join(name).display()).replace("./", ""));
    format!("{}{}", path.display(), hint.unwrap_or_default())
}

impl Place {
    /// The description asked for, or that of the project.
    fn corpus(&self) -> Option<String> {
        description(self.corpus.as_deref(), &self.path)
    }
}

/// The description asked for, or that of the project which the corpus at `path` belongs to.
fn description(asked: Option<&str>, path: &Path) -> Option<String> {
    let (here, anywhere) = (Config::of(Some(path)), Config::of(None));
    // The others are told at the start of every verb.
    let of_project = here.problems.iter().filter(|problem| !anywhere.problems.contains(problem));
    of_project.for_each(|problem| say(&format!("emolab: {problem}")));
    asked.or_else(|| here.value("corpus")).map(str::to_owned)
}

impl Files {
    fn store(&self) -> Result<PathBuf> {
        match &self.store {
            Some(path) => Ok(path.clone()),
            None => places::store(),
        }
    }

    fn cache(&self) -> Result<PathBuf> {
        self.cache.clone().map_or_else(places::cache, Ok)
    }
}

fn login_name() -> String {
    ["LOGNAME", "USER", "USERNAME"]
        .iter()
        .find_map(|name| std::env::var(name).ok().filter(|value| !value.is_empty()))
        .or_else(passwd_name)
        .unwrap_or_else(|| "anonymous".to_owned())
}

/// The name that the system gives this user, where the environment has none (cron, some containers).
#[cfg(unix)]
fn passwd_name() -> Option<String> {
    let id = rustix::process::getuid().as_raw().to_string();
    let users = std::fs::read_to_string("/etc/passwd").ok()?;
    let of = |line: &str| {
        let mut fields = line.split(':');
        let name = fields.next()?;
        (fields.nth(1)? == id).then(|| name.to_owned())
    };
    users.lines().find_map(of)
}

#[cfg(not(unix))]
fn passwd_name() -> Option<String> {
    None
}

/// Where data goes. Writing to a closed pipe is an error that ends the verb quietly.
fn stdout() -> io::BufWriter<io::StdoutLock<'static>> {
    io::BufWriter::new(io::stdout().lock())
}

/// Talk: one line on stderr. A stderr that is gone is nobody to tell.
fn say(line: &str) {
    let _ = writeln!(io::stderr().lock(), "{line}");
}

fn is_broken_pipe(error: &anyhow::Error) -> bool {
    error.chain().any(|cause| {
        cause.downcast_ref::<io::Error>().is_some_and(|error| error.kind() == io::ErrorKind::BrokenPipe)
            || cause
                .downcast_ref::<serde_json::Error>()
                .is_some_and(|error| error.io_error_kind() == Some(io::ErrorKind::BrokenPipe))
    })
}
