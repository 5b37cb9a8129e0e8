//! The products of the first layer of the usual net, 27 inputs (three channels of nine pixels) to 16 outputs: too narrow
//! for the general product, which keeps only six sums in registers at a time.
//!
//! Here a register holds all outputs of a pixel (forward) or all weights of an input (gradient), and many sums are under
//! way at once. Plain Rust, compiled for wide registers by `kernel::widest`. Deliberately absent: other sizes.

// Loops by number: through iterators the compiler leaves the sums in memory, and all is ten times slower.
#![allow(clippy::needless_range_loop)]

use super::conv::Conv;

/// Outputs of a pixel: one AVX-512 register, two of AVX2.
const OUTPUTS: usize = 16;
/// Numbers of a stacked pixel: three rows of three channels.
const PIXEL: usize = 9;
/// Inputs of an output: three neighbouring pixels.
const INPUTS: usize = 3 * PIXEL;
/// Pixels whose sums are under way at once.
const TOGETHER: usize = 12;
/// Pixels whose gradients are summed before their sum goes on.
const RUN: usize = 256;

/// True for a convolution of these sizes.
pub fn is_narrow(conv: Conv) -> bool {
    conv.kernel_rows == 1 && conv.input.channels == PIXEL && conv.outputs == OUTPUTS
}

/// `out[p] = sum over i of x[p * PIXEL + i] * kernel[i]` for each pixel of `out`.
#[inline(always)]
pub fn forward(x: &[f32], kernel: &[f32], out: &mut [f32]) {
    let mut done = 0;
    let mut groups = out.chunks_exact_mut(TOGETHER * OUTPUTS);
    for out in &mut groups {
        some::<TOGETHER>(&x[done * PIXEL..], kernel, out);
        done += TOGETHER;
    }
    for out in groups.into_remainder().chunks_exact_mut(OUTPUTS) {
        some::<1>(&x[done * PIXEL..], kernel, out);
        done += 1;
    }
}

#[inline(always)]
fn some<const P: usize>(x: &[f32], kernel: &[f32], out: &mut [f32]) {
    let x = &x[..(P - 1) * PIXEL + INPUTS];
    let mut sums = [[0.0_f32; OUTPUTS]; P];
    for i in 0..INPUTS {
        let weights = lanes(kernel, i);
        for pixel in 0..P {
            sums[pixel] = add_product(sums[pixel], x[pixel * PIXEL + i], weights);
        }
    }
    out.chunks_exact_mut(OUTPUTS).zip(&sums).for_each(|(out, sums)| out.copy_from_slice(sums));
}

#[inline(always)]
fn lanes(numbers: &[f32], row: usize) -> [f32; OUTPUTS] {
    let mut lanes = [0.0; OUTPUTS];
    lanes.copy_from_slice(&numbers[row * OUTPUTS..(row + 1) * OUTPUTS]);
    lanes
}

#[inline(always)]
fn add_product(sums: [f32; OUTPUTS], value: f32, factors: [f32; OUTPUTS]) -> [f32; OUTPUTS] {
    let mut made = [0.0; OUTPUTS];
    for lane in 0..OUTPUTS {
        made[lane] = value.mul_add(factors[lane], sums[lane]);
    }
    made
}

/// `gradient[i] += sum over p of x[p * PIXEL + i] * dy[p]`.
#[inline(always)]
pub fn add_gradient(x: &[f32], dy: &[f32], gradient: &mut [f32]) {
    for (run, dy) in dy.chunks(RUN * OUTPUTS).enumerate() {
        // A third of the inputs at a time, that the sums stay in registers.
        for (third, gradient) in gradient.chunks_exact_mut(PIXEL * OUTPUTS).enumerate() {
            add_third(&x[(run * RUN + third) * PIXEL..], dy, gradient);
        }
    }
}

#[inline(always)]
fn add_third(x: &[f32], dy: &[f32], gradient: &mut [f32]) {
    let mut sums = [[0.0_f32; OUTPUTS]; PIXEL];
    for (x, dy) in x.chunks_exact(PIXEL).zip(dy.chunks_exact(OUTPUTS)) {
        let dy = lanes(dy, 0);
        for i in 0..PIXEL {
            sums[i] = add_product(sums[i], x[i], dy);
        }
    }
    let all = gradient.chunks_exact_mut(OUTPUTS).zip(&sums);
    all.for_each(|(gradient, sums)| gradient.iter_mut().zip(sums).for_each(|(to, sum)| *to += sum));
}
