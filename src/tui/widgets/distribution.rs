//! How one number is spread within each class: a box line per class, above it a histogram where there is room.
//!
//! Deliberately absent: tests of significance, and smoothing: bars are counts.

use ratatui::buffer::Buffer;
use ratatui::layout::Rect;
use ratatui::style::Style;

use super::{axis, line, put, put_right};
use crate::tui::theme::Theme;

/// Values of one class.
#[derive(Debug, Clone, PartialEq)]
pub struct Group {
    /// Name of the class.
    pub name: String,
    /// Ascending, finite.
    pub values: Vec<f64>,
}

const EIGHTHS: [char; 9] = [' ', '▁', '▂', '▃', '▄', '▅', '▆', '▇', '█'];
/// Room at the right for a median and a count.
const FIGURES: u16 = 10;
/// The most lines that one class takes.
const TALLEST: u16 = 4;

/// Lines that [`draw`] uses of `most` for that many classes.
pub fn height(groups: usize, most: u16) -> u16 {
    (groups as u16 * lines_of_one(groups, most) + 1).min(most)
}

fn lines_of_one(groups: usize, most: u16) -> u16 {
    (most.saturating_sub(1) / (groups as u16).max(1)).clamp(1, TALLEST)
}

/// Draws `groups` below one another over one axis. A line of a class is `──██│██──`: whiskers to the smallest and
/// largest value, a box from quartile to quartile, the median.
pub fn draw(buffer: &mut Buffer, area: Rect, groups: &[Group], theme: &Theme) {
    let (Some(bounds), true) = (bounds(groups), area.height >= 2) else { return };
    let lines = lines_of_one(groups.len(), area.height);
    let longest = groups.iter().map(|group| group.name.chars().count()).max().unwrap_or(0) as u16;
    let names = longest.clamp(4, 16).min(area.width / 4) + 1;
    let plot = Rect { x: area.x + names, width: area.width.saturating_sub(names + FIGURES), ..area };
    let room = usize::from((area.height - 1) / lines);
    for (at, group) in groups.iter().take(room).enumerate() {
        let top = at as u16 * lines;
        let place = |lines: u16| Rect { y: area.y + top, height: lines, ..plot };
        histogram(buffer, place(lines - 1), (group, bounds), theme.series(at), theme);
        let own = line(area, top + lines - 1);
        // Under a histogram a solid box would look like a part of it.
        let sign = if lines > 1 { "━" } else { "█" };
        boxes(buffer, Rect { y: own.y, height: 1, ..plot }, (group, bounds), (sign, theme.series(at)), theme);
        put(buffer, Rect { width: names - 1, ..own }, &group.name, theme.series(at));
        let median = if group.values.is_empty() { "–".to_owned() } else { short(quantile(&group.values, 0.5)) };
        put_right(buffer, own, &format!("{median:>9}"), theme.text());
        if lines > 1 {
            let clips = if group.values.len() == 1 { "clip" } else { "clips" };
            put_right(buffer, line(area, top), &format!("{} {clips}", group.values.len()), theme.dim());
        }
    }
    let below = (groups.len().min(room) as u16 * lines).min(area.height - 1);
    axis::across(buffer, Rect { y: area.y + below, height: 1, ..plot }, bounds, "", theme);
    let foot = line(area, below);
    put_right(buffer, foot, "median", theme.dim());
    if groups.len() > room {
        put(buffer, Rect { width: names, ..foot }, &format!("+{}", groups.len() - room), theme.warn());
    }
}

/// A number in at most nine characters.
pub fn short(value: f64) -> String {
    let size = value.abs();
    if value != 0.0 && !(1e-3..1e6).contains(&size) {
        return format!("{value:.2e}");
    }
    let digits = if size >= 1000.0 {
        0
    } else if size >= 10.0 {
        1
    } else {
        3
    };
    format!("{value:.digits$}")
}

/// What the axis spans: all values, or all but the outermost hundredth where those would press the rest together. `None`
/// without two different values.
fn bounds(groups: &[Group]) -> Option<(f64, f64)> {
    let mut all: Vec<f64> = groups.iter().flat_map(|group| &group.values).copied().collect();
    all.sort_by(f64::total_cmp);
    let (low, high) = (*all.first()?, *all.last()?);
    let inner = (quantile(&all, 0.01), quantile(&all, 0.99));
    let (low, high) = if high - low > 2.0 * (inner.1 - inner.0) && inner.1 > inner.0 { inner } else { (low, high) };
    (high > low).then_some((low, high))
}

/// Linear between neighbours, as numpy's.
fn quantile(sorted: &[f64], share: f64) -> f64 {
    let place = share * (sorted.len() - 1) as f64;
    let (low, high) = (sorted[place.floor() as usize], sorted[place.ceil() as usize]);
    low + (high - low) * place.fract()
}

fn boxes(
    buffer: &mut Buffer,
    area: Rect,
    (group, (from, to)): (&Group, (f64, f64)),
    (sign, style): (&str, Style),
    theme: &Theme,
) {
    if group.values.is_empty() || area.is_empty() {
        return;
    }
    let last = f64::from(area.width - 1);
    let cell = |value: f64| (((value - from) / (to - from)).clamp(0.0, 1.0) * last).round() as u16;
    let [low, first, middle, third, high] = [0.0, 0.25, 0.5, 0.75, 1.0].map(|q| cell(quantile(&group.values, q)));
    for x in low..=high {
        let (sign, style) = match x {
            x if x == middle => ("│", theme.strong()),
            x if (first..=third).contains(&x) => (sign, style),
            _ => ("─", style),
        };
        put(buffer, Rect { x: area.x + x, width: 1, ..area }, sign, style);
    }
}

/// Counts in about twice as many bins as the square root of the clips, the highest as high as `area`.
fn histogram(buffer: &mut Buffer, area: Rect, (group, (from, to)): (&Group, (f64, f64)), style: Style, theme: &Theme) {
    if group.values.is_empty() || area.is_empty() {
        return;
    }
    let wanted = 2.0 * (group.values.len() as f64).sqrt();
    let cells = usize::from(area.width).div_ceil(wanted.ceil() as usize).max(1);
    let bins = usize::from(area.width).div_ceil(cells);
    let edge = |bin: usize| from + (to - from) * (bin * cells) as f64 / f64::from(area.width);
    let below = |value: f64| group.values.partition_point(|other| *other < value);
    let counts: Vec<usize> = (0..bins)
        .map(|bin| if bin + 1 == bins { group.values.partition_point(|v| *v <= to) } else { below(edge(bin + 1)) } - below(edge(bin)))
        .collect();
    let highest = counts.iter().copied().max().unwrap_or(0).max(1);
    for x in 0..area.width {
        let count = counts[usize::from(x) / cells];
        let eighths = (count * usize::from(area.height) * 8).div_ceil(highest);
        for y in 0..area.height {
            let filled = eighths.saturating_sub(usize::from(area.height - 1 - y) * 8).min(8);
            // Half-filled cells have no sign in ASCII.
            let sign = if theme.ascii() { [' ', '#'][usize::from(filled >= 4)] } else { EIGHTHS[filled] };
            put(buffer, Rect { x: area.x + x, y: area.y + y, width: 1, height: 1 }, &sign.to_string(), style);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::tui::theme::Depth;

    fn drawn(groups: &[Group], width: u16, height: u16) -> String {
        let mut buffer = Buffer::empty(Rect::new(0, 0, width, height));
        let area = buffer.area;
        draw(&mut buffer, area, groups, &Theme::plain(Depth::Mono));
        let row = |y| (0..width).map(|x| buffer[(x, y)].symbol()).collect::<String>().trim_end().to_owned();
        (0..height).map(row).collect::<Vec<_>>().join("\n")
    }

    fn group(name: &str, values: impl IntoIterator<Item = i32>) -> Group {
        Group { name: name.to_owned(), values: values.into_iter().map(f64::from).collect() }
    }

    #[test]
    fn median_quartiles_and_range_lie_over_one_axis() {
        let groups = [group("low", 0..=8), group("high", 8..=16), group("none", [])];
        insta::assert_snapshot!(drawn(&groups, 50, 4), @r"
        low  ────█████│████────                      4.000
        high                  ────█████│████────      12.0
        none                                             –
             0         5         10         15      median
        ");
    }

    #[test]
    fn with_room_there_are_histograms() {
        let groups = [group("a", [0, 0, 0, 0, 10]), group("b", [0, 5, 10, 10])];
        insta::assert_snapshot!(drawn(&groups, 40, 7), @r"
             █████                       5 clips
             █████               ▄▄▄▄▄
        a    │────────────────────────     0.000
                                  ████   4 clips
             ██████████████       ████
        b    ─────────━━━━━━━━━│━━━━━━     7.500
             0           5          10    median
        ");
    }

    #[test]
    fn a_far_value_does_not_press_the_others_together() {
        let far = group("a", (0..200).chain([100_000]));
        assert!(bounds(&[far]).unwrap().1 < 200.0);
        assert_eq!(bounds(&[group("a", [3, 3])]), None);
        assert_eq!(bounds(&[]), None);
    }

    #[test]
    fn more_classes_than_lines_are_counted_and_any_size_is_survived() {
        let groups: Vec<Group> = (0..9).map(|k| group("name", [k, k + 1])).collect();
        assert!(drawn(&groups, 60, 5).contains("+5"));
        for (width, height) in [(0, 0), (1, 1), (5, 2), (12, 3), (300, 90)] {
            drawn(&groups, width, height);
        }
    }

    #[test]
    fn numbers_are_short() {
        assert_eq!(
            [0.0, -0.1234, 12.34, -1234.5, 1.5e7, 2e-5].map(short),
            ["0.000", "-0.123", "12.3", "-1234", "1.50e7", "2.00e-5"]
        );
    }
}
