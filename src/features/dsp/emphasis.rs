//! Raising and lowering the high end of a wave with a first-order filter.
//!
//! Deliberately absent: filters of higher order, and filtering across the border of two blocks.

/// `y[t] = x[t] - coef * x[t - 1]` (`librosa.effects.preemphasis`, default 0.97).
///
/// The first sample follows librosa's initial state, `y[0] = x[0] + (2 x[0] - x[1])`; a wave of one sample, which
/// librosa refuses, takes `x[1]` for `x[0]`.
pub fn preemphasis(samples: &[f32], coef: f32) -> Vec<f32> {
    let Some(&first) = samples.first() else { return Vec::new() };
    let second = samples.get(1).copied().unwrap_or(first);
    let mut out = Vec::with_capacity(samples.len());
    out.push(first + (2.0 * first - second));
    out.extend(samples.windows(2).map(|pair| pair[1] - coef * pair[0]));
    out
}

/// The inverse of [`preemphasis`] (`librosa.effects.deemphasis`); `coef` below 1, else it grows without bound.
pub fn deemphasis(samples: &[f32], coef: f32) -> Vec<f32> {
    let coef = f64::from(coef);
    let first = samples.first().map_or(0.0, |&x| f64::from(x));
    let second = samples.get(1).map_or(first, |&x| f64::from(x));
    // With x[1] = y[1] + coef x[0] in y[0] = 3 x[0] - x[1]: x[0] = (y[0] + y[1]) / (3 - coef).
    let mut before = (first + second) / (3.0 - coef);
    let undo = |(t, &sample): (usize, &f32)| {
        if t > 0 {
            before = f64::from(sample) + coef * before;
        }
        before as f32
    };
    samples.iter().enumerate().map(undo).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_constant_keeps_what_the_filter_lets_through() {
        let out = preemphasis(&[0.5; 4], 0.97);
        assert!((out[0] - 1.0).abs() < 1e-6);
        assert!(out[1..].iter().all(|y| (y - 0.015).abs() < 1e-6), "{out:?}");
        assert_eq!(preemphasis(&[], 0.97), Vec::<f32>::new());
        assert_eq!(preemphasis(&[0.25], 0.97), [0.5]);
    }

    #[test]
    fn deemphasis_undoes_it() {
        let wave: Vec<f32> = (0..2000).map(|i| (i as f32 * 0.1).sin() * 0.5 + 0.1).collect();
        let back = deemphasis(&preemphasis(&wave, 0.97), 0.97);
        let worst = wave.iter().zip(&back).map(|(a, b)| (a - b).abs()).fold(0.0, f32::max);
        assert!(worst < 1e-5, "{worst}");
    }
}
