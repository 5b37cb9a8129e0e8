//! The one gate to the matrix multiplication of the `gemm` crate: slices and checked strides in, no raw pointer out;
//! and to code compiled for wider registers.
//!
//! All unsafe code of the engine lives here, but for the products of bytes (`kernel_int8.rs`). Deliberately absent: threads (callers run rayon over images, and a
//! product on one thread gives the same bits whatever the pool) and any knowledge of layers.
#![allow(unsafe_code)]

use std::fmt::Debug;
use std::iter::Sum;
use std::ops::{Add, AddAssign, Div, Mul, MulAssign, Neg, Sub, SubAssign};

use gemm::Parallelism;

/// The numbers a net may be made of: f32, and f64 for checking gradients by finite differences.
pub trait Real:
    Copy
    + Default
    + Debug
    + PartialOrd
    + Send
    + Sync
    + Add<Output = Self>
    + Sub<Output = Self>
    + Mul<Output = Self>
    + Div<Output = Self>
    + Neg<Output = Self>
    + AddAssign
    + SubAssign
    + MulAssign
    + Sum
    + 'static
{
    /// 0.
    const ZERO: Self;
    /// 1.
    const ONE: Self;
    /// Rounded to this type.
    fn of(value: f64) -> Self;
    /// As f64.
    fn wide(self) -> f64;
    /// e to this power.
    fn exp(self) -> Self;
    /// Hyperbolic tangent.
    fn tanh(self) -> Self;
}

impl Real for f32 {
    const ZERO: f32 = 0.0;
    const ONE: f32 = 1.0;

    fn of(value: f64) -> f32 {
        value as f32
    }

    fn wide(self) -> f64 {
        f64::from(self)
    }

    fn exp(self) -> f32 {
        f32::exp(self)
    }

    fn tanh(self) -> f32 {
        f32::tanh(self)
    }
}

impl Real for f64 {
    const ZERO: f64 = 0.0;
    const ONE: f64 = 1.0;

    fn of(value: f64) -> f64 {
        value
    }

    fn wide(self) -> f64 {
        self
    }

    fn exp(self) -> f64 {
        f64::exp(self)
    }

    fn tanh(self) -> f64 {
        f64::tanh(self)
    }
}

/// A read-only view of numbers in a slice as rows x columns; rows may overlap (that is how a convolution reads
/// three neighbouring pixels as one row).
#[derive(Debug, Clone, Copy)]
pub struct Matrix<'a, F = f32> {
    data: &'a [F],
    rows: usize,
    columns: usize,
    row_step: usize,
    column_step: usize,
}

impl<'a, F> Matrix<'a, F> {
    /// Element (r, c) is `data[r * row_step + c]`.
    ///
    /// # Panics
    /// When the last element lies outside `data`.
    pub fn new(data: &'a [F], rows: usize, columns: usize, row_step: usize) -> Self {
        assert!(fits(data.len(), rows, columns, row_step), "matrix {rows}x{columns} outside its slice");
        Matrix { data, rows, columns, row_step, column_step: 1 }
    }

    /// The same numbers with rows and columns exchanged.
    #[must_use]
    pub fn transposed(self) -> Self {
        Matrix {
            rows: self.columns,
            columns: self.rows,
            row_step: self.column_step,
            column_step: self.row_step,
            ..self
        }
    }
}

/// What happens to the numbers already in the destination.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Write {
    /// They are overwritten, never read.
    Replace,
    /// The product is added to them.
    Add,
}

/// `out = a b` or `out += a b`; `out` is `a.rows` x `b.columns` without gaps.
///
/// # Panics
/// When the inner sizes differ or `out` has another length.
pub fn multiply<F: Real>(out: &mut [F], a: Matrix<'_, F>, b: Matrix<'_, F>, write: Write) {
    assert_eq!(a.columns, b.rows, "inner sizes of a product");
    assert_eq!(a.rows.checked_mul(b.columns), Some(out.len()), "size of a product");
    let step = |step: usize| isize::try_from(step).unwrap_or(isize::MAX);
    // SAFETY: gemm reads element (r, c) of each operand at `r * row_step + c * column_step` with r, c below the
    // given sizes; `Matrix::new` (the only way to make one, and `transposed` keeps the set of elements) has checked
    // the last of them against the slice, and all steps are non-negative. It writes exactly the elements (r, c),
    // r < a.rows, c < b.columns, at `r * b.columns + c`: within `out` by the assertion above, and distinct. `out` is
    // borrowed mutably, so no operand overlaps it. A slice holds at most isize::MAX bytes, so no step that is ever
    // multiplied by more than zero overflows an isize. f32 and f64, the only `Real`s, are types that `gemm` supports (it
    // tells them apart by their `TypeId` and panics at any other); any bits are a valid number.
    unsafe {
        gemm::gemm(
            a.rows,
            b.columns,
            a.columns,
            out.as_mut_ptr(),
            1,
            step(b.columns),
            write == Write::Add,
            a.data.as_ptr(),
            step(a.column_step),
            step(a.row_step),
            b.data.as_ptr(),
            step(b.column_step),
            step(b.row_step),
            F::ONE,
            F::ONE,
            false,
            false,
            false,
            Parallelism::None,
        );
    }
}

/// Work for [`widest`]. Not a closure: `run` must be `#[inline(always)]`, or it is compiled once only, for the narrowest
/// registers, and a closure cannot be told so.
pub trait Work {
    /// Does it.
    fn run(self);
}

/// Does `work`, compiled once more for AVX2 and for AVX-512 where the processor has them: loops over slices in it then
/// take eight or sixteen numbers at a time instead of four. The bits are the same, as no version reorders, or fuses but
/// where `mul_add` asks for it.
pub fn widest(work: impl Work) {
    #[cfg(target_arch = "x86_64")]
    {
        #[target_feature(enable = "avx512f,avx512vl,avx512dq,avx512bw")]
        fn widest(work: impl Work) {
            work.run();
        }
        #[target_feature(enable = "avx2,fma")]
        fn wide(work: impl Work) {
            work.run();
        }
        if many_registers() {
            // SAFETY: `widest` is a safe function whose only demands were just found on this processor.
            return unsafe { widest(work) };
        }
        if is_x86_feature_detected!("avx2") && is_x86_feature_detected!("fma") {
            // SAFETY: `wide` is a safe function whose only demands were just found on this processor.
            return unsafe { wide(work) };
        }
    }
    work.run();
}

/// True where [`widest`] has AVX-512, and with it 32 registers of 16 numbers; elsewhere registers hold a quarter of that or
/// less.
pub fn many_registers() -> bool {
    #[cfg(target_arch = "x86_64")]
    return is_x86_feature_detected!("avx512f")
        && is_x86_feature_detected!("avx512vl")
        && is_x86_feature_detected!("avx512dq")
        && is_x86_feature_detected!("avx512bw");
    #[cfg(not(target_arch = "x86_64"))]
    false
}

/// True where `f32::mul_add` is one instruction inside [`widest`]; elsewhere it may be a slow call.
pub fn fuses() -> bool {
    #[cfg(target_arch = "x86_64")]
    return is_x86_feature_detected!("avx2") && is_x86_feature_detected!("fma");
    #[cfg(not(target_arch = "x86_64"))]
    cfg!(target_arch = "aarch64")
}

fn fits(len: usize, rows: usize, columns: usize, row_step: usize) -> bool {
    if rows == 0 || columns == 0 {
        return true;
    }
    let last = (rows - 1).checked_mul(row_step).and_then(|first| first.checked_add(columns));
    last.is_some_and(|end| end <= len)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn numbers(n: usize) -> Vec<f32> {
        (0..n).map(|i| ((i * 37 + 11) % 101) as f32 / 50.0 - 1.0).collect()
    }

    fn naive(a: Matrix<'_>, b: Matrix<'_>) -> Vec<f64> {
        let at = |m: Matrix<'_>, r: usize, c: usize| f64::from(m.data[r * m.row_step + c * m.column_step]);
        let cell = |r, c| (0..a.columns).map(|k| at(a, r, k) * at(b, k, c)).sum();
        (0..a.rows).flat_map(|r| (0..b.columns).map(move |c| (r, c))).map(|(r, c)| cell(r, c)).collect()
    }

    #[test]
    fn agrees_with_the_definition_for_all_small_and_odd_sizes() {
        let (x, w) = (numbers(4000), numbers(3000));
        for (m, k, n) in
            [(1, 1, 1), (2, 1, 3), (5, 2, 9), (1, 40, 1), (7, 33, 1), (1, 9, 17), (17, 27, 16), (70, 48, 33)]
        {
            let (a, b) = (Matrix::new(&x, m, k, k), Matrix::new(&w, k, n, n));
            let mut out = vec![f32::NAN; m * n];
            multiply(&mut out, a, b, Write::Replace);
            for (got, want) in out.iter().zip(naive(a, b)) {
                assert!((f64::from(*got) - want).abs() < 1e-4, "{m}x{k}x{n}: {got} for {want}");
            }
        }
    }

    #[test]
    fn f64_is_exact_where_its_sums_are() {
        // Quarters of small integers: no sum is rounded.
        let x: Vec<f64> = (0..700).map(|i| f64::from((i * 37 + 11) % 101) / 4.0).collect();
        let (a, b) = (Matrix::new(&x, 20, 9, 3).transposed(), Matrix::new(&x, 20, 7, 7));
        let mut out = vec![f64::NAN; 63];
        multiply(&mut out, a, b, Write::Replace);
        let cell = |r: usize, c: usize| (0..20).map(|k| x[3 * k + r] * x[7 * k + c]).sum::<f64>();
        for (at, got) in out.iter().enumerate() {
            assert_eq!(*got, cell(at / 7, at % 7));
        }
    }

    #[test]
    fn overlapping_rows_transposes_and_adding_work() {
        let (x, w) = (numbers(200), numbers(200));
        // Rows of 9 numbers, each 3 further: neighbouring pixels of 3 channels.
        let a = Matrix::new(&x, 20, 9, 3).transposed();
        let b = Matrix::new(&w, 20, 5, 5);
        let mut out = vec![1.0; 45];
        multiply(&mut out, a, b, Write::Add);
        for (got, want) in out.iter().zip(naive(a, b)) {
            assert!((f64::from(*got) - want - 1.0).abs() < 1e-5);
        }
    }

    #[test]
    fn wider_registers_change_no_bit() {
        let (x, w) = (numbers(1000), numbers(999));
        struct Sum<'a>(&'a [f32], &'a [f32], &'a mut [f32]);
        impl Work for Sum<'_> {
            #[inline(always)]
            fn run(self) {
                self.2.iter_mut().zip(self.0).zip(self.1).for_each(|((sum, a), b)| *sum = a * b + 0.1);
            }
        }
        let (mut plain, mut wide) = ([0.0; 999], [1.0; 999]);
        Sum(&x, &w, &mut plain).run();
        widest(Sum(&x, &w, &mut wide));
        assert_eq!(plain, wide);
    }

    #[test]
    fn empty_products_are_zero_or_leave_the_sum() {
        let mut out = vec![2.0; 4];
        multiply(&mut out, Matrix::new(&[], 2, 0, 0), Matrix::new(&[], 0, 2, 2), Write::Add);
        assert_eq!(out, [2.0; 4]);
        multiply(&mut out, Matrix::new(&[], 2, 0, 0), Matrix::new(&[], 0, 2, 2), Write::Replace);
        assert_eq!(out, [0.0; 4]);
        multiply(&mut [], Matrix::new(&[], 0, 3, 3), Matrix::new(&numbers(6), 3, 2, 2), Write::Replace);
    }

    #[test]
    #[should_panic(expected = "outside its slice")]
    fn a_matrix_beyond_its_slice_is_refused() {
        let _ = Matrix::new(&[0.0; 11], 3, 4, 4);
    }

    #[test]
    #[should_panic(expected = "outside its slice")]
    fn sizes_that_overflow_are_refused() {
        let _ = Matrix::new(&[0.0; 11], usize::MAX, 4, usize::MAX);
    }

    #[test]
    #[should_panic(expected = "size of a product")]
    fn a_destination_of_another_size_is_refused() {
        multiply(&mut [0.0; 5], Matrix::new(&[0.0; 4], 2, 2, 2), Matrix::new(&[0.0; 4], 2, 2, 2), Write::Replace);
    }

    #[test]
    #[should_panic(expected = "inner sizes")]
    fn operands_that_do_not_match_are_refused() {
        multiply(&mut [0.0; 4], Matrix::new(&[0.0; 6], 2, 3, 3), Matrix::new(&[0.0; 4], 2, 2, 2), Write::Replace);
    }
}
