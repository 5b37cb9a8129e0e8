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
use super::block::{Mean, Normal};
use super::conv::Conv;
use super::stage::{Block, Desks, Ending, GROUPS, Stage, Step};
use super::wide::Loop;
use super::winograd::Room;
use crate::learn::LearnError;

/// Blocks one behind the other.
pub struct Trunk {
    blocks: Vec<Block>,
    widths: Vec<usize>,
    /// Parts of the last block's mean, where it ends in one.
    parts: Option<usize>,
    stages: Vec<Stage>,
    /// Gradients of groups of images.
    groups: Vec<Vec<f32>>,
    means: Vec<Mean>,
    /// Flat gradient of what the last block made.
    d_last: Vec<f32>,
    desks: Desks,
    /// What scoring needs of each block.
    folded: Vec<Folded>,
    /// For scoring, one per clip.
    scratch: Vec<Scratch>,
}

/// A convolution with the running normalisation in it (its own numbers stay as they are): what follows is a shift and
/// ReLU.
#[derive(Debug, Default)]
struct Folded {
    /// Prepared.
    kernel: Vec<f32>,
    /// A scale of one, and the shift.
    normal: Normal,
}

/// Buffers for scoring one image; they grow to the longest image met.
#[derive(Debug, Default)]
struct Scratch {
    x: Vec<f32>,
    next: Vec<f32>,
    y: Vec<f32>,
    room: Room,
}

impl Trunk {
    /// For images of so many channels; of each block the channels it makes, its end and the number of its convolution
    /// in the list; `parts` of the mean in which the last may end. The numbers lie block after block: kernel, gamma,
    /// beta; mean, variance.
    pub fn new(channels: usize, all: &[(usize, Ending, usize)], parts: Option<usize>) -> Trunk {
        let (mut blocks, mut at, mut at_state, mut depth) = (Vec::new(), 0, 0, channels);
        let take = |at: &mut usize, len: usize| -> Range<usize> {
            *at += len;
            *at - len..*at
        };
        for &(width, ending, layer) in all {
            blocks.push(Block {
                ending,
                layer,
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
            widths: all.iter().map(|block| block.0).collect(),
            parts,
            stages: Vec::new(),
            groups: Vec::new(),
            means: Vec::new(),
            d_last: Vec::new(),
            desks: Desks::default(),
            folded: Vec::new(),
            scratch: Vec::new(),
        }
    }

    /// The convolution of each block for images of that padded size.
    fn convolutions(&self, image: Plane) -> Vec<Conv> {
        let mut input = image.with_channels(3 * image.channels);
        let mut all = Vec::new();
        for (number, (&outputs, block)) in self.widths.iter().zip(&self.blocks).enumerate() {
            let conv = Conv { kernel_rows: if number == 0 { 1 } else { 3 }, input, outputs };
            input = block.ending.made(conv.output());
            all.push(conv);
        }
        all
    }

    /// Sizes of what it makes, and the means of the clips.
    fn shape(&mut self, x: &Batch<f32>, y: &mut Batch<f32>) {
        let pools = self.blocks.iter().filter(|block| block.ending == Ending::MaxPool).count();
        let (shrink, channels) = (1 << pools, self.widths[self.widths.len() - 1]);
        let last = Plane { height: x.plane.height / shrink, width: x.plane.width / shrink, channels };
        self.means.clear();
        match self.parts {
            Some(parts) => {
                self.means.extend(x.valid.iter().map(|valid| Mean { valid: valid.div_ceil(shrink).max(1), parts }));
                let row = Plane { height: 1, width: 1, channels: parts * channels };
                y.shape(row, x.valid.iter().map(|_| 1));
            }
            None => y.shape_after(x, last, shrink),
        }
    }

    /// Buffers for such a batch; they stay while they fit.
    fn make_room(&mut self, x: &Batch<f32>, parameters: usize) {
        let convolutions = self.convolutions(x.plane);
        if self.stages.first().is_some_and(|stage| stage.fits(convolutions[0], x.clips())) {
            return;
        }
        let stages = convolutions.iter().zip(&self.blocks).enumerate();
        let stage = |(number, (conv, block)): (usize, (&Conv, &Block))| {
            let mut stage = Stage::new(*conv, x.clips(), block.ending);
            if number > 0 {
                stage.dx = vec![0.0; x.clips() * conv.input.flat_len()];
            }
            stage
        };
        self.stages = stages.map(stage).collect();
        self.groups = vec![vec![0.0; parameters]; GROUPS];
    }
}

impl Layer<f32> for Trunk {
    fn forward(&mut self, with: Forward<'_, f32>, x: &Batch<f32>, y: &mut Batch<f32>) -> Result<(), LearnError> {
        self.shape(x, y);
        if with.random.is_none() {
            self.score(x, y);
            return Ok(());
        }
        self.make_room(x, with.parameters.len());
        let (clips, parameters) = (x.clips(), with.parameters);
        let Trunk { stages, blocks, means, desks, .. } = self;
        let step = |number: usize| Step { block: &blocks[number], parameters, clips, means, desks };
        stages[0].stack(x);
        for number in 0..stages.len() {
            with.watch.check()?;
            let (done, rest) = stages.split_at_mut(number + 1);
            done[number].convolve(&step(number))?;
            match rest.first_mut() {
                Some(next) => done[number].activate(next, clips),
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
        let Trunk { stages, blocks, means, groups, d_last, desks, .. } = self;
        let step = |number: usize| Step { block: &blocks[number], parameters, clips, means, desks };
        if means.is_empty() {
            flatten(y.plane, dy, d_last);
        }
        let d_last = if means.is_empty() { d_last } else { &dy.values };
        let room = if dx.is_some() { clips * stages[0].conv.input.flat_len() } else { 0 };
        stages[0].dx.resize(room, 0.0);
        groups.iter_mut().for_each(|group| group.fill(0.0));
        for number in (0..stages.len()).rev() {
            with.watch.check()?;
            let (before, after) = stages.split_at_mut(number + 1);
            let d = after.first().map_or(d_last, |next| &next.dx);
            let slope = before[number].slope(&step(number), d, with.gradient);
            with.watch.check()?;
            before[number].carry_back(&step(number), d, &slope, groups);
        }
        for group in &*groups {
            with.gradient.iter_mut().zip(group).for_each(|(sum, part)| *sum += part);
        }
        if let Some(dx) = dx {
            let stacked = stages[0].conv.input;
            let images = dx.values.par_chunks_exact_mut(x.plane.dense_len());
            let images = images.zip(stages[0].dx.par_chunks_exact(stacked.flat_len()));
            images.for_each(|(dx, from)| unstack(stacked, from, x.plane, dx));
        }
        Ok(())
    }

    fn settle(&mut self, parameters: &[f32], state: &[f32]) {
        let any = Plane { height: 1, width: 1, channels: self.blocks[0].kernel.len() / 9 / self.widths[0] };
        let each = self.convolutions(any);
        self.folded =
            each.iter().zip(&self.blocks).map(|(conv, block)| fold(*conv, block, parameters, state)).collect();
    }

    fn follow(&self, state: &mut [f32]) {
        self.stages.iter().zip(&self.blocks).for_each(|(stage, block)| stage.follow(block, state));
    }
}

/// Scoring, with the running moments.
impl Trunk {
    fn score(&mut self, x: &Batch<f32>, y: &mut Batch<f32>) {
        let mut scratch = std::mem::take(&mut self.scratch);
        scratch.resize_with(x.clips().max(scratch.len()), Scratch::default);
        let (trunk, convolutions) = (&*self, self.convolutions(x.plane));
        let images = y.each_mut().zip(x.each()).zip(&mut scratch).enumerate();
        images.for_each(|(clip, ((y, image), scratch))| {
            let first = convolutions[0].input;
            scratch.x.resize(first.padded_len(), 0.0);
            first.clear_border(&mut scratch.x);
            widest(Loop::Stack(x.plane, image, first, &mut scratch.x));
            for ((conv, block), folded) in convolutions.iter().zip(&trunk.blocks).zip(&trunk.folded) {
                match trunk.means.get(clip) {
                    Some(&mean) if block.ending == Ending::Mean => {
                        let plane = conv.output();
                        scratch.y.resize(plane.flat_len(), 0.0);
                        conv.forward(&scratch.x, &folded.kernel, &mut scratch.room, &mut scratch.y);
                        widest(Loop::MeanPool(plane, &scratch.y, &folded.normal, mean, y));
                    }
                    _ => score_block(*conv, block.ending, folded, scratch),
                }
            }
            if trunk.means.is_empty() {
                let last = trunk.blocks.len() - 1;
                let plane = trunk.blocks[last].ending.made(convolutions[last].output());
                (0..plane.height)
                    .for_each(|row| y[plane.dense_row(row)].copy_from_slice(&scratch.x[plane.padded_row(row)]));
            }
        });
        self.scratch = scratch;
    }
}

/// `scratch.x` → convolution, shift, ReLU, max-pool → `scratch.x`, a few rows at a time.
fn score_block(conv: Conv, ending: Ending, folded: &Folded, scratch: &mut Scratch) {
    let (plane, made) = (conv.output(), ending.made(conv.output()));
    let Scratch { x, next, y, room } = scratch;
    next.resize(made.padded_len(), 0.0);
    made.clear_border(next);
    y.resize(conv.block_rows() * plane.stride() * plane.channels, 0.0);
    let shift = &folded.normal.shift;
    for rows in conv.blocks() {
        conv.forward_rows(x, &folded.kernel, rows.clone(), (room, y));
        let shrink = plane.height / made.height;
        for row in 0..rows.len() / shrink {
            let out = &mut next[made.padded_row(rows.start / shrink + row)];
            if ending == Ending::MaxPool {
                let (top, bottom) = (&y[plane.flat_row(2 * row)], &y[plane.flat_row(2 * row + 1)]);
                widest(Loop::PoolAndShift(top, bottom, shift, out));
            } else {
                widest(Loop::Shift(&y[plane.flat_row(row)], shift, out));
            }
        }
    }
    std::mem::swap(x, next);
}

/// `scale * (kernel x) + shift = (scale kernel) x + shift`.
fn fold(conv: Conv, block: &Block, parameters: &[f32], state: &[f32]) -> Folded {
    let wide = |range: &Range<usize>| state[range.clone()].iter().map(|&v| f64::from(v)).collect();
    let (gamma, beta) = (&parameters[block.gamma.clone()], &parameters[block.beta.clone()]);
    let Normal { scale, shift, .. } = Normal::of_moments(wide(&block.mean), wide(&block.variance), gamma, beta);
    let mut scaled = parameters[block.kernel.clone()].to_vec();
    for outputs in scaled.chunks_exact_mut(conv.outputs) {
        outputs.iter_mut().zip(&scale).for_each(|(weight, scale)| *weight *= scale);
    }
    let mut folded =
        Folded { kernel: Vec::new(), normal: Normal { scale: vec![1.0; shift.len()], shift, ..Normal::default() } };
    conv.prepare(&scaled, &mut folded.kernel);
    folded
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
