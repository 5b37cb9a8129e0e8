//! The envelope of a clip in Braille dots.
//!
//! Deliberately absent: finding the extremes (see `Picture::outline`), axes, the play cursor, and stereo: what is drawn is
//! the mono mix.

use ratatui::buffer::Buffer;
use ratatui::layout::Rect;

use super::put;
use crate::tui::theme::Theme;

/// Draws the smallest and largest sample of each dot column, as shares of the peak, over the whole of `area`: two columns
/// to a cell. The cells left of column `heard` are in the colour of what was heard.
pub fn draw(buffer: &mut Buffer, area: Rect, columns: &[(f32, f32)], heard: Option<u16>, theme: &Theme) {
    let area = area.intersection(buffer.area);
    for (x, pair) in (0..area.width).zip(columns.chunks_exact(2)) {
        let style = if heard.is_some_and(|heard| x < heard) { theme.accent() } else { theme.text() };
        for y in 0..area.height {
            let symbol = braille([pair[0], pair[1]], usize::from(y), usize::from(area.height));
            put(buffer, Rect::new(area.x + x, area.y + y, 1, 1), &symbol.to_string(), style);
        }
    }
}

/// The Braille pattern of cell row `row` of `rows` for two dot columns; Unicode numbers the dots of a cell
/// 1,2,3,7 down the left and 4,5,6,8 down the right.
fn braille(pair: [(f32, f32); 2], row: usize, rows: usize) -> char {
    const BITS: [[u32; 4]; 2] = [[0x01, 0x02, 0x04, 0x40], [0x08, 0x10, 0x20, 0x80]];
    let height = (rows * 4) as f32;
    let place = |value: f32| ((1.0 - value) / 2.0 * height).clamp(0.0, height - 1.0) as usize;
    let mut pattern = 0;
    for (side, (low, high)) in pair.into_iter().enumerate() {
        let (top, bottom) = (place(high), place(low));
        for (dot, bit) in BITS[side].iter().enumerate() {
            if (top..=bottom).contains(&(row * 4 + dot)) {
                pattern |= bit;
            }
        }
    }
    char::from_u32(0x2800 + pattern).unwrap_or(' ')
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::tui::theme::Depth;

    fn drawn(columns: &[(f32, f32)], heard: Option<u16>) -> Buffer {
        let mut buffer = Buffer::empty(Rect::new(0, 0, 8, 2));
        let area = buffer.area;
        draw(&mut buffer, area, columns, heard, &Theme::plain(Depth::True));
        buffer
    }

    fn row(buffer: &Buffer, y: u16) -> String {
        (0..buffer.area.width).map(|x| buffer[(x, y)].symbol()).collect()
    }

    #[test]
    fn silence_is_a_line_and_full_scale_fills() {
        let silence = drawn(&[(0.0, 0.0); 16], None);
        assert_eq!((row(&silence, 0), row(&silence, 1)), ("⠀".repeat(8), "⠉".repeat(8)));
        assert_eq!(row(&drawn(&[(-1.0, 1.0); 16], None), 0), "⣿".repeat(8));
    }

    #[test]
    fn what_was_heard_is_coloured() {
        let buffer = drawn(&[(-0.5, 0.5); 16], Some(3));
        let accent = Theme::plain(Depth::True).accent().fg;
        let heard: Vec<u16> = (0..8).filter(|&x| Some(buffer[(x, 0)].fg) == accent).collect();
        assert_eq!(heard, [0, 1, 2]);
    }

    #[test]
    fn nothing_to_draw_draws_nothing_and_any_number_of_columns_is_survived() {
        assert_eq!(drawn(&[], Some(5)), Buffer::empty(Rect::new(0, 0, 8, 2)));
        drawn(&[(f32::NAN, f32::INFINITY); 99], Some(99));
    }
}
