//! What the terminal can show, as far as it can be known without asking it.
//!
//! Deliberately absent: questions to the terminal itself (a terminal that does not answer would hang or leave its answer on the
//! command line later).

use std::io::IsTerminal;

use super::{Finding, State};
use crate::tui::theme::{Depth, Theme};

/// The screens need so many columns and rows.
const NEEDED: (u16, u16) = (60, 18);
/// The tables and pictures are made for so many.
const COMFORT: (u16, u16) = (80, 24);

/// TERM, colours, letters, size.
pub(super) fn check() -> Vec<Finding> {
    let env = |name: &str| std::env::var(name).ok();
    let mut findings = vec![kind(env("TERM").as_deref(), std::io::stdout().is_terminal())];
    findings.extend(looks(&env));
    if let Some((columns, rows)) = size() {
        findings.push(judge((columns, rows)));
    }
    findings
}

fn kind(term: Option<&str>, is_terminal: bool) -> Finding {
    let finding = |state, found: String| Finding::new("terminal", "TERM", state, found);
    match term {
        _ if !is_terminal => finding(State::Note, "the output is no terminal: verbs print plain lines".to_owned()),
        None | Some("") => finding(State::Bad, "not set".to_owned()).with("export TERM=xterm-256color"),
        Some("dumb") => {
            finding(State::Note, "dumb: verbs print plain lines".to_owned()).with("export TERM=xterm-256color")
        }
        Some(term) => finding(State::Good, term.to_owned()),
    }
}

fn looks(env: &dyn Fn(&str) -> Option<String>) -> Vec<Finding> {
    let theme = Theme::from_env(env);
    let (state, colours) = match theme.depth() {
        Depth::True => (State::Good, "16 million"),
        Depth::Indexed => (State::Good, "256"),
        Depth::Sixteen => (State::Note, "16"),
        Depth::Mono => (State::Note, "none"),
    };
    let colours = Finding::new("terminal", "colours", state, colours);
    let colours = match theme.depth() {
        Depth::True => colours,
        _ => colours.with("if the terminal can show more: export COLORTERM=truecolor"),
    };
    let letters = match theme.ascii() {
        false => Finding::new("terminal", "letters", State::Good, "UTF-8"),
        true => Finding::new("terminal", "letters", State::Note, "ASCII alone").with("export LANG=C.UTF-8"),
    };
    vec![colours, letters]
}

fn judge((columns, rows): (u16, u16)) -> Finding {
    let found = format!("{columns}x{rows}");
    let finding = |state| Finding::new("terminal", "size", state, found.clone());
    if columns < NEEDED.0 || rows < NEEDED.1 {
        finding(State::Bad).with(format!("make it at least {}x{}", NEEDED.0, NEEDED.1))
    } else if columns < COMFORT.0 || rows < COMFORT.1 {
        finding(State::Note).with(format!("{}x{} shows more", COMFORT.0, COMFORT.1))
    } else {
        finding(State::Good)
    }
}

#[cfg(unix)]
fn size() -> Option<(u16, u16)> {
    let size = rustix::termios::tcgetwinsize(std::io::stdout()).ok()?;
    (size.ws_col > 0).then_some((size.ws_col, size.ws_row))
}

#[cfg(not(unix))]
fn size() -> Option<(u16, u16)> {
    None
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_terminal_is_judged_by_what_it_says_of_itself() {
        assert_eq!(kind(Some("xterm"), true).state, State::Good);
        assert_eq!(kind(None, true).state, State::Bad);
        assert_eq!(kind(None, false).state, State::Note);
        assert_eq!(
            [(59, 24), (60, 18), (80, 24)].map(|size| judge(size).state),
            [State::Bad, State::Note, State::Good]
        );
        let found = |pairs: &'static [(&str, &str)]| {
            let env =
                move |name: &str| pairs.iter().find(|(key, _)| *key == name).map(|(_, value)| (*value).to_owned());
            looks(&env).into_iter().map(|finding| finding.found).collect::<Vec<_>>()
        };
        assert_eq!(
            found(&[("TERM", "xterm"), ("COLORTERM", "truecolor"), ("LANG", "de_DE.UTF-8")]),
            ["16 million", "UTF-8"]
        );
        assert_eq!(found(&[("TERM", "dumb"), ("LANG", "de_DE.UTF-8")]), ["none", "ASCII alone"]);
    }
}
