//! Plans and the guard as a user meets them: folds shown and saved, leaks that stop with 3, corpora that are barely ones.

use std::fmt::Write as _;
use std::path::{Path, PathBuf};
use std::process::Output;

use serde_json::Value;

use crate::support::{Home, part_of_demo, text};

/// A clip of a made-up corpus: file, speaker, class, and a last column of the table.
struct Made {
    file: String,
    speaker: String,
    class: String,
    part: String,
    seed: u64,
}

impl Made {
    fn of(speaker: &str, class: usize, take: usize) -> Made {
        Made {
            file: format!("{speaker}_{class}_{take}.wav"),
            speaker: speaker.to_owned(),
            class: format!("c{class}"),
            part: String::new(),
            seed: speaker.bytes().fold((class * 100 + take) as u64, |all, byte| all * 31 + u64::from(byte)),
        }
    }
}

/// Every speaker with every class.
fn crossed(speakers: &[&str], classes: usize, takes: usize) -> Vec<Made> {
    let of = |speaker: &&str| {
        let speaker = (*speaker).to_owned();
        (0..classes * takes).map(move |at| Made::of(&speaker, at / takes, at % takes)).collect::<Vec<_>>()
    };
    speakers.iter().flat_map(of).collect()
}

/// Noise whose colour wanders, so that no two takes are alike; louder for higher classes.
fn sound(seed: u64, class: &str, samples: usize) -> Vec<f32> {
    let level = 0.02 * (1.0 + class[1..].parse::<f32>().unwrap());
    let (mut state, mut low) = (seed.wrapping_mul(0x9e37_79b9_7f4a_7c15) | 1, 0.0);
    let mut random = || {
        state = state.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        (state >> 40) as f32 / (1u64 << 23) as f32 - 1.0
    };
    let mut colour = 0.5;
    let sample = |at: usize| {
        if at.is_multiple_of(800) {
            colour = 0.5 + 0.45 * random();
        }
        low += colour * (random() - low);
        (level * low).clamp(-1.0, 1.0)
    };
    (0..samples).map(sample).collect()
}

fn write(path: &Path, samples: &[f32]) {
    let spec = hound::WavSpec {
        channels: 1,
        sample_rate: 8_000,
        bits_per_sample: 16,
        sample_format: hound::SampleFormat::Int,
    };
    let mut out = hound::WavWriter::create(path, spec).unwrap();
    samples.iter().for_each(|sample| out.write_sample((sample * 32_767.0) as i16).unwrap());
    out.finalize().unwrap();
}

/// The corpus as a folder with a table.
fn tree(home: &Home, clips: &[Made]) -> PathBuf {
    let root = home.path().join("corpus");
    std::fs::create_dir_all(&root).unwrap();
    let mut table = "file,speaker,emotion,part\n".to_owned();
    for Made { file, speaker, class, part, seed } in clips {
        writeln!(table, "{file},{speaker},{class},{part}").unwrap();
        write(&root.join(file), &sound(*seed, class, 6_400));
    }
    std::fs::write(root.join("clips.csv"), table).unwrap();
    root
}

/// `emolab VERB CORPUS …`.
fn run(home: &Home, verb: &str, root: &Path, more: &[&str]) -> Output {
    home.run(&[&[verb, root.to_str().unwrap(), "-q"], more].concat())
}

fn compare(home: &Home, root: &Path, more: &[&str]) -> Output {
    run(home, "compare", root, &[&["--models", "naive-bayes"], more].concat())
}

fn json(output: &Output) -> Value {
    assert!(output.status.success(), "{}", text(&output.stderr));
    serde_json::from_slice(&output.stdout).unwrap()
}

#[test]
fn folds_of_ones_own_that_share_speakers_stop_with_3_unless_allowed() {
    let home = Home::new();
    let mut clips = crossed(&["a", "b", "c"], 2, 2);
    clips.iter_mut().enumerate().for_each(|(at, clip)| clip.part = ["train", "test"][at % 2].to_owned());
    let root = tree(&home, &clips);
    let stopped = compare(&home, &root, &["--plan", "given:part"]);
    let talk = text(&stopped.stderr);
    assert_eq!(stopped.status.code(), Some(3), "{talk}");
    for told in ["speaker: 6 of 6 test clips", "a_0_1.wav", "a_0_0.wav", "--allow-leak speaker"] {
        assert!(talk.contains(told), "{told}: {talk}");
    }
    assert!(stopped.stdout.is_empty(), "no table of a run that did not begin");
    let wrong = compare(&home, &root, &["--plan", "given:part", "--allow-leak", "session"]);
    assert_eq!(wrong.status.code(), Some(3), "another leak is allowed");
    let shown = text(&compare(&home, &root, &["--plan", "given:part", "--allow-leak", "speaker"]).stdout);
    assert!(shown.contains("LEAK, allowed by --allow-leak speaker: speaker: 6 of 6"), "{shown}");
    assert!(shown.contains("SPEAKERS LEAK") && shown.contains("plan loso"), "{shown}");
    let all = json(&compare(&home, &root, &["--plan", "given:part", "--allow-leak", "speaker", "--json"]));
    assert_eq!(all["protocol"]["leaks"][0]["allowed"], true, "{}", all["protocol"]);
    assert_eq!(all["speaker_independent_twin"]["protocol"]["plan"], "loso");
    let searched = run(&home, "search", &root, &["--plan", "given:part", "--models", "mlp", "--trials", "2"]);
    assert_eq!(searched.status.code(), Some(3), "{}", text(&searched.stderr));
    let shown = run(&home, "plan", &root, &["--plan", "given:part"]);
    assert_eq!(shown.status.code(), Some(3));
    assert!(text(&shown.stdout).contains("test"), "the folds are shown all the same");
}

#[test]
fn an_altered_copy_under_another_speaker_stops_loso() {
    let home = Home::new();
    let root = tree(&home, &crossed(&["a", "b", "c"], 2, 2));
    let copy = sound(Made::of("a", 1, 0).seed, "c1", 6_400);
    let quieter: Vec<f32> = copy[300..].iter().map(|sample| 0.4 * sample).collect();
    write(&root.join("b_1_1.wav"), &quieter);
    let stopped = compare(&home, &root, &["--plan", "loso"]);
    let talk = text(&stopped.stderr);
    assert_eq!(stopped.status.code(), Some(3), "{talk}");
    assert!(talk.contains("audio: 2 of 12") && talk.contains("a_1_0.wav") && talk.contains("b_1_1.wav"), "{talk}");
    let shown = compare(&home, &root, &["--plan", "loso", "--allow-leak", "audio"]);
    assert!(text(&shown.stdout).contains("LEAK, allowed by --allow-leak audio"), "{}", text(&shown.stderr));
    let random = compare(&home, &root, &["--plan", "random:2"]);
    assert!(random.status.success(), "a random plan always runs: {}", text(&random.stderr));
}

#[test]
fn a_plan_is_shown_saved_and_read_back_to_the_same_run() {
    let home = Home::new();
    let root = tree(&home, &crossed(&["a", "b", "c", "d"], 2, 2));
    let shown = run(&home, "plan", &root, &["--plan", "speakers:2", "--seed", "4", "-o", "mine.json"]);
    let table = text(&shown.stdout);
    assert!(shown.status.success() && table.contains("plan speakers:2 (2 folds), seed 4"), "{table}");
    assert!(table.contains("fold 1      8     8         2"), "{table}");
    let predictions = |plan: &str| {
        let all = json(&compare(&home, &root, &["--plan", plan, "--seed", "4", "--json"]));
        all["runs"][0]["predictions"].clone()
    };
    assert_eq!(predictions("speakers:2"), predictions("folds:mine.json"));
    let all = json(&run(&home, "plan", &root, &["--plan", "folds:mine.json", "--json"]));
    assert_eq!(all["folds"][1]["classes"], serde_json::json!([4, 4]));
    assert!(all["notes"][0].as_str().unwrap().contains("made by speakers:2, seed 4"), "{}", all["notes"]);
    std::fs::remove_file(root.join("a_0_0.wav")).unwrap();
    let lost = run(&home, "plan", &root, &["--plan", "folds:mine.json"]);
    assert_eq!(lost.status.code(), Some(1));
    assert!(text(&lost.stderr).contains("a_0_0.wav"), "{}", text(&lost.stderr));
}

#[test]
fn repeats_are_runs_and_their_spread_is_told() {
    let home = Home::new();
    let root = tree(&home, &crossed(&["a", "b", "c", "d"], 2, 2));
    let shown = text(&compare(&home, &root, &["--plan", "speakers:2", "--repeats", "3"]).stdout);
    assert!(shown.contains("over 3 repeats") && !shown.contains("repeats change nothing"), "{shown}");
    let shown = text(&compare(&home, &root, &["--plan", "loso", "--repeats", "2"]).stdout);
    assert!(
        shown.contains("repeats change nothing, neither plan nor classifier uses the seed: naive-bayes"),
        "{shown}"
    );
    let all = json(&compare(&home, &root, &["--plan", "speakers:2", "--repeats", "3", "--seed", "5", "--json"]));
    assert_eq!(all["runs"].as_array().unwrap().len(), 3);
    let uars: Vec<f64> =
        all["repeats"][0]["uars"].as_array().unwrap().iter().map(|uar| uar.as_f64().unwrap()).collect();
    let mean = uars.iter().sum::<f64>() / 3.0;
    assert!((all["repeats"][0]["uar_mean"].as_f64().unwrap() - mean).abs() < 1e-12);
}

#[test]
fn a_class_with_one_speaker_is_told_and_counts_as_missed() {
    let home = Home::new();
    let mut clips = crossed(&["a", "b", "c"], 2, 2);
    clips.push(Made::of("a", 2, 0));
    let root = tree(&home, &clips);
    let all = json(&compare(&home, &root, &["--plan", "loso", "--json"]));
    let notes = all["protocol"]["notes"].to_string();
    assert!(notes.contains("fold speaker a: no c2 to learn from"), "{notes}");
    assert_eq!(all["runs"][0]["per_class"][2]["recall"], 0.0, "tested, never learnt: wrong, not left out");
    let plan = json(&run(&home, "plan", &root, &["--plan", "loso", "--json"]));
    assert_eq!(plan["folds"][0]["unlearnt"], serde_json::json!(["c2"]));
    assert_eq!(plan["folds"][1]["untested"], serde_json::json!(["c2"]));
}

#[test]
fn corpora_that_are_barely_ones_are_judged_or_refused() {
    let told = |clips: &[Made], plan: &str| {
        let home = Home::new();
        let output = compare(&home, &tree(&home, clips), &["--plan", plan, "--json"]);
        assert!([Some(0), Some(1)].contains(&output.status.code()), "{}", text(&output.stderr));
        assert!(!text(&output.stderr).contains("panicked"), "{}", text(&output.stderr));
        if output.status.success() { Ok(json(&output)) } else { Err(text(&output.stderr)) }
    };
    let two = [Made::of("a", 0, 0), Made::of("b", 1, 0)];
    for (plan, why) in
        [("loso", "fewer than 2 classes"), ("random:2", "fewer than 2 classes"), ("random:3", "more folds")]
    {
        let refused = told(&two, plan).unwrap_err();
        assert!(refused.contains(why), "{plan}: {refused}");
    }
    let many = told(&crossed(&["a", "b"], 30, 1), "loso").unwrap();
    assert_eq!(many["runs"][0]["per_class"].as_array().unwrap().len(), 30);
    let mut skewed = crossed(&["a", "b"], 1, 20);
    skewed.extend([Made::of("a", 1, 0), Made::of("b", 1, 0)]);
    assert!(told(&skewed, "loso").unwrap()["runs"][0]["uar"].is_number());
    skewed.pop();
    let refused = told(&skewed, "loso").unwrap_err();
    assert!(refused.contains("testing on speaker a leaves fewer than 2 classes"), "{refused}");
}

/// A small corpus of its own under `name`.
fn other(home: &Home, name: &str, clips: &[Made]) -> PathBuf {
    let made = tree(home, clips);
    let root = home.path().join(name);
    std::fs::rename(made, &root).unwrap();
    root
}

#[test]
fn corpora_are_crossed_over_the_classes_they_share() {
    let home = Home::new();
    let mut three = crossed(&["p", "q"], 3, 2);
    three.iter_mut().for_each(|clip| clip.file = format!("x{}", clip.file));
    let (a, b) = (other(&home, "a", &crossed(&["a", "b"], 2, 2)), other(&home, "b", &three));
    let c = other(&home, "c", &crossed(&["v", "w"], 2, 1));
    let paths = [&a, &b, &c].map(|path| path.to_str().unwrap());
    let args = |more: &[&'static str]| [&["cross"], &paths[..], &["--models", "naive-bayes", "-q"], more].concat();
    let all = json(&home.run(&args(&["--json"])));
    assert_eq!(all["classes"], serde_json::json!(["c0", "c1"]));
    let cells = all["cells"].as_array().unwrap();
    assert_eq!(cells.len(), 9 + 3, "pairs, and all others to each");
    let tested: Vec<u64> = cells
        .iter()
        .map(|cell| {
            cell["confusion"]
                .as_array()
                .unwrap()
                .iter()
                .flat_map(|row| row.as_array().unwrap())
                .map(|n| n.as_u64().unwrap())
                .sum()
        })
        .collect();
    assert_eq!(tested, [8, 8, 4, 8, 8, 4, 8, 8, 4, 8, 8, 4]);
    assert_eq!(cells[0]["protocol"]["plan"], "loso");
    assert_eq!(cells[1]["protocol"]["plan"], "cross:a");
    let shown = text(&home.run(&args(&[])).stdout);
    assert!(shown.contains("all others") && shown.contains("[within: other speakers of it]"), "{shown}");
    let runs = text(&home.run(&["runs", paths[1]]).stdout);
    assert!(runs.contains("cross:a"), "filed under the corpus that was tested: {runs}");
    let verify = |cell: usize, more: &[&'static str]| {
        let run = cells[cell]["id"].as_u64().unwrap().to_string();
        let done = home.run(&[&["verify", &run, "--quiet"], more].concat());
        (done.status.code().unwrap(), text(&done.stdout), text(&done.stderr))
    };
    for (cell, clips) in [(0, 8), (1, 8), (11, 4)] {
        let (code, told, talk) = verify(cell, &[]);
        assert!(code == 0 && told.starts_with(&format!("identical: {clips} predictions")), "{told}{talk}");
    }
    let (code, _, talk) = verify(1, &["--at", "/elsewhere"]);
    assert!(code == 1 && talk.contains("a matrix of 3"), "{talk}");
    // What was learnt from has changed, not what is tested.
    let gone = emolab::corpus::scan(&a, None, &emolab::job::Unwatched).unwrap().clips[0].path();
    std::fs::remove_file(gone).unwrap();
    let (code, told, talk) = verify(1, &[]);
    assert!(code == 3 && told.contains("over what is learnt from and tested"), "{told}{talk}");
}

#[test]
#[cfg(target_os = "linux")]
fn a_crossing_that_could_not_be_printed_goes_on() {
    let home = Home::new();
    let (a, b) = (other(&home, "a", &crossed(&["a", "b"], 2, 2)), other(&home, "b", &crossed(&["p", "q"], 2, 1)));
    let args = ["cross", a.to_str().unwrap(), b.to_str().unwrap(), "--models", "majority", "-q"];
    let full = std::fs::File::options().write(true).open("/dev/full").unwrap();
    assert!(!home.emolab(&args).stdout(full).output().unwrap().status.success());
    let all = json(&home.run(&[&args[..], &["--resume", "--json"]].concat()));
    let ids: Vec<i64> = all["cells"].as_array().unwrap().iter().map(|cell| cell["id"].as_i64().unwrap()).collect();
    assert_eq!(ids, [1, 2, 3, 4], "kept before, not again");
    assert_eq!(json(&home.run(&["runs", "--json"]))["runs"].as_array().unwrap().len(), 4);
    let afresh = json(&home.run(&[&args[..], &["--resume", "--json"]].concat()));
    assert_eq!(afresh["cells"][0]["id"], 5, "once told, nothing is left to go on from");
}

#[test]
fn the_same_voice_in_two_corpora_stops_their_crossing() {
    let home = Home::new();
    let part = |name: &str, voices: [&str; 2], sentence: &str| {
        let wanted = |file: &str| {
            ["_anger_", "_sadness_"].iter().any(|class| file.contains(class))
                && voices.iter().any(|voice| file.starts_with(voice))
                && file.contains(sentence)
        };
        part_of_demo(&home.path().join(name), wanted).display().to_string()
    };
    let (a, b) = (part("a", ["f1_", "m1_"], "_s1"), part("b", ["f1_", "m2_"], "_s2"));
    let stopped = home.run(&["cross", &a, &b, "--models", "majority", "-q"]);
    assert_eq!(stopped.status.code(), Some(3), "{}", text(&stopped.stderr));
    assert!(text(&stopped.stderr).contains("speaker demo/f1"), "{}", text(&stopped.stderr));
    let allowed = home.run(&["cross", &a, &b, "--models", "majority", "-q", "--allow-leak", "speaker"]);
    assert!(allowed.status.success(), "{}", text(&allowed.stderr));
}
