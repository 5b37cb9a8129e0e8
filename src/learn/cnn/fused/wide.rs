//! The loops over pixels, gathered so that each can be compiled for wide registers (`kernel::widest`).
//!
//! Deliberately absent: the loops themselves (`block.rs`, `stage.rs`, `narrow.rs`).

use std::ops::Range;

use super::super::kernel::Work;
use super::super::plane::Plane;
use super::block::{
    Mean, Normal, Pooled, Rows, Slope, activate, add_kept_sums, add_mean_sums, mean_pool, pool_and_shift, shift,
    spread_all, spread_mean, spread_pool, sum_up,
};
use super::narrow;
use super::stage::{pick_rows, stack};

/// A loop with its arguments: those of the function of the same name.
pub enum Loop<'a> {
    Stack(Plane, &'a [f32], Plane, &'a mut [f32]),
    NarrowForward(&'a [f32], &'a [f32], &'a mut [f32]),
    NarrowGradient(&'a [f32], &'a [f32], &'a mut [f32]),
    SumUp(Plane, &'a [f32], &'a mut [f64]),
    PickRows(Plane, (Range<usize>, &'a [f32]), &'a [f32], &'a mut [f32]),
    Activate(Rows, &'a [f32], &'a Normal, &'a mut [f32]),
    PoolAndShift(&'a [f32], &'a [f32], &'a [f32], &'a mut [f32]),
    Shift(&'a [f32], &'a [f32], &'a mut [f32]),
    MeanPool(Plane, &'a [f32], &'a Normal, Mean, &'a mut [f32]),
    MeanSums(Plane, &'a [f32], &'a [f32], (&'a Normal, Mean), &'a mut [f64]),
    KeptSums(Rows, &'a [f32], &'a [f32], &'a Normal, &'a mut [f64]),
    SpreadMean(Plane, (&'a [f32], &'a [f32]), (&'a Normal, Mean), &'a Slope, &'a mut [f32]),
    SpreadAll(Plane, (&'a [f32], &'a [f32]), &'a Normal, &'a Slope, &'a mut [f32]),
    SpreadPool(Plane, &'a Pooled<'a>, &'a Normal, &'a Slope, &'a mut [f32]),
}

impl Work for Loop<'_> {
    #[inline(always)]
    fn run(self) {
        match self {
            Loop::Stack(from, image, plane, x) => stack(from, image, plane, x),
            Loop::NarrowForward(x, kernel, y) => narrow::forward(x, kernel, y),
            Loop::NarrowGradient(x, dy, gradient) => narrow::add_gradient(x, dy, gradient),
            Loop::SumUp(plane, y, sums) => sum_up(plane, y, sums),
            Loop::PickRows(plane, rows, gamma, picked) => pick_rows(plane, rows, gamma, picked),
            Loop::Activate(rows, y, normal, out) => activate(rows, y, normal, out),
            Loop::PoolAndShift(top, bottom, by, out) => pool_and_shift(top, bottom, by, out),
            Loop::Shift(y, by, out) => shift(y, by, out),
            Loop::MeanPool(plane, y, normal, mean, pooled) => mean_pool(plane, y, normal, mean, pooled),
            Loop::MeanSums(plane, y, d, with, sums) => add_mean_sums(plane, y, d, with, sums),
            Loop::KeptSums(rows, y, d, normal, sums) => add_kept_sums(rows, y, d, normal, sums),
            Loop::SpreadMean(plane, from, with, slope, dy) => spread_mean(plane, from, with, slope, dy),
            Loop::SpreadAll(plane, from, normal, slope, dy) => spread_all(plane, from, normal, slope, dy),
            Loop::SpreadPool(plane, from, normal, slope, dy) => spread_pool(plane, from, normal, slope, dy),
        }
    }
}
