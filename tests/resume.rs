//! Killed in the middle and resumed: the same predictions as without the kill, and nothing done twice.

use std::path::Path;
use std::process::Stdio;
use std::time::{Duration, Instant};

use serde_json::Value;

use crate::support::{Home, SMALL_NET, part_of_demo, text};

/// Patience: a test that would wait longer has failed.
const PATIENCE: Duration = Duration::from_secs(120);

/// A small corpus and a comparison of a net on it that has two folds and two seeds.
fn args(clips: &Path) -> Vec<String> {
    let fixed = "--models cnn --plan speakers:2 --seeds 2 --epochs 3 --also sex --length 0.6 --no-save --json --net";
    let net = clips.parent().unwrap().join("net.toml");
    std::fs::write(&net, SMALL_NET).unwrap();
    let mut all = vec!["compare".to_owned(), clips.display().to_string()];
    all.extend(fixed.split(' ').map(str::to_owned));
    all.push(format!("cnn={}", net.display()));
    all
}

fn run(home: &Home, args: &[String], more: &[&str]) -> Value {
    let all: Vec<&str> = args.iter().map(String::as_str).chain(more.iter().copied()).collect();
    let output = home.run(&all);
    assert!(output.status.success(), "{}", text(&output.stderr));
    serde_json::from_slice(&output.stdout).unwrap()
}

/// Files below the checkpoints of `home`.
fn kept(home: &Home) -> Vec<String> {
    let root = home.path().join(".local/state/emolab/checkpoints");
    let folders = std::fs::read_dir(root).into_iter().flatten().flatten();
    let files = folders.flat_map(|folder| std::fs::read_dir(folder.path()).into_iter().flatten().flatten());
    files.map(|file| file.file_name().to_string_lossy().into_owned()).collect()
}

/// Starts the comparison and kills it, without warning, once a file called so is there.
fn killed_at(home: &Home, args: &[String], more: &[&str], file: &str) {
    let all: Vec<&str> = args.iter().map(String::as_str).chain(more.iter().copied()).collect();
    let mut child = home.emolab(&all).stdout(Stdio::null()).stderr(Stdio::null()).spawn().unwrap();
    let start = Instant::now();
    while !kept(home).iter().any(|name| name == file) {
        assert!(child.try_wait().unwrap().is_none(), "it ended before {file} was there");
        assert!(start.elapsed() < PATIENCE, "no {file} among {:?}", kept(home));
        std::thread::sleep(Duration::from_millis(1));
    }
    child.kill().unwrap();
    child.wait().unwrap();
}

#[test]
fn a_killed_comparison_goes_on_to_the_same_predictions() {
    let home = Home::new();
    let clips = part_of_demo(home.path(), |name| {
        name.ends_with("_s1.flac") && (name.contains("_anger_") || name.contains("_sadness_"))
    });
    let args = args(&clips);
    let whole = run(&home, &args, &[]);
    assert_eq!(kept(&home), [""; 0], "a finished run leaves nothing");
    // In the first fold, in its second seed, and in the second fold.
    killed_at(&home, &args, &[], "fold-0.fit.seed-0.safetensors");
    killed_at(&home, &args, &["--resume"], "fold-0.fit.seed-1.safetensors");
    killed_at(&home, &args, &["--resume"], "fold-1.fit.seed-0.safetensors");
    let resumed = run(&home, &args, &["--resume"]);
    assert_eq!(resumed["runs"][0]["predictions"], whole["runs"][0]["predictions"]);
    assert_eq!(resumed["runs"][0]["seeds"], whole["runs"][0]["seeds"]);
    let notes = resumed["protocol"]["notes"].to_string();
    assert!(notes.contains("1 of 2 folds are from before"), "{notes}");
    assert_eq!(kept(&home), [""; 0]);
    // What an older run left is ignored unless asked for, and damage ends nothing.
    killed_at(&home, &args, &[], "fold-1.fit.seed-0.safetensors");
    let again = run(&home, &args, &[]);
    assert!(!again["protocol"]["notes"].to_string().contains("before"), "{}", again["protocol"]["notes"]);
    killed_at(&home, &args, &[], "fold-0.fit.seed-0.safetensors");
    let folder = std::fs::read_dir(home.path().join(".local/state/emolab/checkpoints")).unwrap();
    let folder = folder.map(|entry| entry.unwrap().path()).next().unwrap();
    std::fs::write(folder.join("fold-0.fit.seed-0.safetensors"), b"half").unwrap();
    let afresh = run(&home, &args, &["--resume"]);
    assert_eq!(afresh["runs"][0]["predictions"], whole["runs"][0]["predictions"]);
}
