//! Playback: a thread that owns the sink, and a handle whose commands never wait for it.
//!
//! The state the handle shows follows each command at once (the screen draws what was asked for), and is corrected by
//! the thread as the sound moves on. Deliberately absent: mixing, playlists (one sound at a time), auto-play.

use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::mpsc::{Receiver, RecvTimeoutError, Sender, channel};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use super::Sound;
use super::silent::Silent;
use super::sink::{Progress, Sink, SinkName, Tuning, open_default};
use crate::job::panic_text;

/// How often the thread looks at a playing sink. It sleeps without limit while nothing plays.
const LOOK: Duration = Duration::from_millis(15);

/// What is played and how: a value to draw.
#[derive(Debug, Clone, PartialEq)]
pub struct Playback {
    /// Number of the `play` that brought the sound, counted from 1; 0 before the first and after `stop`.
    pub take: u64,
    /// Whether the sound is running: while it is, draw again every few milliseconds.
    pub playing: bool,
    /// Seconds into the sound; what is heard lags behind by the device's buffer, some 50 ms.
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
    /// Where the sound goes.
    pub sink: SinkName,
}

/// What the playback thread tells on its own account.
#[derive(Debug, Clone, PartialEq)]
pub enum PlaybackNews {
    /// The sink was opened, or was lost and replaced by silence.
    Sink(SinkName),
    /// The sound of this take came to its end (not told while looping, nor for a sound that was stopped).
    Finished(u64),
}

/// Handle to the playback thread; dropping it ends the thread and the sound without waiting.
#[derive(Debug)]
pub struct Player {
    commands: Sender<Command>,
    shared: Arc<Mutex<Shared>>,
}

#[derive(Debug)]
enum Command {
    Play(u64, Arc<Sound>, f64, f32),
    Pause,
    Resume,
    Seek(f64),
    Speed(f32),
    Volume(f32),
    Gain(f32),
    Loop(bool),
    Stop,
}

/// What handle and thread both see.
#[derive(Debug)]
struct Shared {
    playback: Playback,
    /// Takes given out.
    takes: u64,
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
        let shared = Arc::new(Mutex::new(Shared { playback: Playback::default(), takes: 0, pending: 0 }));
        let seen = Arc::clone(&shared);
        std::thread::Builder::new().name("playback".into()).spawn(move || {
            let (playback, news) = (Playback::default(), Vec::new());
            run(Deck { playback, sound: None, sink: None, open: Some(open), news }, &inbox, &seen, notify);
        })?;
        Ok(Player { commands, shared })
    }

    /// The state to draw. Cheap; never waits for the device.
    pub fn state(&self) -> Playback {
        lock(&self.shared).playback.clone()
    }

    /// Plays `sound` from `from` seconds with its samples times `gain`, instead of what played before. Returns the number of this
    /// take.
    pub fn play(&self, sound: Arc<Sound>, from: f64, gain: f32) -> u64 {
        let mut shared = lock(&self.shared);
        shared.takes += 1;
        let take = shared.takes;
        self.send(&mut shared, Command::Play(take, sound, from, gain));
        take
    }

    /// Holds the sound where it is.
    pub fn pause(&self) {
        self.send(&mut lock(&self.shared), Command::Pause);
    }

    /// Goes on from where the sound was held; from its beginning if it had ended.
    pub fn resume(&self) {
        self.send(&mut lock(&self.shared), Command::Resume);
    }

    /// Pauses what plays, resumes what does not.
    pub fn toggle(&self) {
        let mut shared = lock(&self.shared);
        let command = if shared.playback.playing { Command::Pause } else { Command::Resume };
        self.send(&mut shared, command);
    }

    /// Plays the sound from its beginning.
    pub fn replay(&self) {
        let mut shared = lock(&self.shared);
        self.send(&mut shared, Command::Seek(0.0));
        self.send(&mut shared, Command::Resume);
    }

    /// Moves by `delta` seconds, within the sound; playing or paused as before.
    pub fn seek(&self, delta: f64) {
        let mut shared = lock(&self.shared);
        let to = shared.playback.position + delta;
        self.send(&mut shared, Command::Seek(to));
    }

    /// Seconds of sound per second, held to 0.5..=2; the pitch moves along.
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

    /// Whether the sound starts again at its end.
    pub fn set_looping(&self, looping: bool) {
        self.send(&mut lock(&self.shared), Command::Loop(looping));
    }

    /// Falls silent and forgets the sound.
    pub fn stop(&self) {
        self.send(&mut lock(&self.shared), Command::Stop);
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
            sink: SinkName::Unopened,
        }
    }
}

impl Playback {
    /// How much louder than on disk it is played, in dB; at most 100 dB softer.
    pub fn decibels(&self) -> f64 {
        20.0 * f64::from(self.volume * self.gain).max(1e-5).log10()
    }

    fn tuning(&self) -> Tuning {
        Tuning { speed: self.speed, volume: self.volume * self.gain }
    }

    /// What a command asks for, on paper: the one rule for the handle's view and the thread's.
    fn follow(&mut self, command: &Command) {
        match command {
            Command::Play(take, sound, from, gain) => {
                (self.take, self.gain) = (*take, *gain);
                self.seconds = sound.seconds();
                self.playing = true;
                self.move_to(*from);
            }
            Command::Pause => self.playing = false,
            Command::Resume => {
                self.playing = self.take != 0;
                if self.position >= self.seconds {
                    self.position = 0.0;
                }
            }
            Command::Seek(to) => self.move_to(*to),
            Command::Speed(speed) => self.speed = *speed,
            Command::Volume(volume) => self.volume = *volume,
            Command::Gain(gain) => self.gain = *gain,
            Command::Loop(looping) => self.looping = *looping,
            Command::Stop => {
                (self.take, self.playing) = (0, false);
                (self.position, self.seconds) = (0.0, 0.0);
            }
        }
    }

    fn move_to(&mut self, to: f64) {
        // `max` first: it turns a NaN into 0.
        self.position = to.max(0.0).min(self.seconds);
    }
}

/// The thread's side: the sink, the sound and what should be heard of it.
struct Deck<O> {
    playback: Playback,
    sound: Option<Arc<Sound>>,
    sink: Option<Box<dyn Sink>>,
    open: Option<O>,
    /// Told once the state that goes with it can be seen.
    news: Vec<PlaybackNews>,
}

impl<O: FnOnce() -> Box<dyn Sink>> Deck<O> {
    fn obey(&mut self, command: Command) {
        self.look();
        self.playback.follow(&command);
        match command {
            Command::Play(_, sound, ..) => {
                self.sound = Some(sound);
                self.start();
            }
            Command::Resume | Command::Seek(_) => self.start(),
            Command::Speed(_) | Command::Volume(_) | Command::Gain(_) => {
                let tuning = self.playback.tuning();
                self.on_sink(|sink| sink.tune(tuning));
            }
            Command::Pause => self.on_sink(|sink| sink.stop()),
            Command::Stop => {
                self.sound = None;
                self.on_sink(|sink| sink.stop());
            }
            Command::Loop(_) => {}
        }
    }

    /// Brings the state up to the sink's.
    fn look(&mut self) {
        if !self.playback.playing {
            return;
        }
        match self.sink.as_ref().map(|sink| sink.progress()) {
            Some(Progress::At(position)) => self.playback.move_to(position),
            Some(Progress::Finished) if self.playback.looping && self.playback.seconds > 0.0 => {
                self.playback.position = 0.0;
                self.start();
            }
            Some(Progress::Finished) => {
                self.on_sink(|sink| sink.stop());
                self.playback.playing = false;
                self.playback.position = self.playback.seconds;
                self.news.push(PlaybackNews::Finished(self.playback.take));
            }
            Some(Progress::Lost(reason)) => {
                self.use_sink(Box::new(Silent::new(&reason)));
                self.start();
            }
            None => {}
        }
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
    }

    fn use_sink(&mut self, sink: Box<dyn Sink>) {
        self.playback.sink = sink.name();
        self.sink = Some(sink);
        self.news.push(PlaybackNews::Sink(self.playback.sink.clone()));
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
    shared: &Mutex<Shared>,
    notify: impl Fn(PlaybackNews),
) {
    loop {
        let wait = if deck.playback.playing { LOOK } else { Duration::MAX };
        let obeyed = match inbox.recv_timeout(wait) {
            Ok(command) => {
                deck.obey(command);
                1
            }
            Err(RecvTimeoutError::Timeout) => {
                deck.look();
                0
            }
            Err(RecvTimeoutError::Disconnected) => return,
        };
        lock(shared).publish(&deck.playback, obeyed);
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
fn lock(shared: &Mutex<Shared>) -> MutexGuard<'_, Shared> {
    shared.lock().unwrap_or_else(PoisonError::into_inner)
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::cell::{Cell, RefCell};
    use std::rc::Rc;

    /// A sink that writes down what it is told and stands where the test puts it.
    #[derive(Default)]
    struct Script {
        log: RefCell<Vec<String>>,
        at: Cell<f64>,
        lost: Cell<bool>,
    }

    struct Fake(Rc<Script>);

    impl Sink for Fake {
        fn name(&self) -> SinkName {
            SinkName::Device
        }
        fn start(&mut self, sound: &Arc<Sound>, from: f64, tuning: Tuning) {
            self.0.at.set(from);
            let seconds = sound.seconds();
            self.0.log.borrow_mut().push(format!("start {seconds}s at {from} x{} v{}", tuning.speed, tuning.volume));
        }
        fn tune(&mut self, tuning: Tuning) {
            self.0.log.borrow_mut().push(format!("tune x{} v{}", tuning.speed, tuning.volume));
        }
        fn stop(&mut self) {
            self.0.log.borrow_mut().push("stop".into());
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
        let open = Some(move || Box::new(sink) as Box<dyn Sink>);
        (Deck { playback: Playback::default(), sound: None, sink: None, open, news: Vec::new() }, script)
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
        deck.obey(Command::Play(1, two_seconds(), 0.25, 2.0));
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
        deck.obey(Command::Play(1, two_seconds(), 0.0, 4.0));
        deck.obey(Command::Gain(1.0));
        assert_eq!(*script.log.borrow(), ["start 2s at 0 x1 v2", "tune x1 v0.5"]);
        assert!((deck.playback.decibels() + 6.02).abs() < 0.01);
        deck.obey(Command::Volume(0.0));
        assert_eq!(deck.playback.decibels(), -100.0, "silence is a number, too");
    }

    #[test]
    fn the_end_is_told_once_and_resume_begins_again() {
        let (mut deck, script) = deck();
        deck.obey(Command::Play(7, two_seconds(), 0.0, 1.0));
        script.at.set(2.0);
        deck.look();
        deck.look();
        assert_eq!((deck.playback.playing, deck.playback.position), (false, 2.0));
        assert_eq!(deck.news[1..], [PlaybackNews::Finished(7)]);
        deck.obey(Command::Resume);
        assert_eq!(script.log.borrow().last().unwrap(), "start 2s at 0 x1 v1");
    }

    #[test]
    fn a_loop_starts_again_and_never_finishes() {
        let (mut deck, script) = deck();
        deck.obey(Command::Play(1, two_seconds(), 1.5, 1.0));
        deck.obey(Command::Loop(true));
        for _ in 0..3 {
            script.at.set(2.0);
            deck.look();
            assert_eq!((deck.playback.playing, deck.playback.position), (true, 0.0));
        }
        assert_eq!(script.log.borrow().len(), 4);
        assert_eq!(deck.news.len(), 1, "{:?}", deck.news);
    }

    #[test]
    fn a_lost_device_gives_way_to_silence_at_the_same_place() {
        let (mut deck, script) = deck();
        deck.obey(Command::Play(1, two_seconds(), 0.5, 1.0));
        script.lost.set(true);
        deck.look();
        assert_eq!(deck.playback.sink, SinkName::Silent("unplugged".into()));
        assert_eq!((deck.playback.playing, deck.playback.position), (true, 0.5));
        assert_eq!(deck.news.last(), Some(&PlaybackNews::Sink(SinkName::Silent("unplugged".into()))));
    }

    #[test]
    fn a_device_that_panics_on_opening_gives_way_to_silence() {
        let open = || -> Box<dyn Sink> { panic!("driver bug") };
        let mut deck =
            Deck { playback: Playback::default(), sound: None, sink: None, open: Some(open), news: Vec::new() };
        deck.obey(Command::Play(1, two_seconds(), 0.0, 1.0));
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
}
