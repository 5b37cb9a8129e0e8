//! What a killed comparison or training needs to go on to the same bits (`--resume`).
//!
//! A run has a folder, named after all that decides its result: data, splits, recipe, features, version of emolab. In it lie
//! the scores of finished folds, what tuning chose there and, for each net that is not done, its state after the last epoch. Files appear whole
//! (renamed into place) but nobody waits until they are on the disk: that would cost more than an epoch, and a file that a power
//! cut spoils is noticed by its checksum. Nothing here ends a run: what cannot be written or read is told, once.
//! Deliberately absent: locks. Two equal runs at once write equal files.

use std::fs;
use std::io::ErrorKind;
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, PoisonError};

use ndarray::Array2;

use super::experiment::News;
use crate::job::Watch;
use crate::learn::cnn::Keeper;
use crate::learn::committee::Verdict;
use crate::learn::{LearnError, Weights, model_file};
use crate::store::{RunId, Winner};

/// Where checkpoints are, and whether to go on from them.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Checkpoints {
    /// Holds a folder per run.
    pub folder: PathBuf,
    /// False: what an earlier run left is replaced.
    pub resume: bool,
}

/// The checkpoints of one run.
#[derive(Debug)]
pub struct Shelf {
    folder: PathBuf,
    notices: Arc<Notices>,
}

/// What the user should hear of.
#[derive(Debug, Default)]
struct Notices(Mutex<(Vec<String>, bool)>);

impl Notices {
    fn add(&self, text: String) {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).0.push(text);
    }

    /// A full disk stays full: said the first time only.
    fn not_written(&self, why: &dyn std::fmt::Display) {
        let mut all = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        if !all.1 {
            all.0.push(format!("no checkpoints, so this run could not be resumed: {why}"));
        }
        all.1 = true;
    }
}

impl Shelf {
    /// The shelf of the run whose result `key` decides; empty unless it is to be resumed.
    pub(super) fn open(at: &Checkpoints, key: &str) -> Shelf {
        let name = &blake3::hash(key.as_bytes()).to_hex()[..16];
        let shelf = Shelf { folder: at.folder.join(name), notices: Arc::default() };
        if !at.resume {
            shelf.clear();
        }
        if let Err(why) = fs::create_dir_all(&shelf.folder) {
            shelf.notices.not_written(&format!("{}: {why}", shelf.folder.display()));
        }
        shelf
    }

    /// Tells what there is to tell.
    pub(super) fn tell(&self, watch: &dyn Watch<News>) {
        let notices = std::mem::take(&mut self.notices.0.lock().unwrap_or_else(PoisonError::into_inner).0);
        notices.into_iter().for_each(|text| watch.tell(News::Trouble(text)));
    }

    /// The place of a fit's checkpoints.
    pub(super) fn keeper(&self, fold: usize, fit: &str) -> Arc<dyn Keeper> {
        let path = self.folder.join(format!("fold-{fold}.{fit}.safetensors"));
        Arc::new(File { path, notices: Arc::clone(&self.notices) })
    }

    /// What a finished fold said of its test clips, if it is there and of this shape: clips, classes, seeds.
    pub(super) fn verdict(&self, fold: usize, shape: (usize, usize, usize)) -> Option<Verdict> {
        let found = verdict(&read(&self.scores(fold), &self.notices)?, shape);
        if found.is_none() {
            self.notices.add(format!("{}: of another run; the fold starts afresh", self.scores(fold).display()));
        }
        found
    }

    /// Keeps what a finished fold said; the states of its fits are of no more use.
    pub(super) fn keep(&self, fold: usize, verdict: &Verdict) {
        let written = weights(verdict).and_then(|weights| model_file::write_soon(&self.scores(fold), &weights));
        match written {
            Ok(()) => self.remove(&format!("fold-{fold}.fit")),
            Err(why) => self.notices.not_written(&why),
        }
    }

    /// What tuning chose in a fold, if it is there.
    pub(super) fn winner(&self, fold: usize) -> Option<Winner> {
        let path = self.chosen(fold);
        let found = read(&path, &self.notices)?.get_json("winner");
        found.map_err(|why| self.notices.add(format!("{}: {why}; it is chosen afresh", path.display()))).ok()
    }

    /// Keeps what tuning chose in a fold; whatever is there was said by another choice, and is void.
    pub(super) fn keep_winner(&self, fold: usize, winner: &Winner) {
        self.remove(&format!("fold-{fold}."));
        let mut weights = Weights::default();
        let written = weights.put_json("winner", winner);
        if let Err(why) = written.and_then(|()| model_file::write_soon(&self.chosen(fold), &weights)) {
            self.notices.not_written(&why);
        }
    }

    /// The number under which the finished run was stored, if it was.
    pub(super) fn stored(&self) -> Option<RunId> {
        fs::read_to_string(self.folder.join("run")).ok()?.trim().parse().ok().map(RunId)
    }

    /// Notes the number under which the finished run is stored: resumed, it is not stored again.
    pub(super) fn note_stored(&self, id: RunId) {
        if let Err(why) = fs::write(self.folder.join("run"), id.0.to_string()) {
            self.notices.not_written(&why);
        }
    }

    /// Removes everything: the result is safe elsewhere.
    pub fn clear(&self) {
        match fs::remove_dir_all(&self.folder) {
            Err(why) if why.kind() != ErrorKind::NotFound => {
                self.notices.not_written(&format!("{}: {why}", self.folder.display()));
            }
            _ => {}
        }
    }

    fn scores(&self, fold: usize) -> PathBuf {
        self.folder.join(format!("fold-{fold}.scores.safetensors"))
    }

    fn chosen(&self, fold: usize) -> PathBuf {
        self.folder.join(format!("fold-{fold}.winner.safetensors"))
    }

    fn remove(&self, prefix: &str) {
        let entries = fs::read_dir(&self.folder).into_iter().flatten().flatten();
        for entry in entries.filter(|entry| entry.file_name().to_string_lossy().starts_with(prefix)) {
            // What stays is not read again: the fold's scores are there.
            let _ = fs::remove_file(entry.path());
        }
    }
}

/// The last checkpoint of one fit.
struct File {
    path: PathBuf,
    notices: Arc<Notices>,
}

impl Keeper for File {
    fn read(&self) -> Result<Option<Weights>, LearnError> {
        Ok(read(&self.path, &self.notices))
    }

    fn write(&self, checkpoint: &Weights) -> Result<(), LearnError> {
        if let Err(why) = model_file::write_soon(&self.path, checkpoint) {
            self.notices.not_written(&why);
        }
        Ok(())
    }

    fn refused(&self, why: LearnError) -> Result<(), LearnError> {
        self.notices.add(format!("{}: {why}; the fit starts afresh", self.path.display()));
        Ok(())
    }
}

/// `None` where there is nothing, or nothing that can be read.
fn read(path: &Path, notices: &Notices) -> Option<Weights> {
    if !path.exists() {
        return None;
    }
    let found = model_file::read(path);
    found.map_err(|why| notices.add(format!("a checkpoint is of no use, its fit starts afresh: {why}"))).ok()
}

/// Scores to the last bit, which f32 tensors would lose.
fn weights(verdict: &Verdict) -> Result<Weights, LearnError> {
    let (clips, classes) = verdict.scores.dim();
    let all = std::iter::once(&verdict.scores).chain(&verdict.seeds);
    let mut weights = Weights::default();
    weights.put_json("shape", &(clips, classes, verdict.seeds.len()))?;
    let bytes = all.flat_map(|scores| scores.iter().flat_map(|score| score.to_le_bytes())).collect();
    weights.bytes.insert("scores".to_owned(), bytes);
    Ok(weights)
}

fn verdict(weights: &Weights, shape: (usize, usize, usize)) -> Option<Verdict> {
    let found: (usize, usize, usize) = weights.get_json("shape").ok()?;
    let (numbers, rest) = weights.bytes.get("scores")?.as_chunks::<8>();
    let (clips, classes, seeds) = shape;
    if found != shape || !rest.is_empty() || numbers.len() != clips * classes * (1 + seeds) {
        return None;
    }
    let numbers: Vec<f64> = numbers.iter().map(|bytes| f64::from_le_bytes(*bytes)).collect();
    let each = numbers.chunks_exact((clips * classes).max(1));
    let mut each = each.map(|part| Array2::from_shape_vec((clips, classes), part.to_vec()).ok());
    Some(Verdict { scores: each.next()??, seeds: each.collect::<Option<_>>()? })
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use super::*;
    use ndarray::array;

    fn shelf(folder: &Path, resume: bool) -> Shelf {
        Shelf::open(&Checkpoints { folder: folder.to_owned(), resume }, "a run")
    }

    fn some() -> Verdict {
        let scores = array![[0.1 + 0.2, 0.7], [1e-300, 1.0]];
        Verdict { seeds: vec![scores.clone(), scores.clone() * 0.3], scores }
    }

    fn said(shelf: &Shelf) -> Vec<String> {
        std::mem::take(&mut shelf.notices.0.lock().unwrap().0)
    }

    #[test]
    fn scores_come_back_to_the_bit_and_only_where_asked_for() {
        let folder = tempfile::tempdir().unwrap();
        let first = shelf(folder.path(), false);
        first.keeper(3, "fit.seed-0").write(&Weights::default()).unwrap();
        first.keep(3, &some());
        assert_eq!(fs::read_dir(&first.folder).unwrap().count(), 1, "the fit's state is gone");
        let again = shelf(folder.path(), true);
        assert_eq!(again.verdict(3, (2, 2, 2)), Some(some()));
        assert_eq!((again.verdict(2, (2, 2, 2)), said(&again).len()), (None, 0));
        assert_eq!((again.verdict(3, (2, 2, 1)), said(&again).len()), (None, 1));
        assert_eq!(shelf(folder.path(), false).verdict(3, (2, 2, 2)), None, "not resumed, it is replaced");
        assert!(
            Shelf::open(&Checkpoints { folder: folder.path().to_owned(), resume: true }, "another").folder
                != again.folder
        );
    }

    #[test]
    fn damage_is_told_and_ends_nothing() {
        let folder = tempfile::tempdir().unwrap();
        let shelf = shelf(folder.path(), true);
        let keeper = shelf.keeper(0, "fit");
        keeper.write(&Weights::default()).unwrap();
        assert_eq!(keeper.read(), Ok(Some(Weights::default())));
        let path = shelf.folder.join("fold-0.fit.safetensors");
        let whole = fs::read(&path).unwrap();
        fs::write(&path, &whole[..whole.len() / 2]).unwrap();
        assert_eq!(keeper.read(), Ok(None));
        keeper.refused(LearnError::BadModel("of another fit".to_owned())).unwrap();
        let said = said(&shelf);
        assert!(said[0].contains("cut short") && said[1].contains("of another fit"), "{said:?}");
    }

    #[test]
    fn a_disk_that_takes_nothing_is_told_once() {
        let folder = tempfile::tempdir().unwrap();
        fs::write(folder.path().join("file"), "").unwrap();
        let shelf = shelf(&folder.path().join("file"), false);
        for _ in 0..3 {
            shelf.keeper(0, "fit").write(&Weights::default()).unwrap();
            shelf.keep(0, &some());
        }
        let said = said(&shelf);
        assert!(said.len() == 1 && said[0].contains("no checkpoints"), "{said:?}");
    }
}
