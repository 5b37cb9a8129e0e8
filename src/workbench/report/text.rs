//! A document as plain text: tables in columns, figures left out.

use unicode_width::UnicodeWidthStr;

use super::document::{Block, Document, Rank, Table};

/// Columns that a paragraph fills.
const WIDTH: usize = 100;

/// All of it.
pub fn render(document: &Document) -> String {
    let mut text = underlined(&document.title, '=');
    for block in &document.blocks {
        text.push('\n');
        match block {
            Block::Heading(Rank::Section, heading) => text.push_str(&underlined(heading, '-')),
            Block::Heading(Rank::Part, heading) => text.push_str(&format!("{heading}\n")),
            Block::Paragraph(words) => text.push_str(&wrapped(words)),
            Block::Warning(words) => text.push_str(&wrapped(&format!("NOTE: {words}"))),
            Block::Verbatim(lines) => text.push_str(lines),
            Block::Table(table) => text.push_str(&columns(table)),
            Block::Figure(_) => drop(text.pop()),
        }
    }
    text
}

fn underlined(heading: &str, sign: char) -> String {
    format!("{heading}\n{}\n", sign.to_string().repeat(heading.width()))
}

fn wrapped(words: &str) -> String {
    let (mut text, mut column) = (String::new(), 0);
    for word in words.split_whitespace() {
        if column > 0 && column + 1 + word.width() > WIDTH {
            text.push('\n');
            column = 0;
        }
        if column > 0 {
            text.push(' ');
            column += 1;
        }
        text.push_str(word);
        column += word.width();
    }
    text.push('\n');
    text
}

/// Strong rows have a star.
fn columns(table: &Table) -> String {
    let star = !table.strong.is_empty();
    let marked = |(at, row): (usize, &Vec<String>)| {
        let mark = if table.strong.contains(&at) { "*" } else { " " };
        star.then(|| mark.to_owned()).into_iter().chain(row.iter().cloned()).collect::<Vec<String>>()
    };
    let head = star.then(String::new).into_iter().chain(table.head.iter().cloned()).collect();
    let rows: Vec<Vec<String>> = std::iter::once(head).chain(table.rows.iter().enumerate().map(marked)).collect();
    let widest = |column: usize| rows.iter().filter_map(|row| row.get(column)).map(|cell| cell.width()).max();
    let widths: Vec<usize> = (0..table.head.len() + usize::from(star)).map(|at| widest(at).unwrap_or(0)).collect();
    let words = table.words + usize::from(star);
    let mut text = if table.caption.is_empty() { String::new() } else { wrapped(&table.caption) };
    for row in rows {
        let cells = row.iter().zip(&widths).enumerate().map(|(at, (cell, width))| {
            let fill = " ".repeat(width - cell.width());
            if at < words { format!("{cell}{fill}") } else { format!("{fill}{cell}") }
        });
        text.push_str(cells.collect::<Vec<_>>().join("  ").trim_end());
        text.push('\n');
    }
    text
}
