//! Examples of classes: sounds that a scheme names, played beside the clip at hand and never counted as it.
//!
//! Deliberately absent: telling which file it is, also where it cannot be read: the name of a file may carry the answer.

use std::path::Path;
use std::sync::Arc;

use anyhow::Result;

use super::picture::LOUDNESS;
use super::{Update, Workbench};
use crate::audio::{Sound, decode};
use crate::job::{Job, Report};

/// How far the example asked for last has come.
#[derive(Debug, Default)]
pub(super) struct Examples {
    number: u64,
    job: Option<Job>,
    failed: bool,
}

impl Workbench {
    /// Plays the sound at `path`, relative to the corpus or from the root of the file system, as soon as it is decoded.
    ///
    /// # Errors
    /// No thread for it.
    pub fn play_example(&mut self, path: &str) -> Result<()> {
        self.sound.examples.number += 1;
        let (number, send) = (self.sound.examples.number, self.send.clone());
        let path = self.corpus.root.join(Path::new(path));
        let report = move |report| drop(send.send(Update::Example(number, report)));
        let job = Job::spawn("example", report, move |_| Ok(Arc::new(decode(&path)?)))?;
        (self.sound.examples.job, self.sound.examples.failed) = (Some(job), false);
        Ok(())
    }

    /// Whether the example asked for last cannot be played.
    pub fn example_failed(&self) -> bool {
        self.sound.examples.failed
    }

    pub(super) fn exemplified(&mut self, number: u64, report: Report<(), Arc<Sound>>) -> bool {
        if number != self.sound.examples.number || matches!(report, Report::News(()) | Report::Cancelled) {
            return false;
        }
        self.sound.examples.job = None;
        match report {
            Report::Done(sound) => {
                self.listen(false);
                let gain = if self.sound.even { sound.gain_to(LOUDNESS) } else { 1.0 };
                (self.sound.clip, self.sound.on_arrival) = (None, None);
                self.sound.player.play(sound, 0.0, gain);
            }
            _ => self.sound.examples.failed = true,
        }
        true
    }

    /// An example that is still being decoded comes too late.
    pub(super) fn forget_example(&mut self) {
        self.sound.examples = Examples { number: self.sound.examples.number + 1, ..Examples::default() };
    }
}
