//! Reports of kept runs in every format, the gate, and the places that they are written to.

use std::path::Path;

use emolab::score::{Confusion, report};
use emolab::store::{RunId, Store};
use emolab::workbench::report::classification_dict;
use serde_json::Value;

use crate::support::{Home, part_of_demo, text};

/// A home with runs on three voices: 1 and 2 under speakers:3 (knn, naive-bayes), 3 random with its twin 4, 5 another target.
fn home() -> Home {
    let home = Home::new();
    let corpus = part_of_demo(home.path(), |name| {
        let one_of = |words: [&str; 3]| words.iter().any(|word| name.contains(word));
        one_of(["f1_", "m1_", "f2_"]) && one_of(["anger", "neutral", "sadness"])
    });
    let corpus = corpus.to_str().unwrap();
    for more in [
        &["--models", "knn,naive-bayes", "--plan", "loso"][..],
        &["--models", "knn", "--plan", "random:3"],
        &["--models", "majority", "--plan", "random:3", "--target", "sex"],
    ] {
        let output = home.run(&[&["compare", corpus, "--corpus", "demo", "--quiet"], more].concat());
        assert!(output.status.success(), "{}", text(&output.stderr));
    }
    home
}

/// Exit code, stdout, stderr.
fn ran(home: &Home, args: &[&str]) -> (i32, String, String) {
    let output = home.run(&[&["report"], args].concat());
    (output.status.code().unwrap(), text(&output.stdout), text(&output.stderr))
}

fn written(home: &Home, args: &[&str]) -> String {
    let (code, out, told) = ran(home, args);
    assert_eq!(code, 0, "{args:?}: {told}");
    out
}

fn names(folder: &Path) -> Vec<String> {
    let mut all: Vec<String> = std::fs::read_dir(folder)
        .unwrap()
        .map(|entry| entry.unwrap().file_name().to_string_lossy().into_owned())
        .collect();
    all.sort();
    all
}

/// True when every element that is opened is closed, in order, and no attribute names a script or a place elsewhere.
fn sound(markup: &str) -> bool {
    let mut open: Vec<&str> = Vec::new();
    for part in markup.split('<').skip(1) {
        let Some((tag, _)) = part.split_once('>') else { return false };
        let name = tag.trim_start_matches('/').split(|sign: char| !sign.is_alphanumeric()).next().unwrap_or_default();
        match tag {
            _ if tag.starts_with('!') || tag.ends_with('/') || name == "meta" => {}
            _ if tag.starts_with('/') => {
                if open.pop() != Some(name) {
                    return false;
                }
            }
            _ => open.push(name),
        }
    }
    let foreign = ["<script", "src=", "href=", "@import", "url(", "onload"];
    open.is_empty() && foreign.iter().all(|word| !markup.contains(word))
}

#[test]
fn every_format_says_the_same_and_leaks_stand_beside_their_twin() {
    let home = home();
    let plain = written(&home, &["1", "2"]);
    for part in [
        "leave-one-speaker-out",
        "chance",
        "majority",
        "   macro avg ",
        "By speaker",
        "no difference can be significant",
        "data hash",
    ] {
        assert!(plain.contains(part), "{part}: {plain}");
    }
    let leaky = written(&home, &["3"]);
    assert!(leaky.contains("Speakers leak") && leaky.contains("run 4, loso: no shared speakers"), "{leaky}");
    let alone = home.run(&["runs", "rm", "4", "--yes"]);
    assert!(alone.status.success());
    // The run of the first comparison is the same recipe on the same clips.
    assert!(written(&home, &["3"]).contains("run 1, loso"));
    let json: Value = serde_json::from_str(&written(&home, &["1", "3", "--format", "json"])).unwrap();
    assert_eq!(json["runs"][1]["speaker_independent_twin"]["id"], 1);
    let report = &json["runs"][0]["classification_report"];
    let classes = ["anger", "neutral", "sadness"];
    assert!(classes.iter().all(|class| report[class]["f1-score"].is_number()), "{report}");
    assert_eq!(report["macro avg"]["recall"], json["runs"][0]["metrics"]["uar"]);
    let markdown = written(&home, &["1", "2", "--format", "md"]);
    assert!(markdown.starts_with("# 2 runs on demo") && markdown.contains("| ---: |"), "{markdown}");
    let latex = written(&home, &["1", "2", "--format", "latex"]);
    assert_eq!(latex.matches("\\begin{table}").count(), latex.matches("\\bottomrule").count());
    assert!(latex.contains("macro F1 \\%") && latex.contains("\\ensuremath{\\pm}"), "{latex}");
    for format in ["html", "svg"] {
        let markup = written(&home, &["1", "2", "3", "--format", format]);
        assert!(sound(&markup), "{format}");
        assert!(markup.contains("predicted class") && markup.contains("chance 33.3"), "{format}");
    }
    assert!(written(&home, &["1", "--format", "html"]).contains("prefers-color-scheme"));
}

#[test]
fn targets_are_not_mixed_in_a_table() {
    let home = home();
    let json: Value = serde_json::from_str(&written(&home, &["1", "5", "2", "--format", "json"])).unwrap();
    assert_eq!(json["comparisons"].as_array().unwrap().len(), 1);
    assert_eq!(json["comparisons"][0]["runs"], serde_json::json!([1, 2]));
    let plain = written(&home, &["1", "5", "2"]);
    assert_eq!(plain.matches("Comparison:").count(), 1, "{plain}");
}

#[test]
fn data_and_figures_are_files_of_a_folder() {
    let home = home();
    written(&home, &["1", "2", "--format", "csv", "-o", "data"]);
    let files =
        ["run-1-confusion.csv", "run-1-predictions.csv", "run-2-confusion.csv", "run-2-predictions.csv", "scores.csv"];
    assert_eq!(names(&home.path().join("data")), files);
    let predictions = std::fs::read_to_string(home.path().join("data/run-1-predictions.csv")).unwrap();
    assert!(predictions.starts_with("file,speaker,fold,truth,pred,p_anger,p_neutral,p_sadness\n"), "{predictions}");
    assert_eq!(predictions.lines().count(), 19);
    assert_eq!(written(&home, &["1", "--format", "csv"]), predictions);
    written(&home, &["1", "2", "--format", "svg", "-o", "figures/"]);
    let figures = names(&home.path().join("figures"));
    assert!(figures.contains(&"comparison-1.svg".to_owned()) && figures.contains(&"run-2-reliability.svg".to_owned()));
    written(&home, &["1", "--format", "html", "-o", "page.html"]);
    written(&home, &["2", "--format", "html", "-o", "page.html"]);
    let page = std::fs::read_to_string(home.path().join("page.html")).unwrap();
    assert!(page.contains("naive-bayes") && !page.contains("knn"), "it is replaced");
    written(&home, &["1", "--format", "md", "-o", "data"]);
    assert!(names(&home.path().join("data")).contains(&"report.md".to_owned()));
}

#[test]
fn a_score_below_its_bar_ends_with_3_after_the_report_is_written() {
    let home = home();
    let (code, out, told) = ran(&home, &["1", "--fail-under", "uar=0,kappa=-1"]);
    assert!(code == 0 && out.contains("macro avg"), "{told}");
    let (code, out, told) = ran(&home, &["1", "5", "--fail-under", "wa=0,uar=100"]);
    assert_eq!(code, 3, "{told}");
    assert!(out.contains("macro avg") && told.contains("run 5: uar is 50") && told.contains("below 100"), "{told}");
    // The scores of one who always says the same are no coefficient.
    let (code, _, told) = ran(&home, &["5", "--fail-under", "mcc=-1"]);
    assert!(code == 3 && told.contains("undefined"), "{told}");
    for (bar, why) in
        [("uar", "write SCORE=BAR"), ("moon=3", "no score"), ("uar=170", "goes from"), ("uar=x", "no number")]
    {
        let (code, _, told) = ran(&home, &["1", "--fail-under", bar]);
        assert!(code == 2 && told.contains(why), "{bar}: {told}");
    }
}

#[test]
fn what_cannot_be_reported_or_written_is_told_and_leaves_nothing() {
    let home = home();
    std::fs::write(home.path().join("file"), "mine").unwrap();
    std::fs::create_dir_all(home.path().join("full/scores.csv")).unwrap();
    for (args, why) in [
        (&["99"][..], "no run 99"),
        (&["1", "1"], "named twice"),
        (&["1", "2", "--format", "csv"], "2 files"),
        (&["1", "-o", "nowhere/report.txt"], "nowhere"),
        (&["1", "--format", "csv", "-o", "full"], "is a folder"),
        (&["1", "-o", "file/report.txt"], "file/report.txt"),
    ] {
        let (code, out, told) = ran(&home, args);
        assert!(code == 1 && told.contains(why) && out.is_empty(), "{args:?}: {told}");
    }
    assert_eq!(ran(&home, &["1", "--format", "pdf"]).0, 2);
    assert_eq!(names(&home.path().join("full")), ["scores.csv"]);
    let path = home.path().join(".local/share/emolab/emolab.db");
    let mut store = Store::open(&path).unwrap();
    let mut run = store.run(RunId(1)).unwrap().unwrap();
    run.predictions.clear();
    let empty = store.save_run(&run).unwrap().to_string();
    let (code, _, told) = ran(&home, &[&empty]);
    assert!(code == 1 && told.contains("no predictions"), "{told}");
}

#[test]
fn strange_names_and_thirty_classes_break_no_format() {
    let home = home();
    let path = home.path().join(".local/share/emolab/emolab.db");
    let mut store = Store::open(&path).unwrap();
    let mut run = store.run(RunId(1)).unwrap().unwrap();
    let odd = |at: usize| format!("</text><script>alert({at})</script> & \"a_b\" \\% $x$ | `{at}`\n[怒り]");
    run.protocol.data.classes = (0..30).map(odd).collect();
    for one in &mut run.predictions {
        one.p = (0..30).map(|class| f32::from(u8::from(class == one.pred))).collect();
    }
    let id = store.save_run(&run).unwrap().to_string();
    for format in ["html", "svg"] {
        assert!(sound(&written(&home, &[&id, "--format", format])), "{format}");
    }
    let latex = written(&home, &[&id, "--format", "latex"]);
    assert!(!latex.contains("$x$") && latex.contains("\\$x\\$") && latex.contains("[U+6012]"), "{latex}");
    let markdown = written(&home, &[&id, "--format", "md"]);
    assert!(!markdown.lines().any(|line| line.starts_with('|') && line.contains("<script>")), "{markdown}");
    let csv = written(&home, &[&id, "--format", "csv"]);
    assert_eq!(csv::Reader::from_reader(csv.as_bytes()).records().filter(|row| row.is_ok()).count(), 18);
}

#[derive(serde::Deserialize)]
struct Case {
    name: String,
    classes: Vec<String>,
    truth: Vec<usize>,
    pred: Vec<usize>,
    text: String,
    dict: serde_json::Map<String, Value>,
}

/// `golden/report.json`, made by `golden/report.py`: scikit-learn's text and dictionary.
#[test]
fn text_and_dictionary_are_scikit_learns() {
    let cases: Vec<Case> = serde_json::from_str(include_str!("golden/report.json")).unwrap();
    assert!(cases.len() >= 6);
    for Case { name, classes, truth, pred, text, dict } in cases {
        let all = Confusion::of(&truth, &pred, classes.len()).unwrap();
        let (ours, dictionary) = (report(&all, &classes), classification_dict(&all, &classes));
        assert_eq!(dictionary.as_object().unwrap().len(), dict.len(), "{name}");
        let mut undefined = 0;
        for (key, wanted) in &dict {
            let pairs: Vec<(&Value, &Value)> = match wanted.as_object() {
                Some(row) => row.iter().map(|(score, wanted)| (&dictionary[key][score], wanted)).collect(),
                None => vec![(&dictionary[key], wanted)],
            };
            for (found, wanted) in pairs {
                let average = key.ends_with("avg");
                match found.as_f64() {
                    Some(found) => {
                        assert!((found - wanted.as_f64().unwrap()).abs() < 1e-12, "{name} {key}: {found}, {wanted}")
                    }
                    // Undefined is null; scikit-learn writes 0, and takes it into averages.
                    None => assert!(found.is_null() && (average || wanted == 0.0), "{name} {key}: {found}, {wanted}"),
                }
                undefined += usize::from(found.is_null());
            }
        }
        assert_eq!(ours.lines().count(), text.lines().count(), "{name}");
        for (ours, theirs) in
            ours.lines().zip(text.lines()).filter(|(ours, _)| undefined == 0 || !ours.contains(" avg"))
        {
            assert_eq!(ours.replace("    - ", " 0.00 "), theirs, "{name}");
        }
    }
}
