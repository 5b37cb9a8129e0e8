//! Plans as files: what emolab writes for others and reads back, and what others hand out.
//!
//! Read: JSON as emolab writes it; a CSV or TSV with a file column and either one column of folds or parts (`fold`, `split`,
//! …) or a column per fold that says `train`, `dev`, `test` or nothing; EmoBox's folders (`fold_k/…_train_fold_k.jsonl`,
//! `…_valid_…`, `…_test_…`; Ma et al. 2024). Written: JSON and CSV. Labels in such files are not read: the corpus' own count.
//! Deliberately absent: looking for leaks (see `guard`).

use std::collections::{BTreeMap, BTreeSet, HashMap};
use std::fs;
use std::io::{self};
use std::path::{Path, PathBuf};

use serde::{Deserialize, Serialize};

use super::given::{Side, by_value, parts_of};
use super::{Layout, Plan, PlanError, Rows, Split};
use crate::corpus::ClipId;

/// Headings that the file column may have, and the column of folds or parts.
const FILES: &[&str] = &["file", "path", "file_name", "filename", "audio", "wav", "clip", "id"];
const PARTS: &[&str] = &["fold", "split", "part", "partition", "subset", "set"];

/// A plan as a file.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct PlanFile {
    /// Named in errors.
    place: String,
    content: Content,
}

#[derive(Debug, Clone, PartialEq, Eq)]
enum Content {
    /// As emolab writes it.
    Own(Own),
    /// Lists of clips per fold and side.
    Lists(Vec<List>),
    /// A value per clip, and what it is called.
    Values(String, Vec<(String, String)>),
}

/// A fold's name, and clips per side.
type List = (String, Vec<(Side, Vec<String>)>);

/// The JSON that emolab writes.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
struct Own {
    /// Version of this format.
    emolab_plan: u32,
    /// The plan that made the folds, as typed.
    plan: String,
    seed: u64,
    corpus: String,
    target: String,
    #[serde(default)]
    notes: Vec<String>,
    folds: Vec<OwnFold>,
}

#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
struct OwnFold {
    name: String,
    test: Vec<String>,
    /// Absent where the fold learns from every clip that other folds test.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    train: Option<Vec<String>>,
}

/// Where a layout comes from, for the file.
#[derive(Debug, Clone, Copy)]
pub struct Maker<'a> {
    /// The plan that made it.
    pub plan: &'a Plan,
    /// Its seed.
    pub seed: u64,
    /// Name of the corpus.
    pub corpus: &'a str,
    /// What is recognised, as typed.
    pub target: &'a str,
}

impl PlanFile {
    /// The file of a layout; `ids` names its rows.
    pub fn of(layout: &Layout, ids: &[ClipId], origin: Maker<'_>) -> PlanFile {
        let names = |rows: &[usize]| rows.iter().map(|row| ids[*row].0.to_string()).collect::<Vec<_>>();
        let tested: usize = layout.splits.iter().map(|split| split.test.len()).sum();
        let fold = |split: &Split| OwnFold {
            name: split.name.clone(),
            test: names(&split.test),
            train: (split.train.len() + split.test.len() < tested).then(|| names(&split.train)),
        };
        // A plan of parts tests few clips: then every fold says what it learns from.
        let all_tested = layout.splits.iter().all(|split| split.train.len() + split.test.len() <= tested);
        let full = |split: &Split| OwnFold { train: Some(names(&split.train)), ..fold(split) };
        let own = Own {
            emolab_plan: 1,
            plan: origin.plan.to_string(),
            seed: origin.seed,
            corpus: origin.corpus.to_owned(),
            target: origin.target.to_owned(),
            notes: layout.notes.clone(),
            folds: layout.splits.iter().map(|split| if all_tested { fold(split) } else { full(split) }).collect(),
        };
        PlanFile { place: String::new(), content: Content::Own(own) }
    }

    /// The file's text: CSV for a name that ends so (without the plan and its seed), else JSON.
    ///
    /// # Errors
    /// It was read from a file of others.
    pub fn text(&self, path: &Path) -> io::Result<Vec<u8>> {
        let Content::Own(own) = &self.content else {
            return Err(io::Error::other("only emolab's own plans are written"));
        };
        if ending(path) == "csv" {
            return csv_of(own);
        }
        let mut bytes = serde_json::to_vec_pretty(own)?;
        bytes.push(b'\n');
        Ok(bytes)
    }

    /// Reads a file, or a folder of EmoBox's.
    ///
    /// # Errors
    /// [`PlanError::Odd`] with the file and what is wrong with it.
    pub fn read(path: &Path) -> Result<PlanFile, PlanError> {
        let place = path.display().to_string();
        let bad = |reason: String| PlanError::odd(&place, reason);
        let text = |path: &Path| fs::read_to_string(path).map_err(|error| bad(error.to_string()));
        let content = match ending(path).as_str() {
            _ if path.is_dir() => Content::Lists(emobox(path)?),
            "jsonl" => Content::Lists(emobox(path.parent().unwrap_or(Path::new(".")))?),
            "csv" | "tsv" => table(&text(path)?, &bad)?,
            _ => {
                let own: Own = serde_json::from_str(&text(path)?).map_err(|error| bad(error.to_string()))?;
                if own.emolab_plan != 1 {
                    return Err(bad(format!("a plan of version {}; this emolab reads version 1", own.emolab_plan)));
                }
                Content::Own(own)
            }
        };
        Ok(PlanFile { place, content })
    }

    /// The splits of these rows. Clips that the file names and the rows lack are an error in a plan that emolab made, for
    /// then its splits cannot be had again; in others' they are told.
    ///
    /// # Errors
    /// [`PlanError::Odd`]: unknown clips, one on both sides of a fold, one tested twice, an empty part.
    pub fn lay(&self, rows: &Rows<'_>) -> Result<Layout, PlanError> {
        let mut names = Names::of(&rows.traits.ids);
        let mut notes = Vec::new();
        let mut promise = Plan::Folds(PathBuf::new()).promise();
        let splits = match &self.content {
            Content::Own(own) => {
                let made: Plan =
                    own.plan.parse().map_err(|why: PlanError| PlanError::odd(&self.place, why.to_string()))?;
                promise = made.promise();
                notes.push(format!("folds of {}: made by {}, seed {}", self.place, own.plan, own.seed));
                notes.extend(own.notes.clone());
                let splits = own.splits(&mut names);
                if let Some(lost) = names.lost() {
                    return Err(PlanError::odd(&self.place, lost));
                }
                splits
            }
            Content::Lists(folds) => {
                let mut splits = Vec::new();
                for (name, parts) in folds {
                    let found = parts.iter().map(|(side, files)| (*side, names.rows(files))).collect::<Vec<_>>();
                    splits.push(parts_of(found.into_iter(), (name, &self.place), &mut notes)?);
                }
                splits
            }
            Content::Values(what, all) => {
                let mut values = vec![None; rows.labels.len()];
                for (file, value) in all {
                    if let Some(row) = names.find(file) {
                        values[row] = Some(value.clone());
                    }
                }
                let (splits, told) = by_value(&self.place, what, &values)?;
                notes.extend(told);
                splits
            }
        };
        notes.extend(names.lost());
        self.check(&splits, rows)?;
        notes.extend(unused(&splits, rows));
        Ok(Layout { splits, notes, promise })
    }

    fn check(&self, splits: &[Split], rows: &Rows<'_>) -> Result<(), PlanError> {
        let mut tested = BTreeMap::new();
        let name = |row: usize| rows.traits.ids.get(row).map_or_else(|| row.to_string(), |id| id.0.to_string());
        let bad = |reason: String| Err(PlanError::odd(&self.place, reason));
        for split in splits {
            if let Some(row) = split.test.iter().find(|row| split.train.binary_search(row).is_ok()) {
                return bad(format!("{}: {} is learnt from and tested", split.name, name(*row)));
            }
            for row in &split.test {
                if let Some(other) = tested.insert(*row, &split.name) {
                    return bad(format!(
                        "{} is tested in {other} and in {}; --repeats repeats a plan",
                        name(*row),
                        split.name
                    ));
                }
            }
        }
        if splits.is_empty() { bad("there are no folds in it".to_owned()) } else { Ok(()) }
    }
}

impl Own {
    fn splits(&self, names: &mut Names<'_>) -> Vec<Split> {
        let tested: Vec<Vec<usize>> = self.folds.iter().map(|fold| names.rows(&fold.test)).collect();
        let all: BTreeSet<usize> = tested.iter().flatten().copied().collect();
        let split = |(fold, test): (&OwnFold, Vec<usize>)| {
            let train = match &fold.train {
                Some(files) => names.rows(files),
                None => all.iter().copied().filter(|row| test.binary_search(row).is_err()).collect(),
            };
            Split { name: fold.name.clone(), train, test }
        };
        self.folds.iter().zip(tested).map(split).collect()
    }
}

/// The rows that a file's words for clips mean.
struct Names<'a> {
    by_id: HashMap<&'a str, usize>,
    /// By file name without its ending; `None` where several share it.
    by_stem: HashMap<&'a str, Option<usize>>,
    unknown: BTreeSet<String>,
}

impl<'a> Names<'a> {
    fn of(ids: &'a [ClipId]) -> Self {
        let mut names = Names { by_id: HashMap::new(), by_stem: HashMap::new(), unknown: BTreeSet::new() };
        for (row, id) in ids.iter().enumerate() {
            names.by_id.insert(&id.0, row);
            names.by_stem.entry(stem(&id.0)).and_modify(|row| *row = None).or_insert(Some(row));
        }
        names
    }

    /// The clip of that id, else of the longest end of the path that is an id, else the only one of that name whatever
    /// its folder and ending (EmoBox gives paths within its own downloads).
    fn find(&mut self, written: &str) -> Option<usize> {
        let mut rest = written;
        let found = loop {
            if let Some(row) = self.by_id.get(rest) {
                break Some(*row);
            }
            match rest.split_once('/') {
                Some((_, inner)) => rest = inner,
                None => break self.by_stem.get(stem(written)).copied().flatten(),
            }
        };
        if found.is_none() {
            self.unknown.insert(written.to_owned());
        }
        found
    }

    /// Ascending, each once.
    fn rows(&mut self, files: &[String]) -> Vec<usize> {
        let found: BTreeSet<usize> = files.iter().filter_map(|file| self.find(file)).collect();
        found.into_iter().collect()
    }

    /// What was not found, in words.
    fn lost(&self) -> Option<String> {
        let first = self.unknown.first()?;
        let count = self.unknown.len();
        Some(format!("{count} clips of the plan are none of the corpus with a label, the first: {first}"))
    }
}

fn unused(splits: &[Split], rows: &Rows<'_>) -> Option<String> {
    let used: BTreeSet<usize> =
        splits.iter().flat_map(|split| split.train.iter().chain(&split.test)).copied().collect();
    let first = (0..rows.labels.len()).find(|row| !used.contains(row))?;
    let name = rows.traits.ids.get(first).map_or("", |id| &id.0);
    let count = rows.labels.len() - used.len();
    Some(format!("{count} clips of the corpus are in no fold of the plan and left out, the first: {name}"))
}

fn stem(path: &str) -> &str {
    let name = path.rsplit_once('/').map_or(path, |(_, name)| name);
    name.rsplit_once('.').map_or(name, |(stem, _)| stem)
}

fn ending(path: &Path) -> String {
    path.extension().map(|ending| ending.to_string_lossy().to_lowercase()).unwrap_or_default()
}

/// A row per clip: the number of the fold that tests it where folds learn from all the rest, else a column per fold.
fn csv_of(own: &Own) -> io::Result<Vec<u8>> {
    let mut sides: BTreeMap<&str, Vec<&str>> = BTreeMap::new();
    for (at, fold) in own.folds.iter().enumerate() {
        let parts = [("test", Some(&fold.test)), ("train", fold.train.as_ref())];
        for (side, file) in parts
            .iter()
            .flat_map(|(side, files)| files.iter().flat_map(move |all| all.iter().map(move |file| (side, file))))
        {
            sides.entry(file).or_insert_with(|| vec![""; own.folds.len()])[at] = side;
        }
    }
    let mut out = csv::Writer::from_writer(Vec::new());
    if own.folds.iter().all(|fold| fold.train.is_none()) {
        out.write_record(["file", "fold"])?;
        for (file, of_fold) in &sides {
            let fold = of_fold.iter().position(|side| *side == "test").map_or(0, |at| at + 1);
            out.write_record([file, fold.to_string().as_str()])?;
        }
    } else {
        out.write_record(std::iter::once("file").chain(own.folds.iter().map(|fold| fold.name.as_str())))?;
        for (file, of_fold) in &sides {
            out.write_record(std::iter::once(file).chain(of_fold))?;
        }
    }
    out.flush()?;
    out.into_inner().map_err(|error| io::Error::other(error.to_string()))
}

/// Folds of a table.
fn table(text: &str, bad: &dyn Fn(String) -> PlanError) -> Result<Content, PlanError> {
    let first = text.lines().next().unwrap_or_default();
    let delimiter = [b';', b'\t', b','].into_iter().max_by_key(|d| first.bytes().filter(|b| b == d).count());
    let mut reader = csv::ReaderBuilder::new()
        .delimiter(delimiter.unwrap_or(b','))
        .trim(csv::Trim::All)
        .from_reader(text.as_bytes());
    let headings = reader.headers().map_err(|error| bad(error.to_string()))?.clone();
    let place =
        |words: &[&str]| words.iter().find_map(|word| headings.iter().position(|h| h.eq_ignore_ascii_case(word)));
    let file = place(FILES).ok_or_else(|| bad(format!("no file column ({})", FILES.join(", "))))?;
    let records: Vec<csv::StringRecord> =
        reader.records().collect::<Result<_, _>>().map_err(|error| bad(error.to_string()))?;
    let cell = |record: &csv::StringRecord, at: usize| record.get(at).unwrap_or_default().to_owned();
    if let Some(part) = place(PARTS) {
        let values = records.iter().map(|record| (cell(record, file), cell(record, part))).collect();
        return Ok(Content::Values(headings[part].to_owned(), values));
    }
    let mut folds = Vec::new();
    for at in (0..headings.len()).filter(|at| *at != file) {
        let mut parts: BTreeMap<String, Vec<String>> = BTreeMap::new();
        records.iter().for_each(|record| parts.entry(cell(record, at)).or_default().push(cell(record, file)));
        parts.remove("");
        let sides: Option<Vec<_>> = parts.into_iter().map(|(word, files)| Some((Side::named(&word)?, files))).collect();
        folds.extend(sides.filter(|sides| !sides.is_empty()).map(|sides| (headings[at].to_owned(), sides)));
    }
    let wanted = || format!("no column of folds ({}) and none that says train, dev and test", PARTS.join(", "));
    if folds.is_empty() { Err(bad(wanted())) } else { Ok(Content::Lists(folds)) }
}

/// Folds of EmoBox, in the order of their numbers.
fn emobox(folder: &Path) -> Result<Vec<List>, PlanError> {
    let bad = |path: &Path, reason: String| PlanError::odd(path.display().to_string(), reason);
    let inside = |folder: &Path| -> Result<Vec<PathBuf>, PlanError> {
        let all =
            fs::read_dir(folder).and_then(|all| all.map(|entry| Ok(entry?.path())).collect::<io::Result<Vec<_>>>());
        all.map_err(|error| bad(folder, error.to_string()))
    };
    let name = |path: &Path| path.file_name().map(|name| name.to_string_lossy().into_owned()).unwrap_or_default();
    let mut folds: Vec<(u32, PathBuf)> = Vec::new();
    for path in inside(folder)? {
        folds.extend(name(&path).strip_prefix("fold_").and_then(|k| k.parse().ok()).map(|k| (k, path.clone())));
    }
    folds.sort();
    let mut all = Vec::new();
    for (k, path) in folds {
        let mut parts: Vec<(Side, Vec<String>)> = Vec::new();
        for list in inside(&path)?.into_iter().filter(|list| ending(list) == "jsonl") {
            let side = name(&list).split('_').find_map(Side::named);
            let Some(side) = side else { continue };
            if parts.iter().any(|(other, _)| *other == side) {
                return Err(bad(&list, "a second list of this part of the fold".to_owned()));
            }
            parts.push((side, lines(&list)?));
        }
        all.push((format!("fold {k}"), parts));
    }
    let none = || bad(folder, "no fold_1, fold_2, … in it".to_owned());
    if all.is_empty() { Err(none()) } else { Ok(all) }
}

/// The `wav` of each line (`key` where there is none).
fn lines(path: &Path) -> Result<Vec<String>, PlanError> {
    #[derive(Deserialize)]
    struct Line {
        wav: Option<String>,
        key: Option<String>,
    }
    let bad = |reason: String| PlanError::odd(path.display().to_string(), reason);
    let text = fs::read_to_string(path).map_err(|error| bad(error.to_string()))?;
    let lines = text.lines().enumerate().filter(|(_, line)| !line.trim().is_empty());
    let file = |(at, line): (usize, &str)| {
        let line: Line = serde_json::from_str(line).map_err(|error| bad(format!("line {}: {error}", at + 1)))?;
        line.wav.or(line.key).ok_or_else(|| bad(format!("line {}: no `wav`", at + 1)))
    };
    lines.map(file).collect()
}
