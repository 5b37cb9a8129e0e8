//! `--log FILE`: the events of a training as JSON lines, for every verb that trains.
//!
//! Deliberately absent: what stands in the lines (see `docs/log.md` and `workbench::log`).

use std::path::PathBuf;

use anyhow::Result;
use clap::Args;

use super::say;
use crate::workbench::log::Log;

/// Where the log goes.
#[derive(Debug, Clone, Args)]
pub struct LogArg {
    /// Append every epoch, fold and run to this file as JSON lines (see docs/log.md).
    #[arg(long, value_name = "FILE")]
    log: Option<PathBuf>,
}

impl LogArg {
    /// The log, if one is asked for.
    ///
    /// # Errors
    /// It cannot be written.
    pub fn open(&self) -> Result<Option<Log>> {
        self.log.as_deref().map(Log::open).transpose()
    }
}

/// Writes into the log how the work ended, and hands its result on.
pub fn ended<T>(log: Option<&Log>, result: Result<T>) -> Result<T> {
    if let Some(reason) = log.and_then(|log| log.end(&result)) {
        say(&reason);
    }
    result
}
