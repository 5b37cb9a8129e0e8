//! Choosing a feature set by name: `logmel`, with parameters `logmel:bands=40,window=0.032`, or sets of rows side by side
//! `egemaps+mfcc`.
//!
//! Deliberately absent: which parameters a set has; each set says so in [`FeatureSet::with`].

use std::sync::Arc;

use super::{Chosen, Column, FEATURE_SETS, FeatureError, FeatureSet, Features, Kind, Raster, USUAL_RATE};
use crate::audio::Wave;

/// Why a name is no feature set.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum SpecError {
    /// No set of the registry has that name.
    #[error("no feature set `{name}`; there are {}; several side by side: a+b", known.join(", "))]
    Unknown {
        /// What was asked for.
        name: String,
        /// What there is.
        known: Vec<&'static str>,
    },
    /// A parameter that the set does not have, or a value that makes no sense.
    #[error("feature set `{set}`: {reason}")]
    Parameter {
        /// Name of the set.
        set: String,
        /// What is wrong, and what would be right.
        reason: String,
    },
    /// A combination with a set that makes images, or the same set twice.
    #[error("`{0}`: only different sets that make rows can be combined with `+`")]
    Combination(String),
}

/// What stands after the colon: `bands=40,window=0.032`, in the order typed.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Parameters {
    pairs: Vec<(String, String)>,
}

/// The feature set that `spec` asks for.
///
/// # Errors
/// [`SpecError`], naming the sets or parameters there are.
pub fn feature_set(spec: &str) -> Result<Chosen, SpecError> {
    let parts = spec.split('+').map(|part| single(part.trim())).collect::<Result<Vec<_>, _>>()?;
    match <[Chosen; 1]>::try_from(parts) {
        Ok([only]) => Ok(only),
        Err(parts) => Ok(Arc::new(Combined::new(parts)?)),
    }
}

fn single(spec: &str) -> Result<Chosen, SpecError> {
    let (name, parameters) = spec.split_once(':').map_or((spec, None), |(name, rest)| (name, Some(rest)));
    let found = FEATURE_SETS.iter().copied().find(|set| set.name() == name);
    let known = || FEATURE_SETS.iter().map(|set| set.name()).collect();
    let set = found.ok_or_else(|| SpecError::Unknown { name: name.to_owned(), known: known() })?;
    match parameters {
        None => Ok(Arc::new(set)),
        Some(text) => set.with(&Parameters::parse(name, text)?),
    }
}

impl Parameters {
    fn parse(set: &str, text: &str) -> Result<Parameters, SpecError> {
        let pair = |part: &str| {
            let (key, value) = part.split_once('=').ok_or_else(|| SpecError::Parameter {
                set: set.to_owned(),
                reason: format!("`{part}` is not of the form name=value"),
            })?;
            Ok((key.trim().to_owned(), value.trim().to_owned()))
        };
        Ok(Parameters { pairs: text.split(',').map(pair).collect::<Result<_, _>>()? })
    }

    /// Name and value of each, in the order typed.
    pub fn iter(&self) -> impl Iterator<Item = (&str, &str)> {
        self.pairs.iter().map(|(key, value)| (key.as_str(), value.as_str()))
    }

    /// That the first of these parameters is none of `known`, the ones that `set` has.
    pub fn unknown(&self, set: &str, known: &[&str]) -> SpecError {
        let odd = self.iter().map(|(key, _)| key).find(|key| !known.contains(key)).unwrap_or_default();
        let has = if known.is_empty() { "it has none".to_owned() } else { format!("there are {}", known.join(", ")) };
        SpecError::Parameter { set: set.to_owned(), reason: format!("no parameter `{odd}`; {has}") }
    }
}

/// A set of the registry, chosen as it is.
impl FeatureSet for &'static dyn FeatureSet {
    fn name(&self) -> &str {
        (**self).name()
    }
    fn about(&self) -> &str {
        (**self).about()
    }
    fn kind(&self) -> Kind {
        (**self).kind()
    }
    fn version(&self) -> u32 {
        (**self).version()
    }
    fn columns(&self) -> Vec<Column> {
        (**self).columns()
    }
    fn extract(&self, wave: &Wave) -> Result<Features, FeatureError> {
        (**self).extract(wave)
    }
    fn raster(&self, rate: u32) -> Option<Raster> {
        (**self).raster(rate)
    }

    fn parts(&self) -> &[Chosen] {
        (**self).parts()
    }
    fn rate(&self) -> u32 {
        (**self).rate()
    }
    fn with(&self, parameters: &Parameters) -> Result<Chosen, SpecError> {
        (**self).with(parameters)
    }
}

/// Sets of rows, side by side: the columns of the first, then those of the second …, each under `set.column`.
pub struct Combined {
    name: String,
    about: String,
    parts: Vec<Chosen>,
}

impl Combined {
    /// At least one set of rows, each once.
    ///
    /// # Errors
    /// [`SpecError::Combination`].
    pub fn new(parts: Vec<Chosen>) -> Result<Combined, SpecError> {
        let names: Vec<&str> = parts.iter().map(|part| part.name()).collect();
        let name = names.join("+");
        let twice = (1..names.len()).any(|at| names[..at].contains(&names[at]));
        if twice || parts.iter().any(|part| part.kind() == Kind::Image) {
            return Err(SpecError::Combination(name));
        }
        Ok(Combined { about: format!("{} side by side", names.join(" and ")), name, parts })
    }
}

impl FeatureSet for Combined {
    fn name(&self) -> &str {
        &self.name
    }
    fn about(&self) -> &str {
        &self.about
    }
    fn kind(&self) -> Kind {
        Kind::Row
    }
    /// The versions of the parts, mixed into one number.
    fn version(&self) -> u32 {
        self.parts.iter().fold(0, |all, part| all.wrapping_mul(1000).wrapping_add(part.version()))
    }
    /// The lowest of the parts': what a set does not expect above its rate could spoil it.
    fn rate(&self) -> u32 {
        self.parts.iter().map(|part| part.rate()).min().unwrap_or(USUAL_RATE)
    }
    fn columns(&self) -> Vec<Column> {
        let named = |part: &Chosen| {
            let set = part.name().to_owned();
            part.columns().into_iter().map(move |column| Column { name: format!("{set}.{}", column.name), ..column })
        };
        self.parts.iter().flat_map(named).collect()
    }
    fn parts(&self) -> &[Chosen] {
        &self.parts
    }
    fn extract(&self, wave: &Wave) -> Result<Features, FeatureError> {
        let mut all = Vec::new();
        for part in &self.parts {
            if let Features::Row(row) = part.extract(wave)? {
                all.extend(row);
            }
        }
        Ok(Features::Row(all))
    }
}

#[cfg(test)]
#[allow(clippy::unwrap_used, clippy::panic)]
mod tests {
    use super::*;

    fn error(spec: &str) -> String {
        feature_set(spec).err().map(|error| error.to_string()).unwrap_or_default()
    }

    #[test]
    fn a_name_gives_the_set_of_the_registry() {
        assert_eq!(feature_set("functionals").unwrap().name(), "functionals");
        assert!(error("no such set").contains("there are logmel"), "{}", error("no such set"));
    }

    #[test]
    fn parameters_are_told_apart() {
        assert!(error("functionals:bands=3").contains("no parameter `bands`; it has none"));
        assert!(error("functionals:bands").contains("not of the form name=value"));
    }

    #[test]
    fn images_and_twins_do_not_combine() {
        for spec in ["functionals+functionals", "logmel+functionals"] {
            assert!(error(spec).contains("can be combined"), "{spec}: {}", error(spec));
        }
    }
}
