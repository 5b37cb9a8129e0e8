//! What a search has done so far, as a file of JSON lines: a search that was killed goes on from there.
//!
//! The first line says of which search it is; the others are fits that are done, each flushed to the disk when it is. The
//! order of the lines means nothing. Deliberately absent: what a fit is for; the race asks for it by its place.

use std::fs::{self, File, OpenOptions};
use std::io::{ErrorKind, Read, Write};
use std::path::{Path, PathBuf};

use anyhow::{Context, Result, bail};
use ndarray::Array2;
use serde::{Deserialize, Serialize};

use super::halving::Score;
use crate::file::write_whole;

/// Version of the file's layout; another one is refused.
const FORMAT: u32 = 1;

/// Fits that are done.
#[derive(Debug)]
pub struct Journal {
    entries: Vec<Entry>,
    /// Where lines go; `None` keeps them in memory alone.
    file: Option<(PathBuf, File)>,
    notes: Vec<String>,
}

/// One fit, or the fits of all inner folds.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Entry {
    /// Which.
    #[serde(flatten)]
    pub place: Place,
    /// Time it took.
    pub seconds: f64,
    /// What came of it.
    #[serde(flatten)]
    pub end: End,
}

/// Names a fit of a search.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct Place {
    /// Outer fold, from 0.
    pub fold: usize,
    /// Number of the candidate, from 0.
    pub trial: usize,
    /// By what its epochs were divided on the inner folds; `None` = the whole fit that is judged on the outer fold.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub shorten: Option<usize>,
}

/// What came of a fit.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum End {
    /// What it was worth on the inner folds.
    Inner(Score),
    /// Scores per class of the outer fold's clips.
    Outer(Vec<Vec<f64>>),
    /// The reason why there is nothing.
    Failed(String),
}

/// The first line.
#[derive(Debug, PartialEq, Serialize, Deserialize)]
struct Head {
    emolab_search: u32,
    key: String,
    about: String,
}

impl Journal {
    /// Keeps nothing beyond this process.
    pub fn in_memory() -> Journal {
        Journal { entries: Vec::new(), file: None, notes: Vec::new() }
    }

    /// The journal of the search with this key in `dir`, which is made if it is missing. With `resume` it goes on from what
    /// is there; lines that cannot be read, such as one that a kill cut short, are dropped. Without, what is there is set
    /// aside as `….old`. [`Journal::notes`] tells all of this.
    ///
    /// # Errors
    /// The folder or the file cannot be written; with `resume` also a file that is no journal of this search.
    pub fn open(dir: &Path, (key, about): (&str, &str), resume: bool) -> Result<Journal> {
        let path = dir.join(format!("search-{key}.jsonl"));
        let named = || path.display().to_string();
        fs::create_dir_all(dir).with_context(|| dir.display().to_string())?;
        let head = Head { emolab_search: FORMAT, key: key.to_owned(), about: about.to_owned() };
        let mut notes = Vec::new();
        let text = match read(&path).with_context(named)? {
            Some(_) if !resume => {
                let old = path.with_extension("jsonl.old");
                fs::rename(&path, &old).with_context(named)?;
                notes.push(format!("an earlier search like this is set aside as {}; --resume goes on", old.display()));
                None
            }
            found => found,
        };
        let (entries, dropped) = text.map_or(Ok((Vec::new(), 0)), |text| entries(&text, &head)).with_context(named)?;
        if dropped > 0 {
            notes.push(format!("{}: {dropped} line(s) cannot be read; what they told is done again", path.display()));
        }
        if !entries.is_empty() {
            notes.push(format!("going on from {}: {} fits are done", path.display(), entries.len()));
        }
        // Rewritten whole: what comes next must not be joined to a line that was cut short.
        write_whole(&path, |out| {
            writeln!(out, "{}", serde_json::to_string(&head)?)?;
            entries.iter().try_for_each(|entry| Ok::<_, anyhow::Error>(writeln!(out, "{}", line(entry)?)?))
        })
        .with_context(named)?;
        let file = OpenOptions::new().append(true).open(&path).with_context(named)?;
        Ok(Journal { entries, file: Some((path, file)), notes })
    }

    /// What was found when it was opened.
    pub fn notes(&self) -> &[String] {
        &self.notes
    }

    /// Fits that are done.
    pub fn entries(&self) -> &[Entry] {
        &self.entries
    }

    /// The fit of that place, if it is done.
    pub fn get(&self, place: Place) -> Option<&Entry> {
        self.entries.iter().find(|entry| entry.place == place)
    }

    /// Adds a fit; it is on the disk when this returns.
    ///
    /// # Errors
    /// The file cannot be written.
    pub fn add(&mut self, entry: Entry) -> Result<()> {
        if let Some((path, file)) = &mut self.file {
            // One write: another process that appends to the same file cannot come in between.
            let text = format!("{}\n", line(&entry)?);
            let written = file.write_all(text.as_bytes()).and_then(|()| file.sync_data());
            written.with_context(|| path.display().to_string())?;
        }
        self.entries.push(entry);
        Ok(())
    }
}

impl Entry {
    /// The score on the inner folds, if there is one.
    pub fn score(&self) -> Option<Score> {
        match &self.end {
            End::Inner(score) => Some(*score),
            _ => None,
        }
    }

    /// The scores on the outer fold's clips, n x classes, or why there are none.
    ///
    /// # Errors
    /// Rows of unequal lengths.
    pub fn scores(&self) -> Result<Result<Array2<f64>, String>> {
        Ok(match &self.end {
            End::Outer(rows) => {
                let shape = (rows.len(), rows.first().map_or(0, Vec::len));
                Ok(Array2::from_shape_vec(shape, rows.concat()).context("the journal's scores are damaged")?)
            }
            End::Inner(_) => Err("no scores of the outer fold".to_owned()),
            End::Failed(reason) => Err(reason.clone()),
        })
    }

    /// Why it failed, if it did.
    pub fn failure(&self) -> Option<String> {
        match &self.end {
            End::Failed(reason) => Some(reason.clone()),
            _ => None,
        }
    }
}

fn line(entry: &Entry) -> Result<String> {
    Ok(serde_json::to_string(entry)?)
}

fn read(path: &Path) -> std::io::Result<Option<String>> {
    let mut bytes = Vec::new();
    match File::open(path) {
        Err(error) if error.kind() == ErrorKind::NotFound => return Ok(None),
        file => file?.read_to_end(&mut bytes)?,
    };
    Ok(Some(String::from_utf8_lossy(&bytes).into_owned()))
}

/// The entries of a journal, and how many lines could not be read.
fn entries(text: &str, expected: &Head) -> Result<(Vec<Entry>, usize)> {
    let mut lines = text.lines();
    let head: Option<Head> = lines.next().and_then(|line| serde_json::from_str(line).ok());
    match head {
        Some(head) if head.emolab_search != FORMAT => bail!("a journal of another version of emolab"),
        Some(head) if head.key != expected.key => bail!("the journal of another search: {}", head.about),
        Some(_) => {}
        // Killed before the first line was whole.
        None if text.len() < 2 => return Ok((Vec::new(), 0)),
        None => bail!("no journal of a search"),
    }
    let (mut all, mut dropped) = (Vec::new(), 0);
    for line in lines {
        match serde_json::from_str(line) {
            Ok(entry) => all.push(entry),
            Err(_) => dropped += 1,
        }
    }
    Ok((all, dropped))
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use super::*;

    const WHO: (&str, &str) = ("abc", "demo, loso");

    fn entry(trial: usize, uar: f64) -> Entry {
        let place = Place { fold: 0, trial, shorten: Some(3) };
        Entry { place, seconds: 0.25, end: End::Inner(Score { uar, loss: 1.0 / 3.0 }) }
    }

    #[test]
    fn what_was_added_is_there_again_to_the_bit() {
        let dir = tempfile::tempdir().unwrap();
        let all = [
            entry(0, 0.1 + 0.2),
            Entry {
                place: Place { fold: 1, trial: 4, shorten: None },
                seconds: 2.0,
                end: End::Outer(vec![vec![0.1, 0.9]]),
            },
            Entry { place: Place { fold: 1, trial: 5, shorten: Some(1) }, seconds: 2.0, end: End::Failed("no".into()) },
        ];
        let mut journal = Journal::open(dir.path(), WHO, true).unwrap();
        all.iter().for_each(|entry| journal.add(entry.clone()).unwrap());
        let again = Journal::open(dir.path(), WHO, true).unwrap();
        assert_eq!(again.entries(), all);
        assert_eq!(again.get(all[1].place), Some(&all[1]));
        assert_eq!(again.get(Place { fold: 1, trial: 4, shorten: Some(1) }), None);
    }

    #[test]
    fn a_line_that_was_cut_short_is_dropped_and_told() {
        let dir = tempfile::tempdir().unwrap();
        let mut journal = Journal::open(dir.path(), WHO, false).unwrap();
        journal.add(entry(0, 0.5)).unwrap();
        journal.add(entry(1, 0.6)).unwrap();
        let path = dir.path().join("search-abc.jsonl");
        let text = fs::read(&path).unwrap();
        fs::write(&path, &text[..text.len() - 9]).unwrap();
        let mut journal = Journal::open(dir.path(), WHO, true).unwrap();
        assert_eq!(journal.entries(), [entry(0, 0.5)]);
        assert!(journal.notes()[0].contains("1 line"), "{:?}", journal.notes());
        journal.add(entry(1, 0.6)).unwrap();
        let whole = Journal::open(dir.path(), WHO, true).unwrap();
        assert_eq!(whole.entries(), [entry(0, 0.5), entry(1, 0.6)]);
        assert!(whole.notes().iter().all(|note| !note.contains("cannot be read")), "{:?}", whole.notes());
    }

    #[test]
    fn without_resume_what_was_there_is_set_aside() {
        let dir = tempfile::tempdir().unwrap();
        Journal::open(dir.path(), WHO, false).unwrap().add(entry(0, 0.5)).unwrap();
        assert_eq!(Journal::open(dir.path(), WHO, false).unwrap().entries(), []);
        assert!(fs::read_to_string(dir.path().join("search-abc.jsonl.old")).unwrap().contains("0.5"));
    }

    #[test]
    fn another_file_is_no_journal() {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("search-abc.jsonl");
        let refused = |text: &str| {
            fs::write(&path, text).unwrap();
            format!("{:#}", Journal::open(dir.path(), WHO, true).unwrap_err())
        };
        assert!(refused("RIFF....WAVE").contains("no journal"));
        assert!(refused("{\"emolab_search\":9,\"key\":\"abc\",\"about\":\"\"}\n").contains("another version"));
        let other = refused("{\"emolab_search\":1,\"key\":\"xyz\",\"about\":\"emodb, loso\"}\n");
        assert!(other.contains("emodb, loso"), "{other}");
        assert_eq!(fs::read_to_string(&path).unwrap().lines().count(), 1, "it is left as it was");
    }
}
