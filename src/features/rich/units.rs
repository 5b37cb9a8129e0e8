//! Units of the columns: a track's unit, and what a functional makes of it.
//!
//! Deliberately absent: numbers.

/// What a functional's number is counted in, given the track's unit.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Per {
    /// The track's unit.
    Value,
    /// That per second.
    Second,
    /// That per second squared.
    SecondSquared,
    /// A share or a ratio.
    Nothing,
    /// Seconds.
    Time,
    /// Number per second.
    Count,
    /// Decibels.
    Decibel,
}

/// A unit, and it per second once, twice and three times.
const UNITS: [[&str; 4]; 8] = [
    ["dB", "dB/s", "dB/s²", "dB/s³"],
    ["Hz", "Hz/s", "Hz/s²", "Hz/s³"],
    ["kHz", "kHz/s", "kHz/s²", "kHz/s³"],
    ["kHz²", "kHz²/s", "kHz²/s²", "kHz²/s³"],
    ["bit", "bit/s", "bit/s²", "bit/s³"],
    ["acum", "acum/s", "acum/s²", "acum/s³"],
    ["semitone", "semitone/s", "semitone/s²", "semitone/s³"],
    ["dB/kHz", "dB/kHz/s", "dB/kHz/s²", "dB/kHz/s³"],
];
/// The same for a track without a unit.
const BARE: [&str; 4] = ["-", "1/s", "1/s²", "1/s³"];

/// Unit of a functional of a track with this unit, derived `order` times by time.
pub fn unit(track: &str, order: usize, per: Per) -> &'static str {
    let row = UNITS.iter().find(|row| row[0] == track).unwrap_or(&BARE);
    let by = |times: usize| row.get(order + times).copied().unwrap_or("-");
    match per {
        Per::Value => by(0),
        Per::Second => by(1),
        Per::SecondSquared => by(2),
        Per::Nothing => "-",
        Per::Time => "s",
        Per::Count => "1/s",
        Per::Decibel => "dB",
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn units_follow_the_derivative_and_the_functional() {
        assert_eq!(unit("dB", 0, Per::Value), "dB");
        assert_eq!(unit("dB", 1, Per::SecondSquared), "dB/s³");
        assert_eq!(unit("-", 1, Per::Value), "1/s");
        assert_eq!(unit("Hz", 1, Per::Time), "s");
    }
}
