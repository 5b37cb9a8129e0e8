//! Format `kaldi`: a data folder of Kaldi's (`wav.scp`, `segments`, `utt2spk`, `spk2gender`, `text`) with the vote in `utt2emo`.
//!
//! One answer per utterance. Utterances are called after speaker and path, without white space. What stands in `wav.scp` is taken for
//! a path; a command (`… |`) is never run: it is a problem that names it. Not kept: who said it, in which scheme, when, and splits.
//!
//! <https://kaldi-asr.org/doc/data_prep.html>

use std::collections::{BTreeMap, BTreeSet};
use std::io::{self, Write};

use super::audformat::sex_of;
use super::{Exchange, Folder, Item, Part, Places, Put, Said, Sheet, Trouble};
use crate::corpus::{Corpus, Sex};

/// Kaldi.
pub struct Kaldi;

impl Exchange for Kaldi {
    fn name(&self) -> &'static str {
        "kaldi"
    }

    fn about(&self) -> &'static str {
        "Kaldi data folder: wav.scp, utt2spk, text, and utt2emo with the vote"
    }

    fn keeps(&self) -> &'static [Part] {
        &[Part::Span, Part::Speaker, Part::Text]
    }

    fn folder(&self) -> bool {
        true
    }

    fn fits(&self, files: &Folder) -> bool {
        files.has("wav.scp")
    }

    fn read(&self, files: &Folder, _corpus: &Corpus) -> Result<Sheet, Trouble> {
        let mut sheet = Sheet { name: files.title(), ..Sheet::default() };
        let mut recordings = BTreeMap::new();
        for (line, key, path) in lines(files, "wav.scp")? {
            if path.ends_with('|') || path.starts_with('|') {
                let reason = format!("`{key}` is a command (`{path}`), and commands are never run");
                sheet.problems.push(Trouble::line(files.place("wav.scp"), line, key.chars().count() + 2, reason));
            } else {
                recordings.insert(key, path);
            }
        }
        let utterances = utterances(files, &recordings)?;
        let [speakers, texts, emotions, sexes] =
            ["utt2spk", "text", "utt2emo", "spk2gender"].map(|name| table(files, name));
        let (speakers, texts, emotions, sexes) = (speakers?, texts?, emotions?, sexes?);
        let mut places = Places::new();
        for (name, mut item) in utterances {
            item.speaker = speakers.get(&name).map(|(_, speaker)| speaker.clone());
            item.sex = item.speaker.as_ref().and_then(|speaker| sex_of(&sexes.get(speaker)?.1));
            item.text = texts.get(&name).map(|(_, text)| text.clone());
            let place = sheet.place(item, &mut places);
            if let Some((_, emotion)) = emotions.get(&name) {
                sheet.said.push(Said::answer(place, None, emotion.clone()));
            }
        }
        Ok(sheet)
    }

    fn write(&self, sheet: &Sheet, _name: &str, put: &mut dyn Put) -> io::Result<()> {
        let names = names(sheet);
        let parts = sheet.items.iter().any(|item| item.span.is_some());
        let mut out: BTreeMap<&str, BTreeSet<String>> = BTreeMap::new();
        let mut add = |file: &'static str, key: &str, value: &str| {
            out.entry(file).or_default().insert(format!("{key} {}", value.replace(['\n', '\r'], " ")));
        };
        for (item, (utterance, recording)) in sheet.items.iter().zip(&names) {
            add("wav.scp", if parts { recording } else { utterance }, &item.file);
            if parts {
                // -1: to the end of the file.
                let (start, end) = item.span.unwrap_or((0.0, -1.0));
                add("segments", utterance, &format!("{recording} {start} {end}"));
            }
            let speaker = item.speaker.as_deref().map(word);
            add("utt2spk", utterance, speaker.as_deref().unwrap_or(utterance));
            if let (Some(speaker), Some(sex)) = (&speaker, item.sex) {
                add("spk2gender", speaker, if sex == Sex::Female { "f" } else { "m" });
            }
            if let Some(text) = &item.text {
                add("text", utterance, text);
            }
        }
        for said in &sheet.said {
            add("utt2emo", &names[said.item].0, said.value().unwrap_or_default());
        }
        for (file, lines) in out {
            put.put(file, &mut |out| lines.iter().try_for_each(|line| writeln!(out as &mut dyn Write, "{line}")))?;
        }
        Ok(())
    }
}

/// An utterance's and its recording's name per item: speaker first, so that both sort alike, as Kaldi wants.
fn names(sheet: &Sheet) -> Vec<(String, String)> {
    let mut taken: BTreeMap<String, String> = BTreeMap::new();
    let mut names = Vec::new();
    for item in &sheet.items {
        let speaker = item.speaker.as_deref().map(|speaker| format!("{}-", word(speaker))).unwrap_or_default();
        let mut recording = format!("{speaker}{}", word(&item.file));
        while taken.get(&recording).is_some_and(|file| *file != item.file) {
            recording.push('_');
        }
        taken.insert(recording.clone(), item.file.clone());
        let millis = |seconds: f64| (seconds * 1000.0).round();
        let span = item.span.map(|(start, end)| format!("-{:09}-{:09}", millis(start), millis(end)));
        names.push((format!("{recording}{}", span.unwrap_or_default()), recording));
    }
    names
}

fn word(text: &str) -> String {
    let word: String = text.chars().map(|c| if c.is_whitespace() || c == '/' { '_' } else { c }).collect();
    if word.is_empty() { "_".to_owned() } else { word }
}

/// Key and rest of each line; nothing where there is no such file.
fn lines(files: &Folder, name: &str) -> Result<Vec<(usize, String, String)>, Trouble> {
    if !files.has(name) {
        return Ok(Vec::new());
    }
    let text = files.text(name)?;
    let mut lines = Vec::new();
    for (line, at) in text.lines().zip(1..).filter(|(line, _)| !line.trim().is_empty()) {
        let (key, rest) = line.trim().split_once(char::is_whitespace).unwrap_or((line.trim(), ""));
        // Only transcripts may be empty.
        if rest.trim().is_empty() && name != "text" {
            return Err(Trouble::line(
                files.place(name),
                at,
                key.chars().count() + 1,
                format!("nothing follows `{key}`"),
            ));
        }
        lines.push((at, key.to_owned(), rest.trim().to_owned()));
    }
    Ok(lines)
}

/// The lines by key; a key that stands twice is an error.
fn table(files: &Folder, name: &str) -> Result<BTreeMap<String, (usize, String)>, Trouble> {
    let mut table = BTreeMap::new();
    for (line, key, rest) in lines(files, name)? {
        if table.insert(key.clone(), (line, rest)).is_some() {
            return Err(Trouble::line(files.place(name), line, 1, format!("`{key}` stands twice")));
        }
    }
    Ok(table)
}

/// Utterances: the lines of `segments`, or else every recording.
fn utterances(files: &Folder, recordings: &BTreeMap<String, String>) -> Result<Vec<(String, Item)>, Trouble> {
    if !files.has("segments") {
        let whole = recordings.iter().map(|(name, path)| (name.clone(), Item::of(path.clone())));
        return Ok(whole.collect());
    }
    let mut all = Vec::new();
    for (line, name, rest) in lines(files, "segments")? {
        let fields: Vec<&str> = rest.split_whitespace().collect();
        let bad = |reason: &str| Trouble::line(files.place("segments"), line, name.chars().count() + 2, reason);
        let [recording, start, end] = fields[..] else { return Err(bad("recording, start and end were expected")) };
        let time = |text: &str| text.parse::<f64>().ok().filter(|time| time.is_finite());
        let (Some(start), Some(end)) = (time(start), time(end)) else {
            return Err(bad("a time in seconds was expected"));
        };
        // A recording that is a command was told of already.
        let Some(path) = recordings.get(recording) else { continue };
        let span = match (start <= 0.0, end < 0.0) {
            (true, true) => None,
            (_, true) => Some((start, f64::MAX)),
            _ if end < start => return Err(bad("a segment that ends before it starts")),
            _ => Some((start, end)),
        };
        all.push((name, Item { span, ..Item::of(path.clone()) }));
    }
    Ok(all)
}
