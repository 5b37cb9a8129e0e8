//! Pictures and controls made of cells. They know numbers, texts and a [`Theme`](super::theme::Theme), no Workbench.
//!
//! Deliberately absent: state. What is selected or typed is handed in, so that drawing twice gives the same cells.

pub mod axis;
pub mod bars;
pub mod curves;
pub mod distribution;
pub mod grid;
pub mod input;
pub mod matrix;
pub mod overlay;
pub mod points;
pub mod popup;
pub mod spectrogram;
pub mod table;
pub mod tabs;
pub mod waveform;

use ratatui::buffer::Buffer;
use ratatui::layout::{Constraint, Layout, Rect};
use ratatui::style::Style;
use unicode_width::{UnicodeWidthChar, UnicodeWidthStr};

/// Writes `text` on the first line of `area`, cut with `…` at its right edge; nothing where there is no room.
///
/// Returns what is left of the line. Control characters (file names may hold any byte) are not written.
pub fn put(buffer: &mut Buffer, area: Rect, text: &str, style: Style) -> Rect {
    let area = area.intersection(buffer.area);
    if area.is_empty() {
        return area;
    }
    let text = cut(text, area.width as usize);
    let (end, _) = buffer.set_stringn(area.x, area.y, &text, area.width as usize, style);
    let used = end.saturating_sub(area.x).min(area.width);
    Rect { x: area.x + used, width: area.width - used, height: 1, ..area }
}

/// As [`put`], against the right edge.
pub fn put_right(buffer: &mut Buffer, area: Rect, text: &str, style: Style) {
    let used = (text.width() as u16).min(area.width);
    put(buffer, Rect { x: area.x + area.width - used, width: used, ..area }, text, style);
}

/// As [`put`], in the middle.
pub fn put_center(buffer: &mut Buffer, area: Rect, text: &str, style: Style) {
    let used = (text.width() as u16).min(area.width);
    put(buffer, Rect { x: area.x + (area.width - used) / 2, width: used, ..area }, text, style);
}

/// `text` in at most `width` columns, ending in `…` when something is missing.
pub fn cut(text: &str, width: usize) -> String {
    if text.width() <= width {
        return text.to_owned();
    }
    let mut kept = String::new();
    let mut left = width.saturating_sub(1);
    for letter in text.chars() {
        let wide = letter.width().unwrap_or(0);
        if wide > left {
            break;
        }
        left -= wide;
        kept.push(letter);
    }
    if width > 0 {
        kept.push('…');
    }
    kept
}

/// `text` broken at spaces into lines of at most `width` columns.
pub fn wrap(text: &str, width: usize) -> Vec<String> {
    let mut lines = Vec::new();
    for paragraph in text.lines() {
        let mut line = String::new();
        for word in paragraph.split_whitespace() {
            if !line.is_empty() && line.width() + 1 + word.width() > width {
                lines.push(std::mem::take(&mut line));
            }
            if !line.is_empty() {
                line.push(' ');
            }
            line.push_str(word);
        }
        lines.push(line);
    }
    lines
}

/// The `line`th line of `area`; empty when there is none.
pub fn line(area: Rect, line: u16) -> Rect {
    let height = u16::from(line < area.height);
    Rect { y: area.y + line.min(area.height.saturating_sub(1)), height, ..area }
}

/// Splits into rows by the given constraints.
pub fn rows<const N: usize>(area: Rect, parts: [Constraint; N]) -> [Rect; N] {
    Layout::vertical(parts).areas(area)
}

/// Splits into columns by the given constraints.
pub fn columns<const N: usize>(area: Rect, parts: [Constraint; N]) -> [Rect; N] {
    Layout::horizontal(parts).areas(area)
}

/// From this width and height on a screen shows side by side what it else shows one after the other.
const WIDE: (u16, u16) = (160, 30);

/// Whether what a screen shows has room side by side.
pub fn is_wide(area: Rect) -> bool {
    area.width >= WIDE.0 && area.height >= WIDE.1
}

/// A share as percent with one digit, or a dash when it is undefined.
pub fn percent(share: Option<f64>) -> String {
    share.map_or_else(|| "–".to_owned(), |share| format!("{:.1}", 100.0 * share))
}

/// Seconds as `9.3 s`, `2:05`, `1:02:05`.
pub fn duration(seconds: f64) -> String {
    if seconds < 60.0 {
        return format!("{seconds:.1} s");
    }
    let whole = seconds.round() as u64;
    let (hours, minutes, rest) = (whole / 3600, whole / 60 % 60, whole % 60);
    if hours > 0 { format!("{hours}:{minutes:02}:{rest:02}") } else { format!("{minutes}:{rest:02}") }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    proptest! {
        #[test]
        fn what_is_cut_fits(text in "\\PC{0,30}", width in 0usize..20) {
            prop_assert!(cut(&text, width).width() <= width);
        }

        #[test]
        fn wrapping_loses_no_word(text in "[a-z ]{0,80}", width in 10usize..30) {
            let lines = wrap(&text, width);
            let words: Vec<&str> = lines.iter().flat_map(|line| line.split_whitespace()).collect();
            prop_assert_eq!(words, text.split_whitespace().collect::<Vec<_>>());
        }
    }

    #[test]
    fn writing_outside_does_nothing() {
        let mut buffer = Buffer::empty(Rect::new(0, 0, 4, 1));
        put(&mut buffer, Rect::new(2, 0, 9, 1), "abc", Style::new());
        put(&mut buffer, Rect::new(0, 5, 9, 1), "abc", Style::new());
        assert_eq!(buffer, Buffer::with_lines(["  a…"]));
    }

    #[test]
    fn durations_read_well() {
        assert_eq!([0.04, 59.94, 125.0, 3725.2].map(duration), ["0.0 s", "59.9 s", "2:05", "1:02:05"]);
    }

    #[test]
    fn an_undefined_score_is_a_dash() {
        assert_eq!((percent(None), percent(Some(0.0))), ("–".to_owned(), "0.0".to_owned()));
    }
}
