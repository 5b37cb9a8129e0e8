//! What a lead plans: rounds and proposed batches, each a row that is never changed; the newest holds.
//!
//! Deliberately absent: what a plan means (see `label::Round`), and who may plan.

use std::collections::BTreeSet;

use rusqlite::{Row, params};
use serde::{Deserialize, Serialize};

use super::{Store, StoreError, corpus_id};
use crate::corpus::ClipId;
use crate::label::{Round, Timestamp};

/// A round as it stands in a store.
#[derive(Debug, Clone, PartialEq)]
pub struct KeptRound {
    /// Who planned it.
    pub lead: String,
    /// When.
    pub at: Timestamp,
    /// The plan.
    pub round: Round,
}

/// Clips proposed to be labelled next.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Batch {
    /// The clips, in the order in which they are met.
    pub clips: Vec<Proposed>,
    /// What it was chosen by, in words: classifier, features, labels at the time.
    pub by: String,
    /// Clips that had a label then.
    pub labelled: usize,
    /// When.
    pub at: Timestamp,
}

/// A clip of a batch.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Proposed {
    /// Which.
    pub clip: ClipId,
    /// How it was chosen: `uncertain` (and unlike the others), `random`; for a review `suspect`, `control`.
    pub method: String,
}

impl Batch {
    /// Whether some of its clips were chosen so.
    pub fn is_of(&self, method: &str) -> bool {
        self.clips.iter().any(|one| one.method == method)
    }

    /// Whether it is to be looked at again by a lead, rather than labelled.
    pub fn is_review(&self) -> bool {
        self.is_of("suspect")
    }

    /// The ways in which its clips were chosen.
    pub fn methods(&self) -> String {
        let all: BTreeSet<&str> = self.clips.iter().map(|one| one.method.as_str()).collect();
        all.into_iter().collect::<Vec<_>>().join("+")
    }
}

impl Store {
    /// Keeps a round of the corpus filed under `corpus_key` and the scheme of that name; from now on it holds.
    ///
    /// # Errors
    /// [`StoreError`] when it cannot be written; `Refused` for a plan that cannot be carried out.
    pub fn save_round(&mut self, corpus_key: &str, scheme: &str, lead: &str, round: &Round) -> Result<(), StoreError> {
        round.check().map_err(StoreError::Refused)?;
        let plan = json(round)?;
        self.write(|tx| {
            let corpus = corpus_id(tx, corpus_key)?;
            let insert = "INSERT INTO round (corpus_id, scheme, lead, at, plan) VALUES (?1, ?2, ?3, ?4, ?5)";
            tx.prepare_cached(insert)?.execute(params![corpus, scheme, lead, Timestamp::now().to_string(), plan])?;
            Ok(())
        })
    }

    /// The round that holds.
    ///
    /// # Errors
    /// [`StoreError`] when it cannot be read.
    pub fn round(&self, corpus_key: &str, scheme: &str) -> Result<Option<KeptRound>, StoreError> {
        let sql = "SELECT lead, at, plan FROM round
                   WHERE corpus_id = (SELECT id FROM corpus WHERE key = ?1) AND scheme = ?2
                   ORDER BY at DESC, id DESC LIMIT 1";
        let rounds = self.read(sql, [corpus_key, scheme], |row| {
            Ok(KeptRound { lead: row.get(0)?, at: moment(row, 1)?, round: parsed(row, 2)? })
        })?;
        Ok(rounds.into_iter().next())
    }

    /// Keeps a batch; its clips come first in the queues from now on.
    ///
    /// # Errors
    /// [`StoreError`] when it cannot be written.
    pub fn save_batch(&mut self, corpus_key: &str, scheme: &str, batch: &Batch) -> Result<(), StoreError> {
        let facts = json(batch)?;
        self.write(|tx| {
            let corpus = corpus_id(tx, corpus_key)?;
            let insert = "INSERT INTO batch (corpus_id, scheme, method, at, facts) VALUES (?1, ?2, ?3, ?4, ?5)";
            tx.prepare_cached(insert)?.execute(params![
                corpus,
                scheme,
                batch.methods(),
                batch.at.to_string(),
                facts
            ])?;
            Ok(())
        })
    }

    /// All batches, oldest first.
    ///
    /// # Errors
    /// [`StoreError`] when they cannot be read.
    pub fn batches(&self, corpus_key: &str, scheme: &str) -> Result<Vec<Batch>, StoreError> {
        let sql = "SELECT facts FROM batch WHERE corpus_id = (SELECT id FROM corpus WHERE key = ?1) AND scheme = ?2
                   ORDER BY at, id";
        self.read(sql, [corpus_key, scheme], |row| parsed(row, 0))
    }
}

fn json(value: &impl Serialize) -> Result<String, StoreError> {
    serde_json::to_string(value).map_err(|error| StoreError::Refused(error.to_string()))
}

fn parsed<T: for<'a> Deserialize<'a>>(row: &Row<'_>, column: usize) -> rusqlite::Result<T> {
    let text: String = row.get(column)?;
    serde_json::from_str(&text).map_err(|error| senseless(column, error))
}

fn moment(row: &Row<'_>, column: usize) -> rusqlite::Result<Timestamp> {
    let text: String = row.get(column)?;
    text.parse().map_err(|error: String| senseless(column, error))
}

fn senseless(column: usize, why: impl Into<Box<dyn std::error::Error + Send + Sync>>) -> rusqlite::Error {
    rusqlite::Error::FromSqlConversionFailure(column, rusqlite::types::Type::Text, why.into())
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use super::*;

    #[test]
    fn the_newest_round_of_a_scheme_holds_and_batches_stay_in_order() {
        let folder = tempfile::tempdir().unwrap();
        let mut store = Store::open(&folder.path().join("x.db")).unwrap();
        assert_eq!(store.round("/c", "s").unwrap(), None);
        let mut round = Round { raters: vec!["anna".to_owned()], repeats: 0.1, ..Round::default() };
        round.gold.entry(ClipId("a".into())).or_default().insert(String::new(), "fear".to_owned());
        for plan in [&Round::default(), &round] {
            store.save_round("/c", "s", "lea", plan).unwrap();
        }
        let kept = store.round("/c", "s").unwrap().unwrap();
        assert_eq!((kept.lead.as_str(), kept.round), ("lea", round.clone()));
        assert_eq!(store.round("/c", "other").unwrap(), None);
        let refused = store.save_round("/c", "s", "lea", &Round { overlap: 3, ..round }).unwrap_err();
        assert!(matches!(refused, StoreError::Refused(_)), "{refused}");
        let batch = |method: &str| Batch {
            clips: ["b", "a"].map(|id| Proposed { clip: ClipId(id.into()), method: method.to_owned() }).to_vec(),
            by: "svm".to_owned(),
            labelled: 3,
            at: Timestamp::now(),
        };
        let both = [batch("random"), batch("uncertain")];
        both.iter().for_each(|batch| store.save_batch("/c", "s", batch).unwrap());
        assert_eq!(store.batches("/c", "s").unwrap(), both);
    }
}
