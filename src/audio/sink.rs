//! Where sound goes: the few operations playback needs, and the choice between the local device and silence.
//!
//! Deliberately absent: pause, seek and loop; the player builds them from "start here" and "stop", so that a sink that
//! sits at the other end of a wire has little to get right.

use std::sync::Arc;

use super::Sound;
use super::silent::Silent;

/// A place that plays one sound at a time. Lives on the playback thread, so it need not be `Send`; its operations may
/// take milliseconds but must not wait for the sound to end.
pub trait Sink {
    /// What the status bar says of this sink.
    fn name(&self) -> SinkName;
    /// Plays `sound` from `from` seconds (within the sound) to its end, instead of what played before.
    fn start(&mut self, sound: &Arc<Sound>, from: f64, tuning: Tuning);
    /// Changes speed and volume of what plays, or of nothing.
    fn tune(&mut self, tuning: Tuning);
    /// Falls silent. Never fails, also when nothing plays.
    fn stop(&mut self);
    /// How far the sound started last has come. Asked only between `start` and `stop`.
    fn progress(&self) -> Progress;
}

/// How a sound is played.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Tuning {
    /// Seconds of sound per second, 0.5 to 2; the pitch moves along, as on a tape.
    pub speed: f32,
    /// Factor on the samples; above 1 only as far as the sound's peak stays within full scale.
    pub volume: f32,
}

/// How far a sink has come.
#[derive(Debug, Clone, PartialEq)]
pub enum Progress {
    /// Seconds into the sound.
    At(f64),
    /// The sound has ended.
    Finished,
    /// The sink is gone, for this short reason; nothing will be heard from it again.
    Lost(String),
}

/// Which sink plays.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub enum SinkName {
    /// None yet: the device is opened when the first sound is played.
    #[default]
    Unopened,
    /// The local sound device.
    Device,
    /// No sound, for this short reason ("no sound device", …); the cursor moves all the same.
    Silent(Arc<str>),
}

/// The local device if the program was built with `playback` and there is one, else silence with the reason.
///
/// ALSA may write to file descriptor 2 while this runs: a program that owns the screen points it elsewhere before.
pub fn open_default() -> Box<dyn Sink> {
    #[cfg(feature = "playback")]
    return match super::device::Device::open() {
        Ok(device) => Box::new(device),
        Err(reason) => Box::new(Silent::new(&reason)),
    };
    #[cfg(not(feature = "playback"))]
    Box::new(Silent::new("built without playback"))
}
