//! The recovery journal: where an annotation goes that the store cannot take, until it can.
//!
//! A file per store and process, named after the store's path, in a folder on this machine. One line per annotation: the
//! length and the checksum of what follows, then JSON; each line is on the disk before [`Journal::append`] returns. A line
//! that is torn (the last one, when the power went) was never told as kept and is passed over. A living process holds a lock
//! on its file; what a dead one left is taken over by the next that opens the store. Numbers given here are larger than any
//! of a store and rise from session to session, so that an undo can refer to what waits with it.
//! Deliberately absent: writing to the store (see [`Store::recover`](super::Store::recover)), and when to try it again.

use std::ffi::OsStr;
use std::fs::{self, File, OpenOptions, TryLockError};
use std::io::{self, Read, Seek, SeekFrom, Write};
use std::path::{Path, PathBuf};

use serde::{Deserialize, Serialize};

use crate::label::{Annotation, AnnotationId, NewAnnotation, Row, Timestamp};

/// An annotation that waits for the store.
#[derive(Debug, Clone, PartialEq)]
pub struct Waiting {
    /// Under what its corpus is filed.
    pub corpus_key: String,
    /// What was said, under a number of the journal.
    pub said: Annotation,
}

/// What waits for one store: the lines of this process and those that dead ones left.
#[derive(Debug)]
pub struct Journal {
    folder: PathBuf,
    /// Names the store.
    key: String,
    own: Option<Own>,
    /// What dead processes left, locked while it is ours.
    left: Vec<(PathBuf, File)>,
    waiting: Vec<Waiting>,
    /// Waiting lines that were left by others.
    earlier: usize,
    troubles: Vec<String>,
    next: i64,
}

/// The file of this process.
#[derive(Debug)]
struct Own {
    path: PathBuf,
    file: File,
    /// Its length up to the last whole line.
    whole: u64,
}

#[derive(Serialize, Deserialize)]
struct Line {
    corpus: String,
    said: Row,
}

/// Numbers from here on are the journal's own; no store counts that far.
const FIRST: i64 = 1 << 62;
/// Bits of the counter within one session; above it stand milliseconds since 2020.
const COUNTED: u32 = 20;
const YEAR_2020: i64 = 1_577_836_800_000;

/// True for a number given by a journal.
pub fn is_waiting(id: AnnotationId) -> bool {
    id.0 >= FIRST
}

impl Journal {
    /// Takes over what dead processes left in `folder` for the store at `store`. Nothing is written before there is
    /// something to write. What cannot be read is told by [`Journal::troubles`] and left where it is.
    pub fn open(folder: &Path, store: &Path) -> Journal {
        let next = FIRST + ((Timestamp::now().millis() - YEAR_2020).max(0) << COUNTED);
        let mut journal = Journal {
            folder: folder.to_owned(),
            key: key(store),
            own: None,
            left: Vec::new(),
            waiting: Vec::new(),
            earlier: 0,
            troubles: Vec::new(),
            next,
        };
        for path in journal.files() {
            if let Err(error) = journal.adopt(&path) {
                journal.troubles.push(format!("{}: {error}", path.display()));
            }
        }
        journal.waiting.sort_by_key(|line| line.said.id);
        journal.earlier = journal.waiting.len();
        let last = journal.waiting.last().map_or(0, |line| line.said.id.0);
        journal.next = journal.next.max(last + 1);
        journal
    }

    /// Writes a line; it is on the disk when this returns.
    ///
    /// # Errors
    /// The operating system's, with the file; nothing counts as written then.
    pub fn append(&mut self, corpus_key: &str, new: &NewAnnotation) -> io::Result<Annotation> {
        let said = new.clone().numbered(AnnotationId(self.next));
        let line = Line { corpus: corpus_key.to_owned(), said: Row::of(&said, false) };
        let text = framed(&serde_json::to_string(&line)?);
        let named =
            |path: &Path, error: io::Error| io::Error::new(error.kind(), format!("{}: {error}", path.display()));
        let own = match &mut self.own {
            Some(own) => own,
            none => none.insert(Own::create(&self.folder, &self.key).map_err(|error| named(&self.folder, error))?),
        };
        own.append(text.as_bytes()).map_err(|error| named(&own.path, error))?;
        self.next += 1;
        self.waiting.push(Waiting { corpus_key: corpus_key.to_owned(), said: said.clone() });
        Ok(said)
    }

    /// What waits, in the order in which it was said.
    pub fn waiting(&self) -> &[Waiting] {
        &self.waiting
    }

    /// How many of [`Journal::waiting`] an earlier session left.
    pub fn earlier(&self) -> usize {
        self.earlier
    }

    /// Files and lines that could not be read.
    pub fn troubles(&self) -> &[String] {
        &self.troubles
    }

    /// The folder of the files.
    pub fn folder(&self) -> &Path {
        &self.folder
    }

    /// Forgets what waited: the store has it. Files with lines that the store `refused`, or that could not be read, are
    /// kept under another ending; the names of those.
    ///
    /// # Errors
    /// A file could not be removed. Its lines would come to the store again, which knows them.
    pub fn settle(&mut self, refused: bool) -> io::Result<Vec<PathBuf>> {
        let own = self.own.take().map(|own| (own.path, own.file));
        let (mut kept, mut outcome) = (Vec::new(), Ok(()));
        for (path, file) in self.left.drain(..).chain(own) {
            let done = if refused || damaged(&file) {
                let aside = path.with_extension("kept");
                fs::rename(&path, &aside).map(|()| kept.push(aside))
            } else {
                fs::remove_file(&path)
            };
            outcome = outcome.and(done);
        }
        self.waiting.clear();
        self.earlier = 0;
        outcome.map(|()| kept)
    }

    /// Files of this store, by name.
    fn files(&self) -> Vec<PathBuf> {
        let Ok(entries) = fs::read_dir(&self.folder) else { return Vec::new() };
        let ours = |path: &PathBuf| {
            let name = path.file_name().and_then(OsStr::to_str).unwrap_or_default();
            name.starts_with(&self.key) && name.ends_with(ENDING)
        };
        let mut files: Vec<PathBuf> = entries.filter_map(|entry| Some(entry.ok()?.path())).filter(ours).collect();
        files.sort();
        files
    }

    fn adopt(&mut self, path: &Path) -> io::Result<()> {
        let file = OpenOptions::new().read(true).write(true).open(path)?;
        match file.try_lock() {
            Err(TryLockError::WouldBlock) => return Ok(()), // its writer lives
            Err(TryLockError::Error(error)) => return Err(error),
            Ok(()) => {}
        }
        let (lines, damage) = read(&file)?;
        self.troubles.extend(damage.map(|reason| format!("{}: {reason}", path.display())));
        // A crash between gathering and removing leaves a line twice; one number is one line.
        let known: Vec<AnnotationId> = self.waiting.iter().map(|line| line.said.id).collect();
        self.waiting.extend(lines.into_iter().filter(|line| !known.contains(&line.said.id)));
        self.left.push((path.to_owned(), file));
        Ok(())
    }
}

const ENDING: &str = ".jsonl";

impl Own {
    fn create(folder: &Path, key: &str) -> io::Result<Own> {
        fs::create_dir_all(folder)?;
        let mut number = 0;
        loop {
            let path = folder.join(format!("{key}-{}-{number}{ENDING}", std::process::id()));
            match OpenOptions::new().read(true).append(true).create_new(true).open(&path) {
                Ok(file) => {
                    file.lock()?;
                    // The name must outlast a power cut as well as the lines.
                    crate::file::sync_folder(folder)?;
                    return Ok(Own { path, file, whole: 0 });
                }
                Err(error) if error.kind() == io::ErrorKind::AlreadyExists => number += 1,
                Err(error) => return Err(error),
            }
        }
    }

    fn append(&mut self, line: &[u8]) -> io::Result<()> {
        let written = self.file.write_all(line).and_then(|()| self.file.sync_all());
        match written {
            Ok(()) => self.whole += line.len() as u64,
            // Half a line must not stand before the next one; should this fail too, the checksum tells.
            Err(_) => drop(self.file.set_len(self.whole)),
        }
        written
    }
}

/// Names a store in the folder of journals: by its path with all links resolved, whether it exists or not.
fn key(store: &Path) -> String {
    let whole = store.canonicalize().or_else(|_| {
        let folder = store.parent().filter(|folder| !folder.as_os_str().is_empty()).unwrap_or(Path::new("."));
        folder.canonicalize().map(|folder| folder.join(store.file_name().unwrap_or_default()))
    });
    let whole = whole.or_else(|_| std::path::absolute(store)).unwrap_or_else(|_| store.to_owned());
    blake3::hash(whole.as_os_str().as_encoded_bytes()).to_hex()[..16].to_owned()
}

/// A line break goes before as well: what a failed write has left is a line of its own then.
fn framed(json: &str) -> String {
    format!("\n{} {} {json}\n", json.len(), &blake3::hash(json.as_bytes()).to_hex()[..16])
}

fn unframed(line: &str) -> Option<&str> {
    let (length, rest) = line.split_once(' ')?;
    let (sum, json) = rest.split_once(' ')?;
    let whole = length.parse() == Ok(json.len()) && blake3::hash(json.as_bytes()).to_hex()[..16] == *sum;
    whole.then_some(json)
}

fn damaged(file: &File) -> bool {
    read(file).map_or(true, |(_, damage)| damage.is_some())
}

/// The whole lines of a file, and what is wrong with the others. A torn last line is nothing wrong.
fn read(mut file: &File) -> io::Result<(Vec<Waiting>, Option<String>)> {
    let mut bytes = Vec::new();
    file.seek(SeekFrom::Start(0))?;
    file.read_to_end(&mut bytes)?;
    let ends_whole = bytes.ends_with(b"\n");
    let text = String::from_utf8_lossy(&bytes);
    let lines: Vec<(usize, &str)> = text.split('\n').enumerate().filter(|(_, line)| !line.is_empty()).collect();
    let (mut good, mut bad) = (Vec::new(), Vec::new());
    for (at, (number, line)) in lines.iter().enumerate() {
        match unframed(line).and_then(waiting) {
            Some(waiting) => good.push(waiting),
            None if at + 1 == lines.len() && !ends_whole => {}
            None => bad.push((number + 1).to_string()),
        }
    }
    let damage = (!bad.is_empty()).then(|| format!("line {} cannot be read", bad.join(", ")));
    Ok((good, damage))
}

fn waiting(json: &str) -> Option<Waiting> {
    let Line { corpus, said } = serde_json::from_str(json).ok()?;
    Some(Waiting { corpus_key: corpus, said: said.annotation().ok()? })
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use super::*;
    use crate::corpus::ClipId;
    use crate::label::{Act, Annotator, Listening, Occasion, SchemeId};

    fn say(clip: &str, act: Act) -> NewAnnotation {
        let (who, scheme) = (Annotator::Human("anna".to_owned()), SchemeId { name: "s".to_owned(), version: 1 });
        let sink = "silent".to_owned();
        NewAnnotation {
            confidence: Some(0.1 + 0.2),
            occasion: Occasion::Repeat,
            listening: Some(Listening {
                plays: 2,
                heard: 0.7,
                sink,
                gain_db: -3.1,
                picture: "none".to_owned(),
                seconds: 4.2,
            }),
            ..NewAnnotation::now(ClipId(clip.into()), "00ff".to_owned(), who, scheme, act)
        }
    }

    /// A store's path and a folder of journals.
    fn places() -> (tempfile::TempDir, PathBuf, PathBuf) {
        let home = tempfile::tempdir().unwrap();
        let (store, folder) = (home.path().join("x.db"), home.path().join("journal"));
        (home, store, folder)
    }

    fn only_file(folder: &Path) -> PathBuf {
        let files: Vec<_> = fs::read_dir(folder).unwrap().map(|entry| entry.unwrap().path()).collect();
        assert_eq!(files.len(), 1, "{files:?}");
        files[0].clone()
    }

    #[test]
    fn what_waits_is_taken_over_with_its_numbers_once_its_writer_is_gone() {
        let (_home, store, folder) = places();
        let mut journal = Journal::open(&folder, &store);
        assert!(!folder.exists(), "nothing is written before there is something to write");
        let first = journal.append("/c", &say("a", Act::Note("so\n\"so\"".to_owned()))).unwrap();
        let undo = journal.append("/c", &say("a", Act::Undo(first.id))).unwrap();
        assert!(is_waiting(first.id) && first.id < undo.id);
        assert_eq!(Journal::open(&folder, &store).waiting(), [], "its writer lives");
        drop(journal);
        assert_eq!(Journal::open(&folder, &folder.join("other.db")).waiting(), [], "of another store");
        let mut journal = Journal::open(&folder, &store);
        let said: Vec<_> = journal.waiting().iter().map(|line| line.said.clone()).collect();
        assert_eq!((said, journal.earlier()), (vec![first, undo.clone()], 2));
        let third = journal.append("/d", &say("b", Act::Skip)).unwrap();
        assert!(third.id > undo.id);
        drop(journal);
        let mut journal = Journal::open(&folder, &store);
        assert_eq!(journal.waiting().len(), 3, "of two files");
        assert_eq!(journal.settle(false).unwrap(), [] as [PathBuf; 0]);
        assert_eq!((journal.waiting().len(), fs::read_dir(&folder).unwrap().count()), (0, 0));
    }

    #[test]
    fn a_line_torn_at_any_byte_is_passed_over_and_the_others_are_read() {
        let (_home, store, folder) = places();
        let mut journal = Journal::open(&folder, &store);
        journal.append("/c", &say("a", Act::Skip)).unwrap();
        let path = only_file(&folder);
        let one = fs::metadata(&path).unwrap().len() as usize;
        journal.append("/c", &say("b", Act::Skip)).unwrap();
        drop(journal);
        let whole = fs::read(&path).unwrap();
        for length in one..whole.len() - 1 {
            fs::write(&path, &whole[..length]).unwrap();
            let journal = Journal::open(&folder, &store);
            assert_eq!((journal.waiting().len(), journal.troubles().len()), (1, 0), "cut at {length}");
        }
        fs::write(&path, &whole[..whole.len() - 1]).unwrap();
        assert_eq!(Journal::open(&folder, &store).waiting().len(), 2, "only its end of line is missing");
    }

    #[test]
    fn a_spoilt_line_is_told_and_its_file_is_never_thrown_away() {
        let (_home, store, folder) = places();
        let mut journal = Journal::open(&folder, &store);
        for clip in ["a", "b", "c"] {
            journal.append("/c", &say(clip, Act::Skip)).unwrap();
        }
        drop(journal);
        let path = only_file(&folder);
        let mut bytes = fs::read(&path).unwrap();
        let middle = bytes.len() / 2;
        bytes[middle] ^= 1;
        fs::write(&path, &bytes).unwrap();
        let mut journal = Journal::open(&folder, &store);
        assert_eq!(journal.waiting().len(), 2);
        assert!(journal.troubles()[0].ends_with("line 4 cannot be read"), "{:?}", journal.troubles());
        let kept = journal.settle(false).unwrap();
        assert_eq!(fs::read(&kept[0]).unwrap(), bytes);
        assert_eq!(Journal::open(&folder, &store).waiting(), [], "what the store has does not come again");
    }

    #[test]
    fn a_journal_that_cannot_be_written_says_where() {
        let (_home, store, folder) = places();
        fs::write(&folder, "a file").unwrap();
        let mut journal = Journal::open(&folder, &store);
        let error = journal.append("/c", &say("a", Act::Skip)).unwrap_err();
        assert!(error.to_string().contains(&folder.display().to_string()), "{error}");
        assert_eq!(journal.waiting(), []);
    }
}
