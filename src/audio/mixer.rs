//! Between the playback thread and the thread of a device: orders one way, and back when which frame is heard.
//!
//! The [`Mixer`] goes to the device's thread and hands out samples: the tape that plays and those that fade out. The [`Desk`]
//! stays on the playback thread. What has been handed out is heard later, when the device has played what lay before it; so the
//! mixer writes down where in the sound each block begins, and whoever knows the device's delay says when some frame was or
//! will be heard. Deliberately absent: any device, and resampling on the device's thread.

use std::collections::VecDeque;
use std::sync::mpsc::{Receiver, Sender, SyncSender, TryRecvError, channel, sync_channel};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

use super::Sound;
use super::silent::Clock;
use super::sink::{Progress, Tuning};
use super::tape::Tape;

/// Tapes that sound at a time: one, and those that fade out within 5 ms.
const TAPES: usize = 4;
/// Blocks of 10 ms written down: 5 s, more than any device's delay.
const MARKS: usize = 512;

/// The device's side: samples on request.
pub(super) struct Mixer {
    orders: Receiver<Order>,
    tapes: Vec<Tape>,
    /// Tapes at their end go back: freeing memory is nothing for a device's thread.
    spent: SyncSender<Tape>,
    log: Arc<Mutex<Log>>,
    /// Marks not yet in the log, which the desk was just reading.
    marks: Vec<Mark>,
    /// Frames handed out.
    frames: u64,
}

/// The playback thread's side.
pub(super) struct Desk {
    orders: Sender<Order>,
    spent: Receiver<Tape>,
    log: Arc<Mutex<Log>>,
    clock: Arc<Clock>,
    rate: u32,
    channels: u16,
    take: u64,
    from: f64,
    /// The sound played last and the same at the device's rate: to play it again is no work.
    prepared: Option<(Arc<Sound>, Arc<Sound>)>,
}

enum Order {
    Play(Box<Tape>),
    Tune(Tuning),
    Stop,
}

/// What was handed out, and when it is heard.
#[derive(Debug, Default)]
struct Log {
    marks: VecDeque<Mark>,
    /// A frame handed out and when it is heard.
    anchor: Option<(u64, Duration)>,
}

/// From this frame on, a take plays from there.
#[derive(Debug, Clone, Copy)]
struct Mark {
    frame: u64,
    take: u64,
    /// Seconds into the sound, and seconds of sound per second; `None`: the sound has ended.
    at: Option<(f64, f64)>,
}

/// Says when frames are heard; may be cloned to any thread.
#[derive(Clone)]
pub(super) struct Hearing {
    log: Arc<Mutex<Log>>,
    clock: Arc<Clock>,
}

/// The two sides for a device of that rate and that many channels, by the system's clock.
pub(super) fn connect(rate: u32, channels: u16) -> (Desk, Mixer) {
    let start = Instant::now();
    connect_by(rate, channels, Arc::new(Box::new(move || start.elapsed())))
}

/// The two sides by a clock of one's own.
fn connect_by(rate: u32, channels: u16, clock: Arc<Clock>) -> (Desk, Mixer) {
    let (send, orders) = channel();
    let (spent, returned) = sync_channel(4 * TAPES);
    let log = Arc::new(Mutex::new(Log { marks: VecDeque::with_capacity(MARKS), anchor: None }));
    let (tapes, marks) = (Vec::with_capacity(TAPES), Vec::with_capacity(MARKS));
    let mixer = Mixer { orders, tapes, spent, log: Arc::clone(&log), marks, frames: 0 };
    let desk = Desk { orders: send, spent: returned, log, clock, rate, channels, take: 0, from: 0.0, prepared: None };
    (desk, mixer)
}

impl Desk {
    /// Plays `sound` instead of what played before; false if it cannot be brought to the device's rate.
    pub(super) fn start(&mut self, sound: &Arc<Sound>, from: f64, tuning: Tuning) -> bool {
        self.spent.try_iter().for_each(drop);
        let Some(sound) = self.prepare(sound) else { return false };
        self.take += 1;
        self.from = from;
        // Marks of earlier takes are of no use to anybody.
        lock(&self.log).marks.clear();
        self.send(Order::Play(Box::new(Tape::new(self.take, sound, from, tuning))));
        true
    }

    /// Changes how it plays.
    pub(super) fn tune(&mut self, tuning: Tuning) {
        self.send(Order::Tune(tuning));
    }

    /// Fades out.
    pub(super) fn stop(&mut self) {
        self.send(Order::Stop);
    }

    /// How far what is heard has come; never [`Progress::Lost`].
    pub(super) fn progress(&self) -> Progress {
        let now = (self.clock)();
        let log = lock(&self.log);
        let heard = |mark: &&Mark| mark.take == self.take && log.heard(mark.frame, self.rate) <= Some(now);
        let Some(mark) = log.marks.iter().rev().find(heard).filter(|_| log.anchor.is_some()) else {
            return Progress::At(self.from);
        };
        let since = now.saturating_sub(log.heard(mark.frame, self.rate).unwrap_or(now));
        mark.at.map_or(Progress::Finished, |(at, speed)| Progress::At(at + speed * since.as_secs_f64()))
    }

    /// Takes over from another desk what it had prepared.
    #[cfg(feature = "playback")]
    pub(super) fn inherit(&mut self, other: Desk) {
        if (self.rate, self.channels) == (other.rate, other.channels) {
            self.prepared = other.prepared;
        }
    }

    /// Who is to say when frames are heard.
    pub(super) fn hearing(&self) -> Hearing {
        Hearing { log: Arc::clone(&self.log), clock: Arc::clone(&self.clock) }
    }

    fn send(&self, order: Order) {
        // Without a mixer the device is gone, and says so by itself.
        let _ = self.orders.send(order);
    }

    /// `sound` with as many channels as can be heard, at the device's rate; `None` if it cannot be resampled.
    fn prepare(&mut self, sound: &Arc<Sound>) -> Option<Arc<Sound>> {
        if let Some((_, ready)) = self.prepared.as_ref().filter(|(last, _)| Arc::ptr_eq(last, sound)) {
            return Some(Arc::clone(ready));
        }
        let stereo = sound.channels == 2 && self.channels > 1;
        let ready = if stereo || sound.channels == 1 { (**sound).clone() } else { one_channel(sound) };
        let ready = if ready.rate == self.rate { ready } else { ready.resample(self.rate).ok()? };
        let ready = Arc::new(ready);
        self.prepared = Some((Arc::clone(sound), Arc::clone(&ready)));
        Some(ready)
    }
}

impl Mixer {
    /// Fills `out`, frames of that many channels, with what comes next: the sound on the first two channels, or on one.
    pub(super) fn render(&mut self, out: &mut [f32], channels: usize) {
        self.obey();
        for frame in out.chunks_mut(channels.max(1)) {
            let [left, right] = self.next();
            match frame {
                [one] => *one = (left + right) / 2.0,
                [first, second, others @ ..] => {
                    (*first, *second) = (left, right);
                    others.fill(0.0);
                }
                [] => {}
            }
            self.frames += 1;
        }
        self.write_down();
    }

    /// Frames handed out so far.
    pub(super) fn frames(&self) -> u64 {
        self.frames
    }

    fn obey(&mut self) {
        loop {
            match self.orders.try_recv() {
                Ok(Order::Play(tape)) => {
                    self.tapes.iter_mut().for_each(Tape::stop);
                    if self.tapes.len() == TAPES {
                        let _ = self.spent.try_send(self.tapes.remove(0));
                    }
                    self.tapes.push(*tape);
                }
                Ok(Order::Tune(tuning)) => {
                    self.tapes.iter_mut().filter(|tape| !tape.is_stopped()).for_each(|tape| tape.tune(tuning));
                }
                Ok(Order::Stop) => self.tapes.iter_mut().for_each(Tape::stop),
                Err(TryRecvError::Empty | TryRecvError::Disconnected) => return,
            }
        }
    }

    /// The sum of all tapes; those at their end go.
    fn next(&mut self) -> [f32; 2] {
        let mut sum = [0.0; 2];
        let mut at = 0;
        while let Some(tape) = self.tapes.get_mut(at) {
            if let Some(place) = tape.mark().filter(|_| !tape.is_stopped()) {
                note(&mut self.marks, Mark { frame: self.frames, take: tape.take, at: Some(place) });
            }
            if let Some(frame) = tape.next() {
                sum = [sum[0] + frame[0], sum[1] + frame[1]];
                at += 1;
                continue;
            }
            if !tape.is_stopped() {
                note(&mut self.marks, Mark { frame: self.frames, take: tape.take, at: None });
            }
            let _ = self.spent.try_send(self.tapes.remove(at));
        }
        sum
    }

    fn write_down(&mut self) {
        let Ok(mut log) = self.log.try_lock() else { return };
        for mark in self.marks.drain(..) {
            if log.marks.len() == MARKS {
                log.marks.pop_front();
            }
            log.marks.push_back(mark);
        }
    }
}

/// Room for all was made beforehand; while the desk holds the log, the newest takes the last place.
fn note(marks: &mut Vec<Mark>, mark: Mark) {
    if marks.len() == MARKS {
        marks.pop();
    }
    marks.push(mark);
}

impl Hearing {
    /// The time by which frames are heard.
    pub(super) fn now(&self) -> Duration {
        (self.clock)()
    }

    /// Frame `frame` is heard at that time.
    pub(super) fn at(&self, frame: u64, when: Duration) {
        if let Ok(mut log) = self.log.try_lock() {
            log.anchor = Some((frame, when));
        }
    }

    /// Frame `frame` is heard when `delay` has passed.
    pub(super) fn after(&self, frame: u64, delay: Duration) {
        self.at(frame, self.now() + delay);
    }
}

impl Log {
    /// When that frame is heard, at that rate; `None` before anybody has said.
    fn heard(&self, frame: u64, rate: u32) -> Option<Duration> {
        let (known, when) = self.anchor?;
        let apart = Duration::from_secs_f64(frame.abs_diff(known) as f64 / f64::from(rate.max(1)));
        Some(if frame < known { when.saturating_sub(apart) } else { when + apart })
    }
}

fn one_channel(sound: &Sound) -> Sound {
    let wave = sound.mono();
    Sound { samples: wave.samples, channels: 1, rate: wave.rate }
}

/// A panic while the lock was held leaves marks that are still true.
fn lock(log: &Mutex<Log>) -> MutexGuard<'_, Log> {
    log.lock().unwrap_or_else(PoisonError::into_inner)
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::sync::atomic::{AtomicU64, Ordering};

    /// A device of 1000 frames per second whose clock the test turns, in milliseconds.
    struct Rig {
        desk: Desk,
        mixer: Mixer,
        now: Arc<AtomicU64>,
    }

    fn rig(channels: u16) -> Rig {
        let now = Arc::new(AtomicU64::new(7_000));
        let hand = Arc::clone(&now);
        let clock: Clock = Box::new(move || Duration::from_millis(hand.load(Ordering::Relaxed)));
        let (desk, mixer) = connect_by(1_000, channels, Arc::new(clock));
        Rig { desk, mixer, now }
    }

    impl Rig {
        /// The device asks for so many frames, the first of which is heard in `delay` milliseconds.
        fn ask(&mut self, frames: usize, delay: u64) -> Vec<f32> {
            self.desk.hearing().after(self.mixer.frames(), Duration::from_millis(delay));
            let mut out = vec![9.0; frames * usize::from(self.desk.channels)];
            self.mixer.render(&mut out, usize::from(self.desk.channels));
            out
        }

        fn pass(&self, milliseconds: u64) {
            self.now.fetch_add(milliseconds, Ordering::Relaxed);
        }

        fn at(&self) -> f64 {
            match self.desk.progress() {
                Progress::At(at) => at,
                other => panic!("{other:?}"),
            }
        }
    }

    fn sound(frames: usize, channels: u16) -> Arc<Sound> {
        let samples = (0..frames * usize::from(channels)).map(|n| (n / usize::from(channels)) as f32 / 1_000.0);
        Arc::new(Sound { samples: samples.collect(), channels, rate: 1_000 })
    }

    #[test]
    fn the_cursor_stands_where_the_sound_is_heard_whatever_the_delay() {
        for delay in [0, 5, 43, 400] {
            let mut rig = rig(1);
            assert!(rig.desk.start(&sound(600, 1), 0.25, Tuning::default()));
            assert_eq!(rig.at(), 0.25, "nothing is heard yet");
            for block in 0..17 {
                rig.ask(20, delay);
                for millisecond in 0..20 {
                    let heard = (20 * block + millisecond) as i64 - delay as i64;
                    let expected = 0.25 + heard.max(0) as f64 / 1_000.0;
                    assert!((rig.at() - expected).abs() < 0.001, "{delay}: {} for {expected}", rig.at());
                    rig.pass(1);
                }
            }
        }
    }

    #[test]
    fn the_end_is_reached_when_the_last_frame_was_heard() {
        let mut rig = rig(1);
        rig.desk.start(&sound(30, 1), 0.0, Tuning::default());
        let heard = rig.ask(60, 100);
        assert_eq!(heard[29], 0.029);
        assert_eq!(heard[35..], [0.0; 25], "after 5 frames that lead to silence");
        rig.pass(134);
        assert!(matches!(rig.desk.progress(), Progress::At(_)));
        rig.pass(1);
        assert_eq!(rig.desk.progress(), Progress::Finished);
    }

    #[test]
    fn a_loop_is_followed_round_and_round_and_at_other_speeds() {
        let mut rig = rig(1);
        let tuning = Tuning { looping: true, ..Tuning::default() };
        rig.desk.start(&sound(100, 1), 0.0, tuning);
        for _ in 0..25 {
            rig.ask(10, 30);
            rig.pass(10);
        }
        assert!((rig.at() - 0.02).abs() < 1e-9, "{}", rig.at());
        rig.desk.tune(Tuning { speed: 2.0, ..tuning });
        rig.ask(10, 30);
        rig.pass(30);
        assert!((rig.at() - 0.05).abs() < 0.001, "{}", rig.at());
        rig.pass(5);
        assert!((rig.at() - 0.06).abs() < 0.001, "{}", rig.at());
    }

    #[test]
    fn another_sound_fades_the_one_before_out_and_has_its_own_cursor() {
        let mut rig = rig(2);
        let (one, other) = (sound(500, 2), sound(500, 1));
        rig.desk.start(&one, 0.2, Tuning::default());
        assert_eq!(rig.ask(12, 0)[20..], [0.21, 0.21, 0.211, 0.211]);
        rig.pass(12);
        rig.desk.start(&other, 0.3, Tuning::default());
        assert_eq!(rig.at(), 0.3);
        let heard = rig.ask(12, 0);
        assert!(heard[0] < 0.26 && heard[0] > 0.2, "{}", heard[0]);
        assert_eq!(heard[22..], [0.311, 0.311]);
        rig.desk.stop();
        let heard = rig.ask(12, 0);
        assert!(heard[0] < 0.3 && heard[23] == 0.0, "{heard:?}");
        assert_eq!(rig.mixer.tapes.len(), 0);
    }

    #[test]
    fn a_sound_is_brought_to_the_devices_rate_once() {
        let mut rig = rig(2);
        let sound = Arc::new(Sound { samples: vec![0.25; 6_000], channels: 3, rate: 2_000 });
        rig.desk.start(&sound, 0.0, Tuning::default());
        let ready = rig.desk.prepared.as_ref().map(|(_, ready)| Arc::clone(ready));
        assert_eq!(ready.as_ref().map(|ready| (ready.channels, ready.frames())), Some((1, 1_000)));
        rig.desk.start(&sound, 0.5, Tuning::default());
        let again = rig.desk.prepared.as_ref().map(|(_, ready)| Arc::clone(ready));
        assert!(ready.zip(again).is_some_and(|(one, other)| Arc::ptr_eq(&one, &other)));
    }
}
