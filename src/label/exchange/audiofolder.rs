//! Formats `audiofolder`, `audiofolder-jsonl`, `audiofolder-parquet`: a folder of sounds with `metadata.csv`, `.jsonl` or `.parquet`,
//! as `datasets.load_dataset("audiofolder", data_dir=…)` of Hugging Face reads it.
//!
//! A row per file: `file_name` relative to the table, `label` (the vote on the question most answers belong to), `speaker`, `gender`,
//! `text`, `split`, and in `annotations` what each rater said: a list of objects in JSON lines, their JSON text in CSV and Parquet. The
//! table is to be laid beside the sounds, into the corpus' root. Read, too, with split folders (`train/metadata.csv`) and from others:
//! `label` or `emotion`, `valence`, `arousal`, `dominance` are then the data set's truth. Not kept: skips, notes, flags, what was
//! undone, how clips were heard but for the seconds.
//!
//! <https://huggingface.co/docs/datasets/audio_dataset>

use std::collections::HashMap;
use std::io;

use serde::Serialize;
use serde_json::{Map, Value};

use super::audformat::sex_of;
use super::grid::{Grid, Kind, Row};
use super::opinion::Opinion;
use super::sheet::number;
use super::{Exchange, Folder, Item, Part, Places, Put, Rater, RaterKind, Said, Sheet, Trouble};
use crate::corpus::{Corpus, Sex};
use crate::label::SchemeId;

/// audiofolder, its table in one of three ways.
pub struct Audiofolder(pub Table);

/// How the table is written.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Table {
    /// `metadata.csv`.
    Csv,
    /// `metadata.jsonl`.
    Jsonl,
    /// `metadata.parquet`.
    Parquet,
}

impl Table {
    fn file(self) -> &'static str {
        match self {
            Table::Csv => "metadata.csv",
            Table::Jsonl => "metadata.jsonl",
            Table::Parquet => "metadata.parquet",
        }
    }
}

impl Exchange for Audiofolder {
    fn name(&self) -> &'static str {
        match self.0 {
            Table::Csv => "audiofolder",
            Table::Jsonl => "audiofolder-jsonl",
            Table::Parquet => "audiofolder-parquet",
        }
    }

    fn about(&self) -> &'static str {
        match self.0 {
            Table::Csv => "Hugging Face audiofolder: metadata.csv",
            Table::Jsonl => "Hugging Face audiofolder: metadata.jsonl",
            Table::Parquet => "Hugging Face audiofolder: metadata.parquet",
        }
    }

    fn keeps(&self) -> &'static [Part] {
        &[
            Part::Rater,
            Part::Scheme,
            Part::Question,
            Part::Time,
            Part::Confidence,
            Part::LeadTime,
            Part::Unjudged,
            Part::Span,
            Part::Speaker,
            Part::Text,
            Part::Split,
        ]
    }

    fn folder(&self) -> bool {
        true
    }

    fn fits(&self, files: &Folder) -> bool {
        self.tables(files).next().is_some()
    }

    fn read(&self, files: &Folder, _corpus: &Corpus) -> Result<Sheet, Trouble> {
        let mut reading = Reading { sheet: Sheet { name: files.title(), ..Sheet::default() }, places: Places::new() };
        for name in self.tables(files) {
            let place = files.place(name);
            let grid = match self.0 {
                Table::Csv => Grid::csv(&files.text(name)?, place)?,
                Table::Jsonl => lines(&files.text(name)?, place)?,
                Table::Parquet => Grid::parquet(files.bytes(name)?, place)?,
            };
            let folder = name.rsplit_once('/').map_or("", |(folder, _)| folder);
            reading.table(folder, &grid)?;
        }
        Ok(reading.sheet)
    }

    fn write(&self, sheet: &Sheet, _name: &str, put: &mut dyn Put) -> io::Result<()> {
        let files = files(sheet);
        put.put(self.0.file(), &mut |out| match self.0 {
            Table::Jsonl => files.iter().try_for_each(|file| {
                serde_json::to_writer(&mut *out, file)?;
                out.write_all(b"\n")
            }),
            Table::Csv => grid(&files)?.write_csv(out),
            Table::Parquet => grid(&files)?.write_parquet(&[Kind::Text; 7], out),
        })
    }
}

impl Audiofolder {
    /// The tables of the folder and of its splits.
    fn tables<'a>(&self, files: &'a Folder) -> impl Iterator<Item = &'a str> {
        let wanted = self.0.file();
        files.ending(wanted).filter(move |name| name.rsplit('/').next() == Some(wanted))
    }
}

/// A row as it is written.
#[derive(Serialize)]
struct File<'a> {
    file_name: &'a str,
    label: Option<String>,
    speaker: Option<&'a str>,
    gender: Option<&'a str>,
    text: Option<&'a str>,
    split: Option<&'a str>,
    annotations: Vec<Opinion>,
}

fn files(sheet: &Sheet) -> Vec<File<'_>> {
    let mut files: Vec<File<'_>> = Vec::new();
    let mut places: HashMap<&str, usize> = HashMap::new();
    let mut of_item = Vec::new();
    for item in &sheet.items {
        let at = *places.entry(&item.file).or_insert(files.len());
        if at == files.len() {
            let annotations = Vec::new();
            let (speaker, text, split) = (item.speaker.as_deref(), item.text.as_deref(), item.split.as_deref());
            let gender = item.sex.map(|sex| if sex == Sex::Female { "female" } else { "male" });
            files.push(File { file_name: &item.file, label: None, speaker, gender, text, split, annotations });
        }
        of_item.push(at);
    }
    for said in &sheet.said {
        files[of_item[said.item]].annotations.extend(Opinion::of(said, &sheet.items[said.item]));
    }
    for vote in sheet.one_question().kept(&[]).said {
        files[of_item[vote.item]].label = vote.value().map(str::to_owned);
    }
    files
}

fn grid(files: &[File<'_>]) -> io::Result<Grid> {
    let headings = ["file_name", "label", "speaker", "gender", "text", "split", "annotations"];
    let owned = |text: Option<&str>| text.map(str::to_owned);
    let row = |file: &File<'_>| {
        let annotations = Some(serde_json::to_string(&file.annotations)?);
        let name = Some(file.file_name.to_owned());
        let (speaker, gender) = (owned(file.speaker), owned(file.gender));
        let cells = vec![name, file.label.clone(), speaker, gender, owned(file.text), owned(file.split), annotations];
        Ok(Row { line: 0, cells })
    };
    let rows = files.iter().map(row).collect::<io::Result<_>>()?;
    Ok(Grid { place: String::new(), headings: headings.map(str::to_owned).into(), rows })
}

/// JSON lines as a table; what is no text or number stays JSON text.
fn lines(text: &str, place: String) -> Result<Grid, Trouble> {
    let mut objects: Vec<(usize, Map<String, Value>)> = Vec::new();
    for (at, line) in text.lines().enumerate().filter(|(_, line)| !line.trim().is_empty()) {
        let object = serde_json::from_str(line).map_err(|error| Trouble::json(&place, at + 1, &error))?;
        objects.push((at + 1, object));
    }
    let mut headings: Vec<String> = Vec::new();
    for name in objects.iter().flat_map(|(_, object)| object.keys()) {
        if !headings.contains(name) && headings.len() < COLUMNS {
            headings.push(name.clone());
        }
    }
    let cell = |value: &Value| match value {
        Value::Null => None,
        Value::String(text) => Some(text.clone()).filter(|text| !text.is_empty()),
        other => Some(other.to_string()),
    };
    let row = |(line, object): (usize, Map<String, Value>)| Row {
        line,
        cells: headings.iter().map(|name| object.get(name).and_then(cell)).collect(),
    };
    let rows = objects.into_iter().map(row).collect();
    Ok(Grid { place, headings, rows })
}

/// More columns than this are not looked at.
const COLUMNS: usize = 1000;

/// Headings that say what others' data sets hold.
const FILE: &[&str] = &["file_name", "audio_file_name", "file"];
const CLASSES: &[&str] = &["emotion", "label", "labels", "class"];
const SCALES: &[&str] = &["valence", "arousal", "dominance", "activation"];

struct Reading {
    sheet: Sheet,
    places: Places,
}

impl Reading {
    fn table(&mut self, folder: &str, grid: &Grid) -> Result<(), Trouble> {
        let Some(file) = grid.column(FILE) else {
            return Err(Trouble::line(&grid.place, 1, 1, "no column `file_name`"));
        };
        let described = [
            grid.column(&["speaker", "speaker_id"]),
            grid.column(&["gender", "sex"]),
            grid.column(&["text", "transcription", "transcript", "sentence"]),
            grid.column(&["split"]),
        ];
        let annotations = grid.column(&["annotations"]);
        let part = folder.rsplit('/').next().filter(|name| !name.is_empty());
        for row in &grid.rows {
            let Some(name) = &row.cells[file] else { return Err(grid.trouble(row, file, "no file")) };
            let path = if folder.is_empty() { name.clone() } else { format!("{folder}/{name}") };
            let [speaker, sex, text, split] = described.map(|at| at.and_then(|at| row.cells[at].clone()));
            let sex = sex.as_deref().and_then(sex_of);
            let split = split.or_else(|| part.map(str::to_owned));
            let item = Item { speaker, sex, text, split, ..Item::of(path) };
            let place = self.sheet.place(item.clone(), &mut self.places);
            match annotations.map(|at| (at, row.cells[at].as_deref())) {
                Some((at, Some(json))) => self.opinions(&item, json).map_err(|reason| grid.trouble(row, at, reason))?,
                Some((_, None)) => {}
                None => self.truth(place, grid, row)?,
            }
        }
        Ok(())
    }

    fn opinions(&mut self, item: &Item, json: &str) -> Result<(), String> {
        let all: Vec<Opinion> = serde_json::from_str(json).map_err(|error| error.to_string())?;
        for one in all {
            let item = Item { span: one.span(), ..item.clone() };
            let place = self.sheet.place(item, &mut self.places);
            self.sheet.said.push(one.said(place)?);
        }
        Ok(())
    }

    /// What others' columns say.
    fn truth(&mut self, item: usize, grid: &Grid, row: &Row) -> Result<(), Trouble> {
        let rater = || Some(Rater::new(RaterKind::Truth, self.sheet.name.clone()));
        let mut said = Vec::new();
        let class = grid.column(CLASSES).into_iter().map(|at| (at, false));
        for (at, scale) in class.chain(SCALES.iter().filter_map(|name| Some((grid.column(&[name])?, true)))) {
            let Some(text) = &row.cells[at] else { continue };
            let value = match scale {
                true => number(text).ok_or_else(|| grid.trouble(row, at, format!("`{text}` is no number")))?,
                false => text.clone(),
            };
            let scheme = Some(SchemeId { name: grid.headings[at].clone(), version: 1 });
            said.push(Said { scheme, ..Said::answer(item, rater(), value) });
        }
        self.sheet.said.extend(said);
        Ok(())
    }
}
