//! The 3x3 convolution by Winograd's F(4x4, 3x3) (Lavin & Gray 2015, arXiv:1509.09308): 36 multiplications make 16
//! outputs where the definition takes 144.
//!
//! An image is cut into tiles of 4x4 outputs. The 6x6 inputs of a tile are turned into 36 other numbers per channel, each of
//! which meets one of the 36 numbers that the kernel was turned into; so a convolution is 36 products of (tiles x
//! inputs) with (inputs x outputs), and the 6x6 sums are turned into 4x4 outputs. The gradient of the kernel is the same
//! with the roles exchanged: 36 products of (inputs x tiles) with (tiles x outputs). Some tiles at a time, so that all
//! stays in the cache. Its rounding errors are some times those of the definition, far below what training notices
//! (a test says how far). Deliberately absent: channels that sixteen does not divide, threads.

// Loops by number: through closures, which nobody can tell to be inlined, all is ten times slower.
#![allow(clippy::needless_range_loop)]

use std::ops::Range;

use super::super::kernel::{Work, Write, widest};
use super::super::plane::Plane;
use super::lanes::{Grid, LANES, Lanes, load, minus, plus, plus_product, product, store, times};

/// Outputs of a tile along each side.
pub const SIDE: usize = 4;
/// Inputs of a tile along each side.
const WINDOW: usize = SIDE + 2;
/// Numbers of a tile and channel between the two turns.
const TURNED: usize = WINDOW * WINDOW;
const NOTHING: Lanes = [0.0; LANES];

/// A tile that is turned along one side, in memory: clearing it anew for each would take as long as turning.
type HalfTurned = [[Lanes; WINDOW]; WINDOW];
/// Room between two of the 36 matrices: without it all would meet in the same few lines of the cache.
const GAP: usize = LANES;
/// Tiles whose gradients are summed together.
const TOGETHER: usize = 64;

/// Sizes of one convolution.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Winograd {
    /// What it reads.
    pub input: Plane,
    /// Channels it makes.
    pub outputs: usize,
}

/// Buffers; they grow to the largest convolution met.
#[derive(Debug, Default)]
pub struct Room {
    spread: Vec<f32>,
    product: Vec<f32>,
}

impl Winograd {
    /// True where sixteen divides the channels.
    pub fn fits(self) -> bool {
        self.input.channels.is_multiple_of(LANES) && self.outputs.is_multiple_of(LANES)
    }

    /// Turns a kernel `[3][3][inputs][outputs]` into `[36][inputs][outputs]`.
    pub fn turn_kernel(self, kernel: &[f32], turned: &mut Vec<f32>) {
        turned.resize(TURNED * self.pairs(), 0.0);
        widest(TurnKernel { pairs: self.pairs(), kernel, turned });
    }

    /// The outputs of some `rows`, of which the first is a multiple of [`SIDE`]: `x` padded, `y` flat and only those rows.
    pub fn forward(self, x: &[f32], turned: &[f32], rows: Range<usize>, room: &mut Room, y: &mut [f32]) {
        widest(Rows { sizes: self, x, turned, rows, room, y });
    }

    fn pairs(self) -> usize {
        self.input.channels * self.outputs
    }

    fn tiles(self, rows: &Range<usize>) -> usize {
        rows.len().div_ceil(SIDE) * self.across()
    }

    /// Tiles whose gradients are summed together.
    fn capacity(self) -> usize {
        TOGETHER.max(self.across())
    }

    /// From matrix to matrix of that many tiles' inputs and slopes.
    fn steps(self) -> (usize, usize) {
        (self.capacity() * self.input.channels + GAP, self.capacity() * self.outputs + GAP)
    }

    fn across(self) -> usize {
        self.input.width.div_ceil(SIDE)
    }

    /// The top left pixels of all tiles of some rows, in order.
    fn corners(self, rows: Range<usize>) -> impl Iterator<Item = (usize, usize)> {
        rows.step_by(SIDE).flat_map(move |y| (0..self.input.width).step_by(SIDE).map(move |x| (y, x)))
    }
}

/// The gradient of a kernel, under way: some tiles gathered, the sum of those before.
#[derive(Debug, Default)]
pub struct Gradient {
    inputs: Vec<f32>,
    slopes: Vec<f32>,
    sum: Vec<f32>,
    gathered: usize,
    any: bool,
}

impl Gradient {
    /// Adds an image: `x` and `dy` padded.
    pub fn add(&mut self, sizes: Winograd, x: &[f32], dy: &[f32]) {
        let (capacity, (inputs_step, slopes_step)) = (sizes.capacity(), sizes.steps());
        grow(&mut self.inputs, TURNED * inputs_step);
        grow(&mut self.slopes, TURNED * slopes_step);
        grow(&mut self.sum, TURNED * sizes.pairs());
        for first in (0..sizes.input.height).step_by(SIDE) {
            let rows = first..(first + SIDE).min(sizes.input.height);
            if self.gathered + sizes.tiles(&rows) > capacity {
                self.sum_up(sizes);
            }
            widest(Gather { sizes, x, dy, rows: rows.clone(), into: self });
            self.gathered += sizes.tiles(&rows);
        }
    }

    /// Adds the sum to `gradient`, `[3][3][inputs][outputs]`, and begins anew.
    pub fn finish(&mut self, sizes: Winograd, gradient: &mut [f32]) {
        self.sum_up(sizes);
        if std::mem::take(&mut self.any) {
            let pairs = sizes.pairs();
            widest(TurnBack { pairs, sum: &self.sum[..TURNED * pairs], gradient });
        }
    }

    fn sum_up(&mut self, sizes: Winograd) {
        if self.gathered > 0 {
            widest(SumUp { sizes, of: self });
            (self.gathered, self.any) = (0, true);
        }
    }
}

/// Room for so many numbers; what it holds is of no meaning.
fn grow(numbers: &mut Vec<f32>, len: usize) {
    if numbers.len() < len {
        numbers.resize(len, 0.0);
    }
}

struct TurnKernel<'a> {
    pairs: usize,
    kernel: &'a [f32],
    turned: &'a mut [f32],
}

impl Work for TurnKernel<'_> {
    #[inline(always)]
    fn run(self) {
        for pair in (0..self.pairs).step_by(LANES) {
            let mut rows = [[NOTHING; WINDOW]; 3];
            for row in 0..3 {
                let mut taps = [NOTHING; 3];
                for column in 0..3 {
                    taps[column] = load(self.kernel, (3 * row + column) * self.pairs + pair);
                }
                rows[row] = kernel_ahead(taps);
            }
            for column in 0..WINDOW {
                let made = kernel_ahead([rows[0][column], rows[1][column], rows[2][column]]);
                for row in 0..WINDOW {
                    store(self.turned, (WINDOW * row + column) * self.pairs + pair, made[row]);
                }
            }
        }
    }
}

struct TurnBack<'a> {
    pairs: usize,
    sum: &'a [f32],
    gradient: &'a mut [f32],
}

impl Work for TurnBack<'_> {
    #[inline(always)]
    fn run(self) {
        for pair in (0..self.pairs).step_by(LANES) {
            let mut rows = [[NOTHING; 3]; WINDOW];
            for row in 0..WINDOW {
                let mut sums = [NOTHING; WINDOW];
                for column in 0..WINDOW {
                    sums[column] = load(self.sum, (WINDOW * row + column) * self.pairs + pair);
                }
                rows[row] = kernel_back(sums);
            }
            for column in 0..3 {
                let mut sums = [NOTHING; WINDOW];
                for row in 0..WINDOW {
                    sums[row] = rows[row][column];
                }
                let made = kernel_back(sums);
                for row in 0..3 {
                    let place = (3 * row + column) * self.pairs + pair;
                    store(self.gradient, place, plus(load(self.gradient, place), made[row]));
                }
            }
        }
    }
}

struct Rows<'a> {
    sizes: Winograd,
    x: &'a [f32],
    turned: &'a [f32],
    rows: Range<usize>,
    room: &'a mut Room,
    y: &'a mut [f32],
}

impl Work for Rows<'_> {
    #[inline(always)]
    fn run(self) {
        let Rows { sizes, x, turned, rows, room, y } = self;
        let mut half = [[NOTHING; WINDOW]; WINDOW];
        let (c, n, tiles) = (sizes.input.channels, sizes.outputs, sizes.tiles(&rows));
        let (spread_step, product_step) = (tiles * c + GAP, tiles * n + GAP);
        grow(&mut room.spread, TURNED * spread_step);
        grow(&mut room.product, TURNED * product_step);
        for (tile, corner) in sizes.corners(rows.clone()).enumerate() {
            spread_inputs(sizes.input, x, corner, (&mut room.spread, spread_step, tile * c), &mut half);
        }
        let spread = room.spread.chunks_exact(spread_step).zip(turned.chunks_exact(c * n));
        for (out, (a, b)) in room.product.chunks_exact_mut(product_step).zip(spread) {
            product(out, tiles, Grid { data: a, row_step: c, column_step: 1 }, (b, n), Write::Replace);
        }
        let plane = sizes.input.with_channels(n);
        for (tile, (top, left)) in sizes.corners(rows.clone()).enumerate() {
            let size = (rows.end - top, plane.width - left);
            let first = ((top - rows.start) * plane.stride() + left) * n;
            let to = (&mut y[first..], n, plane.stride() * n);
            make_outputs((&room.product, product_step, tile * n), size, to, &mut half);
        }
    }
}

struct Gather<'a> {
    sizes: Winograd,
    x: &'a [f32],
    dy: &'a [f32],
    rows: Range<usize>,
    into: &'a mut Gradient,
}

impl Work for Gather<'_> {
    #[inline(always)]
    fn run(self) {
        let Gather { sizes, x, dy, rows, into } = self;
        let mut half = [[NOTHING; WINDOW]; WINDOW];
        let (c, n) = (sizes.input.channels, sizes.outputs);
        let (inputs_step, slopes_step) = sizes.steps();
        for (tile, corner) in sizes.corners(rows).enumerate() {
            let tile = into.gathered + tile;
            spread_inputs(sizes.input, x, corner, (&mut into.inputs, inputs_step, tile * c), &mut half);
            spread_slopes(
                sizes.input.with_channels(n),
                dy,
                corner,
                (&mut into.slopes, slopes_step, tile * n),
                &mut half,
            );
        }
    }
}

struct SumUp<'a> {
    sizes: Winograd,
    of: &'a mut Gradient,
}

impl Work for SumUp<'_> {
    #[inline(always)]
    fn run(self) {
        let Gradient { inputs, slopes, sum, gathered, any } = self.of;
        let (c, n) = (self.sizes.input.channels, self.sizes.outputs);
        let write = if *any { Write::Add } else { Write::Replace };
        let (inputs_step, slopes_step) = self.sizes.steps();
        let both = inputs.chunks_exact(inputs_step).zip(slopes.chunks_exact(slopes_step)).take(TURNED);
        for (sum, (a, b)) in sum.chunks_exact_mut(c * n).zip(both) {
            product(sum, c, Grid { data: a, row_step: 1, column_step: c }, (&b[..*gathered * n], n), write);
        }
    }
}

/// Turns the inputs of one tile: `x` padded, `to` the buffer, its step from matrix to matrix and the tile's place.
#[inline(always)]
fn spread_inputs(
    plane: Plane,
    x: &[f32],
    (top, left): (usize, usize),
    to: (&mut [f32], usize, usize),
    half: &mut HalfTurned,
) {
    // In the padded layout the pixel above and left of (y, x) is pixel y * stride + x.
    let pixels = &x[(top * plane.stride() + left) * plane.channels..];
    let source = Source { pixels, plane, rows: plane.height + 2 - top, columns: plane.width + 2 - left };
    spread::<WINDOW, Inputs>(source, to, half);
}

/// The same for the gradient of the outputs, padded too.
#[inline(always)]
fn spread_slopes(
    plane: Plane,
    dy: &[f32],
    (top, left): (usize, usize),
    to: (&mut [f32], usize, usize),
    half: &mut HalfTurned,
) {
    let pixels = &dy[(1 + (top + 1) * plane.stride() + left) * plane.channels..];
    let source = Source { pixels, plane, rows: plane.height - top, columns: plane.width - left };
    spread::<SIDE, Slopes>(source, to, half);
}

/// What is turned: rows of pixels, of which so many rows and columns are to be read and all others are zero.
#[derive(Clone, Copy)]
struct Source<'a> {
    pixels: &'a [f32],
    plane: Plane,
    rows: usize,
    columns: usize,
}

impl Source<'_> {
    #[inline(always)]
    fn at<const WHOLE: bool>(self, row: usize, column: usize, channel: usize) -> Lanes {
        if !WHOLE && (row >= self.rows || column >= self.columns) {
            return NOTHING;
        }
        load(self.pixels, (row * self.plane.stride() + column) * self.plane.channels + channel)
    }
}

/// `S` x `S` numbers per channel to 6 x 6.
#[inline(always)]
fn spread<const S: usize, T: Turn<S>>(
    source: Source<'_>,
    (to, step, tile): (&mut [f32], usize, usize),
    half: &mut HalfTurned,
) {
    for channel in (0..source.plane.channels).step_by(LANES) {
        if source.rows >= S && source.columns >= S {
            spread_lanes::<S, true, T>(source, channel, (to, step, tile + channel), half);
        } else {
            spread_lanes::<S, false, T>(source, channel, (to, step, tile + channel), half);
        }
    }
}

#[inline(always)]
fn spread_lanes<const S: usize, const WHOLE: bool, T: Turn<S>>(
    source: Source<'_>,
    channel: usize,
    (to, step, tile): (&mut [f32], usize, usize),
    half: &mut HalfTurned,
) {
    for row in 0..S {
        let mut numbers = [NOTHING; S];
        for column in 0..S {
            numbers[column] = source.at::<WHOLE>(row, column, channel);
        }
        half[row] = T::ahead(numbers);
    }
    for column in 0..WINDOW {
        let mut numbers = [NOTHING; S];
        for row in 0..S {
            numbers[row] = half[row][column];
        }
        let made = T::ahead(numbers);
        for row in 0..WINDOW {
            store(to, (WINDOW * row + column) * step + tile, made[row]);
        }
    }
}

/// The outputs of one tile: `from` the 36 sums, their step and the tile's place; `to` its top left pixel and on, numbers
/// of a pixel and of a row.
#[inline(always)]
fn make_outputs(
    (from, step, tile): (&[f32], usize, usize),
    (height, width): (usize, usize),
    (to, n, row_step): (&mut [f32], usize, usize),
    half: &mut HalfTurned,
) {
    for channel in (0..n).step_by(LANES) {
        for column in 0..WINDOW {
            let mut sums = [NOTHING; WINDOW];
            for row in 0..WINDOW {
                sums[row] = load(from, (WINDOW * row + column) * step + tile + channel);
            }
            half[column][..SIDE].copy_from_slice(&output_back(sums));
        }
        for row in 0..SIDE {
            let mut sums = [NOTHING; WINDOW];
            for column in 0..WINDOW {
                sums[column] = half[column][row];
            }
            let made = output_back(sums);
            for column in 0..SIDE {
                if row < height && column < width {
                    store(to, row * row_step + column * n + channel, made[column]);
                }
            }
        }
    }
}

/// A turn along one side.
trait Turn<const S: usize> {
    fn ahead(numbers: [Lanes; S]) -> [Lanes; WINDOW];
}

struct Inputs;

struct Slopes;

// The turns along one side, at the points 0, A, -A, B, -B and infinity.
//
// With the product of all (x - point) = x (x^2 - A^2) (x^2 - B^2), inputs meet its quotients by each (x - point), kernels
// the powers of each point over the derivative there, and sums the powers of each point. These points lose a quarter of
// the digits that the usual 1 and 2 do.
const A: f32 = 0.625;
const B: f32 = 1.5;
const AA: f32 = A * A;
const BB: f32 = B * B;
/// One over the derivative at 0, at A and -A, at B and -B.
const AT_0: f32 = 1.0 / (AA * BB);
const AT_A: f32 = 1.0 / (2.0 * AA * (AA - BB));
const AT_B: f32 = 1.0 / (2.0 * BB * (BB - AA));

impl Turn<WINDOW> for Inputs {
    #[inline(always)]
    fn ahead([a, b, c, d, e, f]: [Lanes; WINDOW]) -> [Lanes; WINDOW] {
        let (even, odd) = (plus_product(e, -BB, c), plus_product(d, -BB, b));
        let (far, steep) = (plus_product(e, -AA, c), plus_product(d, -AA, b));
        let first = plus_product(plus_product(e, -AA - BB, c), AA * BB, a);
        let last = plus_product(plus_product(f, -AA - BB, d), AA * BB, b);
        [
            first,
            plus_product(even, A, odd),
            plus_product(even, -A, odd),
            plus_product(far, B, steep),
            plus_product(far, -B, steep),
            last,
        ]
    }
}

impl Turn<SIDE> for Slopes {
    #[inline(always)]
    fn ahead([a, b, c, d]: [Lanes; SIDE]) -> [Lanes; WINDOW] {
        let (even, odd) = (plus_product(a, AA, c), plus_product(b, AA, d));
        let (far, steep) = (plus_product(a, BB, c), plus_product(b, BB, d));
        [
            a,
            plus_product(even, A, odd),
            plus_product(even, -A, odd),
            plus_product(far, B, steep),
            plus_product(far, -B, steep),
            d,
        ]
    }
}

#[inline(always)]
fn output_back([a, b, c, d, e, f]: [Lanes; WINDOW]) -> [Lanes; SIDE] {
    let (near, far) = (plus(b, c), plus(d, e));
    let (slant, steep) = (minus(b, c), minus(d, e));
    [
        plus(plus(a, near), far),
        plus_product(times(A, slant), B, steep),
        plus_product(times(AA, near), BB, far),
        plus_product(plus_product(f, A * AA, slant), B * BB, steep),
    ]
}

#[inline(always)]
fn kernel_ahead([a, b, c]: [Lanes; 3]) -> [Lanes; WINDOW] {
    let (near, far) = (times(AT_A, plus_product(a, AA, c)), times(AT_B, plus_product(a, BB, c)));
    [
        times(AT_0, a),
        plus_product(near, AT_A * A, b),
        plus_product(near, -AT_A * A, b),
        plus_product(far, AT_B * B, b),
        plus_product(far, -AT_B * B, b),
        c,
    ]
}

#[inline(always)]
fn kernel_back([a, b, c, d, e, f]: [Lanes; WINDOW]) -> [Lanes; 3] {
    let (near, far) = (plus(b, c), plus(d, e));
    let (slant, steep) = (minus(b, c), minus(d, e));
    [
        plus_product(plus_product(times(AT_0, a), AT_A, near), AT_B, far),
        plus_product(times(AT_A * A, slant), AT_B * B, steep),
        plus_product(plus_product(f, AT_A * AA, near), AT_B * BB, far),
    ]
}

#[cfg(test)]
mod tests {
    use super::super::conv::Conv;
    use super::super::reference;
    use super::*;

    /// Numbers of no pattern that a tile could hide, between -1 and 1.
    fn rough(n: usize, seed: f32) -> Vec<f32> {
        (0..n).map(|i| ((i as f32 * 0.7 + seed).sin() * 4375.85).fract()).collect()
    }

    fn padded(plane: Plane, dense: &[f32]) -> Vec<f32> {
        let mut out = vec![0.0; plane.padded_len()];
        (0..plane.height).for_each(|y| out[plane.padded_row(y)].copy_from_slice(&dense[plane.dense_row(y)]));
        out
    }

    /// The largest difference, in root mean squares of what is wanted.
    fn off(got: &[f32], want: &[f64]) -> f64 {
        assert_eq!(got.len(), want.len());
        let power = want.iter().map(|v| v * v).sum::<f64>() / want.len() as f64;
        got.iter().zip(want).map(|(got, want)| (f64::from(*got) - want).abs()).fold(0.0, f64::max) / power.sqrt()
    }

    const SIZES: [(usize, usize, usize, usize); 5] =
        [(1, 1, 16, 16), (4, 8, 16, 64), (5, 3, 32, 16), (10, 18, 16, 32), (6, 270, 16, 16)];

    #[test]
    fn forward_is_the_definition_for_any_size() {
        for (height, width, channels, outputs) in SIZES {
            let sizes = Winograd { input: Plane { height, width, channels }, outputs };
            let conv = Conv { kernel_rows: 3, input: sizes.input, outputs };
            let (x, kernel) = (rough(sizes.input.dense_len(), 0.1), rough(9 * channels * outputs, 0.5));
            let (mut turned, plane) = (Vec::new(), conv.output());
            sizes.turn_kernel(&kernel, &mut turned);
            let (mut y, mut room) = (vec![f32::NAN; plane.flat_len()], Room::default());
            for first in (0..height).step_by(SIDE) {
                let rows = first..(first + SIDE).min(height);
                let y = &mut y[plane.flat_row(first).start..][..rows.len() * plane.stride() * outputs];
                sizes.forward(&padded(sizes.input, &x), &turned, rows, &mut room, y);
            }
            let dense: Vec<f32> = (0..height).flat_map(|row| y[plane.flat_row(row)].to_vec()).collect();
            let want = reference::conv(conv, &reference::wide(&x), &reference::wide(&kernel));
            let off = off(&dense, &want);
            assert!(off < 2e-5, "{height} x {width} x {channels} to {outputs}: off by {off}");
        }
    }

    #[test]
    fn the_gradient_of_the_kernel_is_that_of_the_definition() {
        let mut gradient = Gradient::default();
        for (height, width, channels, outputs) in SIZES {
            let sizes = Winograd { input: Plane { height, width, channels }, outputs };
            let conv = Conv { kernel_rows: 3, input: sizes.input, outputs };
            let x = padded(sizes.input, &rough(sizes.input.dense_len(), 0.1));
            let dy = padded(conv.output(), &rough(conv.output().dense_len(), 0.9));
            let (mut got, mut want) = (vec![1.0; conv.kernel_len()], vec![0.0; conv.kernel_len()]);
            for _ in 0..2 {
                gradient.add(sizes, &x, &dy);
                conv.add_kernel_gradient(&x, &dy, &mut want);
            }
            gradient.finish(sizes, &mut got);
            let want: Vec<f64> = want.iter().map(|v| f64::from(*v) + 1.0).collect();
            let off = off(&got, &want);
            assert!(off < 5e-5, "{height} x {width} x {channels} to {outputs}: off by {off}");
        }
    }
}
