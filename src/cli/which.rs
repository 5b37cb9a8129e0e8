//! `--filter`: which clips a verb is about, in the words of the screens.
//!
//! Deliberately absent: what somebody said of clips; verbs that read labels have flags of their own for that.

use std::collections::HashSet;

use anyhow::{Result, bail, ensure};
use clap::Args;

use crate::corpus::Corpus;
use crate::label::Ledger;
use crate::workbench::filter::{Filter, Known};

/// Which clips.
#[derive(Debug, Clone, Args)]
pub struct Which {
    /// Only clips that pass, as in Browse: 'emotion:fear,anger speaker:03 dur>2 -problem' (docs/filter.md).
    #[arg(long = "filter", value_name = "FILTER")]
    filter: Option<String>,
}

impl Which {
    /// Whether all are meant.
    pub fn is_all(&self) -> bool {
        self.filter.is_none()
    }

    /// The corpus with these clips alone; problems stay.
    ///
    /// # Errors
    /// A filter that cannot be read, asks what somebody said, or that no clip passes.
    pub fn keep(&self, mut corpus: Corpus) -> Result<Corpus> {
        let Some(text) = &self.filter else { return Ok(corpus) };
        let filter = Filter::parse(text, &corpus)?;
        if let Some(field) = filter.asks_labels() {
            bail!("--filter: `{field}` asks what somebody said; that is known on the screens alone");
        }
        let (ledger, all) = (Ledger::default(), corpus.clips.len());
        let problems: HashSet<&str> = corpus.problems.iter().map(|problem| problem.file.as_str()).collect();
        corpus.clips.retain(|clip| filter.passes(clip, Known { ledger: &ledger, problems: &problems }));
        ensure!(!corpus.clips.is_empty(), "none of {all} clips passes `{text}`");
        Ok(corpus)
    }
}
