//! Successive halving (Jamieson & Talwalkar 2016, arXiv:1502.07943): many trials with few epochs, the best third again
//! with three times as many, and so on.
//!
//! Each rung trains afresh, its schedule shortened as a whole, so that a rate that rises and falls does both at every
//! rung. Deliberately absent: fitting.

use std::cmp::Ordering;

use serde::{Deserialize, Serialize};

/// One in so many trials goes on, with so many times the epochs.
pub const ETA: usize = 3;
/// A fit of fewer epochs tells nothing of a longer one.
pub const FEWEST_EPOCHS: usize = 3;

/// One round of a race.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
pub struct Rung {
    /// Trials that run in it.
    pub trials: usize,
    /// Epochs are divided by this; 1 in the last rung.
    pub shorten: usize,
}

/// What a trial was worth on the inner folds.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
pub struct Score {
    /// Unweighted average recall over the clips of all inner folds, 0..1.
    pub uar: f64,
    /// Mean cross-entropy over them, nats.
    pub loss: f64,
}

impl Score {
    /// The better first: higher recall, then lower loss.
    pub fn order(&self, other: &Score) -> Ordering {
        other.uar.total_cmp(&self.uar).then(self.loss.total_cmp(&other.loss))
    }
}

/// The rungs of a race of so many trials whose full fit takes so many epochs: a third goes on, as long as two are left to
/// choose from and the first rung is no shorter than three epochs.
pub fn rungs(trials: usize, epochs: usize) -> Vec<Rung> {
    let mut sizes = vec![trials];
    let mut longest = epochs;
    while let Some(&last) = sizes.last()
        && last > ETA
        && longest >= FEWEST_EPOCHS * ETA
    {
        sizes.push((last / ETA).max(2));
        longest /= ETA;
    }
    let rungs = sizes.len() as u32;
    let rung = |(number, trials)| Rung { trials, shorten: ETA.pow(rungs - 1 - number as u32) };
    sizes.into_iter().enumerate().map(rung).collect()
}

/// The same with a last rung whose epochs are divided by `top`: a race for which there is no time with all of them.
pub fn rungs_to(top: usize, trials: usize, epochs: usize) -> Vec<Rung> {
    let rungs = rungs(trials, epochs / top);
    rungs.into_iter().map(|rung| Rung { shorten: rung.shorten * top, ..rung }).collect()
}

/// The largest race of 4 to `most` trials that takes no longer than `left`, where a trial with all its epochs takes `whole`:
/// its trials and what its last rung's epochs are divided by. As many epochs as possible first, then as many trials.
pub fn largest(most: usize, epochs: usize, whole: f64, left: f64) -> Option<(usize, usize)> {
    let tops = [1, ETA, ETA * ETA].into_iter().filter(|&top| top == 1 || epochs >= FEWEST_EPOCHS * top);
    let mut races = tops.flat_map(|top| (ETA + 1..=most).rev().map(move |trials| (trials, top)));
    races.find(|&(trials, top)| takes(&rungs_to(top, trials, epochs)) * whole <= left)
}

/// How many whole trials a race is.
pub fn takes(rungs: &[Rung]) -> f64 {
    rungs.iter().map(|rung| rung.trials as f64 / rung.shorten as f64).sum()
}

/// Epochs of a fit in a rung.
pub fn epochs(full: usize, shorten: usize) -> usize {
    full.div_ceil(shorten.max(1)).max(1)
}

/// Trials with a score, the best first; of equals the one with the lower number.
pub fn ranked(scored: &[(usize, Option<Score>)]) -> Vec<usize> {
    let mut all: Vec<(usize, Score)> = scored.iter().filter_map(|(trial, score)| Some((*trial, (*score)?))).collect();
    all.sort_by(|a, b| a.1.order(&b.1).then(a.0.cmp(&b.0)));
    all.into_iter().map(|(trial, _)| trial).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn shape(trials: usize, epochs: usize) -> Vec<(usize, usize)> {
        rungs(trials, epochs).iter().map(|rung| (rung.trials, rung.shorten)).collect()
    }

    #[test]
    fn a_third_goes_on_until_three_are_left() {
        assert_eq!(shape(1, 40), [(1, 1)]);
        assert_eq!(shape(3, 40), [(3, 1)]);
        assert_eq!(shape(4, 40), [(4, 3), (2, 1)]);
        assert_eq!(shape(9, 40), [(9, 3), (3, 1)]);
        assert_eq!(shape(27, 40), [(27, 9), (9, 3), (3, 1)]);
        assert_eq!(shape(100, 81), [(100, 27), (33, 9), (11, 3), (3, 1)]);
    }

    #[test]
    fn no_rung_is_shorter_than_three_epochs() {
        assert_eq!(shape(100, 40), [(100, 9), (33, 3), (11, 1)]);
        assert_eq!(shape(9, 8), [(9, 1)]);
        assert_eq!(shape(9, 9), [(9, 3), (3, 1)]);
        for (full, shorten, expected) in [(40, 1, 40), (40, 3, 14), (40, 9, 5), (2, 9, 1)] {
            assert_eq!(epochs(full, shorten), expected);
        }
    }

    #[test]
    fn a_race_is_as_large_as_there_is_time_for() {
        assert_eq!(takes(&rungs(9, 40)), 6.0);
        assert_eq!(rungs_to(3, 9, 40), [Rung { trials: 9, shorten: 9 }, Rung { trials: 3, shorten: 3 }]);
        for (left, race) in [(60.0, Some((9, 1))), (41.0, Some((6, 1))), (30.0, Some((9, 3))), (12.5, Some((5, 3)))] {
            assert_eq!(largest(9, 40, 10.0, left), race, "{left}");
        }
        assert_eq!(largest(9, 40, 10.0, 10.0), Some((9, 9)), "nine at a ninth of the epochs");
        assert_eq!(largest(9, 40, 10.0, 4.0), None);
        assert_eq!(largest(9, 5, 10.0, 30.0), None, "with so few epochs there is no shorter race");
    }

    #[test]
    fn recall_comes_before_loss_before_the_number_and_failures_never() {
        let score = |uar, loss| Some(Score { uar, loss });
        let scored =
            [(0, score(0.5, 1.0)), (1, None), (2, score(0.7, 2.0)), (3, score(0.7, 1.0)), (4, score(0.7, 1.0))];
        assert_eq!(ranked(&scored), [3, 4, 2, 0]);
        assert_eq!(ranked(&[(1, None)]), [0; 0]);
    }
}
