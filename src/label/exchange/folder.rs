//! Files of labels, read from a disk or from memory, and where written ones go.
//!
//! Deliberately absent: what stands in them.

use std::collections::BTreeMap;
use std::fs;
use std::io::{self, Read, Write};
use std::path::{Path, PathBuf};

use super::Trouble;
use crate::file::{Staged, stage};

/// How deep a folder is looked through, and how many files at most: labels lie at the top.
const DEPTH: usize = 4;
const FILES: usize = 200_000;
/// A file of labels larger than this is refused: it is held in memory.
const BYTES: u64 = 4 << 30;

/// A file, or a folder of files, that may hold labels.
#[derive(Debug, Clone)]
pub struct Folder {
    root: PathBuf,
    /// Names relative to `root`, `/` between parts, sorted.
    names: Vec<String>,
    /// The one file that was asked for, if it was one.
    only: Option<String>,
    held: Option<BTreeMap<String, Vec<u8>>>,
}

impl Folder {
    /// The file, or the folder with what lies in it, a few levels deep.
    ///
    /// # Errors
    /// [`Trouble`] when it cannot be read.
    pub fn open(path: &Path) -> Result<Folder, Trouble> {
        let failed = |error: io::Error| Trouble::file(path.display(), error);
        if path.metadata().map_err(failed)?.is_file() {
            let name = path.file_name().map(|name| name.to_string_lossy().into_owned()).unwrap_or_default();
            let root = path.parent().unwrap_or(Path::new("")).to_owned();
            return Ok(Folder { root, names: vec![name.clone()], only: Some(name), held: None });
        }
        let mut names = Vec::new();
        list(path, "", 0, &mut names).map_err(failed)?;
        names.sort();
        Ok(Folder { root: path.to_owned(), names, only: None, held: None })
    }

    /// Files in memory; one alone is the file that was asked for.
    pub fn held(files: BTreeMap<String, Vec<u8>>) -> Folder {
        let names: Vec<String> = files.keys().cloned().collect();
        let only = if names.len() == 1 { names.first().cloned() } else { None };
        Folder { root: PathBuf::new(), names, only, held: Some(files) }
    }

    /// Names of the files, relative, `/` between parts, sorted.
    pub fn names(&self) -> impl Iterator<Item = &str> {
        self.names.iter().map(String::as_str)
    }

    /// Names of the files that end so, whatever their case.
    pub fn ending<'a>(&'a self, ending: &'a str) -> impl Iterator<Item = &'a str> {
        let fits = move |name: &&str| {
            let at = name.len().checked_sub(ending.len()).and_then(|at| name.get(at..));
            at.is_some_and(|end| end.eq_ignore_ascii_case(ending))
        };
        self.names().filter(fits)
    }

    /// True when there is a file of that name.
    pub fn has(&self, name: &str) -> bool {
        self.names.binary_search_by(|known| known.as_str().cmp(name)).is_ok()
    }

    /// The file, where a file and no folder was asked for.
    pub fn only(&self) -> Option<&str> {
        self.only.as_deref()
    }

    /// Name of the folder, or of the file without its ending: what a format without a better name calls itself.
    pub fn title(&self) -> String {
        let name = match &self.only {
            Some(name) => Path::new(name).file_stem(),
            None => self.root.file_name(),
        };
        name.map(|name| name.to_string_lossy().into_owned()).unwrap_or_default()
    }

    /// How messages call a file.
    pub fn place(&self, name: &str) -> String {
        self.root.join(name).display().to_string()
    }

    /// A file's bytes.
    ///
    /// # Errors
    /// [`Trouble`] with its name.
    pub fn bytes(&self, name: &str) -> Result<Vec<u8>, Trouble> {
        if let Some(held) = &self.held {
            let found = held.get(name).cloned();
            return found.ok_or_else(|| Trouble::file(name, "no such file"));
        }
        let read = || {
            let file = fs::File::open(self.root.join(name))?;
            if file.metadata()?.len() > BYTES {
                return Err(io::Error::other("larger than 4 GiB"));
            }
            let mut bytes = Vec::new();
            file.take(BYTES).read_to_end(&mut bytes)?;
            Ok(bytes)
        };
        read().map_err(|error| Trouble::file(self.place(name), error))
    }

    /// A file's text: UTF-8, or UTF-16 with its mark; the mark is no part of the text.
    ///
    /// # Errors
    /// [`Trouble`] with its name, line and column where it is neither.
    pub fn text(&self, name: &str) -> Result<String, Trouble> {
        decode(self.bytes(name)?, &self.place(name))
    }

    /// The first bytes of a file, for a look at what it is; nothing where it cannot be read.
    pub fn head(&self, name: &str) -> String {
        let mut head = vec![0; 4096];
        let read = match &self.held {
            Some(held) => held.get(name).map(|bytes| bytes.as_slice().read(&mut head)),
            None => fs::File::open(self.root.join(name)).ok().map(|mut file| file.read(&mut head)),
        };
        head.truncate(read.and_then(Result::ok).unwrap_or_default());
        match head.get(..2) {
            Some([0xFF, 0xFE] | [0xFE, 0xFF]) => utf16(&head[..head.len() & !1]).unwrap_or_default(),
            _ => String::from_utf8_lossy(&head).trim_start_matches('\u{feff}').to_owned(),
        }
    }
}

fn list(folder: &Path, prefix: &str, depth: usize, names: &mut Vec<String>) -> io::Result<()> {
    for entry in fs::read_dir(folder)? {
        let entry = entry?;
        let name = format!("{prefix}{}", entry.file_name().to_string_lossy());
        let kind = entry.file_type()?;
        if kind.is_dir() && depth < DEPTH {
            list(&entry.path(), &format!("{name}/"), depth + 1, names)?;
        } else if entry.path().is_file() {
            names.push(name);
        }
        if names.len() >= FILES {
            return Ok(());
        }
    }
    Ok(())
}

fn decode(bytes: Vec<u8>, place: &str) -> Result<String, Trouble> {
    if matches!(bytes.get(..2), Some([0xFF, 0xFE] | [0xFE, 0xFF])) {
        return utf16(&bytes).ok_or_else(|| Trouble::file(place, "not UTF-16, although it begins like that"));
    }
    match String::from_utf8(bytes) {
        Ok(mut text) => {
            if text.starts_with('\u{feff}') {
                text.drain(..'\u{feff}'.len_utf8());
            }
            Ok(text)
        }
        Err(error) => {
            let good = String::from_utf8_lossy(&error.as_bytes()[..error.utf8_error().valid_up_to()]).into_owned();
            Err(Trouble::at(place, &good, good.len(), "not UTF-8 from here on"))
        }
    }
}

fn utf16(bytes: &[u8]) -> Option<String> {
    let little = bytes.first() == Some(&0xFF);
    let (pairs, rest) = bytes.as_chunks::<2>();
    let units =
        pairs.iter().skip(1).map(|pair| if little { u16::from_le_bytes(*pair) } else { u16::from_be_bytes(*pair) });
    let units: Vec<u16> = units.collect();
    String::from_utf16(&units).ok().filter(|_| rest.is_empty())
}

/// Where written files go.
pub trait Put {
    /// Writes a file of that name (relative, `/` between parts).
    ///
    /// # Errors
    /// What `fill` returns, or the place cannot be written.
    fn put(&mut self, name: &str, fill: &mut dyn FnMut(&mut dyn Write) -> io::Result<()>) -> io::Result<()>;
}

impl Put for BTreeMap<String, Vec<u8>> {
    fn put(&mut self, name: &str, fill: &mut dyn FnMut(&mut dyn Write) -> io::Result<()>) -> io::Result<()> {
        let mut bytes = Vec::new();
        fill(&mut bytes)?;
        self.insert(name.to_owned(), bytes);
        Ok(())
    }
}

/// Files on the disk that wait for their names until all are complete.
#[derive(Debug)]
pub struct Staging {
    folder: PathBuf,
    staged: Vec<(PathBuf, Staged)>,
    /// The file that is being written or named, for messages.
    at: PathBuf,
}

impl Staging {
    /// Files beside each other in that folder.
    pub fn new(folder: &Path) -> Staging {
        Staging { folder: folder.to_owned(), staged: Vec::new(), at: folder.to_owned() }
    }

    /// Gives all their names, in place of what had them.
    ///
    /// # Errors
    /// The operating system's, with the file's name.
    pub fn publish(self) -> Result<Vec<PathBuf>, (PathBuf, io::Error)> {
        let mut done = Vec::new();
        for (path, staged) in self.staged {
            staged.publish(&path).map_err(|error| (path.clone(), error))?;
            done.push(path);
        }
        Ok(done)
    }

    /// The file that was written last.
    pub fn at(&self) -> &Path {
        &self.at
    }
}

impl Put for Staging {
    fn put(&mut self, name: &str, fill: &mut dyn FnMut(&mut dyn Write) -> io::Result<()>) -> io::Result<()> {
        let path = self.folder.join(name);
        self.at.clone_from(&path);
        // A format may want folders inside the one that was asked for; that one must be there, or its name was mistyped.
        if let Some(inside) = path.parent().filter(|inside| *inside != self.folder) {
            fs::create_dir_all(inside)?;
        }
        self.staged.push((path.clone(), stage(&path, |out| fill(out)).and_then(Staged::durable)?));
        Ok(())
    }
}
