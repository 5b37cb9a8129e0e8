//! The training loop of all nets of this engine: shuffled batches, an optimiser under a rate that changes, an inner
//! development split, early stopping, the best epoch's weights kept, a checkpoint after each epoch.
//!
//! Everything random comes from one generator seeded by the recipe and drawn on one thread. Deliberately absent: what
//! a net is, augmentation (a [`Trainee`] draws its own windows), and where checkpoints are kept (a [`Keeper`]).

use std::time::Instant;

use serde::{Deserialize, Serialize};

use super::average::{Averager, Numbers};
use super::checkpoint::{Course, Keeper};
use super::optimiser::{Optimiser, clip};
use super::pass::taken_for;
use super::random::Random;
use super::schedule::Schedule;
use super::split::Inner;
use crate::job::Watch;
use crate::learn::{Data, Epoch, LearnError, Pace, Recipe};
use crate::score::{Confusion, metric};

/// What the loop trains.
pub trait Trainee {
    /// Random start.
    fn start(&mut self, random: &mut Random);

    /// The clips of an epoch, of `rows`, in their order.
    fn order(&self, rows: &[usize], random: &mut Random) -> Vec<usize>;

    /// Mean loss of a batch of clips; keeps the gradient.
    ///
    /// # Errors
    /// `Cancelled`; [`LearnError::Failed`] when a number is not finite.
    fn gradient(&mut self, rows: &[usize], random: &mut Random, watch: &dyn Watch<Epoch>) -> Result<f64, LearnError>;

    /// The parameters and the gradient kept, to step.
    fn slope(&mut self) -> (&mut [f32], &mut [f32]);

    /// What it took the training clips for, since it was last emptied.
    fn seen(&mut self) -> &mut Confusion;

    /// Log-probabilities per class of whole clips.
    ///
    /// # Errors
    /// `Cancelled`.
    fn log_probabilities(&self, rows: &[usize], watch: &dyn Watch<Epoch>) -> Result<Vec<Vec<f64>>, LearnError>;

    /// Parameters and state of the net.
    fn numbers(&self) -> [&[f32]; 2];

    /// Puts other ones in; returns those that were there.
    fn swap(&mut self, numbers: Numbers) -> Numbers;
}

/// All that decides a fit besides the net and its data.
pub struct Fit<'a> {
    /// Told apart by its seed and, in checkpoints, by all of it.
    pub recipe: &'a Recipe,
    /// How long and how fast.
    pub schedule: Schedule,
    /// Where checkpoints go and come from.
    pub keeper: &'a dyn Keeper,
    /// To tell and to stop.
    pub watch: &'a dyn Watch<Epoch>,
}

/// One way through the training clips, of the one or two that a fit takes.
pub struct Leg {
    /// What is learnt from, and what chooses the epoch.
    pub split: Inner,
    /// The epoch after which it ends, of the schedule's.
    pub until: usize,
    /// Epochs of the leg before it, to be told.
    pub before: usize,
    /// Epochs that may follow it, to be told.
    pub after: usize,
}

/// Trains on `split.fit` and leaves the trainee at its best epoch since the fit settled (`Schedule::settle`): highest
/// recall averaged over the classes (UAR) of `split.dev`, then lowest loss there; the last epoch where `dev` is empty. Goes on from the keeper's checkpoint, if there
/// is one, to the same bits as without interruption. Returns how many epochs were begun and the best of them, if one was chosen.
///
/// # Errors
/// `Cancelled`; [`LearnError::Failed`] naming epoch and batch when the loss is not finite, or when the keeper fails;
/// [`LearnError::BadModel`] when its checkpoint is damaged or of another fit.
pub fn train<T: Trainee>(
    trainee: &mut T,
    data: &Data,
    leg: &Leg,
    mut random: Random,
    fit: &Fit<'_>,
) -> Result<(usize, Option<usize>), LearnError> {
    let (schedule, split, watch) = (&fit.schedule, &leg.split, fit.watch);
    let purpose = self::purpose(fit, data, split)?;
    let mut course = match resumed(trainee, &random, &purpose, fit)? {
        Some(course) => course,
        None => {
            trainee.start(&mut random);
            course(trainee, random, schedule)
        }
    };
    while course.epoch < leg.until && !course.is_stale(schedule.patience) {
        course.epoch += 1;
        let started = Instant::now();
        let train_loss = epoch(trainee, &mut course, split, fit)?;
        let clips_per_second = split.fit.len() as f64 / started.elapsed().as_secs_f64().max(1e-9);
        course.averager.after_epoch(trainee.numbers(), course.epoch as f64 / schedule.epochs as f64);
        let judged = judge_kept(trainee, data, &split.dev, &mut course, fit)?;
        fit.keeper.write(&course.write(&purpose, trainee.numbers())?)?;
        watch.tell(Epoch {
            epoch: leg.before + course.epoch,
            epochs: leg.before + leg.until + leg.after,
            train_loss,
            train_uar: uar(trainee.seen()),
            dev_loss: judged.as_ref().map(|(dev, _)| dev.loss),
            dev_uar: judged.as_ref().map(|(dev, _)| dev.uar),
            rate: schedule.rate * schedule.curve.at(course.epoch as f64 / schedule.epochs as f64),
            best: course.best.as_ref().map(|best| best.epoch),
            may_stop: judged.is_some() && (leg.after > 0 || course.may_stop(schedule)),
            pace: Pace { clips_per_second, seconds: started.elapsed().as_secs_f64() },
            dev: judged.map(|(_, confusion)| confusion),
        });
    }
    let best = course.best.as_ref().map(|best| best.epoch);
    let last = course.best.map(|best| best.numbers).or_else(|| course.averager.mean().cloned());
    if let Some(numbers) = last {
        trainee.swap(numbers);
    }
    Ok((course.epoch, best))
}

/// The course of a fit at its start.
fn course<T: Trainee>(trainee: &T, random: Random, schedule: &Schedule) -> Course {
    Course {
        epoch: 0,
        random,
        optimiser: Optimiser::new(schedule.method, trainee.numbers()[0].len()),
        averager: Averager::new(schedule.average),
        best: None,
    }
}

/// Where the keeper's checkpoint was written, with the trainee as it was then; `None` where there is none of use.
fn resumed<T: Trainee>(
    trainee: &mut T,
    random: &Random,
    purpose: &str,
    fit: &Fit<'_>,
) -> Result<Option<Course>, LearnError> {
    let Some(kept) = fit.keeper.read()? else { return Ok(None) };
    let mut course = course(trainee, random.clone(), &fit.schedule);
    let numbers = course.read(&kept, purpose, fit.recipe.seed).and_then(|numbers| {
        check_sizes(&numbers, trainee.numbers())?;
        Ok(numbers)
    });
    match numbers {
        Ok(numbers) => {
            trainee.swap(numbers);
            Ok(Some(course))
        }
        Err(why) => fit.keeper.refused(why).map(|()| None),
    }
}

/// One pass over the training clips; their mean loss.
fn epoch<T: Trainee>(trainee: &mut T, course: &mut Course, split: &Inner, fit: &Fit<'_>) -> Result<f64, LearnError> {
    let (schedule, batches) = (&fit.schedule, split.fit.len().div_ceil(fit.schedule.batch).max(1));
    let order = trainee.order(&split.fit, &mut course.random);
    let mut total = 0.0;
    *trainee.seen() = Confusion::new(trainee.seen().classes());
    for (number, rows) in even_parts(&order, batches).enumerate() {
        let named = |error| name_batch(error, (course.epoch, number + 1, batches));
        total += trainee.gradient(rows, &mut course.random, fit.watch).map_err(named)? * rows.len() as f64;
        let progress = ((course.epoch - 1) * batches + number) as f64 / (schedule.epochs * batches) as f64;
        let (parameters, gradient) = trainee.slope();
        if let Some(most) = schedule.clip {
            clip(gradient, most);
        }
        course.optimiser.step(parameters, gradient, schedule.rate * schedule.curve.at(progress));
        course.averager.after_step(trainee.numbers());
    }
    Ok(total / order.len().max(1) as f64)
}

/// Judges the average where there is one, and keeps what is judged if it is the best since the fit settled.
fn judge_kept<T: Trainee>(
    trainee: &mut T,
    data: &Data,
    dev: &[usize],
    course: &mut Course,
    fit: &Fit<'_>,
) -> Result<Option<(Dev, Confusion)>, LearnError> {
    let own = course.averager.mean().cloned().map(|mean| trainee.swap(mean));
    let found = judge(trainee, data, dev, fit.watch);
    if let Ok(Some((dev, _))) = found
        && course.epoch as f64 >= fit.schedule.settle * fit.schedule.epochs as f64
        && course.best.as_ref().is_none_or(|best| dev.better_than(best.dev))
    {
        let [parameters, state] = trainee.numbers().map(<[f32]>::to_vec);
        course.best = Some(Best { dev, epoch: course.epoch, numbers: Numbers { parameters, state } });
    }
    if let Some(own) = own {
        trainee.swap(own);
    }
    found
}

impl Course {
    /// No better epoch for so long.
    fn is_stale(&self, patience: usize) -> bool {
        self.best.as_ref().is_some_and(|best| self.epoch - best.epoch >= patience)
    }

    /// Whether a fit that is judged may end before the last epoch; one without a best epoch yet may have it next.
    fn may_stop(&self, schedule: &Schedule) -> bool {
        let best = self.best.as_ref().map_or(self.epoch, |best| best.epoch);
        best + schedule.patience < schedule.epochs
    }
}

/// The best epoch so far.
#[derive(Debug, Clone)]
pub struct Best {
    /// Its scores.
    pub dev: Dev,
    /// 1-based.
    pub epoch: usize,
    /// Of the net.
    pub numbers: Numbers,
}

/// Scores on the development clips.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
pub struct Dev {
    /// Unweighted average recall.
    pub uar: f64,
    /// Mean cross-entropy, nats.
    pub loss: f64,
}

impl Dev {
    fn better_than(self, other: Dev) -> bool {
        self.uar > other.uar || (self.uar == other.uar && self.loss < other.loss)
    }
}

/// `None` without development clips.
fn judge<T: Trainee>(
    trainee: &T,
    data: &Data,
    dev: &[usize],
    watch: &dyn Watch<Epoch>,
) -> Result<Option<(Dev, Confusion)>, LearnError> {
    if dev.is_empty() {
        return Ok(None);
    }
    let (mut confusion, mut loss) = (Confusion::new(data.classes), 0.0);
    for (log_p, &row) in trainee.log_probabilities(dev, watch)?.iter().zip(dev) {
        let label = data.labels[row];
        loss -= log_p[label];
        confusion.see(label, taken_for(label, log_p.iter().copied()));
    }
    if !loss.is_finite() {
        return Err(LearnError::Failed("scoring the development clips gave a number that is not finite".to_owned()));
    }
    Ok(uar(&confusion).map(|uar| (Dev { uar, loss: loss / dev.len() as f64 }, confusion)))
}

/// Recall averaged over the classes that occur.
fn uar(confusion: &Confusion) -> Option<f64> {
    metric("uar").and_then(|metric| (metric.of)(confusion))
}

/// Cuts `order` into `parts` whose lengths differ by one at most: no batch is left with a single clip.
fn even_parts(order: &[usize], parts: usize) -> impl Iterator<Item = &[usize]> {
    let bounds = (0..parts).map(move |part| (part * order.len() / parts, (part + 1) * order.len() / parts));
    bounds.map(|(from, to)| &order[from..to]).filter(|rows| !rows.is_empty())
}

/// What a checkpoint must agree with.
///
/// # Errors
/// [`LearnError::Failed`] when the recipe has no JSON.
pub fn purpose(fit: &Fit<'_>, data: &Data, split: &Inner) -> Result<String, LearnError> {
    let all = (fit.recipe, &fit.schedule, data.labels.len(), &split.dev);
    serde_json::to_string(&all).map_err(|why| LearnError::Failed(format!("recipe: {why}")))
}

fn check_sizes(numbers: &Numbers, [parameters, state]: [&[f32]; 2]) -> Result<(), LearnError> {
    if (numbers.parameters.len(), numbers.state.len()) == (parameters.len(), state.len()) {
        return Ok(());
    }
    Err(LearnError::BadModel("the checkpoint is of another net".to_owned()))
}

fn name_batch(error: LearnError, (epoch, batch, batches): (usize, usize, usize)) -> LearnError {
    match error {
        LearnError::Failed(why) => LearnError::Failed(format!("epoch {epoch}, batch {batch} of {batches}: {why}")),
        other => other,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn parts_are_even_and_complete() {
        let order: Vec<usize> = (0..33).collect();
        let lens: Vec<usize> = even_parts(&order, 3).map(<[usize]>::len).collect();
        assert_eq!(lens, [11, 11, 11]);
        assert_eq!(even_parts(&order, 2).flatten().count(), 33);
        assert_eq!(even_parts(&[], 1).count(), 0);
    }
}
