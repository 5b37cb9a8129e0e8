//! Hyper-parameters that are not the defaults, as lines: those that the user gave, and what was chosen in each fold of a run
//! that was tuned or searched for.
//!
//! Deliberately absent: the scores by which it was chosen; they are no estimates (`--json` has them, under that name).

use crate::learn::Recipe;
use crate::workbench::experiment::Judged;

/// A line for each classifier of a recipe that was given some.
pub fn given(judged: &Judged) -> Vec<String> {
    let leaves = judged.run.recipe.leaves().into_iter().filter(|leaf| !leaf.params.is_empty());
    let line = |leaf: &Recipe| {
        let all: Vec<String> = leaf.params.iter().map(|(name, value)| format!("{name} = {value}")).collect();
        format!("{}: {}", leaf.classifier, all.join(", "))
    };
    leaves.map(line).collect()
}

/// A line for each choice, with the folds that it won; nothing for a run that had none to make.
pub fn chosen(judged: &Judged) -> Vec<String> {
    let Some(search) = &judged.run.protocol.search else { return Vec::new() };
    let mut choices: Vec<(String, Vec<&str>)> = Vec::new();
    for winner in &search.winners {
        let text = winner.changes.text();
        match choices.iter_mut().find(|(other, _)| *other == text) {
            Some((_, folds)) => folds.push(&winner.fold),
            None => choices.push((text, vec![&winner.fold])),
        }
    }
    choices.sort_by_key(|(_, folds)| std::cmp::Reverse(folds.len()));
    let title = judged.run.recipe.title();
    let line = |(text, folds): (String, Vec<&str>)| {
        let changes = if text.is_empty() { "the defaults".to_owned() } else { text };
        format!("{title}: {changes} ({})", folds.join(", "))
    };
    choices.into_iter().map(line).collect()
}
