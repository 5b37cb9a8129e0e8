//! What runs do not have in common: the fields of their recipes and protocols that are not the same in all of them.
//!
//! Deliberately absent: scores (see `summary` and `score`), and times and costs: those differ always.

use std::collections::BTreeMap;

use serde_json::Value;

use crate::store::Run;

/// A field that is not the same in all runs.
#[derive(Debug, Clone, PartialEq, Eq, serde::Serialize)]
pub struct Difference {
    /// Where it stands: `recipe.norm`, `plan.folds`, `recipe.members.0.classifier`.
    pub field: String,
    /// Its value in each run, in their order; `None` where a run does not have it.
    pub values: Vec<Option<String>>,
}

/// The fields that differ, by name; none for fewer than two runs.
pub fn differ(runs: &[&Run]) -> Vec<Difference> {
    let all: Vec<BTreeMap<String, String>> = runs.iter().map(|run| fields(run)).collect();
    let mut names: Vec<&String> = all.iter().flat_map(BTreeMap::keys).collect();
    names.sort_unstable();
    names.dedup();
    let values = |name: &String| all.iter().map(|fields| fields.get(name).cloned()).collect::<Vec<_>>();
    let all = names.into_iter().map(|name| Difference { field: name.clone(), values: values(name) });
    all.filter(|field| field.values.windows(2).any(|two| two[0] != two[1])).collect()
}

/// Every field of a run that is not null or empty, as text.
fn fields(run: &Run) -> BTreeMap<String, String> {
    let mut all = BTreeMap::new();
    // Both are plain data with text keys: they were written to the store this way.
    for (name, part) in [("recipe", serde_json::to_value(&run.recipe)), ("", serde_json::to_value(&run.protocol))] {
        part.into_iter().for_each(|part| flatten(name, &part, &mut all));
    }
    all
}

fn flatten(name: &str, value: &Value, into: &mut BTreeMap<String, String>) {
    let below = |key: &str| if name.is_empty() { key.to_owned() } else { format!("{name}.{key}") };
    match value {
        Value::Null => {}
        Value::Object(fields) => fields.iter().for_each(|(key, value)| flatten(&below(key), value, into)),
        Value::Array(values) if values.iter().any(|value| value.is_object() || value.is_array()) => {
            values.iter().enumerate().for_each(|(at, value)| flatten(&below(&at.to_string()), value, into));
        }
        Value::Array(values) if values.is_empty() => {}
        Value::Array(values) => {
            into.insert(name.to_owned(), values.iter().map(text).collect::<Vec<_>>().join(", "));
        }
        plain => {
            into.insert(name.to_owned(), text(plain));
        }
    }
}

fn text(value: &Value) -> String {
    value.as_str().map_or_else(|| value.to_string(), str::to_owned)
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    #[test]
    fn values_are_named_by_their_place() {
        let value = json!({ "seed": 1, "net": { "layers": [{ "kind": "conv" }, { "kind": "relu" }] },
            "classes": ["joy", "fear"], "also": null, "seeds": [], "pairs": [["a", 1]] });
        let mut all = BTreeMap::new();
        flatten("recipe", &value, &mut all);
        let all: Vec<String> = all.into_iter().map(|(name, value)| format!("{name}={value}")).collect();
        assert_eq!(
            all,
            [
                "recipe.classes=joy, fear",
                "recipe.net.layers.0.kind=conv",
                "recipe.net.layers.1.kind=relu",
                "recipe.pairs.0=a, 1",
                "recipe.seed=1"
            ]
        );
    }
}
