//! Harmonics of voiced frames: how far they stand above noise, and how strong those in a formant are.
//!
//! Frames and spectra are those of `pitch`. Which bins count as a harmonic was settled by comparing with openSMILE's
//! answers to tones and speech; they differ from the paper's words in one point, see [`Harmonics::h1_h2`]. Deliberately
//! absent: the formants themselves.

use std::sync::Arc;

use realfft::ComplexToReal;
use realfft::num_complex::Complex;

use super::frames::{Frames, magnitudes};
use crate::features::dsp::inverse;

/// Formants whose harmonics are measured.
pub const FORMANTS: usize = 3;
/// Amplitude of unvoiced frames, as openSMILE has it; unlike 0 it takes part in smoothing.
pub const UNVOICED_DB: f32 = -201.0;
/// A harmonic belongs to a formant when it lies within these multiples of its frequency.
const REACH: std::ops::RangeInclusive<f32> = 0.8..=1.2;
/// Smallest share of a quantity, against logarithms of zero: 100 dB.
const LEAST: f32 = 1e-10;
/// Smallest magnitude, for the same reason.
const FAINTEST: f32 = 1e-9;

/// Tracks of equal length, one number per 60 ms frame, before smoothing.
#[derive(Debug, Clone, PartialEq, Default)]
pub struct Harmonics {
    /// Harmonics-to-noise ratio in dB: the autocorrelation peak nearest the period, over what it lacks to 1. Unvoiced: 0.
    pub hnr_db: Vec<f32>,
    /// Second harmonic over the third in dB, which openSMILE calls H1 and H2. Unvoiced: 0.
    pub h1_h2: Vec<f32>,
    /// Second harmonic over the strongest one near the third formant in dB. Unvoiced: 0.
    pub h1_a3: Vec<f32>,
    /// The strongest harmonic near each formant over the first harmonic in dB: exactly 0 where there is none near, or it
    /// is the first. Unvoiced: [`UNVOICED_DB`].
    pub amplitude: [Vec<f32>; FORMANTS],
}

/// Harmonics of a wave of `rate` Hz, given its pitch and formants in Hz (0 where there is none).
///
/// Has as many frames as `hz`; formants beyond their tracks' ends count as absent.
pub fn harmonics(samples: &[f32], rate: u32, hz: &[f32], formants_hz: &[Vec<f32>; FORMANTS]) -> Harmonics {
    let mut long = Frames::long(samples, rate);
    let mut correlation = Correlation::new(long.bins());
    let mut magnitude = vec![0.0; long.bins()];
    let mut all = Harmonics {
        hnr_db: vec![0.0; hz.len()],
        h1_h2: vec![0.0; hz.len()],
        h1_a3: vec![0.0; hz.len()],
        amplitude: std::array::from_fn(|_| vec![UNVOICED_DB; hz.len()]),
    };
    for (t, &hz) in hz.iter().enumerate().filter(|(_, hz)| **hz > 0.0) {
        let spectrum = long.spectrum(t);
        magnitudes(spectrum, &mut magnitude);
        all.hnr_db[t] = correlation.hnr_db(spectrum, rate as f32 / hz);
        let comb = Comb { magnitude: &magnitude, spacing: hz / long.resolution() as f32 };
        let (first, second) = (comb.harmonic(1), comb.harmonic(2));
        all.h1_h2[t] = ratio_db(second.refined, comb.harmonic(3).refined);
        for (formant, track) in formants_hz.iter().enumerate() {
            let place = track.get(t).map_or(0.0, |formant| formant / hz);
            let strongest = comb.strongest(place);
            // Not by a logarithm of 1: this 0 must be exact, it means "none" to the smoothing.
            all.amplitude[formant][t] = strongest.map_or(0.0, |harmonic| ratio_db(harmonic.refined, first.raw));
            if formant + 1 == FORMANTS {
                all.h1_a3[t] = ratio_db(second.refined, strongest.map_or(first.raw, |harmonic| harmonic.refined));
            }
        }
    }
    all
}

fn ratio_db(over: f32, under: f32) -> f32 {
    20.0 * (over.max(FAINTEST) / under.max(FAINTEST)).log10()
}

/// Autocorrelation of frames by their power spectrum.
struct Correlation {
    plan: Arc<dyn ComplexToReal<f32>>,
    power: Vec<Complex<f32>>,
    lags: Vec<f32>,
    scratch: Vec<Complex<f32>>,
}

impl Correlation {
    fn new(bins: usize) -> Correlation {
        let plan = inverse(2 * (bins - 1));
        Correlation {
            power: plan.make_input_vec(),
            lags: plan.make_output_vec(),
            scratch: plan.make_scratch_vec(),
            plan,
        }
    }

    /// Harmonics-to-noise ratio for a period in samples; the window's own decay counts as noise.
    fn hnr_db(&mut self, spectrum: &[Complex<f32>], period: f32) -> f32 {
        for (power, bin) in self.power.iter_mut().zip(spectrum) {
            *power = Complex::new(bin.norm_sqr(), 0.0);
        }
        let done = self.plan.process_with_scratch(&mut self.power, &mut self.lags, &mut self.scratch);
        debug_assert!(done.is_ok(), "buffers come from the plan");
        let lags = &self.lags[..self.lags.len() / 2];
        let period = (period as usize).clamp(1, lags.len() - 2);
        let at = nearest_peak(lags, period, lags.len(), [-1, 1]).unwrap_or(period);
        let share = if lags[0] > 0.0 { (lags[at] / lags[0]).clamp(LEAST, 1.0 - f32::EPSILON) } else { LEAST };
        10.0 * (share / (1.0 - share)).log10()
    }
}

/// The local maximum nearest to `middle`, at most `reach` from it; of two as near, the one `first` looked at.
fn nearest_peak(values: &[f32], middle: usize, reach: usize, first: [isize; 2]) -> Option<usize> {
    let inside = |at: usize| (1..values.len() - 1).contains(&at);
    let is_peak = |at: &usize| inside(*at) && values[*at] > values[*at - 1] && values[*at] > values[*at + 1];
    let near = |far: usize| first.map(|side| middle.checked_add_signed(side * far as isize));
    (0..=reach).flat_map(near).flatten().find(is_peak)
}

/// A magnitude spectrum looked at through multiples of one frequency.
struct Comb<'a> {
    magnitude: &'a [f32],
    /// Bins between harmonics.
    spacing: f32,
}

/// Magnitude of a harmonic.
#[derive(Debug, Clone, Copy)]
struct Harmonic {
    /// At its highest bin.
    raw: f32,
    /// At the top of the parabola through that bin and its neighbours.
    refined: f32,
}

impl Comb<'_> {
    /// The peak nearest to the `n`th harmonic, or the bin there if half the spacing around holds none.
    fn harmonic(&self, n: usize) -> Harmonic {
        let bin = ((n as f32 * self.spacing).round() as usize).min(self.magnitude.len() - 1);
        match nearest_peak(self.magnitude, bin, (0.5 * self.spacing) as usize, [1, -1]) {
            Some(peak) => Harmonic { raw: self.magnitude[peak], refined: self.top(peak) },
            None => Harmonic { raw: self.magnitude[bin], refined: self.magnitude[bin] },
        }
    }

    /// The strongest harmonic near `place`, counted in harmonics; `None` if there is none, or it is the first.
    fn strongest(&self, place: f32) -> Option<Harmonic> {
        let from = ((REACH.start() * place).ceil() as usize).max(1);
        let to = (REACH.end() * place).min((self.magnitude.len() - 1) as f32 / self.spacing) as usize;
        let near = (from..=to).map(|n| (n, self.harmonic(n)));
        near.max_by(|a, b| a.1.raw.total_cmp(&b.1.raw).then(b.0.cmp(&a.0)))
            .and_then(|(n, harmonic)| (n > 1).then_some(harmonic))
    }

    fn top(&self, peak: usize) -> f32 {
        let [left, middle, right] = [self.magnitude[peak - 1], self.magnitude[peak], self.magnitude[peak + 1]];
        let bend = left - 2.0 * middle + right;
        if bend < 0.0 { middle - (left - right).powi(2) / (8.0 * bend) } else { middle }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const RATE: u32 = 16_000;
    /// On a bin of the 1,024-point spectrum, so that no harmonic falls between two.
    const F0: f32 = 203.125;

    /// Harmonics of [`F0`] with the given levels in dB.
    fn tone(levels: &[f32]) -> Vec<f32> {
        let partial = |n: usize, i: usize| {
            (std::f64::consts::TAU * f64::from(F0) * (n + 1) as f64 * i as f64 / f64::from(RATE)).cos() as f32
        };
        let level = |db: f32| 0.1 * 10f32.powf(db / 20.0);
        (0..4800).map(|i| levels.iter().enumerate().map(|(n, &db)| level(db) * partial(n, i)).sum()).collect()
    }

    fn formants(places: [f32; 3]) -> [Vec<f32>; 3] {
        places.map(|hz| vec![hz; 25])
    }

    #[test]
    fn levels_of_harmonics_come_out_as_they_went_in() {
        let wave = tone(&[0.0, -3.0, -10.0, -8.0, -20.0, -14.0]);
        let found = harmonics(&wave, RATE, &[F0; 25], &formants([610.0, 1000.0, 1220.0]));
        for t in 0..25 {
            assert!((found.h1_h2[t] - 7.0).abs() < 0.1, "{}", found.h1_h2[t]);
            // Between 488 and 732 Hz lies the third; 800 to 1,200 Hz the fourth and fifth; 976 to 1,464 Hz the sixth wins.
            assert!((found.amplitude[0][t] + 10.0).abs() < 0.1, "{}", found.amplitude[0][t]);
            assert!((found.amplitude[1][t] + 8.0).abs() < 0.1, "{}", found.amplitude[1][t]);
            assert!((found.amplitude[2][t] + 14.0).abs() < 0.1, "{}", found.amplitude[2][t]);
            assert!((found.h1_a3[t] - 11.0).abs() < 0.1, "{}", found.h1_a3[t]);
        }
    }

    #[test]
    fn noise_lowers_the_harmonics_to_noise_ratio() {
        let clean = tone(&[0.0, -3.0, -6.0]);
        let mut state = 1u32;
        let mut noise = || {
            state = state.wrapping_mul(1_664_525).wrapping_add(1_013_904_223);
            state as f32 / u32::MAX as f32 - 0.5
        };
        let noisy: Vec<f32> = clean.iter().map(|sample| sample + 0.2 * noise()).collect();
        let hnr = |wave: &[f32]| harmonics(wave, RATE, &[F0; 25], &formants([0.0; 3])).hnr_db;
        for (clean, noisy) in hnr(&clean).into_iter().zip(hnr(&noisy)) {
            // The window alone leaves 13 dB.
            assert!((12.0..15.0).contains(&clean), "{clean}");
            assert!(noisy < clean - 1.0, "{noisy} {clean}");
        }
    }

    #[test]
    fn a_formant_without_harmonics_or_on_the_first_is_exactly_zero() {
        let found = harmonics(&tone(&[0.0, -3.0]), RATE, &[F0; 25], &formants([0.0, 80.0, 200.0]));
        assert!(found.amplitude.iter().flatten().all(|&db| db == 0.0));
    }

    #[test]
    fn unvoiced_frames_have_the_documented_values() {
        let found = harmonics(&tone(&[0.0]), RATE, &[0.0; 3], &formants([500.0; 3]));
        assert_eq!((found.hnr_db, found.h1_h2, found.h1_a3), (vec![0.0; 3], vec![0.0; 3], vec![0.0; 3]));
        assert!(found.amplitude.iter().flatten().all(|&db| db == UNVOICED_DB));
    }

    #[test]
    fn any_wave_and_pitch_give_finite_numbers() {
        for rate in [1_000, 8_000, 48_000, 192_000] {
            for wave in [vec![0.0; 4000], vec![0.7; 4000], vec![1.0], vec![-1.0; rate as usize / 200]] {
                for hz in [55.0, 300.0, 1000.0] {
                    let found = harmonics(&wave, rate, &[hz; 4], &formants([300.0, 1500.0, 90_000.0]));
                    let tracks = [&found.hnr_db, &found.h1_h2, &found.h1_a3];
                    assert!(tracks.into_iter().chain(&found.amplitude).flatten().all(|value| value.is_finite()));
                }
            }
        }
    }
}
