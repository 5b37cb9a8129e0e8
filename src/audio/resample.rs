//! Another sampling rate for the same sound, time-aligned: what lies at 1.0 s stays at 1.0 s.
//!
//! Only this file names rubato. Deliberately absent: streaming and changing ratios (whole clips only).

use rubato::audioadapter_buffers::direct::InterleavedSlice;
use rubato::{Fft, FixedSync, Resampler};

use super::{AudioError, Sound, Wave};

/// Least size of one block in input frames.
const BLOCK: u32 = 1024;
/// Samples beyond this, 240 dB over full scale, come from damage; rubato panics where its sums overflow.
const LOUDEST: f32 = 1e12;

impl Wave {
    /// The wave at `rate`, length round(n · rate / old rate), band-limited by an FFT resampler (flat to about 0.9 of
    /// the lower Nyquist frequency, its delay taken off). Within -60 dB of libsoxr's HQ setting for speech.
    ///
    /// # Errors
    /// [`AudioError::Resample`] when a rate is 0, or a sample not finite or beyond all sound (1e12).
    pub fn resample(&self, rate: u32) -> Result<Wave, AudioError> {
        let samples = interleaved(&self.samples, 1, (self.rate, rate))?;
        Ok(Wave { samples, rate })
    }
}

impl Sound {
    /// The sound at `rate`, every channel as by [`Wave::resample`].
    ///
    /// # Errors
    /// As [`Wave::resample`].
    pub fn resample(&self, rate: u32) -> Result<Sound, AudioError> {
        let samples = interleaved(&self.samples, usize::from(self.channels.max(1)), (self.rate, rate))?;
        Ok(Sound { samples, channels: self.channels, rate })
    }
}

fn interleaved(samples: &[f32], channels: usize, (from, to): (u32, u32)) -> Result<Vec<f32>, AudioError> {
    let frames = samples.len() / channels;
    if from == to || frames == 0 {
        return Ok(samples.to_vec());
    }
    if let Some(odd) = samples.iter().find(|sample| !(-LOUDEST..=LOUDEST).contains(*sample)) {
        return Err(AudioError::Resample(format!("a sample of {odd:e} is no sound")));
    }
    let resample = || -> Result<Vec<f32>, Box<dyn std::error::Error>> {
        let input = InterleavedSlice::new(samples, channels, frames)?;
        let mut resampler = Fft::<f32>::new(from as usize, to as usize, block(from, to), channels, FixedSync::Both)?;
        Ok(resampler.process_all(&input, frames, None)?.take_data())
    };
    let mut output = resample().map_err(|error| AudioError::Resample(error.to_string()))?;
    // rubato rounds the length up.
    output.truncate((frames as f64 * f64::from(to) / f64::from(from)).round() as usize * channels);
    Ok(output)
}

/// A block of whole periods of the two rates, and an even number of them: of an odd block rubato takes off half a
/// sample too little delay.
fn block(from: u32, to: u32) -> usize {
    let (mut divisor, mut rest) = (from, to);
    while rest > 0 {
        (divisor, rest) = (rest, divisor % rest);
    }
    let period = from / divisor.max(1);
    period as usize * (BLOCK.div_ceil(period.max(1)).next_multiple_of(2)) as usize
}
