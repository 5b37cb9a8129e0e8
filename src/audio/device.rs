//! The local sound device, opened and driven by rodio.
//!
//! What plays is one endless `rodio::Source` in the mixer of rodio's device sink: rodio asks it for samples, converts them to the
//! device's format and hands them over. Two things are not rodio's. It throws away what the device says of when a block is heard,
//! without which no cursor keeps in step with the sound; so the device that it is given is one of `timed`, which listens in. And
//! its own search for a device writes to standard error what ends a stream, where we want to know; so the search is ours. Its
//! resampling (linear) is not used either: sounds come at the device's rate. Deliberately absent: choosing among devices, and
//! waking up while nothing plays: after some seconds of silence the device is let go of.

use std::num::NonZero;
use std::sync::{Arc, OnceLock};
use std::time::{Duration, Instant};

use rodio::cpal::traits::{DeviceTrait, HostTrait};
use rodio::cpal::{self, BufferSize, ErrorKind, SupportedBufferSize, SupportedStreamConfig};
use rodio::{DeviceSinkBuilder, DeviceSinkError, MixerDeviceSink, Source};

use super::Sound;
use super::mixer::{Desk, Mixer, connect};
use super::sink::{Progress, Sink, SinkName, Tuning};
use super::timed::{Handed, Timed};

/// The device asks for so many blocks a second if it lets us choose: keys are obeyed soon, and work is seldom.
const BLOCKS: u32 = 50;
/// A device that fails for so long and takes nothing is gone.
const PATIENCE: Duration = Duration::from_secs(1);
/// Frames made at a time; what is ordered is obeyed at the next of them.
const FRAMES: usize = 64;

/// A device, open or at rest.
pub(super) struct Device {
    device: cpal::Device,
    lost: Arc<OnceLock<String>>,
    desk: Desk,
    /// Dropped to let the device go.
    stream: Option<MixerDeviceSink>,
}

impl Device {
    /// Opens the default device, or the first of the others that works.
    ///
    /// # Errors
    /// One short line for the status bar.
    pub(super) fn open() -> Result<Device, String> {
        let host = cpal::default_host();
        let first = match host.default_output_device() {
            Some(device) => Device::of(device),
            None => Err(ErrorKind::DeviceNotAvailable.into()),
        };
        first.or_else(|error| any(&host).ok_or_else(|| reason(&error)))
    }

    fn of(device: cpal::Device) -> Result<Device, cpal::Error> {
        let lost = Arc::new(OnceLock::new());
        let (desk, stream) = play(&device, &lost)?;
        Ok(Device { device, lost, desk, stream: Some(stream) })
    }

    /// Opens the device again after a rest.
    fn wake(&mut self) {
        if self.stream.is_some() {
            return;
        }
        // A stream that is being closed may fail on its way out; that is no loss of the one to come.
        self.lost = Arc::default();
        match play(&self.device, &self.lost) {
            Ok((desk, stream)) => {
                let before = std::mem::replace(&mut self.desk, desk);
                self.desk.inherit(before);
                self.stream = Some(stream);
            }
            // Only the first reason counts.
            Err(error) => drop(self.lost.set(format!("sound device lost: {error}"))),
        }
    }
}

impl Sink for Device {
    fn name(&self) -> SinkName {
        SinkName::Device
    }

    fn start(&mut self, sound: &Arc<Sound>, from: f64, tuning: Tuning) {
        self.wake();
        if !self.desk.start(sound, from, tuning) {
            self.desk.stop();
        }
    }

    fn tune(&mut self, tuning: Tuning) {
        self.desk.tune(tuning);
    }

    fn stop(&mut self) {
        self.desk.stop();
    }

    fn progress(&self) -> Progress {
        self.lost.get().map_or_else(|| self.desk.progress(), |reason| Progress::Lost(reason.clone()))
    }

    fn rest(&mut self) {
        self.stream = None;
    }
}

/// Starts a stream: a block of 20 ms if the device takes that, else what it likes.
fn play(device: &cpal::Device, lost: &Arc<OnceLock<String>>) -> Result<(Desk, MixerDeviceSink), cpal::Error> {
    let config = device.default_output_config()?;
    let short = config.sample_rate() / BLOCKS;
    let fits = matches!(*config.buffer_size(), SupportedBufferSize::Range { min, max } if (min..=max).contains(&short));
    let sizes = fits.then_some(BufferSize::Fixed(short)).into_iter().chain([BufferSize::Default]);
    let mut error = ErrorKind::DeviceNotAvailable.into();
    for size in sizes {
        match open(device, &config, size, lost) {
            Ok(open) => return Ok(open),
            Err(other) => error = other,
        }
    }
    Err(error)
}

fn open(
    device: &cpal::Device,
    config: &SupportedStreamConfig,
    size: BufferSize,
    lost: &Arc<OnceLock<String>>,
) -> Result<(Desk, MixerDeviceSink), cpal::Error> {
    let (Some(rate), Some(channels)) = (NonZero::new(config.sample_rate()), NonZero::new(config.channels())) else {
        return Err(ErrorKind::UnsupportedConfig.into());
    };
    let (desk, mixer) = connect(rate.get(), channels.get());
    let handed = Handed::default();
    let timed = Timed::new(device.clone(), desk.hearing(), handed.clone());
    let mut watchman = Watchman::new(lost, handed.clone());
    let mut sink = DeviceSinkBuilder::default()
        .with_device(timed.into_device())
        .with_supported_config(config)
        .with_buffer_size(size)
        .with_error_callback(move |error| watchman.hear(&error, Instant::now()))
        .open_stream()
        .map_err(cause)?;
    sink.log_on_drop(false);
    sink.mixer().add(Programme { mixer, rate, channels, handed, block: Vec::with_capacity(1 << 12), used: 0 });
    Ok((desk, sink))
}

/// All that is ever heard, one sample after the other: sounds, and the silence between them.
struct Programme {
    mixer: Mixer,
    rate: NonZero<u32>,
    channels: NonZero<u16>,
    handed: Handed,
    block: Vec<f32>,
    /// Samples of the block that are given out.
    used: usize,
}

impl Iterator for Programme {
    type Item = rodio::Sample;

    fn next(&mut self) -> Option<rodio::Sample> {
        if self.used == self.block.len() {
            let channels = usize::from(self.channels.get());
            self.block.resize(FRAMES * channels, 0.0);
            self.mixer.render(&mut self.block, channels);
            self.used = 0;
        }
        let sample = self.block.get(self.used)?.clamp(-1.0, 1.0);
        self.used += 1;
        self.handed.one();
        Some(sample)
    }
}

impl Source for Programme {
    fn current_span_len(&self) -> Option<usize> {
        None
    }

    fn channels(&self) -> NonZero<u16> {
        self.channels
    }

    fn sample_rate(&self) -> NonZero<u32> {
        self.rate
    }

    fn total_duration(&self) -> Option<Duration> {
        None
    }
}

/// What the device said, beneath what rodio says of it.
fn cause(error: DeviceSinkError) -> cpal::Error {
    match error {
        DeviceSinkError::PlayError(error)
        | DeviceSinkError::DefaultSinkConfigError(error)
        | DeviceSinkError::BuildError(error)
        | DeviceSinkError::SupportedConfigsError(error) => error,
        DeviceSinkError::NoDevice => ErrorKind::DeviceNotAvailable.into(),
        DeviceSinkError::UnsupportedSampleFormat => ErrorKind::UnsupportedConfig.into(),
    }
}

/// Tells passing errors from those that end a stream, and keeps the first of these.
struct Watchman {
    lost: Arc<OnceLock<String>>,
    handed: Handed,
    /// Samples handed out when an error came first, and when that was.
    first: Option<(u64, Instant)>,
}

impl Watchman {
    fn new(lost: &Arc<OnceLock<String>>, handed: Handed) -> Watchman {
        Watchman { lost: Arc::clone(lost), handed, first: None }
    }

    /// A device that is gone says so, or fails again and again (ALSA's way to a sound server that died) and takes nothing more.
    fn hear(&mut self, error: &cpal::Error, now: Instant) {
        let samples = self.handed.samples();
        self.first = self.first.filter(|(before, _)| *before == samples);
        let (_, since) = *self.first.get_or_insert((samples, now));
        let kinds = [ErrorKind::DeviceNotAvailable, ErrorKind::HostUnavailable, ErrorKind::StreamInvalidated];
        if kinds.contains(&error.kind()) || now.duration_since(since) >= PATIENCE {
            // Only the first reason counts.
            let _ = self.lost.set(format!("sound device lost: {error}"));
        }
    }
}

/// The first device, other than ALSA's null device, that opens.
fn any(host: &cpal::Host) -> Option<Device> {
    let real = |device: &cpal::Device| {
        device.description().is_ok_and(|about| about.driver().is_some_and(|driver| driver != "null"))
    };
    host.output_devices().ok()?.filter(real).find_map(|device| Device::of(device).ok())
}

/// An error as one short line.
fn reason(error: &cpal::Error) -> String {
    if error.kind() == ErrorKind::DeviceNotAvailable {
        return "no sound device".into();
    }
    let text = error.to_string();
    format!("no sound device: {}", text.split(['.', '\n']).next().unwrap_or_default())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn ramp() -> Arc<Sound> {
        Arc::new(Sound { samples: (0..2_000).map(|n| (n as f32 * 0.01).sin()).collect(), channels: 2, rate: 8_000 })
    }

    #[test]
    fn rodio_hands_out_every_sample_as_it_is_made() {
        let (mut near, mut direct) = connect(8_000, 2);
        let (mut desk, mixer) = connect(8_000, 2);
        let (rate, channels) = (NonZero::new(8_000).unwrap(), NonZero::new(2).unwrap());
        let handed = Handed::default();
        let (input, mut output) = rodio::mixer::mixer(channels, rate);
        input.add(Programme { mixer, rate, channels, handed: handed.clone(), block: Vec::new(), used: 0 });
        for desk in [&mut near, &mut desk] {
            assert!(desk.start(&ramp(), 0.01, Tuning { looping: true, ..Tuning::default() }));
        }
        let mut expected = vec![0.0; 64 * 2 * 40];
        direct.render(&mut expected, 2);
        let heard: Vec<f32> = output.by_ref().take(expected.len()).collect();
        assert_eq!(heard, expected);
        assert_eq!(handed.frames(2), 64 * 40);
        desk.stop();
        let rest: Vec<f32> = output.take(8_000).collect();
        assert!(rest.len() == 8_000 && rest[2_000..].iter().all(|&sample| sample == 0.0), "silence has no end");
    }

    #[test]
    fn the_reason_is_short() {
        assert_eq!(reason(&cause(DeviceSinkError::NoDevice)), "no sound device");
        let busy = reason(&cause(DeviceSinkError::BuildError(cpal::Error::new(ErrorKind::DeviceBusy))));
        assert!(busy.starts_with("no sound device: ") && !busy.contains(['.', '\n']), "{busy}");
    }

    #[test]
    fn only_what_ends_a_stream_is_a_loss() {
        let (lost, handed) = (Arc::new(OnceLock::new()), Handed::default());
        let mut watchman = Watchman::new(&lost, handed.clone());
        let start = Instant::now();
        for second in 0..5 {
            watchman.hear(&cpal::Error::new(ErrorKind::Xrun), start + second * PATIENCE);
            handed.one();
        }
        assert_eq!(lost.get(), None, "the sound went on after each");
        watchman.hear(&cpal::Error::new(ErrorKind::StreamInvalidated), start + 5 * PATIENCE);
        assert!(lost.get().is_some_and(|reason: &String| reason.starts_with("sound device lost: ")));
    }

    #[test]
    fn a_device_that_only_fails_is_lost() {
        let lost = Arc::new(OnceLock::new());
        let mut watchman = Watchman::new(&lost, Handed::default());
        let start = Instant::now();
        for part in [0.0, 0.5, 0.9] {
            watchman.hear(&cpal::Error::new(ErrorKind::BackendError), start + PATIENCE.mul_f64(part));
        }
        assert_eq!(lost.get(), None);
        watchman.hear(&cpal::Error::new(ErrorKind::BackendError), start + PATIENCE);
        assert!(lost.get().is_some());
    }
}
