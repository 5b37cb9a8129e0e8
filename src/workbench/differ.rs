//! What sets runs apart: fields of protocol and recipe, scores, predictions. Only what differs.
//!
//! Deliberately absent: whether a difference means anything (see `versus`).

use std::collections::{BTreeMap, BTreeSet};

use anyhow::Result;
use serde::Serialize;
use serde_json::Value;

use super::experiment::Judged;
use crate::store::{Prediction, Run};

/// Two runs side by side.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Difference {
    /// Fields of protocol and recipe by dotted path, such as `recipe.params.c`.
    pub fields: Vec<Field>,
    /// Scores, as fractions.
    pub scores: Vec<Field>,
    /// What they say of the clips that both were tested on.
    pub predictions: Predictions,
}

/// A value that two runs do not share; `None` where one has no such field.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Field {
    /// What it is called.
    pub path: String,
    /// In the first run.
    pub a: Option<Value>,
    /// In the second.
    pub b: Option<Value>,
}

/// A field of protocol or recipe that several runs do not all share, in words.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Unshared {
    /// Where it stands: `recipe.norm`, `plan.folds`, `recipe.members.0.classifier`.
    pub field: String,
    /// Its value in each run, in their order; `None` where a run does not have it, or has nothing there.
    pub values: Vec<Option<String>>,
}

/// The fields that several runs do not share, by name; none for fewer than two runs.
pub fn unshared(runs: &[&Run]) -> Vec<Unshared> {
    // A run that has no JSON could not have been stored.
    let all: Vec<_> = runs.iter().map(|run| Difference::facts(run).unwrap_or_default()).collect();
    let names: BTreeSet<&String> = all.iter().flat_map(BTreeMap::keys).collect();
    let values = |name: &String| all.iter().map(|facts| facts.get(name).and_then(text)).collect();
    let all = names.into_iter().map(|name| Unshared { field: name.clone(), values: values(name) });
    all.filter(|field| field.values.windows(2).any(|two| two[0] != two[1])).collect()
}

/// A value in words; `None` for nothing.
fn text(value: &Value) -> Option<String> {
    match value {
        Value::Null => None,
        Value::String(text) => Some(text.clone()),
        Value::Array(all) if all.is_empty() => None,
        Value::Array(all) => Some(all.iter().filter_map(text).collect::<Vec<_>>().join(", ")),
        other => Some(other.to_string()),
    }
}

/// Predictions of two runs, clip by clip. A clip that was tested several times is compared each time.
#[derive(Debug, Clone, PartialEq, Default, Serialize)]
pub struct Predictions {
    /// Predictions for clips that both tested.
    pub shared: usize,
    /// Clips that only the first tested.
    pub only_a: Vec<String>,
    /// Clips that only the second tested.
    pub only_b: Vec<String>,
    /// Predictions that are not the same to the last bit, in the order of clips.
    pub unequal: Vec<Unequal>,
    /// Largest difference of a probability; `None` where the classes are not the same, or nothing is shared.
    pub largest: Option<f32>,
}

/// A clip of which two runs do not say the same.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Unequal {
    /// The clip.
    pub clip: String,
    /// Fold in each run, from 0.
    pub folds: [usize; 2],
    /// True class in each run.
    pub truth: [String; 2],
    /// Predicted class in each run.
    pub pred: [String; 2],
    /// Largest difference of its probabilities; `None` where the classes are not the same.
    pub p: Option<f32>,
}

impl Difference {
    /// Of two runs.
    ///
    /// # Errors
    /// A run that cannot be written as JSON.
    pub fn of(a: &Judged, b: &Judged) -> Result<Difference> {
        let scores = |judged: &Judged| -> BTreeMap<String, Value> {
            let named = judged.summary.metrics().into_iter();
            named.map(|(name, value)| (name.to_owned(), Value::from(value))).collect()
        };
        Ok(Difference {
            fields: unequal(Difference::facts(&a.run)?, Difference::facts(&b.run)?),
            scores: unequal(scores(a), scores(b)),
            predictions: Predictions::of(&a.run, &b.run),
        })
    }

    /// Protocol and recipe of a run by dotted path: what is compared.
    ///
    /// # Errors
    /// As [`Difference::of`].
    pub fn facts(run: &Run) -> Result<BTreeMap<String, Value>> {
        let mut all = BTreeMap::new();
        let mut protocol = serde_json::to_value(&run.protocol)?;
        protocol.pointer_mut("/plan/leaks").map(name_by_kind);
        flatten("", protocol, &mut all);
        flatten("recipe", serde_json::to_value(&run.recipe)?, &mut all);
        Ok(all)
    }
}

impl Predictions {
    /// Of two runs.
    pub fn of(a: &Run, b: &Run) -> Predictions {
        let (of_a, of_b) = (by_clip(a), by_clip(b));
        let only = |these: &BTreeMap<Key<'_>, &Prediction>, others: &BTreeMap<Key<'_>, &Prediction>| {
            these.keys().filter(|key| !others.contains_key(*key)).map(|(clip, _)| (*clip).to_owned()).collect()
        };
        let mut all = Predictions { only_a: only(&of_a, &of_b), only_b: only(&of_b, &of_a), ..Predictions::default() };
        for (key, one) in &of_a {
            let Some(other) = of_b.get(key) else { continue };
            all.shared += 1;
            let p = (a.classes() == b.classes()).then(|| largest(&one.p, &other.p));
            all.largest = p.map(|p| all.largest.unwrap_or(0.0).max(p));
            let classes = |truth: fn(&Prediction) -> usize| [name(a, truth(one)), name(b, truth(other))];
            let (truth, pred) = (classes(|one| one.truth), classes(|one| one.pred));
            let same = one.fold == other.fold && truth[0] == truth[1] && pred[0] == pred[1];
            if !same || one.seeds != other.seeds || p.is_none() || !same_bits(&one.p, &other.p) {
                let (clip, folds) = (key.0.to_owned(), [one.fold, other.fold]);
                all.unequal.push(Unequal { clip, folds, truth, pred, p });
            }
        }
        all
    }

    /// True when nothing differs, to the last bit.
    pub fn identical(&self) -> bool {
        self.unequal.is_empty() && self.only_a.is_empty() && self.only_b.is_empty()
    }

    /// True when both tested the same clips in the same folds, say the same class of each, and no probability differs by more
    /// than `tolerance`.
    pub fn within(&self, tolerance: f32) -> bool {
        let near = |one: &Unequal| {
            let [[was, is], [truth, now]] = [&one.pred, &one.truth];
            was == is && truth == now && one.folds[0] == one.folds[1] && one.p.is_some_and(|p| p <= tolerance)
        };
        self.only_a.is_empty() && self.only_b.is_empty() && self.unequal.iter().all(near)
    }

    /// Those of which the two runs predict another class.
    pub fn reclassified(&self) -> impl Iterator<Item = &Unequal> {
        self.unequal.iter().filter(|one| one.pred[0] != one.pred[1])
    }
}

/// A clip and which time it is tested.
type Key<'a> = (&'a str, usize);

fn by_clip(run: &Run) -> BTreeMap<Key<'_>, &Prediction> {
    let mut all = BTreeMap::new();
    let mut seen: BTreeMap<&str, usize> = BTreeMap::new();
    for one in &run.predictions {
        let time = seen.entry(one.clip.0.as_str()).or_default();
        all.insert((one.clip.0.as_str(), *time), one);
        *time += 1;
    }
    all
}

fn name(run: &Run, class: usize) -> String {
    run.classes().get(class).cloned().unwrap_or_else(|| class.to_string())
}

fn largest(a: &[f32], b: &[f32]) -> f32 {
    a.iter().zip(b).map(|(a, b)| (a - b).abs()).fold(0.0, f32::max)
}

fn same_bits(a: &[f32], b: &[f32]) -> bool {
    a.len() == b.len() && a.iter().zip(b).all(|(a, b)| a.to_bits() == b.to_bits())
}

/// Leaks by their kind, whatever their number is; without examples, which differ wherever the leaks do.
fn name_by_kind(leaks: &mut Value) {
    let Some(list) = leaks.as_array_mut().filter(|list| !list.is_empty()) else { return };
    let named = list.drain(..).filter_map(|mut leak| {
        let fields = leak.as_object_mut()?;
        fields.remove("examples");
        Some((fields.remove("kind")?.as_str()?.to_owned(), leak))
    });
    *leaks = Value::Object(named.collect());
}

/// Objects become dotted paths, and so do lists of objects; other lists are values.
fn flatten(path: &str, value: Value, into: &mut BTreeMap<String, Value>) {
    let below = |key: &str| if path.is_empty() { key.to_owned() } else { format!("{path}.{key}") };
    match value {
        Value::Object(fields) => fields.into_iter().for_each(|(key, value)| flatten(&below(&key), value, into)),
        Value::Array(list) if list.iter().any(Value::is_object) => {
            list.into_iter().enumerate().for_each(|(at, value)| flatten(&below(&at.to_string()), value, into));
        }
        other => drop(into.insert(path.to_owned(), other)),
    }
}

fn unequal(mut a: BTreeMap<String, Value>, mut b: BTreeMap<String, Value>) -> Vec<Field> {
    let mut paths: Vec<String> = a.keys().chain(b.keys()).cloned().collect();
    paths.sort();
    paths.dedup();
    let field = |path: String| {
        let (a, b) = (a.remove(&path), b.remove(&path));
        (a != b).then_some(Field { path, a, b })
    };
    paths.into_iter().filter_map(field).collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    #[test]
    fn leaks_are_named_by_their_kind() {
        let mut leaks = json!([
            { "kind": "speaker", "folds": 4, "examples": [{ "fold": "1" }] },
            { "kind": "sentence", "folds": 2, "examples": [] }
        ]);
        name_by_kind(&mut leaks);
        assert_eq!(leaks, json!({ "speaker": { "folds": 4 }, "sentence": { "folds": 2 } }));
        let mut none = json!([]);
        name_by_kind(&mut none);
        assert_eq!(none, json!([]));
    }

    #[test]
    fn values_are_named_by_their_place() {
        let value = json!({ "seed": 1, "net": { "layers": [{ "kind": "conv" }, { "kind": "relu" }] },
            "classes": ["joy", "fear"], "also": null, "seeds": [], "pairs": [["a", 1]] });
        let mut all = BTreeMap::new();
        flatten("recipe", value, &mut all);
        let told = |(name, value): (&String, &Value)| text(value).map(|value| format!("{name}={value}"));
        assert_eq!(
            all.iter().filter_map(told).collect::<Vec<_>>(),
            [
                "recipe.classes=joy, fear",
                "recipe.net.layers.0.kind=conv",
                "recipe.net.layers.1.kind=relu",
                "recipe.pairs=a, 1",
                "recipe.seed=1"
            ]
        );
    }
}
