//! Formats `audformat` and `audformat-parquet`: a folder with `db.yaml` and a table per question (`db.<table>.csv` or `.parquet`), as
//! the Python package audformat and audEERING's audb read and write.
//!
//! A question is a table whose columns are raters (typed human, machine, ground truth, vote, other); `<rater>.confidence`,
//! `<rater>.time` and `<rater>.duration` stand beside them, answers about parts of files in `<table>.segments`. Speaker, sex and text
//! are in the table `files`, one per split. Which scheme, question and rater a column means also stands in `db.yaml` as `emolab`, so
//! that names survive. Databases of others are read by their schemes: what has labels or bounds is an answer, `speaker`, `gender` and
//! the like describe the clip. Not kept: skips, notes, flags, "cannot judge", what was undone, how clips were heard but for the
//! seconds. Pickled tables are never opened.
//!
//! <https://audeering.github.io/audformat/data-format.html>

use std::collections::{BTreeMap, BTreeSet};
use std::io;

use serde::{Deserialize, Serialize};

use super::grid::{Grid, Kind, Row};
use super::sheet::{lead_time, number, topic};
use super::{Asked, Exchange, Expected, Folder, Item, Part, Places, Put, Rater, RaterKind, Said, Sheet, Trouble};
use crate::corpus::{Corpus, Sex};
use crate::label::{Act, SchemeId, Timestamp};

/// audformat, its tables in one of two ways.
pub struct Audformat {
    /// Tables as Parquet, not CSV.
    pub parquet: bool,
}

const HEADER: &str = "db.yaml";

impl Exchange for Audformat {
    fn name(&self) -> &'static str {
        if self.parquet { "audformat-parquet" } else { "audformat" }
    }

    fn about(&self) -> &'static str {
        if self.parquet { "audformat: db.yaml and Parquet tables" } else { "audformat: db.yaml and CSV tables" }
    }

    fn keeps(&self) -> &'static [Part] {
        &[
            Part::Rater,
            Part::Scheme,
            Part::Question,
            Part::Time,
            Part::Confidence,
            Part::LeadTime,
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
        let parquet = files.ending(".parquet").any(|name| name.starts_with("db."));
        files.has(HEADER) && parquet == self.parquet || files.only().is_some_and(|name| name == HEADER && !self.parquet)
    }

    fn read(&self, files: &Folder, _corpus: &Corpus) -> Result<Sheet, Trouble> {
        Reader::open(files)?.read(files)
    }

    fn write(&self, sheet: &Sheet, _name: &str, put: &mut dyn Put) -> io::Result<()> {
        let mut database = Database::of(sheet);
        let mut tables = described(sheet, &mut database);
        tables.extend(answered(sheet, &mut database));
        let header = serde_saphyr::to_string(&database).map_err(io::Error::other)?;
        put.put(HEADER, &mut |out| out.write_all(header.as_bytes()))?;
        for (name, (grid, kinds)) in &tables {
            match self.parquet {
                true => put.put(&format!("db.{name}.parquet"), &mut |out| grid.write_parquet(kinds, out))?,
                false => put.put(&format!("db.{name}.csv"), &mut |out| grid.write_csv(out))?,
            }
        }
        Ok(())
    }
}

/// `db.yaml`.
#[derive(Debug, Default, Serialize, Deserialize)]
struct Database {
    #[serde(default)]
    name: String,
    #[serde(default)]
    source: String,
    #[serde(default)]
    usage: String,
    #[serde(default)]
    raters: BTreeMap<String, RaterHead>,
    #[serde(default)]
    schemes: BTreeMap<String, SchemeHead>,
    #[serde(default)]
    splits: BTreeMap<String, SplitHead>,
    #[serde(default)]
    tables: BTreeMap<String, TableHead>,
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    misc_tables: BTreeMap<String, TableHead>,
}

#[derive(Debug, Serialize, Deserialize)]
struct RaterHead {
    #[serde(default, rename = "type")]
    kind: String,
}

#[derive(Debug, Serialize, Deserialize)]
struct SplitHead {
    #[serde(default, rename = "type")]
    kind: String,
}

#[derive(Debug, Default, Clone, Serialize, Deserialize)]
struct SchemeHead {
    #[serde(default)]
    dtype: String,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    labels: Option<Labels>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    minimum: Option<f64>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    maximum: Option<f64>,
}

/// Classes, classes with what is known of them, or the misc table that lists them.
#[derive(Debug, Clone, Serialize, Deserialize)]
#[serde(untagged)]
enum Labels {
    List(Vec<Scalar>),
    Known(BTreeMap<String, Option<BTreeMap<String, serde_json::Value>>>),
    Table(String),
}

#[derive(Debug, Clone, Serialize, Deserialize)]
#[serde(untagged)]
enum Scalar {
    Bool(bool),
    Integer(i64),
    Float(f64),
    Text(String),
}

#[derive(Debug, Default, Serialize, Deserialize)]
struct TableHead {
    #[serde(default, rename = "type", skip_serializing_if = "String::is_empty")]
    kind: String,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    split_id: Option<String>,
    #[serde(default)]
    columns: BTreeMap<String, ColumnHead>,
}

#[derive(Debug, Default, Clone, Serialize, Deserialize)]
struct ColumnHead {
    #[serde(default, skip_serializing_if = "Option::is_none")]
    scheme_id: Option<String>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    rater_id: Option<String>,
    /// What the column means to us.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    emolab: Option<Meant>,
}

#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
struct Meant {
    #[serde(default, skip_serializing_if = "Option::is_none")]
    scheme: Option<String>,
    #[serde(default)]
    question: String,
    rater: String,
    /// `value`, `confidence`, `time`, `duration`.
    part: String,
}

fn kind_word(kind: RaterKind) -> &'static str {
    match kind {
        RaterKind::Truth => "ground truth",
        kind => kind.word(),
    }
}

/// Tables by name, each with the kinds of its columns.
type Tables = BTreeMap<String, (Grid, Vec<Kind>)>;

impl Database {
    fn of(sheet: &Sheet) -> Database {
        let mut database = Database {
            name: if sheet.name.is_empty() { "emolab".to_owned() } else { sheet.name.clone() },
            usage: "other".to_owned(),
            ..Database::default()
        };
        for rater in sheet.said.iter().filter_map(|said| said.rater.as_ref()) {
            database.raters.insert(rater.to_string(), RaterHead { kind: kind_word(rater.kind).to_owned() });
        }
        let splits: BTreeSet<&String> = sheet.items.iter().filter_map(|item| item.split.as_ref()).collect();
        for split in splits {
            let kind = if ["train", "dev", "test"].contains(&split.as_str()) { split } else { "other" };
            database.splits.insert(split.clone(), SplitHead { kind: kind.to_owned() });
        }
        database
    }

    fn scheme(&mut self, name: &str, dtype: &str) -> &mut SchemeHead {
        let head = SchemeHead { dtype: dtype.to_owned(), ..SchemeHead::default() };
        self.schemes.entry(name.to_owned()).or_insert(head)
    }
}

/// The tables `files`: what describes clips, a table per split.
fn described(sheet: &Sheet, database: &mut Database) -> Tables {
    let mut tables = Tables::new();
    let items: Vec<&Item> = sheet.items.iter().filter(|item| item.span.is_none()).collect();
    // In the order of `db.yaml`: audformat gives the columns of a CSV table their names by place.
    let columns = ["gender", "speaker", "text"];
    for item in &items {
        let name = item.split.as_ref().map_or("files".to_owned(), |split| format!("files.{}", word(split)));
        let (grid, _) = tables.entry(name.clone()).or_insert_with(|| {
            let heading = |name: &&str| (*name).to_owned();
            let head = |name: &&str| {
                ((*name).to_owned(), ColumnHead { scheme_id: Some((*name).to_owned()), ..ColumnHead::default() })
            };
            let columns_of = columns.iter().map(head).collect();
            let head = TableHead { kind: "filewise".to_owned(), split_id: item.split.clone(), columns: columns_of };
            database.tables.insert(name, head);
            let headings = std::iter::once(&"file").chain(&columns).map(heading).collect();
            (Grid { headings, ..Grid::default() }, vec![Kind::Text; 4])
        });
        let sex = item.sex.map(|sex| if sex == Sex::Female { "female" } else { "male" }.to_owned());
        grid.rows
            .push(Row { line: 0, cells: vec![Some(item.file.clone()), sex, item.speaker.clone(), item.text.clone()] });
    }
    if !tables.is_empty() {
        for name in columns {
            database.scheme(name, "str");
        }
        let sexes = ["female", "male"].map(|sex| Scalar::Text(sex.to_owned()));
        database.scheme("gender", "str").labels = Some(Labels::List(sexes.into()));
    }
    tables
}

/// One table per question, and another for parts of files.
fn answered(sheet: &Sheet, database: &mut Database) -> Tables {
    let mut questions: BTreeMap<(Option<&SchemeId>, &str, bool), Vec<&Said>> = BTreeMap::new();
    for said in sheet.said.iter().filter(|said| said.value().is_some_and(|value| !value.is_empty())) {
        let part = sheet.items[said.item].span.is_some();
        questions.entry((said.scheme.as_ref(), said.question(), part)).or_default().push(said);
    }
    let mut tables = Tables::new();
    for ((scheme, question, part), all) in questions {
        let title = word(&topic(scheme, question).replace('/', "."));
        let title = if title.is_empty() { "labels".to_owned() } else { title };
        let kind = ask(sheet.expected(scheme, question), &all, database.scheme(&title, "str"));
        let name = if part { format!("{title}.segments") } else { title.clone() };
        let wide = Wide::of(&all, part);
        let mut head = TableHead { kind: wide.kind().to_owned(), ..TableHead::default() };
        let mut kinds = vec![Kind::Text; if part { 3 } else { 1 }];
        for (rater, part) in &wide.columns {
            let meant = Meant {
                scheme: scheme.map(ToString::to_string),
                question: question.to_owned(),
                rater: rater.clone(),
                part: (*part).to_owned(),
            };
            let (scheme_id, kind) = match *part {
                "value" => (title.clone(), kind),
                "confidence" => (bounded(database, "confidence", "float"), Kind::Float),
                "time" => (bounded(database, "time", "date"), Kind::Text),
                _ => (bounded(database, "duration", "time"), Kind::Text),
            };
            kinds.push(kind);
            let column = ColumnHead { scheme_id: Some(scheme_id), rater_id: Some(rater.clone()), emolab: Some(meant) };
            head.columns.insert(heading(rater, part), column);
        }
        database.tables.insert(name.clone(), head);
        tables.insert(name, (wide.grid(&all, sheet), kinds));
    }
    tables
}

fn heading(rater: &str, part: &str) -> String {
    if part == "value" { rater.to_owned() } else { format!("{rater}.{part}") }
}

fn bounded(database: &mut Database, name: &str, dtype: &str) -> String {
    let head = database.scheme(name, dtype);
    if name == "confidence" {
        (head.minimum, head.maximum) = (Some(0.0), Some(1.0));
    }
    name.to_owned()
}

/// Says what may be answered, as wide as what was answered.
fn ask(expected: Option<&Expected>, all: &[&Said], head: &mut SchemeHead) -> Kind {
    let met: BTreeSet<String> = all.iter().filter_map(|said| said.value().map(str::to_owned)).collect();
    match (expected.cloned().unwrap_or_else(|| Expected::met(&met)), Expected::met(&met)) {
        (Expected::Scale(low, high), Expected::Scale(least, most)) => {
            (head.minimum, head.maximum) = (Some(low.min(least)), Some(high.max(most)));
            let whole = [low, high].iter().all(|end| end.fract() == 0.0)
                && met.iter().all(|value| value.parse::<i64>().is_ok_and(|number| number.to_string() == *value));
            head.dtype = if whole { "int" } else { "float" }.to_owned();
            if whole { Kind::Integer } else { Kind::Float }
        }
        (Expected::Choice(classes), _) => {
            let mut labels = classes;
            labels.extend(met.into_iter().filter(|value| !labels.contains(value)).collect::<Vec<_>>());
            head.labels = Some(Labels::List(labels.into_iter().map(Scalar::Text).collect()));
            Kind::Text
        }
        _ => Kind::Text,
    }
}

/// A name that can stand in a file's name.
fn word(text: &str) -> String {
    text.chars().map(|c| if c.is_alphanumeric() || "._-+@".contains(c) { c } else { '_' }).collect()
}

/// Answers to one question, a row per item, columns per rater.
struct Wide {
    items: Vec<usize>,
    columns: Vec<(String, &'static str)>,
    part: bool,
}

impl Wide {
    fn of(all: &[&Said], part: bool) -> Wide {
        let mut items: Vec<usize> = all.iter().map(|said| said.item).collect();
        items.sort_unstable();
        items.dedup();
        let mut columns = BTreeSet::new();
        for said in all {
            let rater = rater(said);
            columns.insert((rater.clone(), "value"));
            columns.extend(said.confidence.map(|_| (rater.clone(), "confidence")));
            columns.extend(said.at.map(|_| (rater.clone(), "time")));
            columns.extend(said.seconds().map(|_| (rater, "duration")));
        }
        let mut columns: Vec<(String, &'static str)> = columns.into_iter().collect();
        columns.sort_by_key(|(rater, part)| heading(rater, part));
        Wide { items, columns, part }
    }

    fn kind(&self) -> &'static str {
        if self.part { "segmented" } else { "filewise" }
    }

    fn grid(&self, all: &[&Said], sheet: &Sheet) -> Grid {
        let index: &[&str] = if self.part { &["file", "start", "end"] } else { &["file"] };
        let names = self.columns.iter().map(|(rater, part)| heading(rater, part));
        let headings: Vec<String> = index.iter().map(|name| (*name).to_owned()).chain(names).collect();
        let row = |item: &usize| {
            let Item { file, span, .. } = &sheet.items[*item];
            let mut cells = vec![None; headings.len()];
            cells[0] = Some(file.clone());
            if let (Some((start, end)), true) = (span, self.part) {
                (cells[1], cells[2]) = (Some(duration(*start)), Some(duration(*end)));
            }
            Row { line: 0, cells }
        };
        let mut rows: Vec<Row> = self.items.iter().map(row).collect();
        for said in all {
            let rater = rater(said);
            let Ok(at) = self.items.binary_search(&said.item) else { continue };
            let mut set = |part: &'static str, text: Option<String>| {
                let column = self.columns.iter().position(|(name, of)| *name == rater && *of == part);
                if let (Some(column), Some(text)) = (column, text) {
                    rows[at].cells[index.len() + column] = Some(text);
                }
            };
            set("value", said.value().map(str::to_owned));
            set("confidence", said.confidence.map(|sure| sure.to_string()));
            set("time", said.at.map(|at| at.to_string().replace('T', " ").replace('Z', "")));
            set("duration", said.seconds().map(duration));
        }
        Grid { place: String::new(), headings, rows }
    }
}

fn rater(said: &Said) -> String {
    said.rater.as_ref().map(ToString::to_string).unwrap_or_default()
}

/// As pandas writes a time span.
fn duration(seconds: f64) -> String {
    let nanos = (seconds * 1e9).round().max(0.0) as u64;
    let (whole, rest) = (nanos / 1_000_000_000, nanos % 1_000_000_000);
    let (days, hours, minutes) = (whole / 86_400, whole / 3600 % 24, whole / 60 % 60);
    let fraction = if rest % 1000 == 0 { format!("{:06}", rest / 1000) } else { format!("{rest:09}") };
    format!("{days} days {hours:02}:{minutes:02}:{:02}.{fraction}", whole % 60)
}

/// Seconds of a time span: pandas' words, a clock, nanoseconds (as Parquet has them) or seconds with `s`.
fn seconds(text: &str) -> Option<f64> {
    if let Ok(nanos) = text.parse::<i64>() {
        return Some(nanos as f64 / 1e9);
    }
    if let Some(plain) = text.strip_suffix('s').and_then(|number| number.parse::<f64>().ok()) {
        return Some(plain).filter(|seconds| seconds.is_finite());
    }
    let (days, clock) = match text.split_once(" day") {
        Some((days, rest)) => (days.trim().parse::<u32>().ok()?, rest.trim_start_matches('s').trim()),
        None => (0, text),
    };
    let (clock, fraction) = clock.split_once('.').unwrap_or((clock, ""));
    let mut whole = u64::from(days) * 86_400;
    let mut unit = 1;
    for part in clock.rsplit(':').take(3) {
        whole += unit * u64::from(part.parse::<u32>().ok()?);
        unit *= 60;
    }
    let digits =
        fraction.get(..fraction.len().min(9)).filter(|digits| digits.bytes().all(|byte| byte.is_ascii_digit()))?;
    let nanos: u64 = format!("{digits:0<9}").parse().ok()?;
    Some((whole * 1_000_000_000 + nanos) as f64 / 1e9)
}

/// A moment; without an offset it is UTC.
fn moment(text: &str) -> Option<Timestamp> {
    let text = text.trim().replacen(' ', "T", 1);
    text.parse().or_else(|_| format!("{text}Z").parse()).ok()
}

/// Columns that describe clips.
const SPEAKER: &[&str] = &["speaker", "speaker_id"];
const SEX: &[&str] = &["gender", "sex"];
const TEXT: &[&str] = &["text", "transcription", "transcript", "sentence"];

struct Reader {
    database: Database,
    sheet: Sheet,
    places: Places,
}

impl Reader {
    fn open(files: &Folder) -> Result<Reader, Trouble> {
        let text = files.text(HEADER)?;
        let database: Database = serde_saphyr::from_str(&text).map_err(|error| {
            let at = error.location();
            let place = files.place(HEADER);
            // Its first line begins with the place, which is told in our own way.
            let text = error.to_string();
            let first = text.lines().next().unwrap_or_default();
            let reason = match first.strip_prefix("error: line ") {
                Some(rest) => rest.split_once(": ").map_or(rest, |(_, reason)| reason),
                None => first,
            };
            match at {
                Some(at) => Trouble::line(place, number_of(at.line()), number_of(at.column()), reason),
                None => Trouble::file(place, reason),
            }
        })?;
        let sheet = Sheet { name: database.name.clone(), ..Sheet::default() };
        Ok(Reader { database, sheet, places: Places::new() })
    }

    fn read(mut self, files: &Folder) -> Result<Sheet, Trouble> {
        let tables = std::mem::take(&mut self.database.tables);
        let sexes = self.sexes();
        for (name, head) in &tables {
            let (csv, parquet) = (format!("db.{name}.csv"), format!("db.{name}.parquet"));
            let grid = match (files.has(&parquet), files.has(&csv)) {
                (true, _) => Grid::parquet(files.bytes(&parquet)?, files.place(&parquet))?,
                (_, true) => Grid::csv(&files.text(&csv)?, files.place(&csv))?,
                _ => {
                    let pickled = files.has(&format!("db.{name}.pkl"));
                    let reason = if pickled { "only a pickled table, which is never opened" } else { "no such table" };
                    self.sheet.problems.push(Trouble::file(files.place(&csv), reason));
                    continue;
                }
            };
            self.table(name, head, &grid)?;
        }
        for item in &mut self.sheet.items {
            item.sex = item.sex.or_else(|| sexes.get(item.speaker.as_ref()?).copied());
        }
        Ok(self.sheet)
    }

    /// What the labels of a scheme of speakers say of each.
    fn sexes(&self) -> BTreeMap<String, Sex> {
        let mut sexes = BTreeMap::new();
        for (name, scheme) in &self.database.schemes {
            if let (true, Some(Labels::Known(known))) = (SPEAKER.contains(&name.as_str()), &scheme.labels) {
                for (speaker, facts) in known {
                    let sex = facts.iter().flatten().find(|(key, _)| SEX.contains(&key.as_str()));
                    let sex = sex.and_then(|(_, value)| sex_of(value.as_str()?));
                    sexes.extend(sex.map(|sex| (speaker.clone(), sex)));
                }
            }
        }
        sexes
    }

    fn table(&mut self, name: &str, head: &TableHead, grid: &Grid) -> Result<(), Trouble> {
        let Some(file) = grid.column(&["file"]) else {
            return Err(Trouble::line(&grid.place, 1, 1, "no column `file`"));
        };
        let span = grid.column(&["start"]).zip(grid.column(&["end"]));
        // Values first: what says more about them comes after.
        let mut columns: Vec<(usize, Column)> = Vec::new();
        for (at, heading) in grid.headings.iter().enumerate() {
            let index = at == file || span.is_some_and(|(start, end)| at == start || at == end);
            if let (Some(head), false) = (head.columns.get(heading), index) {
                columns.push((at, self.column(name, heading, head)));
            }
        }
        columns.sort_by_key(|(_, column)| !column.is_value());
        self.asked(&columns);
        for row in &grid.rows {
            let item = self.item(head, grid, row, (file, span))?;
            let first = self.sheet.said.len();
            for (at, column) in &columns {
                if let Some(text) = &row.cells[*at] {
                    self.cell(item, first, column, text).map_err(|reason| grid.trouble(row, *at, reason))?;
                }
            }
        }
        Ok(())
    }

    fn item(
        &mut self,
        head: &TableHead,
        grid: &Grid,
        row: &Row,
        (file, span): (usize, Option<(usize, usize)>),
    ) -> Result<usize, Trouble> {
        let Some(name) = &row.cells[file] else { return Err(grid.trouble(row, file, "no file")) };
        let mut item = Item::of(name.clone());
        if let Some((start, end)) = span {
            let time = |at: usize| match &row.cells[at] {
                None => Ok(None),
                Some(text) => {
                    seconds(text).map(Some).ok_or_else(|| grid.trouble(row, at, format!("`{text}` is no time")))
                }
            };
            // Without an end it reaches to that of the file; from the start that is the whole file.
            item.span = match (time(start)?.unwrap_or(0.0), time(end)?) {
                (0.0, None) => None,
                (start, end) => Some((start, end.unwrap_or(f64::MAX))),
            };
        }
        let place = self.sheet.place(item, &mut self.places);
        let split = &mut self.sheet.items[place].split;
        *split = split.take().or_else(|| head.split_id.clone());
        Ok(place)
    }

    fn cell(&mut self, item: usize, first: usize, column: &Column, text: &str) -> Result<(), String> {
        let described = &mut self.sheet.items[item];
        match column {
            Column::Speaker => described.speaker = Some(text.to_owned()),
            Column::Text => described.text = Some(text.to_owned()),
            Column::Sex => described.sex = sex_of(text),
            Column::Value { rater, scheme, question, numeric } => {
                let value = match numeric {
                    true => number(text).ok_or_else(|| format!("`{text}` is no number"))?,
                    false => text.to_owned(),
                };
                let act = Act::label(value).asked(question.clone());
                self.sheet.said.push(Said { scheme: scheme.clone(), act, ..Said::answer(item, rater.clone(), "") });
            }
            Column::About { rater, part } => {
                let Some(said) = self.sheet.said[first..].iter_mut().find(|said| said.rater == *rater) else {
                    return Ok(());
                };
                match part.as_str() {
                    "confidence" => {
                        let sure = text.parse().ok().filter(|sure| (0.0..=1.0).contains(sure));
                        said.confidence =
                            Some(sure.ok_or_else(|| format!("a confidence of `{text}` is not in 0..=1"))?);
                    }
                    "time" => said.at = Some(moment(text).ok_or_else(|| format!("`{text}` is no moment"))?),
                    _ => {
                        let taken = seconds(text).ok_or_else(|| format!("`{text}` is no time"))?;
                        said.listening = Some(lead_time(taken));
                    }
                }
            }
        }
        Ok(())
    }

    /// What a column means: what `db.yaml` says for us, else what its scheme or heading is called.
    fn column(&self, table: &str, heading: &str, head: &ColumnHead) -> Column {
        let scheme = head.scheme_id.as_ref().and_then(|id| self.database.schemes.get(id));
        let dtype = scheme.map(|scheme| scheme.dtype.as_str()).unwrap_or_default();
        let numeric = matches!(dtype, "int" | "float");
        if let Some(meant) = &head.emolab {
            let rater = Some(meant.rater.as_str()).filter(|name| !name.is_empty()).map(Rater::parse);
            if meant.part != "value" {
                return Column::About { rater, part: meant.part.clone() };
            }
            let scheme = meant.scheme.as_ref().and_then(|text| text.parse().ok());
            return Column::Value { rater, scheme, question: meant.question.clone(), numeric };
        }
        let called = |names: &[&str]| {
            names.contains(&heading) || head.scheme_id.as_deref().is_some_and(|id| names.contains(&id))
        };
        match () {
            () if called(SPEAKER) => Column::Speaker,
            () if called(SEX) => Column::Sex,
            () if called(TEXT) => Column::Text,
            () => {
                let name = head.scheme_id.clone().unwrap_or_else(|| table.to_owned());
                let scheme = Some(SchemeId { name, version: 1 });
                Column::Value { rater: self.rater(head), scheme, question: String::new(), numeric }
            }
        }
    }

    /// The rater that `db.yaml` names; a column of nobody is the truth of the database.
    fn rater(&self, head: &ColumnHead) -> Option<Rater> {
        let Some(id) = &head.rater_id else { return Some(Rater::new(RaterKind::Truth, self.database.name.clone())) };
        let word = self.database.raters.get(id).map(|rater| rater.kind.as_str()).unwrap_or_default();
        let kind = RaterKind::ALL.into_iter().find(|kind| kind_word(*kind) == word).unwrap_or(RaterKind::Other);
        Some(Rater::new(kind, id.clone()))
    }

    /// Notes what was asked by these columns.
    fn asked(&mut self, columns: &[(usize, Column)]) {
        for (_, column) in columns {
            let Column::Value { scheme: Some(id), question, .. } = column else { continue };
            if self.sheet.expected(Some(id), question).is_some() {
                continue;
            }
            let name = word(&topic(Some(id), question).replace('/', "."));
            let expected = match self.database.schemes.get(&name) {
                Some(SchemeHead { labels: Some(Labels::List(all)), .. }) => {
                    Expected::Choice(all.iter().map(Scalar::text).collect())
                }
                Some(SchemeHead { labels: Some(Labels::Known(all)), .. }) => {
                    Expected::Choice(all.keys().cloned().collect())
                }
                Some(SchemeHead { minimum: Some(low), maximum: Some(high), .. }) => Expected::Scale(*low, *high),
                _ => Expected::Text,
            };
            self.sheet.asked.push(Asked { scheme: id.clone(), question: question.clone(), expected });
        }
    }
}

/// What a column of a table holds.
enum Column {
    Speaker,
    Sex,
    Text,
    Value { rater: Option<Rater>, scheme: Option<SchemeId>, question: String, numeric: bool },
    About { rater: Option<Rater>, part: String },
}

impl Column {
    fn is_value(&self) -> bool {
        !matches!(self, Column::About { .. })
    }
}

impl Scalar {
    fn text(&self) -> String {
        match self {
            Scalar::Bool(is) => is.to_string(),
            Scalar::Integer(number) => number.to_string(),
            Scalar::Float(number) => number.to_string(),
            Scalar::Text(text) => text.clone(),
        }
    }
}

/// The sex of a word that tables use.
pub(super) fn sex_of(text: &str) -> Option<Sex> {
    match text.trim().to_ascii_lowercase().as_str() {
        "female" | "f" | "w" => Some(Sex::Female),
        "male" | "m" => Some(Sex::Male),
        _ => None,
    }
}

fn number_of(at: u64) -> usize {
    usize::try_from(at).unwrap_or(usize::MAX)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn spans_of_time_are_pandas_words() {
        assert_eq!(duration(1.25), "0 days 00:00:01.250000");
        assert_eq!(duration(93_784.000_000_001), "1 days 02:03:04.000000001");
        for text in [0.0, 1.25, 0.123_456_789, 4000.5, 90_000.001] {
            assert_eq!(seconds(&duration(text)), Some(text));
        }
        assert_eq!(seconds("1500000000"), Some(1.5));
        assert_eq!((seconds("00:01:02.5"), seconds("2.5s"), seconds("noon")), (Some(62.5), Some(2.5), None));
        assert_eq!(moment("2024-01-01 00:00:00.123").map(Timestamp::millis), Some(1_704_067_200_123));
    }
}
