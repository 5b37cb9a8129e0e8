//! A document as Markdown (CommonMark with pipe tables); figures are left out.

use super::document::{Block, Document, Rank, Table};

/// All of it.
pub fn render(document: &Document) -> String {
    let mut text = format!("# {}\n", escaped(&document.title));
    for block in &document.blocks {
        match block {
            Block::Heading(Rank::Section, heading) => text.push_str(&format!("\n## {}\n", escaped(heading))),
            Block::Heading(Rank::Part, heading) => text.push_str(&format!("\n### {}\n", escaped(heading))),
            Block::Paragraph(words) => text.push_str(&format!("\n{}\n", escaped(words))),
            Block::Warning(words) => text.push_str(&format!("\n> **Note:** {}\n", escaped(words))),
            Block::Verbatim(lines) => text.push_str(&fenced(lines)),
            Block::Table(table) => text.push_str(&piped(table)),
            Block::Figure(_) => {}
        }
    }
    text
}

/// Indented, not fenced: no text within can end it.
fn fenced(lines: &str) -> String {
    let indented = lines.lines().map(|line| if line.is_empty() { "\n".to_owned() } else { format!("    {line}\n") });
    std::iter::once("\n".to_owned()).chain(indented).collect()
}

fn piped(table: &Table) -> String {
    let line = |cells: Vec<String>| format!("| {} |\n", cells.join(" | "));
    let mut text =
        if table.caption.is_empty() { "\n".to_owned() } else { format!("\n{}\n\n", escaped(&table.caption)) };
    text.push_str(&line(table.head.iter().map(|cell| escaped(cell)).collect()));
    let rule = |at: usize| if at < table.words { "---" } else { "---:" }.to_owned();
    text.push_str(&line((0..table.head.len()).map(rule).collect()));
    for (at, row) in table.rows.iter().enumerate() {
        let strong = table.strong.contains(&at);
        let cell = |cell: &String| match strong && !cell.is_empty() {
            true => format!("**{}**", escaped(cell)),
            false => escaped(cell),
        };
        text.push_str(&line(row.iter().map(cell).collect()));
    }
    text
}

/// With a backslash before every sign that may mean something, on one line.
fn escaped(text: &str) -> String {
    let mut safe = String::with_capacity(text.len());
    for sign in text.chars() {
        match sign {
            '\\' | '`' | '*' | '_' | '{' | '}' | '[' | ']' | '<' | '>' | '#' | '|' | '~' | '$' | '&' => {
                safe.extend(['\\', sign]);
            }
            '\n' | '\r' | '\t' => safe.push(' '),
            _ => safe.push(sign),
        }
    }
    safe
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_cannot_break_a_table() {
        let table = Table {
            head: vec!["a|b".to_owned()],
            rows: vec![vec!["<b>*x*\n".to_owned()]],
            words: 1,
            strong: vec![0],
            ..Table::default()
        };
        assert_eq!(piped(&table), "\n| a\\|b |\n| --- |\n| **\\<b\\>\\*x\\* ** |\n");
    }
}
