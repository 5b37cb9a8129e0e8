//! `emolab segment`: long recordings into segments by voice activity, and back into one piece.
//!
//! Deliberately absent: cutting by hand (the Cut screen), and segments that other programs have made (`emolab import --segments`).

use std::io::Write;

use anyhow::{Context, Result, bail, ensure};
use clap::Args;
use serde_json::json;

use super::progress::Progress;
use super::table::lines;
use super::{Files, Place, login_name, opened, say, stdout};
use crate::audio::Detector;
use crate::corpus::{Clip, Corpus, Cut, Cuts};
use crate::label::Annotator;
use crate::store::{CutAct, Recut, Store};
use crate::workbench::corpus_key;
use crate::workbench::segments::{Proposal, propose, recordings};

/// Who cuts by voice activity.
const CUTTER: &str = "activity";

/// Arguments of `emolab segment`.
#[derive(Debug, Args)]
pub struct Segment {
    #[command(flatten)]
    place: Place,
    /// Cut recordings of so many seconds or more.
    #[arg(long, value_name = "SECONDS", default_value_t = 30.0)]
    longer_than: f64,
    /// Cut every recording, however short.
    #[arg(long, conflicts_with = "longer_than")]
    all: bool,
    /// Speech begins so many decibels above the noise around.
    #[arg(long, value_name = "DB", default_value_t = Detector::default().threshold)]
    threshold: f32,
    /// Shorter pauses do not end a segment.
    #[arg(long, value_name = "SECONDS", default_value_t = seconds(Detector::default().min_silence))]
    min_silence: f64,
    /// Shorter stretches of speech are left out.
    #[arg(long, value_name = "SECONDS", default_value_t = seconds(Detector::default().min_speech))]
    min_speech: f64,
    /// Keep so much of the silence before and after.
    #[arg(long, value_name = "SECONDS", default_value_t = seconds(Detector::default().pad))]
    pad: f64,
    /// Cut recordings anew that are cut already; what was said of segments that are gone stays in the store.
    #[arg(long)]
    again: bool,
    /// Make whole again what is cut; what was said of the segments stays in the store.
    #[arg(long, conflicts_with_all = ["again", "json"])]
    clear: bool,
    /// Tell what would be cut, and change nothing.
    #[arg(long)]
    dry_run: bool,
    /// Print JSON.
    #[arg(long)]
    json: bool,
    /// No progress.
    #[arg(long, short)]
    quiet: bool,
    #[command(flatten)]
    files: Files,
}

fn seconds(millis: u32) -> f64 {
    f64::from(millis) / 1000.0
}

impl Segment {
    /// Scans, listens, cuts, tells.
    ///
    /// # Errors
    /// A corpus that does not open, a setting out of range, recordings of which none can be heard, a store that cannot be
    /// written; cancelling, and then nothing is cut.
    pub fn run(self) -> Result<()> {
        let detector = self.detector()?;
        let progress = Progress::new(self.quiet)?;
        let corpus = opened(&self.place.path, self.place.corpus().as_deref(), &self.files, &progress)?;
        let least = if self.all { 0.0 } else { self.longer_than };
        let all = recordings(&corpus, least);
        if all.is_empty() {
            say(&format!("no recording lasts {least} s or more: --longer-than SECONDS or --all"));
            return Ok(());
        }
        let old = self.old(&corpus)?;
        if self.clear {
            return self.clear(&corpus, &all, &old);
        }
        let (cut, open): (Vec<&Clip>, Vec<&Clip>) =
            all.into_iter().partition(|clip| !self.again && old.contains_key(&clip.id));
        if !cut.is_empty() {
            say(&format!("{} recordings are cut already: --again cuts them anew", cut.len()));
        }
        let found = propose(&open, &detector, &progress)?;
        progress.end();
        self.print(&found)?;
        let changes: Vec<Recut> = found.iter().flat_map(|one| one.changes(parts(&old, one))).collect();
        if !self.dry_run {
            let who = Annotator::Machine(CUTTER.to_owned());
            Store::open(&self.files.store()?)?.recut(&corpus_key(&corpus), &who, &changes)?;
        }
        self.tell(&found)
    }

    fn detector(&self) -> Result<Detector> {
        ensure!((1.0..=60.0).contains(&self.threshold), "--threshold is from 1 to 60 dB");
        let millis = |name: &str, seconds: f64| {
            ensure!((0.0..=600.0).contains(&seconds), "--{name} is from 0 to 600 seconds");
            Ok((seconds * 1000.0).round() as u32)
        };
        Ok(Detector {
            threshold: self.threshold,
            min_silence: millis("min-silence", self.min_silence)?,
            min_speech: millis("min-speech", self.min_speech)?,
            pad: millis("pad", self.pad)?,
        })
    }

    /// What is cut so far; a store that is not there has nothing.
    fn old(&self, corpus: &Corpus) -> Result<Cuts> {
        let path = self.files.store()?;
        Ok(if path.exists() { Store::open(&path)?.segments(&corpus_key(corpus))? } else { Cuts::new() })
    }

    fn clear(&self, corpus: &Corpus, recordings: &[&Clip], old: &Cuts) -> Result<()> {
        let cut = recordings.iter().filter_map(|clip| Some((clip, old.get(&clip.id)?)));
        let all = cut.flat_map(|(clip, cuts)| cuts.iter().map(|cut| (clip.id.clone(), *cut)));
        let changes: Vec<Recut> = all.map(|(file, cut)| Recut { file, cut, act: CutAct::Uncut }).collect();
        let done = if self.dry_run { "would be removed" } else { "are removed; what was said of them is kept" };
        if !self.dry_run && !changes.is_empty() {
            let who = Annotator::Human(login_name());
            Store::open(&self.files.store()?)?.recut(&corpus_key(corpus), &who, &changes)?;
        }
        say(&format!("{} segments {done}", changes.len()));
        Ok(())
    }

    fn print(&self, found: &[Proposal]) -> Result<()> {
        let mut out = stdout();
        if self.json {
            let part = |span: &crate::audio::Span| json!({ "start": span.start(), "end": span.end() });
            let one = |found: &Proposal| {
                let spans = found.spans.as_deref().unwrap_or_default();
                json!({ "file": found.file, "seconds": found.seconds, "problem": found.spans.as_ref().err(),
                    "segments": spans.iter().map(part).collect::<Vec<_>>() })
            };
            serde_json::to_writer_pretty(&mut out, &found.iter().map(one).collect::<Vec<_>>())?;
            writeln!(out)?;
        } else {
            let head = ["file", "start", "end", "seconds"].map(str::to_owned).to_vec();
            let mut rows = vec![head];
            for one in found {
                for span in one.spans.iter().flatten() {
                    let times = [span.start(), span.end(), span.length()].map(|time| format!("{time:.3}"));
                    rows.push(std::iter::once(one.file.0.to_string()).chain(times).collect());
                }
            }
            lines(&rows).iter().try_for_each(|line| writeln!(out, "{line}"))?;
        }
        out.flush().context("stdout")
    }

    fn tell(&self, found: &[Proposal]) -> Result<()> {
        let mut failed = 0;
        for one in found {
            match &one.spans {
                Err(reason) => {
                    failed += 1;
                    say(&format!("problem: {}: {reason}", one.file.0));
                }
                Ok(spans) if spans.is_empty() => say(&format!("{}: nobody is heard in it; left whole", one.file.0)),
                Ok(_) => {}
            }
        }
        let spans = || found.iter().flat_map(|one| one.spans.iter().flatten());
        let (seconds, all): (f64, f64) =
            (spans().map(|span| span.length()).sum(), found.iter().map(|one| one.seconds).sum());
        let done = if self.dry_run { "would be cut" } else { "cut" };
        say(&format!("{done}: {} segments, {seconds:.1} of {all:.1} s", spans().count()));
        if failed > 0 && failed == found.len() { bail!("no recording could be heard") } else { Ok(()) }
    }
}

fn parts<'a>(old: &'a Cuts, of: &Proposal) -> &'a [Cut] {
    old.get(&of.file).map_or(&[], Vec::as_slice)
}
