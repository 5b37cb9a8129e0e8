//! The local sound device.
//!
//! Only this file names cpal, which opens the device and says how long a sample takes to be heard. Deliberately absent: choosing
//! among devices, and waking up while nothing plays: after some seconds of silence the device is let go of.

use std::sync::{Arc, OnceLock};
use std::time::Duration;

use cpal::traits::{DeviceTrait, HostTrait, StreamTrait};
use cpal::{
    BufferSize, ErrorKind, FromSample, I24, SampleFormat, SizedSample, SupportedBufferSize, SupportedStreamConfig,
};

use super::Sound;
use super::mixer::{Desk, Hearing, Mixer, connect};
use super::sink::{Progress, Sink, SinkName, Tuning};

/// The device asks for so many blocks a second if it lets us choose: keys are obeyed soon, and work is seldom.
const BLOCKS: u32 = 50;

/// A device, open or at rest.
pub(super) struct Device {
    device: cpal::Device,
    lost: Arc<OnceLock<String>>,
    desk: Desk,
    /// Dropped to let the device go.
    stream: Option<cpal::Stream>,
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
        match play(&self.device, &self.lost) {
            Ok((desk, stream)) => {
                let before = std::mem::replace(&mut self.desk, desk);
                self.desk.inherit(before);
                self.stream = Some(stream);
            }
            Err(error) => keep(&self.lost, &error),
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
fn play(device: &cpal::Device, lost: &Arc<OnceLock<String>>) -> Result<(Desk, cpal::Stream), cpal::Error> {
    let config = device.default_output_config()?;
    let short = config.sample_rate() / BLOCKS;
    let fits = matches!(*config.buffer_size(), SupportedBufferSize::Range { min, max } if (min..=max).contains(&short));
    let sizes = fits.then_some(BufferSize::Fixed(short)).into_iter().chain([BufferSize::Default]);
    let mut error = ErrorKind::DeviceNotAvailable.into();
    for size in sizes {
        match build(device, &config, size, lost).and_then(|(desk, stream)| stream.play().map(|()| (desk, stream))) {
            Ok(open) => return Ok(open),
            Err(other) => error = other,
        }
    }
    Err(error)
}

fn build(
    device: &cpal::Device,
    config: &SupportedStreamConfig,
    size: BufferSize,
    lost: &Arc<OnceLock<String>>,
) -> Result<(Desk, cpal::Stream), cpal::Error> {
    let (desk, mixer) = connect(config.sample_rate(), config.channels());
    let stream = Stream { device, config, size, lost: Arc::clone(lost), hearing: desk.hearing(), mixer };
    let stream = match config.sample_format() {
        SampleFormat::F32 => stream.of::<f32>(),
        SampleFormat::I16 => stream.of::<i16>(),
        SampleFormat::I24 => stream.of::<I24>(),
        SampleFormat::I32 => stream.of::<i32>(),
        SampleFormat::U16 => stream.of::<u16>(),
        SampleFormat::U8 => stream.of::<u8>(),
        SampleFormat::F64 => stream.of::<f64>(),
        _ => Err(ErrorKind::UnsupportedConfig.into()),
    }?;
    Ok((desk, stream))
}

/// What a stream is made of.
struct Stream<'a> {
    device: &'a cpal::Device,
    config: &'a SupportedStreamConfig,
    size: BufferSize,
    lost: Arc<OnceLock<String>>,
    hearing: Hearing,
    mixer: Mixer,
}

impl Stream<'_> {
    fn of<T: SizedSample + FromSample<f32>>(self) -> Result<cpal::Stream, cpal::Error> {
        let Stream { lost, hearing, mut mixer, .. } = self;
        let mut config = self.config.config();
        config.buffer_size = self.size;
        let channels = usize::from(config.channels);
        let mut block = Vec::with_capacity(1 << 16);
        let fill = move |out: &mut [T], info: &cpal::OutputCallbackInfo| {
            let stamp = info.timestamp();
            let delay = stamp.playback.checked_duration_since(stamp.callback).unwrap_or(Duration::ZERO);
            hearing.after(mixer.frames(), delay);
            block.resize(out.len(), 0.0);
            mixer.render(&mut block, channels);
            for (to, from) in out.iter_mut().zip(&block) {
                *to = T::from_sample(from.clamp(-1.0, 1.0));
            }
        };
        self.device.build_output_stream::<T, _, _>(config, fill, move |error| keep(&lost, &error), None)
    }
}

/// Keeps the first error that ends a stream; the others pass.
fn keep(lost: &OnceLock<String>, error: &cpal::Error) {
    let kinds = [ErrorKind::DeviceNotAvailable, ErrorKind::HostUnavailable, ErrorKind::StreamInvalidated];
    if kinds.contains(&error.kind()) {
        // Only the first reason counts.
        let _ = lost.set(format!("sound device lost: {error}"));
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

    #[test]
    fn the_reason_is_short() {
        assert_eq!(reason(&cpal::Error::new(ErrorKind::DeviceNotAvailable)), "no sound device");
        let busy = reason(&cpal::Error::new(ErrorKind::DeviceBusy));
        assert!(busy.starts_with("no sound device: ") && !busy.contains(['.', '\n']), "{busy}");
    }

    #[test]
    fn only_what_ends_a_stream_is_a_loss() {
        let lost = OnceLock::new();
        keep(&lost, &cpal::Error::new(ErrorKind::Xrun));
        assert_eq!(lost.get(), None);
        keep(&lost, &cpal::Error::new(ErrorKind::StreamInvalidated));
        assert!(lost.get().is_some_and(|reason| reason.starts_with("sound device lost: ")));
    }
}
