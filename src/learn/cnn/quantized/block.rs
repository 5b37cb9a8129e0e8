//! A block at work on one image: products of bytes, a few rows at a time, then the largest of each window, factor,
//! offset, ReLU, and the bytes of the next image or real numbers.
//!
//! Images lie with their border (`border.rs`), so that what a kernel row covers lies together; bytes read beyond it, to
//! make whole groups, meet weights of zero. Deliberately absent: threads.

use ndarray::Array4;

use super::super::kernel::{Work, widest};
use super::super::kernel_int8::{GROUP, LANES, LARGEST, Lanes, Way, Windows, products};
use super::super::plane::Plane;
use super::border::Bordered;
use super::find::Place;

/// Pixels to compute at a time, at least: fewer leave the products idle between tiles.
const PIXELS: usize = 64;
/// Adding it to a number from 0 to 2^22 leaves the nearest whole number (ties to even) in the lowest bits.
const WHOLE: f32 = 8_388_608.0;

/// One block with its numbers.
#[derive(Debug, Clone, PartialEq)]
pub struct Block {
    /// Where it stands.
    pub place: Place,
    /// Weights `[row][column][channel read][channel made]`.
    pub kernel: Array4<i8>,
    /// Per channel made: what a sum of products counts. Above zero, so that the largest sum of a window is the largest
    /// result: where batch normalisation turns a channel round, its weights were turned instead.
    pub factor: Vec<f32>,
    /// Per channel made: what is added.
    pub offset: Vec<f32>,
    /// The kernel as the products read it.
    packed: Vec<Lanes>,
    /// Factor and offset for each [`LANES`] channels, the offset corrected by the byte that stands for zero.
    ends: Vec<End>,
}

/// What turns the sums of [`LANES`] channels into results.
#[derive(Debug, Clone, Copy, PartialEq)]
struct End {
    factor: [f32; LANES],
    offset: [f32; LANES],
}

/// Where results go.
pub enum Target<'a> {
    /// The next image, of one row if it is folded; results are whole steps of its grid, at most [`LARGEST`]. Its border is
    /// not touched.
    Bytes(Bordered, &'a mut [u8]),
    /// A dense image.
    Numbers(&'a mut [f32]),
}

/// Buffers; they grow to the longest image met.
#[derive(Debug, Default)]
pub struct Room {
    sums: Vec<Lanes>,
    at: Vec<usize>,
}

impl Block {
    /// With `zero` for the byte that stands for zero in the image read. `factor` and `offset` hold a number per channel.
    pub fn new(place: Place, kernel: Array4<i8>, (factor, offset): (Vec<f32>, Vec<f32>), zero: u8) -> Block {
        let blocks = place.width.div_ceil(LANES);
        let packed = (0..blocks).flat_map(|block| packed(&kernel, block * LANES)).collect();
        let end = |block: usize| {
            let of = |lane: usize| {
                let channel = block * LANES + lane;
                if channel >= place.width {
                    return (0.0, 0.0);
                }
                let weights = kernel.slice(ndarray::s![.., .., .., channel]);
                let sum: i64 = weights.iter().map(|&w| i64::from(w)).sum();
                let shift = (sum * i64::from(zero)) as f64 * f64::from(factor[channel]);
                (factor[channel], (f64::from(offset[channel]) - shift) as f32)
            };
            End { factor: std::array::from_fn(|lane| of(lane).0), offset: std::array::from_fn(|lane| of(lane).1) }
        };
        let ends = (0..blocks).map(end).collect();
        Block { place, kernel, factor, offset, packed, ends }
    }

    /// Size of what it reads of an image that the block before made.
    pub fn input(&self, made: Plane) -> Plane {
        if self.place.fold { Plane { height: 1, channels: made.height * made.channels, ..made } } else { made }
    }

    /// Size of what it makes of what it reads; rows and columns that its pool does not divide are cut.
    pub fn output(&self, input: Plane) -> Plane {
        let [down, along] = self.place.pool;
        Plane { height: input.height / down, width: input.width / along, channels: self.place.width }
    }

    /// Reads `x`, fills `target`.
    pub fn run(&self, way: Way, (image, x): (Bordered, &[u8]), mut target: Target<'_>, room: &mut Room) {
        let ([down, _], made) = (self.place.pool, self.output(image.plane));
        let (stride, c) = (image.stride(), image.plane.channels);
        let [kernel_rows, columns] = self.place.kernel;
        let row_groups = (columns * c).div_ceil(GROUP);
        room.at.clear();
        room.at.extend(
            (0..kernel_rows).flat_map(|row| (0..row_groups).map(move |group| row * stride * c + group * GROUP)),
        );
        let rows = down * PIXELS.div_ceil(down * stride);
        for first in (0..made.height * down).step_by(rows) {
            let rows = rows.min(made.height * down - first);
            let pixels = image.pixels(rows);
            room.sums.resize(pixels * self.ends.len(), [0; LANES]);
            let windows = Windows { x: &x[first * stride * c..], step: c, at: &room.at };
            products(way, windows, &self.packed, &mut room.sums);
            for (block, sums) in room.sums.chunks_exact(pixels).enumerate() {
                for row in 0..rows / down {
                    let sums = &sums[row * down * stride..];
                    let finish = Finish { sums, stride, pool: self.place.pool, end: &self.ends[block] };
                    widest(Step::new(finish, (made, first / down + row, block * LANES), &mut target));
                }
            }
        }
    }
}

/// Sums of a row of windows, one block of channels.
#[derive(Clone, Copy)]
struct Finish<'a> {
    sums: &'a [Lanes],
    stride: usize,
    pool: [usize; 2],
    end: &'a End,
}

enum Row<'a> {
    Bytes(&'a mut [u8]),
    Numbers(&'a mut [f32]),
}

/// A row of windows into `to`: of each `step` numbers these `count` from `first`.
struct Step<'a> {
    finish: Finish<'a>,
    to: Row<'a>,
    step: usize,
    first: usize,
    count: usize,
}

impl<'a> Step<'a> {
    /// For row `y` of an image of size `made`, from `channel`.
    fn new(finish: Finish<'a>, (made, y, channel): (Plane, usize, usize), target: &'a mut Target<'_>) -> Step<'a> {
        let count = LANES.min(made.channels - channel);
        match target {
            Target::Bytes(next, x) => {
                // Folded, all rows lie in one.
                let folded = next.plane.height < made.height;
                let (row, before) = if folded { (0, y * made.channels) } else { (y, 0) };
                let to = Row::Bytes(&mut x[next.row(row)]);
                Step { finish, to, step: next.plane.channels, first: before + channel, count }
            }
            Target::Numbers(x) => {
                let to = Row::Numbers(&mut x[made.dense_row(y)]);
                Step { finish, to, step: made.channels, first: channel, count }
            }
        }
    }
}

impl Work for Step<'_> {
    #[inline(always)]
    fn run(self) {
        // Sizes known to the compiler for the usual pools.
        match self.finish.pool {
            [2, 2] => self.with([2, 2]),
            [1, 1] => self.with([1, 1]),
            other => self.with(other),
        }
    }
}

impl Step<'_> {
    #[inline(always)]
    fn with(self, pool: [usize; 2]) {
        let Step { step, first, count, .. } = self;
        let finish = Finish { pool, ..self.finish };
        match self.to {
            Row::Bytes(to) => {
                for (window, pixel) in to.chunks_exact_mut(step).enumerate() {
                    put(&finish.results(window, byte), &mut pixel[first..first + count]);
                }
            }
            Row::Numbers(to) => {
                for (window, pixel) in to.chunks_exact_mut(step).enumerate() {
                    put(&finish.results(window, positive), &mut pixel[first..first + count]);
                }
            }
        }
    }
}

impl Finish<'_> {
    // Loops, not `array::map`: what that calls is not always compiled for the wide registers.
    #[inline(always)]
    fn results<T: Copy + Default>(&self, window: usize, of: impl Fn(f32) -> T) -> [T; LANES] {
        let mut largest = [i32::MIN; LANES];
        for row in 0..self.pool[0] {
            for sums in &self.sums[row * self.stride + window * self.pool[1]..][..self.pool[1]] {
                for lane in 0..LANES {
                    largest[lane] = largest[lane].max(sums[lane]);
                }
            }
        }
        let mut results = [T::default(); LANES];
        for lane in 0..LANES {
            results[lane] = of(self.end.factor[lane] * largest[lane] as f32 + self.end.offset[lane]);
        }
        results
    }
}

#[inline(always)]
fn put<T: Copy>(lanes: &[T; LANES], to: &mut [T]) {
    match <&mut [T; LANES]>::try_from(&mut *to) {
        Ok(to) => *to = *lanes,
        Err(_) => to.copy_from_slice(&lanes[..to.len()]),
    }
}

// Not f32::max and clamp, which cost more for their promise about NaN; there is none here.
#[inline(always)]
fn positive(value: f32) -> f32 {
    if value > 0.0 { value } else { 0.0 }
}

/// The nearest byte of 0..=[`LARGEST`].
#[inline(always)]
pub fn byte(value: f32) -> u8 {
    let (most, value) = (f32::from(LARGEST), positive(value));
    (if value < most { value } else { most } + WHOLE).to_bits() as u8
}

/// The weights of [`LANES`] channels from `first`, group by group; zero where there is no such weight.
fn packed(kernel: &Array4<i8>, first: usize) -> Vec<Lanes> {
    let (rows, columns, depth, width) = kernel.dim();
    let weight = |row: usize, place: usize, channel: usize| {
        let inside = place < columns * depth && channel < width;
        if inside { kernel[(row, place / depth, place % depth, channel)] as u8 } else { 0 }
    };
    let groups = (columns * depth).div_ceil(GROUP);
    let lanes = |row: usize, group: usize| -> Lanes {
        std::array::from_fn(|lane| {
            i32::from_le_bytes(std::array::from_fn(|byte| weight(row, group * GROUP + byte, first + lane)))
        })
    };
    (0..rows).flat_map(|row| (0..groups).map(move |group| (row, group))).map(|(row, group)| lanes(row, group)).collect()
}
