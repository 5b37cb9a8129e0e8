//! What may come next in a filter that is being typed: names of fields, then the values that occur.
//!
//! Deliberately absent: the keys (see `tui`).

use std::collections::HashMap;

use super::field::{MARKS, NUMBERS, TEXTS, named};
use super::{Known, NONE, quoted, taken_apart};
use crate::corpus::{Clip, Corpus};

/// What the last word of a line may become.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Completion {
    /// Bytes of the line that stay.
    pub from: usize,
    /// What may stand behind them, the most frequent first.
    pub words: Vec<String>,
}

/// Clips looked at: enough for every speaker and label, few enough for a key.
const LOOKED_AT: usize = 20_000;
/// Values offered.
const OFFERED: usize = 50;

/// What may stand for the end of `line`, which is where the caret is.
pub fn complete(line: &str, corpus: &Corpus, known: Known<'_>) -> Completion {
    let start = line.trim_end_matches(|letter: char| !letter.is_whitespace()).len();
    let start = start + line[start..].find(|letter| !['-', '!'].contains(&letter)).unwrap_or(0);
    match taken_apart(&line[start..]) {
        Some((name, operator, _)) => {
            let values = start + name.len() + operator.len();
            let from = values + line[values..].rfind(',').map_or(0, |at| at + 1);
            Completion { from, words: values_of(name, &line[from..], corpus, known) }
        }
        None => Completion { from: start, words: fields(&line[start..], corpus) },
    }
}

fn fields(typed: &str, corpus: &Corpus) -> Vec<String> {
    let texts = TEXTS.iter().flat_map(|field| field.names).map(|name| format!("{name}:"));
    let numbers = NUMBERS.iter().map(|field| format!("{}>", field.names[0]));
    let marks = MARKS.iter().map(|mark| mark.name.to_owned());
    let mut columns: Vec<String> =
        looked_at(corpus).flat_map(|clip| clip.other.keys().map(|name| format!("{name}:"))).collect();
    columns.sort();
    columns.dedup();
    texts.chain(numbers).chain(marks).chain(columns).filter(|word| begins(word, typed)).collect()
}

fn values_of(name: &str, typed: &str, corpus: &Corpus, known: Known<'_>) -> Vec<String> {
    let field = named(TEXTS, name);
    let mut counts: HashMap<&str, usize> = HashMap::new();
    for clip in looked_at(corpus) {
        let told = match field {
            Some(field) => (field.get)(clip, known),
            None => clip.other.get(name).map(String::as_str),
        };
        *counts.entry(told.unwrap_or(NONE)).or_default() += 1;
    }
    if named(NUMBERS, name).is_some() {
        return Vec::new();
    }
    let typed = typed.trim_start_matches('"');
    let mut counts: Vec<(&str, usize)> = counts.into_iter().filter(|(value, _)| begins(value, typed)).collect();
    counts.sort_by(|a, b| (b.1, a.0).cmp(&(a.1, b.0)));
    counts.into_iter().take(OFFERED).map(|(value, _)| quoted(value)).collect()
}

fn looked_at(corpus: &Corpus) -> impl Iterator<Item = &Clip> {
    corpus.clips.iter().step_by(corpus.clips.len().div_ceil(LOOKED_AT).max(1))
}

fn begins(word: &str, typed: &str) -> bool {
    word.to_lowercase().starts_with(&typed.to_lowercase())
}
