//! Sixteen numbers taken together, and the one product of small matrices that the fast convolutions are made of.
//!
//! Sixteen is one AVX-512 register, two of AVX2, four of NEON. Plain Rust, always inlined, so that `kernel::widest` can
//! compile it for the registers of the processor. Deliberately absent: what the matrices mean.

// Loops by number: through iterators the compiler leaves the sums in memory, and all is ten times slower.
#![allow(clippy::needless_range_loop)]

use super::super::kernel::{Write, many_registers};

/// Numbers taken together.
pub const LANES: usize = 16;

/// Numbers taken together.
pub type Lanes = [f32; LANES];

#[inline(always)]
pub fn load(numbers: &[f32], first: usize) -> Lanes {
    let mut lanes = [0.0; LANES];
    lanes.copy_from_slice(&numbers[first..first + LANES]);
    lanes
}

#[inline(always)]
pub fn store(numbers: &mut [f32], first: usize, lanes: Lanes) {
    numbers[first..first + LANES].copy_from_slice(&lanes);
}

#[inline(always)]
pub fn plus(a: Lanes, b: Lanes) -> Lanes {
    let mut made = [0.0; LANES];
    for lane in 0..LANES {
        made[lane] = a[lane] + b[lane];
    }
    made
}

#[inline(always)]
pub fn minus(a: Lanes, b: Lanes) -> Lanes {
    let mut made = [0.0; LANES];
    for lane in 0..LANES {
        made[lane] = a[lane] - b[lane];
    }
    made
}

#[inline(always)]
pub fn times(value: f32, factors: Lanes) -> Lanes {
    let mut made = [0.0; LANES];
    for lane in 0..LANES {
        made[lane] = value * factors[lane];
    }
    made
}

/// `value * factors + sums`, rounded once.
#[inline(always)]
pub fn plus_product(sums: Lanes, value: f32, factors: Lanes) -> Lanes {
    let mut made = [0.0; LANES];
    for lane in 0..LANES {
        made[lane] = value.mul_add(factors[lane], sums[lane]);
    }
    made
}

/// A matrix in a slice: element (r, c) is `data[r * row_step + c * column_step]`.
#[derive(Debug, Clone, Copy)]
pub struct Grid<'a> {
    pub data: &'a [f32],
    pub row_step: usize,
    pub column_step: usize,
}

/// `out = a b` or `out += a b` for `rows` rows of `out`; `b` and `out` are `width` wide, without gaps, and [`LANES`] divides
/// that.
#[inline(always)]
pub fn product(out: &mut [f32], rows: usize, a: Grid<'_>, (b, width): (&[f32], usize), write: Write) {
    let mut column = 0;
    // As many sums at once as registers hold beside what is multiplied, in the squarest shape.
    while column < width {
        let (out, b) = (&mut out[column..], (&b[column..], width));
        if many_registers() && column + 4 * LANES <= width {
            columns::<6, 4>(out, rows, a, b, write);
            column += 4 * LANES;
        } else if many_registers() && column + 2 * LANES <= width {
            columns::<12, 2>(out, rows, a, b, write);
            column += 2 * LANES;
        } else if many_registers() && a.column_step == 1 {
            // Where the rows of `a` lie together instead, the compiler makes a tangle of these twelve.
            columns::<12, 1>(out, rows, a, b, write);
            column += LANES;
        } else {
            columns::<6, 1>(out, rows, a, b, write);
            column += LANES;
        }
    }
}

/// V x LANES columns: R rows at a time, then four, then one.
#[inline(always)]
fn columns<const R: usize, const V: usize>(
    out: &mut [f32],
    rows: usize,
    a: Grid<'_>,
    b: (&[f32], usize),
    write: Write,
) {
    let mut row = 0;
    while row < rows {
        let (out, a) = (&mut out[row * b.1..], Grid { data: &a.data[row * a.row_step..], ..a });
        if row + R <= rows {
            cell::<R, V>(out, a, b, write);
            row += R;
        } else if row + 4 <= rows {
            cell::<4, V>(out, a, b, write);
            row += 4;
        } else {
            cell::<1, V>(out, a, b, write);
            row += 1;
        }
    }
}

/// R rows of V x LANES columns; all sums stay in registers.
#[inline(always)]
fn cell<const R: usize, const V: usize>(out: &mut [f32], a: Grid<'_>, (b, width): (&[f32], usize), write: Write) {
    let mut sums = [[[0.0; LANES]; V]; R];
    if write == Write::Add {
        for r in 0..R {
            for v in 0..V {
                sums[r][v] = load(out, r * width + v * LANES);
            }
        }
    }
    let last = (R - 1) * a.row_step;
    for (k, b) in b.chunks(width).enumerate() {
        let b = &b[..V * LANES];
        let a_column = &a.data[k * a.column_step..];
        let a_column = &a_column[..last + 1];
        let mut factors = [[0.0; LANES]; V];
        for v in 0..V {
            factors[v] = load(b, v * LANES);
        }
        for r in 0..R {
            let value = a_column[r * a.row_step];
            for v in 0..V {
                sums[r][v] = plus_product(sums[r][v], value, factors[v]);
            }
        }
    }
    for r in 0..R {
        for v in 0..V {
            store(out, r * width + v * LANES, sums[r][v]);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Sums of small integers: none is rounded, so every shape must give the same.
    #[test]
    fn products_are_the_definition_for_any_number_of_rows_and_columns() {
        let numbers = |n: usize, step: usize| (0..n).map(|i| (i * step % 7) as f32 - 3.0).collect::<Vec<f32>>();
        for (rows, inner, width) in [(1, 1, 16), (5, 3, 32), (13, 4, 48), (19, 2, 64), (25, 5, 112)] {
            let (a, b) = (numbers(rows * inner, 5), numbers(inner * width, 3));
            for turned in [false, true] {
                let (row_step, column_step) = if turned { (1, rows) } else { (inner, 1) };
                let cell = |row: usize, column: usize| -> f32 {
                    (0..inner).map(|k| a[row * row_step + k * column_step] * b[k * width + column]).sum()
                };
                let want: Vec<f32> = (0..rows * width).map(|at| cell(at / width, at % width)).collect();
                let mut out = vec![f32::NAN; rows * width];
                product(&mut out, rows, Grid { data: &a, row_step, column_step }, (&b, width), Write::Replace);
                assert_eq!(out, want, "{rows} x {inner} x {width}");
                product(&mut out, rows, Grid { data: &a, row_step, column_step }, (&b, width), Write::Add);
                assert!(out.iter().zip(&want).all(|(out, want)| *out == 2.0 * want));
            }
        }
    }
}
