//! Which layers at a list's front the quantized blocks know.
//!
//! Deliberately absent: the numbers.

use super::super::kernel_int8::{GROUP, MOST_GROUPS};
use super::super::layers::{Conv, Conv1d, MaxPool};
use super::super::list::{Input, LayerSpec, List};
use super::super::plane::Plane;

/// A block on paper.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Place {
    /// The convolution's number in the list, from 1, as in the names of its tensors; batch normalisation follows it.
    pub number: usize,
    /// The convolution's kind, as in the names of its tensors.
    pub kind: &'static str,
    /// The bands of the image before become channels of the one that is read.
    pub fold: bool,
    /// Rows and columns of the kernel; odd.
    pub kernel: [usize; 2],
    /// Channels read.
    pub depth: usize,
    /// Channels made.
    pub width: usize,
    /// Window of the max-pool; ones without one.
    pub pool: [usize; 2],
}

/// The blocks at the front of a list, and how many layers they stand for: convolution (stride 1, not dilated, all
/// channels), batch normalisation and ReLU each, then a max-pool or none; before it a fold or none; dropout, which does
/// nothing in scoring, may follow.
pub fn places(list: &List, input: Input) -> (usize, Vec<Place>) {
    let (mut all, mut taken, mut plane) = (Vec::new(), 0, list.padded(input, 1));
    if let Input::Rows(_) = input {
        return (0, all);
    }
    while let Some((count, place)) = next(&list.layers[taken..], taken, plane) {
        let height = if place.fold { 1 } else { plane.height };
        plane = Plane { height: height / place.pool[0], channels: place.width, ..plane };
        taken += count;
        taken += list.layers[taken..].iter().take_while(|layer| matches!(layer, LayerSpec::Dropout(_))).count();
        all.push(place);
    }
    (taken, all)
}

/// The block that begins with these layers and reads such an image, and how many layers it stands for.
fn next(layers: &[LayerSpec], before: usize, plane: Plane) -> Option<(usize, Place)> {
    let fold = matches!(layers.first(), Some(LayerSpec::Fold(_)));
    let start = usize::from(fold);
    let [first, LayerSpec::BatchNorm(_), LayerSpec::Relu(_), rest @ ..] = layers.get(start..)? else { return None };
    let (kernel, width, plain) = match first {
        LayerSpec::Conv(Conv { channels, kernel, stride, dilation, depthwise, bias: _ }) => {
            (*kernel, *channels, (*stride, *dilation, *depthwise) == ([1, 1], [1, 1], false))
        }
        LayerSpec::Conv1d(Conv1d { channels, kernel, stride, dilation, depthwise, bias: _ }) => {
            ([1, *kernel], *channels, (*stride, *dilation, *depthwise) == (1, 1, false))
        }
        _ => return None,
    };
    let depth = if fold { plane.height * plane.channels } else { plane.channels };
    let groups = kernel[0].checked_mul(kernel[1].checked_mul(depth)?.div_ceil(GROUP))?;
    if !plain || groups > MOST_GROUPS {
        return None;
    }
    let pool = match rest.first() {
        Some(LayerSpec::MaxPool(MaxPool { size })) => Some(*size),
        _ => None,
    };
    let count = start + 3 + usize::from(pool.is_some());
    let (number, kind) = (before + start + 1, first.name());
    Some((count, Place { number, kind, fold, kernel, depth, width, pool: pool.unwrap_or([1, 1]) }))
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use super::*;

    fn found(text: &str) -> (usize, Vec<Place>) {
        let layer = |kind: &str| match kind {
            "conv" => "[[layer]]\nkind='conv'\nchannels=8\nkernel=[3,3]\n".to_owned(),
            "wide" => "[[layer]]\nkind='conv'\nchannels=8\nkernel=[3,3]\ndilation=[1,2]\n".to_owned(),
            "conv1d" => "[[layer]]\nkind='conv1d'\nchannels=9\nkernel=5\n".to_owned(),
            "max_pool" => "[[layer]]\nkind='max_pool'\nsize=[2,3]\n".to_owned(),
            "attention" => "[[layer]]\nkind='attention'\nhidden=4\n".to_owned(),
            "dropout" => "[[layer]]\nkind='dropout'\nrate=0.5\n".to_owned(),
            other => format!("[[layer]]\nkind='{other}'\n"),
        };
        let list = List::read(&text.split(' ').map(layer).collect::<String>()).unwrap();
        places(&list, Input::Images { channels: 3, bands: 5 })
    }

    #[test]
    fn blocks_end_where_another_kind_begins() {
        let block = |number, depth, pool| {
            let (kind, kernel) = ("conv", [3, 3]);
            Place { number, kind, fold: false, kernel, depth, width: 8, pool }
        };
        assert_eq!(found("wide batch_norm relu"), (0, vec![]));
        assert_eq!(found("conv relu"), (0, vec![]));
        assert_eq!(found("conv batch_norm relu mean_pool"), (3, vec![block(1, 3, [1, 1])]));
        let (taken, all) = found("conv batch_norm relu conv batch_norm relu max_pool dropout wide batch_norm relu");
        assert_eq!((taken, all), (8, vec![block(1, 3, [1, 1]), block(4, 8, [2, 3])]));
        let (taken, all) = found("conv batch_norm relu max_pool fold conv1d batch_norm relu fold attention");
        let kind = "conv1d";
        // Five bands are padded to six, of which the pool leaves three.
        let last = Place { number: 6, kind, fold: true, kernel: [1, 5], depth: 24, width: 9, pool: [1, 1] };
        assert_eq!((taken, all), (8, vec![block(1, 3, [2, 3]), last]));
    }
}
