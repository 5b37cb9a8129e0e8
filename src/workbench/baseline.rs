//! The floor of a table: guessing, and always saying the most frequent class. Computed, not fitted.
//!
//! Deliberately absent: the classifier `majority`, which is a run like any other.

use super::summary::uar;
use crate::score::{Confusion, ScoreError, metric};
use crate::store::Run;

/// What knowing nothing of a clip reaches.
#[derive(Debug, Clone, PartialEq)]
pub struct Baseline {
    /// `chance` or `majority`.
    pub name: &'static str,
    /// How it was computed, in words.
    pub how: &'static str,
    /// Unweighted average recall, 0..1.
    pub uar: Option<f64>,
    /// Share of right clips, 0..1.
    pub wa: Option<f64>,
}

/// Chance and majority on the clips and folds of `run`.
///
/// Majority is the most frequent class among the clips outside each fold's test part (the first of equals, as the classifier
/// does); `None` where a fold tests all there is to see.
///
/// # Errors
/// A class number beyond the run's classes.
pub fn baselines(run: &Run) -> Result<[Baseline; 2], ScoreError> {
    let k = run.classes().len();
    let chance = (k > 0).then(|| 1.0 / k as f64);
    let said = majority(run);
    let all = said.map(|pred| Confusion::of(&run.truth(), &pred, k)).transpose()?;
    let wa = |all: &Confusion| metric("wa").and_then(|metric| (metric.of)(all));
    Ok([
        Baseline { name: "chance", how: "every class as likely; computed", uar: chance, wa: chance },
        Baseline {
            name: "majority",
            how: "the class most frequent in training; computed",
            uar: all.as_ref().and_then(uar),
            wa: all.as_ref().and_then(wa),
        },
    ])
}

/// What `majority` would say of each prediction's clip.
fn majority(run: &Run) -> Option<Vec<usize>> {
    let folds = run.predictions.iter().map(|one| one.fold + 1).max()?;
    let mut tested = vec![vec![0_usize; run.classes().len()]; folds];
    // A class beyond the classes is told by the caller's confusion.
    for one in &run.predictions {
        *tested[one.fold].get_mut(one.truth)? += 1;
    }
    let total: Vec<usize> = (0..run.classes().len()).map(|class| tested.iter().map(|fold| fold[class]).sum()).collect();
    let most = |fold: &Vec<usize>| {
        let left: Vec<usize> = total.iter().zip(fold).map(|(all, tested)| all - tested).collect();
        let most = left.iter().copied().max().filter(|most| *most > 0)?;
        left.iter().position(|count| *count == most)
    };
    let said: Vec<usize> = tested.iter().map(most).collect::<Option<_>>()?;
    Some(run.predictions.iter().map(|one| said[one.fold]).collect())
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use super::*;
    use crate::store::run::tests::run;

    #[test]
    fn the_majority_is_that_of_the_other_folds() {
        // Fold 0 tests classes 0 and 1, fold 1 tests 1: outside fold 0 there is a 1, outside fold 1 a 0 and a 1.
        let [chance, majority] = baselines(&run("/c")).unwrap();
        assert_eq!((chance.uar, chance.wa), (Some(0.5), Some(0.5)));
        // Said: 1, 0, 1 where the truth is 0, 1, 1.
        assert_eq!((majority.uar, majority.wa), (Some(0.25), Some(1.0 / 3.0)));
    }

    #[test]
    fn without_other_folds_there_is_no_majority() {
        let mut run = run("/c");
        run.predictions.iter_mut().for_each(|one| one.fold = 0);
        assert_eq!(baselines(&run).unwrap()[1].uar, None);
    }
}
