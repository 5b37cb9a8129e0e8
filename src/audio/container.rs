//! WAV and AIFF boxes put straight before decoding: whatever the order, padding and sizes of the chunks, the decoder
//! sees one format chunk and one data chunk that fits the file.
//!
//! Real corpora hold `LIST` before `data`, `fmt ` after it, odd chunks without padding, sizes of 0 or 4 GiB from tools
//! that wrote into a pipe, and files cut short; a strict reader refuses them all. Deliberately absent: any decoding of
//! samples, and every other container, which passes through as it is.

use std::borrow::Cow;

use super::AudioError;

/// The largest number of channels the decoder has positions for.
const MAX_CHANNELS: u16 = 26;
/// Tags of the `fmt ` chunk that matter here (mmreg.h of the Windows SDK).
const PCM: u16 = 1;
const MS_ADPCM: u16 = 2;
const FLOAT: u16 = 3;
const A_LAW: u16 = 6;
const MU_LAW: u16 = 7;
const IMA_ADPCM: u16 = 0x11;
const MP3: u16 = 0x55;
const EXTENSIBLE: u16 = 0xfffe;

/// The bytes to decode: a rebuilt WAV or AIFF, the bare MP3 stream of an MP3 in WAV, or the input itself.
///
/// # Errors
/// Names what is missing or unsupported when the box is a WAV or AIFF that cannot be mended.
pub(super) fn straighten(bytes: &[u8]) -> Result<Cow<'_, [u8]>, AudioError> {
    match (bytes.get(..4), bytes.get(8..12)) {
        (Some(b"RIFF" | b"RF64" | b"BW64"), Some(b"WAVE")) => wav(bytes),
        (Some(b"FORM"), Some(b"AIFF" | b"AIFC")) => aiff(bytes).map(Cow::Owned),
        (Some(b"RIFF" | b"RIFX" | b"FORM"), Some(form)) => Err(AudioError::Unsupported(format!(
            "{} container",
            String::from_utf8_lossy(form).trim_end().escape_default()
        ))),
        (Some(b"RIFF" | b"FORM"), None) => Err(AudioError::Truncated),
        _ => Ok(Cow::Borrowed(bytes)),
    }
}

fn wav(bytes: &[u8]) -> Result<Cow<'_, [u8]>, AudioError> {
    let (mut format, mut data, mut wide) = (None, None, None);
    for chunk in Chunks::new(bytes, u32::from_le_bytes) {
        match chunk.id {
            b"fmt " => format = format.or(Some(chunk.body)),
            b"ds64" => wide = chunk.body.get(8..16).and_then(|size| size.try_into().ok()).map(u64::from_le_bytes),
            b"data" => data = data.or(Some(chunk)),
            _ => {}
        }
    }
    let format = Format::parse(format.ok_or_else(|| missing("fmt"))?)?;
    let data = data.ok_or_else(|| missing("data"))?;
    let body = match wide.and_then(|size| usize::try_from(size).ok()) {
        Some(size) if data.declared == u32::MAX => &data.rest[..size.min(data.rest.len())],
        _ => data.body,
    };
    if format.tag == MP3 {
        return Ok(Cow::Borrowed(body));
    }
    let header = format.header()?;
    let before = before(&header, body.len());
    // What is straight already need not be copied: a long recording would be in memory twice.
    let straight = bytes.len() == before.len() + body.len() + pad(body).len() && bytes.starts_with(&before);
    Ok(if straight { Cow::Borrowed(bytes) } else { Cow::Owned([&before, body, pad(body)].concat()) })
}

/// All of a plain WAV that stands before its samples.
fn before(header: &[u8], body: usize) -> Vec<u8> {
    let sized = |size: usize| u32::try_from(size).unwrap_or(u32::MAX).to_le_bytes();
    let riff = sized(4 + 8 + header.len() + 8 + body + body % 2);
    let parts: [&[u8]; 7] = [b"RIFF", &riff, b"WAVEfmt ", &sized(header.len()), header, b"data", &sized(body)];
    parts.concat()
}

/// Where the samples of a WAV lie in its file, each frame as many bytes as the other: any part of it can be read by itself.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Layout {
    /// The body of a plain `fmt ` chunk.
    format: Vec<u8>,
    /// Frames per second.
    pub(super) rate: u32,
    /// Bytes of a frame.
    pub(super) width: u16,
    /// The byte of the file with which the sound begins.
    pub(super) start: u64,
    /// Frames in the file.
    pub(super) frames: u64,
}

/// The layout of a file of `size` bytes that begins with `head`; `None` for what is no WAV, or one that must be seen whole: its
/// samples are packed, its sound begins later, or its writer never filled in how long it is.
///
/// # Errors
/// As [`straighten`].
pub(super) fn layout(head: &[u8], size: u64) -> Result<Option<Layout>, AudioError> {
    let (Some(b"RIFF" | b"RF64" | b"BW64"), Some(b"WAVE")) = (head.get(..4), head.get(8..12)) else { return Ok(None) };
    let (mut format, mut wide) = (None, None);
    for chunk in Chunks::new(head, u32::from_le_bytes) {
        match chunk.id {
            b"fmt " => format = format.or(Some(chunk.body)),
            b"ds64" => wide = chunk.body.get(8..16).and_then(|size| size.try_into().ok()).map(u64::from_le_bytes),
            b"data" if chunk.declared == 0 => return Ok(None),
            b"data" => {
                let Some(format) = format.map(Format::parse).transpose()? else { return Ok(None) };
                if !matches!(format.tag, PCM | FLOAT | A_LAW | MU_LAW) {
                    return Ok(None);
                }
                let start = (head.len() - chunk.rest.len()) as u64;
                let rest = size.saturating_sub(start);
                let declared = match wide {
                    Some(size) if chunk.declared == u32::MAX => size,
                    _ => u64::from(chunk.declared),
                };
                let header = format.header()?;
                let width = format.channels * (u16::from_le_bytes([header[14], header[15]]) / 8);
                let frames = declared.min(rest) / u64::from(width.max(1));
                return Ok(Some(Layout { format: header, rate: format.rate, width, start, frames }));
            }
            _ => {}
        }
    }
    Ok(None)
}

impl Layout {
    /// Some of its frames as a WAV of their own.
    pub(super) fn around(&self, body: &[u8]) -> Vec<u8> {
        [&before(&self.format, body.len()), body, pad(body)].concat()
    }
}

fn aiff(bytes: &[u8]) -> Result<Vec<u8>, AudioError> {
    let (mut common, mut data) = (None, None);
    for chunk in Chunks::new(bytes, u32::from_be_bytes) {
        match chunk.id {
            b"COMM" => common = common.or(Some(chunk.body)),
            b"SSND" => data = data.or(Some(chunk.body)),
            _ => {}
        }
    }
    let common = common.ok_or_else(|| missing("COMM"))?;
    let channels = common.get(..2).and_then(|two| two.try_into().ok()).map_or(0, u16::from_be_bytes);
    check_channels(channels)?;
    // The sound chunk opens with an offset to the first sample and a block size.
    let body = data.ok_or_else(|| missing("SSND"))?;
    let offset = body.get(..4).and_then(|four| four.try_into().ok()).map_or(0, u32::from_be_bytes);
    let body = body.get(8..).and_then(|body| body.get(offset as usize..)).unwrap_or_default();
    let sized = |size: usize| u32::try_from(size).unwrap_or(u32::MAX).to_be_bytes();
    let form = sized(4 + 8 + common.len() + common.len() % 2 + 16 + body.len() + body.len() % 2);
    let parts: [&[u8]; 11] = [
        b"FORM",
        &form,
        &bytes[8..12],
        b"COMM",
        &sized(common.len()),
        common,
        pad(common),
        b"SSND",
        &[&sized(body.len() + 8)[..], &[0; 8]].concat(),
        body,
        pad(body),
    ];
    Ok(parts.concat())
}

/// The `fmt ` chunk, cleaned.
struct Format<'a> {
    tag: u16,
    channels: u16,
    rate: u32,
    /// Bytes of one frame (PCM) or of one block (ADPCM).
    align: u16,
    bits: u16,
    chunk: &'a [u8],
}

impl<'a> Format<'a> {
    fn parse(chunk: &'a [u8]) -> Result<Self, AudioError> {
        let short = |at: usize| Some(u16::from_le_bytes(chunk.get(at..at + 2)?.try_into().ok()?));
        let word = |at: usize| Some(u32::from_le_bytes(chunk.get(at..at + 4)?.try_into().ok()?));
        let read = || Some((short(0)?, short(2)?, word(4)?, short(12)?, short(14).unwrap_or(0)));
        let (tag, channels, rate, align, bits) = read().ok_or(AudioError::Truncated)?;
        check_channels(channels)?;
        // An extensible chunk carries the real tag in the first two bytes of its sub-format.
        let tag = if tag == EXTENSIBLE { short(24).ok_or(AudioError::Truncated)? } else { tag };
        Ok(Format { tag, channels, rate, align, bits, chunk })
    }

    /// The chunk's body as the plainest header that means the same.
    fn header(&self) -> Result<Vec<u8>, AudioError> {
        match self.tag {
            PCM | FLOAT => self.plain(self.container_bits()?, &[]),
            A_LAW | MU_LAW => self.plain(8, &[0, 0]),
            MS_ADPCM | IMA_ADPCM if self.bits == 4 => {
                let mut chunk = self.chunk.to_vec();
                chunk.resize(chunk.len().next_multiple_of(2), 0);
                Ok(chunk)
            }
            tag => Err(AudioError::Unsupported(format!("WAV codec 0x{tag:04x}"))),
        }
    }

    fn plain(&self, bits: u16, extra: &[u8]) -> Result<Vec<u8>, AudioError> {
        let align = self.channels * (bits / 8);
        let fields: [&[u8]; 7] = [
            &self.tag.to_le_bytes(),
            &self.channels.to_le_bytes(),
            &self.rate.to_le_bytes(),
            &self.rate.saturating_mul(u32::from(align)).to_le_bytes(),
            &align.to_le_bytes(),
            &bits.to_le_bytes(),
            extra,
        ];
        Ok(fields.concat())
    }

    /// Bits a sample takes in the file: 12 or 20 valid bits lie in the upper part of 16 or 24.
    fn container_bits(&self) -> Result<u16, AudioError> {
        let by_align = if self.align.is_multiple_of(self.channels) { self.align / self.channels } else { 0 };
        // Either may be any number in a damaged file.
        let bits = (8 * u32::from(by_align)).max(u32::from(self.bits).next_multiple_of(8));
        match (self.tag, bits) {
            (PCM, 8 | 16 | 24 | 32) | (FLOAT, 32 | 64) => Ok(bits as u16),
            (FLOAT, _) => Err(AudioError::Unsupported(format!("{bits}-bit float samples"))),
            _ => Err(AudioError::Unsupported(format!("{bits}-bit samples"))),
        }
    }
}

/// One chunk of a RIFF or IFF file, cut to what the file holds.
struct Chunk<'a> {
    id: &'a [u8],
    declared: u32,
    body: &'a [u8],
    /// Everything from the body's start to the end of the file.
    rest: &'a [u8],
}

/// Walks chunks from byte 12 to the end of the file; what the outer box says of its own size is not asked.
struct Chunks<'a> {
    bytes: &'a [u8],
    at: usize,
    size: fn([u8; 4]) -> u32,
}

impl<'a> Chunks<'a> {
    fn new(bytes: &'a [u8], size: fn([u8; 4]) -> u32) -> Self {
        Chunks { bytes, at: 12, size }
    }

    /// Where the next chunk begins: chunks are padded to an even length, except by tools that forget to.
    fn after(&self, end: usize) -> usize {
        let named = |at: usize| self.bytes.get(at..at + 4).is_some_and(is_name);
        if end % 2 == 1 && (named(end + 1) || !named(end)) { end + 1 } else { end }
    }

    /// A sound of declared length 0 is truly empty when only whole chunks follow, else its writer never came back to
    /// fill in the length.
    fn never_filled_in(&self, rest: &[u8]) -> bool {
        let mut rest = rest;
        while let Some((head, tail)) = rest.split_at_checked(8) {
            let size = (self.size)([head[4], head[5], head[6], head[7]]) as usize;
            if !is_name(&head[..4]) || size > tail.len() {
                return true;
            }
            rest = tail.get(size.next_multiple_of(2)..).unwrap_or_default();
        }
        false
    }
}

impl<'a> Iterator for Chunks<'a> {
    type Item = Chunk<'a>;

    fn next(&mut self) -> Option<Chunk<'a>> {
        let head = self.bytes.get(self.at..self.at + 8)?;
        let declared = (self.size)(head[4..8].try_into().ok()?);
        let (id, rest) = (&head[..4], &self.bytes[self.at + 8..]);
        let open_ended = id == b"data" && declared == 0 && self.never_filled_in(rest);
        let size = if open_ended { rest.len() } else { rest.len().min(declared as usize) };
        self.at = self.after(self.at + 8 + size);
        Some(Chunk { id, declared, body: &rest[..size], rest })
    }
}

fn is_name(id: &[u8]) -> bool {
    id.iter().all(|&byte| byte == b' ' || byte.is_ascii_graphic())
}

fn pad(body: &[u8]) -> &'static [u8] {
    &[0][..body.len() % 2]
}

fn check_channels(channels: u16) -> Result<(), AudioError> {
    match channels {
        1..=MAX_CHANNELS => Ok(()),
        0 => Err(AudioError::Damaged("the header says 0 channels".into())),
        _ => Err(AudioError::Unsupported(format!("{channels} channels"))),
    }
}

fn missing(chunk: &str) -> AudioError {
    AudioError::Damaged(format!("no `{chunk}` chunk"))
}
