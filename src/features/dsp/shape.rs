//! One number per frame: level, zero crossings and the shape of a spectrum.
//!
//! Where librosa has the measure, the definition is librosa's; a frame without energy has a stated value, never NaN.

use super::cut;

/// Quieter than this, a wave counts as silent and is not amplified: -120 dB re full scale.
pub const SILENCE_RMS: f64 = 1e-6;

/// The wave scaled to the given root mean square, and the factor used; a silent wave comes back unscaled.
pub fn to_level(samples: &[f32], level: f64) -> (Vec<f32>, f64) {
    let gain = gain_to(samples, level);
    (samples.iter().map(|&x| (f64::from(x) * gain) as f32).collect(), gain)
}

/// What a wave is multiplied by to have the given root mean square; 1 for a silent one.
pub fn gain_to(samples: &[f32], level: f64) -> f64 {
    let rms = (energy(samples) / samples.len().max(1) as f64).sqrt();
    if rms < SILENCE_RMS { 1.0 } else { level / rms }
}

/// Sum of squares, in a fixed order with eight partial sums.
fn energy(samples: &[f32]) -> f64 {
    let mut sums = [0.0_f64; 8];
    let (chunks, tail) = samples.as_chunks::<8>();
    for chunk in chunks {
        for (sum, &x) in sums.iter_mut().zip(chunk) {
            *sum += f64::from(x) * f64::from(x);
        }
    }
    sums.iter().sum::<f64>() + tail.iter().map(|&x| f64::from(x) * f64::from(x)).sum::<f64>()
}

/// Root mean square of frames of `window` samples centred on multiples of `hop`, zero-padded (`librosa.feature.rms`).
pub fn rms(samples: &[f32], window: usize, hop: usize) -> Vec<f32> {
    let mut frame = vec![0.0; window];
    let level = |t: usize| {
        cut(samples, centred(t, window, hop), &mut frame);
        (energy(&frame) / window as f64).sqrt() as f32
    };
    (0..1 + samples.len() / hop).map(level).collect()
}

/// Zero crossings per sample in frames as for [`rms`] (`librosa.feature.zero_crossing_rate`): 0..1.
///
/// Samples within 1e-10 of zero count as positive; the first and last sample are repeated outwards.
pub fn zero_crossing_rate(samples: &[f32], window: usize, hop: usize) -> Vec<f32> {
    let negative = |i: usize| samples[i] < -1e-10;
    // crossings[i] = crossings between samples 0 and i
    let mut crossings = vec![0_u32; samples.len()];
    for i in 1..samples.len() {
        crossings[i] = crossings[i - 1] + u32::from(negative(i) != negative(i - 1));
    }
    let last = samples.len() as isize - 1;
    let until = |i: isize| crossings.get(i.clamp(0, last.max(0)) as usize).copied().unwrap_or(0);
    let rate = |t: usize| {
        let start = centred(t, window, hop);
        (until(start + window as isize - 1) - until(start)) as f32 / window as f32
    };
    (0..1 + samples.len() / hop).map(rate).collect()
}

fn centred(frame: usize, window: usize, hop: usize) -> isize {
    (frame * hop) as isize - (window / 2) as isize
}

/// Centre and spread of a magnitude spectrum in Hz (`librosa.feature.spectral_centroid`, `spectral_bandwidth`);
/// both 0 without energy.
pub fn centroid_and_bandwidth(magnitude: &[f32], frequencies: &[f32]) -> (f32, f32) {
    let pairs = || magnitude.iter().zip(frequencies).map(|(&m, &f)| (f64::from(m), f64::from(f)));
    let total: f64 = pairs().map(|(m, _)| m).sum();
    if total <= f64::from(f32::MIN_POSITIVE) {
        return (0.0, 0.0);
    }
    let centre = pairs().map(|(m, f)| m * f).sum::<f64>() / total;
    let spread = pairs().map(|(m, f)| m * (f - centre) * (f - centre)).sum::<f64>() / total;
    (centre as f32, spread.sqrt() as f32)
}

/// Lowest frequency in Hz below which `share` of the magnitude lies (`librosa.feature.spectral_rolloff`); 0 without
/// energy.
pub fn rolloff(magnitude: &[f32], frequencies: &[f32], share: f64) -> f32 {
    let wanted = share * magnitude.iter().map(|&m| f64::from(m)).sum::<f64>();
    let mut sum = 0.0;
    for (&m, &hz) in magnitude.iter().zip(frequencies) {
        sum += f64::from(m);
        if sum >= wanted {
            return hz;
        }
    }
    frequencies.last().copied().unwrap_or(0.0)
}

/// Geometric over arithmetic mean of the power (`librosa.feature.spectral_flatness`): 0 a tone, 1 white or silent.
pub fn flatness(power: &[f32]) -> f32 {
    const FLOOR: f32 = 1e-10;
    let floored = || power.iter().map(|&p| p.max(FLOOR));
    let count = power.len().max(1) as f64;
    let log_mean = floored().map(|p| f64::from(p.ln())).sum::<f64>() / count;
    let mean = floored().map(f64::from).sum::<f64>() / count;
    (log_mean.exp() / mean) as f32
}

/// Euclidean distance of two magnitude spectra, each scaled to sum 1: how fast the sound's colour changes; 0..1.42.
///
/// A spectrum without energy counts as all zeros.
pub fn flux(before: &[f32], now: &[f32]) -> f32 {
    let scale = |magnitude: &[f32]| {
        let sum: f32 = magnitude.iter().sum();
        if sum > f32::MIN_POSITIVE { 1.0 / sum } else { 0.0 }
    };
    let (a, b) = (scale(before), scale(now));
    before.iter().zip(now).map(|(x, y)| (x * a - y * b) * (x * a - y * b)).sum::<f32>().sqrt()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn silence_has_defined_values() {
        let (none, hz) = ([0.0; 4], [0.0, 10.0, 20.0, 30.0]);
        assert_eq!(centroid_and_bandwidth(&none, &hz), (0.0, 0.0));
        assert_eq!(rolloff(&none, &hz, 0.85), 0.0);
        assert_eq!(flux(&none, &none), 0.0);
        assert!((flatness(&none) - 1.0).abs() < 1e-6);
        assert_eq!(rms(&[0.0; 30], 8, 4), vec![0.0; 8]);
    }

    #[test]
    fn a_line_sits_where_it_is() {
        let (line, hz) = ([0.0, 0.0, 3.0, 0.0], [0.0, 10.0, 20.0, 30.0]);
        assert_eq!(centroid_and_bandwidth(&line, &hz), (20.0, 0.0));
        assert_eq!(rolloff(&line, &hz, 0.85), 20.0);
    }

    #[test]
    fn flux_does_not_see_level() {
        let (a, b) = ([1.0, 2.0, 1.0], [10.0, 20.0, 10.0]);
        assert!(flux(&a, &b) < 1e-6);
        assert!((flux(&[1.0, 0.0], &[0.0, 5.0]) - 2.0_f32.sqrt()).abs() < 1e-6);
    }

    #[test]
    fn an_alternating_wave_crosses_at_every_sample() {
        let wave: Vec<f32> = (0..100).map(|i| if i % 2 == 0 { 0.5 } else { -0.5 }).collect();
        let rates = zero_crossing_rate(&wave, 10, 10);
        assert!((rates[5] - 0.9).abs() < 1e-6, "{rates:?}");
        assert_eq!(zero_crossing_rate(&[0.3], 10, 10), vec![0.0]);
    }
}
