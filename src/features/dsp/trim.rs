//! Silence at both ends of a wave, as `librosa.effects.trim` finds it.
//!
//! Deliberately absent: silence inside a wave, and what is done with it.

use std::ops::Range;

use super::shape::rms;

/// Samples from the first to the last frame louder than `top_db` below the loudest (`librosa.effects.trim`, where the
/// defaults are 60 dB, frames of 2048 samples, 512 apart).
///
/// Frames are as in [`rms`]; `frame` and `hop` count as at least 1. A silent wave is kept whole: nothing in it is
/// quieter than its loudest frame. Below -100 dB re full scale, librosa's floor, all frames count as equally loud.
pub fn trim(samples: &[f32], top_db: f32, frame: usize, hop: usize) -> Range<usize> {
    const FLOOR: f64 = 1e-5;
    let hop = hop.max(1);
    let levels: Vec<f64> =
        rms(samples, frame.max(1), hop).into_iter().map(|level| f64::from(level).max(FLOOR)).collect();
    let loudest = levels.iter().copied().fold(FLOOR, f64::max);
    let heard = |level: &f64| 20.0 * (level / loudest).log10() > -f64::from(top_db);
    match (levels.iter().position(heard), levels.iter().rposition(heard)) {
        (Some(first), Some(last)) => first * hop..((last + 1) * hop).min(samples.len()),
        _ => 0..0,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn quiet_ends_go() {
        let mut wave = vec![1e-4; 30_000];
        wave[10_240..20_480].fill(0.5);
        // The first frame whose 2048 samples touch the loud part is centred 1024 before it, or a hop later.
        assert_eq!(trim(&wave, 40.0, 2048, 512), 9_728..21_504);
        assert_eq!(trim(&wave, 100.0, 2048, 512), 0..30_000);
    }

    #[test]
    fn silence_and_scraps_are_kept_whole() {
        assert_eq!(trim(&[0.0; 5000], 60.0, 2048, 512), 0..5000);
        assert_eq!(trim(&[0.5], 60.0, 2048, 512), 0..1);
        assert_eq!(trim(&[], 60.0, 2048, 512), 0..0);
        assert_eq!(trim(&[0.5; 3], 60.0, 0, 0), 0..3);
    }

    #[test]
    fn no_range_at_all_leaves_nothing() {
        assert_eq!(trim(&[0.5; 5000], 0.0, 2048, 512), 0..0);
    }
}
