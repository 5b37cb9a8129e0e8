//! Parts of a recording, and recordings too long to be held: decoded piece by piece.
//!
//! A part has exactly the samples that the whole has there. WAV is read where the part lies; in FLAC and MP3 the decoder is set
//! a little before it (an MP3 frame leans on those before it); everything else is decoded from its beginning. Deliberately
//! absent: finding where to cut (see `activity`).

use std::fs::{self, File};
use std::io::{self, Cursor, Read, Seek, SeekFrom};
use std::ops::{ControlFlow, Range};
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::path::Path;

use symphonia::core::codecs::audio::well_known::{CODEC_ID_FLAC, CODEC_ID_MP3};
use symphonia::core::formats::{SeekMode, SeekTo};
use symphonia::core::io::MediaSource;
use symphonia::core::units::Timestamp;

use super::container::{self, Layout};
use super::decode::{self, AudioError, Packets};
use super::{AudioFacts, Sound, Span, edit_list, facts};
use crate::job::panic_text;

/// Frames of a WAV that are decoded at a time.
const BLOCK: u64 = 1 << 18;
/// Bytes at the beginning of a WAV in which its sound must begin for the file to be read piece by piece.
const HEAD: u64 = 1 << 16;
/// Frames decoded before a part of an MP3: an MP3 frame may lean on the 511 bytes before it, and its filters on two frames. At
/// 8 kbit/s these are 11 frames of 1152.
const RUN_UP: u64 = 16 * 1152;
/// A recording longer than this is damage, or silence that was packed well.
const LONGEST: u64 = 24 * 3600;

/// What a piece of sound is made of.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Make {
    /// Channels, at least 1.
    pub channels: u16,
    /// Frames per second.
    pub rate: u32,
}

/// Takes one piece after the other, interleaved, until it breaks off.
pub type Ear<'a> = dyn FnMut(Make, &[f32]) -> ControlFlow<()> + 'a;

/// Decodes a file from its beginning and hands the samples on piece by piece: an hour takes no more memory than a second, as
/// long as it is WAV or FLAC; of other formats the packed file is in memory.
///
/// # Errors
/// As [`decode`](super::decode()); what came before a damage was handed on.
pub fn stream(path: &Path, ear: &mut Ear<'_>) -> Result<(), AudioError> {
    guarded(|| Opened::of(path)?.stream(ear))
}

/// What is known of a file's audio, without holding its samples.
///
/// # Errors
/// As [`stream`].
pub fn facts_of(path: &Path) -> Result<AudioFacts, AudioError> {
    let mut gathered = None;
    stream(path, &mut |make, samples| {
        gathered.get_or_insert_with(|| facts::Gathering::new(make)).take(samples);
        ControlFlow::Continue(())
    })?;
    gathered.map(facts::Gathering::finish).ok_or(AudioError::NoSamples)
}

/// Decodes one part of a file.
///
/// # Errors
/// As [`decode`](super::decode()); [`AudioError::Outside`] where the file ends before the part does.
pub fn decode_part(path: &Path, span: Span) -> Result<Sound, AudioError> {
    let mut part = Err(AudioError::NoSamples);
    decode_parts(path, &[span], &mut |_, sound| part = sound)?;
    part
}

/// Decodes parts of a file, in any order and overlapping or not, and hands each on with its place in `spans`. A file that must
/// be decoded from its beginning is so once for all of them.
///
/// # Errors
/// The file gives no sound at all; what is wrong with one part is handed on in its place.
pub fn decode_parts(
    path: &Path,
    spans: &[Span],
    each: &mut dyn FnMut(usize, Result<Sound, AudioError>),
) -> Result<(), AudioError> {
    let mut opened = guarded(|| Opened::of(path))?;
    for (place, span) in spans.iter().enumerate() {
        match guarded(|| opened.part(*span)) {
            Ok(Some(sound)) => each(place, Ok(sound)),
            Ok(None) => return together(path, &spans[place..], &mut |at, sound| each(place + at, sound)),
            Err(error) => each(place, Err(error)),
        }
    }
    Ok(())
}

/// Decodes a file from its beginning, collecting all parts on the way.
fn together(
    path: &Path,
    spans: &[Span],
    each: &mut dyn FnMut(usize, Result<Sound, AudioError>),
) -> Result<(), AudioError> {
    let mut order: Vec<usize> = (0..spans.len()).collect();
    order.sort_by_key(|place| spans[*place]);
    let mut waiting = order.into_iter().peekable();
    let mut open: Vec<(usize, Range<u64>, Vec<f32>)> = Vec::new();
    let (mut at, mut rate) = (0_u64, 0);
    stream(path, &mut |make, samples| {
        rate = make.rate;
        let width = u64::from(make.channels.max(1));
        let piece = at..at + samples.len() as u64 / width;
        while let Some(place) = waiting.next_if(|place| spans[*place].frames(make.rate).start < piece.end) {
            open.push((place, spans[place].frames(make.rate), Vec::new()));
        }
        for (_, wanted, kept) in &mut open {
            let (from, to) = (wanted.start.max(piece.start), wanted.end.min(piece.end));
            if from < to {
                let [from, to] = [from, to].map(|frame| ((frame - piece.start) * width) as usize);
                kept.extend(&samples[from..to]);
            }
        }
        at = piece.end;
        for (place, _, samples) in open.extract_if(.., |(_, wanted, _)| wanted.end <= at) {
            each(place, Ok(Sound { samples, channels: make.channels, rate: make.rate }));
        }
        if open.is_empty() && waiting.peek().is_none() { ControlFlow::Break(()) } else { ControlFlow::Continue(()) }
    })?;
    for place in open.into_iter().map(|(place, ..)| place).chain(waiting) {
        each(place, Err(outside(spans[place], at, rate)));
    }
    Ok(())
}

fn outside(span: Span, frames: u64, rate: u32) -> AudioError {
    AudioError::Outside { span, seconds: frames as f64 / f64::from(rate.max(1)) }
}

fn guarded<T>(work: impl FnOnce() -> Result<T, AudioError>) -> Result<T, AudioError> {
    catch_unwind(AssertUnwindSafe(work))
        .unwrap_or_else(|panic| Err(AudioError::Damaged(format!("decoder failed: {}", panic_text(panic.as_ref())))))
}

/// A file, opened in the way that costs least.
enum Opened {
    /// Its samples lie where they can be counted.
    Plain(Plain),
    /// Packets after packets.
    Packed(Packets<'static>),
    /// It must be decoded whole to know where its sound begins.
    Whole(Sound),
}

impl Opened {
    fn of(path: &Path) -> Result<Opened, AudioError> {
        let mut file = decode::open(path)?;
        let mut head = Vec::new();
        Read::by_ref(&mut file).take(HEAD).read_to_end(&mut head)?;
        let bytes = file.metadata()?.len();
        if head.is_empty() {
            return Err(AudioError::Empty);
        }
        if let Some(layout) = container::layout(&head, bytes)? {
            return Ok(Opened::Plain(Plain { file, layout }));
        }
        file.seek(SeekFrom::Start(0))?;
        let source: Box<dyn MediaSource> = if head.starts_with(b"fLaC") {
            Box::new(file)
        } else {
            decode::not_too_long(bytes)?;
            let bytes = fs::read(path)?;
            if edit_list::cut(&bytes).is_some() {
                return Ok(Opened::Whole(decode::decode_bytes(&bytes)?));
            }
            Box::new(Cursor::new(container::straighten(&bytes)?.into_owned()))
        };
        Ok(Opened::Packed(Packets::open(source)?))
    }

    fn stream(mut self, ear: &mut Ear<'_>) -> Result<(), AudioError> {
        let mut frames = 0_u64;
        let mut counting = |make: Make, samples: &[f32]| {
            frames += samples.len() as u64 / u64::from(make.channels.max(1));
            if frames > LONGEST * u64::from(make.rate) { ControlFlow::Break(()) } else { ear(make, samples) }
        };
        let end = match &mut self {
            Opened::Plain(plain) => plain.stream(&mut counting),
            Opened::Packed(packets) => packets.each(&mut counting),
            Opened::Whole(sound) => {
                let _ = counting(sound.make(), &sound.samples);
                Ok(())
            }
        };
        match end {
            // The sound is what came before the damage.
            Err(_) if frames > 0 => Ok(()),
            end => end,
        }
    }

    /// The part, or `None` where only the whole way leads to it.
    fn part(&mut self, span: Span) -> Result<Option<Sound>, AudioError> {
        match self {
            Opened::Plain(plain) => {
                let (frames, all) = (span.frames(plain.layout.rate), plain.layout.frames);
                if frames.end > all { Err(outside(span, all, plain.layout.rate)) } else { plain.read(frames).map(Some) }
            }
            Opened::Packed(packets) => packets.part(span),
            Opened::Whole(sound) => {
                let (frames, width) = (span.frames(sound.rate), usize::from(sound.channels));
                let [from, to] = [frames.start, frames.end].map(|frame| frame as usize * width);
                let samples = sound.samples.get(from..to).ok_or(outside(span, sound.frames() as u64, sound.rate))?;
                Ok(Some(Sound { samples: samples.to_vec(), channels: sound.channels, rate: sound.rate }))
            }
        }
    }
}

/// A WAV of plain samples.
struct Plain {
    file: File,
    layout: Layout,
}

impl Plain {
    fn stream(&mut self, ear: &mut Ear<'_>) -> Result<(), AudioError> {
        let mut at = 0;
        while at < self.layout.frames {
            let end = (at + BLOCK).min(self.layout.frames);
            let sound = self.read(at..end)?;
            if ear(sound.make(), &sound.samples).is_break() {
                return Ok(());
            }
            at = end;
        }
        if at == 0 { Err(AudioError::NoSamples) } else { Ok(()) }
    }

    fn read(&mut self, frames: Range<u64>) -> Result<Sound, AudioError> {
        let width = u64::from(self.layout.width);
        let bytes = (frames.end - frames.start) * width;
        decode::not_too_long(bytes)?;
        let mut body = Vec::with_capacity(bytes as usize);
        self.file.seek(SeekFrom::Start(self.layout.start + frames.start * width))?;
        let read = Read::by_ref(&mut self.file).take(bytes).read_to_end(&mut body)?;
        if read as u64 != bytes {
            return Err(io::Error::from(io::ErrorKind::UnexpectedEof).into());
        }
        decode::decode_bytes(&self.layout.around(&body))
    }
}

impl Packets<'_> {
    /// The part, if the decoder can be set before it; positions are then those of a decoder that came from the beginning.
    fn part(&mut self, span: Span) -> Result<Option<Sound>, AudioError> {
        let codec = self.decoder.codec_params().codec;
        let (Some(rate), true) =
            (self.decoder.codec_params().sample_rate, [CODEC_ID_FLAC, CODEC_ID_MP3].contains(&codec))
        else {
            return Ok(None);
        };
        let wanted = span.frames(rate);
        let from = wanted.start.saturating_sub(RUN_UP);
        let to = SeekTo::Timestamp { ts: Timestamp::new(from as i64), track_id: self.track };
        match self.format.seek(SeekMode::Accurate, to) {
            Ok(_) => self.decoder.reset(),
            Err(_) => return Ok(None),
        }
        let (mut samples, mut make, mut next) = (Vec::new(), Make { channels: 1, rate }, None);
        let end = self.each_at(&mut |at, piece, heard| {
            // Packets that were left out would shift all that follows: then only the whole way is right.
            let at = match (u64::try_from(at), next) {
                (Ok(at), None) => at,
                (Ok(at), Some(expected)) if at == expected => at,
                _ => return ControlFlow::Break(()),
            };
            make = piece;
            let width = u64::from(piece.channels.max(1));
            let last = at + heard.len() as u64 / width;
            next = Some(last);
            let (from, to) = (wanted.start.max(at), wanted.end.min(last));
            if from < to {
                let [from, to] = [from, to].map(|frame| ((frame - at) * width) as usize);
                samples.extend(&heard[from..to]);
            }
            if last >= wanted.end { ControlFlow::Break(()) } else { ControlFlow::Continue(()) }
        });
        let complete = samples.len() as u64 == (wanted.end - wanted.start) * u64::from(make.channels.max(1));
        Ok((end.is_ok() && complete).then_some(Sound { samples, channels: make.channels, rate: make.rate }))
    }
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use super::*;

    #[test]
    fn in_flac_and_mp3_the_decoder_is_set_before_the_part_others_go_the_whole_way() {
        let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/golden/audio");
        for (name, direct) in [("long.flac", true), ("long.mp3", true), ("long.ogg", false), ("mulaw.wav", true)] {
            let mut opened = Opened::of(&folder.join(name)).unwrap();
            let span = if name.starts_with("long") { Span::millis(8_000, 8_500) } else { Span::millis(20, 90) };
            assert_eq!(opened.part(span.unwrap()).unwrap().is_some(), direct, "{name}");
        }
    }
}
