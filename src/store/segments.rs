//! Parts of long recordings: every cut and every removal is an event, nothing is changed or deleted.
//!
//! A part that is moved is removed here and cut there, in one transaction; undoing is the opposite events. What was said of a part
//! that is gone stays in the store under its name. Deliberately absent: sound, and which files there are.

use std::collections::BTreeMap;

use rusqlite::{OptionalExtension, Transaction, params};

use super::{Store, StoreError, corpus_id};
use crate::corpus::{AudioHash, ClipId, Cut, Cuts, Span};
use crate::label::{Annotator, Timestamp};

/// One change to the parts of a recording.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Recut {
    /// The recording.
    pub file: ClipId,
    /// The part, and the sound of the recording now.
    pub cut: Cut,
    /// What happens to it.
    pub act: CutAct,
}

/// What happens to a part.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum CutAct {
    /// It becomes a clip.
    Cut,
    /// It is one no longer.
    Uncut,
}

impl CutAct {
    fn word(self) -> &'static str {
        match self {
            CutAct::Cut => "cut",
            CutAct::Uncut => "uncut",
        }
    }
}

impl Recut {
    /// What undoes it.
    #[must_use]
    pub fn opposite(&self) -> Recut {
        let act = match self.act {
            CutAct::Cut => CutAct::Uncut,
            CutAct::Uncut => CutAct::Cut,
        };
        Recut { act, ..self.clone() }
    }
}

impl Store {
    /// The recordings of a corpus that are cut, and their parts by time.
    ///
    /// # Errors
    /// [`StoreError`] when they cannot be read.
    pub fn segments(&self, corpus_key: &str) -> Result<Cuts, StoreError> {
        let sql = "SELECT file, start_ms, end_ms, act, audio FROM segment
                   WHERE corpus_id = (SELECT id FROM corpus WHERE key = ?1) ORDER BY at, id";
        let rows = self.read(sql, [corpus_key], |row| {
            let (file, act): (String, String) = (row.get(0)?, row.get(3)?);
            let audio: Option<String> = row.get(4)?;
            Ok((file, Span::millis(row.get(1)?, row.get(2)?), act == "cut", audio))
        })?;
        let mut parts: BTreeMap<ClipId, BTreeMap<Span, Cut>> = BTreeMap::new();
        for (file, span, is_cut, audio) in rows {
            // The table lets no other row in.
            let Some(span) = span else { continue };
            let of_file = parts.entry(ClipId(file.into())).or_default();
            if is_cut {
                of_file.insert(span, Cut { span, audio: audio.as_deref().and_then(AudioHash::parse) });
            } else {
                of_file.remove(&span);
            }
        }
        parts.retain(|_, parts| !parts.is_empty());
        Ok(parts.into_iter().map(|(file, parts)| (file, parts.into_values().collect())).collect())
    }

    /// Keeps changes to the parts of a corpus' recordings, all or none; those that change nothing (another process was
    /// quicker) are left out. Gives back those that did.
    ///
    /// # Errors
    /// [`StoreError`] when they cannot be written.
    pub fn recut(&mut self, corpus_key: &str, who: &Annotator, changes: &[Recut]) -> Result<Vec<Recut>, StoreError> {
        if changes.is_empty() {
            return Ok(Vec::new());
        }
        self.write(|tx| {
            let corpus = corpus_id(tx, corpus_key)?;
            let add = "INSERT INTO annotator (kind, name) VALUES (?1, ?2) ON CONFLICT DO NOTHING";
            tx.prepare_cached(add)?.execute([who.kind(), who.name()])?;
            // A clock that was set back must not put what happens now before what happened.
            let last = "SELECT max(at) FROM segment WHERE corpus_id = ?1";
            let last: Option<String> = tx.query_row(last, [corpus], |row| row.get(0))?;
            let at = Timestamp::now().to_string().max(last.unwrap_or_default());
            let mut done = Vec::new();
            for change in changes {
                if is_cut(tx, corpus, change)? != (change.act == CutAct::Cut) {
                    insert(tx, corpus, (who, &at), change)?;
                    done.push(change.clone());
                }
            }
            Ok(done)
        })
    }
}

fn is_cut(tx: &Transaction<'_>, corpus: i64, change: &Recut) -> rusqlite::Result<bool> {
    let span = change.cut.span;
    let sql = "SELECT act = 'cut' FROM segment WHERE corpus_id = ?1 AND file = ?2 AND start_ms = ?3 AND end_ms = ?4
               ORDER BY at DESC, id DESC LIMIT 1";
    let last = tx
        .prepare_cached(sql)?
        .query_row(params![corpus, change.file.0.as_str(), span.start_millis(), span.end_millis()], |row| row.get(0));
    Ok(last.optional()?.unwrap_or(false))
}

fn insert(tx: &Transaction<'_>, corpus: i64, (who, at): (&Annotator, &str), change: &Recut) -> rusqlite::Result<()> {
    let Cut { span, audio } = change.cut;
    let sql = "INSERT INTO segment (corpus_id, file, start_ms, end_ms, act, at, audio, annotator_id)
               SELECT ?1, ?2, ?3, ?4, ?5, ?6, ?7, id FROM annotator WHERE kind = ?8 AND name = ?9";
    tx.prepare_cached(sql)?.execute(params![
        corpus,
        change.file.0.as_str(),
        span.start_millis(),
        span.end_millis(),
        change.act.word(),
        at,
        audio.map(|audio| audio.to_string()),
        who.kind(),
        who.name()
    ])?;
    Ok(())
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use super::*;

    fn change(file: &str, (start, end): (u32, u32), act: CutAct) -> Recut {
        let cut = Cut { span: Span::millis(start, end).unwrap(), audio: Some(AudioHash([7; 32])) };
        Recut { file: ClipId(file.into()), cut, act }
    }

    fn spans(store: &Store, key: &str) -> Vec<(String, Vec<String>)> {
        let all = store.segments(key).unwrap().into_iter();
        all.map(|(file, cuts)| (file.0.to_string(), cuts.iter().map(|cut| cut.span.to_string()).collect())).collect()
    }

    fn events(store: &Store) -> i64 {
        store.db.query_row("SELECT count(*) FROM segment", [], |row| row.get(0)).unwrap()
    }

    #[test]
    fn parts_come_and_go_by_events_and_each_can_be_taken_back() {
        let folder = tempfile::tempdir().unwrap();
        let mut store = Store::open(&folder.path().join("x.db")).unwrap();
        let anna = Annotator::Human("anna".to_owned());
        assert_eq!(store.segments("/c").unwrap(), Cuts::new());
        let both = [change("b.wav", (2000, 3000), CutAct::Cut), change("a.wav", (0, 1500), CutAct::Cut)];
        assert_eq!(store.recut("/c", &anna, &both).unwrap(), both);
        assert_eq!(store.recut("/c", &anna, &both).unwrap(), [], "they are there already");
        let moved = [change("b.wav", (2000, 3000), CutAct::Uncut), change("b.wav", (2000, 3100), CutAct::Cut)];
        assert_eq!(store.recut("/c", &anna, &moved).unwrap(), moved);
        let one = |file: &str, span: &str| (file.to_owned(), vec![span.to_owned()]);
        assert_eq!(spans(&store, "/c"), [one("a.wav", "0000.000-0001.500"), one("b.wav", "0002.000-0003.100")]);
        assert_eq!(spans(&store, "/other"), []);
        let back: Vec<Recut> = moved.iter().rev().map(Recut::opposite).collect();
        store.recut("/c", &anna, &back).unwrap();
        assert_eq!(spans(&store, "/c"), [one("a.wav", "0000.000-0001.500"), one("b.wav", "0002.000-0003.000")]);
        store.recut("/c", &anna, &[both[1].opposite()]).unwrap();
        assert_eq!(spans(&store, "/c"), [one("b.wav", "0002.000-0003.000")]);
        assert_eq!(events(&store), 7, "nothing is ever deleted");
        assert_eq!(store.segments("/c").unwrap()[&both[0].file][0], both[0].cut);
    }

    #[test]
    fn a_merge_brings_cuts_and_removals_once() {
        let folder = tempfile::tempdir().unwrap();
        let anna = Annotator::Human("anna".to_owned());
        let [mut server, mut laptop] =
            ["server.db", "laptop.db"].map(|name| Store::open(&folder.path().join(name)).unwrap());
        let cuts = [change("a.wav", (0, 1500), CutAct::Cut), change("a.wav", (1500, 2000), CutAct::Cut)];
        laptop.recut("/home/c", &anna, &cuts).unwrap();
        laptop.recut("/home/c", &anna, &[cuts[0].opposite()]).unwrap();
        server.recut("/data/c", &Annotator::Human("ben".to_owned()), &[change("b.wav", (0, 9), CutAct::Cut)]).unwrap();
        let moved = [("/home".to_owned(), "/data".to_owned())];
        let merged = server.merge(&folder.path().join("laptop.db"), &moved).unwrap();
        assert_eq!(merged.plans, 3);
        let parts = |file: &str, span: &str| (file.to_owned(), vec![span.to_owned()]);
        assert_eq!(
            spans(&server, "/data/c"),
            [parts("a.wav", "0001.500-0002.000"), parts("b.wav", "0000.000-0000.009")]
        );
        assert_eq!(
            server.segments("/data/c").unwrap()[&cuts[1].file],
            [cuts[1].cut],
            "with the sound they were cut from"
        );
        let again = server.merge(&folder.path().join("laptop.db"), &moved).unwrap();
        assert_eq!((again.plans, events(&server)), (0, 4));
    }
}
