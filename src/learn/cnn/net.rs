//! The net: blocks of convolution, normalisation, ReLU and pool, then a linear layer; and scoring with it.
//!
//! Holds parameters and running moments, no gradients and no batch: training a batch is `pass.rs`. Images enter
//! with each pixel holding its own row, the one above and the one below (see `conv.rs`), padded with zeros to a size
//! that the pools divide.

use std::ops::Range;

use rand::Rng;

use super::block::{Mean, Normal, activate_row, mean_pool, pick_row};
use super::conv::Conv;
use super::dense::{Dense, start_uniform};
use super::kernel::widest;
use super::layout::Layout;
use super::plane::Plane;
use crate::features::Image;

/// What decides the net's size.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Shape {
    /// Layers of the image.
    pub channels: usize,
    /// Rows of the image.
    pub bands: usize,
    /// Channels made by each block; all but the last end in a 2x2 max-pool, the last in the mean over all pixels.
    pub widths: Vec<usize>,
    /// Bundles of rows of the last image that each have their own mean; divides its height. 1 = global mean.
    pub parts: usize,
    /// Classes.
    pub classes: usize,
}

impl Shape {
    /// Four blocks and a global mean: the net that is measured beside PyTorch.
    pub fn standard(channels: usize, bands: usize, classes: usize) -> Shape {
        Shape { channels, bands, widths: vec![16, 32, 64, 128], parts: 1, classes }
    }

    /// The same with means over `parts` bundles of bands, or fewer where those do not divide the last image's height.
    #[must_use]
    pub fn in_parts(self, parts: usize) -> Shape {
        let height = self.bands.max(1).div_ceil(self.shrink());
        let parts = (1..=parts).rev().find(|parts| height.is_multiple_of(*parts)).unwrap_or(1);
        Shape { parts, ..self }
    }

    /// By how much the pools shrink each side of the image.
    pub fn shrink(&self) -> usize {
        1 << (self.widths.len() - 1)
    }
}

/// Where a block's numbers are.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Block {
    pub kernel: Range<usize>,
    pub gamma: Range<usize>,
    pub beta: Range<usize>,
    pub mean: Range<usize>,
    pub variance: Range<usize>,
}

/// A net with its numbers.
#[derive(Debug, Clone)]
pub struct Net {
    pub(super) shape: Shape,
    pub(super) blocks: Vec<Block>,
    pub(super) head: Dense,
    pub(super) layout: Layout,
    pub(super) state_layout: Layout,
    /// What is trained.
    pub parameters: Vec<f32>,
    /// Running mean and variance of each block's channels.
    pub state: Vec<f32>,
}

/// Buffers for scoring one image; they grow to the longest image met.
#[derive(Debug, Default)]
pub struct Scratch {
    x: Vec<f32>,
    next: Vec<f32>,
    y: Vec<f32>,
    picked: Vec<f32>,
}

impl Net {
    /// All numbers zero (variances one, gammas one): for [`Net::start`] or for loading.
    pub fn new(shape: Shape) -> Net {
        let (mut layout, mut state_layout) = (Layout::default(), Layout::default());
        let mut inputs = shape.channels;
        let mut blocks = Vec::new();
        for (number, &outputs) in shape.widths.iter().enumerate() {
            // The first kernel's rows are channels of a stacked pixel.
            let (rows, depth) = if number == 0 { (1, 3 * inputs) } else { (3, inputs) };
            blocks.push(Block {
                kernel: layout.add(format!("block{number}.kernel"), &[rows, 3, depth, outputs]),
                gamma: layout.add(format!("block{number}.gamma"), &[outputs]),
                beta: layout.add(format!("block{number}.beta"), &[outputs]),
                mean: state_layout.add(format!("block{number}.mean"), &[outputs]),
                variance: state_layout.add(format!("block{number}.variance"), &[outputs]),
            });
            inputs = outputs;
        }
        let head = Dense::new(&mut layout, "head", shape.parts * inputs, shape.classes);
        let (parameters, state) = (vec![0.0; layout.size()], vec![0.0; state_layout.size()]);
        let mut net = Net { shape, blocks, head, layout, state_layout, parameters, state };
        for block in &net.blocks {
            net.parameters[block.gamma.clone()].fill(1.0);
            net.state[block.variance.clone()].fill(1.0);
        }
        net
    }

    /// Random start.
    pub fn start(&mut self, random: &mut impl Rng) {
        let mut inputs = self.shape.channels;
        for (block, &outputs) in self.blocks.iter().zip(&self.shape.widths) {
            start_uniform(&mut self.parameters[block.kernel.clone()], 9 * inputs, random);
            inputs = outputs;
        }
        self.head.start(&mut self.parameters, random);
    }

    /// The convolution of each block for images of `frames` frames.
    pub(super) fn convolutions(&self, frames: usize) -> Vec<Conv> {
        let up = |n: usize| n.max(1).next_multiple_of(self.shape.shrink());
        let mut input = Plane { height: up(self.shape.bands), width: up(frames), channels: 3 * self.shape.channels };
        let mut all = Vec::new();
        for (number, &outputs) in self.shape.widths.iter().enumerate() {
            let conv = Conv { kernel_rows: if number == 0 { 1 } else { 3 }, input, outputs };
            input = conv.output().halved();
            all.push(conv);
        }
        all
    }

    /// The last pool for a clip of so many frames.
    pub(super) fn mean(&self, frames: usize) -> Mean {
        Mean { valid: frames.max(1).div_ceil(self.shape.shrink()), parts: self.shape.parts }
    }

    /// Logits of a whole image, with the running moments.
    pub fn logits(&self, image: &Image, scratch: &mut Scratch) -> Vec<f32> {
        let frames = image.dim().2;
        let convolutions = self.convolutions(frames);
        let first = convolutions[0].input;
        scratch.x.resize(first.padded_len(), 0.0);
        first.clear_border(&mut scratch.x);
        fill(image, &Window::whole(frames), first, &mut scratch.x);
        let last = convolutions.len() - 1;
        for (conv, block) in convolutions[..last].iter().zip(&self.blocks) {
            self.block(*conv, block, scratch);
        }
        let pooled = self.last_block(convolutions[last], self.mean(frames), scratch);
        self.head.forward(&self.parameters, &pooled, 1)
    }

    /// `scratch.x` → convolution, normalisation, ReLU, max-pool → `scratch.x`, a few rows at a time.
    fn block(&self, conv: Conv, block: &Block, scratch: &mut Scratch) {
        let (normal, kernel) = (self.running(block), &self.parameters[block.kernel.clone()]);
        let (plane, pooled) = (conv.output(), conv.output().halved());
        let Scratch { x, next, y, picked } = scratch;
        next.resize(pooled.padded_len(), 0.0);
        pooled.clear_border(next);
        y.resize(conv.block_rows() * plane.stride() * plane.channels, 0.0);
        picked.resize(pooled.width * pooled.channels, 0.0);
        for rows in conv.blocks() {
            conv.forward_rows(x, kernel, rows.clone(), y);
            for pair in 0..rows.len() / 2 {
                let (top, bottom) = (&y[plane.flat_row(2 * pair)], &y[plane.flat_row(2 * pair + 1)]);
                let out = &mut next[pooled.padded_row(rows.start / 2 + pair)];
                widest(|| {
                    pick_row(top, bottom, &normal.scale, picked);
                    activate_row(picked, &normal, out);
                });
            }
        }
        std::mem::swap(x, next);
    }

    fn last_block(&self, conv: Conv, mean: Mean, scratch: &mut Scratch) -> Vec<f32> {
        let plane = conv.output();
        let Some(block) = self.blocks.last() else { return Vec::new() };
        scratch.y.resize(plane.flat_len(), 0.0);
        conv.forward(&scratch.x, &self.parameters[block.kernel.clone()], &mut scratch.y);
        let mut pooled = vec![0.0; self.head.inputs];
        let normal = self.running(block);
        widest(|| mean_pool(plane, &scratch.y, &normal, mean, &mut pooled));
        pooled
    }

    fn running(&self, block: &Block) -> Normal {
        let wide = |range: &Range<usize>| self.state[range.clone()].iter().map(|&v| f64::from(v)).collect();
        let (gamma, beta) = (&self.parameters[block.gamma.clone()], &self.parameters[block.beta.clone()]);
        Normal::of_moments(wide(&block.mean), wide(&block.variance), gamma, beta)
    }
}

/// Which frames of an image a net sees, and what of them is blanked.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Window {
    /// Frames from `start`.
    pub frames: Range<usize>,
    /// Frames of the image set to zero.
    pub blank_frames: Range<usize>,
    /// Bands set to zero.
    pub blank_bands: Range<usize>,
}

impl Window {
    /// Everything.
    pub fn whole(frames: usize) -> Window {
        Window { frames: 0..frames, blank_frames: 0..0, blank_bands: 0..0 }
    }
}

/// Writes a window of an image into the padded `x`, whose pixels hold (row above, row, row below) x channels; what
/// lies outside the image is zero, which is the mean when the features are normalised. The border is not touched.
pub(super) fn fill(image: &Image, window: &Window, plane: Plane, x: &mut [f32]) {
    let (channels, bands, _) = image.dim();
    let width = plane.width;
    // All lines one after another, with those of a zero row above and below.
    let mut lines = vec![0.0; (plane.height + 2) * channels * width];
    for band in (0..bands).filter(|band| !window.blank_bands.contains(band)) {
        for channel in 0..channels {
            let line = &mut lines[((band + 1) * channels + channel) * width..][..width];
            read_line(image, (channel, band), window, line);
        }
    }
    for row in 0..plane.height {
        let stack = &lines[row * channels * width..][..3 * channels * width];
        for (column, pixel) in x[plane.padded_row(row)].chunks_exact_mut(plane.channels).enumerate() {
            let values = stack[column..].iter().step_by(width);
            pixel.iter_mut().zip(values).for_each(|(to, &from)| *to = from);
        }
    }
}

/// Writes one line of a window; what lies behind its end is left alone.
fn read_line(image: &Image, (channel, band): (usize, usize), window: &Window, line: &mut [f32]) {
    let Window { frames, blank_frames, .. } = window;
    let values = image.slice(ndarray::s![channel, band, frames.clone()]);
    line.iter_mut().zip(values).for_each(|(to, &from)| *to = from);
    let place = |frame: usize| (frame.clamp(frames.start, frames.end) - frames.start).min(line.len());
    let blank = place(blank_frames.start)..place(blank_frames.end);
    if !blank.is_empty() {
        line[blank].fill(0.0);
    }
}
