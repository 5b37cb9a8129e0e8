//! Energy per pitch class, and how far a recording's tuning is from 440 Hz.
//!
//! Definitions are `librosa.feature.chroma_stft` 0.11's. With a given tuning chroma is exact; the estimate is a mode of
//! a histogram in steps of 0.01 semitones, where rounding can move a peak across an edge. Deliberately absent:
//! constant-Q chroma.

use super::mel::dot;
use super::pitch::parabola;

/// Pitch classes, from C.
pub const CLASSES: usize = 12;

/// Weights of each bin of a power spectrum in each pitch class (`librosa.filters.chroma`).
#[derive(Debug, Clone)]
pub struct Chroma {
    weights: [Vec<f32>; CLASSES],
}

impl Chroma {
    /// For spectra of transforms of `fft` samples; `tuning` in semitones from A = 440 Hz.
    pub fn new(rate: u32, fft: usize, tuning: f64) -> Chroma {
        let semitone = |bin: usize| semitones(bin as f64 * f64::from(rate) / fft as f64, tuning);
        // librosa puts the bin at 0 Hz one and a half octaves below the next.
        let place = |bin: usize| if bin == 0 { semitone(1) - 1.5 * CLASSES as f64 } else { semitone(bin) };
        let mut weights: [Vec<f32>; CLASSES] = Default::default();
        for bin in 0..fft / 2 + 1 {
            let width = (place(bin + 1) - place(bin)).max(1.0);
            for (class, weight) in weights.iter_mut().zip(classes(place(bin), width)) {
                class.push(weight as f32);
            }
        }
        Chroma { weights }
    }

    /// Energy per class of one frame's power spectrum, the largest scaled to 1; all 0 without energy.
    pub fn of(&self, power: &[f32]) -> [f32; CLASSES] {
        let energy = self.weights.each_ref().map(|weights| dot(weights, power));
        let most = energy.iter().copied().fold(0.0, f32::max);
        if most < f32::MIN_POSITIVE { energy } else { energy.map(|class| class / most) }
    }
}

/// Semitones above A0 (27.5 Hz, tuned).
fn semitones(hz: f64, tuning: f64) -> f64 {
    CLASSES as f64 * (hz / (440.0 / 16.0)).log2() - tuning
}

/// Weights of one bin: a bump around its place on the circle of classes, of length 1, louder near the fifth octave.
fn classes(place: f64, width: f64) -> [f64; CLASSES] {
    const CENTRE: f64 = 5.0;
    const OCTAVES: f64 = 2.0;
    let count = CLASSES as f64;
    // librosa counts from A and turns the result so that C comes first.
    let offset = |class: usize| (place - ((class + 3) % CLASSES) as f64 + count / 2.0).rem_euclid(count) - count / 2.0;
    let bump = |class: usize| (-0.5 * (2.0 * offset(class) / width).powi(2)).exp();
    let bumps: [f64; CLASSES] = std::array::from_fn(bump);
    let length = bumps.iter().map(|bump| bump * bump).sum::<f64>().sqrt();
    let octave = (-0.5 * ((place / count - CENTRE) / OCTAVES).powi(2)).exp();
    bumps.map(|bump| bump / length * octave)
}

/// Estimates the tuning from the spectra of a clip (`librosa.estimate_tuning`).
#[derive(Debug, Clone)]
pub struct Tuning {
    hz_per_bin: f64,
    /// Frequency in Hz and height of the peaks so far.
    peaks: Vec<(f32, f32)>,
}

impl Tuning {
    /// For spectra of transforms of `fft` samples.
    pub fn new(rate: u32, fft: usize) -> Tuning {
        Tuning { hz_per_bin: f64::from(rate) / fft as f64, peaks: Vec::new() }
    }

    /// Takes the peaks of one frame's spectrum between 150 Hz and 4 kHz that are above a tenth of its highest
    /// (`librosa.piptrack`).
    pub fn add(&mut self, spectrum: &[f32]) {
        const SHARE: f32 = 0.1;
        let floor = SHARE * spectrum.iter().copied().fold(0.0, f32::max);
        let heard = |bin: usize| spectrum.get(bin).copied().filter(|&value| value > floor).unwrap_or(0.0);
        for bin in 1..spectrum.len().saturating_sub(1) {
            let hz = bin as f64 * self.hz_per_bin;
            let here = heard(bin);
            if !(150.0..4000.0).contains(&hz) || here <= heard(bin - 1) || here < heard(bin + 1) {
                continue;
            }
            let shift = parabola(spectrum, bin);
            let slope = (spectrum[bin + 1] - spectrum[bin - 1]) / 2.0;
            let hz = ((bin as f64 + f64::from(shift)) * self.hz_per_bin) as f32;
            self.peaks.push((hz, here + 0.5 * slope * shift));
        }
    }

    /// Where most of the louder half of the peaks lie between semitones: -0.5..0.5, in steps of 0.01; 0 without peaks.
    pub fn estimate(&self) -> f64 {
        const STEPS: usize = 100;
        let mut heights: Vec<f32> = self.peaks.iter().map(|peak| peak.1).collect();
        heights.sort_unstable_by(f32::total_cmp);
        let Some(last) = heights.len().checked_sub(1) else { return 0.0 };
        let median = (heights[last / 2] + heights[last.div_ceil(2)]) / 2.0;
        let edge = |i: usize| i as f64 / STEPS as f64 - 0.5;
        let edges: Vec<f64> = (0..=STEPS).map(edge).collect();
        let mut counts = [0_usize; STEPS];
        for &(hz, _) in self.peaks.iter().filter(|peak| peak.1 >= median) {
            let rest = semitones(f64::from(hz), 0.0).rem_euclid(1.0);
            let rest = if rest >= 0.5 { rest - 1.0 } else { rest };
            let at = edges.partition_point(|&edge| edge <= rest).clamp(1, STEPS) - 1;
            counts[at] += 1;
        }
        let most = counts.iter().copied().max().unwrap_or(0);
        edge(counts.iter().position(|&count| count == most).unwrap_or(STEPS / 2))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Power spectrum of 4096 samples at 22,050 Hz with a line of three bins around a frequency.
    fn line(hz: f64) -> Vec<f32> {
        let place = hz * 4096.0 / 22_050.0;
        (0..2049).map(|bin| (1.0 - (bin as f64 - place).abs() / 2.0).max(0.0) as f32).collect()
    }

    #[test]
    fn a_note_has_its_class() {
        let chroma = Chroma::new(22_050, 4096, 0.0);
        for (hz, class) in [(261.63, 0), (440.0, 9), (880.0, 9), (493.88, 11)] {
            let found = chroma.of(&line(hz));
            assert_eq!(found.iter().position(|&energy| energy == 1.0), Some(class), "{hz} Hz: {found:?}");
        }
        assert_eq!(chroma.of(&vec![0.0; 2049]), [0.0; CLASSES]);
    }

    #[test]
    fn a_sharp_note_is_told_and_taken_into_account() {
        let sharp = 440.0 * 2.0_f64.powf(0.3 / 12.0);
        let mut tuning = Tuning::new(22_050, 4096);
        assert_eq!(tuning.estimate(), 0.0);
        tuning.add(&line(sharp));
        assert!((tuning.estimate() - 0.3).abs() < 0.06, "{}", tuning.estimate());
    }
}
