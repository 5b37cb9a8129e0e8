//! A spectrogram as a heat map: two bands to a cell (half blocks) with colours, one shade to a cell without.
//!
//! Deliberately absent: computing it, and graphics protocols of terminals.

use ndarray::ArrayView2;
use ratatui::buffer::Buffer;
use ratatui::layout::Rect;
use ratatui::style::Style;

use crate::tui::theme::{Map, Theme};

/// Decibels below the loudest value that still differ from black.
const RANGE: f32 = 60.0;

/// Draws `levels` (dB, `[band, frame]`, lowest band first) over the whole of `area`, low bands below; `played` is the
/// share that was heard.
pub fn draw(buffer: &mut Buffer, area: Rect, levels: ArrayView2<'_, f32>, played: Option<f64>, theme: &Theme) {
    let area = area.intersection(buffer.area);
    if area.is_empty() || levels.is_empty() {
        return;
    }
    let top = levels.iter().copied().filter(|level| level.is_finite()).fold(f32::MIN, f32::max);
    let heights = usize::from(area.height) * 2;
    let value = |x: u16, row: usize| {
        let band = levels.nrows() - 1 - row * levels.nrows() / heights;
        f64::from(1.0 - (top - loudest(&levels, band, x, area.width)) / RANGE)
    };
    for y in 0..area.height {
        for x in 0..area.width {
            let row = usize::from(y) * 2;
            let (upper, lower) = (value(x, row), value(x, row + 1));
            let cell = &mut buffer[(area.x + x, area.y + y)];
            let (above, below) = (theme.heat(Map::Magma, upper), theme.heat(Map::Magma, lower));
            match (above.color, below.color) {
                (Some(above), Some(below)) => cell.set_symbol("▀").set_style(Style::new().fg(above).bg(below)),
                _ => cell.set_char(theme.heat(Map::Magma, upper.max(lower)).shade),
            };
        }
    }
    if let Some(share) = played {
        let x = area.x + ((share.clamp(0.0, 1.0) * f64::from(area.width)) as u16).min(area.width - 1);
        for y in area.top()..area.bottom() {
            buffer[(x, y)].set_symbol("│").set_style(Style::reset());
        }
    }
}

/// The loudest of the frames behind column `x` of `width`: short bursts must not vanish between two columns.
fn loudest(levels: &ArrayView2<'_, f32>, band: usize, x: u16, width: u16) -> f32 {
    let (x, width, frames) = (usize::from(x), usize::from(width), levels.ncols());
    let start = (x * frames / width).min(frames - 1);
    let end = ((x + 1) * frames / width).clamp(start + 1, frames);
    (start..end).map(|frame| levels[[band, frame]]).fold(f32::MIN, f32::max)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::tui::theme::Depth;
    use ndarray::Array2;
    use ratatui::style::Color;

    fn drawn(levels: &Array2<f32>, depth: Depth) -> Buffer {
        let mut buffer = Buffer::empty(Rect::new(0, 0, 4, 2));
        let area = buffer.area;
        draw(&mut buffer, area, levels.view(), None, &Theme::plain(depth));
        buffer
    }

    #[test]
    fn the_lowest_band_lies_at_the_bottom() {
        let levels = Array2::from_shape_fn((4, 8), |(band, _)| if band == 0 { 0.0 } else { -90.0 });
        let buffer = drawn(&levels, Depth::True);
        assert_eq!(buffer[(0, 1)].bg, Color::Rgb(0xFC, 0xFD, 0xBF));
        assert_eq!(buffer[(0, 1)].fg, Color::Rgb(0, 0, 4));
        assert_eq!(buffer[(0, 0)].bg, Color::Rgb(0, 0, 4));
    }

    #[test]
    fn a_single_loud_frame_is_seen() {
        let levels = Array2::from_shape_fn((2, 400), |(_, frame)| if frame == 201 { 0.0 } else { -90.0 });
        let buffer = drawn(&levels, Depth::Mono);
        assert_eq!(buffer, Buffer::with_lines(["  █ ", "  █ "]));
    }

    #[test]
    fn no_frames_and_broken_levels_are_drawn_without_a_panic() {
        drawn(&Array2::zeros((0, 0)), Depth::True);
        drawn(&Array2::zeros((1, 1)), Depth::Sixteen);
        drawn(&Array2::from_elem((3, 3), f32::NAN), Depth::True);
        drawn(&Array2::from_elem((3, 3), f32::NEG_INFINITY), Depth::Indexed);
    }
}
