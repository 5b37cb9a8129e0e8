//! Three-frame means of a track; zero can stand for "undefined" and is then left out.
//!
//! Deliberately absent: tracks that end at different frames; whoever smooths says how far a track goes.

/// Mean of each value and its two neighbours, the ends repeated outwards.
pub fn smooth(track: &[f32]) -> Vec<f32> {
    let near = |t: usize| [t.saturating_sub(1), t, (t + 1).min(track.len() - 1)].map(|i| f64::from(track[i]));
    (0..track.len()).map(|t| (near(t).iter().sum::<f64>() / 3.0) as f32).collect()
}

/// Like [`smooth`], but 0 means undefined: it stays 0 and does not count as a neighbour.
pub fn smooth_defined(track: &[f32]) -> Vec<f32> {
    let mean = |t: usize| {
        if track[t] == 0.0 {
            return 0.0;
        }
        let near = [t.saturating_sub(1), t, (t + 1).min(track.len() - 1)].map(|i| f64::from(track[i]));
        let count = near.iter().filter(|&&value| value != 0.0).count();
        (near.iter().sum::<f64>() / count as f64) as f32
    };
    (0..track.len()).map(mean).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ends_are_repeated() {
        assert_eq!(smooth(&[3.0, 6.0, 0.0]), [4.0, 3.0, 2.0]);
        assert!(smooth(&[]).is_empty());
    }

    #[test]
    fn undefined_stays_undefined_and_does_not_count() {
        assert_eq!(smooth_defined(&[0.0, 2.0, 4.0, 0.0, 5.0]), [0.0, 3.0, 3.0, 0.0, 5.0]);
    }
}
