//! Format `filename`: the end of each path, taken apart by the description's pattern.
//!
//! Deliberately absent: any other source of knowledge (see `sidecar`).

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
        Reading { said: said.collect(), problems: Vec::new() }
    }
}
