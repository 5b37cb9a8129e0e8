//! A document as LaTeX to be taken in with `\input`: booktabs tables, paragraphs, no figures (those are there as SVG).
//!
//! Only what pdfLaTeX, XeLaTeX and LuaLaTeX all set with their standard fonts; signs beyond Latin-1 become words or commands.

use super::document::{Block, Document, Rank, Table};

/// Rows that fit on a page: a longer table goes on over pages without floating.
const PAGE: usize = 40;
/// Columns from which a table is set small.
const WIDE: usize = 7;

/// All of it.
pub fn render(document: &Document) -> String {
    let mut text = String::from(
        "% Made by emolab. In the preamble: \\usepackage[T1]{fontenc} \\usepackage{booktabs,graphicx,longtable}\n",
    );
    text.push_str(&format!("\\section*{{{}}}\n", escaped(&document.title)));
    for block in &document.blocks {
        text.push('\n');
        match block {
            Block::Heading(Rank::Section, heading) => {
                text.push_str(&format!("\\subsection*{{{}}}\n", escaped(heading)))
            }
            Block::Heading(Rank::Part, heading) => text.push_str(&format!("\\paragraph{{{}}}\n", escaped(heading))),
            Block::Paragraph(words) => text.push_str(&format!("{}\n", escaped(words))),
            Block::Warning(words) => text.push_str(&format!("\\textbf{{Note:}} {}\n", escaped(words))),
            Block::Verbatim(lines) => {
                let lines: Vec<String> = lines.lines().map(|line| spaced(&escaped(line))).collect();
                text.push_str(&format!("{{\\small\\ttfamily\\noindent {}\\par}}\n", lines.join("\\\\\n")));
            }
            Block::Table(table) if table.rows.len() > PAGE => text.push_str(&long(table)),
            Block::Table(table) => text.push_str(&floating(table)),
            Block::Figure(_) => drop(text.pop()),
        }
    }
    text
}

fn floating(table: &Table) -> String {
    let caption = match table.caption.as_str() {
        "" => String::new(),
        caption => format!("\\caption{{{}}}\n", escaped(caption)),
    };
    let (open, close) = if table.head.len() >= WIDE { ("\\resizebox{\\linewidth}{!}{%\n", "}") } else { ("", "") };
    format!(
        "\\begin{{table}}[htbp]\n\\centering\n{caption}{open}\\begin{{tabular}}{{{}}}\n\\toprule\n{}\\midrule\n{}\\bottomrule\n\\end{{tabular}}{close}\n\\end{{table}}\n",
        columns(table),
        head(table),
        body(table)
    )
}

fn long(table: &Table) -> String {
    let caption = match table.caption.as_str() {
        "" => String::new(),
        caption => format!("\\caption{{{}}}\\\\\n", escaped(caption)),
    };
    format!(
        "\\begin{{longtable}}{{{}}}\n{caption}\\toprule\n{}\\midrule\n\\endhead\n{}\\bottomrule\n\\end{{longtable}}\n",
        columns(table),
        head(table),
        body(table)
    )
}

fn columns(table: &Table) -> String {
    (0..table.head.len()).map(|at| if at < table.words { 'l' } else { 'r' }).collect()
}

fn head(table: &Table) -> String {
    line(table.head.iter().map(|cell| escaped(cell)))
}

fn body(table: &Table) -> String {
    let row = |(at, row): (usize, &Vec<String>)| {
        let strong = table.strong.contains(&at);
        line(row.iter().map(|cell| match strong {
            true => format!("\\textbf{{{}}}", escaped(cell)),
            false => escaped(cell),
        }))
    };
    table.rows.iter().enumerate().map(row).collect()
}

/// Braces first: a cell that begins with a bracket would be an option of the line break before it.
fn line(cells: impl Iterator<Item = String>) -> String {
    let cells: Vec<String> =
        cells.map(|cell| if cell.starts_with('[') { format!("{{}}{cell}") } else { cell }).collect();
    format!("{} \\\\\n", cells.join(" & "))
}

/// Spaces that keep their width.
fn spaced(line: &str) -> String {
    let held = line.replace(' ', "~");
    if held.is_empty() { "~".to_owned() } else { held }
}

/// Text that means nothing but itself.
fn escaped(text: &str) -> String {
    text.chars().map(sign).collect()
}

fn sign(sign: char) -> String {
    match sign {
        '\\' => "\\textbackslash{}".to_owned(),
        '{' | '}' | '$' | '&' | '#' | '%' | '_' => format!("\\{sign}"),
        '^' => "\\textasciicircum{}".to_owned(),
        '~' => "\\textasciitilde{}".to_owned(),
        '<' => "\\textless{}".to_owned(),
        '>' => "\\textgreater{}".to_owned(),
        '|' => "\\textbar{}".to_owned(),
        '"' => "\\textquotedbl{}".to_owned(),
        '\n' | '\r' | '\t' => " ".to_owned(),
        '±' => "\\ensuremath{\\pm}".to_owned(),
        '×' => "\\ensuremath{\\times}".to_owned(),
        '·' => "\\ensuremath{\\cdot}".to_owned(),
        'Δ' => "\\ensuremath{\\Delta}".to_owned(),
        '≤' => "\\ensuremath{\\le}".to_owned(),
        '≥' => "\\ensuremath{\\ge}".to_owned(),
        '–' => "--".to_owned(),
        '—' => "---".to_owned(),
        '…' => "\\dots{}".to_owned(),
        // What T1 fonts hold; of the rest the code, so that it still compiles and is seen.
        ' '..='~' | 'À'..='ÿ' | 'Ā'..='ſ' => sign.to_string(),
        other => format!("[U+{:04X}]", u32::from(other)),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn no_sign_of_a_name_means_anything() {
        assert_eq!(escaped(r"a_b & 50 % \x{}"), r"a\_b \& 50 \% \textbackslash{}x\{\}");
        assert_eq!(escaped("größer ± 怒"), "größer \\ensuremath{\\pm} [U+6012]");
        assert_eq!(line(["[76, 88]".to_owned(), "x".to_owned()].into_iter()), "{}[76, 88] & x \\\\\n");
    }
}
