//! Which columns of a feature set tell the classes of a corpus apart: a job that computes the features and ranks them.
//!
//! For looking: the ranking has seen the labels of all clips. Deliberately absent: choosing features by it before a
//! comparison, which would leak the test clips; a comparison never reads what is computed here.

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::mpsc::Sender;
use std::time::{Duration, Instant};

use anyhow::{Result, bail};
use ndarray::{Array2, Axis};
use rayon::prelude::*;

use super::experiment::News;
use super::material::{Listener, data};
use super::{Settings, Update};
use crate::corpus::{Corpus, Target, Task, task};
use crate::features::cache::Cache;
use crate::features::{Column, Kind, Preparation, feature_set};
use crate::job::{Job, Mapped, Report, Watch};
use crate::learn::{Inputs, Norm};
use crate::score::{anova_f, mutual_information};

/// What is asked.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Inquiry {
    /// The feature set, as typed; one that makes rows.
    pub set: String,
    /// Whose classes are to be told apart.
    pub target: Target,
    /// [`Norm::Speaker`] looks at values scaled within each speaker; every other norm at the values as they are, because
    /// neither figure depends on the unit.
    pub norm: Norm,
}

/// The values of a feature set on all clips that have the target; each clip's audio once.
#[derive(Debug)]
pub struct Table {
    set: String,
    /// Classes, clips and speakers.
    pub task: Task,
    /// What the columns are.
    pub columns: Vec<Column>,
    /// What was done to the clips before.
    pub preparation: Preparation,
    /// One row per clip of the task.
    values: Array2<f64>,
}

/// How well a column tells the classes apart; dashes where it is constant.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Figures {
    /// ANOVA's F: see [`anova_f`].
    pub f: Option<f64>,
    /// Mutual information in nats: see [`mutual_information`].
    pub mi: Option<f64>,
}

/// The answer.
#[derive(Debug)]
pub struct Ranked {
    /// The question.
    pub inquiry: Inquiry,
    /// Where the values come from.
    pub table: Arc<Table>,
    /// Of each column, in the set's order.
    pub figures: Vec<Figures>,
    /// Scaled within each speaker, if that was asked for.
    scaled: Option<Array2<f64>>,
}

/// How far the job is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Progress {
    /// Clips that have their features, of all.
    Reading(usize, usize),
    /// Columns that are ranked, of all.
    Ranking(usize, usize),
}

/// The job that is running or ended last.
pub struct Ranking {
    number: u64,
    /// What was asked.
    pub inquiry: Inquiry,
    /// How far it is.
    pub progress: Progress,
    /// `None` while it runs; then how it ended.
    pub end: Option<Result<(), String>>,
    started: Instant,
    job: Job,
}

/// The last job and the last answer.
#[derive(Default)]
pub(super) struct Rankings {
    pub(super) running: Option<Ranking>,
    pub(super) ranked: Option<Arc<Ranked>>,
}

impl Ranked {
    /// The values of a column, one per clip of the task.
    pub fn column(&self, column: usize) -> Vec<f64> {
        let values = self.scaled.as_ref().unwrap_or(&self.table.values);
        values.column(column).to_vec()
    }
}

impl Ranking {
    /// True until the job has ended.
    pub fn is_running(&self) -> bool {
        self.end.is_none()
    }

    /// Share done, 0..1: nearly all of the time goes into reading.
    pub fn share(&self) -> f64 {
        match self.progress {
            Progress::Reading(done, total) => 0.95 * done as f64 / total.max(1) as f64,
            Progress::Ranking(done, total) => 0.95 + 0.05 * done as f64 / total.max(1) as f64,
        }
    }

    /// Time left if it goes on as until now; `None` before anything is done.
    pub fn remaining(&self) -> Option<Duration> {
        let (Progress::Reading(done, total) | Progress::Ranking(done, total)) = self.progress;
        (done > 0 && self.is_running()).then(|| self.started.elapsed().mul_f64((total - done) as f64 / done as f64))
    }
}

impl Rankings {
    /// Starts the job; values that the last answer holds already are not computed again.
    pub(super) fn start(
        &mut self,
        inquiry: Inquiry,
        corpus: &Arc<Corpus>,
        (settings, send): (&Settings, &Sender<Update>),
    ) -> Result<()> {
        let number = self.running.as_ref().map_or(0, |last| last.number + 1);
        let known = self.ranked.as_ref().map(|ranked| Arc::clone(&ranked.table)).filter(|table| table.is_for(&inquiry));
        let (corpus, settings, send, asked) = (Arc::clone(corpus), settings.clone(), send.clone(), inquiry.clone());
        let report = move |report| drop(send.send(Update::Columns(number, report)));
        let job = Job::spawn("columns", report, move |watch| {
            let table = match known {
                Some(table) => table,
                None => Arc::new(table(&corpus, &asked, &settings, watch)?),
            };
            rank(asked, table, watch)
        })?;
        let progress = Progress::Reading(0, 0);
        self.running = Some(Ranking { number, inquiry, progress, end: None, started: Instant::now(), job });
        Ok(())
    }

    /// Takes in what a job reports; true when there is something new to show.
    pub(super) fn take(&mut self, number: u64, report: Report<Progress, Ranked>) -> bool {
        let Some(running) = self.running.as_mut().filter(|running| running.number == number) else { return false };
        match report {
            Report::News(progress) => {
                let same = std::mem::discriminant(&progress) == std::mem::discriminant(&running.progress);
                if !same {
                    running.started = Instant::now();
                }
                running.progress = progress;
            }
            Report::Done(ranked) => (self.ranked, running.end) = (Some(Arc::new(ranked)), Some(Ok(()))),
            Report::Cancelled => running.end = Some(Err("cancelled".to_owned())),
            Report::Failed(reason) => running.end = Some(Err(reason)),
        }
        true
    }

    pub(super) fn is_running(&self) -> bool {
        self.running.as_ref().is_some_and(Ranking::is_running)
    }

    pub(super) fn cancel(&self) {
        if let Some(running) = &self.running {
            running.job.cancel();
        }
    }
}

impl Table {
    fn is_for(&self, inquiry: &Inquiry) -> bool {
        self.set == inquiry.set && self.task.target == inquiry.target
    }
}

/// The values of the asked set on every clip of the asked target, from the cache or the files.
fn table(corpus: &Corpus, asked: &Inquiry, settings: &Settings, watch: &dyn Watch<Progress>) -> Result<Table> {
    let set = feature_set(&asked.set)?;
    if set.kind() != Kind::Row {
        bail!("`{}` makes images; only sets that make rows have columns to rank", asked.set);
    }
    let task = task(corpus, asked.target)?;
    let cache = Cache::open(&settings.cache);
    let listener = Listener { cache: &cache, preparation: settings.preparation };
    let reading = Mapped::new(watch, |news| match news {
        News::Reading { done, total, .. } => Some(Progress::Reading(done, total)),
        _ => None,
    });
    match data(corpus, &task, &set, &listener, &reading)?.inputs {
        Inputs::Rows(values) => {
            let (set, columns) = (asked.set.clone(), set.columns());
            Ok(Table { set, task, columns, preparation: settings.preparation, values })
        }
        Inputs::Images(_) => bail!("`{}` made images where it promised rows", asked.set),
    }
}

/// Both figures of every column, in parallel.
fn rank(inquiry: Inquiry, table: Arc<Table>, watch: &dyn Watch<Progress>) -> Result<Ranked> {
    let scaled = (inquiry.norm == Norm::Speaker).then(|| within(&table.values, &table.task.groups));
    let values = scaled.as_ref().unwrap_or(&table.values);
    let (labels, classes) = (&table.task.labels, table.task.classes.len());
    let (done, total) = (AtomicUsize::new(0), values.ncols());
    let figures = (0..total)
        .into_par_iter()
        .map(|column| {
            watch.check()?;
            let column = values.column(column).to_vec();
            let figures =
                Figures { f: anova_f(&column, labels, classes), mi: mutual_information(&column, labels, classes) };
            let done = done.fetch_add(1, Ordering::Relaxed) + 1;
            // A line per column would be more to read than to compute.
            if done.is_multiple_of(64) {
                watch.tell(Progress::Ranking(done, total));
            }
            Ok(figures)
        })
        .collect::<Result<Vec<_>>>()?;
    Ok(Ranked { inquiry, figures, scaled, table })
}

/// Zero mean and unit deviation of each column within each group; 0 where it does not vary there.
fn within(values: &Array2<f64>, groups: &[usize]) -> Array2<f64> {
    let mut scaled = values.clone();
    let count = groups.iter().max().map_or(0, |last| last + 1);
    for mut column in scaled.axis_iter_mut(Axis(1)) {
        let mut sums = vec![(0.0, 0.0, 0.0); count];
        for (value, &group) in column.iter().zip(groups) {
            let (n, mean, squares) = &mut sums[group];
            // Welford's update: exact where a mean is large beside its deviation.
            *n += 1.0;
            let off = value - *mean;
            *mean += off / *n;
            *squares += off * (value - *mean);
        }
        for (value, &group) in column.iter_mut().zip(groups) {
            let (n, mean, squares) = sums[group];
            let deviation: f64 = f64::sqrt(squares / n);
            // As in `learn::norm`: less than f32 rounding of the mean is no variation.
            *value = if deviation > 1e-7 * mean.abs() { (*value - mean) / deviation } else { 0.0 };
        }
    }
    scaled
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::job::Unwatched;
    use ndarray::array;

    fn table() -> Arc<Table> {
        let task = Task {
            target: Target::Emotion,
            classes: ["calm", "loud"].map(str::to_owned).into(),
            rows: (0..8).collect(),
            labels: vec![0, 0, 1, 1, 0, 0, 1, 1],
            groups: vec![0, 0, 0, 0, 1, 1, 1, 1],
            speakers: ["a", "b"].map(str::to_owned).into(),
            twins: 0,
            traits: crate::corpus::Traits::default(),
        };
        let column = |name: &str| Column { name: name.to_owned(), unit: "dB", source: "-" };
        // The second column is hidden behind the speaker; the third says nothing.
        let values = array![
            [1.0, 10.0, 5.0],
            [1.1, 11.0, 5.0],
            [2.0, 20.0, 5.0],
            [2.2, 21.0, 5.0],
            [1.2, 110.0, 5.0],
            [1.3, 111.0, 5.0],
            [2.1, 121.0, 5.0],
            [2.3, 120.0, 5.0],
        ];
        let columns = ["open", "hidden", "constant"].map(column).into();
        Arc::new(Table { set: "mine".to_owned(), task, columns, preparation: Preparation::plain(16_000), values })
    }

    fn ranked(norm: Norm) -> Ranked {
        let inquiry = Inquiry { set: "mine".to_owned(), target: Target::Emotion, norm };
        rank(inquiry, table(), &Unwatched).unwrap()
    }

    #[test]
    fn a_speakers_own_level_hides_a_column_until_it_is_taken_away() {
        let (raw, scaled) = (ranked(Norm::None), ranked(Norm::Speaker));
        let f = |ranked: &Ranked, column: usize| ranked.figures[column].f.unwrap();
        assert!(f(&raw, 0) > 20.0 && f(&raw, 1) < 0.1, "{:?}", raw.figures);
        assert!(f(&scaled, 0) > 20.0 && f(&scaled, 1) > 100.0, "{:?}", scaled.figures);
        assert_eq!(scaled.figures[2], Figures { f: None, mi: None });
        assert_eq!((raw.column(1)[4], scaled.column(2)[0]), (110.0, 0.0));
    }

    #[test]
    fn scaling_leaves_mean_0_and_deviation_1_and_lone_clips_at_0() {
        let values = array![[1.0e6, 3.0], [1.0e6 + 2.0, 3.0], [7.0, -1.0]];
        assert_eq!(within(&values, &[0, 0, 1]), array![[-1.0, 0.0], [1.0, 0.0], [0.0, 0.0]]);
    }
}
