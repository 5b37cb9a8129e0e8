//! A file's bytes to samples, told by content, never by suffix: WAV, AIFF, FLAC, MP3, OGG Vorbis, AAC and ALAC in M4A.
//!
//! Only this file and `part` name symphonia. Deliberately absent: what does not fit in memory (see `part`), metadata, and file
//! names in errors: the caller knows the file and adds its name.

use std::fs::{self, File};
use std::io::{self, Cursor, Read};
use std::ops::ControlFlow;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::path::Path;
use std::sync::OnceLock;

use symphonia::core::audio::Channels;
use symphonia::core::codecs::CodecParameters;
use symphonia::core::codecs::audio::well_known::{CODEC_ID_AAC, CODEC_ID_OPUS};
use symphonia::core::codecs::audio::{AudioCodecParameters, AudioDecoder, AudioDecoderOptions};
use symphonia::core::errors::Error;
use symphonia::core::formats::probe::{Hint, Probe, ProbeOptions};
use symphonia::core::formats::{FormatOptions, FormatReader, TrackType};
use symphonia::core::io::{MediaSource, MediaSourceStream, MediaSourceStreamOptions};
use symphonia::core::meta::MetadataOptions;

use super::part::{Ear, Make};
use super::{Sound, Span, container, edit_list};
use crate::job::panic_text;

/// Files above this are refused unread: no clip is that long, and all of it would have to fit in memory.
const MAX_BYTES: u64 = 1 << 30;
/// Samples (over all channels) above which decoding stops: 1 GiB as `f32`, 4.6 hours of 16 kHz mono. It guards
/// against small files that unpack to days of silence.
const MAX_SAMPLES: usize = 1 << 28;
/// Samples that a byte of a file holds at most, as far as room is made for them beforehand.
const PACKED: usize = 4;
/// Sampling rates a header may claim; outside lies damage, and resampling it could ask for any amount of memory.
const RATES: std::ops::RangeInclusive<u32> = 1_000..=768_000;

/// Bytes that may lie before the audio (ID3 tags not counted), as in MP3 cut from a stream.
const MAX_JUNK: u32 = 4_096;

/// Why a file gave no sound. The text is one short line without the file's name, which the caller adds.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum AudioError {
    /// The file could not be read.
    #[error("cannot read: {0}")]
    Io(io::Error),
    /// A folder, pipe or device.
    #[error("not a regular file")]
    NotAFile,
    /// No bytes at all.
    #[error("empty file")]
    Empty,
    /// No known audio format in the content.
    #[error("not audio in a known format")]
    NotAudio,
    /// The file ends before its first sample.
    #[error("truncated: ends before the first sample")]
    Truncated,
    /// A container of something else, such as video without sound.
    #[error("no audio track")]
    NoTrack,
    /// A whole file that holds no samples.
    #[error("no samples")]
    NoSamples,
    /// A container or codec that is not decoded here; the text names it.
    #[error("unsupported: {0}")]
    Unsupported(String),
    /// The content contradicts its format and not one sample could be saved; the text says how.
    #[error("damaged: {0}")]
    Damaged(String),
    /// More than 1 GiB as a file or as decoded samples.
    #[error("too long for one clip: more than 1 GiB of samples; cut it into segments")]
    TooLong,
    /// The file ends before the part does: it is not the one that was cut.
    #[error("the part {span} is not in it: it is {seconds:.3} s long")]
    Outside {
        /// What was asked for.
        span: Span,
        /// Length of the file in seconds.
        seconds: f64,
    },
    /// More samples than whoever sent it had announced.
    #[error("too long: more samples than announced")]
    Unannounced,
    /// The resampler refused the rates.
    #[error("cannot resample: {0}")]
    Resample(String),
}

/// The text tells the cause; it is no source, which would be told once more.
impl From<io::Error> for AudioError {
    fn from(error: io::Error) -> AudioError {
        AudioError::Io(error)
    }
}

/// Decodes a whole file. Samples that are not finite become 0; if the tail is damaged or cut off, the sound is what
/// came before. Thread-safe; holds the file and its samples in memory, nothing else.
///
/// # Errors
/// [`AudioError`] when not one sample could be decoded, or when the file is larger than 1 GiB.
pub fn decode(path: &Path) -> Result<Sound, AudioError> {
    let mut file = open(path)?;
    let size = file.metadata()?.len();
    not_too_long(size)?;
    let mut bytes = Vec::with_capacity(size as usize);
    file.read_to_end(&mut bytes)?;
    decode_bytes(&bytes)
}

/// Opens a regular file.
pub(super) fn open(path: &Path) -> Result<File, AudioError> {
    // Asked before opening: opening a pipe would wait for somebody to write.
    if !fs::metadata(path)?.is_file() {
        return Err(AudioError::NotAFile);
    }
    Ok(File::open(path)?)
}

/// Refuses what would not fit in memory.
pub(super) fn not_too_long(bytes: u64) -> Result<(), AudioError> {
    if bytes > MAX_BYTES { Err(AudioError::TooLong) } else { Ok(()) }
}

/// [`decode`] for the content of a file that is already in memory.
///
/// # Errors
/// As [`decode`].
pub fn decode_bytes(bytes: &[u8]) -> Result<Sound, AudioError> {
    guarded(bytes, MAX_SAMPLES)
}

/// [`decode_bytes`] for bytes that a stranger sent: decoding ends where there are more than `most` samples over all channels.
///
/// # Errors
/// As [`decode`], and [`AudioError::Unannounced`].
#[cfg(unix)]
pub(super) fn decode_within(bytes: &[u8], most: usize) -> Result<Sound, AudioError> {
    match guarded(bytes, most.min(MAX_SAMPLES)) {
        Err(AudioError::TooLong) => Err(AudioError::Unannounced),
        decoded => decoded,
    }
}

fn guarded(bytes: &[u8], most: usize) -> Result<Sound, AudioError> {
    // Decoders index by what foreign headers say. One that slips must not take a scan of ten thousand files with it.
    catch_unwind(AssertUnwindSafe(|| decode_unguarded(bytes, most)))
        .unwrap_or_else(|panic| Err(AudioError::Damaged(format!("decoder failed: {}", panic_text(panic.as_ref())))))
}

fn decode_unguarded(bytes: &[u8], most: usize) -> Result<Sound, AudioError> {
    if bytes.is_empty() {
        return Err(AudioError::Empty);
    }
    let bytes = container::straighten(bytes)?;
    let mut packets = Packets::open(Box::new(Cursor::new(&*bytes)))?;
    let mut sound = Unfinished::of(promised(packets.format.as_ref()), bytes.len(), most)?;
    let end = sound.fill(&mut packets);
    if packets.decoder.codec_params().codec == CODEC_ID_AAC
        && let Some(cut) = edit_list::cut(&bytes)
    {
        sound.keep(cut);
    }
    sound.finish(end)
}

/// symphonia's formats, looked for at the beginning only: deep inside a program or a picture two bytes that look like
/// MPEG audio are sooner or later found.
fn probe() -> &'static Probe {
    static PROBE: OnceLock<Probe> = OnceLock::new();
    PROBE.get_or_init(|| {
        let mut probe = Probe::new_with_options(&ProbeOptions { max_probe_depth: MAX_JUNK, ..ProbeOptions::default() });
        symphonia::default::register_enabled_formats(&mut probe);
        probe
    })
}

/// Samples that the header promises over all channels; 0 where it does not say.
fn promised(format: &dyn FormatReader) -> u64 {
    let track = format.default_track(TrackType::Audio);
    let channels = track.and_then(|track| track.codec_params.as_ref()?.audio()?.channels.as_ref().map(Channels::count));
    track.and_then(|track| track.num_frames).unwrap_or(0).saturating_mul(channels.unwrap_or(1) as u64)
}

/// As [`Ear`], with the place of the first frame on the track's clock.
type EarAt<'a> = dyn FnMut(i64, Make, &[f32]) -> ControlFlow<()> + 'a;

/// The packets of one track and what decodes them.
pub(super) struct Packets<'a> {
    pub(super) format: Box<dyn FormatReader + 'a>,
    pub(super) track: u32,
    pub(super) decoder: Box<dyn AudioDecoder>,
}

impl<'a> Packets<'a> {
    pub(super) fn open(source: Box<dyn MediaSource + 'a>) -> Result<Packets<'a>, AudioError> {
        let source = MediaSourceStream::new(source, MediaSourceStreamOptions::default());
        let format = probe()
            .probe(&Hint::new(), source, FormatOptions::default(), MetadataOptions::default())
            .map_err(unopened)?;
        let track = format.default_track(TrackType::Audio).ok_or(AudioError::NoTrack)?;
        let Some(CodecParameters::Audio(parameters)) = &track.codec_params else {
            return Err(AudioError::NoTrack);
        };
        let decoder = symphonia::default::get_codecs()
            .make_audio_decoder(parameters, &AudioDecoderOptions::default())
            .map_err(|error| refused(error, parameters))?;
        let track = track.id;
        Ok(Packets { format, track, decoder })
    }

    /// Hands on the samples of all packets up to the first of another make. Samples that are not finite become 0.
    pub(super) fn each(&mut self, ear: &mut Ear<'_>) -> Result<(), AudioError> {
        self.each_at(&mut |_, make, samples| ear(make, samples))
    }

    /// As `each`, with the place of the first frame on the track's clock. A packet that fails is left out; `Err` carries the
    /// last failure.
    pub(super) fn each_at(&mut self, ear: &mut EarAt<'_>) -> Result<(), AudioError> {
        let (mut failure, mut first, mut samples) = (Ok(()), None, Vec::new());
        loop {
            let packet = match self.format.next_packet() {
                Ok(Some(packet)) => packet,
                Ok(None) => return failure,
                Err(error) => return Err(broken(&error)),
            };
            if packet.track_id != self.track {
                continue;
            }
            match self.decoder.decode(&packet) {
                Ok(buffer) => {
                    let spec = buffer.spec();
                    let channels = u16::try_from(spec.channels().count()).unwrap_or(u16::MAX).max(1);
                    let make = Make { channels, rate: spec.rate() };
                    samples.resize(buffer.samples_interleaved(), 0.0);
                    buffer.copy_to_slice_interleaved(&mut samples);
                    if samples.is_empty() {
                        continue;
                    }
                    if *first.get_or_insert(make) != make {
                        return failure;
                    }
                    samples
                        .iter_mut()
                        .for_each(|sample: &mut f32| *sample = if sample.is_finite() { *sample } else { 0.0 });
                    check_rate(make.rate)?;
                    if ear(packet.pts.get(), make, &samples).is_break() {
                        return Ok(());
                    }
                }
                Err(error) => failure = Err(broken(&error)),
            }
        }
    }
}

fn check_rate(rate: u32) -> Result<(), AudioError> {
    let wrong = || AudioError::Damaged(format!("the header says {rate} samples per second"));
    RATES.contains(&rate).then_some(()).ok_or_else(wrong)
}

/// What has been decoded so far; rate and channels are those of the first packet.
#[derive(Default)]
struct Unfinished {
    samples: Vec<f32>,
    channels: usize,
    rate: u32,
    /// Samples above which decoding stops.
    most: usize,
}

impl Unfinished {
    /// With room for the samples `promised` by the header, as far as a file of this size can hold them: growing by
    /// doubling would take up to twice what the sound needs. A large file that promises too much is not even begun.
    fn of(promised: u64, bytes: usize, most: usize) -> Result<Unfinished, AudioError> {
        if promised > MAX_SAMPLES as u64 && bytes >= MAX_SAMPLES / 4 {
            return Err(AudioError::TooLong);
        }
        let room = promised.min(bytes.saturating_mul(PACKED) as u64).min(most as u64);
        Ok(Unfinished { samples: Vec::with_capacity(room as usize), most, ..Unfinished::default() })
    }

    /// Decodes packets until the stream ends.
    fn fill(&mut self, packets: &mut Packets<'_>) -> Result<(), AudioError> {
        let end = packets.each(&mut |make, samples| {
            (self.channels, self.rate) = (usize::from(make.channels), make.rate);
            self.samples.extend_from_slice(samples);
            if self.samples.len() > self.most { ControlFlow::Break(()) } else { ControlFlow::Continue(()) }
        });
        if self.samples.len() > self.most { Err(AudioError::TooLong) } else { end }
    }

    /// Drops what lies outside the cut; a file that ends before its cut begins stays as it is.
    fn keep(&mut self, cut: edit_list::Cut) {
        let sample = |ticks: u64| {
            let frame = u128::from(ticks) * u128::from(self.rate) / u128::from(cut.clock);
            usize::try_from(frame).unwrap_or(usize::MAX).saturating_mul(self.channels)
        };
        let (start, end) = (sample(cut.start), sample(cut.end));
        if start < self.samples.len() {
            self.samples.truncate(end);
            self.samples.drain(..start);
        }
    }

    /// The sound, if any sample was decoded; else why not.
    fn finish(mut self, end: Result<(), AudioError>) -> Result<Sound, AudioError> {
        match end {
            Err(AudioError::TooLong) => return Err(AudioError::TooLong),
            Err(error) if self.samples.is_empty() => return Err(error),
            _ if self.samples.is_empty() => return Err(AudioError::NoSamples),
            _ => {}
        }
        self.samples.shrink_to_fit();
        let channels = u16::try_from(self.channels).unwrap_or(u16::MAX).max(1);
        Ok(Sound { samples: self.samples, channels, rate: self.rate })
    }
}

/// The probe found no reader, or the reader could not make sense of the header.
fn unopened(error: Error) -> AudioError {
    match error {
        Error::Unsupported(what) if what.contains("no suitable format") => AudioError::NotAudio,
        Error::Unsupported(what) => AudioError::Unsupported(what.into()),
        error => broken(&error),
    }
}

fn refused(error: Error, parameters: &AudioCodecParameters) -> AudioError {
    match error {
        Error::Unsupported(_) if parameters.codec == CODEC_ID_OPUS => AudioError::Unsupported("Opus codec".into()),
        Error::Unsupported(what) => AudioError::Unsupported(what.into()),
        error => broken(&error),
    }
}

fn broken(error: &Error) -> AudioError {
    match error {
        Error::IoError(io) if io.kind() == io::ErrorKind::UnexpectedEof => AudioError::Truncated,
        Error::DecodeError(what) => AudioError::Damaged((*what).into()),
        error => AudioError::Damaged(error.to_string()),
    }
}
