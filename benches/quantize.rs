//! What whole numbers save and what they cost.
//!
//! `cargo bench --bench quantize` times STACK.md's net (3 x 64 x 192, blocks 16-32-64-128) and the registry's cnn and crnn in
//! f32 and in int8, in turn, on one thread: medians in ms. `cargo bench --bench quantize -- --loso CORPUS [SEEDS] [MODEL]` fits
//! the net (cnn) on all speakers but one, calibrates the quantized one on those same training clips, scores both on the
//! speaker left out, and tells both UARs, after each fold over the folds so far.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::print_stdout, missing_docs)]

use std::hint::black_box;
use std::path::Path;
use std::time::Instant;

use emolab::corpus::plan::Plan as Split;
use emolab::corpus::{Target, scan, task};
use emolab::features::cache::Cache;
use emolab::features::{Image, Kind, Preparation};
use emolab::job::Unwatched;
use emolab::learn::cnn::{Input, List, Net, Plan, Random, Scratches};
use emolab::learn::{Norm, Recipe, classifier, fit};
use emolab::score::{Confusion, metric};
use emolab::workbench::experiment::argmax;
use emolab::workbench::material::{Listener, data, set_for};
use rand::Rng;

const FRAMES: usize = 192;
const ROUNDS: usize = 200;

fn main() {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    match arguments.iter().position(|argument| argument == "--loso") {
        Some(at) => {
            let seeds = arguments.get(at + 2).and_then(|seeds| seeds.parse().ok()).unwrap_or(1);
            let model = arguments.get(at + 3).map_or("cnn", String::as_str);
            loso(Path::new(arguments.get(at + 1).expect("--loso needs a corpus")), seeds, model);
        }
        None => times(),
    }
}

fn times() {
    let net = |name: &str| classifier(name).unwrap().settings().unwrap().unwrap().list();
    for (name, list) in [("STACK.md's net", stack()), ("cnn", net("cnn")), ("crnn", net("crnn"))] {
        let mut random = Random::new(1);
        let mut image = || Image::from_shape_fn((3, 64, FRAMES), |_| random.random::<f32>() * 2.0 - 1.0);
        let images: Vec<Image> = (0..32).map(|_| image()).collect();
        let mut real =
            Net::new(Plan { list, input: Input::Images { channels: 3, bands: 64 }, heads: vec![7] }).unwrap();
        real.start(&mut random);
        let Ok(whole) = real.quantized(&images) else {
            println!("{name}: nothing to quantize");
            continue;
        };
        for clips in [1, 32] {
            let medians = in_turn(&[&real, &whole], &images[..clips]);
            let (f32, int8) = (medians[0], medians[1]);
            println!("{name}, batch {clips}: f32 {f32:.3} ms, int8 {int8:.3} ms, ratio {:.2}", int8 / f32);
        }
    }
}

/// Median milliseconds of each net, measured in turn.
fn in_turn(nets: &[&Net], images: &[Image]) -> Vec<f64> {
    let scratches: Vec<Scratches> = nets.iter().map(|_| Scratches::default()).collect();
    let mut all = vec![Vec::new(); nets.len()];
    for _ in 0..ROUNDS.div_ceil(images.len().div_ceil(4)) {
        for ((net, scratches), times) in nets.iter().zip(&scratches).zip(&mut all) {
            let start = Instant::now();
            for image in images {
                black_box(scratches.with(|scratch| net.logits(image, scratch)).unwrap());
            }
            times.push(start.elapsed().as_secs_f64() * 1e3);
        }
    }
    all.iter_mut().for_each(|times| times.sort_by(f64::total_cmp));
    all.iter().map(|times| times[times.len() / 2]).collect()
}

fn stack() -> List {
    let block = |width: usize, pool: &str| {
        format!(
            "[[layer]]\nkind='conv'\nchannels={width}\nkernel=[3,3]\n[[layer]]\nkind='batch_norm'\n\
             [[layer]]\nkind='relu'\n[[layer]]\n{pool}\n"
        )
    };
    let pools = ["kind='max_pool'\nsize=[2,2]"; 3].into_iter().chain(["kind='mean_pool'"]);
    let blocks: String = [16, 32, 64, 128].into_iter().zip(pools).map(|(width, pool)| block(width, pool)).collect();
    List::read(&blocks).unwrap()
}

fn loso(path: &Path, seeds: u64, model: &str) {
    let corpus = scan(path, None, &Unwatched).unwrap();
    let task = task(&corpus, Target::Emotion).unwrap();
    let folder = std::env::temp_dir().join("emolab-bench-quantize");
    let cache = Cache::open(&folder);
    let net = classifier(model).unwrap().settings().expect("a net").unwrap();
    let set = set_for(Kind::Image, None, net.features.as_deref()).unwrap();
    let listener = Listener { cache: &cache, preparation: Preparation::plain(set.rate()) };
    let data = data(&corpus, &task, &set, &listener, &Unwatched).unwrap();
    for seed in 0..seeds {
        let recipe = Recipe { classifier: model.to_owned(), norm: Norm::Speaker, seed, ..Recipe::default() };
        let (mut truth, mut real, mut whole) = (Vec::new(), Vec::new(), Vec::new());
        for (fold, split) in task.splits(&Split::Loso, seed).unwrap().iter().enumerate() {
            let (train, test) = (data.select(&split.train), data.select(&split.test));
            let fitted = fit(&recipe, &train, &Unwatched).unwrap();
            let quantized = fitted.quantized(&train.inputs, &train.groups).unwrap();
            truth.extend(&test.labels);
            for (model, pred) in [(&fitted, &mut real), (&quantized, &mut whole)] {
                let scores = model.scores(&test.inputs, &test.groups).unwrap();
                pred.extend(scores.outer_iter().map(|row| argmax(row.iter().copied())));
            }
            let uar = |pred: &[usize]| {
                let confusion = Confusion::of(&truth, pred, data.classes).unwrap();
                100.0 * (metric("uar").unwrap().of)(&confusion).unwrap()
            };
            let alike = real.iter().zip(&whole).filter(|(a, b)| a == b).count();
            let (f32, int8, clips) = (uar(&real), uar(&whole), truth.len());
            let loss = f32 - int8;
            println!(
                "{model}, seed {seed}, {} folds: UAR f32 {f32:.2}, int8 {int8:.2}, loss {loss:.2}; {alike} of {clips} alike",
                fold + 1
            );
        }
    }
}
