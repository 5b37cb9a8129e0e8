//! Coefficients with their intervals: units are drawn with replacement, once for all coefficients.
//!
//! Deliberately absent: drawing whole speakers (agreement is a statement about clips and these raters), and drawing raters.

use rayon::prelude::*;

use super::super::interval::{Bootstrap, Interval, Resamples};
use super::super::resample::{draw, in_chunks};
use super::{Coefficient, Sample, Table};

/// The jackknife that BCa needs leaves out this many parts of the units, each unit in one: the skew of the parts' sums is, up to
/// noise, that of the units, and a hundred thousand units need no hundred thousand tables. Fewer units are left out singly.
const PARTS: usize = 200;

/// A coefficient of a table.
#[derive(Debug, Clone, Copy)]
pub struct Estimate {
    /// Which.
    pub coefficient: &'static Coefficient,
    /// `None` where undefined.
    pub value: Option<f64>,
    /// `None` where the value is, with fewer than two units, or where most resamples have no value.
    pub interval: Option<Interval>,
}

/// The coefficient of all units.
#[must_use]
pub fn value(table: &Table, coefficient: &Coefficient) -> Option<f64> {
    (coefficient.of)(&Sample::new(table, &weights(table)))
}

/// Each coefficient with its interval over units; the same for the same seed, whatever the number of threads.
///
/// `go_on` is asked between chunks of draws; `None` once it says no.
#[must_use]
pub fn estimates<G: Fn() -> bool + Sync>(
    table: &Table,
    coefficients: &[&'static Coefficient],
    how: Bootstrap,
    go_on: G,
) -> Option<Vec<Estimate>> {
    let all = |weights: &[u64]| -> Vec<Option<f64>> {
        let sample = Sample::new(table, weights);
        coefficients.iter().map(|row| (row.of)(&sample)).collect()
    };
    let drawn_from = rated(table);
    let weights = weights(table);
    let drawn = in_chunks(how.draws, how.seed, |random, many| {
        let mut counts = vec![0; weights.len()];
        let one = |_| {
            draw(&drawn_from, random, &mut counts);
            all(&counts)
        };
        if go_on() { (0..many).map(one).collect() } else { Vec::new() }
    });
    let parts = PARTS.min(drawn_from.len());
    let left = (0..parts).into_par_iter().map(|part| {
        let mut rest = weights.clone();
        drawn_from.iter().skip(part).step_by(parts).for_each(|&pattern| rest[pattern as usize] -= 1);
        if go_on() { all(&rest) } else { Vec::new() }
    });
    let (points, left): (_, Vec<_>) = (all(&weights), left.collect());
    if !go_on() {
        return None;
    }
    let estimate = |(at, coefficient): (usize, &&'static Coefficient)| {
        let of = |rows: &[Vec<Option<f64>>]| rows.iter().filter_map(|row| row[at]).collect();
        let value = points[at];
        let resamples = value.and_then(|point| {
            let (values, without) = (of(&drawn), of(&left));
            Resamples::made(values, (point, without), (how.draws, counted(table, coefficient.whole)))
        });
        Estimate { coefficient, value, interval: resamples.and_then(|made| made.interval(how.method, how.level)) }
    };
    Some(coefficients.iter().enumerate().map(estimate).collect())
}

/// Units that a coefficient rests on: the interval is as wide as so many allow.
fn counted(table: &Table, whole: bool) -> usize {
    let least = if whole { table.raters() } else { 1 };
    let ratings = |pattern: &&u32| table.patterns()[**pattern as usize].ratings as usize >= least;
    table.pattern_of().iter().filter(ratings).count()
}

/// Units of each pattern.
fn weights(table: &Table) -> Vec<u64> {
    let mut weights = vec![0; table.patterns().len()];
    table.pattern_of().iter().for_each(|&pattern| weights[pattern as usize] += 1);
    weights
}

/// The pattern of each unit that has a rating.
fn rated(table: &Table) -> Vec<u32> {
    let any = |pattern: &&u32| table.patterns()[**pattern as usize].ratings > 0.0;
    table.pattern_of().iter().filter(any).copied().collect()
}
