//! Apache Parquet files of text, whole numbers and f32: written row group by row group, never held whole.
//!
//! The least of the format that every reader must know: plain values, one page per column and row group, not compressed
//! (numbers of speech hardly shrink). The crate `parquet` 60 without arrow would bring 30 crates and 76 CPU-seconds of
//! build, nearly half of what all else takes; these lines do what is needed. `tests/golden/parquet.py` checks the golden file
//! with pyarrow. Deliberately absent: reading, compression, statistics, dictionaries, nesting.
//!
//! <https://parquet.apache.org/docs/file-format/>, <https://github.com/apache/parquet-format> (parquet.thrift),
//! <https://github.com/apache/thrift/blob/master/doc/specs/thrift-compact-protocol.md>

use std::io::{self, Write};

/// Bytes of a row group: what is held in memory. Many columns make a long footer, so groups are not small.
const GROUP_BYTES: usize = 32 << 20;
const MAGIC: &[u8; 4] = b"PAR1";

/// What a column holds.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Kind {
    /// UTF-8, or nothing.
    Text,
    /// 32-bit.
    Integer,
    /// 32-bit, IEEE.
    Float,
}

/// A value of one row.
#[derive(Debug, Clone, Copy, PartialEq)]
pub enum Value<'a> {
    /// For [`Kind::Text`].
    Text(Option<&'a str>),
    /// For [`Kind::Integer`].
    Integer(i32),
    /// For [`Kind::Float`].
    Float(f32),
}

/// A file being written.
pub struct Parquet<'a> {
    out: &'a mut dyn Write,
    written: u64,
    columns: Vec<Column>,
    rows: usize,
    groups: Vec<Group>,
}

/// Values of the row group that is not yet written.
struct Column {
    name: String,
    kind: Kind,
    values: Vec<u8>,
    /// For text: which rows have a value.
    present: Vec<bool>,
}

struct Group {
    rows: usize,
    chunks: Vec<Chunk>,
}

#[derive(Clone, Copy)]
struct Chunk {
    offset: u64,
    bytes: u64,
}

impl<'a> Parquet<'a> {
    /// Begins a file with these columns.
    ///
    /// # Errors
    /// What `out` returns; here and below.
    pub fn new(out: &'a mut dyn Write, columns: impl IntoIterator<Item = (String, Kind)>) -> io::Result<Parquet<'a>> {
        out.write_all(MAGIC)?;
        let column = |(name, kind)| Column { name, kind, values: Vec::new(), present: Vec::new() };
        let columns = columns.into_iter().map(column).collect();
        Ok(Parquet { out, written: MAGIC.len() as u64, columns, rows: 0, groups: Vec::new() })
    }

    /// Adds a row: one value per column, of its kind.
    ///
    /// # Errors
    /// A value of another kind, too few or too many of them.
    pub fn row<'v>(&mut self, values: impl IntoIterator<Item = Value<'v>>) -> io::Result<()> {
        let (mut values, mut bytes) = (values.into_iter(), 0);
        for column in &mut self.columns {
            match (column.kind, values.next()) {
                (Kind::Text, Some(Value::Text(text))) => {
                    column.present.push(text.is_some());
                    if let Some(text) = text {
                        column.values.extend(length(text.len())?.to_le_bytes());
                        column.values.extend(text.as_bytes());
                    }
                }
                (Kind::Integer, Some(Value::Integer(number))) => column.values.extend(number.to_le_bytes()),
                (Kind::Float, Some(Value::Float(number))) => column.values.extend(number.to_le_bytes()),
                (kind, value) => {
                    return Err(io::Error::other(format!("column {} is {kind:?}, got {value:?}", column.name)));
                }
            }
            bytes += column.values.len();
        }
        if values.next().is_some() {
            return Err(io::Error::other("more values than columns"));
        }
        self.rows += 1;
        if bytes >= GROUP_BYTES { self.group() } else { Ok(()) }
    }

    /// Writes what is left and the footer.
    ///
    /// # Errors
    /// As [`Parquet::new`].
    pub fn end(mut self) -> io::Result<()> {
        self.group()?;
        let footer = self.footer();
        self.out.write_all(&footer)?;
        self.out.write_all(&length(footer.len())?.to_le_bytes())?;
        self.out.write_all(MAGIC)
    }

    /// Writes the rows so far as a row group: a page per column.
    fn group(&mut self) -> io::Result<()> {
        let rows = std::mem::take(&mut self.rows);
        if rows == 0 {
            return Ok(());
        }
        let mut chunks = Vec::new();
        for column in &mut self.columns {
            let mut page = levels(&std::mem::take(&mut column.present))?;
            page.append(&mut column.values);
            let mut head = Struct::default();
            let size = i64::from(length(page.len())?);
            head.integer(1, 0).integer(2, size).integer(3, size).nested(5, |data| {
                data.integer(1, rows as i64).integer(2, PLAIN).integer(3, RLE).integer(4, RLE);
            });
            let head = head.end();
            self.out.write_all(&head)?;
            self.out.write_all(&page)?;
            let bytes = (head.len() + page.len()) as u64;
            chunks.push(Chunk { offset: self.written, bytes });
            self.written += bytes;
        }
        self.groups.push(Group { rows, chunks });
        Ok(())
    }

    /// `FileMetaData` of parquet.thrift.
    fn footer(&self) -> Vec<u8> {
        let rows: usize = self.groups.iter().map(|group| group.rows).sum();
        let mut root = Struct::default();
        root.text(4, "schema").integer(5, self.columns.len() as i64);
        let schema = std::iter::once(root.end()).chain(self.columns.iter().map(Column::schema)).collect();
        let groups = self.groups.iter().map(|group| self.row_group(group)).collect();
        let mut file = Struct::default();
        file.integer(1, 1).structs(2, schema).long(3, rows as i64).structs(4, groups).text(6, "emolab");
        file.end()
    }

    fn row_group(&self, group: &Group) -> Vec<u8> {
        let chunks = self.columns.iter().zip(&group.chunks).map(|(column, chunk)| column.chunk(*chunk, group.rows));
        let bytes: u64 = group.chunks.iter().map(|chunk| chunk.bytes).sum();
        let mut all = Struct::default();
        all.structs(1, chunks.collect()).long(2, bytes as i64).long(3, group.rows as i64);
        all.end()
    }
}

impl Column {
    /// Number of the type in parquet.thrift.
    fn physical(&self) -> i64 {
        match self.kind {
            Kind::Integer => 1,
            Kind::Float => 4,
            Kind::Text => 6,
        }
    }

    /// `SchemaElement`.
    fn schema(&self) -> Vec<u8> {
        let text = self.kind == Kind::Text;
        let mut element = Struct::default();
        element.integer(1, self.physical()).integer(3, i64::from(text)).text(4, &self.name);
        if text {
            element.integer(6, UTF8);
        }
        element.end()
    }

    /// `ColumnChunk`.
    fn chunk(&self, Chunk { offset, bytes }: Chunk, rows: usize) -> Vec<u8> {
        let mut chunk = Struct::default();
        chunk.long(2, offset as i64).nested(3, |data| {
            data.integer(1, self.physical()).integers(2, &[PLAIN, RLE]).texts(3, &[&self.name]).integer(4, 0);
            data.long(5, rows as i64).long(6, bytes as i64).long(7, bytes as i64).long(9, offset as i64);
        });
        chunk.end()
    }
}

/// `ConvertedType` and `Encoding` of parquet.thrift.
const UTF8: i64 = 0;
const PLAIN: i64 = 0;
const RLE: i64 = 3;

/// Which rows have a value, one bit each in one bit-packed run; nothing for columns that always have one.
fn levels(present: &[bool]) -> io::Result<Vec<u8>> {
    if present.is_empty() {
        return Ok(Vec::new());
    }
    let packed = present.chunks(8).map(|eight| eight.iter().rev().fold(0, |byte, &bit| byte << 1 | u8::from(bit)));
    let mut run = Vec::new();
    varint(&mut run, (present.len().div_ceil(8) as u64) << 1 | 1);
    run.extend(packed);
    let mut all = length(run.len())?.to_le_bytes().to_vec();
    all.extend(run);
    Ok(all)
}

fn length(bytes: usize) -> io::Result<i32> {
    i32::try_from(bytes).map_err(|_| io::Error::other("a Parquet page of more than 2 GiB"))
}

fn varint(into: &mut Vec<u8>, mut number: u64) {
    while number >= 0x80 {
        into.push(number as u8 | 0x80);
        number >>= 7;
    }
    into.push(number as u8);
}

fn zigzag(into: &mut Vec<u8>, number: i64) {
    varint(into, ((number << 1) ^ (number >> 63)) as u64);
}

/// A struct in Thrift's compact protocol; fields come in ascending order.
#[derive(Default)]
struct Struct {
    bytes: Vec<u8>,
    last: u8,
}

impl Struct {
    const I32: u8 = 5;
    const I64: u8 = 6;
    const BINARY: u8 = 8;
    const LIST: u8 = 9;
    const STRUCT: u8 = 12;

    /// Field numbers here are below 16, so that steps always fit the short form.
    fn field(&mut self, id: u8, kind: u8) -> &mut Vec<u8> {
        self.bytes.push((id - self.last) << 4 | kind);
        self.last = id;
        &mut self.bytes
    }

    fn integer(&mut self, id: u8, number: i64) -> &mut Struct {
        zigzag(self.field(id, Struct::I32), number);
        self
    }

    fn long(&mut self, id: u8, number: i64) -> &mut Struct {
        zigzag(self.field(id, Struct::I64), number);
        self
    }

    fn text(&mut self, id: u8, text: &str) -> &mut Struct {
        binary(self.field(id, Struct::BINARY), text);
        self
    }

    fn nested(&mut self, id: u8, fill: impl FnOnce(&mut Struct)) -> &mut Struct {
        let mut inner = Struct::default();
        fill(&mut inner);
        self.field(id, Struct::STRUCT).extend(inner.end());
        self
    }

    fn integers(&mut self, id: u8, numbers: &[i64]) -> &mut Struct {
        let bytes = self.field(id, Struct::LIST);
        list(bytes, numbers.len(), Struct::I32);
        numbers.iter().for_each(|&number| zigzag(bytes, number));
        self
    }

    fn texts(&mut self, id: u8, texts: &[&str]) -> &mut Struct {
        let bytes = self.field(id, Struct::LIST);
        list(bytes, texts.len(), Struct::BINARY);
        texts.iter().for_each(|text| binary(bytes, text));
        self
    }

    fn structs(&mut self, id: u8, all: Vec<Vec<u8>>) -> &mut Struct {
        let bytes = self.field(id, Struct::LIST);
        list(bytes, all.len(), Struct::STRUCT);
        all.iter().for_each(|one| bytes.extend(one));
        self
    }

    fn end(mut self) -> Vec<u8> {
        self.bytes.push(0);
        self.bytes
    }
}

fn binary(into: &mut Vec<u8>, text: &str) {
    varint(into, text.len() as u64);
    into.extend(text.as_bytes());
}

fn list(into: &mut Vec<u8>, len: usize, kind: u8) {
    if len < 15 {
        into.push((len as u8) << 4 | kind);
    } else {
        into.push(0xf0 | kind);
        varint(into, len as u64);
    }
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use super::*;

    /// What `tests/golden/parquet.py` reads: 20 rows with gaps, 17 columns (a long list), numbers of all signs.
    fn small() -> Vec<u8> {
        let mut out = Vec::new();
        let numbers = (0..14).map(|at| (format!("n{at}"), Kind::Float));
        let head = [("file", Kind::Text), ("label", Kind::Text), ("frame", Kind::Integer)];
        let columns = head.map(|(name, kind)| (name.to_owned(), kind)).into_iter().chain(numbers);
        let mut table = Parquet::new(&mut out, columns).unwrap();
        for row in 0..20_i32 {
            let file = format!("Ä{row}.wav");
            let label = (row % 3 != 1).then_some("anger");
            let numbers = (0..14).map(|at| Value::Float((row * 14 + at) as f32 * 0.5 - 60.0));
            let head = [Value::Text(Some(&file)), Value::Text(label), Value::Integer(row - 5)];
            table.row(head.into_iter().chain(numbers)).unwrap();
        }
        table.end().unwrap();
        out
    }

    #[test]
    fn a_file_is_the_one_that_pyarrow_read() {
        let golden = concat!(env!("CARGO_MANIFEST_DIR"), "/tests/golden/small.parquet");
        if std::env::var_os("EMOLAB_GOLDEN").is_some() {
            std::fs::write(golden, small()).unwrap();
        }
        assert!(small() == std::fs::read(golden).unwrap(), "run tests/golden/parquet.py");
    }

    #[test]
    fn a_row_must_fit_the_columns() {
        let mut out = Vec::new();
        let mut table = Parquet::new(&mut out, [("a".to_owned(), Kind::Float)]).unwrap();
        assert!(table.row([Value::Integer(1)]).is_err());
        assert!(table.row([]).is_err());
        assert!(table.row([Value::Float(1.0), Value::Float(2.0)]).is_err());
    }

    #[test]
    fn an_empty_table_is_a_file_too() {
        let mut out = Vec::new();
        Parquet::new(&mut out, [("a".to_owned(), Kind::Text)]).unwrap().end().unwrap();
        assert!(out.starts_with(MAGIC) && out.ends_with(MAGIC) && out.len() > 16);
    }
}
