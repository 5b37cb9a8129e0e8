//! Training step and inference of the cnn engine on STACK.md's net: 3 x 64 x 192, blocks 16-32-64-128, 7 classes.
//!
//! `cargo bench --bench cnn` measures with criterion. With `--worker` it answers `train`, `inf N` and `rss` on stdin
//! with milliseconds (kB), as `torch_step.py` does, so that `torch_ratio.py` can drive both in turn; and, for the share of
//! this machine's peak, `peak` with the milliseconds of a product of square matrices on each thread at once, `flops` with
//! the operations of a step's convolutions and of that product.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::print_stdout, missing_docs)]

use std::hint::black_box;
use std::io::{BufRead, Write};
use std::time::Instant;

use criterion::{BatchSize, Criterion};
use emolab::features::Image;
use emolab::job::Unwatched;
use emolab::learn::cnn::{
    Draw, Heads, Input, List, Loss, Matrix, Method, Net, Optimiser, Pass, Plan, Random, Scratches, Window,
    Write as How, multiply,
};
use rand::Rng;
use rayon::prelude::*;

const BATCH: usize = 32;
const FRAMES: usize = 192;
const CLASSES: usize = 7;
/// Channels from block to block.
const WIDTHS: [usize; 5] = [3, 16, 32, 64, 128];
/// Rows and columns of the matrices of a big product.
const SQUARE: usize = 1024;

struct Bench {
    images: Vec<Image>,
    labels: Vec<usize>,
    net: Net,
    pass: Pass,
    scratches: Scratches,
    adam: Optimiser,
    heads: Heads,
    random: Random,
    steps: usize,
}

impl Bench {
    fn new() -> Bench {
        let mut random = Random::new(1);
        let mut image = || Image::from_shape_fn((3, 64, FRAMES), |_| random.random::<f32>() * 2.0 - 1.0);
        let images: Vec<Image> = (0..8 * BATCH).map(|_| image()).collect();
        let labels = (0..images.len()).map(|i| i * 5 % CLASSES).collect();
        let input = Input::Images { channels: 3, bands: 64 };
        let mut net = Net::new(Plan { list: list(), input, heads: vec![CLASSES] }).unwrap();
        net.start(&mut random);
        let (pass, adam) = (Pass::new(&net), Optimiser::new(Method::Adam, net.parameters.len()));
        Bench {
            images,
            labels,
            net,
            pass,
            scratches: Scratches::default(),
            adam,
            heads: Heads::one(Loss::plain(CLASSES)),
            random,
            steps: 0,
        }
    }

    /// Filling the batch, forward, backward, Adam: all that a step of the training loop does.
    fn train(&mut self) -> f64 {
        let first = self.steps % 8 * BATCH;
        self.steps += 1;
        let draw = |i: usize| Draw { image: &self.images[i], window: Window::whole(FRAMES) };
        let batch: Vec<Draw<'_>> = (first..first + BATCH).map(draw).collect();
        let targets = self.heads.targets(self.labels[first..first + BATCH].iter().map(|&label| Some(label)));
        let goal = (&self.heads, &targets[..]);
        let loss = self.pass.of_images(&mut self.net, (&batch, FRAMES), goal, &mut self.random, &Unwatched).unwrap();
        self.adam.step(&mut self.net.parameters, &self.pass.gradient, 1e-3);
        loss
    }

    fn infer(&self, clips: usize) -> f32 {
        let logits = |image| self.scratches.with(|scratch| self.net.logits(image, scratch)).unwrap();
        self.images[..clips].par_iter().map(|image| logits(image).iter().sum::<f32>()).sum()
    }
}

/// STACK.md's net: conv + norm + ReLU four times, pools between, global mean, dropout.
fn list() -> List {
    let block = |width: usize, pool: &str| {
        format!(
            "[[layer]]\nkind='conv'\nchannels={width}\nkernel=[3,3]\n[[layer]]\nkind='batch_norm'\n\
             [[layer]]\nkind='relu'\n[[layer]]\n{pool}\n"
        )
    };
    let pools = ["kind='max_pool'\nsize=[2,2]"; 3].into_iter().chain(["kind='mean_pool'"]);
    let blocks: String = WIDTHS[1..].iter().zip(pools).map(|(&width, pool)| block(width, pool)).collect();
    List::read(&(blocks + "[[layer]]\nkind='dropout'\nrate=0.3\n")).unwrap()
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
    let (mut bench, mut peak) = (Bench::new(), Peak::default());
    for line in std::io::stdin().lock().lines() {
        let line = line.unwrap();
        let words: Vec<&str> = line.split_whitespace().collect();
        let start = Instant::now();
        match words[..] {
            ["train"] => drop(black_box(bench.train())),
            ["inf", clips] => drop(black_box(bench.infer(clips.parse().expect("a number of clips")))),
            ["peak"] => peak.multiply(),
            ["flops"] => {
                println!("{} {}", step_flops(), peak.flops());
                continue;
            }
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

/// Multiplications and additions of the convolutions of a step, counted by their definition and for pixels of the image
/// only: forward and the kernels' gradients of all four, the inputs' gradients of all but the first.
fn step_flops() -> u64 {
    let pixels = |block: usize| (64 * FRAMES) >> (2 * block);
    let one = |block: usize| {
        let passes = if block == 0 { 2 } else { 3 };
        2 * passes * pixels(block) * 9 * WIDTHS[block] * WIDTHS[block + 1]
    };
    ((0..4).map(one).sum::<usize>() * BATCH) as u64
}

/// A big product on each thread at once: what the engine's matrix product can reach here.
#[derive(Default)]
struct Peak {
    factors: Vec<f32>,
    /// One per thread.
    products: Vec<Vec<f32>>,
}

impl Peak {
    fn multiply(&mut self) {
        // Made when first asked for, so that a worker that is not asked does not hold it.
        self.factors.resize(SQUARE * SQUARE, 0.5);
        self.products.resize_with(rayon::current_num_threads(), || vec![0.0; SQUARE * SQUARE]);
        let factor = Matrix::new(&self.factors, SQUARE, SQUARE, SQUARE);
        self.products.par_iter_mut().for_each(|product| multiply(product, factor, factor, How::Replace));
    }

    fn flops(&self) -> u64 {
        (2 * SQUARE * SQUARE * SQUARE * rayon::current_num_threads()) as u64
    }
}

/// Highest resident memory so far, kB, as Linux tells it.
fn peak_memory() -> String {
    let status = std::fs::read_to_string("/proc/self/status").unwrap_or_default();
    let line = status.lines().find_map(|line| line.strip_prefix("VmHWM:"));
    line.and_then(|line| line.split_whitespace().next()).unwrap_or("0").to_owned()
}
