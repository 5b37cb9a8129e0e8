//! Recordings cut into segments: samples, clips, labels, screens, and what may go wrong.

use std::ops::ControlFlow;
use std::path::{Path, PathBuf};

use emolab::audio::{Sound, Span, decode, decode_part, decode_parts, facts_of, stream};

fn golden(name: &str) -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/golden/audio").join(name)
}

fn cut(sound: &Sound, span: Span) -> Sound {
    let (frames, width) = (span.frames(sound.rate), usize::from(sound.channels));
    let samples = sound.samples[frames.start as usize * width..frames.end as usize * width].to_vec();
    Sound { samples, channels: sound.channels, rate: sound.rate }
}

fn span(start: u32, end: u32) -> Span {
    Span::millis(start, end).unwrap()
}

/// Every format, each with parts in it.
fn formats() -> Vec<(PathBuf, Vec<Span>)> {
    let short = vec![span(0, 60), span(100, 101), span(37, 113), span(50, 120)];
    let long = vec![span(8_013, 8_799), span(0, 500), span(4_000, 4_001), span(6_123, 8_999), span(6_000, 7_000)];
    let names =
        ["tone.flac", "stereo.flac", "tone.aiff", "mulaw.wav", "adpcm_ms.wav", "tone.mp3", "tone.ogg", "tone.m4a"];
    let short = names.into_iter().map(|name| (golden(name), short.clone()));
    short.chain(["long.flac", "long.mp3", "long.ogg"].map(|name| (golden(name), long.clone()))).collect()
}

#[test]
fn a_part_has_the_samples_that_the_whole_has_there_to_the_bit() {
    for (path, spans) in formats() {
        let whole = decode(&path).unwrap();
        let mut found = 0;
        decode_parts(&path, &spans, &mut |place, part| {
            let part = part.unwrap_or_else(|error| panic!("{}: {error}", path.display()));
            assert_eq!(part, cut(&whole, spans[place]), "{} {}", path.display(), spans[place]);
            found += 1;
        })
        .unwrap();
        assert_eq!(found, spans.len());
        assert_eq!(decode_part(&path, spans[1]).unwrap(), cut(&whole, spans[1]), "{}", path.display());
        let end = (whole.seconds() * 1000.0) as u32;
        let beyond = decode_part(&path, span(end - 5, end + 5)).unwrap_err().to_string();
        assert!(beyond.contains("is not in it: it is"), "{}: {beyond}", path.display());
    }
}

#[test]
fn what_is_heard_piece_by_piece_is_the_whole() {
    for (path, _) in formats() {
        let (whole, mut pieces) = (decode(&path).unwrap(), Vec::new());
        stream(&path, &mut |make, samples| {
            assert_eq!(make, whole.make());
            pieces.extend_from_slice(samples);
            ControlFlow::Continue(())
        })
        .unwrap();
        assert!(pieces == whole.samples, "{}", path.display());
        assert_eq!(facts_of(&path).unwrap(), whole.facts(), "{}", path.display());
    }
}
