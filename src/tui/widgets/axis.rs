//! Ticks of axes: round numbers, as many as have room.
//!
//! Deliberately absent: grid lines; they would hide what lies below.

use ratatui::buffer::Buffer;
use ratatui::layout::Rect;

use super::{line, put};
use crate::tui::theme::Theme;

/// Round numbers in `from..=to`, at most `most`, by a step of 1, 2 or 5 times a power of ten, and the digits behind the
/// point that they need.
pub fn ticks(from: f64, to: f64, most: usize) -> (Vec<f64>, usize) {
    let span = to - from;
    if !(span > 0.0 && span.is_finite()) || most == 0 {
        return (Vec::new(), 0);
    }
    let power = 10_f64.powf((span / most as f64).log10().floor());
    let step = [1.0, 2.0, 5.0, 10.0, 20.0]
        .map(|factor| factor * power)
        .into_iter()
        .find(|step| (to / step).floor() - (from / step).ceil() + 1.0 <= most as f64);
    let step = step.unwrap_or(span);
    let digits = (-step.log10() - 1e-9).ceil().clamp(0.0, 6.0) as usize;
    let first = (from / step - 1e-9).ceil() as i64;
    let last = (to / step + 1e-9).floor() as i64;
    // A quotient of whole numbers, so that 0.7 is 0.7.
    let exact = |number: i64| if step < 1.0 { number as f64 / (1.0 / step).round() } else { number as f64 * step };
    ((first..=last).map(exact).collect(), digits)
}

/// Writes ticks of `from..=to` along the first line of `area`, the last one with the short `unit` behind it.
pub fn across(buffer: &mut Buffer, area: Rect, (from, to): (f64, f64), unit: &str, theme: &Theme) {
    const ROOM: u16 = 8;
    let (ticks, digits) = ticks(from, to, usize::from(area.width / ROOM).max(2));
    let mut taken = area.width + 1;
    for (at, tick) in ticks.iter().enumerate().rev() {
        let number = format!("{tick:.digits$}");
        let middle = ((tick - from) / (to - from) * f64::from(area.width)) as u16;
        let half = number.chars().count() as u16 / 2;
        let text = if at + 1 == ticks.len() && !unit.is_empty() { format!("{number} {unit}") } else { number };
        let width = text.chars().count() as u16;
        // In the middle under its place, as far as the edges allow.
        let x = middle.saturating_sub(half).min(area.width.saturating_sub(width));
        if x + width < taken {
            put(buffer, Rect { x: area.x + x, width, ..line(area, 0) }, &text, theme.dim());
            taken = x;
        }
    }
}

/// Writes labels at the right edge of `area`, each on the line of its place (0 = lower edge, 1 = upper edge); of two on
/// one line the first is written.
pub fn along(buffer: &mut Buffer, area: Rect, labels: &[(f64, String)], theme: &Theme) {
    let mut taken = vec![false; usize::from(area.height)];
    for (place, text) in labels.iter().filter(|(place, _)| (0.0..=1.0).contains(place)) {
        let row = (((1.0 - place) * f64::from(area.height)) as usize).min(taken.len().saturating_sub(1));
        if taken.get(row).is_some_and(|taken| !taken) {
            taken[row] = true;
            super::put_right(buffer, line(area, row as u16), text, theme.dim());
        }
    }
}

/// A frequency as short as it can be: `500`, `2k`, `1.5k`.
pub fn hertz(hz: f64) -> String {
    let kilo = hz / 1000.0;
    if hz < 1000.0 {
        format!("{hz:.0}")
    } else if (kilo - kilo.round()).abs() < 0.05 {
        format!("{kilo:.0}k")
    } else {
        format!("{kilo:.1}k")
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::tui::theme::Depth;

    fn written(width: u16, bounds: (f64, f64)) -> String {
        let mut buffer = Buffer::empty(Rect::new(0, 0, width, 1));
        let area = buffer.area;
        across(&mut buffer, area, bounds, "s", &Theme::plain(Depth::Mono));
        (0..width).map(|x| buffer[(x, 0)].symbol()).collect::<String>().trim_end().to_owned()
    }

    #[test]
    fn ticks_are_round_and_few() {
        assert_eq!(ticks(0.0, 1.35, 4), (vec![0.0, 0.5, 1.0], 1));
        assert_eq!(ticks(0.62, 0.71, 5), (vec![0.62, 0.64, 0.66, 0.68, 0.7], 2));
        assert_eq!(ticks(0.0, 3600.0, 5), (vec![0.0, 1000.0, 2000.0, 3000.0], 0));
        for bounds in [(0.0, 0.0), (f64::NAN, 1.0), (1.0, 0.0)] {
            assert_eq!(ticks(bounds.0, bounds.1, 5), (vec![], 0));
        }
    }

    #[test]
    fn numbers_stand_under_their_place() {
        assert_eq!(written(40, (0.0, 2.0)), "0.0      0.5       1.0       1.5   2.0 s");
        assert_eq!(written(12, (0.0, 1.0)), "0        1 s");
        for width in [0, 1, 2, 5, 300] {
            written(width, (0.0, 1.0));
        }
    }

    #[test]
    fn labels_do_not_cover_one_another() {
        let mut buffer = Buffer::empty(Rect::new(0, 0, 4, 2));
        let area = buffer.area;
        let labels = [(1.0, "8k".to_owned()), (0.9, "7k".to_owned()), (0.1, hertz(250.0)), (2.0, "x".to_owned())];
        along(&mut buffer, area, &labels, &Theme::plain(Depth::Mono));
        let row = |y| (0..4).map(|x| buffer[(x, y)].symbol()).collect::<String>();
        assert_eq!((row(0), row(1)), ("  8k".to_owned(), " 250".to_owned()));
        assert_eq!([1000.0, 1500.0, 11_025.0].map(hertz), ["1k", "1.5k", "11k"]);
    }
}
