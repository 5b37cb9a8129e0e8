//! `emolab assign`: who rates which clips of a corpus, how often, and how their work is watched.

use std::collections::{BTreeMap, BTreeSet};
use std::path::{Path, PathBuf};

use anyhow::{Context, Result, ensure};
use clap::Args;

use super::which::Which;
use super::{Files, Place, login_name, opened, say, stdout, table};
use crate::corpus::{ClipId, Corpus};
use crate::job::Unwatched;
use crate::label::{Ahead, Known, Round, Scheme};
use crate::store::Store;
use crate::workbench::assign::{Load, drawn, loads, read};
use crate::workbench::corpus_key;
use crate::workbench::next::Method;

use std::io::Write;

/// Arguments of `emolab assign`. Without --raters it tells the round that holds.
#[derive(Debug, Args)]
pub struct Assign {
    #[command(flatten)]
    place: Place,
    /// Labelling scheme: a built-in name or a TOML file; the corpus' own classes if not given.
    #[arg(long, value_name = "NAME")]
    scheme: Option<String>,
    /// Who takes part, by the names they start with (--annotator), separated by commas.
    #[arg(long, value_delimiter = ',', value_name = "NAMES")]
    raters: Vec<String>,
    /// How many of them hear each clip; 0 = all.
    #[arg(long, value_name = "K", default_value_t = 0, requires = "raters")]
    overlap: usize,
    /// Only these clips: a text file with one path relative to the corpus per line.
    #[arg(long, value_name = "FILE", requires = "raters")]
    clips: Option<PathBuf>,
    #[command(flatten)]
    which: Which,
    /// Share of clips that come to the same rater a second time, unsaid, in percent.
    #[arg(long, value_name = "PERCENT", default_value_t = 5.0, requires = "raters")]
    repeats: f64,
    /// Known answers hidden among the others: a CSV (file,value[,question]), or N to draw from the corpus' labels.
    #[arg(long, value_name = "FILE|N", requires = "raters")]
    gold: Option<String>,
    /// Known answers for a training round with feedback, before the work: a CSV, or N to draw.
    #[arg(long, value_name = "FILE|N", requires = "raters")]
    training: Option<String>,
    /// Clips a rater is asked to do in a session.
    #[arg(long, value_name = "N", requires = "raters")]
    goal: Option<usize>,
    /// Minutes of work after which a break is proposed.
    #[arg(long, value_name = "MINUTES", default_value_t = 30, requires = "raters")]
    rest: u32,
    /// Raters see how steady and quick they are.
    #[arg(long, requires = "raters")]
    show_quality: bool,
    /// Retrain in the background after every N labels of a rater, and put the clips pointed at first in the queue.
    #[arg(long, value_name = "N", requires = "raters", value_parser = clap::value_parser!(u32).range(2..))]
    ahead: Option<u32>,
    /// Classifier for that.
    #[arg(long, value_parser = super::classifier_named, value_name = "NAME", default_value = "linear-svm", requires = "ahead")]
    ahead_model: String,
    /// How it chooses: uncertain, random or both.
    #[arg(long, value_name = "WAY", default_value = "both", requires = "ahead")]
    ahead_method: Method,
    /// Of order and assignment.
    #[arg(long, default_value_t = 0, requires = "raters")]
    seed: u64,
    /// Who plans it; the login name if not given.
    #[arg(long, value_name = "NAME")]
    lead: Option<String>,
    #[command(flatten)]
    files: Files,
}

impl Assign {
    /// Scans, plans, keeps, tells.
    ///
    /// # Errors
    /// An unknown scheme or clip, a plan that cannot be carried out, a store that cannot be written.
    pub fn run(self) -> Result<()> {
        let corpus = opened(&self.place.path, self.place.corpus().as_deref(), &self.files, &Unwatched)?;
        let scheme = match &self.scheme {
            Some(name) => Scheme::load(name)?,
            None => Scheme::of_classes(&corpus.name, &corpus.classes),
        };
        let (key, path) = (corpus_key(&corpus), self.files.store()?);
        if self.raters.is_empty() {
            return tell_kept(&corpus, &scheme, &key, &Store::open(&path)?);
        }
        let round = self.round(&corpus, &scheme)?;
        round.check().map_err(anyhow::Error::msg)?;
        let lead = self.lead.clone().unwrap_or_else(login_name);
        Store::open(&path)?.save_round(&key, &scheme.name, &lead, &round)?;
        tell(&loads(&corpus, &round), &round)?;
        say(&format!("kept; it holds from now on for --scheme {}", scheme.name));
        Ok(())
    }

    fn round(&self, corpus: &Corpus, scheme: &Scheme) -> Result<Round> {
        ensure!((0.0..=50.0).contains(&self.repeats), "--repeats is from 0 to 50 percent");
        let training = self.known(self.training.as_deref(), &Known::new(), (corpus, scheme))?;
        let gold = self.known(self.gold.as_deref(), &training, (corpus, scheme))?;
        Ok(Round {
            raters: self.raters.iter().map(|name| name.trim().to_owned()).collect(),
            overlap: self.overlap,
            seed: self.seed,
            clips: self.clips(corpus)?,
            repeats: self.repeats / 100.0,
            gold,
            training,
            goal: self.goal,
            rest_minutes: (self.rest > 0).then_some(self.rest),
            show_quality: self.show_quality,
            ahead: self.ahead.map(|every| Ahead {
                every: every as usize,
                model: self.ahead_model.clone(),
                features: None,
                way: self.ahead_method.to_string(),
                size: every as usize,
            }),
        })
    }

    /// Empty: all.
    fn clips(&self, corpus: &Corpus) -> Result<BTreeSet<ClipId>> {
        let named = self.clips.as_deref().map(|file| selected(file, corpus)).transpose()?;
        if self.which.is_all() {
            return Ok(named.unwrap_or_default());
        }
        let passing: BTreeSet<ClipId> =
            self.which.keep(corpus.clone())?.clips.into_iter().map(|clip| clip.id).collect();
        let both = named.map_or_else(|| passing.clone(), |named| &named & &passing);
        ensure!(!both.is_empty(), "none of the clips that --clips names passes --filter");
        Ok(both)
    }

    fn known(&self, asked: Option<&str>, but: &Known, (corpus, scheme): (&Corpus, &Scheme)) -> Result<Known> {
        match asked.map(|text| (text, text.parse())) {
            None => Ok(Known::new()),
            Some((_, Ok(count))) => drawn(corpus, scheme, (count, self.seed), but),
            Some((file, Err(_))) => read(&PathBuf::from(file), corpus, scheme),
        }
    }
}

/// The clips named in a file, a line each; empty lines are left out.
fn selected(file: &Path, corpus: &Corpus) -> Result<BTreeSet<ClipId>> {
    let text = std::fs::read_to_string(file).with_context(|| file.display().to_string())?;
    let mut clips = BTreeSet::new();
    for (at, line) in text.lines().enumerate().filter(|(_, line)| !line.trim().is_empty()) {
        let id = ClipId(line.trim().into());
        ensure!(corpus.index_of(&id).is_some(), "{}:{}: the corpus has no clip {}", file.display(), at + 1, id.0);
        clips.insert(id);
    }
    ensure!(!clips.is_empty(), "{} names no clip", file.display());
    Ok(clips)
}

fn tell_kept(corpus: &Corpus, scheme: &Scheme, key: &str, store: &Store) -> Result<()> {
    let kept = store.round(key, &scheme.name)?;
    let kept = kept.with_context(|| format!("no round is planned for --scheme {}; give --raters", scheme.name))?;
    say(&format!("planned by {} at {}", kept.lead, kept.at));
    tell(&loads(corpus, &kept.round), &kept.round)
}

fn tell(loads: &[Load], round: &Round) -> Result<()> {
    let head = ["rater", "clips", "repeats", "training"].map(str::to_owned).to_vec();
    let row = |load: &Load| {
        let numbers = [load.clips, load.repeats, load.training].map(|number| number.to_string());
        [vec![load.rater.clone()], numbers.to_vec()].concat()
    };
    let rows: Vec<Vec<String>> = std::iter::once(head).chain(loads.iter().map(row)).collect();
    let mut out = stdout();
    for line in table::lines(&rows) {
        writeln!(out, "{line}")?;
    }
    let facts: BTreeMap<&str, String> = BTreeMap::from([
        ("each clip is heard by", if round.overlap == 0 { "all".to_owned() } else { round.overlap.to_string() }),
        ("known answers hidden", round.gold.len().to_string()),
        ("seed", round.seed.to_string()),
    ]);
    for (what, value) in facts {
        writeln!(out, "{what}: {value}")?;
    }
    Ok(out.flush()?)
}
