//! A spectrogram as a heat map: two bands to a cell (half blocks) with colours, one shade to a cell without.
//!
//! Where the terminal shows pictures, one in pixels is hung over the cells. Deliberately absent: computing it, lines over it (see
//! `overlay`), and how pictures are sent (see `graphics`).

use std::hash::Hash;
use std::ops::Range;

use ndarray::ArrayView2;
use ratatui::buffer::Buffer;
use ratatui::layout::Rect;
use ratatui::style::Style;

use crate::tui::graphics::{GROUND, Picture};
use crate::tui::theme::{Map, Theme};

/// Colours of a picture in pixels: sixel has to name each.
const STEPS: u8 = 64;

/// What is drawn and how.
#[derive(Debug, Clone, Copy)]
pub struct Heat<'a> {
    /// dB, `[band, frame]`, lowest band first.
    pub levels: ArrayView2<'a, f32>,
    /// The level of the highest colour.
    pub top: f32,
    /// Decibels below it that still differ from the lowest colour.
    pub range: f32,
    /// The part of the frames that is seen, as shares: from and to.
    pub seen: (f64, f64),
    /// The share of the bands that is seen, from below.
    pub bands: f64,
    /// Colours.
    pub map: Map,
    /// How much of each half cell is marked, 0..1, `[line from above, column]`; then the rest is grey.
    pub marks: Option<ArrayView2<'a, f32>>,
}

/// Draws over the whole of `area`, low bands below.
pub fn draw(buffer: &mut Buffer, area: Rect, heat: &Heat<'_>, theme: &Theme) {
    let area = area.intersection(buffer.area);
    if area.is_empty() || heat.levels.is_empty() {
        return;
    }
    if let Some(easel) = theme.easel().filter(|_| heat.marks.is_none()) {
        easel.hang(area, heat.key(), |width, height| heat.picture(area, (width, height)));
    }
    let heights = usize::from(area.height) * 2;
    for x in 0..area.width {
        let frames = heat.frames(usize::from(x), usize::from(area.width));
        let value = |row: usize| heat.value(heat.bands(heights - 1 - row, heights), frames.clone());
        for y in 0..area.height {
            let (upper, lower) = (value(usize::from(y) * 2), value(usize::from(y) * 2 + 1));
            let [upper_mark, lower_mark] = [0, 1].map(|half| heat.mark(usize::from(y) * 2 + half, usize::from(x)));
            let cell = &mut buffer[(area.x + x, area.y + y)];
            let paint = |value: f64, mark: Option<f64>| match mark {
                Some(share) => theme.marked(value, share),
                None => theme.heat(heat.map, value),
            };
            match (paint(upper, upper_mark).color, paint(lower, lower_mark).color) {
                (Some(above), Some(below)) => cell.set_symbol(GROUND).set_style(Style::new().fg(above).bg(below)),
                _ => cell.set_char(paint(upper.max(lower), larger(upper_mark, lower_mark)).shade),
            };
        }
    }
}

fn larger(one: Option<f64>, other: Option<f64>) -> Option<f64> {
    one.zip(other).map(|(one, other)| one.max(other))
}

impl Heat<'_> {
    /// What is marked of a half cell, where anything is.
    fn mark(&self, line: usize, column: usize) -> Option<f64> {
        Some(f64::from(*self.marks?.get((line, column))?))
    }

    /// Differs where the picture does.
    fn key(&self) -> impl Hash {
        let levels: Vec<u32> = self.levels.iter().map(|level| level.to_bits()).collect();
        let reals = [self.seen.0, self.seen.1, self.bands, f64::from(self.top), f64::from(self.range)];
        (levels, reals.map(f64::to_bits), self.map.name())
    }

    /// So many pixels over `area`.
    fn picture(&self, area: Rect, (width, height): (usize, usize)) -> Picture {
        let level = |x: usize, y: usize| {
            let value = self.value(self.bands(height - 1 - y, height), self.frames(x, width));
            if value.is_finite() { (value.clamp(0.0, 1.0) * f64::from(STEPS - 1)).round() as u8 } else { 0 }
        };
        let steps = (0..height).flat_map(|y| (0..width).map(move |x| (x, y))).map(|(x, y)| level(x, y)).collect();
        Picture { area, width, height, steps, colours: Theme::steps(self.map, STEPS).into() }
    }

    /// The frames behind column `x` of `width`, at least one.
    fn frames(&self, x: usize, width: usize) -> Range<usize> {
        let frames = self.levels.ncols();
        let edge = |x: usize| {
            let share = self.seen.0 + (self.seen.1 - self.seen.0) * x as f64 / width as f64;
            (share * frames as f64) as usize
        };
        let start = edge(x).min(frames - 1);
        start..edge(x + 1).clamp(start + 1, frames)
    }

    /// The bands behind line `line` of `lines`, counted from below, at least one.
    fn bands(&self, line: usize, lines: usize) -> Range<usize> {
        let edge = |line: usize| (self.bands * (line * self.levels.nrows()) as f64 / lines as f64) as usize;
        let start = edge(line).min(self.levels.nrows() - 1);
        start..edge(line + 1).clamp(start + 1, self.levels.nrows())
    }

    /// The loudest of some bands and frames, 0..1: short bursts and thin harmonics must not vanish between two cells.
    fn value(&self, bands: Range<usize>, frames: Range<usize>) -> f64 {
        let loudest = bands
            .flat_map(|band| frames.clone().map(move |frame| (band, frame)))
            .fold(f32::MIN, |loudest, at| loudest.max(self.levels[at]));
        f64::from(1.0 - (self.top - loudest) / self.range)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::tui::theme::Depth;
    use ndarray::Array2;
    use ratatui::style::Color;

    fn drawn_part(levels: &Array2<f32>, seen: (f64, f64), bands: f64, depth: Depth) -> Buffer {
        let mut buffer = Buffer::empty(Rect::new(0, 0, 4, 2));
        let area = buffer.area;
        let heat = Heat { levels: levels.view(), top: 0.0, range: 60.0, seen, bands, map: Map::Magma, marks: None };
        draw(&mut buffer, area, &heat, &Theme::plain(depth));
        buffer
    }

    fn drawn(levels: &Array2<f32>, seen: (f64, f64), depth: Depth) -> Buffer {
        drawn_part(levels, seen, 1.0, depth)
    }

    #[test]
    fn the_lowest_band_lies_at_the_bottom() {
        let levels = Array2::from_shape_fn((4, 8), |(band, _)| if band == 0 { 0.0 } else { -90.0 });
        let buffer = drawn(&levels, (0.0, 1.0), Depth::True);
        assert_eq!(buffer[(0, 1)].bg, Color::Rgb(0xFC, 0xFD, 0xBF));
        assert_eq!(buffer[(0, 1)].fg, Color::Rgb(0, 0, 4));
        assert_eq!(buffer[(0, 0)].bg, Color::Rgb(0, 0, 4));
    }

    #[test]
    fn what_is_marked_keeps_its_shades_and_the_rest_fades() {
        let levels = Array2::zeros((4, 4));
        let marks = Array2::from_shape_fn((4, 4), |(line, column)| if line < 2 && column > 1 { 1.0 } else { 0.0 });
        let heat = |marks| Heat {
            levels: levels.view(),
            top: 0.0,
            range: 60.0,
            seen: (0.0, 1.0),
            bands: 1.0,
            map: Map::Magma,
            marks,
        };
        let mut buffer = Buffer::empty(Rect::new(0, 0, 4, 2));
        let area = buffer.area;
        draw(&mut buffer, area, &heat(Some(marks.view())), &Theme::plain(Depth::Mono));
        assert_eq!(buffer, Buffer::with_lines(["··██", "····"]));
        draw(&mut buffer, area, &heat(Some(marks.view())), &Theme::plain(Depth::Sixteen));
        assert_eq!(
            (buffer[(0, 0)].fg, buffer[(3, 0)].bg, buffer[(3, 1)].fg),
            (Color::White, Color::White, Color::White)
        );
        draw(&mut buffer, area, &heat(Some(marks.view())), &Theme::plain(Depth::True));
        assert_eq!((buffer[(0, 0)].fg, buffer[(3, 0)].fg), (Color::Rgb(228, 228, 228), Color::Rgb(246, 121, 246)));
    }

    #[test]
    fn a_single_loud_frame_or_band_is_seen() {
        let levels = Array2::from_shape_fn((2, 400), |(_, frame)| if frame == 201 { 0.0 } else { -90.0 });
        assert_eq!(drawn(&levels, (0.0, 1.0), Depth::Mono), Buffer::with_lines(["  █ ", "  █ "]));
        let levels = Array2::from_shape_fn((100, 3), |(band, _)| if band == 26 { 0.0 } else { -90.0 });
        assert_eq!(drawn(&levels, (0.0, 1.0), Depth::Mono), Buffer::with_lines(["    ", "████"]));
    }

    #[test]
    fn what_is_zoomed_into_fills_the_width() {
        let levels = Array2::from_shape_fn((2, 400), |(_, frame)| if frame < 200 { 0.0 } else { -90.0 });
        assert_eq!(drawn(&levels, (0.25, 0.5), Depth::Mono), Buffer::with_lines(["████", "████"]));
        assert_eq!(drawn(&levels, (0.25, 0.75), Depth::Mono), Buffer::with_lines(["██  ", "██  "]));
        let levels = Array2::from_shape_fn((8, 2), |(band, _)| if band < 2 { 0.0 } else { -90.0 });
        assert_eq!(drawn_part(&levels, (0.0, 1.0), 0.5, Depth::Mono), Buffer::with_lines(["    ", "████"]));
    }

    #[test]
    fn deeper_than_there_are_frames_each_is_seen_for_longer() {
        let levels = Array2::from_shape_fn((2, 400), |(_, frame)| if frame < 200 { 0.0 } else { -90.0 });
        assert_eq!(drawn(&levels, (0.4995, 0.5005), Depth::Mono), Buffer::with_lines(["██  ", "██  "]));
    }

    #[test]
    fn no_frames_and_broken_levels_are_drawn_without_a_panic() {
        let whole = (0.0, 1.0);
        drawn(&Array2::zeros((0, 0)), whole, Depth::True);
        drawn(&Array2::zeros((1, 1)), whole, Depth::Sixteen);
        drawn(&Array2::from_elem((3, 3), f32::NAN), whole, Depth::True);
        drawn(&Array2::from_elem((3, 3), f32::NEG_INFINITY), (1.0, 1.0), Depth::Indexed);
    }
}
