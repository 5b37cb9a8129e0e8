//! Learning curves: the same test clips at every point, kept as runs, stopped without loss.

use std::collections::{BTreeMap, BTreeSet};
use std::path::PathBuf;
use std::sync::Mutex;

use emolab::corpus::plan::Plan;
use emolab::corpus::{Corpus, Target, scan};
use emolab::features::Preparation;
use emolab::features::cache::Cache;
use emolab::job::{Cancelled, Unwatched, Watch, is_cancelled};
use emolab::learn::Norm;
use emolab::store::{Coin, Run, RunId};
use emolab::workbench::checkpoints::Checkpoints;
use emolab::workbench::curve::{Spending, curve, curves};
use emolab::workbench::experiment::{Compared, Effort, Judged, News, Request};
use emolab::workbench::material::Listener;
use emolab::workbench::verify::verify;

use crate::support::{Home, part_of_demo, text};

/// Two classes of four speakers.
fn clips(home: &Home) -> PathBuf {
    part_of_demo(home.path(), |name| {
        (name.contains("_anger_") || name.contains("_sadness_"))
            && name.ends_with("_s1.flac")
            && ["f1_", "f2_", "m1_", "m2_"].iter().any(|speaker| name.starts_with(speaker))
    })
}

fn request(plan: Plan) -> Request {
    Request {
        models: vec!["naive-bayes".to_owned(), "majority".to_owned()],
        features: Some("functionals".to_owned()),
        plan,
        allow: BTreeSet::new(),
        target: Target::Emotion,
        norm: Norm::Train,
        epochs: None,
        seed: 5,
        nets: BTreeMap::new(),
        params: BTreeMap::new(),
        effort: Effort::default(),
    }
}

fn spend(
    home: &Home,
    corpus: &Corpus,
    (plan, spending): (Plan, Spending),
    keep: &mut dyn FnMut(&Run) -> anyhow::Result<Option<RunId>>,
    watch: &dyn Watch<News>,
) -> anyhow::Result<Compared> {
    let cache = Cache::open(home.path().join("cache"));
    let listener = Listener { cache: &cache, preparation: Preparation::plain(16_000) };
    let checkpoints = Some(Checkpoints { folder: home.path().join("checkpoints"), resume: true });
    let request = Request { effort: Effort { checkpoints, ..Effort::default() }, ..request(plan) };
    curve(corpus, (&request, spending), &listener, keep, watch)
}

const SPENDING: Spending = Spending { by: Coin::Speakers, points: 3, draws: 2 };

#[test]
fn every_point_is_a_run_on_the_same_clips_and_repeats_with_its_seed() {
    let home = Home::new();
    let corpus = scan(&clips(&home), Some("demo"), &Unwatched).unwrap();
    let all = || {
        let found = spend(&home, &corpus, (Plan::Loso, SPENDING), &mut |_| Ok(None), &Unwatched).unwrap();
        found.clear_checkpoints();
        found
    };
    let found = all();
    let tested = |run: &Run| run.predictions.iter().map(|one| (one.clip.clone(), one.fold)).collect::<BTreeSet<_>>();
    let first = tested(&found.runs[0].run);
    assert!(found.runs.iter().all(|judged| tested(&judged.run) == first));
    let curves = curves(&found.runs);
    assert_eq!(curves.iter().map(|curve| curve.model.as_str()).collect::<Vec<_>>(), ["majority", "naive-bayes"]);
    for curve in &curves {
        let points: Vec<(usize, usize)> = curve.points.iter().map(|point| (point.amount, point.runs.len())).collect();
        assert_eq!(points, [(1, 2), (2, 2), (3, 1)], "speakers and draws of {}", curve.model);
    }
    assert_eq!(curves[0].points[2].uar, Some(0.5), "the majority class");
    let said = |found: &Compared| {
        let all = found.runs.iter().flat_map(|judged| judged.run.predictions.iter().map(|one| one.p.clone()));
        all.collect::<Vec<_>>()
    };
    assert_eq!(said(&found), said(&all()));
    // A point is made again as any run is.
    let cache = Cache::open(home.path().join("cache"));
    let point = found.runs.iter().find(|judged| judged.run.recipe.classifier == "naive-bayes").unwrap();
    assert!(verify(&point.run, std::slice::from_ref(&corpus), &cache, &Unwatched).unwrap().holds(0.0));
}

/// Cancels once some runs are done.
struct Stop(Mutex<usize>);

impl Watch<News> for Stop {
    fn check(&self) -> Result<(), Cancelled> {
        if *self.0.lock().unwrap() == 0 { Err(Cancelled) } else { Ok(()) }
    }

    fn tell(&self, news: News) {
        if matches!(news, News::Run(_)) {
            *self.0.lock().unwrap() -= 1;
        }
    }
}

#[test]
fn a_cancel_keeps_what_is_done_and_a_plan_that_leaks_is_refused() {
    let home = Home::new();
    let corpus = scan(&clips(&home), Some("demo"), &Unwatched).unwrap();
    let mut kept = 0;
    let mut keep = |_: &Run| {
        kept += 1;
        Ok(Some(RunId(kept)))
    };
    let stopped = spend(&home, &corpus, (Plan::Loso, SPENDING), &mut keep, &Stop(Mutex::new(2)));
    assert!(is_cancelled(&stopped.unwrap_err()));
    let gone_on = spend(&home, &corpus, (Plan::Loso, SPENDING), &mut keep, &Unwatched).unwrap();
    // Two models at five points and draws: what was kept before is not kept again.
    let ids: Vec<i64> = gone_on.runs.iter().filter_map(|judged| judged.run.id).map(|id| id.0).collect();
    assert_eq!((ids, kept), ((1..=10).collect(), 10));
    let noted = |judged: &Judged| judged.run.protocol.plan.notes.iter().any(|note| note.contains("from before"));
    assert_eq!(gone_on.runs.iter().filter(|judged| noted(judged)).count(), 2);
    gone_on.clear_checkpoints();
    assert_eq!(std::fs::read_dir(home.path().join("checkpoints")).unwrap().count(), 0);
    let leaky = spend(&home, &corpus, (Plan::Random(2), SPENDING), &mut |_| Ok(None), &Unwatched);
    let why = leaky.unwrap_err().to_string();
    assert!(why.contains("keeps speakers apart, not random:2"), "{why}");
}

#[test]
fn the_verb_prints_a_table_or_json() {
    let home = Home::new();
    let root = clips(&home).display().to_string();
    let args = [
        "curve",
        &root,
        "--corpus",
        "demo",
        "--models",
        "majority",
        "--by",
        "clips",
        "--points",
        "2",
        "--repeats",
        "2",
        "-q",
    ];
    let out = home.emolab(&args).output().unwrap();
    let table = text(&out.stdout);
    assert!(out.status.success() && table.contains("majority, functionals: UAR %"), "{table}{}", text(&out.stderr));
    assert!(table.contains("50.0"), "{table}");
    let out = home.emolab(&[&args[..], &["--json"]].concat()).output().unwrap();
    let json: serde_json::Value = serde_json::from_slice(&out.stdout).unwrap();
    let points = json["curves"][0]["points"].as_array().unwrap();
    assert_eq!(points.len(), 2);
    assert_eq!((&points[0]["clips"], &points[0]["runs"].as_array().unwrap().len()), (&serde_json::json!(4), &2));
    let wrong = home.emolab(&["curve", &root, "--models", "majority", "--by", "hours"]).output().unwrap();
    assert_eq!(wrong.status.code(), Some(2));
    assert!(text(&wrong.stderr).contains("by speakers or clips"), "{}", text(&wrong.stderr));
}
