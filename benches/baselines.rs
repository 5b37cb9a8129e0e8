//! Fit and prediction of every classical classifier, as a worker that `baselines.py` drives beside scikit-learn.
//!
//! With `--worker DIR [CORPUS]` it answers lines on stdin with a line of JSON each: `list` (the classifiers that read rows
//! and are no nets, with their hyper-parameters and whether they are calibrated), `run DATA NAME [KNOB=VALUE …]` (fits and
//! scores each fold of DIR/DATA/{x,y,fold}.npy by `learn::fit`; clips of fold -1 are always learnt from), `features DATA`
//! (eGeMAPS of CORPUS as such files, a fold per speaker) and `compare NAME` (what `emolab compare --plan loso --features
//! egemaps` does). Without it, criterion times one small fit of each.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::print_stdout, missing_docs)]

use std::collections::{BTreeMap, BTreeSet};
use std::hint::black_box;
use std::io::{BufRead, Write};
use std::path::{Path, PathBuf};
use std::time::Instant;

use criterion::Criterion;
use emolab::corpus::plan::Plan;
use emolab::corpus::{Corpus, Target, scan, task};
use emolab::features::cache::Cache;
use emolab::features::{Kind, Preparation, feature_set};
use emolab::job::Unwatched;
use emolab::learn::{CLASSIFIERS, Classifier, Data, Extras, Inputs, Norm, Recipe, fit};
use emolab::score::{Confusion, metric};
use emolab::workbench::experiment::{Effort, Request, compare};
use emolab::workbench::material::{Listener, data};
use ndarray::{Array1, Array2, ArrayView1};
use ndarray_npy::{read_npy, write_npy};
use rand::{Rng, SeedableRng};
use rand_pcg::Pcg64;
use serde_json::{Value, json};

/// Rate at which the corpus's features are computed.
const RATE: u32 = 16_000;

fn main() {
    let arguments: Vec<String> = std::env::args().collect();
    // `--bench` is added by cargo; whoever asks for a worker gets nothing else.
    if let Some(at) = arguments.iter().position(|argument| argument == "--worker") {
        let place = |after: usize| arguments.get(at + after).map(PathBuf::from);
        return Bench { dir: place(1).expect("a folder"), corpus: place(2) }.work();
    }
    let mut criterion = Criterion::default().configure_from_args().sample_size(10);
    let data = made();
    for kind in classical() {
        let recipe = Recipe { classifier: kind.name().to_owned(), ..Recipe::default() };
        let name = format!("{}, fit of 500 x 50 x 5", kind.name());
        criterion.bench_function(&name, |b| b.iter(|| black_box(fit(&recipe, &data, &Unwatched).unwrap())));
    }
    criterion.final_summary();
}

/// Those that read rows and are no nets.
fn classical() -> impl Iterator<Item = &'static dyn Classifier> {
    CLASSIFIERS.iter().copied().filter(|kind| kind.kind() == Kind::Row && kind.settings().is_none())
}

fn made() -> Data {
    let mut random = Pcg64::seed_from_u64(1);
    let labels: Vec<usize> = (0..500).map(|clip| clip % 5).collect();
    let rows = Array2::from_shape_fn((500, 50), |(clip, column)| {
        random.random_range(-1.0..1.0) + if column % 5 == labels[clip] { 0.4 } else { 0.0 }
    });
    let groups = (0..500).map(|clip| clip % 7).collect();
    Data { inputs: Inputs::Rows(rows), labels, groups, classes: 5, extras: Extras::default() }
}

struct Bench {
    dir: PathBuf,
    corpus: Option<PathBuf>,
}

impl Bench {
    fn work(&self) {
        for line in std::io::stdin().lock().lines() {
            let line = line.unwrap();
            let words: Vec<&str> = line.split_whitespace().collect();
            let said = match words[..] {
                ["list"] => list(),
                ["features", name] => self.features(&self.dir.join(name)),
                ["compare", name] => self.compare(name),
                ["run", data, name, ref params @ ..] => run(&self.dir.join(data), name, params),
                _ => return,
            };
            println!("{said}");
            std::io::stdout().flush().unwrap();
        }
    }

    fn scanned(&self) -> Corpus {
        scan(self.corpus.as_deref().expect("a corpus"), None, &Unwatched).unwrap()
    }

    /// Writes matrix, classes and speakers; tells how many there are.
    fn features(&self, dir: &Path) -> Value {
        let corpus = self.scanned();
        let task = task(&corpus, Target::Emotion).unwrap();
        let cache = Cache::open(self.dir.join("cache"));
        let listener = Listener { cache: &cache, preparation: Preparation::plain(RATE) };
        let data = data(&corpus, &task, &feature_set("egemaps").unwrap(), &listener, &Unwatched).unwrap();
        let whole = |numbers: &[usize]| numbers.iter().map(|&number| number as i64).collect::<Array1<i64>>();
        std::fs::create_dir_all(dir).unwrap();
        write_npy(dir.join("x.npy"), data.inputs.rows().unwrap()).unwrap();
        write_npy(dir.join("y.npy"), &whole(&data.labels)).unwrap();
        write_npy(dir.join("fold.npy"), &whole(&data.groups)).unwrap();
        json!({ "clips": data.labels.len(), "classes": data.classes, "speakers": task.speakers.len() })
    }

    /// Wall time of all folds, as the run tells it.
    fn compare(&self, name: &str) -> Value {
        let corpus = self.scanned();
        let cache = Cache::open(self.dir.join("cache"));
        let listener = Listener { cache: &cache, preparation: Preparation::plain(RATE) };
        let request = Request {
            models: vec![name.to_owned()],
            features: Some("egemaps".to_owned()),
            plan: Plan::Loso,
            allow: BTreeSet::new(),
            target: Target::Emotion,
            norm: Norm::Train,
            epochs: None,
            seed: 0,
            nets: BTreeMap::new(),
            params: BTreeMap::new(),
            effort: Effort::default(),
        };
        let compared = compare(&corpus, &request, &listener, &mut |_| Ok(None), &Unwatched).unwrap();
        let judged = &compared.runs[0];
        json!({ "seconds": judged.run.fit_seconds, "accuracy": judged.summary.wa, "uar": judged.summary.uar })
    }
}

fn list() -> Value {
    let knobs = |kind: &dyn Classifier| -> BTreeMap<&str, Option<f64>> {
        kind.knobs().iter().map(|knob| (knob.name, knob.default)).collect()
    };
    let told =
        |kind: &dyn Classifier| json!({ "name": kind.name(), "knobs": knobs(kind), "calibrated": kind.overstates() });
    classical().map(told).collect()
}

/// Seconds of fits and predictions of all folds one after the other, and what came of them.
fn run(dir: &Path, name: &str, params: &[&str]) -> Value {
    let rows: Array2<f64> = read_npy(dir.join("x.npy")).unwrap();
    let [labels, folds] = ["y.npy", "fold.npy"].map(|file| read_npy::<_, Array1<i64>>(dir.join(file)).unwrap());
    let labels: Vec<usize> = labels.iter().map(|&label| label as usize).collect();
    let classes = labels.iter().max().map_or(0, |&label| label + 1);
    let all =
        Data { inputs: Inputs::Rows(rows), labels, groups: vec![0; folds.len()], classes, extras: Extras::default() };
    let params = params.iter().map(|text| {
        let (name, value) = text.split_once('=').expect("KNOB=VALUE");
        (name.to_owned(), value.parse().expect("a number"))
    });
    let recipe = Recipe { classifier: name.to_owned(), params: params.collect(), ..Recipe::default() };
    let mut confusion = Confusion::new(classes);
    let mut seconds = 0.0;
    for fold in 0..=folds.iter().copied().max().unwrap_or(-1) {
        let (test, train): (Vec<usize>, Vec<usize>) = (0..folds.len()).partition(|&row| folds[row] == fold);
        let (train, test) = (all.select(&train), all.select(&test));
        let start = Instant::now();
        let fitted = fit(&recipe, &train, &Unwatched).unwrap();
        let scores = fitted.scores(&test.inputs, &test.groups).unwrap();
        seconds += start.elapsed().as_secs_f64();
        scores.rows().into_iter().zip(&test.labels).for_each(|(row, &truth)| confusion.see(truth, best(row)));
    }
    let score = |name: &str| metric(name).and_then(|metric| (metric.of)(&confusion));
    json!({ "seconds": seconds, "accuracy": score("wa"), "uar": score("uar") })
}

fn best(scores: ArrayView1<f64>) -> usize {
    (0..scores.len()).max_by(|&a, &b| scores[a].total_cmp(&scores[b]).then(b.cmp(&a))).unwrap()
}
