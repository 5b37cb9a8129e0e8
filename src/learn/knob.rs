//! Hyper-parameters that people may set: what they are called, what they may be, and what is worth trying.
//!
//! A recipe holds only those that differ from the defaults (`Recipe::params`), so that an old recipe reads as before and
//! a title says what was changed. Deliberately absent: choosing values (`workbench::tune`), and nets, whose numbers stand
//! in their TOML.

use std::collections::BTreeMap;

use super::{Classifier, LearnError, Recipe};

/// A hyper-parameter of a classifier.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Knob {
    /// Short name, as typed after the classifier's: `svm.c`.
    pub name: &'static str,
    /// Value where none is given; `None` = computed from the training data, as `about` says.
    pub default: Option<f64>,
    /// Least and greatest value allowed, both included.
    pub range: (f64, f64),
    /// Only whole numbers make sense.
    pub whole: bool,
    /// Values worth trying in a search, ascending.
    pub tries: &'static [f64],
    /// One line.
    pub about: &'static str,
}

impl Knob {
    /// What `recipe` says, else the default; `None` = to be computed.
    pub fn of(&self, recipe: &Recipe) -> Option<f64> {
        recipe.params.get(self.name).copied().or(self.default)
    }

    /// The same of a knob whose default is a number (0 where it is computed).
    pub(super) fn number(&self, recipe: &Recipe) -> f64 {
        self.of(recipe).unwrap_or_default()
    }

    /// Why it may not be `value`, if so.
    fn refuses(&self, value: f64) -> Option<String> {
        let (low, high) = self.range;
        if !(low..=high).contains(&value) {
            return Some(format!("{value} is not within {low} to {high}"));
        }
        (self.whole && value.fract() != 0.0).then(|| format!("{value} is not a whole number"))
    }
}

/// How hyper-parameters that are not given are chosen, inside the training groups of each fold (`workbench::tune`).
#[derive(Debug, Clone, Copy, PartialEq, Eq, serde::Serialize, serde::Deserialize)]
pub struct Tune {
    /// Combinations tried in each fold; `None` = as many as there is time for.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub trials: Option<usize>,
    /// Time for the trials of all folds together, in seconds; `None` = as long as they take.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub seconds: Option<u64>,
    /// Inner folds, at most.
    pub folds: usize,
}

/// Checks that `kind` has these hyper-parameters and that their values are allowed.
///
/// # Errors
/// `WrongInput`, which names the known ones or the range.
pub fn check_params(kind: &dyn Classifier, params: &BTreeMap<String, f64>) -> Result<(), LearnError> {
    let wrong = |why: String| Err(LearnError::WrongInput(format!("{}: {why}", kind.name())));
    for (name, &value) in params {
        let Some(knob) = kind.knobs().iter().find(|knob| knob.name == name) else {
            let known: Vec<&str> = kind.knobs().iter().map(|knob| knob.name).collect();
            let known = if known.is_empty() { "none".to_owned() } else { known.join(", ") };
            return wrong(format!("no hyper-parameter `{name}`; there are: {known}"));
        };
        if let Some(why) = knob.refuses(value) {
            return wrong(format!("{name} = {why}"));
        }
    }
    Ok(())
}

/// Those of `params` that differ from the defaults of `kind`.
pub fn unusual(kind: &dyn Classifier, params: &BTreeMap<String, f64>) -> BTreeMap<String, f64> {
    let usual =
        |name: &str, value: f64| kind.knobs().iter().any(|knob| knob.name == name && knob.default == Some(value));
    params.iter().filter(|(name, value)| !usual(name, **value)).map(|(name, value)| (name.clone(), *value)).collect()
}
