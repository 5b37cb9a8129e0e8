//! Tables as other tools write them, CSV or Apache Parquet: headings and rows of text, nothing where a cell is empty.
//!
//! Numbers of Parquet are their shortest decimal text, moments RFC 3339, lists and structs JSON-like text. Written Parquet is plain:
//! text, 64-bit numbers, no compression. Deliberately absent: what columns mean.

use std::io::{self, Write};
use std::sync::Arc;

use bytes::Bytes;
use parquet::basic::{ConvertedType, Repetition, Type as Physical};
use parquet::data_type::{ByteArray, ByteArrayType, DataType, DoubleType, Int64Type};
use parquet::file::reader::{FileReader, SerializedFileReader};
use parquet::file::writer::{SerializedFileWriter, SerializedRowGroupWriter};
use parquet::record::Field;
use parquet::schema::types::Type;

use super::Trouble;
use crate::label::Timestamp;

/// Rows and columns that a table may have together: it is held in memory.
const CELLS: u64 = 50_000_000;

/// A table.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct Grid {
    /// How messages call it.
    pub place: String,
    /// One per column.
    pub headings: Vec<String>,
    /// As many cells each.
    pub rows: Vec<Row>,
}

/// A row, and the line it stands on (counted from 1; of Parquet the row's number).
#[derive(Debug, Clone, PartialEq)]
pub struct Row {
    /// For messages.
    pub line: usize,
    /// `None` where nothing is said.
    pub cells: Vec<Option<String>>,
}

/// What a written column holds; in CSV all are text.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Kind {
    /// UTF-8.
    Text,
    /// Whole numbers.
    Integer,
    /// Numbers.
    Float,
}

impl Grid {
    /// Reads CSV with a header.
    ///
    /// # Errors
    /// [`Trouble`] with line and field.
    pub fn csv(text: &str, place: String) -> Result<Grid, Trouble> {
        let mut reader = csv::Reader::from_reader(text.as_bytes());
        let failed = |error: csv::Error| Trouble::csv(&place, &error);
        let headings = reader.headers().map_err(failed)?.iter().map(str::to_owned).collect();
        let mut rows = Vec::new();
        for record in reader.records() {
            let record = record.map_err(failed)?;
            let line = record.position().map_or(1, |at| usize::try_from(at.line()).unwrap_or(usize::MAX));
            let cells = record.iter().map(|cell| Some(cell.to_owned()).filter(|cell| !cell.is_empty())).collect();
            rows.push(Row { line, cells });
        }
        Ok(Grid { place, headings, rows })
    }

    /// Reads Parquet.
    ///
    /// # Errors
    /// [`Trouble`] for what is no such file, is damaged, or is compressed in a way that is not read here (only Snappy is).
    pub fn parquet(bytes: Vec<u8>, place: String) -> Result<Grid, Trouble> {
        let told = place.clone();
        // The library is not free of panics on hostile bytes; they end here.
        let read = std::panic::catch_unwind(move || rows_of(bytes));
        let (headings, rows) = match read {
            Ok(Ok(read)) => read,
            Ok(Err(reason)) => return Err(Trouble::file(told, reason)),
            Err(_) => return Err(Trouble::file(told, "damaged Parquet")),
        };
        Ok(Grid { place, headings, rows })
    }

    /// Place of the first of these headings, whatever its case.
    pub fn column(&self, names: &[&str]) -> Option<usize> {
        names.iter().find_map(|name| self.headings.iter().position(|heading| heading.eq_ignore_ascii_case(name)))
    }

    /// What is wrong with a cell.
    pub fn trouble(&self, row: &Row, column: usize, reason: impl std::fmt::Display) -> Trouble {
        Trouble::line(&self.place, row.line, column + 1, reason)
    }

    /// Writes CSV.
    ///
    /// # Errors
    /// What `out` returns.
    pub fn write_csv(&self, out: &mut dyn Write) -> io::Result<()> {
        let mut csv = csv::Writer::from_writer(out);
        csv.write_record(&self.headings)?;
        for row in &self.rows {
            csv.write_record(row.cells.iter().map(|cell| cell.as_deref().unwrap_or_default()))?;
        }
        csv.flush()
    }

    /// Writes Parquet: a column of each kind.
    ///
    /// # Errors
    /// What `out` returns; a number that is none.
    pub fn write_parquet(&self, kinds: &[Kind], out: &mut dyn Write) -> io::Result<()> {
        let field = |(heading, kind): (&String, &Kind)| {
            let (physical, converted) = match kind {
                Kind::Text => (Physical::BYTE_ARRAY, ConvertedType::UTF8),
                Kind::Integer => (Physical::INT64, ConvertedType::NONE),
                Kind::Float => (Physical::DOUBLE, ConvertedType::NONE),
            };
            let builder = Type::primitive_type_builder(heading, physical).with_converted_type(converted);
            builder.with_repetition(Repetition::OPTIONAL).build().map(Arc::new)
        };
        let fields =
            self.headings.iter().zip(kinds).map(field).collect::<Result<Vec<_>, _>>().map_err(io::Error::other)?;
        let schema = Type::group_type_builder("schema").with_fields(fields).build().map_err(io::Error::other)?;
        let mut bytes = Vec::new();
        let mut file =
            SerializedFileWriter::new(&mut bytes, Arc::new(schema), Arc::default()).map_err(io::Error::other)?;
        let mut group = file.next_row_group().map_err(io::Error::other)?;
        for (at, kind) in kinds.iter().enumerate() {
            let cells: Vec<Option<&str>> =
                self.rows.iter().map(|row| row.cells.get(at).and_then(Option::as_deref)).collect();
            match kind {
                Kind::Text => column::<ByteArrayType>(&mut group, &cells, |text| Some(ByteArray::from(text)))?,
                Kind::Integer => column::<Int64Type>(&mut group, &cells, |text| text.parse().ok())?,
                Kind::Float => column::<DoubleType>(&mut group, &cells, |text| text.parse().ok())?,
            }
        }
        group.close().map_err(io::Error::other)?;
        file.close().map_err(io::Error::other)?;
        out.write_all(&bytes)
    }
}

fn column<T: DataType>(
    group: &mut SerializedRowGroupWriter<'_, &mut Vec<u8>>,
    cells: &[Option<&str>],
    value: impl Fn(&str) -> Option<T::T>,
) -> io::Result<()> {
    let values: Option<Vec<T::T>> = cells.iter().flatten().map(|text| value(text)).collect();
    let values = values.ok_or_else(|| io::Error::other("a number was expected"))?;
    let present: Vec<i16> = cells.iter().map(|cell| i16::from(cell.is_some())).collect();
    let next = group.next_column().map_err(io::Error::other)?;
    let mut writer = next.ok_or_else(|| io::Error::other("more columns than headings"))?;
    writer.typed::<T>().write_batch(&values, Some(&present), None).map_err(io::Error::other)?;
    writer.close().map_err(io::Error::other)
}

fn rows_of(bytes: Vec<u8>) -> Result<(Vec<String>, Vec<Row>), String> {
    let file = SerializedFileReader::new(Bytes::from(bytes)).map_err(|error| error.to_string())?;
    let meta = file.metadata().file_metadata();
    let headings: Vec<String> = meta.schema().get_fields().iter().map(|field| field.name().to_owned()).collect();
    let rows = u64::try_from(meta.num_rows()).unwrap_or(u64::MAX);
    if rows.saturating_mul(headings.len().max(1) as u64) > CELLS {
        return Err(format!("{rows} rows of {} columns are too many", headings.len()));
    }
    let mut all = Vec::new();
    for (row, line) in file.get_row_iter(None).map_err(|error| error.to_string())?.zip(1..) {
        let row = row.map_err(|error| format!("row {line}: {error}"))?;
        let cells: Vec<Option<String>> = row.into_columns().into_iter().map(|(_, field)| text(field)).collect();
        if cells.len() != headings.len() {
            return Err(format!("row {line}: {} columns instead of {}", cells.len(), headings.len()));
        }
        all.push(Row { line, cells });
    }
    Ok((headings, all))
}

fn text(field: Field) -> Option<String> {
    let moment = |millis: i64| Timestamp::from_millis(millis).map(|moment| moment.to_string());
    match field {
        Field::Null => None,
        Field::Str(text) => Some(text).filter(|text| !text.is_empty()),
        Field::Bytes(bytes) => Some(String::from_utf8_lossy(bytes.data()).into_owned()),
        Field::Float(number) => number.is_finite().then(|| number.to_string()),
        Field::Double(number) => number.is_finite().then(|| number.to_string()),
        Field::TimestampMillis(millis) => moment(millis),
        Field::TimestampMicros(micros) => moment(micros.div_euclid(1000)),
        other => Some(other.to_string()),
    }
}
