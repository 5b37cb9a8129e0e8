//! Formats: the ways in which corpora tell about their clips. A new one is a file here and two lines below.
//!
//! Deliberately absent: what codes mean (see `description`) and decoding.

mod filename;
mod folders;
mod sidecar;
mod table;

pub(super) use table::separated;

use regex::Regex;

use super::Problem;
use super::description::{Description, Fields, Layout, Said};
use super::shared::Shared;
use super::tree::Tree;

/// Every format. Where no file names are recognised the first that [`Format::fits`] is used.
pub static FORMATS: &[&dyn Format] = &[&filename::Filename, &sidecar::WithSidecar, &table::Table, &folders::Folders];

/// A way in which a corpus tells about its clips.
pub trait Format: Sync {
    /// The word for `layout.format`.
    fn name(&self) -> &'static str;

    /// Refuses a layout that lacks what this format needs.
    ///
    /// # Errors
    /// What is missing.
    fn check(&self, layout: &Layout) -> Result<(), &'static str>;

    /// True when the tree could be of this format although no name tells: the question asked of generic descriptions.
    fn fits(&self, tree: &Tree, description: &Description) -> bool;

    /// What the corpus says about every audio file of the tree.
    fn read(&self, tree: &Tree, description: &Description) -> Reading;

    /// Of which audio files [`Format::read`] says something: all that is needed to choose between descriptions.
    fn recognises(&self, tree: &Tree, description: &Description) -> Vec<bool> {
        self.read(tree, description).said.iter().map(Result::is_ok).collect()
    }
}

/// What a corpus says about the audio files of a tree.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Reading {
    /// In the order of `tree.audio`; an error is the reason why the file is not one of this corpus.
    pub said: Vec<Result<Said, String>>,
    /// Problems with other files than audio (a table's line).
    pub problems: Vec<Problem>,
}

impl Reading {
    /// Keeps texts that several files have in common once.
    fn new(said: impl Iterator<Item = Result<Said, String>>, problems: Vec<Problem>) -> Reading {
        let mut shared = Shared::default();
        Reading { said: said.map(|said| Ok(shared.said(said?))).collect(), problems }
    }
}

/// The format of that name.
pub fn named(name: &str) -> Option<&'static dyn Format> {
    FORMATS.iter().copied().find(|f| f.name() == name)
}

/// Reads a tree with the description's own format.
pub fn read(tree: &Tree, description: &Description) -> Reading {
    // `Description::parse` admits only known formats.
    named(&description.layout.format).map(|f| f.read(tree, description)).unwrap_or_default()
}

/// Of which audio files the description's own format says something.
pub fn recognises(tree: &Tree, description: &Description) -> Vec<bool> {
    let nothing = || vec![false; tree.audio.len()];
    named(&description.layout.format).map_or_else(nothing, |format| format.recognises(tree, description))
}

/// The named groups that took part in a match.
fn groups(pattern: &Regex, text: &str) -> Option<Fields> {
    let captures = pattern.captures(text)?;
    let named = pattern.capture_names().flatten();
    Some(named.filter_map(|n| Some((n.to_owned(), captures.name(n)?.as_str().to_owned()))).collect())
}
