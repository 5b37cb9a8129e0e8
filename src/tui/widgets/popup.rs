//! A box over the screen.
//!
//! Deliberately absent: what is in it and which keys it takes (see `tui::layer`).

use ratatui::buffer::Buffer;
use ratatui::layout::Rect;
use ratatui::widgets::{Block, Clear, Widget};

use crate::tui::theme::Theme;

/// A box of about `width` x `height` in the middle of `area`, with its border.
pub fn place(area: Rect, (width, height): (u16, u16)) -> Rect {
    /// Slivers of the screen at its sides would be noise: a box that is nearly as wide takes all of it.
    const SLIVER: u16 = 8;
    let width = if width + SLIVER >= area.width { area.width } else { width };
    let height = height.min(area.height);
    Rect { x: area.x + (area.width - width) / 2, y: area.y + (area.height - height) / 2, width, height }
}

/// What is inside the border of the box `place`.
pub fn inside(place: Rect) -> Rect {
    let inner = Block::bordered().inner(place);
    // One free column at both sides reads better than text glued to the border.
    Rect { x: inner.x + inner.width.min(1), width: inner.width.saturating_sub(2), ..inner }
}

/// Clears a box of at most `size` in the middle of `area`, draws its border and returns the inside.
pub fn draw(buffer: &mut Buffer, area: Rect, title: &str, size: (u16, u16), theme: &Theme) -> Rect {
    let place = place(area, size);
    Clear.render(place, buffer);
    Block::bordered().title(format!(" {title} ")).border_style(theme.accent()).render(place, buffer);
    inside(place)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::tui::theme::Depth;

    #[test]
    fn it_covers_what_is_below_and_fits_anywhere() {
        let theme = Theme::plain(Depth::Mono);
        let mut buffer = Buffer::with_lines(["xxxxxxxxxxxxxxxxxxxx"; 5]);
        let area = buffer.area;
        let inner = draw(&mut buffer, area, "hi", (10, 3), &theme);
        assert_eq!(inner, Rect::new(7, 2, 6, 1));
        assert_eq!(buffer[(7, 2)].symbol(), " ");
        for (width, height) in [(0, 0), (1, 1), (2, 2), (80, 24)] {
            let mut buffer = Buffer::empty(Rect::new(0, 0, width, height));
            let area = buffer.area;
            draw(&mut buffer, area, "hi", (10, 3), &theme);
        }
    }
}
