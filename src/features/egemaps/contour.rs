//! Peaks and valleys of a track, and how steeply it rises to the one and falls to the other.
//!
//! The paper says "rising and falling slopes"; what counts as a peak was inferred from openSMILE's answers to made and
//! real clips. Deliberately absent: smoothing.

/// An extremum differs from the last of the other kind by at least this share of the track's range.
const DEPTH: f64 = 0.1;
/// A higher peak without a valley between takes the place of the last one when it exceeds it by this factor.
const HIGHER: f64 = 1.05;

/// What the peaks and valleys of a track amount to.
#[derive(Debug, Clone, Copy, PartialEq, Default)]
pub struct Contour {
    /// Number of peaks.
    pub peaks: usize,
    /// Mean and standard deviation of the rises to a peak, per second.
    pub rising: [f64; 2],
    /// The same of the falls to a valley, positive.
    pub falling: [f64; 2],
}

#[derive(Debug, Clone, Copy, PartialEq)]
enum Turn {
    Start,
    Peak,
    Valley,
}

impl Contour {
    /// Of a track with `hop` seconds from value to value.
    pub fn of(track: &[f32], hop: f64) -> Contour {
        let Some(last) = track.len().checked_sub(1) else { return Contour::default() };
        let turns = turns(track);
        let slope = |from: usize, to: usize| f64::from(track[to] - track[from]) / ((to - from) as f64 * hop);
        let (mut rising, mut falling) = (Vec::new(), Vec::new());
        for pair in turns.windows(2) {
            let ((from, _), (to, turn)) = (pair[0], pair[1]);
            match turn {
                Turn::Peak => rising.push(slope(from, to)),
                _ => falling.push(-slope(from, to)),
            }
        }
        let (rises, falls) = (rising.len(), falling.len());
        // The way from the last extremum to the end counts with its sign, in the mean alone.
        match turns[turns.len() - 1] {
            (at, Turn::Valley) if at < last => rising.push(slope(at, last)),
            (at, Turn::Peak) if at < last => falling.push(slope(at, last)),
            _ => {}
        }
        let peaks = turns.iter().filter(|(_, turn)| *turn == Turn::Peak).count();
        Contour { peaks, rising: moments(&rising, rises), falling: moments(&falling, falls) }
    }
}

/// The start of the track, then its peaks and valleys in turn.
fn turns(track: &[f32]) -> Vec<(usize, Turn)> {
    let value = |t: usize| f64::from(track[t]);
    let (low, high) = track.iter().fold((f32::MAX, f32::MIN), |(low, high), &v| (low.min(v), high.max(v)));
    let depth = DEPTH * f64::from(high - low);
    let mut turns = vec![(0, Turn::Start)];
    for t in 1..track.len().saturating_sub(1) {
        let (before, here, after) = (value(t - 1), value(t), value(t + 1));
        let (at, last) = turns[turns.len() - 1];
        let found = if here > before && here >= after {
            Turn::Peak
        } else if here < before && here <= after {
            Turn::Valley
        } else {
            continue;
        };
        let instead = match found {
            Turn::Peak => here > HIGHER * value(at),
            _ => here < value(at),
        };
        let deep = if found == Turn::Peak { here - value(at) > depth } else { value(at) - here > depth };
        if last == found && instead {
            let end = turns.len() - 1;
            turns[end] = (t, found);
        } else if last != found && deep {
            turns.push((t, found));
        }
    }
    turns
}

/// Mean of all, and the root of what the first `regular` deviate from it, spread over all.
fn moments(slopes: &[f64], regular: usize) -> [f64; 2] {
    if slopes.is_empty() {
        return [0.0; 2];
    }
    let count = slopes.len() as f64;
    let mean = slopes.iter().sum::<f64>() / count;
    let spread: f64 = slopes[..regular].iter().map(|slope| (slope - mean).powi(2)).sum();
    [mean, (spread / count).sqrt()]
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_zigzag_has_its_slopes() {
        // 0 → 4 in 2 steps, 4 → 0 in 4, 0 → 4 in 2, and on to the end
        let track = [0.0, 2.0, 4.0, 3.0, 2.0, 1.0, 0.0, 2.0, 4.0, 3.0];
        let contour = Contour::of(&track, 1.0);
        assert_eq!(contour.peaks, 2);
        assert_eq!(contour.rising, [2.0, 0.0]);
        // openSMILE takes the last fall with its sign: (1 - 1) / 2
        assert_eq!(contour.falling[0], 0.0);
    }

    #[test]
    fn ripples_do_not_count() {
        let track = [0.0, 5.0, 4.9, 5.1, 10.0, 9.8, 9.9, 0.0, 0.0];
        assert_eq!(Contour::of(&track, 0.01).peaks, 1);
    }

    #[test]
    fn short_and_flat_tracks_have_no_slopes() {
        for track in [&[][..], &[1.0], &[1.0, 2.0], &[3.0; 20]] {
            assert_eq!(Contour::of(track, 0.01), Contour::default(), "{track:?}");
        }
    }
}
