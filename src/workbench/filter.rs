//! Which clips: `emotion:fear,anger speaker:03 dur>2 mine:none -problem "a sentence"`, on screens and in verbs alike.
//!
//! Terms are joined by "and"; `-` or `!` in front turns one round. `field:value` asks a field, commas are "or", `none` is "not given";
//! `field=value` asks for the whole of it; numbers are compared (`dur>2`, `dur:1..2`); a mark stands alone (`flag`), and any other
//! word is looked for in file name, speaker, label and text. Case does not count. Deliberately absent: brackets.

mod complete;
mod field;

use std::collections::HashSet;
use std::fmt;

use anyhow::{Result, bail, ensure};

use crate::corpus::{Clip, Corpus};
use crate::label::Ledger;
pub use complete::{Completion, complete};
use field::{MARKS, Mark, NUMBERS, Number, TEXTS, Text, named, nearest};
pub use field::{sex_word, words};

/// A parsed filter; empty lets everything pass.
#[derive(Debug, Clone, PartialEq, Default)]
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

#[derive(Debug, Clone, PartialEq)]
struct Term {
    wanted: bool,
    ask: Ask,
}

#[derive(Debug, Clone, PartialEq)]
enum Ask {
    /// In whatever names a clip.
    Word(String),
    /// The values are in lower case; "whole" where a part will not do.
    Text {
        field: &'static Text,
        whole: bool,
        values: Vec<String>,
    },
    /// A column of the corpus' own table, or a named part of its paths.
    Column {
        name: String,
        values: Vec<String>,
    },
    Number {
        field: &'static Number,
        ranges: Vec<Range>,
    },
    Mark(&'static Mark),
}

/// From, to: both belong to it unless `open`.
#[derive(Debug, Clone, Copy, PartialEq)]
struct Range {
    from: f64,
    to: f64,
    open: bool,
}

/// What stands between a field and its values.
const OPERATORS: [&str; 7] = ["!=", ">=", "<=", ":", "=", ">", "<"];
/// "Not given".
const NONE: &str = "none";

impl Filter {
    /// Reads a filter for the clips of `corpus`.
    ///
    /// # Errors
    /// An unknown field, with the one that was probably meant, a value that is missing or no number, a quote without its end.
    pub fn parse(text: &str, corpus: &Corpus) -> Result<Filter> {
        let is_column = |name: &str| corpus.clips.iter().any(|clip| clip.other.contains_key(name));
        Ok(Filter { terms: split(text)?.iter().map(|word| term(word, &is_column)).collect::<Result<_>>()? })
    }

    /// True when everything passes.
    pub fn is_empty(&self) -> bool {
        self.terms.is_empty()
    }

    /// Whether a clip passes.
    pub fn passes(&self, clip: &Clip, known: Known<'_>) -> bool {
        self.terms.iter().all(|term| term.ask.holds(clip, known) == term.wanted)
    }

    /// The first field that asks what somebody said, which not every verb knows.
    pub fn asks_labels(&self) -> Option<&'static str> {
        self.terms.iter().find_map(|term| match &term.ask {
            Ask::Text { field, .. } => field.said.then_some(field.names[0]),
            Ask::Mark(mark) => mark.said.then_some(mark.name),
            _ => None,
        })
    }
}

impl fmt::Display for Filter {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let terms: Vec<String> = self.terms.iter().map(ToString::to_string).collect();
        f.write_str(&terms.join(" "))
    }
}

impl fmt::Display for Term {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let sign = if self.wanted { "" } else { "-" };
        let list = |values: &[String]| values.iter().map(|value| quoted(value)).collect::<Vec<_>>().join(",");
        match &self.ask {
            Ask::Word(word) => write!(f, "{sign}{}", quoted_word(word)),
            Ask::Text { field, whole, values } => {
                write!(f, "{sign}{}{}{}", field.names[0], if *whole { "=" } else { ":" }, list(values))
            }
            Ask::Column { name, values } => write!(f, "{sign}{name}:{}", list(values)),
            Ask::Number { field, ranges } => {
                let ranges: Vec<String> = ranges.iter().map(ToString::to_string).collect();
                match &ranges[..] {
                    [one] if one.starts_with(['<', '>']) => write!(f, "{sign}{}{one}", field.names[0]),
                    _ => write!(f, "{sign}{}:{}", field.names[0], ranges.join(",")),
                }
            }
            Ask::Mark(mark) => write!(f, "{sign}{}", mark.name),
        }
    }
}

impl fmt::Display for Range {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match (self.open, self.from.is_finite(), self.to.is_finite()) {
            (true, true, _) => write!(f, ">{}", self.from),
            (true, false, _) => write!(f, "<{}", self.to),
            (false, true, true) => write!(f, "{}..{}", self.from, self.to),
            (false, true, false) => write!(f, "{}..", self.from),
            (false, false, _) => write!(f, "..{}", self.to),
        }
    }
}

/// Words between spaces; quotes hold words together.
fn split(text: &str) -> Result<Vec<String>> {
    let (mut words, mut word, mut quote) = (Vec::new(), String::new(), None);
    for (at, letter) in text.char_indices() {
        match quote {
            None if letter.is_whitespace() => {
                words.extend((!word.is_empty()).then(|| std::mem::take(&mut word)));
                continue;
            }
            None if letter == '"' => quote = Some(at),
            Some(_) if letter == '"' => quote = None,
            _ => {}
        }
        word.push(letter);
    }
    if let Some(at) = quote {
        bail!("the quote at {} has no end", text[..at].chars().count() + 1);
    }
    words.extend((!word.is_empty()).then_some(word));
    Ok(words)
}

fn term(word: &str, is_column: &dyn Fn(&str) -> bool) -> Result<Term> {
    let (wanted, word) = match word.strip_prefix(['-', '!']) {
        Some(rest) if !rest.is_empty() => (false, rest),
        _ => (true, word),
    };
    let Some((name, operator, value)) = taken_apart(word) else {
        let mark = MARKS.iter().find(|mark| mark.name == word.to_lowercase());
        let ask = mark.map_or_else(|| Ask::Word(lower(word)), Ask::Mark);
        return Ok(Term { wanted, ask });
    };
    let wanted = wanted != (operator == "!=");
    if values(value).is_empty() {
        bail!("`{name}{operator}` needs a value, or `{NONE}`");
    }
    let compared = operator.starts_with(['<', '>']);
    let given = || values(value);
    let ask = if let Some(field) = named(NUMBERS, name) {
        Ask::Number { field, ranges: ranges(field, operator, value)? }
    } else if compared {
        bail!("`{name}` is no number: numbers are {}", field::numbers());
    } else if let Some(field) = named(TEXTS, name) {
        let values = given().into_iter().map(|value| (field.meant)(value)).collect();
        Ask::Text { field, whole: operator != ":" || !field.parts, values }
    } else if is_column(name) {
        Ask::Column { name: name.to_owned(), values: given() }
    } else {
        bail!("no field `{name}`{}; there are {}", nearest(name), words());
    };
    Ok(Term { wanted, ask })
}

/// Field, operator, value; `None` for a word that asks no field.
fn taken_apart(word: &str) -> Option<(&str, &str, &str)> {
    let at = word.find([':', '=', '<', '>', '!', '"'])?;
    let operator = OPERATORS.into_iter().find(|operator| word[at..].starts_with(operator))?;
    let name = &word[..at];
    let plain = |letter: char| letter.is_alphanumeric() || "_-.".contains(letter);
    (!name.is_empty() && name.chars().all(plain)).then_some((name, operator, &word[at + operator.len()..]))
}

/// Between commas, in lower case, without quotes.
fn values(list: &str) -> Vec<String> {
    let (mut values, mut value, mut quoted) = (Vec::new(), String::new(), false);
    for letter in list.chars() {
        match letter {
            '"' => quoted = !quoted,
            ',' if !quoted => values.push(std::mem::take(&mut value)),
            _ => value.extend(letter.to_lowercase()),
        }
    }
    values.push(value);
    values.retain(|value| !value.is_empty());
    values
}

fn lower(word: &str) -> String {
    word.chars().filter(|letter| *letter != '"').flat_map(char::to_lowercase).collect()
}

fn quoted(value: &str) -> String {
    let plain = !value.chars().any(|letter| letter.is_whitespace() || letter == ',');
    if plain { value.to_owned() } else { format!("\"{value}\"") }
}

/// A word that would be read as something else is put into quotes.
fn quoted_word(word: &str) -> String {
    let special = word.starts_with(['-', '!'])
        || word.contains(char::is_whitespace)
        || taken_apart(word).is_some()
        || MARKS.iter().any(|mark| mark.name == word);
    if special { format!("\"{word}\"") } else { word.to_owned() }
}

fn ranges(field: &Number, operator: &str, value: &str) -> Result<Vec<Range>> {
    let number = |text: &str| scaled(field, text).map(|(number, _)| number);
    let (least, most) = (f64::NEG_INFINITY, f64::INFINITY);
    let one = match operator {
        ">" => Range { from: number(value)?, to: most, open: true },
        "<" => Range { from: least, to: number(value)?, open: true },
        ">=" => Range { from: number(value)?, to: most, open: false },
        "<=" => Range { from: least, to: number(value)?, open: false },
        _ => {
            let parts = value.split(',').filter(|text| !text.is_empty());
            return parts.map(|text| range(field, text)).collect();
        }
    };
    Ok(vec![one])
}

/// `1..2`, `1..`, `..2`, or what rounds to as many digits as were written.
fn range(field: &Number, text: &str) -> Result<Range> {
    let end =
        |text: &str, open: f64| if text.is_empty() { Ok(open) } else { scaled(field, text).map(|(number, _)| number) };
    match text.split_once("..") {
        Some(("", "")) => bail!("`{}`: a range needs an end", field.names[0]),
        Some((from, to)) => Ok(Range { from: end(from, f64::NEG_INFINITY)?, to: end(to, f64::INFINITY)?, open: false }),
        None => {
            let (middle, step) = scaled(field, text)?;
            Ok(Range { from: middle - 0.5 * step, to: middle + 0.5 * step, open: false })
        }
    }
}

/// A number with or without a unit, and how much its last digit counts.
fn scaled(field: &Number, text: &str) -> Result<(f64, f64)> {
    let name = field.names[0];
    let digits = text.trim_end_matches(char::is_alphabetic);
    let no_number = || format!("`{name}` is a number ({}), not `{text}`", field.unit);
    ensure!(!digits.is_empty(), no_number());
    let scale = match &text[digits.len()..].to_lowercase()[..] {
        "k" | "khz" => 1e3,
        "ms" => 1e-3,
        "" | "s" | "hz" | "db" | "dbfs" => 1.0,
        unit => bail!("`{name}`: no unit `{unit}`"),
    };
    let after = digits.split_once('.').map_or(0, |(_, after)| after.len());
    match digits.parse::<f64>() {
        Ok(number) if number.is_finite() => {
            Ok((number * scale, scale * 10f64.powi(-i32::try_from(after).unwrap_or(9))))
        }
        _ => bail!(no_number()),
    }
}

impl Ask {
    fn holds(&self, clip: &Clip, known: Known<'_>) -> bool {
        match self {
            Ask::Word(word) => {
                let text = clip.words.as_deref().or(clip.text.as_deref());
                let names = [Some(clip.id.0.as_str()), clip.speaker.as_deref(), clip.label.as_deref(), text];
                names.into_iter().flatten().any(|name| contains(name, word))
            }
            Ask::Text { field, whole, values } => {
                let told = (field.get)(clip, known);
                values.iter().any(|value| match told {
                    None => value == NONE,
                    Some(told) if *whole => same(told, value),
                    Some(told) => contains(told, value),
                })
            }
            Ask::Column { name, values } => {
                let told = clip.other.get(name);
                values.iter().any(|value| told.map_or(value == NONE, |told| same(told, value)))
            }
            Ask::Number { field, ranges } => {
                let number = (field.get)(clip);
                ranges.iter().any(|range| range.has(number))
            }
            Ask::Mark(mark) => (mark.get)(clip, known),
        }
    }
}

impl Range {
    fn has(self, number: f64) -> bool {
        if self.open { self.from < number && number < self.to } else { self.from <= number && number <= self.to }
    }
}

/// Equal but for case; `lower` is in lower case.
fn same(text: &str, lower: &str) -> bool {
    if text.is_ascii() {
        return text.eq_ignore_ascii_case(lower);
    }
    text.chars().flat_map(char::to_lowercase).eq(lower.chars())
}

/// Contained but for case; `lower` is in lower case.
fn contains(text: &str, lower: &str) -> bool {
    if !text.is_ascii() {
        return text.to_lowercase().contains(lower);
    }
    lower.is_empty() || text.as_bytes().windows(lower.len()).any(|part| part.eq_ignore_ascii_case(lower.as_bytes()))
}

#[cfg(test)]
mod tests {
    use std::path::Path;

    use proptest::prelude::*;

    use super::*;
    use crate::audio::{AudioFacts, AudioHash};
    use crate::corpus::{ClipId, Place, Sex};

    fn clip(id: &str, speaker: &str, label: Option<&str>) -> Clip {
        Clip {
            id: ClipId(id.into()),
            place: Place::of(id.as_ref(), &ClipId(id.into())),
            extent: Default::default(),
            speaker: Some(speaker.into()),
            sex: Some(Sex::Female),
            label: label.map(Into::into),
            text: Some("a01".into()),
            words: Some("Der Lappen liegt, auf dem Eisschrank".into()),
            intensity: None,
            language: None,
            other: std::sync::Arc::new([("session".to_owned(), format!("S{}", id.len()))].into()),
            audio: AudioFacts {
                rate: 16000,
                channels: 1,
                seconds: id.len() as f64 / 4.0,
                peak: 0.5,
                rms: 0.1,
                hash: AudioHash([0; 32]),
            },
        }
    }

    fn corpus() -> Corpus {
        let clips = vec![
            clip("03a01Fa.wav", "03", Some("fear")),
            clip("08b02.wav", "08", Some("Ärger")),
            clip("x", "08", None),
        ];
        Corpus { clips, ..Corpus::empty(Path::new("/c")) }
    }

    fn passing(text: &str) -> Vec<String> {
        let (corpus, ledger, problems) = (corpus(), Ledger::default(), HashSet::from(["x"]));
        let known = Known { ledger: &ledger, problems: &problems };
        let filter = Filter::parse(text, &corpus).unwrap();
        corpus.clips.iter().filter(|clip| filter.passes(clip, known)).map(|clip| clip.id.0.to_string()).collect()
    }

    fn refused(text: &str) -> String {
        Filter::parse(text, &corpus()).unwrap_err().to_string()
    }

    const ALL: [&str; 3] = ["03a01Fa.wav", "08b02.wav", "x"];

    #[test]
    fn terms_are_joined_by_and_and_values_by_or() {
        assert_eq!(passing(""), ALL);
        assert_eq!(passing("emotion:FEAR,ärger"), ALL[..2]);
        assert_eq!(passing("label:fear speaker:08"), [""; 0]);
        assert_eq!(passing("speaker:08 label:none"), ["x"]);
        assert_eq!(passing("speaker!=03"), passing("-speaker:03"));
        assert_eq!(passing("!speaker:03"), ALL[1..]);
    }

    #[test]
    fn other_words_are_looked_for_in_all_that_names_a_clip() {
        assert_eq!(passing("FA"), ["03a01Fa.wav"]);
        assert_eq!(passing("ärg"), ["08b02.wav"]);
        assert_eq!(passing("\"auf dem\""), ALL);
        assert_eq!(passing("-08 -problem"), ["03a01Fa.wav"]);
        assert_eq!(passing("words:lappen,nothing"), ALL);
        assert_eq!(passing("words=lappen"), [""; 0]);
        assert_eq!(passing("words:\"liegt, auf\""), ALL);
        assert_eq!(passing("file:b02"), ["08b02.wav"]);
    }

    #[test]
    fn numbers_are_compared() {
        assert_eq!(passing("dur>2.25"), ["03a01Fa.wav"]);
        assert_eq!(passing("dur>=2250ms"), ALL[..2]);
        assert_eq!(passing("dur:..1,2.5..3"), ["03a01Fa.wav", "x"]);
        assert_eq!(passing("dur:2.3"), ["08b02.wav"], "2.25 rounds to 2.3");
        assert_eq!(passing("rate:16k peak:-6 level<-19.9dB channels=1"), ALL);
        assert_eq!(passing("-dur<1"), ALL[..2]);
    }

    #[test]
    fn columns_of_the_corpus_are_fields() {
        assert_eq!(passing("session:s1"), ["x"]);
        assert_eq!(passing("session!=S1"), ALL[..2]);
    }

    #[test]
    fn marks_stand_alone() {
        assert_eq!(passing("problem"), ["x"]);
        assert_eq!(passing("flag"), [""; 0]);
        assert_eq!(passing("mine:none -skipped -done"), ALL);
        assert_eq!(passing("sex:f"), ALL);
    }

    #[test]
    fn mistakes_are_told_with_what_was_meant() {
        assert!(refused("speeker:03").starts_with("no field `speeker` (`speaker`?); there are label: "));
        assert!(refused("mood:happy").starts_with("no field `mood`; there are"));
        assert_eq!(refused("label:"), "`label:` needs a value, or `none`");
        assert_eq!(refused("label>3"), "`label` is no number: numbers are dur, rate, channels, peak, level");
        assert_eq!(refused("dur>long"), "`dur` is a number (seconds), not `long`");
        assert_eq!(refused("dur>2h"), "`dur`: no unit `h`");
        assert_eq!(refused("dur:.."), "`dur`: a range needs an end");
        assert_eq!(refused("label:fear \"a b"), "the quote at 12 has no end");
    }

    #[test]
    fn what_asks_labels_is_known() {
        let asks = |text: &str| Filter::parse(text, &corpus()).unwrap().asks_labels();
        assert_eq!(
            (asks("label:fear mine:none"), asks("-flag"), asks("dur>1 problem")),
            (Some("mine"), Some("flag"), None)
        );
    }

    #[test]
    fn what_is_typed_is_completed_with_what_occurs() {
        let (corpus, ledger, problems) = (corpus(), Ledger::default(), HashSet::new());
        let known = Known { ledger: &ledger, problems: &problems };
        let words = |line: &str| {
            let found = complete(line, &corpus, known);
            (line[..found.from].to_owned(), found.words)
        };
        assert_eq!(words("sp"), (String::new(), vec!["speaker:".to_owned()]));
        assert_eq!(words("x -se"), ("x -".to_owned(), ["sex:", "sentence:", "session:"].map(str::to_owned).to_vec()));
        assert_eq!(words("x speaker:").1, ["08", "03"], "the most frequent first");
        assert_eq!(words("label:fear,Ä"), ("label:fear,".to_owned(), vec!["Ärger".to_owned()]));
        assert_eq!(words("words:").1, ["\"Der Lappen liegt, auf dem Eisschrank\""]);
        assert!(words("dur>").1.is_empty());
        assert_eq!(
            words("").1.len(),
            TEXTS.iter().map(|field| field.names.len()).sum::<usize>() + NUMBERS.len() + MARKS.len() + 1
        );
    }

    proptest! {
        #[test]
        fn nothing_typed_panics(text in any::<String>()) {
            let (ledger, problems) = (Ledger::default(), HashSet::new());
            let known = Known { ledger: &ledger, problems: &problems };
            let corpus = corpus();
            complete(&text, &corpus, known);
            if let Ok(filter) = Filter::parse(&text, &corpus) {
                prop_assert!(corpus.clips.iter().filter(|clip| filter.passes(clip, known)).count() <= 3);
            }
        }

        #[test]
        fn what_is_printed_reads_as_the_same(
            words in proptest::collection::vec(
                r#"[-!]?((label|text|words|mine|session|file)(:|=|!=)[a-zÄ"]{1,6}(,[a-z]{1,3})?|dur(>|<|>=|<=|:)[0-9]{1,3}(\.[0-9]{1,2})?|dur:[0-9]\.\.[0-9]?|flag|[a-z]{1,5})"#, 0..5,
            )
        ) {
            if let Ok(filter) = Filter::parse(&words.join(" "), &corpus()) {
                prop_assert_eq!(Filter::parse(&filter.to_string(), &corpus()).unwrap(), filter);
            }
        }
    }
}
