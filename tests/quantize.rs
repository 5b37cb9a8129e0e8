//! `emolab quantize` as a user would: train, quantize, predict with what came of it; and what it refuses.

use std::path::Path;

use serde_json::Value;

use crate::support::{Home, part_of_demo, text};

/// Two blocks: enough to have a next image in bytes and one in real numbers.
const NET: &str = "
smoothing = 0.1
second = 0.0
[schedule]
epochs = 2
batch = 8
patience = 3
rate = 1e-2
curve = { kind = \"one_cycle\", rise = 0.2, from = 0.1 }
method = { kind = \"adam\" }
average = { kind = \"none\" }
[augment]
frames = 64
blank = 0.0
[[layer]]
kind = \"conv\"
channels = 3
kernel = [3, 3]
[[layer]]
kind = \"batch_norm\"
[[layer]]
kind = \"relu\"
[[layer]]
kind = \"max_pool\"
size = [4, 4]
[[layer]]
kind = \"conv\"
channels = 18
kernel = [3, 3]
[[layer]]
kind = \"batch_norm\"
[[layer]]
kind = \"relu\"
[[layer]]
kind = \"mean_pool\"
";

/// A home with a folder of clips and a small net trained on them in `model`.
fn trained() -> Home {
    let home = Home::new();
    part_of_demo(home.path(), |name| {
        ["f1_anger_s1", "f1_sadness_s1", "m1_anger_s1", "m1_sadness_s1", "f2_anger_s1", "f2_sadness_s1"]
            .iter()
            .any(|is| name.starts_with(is))
    });
    std::fs::write(home.path().join("net.toml"), NET).unwrap();
    done(&home, &["train", "clips", "--corpus", "demo", "--net", "cnn=net.toml", "-o", "model", "-q"]);
    home
}

fn done(home: &Home, args: &[&str]) -> String {
    let output = home.run(args);
    assert!(output.status.success(), "{args:?}: {}", text(&output.stderr));
    text(&output.stdout)
}

fn refused(home: &Home, args: &[&str], why: &str) {
    let output = home.run(args);
    let talk = text(&output.stderr);
    assert_eq!(output.status.code(), Some(1), "{talk}");
    assert!(talk.contains(why) && !talk.contains("panicked"), "{why}: {talk}");
}

fn probabilities(home: &Home, model: &str) -> Vec<f64> {
    let mut clips: Vec<String> = std::fs::read_dir(home.path().join("clips"))
        .unwrap()
        .map(|entry| entry.unwrap().path().display().to_string())
        .collect();
    clips.sort();
    let mut args = vec!["predict", model, "--json", "-q"];
    args.extend(clips.iter().map(String::as_str));
    let all: Value = serde_json::from_str(&done(home, &args)).unwrap();
    let rows = all["rows"].as_array().unwrap();
    rows.iter().flat_map(|row| row["p"].as_array().unwrap()).map(|p| p.as_f64().unwrap()).collect()
}

fn size(folder: &Path) -> u64 {
    std::fs::metadata(folder.join("weights.safetensors")).unwrap().len()
}

#[test]
fn a_net_is_trained_quantized_and_predicts_nearly_the_same() {
    let home = trained();
    let before = std::fs::read(home.path().join("model/weights.safetensors")).unwrap();
    let table = done(&home, &["quantize", "model", "-o", "small", "--calibrate", "clips", "--corpus", "demo", "-q"]);
    for said in ["MB", "ms per clip, one at a time", "x real time", "UAR % on", "loss", "same class"] {
        assert!(table.contains(said), "{said}: {table}");
    }
    assert_eq!(std::fs::read(home.path().join("model/weights.safetensors")).unwrap(), before, "the model stays");
    assert!(size(&home.path().join("small")) < size(&home.path().join("model")));
    let (real, whole) = (probabilities(&home, "model"), probabilities(&home, "small"));
    assert_eq!(real.len(), whole.len());
    assert!(real.iter().zip(&whole).all(|(a, b)| (a - b).abs() < 0.05), "{real:?} {whole:?}");
    let card: toml::Table = std::fs::read_to_string(home.path().join("small/card.toml")).unwrap().parse().unwrap();
    let quantized = card["quantized"].as_table().unwrap();
    assert_eq!(quantized["from"].as_str().unwrap(), blake3::hash(&before).to_hex().as_str());
    assert_eq!(quantized["calibrated_on"].as_str(), Some("demo"));
    assert!(quantized["scored"]["agreement"].as_float().unwrap() > 0.9);
    assert!(card["cost"]["macs_3s"].as_integer().unwrap() > 100_000);
    refused(&home, &["quantize", "small", "-o", "x", "--calibrate", "clips"], "quantized already");
    assert!(!home.path().join("x").exists());
}

#[test]
fn speech_without_labels_is_enough_to_calibrate() {
    let home = trained();
    let speech = home.path().join("speech");
    std::fs::create_dir(&speech).unwrap();
    for (number, clip) in std::fs::read_dir(home.path().join("clips")).unwrap().enumerate() {
        std::fs::copy(clip.unwrap().path(), speech.join(format!("{number}.flac"))).unwrap();
    }
    let args = ["quantize", "model", "-o", "small", "--calibrate", "speech", "--json", "-q"];
    let card: Value = serde_json::from_str(&done(&home, &args)).unwrap();
    assert!(card["quantized"]["scored"].is_null(), "{card}");
    assert!(card["quantized"]["after"]["megabytes"].as_f64() < card["quantized"]["before"]["megabytes"].as_f64());
    // The model that comes with the program, by its name.
    done(&home, &["quantize", "emodb-cnn", "-o", "shipped", "--calibrate", "speech", "-q"]);
    assert!(size(&home.path().join("shipped")) < 400_000);
    let strangers = ["quantize", "model", "-o", "y", "--calibrate", "speech", "--test", "speech", "-q"];
    refused(&home, &strangers, "label");
}

#[test]
fn what_has_no_convolutions_and_damaged_files_are_refused() {
    let home = Home::new();
    part_of_demo(home.path(), |name| name.starts_with("f1_") || name.starts_with("m1_"));
    done(&home, &["train", "clips", "--corpus", "demo", "--model", "logistic", "-o", "rows", "-q"]);
    refused(&home, &["quantize", "rows", "-o", "x", "--calibrate", "clips"], "can be quantized");
    refused(
        &home,
        &["quantize", "nowhere", "-o", "x", "--calibrate", "clips"],
        "no model folder; by name there are emodb-cnn",
    );
    std::fs::create_dir(home.path().join("empty")).unwrap();
    refused(&home, &["quantize", "rows", "-o", "x", "--calibrate", "empty"], "empty");
    assert_eq!(home.run(&["quantize", "rows", "-o", "x"]).status.code(), Some(2), "clips are needed");
    assert!(!home.path().join("x").exists());
}

#[test]
fn what_a_project_says_of_its_corpus_holds_here_too() {
    let home = trained();
    std::fs::write(home.path().join("clips/emolab.toml"), "corpus = 'nobodys'\n").unwrap();
    let told = home.run(&["quantize", "model", "-o", "small", "--calibrate", "clips", "-q"]);
    assert_eq!(told.status.code(), Some(1));
    assert!(text(&told.stderr).contains("nobodys"), "{}", text(&told.stderr));
    done(&home, &["quantize", "model", "-o", "small", "--calibrate", "clips", "--corpus", "demo", "-q"]);
}
