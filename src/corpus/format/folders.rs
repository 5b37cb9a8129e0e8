//! Format `folders`: the folder a clip lies in is its label.
//!
//! Deliberately absent: speakers. Whether a further folder is a speaker, a split or a session cannot be known; a description
//! of one's own with a pattern says it.

use std::collections::BTreeSet;

use super::{Format, Reading};
use crate::corpus::description::{Description, Fields, Layout};
use crate::corpus::tree::{Found, Tree};

/// Format `folders`.
pub struct Folders;

impl Format for Folders {
    fn name(&self) -> &'static str {
        "folders"
    }

    fn check(&self, layout: &Layout) -> Result<(), &'static str> {
        if layout.pattern.is_some() {
            Err("format `folders` takes no `layout.pattern`; use `filename`")
        } else {
            Ok(())
        }
    }

    fn fits(&self, _tree: &Tree, _description: &Description) -> bool {
        true
    }

    /// Files in the root have no label; nor has anything where there is but one folder, which then is a place, not a class.
    fn read(&self, tree: &Tree, description: &Description) -> Reading {
        let names: BTreeSet<&str> = tree.audio.iter().filter_map(folder).collect();
        let label = |found| folder(found).filter(|_| names.len() > 1);
        let said = tree.audio.iter().map(|found| {
            let fields: Fields = label(found).map(|l| ("label".to_owned(), l.to_owned())).into_iter().collect();
            description.interpret(fields)
        });
        Reading::new(said, Vec::new())
    }
}

fn folder(found: &Found) -> Option<&str> {
    let (folder, _) = found.id.0.rsplit_once('/')?;
    Some(folder.rsplit_once('/').map_or(folder, |(_, name)| name))
}
