//! Tests of plans: properties over made-up corpora, words, refusals.

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
