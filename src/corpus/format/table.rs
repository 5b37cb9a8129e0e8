//! Format `table`: a CSV or TSV file with a row per clip (`file, speaker, gender, <target>`).
//!
//! Deliberately absent: audio outside the corpus folder (a clip's id is its path within it), several targets at once,
//! parquet, and running anything a cell says.

use std::collections::HashMap;
use std::ffi::OsStr;
use std::fs;
use std::path::Path;

use super::{Format, Reading};
use crate::corpus::description::{Description, Fields, Layout};
use crate::corpus::shared::Shared;
use crate::corpus::tree::{Found, Tree, is_table};
use crate::corpus::{ClipId, Place, Problem};

/// Format `table`.
pub struct Table;

impl Format for Table {
    fn name(&self) -> &'static str {
        "table"
    }

    fn check(&self, layout: &Layout) -> Result<(), &'static str> {
        let has_file = layout.columns.get("file").is_some_and(|headings| !headings.is_empty());
        if has_file {
            Ok(())
        } else {
            Err("format `table` needs `layout.columns.file`: the headings of the file column")
        }
    }

    fn fits(&self, tree: &Tree, description: &Description) -> bool {
        !tables(tree, &description.layout).is_empty()
    }

    fn read(&self, tree: &Tree, description: &Description) -> Reading {
        let tables = tables(tree, &description.layout);
        let names: Vec<&str> = tables.iter().map(|t| t.id.0.as_str()).collect();
        let unnamed = match names.is_empty() {
            true => "there is no table with a file column".to_owned(),
            false => format!("not named in {}", names.join(", ")),
        };
        let said = vec![Err(unnamed); tree.audio.len()];
        let reading = Reading { said, problems: Vec::new() };
        let mut rows = Rows { description, places: Places::of(tree), shared: Shared::default(), reading };
        for table in &tables {
            rows.read(table);
        }
        rows.reading
    }
}

/// Headings that only emolab's own exports have: labels exported into a corpus must not change how it is read.
const OWN_EXPORTS: [&str; 2] = ["annotator_kind", "tied"];

/// The given table, else those the layout names, else every table in the root folder that has a file column.
fn tables(tree: &Tree, layout: &Layout) -> Vec<Found> {
    if let Some(path) = &tree.table {
        let id = ClipId::of(Path::new(path.file_name().unwrap_or_default()));
        return vec![Found { place: Place::of(path, &id), id }];
    }
    let all = tree.others.iter();
    if !layout.tables.is_empty() {
        return all.filter(|f| layout.tables.iter().any(|table| *table == f.id.0)).cloned().collect();
    }
    let in_root = all.filter(|f| !f.id.0.contains('/') && is_table(&f.path()));
    in_root.filter(|f| has_file_column(f, layout)).cloned().collect()
}

fn has_file_column(table: &Found, layout: &Layout) -> bool {
    let headings = reader(table).ok().and_then(|mut reader| reader.headers().ok().cloned());
    headings.is_some_and(|headings| {
        column(&headings, layout, "file").is_some() && !headings.iter().any(|heading| OWN_EXPORTS.contains(&heading))
    })
}

/// A `.tsv` may have but one column.
fn reader(table: &Found) -> std::io::Result<csv::Reader<std::io::Cursor<Vec<u8>>>> {
    let tsv = table.path().extension().is_some_and(|e| e.eq_ignore_ascii_case(OsStr::new("tsv")));
    Ok(separated(fs::read(table.path())?, if tsv { b'\t' } else { b',' }))
}

/// Rows parted by tab, semicolon or comma: what the first line has most of, `favourite` of equals.
pub(in crate::corpus) fn separated(bytes: Vec<u8>, favourite: u8) -> csv::Reader<std::io::Cursor<Vec<u8>>> {
    let first = bytes.split(|b| *b == b'\n').next().unwrap_or_default();
    let count = |delimiter: u8| first.iter().filter(|b| **b == delimiter).count();
    let most = [b';', b'\t', b',', favourite].into_iter().max_by_key(|d| count(*d)).unwrap_or(favourite);
    csv::ReaderBuilder::new().delimiter(most).trim(csv::Trim::All).from_reader(std::io::Cursor::new(bytes))
}

fn column(headings: &csv::StringRecord, layout: &Layout, field: &str) -> Option<usize> {
    // In the order of the description: `emotion` is taken before `label` where a table has both.
    let names = layout.columns.get(field)?;
    names.iter().find_map(|name| headings.iter().position(|h| h.eq_ignore_ascii_case(name)))
}

/// Where a table's paths lead.
struct Places<'a> {
    tree: &'a Tree,
    by_id: HashMap<&'a str, usize>,
    /// By file name alone; `None` where several files share it.
    by_name: HashMap<&'a str, Option<usize>>,
}

impl<'a> Places<'a> {
    fn of(tree: &'a Tree) -> Self {
        let mut places = Places { tree, by_id: HashMap::new(), by_name: HashMap::new() };
        for (at, found) in tree.audio.iter().enumerate() {
            let id = found.id.0.as_str();
            places.by_id.insert(id, at);
            let name = id.rsplit_once('/').map_or(id, |(_, name)| name);
            places.by_name.entry(name).and_modify(|n| *n = None).or_insert(Some(at));
        }
        places
    }

    /// The audio file that `written` in `table` means: relative to the table, to the root, absolute, or a bare name that
    /// only one file has.
    fn find(&self, table: &Found, written: &str) -> Option<usize> {
        let written = written.replace('\\', "/");
        let path = Path::new(&written);
        if path.is_absolute() {
            let full = self.tree.root.canonicalize().ok()?;
            let inside = path.strip_prefix(&self.tree.root).or_else(|_| path.strip_prefix(&full)).ok()?;
            return self.by_id.get(ClipId::of(inside).0.as_str()).copied();
        }
        let folder = Path::new(table.id.0.as_str()).parent().unwrap_or(Path::new(""));
        let near = ClipId::of(&folder.join(path));
        let from_root = ClipId::of(path);
        let by_path = self.by_id.get(near.0.as_str()).or_else(|| self.by_id.get(from_root.0.as_str()));
        by_path.copied().or_else(|| self.by_name.get(from_root.0.as_str()).copied().flatten())
    }
}

/// The rows read so far.
struct Rows<'a> {
    description: &'a Description,
    places: Places<'a>,
    shared: Shared,
    reading: Reading,
}

impl Rows<'_> {
    fn read(&mut self, table: &Found) {
        let mut reader = match reader(table) {
            Ok(reader) => reader,
            Err(error) => return self.problem(table, error.to_string()),
        };
        let headings = match reader.headers() {
            Ok(headings) => headings.clone(),
            Err(error) => return self.problem(table, said_of(&error, &csv::StringRecord::new())),
        };
        let columns = match columns(&headings, &self.description.layout) {
            Ok(columns) => columns,
            Err(reason) => return self.problem(table, reason),
        };
        if !columns.iter().any(|(field, _)| field == "label") {
            self.problem(table, no_label(&headings, &self.description.layout));
        }
        for row in reader.records() {
            match row {
                Ok(row) => {
                    let cells = columns.iter().filter_map(|(f, at)| Some((f.clone(), row.get(*at)?.to_owned())));
                    self.row(table, cells.collect(), row.position().map_or(0, csv::Position::line));
                }
                Err(error) => self.problem(table, said_of(&error, &headings)),
            }
        }
    }

    fn row(&mut self, table: &Found, mut fields: Fields, line: u64) {
        let written = fields.remove("file").unwrap_or_default();
        let Some(at) = self.places.find(table, &written) else {
            let reason = match written.as_str() {
                "" => "the file column is empty".to_owned(),
                _ => format!("there is no audio file `{written}` in the corpus folder"),
            };
            return self.problem(table, format!("line {line}: {reason}"));
        };
        let said = self.description.interpret(fields);
        if let Err(reason) = &said {
            self.problem(table, format!("line {line}: {reason}"));
        }
        if let Some(slot) = self.reading.said.get_mut(at) {
            if slot.is_ok() {
                return self.problem(table, format!("line {line}: `{written}` again; its first line counts"));
            }
            *slot = said.map(|said| self.shared.said(said));
        }
    }

    fn problem(&mut self, table: &Found, reason: String) {
        self.reading.problems.push(Problem { file: table.id.0.to_string(), reason });
    }
}

/// Field and column number, then the other columns under their own headings. The label is the column so called, else the
/// only one that is nothing else.
fn columns(headings: &csv::StringRecord, layout: &Layout) -> Result<Vec<(String, usize)>, String> {
    let mut columns: Vec<(String, usize)> =
        layout.columns.keys().filter_map(|field| Some((field.clone(), column(headings, layout, field)?))).collect();
    let have = |field: &str| columns.iter().any(|(f, _)| f == field);
    if !have("file") {
        let wanted = layout.columns.get("file").map(|names| names.join(", ")).unwrap_or_default();
        return Err(format!("no file column ({wanted}) among {}", headings.iter().collect::<Vec<_>>().join(", ")));
    }
    if !have("label") {
        let named = |h: &str| layout.columns.values().flatten().any(|name| h.eq_ignore_ascii_case(name));
        let free: Vec<usize> = (0..headings.len()).filter(|at| headings.get(*at).is_some_and(|h| !named(h))).collect();
        if let [only] = free[..] {
            columns.push(("label".to_owned(), only));
        }
    }
    let taken: Vec<usize> = columns.iter().map(|(_, at)| *at).collect();
    let free = (0..headings.len()).filter(|at| !taken.contains(at));
    columns.extend(
        free.filter_map(|at| Some((headings.get(at)?.to_lowercase(), at))).filter(|(name, _)| !is_field(name, layout)),
    );
    Ok(columns)
}

/// True for a name that a clip's own fields have: a second column of that kind says nothing else.
fn is_field(name: &str, layout: &Layout) -> bool {
    name.is_empty() || layout.columns.keys().any(|field| field == name)
}

fn no_label(headings: &csv::StringRecord, layout: &Layout) -> String {
    let wanted = layout.columns.get("label").map(|names| names.join(", ")).unwrap_or_default();
    let have = headings.iter().collect::<Vec<_>>().join(", ");
    format!("no label column ({wanted}) among {have}; its clips have no label")
}

/// A CSV error with its line, and its column where the reader knows it.
fn said_of(error: &csv::Error, headings: &csv::StringRecord) -> String {
    let line = error.position().map_or(0, csv::Position::line);
    match error.kind() {
        csv::ErrorKind::Utf8 { err, .. } => {
            let heading = headings.get(err.field()).map(|h| format!(" ({h})")).unwrap_or_default();
            format!("line {line}, column {}{heading}: not UTF-8", err.field() + 1)
        }
        csv::ErrorKind::UnequalLengths { expected_len, len, .. } => {
            let column = len.min(expected_len) + 1;
            format!("line {line}, column {column}: the row has {len} cells, the header {expected_len}")
        }
        _ => error.to_string(),
    }
}
