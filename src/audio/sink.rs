//! Where sound goes: the few operations playback needs, and the choice between the local device and silence.
//!
//! Deliberately absent: pause and seek; the player builds them from "start here" and "stop", so that a sink that sits at the
//! other end of a wire has little to get right. Loops are the sink's own business: only it can turn back without a gap.

use std::sync::Arc;

use super::Sound;
use super::silent::Silent;

/// A place that plays one sound at a time. Lives on the playback thread, so it need not be `Send`; its operations may
/// take milliseconds but must not wait for the sound to end.
pub trait Sink {
    /// What the status bar says of this sink.
    fn name(&self) -> SinkName;
    /// Plays `sound` from `from` seconds (within [`Tuning::bounds`]) to the end of those bounds, instead of what played before;
    /// with `looping` it turns back to their beginning there, without a gap, and never finishes. A sink at the other end of a wire
    /// returns once the order is on it: what is sent through the same wire next comes after it.
    fn start(&mut self, sound: &Arc<Sound>, from: f64, tuning: Tuning);
    /// Changes how it plays what it plays, or nothing: without a break and without a click.
    fn tune(&mut self, tuning: Tuning);
    /// Falls silent. Never fails, also when nothing plays.
    fn stop(&mut self);
    /// How far the sound started last has come. Asked only between `start` and `stop`.
    fn progress(&self) -> Progress;
    /// What will probably be played next, soonest first: a sink at the other end of a wire sends it ahead.
    fn ahead(&mut self, _sounds: &[Arc<Sound>]) {}
    /// Whether sounds are on their way through a line that it shares with the picture.
    fn is_sending(&self) -> bool {
        false
    }
    /// Nothing has been played for some seconds: lets go of what costs power or keeps others out, until the next `start`.
    fn rest(&mut self) {}
    /// After [`Progress::Lost`]: finds another way to play, if it has one, for the next `start`.
    fn fall(&mut self, _reason: &str) -> bool {
        false
    }
}

/// How a sound is played.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Tuning {
    /// Seconds of sound per second, 0.5 to 2.
    pub speed: f32,
    /// Factor on the samples; above 1 only as far as the sound's peak stays within full scale.
    pub volume: f32,
    /// Whether the sound, or its region, starts again at its end.
    pub looping: bool,
    /// From and to, in seconds, of the part that is played alone; `None` = all of the sound.
    pub region: Option<(f64, f64)>,
}

impl Default for Tuning {
    fn default() -> Tuning {
        Tuning { speed: 1.0, volume: 1.0, looping: false, region: None }
    }
}

impl Tuning {
    /// From and to, in seconds, of what is played of a sound that lasts `seconds`.
    pub fn bounds(&self, seconds: f64) -> (f64, f64) {
        let (from, to) = self.region.unwrap_or((0.0, seconds));
        let from = from.max(0.0).min(seconds);
        (from, to.min(seconds).max(from))
    }

    /// Where a sound that lasts `seconds` stands when it has played from `from` for `passed` seconds of time; `None` at its end.
    pub fn after(&self, from: f64, passed: f64, seconds: f64) -> Option<f64> {
        let position = from + passed * f64::from(self.speed);
        let (start, end) = self.bounds(seconds);
        match (position < end, self.looping && start < end) {
            (true, _) => Some(position),
            (false, true) => Some(start + (position - end) % (end - start)),
            (false, false) => None,
        }
    }
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
    /// A sound server that was reached over the network or a forwarded socket.
    Pulse,
    /// A companion on the laptop that this program is used from; the laptop's name.
    Companion(Arc<str>),
    /// A page in a browser; its address.
    Browser(Arc<str>),
    /// A file that what would be heard is written to; its path.
    File(Arc<str>),
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
