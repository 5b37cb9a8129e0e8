//! Format `labelstudio`: Label Studio's JSON of tasks, and beside it the labelling configuration (`labels.config.xml`).
//!
//! People's answers are `annotations` (`completed_by`, `created_at`, `lead_time`, one per answer and time), those of machines, votes and
//! truths are `predictions` (`model_version`). Choices, ratings, numbers and text areas are read and written, of a part of the sound with
//! `start` and `end`; `was_cancelled` is a skip. A control is called as the topic it asks (`SCHEME/QUESTION`). Read, too: what Label
//! Studio exports with user numbers, uploaded names (`/data/upload/1/0a1b2c3d-x.wav`), local files (`?d=…`), regions with labels; other
//! kinds of results are left out with a problem. Not kept: notes, flags, what was undone, how clips were heard but for the seconds.
//!
//! <https://labelstud.io/guide/export#Label-Studio-JSON-format-of-annotated-tasks>, <https://labelstud.io/guide/predictions>

use std::collections::{BTreeMap, BTreeSet};
use std::io;

use serde::{Deserialize, Serialize};
use serde_json::{Map, Value, json};

use super::audformat::sex_of;
use super::own::one_file;
use super::sheet::{lead_time, topic, topic_of};
use super::{Exchange, Expected, Folder, Item, Part, Places, Put, Rater, RaterKind, Said, Sheet, Trouble};
use crate::corpus::{Corpus, Sex};
use crate::label::Act;

/// Label Studio.
pub struct LabelStudio;

/// Name of the control that plays the sound.
const SOUND: &str = "audio";

#[derive(Debug, Serialize, Deserialize)]
struct Task {
    #[serde(default)]
    id: Option<Value>,
    data: Map<String, Value>,
    #[serde(default, alias = "completions")]
    annotations: Vec<Annotated>,
    #[serde(default)]
    predictions: Vec<Annotated>,
}

#[derive(Debug, Default, Serialize, Deserialize)]
struct Annotated {
    #[serde(default, skip_serializing_if = "Option::is_none")]
    id: Option<Value>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    completed_by: Option<Value>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    model_version: Option<String>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    score: Option<f64>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    created_at: Option<String>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    lead_time: Option<f64>,
    #[serde(default)]
    was_cancelled: bool,
    #[serde(default)]
    ground_truth: bool,
    result: Vec<Found>,
}

#[derive(Debug, Default, Serialize, Deserialize)]
struct Found {
    #[serde(default)]
    id: String,
    #[serde(default)]
    from_name: String,
    #[serde(default)]
    to_name: String,
    #[serde(default, rename = "type")]
    kind: String,
    #[serde(default)]
    value: Map<String, Value>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    score: Option<f64>,
}

impl Exchange for LabelStudio {
    fn name(&self) -> &'static str {
        "labelstudio"
    }

    fn about(&self) -> &'static str {
        "Label Studio JSON of tasks, beside it the labelling configuration"
    }

    fn keeps(&self) -> &'static [Part] {
        &[
            Part::Rater,
            Part::Scheme,
            Part::Question,
            Part::Time,
            Part::Confidence,
            Part::LeadTime,
            Part::Skips,
            Part::Unjudged,
            Part::Span,
            Part::Speaker,
            Part::Text,
            Part::Split,
        ]
    }

    fn fits(&self, files: &Folder) -> bool {
        files.only().is_some_and(|name| {
            let head = files.head(name);
            head.trim_start().starts_with('[') && head.contains("\"data\"") && !head.contains("\"annotator_kind\"")
        })
    }

    fn read(&self, files: &Folder, _corpus: &Corpus) -> Result<Sheet, Trouble> {
        let name = one_file(files)?;
        let (place, text) = (files.place(name), files.text(name)?);
        let tasks: Vec<Task> = serde_json::from_str(&text).map_err(|error| Trouble::json(&place, 1, &error))?;
        let mut reading =
            Reading { sheet: Sheet { name: files.title(), ..Sheet::default() }, places: Places::new(), place };
        tasks.into_iter().zip(1..).for_each(|(task, at)| reading.task(task, at));
        Ok(reading.sheet)
    }

    fn write(&self, sheet: &Sheet, name: &str, put: &mut dyn Put) -> io::Result<()> {
        let tasks = tasks(sheet);
        put.put(name, &mut |out| {
            serde_json::to_writer_pretty(&mut *out, &tasks)?;
            out.write_all(b"\n")
        })?;
        let stem = name.rsplit_once('.').map_or(name, |(stem, _)| stem);
        put.put(&format!("{stem}.config.xml"), &mut |out| out.write_all(config(sheet).as_bytes()))
    }
}

fn tasks(sheet: &Sheet) -> Vec<Task> {
    let mut tasks: Vec<Task> = Vec::new();
    let mut places: BTreeMap<&str, usize> = BTreeMap::new();
    for item in &sheet.items {
        let at = *places.entry(&item.file).or_insert(tasks.len());
        if at == tasks.len() {
            let mut data = Map::from_iter([(SOUND.to_owned(), json!(item.file))]);
            let sex = item.sex.map(|sex| if sex == Sex::Female { "female" } else { "male" });
            let facts = [("speaker", item.speaker.as_deref()), ("gender", sex), ("text", item.text.as_deref())];
            for (name, value) in facts.into_iter().chain([("split", item.split.as_deref())]) {
                data.extend(value.map(|value| (name.to_owned(), json!(value))));
            }
            tasks.push(Task { id: Some(json!(at + 1)), data, annotations: Vec::new(), predictions: Vec::new() });
        }
    }
    let people: BTreeSet<&Rater> = sheet.said.iter().filter_map(|said| said.rater.as_ref()).collect();
    let number = |rater: &Rater| people.iter().position(|one| *one == rater).map_or(0, |at| at + 1);
    let mut last = 0;
    for said in &sheet.said {
        let item = &sheet.items[said.item];
        let task = &mut tasks[places[item.file.as_str()]];
        let human = said.rater.as_ref().is_none_or(|rater| rater.kind == RaterKind::Human);
        last += 1;
        let mut one = Annotated {
            id: Some(json!(last)),
            created_at: said.at.map(|at| at.to_string()),
            lead_time: said.seconds(),
            was_cancelled: said.act == Act::Skip,
            // A skip says in which scheme, too.
            result: vec![found(said, item, sheet.expected(said.scheme.as_ref(), said.question()), last)],
            ..Annotated::default()
        };
        if human {
            one.completed_by =
                said.rater.as_ref().map(|rater| json!({ "id": number(rater), "email": rater.to_string() }));
            task.annotations.push(one);
        } else {
            one.model_version = said.rater.as_ref().map(model);
            one.score = said.confidence;
            task.predictions.push(one);
        }
    }
    tasks
}

/// What a prediction calls its rater: a machine's plain name where that is clear.
fn model(rater: &Rater) -> String {
    let plain = rater.kind == RaterKind::Machine && !rater.name.contains(':');
    if plain { rater.name.clone() } else { rater.to_string() }
}

fn found(said: &Said, item: &Item, expected: Option<&Expected>, number: usize) -> Found {
    let value = said.value().unwrap_or_default();
    let classes = || -> Vec<&str> { value.split(';').filter(|class| !class.is_empty()).collect() };
    let rating = || value.parse::<u8>().ok().filter(|stars| stars.to_string() == value);
    let (kind, key, held) = match expected {
        Some(Expected::Scale(low, high))
            if *low >= 0.0 && *high <= 10.0 && (value.is_empty() || rating().is_some()) =>
        {
            ("rating", "rating", json!(rating()))
        }
        Some(Expected::Scale(..)) => ("number", "number", json!(value.parse::<f64>().ok())),
        Some(Expected::Text) => ("textarea", "text", json!([value])),
        Some(Expected::Several(_)) => ("choices", "choices", json!(classes())),
        _ if value.is_empty() => ("choices", "choices", json!([])),
        _ if item.span.is_some() => ("labels", "labels", json!([value])),
        _ => ("choices", "choices", json!([value])),
    };
    let mut map = Map::from_iter([(key.to_owned(), held)]);
    if let Some((start, end)) = item.span {
        map.extend([("start".to_owned(), json!(start)), ("end".to_owned(), json!(end))]);
    }
    Found {
        id: format!("emolab{number}"),
        from_name: topic(said.scheme.as_ref(), said.question()),
        to_name: SOUND.to_owned(),
        kind: kind.to_owned(),
        value: map,
        score: said.confidence,
    }
}

/// What Label Studio needs to show and convert the tasks.
fn config(sheet: &Sheet) -> String {
    let escaped = |text: &str| quick_xml::escape::escape(text).into_owned();
    let mut xml = format!("<View>\n  <Audio name=\"{SOUND}\" value=\"${SOUND}\"/>\n");
    for asked in &sheet.asked {
        let name = escaped(&topic(Some(&asked.scheme), &asked.question));
        let list = |classes: &[String], tag: &str| -> String {
            classes.iter().map(|class| format!("    <{tag} value=\"{}\"/>\n", escaped(class))).collect()
        };
        let at = format!("name=\"{name}\" toName=\"{SOUND}\"");
        xml += &match &asked.expected {
            Expected::Choice(classes) => {
                format!("  <Choices {at} choice=\"single\">\n{}  </Choices>\n", list(classes, "Choice"))
            }
            Expected::Several(classes) => {
                format!("  <Choices {at} choice=\"multiple\">\n{}  </Choices>\n", list(classes, "Choice"))
            }
            Expected::Scale(low, high) if *low >= 0.0 && *high <= 10.0 => {
                format!("  <Rating {at} maxRating=\"{high}\"/>\n")
            }
            Expected::Scale(low, high) => format!("  <Number {at} min=\"{low}\" max=\"{high}\"/>\n"),
            Expected::Text => format!("  <TextArea {at}/>\n"),
        };
    }
    xml + "</View>\n"
}

struct Reading {
    sheet: Sheet,
    places: Places,
    place: String,
}

impl Reading {
    /// `at` counts tasks, for messages: where a task stands in the text is not known once it is read.
    fn task(&mut self, task: Task, at: usize) {
        let text = |name: &str| task.data.get(name).and_then(Value::as_str).map(str::to_owned);
        let Some(file) = sound(&task.data) else {
            let problem = Trouble::file(&self.place, format!("task {at}: no sound in its data"));
            return self.sheet.problems.push(problem);
        };
        let item = Item {
            speaker: text("speaker"),
            sex: text("gender").or_else(|| text("sex")).as_deref().and_then(sex_of),
            text: text("text"),
            split: text("split"),
            ..Item::of(plain(&file))
        };
        self.sheet.place(item.clone(), &mut self.places);
        for one in &task.annotations {
            let rater = person(one.completed_by.as_ref());
            self.annotated(one, rater, &item, at);
        }
        for one in &task.predictions {
            let rater = one.model_version.as_deref().filter(|name| !name.is_empty()).map(|name| {
                let rater = Rater::parse(name);
                if rater.kind == RaterKind::Human { Rater::new(RaterKind::Machine, rater.name) } else { rater }
            });
            self.annotated(one, rater.or_else(|| Some(Rater::new(RaterKind::Machine, "prediction"))), &item, at);
        }
    }

    fn annotated(&mut self, one: &Annotated, rater: Option<Rater>, item: &Item, task: usize) {
        let said = Said {
            at: one.created_at.as_deref().and_then(|text| text.parse().ok()),
            listening: one.lead_time.filter(|seconds| seconds.is_finite()).map(lead_time),
            confidence: one.score.filter(|sure| (0.0..=1.0).contains(sure)),
            ..Said::answer(0, rater, "")
        };
        if one.was_cancelled {
            let topic = one.result.first().map(|found| topic_of(&found.from_name));
            let place = self.sheet.place(item.clone(), &mut self.places);
            let scheme = topic.and_then(|(scheme, _)| scheme);
            return self.sheet.said.push(Said { item: place, scheme, act: Act::Skip, ..said });
        }
        for found in &one.result {
            match found.answer() {
                Ok(value) => {
                    let (scheme, question) = topic_of(&found.from_name);
                    let place = self.sheet.place(Item { span: found.span(), ..item.clone() }, &mut self.places);
                    let act = Act::label(value).asked(question);
                    let confidence = found.score.filter(|sure| (0.0..=1.0).contains(sure)).or(said.confidence);
                    self.sheet.said.push(Said { item: place, scheme, act, confidence, ..said.clone() });
                }
                Err(reason) => self.sheet.problems.push(Trouble::file(&self.place, format!("task {task}: {reason}"))),
            }
        }
    }
}

impl Found {
    /// The answer as our own would be written.
    fn answer(&self) -> Result<String, String> {
        let texts = |value: &Value| match value {
            Value::String(text) => Some(text.clone()),
            Value::Array(all) => {
                let all: Option<Vec<&str>> = all.iter().map(Value::as_str).collect();
                all.map(|all| all.join(";"))
            }
            _ => None,
        };
        let number = |value: &Value| match value {
            Value::Null => Some(String::new()),
            value => value.as_f64().map(|number| number.to_string()),
        };
        let key = match self.kind.as_str() {
            "textarea" => "text",
            kind => kind,
        };
        let value = self.value.get(key);
        let read = match key {
            "choices" | "labels" | "text" => value.and_then(texts),
            "rating" | "number" => value.and_then(number),
            other => return Err(format!("a result of type `{other}`, which is not read")),
        };
        read.ok_or_else(|| format!("the result of `{}` has no `{key}`", self.from_name))
    }

    fn span(&self) -> Option<(f64, f64)> {
        let at = |name: &str| self.value.get(name)?.as_f64().filter(|seconds| *seconds >= 0.0);
        at("start").zip(at("end"))
    }
}

/// Who it was: an address, a name, a number.
fn person(by: Option<&Value>) -> Option<Rater> {
    match by? {
        Value::Number(number) => Some(Rater::human(number.to_string())),
        Value::String(name) if !name.is_empty() => Some(Rater::parse(name)),
        Value::Object(user) => {
            let text = |name: &str| user.get(name).and_then(Value::as_str).filter(|text| !text.is_empty());
            let named = text("email").or_else(|| text("username")).or_else(|| text("first_name")).map(Rater::parse);
            named.or_else(|| user.get("id").filter(|id| id.is_number()).map(|id| Rater::human(id.to_string())))
        }
        _ => None,
    }
}

/// The sound of a task: under a usual name, else the first text that looks like a sound's.
fn sound(data: &Map<String, Value>) -> Option<String> {
    let usual = [SOUND, "audio_url", "wav", "sound", "url", "file"].iter().find_map(|name| data.get(*name)?.as_str());
    let looks =
        |text: &&str| [".wav", ".flac", ".mp3", ".ogg", ".m4a"].iter().any(|end| text.to_lowercase().ends_with(end));
    usual.or_else(|| data.values().filter_map(Value::as_str).find(looks)).map(str::to_owned)
}

/// The path that an address of Label Studio stands for.
fn plain(address: &str) -> String {
    let path = match address.split_once("?d=") {
        Some((_, path)) => path.replace("%20", " ").replace("%2F", "/"),
        None => address
            .split_once("://")
            .map_or(address, |(_, rest)| rest.split_once('/').map_or(rest, |(_, path)| path))
            .to_owned(),
    };
    let Some((folder, name)) = path.rsplit_once('/').filter(|(folder, _)| folder.contains("upload")) else {
        return path;
    };
    // Uploads get eight digits before their name.
    match name.split_once('-') {
        Some((digits, rest)) if digits.len() == 8 && digits.bytes().all(|byte| byte.is_ascii_hexdigit()) => {
            format!("{folder}/{rest}")
        }
        _ => path,
    }
}
