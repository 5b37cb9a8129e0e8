//! All quantized blocks as one layer that scores; and their forward pass for calibration.
//!
//! rayon runs over clips; whole numbers give the same bits on any number of threads and in any registers. Deliberately
//! absent: backward.

use std::sync::Arc;

use rayon::prelude::*;

use super::super::batch::Batch;
use super::super::kernel::{Work, widest};
use super::super::kernel_int8::Way;
use super::super::layer::{Backward, Forward, Kind, Layer, Seen};
use super::super::plane::Plane;
use super::block::{Room, Target, byte};
use super::border::Bordered;
use super::{Front, Grid};
use crate::learn::LearnError;

/// Buffers for one image; they grow to the longest image met.
#[derive(Debug, Default)]
pub struct Scratch {
    x: Vec<u8>,
    next: Vec<u8>,
    room: Room,
}

impl Front {
    /// Size of what the blocks make of such an image.
    pub fn output(&self, input: Plane) -> Plane {
        self.blocks.iter().fold(input, |plane, block| block.output(block.input(plane)))
    }

    /// A dense image through all blocks, into the dense `y`.
    pub fn run(&self, plane: Plane, image: &[f32], y: &mut [f32], scratch: &mut Scratch) {
        let way = Way::best();
        let Scratch { x, next, room } = scratch;
        let mut read = self.read(plane, image, x);
        for (number, block) in self.blocks.iter().enumerate() {
            let Some(after) = self.blocks.get(number + 1) else {
                return block.run(way, (read, x), Target::Numbers(y), room);
            };
            let made = Bordered::new(after.input(block.output(read.plane)), after.place.kernel);
            made.fit(next, 0);
            block.run(way, (read, x), Target::Bytes(made, next), room);
            std::mem::swap(x, next);
            read = made;
        }
    }

    /// The input image in bytes, as the first block reads it.
    fn read(&self, plane: Plane, image: &[f32], x: &mut Vec<u8>) -> Bordered {
        let Some(first) = self.blocks.first() else { return Bordered::new(plane, [1, 1]) };
        let read = Bordered::new(first.input(plane), first.place.kernel);
        read.fit(x, self.input.zero);
        for y in 0..plane.height {
            let (from, grid) = (&image[plane.dense_row(y)], self.input);
            if first.place.fold {
                let pixels = x[read.row(0)].chunks_exact_mut(read.plane.channels);
                for (to, from) in pixels.zip(from.chunks_exact(plane.channels)) {
                    ToBytes { from, grid, to: &mut to[y * plane.channels..][..plane.channels] }.run();
                }
            } else {
                widest(ToBytes { from, grid, to: &mut x[read.row(y)] });
            }
        }
        read
    }
}

struct ToBytes<'a> {
    from: &'a [f32],
    grid: Grid,
    to: &'a mut [u8],
}

impl Work for ToBytes<'_> {
    #[inline(always)]
    fn run(self) {
        let (zero, inverse) = (f32::from(self.grid.zero), 1.0 / self.grid.step);
        self.to.iter_mut().zip(self.from).for_each(|(to, from)| *to = byte(from * inverse + zero));
    }
}

/// The layer on paper.
#[derive(Debug, Clone)]
pub struct Quantized(pub Arc<Front>);

impl Kind<f32> for Quantized {
    fn output(&self, input: Plane) -> Result<Plane, String> {
        Ok(self.0.output(input))
    }

    fn build(&self, _input: Plane) -> Box<dyn Layer<f32>> {
        Box::new(Scorer { front: Arc::clone(&self.0), scratch: Vec::new() })
    }
}

struct Scorer {
    front: Arc<Front>,
    /// One per clip.
    scratch: Vec<Scratch>,
}

impl Layer<f32> for Scorer {
    fn forward(&mut self, with: Forward<'_, f32>, x: &Batch<f32>, y: &mut Batch<f32>) -> Result<(), LearnError> {
        if with.random.is_some() {
            return Err(untrainable());
        }
        let shrink = self.front.blocks.iter().map(|block| block.place.pool[1]).product();
        y.shape_after(x, self.front.output(x.plane), shrink);
        self.scratch.resize_with(x.clips().max(self.scratch.len()), Scratch::default);
        let images = y.each_mut().zip(x.each()).zip(&mut self.scratch);
        images.for_each(|((y, image), scratch)| self.front.run(x.plane, image, y, scratch));
        Ok(())
    }

    fn backward(
        &mut self,
        _with: Backward<'_, f32>,
        _seen: Seen<'_, f32>,
        _dx: Option<&mut Batch<f32>>,
    ) -> Result<(), LearnError> {
        Err(untrainable())
    }
}

fn untrainable() -> LearnError {
    LearnError::WrongInput("a quantized net has no gradient; train the one that it was made from".to_owned())
}
