//! The envelope of a clip in Braille dots, with a play cursor.
//!
//! Deliberately absent: axes in seconds (the screen writes them) and stereo: what is drawn is the mono mix.

use ratatui::buffer::Buffer;
use ratatui::layout::Rect;

use super::put;
use crate::tui::theme::Theme;

/// Peaks below this are not blown up to full height: silence should look silent.
const FLOOR: f32 = 0.02;

/// Draws `samples` over the whole of `area`, scaled to their own peak; `played` is the share that was heard.
pub fn draw(buffer: &mut Buffer, area: Rect, samples: &[f32], played: Option<f64>, theme: &Theme) {
    let area = area.intersection(buffer.area);
    if area.is_empty() || samples.is_empty() {
        return;
    }
    let peak = samples.iter().fold(FLOOR, |peak, sample| peak.max(sample.abs()));
    let dots = usize::from(area.width) * 2;
    let columns: Vec<(f32, f32)> = (0..dots).map(|dot| extremes(samples, dot, dots, peak)).collect();
    let cursor = played.map(|share| (share.clamp(0.0, 1.0) * f64::from(area.width)) as u16);
    for x in 0..area.width {
        let pair = [columns[usize::from(x) * 2], columns[usize::from(x) * 2 + 1]];
        let heard = cursor.is_some_and(|cursor| x < cursor);
        let style = if heard { theme.accent() } else { theme.text() };
        for y in 0..area.height {
            let symbol = braille(pair, usize::from(y), usize::from(area.height));
            put(buffer, Rect::new(area.x + x, area.y + y, 1, 1), &symbol.to_string(), style);
        }
    }
    if let Some(cursor) = cursor {
        let x = area.x + cursor.min(area.width - 1);
        buffer.set_style(Rect::new(x, area.y, 1, area.height), theme.selected());
    }
}

/// Smallest and largest sample of the `dot`th of `dots` equal parts, as shares of `peak`; at least one sample each.
fn extremes(samples: &[f32], dot: usize, dots: usize, peak: f32) -> (f32, f32) {
    let start = (dot * samples.len() / dots).min(samples.len() - 1);
    let end = ((dot + 1) * samples.len() / dots).clamp(start + 1, samples.len());
    let (low, high) =
        samples[start..end].iter().fold((f32::MAX, f32::MIN), |(low, high), &s| (low.min(s), high.max(s)));
    (low / peak, high / peak)
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
    use ratatui::style::Modifier;

    fn drawn(samples: &[f32], played: Option<f64>) -> Buffer {
        let mut buffer = Buffer::empty(Rect::new(0, 0, 8, 2));
        let area = buffer.area;
        draw(&mut buffer, area, samples, played, &Theme::plain(Depth::True));
        buffer
    }

    fn row(buffer: &Buffer, y: u16) -> String {
        (0..buffer.area.width).map(|x| buffer[(x, y)].symbol()).collect()
    }

    #[test]
    fn silence_is_a_line_and_full_scale_fills() {
        let silence = drawn(&[0.0; 100], None);
        assert_eq!((row(&silence, 0), row(&silence, 1)), ("⠀".repeat(8), "⠉".repeat(8)));
        let loud: Vec<f32> = (0..1000).map(|k| if k % 2 == 0 { 1.0 } else { -1.0 }).collect();
        assert_eq!(row(&drawn(&loud, None), 0), "⣿".repeat(8));
    }

    #[test]
    fn quiet_clips_are_scaled_to_their_peak() {
        let wave = |gain: f32| (0..500).map(|k| gain * (k as f32 * 0.7).sin()).collect::<Vec<_>>();
        assert_eq!(drawn(&wave(1.0), None), drawn(&wave(0.1), None));
    }

    #[test]
    fn the_cursor_is_reversed_and_stays_inside() {
        for (share, x) in [(0.0, 0), (0.5, 4), (1.0, 7), (7.0, 7)] {
            let buffer = drawn(&[0.1; 9], Some(share));
            let reversed: Vec<u16> = (0..8).filter(|&x| buffer[(x, 0)].modifier.contains(Modifier::REVERSED)).collect();
            assert_eq!(reversed, [x]);
        }
    }

    #[test]
    fn nothing_to_draw_draws_nothing() {
        assert_eq!(drawn(&[], Some(0.5)), Buffer::empty(Rect::new(0, 0, 8, 2)));
    }
}
