//! Which sink plays: the first of a ladder that can, told or chosen.
//!
//! From the top: a companion on the laptop, a sound server that was forwarded, this host's device unless one sits elsewhere, a
//! page in a browser, silence. Why a rung was passed over is kept. A sink that is lost gives way to the next one below at the same
//! place of the sound; one above that has come back is taken when the next sound starts. Deliberately absent: the sinks.

use std::fmt;
use std::str::FromStr;
use std::sync::Arc;
use std::time::{Duration, Instant};

use super::Sound;
use super::browser::Browser;
use super::silent::Silent;
use super::sink::{Progress, Sink, SinkName, Tuning};

/// A rung that failed is left alone for so long.
const REST: Duration = Duration::from_secs(10);

/// Which sink is wanted.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Wish {
    /// The first of the ladder that can play.
    #[default]
    Auto,
    /// The companion that `emolab ssh` starts on the laptop.
    Companion,
    /// A sound server: PulseAudio or PipeWire.
    Pulse,
    /// This host's own device.
    Device,
    /// A page in a browser, on this port or any.
    Browser(Option<u16>),
    /// Silence.
    None,
}

/// A sink that was not taken.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Passed {
    /// Its name, as `--audio` takes it.
    pub name: &'static str,
    /// Why not.
    pub reason: String,
}

/// One sink that may play.
pub struct Rung {
    name: &'static str,
    open: Box<dyn FnMut() -> Result<Box<dyn Sink>, String>>,
    /// Cheap: whether it is worth another try; told whether it has played before.
    ready: fn(bool) -> bool,
    opened: bool,
    failed: Option<Instant>,
}

/// The sinks in their order, and the one that plays.
pub struct Ladder {
    rungs: Vec<Rung>,
    /// The rung that plays; past the last one: silence.
    at: usize,
    sink: Box<dyn Sink>,
    passed: Vec<Passed>,
    ahead: Vec<Arc<Sound>>,
}

impl FromStr for Wish {
    type Err = String;

    fn from_str(text: &str) -> Result<Wish, String> {
        match text {
            "auto" => Ok(Wish::Auto),
            "companion" => Ok(Wish::Companion),
            "pulse" => Ok(Wish::Pulse),
            "device" => Ok(Wish::Device),
            "browser" => Ok(Wish::Browser(None)),
            "none" => Ok(Wish::None),
            _ => match text.strip_prefix("browser:").map(str::parse) {
                Some(Ok(port)) => Ok(Wish::Browser(Some(port))),
                _ => Err("one of auto, companion, pulse, device, browser, browser:PORT, none".to_owned()),
            },
        }
    }
}

impl fmt::Display for Wish {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Wish::Auto => f.write_str("auto"),
            Wish::Companion => f.write_str("companion"),
            Wish::Pulse => f.write_str("pulse"),
            Wish::Device => f.write_str("device"),
            Wish::Browser(None) => f.write_str("browser"),
            Wish::Browser(Some(port)) => write!(f, "browser:{port}"),
            Wish::None => f.write_str("none"),
        }
    }
}

impl Rung {
    /// A sink by the name that `--audio` takes; `ready` is asked whether another try is worth it, with whether it played before.
    pub fn new(
        name: &'static str,
        open: impl FnMut() -> Result<Box<dyn Sink>, String> + 'static,
        ready: fn(bool) -> bool,
    ) -> Rung {
        Rung { name, open: Box::new(open), ready, opened: false, failed: None }
    }

    /// Its name, as `--audio` takes it.
    pub fn name(&self) -> &'static str {
        self.name
    }

    /// Opens it.
    ///
    /// # Errors
    /// Why it cannot play, in one line.
    pub fn open(&mut self) -> Result<Box<dyn Sink>, String> {
        let sink = (self.open)();
        self.opened |= sink.is_ok();
        self.failed = sink.is_err().then(Instant::now);
        sink
    }

    fn is_back(&self) -> bool {
        self.failed.is_none_or(|failed| failed.elapsed() >= REST) && (self.ready)(self.opened)
    }
}

/// The rungs that a wish leaves, best first.
pub fn rungs(wish: Wish) -> Vec<Rung> {
    let elsewhere = wish == Wish::Auto && is_over_ssh();
    let device = move || match elsewhere {
        true => Err("over SSH nobody hears the device of this host; --audio device takes it all the same".to_owned()),
        false => device(),
    };
    let port = if let Wish::Browser(port) = wish { port } else { None };
    let page = move || Browser::open(port).map(|page| Box::new(page) as Box<dyn Sink>);
    let all = vec![
        Rung::new("companion", companion, |_| false),
        Rung::new("pulse", move || pulse(wish), |opened| opened),
        Rung::new("device", device, |opened| opened),
        Rung::new("browser", page, |_| false),
    ];
    let name = wish.to_string();
    let wanted = |rung: &Rung| wish == Wish::Auto || name.split(':').next() == Some(rung.name);
    all.into_iter().filter(wanted).collect()
}

/// Whether the one who listens sits elsewhere.
pub fn is_over_ssh() -> bool {
    ["SSH_CONNECTION", "SSH_CLIENT", "SSH_TTY"]
        .iter()
        .any(|name| std::env::var_os(name).is_some_and(|it| !it.is_empty()))
}

fn companion() -> Result<Box<dyn Sink>, String> {
    Err("no companion: this session was not started by emolab ssh".to_owned())
}

#[cfg(feature = "playback")]
fn device() -> Result<Box<dyn Sink>, String> {
    Ok(Box::new(super::device::Device::open()?))
}

#[cfg(not(feature = "playback"))]
fn device() -> Result<Box<dyn Sink>, String> {
    Err("built without playback".to_owned())
}

/// A server that `PULSE_SERVER` names, or whose socket was forwarded to the usual place; at the usual place anyway if wished.
#[cfg(all(feature = "playback", unix))]
fn pulse(wish: Wish) -> Result<Box<dyn Sink>, String> {
    use super::pulse::{Address, Pulse, is_forwarded, native_socket};
    let named = std::env::var("PULSE_SERVER").unwrap_or_default();
    let mut addresses = Address::parse(&named);
    let usual = native_socket().filter(|path| addresses.is_empty() && (wish == Wish::Pulse || is_forwarded(path)));
    addresses.extend(usual.map(Address::Socket));
    if addresses.is_empty() {
        return Err("no sound server forwarded: PULSE_SERVER is not set".to_owned());
    }
    Ok(Box::new(Pulse::open(&addresses)?))
}

#[cfg(not(all(feature = "playback", unix)))]
fn pulse(_wish: Wish) -> Result<Box<dyn Sink>, String> {
    Err("built without sound servers".to_owned())
}

impl Ladder {
    /// Opens the first sink that the wish leaves and that can play.
    ///
    /// ALSA may write to file descriptor 2 while this runs: a program that owns the screen points it elsewhere before.
    pub fn open(wish: Wish) -> Ladder {
        match wish {
            Wish::None => Ladder::of(Vec::new(), "--silent"),
            _ => Ladder::of(rungs(wish), "no sink"),
        }
    }

    /// Opens the first of these rungs that can; `reason`: why there is silence if there are none.
    pub fn of(rungs: Vec<Rung>, reason: &str) -> Ladder {
        let sink = Box::new(Silent::new(reason));
        let mut ladder = Ladder { rungs, at: 0, sink, passed: Vec::new(), ahead: Vec::new() };
        ladder.climb_from(0);
        ladder
    }

    /// The rungs that could not play when they were tried, and why.
    pub fn passed(&self) -> &[Passed] {
        &self.passed
    }

    /// Takes the first rung from `first` on that can play, else silence.
    fn climb_from(&mut self, first: usize) {
        for at in first..self.rungs.len() {
            if self.try_rung(at) {
                return;
            }
        }
        self.at = self.rungs.len();
        if let Some(last) = self.passed.last() {
            self.sink = Box::new(Silent::new(&last.reason));
        }
    }

    fn try_rung(&mut self, at: usize) -> bool {
        let Some(rung) = self.rungs.get_mut(at) else { return false };
        let (name, opened) = (rung.name, rung.open());
        self.passed.retain(|passed| passed.name != name);
        match opened {
            Ok(mut sink) => {
                sink.ahead(&self.ahead);
                (self.sink, self.at) = (sink, at);
                true
            }
            Err(reason) => {
                self.passed.push(Passed { name, reason });
                false
            }
        }
    }
}

impl Sink for Ladder {
    fn name(&self) -> SinkName {
        self.sink.name()
    }

    fn start(&mut self, sound: &Arc<Sound>, from: f64, tuning: Tuning) {
        for at in 0..self.at {
            // The sink before falls silent when it is dropped.
            if self.rungs[at].is_back() && self.try_rung(at) {
                break;
            }
        }
        self.sink.start(sound, from, tuning);
    }

    fn tune(&mut self, tuning: Tuning) {
        self.sink.tune(tuning);
    }

    fn stop(&mut self) {
        self.sink.stop();
    }

    fn progress(&self) -> Progress {
        self.sink.progress()
    }

    fn ahead(&mut self, sounds: &[Arc<Sound>]) {
        self.ahead = sounds.to_vec();
        self.sink.ahead(sounds);
    }

    fn rest(&mut self) {
        self.sink.rest();
    }

    fn fall(&mut self, reason: &str) -> bool {
        if let Some(rung) = self.rungs.get_mut(self.at) {
            rung.failed = Some(Instant::now());
            let name = rung.name;
            self.passed.retain(|passed| passed.name != name);
            self.passed.push(Passed { name, reason: reason.to_owned() });
            self.climb_from(self.at + 1);
            return true;
        }
        false
    }
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use super::*;
    use std::cell::RefCell;
    use std::rc::Rc;

    /// A sink with a name that writes down its starts.
    struct Named(&'static str, Rc<RefCell<Vec<&'static str>>>);

    impl Sink for Named {
        fn name(&self) -> SinkName {
            SinkName::Companion(self.0.into())
        }
        fn start(&mut self, _: &Arc<Sound>, _: f64, _: Tuning) {
            self.1.borrow_mut().push(self.0);
        }
        fn tune(&mut self, _: Tuning) {}
        fn stop(&mut self) {}
        fn progress(&self) -> Progress {
            Progress::Finished
        }
        fn ahead(&mut self, sounds: &[Arc<Sound>]) {
            if !sounds.is_empty() {
                self.1.borrow_mut().push("ahead");
            }
        }
    }

    fn sound() -> Arc<Sound> {
        Arc::new(Sound { samples: vec![0.0; 10], channels: 1, rate: 10 })
    }

    /// Rungs of which those in `can` open.
    fn ladder(
        can: &Rc<RefCell<Vec<&'static str>>>,
        ready: fn(bool) -> bool,
    ) -> (Ladder, Rc<RefCell<Vec<&'static str>>>) {
        let log = Rc::new(RefCell::new(Vec::new()));
        let rung = |name: &'static str| {
            let (can, log) = (Rc::clone(can), Rc::clone(&log));
            let open = move || match can.borrow().contains(&name) {
                true => Ok(Box::new(Named(name, Rc::clone(&log))) as Box<dyn Sink>),
                false => Err(format!("no {name} here")),
            };
            Rung::new(name, open, ready)
        };
        (Ladder::of(vec![rung("high"), rung("middle"), rung("low")], "none"), log)
    }

    fn name(ladder: &Ladder) -> String {
        match ladder.name() {
            SinkName::Companion(name) | SinkName::Silent(name) => name.to_string(),
            other => format!("{other:?}"),
        }
    }

    #[test]
    fn the_first_that_can_plays_and_the_others_say_why_not() {
        let can = Rc::new(RefCell::new(vec!["middle", "low"]));
        let (ladder, _) = ladder(&can, |_| false);
        assert_eq!(name(&ladder), "middle");
        assert_eq!(ladder.passed(), [Passed { name: "high", reason: "no high here".to_owned() }]);
    }

    #[test]
    fn a_lost_sink_gives_way_to_the_next_and_at_last_to_silence() {
        let can = Rc::new(RefCell::new(vec!["high", "low"]));
        let (mut ladder, log) = ladder(&can, |_| false);
        ladder.ahead(&[sound()]);
        assert!(ladder.fall("cable pulled"));
        assert_eq!(name(&ladder), "low");
        let told: Vec<&str> = ladder.passed().iter().map(|passed| passed.reason.as_str()).collect();
        assert_eq!(told, ["cable pulled", "no middle here"]);
        assert_eq!(*log.borrow(), ["ahead", "ahead"], "the new sink is told, too");
        assert!(ladder.fall("battery empty"));
        assert_eq!(name(&ladder), "battery empty");
        assert!(!ladder.fall("silence cannot be lost"));
    }

    #[test]
    fn a_better_one_that_comes_back_is_taken_at_the_next_sound() {
        let can = Rc::new(RefCell::new(vec!["low"]));
        let (mut ladder, log) = ladder(&can, |_| true);
        ladder.rungs[1].failed = None;
        ladder.start(&sound(), 0.0, Tuning::default());
        *can.borrow_mut() = vec!["high", "middle", "low"];
        ladder.start(&sound(), 0.0, Tuning::default());
        assert_eq!(name(&ladder), "low", "it failed a moment ago");
        ladder.rungs.iter_mut().for_each(|rung| rung.failed = None);
        ladder.start(&sound(), 0.0, Tuning::default());
        assert_eq!(*log.borrow(), ["low", "low", "high"]);
        assert_eq!(ladder.passed().iter().map(|passed| passed.name).collect::<Vec<_>>(), ["middle"]);
    }

    #[test]
    fn a_wish_is_written_as_it_is_read() {
        for text in ["auto", "companion", "pulse", "device", "browser", "browser:8017", "none"] {
            assert_eq!(text.parse::<Wish>().map(|wish| wish.to_string()), Ok(text.to_owned()));
        }
        for text in ["", "Device", "browser:", "browser:70000", "loud"] {
            assert!(text.parse::<Wish>().is_err(), "{text}");
        }
        assert_eq!(rungs(Wish::Browser(None)).iter().map(Rung::name).collect::<Vec<_>>(), ["browser"]);
        assert_eq!(rungs(Wish::Auto).len(), 4);
        assert_eq!(name(&Ladder::open(Wish::None)), "--silent");
    }
}
