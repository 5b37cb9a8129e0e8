//! The verbs without a screen, run as a user would: output, errors, exit codes.

use serde_json::Value;

use crate::support::{Home, demo, part_of_demo, text};

fn json(output: &std::process::Output) -> Value {
    assert!(output.status.success(), "{}", text(&output.stderr));
    serde_json::from_slice(&output.stdout).unwrap()
}

#[test]
fn scan_lists_the_demo_corpus() {
    let demo = demo();
    let all = json(&Home::new().run(&["scan", demo.to_str().unwrap(), "--json"]));
    assert_eq!(all["corpus"], "demo");
    assert_eq!(all["clips"].as_array().unwrap().len(), 96);
    assert_eq!(all["problems"], serde_json::json!([]));
    let clip = &all["clips"][0];
    for field in ["file", "speaker", "sex", "label", "text", "seconds", "rate", "channels"] {
        assert!(!clip[field].is_null(), "{field}: {clip}");
    }
    assert_eq!(clip["rate"], 16_000);
}

#[test]
fn clips_are_chosen_in_the_words_of_the_screens() {
    let (home, demo) = (Home::new(), demo());
    let demo = demo.to_str().unwrap();
    let found = json(&home.run(&["scan", demo, "--json", "--filter", "emotion:FEAR,anger speaker:f1 dur<9"]));
    let clips = found["clips"].as_array().unwrap();
    assert_eq!(clips.len(), 4);
    assert!(
        clips
            .iter()
            .all(|clip| clip["speaker"] == "f1" && ["fear", "anger"].contains(&clip["label"].as_str().unwrap()))
    );
    let planned = home.run(&["assign", demo, "--raters", "anna", "--repeats", "0", "--filter", "speaker:f1,m1"]);
    let table = text(&planned.stdout);
    assert!(planned.status.success() && table.contains("anna      24"), "{table}");
    for (filter, reason) in [
        ("speeker:f1", "no field `speeker` (`speaker`?)"),
        ("mine:fear", "`mine` asks what somebody said"),
        ("dur>100", "none of 96 clips passes `dur>100`"),
    ] {
        let refused = home.run(&["scan", demo, "--filter", filter]);
        assert_eq!(refused.status.code(), Some(1));
        assert!(text(&refused.stderr).contains(reason), "{}", text(&refused.stderr));
    }
}

#[test]
fn a_misspelt_verb_is_told_with_the_one_that_was_meant() {
    let home = Home::new();
    let typed = home.run(&["compre", "corpora/demo", "--models", "svm"]);
    assert_eq!(text(&typed.stderr), "emolab: there is no command compre; did you mean compare?\n");
    assert_eq!(typed.status.code(), Some(2));
    let other = home.run(&["compare", "corpora/demo", "--modells", "svm"]);
    assert!(text(&other.stderr).contains("a similar argument exists: '--models'"), "{}", text(&other.stderr));
}

#[test]
fn wrong_input_is_told_and_fails() {
    let home = Home::new();
    let empty = home.path().join("empty");
    std::fs::create_dir(&empty).unwrap();
    let one_speaker = part_of_demo(&home.path().join("one"), |name| name.starts_with("f1_"));
    let (empty, one_speaker) = (empty.to_str().unwrap(), one_speaker.to_str().unwrap());
    let demo = demo();
    let demo = demo.to_str().unwrap();
    let cases: &[(&[&str], i32, &str)] = &[
        (&["scan", "/no/such/folder"], 1, "/no/such/folder"),
        (&["scan", empty], 1, "no audio"),
        (&["scan", demo, "--corpus", "nosuch"], 1, "nosuch"),
        (&["compare", one_speaker, "--models", "majority", "--plan", "loso"], 1, "speaker"),
        (&["compare", demo, "--models", "oracle"], 2, "oracle"),
        (&["compare", demo, "--models", "majority", "--plan", "speakers:99"], 1, "99"),
        (&["compare", demo, "--plan", "sideways"], 2, "sideways"),
        (&["compare", demo, "--models", "majority", "--features", "nosuch"], 2, "nosuch"),
        (&["compare", demo, "--models", "svm", "--set", "svm.zz=1"], 2, "no hyper-parameter `zz`"),
        (&["compare", demo, "--models", "svm", "--set", "svm.c=-1"], 2, "not within"),
        (&["compare", demo, "--models", "svm", "--set", "svm=1"], 2, "MODEL.NAME=VALUE"),
        (&["compare", demo, "--models", "majority", "--set", "svm.c=1"], 1, "not among"),
        (&["compare", demo, "--models", "svm", "--set", "svm.c=1", "--set", "svm.c=2"], 1, "twice"),
        (&["train", demo, "--model", "majority", "-o", "/proc/nowhere/model"], 1, "/proc/nowhere"),
        (&["predict", empty, "x.wav"], 1, "card.toml"),
        (&["export", demo, "-o", "labels.csv"], 1, "labelled"),
        (&["label", "/no/such/folder"], 1, "/no/such/folder"),
        (&["nosuchverb-or-path"], 1, "nosuchverb-or-path"),
    ];
    for (args, code, told) in cases {
        let output = home.run(args);
        let talk = text(&output.stderr);
        assert_eq!(output.status.code(), Some(*code), "{args:?}: {talk}");
        assert!(talk.contains(told), "{args:?} does not name {told:?}: {talk}");
        assert!(!talk.contains("panicked"), "{args:?}: {talk}");
    }
    assert!(!home.path().join("labels.csv").exists(), "half-written file");
}

#[test]
fn one_class_is_told() {
    let home = Home::new();
    let clips = part_of_demo(home.path(), |name| name.contains("_anger_"));
    let output = home.run(&["compare", clips.to_str().unwrap(), "--models", "majority"]);
    assert_eq!(output.status.code(), Some(1));
    assert!(text(&output.stderr).contains("class"), "{}", text(&output.stderr));
}

#[test]
fn compare_gives_the_promised_json_and_repeats_with_its_seed() {
    let home = Home::new();
    let clips = part_of_demo(home.path(), |name| name.contains("_anger_") || name.contains("_sadness_"));
    let args = [
        "compare",
        clips.to_str().unwrap(),
        "--models",
        "logistic,majority",
        "--plan",
        "speakers:2",
        "--json",
        "--seed",
        "3",
    ];
    let (first, second) = (json(&home.run(&args)), json(&home.run(&args)));
    let runs = first["runs"].as_array().unwrap();
    assert_eq!(runs.len(), 2);
    for (run, again) in runs.iter().zip(second["runs"].as_array().unwrap()) {
        assert_eq!(run["predictions"], again["predictions"]);
        assert_eq!(run["predictions"].as_array().unwrap().len(), 32);
        assert_eq!(run["classes"], serde_json::json!(["anger", "sadness"]));
        let counts: Vec<u64> = run["confusion"]
            .as_array()
            .unwrap()
            .iter()
            .flat_map(|row| row.as_array().unwrap())
            .map(|n| n.as_u64().unwrap())
            .collect();
        assert_eq!(counts.iter().sum::<u64>(), 32);
        let right = (counts[0] + counts[3]) as f64 / 32.0;
        assert!((run["wa"].as_f64().unwrap() - right).abs() < 1e-12);
        for p in run["predictions"].as_array().unwrap() {
            let sum: f64 = p["p"].as_array().unwrap().iter().map(|p| p.as_f64().unwrap()).sum();
            assert!((sum - 1.0).abs() < 1e-5, "{p}");
        }
    }
    assert_eq!(runs[1]["uar"], 0.5, "the majority baseline has chance level");
    assert_eq!(first["comparison"]["best"], 0);
    assert_eq!(
        (first["comparison"]["units"].as_u64(), &first["comparison"]["too_few_to_tell"]),
        (Some(8), &Value::Bool(false))
    );
    assert_eq!(first["comparison"]["ties"][0], 0, "the best ties with itself");
    let floors: Vec<&Value> = first["baselines"].as_array().unwrap().iter().map(|one| &one["name"]).collect();
    assert_eq!(floors, ["chance"], "majority is a run here");
    for run in runs {
        let parts = run["by_speaker"].as_array().unwrap();
        assert_eq!(parts.iter().map(|part| part["clips"].as_u64().unwrap()).sum::<u64>(), 32);
        assert_eq!(run["by_sex"].as_array().unwrap().len(), 2);
        assert_eq!(run["metrics"]["uar"], run["uar"]);
        assert_eq!(run["calibration"]["reliability"].as_array().unwrap().len(), 15);
    }
    assert_eq!(first["protocol"]["plan"], "speakers:2");
    assert_eq!(first["protocol"]["synthetic"], true);
}

#[test]
fn a_random_plan_comes_with_its_speaker_independent_twin() {
    let home = Home::new();
    let clips = part_of_demo(home.path(), |name| name.contains("_anger_") || name.contains("_sadness_"));
    let clips = clips.to_str().unwrap();
    let all = json(&home.run(&["compare", clips, "--models", "naive-bayes", "--plan", "random:4", "--json"]));
    assert_eq!(all["protocol"]["speakers_leak"], true);
    assert_eq!(all["speaker_independent_twin"]["protocol"]["plan"], "loso");
    assert_eq!(all["speaker_independent_twin"]["runs"].as_array().unwrap().len(), 1);
    let shown = text(&home.run(&["compare", clips, "--models", "naive-bayes", "--plan", "random:4"]).stdout);
    assert!(shown.contains("SPEAKERS LEAK") && shown.contains("plan loso"), "{shown}");
    for told in ["* naive-bayes", "  majority", "  chance", "speaker bootstrap, expanded BCa", "UAR by sex", "worst"] {
        assert!(shown.contains(told), "{told} in {shown}");
    }
}

#[test]
fn a_model_is_trained_saved_and_predicts() {
    let home = Home::new();
    let demo = demo();
    let output = home.run(&["train", demo.to_str().unwrap(), "--model", "logistic", "--target", "sex", "-o", "model"]);
    assert!(output.status.success(), "{}", text(&output.stderr));
    let clip = |name: &str| demo.join(name).display().to_string();
    let names: Vec<String> = std::fs::read_dir(&demo)
        .unwrap()
        .map(|entry| entry.unwrap().file_name().to_string_lossy().into_owned())
        .filter(|name| name.ends_with(".flac"))
        .take(40)
        .collect();
    let files: Vec<String> = names.iter().map(|name| clip(name)).collect();
    let mut args = vec!["predict", "model", "--json"];
    args.extend(files.iter().map(String::as_str));
    let all = json(&home.run(&args));
    let rows = all["rows"].as_array().unwrap();
    assert_eq!(rows.len(), 40, "more than one batch");
    let right =
        rows.iter().zip(&names).filter(|(row, name)| row["pred"].as_str().unwrap().starts_with(&name[..1])).count();
    assert!(right >= 36, "{right} of 40 on its own training clips");
    assert!(rows.iter().all(|row| row["pitch_hz"].as_f64().is_some_and(|hz| (50.0..700.0).contains(&hz))));
    let csv = text(&home.run(&["predict", "model", &files[0], "--csv"]).stdout);
    assert!(csv.starts_with("file,pred,p_"), "{csv}");
    assert_eq!(csv.lines().count(), 2);
}

#[test]
fn a_foreign_truncated_or_newer_model_is_refused_with_a_reason() {
    let home = Home::new();
    let demo = demo();
    let output = home.run(&["train", demo.to_str().unwrap(), "--model", "majority", "-o", "model"]);
    assert!(output.status.success(), "{}", text(&output.stderr));
    let (card, weights) = (home.path().join("model/card.toml"), home.path().join("model/weights.safetensors"));
    let (good_card, good_weights) = (std::fs::read_to_string(&card).unwrap(), std::fs::read(&weights).unwrap());
    let refused = |why: &str| {
        let output = home.run(&["predict", "model", "x.wav"]);
        let talk = text(&output.stderr);
        assert_eq!(output.status.code(), Some(1), "{talk}");
        assert!(talk.contains(why) && !talk.contains("panicked"), "{why}: {talk}");
    };
    std::fs::write(&card, good_card.replace("format = 1", "format = 99")).unwrap();
    refused("newer");
    std::fs::write(&card, "hello = true").unwrap();
    refused("not a model card");
    std::fs::write(&card, &good_card).unwrap();
    std::fs::write(&weights, &good_weights[..good_weights.len() / 2]).unwrap();
    refused("weights.safetensors");
    std::fs::write(&weights, b"RIFF....WAVE").unwrap();
    refused("weights.safetensors");
}

#[test]
fn one_bad_file_does_not_spoil_a_prediction() {
    let home = Home::new();
    let demo = demo();
    let output = home.run(&["train", demo.to_str().unwrap(), "--model", "naive-bayes", "-o", "model"]);
    assert!(output.status.success(), "{}", text(&output.stderr));
    std::fs::write(home.path().join("broken.wav"), b"not audio").unwrap();
    let clips = part_of_demo(home.path(), |name| name.starts_with("f1_anger"));
    let clip = std::fs::read_dir(clips).unwrap().next().unwrap().unwrap().path();
    let output = home.run(&["predict", "model", "broken.wav", clip.to_str().unwrap()]);
    assert_eq!(output.status.code(), Some(1));
    assert!(text(&output.stderr).contains("broken.wav"), "{}", text(&output.stderr));
    assert!(text(&output.stdout).contains("f1_anger"), "{}", text(&output.stdout));
}

#[test]
fn features_are_written_as_npy_with_an_index() {
    let home = Home::new();
    let clips = part_of_demo(home.path(), |name| name.starts_with("f1_") || name.starts_with("m1_"));
    for (set, arrays) in [("logmel", 24), ("functionals", 1)] {
        let output = home.run(&["features", clips.to_str().unwrap(), "--set", set, "-o", set]);
        assert!(output.status.success(), "{}", text(&output.stderr));
        let dir = home.path().join(set);
        let npy = std::fs::read_dir(&dir)
            .unwrap()
            .filter(|e| e.as_ref().unwrap().path().extension().is_some_and(|x| x == "npy"))
            .count();
        assert_eq!(npy, arrays, "{set}");
        let index = std::fs::read_to_string(dir.join("index.csv")).unwrap();
        assert_eq!(index.lines().count(), 25, "{set}");
        assert!(index.starts_with("file,array,row,speaker,sex,label"), "{index}");
    }
}

#[test]
fn a_closed_pipe_is_no_failure() {
    use std::process::Stdio;
    let (home, demo) = (Home::new(), demo());
    let mut child = home
        .emolab(&["scan", demo.to_str().unwrap(), "--quiet"])
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .unwrap();
    drop(child.stdout.take());
    let output = child.wait_with_output().unwrap();
    assert!(output.status.success(), "{}", text(&output.stderr));
    assert_eq!(text(&output.stderr), "");
}

#[test]
fn a_copy_of_a_clip_never_stands_in_training_and_test() {
    let home = Home::new();
    let clips = part_of_demo(home.path(), |name| {
        (name.contains("_anger_") || name.contains("_sadness_")) && name != "m4_anger_s2.flac"
    });
    std::fs::copy(clips.join("f1_anger_s1.flac"), clips.join("m4_anger_s2.flac")).unwrap();
    let all = json(&home.run(&["compare", clips.to_str().unwrap(), "--models", "knn", "--plan", "loso", "--json"]));
    let files: Vec<&str> =
        all["runs"][0]["predictions"].as_array().unwrap().iter().map(|row| row["file"].as_str().unwrap()).collect();
    assert_eq!(files.len(), 31, "the copy is left out");
    assert!(files.contains(&"f1_anger_s1.flac") && !files.contains(&"m4_anger_s2.flac"));
    assert!(all["protocol"]["notes"][0].as_str().unwrap().contains("same audio"), "{}", all["protocol"]);
}

#[test]
fn without_known_speakers_a_random_plan_stands_alone_and_says_why() {
    let home = Home::new();
    let flat = part_of_demo(home.path(), |name| name.contains("_anger_") || name.contains("_sadness_"));
    let root = home.path().join("mine");
    for entry in std::fs::read_dir(flat).unwrap() {
        let path = entry.unwrap().path();
        let label = if path.to_string_lossy().contains("anger") { "angry" } else { "sad" };
        std::fs::create_dir_all(root.join(label)).unwrap();
        let name =
            path.file_name().unwrap().to_string_lossy().replace('_', "-").replace("anger", "x").replace("sadness", "y");
        std::fs::copy(&path, root.join(label).join(name)).unwrap();
    }
    let root = root.to_str().unwrap();
    let all = json(&home.run(&["compare", root, "--models", "knn", "--plan", "random:4", "--json"]));
    assert_eq!(all["protocol"]["speakers_leak"], true);
    assert_eq!(all["protocol"]["speakers"], 0);
    assert!(all["speaker_independent_twin"]["missing"].as_str().unwrap().contains("speaker"), "{all}");
    assert_eq!(all["runs"][0]["uar_ci_name"], "clip bootstrap, expanded BCa", "no speaker is known to draw");
    assert_eq!(all["comparison"]["unit"], "clips");
    let refused = home.run(&["compare", root, "--models", "knn", "--plan", "loso"]);
    assert_eq!(refused.status.code(), Some(1), "{}", text(&refused.stderr));
}

#[test]
fn features_that_no_chosen_classifier_reads_are_refused() {
    let (home, demo) = (Home::new(), demo());
    let output = home.run(&["compare", demo.to_str().unwrap(), "--models", "knn", "--features", "logmel"]);
    assert_eq!(output.status.code(), Some(1));
    assert!(text(&output.stderr).contains("logmel"), "{}", text(&output.stderr));
}

#[test]
fn training_into_a_folder_spares_what_else_lies_there() {
    let (home, demo) = (Home::new(), demo());
    let demo = demo.to_str().unwrap();
    let dir = home.path().join("model");
    let train = || home.run(&["train", demo, "--model", "majority", "-o", "model"]);
    std::fs::create_dir(&dir).unwrap();
    std::fs::write(dir.join("notes.md"), "mine").unwrap();
    let refused = train();
    assert_eq!(refused.status.code(), Some(1));
    assert!(text(&refused.stderr).contains("not empty"), "{}", text(&refused.stderr));
    std::fs::remove_file(dir.join("notes.md")).unwrap();
    assert!(train().status.success());
    std::fs::write(dir.join("notes.md"), "mine").unwrap();
    assert!(train().status.success(), "a model is replaced");
    assert_eq!(std::fs::read_to_string(dir.join("notes.md")).unwrap(), "mine");
}

#[test]
fn without_a_terminal_opening_is_listing_and_labelling_is_refused() {
    let (home, demo) = (Home::new(), demo());
    let listed = home.run(&[demo.to_str().unwrap()]);
    assert!(listed.status.success(), "{}", text(&listed.stderr));
    assert!(text(&listed.stdout).contains("demo: 96 clips"), "{}", text(&listed.stdout));
    let refused = home.run(&["label", demo.to_str().unwrap()]);
    assert_eq!(refused.status.code(), Some(1));
    assert!(text(&refused.stderr).contains("terminal"), "{}", text(&refused.stderr));
    assert_eq!(text(&refused.stdout), "", "no escape codes");
}

#[test]
fn ctrl_c_ends_a_training_with_130_and_no_half_written_model() {
    use std::io::{BufRead, BufReader};
    use std::process::Stdio;
    let (home, demo) = (Home::new(), demo());
    let args = ["train", demo.to_str().unwrap(), "--model", "cnn", "-o", "model"];
    let mut child = home.emolab(&args).stderr(Stdio::piped()).spawn().unwrap();
    let mut talk = BufReader::new(child.stderr.take().unwrap()).lines().map(|line| line.unwrap());
    assert!(talk.any(|line| line.starts_with("cnn, all clips")), "the fit never starts");
    let sent = std::process::Command::new("kill").args(["-INT", &child.id().to_string()]).status().unwrap();
    assert!(sent.success());
    let last = talk.last();
    assert_eq!(child.wait().unwrap().code(), Some(130), "{last:?}");
    assert_eq!(last.as_deref(), Some("interrupted"));
    assert!(!home.path().join("model").exists());
}

#[test]
fn predict_takes_folders_lists_and_names_of_models() {
    let home = Home::new();
    let demo = demo();
    let clips = part_of_demo(home.path(), |name| name.ends_with("_s1.flac") && name.contains("_anger"));
    let train = ["train", demo.to_str().unwrap(), "--model", "naive-bayes", "--norm", "speaker"];
    let made = home.run(&[&train[..], &["-o", "models/mine"]].concat());
    assert!(made.status.success(), "{}", text(&made.stderr));
    let count = std::fs::read_dir(&clips).unwrap().count();
    // By name, from the folder of models of the working directory; speakers by the demo's description.
    let whole = home.run(&["predict", "mine", "clips", "--csv", "--corpus", "demo"]);
    assert!(whole.status.success(), "{}", text(&whole.stderr));
    assert_eq!(text(&whole.stdout).lines().count(), count + 1);
    assert!(!text(&whole.stderr).contains("one speaker's"), "{}", text(&whole.stderr));
    // A list on standard input; nobody knows who speaks.
    let mut child = home.emolab(&["predict", "mine", "-", "--csv"]);
    child.stdin(std::process::Stdio::piped()).stdout(std::process::Stdio::piped()).stderr(std::process::Stdio::piped());
    let mut child = child.spawn().unwrap();
    let list: Vec<String> =
        std::fs::read_dir(&clips).unwrap().map(|entry| format!("{}\n\n", entry.unwrap().path().display())).collect();
    std::io::Write::write_all(&mut child.stdin.take().unwrap(), list.concat().as_bytes()).unwrap();
    let listed = child.wait_with_output().unwrap();
    assert_eq!(text(&listed.stdout).lines().count(), count + 1, "{}", text(&listed.stderr));
    assert!(text(&listed.stderr).contains("taken as one speaker's"), "{}", text(&listed.stderr));
    assert_ne!(text(&listed.stdout), text(&whole.stdout), "scaled by each speaker, or by all together");
    // The user's own folder; then what is not there.
    std::fs::create_dir_all(home.path().join("elsewhere")).unwrap();
    std::fs::rename(home.path().join("models/mine"), home.path().join("elsewhere/yours")).unwrap();
    let own = home.emolab(&["predict", "yours", "clips", "--json"]).env("EMOLAB_MODELS", "elsewhere").output().unwrap();
    assert_eq!(json(&own)["rows"].as_array().unwrap().len(), count);
    let told = home.emolab(&["predict", "hers", "clips"]).env("EMOLAB_MODELS", "elsewhere").output().unwrap();
    assert!(text(&told.stderr).contains("hers: no model folder; by name there are "), "{}", text(&told.stderr));
    assert!(text(&told.stderr).contains("yours"), "{}", text(&told.stderr));
    std::fs::create_dir(home.path().join("empty")).unwrap();
    let nothing = home.emolab(&["predict", "yours", "empty"]).env("EMOLAB_MODELS", "elsewhere").output().unwrap();
    assert!(text(&nothing.stderr).contains("empty: no audio file in it or below"), "{}", text(&nothing.stderr));
}
