//! What goes before a command or names a place: a count ("so many times"), and marks, clips that a letter leads back to.
//!
//! Each waits for the next key and takes only that. Deliberately absent: what is done (the tables of commands); marks that outlive
//! the program: a flag does.

use std::collections::BTreeMap;

use anyhow::{anyhow, bail};

use super::{App, EVERYWHERE, LIST, Status};
use crate::corpus::ClipId;
use crate::tui::screen::{Outcome, Then, Topic};

/// Digits of a count, at most: a corpus has no more clips.
const DIGITS: usize = 7;
/// A command that is no move in a list is given so often at most: nobody waits for more.
const TIMES: usize = 99;
/// The mark of the place before the last jump.
const BEFORE: &str = "'";

/// What was begun with one key and ends with another.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Lead {
    /// A number of times, as far as it is typed.
    Count(String),
    /// The letter that will lead to the clip of this screen.
    Mark,
    /// The letter of a mark.
    Jump,
}

/// The clip behind each letter.
pub(super) type Marks = BTreeMap<String, ClipId>;

impl Lead {
    fn says(&self, marks: &Marks) -> String {
        match self {
            Lead::Count(digits) if digits.is_empty() => "how many times? a number, then a key".to_owned(),
            Lead::Count(digits) => format!("{digits} times: which key?"),
            Lead::Mark => "mark this clip with which letter?".to_owned(),
            Lead::Jump if marks.is_empty() => "there is no mark yet; Esc".to_owned(),
            Lead::Jump => {
                let letters: Vec<&str> = marks.keys().map(String::as_str).collect();
                format!("to which mark? {}", letters.join(" "))
            }
        }
    }
}

impl App {
    /// Waits for the key that ends it.
    pub(super) fn await_key(&mut self, lead: Lead) {
        self.status = Some(Status { text: lead.says(&self.marks), error: false });
        self.lead = Some(lead);
    }

    /// The key that was waited for.
    pub(super) fn end_lead(&mut self, lead: Lead, key: &str) -> Outcome {
        match lead {
            _ if matches!(key, "Esc" | "Ctrl-c") => Ok(Then::Stay),
            Lead::Count(mut digits) if key == "Backspace" && !digits.is_empty() => {
                digits.pop();
                Ok(Then::Await(Lead::Count(digits)))
            }
            Lead::Count(digits) if key.len() == 1 && key.parse::<u8>().is_ok() => {
                let digits = if digits.len() < DIGITS { digits + key } else { digits };
                Ok(Then::Await(Lead::Count(digits)))
            }
            Lead::Count(digits) => {
                let times = digits.parse().unwrap_or(1);
                // Not what a screen takes by itself: nothing is labelled many times.
                let (group, command) = self.command_of(key).ok_or_else(|| anyhow!("{key} is no command here"))?;
                self.command_times(group, command, times)
            }
            Lead::Mark | Lead::Jump if key.chars().count() != 1 => bail!("a mark is one letter"),
            Lead::Mark => {
                let clip = self.clip_here().ok_or_else(|| anyhow!("there is no clip here to mark"))?;
                self.marks.insert(key.to_owned(), clip);
                Ok(Then::Say(format!("marked {key}; ' and {key} come back here")))
            }
            Lead::Jump => self.jump(key),
        }
    }

    /// To the clip of a mark: in Label to answer it anew, else in Browse.
    fn jump(&mut self, mark: &str) -> Outcome {
        let id = self.marks.get(mark).cloned();
        let id = id.ok_or_else(|| anyhow!("no clip is marked {mark}; \" and a letter mark one"))?;
        let clip = self.bench.corpus().index_of(&id).ok_or_else(|| anyhow!("{} is no longer there", id.0))?;
        if let Some(here) = self.clip_here() {
            self.marks.insert(BEFORE.to_owned(), here);
        }
        let labels = self.screen().name() == "label";
        if !labels && self.screen().name() != "browse" {
            self.follow(Ok(Then::Switch("browse")));
        }
        let front = self.front();
        match self.screens[front].find_clip(clip, &mut self.bench) {
            true => Ok(Then::Stay),
            false if labels => Ok(Then::Open("label", Topic::Clip(clip))),
            false => bail!("the clip marked {mark} is not among those shown; Esc shows all"),
        }
    }

    fn clip_here(&self) -> Option<ClipId> {
        let clip = self.screen().clip(&self.bench)?;
        Some(self.bench.corpus().clips.get(clip)?.id.clone())
    }

    /// A command so many times, until it fails or leads elsewhere.
    pub(super) fn command_times(&mut self, group: &str, name: &str, times: usize) -> Outcome {
        if group == LIST || group == EVERYWHERE {
            return self.command(group, name, Some(times));
        }
        let front = self.front();
        let mut outcome = Ok(Then::Stay);
        for _ in 0..times.min(TIMES) {
            outcome = self.command(group, name, None);
            if !matches!(outcome, Ok(Then::Stay | Then::Say(_))) || self.front() != front {
                break;
            }
            self.sync();
        }
        outcome
    }
}
