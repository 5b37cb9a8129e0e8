//! One block at work on a batch: convolution, what a pool picks, normalisation; and the way back.
//!
//! rayon runs over images (forward) and over a fixed number of groups of images (gradients); every sum is taken in
//! the order of images and groups, so the bits are the same for any number of threads. Buffers stay. Deliberately
//! absent: where images come from and go to (`trunk.rs`).

use std::ops::Range;

use rayon::prelude::*;

use super::super::batch::Batch;
use super::super::kernel::widest;
use super::super::plane::Plane;
use super::block::{Mean, Normal, Pooled, Slope, activate_row, pick_row};
use super::conv::{Conv, flipped};
use super::wide::Loop;
use super::winograd::{Gradient, Room, Rooms};
use crate::learn::LearnError;

/// Parts whose gradients are summed apart and then together: the most threads that backward can use.
pub const GROUPS: usize = 8;
/// Share of the new batch in the running moments (PyTorch's default).
const MOMENTUM: f32 = 0.1;

/// Where a block's numbers are among the trunk's.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Block {
    pub kernel: Range<usize>,
    pub gamma: Range<usize>,
    pub beta: Range<usize>,
    pub mean: Range<usize>,
    pub variance: Range<usize>,
}

/// Buffers of one block, image after image.
#[derive(Debug)]
pub struct Stage {
    pub conv: Conv,
    /// Padded input.
    x: Vec<f32>,
    /// Flat output of the convolution.
    y: Vec<f32>,
    /// Dense; empty where the block ends in a mean.
    picked: Vec<f32>,
    /// Flat gradient of the input; empty in the first block.
    pub dx: Vec<f32>,
    /// 2 x channels per image.
    sums: Vec<f64>,
    normal: Normal,
    /// Prepared.
    kernel: Vec<f32>,
    flipped: Vec<f32>,
    /// That of the way back, prepared.
    reversed_kernel: Vec<f32>,
}

#[derive(Debug)]
pub struct Group {
    pub gradient: Vec<f32>,
    dy: Vec<f32>,
    room: Room,
    of_kernel: Gradient,
}

/// What both directions of a pass share.
pub struct Step<'a> {
    /// The block's, from 0.
    pub number: usize,
    pub block: &'a Block,
    pub parameters: &'a [f32],
    /// Number of images.
    pub clips: usize,
    /// Of the last block where it ends in a mean: each image's.
    pub means: &'a [Mean],
    pub rooms: &'a Rooms,
}

impl Stage {
    /// For so many images; `mean`: it ends in a mean, not in a max-pool. `dx` is empty.
    pub fn new(conv: Conv, capacity: usize, mean: bool) -> Stage {
        let (input, output) = (conv.input, conv.output());
        Stage {
            conv,
            x: vec![0.0; capacity * input.padded_len()],
            y: vec![0.0; capacity * output.flat_len()],
            picked: vec![0.0; if mean { 0 } else { capacity * output.halved().dense_len() }],
            dx: Vec::new(),
            sums: vec![0.0; capacity * 2 * output.channels],
            normal: Normal::default(),
            kernel: Vec::new(),
            flipped: Vec::new(),
            reversed_kernel: Vec::new(),
        }
    }

    /// Has room for so many images of that convolution.
    pub fn fits(&self, conv: Conv, clips: usize) -> bool {
        self.conv == conv && self.x.len() >= clips * conv.input.padded_len()
    }

    /// Writes the first block's input: each pixel holds those above and below it, too.
    pub fn stack(&mut self, batch: &Batch<f32>) {
        let plane = self.conv.input;
        let images = self.x.par_chunks_exact_mut(plane.padded_len()).zip(batch.each());
        images.for_each(|(x, image)| widest(Loop::Stack(batch.plane, image, plane, x)));
    }

    /// Convolution of every image, what a max-pool picks of it, and the batch's normalisation.
    pub fn convolve(&mut self, step: &Step<'_>) -> Result<(), LearnError> {
        let (conv, plane, block) = (self.conv, self.conv.output(), step.block);
        conv.prepare(&step.parameters[block.kernel.clone()], &mut self.kernel);
        let (kernel, gamma) = (&self.kernel, &step.parameters[block.gamma.clone()]);
        let inputs = self.x.par_chunks_exact(conv.input.padded_len()).take(step.clips);
        let outputs = self.y.par_chunks_exact_mut(plane.flat_len());
        let images = inputs.zip(outputs).zip(self.sums.par_chunks_exact_mut(2 * plane.channels));
        let one = |((x, y), sums): ((&[f32], &mut [f32]), &mut [f64]), picked: &mut [f32]| {
            sums.fill(0.0);
            step.rooms.lend(|room| {
                conv.forward_then(x, kernel, (room, y), |rows, y| {
                    widest(Loop::SumUp(conv.band(&rows).output(), y, sums));
                    pick(plane, (rows, y), gamma, picked);
                });
            });
        };
        if self.picked.is_empty() {
            images.for_each(|image| one(image, &mut []));
        } else {
            let picked = self.picked.par_chunks_exact_mut(plane.halved().dense_len());
            images.zip(picked).for_each(|(image, picked)| one(image, picked));
        }
        let beta = &step.parameters[block.beta.clone()];
        let count = step.clips * plane.height * plane.width;
        self.normal = Normal::of_batch(&self.total(step.clips), count, gamma, beta);
        if self.normal.is_finite() {
            return Ok(());
        }
        let layer = 4 * step.number + 1;
        Err(LearnError::Failed(format!("layer {layer} (conv) gave a number that is not finite")))
    }

    /// The picked values, normalised, are what the next block reads.
    pub fn activate(&self, next: &mut Stage, clips: usize) {
        let (pooled, normal) = (next.conv.input, &self.normal);
        let outputs = next.x.par_chunks_exact_mut(pooled.padded_len());
        let all = self.picked.par_chunks_exact(pooled.dense_len()).zip(outputs).take(clips);
        all.for_each(|(picked, x)| widest(Loop::ActivateRows(pooled, picked, normal, x)));
    }

    /// What the last block makes: the means, or the picked values, normalised.
    pub fn finish(&self, step: &Step<'_>, out: &mut Batch<f32>) {
        if !self.picked.is_empty() {
            let picked = self.picked.par_chunks_exact(out.plane.dense_len());
            let images = out.each_mut().zip(picked);
            return images.for_each(|(out, picked)| widest(Loop::ActivateRow(picked, &self.normal, out)));
        }
        let plane = self.conv.output();
        let images = self.y.par_chunks_exact(plane.flat_len()).zip(out.each_mut());
        images.zip(step.means).for_each(|((y, out), &mean)| widest(Loop::MeanPool(plane, y, &self.normal, mean, out)));
    }

    /// Writes the gradients of gamma and beta; `d` is the gradient of what the block made.
    pub fn slope(&mut self, step: &Step<'_>, d: &[f32], gradient: &mut [f32]) -> Slope {
        let (plane, normal, block) = (self.conv.output(), &self.normal, step.block);
        let pooled = plane.halved();
        let sums = self.sums.par_chunks_exact_mut(2 * plane.channels).take(step.clips);
        if self.picked.is_empty() {
            let images = self.y.par_chunks_exact(plane.flat_len()).zip(d.par_chunks_exact(d.len() / step.clips));
            sums.zip(images).zip(step.means).for_each(|((sums, (y, d)), &mean)| {
                widest(Loop::MeanSums(plane, y, d, (normal, mean), sums));
            });
        } else {
            let images = self.picked.par_chunks_exact(pooled.dense_len()).zip(d.par_chunks_exact(pooled.flat_len()));
            sums.zip(images).for_each(|(sums, (picked, d))| {
                widest(Loop::PoolSums(pooled, picked, d, normal, sums));
            });
        }
        let total = self.total(step.clips);
        // Beta lies right behind gamma.
        let (head, tail) = gradient.split_at_mut(block.beta.start);
        self.normal.backward(&total, &mut head[block.gamma.clone()], &mut tail[..plane.channels])
    }

    /// Gradient of the kernel into each group, and of the input into `dx` where that has room for it.
    pub fn carry_back(&mut self, step: &Step<'_>, d: &[f32], slope: &Slope, groups: &mut [Group]) {
        let block = step.block;
        if !self.dx.is_empty() {
            flipped(self.conv, &step.parameters[block.kernel.clone()], &mut self.flipped);
            self.conv.reversed().prepare(&self.flipped, &mut self.reversed_kernel);
        }
        let per_group = step.clips.div_ceil(groups.len());
        let dx_len = self.conv.input.flat_len();
        let mut dx = std::mem::take(&mut self.dx);
        let stage = &*self;
        let one = |group: &mut Group, image: usize, dx: Option<&mut [f32]>| {
            let x = &stage.x[image * stage.conv.input.padded_len()..][..stage.conv.input.padded_len()];
            let Group { gradient, dy, room, of_kernel } = group;
            for rows in stage.bands(dx.is_some()) {
                let band = stage.conv.band(&rows);
                let dy = &mut dy[..band.output().padded_len()];
                stage.spread(step, (image, &rows, d), slope, dy);
                match stage.conv.winograd() {
                    Some(sizes) => of_kernel.add(sizes, x, dy),
                    None => {
                        let x = &x[stage.conv.band_start(&rows)..];
                        band.add_kernel_gradient(x, dy, &mut gradient[block.kernel.clone()]);
                    }
                }
            }
            if let Some(dx) = dx {
                stage.conv.reversed().forward(dy, &stage.reversed_kernel, room, dx);
            }
        };
        let images = |group: usize| group * per_group..((group + 1) * per_group).min(step.clips);
        if dx.is_empty() {
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
        if let Some(sizes) = self.conv.winograd() {
            groups.par_iter_mut().for_each(|group| {
                group.of_kernel.finish(sizes, &mut group.gradient[block.kernel.clone()]);
            });
        }
        self.dx = dx;
    }

    /// The rows whose gradient is worked on together: all, where the gradient of the input needs them, else what stays
    /// in the cache.
    fn bands(&self, whole: bool) -> Vec<Range<usize>> {
        let all = 0..self.conv.input.height;
        let whole = whole || self.conv.winograd().is_some();
        if whole || self.picked.is_empty() { vec![all] } else { self.conv.blocks().collect() }
    }

    /// The padded gradient of some rows of one image's convolution output.
    fn spread(&self, step: &Step<'_>, (image, rows, d): (usize, &Range<usize>, &[f32]), slope: &Slope, dy: &mut [f32]) {
        let (plane, band) = (self.conv.output(), self.conv.band(rows).output());
        let y = &self.y[image * plane.flat_len()..][..plane.flat_len()];
        if self.picked.is_empty() {
            let width = d.len() / step.clips;
            let d = &d[image * width..][..width];
            return widest(Loop::SpreadMean(plane, (y, d), (&self.normal, step.means[image]), slope, dy));
        }
        let (pooled, above) = (plane.halved(), rows.start / 2);
        let from = Pooled {
            y: &y[plane.flat_row(rows.start).start..],
            picked: &self.picked[image * pooled.dense_len() + pooled.dense_row(above).start..],
            d: &d[image * pooled.flat_len() + pooled.flat_row(above).start..],
        };
        widest(Loop::SpreadPool(band, &from, &self.normal, slope, dy));
    }

    /// Moves running mean and variance towards the batch's.
    pub fn follow(&self, block: &Block, state: &mut [f32]) {
        let count = self.normal.count as f64;
        let unbiased = count / (count - 1.0).max(1.0);
        let follow = |running: &mut f32, new: f64| *running += MOMENTUM * (new as f32 - *running);
        let means = state[block.mean.clone()].iter_mut().zip(&self.normal.mean);
        means.for_each(|(running, &mean)| follow(running, mean));
        let variances = state[block.variance.clone()].iter_mut().zip(&self.normal.variance);
        variances.for_each(|(running, &variance)| follow(running, variance * unbiased));
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
    widest(Loop::PickRows(plane, (rows, y), gamma, picked));
}

/// What a max-pool takes of some rows.
#[inline(always)]
pub fn pick_rows(plane: Plane, (rows, y): (Range<usize>, &[f32]), gamma: &[f32], picked: &mut [f32]) {
    for pair in 0..rows.len() / 2 {
        let (top, bottom) = (&y[plane.flat_row(2 * pair)], &y[plane.flat_row(2 * pair + 1)]);
        pick_row(top, bottom, gamma, &mut picked[plane.halved().dense_row(rows.start / 2 + pair)]);
    }
}

/// Dense to padded, normalised.
#[inline(always)]
pub fn activate_rows(plane: Plane, picked: &[f32], normal: &Normal, x: &mut [f32]) {
    for row in 0..plane.height {
        activate_row(&picked[plane.dense_row(row)], normal, &mut x[plane.padded_row(row)]);
    }
}

impl Group {
    /// For a trunk of so many parameters whose largest padded gradient has `largest` numbers.
    pub fn new(parameters: usize, largest: usize) -> Group {
        let (room, of_kernel) = Default::default();
        Group { gradient: vec![0.0; parameters], dy: vec![0.0; largest], room, of_kernel }
    }
}

/// Writes a dense image into the padded `x`, whose pixels hold (row above, row, row below) x channels; a row outside the
/// image is zero. The border is not touched.
#[inline(always)]
pub fn stack(from: Plane, image: &[f32], plane: Plane, x: &mut [f32]) {
    let zeros = vec![0.0; from.width * from.channels];
    let row_at = |row: Option<usize>| match row {
        Some(row) if row < from.height => &image[from.dense_row(row)],
        _ => &zeros,
    };
    for row in 0..plane.height {
        let rows = [row_at(row.checked_sub(1)), row_at(Some(row)), row_at(Some(row + 1))];
        let pixels = &mut x[plane.padded_row(row)];
        match from.channels {
            1 => stack_row(rows, pixels, 1),
            // The usual three channels, told to the compiler.
            3 => stack_row(rows, pixels, 3),
            channels => stack_row(rows, pixels, channels),
        }
    }
}

#[inline(always)]
fn stack_row([above, row, below]: [&[f32]; 3], pixels: &mut [f32], channels: usize) {
    let rows = above.chunks_exact(channels).zip(row.chunks_exact(channels)).zip(below.chunks_exact(channels));
    for (pixel, ((above, row), below)) in pixels.chunks_exact_mut(3 * channels).zip(rows) {
        pixel[..channels].copy_from_slice(above);
        pixel[channels..2 * channels].copy_from_slice(row);
        pixel[2 * channels..].copy_from_slice(below);
    }
}
