//! Rows and columns: widths, headings, the selected row; columns that do not fit are left out, least important first.
//!
//! Deliberately absent: sorting and filtering. Only the visible rows are asked for.

use ratatui::buffer::Buffer;
use ratatui::layout::{Position, Rect};
use ratatui::style::Style;

use super::{line, put, put_center, put_right};
use crate::tui::cursor::Cursor;
use crate::tui::theme::Theme;

/// A column.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Column {
    /// Heading.
    pub title: &'static str,
    /// Width in cells; one column of a table usually grows.
    pub width: u16,
    /// Takes what is left over.
    pub grows: bool,
    /// Numbers stand at the right.
    pub right: bool,
    /// 0 = always shown; the largest are left out first.
    pub rank: u8,
    /// The rows are sorted by it.
    pub sorted: Option<Order>,
}

/// Which way rows are sorted.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Order {
    /// Smallest first.
    #[default]
    Ascending,
    /// Largest first.
    Descending,
}

/// What is written in one cell.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Cell {
    /// Text.
    pub text: String,
    /// Style on top of the row's.
    pub style: Style,
}

impl Column {
    /// A column of texts that is always shown.
    pub const fn text(title: &'static str, width: u16) -> Column {
        Column { title, width, grows: false, right: false, rank: 0, sorted: None }
    }

    /// A column of numbers that is always shown.
    pub const fn number(title: &'static str, width: u16) -> Column {
        Column { right: true, ..Column::text(title, width) }
    }

    /// The same, taking what is left over.
    #[must_use]
    pub const fn growing(self) -> Column {
        Column { grows: true, ..self }
    }

    /// The same, left out when there is no room; larger ranks first.
    #[must_use]
    pub const fn rank(self, rank: u8) -> Column {
        Column { rank, ..self }
    }

    /// The same, with a sign that the rows are sorted by it.
    #[must_use]
    pub const fn sorted(self, order: Order) -> Column {
        Column { sorted: Some(order), ..self }
    }
}

impl Order {
    /// The other way round.
    #[must_use]
    pub const fn turned(self) -> Order {
        match self {
            Order::Ascending => Order::Descending,
            Order::Descending => Order::Ascending,
        }
    }

    const fn sign(self) -> char {
        match self {
            Order::Ascending => '▲',
            Order::Descending => '▼',
        }
    }
}

impl From<String> for Cell {
    fn from(text: String) -> Cell {
        Cell { text, style: Style::new() }
    }
}

impl From<&str> for Cell {
    fn from(text: &str) -> Cell {
        text.to_owned().into()
    }
}

/// Draws a heading line and the rows around the selected one; `row(n)` gives one cell per column.
pub fn draw(
    buffer: &mut Buffer,
    area: Rect,
    columns: &[Column],
    cursor: &Cursor,
    theme: &Theme,
    row: impl Fn(usize) -> Vec<Cell>,
) {
    let places = places(columns, area);
    for (column, place) in columns.iter().zip(&places) {
        match column.sorted {
            // The sign takes the place of the gap beside the column where the heading fills it.
            Some(order) => {
                let gap = u16::from(place.width > 0 && (!column.right || place.x > area.x));
                let x = if column.right { place.x - gap } else { place.x };
                let place = Rect { x, width: place.width + gap, ..*place };
                write(buffer, place, column, &format!("{}{}", column.title, order.sign()), theme.strong());
            }
            None => write(buffer, *place, column, column.title, theme.dim()),
        }
    }
    if cursor.is_empty() {
        return put_center(buffer, line(area, 2), "nothing to show", theme.dim());
    }
    let rows = body(area);
    for (at, number) in cursor.window(usize::from(rows.height)).enumerate() {
        let y = rows.y + at as u16;
        for ((column, place), cell) in columns.iter().zip(&places).zip(row(number)) {
            write(buffer, Rect { y, ..*place }, column, &cell.text, cell.style);
        }
        if cursor.row() == Some(number) {
            buffer.set_style(Rect { y, height: 1, ..area }.intersection(buffer.area), theme.selected());
        }
    }
}

/// Where [`draw`] puts the rows.
pub fn body(area: Rect) -> Rect {
    let head = area.height.min(1);
    Rect { y: area.y + head, height: area.height - head, ..area }
}

/// The column whose heading stands there.
pub fn head(columns: &[Column], area: Rect, at: Position) -> Option<usize> {
    places(columns, area).iter().position(|place| place.contains(at))
}

fn write(buffer: &mut Buffer, place: Rect, column: &Column, text: &str, style: Style) {
    if column.right {
        put_right(buffer, place, text, style);
    } else {
        put(buffer, place, text, style);
    }
}

/// One place on the heading line per column, one cell apart; of no width where the column is left out.
fn places(columns: &[Column], area: Rect) -> Vec<Rect> {
    let needs = |rank: u8| -> u16 {
        columns.iter().filter(|column| column.rank <= rank).map(|column| column.width + 1).sum::<u16>().max(1) - 1
    };
    let worst = columns.iter().map(|column| column.rank).max().unwrap_or(0);
    let rank = (0..=worst).rev().find(|&rank| needs(rank) <= area.width).unwrap_or(0);
    let spare = area.width.saturating_sub(needs(rank));
    let growing = columns.iter().filter(|column| column.grows && column.rank <= rank).count().max(1) as u16;
    let mut x = area.x;
    columns
        .iter()
        .map(|column| {
            if column.rank > rank {
                return Rect::default();
            }
            let width = column.width + if column.grows { spare / growing } else { 0 };
            let left = (area.x + area.width).saturating_sub(x);
            let place = Rect { x, width: width.min(left), ..line(area, 0) };
            x = x.saturating_add(width + 1).min(area.x + area.width);
            place
        })
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::tui::theme::Depth;

    const COLUMNS: [Column; 3] =
        [Column::text("file", 6).growing(), Column::text("label", 5).rank(1), Column::number("s", 4)];

    fn drawn(width: u16, height: u16, rows: usize) -> Buffer {
        let mut buffer = Buffer::empty(Rect::new(0, 0, width, height));
        let area = buffer.area;
        let mut cursor = Cursor::new(rows);
        cursor.last();
        draw(&mut buffer, area, &COLUMNS, &cursor, &Theme::plain(Depth::Mono), |row| {
            vec![format!("clip{row}").into(), "anger".into(), "1.5".into()]
        });
        buffer
    }

    fn text(buffer: &Buffer, y: u16) -> String {
        (0..buffer.area.width).map(|x| buffer[(x, y)].symbol()).collect()
    }

    #[test]
    fn the_growing_column_takes_the_rest_and_numbers_stand_right() {
        let buffer = drawn(22, 3, 9);
        assert_eq!(text(&buffer, 0), "file        label    s");
        assert_eq!(text(&buffer, 2), "clip8       anger  1.5");
    }

    #[test]
    fn the_head_of_the_sorted_column_says_so() {
        let mut columns = COLUMNS;
        columns[1] = columns[1].sorted(Order::Descending);
        columns[2] = columns[2].sorted(Order::Ascending.turned().turned());
        let mut buffer = Buffer::empty(Rect::new(0, 0, 22, 1));
        let area = buffer.area;
        draw(&mut buffer, area, &columns, &Cursor::new(0), &Theme::plain(Depth::Mono), |_| Vec::new());
        assert_eq!(text(&buffer, 0), "file        label▼  s▲");
    }

    #[test]
    fn what_does_not_fit_is_left_out_by_rank() {
        assert_eq!(text(&drawn(14, 2, 1), 0), "file         s");
    }

    #[test]
    fn any_size_and_no_rows_are_survived() {
        for (width, height) in [(0, 0), (1, 1), (3, 2), (200, 60)] {
            drawn(width, height, 0);
            drawn(width, height, 5);
        }
    }
}
