//! What happens to terminals and processes: signals, windows closed, pipes cut, pastes, storms. Nothing hangs, nothing is lost,
//! and the terminal is given back where there is one.

use std::path::Path;
use std::process::Stdio;

use crate::support::pty::{Start, Terminal};
use crate::support::{Home, demo, text};

const ESC: &str = "\x1b";

fn labels(home: &Home) -> usize {
    let out = home.path().join("labels.jsonl");
    let args =
        ["export", demo().to_str().unwrap(), "--format", "jsonl", "-o", out.to_str().unwrap()].map(str::to_owned);
    let output = home.emolab(&args.each_ref().map(String::as_str)).output().unwrap();
    assert!(output.status.success(), "{}", text(&output.stderr));
    std::fs::read_to_string(out).unwrap().lines().count()
}

fn log(home: &Home) -> String {
    std::fs::read_to_string(home.path().join(".local/state/emolab/emolab.log")).unwrap()
}

fn labelling(home: &Home) -> Terminal {
    let demo = demo();
    let terminal = Terminal::start(home.path(), &["label", demo.to_str().unwrap(), "--silent", "--annotator", "ann"]);
    terminal.wait("0 labelled");
    terminal
}

fn browsing(home: &Home) -> Terminal {
    let terminal = Terminal::start(home.path(), &["--silent"]);
    terminal.wait("96 of 96 clips");
    terminal
}

fn quit(mut terminal: Terminal) {
    terminal.send("q");
    assert!(terminal.end());
}

#[test]
fn a_signal_ends_it_tidily_as_its_sender_expects_and_the_log_tells() {
    for (name, number) in [("TERM", 15), ("HUP", 1), ("INT", 2)] {
        let home = Home::new();
        let mut terminal = labelling(&home);
        terminal.send("1");
        terminal.wait("1 labelled");
        terminal.signal(name);
        assert!(terminal.ends_tidily(), "SIG{name} leaves the alternate screen");
        assert_eq!(labels(&home), 1);
        let log = log(&home);
        assert!(log.contains("starts: label") && log.contains(&format!("signal {number}: Quit")), "{log}");
    }
}

#[test]
fn a_closed_window_ends_it_and_keeps_what_was_said() {
    let home = Home::new();
    let mut terminal = labelling(&home);
    terminal.send("1");
    terminal.wait("1 labelled");
    terminal.close().wait();
    assert!(labels(&home) >= 1);
}

#[test]
fn a_terminal_that_goes_away_without_a_signal_ends_it_too() {
    let home = Home::new();
    let start = Start { controlling: false, ..Start::default() };
    let terminal = Terminal::with(home.path(), &["--silent"], start);
    terminal.wait("96 of 96 clips");
    let status = terminal.close().wait();
    assert_eq!(status.exit_code(), 1, "an error, not a signal");
    assert!(log(&home).contains("ends: "), "{}", log(&home));
}

#[cfg(target_os = "linux")]
#[test]
fn it_stops_and_goes_on_twice() {
    let home = Home::new();
    let mut terminal = browsing(&home);
    for key in ["j", "k"] {
        terminal.send("\x1a");
        terminal.wait_given_back();
        until_stopped(terminal.pid());
        terminal.signal("CONT");
        terminal.wait("96 of 96 clips");
        assert!(terminal.in_alternate_screen());
        terminal.send(key);
    }
    quit(terminal);
}

#[cfg(target_os = "linux")]
fn until_stopped(pid: u32) {
    let state = || std::fs::read_to_string(format!("/proc/{pid}/stat")).unwrap();
    while !state().rsplit(')').next().unwrap().starts_with(" T") {
        std::thread::yield_now();
    }
}

#[test]
fn a_megabyte_of_paste_labels_nothing_and_presses_no_key() {
    let home = Home::new();
    let mut terminal = labelling(&home);
    let bomb = format!("{ESC}[200~{}{ESC}[201~", "1 2 3 q y\r\n".repeat(100_000));
    terminal.send(&bomb);
    terminal.send("1");
    terminal.wait("1 labelled");
    terminal.send(ESC);
    terminal.wait("96 of 96 clips");
    terminal.send(&bomb);
    terminal.send("2");
    terminal.wait("1 labelled");
    terminal.send(ESC);
    terminal.wait("96 of 96 clips");
    quit(terminal);
    assert_eq!(labels(&home), 1);
}

#[test]
fn a_key_costs_a_frame_and_what_it_calls_for() {
    let home = Home::new();
    let mut terminal = browsing(&home);
    terminal.wait("f1_anger_s1.flac · anger");
    let before = terminal.received().1;
    for (key, clip) in [("j", "f1_anger_s2.flac ·"), ("k", "f1_anger_s1.flac ·")].repeat(20) {
        terminal.send(key);
        terminal.wait(clip);
    }
    // The key's own, and one each for the picture of either clip and of those around.
    let frames = terminal.received().1 - before;
    assert!((40..=60).contains(&frames), "{frames} frames for 40 keys");
    quit(terminal);
}

#[test]
fn a_storm_of_sizes_ends_in_the_last_one() {
    let home = Home::new();
    let terminal = browsing(&home);
    for number in 0..200_u16 {
        terminal.resize((10 + number * 7 % 190, 5 + number * 3 % 60));
    }
    terminal.resize((100, 30));
    let footer = |screen: &str| screen.lines().count() == 30 && screen.contains("96 of 96 clips");
    terminal.wait_until("30 lines", footer);
    quit(terminal);
}

#[test]
fn garbage_from_the_terminal_is_passed_over() {
    let home = Home::new();
    let mut terminal = browsing(&home);
    for garbage in [
        "\x1b[99999999999999999999~",
        "\x1b[<0;99999;99999M\x1b[<64;0;0m",
        "\x1b[M\u{1}\u{1}\u{1}",
        "\x1b[?1;2c\x1b[24;80R\x1b[>0;276;0c",
        "\x1b[200~\x1b[201~",
        "\u{fffd}\u{0}\u{7f}\u{9b}31m",
        "\x1b[;;;;;;;;;;;;u\x1b[27;5;9~",
        "\x1bOz\x1bO",
    ] {
        terminal.send(garbage);
    }
    // Whatever was made of it: Esc leads back, and a key that means nothing is told.
    terminal.send(&ESC.repeat(8));
    terminal.send("%");
    terminal.wait("% does nothing here");
    terminal.send("?");
    terminal.wait("Esc closes");
    terminal.send(ESC);
    terminal.wait("96 of 96 clips");
    quit(terminal);
}

#[test]
fn a_terminal_that_takes_nothing_for_a_while_loses_no_label() {
    let home = Home::new();
    let mut terminal = labelling(&home);
    terminal.stall();
    terminal.send(&"1".repeat(60));
    terminal.go_on();
    terminal.wait("60 labelled");
    terminal.send("q");
    terminal.send("y");
    assert!(terminal.end());
    assert_eq!(labels(&home), 60);
}

#[test]
fn a_terminal_that_takes_nothing_any_more_does_not_keep_it_from_ending() {
    let home = Home::new();
    let mut terminal = labelling(&home);
    terminal.send("1");
    terminal.wait("1 labelled");
    terminal.stall();
    // Ever new frames, until the pty has no more room for them.
    (0..40).for_each(|number| terminal.resize((80 + number, 24)));
    terminal.send(&"?j".repeat(200));
    terminal.signal("TERM");
    let (ending, master) = terminal.ending();
    ending.wait();
    drop(master);
    assert!(labels(&home) >= 1);
}

#[test]
fn a_cut_pipe_is_no_failure_of_any_verb_that_prints() {
    let (home, demo) = (Home::new(), demo());
    let demo = demo.to_str().unwrap();
    let compared = home.run(&["compare", demo, "--models", "majority", "--plan", "speakers:2", "--quiet"]);
    assert!(compared.status.success(), "{}", text(&compared.stderr));
    let verbs: &[&[&str]] = &[
        &["scan", demo, "--quiet"],
        &["scan", demo, "--quiet", "--json"],
        &[demo],
        &["plan", demo, "--quiet"],
        &["runs"],
        &["runs", "show", "1"],
        &["report", "1", "--format", "html"],
        &["check"],
        &["features", "--describe", "--set", "mfcc"],
        &["config", "show", "--origin"],
        &["config", "path"],
        &["completions", "bash"],
        &["man"],
        &["--help"],
        &["compare", "--help"],
        &["--version"],
    ];
    for args in verbs {
        let mut child = home.emolab(args).stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().unwrap();
        drop(child.stdout.take());
        let output = child.wait_with_output().unwrap();
        let talk = text(&output.stderr);
        assert!(output.status.success() && !talk.contains("panicked"), "{args:?}: {:?} {talk}", output.status);
    }
}

const CHILD: &str = "EMOLAB_TEST_PANIC";

/// In a process of its own: hook and logger are the whole process's.
#[test]
fn a_panic_in_a_job_fails_the_job_and_is_in_the_log_with_the_way_to_it() {
    if std::env::var_os(CHILD).is_some() {
        return panics();
    }
    let home = Home::new();
    let file = home.path().join("x.log");
    let output = std::process::Command::new(std::env::current_exe().unwrap())
        .args(["robust::a_panic_in_a_job", "--nocapture"])
        .envs([(CHILD, Path::new("1")), ("EMOLAB_LOG", &file)])
        .output()
        .unwrap();
    assert!(output.status.success(), "{}", text(&output.stderr));
    let log = std::fs::read_to_string(file).unwrap();
    let panic = log.lines().find(|line| line.contains("panic in thread crash")).unwrap_or_else(|| panic!("{log}"));
    assert!(panic.contains(" ERROR "), "{panic}");
    assert!(log.contains("boom") && log.contains("tests/robust.rs"), "{log}");
    assert!(log.contains("crash: failed after") && log.contains("internal error: boom"), "{log}");
}

fn panics() {
    use emolab::job::{Job, Report};
    emolab::workbench::logbook::begin("", 0, false);
    std::panic::set_hook(Box::new(emolab::workbench::logbook::panicked));
    let (send, reports) = std::sync::mpsc::channel();
    let work = |_: &dyn emolab::job::Watch<()>| -> anyhow::Result<()> { panic!("boom") };
    Job::spawn("crash", move |report: Report<(), ()>| drop(send.send(report)), work).unwrap().join();
    assert!(matches!(reports.recv().unwrap(), Report::Failed(reason) if reason.contains("boom")));
}
