//! The generator of a fit: all of its randomness, and how far it has been drawn, so that an interrupted fit can go on.

use rand::{RngCore, SeedableRng};
use rand_pcg::Pcg64;

/// A seeded generator that counts what was drawn.
#[derive(Debug, Clone)]
pub struct Random {
    inner: Pcg64,
    drawn: u64,
}

impl Random {
    /// At its start.
    pub fn new(seed: u64) -> Random {
        Random { inner: Pcg64::seed_from_u64(seed), drawn: 0 }
    }

    /// As one of that seed from which so much was drawn.
    pub fn at(seed: u64, drawn: u64) -> Random {
        let mut random = Random::new(seed);
        random.inner.advance(u128::from(drawn));
        Random { drawn, ..random }
    }

    /// How much was drawn.
    pub fn drawn(&self) -> u64 {
        self.drawn
    }
}

impl RngCore for Random {
    fn next_u32(&mut self) -> u32 {
        self.drawn += 1;
        self.inner.next_u32()
    }

    fn next_u64(&mut self) -> u64 {
        self.drawn += 1;
        self.inner.next_u64()
    }

    fn fill_bytes(&mut self, bytes: &mut [u8]) {
        for part in bytes.chunks_mut(8) {
            let drawn = self.next_u64().to_le_bytes();
            part.copy_from_slice(&drawn[..part.len()]);
        }
    }
}

#[cfg(test)]
mod tests {
    use rand::Rng;

    use super::*;

    #[test]
    fn a_generator_goes_on_where_another_stood() {
        let mut first = Random::new(9);
        for n in 1..50_usize {
            let _: (f32, usize, f64) = (first.random(), first.random_range(0..n), first.random());
        }
        let mut second = Random::at(9, first.drawn());
        assert_eq!(second.drawn(), first.drawn());
        let (mut a, mut b) = ([0; 13], [0; 13]);
        first.fill_bytes(&mut a);
        second.fill_bytes(&mut b);
        assert_eq!(a, b);
        assert_eq!(first.random::<u64>(), second.random::<u64>());
    }

    #[test]
    fn counting_changes_no_number() {
        let (mut plain, mut counting) = (Pcg64::seed_from_u64(3), Random::new(3));
        for n in 1..100_u32 {
            assert_eq!(plain.random::<f32>(), counting.random::<f32>());
            assert_eq!(plain.random_range(0..n), counting.random_range(0..n));
        }
    }
}
