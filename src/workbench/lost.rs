//! Where a session stood when its terminal or connection was lost: the next one on the same corpus goes on there.
//!
//! Deliberately absent: labels, which are saved as they are given; sessions that were ended by their user; and promises: what cannot
//! be noted, or names a clip that is gone, is no trouble.

use std::fs;
use std::io::{self, Write};
use std::path::{Path, PathBuf};

use serde::{Deserialize, Serialize};

use super::{Workbench, key_of, places};
use crate::corpus::ClipId;
use crate::file;

/// Where it stood.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Lost {
    /// Whether clips were being labelled; else looked at.
    pub labelling: bool,
    /// The clip at hand.
    pub clip: Option<ClipId>,
}

/// What the last session of `annotator` on this corpus left, if it was lost. Told once.
pub fn take(root: &Path, annotator: &str) -> Option<Lost> {
    let path = place(root, annotator)?;
    let text = fs::read(&path).ok()?;
    // One that stays would be told again: no more than a wrong beginning.
    let _ = fs::remove_file(&path);
    serde_json::from_slice(&text).ok()
}

impl Workbench {
    /// Notes for [`take`] that the session is lost while this clip is at hand.
    pub fn lose(&self, labelling: bool, clip: Option<usize>) {
        let clip = clip.and_then(|clip| Some(self.corpus.clips.get(clip)?.id.clone()));
        if let Err(error) = note(&self.root, &self.settings.annotator, &Lost { labelling, clip }) {
            log::warn!("where this session ends is not noted: {error}");
        }
    }

    /// The clip that [`Settings::begin`](super::Settings::begin) names, once the corpus is open; told once.
    pub fn beginning(&mut self) -> Option<usize> {
        self.corpus.index_of(&self.settings.begin.take()?)
    }
}

fn note(root: &Path, annotator: &str, lost: &Lost) -> io::Result<()> {
    let path = place(root, annotator).ok_or(io::ErrorKind::NotFound)?;
    path.parent().map_or(Ok(()), fs::create_dir_all)?;
    let text = serde_json::to_vec(lost)?;
    file::write_whole(&path, |out: &mut dyn Write| out.write_all(&text))
}

/// A file per corpus and annotator.
fn place(root: &Path, annotator: &str) -> Option<PathBuf> {
    let name = blake3::hash(format!("{}\n{annotator}", key_of(root)).as_bytes()).to_hex();
    Some(places::lost().ok()?.join(&name[..16]))
}
