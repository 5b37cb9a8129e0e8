//! The search for a recipe: it is nested, it repeats, it goes on after a kill, and it tells what it found.

use std::collections::BTreeMap;
use std::io::BufRead;
use std::path::{Path, PathBuf};
use std::process::Stdio;
use std::sync::Mutex;

use emolab::corpus::plan::Plan;
use emolab::corpus::{Corpus, Target, scan};
use emolab::features::Preparation;
use emolab::features::cache::Cache;
use emolab::job::{Cancelled, Unwatched, Watch, is_cancelled};
use emolab::learn::Norm;
use emolab::learn::space::Space;
use emolab::store::Run;
use emolab::workbench::experiment::{Effort, News, Request};
use emolab::workbench::material::Listener;
use emolab::workbench::search::{Budget, Found, Quest, search};
use serde_json::Value;

use crate::support::{Home, part_of_demo, text};

/// Two classes of four speakers.
fn clips(home: &Home) -> PathBuf {
    part_of_demo(home.path(), |name| {
        (name.contains("_anger_") || name.contains("_sadness_"))
            && ["f1_", "f2_", "m1_", "m2_"].iter().any(|speaker| name.starts_with(speaker))
    })
}

fn corpus(home: &Home) -> Corpus {
    scan(&clips(home), Some("demo"), &Unwatched).unwrap()
}

fn quest(trials: usize, journal: Option<&Path>) -> Quest {
    let space = "\"schedule.rate\" = { low = 1e-3, high = 1e-2, scale = \"log\" }\n\
                 \"layer.dropout.rate\" = { low = 0.1, high = 0.5 }\n\
                 norm = { of = [\"train\", \"speaker\"] }";
    Quest {
        request: Request {
            models: vec!["mlp".to_owned()],
            features: Some("functionals".to_owned()),
            plan: Plan::Speakers(2),
            allow: std::collections::BTreeSet::new(),
            target: Target::Emotion,
            norm: Norm::Train,
            epochs: Some(9),
            seed: 5,
            nets: BTreeMap::new(),
            params: BTreeMap::new(),
            effort: Effort::default(),
        },
        space: Space::read(space).unwrap(),
        budget: Budget { trials: Some(trials), time: None },
        inner: 3,
        once: false,
        journal: journal.map(Path::to_owned),
        resume: true,
    }
}

fn run(home: &Home, corpus: &Corpus, quest: &Quest, watch: &dyn Watch<News>) -> anyhow::Result<Found> {
    let cache = Cache::open(home.path().join("cache"));
    let listener = Listener { cache: &cache, preparation: Preparation::plain(16_000) };
    search(corpus, quest, &listener, &mut |_: &Run| Ok(None), watch)
}

/// All of a search but the time it took.
fn essence(found: &Found) -> Value {
    let folds = found.folds.iter().map(|fold| {
        let tried: Vec<Value> =
            fold.tried.iter().map(|tried| serde_json::json!([tried.trial, tried.shorten, tried.score])).collect();
        serde_json::json!([fold.name, fold.winner, fold.score, tried])
    });
    let runs = found.runs.iter().map(|judged| {
        let said: Vec<Value> =
            judged.run.predictions.iter().map(|p| serde_json::json!([p.clip, p.fold, p.p])).collect();
        serde_json::json!([judged.run.recipe, judged.run.protocol.search, said])
    });
    serde_json::json!([folds.collect::<Vec<_>>(), runs.collect::<Vec<_>>(), found.candidates])
}

#[test]
fn a_search_is_a_race_in_every_fold_and_repeats_with_its_seed() {
    let home = Home::new();
    let corpus = corpus(&home);
    let found = run(&home, &corpus, &quest(4, None), &Unwatched).unwrap();
    assert_eq!(found.folds.len(), 2);
    for fold in &found.folds {
        let rungs: Vec<(usize, usize)> = fold.tried.iter().map(|tried| (tried.trial, tried.shorten)).collect();
        assert_eq!(rungs[..4], [(0, 3), (1, 3), (2, 3), (3, 3)], "all at a third of the epochs");
        assert_eq!(rungs.len(), 6, "two go on to all epochs");
        assert!(rungs[4..].iter().all(|(_, shorten)| *shorten == 1));
        assert!(rungs[4..].iter().any(|(trial, _)| *trial == fold.winner));
        let best = fold.tried[4..].iter().filter_map(|tried| Some(tried.score?.uar)).fold(0.0, f64::max);
        assert_eq!(fold.score.unwrap().uar, best);
    }
    let names: Vec<&str> = found.runs.iter().map(|judged| judged.run.recipe.classifier.as_str()).collect();
    assert_eq!(names, ["mlp (search)", "mlp"]);
    let facts = found.runs[0].run.protocol.search.as_ref().unwrap();
    assert_eq!(facts.winners.len(), 2);
    assert_eq!(facts.winners[1].recipe, found.candidates[found.folds[1].winner].recipe);
    assert_eq!(found.runs[0].run.predictions.len(), 16);
    assert!(found.runs[0].run.protocol.plan.notes.iter().any(|note| note.contains("took no part")));
    assert_eq!(essence(&run(&home, &corpus, &quest(4, None), &Unwatched).unwrap()), essence(&found));
    let other = Quest { request: Request { seed: 6, ..quest(4, None).request }, ..quest(4, None) };
    assert_ne!(essence(&run(&home, &corpus, &other, &Unwatched).unwrap()), essence(&found));
}

#[test]
fn what_the_test_speakers_say_changes_no_choice() {
    let home = Home::new();
    let honest = corpus(&home);
    let found = run(&home, &honest, &quest(4, None), &Unwatched).unwrap();
    let tested: Vec<String> =
        found.runs[0].run.predictions.iter().filter(|p| p.fold == 0).map(|p| p.clip.0.to_string()).collect();
    // The labels of the first fold's test clips are turned round: were they seen, other trials would win there.
    let mut turned = corpus(&home);
    for clip in turned.clips.iter_mut().filter(|clip| tested.iter().any(|id| *id == clip.id.0)) {
        let other = if clip.label.as_deref() == Some("anger") { "sadness" } else { "anger" };
        clip.label = Some(other.into());
    }
    let again = run(&home, &turned, &quest(4, None), &Unwatched).unwrap();
    let said = |found: &Found| {
        let first = found.runs[0].run.predictions.iter().filter(|p| p.fold == 0);
        first.map(|p| (p.clip.0.to_string(), p.p.clone())).collect::<Vec<_>>()
    };
    let scores = |found: &Found| found.folds[0].tried.iter().map(|tried| tried.score).collect::<Vec<_>>();
    assert_eq!((scores(&again), said(&again)), (scores(&found), said(&found)));
    assert_ne!(again.runs[0].summary.uar, found.runs[0].summary.uar, "the labels do count where they are judged");
}

/// Stops the work after so many trials.
struct Impatient(Mutex<usize>);

impl Watch<News> for Impatient {
    fn check(&self) -> Result<(), Cancelled> {
        if *self.0.lock().unwrap() == 0 { Err(Cancelled) } else { Ok(()) }
    }
    fn tell(&self, news: News) {
        if matches!(news, News::Trial { done: 1.., .. }) {
            let mut left = self.0.lock().unwrap();
            *left = left.saturating_sub(1);
        }
    }
}

#[test]
fn a_search_that_was_stopped_goes_on_to_the_same_end() {
    let home = Home::new();
    let corpus = corpus(&home);
    let whole = essence(&run(&home, &corpus, &quest(4, None), &Unwatched).unwrap());
    let dir = home.path().join("journals");
    let stopped = run(&home, &corpus, &quest(4, Some(&dir)), &Impatient(Mutex::new(5))).unwrap_err();
    assert!(is_cancelled(&stopped), "{stopped:#}");
    let path = std::fs::read_dir(&dir).unwrap().next().unwrap().unwrap().path();
    let lines = || std::fs::read_to_string(&path).unwrap();
    assert_eq!(lines().lines().count(), 7, "a head, the unchanged recipe, five trials");
    // And the last of them was cut short by a loss of power.
    std::fs::write(&path, &lines()[..lines().len() - 20]).unwrap();
    assert_eq!(essence(&run(&home, &corpus, &quest(4, Some(&dir)), &Unwatched).unwrap()), whole);
    let all = lines();
    assert_eq!(all.lines().count(), 1 + 2 * (1 + 6) + winners_that_change_something(&whole));
    assert_eq!(essence(&run(&home, &corpus, &quest(4, Some(&dir)), &Unwatched).unwrap()), whole);
    assert_eq!(lines(), all, "nothing was done again");
    let afresh = Quest { resume: false, ..quest(4, Some(&dir)) };
    assert_eq!(essence(&run(&home, &corpus, &afresh, &Unwatched).unwrap()), whole);
    assert_eq!(std::fs::read_to_string(path.with_extension("jsonl.old")).unwrap(), all);
}

/// Outer fits beside those of trial 0, which is judged anyway.
fn winners_that_change_something(whole: &Value) -> usize {
    whole[0].as_array().unwrap().iter().filter(|fold| fold[1] != 0).count()
}

#[test]
fn without_time_the_unchanged_recipe_stands() {
    let home = Home::new();
    let budget = Budget { trials: None, time: Some(std::time::Duration::ZERO) };
    let found = run(&home, &corpus(&home), &Quest { budget, ..quest(1, None) }, &Unwatched).unwrap();
    assert!(found.folds.iter().all(|fold| fold.winner == 0 && fold.tried.is_empty() && fold.score.is_none()));
    assert_eq!(found.runs[0].summary.uar, found.runs[1].summary.uar);
}

#[test]
fn with_time_to_spare_races_follow_one_another_until_the_space_is_used_up() {
    let home = Home::new();
    let space = Space::read("\"schedule.batch\" = { of = [4, 8, 12, 16, 24] }").unwrap();
    let budget = Budget { trials: None, time: Some(std::time::Duration::from_secs(600)) };
    let found = run(&home, &corpus(&home), &Quest { space, budget, ..quest(1, None) }, &Unwatched).unwrap();
    for fold in &found.folds {
        let numbers: std::collections::BTreeSet<usize> = fold.tried.iter().map(|tried| tried.trial).collect();
        assert_eq!(numbers.len(), found.candidates.len(), "everyone took part");
        assert!(fold.tried.iter().any(|tried| tried.trial == fold.winner && tried.shorten == 1));
    }
}

#[test]
fn a_small_space_is_used_up_and_a_trial_that_fails_is_no_winner() {
    let home = Home::new();
    // A rate of 100 makes numbers that are not finite; and there are but two candidates beside the unchanged one.
    let space = Space::read("\"schedule.rate\" = { of = [100.0, 0.003] }").unwrap();
    let found = run(&home, &corpus(&home), &Quest { space, ..quest(9, None) }, &Unwatched).unwrap();
    assert_eq!(found.candidates.len(), 3);
    let wild = found.candidates.iter().position(|one| one.changes.text().contains("100")).unwrap();
    assert!(found.folds.iter().all(|fold| fold.winner != wild));
}

#[test]
fn leaks_and_too_few_speakers_are_refused() {
    let home = Home::new();
    let corpus = corpus(&home);
    let refused = |plan: Plan| {
        let asked = Quest { request: Request { plan, ..quest(2, None).request }, ..quest(2, None) };
        format!("{:#}", run(&home, &corpus, &asked, &Unwatched).unwrap_err())
    };
    assert!(refused(Plan::Random(4)).contains("random:4"));
    let two = Corpus {
        clips: corpus.clips.iter().filter(|clip| clip.sex == Some(emolab::corpus::Sex::Female)).cloned().collect(),
        ..Corpus::empty(&corpus.root)
    };
    let two = Corpus { classes: corpus.classes.clone(), ..two };
    let why = format!("{:#}", run(&home, &two, &quest(2, None), &Unwatched).unwrap_err());
    assert!(why.contains("at least 2 speakers"), "{why}");
}

fn json(output: &std::process::Output) -> Value {
    assert!(output.status.success(), "{}", text(&output.stderr));
    serde_json::from_slice(&output.stdout).unwrap()
}

/// The command line, without what tells one computer from another.
fn timeless(mut all: Value) -> Value {
    for run in all["runs"].as_array_mut().unwrap() {
        run["fit_seconds"] = Value::Null;
        run["id"] = Value::Null;
    }
    for fold in all["search"]["folds"].as_array_mut().unwrap() {
        fold["tried"].as_array_mut().unwrap().iter_mut().for_each(|tried| tried["seconds"] = Value::Null);
    }
    all
}

#[test]
fn the_verb_survives_a_kill_and_its_unchanged_run_is_that_of_compare() {
    let home = Home::new();
    let clips = clips(&home);
    let clips = clips.to_str().unwrap();
    let shared = ["--plan", "speakers:2", "--epochs", "3", "--seed", "2", "--json"];
    let args = [&["search", clips, "--models", "mlp", "--trials", "3"][..], &shared].concat();
    let mut child = home.emolab(&args).stdout(Stdio::null()).stderr(Stdio::piped()).spawn().unwrap();
    let mut talk = std::io::BufReader::new(child.stderr.take().unwrap()).lines();
    assert!(talk.any(|line| line.unwrap().contains("trial 2")), "the race never ends");
    child.kill().unwrap();
    child.wait().unwrap();
    let resumed = home.run(&[&args[..], &["--resume"]].concat());
    assert!(text(&resumed.stderr).contains("going on from"), "{}", text(&resumed.stderr));
    let resumed = json(&resumed);
    let whole = home.emolab(&args).env("RAYON_NUM_THREADS", "3").output().unwrap();
    assert!(text(&whole.stderr).contains("set aside"), "{}", text(&whole.stderr));
    assert_eq!(timeless(resumed.clone()), timeless(json(&whole)));
    assert!(resumed["runs"].as_array().unwrap().iter().all(|run| run["id"].is_number()), "both runs are kept");
    let compared = json(&home.run(&[&["compare", clips, "--models", "mlp"][..], &shared].concat()));
    assert_eq!(compared["runs"][0]["predictions"], resumed["runs"][1]["predictions"]);
    let shown = text(&home.run(&[&args[..args.len() - 1], &["--resume", "-q"]].concat()).stdout);
    for told in ["mlp (search)", "searched minus unchanged", "not estimates", "what it changes", "won"] {
        assert!(shown.contains(told), "{told}:\n{shown}");
    }
}

#[test]
fn a_recipe_for_all_speakers_is_written_and_compare_takes_it() {
    let home = Home::new();
    let clips = clips(&home);
    let clips = clips.to_str().unwrap();
    let args =
        ["search", clips, "--models", "mlp", "--trials", "2", "--epochs", "3", "--plan", "none", "-o", "net.toml"];
    let found = home.run(&args);
    assert!(found.status.success(), "{}", text(&found.stderr));
    let net = std::fs::read_to_string(home.path().join("net.toml")).unwrap();
    assert!(net.starts_with("# mlp, found by") && net.contains("not an estimate"), "{net}");
    assert!(!text(&found.stdout).contains("UAR %  95"), "nothing was judged:\n{}", text(&found.stdout));
    let compare =
        ["compare", clips, "--models", "mlp", "--net", "mlp=net.toml", "--plan", "speakers:2", "--epochs", "1"];
    let compared = home.run(&compare);
    assert!(compared.status.success(), "{}", text(&compared.stderr));
}

#[test]
fn what_is_wrong_with_a_search_is_told_before_it_begins() {
    let home = Home::new();
    let clips = clips(&home);
    let clips = clips.to_str().unwrap();
    std::fs::write(home.path().join("space.toml"), "\"schedule.rat\" = { of = [1e-3] }").unwrap();
    let cases: [(&[&str], i32, &str); 10] = [
        (&["--space", "space.toml"], 1, "schedule.rat"),
        (&["--space", "nowhere.toml"], 1, "nowhere.toml"),
        (&["--models", "oracle"], 2, "oracle"),
        (&["--budget", "soon"], 2, "20m"),
        (&["--out", "net.toml"], 1, "--plan none"),
        (&["--plan", "none", "--out", "no/such/net.toml"], 1, "no/such"),
        (&["--plan", "none", "--models", "knn", "--out", "net.toml"], 1, "nets"),
        (&["--models", "fusion"], 1, "fusion"),
        (&["--seeds", "5"], 1, "seeds"),
        (&["--plan", "random:3"], 1, "random:3"),
    ];
    for (more, code, told) in cases {
        let output = home.run(&[&["search", clips][..], more].concat());
        let talk = text(&output.stderr);
        assert_eq!(output.status.code(), Some(code), "{more:?}: {talk}");
        assert!(talk.contains(told) && !talk.contains("panicked"), "{more:?} does not name {told:?}: {talk}");
    }
}
