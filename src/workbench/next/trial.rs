//! Whether pointing at clips is worth it: learning curves of both ways of choosing, on a corpus that has its labels or from the
//! batches that were labelled, and what the last labels brought.
//!
//! Every figure is speaker-independent: what is learnt from and what is pointed at are of training speakers, what is judged of
//! others. Both ways start from the same labels and are judged on the same clips, so differences are paired; their intervals are
//! bootstraps over speakers. Deliberately absent: extrapolation. What labels will bring is not known, only what the last ones did.

use std::collections::{BTreeMap, HashMap};

use anyhow::Result;
use rand::SeedableRng;
use rand::seq::SliceRandom;
use rand_pcg::Pcg64;

use super::{Method, Pool, RANDOM, UNCERTAIN, Wish};
use crate::corpus::plan::{Plan, Split};
use crate::corpus::{ClipId, Corpus};
use crate::job::Watch;
use crate::score::{Bootstrap, Confusion, Interval, bootstrap, fold_spread, metric};
use crate::store::Batch;
use crate::workbench::experiment::{News, argmax};
use crate::workbench::material::Listener;

/// Both ways after so many labels.
#[derive(Debug, Clone, PartialEq, serde::Serialize)]
pub struct Step {
    /// Labels learnt from, on average over folds, of each way.
    pub labels: [f64; 2],
    /// UAR by uncertainty and diversity: mean over seeds and standard deviation, 0..1.
    pub uncertain: Option<(f64, Option<f64>)>,
    /// UAR by lot.
    pub random: Option<(f64, Option<f64>)>,
    /// The first less the second, with its 95 % interval over speakers.
    pub difference: Option<Difference>,
}

/// A difference of two UARs on the same clips.
#[derive(Debug, Clone, Copy, PartialEq, serde::Serialize)]
pub struct Difference {
    /// 0..1.
    pub value: f64,
    /// Lower end.
    pub low: f64,
    /// Upper end.
    pub high: f64,
}

/// What the later half of the labels brought.
#[derive(Debug, Clone, PartialEq, serde::Serialize)]
pub struct Stop {
    /// Labels in all, and in the earlier half.
    pub labels: [usize; 2],
    /// UAR with each, 0..1.
    pub uar: [Option<f64>; 2],
    /// All less the half.
    pub gain: Option<Difference>,
}

/// Answers of two learners to the same clips, by speaker: the first in the first half of the classes, the second in the other.
type Pair = BTreeMap<usize, Confusion>;

/// Pretends that nothing is labelled, starts with `wish.size` clips by lot, and labels `batches` more batches each way, with the
/// labels of the corpus; `seeds` times. Folds are those of `speakers:5`, or LOSO with fewer speakers.
///
/// # Errors
/// A corpus whose clips lack labels or speakers, fits that fail, cancelling.
pub fn simulate(
    corpus: &Corpus,
    wish: &Wish,
    (batches, seeds): (usize, usize),
    listener: &Listener<'_>,
    watch: &dyn Watch<News>,
) -> Result<Vec<Step>> {
    let (pool, splits) = judged(corpus, wish, listener, watch)?;
    let mut steps = vec![Tally::default(); batches + 1];
    for seed in (0..seeds as u64).map(|seed| wish.seed.wrapping_add(seed)) {
        for split in &splits {
            let ways = [Method::Uncertain, Method::Random]
                .map(|way| pool.walk(split, (way, wish.size), (batches, seed), watch));
            let [uncertain, random] = ways;
            for (tally, pair) in steps.iter_mut().zip(uncertain?.into_iter().zip(random?)) {
                tally.see(&pool, split, seed, [pair.0, pair.1]);
            }
        }
    }
    Ok(steps.iter().map(Tally::step).collect())
}

/// The curves of what was really labelled: a step per batch that proposed both ways, from the labels that no such batch asked for.
/// Nothing without such a batch.
///
/// # Errors
/// Too few labels for folds; fits that fail, cancelling.
pub fn logged(
    corpus: &Corpus,
    wish: &Wish,
    batches: &[Batch],
    listener: &Listener<'_>,
    watch: &dyn Watch<News>,
) -> Result<Vec<Step>> {
    // A batch of one way, or one for review, is no pair to compare.
    let batches: Vec<&Batch> = batches.iter().filter(|one| one.is_of(UNCERTAIN) && one.is_of(RANDOM)).collect();
    if batches.is_empty() {
        return Ok(Vec::new());
    }
    let (pool, splits) = judged(corpus, wish, listener, watch)?;
    let place: HashMap<ClipId, usize> = (0..pool.known.len()).map(|row| (pool.id(row), row)).collect();
    let rows = |batch: &Batch, way: &str| -> Vec<usize> {
        let of_way = batch.clips.iter().filter(|one| one.method == way);
        of_way.filter_map(|one| place.get(&one.clip).copied()).collect()
    };
    let proposed: Vec<usize> = batches.iter().flat_map(|b| [rows(b, UNCERTAIN), rows(b, RANDOM)].concat()).collect();
    let first: Vec<usize> = (0..pool.known.len()).filter(|row| !proposed.contains(row)).collect();
    let mut ways = [first.clone(), first];
    let mut steps = vec![pool.compare(&splits, &ways, wish.seed, watch)?];
    for batch in batches {
        ways[0].extend(rows(batch, UNCERTAIN));
        ways[1].extend(rows(batch, RANDOM));
        steps.push(pool.compare(&splits, &ways, wish.seed, watch)?);
    }
    Ok(steps)
}

/// What the later half of the labels brought; `order` gives the labelled clips by the time of their first label.
///
/// # Errors
/// As [`logged`].
pub fn stop(
    corpus: &Corpus,
    wish: &Wish,
    order: &[ClipId],
    listener: &Listener<'_>,
    watch: &dyn Watch<News>,
) -> Result<Stop> {
    let (pool, splits) = judged(corpus, wish, listener, watch)?;
    let rank: HashMap<&ClipId, usize> = order.iter().enumerate().map(|(rank, id)| (id, rank)).collect();
    let mut all: Vec<usize> = (0..pool.known.len()).collect();
    all.sort_by_key(|&row| rank.get(&pool.id(row)).copied().unwrap_or(usize::MAX));
    let half = all[..all.len() / 2].to_vec();
    let labels = [all.len(), half.len()];
    let step = pool.compare(&splits, &[all, half], wish.seed, watch)?;
    let uar = [step.uncertain, step.random].map(|uar| uar.map(|(mean, _)| mean));
    Ok(Stop { labels, uar, gain: step.difference })
}

/// The labelled clips alone, and the folds that they are judged by.
fn judged(
    corpus: &Corpus,
    wish: &Wish,
    listener: &Listener<'_>,
    watch: &dyn Watch<News>,
) -> Result<(Pool, Vec<Split>)> {
    let mut labelled = corpus.clone();
    labelled.clips.retain(|clip| clip.label.is_some());
    let pool = Pool::of(&labelled, wish, listener, watch)?;
    let splits = splits(&pool, wish.seed)?;
    Ok((pool, splits))
}

fn splits(pool: &Pool, seed: u64) -> Result<Vec<Split>> {
    let speakers = pool.task.known_speakers();
    let plan = if speakers > 5 { Plan::Speakers(5) } else { Plan::Loso };
    Ok(pool.task.splits(&plan, seed)?)
}

impl Pool {
    /// One way through a fold: its answers to the test rows after each batch, and how many labels it had.
    fn walk(
        &self,
        split: &Split,
        (way, size): (Method, usize),
        (batches, seed): (usize, u64),
        watch: &dyn Watch<News>,
    ) -> Result<Vec<(usize, Vec<usize>)>> {
        let mut rest = split.train.clone();
        rest.shuffle(&mut Pcg64::seed_from_u64(seed));
        let mut labelled = self.first(&mut rest, size);
        let mut steps = vec![(labelled.len(), self.answers(&labelled, split, seed, watch)?)];
        for batch in 1..=batches {
            rest.sort_unstable();
            let at = seed.wrapping_mul(1000).wrapping_add(batch as u64);
            let chosen: Vec<usize> =
                self.choose((&labelled, &rest), (way, size, at), watch)?.into_iter().map(|(row, _)| row).collect();
            rest.retain(|row| !chosen.contains(row));
            labelled.extend(chosen);
            steps.push((labelled.len(), self.answers(&labelled, split, seed, watch)?));
        }
        Ok(steps)
    }

    /// The first labels: by lot, and so many more that there are two classes.
    fn first(&self, rest: &mut Vec<usize>, size: usize) -> Vec<usize> {
        let several = |rows: &[usize]| rows.iter().any(|&row| self.task.labels[row] != self.task.labels[rows[0]]);
        let mut taken = size.clamp(2, rest.len());
        while taken < rest.len() && !several(&rest[..taken]) {
            taken += 1;
        }
        rest.drain(..taken).collect()
    }

    fn answers(&self, by: &[usize], split: &Split, seed: u64, watch: &dyn Watch<News>) -> Result<Vec<usize>> {
        let scores = self.scores((by, &split.test), seed, watch)?;
        Ok(scores.outer_iter().map(|row| argmax(row.iter().copied())).collect())
    }

    /// Two sets of labels, judged on the same clips.
    fn compare(&self, splits: &[Split], ways: &[Vec<usize>; 2], seed: u64, watch: &dyn Watch<News>) -> Result<Step> {
        let mut tally = Tally::default();
        for split in splits {
            let [first, second] = [&ways[0], &ways[1]].map(|way| -> Result<(usize, Vec<usize>)> {
                let own: Vec<usize> =
                    way.iter().copied().filter(|row| split.train.binary_search(row).is_ok()).collect();
                Ok((own.len(), self.answers(&own, split, seed, watch)?))
            });
            tally.see(self, split, seed, [first?, second?]);
        }
        Ok(tally.step())
    }
}

/// Answers of both ways at one step, over folds and seeds.
#[derive(Debug, Clone, Default)]
struct Tally {
    labels: [usize; 2],
    folds: usize,
    by_seed: BTreeMap<u64, Pair>,
}

impl Tally {
    fn see(&mut self, pool: &Pool, split: &Split, seed: u64, ways: [(usize, Vec<usize>); 2]) {
        let classes = pool.task.classes.len();
        self.folds += 1;
        for (way, (labels, answers)) in ways.into_iter().enumerate() {
            self.labels[way] += labels;
            for (&row, answer) in split.test.iter().zip(answers) {
                let by = self.by_seed.entry(seed).or_default().entry(pool.task.groups[row]);
                let confusion = by.or_insert_with(|| Confusion::new(2 * classes));
                confusion.see(way * classes + pool.task.labels[row], way * classes + answer);
            }
        }
    }

    fn step(&self) -> Step {
        let pooled = |pair: &Pair| {
            let mut all: Option<Confusion> = None;
            for confusion in pair.values() {
                all.get_or_insert_with(|| Confusion::new(confusion.classes())).add(confusion);
            }
            all
        };
        let seeds: Vec<Confusion> = self.by_seed.values().filter_map(pooled).collect();
        let spread = |half: usize| fold_spread(&seeds.iter().filter_map(|all| uar(all, half)).collect::<Vec<_>>());
        let folds = self.folds.max(1) as f64;
        Step {
            labels: self.labels.map(|labels| labels as f64 / folds),
            uncertain: spread(0),
            random: spread(1),
            difference: self.difference(),
        }
    }

    /// Over all seeds together: a speaker's answers count once for each.
    fn difference(&self) -> Option<Difference> {
        let mut speakers: Pair = Pair::new();
        for (&speaker, confusion) in self.by_seed.values().flatten() {
            speakers.entry(speaker).or_insert_with(|| Confusion::new(confusion.classes())).add(confusion);
        }
        let groups: Vec<Confusion> = speakers.into_values().collect();
        let mut all = Confusion::new(groups.first()?.classes());
        groups.iter().for_each(|group| all.add(group));
        let Interval { low, high, .. } = bootstrap(&groups, apart, Bootstrap::default())?;
        Some(Difference { value: apart(&all)?, low, high })
    }
}

/// UAR of one half of the classes.
fn uar(confusion: &Confusion, half: usize) -> Option<f64> {
    let classes = confusion.classes() / 2;
    let rows = &confusion.rows()[half * classes..(half + 1) * classes];
    let mut own = Confusion::new(classes);
    for (truth, row) in rows.iter().enumerate() {
        for (pred, &count) in row[half * classes..(half + 1) * classes].iter().enumerate() {
            own.see_many(truth, pred, count);
        }
    }
    metric("uar").and_then(|metric| (metric.of)(&own))
}

/// UAR of the first half less that of the second.
fn apart(confusion: &Confusion) -> Option<f64> {
    Some(uar(confusion, 0)? - uar(confusion, 1)?)
}
