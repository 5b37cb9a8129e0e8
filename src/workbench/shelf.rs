//! Where models and files to be recognised are found: names of models, folders of clips.
//!
//! Deliberately absent: what a model folder holds (`models.rs`), and reading a list from a pipe (`cli`).

use std::collections::HashMap;
use std::fs;
use std::path::{Path, PathBuf};

use anyhow::{Result, bail};

use super::models::{self, Asked, CARD, Saved};
use super::places;
use crate::corpus::{Scanned, audio_under, scan};
use crate::job::Watch;

/// Name, card and weights of every folder in `models/` of the source tree.
static SHIPPED: &[(&str, &str, &[u8])] = include!(concat!(env!("OUT_DIR"), "/models.rs"));

/// Names that [`model`] knows, sorted, each once: models in `models/` of the working directory, the user's own, and those
/// that come with the program.
pub fn names() -> Vec<String> {
    let mut names: Vec<String> = SHIPPED.iter().map(|(name, ..)| (*name).to_owned()).collect();
    for entry in folders().iter().filter_map(|folder| fs::read_dir(folder).ok()).flatten().flatten() {
        if entry.path().join(CARD).is_file() {
            names.extend(entry.file_name().to_str().map(str::to_owned));
        }
    }
    names.sort();
    names.dedup();
    names
}

/// The model in the folder `asked`, or of that name: the user's own come before those that come with the program.
///
/// # Errors
/// No such model, with the names there are; a folder that [`Saved::open`] refuses.
pub fn model(asked: &Path) -> Result<Saved> {
    match find(asked)? {
        Place::Folder(dir) => Saved::open(&dir),
        Place::Shipped(card, weights) => Saved::of(card, weights),
    }
}

/// BLAKE3 of the weights of that model, in hex.
///
/// # Errors
/// As [`model`].
pub fn weights_hash(asked: &Path) -> Result<String> {
    match find(asked)? {
        Place::Folder(dir) => models::weights_hash(&dir),
        Place::Shipped(_, weights) => Ok(blake3::hash(weights).to_hex().to_string()),
    }
}

/// Where a model lies.
enum Place {
    Folder(PathBuf),
    /// Its card and its weights.
    Shipped(&'static str, &'static [u8]),
}

fn find(asked: &Path) -> Result<Place> {
    if asked.is_dir() {
        return Ok(Place::Folder(asked.to_owned()));
    }
    if asked.components().count() == 1 {
        if let Some(dir) = folders().iter().map(|folder| folder.join(asked)).find(|dir| dir.join(CARD).is_file()) {
            return Ok(Place::Folder(dir));
        }
        if let Some((_, card, weights)) = SHIPPED.iter().find(|(name, ..)| asked == Path::new(name)) {
            return Ok(Place::Shipped(card, weights));
        }
    }
    let known = match names() {
        names if names.is_empty() => "none has a name yet (see `emolab train --help`)".to_owned(),
        names => format!("by name there are {}", names.join(", ")),
    };
    bail!("{}: no model folder; {known}", asked.display())
}

fn folders() -> Vec<PathBuf> {
    std::iter::once(PathBuf::from("models")).chain(places::models().ok()).collect()
}

/// The files that `paths` stand for, in their order: files as they are, folders with all audio below them.
///
/// With `speakers`, folders are read as corpora (described by `corpus`, or recognised) to learn who speaks.
///
/// # Errors
/// A folder that cannot be read or holds no audio, an unknown description, cancelling.
pub fn asked(
    paths: &[PathBuf],
    (speakers, corpus): (bool, Option<&str>),
    watch: &dyn Watch<Scanned>,
) -> Result<Vec<Asked>> {
    let mut all = Vec::new();
    for path in paths {
        if !path.is_dir() {
            all.push(Asked { path: path.clone(), speaker: None });
            continue;
        }
        let mut known = HashMap::new();
        if speakers {
            let clips = scan(path, corpus, watch)?.clips.into_iter();
            known.extend(clips.filter_map(|clip| Some((clip.path(), clip.speaker?.to_string()))));
        }
        all.extend(audio_under(path, watch)?.into_iter().map(|path| Asked { speaker: known.remove(&path), path }));
    }
    Ok(all)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_shipped_model_opens_and_is_small() {
        for (name, card, weights) in SHIPPED {
            let saved = Saved::of(card, weights).unwrap_or_else(|error| panic!("{name}: {error:#}"));
            assert!(!saved.card.classes.is_empty() && weights.len() < 1 << 20, "{name}: {} bytes", weights.len());
            assert!(names().iter().any(|known| known == name));
        }
    }

    #[test]
    fn an_unknown_name_is_told_with_those_there_are() {
        let why = model(Path::new("no-such-model")).err().unwrap().to_string();
        assert!(why.starts_with("no-such-model: no model folder; "), "{why}");
        assert!(names().iter().all(|name| why.contains(name.as_str())), "{why}");
    }
}
