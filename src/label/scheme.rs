//! A scheme: the questions that an annotator answers about a clip.
//!
//! A scheme comes from a TOML file, from one of the built-in TOML texts, or from the classes of a corpus. What may be
//! answered to one question, and by which key, stands in `question.rs`. Deliberately absent: what the keys of a screen do beside
//! labelling.

use std::collections::HashSet;
use std::path::Path;

use toml::Spanned;

use super::SchemeId;
use super::question::{Answers, Class, Question, Scale};

/// A form: one question or several, answered in one pass.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Scheme {
    /// Short name, as typed after `--scheme`; without `@`.
    pub name: String,
    /// Raised by its author when questions or classes change; at least 1.
    pub version: u32,
    /// One line for the screen.
    pub title: String,
    /// What to listen for.
    pub about: String,
    /// In the order they are asked; at least one, names unique.
    pub questions: Vec<Question>,
}

/// Why a text is no scheme: `file:line: reason`.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{file}{}: {reason}", line.map(|line| format!(":{line}")).unwrap_or_default())]
pub struct SchemeError {
    /// The file, or the name of the scheme when it has none.
    pub file: String,
    /// 1-based, where one line is to blame.
    pub line: Option<usize>,
    /// What is wrong, with the field.
    pub reason: String,
}

/// Names and texts of the built-in schemes.
pub static BUILT_IN: &[(&str, &str)] = &[
    ("emodb7", include_str!("schemes/emodb7.toml")),
    ("ekman6", include_str!("schemes/ekman6.toml")),
    ("ravdess8", include_str!("schemes/ravdess8.toml")),
    ("iemocap4", include_str!("schemes/iemocap4.toml")),
    ("vad", include_str!("schemes/vad.toml")),
    ("emotion+vad", include_str!("schemes/emotion_vad.toml")),
];

impl Scheme {
    /// The built-in scheme of that name, else the scheme in the file of that path.
    ///
    /// # Errors
    /// [`SchemeError`]: neither exists, the file cannot be read, or [`Scheme::parse`] refuses it.
    pub fn load(name_or_path: &str) -> Result<Scheme, SchemeError> {
        if let Some((name, text)) = BUILT_IN.iter().find(|(name, _)| *name == name_or_path) {
            return Scheme::parse(text, name);
        }
        let text = std::fs::read_to_string(Path::new(name_or_path)).map_err(|error| {
            let known: Vec<&str> = BUILT_IN.iter().map(|(name, _)| *name).collect();
            let reason = match error.kind() {
                std::io::ErrorKind::NotFound => {
                    format!("neither a file nor a built-in scheme ({})", known.join(", "))
                }
                _ => error.to_string(),
            };
            SchemeError { file: name_or_path.to_owned(), line: None, reason }
        })?;
        Scheme::parse(&text, name_or_path)
    }

    /// Reads the TOML form: `name`, `version`, `title`, `about`, and either a `[[class]]` each with `name`, `key`, `about`,
    /// `examples` (one choice, as most schemes are), or a `[[question]]` each with `name`, `title`, `about`, `required` and what
    /// may be answered: `class` entries (`several = true`: more than one), `scale = { low, high, low_word, high_word }`, or
    /// `text = true`. `file` is for messages.
    ///
    /// # Errors
    /// [`SchemeError`] for bad TOML, unknown fields, a choice of fewer than two classes, empty or doubled names, doubled keys,
    /// keys that are not one letter, scales beyond 1 to 9, and a scheme that requires no answer.
    pub fn parse(text: &str, file: &str) -> Result<Scheme, SchemeError> {
        let place = Place { text, file };
        let written: Written = toml::from_str(text)
            .map_err(|error| place.error(error.span().map(|span| span.start), error.message().to_owned()))?;
        let name = written.name.get_ref().trim();
        if name.is_empty() || name.contains(|c: char| c == '@' || c.is_whitespace() || c.is_control()) {
            return Err(place.error(Some(written.name.span().start), "`name` must be one word without `@`".to_owned()));
        }
        if *written.version.get_ref() == 0 {
            return Err(place.error(Some(written.version.span().start), "`version` starts at 1".to_owned()));
        }
        Ok(Scheme {
            name: name.to_owned(),
            version: *written.version.get_ref(),
            title: if written.title.is_empty() { name.to_owned() } else { written.title },
            about: written.about,
            questions: questions(written.class, written.question, &place)?,
        })
    }

    /// A scheme of one choice among the classes that a corpus has, in its order; doubled names count once. Its version is 1.
    pub fn of_classes(name: &str, classes: &[String]) -> Scheme {
        let mut seen = HashSet::new();
        let new = classes.iter().filter(|name| seen.insert(name.as_str()));
        let classes = new.map(|name| Class { name: name.clone(), ..Class::default() }).collect();
        Scheme {
            name: name.to_owned(),
            version: 1,
            title: format!("The classes of {name}"),
            about: String::new(),
            questions: vec![Question::one(Answers::Choice(classes))],
        }
    }

    /// What annotations remember of it.
    pub fn id(&self) -> SchemeId {
        SchemeId { name: self.name.clone(), version: self.version }
    }

    /// The question of that name.
    pub fn question(&self, name: &str) -> Option<&Question> {
        self.questions.iter().find(|question| question.name == name)
    }

    /// Names of the questions that a clip needs an answer to.
    pub fn required(&self) -> impl Iterator<Item = &str> {
        self.questions.iter().filter(|question| question.required).map(|question| question.name.as_str())
    }

    /// What may be answered, without words and keys (JSON): two schemes of one name and version must not differ in it, or old
    /// answers would mean something else.
    pub fn shape(&self) -> String {
        let shape: Vec<serde_json::Value> = self.questions.iter().map(Question::shape).collect();
        serde_json::Value::from(shape).to_string()
    }

    /// Gives every class without a letter one that is free in its question and not `reserved` (see [`Question::assign_keys`]).
    ///
    /// # Errors
    /// [`SchemeError`] when the file itself asks for a reserved key, or a class ends up with neither digit nor letter.
    pub fn assign_keys(&mut self, reserved: &[char]) -> Result<(), SchemeError> {
        let refuse = |reason| SchemeError { file: self.name.clone(), line: None, reason };
        self.questions.iter_mut().try_for_each(|question| question.assign_keys(reserved)).map_err(refuse)
    }

    /// Takes all letters away; digits stay.
    pub fn drop_keys(&mut self) {
        let classes = self.questions.iter_mut().flat_map(|question| question.answers.classes_mut());
        classes.for_each(|class| class.key = None);
    }
}

#[derive(serde::Deserialize)]
#[serde(deny_unknown_fields)]
struct Written {
    name: Spanned<String>,
    #[serde(default = "first_version")]
    version: Spanned<u32>,
    #[serde(default)]
    title: String,
    #[serde(default)]
    about: String,
    #[serde(default)]
    class: Vec<WrittenClass>,
    #[serde(default)]
    question: Vec<Spanned<WrittenQuestion>>,
}

#[derive(serde::Deserialize)]
#[serde(deny_unknown_fields)]
struct WrittenQuestion {
    name: Spanned<String>,
    #[serde(default)]
    title: String,
    #[serde(default)]
    about: String,
    required: Option<bool>,
    #[serde(default)]
    several: bool,
    #[serde(default)]
    class: Vec<WrittenClass>,
    scale: Option<Spanned<Scale>>,
    #[serde(default)]
    text: bool,
}

#[derive(serde::Deserialize)]
#[serde(deny_unknown_fields)]
struct WrittenClass {
    name: Spanned<String>,
    key: Option<Spanned<String>>,
    #[serde(default)]
    about: String,
    #[serde(default)]
    examples: Vec<String>,
}

fn first_version() -> Spanned<u32> {
    Spanned::new(0..0, 1)
}

/// The text being read, to turn byte offsets into lines.
struct Place<'a> {
    text: &'a str,
    file: &'a str,
}

impl Place<'_> {
    fn error(&self, offset: Option<usize>, reason: String) -> SchemeError {
        let before = |offset: usize| &self.text.as_bytes()[..offset.min(self.text.len())];
        let line = offset.map(|offset| before(offset).iter().filter(|&&byte| byte == b'\n').count() + 1);
        SchemeError { file: self.file.to_owned(), line, reason }
    }
}

fn questions(
    class: Vec<WrittenClass>,
    written: Vec<Spanned<WrittenQuestion>>,
    place: &Place<'_>,
) -> Result<Vec<Question>, SchemeError> {
    if written.is_empty() {
        if class.len() < 2 {
            return Err(
                place.error(None, "a scheme needs at least two `[[class]]` entries, or a `[[question]]`".to_owned())
            );
        }
        return Ok(vec![Question::one(Answers::Choice(classes(class, place)?))]);
    }
    if let Some(first) = class.first() {
        let reason = "`[[class]]` stands beside `[[question]]`; write `[[question.class]]`".to_owned();
        return Err(place.error(Some(first.name.span().start), reason));
    }
    let mut names = HashSet::new();
    let mut questions = Vec::with_capacity(written.len());
    for written in written {
        let at = Some(written.span().start);
        let question = question(written.into_inner(), at, place)?;
        if !names.insert(question.name.clone()) {
            return Err(place.error(at, format!("question `{}` stands twice", question.name)));
        }
        questions.push(question);
    }
    match questions.iter().any(|question| question.required) {
        true => Ok(questions),
        false => Err(place.error(None, "no question is required: a clip would never be done".to_owned())),
    }
}

fn question(written: WrittenQuestion, at: Option<usize>, place: &Place<'_>) -> Result<Question, SchemeError> {
    let name = written.name.get_ref().trim().to_owned();
    if name.is_empty() || name.contains(|c: char| c.is_whitespace() || c.is_control()) {
        let at = Some(written.name.span().start);
        return Err(place.error(at, "`name` of a question must be one word".to_owned()));
    }
    let answers = match (written.class.len(), written.scale, written.text) {
        (2.., None, false) => {
            let classes = classes(written.class, place)?;
            if let Some(class) = classes.iter().find(|class| written.several && class.name.contains(';')) {
                return Err(place.error(at, format!("class `{}`: no `;` where several may be chosen", class.name)));
            }
            if written.several { Answers::Several(classes) } else { Answers::Choice(classes) }
        }
        (0, Some(scale), false) => {
            let (at, scale) = (Some(scale.span().start), scale.into_inner());
            if !(1..=9).contains(&scale.low) || !(1..=9).contains(&scale.high) || scale.low >= scale.high {
                return Err(place
                    .error(at, "a scale goes from `low` to `high` within 1 to 9: one digit is one answer".to_owned()));
            }
            Answers::Scale(scale)
        }
        (0, None, true) => Answers::Text,
        _ => {
            let reason = format!("question `{name}` needs two `class` entries or more, or a `scale`, or `text = true`");
            return Err(place.error(at, reason));
        }
    };
    let required = written.required.unwrap_or(answers != Answers::Text);
    let title = if written.title.is_empty() { name.clone() } else { written.title };
    Ok(Question { name, title, about: written.about, answers, required })
}

fn classes(written: Vec<WrittenClass>, place: &Place<'_>) -> Result<Vec<Class>, SchemeError> {
    let (mut names, mut keys) = (HashSet::new(), HashSet::new());
    let mut classes = Vec::with_capacity(written.len());
    for class in written {
        let at = Some(class.name.span().start);
        let name = class.name.get_ref().trim().to_owned();
        if name.is_empty() || name.contains(char::is_control) {
            return Err(place.error(at, "`name` of a class must be printable and not empty".to_owned()));
        }
        if !names.insert(name.clone()) {
            return Err(place.error(at, format!("class `{name}` stands twice")));
        }
        let key = class.key.map(|key| letter(&key, place)).transpose()?;
        if let Some((key, at)) = key.filter(|(key, _)| !keys.insert(*key)) {
            return Err(place.error(Some(at), format!("class `{name}`: key `{key}` is taken by another class")));
        }
        classes.push(Class { name, key: key.map(|(key, _)| key), about: class.about, examples: class.examples });
    }
    Ok(classes)
}

fn letter(key: &Spanned<String>, place: &Place<'_>) -> Result<(char, usize), SchemeError> {
    let at = key.span().start;
    let mut chars = key.get_ref().chars();
    match (chars.next(), chars.next()) {
        (Some(letter), None) if letter.is_alphabetic() => Ok((letter, at)),
        _ => Err(place.error(Some(at), format!("`key` must be one letter, not `{}`", key.get_ref()))),
    }
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    const RESERVED: &[char] =
        &[' ', 'r', 'h', 'l', '<', '>', '-', '+', 'L', 'u', 's', '!', 'c', 'n', '?', ':', 'q', '/'];

    fn keys(scheme: &Scheme) -> String {
        scheme
            .questions
            .iter()
            .flat_map(|question| question.answers.classes())
            .map(|class| class.key.unwrap_or('.'))
            .collect()
    }

    fn refused(text: &str) -> String {
        Scheme::parse(text, "mine.toml").unwrap_err().to_string()
    }

    #[test]
    fn every_built_in_scheme_opens_under_its_name_and_gets_mnemonic_keys() {
        let mut all = Vec::new();
        for (name, _) in BUILT_IN {
            let mut scheme = Scheme::load(name).unwrap();
            assert_eq!(&scheme.name, name);
            let mut classes = scheme.questions.iter().flat_map(|question| question.answers.classes());
            assert!(classes.all(|class| !class.about.is_empty()), "{name}: a class without definition");
            scheme.assign_keys(RESERVED).unwrap();
            all.push(keys(&scheme));
        }
        assert_eq!(all, ["abdfHNS", "adfHSpN", "NCHSafdp", "aHNS", "", "adfHSpN"]);
    }

    #[test]
    fn a_digit_or_its_letter_chooses_a_class() {
        let mut scheme = Scheme::load("emodb7").unwrap();
        scheme.assign_keys(RESERVED).unwrap();
        let chosen = |key| scheme.questions[0].class_of(key).map(|class| class.name.as_str());
        assert_eq!(chosen('1'), Some("anger"));
        assert_eq!(chosen('a'), Some("anger"));
        assert_eq!(chosen('7'), Some("sadness"));
        assert_eq!(chosen('S'), Some("sadness"));
        assert_eq!([chosen('0'), chosen('8'), chosen('s'), chosen('x')], [None; 4]);
        assert_eq!(
            (scheme.questions[0].digit(0), scheme.questions[0].digit(6), scheme.questions[0].digit(7)),
            (Some('1'), Some('7'), None)
        );
    }

    #[test]
    fn the_tenth_class_lives_by_its_letter() {
        let names: Vec<String> = (0..11).map(|i| format!("{}motion", char::from(b'a' + i))).collect();
        let mut scheme = Scheme::of_classes("many", &names);
        scheme.assign_keys(RESERVED).unwrap();
        assert_eq!((scheme.questions[0].digit(8), scheme.questions[0].digit(9)), (Some('9'), None));
        assert_eq!(scheme.questions[0].class_of('j').unwrap().name, "jmotion");
    }

    #[test]
    fn classes_of_a_corpus_count_once() {
        let scheme = Scheme::of_classes("x", &["a".to_owned(), "b".to_owned(), "a".to_owned()]);
        assert_eq!(scheme.questions[0].answers.classes().len(), 2);
        assert_eq!(scheme.id().to_string(), "x@1");
    }

    #[test]
    fn too_many_classes_for_the_keyboard_are_refused() {
        let names: Vec<String> = (0..60).map(|i| format!("{i}")).collect();
        let error = Scheme::of_classes("huge", &names).assign_keys(RESERVED).unwrap_err();
        assert_eq!(error.to_string(), "huge: no key is left for class `43`");
    }

    #[test]
    fn a_file_may_choose_keys_but_not_those_of_the_screen() {
        let text = "name = 'x'\n[[class]]\nname = 'hot'\nkey = 'k'\n[[class]]\nname = 'king'\n";
        let mut scheme = Scheme::parse(text, "mine.toml").unwrap();
        scheme.assign_keys(RESERVED).unwrap();
        assert_eq!(keys(&scheme), "kK");
        let mut scheme = Scheme::parse(&text.replace("'k'", "'q'"), "mine.toml").unwrap();
        let error = scheme.assign_keys(RESERVED).unwrap_err();
        assert_eq!(error.to_string(), "x: class `hot`: key `q` is a command of the label screen");
    }

    #[test]
    fn errors_name_file_line_and_field() {
        let two = "\n[[class]]\nname = 'a'\n[[class]]\nname = 'b'\n";
        assert_eq!(refused(&format!("name = 'x y'{two}")), "mine.toml:1: `name` must be one word without `@`");
        assert_eq!(refused(&format!("name = 'x'\nversion = 0{two}")), "mine.toml:2: `version` starts at 1");
        assert_eq!(
            refused("name = 'x'\n[[class]]\nname = 'a'"),
            "mine.toml: a scheme needs at least two `[[class]]` entries, or a `[[question]]`"
        );
        assert_eq!(refused(&format!("name = 'x'{two}[[class]]\nname = ' a'")), "mine.toml:7: class `a` stands twice");
        assert_eq!(
            refused(&format!("name = 'x'{two}key = 'y'\n[[class]]\nname = 'd'\nkey = 'y'")),
            "mine.toml:9: class `d`: key `y` is taken by another class"
        );
        assert_eq!(refused(&format!("name = 'x'{two}key = '7'")), "mine.toml:6: `key` must be one letter, not `7`");
        let unknown = refused(&format!("name = 'x'{two}kee = 'y'"));
        assert!(unknown.starts_with("mine.toml:6: unknown field `kee`"), "{unknown}");
        assert!(refused("version = 1").contains("missing field `name`"));
        assert!(refused("name = 'x").starts_with("mine.toml:1: "));
    }

    #[test]
    fn a_form_of_several_questions_is_read() {
        let text = "name = 'x'
[[question]]
name = 'emotion'
several = true
class = [{ name = 'hot', examples = ['a.wav'] }, { name = 'cold' }]
[[question]]
name = 'arousal'
scale = { low = 1, high = 5, low_word = 'calm', high_word = 'wild' }
required = false
[[question]]
name = 'why'
text = true
";
        let scheme = Scheme::parse(text, "mine.toml").unwrap();
        assert_eq!(scheme.required().collect::<Vec<_>>(), ["emotion"]);
        assert_eq!(scheme.questions[0].answers.classes()[0].examples, ["a.wav"]);
        let kinds: Vec<&str> = scheme.questions.iter().map(|question| question.answers.word()).collect();
        assert_eq!(kinds, ["several", "scale", "text"]);
        let other = Scheme::parse(&text.replace("calm", "quiet"), "mine.toml").unwrap();
        assert_eq!(other.shape(), scheme.shape(), "words may change");
        assert_ne!(Scheme::parse(&text.replace("high = 5", "high = 7"), "mine.toml").unwrap().shape(), scheme.shape());
        let wrong = |from: &str, to: &str| refused(&text.replace(from, to));
        assert_eq!(
            wrong("high = 5", "high = 10"),
            "mine.toml:8: a scale goes from `low` to `high` within 1 to 9: one digit is one answer"
        );
        assert_eq!(wrong("'arousal'", "'emotion'"), "mine.toml:6: question `emotion` stands twice");
        assert_eq!(
            wrong("several = true\n", "required = false\n"),
            "mine.toml: no question is required: a clip would never be done"
        );
        assert_eq!(wrong("'cold'", "'c;d'"), "mine.toml:2: class `c;d`: no `;` where several may be chosen");
        assert_eq!(
            wrong("text = true", "about = 'x'"),
            "mine.toml:10: question `why` needs two `class` entries or more, or a `scale`, or `text = true`"
        );
    }

    #[test]
    fn a_missing_file_lists_the_built_in_names() {
        let error = Scheme::load("no/such.toml").unwrap_err().to_string();
        assert_eq!(
            error,
            "no/such.toml: neither a file nor a built-in scheme (emodb7, ekman6, ravdess8, iemocap4, vad, emotion+vad)"
        );
    }

    proptest! {
        #[test]
        fn keys_are_unique_and_never_reserved(names in proptest::collection::vec("\\PC{0,8}", 0..30)) {
            let mut scheme = Scheme::of_classes("x", &names);
            scheme.assign_keys(RESERVED).unwrap();
            let keys: Vec<char> = scheme.questions[0].answers.classes().iter().filter_map(|class| class.key).collect();
            let unique: HashSet<char> = keys.iter().copied().collect();
            prop_assert_eq!(unique.len(), keys.len());
            prop_assert!(keys.iter().all(|key| !RESERVED.contains(key)));
        }
    }
}
