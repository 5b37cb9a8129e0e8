//! Splits that somebody else made: a value per clip, `train`, `dev` and `test` or the number of the fold that tests it.
//!
//! Deliberately absent: reading files (see `file`).

use std::collections::BTreeMap;

use super::{Layout, Plan, PlanError, Rows, Split};

const TRAIN: &[&str] = &["train", "training"];
const DEV: &[&str] = &["dev", "devel", "development", "valid", "validation", "val"];
const TEST: &[&str] = &["test", "testing", "eval", "evaluation"];

/// A side of a split.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Side {
    Train,
    Dev,
    Test,
}

impl Side {
    /// The side that a word means, in any case.
    pub(super) fn named(word: &str) -> Option<Side> {
        let is = |words: &[&str]| words.iter().any(|known| known.eq_ignore_ascii_case(word));
        match () {
            () if is(TRAIN) => Some(Side::Train),
            () if is(DEV) => Some(Side::Dev),
            () if is(TEST) => Some(Side::Test),
            () => None,
        }
    }
}

/// Splits by a column of the corpus.
///
/// # Errors
/// No such column, or one that makes no folds.
pub(super) fn lay(column: &str, rows: &Rows<'_>) -> Result<Layout, PlanError> {
    let columns = &rows.traits.columns;
    let found = columns.iter().find(|(name, _)| name.eq_ignore_ascii_case(column));
    let there = || columns.keys().cloned().collect();
    let (name, values) = found.ok_or_else(|| PlanError::NoColumn { column: column.to_owned(), there: there() })?;
    let (splits, notes) = by_value(&format!("column {name}"), name, values)?;
    Ok(Layout { splits, notes, promise: Plan::Given(column.to_owned()).promise() })
}

/// Splits by a value per row. Words for train, dev and test make one fold; other values a fold each, which tests the rows
/// of that value. Rows without one are neither learnt from nor tested. `place` is named in errors, `what` in folds' names.
///
/// # Errors
/// [`PlanError::Odd`]: nothing to test or to learn from.
pub(super) fn by_value(
    place: &str,
    what: &str,
    values: &[Option<String>],
) -> Result<(Vec<Split>, Vec<String>), PlanError> {
    let mut of_value: BTreeMap<&str, Vec<usize>> = BTreeMap::new();
    for (row, value) in values.iter().enumerate() {
        if let Some(value) = value.as_deref().map(str::trim).filter(|value| !value.is_empty()) {
            of_value.entry(value).or_default().push(row);
        }
    }
    let lacking = values.len() - of_value.values().map(Vec::len).sum::<usize>();
    let mut notes = Vec::new();
    if lacking > 0 {
        notes.push(format!("{lacking} of {} clips are in no part ({place} says nothing) and left out", values.len()));
    }
    let sides: Option<Vec<Side>> = of_value.keys().map(|value| Side::named(value)).collect();
    let splits = match sides {
        Some(sides) if !sides.is_empty() => {
            let parts = sides.into_iter().zip(of_value.into_values());
            vec![parts_of(parts, ("test", place), &mut notes)?]
        }
        _ => folds(place, what, of_value)?,
    };
    Ok((splits, notes))
}

/// One fold of rows on sides. Development clips are learnt from: classifiers that stop early split off their own from the
/// training speakers; without a test part they are tested.
pub(super) fn parts_of(
    parts: impl Iterator<Item = (Side, Vec<usize>)>,
    (name, place): (&str, &str),
    notes: &mut Vec<String>,
) -> Result<Split, PlanError> {
    let (mut train, mut dev, mut test) = (Vec::new(), Vec::new(), Vec::new());
    for (side, rows) in parts {
        match side {
            Side::Train => train.extend(rows),
            Side::Dev => dev.extend(rows),
            Side::Test => test.extend(rows),
        }
    }
    let mut tell = |note: String| {
        if !notes.contains(&note) {
            notes.push(note);
        }
    };
    if test.is_empty() && !dev.is_empty() {
        tell(format!("{place} has no test part: its development part is tested"));
        test = std::mem::take(&mut dev);
    } else if !dev.is_empty() {
        tell("development clips are learnt from: nothing is chosen by them".to_owned());
        train.extend(dev);
    }
    for (part, rows) in [("test", &mut test), ("training", &mut train)] {
        rows.sort_unstable();
        rows.dedup();
        if rows.is_empty() {
            return Err(PlanError::odd(place, format!("{name}: no clip in the {part} part")));
        }
    }
    Ok(Split { name: name.to_owned(), train, test })
}

fn folds(place: &str, what: &str, of_value: BTreeMap<&str, Vec<usize>>) -> Result<Vec<Split>, PlanError> {
    let mut values: Vec<(&str, Vec<usize>)> = of_value.into_iter().collect();
    if values.len() < 2 {
        let have = values.first().map_or("nothing".to_owned(), |(value, _)| format!("`{value}` alone"));
        return Err(PlanError::odd(place, format!("it says {have}, which makes no folds")));
    }
    let numbers: Option<Vec<i64>> = values.iter().map(|(value, _)| value.parse().ok()).collect();
    if numbers.is_some() {
        values.sort_by_key(|(value, _)| value.parse::<i64>().unwrap_or_default());
    }
    let rows = |wanted: &dyn Fn(usize) -> bool| {
        let chosen = values.iter().enumerate().filter(|(at, _)| wanted(*at));
        let mut rows: Vec<usize> = chosen.flat_map(|(_, (_, rows))| rows.iter().copied()).collect();
        rows.sort_unstable();
        rows
    };
    let split = |fold: usize| Split {
        name: format!("{what} {}", values[fold].0),
        train: rows(&|other| other != fold),
        test: rows(&|other| other == fold),
    };
    Ok((0..values.len()).map(split).collect())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn values(all: &[&str]) -> Vec<Option<String>> {
        all.iter().map(|value| Some((*value).to_owned()).filter(|value| !value.is_empty())).collect()
    }

    #[test]
    fn words_make_one_fold_and_development_clips_are_learnt_from() {
        let (splits, notes) =
            by_value("column split", "split", &values(&["train", "Dev", "test", "", "TEST"])).unwrap();
        assert_eq!(splits, [Split { name: "test".to_owned(), train: vec![0, 1], test: vec![2, 4] }]);
        assert!(notes[0].contains("1 of 5 clips") && notes[1].contains("development"), "{notes:?}");
        let (splits, notes) = by_value("column split", "split", &values(&["train", "val"])).unwrap();
        assert_eq!((&splits[0].train, &splits[0].test), (&vec![0], &vec![1]));
        assert!(notes[0].contains("no test part"), "{notes:?}");
    }

    #[test]
    fn other_values_make_a_fold_each_in_the_order_of_numbers() {
        let (splits, _) = by_value("column fold", "fold", &values(&["10", "9", "10", "1"])).unwrap();
        assert_eq!(splits.iter().map(|split| split.name.as_str()).collect::<Vec<_>>(), ["fold 1", "fold 9", "fold 10"]);
        assert_eq!((&splits[2].train, &splits[2].test), (&vec![1, 3], &vec![0, 2]));
    }

    #[test]
    fn what_makes_no_folds_is_refused() {
        let refused = |all: &[&str]| by_value("column x", "x", &values(all)).unwrap_err().to_string();
        assert_eq!(refused(&["a", "a"]), "column x: it says `a` alone, which makes no folds");
        assert_eq!(refused(&["", ""]), "column x: it says nothing, which makes no folds");
        assert_eq!(refused(&["train", "train"]), "column x: test: no clip in the test part");
        assert_eq!(refused(&["test", ""]), "column x: test: no clip in the training part");
    }
}
