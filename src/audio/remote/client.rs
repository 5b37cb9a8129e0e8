//! The laptop's end: plays what it is sent, and tells how far it has come by its own clock.
//!
//! A connection is served on the thread that calls [`serve`], which owns the sink; a second thread reads. What comes is checked in
//! `wire`, sounds once more when they are whole. Deliberately absent: any file outside the cache, any command, any
//! text that is shown: the other end can ask for sound and nothing else.

use std::collections::VecDeque;
use std::io;
use std::path::PathBuf;
use std::sync::Arc;
use std::sync::mpsc::{Receiver, RecvTimeoutError, SyncSender, sync_channel};
use std::thread;
use std::time::{Duration, Instant};

use super::keep::Keep;
use super::secret::{End, Secret, nonce};
use super::stream::Stream;
use super::wire::{self, Far, Header, Near, SAMPLES, WireError};
use crate::audio::{AudioHash, Progress, Sink, SinkName, Sound, Tuning};

/// How long a stranger may take to prove that it knows the secret, and how long an answer may wait to be read.
const PATIENCE: Duration = Duration::from_secs(20);
/// How often a playing sink is looked at.
const LOOK: Duration = Duration::from_millis(15);
/// After so long without a sound the sink may rest.
const REST: Duration = Duration::from_secs(3);
/// How often a position is told.
const TELL: Duration = Duration::from_millis(100);
/// Messages read and not yet obeyed: few, so that who sends too fast waits.
const INBOX: usize = 16;
/// Sounds that may be on their way at once, and their bytes.
const COMING: usize = 16;
const COMING_BYTES: u64 = 8 * SAMPLES;

/// What the laptop's end is made of.
#[derive(Debug, Clone)]
pub struct Hearth {
    /// The name of this laptop, shown on the other side.
    pub host: String,
    /// What the other side must know.
    pub secret: Secret,
    /// Folder of sounds that were sent once.
    pub cache: Option<PathBuf>,
    /// Bytes of sound a second, at most; 0 = as many as the line carries.
    pub limit: u32,
}

/// Serves one connection until it ends; the sink is opened for the first sound.
///
/// # Errors
/// The other side does not know the secret, is of another version, or sent what is no message; the text is for the user.
/// The end of the connection is none.
pub fn serve(mut stream: Stream, hearth: &Hearth, open: impl FnOnce() -> Box<dyn Sink>) -> Result<(), WireError> {
    let served = welcome(&mut stream, hearth).and_then(|()| listen(&stream, hearth, open));
    stream.end();
    match served {
        Err(WireError::Io(error)) if is_end(&error) => Ok(()),
        served => served,
    }
}

fn is_end(error: &io::Error) -> bool {
    use io::ErrorKind::{BrokenPipe, ConnectionReset, UnexpectedEof};
    [UnexpectedEof, BrokenPipe, ConnectionReset].contains(&error.kind())
}

/// Greets, and lets in who knows the secret.
fn welcome(stream: &mut Stream, hearth: &Hearth) -> Result<(), WireError> {
    stream.set_patience(Some(PATIENCE), Some(PATIENCE))?;
    let greeting = nonce();
    wire::write(stream, &Near::Greeting { version: env!("CARGO_PKG_VERSION").into(), nonce: greeting })?;
    let refused = match wire::read(stream) {
        Ok(Far::Hello { nonce, proof, .. }) if hearth.secret.is_proof(proof, End::Far, &greeting, &nonce) => {
            let proof = hearth.secret.prove(End::Near, &greeting, &nonce);
            let host = hearth.host.clone();
            wire::write(stream, &Near::Welcome { host, proof, limit: hearth.limit })?;
            return Ok(stream.set_patience(None, Some(PATIENCE))?);
        }
        Ok(_) => WireError::Malformed("the secret is another one"),
        Err(error) => error,
    };
    // Whoever is gone need not be told.
    let _ = wire::write(stream, &Near::Refused(refused.to_string()));
    Err(refused)
}

fn listen(stream: &Stream, hearth: &Hearth, open: impl FnOnce() -> Box<dyn Sink>) -> Result<(), WireError> {
    let (send, inbox) = sync_channel(INBOX);
    let mut from = stream.try_clone()?;
    let reader = thread::Builder::new().name("companion".into()).spawn(move || read_all(&mut from, &send))?;
    let mut ear = Ear {
        to: stream.try_clone()?,
        host: &hearth.host,
        sink: None,
        open: Some(open),
        keep: Keep::new(hearth.cache.clone()),
        coming: VecDeque::new(),
        got: 0,
        asked: None,
        playing: None,
        awake: false,
    };
    let end = ear.run(&inbox);
    stream.end();
    drop(inbox);
    // It has nothing to tell: what it read last is the last message.
    let _ = reader.join();
    end
}

fn read_all(stream: &mut Stream, send: &SyncSender<Result<Far, WireError>>) {
    loop {
        let message = wire::read(stream);
        let last = message.is_err();
        if send.send(message).is_err() || last {
            return;
        }
    }
}

/// A sound that was announced and is not whole yet.
struct Coming {
    header: Header,
    bytes: Vec<u8>,
}

/// What should be played.
#[derive(Clone, Copy)]
struct Asked {
    take: u64,
    hash: AudioHash,
    from: f64,
    tuning: Tuning,
}

/// What is heard, and how far it has come.
struct Heard {
    take: u64,
    sound: Arc<Sound>,
    position: f64,
    tuning: Tuning,
    /// When its position was told.
    told: Instant,
}

struct Ear<'a, O> {
    to: Stream,
    host: &'a str,
    sink: Option<Box<dyn Sink>>,
    open: Option<O>,
    keep: Keep,
    coming: VecDeque<Coming>,
    got: u64,
    /// What waits for its sound.
    asked: Option<Asked>,
    playing: Option<Heard>,
    /// The sink holds what it could let go of.
    awake: bool,
}

impl<O: FnOnce() -> Box<dyn Sink>> Ear<'_, O> {
    /// Obeys until the connection ends.
    fn run(&mut self, inbox: &Receiver<Result<Far, WireError>>) -> Result<(), WireError> {
        loop {
            let wait = match (&self.playing, self.awake) {
                (Some(_), _) => LOOK,
                (None, true) => REST,
                (None, false) => Duration::MAX,
            };
            match inbox.recv_timeout(wait) {
                Ok(message) => self.obey(message?)?,
                Err(RecvTimeoutError::Timeout) if self.playing.is_none() => self.rest(),
                Err(RecvTimeoutError::Timeout) => {}
                Err(RecvTimeoutError::Disconnected) => return Ok(()),
            }
            self.look()?;
        }
    }

    fn obey(&mut self, message: Far) -> Result<(), WireError> {
        match message {
            Far::Hello { .. } => return Err(WireError::Malformed("a second hello")),
            Far::Sound(header) => self.announced(header)?,
            Far::Chunk { hash, at, data } => self.arrived(hash, at, &data)?,
            Far::Forget(hash) => self.coming.retain(|coming| coming.header.hash != hash),
            Far::Play { take, hash, from, tuning } => {
                self.hush();
                self.asked = Some(Asked { take, hash, from, tuning });
                self.start()?;
            }
            Far::Tune(tuning) => match (&mut self.asked, &mut self.playing, &mut self.sink) {
                (Some(asked), ..) => asked.tuning = tuning,
                (None, Some(heard), Some(sink)) => {
                    heard.tuning = tuning;
                    sink.tune(tuning);
                }
                _ => {}
            },
            Far::Stop => self.hush(),
            Far::Ping(number) => wire::write(&mut self.to, &Near::Pong(number))?,
        }
        Ok(())
    }

    fn hush(&mut self) {
        self.asked = None;
        if self.playing.take().is_some()
            && let Some(sink) = &mut self.sink
        {
            sink.stop();
        }
    }

    fn rest(&mut self) {
        self.awake = false;
        if let Some(sink) = &mut self.sink {
            sink.rest();
        }
    }

    fn announced(&mut self, header: Header) -> Result<(), WireError> {
        let hash = header.hash;
        if self.keep.has(&header) {
            return Ok(wire::write(&mut self.to, &Near::Have(hash))?);
        }
        self.coming.retain(|coming| coming.header.hash != hash);
        let bytes: u64 = self.coming.iter().map(|coming| coming.header.bytes).sum();
        if self.coming.len() >= COMING || bytes + header.bytes > COMING_BYTES {
            return Err(WireError::Malformed("too many sounds at once"));
        }
        self.coming.push_back(Coming { header, bytes: Vec::new() });
        Ok(wire::write(&mut self.to, &Near::Need(hash))?)
    }

    fn arrived(&mut self, hash: AudioHash, at: u64, data: &[u8]) -> Result<(), WireError> {
        self.got += data.len() as u64;
        wire::write(&mut self.to, &Near::Got(self.got))?;
        let coming = self.coming.iter().position(|coming| coming.header.hash == hash);
        let Some((index, coming)) = coming.and_then(|at| Some((at, self.coming.get_mut(at)?))) else {
            return Err(WireError::Malformed("a chunk of no announced sound"));
        };
        let (there, whole) = (coming.bytes.len() as u64, coming.header.bytes);
        if at != there || there + data.len() as u64 > whole {
            return Err(WireError::Malformed("a chunk out of order"));
        }
        coming.bytes.extend_from_slice(data);
        if coming.bytes.len() as u64 == whole
            && let Some(coming) = self.coming.remove(index)
        {
            if let Err(reason) = self.keep.take(&coming.header, &coming.bytes) {
                return self.lose(&reason);
            }
            self.start()?;
        }
        Ok(())
    }

    /// Plays what was asked for, once it is there.
    fn start(&mut self) -> Result<(), WireError> {
        let Some((asked, sound)) = self.asked.and_then(|asked| Some((asked, self.keep.get(asked.hash)?))) else {
            return Ok(());
        };
        self.asked = None;
        if let Some(open) = self.open.take() {
            self.sink = Some(open());
        }
        let Asked { take, from, tuning, .. } = asked;
        let position = from.min(sound.seconds());
        self.sound(Heard { take, sound, position, tuning, told: Instant::now() })?;
        Ok(wire::write(&mut self.to, &Near::Started(take))?)
    }

    /// Lets it be heard from its position on.
    fn sound(&mut self, heard: Heard) -> Result<(), WireError> {
        let Some(sink) = &mut self.sink else { return Ok(()) };
        if let SinkName::Silent(reason) = sink.name() {
            return self.lose(&reason);
        }
        sink.start(&heard.sound, heard.position, heard.tuning);
        (self.playing, self.awake) = (Some(heard), true);
        Ok(())
    }

    /// Tells how far the sound has come, if it is time to.
    fn look(&mut self) -> Result<(), WireError> {
        let (Some(heard), Some(sink)) = (&mut self.playing, &mut self.sink) else { return Ok(()) };
        let take = heard.take;
        match sink.progress() {
            Progress::At(position) => {
                heard.position = position;
                if heard.told.elapsed() >= TELL {
                    heard.told = Instant::now();
                    wire::write(&mut self.to, &Near::At { take, position })?;
                }
            }
            Progress::Finished => {
                sink.stop();
                self.playing = None;
                wire::write(&mut self.to, &Near::Finished(take))?;
            }
            Progress::Lost(reason) => {
                let other = sink.fall(&reason);
                return match self.playing.take().filter(|_| other) {
                    Some(heard) => self.sound(heard),
                    None => self.lose(&reason),
                };
            }
        }
        Ok(())
    }

    /// Tells why nothing can be heard any more, and ends.
    fn lose(&mut self, reason: &str) -> Result<(), WireError> {
        wire::write(&mut self.to, &Near::Lost(format!("{}: {reason}", self.host)))?;
        Err(WireError::Io(io::ErrorKind::UnexpectedEof.into()))
    }
}
