//! Dawid & Skene, Applied Statistics 28 (1979): the true class of each clip and each person's confusions, by EM from the votes.
//!
//! The course is crowd-kit's, so that numbers compare (`tests/golden/gold.py`, 1e-9): it starts from the shares of votes, runs at most
//! a hundred rounds, and stops when the lower bound per rating gains less than 1e-5. Deliberately absent: priors on confusions;
//! few ratings per person make sure posteriors, which `dispute` allows for.

use super::super::Ratings;
use super::{How, Opinion, likeliest, shares};

const ROUNDS: usize = 100;
const GAIN: f64 = 1e-5;
/// No probability is less.
const LEAST: f64 = 1e-10;

/// Ratings by the classes that anyone gave: others have no share in anything.
struct Votes<'a> {
    ratings: &'a Ratings,
    /// The place of each code among the classes given.
    place: Vec<Option<usize>>,
    classes: usize,
}

/// Posterior of each clip over the classes given; confusions of each person, `[said][true]`.
struct State {
    posterior: Vec<Vec<f64>>,
    prior: Vec<f64>,
    confusions: Vec<Vec<Vec<f64>>>,
}

/// The likeliest class of each clip; a person's trust is the chance to say the true class.
pub(super) fn dawid_skene(ratings: &Ratings, _how: &How) -> Opinion {
    let votes = Votes::of(ratings);
    let state = votes.fit();
    let wide = |narrow: &Vec<f64>| -> Vec<f64> {
        votes.place.iter().map(|place| place.map_or(0.0, |place| narrow[place])).collect()
    };
    let distributions: Vec<Vec<f64>> = state.posterior.iter().map(wide).collect();
    let values = distributions.iter().map(|one| likeliest(one).map(|code| ratings.labels[code].clone())).collect();
    let right = |confusions: &Vec<Vec<f64>>| {
        let judged = confusions.iter().flatten().any(|cell| *cell > 0.0);
        judged.then(|| (0..votes.classes).map(|class| state.prior[class] * confusions[class][class]).sum())
    };
    Opinion { values, raters: state.confusions.iter().map(right).collect(), distributions }
}

impl Votes<'_> {
    fn of(ratings: &Ratings) -> Votes<'_> {
        let mut given = vec![false; ratings.labels.len()];
        ratings.said.iter().flatten().for_each(|one| given[one.code] = true);
        let mut classes = 0;
        let mut number = |given: &bool| {
            given.then(|| {
                classes += 1;
                classes - 1
            })
        };
        let place = given.iter().map(&mut number).collect();
        Votes { ratings, place, classes }
    }

    /// Who said what of a clip.
    fn said(&self, clip: usize) -> impl Iterator<Item = (usize, usize)> {
        self.ratings.said[clip].iter().filter_map(|one| Some((one.rater, self.place[one.code]?)))
    }

    fn fit(&self) -> State {
        let narrow = |wide: Vec<f64>| -> Vec<f64> {
            wide.iter().zip(&self.place).filter(|(_, place)| place.is_some()).map(|(share, _)| *share).collect()
        };
        let mut state = self.maximise(shares(self.ratings).into_iter().map(narrow).collect());
        let count = self.ratings.said.iter().map(Vec::len).sum::<usize>();
        let mut bound = f64::NEG_INFINITY;
        for _ in 0..ROUNDS {
            state = self.maximise(self.expect(&state));
            let new = self.bound(&state) / count as f64;
            if count == 0 || new - bound < GAIN {
                break;
            }
            bound = new;
        }
        state
    }

    /// Prior and confusions by the posterior; a clip that nobody judged has no say.
    fn maximise(&self, posterior: Vec<Vec<f64>>) -> State {
        let mut prior = vec![0.0; self.classes];
        let mut confusions = vec![vec![vec![0.0; self.classes]; self.classes]; self.ratings.raters.len()];
        let mut said = confusions.iter().map(|_| vec![false; self.classes]).collect::<Vec<_>>();
        let mut judged = 0.0;
        for (clip, shares) in posterior.iter().enumerate().filter(|(clip, _)| !self.ratings.said[*clip].is_empty()) {
            judged += 1.0;
            prior.iter_mut().zip(shares).for_each(|(sum, share)| *sum += share);
            for (rater, code) in self.said(clip) {
                said[rater][code] = true;
                confusions[rater][code].iter_mut().zip(shares).for_each(|(sum, share)| *sum += share);
            }
        }
        prior.iter_mut().for_each(|sum| *sum = (*sum / f64::max(judged, 1.0)).max(LEAST));
        for (confusion, said) in confusions.iter_mut().zip(&said) {
            // What a person never said stays 0; all else is possible.
            for (row, _) in confusion.iter_mut().zip(said).filter(|(_, said)| **said) {
                row.iter_mut().for_each(|cell| *cell = cell.max(LEAST));
            }
            for truth in 0..self.classes {
                let sum: f64 = confusion.iter().map(|row| row[truth]).sum();
                confusion.iter_mut().filter(|_| sum > 0.0).for_each(|row| row[truth] /= sum);
            }
        }
        State { posterior, prior, confusions }
    }

    fn expect(&self, state: &State) -> Vec<Vec<f64>> {
        let posterior = |clip: usize| -> Vec<f64> {
            let mut logs: Vec<f64> = state.prior.iter().map(|share| share.ln()).collect();
            for (rater, code) in self.said(clip) {
                logs.iter_mut().zip(&state.confusions[rater][code]).for_each(|(log, cell)| *log += cell.ln());
            }
            let most = logs.iter().copied().fold(f64::NEG_INFINITY, f64::max);
            let likely: Vec<f64> = logs.iter().map(|log| (log - most).exp()).collect();
            let sum: f64 = likely.iter().sum();
            let judged = !self.ratings.said[clip].is_empty();
            likely.into_iter().map(|one| if judged { one / sum } else { 0.0 }).collect()
        };
        (0..self.ratings.said.len()).map(posterior).collect()
    }

    /// Crowd-kit's lower bound; it counts the prior once per rating.
    fn bound(&self, state: &State) -> f64 {
        let mut bound = 0.0;
        for (clip, shares) in state.posterior.iter().enumerate() {
            for (rater, code) in self.said(clip) {
                let cells = state.confusions[rater][code].iter().zip(&state.prior);
                bound += shares.iter().zip(cells).map(|(p, (cell, prior))| p * (cell.ln() + prior.ln())).sum::<f64>();
            }
            if !self.ratings.said[clip].is_empty() {
                bound -= shares.iter().map(|p| p.max(LEAST)).map(|p| p * p.ln()).sum::<f64>();
            }
        }
        bound
    }
}
