//! `emolab export`: every raw annotation of a corpus, and one row per clip with the vote.

use std::path::PathBuf;

use anyhow::{Context, Result, bail};
use clap::Args;

use super::say;
use crate::label::{Format, export};
use crate::store::Store;
use crate::workbench::key_of;

/// Arguments of `emolab export`.
#[derive(Debug, Args)]
pub struct Export {
    /// Folder of the corpus whose labels are wanted.
    path: PathBuf,
    /// How both files are written.
    #[arg(long, default_value = "csv")]
    format: Kind,
    /// File of the raw annotations; the votes go beside it, with `.clips` before the ending.
    #[arg(long, short, value_name = "FILE")]
    out: PathBuf,
    /// SQLite file of labels and runs [default: emolab/emolab.db in the XDG data directory].
    #[arg(long, value_name = "FILE", env = "EMOLAB_STORE")]
    store: Option<PathBuf>,
}

#[derive(Debug, Clone, Copy, clap::ValueEnum)]
enum Kind {
    Csv,
    Jsonl,
}

impl Export {
    /// Reads the store, writes both files.
    pub fn run(self) -> Result<()> {
        self.path.metadata().with_context(|| self.path.display().to_string())?;
        let path = match self.store {
            Some(path) => path,
            None => Store::default_path()?,
        };
        if !path.exists() {
            bail!("{}: nothing has been labelled yet", path.display());
        }
        let annotations = Store::open(&path)?.annotations(&key_of(&self.path), None)?;
        if annotations.is_empty() {
            bail!("{}: no annotations of {}", path.display(), self.path.display());
        }
        let format = match self.format {
            Kind::Csv => Format::Csv,
            Kind::Jsonl => Format::Jsonl,
        };
        let exported = export(&annotations, format, &self.out)?;
        say(&format!("{}: {} annotations", exported.annotations.display(), exported.rows));
        say(&format!("{}: {} clips", exported.clips.display(), exported.votes));
        Ok(())
    }
}
