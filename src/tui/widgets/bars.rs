//! One bar per class.
//!
//! Deliberately absent: error bars.

use ratatui::buffer::Buffer;
use ratatui::layout::Rect;

use super::{line, percent, put, put_right};
use crate::tui::theme::Theme;

const EIGHTHS: [char; 7] = ['▏', '▎', '▍', '▌', '▋', '▊', '▉'];

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
