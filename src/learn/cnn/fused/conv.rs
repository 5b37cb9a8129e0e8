//! The 3x3 convolution (stride 1, zero border) of one image: three products of matrices, no im2col.
//!
//! For each kernel row: M = all pixels, K = 3 x channels (three neighbouring pixels lie together), N = outputs. The
//! numbers at the border column are of no meaning and nobody reads them. A convolution of one kernel row serves the
//! first layer, whose pixels already hold the row above and below as channels: one product with K = 27 instead of
//! three with K = 9. Inner layers go by `winograd.rs`, the usual first one by `narrow.rs`. Deliberately absent: bias (batch
//! normalisation follows), stride, threads.

use std::ops::Range;

use super::super::kernel::{Matrix, Write, fuses, multiply, widest};
use super::super::plane::Plane;
use super::narrow::is_narrow;
use super::wide::Loop;
use super::winograd::{Room, SIDE, Winograd};

/// Size of a block of outputs that stays in the L2 cache while the kernel rows add to it, in numbers.
const BLOCK: usize = 1 << 15;

/// One convolution: sizes only. Its kernel is `[kernel_rows][3][input.channels][outputs]`.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Conv {
    /// 3, or 1 for an image of stacked rows.
    pub kernel_rows: usize,
    /// What it reads.
    pub input: Plane,
    /// Channels it makes.
    pub outputs: usize,
}

impl Conv {
    /// Size of what it makes.
    pub fn output(self) -> Plane {
        self.input.with_channels(self.outputs)
    }

    /// Numbers of the kernel.
    #[cfg(test)]
    pub fn kernel_len(self) -> usize {
        self.kernel_rows * self.kernel_row_len()
    }

    /// Where it pays, the same convolution with fewer multiplications.
    pub fn winograd(self) -> Option<Winograd> {
        let Conv { kernel_rows, input, outputs } = self;
        Some(Winograd { input, outputs }).filter(|faster| kernel_rows == 3 && faster.fits() && fuses())
    }

    /// Rows to compute at a time; a multiple of [`SIDE`], so that pools and tiles divide them.
    pub fn block_rows(self) -> usize {
        let row = self.input.stride() * self.outputs;
        (BLOCK / row / SIDE).max(1) * SIDE
    }

    /// Makes of a kernel what the forward functions take.
    pub fn prepare(self, kernel: &[f32], ready: &mut Vec<f32>) {
        match self.winograd() {
            Some(winograd) => winograd.turn_kernel(kernel, ready),
            None => {
                ready.clear();
                ready.extend_from_slice(kernel);
            }
        }
    }

    /// The outputs of `rows`, one of [`Conv::blocks`]: `x` padded, `kernel` prepared, `y` flat and only those rows.
    pub fn forward_rows(self, x: &[f32], kernel: &[f32], rows: Range<usize>, (room, y): (&mut Room, &mut [f32])) {
        if let Some(winograd) = self.winograd() {
            return winograd.forward(x, kernel, rows, room, y);
        }
        let (c, stride) = (self.input.channels, self.input.stride());
        let pixels = rows.len() * stride - 1;
        if is_narrow(self) && fuses() {
            let x = &x[(rows.start + self.skipped_rows()) * stride * c..];
            return widest(Loop::NarrowForward(x, kernel, &mut y[..pixels * self.outputs]));
        }
        for (row, kernel) in kernel.chunks_exact(self.kernel_row_len()).enumerate() {
            let first = (rows.start + self.skipped_rows() + row) * stride;
            let pixels_of_row = Matrix::new(&x[first * c..], pixels, 3 * c, c);
            let write = if row == 0 { Write::Replace } else { Write::Add };
            let out = &mut y[..pixels * self.outputs];
            multiply(out, pixels_of_row, Matrix::new(kernel, 3 * c, self.outputs, self.outputs), write);
        }
    }

    /// The outputs of the whole image: `x` padded, `kernel` prepared, `y` flat.
    pub fn forward(self, x: &[f32], kernel: &[f32], room: &mut Room, y: &mut [f32]) {
        self.forward_then(x, kernel, (room, y), |_, _| {});
    }

    /// The same; `then` gets each block of rows, flat, while it is still in the cache.
    pub fn forward_then(
        self,
        x: &[f32],
        kernel: &[f32],
        (room, y): (&mut Room, &mut [f32]),
        mut then: impl FnMut(Range<usize>, &[f32]),
    ) {
        let row = self.input.stride() * self.outputs;
        for rows in self.blocks() {
            let block = &mut y[rows.start * row..rows.end * row];
            self.forward_rows(x, kernel, rows.clone(), (room, block));
            then(rows, block);
        }
    }

    /// All rows, some at a time, so that a 2x2 pool can follow each block.
    pub fn blocks(self) -> impl Iterator<Item = Range<usize>> {
        let (step, height) = (self.block_rows(), self.input.height);
        (0..height).step_by(step).map(move |first| first..(first + step).min(height))
    }

    /// The same convolution of some rows only. It reads the padded `x` from [`Conv::band_start`].
    #[must_use]
    pub fn band(self, rows: &Range<usize>) -> Conv {
        Conv { input: Plane { height: rows.len(), ..self.input }, ..self }
    }

    /// Where in the padded input the padded input of a band of rows starts.
    pub fn band_start(self, rows: &Range<usize>) -> usize {
        rows.start * self.input.stride() * self.input.channels
    }

    /// Adds the gradient of the kernel by its definition: `x` and `dy` padded (the border of `dy` zero).
    pub fn add_kernel_gradient(self, x: &[f32], dy: &[f32], gradient: &mut [f32]) {
        let (c, stride) = (self.input.channels, self.input.stride());
        let pixels = self.input.height * stride - 1;
        if is_narrow(self) && fuses() {
            let (x, dy) = (&x[self.skipped_rows() * stride * c..], &dy[(1 + stride) * self.outputs..]);
            return widest(Loop::NarrowGradient(x, &dy[..pixels * self.outputs], gradient));
        }
        let dy = Matrix::new(&dy[(1 + stride) * self.outputs..], pixels, self.outputs, self.outputs);
        for (row, gradient) in gradient.chunks_exact_mut(self.kernel_row_len()).enumerate() {
            let first = (self.skipped_rows() + row) * stride;
            let x = Matrix::new(&x[first * c..], pixels, 3 * c, c);
            multiply(gradient, x.transposed(), dy, Write::Add);
        }
    }

    /// The convolution that carries the gradient back: it reads `dy` padded, makes `dx` flat, with [`flipped`] kernel.
    #[must_use]
    pub fn reversed(self) -> Conv {
        Conv { input: self.output(), outputs: self.input.channels, ..self }
    }

    fn kernel_row_len(self) -> usize {
        3 * self.input.channels * self.outputs
    }

    fn skipped_rows(self) -> usize {
        (3 - self.kernel_rows) / 2
    }
}

/// The kernel of [`Conv::reversed`]: turned by 180 degrees, inputs and outputs exchanged.
pub fn flipped(conv: Conv, kernel: &[f32], out: &mut Vec<f32>) {
    let (c, n) = (conv.input.channels, conv.outputs);
    out.resize(kernel.len(), 0.0);
    for (to, from) in out.chunks_exact_mut(c * n).zip(kernel.chunks_exact(c * n).rev()) {
        for (output, row) in to.chunks_exact_mut(c).enumerate() {
            for (input, value) in row.iter_mut().enumerate() {
                *value = from[input * n + output];
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::super::reference;
    use super::*;

    fn wave(n: usize, seed: f32) -> Vec<f32> {
        (0..n).map(|i| (i as f32 * 0.7 + seed).sin()).collect()
    }

    fn padded(plane: Plane, dense: &[f32]) -> Vec<f32> {
        let mut out = vec![0.0; plane.padded_len()];
        for y in 0..plane.height {
            out[plane.padded_row(y)].copy_from_slice(&dense[plane.dense_row(y)]);
        }
        out
    }

    fn dense(plane: Plane, flat: &[f32]) -> Vec<f32> {
        (0..plane.height).flat_map(|y| flat[plane.flat_row(y)].to_vec()).collect()
    }

    #[test]
    fn forward_is_the_definition_for_any_size_and_block() {
        for (height, width, channels, outputs) in [(1, 1, 1, 1), (2, 3, 2, 5), (7, 5, 3, 4), (70, 40, 4, 16)] {
            let conv = Conv { kernel_rows: 3, input: Plane { height, width, channels }, outputs };
            let (x, kernel) = (wave(conv.input.dense_len(), 0.1), wave(conv.kernel_len(), 0.5));
            let mut y = vec![f32::NAN; conv.output().flat_len()];
            conv.forward(&padded(conv.input, &x), &kernel, &mut Room::default(), &mut y);
            let want = reference::conv(conv, &reference::wide(&x), &reference::wide(&kernel));
            for (got, want) in dense(conv.output(), &y).iter().zip(want) {
                assert!((f64::from(*got) - want).abs() < 1e-5, "{got} for {want}");
            }
        }
    }

    /// The first layer's own products against the general ones: a band that no group of pixels divides.
    #[test]
    fn the_narrow_products_are_the_general_ones() {
        let narrow = Conv { kernel_rows: 1, input: Plane { height: 5, width: 70, channels: 9 }, outputs: 16 };
        let general = Conv { outputs: 17, ..narrow };
        assert!(is_narrow(narrow) && !is_narrow(general));
        let x = padded(narrow.input, &wave(narrow.input.dense_len(), 0.1));
        let wider = |values: &[f32]| values.chunks(16).flat_map(|row| [row, &[0.0]].concat()).collect::<Vec<f32>>();
        let kernel = wave(narrow.kernel_len(), 0.5);
        let (mut y, mut want) = (vec![0.0; narrow.output().flat_len()], vec![0.0; general.output().flat_len()]);
        narrow.forward(&x, &kernel, &mut Room::default(), &mut y);
        general.forward(&x, &wider(&kernel), &mut Room::default(), &mut want);
        let close = |got: &[f32], want: &[f32], most: f32| {
            for (got, want) in wider(got).iter().zip(want).filter(|(got, _)| **got != 0.0) {
                assert!((got - want).abs() < most, "{got} for {want}");
            }
        };
        close(&dense(narrow.output(), &y), &dense(general.output(), &want), 1e-5);
        let dy = wave(narrow.output().dense_len(), 0.9);
        let (mut gradient, mut want) = (vec![0.0; kernel.len()], vec![0.0; general.kernel_len()]);
        narrow.add_kernel_gradient(&x, &padded(narrow.output(), &dy), &mut gradient);
        general.add_kernel_gradient(&x, &padded(general.output(), &wider(&dy)), &mut want);
        close(&gradient, &want, 1e-4);
    }

    #[test]
    fn gradients_agree_with_finite_differences() {
        let conv = Conv { kernel_rows: 3, input: Plane { height: 4, width: 5, channels: 2 }, outputs: 3 };
        let (x, kernel) = (wave(conv.input.dense_len(), 0.1), wave(conv.kernel_len(), 0.5));
        let dy = wave(conv.output().dense_len(), 0.9);
        let loss = |x: &[f64], kernel: &[f64]| -> f64 {
            reference::conv(conv, x, kernel).iter().zip(&dy).map(|(y, &d)| y * f64::from(d)).sum()
        };
        let (wide_x, wide_kernel) = (reference::wide(&x), reference::wide(&kernel));

        let mut gradient = vec![0.0; kernel.len()];
        let padded_dy = padded(conv.output(), &dy);
        conv.add_kernel_gradient(&padded(conv.input, &x), &padded_dy, &mut gradient);
        reference::assert_gradient(&gradient, &wide_kernel, |kernel| loss(&wide_x, kernel));

        let (mut turned, back) = (Vec::new(), conv.reversed());
        flipped(conv, &kernel, &mut turned);
        let mut dx = vec![0.0; back.output().flat_len()];
        back.forward(&padded_dy, &turned, &mut Room::default(), &mut dx);
        reference::assert_gradient(&dense(conv.input, &dx), &wide_x, |x| loss(x, &wide_kernel));
    }
}
