//! `emolab backup`, `restore` and `check`: the store as a file that must not be lost.
//!
//! Deliberately absent: labels as such (see `labels`).

use std::path::PathBuf;

use anyhow::{Result, bail};
use clap::Args;

use super::{say, stdout};
use crate::label::Timestamp;
use crate::store::{Content, Finding, Store};
use crate::workbench::{places, safe};

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

impl Which {
    fn path(self) -> Result<PathBuf> {
        self.store.map_or_else(|| Ok(Store::default_path()?), Ok)
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

fn words(content: Content) -> String {
    format!("{} annotations, {} runs", content.annotations, content.runs)
}
