//! Format `filename`: the end of each path, taken apart by the description's pattern.
//!
//! Deliberately absent: any other source of knowledge (see `sidecar`).

use rayon::prelude::*;

use super::{Format, Reading, groups};
use crate::corpus::description::{Description, Layout};
use crate::corpus::tree::Tree;

/// Format `filename`.
pub struct Filename;

impl Format for Filename {
    fn name(&self) -> &'static str {
        "filename"
    }

    fn check(&self, layout: &Layout) -> Result<(), &'static str> {
        layout.pattern.as_ref().map(|_| ()).ok_or("format `filename` needs `layout.pattern`")
    }

    fn fits(&self, _tree: &Tree, _description: &Description) -> bool {
        false
    }

    fn read(&self, tree: &Tree, description: &Description) -> Reading {
        let fields = |key: &str| description.layout.pattern.as_ref().and_then(|p| groups(p, key));
        let said = tree.audio.iter().map(|found| match fields(&tree.key(found)) {
            Some(fields) => description.interpret(fields),
            None => Err(description.misnamed()),
        });
        Reading::new(said, Vec::new())
    }

    /// Most descriptions know no name of a tree: whether the pattern fits is asked before anything is taken apart.
    fn recognises(&self, tree: &Tree, description: &Description) -> Vec<bool> {
        let Some(pattern) = &description.layout.pattern else { return vec![false; tree.audio.len()] };
        let knows = |key: &str| {
            pattern.is_match(key) && groups(pattern, key).is_some_and(|fields| description.interpret(fields).is_ok())
        };
        tree.audio.par_iter().map(|found| knows(&tree.key(found))).collect()
    }
}
