//! One block at work on a batch: convolution, what a pool picks, normalisation; and the way back.
//!
//! rayon runs over images (forward) and over a fixed number of groups of images (gradients); every sum is taken in
//! the order of images and groups, so the bits are the same for any number of threads. Buffers stay. Deliberately
//! absent: where images come from and go to (`trunk.rs`).

use std::ops::Range;
use std::sync::{Mutex, PoisonError};

use rayon::prelude::*;

use super::super::batch::Batch;
use super::super::kernel::widest;
use super::super::plane::Plane;
use super::block::{Mean, Normal, Pooled, Rows, Slope, pick_row};
use super::conv::{Conv, flipped};
use super::wide::Loop;
use super::winograd::{Gradient, Room};
use crate::learn::LearnError;

/// Parts whose gradients are summed apart and then together: the most threads that backward can use.
pub const GROUPS: usize = 8;
/// Share of the new batch in the running moments (PyTorch's default).
const MOMENTUM: f32 = 0.1;

/// How a block ends.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Ending {
    /// As its ReLU left it.
    Whole,
    /// 2x2 max-pool.
    MaxPool,
    /// The mean over the clip; only the last block does.
    Mean,
}

impl Ending {
    /// Size of what a block makes of such an output of its convolution, before a mean.
    pub fn made(self, output: Plane) -> Plane {
        if self == Ending::MaxPool { output.halved() } else { output }
    }
}

/// How a block ends and where its numbers are among the trunk's.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Block {
    pub ending: Ending,
    /// Number of its convolution in the list, from 1.
    pub layer: usize,
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
    /// Dense; empty but where the block ends in a max-pool.
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

/// What one thread works in.
#[derive(Debug, Default)]
pub struct Desk {
    room: Room,
    of_kernel: Gradient,
    /// Padded.
    dy: Vec<f32>,
}

/// Desks for as many threads as come.
#[derive(Debug, Default)]
pub struct Desks(Mutex<Vec<Desk>>);

impl Desks {
    /// Lends one out.
    pub fn lend(&self, work: impl FnOnce(&mut Desk)) {
        let free = || self.0.lock().unwrap_or_else(PoisonError::into_inner);
        let mut desk = free().pop().unwrap_or_default();
        work(&mut desk);
        free().push(desk);
    }
}

/// What both directions of a pass share.
pub struct Step<'a> {
    pub block: &'a Block,
    pub parameters: &'a [f32],
    /// Number of images.
    pub clips: usize,
    /// Of the last block where it ends in a mean: each image's.
    pub means: &'a [Mean],
    pub desks: &'a Desks,
}

impl Stage {
    /// For so many images. `dx` is empty.
    pub fn new(conv: Conv, capacity: usize, ending: Ending) -> Stage {
        let (input, output) = (conv.input, conv.output());
        Stage {
            conv,
            x: vec![0.0; capacity * input.padded_len()],
            y: vec![0.0; capacity * output.flat_len()],
            picked: vec![0.0; if ending == Ending::MaxPool { capacity * output.halved().dense_len() } else { 0 }],
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
            step.desks.lend(|desk| {
                conv.forward_then(x, kernel, (&mut desk.room, y), |rows, y| {
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
        let layer = block.layer;
        Err(LearnError::Failed(format!("layer {layer} (conv) gave a number that is not finite")))
    }

    /// What was kept of each image's convolution (all of it, or what a max-pool picked), numbers of an image, and where
    /// rows of `plane` start.
    fn kept(&self, plane: Plane) -> (&[f32], usize, usize) {
        if self.picked.is_empty() {
            return (&self.y, plane.flat_len(), plane.stride() * plane.channels);
        }
        (&self.picked, plane.dense_len(), plane.width * plane.channels)
    }

    /// What was kept, normalised, is what the next block reads.
    pub fn activate(&self, next: &mut Stage, clips: usize) {
        let (plane, normal) = (next.conv.input, &self.normal);
        let (kept, image, row) = self.kept(plane);
        let inputs = next.x.par_chunks_exact_mut(plane.padded_len());
        let rows = rows_of(plane, (row, plane.stride() * plane.channels));
        kept.par_chunks_exact(image).zip(inputs).take(clips).for_each(|(kept, x)| {
            widest(Loop::Activate(rows, kept, normal, &mut x[plane.padded_row(0).start..]));
        });
    }

    /// What the last block makes: the means, or what was kept, normalised.
    pub fn finish(&self, step: &Step<'_>, out: &mut Batch<f32>) {
        let (plane, normal) = (self.conv.output(), &self.normal);
        if step.block.ending == Ending::Mean {
            let images = self.y.par_chunks_exact(plane.flat_len()).zip(out.each_mut());
            let images = images.zip(step.means);
            return images.for_each(|((y, out), &mean)| widest(Loop::MeanPool(plane, y, normal, mean, out)));
        }
        let (kept, image, row) = self.kept(out.plane);
        let rows = rows_of(out.plane, (row, out.plane.width * out.plane.channels));
        let images = out.each_mut().zip(kept.par_chunks_exact(image));
        images.for_each(|(out, kept)| widest(Loop::Activate(rows, kept, normal, out)));
    }

    /// Writes the gradients of gamma and beta; `d` is the gradient of what the block made.
    pub fn slope(&mut self, step: &Step<'_>, d: &[f32], gradient: &mut [f32]) -> Slope {
        let (plane, block) = (self.conv.output(), step.block);
        let mut sums = std::mem::take(&mut self.sums);
        let normal = &self.normal;
        let each = sums.par_chunks_exact_mut(2 * plane.channels).take(step.clips);
        if block.ending == Ending::Mean {
            let images = self.y.par_chunks_exact(plane.flat_len()).zip(d.par_chunks_exact(d.len() / step.clips));
            each.zip(images).zip(step.means).for_each(|((sums, (y, d)), &mean)| {
                widest(Loop::MeanSums(plane, y, d, (normal, mean), sums));
            });
        } else {
            let made = block.ending.made(plane);
            let (kept, image, row) = self.kept(made);
            let rows = rows_of(made, (row, made.stride() * made.channels));
            let images = kept.par_chunks_exact(image).zip(d.par_chunks_exact(made.flat_len()));
            each.zip(images).for_each(|(sums, (kept, d))| widest(Loop::KeptSums(rows, kept, d, normal, sums)));
        }
        self.sums = sums;
        let total = self.total(step.clips);
        // Beta lies right behind gamma.
        let (head, tail) = gradient.split_at_mut(block.beta.start);
        self.normal.backward(&total, &mut head[block.gamma.clone()], &mut tail[..plane.channels])
    }

    /// Gradient of the kernel into each group, and of the input into `dx` where that has room for it.
    pub fn carry_back(&mut self, step: &Step<'_>, d: &[f32], slope: &Slope, groups: &mut [Vec<f32>]) {
        let block = step.block;
        if !self.dx.is_empty() {
            flipped(self.conv, &step.parameters[block.kernel.clone()], &mut self.flipped);
            self.conv.reversed().prepare(&self.flipped, &mut self.reversed_kernel);
        }
        let per_group = step.clips.div_ceil(groups.len());
        let dx_len = self.conv.input.flat_len();
        let mut dx = std::mem::take(&mut self.dx);
        let mut parts: Vec<&mut [f32]> = match dx.is_empty() {
            true => groups.iter().map(|_| Default::default()).collect(),
            false => dx.chunks_mut(per_group * dx_len).collect(),
        };
        let stage = &*self;
        groups.par_iter_mut().zip(&mut parts).enumerate().for_each(|(number, (gradient, dx))| {
            let gradient = &mut gradient[block.kernel.clone()];
            let images = number * per_group..((number + 1) * per_group).min(step.clips);
            step.desks.lend(|desk| {
                for (at, image) in images.enumerate() {
                    stage.carry_image(step, (image, d), slope, (desk, gradient, dx.is_empty()));
                    if !dx.is_empty() {
                        let dx = &mut dx[at * dx_len..(at + 1) * dx_len];
                        stage.conv.reversed().forward(&desk.dy, &stage.reversed_kernel, &mut desk.room, dx);
                    }
                }
                if let Some(sizes) = stage.conv.winograd() {
                    desk.of_kernel.finish(sizes, gradient);
                }
            });
        });
        self.dx = dx;
    }

    /// Adds one image's part of the kernel's gradient, and leaves the gradient of the convolution's output at the desk,
    /// unless it is `last` to be used.
    fn carry_image(
        &self,
        step: &Step<'_>,
        (image, d): (usize, &[f32]),
        slope: &Slope,
        (desk, gradient, last): (&mut Desk, &mut [f32], bool),
    ) {
        let x = &self.x[image * self.conv.input.padded_len()..][..self.conv.input.padded_len()];
        for rows in self.bands(step.block.ending, !last) {
            let band = self.conv.band(&rows);
            desk.dy.resize(desk.dy.len().max(band.output().padded_len()), 0.0);
            let dy = &mut desk.dy[..band.output().padded_len()];
            self.spread(step, (image, &rows, d), slope, dy);
            match self.conv.winograd() {
                Some(sizes) => desk.of_kernel.add(sizes, x, dy),
                None => band.add_kernel_gradient(&x[self.conv.band_start(&rows)..], dy, gradient),
            }
        }
    }

    /// The rows whose gradient is worked on together: all, where something needs them, else what stays in the cache.
    fn bands(&self, ending: Ending, needed: bool) -> Vec<Range<usize>> {
        let all = 0..self.conv.input.height;
        let needed = needed || ending == Ending::Mean || self.conv.winograd().is_some();
        if needed { vec![all] } else { self.conv.blocks().collect() }
    }

    /// The padded gradient of some rows of one image's convolution output.
    fn spread(&self, step: &Step<'_>, (image, rows, d): (usize, &Range<usize>, &[f32]), slope: &Slope, dy: &mut [f32]) {
        let (plane, band, normal) = (self.conv.output(), self.conv.band(rows).output(), &self.normal);
        let y = &self.y[image * plane.flat_len()..][..plane.flat_len()];
        let from_band = &y[plane.flat_row(rows.start).start..];
        match step.block.ending {
            Ending::Mean => {
                let width = d.len() / step.clips;
                let d = &d[image * width..][..width];
                widest(Loop::SpreadMean(plane, (y, d), (normal, step.means[image]), slope, dy));
            }
            Ending::Whole => {
                let d = &d[image * plane.flat_len() + plane.flat_row(rows.start).start..];
                widest(Loop::SpreadAll(band, (from_band, d), normal, slope, dy));
            }
            Ending::MaxPool => {
                let (pooled, above) = (plane.halved(), rows.start / 2);
                let from = Pooled {
                    y: from_band,
                    picked: &self.picked[image * pooled.dense_len() + pooled.dense_row(above).start..],
                    d: &d[image * pooled.flat_len() + pooled.flat_row(above).start..],
                };
                widest(Loop::SpreadPool(band, &from, normal, slope, dy));
            }
        }
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

fn rows_of(plane: Plane, steps: (usize, usize)) -> Rows {
    Rows { count: plane.height, len: plane.width * plane.channels, steps }
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
