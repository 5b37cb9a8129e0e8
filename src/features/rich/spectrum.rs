//! The shape of one frame's spectrum, up to 8 kHz whatever the rate.
//!
//! The measures are those of the ComParE challenges in their textbook forms. A frame without energy has a stated value.
//! Deliberately absent: anything about hearing (`auditory`) and about more than two frames.

use super::super::dsp::mel::{POWER_FLOOR, power_to_db};
use super::super::dsp::shape::flux;

/// Number of measures.
pub const SHAPES: usize = 14;
const HIGHEST_HZ: f32 = 8000.0;
/// Bands whose energy is told, in Hz.
const BANDS_HZ: [[f32; 2]; 2] = [[250.0, 650.0], [1000.0, 4000.0]];
/// Shares of the power below a roll-off frequency.
const SHARES: [f32; 4] = [0.25, 0.5, 0.75, 0.9];
const DB_PER_NEPER: f32 = 10.0 / std::f32::consts::LN_10;

/// Frequencies, and the spectrum before.
pub struct Shape {
    khz: Vec<f32>,
    bands: [std::ops::Range<usize>; 2],
    /// Magnitudes of the frame before and of this one; empty before the first.
    before: Vec<f32>,
    now: Vec<f32>,
}

impl Shape {
    /// For bins of these frequencies in Hz.
    pub fn new(frequencies: &[f32]) -> Shape {
        let bin = |hz: f32| frequencies.partition_point(|&f| f < hz);
        let top = frequencies.partition_point(|&f| f <= HIGHEST_HZ);
        Shape {
            khz: frequencies[..top].iter().map(|hz| hz / 1000.0).collect(),
            bands: BANDS_HZ.map(|[low, high]| bin(low).min(top)..bin(high).min(top)),
            before: Vec::new(),
            now: Vec::new(),
        }
    }

    /// Energies of the two bands (dB), four roll-offs (kHz), flux, centroid (kHz), entropy (bit), variance (kHz²),
    /// skewness, kurtosis, slope (dB/kHz), harmonicity. Without energy: floor, then 0 throughout.
    pub fn of(&mut self, power: &[f32]) -> [f32; SHAPES] {
        let power = &power[..self.khz.len()];
        let [low, middle] = self.bands.clone().map(|bins| power_to_db(power[bins].iter().sum()));
        let total: f32 = power.iter().sum();
        std::mem::swap(&mut self.before, &mut self.now);
        self.now.clear();
        self.now.extend(power.iter().map(|power| power.sqrt()));
        let flux = if self.before.is_empty() { 0.0 } else { flux(&self.before, &self.now) };
        if total <= POWER_FLOOR {
            let mut silent = [0.0; SHAPES];
            (silent[0], silent[1], silent[6]) = (low, middle, flux);
            return silent;
        }
        let [r25, r50, r75, r90] = self.rolloffs(power, total);
        let [centroid, variance, skewness, kurtosis] = self.moments(power, total);
        let (entropy, slope) = self.logs(power, total);
        let peaks = harmonicity(&self.now);
        [low, middle, r25, r50, r75, r90, flux, centroid, entropy, variance, skewness, kurtosis, slope, peaks]
    }

    fn rolloffs(&self, power: &[f32], total: f32) -> [f32; 4] {
        let mut found = [self.khz[self.khz.len() - 1]; 4];
        let (mut next, mut sum) = (0, 0.0);
        for (&power, &khz) in power.iter().zip(&self.khz) {
            sum += power;
            while next < SHARES.len() && sum >= SHARES[next] * total {
                found[next] = khz;
                next += 1;
            }
        }
        found
    }

    /// The power as a distribution over frequency: centre, variance, skewness, kurtosis.
    fn moments(&self, power: &[f32], total: f32) -> [f32; 4] {
        let pairs = || power.iter().zip(&self.khz);
        let centre = pairs().map(|(power, khz)| power * khz).sum::<f32>() / total;
        let (mut second, mut third, mut fourth) = (0.0, 0.0, 0.0);
        for (power, khz) in pairs() {
            let gap = khz - centre;
            let square = gap * gap;
            second += power * square;
            third += power * square * gap;
            fourth += power * square * square;
        }
        let variance = second / total;
        let spread = variance.sqrt();
        if spread <= 1e-3 {
            return [centre, variance, 0.0, 0.0];
        }
        [centre, variance, third / total / (variance * spread), fourth / total / (variance * variance)]
    }

    /// Entropy of the power as a distribution, and slope of the line through the spectrum in dB.
    fn logs(&self, power: &[f32], total: f32) -> (f32, f32) {
        let middle = (power.len() as f32 - 1.0) / 2.0;
        let (mut weighted, mut rise, mut run) = (0.0, 0.0, 0.0);
        for (i, &power) in power.iter().enumerate() {
            let (log, x) = (power.max(POWER_FLOOR).ln(), i as f32 - middle);
            weighted += power * log;
            rise += x * log;
            run += x * x;
        }
        let entropy = (total.ln() - weighted / total) * std::f32::consts::LOG2_E;
        let step = self.khz.get(1).copied().unwrap_or(1.0);
        (entropy.max(0.0), if run > 0.0 { DB_PER_NEPER * rise / run / step } else { 0.0 })
    }
}

/// How far the magnitude spectrum goes up and down, as a part of its sum: high for a comb of harmonics, low for a
/// smooth spectrum.
fn harmonicity(magnitude: &[f32]) -> f32 {
    let (mut turn, mut up_and_down, mut rising) = (magnitude[0], 0.0, true);
    for pair in magnitude.windows(2) {
        if (pair[1] > pair[0]) != rising {
            up_and_down += (pair[0] - turn).abs();
            (turn, rising) = (pair[0], !rising);
        }
    }
    up_and_down / magnitude.iter().sum::<f32>().max(f32::MIN_POSITIVE)
}
