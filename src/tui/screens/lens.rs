//! What is seen of a long recording: from which millisecond to which, and in which column a millisecond stands.
//!
//! Deliberately absent: what is drawn there.

use std::ops::Range;

use crate::audio::Span;

/// The shortest stretch that is seen, in milliseconds.
const SHORTEST: f64 = 200.0;

/// A stretch of a recording.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Lens {
    start: f64,
    end: f64,
    all: f64,
}

impl Default for Lens {
    fn default() -> Lens {
        Lens::of(0)
    }
}

impl Lens {
    /// All of a recording of so many milliseconds.
    pub fn of(all: u32) -> Lens {
        let all = f64::from(all.max(1));
        Lens { start: 0.0, end: all, all }
    }

    /// The recording is so long, as it turns out.
    pub fn resize(&mut self, all: u32) {
        let whole = self.is_whole();
        self.all = f64::from(all.max(1));
        if whole {
            (self.start, self.end) = (0.0, self.all);
        }
        self.place(self.start, self.length());
    }

    /// The milliseconds that are seen.
    pub fn seen(&self) -> Range<f64> {
        self.start..self.end
    }

    /// How many they are.
    pub fn length(&self) -> f64 {
        self.end - self.start
    }

    /// True when nothing lies outside.
    pub fn is_whole(&self) -> bool {
        self.length() >= self.all
    }

    /// The column of a millisecond, of so many; `None` where it is not seen.
    pub fn column(&self, millis: f64, width: u16) -> Option<u16> {
        let place = (millis - self.start) / self.length();
        (width > 0 && (0.0..1.0).contains(&place)).then(|| (place * f64::from(width)) as u16)
    }

    /// So many times as much, around a millisecond; false where there is no more or no less to see.
    pub fn zoom(&mut self, by: f64, around: f64, all: u32) -> bool {
        self.resize(all);
        let length = (self.length() * by).clamp(SHORTEST.min(self.all), self.all);
        if (length - self.length()).abs() < 1e-9 {
            return false;
        }
        let seen = around.clamp(self.start, self.end);
        // What is under the cursor stays where it is.
        let share = (seen - self.start) / self.length();
        self.place(seen - share * length, length);
        true
    }

    /// A span with a tenth of its length on either side.
    pub fn show(&mut self, span: Span, all: u32) {
        self.resize(all);
        let (start, length) = (1000.0 * span.start(), 1000.0 * span.length());
        self.place(start - 0.1 * length, (1.2 * length).clamp(SHORTEST.min(self.all), self.all));
    }

    /// Moves by so many windows.
    pub fn scroll(&mut self, by: f64) {
        self.place(self.start + by * self.length(), self.length());
    }

    /// Moves by whole windows until a millisecond is seen: what is heard is seen.
    pub fn follow(&mut self, at: u32) {
        let pages = ((f64::from(at) - self.start) / self.length()).floor();
        if pages != 0.0 && f64::from(at) < self.all {
            self.place(self.start + pages * self.length(), self.length());
        }
    }

    fn place(&mut self, start: f64, length: f64) {
        let length = length.min(self.all);
        self.start = start.clamp(0.0, self.all - length);
        self.end = self.start + length;
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    proptest! {
        #[test]
        fn a_millisecond_stands_in_the_column_that_is_its(all in 1u32..5_000_000, at in 0.0f64..1.0, zooms in 0usize..20, width in 1u16..300) {
            let mut lens = Lens::of(all);
            let at = (at * f64::from(all)) as u32;
            for _ in 0..zooms {
                lens.zoom(0.5, f64::from(at), all);
            }
            let column = lens.column(f64::from(at), width);
            prop_assert!(column.is_some(), "the cursor stays in sight");
            // The part of that number, of as many parts as columns: what `Overview::outline` draws there.
            let edge = |column: u16| lens.seen().start + lens.length() * f64::from(column) / f64::from(width);
            let column = column.unwrap_or(0);
            prop_assert!(edge(column) - 1e-6 <= f64::from(at) && f64::from(at) < edge(column + 1) + 1e-6);
            prop_assert!(lens.seen().start >= 0.0 && lens.seen().end <= f64::from(all) + 1e-6);
        }

        #[test]
        fn what_is_followed_is_seen(all in 1_000u32..5_000_000, at in 0.0f64..0.999, zooms in 0usize..20) {
            let mut lens = Lens::of(all);
            for _ in 0..zooms {
                lens.zoom(0.5, 0.0, all);
            }
            let at = (at * f64::from(all)) as u32;
            lens.follow(at);
            prop_assert!(lens.column(f64::from(at), 80).is_some());
        }
    }

    #[test]
    fn a_window_is_neither_shorter_than_can_be_seen_nor_longer_than_all() {
        let mut lens = Lens::of(60_000);
        assert!(!lens.zoom(2.0, 0.0, 60_000));
        while lens.zoom(0.5, 30_000.0, 60_000) {}
        assert_eq!(lens.length(), SHORTEST);
        let span = Span::millis(59_000, 60_000);
        span.into_iter().for_each(|span| lens.show(span, 60_000));
        assert_eq!(lens.seen(), 58_800.0..60_000.0);
        lens.scroll(-0.5);
        assert_eq!(lens.seen(), 58_200.0..59_400.0);
        assert_eq!(Lens::of(0).column(0.0, 10), Some(0));
    }
}
