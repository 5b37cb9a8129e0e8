//! What folds hold: clips, speakers, sexes and classes of each, for people who judge a plan before they trust it.
//!
//! Deliberately absent: leaks (see `guard`) and judging; it counts.

use std::collections::BTreeSet;

use serde::Serialize;

use super::Split;
use crate::corpus::{Sex, Task};

/// One fold, counted.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Count {
    /// Its name.
    pub fold: String,
    /// Clips learnt from.
    pub train: usize,
    /// Clips tested.
    pub test: usize,
    /// Known speakers tested.
    pub speakers: usize,
    /// Test clips of women.
    pub female: usize,
    /// Test clips of men.
    pub male: usize,
    /// Test clips of each class.
    pub classes: Vec<usize>,
    /// Names of the classes that are not tested: their recall in this fold is undefined.
    pub untested: Vec<String>,
    /// Names of the classes that are tested and not learnt from: their recall in this fold is 0.
    pub unlearnt: Vec<String>,
}

/// Counts every fold.
pub fn audit(task: &Task, splits: &[Split]) -> Vec<Count> {
    splits.iter().map(|split| count(task, split)).collect()
}

/// The class whose share of a test part differs most from its share of the task: fold, class, and the difference in
/// points; `None` where nothing is tested.
pub fn most_uneven(task: &Task, counts: &[Count]) -> Option<(String, String, f64)> {
    let share = |count: usize, of: usize| 100.0 * count as f64 / of.max(1) as f64;
    let of_class = |class: usize| task.labels.iter().filter(|label| **label == class).count();
    let wanted: Vec<f64> = (0..task.classes.len()).map(|class| share(of_class(class), task.labels.len())).collect();
    let each = counts.iter().flat_map(|one| {
        let differ = one.classes.iter().zip(&wanted).map(|(have, wanted)| share(*have, one.test) - wanted);
        differ.enumerate().map(|(class, points)| (one.fold.clone(), task.classes[class].clone(), points))
    });
    each.reduce(|most, one| if one.2.abs() > most.2.abs() { one } else { most })
}

fn count(task: &Task, split: &Split) -> Count {
    let of_sex = |sex: Sex| split.test.iter().filter(|row| task.traits.sexes.get(**row) == Some(&Some(sex))).count();
    let mut classes = vec![0; task.classes.len()];
    split.test.iter().for_each(|row| classes[task.labels[*row]] += 1);
    let speakers: BTreeSet<usize> = split.test.iter().map(|row| task.groups[*row]).collect();
    let name = |class: usize| task.classes[class].clone();
    Count {
        fold: split.name.clone(),
        train: split.train.len(),
        test: split.test.len(),
        speakers: speakers.into_iter().filter(|group| !task.speakers[*group].is_empty()).count(),
        female: of_sex(Sex::Female),
        male: of_sex(Sex::Male),
        untested: (0..classes.len()).filter(|class| classes[*class] == 0).map(name).collect(),
        unlearnt: split.unlearnt(&task.labels).into_iter().map(name).collect(),
        classes,
    }
}
