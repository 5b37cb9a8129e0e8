//! Runs in and out of the store.
//!
//! Deliberately absent: changing a run. A run can be removed, with its predictions.

use rusqlite::types::Type;
use rusqlite::{Row, Transaction, params};

use super::error::reason;
use super::{Prediction, Run, RunId, Store, StoreError, corpus_id};
use crate::corpus::ClipId;

/// The runs of a corpus, newest first, and those that cannot be read.
#[derive(Debug, Clone, PartialEq, Default)]
pub struct Runs {
    /// Without their predictions.
    pub runs: Vec<Run>,
    /// Runs whose rows make no sense.
    pub problems: Vec<RunProblem>,
}

/// A run that cannot be read.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct RunProblem {
    /// Its number.
    pub id: RunId,
    /// Why.
    pub reason: String,
}

impl Store {
    /// Stores a run with its predictions, all or nothing, under the corpus that its protocol names.
    ///
    /// # Errors
    /// [`StoreError`] when it cannot be written; `Refused` when a number is not finite or a class does not exist.
    pub fn save_run(&mut self, run: &Run) -> Result<RunId, StoreError> {
        if let Some(fault) = run.fault() {
            return Err(StoreError::Refused(fault));
        }
        self.write(|tx| insert_run(tx, run))
    }

    /// The runs on the corpus filed under `corpus_key`, newest first, without their predictions.
    ///
    /// # Errors
    /// [`StoreError`] when the file cannot be read; a single run that makes no sense becomes a problem instead.
    pub fn runs(&self, corpus_key: &str) -> Result<Runs, StoreError> {
        self.listed("WHERE corpus_id = (SELECT id FROM corpus WHERE key = ?1)", [corpus_key])
    }

    /// The runs on all corpora, newest first, without their predictions.
    ///
    /// # Errors
    /// As [`Store::runs`].
    pub fn all_runs(&self) -> Result<Runs, StoreError> {
        self.listed("", [])
    }

    /// True when there is a run of that number, readable or not.
    ///
    /// # Errors
    /// [`StoreError`] when the file cannot be read.
    pub fn has_run(&self, id: RunId) -> Result<bool, StoreError> {
        Ok(!self.read("SELECT id FROM run WHERE id = ?1", [id.0], |row| row.get::<_, i64>(0))?.is_empty())
    }

    /// Removes runs with their predictions, all of them or none.
    ///
    /// # Errors
    /// [`StoreError::NoRun`], naming those that do not exist; what keeps the file from being written.
    pub fn remove_runs(&mut self, ids: &[RunId]) -> Result<(), StoreError> {
        let known = self.read("SELECT id FROM run", [], |row| row.get(0).map(RunId))?;
        let unknown: Vec<RunId> = ids.iter().filter(|id| !known.contains(id)).copied().collect();
        if !unknown.is_empty() {
            return Err(StoreError::NoRun(unknown));
        }
        self.write(|tx| {
            let mut remove = tx.prepare_cached("DELETE FROM run WHERE id = ?1")?;
            ids.iter().try_for_each(|id| remove.execute([id.0]).map(drop))
        })
    }

    fn listed(&self, which: &str, params: impl rusqlite::Params) -> Result<Runs, StoreError> {
        let rows = self.read(&format!("{SELECT} {which} ORDER BY id DESC"), params, |row| {
            let id = RunId(row.get(0)?);
            Ok(run(row).map_err(|error| RunProblem { id, reason: reason(&error) }))
        })?;
        let mut runs = Runs::default();
        for row in rows {
            match row {
                Ok(run) => runs.runs.push(run),
                Err(problem) => runs.problems.push(problem),
            }
        }
        Ok(runs)
    }

    /// The run of that number with its predictions; `None` when there is none.
    ///
    /// # Errors
    /// [`StoreError`] when it cannot be read.
    pub fn run(&self, id: RunId) -> Result<Option<Run>, StoreError> {
        let Some(mut run) = self.read(&format!("{SELECT} WHERE id = ?1"), [id.0], run)?.pop() else {
            return Ok(None);
        };
        let sql =
            "SELECT clip, speaker, fold, truth, pred, p, seeds, audio FROM prediction WHERE run_id = ?1 ORDER BY row";
        run.predictions = self.read(sql, [id.0], prediction)?;
        match run.fault() {
            None => Ok(Some(run)),
            Some(reason) => {
                Err(StoreError::Damaged { path: self.path().to_owned(), reason: format!("run {}: {reason}", id.0) })
            }
        }
    }
}

const SELECT: &str = "SELECT id, started_at, fit_seconds, protocol, recipe, cost FROM run";

/// Adds a run without a fault.
pub(super) fn insert_run(tx: &Transaction<'_>, run: &Run) -> rusqlite::Result<RunId> {
    let refuse = |error: serde_json::Error| rusqlite::Error::ToSqlConversionFailure(error.into());
    let protocol = serde_json::to_string(&run.protocol).map_err(refuse)?;
    let recipe = serde_json::to_string(&run.recipe).map_err(refuse)?;
    let cost = run.cost.as_ref().map(serde_json::to_string).transpose().map_err(refuse)?;
    let corpus = corpus_id(tx, &run.protocol.data.corpus_key)?;
    let (at, classifier) = (run.started_at.to_string(), &run.recipe.classifier);
    let id = tx
        .prepare_cached(
            "INSERT INTO run (corpus_id, started_at, classifier, fit_seconds, protocol, recipe, cost)
             VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7)",
        )?
        .insert(params![corpus, at, classifier, run.fit_seconds, protocol, recipe, cost])?;
    insert_predictions(tx, id, &run.predictions)?;
    Ok(RunId(id))
}

fn insert_predictions(tx: &Transaction<'_>, run: i64, predictions: &[Prediction]) -> rusqlite::Result<()> {
    let mut insert = tx.prepare_cached(
        "INSERT INTO prediction (run_id, row, clip, speaker, fold, truth, pred, p, seeds, audio)
         VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9, ?10)",
    )?;
    for (row, one) in predictions.iter().enumerate() {
        let p: Vec<u8> = one.p.iter().flat_map(|score| score.to_le_bytes()).collect();
        // A class number is below 4096, as many as a head may have.
        let seeds: Vec<u8> = one.seeds.iter().flat_map(|&class| (class as u16).to_le_bytes()).collect();
        insert.execute(params![
            run,
            row,
            one.clip.0.as_str(),
            one.speaker,
            one.fold,
            one.truth,
            one.pred,
            p,
            seeds,
            one.audio
        ])?;
    }
    Ok(())
}

fn run(row: &Row<'_>) -> rusqlite::Result<Run> {
    let text = |column| row.get::<_, String>(column);
    let json = |column| move |error: serde_json::Error| bad(column, error.to_string());
    let cost: Option<String> = row.get(5)?;
    Ok(Run {
        id: Some(RunId(row.get(0)?)),
        started_at: text(1)?.parse().map_err(|error| bad(1, error))?,
        fit_seconds: row.get(2)?,
        protocol: serde_json::from_str(&text(3)?).map_err(json(3))?,
        recipe: serde_json::from_str(&text(4)?).map_err(json(4))?,
        cost: cost.map(|cost| serde_json::from_str(&cost)).transpose().map_err(json(5))?,
        predictions: Vec::new(),
    })
}

fn prediction(row: &Row<'_>) -> rusqlite::Result<Prediction> {
    let (scores, rest) = row.get_ref(5)?.as_blob()?.as_chunks::<4>();
    let (seeds, odd) = row.get_ref(6)?.as_blob()?.as_chunks::<2>();
    if !rest.is_empty() || !odd.is_empty() {
        return Err(bad(5, "scores are cut short".to_owned()));
    }
    Ok(Prediction {
        clip: ClipId(row.get_ref(0)?.as_str()?.into()),
        speaker: row.get(1)?,
        fold: row.get(2)?,
        truth: row.get(3)?,
        pred: row.get(4)?,
        p: scores.iter().map(|bytes| f32::from_le_bytes(*bytes)).collect(),
        seeds: seeds.iter().map(|bytes| usize::from(u16::from_le_bytes(*bytes))).collect(),
        audio: row.get(7)?,
    })
}

fn bad(column: usize, reason: String) -> rusqlite::Error {
    rusqlite::Error::FromSqlConversionFailure(column, Type::Text, reason.into())
}
