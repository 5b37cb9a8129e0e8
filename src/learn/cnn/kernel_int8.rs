//! Products of whole numbers for the quantized blocks: bytes of 0..=127 by signed bytes, summed in 32 bits.
//!
//! Three ways that give the same bits, as whole numbers are exact: plain, AVX2 and AVX-512 VNNI, of which the fastest that
//! the processor has is taken at run time. Seven bits of activation, not eight, so that AVX2's sum of two products, which
//! has 16 bits, cannot saturate (2 x 127 x 127 < 2^15). All unsafe code of the quantized blocks lives here. Deliberately
//! absent: threads, images, and what the sums mean.
#![allow(unsafe_code)]
// Loops by number: through iterators, or `array::map`, the compiler leaves the sums in memory, and all is five times slower.
#![allow(clippy::needless_range_loop)]

/// Outputs that lie together: one AVX-512 register, two of AVX2.
pub const LANES: usize = 16;
/// Bytes that are multiplied at once.
pub const GROUP: usize = 4;
/// Largest activation.
pub const LARGEST: u8 = 127;
/// Most groups whose sum of products cannot overflow 32 bits.
pub const MOST_GROUPS: usize = i32::MAX as usize / (GROUP * 128 * LARGEST as usize);

/// One number for each of [`LANES`] outputs: four weights as bytes, or a sum.
pub type Lanes = [i32; LANES];

/// Where each pixel finds the bytes that it reads: group g of pixel p is the [`GROUP`] bytes from `p * step + at[g]`.
#[derive(Debug, Clone, Copy)]
pub struct Windows<'a> {
    /// The bytes, each at most [`LARGEST`] (else AVX2 gives other sums).
    pub x: &'a [u8],
    /// Bytes from pixel to pixel.
    pub step: usize,
    /// The groups' places.
    pub at: &'a [usize],
}

/// A way to compute.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Way {
    /// Any processor.
    Plain,
    /// x86-64 with AVX2.
    #[cfg(target_arch = "x86_64")]
    Avx2,
    /// x86-64 with AVX-512 VNNI.
    #[cfg(target_arch = "x86_64")]
    Vnni,
}

impl Way {
    /// All, the fastest last.
    const ALL: &[Way] = &[
        Way::Plain,
        #[cfg(target_arch = "x86_64")]
        Way::Avx2,
        #[cfg(target_arch = "x86_64")]
        Way::Vnni,
    ];

    /// True where the processor can do it.
    pub fn is_here(self) -> bool {
        match self {
            Way::Plain => true,
            #[cfg(target_arch = "x86_64")]
            Way::Avx2 => is_x86_feature_detected!("avx2"),
            #[cfg(target_arch = "x86_64")]
            Way::Vnni => is_x86_feature_detected!("avx512f") && is_x86_feature_detected!("avx512vnni"),
        }
    }

    /// The fastest of this processor.
    pub fn best() -> Way {
        Way::ALL.iter().rev().copied().find(|way| way.is_here()).unwrap_or(Way::Plain)
    }
}

/// Sums of products: `out` holds, for each block of [`LANES`] outputs, all pixels one behind the other; `weights`, for each
/// block, its groups in the order of `windows.at`, four signed bytes a lane, the first lowest.
///
/// # Panics
/// When a window reaches beyond its bytes, the lengths do not fit, or `way` is not of this processor.
pub fn products(way: Way, windows: Windows<'_>, weights: &[Lanes], out: &mut [Lanes]) {
    let blocks = weights.len() / windows.at.len().max(1);
    assert!(blocks > 0 && weights.len() == blocks * windows.at.len(), "weights of a product");
    assert!(windows.at.len() <= MOST_GROUPS, "sums of more than 32 bits");
    let pixels = out.len() / blocks;
    assert_eq!(out.len(), blocks * pixels, "size of a product");
    if pixels == 0 {
        return;
    }
    let furthest = windows.at.iter().max().and_then(|&at| (pixels - 1).checked_mul(windows.step)?.checked_add(at));
    let end = furthest.and_then(|first| first.checked_add(GROUP));
    assert!(end.is_some_and(|end| end <= windows.x.len()), "windows beyond their bytes");
    assert!(way.is_here(), "{way:?} is not of this processor");
    match way {
        Way::Plain => plain(windows, weights, out, pixels),
        // SAFETY: the features were just found on this processor; every group of every pixel below `pixels` was just
        // found to lie inside `x`.
        #[cfg(target_arch = "x86_64")]
        Way::Avx2 => unsafe { x86::avx2(windows, weights, out, pixels) },
        // SAFETY: as above.
        #[cfg(target_arch = "x86_64")]
        Way::Vnni => unsafe { x86::vnni(windows, weights, out, pixels) },
    }
}

fn plain(windows: Windows<'_>, weights: &[Lanes], out: &mut [Lanes], pixels: usize) {
    let blocks = weights.chunks_exact(windows.at.len()).zip(out.chunks_exact_mut(pixels));
    for (weights, out) in blocks {
        for (pixel, sums) in out.iter_mut().enumerate() {
            *sums = [0; LANES];
            for (&at, weights) in windows.at.iter().zip(weights) {
                let x = &windows.x[pixel * windows.step + at..][..GROUP];
                for (sum, weights) in sums.iter_mut().zip(weights) {
                    let products = x.iter().zip(weights.to_le_bytes()).map(|(&x, w)| i32::from(x) * i32::from(w as i8));
                    *sum += products.sum::<i32>();
                }
            }
        }
    }
}

#[cfg(target_arch = "x86_64")]
mod x86 {
    use std::arch::x86_64::{
        __m256i, __m512i, _mm256_add_epi32, _mm256_madd_epi16, _mm256_maddubs_epi16, _mm256_set1_epi16,
        _mm256_set1_epi32, _mm256_setr_epi32, _mm256_setzero_si256, _mm512_dpbusd_epi32, _mm512_set1_epi32,
        _mm512_setr_epi32, _mm512_setzero_si512,
    };
    use std::mem::transmute;

    use super::{Lanes, Windows};

    /// # Safety
    /// AVX-512 F and VNNI; all groups of `pixels` pixels inside `windows.x`.
    #[target_feature(enable = "avx512f,avx512vnni")]
    pub unsafe fn vnni(windows: Windows<'_>, weights: &[Lanes], out: &mut [Lanes], pixels: usize) {
        let groups = windows.at.len();
        let pairs = weights.len() / groups / 2 * 2;
        let (even, last) = weights.split_at(pairs * groups);
        let (out, rest) = out.split_at_mut(pairs * pixels);
        // As many sums as there are registers for, and a few registers for what they are made of.
        // SAFETY: handed on.
        unsafe {
            if pixels >= 12 {
                vnni_tiles::<10, 2>((windows, even), out, pixels);
                vnni_tiles::<12, 1>((windows, last), rest, pixels);
            } else {
                vnni_tiles::<1, 2>((windows, even), out, pixels);
                vnni_tiles::<1, 1>((windows, last), rest, pixels);
            }
        }
    }

    /// # Safety
    /// AVX2; all groups of `pixels` pixels inside `windows.x`.
    #[target_feature(enable = "avx2")]
    pub unsafe fn avx2(windows: Windows<'_>, weights: &[Lanes], out: &mut [Lanes], pixels: usize) {
        // SAFETY: handed on.
        unsafe {
            if pixels >= 4 {
                avx2_tiles::<4>((windows, weights), out, pixels);
            } else {
                avx2_tiles::<1>((windows, weights), out, pixels);
            }
        }
    }

    /// # Safety
    /// As [`vnni`].
    #[target_feature(enable = "avx512f,avx512vnni")]
    unsafe fn vnni_tiles<const P: usize, const N: usize>(
        of: (Windows<'_>, &[Lanes]),
        out: &mut [Lanes],
        pixels: usize,
    ) {
        // SAFETY: handed on.
        tiles::<P, N>(of, out, pixels, |x, at, weights, to| unsafe { vnni_tile::<P, N>(x, at, weights, (to, pixels)) });
    }

    /// # Safety
    /// As [`avx2`].
    #[target_feature(enable = "avx2")]
    unsafe fn avx2_tiles<const P: usize>(of: (Windows<'_>, &[Lanes]), out: &mut [Lanes], pixels: usize) {
        // SAFETY: handed on.
        tiles::<P, 1>(of, out, pixels, |x, at, [weights], to| unsafe { avx2_tile::<P>(x, at, weights, to) });
    }

    /// Calls `tile` for every `P` pixels of every `N` blocks; the last tile overlaps the one before it where `P` does not
    /// divide the pixels (at least `P`). It writes its sums of block n from place `n * pixels`. Inlined, so that `tile` is too.
    #[inline(always)]
    fn tiles<const P: usize, const N: usize>(
        (windows, weights): (Windows<'_>, &[Lanes]),
        out: &mut [Lanes],
        pixels: usize,
        tile: impl Fn((&[u8], usize), &[usize], [&[Lanes]; N], &mut [Lanes]),
    ) {
        let groups = windows.at.len();
        for (weights, out) in weights.chunks_exact(N * groups).zip(out.chunks_exact_mut(N * pixels)) {
            let of_blocks: [&[Lanes]; N] = std::array::from_fn(|n| &weights[n * groups..(n + 1) * groups]);
            for first in (0..pixels).step_by(P) {
                let first = first.min(pixels - P);
                let x = (&windows.x[first * windows.step..], windows.step);
                tile(x, windows.at, of_blocks, &mut out[first..]);
            }
        }
    }

    /// # Safety
    /// All groups of `P` pixels inside `x`.
    #[inline]
    #[target_feature(enable = "avx512f,avx512vnni")]
    unsafe fn vnni_tile<const P: usize, const N: usize>(
        (x, step): (&[u8], usize),
        at: &[usize],
        weights: [&[Lanes]; N],
        (to, pixels): (&mut [Lanes], usize),
    ) {
        let mut sums = [[_mm512_setzero_si512(); P]; N];
        for (group, &at) in at.iter().enumerate() {
            let mut lanes = [_mm512_setzero_si512(); N];
            for n in 0..N {
                lanes[n] = lanes512(&weights[n][group]);
            }
            for pixel in 0..P {
                // SAFETY: inside `x`, says the caller.
                let four = _mm512_set1_epi32(unsafe { group_at(x, pixel * step + at) });
                for n in 0..N {
                    sums[n][pixel] = _mm512_dpbusd_epi32(sums[n][pixel], four, lanes[n]);
                }
            }
        }
        for n in 0..N {
            for pixel in 0..P {
                // SAFETY: sixteen whole numbers, as a register and as an array.
                to[n * pixels + pixel] = unsafe { transmute::<__m512i, Lanes>(sums[n][pixel]) };
            }
        }
    }

    /// # Safety
    /// All groups of `P` pixels inside `x`.
    #[inline]
    #[target_feature(enable = "avx2")]
    unsafe fn avx2_tile<const P: usize>((x, step): (&[u8], usize), at: &[usize], weights: &[Lanes], to: &mut [Lanes]) {
        let mut sums = [[_mm256_setzero_si256(); 2]; P];
        let ones = _mm256_set1_epi16(1);
        for (&at, weights) in at.iter().zip(weights) {
            let lanes = lanes256(weights);
            for pixel in 0..P {
                // SAFETY: inside `x`, says the caller.
                let four = _mm256_set1_epi32(unsafe { group_at(x, pixel * step + at) });
                for half in 0..2 {
                    let pairs = _mm256_madd_epi16(_mm256_maddubs_epi16(four, lanes[half]), ones);
                    sums[pixel][half] = _mm256_add_epi32(sums[pixel][half], pairs);
                }
            }
        }
        for pixel in 0..P {
            // SAFETY: sixteen whole numbers, as two registers and as an array.
            to[pixel] = unsafe { transmute::<[__m256i; 2], Lanes>(sums[pixel]) };
        }
    }

    /// # Safety
    /// Four bytes from `at` inside `x`. With a check for each the products take twice as long.
    #[inline(always)]
    unsafe fn group_at(x: &[u8], at: usize) -> i32 {
        debug_assert!(at + super::GROUP <= x.len());
        // SAFETY: inside `x`, says the caller; any four bytes are a number.
        unsafe { x.as_ptr().add(at).cast::<i32>().read_unaligned() }
    }

    // One load each: the compiler sees that the numbers lie together.
    #[inline]
    #[target_feature(enable = "avx512f")]
    fn lanes512(w: &Lanes) -> __m512i {
        _mm512_setr_epi32(
            w[0], w[1], w[2], w[3], w[4], w[5], w[6], w[7], w[8], w[9], w[10], w[11], w[12], w[13], w[14], w[15],
        )
    }

    #[inline]
    #[target_feature(enable = "avx2")]
    fn lanes256(w: &Lanes) -> [__m256i; 2] {
        [
            _mm256_setr_epi32(w[0], w[1], w[2], w[3], w[4], w[5], w[6], w[7]),
            _mm256_setr_epi32(w[8], w[9], w[10], w[11], w[12], w[13], w[14], w[15]),
        ]
    }
}

#[cfg(test)]
mod tests {
    use rand::Rng;

    use super::super::random::Random;
    use super::*;

    /// The definition, in 64 bits.
    fn definition(windows: Windows<'_>, weights: &[Lanes], out: usize) -> Vec<Lanes> {
        let groups = windows.at.len();
        let pixels = out * groups / weights.len();
        let sum = |block: usize, pixel: usize, lane: usize| {
            let of_group = |group: usize| -> i64 {
                let x = &windows.x[pixel * windows.step + windows.at[group]..];
                let w = weights[block * groups + group][lane].to_le_bytes();
                (0..4).map(|i| i64::from(x[i]) * i64::from(w[i] as i8)).sum()
            };
            i32::try_from((0..groups).map(of_group).sum::<i64>()).unwrap()
        };
        (0..out).map(|i| std::array::from_fn(|lane| sum(i / pixels, i % pixels, lane))).collect()
    }

    #[test]
    fn every_way_is_the_definition_for_random_sizes() {
        let mut random = Random::new(3);
        let sizes = [(1, 1, 1, 1), (2, 3, 1, 7), (11, 1, 9, 3), (12, 2, 5, 5), (13, 3, 4, 64), (40, 5, 12, 16)];
        for (pixels, blocks, groups, step) in sizes {
            let mut at: Vec<usize> = (0..groups).map(|_| random.random_range(0..200)).collect();
            at[0] = 200;
            let x: Vec<u8> = (0..(pixels - 1) * step + 204).map(|_| random.random_range(0..=LARGEST)).collect();
            let weights: Vec<Lanes> =
                (0..blocks * groups).map(|_| std::array::from_fn(|_| random.random::<i32>())).collect();
            let windows = Windows { x: &x, step, at: &at };
            let want = definition(windows, &weights, pixels * blocks);
            for &way in Way::ALL.iter().filter(|way| way.is_here()) {
                let mut out = vec![[7; LANES]; pixels * blocks];
                products(way, windows, &weights, &mut out);
                assert_eq!(out, want, "{way:?}, {pixels} pixels, {blocks} blocks, {groups} groups, step {step}");
            }
        }
    }

    #[test]
    fn the_largest_numbers_do_not_saturate() {
        let (x, at) = ([LARGEST; 80], [0, 4, 8]);
        let windows = Windows { x: &x, step: 4, at: &at };
        for byte in [i8::MIN, i8::MAX] {
            let weights = vec![[i32::from_le_bytes([byte as u8; 4]); LANES]; 3];
            for &way in Way::ALL.iter().filter(|way| way.is_here()) {
                let mut out = vec![[0; LANES]; 16];
                products(way, windows, &weights, &mut out);
                assert!(out.iter().flatten().all(|&sum| sum == 12 * 127 * i32::from(byte)), "{way:?}: {:?}", out[0]);
            }
        }
    }

    #[test]
    fn the_best_way_is_one_of_this_processor() {
        assert!(Way::best().is_here());
        products(Way::best(), Windows { x: &[], step: 1, at: &[0] }, &[[0; LANES]], &mut []);
    }

    #[test]
    #[should_panic(expected = "beyond their bytes")]
    fn a_window_beyond_its_bytes_is_refused() {
        products(Way::Plain, Windows { x: &[0; 8], step: 1, at: &[3] }, &[[0; LANES]], &mut [[0; LANES]; 3]);
    }

    #[test]
    #[should_panic(expected = "beyond their bytes")]
    fn sizes_that_overflow_are_refused() {
        let windows = Windows { x: &[0; 8], step: usize::MAX, at: &[3] };
        products(Way::Plain, windows, &[[0; LANES]], &mut [[0; LANES]; 3]);
    }

    #[test]
    #[should_panic(expected = "weights of a product")]
    fn weights_that_do_not_fit_are_refused() {
        products(Way::Plain, Windows { x: &[0; 8], step: 1, at: &[0, 0] }, &[[0; LANES]], &mut [[0; LANES]]);
    }
}
