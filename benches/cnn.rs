//! Training step and inference of the cnn engine on STACK.md's net: 3 x 64 x 192, blocks 16-32-64-128, 7 classes.
//!
//! `cargo bench --bench cnn` measures with criterion. With `--worker` it answers `train`, `inf N` and `rss` on stdin
//! with milliseconds (kB), as `torch_step.py` does, so that `torch_ratio.py` can drive both in turn.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::print_stdout, missing_docs)]

use std::hint::black_box;
use std::io::{BufRead, Write};
use std::time::Instant;

use criterion::{BatchSize, Criterion};
use emolab::features::Image;
use emolab::job::Unwatched;
use emolab::learn::cnn::{Adam, Draw, Loss, Net, Pass, Scratch, Shape, Window, dropout};
use rand::{Rng, SeedableRng};
use rand_pcg::Pcg64;
use rayon::prelude::*;

const BATCH: usize = 32;
const FRAMES: usize = 192;
const CLASSES: usize = 7;

struct Bench {
    images: Vec<Image>,
    labels: Vec<usize>,
    net: Net,
    pass: Pass,
    adam: Adam,
    random: Pcg64,
    steps: usize,
}

impl Bench {
    fn new() -> Bench {
        let mut random = Pcg64::seed_from_u64(1);
        let mut image = || Image::from_shape_fn((3, 64, FRAMES), |_| random.random::<f32>() * 2.0 - 1.0);
        let images: Vec<Image> = (0..8 * BATCH).map(|_| image()).collect();
        let labels = (0..images.len()).map(|i| i * 5 % CLASSES).collect();
        let mut net = Net::new(Shape::standard(3, 64, CLASSES));
        net.start(&mut random);
        let (pass, adam) = (Pass::new(&net, BATCH, FRAMES), Adam::new(net.parameters.len()));
        Bench { images, labels, net, pass, adam, random, steps: 0 }
    }

    /// Filling the batch, forward, backward, Adam: all that a step of the training loop does.
    fn train(&mut self) -> f64 {
        let first = self.steps % 8 * BATCH;
        self.steps += 1;
        let draw = |i: usize| Draw { image: &self.images[i], window: Window::whole(FRAMES), label: self.labels[i] };
        let batch: Vec<Draw<'_>> = (first..first + BATCH).map(draw).collect();
        let kept = dropout(0.3, BATCH * 128, &mut self.random);
        let loss = self.pass.run(&mut self.net, &batch, (&Loss::plain(CLASSES), &kept), &Unwatched).unwrap();
        self.adam.step(&mut self.net.parameters, &self.pass.gradient, 1e-3);
        loss
    }

    fn infer(&self, clips: usize) -> f32 {
        let logits = |scratch: &mut Scratch, image: &Image| self.net.logits(image, scratch).iter().sum::<f32>();
        self.images[..clips].par_iter().map_init(Scratch::default, logits).sum()
    }
}

fn main() {
    // `--bench` is added by cargo; whoever asks for a worker gets nothing else.
    if std::env::args().any(|argument| argument == "--worker") {
        return work();
    }
    let mut criterion = Criterion::default().configure_from_args().sample_size(10);
    let mut bench = Bench::new();
    criterion.bench_function("cnn step, 32 x 3 x 64 x 192", |b| b.iter(|| black_box(bench.train())));
    for clips in [32, 1] {
        let name = format!("cnn inference, {clips} x 3 x 64 x 192");
        criterion.bench_function(&name, |b| {
            b.iter_batched(|| (), |()| black_box(bench.infer(clips)), BatchSize::SmallInput)
        });
    }
    criterion.final_summary();
}

fn work() {
    let mut bench = Bench::new();
    for line in std::io::stdin().lock().lines() {
        let line = line.unwrap();
        let words: Vec<&str> = line.split_whitespace().collect();
        let start = Instant::now();
        match words[..] {
            ["train"] => drop(black_box(bench.train())),
            ["inf", clips] => drop(black_box(bench.infer(clips.parse().expect("a number of clips")))),
            ["rss"] => {
                println!("{}", peak_memory());
                continue;
            }
            _ => return,
        }
        println!("{:.4}", start.elapsed().as_secs_f64() * 1e3);
        std::io::stdout().flush().unwrap();
    }
}

/// Highest resident memory so far, kB, as Linux tells it.
fn peak_memory() -> String {
    let status = std::fs::read_to_string("/proc/self/status").unwrap_or_default();
    let line = status.lines().find_map(|line| line.strip_prefix("VmHWM:"));
    line.and_then(|line| line.split_whitespace().next()).unwrap_or("0").to_owned()
}
