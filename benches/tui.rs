//! What the terminal costs, in a real pty: `cargo bench --bench tui -- [CLIPS] [--scale]`; `--scale`: the last part alone.
//!
//! Idle: how often any thread wakes up in 10 s and how much processor that takes. Over SSH while a clip plays in a loop: frames
//! and bytes a second. At scale: from a key to the screen on so many clips, alone and while a training uses every core.
//! Reported beside the bars of the design, never asserted: the machine decides. Deliberately absent: criterion; the figures are
//! counts and tails.

#![allow(clippy::unwrap_used, clippy::print_stdout, missing_docs)]

#[allow(dead_code)]
mod made;
#[allow(dead_code)]
#[path = "../tests/support/pty.rs"]
mod pty;

use std::fs;
use std::time::{Duration, Instant};

use made::{Made, made, name};
use pty::{Start, Terminal};

const WATCHED: Duration = Duration::from_secs(10);
const KEYS: usize = 500;

fn main() {
    let clips = std::env::args().skip(1).find_map(|arg| arg.parse().ok()).unwrap_or(1_000_000);
    if !std::env::args().any(|arg| arg == "--scale") {
        let home = tempfile::tempdir().unwrap();
        idle(home.path());
        [(80, 24), (120, 40), (200, 60)].into_iter().for_each(|size| over_ssh(home.path(), size));
    }
    at_scale(clips);
}

fn idle(home: &std::path::Path) {
    for key in ["", "2", "3", "4", "5", "6"] {
        let mut terminal = Terminal::start(home, &["--silent"]);
        terminal.wait("96 of 96 clips");
        terminal.send(key);
        // Pictures of the clips around are made at first, and a clip that Label plays ends; then the sink goes to rest.
        std::thread::sleep(Duration::from_secs(8));
        let (wakes, ticks, frames) = (wakes(terminal.pid()), ticks(terminal.pid()), terminal.received().1);
        std::thread::sleep(WATCHED);
        println!(
            "idle, screen {:<8} {:>3} wake-ups, {} ms of processor, {} frames in 10 s (bar: 0)",
            if key.is_empty() { "1" } else { key },
            self::wakes(terminal.pid()) - wakes,
            10 * (self::ticks(terminal.pid()) - ticks),
            terminal.received().1 - frames
        );
        // Who is killed comes back to the screen that was open.
        terminal.send("q");
        assert!(terminal.ends_tidily());
    }
}

fn over_ssh(home: &std::path::Path, size: (u16, u16)) {
    let env = [("SSH_CONNECTION", "10.0.0.1 50000 10.0.0.2 22"), ("COLORTERM", "truecolor")];
    let mut terminal = Terminal::with(home, &["--silent"], Start { size, env: &env, ..Start::default() });
    terminal.wait("96 of 96 clips");
    terminal.send("L");
    terminal.wait("again and again");
    terminal.send(" ");
    std::thread::sleep(Duration::from_secs(2));
    let (bytes, frames) = terminal.received();
    std::thread::sleep(WATCHED);
    let (more, later) = terminal.received();
    let seconds = WATCHED.as_secs_f64();
    println!(
        "over SSH, playing, {}x{}: {:.1} frames/s (bar: 10), {:.2} kB/s (bar: 20)",
        size.0,
        size.1,
        (later - frames) as f64 / seconds,
        (more - bytes) as f64 / seconds / 1e3
    );
    terminal.kill();
}

fn at_scale(clips: usize) {
    let Made { home, root, store } = made(clips);
    let since = Instant::now();
    let args = [root.to_str().unwrap(), "--silent", "--store", store.to_str().unwrap()];
    let mut terminal = Terminal::start(&home, &args);
    terminal.wait(&format!("{clips} of {clips} clips"));
    println!("{clips} clips shown after {:.2} s", since.elapsed().as_secs_f64());
    report("key to screen, idle", keys(&mut terminal, clips));
    lists(&mut terminal, clips);
    terminal.send("3");
    terminal.wait("classifiers");
    terminal.send("aa");
    terminal.wait_until("nothing chosen", |screen| !screen.contains("[x]"));
    terminal.send(" ");
    terminal.wait("[x]");
    terminal.send("\r");
    terminal.wait("training");
    terminal.send("1");
    terminal.wait(&format!("{clips} of {clips} clips"));
    let (since, before) = (Instant::now(), ticks(terminal.pid()));
    let times = keys(&mut terminal, clips);
    let cores = (ticks(terminal.pid()) - before) as f64 / 100.0 / since.elapsed().as_secs_f64();
    report(&format!("key to screen, {cores:.1} cores training (bar: 16 ms)"), times);
    terminal.kill();
}

/// Lists that are made anew: sorted, filtered, and with a clip sent to review.
fn lists(terminal: &mut Terminal, clips: usize) {
    let mut once = |what: &str, keys: &str, until: &str| {
        let pressed = Instant::now();
        terminal.send(keys);
        terminal.wait(until);
        println!("{what}: {:.0} ms until the list is there", pressed.elapsed().as_secs_f64() * 1e3);
    };
    once("sorted by speaker", "o", "by speaker ascending");
    once("and the other way round", "O", "by speaker descending");
    once("sorted by file again", "ooooo", "by file ascending");
    once("sent to review", "!", "review");
    once("filtered by label", ":filter label:fear\r", "clips pass");
    once("all again", ":filter\r\x15\r", &format!("{clips} of {clips} clips"));
}

/// Walks down the table, a key every 30 ms; the line under it names the selected clip.
fn keys(terminal: &mut Terminal, clips: usize) -> Vec<Duration> {
    let in_order = |number: usize| {
        // As the table has them: one folder after the other.
        let half = clips.div_ceil(2);
        if number < half { name(2 * number) } else { name(2 * (number - half) + 1) }
    };
    terminal.send("g");
    terminal.wait(&format!("{} ·", in_order(0)));
    let times = (1..=KEYS).map(|number| {
        std::thread::sleep(Duration::from_millis(30));
        let pressed = Instant::now();
        terminal.send("j");
        terminal.wait(&format!("{} ·", in_order(number)));
        pressed.elapsed()
    });
    times.collect()
}

fn report(what: &str, mut times: Vec<Duration>) {
    times.sort();
    let at = |share: f64| times[((times.len() - 1) as f64 * share).round() as usize].as_secs_f64() * 1e3;
    println!("{what}: median {:.1} ms, p99 {:.1} ms, worst {:.1} ms, n {}", at(0.5), at(0.99), at(1.0), times.len());
}

/// Times that any thread of the process gave the processor away and got it again.
fn wakes(pid: u32) -> u64 {
    let threads = fs::read_dir(format!("/proc/{pid}/task")).unwrap().flatten();
    let status = threads.filter_map(|thread| fs::read_to_string(thread.path().join("status")).ok());
    let count = |text: String| {
        let lines =
            text.lines().filter_map(|line| line.strip_prefix("voluntary_ctxt_switches:")?.trim().parse::<u64>().ok());
        lines.sum::<u64>()
    };
    status.map(count).sum()
}

/// Hundredths of a second of processor, of all threads.
fn ticks(pid: u32) -> u64 {
    let stat = fs::read_to_string(format!("/proc/{pid}/stat")).unwrap();
    let fields: Vec<&str> = stat.rsplit(')').next().unwrap().split_whitespace().collect();
    fields[11].parse::<u64>().unwrap() + fields[12].parse::<u64>().unwrap()
}
