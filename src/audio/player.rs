//! Playback: a thread that owns the sink, and a handle whose commands never wait for it.
//!
//! The state the handle shows follows each command at once (the screen draws what was asked for), and is corrected by
//! the thread as the sound moves on. Deliberately absent: mixing, playlists (one sound at a time), auto-play.

use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::mpsc::{Receiver, RecvTimeoutError, Sender, channel};
use std::sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use super::Sound;
use super::silent::Silent;
use super::sink::{Progress, Sink, SinkName, Tuning, open_default};
use crate::job::panic_text;

/// The shortest region, in seconds: what is shorter is a slip of the hand, and buzzes in a loop.
const SHORTEST: f64 = 0.02;
/// How often the thread looks at a playing sink. It sleeps without limit while nothing plays.
const LOOK: Duration = Duration::from_millis(8);
/// After so long without a sound the sink may rest.
const REST: Duration = Duration::from_secs(3);

/// What is played and how: a value to draw.
#[derive(Debug, Clone, PartialEq)]
pub struct Playback {
    /// Number of the `play` that brought the sound, counted from 1; 0 before the first and after `stop`.
    pub take: u64,
    /// Whether the sound is running: while it is, draw again every few milliseconds.
    pub playing: bool,
    /// Seconds into the sound: of what is heard now, not of what was handed to the device.
    pub position: f64,
    /// Duration of the sound.
    pub seconds: f64,
    /// Seconds of sound per second, 0.5 to 2.
    pub speed: f32,
    /// 0 to 1.
    pub volume: f32,
    /// Factor on the samples beside the volume: what makes this sound as loud as others; at most what its peak allows.
    pub gain: f32,
    /// Whether the sound starts again at its end.
    pub looping: bool,
    /// From and to, in seconds, of the part that is played alone, until another sound is played.
    pub region: Option<(f64, f64)>,
    /// Where the sound goes.
    pub sink: SinkName,
    /// Whether sounds to come are on their way through a line that the picture takes, too.
    pub sending: bool,
}

/// What the playback thread tells on its own account.
#[derive(Debug, Clone, PartialEq)]
pub enum PlaybackNews {
    /// The sink was opened, or another one took its place.
    Sink(SinkName),
    /// The sound of this take came to its end (not told while looping, nor for a sound that was stopped).
    Finished(u64),
}

/// Handle to the playback thread; dropping it ends the thread and the sound without waiting.
#[derive(Debug)]
pub struct Player {
    commands: Sender<Command>,
    shared: Arc<Table>,
}

#[derive(Debug)]
enum Command {
    Play(Take),
    Pause,
    Resume,
    Seek(f64),
    Speed(f32),
    Volume(f32),
    Gain(f32),
    Loop(bool),
    Region(Option<(f64, f64)>),
    Ahead(Vec<Arc<Sound>>),
    Stop,
}

/// A sound to be played.
#[derive(Debug)]
struct Take {
    number: u64,
    sound: Arc<Sound>,
    from: f64,
    gain: f32,
    /// The sound is the one of the take before: its region stays.
    again: bool,
}

/// What handle and thread both see, and a word when commands were obeyed.
#[derive(Debug)]
struct Table {
    shared: Mutex<Shared>,
    obeyed: Condvar,
}

#[derive(Debug)]
struct Shared {
    playback: Playback,
    /// Takes given out.
    takes: u64,
    /// The sound of the take given out last, until it is stopped.
    sound: Option<Arc<Sound>>,
    /// Commands sent and not yet obeyed: until there are none, the thread's view is out of date and is not shown.
    pending: usize,
}

impl Player {
    /// Starts the thread with [`open_default`] as its sink. `notify` runs on the playback thread and must be quick.
    ///
    /// # Errors
    /// When the operating system gives no thread.
    pub fn start(notify: impl Fn(PlaybackNews) + Send + 'static) -> std::io::Result<Player> {
        Player::new(open_default, notify)
    }

    /// Starts the thread with a sink that `open` makes: called once, on that thread, at the first `play`.
    ///
    /// # Errors
    /// When the operating system gives no thread.
    pub fn new(
        open: impl FnOnce() -> Box<dyn Sink> + Send + 'static,
        notify: impl Fn(PlaybackNews) + Send + 'static,
    ) -> std::io::Result<Player> {
        let (commands, inbox) = channel();
        let shared = Shared { playback: Playback::default(), takes: 0, sound: None, pending: 0 };
        let shared = Arc::new(Table { shared: Mutex::new(shared), obeyed: Condvar::new() });
        let seen = Arc::clone(&shared);
        std::thread::Builder::new().name("playback".into()).spawn(move || {
            run(Deck::new(open), &inbox, &seen, notify);
        })?;
        Ok(Player { commands, shared })
    }

    /// The state to draw. Cheap; never waits for the device.
    pub fn state(&self) -> Playback {
        lock(&self.shared).playback.clone()
    }

    /// Where sound goes through the same line as the picture, waits until all commands are obeyed, for `most` at most: so an order
    /// to play is on its way before the picture that it causes.
    pub fn go_first(&self, most: Duration) {
        let shared = lock(&self.shared);
        if matches!(shared.playback.sink, SinkName::Companion(_)) {
            drop(self.shared.obeyed.wait_timeout_while(shared, most, |shared| shared.pending > 0));
        }
    }

    /// Plays `sound` from `from` seconds with its samples times `gain`, instead of what played before; a region is kept if it
    /// is the same sound again, and `from` then moves into it. Returns the number of this take.
    pub fn play(&self, sound: Arc<Sound>, from: f64, gain: f32) -> u64 {
        let mut shared = lock(&self.shared);
        shared.takes += 1;
        let number = shared.takes;
        let before = shared.sound.replace(Arc::clone(&sound));
        let again = before.is_some_and(|before| Arc::ptr_eq(&before, &sound));
        self.send(&mut shared, Command::Play(Take { number, sound, from, gain, again }));
        number
    }

    /// Holds the sound where it is.
    pub fn pause(&self) {
        self.send(&mut lock(&self.shared), Command::Pause);
    }

    /// Goes on from where the sound was held; from its beginning, or its region's, if it had ended.
    pub fn resume(&self) {
        self.send(&mut lock(&self.shared), Command::Resume);
    }

    /// Pauses what plays, resumes what does not.
    pub fn toggle(&self) {
        let mut shared = lock(&self.shared);
        let command = if shared.playback.playing { Command::Pause } else { Command::Resume };
        self.send(&mut shared, command);
    }

    /// Plays the sound, or its region, from the beginning.
    pub fn replay(&self) {
        let mut shared = lock(&self.shared);
        self.send(&mut shared, Command::Seek(0.0));
        self.send(&mut shared, Command::Resume);
    }

    /// Moves by `delta` seconds, within the sound or its region; playing or paused as before.
    pub fn seek(&self, delta: f64) {
        let mut shared = lock(&self.shared);
        let to = shared.playback.position + delta;
        self.send(&mut shared, Command::Seek(to));
    }

    /// Moves to `to` seconds, within the sound or its region; playing or paused as before.
    pub fn seek_to(&self, to: f64) {
        self.send(&mut lock(&self.shared), Command::Seek(to));
    }

    /// Seconds of sound per second, held to 0.5..=2.
    pub fn set_speed(&self, speed: f32) {
        self.send(&mut lock(&self.shared), Command::Speed(held(speed, 0.5, 2.0)));
    }

    /// Factor on the samples, held to 0..=1.
    pub fn set_volume(&self, volume: f32) {
        self.send(&mut lock(&self.shared), Command::Volume(held(volume, 0.0, 1.0)));
    }

    /// Another gain for the sound that was started last.
    pub fn set_gain(&self, gain: f32) {
        self.send(&mut lock(&self.shared), Command::Gain(gain));
    }

    /// Whether the sound, or its region, starts again at its end.
    pub fn set_looping(&self, looping: bool) {
        self.send(&mut lock(&self.shared), Command::Loop(looping));
    }

    /// Plays a part of the sound alone, from and to in seconds, in any order; `None`, or a part shorter than 20 ms: all of it.
    pub fn set_region(&self, region: Option<(f64, f64)>) {
        self.send(&mut lock(&self.shared), Command::Region(region));
    }

    /// What will probably be played next, soonest first: a sink at the other end of a wire sends it ahead.
    pub fn ahead(&self, sounds: Vec<Arc<Sound>>) {
        self.send(&mut lock(&self.shared), Command::Ahead(sounds));
    }

    /// Falls silent and forgets the sound.
    pub fn stop(&self) {
        let mut shared = lock(&self.shared);
        shared.sound = None;
        self.send(&mut shared, Command::Stop);
    }

    fn send(&self, shared: &mut Shared, command: Command) {
        shared.playback.follow(&command);
        shared.pending += 1;
        // The thread lives as long as this sender; if it died, the state shown is all that is left to do.
        let _ = self.commands.send(command);
    }
}

impl Default for Playback {
    fn default() -> Playback {
        Playback {
            take: 0,
            playing: false,
            position: 0.0,
            seconds: 0.0,
            speed: 1.0,
            volume: 1.0,
            gain: 1.0,
            looping: false,
            region: None,
            sink: SinkName::Unopened,
            sending: false,
        }
    }
}

impl Playback {
    /// How much louder than on disk it is played, in dB; at most 100 dB softer.
    pub fn decibels(&self) -> f64 {
        20.0 * f64::from(self.volume * self.gain).max(1e-5).log10()
    }

    /// From and to, in seconds, of what is played: the region, or all of the sound.
    pub fn bounds(&self) -> (f64, f64) {
        self.tuning().bounds(self.seconds)
    }

    fn tuning(&self) -> Tuning {
        let Playback { speed, looping, region, .. } = *self;
        Tuning { speed, volume: self.volume * self.gain, looping, region }
    }

    /// What a command asks for, on paper: the one rule for the handle's view and the thread's.
    fn follow(&mut self, command: &Command) {
        match command {
            Command::Play(take) => {
                (self.take, self.gain) = (take.number, take.gain);
                self.seconds = take.sound.seconds();
                self.region = self.region.filter(|_| take.again);
                self.playing = true;
                self.move_to(take.from);
                self.turn_back();
            }
            Command::Pause => self.playing = false,
            Command::Resume => {
                self.playing = self.take != 0;
                self.turn_back();
            }
            Command::Seek(to) => self.move_to(*to),
            Command::Speed(speed) => self.speed = *speed,
            Command::Volume(volume) => self.volume = *volume,
            Command::Gain(gain) => self.gain = *gain,
            Command::Loop(looping) => self.looping = *looping,
            Command::Region(region) => self.confine(*region),
            Command::Ahead(_) => {}
            Command::Stop => {
                (self.take, self.playing, self.region) = (0, false, None);
                (self.position, self.seconds) = (0.0, 0.0);
            }
        }
    }

    fn move_to(&mut self, to: f64) {
        let (start, end) = self.bounds();
        // `max` first: it turns a NaN into the start.
        self.position = to.max(start).min(end);
    }

    /// What plays on from the end plays from the start.
    fn turn_back(&mut self) {
        let (start, end) = self.bounds();
        if self.position >= end {
            self.position = start;
        }
    }

    fn confine(&mut self, region: Option<(f64, f64)>) {
        let seconds = self.seconds;
        let ordered = region.map(|(one, other)| (one.min(other).max(0.0), one.max(other).min(seconds)));
        self.region = ordered.filter(|(from, to)| to - from >= SHORTEST);
        let (start, end) = self.bounds();
        if !(start..=end).contains(&self.position) {
            self.position = start;
        }
    }
}

/// The thread's side: the sink, the sound and what should be heard of it.
struct Deck<O> {
    playback: Playback,
    sound: Option<Arc<Sound>>,
    sink: Option<Box<dyn Sink>>,
    open: Option<O>,
    /// What will probably be played next, for a sink that is opened later.
    ahead: Vec<Arc<Sound>>,
    /// Told once the state that goes with it can be seen.
    news: Vec<PlaybackNews>,
}

impl<O: FnOnce() -> Box<dyn Sink>> Deck<O> {
    fn new(open: O) -> Deck<O> {
        let (playback, ahead, news) = (Playback::default(), Vec::new(), Vec::new());
        Deck { playback, sound: None, sink: None, open: Some(open), ahead, news }
    }

    fn obey(&mut self, command: Command) {
        self.look();
        let before = self.playback.position;
        self.playback.follow(&command);
        match command {
            Command::Play(take) => {
                self.sound = Some(take.sound);
                self.start();
            }
            Command::Resume | Command::Seek(_) => self.start(),
            Command::Region(_) if self.playback.position != before => self.start(),
            Command::Speed(_) | Command::Volume(_) | Command::Gain(_) | Command::Loop(_) | Command::Region(_) => {
                let tuning = self.playback.tuning();
                self.on_sink(|sink| sink.tune(tuning));
            }
            Command::Ahead(sounds) => {
                self.on_sink(|sink| sink.ahead(&sounds));
                self.ahead = sounds;
            }
            Command::Pause => self.on_sink(|sink| sink.stop()),
            Command::Stop => {
                self.sound = None;
                self.on_sink(|sink| sink.stop());
            }
        }
    }

    /// Brings the state up to the sink's.
    fn look(&mut self) {
        if !self.playback.playing {
            return;
        }
        self.playback.sending = self.sink.as_ref().is_some_and(|sink| sink.is_sending());
        match self.sink.as_ref().map(|sink| sink.progress()) {
            Some(Progress::At(position)) => self.playback.move_to(position),
            Some(Progress::Finished) => {
                self.on_sink(|sink| sink.stop());
                self.playback.playing = false;
                self.playback.position = self.playback.bounds().1;
                self.news.push(PlaybackNews::Finished(self.playback.take));
            }
            Some(Progress::Lost(reason)) => {
                if !self.sink.as_mut().is_some_and(|sink| sink.fall(&reason)) {
                    self.use_sink(Box::new(Silent::new(&reason)));
                }
                self.start();
            }
            None => {}
        }
        self.call_by_name();
    }

    /// Lets the sink play from the present position, if anything should be heard at all.
    fn start(&mut self) {
        let Some(sound) = self.sound.clone().filter(|_| self.playback.playing) else { return };
        if let Some(open) = self.open.take() {
            let sink = catch_unwind(AssertUnwindSafe(open))
                .unwrap_or_else(|panic| Box::new(Silent::new(&format!("sound failed: {}", panic_text(&*panic)))));
            self.use_sink(sink);
        }
        let (from, tuning) = (self.playback.position, self.playback.tuning());
        self.on_sink(|sink| sink.start(&sound, from, tuning));
        self.call_by_name();
    }

    /// A sink may become another one, or lose its listener.
    fn call_by_name(&mut self) {
        if let Some(name) = self.sink.as_ref().map(|sink| sink.name()).filter(|name| *name != self.playback.sink) {
            self.playback.sink = name.clone();
            self.news.push(PlaybackNews::Sink(name));
        }
    }

    fn use_sink(&mut self, mut sink: Box<dyn Sink>) {
        sink.ahead(&self.ahead);
        self.sink = Some(sink);
        self.call_by_name();
    }

    fn on_sink(&mut self, act: impl FnOnce(&mut dyn Sink)) {
        if let Some(sink) = &mut self.sink {
            act(sink.as_mut());
        }
    }
}

/// Obeys commands until the handle is dropped; looks at the sink now and then while it plays.
fn run<O: FnOnce() -> Box<dyn Sink>>(
    mut deck: Deck<O>,
    inbox: &Receiver<Command>,
    table: &Table,
    notify: impl Fn(PlaybackNews),
) {
    let mut awake = false;
    loop {
        let wait = match (deck.playback.playing, awake) {
            (true, _) => LOOK,
            (false, true) => REST,
            (false, false) => Duration::MAX,
        };
        awake = true;
        let obeyed = match inbox.recv_timeout(wait) {
            Ok(command) => {
                deck.obey(command);
                1
            }
            Err(RecvTimeoutError::Timeout) => {
                if !deck.playback.playing {
                    deck.on_sink(|sink| sink.rest());
                    awake = false;
                }
                deck.look();
                0
            }
            Err(RecvTimeoutError::Disconnected) => return,
        };
        lock(table).publish(&deck.playback, obeyed);
        table.obeyed.notify_all();
        deck.news.drain(..).for_each(&notify);
    }
}

impl Shared {
    fn publish(&mut self, playback: &Playback, obeyed: usize) {
        self.pending -= obeyed;
        if self.pending == 0 {
            self.playback = playback.clone();
        } else {
            self.playback.sink = playback.sink.clone();
        }
    }
}

fn held(value: f32, low: f32, high: f32) -> f32 {
    // Not `clamp`: NaN must not pass.
    value.max(low).min(high)
}

/// A panic while the lock was held leaves plain values that are still fit to draw.
fn lock(table: &Table) -> MutexGuard<'_, Shared> {
    table.shared.lock().unwrap_or_else(PoisonError::into_inner)
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::cell::{Cell, RefCell};
    use std::rc::Rc;
    use std::sync::atomic::{AtomicUsize, Ordering};

    /// A sink that writes down what it is told and stands where the test puts it.
    #[derive(Default)]
    struct Script {
        log: RefCell<Vec<String>>,
        at: Cell<f64>,
        lost: Cell<bool>,
    }

    struct Fake(Rc<Script>);

    impl Script {
        fn write(&self, line: String) {
            self.log.borrow_mut().push(line);
        }
    }

    fn said(tuning: Tuning) -> String {
        let looping = if tuning.looping { " loop" } else { "" };
        let region = tuning.region.map_or(String::new(), |(from, to)| format!(" in {from}..{to}"));
        format!("x{} v{}{looping}{region}", tuning.speed, tuning.volume)
    }

    fn play(number: u64, from: f64, gain: f32) -> Command {
        Command::Play(Take { number, sound: two_seconds(), from, gain, again: false })
    }

    impl Sink for Fake {
        fn name(&self) -> SinkName {
            SinkName::Device
        }
        fn start(&mut self, sound: &Arc<Sound>, from: f64, tuning: Tuning) {
            self.0.at.set(from);
            self.0.write(format!("start {}s at {from} {}", sound.seconds(), said(tuning)));
        }
        fn tune(&mut self, tuning: Tuning) {
            self.0.write(format!("tune {}", said(tuning)));
        }
        fn ahead(&mut self, sounds: &[Arc<Sound>]) {
            if !sounds.is_empty() {
                self.0.write(format!("{} ahead", sounds.len()));
            }
        }
        fn stop(&mut self) {
            self.0.write("stop".into());
        }
        fn progress(&self) -> Progress {
            match self.0.at.get() {
                _ if self.0.lost.get() => Progress::Lost("unplugged".into()),
                at if at < 2.0 => Progress::At(at),
                _ => Progress::Finished,
            }
        }
    }

    fn deck() -> (Deck<impl FnOnce() -> Box<dyn Sink>>, Rc<Script>) {
        let script = Rc::new(Script::default());
        let sink = Fake(Rc::clone(&script));
        (Deck::new(move || Box::new(sink) as Box<dyn Sink>), script)
    }

    fn two_seconds() -> Arc<Sound> {
        Arc::new(Sound { samples: vec![0.0; 200], channels: 1, rate: 100 })
    }

    #[test]
    fn pause_seek_and_resume_start_the_sink_where_the_cursor_stands() {
        let (mut deck, script) = deck();
        deck.obey(Command::Speed(1.5));
        deck.obey(Command::Volume(0.25));
        assert_eq!(deck.playback.sink, SinkName::Unopened, "only a sound opens the device");
        deck.obey(play(1, 0.25, 2.0));
        script.at.set(0.75);
        deck.obey(Command::Pause);
        assert_eq!((deck.playback.playing, deck.playback.position), (false, 0.75));
        deck.obey(Command::Seek(9.0));
        assert_eq!(deck.playback.position, 2.0);
        deck.obey(Command::Seek(-1.0));
        deck.obey(Command::Seek(1.0));
        deck.obey(Command::Resume);
        deck.obey(Command::Seek(0.5));
        deck.obey(Command::Stop);
        assert_eq!(
            *script.log.borrow(),
            ["start 2s at 0.25 x1.5 v0.5", "stop", "start 2s at 1 x1.5 v0.5", "start 2s at 0.5 x1.5 v0.5", "stop",]
        );
        assert_eq!(deck.news, [PlaybackNews::Sink(SinkName::Device)]);
        assert_eq!((deck.playback.take, deck.playback.seconds), (0, 0.0));
    }

    #[test]
    fn gain_and_volume_go_to_the_sink_as_one_factor() {
        let (mut deck, script) = deck();
        deck.obey(Command::Volume(0.5));
        deck.obey(play(1, 0.0, 4.0));
        deck.obey(Command::Gain(1.0));
        assert_eq!(*script.log.borrow(), ["start 2s at 0 x1 v2", "tune x1 v0.5"]);
        assert!((deck.playback.decibels() + 6.02).abs() < 0.01);
        deck.obey(Command::Volume(0.0));
        assert_eq!(deck.playback.decibels(), -100.0, "silence is a number, too");
    }

    #[test]
    fn the_end_is_told_once_and_resume_begins_again() {
        let (mut deck, script) = deck();
        deck.obey(play(7, 0.0, 1.0));
        script.at.set(2.0);
        deck.look();
        deck.look();
        assert_eq!((deck.playback.playing, deck.playback.position), (false, 2.0));
        assert_eq!(deck.news[1..], [PlaybackNews::Finished(7)]);
        deck.obey(Command::Resume);
        assert_eq!(script.log.borrow().last().unwrap(), "start 2s at 0 x1 v1");
    }

    #[test]
    fn a_loop_is_the_sinks_own_business() {
        let (mut deck, script) = deck();
        deck.obey(play(1, 1.5, 1.0));
        deck.obey(Command::Loop(true));
        script.at.set(0.25);
        deck.look();
        assert_eq!((deck.playback.playing, deck.playback.position), (true, 0.25));
        assert_eq!(*script.log.borrow(), ["start 2s at 1.5 x1 v1", "tune x1 v1 loop"]);
        assert_eq!(deck.news.len(), 1, "{:?}", deck.news);
    }

    #[test]
    fn a_region_holds_the_cursor_until_another_sound_is_played() {
        let (mut deck, script) = deck();
        deck.obey(play(1, 0.75, 1.0));
        deck.obey(Command::Region(Some((1.0, 0.5))));
        deck.obey(Command::Seek(9.0));
        assert_eq!((deck.playback.region, deck.playback.position), (Some((0.5, 1.0)), 1.0));
        deck.obey(Command::Region(Some((1.25, f64::INFINITY))));
        assert_eq!(deck.playback.position, 1.25, "what is outside is moved to the start");
        script.at.set(2.0);
        deck.look();
        deck.obey(Command::Resume);
        let log = [
            "start 2s at 0.75 x1 v1",
            "tune x1 v1 in 0.5..1",
            "start 2s at 1 x1 v1 in 0.5..1",
            "start 2s at 1.25 x1 v1 in 1.25..2",
            "stop",
            "start 2s at 1.25 x1 v1 in 1.25..2",
        ];
        assert_eq!(*script.log.borrow(), log);
        deck.obey(Command::Region(Some((1.0, 1.001))));
        assert_eq!(deck.playback.region, None, "too short to be meant");
        deck.obey(Command::Region(Some((1.0, 1.5))));
        deck.obey(play(2, 0.0, 1.0));
        assert_eq!((deck.playback.region, deck.playback.position), (None, 0.0));
    }

    #[test]
    fn what_is_told_ahead_waits_for_the_sink() {
        let (mut deck, script) = deck();
        deck.obey(Command::Ahead(vec![two_seconds(), two_seconds()]));
        deck.obey(play(1, 0.0, 1.0));
        deck.obey(Command::Ahead(vec![two_seconds()]));
        assert_eq!(*script.log.borrow(), ["2 ahead", "start 2s at 0 x1 v1", "1 ahead"]);
    }

    #[test]
    fn a_lost_device_gives_way_to_silence_at_the_same_place() {
        let (mut deck, script) = deck();
        deck.obey(play(1, 0.5, 1.0));
        script.lost.set(true);
        deck.look();
        assert_eq!(deck.playback.sink, SinkName::Silent("unplugged".into()));
        assert_eq!((deck.playback.playing, deck.playback.position), (true, 0.5));
        assert_eq!(deck.news.last(), Some(&PlaybackNews::Sink(SinkName::Silent("unplugged".into()))));
    }

    #[test]
    fn a_device_that_panics_on_opening_gives_way_to_silence() {
        let open = || -> Box<dyn Sink> { panic!("driver bug") };
        let mut deck = Deck::new(open);
        deck.obey(play(1, 0.0, 1.0));
        assert_eq!(deck.playback.sink, SinkName::Silent("sound failed: driver bug".into()));
        assert!(deck.playback.playing);
    }

    #[test]
    fn nothing_plays_without_a_sound() {
        let (mut deck, script) = deck();
        for command in [Command::Resume, Command::Seek(1.0), Command::Pause, Command::Loop(true), Command::Stop] {
            deck.obey(command);
        }
        deck.obey(Command::Seek(f64::NAN));
        assert_eq!(deck.playback, Playback { looping: true, ..Playback::default() });
        assert!(script.log.borrow().is_empty());
    }
    /// A sink on a laptop: `started` counts.
    struct Far(Arc<AtomicUsize>);

    impl Sink for Far {
        fn name(&self) -> SinkName {
            SinkName::Companion("laptop".into())
        }
        fn start(&mut self, _: &Arc<Sound>, _: f64, _: Tuning) {
            self.0.fetch_add(1, Ordering::SeqCst);
        }
        fn tune(&mut self, _: Tuning) {}
        fn stop(&mut self) {}
        fn progress(&self) -> Progress {
            Progress::At(0.0)
        }
    }

    #[test]
    fn an_order_for_a_laptop_goes_before_what_is_drawn_next() {
        let started = Arc::new(AtomicUsize::new(0));
        let (sink, (tell, news)) = (Far(Arc::clone(&started)), channel());
        let player = Player::new(move || Box::new(sink), move |news| tell.send(news).unwrap()).unwrap();
        player.play(two_seconds(), 0.0, 1.0);
        assert_eq!(news.recv().unwrap(), PlaybackNews::Sink(SinkName::Companion("laptop".into())));
        for takes in 2..100 {
            player.play(two_seconds(), 0.0, 1.0);
            player.go_first(Duration::from_secs(60));
            assert_eq!(started.load(Ordering::SeqCst), takes);
        }
    }
}
