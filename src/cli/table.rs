//! Plain text tables and numbers for stdout.
//!
//! Deliberately absent: colours and pictures; those are the screens'.

use unicode_width::UnicodeWidthStr;

/// Lines of a table: columns as wide as their widest cell, the first left-aligned, the others right-aligned.
pub fn lines(rows: &[Vec<String>]) -> Vec<String> {
    aligned(rows, 1)
}

/// Lines of a table of words: every column left-aligned.
pub fn left(rows: &[Vec<String>]) -> Vec<String> {
    aligned(rows, usize::MAX)
}

/// The first `left` columns left-aligned, the others right-aligned.
fn aligned(rows: &[Vec<String>], left: usize) -> Vec<String> {
    let columns = rows.iter().map(Vec::len).max().unwrap_or(0);
    let width =
        |column: usize| rows.iter().filter_map(|row| row.get(column)).map(|cell| cell.width()).max().unwrap_or(0);
    let widths: Vec<usize> = (0..columns).map(width).collect();
    rows.iter()
        .map(|row| {
            let cells = row.iter().zip(&widths).enumerate().map(|(column, (cell, &width))| {
                let fill = " ".repeat(width.saturating_sub(cell.width()));
                if column < left { format!("{cell}{fill}") } else { format!("{fill}{cell}") }
            });
            cells.collect::<Vec<_>>().join("  ").trim_end().to_owned()
        })
        .collect()
}

/// A fraction as percent with one digit, `-` when undefined.
pub fn percent(fraction: Option<f64>) -> String {
    fraction.map_or_else(|| "-".to_owned(), |value| format!("{:.1}", 100.0 * value))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn columns_line_up_also_with_wide_characters() {
        let row = |cells: &[&str]| cells.iter().map(|cell| (*cell).to_owned()).collect();
        let table = lines(&[row(&["model", "UAR"]), row(&["怒り", "7.0"]), row(&["svm", "100.0"])]);
        assert_eq!(table, ["model    UAR", "怒り     7.0", "svm    100.0"]);
    }

    #[test]
    fn undefined_is_a_dash() {
        assert_eq!(percent(None), "-");
        assert_eq!(percent(Some(0.8255)), "82.5");
    }
}
