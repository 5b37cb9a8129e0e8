//! All fused blocks of a net as one layer; and scoring with them, clip by clip, a few rows at a time.
//!
//! Images enter with each pixel holding its own row, the one above and the one below (see `conv.rs`). Deliberately
//! absent: what a block does with a batch (`stage.rs`).

use std::ops::Range;

use rayon::prelude::*;

use super::super::batch::Batch;
use super::super::kernel::widest;
use super::super::layer::{Backward, Forward, Layer, Seen};
use super::super::plane::Plane;
use super::block::{Mean, Normal, activate_row, pick_row};
use super::conv::Conv;
use super::stage::{Block, GROUPS, Group, Stage, Step};
use super::wide::Loop;
use super::winograd::{Room, Rooms};
use crate::learn::LearnError;

/// Blocks one behind the other.
pub struct Trunk {
    blocks: Vec<Block>,
    widths: Vec<usize>,
    /// Parts of the last block's mean; `None` = it ends in a max-pool.
    parts: Option<usize>,
    stages: Vec<Stage>,
    groups: Vec<Group>,
    means: Vec<Mean>,
    /// Flat gradient of the last block's max-pool.
    d_last: Vec<f32>,
    rooms: Rooms,
    /// For scoring, one per clip.
    scratch: Vec<Scratch>,
}

/// Buffers for scoring one image; they grow to the longest image met.
#[derive(Debug, Default)]
struct Scratch {
    x: Vec<f32>,
    next: Vec<f32>,
    y: Vec<f32>,
    picked: Vec<f32>,
    room: Room,
    kernel: Vec<f32>,
}

impl Trunk {
    /// For images of so many channels. The numbers lie block after block: kernel, gamma, beta; mean, variance.
    pub fn new(channels: usize, widths: &[usize], parts: Option<usize>) -> Trunk {
        let (mut blocks, mut at, mut at_state, mut depth) = (Vec::new(), 0, 0, channels);
        let take = |at: &mut usize, len: usize| -> Range<usize> {
            *at += len;
            *at - len..*at
        };
        for &width in widths {
            blocks.push(Block {
                kernel: take(&mut at, 9 * depth * width),
                gamma: take(&mut at, width),
                beta: take(&mut at, width),
                mean: take(&mut at_state, width),
                variance: take(&mut at_state, width),
            });
            depth = width;
        }
        Trunk {
            blocks,
            widths: widths.to_vec(),
            parts,
            stages: Vec::new(),
            groups: Vec::new(),
            means: Vec::new(),
            d_last: Vec::new(),
            rooms: Rooms::default(),
            scratch: Vec::new(),
        }
    }

    /// The convolution of each block for images of that padded size.
    fn convolutions(&self, image: Plane) -> Vec<Conv> {
        let mut input = image.with_channels(3 * image.channels);
        let mut all = Vec::new();
        for (number, &outputs) in self.widths.iter().enumerate() {
            let conv = Conv { kernel_rows: if number == 0 { 1 } else { 3 }, input, outputs };
            input = conv.output().halved();
            all.push(conv);
        }
        all
    }

    /// Sizes of what it makes, and the means of the clips.
    fn shape(&mut self, x: &Batch<f32>, y: &mut Batch<f32>) {
        let (shrink, channels) = (1 << (self.widths.len() - 1), self.widths[self.widths.len() - 1]);
        let last = Plane { height: x.plane.height / shrink, width: x.plane.width / shrink, channels };
        self.means.clear();
        match self.parts {
            Some(parts) => {
                self.means.extend(x.valid.iter().map(|valid| Mean { valid: valid.div_ceil(shrink).max(1), parts }));
                let row = Plane { height: 1, width: 1, channels: parts * channels };
                y.shape(row, x.valid.iter().map(|_| 1));
            }
            None => y.shape_after(x, last.halved(), 2 * shrink),
        }
    }

    /// Buffers for such a batch; they stay while they fit.
    fn make_room(&mut self, x: &Batch<f32>, parameters: usize) {
        let convolutions = self.convolutions(x.plane);
        let first = convolutions[0];
        if self.stages.first().is_some_and(|stage| stage.fits(first, x.clips())) {
            return;
        }
        let last = convolutions.len() - 1;
        let stages = convolutions.iter().enumerate();
        let stage = |(number, conv): (usize, &Conv)| {
            let mut stage = Stage::new(*conv, x.clips(), number == last && self.parts.is_some());
            if number > 0 {
                stage.dx = vec![0.0; x.clips() * conv.input.flat_len()];
            }
            stage
        };
        self.stages = stages.map(stage).collect();
        let largest = convolutions.iter().map(|conv| conv.output().padded_len()).max().unwrap_or(0);
        self.groups = (0..GROUPS).map(|_| Group::new(parameters, largest)).collect();
    }
}

impl Layer<f32> for Trunk {
    fn forward(&mut self, with: Forward<'_, f32>, x: &Batch<f32>, y: &mut Batch<f32>) -> Result<(), LearnError> {
        self.shape(x, y);
        if with.random.is_none() {
            return self.score(&with, x, y);
        }
        self.make_room(x, with.parameters.len());
        let (clips, parameters) = (x.clips(), with.parameters);
        let Trunk { stages, blocks, means, rooms, .. } = self;
        let step = |number| Step { number, block: &blocks[number], parameters, clips, means, rooms };
        stages[0].stack(x);
        for number in 0..stages.len() {
            with.watch.check()?;
            let (done, rest) = stages.split_at_mut(number + 1);
            done[number].convolve(&step(number))?;
            match rest.first_mut() {
                Some(next) => done[number].activate(next, x.clips()),
                None => done[number].finish(&step(number), y),
            }
        }
        Ok(())
    }

    fn backward(
        &mut self,
        with: Backward<'_, f32>,
        Seen { x, y, dy }: Seen<'_, f32>,
        dx: Option<&mut Batch<f32>>,
    ) -> Result<(), LearnError> {
        let (clips, parameters) = (x.clips(), with.parameters);
        let Trunk { stages, blocks, means, groups, d_last, rooms, .. } = self;
        let step = |number| Step { number, block: &blocks[number], parameters, clips, means, rooms };
        if means.is_empty() {
            flatten(y.plane, dy, d_last);
        }
        let d_last = if means.is_empty() { d_last } else { &dy.values };
        let room = if dx.is_some() { clips * stages[0].conv.input.flat_len() } else { 0 };
        stages[0].dx.resize(room, 0.0);
        groups.iter_mut().for_each(|group| group.gradient.fill(0.0));
        for number in (0..stages.len()).rev() {
            with.watch.check()?;
            let (before, after) = stages.split_at_mut(number + 1);
            let d = after.first().map_or(d_last, |next| &next.dx);
            let slope = before[number].slope(&step(number), d, with.gradient);
            with.watch.check()?;
            before[number].carry_back(&step(number), d, &slope, groups);
        }
        for group in &*groups {
            with.gradient.iter_mut().zip(&group.gradient).for_each(|(sum, part)| *sum += part);
        }
        if let Some(dx) = dx {
            let stacked = stages[0].conv.input;
            let images = dx.values.par_chunks_exact_mut(x.plane.dense_len());
            let images = images.zip(stages[0].dx.par_chunks_exact(stacked.flat_len()));
            images.for_each(|(dx, from)| unstack(stacked, from, x.plane, dx));
        }
        Ok(())
    }

    fn follow(&self, state: &mut [f32]) {
        self.stages.iter().zip(&self.blocks).for_each(|(stage, block)| stage.follow(block, state));
    }
}

/// Scoring, with the running moments.
impl Trunk {
    fn score(&mut self, with: &Forward<'_, f32>, x: &Batch<f32>, y: &mut Batch<f32>) -> Result<(), LearnError> {
        let mut scratch = std::mem::take(&mut self.scratch);
        scratch.resize_with(x.clips().max(scratch.len()), Scratch::default);
        let trunk = &*self;
        let normals: Vec<Normal> = self.blocks.iter().map(|block| running(block, with)).collect();
        let convolutions = self.convolutions(x.plane);
        let images = y.each_mut().zip(x.each()).zip(&mut scratch).enumerate();
        images.for_each(|(clip, ((y, image), scratch))| {
            let first = convolutions[0].input;
            scratch.x.resize(first.padded_len(), 0.0);
            first.clear_border(&mut scratch.x);
            widest(Loop::Stack(x.plane, image, first, &mut scratch.x));
            let blocks = convolutions.iter().zip(&trunk.blocks).zip(&normals).enumerate();
            for (number, ((conv, block), normal)) in blocks {
                conv.prepare(&with.parameters[block.kernel.clone()], &mut scratch.kernel);
                match trunk.means.get(clip) {
                    Some(&mean) if number + 1 == convolutions.len() => {
                        let plane = conv.output();
                        scratch.y.resize(plane.flat_len(), 0.0);
                        conv.forward(&scratch.x, &scratch.kernel, &mut scratch.room, &mut scratch.y);
                        widest(Loop::MeanPool(plane, &scratch.y, normal, mean, y));
                    }
                    _ => score_block(*conv, normal, scratch),
                }
            }
            if trunk.means.is_empty() {
                let plane = convolutions[convolutions.len() - 1].output().halved();
                (0..plane.height)
                    .for_each(|row| y[plane.dense_row(row)].copy_from_slice(&scratch.x[plane.padded_row(row)]));
            }
        });
        self.scratch = scratch;
        Ok(())
    }
}

/// `scratch.x` → convolution, normalisation, ReLU, max-pool → `scratch.x`, a few rows at a time.
fn score_block(conv: Conv, normal: &Normal, scratch: &mut Scratch) {
    let (plane, pooled) = (conv.output(), conv.output().halved());
    let Scratch { x, next, y, picked, room, kernel } = scratch;
    next.resize(pooled.padded_len(), 0.0);
    pooled.clear_border(next);
    y.resize(conv.block_rows() * plane.stride() * plane.channels, 0.0);
    picked.resize(pooled.width * pooled.channels, 0.0);
    for rows in conv.blocks() {
        conv.forward_rows(x, kernel, rows.clone(), (room, y));
        for pair in 0..rows.len() / 2 {
            let (top, bottom) = (&y[plane.flat_row(2 * pair)], &y[plane.flat_row(2 * pair + 1)]);
            let out = &mut next[pooled.padded_row(rows.start / 2 + pair)];
            widest(Loop::PickAndActivate((top, bottom), normal, &mut picked[..], out));
        }
    }
    std::mem::swap(x, next);
}

/// A row of 2x2 windows to a row of the next input; `picked` is room for it.
#[inline(always)]
pub fn pick_and_activate((top, bottom): (&[f32], &[f32]), normal: &Normal, picked: &mut [f32], out: &mut [f32]) {
    pick_row(top, bottom, &normal.scale, picked);
    activate_row(picked, normal, out);
}

fn running(block: &Block, with: &Forward<'_, f32>) -> Normal {
    let wide = |range: &Range<usize>| with.state[range.clone()].iter().map(|&v| f64::from(v)).collect();
    let (gamma, beta) = (&with.parameters[block.gamma.clone()], &with.parameters[block.beta.clone()]);
    Normal::of_moments(wide(&block.mean), wide(&block.variance), gamma, beta)
}

/// Dense images to flat ones; the right column stays as it was, nobody reads it.
fn flatten(plane: Plane, dense: &Batch<f32>, flat: &mut Vec<f32>) {
    flat.resize(dense.clips() * plane.flat_len(), 0.0);
    flat.par_chunks_exact_mut(plane.flat_len()).zip(dense.each()).for_each(|(flat, dense)| {
        (0..plane.height).for_each(|row| flat[plane.flat_row(row)].copy_from_slice(&dense[plane.dense_row(row)]));
    });
}

/// Each pixel's gradient is the sum over the three stacked pixels that hold it.
fn unstack(stacked: Plane, from: &[f32], plane: Plane, dx: &mut [f32]) {
    let channels = plane.channels;
    dx.fill(0.0);
    for row in 0..plane.height {
        let pixels = &from[stacked.flat_row(row)];
        for part in 0..3 {
            let Some(to) = (row + part).checked_sub(1).filter(|&to| to < plane.height) else { continue };
            let values = pixels.chunks_exact(3 * channels).map(|pixel| &pixel[part * channels..][..channels]);
            for (to, from) in dx[plane.dense_row(to)].chunks_exact_mut(channels).zip(values) {
                to.iter_mut().zip(from).for_each(|(to, from)| *to += from);
            }
        }
    }
}
