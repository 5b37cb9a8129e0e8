//! The local sound device.
//!
//! Only this file names rodio, which opens the device and mixes. A clip is brought to the device's rate by our own
//! resampler (rodio's drops samples without a filter), then read off a [`Tape`]. Deliberately absent: choosing among
//! devices, and reopening one that went away.

use std::error::Error;
use std::num::NonZero;
use std::sync::atomic::{AtomicBool, AtomicU32, AtomicU64, Ordering};
use std::sync::{Arc, OnceLock};
use std::time::Duration;

use rodio::cpal::traits::{DeviceTrait, HostTrait};
use rodio::cpal::{self, ErrorKind};
use rodio::{DeviceSinkBuilder, DeviceSinkError, MixerDeviceSink, Source};

use super::Sound;
use super::sink::{Progress, Sink, SinkName, Tuning};

/// Largest change of gain per frame: volume, stop and change of clip fade over 5 ms instead of clicking.
const FADE: f32 = 1.0 / 256.0;

/// An open device and what plays on it.
pub(super) struct Device {
    output: MixerDeviceSink,
    lost: Arc<OnceLock<String>>,
    head: Option<Arc<Head>>,
    /// The sound played last and the same at the device's rate: seeking and looping need not resample again.
    prepared: Option<(Arc<Sound>, Arc<Sound>)>,
}

impl Device {
    /// Opens the default device, or the first of the others that works.
    ///
    /// # Errors
    /// One short line for the status bar.
    pub(super) fn open() -> Result<Device, String> {
        let lost = Arc::new(OnceLock::new());
        let mut output = DeviceSinkBuilder::from_default_device()
            .and_then(|builder| open_quietly(builder, &lost))
            .or_else(|first| open_any(&lost).ok_or(first))
            .map_err(|error| reason(&error))?;
        output.log_on_drop(false);
        Ok(Device { output, lost, head: None, prepared: None })
    }

    /// `sound` with as many channels as can be heard, at the device's rate; `None` if it cannot be resampled.
    fn prepare(&mut self, sound: &Arc<Sound>) -> Option<Arc<Sound>> {
        if let Some((_, ready)) = self.prepared.as_ref().filter(|(last, _)| Arc::ptr_eq(last, sound)) {
            return Some(Arc::clone(ready));
        }
        let config = self.output.config();
        let stereo = sound.channels == 2 && config.channel_count().get() > 1;
        let rate = config.sample_rate().get();
        let ready = if stereo { sound.resample(rate) } else { one_channel(sound).resample(rate) };
        let ready = Arc::new(ready.ok()?);
        self.prepared = Some((Arc::clone(sound), Arc::clone(&ready)));
        Some(ready)
    }
}

impl Sink for Device {
    fn name(&self) -> SinkName {
        SinkName::Device
    }

    fn start(&mut self, sound: &Arc<Sound>, from: f64, tuning: Tuning) {
        self.stop();
        let Some(sound) = self.prepare(sound) else { return };
        let head = Arc::new(Head::at(from, tuning));
        self.output.mixer().add(Tape::new(sound, Arc::clone(&head)));
        self.head = Some(head);
    }

    fn tune(&mut self, tuning: Tuning) {
        if let Some(head) = &self.head {
            head.tune(tuning);
        }
    }

    fn stop(&mut self) {
        if let Some(head) = self.head.take() {
            head.stopped.store(true, Ordering::Relaxed);
        }
    }

    fn progress(&self) -> Progress {
        match (self.lost.get(), &self.head) {
            (Some(reason), _) => Progress::Lost(reason.clone()),
            (None, Some(head)) if !head.finished.load(Ordering::Relaxed) => Progress::At(load(&head.position)),
            _ => Progress::Finished,
        }
    }
}

/// What the playback thread and the device's thread share about one tape.
struct Head {
    /// Bits of an `f64`: seconds into the sound.
    position: AtomicU64,
    /// Bits of an `f32` each.
    speed: AtomicU32,
    volume: AtomicU32,
    looping: AtomicBool,
    /// Bits of an `f64` each: seconds into the sound.
    start: AtomicU64,
    end: AtomicU64,
    stopped: AtomicBool,
    finished: AtomicBool,
}

impl Head {
    fn at(position: f64, tuning: Tuning) -> Head {
        let head = Head {
            position: AtomicU64::new(position.to_bits()),
            speed: AtomicU32::default(),
            volume: AtomicU32::default(),
            looping: AtomicBool::default(),
            start: AtomicU64::default(),
            end: AtomicU64::default(),
            stopped: AtomicBool::default(),
            finished: AtomicBool::default(),
        };
        head.tune(tuning);
        head
    }

    fn tune(&self, tuning: Tuning) {
        self.speed.store(tuning.speed.to_bits(), Ordering::Relaxed);
        self.volume.store(tuning.volume.to_bits(), Ordering::Relaxed);
        self.looping.store(tuning.looping, Ordering::Relaxed);
        let (start, end) = tuning.bounds(f64::MAX);
        self.start.store(start.to_bits(), Ordering::Relaxed);
        self.end.store(end.to_bits(), Ordering::Relaxed);
    }

    fn volume(&self) -> f32 {
        f32::from_bits(self.volume.load(Ordering::Relaxed))
    }

    fn speed(&self) -> f32 {
        f32::from_bits(self.speed.load(Ordering::Relaxed))
    }
}

fn load(position: &AtomicU64) -> f64 {
    f64::from_bits(position.load(Ordering::Relaxed))
}

/// A sound at the device's rate, read at any speed by linear interpolation (exact at speed 1).
struct Tape {
    sound: Arc<Sound>,
    head: Arc<Head>,
    /// The frame to read next, between frames at speeds other than 1.
    at: f64,
    gain: f32,
    frame: [f32; 2],
    /// Channel of the current frame that goes out next.
    channel: usize,
}

impl Tape {
    /// `sound` has 1 or 2 channels.
    fn new(sound: Arc<Sound>, head: Arc<Head>) -> Tape {
        let at = (load(&head.position) * f64::from(sound.rate)).round();
        // From the first frame on nothing may be lost; in the middle of a sound a sudden start would click.
        let gain = if at == 0.0 { head.volume() } else { 0.0 };
        Tape { sound, head, at, gain, frame: [0.0; 2], channel: 0 }
    }

    /// The frame at that many seconds, at most the number of frames.
    fn frame(&self, seconds: &AtomicU64) -> f64 {
        (load(seconds) * f64::from(self.sound.rate)).round().min(self.sound.frames() as f64)
    }

    fn width(&self) -> usize {
        usize::from(self.sound.channels)
    }

    /// Reads the next frame; `None` at the end of the sound or once a stopped tape has faded out.
    fn wind(&mut self) -> Option<()> {
        let stopped = self.head.stopped.load(Ordering::Relaxed);
        let wanted = if stopped { 0.0 } else { self.head.volume() };
        self.gain += (wanted - self.gain).clamp(-FADE, FADE);
        if stopped && self.gain == 0.0 {
            return None;
        }
        let (start, end) = (self.frame(&self.head.start), self.frame(&self.head.end));
        if self.at >= end && self.head.looping.load(Ordering::Relaxed) && start < end {
            self.at = start + (self.at - end) % (end - start);
        } else if self.at >= end {
            self.head.finished.store(true, Ordering::Relaxed);
            return None;
        }
        let (first, part) = (self.at as usize, self.at.fract() as f32);
        for channel in 0..self.width() {
            let sample = |frame: usize| self.sound.samples.get(frame * self.width() + channel).copied().unwrap_or(0.0);
            let (this, next) = (sample(first), sample(first + 1));
            self.frame[channel] = self.gain * (this + (next - this) * part);
        }
        self.at += f64::from(self.head.speed());
        let seconds = self.at / f64::from(self.sound.rate.max(1));
        self.head.position.store(seconds.to_bits(), Ordering::Relaxed);
        Some(())
    }
}

impl Iterator for Tape {
    type Item = f32;

    fn next(&mut self) -> Option<f32> {
        if self.channel == 0 {
            self.wind()?;
        }
        let sample = self.frame[self.channel];
        self.channel = (self.channel + 1) % self.width();
        Some(sample)
    }
}

impl Source for Tape {
    fn current_span_len(&self) -> Option<usize> {
        None
    }

    fn channels(&self) -> NonZero<u16> {
        NonZero::new(self.sound.channels).unwrap_or(NonZero::<u16>::MIN)
    }

    fn sample_rate(&self) -> NonZero<u32> {
        NonZero::new(self.sound.rate).unwrap_or(NonZero::<u32>::MIN)
    }

    fn total_duration(&self) -> Option<Duration> {
        None
    }
}

fn one_channel(sound: &Sound) -> Sound {
    let wave = sound.mono();
    Sound { samples: wave.samples, channels: 1, rate: wave.rate }
}

/// Opens with an error callback that keeps fatal errors instead of printing all of them, as rodio's own does.
fn open_quietly(builder: DeviceSinkBuilder, lost: &Arc<OnceLock<String>>) -> Result<MixerDeviceSink, DeviceSinkError> {
    let lost = Arc::clone(lost);
    let keep = move |error: cpal::Error| {
        let kinds = [ErrorKind::DeviceNotAvailable, ErrorKind::HostUnavailable, ErrorKind::StreamInvalidated];
        if kinds.contains(&error.kind()) {
            // Only the first reason counts.
            let _ = lost.set(format!("sound device lost: {error}"));
        }
    };
    builder.with_error_callback(keep).open_sink_or_fallback()
}

/// The first device, other than ALSA's null device, that opens.
fn open_any(lost: &Arc<OnceLock<String>>) -> Option<MixerDeviceSink> {
    let devices = cpal::default_host().output_devices().ok()?;
    let real = |device: &cpal::Device| {
        device.description().is_ok_and(|about| about.driver().is_some_and(|driver| driver != "null"))
    };
    devices.filter(real).find_map(|device| open_quietly(DeviceSinkBuilder::from_device(device).ok()?, lost).ok())
}

/// An error as one short line: the first sentence of its innermost cause, which is the telling one.
fn reason(error: &DeviceSinkError) -> String {
    let mut cause: &dyn Error = error;
    while let Some(deeper) = cause.source() {
        cause = deeper;
    }
    let absent = cause.downcast_ref::<cpal::Error>().is_some_and(|error| error.kind() == ErrorKind::DeviceNotAvailable);
    if absent || matches!(error, DeviceSinkError::NoDevice) {
        return "no sound device".into();
    }
    let text = cause.to_string();
    format!("no sound device: {}", text.split(['.', '\n']).next().unwrap_or_default())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn ramp(frames: usize, channels: u16) -> Arc<Sound> {
        let samples = (0..frames * usize::from(channels)).map(|n| n as f32).collect();
        Arc::new(Sound { samples, channels, rate: 100 })
    }

    fn head(from: f64, speed: f32, volume: f32) -> Arc<Head> {
        Arc::new(Head::at(from, Tuning { speed, volume, ..Tuning::default() }))
    }

    #[test]
    fn the_reason_is_short() {
        assert_eq!(reason(&DeviceSinkError::NoDevice), "no sound device");
        let gone = cpal::Error::new(ErrorKind::DeviceNotAvailable);
        assert_eq!(reason(&DeviceSinkError::DefaultSinkConfigError(gone)), "no sound device");
        let busy = reason(&DeviceSinkError::BuildError(cpal::Error::new(ErrorKind::DeviceBusy)));
        assert!(busy.starts_with("no sound device: ") && !busy.contains(['.', '\n']), "{busy}");
    }

    #[test]
    fn a_tape_at_speed_one_plays_every_sample_and_says_when_it_ends() {
        let head = head(0.0, 1.0, 0.5);
        let played: Vec<f32> = Tape::new(ramp(5, 2), Arc::clone(&head)).collect();
        assert_eq!(played, (0..10).map(|n| n as f32 / 2.0).collect::<Vec<_>>());
        assert!(head.finished.load(Ordering::Relaxed));
        assert!((load(&head.position) - 0.05).abs() < 1e-9);
    }

    #[test]
    fn speed_reads_between_frames_or_skips_them() {
        assert_eq!(Tape::new(ramp(3, 1), head(0.0, 0.5, 1.0)).collect::<Vec<_>>(), [0.0, 0.5, 1.0, 1.5, 2.0, 1.0]);
        assert_eq!(Tape::new(ramp(6, 1), head(0.0, 2.0, 1.0)).collect::<Vec<_>>(), [0.0, 2.0, 4.0]);
    }

    #[test]
    fn a_loop_turns_back_at_the_exact_frame() {
        let tuning = Tuning { looping: true, region: Some((0.01, 0.04)), ..Tuning::default() };
        let head = Arc::new(Head::at(0.02, tuning));
        let mut tape = Tape::new(ramp(5, 1), Arc::clone(&head));
        tape.gain = 1.0;
        assert_eq!(tape.by_ref().take(7).collect::<Vec<_>>(), [2.0, 3.0, 1.0, 2.0, 3.0, 1.0, 2.0]);
        head.tune(Tuning { looping: true, ..Tuning::default() });
        assert_eq!(tape.by_ref().take(4).collect::<Vec<_>>(), [3.0, 4.0, 0.0, 1.0]);
        head.tune(Tuning::default());
        assert_eq!(tape.collect::<Vec<_>>(), [2.0, 3.0, 4.0]);
    }

    #[test]
    fn a_stopped_tape_fades_out_without_claiming_the_end() {
        let sound = Arc::new(Sound { samples: vec![1.0; 10_000], channels: 1, rate: 100 });
        let head = head(0.0, 1.0, 1.0);
        let mut tape = Tape::new(sound, Arc::clone(&head));
        assert_eq!(tape.next(), Some(1.0));
        head.stopped.store(true, Ordering::Relaxed);
        let tail: Vec<f32> = tape.collect();
        assert_eq!(tail.len(), 255);
        assert!(tail.windows(2).all(|pair| pair[1] < pair[0]), "{tail:?}");
        assert!(!head.finished.load(Ordering::Relaxed));
    }
}
