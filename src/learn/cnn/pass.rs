//! One training pass: a batch of windows forward and backward through a [`Net`], giving loss and gradient.
//!
//! rayon runs over images (forward) and over a fixed number of groups of images (gradients); every sum is taken in
//! the order of images and groups, so the bits are the same for any number of threads. Buffers are made once per
//! fit. Deliberately absent: the optimiser, epochs and what a batch is made of.

use std::ops::Range;

use rayon::prelude::*;

use super::block::{
    Normal, Pooled, Slope, activate_row, add_mean_sums, add_pool_sums, mean_pool, pick_row, spread_mean, spread_pool,
    sum_up,
};
use super::conv::{Conv, flipped};
use super::dense::scale;
use super::kernel::widest;
use super::loss::Loss;
use super::net::{Net, Window, fill};
use super::plane::Plane;
use crate::features::Image;
use crate::job::Watch;
use crate::learn::{Epoch, LearnError};

/// Parts whose gradients are summed apart and then together: the most threads that backward can use.
const GROUPS: usize = 8;
/// Share of the new batch in the running moments (PyTorch's default).
const MOMENTUM: f32 = 0.1;

/// One clip of a batch.
#[derive(Debug, Clone)]
pub struct Draw<'a> {
    /// The clip.
    pub image: &'a Image,
    /// What of it is seen; at most the pass's frames.
    pub window: Window,
    /// Its class.
    pub label: usize,
}

/// Buffers for batches up to a size, and the gradient of the last one.
#[derive(Debug)]
pub struct Pass {
    stages: Vec<Stage>,
    groups: Vec<Group>,
    /// Gradient of all parameters.
    pub gradient: Vec<f32>,
}

/// Buffers of one block, image after image.
#[derive(Debug)]
struct Stage {
    conv: Conv,
    /// Padded input.
    x: Vec<f32>,
    /// Flat output of the convolution.
    y: Vec<f32>,
    /// Dense; empty in the last block.
    picked: Vec<f32>,
    /// Flat gradient of the input; empty in the first block.
    dx: Vec<f32>,
    /// 2 x channels per image.
    sums: Vec<f64>,
    normal: Normal,
    reversed_kernel: Vec<f32>,
}

#[derive(Debug)]
struct Group {
    gradient: Vec<f32>,
    dy: Vec<f32>,
}

/// What both directions of a pass share.
struct Step<'a> {
    net: &'a Net,
    batch: &'a [Draw<'a>],
    watch: &'a dyn Watch<Epoch>,
}

impl Pass {
    /// For batches of at most `capacity` windows of at most `frames` frames.
    pub fn new(net: &Net, capacity: usize, frames: usize) -> Pass {
        let stages: Vec<Stage> = net.convolutions(frames).into_iter().map(|conv| Stage::new(conv, capacity)).collect();
        let last = stages.len() - 1;
        let mut pass = Pass { stages, groups: Vec::new(), gradient: vec![0.0; net.parameters.len()] };
        pass.stages[0].dx = Vec::new();
        pass.stages[last].picked = Vec::new();
        let largest = pass.stages.iter().map(|stage| stage.conv.output().padded_len()).max().unwrap_or(0);
        let group = || Group { gradient: vec![0.0; net.parameters.len()], dy: vec![0.0; largest] };
        pass.groups.extend(std::iter::repeat_with(group).take(GROUPS.min(capacity)));
        pass
    }

    /// Mean loss of the batch; leaves the gradient in [`Pass::gradient`] and moves the net's running moments.
    /// `kept` are the factors of dropout, batch x head inputs.
    ///
    /// # Errors
    /// `Cancelled`; [`LearnError::Failed`] when a number is not finite.
    pub fn run(
        &mut self,
        net: &mut Net,
        batch: &[Draw<'_>],
        (loss, kept): (&Loss, &[f32]),
        watch: &dyn Watch<Epoch>,
    ) -> Result<f64, LearnError> {
        let step = Step { net, batch, watch };
        let mut pooled = self.forward(&step)?;
        scale(&mut pooled, kept);
        let logits = net.head.forward(&net.parameters, &pooled, batch.len());
        let labels: Vec<usize> = batch.iter().map(|draw| draw.label).collect();
        let (value, d_logits) = loss.of_batch(&logits, &labels);
        if !value.is_finite() {
            return Err(LearnError::Failed("the loss is not a finite number".to_owned()));
        }
        self.gradient.fill(0.0);
        net.head.add_gradient(&pooled, &d_logits, batch.len(), &mut self.gradient);
        let mut d_pooled = net.head.backward(&net.parameters, &d_logits, batch.len());
        scale(&mut d_pooled, kept);
        self.backward(&Step { net, batch, watch }, &d_pooled)?;
        self.move_state(net);
        Ok(value)
    }

    fn forward(&mut self, step: &Step<'_>) -> Result<Vec<f32>, LearnError> {
        self.stages[0].fill(step.batch);
        for number in 0..self.stages.len() {
            step.watch.check()?;
            let (done, rest) = self.stages.split_at_mut(number + 1);
            done[number].convolve(step, number)?;
            if let Some(next) = rest.first_mut() {
                done[number].activate(next, step.batch.len());
            }
        }
        step.watch.check()?;
        Ok(self.stages.last().map(|last| last.mean_pool(step)).unwrap_or_default())
    }

    fn backward(&mut self, step: &Step<'_>, d_pooled: &[f32]) -> Result<(), LearnError> {
        self.groups.iter_mut().for_each(|group| group.gradient.fill(0.0));
        for number in (0..self.stages.len()).rev() {
            step.watch.check()?;
            let (before, after) = self.stages.split_at_mut(number + 1);
            let d = after.first().map_or(d_pooled, |next| &next.dx);
            let slope = before[number].slope(step, (number, d), &mut self.gradient);
            step.watch.check()?;
            before[number].carry_back(step, (number, d), &slope, &mut self.groups);
        }
        for group in &self.groups {
            self.gradient.iter_mut().zip(&group.gradient).for_each(|(sum, part)| *sum += part);
        }
        Ok(())
    }

    fn move_state(&self, net: &mut Net) {
        for (stage, block) in self.stages.iter().zip(&net.blocks) {
            let count = stage.normal.count as f64;
            let unbiased = count / (count - 1.0).max(1.0);
            let follow = |running: &mut f32, new: f64| *running += MOMENTUM * (new as f32 - *running);
            let means = net.state[block.mean.clone()].iter_mut().zip(&stage.normal.mean);
            means.for_each(|(running, &mean)| follow(running, mean));
            let variances = net.state[block.variance.clone()].iter_mut().zip(&stage.normal.variance);
            variances.for_each(|(running, &variance)| follow(running, variance * unbiased));
        }
    }
}

impl Stage {
    fn new(conv: Conv, capacity: usize) -> Stage {
        let (input, output) = (conv.input, conv.output());
        Stage {
            conv,
            x: vec![0.0; capacity * input.padded_len()],
            y: vec![0.0; capacity * output.flat_len()],
            picked: vec![0.0; capacity * output.halved().dense_len()],
            dx: vec![0.0; capacity * input.flat_len()],
            sums: vec![0.0; capacity * 2 * output.channels],
            normal: Normal::default(),
            reversed_kernel: Vec::new(),
        }
    }

    fn fill(&mut self, batch: &[Draw<'_>]) {
        let plane = self.conv.input;
        let images = self.x.par_chunks_exact_mut(plane.padded_len()).zip(batch);
        images.for_each(|(x, draw)| fill(draw.image, &draw.window, plane, x));
    }

    /// Convolution of every image, what a max-pool picks of it, and the batch's normalisation.
    fn convolve(&mut self, step: &Step<'_>, number: usize) -> Result<(), LearnError> {
        let (conv, plane, block) = (self.conv, self.conv.output(), &step.net.blocks[number]);
        let (kernel, gamma) = (&step.net.parameters[block.kernel.clone()], &step.net.parameters[block.gamma.clone()]);
        let inputs = self.x.par_chunks_exact(conv.input.padded_len()).take(step.batch.len());
        let outputs = self.y.par_chunks_exact_mut(plane.flat_len());
        let images = inputs.zip(outputs).zip(self.sums.par_chunks_exact_mut(2 * plane.channels));
        let one = |((x, y), sums): ((&[f32], &mut [f32]), &mut [f64]), picked: &mut [f32]| {
            sums.fill(0.0);
            conv.forward_then(x, kernel, y, |rows, y| {
                widest(|| sum_up(conv.band(&rows).output(), y, sums));
                pick(plane, (rows, y), gamma, picked);
            });
        };
        if self.picked.is_empty() {
            images.for_each(|image| one(image, &mut []));
        } else {
            let picked = self.picked.par_chunks_exact_mut(plane.halved().dense_len());
            images.zip(picked).for_each(|(image, picked)| one(image, picked));
        }
        let beta = &step.net.parameters[block.beta.clone()];
        let count = step.batch.len() * plane.height * plane.width;
        self.normal = Normal::of_batch(&self.total(step.batch.len()), count, gamma, beta);
        if self.normal.is_finite() {
            return Ok(());
        }
        Err(LearnError::Failed(format!("block {number} gave a number that is not finite")))
    }

    /// The picked values, normalised, are what the next block reads.
    fn activate(&self, next: &mut Stage, images: usize) {
        let (pooled, normal) = (next.conv.input, &self.normal);
        let outputs = next.x.par_chunks_exact_mut(pooled.padded_len());
        let all = self.picked.par_chunks_exact(pooled.dense_len()).zip(outputs).take(images);
        all.for_each(|(picked, x)| {
            widest(|| {
                for row in 0..pooled.height {
                    activate_row(&picked[pooled.dense_row(row)], normal, &mut x[pooled.padded_row(row)]);
                }
            });
        });
    }

    /// Batch x head inputs.
    fn mean_pool(&self, step: &Step<'_>) -> Vec<f32> {
        let plane = self.conv.output();
        let width = step.net.head.inputs;
        let mut pooled = vec![0.0; step.batch.len() * width];
        let images = self.y.par_chunks_exact(plane.flat_len()).zip(pooled.par_chunks_exact_mut(width));
        images.zip(step.batch).for_each(|((y, pooled), draw)| {
            widest(|| mean_pool(plane, y, &self.normal, step.net.mean(draw.window.frames.len()), pooled));
        });
        pooled
    }

    /// Writes the gradients of gamma and beta; `d` is the gradient of what the block made.
    fn slope(&mut self, step: &Step<'_>, (number, d): (usize, &[f32]), gradient: &mut [f32]) -> Slope {
        let (plane, normal, block) = (self.conv.output(), &self.normal, &step.net.blocks[number]);
        let pooled = plane.halved();
        let sums = self.sums.par_chunks_exact_mut(2 * plane.channels).zip(step.batch);
        if self.picked.is_empty() {
            let images = self.y.par_chunks_exact(plane.flat_len()).zip(d.par_chunks_exact(step.net.head.inputs));
            sums.zip(images).for_each(|((sums, draw), (y, d))| {
                let mean = step.net.mean(draw.window.frames.len());
                widest(|| add_mean_sums(plane, y, d, (normal, mean), sums));
            });
        } else {
            let images = self.picked.par_chunks_exact(pooled.dense_len()).zip(d.par_chunks_exact(pooled.flat_len()));
            sums.zip(images).for_each(|((sums, _), (picked, d))| {
                widest(|| add_pool_sums(pooled, picked, d, normal, sums));
            });
        }
        let total = self.total(step.batch.len());
        // Beta lies right behind gamma.
        let (head, tail) = gradient.split_at_mut(block.beta.start);
        self.normal.backward(&total, &mut head[block.gamma.clone()], &mut tail[..plane.channels])
    }

    /// Gradient of the kernel into each group, and of the input into `dx`.
    fn carry_back(&mut self, step: &Step<'_>, (number, d): (usize, &[f32]), slope: &Slope, groups: &mut [Group]) {
        let block = &step.net.blocks[number];
        if number > 0 {
            flipped(self.conv, &step.net.parameters[block.kernel.clone()], &mut self.reversed_kernel);
        }
        let per_group = step.batch.len().div_ceil(groups.len());
        let dx_len = self.conv.input.flat_len();
        let mut dx = std::mem::take(&mut self.dx);
        let stage = &*self;
        let one = |group: &mut Group, image: usize, dx: Option<&mut [f32]>| {
            let x = &stage.x[image * stage.conv.input.padded_len()..][..stage.conv.input.padded_len()];
            let gradient = &mut group.gradient[block.kernel.clone()];
            for rows in stage.bands(dx.is_some()) {
                let band = stage.conv.band(&rows);
                let dy = &mut group.dy[..band.output().padded_len()];
                stage.spread(step, (image, &rows, d), slope, dy);
                band.add_kernel_gradient(&x[stage.conv.band_start(&rows)..], dy, gradient);
            }
            if let Some(dx) = dx {
                stage.conv.reversed().forward(&group.dy, &stage.reversed_kernel, dx);
            }
        };
        let images = |group: usize| group * per_group..((group + 1) * per_group).min(step.batch.len());
        if number == 0 {
            groups
                .par_iter_mut()
                .enumerate()
                .for_each(|(number, group)| images(number).for_each(|image| one(group, image, None)));
        } else {
            let parts = groups.par_iter_mut().enumerate().zip(dx.par_chunks_mut(per_group * dx_len));
            parts.for_each(|((number, group), dx)| {
                images(number).zip(dx.chunks_exact_mut(dx_len)).for_each(|(image, dx)| one(group, image, Some(dx)));
            });
        }
        self.dx = dx;
    }

    /// The rows whose gradient is worked on together: all, where the gradient of the input needs them, else what stays
    /// in the cache.
    fn bands(&self, whole: bool) -> Vec<Range<usize>> {
        let all = 0..self.conv.input.height;
        if whole || self.picked.is_empty() { vec![all] } else { self.conv.blocks().collect() }
    }

    /// The padded gradient of some rows of one image's convolution output.
    fn spread(&self, step: &Step<'_>, (image, rows, d): (usize, &Range<usize>, &[f32]), slope: &Slope, dy: &mut [f32]) {
        let (plane, band) = (self.conv.output(), self.conv.band(rows).output());
        let y = &self.y[image * plane.flat_len()..][..plane.flat_len()];
        if self.picked.is_empty() {
            let mean = step.net.mean(step.batch[image].window.frames.len());
            let width = step.net.head.inputs;
            let d = &d[image * width..][..width];
            return widest(|| spread_mean(plane, (y, d), (&self.normal, mean), slope, dy));
        }
        let (pooled, above) = (plane.halved(), rows.start / 2);
        let from = Pooled {
            y: &y[plane.flat_row(rows.start).start..],
            picked: &self.picked[image * pooled.dense_len() + pooled.dense_row(above).start..],
            d: &d[image * pooled.flat_len() + pooled.flat_row(above).start..],
        };
        widest(|| spread_pool(band, &from, &self.normal, slope, dy));
    }

    /// Sums over images, in their order.
    fn total(&self, images: usize) -> Vec<f64> {
        let width = 2 * self.conv.outputs;
        let mut total = vec![0.0; width];
        for sums in self.sums.chunks_exact(width).take(images) {
            total.iter_mut().zip(sums).for_each(|(total, sum)| *total += sum);
        }
        total
    }
}

/// What a max-pool takes of a block of rows, into the image's `picked`; nothing where that is empty.
fn pick(plane: Plane, (rows, y): (Range<usize>, &[f32]), gamma: &[f32], picked: &mut [f32]) {
    if picked.is_empty() {
        return;
    }
    widest(|| {
        for pair in 0..rows.len() / 2 {
            let (top, bottom) = (&y[plane.flat_row(2 * pair)], &y[plane.flat_row(2 * pair + 1)]);
            pick_row(top, bottom, gamma, &mut picked[plane.halved().dense_row(rows.start / 2 + pair)]);
        }
    });
}
