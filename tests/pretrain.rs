//! Nets that were trained on other corpora before: what is taken over, and what must not be heard.

use std::path::{Path, PathBuf};

use emolab::job::Unwatched;
use emolab::learn::{Start, fit};
use serde_json::Value;

use crate::cnn::{data, small};
use crate::support::{Home, SMALL_NET, part_of_demo, text};

/// Clips of the demo for which `wanted` holds, in a folder of this name.
fn part(home: &Home, name: &str, wanted: impl Fn(&str) -> bool) -> PathBuf {
    part_of_demo(&home.path().join(name), |clip| clip.ends_with("_s1.flac") && wanted(clip))
}

fn voices(clip: &str, of: &[&str]) -> bool {
    of.iter().any(|voice| clip.starts_with(voice))
}

fn compared(home: &Home, clips: &Path, more: &[&str]) -> Value {
    let clips = clips.to_str().unwrap();
    let net = home.path().join("net.toml");
    std::fs::write(&net, SMALL_NET).unwrap();
    let net = format!("cnn={}", net.display());
    let fixed = "--models cnn --plan loso --epochs 1 --length 0.5 --no-save --json --net";
    let fixed = fixed.split(' ').chain([net.as_str()]);
    let args: Vec<&str> = ["compare", clips].into_iter().chain(fixed).chain(more.iter().copied()).collect();
    let output = home.run(&args);
    assert!(output.status.success(), "{}", text(&output.stderr));
    serde_json::from_slice(&output.stdout).unwrap()
}

#[test]
fn a_fitted_net_is_a_better_start_and_its_head_goes_with_its_classes() {
    let kind = emolab::learn::classifier("cnn").unwrap();
    let mut data = data(kind, 60, |i| 20 + i % 9);
    let first = fit(&small(20, 1), &data, &Unwatched).unwrap();
    let weights = first.weights().unwrap().room("model");
    let mut from = |classes: Vec<usize>| {
        data.extras.starts.insert("cnn".to_owned(), Start { weights: weights.clone(), classes }.into());
        fit(&small(1, 2), &data, &Unwatched).unwrap().weights().unwrap().room("model")
    };
    let (same, other) = (from(vec![0, 1, 2]), from(vec![0, 1, 3]));
    let moved = |to: &emolab::learn::Weights, name: &str| {
        let pairs = to.tensors[name].iter().zip(weights.tensors[name].iter());
        pairs.map(|(a, b)| (a - b).abs()).fold(0.0_f32, f32::max)
    };
    let (head, body) = ("head.weight", weights.tensors.keys().find(|name| name.ends_with("kernel")).unwrap());
    // One epoch moves a weight a little; a start by chance moves it further.
    let little = 0.05;
    let each = [moved(&same, head), moved(&same, body), moved(&other, body)];
    assert!(each.iter().all(|moved| *moved < little), "{each:?}");
    assert!(moved(&other, head) > 2.0 * little, "{} {}", moved(&other, head), moved(&same, head));
    let alien = Start { weights: emolab::learn::Weights::default(), classes: vec![0, 1, 2] };
    data.extras.starts.insert("cnn".to_owned(), alien.into());
    let why = fit(&small(1, 2), &data, &Unwatched).unwrap_err().to_string();
    assert!(why.contains("of another net"), "{why}");
}

#[test]
fn other_corpora_are_learnt_from_and_the_targets_own_clips_and_voices_are_not() {
    let home = Home::new();
    let two = |clip: &str| clip.contains("_anger_") || clip.contains("_sadness_");
    let target = part(&home, "target", |clip| two(clip) && voices(clip, &["f1", "m1"]));
    // Beside two voices of its own: one of the target's, and a copy under another name.
    let other = part(&home, "other", |clip| voices(clip, &["f1", "f2", "m2"]));
    std::fs::copy(target.join("m1_anger_s1.flac"), other.join("m3_anger_s1.flac")).unwrap();
    let plain = compared(&home, &target, &[]);
    let with = compared(&home, &target, &["--pretrain", other.to_str().unwrap()]);
    let told = with["protocol"]["pretrained"][0].as_str().unwrap();
    assert!(told.contains("demo: 4 clips of 2 speakers") && told.contains("; 3 left out"), "{told}");
    assert_eq!(plain["protocol"]["pretrained"], serde_json::json!([]));
    assert_ne!(with["runs"][0]["predictions"], plain["runs"][0]["predictions"]);
    let refused = |models: &str, on: &Path| {
        let args = ["compare", target.to_str().unwrap(), "--models", models, "--pretrain", on.to_str().unwrap()];
        let output = home.run(&args);
        assert_eq!(output.status.code(), Some(1));
        text(&output.stderr)
    };
    assert!(refused("cnn", &target).contains("no clip to pre-train on"));
    assert!(refused("knn", &other).contains("none of the chosen classifiers can be pre-trained"));
}
