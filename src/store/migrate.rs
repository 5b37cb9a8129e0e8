//! Tells whether a file is a store of ours, and brings an older one up to date, one numbered step after another.
//!
//! Deliberately absent: going back to an older layout (the copy that is kept has it).

use std::fs::File;
use std::io::Read;
use std::path::Path;
use std::time::Instant;

use rusqlite::{Connection, ErrorCode, TransactionBehavior};

use super::{FileSystem, PATIENCE, StoreError, backup, with_ending};

/// The steps, in order; `user_version` counts those taken. Never edit one that was released: add the next.
static STEPS: &[&str] = &[
    include_str!("0001_annotations.sql"),
    include_str!("0002_runs.sql"),
    include_str!("0003_seeds.sql"),
    include_str!("0004_cost.sql"),
    include_str!("0005_exposure.sql"),
    include_str!("0006_audio.sql"),
    include_str!("0007_labelling.sql"),
    include_str!("0008_merged.sql"),
    include_str!("0009_segment_audio.sql"),
];

/// `emol`: marks an SQLite file as ours.
const APPLICATION_ID: i32 = i32::from_be_bytes(*b"emol");

/// What every SQLite file begins with.
const MAGIC: &[u8] = b"SQLite format 3\0";

/// Where the header keeps the application id, big-endian (sqlite.org/fileformat.html, 1.3).
const APPLICATION_ID_AT: usize = 68;

/// The layout this program works with.
pub(super) fn latest() -> u32 {
    STEPS.len() as u32
}

/// Refuses a file that is not ours, by its first bytes, before SQLite sees it (SQLite could write to it: roll back, make
/// a WAL). A missing or empty file is fine. The bytes can be trusted because the first step is committed before the file
/// enters WAL mode, so the id is never in the WAL alone.
pub(super) fn check_header(path: &Path) -> Result<(), StoreError> {
    let header = match File::open(path).and_then(head) {
        Err(error) if error.kind() == std::io::ErrorKind::NotFound => return Ok(()),
        Err(error) => return Err(StoreError::io(path, &error)),
        Ok(header) => header,
    };
    let other = |reason: &str| Err(StoreError::NotAStore { path: path.to_owned(), reason: reason.to_owned() });
    if header.is_empty() {
        Ok(())
    } else if !header.starts_with(MAGIC) {
        other("not an SQLite file")
    } else if header.get(APPLICATION_ID_AT..APPLICATION_ID_AT + 4) != Some(&APPLICATION_ID.to_be_bytes()) {
        other("an SQLite file, but not a store of emolab")
    } else {
        Ok(())
    }
}

/// Takes the missing steps up to layout `version`, all or none, and enters the mode that suits the file system. Before a
/// step changes a store of an older layout, a copy of it is kept beside it.
pub(super) fn migrate(path: &Path, db: &mut Connection, version: u32, on: &FileSystem) -> Result<(), StoreError> {
    let failed = |error| StoreError::sqlite(path, error);
    let found = layout(db).map_err(failed)?;
    if found > version {
        return Err(StoreError::TooNew { path: path.to_owned(), found, known: version });
    }
    if found < version {
        if found > 0 {
            backup::keep(db, path, &with_ending(path, &format!(".v{found}-backup")))?;
        }
        step(db, version).map_err(failed)?;
    }
    match on {
        FileSystem::Local => enter(db, "WAL").map_err(failed),
        // Nothing but locks is shared between machines; the folder is waited for as well as the file.
        _ => enter(db, "DELETE").and_then(|()| db.pragma_update(None, "synchronous", "EXTRA")).map_err(failed),
    }
}

fn head(file: File) -> std::io::Result<Vec<u8>> {
    let mut head = Vec::new();
    file.take(100).read_to_end(&mut head)?;
    Ok(head)
}

fn layout(db: &Connection) -> rusqlite::Result<u32> {
    db.pragma_query_value(None, "user_version", |row| row.get(0))
}

fn step(db: &mut Connection, version: u32) -> rusqlite::Result<()> {
    let tx = db.transaction_with_behavior(TransactionBehavior::Immediate)?;
    // Asked again inside the transaction: another process may have been faster.
    let done = layout(&tx)? as usize;
    for sql in STEPS.iter().take(version as usize).skip(done) {
        tx.execute_batch(sql)?;
    }
    tx.pragma_update(None, "application_id", APPLICATION_ID)?;
    tx.pragma_update(None, "user_version", version.max(done as u32))?;
    tx.commit()
}

/// Entering another mode needs the file alone, and SQLite does not wait for that by itself. A file system without shared
/// memory stays in rollback mode, which is as safe, and a read-only file stays what it is.
fn enter(db: &Connection, mode: &str) -> rusqlite::Result<()> {
    let start = Instant::now();
    loop {
        match db.pragma_update_and_check(None, "journal_mode", mode, |_| Ok(())) {
            Err(rusqlite::Error::SqliteFailure(failure, _))
                if failure.code == ErrorCode::DatabaseBusy && start.elapsed() < PATIENCE =>
            {
                std::thread::sleep(std::time::Duration::from_millis(5));
            }
            Err(rusqlite::Error::SqliteFailure(failure, _)) if failure.code == ErrorCode::ReadOnly => return Ok(()),
            other => return other,
        }
    }
}
