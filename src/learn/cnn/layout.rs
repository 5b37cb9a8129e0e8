//! Which part of one flat vector of numbers is which named tensor.
//!
//! All parameters of a net lie in one `Vec<f32>`: the optimiser, the sum of gradients and the snapshot of the best
//! epoch are then loops over a slice. Deliberately absent: the numbers.

use std::ops::Range;

use ndarray::{ArrayD, IxDyn};

use crate::learn::{LearnError, Weights};

/// What the names of a head's tensors begin with.
const HEAD: &str = "head.";

/// Names, shapes and places, in order.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Layout {
    slots: Vec<Slot>,
    len: usize,
}

#[derive(Debug, Clone, PartialEq, Eq)]
struct Slot {
    name: String,
    shape: Vec<usize>,
    range: Range<usize>,
}

impl Layout {
    /// Gives the next numbers a name and a shape; returns where they are.
    pub fn add(&mut self, name: impl Into<String>, shape: &[usize]) -> Range<usize> {
        let range = self.len..self.len + shape.iter().product::<usize>();
        self.len = range.end;
        self.slots.push(Slot { name: name.into(), shape: shape.to_vec(), range: range.clone() });
        range
    }

    /// Numbers in all.
    pub fn size(&self) -> usize {
        self.len
    }

    /// Where the tensors lie whose name ends so.
    pub fn places(&self, ending: &str) -> Vec<Range<usize>> {
        let named = self.slots.iter().filter(|slot| slot.name.ends_with(ending));
        named.map(|slot| slot.range.clone()).collect()
    }

    /// Copies the named tensors out of `numbers`.
    pub fn save(&self, numbers: &[f32], weights: &mut Weights) {
        for slot in &self.slots {
            let values = numbers[slot.range.clone()].to_vec();
            // Cannot fail: `add` made the range from the shape.
            if let Ok(tensor) = ArrayD::from_shape_vec(IxDyn(&slot.shape), values) {
                weights.tensors.insert(slot.name.clone(), tensor);
            }
        }
    }

    /// Collects the named tensors into one vector.
    ///
    /// # Errors
    /// [`LearnError::BadModel`] when one is missing, has another shape or holds NaN or infinity.
    pub fn load(&self, weights: &Weights) -> Result<Vec<f32>, LearnError> {
        let mut numbers = vec![0.0; self.len];
        for slot in &self.slots {
            let tensor = tensor(weights, &slot.name)?;
            if tensor.shape() != slot.shape {
                let (name, found, want) = (&slot.name, tensor.shape(), &slot.shape);
                return Err(LearnError::BadModel(format!("tensor {name:?} has shape {found:?}, expected {want:?}")));
            }
            if !tensor.iter().all(|v| v.is_finite()) {
                return Err(LearnError::BadModel(format!("tensor {:?} holds a number that is not finite", slot.name)));
            }
            numbers[slot.range.clone()].iter_mut().zip(tensor).for_each(|(to, &from)| *to = from);
        }
        Ok(numbers)
    }
}

impl Layout {
    /// Overwrites the tensors that `weights` holds under the same name and in the same shape; all but those of the head.
    /// Returns how many numbers were.
    pub fn adopt(&self, numbers: &mut [f32], weights: &Weights, head: bool) -> usize {
        let mut adopted = 0;
        for slot in self.slots.iter().filter(|slot| head || !slot.name.starts_with(HEAD)) {
            let found = weights.tensors.get(&slot.name).filter(|tensor| tensor.shape() == slot.shape);
            for (to, &from) in numbers[slot.range.clone()].iter_mut().zip(found.into_iter().flatten()) {
                *to = from;
                adopted += 1;
            }
        }
        adopted
    }
}

/// The tensor of that name.
///
/// # Errors
/// [`LearnError::BadModel`] when there is none.
pub fn tensor<'a>(weights: &'a Weights, name: &str) -> Result<&'a ArrayD<f32>, LearnError> {
    weights.tensors.get(name).ok_or_else(|| LearnError::BadModel(format!("tensor {name:?} is missing")))
}
