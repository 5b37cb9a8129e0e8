//! Format `emotionml`: W3C Emotion Markup Language 1.0, one document.
//!
//! An `<emotion>` per answer: a class is a `<category>` (several classes are several), a number a `<dimension>` whose `value` is its
//! place on the scale, 0..1; `confidence` stands on either, the clip in `<reference role="expressedBy" uri="wav/a.wav#t=1.2,3.4"/>`.
//! What the standard has no word for (rater, time, seconds, the scale, a name that is no NMTOKEN) is in `<info>` in a namespace of our
//! own. Documents of others are read by the standard alone: dimensions without a scale stay 0..1, a reference names the clip, and who
//! said it is to be told by `--annotator`. Not kept: skips, "cannot judge", notes, flags, what was undone, what describes clips.
//! Entities are never fetched.
//!
//! <https://www.w3.org/TR/emotionml/>

use std::collections::BTreeMap;
use std::io;

use quick_xml::Reader;
use quick_xml::events::{BytesStart, Event};

use super::own::one_file;
use super::sheet::{lead_time, topic};
use super::{Asked, Exchange, Expected, Folder, Item, Part, Places, Put, Rater, Said, Sheet, Trouble};
use crate::corpus::Corpus;
use crate::label::{Act, SchemeId};

/// EmotionML.
pub struct EmotionMl;

const OURS: &str = "urn:emolab:1";
const THEIRS: &str = "http://www.w3.org/2009/10/emotionml";

impl Exchange for EmotionMl {
    fn name(&self) -> &'static str {
        "emotionml"
    }

    fn about(&self) -> &'static str {
        "W3C EmotionML: categories and dimensions with confidence and media offsets"
    }

    fn keeps(&self) -> &'static [Part] {
        &[Part::Rater, Part::Scheme, Part::Question, Part::Time, Part::Confidence, Part::LeadTime, Part::Span]
    }

    fn fits(&self, files: &Folder) -> bool {
        files.only().is_some_and(|name| files.head(name).contains(THEIRS))
    }

    fn read(&self, files: &Folder, _corpus: &Corpus) -> Result<Sheet, Trouble> {
        let name = one_file(files)?;
        let (place, text) = (files.place(name), files.text(name)?);
        let sheet = Sheet { name: files.title(), ..Sheet::default() };
        Document { place: &place, text: &text, sheet, places: Places::new(), sets: BTreeMap::new() }.read()
    }

    fn write(&self, sheet: &Sheet, name: &str, put: &mut dyn Put) -> io::Result<()> {
        put.put(name, &mut |out| {
            writeln!(out, "<?xml version=\"1.0\" encoding=\"UTF-8\"?>")?;
            writeln!(out, "<emotionml version=\"1.0\" xmlns=\"{THEIRS}\" xmlns:emolab=\"{OURS}\">")?;
            sheet.asked.iter().zip(1..).try_for_each(|(asked, at)| out.write_all(vocabulary(asked, at).as_bytes()))?;
            for said in &sheet.said {
                out.write_all(emotion(sheet, said).as_bytes())?;
            }
            writeln!(out, "</emotionml>")
        })
    }
}

/// The text of an attribute. Line ends must be written as numbers, or readers take them for spaces; control characters are not XML.
fn escape(text: &str) -> String {
    let escaped = quick_xml::escape::escape(text);
    let plain = escaped.chars().filter(|c| !c.is_control() || "\n\r\t".contains(*c));
    plain.map(|c| if c.is_control() { format!("&#{};", u32::from(c)) } else { c.to_string() }).collect()
}

/// A name as the standard allows: no white space, no signs.
fn token(text: &str) -> String {
    let name: String = text.chars().map(|c| if c.is_alphanumeric() || "._-".contains(c) { c } else { '_' }).collect();
    if name.is_empty() { "_".to_owned() } else { name }
}

/// The name of a dimension: the question, or the scheme where it has no other.
fn dimension(asked: &Asked) -> String {
    token(if asked.question.is_empty() { &asked.scheme.name } else { &asked.question })
}

fn vocabulary(asked: &Asked, at: usize) -> String {
    let (kind, names) = match &asked.expected {
        Expected::Scale(..) => ("dimension", vec![dimension(asked)]),
        Expected::Choice(classes) | Expected::Several(classes) => {
            ("category", classes.iter().map(|one| token(one)).collect())
        }
        Expected::Text => return String::new(),
    };
    let items: String = names.iter().map(|name| format!("    <item name=\"{}\"/>\n", escape(name.as_str()))).collect();
    format!("  <vocabulary type=\"{kind}\" id=\"set{at}\">\n{items}  </vocabulary>\n")
}

fn emotion(sheet: &Sheet, said: &Said) -> String {
    let Some(value) = said.value() else { return String::new() };
    let item = &sheet.items[said.item];
    let at = sheet
        .asked
        .iter()
        .position(|asked| Some(&asked.scheme) == said.scheme.as_ref() && asked.question == said.question());
    let asked = at.map(|at| &sheet.asked[at]);
    let sure = said.confidence.map(|sure| format!(" confidence=\"{sure}\"")).unwrap_or_default();
    let mut own = vec![("value", value.to_owned()), ("topic", topic(said.scheme.as_ref(), said.question()))];
    own.extend(said.rater.as_ref().map(|rater| ("rater", rater.to_string())));
    own.extend(said.at.map(|at| ("at", at.to_string())));
    own.extend(said.seconds().map(|seconds| ("seconds", seconds.to_string())));
    let number = value.parse::<f64>().ok();
    let (kind, inside) = match (asked.map(|asked| (&asked.expected, asked)), number) {
        (Some((Expected::Scale(low, high), asked)), Some(number)) => {
            own.extend([("low", low.to_string()), ("high", high.to_string())]);
            let place = if high > low { ((number - low) / (high - low)).clamp(0.0, 1.0) } else { 0.5 };
            let name = dimension(asked);
            ("dimension", format!("    <dimension name=\"{}\" value=\"{place}\"{sure}/>\n", escape(name.as_str())))
        }
        (Some((Expected::Several(_), _)), _) => {
            let one = |class: &str| format!("    <category name=\"{}\"{sure}/>\n", escape(token(class).as_str()));
            ("category", value.split(';').map(one).collect())
        }
        _ => ("category", format!("    <category name=\"{}\"{sure}/>\n", escape(token(value).as_str()))),
    };
    let own: String = own.iter().map(|(name, text)| format!(" {name}=\"{}\"", escape(text.as_str()))).collect();
    let set = at.map(|at| format!(" {kind}-set=\"#set{}\"", at + 1)).unwrap_or_default();
    let part = item.span.map(|(start, end)| format!("#t={start},{end}")).unwrap_or_default();
    let uri = format!("{}{part}", item.file.replace('%', "%25").replace('#', "%23").replace(' ', "%20"));
    format!(
        "  <emotion{set} expressed-through=\"voice\">\n    <info><emolab:said{own}/></info>\n{inside}    <reference role=\"expressedBy\" uri=\"{}\"/>\n  </emotion>\n",
        escape(uri.as_str())
    )
}

/// An `<emotion>` that is being read.
#[derive(Default)]
struct Emotion {
    set: Option<String>,
    categories: Vec<(String, Option<f64>)>,
    dimensions: Vec<(String, String, Option<f64>)>,
    uri: Option<String>,
    own: BTreeMap<String, String>,
}

struct Document<'a> {
    place: &'a str,
    text: &'a str,
    sheet: Sheet,
    places: Places,
    /// Vocabularies by id.
    sets: BTreeMap<String, Vec<String>>,
}

impl Document<'_> {
    fn read(mut self) -> Result<Sheet, Trouble> {
        let mut reader = Reader::from_str(self.text);
        let (mut emotion, mut set): (Option<Emotion>, Option<String>) = (None, None);
        loop {
            let from = position(reader.buffer_position());
            let event = reader.read_event();
            let event = event.map_err(|error| {
                Trouble::at(self.place, self.text, position(reader.error_position()), error.to_string())
            })?;
            match event {
                Event::Eof if emotion.is_some() => {
                    return Err(Trouble::at(self.place, self.text, from, "`<emotion>` does not end"));
                }
                Event::Eof => return Ok(self.sheet),
                Event::Start(tag) | Event::Empty(tag) if tag.local_name().as_ref() != "emotion" => {
                    self.tag(&tag, from, emotion.as_mut(), &mut set)?;
                }
                Event::Start(tag) => {
                    let mut facts = self.attributes(&tag, from)?;
                    let set = facts.remove("category-set").or_else(|| facts.remove("dimension-set"));
                    emotion = Some(Emotion { set, ..Emotion::default() });
                }
                Event::End(tag) if tag.local_name().as_ref() == "emotion" => {
                    if let Some(emotion) = emotion.take() {
                        self.take(emotion).map_err(|reason| Trouble::at(self.place, self.text, from, reason))?;
                    }
                }
                _ => {}
            }
        }
    }

    fn tag(
        &mut self,
        tag: &BytesStart<'_>,
        from: usize,
        emotion: Option<&mut Emotion>,
        set: &mut Option<String>,
    ) -> Result<(), Trouble> {
        let trouble = |reason: String| Trouble::at(self.place, self.text, from, reason);
        let mut facts = self.attributes(tag, from)?;
        let name = tag.local_name().as_ref().to_owned();
        let mut sure = || -> Result<Option<f64>, Trouble> {
            let Some(text) = facts.remove("confidence") else { return Ok(None) };
            let sure = text.parse().ok().filter(|sure| (0.0..=1.0).contains(sure));
            sure.map(Some).ok_or_else(|| trouble(format!("a confidence of `{text}` is not in 0..=1")))
        };
        match (name.as_str(), emotion) {
            ("vocabulary", None) => *set = facts.remove("id"),
            ("item", None) => {
                if let (Some(set), Some(name)) = (set, facts.remove("name")) {
                    self.sets.entry(set.clone()).or_default().push(name);
                }
            }
            ("category", Some(emotion)) => {
                let sure = sure()?;
                let name = facts.remove("name").ok_or_else(|| trouble("a category without `name`".to_owned()))?;
                emotion.categories.push((name, sure));
            }
            ("dimension", Some(emotion)) => {
                let sure = sure()?;
                let name = facts.remove("name").ok_or_else(|| trouble("a dimension without `name`".to_owned()))?;
                let text = facts.remove("value").unwrap_or_default();
                let value = text.parse().ok().filter(|place: &f64| (0.0..=1.0).contains(place));
                let value = value.ok_or_else(|| trouble(format!("a dimension's value of `{text}` is not in 0..=1")))?;
                emotion.dimensions.push((name, value.to_string(), sure));
            }
            ("reference", Some(emotion)) => emotion.uri = emotion.uri.take().or_else(|| facts.remove("uri")),
            ("said", Some(emotion)) => emotion.own = facts,
            _ => {}
        }
        Ok(())
    }

    fn attributes(&self, tag: &BytesStart<'_>, from: usize) -> Result<BTreeMap<String, String>, Trouble> {
        let mut all = BTreeMap::new();
        for attribute in tag.attributes() {
            let attribute = attribute.map_err(|error| Trouble::at(self.place, self.text, from, error.to_string()))?;
            let value = quick_xml::escape::unescape(&attribute.value)
                .map_err(|error| Trouble::at(self.place, self.text, from, error.to_string()))?;
            all.insert(attribute.key.as_ref().to_owned(), value.into_owned());
        }
        Ok(all)
    }

    fn take(&mut self, emotion: Emotion) -> Result<(), String> {
        let Some(uri) = emotion.uri else { return Err("an emotion without a reference to its sound".to_owned()) };
        let (path, part) = uri.rsplit_once("#t=").map_or((uri.as_str(), None), |(path, part)| (path, Some(part)));
        let file =
            path.strip_prefix("file://").unwrap_or(path).replace("%20", " ").replace("%23", "#").replace("%25", "%");
        let span =
            part.map(|part| span(part).ok_or_else(|| format!("`#t={part}` is no part of a file"))).transpose()?;
        let place = self.sheet.place(Item { span, ..Item::of(file) }, &mut self.places);
        let own = &emotion.own;
        let moment = own.get("at").map(|text| text.parse()).transpose()?;
        let seconds = own.get("seconds").and_then(|text| text.parse().ok()).filter(|seconds: &f64| seconds.is_finite());
        let rater = own.get("rater").map(|name| Rater::parse(name));
        let base = Said { at: moment, listening: seconds.map(lead_time), ..Said::answer(place, rater, "") };
        if let Some(value) = own.get("value") {
            let (scheme, question) = super::sheet::topic_of(own.get("topic").map_or("", String::as_str));
            let sure = emotion
                .categories
                .iter()
                .map(|(_, sure)| *sure)
                .chain(emotion.dimensions.iter().map(|(.., sure)| *sure));
            let confidence = sure.flatten().next();
            let act = Act::label(value.clone()).asked(question);
            self.sheet.said.push(Said { scheme, act, confidence, ..base });
            return Ok(());
        }
        let scheme = |name: &str| Some(SchemeId { name: name.to_owned(), version: 1 });
        let set = emotion.set.as_deref().map_or("emotionml", |set| set.rsplit('#').next().unwrap_or(set));
        if !emotion.categories.is_empty() {
            let confidence = emotion.categories.iter().find_map(|(_, sure)| *sure);
            let names: Vec<&str> = emotion.categories.iter().map(|(name, _)| name.as_str()).collect();
            self.ask(set);
            self.sheet.said.push(Said {
                scheme: scheme(set),
                act: Act::label(names.join(";")),
                confidence,
                ..base.clone()
            });
        }
        for (name, value, confidence) in emotion.dimensions {
            self.sheet.said.push(Said { scheme: scheme(&name), act: Act::label(value), confidence, ..base.clone() });
        }
        Ok(())
    }

    fn ask(&mut self, set: &str) {
        let scheme = SchemeId { name: set.to_owned(), version: 1 };
        if let (Some(classes), None) = (self.sets.get(set), self.sheet.expected(Some(&scheme), "")) {
            let expected = Expected::Choice(classes.clone());
            self.sheet.asked.push(Asked { scheme, question: String::new(), expected });
        }
    }
}

/// A part of a file as media fragments write it: `1.2,3.4`, `npt:1.2,3.4`.
fn span(text: &str) -> Option<(f64, f64)> {
    let (start, end) = text.strip_prefix("npt:").unwrap_or(text).split_once(',')?;
    let start = if start.is_empty() { 0.0 } else { start.parse().ok()? };
    let end: f64 = end.parse().ok()?;
    (0.0 <= start && start <= end && end.is_finite()).then_some((start, end))
}

fn position(at: u64) -> usize {
    usize::try_from(at).unwrap_or(usize::MAX)
}
