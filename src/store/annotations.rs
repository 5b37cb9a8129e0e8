//! Annotations in and out of the store: appended one transaction each, read in the order they were made.
//!
//! Deliberately absent: changing or removing one (the file itself refuses, by triggers), and what they add up to (see
//! `label::Ledger`).

use std::collections::{BTreeMap, HashMap};

use rusqlite::types::Type;
use rusqlite::{Connection, OptionalExtension, Row, Transaction, params};

use super::identity::{Identity, identity};
use super::journal::{Waiting, is_waiting};
use super::merge::{any_merged, in_order};
use super::{Store, StoreError, corpus_id};
use crate::corpus::ClipId;
use crate::label::{Act, Annotation, AnnotationId, Annotator, NewAnnotation, Occasion, SchemeId};

/// What became of annotations that had waited in a journal.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Recovered {
    /// Written now.
    pub added: usize,
    /// There already: an earlier recovery was cut off after it had written them.
    pub known: usize,
    /// Not to be written by any means, with the reason.
    pub refused: Vec<String>,
    /// The numbers in the store of those that had others.
    pub ids: HashMap<AnnotationId, AnnotationId>,
}

impl Store {
    /// Hands the annotations that [`Store::annotations`] gives to `take`, one after another, without keeping them (unless some
    /// came from another store and must be put in order).
    ///
    /// # Errors
    /// [`StoreError`] when they cannot be read.
    pub fn each_annotation(
        &self,
        corpus_key: &str,
        annotator: Option<&Annotator>,
        mut take: impl FnMut(Annotation),
    ) -> Result<(), StoreError> {
        if any_merged(&self.db).map_err(|error| self.failed(error))? {
            self.annotations(corpus_key, annotator)?.into_iter().for_each(take);
            return Ok(());
        }
        let each = |row: &Row<'_>| {
            take(annotation(row)?);
            Ok(())
        };
        self.rows(corpus_key, annotator, each).map(drop)
    }

    /// Appends an annotation of a clip of the corpus filed under `corpus_key`. It is on disk when this returns.
    ///
    /// # Errors
    /// [`StoreError`] when it cannot be written; `Refused` for a confidence outside 0..=1, empty names, and an undo or redo
    /// of something that this annotator did not say about this clip. Nothing is written then; the caller still has `new`.
    pub fn append(&mut self, corpus_key: &str, new: &NewAnnotation) -> Result<Annotation, StoreError> {
        check(new)?;
        let id = self.write(|tx| insert(tx, corpus_key, new))?;
        let id = id.ok_or_else(|| {
            let said = new.act.refers_to().map_or(0, |id| id.0);
            StoreError::Refused(format!("{} never said {said} about this clip", new.annotator))
        })?;
        Ok(new.clone().numbered(id))
    }

    /// Appends what waited in a journal, each exactly once, however often this is called: what is there already is known by
    /// who said what about which clip, and when. All is on disk when this returns, or nothing.
    ///
    /// # Errors
    /// [`StoreError`] when it cannot be written. Lines that make no sense are no error but [`Recovered::refused`].
    pub fn recover(&mut self, waiting: &[Waiting]) -> Result<Recovered, StoreError> {
        if waiting.is_empty() {
            return Ok(Recovered::default());
        }
        self.write(|tx| {
            let (mut known, mut recovered) = (known(tx, waiting)?, Recovered::default());
            waiting.iter().try_for_each(|line| recover_one(tx, line, &mut known, &mut recovered))?;
            Ok(recovered)
        })
    }

    /// Appends annotations, all or none, in this order. An undo or redo of one of them refers to it by
    /// [`AnnotationId::in_batch`].
    ///
    /// # Errors
    /// As [`Store::append`]; nothing is written then.
    pub fn append_all(&mut self, corpus_key: &str, all: &[NewAnnotation]) -> Result<Vec<AnnotationId>, StoreError> {
        all.iter().try_for_each(check)?;
        let mut dangling = None;
        let ids = self.write(|tx| {
            let mut ids: Vec<AnnotationId> = Vec::with_capacity(all.len());
            for (at, new) in all.iter().enumerate() {
                let inside = new.act.refers_to().and_then(AnnotationId::place_in_batch);
                let referring = inside.map(|place| match ids.get(place) {
                    Some(id) => NewAnnotation { act: new.act.clone().referring_to(*id), ..new.clone() },
                    None => new.clone(),
                });
                match insert(tx, corpus_key, referring.as_ref().unwrap_or(new))? {
                    Some(id) => ids.push(id),
                    None => {
                        dangling = Some(at);
                        return Err(rusqlite::Error::QueryReturnedNoRows);
                    }
                }
            }
            Ok(ids)
        });
        let refused = |at: usize| {
            let new = &all[at];
            StoreError::Refused(format!("{} never said what is undone about this clip", new.annotator))
        };
        ids.map_err(|error| dangling.map_or(error, refused))
    }

    /// The annotations of the corpus filed under `corpus_key`, of one annotator or all, in the order in which they were
    /// said: that of their ids, but for those that came from another store.
    ///
    /// # Errors
    /// [`StoreError`] when they cannot be read.
    pub fn annotations(&self, corpus_key: &str, annotator: Option<&Annotator>) -> Result<Vec<Annotation>, StoreError> {
        let said = self.rows(corpus_key, annotator, annotation)?;
        in_order(&self.db, said).map_err(|error| self.failed(error))
    }

    fn rows<T>(
        &self,
        corpus_key: &str,
        annotator: Option<&Annotator>,
        each: impl FnMut(&Row<'_>) -> rusqlite::Result<T>,
    ) -> Result<Vec<T>, StoreError> {
        match annotator {
            None => self.read(&format!("{SELECT} ORDER BY annotation.id"), [corpus_key], each),
            Some(who) => {
                let of_one = "annotator_id = (SELECT id FROM annotator WHERE kind = ?2 AND name = ?3)";
                let sql = format!("{SELECT} AND {of_one} ORDER BY annotation.id");
                self.read(&sql, [corpus_key, who.kind(), who.name()], each)
            }
        }
    }
}

/// Annotations of a corpus; conditions may follow.
pub(super) const SELECT: &str =
    "SELECT annotation.id, clip.name, audio, annotator.kind, annotator.name, scheme.name, scheme.version,
                             act, value, refers_to, confidence, at, exposure, question, occasion, listening
                      FROM annotation
                      JOIN clip ON clip.id = clip_id
                      JOIN annotator ON annotator.id = annotator_id
                      JOIN scheme ON scheme.id = scheme_id
                      WHERE annotation.corpus_id = (SELECT id FROM corpus WHERE key = ?1)";

/// The annotations in the store that could be one of those that wait: same corpus, same annotator, same time.
fn known(db: &Connection, waiting: &[Waiting]) -> rusqlite::Result<HashMap<Identity, AnnotationId>> {
    let mut spans: BTreeMap<(&str, &Annotator), [String; 2]> = BTreeMap::new();
    for Waiting { corpus_key, said } in waiting {
        let at = said.at.to_string();
        let span = spans.entry((corpus_key, &said.annotator)).or_insert_with(|| [at.clone(), at.clone()]);
        *span = [at.clone().min(span[0].clone()), at.max(span[1].clone())];
    }
    let mut known = HashMap::new();
    for ((corpus, who), [from, to]) in spans {
        let of_one = "annotator_id = (SELECT id FROM annotator WHERE kind = ?2 AND name = ?3)";
        let mut find = db.prepare_cached(&format!("{SELECT} AND {of_one} AND at BETWEEN ?4 AND ?5"))?;
        for said in find.query_map([corpus, who.kind(), who.name(), &from, &to], annotation)? {
            let said = said?;
            known.insert(identity(corpus, &said, &target(&said.act)), said.id);
        }
    }
    Ok(known)
}

fn target(act: &Act) -> Vec<u8> {
    act.refers_to().map(|id| id.0.to_le_bytes().to_vec()).unwrap_or_default()
}

fn recover_one(
    tx: &Transaction<'_>,
    line: &Waiting,
    known: &mut HashMap<Identity, AnnotationId>,
    into: &mut Recovered,
) -> rusqlite::Result<()> {
    let mut new = line.said.said.clone();
    new.act = renumbered(new.act, &into.ids);
    let name = identity(&line.corpus_key, &new, &target(&new.act));
    if let Some(id) = known.get(&name) {
        into.known += 1;
        into.ids.insert(line.said.id, *id);
        return Ok(());
    }
    let refused = |reason: String| format!("{} on {}: {reason}", new.act.word(), new.clip.0);
    match check(&new).map(|()| insert(tx, &line.corpus_key, &new)) {
        Err(error) => into.refused.push(refused(error.to_string())),
        Ok(Ok(None)) => into.refused.push(refused("what it refers to is not in the store".to_owned())),
        Ok(Err(error)) if super::error::is_constraint(&error) => into.refused.push(refused(error.to_string())),
        Ok(Err(error)) => return Err(error),
        Ok(Ok(Some(id))) => {
            into.added += 1;
            into.ids.insert(line.said.id, id);
            known.insert(name, id);
        }
    }
    Ok(())
}

/// The act, referring to the number that its target has in the store.
pub(crate) fn renumbered(act: Act, ids: &HashMap<AnnotationId, AnnotationId>) -> Act {
    let real = |id: AnnotationId| if is_waiting(id) { ids.get(&id).copied().unwrap_or(id) } else { id };
    match act {
        Act::Undo(id) => Act::Undo(real(id)),
        Act::Redo(id) => Act::Redo(real(id)),
        other => other,
    }
}

/// Refuses what makes no sense, before anything is written.
pub(crate) fn check(new: &NewAnnotation) -> Result<(), StoreError> {
    let refuse = |reason: String| Err(StoreError::Refused(reason));
    match new.confidence {
        Some(sure) if !(0.0..=1.0).contains(&sure) => refuse(format!("a confidence of {sure} is not in 0..=1")),
        _ if new.annotator.name().is_empty() => refuse("the annotator has no name".to_owned()),
        _ if new.scheme.name.is_empty() => refuse("the scheme has no name".to_owned()),
        _ => Ok(()),
    }
}

/// `None`: the undo or redo refers to something else than an act of this annotator on this clip.
pub(super) fn insert(
    tx: &Transaction<'_>,
    corpus_key: &str,
    new: &NewAnnotation,
) -> rusqlite::Result<Option<AnnotationId>> {
    let corpus = corpus_id(tx, corpus_key)?;
    let clip = row_id(tx, CLIP, params![corpus, new.clip.0.as_str()])?;
    let annotator = row_id(tx, ANNOTATOR, params![new.annotator.kind(), new.annotator.name()])?;
    if let Some(target) = new.act.refers_to() {
        let mut find = tx.prepare_cached(
            "SELECT 1 FROM annotation WHERE id = ?1 AND clip_id = ?2 AND annotator_id = ?3 AND refers_to IS NULL",
        )?;
        if find.query_row(params![target.0, clip, annotator], |_| Ok(())).optional()?.is_none() {
            return Ok(None);
        }
    }
    let scheme = row_id(tx, SCHEME, params![new.scheme.name, new.scheme.version])?;
    let (act, value, target) = (new.act.word(), new.act.value(), new.act.refers_to().map(|id| id.0));
    let (at, exposure) = (new.at.to_string(), new.exposure.as_ref().map(ToString::to_string));
    let listening = new.listening.as_ref().map(serde_json::to_string).transpose();
    let listening = listening.map_err(|error| rusqlite::Error::ToSqlConversionFailure(error.into()))?;
    tx.prepare_cached(
        "INSERT INTO annotation
             (corpus_id, clip_id, audio, annotator_id, scheme_id, act, value, refers_to, confidence, at, exposure,
              question, occasion, listening)
         VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9, ?10, ?11, ?12, ?13, ?14)",
    )?
    .execute(params![
        corpus,
        clip,
        new.audio,
        annotator,
        scheme,
        act,
        value,
        target,
        new.confidence,
        at,
        exposure,
        new.act.question(),
        (new.occasion != Occasion::Main).then(|| new.occasion.word()),
        listening
    ])?;
    Ok(Some(AnnotationId(tx.last_insert_rowid())))
}

/// Statements that find a row, and that add it.
const CLIP: [&str; 2] =
    ["SELECT id FROM clip WHERE corpus_id = ?1 AND name = ?2", "INSERT INTO clip (corpus_id, name) VALUES (?1, ?2)"];
const ANNOTATOR: [&str; 2] =
    ["SELECT id FROM annotator WHERE kind = ?1 AND name = ?2", "INSERT INTO annotator (kind, name) VALUES (?1, ?2)"];
const SCHEME: [&str; 2] =
    ["SELECT id FROM scheme WHERE name = ?1 AND version = ?2", "INSERT INTO scheme (name, version) VALUES (?1, ?2)"];

fn row_id(tx: &Transaction<'_>, [find, add]: [&str; 2], values: &[&dyn rusqlite::ToSql]) -> rusqlite::Result<i64> {
    match tx.prepare_cached(find)?.query_row(values, |row| row.get(0)).optional()? {
        Some(id) => Ok(id),
        None => tx.prepare_cached(add)?.insert(values),
    }
}

pub(super) fn annotation(row: &Row<'_>) -> rusqlite::Result<Annotation> {
    let id: i64 = row.get(0)?;
    let bad = |column, what: &str| {
        let reason = format!("annotation {id} has a senseless {what}");
        rusqlite::Error::FromSqlConversionFailure(column, Type::Text, reason.into())
    };
    let kind: String = row.get(3)?;
    let name: String = row.get(4)?;
    let word: String = row.get(7)?;
    let refers_to: Option<i64> = row.get(9)?;
    let at: String = row.get(11)?;
    let exposure: Option<String> = row.get(12)?;
    let question: Option<String> = row.get(13)?;
    let occasion: Option<String> = row.get(14)?;
    let listening: Option<String> = row.get(15)?;
    let act = Act::from_parts(&word, row.get(8)?, refers_to.map(AnnotationId)).ok_or_else(|| bad(7, "act"))?;
    let new = NewAnnotation {
        clip: ClipId(row.get_ref(1)?.as_str()?.into()),
        audio: row.get(2)?,
        annotator: Annotator::from_parts(&kind, &name).ok_or_else(|| bad(3, "annotator"))?,
        scheme: SchemeId { name: row.get(5)?, version: row.get(6)? },
        act: act.asked(question.unwrap_or_default()),
        confidence: row.get(10)?,
        exposure: exposure.map(|text| text.parse().map_err(|_| bad(12, "exposure"))).transpose()?,
        at: at.parse().map_err(|_| bad(11, "time"))?,
        occasion: occasion
            .map_or(Some(Occasion::Main), |word| Occasion::from_word(&word))
            .ok_or_else(|| bad(14, "occasion"))?,
        listening: listening.map(|text| serde_json::from_str(&text).map_err(|_| bad(15, "listening"))).transpose()?,
    };
    Ok(new.numbered(AnnotationId(id)))
}
