//! A corpus: clips with what their names, folders or tables say about them, and the problems met on the way.
//!
//! Deliberately absent: annotations by users (see `label`), features, and judging whether labels are right.

pub mod demo;
pub mod description;
mod extent;
mod facts;
pub mod format;
pub mod guard;
mod listeners;
mod parts;
mod place;
pub mod plan;
mod recognise;
mod scan;
mod shared;
mod target;
mod tree;
mod truth;

use std::path::{Path, PathBuf};
use std::sync::Arc;

pub use demo::demo_root;
pub use description::{About, Description, descriptions};
pub use extent::{Cut, Cuts, Extent};
pub use facts::Facts;
pub use guard::{Leak, LeakKind};
pub use listeners::{Answer, Heard, ListenersTable, Ratings};
pub use place::Place;
pub use plan::{Layout, Plan, PlanError, Split};
pub use scan::{ScanError, Scanned, rescan, scan};
pub use target::{Task, TaskError, Traits, UnknownTarget, task};
pub use tree::audio_under;
pub use truth::Truth;

use arcstr::ArcStr;

use crate::audio::AudioFacts;
pub use crate::audio::{AudioHash, Span};
use description::Fields;

/// Names a clip for good: its path relative to the corpus root, `/` between parts, behind it the span of a part (see
/// [`ClipId::part`]); bytes that are not UTF-8 are
/// percent-escaped (and so is a `%` that would read as such an escape, which keeps two files' names apart).
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash, serde::Serialize, serde::Deserialize)]
#[serde(transparent)]
pub struct ClipId(pub ArcStr);

/// A speaker's sex as the corpus gives it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, serde::Serialize, serde::Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Sex {
    /// Female.
    #[serde(alias = "f")]
    Female,
    /// Male.
    #[serde(alias = "m")]
    Male,
}

/// One recording and all that the corpus says about it.
#[derive(Debug, Clone, PartialEq)]
pub struct Clip {
    /// Stable name within the corpus.
    pub id: ClipId,
    /// Where the file lies.
    pub place: Place,
    /// How much of the file it is.
    pub extent: Extent,
    /// Who speaks, in the corpus' own words.
    pub speaker: Option<ArcStr>,
    /// The speaker's sex.
    pub sex: Option<Sex>,
    /// The corpus' label, already mapped to the class name of the description.
    pub label: Option<ArcStr>,
    /// Which sentence: its code where the corpus has codes, else its words.
    pub text: Option<ArcStr>,
    /// What is said, where the corpus tells.
    pub words: Option<ArcStr>,
    /// Intensity of the emotion, in the corpus' own words.
    pub intensity: Option<ArcStr>,
    /// BCP 47 language tag.
    pub language: Option<ArcStr>,
    /// What else a table's columns or the named parts of the path say, raw: what plans may split by (`session`, `split`).
    pub other: Arc<Fields>,
    /// Rate, channels, duration, level, hash.
    pub audio: AudioFacts,
}

/// A file that could not be used, or can be used but deserves a look, with the reason.
#[derive(Debug, Clone, PartialEq, Eq, serde::Serialize)]
pub struct Problem {
    /// Path relative to the corpus root.
    pub file: String,
    /// What is wrong, in words for the user.
    pub reason: String,
}

/// The clips that opened and the problems with the others.
#[derive(Debug, Clone, PartialEq)]
pub struct Corpus {
    /// Name of the description (`emodb`, `ravdess`, …), or `mixed` where sub-folders follow several.
    pub name: String,
    /// Root folder.
    pub root: PathBuf,
    /// Clips sorted by id.
    pub clips: Vec<Clip>,
    /// What did not open, or is suspicious (duplicate audio, misnamed), sorted by file.
    pub problems: Vec<Problem>,
    /// Class names in the description's order, then those met beyond it.
    pub classes: Vec<String>,
    /// What listeners heard, where the corpus has a table of it.
    pub ratings: Ratings,
    /// True for machine-made speech, whose scores mean nothing.
    pub synthetic: bool,
    /// How people's labels came to stand in the clips; `None` = the corpus' own do.
    pub truth: Option<Truth>,
    /// What to ask for to read it again.
    pub origin: Origin,
}

/// What a scan was asked for.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Origin {
    /// The folder or table, with all links resolved.
    pub path: PathBuf,
    /// The description that was asked for: a name, or the path of a TOML with all links resolved; `None` = recognised.
    pub description: Option<String>,
}

impl Origin {
    /// Of the corpus at `path`, read by that description.
    pub fn of(path: &Path, description: Option<&str>) -> Origin {
        let whole = |path: &Path| path.canonicalize().unwrap_or_else(|_| path.to_owned());
        let description = description.map(|name| match name.ends_with(".toml") {
            true => whole(Path::new(name)).display().to_string(),
            false => name.to_owned(),
        });
        Origin { path: whole(path), description }
    }
}

impl Clip {
    /// Where the file lies.
    pub fn path(&self) -> PathBuf {
        self.place.path(&self.id)
    }
}

impl Corpus {
    /// A corpus of which nothing is known yet.
    pub fn empty(root: &Path) -> Corpus {
        Corpus {
            name: String::new(),
            root: root.to_owned(),
            clips: Vec::new(),
            problems: Vec::new(),
            classes: Vec::new(),
            ratings: Ratings::default(),
            synthetic: false,
            truth: None,
            origin: Origin::default(),
        }
    }

    /// The soft label of the clip at that place: the share of each class.
    pub fn shares(&self, clip: usize) -> Option<&[f32]> {
        let shares = self.truth.as_ref()?.shares.get(&self.clips.get(clip)?.id);
        shares.map(Vec::as_slice)
    }

    /// Place of a clip in `clips`, which are sorted by id.
    pub fn index_of(&self, id: &ClipId) -> Option<usize> {
        self.clips.binary_search_by(|clip| clip.id.cmp(id)).ok()
    }
}

/// What is to be recognised.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Default, serde::Serialize, serde::Deserialize)]
pub enum Target {
    /// The corpus' label.
    #[default]
    #[serde(rename = "emotion")]
    Emotion,
    /// The speaker's sex.
    #[serde(rename = "sex")]
    Sex,
    /// Both as one class, `female_anger`.
    #[serde(rename = "sex+emotion")]
    SexEmotion,
}
