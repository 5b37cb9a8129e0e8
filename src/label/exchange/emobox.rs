//! Format `emobox`: metadata of the EmoBox benchmark, `NAME.jsonl` with a line per clip, `label_map.json`, and one fold from the splits.
//!
//! One answer per clip: the vote, as `emo`. Clips with a split are also listed in `fold_1/NAME_{train,valid,test}_fold_1.jsonl`; what has
//! more folds is a plan (`--plan folds:DIR` reads them), and only a single fold is read as a split here. Read, `emo` goes through
//! `label_map.json`. Not kept: who said it, in which scheme, when, parts of files.
//!
//! Ma et al.: EmoBox: Multilingual Multi-corpus Speech Emotion Recognition Toolkit and Benchmark. Interspeech 2024.

use std::collections::{BTreeMap, HashMap};
use std::io;

use serde::{Deserialize, Serialize};

use super::audformat::sex_of;
use super::{Exchange, Folder, Item, Part, Places, Put, Said, Sheet, Trouble};
use crate::corpus::{Corpus, Sex};

/// EmoBox.
pub struct EmoBox;

const MAP: &str = "label_map.json";

#[derive(Debug, Clone, Serialize, Deserialize)]
struct Line {
    key: String,
    #[serde(default)]
    dataset: String,
    wav: String,
    #[serde(default, rename = "type")]
    kind: String,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    sample_rate: Option<u32>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    length: Option<f64>,
    #[serde(default)]
    task: String,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    emo: Option<String>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    channel: Option<u16>,
    /// Not EmoBox's own, and not in its way.
    #[serde(default, skip_serializing_if = "Option::is_none", alias = "spk")]
    speaker: Option<String>,
    #[serde(default, skip_serializing_if = "Option::is_none", alias = "gender")]
    sex: Option<String>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    text: Option<String>,
}

impl Exchange for EmoBox {
    fn name(&self) -> &'static str {
        "emobox"
    }

    fn about(&self) -> &'static str {
        "EmoBox metadata: NAME.jsonl, label_map.json and a fold, with the vote"
    }

    fn keeps(&self) -> &'static [Part] {
        &[Part::Speaker, Part::Text, Part::Split]
    }

    fn folder(&self) -> bool {
        true
    }

    fn fits(&self, files: &Folder) -> bool {
        files.has(MAP) && main(files).is_some()
    }

    fn read(&self, files: &Folder, _corpus: &Corpus) -> Result<Sheet, Trouble> {
        let Some(name) = main(files) else { return Err(Trouble::file(files.place(""), "no list of clips (.jsonl)")) };
        let map: HashMap<String, String> = match files.has(MAP) {
            false => HashMap::new(),
            true => {
                let text = files.text(MAP)?;
                serde_json::from_str(&text).map_err(|error| Trouble::json(files.place(MAP), 1, &error))?
            }
        };
        let parts = parts(files)?;
        let mut sheet = Sheet { name: files.title(), ..Sheet::default() };
        let mut places = Places::new();
        for (line, _) in lines(files, name)? {
            let item = Item {
                seconds: line.length,
                sound: line.sample_rate.zip(line.channel),
                speaker: line.speaker,
                sex: line.sex.as_deref().and_then(sex_of),
                text: line.text,
                split: parts.get(&line.key).cloned(),
                ..Item::of(line.wav)
            };
            let place = sheet.place(item, &mut places);
            if let Some(emo) = line.emo.filter(|emo| !emo.is_empty()) {
                let value = map.get(&emo).cloned().unwrap_or(emo);
                sheet.said.push(Said::answer(place, None, value));
            }
        }
        Ok(sheet)
    }

    fn write(&self, sheet: &Sheet, name: &str, put: &mut dyn Put) -> io::Result<()> {
        let answers: HashMap<usize, &str> =
            sheet.said.iter().filter_map(|said| Some((said.item, said.value()?))).collect();
        let whole = sheet.items.iter().enumerate().filter(|(_, item)| item.span.is_none());
        let lines: Vec<(Line, Option<&str>)> =
            whole.map(|(at, item)| (line(item, answers.get(&at).copied(), name), item.split.as_deref())).collect();
        let write = |put: &mut dyn Put, file: String, wanted: &dyn Fn(Option<&str>) -> bool| {
            put.put(&file, &mut |out| {
                lines.iter().filter(|(_, split)| wanted(*split)).try_for_each(|(line, _)| {
                    serde_json::to_writer(&mut *out, line)?;
                    out.write_all(b"\n")
                })
            })
        };
        write(put, format!("{name}.jsonl"), &|_| true)?;
        for (split, word) in PARTS {
            if lines.iter().any(|(_, of)| of == &Some(*split)) {
                write(put, format!("fold_1/{name}_{word}_fold_1.jsonl"), &|of| of == Some(*split))?;
            }
        }
        let classes: BTreeMap<&str, &str> = answers.values().map(|class| (*class, *class)).collect();
        put.put(MAP, &mut |out| Ok(serde_json::to_writer_pretty(out, &classes)?))
    }
}

/// A split, and what EmoBox calls it.
const PARTS: &[(&str, &str)] = &[("train", "train"), ("dev", "valid"), ("test", "test")];

fn line(item: &Item, emo: Option<&str>, name: &str) -> Line {
    Line {
        key: item.file.clone(),
        dataset: name.to_owned(),
        wav: item.file.clone(),
        kind: "raw".to_owned(),
        sample_rate: item.sound.map(|(rate, _)| rate),
        length: item.seconds,
        task: "category".to_owned(),
        emo: emo.map(str::to_owned),
        channel: item.sound.map(|(_, channels)| channels),
        speaker: item.speaker.clone(),
        sex: item.sex.map(|sex| if sex == Sex::Female { "female" } else { "male" }.to_owned()),
        text: item.text.clone(),
    }
}

/// The list of all clips: a `.jsonl` at the top that has `emo` or `wav`.
fn main(files: &Folder) -> Option<&str> {
    let top = files.ending(".jsonl").filter(|name| !name.contains('/'));
    top.into_iter().find(|name| files.head(name).contains("\"wav\""))
}

fn lines(files: &Folder, name: &str) -> Result<Vec<(Line, usize)>, Trouble> {
    let text = files.text(name)?;
    let lines = text.lines().zip(1..).filter(|(line, _)| !line.trim().is_empty());
    let read = |(line, at): (&str, usize)| {
        let line = serde_json::from_str(line).map_err(|error| Trouble::json(files.place(name), at, &error))?;
        Ok((line, at))
    };
    lines.map(read).collect()
}

/// The split of each key, where there is one fold.
fn parts(files: &Folder) -> Result<HashMap<String, String>, Trouble> {
    let mut parts = HashMap::new();
    let inside = |name: &&str| name.split('/').rev().nth(1).is_some_and(|folder| folder.starts_with("fold_"));
    let lists: Vec<&str> = files.ending(".jsonl").filter(inside).collect();
    let mut folds: Vec<&str> =
        lists.iter().filter_map(|name| name.rsplit_once('/')).map(|(folder, _)| folder).collect();
    folds.dedup();
    if folds.len() != 1 {
        return Ok(parts);
    }
    for list in lists {
        let file = list.rsplit('/').next().unwrap_or_default();
        let Some((split, _)) = PARTS.iter().find(|(_, word)| file.contains(&format!("_{word}_"))) else { continue };
        parts.extend(lines(files, list)?.into_iter().map(|(line, _)| (line.key, (*split).to_owned())));
    }
    Ok(parts)
}
