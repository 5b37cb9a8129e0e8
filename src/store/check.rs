//! What is wrong with a store, or soon will be, and what to do about it.
//!
//! Deliberately absent: repairing. A finding says which verb helps; nothing is changed by looking.

use std::path::Path;

use rusqlite::Connection;

use super::{FileSystem, Store, StoreError, file_system, with_ending};

/// One thing that was looked at.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Finding {
    /// What was looked at, in a word or two.
    pub what: &'static str,
    /// False when something must be done.
    pub good: bool,
    /// What was found, and what to do if it is not good.
    pub text: String,
}

/// A WAL larger than this is not being folded into its store.
const LARGE_WAL: u64 = 64 << 20;

impl Finding {
    /// Something that is as it should be.
    pub fn good(what: &'static str, text: impl Into<String>) -> Finding {
        Finding { what, good: true, text: text.into() }
    }

    /// Something that must be seen to.
    pub fn bad(what: &'static str, text: impl Into<String>) -> Finding {
        Finding { what, good: false, text: text.into() }
    }
}

impl Store {
    /// Looks at everything: pages, links between rows, the sense of every row, WAL, permissions, file system. Reads the
    /// whole file.
    ///
    /// # Errors
    /// None of what it looks for; [`StoreError`] when it cannot look.
    pub fn check(&self) -> Result<Vec<Finding>, StoreError> {
        let mut findings = vec![self.pages()?];
        findings.push(self.senses()?);
        findings.push(self.content().map(|content| {
            Finding::good("content", format!("{} annotations, {} runs", content.annotations, content.runs))
        })?);
        findings.push(self.log());
        findings.push(self.rights());
        findings.push(lies_on(self.path()));
        Ok(findings)
    }

    fn pages(&self) -> Result<Finding, StoreError> {
        let what = "pages";
        let advice = "make a copy of the file, then `emolab restore` the last good backup and `emolab merge` the copy";
        Ok(match first_fault(&self.db).map_err(|error| self.failed(error))? {
            None => Finding::good(what, "every page and every link between rows is whole"),
            Some(fault) => Finding::bad(what, format!("{fault}; {advice}")),
        })
    }

    /// Decodes every annotation and the head of every run.
    fn senses(&self) -> Result<Finding, StoreError> {
        let what = "rows";
        let keys = self.read("SELECT key FROM corpus", [], |row| row.get::<_, String>(0))?;
        for key in &keys {
            if let Err(error) = self.each_annotation(key, None, |_| ()) {
                return Ok(Finding::bad(what, error.to_string()));
            }
        }
        let problems = self.all_runs()?.problems;
        Ok(match problems.first() {
            None => Finding::good(what, "every annotation and every run makes sense"),
            Some(first) => {
                let advice = "`emolab runs --remove` takes a run away";
                let (many, id, reason) = (problems.len(), first.id.0, &first.reason);
                Finding::bad(what, format!("{many} runs cannot be read, first run {id}: {reason}; {advice}"))
            }
        })
    }

    fn log(&self) -> Finding {
        let what = "write-ahead log";
        let size = std::fs::metadata(with_ending(self.path(), "-wal")).map_or(0, |file| file.len());
        if size > LARGE_WAL {
            let advice = "some process keeps reading an old state; close all windows of emolab";
            return Finding::bad(what, format!("{} MiB; {advice}", size >> 20));
        }
        let mode: rusqlite::Result<String> = self.db.pragma_query_value(None, "journal_mode", |row| row.get(0));
        Finding::good(what, format!("{size} bytes, mode {}", mode.unwrap_or_default()))
    }

    fn rights(&self) -> Finding {
        let what = "permissions";
        if self.is_read_only() {
            let advice = "ask its owner for write permission on the file and its folder (`chmod g+w`)";
            return Finding::bad(what, format!("you may read it, not write it; {advice}"));
        }
        let folder = self.path().parent().filter(|folder| !folder.as_os_str().is_empty()).unwrap_or(Path::new("."));
        match tempfile::tempfile_in(folder) {
            Ok(_) => Finding::good(what, "file and folder can be written"),
            Err(error) => {
                Finding::bad(what, format!("{}: {error}; the log beside it needs room there", folder.display()))
            }
        }
    }
}

fn lies_on(path: &Path) -> Finding {
    let what = "file system";
    match file_system(path) {
        FileSystem::Local => Finding::good(what, "a disk of this machine"),
        FileSystem::Shared(name) => Finding::good(
            what,
            format!("{name}: safe mode, slower; safe for several machines only where the server keeps locks"),
        ),
        FileSystem::Lockless(name) => {
            Finding::bad(what, format!("{name}: two machines could write at once; keep the store on one machine"))
        }
    }
}

/// What `integrity_check` and `foreign_key_check` find first.
pub(super) fn first_fault(db: &Connection) -> rusqlite::Result<Option<String>> {
    let pages: String = db.query_row("PRAGMA integrity_check(1)", [], |row| row.get(0))?;
    if pages != "ok" {
        return Ok(Some(pages));
    }
    let mut links = db.prepare("PRAGMA foreign_key_check")?;
    let mut rows = links.query([])?;
    Ok(match rows.next()? {
        None => None,
        Some(row) => {
            let (table, id, parent): (String, Option<i64>, String) = (row.get(0)?, row.get(1)?, row.get(2)?);
            Some(format!("row {} of {table} refers to a row of {parent} that is not there", id.unwrap_or(0)))
        }
    })
}
