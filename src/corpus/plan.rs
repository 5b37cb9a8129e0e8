//! Plans: how a corpus is split into train and test, and the splits they make.
//!
//! Deliberately absent: the inner development split (a classifier makes it from training groups), and running anything.

use std::collections::BTreeSet;
use std::fmt;
use std::str::FromStr;

use rand::SeedableRng;
use rand::seq::SliceRandom;
use rand_pcg::Pcg64;

/// Up to this many speakers a random plan's twin leaves them out one by one.
const LOSO_UP_TO: usize = 12;

/// How to split.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Plan {
    /// Leave one speaker out: one fold per speaker.
    Loso,
    /// K folds, each speaker in exactly one, balanced by class.
    Speakers(usize),
    /// K folds over clips, stratified by class; speakers leak.
    Random(usize),
}

/// One fold: rows to learn from and rows to be judged on. Row numbers refer to the caller's arrays.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Split {
    /// `speaker 03`, `fold 2`, …
    pub name: String,
    /// Training rows, ascending.
    pub train: Vec<usize>,
    /// Test rows, ascending; disjoint from `train`.
    pub test: Vec<usize>,
}

/// Why there are no splits.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum PlanError {
    /// A word that names no plan.
    #[error("no plan `{0}`; there are loso, speakers:K and random:K (K = number of folds, at least 2)")]
    Unknown(String),
    /// No rows at all.
    #[error("there are no clips to split")]
    NoRows,
    /// Fewer than two folds.
    #[error("the plan `{0}` has fewer than 2 folds")]
    TooFewFolds(Plan),
    /// Speakers must be kept apart and there is only one.
    #[error("the plan `{0}` needs at least 2 speakers and there is one; random:K works, but judges on the same voice")]
    OneSpeaker(Plan),
    /// More folds than speakers.
    #[error("the plan `{plan}` has more folds than there are speakers ({speakers})")]
    TooFewSpeakers {
        /// The plan.
        plan: Plan,
        /// Speakers there are.
        speakers: usize,
    },
    /// More folds than rows.
    #[error("the plan `{plan}` has more folds than there are clips ({rows})")]
    TooFewRows {
        /// The plan.
        plan: Plan,
        /// Rows there are.
        rows: usize,
    },
    /// Speakers must be kept apart and some are unknown.
    #[error(
        "{lacking} of {clips} clips have no known speaker, so speakers cannot be kept apart; random:K works, but leaks"
    )]
    UnknownSpeakers {
        /// Clips without a speaker.
        lacking: usize,
        /// All clips.
        clips: usize,
    },
    /// A fold would be learnt from fewer than two classes.
    #[error("testing on {fold} leaves fewer than 2 classes to learn from")]
    FewClasses {
        /// Name of the fold.
        fold: String,
        /// The groups it would test and not learn from.
        held_out: Vec<usize>,
    },
}

impl Plan {
    /// The splits. Row `i` has class `labels[i]` and group (speaker) `groups[i]`; every row is tested exactly once. The same
    /// seed gives the same splits; `loso` does not use it. A class missing from a training part is not refused: see
    /// [`Split::unlearnt`].
    ///
    /// # Errors
    /// [`PlanError`]; row counts that differ are cut to the shorter.
    pub fn splits(&self, labels: &[usize], groups: &[usize], seed: u64) -> Result<Vec<Split>, PlanError> {
        let rows = labels.len().min(groups.len());
        let (labels, groups) = (&labels[..rows], &groups[..rows]);
        let speakers: BTreeSet<usize> = groups.iter().copied().collect();
        self.check(rows, speakers.len())?;
        let fold_of = match self {
            Plan::Loso => positions(groups, &speakers),
            Plan::Speakers(k) => grouped(labels, groups, *k, seed),
            Plan::Random(k) => stratified(labels, *k, seed),
        };
        let folds = fold_of.iter().max().map_or(0, |last| last + 1);
        let splits: Vec<Split> = (0..folds).map(|fold| self.split(fold, &fold_of, &speakers)).collect();
        for split in &splits {
            if split.train.iter().map(|row| labels[*row]).collect::<BTreeSet<_>>().len() < 2 {
                return Err(PlanError::FewClasses { fold: split.name.clone(), held_out: split.held_out(groups) });
            }
        }
        Ok(splits)
    }

    /// True when a speaker may be on both sides of a split.
    pub fn leaks_speakers(&self) -> bool {
        matches!(self, Plan::Random(_))
    }

    /// The speaker-independent plan to show beside this one: for `random:K` it is `loso` up to 12 speakers, else
    /// `speakers:K`; any other plan is its own twin.
    pub fn twin(&self, speakers: usize) -> Plan {
        match self {
            Plan::Random(_) if speakers <= LOSO_UP_TO => Plan::Loso,
            Plan::Random(k) => Plan::Speakers(*(k.min(&speakers))),
            other => *other,
        }
    }

    fn check(&self, rows: usize, speakers: usize) -> Result<(), PlanError> {
        let plan = *self;
        match plan {
            _ if rows == 0 => Err(PlanError::NoRows),
            Plan::Speakers(k) | Plan::Random(k) if k < 2 => Err(PlanError::TooFewFolds(plan)),
            Plan::Loso | Plan::Speakers(_) if speakers < 2 => Err(PlanError::OneSpeaker(plan)),
            Plan::Speakers(k) if k > speakers => Err(PlanError::TooFewSpeakers { plan, speakers }),
            Plan::Random(k) if k > rows => Err(PlanError::TooFewRows { plan, rows }),
            _ => Ok(()),
        }
    }

    fn split(&self, fold: usize, fold_of: &[usize], speakers: &BTreeSet<usize>) -> Split {
        let (test, train) = (0..fold_of.len()).partition(|row| fold_of[*row] == fold);
        let name = match self {
            Plan::Loso => format!("speaker {}", speakers.iter().nth(fold).copied().unwrap_or(fold)),
            Plan::Speakers(_) | Plan::Random(_) => format!("fold {}", fold + 1),
        };
        Split { name, train, test }
    }
}

impl Split {
    /// Groups that are tested and not learnt from, ascending.
    pub fn held_out(&self, groups: &[usize]) -> Vec<usize> {
        let of = |rows: &[usize]| rows.iter().map(|row| groups[*row]).collect::<BTreeSet<_>>();
        of(&self.test).difference(&of(&self.train)).copied().collect()
    }

    /// Classes that are tested but not learnt from, ascending: they cannot be recognised in this fold.
    pub fn unlearnt(&self, labels: &[usize]) -> Vec<usize> {
        self.held_out(labels)
    }
}

impl fmt::Display for Plan {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Plan::Loso => f.pad("loso"),
            Plan::Speakers(k) => f.pad(&format!("speakers:{k}")),
            Plan::Random(k) => f.pad(&format!("random:{k}")),
        }
    }
}

impl FromStr for Plan {
    type Err = PlanError;
    fn from_str(text: &str) -> Result<Self, PlanError> {
        let unknown = || PlanError::Unknown(text.to_owned());
        if text == "loso" {
            return Ok(Plan::Loso);
        }
        let (kind, k) = text.split_once(':').ok_or_else(unknown)?;
        let k: usize = k.parse().map_err(|_| unknown())?;
        let plan = match kind {
            "speakers" => Plan::Speakers(k),
            "random" => Plan::Random(k),
            _ => return Err(unknown()),
        };
        if k < 2 { Err(PlanError::TooFewFolds(plan)) } else { Ok(plan) }
    }
}

/// The position of each row's group among all groups.
fn positions(groups: &[usize], all: &BTreeSet<usize>) -> Vec<usize> {
    let all: Vec<usize> = all.iter().copied().collect();
    groups.iter().map(|group| all.partition_point(|g| g < group)).collect()
}

/// Deals each class's rows, shuffled, to the folds in turn; the next class goes on where the last one stopped, so that the
/// folds' sizes differ by at most one, and so does each class.
fn stratified(labels: &[usize], folds: usize, seed: u64) -> Vec<usize> {
    let mut rng = Pcg64::seed_from_u64(seed);
    let mut rows: Vec<usize> = (0..labels.len()).collect();
    rows.shuffle(&mut rng);
    rows.sort_by_key(|row| labels[*row]);
    let mut fold_of = vec![0; labels.len()];
    for (turn, row) in rows.into_iter().enumerate() {
        fold_of[row] = turn % folds;
    }
    fold_of
}

/// The greedy algorithm of scikit-learn's `StratifiedGroupKFold(shuffle=True)`: groups in shuffled order, those with the most
/// uneven class counts first, each go to the fold that keeps the class shares most even, ties to the smaller fold. Unlike
/// there no fold stays empty.
fn grouped(labels: &[usize], groups: &[usize], folds: usize, seed: u64) -> Vec<usize> {
    let all: BTreeSet<usize> = groups.iter().copied().collect();
    let group_of = positions(groups, &all);
    let classes = labels.iter().max().map_or(0, |last| last + 1);
    let mut counts = vec![vec![0.0; classes]; all.len()];
    for (label, group) in labels.iter().zip(&group_of) {
        counts[*group][*label] += 1.0;
    }
    let mut order: Vec<usize> = (0..all.len()).collect();
    order.shuffle(&mut Pcg64::seed_from_u64(seed));
    order.sort_by(|a, b| deviation(counts[*b].iter().copied()).total_cmp(&deviation(counts[*a].iter().copied())));
    let mut deal = Deal { totals: column_sums(&counts, classes), folds: vec![vec![0.0; classes]; folds] };
    let mut fold_of_group = vec![0; all.len()];
    for (dealt, group) in order.iter().enumerate() {
        fold_of_group[*group] = deal.give(&counts[*group], order.len() - dealt);
    }
    group_of.into_iter().map(|group| fold_of_group[group]).collect()
}

/// Class counts of the folds while groups are dealt out.
struct Deal {
    totals: Vec<f64>,
    folds: Vec<Vec<f64>>,
}

impl Deal {
    /// Puts a group into the best fold and returns it; `left` groups are not yet dealt, this one included.
    fn give(&mut self, group: &[f64], left: usize) -> usize {
        let empty = self.folds.iter().filter(|fold| fold.iter().sum::<f64>() == 0.0).count();
        let candidates = (0..self.folds.len()).filter(|f| empty < left || self.folds[*f].iter().sum::<f64>() == 0.0);
        let scored = candidates.map(|fold| (self.unevenness(group, fold), self.folds[fold].iter().sum::<f64>(), fold));
        // Summing in another order changes last bits: scikit-learn, too, takes close scores for ties.
        let best = scored.reduce(|a, b| {
            let tie = (a.0 - b.0).abs() <= 1e-8;
            if (tie && b.1 < a.1) || (!tie && b.0 < a.0) { b } else { a }
        });
        let fold = best.map_or(0, |(_, _, fold)| fold);
        for (have, more) in self.folds[fold].iter_mut().zip(group) {
            *have += more;
        }
        fold
    }

    /// Mean over classes of the deviation between folds of the class's share, were the group in `fold`.
    fn unevenness(&self, group: &[f64], fold: usize) -> f64 {
        let present = (0..group.len()).filter(|class| self.totals[*class] > 0.0);
        let spread: Vec<f64> = present
            .map(|class| {
                deviation(self.folds.iter().enumerate().map(|(f, counts)| {
                    let more = if f == fold { group[class] } else { 0.0 };
                    (counts[class] + more) / self.totals[class]
                }))
            })
            .collect();
        spread.iter().sum::<f64>() / spread.len().max(1) as f64
    }
}

fn column_sums(rows: &[Vec<f64>], columns: usize) -> Vec<f64> {
    (0..columns).map(|c| rows.iter().map(|row| row[c]).sum()).collect()
}

/// Population standard deviation; 0 for nothing.
fn deviation(values: impl Iterator<Item = f64> + Clone) -> f64 {
    let n = values.clone().count().max(1) as f64;
    let mean = values.clone().sum::<f64>() / n;
    (values.map(|v| (v - mean).powi(2)).sum::<f64>() / n).sqrt()
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    /// Rows of a made-up corpus: every speaker has some of every class.
    fn rows() -> impl Strategy<Value = (Vec<usize>, Vec<usize>)> {
        (2usize..9, 2usize..6, 1usize..4, any::<u64>()).prop_map(|(speakers, classes, each, salt)| {
            let mut labels = Vec::new();
            let mut groups = Vec::new();
            for speaker in 0..speakers {
                for class in 0..classes {
                    let many = each + (salt >> ((speaker * classes + class) % 60)) as usize % 3;
                    labels.extend(std::iter::repeat_n(class, many));
                    groups.extend(std::iter::repeat_n(speaker * 3 + 1, many));
                }
            }
            (labels, groups)
        })
    }

    fn tested(splits: &[Split]) -> Vec<usize> {
        let mut rows: Vec<usize> = splits.iter().flat_map(|s| s.test.clone()).collect();
        rows.sort_unstable();
        rows
    }

    proptest! {
        #[test]
        fn every_row_is_tested_once_and_learnt_from_elsewhere((labels, groups) in rows(), seed: u64) {
            for plan in [Plan::Loso, Plan::Speakers(2), Plan::Random(2)] {
                let splits = plan.splits(&labels, &groups, seed).unwrap();
                prop_assert_eq!(tested(&splits), (0..labels.len()).collect::<Vec<_>>());
                for split in &splits {
                    prop_assert_eq!(split.train.len() + split.test.len(), labels.len());
                    prop_assert!(split.train.iter().all(|row| split.test.binary_search(row).is_err()));
                    prop_assert!(split.train.is_sorted() && split.test.is_sorted());
                }
            }
        }

        #[test]
        fn no_speaker_is_on_both_sides((labels, groups) in rows(), seed: u64, k in 2usize..9) {
            let speakers = groups.iter().collect::<BTreeSet<_>>().len();
            for plan in [Plan::Loso, Plan::Speakers(k.min(speakers))] {
                for split in plan.splits(&labels, &groups, seed).unwrap() {
                    prop_assert!(!split.test.is_empty());
                    let train: BTreeSet<usize> = split.train.iter().map(|r| groups[*r]).collect();
                    prop_assert!(split.test.iter().all(|r| !train.contains(&groups[*r])));
                }
            }
        }

        #[test]
        fn random_folds_share_classes_evenly((labels, groups) in rows(), seed: u64, k in 2usize..5) {
            let splits = Plan::Random(k.min(labels.len())).splits(&labels, &groups, seed).unwrap();
            for class in 0..=*labels.iter().max().unwrap() {
                let counts: Vec<usize> =
                    splits.iter().map(|s| s.test.iter().filter(|r| labels[**r] == class).count()).collect();
                prop_assert!(counts.iter().max().unwrap() - counts.iter().min().unwrap() <= 1, "{counts:?}");
            }
        }

        #[test]
        fn one_seed_one_set_of_splits((labels, groups) in rows(), seed: u64) {
            for plan in [Plan::Loso, Plan::Speakers(2), Plan::Random(3)] {
                prop_assert_eq!(plan.splits(&labels, &groups, seed), plan.splits(&labels, &groups, seed));
            }
        }
    }

    #[test]
    fn another_seed_gives_other_random_folds() {
        let labels: Vec<usize> = (0..60).map(|i| i % 3).collect();
        let plan = Plan::Random(5);
        assert_ne!(plan.splits(&labels, &labels, 1).unwrap(), plan.splits(&labels, &labels, 2).unwrap());
    }

    #[test]
    fn speaker_folds_are_balanced_in_size_and_class() {
        // Ten speakers, two of them five times as large.
        let mut labels = Vec::new();
        let mut groups = Vec::new();
        for speaker in 0..10 {
            let many = if speaker < 2 { 50 } else { 10 };
            labels.extend((0..many).map(|i| i % 5));
            groups.extend(std::iter::repeat_n(speaker, many));
        }
        let splits = Plan::Speakers(2).splits(&labels, &groups, 7).unwrap();
        assert_eq!(splits.iter().map(|s| s.test.len()).collect::<Vec<_>>(), [90, 90]);
    }

    #[test]
    fn plans_read_as_they_are_written() {
        for text in ["loso", "speakers:5", "random:10"] {
            assert_eq!(text.parse::<Plan>().unwrap().to_string(), text);
        }
        for text in ["", "LOSO", "speakers", "speakers:x", "random:-1", "fold:3"] {
            assert_eq!(text.parse::<Plan>(), Err(PlanError::Unknown(text.to_owned())));
        }
        assert_eq!("random:1".parse::<Plan>(), Err(PlanError::TooFewFolds(Plan::Random(1))));
    }

    #[test]
    fn impossible_plans_are_refused() {
        let two = [0, 1, 0, 1];
        assert_eq!(Plan::Loso.splits(&two, &[5, 5, 5, 5], 0), Err(PlanError::OneSpeaker(Plan::Loso)));
        assert_eq!(Plan::Loso.splits(&[], &[], 0), Err(PlanError::NoRows));
        let plan = Plan::Speakers(3);
        assert_eq!(plan.splits(&two, &[0, 0, 1, 1], 0), Err(PlanError::TooFewSpeakers { plan, speakers: 2 }));
        let plan = Plan::Random(5);
        assert_eq!(plan.splits(&two, &two, 0), Err(PlanError::TooFewRows { plan, rows: 4 }));
        assert_eq!(Plan::Speakers(1).splits(&two, &two, 0), Err(PlanError::TooFewFolds(Plan::Speakers(1))));
        // Speaker 1 has all of class 1: without them nothing but class 0 is left.
        let refused = Plan::Loso.splits(&[0, 0, 1, 1], &[0, 0, 1, 1], 0);
        assert_eq!(refused, Err(PlanError::FewClasses { fold: "speaker 0".to_owned(), held_out: vec![0] }));
    }

    #[test]
    fn a_class_that_cannot_be_learnt_is_told() {
        let (labels, groups) = ([0, 1, 0, 1, 2], [0, 0, 1, 1, 1]);
        let splits = Plan::Loso.splits(&labels, &groups, 0).unwrap();
        assert_eq!(splits[0].unlearnt(&labels), Vec::<usize>::new());
        assert_eq!(splits[1].unlearnt(&labels), [2]);
        assert_eq!(splits[1].held_out(&groups), [1]);
    }

    #[test]
    fn the_twin_keeps_speakers_apart() {
        assert_eq!(Plan::Random(5).twin(10), Plan::Loso);
        assert_eq!(Plan::Random(5).twin(91), Plan::Speakers(5));
        assert_eq!(Plan::Random(50).twin(20), Plan::Speakers(20));
        assert_eq!(Plan::Speakers(3).twin(4), Plan::Speakers(3));
        assert!(!Plan::Random(5).twin(30).leaks_speakers());
    }
}
