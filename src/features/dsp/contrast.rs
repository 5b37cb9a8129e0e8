//! Spectral contrast: how far peaks stand above valleys in each octave.
//!
//! Jiang et al., ICME 2002, as `librosa.feature.spectral_contrast`. Deliberately absent: the linear variant.

use std::ops::Range;

use super::mel::Decibels;

/// Octaves of a spectrum, and how much of each counts as peak and as valley.
#[derive(Debug, Clone)]
pub struct Contrast {
    bands: Vec<Band>,
    sorted: Vec<f32>,
}

#[derive(Debug, Clone)]
struct Band {
    bins: Range<usize>,
    /// Bins averaged at each end of the sorted band.
    ends: usize,
}

impl Contrast {
    /// librosa's defaults: six octaves from 200 Hz up, and what lies below; 2 % of the bins at each end.
    pub fn new(frequencies: &[f32]) -> Contrast {
        Contrast::of(frequencies, 200.0, 6, 0.02)
    }

    /// `octaves` from `low` Hz up and what lies below, over bins of the given frequencies (Hz, ascending).
    ///
    /// An octave without bins - where librosa refuses - has no contrast: 0 dB.
    pub fn of(frequencies: &[f32], low: f64, octaves: usize, quantile: f64) -> Contrast {
        let edge = |i: usize| if i == 0 { 0.0 } else { low * 2.0_f64.powi(i as i32 - 1) };
        let below = |hz: f64| frequencies.partition_point(|&f| f64::from(f) < hz);
        let up_to = |hz: f64| frequencies.partition_point(|&f| f64::from(f) <= hz);
        let band = |k: usize| {
            let (first, last) = (below(edge(k)), k == octaves);
            let end = if last { frequencies.len() } else { up_to(edge(k + 1)) };
            if first >= up_to(edge(k + 1)) {
                return Band { bins: 0..0, ends: 0 };
            }
            // One bin is shared with the octave below; but for the last octave the highest bin is left out.
            let first = first - usize::from(k > 0 && first > 0);
            let ends = (quantile * (end - first) as f64).round_ties_even().max(1.0) as usize;
            Band { bins: first..if last { end } else { (end - 1).max(first + 1) }, ends }
        };
        Contrast { bands: (0..=octaves).map(band).collect(), sorted: Vec::new() }
    }

    /// Number of bands: octaves + 1.
    pub fn len(&self) -> usize {
        self.bands.len()
    }

    /// Never: what lies below the first octave is a band.
    pub fn is_empty(&self) -> bool {
        self.bands.is_empty()
    }

    /// Peak and valley of each band in one frame's magnitude spectrum.
    pub fn ends(&mut self, magnitude: &[f32], mut into: impl FnMut(usize, f32, f32)) {
        for (k, Band { bins, ends }) in self.bands.iter().enumerate() {
            self.sorted.clear();
            self.sorted.extend_from_slice(&magnitude[bins.clone()]);
            let ends = (*ends).min(self.sorted.len());
            let mean = |part: &[f32]| part.iter().sum::<f32>() / part.len().max(1) as f32;
            if ends == 1 {
                let pick = |of: fn(f32, f32) -> f32, start| self.sorted.iter().copied().fold(start, of);
                into(k, pick(f32::max, 0.0), pick(f32::min, f32::INFINITY));
                continue;
            }
            self.sorted.sort_unstable_by(f32::total_cmp);
            into(k, mean(&self.sorted[self.sorted.len() - ends..]), mean(&self.sorted[..ends]));
        }
    }

    /// Contrast in dB of peaks and valleys of a whole clip, in place of the peaks: each is first raised to 80 dB below
    /// its kind's highest, as librosa does.
    pub fn decibels(peaks: &mut [f32], valleys: &mut [f32]) {
        Decibels::LIBROSA.powers(peaks);
        Decibels::LIBROSA.powers(valleys);
        peaks.iter_mut().zip(valleys).for_each(|(peak, valley)| *peak -= *valley);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn contrast(frequencies: &[f32], magnitude: &[f32]) -> Vec<f32> {
        let mut bands = Contrast::new(frequencies);
        let (mut peaks, mut valleys) = (vec![0.0; bands.len()], vec![0.0; bands.len()]);
        bands.ends(magnitude, |k, peak, valley| (peaks[k], valleys[k]) = (peak, valley));
        Contrast::decibels(&mut peaks, &mut valleys);
        peaks
    }

    #[test]
    fn a_line_stands_out_in_its_octave() {
        let hz: Vec<f32> = (0..513).map(|bin| bin as f32 * 22_050.0 / 1024.0).collect();
        let mut magnitude = vec![0.1; 513];
        magnitude[60] = 10.0;
        let found = contrast(&hz, &magnitude);
        assert!((found[3] - 20.0).abs() < 1e-3, "{found:?}");
        assert!(found.iter().enumerate().all(|(k, db)| k == 3 || db.abs() < 1e-3), "{found:?}");
    }

    #[test]
    fn octaves_beyond_the_spectrum_have_none() {
        let hz: Vec<f32> = (0..33).map(|bin| bin as f32 * 500.0 / 32.0).collect();
        let found = contrast(&hz, &[1.0; 33]);
        assert_eq!(found, [0.0; 7]);
        assert_eq!(contrast(&[0.0, 4000.0], &[0.0, 1.0]).len(), 7);
    }
}
