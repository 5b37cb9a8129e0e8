//! The same layers by their definitions, slowly and in f64: what the fast ones are tested against.

use super::block::Mean;
use super::conv::Conv;
use super::plane::Plane;

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

/// Batch normalisation and ReLU of dense images, in place.
pub fn normalise(images: &mut [Vec<f64>], gamma: &[f64], beta: &[f64]) {
    let n = gamma.len();
    for c in 0..n {
        let values: Vec<f64> = images.iter().flat_map(|image| image.iter().skip(c).step_by(n)).copied().collect();
        let mean = values.iter().sum::<f64>() / values.len() as f64;
        let variance = values.iter().map(|v| (v - mean).powi(2)).sum::<f64>() / values.len() as f64;
        for value in images.iter_mut().flat_map(|image| image.iter_mut().skip(c).step_by(n)) {
            *value = ((*value - mean) / (variance + 1e-5).sqrt() * gamma[c] + beta[c]).max(0.0);
        }
    }
}

/// 2x2 max-pool of a dense image.
pub fn max_pool(plane: Plane, x: &[f64]) -> Vec<f64> {
    let (small, n) = (plane.halved(), plane.channels);
    let mut out = vec![f64::NEG_INFINITY; small.dense_len()];
    for (i, &value) in x.iter().enumerate() {
        let (pixel, c) = (i / n, i % n);
        let to = ((pixel / plane.width / 2) * small.width + pixel % plane.width / 2) * n + c;
        out[to] = out[to].max(value);
    }
    out
}

/// Mean of each channel over the first columns of each bundle of rows of a dense image.
pub fn mean_pool(plane: Plane, x: &[f64], mean: Mean) -> Vec<f64> {
    let (n, rows) = (plane.channels, plane.height / mean.parts);
    let inside = |pixel: usize, part: usize| pixel % plane.width < mean.valid && pixel / plane.width / rows == part;
    let sum = |out: usize| -> f64 {
        x.iter().enumerate().filter(|(i, _)| i % n == out % n && inside(i / n, out / n)).map(|(_, v)| v).sum()
    };
    (0..mean.parts * n).map(|out| sum(out) / (rows * mean.valid) as f64).collect()
}
