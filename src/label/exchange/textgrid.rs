//! Format `textgrid`: Praat's TextGrid, a file per clip, a tier per question and rater, long or short text form, UTF-8 or UTF-16.
//!
//! A tier is called `topic | rater`; an interval is an answer about that part of the file, one over the whole length is about the clip.
//! Files lie as the clips do (`wav/a.wav` is `wav/a.TextGrid`), so a clip is found by its name without ending. Tiers of others are
//! schemes of their own, answered by nobody in particular; empty intervals say nothing, points are parts of no length. Not kept: times,
//! confidence, "cannot judge", what is no answer, what describes clips. Written is the long form in UTF-8. Parts that one rater says
//! something else about may not overlap in a tier: what does goes to a tier of its own.
//!
//! <https://www.fon.hum.uva.nl/praat/manual/TextGrid_file_formats.html>

use std::collections::{BTreeMap, HashMap};
use std::io::{self, Write};

use super::sheet::{topic, topic_of};
use super::{Exchange, Folder, Item, Part, Places, Put, Rater, Said, Sheet, Trouble};
use crate::corpus::Corpus;
use crate::label::Act;

/// Praat.
pub struct TextGrid;

const ENDING: &str = ".TextGrid";
/// Between the topic and the rater in a tier's name.
const BETWEEN: &str = " | ";
/// How long a clip is said to be whose length nobody knows.
const UNKNOWN: f64 = 1.0;

impl Exchange for TextGrid {
    fn name(&self) -> &'static str {
        "textgrid"
    }

    fn about(&self) -> &'static str {
        "Praat TextGrid: a file per clip, a tier per question and rater"
    }

    fn keeps(&self) -> &'static [Part] {
        &[Part::Rater, Part::Scheme, Part::Question, Part::Span]
    }

    fn folder(&self) -> bool {
        true
    }

    fn fits(&self, files: &Folder) -> bool {
        files.ending(ENDING).next().is_some()
    }

    fn read(&self, files: &Folder, _corpus: &Corpus) -> Result<Sheet, Trouble> {
        let mut sheet = Sheet { name: files.title(), ..Sheet::default() };
        let mut places = Places::new();
        for name in files.ending(ENDING) {
            let (place, text) = (files.place(name), files.text(name)?);
            let clip = &name[..name.len() - ENDING.len()];
            let mut tokens = Tokens { text: &text, at: 0, place: &place };
            grid(&mut tokens, clip, &mut sheet, &mut places)?;
        }
        Ok(sheet)
    }

    fn write(&self, sheet: &Sheet, _name: &str, put: &mut dyn Put) -> io::Result<()> {
        let mut files: BTreeMap<&str, Vec<&Said>> =
            sheet.items.iter().map(|item| (item.file.as_str(), Vec::new())).collect();
        for said in &sheet.said {
            files.entry(&sheet.items[said.item].file).or_default().push(said);
        }
        let lengths = lengths(sheet);
        for (file, all) in files {
            let name = format!("{}{ENDING}", stem(file));
            let length = lengths.get(file).copied().unwrap_or(UNKNOWN);
            let tiers = tiers(sheet, &all, length);
            put.put(&name, &mut |out| written(out, &tiers, length))?;
        }
        Ok(())
    }
}

/// How long each file is: as it says, at least as its parts reach.
pub(super) fn lengths(sheet: &Sheet) -> HashMap<&str, f64> {
    let mut lengths: HashMap<&str, f64> = HashMap::new();
    for item in &sheet.items {
        let length = lengths.entry(&item.file).or_default();
        let end = item.span.map_or(0.0, |(_, end)| end);
        *length = length.max(item.seconds.unwrap_or_default()).max(end);
    }
    lengths.values_mut().filter(|length| **length <= 0.0).for_each(|length| *length = UNKNOWN);
    lengths
}

/// The path without its ending: `wav/a.wav` is `wav/a`.
pub(super) fn stem(file: &str) -> &str {
    let from = file.rfind('/').map_or(0, |at| at + 1);
    file[from..].rfind('.').filter(|at| *at > 0).map_or(file, |at| &file[..from + at])
}

/// Name and answers (start, end, text), none over another.
type Tier = (String, Vec<(f64, f64, String)>);

fn tiers(sheet: &Sheet, all: &[&Said], length: f64) -> Vec<Tier> {
    let mut tiers: Vec<Tier> = Vec::new();
    for said in all {
        let Some(value) = said.value().filter(|value| !value.is_empty()) else { continue };
        let rater = said.rater.as_ref().map(|rater| format!("{BETWEEN}{rater}")).unwrap_or_default();
        let name = format!("{}{rater}", topic(said.scheme.as_ref(), said.question()));
        let (start, end) = sheet.items[said.item].span.unwrap_or((0.0, length));
        let free = |(other, parts): &&mut Tier| {
            *other == name && parts.iter().all(|(from, to, _)| *to <= start || end <= *from)
        };
        match tiers.iter_mut().find(free) {
            Some((_, parts)) => parts.push((start, end, value.to_owned())),
            None => tiers.push((name, vec![(start, end, value.to_owned())])),
        }
    }
    tiers.iter_mut().for_each(|(_, parts)| parts.sort_by(|a, b| a.0.total_cmp(&b.0)));
    tiers
}

fn written(out: &mut dyn Write, tiers: &[Tier], length: f64) -> io::Result<()> {
    let quoted = |text: &str| format!("\"{}\"", text.replace('"', "\"\""));
    writeln!(out, "File type = \"ooTextFile\"\nObject class = \"TextGrid\"\n\nxmin = 0\nxmax = {length}")?;
    if tiers.is_empty() {
        return writeln!(out, "tiers? <absent>");
    }
    writeln!(out, "tiers? <exists>\nsize = {}\nitem []:", tiers.len())?;
    for ((name, parts), at) in tiers.iter().zip(1..) {
        // Praat's intervals follow each other without gaps.
        let mut whole: Vec<(f64, f64, &str)> = Vec::new();
        for (start, end, text) in parts {
            let last = whole.last().map_or(0.0, |(_, end, _)| *end);
            if *start > last {
                whole.push((last, *start, ""));
            }
            whole.push((*start, *end, text));
        }
        let last = whole.last().map_or(0.0, |(_, end, _)| *end);
        if last < length {
            whole.push((last, length, ""));
        }
        writeln!(out, "    item [{at}]:\n        class = \"IntervalTier\"\n        name = {}", quoted(name))?;
        writeln!(out, "        xmin = 0\n        xmax = {length}\n        intervals: size = {}", whole.len())?;
        for ((start, end, text), at) in whole.iter().zip(1..) {
            writeln!(out, "        intervals [{at}]:\n            xmin = {start}\n            xmax = {end}")?;
            writeln!(out, "            text = {}", quoted(text))?;
        }
    }
    Ok(())
}

/// What counts in a text file of Praat's: numbers that stand free, texts in quotes, flags in angle brackets. All else is a comment,
/// so that both forms read alike (see Praat's manual, "TextGrid file formats").
struct Tokens<'a> {
    text: &'a str,
    at: usize,
    place: &'a str,
}

enum Token {
    Number(f64),
    Text(String),
    Flag(String),
}

impl Tokens<'_> {
    fn trouble(&self, reason: impl std::fmt::Display) -> Trouble {
        Trouble::at(self.place, self.text, self.at, reason)
    }

    fn next(&mut self) -> Result<Option<Token>, Trouble> {
        loop {
            let rest = &self.text[self.at..];
            let rest = rest.trim_start();
            self.at = self.text.len() - rest.len();
            match rest.chars().next() {
                None => return Ok(None),
                Some('"') => return self.quoted().map(Some),
                Some('!') => self.at += rest.find('\n').unwrap_or(rest.len()),
                Some('<') => {
                    let end = rest.find('>').ok_or_else(|| self.trouble("`<` without `>`"))?;
                    self.at += end + 1;
                    return Ok(Some(Token::Flag(rest[1..end].to_owned())));
                }
                Some(_) => {
                    let end = rest.find(char::is_whitespace).unwrap_or(rest.len());
                    self.at += end;
                    if let Some(number) = rest[..end].parse().ok().filter(|number: &f64| number.is_finite()) {
                        return Ok(Some(Token::Number(number)));
                    }
                }
            }
        }
    }

    fn quoted(&mut self) -> Result<Token, Trouble> {
        let rest = &self.text[self.at + 1..];
        let mut text = String::new();
        let mut chars = rest.char_indices().peekable();
        while let Some((at, c)) = chars.next() {
            match c {
                '"' if chars.next_if(|(_, next)| *next == '"').is_some() => text.push('"'),
                '"' => {
                    self.at += at + 2;
                    return Ok(Token::Text(text));
                }
                c => text.push(c),
            }
        }
        Err(self.trouble("a text without its closing quote"))
    }

    fn number(&mut self, what: &str) -> Result<f64, Trouble> {
        match self.next()? {
            Some(Token::Number(number)) => Ok(number),
            _ => Err(self.trouble(format!("{what}: a number was expected"))),
        }
    }

    fn string(&mut self, what: &str) -> Result<String, Trouble> {
        match self.next()? {
            Some(Token::Text(text)) => Ok(text),
            _ => Err(self.trouble(format!("{what}: a text in quotes was expected"))),
        }
    }
}

fn grid(tokens: &mut Tokens<'_>, clip: &str, sheet: &mut Sheet, places: &mut Places) -> Result<(), Trouble> {
    let (kind, class) = (tokens.string("the file type")?, tokens.string("the class")?);
    if !kind.starts_with("ooTextFile") || class != "TextGrid" {
        return Err(tokens.trouble(format!("`{class}` in `{kind}` is no TextGrid in text form")));
    }
    let (start, end) = (tokens.number("xmin")?, tokens.number("xmax")?);
    let item = Item { seconds: Some(end - start), ..Item::of(clip) };
    sheet.place(item.clone(), places);
    match tokens.next()? {
        Some(Token::Flag(flag)) if flag == "exists" => {}
        Some(Token::Flag(_)) => return Ok(()),
        _ => return Err(tokens.trouble("`<exists>` was expected")),
    }
    let tiers = tokens.number("the number of tiers")?;
    for _ in 0..tiers as u64 {
        let (class, name) = (tokens.string("the class of a tier")?, tokens.string("the name of a tier")?);
        let points = match class.as_str() {
            "IntervalTier" => false,
            "TextTier" => true,
            _ => return Err(tokens.trouble(format!("a tier of class `{class}`"))),
        };
        tokens.number("xmin of a tier")?;
        tokens.number("xmax of a tier")?;
        let (topic, rater) = name.rsplit_once(BETWEEN).unwrap_or((&name, ""));
        let (scheme, question) = topic_of(topic);
        let rater = Some(rater).filter(|name| !name.is_empty()).map(Rater::parse);
        for _ in 0..tokens.number("the size of a tier")? as u64 {
            let from = tokens.number("the start of an interval")?;
            let to = if points { from } else { tokens.number("the end of an interval")? };
            if to < from {
                return Err(tokens.trouble("an interval that ends before it starts"));
            }
            let text = tokens.string("the text of an interval")?;
            if text.trim().is_empty() {
                continue;
            }
            let span = (from > start || to < end || points).then_some((from, to));
            let place = sheet.place(Item { span, ..item.clone() }, places);
            let said = Said::answer(place, rater.clone(), "");
            sheet.said.push(Said { scheme: scheme.clone(), act: Act::label(text).asked(question.clone()), ..said });
        }
    }
    Ok(())
}
