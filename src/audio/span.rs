//! A part of a recording, exact to the millisecond, and the one rule by which milliseconds become samples.
//!
//! Whatever draws, plays, cuts or writes a part goes through [`Span::frames`], so that what is seen is what is heard. Deliberately
//! absent: which recording it is a part of.

use std::fmt;
use std::ops::Range;
use std::str::FromStr;

/// From a start to a later end, in milliseconds from the beginning of the recording.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Span {
    start: u32,
    end: u32,
}

impl Span {
    /// From `start` to `end` in milliseconds; `None` unless it ends after it starts.
    pub fn millis(start: u32, end: u32) -> Option<Span> {
        (start < end).then_some(Span { start, end })
    }

    /// The nearest milliseconds to these seconds; `None` unless it ends after it starts, at or after 0.
    pub fn seconds(start: f64, end: f64) -> Option<Span> {
        Span::millis(to_millis(start)?, to_millis(end)?)
    }

    /// Start in milliseconds.
    pub fn start_millis(self) -> u32 {
        self.start
    }

    /// End in milliseconds.
    pub fn end_millis(self) -> u32 {
        self.end
    }

    /// Start in seconds.
    pub fn start(self) -> f64 {
        f64::from(self.start) / 1000.0
    }

    /// End in seconds.
    pub fn end(self) -> f64 {
        f64::from(self.end) / 1000.0
    }

    /// Length in seconds.
    pub fn length(self) -> f64 {
        f64::from(self.end - self.start) / 1000.0
    }

    /// The frames that belong to it at that rate: those from the frame nearest to its start up to that nearest to its end.
    pub fn frames(self, rate: u32) -> Range<u64> {
        frame_at(self.start, rate)..frame_at(self.end, rate)
    }

    /// Whether both have some time in common.
    pub fn overlaps(self, other: Span) -> bool {
        self.start < other.end && other.start < self.end
    }
}

/// The frame nearest to that millisecond; of two equally near ones the later.
pub(super) fn frame_at(millis: u32, rate: u32) -> u64 {
    (u64::from(millis) * u64::from(rate) + 500) / 1000
}

fn to_millis(seconds: f64) -> Option<u32> {
    let millis = (seconds * 1000.0).round();
    // A time a rounding error below 0 is 0.
    (-0.5..=f64::from(u32::MAX)).contains(&millis).then_some(millis.max(0.0) as u32)
}

/// As ids and tables have it: `0012.340-0015.020`, so that names of parts sort by time (within the first 2 h 46 min).
impl fmt::Display for Span {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let [start, end] = [self.start, self.end].map(|at| format!("{:04}.{:03}", at / 1000, at % 1000));
        f.pad(&format!("{start}-{end}"))
    }
}

/// A text that is no span as [`Span`] writes it.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error(
    "`{0}` is no part of a recording; write seconds with four digits before the point and three behind, such as 0012.340-0015.020"
)]
pub struct NoSpan(pub String);

impl FromStr for Span {
    type Err = NoSpan;

    /// Only what [`Span`] writes is read: of a span there is one text.
    fn from_str(text: &str) -> Result<Span, NoSpan> {
        let span = text.split_once('-').and_then(|(start, end)| Span::millis(written(start)?, written(end)?));
        span.filter(|span| span.to_string() == text).ok_or_else(|| NoSpan(text.to_owned()))
    }
}

fn written(seconds: &str) -> Option<u32> {
    let (whole, rest) = seconds.split_once('.')?;
    let digits = |text: &str| text.bytes().all(|byte| byte.is_ascii_digit());
    (rest.len() == 3 && digits(whole) && digits(rest)).then_some(())?;
    whole.parse::<u32>().ok()?.checked_mul(1000)?.checked_add(rest.parse().ok()?)
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    proptest! {
        #[test]
        fn a_span_has_one_text_and_is_cut_within_half_a_frame(start in 0u32..5_000_000, length in 1u32..100_000, rate in 1000u32..192_000) {
            let span = Span::millis(start, start + length).unwrap();
            prop_assert_eq!(span.to_string().parse::<Span>(), Ok(span));
            prop_assert_eq!(Span::seconds(span.start(), span.end()), Some(span));
            for (frame, seconds) in [(span.frames(rate).start, span.start()), (span.frames(rate).end, span.end())] {
                prop_assert!((frame as f64 / f64::from(rate) - seconds).abs() <= 0.5001 / f64::from(rate));
            }
        }

        #[test]
        fn parts_that_touch_share_no_frame_and_leave_none_out(cut in 1u32..5_000, rate in 1000u32..192_000) {
            let (first, second) = (Span::millis(0, cut).unwrap(), Span::millis(cut, 6_000).unwrap());
            prop_assert_eq!(first.frames(rate).end, second.frames(rate).start);
            prop_assert!(!first.overlaps(second));
        }
    }

    #[test]
    fn what_is_no_span_is_refused() {
        for text in [
            "",
            "0001.000",
            "0002.000-0001.000",
            "0001.000-0001.000",
            "1.0-2.0",
            "00001.000-0002.000",
            "+001.000-0002.000",
            "0001.000-0002.000 ",
        ] {
            assert!(text.parse::<Span>().unwrap_err().to_string().contains("0012.340-0015.020"), "{text}");
        }
        assert_eq!(Span::seconds(f64::NAN, 1.0), None);
        assert_eq!(Span::seconds(-1.0, 1.0), None);
        assert_eq!(Span::seconds(-1e-9, 1e12), None);
        assert_eq!(Span::seconds(-1e-9, 1.0), Span::millis(0, 1000));
    }
}
