//! What every verb that makes runs is told: where to, how loudly, from which sound.
//!
//! Deliberately absent: what decides a result beside the preparation (see `compare::ProtocolArgs`).

use clap::Args;

use super::Files;
use super::log::LogArg;
use super::prepare::Prepare;

/// Arguments of the verbs that make runs.
#[derive(Debug, Args)]
pub struct Running {
    /// Print JSON; scores are fractions.
    #[arg(long)]
    pub json: bool,
    /// Do not save the runs in the store.
    #[arg(long)]
    pub no_save: bool,
    /// No progress.
    #[arg(long, short)]
    pub quiet: bool,
    #[command(flatten)]
    pub log: LogArg,
    #[command(flatten)]
    pub files: Files,
    #[command(flatten)]
    pub prepare: Prepare,
}
