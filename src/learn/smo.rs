//! Sequential minimal optimisation: the dual of a support vector machine for two classes, two multipliers at a time.
//!
//! LIBSVM's algorithm: Fan, Chen & Lin, "Working set selection using second order information for training support
//! vector machines", JMLR 6, 2005 (WSS 2), for a kernel that is 1 between a clip and itself. Multipliers are signed by
//! the side of their clip here, so that the loops over clips need no signs. Deliberately absent: shrinking (a pair of
//! classes is small, and rows of the kernel cost nothing), and threads (callers run pairs side by side).

use std::ops::Range;

use super::LearnError;
use super::gram::Rows;
use crate::job::Watch;
use crate::learn::Epoch;

/// The gap from the optimum at which it ends, as scikit-learn's `tol`.
const TOLERANCE: f64 = 1e-3;

/// Stands for a curvature that is not positive, as in LIBSVM: twins on different sides.
const FLAT: f64 = 1e-12;

/// Most steps, as in LIBSVM; a pair takes about as many as it has clips.
const STEPS: usize = 10_000_000;

/// Kernel values read between two looks at the watch: some milliseconds.
const LOOK: usize = 1 << 21;

/// Two sides, each a range of the kernel's clips, with the price of a clip on the wrong side.
#[derive(Debug, Clone, PartialEq)]
pub(super) struct Problem {
    /// The side of 1, and that of -1.
    pub sides: [Range<usize>; 2],
    /// Upper bound of a multiplier on each side.
    pub prices: [f64; 2],
}

/// What separates the sides: f(x) = Σ multiplier · k(clip, x) - offset.
#[derive(Debug, Clone, PartialEq)]
pub(super) struct Solution {
    /// Signed multipliers of the clips of the first side, then of the second.
    pub multipliers: Vec<f64>,
    pub offset: f64,
}

/// The state between two steps; numbers of the first side come before those of the second.
struct State {
    /// Number of clips on the first side.
    firsts: usize,
    multipliers: Vec<f64>,
    /// Σ multiplier · k - side: what the dual rises by with the multiplier.
    slopes: Vec<f64>,
    /// Bounds of each multiplier.
    bounds: [(f64, f64); 2],
}

impl Problem {
    /// Minimises ½ Σ Σ m m' k - Σ side · m over signed multipliers m between 0 and side · price whose sum is 0.
    ///
    /// # Errors
    /// Cancelled.
    pub fn solve(&self, rows: &mut Rows<'_>, watch: &dyn Watch<Epoch>) -> Result<Solution, LearnError> {
        let mut state = State::of(self);
        let clips = state.slopes.len();
        for step in 0..STEPS {
            if step % (LOOK / clips.max(1)).max(1) == 0 {
                watch.check()?;
            }
            let Some((up, least)) = state.steepest() else { break };
            rows.load(self.clip(up));
            let first = self.parts(rows.get(self.clip(up)));
            let Some(down) = state.partner(first, least) else { break };
            rows.load(self.clip(down));
            let (first, second) = (self.parts(rows.get(self.clip(up))), self.parts(rows.get(self.clip(down))));
            state.step((up, down), first, second);
        }
        Ok(Solution { offset: state.offset(), multipliers: state.multipliers })
    }

    /// Number among all clips of a member.
    fn clip(&self, member: usize) -> usize {
        let [first, second] = &self.sides;
        if member < first.len() { first.start + member } else { second.start + member - first.len() }
    }

    fn parts<'a>(&self, row: &'a [f32]) -> [&'a [f32]; 2] {
        [&row[self.sides[0].clone()], &row[self.sides[1].clone()]]
    }
}

impl State {
    fn of(problem: &Problem) -> State {
        let [firsts, seconds] = [problem.sides[0].len(), problem.sides[1].len()];
        let slopes = std::iter::repeat_n(-1.0, firsts).chain(std::iter::repeat_n(1.0, seconds)).collect();
        let bounds = [(0.0, problem.prices[0]), (-problem.prices[1], 0.0)];
        State { firsts, multipliers: vec![0.0; firsts + seconds], slopes, bounds }
    }

    fn bounds(&self, member: usize) -> (f64, f64) {
        self.bounds[usize::from(member >= self.firsts)]
    }

    /// The member whose multiplier should rise most, with its slope.
    fn steepest(&self) -> Option<(usize, f64)> {
        let mut best = (usize::MAX, f64::INFINITY);
        let sides = [0..self.firsts, self.firsts..self.slopes.len()];
        for (side, (_, high)) in sides.into_iter().zip(self.bounds) {
            for (member, (&slope, &multiplier)) in
                (side.start..).zip(self.slopes[side.clone()].iter().zip(&self.multipliers[side]))
            {
                if slope < best.1 && multiplier < high {
                    best = (member, slope);
                }
            }
        }
        (best.0 < usize::MAX).then_some(best)
    }

    /// The member whose multiplier should fall while that other one rises: where the dual gains most by both, to
    /// second order. `None` at the optimum. `row` is the kernel between the other one and all, `least` its slope.
    fn partner(&self, row: [&[f32]; 2], least: f64) -> Option<usize> {
        let (mut best, mut gain, mut steepest) = (usize::MAX, 0.0, f64::NEG_INFINITY);
        let sides = [0..self.firsts, self.firsts..self.slopes.len()];
        for ((side, (low, _)), row) in sides.into_iter().zip(self.bounds).zip(row) {
            let numbers = self.slopes[side.clone()].iter().zip(&self.multipliers[side.clone()]).zip(row);
            for (member, ((&slope, &multiplier), &near)) in (side.start..).zip(numbers) {
                let fall = slope - least;
                if fall > 0.0 && multiplier > low {
                    steepest = f64::max(steepest, slope);
                    let gained = fall * fall / curvature(near);
                    if gained > gain {
                        (best, gain) = (member, gained);
                    }
                }
            }
        }
        (best < usize::MAX && steepest - least >= TOLERANCE).then_some(best)
    }

    /// Moves two multipliers by the same amount, one up and one down, to the best that their bounds allow.
    fn step(&mut self, (up, down): (usize, usize), first: [&[f32]; 2], second: [&[f32]; 2]) {
        let near = first[usize::from(down >= self.firsts)][down - if down >= self.firsts { self.firsts } else { 0 }];
        let best = (self.slopes[down] - self.slopes[up]) / curvature(near);
        let (high, low) = (self.bounds(up).1, self.bounds(down).0);
        let (rise, fall) = (high - self.multipliers[up], self.multipliers[down] - low);
        let change = best.min(rise).min(fall);
        // To the bound itself where it is reached, so that rounding leaves nobody just beside it.
        self.multipliers[up] = if change >= rise { high } else { self.multipliers[up] + change };
        self.multipliers[down] = if change >= fall { low } else { self.multipliers[down] - change };
        let (left, right) = self.slopes.split_at_mut(self.firsts);
        for (slopes, (first, second)) in [left, right].into_iter().zip(first.into_iter().zip(second)) {
            for (slope, (a, b)) in slopes.iter_mut().zip(first.iter().zip(second)) {
                *slope += change * f64::from(a - b);
            }
        }
    }

    /// The mean slope of multipliers between their bounds, which all want the same; without any, the middle of what the
    /// others allow.
    fn offset(&self) -> f64 {
        let (mut sum, mut free) = (0.0, 0usize);
        let (mut low, mut high) = (f64::NEG_INFINITY, f64::INFINITY);
        for (member, (&slope, &multiplier)) in self.slopes.iter().zip(&self.multipliers).enumerate() {
            let bounds = self.bounds(member);
            if multiplier > bounds.0 && multiplier < bounds.1 {
                (sum, free) = (sum + slope, free + 1);
            } else if multiplier <= bounds.0 {
                high = high.min(slope);
            } else {
                low = low.max(slope);
            }
        }
        if free > 0 { sum / free as f64 } else { f64::midpoint(low, high) }
    }
}

/// Of the dual along a pair of multipliers whose clips are so near to each other.
fn curvature(near: f32) -> f64 {
    (2.0 - 2.0 * f64::from(near)).max(FLAT)
}
