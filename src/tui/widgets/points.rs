//! Lines through a few points, each line with its own letter: what is reached with more and more to learn from.
//!
//! Deliberately absent: many points (see `curves.rs`) and fitted laws; what is drawn is what was measured.

use ratatui::buffer::Buffer;
use ratatui::layout::Rect;
use ratatui::style::Style;

use super::{line, put, put_center, put_right};
use crate::tui::theme::Theme;

/// One line.
#[derive(Debug, Clone, PartialEq, Default)]
pub struct Line {
    /// For the legend.
    pub name: String,
    /// From left to right.
    pub points: Vec<Point>,
}

/// Something measured.
#[derive(Debug, Clone, Copy, PartialEq, Default)]
pub struct Point {
    /// Place on the x axis.
    pub x: f64,
    /// Place on the y axis.
    pub y: f64,
    /// Half the length of the bar through it, on the y axis.
    pub spread: Option<f64>,
}

/// Columns of the labels of the y axis.
const LABELS: u16 = 6;

/// The letter of the `index`th line.
pub fn letter(index: usize) -> char {
    const LETTERS: &[u8] = b"abcdefghijklmnopqrstuvwxyz";
    char::from(LETTERS[index % LETTERS.len()])
}

/// Draws the lines in `area`; `selected` is a line and one of its points. The y axis holds all points and their bars, in
/// percent; the x axis begins at 0.
pub fn draw(
    buffer: &mut Buffer,
    area: Rect,
    lines: &[Line],
    (selected, unit): (Option<(usize, usize)>, &str),
    theme: &Theme,
) {
    let Some(frame) = Frame::of(area, lines) else {
        return put_center(buffer, line(area, area.height / 2), "no points", theme.dim());
    };
    if frame.plot.width < 4 || frame.plot.height < 3 {
        return;
    }
    frame.axes(buffer, unit, theme);
    for (index, one) in lines.iter().enumerate() {
        frame.stroke(buffer, &one.points, theme.series(index));
    }
    // Letters last: no stroke may cover one.
    for (index, one) in lines.iter().enumerate() {
        for (number, point) in one.points.iter().enumerate() {
            let style = theme.series(index).patch(theme.strong());
            let style = if selected == Some((index, number)) { style.patch(theme.selected()) } else { style };
            let (x, y) = frame.cell(point.x, point.y);
            put(buffer, Rect::new(x, y, 1, 1), &letter(index).to_string(), style);
        }
    }
}

/// Where the axes stand and what they hold.
struct Frame {
    area: Rect,
    plot: Rect,
    right: f64,
    bottom: f64,
    top: f64,
}

impl Frame {
    /// `None` without points.
    fn of(area: Rect, lines: &[Line]) -> Option<Frame> {
        let all = || lines.iter().flat_map(|line| &line.points);
        let right = all().map(|point| point.x).reduce(f64::max)?;
        let spread = |point: &Point| point.spread.unwrap_or(0.0);
        let low = all().map(|point| point.y - spread(point)).fold(1.0, f64::min);
        let high = all().map(|point| point.y + spread(point)).fold(0.0, f64::max);
        // Whole tens of percent around what there is.
        let (bottom, top) = ((low * 10.0 + 1e-9).floor().max(0.0) / 10.0, (high * 10.0 - 1e-9).ceil().min(10.0) / 10.0);
        let plot = Rect {
            x: area.x + LABELS.min(area.width),
            width: area.width.saturating_sub(LABELS + 1),
            height: area.height.saturating_sub(2),
            ..area
        };
        Some(Frame { area, plot, right: right.max(1e-9), bottom, top: top.max(bottom + 0.1) })
    }

    fn cell(&self, x: f64, y: f64) -> (u16, u16) {
        let part = |share: f64, cells: u16| (share.clamp(0.0, 1.0) * f64::from(cells.saturating_sub(1))).round() as u16;
        let up = (y - self.bottom) / (self.top - self.bottom);
        (self.plot.x + part(x / self.right, self.plot.width), self.plot.y + part(1.0 - up, self.plot.height))
    }

    fn axes(&self, buffer: &mut Buffer, unit: &str, theme: &Theme) {
        let (plot, below) = (self.plot, self.plot.y + self.plot.height);
        for y in plot.y..below {
            put(buffer, Rect::new(plot.x - 1, y, 1, 1), "│", theme.dim());
        }
        put(buffer, Rect::new(plot.x - 1, below, 1, 1), "└", theme.dim());
        put(buffer, Rect { y: below, height: 1, ..plot }, &"─".repeat(usize::from(plot.width)), theme.dim());
        for share in [self.bottom, (self.bottom + self.top) / 2.0, self.top] {
            let y = self.cell(0.0, share).1;
            let place = Rect { x: self.area.x, y, width: LABELS - 1, height: 1 };
            put_right(buffer, place, &format!("{:.0} ", 100.0 * share), theme.dim());
        }
        let foot = Rect { y: below + 1, height: 1, ..plot };
        put(buffer, foot, "0", theme.dim());
        put_right(buffer, foot, &format!("{} {unit}", self.right.round()), theme.dim());
    }

    /// The line between the points, and a bar through each.
    fn stroke(&self, buffer: &mut Buffer, points: &[Point], style: Style) {
        for two in points.windows(2) {
            let ((left, _), (right, _)) = (self.cell(two[0].x, two[0].y), self.cell(two[1].x, two[1].y));
            for x in left + 1..right {
                let share = f64::from(x - left) / f64::from(right - left);
                let (_, y) = self.cell(0.0, two[0].y + share * (two[1].y - two[0].y));
                put(buffer, Rect::new(x, y, 1, 1), "·", style);
            }
        }
        for point in points {
            let Some(spread) = point.spread else { continue };
            let ((x, top), (_, bottom)) = (self.cell(point.x, point.y + spread), self.cell(point.x, point.y - spread));
            for y in top..=bottom {
                put(buffer, Rect::new(x, y, 1, 1), "│", style);
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::tui::theme::Depth;

    fn point(x: f64, y: f64) -> Point {
        Point { x, y, spread: None }
    }

    fn drawn(lines: &[Line], width: u16, height: u16) -> String {
        let mut buffer = Buffer::empty(Rect::new(0, 0, width, height));
        let area = buffer.area;
        draw(&mut buffer, area, lines, (Some((0, 1)), "speakers"), &Theme::plain(Depth::Mono));
        let line = |y| (0..width).map(|x| buffer[(x, y)].symbol()).collect::<String>().trim_end().to_owned();
        (0..height).map(line).collect::<Vec<_>>().join("\n")
    }

    #[test]
    fn lines_rise_from_point_to_point_each_with_its_letter() {
        let rising = Line { name: "svm".into(), points: vec![point(2.0, 0.5), point(5.0, 0.7), point(9.0, 0.8)] };
        let flat = Line { name: "knn".into(), points: vec![point(2.0, 0.5), point(9.0, 0.52)] };
        insta::assert_snapshot!(drawn(&[rising, flat], 40, 10), @r"
        80 │                              ··a
           │                        ······
           │                  a·····
           │                ··
        65 │             ···
           │           ··
           │         ··
        50 │       b························b
           └─────────────────────────────────
            0                      9 speakers
        ");
    }

    #[test]
    fn spread_is_a_bar_and_small_places_are_survived() {
        let one = Line { name: "svm".into(), points: vec![Point { x: 3.0, y: 0.5, spread: Some(0.2) }] };
        assert!(drawn(std::slice::from_ref(&one), 30, 9).matches('│').count() > 8);
        for (width, height) in [(0, 0), (3, 1), (8, 4), (200, 60)] {
            drawn(std::slice::from_ref(&one), width, height);
        }
        assert!(drawn(&[], 30, 9).contains("no points"));
    }
}
