//! The side of the browser page that listens: gives it orders and sounds, takes its reports.
//!
//! A thread waits for connections, and each open one has a thread. Whoever asks must know the secret; the page itself, which
//! holds none, is for anybody. One page plays: the one opened last. Deliberately absent: what the player makes of it (`mod`).

use std::io::{BufReader, Write};
use std::net::{Ipv4Addr, SocketAddr, TcpListener, TcpStream};
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

use serde::{Deserialize, Serialize};

use super::http::{Answer, Bad, Request};
use super::wav;
use crate::audio::Sound;

/// Connections at a time; a browser opens six.
const CONNECTIONS: usize = 12;
/// A page that has nothing to do asks again after this.
const POLL: Duration = Duration::from_secs(25);
/// A connection that says nothing for so long is closed.
const IDLE: Duration = Duration::from_secs(90);
/// A page that has not asked for so long, while it should, is gone.
const GONE: Duration = Duration::from_secs(3);
/// Sounds kept for the page.
const SOUNDS: usize = 12;
/// Pages remembered as replaced.
const PAGES: usize = 32;

/// What the page is to do; seconds are of the sound.
#[derive(Debug, Clone, PartialEq, Default, Serialize)]
pub(super) struct Order {
    pub serial: u64,
    /// Number of the start: another one plays anew, the same one changes what plays.
    pub take: u64,
    pub playing: bool,
    pub sound: u64,
    /// Duration of the sound.
    pub seconds: f64,
    pub from: f64,
    pub start: f64,
    pub end: f64,
    pub speed: f32,
    pub volume: f32,
    #[serde(rename = "loop")]
    pub looping: bool,
    /// Numbers of sounds that will probably be asked for.
    pub ahead: Vec<u64>,
}

/// What the page says.
#[derive(Debug, Clone, PartialEq, Deserialize)]
struct Told {
    page: String,
    take: u64,
    state: State,
    at: f64,
    /// Seconds that a message takes there and back.
    trip: f64,
}

/// How far the page has come with a take.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "lowercase")]
pub(super) enum State {
    /// It may play from now on.
    Ready,
    Started,
    Position,
    Finished,
    /// It could not read the sound.
    Failed,
}

/// What the page said last of a take, and when it was true.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(super) struct Report {
    pub take: u64,
    pub state: State,
    pub at: f64,
    pub when: Instant,
}

/// The listening side; dropping it closes it.
pub(super) struct Server {
    shared: Arc<Shared>,
    address: SocketAddr,
    /// What comes after `#` in the address.
    secret: String,
}

struct Shared {
    desk: Mutex<Desk>,
    changed: Condvar,
    secret: String,
    connections: AtomicUsize,
}

/// What both sides see.
#[derive(Debug, Default)]
struct Desk {
    order: Option<Order>,
    sounds: Vec<(u64, Arc<Sound>)>,
    numbered: u64,
    /// The page that plays, and those it replaced.
    page: Option<String>,
    replaced: Vec<String>,
    /// Questions of the page that wait for an order, and when the last one ended.
    waiting: usize,
    seen: Option<Instant>,
    report: Option<Report>,
    closed: bool,
}

impl Server {
    /// Listens on that port of this host's own address; on any free one for `None`.
    ///
    /// # Errors
    /// One short line.
    pub(super) fn open(port: Option<u16>) -> Result<Server, String> {
        let wanted = SocketAddr::from((Ipv4Addr::LOCALHOST, port.unwrap_or(0)));
        let listener = TcpListener::bind(wanted).map_err(|error| format!("no page at {wanted}: {error}"))?;
        let address = listener.local_addr().map_err(|error| error.to_string())?;
        let secret = secret();
        let (desk, changed, connections) = (Mutex::default(), Condvar::new(), AtomicUsize::new(0));
        let shared = Arc::new(Shared { desk, changed, secret: secret.clone(), connections });
        let server = Server { shared: Arc::clone(&shared), address, secret };
        let thread = std::thread::Builder::new().name("browser".into());
        thread.spawn(move || listen(&listener, &shared)).map_err(|error| error.to_string())?;
        Ok(server)
    }

    /// The address of the page, with the secret.
    pub(super) fn url(&self) -> String {
        format!("http://{}/#{}", self.address, self.secret)
    }

    /// The number under which the page asks for that sound.
    pub(super) fn number(&self, sound: &Arc<Sound>) -> u64 {
        let mut desk = self.shared.lock();
        if let Some((number, _)) = desk.sounds.iter().find(|(_, known)| Arc::ptr_eq(known, sound)) {
            return *number;
        }
        desk.numbered += 1;
        let number = desk.numbered;
        if desk.sounds.len() == SOUNDS {
            desk.sounds.remove(0);
        }
        desk.sounds.push((number, Arc::clone(sound)));
        number
    }

    /// Gives the page an order; it has it as soon as it asks.
    pub(super) fn order(&self, order: Order) {
        self.shared.lock().order = Some(order);
        self.shared.changed.notify_all();
    }

    /// Whether a page is there that may play.
    pub(super) fn has_page(&self) -> bool {
        let desk = self.shared.lock();
        desk.page.is_some() && (desk.waiting > 0 || desk.seen.is_some_and(|seen| seen.elapsed() < GONE))
    }

    /// What the page said last.
    pub(super) fn report(&self) -> Option<Report> {
        self.shared.lock().report
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        self.shared.lock().closed = true;
        self.shared.changed.notify_all();
        // Wakes the thread that waits for connections; if it is gone, so much the better.
        let _ = TcpStream::connect_timeout(&self.address, Duration::from_secs(1));
    }
}

impl Shared {
    /// A panic while the lock was held leaves plain values.
    fn lock(&self) -> MutexGuard<'_, Desk> {
        self.desk.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn answer(&self, request: &Request) -> Answer {
        if !request.is_ours() {
            return Answer::empty("421 Misdirected Request");
        }
        match (request.method.as_str(), request.path.as_str()) {
            ("GET", "/") => text("text/html; charset=utf-8", include_str!("page.html")),
            ("GET", "/page.js") => text("text/javascript; charset=utf-8", include_str!("page.js")),
            _ if !request.header("x-emolab-secret").is_some_and(|secret| is_same(secret, &self.secret)) => {
                Answer::empty("403 Forbidden")
            }
            ("GET", "/next") => self.next(request),
            ("GET", "/sound") => self.sound(request),
            ("POST", "/report") => self.report(&request.body),
            _ => Answer::empty("404 Not Found"),
        }
    }

    /// The order after the one that the page has; waits for it.
    fn next(&self, request: &Request) -> Answer {
        let after = request.asked("after").and_then(|after| after.parse().ok()).unwrap_or(0);
        let Some(page) = request.asked("page").filter(|page| page.len() <= 64) else {
            return Answer::empty("400 Bad Request");
        };
        let mut desk = self.lock();
        if !desk.admits(page) {
            return Answer::empty("409 Conflict");
        }
        desk.waiting += 1;
        self.changed.notify_all();
        let waits = |desk: &mut Desk| {
            !desk.closed
                && desk.page.as_deref() == Some(page)
                && desk.order.as_ref().is_none_or(|order| order.serial <= after)
        };
        let waited = self.changed.wait_timeout_while(desk, POLL, waits);
        let (mut desk, _) = waited.unwrap_or_else(PoisonError::into_inner);
        desk.waiting -= 1;
        desk.seen = Some(Instant::now());
        if desk.page.as_deref() != Some(page) {
            return Answer::empty("409 Conflict");
        }
        let order = desk.order.as_ref().filter(|order| order.serial > after);
        match order.map(serde_json::to_vec) {
            Some(Ok(body)) => Answer { status: "200 OK", kind: "application/json", body },
            _ => Answer::empty("204 No Content"),
        }
    }

    fn sound(&self, request: &Request) -> Answer {
        let number: Option<u64> = request.asked("number").and_then(|number| number.parse().ok());
        let speed: f32 = request.asked("speed").and_then(|speed| speed.parse().ok()).unwrap_or(1.0);
        let sound =
            self.lock().sounds.iter().find(|(known, _)| Some(*known) == number).map(|(_, sound)| Arc::clone(sound));
        match sound.filter(|_| (0.5..=2.0).contains(&speed)) {
            Some(sound) => Answer { status: "200 OK", kind: "audio/wav", body: wav::bytes(&sound, speed) },
            None => Answer::empty("404 Not Found"),
        }
    }

    fn report(&self, body: &[u8]) -> Answer {
        let Ok(told) = serde_json::from_slice::<Told>(body) else { return Answer::empty("400 Bad Request") };
        let mut desk = self.lock();
        if told.page.len() > 64 || !desk.admits(&told.page) {
            return Answer::empty("409 Conflict");
        }
        let now = Instant::now();
        desk.seen = Some(now);
        let late = Duration::try_from_secs_f64(told.trip / 2.0).unwrap_or_default().min(Duration::from_secs(2));
        let when = now.checked_sub(late).unwrap_or(now);
        if told.at.is_finite() && told.state != State::Ready {
            desk.report = Some(Report { take: told.take, state: told.state, at: told.at, when });
        }
        self.changed.notify_all();
        Answer::empty("204 No Content")
    }
}

impl Desk {
    /// Whether that page is the one that plays; a page not seen before becomes it.
    fn admits(&mut self, page: &str) -> bool {
        if self.page.as_deref() == Some(page) {
            return true;
        }
        if self.replaced.iter().any(|old| old == page) {
            return false;
        }
        if let Some(old) = self.page.replace(page.to_owned()) {
            if self.replaced.len() == PAGES {
                self.replaced.remove(0);
            }
            self.replaced.push(old);
        }
        true
    }
}

/// Takes connections until the server is closed.
fn listen(listener: &TcpListener, shared: &Arc<Shared>) {
    for stream in listener.incoming() {
        if shared.lock().closed {
            return;
        }
        let Ok(stream) = stream else { continue };
        if shared.connections.fetch_add(1, Ordering::Relaxed) >= CONNECTIONS {
            shared.connections.fetch_sub(1, Ordering::Relaxed);
            continue;
        }
        let own = Arc::clone(shared);
        let thread = std::thread::Builder::new().name("browser".into()).spawn(move || {
            // A browser that went away is no news.
            let _ = serve(stream, &own);
            own.connections.fetch_sub(1, Ordering::Relaxed);
        });
        if thread.is_err() {
            shared.connections.fetch_sub(1, Ordering::Relaxed);
        }
    }
}

/// Answers what comes on one connection.
fn serve(stream: TcpStream, shared: &Shared) -> std::io::Result<()> {
    stream.set_read_timeout(Some(IDLE))?;
    stream.set_write_timeout(Some(IDLE))?;
    stream.set_nodelay(true)?;
    let mut out = stream.try_clone()?;
    let mut input = BufReader::new(stream);
    loop {
        match Request::read(&mut input) {
            Ok(request) => shared.answer(&request).write(&mut out)?,
            Err(Bad::Gone) => return Ok(()),
            Err(Bad::Request(status)) => {
                Answer::empty(status).write(&mut out)?;
                return out.flush();
            }
        }
        if shared.lock().closed {
            return Ok(());
        }
    }
}

fn text(kind: &'static str, body: &str) -> Answer {
    Answer { status: "200 OK", kind, body: body.as_bytes().to_vec() }
}

/// 80 random bits in letters and digits that no address needs to escape.
fn secret() -> String {
    const LETTERS: &[u8; 32] = b"abcdefghijkmnpqrstuvwxyz23456789";
    rand::random::<[u8; 16]>().iter().map(|byte| char::from(LETTERS[usize::from(byte % 32)])).collect()
}

/// Compares in a time that does not tell where they differ.
fn is_same(one: &str, other: &str) -> bool {
    one.len() == other.len() && one.bytes().zip(other.bytes()).fold(0, |all, (a, b)| all | (a ^ b)) == 0
}
