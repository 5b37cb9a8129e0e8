//! A training under way as its news tell it: what the Train screen and the plain lines of a verb both show.
//!
//! No clock of its own: who hears the news says when, in seconds since the start. Deliberately absent: the job that sends
//! the news (`training.rs`) and how any of it looks.

use std::sync::Arc;

use super::eta::{Left, Times};
use super::experiment::{Agenda, Judged, News, Series};
use crate::learn::Epoch;
use crate::score::{Confusion, metric};

/// All that is known so far.
#[derive(Debug, Clone, Default)]
pub struct Live {
    /// What will be fitted; empty until it is known.
    pub agenda: Arc<Agenda>,
    /// Features that are being read: the set, clips done and in all.
    pub reading: (String, usize, usize),
    /// The classifier at work, its plan, its number and how many there are.
    pub model: Option<(String, String, usize, usize)>,
    /// Folds of the current classifier: done and in all.
    pub folds: (usize, usize),
    /// Epochs of the current classifier with their folds, in the order they came; only a fold's newest has its confusion.
    pub epochs: Vec<(usize, Epoch)>,
    /// Folds of the current classifier that are judged, with their test clips' confusion, in the order they came.
    pub judged: Vec<(usize, Confusion)>,
    /// Runs finished so far.
    pub finished: Vec<Arc<Judged>>,
    /// The last thing that went wrong without ending it.
    pub trouble: Option<String>,
    times: Times,
}

/// A confusion and the clips that it counts.
#[derive(Debug, Clone, PartialEq)]
pub struct SoFar {
    /// Rows are the truth.
    pub confusion: Confusion,
    /// Which clips.
    pub of: Of,
}

/// Which clips a confusion counts; never both.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Of {
    /// The test clips of so many judged folds, pooled.
    Test(usize),
    /// The inner development split of a fold (from 0) after an epoch (1-based).
    Inner(usize, usize),
}

impl Live {
    /// Takes in news that came `now` seconds after the start.
    pub fn hear(&mut self, news: &News, now: f64) {
        match news {
            News::Start(agenda) => self.agenda = Arc::clone(agenda),
            News::Reading { set, done, total } => {
                // Clips are told by several threads, not in order.
                let before = if self.reading.0 == *set { self.reading.1 } else { 0 };
                self.reading = (set.clone(), before.max(*done), *total);
            }
            News::Model { model, plan, index, of, folds } => {
                self.model = Some((model.clone(), plan.clone(), *index, *of));
                self.folds = (0, *folds);
                self.epochs.clear();
                self.judged.clear();
                self.times.series(now, *folds);
            }
            News::Epoch { fold, epoch } => {
                self.times.epoch(now, *fold, epoch);
                let before = self.epochs.iter_mut().rev().find(|(other, _)| other == fold);
                before.into_iter().for_each(|(_, old)| old.dev = None);
                self.epochs.push((*fold, epoch.clone()));
            }
            News::Fold { fold, confusion, done, folds, .. } => {
                let model = self.model.as_ref().map_or("", |model| &model.0);
                self.times.fold(now, *fold, model);
                self.folds = (self.folds.0.max(*done), *folds);
                self.judged.push((*fold, confusion.clone()));
            }
            // A search's trials are no folds; those come when its winners are judged.
            News::Trial { .. } => {}
            News::Run(judged) => self.finished.push(Arc::clone(judged)),
            News::Trouble(reason) => self.trouble = Some(reason.clone()),
        }
    }

    /// Share done, 0..1: classifiers counted alike, folds within the current one.
    pub fn share(&self) -> f64 {
        let Some((_, _, index, of)) = &self.model else { return 0.0 };
        // The epochs of a fold that is under way count as a part of it.
        let within = match self.epochs.last() {
            Some((fold, epoch)) if !self.is_judged(*fold) => epoch.epoch as f64 / epoch.epochs.max(1) as f64,
            _ => 0.0,
        };
        let model = (self.folds.0 as f64 + within).min(self.folds.1 as f64) / self.folds.1.max(1) as f64;
        (*index as f64 + model).min(*of as f64) / (*of).max(1) as f64
    }

    /// The current classifier and its plan.
    pub fn series(&self) -> Option<&Series> {
        self.agenda.series.get(self.model.as_ref()?.2)
    }

    /// What a fold is called beside its number: `speaker 12`; `None` when it has no name of its own.
    pub fn fold_name(&self, fold: usize) -> Option<&str> {
        let name = self.series()?.folds.get(fold)?;
        (*name != format!("fold {}", fold + 1) && self.folds.1 > 1).then_some(name)
    }

    /// The fold to look at: the lowest-numbered one still learning, so that folds that learn side by side do not take
    /// turns; after the last one, the one that spoke last. `None` for classifiers without epochs.
    pub fn fold(&self) -> Option<usize> {
        let learning = self.epochs.iter().map(|(fold, _)| *fold).filter(|fold| !self.is_judged(*fold)).min();
        learning.or_else(|| self.epochs.last().map(|(fold, _)| *fold))
    }

    /// Folds with epochs, ascending.
    pub fn folds_seen(&self) -> Vec<usize> {
        let mut folds: Vec<usize> = self.epochs.iter().map(|(fold, _)| *fold).collect();
        folds.sort_unstable();
        folds.dedup();
        folds
    }

    /// True once its test clips are judged.
    pub fn is_judged(&self, fold: usize) -> bool {
        self.judged.iter().any(|(judged, _)| *judged == fold)
    }

    /// Epochs of a fold, in order.
    pub fn epochs_of(&self, fold: usize) -> impl Iterator<Item = &Epoch> {
        self.epochs.iter().filter(move |(other, _)| *other == fold).map(|(_, epoch)| epoch)
    }

    /// The newest epoch of a fold.
    pub fn last_epoch(&self, fold: usize) -> Option<&Epoch> {
        self.epochs.iter().rev().find(|(other, _)| *other == fold).map(|(_, epoch)| epoch)
    }

    /// The test clips of the folds judged so far; before the first, the inner development clips of the newest epoch.
    pub fn so_far(&self) -> Option<SoFar> {
        if let Some((_, first)) = self.judged.first() {
            let mut confusion = Confusion::new(first.classes());
            self.judged.iter().for_each(|(_, more)| confusion.add(more));
            return Some(SoFar { confusion, of: Of::Test(self.judged.len()) });
        }
        let fold = self.fold()?;
        let epoch = self.last_epoch(fold)?;
        Some(SoFar { confusion: epoch.dev.clone()?, of: Of::Inner(fold, epoch.epoch) })
    }

    /// Left of the fit of a fold.
    pub fn fit_left(&self, now: f64, fold: usize) -> Option<Left> {
        self.times.of_fit(now, fold)
    }

    /// Left of everything; `None` before anything of the current classifier is measured.
    pub fn left(&self, now: f64) -> Option<Left> {
        self.times.of_all(now, &self.agenda, self.model.as_ref()?.2)
    }
}

impl SoFar {
    /// Recall averaged over the classes that occur.
    pub fn uar(&self) -> Option<f64> {
        uar(&self.confusion)
    }
}

/// Recall averaged over the classes that occur.
pub fn uar(confusion: &Confusion) -> Option<f64> {
    metric("uar").and_then(|metric| (metric.of)(confusion))
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use super::*;

    fn begun(folds: usize) -> Live {
        let mut live = Live::default();
        let names = (1..=folds).map(|fold| format!("speaker {fold}")).collect();
        let series = vec![Series { model: "cnn".into(), plan: "loso".into(), folds: names }];
        live.hear(&News::Start(Arc::new(Agenda { series, ..Agenda::default() })), 0.0);
        live.hear(&News::Model { model: "cnn".into(), plan: "loso".into(), index: 0, of: 1, folds }, 0.0);
        live
    }

    fn epoch(live: &mut Live, fold: usize, epoch: usize) {
        let dev = Confusion::of(&[0, 1], &[0, 0], 2).ok();
        live.hear(&News::Epoch { fold, epoch: Epoch { epoch, epochs: 9, dev, ..Epoch::default() } }, 1.0);
    }

    fn end(live: &mut Live, fold: usize) {
        let (confusion, done) = (Confusion::of(&[0, 1], &[0, 1], 2).unwrap(), live.folds.0 + 1);
        live.hear(&News::Fold { fold, confusion, seconds: 1.0, done, folds: live.folds.1 }, 1.0);
    }

    /// The fold looked at after each report; `(fold, true)` = that fold has ended.
    fn looked_at(reports: &[(usize, bool)]) -> Vec<usize> {
        let mut live = begun(4);
        let one = |&(fold, ended): &(usize, bool)| {
            if ended {
                end(&mut live, fold)
            } else {
                epoch(&mut live, fold, 1)
            }
            live.fold()
        };
        reports.iter().filter_map(one).collect()
    }

    #[test]
    fn the_view_stays_with_one_fold_while_several_learn() {
        assert_eq!(looked_at(&[(1, false), (0, false), (1, false), (1, false), (0, false)]), [1, 0, 0, 0, 0]);
        // Fold 1 ends first: 0 is still at it.
        assert_eq!(looked_at(&[(0, false), (1, false), (1, true), (2, false), (0, false)]), [0; 5]);
        // Fold 0 ends first: the next one takes over and keeps the place.
        assert_eq!(looked_at(&[(0, false), (1, false), (0, true), (2, false), (1, false)]), [0, 0, 1, 1, 1]);
        // One by one, and after the last one.
        assert_eq!(looked_at(&[(0, false), (0, true), (1, false), (1, true)]), [0, 0, 1, 1]);
        assert_eq!(begun(2).fold(), None);
    }

    #[test]
    fn test_clips_and_development_clips_are_never_mixed() {
        let mut live = begun(2);
        assert_eq!(live.so_far(), None);
        epoch(&mut live, 0, 1);
        epoch(&mut live, 0, 2);
        let so_far = live.so_far().unwrap();
        assert_eq!((so_far.of, so_far.uar()), (Of::Inner(0, 2), Some(0.5)));
        assert!(live.epochs[0].1.dev.is_none(), "only the newest is kept");
        end(&mut live, 0);
        epoch(&mut live, 1, 1);
        let so_far = live.so_far().unwrap();
        assert_eq!((so_far.of, so_far.confusion.total(), so_far.uar()), (Of::Test(1), 2, Some(1.0)));
        assert_eq!((live.share(), live.fold_name(1)), ((1.0 + 1.0 / 9.0) / 2.0, Some("speaker 2")));
        end(&mut live, 1);
        assert_eq!((live.so_far().unwrap().of, live.share()), (Of::Test(2), 1.0));
    }
}
