//! Names of views on one line, the open one marked.
//!
//! Deliberately absent: what the views are, and the keys that lead from one to the next.

use ratatui::buffer::Buffer;
use ratatui::layout::{Position, Rect};
use unicode_width::UnicodeWidthStr;

use super::{line, put};
use crate::tui::theme::Theme;

/// Draws the names; returns what is left of the line.
pub fn draw<'a>(
    buffer: &mut Buffer,
    area: Rect,
    names: impl IntoIterator<Item = &'a str>,
    open: usize,
    theme: &Theme,
) -> Rect {
    let mut rest = line(area, 0);
    for (at, (name, place)) in places(area, names).into_iter().enumerate() {
        let style = if at == open { theme.accent().patch(theme.selected()) } else { theme.text() };
        put(buffer, place, &format!(" {name} "), style);
        let used = place.right() - rest.x;
        rest = Rect { x: rest.x + used, width: rest.width - used, ..rest };
        rest = put(buffer, rest, " ", theme.text());
    }
    rest
}

/// The view whose name stands there.
pub fn hit<'a>(area: Rect, names: impl IntoIterator<Item = &'a str>, at: Position) -> Option<usize> {
    places(area, names).iter().position(|(_, place)| place.contains(at))
}

/// Each name, a space at both sides of it, one cell apart; of no width beyond the edge.
fn places<'a>(area: Rect, names: impl IntoIterator<Item = &'a str>) -> Vec<(&'a str, Rect)> {
    let area = line(area, 0);
    let mut x = area.x;
    let place = |name: &'a str| {
        let left = area.right().saturating_sub(x);
        let place = Rect { x, width: (name.width() as u16 + 2).min(left), ..area };
        x = (place.right() + 1).min(area.right());
        (name, place)
    };
    names.into_iter().map(place).collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::tui::theme::Depth;

    const NAMES: [&str; 3] = ["report", "confusion", "speakers"];

    #[test]
    fn every_cell_of_a_name_leads_to_its_view_and_none_beside_it() {
        for width in [0, 5, 12, 60] {
            let mut buffer = Buffer::empty(Rect::new(0, 0, width, 1));
            let area = buffer.area;
            draw(&mut buffer, area, NAMES, 1, &Theme::plain(Depth::Mono));
            for x in 0..width {
                let symbol = buffer[(x, 0)].symbol();
                let found = hit(area, NAMES, Position::new(x, 0));
                let holds = symbol == " " || symbol == "…" || found.is_some_and(|at| NAMES[at].contains(symbol));
                assert!(holds, "{width} {x} {symbol:?} {found:?}");
            }
        }
    }

    #[test]
    fn the_line_goes_on_behind_the_names() {
        let mut buffer = Buffer::empty(Rect::new(0, 0, 40, 1));
        let area = buffer.area;
        let rest = draw(&mut buffer, area, NAMES, 0, &Theme::plain(Depth::Mono));
        put(&mut buffer, rest, "clips", Theme::plain(Depth::Mono).text());
        assert_eq!(buffer, {
            let mut wanted = Buffer::with_lines([" report   confusion   speakers  clips   "]);
            for x in 0..40 {
                let style = buffer[(x, 0)].style();
                wanted[(x, 0)].set_style(style);
            }
            wanted
        });
    }
}
