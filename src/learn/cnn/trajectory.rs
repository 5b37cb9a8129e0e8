//! Whole passes against others: gradients against finite differences of the f64 reference, and 20 steps of training
//! against PyTorch (`tests/golden/cnn.csv`, made by the script beside it).

use rand::SeedableRng;
use rand_pcg::Pcg64;

use super::reference;
use super::{Adam, Draw, Loss, Net, Pass, Scratch, Shape, Window};
use crate::features::Image;
use crate::job::Unwatched;

const GOLDEN: &str = include_str!("../../../tests/golden/cnn.csv");

/// The formula of `tests/golden/cnn.py`.
fn numbers(seed: usize, len: usize) -> Vec<f32> {
    (0..len).map(|i| ((i * i * 31 + i * 7919 + seed * 104_729) % 2003) as f32 / 1024.0 - 1.0).collect()
}

fn images(seed: usize, count: usize, dim: (usize, usize, usize)) -> Vec<Image> {
    let all = numbers(seed, count * dim.0 * dim.1 * dim.2);
    all.chunks(dim.0 * dim.1 * dim.2).map(|one| Image::from_shape_vec(dim, one.to_vec()).unwrap()).collect()
}

fn golden(what: &str) -> Vec<f64> {
    let rows = GOLDEN.lines().filter_map(|line| line.strip_prefix(what));
    rows.map(|row| row.rsplit(',').next().unwrap().parse().unwrap()).collect()
}

#[test]
fn twenty_steps_follow_pytorch() {
    let mut net = Net::new(Shape::standard(3, 16, 7));
    for (number, block) in net.blocks.clone().iter().enumerate() {
        let kernel = &mut net.parameters[block.kernel.clone()];
        let start = numbers(number, kernel.len());
        kernel.iter_mut().zip(start).for_each(|(k, v)| *k = v / 8.0);
    }
    let head = net.parameters.len() - 129 * 7;
    net.parameters[head..].iter_mut().zip(numbers(10, 128 * 7)).for_each(|(w, v)| *w = v / 8.0);
    let (mut pass, mut adam) = (Pass::new(&net, 8, 24), Adam::new(net.parameters.len()));
    for (step, want) in golden("loss,").into_iter().enumerate() {
        let images = images(20 + step % 2, 8, (3, 16, 24));
        let draw = |i: usize| Draw { image: &images[i], window: Window::whole(24), label: (i * 5 + step % 2) % 7 };
        let batch: Vec<Draw<'_>> = (0..8).map(draw).collect();
        let loss = pass.run(&mut net, &batch, (&Loss::plain(7), &[1.0; 8 * 128]), &Unwatched).unwrap();
        adam.step(&mut net.parameters, &pass.gradient, 1e-3);
        assert!((loss - want).abs() <= 1e-4 * want, "step {step}: loss {loss}, PyTorch {want}");
    }
    let logits = net.logits(&images(20, 1, (3, 16, 24))[0], &mut Scratch::default());
    for (got, want) in logits.iter().zip(golden("logit,")) {
        assert!((f64::from(*got) - want).abs() <= 2e-3 * (1.0 + want.abs()), "logit {got}, PyTorch {want}");
    }
}

/// A tiny net with odd sizes: 2 x 5 x 7 (padded to 6 x 8), blocks of 3 and 4 channels, 3 classes, a short clip.
struct Tiny {
    net: Net,
    images: Vec<Image>,
    labels: [usize; 3],
    loss: Loss,
    kept: Vec<f32>,
}

impl Tiny {
    fn new() -> Tiny {
        let mut net = Net::new(Shape { channels: 2, bands: 5, widths: vec![3, 4], parts: 3, classes: 3 });
        net.start(&mut Pcg64::seed_from_u64(5));
        for block in &net.blocks {
            let gammas = block.gamma.clone().enumerate();
            // A negative gamma turns the pool's maximum into a minimum.
            gammas.for_each(|(c, at)| net.parameters[at] = if c == 1 { -0.7 } else { 0.8 + 0.1 * c as f32 });
            block.beta.clone().for_each(|at| net.parameters[at] = 0.05);
        }
        let mut all = images(3, 3, (2, 5, 7));
        all[1] = images(4, 1, (2, 5, 4)).remove(0);
        let kept = (0..36).map(|i| if i % 5 == 0 { 0.0 } else { 1.25 }).collect();
        let loss = Loss { weights: vec![0.5, 1.0, 2.0], smoothing: 0.1 };
        Tiny { net, images: all, labels: [2, 0, 1], loss, kept }
    }

    fn batch(&self) -> Vec<Draw<'_>> {
        let draw = |(image, &label): (_, &usize)| {
            let image: &Image = image;
            Draw { image, window: Window::whole(image.dim().2), label }
        };
        self.images.iter().zip(&self.labels).map(draw).collect()
    }

    /// The loss by the definitions, in f64.
    fn loss_at(&self, parameters: &[f64]) -> f64 {
        let planes = self.net.convolutions(7);
        let mut values: Vec<Vec<f64>> = self.images.iter().map(|image| unstacked(image, 6, 8)).collect();
        for (number, (conv, block)) in planes.iter().zip(&self.net.blocks).enumerate() {
            let mut conv = *conv;
            let mut kernel = parameters[block.kernel.clone()].to_vec();
            if number == 0 {
                conv.kernel_rows = 3;
                conv.input.channels = 2;
                kernel = columns_first(&kernel, 2 * conv.outputs);
            }
            values.iter_mut().for_each(|x| *x = reference::conv(conv, x, &kernel));
            reference::normalise(&mut values, &parameters[block.gamma.clone()], &parameters[block.beta.clone()]);
            if number == 0 {
                values.iter_mut().for_each(|x| *x = reference::max_pool(conv.output(), x));
            }
        }
        let head = &parameters[parameters.len() - 39..];
        let plane = planes[1].output();
        let mut logits = Vec::new();
        for ((x, image), kept) in values.iter().zip(&self.images).zip(self.kept.chunks(12)) {
            let pooled = reference::mean_pool(plane, x, self.net.mean(image.dim().2));
            for class in 0..3 {
                let terms = pooled.iter().zip(kept).enumerate();
                let sum: f64 = terms.map(|(i, (p, &k))| p * f64::from(k) * head[i * 3 + class]).sum();
                logits.push(sum + head[36 + class]);
            }
        }
        cross_entropy(&self.loss, &logits, &self.labels)
    }
}

/// `[c][band][frame]` to dense `[y][x][c]` of the padded size.
fn unstacked(image: &Image, height: usize, width: usize) -> Vec<f64> {
    let at = |y, x, c| image.get((c, y, x)).map_or(0.0, |&v| f64::from(v));
    (0..height * width * 2).map(|i| at(i / 2 / width, i / 2 % width, i % 2)).collect()
}

/// `[column][row][..]` to `[row][column][..]`.
fn columns_first(kernel: &[f64], len: usize) -> Vec<f64> {
    (0..9).flat_map(|tap| kernel[(tap % 3 * 3 + tap / 3) * len..][..len].to_vec()).collect()
}

fn cross_entropy(loss: &Loss, logits: &[f64], labels: &[usize]) -> f64 {
    let total: f64 = labels.iter().map(|&label| loss.weights[label]).sum();
    let one = |(logits, &label): (&[f64], &usize)| {
        let norm = logits.iter().map(|v| v.exp()).sum::<f64>().ln();
        let smooth = logits.iter().map(|v| norm - v).sum::<f64>() / logits.len() as f64;
        loss.weights[label] / total * ((1.0 - loss.smoothing) * (norm - logits[label]) + loss.smoothing * smooth)
    };
    logits.chunks(loss.weights.len()).zip(labels).map(one).sum()
}

#[test]
fn gradients_of_all_layers_agree_with_finite_differences() {
    let mut tiny = Tiny::new();
    let mut net = tiny.net.clone();
    let mut pass = Pass::new(&net, 4, 7);
    let loss = pass.run(&mut net, &tiny.batch(), (&tiny.loss, &tiny.kept), &Unwatched).unwrap();
    let at = reference::wide(&tiny.net.parameters);
    assert!((loss - tiny.loss_at(&at)).abs() < 1e-5, "{loss} for {}", tiny.loss_at(&at));
    for part in [0..54, 54..60, 60..168, 168..176, 176..215] {
        let moved = |values: &[f64]| {
            let mut all = at.clone();
            all[part.clone()].copy_from_slice(values);
            tiny.loss_at(&all)
        };
        reference::assert_gradient(&pass.gradient[part.clone()], &at[part.clone()], moved);
    }
    // A second run over the same buffers gives the same bits: nothing is left from the first.
    let first = pass.gradient.clone();
    tiny.images.reverse();
    tiny.labels.reverse();
    pass.run(&mut net, &tiny.batch(), (&tiny.loss, &tiny.kept), &Unwatched).unwrap();
    tiny.images.reverse();
    tiny.labels.reverse();
    pass.run(&mut net, &tiny.batch(), (&tiny.loss, &tiny.kept), &Unwatched).unwrap();
    assert_eq!(first, pass.gradient);
}

#[test]
fn nan_in_the_weights_is_an_error_and_not_a_silent_zero() {
    let tiny = Tiny::new();
    for at in [0, 54, 200] {
        let mut net = tiny.net.clone();
        net.parameters[at] = f32::NAN;
        let result = Pass::new(&net, 3, 7).run(&mut net, &tiny.batch(), (&tiny.loss, &tiny.kept), &Unwatched);
        assert!(result.is_err(), "parameter {at}: {result:?}");
    }
}
