//! Format `prodigy`: JSON lines as Prodigy's audio recipes save and load them (`prodigy db-out`, `db-in`).
//!
//! A line per clip, question and rater: `audio` (and `path`), `options` with the classes and `accept` with those chosen (`choice`),
//! `audio_spans` with `start`, `end`, `label` (`audio.manual`), `answer`, `_annotator_id`, `_timestamp` (whole seconds), and what is not
//! Prodigy's own in `meta`. `answer: ignore` is a skip, `reject` leaves the line out with a problem: what was refused is not known to
//! be anything else. Lines without options whose `transcript` or `user_input` was typed are free text. Base64 sound is never read: such
//! a line needs `path`. Not kept: notes, flags, what was undone, how clips were heard but for the seconds. Prodigy is commercial and
//! was not run; this follows its documentation.
//!
//! <https://prodi.gy/docs/api-interfaces#audio_manual>, <https://prodi.gy/docs/audio-video>

use std::io;

use serde::{Deserialize, Serialize};

use super::audformat::sex_of;
use super::opinion::Opinion;
use super::own::one_file;
use super::sheet::{topic, topic_of};
use super::{Asked, Exchange, Expected, Folder, Item, Part, Places, Put, Rater, Said, Sheet, Trouble};
use crate::corpus::{Corpus, Sex};
use crate::label::{Act, Timestamp};

/// Prodigy.
pub struct Prodigy;

#[derive(Debug, Default, Serialize, Deserialize)]
struct Line {
    audio: String,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    path: Option<String>,
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    options: Vec<Choice>,
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    accept: Vec<Key>,
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    audio_spans: Vec<Span>,
    #[serde(default, skip_serializing_if = "Option::is_none", alias = "user_input")]
    transcript: Option<String>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    label: Option<String>,
    #[serde(default)]
    answer: Option<String>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    _annotator_id: Option<String>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    _session_id: Option<String>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    _timestamp: Option<f64>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    _view_id: Option<String>,
    #[serde(default)]
    meta: Meta,
}

#[derive(Debug, Serialize, Deserialize)]
struct Choice {
    id: Key,
    #[serde(default)]
    text: Option<String>,
}

#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(untagged)]
enum Key {
    Text(String),
    Number(serde_json::Number),
}

#[derive(Debug, Serialize, Deserialize)]
struct Span {
    start: f64,
    end: f64,
    #[serde(default)]
    label: String,
}

#[derive(Debug, Default, Serialize, Deserialize)]
struct Meta {
    #[serde(default, skip_serializing_if = "Option::is_none")]
    speaker: Option<String>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    gender: Option<String>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    text: Option<String>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    split: Option<String>,
    /// Exactly what was said.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    emolab: Option<Opinion>,
}

impl Exchange for Prodigy {
    fn name(&self) -> &'static str {
        "prodigy"
    }

    fn about(&self) -> &'static str {
        "Prodigy JSON lines of audio recipes"
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
            let first = head.lines().next().unwrap_or_default();
            first.trim_start().starts_with('{')
                && first.contains("\"audio\"")
                && ["\"answer\"", "\"_view_id\"", "\"accept\"", "\"audio_spans\""].iter().any(|key| first.contains(key))
        })
    }

    fn read(&self, files: &Folder, _corpus: &Corpus) -> Result<Sheet, Trouble> {
        let name = one_file(files)?;
        let (place, text) = (files.place(name), files.text(name)?);
        let mut sheet = Sheet { name: files.title(), ..Sheet::default() };
        let mut places = Places::new();
        for (at, text) in text.lines().enumerate().filter(|(_, line)| !line.trim().is_empty()) {
            let line: Line = serde_json::from_str(text).map_err(|error| Trouble::json(&place, at + 1, &error))?;
            match line.take(&mut sheet, &mut places) {
                Ok(None) => {}
                Ok(Some(problem)) => sheet.problems.push(Trouble::line(&place, at + 1, 1, problem)),
                Err(reason) => return Err(Trouble::line(&place, at + 1, 1, reason)),
            }
        }
        Ok(sheet)
    }

    fn write(&self, sheet: &Sheet, name: &str, put: &mut dyn Put) -> io::Result<()> {
        let mut lines: Vec<Line> = sheet.said.iter().filter_map(|said| Line::of(sheet, said)).collect();
        if lines.is_empty() {
            lines = sheet.items.iter().map(Line::about).collect();
        }
        put.put(name, &mut |out| {
            lines.iter().try_for_each(|line| {
                serde_json::to_writer(&mut *out, line)?;
                out.write_all(b"\n")
            })
        })
    }
}

impl Line {
    /// A clip to be rated.
    fn about(item: &Item) -> Line {
        let gender = item.sex.map(|sex| if sex == Sex::Female { "female" } else { "male" }.to_owned());
        let (speaker, text, split) = (item.speaker.clone(), item.text.clone(), item.split.clone());
        Line {
            audio: item.file.clone(),
            path: Some(item.file.clone()),
            answer: None,
            meta: Meta { speaker, gender, text, split, emolab: None },
            _view_id: Some("choice".to_owned()),
            ..Line::default()
        }
    }

    fn of(sheet: &Sheet, said: &Said) -> Option<Line> {
        let item = &sheet.items[said.item];
        let mut line = Line::about(item);
        line._annotator_id = said.rater.as_ref().map(ToString::to_string);
        line._session_id.clone_from(&line._annotator_id);
        line._timestamp = said.at.map(|at| (at.millis() / 1000) as f64);
        line.meta.emolab =
            Opinion::of(said, item).or_else(|| Opinion::of(&Said { act: Act::label(""), ..said.clone() }, item));
        match &said.act {
            Act::Skip => line.answer = Some("ignore".to_owned()),
            Act::Answer { value, .. } => {
                line.answer = Some("accept".to_owned());
                line.choose(value, sheet.expected(said.scheme.as_ref(), said.question()));
                if let Some((start, end)) = item.span {
                    line.audio_spans.push(Span { start, end, label: value.clone() });
                    line._view_id = Some("audio_manual".to_owned());
                }
            }
            _ => return None,
        }
        let topic = topic(said.scheme.as_ref(), said.question());
        line.label = Some(topic).filter(|topic| !topic.is_empty());
        Some(line)
    }

    fn choose(&mut self, value: &str, expected: Option<&Expected>) {
        let option = |name: &String| Choice { id: Key::Text(name.clone()), text: Some(name.clone()) };
        match expected {
            Some(Expected::Choice(classes)) => self.options = classes.iter().map(option).collect(),
            Some(Expected::Several(classes)) => {
                self.options = classes.iter().map(option).collect();
                self.accept =
                    value.split(';').filter(|one| !one.is_empty()).map(|one| Key::Text(one.to_owned())).collect();
                return;
            }
            _ => {}
        }
        if !value.is_empty() {
            self.accept = vec![Key::Text(value.to_owned())];
        }
    }

    /// Adds what the line says; a problem where it says nothing that can be used.
    fn take(self, sheet: &mut Sheet, places: &mut Places) -> Result<Option<String>, String> {
        let item = self.item();
        if item.file.starts_with("data:") {
            return Ok(Some("sound inside the line and no `path`: whose is it?".to_owned()));
        }
        match self.answer.as_deref() {
            None => {
                sheet.place(item, places);
            }
            Some("reject") => return Ok(Some("rejected: it is not known what it is instead".to_owned())),
            Some("ignore") => {
                let said = self.exact(&item, sheet, places)?;
                let said = said.unwrap_or_else(|| self.said(sheet.place(item, places), ""));
                sheet.said.push(Said { act: Act::Skip, ..said });
            }
            Some(_) => match self.exact(&item, sheet, places)? {
                Some(said) => sheet.said.push(said),
                None => self.accepted(item, sheet, places),
            },
        }
        Ok(None)
    }

    /// What the line is about.
    fn item(&self) -> Item {
        Item {
            speaker: self.meta.speaker.clone(),
            sex: self.meta.gender.as_deref().and_then(sex_of),
            text: self.meta.text.clone(),
            split: self.meta.split.clone(),
            ..Item::of(self.path.clone().unwrap_or_else(|| self.audio.clone()))
        }
    }

    /// What was said, where the line is one of ours.
    fn exact(&self, item: &Item, sheet: &mut Sheet, places: &mut Places) -> Result<Option<Said>, String> {
        let Some(exact) = &self.meta.emolab else { return Ok(None) };
        let place = sheet.place(Item { span: exact.span(), ..item.clone() }, places);
        exact.said(place).map(Some)
    }

    fn said(&self, item: usize, value: &str) -> Said {
        let (scheme, question) = topic_of(self.label.as_deref().unwrap_or_default());
        let at = self._timestamp.filter(|at| at.is_finite());
        let rater = self._annotator_id.as_ref().or(self._session_id.as_ref()).filter(|name| !name.is_empty());
        Said {
            scheme,
            at: at.and_then(|at| Timestamp::from_millis((at * 1000.0) as i64)),
            act: Act::label(value).asked(question),
            ..Said::answer(item, rater.map(|name| Rater::parse(name)), "")
        }
    }

    fn accepted(&self, item: Item, sheet: &mut Sheet, places: &mut Places) {
        for span in &self.audio_spans {
            let part = Item { span: Some((span.start, span.end)), ..item.clone() };
            let said = self.said(sheet.place(part, places), &span.label);
            sheet.said.push(said);
        }
        let place = sheet.place(item, places);
        sheet.said.extend(self.values().map(|value| self.said(place, &value)));
        let (scheme, question) = topic_of(self.label.as_deref().unwrap_or_default());
        if let Some(scheme) = scheme.filter(|_| !self.options.is_empty())
            && sheet.expected(Some(&scheme), &question).is_none()
        {
            let expected = Expected::Choice(self.options.iter().map(|option| option.id.text()).collect());
            sheet.asked.push(Asked { scheme, question, expected });
        }
    }

    /// What was chosen or typed.
    fn values(&self) -> Option<String> {
        let chosen: Vec<String> = self.accept.iter().map(Key::text).collect();
        if chosen.is_empty() { self.transcript.clone().filter(|text| !text.is_empty()) } else { Some(chosen.join(";")) }
    }
}

impl Key {
    fn text(&self) -> String {
        match self {
            Key::Text(text) => text.clone(),
            Key::Number(number) => number.to_string(),
        }
    }
}
