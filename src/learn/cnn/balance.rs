//! What is done where a task has many clips of one class and few of another: a rare class must not be learnt as a guess.
//!
//! Deliberately absent: anything that looks at clips held out.

use rand::seq::SliceRandom;
use serde::{Deserialize, Serialize};

use super::loss::Loss;
use super::random::Random;

/// How classes come to count the same.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Balance {
    /// A clip of a rare class weighs more in the loss.
    #[default]
    Loss,
    /// A clip of a rare class is learnt from more often, one of a frequent class less; an epoch has as many clips.
    Sampling,
    /// They do not.
    None,
}

impl Balance {
    /// The loss of a head over clips of these classes.
    pub fn loss(self, labels: impl Iterator<Item = usize>, classes: usize, smoothing: f64) -> Loss {
        match self {
            Balance::Loss => Loss::balanced(labels, classes, smoothing),
            Balance::Sampling | Balance::None => Loss { smoothing, ..Loss::plain(classes) },
        }
    }

    /// The clips of an epoch in their order; `rows` are those to fit on, `labels` those of all clips.
    pub fn order(self, rows: &[usize], labels: &[usize], random: &mut Random) -> Vec<usize> {
        let mut order = if self == Balance::Sampling { even(rows, labels, random) } else { rows.to_vec() };
        order.shuffle(random);
        order
    }
}

/// As many rows, as evenly over the classes as their number allows; within a class none comes twice more often than
/// another.
fn even(rows: &[usize], labels: &[usize], random: &mut Random) -> Vec<usize> {
    let classes = rows.iter().map(|&row| labels[row] + 1).max().unwrap_or(0);
    let mut by_class = vec![Vec::new(); classes];
    rows.iter().for_each(|&row| by_class[labels[row]].push(row));
    by_class.retain(|members| !members.is_empty());
    // Which class gets a clip more, and which clips of a class do, is drawn anew each epoch.
    by_class.shuffle(random);
    by_class.iter_mut().for_each(|members| members.shuffle(random));
    let classes = by_class.len().max(1);
    (0..rows.len()).map(|at| by_class[at % classes][at / classes % by_class[at % classes].len()]).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_epoch_has_as_many_clips_of_each_class() {
        let labels: Vec<usize> = (0..50).map(|row| if row < 40 { 3 } else { usize::from(row < 43) }).collect();
        let rows: Vec<usize> = (1..50).collect();
        let order = Balance::Sampling.order(&rows, &labels, &mut Random::new(1));
        let count = |class: usize| order.iter().filter(|&&row| labels[row] == class).count();
        assert_eq!((order.len(), count(0) + count(1) + count(3)), (49, 49));
        assert!([0, 1, 3].iter().all(|&class| (16..=17).contains(&count(class))));
        let often = |row: usize| order.iter().filter(|&&other| other == row).count();
        assert!((40..43).all(|row| (5..=6).contains(&often(row))) && (1..40).all(|row| often(row) <= 1));
    }

    #[test]
    fn otherwise_each_clip_comes_once() {
        let labels = [0, 0, 0, 1, 0];
        for balance in [Balance::Loss, Balance::None] {
            let mut order = balance.order(&[0, 2, 3, 4], &labels, &mut Random::new(1));
            order.sort_unstable();
            assert_eq!(order, [0, 2, 3, 4]);
        }
        let weights = |balance: Balance| balance.loss(labels.into_iter(), 2, 0.1).weights;
        assert_eq!((weights(Balance::Loss), weights(Balance::Sampling)), (vec![0.625, 2.5], vec![1.0, 1.0]));
    }
}
