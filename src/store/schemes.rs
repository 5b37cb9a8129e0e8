//! What the versions of schemes asked, so that one version never means two things.
//!
//! Deliberately absent: reading schemes (see `label::Scheme`), and their words and keys, which may change.

use rusqlite::{OptionalExtension, Transaction, params};

use super::{Store, StoreError};
use crate::label::SchemeId;

impl Store {
    /// What may be answered in that version ([`Scheme::shape`](crate::label::Scheme::shape)), as it was when first used; `None` where
    /// nobody has told.
    ///
    /// # Errors
    /// [`StoreError`] when it cannot be read.
    pub fn shape(&self, scheme: &SchemeId) -> Result<Option<String>, StoreError> {
        let sql = "SELECT shape FROM scheme WHERE name = ?1 AND version = ?2";
        let found: Vec<Option<String>> = self.read(sql, params![scheme.name, scheme.version], |row| row.get(0))?;
        Ok(found.into_iter().flatten().next())
    }

    /// Keeps what may be answered in that version, the first time it is told; does nothing when it is the same as before.
    ///
    /// # Errors
    /// [`StoreError`] when it cannot be written; `Refused` where that version asked something else before.
    pub fn keep_shape(&mut self, scheme: &SchemeId, shape: &str) -> Result<(), StoreError> {
        let first = self.write(|tx| first_shape(tx, scheme, shape))?;
        if first.as_deref() == Some(shape) { Ok(()) } else { Err(StoreError::Refused(other_shape(scheme))) }
    }

    /// Number of the last annotation, of whatever corpus; 0 for none. Tells cheaply whether anything was said since.
    ///
    /// # Errors
    /// [`StoreError`] when it cannot be read.
    pub fn newest(&self) -> Result<i64, StoreError> {
        let found = self.read("SELECT coalesce(max(id), 0) FROM annotation", [], |row| row.get(0))?;
        Ok(found.first().copied().unwrap_or(0))
    }
}

/// What that version asked first: `shape`, if nobody has told before.
pub(super) fn first_shape(tx: &Transaction<'_>, scheme: &SchemeId, shape: &str) -> rusqlite::Result<Option<String>> {
    let insert = "INSERT INTO scheme (name, version) VALUES (?1, ?2) ON CONFLICT DO NOTHING";
    tx.prepare_cached(insert)?.execute(params![scheme.name, scheme.version])?;
    let update = "UPDATE scheme SET shape = ?3 WHERE name = ?1 AND version = ?2 AND shape IS NULL";
    tx.prepare_cached(update)?.execute(params![scheme.name, scheme.version, shape])?;
    let select = "SELECT shape FROM scheme WHERE name = ?1 AND version = ?2";
    tx.prepare_cached(select)?.query_row(params![scheme.name, scheme.version], |row| row.get(0)).optional()
}

/// Why a version is refused, and what to do.
pub fn other_shape(scheme: &SchemeId) -> String {
    let next = scheme.version + 1;
    format!(
        "{scheme} asked other questions or answers before; write `version = {next}` in its file: old answers stay valid"
    )
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use super::*;

    #[test]
    fn a_version_never_means_two_things() {
        let folder = tempfile::tempdir().unwrap();
        let mut store = Store::open(&folder.path().join("x.db")).unwrap();
        let id = |version| SchemeId { name: "form".to_owned(), version };
        assert_eq!((store.shape(&id(1)).unwrap(), store.newest().unwrap()), (None, 0));
        store.keep_shape(&id(1), "[a]").unwrap();
        store.keep_shape(&id(1), "[a]").unwrap();
        let refused = store.keep_shape(&id(1), "[b]").unwrap_err().to_string();
        assert!(refused.contains("form@1 asked other questions") && refused.contains("`version = 2`"), "{refused}");
        store.keep_shape(&id(2), "[b]").unwrap();
        assert_eq!(store.shape(&id(1)).unwrap().as_deref(), Some("[a]"));
    }
}
