//! Loops compiled once for each width of registers, of which the widest that the processor has is taken at run time.
//!
//! Nothing but the width differs: no products and sums are fused, so every width gives the same bits. Deliberately
//! absent: intrinsics; what is called has to be a plain loop that the compiler can lay out itself.

use pulp::{Arch, Simd, WithSimd};

/// A loop and what it works on.
pub(in crate::features) trait Kernel {
    type Output;

    /// Marked `#[inline(always)]`, as all that it calls: only what is inlined is compiled for the wide registers.
    fn run(self) -> Self::Output;
}

/// Runs a kernel in the widest registers there are.
pub(in crate::features) fn wide<K: Kernel>(kernel: K) -> K::Output {
    Arch::new().dispatch(Task(kernel))
}

struct Task<K>(K);

impl<K: Kernel> WithSimd for Task<K> {
    type Output = K::Output;

    #[inline(always)]
    fn with_simd<S: Simd>(self, _: S) -> K::Output {
        self.0.run()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    struct Sum<'a>(&'a [f32], &'a mut [f32]);

    impl Kernel for Sum<'_> {
        type Output = f32;

        #[inline(always)]
        fn run(self) -> f32 {
            self.1.iter_mut().zip(self.0).for_each(|(out, value)| *out += value * 0.3);
            self.1.iter().sum()
        }
    }

    #[test]
    fn width_does_not_change_bits() {
        let from: Vec<f32> = (0..100).map(|i| (i as f32).sin()).collect();
        let (mut narrow, mut widest) = (vec![0.1; 100], vec![0.1; 100]);
        assert_eq!(Sum(&from, &mut narrow).run().to_bits(), wide(Sum(&from, &mut widest)).to_bits());
        assert_eq!(narrow, widest);
    }
}
