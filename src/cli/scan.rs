//! `emolab scan`: the clips of a corpus, what is known of each, and every problem.

use std::io::Write;
use std::path::Path;

use anyhow::Result;
use arcstr::ArcStr;
use clap::Args;
use serde_json::json;

use super::progress::Progress;
use super::which::Which;
use super::{Files, Place, opened, stdout, table};
use crate::corpus::{Clip, Corpus};

/// Arguments of `emolab scan`.
#[derive(Debug, Args)]
pub struct Scan {
    #[command(flatten)]
    place: Place,
    /// Print JSON.
    #[arg(long)]
    json: bool,
    /// No progress.
    #[arg(long, short)]
    quiet: bool,
    #[command(flatten)]
    which: Which,
    #[command(flatten)]
    files: Files,
}

impl Scan {
    /// Scans and prints.
    pub fn run(self) -> Result<()> {
        let progress = Progress::new(self.quiet)?;
        let corpus = opened(&self.place.path, self.place.corpus().as_deref(), &self.files, &progress)?;
        progress.end();
        let corpus = self.which.keep(corpus)?;
        if !self.json {
            return print_text(&corpus);
        }
        let mut out = stdout();
        let clips: Vec<_> = corpus.clips.iter().map(clip_json).collect();
        let all = json!({ "corpus": corpus.name, "synthetic": corpus.synthetic, "classes": corpus.classes,
            "clips": clips, "problems": corpus.problems });
        serde_json::to_writer_pretty(&mut out, &all)?;
        writeln!(out)?;
        Ok(out.flush()?)
    }
}

/// Scans and prints the table: what opening a corpus comes to without a terminal.
pub fn print(root: &Path, corpus: Option<&str>, files: &Files) -> Result<()> {
    let progress = Progress::new(false)?;
    let corpus = opened(root, corpus, files, &progress)?;
    progress.end();
    print_text(&corpus)
}

fn print_text(corpus: &Corpus) -> Result<()> {
    let mut out = stdout();
    for line in text(corpus) {
        writeln!(out, "{line}")?;
    }
    Ok(out.flush()?)
}

fn clip_json(clip: &Clip) -> serde_json::Value {
    json!({
        "file": clip.id, "speaker": clip.speaker, "sex": clip.sex, "label": clip.label, "text": clip.text,
        "intensity": clip.intensity, "language": clip.language, "seconds": clip.audio.seconds,
        "rate": clip.audio.rate, "channels": clip.audio.channels, "hash": clip.audio.hash.to_string(),
    })
}

fn text(corpus: &Corpus) -> Vec<String> {
    let word = |value: &Option<ArcStr>| value.as_deref().unwrap_or("-").to_owned();
    let head = ["file", "speaker", "sex", "label", "seconds", "rate", "channels", "text"].map(str::to_owned).to_vec();
    let rows = corpus.clips.iter().map(|clip| {
        vec![
            clip.id.0.to_string(),
            word(&clip.speaker),
            clip.sex.map_or_else(|| "-".to_owned(), |sex| sex.to_string()),
            word(&clip.label),
            format!("{:.2}", clip.audio.seconds),
            clip.audio.rate.to_string(),
            clip.audio.channels.to_string(),
            word(&clip.text),
        ]
    });
    let mut lines = table::lines(&std::iter::once(head).chain(rows).collect::<Vec<_>>());
    lines.push(String::new());
    lines.push(summary(corpus));
    if corpus.synthetic {
        lines.push("synthetic speech: scores on it mean nothing".to_owned());
    }
    lines.extend(corpus.problems.iter().map(|problem| format!("problem: {}: {}", problem.file, problem.reason)));
    lines
}

fn summary(corpus: &Corpus) -> String {
    let speakers: std::collections::BTreeSet<_> =
        corpus.clips.iter().filter_map(|clip| clip.speaker.as_ref()).collect();
    let classes: Vec<String> = corpus
        .classes
        .iter()
        .map(|class| {
            let count = corpus.clips.iter().filter(|clip| clip.label.as_deref() == Some(class.as_str())).count();
            format!("{class} {count}")
        })
        .collect();
    format!(
        "{}: {} clips, {} speakers, {} problems; {}",
        corpus.name,
        corpus.clips.len(),
        speakers.len(),
        corpus.problems.len(),
        classes.join(", ")
    )
}
