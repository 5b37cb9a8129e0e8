//! The training loop that cnn and mlp share: shuffled batches, Adam under a one-cycle rate, an inner development
//! split, early stopping, the best epoch's weights kept.
//!
//! Everything random comes from one generator seeded by the recipe and drawn on one thread. Deliberately absent: what
//! a net is, and augmentation (a [`Trainee`] draws its own windows).

use std::f64::consts::PI;

use rand::SeedableRng;
use rand::seq::SliceRandom;
use rand_pcg::Pcg64;

use super::adam::Adam;
use super::split::{Inner, inner};
use crate::job::Watch;
use crate::learn::{Data, Epoch, LearnError, Recipe};

/// What the loop trains.
pub trait Trainee {
    /// All that training changes in a net.
    type State;
    /// Random start.
    fn start(&mut self, random: &mut Pcg64);
    /// Mean loss of a batch of clips; keeps the gradient.
    ///
    /// # Errors
    /// `Cancelled`; [`LearnError::Failed`] when a number is not finite.
    fn gradient(&mut self, rows: &[usize], random: &mut Pcg64, watch: &dyn Watch<Epoch>) -> Result<f64, LearnError>;
    /// One step down the gradient kept.
    fn descend(&mut self, adam: &mut Adam, rate: f64);
    /// Number of parameters.
    fn size(&self) -> usize;
    /// Log-probabilities per class of whole clips.
    ///
    /// # Errors
    /// `Cancelled`.
    fn log_probabilities(&self, rows: &[usize], watch: &dyn Watch<Epoch>) -> Result<Vec<Vec<f64>>, LearnError>;
    /// A copy of the net's numbers.
    fn state(&self) -> Self::State;
    /// Puts a copy back.
    fn restore(&mut self, state: Self::State);
}

/// How long and how fast.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Schedule {
    /// Upper bound.
    pub epochs: usize,
    /// Clips of a batch, at most.
    pub batch: usize,
    /// Stop after so many epochs without a better one.
    pub patience: usize,
    /// Highest learning rate.
    pub rate: f64,
}

/// The generator of a fit: all of its randomness.
pub fn generator(recipe: &Recipe) -> Pcg64 {
    Pcg64::seed_from_u64(recipe.seed)
}

/// The inner split of a fit; the first thing drawn.
pub fn inner_split(data: &Data, random: &mut Pcg64) -> Inner {
    inner(&data.labels, &data.groups, random)
}

/// Trains on `split.fit` and leaves the trainee at its best epoch: highest recall averaged over the classes (UAR) of
/// `split.dev`, then lowest loss there; the last epoch where `dev` is empty.
///
/// # Errors
/// `Cancelled`; [`LearnError::Failed`] naming epoch and batch when the loss is not finite.
pub fn train<T: Trainee>(
    trainee: &mut T,
    data: &Data,
    (split, schedule): (&Inner, Schedule),
    random: &mut Pcg64,
    watch: &dyn Watch<Epoch>,
) -> Result<(), LearnError> {
    trainee.start(random);
    let mut adam = Adam::new(trainee.size());
    let batches = split.fit.len().div_ceil(schedule.batch).max(1);
    let mut best: Option<Best<T::State>> = None;
    for epoch in 1..=schedule.epochs {
        let mut order = split.fit.clone();
        order.shuffle(random);
        let mut total = 0.0;
        for (number, rows) in even_parts(&order, batches).enumerate() {
            let named = |error| name_batch(error, (epoch, number + 1, batches));
            total += trainee.gradient(rows, random, watch).map_err(named)? * rows.len() as f64;
            let progress = ((epoch - 1) * batches + number) as f64 / (schedule.epochs * batches) as f64;
            trainee.descend(&mut adam, schedule.rate * one_cycle(progress));
        }
        let dev = judge(trainee, data, &split.dev, watch)?;
        let rate = schedule.rate * one_cycle(epoch as f64 / schedule.epochs as f64);
        watch.tell(Epoch {
            epoch,
            epochs: schedule.epochs,
            train_loss: total / order.len().max(1) as f64,
            dev_loss: dev.map(|dev| dev.loss),
            dev_uar: dev.map(|dev| dev.uar),
            rate,
        });
        let Some(dev) = dev else { continue };
        if best.as_ref().is_none_or(|best| dev.better_than(best.dev)) {
            best = Some(Best { dev, epoch, state: trainee.state() });
        } else if best.as_ref().is_some_and(|best| epoch - best.epoch >= schedule.patience) {
            break;
        }
    }
    if let Some(best) = best {
        trainee.restore(best.state);
    }
    Ok(())
}

struct Best<S> {
    dev: Dev,
    epoch: usize,
    state: S,
}

#[derive(Debug, Clone, Copy)]
struct Dev {
    uar: f64,
    loss: f64,
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
) -> Result<Option<Dev>, LearnError> {
    if dev.is_empty() {
        return Ok(None);
    }
    let (mut hits, mut counts, mut loss) = (vec![0.0; data.classes], vec![0.0; data.classes], 0.0);
    for (log_p, &row) in trainee.log_probabilities(dev, watch)?.iter().zip(dev) {
        let label = data.labels[row];
        counts[label] += 1.0;
        loss -= log_p[label];
        let ahead = log_p.iter().enumerate().all(|(class, p)| class == label || *p < log_p[label]);
        hits[label] += f64::from(u8::from(ahead));
    }
    let recalls: Vec<f64> = hits.iter().zip(&counts).filter(|(_, n)| **n > 0.0).map(|(h, n)| h / n).collect();
    let uar = recalls.iter().sum::<f64>() / recalls.len() as f64;
    Ok(Some(Dev { uar, loss: loss / dev.len() as f64 }))
}

/// Cuts `order` into `parts` whose lengths differ by one at most: no batch is left with a single clip.
fn even_parts(order: &[usize], parts: usize) -> impl Iterator<Item = &[usize]> {
    let bounds = (0..parts).map(move |part| (part * order.len() / parts, (part + 1) * order.len() / parts));
    bounds.map(|(from, to)| &order[from..to]).filter(|rows| !rows.is_empty())
}

/// Share of the highest rate at a point (0..1) of the fit: up from a tenth over the first fifth, then down to zero
/// along a half cosine (after Smith & Topin 2019, arXiv:1708.07120).
fn one_cycle(progress: f64) -> f64 {
    const RISE: f64 = 0.2;
    if progress < RISE {
        return 0.1 + 0.9 * progress / RISE;
    }
    0.5 * (1.0 + (PI * (progress - RISE) / (1.0 - RISE)).cos())
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

    #[test]
    fn the_rate_rises_then_falls_to_zero() {
        assert!((one_cycle(0.0) - 0.1).abs() < 1e-12 && (one_cycle(0.2) - 1.0).abs() < 1e-12);
        assert!(one_cycle(1.0).abs() < 1e-12 && one_cycle(0.6) < 1.0);
    }
}
