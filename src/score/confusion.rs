//! Who was taken for whom: counts per true and predicted class, and the scores of one class.
//!
//! Deliberately absent: scores over all classes (`metric.rs`) and names of classes: a class is a number here.

/// Counts of judged clips, k x k; rows are the truth, columns the prediction.
#[derive(Debug, Clone, PartialEq, Eq, serde::Serialize, serde::Deserialize)]
#[serde(transparent)]
pub struct Confusion {
    rows: Vec<Vec<u64>>,
}

/// Scores of one class; each is `None` where its denominator is 0.
#[derive(Debug, Clone, Copy, PartialEq, serde::Serialize, serde::Deserialize)]
pub struct PerClass {
    /// Share of the clips called this class that are it; `None` when none was called so.
    pub precision: Option<f64>,
    /// Share of the class's clips that were found; `None` without support.
    pub recall: Option<f64>,
    /// 2 tp / (2 tp + fp + fn); `None` when the class occurs neither in truth nor in prediction.
    pub f1: Option<f64>,
    /// Number of clips whose truth is this class.
    pub support: u64,
}

/// Why predictions cannot be counted.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum ScoreError {
    /// Truth, prediction or groups differ in length.
    #[error("{truth} true classes beside {other} {what}")]
    Lengths {
        /// Number of true classes.
        truth: usize,
        /// What the other list holds.
        what: &'static str,
        /// Its length.
        other: usize,
    },
    /// A class number that is not below the number of classes.
    #[error("clip {row}: class {class} of {classes}")]
    Class {
        /// Position in the lists.
        row: usize,
        /// The class number found.
        class: usize,
        /// Number of classes.
        classes: usize,
    },
}

impl Confusion {
    /// Nothing counted yet, for `classes` classes.
    #[must_use]
    pub fn new(classes: usize) -> Confusion {
        Confusion { rows: vec![vec![0; classes]; classes] }
    }

    /// Counts pairs of true and predicted class numbers.
    ///
    /// # Errors
    /// [`ScoreError`] when the lengths differ or a class number is not below `classes`.
    pub fn of(truth: &[usize], pred: &[usize], classes: usize) -> Result<Confusion, ScoreError> {
        check(truth, pred.len(), "predictions", classes)?;
        check(pred, truth.len(), "true classes", classes)?;
        let mut all = Confusion::new(classes);
        truth.iter().zip(pred).for_each(|(&t, &p)| all.rows[t][p] += 1);
        Ok(all)
    }

    /// One confusion per distinct group number, in ascending order of the number.
    ///
    /// # Errors
    /// As [`Confusion::of`].
    pub fn by_group(
        truth: &[usize],
        pred: &[usize],
        groups: &[usize],
        classes: usize,
    ) -> Result<Vec<Confusion>, ScoreError> {
        check(truth, pred.len(), "predictions", classes)?;
        check(pred, truth.len(), "true classes", classes)?;
        check(truth, groups.len(), "groups", classes)?;
        let mut by = std::collections::BTreeMap::new();
        for ((&t, &p), &group) in truth.iter().zip(pred).zip(groups) {
            by.entry(group).or_insert_with(|| Confusion::new(classes)).rows[t][p] += 1;
        }
        Ok(by.into_values().collect())
    }

    /// Counts one more clip. Panics when a class number is too large.
    pub fn see(&mut self, truth: usize, pred: usize) {
        self.rows[truth][pred] += 1;
    }

    /// Counts more clips at once. Panics as [`Confusion::see`].
    pub fn see_many(&mut self, truth: usize, pred: usize, clips: u64) {
        self.rows[truth][pred] += clips;
    }

    /// Forgets all counts.
    pub(super) fn clear(&mut self) {
        self.rows.iter_mut().for_each(|row| row.fill(0));
    }

    /// The same counts among more classes: class k is `places[k]` of `classes` there. Panics when a place is missing or
    /// too large.
    #[must_use]
    pub fn spread(&self, places: &[usize], classes: usize) -> Confusion {
        let mut all = Confusion::new(classes);
        for (row, &truth) in self.rows.iter().zip(places) {
            row.iter().zip(places).for_each(|(&count, &pred)| all.rows[truth][pred] = count);
        }
        all
    }

    /// Adds the counts of `other`. Panics when the numbers of classes differ.
    pub fn add(&mut self, other: &Confusion) {
        assert_eq!(self.classes(), other.classes(), "confusions of different tasks");
        for (row, more) in self.rows.iter_mut().zip(&other.rows) {
            row.iter_mut().zip(more).for_each(|(count, more)| *count += more);
        }
    }

    /// Number of classes.
    #[must_use]
    pub fn classes(&self) -> usize {
        self.rows.len()
    }

    /// Clips of class `truth` called `pred`.
    #[must_use]
    pub fn count(&self, truth: usize, pred: usize) -> u64 {
        self.rows[truth][pred]
    }

    /// The counts, one row per true class.
    #[must_use]
    pub fn rows(&self) -> &[Vec<u64>] {
        &self.rows
    }

    /// Each row divided by its sum; a class without support has no shares.
    #[must_use]
    pub fn normalised(&self) -> Vec<Option<Vec<f64>>> {
        let share = |row: &Vec<u64>| {
            let support: u64 = row.iter().sum();
            (support > 0).then(|| row.iter().map(|&count| count as f64 / support as f64).collect())
        };
        self.rows.iter().map(share).collect()
    }

    /// Number of clips counted.
    #[must_use]
    pub fn total(&self) -> u64 {
        self.rows.iter().flatten().sum()
    }

    /// Number of clips on the diagonal.
    #[must_use]
    pub fn correct(&self) -> u64 {
        (0..self.classes()).map(|class| self.rows[class][class]).sum()
    }

    /// Number of clips whose truth is `class`.
    #[must_use]
    pub fn support(&self, class: usize) -> u64 {
        self.rows[class].iter().sum()
    }

    /// Number of clips called `class`.
    #[must_use]
    pub fn predicted(&self, class: usize) -> u64 {
        self.rows.iter().map(|row| row[class]).sum()
    }

    /// Precision, recall, F1 and support of `class`.
    #[must_use]
    pub fn class(&self, class: usize) -> PerClass {
        let hits = self.rows[class][class];
        let (support, predicted) = (self.support(class), self.predicted(class));
        PerClass {
            precision: share(hits, predicted),
            recall: share(hits, support),
            f1: share(2 * hits, support + predicted),
            support,
        }
    }

    /// [`Confusion::class`] of every class, in order.
    #[must_use]
    pub fn per_class(&self) -> Vec<PerClass> {
        (0..self.classes()).map(|class| self.class(class)).collect()
    }
}

/// `part / whole`, undefined for an empty whole.
pub(super) fn share(part: u64, whole: u64) -> Option<f64> {
    (whole > 0).then(|| part as f64 / whole as f64)
}

fn check(list: &[usize], other: usize, what: &'static str, classes: usize) -> Result<(), ScoreError> {
    if list.len() != other {
        return Err(ScoreError::Lengths { truth: list.len(), what, other });
    }
    match list.iter().position(|&class| class >= classes) {
        Some(row) => Err(ScoreError::Class { row, class: list[row], classes }),
        None => Ok(()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn rows_are_the_truth() {
        let all = Confusion::of(&[0, 0, 1, 2], &[0, 1, 1, 1], 3).unwrap();
        assert_eq!(all.rows(), [vec![1, 1, 0], vec![0, 1, 0], vec![0, 1, 0]]);
        assert_eq!((all.total(), all.correct(), all.support(0), all.predicted(1)), (4, 2, 2, 3));
    }

    #[test]
    fn a_class_without_support_or_prediction_is_undefined() {
        let all = Confusion::of(&[0, 1], &[0, 0], 3).unwrap();
        assert_eq!(all.normalised(), [Some(vec![1.0, 0.0, 0.0]), Some(vec![1.0, 0.0, 0.0]), None]);
        assert_eq!(all.class(1), PerClass { precision: None, recall: Some(0.0), f1: Some(0.0), support: 1 });
        assert_eq!(all.class(2), PerClass { precision: None, recall: None, f1: None, support: 0 });
    }

    #[test]
    fn groups_add_up_to_the_whole() {
        let (truth, pred, groups) = ([0, 1, 1, 0, 1], [0, 1, 0, 1, 1], [9, 4, 9, 4, 7]);
        let parts = Confusion::by_group(&truth, &pred, &groups, 2).unwrap();
        assert_eq!(parts.len(), 3);
        let mut sum = Confusion::new(2);
        parts.iter().for_each(|part| sum.add(part));
        assert_eq!(sum, Confusion::of(&truth, &pred, 2).unwrap());
    }

    #[test]
    fn counts_find_their_place_among_more_classes() {
        let mut few = Confusion::new(2);
        [(0, 0), (0, 1), (1, 1), (1, 1)].into_iter().for_each(|(truth, pred)| few.see(truth, pred));
        assert_eq!(few.spread(&[1, 3], 4).rows(), [vec![0; 4], vec![0, 1, 0, 1], vec![0; 4], vec![0, 0, 0, 2]]);
    }

    #[test]
    fn bad_lists_are_refused() {
        assert_eq!(Confusion::of(&[0], &[], 2).unwrap_err().to_string(), "1 true classes beside 0 predictions");
        assert_eq!(Confusion::of(&[0, 1], &[0, 2], 2).unwrap_err().to_string(), "clip 1: class 2 of 2");
        assert!(Confusion::by_group(&[0], &[0], &[], 1).is_err());
    }
}
