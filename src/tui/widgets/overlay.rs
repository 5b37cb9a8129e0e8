//! Lines over a heat map, in Braille dots; letters where only ASCII is safe.
//!
//! Deliberately absent: what the lines mean and where their values come from.

use ratatui::buffer::Buffer;
use ratatui::layout::Rect;

use crate::tui::theme::Theme;

/// Dot columns and rows of a cell.
pub const DOTS: (usize, usize) = (2, 4);

/// How a line is told from the others, beside its colour.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Stroke {
    /// Two dots high, joined from point to point.
    Thick,
    /// One dot high, joined.
    Thin,
    /// Single dots.
    Dotted,
}

/// A line.
#[derive(Debug, Clone, PartialEq)]
pub struct Trace {
    /// One per dot column: 0 at the lower edge, 1 at the upper one; `None` = a gap. What lies outside is not drawn.
    pub places: Vec<Option<f64>>,
    /// Sign beside the colour.
    pub stroke: Stroke,
    /// Colour: see [`Theme::overlay`].
    pub color: usize,
    /// What it is drawn with in ASCII.
    pub letter: char,
}

/// The stroke as one character, for legends.
pub fn sample(stroke: Stroke) -> char {
    match stroke {
        Stroke::Thick => '⠶',
        Stroke::Thin => '⠤',
        Stroke::Dotted => '⠂',
    }
}

/// Draws a line over what stands in `area`.
pub fn draw(buffer: &mut Buffer, area: Rect, trace: &Trace, theme: &Theme) {
    let area = area.intersection(buffer.area);
    let rows = usize::from(area.height) * DOTS.1;
    if area.is_empty() {
        return;
    }
    let height =
        |place: f64| (0.0..=1.0).contains(&place).then(|| (((1.0 - place) * rows as f64) as usize).min(rows - 1));
    let dots: Vec<Option<usize>> = trace.places.iter().map(|place| place.and_then(height)).collect();
    for x in 0..area.width {
        let mut patterns = vec![0_u32; usize::from(area.height)];
        for side in 0..DOTS.0 {
            let column = usize::from(x) * DOTS.0 + side;
            let Some(row) = dots.get(column).copied().flatten() else { continue };
            let before = column.checked_sub(1).and_then(|column| dots[column]);
            for row in joined(row, before, trace.stroke, rows) {
                patterns[row / DOTS.1] |= bit(side, row % DOTS.1);
            }
        }
        for (y, pattern) in patterns.into_iter().enumerate().filter(|(_, pattern)| *pattern != 0) {
            mark(buffer, (area.x + x, area.y + y as u16), pattern, trace, theme);
        }
    }
}

/// The dots of one column: the point, and the way there from the point before.
fn joined(row: usize, before: Option<usize>, stroke: Stroke, rows: usize) -> std::ops::Range<usize> {
    let thick = usize::from(stroke == Stroke::Thick);
    let from = match before.filter(|_| stroke != Stroke::Dotted) {
        Some(before) if before < row => before + 1,
        Some(before) if before > row => return row..before.max(row + 1 + thick).min(rows),
        _ => row,
    };
    from..(row + 1 + thick).min(rows)
}

/// Unicode numbers the dots of a cell 1,2,3,7 down the left and 4,5,6,8 down the right.
fn bit(side: usize, row: usize) -> u32 {
    const BITS: [[u32; DOTS.1]; DOTS.0] = [[0x01, 0x02, 0x04, 0x40], [0x08, 0x10, 0x20, 0x80]];
    BITS[side][row]
}

fn mark(buffer: &mut Buffer, at: (u16, u16), pattern: u32, trace: &Trace, theme: &Theme) {
    let cell = &mut buffer[at];
    let there = cell.symbol().chars().next().map_or(0, u32::from);
    let dots = (0x2800..0x2900).contains(&there);
    if !dots {
        cell.set_style(theme.veil(cell.fg, cell.bg));
    }
    if theme.ascii() {
        cell.set_char(trace.letter);
    } else {
        // Lines that cross share a cell; its colour is that of the later one.
        let pattern = if dots { pattern | (there - 0x2800) } else { pattern };
        cell.set_char(char::from_u32(0x2800 + pattern).unwrap_or(' '));
    }
    cell.set_style(theme.overlay(trace.color));
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::tui::theme::Depth;
    use ratatui::style::{Color, Style};

    fn drawn(places: &[Option<f64>], stroke: Stroke) -> Vec<String> {
        let mut buffer = Buffer::empty(Rect::new(0, 0, 2, 2));
        let area = buffer.area;
        let trace = Trace { places: places.to_vec(), stroke, color: 0, letter: 'p' };
        draw(&mut buffer, area, &trace, &Theme::plain(Depth::True));
        (0..2).map(|y| (0..2).map(|x| buffer[(x, y)].symbol()).collect()).collect()
    }

    #[test]
    fn strokes_differ_without_colours() {
        let level = [Some(0.5); 4];
        assert_eq!(drawn(&level, Stroke::Thin), ["  ", "⠉⠉"]);
        assert_eq!(drawn(&level, Stroke::Thick), ["  ", "⠛⠛"]);
        let steep = [Some(1.0), Some(0.0), None, Some(1.0)];
        assert_eq!(drawn(&steep, Stroke::Thin), ["⢱⠈", "⢸ "]);
        assert_eq!(drawn(&steep, Stroke::Dotted), ["⠁⠈", "⢀ "]);
    }

    #[test]
    fn what_lies_outside_is_not_drawn() {
        assert_eq!(drawn(&[Some(1.1), Some(-0.1), None, Some(f64::NAN)], Stroke::Thick), ["  ", "  "]);
        assert_eq!(drawn(&[], Stroke::Thin), ["  ", "  "]);
    }

    #[test]
    fn lines_that_cross_share_a_cell_on_a_dark_ground() {
        let mut buffer = Buffer::empty(Rect::new(0, 0, 1, 1));
        let area = buffer.area;
        buffer[(0, 0)].set_symbol("▀").set_style(Style::new().fg(Color::Rgb(250, 0, 0)).bg(Color::Rgb(0, 0, 0)));
        let theme = Theme::plain(Depth::True);
        let trace = |place, color| Trace { places: vec![Some(place); 2], stroke: Stroke::Thin, color, letter: 'p' };
        draw(&mut buffer, area, &trace(1.0, 0), &theme);
        assert_eq!((buffer[(0, 0)].symbol(), buffer[(0, 0)].bg), ("⠉", Color::Rgb(50, 0, 0)));
        draw(&mut buffer, area, &trace(0.0, 1), &theme);
        assert_eq!((buffer[(0, 0)].symbol(), buffer[(0, 0)].bg), ("⣉", Color::Rgb(50, 0, 0)));
        assert_eq!(Some(buffer[(0, 0)].fg), theme.overlay(1).fg);
    }

    #[test]
    fn in_ascii_a_line_is_its_letter() {
        let mut buffer = Buffer::empty(Rect::new(0, 0, 2, 1));
        let area = buffer.area;
        let theme = Theme::from_env(|name| (name == "LANG").then(|| "de_DE.ISO-8859-1".to_owned()));
        let trace = Trace { places: vec![Some(0.2); 4], stroke: Stroke::Thick, color: 0, letter: 'p' };
        draw(&mut buffer, area, &trace, &theme);
        assert_eq!((buffer[(0, 0)].symbol(), buffer[(1, 0)].symbol()), ("p", "p"));
    }
}
