//! The event of labelling: who said what about which clip, when.
//!
//! Deliberately absent: what the events add up to (`ledger`), and changing one after the fact: to correct is to say
//! something new.

use std::fmt;
use std::str::FromStr;

use crate::corpus::ClipId;

/// Number of an annotation in its store; later ones are larger, none is used twice.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, serde::Serialize, serde::Deserialize)]
#[serde(transparent)]
pub struct AnnotationId(pub i64);

/// Who annotates.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Annotator {
    /// A person, by login or chosen name.
    Human(String),
    /// A program, by the name of its model.
    Machine(String),
}

/// A scheme as an annotation remembers it; written `name@version`.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct SchemeId {
    /// [`Scheme::name`](super::Scheme::name).
    pub name: String,
    /// [`Scheme::version`](super::Scheme::version).
    pub version: u32,
}

/// What was said. Labels are kept as class names, so they stay readable when a scheme changes.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub enum Act {
    /// The answer to a question of the scheme.
    Answer {
        /// [`Question::name`](super::Question::name); empty for the one question of a scheme that has no other.
        question: String,
        /// A class; classes joined by `;` where several may be chosen; a number; free text. Empty: "cannot judge".
        value: String,
    },
    /// Not now; the queue comes back to the clip at its end. Takes no label away.
    Skip,
    /// Sets (true) or removes (false) the flag "look at this again".
    Flag(bool),
    /// A remark; replaces the one before, empty removes it.
    Note(String),
    /// Takes back an earlier answer, skip, flag or note of the same annotator.
    Undo(AnnotationId),
    /// Brings back what an undo took away.
    Redo(AnnotationId),
}

/// An annotation before a store has numbered it.
#[derive(Debug, Clone, PartialEq)]
pub struct NewAnnotation {
    /// The clip; for undo and redo that of the annotation they refer to.
    pub clip: ClipId,
    /// Hash of the clip's audio when it was annotated (see `AudioFacts::hash`): tells later whether the sound changed.
    pub audio: String,
    /// Who.
    pub annotator: Annotator,
    /// Asked by which scheme.
    pub scheme: SchemeId,
    /// What.
    pub act: Act,
    /// How sure, 0..=1, where the annotator says so.
    pub confidence: Option<f64>,
    /// What of a model or of the corpus the annotator saw; `None` = nothing.
    pub exposure: Option<Exposure>,
    /// When.
    pub at: Timestamp,
    /// What it was said for.
    pub occasion: Occasion,
    /// How the clip was heard before; `None` where nobody listened here (an import, a machine).
    pub listening: Option<Listening>,
}

/// An annotation as it stands in a store, for good.
#[derive(Debug, Clone, PartialEq)]
pub struct Annotation {
    /// Its number.
    pub id: AnnotationId,
    /// The annotation.
    pub said: NewAnnotation,
}

impl std::ops::Deref for Annotation {
    type Target = NewAnnotation;

    fn deref(&self) -> &NewAnnotation {
        &self.said
    }
}

/// What an annotation was made for. Only [`Occasion::Main`] counts in ledgers, votes and agreement.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Default)]
pub enum Occasion {
    /// The work itself.
    #[default]
    Main,
    /// A clip that came a second time, unsaid: tells how steady a rater is.
    Repeat,
    /// The training round before the work, with feedback.
    Training,
    /// The decision of who settles disputes, after seeing (anonymous) answers.
    Adjudication,
}

/// How a clip was heard, from its arrival on the screen to the answer.
#[derive(Debug, Clone, PartialEq, serde::Serialize, serde::Deserialize)]
pub struct Listening {
    /// Times it was started.
    pub plays: u32,
    /// Share of the clip that was heard at least once, 0..=1.
    pub heard: f64,
    /// What played it: a device's name, `silent`.
    pub sink: String,
    /// Gain of playback against the file, in dB: equal loudness, volume.
    pub gain_db: f64,
    /// What was drawn of it: `none`, `waveform`, `waveform+spectrogram` ….
    pub picture: String,
    /// Time on the clip without idle time, in seconds.
    pub seconds: f64,
}

/// How an annotation stands to what others say of the clip; written `before:MODEL` or `after:MODEL`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Exposure {
    /// The model's view of the clip had been on the screen when this was said; or, as [`Exposure::CORPUS`], its name, speaker
    /// and label.
    Before(String),
    /// The model's view came on the screen only once this was said: it is as blind as without a model.
    After(String),
}

/// A moment in UTC, to the millisecond; written as RFC 3339, always with three decimals and `Z`, so that text sorts
/// like time.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Timestamp(i64);

impl AnnotationId {
    /// What an undo or redo refers to when that is the `place`-th annotation of the same batch and has no number yet.
    pub fn in_batch(place: usize) -> AnnotationId {
        AnnotationId(-1 - i64::try_from(place).unwrap_or(i64::MAX - 1))
    }

    /// The place in a batch that [`AnnotationId::in_batch`] stands for; `None` for the number of a stored annotation.
    pub fn place_in_batch(self) -> Option<usize> {
        usize::try_from(-1 - self.0).ok()
    }
}

impl Annotator {
    /// The name without the kind.
    pub fn name(&self) -> &str {
        match self {
            Annotator::Human(name) | Annotator::Machine(name) => name,
        }
    }

    /// `human` or `machine`.
    pub fn kind(&self) -> &'static str {
        match self {
            Annotator::Human(_) => "human",
            Annotator::Machine(_) => "machine",
        }
    }

    /// The annotator of that kind and name; `None` for another kind.
    pub fn from_parts(kind: &str, name: &str) -> Option<Annotator> {
        match kind {
            "human" => Some(Annotator::Human(name.to_owned())),
            "machine" => Some(Annotator::Machine(name.to_owned())),
            _ => None,
        }
    }

    /// True for a person.
    pub fn is_human(&self) -> bool {
        matches!(self, Annotator::Human(_))
    }
}

impl Occasion {
    /// The word used in files and tables.
    pub fn word(self) -> &'static str {
        match self {
            Occasion::Main => "main",
            Occasion::Repeat => "repeat",
            Occasion::Training => "training",
            Occasion::Adjudication => "adjudication",
        }
    }

    /// The occasion of that word.
    pub fn from_word(word: &str) -> Option<Occasion> {
        let all = [Occasion::Main, Occasion::Repeat, Occasion::Training, Occasion::Adjudication];
        all.into_iter().find(|occasion| occasion.word() == word)
    }
}

impl Act {
    /// The answer to the one question of a scheme that has no other.
    pub fn label(class: impl Into<String>) -> Act {
        Act::Answer { question: String::new(), value: class.into() }
    }

    /// `label`, `skip`, `flag`, `unflag`, `note`, `undo` or `redo`: the word used in files and tables.
    pub fn word(&self) -> &'static str {
        match self {
            Act::Answer { .. } => "label",
            Act::Skip => "skip",
            Act::Flag(true) => "flag",
            Act::Flag(false) => "unflag",
            Act::Note(_) => "note",
            Act::Undo(_) => "undo",
            Act::Redo(_) => "redo",
        }
    }

    /// The question of an answer, where it has a name.
    pub fn question(&self) -> Option<&str> {
        match self {
            Act::Answer { question, .. } if !question.is_empty() => Some(question),
            _ => None,
        }
    }

    /// The value of an answer, the text of a note.
    pub fn value(&self) -> Option<&str> {
        match self {
            Act::Answer { value: text, .. } | Act::Note(text) => Some(text),
            _ => None,
        }
    }

    /// The annotation that an undo or redo is about.
    pub fn refers_to(&self) -> Option<AnnotationId> {
        match self {
            Act::Undo(id) | Act::Redo(id) => Some(*id),
            _ => None,
        }
    }

    /// The same undo or redo of another annotation; anything else stays as it is.
    #[must_use]
    pub fn referring_to(self, id: AnnotationId) -> Act {
        match self {
            Act::Undo(_) => Act::Undo(id),
            Act::Redo(_) => Act::Redo(id),
            act => act,
        }
    }

    /// Puts [`word`](Act::word), [`value`](Act::value) and [`refers_to`](Act::refers_to) together again, an answer to the unnamed
    /// question (see [`Act::asked`]); `None` when they do not fit each other. A note or answer without text is the empty one (CSV
    /// cannot tell them apart).
    pub fn from_parts(word: &str, value: Option<String>, refers_to: Option<AnnotationId>) -> Option<Act> {
        match (word, value, refers_to) {
            ("label", value, None) => Some(Act::label(value.unwrap_or_default())),
            ("skip", None, None) => Some(Act::Skip),
            ("flag", None, None) => Some(Act::Flag(true)),
            ("unflag", None, None) => Some(Act::Flag(false)),
            ("note", text, None) => Some(Act::Note(text.unwrap_or_default())),
            ("undo", None, Some(id)) => Some(Act::Undo(id)),
            ("redo", None, Some(id)) => Some(Act::Redo(id)),
            _ => None,
        }
    }

    /// The same answer to the question of that name; anything but an answer stays as it is.
    #[must_use]
    pub fn asked(self, question: impl Into<String>) -> Act {
        match self {
            Act::Answer { value, .. } => Act::Answer { question: question.into(), value },
            act => act,
        }
    }
}

impl NewAnnotation {
    /// Said now, as the work itself, by someone who saw no model and did not listen here; `audio` is the hash of the clip's sound.
    pub fn now(clip: ClipId, audio: String, annotator: Annotator, scheme: SchemeId, act: Act) -> NewAnnotation {
        let (at, occasion) = (Timestamp::now(), Occasion::Main);
        let (confidence, exposure, listening) = (None, None, None);
        NewAnnotation { clip, audio, annotator, scheme, act, confidence, exposure, at, occasion, listening }
    }

    /// The same, with the number the store gave it.
    #[must_use]
    pub fn numbered(self, id: AnnotationId) -> Annotation {
        Annotation { id, said: self }
    }
}

impl Exposure {
    /// Stands for what the corpus itself says of a clip, in the place of a model.
    pub const CORPUS: &str = "corpus";

    /// The model.
    pub fn model(&self) -> &str {
        match self {
            Exposure::Before(model) | Exposure::After(model) => model,
        }
    }
}

impl Timestamp {
    /// The present moment, cut to the millisecond.
    pub fn now() -> Timestamp {
        Timestamp(jiff::Timestamp::now().as_millisecond())
    }

    /// Milliseconds since 1970-01-01T00:00:00Z; `None` beyond the years -9999 to 9999.
    pub fn from_millis(millis: i64) -> Option<Timestamp> {
        jiff::Timestamp::from_millisecond(millis).ok().map(|moment| Timestamp(moment.as_millisecond()))
    }

    /// Milliseconds since 1970-01-01T00:00:00Z.
    pub fn millis(self) -> i64 {
        self.0
    }
}

impl fmt::Display for AnnotationId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.fmt(f)
    }
}

impl fmt::Display for Annotator {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Annotator::Human(name) => f.pad(name),
            Annotator::Machine(name) => write!(f, "{name} (machine)"),
        }
    }
}

impl fmt::Display for SchemeId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}@{}", self.name, self.version)
    }
}

impl FromStr for SchemeId {
    type Err = String;

    /// # Errors
    /// Text that is not `name@version`.
    fn from_str(text: &str) -> Result<SchemeId, String> {
        text.rsplit_once('@')
            .and_then(|(name, version)| Some(SchemeId { name: name.to_owned(), version: version.parse().ok()? }))
            .filter(|id| !id.name.is_empty())
            .ok_or_else(|| format!("`{text}` is not a scheme's name@version"))
    }
}

impl fmt::Display for Exposure {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Exposure::Before(model) => write!(f, "before:{model}"),
            Exposure::After(model) => write!(f, "after:{model}"),
        }
    }
}

impl FromStr for Exposure {
    type Err = String;

    /// # Errors
    /// Text that is neither `before:MODEL` nor `after:MODEL`.
    fn from_str(text: &str) -> Result<Exposure, String> {
        match text.split_once(':') {
            Some(("before", model)) if !model.is_empty() => Ok(Exposure::Before(model.to_owned())),
            Some(("after", model)) if !model.is_empty() => Ok(Exposure::After(model.to_owned())),
            _ => Err(format!("`{text}` is neither before:MODEL nor after:MODEL")),
        }
    }
}

impl fmt::Display for Timestamp {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        // Every way to make one has checked the range, so the fallback is never seen; it must not panic either way.
        write!(f, "{:.3}", jiff::Timestamp::from_millisecond(self.0).unwrap_or(jiff::Timestamp::UNIX_EPOCH))
    }
}

impl FromStr for Timestamp {
    type Err = String;

    /// Any RFC 3339 text; digits beyond milliseconds are cut.
    ///
    /// # Errors
    /// Text that is not a moment with its offset from UTC.
    fn from_str(text: &str) -> Result<Timestamp, String> {
        let moment: jiff::Timestamp = text.parse().map_err(|error| format!("`{text}` is not a time: {error}"))?;
        Ok(Timestamp(moment.as_millisecond()))
    }
}

impl serde::Serialize for Timestamp {
    fn serialize<S: serde::Serializer>(&self, to: S) -> Result<S::Ok, S::Error> {
        to.collect_str(self)
    }
}

impl<'de> serde::Deserialize<'de> for Timestamp {
    fn deserialize<D: serde::Deserializer<'de>>(from: D) -> Result<Timestamp, D::Error> {
        String::deserialize(from)?.parse().map_err(serde::de::Error::custom)
    }
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn a_moment_is_written_in_utc_with_three_decimals() {
        let text = |millis| Timestamp::from_millis(millis).unwrap().to_string();
        assert_eq!(text(0), "1970-01-01T00:00:00.000Z");
        assert_eq!(text(951_782_400_120), "2000-02-29T00:00:00.120Z");
        assert_eq!(text(-1), "1969-12-31T23:59:59.999Z");
    }

    #[test]
    fn other_offsets_and_finer_times_are_read() {
        let read = |text: &str| text.parse::<Timestamp>().map(Timestamp::millis);
        assert_eq!(read("1970-01-01T01:00:00.0019+01:00"), Ok(1));
        assert!(read("1970-01-01 noon").is_err());
        assert!(read("1970-01-01T00:00:00").is_err(), "no offset, no moment");
    }

    #[test]
    fn scheme_ids_split_at_the_last_at() {
        let id: SchemeId = "a@b@3".parse().unwrap();
        assert_eq!((id.name.as_str(), id.version), ("a@b", 3));
        assert_eq!(id.to_string(), "a@b@3");
        for bad in ["", "x", "@1", "x@", "x@-1", "x@one"] {
            assert!(bad.parse::<SchemeId>().is_err(), "{bad}");
        }
    }

    #[test]
    fn exposures_read_back_and_a_name_may_hold_a_colon() {
        for exposure in [Exposure::Before("a:b".to_owned()), Exposure::After("cnn".to_owned())] {
            assert_eq!(exposure.to_string().parse(), Ok(exposure));
        }
        for bad in ["", "before", "after:", "during:cnn"] {
            assert!(bad.parse::<Exposure>().is_err(), "{bad}");
        }
    }

    proptest! {
        #[test]
        fn text_and_moment_agree(millis in -60_000_000_000_000_i64..250_000_000_000_000) {
            let moment = Timestamp::from_millis(millis).unwrap();
            prop_assert_eq!(moment.to_string().parse(), Ok(moment));
        }

        #[test]
        fn acts_survive_being_taken_apart(kind in 0..7, text in ".*", question in ".*", id in 1_i64..) {
            let act = match kind {
                0 => Act::label(text).asked(question),
                1 => Act::Skip,
                2 => Act::Flag(true),
                3 => Act::Flag(false),
                4 => Act::Note(text),
                5 => Act::Undo(AnnotationId(id)),
                _ => Act::Redo(AnnotationId(id)),
            };
            let again = Act::from_parts(act.word(), act.value().map(str::to_owned), act.refers_to());
            let again = again.map(|again| again.asked(act.question().unwrap_or_default()));
            prop_assert_eq!(again, Some(act));
        }
    }
}
