//! A scheme: the classes an annotator chooses from, and the key of each.
//!
//! A scheme comes from a TOML file, from one of the built-in TOML texts, or from the classes of a corpus. Deliberately
//! absent: scales and several choices at once, and what the keys of a screen do beside labelling.

use std::collections::HashSet;
use std::path::Path;

use toml::Spanned;

use super::SchemeId;

/// A choice of classes.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Scheme {
    /// Short name, as typed after `--scheme`; without `@`.
    pub name: String,
    /// Raised by its author when classes change; at least 1.
    pub version: u32,
    /// One line for the screen.
    pub title: String,
    /// What to listen for.
    pub about: String,
    /// In the order of the digit keys; names are unique.
    pub classes: Vec<Class>,
}

/// One answer.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Class {
    /// What is stored.
    pub name: String,
    /// Mnemonic letter, unique in the scheme; [`Scheme::assign_keys`] fills it where the file gives none.
    pub key: Option<char>,
    /// Definition for the annotator.
    pub about: String,
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

    /// Reads the TOML form: `name`, `version`, `title`, `about`, and a `[[class]]` each with `name`, `key`, `about`;
    /// only the names are needed. `file` is for messages.
    ///
    /// # Errors
    /// [`SchemeError`] for bad TOML, unknown fields, fewer than two classes, empty or doubled names, doubled keys, and
    /// keys that are not one letter.
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
        if written.class.len() < 2 {
            return Err(place.error(None, "a scheme needs at least two `[[class]]` entries".to_owned()));
        }
        Ok(Scheme {
            name: name.to_owned(),
            version: *written.version.get_ref(),
            title: if written.title.is_empty() { name.to_owned() } else { written.title },
            about: written.about,
            classes: classes(written.class, &place)?,
        })
    }

    /// A scheme of the classes that a corpus has, in its order; doubled names count once. Its version is 1.
    pub fn of_classes(name: &str, classes: &[String]) -> Scheme {
        let mut seen = HashSet::new();
        let new = classes.iter().filter(|name| seen.insert(name.as_str()));
        Scheme {
            name: name.to_owned(),
            version: 1,
            title: format!("The classes of {name}"),
            about: String::new(),
            classes: new.map(|name| Class { name: name.clone(), key: None, about: String::new() }).collect(),
        }
    }

    /// What annotations remember of it.
    pub fn id(&self) -> SchemeId {
        SchemeId { name: self.name.clone(), version: self.version }
    }

    /// Gives every class without a letter one that is free and not `reserved`: its initial, the capital initial, other
    /// letters of its name, any letter. Classes with a digit (the first nine) may stay without.
    ///
    /// # Errors
    /// [`SchemeError`] when the file itself asks for a reserved key, or a class ends up with neither digit nor letter.
    pub fn assign_keys(&mut self, reserved: &[char]) -> Result<(), SchemeError> {
        let refuse = |reason| SchemeError { file: self.name.clone(), line: None, reason };
        let mut taken: HashSet<char> = reserved.iter().copied().collect();
        for class in &self.classes {
            if let Some(key) = class.key.filter(|key| !taken.insert(*key)) {
                return Err(refuse(format!("class `{}`: key `{key}` is a command of the label screen", class.name)));
            }
        }
        let wishes: Vec<Vec<char>> = self.classes.iter().map(|class| wishes(&class.name)).collect();
        // Round by round, so that a class gets another's initial only after all initials are given out.
        for round in 0..wishes.iter().map(Vec::len).max().unwrap_or(0) {
            for (class, wishes) in self.classes.iter_mut().zip(&wishes).filter(|(class, _)| class.key.is_none()) {
                class.key = wishes.get(round).copied().filter(|key| taken.insert(*key));
            }
        }
        match (DIGITS..self.classes.len()).find(|&index| self.classes[index].key.is_none()) {
            Some(index) => Err(SchemeError {
                file: self.name.clone(),
                line: None,
                reason: format!("no key is left for class `{}`", self.classes[index].name),
            }),
            None => Ok(()),
        }
    }

    /// The digit of the class at `index`: `1` to `9` for the first nine.
    pub fn digit(&self, index: usize) -> Option<char> {
        let digit = u32::try_from(index + 1).ok().filter(|_| index < DIGITS.min(self.classes.len()))?;
        char::from_digit(digit, 10)
    }

    /// The class that a key chooses, by digit or letter.
    pub fn class_of(&self, key: char) -> Option<&Class> {
        let by_digit =
            key.to_digit(10).filter(|&digit| digit > 0).and_then(|digit| self.classes.get(digit as usize - 1));
        by_digit.or_else(|| self.classes.iter().find(|class| class.key == Some(key)))
    }
}

/// So many classes have a digit key.
const DIGITS: usize = 9;

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
}

#[derive(serde::Deserialize)]
#[serde(deny_unknown_fields)]
struct WrittenClass {
    name: Spanned<String>,
    key: Option<Spanned<String>>,
    #[serde(default)]
    about: String,
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
        classes.push(Class { name, key: key.map(|(key, _)| key), about: class.about });
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

/// The letters a class would like, best first.
fn wishes(name: &str) -> Vec<char> {
    let lower: Vec<char> = name.chars().filter(|c| c.is_alphabetic()).flat_map(char::to_lowercase).collect();
    let upper: Vec<char> = name.chars().filter(|c| c.is_alphabetic()).flat_map(char::to_uppercase).collect();
    let initials = lower.iter().take(1).chain(upper.iter().take(1));
    let rest = lower.iter().skip(1).chain(upper.iter().skip(1));
    initials.chain(rest).copied().chain('a'..='z').chain('A'..='Z').collect()
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    const RESERVED: &[char] =
        &[' ', 'r', 'h', 'l', '<', '>', '-', '+', 'L', 'u', 's', '!', 'c', 'n', '?', ':', 'q', '/'];

    fn keys(scheme: &Scheme) -> String {
        scheme.classes.iter().map(|class| class.key.unwrap_or('.')).collect()
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
            assert!(scheme.classes.iter().all(|class| !class.about.is_empty()), "{name}: a class without definition");
            scheme.assign_keys(RESERVED).unwrap();
            all.push(keys(&scheme));
        }
        assert_eq!(all, ["abdfHNS", "adfHSpN", "NCHSafdp", "aHNS"]);
    }

    #[test]
    fn a_digit_or_its_letter_chooses_a_class() {
        let mut scheme = Scheme::load("emodb7").unwrap();
        scheme.assign_keys(RESERVED).unwrap();
        let chosen = |key| scheme.class_of(key).map(|class| class.name.as_str());
        assert_eq!(chosen('1'), Some("anger"));
        assert_eq!(chosen('a'), Some("anger"));
        assert_eq!(chosen('7'), Some("sadness"));
        assert_eq!(chosen('S'), Some("sadness"));
        assert_eq!([chosen('0'), chosen('8'), chosen('s'), chosen('x')], [None; 4]);
        assert_eq!((scheme.digit(0), scheme.digit(6), scheme.digit(7)), (Some('1'), Some('7'), None));
    }

    #[test]
    fn the_tenth_class_lives_by_its_letter() {
        let names: Vec<String> = (0..11).map(|i| format!("{}motion", char::from(b'a' + i))).collect();
        let mut scheme = Scheme::of_classes("many", &names);
        scheme.assign_keys(RESERVED).unwrap();
        assert_eq!((scheme.digit(8), scheme.digit(9)), (Some('9'), None));
        assert_eq!(scheme.class_of('j').unwrap().name, "jmotion");
    }

    #[test]
    fn classes_of_a_corpus_count_once() {
        let scheme = Scheme::of_classes("x", &["a".to_owned(), "b".to_owned(), "a".to_owned()]);
        assert_eq!(scheme.classes.len(), 2);
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
            "mine.toml: a scheme needs at least two `[[class]]` entries"
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
    fn a_missing_file_lists_the_built_in_names() {
        let error = Scheme::load("no/such.toml").unwrap_err().to_string();
        assert_eq!(error, "no/such.toml: neither a file nor a built-in scheme (emodb7, ekman6, ravdess8, iemocap4)");
    }

    proptest! {
        #[test]
        fn keys_are_unique_and_never_reserved(names in proptest::collection::vec("\\PC{0,8}", 0..30)) {
            let mut scheme = Scheme::of_classes("x", &names);
            scheme.assign_keys(RESERVED).unwrap();
            let keys: Vec<char> = scheme.classes.iter().filter_map(|class| class.key).collect();
            let unique: HashSet<char> = keys.iter().copied().collect();
            prop_assert_eq!(unique.len(), keys.len());
            prop_assert!(keys.iter().all(|key| !RESERVED.contains(key)));
        }
    }
}
