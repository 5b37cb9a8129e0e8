//! A sound device that tells when the samples it takes are heard.
//!
//! rodio drives whatever `cpal::Device` it is given, but keeps from its sources what the device says of its delay. This one is the
//! device itself with an ear on the way: at the start of each block it notes which frame comes next and when that is heard.
//! Deliberately absent: input, and any change of what passes.

use std::fmt;
use std::hash::{Hash, Hasher};
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use rodio::cpal::platform::CustomDevice;
use rodio::cpal::traits::DeviceTrait;
use rodio::cpal::{
    self, Data, DeviceDescription, DeviceId, Error, ErrorKind, InputCallbackInfo, OutputCallbackInfo, SampleFormat,
    StreamConfig, SupportedOutputConfigs, SupportedStreamConfig,
};

use super::mixer::Hearing;

/// Samples that left their source so far; one count, held by both.
#[derive(Clone, Default)]
pub(super) struct Handed(Arc<AtomicU64>);

impl Handed {
    /// One more.
    pub(super) fn one(&self) {
        // Written and read on the device's thread alone.
        self.0.store(self.0.load(Ordering::Relaxed) + 1, Ordering::Relaxed);
    }

    /// So many.
    pub(super) fn samples(&self) -> u64 {
        self.0.load(Ordering::Relaxed)
    }

    /// In frames of that many channels.
    pub(super) fn frames(&self, channels: u16) -> u64 {
        self.samples() / u64::from(channels.max(1))
    }
}

/// The device and who is to be told.
#[derive(Clone)]
pub(super) struct Timed {
    device: cpal::Device,
    hearing: Hearing,
    handed: Handed,
}

impl Timed {
    /// `handed` counts what the source of the one stream to be built gave out.
    pub(super) fn new(device: cpal::Device, hearing: Hearing, handed: Handed) -> Timed {
        Timed { device, hearing, handed }
    }

    /// As a device among others.
    pub(super) fn into_device(self) -> cpal::Device {
        CustomDevice::from_device(self).into()
    }
}

impl DeviceTrait for Timed {
    type SupportedInputConfigs = std::iter::Empty<cpal::SupportedStreamConfigRange>;
    type SupportedOutputConfigs = SupportedOutputConfigs;
    type Stream = cpal::Stream;

    fn description(&self) -> Result<DeviceDescription, Error> {
        self.device.description()
    }

    fn id(&self) -> Result<DeviceId, Error> {
        self.device.id()
    }

    fn supported_input_configs(&self) -> Result<Self::SupportedInputConfigs, Error> {
        Ok(std::iter::empty())
    }

    fn supported_output_configs(&self) -> Result<SupportedOutputConfigs, Error> {
        self.device.supported_output_configs()
    }

    fn default_input_config(&self) -> Result<SupportedStreamConfig, Error> {
        Err(ErrorKind::UnsupportedOperation.into())
    }

    fn default_output_config(&self) -> Result<SupportedStreamConfig, Error> {
        self.device.default_output_config()
    }

    fn build_input_stream_raw<D, E>(
        &self,
        _: StreamConfig,
        _: SampleFormat,
        _: D,
        _: E,
        _: Option<Duration>,
    ) -> Result<cpal::Stream, Error>
    where
        D: FnMut(&Data, &InputCallbackInfo) + Send + 'static,
        E: FnMut(Error) + Send + 'static,
    {
        Err(ErrorKind::UnsupportedOperation.into())
    }

    fn build_output_stream_raw<D, E>(
        &self,
        config: StreamConfig,
        format: SampleFormat,
        mut fill: D,
        failed: E,
        timeout: Option<Duration>,
    ) -> Result<cpal::Stream, Error>
    where
        D: FnMut(&mut Data, &OutputCallbackInfo) + Send + 'static,
        E: FnMut(Error) + Send + 'static,
    {
        let Timed { device, hearing, handed } = self.clone();
        let listening = move |data: &mut Data, info: &OutputCallbackInfo| {
            let stamp = info.timestamp();
            let delay = stamp.playback.checked_duration_since(stamp.callback).unwrap_or(Duration::ZERO);
            hearing.after(handed.frames(config.channels), delay);
            fill(data, info);
        };
        device.build_output_stream_raw(config, format, listening, failed, timeout)
    }
}

impl PartialEq for Timed {
    fn eq(&self, other: &Timed) -> bool {
        self.device == other.device
    }
}

impl Eq for Timed {}

impl Hash for Timed {
    fn hash<H: Hasher>(&self, state: &mut H) {
        self.device.hash(state);
    }
}

impl fmt::Debug for Timed {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_tuple("Timed").field(&self.device).finish()
    }
}

impl fmt::Display for Timed {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.device.fmt(f)
    }
}
