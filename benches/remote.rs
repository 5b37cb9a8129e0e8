//! Remote hearing over a slow line: `cargo bench --bench remote -- [CORPUS] [DELAY_MS] [KBIT]`, 200 ms there and back and 256 kbit/s
//! if nothing else is said.
//!
//! `emolab ssh` to an OpenSSH server of its own, through a relay on the loopback that holds every byte back by half the delay and
//! lets no more pass than the rate. An annotator hears each clip to its end, thinks for a second and labels it. From the key to
//! the echo on the screen, and from the key to the first sample of the next clip on the laptop, beside the line's own round trip.
//! Reported, never asserted. Deliberately absent: criterion; loss and jitter.

#![allow(clippy::unwrap_used, clippy::print_stdout, missing_docs)]

#[allow(dead_code)]
#[path = "../tests/support/pty.rs"]
mod pty;
#[allow(dead_code)]
#[path = "../tests/support/sshd.rs"]
mod sshd;

use std::io::{Read, Write};
use std::net::{Ipv4Addr, TcpListener, TcpStream};
use std::path::{Path, PathBuf};
use std::sync::mpsc::channel;
use std::thread;
use std::time::{Duration, Instant};

use pty::{Start, Terminal};
use sshd::Sshd;

const CLIPS: usize = 20;
const KEYS: usize = 40;
const ECHOES: usize = 20;
/// From the end of a clip to the key: nobody decides in less.
const THOUGHT: Duration = Duration::from_secs(1);

/// Why nothing is measured.
fn skipped(reason: &str) {
    println!("skipped: {reason}");
}

/// What a line does to bytes, each way.
#[derive(Clone, Copy)]
struct Line {
    delay: Duration,
    bytes_a_second: f64,
}

fn main() {
    let args: Vec<String> = std::env::args().skip(1).filter(|arg| !arg.starts_with("--")).collect();
    let number = |at: usize, default: f64| args.get(at).and_then(|arg| arg.parse().ok()).unwrap_or(default);
    let corpus = args.first().map_or_else(|| "../shared/corpora/emodb/wav".into(), PathBuf::from);
    let Ok(corpus) = corpus.canonicalize() else { return skipped("no corpus there") };
    let (delay, kbit) = (number(1, 200.0), number(2, 256.0));
    let line = Line { delay: Duration::from_secs_f64(delay / 2_000.0), bytes_a_second: kbit * 125.0 };
    println!("a line of {delay} ms there and back, {kbit} kbit/s each way; clips of {}", corpus.display());
    report("an echo through the relay alone", &echoes(line));
    let home = tempfile::tempdir().unwrap();
    let Some(sshd) = Sshd::start(home.path(), &["EMOLAB_SCHEME=ekman6"], &[]) else { return };
    let port = relay(line, sshd.port());
    report("key to screen, Browse, while sounds are sent ahead", &keys(&sshd, port, &corpus));
    let (starts, answers, screen) = clips(&sshd, port, &corpus);
    let inorder: Vec<String> = starts.iter().map(|start| format!("{:.0}", 1e3 * start.as_secs_f64())).collect();
    println!("in order: {} ms; the screen took {:.1} kB/s", inorder.join(" "), screen / 1e3);
    report("label key to the next clip's first sample on the laptop", &starts);
    report("label key to the next clip on the screen", &answers);
}

fn report(what: &str, times: &[Duration]) {
    let mut ms: Vec<f64> = times.iter().map(|time| 1e3 * time.as_secs_f64()).collect();
    ms.sort_by(f64::total_cmp);
    let (median, last) = (ms[ms.len() / 2], ms[ms.len() - 1]);
    println!("{what:<58} n {:>3}  least {:.0}  median {median:.0}  most {last:.0} ms", ms.len(), ms[0]);
}

/// A port that leads to another one over that line; its threads end with their connections.
fn relay(line: Line, to: u16) -> u16 {
    let door = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).unwrap();
    let port = door.local_addr().unwrap().port();
    thread::spawn(move || {
        for near in door.incoming().map_while(Result::ok) {
            let far = TcpStream::connect((Ipv4Addr::LOCALHOST, to)).unwrap();
            [&near, &far].into_iter().for_each(|end| end.set_nodelay(true).unwrap());
            pass(line, near.try_clone().unwrap(), far.try_clone().unwrap());
            pass(line, far, near);
        }
    });
    port
}

fn pass(line: Line, mut from: TcpStream, mut to: TcpStream) {
    let (send, arrived) = channel::<(Instant, Vec<u8>)>();
    thread::spawn(move || {
        let mut buffer = [0; 1_500];
        while let Ok(count @ 1..) = from.read(&mut buffer) {
            let _ = send.send((Instant::now(), buffer[..count].to_vec()));
        }
    });
    thread::spawn(move || {
        let mut free = Instant::now();
        for (when, bytes) in arrived {
            free = free.max(when) + Duration::from_secs_f64(bytes.len() as f64 / line.bytes_a_second);
            thread::sleep((free + line.delay).saturating_duration_since(Instant::now()));
            if to.write_all(&bytes).is_err() {
                break;
            }
        }
        let _ = to.shutdown(std::net::Shutdown::Both);
    });
}

/// One byte there and back, again and again.
fn echoes(line: Line) -> Vec<Duration> {
    let door = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).unwrap();
    let mut stream = TcpStream::connect((Ipv4Addr::LOCALHOST, relay(line, door.local_addr().unwrap().port()))).unwrap();
    let (mut echo, _) = door.accept().unwrap();
    thread::spawn(move || {
        let mut byte = [0];
        while echo.read_exact(&mut byte).and_then(|()| echo.write_all(&byte)).is_ok() {}
    });
    let once = |_| {
        let start = Instant::now();
        stream.write_all(b"x").and_then(|()| stream.read_exact(&mut [0])).unwrap();
        start.elapsed()
    };
    (0..ECHOES).map(once).collect()
}

fn connected(sshd: &Sshd, port: u16, words: &[&str], (home, corpus): (&Path, &Path)) -> Terminal {
    let target = format!("server:{}", corpus.display());
    let mut args: Vec<String> = ["ssh"].iter().chain(words).map(|word| (*word).to_owned()).collect();
    args.extend([target, "--".into(), "-p".into(), port.to_string()].into_iter().chain(sshd.options()));
    Terminal::with(home, &args, Start::default())
}

fn keys(sshd: &Sshd, port: u16, corpus: &Path) -> Vec<Duration> {
    let home = tempfile::tempdir().unwrap();
    let mut terminal = connected(sshd, port, &["--audio", "none"], (home.path(), corpus));
    terminal.wait("clips  ");
    terminal.send(" ");
    terminal.wait("sound at");
    let once = |_| {
        let before = terminal.screen();
        let start = Instant::now();
        terminal.send("j");
        terminal.wait_until("the cursor to move", |screen| screen != before);
        let took = start.elapsed();
        // What comes after the first change: the picture of the clip.
        thread::sleep(Duration::from_secs(1));
        took
    };
    let times = (0..KEYS).map(once).collect();
    terminal.send("q");
    assert!(terminal.end());
    times
}

/// Both times of each clip, and the bytes a second that the screen took.
fn clips(sshd: &Sshd, port: u16, corpus: &Path) -> (Vec<Duration>, Vec<Duration>, f64) {
    let home = tempfile::tempdir().unwrap();
    let words = ["--label", "--audio", "file:heard.wav"];
    let mut terminal = connected(sshd, port, &words, (home.path(), corpus));
    let file = home.path().join("heard.wav");
    let length = || std::fs::metadata(&file).map_or(0, |about| about.len());
    let (mut starts, mut answers) = (Vec::new(), Vec::new());
    let (begin, bytes) = (Instant::now(), terminal.received().0);
    for clip in 0..CLIPS {
        terminal.wait_until("a clip to be heard", |screen| screen.lines().any(|line| line.starts_with("playing")));
        let over = |screen: &str| screen.lines().any(|line| line.starts_with("paused") && is_over(line));
        terminal.wait_until("it to be heard out", over);
        thread::sleep(THOUGHT);
        let (before, screen) = (length(), terminal.screen());
        let start = Instant::now();
        terminal.send("a");
        let (mut heard, mut seen) = (None, None);
        while heard.is_none() || seen.is_none() {
            assert!(start.elapsed() < Duration::from_secs(60), "no sound; the screen is\n{}", terminal.screen());
            thread::sleep(Duration::from_millis(1));
            heard = heard.or_else(|| (length() != before).then(|| start.elapsed()));
            seen = seen.or_else(|| (terminal.screen() != screen).then(|| start.elapsed()));
        }
        // The very first clips find nothing sent ahead on so slow a line.
        if clip > 0 {
            starts.extend(heard);
            answers.extend(seen);
        }
    }
    let screen = (terminal.received().0 - bytes) as f64 / begin.elapsed().as_secs_f64();
    terminal.kill();
    (starts, answers, screen)
}

/// `paused 1.23 / 1.23 s …`.
fn is_over(line: &str) -> bool {
    let words: Vec<&str> = line.split_whitespace().collect();
    matches!(words[..], [_, at, _, of, ..] if at == of && at.parse::<f64>().is_ok_and(|at| at > 0.0))
}
