//! `emolab search`: a recipe searched for inside the training speakers of each fold, as a table or JSON.

use std::collections::BTreeMap;
use std::io::Write;
use std::path::PathBuf;
use std::str::FromStr;
use std::time::Duration;

use anyhow::{Context, Result, bail, ensure};
use clap::Args;
use serde_json::{Value, json};

use super::compare::{self, ProtocolArgs, tell_cache, tell_problems};
use super::log::ended;
use super::progress::Progress;
use super::running::Running;
use super::table::{left, lines, percent};
use super::{Place, opened, say, stdout};
use crate::corpus::plan::Plan;
use crate::features::cache::Cache;
use crate::file::write_whole;
use crate::job::is_cancelled;
use crate::learn::space::Space;
use crate::store::Run;
use crate::workbench::Keeper;
use crate::workbench::experiment::Judged;
use crate::workbench::log::{Log, Logged};
use crate::workbench::material::{Listener, contenders};
use crate::workbench::search::{Budget, ETA, Found, Quest, Tried, search};

/// Time when neither that nor a number of trials is asked for: a first try, within a minute on any computer.
const FIRST_TRY: Duration = Duration::from_secs(55);
/// Rows of the table of trials.
const SHOWN: usize = 10;

/// Arguments of `emolab search`.
#[derive(Debug, Args)]
pub struct Search {
    #[command(flatten)]
    place: Place,
    /// Classifiers that take part, separated by commas [default: those of the space, else cnn].
    #[arg(long, value_parser = super::classifier_named, value_delimiter = ',', value_name = "NAMES")]
    models: Vec<String>,
    /// What may vary, as a TOML (see docs/search.md) [default: rate, batch, optimiser, regularisation, width, depth].
    #[arg(long, value_name = "FILE")]
    space: Option<PathBuf>,
    /// Trials in each fold. The same number and seed find the same, however fast the machine is.
    #[arg(long, value_name = "N", value_parser = clap::value_parser!(u32).range(1..=10_000))]
    trials: Option<u32>,
    /// Time for everything: 90s, 20m, 2h [default: 55s if there is no --trials]. What it finds depends on the machine.
    #[arg(long, value_name = "TIME", value_parser = time)]
    budget: Option<Duration>,
    /// Folds inside each fold's training speakers, at most.
    #[arg(long, value_name = "K", default_value_t = 3, value_parser = clap::value_parser!(u32).range(2..=100))]
    inner_folds: u32,
    #[command(flatten)]
    protocol: ProtocolArgs,
    /// loso, speakers:K, or none: search once on all speakers for a recipe, and judge nothing.
    #[arg(long, default_value = "speakers:2")]
    plan: Outer,
    /// Write the net that was found with --plan none as a TOML for --net.
    #[arg(long, short, value_name = "FILE")]
    out: Option<PathBuf>,
    #[command(flatten)]
    running: Running,
}

/// The plan, or none.
#[derive(Debug, Clone)]
struct Outer(Option<Plan>);

impl FromStr for Outer {
    type Err = crate::corpus::plan::PlanError;

    fn from_str(text: &str) -> Result<Outer, Self::Err> {
        if text == "none" { Ok(Outer(None)) } else { text.parse().map(|plan| Outer(Some(plan))) }
    }
}

impl Search {
    /// Scans, searches, saves, prints.
    pub fn run(self) -> Result<()> {
        let progress = Progress::new(self.running.quiet)?;
        // Before the scan: a typing error should not cost minutes.
        ensure!(
            self.out.is_none() || self.plan.0.is_none(),
            "--out needs --plan none: each fold has a winner of its own"
        );
        let quest = self.quest()?;
        self.protocol.check(&quest.request.models)?;
        ensure!(quest.request.effort.pretrain.is_empty(), "a search does not pre-train; compare and train do");
        if let Some(out) = &self.out {
            let all = contenders(&quest.request.models)?;
            ensure!(all.iter().all(|who| who.has_net()), "--out writes a net, and not all of --models are nets");
            let folder = out.parent().filter(|folder| !folder.as_os_str().is_empty());
            ensure!(folder.is_none_or(std::path::Path::is_dir), "{}: there is no such folder", out.display());
        }
        let log = self.running.log.open()?;
        let found = ended(log.as_ref(), self.search(&quest, log.as_ref(), &progress))?;
        if let Some(out) = &self.out {
            write_net(&found, out)?;
        }
        let mut out = stdout();
        if self.running.json {
            serde_json::to_writer_pretty(&mut out, &json_of(&quest, &found))?;
            writeln!(out)?;
        } else {
            text(&quest, &found).iter().try_for_each(|line| writeln!(out, "{line}"))?;
            if self.budget.is_none() && self.trials.is_none() {
                writeln!(out, "\na first try of {} s; --budget 20m or --trials 27 looks further", FIRST_TRY.as_secs())?;
            }
        }
        Ok(out.flush()?)
    }

    fn search(&self, quest: &Quest, log: Option<&Log>, progress: &Progress) -> Result<Found> {
        let corpus = opened(&self.place.path, self.place.corpus().as_deref(), &self.running.files, progress)?;
        tell_problems(&corpus);
        let corpus = self.protocol.truth.apply(corpus, &self.running.files)?;
        let cache = Cache::open(&self.running.files.cache()?);
        let listener = Listener {
            cache: &cache,
            preparation: self.running.prepare.preparation(self.protocol.features.as_deref()),
        };
        let mut keeper = Keeper::new(self.running.files.store()?);
        let mut keep = |run: &Run| if self.running.no_save { Ok(None) } else { keeper.keep(run).map(Some) };
        let found = search(&corpus, quest, &listener, &mut keep, &Logged::new(log, progress));
        progress.end();
        if found.as_ref().is_err_and(is_cancelled) {
            say("the trials that are done are kept; the same command with --resume goes on");
        }
        tell_cache(&cache);
        found
    }

    fn quest(&self) -> Result<Quest> {
        let space = match &self.space {
            None => Space::built_in()?,
            Some(path) => {
                let named = || path.display().to_string();
                Space::read(&std::fs::read_to_string(path).with_context(named)?).with_context(named)?
            }
        };
        let names = |words: &[&str]| words.iter().map(|&word| toml::Value::String(word.to_owned())).collect();
        let asked: Vec<&str> = self.models.iter().map(String::as_str).collect();
        let space = match (&asked[..], &space.words("model")[..]) {
            ([], []) => space.with("model", names(&["cnn"])),
            ([], _) => space,
            (asked, _) => space.with("model", names(asked)),
        };
        let models = space.words("model").into_iter().map(str::to_owned).collect();
        let trials = self.trials.map(|trials| trials as usize);
        let time = self.budget.or(if trials.is_none() { Some(FIRST_TRY) } else { None });
        let mut request = self.protocol.request(models, self.plan.0.clone().unwrap_or(Plan::Loso));
        // Where compare keeps what it goes on from.
        let kept = request.effort.checkpoints.take();
        Ok(Quest {
            request,
            space,
            budget: Budget { trials, time },
            inner: self.inner_folds as usize,
            once: self.plan.0.is_none(),
            resume: kept.as_ref().is_some_and(|kept| kept.resume),
            journal: kept.map(|kept| kept.folder),
        })
    }
}

/// A time as people write it: `90s`, `20m`, `2h`, `1h30m`.
///
/// # Errors
/// It is written otherwise, or is 0.
pub fn time(text: &str) -> Result<Duration> {
    let (mut seconds, mut digits) = (0, String::new());
    for letter in text.chars() {
        let unit = match letter {
            '0'..='9' => {
                digits.push(letter);
                continue;
            }
            's' => 1,
            'm' => 60,
            'h' => 3600,
            _ => bail!("write 90s, 20m or 2h"),
        };
        let count: u64 = digits.parse().ok().filter(|&count| count <= 1_000_000).context("write 90s, 20m or 2h")?;
        seconds += count * unit;
        digits.clear();
    }
    ensure!(digits.is_empty() && seconds > 0, "write 90s, 20m or 2h");
    Ok(Duration::from_secs(seconds))
}

/// Writes the winner's net with what must be said of it.
fn write_net(found: &Found, path: &std::path::Path) -> Result<()> {
    let fold = found.folds.first().context("nothing was searched")?;
    let winner = &found.candidates[fold.winner];
    let name = &winner.recipe.classifier;
    let net = winner.recipe.net.as_ref().with_context(|| format!("the winner is {name}, which is no net"))?;
    let score = percent(fold.score.map(|score| score.uar));
    let head = format!(
        "# {name}, found by `emolab search` ({}); use: --net {name}={} --norm {} --features {}\n\
         # Inner UAR {score} %: a selection score, not an estimate. `emolab compare` on other speakers gives one.\n",
        winner.text(),
        path.display(),
        winner.recipe.norm,
        winner.recipe.features,
    );
    let text = net.text()?;
    write_whole(path, |out| write!(out, "{head}{text}")).with_context(|| path.display().to_string())
}

/// A candidate over all folds.
struct Standing {
    number: usize,
    /// Folds that it won.
    wins: usize,
    /// By what its epochs were divided in the longest rung that it reached; in how many folds; its mean score there.
    best: (usize, usize, Option<f64>),
}

/// Every candidate that was tried, the best first: longest rung, then folds that got there, then mean inner UAR.
fn standings(found: &Found) -> Vec<Standing> {
    let mut all: BTreeMap<usize, Vec<&Tried>> = BTreeMap::new();
    found.folds.iter().flat_map(|fold| &fold.tried).for_each(|tried| all.entry(tried.trial).or_default().push(tried));
    let standing = |(number, tried): (usize, Vec<&Tried>)| {
        let shorten = tried.iter().map(|tried| tried.shorten).min().unwrap_or(1);
        let there = tried.iter().filter(|tried| tried.shorten == shorten);
        let scores: Vec<f64> = there.clone().filter_map(|tried| Some(tried.score?.uar)).collect();
        let mean = (!scores.is_empty()).then(|| scores.iter().sum::<f64>() / scores.len() as f64);
        let wins = found.folds.iter().filter(|fold| fold.winner == number).count();
        Standing { number, wins, best: (shorten, there.count(), mean) }
    };
    let mut all: Vec<Standing> = all.into_iter().map(standing).collect();
    let mean = |standing: &Standing| standing.best.2.unwrap_or(-1.0);
    all.sort_by(|a, b| {
        let rung = a.best.0.cmp(&b.best.0).then(b.wins.cmp(&a.wins));
        rung.then(mean(b).total_cmp(&mean(a))).then(a.number.cmp(&b.number))
    });
    all
}

fn json_of(quest: &Quest, found: &Found) -> Value {
    let rank: Vec<usize> = standings(found).iter().map(|standing| standing.number).collect();
    let Budget { trials, time } = quest.budget;
    json!({
        "protocol": found.runs.first().map(|judged| compare::protocol(&judged.run)),
        "runs": found.runs.iter().map(|judged| compare::run_json(judged)).collect::<Vec<_>>(),
        "search": {
            "space": quest.space.lines().into_iter().collect::<BTreeMap<_, _>>(),
            "seed": quest.request.seed,
            "trials": trials,
            "budget_seconds": time.map(|time| time.as_secs()),
            "inner_folds": quest.inner,
            "eta": ETA,
            "rungs": found.rungs,
            "candidates": found.candidates,
            "ranking": rank,
            "folds": found.folds,
            "selection_scores_are_no_estimates": true,
        },
    })
}

fn text(quest: &Quest, found: &Found) -> Vec<String> {
    let mut all = Vec::new();
    if let Some(first) = found.runs.first() {
        all.extend(compare::protocol_text(first));
        all.push(String::new());
        let rows = found.runs.iter().map(|judged| compare::row(judged));
        all.extend(lines(&std::iter::once(compare::head()).chain(rows).collect::<Vec<_>>()));
        all.extend(gain(&found.runs[0], found.runs.get(1).map(AsRef::as_ref)));
        all.push(String::new());
    }
    let ran: usize = found.folds.iter().map(|fold| fold.tried.len()).sum();
    let rungs = found.rungs.iter().map(|rung| match rung.shorten {
        1 => format!("{} trials with all epochs", rung.trials),
        shorten => format!("{} trials with 1/{shorten} of the epochs", rung.trials),
    });
    let rungs = match quest.budget.trials {
        Some(_) => rungs.collect::<Vec<_>>().join(", then "),
        None => format!("{} recipes, as many as there was time for", standings(found).len()),
    };
    all.push(format!(
        "search: {rungs}; {ran} trials ran on up to {} inner folds of training speakers; seed {}",
        quest.inner, quest.request.seed
    ));
    all.push("inner UAR: selection scores, not estimates; the best of many is too high by chance alone".to_owned());
    all.push(String::new());
    all.extend(left(&winners(found)));
    all.push(String::new());
    all.extend(left(&trials(found)));
    all
}

/// What the search was worth beside the unchanged recipe.
fn gain(searched: &Judged, default: Option<&Judged>) -> Option<String> {
    let (with, without) = (searched.summary.uar?, default?.summary.uar?);
    // Whole tenths: a difference of nothing has no sign.
    let tenths = (1000.0 * (with - without)).round() as i64;
    let sign = if tenths > 0 { "+" } else { "" };
    Some(format!("searched minus unchanged: {sign}{:.1} points of UAR", tenths as f64 / 10.0))
}

fn winners(found: &Found) -> Vec<Vec<String>> {
    let head = ["fold", "winner", "inner UAR %", "model", "what it changes"].map(str::to_owned).to_vec();
    let row = |fold: &crate::workbench::search::Searching| {
        let winner = &found.candidates[fold.winner];
        let score = percent(fold.score.map(|score| score.uar));
        vec![fold.name.clone(), fold.winner.to_string(), score, winner.recipe.classifier.clone(), winner.text()]
    };
    std::iter::once(head).chain(found.folds.iter().map(row)).collect()
}

fn trials(found: &Found) -> Vec<Vec<String>> {
    let head = ["trial", "won", "epochs", "folds", "inner UAR %", "model", "what it changes"].map(str::to_owned);
    let row = |standing: &Standing| {
        let (candidate, (shorten, folds, mean)) = (&found.candidates[standing.number], standing.best);
        vec![
            standing.number.to_string(),
            standing.wins.to_string(),
            if shorten == 1 { "all".to_owned() } else { format!("1/{shorten}") },
            folds.to_string(),
            mean.map_or_else(|| "failed".to_owned(), |mean| percent(Some(mean))),
            candidate.recipe.classifier.clone(),
            candidate.text(),
        ]
    };
    std::iter::once(head.to_vec()).chain(standings(found).iter().take(SHOWN).map(row)).collect()
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use super::*;

    #[test]
    fn times_are_read_as_people_write_them() {
        for (text, seconds) in [("90s", 90), ("20m", 1200), ("2h", 7200), ("1h30m", 5400)] {
            assert_eq!(time(text).unwrap().as_secs(), seconds, "{text}");
        }
        for text in ["", "20", "m", "1.5h", "0s", "-1m", "1m2", "99999999999999999999h"] {
            assert!(time(text).is_err(), "{text}");
        }
    }
}
