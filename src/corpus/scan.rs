//! The scan: walk a tree, settle its layout, decode every file in parallel; what does not open becomes a [`Problem`].
//!
//! Deliberately absent: keeping samples (a clip keeps [`AudioFacts`] only); what is kept from scan to scan is in `facts`.

use std::collections::{BTreeSet, HashMap};
use std::io;
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicUsize, Ordering};

use arcstr::ArcStr;
use rayon::prelude::*;

use super::description::{Description, Said};
use super::facts::Facts;
use super::recognise::{Resolved, as_one, recognise};
use super::tree::{Found, Tree};
use super::{Clip, Corpus, Cuts, Extent, Origin, Problem, listeners, parts};
use crate::audio::{self, AudioFacts, AudioHash};
use crate::job::{Cancelled, Watch};

/// At most this many reports per scan: more than a screen can show, few enough to cost nothing.
const REPORTS: usize = 200;

/// Files opened at a time: many for each thread, few enough to take little room.
const BLOCK: usize = 1 << 14;

/// How far a scan is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Scanned {
    /// Audio files opened or found wanting.
    pub done: usize,
    /// Audio files under the root.
    pub total: usize,
}

/// Why there is no corpus.
#[derive(Debug, thiserror::Error)]
pub enum ScanError {
    /// The path, or a description's path, cannot be opened.
    #[error("{}", path.display())]
    NotFound {
        /// What was asked for.
        path: PathBuf,
        /// What the system said.
        source: io::Error,
    },
    /// A file that is neither a folder nor a table.
    #[error("{} is neither a folder nor a .csv or .tsv table; open the folder it lies in", path.display())]
    NotACorpus {
        /// What was asked for.
        path: PathBuf,
    },
    /// No audio file below the root.
    #[error("{}: no audio file in it or below (WAV, AIFF, FLAC, MP3, OGG, M4A …); open the folder that holds the clips", root.display())]
    Empty {
        /// The folder.
        root: PathBuf,
    },
    /// Audio files, but none is a clip.
    #[error("{}: none of {files} audio files is a clip: {first}", root.display())]
    NoClip {
        /// The folder.
        root: PathBuf,
        /// How many there are.
        files: usize,
        /// The first problems, in words.
        first: String,
    },
    /// Several descriptions recognise equally many names.
    #[error("{files} names fit several corpora equally ({}); choose one with --corpus NAME", names.join(", "))]
    Ambiguous {
        /// Their names.
        names: Vec<String>,
        /// How many names each recognises.
        files: usize,
    },
    /// `--corpus` names none.
    #[error("no corpus is called `{name}`; there are {}, or the path of a .toml of your own", known.join(", "))]
    UnknownCorpus {
        /// What was asked for.
        name: String,
        /// What there is.
        known: Vec<String>,
    },
    /// A description that cannot be used.
    #[error("{file}: {reason}")]
    Description {
        /// The TOML file.
        file: String,
        /// Line and reason.
        reason: String,
    },
    /// The scan was asked to stop.
    #[error("scan cancelled")]
    Cancelled(#[from] Cancelled),
}

/// Opens the corpus under `root`, a folder or a CSV/TSV table. `corpus` is a description's name or the path of one's own
/// (`….toml`); without it the layout is recognised by itself. Audio is decoded on rayon's threads.
///
/// # Errors
/// [`ScanError`]; single bad files are no error but [`Corpus::problems`], as long as one clip opens.
pub fn scan(root: &Path, corpus: Option<&str>, watch: &dyn Watch<Scanned>) -> Result<Corpus, ScanError> {
    rescan(root, corpus, Facts::none(), &Cuts::new(), watch)
}

/// As [`scan`], decoding only files whose facts are not known. The parts of recordings that are cut are clips, too; what has
/// become of a part's recording since is a problem of the part.
///
/// # Errors
/// As [`scan`].
pub fn rescan(
    root: &Path,
    corpus: Option<&str>,
    facts: Facts,
    cuts: &Cuts,
    watch: &dyn Watch<Scanned>,
) -> Result<Corpus, ScanError> {
    let description = corpus.map(Description::named).transpose()?;
    let tree = Tree::walk(root, watch)?;
    if tree.audio.is_empty() {
        return Err(ScanError::Empty { root: tree.root });
    }
    let resolved = match &description {
        Some(description) => as_one(&tree, description),
        None => recognise(&tree)?,
    };
    let opened = open(tree, resolved, (&facts, cuts), watch)?;
    facts.keep();
    Ok(Corpus { origin: Origin::of(root, corpus), ..opened })
}

fn open(
    tree: Tree,
    resolved: Resolved,
    (facts, cuts): (&Facts, &Cuts),
    watch: &dyn Watch<Scanned>,
) -> Result<Corpus, ScanError> {
    let files = tree.audio.len();
    let mut problems = tree.problems;
    problems.extend(resolved.problems);
    let mut clips = Vec::with_capacity(files);
    clips_of(tree.audio, resolved.said, facts, watch, |opened| match opened {
        Ok((clip, note)) => {
            problems.extend(note.map(|reason| Problem { file: clip.id.0.to_string(), reason }));
            clips.push(clip);
        }
        Err(problem) => problems.push(problem),
    })?;
    problems.extend(twins(&clips));
    problems.extend(parts::add(&mut clips, cuts, facts, watch)?);
    let (ratings, unread) = listeners::read(&tree.root, &resolved.listeners, &clips);
    problems.extend(unread);
    // Stable: problems of one file keep the order in which they were met.
    problems.sort_by(|a, b| a.file.cmp(&b.file));
    if clips.is_empty() {
        let first: Vec<String> = problems.iter().take(3).map(|p| format!("{}: {}", p.file, p.reason)).collect();
        return Err(ScanError::NoClip { root: tree.root, files, first: first.join("; ") });
    }
    let classes = all_classes(resolved.classes, &clips);
    let (name, synthetic) = (resolved.name, resolved.synthetic);
    Ok(Corpus { name, clips, problems, classes, ratings, synthetic, ..Corpus::empty(&tree.root) })
}

type Opened = Result<(Clip, Option<String>), Problem>;

/// Decodes in parallel, a block at a time; what comes of it is handed over in the order of `audio`.
fn clips_of(
    audio: Vec<Found>,
    said: Vec<Result<Said, String>>,
    facts: &Facts,
    watch: &dyn Watch<Scanned>,
    mut take: impl FnMut(Opened),
) -> Result<(), Cancelled> {
    let total = audio.len();
    let step = total.div_ceil(REPORTS).max(1);
    let done = AtomicUsize::new(0);
    let open = |(found, said)| {
        watch.check()?;
        let opened = clip_of(found, said, facts);
        let done = done.fetch_add(1, Ordering::Relaxed) + 1;
        if done.is_multiple_of(step) || done == total {
            watch.tell(Scanned { done, total });
        }
        Ok(opened)
    };
    let mut pairs = audio.into_iter().zip(said);
    loop {
        let block: Vec<_> = pairs.by_ref().take(BLOCK).collect();
        if block.is_empty() {
            return Ok(());
        }
        block.into_par_iter().map(open).collect::<Result<Vec<_>, _>>()?.into_iter().for_each(&mut take);
    }
}

fn clip_of(found: Found, said: Result<Said, String>, facts: &Facts) -> Opened {
    let (path, Found { place, id }) = (found.path(), found);
    match said.and_then(|said| Ok((said, facts.get(&path, || facts_of(&path))?))) {
        Ok((said, audio)) => {
            let Said { speaker, sex, label, text, words, intensity, language, other, note } = said;
            let extent = Extent::Whole;
            Ok((Clip { id, place, extent, speaker, sex, label, text, words, intensity, language, other, audio }, note))
        }
        Err(reason) => Err(Problem { file: id.0.to_string(), reason }),
    }
}

fn facts_of(path: &Path) -> Result<AudioFacts, String> {
    audio::facts_of(path).map_err(|error| error.to_string())
}

/// One problem for every clip whose audio an earlier clip has.
fn twins(clips: &[Clip]) -> Vec<Problem> {
    let mut first: HashMap<AudioHash, &Clip> = HashMap::new();
    let mut problems = Vec::new();
    for clip in clips {
        let twin = *first.entry(clip.audio.hash).or_insert(clip);
        if twin.id != clip.id {
            let mut reason = format!("same audio as {}", twin.id.0);
            if let (Some(a), Some(b)) = (&twin.speaker, &clip.speaker)
                && a != b
            {
                reason.push_str(&format!(", there under speaker {a}, here {b}"));
            }
            if twin.label != clip.label {
                let name = |label: &Option<ArcStr>| label.as_deref().unwrap_or("no label").to_owned();
                reason.push_str(&format!(", there {}, here {}", name(&twin.label), name(&clip.label)));
            }
            problems.push(Problem { file: clip.id.0.to_string(), reason });
        }
    }
    problems
}

fn all_classes(mut classes: Vec<String>, clips: &[Clip]) -> Vec<String> {
    let beyond: BTreeSet<&str> = clips.iter().filter_map(|clip| clip.label.as_deref()).collect();
    for label in beyond {
        if !classes.iter().any(|class| class == label) {
            classes.push(label.to_owned());
        }
    }
    classes
}
