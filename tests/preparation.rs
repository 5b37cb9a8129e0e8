//! Preparation of clips from the command line to the table, the model card and back; scaling by speaker where it misleads.

use emolab::corpus::{Target, scan, task};
use emolab::job::Unwatched;
use emolab::learn::Norm;
use emolab::workbench::folds::confounding_note;
use serde_json::Value;

use crate::support::{Home, demo, part_of_demo, recordings, text};

fn note(root: &std::path::Path, corpus: Option<&str>) -> Option<String> {
    let corpus = scan(root, corpus, &Unwatched).unwrap();
    confounding_note(&task(&corpus, Target::Emotion).unwrap(), Norm::Speaker)
}

#[test]
fn confounded_speakers_are_warned_of_and_balanced_ones_are_not() {
    assert_eq!(note(&demo(), None), None);
    if let Some(emodb) = recordings("emodb/wav") {
        assert_eq!(note(&emodb, None), None);
    }
    if let Some(urdu) = recordings("quirks/urdu") {
        let said = note(&urdu, None).unwrap();
        assert!(said.contains("speaker"), "{said}");
    }
}

const HOW: [&str; 10] =
    ["--rate", "16000", "--trim", "40", "--intensity", "loudness:-30", "--length", "1:start", "--pre-emphasis", "0.9"];
const SAID: &str = "16000 Hz, ends 40 dB down trimmed, loudness -30 LUFS, 1 s from the start, filled with zeros, \
                    pre-emphasis 0.9";

#[test]
fn what_was_done_to_clips_stands_beside_every_result() {
    let home = Home::new();
    let clips = part_of_demo(home.path(), |name| name.contains("anger") || name.contains("sadness"));
    let clips = clips.to_str().unwrap();
    let compare = |more: &[&str]| {
        let args =
            [&["compare", clips, "--models", "naive-bayes", "--plan", "speakers:2", "-q"], &HOW[..], more].concat();
        let done = home.run(&args);
        assert!(done.status.success(), "{}", text(&done.stderr));
        text(&done.stdout)
    };
    assert!(compare(&[]).contains(SAID));
    let json: Value = serde_json::from_str(&compare(&["--json"])).unwrap();
    let told = &json["protocol"]["preparation"];
    assert_eq!((&told["rate"], &told["intensity"]), (&Value::from(16_000), &Value::from("loudness:-30")));
    assert_eq!(told["length"], "1:start:zeros");
}

#[test]
fn a_model_prepares_what_it_hears_as_what_it_learnt_from() {
    let home = Home::new();
    let clips = part_of_demo(home.path(), |name| {
        (name.contains("anger") || name.contains("sadness")) && (name.contains("1_") || name.contains("2_"))
    });
    let file = std::fs::read_dir(&clips).unwrap().next().unwrap().unwrap().path();
    let model = |name: &str, how: &[&str]| {
        let args = ["train", clips.to_str().unwrap(), "--model", "naive-bayes", "--out", name, "-q"];
        let done = home.run(&[&args, how].concat());
        assert!(done.status.success(), "{}", text(&done.stderr));
        let said = home.run(&["predict", name, file.to_str().unwrap(), "--json", "-q"]);
        let json: Value = serde_json::from_str(&text(&said.stdout)).unwrap();
        (std::fs::read_to_string(home.path().join(name).join("card.toml")).unwrap(), json)
    };
    let (plain_card, plain) = model("plain", &[]);
    let (card, prepared) = model("prepared", &HOW);
    assert!(plain_card.contains("rate = 22050") && !plain_card.contains("trim"), "{plain_card}");
    assert!(card.contains("rate = 16000") && card.contains("length = \"1:start:zeros\""), "{card}");
    assert_eq!(prepared["model"]["pre_emphasis"], 0.9);
    assert_ne!(plain["rows"][0]["p"], prepared["rows"][0]["p"]);
}

#[test]
fn wrong_preparations_are_usage_errors_that_say_what_would_be_right() {
    let home = Home::new();
    for (flag, value, wanted) in [
        ("--trim", "0", "from 1 to 200"),
        ("--intensity", "loud", "peak, rms and loudness"),
        ("--length", "1:end", "centre or start"),
        ("--pre-emphasis", "NaN", "from 0.01 to 1"),
    ] {
        let done = home.run(&["compare", ".", flag, value]);
        assert_eq!(done.status.code(), Some(2), "{flag} {value}");
        assert!(text(&done.stderr).contains(wanted), "{}", text(&done.stderr));
    }
}
