//! How long it will still take, from what was measured: epochs of the fit under way, folds that are done, classifiers
//! that were fitted before.
//!
//! No clock of its own: every time is handed in, in seconds since the start. Deliberately absent: guesses. What was never
//! timed is counted, not estimated.

use std::collections::BTreeMap;
use std::fmt;

use super::experiment::{Agenda, Series};
use crate::learn::Epoch;

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
    /// When it was last heard of.
    heard: f64,
    /// Its folds in all.
    folds: usize,
    /// Epochs of each of its folds that is judged.
    judged: Vec<usize>,
    /// Those that learn.
    learning: BTreeMap<usize, Course>,
    /// Seconds per fold of each classifier that is done.
    per_fold: BTreeMap<String, f64>,
}

/// A fold that learns.
#[derive(Debug, Clone, PartialEq, Default)]
struct Course {
    /// When its newest epoch was told.
    at: f64,
    /// Seconds of each epoch so far.
    seconds: Vec<f64>,
    epoch: usize,
    epochs: usize,
    may_stop: bool,
}

impl Course {
    /// Seconds of an epoch: mean of the newer half, because what else a machine does comes and goes.
    fn typical(&self) -> f64 {
        let newer = &self.seconds[self.seconds.len() / 2..];
        newer.iter().sum::<f64>() / newer.len().max(1) as f64
    }
}

impl Times {
    /// A series begins.
    pub fn series(&mut self, now: f64, folds: usize) {
        let per_fold = std::mem::take(&mut self.per_fold);
        *self = Times { began: now, heard: now, folds, per_fold, ..Times::default() };
    }

    /// A fold has learnt for one more epoch.
    pub fn epoch(&mut self, now: f64, fold: usize, epoch: &Epoch) {
        let course = self.learning.entry(fold).or_default();
        course.seconds.push(epoch.pace.seconds);
        (course.at, course.epoch, course.epochs, course.may_stop) = (now, epoch.epoch, epoch.epochs, epoch.may_stop);
        self.heard = now;
    }

    /// A fold of `model` is judged.
    pub fn fold(&mut self, now: f64, fold: usize, model: &str) {
        self.judged.push(self.learning.remove(&fold).map_or(0, |course| course.epoch));
        self.heard = now;
        self.per_fold.insert(model.to_owned(), (now - self.began) / self.judged.len() as f64);
    }

    /// Of the fit of a fold.
    pub fn of_fit(&self, now: f64, fold: usize) -> Option<Left> {
        let course = self.learning.get(&fold)?;
        let left = course.epochs.saturating_sub(course.epoch) as f64 * course.typical();
        Some(Left { seconds: (left - (now - course.at)).max(0.0), at_most: course.may_stop, untimed: 0 })
    }

    /// Of the series under way, if it goes on as until now; `None` before anything of it is measured.
    pub fn of_series(&self, now: f64) -> Option<Left> {
        let done = self.judged.len() as f64 + self.learning.values().map(|course| self.part(course)).sum::<f64>();
        if done == 0.0 {
            return None;
        }
        let per_fold = (self.heard - self.began) / done;
        // What learns takes at least another epoch, however long it has been silent.
        let least = self.learning.values().map(Course::typical).fold(0.0, f64::max);
        let seconds = (per_fold * (self.folds as f64 - done).max(0.0) - (now - self.heard)).max(least);
        let at_most = self.judged.is_empty() && self.learning.values().any(|course| course.may_stop);
        Some(Left { seconds, at_most, untimed: 0 })
    }

    /// How much of a fold that learns is done, 0..1: of as many epochs as the judged ones took, before the first of the
    /// most there can be.
    fn part(&self, course: &Course) -> f64 {
        let usual = self.judged.iter().sum::<usize>() as f64 / self.judged.len().max(1) as f64;
        let epochs = if usual > 0.0 { usual } else { course.epochs.max(1) as f64 };
        (course.epoch as f64 / epochs).min(1.0)
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
        times.epoch(12.0, 1, &epoch(1, 10, false));
        assert_eq!(times.of_series(12.0).unwrap().seconds, 48.0, "two folds side by side take half the time");
    }

    #[test]
    fn later_folds_are_judged_by_those_that_are_done() {
        let mut times = Times::default();
        times.series(0.0, 4);
        // It stops after five of at most ten epochs.
        (1..=5).for_each(|number| times.epoch(2.0 * f64::from(number), 0, &epoch(number as usize, 10, true)));
        times.fold(10.0, 0, "cnn");
        assert_eq!(times.of_fit(10.0, 0), None, "done");
        assert_eq!(times.of_series(10.0), Some(Left { seconds: 30.0, at_most: false, untimed: 0 }));
        times.epoch(12.0, 1, &epoch(1, 10, true));
        assert!((times.of_series(12.0).unwrap().seconds - 28.0).abs() < 1e-9, "a fifth of a fold is done");
        // The last fold takes much longer than the others did.
        [(20.0, 1), (30.0, 2)].into_iter().for_each(|(now, fold)| times.fold(now, fold, "cnn"));
        times.epoch(60.0, 3, &epoch(9, 10, true));
        assert_eq!(times.of_series(60.0).unwrap().seconds, 2.0, "never nothing while a fit is under way");
    }

    #[test]
    fn a_machine_that_is_busy_for_a_moment_changes_little() {
        let mut times = Times::default();
        times.series(0.0, 1);
        (1..=20).for_each(|number| times.epoch(2.0 * f64::from(number), 0, &epoch(number as usize, 40, true)));
        let slow = Epoch { pace: Pace { seconds: 8.0, clips_per_second: 1.0 }, ..epoch(21, 40, true) };
        times.epoch(48.0, 0, &slow);
        let left = times.of_fit(48.0, 0).unwrap().seconds;
        assert!((38.0..60.0).contains(&left), "{left} s for 19 epochs of mostly 2 s");
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
