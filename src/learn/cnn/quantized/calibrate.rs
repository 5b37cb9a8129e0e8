//! From a fitted net and clips to quantized blocks.
//!
//! Weights: symmetric, one scale per output channel, the largest becomes 127. Images: one scale each, found block by
//! block on the calibration clips as they come through the blocks already quantized; the few largest numbers (beyond
//! [`KEPT`] of those above zero) are cut. Deliberately absent: labels; nothing is learnt here.

use ndarray::{Array4, s};
use rayon::prelude::*;

use super::super::batch::Batch;
use super::super::kernel_int8::LARGEST;
use super::super::layout::tensor;
use super::super::list::{Input, List};
use super::super::plane::Plane;
use super::block::Block;
use super::find::{Place, places};
use super::trunk::Scratch;
use super::{Front, Grid};
use crate::learn::{LearnError, Weights};

/// Share of the numbers above zero that a scale holds.
const KEPT: f64 = 0.9999;
/// Added to the variance in batch normalisation.
const EPSILON: f64 = 1e-5;

impl Front {
    /// Quantizes the front of the net that `weights` hold, on `images` (one clip a batch, as the net reads it).
    ///
    /// # Errors
    /// [`LearnError::WrongInput`] when the net's front has no such blocks; [`LearnError::BadModel`] when a tensor is missing;
    /// [`LearnError::Failed`] when a number is not finite.
    pub fn calibrate(
        (list, input): (&List, Input),
        weights: &Weights,
        images: &(impl Fn(usize) -> Batch<f32> + Sync),
        clips: usize,
    ) -> Result<Front, LearnError> {
        let (taken, places) = places(list, input);
        if places.is_empty() {
            let why = "no block of convolution, batch_norm and relu stands at this net's front: nothing to quantize";
            return Err(LearnError::WrongInput(why.to_owned()));
        }
        if clips == 0 {
            return Err(LearnError::TooFewRows("quantizing needs clips to calibrate on".to_owned()));
        }
        let input = input_grid(images, clips);
        let mut front = Front { taken, input, blocks: Vec::new() };
        let mut grid = input;
        for (number, &place) in places.iter().enumerate() {
            let real = Real::of(place, weights)?;
            // First as if it were the last: its results are real numbers, of which the steps are found.
            front.blocks.push(real.block(grid, 1.0));
            if number + 1 < places.len() {
                let step = front.spread(images, clips).step();
                front.blocks[number] = real.block(grid, step);
                grid = Grid { step, zero: 0 };
            }
        }
        let numbers = front.blocks.iter().flat_map(|block| block.factor.iter().chain(&block.offset));
        if numbers.into_iter().chain([&input.step]).all(|number| number.is_finite()) {
            return Ok(front);
        }
        Err(LearnError::Failed("quantizing gave a number that is not finite".to_owned()))
    }

    /// How the results of the last block are spread.
    fn spread(&self, images: &(impl Fn(usize) -> Batch<f32> + Sync), clips: usize) -> Spread {
        let one = |(mut spread, mut scratch, mut y): (Spread, Scratch, Vec<f32>), clip: usize| {
            let batch = images(clip);
            y.resize(self.output(batch.plane).dense_len(), 0.0);
            self.run(batch.plane, batch.clip(0), &mut y, &mut scratch);
            spread.add(&y);
            (spread, scratch, y)
        };
        let parts = (0..clips).into_par_iter().fold(Default::default, one).map(|(spread, ..)| spread);
        parts.reduce(Spread::default, Spread::with)
    }
}

/// From the smallest to the largest number of the images, zero included.
fn input_grid(images: &(impl Fn(usize) -> Batch<f32> + Sync), clips: usize) -> Grid {
    let one = |(mut above, mut below): (Spread, Spread), clip: usize| {
        let batch = images(clip);
        // Padding is no number of the clip.
        let Plane { width, channels, .. } = batch.plane;
        for row in batch.clip(0).chunks_exact(width * channels) {
            let row = &row[..batch.valid[0] * channels];
            above.add(row);
            below.add(&row.iter().map(|v| -v).collect::<Vec<f32>>());
        }
        (above, below)
    };
    let parts = (0..clips).into_par_iter().fold(Default::default, one);
    let both = |a: (Spread, Spread), b: (Spread, Spread)| (a.0.with(b.0), a.1.with(b.1));
    let (above, below) = parts.reduce(Default::default, both);
    let (high, low) = (above.most(), below.most());
    let step = ((high + low) / f32::from(LARGEST)).max(f32::MIN_POSITIVE);
    let step = if step > f32::MIN_POSITIVE { step } else { 1.0 };
    Grid { step, zero: (low / step).round().clamp(0.0, f32::from(LARGEST)) as u8 }
}

/// How many numbers above zero there are of each size, to 1/128 of itself: whole counts, so that their order is nothing.
struct Spread(Vec<u64>);

impl Default for Spread {
    fn default() -> Spread {
        Spread(vec![0; 1 << 15])
    }
}

impl Spread {
    fn add(&mut self, numbers: &[f32]) {
        for number in numbers.iter().filter(|&&number| number > 0.0) {
            // The exponent and the first seven bits behind it.
            self.0[(number.to_bits() >> 16) as usize] += 1;
        }
    }

    fn with(mut self, other: Spread) -> Spread {
        self.0.iter_mut().zip(other.0).for_each(|(sum, count)| *sum += count);
        self
    }

    /// A number that [`KEPT`] of them do not exceed; 0 without any.
    fn most(&self) -> f32 {
        let kept = (self.0.iter().sum::<u64>() as f64 * KEPT).ceil() as u64;
        let mut seen = 0;
        let place = self.0.iter().position(|count| {
            seen += count;
            seen >= kept
        });
        place.filter(|_| kept > 0).map_or(0.0, |place| f32::from_bits((place as u32 + 1) << 16).min(f32::MAX))
    }

    fn step(&self) -> f32 {
        match self.most() / f32::from(LARGEST) {
            step if step > f32::MIN_POSITIVE => step,
            _ => 1.0,
        }
    }
}

/// A block in real numbers, batch normalisation folded: `z = scale * (kernel * x) + shift`.
struct Real {
    place: Place,
    kernel: Array4<f32>,
    scale: Vec<f64>,
    shift: Vec<f64>,
}

impl Real {
    fn of(place: Place, weights: &Weights) -> Result<Real, LearnError> {
        let Place { number, kind, depth, width, kernel: [rows, columns], .. } = place;
        let wrong = |name: &str| LearnError::BadModel(format!("tensor {name:?} has another shape than its layer"));
        let name = format!("{number}.{kind}.kernel");
        let flat = tensor(weights, &name)?;
        let kernel = if rows == 3 && flat.shape() == [1, 3, 3 * depth, width] {
            // Columns first, then rows: as the fused blocks read it, three rows stacked in a pixel.
            let stacked = flat.to_shape((3, 3, depth, width)).map_err(|_| wrong(&name))?;
            stacked.permuted_axes([1, 0, 2, 3]).to_owned()
        } else {
            let kernel: Array4<f32> = weights.get(&name)?;
            if kernel.dim() != (rows, columns, depth, width) {
                return Err(wrong(&name));
            }
            kernel
        };
        let numbers = |name: String| -> Result<Vec<f64>, LearnError> {
            let tensor = tensor(weights, &name)?;
            if tensor.len() != width {
                return Err(wrong(&name));
            }
            Ok(tensor.iter().map(|&v| f64::from(v)).collect())
        };
        let norm = |tensor: &str| numbers(format!("{}.batch_norm.{tensor}", number + 1));
        let (gamma, beta, mean, variance) = (norm("gamma")?, norm("beta")?, norm("mean")?, norm("variance")?);
        let bias = format!("{number}.{kind}.bias");
        let bias = if weights.tensors.contains_key(&bias) { numbers(bias)? } else { vec![0.0; width] };
        let scale: Vec<f64> = gamma.iter().zip(&variance).map(|(gamma, v)| gamma / (v + EPSILON).sqrt()).collect();
        let shift = (0..width).map(|c| beta[c] + (bias[c] - mean[c]) * scale[c]).collect();
        Ok(Real { place, kernel, scale, shift })
    }

    /// Quantized: it reads bytes of that grid, and one unit of its results is `step`.
    fn block(&self, grid: Grid, step: f32) -> Block {
        let (mut kernel, step) = (Array4::zeros(self.kernel.dim()), f64::from(step));
        let (mut factor, mut offset) = (Vec::new(), Vec::new());
        for channel in 0..self.place.width {
            let weights = self.kernel.slice(s![.., .., .., channel]);
            let largest = weights.iter().fold(0.0_f32, |most, w| most.max(w.abs()));
            // A channel of zeros, or one that batch normalisation sets to zero, is what its offset says.
            let scale = f64::from(largest) / f64::from(i8::MAX) * self.scale[channel].abs();
            let counts = scale > 0.0;
            let sign = if self.scale[channel] < 0.0 { -1.0 } else { 1.0 };
            if counts {
                let unit = f32::from(i8::MAX) / largest * sign;
                let to = kernel.slice_mut(s![.., .., .., channel]);
                ndarray::Zip::from(to).and(weights).for_each(|to: &mut i8, w| *to = (w * unit).round() as i8);
            }
            let whole = scale * f64::from(grid.step) / step;
            factor.push(if counts { (whole as f32).max(f32::MIN_POSITIVE) } else { 1.0 });
            offset.push((self.shift[channel] / step) as f32);
        }
        Block::new(self.place, kernel, (factor, offset), grid.zero)
    }
}
