//! What a user waits for, in a real pty: the first frame, and from a key to the screen, idle and while a CNN trains.
//!
//! `cargo bench --bench screen` prints median, p99 and worst in milliseconds. Reported, never asserted: the machine decides.

#![allow(clippy::unwrap_used, clippy::print_stdout, missing_docs)]

#[allow(dead_code)]
#[path = "../tests/support/pty.rs"]
mod pty;

use std::path::Path;
use std::time::{Duration, Instant};

use pty::Terminal;

const STARTS: usize = 20;
const KEYS: usize = 300;

fn main() {
    let home = tempfile::tempdir().unwrap();
    let first = |text: &str| {
        let times = (0..STARTS).map(|_| {
            let started = Instant::now();
            let mut terminal = Terminal::start(home.path(), &["--silent"]);
            terminal.wait(text);
            let time = started.elapsed();
            terminal.wait("96 of 96 clips");
            terminal.send("q");
            assert!(terminal.end());
            time
        });
        times.collect::<Vec<_>>()
    };
    report("first frame, demo corpus", first("1 Browse"));
    report("all clips of the demo corpus shown", first("96 of 96 clips"));

    let mut terminal = Terminal::start(home.path(), &["--silent"]);
    terminal.wait("96 of 96 clips");
    report("key to screen, idle", keys(&mut terminal));
    terminal.send("3");
    terminal.wait("classifiers");
    terminal.send("aa ");
    terminal.wait("[x] cnn");
    terminal.send("\r");
    terminal.wait("epoch");
    terminal.send("1");
    terminal.wait("96 of 96 clips");
    report("key to screen, while the cnn trains", keys(&mut terminal));
    terminal.send("3");
    terminal.wait("fold");
    terminal.send("x");
    terminal.wait("cancelled");
    terminal.send("q");
    assert!(terminal.end());
}

/// Walks through the table; the line under it names the selected clip.
fn keys(terminal: &mut Terminal) -> Vec<Duration> {
    let demo = Path::new(env!("CARGO_MANIFEST_DIR")).join("corpora/demo");
    let names = std::fs::read_dir(demo).unwrap().map(|entry| entry.unwrap().file_name().into_string().unwrap());
    let mut names: Vec<String> = names.filter(|name| name.ends_with(".flac")).collect();
    names.sort();
    terminal.send("g");
    terminal.wait(&format!("{} ·", names[0]));
    let (mut at, mut key) = (0, "j");
    (0..KEYS)
        .map(|_| {
            if at + 1 == names.len() {
                key = "k";
            } else if at == 0 {
                key = "j";
            }
            at = if key == "j" { at + 1 } else { at - 1 };
            let pressed = Instant::now();
            terminal.send(key);
            terminal.wait(&format!("{} ·", names[at]));
            pressed.elapsed()
        })
        .collect()
}

fn report(what: &str, mut times: Vec<Duration>) {
    times.sort();
    let at = |share: f64| times[((times.len() - 1) as f64 * share).round() as usize].as_secs_f64() * 1e3;
    let (median, p99, worst) = (at(0.5), at(0.99), at(1.0));
    println!("{what:<40} median {median:>7.1} ms   p99 {p99:>7.1} ms   worst {worst:>7.1} ms   n {}", times.len());
}
