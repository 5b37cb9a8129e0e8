//! Low-level descriptors: the tracks over time that functionals summarise, one number per 10 ms each.
//!
//! Spectra are taken from the clip scaled to a common level; only `level` knows how loud it was. Deliberately absent:
//! statistics over a track (`functionals`) and pictures (`logmel`).

use super::dsp::mel::{self, MelBank, power_to_db};
use super::dsp::pitch::{Candidate, Yin, voiced};
use super::dsp::{Framing, Stft, shape};
use super::{FeatureError, checked};
use crate::audio::Wave;

/// Number of cepstral coefficients, from the 0th.
pub const MFCC: usize = 20;
/// Pitch is counted in semitones from this frequency in Hz (A0).
pub const SEMITONES_FROM: f32 = 27.5;

/// Window and hop in seconds.
const WINDOW: f64 = 0.025;
const HOP: f64 = 0.010;
const MEL_BANDS: usize = 40;
/// Root mean square that a clip is scaled to before its spectra are taken (1 = full scale).
pub const LEVEL: f64 = 0.1;
/// Nothing is quieter than this, dB re full scale.
const QUIETEST_DB: f32 = -100.0;
/// Frames more than this below the loudest are never voiced.
const VOICED_RANGE_DB: f32 = 35.0;
/// Nor are frames below this, dB re full scale.
const VOICED_FLOOR_DB: f32 = -60.0;
/// Aperiodicity from which a frame is unvoiced; librosa's difference gives clean low voices up to 0.15.
const VOICED_LIMIT: f32 = 0.3;

/// Name and unit of the per-frame spectral measures, in the order of [`Descriptors::shape`].
pub const SHAPE: [(&str, &str); 11] = [
    ("zcr", "1/sample"),
    ("centroid", "Hz"),
    ("bandwidth", "Hz"),
    ("rolloff", "Hz"),
    ("flux", "-"),
    ("flatness", "dB"),
    ("alpha", "dB"),
    ("hammarberg", "dB"),
    ("slope_low", "dB/kHz"),
    ("slope_high", "dB/kHz"),
    ("harmonicity", "dB"),
];

/// Tracks of equal length.
#[derive(Debug, Clone)]
pub struct Descriptors {
    /// Cepstral coefficients of the dB mel spectrum (`librosa.feature.mfcc`).
    pub mfcc: Vec<Vec<f32>>,
    /// Their first derivatives per frame.
    pub delta: Vec<Vec<f32>>,
    /// See [`SHAPE`].
    pub shape: Vec<Vec<f32>>,
    /// RMS of 25 ms in dB re full scale, at least -100.
    pub level: Vec<f32>,
    /// Pitch in Hz, `None` where unvoiced.
    pub pitch: Vec<Option<f32>>,
    /// Seconds from one frame to the next: 10 ms rounded to whole samples.
    pub hop: f64,
}

impl Descriptors {
    /// All tracks of one clip.
    ///
    /// # Errors
    /// [`FeatureError`] when the wave is empty, not finite, or of no usable rate.
    pub fn of(wave: &Wave) -> Result<Descriptors, FeatureError> {
        let (samples, gain) = shape::to_level(&checked(wave)?.samples, LEVEL);
        let framing = framing(wave.rate);
        let level = levels(&samples, framing, gain);
        let (pitch, candidates) = pitches(&samples, wave.rate, &level);
        let Spectral { mfcc, mut shape } = Spectral::of(&samples, wave.rate, framing);
        shape.insert(0, shape::zero_crossing_rate(&samples, framing.window, framing.hop));
        shape.push(candidates.iter().map(harmonicity).collect());
        let delta = mfcc.iter().map(|track| {
            let mut slope = vec![0.0; track.len()];
            mel::delta(track, &mut slope);
            slope
        });
        let hop = framing.hop as f64 / f64::from(wave.rate);
        Ok(Descriptors { delta: delta.collect(), mfcc, shape, level, pitch, hop })
    }

    /// All tracks of no frames: what tracks there are, without a clip.
    pub fn empty() -> Descriptors {
        Descriptors {
            mfcc: vec![vec![]; MFCC],
            delta: vec![vec![]; MFCC],
            shape: vec![vec![]; SHAPE.len()],
            level: vec![],
            pitch: vec![],
            hop: HOP,
        }
    }

    /// Semitones above [`SEMITONES_FROM`]; `None` where unvoiced.
    pub fn semitones(&self) -> Vec<Option<f32>> {
        self.pitch.iter().map(|pitch| pitch.map(semitones)).collect()
    }
}

/// Semitones of a pitch in Hz above [`SEMITONES_FROM`].
pub fn semitones(hz: f32) -> f32 {
    12.0 * (hz / SEMITONES_FROM).log2()
}

/// RMS per frame in dB re full scale of the wave before `gain` was applied.
pub fn levels(samples: &[f32], framing: Framing, gain: f64) -> Vec<f32> {
    let offset = (20.0 * gain.log10()) as f32;
    let db = |rms: f32| (20.0 * rms.log10() - offset).max(QUIETEST_DB);
    shape::rms(samples, framing.window, framing.hop).into_iter().map(db).collect()
}

/// Pitch per frame by the voicing rule of this room, and YIN's raw answers.
///
/// Voiced: aperiodicity below 0.3, level above -60 dB re full scale and within 35 dB of the clip's loudest frame, in
/// runs of at least three frames.
pub fn pitches(samples: &[f32], rate: u32, level_db: &[f32]) -> (Vec<Option<f32>>, Vec<Candidate>) {
    let candidates = Yin::speech(rate, framing(rate).hop).track(samples, rate);
    let loudest = level_db.iter().copied().fold(QUIETEST_DB, f32::max);
    let floor = (loudest - VOICED_RANGE_DB).max(VOICED_FLOOR_DB);
    (voiced(&candidates, level_db, VOICED_LIMIT, floor), candidates)
}

/// Framing shared by all tracks.
pub fn framing(rate: u32) -> Framing {
    Framing::seconds(rate, WINDOW, HOP)
}

/// Periodic over aperiodic energy in dB, within ±30.
pub fn harmonicity(candidate: &Candidate) -> f32 {
    let noise = candidate.aperiodicity.clamp(1e-3, 1.0 - 1e-3);
    10.0 * ((1.0 - noise) / noise).log10()
}

struct Spectral {
    mfcc: Vec<Vec<f32>>,
    shape: Vec<Vec<f32>>,
}

impl Spectral {
    fn of(samples: &[f32], rate: u32, framing: Framing) -> Spectral {
        let frames = framing.frames(samples.len());
        let measure = Measure::new(rate, framing);
        let mut cepstrum = Cepstrum::new(rate, framing);
        let mut stft = Stft::new(framing);
        let mut mfcc = vec![vec![0.0; frames]; MFCC];
        let mut shape = vec![vec![0.0; frames]; SHAPE.len() - 2];
        let (mut before, mut now) = (vec![0.0; framing.bins()], vec![0.0; framing.bins()]);
        for t in 0..frames {
            let power = stft.power(samples, t);
            now.iter_mut().zip(power).for_each(|(magnitude, power)| *magnitude = power.sqrt());
            if t == 0 {
                before.copy_from_slice(&now);
            }
            let values = measure.of(power, &before, &now);
            shape.iter_mut().zip(values).for_each(|(track, value)| track[t] = value);
            mfcc.iter_mut().zip(cepstrum.of(power)).for_each(|(track, &value)| track[t] = value);
            std::mem::swap(&mut before, &mut now);
        }
        Spectral { mfcc, shape }
    }
}

/// Mel spectrum in dB and its cosine transform, with their buffers.
struct Cepstrum {
    bank: MelBank,
    dct: Vec<f32>,
    bands: Vec<f32>,
    out: Vec<f32>,
}

impl Cepstrum {
    fn new(rate: u32, framing: Framing) -> Cepstrum {
        let high = 8000.0_f64.min(f64::from(rate) / 2.0);
        let bank = MelBank::new(&framing.frequencies(rate), MEL_BANDS, 20.0, high);
        Cepstrum { bank, dct: mel::dct(MFCC, MEL_BANDS), bands: vec![0.0; MEL_BANDS], out: vec![0.0; MFCC] }
    }

    fn of(&mut self, power: &[f32]) -> &[f32] {
        self.bank.apply(power, &mut self.bands);
        self.bands.iter_mut().for_each(|value| *value = power_to_db(*value));
        mel::transform(&self.dct, &self.bands, &mut self.out);
        &self.out
    }
}

/// The spectral measures that need one frame, and flux, which needs two.
struct Measure {
    frequencies: Vec<f32>,
    bands: [std::ops::Range<usize>; 6],
}

/// Edges in Hz of: alpha below and above, Hammarberg below and above, the two slopes (Eyben et al. 2016).
const BANDS_HZ: [[f32; 2]; 6] =
    [[50.0, 1000.0], [1000.0, 5000.0], [0.0, 2000.0], [2000.0, 5000.0], [0.0, 500.0], [500.0, 1500.0]];

impl Measure {
    fn new(rate: u32, framing: Framing) -> Measure {
        let frequencies = framing.frequencies(rate);
        let bin = |hz: f32| frequencies.partition_point(|&f| f < hz);
        let bands = BANDS_HZ.map(|[low, high]| bin(low)..bin(high));
        Measure { frequencies, bands }
    }

    /// [`SHAPE`] without its first and last entry.
    fn of(&self, power: &[f32], before: &[f32], now: &[f32]) -> [f32; SHAPE.len() - 2] {
        let [alpha_low, alpha_high, hammarberg_low, hammarberg_high, slope_low, slope_high] =
            self.bands.each_ref().map(|bins| &power[bins.clone()]);
        let sum = |bins: &[f32]| power_to_db(bins.iter().sum());
        let peak = |bins: &[f32]| power_to_db(bins.iter().copied().fold(0.0, f32::max));
        let (centroid, bandwidth) = shape::centroid_and_bandwidth(now, &self.frequencies);
        [
            centroid,
            bandwidth,
            shape::rolloff(now, &self.frequencies, 0.85),
            shape::flux(before, now),
            power_to_db(shape::flatness(power)),
            sum(alpha_low) - sum(alpha_high),
            peak(hammarberg_low) - peak(hammarberg_high),
            self.slope(slope_low),
            self.slope(slope_high),
        ]
    }

    /// Slope in dB per kHz of the line through a stretch of the dB spectrum; 0 for fewer than two bins.
    fn slope(&self, bins: &[f32]) -> f32 {
        let step = self.frequencies.get(1).copied().unwrap_or(1.0) / 1000.0;
        let middle = (bins.len() as f32 - 1.0) / 2.0;
        let (mut rise, mut run) = (0.0, 0.0);
        for (i, &power) in bins.iter().enumerate() {
            let x = i as f32 - middle;
            rise += x * power_to_db(power);
            run += x * x;
        }
        if run > 0.0 { rise / run / step } else { 0.0 }
    }
}
