//! A handful of journeys in a real pty, waiting for text, never for time.

use std::path::{Path, PathBuf};

use crate::support::pty::Terminal;
use crate::support::{Home, demo, text};

const ENTER: &str = "\r";
const ESC: &str = "\x1b";

fn labels(home: &Home, corpus: &Path) -> Vec<serde_json::Value> {
    let out = home.path().join("labels.jsonl");
    let args = ["export", corpus.to_str().unwrap(), "--format", "jsonl", "-o", out.to_str().unwrap()];
    let output = home.run(&args);
    assert!(output.status.success(), "{}", text(&output.stderr));
    std::fs::read_to_string(out).unwrap().lines().map(|line| serde_json::from_str(line).unwrap()).collect()
}

/// Clips of noise, one folder per label; all different, quick to read.
fn many_clips(home: &Home, count: usize) -> PathBuf {
    let root = home.path().join("many");
    for number in 0..count {
        let dir = root.join(["angry", "sad"][number % 2]);
        std::fs::create_dir_all(&dir).unwrap();
        let spec = hound::WavSpec {
            channels: 1,
            sample_rate: 8000,
            bits_per_sample: 16,
            sample_format: hound::SampleFormat::Int,
        };
        let mut wav = hound::WavWriter::create(dir.join(format!("{number:03}.wav")), spec).unwrap();
        let mut state = number as u32 + 1;
        for _ in 0..800 {
            state = state.wrapping_mul(1_664_525).wrapping_add(1_013_904_223);
            wav.write_sample((state >> 18) as i16).unwrap();
        }
        wav.finalize().unwrap();
    }
    root
}

#[test]
fn from_the_first_look_to_the_clips_behind_a_cell() {
    let home = Home::new();
    let mut terminal = Terminal::start(home.path(), &["--silent", "--annotator", "ann"]);
    terminal.wait("96 of 96 clips");
    assert!(terminal.screen().contains("synthetic"), "{}", terminal.screen());

    terminal.send(" ");
    terminal.wait("silent");
    terminal.wait_until("the sound at its end", |screen| screen.contains("paused") && screen.contains("1.35 / 1.35"));

    terminal.send("2");
    terminal.wait("0 labelled");
    // The footer is drawn last: with it the whole frame is there.
    let shown = terminal.wait_until("the footer of Label", |screen| screen.contains("s skip"));
    assert!(!shown.contains(".flac") && !shown.contains("speaker f"), "label mode is blind:\n{shown}");
    terminal.send("1");
    terminal.wait("1 labelled");
    terminal.send("u");
    terminal.wait("0 labelled");
    terminal.send("2");
    terminal.wait("1 labelled");
    terminal.send(ESC);
    terminal.wait("96 of 96 clips");

    // A key that means nothing is told and does nothing.
    terminal.send("%");
    terminal.wait("% does nothing here");

    terminal.send("3");
    terminal.wait("classifiers");
    terminal.send("aa");
    terminal.wait_until("nothing chosen", |screen| !screen.contains("[x]"));
    terminal.send("G");
    terminal.send("g");
    terminal.send("jjjj ");
    terminal.wait("[x] svm");
    terminal.send("jjjjjjjjj ");
    terminal.wait("[x] naive-bayes");
    terminal.send(ENTER);
    terminal.wait("runs by number");
    terminal.wait_until("both runs", |screen| screen.contains("svm") && screen.contains("naive-bayes"));

    terminal.send(ENTER);
    terminal.wait("weighted avg");
    terminal.send("\t");
    terminal.wait("Enter shows them");
    terminal.send(ENTER);
    terminal.wait("Esc goes back");
    terminal.send(ESC);
    terminal.wait("Enter shows them");
    terminal.send("q");
    assert!(terminal.end(), "quit is a success");

    let acts: Vec<String> = labels(&home, &demo()).iter().map(|row| row["act"].as_str().unwrap().to_owned()).collect();
    assert_eq!(acts, ["label", "undo", "label"]);
}

#[test]
fn kill_9_after_each_of_100_labels_loses_none() {
    let home = Home::new();
    let corpus = many_clips(&home, 104);
    for number in 1..=100 {
        let mut terminal =
            Terminal::start(home.path(), &["label", corpus.to_str().unwrap(), "--silent", "--annotator", "ann"]);
        terminal.wait(&format!("{} labelled", number - 1));
        terminal.send(if number % 2 == 0 { "1" } else { "2" });
        terminal.wait(&format!("{number} labelled"));
        terminal.kill();
    }
    let rows = labels(&home, &corpus);
    assert_eq!(rows.len(), 100);
    let files: std::collections::BTreeSet<_> = rows.iter().map(|row| row["file"].as_str().unwrap()).collect();
    assert_eq!(files.len(), 100, "each clip once");
}

#[test]
fn a_training_is_cancelled_and_the_terminal_comes_back() {
    let home = Home::new();
    let mut terminal = Terminal::start(home.path(), &["--silent"]);
    terminal.wait("96 of 96 clips");
    terminal.send("3");
    terminal.wait("classifiers");
    terminal.send("aa");
    terminal.send(" ");
    terminal.wait("[x] cnn");
    terminal.send(ENTER);
    terminal.wait("cnn");
    terminal.wait("fold");
    assert!(terminal.in_alternate_screen());
    terminal.send("x");
    let ended = terminal.wait_until("cancelled", |screen| screen.contains("cancelled"));
    assert!(!ended.contains("failed"), "{ended}");
    terminal.send("q");
    assert!(terminal.end());
}

#[test]
fn the_screen_survives_resizing_and_says_when_it_is_too_small() {
    let home = Home::new();
    let mut terminal = Terminal::start(home.path(), &["--silent"]);
    terminal.wait("96 of 96 clips");
    terminal.resize((40, 10));
    terminal.wait_until("a word about the size", |screen| !screen.contains("96 of 96") && screen.contains("60"));
    terminal.resize((120, 40));
    terminal.wait("96 of 96 clips");
    terminal.send("q");
    assert!(terminal.end());
}

#[test]
fn sigterm_gives_the_terminal_back_with_every_label_saved() {
    let home = Home::new();
    let mut terminal =
        Terminal::start(home.path(), &["label", demo().to_str().unwrap(), "--silent", "--annotator", "ann"]);
    terminal.wait("0 labelled");
    terminal.send("1");
    terminal.wait("1 labelled");
    let status = std::process::Command::new("kill").arg(terminal.pid().to_string()).status().unwrap();
    assert!(status.success());
    assert!(terminal.ends_tidily(), "the alternate screen is left");
    assert_eq!(labels(&home, &demo()).len(), 1);
}

#[test]
fn an_empty_folder_is_told_on_the_screen() {
    let home = Home::new();
    let empty = home.path().join("empty");
    std::fs::create_dir(&empty).unwrap();
    let mut terminal = Terminal::start(home.path(), &[empty.to_str().unwrap(), "--silent"]);
    terminal.wait("no audio");
    terminal.send("q");
    assert!(terminal.end());
}
