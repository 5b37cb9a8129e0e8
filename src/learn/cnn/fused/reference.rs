//! The convolution by its definition, slowly and in f64: what the fast one is tested against.

use super::super::plane::Plane;
use super::conv::Conv;

pub fn wide(values: &[f32]) -> Vec<f64> {
    values.iter().map(|&v| f64::from(v)).collect()
}

/// Checks up to 60 entries of `gradient` against central differences of `f` around `at`.
pub fn assert_gradient(gradient: &[f32], at: &[f64], f: impl Fn(&[f64]) -> f64) {
    let step = 1e-4;
    assert_eq!(gradient.len(), at.len());
    for i in (0..at.len()).step_by((at.len() / 60).max(1)) {
        let moved = |by: f64| {
            let mut at = at.to_vec();
            at[i] += by;
            f(&at)
        };
        let slope = (moved(step) - moved(-step)) / (2.0 * step);
        let got = f64::from(gradient[i]);
        assert!((got - slope).abs() <= 2e-4 * (slope.abs() + 1.0), "entry {i}: {got}, differences say {slope}");
    }
}

/// Dense x `[y][x][c]`, kernel `[3][3][c][outputs]`, zero border.
pub fn conv(conv: Conv, x: &[f64], kernel: &[f64]) -> Vec<f64> {
    let Plane { height, width, channels } = conv.input;
    let n = conv.outputs;
    let mut out = vec![0.0; height * width * n];
    for (pixel, out) in out.chunks_exact_mut(n).enumerate() {
        for tap in 0..9 {
            let (row, column) = (pixel / width + tap / 3, pixel % width + tap % 3);
            if (1..=height).contains(&row) && (1..=width).contains(&column) {
                let from = ((row - 1) * width + column - 1) * channels;
                for c in 0..channels {
                    for (o, out) in out.iter_mut().enumerate() {
                        *out += x[from + c] * kernel[(tap * channels + c) * n + o];
                    }
                }
            }
        }
    }
    out
}
