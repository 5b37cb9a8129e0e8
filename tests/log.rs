//! `--log FILE` and the plain lines beside it, as a user of a machine without a terminal sees them.

use std::path::Path;
use std::process::Stdio;

use serde_json::Value;

use crate::support::{Home, part_of_demo, text};

/// Every line of a log; one that does not parse fails the test.
fn lines(path: &Path) -> Vec<Value> {
    let text = std::fs::read_to_string(path).unwrap();
    assert!(text.is_empty() || text.ends_with('\n'), "half a line: {text}");
    text.lines().map(|line| serde_json::from_str(line).unwrap_or_else(|why| panic!("{why}: {line}"))).collect()
}

fn of<'a>(all: &'a [Value], kind: &str) -> Vec<&'a Value> {
    all.iter().filter(|line| line["kind"] == kind).collect()
}

/// Eight speakers, two classes, a clip each.
fn small(home: &Home) -> String {
    let wanted = |name: &str| name.ends_with("_s1.flac") && (name.contains("_anger_") || name.contains("_sadness_"));
    part_of_demo(home.path(), wanted).display().to_string()
}

#[test]
fn a_comparison_is_logged_epoch_by_epoch_and_fold_by_fold() {
    let home = Home::new();
    let clips = small(&home);
    let args =
        ["compare", &clips, "--models", "mlp,knn", "--plan", "speakers:2", "--epochs", "3", "--log", "log.jsonl"];
    let output = home.run(&args);
    assert!(output.status.success(), "{}", text(&output.stderr));
    let all = lines(&home.path().join("log.jsonl"));
    let start = &all[0];
    assert_eq!((&start["kind"], &start["corpus"], &start["clips"]), (&"start".into(), &"demo".into(), &16.into()));
    assert_eq!(start["classes"], serde_json::json!(["anger", "sadness"]));
    assert_eq!(start["series"][1]["folds"], serde_json::json!(["fold 1", "fold 2"]));
    let epochs = of(&all, "epoch");
    assert_eq!(epochs.len(), 2 * 3, "two folds of the net");
    for epoch in epochs {
        assert_eq!((&epoch["model"], &epoch["epochs"]), (&"mlp".into(), &3.into()));
        for figure in ["train_loss", "train_uar", "rate", "clips_per_second", "seconds"] {
            assert!(epoch[figure].as_f64().is_some_and(|value| value >= 0.0), "{figure}: {epoch}");
        }
    }
    let folds = of(&all, "fold");
    assert_eq!(folds.len(), 4);
    assert!(folds.iter().all(|fold| fold["uar"].is_f64() && fold["confusion"].as_array().unwrap().len() == 2));
    let clips: u64 = folds.iter().map(|fold| fold["clips"].as_u64().unwrap()).sum();
    assert_eq!(clips, 2 * 16, "every clip is judged once by each classifier");
    assert_eq!(of(&all, "run").len(), 2);
    assert_eq!(all.last().unwrap()["outcome"], "done");
    let talk = text(&output.stderr);
    assert!(talk.contains("mlp, speakers:2: 2 fold(s) (1 of 2)"), "{talk}");
    assert!(talk.contains("fold 1 of 2: UAR ") && talk.contains("2 of 2 folds pooled "), "{talk}");
}

#[test]
fn what_ends_badly_is_logged_and_a_log_that_cannot_be_written_is_refused() {
    let home = Home::new();
    let clips = small(&home);
    let failed = home.run(&["compare", &clips, "--models", "majority", "--plan", "speakers:99", "--log", "log.jsonl"]);
    assert_eq!(failed.status.code(), Some(1));
    let all = lines(&home.path().join("log.jsonl"));
    assert_eq!((&all[0]["kind"], &all[0]["outcome"]), (&"end".into(), &"failed".into()));
    assert!(all[0]["reason"].as_str().unwrap().contains("99"), "{}", all[0]);
    let refused = home.run(&["train", &clips, "--model", "majority", "-o", "model", "--log", "/no/such/log"]);
    assert_eq!(refused.status.code(), Some(1));
    assert!(text(&refused.stderr).contains("/no/such/log"), "{}", text(&refused.stderr));
    assert!(!home.path().join("model").exists());
}

#[cfg(target_os = "linux")]
#[test]
fn a_full_disk_under_the_log_is_told_once_and_the_training_goes_on() {
    let home = Home::new();
    let clips = small(&home);
    let output = home.run(&["train", &clips, "--model", "majority", "-o", "model", "--log", "/dev/full"]);
    let talk = text(&output.stderr);
    assert!(output.status.success(), "{talk}");
    assert_eq!(talk.matches("the log ends here: /dev/full").count(), 1, "{talk}");
    assert!(home.path().join("model/card.toml").exists());
}

#[test]
fn a_kill_leaves_whole_lines_and_the_next_training_goes_on_behind_them() {
    let home = Home::new();
    let clips = small(&home);
    let log = home.path().join("log.jsonl");
    let args = ["compare", &clips, "--models", "mlp", "--plan", "loso", "--epochs", "100000", "--log", "log.jsonl"];
    let mut child = home.emolab(&args).stderr(Stdio::null()).spawn().unwrap();
    // Until it is amid its epochs.
    while std::fs::read_to_string(&log).map_or(0, |text| text.lines().count()) < 20 {
        assert!(child.try_wait().unwrap().is_none(), "it ended by itself");
        std::thread::sleep(std::time::Duration::from_millis(5));
    }
    child.kill().unwrap();
    child.wait().unwrap();
    let before = lines(&log).len();
    assert!(before >= 20);
    assert!(of(&lines(&log), "end").is_empty());
    let output = home.run(&["compare", &clips, "--models", "majority", "--plan", "speakers:2", "--log", "log.jsonl"]);
    assert!(output.status.success(), "{}", text(&output.stderr));
    let all = lines(&log);
    assert_eq!((all.len() - before, &all.last().unwrap()["kind"]), (5, &"end".into()), "start, two folds, run, end");
}
