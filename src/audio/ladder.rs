//! Which sink plays: the first of a ladder that can, told or chosen.
//!
//! From the top: a companion on the laptop, a sound server that was forwarded, this host's device unless one sits elsewhere, a
//! page in a browser, silence. Why a rung was passed over is kept. A sink that is lost gives way to the next one below at the same
//! place of the sound; one above that has come back is taken when the next sound starts. Deliberately absent: the sinks.

#[cfg(unix)]
use std::cell::RefCell;
use std::fmt;
use std::path::PathBuf;
#[cfg(unix)]
use std::rc::Rc;
use std::str::FromStr;
use std::sync::Arc;
use std::time::{Duration, Instant};

use super::Sound;
use super::browser::Browser;
use super::heard::Heard;
use super::silent::Silent;
use super::sink::{Progress, Sink, SinkName, Tuning};

/// A rung that failed is left alone for so long.
const REST: Duration = Duration::from_secs(10);
const NO_COMPANION: &str = "no companion: this session was not started by emolab ssh";
/// The name of the rung that `emolab ssh` stands behind.
const COMPANION: &str = "companion";

/// Which sink is wanted.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
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
    /// A WAV file that what would be heard is written to.
    File(PathBuf),
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

/// Whether a sink is worth another try.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Again {
    /// It would fail as before.
    No,
    /// Once it was left alone for a while.
    Later,
    /// At once, also in place of the one of its kind that plays: there is a newer one.
    Now,
}

/// One sink that may play.
pub struct Rung {
    name: &'static str,
    open: Box<dyn FnMut() -> Result<Box<dyn Sink>, String>>,
    /// Cheap; told whether it has played before.
    again: Box<dyn Fn(bool) -> Again>,
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
            _ => match text.split_once(':') {
                Some(("browser", port)) if port.parse::<u16>().is_ok() => Ok(Wish::Browser(port.parse().ok())),
                Some(("file", path)) if !path.is_empty() => Ok(Wish::File(path.into())),
                _ => Err("one of auto, companion, pulse, device, browser, browser:PORT, file:PATH, none".to_owned()),
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
            Wish::File(path) => write!(f, "file:{}", path.display()),
            Wish::None => f.write_str("none"),
        }
    }
}

impl Rung {
    /// A sink by the name that `--audio` takes; `again` is asked whether another try is worth it, with whether it played before.
    pub fn new(
        name: &'static str,
        open: impl FnMut() -> Result<Box<dyn Sink>, String> + 'static,
        again: impl Fn(bool) -> Again + 'static,
    ) -> Rung {
        Rung { name, open: Box::new(open), again: Box::new(again), opened: false, failed: None }
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
        match (self.again)(self.opened) {
            Again::No => false,
            Again::Later => self.failed.is_none_or(|failed| failed.elapsed() >= REST),
            Again::Now => true,
        }
    }

    fn has_newer(&self) -> bool {
        (self.again)(self.opened) == Again::Now
    }
}

/// The rungs that a wish leaves, best first.
pub fn rungs(wish: &Wish) -> Vec<Rung> {
    let elsewhere = *wish == Wish::Auto && is_over_ssh();
    let device = move || match elsewhere {
        true => Err("over SSH nobody hears the device of this host; --audio device takes it all the same".to_owned()),
        false => device(),
    };
    let port = if let Wish::Browser(port) = wish { *port } else { None };
    // Who came by emolab ssh could not open a page of this host, and has to read what is wrong with the laptop instead.
    let unreached = move || elsewhere && has_companion();
    let page = move || match unreached() {
        true => Err("the laptop came by emolab ssh; --audio browser:PORT with ssh -L takes it all the same".to_owned()),
        false => Browser::open(port).map(|page| Box::new(page) as Box<dyn Sink>),
    };
    let forced = *wish == Wish::Pulse;
    if let Wish::File(path) = wish {
        let path = path.clone();
        let file = move || Heard::create(&path).map(|file| Box::new(file) as Box<dyn Sink>);
        return vec![Rung::new("file", file, |_| Again::No)];
    }
    let if_it_played = |opened| if opened { Again::Later } else { Again::No };
    let all = vec![
        companion(),
        Rung::new("pulse", move || pulse(forced), if_it_played),
        Rung::new("device", device, if_it_played),
        Rung::new("browser", page, |_| Again::No),
    ];
    let name = wish.to_string();
    let wanted = |rung: &Rung| *wish == Wish::Auto || name.split(':').next() == Some(rung.name);
    all.into_iter().filter(wanted).collect()
}

/// Whether the one who listens sits elsewhere.
pub fn is_over_ssh() -> bool {
    ["SSH_CONNECTION", "SSH_CLIENT", "SSH_TTY"]
        .iter()
        .any(|name| std::env::var_os(name).is_some_and(|it| !it.is_empty()))
}

/// The companion whose note is the newest now: a program that outlives its connection is heard through the next one.
#[cfg(unix)]
fn companion() -> Rung {
    use super::remote;
    let tried = Rc::new(RefCell::new(None));
    let before = Rc::clone(&tried);
    let open = move || {
        tried.replace(remote::note());
        let found = remote::find().unwrap_or_else(|| Err(NO_COMPANION.to_owned()))?;
        Ok(Box::new(found) as Box<dyn Sink>)
    };
    let again = move |_| match remote::note() {
        None => Again::No,
        note if note == *before.borrow() => Again::Later,
        Some(_) => Again::Now,
    };
    Rung::new(COMPANION, open, again)
}

/// Whether there should be a companion, because `emolab ssh` started this session.
fn has_companion() -> bool {
    #[cfg(unix)]
    return super::remote::is_expected();
    #[cfg(not(unix))]
    false
}

#[cfg(not(unix))]
fn companion() -> Rung {
    Rung::new(COMPANION, || Err(NO_COMPANION.to_owned()), |_| Again::No)
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
fn pulse(forced: bool) -> Result<Box<dyn Sink>, String> {
    use super::pulse::{Address, Pulse, is_forwarded, native_socket};
    let named = std::env::var("PULSE_SERVER").unwrap_or_default();
    let mut addresses = Address::parse(&named);
    let usual = native_socket().filter(|path| addresses.is_empty() && (forced || is_forwarded(path)));
    addresses.extend(usual.map(Address::Socket));
    if addresses.is_empty() {
        return Err("no sound server forwarded: PULSE_SERVER is not set".to_owned());
    }
    Ok(Box::new(Pulse::open(&addresses)?))
}

#[cfg(not(all(feature = "playback", unix)))]
fn pulse(_forced: bool) -> Result<Box<dyn Sink>, String> {
    Err("built without sound servers".to_owned())
}

impl Ladder {
    /// Opens the first sink that the wish leaves and that can play.
    ///
    /// ALSA may write to file descriptor 2 while this runs: a program that owns the screen points it elsewhere before.
    pub fn open(wish: &Wish) -> Ladder {
        match wish {
            Wish::None => Ladder::of(Vec::new(), "--silent"),
            _ => Ladder::of(rungs(wish), "no sink"),
        }
    }

    /// As [`Ladder::open`], for who sits at this machine and is a companion: with `auto`, its own sounds servers and devices.
    pub fn here(wish: &Wish) -> Ladder {
        let mut rungs = rungs(wish);
        rungs.retain(|rung| *wish != Wish::Auto || ["pulse", "device"].contains(&rung.name));
        Ladder::of(rungs, "no sink")
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
        // What is wrong with the laptop says more than why nothing below it could take its place.
        let lost = self.passed.iter().find(|passed| passed.name == COMPANION && passed.reason != NO_COMPANION);
        if let Some(told) = lost.or(self.passed.last()) {
            self.sink = Box::new(Silent::new(&told.reason));
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
        for at in 0..self.rungs.len().min(self.at + 1) {
            let better = if at == self.at { self.rungs[at].has_newer() } else { self.rungs[at].is_back() };
            // The sink before falls silent when it is dropped.
            if better && self.try_rung(at) {
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

    fn is_sending(&self) -> bool {
        self.sink.is_sending()
    }

    fn rest(&mut self) {
        self.sink.rest();
    }

    fn fall(&mut self, reason: &str) -> bool {
        if let Some(rung) = self.rungs.get_mut(self.at) {
            rung.failed = Some(Instant::now());
            let (name, newer) = (rung.name, rung.has_newer());
            self.passed.retain(|passed| passed.name != name);
            self.passed.push(Passed { name, reason: reason.to_owned() });
            self.climb_from(if newer { self.at } else { self.at + 1 });
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
    fn ladder(can: &Rc<RefCell<Vec<&'static str>>>, again: Again) -> (Ladder, Rc<RefCell<Vec<&'static str>>>) {
        let log = Rc::new(RefCell::new(Vec::new()));
        let rung = |name: &'static str| {
            let (can, log) = (Rc::clone(can), Rc::clone(&log));
            let open = move || match can.borrow().contains(&name) {
                true => Ok(Box::new(Named(name, Rc::clone(&log))) as Box<dyn Sink>),
                false => Err(format!("no {name} here")),
            };
            Rung::new(name, open, move |_| again)
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
        let (ladder, _) = ladder(&can, Again::No);
        assert_eq!(name(&ladder), "middle");
        assert_eq!(ladder.passed(), [Passed { name: "high", reason: "no high here".to_owned() }]);
    }

    #[test]
    fn a_lost_sink_gives_way_to_the_next_and_at_last_to_silence() {
        let can = Rc::new(RefCell::new(vec!["high", "low"]));
        let (mut ladder, log) = ladder(&can, Again::No);
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
        let (mut ladder, log) = ladder(&can, Again::Later);
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
    fn a_newer_one_of_the_same_kind_is_taken_at_once() {
        let can = Rc::new(RefCell::new(vec!["high"]));
        let (mut ladder, log) = ladder(&can, Again::Now);
        ladder.ahead(&[sound()]);
        ladder.start(&sound(), 0.0, Tuning::default());
        assert_eq!(*log.borrow(), ["ahead", "ahead", "high"], "opened anew before it plays");
        assert!(ladder.fall("laptop closed"));
        assert_eq!((name(&ladder), ladder.passed()), ("high".to_owned(), [].as_slice()));
    }

    #[test]
    fn a_wish_is_written_as_it_is_read() {
        for text in ["auto", "companion", "pulse", "device", "browser", "browser:8017", "file:a:b.wav", "none"] {
            assert_eq!(text.parse::<Wish>().map(|wish| wish.to_string()), Ok(text.to_owned()));
        }
        for text in ["", "Device", "browser:", "browser:70000", "file:", "loud"] {
            assert!(text.parse::<Wish>().is_err(), "{text}");
        }
        assert_eq!(rungs(&Wish::Browser(None)).iter().map(Rung::name).collect::<Vec<_>>(), ["browser"]);
        assert_eq!(rungs(&Wish::Auto).len(), 4);
        assert_eq!(name(&Ladder::open(&Wish::None)), "--silent");
    }
}
