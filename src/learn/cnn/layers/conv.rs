//! Convolution in two dimensions or one, of any odd kernel, stride and dilation, over all channels or each by itself.
//!
//! The border is zero ("same" padding): with stride 1 the image keeps its size. Each row of outputs is a sum of products
//! of matrices whose rows overlap in the padded input, one product per kernel row (per tap where dilated), so nothing is
//! copied but the border. Deliberately absent: the fused and faster 3x3 blocks at a net's front (`fused/`).

use rayon::prelude::*;
use serde::{Deserialize, Serialize};

use super::super::batch::{Batch, Groups};
use super::super::kernel::{Matrix, Real, Work, Write, multiply, widest};
use super::super::layer::{Backward, Forward, Kind, Layer, Seen, Start, Tensor};
use super::super::plane::Plane;
use crate::learn::LearnError;

/// Longest side of a kernel, and widest step.
const LONGEST: usize = 63;

/// Settings: `[rows, columns]` each.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Conv {
    /// Channels it makes.
    pub channels: usize,
    /// Odd.
    pub kernel: [usize; 2],
    /// Every so manieth output.
    #[serde(default = "ones")]
    pub stride: [usize; 2],
    /// Pixels from tap to tap.
    #[serde(default = "ones")]
    pub dilation: [usize; 2],
    /// Each channel by itself; then it makes as many as it reads.
    #[serde(default)]
    pub depthwise: bool,
    /// Adds a number per channel; needless before batch normalisation.
    #[serde(default)]
    pub bias: bool,
}

/// Settings of a convolution along time, for images of height 1.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Conv1d {
    /// Channels it makes.
    pub channels: usize,
    /// Odd.
    pub kernel: usize,
    /// Every so manieth output.
    #[serde(default = "one")]
    pub stride: usize,
    /// Pixels from tap to tap.
    #[serde(default = "one")]
    pub dilation: usize,
    /// Each channel by itself; then it makes as many as it reads.
    #[serde(default)]
    pub depthwise: bool,
    /// Adds a number per channel; needless before batch normalisation.
    #[serde(default)]
    pub bias: bool,
}

fn ones() -> [usize; 2] {
    [1, 1]
}

fn one() -> usize {
    1
}

impl Conv1d {
    fn flat(&self) -> Conv {
        let Conv1d { channels, kernel, stride, dilation, depthwise, bias } = *self;
        Conv { channels, kernel: [1, kernel], stride: [1, stride], dilation: [1, dilation], depthwise, bias }
    }
}

impl Conv {
    /// Channels that each output reads.
    fn depth(&self, input: Plane) -> usize {
        if self.depthwise { 1 } else { input.channels }
    }

    fn made(&self, input: Plane) -> Plane {
        let [down, along] = self.stride;
        Plane { height: input.height.div_ceil(down), width: input.width.div_ceil(along), channels: self.channels }
    }

    fn tensors(&self, input: Plane) -> Vec<Tensor> {
        let [rows, columns] = self.kernel;
        let depth = self.depth(input);
        let shape = [rows, columns, depth, self.channels];
        let mut all = vec![Tensor::new("kernel", &shape, Start::He(rows * columns * depth))];
        if self.bias {
            all.push(Tensor::new("bias", &[self.channels], Start::Zeros));
        }
        all
    }

    fn check(&self, input: Plane) -> Result<(), String> {
        let sides = || self.kernel.iter().chain(&self.stride).chain(&self.dilation);
        if sides().any(|side| !(1..=LONGEST).contains(side)) {
            return Err(format!("kernel, stride and dilation are 1 to {LONGEST}"));
        }
        if self.kernel.iter().any(|side| side % 2 == 0) {
            return Err(format!("a kernel of {:?} has no middle; its sides must be odd", self.kernel));
        }
        if self.depthwise && self.channels != input.channels {
            let (made, read) = (self.channels, input.channels);
            return Err(format!("depthwise it makes as many channels as it reads: {read}, not {made}"));
        }
        Ok(())
    }
}

impl<F: Real> Kind<F> for Conv {
    fn output(&self, input: Plane) -> Result<Plane, String> {
        self.check(input).map(|()| self.made(input))
    }

    fn shrink(&self) -> (usize, usize) {
        (self.stride[0], self.stride[1])
    }

    fn parameters(&self, input: Plane) -> Vec<Tensor> {
        self.tensors(input)
    }

    fn macs(&self, input: Plane) -> u64 {
        (self.made(input).dense_len() * self.kernel[0] * self.kernel[1] * self.depth(input)) as u64
    }

    fn build(&self, _input: Plane) -> Box<dyn Layer<F>> {
        Box::new(Layered { conv: self.clone(), padded: Vec::new(), groups: Groups::default() })
    }
}

impl<F: Real> Kind<F> for Conv1d {
    fn output(&self, input: Plane) -> Result<Plane, String> {
        if input.height != 1 {
            return Err(format!("it reads images of height 1, not {}; `fold` makes them", input.height));
        }
        Kind::<F>::output(&self.flat(), input)
    }

    fn shrink(&self) -> (usize, usize) {
        (1, self.stride)
    }

    fn parameters(&self, input: Plane) -> Vec<Tensor> {
        self.flat().tensors(input)
    }

    fn macs(&self, input: Plane) -> u64 {
        Kind::<F>::macs(&self.flat(), input)
    }

    fn build(&self, input: Plane) -> Box<dyn Layer<F>> {
        self.flat().build(input)
    }
}

struct Layered<F> {
    conv: Conv,
    /// The batch with its border; empty where the kernel needs none.
    padded: Vec<F>,
    groups: Groups<F>,
}

/// Where things lie for images of one size.
struct Place {
    x: Plane,
    y: Plane,
    /// Rows above and below, columns at either side.
    border: [usize; 2],
    /// Numbers from an output's place in the input to the next output's, along a row.
    step: usize,
    /// Numbers from one output row's place in the padded input to the next's.
    row: usize,
    /// Start in the padded input, and of the kernel, and numbers taken together.
    taps: Vec<Tap>,
}

struct Tap {
    at: usize,
    kernel: usize,
    len: usize,
}

impl Place {
    fn new(conv: &Conv, x: Plane) -> Place {
        let ([rows, columns], [down, along]) = (conv.kernel, conv.dilation);
        let border = [down * (rows - 1) / 2, along * (columns - 1) / 2];
        let (c, width) = (x.channels, x.width + 2 * border[1]);
        // Neighbouring taps lie together in the input, unless each channel goes by itself.
        let together = if along == 1 && !conv.depthwise { columns } else { 1 };
        let mut taps = Vec::new();
        for row in 0..rows {
            for column in (0..columns).step_by(together) {
                let kernel = (row * columns + column) * conv.depth(x) * conv.channels;
                taps.push(Tap { at: (row * down * width + column * along) * c, kernel, len: together * c });
            }
        }
        Place { x, y: conv.made(x), border, step: conv.stride[1] * c, row: conv.stride[0] * width * c, taps }
    }

    fn bordered(&self) -> bool {
        self.border != [0, 0]
    }

    fn padded_len(&self) -> usize {
        (self.x.height + 2 * self.border[0]) * (self.x.width + 2 * self.border[1]) * self.x.channels
    }

    /// Image row `y` in the padded input.
    fn inside(&self, y: usize) -> std::ops::Range<usize> {
        let [above, left] = self.border;
        let first = ((y + above) * (self.x.width + 2 * left) + left) * self.x.channels;
        first..first + self.x.width * self.x.channels
    }

    fn pad<F: Real>(&self, x: &[F], padded: &mut [F]) {
        padded.fill(F::ZERO);
        for y in 0..self.x.height {
            padded[self.inside(y)].copy_from_slice(&x[self.x.dense_row(y)]);
        }
    }
}

impl<F: Real> Layer<F> for Layered<F> {
    fn forward(&mut self, with: Forward<'_, F>, x: &Batch<F>, y: &mut Batch<F>) -> Result<(), LearnError> {
        let place = Place::new(&self.conv, x.plane);
        y.shape_after(x, place.y, self.conv.stride[1]);
        if place.bordered() {
            self.padded.resize(x.clips() * place.padded_len(), F::ZERO);
            let padded = self.padded.par_chunks_exact_mut(place.padded_len());
            padded.zip(x.each()).for_each(|(padded, x)| place.pad(x, padded));
        }
        let source = if place.bordered() { &self.padded } else { &x.values };
        let (kernel, bias) = self.halves(with.parameters);
        let images = source.par_chunks_exact(place.padded_len()).zip(y.each_mut());
        images.for_each(|(x, y)| {
            y.chunks_exact_mut(place.y.channels)
                .for_each(|pixel| if bias.is_empty() { pixel.fill(F::ZERO) } else { pixel.copy_from_slice(bias) });
            if self.conv.depthwise {
                widest(EachByItself { place: &place, x, kernel, y });
            } else {
                all_together(&place, x, kernel, y);
            }
        });
        Ok(())
    }

    fn backward(
        &mut self,
        with: Backward<'_, F>,
        Seen { x, dy, .. }: Seen<'_, F>,
        dx: Option<&mut Batch<F>>,
    ) -> Result<(), LearnError> {
        let place = Place::new(&self.conv, x.plane);
        let source = if place.bordered() { &self.padded } else { &x.values };
        let (kernel, _) = self.halves(with.parameters);
        let (kernel_len, depthwise) = (kernel.len(), self.conv.depthwise);
        self.groups.run(x.clips(), with.gradient, dx, |clip, group, dx| {
            let x = &source[clip * place.padded_len()..][..place.padded_len()];
            let dy = dy.clip(clip);
            let (for_kernel, for_bias) = group.gradient.split_at_mut(kernel_len);
            if !for_bias.is_empty() {
                let pixels = dy.chunks_exact(place.y.channels);
                pixels.for_each(|d| for_bias.iter_mut().zip(d).for_each(|(sum, &d)| *sum += d));
            }
            let padded = if dx.is_empty() { 0 } else { place.padded_len() };
            group.work.resize(padded + place.y.width * longest_tap(&place), F::ZERO);
            let (back, product) = group.work.split_at_mut(padded);
            back.fill(F::ZERO);
            if depthwise {
                widest(EachBack { place: &place, from: (x, kernel, dy), gradient: for_kernel, back });
            } else {
                all_back(&place, (x, kernel, dy), for_kernel, (back, product));
            }
            if !dx.is_empty() {
                (0..place.x.height).for_each(|y| dx[place.x.dense_row(y)].copy_from_slice(&back[place.inside(y)]));
            }
        });
        Ok(())
    }
}

impl<F: Real> Layered<F> {
    /// Kernel and bias.
    fn halves<'a>(&self, parameters: &'a [F]) -> (&'a [F], &'a [F]) {
        let bias = if self.conv.bias { self.conv.channels } else { 0 };
        parameters.split_at(parameters.len() - bias)
    }
}

fn longest_tap(place: &Place) -> usize {
    place.taps.iter().map(|tap| tap.len).max().unwrap_or(0)
}

fn all_together<F: Real>(place: &Place, x: &[F], kernel: &[F], y: &mut [F]) {
    let (n, width) = (place.y.channels, place.y.width);
    for (row, y) in y.chunks_exact_mut(width * n).enumerate() {
        for tap in &place.taps {
            let pixels = Matrix::new(&x[row * place.row + tap.at..], width, tap.len, place.step);
            multiply(y, pixels, Matrix::new(&kernel[tap.kernel..], tap.len, n, n), Write::Add);
        }
    }
}

/// `back` (padded; empty if not wanted) gets the gradient of the input, `gradient` that of the kernel.
fn all_back<F: Real>(
    place: &Place,
    (x, kernel, dy): (&[F], &[F], &[F]),
    gradient: &mut [F],
    (back, product): (&mut [F], &mut [F]),
) {
    let (n, width) = (place.y.channels, place.y.width);
    for (row, dy) in dy.chunks_exact(width * n).enumerate() {
        let dy = Matrix::new(dy, width, n, n);
        for tap in &place.taps {
            let at = row * place.row + tap.at;
            let pixels = Matrix::new(&x[at..], width, tap.len, place.step);
            multiply(&mut gradient[tap.kernel..][..tap.len * n], pixels.transposed(), dy, Write::Add);
            if back.is_empty() {
                continue;
            }
            let product = &mut product[..width * tap.len];
            multiply(product, dy, Matrix::new(&kernel[tap.kernel..], tap.len, n, n).transposed(), Write::Replace);
            for (pixel, d) in product.chunks_exact(tap.len).enumerate() {
                let to = &mut back[at + pixel * place.step..][..tap.len];
                to.iter_mut().zip(d).for_each(|(to, &d)| *to += d);
            }
        }
    }
}

/// Depthwise, forward.
struct EachByItself<'a, F> {
    place: &'a Place,
    x: &'a [F],
    kernel: &'a [F],
    y: &'a mut [F],
}

impl<F: Real> Work for EachByItself<'_, F> {
    #[inline(always)]
    fn run(self) {
        let EachByItself { place, x, kernel, y } = self;
        let n = place.y.channels;
        for (row, y) in y.chunks_exact_mut(place.y.width * n).enumerate() {
            for tap in &place.taps {
                let weights = &kernel[tap.kernel..][..n];
                for (pixel, y) in y.chunks_exact_mut(n).enumerate() {
                    let x = &x[row * place.row + tap.at + pixel * place.step..][..n];
                    y.iter_mut().zip(x).zip(weights).for_each(|((y, &x), &w)| *y += x * w);
                }
            }
        }
    }
}

/// Depthwise, backward: as [`all_back`], `from` being input, kernel and slope.
struct EachBack<'a, F> {
    place: &'a Place,
    from: (&'a [F], &'a [F], &'a [F]),
    gradient: &'a mut [F],
    back: &'a mut [F],
}

impl<F: Real> Work for EachBack<'_, F> {
    #[inline(always)]
    fn run(self) {
        let EachBack { place, from: (x, kernel, dy), gradient, back } = self;
        let n = place.y.channels;
        for (row, dy) in dy.chunks_exact(place.y.width * n).enumerate() {
            for tap in &place.taps {
                let (weights, gradient) = (&kernel[tap.kernel..][..n], &mut gradient[tap.kernel..][..n]);
                for (pixel, dy) in dy.chunks_exact(n).enumerate() {
                    let at = row * place.row + tap.at + pixel * place.step;
                    let x = &x[at..][..n];
                    gradient.iter_mut().zip(x).zip(dy).for_each(|((sum, &x), &d)| *sum += x * d);
                    if !back.is_empty() {
                        let to = &mut back[at..][..n];
                        to.iter_mut().zip(weights).zip(dy).for_each(|((to, &w), &d)| *to += w * d);
                    }
                }
            }
        }
    }
}
