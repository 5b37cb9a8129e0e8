//! What a report consists of: headings, paragraphs, tables, figures, in an order. The formats draw it, each in a file.
//!
//! Deliberately absent: anything that knows a run.

use super::figure::Figure;

/// A report, or a part of one.
#[derive(Debug, Clone, PartialEq, Default)]
pub struct Document {
    /// What stands at its head.
    pub title: String,
    /// What follows, in this order.
    pub blocks: Vec<Block>,
}

/// A part of a document.
#[derive(Debug, Clone, PartialEq)]
pub enum Block {
    /// A heading of the first or second rank below the title.
    Heading(Rank, String),
    /// A paragraph of plain text.
    Paragraph(String),
    /// Something that a reader must not miss, such as a leak.
    Warning(String),
    /// Text that keeps its lines and spaces.
    Verbatim(String),
    /// A table.
    Table(Table),
    /// A picture; formats without pictures leave it out, since a table beside it holds the same numbers.
    Figure(Figure),
}

/// How high a heading stands.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Rank {
    /// Below the title.
    Section,
    /// Below a section.
    Part,
}

/// Rows and columns of text.
#[derive(Debug, Clone, PartialEq, Default)]
pub struct Table {
    /// What the table shows and how it came about.
    pub caption: String,
    /// Names of the columns.
    pub head: Vec<String>,
    /// As many cells in each row as there are columns.
    pub rows: Vec<Vec<String>>,
    /// Columns at the left that hold words; the others hold numbers.
    pub words: usize,
    /// Rows that stand out: the best and what ties with it.
    pub strong: Vec<usize>,
}

impl Document {
    /// Adds a heading.
    pub fn heading(&mut self, rank: Rank, text: impl Into<String>) {
        self.blocks.push(Block::Heading(rank, text.into()));
    }

    /// Adds a paragraph, unless it is empty.
    pub fn paragraph(&mut self, text: impl Into<String>) {
        let text = text.into();
        if !text.is_empty() {
            self.blocks.push(Block::Paragraph(text));
        }
    }

    /// The figures, in order.
    pub fn figures(&self) -> impl Iterator<Item = &Figure> {
        self.blocks.iter().filter_map(|block| match block {
            Block::Figure(figure) => Some(figure),
            _ => None,
        })
    }
}
