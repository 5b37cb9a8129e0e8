//! Parts of recordings as clips of their own: how they are called, and how much of its file a clip is.
//!
//! A part is called like its file, with `#` and its span behind: `talk.wav#0012.340-0015.020`. No file can be called so, as every file of
//! a corpus ends in a suffix of audio: a file `a#0001.000-0002.000.wav` is a file, its
//! first second `a#0001.000-0002.000.wav#0000.000-0001.000`.
//! Deliberately absent: where the cuts come from (see `store`), and finding them (see `audio::activity`).

use std::collections::BTreeMap;
use std::path::Path;

use super::{Clip, ClipId};
use crate::audio::{AudioError, AudioHash, Sound, Span, decode, decode_part};

/// How much of its file a clip is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Extent {
    /// All of it.
    #[default]
    Whole,
    /// All of a recording of which parts are clips of their own: it is looked at, and neither labelled nor learnt from.
    Cut,
    /// A part.
    Part(Span),
}

/// The recordings that are cut, and the parts of each.
pub type Cuts = BTreeMap<ClipId, Vec<Cut>>;

/// A part of a recording.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub struct Cut {
    /// From when to when.
    pub span: Span,
    /// The sound of the whole recording when it was cut, where that is known.
    pub audio: Option<AudioHash>,
}

impl Extent {
    /// Decodes so much of the file at `path`.
    ///
    /// # Errors
    /// [`AudioError`], without the name of the file.
    pub fn sound(self, path: &Path) -> Result<Sound, AudioError> {
        match self {
            Extent::Whole | Extent::Cut => decode(path),
            Extent::Part(span) => decode_part(path, span),
        }
    }
}

impl ClipId {
    /// The name of a part of this file.
    #[must_use]
    pub fn part(&self, span: Span) -> ClipId {
        ClipId(format!("{}#{span}", self.0).into())
    }

    /// The name of the file, and the part of it that is meant, if not all.
    pub fn split(&self) -> (&str, Option<Span>) {
        let part = self.0.rsplit_once('#').and_then(|(file, span)| Some((file, span.parse().ok()?)));
        part.map_or((&self.0, None), |(file, span)| (file, Some(span)))
    }
}

impl Clip {
    /// Decodes it: its file, or the part of the file that it is.
    ///
    /// # Errors
    /// [`AudioError`], without the name of the file.
    pub fn sound(&self) -> Result<Sound, AudioError> {
        self.extent.sound(&self.path())
    }

    /// True of a recording whose parts stand for it.
    pub fn is_cut(&self) -> bool {
        self.extent == Extent::Cut
    }

    /// The recording of which it is a part.
    pub fn recording(&self) -> Option<ClipId> {
        let (file, span) = self.id.split();
        span.map(|_| ClipId(file.into()))
    }

    /// Who is heard, as far as can be told: the speaker, else the recording of which it is a part.
    pub fn voice(&self) -> Option<&str> {
        let recording = || Some(self.id.split()).filter(|(_, span)| span.is_some()).map(|(file, _)| file);
        self.speaker.as_deref().or_else(recording)
    }
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use super::*;

    #[test]
    fn a_part_is_told_from_a_file_by_its_name_alone() {
        let span = Span::millis(12_340, 15_020).unwrap();
        for file in ["talk.wav", "a/b #1.wav", "a#0001.000-0002.000.wav", "ä%23.flac"] {
            let file = ClipId(file.into());
            assert_eq!(file.split(), (file.0.as_str(), None));
            assert_eq!(file.part(span).split(), (file.0.as_str(), Some(span)));
        }
        assert_eq!(ClipId("talk.wav".into()).part(span).0, "talk.wav#0012.340-0015.020");
        for file in ["talk.wav#0002.000-0001.000", "talk.wav#", "#", "talk.wav#1-2", "talk.wav#1.000-2.000"] {
            assert_eq!(ClipId(file.into()).split(), (file, None));
        }
    }
}
