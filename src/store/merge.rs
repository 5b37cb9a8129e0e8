//! Two stores into one: laptop and server, two raters' machines. A union by content, so that merging again adds nothing and it
//! does not matter which of two goes into which.
//!
//! Annotations are the same when the same annotator said the same about the same clip in the same scheme at the same
//! millisecond (see `identity`), the n-th such one being the n-th of the other side. What comes in keeps its time: what was said
//! later holds, whichever store it was said into. Deliberately absent: choosing between two answers (both are kept).

use std::collections::{BTreeMap, HashMap, HashSet};
use std::path::Path;

use rusqlite::{Connection, Transaction, params};

use super::annotations::{SELECT, annotation, insert};
use super::identity::{Identity, identity};
use super::schemes::first_shape;
use super::{Store, StoreError, backup, corpus_id};
use crate::label::{Act, Annotation, AnnotationId, Annotator, Ledger, SchemeId, Timestamp};

/// What a merging has brought.
#[derive(Debug, Clone, PartialEq, Default)]
pub struct Merged {
    /// Annotations that were new here.
    pub annotations: usize,
    /// Annotations that were here already.
    pub known: usize,
    /// Runs that were new here.
    pub runs: usize,
    /// Rounds, batches and segments that were new here.
    pub plans: usize,
    /// Where one annotator has answered differently in the two stores since they parted.
    pub conflicts: Vec<Conflict>,
    /// What could not be brought over, in words.
    pub problems: Vec<String>,
}

/// One annotator's two answers; the later one holds.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Conflict {
    /// Under what the corpus is filed here.
    pub corpus_key: String,
    /// The clip.
    pub clip: String,
    /// Who.
    pub annotator: Annotator,
    /// The scheme's name.
    pub scheme: String,
    /// The question; empty for the only one.
    pub question: String,
    /// What was answered here, and when.
    pub here: (String, Timestamp),
    /// What was answered there, and when.
    pub there: (String, Timestamp),
}

/// Where a corpus lies there, and here.
pub type Moved = (String, String);

impl Store {
    /// Brings in all that the store at `other` has and this one has not. `moved` tells where corpora lie here that are filed
    /// under another path there; it applies to a folder and all below it. The other store is not changed. All is on disk
    /// when this returns, or nothing.
    ///
    /// # Errors
    /// [`StoreError`] when either cannot be read, or this one not be written.
    pub fn merge(&mut self, other: &Path, moved: &[Moved]) -> Result<Merged, StoreError> {
        let folder = tempfile::tempdir().map_err(|error| StoreError::io(other, &error))?;
        let copy = folder.path().join("other.db");
        backup::reading(other)?
            .execute("VACUUM INTO ?1", [copy.to_string_lossy()])
            .map_err(|error| StoreError::sqlite(other, error))?;
        let theirs = Store::open(&copy)?;
        let keys = theirs.read("SELECT key FROM corpus ORDER BY id", [], |row| row.get::<_, String>(0))?;
        let mut merged = Merged::default();
        let runs = self.new_runs(&theirs, &keys, moved, &mut merged)?;
        self.write(|tx| {
            schemes(tx, &theirs.db, &mut merged)?;
            for key in &keys {
                let here = here(key, moved);
                annotations(tx, &theirs.db, [&here, key], &mut merged)?;
                plans(tx, &theirs.db, [&here, key], &mut merged)?;
            }
            for run in &runs {
                super::runs::insert_run(tx, run)?;
            }
            merged.runs = runs.len();
            Ok(())
        })?;
        Ok(merged)
    }

    /// The runs of `theirs` that are not here, as they are filed here.
    fn new_runs(
        &self,
        theirs: &Store,
        keys: &[String],
        moved: &[Moved],
        merged: &mut Merged,
    ) -> Result<Vec<super::Run>, StoreError> {
        let mut new = Vec::new();
        for key in keys {
            let mine = self.runs(&here(key, moved))?.runs;
            let listed = theirs.runs(key)?;
            merged.problems.extend(listed.problems.iter().map(|one| format!("run {}: {}", one.id.0, one.reason)));
            for id in listed.runs.iter().rev().filter_map(|run| run.id) {
                match theirs.run(id) {
                    Ok(Some(mut run)) => {
                        run.protocol.data.corpus_key = here(key, moved);
                        let same = |known: &super::Run| {
                            known.started_at == run.started_at
                                && known.recipe == run.recipe
                                && known.protocol == run.protocol
                        };
                        if !mine.iter().any(same) {
                            new.push(run);
                        }
                    }
                    Ok(None) => {}
                    Err(error) => merged.problems.push(error.to_string()),
                }
            }
        }
        Ok(new)
    }
}

/// Where a corpus filed under `key` there lies here.
fn here(key: &str, moved: &[Moved]) -> String {
    let moved = moved.iter().find_map(|(old, new)| {
        let (old, new) = (old.trim_end_matches('/'), new.trim_end_matches('/'));
        let rest = key.strip_prefix(old)?;
        (rest.is_empty() || rest.starts_with('/')).then(|| format!("{new}{rest}"))
    });
    moved.unwrap_or_else(|| key.to_owned())
}

/// What a version of a scheme asks is taken over where it is not known here; where both know it, what stands here stays, and that
/// the two differ is told.
fn schemes(tx: &Transaction<'_>, theirs: &Connection, merged: &mut Merged) -> rusqlite::Result<()> {
    let mut read = theirs.prepare("SELECT name, version, shape FROM scheme WHERE shape IS NOT NULL")?;
    let mut rows = read.query([])?;
    while let Some(row) = rows.next()? {
        let scheme = SchemeId { name: row.get(0)?, version: row.get(1)? };
        let there: String = row.get(2)?;
        let here = first_shape(tx, &scheme, &there)?;
        if here.is_some_and(|here| here != there) {
            merged.problems.push(format!(
                "{scheme} asks other questions or answers there than here: what was answered there is kept, but counts only as \
                 far as it fits; give one of the two another version before more is labelled"
            ));
        }
    }
    Ok(())
}

/// Annotations of one side in its order, told apart by content.
struct Side {
    said: Vec<Annotation>,
    names: Vec<Identity>,
    moments: Vec<i64>,
}

impl Side {
    /// The annotations filed under `key`, as if that were `named`.
    fn read(db: &Connection, key: &str, named: &str) -> rusqlite::Result<Side> {
        let mut read = db.prepare(&format!("{SELECT} ORDER BY annotation.id"))?;
        let said: Vec<Annotation> = read.query_map([key], annotation)?.collect::<rusqlite::Result<_>>()?;
        let moments = moments(db, &said)?;
        let (mut by_id, mut times) = (HashMap::new(), HashMap::new());
        let mut names = Vec::with_capacity(said.len());
        for one in &said {
            // What an undo is about has come before it.
            let target = one.act.refers_to().and_then(|id| by_id.get(&id)).map_or(&[][..], |name: &Identity| &name[..]);
            let plain = identity(named, one, target);
            let nth: &mut u64 = times.entry(plain).or_default();
            *nth += 1;
            let name = if *nth == 1 { plain } else { identity(named, one, &[target, &nth.to_le_bytes()].concat()) };
            by_id.insert(one.id, name);
            names.push(name);
        }
        Ok(Side { said, names, moments })
    }
}

/// When each annotation, given in order of id, stands in what its annotator said: what was said here when it was said, but never
/// before what the annotator had in view by then (a clock may be set back); what came from elsewhere when it stood there.
fn moments(db: &Connection, said: &[Annotation]) -> rusqlite::Result<Vec<i64>> {
    let merged = merged(db)?;
    let mut latest: HashMap<&Annotator, i64> = HashMap::new();
    let moment = |one: &Annotation, latest: &mut i64| {
        let moment = merged.get(&one.id).copied().unwrap_or_else(|| one.at.millis().max(*latest));
        *latest = moment.max(*latest);
        moment
    };
    Ok(said.iter().map(|one| moment(one, latest.entry(&one.annotator).or_insert(i64::MIN))).collect())
}

fn merged(db: &Connection) -> rusqlite::Result<HashMap<AnnotationId, i64>> {
    let mut read = db.prepare_cached("SELECT annotation_id, moment FROM merged")?;
    read.query_map([], |row| Ok((AnnotationId(row.get(0)?), row.get(1)?)))?.collect()
}

/// True when something came from another store.
pub(super) fn any_merged(db: &Connection) -> rusqlite::Result<bool> {
    db.prepare_cached("SELECT EXISTS (SELECT 1 FROM merged)")?.query_row([], |row| row.get(0))
}

/// Puts annotations, given in order of id, into the order in which they were said. Without a merging that is the same.
pub(super) fn in_order(db: &Connection, said: Vec<Annotation>) -> rusqlite::Result<Vec<Annotation>> {
    if !any_merged(db)? {
        return Ok(said);
    }
    let moments = moments(db, &said)?;
    let mut placed: Vec<(i64, Annotation)> = moments.into_iter().zip(said).collect();
    placed.sort_by_key(|(moment, _)| *moment);
    Ok(placed.into_iter().map(|(_, said)| said).collect())
}

fn annotations(
    tx: &Transaction<'_>,
    theirs: &Connection,
    [here, there]: [&str; 2],
    merged: &mut Merged,
) -> rusqlite::Result<()> {
    let (mine, other) = (Side::read(tx, here, here)?, Side::read(theirs, there, here)?);
    let known: HashMap<Identity, AnnotationId> =
        mine.names.iter().copied().zip(mine.said.iter().map(|said| said.id)).collect();
    let mut ids: HashMap<AnnotationId, AnnotationId> = HashMap::new();
    let mut new = HashSet::new();
    for ((said, name), moment) in other.said.iter().zip(&other.names).zip(&other.moments) {
        if let Some(id) = known.get(name) {
            ids.insert(said.id, *id);
            merged.known += 1;
            continue;
        }
        let mut added = said.said.clone();
        added.act = match added.act {
            Act::Undo(id) => Act::Undo(ids.get(&id).copied().unwrap_or(id)),
            Act::Redo(id) => Act::Redo(ids.get(&id).copied().unwrap_or(id)),
            act => act,
        };
        match insert(tx, here, &added)? {
            None => merged.problems.push(format!("annotation {} there refers to nothing", said.id.0)),
            Some(id) => {
                tx.prepare_cached("INSERT INTO merged (annotation_id, moment) VALUES (?1, ?2)")?
                    .execute(params![id.0, moment])?;
                ids.insert(said.id, id);
                new.insert(said.id);
                merged.annotations += 1;
            }
        }
    }
    let shared: HashSet<AnnotationId> = ids.iter().filter(|(id, _)| !new.contains(id)).map(|(_, id)| *id).collect();
    let (mine, other) = (in_order(tx, mine.said)?, in_order(theirs, other.said)?);
    conflicts(here, (&mine, &shared), (&other, &new), merged);
    Ok(())
}

/// Annotator, scheme, clip, question.
type Asked<'a> = (&'a Annotator, &'a str, &'a str, &'a str);

/// Answers that hold on their side, that the other side has never seen, and that differ.
fn conflicts(
    key: &str,
    (mine, shared): (&[Annotation], &HashSet<AnnotationId>),
    (other, new): (&[Annotation], &HashSet<AnnotationId>),
    merged: &mut Merged,
) {
    let here = holding(mine, &|id| !shared.contains(&id));
    for (asked, there) in holding(other, &|id| new.contains(&id)) {
        let Some(here) = here.get(&asked).filter(|here| here.act.value() != there.act.value()) else { continue };
        let answer = |said: &Annotation| (said.act.value().unwrap_or_default().to_owned(), said.at);
        let (annotator, scheme, clip, question) = asked;
        merged.conflicts.push(Conflict {
            corpus_key: key.to_owned(),
            clip: clip.to_owned(),
            annotator: annotator.clone(),
            scheme: scheme.to_owned(),
            question: question.to_owned(),
            here: answer(here),
            there: answer(there),
        });
    }
}

/// The answers that hold, of those that are `wanted`.
fn holding<'a>(said: &'a [Annotation], wanted: &dyn Fn(AnnotationId) -> bool) -> BTreeMap<Asked<'a>, &'a Annotation> {
    let wanted: Vec<&Annotation> =
        said.iter().filter(|one| matches!(one.act, Act::Answer { .. }) && wanted(one.id)).collect();
    let mut ledgers: HashMap<(&Annotator, &str), Ledger> = HashMap::new();
    let mut holding = BTreeMap::new();
    for one in wanted {
        let (who, scheme) = (&one.annotator, one.scheme.name.as_str());
        let ledger = ledgers.entry((who, scheme)).or_insert_with(|| Ledger::default().and(said, who, scheme));
        if ledger.holds(one.id) {
            holding.insert((who, scheme, one.clip.0.as_str(), one.act.question().unwrap_or_default()), one);
        }
    }
    holding
}

/// Rounds, batches and segments: rows that are never changed, equal when all of their columns are.
fn plans(
    tx: &Transaction<'_>,
    theirs: &Connection,
    [here, there]: [&str; 2],
    merged: &mut Merged,
) -> rusqlite::Result<()> {
    for (table, columns) in
        [("round", ["scheme", "lead", "at", "plan"]), ("batch", ["scheme", "method", "at", "facts"])]
    {
        let list = columns.join(", ");
        let of = "corpus_id = (SELECT id FROM corpus WHERE key = ?1)";
        let mut read = theirs.prepare(&format!("SELECT {list} FROM {table} WHERE {of} ORDER BY id"))?;
        let mut rows = read.query([there])?;
        while let Some(row) = rows.next()? {
            let [a, b, c, d]: [String; 4] = [row.get(0)?, row.get(1)?, row.get(2)?, row.get(3)?];
            let same = columns.iter().enumerate().map(|(at, name)| format!("{name} = ?{}", at + 2)).collect::<Vec<_>>();
            let add = format!(
                "INSERT INTO {table} (corpus_id, {list}) SELECT ?1, ?2, ?3, ?4, ?5
                 WHERE NOT EXISTS (SELECT 1 FROM {table} WHERE corpus_id = ?1 AND {})",
                same.join(" AND ")
            );
            merged.plans += tx.execute(&add, params![corpus_id(tx, here)?, a, b, c, d])?;
        }
    }
    segments(tx, theirs, [here, there], merged)
}

fn segments(
    tx: &Transaction<'_>,
    theirs: &Connection,
    [here, there]: [&str; 2],
    merged: &mut Merged,
) -> rusqlite::Result<()> {
    let mut read = theirs.prepare(
        "SELECT file, start_ms, end_ms, act, at, kind, annotator.name, audio FROM segment
         JOIN annotator ON annotator.id = annotator_id
         WHERE corpus_id = (SELECT id FROM corpus WHERE key = ?1) ORDER BY segment.id",
    )?;
    let mut rows = read.query([there])?;
    while let Some(row) = rows.next()? {
        let (file, start, end): (String, i64, i64) = (row.get(0)?, row.get(1)?, row.get(2)?);
        let [act, at, kind, name]: [String; 4] = [row.get(3)?, row.get(4)?, row.get(5)?, row.get(6)?];
        let audio: Option<String> = row.get(7)?;
        tx.execute("INSERT INTO annotator (kind, name) VALUES (?1, ?2) ON CONFLICT DO NOTHING", [&kind, &name])?;
        merged.plans += tx.execute(
            "INSERT INTO segment (corpus_id, file, start_ms, end_ms, act, at, annotator_id, audio)
             SELECT ?1, ?2, ?3, ?4, ?5, ?6, annotator.id, ?9 FROM annotator WHERE kind = ?7 AND name = ?8
             AND NOT EXISTS (SELECT 1 FROM segment WHERE corpus_id = ?1 AND file = ?2 AND start_ms = ?3 AND end_ms = ?4
                             AND act = ?5 AND at = ?6 AND annotator_id = annotator.id)",
            params![corpus_id(tx, here)?, file, start, end, act, at, kind, name, audio],
        )?;
    }
    Ok(())
}
