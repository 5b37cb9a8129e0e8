//! `emolab backup`, `restore`, `check` and `merge`: the store as a file that must not be lost.
//!
//! Deliberately absent: labels as such (see `labels`).

use std::path::{Path, PathBuf};

use anyhow::{Result, bail};
use clap::Args;

use super::{say, stdout, table};
use crate::label::Timestamp;
use crate::store::{Conflict, Content, Finding, Moved, Store};
use crate::workbench::{key_of, places, safe};

/// Which store.
#[derive(Debug, Args)]
struct Which {
    /// SQLite file of labels and runs [default: emolab/emolab.db in the XDG data directory].
    #[arg(long, value_name = "FILE", env = "EMOLAB_STORE")]
    store: Option<PathBuf>,
}

/// Arguments of `emolab backup`.
#[derive(Debug, Args)]
pub struct Backup {
    /// The copy, a new file [default: beside the store, under its name and the time].
    file: Option<PathBuf>,
    #[command(flatten)]
    which: Which,
}

/// Arguments of `emolab restore`.
#[derive(Debug, Args)]
pub struct Restore {
    /// A copy made by `emolab backup`, or any other store.
    file: PathBuf,
    #[command(flatten)]
    which: Which,
}

/// Arguments of `emolab check`.
#[derive(Debug, Args)]
pub struct Check {
    #[command(flatten)]
    which: Which,
}

/// Arguments of `emolab merge`.
#[derive(Debug, Args)]
pub struct Merge {
    /// The other store, or a copy of it; it is not changed.
    other: PathBuf,
    /// A corpus that lies elsewhere there: its folder there, then here.
    #[arg(long = "corpus-root", value_name = "THERE=HERE", value_parser = moved)]
    corpus_roots: Vec<Moved>,
    #[command(flatten)]
    which: Which,
}

fn moved(text: &str) -> Result<Moved, String> {
    let (there, here) = text.split_once('=').ok_or("not THERE=HERE")?;
    // Here it is filed with all links resolved; there it may not be looked at.
    Ok((there.to_owned(), key_of(Path::new(here))))
}

impl Which {
    fn path(self) -> Result<PathBuf> {
        self.store.map_or_else(places::store, Ok)
    }

    /// The store's path, where there is one.
    fn existing(self) -> Result<PathBuf> {
        let path = self.path()?;
        if !path.exists() {
            bail!("{}: there is no store yet; labelling makes one", path.display());
        }
        Ok(path)
    }
}

impl Backup {
    /// Copies the store.
    pub fn run(self) -> Result<()> {
        let path = self.which.existing()?;
        let to = self.file.unwrap_or_else(|| {
            let mut name = path.clone().into_os_string();
            name.push(format!(".backup-{}", Timestamp::now().to_string().replace([':', '-'], "")));
            name.into()
        });
        let content = Store::open(&path)?.backup(&to)?;
        say(&format!("{}: {}; read back and whole", to.display(), words(content)));
        Ok(())
    }
}

impl Restore {
    /// Puts the copy in the store's place.
    pub fn run(self) -> Result<()> {
        let path = self.which.path()?;
        let restored = Store::restore(&self.file, &path)?;
        say(&format!("{}: {}", path.display(), words(restored.content)));
        if let Some((aside, content)) = restored.kept {
            let held = content.map_or_else(|| "which cannot be read".to_owned(), words);
            say(&format!("what was there is kept: {}: {held}", aside.display()));
            say("emolab merge brings into the store what only the other one has");
        }
        Ok(())
    }
}

impl Check {
    /// Prints what was looked at and found, a line each.
    pub fn run(self) -> Result<()> {
        use std::io::Write;
        let path = self.which.existing()?;
        let mut findings = match Store::open_existing(&path) {
            Ok(store) => store.check()?,
            Err(error) => vec![Finding::bad("opening", format!("{error}; see `emolab restore`"))],
        };
        findings.push(safe::journal_finding(&places::journal()?, &path));
        let mut out = stdout();
        for finding in &findings {
            let mark = if finding.good { "ok " } else { "BAD" };
            writeln!(out, "{mark}  {:16} {}", finding.what, finding.text)?;
        }
        out.flush()?;
        let bad = findings.iter().filter(|finding| !finding.good).count();
        if bad > 0 {
            bail!("{}: {bad} of {} checks failed", path.display(), findings.len());
        }
        Ok(())
    }
}

impl Merge {
    /// Brings in what only the other store has; answers that differ are a table on stdout.
    pub fn run(self) -> Result<()> {
        use std::io::Write;
        let mut store = Store::open(&self.which.path()?)?;
        let merged = store.merge(&self.other, &self.corpus_roots)?;
        let (said, known) = (merged.annotations, merged.known);
        say(&format!(
            "{said} annotations, {} runs and {} plans came in; {known} annotations were here",
            merged.runs, merged.plans
        ));
        merged.problems.iter().for_each(|problem| say(&format!("not brought over: {problem}")));
        if merged.conflicts.is_empty() {
            return Ok(());
        }
        say(&format!("{} answers differ; both are kept, and the later one holds:", merged.conflicts.len()));
        let mut out = stdout();
        let head = ["clip", "annotator", "scheme", "question", "here", "at", "there", "at"].map(str::to_owned);
        let rows: Vec<Vec<String>> =
            std::iter::once(head.to_vec()).chain(merged.conflicts.iter().map(conflict)).collect();
        for line in table::left(&rows) {
            writeln!(out, "{line}")?;
        }
        Ok(out.flush()?)
    }
}

fn conflict(conflict: &Conflict) -> Vec<String> {
    let Conflict { corpus_key: _, clip, annotator, scheme, question, here, there } = conflict;
    let times = [here.1.to_string(), there.1.to_string()];
    let [at_here, at_there] = times;
    let (here, there) = (here.0.clone(), there.0.clone());
    let question = if question.is_empty() { "-" } else { question }.to_owned();
    vec![clip.clone(), annotator.to_string(), scheme.clone(), question, here, at_here, there, at_there]
}

fn words(content: Content) -> String {
    format!("{} annotations, {} runs", content.annotations, content.runs)
}
