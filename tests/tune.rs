//! Tuning in `compare`: nested, repeatable, told, and never on a test clip.

use std::collections::BTreeMap;
use std::path::PathBuf;
use std::sync::Mutex;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};

use emolab::corpus::plan::Plan;
use emolab::corpus::{Corpus, Target, scan};
use emolab::features::Preparation;
use emolab::features::cache::Cache;
use emolab::job::{Cancelled, Unwatched, Watch, is_cancelled};
use emolab::learn::{Norm, Tune};
use emolab::store::Run;
use emolab::workbench::checkpoints::Checkpoints;
use emolab::workbench::experiment::{Compared, Effort, News, Request, compare};
use emolab::workbench::material::Listener;
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

fn request(models: &[&str], tune: Option<Tune>) -> Request {
    Request {
        models: models.iter().map(|&name| name.to_owned()).collect(),
        features: Some("mfcc".to_owned()),
        plan: Plan::Loso,
        allow: Default::default(),
        target: Target::Emotion,
        norm: Norm::Train,
        epochs: None,
        seed: 3,
        nets: BTreeMap::new(),
        params: BTreeMap::new(),
        effort: Effort { tune, ..Effort::default() },
    }
}

fn tune(trials: usize) -> Option<Tune> {
    Some(Tune { trials: Some(trials), seconds: None, folds: 3 })
}

fn run(home: &Home, corpus: &Corpus, request: &Request, watch: &dyn Watch<News>) -> anyhow::Result<Compared> {
    let cache = Cache::open(home.path().join("cache"));
    let listener = Listener { cache: &cache, preparation: Preparation::plain(16_000) };
    compare(corpus, request, &listener, &mut |_: &Run| Ok(None), watch)
}

/// All of the runs but the time they took.
fn essence(compared: &Compared) -> Vec<Value> {
    let of = |run: &Run| {
        let said: Vec<Value> = run.predictions.iter().map(|p| serde_json::json!([p.clip, p.fold, p.p])).collect();
        serde_json::json!([run.recipe, run.protocol.search, said])
    };
    compared.runs.iter().map(|judged| of(&judged.run)).collect()
}

#[test]
fn every_fold_has_a_winner_and_the_same_seed_the_same() {
    let home = Home::new();
    let corpus = corpus(&home);
    let found = run(&home, &corpus, &request(&["svm", "knn"], tune(5)), &Unwatched).unwrap();
    let titles: Vec<String> = found.runs.iter().map(|judged| judged.run.recipe.title()).collect();
    assert_eq!(titles, ["svm tuned", "knn tuned"]);
    for judged in &found.runs {
        let search = judged.run.protocol.search.as_ref().unwrap();
        assert_eq!((search.trials, search.inner_folds, search.winners.len()), (Some(5), 3, 4));
        for winner in &search.winners {
            assert!(winner.trial < 5 && winner.recipe.tune.is_none() && winner.inner_uar.is_some());
            assert_eq!(winner.changes.0.len(), winner.recipe.params.len(), "the changes are all that differs");
            assert_eq!(winner.trial == 0, winner.recipe.params.is_empty(), "the defaults are the first combination");
        }
        assert!(judged.run.protocol.plan.notes.iter().any(|note| note.contains("took no part")));
        assert_eq!(judged.run.predictions.len(), corpus.clips.len());
    }
    let again = run(&home, &corpus, &request(&["svm", "knn"], tune(5)), &Unwatched).unwrap();
    assert_eq!(essence(&again), essence(&found));
    let one = rayon::ThreadPoolBuilder::new().num_threads(1).build().unwrap();
    let alone = one.install(|| run(&home, &corpus, &request(&["svm", "knn"], tune(5)), &Unwatched).unwrap());
    assert_eq!(essence(&alone), essence(&found), "whatever the number of threads");
}

#[test]
fn one_combination_is_the_run_without_tuning() {
    let home = Home::new();
    let corpus = corpus(&home);
    let said = |tune| {
        let compared = run(&home, &corpus, &request(&["logistic"], tune), &Unwatched).unwrap();
        compared.runs[0].run.predictions.iter().map(|p| p.p.clone()).collect::<Vec<_>>()
    };
    assert_eq!(said(tune(1)), said(None));
}

#[test]
fn what_the_test_speaker_says_changes_no_choice() {
    let home = Home::new();
    let (honest, mut turned) = (corpus(&home), corpus(&home));
    let found = run(&home, &honest, &request(&["knn"], tune(6)), &Unwatched).unwrap();
    let of = |compared: &Compared| compared.runs[0].run.protocol.search.clone().unwrap().winners;
    let first = of(&found)[0].clone();
    // Were the test speaker's labels seen, turning them round would change what is chosen, or by what.
    for clip in turned.clips.iter_mut().filter(|clip| clip.speaker == honest.clips[0].speaker) {
        let other = if clip.label.as_deref() == Some("anger") { "sadness" } else { "anger" };
        clip.label = Some(other.into());
    }
    let fold = found.runs[0].run.predictions[0].fold;
    assert_eq!((fold, found.runs[0].run.predictions[0].clip.clone()), (0, honest.clips[0].id.clone()));
    let with = of(&run(&home, &turned, &request(&["knn"], tune(6)), &Unwatched).unwrap());
    assert_eq!(with[0], first);
    assert_ne!(with, of(&found), "other folds learn from the turned labels");
}

#[test]
fn what_the_user_set_stays_and_what_has_no_knobs_is_as_it_was() {
    let home = Home::new();
    let corpus = corpus(&home);
    let mut asked = request(&["svm", "knn", "majority"], tune(4));
    asked.params.insert("svm".to_owned(), [("c".to_owned(), 3.0)].into());
    asked.params.insert("knn".to_owned(), [("k".to_owned(), 5.0)].into());
    let found = run(&home, &corpus, &asked, &Unwatched).unwrap();
    let [svm, knn, majority] = &found.runs[..] else { panic!("three runs") };
    let search = svm.run.protocol.search.as_ref().unwrap();
    assert_eq!(search.space.iter().map(|(name, _)| name.as_str()).collect::<Vec<_>>(), ["gamma"]);
    assert!(search.winners.iter().all(|winner| winner.recipe.params["c"] == 3.0));
    assert_eq!((knn.run.recipe.title(), majority.run.recipe.title()), ("knn".to_owned(), "majority".to_owned()));
    assert!(knn.run.protocol.search.is_none() && majority.run.protocol.search.is_none());
}

#[test]
fn one_training_speaker_is_a_clear_refusal() {
    let home = Home::new();
    let mut two = corpus(&home);
    let keep = two.clips[0].speaker.clone();
    let other = two.clips.iter().find(|clip| clip.speaker != keep).unwrap().speaker.clone();
    two.clips.retain(|clip| clip.speaker == keep || clip.speaker == other);
    let why = run(&home, &two, &request(&["knn"], tune(4)), &Unwatched).unwrap_err();
    let why = format!("{why:#}");
    assert!(why.contains("tuning inside the fold") && why.contains("at least 2 speakers"), "{why}");
}

#[test]
fn a_cancel_in_the_middle_ends_it() {
    struct Stops {
        told: Mutex<usize>,
        stop: AtomicBool,
    }
    impl Watch<News> for Stops {
        fn check(&self) -> Result<(), Cancelled> {
            if self.stop.load(Ordering::SeqCst) { Err(Cancelled) } else { Ok(()) }
        }
        fn tell(&self, news: News) {
            if let News::Trial { done, total, .. } = news {
                assert_eq!(total, 4 * 6);
                *self.told.lock().unwrap() = done;
                self.stop.store(true, Ordering::SeqCst);
            }
        }
    }
    let home = Home::new();
    let corpus = corpus(&home);
    let watch = Stops { told: Mutex::new(0), stop: AtomicBool::new(false) };
    let end = run(&home, &corpus, &request(&["knn"], tune(6)), &watch);
    assert!(is_cancelled(&end.unwrap_err()));
    assert!((1..6).contains(&*watch.told.lock().unwrap()));
}

/// Cancels once a fold is done, if asked to; counts combinations.
struct Folds {
    stops: bool,
    over: AtomicBool,
    trials: AtomicUsize,
}

impl Folds {
    fn new(stops: bool) -> Folds {
        Folds { stops, over: AtomicBool::new(false), trials: AtomicUsize::new(0) }
    }
}

impl Watch<News> for Folds {
    fn check(&self) -> Result<(), Cancelled> {
        if self.over.load(Ordering::SeqCst) { Err(Cancelled) } else { Ok(()) }
    }
    fn tell(&self, news: News) {
        match news {
            News::Trial { .. } => drop(self.trials.fetch_add(1, Ordering::SeqCst)),
            News::Fold { .. } if self.stops => self.over.store(true, Ordering::SeqCst),
            _ => {}
        }
    }
}

#[test]
fn a_run_that_was_killed_goes_on_with_what_was_chosen() {
    let home = Home::new();
    let corpus = corpus(&home);
    let whole = run(&home, &corpus, &request(&["knn"], tune(5)), &Unwatched).unwrap();
    let folder = home.path().join("checkpoints");
    let kept = |resume| {
        let mut request = request(&["knn"], tune(5));
        request.effort.checkpoints = Some(Checkpoints { folder: folder.clone(), resume });
        request
    };
    let stopped = run(&home, &corpus, &kept(false), &Folds::new(true));
    assert!(is_cancelled(&stopped.unwrap_err()));
    let watch = Folds::new(false);
    let resumed = run(&home, &corpus, &kept(true), &watch).unwrap();
    assert_eq!(essence(&resumed), essence(&whole));
    let tried = watch.trials.load(Ordering::SeqCst);
    assert!((5..=15).contains(&tried), "{tried}: at least one of four folds was done, one was not");
    let notes = &resumed.runs[0].run.protocol.plan.notes;
    assert!(notes.iter().any(|note| note.contains("from before an interruption")), "{notes:?}");
    // Scores whose choice is lost are of no use: both are made again.
    let shelf = std::fs::read_dir(&folder).unwrap().next().unwrap().unwrap().path();
    std::fs::remove_file(shelf.join("fold-2.winner.safetensors")).unwrap();
    let watch = Folds::new(false);
    assert_eq!(essence(&run(&home, &corpus, &kept(true), &watch).unwrap()), essence(&whole));
    assert_eq!(watch.trials.load(Ordering::SeqCst), 5);
}

#[test]
fn the_command_line_tells_what_was_chosen() {
    let home = Home::new();
    let clips = clips(&home);
    let clips = clips.to_str().unwrap();
    for (args, code, told) in [
        (&["--models", "majority", "--tune"][..], 1, "no"),
        (&["--models", "knn", "--tune-budget", "5"], 2, "--tune"),
        (&["--models", "knn", "--tune", "--tune-budget", "0"], 2, "from 1 to 10000"),
        (&["--models", "knn", "--tune", "--tune-budget", "soon"], 2, "90s"),
    ] {
        let output = home.run(&[&["compare", clips][..], args].concat());
        assert_eq!(output.status.code(), Some(code), "{args:?}");
        assert!(text(&output.stderr).contains(told), "{args:?}: {}", text(&output.stderr));
    }
    let compare = ["compare", clips, "--features", "mfcc", "--models", "knn", "--tune", "--tune-folds", "2"];
    let output = home.run(&compare);
    let said = text(&output.stdout);
    assert!(said.contains("knn tuned: up to 20 combinations on up to 2 inner folds"), "{said}");
    let output = home.run(&[&compare[..], &["--json"]].concat());
    let all: Value = serde_json::from_slice(&output.stdout).unwrap();
    let run = &all["runs"][0];
    assert_eq!((&run["model"], &run["tune"]["trials"]), (&Value::from("knn"), &Value::from(20)));
    assert_eq!(run["search"]["winners"].as_array().map(Vec::len), Some(4));
}
