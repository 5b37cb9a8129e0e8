//! Which part of an M4A's audio is meant to be heard.
//!
//! An AAC encoder puts 1024 to 2112 frames of run-up before the sound and fills the last packet; the file's edit list
//! says so, and symphonia 0.6 does not apply it: a clip would come out up to 0.1 s late. Deliberately absent: lists of
//! more than one cut, which editors write and encoders do not.

/// The part to keep, in ticks of the track's own clock.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Cut {
    pub(super) start: u64,
    pub(super) end: u64,
    /// Ticks per second.
    pub(super) clock: u32,
}

/// The single cut of the first sound track of an MP4; `None` for any other bytes and any other kind of list.
pub(super) fn cut(bytes: &[u8]) -> Option<Cut> {
    if bytes.get(4..8)? != b"ftyp" {
        return None;
    }
    let movie = Boxes(bytes).named(b"moov").next()?;
    let track = Boxes(movie).named(b"trak").find(|track| {
        find(track, &[b"mdia", b"hdlr"]).and_then(|handler| handler.get(8..12)).is_some_and(|kind| kind == b"soun")
    })?;
    let (movie_clock, _) = clock(find(movie, &[b"mvhd"])?)?;
    let (clock, whole) = clock(find(track, &[b"mdia", b"mdhd"])?)?;
    let (length, start) = only_edit(find(track, &[b"edts", b"elst"])?)?;
    // The length is rounded to the movie's clock, often milliseconds: allow for one tick more.
    let length = u128::from(length.checked_add(1)?) * u128::from(clock) / u128::from(movie_clock);
    let end = start.saturating_add(u64::try_from(length).ok()?).min(whole);
    (start < end).then_some(Cut { start, end, clock })
}

/// Ticks per second and duration in ticks of an `mvhd` or `mdhd`.
fn clock(header: &[u8]) -> Option<(u32, u64)> {
    let (clock, duration) = match header.first()? {
        0 => (number(header, 12, 4)?, number(header, 16, 4)?),
        _ => (number(header, 20, 4)?, number(header, 24, 8)?),
    };
    Some((u32::try_from(clock).ok().filter(|&clock| clock > 0)?, duration))
}

/// Length (movie ticks) and start (track ticks) of a list's only entry.
fn only_edit(list: &[u8]) -> Option<(u64, u64)> {
    if number(list, 4, 4)? != 1 {
        return None;
    }
    let (length, start, none) = match list.first()? {
        0 => (number(list, 8, 4)?, number(list, 12, 4)?, u64::from(u32::MAX)),
        _ => (number(list, 8, 8)?, number(list, 16, 8)?, u64::MAX),
    };
    (start != none).then_some((length, start))
}

fn number(bytes: &[u8], at: usize, width: usize) -> Option<u64> {
    Some(bytes.get(at..at + width)?.iter().fold(0, |sum, &byte| sum << 8 | u64::from(byte)))
}

fn find<'a>(inside: &'a [u8], path: &[&[u8; 4]]) -> Option<&'a [u8]> {
    path.iter().try_fold(inside, |inside, name| Boxes(inside).named(name).next())
}

/// The boxes of an MP4, each a length, a name and a body.
struct Boxes<'a>(&'a [u8]);

impl<'a> Boxes<'a> {
    fn named(self, name: &[u8; 4]) -> impl Iterator<Item = &'a [u8]> {
        self.filter_map(move |(found, body)| (found == name).then_some(body))
    }
}

impl<'a> Iterator for Boxes<'a> {
    type Item = (&'a [u8], &'a [u8]);

    fn next(&mut self) -> Option<Self::Item> {
        let (head, size) = match number(self.0, 0, 4)? {
            0 => (8, self.0.len() as u64),
            1 => (16, number(self.0, 8, 8)?),
            size => (8, size),
        };
        let whole = self.0.get(..usize::try_from(size).ok()?)?;
        self.0 = &self.0[whole.len()..];
        Some((whole.get(4..8)?, whole.get(head..)?))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn reads_the_run_up_and_the_end_of_a_real_file() {
        let bytes = include_bytes!("../../tests/golden/audio/tone.m4a");
        assert_eq!(cut(bytes), Some(Cut { start: 1024, end: 5024, clock: 16_000 }));
    }

    #[test]
    fn other_and_damaged_files_have_no_cut() {
        assert_eq!(cut(include_bytes!("../../tests/golden/audio/tone.mp3")), None);
        let bytes = include_bytes!("../../tests/golden/audio/tone.m4a");
        for length in 0..bytes.len() {
            let found = cut(&bytes[..length]);
            assert!(found.is_none_or(|cut| cut.end <= 5024), "{length}: {found:?}");
        }
    }
}
