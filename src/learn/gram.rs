//! Values of the RBF kernel between the clips of a training set: all of them at once, or row by row as they are asked for.
//!
//! All at once where they fit [`ROOM`]: one matrix product, shared by all pairs of classes. Else each machine keeps the
//! rows that it used last, as libsvm does. In f32, as in libsvm. Deliberately absent: other kernels.

use std::collections::HashMap;

use rayon::prelude::*;

use super::LearnError;
use super::cnn::{Work, widest};
use super::distance::Points;
use crate::job::Watch;
use crate::learn::Epoch;

/// Bytes that the kernel values of a fit may take: 11,500 clips at once.
pub(super) const ROOM: usize = 512 << 20;

/// The kernel between clips.
pub(super) struct Gram {
    points: Points,
    gamma: f32,
    /// n x n, or nothing where they do not fit.
    values: Vec<f32>,
}

impl Gram {
    /// The kernel exp(-gamma |x - y|²) between `points`, computed at once where it takes at most `room` bytes.
    ///
    /// # Errors
    /// Cancelled.
    pub fn new(points: Points, gamma: f64, room: usize, watch: &dyn Watch<Epoch>) -> Result<Gram, LearnError> {
        let clips = points.len();
        let mut gram = Gram { points, gamma: gamma as f32, values: Vec::new() };
        if clips.saturating_mul(clips).saturating_mul(size_of::<f32>()) > room {
            return Ok(gram);
        }
        let mut values = vec![0.0; clips * clips];
        let block = gram.points.block(&gram.points);
        values.par_chunks_mut(block * clips).enumerate().try_for_each(|(number, out)| {
            watch.check()?;
            gram.fill(number * block, out);
            Ok::<_, LearnError>(())
        })?;
        gram.values = values;
        Ok(gram)
    }

    /// Kernel values of the clips from `first` on, row by row.
    fn fill(&self, first: usize, out: &mut [f32]) {
        self.points.distances(first, &self.points, out);
        kernel(out, self.gamma);
    }

    /// What one machine reads rows through; `room` bytes are its own where rows are not kept by the whole.
    pub fn rows(&self, room: usize) -> Rows<'_> {
        let length = self.points.len() * size_of::<f32>();
        Rows { gram: self, kept: HashMap::new(), most: (room / length.max(1)).max(2), clock: 0 }
    }
}

/// Rows of the kernel as one machine sees them.
pub(super) struct Rows<'a> {
    gram: &'a Gram,
    /// Row and when it was last asked for.
    kept: HashMap<usize, (u64, Vec<f32>)>,
    most: usize,
    clock: u64,
}

impl Rows<'_> {
    /// Makes row `clip` ready for [`Rows::get`]; the one that was ready before stays so.
    pub fn load(&mut self, clip: usize) {
        if !self.gram.values.is_empty() {
            return;
        }
        self.clock += 1;
        if let Some((last, _)) = self.kept.get_mut(&clip) {
            *last = self.clock;
            return;
        }
        let oldest = self.kept.iter().min_by_key(|(_, (last, _))| *last).map(|(clip, _)| *clip);
        let mut row = match oldest.filter(|_| self.kept.len() >= self.most).and_then(|old| self.kept.remove(&old)) {
            Some((_, row)) => row,
            None => vec![0.0; self.gram.points.len()],
        };
        self.gram.fill(clip, &mut row);
        self.kept.insert(clip, (self.clock, row));
    }

    /// The kernel between `clip` and all clips; empty where it was not loaded.
    pub fn get(&self, clip: usize) -> &[f32] {
        let clips = self.gram.points.len();
        if self.gram.values.is_empty() {
            return self.kept.get(&clip).map_or(&[], |(_, row)| row);
        }
        &self.gram.values[clip * clips..(clip + 1) * clips]
    }
}

/// exp(-gamma · d) of squared distances, in place.
pub(super) fn kernel(distances: &mut [f32], gamma: f32) {
    widest(Kernel { distances, gamma });
}

struct Kernel<'a> {
    distances: &'a mut [f32],
    gamma: f32,
}

impl Work for Kernel<'_> {
    #[inline(always)]
    fn run(self) {
        for value in self.distances {
            *value = decayed(-self.gamma * *value);
        }
    }
}

/// e^x for x ≤ 0 within 2 units in the last place, 0 below -87; without branches, so that loops over it are wide.
///
/// e^x = 2^n e^r with n = x / ln 2, rounded, |r| ≤ ln 2 / 2; the coefficients are those of Cephes' `expf`.
#[inline(always)]
fn decayed(x: f32) -> f32 {
    /// Adding it leaves a whole number in the lowest bits.
    const ROUND: f32 = 12_582_912.0;
    let clipped = x.max(-87.0);
    let rounded = clipped * std::f32::consts::LOG2_E + ROUND;
    let n = rounded - ROUND;
    let r = clipped - n * 0.693_359_4 + n * 2.121_944_4e-4;
    let p = 1.987_569_2e-4 * r + 1.398_2e-3;
    let p = ((((p * r + 8.333_452e-3) * r + 4.166_579_6e-2) * r + 0.166_666_65) * r + 0.5) * r * r + r + 1.0;
    let power = (rounded.to_bits() << 23).wrapping_add(1.0_f32.to_bits());
    if x < -87.0 { 0.0 } else { p * f32::from_bits(power) }
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use super::*;
    use crate::job::Unwatched;
    use ndarray::Array2;

    #[test]
    fn the_wide_exponential_is_the_plain_one() {
        for step in 0..40_000 {
            let x = -step as f32 * 0.0025;
            let (found, wanted) = (decayed(x), f64::from(x).exp());
            assert!((f64::from(found) - wanted).abs() <= 3e-7 * wanted + 1e-37, "{x}: {found} {wanted}");
        }
        assert_eq!((decayed(0.0), decayed(-1e30)), (1.0, 0.0));
    }

    #[test]
    fn rows_that_do_not_fit_come_one_by_one_and_are_the_same() {
        let rows = Array2::from_shape_fn((23, 5), |(row, column)| 1e4 + ((row * 7 + column * 3) % 11) as f64 / 4.0);
        let points = || Points::new(&rows, &super::super::distance::centre(&rows));
        let whole = Gram::new(points(), 0.2, ROOM, &Unwatched).unwrap();
        let parts = Gram::new(points(), 0.2, 0, &Unwatched).unwrap();
        let (all, mut few) = (whole.rows(0), parts.rows(3 * 23 * 4));
        for clip in (0..23).chain([0, 1, 0, 22, 5]) {
            few.load(clip);
            assert!(few.kept.len() <= 3);
            for (other, (a, b)) in all.get(clip).iter().zip(few.get(clip)).enumerate() {
                let wanted = (-0.2 * (&rows.row(clip) - &rows.row(other)).mapv(|gap| gap * gap).sum()).exp();
                assert!((f64::from(*a) - wanted).abs() < 1e-5 && (a - b).abs() < 1e-5, "{clip} {other}: {a} {b}");
            }
        }
    }
}
