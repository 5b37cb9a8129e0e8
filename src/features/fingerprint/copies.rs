//! Which of many fingerprints are of one recording.
//!
//! Words that two clips share frame for frame, at one shift, make the pair a candidate; then all bits of the frames that
//! overlap at that shift are compared. So the work grows with the frames and the pairs that share words, not with all pairs.
//! Deliberately absent: more than pairs (copies of copies are pairs, too).

use std::collections::BTreeMap;

use rayon::prelude::*;

use super::Words;

/// Share of different bits up to which two clips are one recording. Chance is a half; Haitsma & Kalker's 0.35 is for
/// excerpts three times as long as a short clip.
const DIFFERENT: f64 = 0.25;
/// Share of the shorter clip's frames that must overlap, and so many at least.
const OVERLAP: (f64, usize) = (0.6, 16);
/// Equal words at one shift that make a candidate.
const VOTES: u32 = 2;
/// A word of more frames than this tells nothing (a hum, a beep), and would cost a pair each.
const COMMON: usize = 200;

/// Pairs of the same recording, the smaller number first, ascending.
pub fn copies(prints: &[Words]) -> Vec<(usize, usize)> {
    let mut found: Vec<(usize, usize)> = candidates(prints)
        .into_par_iter()
        .filter(|&((a, b, _), votes)| votes >= VOTES && a != b)
        .filter(|&((a, b, shift), _)| [shift - 1, shift, shift + 1].iter().any(|at| same(&prints[a], &prints[b], *at)))
        .map(|((a, b, _), _)| (a, b))
        .collect();
    found.sort_unstable();
    found.dedup();
    found
}

/// Pairs of clips and the shift between them (frame of the second less that of the first) at which words are equal, and how
/// many.
fn candidates(prints: &[Words]) -> BTreeMap<(usize, usize, isize), u32> {
    let mut frames: Vec<(u32, usize, usize)> = Vec::new();
    for (clip, words) in prints.iter().enumerate() {
        frames.extend(words.iter().enumerate().filter_map(|(frame, word)| Some(((*word)?, clip, frame))));
    }
    frames.par_sort_unstable();
    let mut votes = BTreeMap::new();
    for run in frames.chunk_by(|a, b| a.0 == b.0).filter(|run| run.len() <= COMMON) {
        for (at, &(_, a, from)) in run.iter().enumerate() {
            for &(_, b, to) in run[at + 1..].iter().filter(|(_, b, _)| *b != a) {
                *votes.entry((a, b, to as isize - from as isize)).or_insert(0) += 1;
            }
        }
    }
    votes
}

/// True when the bits agree where the clips overlap, the second one shifted by so many frames.
fn same(a: &Words, b: &Words, shift: isize) -> bool {
    compared(a, b, shift).is_some_and(|different| different <= DIFFERENT)
}

/// Share of different bits at a shift; `None` where too little overlaps.
fn compared(a: &Words, b: &Words, shift: isize) -> Option<f64> {
    let other = |frame: usize| b.get(usize::try_from(frame as isize + shift).ok()?).copied().flatten();
    let pairs = a.iter().enumerate().filter_map(|(frame, word)| Some((*word)? ^ other(frame)?));
    let (mut frames, mut bits) = (0, 0);
    pairs.for_each(|different| {
        frames += 1;
        bits += different.count_ones();
    });
    let heard = |words: &Words| words.iter().flatten().count();
    let least = (OVERLAP.0 * heard(a).min(heard(b)) as f64).max(OVERLAP.1 as f64);
    (f64::from(frames) >= least).then(|| f64::from(bits) / f64::from(32 * frames))
}
