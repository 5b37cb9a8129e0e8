//! A fingerprint of a sound: bits that stay when a recording is made louder, resampled, encoded again or trimmed a little,
//! and that differ between recordings, be it the same sentence by the same voice.
//!
//! Haitsma & Kalker, "A highly robust audio fingerprinting system", ISMIR 2002: of frames of 0.37 s, the energies of 33
//! bands from 300 to 2000 Hz, equally wide on a logarithmic scale; bit `m` of frame `n` says whether the difference between
//! bands `m` and `m + 1` has grown since frame `n - 1`. Other than there a frame follows every 1/43 s (clips are short and
//! many, and a frame is 16 times as long as that), and frames more than 40 dB below the loudest have no bits: silence has
//! none to tell. Deliberately absent: recognising a part of a longer recording, other speed, other pitch.

mod copies;

use ndarray::Array3;

use super::dsp::{Framing, Stft};
use super::{Column, FeatureError, FeatureSet, Features, Kind, Preparation, checked};
use crate::audio::Wave;
pub use copies::copies;

/// Samples per second that a sound is brought to first: more than twice the highest band.
const RATE: u32 = 5_000;
/// Length of a frame, and from one to the next, in seconds.
const FRAMING: (f64, f64) = (0.37, 0.0232);
/// Edges of all bands in Hz.
const RANGE: (f64, f64) = (300.0, 2_000.0);
const BITS: usize = 32;
/// Frames of less than this share of the loudest one's energy have no bits.
const QUIET: f32 = 1e-4;

/// A word of 32 bits per frame; `None` = too quiet to have bits.
pub type Words = Vec<Option<u32>>;

/// The fingerprint as a feature set, so that the cache keeps it. It is no set to learn from, and in no registry.
pub static FINGERPRINT: Fingerprint = Fingerprint;

/// See [`FINGERPRINT`]. Its image has two bands, the upper and lower 16 bits of a word as numbers, or -1.
#[derive(Debug)]
pub struct Fingerprint;

impl Fingerprint {
    /// What must happen to a clip before.
    pub fn preparation() -> Preparation {
        Preparation::plain(RATE)
    }

    /// The words in what [`FeatureSet::extract`] made.
    pub fn words(features: &Features) -> Words {
        let Features::Image(image) = features else { return Vec::new() };
        let word = |frame: usize| {
            let half = |band: usize| image.get([0, band, frame]).filter(|half| **half >= 0.0).map(|half| *half as u32);
            Some(half(0)? << 16 | half(1)?)
        };
        (0..image.dim().2).map(word).collect()
    }
}

impl FeatureSet for Fingerprint {
    fn name(&self) -> &str {
        "fingerprint"
    }

    fn about(&self) -> &str {
        "tells altered copies of a recording"
    }

    fn kind(&self) -> Kind {
        Kind::Image
    }

    fn version(&self) -> u32 {
        1
    }

    fn columns(&self) -> Vec<Column> {
        let half = |name: &str| Column { name: name.to_owned(), unit: "-", source: "Haitsma & Kalker 2002" };
        vec![half("upper"), half("lower")]
    }

    fn rate(&self) -> u32 {
        RATE
    }

    fn extract(&self, wave: &Wave) -> Result<Features, FeatureError> {
        let words = words(checked(wave)?);
        let mut image = Array3::from_elem([1, 2, words.len()], -1.0);
        for (frame, word) in words.iter().enumerate() {
            if let Some(word) = word {
                image[[0, 0, frame]] = (word >> 16) as f32;
                image[[0, 1, frame]] = (word & 0xffff) as f32;
            }
        }
        Ok(Features::Image(image.into_shared()))
    }
}

fn words(wave: &Wave) -> Words {
    let framing = Framing::seconds(wave.rate, FRAMING.0, FRAMING.1);
    let edges = edges(&framing, wave.rate);
    let mut stft = Stft::new(framing);
    let mut energies = Vec::new();
    for frame in 0..framing.frames(wave.samples.len()) {
        let power = stft.power(&wave.samples, frame);
        let band = |pair: &[usize]| power[pair[0].min(power.len())..pair[1].min(power.len())].iter().sum::<f32>();
        energies.push(edges.windows(2).map(band).collect::<Vec<f32>>());
    }
    let total: Vec<f32> = energies.iter().map(|bands| bands.iter().sum()).collect();
    let loudest = total.iter().copied().fold(0.0, f32::max);
    let word = |frame: usize| {
        let before = &energies[frame.checked_sub(1)?];
        let now = &energies[frame];
        let grown = |m: usize| (now[m] - now[m + 1]) > (before[m] - before[m + 1]);
        let word = (0..BITS).fold(0, |word, m| word << 1 | u32::from(grown(m)));
        (total[frame] > QUIET * loudest).then_some(word)
    };
    (0..energies.len()).map(word).collect()
}

/// First bin of each band, and the end of the last.
fn edges(framing: &Framing, rate: u32) -> Vec<usize> {
    let width = f64::from(rate) / framing.fft as f64;
    let steps = (BITS + 1) as f64;
    let hz = |edge: usize| RANGE.0 * (RANGE.1 / RANGE.0).powf(edge as f64 / steps);
    (0..=BITS + 1).map(|edge| (hz(edge) / width).round() as usize).collect()
}
