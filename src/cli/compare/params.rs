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

/// How it was chosen, then a line for each choice, with the folds that it won; nothing for a run that had none to make.
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
    let most = match (search.trials, search.seconds) {
        (Some(trials), _) => format!("up to {trials} combinations"),
        (None, seconds) => format!("as many combinations as {:.0} s hold", seconds.unwrap_or_default()),
    };
    let (title, inner) = (judged.run.recipe.title(), search.inner_folds);
    let line = |(text, folds): (String, Vec<&str>)| {
        let changes = if text.is_empty() { "the defaults".to_owned() } else { text };
        format!("  {changes}: {}", folds.join(", "))
    };
    let head = format!("{title}: {most} on up to {inner} inner folds of each fold's training speakers; chosen were");
    std::iter::once(head).chain(choices.into_iter().map(line)).collect()
}
