//! A net and its training in a few lines of words, read off its settings, whatever stands in them.
//!
//! Deliberately absent: what the settings mean (`learn::cnn::Settings`).

use toml::Value;

use crate::learn::LearnError;
use crate::learn::cnn::Settings;

/// Names and words: what is trained how, one pair per section of the TOML; the layers last.
///
/// # Errors
/// [`LearnError::Failed`] when the settings have no TOML.
pub fn told(settings: &Settings) -> Result<Vec<(String, String)>, LearnError> {
    let wrong = |why: toml::de::Error| LearnError::Failed(format!("net: {}", why.message()));
    let table: toml::Table = settings.text()?.parse().map_err(wrong)?;
    let (mut loose, mut sections, mut layers) = (toml::Table::new(), Vec::new(), Vec::new());
    for (key, value) in table {
        match value {
            Value::Table(section) => sections.push((key, listed(&section))),
            Value::Array(list) if key == "layer" => layers = list,
            other => drop(loose.insert(key, other)),
        }
    }
    if !loose.is_empty() {
        sections.insert(0, ("net".to_owned(), listed(&loose)));
    }
    let layers = layers.iter().filter_map(Value::as_table).map(layer).collect::<Vec<_>>().join(", ");
    sections.push(("layers".to_owned(), layers));
    Ok(sections)
}

/// `epochs 40, batch 16, curve one_cycle rise 0.2 from 0.1`.
fn listed(table: &toml::Table) -> String {
    let words: Vec<String> = table.iter().filter_map(|(key, value)| entry(key, value)).collect();
    words.join(", ")
}

/// A switch that is on is its name, one that is off is nothing.
fn entry(key: &str, value: &Value) -> Option<String> {
    match value {
        Value::Boolean(on) => on.then(|| key.to_owned()),
        other => Some(format!("{key} {}", words(other))),
    }
}

/// `conv 16 3x3`: the kind and its numbers in the order of the TOML, without steps of one.
fn layer(table: &toml::Table) -> String {
    let word = |(key, value): (&String, &Value)| match value {
        Value::Boolean(on) => on.then(|| key.clone()),
        Value::Array(all) if all.iter().all(|one| one.as_integer() == Some(1)) => None,
        other => Some(words(other)),
    };
    table.iter().filter_map(word).collect::<Vec<_>>().join(" ")
}

fn words(value: &Value) -> String {
    match value {
        Value::String(text) => text.clone(),
        Value::Float(number) => short(*number),
        Value::Array(all) => all.iter().map(words).collect::<Vec<_>>().join("x"),
        Value::Table(table) => {
            let rest = table.iter().filter(|(key, _)| *key != "kind").filter_map(|(key, value)| entry(key, value));
            table.get("kind").map(words).into_iter().chain(rest).collect::<Vec<_>>().join(" ")
        }
        other => other.to_string(),
    }
}

/// Three digits that count.
fn short(number: f64) -> String {
    let digits = if number == 0.0 { 0.0 } else { 2.0 - number.abs().log10().floor() };
    let scale = 10_f64.powi(digits.clamp(0.0, 12.0) as i32);
    format!("{}", (number * scale).round() / scale)
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use super::*;
    use crate::learn::CLASSIFIERS;

    #[test]
    fn every_net_of_the_registry_is_told() {
        for kind in CLASSIFIERS {
            let Some(settings) = kind.settings() else { continue };
            let settings = settings.unwrap();
            let told = told(&settings).unwrap();
            let (of, layers) = told.last().unwrap();
            assert_eq!((of.as_str(), layers.split(", ").count()), ("layers", settings.layers.len()), "{layers}");
            let schedule = &told.iter().find(|(name, _)| name == "schedule").unwrap().1;
            assert!(schedule.contains(&format!("epochs {}", settings.schedule.epochs)), "{schedule}");
            assert!(schedule.contains(&format!("rate {}", short(settings.schedule.rate))), "{schedule}");
        }
    }

    #[test]
    fn numbers_are_short_switches_are_names_and_kinds_come_first() {
        let table: toml::Table =
            "on = true\noff = false\nsize = [3, 5]\nshare = 0.16666666666\ncurve = { kind = \"up\", from = 1e-4 }"
                .parse()
                .unwrap();
        assert_eq!(listed(&table), "on, size 3x5, share 0.167, curve up from 0.0001");
        assert_eq!([0.0, 40.0, 123_456.7, 0.012_345].map(short), ["0", "40", "123457", "0.0123"]);
    }
}
