//! Runs that are kept: listed, shown, set apart, removed, made again.

use std::path::{Path, PathBuf};

use emolab::store::{Run, RunId, Store};
use serde_json::Value;

use crate::support::{Home, part_of_demo, text};

/// Two classes of all voices of the demo.
fn clips(home: &Home) -> PathBuf {
    part_of_demo(home.path(), |name| name.contains("_anger_s") || name.contains("_sadness_s"))
}

fn compare(home: &Home, corpus: &Path, more: &[&str]) {
    let args = ["compare", corpus.to_str().unwrap(), "--corpus", "demo", "--quiet"];
    let output = home.run(&[&args[..], more].concat());
    assert!(output.status.success(), "{}", text(&output.stderr));
}

fn json(home: &Home, args: &[&str]) -> Value {
    let output = home.run(args);
    assert!(output.status.success(), "{args:?}: {}", text(&output.stderr));
    serde_json::from_slice(&output.stdout).unwrap()
}

/// Exit code, stdout, stderr.
fn ran(home: &Home, args: &[&str]) -> (i32, String, String) {
    let output = home.run(args);
    (output.status.code().unwrap(), text(&output.stdout), text(&output.stderr))
}

fn store(home: &Home) -> Store {
    Store::open(&home.path().join(".local/share/emolab/emolab.db")).unwrap()
}

/// Saves a run again, changed; its number.
fn altered(home: &Home, id: i64, change: impl FnOnce(&mut Run)) -> String {
    let mut store = store(home);
    let mut run = store.run(RunId(id)).unwrap().unwrap();
    change(&mut run);
    store.save_run(&run).unwrap().to_string()
}

#[test]
fn runs_are_listed_by_corpus_shown_and_removed() {
    let home = Home::new();
    let (code, _, told) = ran(&home, &["runs"]);
    assert!(code == 1 && told.contains("no run is kept there yet"), "{told}");
    let corpus = clips(&home);
    compare(&home, &corpus, &["--models", "knn,majority", "--plan", "speakers:2"]);
    let all = json(&home, &["runs", "--json"]);
    let ids: Vec<i64> = all["runs"].as_array().unwrap().iter().map(|run| run["id"].as_i64().unwrap()).collect();
    assert_eq!((ids, &all["problems"]), (vec![2, 1], &serde_json::json!([])));
    assert_eq!(json(&home, &["runs", corpus.to_str().unwrap(), "--json"]), all);
    assert_eq!(json(&home, &["runs", "elsewhere", "--json"])["runs"], serde_json::json!([]));
    let (_, table, _) = ran(&home, &["runs"]);
    assert!(table.contains("UAR %") && table.contains("speakers:2") && table.lines().count() == 3, "{table}");
    let (_, shown, _) = ran(&home, &["runs", "show", "1", "--predictions"]);
    for part in ["data.data_hash", "source.path", "maker.cpu", "maker.commit", "weighted avg", "f1_anger_s1.flac"] {
        assert!(shown.contains(part), "{part}: {shown}");
    }
    assert_eq!(json(&home, &["runs", "show", "1", "--json"])["recipe"]["classifier"], "knn");
    let (code, _, told) = ran(&home, &["runs", "show", "7"]);
    assert!(code == 1 && told.contains("no run 7"), "{told}");
    for (args, why) in [(&["1", "7", "--yes"][..], "no run 7"), (&["1"], "terminal")] {
        let (code, _, told) = ran(&home, &[&["runs", "rm"], args].concat());
        assert!(code == 1 && told.contains(why), "{told}");
        assert_eq!(json(&home, &["runs", "--json"]), all, "nothing was removed");
    }
    let (code, _, told) = ran(&home, &["runs", "rm", "1", "--yes"]);
    assert!(code == 0 && told.contains("removed run 1"), "{told}");
    assert_eq!(json(&home, &["runs", "--json"])["runs"].as_array().unwrap().len(), 1);
}

#[test]
fn only_what_differs_is_told() {
    let home = Home::new();
    let corpus = clips(&home);
    compare(&home, &corpus, &["--models", "knn,majority", "--plan", "speakers:2"]);
    let apart = json(&home, &["runs", "diff", "1", "2", "--json"]);
    let difference = &apart["difference"];
    let paths: Vec<&str> =
        difference["fields"].as_array().unwrap().iter().map(|field| field["path"].as_str().unwrap()).collect();
    assert_eq!(paths, ["recipe.classifier"]);
    assert_eq!((&difference["fields"][0]["a"], &difference["fields"][0]["b"]), (&"knn".into(), &"majority".into()));
    assert_eq!(difference["predictions"]["shared"], 32);
    let (_, told, _) = ran(&home, &["runs", "diff", "1", "2", "--clips", "1"]);
    assert!(told.contains("recipe.classifier") && told.contains("uar") && !told.contains("data_hash"), "{told}");
    assert!(told.lines().last().unwrap().starts_with("and "), "{told}");
    let (_, told, _) = ran(&home, &["runs", "diff", "1", "1"]);
    assert_eq!(told, "all 32 predictions are the same, to the last bit\n");
    let other = altered(&home, 1, |run| run.predictions.truncate(30));
    let (_, told, _) = ran(&home, &["runs", "diff", "1", &other]);
    assert!(told.contains("2 tested by the first alone"), "{told}");
}

#[test]
fn a_run_is_made_again_to_the_last_bit_or_it_is_told_what_differs() {
    let home = Home::new();
    let corpus = clips(&home);
    compare(&home, &corpus, &["--models", "naive-bayes", "--plan", "random:3", "--seed", "5", "--norm", "speaker"]);
    for run in ["1", "2"] {
        let (code, told, talk) = ran(&home, &["verify", run, "--quiet"]);
        assert!(code == 0 && told.starts_with("identical: 32 predictions"), "{run}: {told}{talk}");
    }
    let nudged = altered(&home, 1, |run| {
        let p = &mut run.predictions[3].p;
        (p[0], p[1]) = (p[0] - 1e-6, p[1] + 1e-6);
    });
    let (code, told, talk) = ran(&home, &["verify", &nudged, "--quiet"]);
    assert!(code == 3 && told.contains("1 of 32 predictions, 0 of another class"), "{told}{talk}");
    let (code, told, _) = ran(&home, &["verify", &nudged, "--quiet", "--tolerance", "1e-5"]);
    assert!(code == 0 && told.starts_with("the same within 0.00001"), "{told}");
    let elsewhere = altered(&home, 1, |run| {
        run.predictions[0].pred = 1 - run.predictions[0].pred;
        let maker = &mut run.protocol.maker;
        maker.emolab = "0.0.9".to_owned();
        maker.cpu = "another".to_owned();
        maker.commit = "5d1ecc3".to_owned();
    });
    let (code, told, talk) = ran(&home, &["verify", &elsewhere, "--quiet", "--tolerance", "1"]);
    assert!(code == 3 && told.contains("1 of another class"), "{told}");
    assert!(talk.contains("made by emolab 0.0.9") && talk.contains("between processors"), "{talk}");
    assert!(talk.contains("made by 5d1ecc3, verified by "), "{talk}");
    assert_eq!(ran(&home, &["verify", "99"]).0, 1);
}

#[test]
fn several_seeds_and_a_second_target_are_made_again() {
    let home = Home::new();
    let corpus = clips(&home);
    let effort = ["--plan", "speakers:2", "--seeds", "2", "--also", "sex", "--epochs", "2"];
    compare(&home, &corpus, &[&["--models", "mlp"], &effort[..]].concat());
    let (code, told, talk) = ran(&home, &["verify", "1", "--quiet"]);
    assert!(code == 0 && told.starts_with("identical"), "{told}{talk}");
}

#[test]
fn what_tuning_chose_is_fitted_again() {
    let home = Home::new();
    let corpus = clips(&home);
    let tune = ["--models", "knn", "--plan", "speakers:2", "--tune", "--tune-budget", "3", "--tune-folds", "2"];
    compare(&home, &corpus, &tune);
    let (code, told, talk) = ran(&home, &["verify", "1", "--quiet"]);
    assert!(code == 0 && told.starts_with("identical"), "{told}{talk}");
}

#[test]
fn the_winners_of_a_search_are_fitted_again() {
    let home = Home::new();
    let corpus = clips(&home);
    let args = ["search", corpus.to_str().unwrap(), "--corpus", "demo", "--quiet", "--models", "mlp", "--epochs", "2"];
    let output = home.run(&[&args[..], &["--trials", "2", "--plan", "speakers:2", "--inner-folds", "2"]].concat());
    assert!(output.status.success(), "{}", text(&output.stderr));
    for run in ["1", "2"] {
        let (code, told, talk) = ran(&home, &["verify", run, "--quiet"]);
        assert!(code == 0 && told.starts_with("identical"), "{run}: {told}{talk}");
    }
}

#[test]
fn changed_data_are_told_clip_by_clip_and_nothing_is_fitted() {
    let home = Home::new();
    let corpus = clips(&home);
    compare(&home, &corpus, &["--models", "majority", "--plan", "speakers:2"]);
    let moved = home.path().join("moved");
    std::fs::rename(&corpus, &moved).unwrap();
    let at = moved.to_str().unwrap();
    let (code, _, talk) = ran(&home, &["verify", "1", "--quiet"]);
    assert_eq!(code, 1, "{talk}");
    let (code, told, talk) = ran(&home, &["verify", "1", "--quiet", "--at", at]);
    assert_eq!(code, 0, "{told}{talk}");
    std::fs::copy(crate::support::demo().join("f1_fear_s1.flac"), moved.join("f1_anger_s1.flac")).unwrap();
    std::fs::remove_file(moved.join("m1_sadness_s2.flac")).unwrap();
    std::fs::copy(crate::support::demo().join("f2_happiness_s1.flac"), moved.join("f2_sadness_s9.flac")).unwrap();
    let (code, told, _) = ran(&home, &["verify", "1", "--quiet", "--at", at]);
    assert_eq!(code, 3, "{told}");
    for part in ["data hash", "f1_anger_s1.flac: audio", "m1_sadness_s2.flac: gone"] {
        assert!(told.contains(part), "{part}: {told}");
    }
    let old = altered(&home, 1, |run| {
        run.protocol.source = emolab::store::Source::default();
        run.predictions.iter_mut().for_each(|one| one.audio.clear());
    });
    let (code, told, _) = ran(&home, &["verify", &old, "--quiet", "--at", at]);
    assert!(code == 3 && !told.contains("audio") && told.contains("gone"), "{told}");
    let unknown = altered(&home, 1, |run| run.protocol.plan.plan = "moon".to_owned());
    let (code, _, talk) = ran(&home, &["verify", &unknown, "--quiet", "--at", at]);
    assert!(code == 1 && talk.contains("moon"), "{talk}");
}
