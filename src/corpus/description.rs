//! Descriptions: one TOML file per corpus says how its names, folders or tables are read (`corpora/README.md` is the manual).
//!
//! Deliberately absent: walking a tree, reading tables (see `format`) and choosing a description (see `recognise`).

use std::collections::BTreeMap;
use std::path::Path;
use std::sync::Arc;
use std::sync::LazyLock;
use std::{fmt, fs};

use arcstr::ArcStr;
use regex::Regex;
use serde::Deserialize;
use serde::de::{Deserializer, Error as _, MapAccess, Visitor};

use super::listeners::ListenersTable;
use super::{ScanError, Sex, format};

/// `corpora/*.toml`, embedded: (file name, text), sorted by name.
static EMBEDDED: &[(&str, &str)] = include!(concat!(env!("OUT_DIR"), "/descriptions.rs"));

static DESCRIPTIONS: LazyLock<Vec<Description>> = LazyLock::new(|| {
    // A test holds every embedded text to be a valid description, so nothing is dropped here.
    EMBEDDED.iter().filter_map(|(file, text)| Description::parse(text, file).ok()).collect()
});

/// The descriptions that come with emolab, sorted by name.
pub fn descriptions() -> &'static [Description] {
    &DESCRIPTIONS
}

/// How one corpus is read, and where it comes from.
#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Description {
    /// The name for `--corpus`.
    pub name: String,
    /// What people want to know of it.
    #[serde(default)]
    pub about: About,
    /// How its files say things.
    pub layout: Layout,
    /// Label code → class name, in class order; an empty class name means "no label". Empty: labels are class names.
    #[serde(default)]
    pub labels: Codes,
    /// How the speaker's sex is known.
    #[serde(default)]
    pub sex: SexRules,
    /// Sentence code → its words.
    #[serde(default)]
    pub text: Codes,
    /// Intensity code → its name.
    #[serde(default)]
    pub intensity: Codes,
    /// Per field, what is written by mistake → what it should be; such a file is a clip and a problem.
    #[serde(default)]
    pub aliases: BTreeMap<String, Codes>,
    /// Tables of what listeners heard; the first that there is counts.
    #[serde(default)]
    pub listeners: Vec<ListenersTable>,
    /// Paths and what must be read from them; the first is shown to people.
    #[serde(default)]
    pub examples: Vec<Example>,
}

/// The part of a description that is for people; one of a user's own may leave out what it likes.
#[derive(Debug, Clone, Default, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct About {
    /// Full name.
    pub title: String,
    /// Licence of the recordings.
    pub licence: String,
    /// Where to get it.
    pub source: String,
    /// The paper that its users cite; empty when unknown.
    pub citation: String,
    /// BCP 47 tag of the language spoken; empty when it differs or is unknown.
    pub language: String,
    /// Machine-made speech, whose scores mean nothing.
    pub synthetic: bool,
    /// Anything a user should know.
    pub notes: String,
}

/// The part of a description that its format reads.
#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Layout {
    /// Name of an entry of [`format::FORMATS`].
    pub format: String,
    /// Names its groups `speaker`, `label`, `sex`, `text`, `words`, `intensity`, `language`, `key`; matched against the end
    /// of `root's name/path without suffix`, from the start of a part.
    #[serde(default, deserialize_with = "path_regex")]
    pub pattern: Option<Regex>,
    /// The speaker put together from groups, `{session}{sex}`; default: the group `speaker`.
    pub speaker: Option<String>,
    /// Tables relative to the root; default: every CSV or TSV in the root that has a file column.
    #[serde(default)]
    pub tables: Vec<String>,
    /// Field → headings it may have in a table.
    #[serde(default)]
    pub columns: BTreeMap<String, Vec<String>>,
    /// Text files with a line per clip.
    pub sidecar: Option<Sidecar>,
}

/// Text files with a line per clip, joined to the clips by the group `key` of both patterns.
#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Sidecar {
    /// Which files: matched like [`Layout::pattern`], with the suffix.
    #[serde(deserialize_with = "files_regex")]
    pub files: Regex,
    /// What a line about a clip looks like; other lines are skipped.
    #[serde(deserialize_with = "line_regex")]
    pub line: Regex,
}

/// How the speaker's sex is known: from a code (group `sex`), else from who speaks.
#[derive(Debug, Clone, Default, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct SexRules {
    /// Code → sex. Empty: `m`, `male`, `f`, `female` in any case.
    #[serde(default)]
    pub codes: BTreeMap<String, Sex>,
    /// Speakers that are female: a pattern of the whole name.
    #[serde(default, deserialize_with = "whole_regex")]
    pub female: Option<Regex>,
    /// Speakers that are male: a pattern of the whole name.
    #[serde(default, deserialize_with = "whole_regex")]
    pub male: Option<Regex>,
}

/// A path of the corpus and what must be read from it: documentation that a test runs.
#[derive(Debug, Clone, Default, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Example {
    /// Path relative to the corpus root.
    pub path: String,
    /// Expected speaker.
    pub speaker: Option<String>,
    /// Expected sex.
    pub sex: Option<Sex>,
    /// Expected class.
    pub label: Option<String>,
    /// Expected sentence code.
    pub text: Option<String>,
    /// Expected intensity.
    pub intensity: Option<String>,
}

/// Codes and their meanings in the order of the file.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Codes(pub Vec<(String, String)>);

/// The named parts of one file name or table row, raw.
pub type Fields = BTreeMap<String, String>;

/// What a corpus says about one file, in the description's words.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Said {
    /// Who speaks.
    pub speaker: Option<ArcStr>,
    /// The speaker's sex.
    pub sex: Option<Sex>,
    /// Class name.
    pub label: Option<ArcStr>,
    /// Sentence code, or words where there is no code.
    pub text: Option<ArcStr>,
    /// What is said.
    pub words: Option<ArcStr>,
    /// Intensity.
    pub intensity: Option<ArcStr>,
    /// BCP 47 tag.
    pub language: Option<ArcStr>,
    /// Named parts and columns that are none of these, raw; long texts are left out.
    pub other: Arc<Fields>,
    /// Something to tell the user although the file is a clip.
    pub note: Option<String>,
}

impl Description {
    /// Parses a description; `file` is named in errors.
    ///
    /// # Errors
    /// [`ScanError::Description`] with TOML's line or what the format misses.
    pub fn parse(text: &str, file: &str) -> Result<Description, ScanError> {
        let bad = |reason: String| ScanError::Description { file: file.to_owned(), reason };
        let description: Description = toml::from_str(text).map_err(|e| bad(e.to_string()))?;
        let Some(format) = format::named(&description.layout.format) else {
            let known: Vec<&str> = format::FORMATS.iter().map(|f| f.name()).collect();
            return Err(bad(format!("no format `{}`; there are {}", description.layout.format, known.join(", "))));
        };
        format.check(&description.layout).map_err(|reason| bad(reason.to_owned()))?;
        Ok(description)
    }

    /// An embedded description by name, or one's own by its path (anything that ends in `.toml`).
    ///
    /// # Errors
    /// [`ScanError::UnknownCorpus`] with the names there are; [`ScanError::NotFound`]; [`ScanError::Description`].
    pub fn named(name: &str) -> Result<Description, ScanError> {
        if name.ends_with(".toml") {
            let path = Path::new(name);
            let text =
                fs::read_to_string(path).map_err(|source| ScanError::NotFound { path: path.to_owned(), source })?;
            return Description::parse(&text, name);
        }
        descriptions().iter().find(|d| d.name.eq_ignore_ascii_case(name)).cloned().ok_or_else(|| {
            let known = descriptions().iter().map(|d| d.name.clone()).collect();
            ScanError::UnknownCorpus { name: name.to_owned(), known }
        })
    }

    /// Class names in the description's order.
    pub fn classes(&self) -> Vec<String> {
        let mut classes: Vec<String> = Vec::new();
        for (_, class) in &self.labels.0 {
            if !class.is_empty() && !classes.contains(class) {
                classes.push(class.clone());
            }
        }
        classes
    }

    /// Translates raw fields with the code tables.
    ///
    /// # Errors
    /// The reason, when the label's code is not in a table that has codes: such a file is misnamed.
    pub fn interpret(&self, mut fields: Fields) -> Result<Said, String> {
        let note = self.mend(&mut fields);
        let speaker = self.speaker(&fields);
        let take = |field: &str| fields.get(field).filter(|v| !v.is_empty()).cloned();
        let text = take("text");
        let known_words = text.as_ref().and_then(|code| self.text.get(code)).map(str::to_owned);
        let intensity = take("intensity").map(|code| self.intensity.get(&code).map_or(code.clone(), str::to_owned));
        let words = take("words").or(known_words);
        let language = take("language").or_else(|| Some(self.about.language.clone()).filter(|l| !l.is_empty()));
        Ok(Said {
            sex: self.sex.of(fields.get("sex").map(String::as_str), speaker.as_deref()),
            label: self.label(take("label"))?.map(ArcStr::from),
            text: text.or_else(|| words.clone()).map(ArcStr::from),
            words: words.map(ArcStr::from),
            intensity: intensity.map(ArcStr::from),
            language: language.map(ArcStr::from),
            speaker: speaker.map(ArcStr::from),
            note,
            other: Arc::new(fields.into_iter().filter(|(name, value)| is_other(name, value)).collect()),
        })
    }

    /// What to tell about a file whose name says nothing.
    pub fn misnamed(&self) -> String {
        match self.examples.first() {
            Some(example) => format!("not named like a file of {} (such as {})", self.name, example.path),
            None => format!("not named like a file of {}", self.name),
        }
    }

    fn mend(&self, fields: &mut Fields) -> Option<String> {
        let mut notes = Vec::new();
        for (field, aliases) in &self.aliases {
            let Some(value) = fields.get_mut(field) else { continue };
            if let Some(meant) = aliases.get(value) {
                notes.push(format!("misnamed: {field} `{value}` is read as `{meant}`"));
                *value = meant.to_owned();
            }
        }
        (!notes.is_empty()).then(|| notes.join("; "))
    }

    fn speaker(&self, fields: &Fields) -> Option<String> {
        let speaker = match &self.layout.speaker {
            None => fields.get("speaker")?.clone(),
            Some(template) => {
                fields.iter().fold(template.clone(), |out, (name, value)| out.replace(&format!("{{{name}}}"), value))
            }
        };
        Some(speaker).filter(|s| !s.is_empty())
    }

    fn label(&self, code: Option<String>) -> Result<Option<String>, String> {
        let Some(code) = code else { return Ok(None) };
        if self.labels.0.is_empty() {
            return Ok(Some(code));
        }
        match self.labels.get(&code) {
            Some(class) => Ok(Some(class.to_owned()).filter(|c| !c.is_empty())),
            None => {
                let known: Vec<&str> = self.labels.0.iter().map(|(code, _)| code.as_str()).collect();
                Err(format!("label `{code}` is none of {}'s ({})", self.name, known.join(", ")))
            }
        }
    }
}

impl Codes {
    /// The meaning of a code.
    pub fn get(&self, code: &str) -> Option<&str> {
        self.0.iter().find(|(have, _)| have == code).map(|(_, meaning)| meaning.as_str())
    }
}

impl SexRules {
    fn of(&self, code: Option<&str>, speaker: Option<&str>) -> Option<Sex> {
        let by_code = code.and_then(|code| match (self.codes.get(code), code.to_ascii_lowercase().as_str()) {
            (Some(sex), _) => Some(*sex),
            (None, "m" | "male") if self.codes.is_empty() => Some(Sex::Male),
            (None, "f" | "female") if self.codes.is_empty() => Some(Sex::Female),
            _ => None,
        });
        let is = |rule: &Option<Regex>| rule.as_ref().zip(speaker).is_some_and(|(rule, who)| rule.is_match(who));
        by_code.or_else(|| match (is(&self.female), is(&self.male)) {
            (true, false) => Some(Sex::Female),
            (false, true) => Some(Sex::Male),
            _ => None,
        })
    }
}

impl<'de> Deserialize<'de> for Codes {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct InOrder;
        impl<'de> Visitor<'de> for InOrder {
            type Value = Codes;
            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("a table of codes and their meanings")
            }
            fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<Codes, A::Error> {
                let mut codes = Vec::new();
                while let Some(pair) = map.next_entry()? {
                    codes.push(pair);
                }
                Ok(Codes(codes))
            }
        }
        deserializer.deserialize_map(InOrder)
    }
}

/// Fields that have a place of their own.
const FIELDS: [&str; 9] = ["file", "key", "speaker", "label", "sex", "text", "words", "intensity", "language"];
/// Bytes of a value that a plan may split by; longer ones are prose.
const SHORT: usize = 64;

fn is_other(name: &str, value: &str) -> bool {
    !FIELDS.contains(&name) && !value.is_empty() && value.len() <= SHORT
}

fn path_regex<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Option<Regex>, D::Error> {
    files_regex(deserializer).map(Some)
}

fn files_regex<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Regex, D::Error> {
    regex(deserializer, "(?:^|/)(?:", ")$")
}

fn whole_regex<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Option<Regex>, D::Error> {
    regex(deserializer, "^(?:", ")$").map(Some)
}

fn line_regex<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Regex, D::Error> {
    regex(deserializer, "^(?:", ")")
}

fn regex<'de, D: Deserializer<'de>>(deserializer: D, before: &str, after: &str) -> Result<Regex, D::Error> {
    let pattern = String::deserialize(deserializer)?;
    Regex::new(&format!("{before}{pattern}{after}")).map_err(D::Error::custom)
}
