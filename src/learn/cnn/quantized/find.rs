//! Which layers at a list's front the quantized blocks know.
//!
//! Deliberately absent: the numbers.

use super::super::kernel_int8::{GROUP, MOST_GROUPS};
use super::super::layers::{Conv, MaxPool};
use super::super::list::{LayerSpec, List};

/// A block on paper.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Place {
    /// The convolution's number in the list, from 1, as in the names of its tensors; batch normalisation follows it.
    pub number: usize,
    /// Channels read.
    pub depth: usize,
    /// Channels made.
    pub width: usize,
    /// Window of the max-pool; ones without one.
    pub pool: [usize; 2],
}

/// The blocks at the front of a list that reads images of so many channels, and how many layers they stand for: 3x3
/// convolution (stride 1), batch normalisation and ReLU each, then a max-pool or none; dropout, which does nothing in
/// scoring, may follow.
pub fn places(list: &List, channels: usize) -> (usize, Vec<Place>) {
    let (mut all, mut taken, mut depth) = (Vec::new(), 0, channels);
    while let [LayerSpec::Conv(conv), LayerSpec::BatchNorm(_), LayerSpec::Relu(_), rest @ ..] = &list.layers[taken..] {
        if !is_plain_3x3(conv) || 3 * (3 * depth).div_ceil(GROUP) > MOST_GROUPS {
            break;
        }
        let pool = match rest.first() {
            Some(LayerSpec::MaxPool(MaxPool { size })) => Some(*size),
            _ => None,
        };
        all.push(Place { number: taken + 1, depth, width: conv.channels, pool: pool.unwrap_or([1, 1]) });
        depth = conv.channels;
        taken += 3 + usize::from(pool.is_some());
        taken += list.layers[taken..].iter().take_while(|layer| matches!(layer, LayerSpec::Dropout(_))).count();
    }
    (taken, all)
}

fn is_plain_3x3(conv: &Conv) -> bool {
    let Conv { channels: _, kernel, stride, dilation, depthwise, bias: _ } = conv;
    (*kernel, *stride, *dilation) == ([3, 3], [1, 1], [1, 1]) && !depthwise
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use super::*;

    fn found(text: &str) -> (usize, Vec<Place>) {
        let layer = |kind: &str| match kind {
            "conv" => "[[layer]]\nkind='conv'\nchannels=8\nkernel=[3,3]\n".to_owned(),
            "wide" => "[[layer]]\nkind='conv'\nchannels=8\nkernel=[5,5]\n".to_owned(),
            "max_pool" => "[[layer]]\nkind='max_pool'\nsize=[2,3]\n".to_owned(),
            "dropout" => "[[layer]]\nkind='dropout'\nrate=0.5\n".to_owned(),
            other => format!("[[layer]]\nkind='{other}'\n"),
        };
        places(&List::read(&text.split(' ').map(layer).collect::<String>()).unwrap(), 3)
    }

    #[test]
    fn blocks_end_where_another_kind_begins() {
        let block = |number, depth, pool| Place { number, depth, width: 8, pool };
        assert_eq!(found("wide batch_norm relu"), (0, vec![]));
        assert_eq!(found("conv relu"), (0, vec![]));
        assert_eq!(found("conv batch_norm relu mean_pool"), (3, vec![block(1, 3, [1, 1])]));
        let (taken, all) = found("conv batch_norm relu conv batch_norm relu max_pool dropout wide batch_norm relu");
        assert_eq!((taken, all), (8, vec![block(1, 3, [1, 1]), block(4, 8, [2, 3])]));
    }
}
