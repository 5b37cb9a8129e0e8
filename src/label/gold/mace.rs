//! MACE: D. Hovy et al., "Learning Whom to Trust with MACE", NAACL 2013: a person either knows the true class or guesses by a habit of
//! their own; who does which is learnt by variational Bayes.
//!
//! Priors, rounds and start are crowd-kit's (Beta(0.5, 0.5) on knowing, Dirichlet(10) on habits, 50 rounds), so that numbers compare
//! from the same start (`tests/golden/gold.py`, 1e-9). Unlike there, restarts differ from each other, and products of many small
//! probabilities do not vanish. Deliberately absent: plain EM.

use std::collections::BTreeSet;

use rand::{Rng, SeedableRng};
use rand_pcg::Pcg64;

use super::super::Ratings;
use super::{How, Opinion, likeliest};
use crate::score::distribution::digamma;

const RESTARTS: usize = 10;
const ROUNDS: usize = 50;
const HABIT: f64 = 10.0;
const KNOWING: f64 = 0.5;

/// What is believed of each person.
#[derive(Debug, Clone)]
pub(super) struct Beliefs {
    /// Weight of guessing and of knowing.
    pub(super) guesses: Vec<[f64; 2]>,
    /// Weight of each class in guessing.
    pub(super) habits: Vec<Vec<f64>>,
}

/// What one pass over the ratings yields.
struct Pass {
    likelihood: f64,
    posterior: Vec<Vec<f64>>,
    knowing: Vec<[f64; 2]>,
    habits: Vec<Vec<f64>>,
}

/// The likeliest class of each clip; a person's trust is the chance of knowing.
pub(super) fn mace(ratings: &Ratings, how: &How) -> Opinion {
    let classes = given(ratings);
    let mut random = Pcg64::seed_from_u64(how.seed);
    let mut again = || fit(ratings, &classes, start(&mut random, ratings.raters.len(), classes.len()));
    let mut best = again();
    for _ in 1..RESTARTS {
        let other = again();
        if other.0.likelihood > best.0.likelihood {
            best = other;
        }
    }
    let (pass, beliefs) = best;
    let wide = |narrow: &Vec<f64>| {
        let mut wide = vec![0.0; ratings.labels.len()];
        classes.iter().zip(narrow).for_each(|(&code, share)| wide[code] = *share);
        wide
    };
    let distributions: Vec<Vec<f64>> = pass.posterior.iter().map(wide).collect();
    let values = distributions.iter().map(|one| likeliest(one).map(|code| ratings.labels[code].clone())).collect();
    let trust = |[guess, know]: &[f64; 2]| Some(know / (guess + know));
    Opinion { values, distributions, raters: beliefs.guesses.iter().map(trust).collect() }
}

/// The codes that anyone gave, ascending.
pub(super) fn given(ratings: &Ratings) -> Vec<usize> {
    let codes: BTreeSet<usize> = ratings.said.iter().flatten().map(|one| one.code).collect();
    codes.into_iter().collect()
}

/// Each weight even between 1 and 2.5, then rows that sum to 1.
fn start(random: &mut Pcg64, raters: usize, classes: usize) -> Beliefs {
    let mut row = |n: usize| {
        let row: Vec<f64> = (0..n).map(|_| 1.0 + 1.5 * random.random::<f64>()).collect();
        let sum: f64 = row.iter().sum();
        row.into_iter().map(|one| one / sum).collect::<Vec<f64>>()
    };
    let guesses = (0..raters).map(|_| row(2)).map(|two| [two[0], two[1]]).collect();
    Beliefs { guesses, habits: (0..raters).map(|_| row(classes)).collect() }
}

/// From beliefs to begin with to what is believed in the end; `classes` as [`given`].
fn fit(ratings: &Ratings, classes: &[usize], mut beliefs: Beliefs) -> (Pass, Beliefs) {
    let mut pass = expect(ratings, classes, &beliefs);
    for _ in 0..ROUNDS {
        for (guess, known) in beliefs.guesses.iter_mut().zip(&pass.knowing) {
            let sum = digamma(known[0] + known[1] + 2.0 * KNOWING).exp();
            *guess = known.map(|known| digamma(known + KNOWING).exp() / sum);
        }
        for (habit, counts) in beliefs.habits.iter_mut().zip(&pass.habits) {
            let sum = digamma(counts.iter().sum::<f64>() + HABIT * counts.len() as f64).exp();
            habit.iter_mut().zip(counts).for_each(|(habit, count)| *habit = digamma(count + HABIT).exp() / sum);
        }
        pass = expect(ratings, classes, &beliefs);
    }
    (pass, beliefs)
}

fn expect(ratings: &Ratings, classes: &[usize], beliefs: &Beliefs) -> Pass {
    let (raters, k) = (ratings.raters.len(), classes.len());
    let (knowing, habits) = (vec![[0.0; 2]; raters], vec![vec![0.0; k]; raters]);
    let mut pass = Pass { likelihood: 0.0, posterior: Vec::with_capacity(ratings.said.len()), knowing, habits };
    for row in &ratings.said {
        let said: Vec<(usize, usize)> =
            row.iter().filter_map(|one| Some((one.rater, classes.binary_search(&one.code).ok()?))).collect();
        if said.is_empty() {
            pass.posterior.push(vec![0.0; k]);
            continue;
        }
        let guessed = |rater: usize, code: usize| beliefs.guesses[rater][0] * beliefs.habits[rater][code];
        let by = |rater: usize, code: usize, truth: usize| {
            guessed(rater, code) + if code == truth { beliefs.guesses[rater][1] } else { 0.0 }
        };
        let log = |truth: usize| said.iter().map(|&(rater, code)| by(rater, code, truth).ln()).sum::<f64>();
        let logs: Vec<f64> = (0..k).map(log).collect();
        let most = logs.iter().copied().fold(f64::NEG_INFINITY, f64::max);
        let likely: Vec<f64> = logs.iter().map(|log| (log - most).exp()).collect();
        let sum: f64 = likely.iter().sum();
        let posterior: Vec<f64> = likely.into_iter().map(|one| one / sum).collect();
        pass.likelihood += most + sum.ln() - (k as f64).ln();
        for &(rater, code) in &said {
            let blind: f64 = (0..k).map(|truth| posterior[truth] / by(rater, code, truth)).sum();
            let guess = blind * guessed(rater, code);
            pass.habits[rater][code] += guess;
            pass.knowing[rater][0] += guess;
            pass.knowing[rater][1] += posterior[code] * beliefs.guesses[rater][1] / by(rater, code, code);
        }
        pass.posterior.push(posterior);
    }
    pass
}

/// The posterior over [`given`] and the beliefs from a start that is given, for the golden table.
#[cfg(test)]
pub(super) fn from(ratings: &Ratings, beliefs: Beliefs) -> (Vec<Vec<f64>>, Beliefs) {
    let (pass, beliefs) = fit(ratings, &given(ratings), beliefs);
    (pass.posterior, beliefs)
}
