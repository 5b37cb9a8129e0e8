//! Bars: one per line, or several figures of the same thing side by side with one of them selected.
//!
//! Deliberately absent: error bars, and standing bars: terminals have more columns than lines.

use ratatui::buffer::Buffer;
use ratatui::layout::{Position, Rect};
use unicode_width::UnicodeWidthStr;

use super::{line, percent, put, put_center, put_right, table};
use crate::tui::cursor::Cursor;
use crate::tui::theme::Theme;

const EIGHTHS: [char; 7] = ['▏', '▎', '▍', '▌', '▋', '▊', '▉'];
/// Cells of a number and the gap before it.
const NUMBER: u16 = 6;

/// What [`side_by_side`] draws.
#[derive(Debug, Clone, Copy)]
pub struct Bars<'a> {
    /// Above the names.
    pub corner: &'a str,
    /// Names of the figures.
    pub heads: &'a [&'a str],
    /// One line each.
    pub rows: &'a [Row],
    /// Selected line.
    pub row: Cursor,
    /// Selected figure.
    pub column: Cursor,
}

/// A line of bars.
#[derive(Debug, Clone, PartialEq, Default)]
pub struct Row {
    /// What they are of.
    pub name: String,
    /// One per figure.
    pub bars: Vec<Bar>,
    /// How many clips they are of.
    pub clips: u64,
}

/// A share, and where it should be.
#[derive(Debug, Clone, Copy, PartialEq, Default)]
pub struct Bar {
    /// 0..1; a dash where it is undefined.
    pub share: Option<f64>,
    /// 0..1: a sign at that length of the bar.
    pub mark: Option<f64>,
}

impl From<Option<f64>> for Bar {
    fn from(share: Option<f64>) -> Bar {
        Bar { share, mark: None }
    }
}

/// Draws a line of names, then the lines around the selected one: its name, its bars with their numbers, its clips.
pub fn side_by_side(buffer: &mut Buffer, area: Rect, all: &Bars<'_>, theme: &Theme) {
    let (label, width) = widths(area, all);
    let at = |column: usize, place: Rect| Rect {
        x: area.x + label + 1 + column as u16 * width,
        width: width.saturating_sub(1),
        ..place
    };
    put(buffer, Rect { width: label, ..line(area, 0) }, all.corner, theme.dim());
    for (column, head) in all.heads.iter().enumerate() {
        let selected = all.heads.len() > 1 && all.column.row() == Some(column);
        put(buffer, at(column, line(area, 0)), head, if selected { theme.accent() } else { theme.dim() });
    }
    put_right(buffer, line(area, 0), "clips", theme.dim());
    if all.rows.is_empty() {
        return put_center(buffer, line(area, 2), "nothing to show", theme.dim());
    }
    let lines = table::body(area);
    for (below, number) in all.row.window(usize::from(lines.height)).enumerate() {
        let (place, row) = (line(lines, below as u16), &all.rows[number]);
        let selected = all.row.row() == Some(number);
        let style = if selected { theme.accent() } else { theme.text() };
        put(buffer, Rect { width: label, ..place }, &row.name, style);
        for (column, bar) in row.bars.iter().enumerate() {
            let chosen = selected && all.column.row() == Some(column);
            one(buffer, at(column, place), (bar, column, chosen), theme);
        }
        put_right(buffer, place, &row.clips.to_string(), theme.dim());
    }
}

/// Line and figure that [`side_by_side`] puts there.
pub fn cell(area: Rect, all: &Bars<'_>, at: Position) -> Option<(usize, usize)> {
    let (label, width) = widths(area, all);
    let column = usize::from(at.x.checked_sub(area.x + label + 1)?.checked_div(width)?);
    Some((all.row.row_at(table::body(area), at)?, Some(column).filter(|column| *column < all.heads.len())?))
}

/// Of the names of the lines, and of each figure.
fn widths(area: Rect, all: &Bars<'_>) -> (u16, u16) {
    const CLIPS: u16 = 6;
    let names = all.rows.iter().map(|row| row.name.width() as u16).max().unwrap_or(0);
    let label = names.max(all.corner.width() as u16).clamp(5, 20).min(area.width / 3);
    let room = area.width.saturating_sub(label + 1 + CLIPS);
    (label, room / (all.heads.len().max(1) as u16))
}

fn one(buffer: &mut Buffer, area: Rect, (bar, column, chosen): (&Bar, usize, bool), theme: &Theme) {
    let place = Rect { width: area.width.saturating_sub(NUMBER), ..area };
    if let Some(share) = bar.share {
        put(buffer, place, &blocks(share, usize::from(place.width)), theme.series(column));
    }
    if let Some(mark) = bar.mark.filter(|_| place.width > 0) {
        let x = place.x + ((mark.clamp(0.0, 1.0) * f64::from(place.width)) as u16).min(place.width - 1);
        put(buffer, Rect { x, width: 1, ..place }, "┃", theme.strong());
    }
    let number = Rect { x: area.x + place.width, width: area.width - place.width, ..area };
    let style = if chosen { theme.strong().patch(theme.selected()) } else { theme.strong() };
    put_right(buffer, number, &percent(bar.share), style);
}

/// Draws `(name, share)` line by line; an undefined share is a dash, not an empty bar.
pub fn draw(buffer: &mut Buffer, area: Rect, shares: &[(String, Option<f64>)], theme: &Theme) {
    let name_width = 14.min(area.width / 3);
    for (row, (name, share)) in shares.iter().take(usize::from(area.height)).enumerate() {
        let place = line(area, row as u16);
        put(buffer, Rect { width: name_width, ..place }, name, theme.text());
        let bar = Rect { x: place.x + name_width + 1, width: place.width.saturating_sub(name_width + 8), ..place };
        if let Some(share) = share {
            put(buffer, bar, &blocks(*share, usize::from(bar.width)), theme.series(0));
        }
        put_right(buffer, place, &format!("{:>6}", percent(*share)), theme.strong());
    }
}

/// A bar of `share` of `width` cells, to an eighth of a cell.
fn blocks(share: f64, width: usize) -> String {
    let eighths = (share.clamp(0.0, 1.0) * width as f64 * 8.0).round() as usize;
    let mut bar = "█".repeat(eighths / 8);
    if let Some(last) = (eighths % 8).checked_sub(1) {
        bar.push(EIGHTHS[last]);
    }
    bar
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::tui::theme::Depth;

    #[test]
    fn bars_are_as_long_as_their_share() {
        assert_eq!(blocks(1.0, 3), "███");
        assert_eq!(blocks(0.5, 3), "█▌");
        assert_eq!(blocks(0.0, 3), "");
        assert_eq!(blocks(7.0, 3), "███");
    }

    fn figures(width: u16, height: u16, selected: (usize, usize)) -> Vec<String> {
        let row = |name: &str, shares: [Option<f64>; 2], mark| Row {
            name: name.to_owned(),
            bars: vec![Bar::from(shares[0]), Bar { share: shares[1], mark }],
            clips: 12,
        };
        let rows = [
            row("anger", [Some(1.0), Some(0.5)], Some(0.8)),
            row("joy", [None, Some(0.0)], None),
            row("x", [None; 2], None),
        ];
        let (mut at, mut column) = (Cursor::new(rows.len()), Cursor::new(2));
        at.select(selected.0);
        column.select(selected.1);
        let all = Bars { corner: "class", heads: &["precision", "recall"], rows: &rows, row: at, column };
        let mut buffer = Buffer::empty(Rect::new(0, 0, width, height));
        let area = buffer.area;
        side_by_side(&mut buffer, area, &all, &Theme::plain(Depth::Mono));
        let line = |y| (0..width).map(|x| buffer[(x, y)].symbol()).collect::<String>().trim_end().to_owned();
        (0..height).map(line).collect()
    }

    #[test]
    fn figures_stand_side_by_side_with_their_numbers_and_marks() {
        assert_eq!(
            figures(46, 4, (0, 0)),
            [
                "class precision        recall            clips",
                "anger ██████████ 100.0 █████   ┃   50.0     12",
                "joy                  –              0.0     12",
                "x                    –                –     12",
            ]
        );
    }

    #[test]
    fn the_selected_line_is_seen_in_a_low_place_and_any_size_is_survived() {
        assert!(figures(46, 2, (2, 1))[1].starts_with('x'));
        for (width, height) in [(0, 0), (3, 1), (9, 2), (200, 50)] {
            figures(width, height, (1, 1));
        }
    }

    #[test]
    fn undefined_is_a_dash_and_zero_is_zero() {
        let mut buffer = Buffer::empty(Rect::new(0, 0, 30, 3));
        let area = buffer.area;
        let shares = [("joy".to_owned(), None), ("fear".to_owned(), Some(0.0)), ("anger".to_owned(), Some(0.5))];
        draw(&mut buffer, area, &shares, &Theme::plain(Depth::Mono));
        let expected =
            ["joy                          –", "fear                       0.0", "anger      ██████         50.0"];
        assert_eq!(buffer, {
            let mut expected = Buffer::with_lines(expected);
            for y in 0..3 {
                expected.set_style(Rect::new(24, y, 6, 1), Theme::plain(Depth::Mono).strong());
            }
            expected
        });
    }
}
