//! Lines over epochs: loss and UAR while a model learns.
//!
//! Deliberately absent: smoothing. What is drawn is what was measured.

use ratatui::buffer::Buffer;
use ratatui::layout::Rect;
use ratatui::symbols::Marker;
use ratatui::text::{Line, Span};
use ratatui::widgets::{Axis, Chart, Dataset, GraphType, Widget};

use super::{line, put, put_center};
use crate::tui::theme::Theme;

/// One line.
#[derive(Debug, Clone, PartialEq, Default)]
pub struct Series {
    /// For the legend.
    pub name: &'static str,
    /// (epoch, value).
    pub points: Vec<(f64, f64)>,
}

/// Draws up to a few series under a heading that is also the legend. `top` fixes the upper end of the y axis.
pub fn draw(buffer: &mut Buffer, area: Rect, heading: &str, series: &[Series], top: Option<f64>, theme: &Theme) {
    let mut rest = put(buffer, line(area, 0), heading, theme.strong());
    for (index, one) in series.iter().enumerate() {
        let last = one.points.last().map_or_else(|| "–".to_owned(), |(_, value)| format!("{value:.3}"));
        let text = format!("  {} {} {last}", sample(index), one.name);
        rest = put(buffer, rest, &text, theme.series(index));
    }
    let area = Rect { y: area.y + 1, height: area.height.saturating_sub(1), ..area };
    if area.height < 3 || area.width < 16 {
        return;
    }
    if series.iter().all(|one| one.points.is_empty()) {
        return put_center(buffer, line(area, area.height / 2), "no epochs yet", theme.dim());
    }
    chart(series, top, theme).render(area, buffer);
}

fn chart<'a>(series: &'a [Series], top: Option<f64>, theme: &Theme) -> Chart<'a> {
    let all = || series.iter().flat_map(|one| &one.points);
    let right = all().map(|point| point.0).fold(2.0, f64::max);
    let top = top.unwrap_or_else(|| all().map(|point| point.1).fold(0.0, f64::max) * 1.05).max(1e-6);
    let sets = series.iter().enumerate().map(|(index, one)| {
        let marker = if index == 0 { Marker::Braille } else { Marker::Dot };
        Dataset::default().data(&one.points).marker(marker).graph_type(GraphType::Line).style(theme.series(index))
    });
    let label = |text: String| Line::from(Span::styled(text, theme.dim()));
    let digits = if top < 10.0 { 2 } else { 0 };
    Chart::new(sets.collect())
        .legend_position(None)
        .x_axis(
            Axis::default()
                .bounds([1.0, right])
                .style(theme.dim())
                .labels([label("1".into()), label(right.to_string())]),
        )
        .y_axis(Axis::default().bounds([0.0, top]).style(theme.dim()).labels([
            label("0".into()),
            label(format!("{:.digits$}", top / 2.0)),
            label(format!("{top:.digits$}")),
        ]))
}

/// How a series is drawn, as a character: the sign beside its colour.
fn sample(index: usize) -> char {
    if index == 0 { '⠒' } else { '•' }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::tui::theme::Depth;

    fn text(series: &[Series], width: u16, height: u16) -> String {
        let mut buffer = Buffer::empty(Rect::new(0, 0, width, height));
        let area = buffer.area;
        draw(&mut buffer, area, "loss", series, None, &Theme::plain(Depth::True));
        buffer.content().iter().map(|cell| cell.symbol()).collect()
    }

    #[test]
    fn the_legend_holds_the_last_value_of_each_line() {
        let train = Series { name: "train", points: vec![(1.0, 1.9), (2.0, 1.25)] };
        let dev = Series { name: "dev", points: vec![] };
        let drawn = text(&[train, dev], 50, 8);
        assert!(drawn.contains("train 1.250") && drawn.contains("dev –"), "{drawn}");
    }

    #[test]
    fn without_points_it_says_so_and_small_places_are_survived() {
        let empty = [Series { name: "train", points: vec![] }];
        assert!(text(&empty, 40, 8).contains("no epochs yet"));
        let one = [Series { name: "train", points: vec![(1.0, 0.0)] }];
        for (width, height) in [(0, 0), (3, 1), (16, 4), (200, 60)] {
            text(&one, width, height);
        }
    }
}
