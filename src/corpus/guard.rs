//! The guard: what training and test parts share that would give answers away. Pure: splits in, leaks out.
//!
//! A leak *stops* a run where the plan promises to keep that apart ([`Promise`]) and the user has not allowed it. What a plan
//! does not promise is told, no more: actors of most corpora read the same sentences, so under `loso` every sentence is on
//! both sides, and that is no fault of the plan. So:
//!
//! | plan | speaker | session | sentence | altered copies |
//! |---|---|---|---|---|
//! | `loso`, `speakers:K` | stops (cannot occur) | told | told | stops |
//! | `sentences:K` | told, twin beside | told | stops (cannot occur) | stops |
//! | `speakers+sentences` | stops (cannot occur) | told | stops (cannot occur) | stops |
//! | `random:K` | told, twin beside | told | told | told |
//! | `given:…`, `folds:…` of others | stops | stops | told | stops |
//! | `folds:…` of emolab | as the plan that made them | | | |
//!
//! Clips with the very same audio never get here: a task takes the first of them alone. Deliberately absent: telling which
//! clips are altered copies of each other (a fingerprint of the sound does, see `features::fingerprint`), statistics fitted
//! outside a fold (there is no way to say that: see `workbench::experiment`), and ending the program.

use std::collections::{BTreeSet, HashMap};
use std::fmt;
use std::hash::Hash;
use std::str::FromStr;

use serde::{Deserialize, Serialize};

use super::plan::{Promise, Split};
use super::{ClipId, Task};

/// Examples of a leak that are kept.
const EXAMPLES: usize = 3;

/// What is shared.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum LeakKind {
    /// The same person speaks.
    Speaker,
    /// The same recording session (a field `session` of the corpus).
    Session,
    /// The same sentence is said.
    Sentence,
    /// The same recording, altered: louder, resampled, encoded again, trimmed.
    Audio,
}

/// A word that names no kind of leak.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("no leak `{0}`; there are speaker, session, sentence and audio")]
pub struct UnknownLeak(pub String);

/// Test clips that share something with the clips that their fold learns from.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Leak {
    /// What is shared.
    pub kind: LeakKind,
    /// Test clips that share it.
    pub clips: usize,
    /// Test clips in all.
    pub tested: usize,
    /// Folds with such clips.
    pub folds: usize,
    /// Folds in all.
    pub of: usize,
    /// One of each of the first folds.
    pub examples: Vec<Example>,
    /// Whether the plan promises to keep it apart.
    pub promised: bool,
    /// Whether the user allowed it (`--allow-leak`).
    pub allowed: bool,
}

/// A test clip and a training clip that share something.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Example {
    /// Name of the fold.
    pub fold: String,
    /// The clip that is tested.
    pub test: ClipId,
    /// The clip that is learnt from.
    pub train: ClipId,
    /// What they share, as the corpus calls it; empty for audio.
    pub shared: String,
}

/// Every leak of these splits, kinds in their order. `copies` are pairs of rows of the task that hold the same recording.
pub fn leaks(
    task: &Task,
    splits: &[Split],
    copies: &[(usize, usize)],
    (promise, allowed): (Promise, &BTreeSet<LeakKind>),
) -> Vec<Leak> {
    let speaker = |row: usize| Some(task.speakers[task.groups[row]].as_str()).filter(|name| !name.is_empty());
    let sessions = task.traits.sessions();
    let session = |row: usize| sessions.and_then(|of| of[row].as_deref());
    let text =
        |row: usize| task.traits.sentences.get(row).copied().flatten().map(|text| task.traits.texts[text].as_str());
    let by = |of: &dyn Fn(usize) -> Option<_>| splits.iter().map(|split| shared(split, of)).collect::<Vec<_>>();
    let partners = partners(copies);
    let found = [
        (LeakKind::Speaker, promise.speakers, by(&speaker)),
        (LeakKind::Session, promise.sessions, by(&session)),
        (LeakKind::Sentence, promise.sentences, by(&text)),
        (LeakKind::Audio, promise.audio, splits.iter().map(|split| copied(split, &partners)).collect()),
    ];
    let of_kind = |(kind, promised, pairs): (LeakKind, bool, Vec<Vec<Pair<'_>>>)| {
        let first = splits.iter().zip(&pairs).filter_map(|(split, pairs)| Some((split, pairs.first()?)));
        let example = |(split, pair): (&Split, &Pair<'_>)| Example {
            fold: split.name.clone(),
            test: name(task, pair.test),
            train: name(task, pair.train),
            shared: pair.shared.to_owned(),
        };
        let clips = pairs.iter().map(Vec::len).sum();
        (clips > 0).then(|| Leak {
            kind,
            clips,
            tested: splits.iter().map(|split| split.test.len()).sum(),
            folds: pairs.iter().filter(|pairs| !pairs.is_empty()).count(),
            of: splits.len(),
            examples: first.take(EXAMPLES).map(example).collect(),
            promised,
            allowed: allowed.contains(&kind),
        })
    };
    found.into_iter().filter_map(of_kind).collect()
}

impl Leak {
    /// True when the run must not begin.
    pub fn stops(&self) -> bool {
        self.promised && !self.allowed
    }
}

/// How much, and the first examples.
impl fmt::Display for Leak {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Leak { kind, clips, tested, folds, of, .. } = self;
        let what = match kind {
            LeakKind::Speaker => "are of a speaker that is learnt from, too",
            LeakKind::Session => "are of a session that is learnt from, too",
            LeakKind::Sentence => "say a sentence that is learnt from, too",
            LeakKind::Audio => "are altered copies of clips that are learnt from",
        };
        write!(f, "{kind}: {clips} of {tested} test clips, in {folds} of {of} folds, {what}")?;
        for (at, Example { fold, test, train, shared }) in self.examples.iter().enumerate() {
            let begin = if at == 0 { " (" } else { "; " };
            let shared = if shared.is_empty() { String::new() } else { format!(", {kind} {shared}") };
            write!(f, "{begin}{fold} tests {} and learns from {}{shared}", test.0, train.0)?;
        }
        f.write_str(if self.examples.is_empty() { "" } else { ")" })
    }
}

impl fmt::Display for LeakKind {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(match self {
            LeakKind::Speaker => "speaker",
            LeakKind::Session => "session",
            LeakKind::Sentence => "sentence",
            LeakKind::Audio => "audio",
        })
    }
}

impl FromStr for LeakKind {
    type Err = UnknownLeak;
    fn from_str(text: &str) -> Result<Self, UnknownLeak> {
        let all = [LeakKind::Speaker, LeakKind::Session, LeakKind::Sentence, LeakKind::Audio];
        all.into_iter().find(|kind| kind.to_string() == text).ok_or_else(|| UnknownLeak(text.to_owned()))
    }
}

/// A test row and the first training row that shares something with it.
struct Pair<'a> {
    test: usize,
    train: usize,
    shared: &'a str,
}

fn shared<'a, K: Hash + Eq + Copy + Into<&'a str>>(split: &Split, of: &dyn Fn(usize) -> Option<K>) -> Vec<Pair<'a>> {
    let mut learnt = HashMap::new();
    for &row in &split.train {
        of(row).into_iter().for_each(|key| {
            learnt.entry(key).or_insert(row);
        });
    }
    let pair = |&test: &usize| {
        let key = of(test)?;
        learnt.get(&key).map(|&train| Pair { test, train, shared: key.into() })
    };
    split.test.iter().filter_map(pair).collect()
}

fn partners(copies: &[(usize, usize)]) -> HashMap<usize, BTreeSet<usize>> {
    let mut partners: HashMap<usize, BTreeSet<usize>> = HashMap::new();
    for &(a, b) in copies {
        partners.entry(a).or_default().insert(b);
        partners.entry(b).or_default().insert(a);
    }
    partners
}

fn copied(split: &Split, partners: &HashMap<usize, BTreeSet<usize>>) -> Vec<Pair<'static>> {
    let pair = |&test: &usize| {
        let learnt = |row: &&usize| split.train.binary_search(row).is_ok();
        let train = *partners.get(&test)?.iter().find(learnt)?;
        Some(Pair { test, train, shared: "" })
    };
    split.test.iter().filter_map(pair).collect()
}

fn name(task: &Task, row: usize) -> ClipId {
    task.traits.ids.get(row).cloned().unwrap_or_else(|| ClipId(format!("row {row}").into()))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::corpus::plan::Plan;
    use crate::corpus::{Target, Traits};

    /// Twelve rows: speakers a, b, c say sentences x, y in two classes each; a and b in session 1, c in session 2.
    fn made_up() -> Task {
        let session = |row: usize| Some(if row < 8 { "1" } else { "2" }.to_owned());
        Task {
            target: Target::Emotion,
            classes: ["calm", "loud"].map(str::to_owned).into(),
            rows: (0..12).collect(),
            labels: (0..12).map(|row| row % 2).collect(),
            groups: (0..12).map(|row| row / 4).collect(),
            speakers: ["a", "b", "c"].map(str::to_owned).into(),
            twins: 0,
            traits: Traits {
                ids: (0..12).map(|row| ClipId(format!("{row}.wav").into())).collect(),
                sexes: vec![None; 12],
                sentences: (0..12).map(|row| Some(row / 2 % 2)).collect(),
                texts: ["x", "y"].map(str::to_owned).into(),
                columns: [("session".to_owned(), (0..12).map(session).collect())].into(),
            },
        }
    }

    fn found(plan: &Plan, copies: &[(usize, usize)], allowed: &[LeakKind]) -> Vec<Leak> {
        let task = made_up();
        let splits = task.splits(plan, 0).unwrap();
        leaks(&task, &splits, copies, (plan.promise(), &allowed.iter().copied().collect()))
    }

    #[test]
    fn what_loso_shares_is_told_and_copies_stop_it() {
        let shared = found(&Plan::Loso, &[], &[]);
        let kinds: Vec<_> = shared.iter().map(|leak| (leak.kind, leak.clips, leak.folds, leak.stops())).collect();
        assert_eq!(kinds, [(LeakKind::Session, 8, 2, false), (LeakKind::Sentence, 12, 3, false)]);
        let copies = found(&Plan::Loso, &[(1, 5), (8, 9)], &[]).pop().unwrap();
        assert_eq!((copies.kind, copies.clips, copies.folds), (LeakKind::Audio, 2, 2), "8 and 9 are of one speaker");
        assert!(copies.stops() && copies.to_string().contains("tests 1.wav and learns from 5.wav"), "{copies}");
        assert!(!found(&Plan::Loso, &[(1, 5)], &[LeakKind::Audio]).pop().unwrap().stops());
    }

    #[test]
    fn a_plan_by_both_shares_neither_speaker_nor_sentence() {
        let shared = found(&Plan::Both(Some((3, 2))), &[], &[]);
        assert!(shared.iter().all(|leak| leak.kind == LeakKind::Session), "{shared:?}");
    }

    #[test]
    fn a_random_plan_promises_nothing() {
        let shared = found(&Plan::Random(2), &[(0, 1), (2, 3), (4, 5), (0, 2), (1, 3)], &[]);
        assert!(shared.iter().any(|leak| leak.kind == LeakKind::Speaker) && shared.iter().all(|leak| !leak.stops()));
    }

    #[test]
    fn folds_of_others_are_held_to_speakers_and_sessions() {
        let mut task = made_up();
        let fold = (0..12).map(|row| Some((row / 2 % 2).to_string())).collect();
        task.traits.columns.insert("fold".to_owned(), fold);
        let layout = task.lay(&Plan::Given("Fold".to_owned()), 0).unwrap();
        let of = |allowed: &[LeakKind]| {
            let allowed = allowed.iter().copied().collect();
            let all = leaks(&task, &layout.splits, &[], (layout.promise, &allowed));
            all.into_iter().filter(Leak::stops).map(|leak| leak.kind).collect::<Vec<_>>()
        };
        assert_eq!(of(&[]), [LeakKind::Speaker, LeakKind::Session]);
        assert_eq!(of(&[LeakKind::Speaker]), [LeakKind::Session]);
        assert_eq!(of(&[LeakKind::Session, LeakKind::Speaker]), []);
    }

    #[test]
    fn kinds_read_as_they_are_written() {
        for word in ["speaker", "session", "sentence", "audio"] {
            assert_eq!(word.parse::<LeakKind>().unwrap().to_string(), word);
        }
        assert_eq!("voice".parse::<LeakKind>(), Err(UnknownLeak("voice".to_owned())));
    }
}
