//! The server's end: a sink whose sound is heard at the laptop of whoever uses this program.
//!
//! The sink's operations leave a word with the thread that writes, and look at what the thread that reads has heard; only an order
//! to play waits until it is written, some milliseconds at most. Deliberately absent: reconnecting (see [`super::find`]); once
//! lost, a companion stays so.

use std::collections::VecDeque;
use std::sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError};
use std::thread;
use std::time::{Duration, Instant};

use super::secret::{End, Secret, nonce};
use super::sending::Sending;
use super::stream::Stream;
use super::wire::{self, Far, Near, WireError};
use crate::audio::{AudioHash, Progress, Sink, SinkName, Sound, Tuning};

/// How long the other end may take to answer before it is welcome: a jump over several hosts is slow.
const PATIENCE: Duration = Duration::from_secs(20);
/// How long an order to play may take to be written: packing a sound that was not sent ahead may take longer.
const PASSING: Duration = Duration::from_millis(20);
/// A laptop that says nothing for so long while it should play is asked whether it is there,
const SILENCE: Duration = Duration::from_secs(10);
/// and is gone after so long.
const GONE: Duration = Duration::from_secs(40);
/// A position that is older than this is not reckoned on.
const STALE: f64 = 0.5;
/// Sounds sent ahead, at most.
const AHEAD: usize = 8;

/// A companion on a laptop, connected.
#[derive(Debug)]
pub struct Companion {
    host: Arc<str>,
    stream: Stream,
    shared: Arc<Shared>,
}

/// What the sink and both threads see.
#[derive(Debug)]
pub(super) struct Shared {
    state: Mutex<State>,
    /// Something is to be written, or the end has come.
    word: Condvar,
    start: Instant,
}

/// What is to be done, and what was heard.
#[derive(Debug)]
pub(super) struct State {
    /// To be sent before any sound.
    pub(super) urgent: VecDeque<Order>,
    /// What will probably be played next, if that has changed.
    pub(super) ahead: Option<Vec<Arc<Sound>>>,
    /// What the laptop said of announced sounds: whether it needs them.
    pub(super) answers: Vec<(AudioHash, bool)>,
    /// Bytes of sound that have arrived there, as far as not yet taken in, and when it was told.
    pub(super) got: Option<(u64, Duration)>,
    /// Sound is on its way to the laptop, or waits for the line.
    pub(super) sending: bool,
    /// The take that was ordered last.
    take: u64,
    /// The take whose order was written last.
    written: u64,
    phase: Phase,
    tuning: Tuning,
    /// Duration of its sound.
    seconds: f64,
    /// When the laptop was heard of.
    heard: Duration,
    /// Why nothing will be heard any more.
    lost: Option<String>,
}

/// What the thread that writes is told to send.
#[derive(Debug)]
pub(super) enum Order {
    Play { take: u64, sound: Arc<Sound>, from: f64, tuning: Tuning },
    Tell(Far),
}

impl Order {
    /// The take that it starts.
    pub(super) fn take(&self) -> Option<u64> {
        match self {
            Order::Play { take, .. } => Some(*take),
            Order::Tell(_) => None,
        }
    }
}

/// How far the take has come.
#[derive(Debug, Clone, Copy)]
enum Phase {
    /// Nothing was ordered, or it was stopped, or it has ended.
    Over,
    /// It stands here until the laptop has it.
    Waiting(f64),
    /// It was here, in seconds, at that time.
    Running { position: f64, when: Duration },
}

impl Companion {
    /// Greets over a fresh connection; waits for the answer, some seconds at most.
    ///
    /// # Errors
    /// One line for the status bar.
    pub fn connect(mut stream: Stream, secret: &Secret, host: &str) -> Result<Companion, String> {
        let (laptop, limit) = hello(&mut stream, secret, host).map_err(|error| refusal(&error))?;
        let shared = Arc::new(Shared::new());
        let io = |error: std::io::Error| error.to_string();
        let (mut from, mut to) = (stream.try_clone().map_err(io)?, stream.try_clone().map_err(io)?);
        let companion = Companion { host: laptop.into(), stream, shared };
        let (reads, writes) = (Arc::clone(&companion.shared), Arc::clone(&companion.shared));
        let threads = thread::Builder::new().name("companion-in".into()).spawn(move || reads.read_all(&mut from));
        threads.map_err(io)?;
        let write = move || {
            let end = Sending::new(limit).run(&writes, &mut to);
            writes.lose(&end.map_or_else(|error| gone(&error), |()| "closed".into()));
            to.end();
        };
        thread::Builder::new().name("companion-out".into()).spawn(write).map_err(io)?;
        Ok(companion)
    }

    /// Threads that serve it.
    #[cfg(test)]
    pub(super) fn threads(&self) -> usize {
        Arc::strong_count(&self.shared) - 1
    }

    fn order(&self, state: &mut State, order: Order) {
        state.urgent.push_back(order);
        self.shared.word.notify_all();
    }
}

fn hello(stream: &mut Stream, secret: &Secret, host: &str) -> Result<(String, u32), WireError> {
    stream.set_patience(Some(PATIENCE), Some(PATIENCE))?;
    let Near::Greeting { nonce: greeting, .. } = wire::read(stream)? else {
        return Err(WireError::Malformed("no greeting"));
    };
    let hello = nonce();
    let (version, proof) = (env!("CARGO_PKG_VERSION").to_owned(), secret.prove(End::Far, &greeting, &hello));
    wire::write(stream, &Far::Hello { version, host: host.to_owned(), nonce: hello, proof })?;
    match wire::read(stream)? {
        Near::Welcome { host, proof, limit } if secret.is_proof(proof, End::Near, &greeting, &hello) => {
            stream.set_patience(None, Some(GONE))?;
            Ok((host, limit))
        }
        Near::Welcome { .. } => Err(WireError::Malformed("the companion does not know the secret")),
        Near::Refused(reason) => Err(WireError::Io(std::io::Error::other(reason))),
        _ => Err(WireError::Malformed("no welcome")),
    }
}

fn refusal(error: &WireError) -> String {
    match error {
        WireError::Io(io) if io.kind() == std::io::ErrorKind::UnexpectedEof => "the companion hung up".into(),
        error => error.to_string(),
    }
}

fn gone(error: &WireError) -> String {
    match error {
        WireError::Io(_) => "connection to the laptop lost".into(),
        error => error.to_string(),
    }
}

impl Sink for Companion {
    fn name(&self) -> SinkName {
        SinkName::Companion(Arc::clone(&self.host))
    }

    fn start(&mut self, sound: &Arc<Sound>, from: f64, tuning: Tuning) {
        let mut state = self.shared.lock();
        state.take += 1;
        (state.phase, state.tuning, state.seconds) = (Phase::Waiting(from), tuning, sound.seconds());
        state.heard = self.shared.now();
        let order = Order::Play { take: state.take, sound: Arc::clone(sound), from, tuning };
        // What was ordered before and is not yet sent would be heard for a moment only.
        state.urgent.clear();
        self.order(&mut state, order);
        // Many a picture is drawn because of this: through the same line, and it is a hundred times as long.
        let unwritten = |state: &mut State| state.written < state.take && !state.is_over();
        drop(self.shared.word.wait_timeout_while(state, PASSING, unwritten));
    }

    fn tune(&mut self, tuning: Tuning) {
        let now = self.shared.now();
        let mut state = self.shared.lock();
        state.rebase(now);
        state.tuning = tuning;
        self.order(&mut state, Order::Tell(Far::Tune(tuning)));
    }

    fn stop(&mut self) {
        let mut state = self.shared.lock();
        state.phase = Phase::Over;
        self.order(&mut state, Order::Tell(Far::Stop));
    }

    fn is_sending(&self) -> bool {
        self.shared.lock().sending
    }

    fn progress(&self) -> Progress {
        let now = self.shared.now();
        let state = self.shared.lock();
        match (&state.lost, state.position(now)) {
            (Some(reason), _) => Progress::Lost(reason.clone()),
            (None, Some(position)) => Progress::At(position),
            (None, None) => Progress::Finished,
        }
    }

    fn ahead(&mut self, sounds: &[Arc<Sound>]) {
        let mut state = self.shared.lock();
        state.ahead = Some(sounds.iter().take(AHEAD).map(Arc::clone).collect());
        self.shared.word.notify_all();
    }
}

impl Drop for Companion {
    fn drop(&mut self) {
        self.shared.lose("closed");
        self.stream.end();
    }
}

impl Shared {
    fn new() -> Shared {
        let state = State {
            urgent: VecDeque::new(),
            ahead: None,
            answers: Vec::new(),
            got: None,
            take: 0,
            written: 0,
            phase: Phase::Over,
            tuning: Tuning::default(),
            seconds: 0.0,
            heard: Duration::ZERO,
            sending: false,
            lost: None,
        };
        Shared { state: Mutex::new(state), word: Condvar::new(), start: Instant::now() }
    }

    pub(super) fn now(&self) -> Duration {
        self.start.elapsed()
    }

    /// The order to play that take was written.
    pub(super) fn wrote(&self, take: u64) {
        self.lock().written = take;
        self.word.notify_all();
    }

    /// A panic while the lock was held leaves plain values that are still fit to use.
    pub(super) fn lock(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Waits for a word, for the time given at most; while something plays, no longer than its silence is looked at.
    pub(super) fn wait<'a>(&self, state: MutexGuard<'a, State>, most: Option<Duration>) -> MutexGuard<'a, State> {
        let playing = !matches!(state.phase, Phase::Over);
        match most.or(playing.then_some(SILENCE)) {
            Some(most) => {
                self.word.wait_timeout(state, most).map_or_else(|lock| lock.into_inner().0, |(state, _)| state)
            }
            None => self.word.wait(state).unwrap_or_else(PoisonError::into_inner),
        }
    }

    /// The first reason counts.
    fn lose(&self, reason: &str) {
        self.lock().lost.get_or_insert_with(|| reason.to_owned());
        self.word.notify_all();
    }

    fn read_all(&self, stream: &mut Stream) {
        loop {
            match wire::read(stream) {
                Ok(message) => {
                    self.lock().hear(message, self.now());
                    self.word.notify_all();
                }
                Err(error) => return self.lose(&gone(&error)),
            }
        }
    }
}

impl State {
    /// The connection is over.
    pub(super) fn is_over(&self) -> bool {
        self.lost.is_some()
    }

    /// Asks a laptop that is silent whether it is there; one that stays silent is gone.
    pub(super) fn look_for_life(&mut self, now: Duration) {
        let silent = now.saturating_sub(self.heard);
        if matches!(self.phase, Phase::Over) || silent < SILENCE {
            return;
        }
        if silent >= GONE {
            self.lost.get_or_insert_with(|| "the laptop does not answer".into());
        } else if self.urgent.is_empty() {
            self.urgent.push_back(Order::Tell(Far::Ping(now.as_millis() as u64)));
        }
    }

    fn hear(&mut self, message: Near, now: Duration) {
        self.heard = now;
        match message {
            Near::Have(hash) => self.answers.push((hash, false)),
            Near::Need(hash) => self.answers.push((hash, true)),
            Near::Got(bytes) => self.got = Some((bytes, now)),
            Near::Started(take) if take == self.take => {
                if let Phase::Waiting(position) = self.phase {
                    self.phase = Phase::Running { position, when: now };
                }
            }
            Near::At { take, position } if take == self.take && !matches!(self.phase, Phase::Over) => {
                self.phase = Phase::Running { position, when: now };
            }
            Near::Finished(take) if take == self.take => self.phase = Phase::Over,
            Near::Lost(reason) | Near::Refused(reason) => drop(self.lost.get_or_insert(reason)),
            Near::Greeting { .. } | Near::Welcome { .. } | Near::Pong(_) => {}
            Near::Started(_) | Near::At { .. } | Near::Finished(_) => {}
        }
    }

    /// Seconds into the sound; `None` once it is over.
    fn position(&self, now: Duration) -> Option<f64> {
        let (position, when) = match self.phase {
            Phase::Over => return None,
            Phase::Waiting(from) => return Some(from),
            Phase::Running { position, when } => (position, when),
        };
        let passed = now.saturating_sub(when).as_secs_f64().min(STALE);
        let position = position + passed * f64::from(self.tuning.speed);
        let (start, end) = self.tuning.bounds(self.seconds);
        // Only the laptop knows when the sound has ended.
        let turned = self.tuning.looping && start < end && position >= end;
        Some(if turned { start + (position - end) % (end - start) } else { position.min(end) })
    }

    fn rebase(&mut self, now: Duration) {
        if let (Phase::Running { .. }, Some(position)) = (self.phase, self.position(now)) {
            self.phase = Phase::Running { position, when: now };
        }
    }
}
