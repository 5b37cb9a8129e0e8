//! Why a store cannot be opened, read or written. Every message names the file.
//!
//! Deliberately absent: advice on what to do about it (the caller knows what the user was doing).

use std::io;
use std::path::{Path, PathBuf};

use rusqlite::ErrorCode;

use super::RunId;

/// Why a store cannot be opened, read or written.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum StoreError {
    /// Some other file; it was not touched.
    #[error("{}: {reason}", path.display())]
    NotAStore {
        /// The file.
        path: PathBuf,
        /// What it is instead.
        reason: String,
    },
    /// Written by a later version of the program; it was not touched.
    #[error("{}: made by a newer emolab (layout {found}, this program knows up to {known})", path.display())]
    TooNew {
        /// The file.
        path: PathBuf,
        /// Its layout.
        found: u32,
        /// The newest layout known here.
        known: u32,
    },
    /// Read-only, no permission, no space, an unreachable folder.
    #[error("{}: {reason}", path.display())]
    Unusable {
        /// The file.
        path: PathBuf,
        /// What the system says.
        reason: String,
    },
    /// On a file system that machines share without seeing each other's locks; it was not touched.
    #[error("{}: lies on {kind}, where two machines could write at once and spoil it; \
             label into a store on this machine (--store) and bring it there with `emolab merge`", path.display())]
    Lockless {
        /// The file.
        path: PathBuf,
        /// The kind of file system.
        kind: String,
    },
    /// Another process kept writing for longer than the patience of this one.
    #[error("{}: in use by another process", path.display())]
    Busy {
        /// The file.
        path: PathBuf,
    },
    /// The file's pages or rows contradict themselves.
    #[error("{}: damaged: {reason}", path.display())]
    Damaged {
        /// The file.
        path: PathBuf,
        /// What was found.
        reason: String,
    },
    /// The file that was opened is no longer the one of that name: removed, or another one put in its place.
    #[error("{}: has been removed or replaced while it was open", path.display())]
    Vanished {
        /// The file.
        path: PathBuf,
    },
    /// What was to be stored makes no sense; nothing was written.
    #[error("not stored: {0}")]
    Refused(String),
    /// Runs that do not exist; nothing was removed.
    #[error("no run {}; nothing was removed", list(.0))]
    NoRun(Vec<RunId>),
    /// Nowhere to put a store.
    #[error("neither XDG_DATA_HOME nor HOME names a folder: say where the store shall lie")]
    NoHome,
}

impl StoreError {
    pub(super) fn io(path: &Path, error: &io::Error) -> StoreError {
        StoreError::Unusable { path: path.to_owned(), reason: error.to_string() }
    }

    pub(super) fn sqlite(path: &Path, error: rusqlite::Error) -> StoreError {
        let path = path.to_owned();
        match error {
            rusqlite::Error::SqliteFailure(failure, _) => match failure.code {
                ErrorCode::DatabaseBusy | ErrorCode::DatabaseLocked => StoreError::Busy { path },
                ErrorCode::NotADatabase => {
                    StoreError::NotAStore { path, reason: "not an SQLite file, or an encrypted one".to_owned() }
                }
                ErrorCode::DatabaseCorrupt => StoreError::Damaged { path, reason: error.to_string() },
                ErrorCode::ConstraintViolation => StoreError::Refused(error.to_string()),
                _ => StoreError::Unusable { path, reason: error.to_string() },
            },
            rusqlite::Error::FromSqlConversionFailure(..)
            | rusqlite::Error::IntegralValueOutOfRange(..)
            | rusqlite::Error::Utf8Error(..)
            | rusqlite::Error::InvalidColumnType(..) => StoreError::Damaged { path, reason: reason(&error) },
            _ => StoreError::Unusable { path, reason: error.to_string() },
        }
    }
}

/// True when a row was refused by the table's own rules; the transaction goes on.
pub(super) fn is_constraint(error: &rusqlite::Error) -> bool {
    matches!(error, rusqlite::Error::SqliteFailure(failure, _) if failure.code == ErrorCode::ConstraintViolation)
}

fn list(ids: &[RunId]) -> String {
    ids.iter().map(|id| id.0.to_string()).collect::<Vec<_>>().join(", ")
}

/// What is wrong with a row, without the driver's column number where our own code found it.
pub(super) fn reason(error: &rusqlite::Error) -> String {
    match error {
        rusqlite::Error::FromSqlConversionFailure(_, _, cause) => cause.to_string(),
        other => other.to_string(),
    }
}
