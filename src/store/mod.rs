//! The SQLite file that keeps annotations and runs, of all corpora.
//!
//! What a call has written is on disk when it returns (WAL, `synchronous=FULL`). A file that is not ours, is newer or is
//! damaged is refused and left as it is. Deliberately absent: caches (safe to delete, elsewhere), a trait (there is one
//! store), and repairing a file.

mod annotations;
mod backup;
mod check;
mod error;
mod filesystem;
mod identity;
mod journal;
mod merge;
mod migrate;
mod rounds;
pub(crate) mod run;
mod runs;
mod schemes;
mod segments;
mod shared;

use std::fs;
use std::path::{Path, PathBuf};
use std::time::Duration;

use rusqlite::{Connection, OpenFlags, Transaction, TransactionBehavior};

pub use annotations::Recovered;
pub(crate) use annotations::{check as sensible, renumbered};
pub use backup::{Content, Restored};
pub use check::Finding;
pub use error::StoreError;
pub use filesystem::{FileSystem, file_system};
pub use journal::{Journal, Waiting, is_waiting};
pub use merge::{Conflict, Merged, Moved};
pub use rounds::{Batch, KeptRound, Proposed};
pub use run::{
    AUDIO_DIGITS, Coin, CrossFacts, DataFacts, Listened, Maker, PlanFacts, Prediction, Protocol, Repeat, Run, RunId,
    Searched, Source, Spent, Training, Winner,
};
pub use runs::{RunProblem, Runs};
pub use schemes::other_shape;
pub use segments::{CutAct, Recut};

/// An open store. Several may be open on one file, in one process or many.
#[derive(Debug)]
pub struct Store {
    path: PathBuf,
    db: Connection,
    /// The file that was opened, whatever its name leads to later.
    file: Option<FileId>,
    cautions: Vec<String>,
}

/// Device and number of a file.
type FileId = (u64, u64);

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
        if let Some(folder) = path.parent() {
            fs::create_dir_all(folder).map_err(|error| StoreError::io(path, &error))?;
        }
        Store::open_to(path, migrate::latest(), &file_system)
    }

    /// As [`Store::open`], but makes nothing: for a store that was there a moment ago.
    ///
    /// # Errors
    /// As [`Store::open`]; `Vanished` when there is no file of that name.
    pub fn open_existing(path: &Path) -> Result<Store, StoreError> {
        if file_id(path).is_none() {
            return Err(StoreError::Vanished { path: path.to_owned() });
        }
        Store::open_to(path, migrate::latest(), &file_system)
    }

    /// As [`Store::open`], told by `kind_of` on what kind of file system the store's folder lies.
    ///
    /// # Errors
    /// As [`Store::open`].
    pub fn open_on(path: &Path, kind_of: &dyn Fn(&Path) -> FileSystem) -> Result<Store, StoreError> {
        Store::open_to(path, migrate::latest(), kind_of)
    }

    fn open_to(path: &Path, version: u32, kind_of: &dyn Fn(&Path) -> FileSystem) -> Result<Store, StoreError> {
        let failed = |error| StoreError::sqlite(path, error);
        let mut cautions = Vec::new();
        let kind = kind_of(path.parent().filter(|folder| !folder.as_os_str().is_empty()).unwrap_or(Path::new(".")));
        if let FileSystem::Lockless(name) = &kind {
            return Err(StoreError::Lockless { path: path.to_owned(), kind: name.clone() });
        }
        migrate::check_header(path)?;
        shared::prepare(path).map_err(|error| StoreError::io(path, &error))?;
        let mut db = connect(path, &mut cautions).map_err(failed)?;
        db.busy_timeout(PATIENCE).map_err(failed)?;
        db.pragma_update(None, "foreign_keys", true).map_err(failed)?;
        db.pragma_update(None, "synchronous", "FULL").map_err(failed)?;
        if fs::metadata(path).is_ok_and(|file| file.len() <= CHECKED_BYTES) {
            check_pages(path, &db)?;
        }
        migrate::migrate(path, &mut db, version, &kind)?;
        if let FileSystem::Shared(name) = &kind {
            cautions.push(format!(
                "{}: lies on {name}: slower, and safe for several machines only where the server keeps locks",
                path.display()
            ));
        }
        Ok(Store { path: path.to_owned(), db, file: file_id(path), cautions })
    }

    /// What the user should know about how the store was opened.
    pub fn cautions(&self) -> &[String] {
        &self.cautions
    }

    /// True when this store can be read but not written.
    pub fn is_read_only(&self) -> bool {
        self.db.is_readonly("main").unwrap_or(false)
    }

    /// Finds out whether the store takes writes at present, by writing nothing.
    ///
    /// # Errors
    /// What a write would meet.
    pub fn prove(&mut self) -> Result<(), StoreError> {
        self.write(|_| Ok(()))
    }

    /// How long a call waits from now on for another process that writes.
    ///
    /// # Errors
    /// None that is known; SQLite may refuse.
    pub fn wait_at_most(&mut self, patience: Duration) -> Result<(), StoreError> {
        self.db.busy_timeout(patience).map_err(|error| self.failed(error))
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
        let value = attempt().map_err(|error| StoreError::sqlite(&self.path, error))?;
        // What was committed to a file without a name is lost when the process ends.
        if file_id(&self.path) != self.file {
            return Err(StoreError::Vanished { path: self.path.clone() });
        }
        Ok(value)
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

/// Opens for writing if possible, else for reading. A file in WAL mode in a folder that may not be written can only be read
/// as if nobody wrote it, which is right as long as nothing stands in its WAL.
fn connect(path: &Path, cautions: &mut Vec<String>) -> rusqlite::Result<Connection> {
    let read_only = "may be read but not written by you: what you label goes to the recovery journal";
    let db = Connection::open(path)?;
    if !db.is_readonly("main")? {
        return Ok(db);
    }
    cautions.push(format!("{}: {read_only}", path.display()));
    let readable = db.query_row("SELECT count(*) FROM sqlite_schema", [], |row| row.get::<_, i64>(0));
    let wal = fs::metadata(with_ending(path, "-wal")).map_or(0, |file| file.len());
    if readable.is_ok() || wal > 0 {
        return Ok(db);
    }
    let flags = OpenFlags::SQLITE_OPEN_READ_ONLY | OpenFlags::SQLITE_OPEN_URI | OpenFlags::SQLITE_OPEN_NO_MUTEX;
    Connection::open_with_flags(format!("file:{}?immutable=1", escaped(path)), flags)
}

/// A path in a URI: `?`, `#` and `%` mean something there.
fn escaped(path: &Path) -> String {
    path.to_string_lossy().replace('%', "%25").replace('?', "%3f").replace('#', "%23")
}

/// The path of a file beside the store.
fn with_ending(path: &Path, ending: &str) -> PathBuf {
    let mut name = path.as_os_str().to_owned();
    name.push(ending);
    name.into()
}

#[cfg(unix)]
fn file_id(path: &Path) -> Option<FileId> {
    use std::os::unix::fs::MetadataExt;
    fs::metadata(path).ok().map(|file| (file.dev(), file.ino()))
}

/// Elsewhere an open file cannot be removed; that there is one is enough.
#[cfg(not(unix))]
fn file_id(path: &Path) -> Option<FileId> {
    fs::metadata(path).ok().map(|_| (0, 0))
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
            ..NewAnnotation::now(ClipId(clip.into()), "00ff".to_owned(), who, scheme, act)
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
            Store::open_to(&path, layout, &file_system).unwrap().db.execute_batch(insert).unwrap();
            let store = Store::open(&path).unwrap();
            let said = new("a", Act::Skip).numbered(AnnotationId(1));
            assert_eq!(store.annotations("/c", None).unwrap(), [said]);
            assert_eq!(store.runs("/c").unwrap(), Runs::default());
            drop(store);
            let refused = Store::open_to(&path, layout, &file_system).unwrap_err();
            assert!(matches!(refused, StoreError::TooNew { .. }), "{refused}");
            let kept = with_ending(&path, &format!(".v{layout}-backup"));
            let old = Store::open_to(&kept, layout, &file_system).unwrap();
            let rows: i64 = old.db.query_row("SELECT count(*) FROM annotation", [], |row| row.get(0)).unwrap();
            assert_eq!(rows, 1, "the old file is kept as it was");
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
