//! The front of a fitted net in whole numbers: blocks of convolution, batch normalisation, ReLU and max-pool, whose
//! weights are signed bytes with a scale for each output channel and whose images are bytes with one scale each.
//!
//! A block computes `z = factor * sum + offset` per output channel, `sum` being whole and exact; ReLU and the next
//! image's bytes follow in the same pass (Jacob et al. 2018, arXiv:1712.05877, but with a real factor in place of a
//! fixed-point one). Everything behind the blocks, pooling over time, recurrent layers, heads, stays in real numbers.
//! Deliberately absent: training (a quantized net has no gradient), and layers of other kinds.
//!
//! | file | what |
//! |---|---|
//! | `find.rs` | which layers of a list are such blocks |
//! | `border.rs` | where a byte lies |
//! | `block.rs` | a block: its numbers, its work on an image |
//! | `calibrate.rs` | from a fitted net and clips to blocks |
//! | `files.rs` | in and out of named tensors |
//! | `trunk.rs` | all blocks as one layer |

mod block;
mod border;
mod calibrate;
mod files;
mod find;
#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests;
mod trunk;

pub use trunk::Quantized;

use block::Block;

/// The blocks at a net's front, with their numbers.
#[derive(Debug, Clone, PartialEq)]
pub struct Front {
    /// Layers of the list that it stands for.
    pub taken: usize,
    /// What a byte of the input image means.
    input: Grid,
    blocks: Vec<Block>,
}

/// What a byte means: `step * (byte - zero)`.
#[derive(Debug, Clone, Copy, PartialEq)]
struct Grid {
    /// Above zero.
    step: f32,
    /// At most [`super::kernel_int8::LARGEST`].
    zero: u8,
}

impl Front {
    /// Numbers in it: weights, factors, offsets.
    pub fn count(&self) -> usize {
        self.blocks.iter().map(|block| block.kernel.len() + 2 * block.factor.len()).sum()
    }
}
