//! The fields a filter may ask: a row each.
//!
//! Deliberately absent: columns that only one corpus has (see `Clip::other`).

use super::Known;
use crate::audio::AudioFacts;
use crate::corpus::{Clip, Sex};

/// A field of text.
#[derive(Debug)]
pub(super) struct Text {
    /// The first is the one that is shown.
    pub names: &'static [&'static str],
    /// `:` is content with a part of it.
    pub parts: bool,
    /// It is what somebody said, not what the corpus says.
    pub said: bool,
    /// What a value stands for.
    pub meant: fn(String) -> String,
    pub get: for<'a> fn(&'a Clip, Known<'a>) -> Option<&'a str>,
}

/// A field that is a number.
#[derive(Debug)]
pub(super) struct Number {
    pub names: &'static [&'static str],
    pub unit: &'static str,
    pub get: fn(&Clip) -> f64,
}

/// A word that holds of a clip or not.
#[derive(Debug)]
pub(super) struct Mark {
    pub name: &'static str,
    pub said: bool,
    pub get: fn(&Clip, Known<'_>) -> bool,
}

pub(super) static TEXTS: &[Text] = &[
    text(&["label", "emotion"], false, |clip, _| clip.label.as_deref()),
    text(&["speaker"], false, |clip, _| clip.speaker.as_deref()),
    Text { meant: whole_sex, ..text(&["sex", "gender"], false, |clip, _| clip.sex.map(sex_word)) },
    text(&["text", "sentence"], false, |clip, _| clip.text.as_deref()),
    text(&["words"], true, |clip, _| clip.words.as_deref()),
    text(&["intensity"], false, |clip, _| clip.intensity.as_deref()),
    text(&["language"], false, |clip, _| clip.language.as_deref()),
    text(&["file", "id"], true, |clip, _| Some(clip.id.0.as_str())),
    Text { said: true, ..text(&["mine"], false, |clip, known| known.ledger.label(&clip.id)) },
    Text { said: true, ..text(&["remark"], true, |clip, known| known.ledger.note(&clip.id)) },
];

pub(super) static NUMBERS: &[Number] = &[
    Number { names: &["dur", "duration", "seconds"], unit: "seconds", get: |clip| clip.audio.seconds },
    Number { names: &["rate"], unit: "Hz", get: |clip| f64::from(clip.audio.rate) },
    Number { names: &["channels"], unit: "how many", get: |clip| f64::from(clip.audio.channels) },
    Number { names: &["peak"], unit: "dBFS", get: |clip| decibels(&clip.audio, |audio| audio.peak) },
    Number { names: &["level"], unit: "dBFS, root mean square", get: |clip| decibels(&clip.audio, |audio| audio.rms) },
];

pub(super) static MARKS: &[Mark] = &[
    Mark { name: "problem", said: false, get: |clip, known| known.problems.contains(clip.id.0.as_str()) },
    Mark { name: "flag", said: true, get: |clip, known| known.ledger.flagged(&clip.id) },
    Mark { name: "note", said: true, get: |clip, known| known.ledger.note(&clip.id).is_some() },
    Mark { name: "skipped", said: true, get: |clip, known| known.ledger.skipped(&clip.id) },
    Mark { name: "done", said: true, get: |clip, known| known.ledger.is_done(&clip.id) },
];

const fn text(
    names: &'static [&'static str],
    parts: bool,
    get: for<'a> fn(&'a Clip, Known<'a>) -> Option<&'a str>,
) -> Text {
    Text { names, parts, said: false, meant: std::convert::identity, get }
}

/// A field with names.
pub(super) trait Named {
    fn names(&self) -> &'static [&'static str];
}

impl Named for Text {
    fn names(&self) -> &'static [&'static str] {
        self.names
    }
}

impl Named for Number {
    fn names(&self) -> &'static [&'static str] {
        self.names
    }
}

// Rows of a table are told apart by their names.
impl PartialEq for Text {
    fn eq(&self, other: &Text) -> bool {
        self.names == other.names
    }
}

impl PartialEq for Number {
    fn eq(&self, other: &Number) -> bool {
        self.names == other.names
    }
}

impl PartialEq for Mark {
    fn eq(&self, other: &Mark) -> bool {
        self.name == other.name
    }
}

/// The field of that name, whatever its case.
pub(super) fn named<T: Named>(fields: &'static [T], name: &str) -> Option<&'static T> {
    fields.iter().find(|field| field.names().iter().any(|known| known.eq_ignore_ascii_case(name)))
}

/// The fields that can be asked, for prompts and messages.
pub fn words() -> String {
    let texts = TEXTS.iter().map(|field| format!("{}:", field.names[0]));
    let numbers = NUMBERS.iter().map(|field| format!("{}>", field.names[0]));
    texts.chain(numbers).chain(MARKS.iter().map(|mark| mark.name.to_owned())).collect::<Vec<_>>().join(" ")
}

/// The names of numbers.
pub(super) fn numbers() -> String {
    NUMBERS.iter().map(|field| field.names[0]).collect::<Vec<_>>().join(", ")
}

/// What was probably meant by a name that there is not, as the middle of a sentence; nothing if nothing is near.
pub(super) fn nearest(name: &str) -> String {
    let name = name.to_lowercase();
    let texts = TEXTS.iter().flat_map(|field| field.names);
    let known = texts.chain(NUMBERS.iter().flat_map(|field| field.names)).copied();
    let near = known.map(|known| (strsim::damerau_levenshtein(&name, known), known)).min();
    near.filter(|(steps, known)| steps * 2 <= known.len())
        .map_or_else(String::new, |(_, known)| format!(" (`{known}`?)"))
}

fn whole_sex(value: String) -> String {
    match value.as_str() {
        "f" | "w" => "female".to_owned(),
        "m" => "male".to_owned(),
        _ => value,
    }
}

/// `female` or `male`.
pub fn sex_word(sex: Sex) -> &'static str {
    match sex {
        Sex::Female => "female",
        Sex::Male => "male",
    }
}

fn decibels(audio: &AudioFacts, of: fn(&AudioFacts) -> f32) -> f64 {
    20.0 * f64::from(of(audio)).max(1e-10).log10()
}
