//! Which description fits a tree: the one that recognises most names, per folder; a tree may hold several corpora.
//!
//! Deliberately absent: looking into audio. A layout is told by names and tables alone.

use std::collections::{BTreeMap, BTreeSet};

use super::description::{Description, Said, descriptions};
use super::format::{self, Reading};
use super::listeners::ListenersTable;
use super::tree::Tree;
use super::{Problem, ScanError};

/// A tree with its layout settled: what is said about each audio file, or why nothing is.
#[derive(Debug, Clone)]
pub(super) struct Resolved {
    /// The description's name, or `mixed`.
    pub name: String,
    /// The classes of the description(s), in order.
    pub classes: Vec<String>,
    /// True when a description involved is of machine-made speech.
    pub synthetic: bool,
    /// Where what listeners heard may lie.
    pub listeners: Vec<ListenersTable>,
    /// In the order of `tree.audio`.
    pub said: Vec<Result<Said, String>>,
    /// Problems with tables and sidecars.
    pub problems: Vec<Problem>,
}

/// A description and, for each audio file of a tree, whether it knows the name.
type Known<'a> = (&'a Description, Vec<bool>);

/// Reads the tree as the corpus of that description.
pub(super) fn as_one(tree: &Tree, description: &Description) -> Resolved {
    resolved(description, format::read(tree, description))
}

/// Finds the description(s): most matching names wins, folder by folder; where at most half of the names match any, the
/// first generic description (table, then folders) that fits is used.
///
/// # Errors
/// [`ScanError::Ambiguous`] when two descriptions recognise equally many names.
pub(super) fn recognise(tree: &Tree) -> Result<Resolved, ScanError> {
    let (specific, generic): (Vec<_>, Vec<_>) = descriptions().iter().partition(|d| d.layout.pattern.is_some());
    // Only which names each knows: all that all of them say of a large tree would not fit into memory.
    let known: Vec<Known> = match tree.table {
        Some(_) => Vec::new(),
        None => specific.into_iter().map(|d| (d, format::recognises(tree, d))).collect(),
    };
    let winners = winners(tree, &known)?;
    let recognised = winners.iter().enumerate().filter(|(at, w)| w.is_some_and(|w| known[w].1[*at]));
    if recognised.count() * 2 <= tree.audio.len() {
        let fitting = format::FORMATS.iter().find_map(|format| {
            generic.iter().find(|d| d.layout.format == format.name() && format.fits(tree, d)).copied()
        });
        // The format `folders` fits every tree.
        return fitting.map(|d| as_one(tree, d)).ok_or_else(|| ScanError::Empty { root: tree.root.clone() });
    }
    let distinct: BTreeSet<usize> = winners.iter().flatten().copied().collect();
    match distinct.first() {
        Some(only) if distinct.len() == 1 => {
            let description = known[*only].0;
            Ok(resolved(description, format::read(tree, description)))
        }
        _ => Ok(mixed(tree, &known, &winners, &distinct)),
    }
}

/// For each audio file the reading that recognises most names of its folder, `None` where none recognises any. Ties within
/// a folder go to the reading that recognises more of the whole tree.
fn winners(tree: &Tree, readings: &[Known]) -> Result<Vec<Option<usize>>, ScanError> {
    let mut folders: BTreeMap<&str, Vec<usize>> = BTreeMap::new();
    for (at, found) in tree.audio.iter().enumerate() {
        folders.entry(found.id.0.rsplit_once('/').map_or("", |(folder, _)| folder)).or_default().push(at);
    }
    let count = |known: &[bool], files: &[usize]| files.iter().filter(|at| known[**at]).count();
    let all: Vec<usize> = (0..tree.audio.len()).collect();
    let totals: Vec<usize> = readings.iter().map(|(_, reading)| count(reading, &all)).collect();
    let mut winners = vec![None; tree.audio.len()];
    for files in folders.values() {
        let scores: Vec<(usize, usize)> =
            readings.iter().zip(&totals).map(|((_, reading), total)| (count(reading, files), *total)).collect();
        let Some(best) = scores.iter().max().filter(|best| best.0 > 0) else { continue };
        let tied: Vec<usize> = (0..scores.len()).filter(|at| scores[*at] == *best).collect();
        let [winner] = tied[..] else {
            let names = tied.iter().map(|at| readings[*at].0.name.clone()).collect();
            return Err(ScanError::Ambiguous { names, files: best.0 });
        };
        for at in files {
            winners[*at] = Some(winner);
        }
    }
    Ok(winners)
}

fn resolved(description: &Description, reading: Reading) -> Resolved {
    Resolved {
        name: description.name.clone(),
        classes: description.classes(),
        synthetic: description.about.synthetic,
        listeners: description.listeners.clone(),
        said: reading.said,
        problems: reading.problems,
    }
}

fn mixed(tree: &Tree, known: &[Known], winners: &[Option<usize>], distinct: &BTreeSet<usize>) -> Resolved {
    let readings: BTreeMap<usize, Reading> = distinct.iter().map(|&at| (at, format::read(tree, known[at].0))).collect();
    let parts: Vec<(&Description, &Reading)> = readings.iter().map(|(at, reading)| (known[*at].0, reading)).collect();
    let mut classes: Vec<String> = Vec::new();
    for class in parts.iter().flat_map(|(description, _)| description.classes()) {
        if !classes.contains(&class) {
            classes.push(class);
        }
    }
    let names: Vec<&str> = parts.iter().map(|(description, _)| description.name.as_str()).collect();
    let nobody = format!("not named like a file of any corpus around it ({})", names.join(", "));
    let said = winners.iter().enumerate().map(|(at, winner)| match winner {
        Some(winner) => readings[winner].said[at].clone(),
        None => Err(nobody.clone()),
    });
    Resolved {
        name: "mixed".to_owned(),
        classes,
        synthetic: parts.iter().any(|(description, _)| description.about.synthetic),
        listeners: Vec::new(),
        said: said.collect(),
        problems: parts.iter().flat_map(|(_, reading)| reading.problems.clone()).collect(),
    }
}
