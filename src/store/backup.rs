//! Copies of a store, and a store from a copy: whole or not at all, and nothing is ever replaced without being kept.
//!
//! A copy is made by SQLite itself (`VACUUM INTO`), so it is of one moment, though others may be writing; it is on the disk
//! and has been read through before it takes its name. Deliberately absent: when to make one, and getting rid of old ones.

use std::fs;
use std::io;
use std::path::{Path, PathBuf};

use rusqlite::{Connection, OpenFlags};
use tempfile::TempPath;

use super::{Store, StoreError, check, migrate, with_ending};
use crate::file::sync_folder;
use crate::label::Timestamp;

/// What a store holds.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Content {
    /// Annotations of all corpora.
    pub annotations: u64,
    /// Runs on all corpora.
    pub runs: u64,
}

/// What a restoring has done.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Restored {
    /// What the store holds now.
    pub content: Content,
    /// Where the store that was there is kept, and what it holds where it can still be read.
    pub kept: Option<(PathBuf, Option<Content>)>,
}

impl Store {
    /// Copies the store as it is now to a new file.
    ///
    /// # Errors
    /// [`StoreError`] naming the file: it exists already, cannot be written, or does not read back.
    pub fn backup(&self, to: &Path) -> Result<Content, StoreError> {
        if to.exists() {
            return Err(StoreError::Unusable { path: to.to_owned(), reason: "exists already".to_owned() });
        }
        let copy = copied(&self.db, self.path(), to)?;
        let content = read_through(&copy, to)?;
        publish(copy, to)?;
        Ok(content)
    }

    /// What the store holds.
    ///
    /// # Errors
    /// [`StoreError`] when it cannot be read.
    pub fn content(&self) -> Result<Content, StoreError> {
        content(&self.db).map_err(|error| self.failed(error))
    }

    /// Puts a copy in the place of the store at `path`. The store that was there is kept beside it, under its name and
    /// the time.
    ///
    /// # Errors
    /// [`StoreError`]: the copy is no store, newer than this program or damaged; the store is in use. Nothing has changed
    /// then.
    pub fn restore(from: &Path, path: &Path) -> Result<Restored, StoreError> {
        if !from.exists() {
            return Err(StoreError::io(from, &io::ErrorKind::NotFound.into()));
        }
        let source = reading(from)?;
        read_through(from, from)?;
        if let Some(folder) = path.parent() {
            fs::create_dir_all(folder).map_err(|error| StoreError::io(path, &error))?;
        }
        let copy = copied(&source, from, path)?;
        let content = read_through(&copy, path)?;
        let kept = if path.exists() { Some(set_aside(path)?) } else { None };
        copy.persist(path).map_err(|error| StoreError::io(path, &error.error))?;
        sync_folder(folder_of(path)).map_err(|error| StoreError::io(path, &error))?;
        Ok(Restored { content, kept })
    }
}

/// Copies the store behind `db`, whose file is `path`, to `to`, unless a copy of that name is there.
pub(super) fn keep(db: &Connection, path: &Path, to: &Path) -> Result<(), StoreError> {
    if to.exists() {
        return Ok(());
    }
    let copy = copied(db, path, to)?;
    match publish(copy, to) {
        // Another process was as careful.
        Err(_) if to.exists() => Ok(()),
        other => other,
    }
}

/// A copy without a name yet, on the disk, beside where it shall lie and with the permissions of the original.
fn copied(db: &Connection, path: &Path, to: &Path) -> Result<TempPath, StoreError> {
    let unusable = |error: io::Error| StoreError::io(to, &error);
    let copy = tempfile::Builder::new().prefix(".emolab-copy").tempfile_in(folder_of(to)).map_err(unusable)?;
    let (file, copy) = copy.into_parts();
    db.execute("VACUUM INTO ?1", [copy.to_string_lossy()]).map_err(|error| StoreError::sqlite(to, error))?;
    if let Ok(original) = fs::metadata(path) {
        fs::set_permissions(&copy, original.permissions()).map_err(unusable)?;
    }
    file.sync_all().map_err(unusable)?;
    Ok(copy)
}

/// Gives a copy its name, which nothing else may have.
fn publish(copy: TempPath, to: &Path) -> Result<(), StoreError> {
    copy.persist_noclobber(to).map_err(|error| StoreError::io(to, &error.error))?;
    sync_folder(folder_of(to)).map_err(|error| StoreError::io(to, &error))
}

/// Opens the store at `path` without changing it.
pub(super) fn reading(path: &Path) -> Result<Connection, StoreError> {
    migrate::check_header(path)?;
    let flags = OpenFlags::SQLITE_OPEN_READ_ONLY | OpenFlags::SQLITE_OPEN_NO_MUTEX;
    let failed = |error| StoreError::sqlite(path, error);
    let db = Connection::open_with_flags(path, flags).map_err(failed)?;
    let found: u32 = db.pragma_query_value(None, "user_version", |row| row.get(0)).map_err(failed)?;
    let known = migrate::latest();
    if found == 0 {
        return Err(StoreError::NotAStore { path: path.to_owned(), reason: "an empty file".to_owned() });
    }
    if found > known {
        return Err(StoreError::TooNew { path: path.to_owned(), found, known });
    }
    Ok(db)
}

/// Reads every page and every link between rows of the store at `path`, which messages call `named`.
fn read_through(path: &Path, named: &Path) -> Result<Content, StoreError> {
    let db = reading(path)?;
    match check::first_fault(&db).map_err(|error| StoreError::sqlite(named, error))? {
        Some(reason) => Err(StoreError::Damaged { path: named.to_owned(), reason }),
        None => content(&db).map_err(|error| StoreError::sqlite(named, error)),
    }
}

fn content(db: &Connection) -> rusqlite::Result<Content> {
    let count = |table: &str| db.query_row(&format!("SELECT count(*) FROM {table}"), [], |row| row.get(0));
    // The first layout had no runs.
    let has_runs: bool = db.query_row("SELECT count(*) FROM sqlite_schema WHERE name = 'run'", [], |row| row.get(0))?;
    Ok(Content { annotations: count("annotation")?, runs: if has_runs { count("run")? } else { 0 } })
}

/// Gives the store at `path` a second name, and takes what belongs to it along. The first name stays until something else
/// takes it, so that at no moment there is no store.
fn set_aside(path: &Path) -> Result<(PathBuf, Option<Content>), StoreError> {
    let unusable = |error: io::Error| StoreError::io(path, &error);
    let content = match alone(path) {
        Ok(content) => Some(content),
        Err(StoreError::Busy { path }) => return Err(StoreError::Busy { path }),
        // What is damaged is what one restores for.
        Err(_) => None,
    };
    let time = Timestamp::now().to_string().replace([':', '-'], "");
    let aside = with_ending(path, &format!(".before-restore-{time}"));
    fs::hard_link(path, &aside).or_else(|_| fs::copy(path, &aside).map(drop)).map_err(unusable)?;
    for ending in ["-wal", "-journal", "-shm"] {
        match fs::rename(with_ending(path, ending), with_ending(&aside, ending)) {
            Err(error) if error.kind() != io::ErrorKind::NotFound => return Err(unusable(error)),
            _ => {}
        }
    }
    Ok((aside, content))
}

/// Brings the store at `path` into one file; `Busy` when another process has it open.
fn alone(path: &Path) -> Result<Content, StoreError> {
    migrate::check_header(path)?;
    let failed = |error| StoreError::sqlite(path, error);
    let db = Connection::open(path).map_err(failed)?;
    // Leaving WAL mode takes the file alone.
    db.pragma_update_and_check(None, "journal_mode", "DELETE", |_| Ok(())).map_err(failed)?;
    content(&db).map_err(failed)
}

fn folder_of(path: &Path) -> &Path {
    path.parent().filter(|folder| !folder.as_os_str().is_empty()).unwrap_or(Path::new("."))
}
