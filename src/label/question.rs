//! One question of a scheme: what may be answered, and by which key.
//!
//! Deliberately absent: reading it from a file (`scheme.rs`), and which question is asked when (the Label screen).

use std::collections::HashSet;

/// A question about a clip.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Question {
    /// What is stored with its answers; empty where a scheme has just one.
    pub name: String,
    /// For the screen.
    pub title: String,
    /// What to listen for.
    pub about: String,
    /// What may be answered.
    pub answers: Answers,
    /// Whether a clip is done only with an answer to it.
    pub required: bool,
}

/// What may be answered. "Cannot judge", stored as the empty answer, may always be.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Answers {
    /// One of these.
    Choice(Vec<Class>),
    /// Some of these; stored in the order of the scheme, joined by `;`.
    Several(Vec<Class>),
    /// A whole number.
    Scale(Scale),
    /// What is typed.
    Text,
}

/// One class.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Class {
    /// What is stored.
    pub name: String,
    /// Mnemonic letter, unique in the question; [`Question::assign_keys`] fills it where the file gives none.
    pub key: Option<char>,
    /// Definition for the annotator.
    pub about: String,
    /// Clips that show it: paths relative to the corpus, or from the root of the file system.
    pub examples: Vec<String>,
}

/// A scale of whole numbers within 1 to 9, such as a Likert item or the nine steps of SAM (Bradley and Lang 1994).
#[derive(Debug, Clone, PartialEq, Eq, serde::Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Scale {
    /// Lowest answer.
    pub low: u8,
    /// Highest answer.
    pub high: u8,
    /// What the lowest means.
    #[serde(default)]
    pub low_word: String,
    /// What the highest means.
    #[serde(default)]
    pub high_word: String,
}

/// Between the classes of an answer where several may be chosen.
pub const SEVERAL: char = ';';

/// So many classes have a digit key.
const DIGITS: usize = 9;

impl Answers {
    /// `choice`, `several`, `scale` or `text`.
    pub fn word(&self) -> &'static str {
        match self {
            Answers::Choice(_) => "choice",
            Answers::Several(_) => "several",
            Answers::Scale(_) => "scale",
            Answers::Text => "text",
        }
    }

    /// The classes of a choice; none otherwise.
    pub fn classes(&self) -> &[Class] {
        match self {
            Answers::Choice(classes) | Answers::Several(classes) => classes,
            Answers::Scale(_) | Answers::Text => &[],
        }
    }

    pub(super) fn classes_mut(&mut self) -> &mut [Class] {
        match self {
            Answers::Choice(classes) | Answers::Several(classes) => classes,
            Answers::Scale(_) | Answers::Text => &mut [],
        }
    }
}

impl Question {
    /// The one question of a scheme that has no other: required, without a name.
    pub fn one(answers: Answers) -> Question {
        Question { name: String::new(), title: String::new(), about: String::new(), answers, required: true }
    }

    /// Whether `value` can be an answer; the empty one, "cannot judge", always can.
    pub fn takes(&self, value: &str) -> bool {
        let known = |class: &str| self.answers.classes().iter().any(|one| one.name == class);
        match &self.answers {
            _ if value.is_empty() => true,
            Answers::Choice(_) => known(value),
            Answers::Several(_) => value.split(SEVERAL).all(known),
            Answers::Scale(scale) => value.parse().is_ok_and(|step: u8| (scale.low..=scale.high).contains(&step)),
            Answers::Text => true,
        }
    }

    /// What may be answered, without words and keys.
    pub(super) fn shape(&self) -> serde_json::Value {
        let classes: Vec<&str> = self.answers.classes().iter().map(|class| class.name.as_str()).collect();
        let ends = if let Answers::Scale(scale) = &self.answers { vec![scale.low, scale.high] } else { Vec::new() };
        serde_json::json!({ "name": self.name, "kind": self.answers.word(), "classes": classes, "scale": ends })
    }

    /// Gives every class without a letter one that is free and not `reserved`: its initial, the capital initial, other
    /// letters of its name, any letter. Classes with a digit (the first nine) may stay without.
    ///
    /// # Errors
    /// In words, when the file itself asks for a reserved key, or a class ends up with neither digit nor letter.
    pub fn assign_keys(&mut self, reserved: &[char]) -> Result<(), String> {
        let classes = self.answers.classes_mut();
        let mut taken: HashSet<char> = reserved.iter().copied().collect();
        for class in &*classes {
            if let Some(key) = class.key.filter(|key| !taken.insert(*key)) {
                return Err(format!("class `{}`: key `{key}` is a command of the label screen", class.name));
            }
        }
        let wishes: Vec<Vec<char>> = classes.iter().map(|class| wishes(&class.name)).collect();
        // Round by round, so that a class gets another's initial only after all initials are given out.
        for round in 0..wishes.iter().map(Vec::len).max().unwrap_or(0) {
            for (class, wishes) in classes.iter_mut().zip(&wishes).filter(|(class, _)| class.key.is_none()) {
                class.key = wishes.get(round).copied().filter(|key| taken.insert(*key));
            }
        }
        match (DIGITS..classes.len()).find(|&index| classes[index].key.is_none()) {
            Some(index) => Err(format!("no key is left for class `{}`", classes[index].name)),
            None => Ok(()),
        }
    }

    /// The digit of the class at `index`: `1` to `9` for the first nine.
    pub fn digit(&self, index: usize) -> Option<char> {
        let digit = u32::try_from(index + 1).ok().filter(|_| index < DIGITS.min(self.answers.classes().len()))?;
        char::from_digit(digit, 10)
    }

    /// The class that a key chooses, by digit or letter.
    pub fn class_of(&self, key: char) -> Option<&Class> {
        let classes = self.answers.classes();
        let by_digit = key.to_digit(10).filter(|&digit| digit > 0).and_then(|digit| classes.get(digit as usize - 1));
        by_digit.or_else(|| classes.iter().find(|class| class.key == Some(key)))
    }

    /// The step of a scale that a key chooses.
    pub fn step_of(&self, key: char) -> Option<u8> {
        let Answers::Scale(scale) = &self.answers else { return None };
        let step = u8::try_from(key.to_digit(10)?).ok()?;
        (scale.low..=scale.high).contains(&step).then_some(step)
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
mod tests {
    use super::*;

    fn classes(names: &[&str]) -> Vec<Class> {
        names.iter().map(|name| Class { name: (*name).to_owned(), ..Class::default() }).collect()
    }

    #[test]
    fn only_what_is_asked_for_is_an_answer() {
        let scale = Scale { low: 1, high: 5, low_word: String::new(), high_word: String::new() };
        let takes = |answers: Answers, value: &str| Question::one(answers).takes(value);
        let (choice, several) = (Answers::Choice(classes(&["a", "b"])), Answers::Several(classes(&["a", "b"])));
        assert!(takes(choice.clone(), "a") && takes(choice.clone(), "") && !takes(choice.clone(), "a;b"));
        assert!(takes(several.clone(), "a;b") && !takes(several, "a;c"));
        assert!(takes(Answers::Scale(scale.clone()), "5") && !takes(Answers::Scale(scale.clone()), "6"));
        assert!(takes(Answers::Text, "anything") && !takes(choice, "c"));
        let question = Question::one(Answers::Scale(scale));
        assert_eq!((question.step_of('5'), question.step_of('0'), question.step_of('x')), (Some(5), None, None));
    }
}
