//! `emolab doctor`: looks whether sound, terminal and storage are as emolab needs them, and says what mends what is not.
//!
//! Every check has a limit and runs beside the others' harm: none can hang the verb or end it. Deliberately absent: mending
//! anything itself, the contents of the store (`emolab check`), and anything sent anywhere.

mod place;
mod sound;
mod terminal;

use std::io::{self, IsTerminal, Write};
use std::sync::mpsc::channel;
use std::time::Duration;

use anyhow::Result;
use clap::Args;
use serde::Serialize;

use super::{say, stdout, table};
use crate::audio::Wish;
use crate::workbench::places;

/// What may take longest is a sound server that does not answer.
const LIMIT: Duration = Duration::from_secs(8);

/// Arguments of `emolab doctor`.
#[derive(Debug, Args)]
pub struct Doctor {
    /// Check this way out for sound alone, and count it as needed.
    #[arg(long, value_name = "SINK", default_value_t)]
    audio: Wish,
    /// Print everything as JSON.
    #[arg(long, conflicts_with = "report")]
    json: bool,
    /// Print a report to paste into a bug mail; it names no file but emolab's own, and no home.
    #[arg(long)]
    report: bool,
    /// Play no test tone and ask nothing.
    #[arg(long)]
    quiet: bool,
}

/// How a finding stands.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "lowercase")]
pub(super) enum State {
    /// As it should be.
    Good,
    /// Not there, and not needed.
    Note,
    /// Something is lost by it.
    Bad,
}

/// What was found of one thing.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub(super) struct Finding {
    pub area: &'static str,
    pub name: String,
    pub state: State,
    pub found: String,
    /// What to do about it, if anything is to be done.
    pub fix: Option<String>,
}

impl Finding {
    pub(super) fn new(area: &'static str, name: impl Into<String>, state: State, found: impl Into<String>) -> Finding {
        Finding { area, name: name.into(), state, found: found.into(), fix: None }
    }

    pub(super) fn with(self, fix: impl Into<String>) -> Finding {
        Finding { fix: Some(fix.into()), ..self }
    }
}

impl Doctor {
    /// Looks at everything and prints what it finds.
    ///
    /// # Errors
    /// Something that is needed does not work; stdout's.
    pub fn run(self) -> Result<()> {
        let talks =
            !self.json && !self.report && !self.quiet && io::stdin().is_terminal() && io::stdout().is_terminal();
        let wish = self.audio;
        let mut findings = vec![program()];
        findings.extend(within("terminal", terminal::check));
        findings.extend(within("storage", place::check));
        findings.extend(sound::check(wish, talks));
        let text = if self.json {
            serde_json::to_string_pretty(&findings)?
        } else if self.report {
            format!("```text\n{}\n```", lines(&findings).join("\n").replace(&home(), "~"))
        } else {
            lines(&findings).join("\n")
        };
        let mut out = stdout();
        writeln!(out, "{text}")?;
        out.flush()?;
        let bad = findings.iter().filter(|finding| finding.state == State::Bad).count();
        match bad {
            0 => Ok(()),
            1 => anyhow::bail!("1 thing that is needed does not work"),
            _ => anyhow::bail!("{bad} things that are needed do not work"),
        }
    }
}

/// What runs, and on what.
fn program() -> Finding {
    let system = std::fs::read_to_string("/etc/os-release").unwrap_or_default();
    let system = system.lines().find_map(|line| line.strip_prefix("PRETTY_NAME=")).unwrap_or(std::env::consts::OS);
    let playback = if cfg!(feature = "playback") { "with playback" } else { "without playback" };
    let found =
        format!("{} ({playback}) on {}; {}", env!("CARGO_PKG_VERSION"), system.trim_matches('"'), places::cpu());
    Finding::new("program", "emolab", State::Good, found)
}

/// What `check` finds, if it does in time.
pub(super) fn within(area: &'static str, check: impl FnOnce() -> Vec<Finding> + Send + 'static) -> Vec<Finding> {
    let (send, done) = channel();
    let thread = std::thread::Builder::new().name(format!("check {area}"));
    let started = thread.spawn(move || drop(send.send(check())));
    let found = started
        .map_err(|error| error.to_string())
        .and_then(|_| done.recv_timeout(LIMIT).map_err(|_| format!("no answer within {} s", LIMIT.as_secs())));
    found.unwrap_or_else(|reason| vec![Finding::new(area, area, State::Bad, reason)])
}

/// The findings as lines: a sign, where and what, and below it what mends it.
fn lines(findings: &[Finding]) -> Vec<String> {
    let sign = |state: State| match state {
        State::Good => "ok",
        State::Note => "-",
        State::Bad => "BAD",
    };
    let rows: Vec<Vec<String>> = findings
        .iter()
        .map(|it| vec![sign(it.state).to_owned(), it.area.to_owned(), it.name.clone(), it.found.clone()])
        .collect();
    let fix = |finding: &Finding| finding.fix.as_ref().map(|fix| format!("       -> {fix}"));
    table::left(&rows).into_iter().zip(findings).flat_map(|(line, it)| [Some(line), fix(it)]).flatten().collect()
}

/// The user's home, which a report does not name; something that stands nowhere if there is none.
fn home() -> String {
    let home = std::env::home_dir().map(|home| home.display().to_string());
    home.filter(|home| home.len() > 1).unwrap_or_else(|| "\0".to_owned())
}

/// Asks a question that is answered with yes or no.
fn ask(question: &str) -> bool {
    say(&format!("{question} [y/n]"));
    let mut line = String::new();
    io::stdin().read_line(&mut line).is_ok() && line.trim().to_lowercase().starts_with('y')
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_check_that_hangs_or_dies_is_a_finding() {
        let died = within("storage", || std::panic::resume_unwind(Box::new("dead")));
        assert_eq!((died.len(), died[0].state), (1, State::Bad));
        assert!(died[0].found.starts_with("no answer"), "{died:?}");
    }

    #[test]
    fn what_mends_it_stands_below() {
        let findings = [
            Finding::new("sound", "device", State::Note, "no sound device").with("plug one in"),
            Finding::new("storage", "store", State::Good, "local"),
        ];
        let expected = ["-   sound    device  no sound device", "       -> plug one in", "ok  storage  store   local"];
        assert_eq!(lines(&findings), expected);
    }
}
