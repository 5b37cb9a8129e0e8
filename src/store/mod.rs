//! The SQLite file that keeps annotations and runs, of all corpora.
//!
//! What a call has written is on disk when it returns (WAL, `synchronous=FULL`). A file that is not ours, is newer or is
//! damaged is refused and left as it is. Deliberately absent: caches (safe to delete, elsewhere), a trait (there is one
//! store), and repairing or backing up a file.

mod annotations;
mod error;
mod migrate;
mod rounds;
pub(crate) mod run;
mod runs;

use std::fs;
use std::path::{Path, PathBuf};
use std::time::Duration;

use rusqlite::{Connection, Transaction, TransactionBehavior};

pub use error::StoreError;
pub use rounds::{Batch, KeptRound};
pub use run::{
    AUDIO_DIGITS, Coin, CrossFacts, DataFacts, Listened, Maker, PlanFacts, Prediction, Protocol, Repeat, Run, RunId,
    Searched, Source, Spent, Training, Winner,
};
pub use runs::{RunProblem, Runs};

/// An open store. Several may be open on one file, in one process or many.
#[derive(Debug)]
pub struct Store {
    path: PathBuf,
    db: Connection,
}

/// How long a call waits for another process that writes.
const PATIENCE: Duration = Duration::from_secs(5);

/// Up to this size an opened file is checked page by page (about 30 ms at most), so that damage is found before writing.
const CHECKED_BYTES: u64 = 4 << 20;

impl Store {
    /// Opens the store at `path`, making it and its folders where absent and bringing an older one up to date.
    ///
    /// # Errors
    /// [`StoreError`], naming the file: not an emolab store, newer than this program, damaged, busy, or not to be written.
    /// A store in a read-only file opens for reading.
    pub fn open(path: &Path) -> Result<Store, StoreError> {
        Store::open_to(path, migrate::latest())
    }

    fn open_to(path: &Path, version: u32) -> Result<Store, StoreError> {
        if let Some(folder) = path.parent() {
            fs::create_dir_all(folder).map_err(|error| StoreError::io(path, &error))?;
        }
        migrate::check_header(path)?;
        let failed = |error| StoreError::sqlite(path, error);
        let mut db = Connection::open(path).map_err(failed)?;
        db.busy_timeout(PATIENCE).map_err(failed)?;
        db.pragma_update(None, "foreign_keys", true).map_err(failed)?;
        db.pragma_update(None, "synchronous", "FULL").map_err(failed)?;
        if fs::metadata(path).is_ok_and(|file| file.len() <= CHECKED_BYTES) {
            check_pages(path, &db)?;
        }
        migrate::migrate(path, &mut db, version)?;
        Ok(Store { path: path.to_owned(), db })
    }

    /// Where the store lies when the user names no other: `$XDG_DATA_HOME/emolab/emolab.db`, else
    /// `~/.local/share/emolab/emolab.db`.
    ///
    /// # Errors
    /// [`StoreError::NoHome`] when the environment names neither folder as an absolute path.
    pub fn default_path() -> Result<PathBuf, StoreError> {
        data_folder(|name| std::env::var_os(name).map(PathBuf::from)).map(|data| data.join("emolab/emolab.db"))
    }

    /// The file.
    pub fn path(&self) -> &Path {
        &self.path
    }

    /// Runs `work` in a transaction that is on disk when this returns, or not there at all.
    fn write<T>(&mut self, work: impl FnOnce(&Transaction<'_>) -> rusqlite::Result<T>) -> Result<T, StoreError> {
        // Immediate: waits its turn at the start. A deferred one could fail half-way, without waiting.
        let attempt = || {
            let tx = self.db.transaction_with_behavior(TransactionBehavior::Immediate)?;
            let value = work(&tx)?;
            tx.commit()?;
            Ok(value)
        };
        attempt().map_err(|error| StoreError::sqlite(&self.path, error))
    }

    fn read<T>(
        &self,
        sql: &str,
        params: impl rusqlite::Params,
        each: impl FnMut(&rusqlite::Row<'_>) -> rusqlite::Result<T>,
    ) -> Result<Vec<T>, StoreError> {
        let rows = || self.db.prepare_cached(sql)?.query_map(params, each)?.collect();
        let rows: rusqlite::Result<Vec<T>> = rows();
        rows.map_err(|error| self.failed(error))
    }

    fn failed(&self, error: rusqlite::Error) -> StoreError {
        StoreError::sqlite(&self.path, error)
    }
}

/// The number of the corpus filed under `key`, which is added when new.
fn corpus_id(tx: &Transaction<'_>, key: &str) -> rusqlite::Result<i64> {
    let insert = "INSERT INTO corpus (key, name, root) VALUES (?1, ?1, ?1) ON CONFLICT DO NOTHING";
    tx.prepare_cached(insert)?.execute([key])?;
    tx.prepare_cached("SELECT id FROM corpus WHERE key = ?1")?.query_row([key], |row| row.get(0))
}

fn check_pages(path: &Path, db: &Connection) -> Result<(), StoreError> {
    let found: String =
        db.query_row("PRAGMA quick_check(1)", [], |row| row.get(0)).map_err(|error| StoreError::sqlite(path, error))?;
    if found == "ok" { Ok(()) } else { Err(StoreError::Damaged { path: path.to_owned(), reason: found }) }
}

/// XDG Base Directory Specification: relative paths count as unset.
fn data_folder(variable: impl Fn(&str) -> Option<PathBuf>) -> Result<PathBuf, StoreError> {
    let absolute = |name| variable(name).filter(|path| path.is_absolute());
    absolute("XDG_DATA_HOME")
        .or_else(|| absolute("HOME").map(|home| home.join(".local/share")))
        .ok_or(StoreError::NoHome)
}

#[cfg(test)]
#[allow(clippy::unwrap_used, clippy::panic)]
mod tests {
    use super::*;
    use crate::corpus::ClipId;
    use crate::label::{Act, AnnotationId, Annotator, Listening, NewAnnotation, Occasion, SchemeId, Timestamp};

    fn new(clip: &str, act: Act) -> NewAnnotation {
        let (who, scheme) = (Annotator::Human("anna".to_owned()), SchemeId { name: "s".to_owned(), version: 1 });
        NewAnnotation {
            confidence: Some(0.5),
            at: Timestamp::from_millis(1_700_000_000_123).unwrap(),
            ..NewAnnotation::now(ClipId(clip.to_owned()), "00ff".to_owned(), who, scheme, act)
        }
    }

    fn pragma(store: &Store, name: &str) -> String {
        store
            .db
            .pragma_query_value(None, name, |row| row.get::<_, rusqlite::types::Value>(0))
            .map(|v| format!("{v:?}"))
            .unwrap()
    }

    #[test]
    fn the_store_is_as_durable_as_sqlite_can_be() {
        let folder = tempfile::tempdir().unwrap();
        let store = Store::open(&folder.path().join("new/folders/emolab.db")).unwrap();
        assert_eq!(pragma(&store, "journal_mode"), "Text(\"wal\")");
        assert_eq!(pragma(&store, "synchronous"), "Integer(2)");
        assert_eq!(pragma(&store, "foreign_keys"), "Integer(1)");
        assert_eq!(pragma(&store, "user_version"), format!("Integer({})", migrate::latest()));
    }

    #[test]
    fn every_older_layout_is_brought_up_to_date_and_keeps_its_rows() {
        for layout in 1..migrate::latest() {
            let folder = tempfile::tempdir().unwrap();
            let path = folder.path().join("old.db");
            // As the program of that layout wrote it: what came later has no column yet.
            let insert = "INSERT INTO corpus (key, name, root) VALUES ('/c', '/c', '/c');
                INSERT INTO clip (corpus_id, name) VALUES (1, 'a');
                INSERT INTO annotator (kind, name) VALUES ('human', 'anna');
                INSERT INTO scheme (name, version) VALUES ('s', 1);
                INSERT INTO annotation (corpus_id, clip_id, audio, annotator_id, scheme_id, act, confidence, at)
                VALUES (1, 1, '00ff', 1, 1, 'skip', 0.5, '2023-11-14T22:13:20.123Z');";
            Store::open_to(&path, layout).unwrap().db.execute_batch(insert).unwrap();
            let store = Store::open(&path).unwrap();
            let said = new("a", Act::Skip).numbered(AnnotationId(1));
            assert_eq!(store.annotations("/c", None).unwrap(), [said]);
            assert_eq!(store.runs("/c").unwrap(), Runs::default());
            drop(store);
            let refused = Store::open_to(&path, layout).unwrap_err();
            assert!(matches!(refused, StoreError::TooNew { .. }), "{refused}");
        }
    }

    #[test]
    fn an_answer_reads_back_with_question_occasion_and_listening() {
        let folder = tempfile::tempdir().unwrap();
        let mut store = Store::open(&folder.path().join("x.db")).unwrap();
        let heard = Listening {
            plays: 2,
            heard: 0.75,
            sink: "silent".to_owned(),
            gain_db: -1.5,
            picture: "waveform".to_owned(),
            seconds: 3.25,
        };
        let answer = NewAnnotation {
            occasion: Occasion::Repeat,
            listening: Some(heard),
            ..new("a", Act::label("6").asked("valence"))
        };
        let said = [store.append("/c", &answer).unwrap(), store.append("/c", &new("a", Act::label(""))).unwrap()];
        assert_eq!(said[0].said, answer);
        assert_eq!(store.annotations("/c", None).unwrap(), said);
    }

    #[test]
    fn the_file_itself_refuses_to_change_or_lose_an_annotation() {
        let folder = tempfile::tempdir().unwrap();
        let mut store = Store::open(&folder.path().join("x.db")).unwrap();
        store.append("/c", &new("a", Act::Skip)).unwrap();
        for sql in ["UPDATE annotation SET act = 'flag'", "DELETE FROM annotation"] {
            let error = store.db.execute(sql, []).unwrap_err().to_string();
            assert!(error.starts_with("annotations are never"), "{error}");
        }
    }

    #[test]
    fn a_store_that_turns_read_only_says_so_with_its_name() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("x.db");
        let mut store = Store::open(&path).unwrap();
        let said = store.append("/c", &new("a", Act::Skip)).unwrap();
        store.db.pragma_update(None, "query_only", true).unwrap();
        let error = store.append("/c", &new("b", Act::Skip)).unwrap_err();
        assert!(matches!(error, StoreError::Unusable { .. }));
        assert!(error.to_string().contains("x.db: attempt to write a readonly database"), "{error}");
        assert_eq!(store.annotations("/c", None).unwrap(), [said]);
    }

    #[test]
    fn a_senseless_row_is_told_with_its_number() {
        let folder = tempfile::tempdir().unwrap();
        let mut store = Store::open(&folder.path().join("x.db")).unwrap();
        store.append("/c", &new("a", Act::Skip)).unwrap();
        store.db.execute_batch("DROP TRIGGER annotation_never_changes; UPDATE annotation SET at = 'noon'").unwrap();
        let error = store.annotations("/c", None).unwrap_err();
        assert!(matches!(&error, StoreError::Damaged { .. }));
        assert!(error.to_string().contains("x.db: damaged: annotation 1 has a senseless time"), "{error}");
    }

    #[test]
    fn a_run_reads_back_as_it_was() {
        let folder = tempfile::tempdir().unwrap();
        let mut store = Store::open(&folder.path().join("x.db")).unwrap();
        let mut run = run::tests::run("/c");
        let id = store.save_run(&run).unwrap();
        run.id = Some(id);
        assert_eq!(store.run(id).unwrap().as_ref(), Some(&run));
        run.predictions.clear();
        assert_eq!(store.runs("/c").unwrap(), Runs { runs: vec![run.clone()], problems: Vec::new() });
        assert_eq!(store.runs("/other").unwrap(), Runs::default());
        run.fit_seconds = f64::NAN;
        assert!(matches!(store.save_run(&run), Err(StoreError::Refused(_))));
    }

    #[test]
    fn runs_of_all_corpora_are_listed_and_removed_all_or_none() {
        let folder = tempfile::tempdir().unwrap();
        let mut store = Store::open(&folder.path().join("x.db")).unwrap();
        let ids = ["/c", "/d", "/c"].map(|key| store.save_run(&run::tests::run(key)).unwrap());
        let listed = |store: &Store| store.all_runs().unwrap().runs.iter().map(|run| run.id).collect::<Vec<_>>();
        assert_eq!(listed(&store), [Some(ids[2]), Some(ids[1]), Some(ids[0])]);
        let refused = store.remove_runs(&[ids[0], RunId(77), RunId(78)]).unwrap_err();
        assert_eq!(refused.to_string(), "no run 77, 78; nothing was removed");
        assert_eq!(listed(&store).len(), 3);
        store.remove_runs(&[ids[0], ids[2], ids[2]]).unwrap();
        assert_eq!((listed(&store), store.run(ids[0]).unwrap()), (vec![Some(ids[1])], None));
        let left: i64 = store.db.query_row("SELECT count(*) FROM prediction", [], |row| row.get(0)).unwrap();
        assert_eq!(left, 3, "predictions go with their run");
    }

    #[test]
    fn a_run_with_senseless_rows_is_a_problem_and_the_others_load() {
        let folder = tempfile::tempdir().unwrap();
        let mut store = Store::open(&folder.path().join("x.db")).unwrap();
        let good = store.save_run(&run::tests::run("/c")).unwrap();
        let bad = store.save_run(&run::tests::run("/c")).unwrap();
        let cut = store.save_run(&run::tests::run("/c")).unwrap();
        store.db.execute("UPDATE run SET recipe = '{\"classifier\":1}' WHERE id = ?1", [bad.0]).unwrap();
        store.db.execute("UPDATE prediction SET p = x'00' WHERE run_id = ?1", [cut.0]).unwrap();
        let runs = store.runs("/c").unwrap();
        assert_eq!(runs.runs.iter().map(|run| run.id).collect::<Vec<_>>(), [Some(cut), Some(good)]);
        assert_eq!(runs.problems.iter().map(|problem| problem.id).collect::<Vec<_>>(), [bad]);
        assert!(matches!(store.run(cut), Err(StoreError::Damaged { .. })));
        assert!(store.run(good).unwrap().is_some());
    }

    #[test]
    fn the_default_place_follows_the_xdg_rules() {
        let at = |xdg: Option<&str>, home: Option<&str>| {
            data_folder(|name| if name == "HOME" { home } else { xdg }.map(PathBuf::from)).ok()
        };
        assert_eq!(at(Some("/data"), Some("/home/a")), Some(PathBuf::from("/data")));
        assert_eq!(at(None, Some("/home/a")), Some(PathBuf::from("/home/a/.local/share")));
        assert_eq!(at(Some("relative"), Some("/home/a")), Some(PathBuf::from("/home/a/.local/share")));
        assert_eq!(at(None, None), None);
    }
}
