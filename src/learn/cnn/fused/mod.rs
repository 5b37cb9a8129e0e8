//! The fast front of a net: blocks of 3x3 convolution, batch normalisation, ReLU and, where the list
//! has one, 2x2 max-pool or mean.
//!
//! [`fuse`] finds such blocks at the front of a list and gives one layer for all of them; images go from block to block in
//! the flat padded layout and are never normalised or pooled in a step of their own. Deliberately absent: everything
//! that a list may hold besides; that is `layers/`.
//!
//! | file | what |
//! |---|---|
//! | `conv.rs` | the convolution: three products of matrices, or what is faster where that is |
//! | `winograd.rs` | with a quarter of the multiplications, for inner layers |
//! | `lanes.rs` | sixteen numbers taken together; small products |
//! | `narrow.rs` | its products where they are narrow: the first layer of the usual net |
//! | `block.rs` | what follows it, fused |
//! | `wide.rs` | their loops, compiled for wide registers |
//! | `stage.rs` | a block for a batch, forward and backward |
//! | `trunk.rs` | all blocks as one layer; scoring with them |

mod block;
mod conv;
mod lanes;
mod narrow;
#[cfg(test)]
mod reference;
mod stage;
mod trunk;
mod wide;
mod winograd;

use std::sync::Arc;

use super::layer::{Kind, Layer, Start, Tensor};
use super::layers::{Conv, MaxPool, MeanPool};
use super::list::{LayerSpec, List};
use super::plane::Plane;
use stage::Ending;
use trunk::Trunk;

/// The blocks at a list's front as one layer, and how many layers of the list it stands for.
pub fn fuse(list: &List) -> Option<(usize, Arc<dyn Kind<f32>>)> {
    let (mut blocks, mut mean, mut taken) = (Vec::new(), None, 0);
    while let [LayerSpec::Conv(conv), LayerSpec::BatchNorm(_), LayerSpec::Relu(_), next @ ..] = &list.layers[taken..] {
        if mean.is_some() || !plain_3x3(conv) {
            break;
        }
        let ending = match next.first() {
            Some(LayerSpec::MaxPool(MaxPool { size: [2, 2] })) => Ending::MaxPool,
            Some(LayerSpec::MeanPool(pool)) => {
                mean = Some(pool.clone());
                Ending::Mean
            }
            _ => Ending::Whole,
        };
        blocks.push((conv.channels, ending, taken + 1));
        taken += if ending == Ending::Whole { 3 } else { 4 };
    }
    (taken > 0).then(|| (taken, Arc::new(Fused { blocks, mean }) as Arc<dyn Kind<f32>>))
}

fn plain_3x3(conv: &Conv) -> bool {
    let Conv { channels: _, kernel, stride, dilation, depthwise, bias } = conv;
    (*kernel, *stride, *dilation) == ([3, 3], [1, 1], [1, 1]) && !depthwise && !bias
}

/// Blocks on paper.
#[derive(Debug, Clone)]
struct Fused {
    /// Of each block the channels it makes, its end, and the number of its convolution in the list, from 1.
    blocks: Vec<(usize, Ending, usize)>,
    /// In what the last block ends, where that is a mean.
    mean: Option<MeanPool>,
}

impl Fused {
    /// Sizes of what each block reads, and of what the last one makes before a mean.
    fn sizes(&self, input: Plane) -> Vec<Plane> {
        let mut sizes = vec![input];
        for (number, &(width, ending, _)) in self.blocks.iter().enumerate() {
            sizes.push(ending.made(sizes[number].with_channels(width)));
        }
        sizes
    }

    /// Channels and names of each block.
    fn named(&self, tensor: impl Fn(usize, usize, String, String) -> Vec<Tensor>, input: Plane) -> Vec<Tensor> {
        let one = |(size, &(width, _, layer)): (Plane, &(usize, Ending, usize))| {
            tensor(size.channels, width, format!("{layer}.conv"), format!("{}.batch_norm", layer + 1))
        };
        self.sizes(input).into_iter().zip(&self.blocks).flat_map(one).collect()
    }
}

impl Kind<f32> for Fused {
    fn output(&self, input: Plane) -> Result<Plane, String> {
        let last = self.sizes(input)[self.blocks.len()];
        Ok(match &self.mean {
            Some(mean) => Plane { height: 1, width: 1, channels: mean.parts_of(last.height) * last.channels },
            None => last,
        })
    }

    fn parameters(&self, input: Plane) -> Vec<Tensor> {
        let one = |depth: usize, width: usize, conv: String, norm: String| {
            // The first kernel's rows are channels of a stacked pixel.
            let (rows, inner) = if conv == "1.conv" { (1, 3 * depth) } else { (3, depth) };
            let kernel = Tensor::new(&format!("{conv}.kernel"), &[rows, 3, inner, width], Start::He(9 * depth));
            let gamma = Tensor::new(&format!("{norm}.gamma"), &[width], Start::Ones);
            vec![kernel, gamma, Tensor::new(&format!("{norm}.beta"), &[width], Start::Zeros)]
        };
        self.named(one, input)
    }

    fn state(&self, input: Plane) -> Vec<Tensor> {
        let one = |_, width: usize, _, norm: String| {
            let mean = Tensor::new(&format!("{norm}.mean"), &[width], Start::Zeros);
            vec![mean, Tensor::new(&format!("{norm}.variance"), &[width], Start::Ones)]
        };
        self.named(one, input)
    }

    fn build(&self, input: Plane) -> Box<dyn Layer<f32>> {
        let parts = self.mean.as_ref().map(|mean| mean.parts_of(self.sizes(input)[self.blocks.len()].height));
        Box::new(Trunk::new(input.channels, &self.blocks, parts))
    }
}
