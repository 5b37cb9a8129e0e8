//! What goes from layer to layer: the images of a batch, dense, channels together; and the way work on a batch is
//! shared among threads without a bit depending on their number.
//!
//! Deliberately absent: what is computed.

use rayon::prelude::*;

use super::kernel::Real;
use super::plane::Plane;

/// Parts of a batch whose gradients are summed apart and then together: the most threads that backward can use.
const GROUPS: usize = 8;

/// Images of one size, `[clip][height][width][channels]`.
#[derive(Debug, Clone)]
pub struct Batch<F> {
    /// Size of each image.
    pub plane: Plane,
    /// Of each clip: columns that belong to it, at most the width. What lies behind is padding.
    pub valid: Vec<usize>,
    /// The numbers.
    pub values: Vec<F>,
}

impl<F: Real> Default for Batch<F> {
    fn default() -> Self {
        Batch { plane: Plane { height: 0, width: 0, channels: 0 }, valid: Vec::new(), values: Vec::new() }
    }
}

impl<F: Real> Batch<F> {
    /// Makes room for images of this size, one per entry of `valid`; the numbers are of no meaning until written.
    pub fn shape(&mut self, plane: Plane, valid: impl Iterator<Item = usize>) {
        self.plane = plane;
        self.valid.clear();
        self.valid.extend(valid);
        self.values.resize(self.valid.len() * plane.dense_len(), F::ZERO);
    }

    /// The same for images of another size, each column of which was `shrink` columns of `from`.
    pub fn shape_after(&mut self, from: &Batch<F>, plane: Plane, shrink: usize) {
        self.shape(plane, from.valid.iter().map(|valid| valid.div_ceil(shrink)));
    }

    /// Number of images.
    pub fn clips(&self) -> usize {
        self.valid.len()
    }

    /// One image.
    pub fn clip(&self, clip: usize) -> &[F] {
        let len = self.plane.dense_len();
        &self.values[clip * len..(clip + 1) * len]
    }

    /// All images, for rayon.
    pub fn each(&self) -> rayon::slice::ChunksExact<'_, F> {
        self.values.par_chunks_exact(self.plane.dense_len())
    }

    /// All images, for rayon.
    pub fn each_mut(&mut self) -> rayon::slice::ChunksExactMut<'_, F> {
        self.values.par_chunks_exact_mut(self.plane.dense_len())
    }
}

/// Buffers of the groups of a batch.
#[derive(Debug, Clone, Default)]
pub struct Groups<F>(Vec<Group<F>>);

/// One group's sum of gradients and a buffer for whatever its clips need one after another.
#[derive(Debug, Clone, Default)]
pub struct Group<F> {
    /// Of the layer's parameters.
    pub gradient: Vec<F>,
    /// Old numbers of any length.
    pub work: Vec<F>,
}

impl<F: Real> Groups<F> {
    /// Calls `one(clip, group, gradient of the clip's input)` for all clips, groups side by side, and adds the groups'
    /// gradients to `gradient` in their order. Without `dx` the third is empty.
    pub fn run(
        &mut self,
        clips: usize,
        gradient: &mut [F],
        dx: Option<&mut Batch<F>>,
        one: impl Fn(usize, &mut Group<F>, &mut [F]) + Sync,
    ) {
        self.0.resize_with(GROUPS, Group::default);
        for group in &mut self.0 {
            group.gradient.clear();
            group.gradient.resize(gradient.len(), F::ZERO);
        }
        let mut parts: Vec<&mut [F]> = match dx {
            Some(dx) => dx.values.chunks_exact_mut(dx.plane.dense_len()).collect(),
            None => std::iter::repeat_with(Default::default).take(clips).collect(),
        };
        let per_group = clips.div_ceil(GROUPS).max(1);
        let groups = self.0.par_iter_mut().zip(parts.par_chunks_mut(per_group)).enumerate();
        groups.for_each(|(number, (group, parts))| {
            for (at, dx) in parts.iter_mut().enumerate() {
                one(number * per_group + at, group, dx);
            }
        });
        for group in &self.0 {
            gradient.iter_mut().zip(&group.gradient).for_each(|(sum, &part)| *sum += part);
        }
    }
}
