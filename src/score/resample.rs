//! Scores of confusions summed over groups drawn with replacement: the work of a bootstrap, fast.
//!
//! Groups are drawn by number and counted; only then are their confusions summed, and equal ones (clips, where the speaker is
//! not known) once. Each chunk of draws has a generator of its own, so the values depend on the seed alone, not on the number
//! of threads. Deliberately absent: what is made of the values (see `interval.rs`).

use std::collections::BTreeMap;

use rand::{Rng, SeedableRng};
use rand_pcg::Pcg64;
use rayon::prelude::*;

use super::confusion::Confusion;

/// A score of a confusion; `None` where undefined.
pub type Score = fn(&Confusion) -> Option<f64>;

/// Draws that share a generator.
const CHUNK: usize = 125;
/// Odd, and without pattern: keeps the seeds of chunks apart (2^64 / golden ratio).
const APART: u64 = 0x9E37_79B9_7F4A_7C15;

/// Groups prepared for drawing.
struct Urn {
    /// Kind of each group: equal confusions are one kind.
    kind_of: Vec<u32>,
    /// Cells of each kind that are not 0, as (truth, prediction, count).
    kinds: Vec<Vec<(usize, usize, u64)>>,
    classes: usize,
}

/// The score of each of `draws` resamples in which it is defined, in the order drawn. Panics when groups differ in classes.
pub(super) fn resample(groups: &[Confusion], score: Score, draws: usize, seed: u64) -> Vec<f64> {
    let Some(urn) = Urn::of(groups) else { return Vec::new() };
    in_chunks(draws, seed, |random, many| {
        let (mut counts, mut drawn) = (vec![0_u64; urn.kinds.len()], Confusion::new(urn.classes));
        let scores = (0..many).filter_map(|_| {
            draw(&urn.kind_of, random, &mut counts);
            urn.sum(&counts, &mut drawn);
            score(&drawn)
        });
        scores.collect()
    })
}

/// What `work` makes of each chunk of `draws`, in order: it gets a generator of its own and how many draws the chunk has.
pub(super) fn in_chunks<T: Send>(draws: usize, seed: u64, work: impl Fn(&mut Pcg64, usize) -> Vec<T> + Sync) -> Vec<T> {
    let chunks: Vec<usize> = (0..draws.div_ceil(CHUNK)).collect();
    let of_chunk = |&chunk: &usize| {
        let mut random = Pcg64::seed_from_u64(seed ^ APART.wrapping_mul(chunk as u64 + 1));
        work(&mut random, CHUNK.min(draws - chunk * CHUNK))
    };
    let made: Vec<Vec<T>> = chunks.par_iter().map(of_chunk).collect();
    made.into_iter().flatten().collect()
}

/// As many things as there are, drawn with replacement, counted by kind.
pub(super) fn draw(kind_of: &[u32], random: &mut Pcg64, counts: &mut [u64]) {
    counts.fill(0);
    let n = kind_of.len() as u64;
    // A 32-bit number times n, its upper half: even to n / 2^32. Two come out of one 64-bit number.
    let mut take = |bits: u64| counts[kind_of[((bits * n) >> 32) as usize] as usize] += 1;
    for _ in 0..n / 2 {
        let bits: u64 = random.random();
        take(bits & 0xFFFF_FFFF);
        take(bits >> 32);
    }
    if n % 2 == 1 {
        take(random.random::<u64>() >> 32);
    }
}

/// The score without each group in turn, where it is defined.
pub(super) fn jackknife(groups: &[Confusion], score: Score) -> Vec<f64> {
    let Some(urn) = Urn::of(groups) else { return Vec::new() };
    let mut counts = vec![0; urn.kinds.len()];
    urn.kind_of.iter().for_each(|&kind| counts[kind as usize] += 1);
    let mut left = Confusion::new(urn.classes);
    // Groups of one kind leave the same rest.
    let without = (0..urn.kinds.len()).map(|kind| {
        counts[kind] -= 1;
        urn.sum(&counts, &mut left);
        counts[kind] += 1;
        score(&left)
    });
    let without: Vec<Option<f64>> = without.collect();
    urn.kind_of.iter().filter_map(|&kind| without[kind as usize]).collect()
}

impl Urn {
    fn of(groups: &[Confusion]) -> Option<Urn> {
        let classes = groups.first()?.classes();
        let (mut number, mut kinds) = (BTreeMap::new(), Vec::new());
        let mut kind_of = Vec::with_capacity(groups.len());
        for group in groups {
            assert_eq!(group.classes(), classes, "confusions of different tasks");
            let kind = *number.entry(group.rows()).or_insert_with(|| {
                let cells = (0..classes).flat_map(|t| (0..classes).map(move |p| (t, p, group.count(t, p))));
                kinds.push(cells.filter(|(_, _, count)| *count > 0).collect());
                kinds.len() as u32 - 1
            });
            kind_of.push(kind);
        }
        Some(Urn { kind_of, kinds, classes })
    }

    fn sum(&self, counts: &[u64], into: &mut Confusion) {
        into.clear();
        for (cells, &times) in self.kinds.iter().zip(counts).filter(|(_, times)| **times > 0) {
            cells.iter().for_each(|&(truth, pred, count)| into.see_many(truth, pred, count * times));
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::score::metric;

    fn groups(speakers: usize) -> Vec<Confusion> {
        let one = |speaker: usize| {
            let pred: Vec<usize> =
                (0..12).map(|clip| if (clip * 7 + speaker * 5) % 11 < 8 { clip % 3 } else { 0 }).collect();
            Confusion::of(&(0..12).map(|clip| clip % 3).collect::<Vec<_>>(), &pred, 3).unwrap()
        };
        (0..speakers).map(one).collect()
    }

    #[test]
    fn values_depend_on_the_seed_alone() {
        let (groups, uar) = (groups(9), metric("uar").unwrap().of);
        let with = |threads: usize, seed: u64| {
            let pool = rayon::ThreadPoolBuilder::new().num_threads(threads).build().unwrap();
            pool.install(|| resample(&groups, uar, 300, seed))
        };
        assert_eq!(with(1, 3), with(4, 3));
        assert_ne!(with(1, 3), with(1, 4));
        assert_eq!(with(2, 3).len(), 300);
    }

    #[test]
    fn equal_groups_are_drawn_as_often_as_there_are() {
        // 30 clips right, 10 wrong: 40 groups of two kinds. The mean of the resamples is near 0.75, their spread near the
        // binomial's 0.0685.
        let clip = |pred: usize| Confusion::of(&[0], &[pred], 2).unwrap();
        let groups: Vec<Confusion> = (0..40).map(|at| clip(usize::from(at % 4 == 0))).collect();
        let values = resample(&groups, metric("wa").unwrap().of, 2000, 1);
        let mean = values.iter().sum::<f64>() / 2000.0;
        let sd = (values.iter().map(|v| (v - mean).powi(2)).sum::<f64>() / 1999.0).sqrt();
        assert!((mean - 0.75).abs() < 0.01 && (sd - 0.0685).abs() < 0.005, "{mean} {sd}");
        assert_eq!(values.iter().map(|v| (v * 40.0).round() / 40.0 - v).fold(0.0, f64::max), 0.0, "whole clips");
    }

    #[test]
    fn each_group_is_left_out_once() {
        let groups = groups(5);
        let uar = metric("uar").unwrap().of;
        let slow: Vec<f64> = (0..5)
            .filter_map(|out| {
                let mut left = Confusion::new(3);
                groups.iter().enumerate().filter(|(at, _)| *at != out).for_each(|(_, group)| left.add(group));
                uar(&left)
            })
            .collect();
        assert_eq!(jackknife(&groups, uar), slow);
        assert!(resample(&[], uar, 10, 0).is_empty() && jackknife(&[], uar).is_empty());
    }
}
