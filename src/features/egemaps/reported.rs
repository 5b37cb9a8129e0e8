//! Formants as openSMILE reports them, for the sets that are to agree with it: not where the vocal tract resounds.
//!
//! Its answers to noise, pulses and speech agree with this reading, to three digits where the problem is well posed: of the
//! spectrum of 20 ms, brought to 11 kHz, only the 110 lowest bins are used; the samples predicted are those before the
//! window's end as it lies in the middle of the transform; and the zeros are those of a predictor whose coefficients
//! have the wrong sign. Real formants are in `formants`.

use realfft::num_complex::Complex;

use super::formants::{Formants, RATE, resonances};
use super::frames::Frames;
use super::lpc::{self, ORDER};
use crate::features::dsp::wide::{Kernel, wide};

/// Samples of a frame at 11 kHz.
const LENGTH: usize = 220;
/// Bins used, whatever their width: half of [`LENGTH`].
const BINS: usize = LENGTH / 2;

/// Frequencies and bandwidths of the three lowest formants of a wave, as openSMILE has them.
pub fn reported(samples: &[f32], rate: u32) -> Formants {
    let mut frames = Frames::short(samples, rate);
    let mut synthesis = Synthesis::new(&frames);
    let mut found = Formants::none(&frames);
    let mut zeros = lpc::start();
    for t in 0..frames.count() {
        let lags = synthesis.autocorrelation(frames.spectrum(t));
        let Some(predictor) = lpc::predictor(&lags) else { continue };
        lpc::zeros(&predictor.map(|coefficient| -coefficient), &mut zeros);
        found.set(t, &resonances(&zeros));
    }
    found
}

/// From a spectrum to samples at [`RATE`].
struct Synthesis {
    /// Cosines and negative sines of each bin over the samples.
    waves: Vec<[[f32; LENGTH]; 2]>,
    /// Followed by zeros, so that every lag has a partner.
    samples: [f32; LENGTH + ORDER],
}

impl Synthesis {
    fn new(frames: &Frames) -> Synthesis {
        let wave = |bin: usize| {
            let turn = std::f64::consts::TAU * bin as f64 * frames.resolution();
            // Step by step: a sine for each sample of each bin would cost as much as all frames of a clip.
            let step = Complex::cis(turn / RATE);
            let mut phase = Complex::cis(-turn * frames.margin_seconds());
            let mut wave = [[0.0; LENGTH]; 2];
            let [cosines, sines] = &mut wave;
            for (cosine, sine) in cosines.iter_mut().zip(sines) {
                (*cosine, *sine) = (phase.re as f32, -phase.im as f32);
                phase *= step;
            }
            wave
        };
        Synthesis { waves: (0..BINS.min(frames.bins())).map(wave).collect(), samples: [0.0; LENGTH + ORDER] }
    }

    fn autocorrelation(&mut self, spectrum: &[Complex<f32>]) -> [f64; ORDER + 1] {
        wide(Lags { synthesis: self, spectrum })
    }
}

/// Autocorrelation of the samples of a spectrum at lags 0 … 11.
struct Lags<'a> {
    synthesis: &'a mut Synthesis,
    spectrum: &'a [Complex<f32>],
}

impl Kernel for Lags<'_> {
    type Output = [f64; ORDER + 1];

    #[inline(always)]
    fn run(self) -> [f64; ORDER + 1] {
        let Synthesis { waves, samples } = self.synthesis;
        samples.fill(0.0);
        for (bin, [cosines, sines]) in self.spectrum.iter().zip(waves) {
            for ((sample, cosine), sine) in samples[..LENGTH].iter_mut().zip(cosines).zip(sines) {
                *sample += bin.re * *cosine + bin.im * *sine;
            }
        }
        // All lags at a time: twelve sums that do not wait for each other.
        let mut lags = [0.0; ORDER + 1];
        for near in samples.windows(ORDER + 1) {
            for (lag, other) in lags.iter_mut().zip(near) {
                *lag += f64::from(near[0]) * f64::from(*other);
            }
        }
        lags
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_pulse_has_opensmiles_formants() {
        // openSMILE 2.6: one pulse at 5 ms in an otherwise silent clip
        let mut wave = vec![0.0; 3200];
        wave[80] = 0.5;
        let found = reported(&wave, 16_000);
        for (i, (hz, bandwidth)) in [(442.8, 1269.9), (1304.2, 1241.7), (2141.4, 1134.2)].into_iter().enumerate() {
            assert!((found.hz[i][0] - hz).abs() < 0.01 * hz, "{:?}", found.hz[i][0]);
            assert!((found.bandwidth[i][0] - bandwidth).abs() < 0.03 * bandwidth, "{:?}", found.bandwidth[i][0]);
            assert_eq!(found.hz[i][5], 0.0);
        }
    }
}
