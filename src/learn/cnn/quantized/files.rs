//! Quantized blocks in and out of named tensors.
//!
//! Per block `N.conv.int8` (signed bytes, `[row][column][channel read][channel made]`), `N.conv.factor` and
//! `N.conv.offset` (`conv1d` alike); `input.step` and `input.zero` once. Deliberately absent: the layers behind, which are saved as those of
//! any net.

use ndarray::{Array0, Array1, Array4};

use super::super::kernel_int8::LARGEST;
use super::super::list::{Input, List};
use super::block::Block;
use super::find::{Place, places};
use super::{Front, Grid};
use crate::learn::{LearnError, Weights};

const STEP: &str = "input.step";
const ZERO: &str = "input.zero";

impl Front {
    /// Adds all numbers to `weights`.
    pub fn save(&self, weights: &mut Weights) {
        weights.put(STEP, &Array0::from_elem((), self.input.step));
        weights.put(ZERO, &Array0::from_elem((), f32::from(self.input.zero)));
        for block in &self.blocks {
            weights.int8.insert(name(block.place, "int8"), block.kernel.clone().into_dyn());
            weights.put(&name(block.place, "factor"), &Array1::from_vec(block.factor.clone()));
            weights.put(&name(block.place, "offset"), &Array1::from_vec(block.offset.clone()));
        }
    }

    /// What [`Front::save`] put there; `None` where the weights are not quantized.
    ///
    /// # Errors
    /// [`LearnError::BadModel`] when a tensor is missing, has another shape, or holds what cannot be: NaN, a factor or step
    /// that is not above zero.
    pub fn load((list, input): (&List, Input), weights: &Weights) -> Result<Option<Front>, LearnError> {
        if weights.int8.is_empty() {
            return Ok(None);
        }
        let bad = |why: String| Err(LearnError::BadModel(why));
        let (taken, places) = places(list, input);
        if places.is_empty() || places.len() != weights.int8.len() {
            return bad(format!("{} quantized kernels for {} blocks", weights.int8.len(), places.len()));
        }
        let input = grid(weights)?;
        let zeros = std::iter::once(input.zero).chain(std::iter::repeat(0));
        let blocks = places.into_iter().zip(zeros).map(|(place, zero)| block(place, zero, weights));
        Ok(Some(Front { taken, input, blocks: blocks.collect::<Result<_, _>>()? }))
    }
}

fn name(place: Place, tensor: &str) -> String {
    format!("{}.{}.{tensor}", place.number, place.kind)
}

fn grid(weights: &Weights) -> Result<Grid, LearnError> {
    let (step, zero): (Array0<f32>, Array0<f32>) = (weights.get(STEP)?, weights.get(ZERO)?);
    let (step, zero) = (step[()], zero[()]);
    if step > 0.0 && (1.0 / step).is_finite() && zero.fract() == 0.0 && (0.0..=f32::from(LARGEST)).contains(&zero) {
        return Ok(Grid { step, zero: zero as u8 });
    }
    Err(LearnError::BadModel(format!("the input cannot have steps of {step} and its zero at {zero}")))
}

fn block(place: Place, zero: u8, weights: &Weights) -> Result<Block, LearnError> {
    let bad = |why: String| Err(LearnError::BadModel(why));
    let name = |tensor| name(place, tensor);
    let kernel = weights.int8.get(&name("int8")).ok_or_else(|| LearnError::BadModel(format!("no {}", name("int8"))))?;
    let want = (place.kernel[0], place.kernel[1], place.depth, place.width);
    let kernel: Array4<i8> = match kernel.clone().into_dimensionality() {
        Ok(kernel) if kernel.dim() == want => kernel,
        _ => return bad(format!("tensor {:?} has shape {:?}, expected {want:?}", name("int8"), kernel.shape())),
    };
    let numbers = |tensor| -> Result<Vec<f32>, LearnError> {
        let numbers: Array1<f32> = weights.get(&name(tensor))?;
        if numbers.len() == place.width {
            return Ok(numbers.to_vec());
        }
        Err(LearnError::BadModel(format!(
            "tensor {:?} holds {} numbers, not {}",
            name(tensor),
            numbers.len(),
            place.width
        )))
    };
    let (factor, offset) = (numbers("factor")?, numbers("offset")?);
    if factor.iter().any(|&factor| factor <= 0.0) {
        return bad(format!("tensor {:?} holds a number that is not above zero", name("factor")));
    }
    Ok(Block::new(place, kernel, (factor, offset), zero))
}
