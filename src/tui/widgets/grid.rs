//! Rows and columns of texts, both with names, and one selected cell; it scrolls both ways.
//!
//! Deliberately absent: what the cells mean, and sorting. Only the visible cells are asked for.

use ratatui::buffer::Buffer;
use ratatui::layout::{Position, Rect};
use unicode_width::UnicodeWidthStr;

use super::table::{self, Cell};
use super::{line, put, put_center, put_right};
use crate::tui::cursor::Cursor;
use crate::tui::theme::Theme;

/// What is drawn.
#[derive(Debug, Clone, Copy)]
pub struct Grid<'a> {
    /// Above the names of the rows.
    pub corner: &'a str,
    /// Names of the rows.
    pub rows: &'a [String],
    /// Names of the columns.
    pub columns: &'a [String],
    /// Cells that a column needs at least; it gets more where there is room.
    pub least: u16,
    /// Selected row.
    pub row: Cursor,
    /// Selected column.
    pub column: Cursor,
}

/// The widest that a name of a row may be, as a share of the whole.
const LABEL: u16 = 3;
/// The widest that a column may be, however much room there is.
const MOST: u16 = 30;

/// Draws the rows and columns around the selected cell; `cell(row, column)` gives one.
pub fn draw(buffer: &mut Buffer, area: Rect, grid: &Grid<'_>, theme: &Theme, cell: impl Fn(usize, usize) -> Cell) {
    if grid.rows.is_empty() || grid.columns.is_empty() {
        return put_center(buffer, line(area, 1), "nothing to show", theme.dim());
    }
    let (label, columns) = columns(area, grid);
    put(buffer, Rect { width: label, ..line(area, 0) }, grid.corner, theme.dim());
    for &(column, place) in &columns {
        let style = if grid.column.row() == Some(column) { theme.accent() } else { theme.dim() };
        put(buffer, place, &grid.columns[column], style);
    }
    let is_first = |column: usize| columns.first().is_none_or(|(first, _)| *first == column);
    let end = columns.last().map_or(0, |(last, _)| last + 1);
    more(buffer, line(area, 0), (!is_first(0), end < grid.columns.len()), theme);
    let lines = table::body(area);
    for (at, row) in grid.row.window(usize::from(lines.height)).enumerate() {
        let place = line(lines, at as u16);
        let style = if grid.row.row() == Some(row) { theme.accent() } else { theme.text() };
        put(buffer, Rect { width: label, ..place }, &grid.rows[row], style);
        for &(column, head) in &columns {
            let selected = grid.row.row() == Some(row) && grid.column.row() == Some(column);
            one(buffer, Rect { y: place.y, ..head }, (cell(row, column), selected), theme);
        }
    }
}

/// Row and column of the cell that [`draw`] puts there.
pub fn cell(area: Rect, grid: &Grid<'_>, at: Position) -> Option<(usize, usize)> {
    let (_, columns) = columns(area, grid);
    let (column, _) = columns.into_iter().find(|(_, place)| (place.left()..place.right()).contains(&at.x))?;
    Some((grid.row.row_at(table::body(area), at)?, column))
}

/// Width of the names of the rows; the columns that have room, each with its place on the heading line.
fn columns(area: Rect, grid: &Grid<'_>) -> (u16, Vec<(usize, Rect)>) {
    let names = grid.rows.iter().map(|name| name.width() as u16).max().unwrap_or(0);
    let label = names.max(grid.corner.width() as u16).min(area.width / LABEL);
    let room = area.width.saturating_sub(label + 1);
    let shown = grid.column.window(usize::from((room / grid.least.max(1)).max(1)));
    let width = (room / (shown.len().max(1) as u16)).min(MOST);
    let place = |(at, column): (usize, usize)| {
        let x = area.x + label + 1 + at as u16 * width;
        (column, Rect { x, width: width.saturating_sub(1), ..line(area, 0) })
    };
    (label, shown.enumerate().map(place).collect())
}

fn one(buffer: &mut Buffer, area: Rect, (cell, selected): (Cell, bool), theme: &Theme) {
    if cell.style.bg.is_some() {
        buffer.set_style(area.intersection(buffer.area), cell.style);
    }
    put(buffer, area, &cell.text, cell.style);
    if selected {
        buffer.set_style(area.intersection(buffer.area), theme.selected());
    }
}

/// Signs at the right edge that there are columns beyond the left or right.
fn more(buffer: &mut Buffer, area: Rect, (left, right): (bool, bool), theme: &Theme) {
    let sign = match (left, right) {
        (true, true) => "<>",
        (true, false) => "<",
        (false, true) => ">",
        (false, false) => return,
    };
    put_right(buffer, area, sign, theme.accent());
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::tui::theme::Depth;

    fn drawn(width: u16, height: u16, (rows, columns): (usize, usize), selected: (usize, usize)) -> Vec<String> {
        let names = |what: &str, count: usize| (0..count).map(|k| format!("{what}{k}")).collect::<Vec<_>>();
        let (rows, columns) = (names("row ", rows), names("c", columns));
        let (mut row, mut column) = (Cursor::new(rows.len()), Cursor::new(columns.len()));
        row.select(selected.0);
        column.select(selected.1);
        let grid = Grid { corner: "of", rows: &rows, columns: &columns, least: 6, row, column };
        let mut buffer = Buffer::empty(Rect::new(0, 0, width, height));
        let area = buffer.area;
        draw(&mut buffer, area, &grid, &Theme::plain(Depth::Mono), |row, column| format!("{row}/{column}").into());
        let line = |y| (0..width).map(|x| buffer[(x, y)].symbol()).collect::<String>().trim_end().to_owned();
        (0..height).map(line).collect()
    }

    #[test]
    fn what_fits_is_drawn_with_its_names() {
        assert_eq!(drawn(22, 3, (2, 2), (0, 0)), ["of    c0      c1", "row 0 0/0     0/1", "row 1 1/0     1/1"]);
    }

    #[test]
    fn it_scrolls_to_the_selected_cell_and_says_that_there_is_more() {
        let lines = drawn(22, 3, (9, 9), (8, 8));
        assert_eq!(lines, ["of    c7      c8     <", "row 7 7/7     7/8", "row 8 8/7     8/8"]);
        assert!(drawn(22, 3, (9, 9), (0, 4))[0].ends_with("<>"));
    }

    #[test]
    fn any_size_and_nothing_are_survived() {
        for (width, height) in [(0, 0), (1, 1), (7, 2), (200, 50)] {
            drawn(width, height, (0, 0), (0, 0));
            drawn(width, height, (3, 40), (2, 39));
        }
    }
}
