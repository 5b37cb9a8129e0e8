//! What a search may change in a recipe: keys with their ranges, as one TOML that a person can read, and random points.
//!
//! ```toml
//! model = { of = ["cnn", "mlp"] }
//! "schedule.rate" = { low = 3e-4, high = 1e-2, scale = "log" }
//! "schedule.batch" = { of = [8, 16, 32] }
//! "layer.dropout.rate" = { low = 0.1, high = 0.6 }
//! width = { of = [0.5, 1, 2] }
//! ```
//!
//! A key is a path into the TOML of a net ([`Settings`]), or one of the words of [`WORDS`]. `layer.*.rate` is the `rate` of
//! every layer that has one, `layer.dropout.rate` that of every dropout, `layer.3.channels` that of the third layer.
//! Deliberately absent: which point is a good one (`workbench::search`).

use rand::Rng;
use rand::seq::IndexedRandom;
use serde::{Deserialize, Serialize};
use toml::{Table, Value};

use super::cnn::Settings;
use super::{Classifier, LearnError, Norm, classifier};
use crate::features::Kind;
use reshape::{deepen, widen};

mod reshape;

/// Keys that are no path into a net's TOML: the classifier, its feature set, the scaling; a factor on the channels,
/// outputs and memories of all layers; blocks added (or, below 0, taken away).
pub const WORDS: [&str; 5] = ["model", "features", "norm", "width", "depth"];

/// Those of them that concern every classifier.
const ALL: [&str; 3] = ["model", "features", "norm"];
/// Parts of a net's TOML that concern images.
const IMAGES: [&str; 2] = ["augment.", "crops."];
/// The part of them that concerns rows of numbers, too.
const MIXUP: &str = "augment.mixup";

/// The space that is searched when none is given.
const BUILT_IN: &str = include_str!("space.toml");

/// Ranges by key, in the order of the file.
#[derive(Debug, Clone, PartialEq)]
pub struct Space {
    keys: Vec<(String, Range)>,
}

/// What one key may be.
#[derive(Debug, Clone, PartialEq)]
enum Range {
    /// One of these, each as likely.
    Of(Vec<Value>),
    /// A whole number, both ends included.
    Whole { low: i64, high: i64, log: bool },
    /// A number of three digits.
    Real { low: f64, high: f64, log: bool },
}

/// One value per key: what a trial changes in a recipe.
#[derive(Debug, Clone, PartialEq, Default, Serialize, Deserialize)]
#[serde(transparent)]
pub struct Point(pub Table);

/// A range as written.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct Written {
    of: Option<Vec<Value>>,
    low: Option<Value>,
    high: Option<Value>,
    #[serde(default)]
    scale: Scale,
}

#[derive(Debug, Clone, Copy, PartialEq, Default, Deserialize)]
#[serde(rename_all = "lowercase")]
enum Scale {
    #[default]
    Linear,
    Log,
}

impl Space {
    /// Reads the TOML; [`Space::check`] says whether it fits the nets.
    ///
    /// # Errors
    /// [`LearnError::WrongInput`] that names the key.
    pub fn read(text: &str) -> Result<Space, LearnError> {
        let table: Table =
            text.parse().map_err(|why: toml::de::Error| LearnError::WrongInput(format!("space: {}", why.message())))?;
        let mut keys = Vec::new();
        gather(&table, "", &mut keys)?;
        if keys.is_empty() {
            return Err(LearnError::WrongInput("space: nothing varies in it".to_owned()));
        }
        Ok(Space { keys })
    }

    /// The space that is searched when none is given.
    ///
    /// # Errors
    /// As [`Space::read`]; a test reads it.
    pub fn built_in() -> Result<Space, LearnError> {
        Space::read(BUILT_IN)
    }

    /// The same with `key` being one of `values`, in place of what it was.
    #[must_use]
    pub fn with(mut self, key: &str, values: Vec<Value>) -> Space {
        self.keys.retain(|(other, _)| other != key);
        self.keys.insert(0, (key.to_owned(), Range::Of(values)));
        self
    }

    /// The words that `key` may be; empty where it does not vary.
    pub fn words(&self, key: &str) -> Vec<&str> {
        let range = self.keys.iter().find(|(other, _)| other == key).map(|(_, range)| range);
        range.map_or_else(Vec::new, |range| match range {
            Range::Of(values) => values.iter().filter_map(Value::as_str).collect(),
            _ => Vec::new(),
        })
    }

    /// Every key is one of some net's, and every net takes the ends of its range.
    ///
    /// # Errors
    /// [`LearnError::WrongInput`] that names the key, the value and what is wrong with it.
    pub fn check(&self, nets: &[Settings]) -> Result<(), LearnError> {
        for (key, range) in &self.keys {
            let mut places = 0;
            for end in range.ends() {
                let named = |why: LearnError| wrong(key, &format!("{}: {why}", text_of(&end)));
                check_word(key, &end).map_err(|why| wrong(key, &why))?;
                let point = Point(Table::from_iter([(key.clone(), end.clone())]));
                for net in nets {
                    point.apply(net).map_err(named)?;
                    places += point.places(net)?;
                }
            }
            if places == 0 && !WORDS.contains(&key.as_str()) && !nets.is_empty() {
                return Err(wrong(key, "none of the nets has such a layer"));
            }
        }
        Ok(())
    }

    /// A random point; the same generator gives the same points.
    pub fn draw(&self, random: &mut impl Rng) -> Point {
        Point(self.keys.iter().map(|(key, range)| (key.clone(), range.draw(random))).collect())
    }

    /// Each key with its range in words, for protocols.
    #[must_use]
    pub fn lines(&self) -> Vec<(String, String)> {
        self.keys.iter().map(|(key, range)| (key.clone(), range.text())).collect()
    }
}

impl Point {
    /// The word that stands under `key`, if the space varies it.
    #[must_use]
    pub fn word(&self, key: &str) -> Option<&str> {
        self.0.get(key).and_then(Value::as_str)
    }

    /// What of it concerns a classifier: those that are no nets have no net's keys, and rows of numbers have no sound,
    /// bands or frames to change.
    #[must_use]
    pub fn meant_for(&self, kind: &dyn Classifier) -> Point {
        let (net, images) = (kind.settings().is_some(), kind.kind() == Kind::Image);
        let of_images = |key: &str| IMAGES.iter().any(|part| key.starts_with(part)) && key != MIXUP;
        let meant = |key: &str| ALL[..].contains(&key) || (net && (images || !of_images(key)));
        Point(self.0.iter().filter(|(key, _)| meant(key)).map(|(key, value)| (key.clone(), value.clone())).collect())
    }

    /// A net with the point's values in it; `false` takes a key away that holds no switch.
    ///
    /// # Errors
    /// [`LearnError::WrongInput`]: the net has no such key, or [`Settings::read`] refuses the value.
    pub fn apply(&self, net: &Settings) -> Result<Settings, LearnError> {
        let mut table = table_of(net)?;
        // First the shape: numbers of layers are those that stand in the changed list.
        if let Some(blocks) = self.0.get("depth").and_then(Value::as_integer) {
            deepen(&mut table, blocks);
        }
        if let Some(factor) = self.0.get("width").and_then(number) {
            widen(&mut table, factor);
        }
        for (key, value) in self.0.iter().filter(|(key, _)| !WORDS.contains(&key.as_str())) {
            put(&mut table, key, value)?;
        }
        Settings::read(&toml::to_string(&table).map_err(|why| LearnError::Failed(why.to_string()))?)
    }

    /// Its values as a line of text: `rate 0.0021, batch 8`; the last part of a key is enough for a reader.
    #[must_use]
    pub fn text(&self) -> String {
        let short = |key: &str| match key.rsplit_once('.') {
            Some((before, "rate")) if before.starts_with("layer") => "dropout".to_owned(),
            Some((_, last)) => last.to_owned(),
            None => key.to_owned(),
        };
        let shown = self.0.iter().filter(|(key, _)| *key != "model");
        shown.map(|(key, value)| format!("{} {}", short(key), text_of(value))).collect::<Vec<_>>().join(", ")
    }

    /// In how many places of a net its paths lead.
    fn places(&self, net: &Settings) -> Result<usize, LearnError> {
        let mut table = table_of(net)?;
        let paths = self.0.iter().filter(|(key, _)| !WORDS.contains(&key.as_str()));
        paths.map(|(key, value)| put(&mut table, key, value)).sum()
    }
}

impl Range {
    fn read(key: &str, written: Written) -> Result<Range, LearnError> {
        let log = written.scale == Scale::Log;
        let range = match (written.of, written.low, written.high) {
            (Some(values), None, None) if !log && !values.is_empty() => return Ok(Range::Of(values)),
            (None, Some(Value::Integer(low)), Some(Value::Integer(high))) => Range::Whole { low, high, log },
            (None, Some(low), Some(high)) => match (number(&low), number(&high)) {
                (Some(low), Some(high)) => Range::Real { low, high, log },
                _ => return Err(wrong(key, "low and high are numbers")),
            },
            _ => {
                return Err(wrong(
                    key,
                    "write { of = [ … ] }, or { low = …, high = … } with scale = \"log\" if wanted",
                ));
            }
        };
        let (low, high) = range.bounds();
        if !(low.is_finite() && high.is_finite() && low < high) {
            return Err(wrong(key, &format!("low ({low}) is not below high ({high})")));
        }
        if log && low <= 0.0 {
            return Err(wrong(key, "a log scale has no place for 0 and below"));
        }
        Ok(range)
    }

    fn bounds(&self) -> (f64, f64) {
        match *self {
            Range::Of(_) => (0.0, 0.0),
            Range::Whole { low, high, .. } => (low as f64, high as f64),
            Range::Real { low, high, .. } => (low, high),
        }
    }

    /// The values that a net must take for it to take all.
    fn ends(&self) -> Vec<Value> {
        match self {
            Range::Of(values) => values.clone(),
            Range::Whole { low, high, .. } => vec![Value::Integer(*low), Value::Integer(*high)],
            Range::Real { low, high, .. } => vec![Value::Float(*low), Value::Float(*high)],
        }
    }

    fn draw(&self, random: &mut impl Rng) -> Value {
        let within = |low: f64, high: f64, log: bool, random: &mut _| {
            let share: f64 = Rng::random(random);
            if log { low * (high / low).powf(share) } else { low + (high - low) * share }
        };
        match self {
            Range::Of(values) => values.choose(random).cloned().unwrap_or(Value::Boolean(false)),
            Range::Whole { low, high, log: false } => Value::Integer(random.random_range(*low..=*high)),
            Range::Whole { low, high, log: true } => {
                let drawn = within(*low as f64 - 0.5, *high as f64 + 0.5, true, random);
                Value::Integer((drawn.round() as i64).clamp(*low, *high))
            }
            Range::Real { low, high, log } => {
                Value::Float(rounded(within(*low, *high, *log, random)).clamp(*low, *high))
            }
        }
    }

    fn text(&self) -> String {
        match self {
            Range::Of(values) => values.iter().map(text_of).collect::<Vec<_>>().join(" | "),
            _ => {
                let (low, high) = self.bounds();
                let log = matches!(self, Range::Whole { log: true, .. } | Range::Real { log: true, .. });
                format!("{low} to {high}{}", if log { ", log" } else { "" })
            }
        }
    }
}

/// A value as a reader wants it: `0.0021`, `adamw 0.01`.
fn text_of(value: &Value) -> String {
    match value {
        Value::String(text) => text.clone(),
        Value::Boolean(false) => "no".to_owned(),
        Value::Table(table) => table.values().map(text_of).collect::<Vec<_>>().join(" "),
        Value::Float(value) => value.to_string(),
        other => other.to_string(),
    }
}

/// Three digits are what a reader needs, and they are the same on every machine; the last bits of a power are not.
fn rounded(value: f64) -> f64 {
    format!("{value:.2e}").parse().unwrap_or(value)
}

fn number(value: &Value) -> Option<f64> {
    value.as_float().or_else(|| value.as_integer().map(|whole| whole as f64))
}

fn wrong(key: &str, why: &str) -> LearnError {
    LearnError::WrongInput(format!("space: `{key}`: {why}"))
}

fn table_of(net: &Settings) -> Result<Table, LearnError> {
    net.text()?.parse().map_err(|why: toml::de::Error| LearnError::Failed(why.to_string()))
}

/// Ranges of a table and of the tables in it: `schedule.rate` may be written quoted, dotted or under `[schedule]`.
fn gather(table: &Table, before: &str, into: &mut Vec<(String, Range)>) -> Result<(), LearnError> {
    for (name, value) in table {
        let key = format!("{before}{name}");
        match value {
            Value::Table(inner) if !["of", "low", "high"].iter().any(|word| inner.contains_key(*word)) => {
                gather(inner, &format!("{key}."), into)?;
            }
            value => {
                let written = Written::deserialize(value.clone()).map_err(|why| wrong(&key, why.message()))?;
                let range = Range::read(&key, written)?;
                if into.iter().any(|(other, _)| *other == key) {
                    return Err(wrong(&key, "stands there twice"));
                }
                into.push((key, range));
            }
        }
    }
    Ok(())
}

/// What is wrong with a value of one of [`WORDS`].
fn check_word(key: &str, value: &Value) -> Result<(), String> {
    let word = || value.as_str().ok_or_else(|| format!("{} is no word", text_of(value)));
    match key {
        "model" => word().and_then(|name| match classifier(name) {
            Some(_) => Ok(()),
            None => Err(format!("no classifier `{name}`")),
        }),
        "features" => word().map(drop),
        "norm" => word()?.parse::<Norm>().map(drop),
        "width" if !number(value).is_some_and(|factor| (0.1..=8.0).contains(&factor)) => {
            Err(format!("{} is no factor from 0.1 to 8", text_of(value)))
        }
        "depth" if !value.as_integer().is_some_and(|blocks| (-4..=4).contains(&blocks)) => {
            Err(format!("{} is no whole number from -4 to 4", text_of(value)))
        }
        _ => Ok(()),
    }
}

/// Puts a value where the path leads; in how many places that was.
fn put(table: &mut Table, key: &str, value: &Value) -> Result<usize, LearnError> {
    let parts: Vec<&str> = key.split('.').collect();
    if let ["layer", which, field] = parts[..] {
        return Ok(put_in_layers(table, (which, field), value));
    }
    let (mut at, Some((last, before))) = (table, parts.split_last()) else { return Ok(0) };
    for part in before {
        at = match at.get_mut(*part) {
            Some(Value::Table(inner)) => inner,
            _ => return Err(wrong(key, &format!("a net has no [{part}]"))),
        };
    }
    match (value, at.get(*last)) {
        (Value::Boolean(false), Some(held)) if !held.is_bool() => drop(at.remove(*last)),
        // Only what is known to be a switch can be off; what is not there is away already.
        (Value::Boolean(false), None) => {}
        _ => drop(at.insert((*last).to_owned(), value.clone())),
    }
    Ok(1)
}

fn put_in_layers(table: &mut Table, (which, field): (&str, &str), value: &Value) -> usize {
    let Some(Value::Array(layers)) = table.get_mut("layer") else { return 0 };
    let mut places = 0;
    for (number, layer) in layers.iter_mut().enumerate() {
        let Value::Table(layer) = layer else { continue };
        let kind = layer.get("kind").and_then(Value::as_str).unwrap_or_default();
        let meant = match which {
            "*" => layer.contains_key(field),
            which => kind == which || which.parse() == Ok(number + 1),
        };
        if meant {
            layer.insert(field.to_owned(), value.clone());
            places += 1;
        }
    }
    places
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use super::*;
    use crate::learn::CLASSIFIERS;
    use rand::SeedableRng;
    use rand_pcg::Pcg64;

    fn nets() -> Vec<Settings> {
        CLASSIFIERS.iter().filter_map(|kind| kind.settings()).collect::<Result<_, _>>().unwrap()
    }

    fn cnn() -> Settings {
        classifier("cnn").unwrap().settings().unwrap().unwrap()
    }

    #[test]
    fn every_net_takes_every_point_of_the_built_in_space() {
        let (space, nets) = (Space::built_in().unwrap(), nets());
        space.check(&nets).unwrap();
        let mut random = Pcg64::seed_from_u64(3);
        for _ in 0..30 {
            let point = space.draw(&mut random);
            for net in &nets {
                point.apply(net).unwrap();
            }
        }
    }

    #[test]
    fn points_stay_inside_their_ranges_and_repeat_with_their_seed() {
        let space = Space::read(
            "\"schedule.rate\" = { low = 3e-4, high = 1e-2, scale = \"log\" }\n\
             [schedule]\nepochs = { low = 2, high = 5 }\npatience = { low = 1, high = 40, scale = \"log\" }\n\
             batch.of = [8, 16]",
        )
        .unwrap();
        space.check(&[cnn()]).unwrap();
        let draw = |seed| {
            let mut random = Pcg64::seed_from_u64(seed);
            (0..300).map(|_| space.draw(&mut random).apply(&cnn()).unwrap().schedule).collect::<Vec<_>>()
        };
        let all = draw(1);
        assert!(all.iter().all(|s| (3e-4..=1e-2).contains(&s.rate)));
        assert!(all.iter().all(|s| (2..=5).contains(&s.epochs) && (1..=40).contains(&s.patience)));
        assert!(all.iter().all(|s| [8, 16].contains(&s.batch)));
        let low = all.iter().filter(|s| s.rate < (3e-4_f64 * 1e-2).sqrt()).count();
        assert!((100..200).contains(&low), "half of a log range lies below its geometric mean: {low} of 300");
        assert!(all.iter().any(|s| s.epochs == 2) && all.iter().any(|s| s.epochs == 5));
        assert_eq!(all, draw(1));
        assert_ne!(all, draw(2));
    }

    #[test]
    fn layers_are_meant_by_kind_by_number_or_all() {
        let channels = |net: &Settings| {
            let list: Table = net.text().unwrap().parse().unwrap();
            let layers = list["layer"].as_array().unwrap().clone();
            layers.iter().filter_map(|layer| layer.get("channels").and_then(Value::as_integer)).collect::<Vec<_>>()
        };
        let one = |key: &str, value: i64| Point(Table::from_iter([(key.to_owned(), Value::Integer(value))]));
        let net = cnn();
        let before = channels(&net);
        assert_eq!(channels(&one("layer.1.channels", 24).apply(&net).unwrap())[1..], before[1..]);
        assert_eq!(channels(&one("layer.1.channels", 24).apply(&net).unwrap())[0], 24);
        let all = channels(&one("layer.*.channels", 8).apply(&net).unwrap());
        assert_eq!(all, vec![8; before.len()]);
        // The last one convolves along time alone: another kind.
        let (of_images, along_time) = before.split_at(before.len() - 1);
        let conv = [&vec![8; of_images.len()], along_time].concat();
        assert_eq!(channels(&one("layer.conv.channels", 8).apply(&net).unwrap()), conv);
    }

    #[test]
    fn what_is_wrong_in_a_space_is_named() {
        for (text, told) in [
            ("", "nothing varies"),
            ("smoothing = 0.1", "`smoothing`"),
            ("smoothing = { low = 0.2, high = 0.1 }", "`smoothing`"),
            ("smoothing = { low = 0.0, high = 0.1, scale = \"log\" }", "log"),
            ("smoothing = { low = 0.0 }", "`smoothing`"),
            ("smoothing = { of = [] }", "`smoothing`"),
            ("smoothing = { of = [0.1], step = 2 }", "step"),
            ("smoothing = { low = 0.0, high = 7.0 }", "smoothing is 7"),
            ("\"schedule.rat\" = { of = [1e-3] }", "rat"),
            ("\"shedule.rate\" = { of = [1e-3] }", "[shedule]"),
            ("\"schedule.batch\" = { of = [8, 0] }", "schedule.batch"),
            ("\"schedule.rate\" = { of = [false] }", "rate"),
            ("\"augment.mixup\" = { of = [{ p = 2.0, alpha = 0.2 }] }", "mixup.p"),
            ("\"layer.dropuot.rate\" = { of = [0.1] }", "layer.dropuot.rate"),
            ("\"layer.conv.rate\" = { of = [0.1] }", "layer.conv.rate"),
            ("model = { of = [\"resnet\"] }", "resnet"),
            ("norm = { of = [\"loud\"] }", "loud"),
            ("width = { of = [0] }", "`width`"),
            ("depth = { of = [0.5] }", "`depth`"),
        ] {
            let why = Space::read(text).and_then(|space| space.check(&[cnn()])).unwrap_err().to_string();
            assert!(why.contains(told), "{text}: {why}");
        }
    }

    #[test]
    fn a_part_can_be_there_or_not() {
        let point =
            |value: &str| Point(format!("\"augment.mixup\" = {value}\n\"augment.blank\" = 0.1").parse().unwrap());
        let with = point("{ p = 0.5, alpha = 0.2 }").apply(&cnn()).unwrap();
        assert!(with.augment.mixup.is_some() && with.augment.blank == 0.1);
        assert!(point("false").apply(&with).unwrap().augment.mixup.is_none());
        let rows = point("false").meant_for(classifier("mlp").unwrap());
        assert_eq!(rows.0.keys().collect::<Vec<_>>(), ["augment.mixup"], "rows have nothing to blank");
        assert!(point("false").meant_for(classifier("knn").unwrap()).0.is_empty());
    }

    #[test]
    fn a_point_is_one_short_line() {
        let point = Point(
            "model = \"cnn\"\n\"schedule.rate\" = 0.0021\n\"schedule.method\" = { kind = \"adamw\", decay = 0.01 }\n\
             \"layer.*.rate\" = 0.3\nwidth = 2"
                .parse()
                .unwrap(),
        );
        assert_eq!(point.text(), "rate 0.0021, method adamw 0.01, dropout 0.3, width 2");
    }
}
