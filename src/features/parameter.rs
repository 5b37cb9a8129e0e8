//! Reading one parameter of a feature set: a number in a range, or one of a few words.
//!
//! Deliberately absent: which parameters a set has and what they do.

use std::ops::RangeInclusive;

use super::SpecError;

/// One `name=value` that was typed after a set's name.
#[derive(Debug, Clone, Copy)]
pub struct Asked<'a> {
    /// The set's name.
    pub set: &'a str,
    /// The parameter's name.
    pub name: &'a str,
    /// What was typed after `=`.
    pub value: &'a str,
}

impl Asked<'_> {
    /// A number within `range`.
    ///
    /// # Errors
    /// [`SpecError::Parameter`] saying the range.
    pub fn number(self, range: RangeInclusive<f64>) -> Result<f64, SpecError> {
        let found = self.value.parse().ok().filter(|number| range.contains(number));
        found.ok_or_else(|| self.wrong(&format!("a number from {} to {}", range.start(), range.end())))
    }

    /// A whole number within `range`.
    ///
    /// # Errors
    /// [`SpecError::Parameter`] saying the range.
    pub fn count(self, range: RangeInclusive<usize>) -> Result<usize, SpecError> {
        let found = self.value.parse().ok().filter(|number| range.contains(number));
        found.ok_or_else(|| self.wrong(&format!("a whole number from {} to {}", range.start(), range.end())))
    }

    /// What one of these words stands for.
    ///
    /// # Errors
    /// [`SpecError::Parameter`] listing the words.
    pub fn word<T: Copy>(self, words: &[(&str, T)]) -> Result<T, SpecError> {
        let found = words.iter().find(|(word, _)| *word == self.value).map(|&(_, meaning)| meaning);
        let all = || words.iter().map(|&(word, _)| word).collect::<Vec<_>>().join(" or ");
        found.ok_or_else(|| self.wrong(&all()))
    }

    /// That the value makes no sense, and what would.
    pub fn wrong(self, right: &str) -> SpecError {
        let reason = format!("`{}={}`: {} must be {right}", self.name, self.value, self.name);
        SpecError::Parameter { set: self.set.to_owned(), reason }
    }
}

/// The name of a set with those parameters that are not the default, `set:name=value,…`: equal for equal sets.
pub fn spelled(set: &str, values: &[(&str, String)], defaults: &[(&str, String)]) -> String {
    let other = values.iter().zip(defaults).filter(|(value, default)| value != default);
    let typed: Vec<String> = other.map(|((name, value), _)| format!("{name}={value}")).collect();
    if typed.is_empty() { set.to_owned() } else { format!("{set}:{}", typed.join(",")) }
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use super::*;

    #[test]
    fn what_is_wrong_says_what_is_right() {
        let asked = |value| Asked { set: "logmel", name: "bands", value };
        assert_eq!(asked("40").count(1..=512), Ok(40));
        for value in ["0", "-3", "many", "", "1e3", "40.5"] {
            let error = asked(value).count(1..=512).unwrap_err().to_string();
            assert!(error.contains("bands must be a whole number from 1 to 512"), "{error}");
        }
        for value in ["NaN", "inf", "2"] {
            assert!(asked(value).number(0.0..=1.0).unwrap_err().to_string().contains("a number from 0 to 1"));
        }
        assert_eq!(asked("b").word(&[("a", 1), ("b", 2)]), Ok(2));
        assert!(asked("c").word(&[("a", 1), ("b", 2)]).unwrap_err().to_string().contains("a or b"));
    }

    #[test]
    fn only_what_differs_is_spelled() {
        let pair = |name, value: &str| (name, value.to_owned());
        assert_eq!(spelled("x", &[pair("a", "1")], &[pair("a", "1")]), "x");
        let defaults = [pair("a", "2"), pair("b", "3"), pair("c", "5")];
        assert_eq!(spelled("x", &[pair("a", "1"), pair("b", "3"), pair("c", "4")], &defaults), "x:a=1,c=4");
    }
}
