//! The filter of Browse: `label:fear,anger speaker:03 mine:none -problem 01a`.
//!
//! Words are joined by "and"; `key:value` asks a field, a word alone asks the file name, `-` in front turns a word round.
//! Values are compared without case; `none` is "not given"; commas are "or". Deliberately absent: brackets and numbers.

use std::collections::HashSet;

use anyhow::{Result, bail};

use crate::corpus::{Clip, Sex};
use crate::label::Ledger;

/// A parsed filter; empty lets everything pass.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Filter {
    terms: Vec<Term>,
}

/// What a filter asks beside the clip itself.
#[derive(Debug, Clone, Copy)]
pub struct Known<'a> {
    /// What the annotator has said.
    pub ledger: &'a Ledger,
    /// Files with a problem.
    pub problems: &'a HashSet<&'a str>,
}

#[derive(Debug, Clone, PartialEq, Eq)]
struct Term {
    wanted: bool,
    field: Field,
    values: Vec<String>,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Field {
    File,
    Speaker,
    Sex,
    Label,
    Text,
    Intensity,
    Language,
    Mine,
    Problem,
    Flag,
    Note,
    Skipped,
}

const FIELDS: [(&str, Field); 8] = [
    ("file", Field::File),
    ("speaker", Field::Speaker),
    ("sex", Field::Sex),
    ("label", Field::Label),
    ("text", Field::Text),
    ("intensity", Field::Intensity),
    ("language", Field::Language),
    ("mine", Field::Mine),
];
const MARKS: [(&str, Field); 4] =
    [("problem", Field::Problem), ("flag", Field::Flag), ("note", Field::Note), ("skipped", Field::Skipped)];

impl Filter {
    /// Reads a filter.
    ///
    /// # Errors
    /// An unknown field, with the known ones, or a field without a value.
    pub fn parse(text: &str) -> Result<Filter> {
        Ok(Filter { terms: text.split_whitespace().map(term).collect::<Result<_>>()? })
    }

    /// True when everything passes.
    pub fn is_empty(&self) -> bool {
        self.terms.is_empty()
    }

    /// Whether a clip passes.
    pub fn passes(&self, clip: &Clip, known: Known<'_>) -> bool {
        self.terms.iter().all(|term| term.holds(clip, known) == term.wanted)
    }
}

/// The fields that can be asked, for prompts and messages.
pub fn words() -> String {
    let fields = FIELDS.iter().map(|(name, _)| format!("{name}:"));
    fields.chain(MARKS.iter().map(|(name, _)| (*name).to_owned())).collect::<Vec<_>>().join(" ")
}

fn term(word: &str) -> Result<Term> {
    let (wanted, word) = word.strip_prefix('-').map_or((true, word), |rest| (false, rest));
    let Some((name, values)) = word.split_once(':') else {
        let mark = MARKS.iter().find(|(name, _)| *name == word);
        let (field, values) =
            mark.map_or_else(|| (Field::File, vec![word.to_lowercase()]), |(_, mark)| (*mark, vec![]));
        return Ok(Term { wanted, field, values });
    };
    let Some((_, field)) = FIELDS.iter().find(|(known, _)| *known == name) else {
        bail!("no field `{name}`; there are {}", words());
    };
    let values: Vec<String> = values.split(',').filter(|value| !value.is_empty()).map(str::to_lowercase).collect();
    if values.is_empty() {
        bail!("`{name}:` needs a value, or `none`");
    }
    Ok(Term { wanted, field: *field, values })
}

impl Term {
    fn holds(&self, clip: &Clip, known: Known<'_>) -> bool {
        let ledger = known.ledger;
        match self.field {
            Field::File => self.values.iter().any(|value| clip.id.0.to_lowercase().contains(value)),
            Field::Speaker => self.is(clip.speaker.as_deref()),
            Field::Sex => self.is(clip.sex.map(sex_word)) || self.is(clip.sex.map(|sex| &sex_word(sex)[..1])),
            Field::Label => self.is(clip.label.as_deref()),
            Field::Text => self.is(clip.text.as_deref()),
            Field::Intensity => self.is(clip.intensity.as_deref()),
            Field::Language => self.is(clip.language.as_deref()),
            Field::Mine => self.is(ledger.label(&clip.id)),
            Field::Problem => known.problems.contains(clip.id.0.as_str()),
            Field::Flag => ledger.flagged(&clip.id),
            Field::Note => ledger.note(&clip.id).is_some(),
            Field::Skipped => ledger.skipped(&clip.id),
        }
    }

    fn is(&self, value: Option<&str>) -> bool {
        let value = value.map_or_else(|| "none".to_owned(), str::to_lowercase);
        self.values.contains(&value)
    }
}

/// `female` or `male`.
pub fn sex_word(sex: Sex) -> &'static str {
    match sex {
        Sex::Female => "female",
        Sex::Male => "male",
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::audio::{AudioFacts, AudioHash};
    use crate::corpus::{ClipId, Place};

    fn clip(id: &str, speaker: &str, label: Option<&str>) -> Clip {
        Clip {
            id: ClipId(id.into()),
            place: Place::of(id.as_ref(), &ClipId(id.into())),
            speaker: Some(speaker.into()),
            sex: Some(Sex::Female),
            label: label.map(Into::into),
            text: None,
            words: None,
            intensity: None,
            language: None,
            other: Default::default(),
            audio: AudioFacts { rate: 16000, channels: 1, seconds: 1.0, peak: 0.5, rms: 0.1, hash: AudioHash([0; 32]) },
        }
    }

    fn passing(text: &str) -> Vec<String> {
        let clips =
            [clip("03a01Fa.wav", "03", Some("fear")), clip("08b02.wav", "08", Some("Anger")), clip("x", "08", None)];
        let ledger = Ledger::default();
        let problems = HashSet::from(["x"]);
        let known = Known { ledger: &ledger, problems: &problems };
        let filter = Filter::parse(text).unwrap();
        clips.iter().filter(|clip| filter.passes(clip, known)).map(|clip| clip.id.0.to_string()).collect()
    }

    #[test]
    fn words_are_joined_by_and_values_by_or() {
        assert_eq!(passing(""), ["03a01Fa.wav", "08b02.wav", "x"]);
        assert_eq!(passing("label:fear,anger"), ["03a01Fa.wav", "08b02.wav"]);
        assert_eq!(passing("speaker:08 -label:none"), ["08b02.wav"]);
        assert_eq!(passing("A01F"), ["03a01Fa.wav"]);
        assert_eq!(passing("problem sex:f mine:none"), ["x"]);
        assert_eq!(passing("sex:male"), Vec::<String>::new());
        assert_eq!(passing("-problem -flag"), ["03a01Fa.wav", "08b02.wav"]);
    }

    #[test]
    fn mistakes_are_named() {
        assert!(Filter::parse("mood:happy").unwrap_err().to_string().contains("no field `mood`"));
        assert!(Filter::parse("label:").unwrap_err().to_string().contains("needs a value"));
    }
}
