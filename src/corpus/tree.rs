//! The files under a corpus root: audio by suffix, the others by name, and what could not be walked.
//!
//! Deliberately absent: opening a file (see `scan`) and guessing what a name means (see `recognise`). Only this file
//! names walkdir.

use std::ffi::OsStr;
use std::fs;
use std::path::{Component, Path, PathBuf};

use walkdir::{DirEntry, WalkDir};

use super::place::Folders;
use super::{ClipId, Place, Problem, ScanError, Scanned};
use crate::job::Watch;

/// Suffixes taken for audio. What cannot be decoded in spite of its suffix becomes a [`Problem`], so formats that emolab
/// does not read are listed too; videos (`.mp4`) are not.
const AUDIO: &[&str] = &[
    "wav", "wave", "flac", "mp3", "ogg", "oga", "opus", "m4a", "aac", "aif", "aiff", "aifc", "caf", "mka", "wma",
    "amr", "sph", "au",
];

/// One file under the root.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Found {
    /// Where it lies.
    pub place: Place,
    /// Its path relative to the root.
    pub id: ClipId,
}

impl Found {
    /// Where it lies.
    pub fn path(&self) -> PathBuf {
        self.place.path(&self.id)
    }
}

/// What lies under a corpus root; hidden files and `__MACOSX` are left out.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Tree {
    /// The folder that ids are relative to.
    pub root: PathBuf,
    /// The root folder's own name: patterns may speak of it, so that one folder of a corpus opens like the whole.
    pub name: String,
    /// The table that was given instead of a folder.
    pub table: Option<PathBuf>,
    /// Audio files, sorted by id.
    pub audio: Vec<Found>,
    /// All other files, sorted by id.
    pub others: Vec<Found>,
    /// Folders that could not be read, loops of links.
    pub problems: Vec<Problem>,
}

impl Tree {
    /// Walks `root`, which is a folder or a CSV/TSV table (then its folder is walked). Links are followed, loops reported.
    ///
    /// # Errors
    /// [`ScanError::NotFound`] when there is no such path, [`ScanError::NotACorpus`] for another kind of file,
    /// [`ScanError::Cancelled`].
    pub fn walk(root: &Path, watch: &dyn Watch<Scanned>) -> Result<Tree, ScanError> {
        let not_found = |source| ScanError::NotFound { path: root.to_owned(), source };
        let table = if fs::metadata(root).map_err(not_found)?.is_dir() {
            None
        } else if is_table(root) {
            Some(root.to_owned())
        } else {
            return Err(ScanError::NotACorpus { path: root.to_owned() });
        };
        let folder = match (&table, root.parent()) {
            (None, _) => root,
            (Some(_), Some(parent)) if parent != Path::new("") => parent,
            (Some(_), _) => Path::new("."),
        };
        let full = folder.canonicalize().map_err(not_found)?;
        let name = full.file_name().map(|n| ClipId::of(Path::new(n)).0).unwrap_or_default();
        let mut tree = Tree {
            root: folder.to_owned(),
            name: name.to_string(),
            table,
            audio: Vec::new(),
            others: Vec::new(),
            problems: Vec::new(),
        };
        let mut folders = Folders::default();
        for entry in WalkDir::new(folder).follow_links(true).into_iter().filter_entry(wanted) {
            watch.check()?;
            tree.add(entry, &mut folders);
        }
        tree.audio.sort_by(|a, b| a.id.cmp(&b.id));
        tree.others.sort_by(|a, b| a.id.cmp(&b.id));
        Ok(tree)
    }

    /// The path that patterns see: `root's name/relative path`, without the suffix for audio (a converted copy of a corpus
    /// keeps its names but not its suffix).
    pub fn key(&self, found: &Found) -> String {
        let id = found.id.0.as_str();
        let id = if is_audio(Path::new(id)) { id.rsplit_once('.').map_or(id, |(stem, _)| stem) } else { id };
        format!("{}/{id}", self.name)
    }

    fn add(&mut self, entry: walkdir::Result<DirEntry>, folders: &mut Folders) {
        match entry {
            Ok(entry) if entry.file_type().is_file() => {
                let id = ClipId::of(entry.path().strip_prefix(&self.root).unwrap_or(entry.path()));
                let found = Found { place: folders.place(entry.path(), &id), id };
                if is_audio(entry.path()) { self.audio.push(found) } else { self.others.push(found) }
            }
            Ok(_) => {}
            Err(error) => {
                let path = error.path().unwrap_or(&self.root);
                let file = ClipId::of(path.strip_prefix(&self.root).unwrap_or(path)).0;
                let reason = match error.loop_ancestor() {
                    Some(ancestor) => format!("a link back to {}, not followed", ancestor.display()),
                    None => error.io_error().map_or_else(|| error.to_string(), ToString::to_string),
                };
                self.problems.push(Problem { file: file.to_string(), reason });
            }
        }
    }
}

/// All audio files below a folder, by name; unopened.
///
/// # Errors
/// As [`scan`](super::scan()): no folder, no audio in it, cancelling.
pub fn audio_under(root: &Path, watch: &dyn Watch<Scanned>) -> Result<Vec<PathBuf>, ScanError> {
    let tree = Tree::walk(root, watch)?;
    if tree.audio.is_empty() {
        return Err(ScanError::Empty { root: tree.root });
    }
    Ok(tree.audio.into_iter().map(|found| found.path()).collect())
}

impl ClipId {
    /// The id of a path relative to the root: `.` is dropped, `a/../b` is `b`.
    pub fn of(relative: &Path) -> ClipId {
        let mut parts: Vec<String> = Vec::new();
        for part in relative.components() {
            match part {
                Component::ParentDir if parts.last().is_some_and(|p| p != "..") => drop(parts.pop()),
                Component::ParentDir => parts.push("..".to_owned()),
                Component::Normal(name) => parts.push(escape(name)),
                Component::CurDir | Component::RootDir | Component::Prefix(_) => {}
            }
        }
        ClipId(parts.join("/").into())
    }
}

/// True for a `.csv` or `.tsv` file name.
pub fn is_table(path: &Path) -> bool {
    has_suffix(path, &["csv", "tsv"])
}

fn is_audio(path: &Path) -> bool {
    has_suffix(path, AUDIO)
}

fn has_suffix(path: &Path, suffixes: &[&str]) -> bool {
    path.extension().and_then(OsStr::to_str).is_some_and(|have| suffixes.iter().any(|s| have.eq_ignore_ascii_case(s)))
}

fn wanted(entry: &DirEntry) -> bool {
    let name = entry.file_name().as_encoded_bytes();
    entry.depth() == 0 || !(name.starts_with(b".") || name == b"__MACOSX")
}

fn escape(name: &OsStr) -> String {
    let mut out = String::new();
    for chunk in name.as_encoded_bytes().utf8_chunks() {
        let valid = chunk.valid();
        for (at, char) in valid.char_indices() {
            let next = valid.as_bytes().get(at + 1..at + 3);
            if char == '%' && next.is_some_and(|n| n.iter().all(u8::is_ascii_hexdigit)) {
                out.push_str("%25");
            } else {
                out.push(char);
            }
        }
        for byte in chunk.invalid() {
            out.push_str(&format!("%{byte:02X}"));
        }
    }
    out
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ids_use_slashes_and_drop_dots() {
        assert_eq!(ClipId::of(Path::new("./a/../b/c.wav")).0, "b/c.wav");
        assert_eq!(ClipId::of(Path::new("../x.wav")).0, "../x.wav");
    }

    #[cfg(unix)]
    #[test]
    fn ids_of_strange_bytes_stay_apart() {
        use std::os::unix::ffi::OsStrExt;
        let raw = ClipId::of(Path::new(OsStr::from_bytes(b"a\xff.wav")));
        assert_eq!(raw.0, "a%FF.wav");
        assert_eq!(ClipId::of(Path::new("a%FF.wav")).0, "a%25FF.wav");
        assert_eq!(ClipId::of(Path::new("100%.wav")).0, "100%.wav");
    }
}
