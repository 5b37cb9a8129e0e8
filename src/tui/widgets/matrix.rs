//! A confusion matrix as a heat map with one selected cell; rows are the truth.
//!
//! Deliberately absent: counting (see `score`) and deciding what a cell leads to.

use ratatui::buffer::Buffer;
use ratatui::layout::{Position, Rect};
use ratatui::style::{Modifier, Style};
use unicode_width::{UnicodeWidthChar, UnicodeWidthStr};

use super::{cut, line, put, put_center, put_right, table};
use crate::tui::cursor::Cursor;
use crate::tui::theme::{Map, Theme};

/// What is drawn.
#[derive(Debug, Clone, Copy)]
pub struct Matrix<'a> {
    /// Class names, rows and columns alike.
    pub classes: &'a [String],
    /// Counts, `[truth][pred]`.
    pub counts: &'a [Vec<u64>],
    /// Shares of the row in percent instead of counts.
    pub normalised: bool,
    /// Selected truth and prediction.
    pub truth: Cursor,
    /// Selected prediction.
    pub pred: Cursor,
    /// Whether the selected cell is marked; without a mark there is room for more classes.
    pub marked: bool,
}

/// Draws as many classes as fit around the selected cell. The colour is always the share of the row.
pub fn draw(buffer: &mut Buffer, area: Rect, matrix: &Matrix<'_>, theme: &Theme) {
    let (label, columns) = columns(area, matrix);
    let behind = columns.last().map_or(area.x + label + 1, |(_, place)| place.right());
    put(buffer, Rect { width: label, ..line(area, 0) }, "truth", theme.dim());
    for &(pred, place) in &columns {
        let style = if matrix.marked && matrix.pred.row() == Some(pred) { theme.accent() } else { theme.dim() };
        put_center(buffer, place, &short(&matrix.classes[pred], usize::from(place.width) - 1), style);
    }
    put_right(buffer, Rect { x: behind, width: 7, ..line(area, 0) }, "n", theme.dim());
    let rows = table::body(area);
    for (at, truth) in matrix.truth.window(usize::from(rows.height)).enumerate() {
        let place = line(rows, at as u16);
        let style = if matrix.marked && matrix.truth.row() == Some(truth) { theme.accent() } else { theme.text() };
        put(buffer, Rect { width: label, ..place }, &matrix.classes[truth], style);
        let total: u64 = matrix.counts[truth].iter().sum();
        for &(pred, column) in &columns {
            one(buffer, Rect { y: place.y, height: place.height, ..column }, matrix, (truth, pred), theme);
        }
        put_right(buffer, Rect { x: behind, width: 7, ..place }, &total.to_string(), theme.dim());
    }
}

/// Truth and prediction of the cell that [`draw`] puts there.
pub fn cell(area: Rect, matrix: &Matrix<'_>, at: Position) -> Option<(usize, usize)> {
    let (_, columns) = columns(area, matrix);
    let (pred, _) = columns.into_iter().find(|(_, place)| (place.left()..place.right()).contains(&at.x))?;
    Some((matrix.truth.row_at(table::body(area), at)?, pred))
}

/// Width of the names of the rows; the classes that have room, each with its place on the heading line.
fn columns(area: Rect, matrix: &Matrix<'_>) -> (u16, Vec<(usize, Rect)>) {
    let names = matrix.classes.iter().map(|name| name.width() as u16).max().unwrap_or(0);
    let label = names.clamp(5, 14).min(area.width / 3);
    let room = area.width.saturating_sub(label + 8);
    let most = matrix.counts.iter().flatten().max().map_or(0, |count| count.to_string().len() as u16);
    // The largest number, in its brackets where there are any.
    let least = if matrix.marked { (most + 2).max(5) } else { (most + 1).max(4) };
    let shown = matrix.pred.window(usize::from(room / least));
    let needs: Vec<u16> =
        matrix.classes[shown.clone()].iter().map(|name| (name.width() as u16 + 1).max(least)).collect();
    let mut x = area.x + label + 1;
    let place = |(class, width): (usize, u16)| {
        x += width;
        (class, Rect { x: x - width, width, ..line(area, 0) })
    };
    (label, shown.zip(widths(&needs, room, least)).map(place).collect())
}

/// A name in `width` columns; in a few, as much of it as they hold says more than a sign that something is missing.
fn short(name: &str, width: usize) -> String {
    const FEW: usize = 5;
    if width >= FEW || name.width() <= width {
        return cut(name, width);
    }
    let mut left = width;
    let fits = |letter: &char| {
        let wide = letter.width().unwrap_or(0);
        left.checked_sub(wide).map(|rest| left = rest).is_some()
    };
    name.chars().take_while(fits).collect()
}

/// Widths of columns that would like to have `needs`: all alike where that has room; else each what it needs, up to the
/// largest bound (never under `least`) with which all of them fit, so that only the longest names are cut.
fn widths(needs: &[u16], room: u16, least: u16) -> Vec<u16> {
    const ROOMY: u16 = 9;
    let longest = needs.iter().copied().max().unwrap_or(least);
    let even = room / (needs.len().max(1) as u16);
    if even >= longest {
        return vec![even.min(longest.max(ROOMY)); needs.len()];
    }
    let bounded = |bound: u16| needs.iter().map(move |need| bound.min(*need));
    let bound = (least..=longest).rev().find(|bound| bounded(*bound).sum::<u16>() <= room).unwrap_or(least);
    bounded(bound).collect()
}

fn one(buffer: &mut Buffer, area: Rect, matrix: &Matrix<'_>, (truth, pred): (usize, usize), theme: &Theme) {
    let (count, total) = (matrix.counts[truth][pred], matrix.counts[truth].iter().sum::<u64>());
    let share = (total > 0).then(|| count as f64 / total as f64);
    let text = match (matrix.normalised, share) {
        (false, _) => count.to_string(),
        (true, Some(share)) => format!("{:.0}", 100.0 * share),
        (true, None) => "–".to_owned(),
    };
    let paint = theme.heat(Map::Viridis, share.unwrap_or(0.0));
    let style = match (paint.color, share) {
        (Some(color), Some(_)) => Style::new().bg(color).fg(paint.ink),
        _ => theme.text(),
    };
    let style = if truth == pred { style.add_modifier(Modifier::BOLD) } else { style };
    let area = area.intersection(buffer.area);
    buffer.set_style(area, style);
    if matrix.marked && matrix.truth.row() == Some(truth) && matrix.pred.row() == Some(pred) {
        // Brackets too: the selection must show without colours and on any heat.
        put_center(buffer, area, &format!("[{text}]"), theme.selected().add_modifier(Modifier::BOLD));
    } else {
        put_center(buffer, area, &text, style);
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::tui::theme::Depth;

    fn drawn(normalised: bool, width: u16) -> String {
        let classes = ["anger", "joy", "sadness"].map(str::to_owned);
        let counts = vec![vec![8, 2, 0], vec![5, 5, 0], vec![0, 0, 0]];
        let mut pred = Cursor::new(3);
        pred.step(1);
        let matrix =
            Matrix { classes: &classes, counts: &counts, normalised, truth: Cursor::new(3), pred, marked: true };
        let mut buffer = Buffer::empty(Rect::new(0, 0, width, 4));
        let area = buffer.area;
        draw(&mut buffer, area, &matrix, &Theme::plain(Depth::Mono));
        let row = |y| (0..width).map(|x| buffer[(x, y)].symbol()).collect::<String>().trim_end().to_owned();
        (0..4).map(row).collect::<Vec<_>>().join("\n")
    }

    #[test]
    fn counts_and_shares() {
        insta::assert_snapshot!(drawn(false, 40), @r"
        truth    anger    joy   sadness       n
        anger      8      [2]      0         10
        joy        5       5       0         10
        sadness    0       0       0          0
        ");
        insta::assert_snapshot!(drawn(true, 40), @r"
        truth    anger    joy   sadness       n
        anger      80     [20]     0         10
        joy        50      50      0         10
        sadness    –       –       –          0
        ");
    }

    #[test]
    fn names_are_cut_only_where_there_is_no_room_and_the_longest_first() {
        assert_eq!(widths(&[6, 5, 10], 63, 5), [10, 10, 10], "alike, no wider than the longest name");
        assert_eq!(widths(&[6, 5, 6], 63, 5), [9, 9, 9]);
        assert_eq!(widths(&[8, 5, 6, 5, 6, 8, 8, 10], 63, 5), [8, 5, 6, 5, 6, 8, 8, 10]);
        assert_eq!(widths(&[8, 5, 12, 20], 33, 5), [8, 5, 10, 10]);
        assert_eq!(widths(&[], 0, 5), [0; 0]);
    }

    #[test]
    fn a_short_name_has_as_many_letters_as_there_are_columns() {
        assert_eq!(["sad", "fear", "sadness"].map(|name| short(name, 3)), ["sad", "fea", "sad"]);
        assert_eq!((short("sadness", 5), short("anger", 5)), ("sadn…".to_owned(), "anger".to_owned()));
        assert_eq!(short("悲しい", 3), "悲");
    }

    #[test]
    fn in_a_narrow_place_the_selected_cell_stays() {
        assert!(drawn(false, 20).contains("[2]"), "{}", drawn(false, 20));
        drawn(false, 0);
    }
}
