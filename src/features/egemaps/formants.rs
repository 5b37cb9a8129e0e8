//! Formants: resonances of the vocal tract, as the poles of a linear predictor of the sound below 5.5 kHz.
//!
//! Deliberately absent: tracking over time (each frame stands alone) and levels of formants (`harmonics`).

use super::frames::Frames;
use super::lpc::{self, ORDER, Zero};

/// Rate in Hz that the sound is brought to before prediction.
pub const RATE: f64 = 11_000.0;
/// Formants lie between these, in Hz.
const RANGE: std::ops::RangeInclusive<f64> = 50.0..=5450.0;
/// Number of formants kept.
const KEPT: usize = 3;
/// First-order emphasis of high frequencies, against the fall of the voice source.
const EMPHASIS: f64 = 0.97;

/// The three lowest formants, a frame per 10 ms.
#[derive(Debug, Clone, PartialEq)]
pub struct Formants {
    /// Seconds from one frame to the next; frame `t` covers the 20 ms from `t * hop`.
    pub hop: f64,
    /// Frequency in Hz; 0 where a frame has no such formant.
    pub hz: [Vec<f32>; KEPT],
    /// Width in Hz at -3 dB; 0 where there is no such formant.
    pub bandwidth: [Vec<f32>; KEPT],
}

/// The formants of a wave: poles between 50 and 5450 Hz of an 11th-order predictor at 11 kHz, by rising frequency.
pub fn formants(samples: &[f32], rate: u32) -> Formants {
    let mut frames = Frames::short(samples, rate);
    let lags = Lags::new(&frames, f64::from(rate));
    let mut found = Formants::none(&frames);
    let mut zeros = lpc::start();
    for t in 0..frames.count() {
        let spectrum = frames.spectrum(t);
        let power = spectrum.iter().map(|bin| f64::from(bin.norm_sqr()));
        let Some(predictor) = lpc::predictor(&lags.autocorrelation(power)) else { continue };
        lpc::zeros(&predictor, &mut zeros);
        found.set(t, &resonances(&zeros));
    }
    found
}

impl Formants {
    /// Room for all frames, without a formant yet.
    pub(super) fn none(frames: &Frames) -> Formants {
        let empty = || std::array::from_fn(|_| vec![0.0; frames.count()]);
        Formants { hop: frames.hop_seconds(), hz: empty(), bandwidth: empty() }
    }

    /// The lowest of `poles` (frequency and bandwidth in Hz, sorted) become the formants of frame `t`.
    pub(super) fn set(&mut self, t: usize, poles: &[[f64; 2]]) {
        for (i, [hz, bandwidth]) in poles.iter().take(KEPT).enumerate() {
            self.hz[i][t] = *hz as f32;
            self.bandwidth[i][t] = *bandwidth as f32;
        }
    }
}

/// Frequency and bandwidth in Hz of the poles in [`RANGE`], by rising frequency.
pub fn resonances(zeros: &[Zero; ORDER]) -> Vec<[f64; 2]> {
    let resonance = |zero: &Zero| {
        let hz = zero.im.atan2(zero.re) * RATE / std::f64::consts::TAU;
        [hz, -zero.radius().ln() * RATE / std::f64::consts::PI]
    };
    let inside = |pole: &[f64; 2]| RANGE.contains(&pole[0]) && pole[1].is_finite();
    let mut poles: Vec<[f64; 2]> = zeros.iter().map(resonance).filter(inside).collect();
    poles.sort_by(|a, b| a[0].total_cmp(&b[0]));
    poles
}

/// From a power spectrum to the autocorrelation of the emphasised sound at [`RATE`]: only bins below its Nyquist frequency count.
struct Lags {
    /// A row of cosines per bin.
    cosines: Vec<[f64; ORDER + 1]>,
}

impl Lags {
    fn new(frames: &Frames, rate: f64) -> Lags {
        let resolution = frames.resolution();
        let below = frames.bins().min((RATE / 2.0 / resolution) as usize + 1);
        let row = |bin: usize| {
            let hz = bin as f64 * resolution;
            let turn = std::f64::consts::TAU * hz;
            let emphasis = 1.0 + EMPHASIS * EMPHASIS - 2.0 * EMPHASIS * (turn / rate).cos();
            // The mean and the highest bin occur once in a two-sided spectrum.
            let sides = if bin == 0 || bin + 1 == below { 0.5 } else { 1.0 };
            std::array::from_fn(|lag| sides * emphasis * (turn * lag as f64 / RATE).cos())
        };
        Lags { cosines: (0..below).map(row).collect() }
    }

    fn autocorrelation(&self, power: impl Iterator<Item = f64>) -> [f64; ORDER + 1] {
        let mut sums = [0.0; ORDER + 1];
        for (power, cosines) in power.zip(&self.cosines) {
            sums.iter_mut().zip(cosines).for_each(|(sum, cosine)| *sum += power * cosine);
        }
        sums
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Pulses at 100 Hz through resonators at the given frequencies, each 80 Hz wide.
    fn vowel(resonances: &[f64], rate: u32) -> Vec<f32> {
        let step = 1.0 / f64::from(rate);
        let mut wave: Vec<f64> = (0..rate / 2).map(|i| f64::from(u8::from(i % (rate / 100) == 0))).collect();
        for hz in resonances {
            let radius = (-std::f64::consts::PI * 80.0 * step).exp();
            let (a1, a2) = (2.0 * radius * (std::f64::consts::TAU * hz * step).cos(), -radius * radius);
            for i in 2..wave.len() {
                wave[i] += a1 * wave[i - 1] + a2 * wave[i - 2];
            }
        }
        wave.into_iter().map(|x| x as f32 * 0.01).collect()
    }

    #[test]
    fn the_resonances_of_a_made_vowel_are_found() {
        for rate in [16_000, 44_100] {
            let found = formants(&vowel(&[700.0, 1200.0, 2500.0, 3500.0], rate), rate);
            for (hz, put) in found.hz.iter().zip([700.0, 1200.0, 2500.0]) {
                assert!((hz[20] - put).abs() < 0.06 * put, "{rate}: {} for {put}", hz[20]);
            }
            assert!(found.bandwidth[0][20] < 200.0);
        }
    }

    #[test]
    fn silence_has_no_formants() {
        let found = formants(&[0.0; 4000], 16_000);
        assert!(found.hz.iter().chain(&found.bandwidth).flatten().all(|&v| v == 0.0));
    }
}
