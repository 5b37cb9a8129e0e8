//! How long it will still take, from what was measured: epochs of the fit under way, folds that are done, classifiers
//! that were fitted before.
//!
//! No clock of its own: every time is handed in, in seconds since the start. Deliberately absent: guesses. What was never
//! timed is counted, not estimated.

use std::collections::BTreeMap;
use std::fmt;

use super::experiment::{Agenda, Series};
use crate::learn::Epoch;

/// Epochs that an epoch's time is judged by: the newest of a fit.
const RECENT: usize = 9;

/// Time that is left.
#[derive(Debug, Clone, Copy, PartialEq, Default)]
pub struct Left {
    /// Seconds.
    pub seconds: f64,
    /// Whether early stopping may end it sooner.
    pub at_most: bool,
    /// Classifiers to come whose time is not known; not in `seconds`.
    pub untimed: usize,
}

/// What was measured.
#[derive(Debug, Clone, PartialEq, Default)]
pub struct Times {
    /// When the series under way began.
    began: f64,
    /// When its last fold was judged.
    judged: f64,
    /// When the newest epoch of each of its folds was told, and that fold's epochs' seconds, newest last.
    epochs: BTreeMap<usize, (f64, Vec<f64>, Epoch)>,
    /// Folds of it that are judged and in all.
    folds: (usize, usize),
    /// Seconds per fold of each classifier that is done.
    per_fold: BTreeMap<String, f64>,
}

impl Times {
    /// A series begins.
    pub fn series(&mut self, now: f64, folds: usize) {
        *self = Times {
            began: now,
            judged: now,
            folds: (0, folds),
            per_fold: std::mem::take(&mut self.per_fold),
            ..Times::default()
        };
    }

    /// A fold has learnt for one more epoch.
    pub fn epoch(&mut self, now: f64, fold: usize, epoch: &Epoch) {
        let (at, seconds, last) = self.epochs.entry(fold).or_default();
        seconds.push(epoch.pace.seconds);
        *at = now;
        *last = Epoch { dev: None, ..epoch.clone() };
    }

    /// A fold of `model` is judged.
    pub fn fold(&mut self, now: f64, fold: usize, model: &str) {
        self.folds.0 += 1;
        self.judged = now;
        self.epochs.remove(&fold);
        self.per_fold.insert(model.to_owned(), self.per_fold_now());
    }

    /// Time from fold to fold, however many learn side by side.
    fn per_fold_now(&self) -> f64 {
        (self.judged - self.began) / self.folds.0.max(1) as f64
    }

    /// Of the fit of a fold.
    pub fn of_fit(&self, now: f64, fold: usize) -> Option<Left> {
        let (at, seconds, epoch) = self.epochs.get(&fold)?;
        let left = epoch.epochs.saturating_sub(epoch.epoch) as f64 * typical(seconds);
        Some(Left { seconds: (left - (now - at)).max(0.0), at_most: epoch.may_stop, untimed: 0 })
    }

    /// Of the series under way; `None` before anything of it is measured.
    pub fn of_series(&self, now: f64) -> Option<Left> {
        let (done, all) = self.folds;
        let to_come = all.saturating_sub(done) as f64;
        if done > 0 {
            // A fold that takes longer than the others did takes at least another epoch.
            let least = self.epochs.values().map(|(_, seconds, _)| typical(seconds)).fold(0.0, f64::max);
            let seconds = (self.per_fold_now() * to_come - (now - self.judged)).max(least);
            return Some(Left { seconds, ..Left::default() });
        }
        let whole = |(_, seconds, epoch): &(f64, Vec<f64>, Epoch)| epoch.epochs as f64 * typical(seconds);
        let side_by_side = self.epochs.len() as f64;
        let longest = self.epochs.values().map(whole).reduce(f64::max)?;
        let fit =
            self.epochs.keys().filter_map(|&fold| self.of_fit(now, fold)).map(|left| left.seconds).fold(0.0, f64::max);
        let seconds = (longest * to_come / side_by_side - (now - self.began)).max(fit);
        let at_most = self.epochs.values().any(|(_, _, epoch)| epoch.may_stop);
        Some(Left { seconds, at_most, untimed: 0 })
    }

    /// Of everything: the series under way, number `index` of `agenda`, and those after it.
    pub fn of_all(&self, now: f64, agenda: &Agenda, index: usize) -> Option<Left> {
        let now = self.of_series(now)?;
        let to_come = agenda.series.iter().skip(index + 1);
        Some(to_come.fold(now, |left, series| self.with(left, series)))
    }

    fn with(&self, left: Left, series: &Series) -> Left {
        match self.per_fold.get(&series.model) {
            Some(per_fold) => Left { seconds: left.seconds + per_fold * series.folds.len() as f64, ..left },
            None => Left { untimed: left.untimed + 1, ..left },
        }
    }
}

/// Median of the newest.
fn typical(seconds: &[f64]) -> f64 {
    let mut recent = seconds[seconds.len().saturating_sub(RECENT)..].to_vec();
    recent.sort_by(f64::total_cmp);
    recent.get(recent.len() / 2).copied().unwrap_or(0.0)
}

/// Seconds as `12 s`, `2:05`, `1 h 02 min`.
pub fn span(seconds: f64) -> String {
    let whole = seconds.round() as u64;
    match whole {
        0..60 => format!("{whole} s"),
        60..3600 => format!("{}:{:02}", whole / 60, whole % 60),
        _ => format!("{} h {:02} min", whole / 3600, whole / 60 % 60),
    }
}

impl fmt::Display for Left {
    /// `about 3:10 left`, `at most 40 s left, 2 classifiers not timed yet`; no finer than it can be known.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let how = if self.at_most { "at most" } else { "about" };
        write!(f, "{how} {} left", span(self.seconds.ceil()))?;
        match self.untimed {
            0 => Ok(()),
            1 => f.write_str(", 1 more fit not timed yet"),
            more => write!(f, ", {more} more fits not timed yet"),
        }
    }
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use super::*;
    use crate::learn::Pace;

    fn epoch(epoch: usize, epochs: usize, may_stop: bool) -> Epoch {
        Epoch { epoch, epochs, may_stop, pace: Pace { seconds: 2.0, clips_per_second: 100.0 }, ..Epoch::default() }
    }

    fn series(model: &str, folds: usize) -> Series {
        Series { model: model.to_owned(), plan: "loso".to_owned(), folds: vec![String::new(); folds] }
    }

    #[test]
    fn the_first_fold_is_judged_by_its_epochs_and_says_at_most() {
        let mut times = Times::default();
        times.series(10.0, 5);
        assert_eq!(times.of_series(11.0), None, "nothing is measured yet");
        times.epoch(12.0, 0, &epoch(1, 10, true));
        assert_eq!(times.of_fit(12.0, 0), Some(Left { seconds: 18.0, at_most: true, untimed: 0 }));
        // Five folds of ten epochs of two seconds, of which two seconds are over.
        assert_eq!(times.of_series(12.0), Some(Left { seconds: 98.0, at_most: true, untimed: 0 }));
        assert_eq!(times.of_series(13.0).unwrap().seconds, 97.0, "time passes between epochs");
        times.epoch(14.0, 1, &epoch(1, 10, true));
        assert_eq!(times.of_series(14.0).unwrap().seconds, 46.0, "two folds side by side take half the time");
    }

    #[test]
    fn later_folds_are_judged_by_those_that_are_done() {
        let mut times = Times::default();
        times.series(0.0, 4);
        times.epoch(2.0, 0, &epoch(1, 10, true));
        times.fold(12.0, 0, "cnn");
        assert_eq!(times.of_fit(12.0, 0), None, "done");
        assert_eq!(times.of_series(12.0), Some(Left { seconds: 36.0, at_most: false, untimed: 0 }));
        times.epoch(14.0, 1, &epoch(1, 10, true));
        assert_eq!(times.of_series(14.0).unwrap().seconds, 34.0);
        // The last fold takes much longer than the others did.
        [(24.0, 1), (36.0, 2)].into_iter().for_each(|(now, fold)| times.fold(now, fold, "cnn"));
        times.epoch(60.0, 3, &epoch(9, 10, true));
        assert_eq!(times.of_series(60.0).unwrap().seconds, 2.0, "never nothing while a fit is under way");
    }

    #[test]
    fn what_was_never_timed_is_counted() {
        let agenda = Agenda { series: vec![series("cnn", 2), series("svm", 2), series("cnn", 3)], ..Agenda::default() };
        let mut times = Times::default();
        times.series(0.0, 2);
        assert_eq!(times.of_all(1.0, &agenda, 0), None);
        times.fold(10.0, 0, "cnn");
        // One fold of this series and three of the last one.
        let left = times.of_all(10.0, &agenda, 0).unwrap();
        assert_eq!(left, Left { seconds: 40.0, at_most: false, untimed: 1 });
        assert_eq!(left.to_string(), "about 40 s left, 1 more fit not timed yet");
        let long = |seconds, at_most| Left { seconds, at_most, untimed: 0 }.to_string();
        assert_eq!(long(125.0, true), "at most 2:05 left");
        assert_eq!(long(7260.2, false), "about 2 h 01 min left");
    }
}
