//! A sound server reached through a socket: PulseAudio, or PipeWire, which speaks its protocol.
//!
//! Meant for sound over SSH, where the laptop's server is forwarded: `PULSE_SERVER` names it (a path or `tcp:host:port`), or the
//! usual socket of this host is in truth one that sshd holds. Only this file names the crate that speaks the protocol. The
//! server tells four times a second which sample it plays and how long that takes to be heard. Deliberately absent: starting a
//! server, volumes of the server, and its list of devices.

use std::ffi::CString;
use std::io;
use std::net::{Shutdown, TcpStream, ToSocketAddrs};
use std::os::unix::net::UnixStream;
use std::path::{Path, PathBuf};
use std::sync::mpsc::{Receiver, RecvTimeoutError, Sender, channel};
use std::sync::{Arc, OnceLock};
use std::time::Duration;

use futures_executor::block_on;
use pulseaudio::protocol::stream::{BufferAttr, StreamFlags};
use pulseaudio::protocol::{ChannelMap, PlaybackStreamParams, SampleFormat, SampleSpec};
use pulseaudio::{AsPlaybackSource, Client, PlaybackStream};

use super::Sound;
use super::mixer::{Desk, Hearing, connect};
use super::sink::{Progress, Sink, SinkName, Tuning};

/// What is sent: the server brings it to its device's rate.
const RATE: u32 = 48_000;
const CHANNELS: u8 = 2;
const FRAME: usize = 4 * CHANNELS as usize;
/// What the server holds: short enough for keys, long enough for a wireless network.
const BUFFER: Duration = Duration::from_millis(120);
/// A server that does not answer within this is none.
const PATIENCE: Duration = Duration::from_secs(2);
/// How often the server is asked what is heard.
const ASK: Duration = Duration::from_millis(250);
/// The port of servers that are reached by TCP.
const PORT: u16 = 4713;

/// Where a server may be reached.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Address {
    Socket(PathBuf),
    Host(String, u16),
}

/// A connection to a server, and what plays there.
pub(super) struct Pulse {
    client: Client,
    lost: Arc<OnceLock<String>>,
    desk: Desk,
    stream: Option<Stream>,
}

/// A stream; dropped to end it.
struct Stream {
    _stream: PlaybackStream,
    /// Its end ends the thread that asks the server.
    _asking: Sender<()>,
}

impl Address {
    /// The addresses in a value of `PULSE_SERVER`, in order.
    pub(super) fn parse(value: &str) -> Vec<Address> {
        value.split_whitespace().filter_map(Address::parse_one).collect()
    }

    fn parse_one(word: &str) -> Option<Address> {
        // `{machine}address`: meant for that machine alone; here it is tried.
        let word = word.split_once('}').map_or(word, |(_, rest)| rest);
        if let Some(path) = word.strip_prefix("unix:").or(Some(word).filter(|word| word.starts_with('/'))) {
            return Some(Address::Socket(path.into()));
        }
        let host = ["tcp:", "tcp4:", "tcp6:"].iter().find_map(|kind| word.strip_prefix(kind)).unwrap_or(word);
        let (name, port) = match host.rsplit_once(':') {
            Some((name, port)) if !name.ends_with(':') => (name, port.parse().ok()?),
            _ => (host, PORT),
        };
        let name = name.trim_start_matches('[').trim_end_matches(']');
        (!name.is_empty()).then(|| Address::Host(name.to_owned(), port))
    }

    /// A connected socket; bytes to and from another host pass through two threads.
    fn connect(&self) -> io::Result<UnixStream> {
        match self {
            Address::Socket(path) => UnixStream::connect(path),
            Address::Host(name, port) => {
                let mut last = io::Error::from(io::ErrorKind::AddrNotAvailable);
                for address in (name.as_str(), *port).to_socket_addrs()? {
                    match TcpStream::connect_timeout(&address, PATIENCE) {
                        Ok(stream) => return bridge(stream),
                        Err(error) => last = error,
                    }
                }
                Err(last)
            }
        }
    }
}

/// The usual socket of this host's server, if it is there.
pub(super) fn native_socket() -> Option<PathBuf> {
    let folder = std::env::var_os("PULSE_RUNTIME_PATH").map(PathBuf::from);
    let folder = folder.or_else(|| Some(PathBuf::from(std::env::var_os("XDG_RUNTIME_DIR")?).join("pulse")));
    folder.map(|folder| folder.join("native")).filter(|path| path.exists())
}

/// Whether sshd, not a server of this host, listens on that socket: it was forwarded.
pub(super) fn is_forwarded(path: &Path) -> bool {
    let listener = || {
        let peer = rustix::net::sockopt::socket_peercred(UnixStream::connect(path).ok()?).ok()?;
        std::fs::read_to_string(format!("/proc/{}/comm", peer.pid.as_raw_nonzero())).ok()
    };
    listener().is_some_and(|name| name.starts_with("sshd"))
}

impl Pulse {
    /// Connects to the first server that answers.
    ///
    /// # Errors
    /// One short line: what the last of them said.
    pub(super) fn open(addresses: &[Address]) -> Result<Pulse, String> {
        let mut reason = "no sound server".to_owned();
        for address in addresses {
            let at = address.clone();
            match within(PATIENCE, move || greet(&at)).and_then(Pulse::of) {
                Ok(pulse) => return Ok(pulse),
                Err(error) => reason = error,
            }
        }
        Err(reason)
    }

    fn of(client: Client) -> Result<Pulse, String> {
        let lost = Arc::new(OnceLock::new());
        let (desk, stream) = play(&client, &lost)?;
        Ok(Pulse { client, lost, desk, stream: Some(stream) })
    }

    /// Plays again after a rest.
    fn wake(&mut self) {
        if self.stream.is_some() {
            return;
        }
        match play(&self.client, &self.lost) {
            Ok((desk, stream)) => {
                let before = std::mem::replace(&mut self.desk, desk);
                self.desk.inherit(before);
                self.stream = Some(stream);
            }
            // Only the first reason counts.
            Err(reason) => drop(self.lost.set(reason)),
        }
    }
}

impl Sink for Pulse {
    fn name(&self) -> SinkName {
        SinkName::Pulse
    }

    fn start(&mut self, sound: &Arc<Sound>, from: f64, tuning: Tuning) {
        self.wake();
        if !self.desk.start(sound, from, tuning) {
            self.desk.stop();
        }
    }

    fn tune(&mut self, tuning: Tuning) {
        self.desk.tune(tuning);
    }

    fn stop(&mut self) {
        self.desk.stop();
    }

    fn progress(&self) -> Progress {
        self.lost.get().map_or_else(|| self.desk.progress(), |reason| Progress::Lost(reason.clone()))
    }

    fn rest(&mut self) {
        self.stream = None;
    }
}

/// Connects and introduces itself.
fn greet(address: &Address) -> Result<Client, String> {
    let socket = address.connect().map_err(|error| format!("sound server: {error}"))?;
    let cookie = pulseaudio::cookie_path_from_env().and_then(|path| std::fs::read(path).ok());
    let name = CString::new("emolab").map_err(|error| error.to_string())?;
    Client::new_unix(name, socket, cookie).map_err(|error| format!("sound server: {error}"))
}

/// Starts a stream and the thread that asks when its samples are heard.
fn play(client: &Client, lost: &Arc<OnceLock<String>>) -> Result<(Desk, Stream), String> {
    let (desk, mut mixer) = connect(RATE, u16::from(CHANNELS));
    let mut block = Vec::new();
    let fill = move |bytes: &mut [u8]| {
        // Whole frames; the rest of an odd request is asked for again.
        let frames = bytes.len() / FRAME;
        block.resize(frames * usize::from(CHANNELS), 0.0);
        mixer.render(&mut block, usize::from(CHANNELS));
        for (four, sample) in bytes.chunks_exact_mut(4).zip(&block) {
            four.copy_from_slice(&sample.clamp(-1.0, 1.0).to_le_bytes());
        }
        frames * FRAME
    };
    let client = client.clone();
    let stream = within(PATIENCE, move || {
        let created = block_on(client.create_playback_stream(params(), fill.as_playback_source()));
        created.map_err(|error| format!("sound server: {error}"))
    })?;
    let (asking, end) = channel();
    let (asked, hearing, lost) = (stream.clone(), desk.hearing(), Arc::clone(lost));
    let thread = std::thread::Builder::new().name("sound server".into());
    thread.spawn(move || ask(&asked, &hearing, &lost, &end)).map_err(|error| error.to_string())?;
    Ok((desk, Stream { _stream: stream, _asking: asking }))
}

fn params() -> PlaybackStreamParams {
    let length = (RATE as usize * FRAME * BUFFER.as_millis() as usize / 1_000) as u32;
    PlaybackStreamParams {
        sample_spec: SampleSpec { format: SampleFormat::Float32Le, channels: CHANNELS, sample_rate: RATE },
        channel_map: ChannelMap::stereo(),
        buffer_attr: BufferAttr { target_length: length, minimum_request_length: length / 6, ..BufferAttr::default() },
        flags: StreamFlags { adjust_latency: true, ..StreamFlags::default() },
        ..PlaybackStreamParams::default()
    }
}

/// Asks the server what is heard until the stream ends or the server is gone.
fn ask(stream: &PlaybackStream, hearing: &Hearing, lost: &OnceLock<String>, end: &Receiver<()>) {
    let mut wait = ASK / 10;
    loop {
        match end.recv_timeout(wait) {
            Err(RecvTimeoutError::Timeout) => {}
            Ok(()) | Err(RecvTimeoutError::Disconnected) => return,
        }
        let asked = hearing.now();
        match block_on(stream.timing_info()) {
            Ok(timing) => {
                // The answer was true half way between question and answer.
                let then = (asked + hearing.now()) / 2;
                let frame = u64::try_from(timing.read_offset).unwrap_or(0) / FRAME as u64;
                if timing.playing {
                    hearing.at(frame, then + Duration::from_micros(timing.sink_usec));
                    wait = ASK;
                }
            }
            Err(error) => {
                // Only the first reason counts.
                let _ = lost.set(format!("sound server lost: {error}"));
                return;
            }
        }
    }
}

/// A socket whose bytes go to `far` and come from there.
fn bridge(far: TcpStream) -> io::Result<UnixStream> {
    let (near, own) = UnixStream::pair()?;
    // Small messages must not wait for each other.
    far.set_nodelay(true)?;
    let (mut own_too, mut far_too) = (own.try_clone()?, far.try_clone()?);
    let (mut own, mut far) = (own, far);
    let thread = || std::thread::Builder::new().name("sound server".into());
    thread().spawn(move || {
        // However it ends, the other side is told.
        let _ = io::copy(&mut own, &mut far);
        let _ = far.shutdown(Shutdown::Both);
    })?;
    thread().spawn(move || {
        let _ = io::copy(&mut far_too, &mut own_too);
        let _ = own_too.shutdown(Shutdown::Both);
    })?;
    Ok(near)
}

/// What `work` comes to on a thread of its own, if it does in time; a server that hangs must not hang the player.
fn within<T: Send + 'static>(
    patience: Duration,
    work: impl FnOnce() -> Result<T, String> + Send + 'static,
) -> Result<T, String> {
    let (send, done) = channel();
    let thread = std::thread::Builder::new().name("sound server".into());
    thread.spawn(move || drop(send.send(work()))).map_err(|error| error.to_string())?;
    done.recv_timeout(patience).unwrap_or_else(|_| Err("sound server: no answer".to_owned()))
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use super::*;
    use std::io::{Read, Write};
    use std::net::TcpListener;

    #[test]
    fn addresses_are_read_as_the_clients_of_the_server_read_them() {
        let host = |name: &str, port| Address::Host(name.to_owned(), port);
        let table = [
            ("unix:/run/a", vec![Address::Socket("/run/a".into())]),
            ("/tmp/pulse", vec![Address::Socket("/tmp/pulse".into())]),
            ("tcp:localhost:24713", vec![host("localhost", 24_713)]),
            ("tcp4:10.0.0.1 {abc}unix:/x", vec![host("10.0.0.1", 4_713), Address::Socket("/x".into())]),
            ("tcp6:[::1]:4714", vec![host("::1", 4_714)]),
            ("laptop", vec![host("laptop", 4_713)]),
            ("tcp:laptop:port", vec![]),
            ("", vec![]),
        ];
        for (value, addresses) in table {
            assert_eq!(Address::parse(value), addresses, "{value}");
        }
    }

    #[test]
    fn bytes_pass_between_hosts_and_an_end_is_told() {
        let server = TcpListener::bind("127.0.0.1:0").unwrap();
        let port = server.local_addr().unwrap().port();
        let mut near = Address::Host("127.0.0.1".to_owned(), port).connect().unwrap();
        let (mut far, _) = server.accept().unwrap();
        let mut heard = [0; 3];
        near.write_all(b"abc").unwrap();
        far.read_exact(&mut heard).unwrap();
        far.write_all(&heard).unwrap();
        near.read_exact(&mut heard).unwrap();
        assert_eq!(&heard, b"abc");
        drop(far);
        assert_eq!(near.read(&mut heard).unwrap(), 0);
    }

    #[test]
    fn a_server_that_is_not_there_or_hangs_is_told_in_one_line() {
        let gone = Pulse::open(&[Address::Socket("/nowhere/native".into())]).err().unwrap();
        assert!(gone.starts_with("sound server: ") && !gone.contains('\n'), "{gone}");
        assert_eq!(Pulse::open(&[]).err().unwrap(), "no sound server");
        let late = within(Duration::ZERO, || -> Result<(), String> {
            std::thread::park_timeout(Duration::from_secs(1));
            Ok(())
        });
        assert_eq!(late, Err("sound server: no answer".to_owned()));
    }
}
