//! Predictions of two runs, clip by clip: to the last bit, or by class.
//!
//! Deliberately absent: fields of protocol and recipe (see `differ`) and whether a difference means anything (see `versus`).

use std::collections::BTreeMap;

use serde::Serialize;

use crate::store::{Prediction, Run};

/// Predictions of two runs, clip by clip. A clip that was tested several times is compared each time.
#[derive(Debug, Clone, PartialEq, Default, Serialize)]
pub struct Predictions {
    /// Predictions for clips that both tested.
    pub shared: usize,
    /// Clips that only the first tested.
    pub only_a: Vec<String>,
    /// Clips that only the second tested.
    pub only_b: Vec<String>,
    /// Predictions that are not the same to the last bit, in the order of clips.
    pub unequal: Vec<Unequal>,
    /// Largest difference of a probability; `None` where the classes are not the same, or nothing is shared.
    pub largest: Option<f32>,
}

/// A clip of which two runs do not say the same.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Unequal {
    /// The clip.
    pub clip: String,
    /// Fold in each run, from 0.
    pub folds: [usize; 2],
    /// True class in each run.
    pub truth: [String; 2],
    /// Predicted class in each run.
    pub pred: [String; 2],
    /// Largest difference of its probabilities; `None` where the classes are not the same.
    pub p: Option<f32>,
}

impl Predictions {
    /// Of two runs.
    pub fn of(a: &Run, b: &Run) -> Predictions {
        let (of_a, of_b) = (by_clip(a), by_clip(b));
        let only = |these: &BTreeMap<Key<'_>, &Prediction>, others: &BTreeMap<Key<'_>, &Prediction>| {
            these.keys().filter(|key| !others.contains_key(*key)).map(|(clip, _)| (*clip).to_owned()).collect()
        };
        let mut all = Predictions { only_a: only(&of_a, &of_b), only_b: only(&of_b, &of_a), ..Predictions::default() };
        for (key, one) in &of_a {
            let Some(other) = of_b.get(key) else { continue };
            all.shared += 1;
            let p = (a.classes() == b.classes()).then(|| largest(&one.p, &other.p));
            all.largest = p.map(|p| all.largest.unwrap_or(0.0).max(p));
            let classes = |truth: fn(&Prediction) -> usize| [name(a, truth(one)), name(b, truth(other))];
            let (truth, pred) = (classes(|one| one.truth), classes(|one| one.pred));
            let same = one.fold == other.fold && truth[0] == truth[1] && pred[0] == pred[1];
            if !same || one.seeds != other.seeds || p.is_none() || !same_bits(&one.p, &other.p) {
                let (clip, folds) = (key.0.to_owned(), [one.fold, other.fold]);
                all.unequal.push(Unequal { clip, folds, truth, pred, p });
            }
        }
        all
    }

    /// True when nothing differs, to the last bit.
    pub fn identical(&self) -> bool {
        self.unequal.is_empty() && self.only_a.is_empty() && self.only_b.is_empty()
    }

    /// True when both tested the same clips in the same folds, say the same class of each, and no probability differs by more
    /// than `tolerance`.
    pub fn within(&self, tolerance: f32) -> bool {
        let near = |one: &Unequal| {
            let [[was, is], [truth, now]] = [&one.pred, &one.truth];
            was == is && truth == now && one.folds[0] == one.folds[1] && one.p.is_some_and(|p| p <= tolerance)
        };
        self.only_a.is_empty() && self.only_b.is_empty() && self.unequal.iter().all(near)
    }

    /// Those of which the two runs predict another class.
    pub fn reclassified(&self) -> impl Iterator<Item = &Unequal> {
        self.unequal.iter().filter(|one| one.pred[0] != one.pred[1])
    }
}

/// A clip and which time it is tested.
type Key<'a> = (&'a str, usize);

fn by_clip(run: &Run) -> BTreeMap<Key<'_>, &Prediction> {
    let mut all = BTreeMap::new();
    let mut seen: BTreeMap<&str, usize> = BTreeMap::new();
    for one in &run.predictions {
        let time = seen.entry(one.clip.0.as_str()).or_default();
        all.insert((one.clip.0.as_str(), *time), one);
        *time += 1;
    }
    all
}

fn name(run: &Run, class: usize) -> String {
    run.classes().get(class).cloned().unwrap_or_else(|| class.to_string())
}

fn largest(a: &[f32], b: &[f32]) -> f32 {
    a.iter().zip(b).map(|(a, b)| (a - b).abs()).fold(0.0, f32::max)
}

fn same_bits(a: &[f32], b: &[f32]) -> bool {
    a.len() == b.len() && a.iter().zip(b).all(|(a, b)| a.to_bits() == b.to_bits())
}
