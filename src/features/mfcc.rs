//! Mel-frequency cepstral coefficients: their means and spreads over a clip, and as an image over time.
//!
//! Deliberately absent: the spectrogram they are made of (`logmel`), and the coefficients among `functionals`.

use std::borrow::Cow;
use std::sync::Arc;

use ndarray::Array3;

use super::dsp::{Kernel, mel, wide};
use super::logmel::{Spectrogram, derive};
use super::parameter::{Asked, spelled};
use super::{Chosen, Column, FeatureError, FeatureSet, Features, Kind, Parameters, Raster, SpecError};
use crate::audio::Wave;

/// Mean and standard deviation of 40 coefficients and of their first and second derivatives.
pub static MFCC: Mfcc = Mfcc { name: Cow::Borrowed(ROW), cepstrum: Cepstrum::SPEECH };
/// 40 coefficients over time, and their first and second derivatives.
pub static MFCC_LLD: MfccLld = MfccLld { name: Cow::Borrowed(IMAGE), cepstrum: Cepstrum::SPEECH };

const ROW: &str = "mfcc";
const IMAGE: &str = "mfcc-lld";

/// The set `mfcc`.
#[derive(Debug, Clone)]
pub struct Mfcc {
    name: Cow<'static, str>,
    cepstrum: Cepstrum,
}

/// The set `mfcc-lld`.
#[derive(Debug, Clone)]
pub struct MfccLld {
    name: Cow<'static, str>,
    cepstrum: Cepstrum,
}

/// All that decides the coefficients.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Cepstrum {
    /// What they are the cosine transform of.
    pub spectrogram: Spectrogram,
    /// Number of coefficients, from the 0th; at most the number of bands.
    pub coefficients: usize,
    /// Length of the sine that raises the middle coefficients (librosa's `lifter`; HTK's L is 22); 0 for none.
    pub lifter: f64,
}

impl Cepstrum {
    /// 40 coefficients of 64 bands from 20 Hz to 8 kHz, not liftered, in frames of 25 ms every 10 ms.
    pub const SPEECH: Cepstrum =
        Cepstrum { spectrogram: Spectrogram { low: 20.0, ..Spectrogram::SPEECH }, coefficients: 40, lifter: 0.0 };

    /// Coefficients of the dB mel spectrum (`librosa.feature.mfcc`), row-major `[coefficient, frame]`, and the number
    /// of frames.
    ///
    /// # Errors
    /// [`FeatureError`] when the wave is empty, not finite, or of no usable rate.
    pub fn of(&self, wave: &Wave) -> Result<(Vec<f32>, usize), FeatureError> {
        let (db, frames) = self.spectrogram.decibels(wave)?;
        let mut tracks = vec![0.0; self.coefficients * frames];
        self.transform(&db, &mut tracks, frames);
        Ok((tracks, frames))
    }

    /// Writes the coefficients of a dB spectrogram `[band, frame]` to `into`, `[coefficient, frame]`.
    pub fn transform(&self, db: &[f32], into: &mut [f32], frames: usize) {
        let bands = self.spectrogram.bands;
        let mut matrix = mel::dct(self.coefficients, bands);
        for (at, row) in matrix.chunks_exact_mut(bands).enumerate() {
            row.iter_mut().for_each(|weight| *weight *= self.lift(at));
        }
        let mut levels = vec![[0.0; BLOCK]; bands];
        for first in (0..frames).step_by(BLOCK) {
            let count = BLOCK.min(frames - first);
            for (levels, track) in levels.iter_mut().zip(db.chunks_exact(frames)) {
                levels[..count].copy_from_slice(&track[first..first + count]);
            }
            for (weights, track) in matrix.chunks_exact(bands).zip(into.chunks_exact_mut(frames)) {
                let sums = wide(Mix { levels: &levels, weights });
                track[first..first + count].copy_from_slice(&sums[..count]);
            }
        }
    }

    /// What the lifter makes of coefficient `at`.
    fn lift(&self, at: usize) -> f32 {
        let raised = (std::f64::consts::PI * (at + 1) as f64 / self.lifter).sin() * self.lifter / 2.0;
        if self.lifter > 0.0 { (1.0 + raised) as f32 } else { 1.0 }
    }

    /// Coefficients and their derivatives, one layer after the other, and the number of frames.
    fn layers(&self, wave: &Wave) -> Result<(Vec<f32>, usize), FeatureError> {
        let (mut tracks, frames) = self.of(wave)?;
        let layer = tracks.len();
        tracks.resize(3 * layer, 0.0);
        let (coefficients, slopes) = tracks.split_at_mut(layer);
        derive(coefficients, slopes, frames);
        Ok((tracks, frames))
    }

    fn with(mut self, set: &str, parameters: &Parameters) -> Result<Cepstrum, SpecError> {
        for (name, value) in parameters.iter() {
            let asked = Asked { set, name, value };
            match name {
                "n" => self.coefficients = asked.count(1..=512)?,
                "lifter" => self.lifter = asked.number(0.0..=1000.0)?,
                _ if self.spectrogram.take(asked)? => {}
                _ => {
                    let known: Vec<&str> = self.spelled().iter().map(|(name, _)| *name).collect();
                    return Err(parameters.unknown(set, &known));
                }
            }
        }
        self.spectrogram = self.spectrogram.whole(set)?;
        let value = &self.coefficients.to_string();
        let right = format!("at most bands={}", self.spectrogram.bands);
        let fits = self.coefficients <= self.spectrogram.bands;
        if fits { Ok(self) } else { Err(Asked { set, name: "n", value }.wrong(&right)) }
    }

    fn spelled(&self) -> Vec<(&'static str, String)> {
        let own = [("n", self.coefficients.to_string()), ("lifter", self.lifter.to_string())];
        own.into_iter().chain(self.spectrogram.spelled()).collect()
    }

    /// Name of the set with these parameters.
    fn name(&self, set: &str) -> Cow<'static, str> {
        Cow::Owned(spelled(set, &self.spelled(), &Cepstrum::SPEECH.spelled()))
    }

    /// Names of the tracks of [`Cepstrum::layers`].
    fn columns(&self) -> impl Iterator<Item = Column> {
        let count = self.coefficients;
        let layers = [
            ("mfcc", "dB", "librosa.feature.mfcc"),
            ("delta_mfcc", "dB/frame", "librosa.feature.delta of mfcc, order 1"),
            ("delta2_mfcc", "dB/frame²", "librosa.feature.delta of mfcc, order 2"),
        ];
        layers.into_iter().flat_map(move |(layer, unit, source)| {
            (0..count).map(move |i| Column { name: format!("{layer}{i}"), unit, source })
        })
    }
}

/// Frames whose sums stay in registers while all bands are added up.
const BLOCK: usize = 32;

/// Sum of levels, each band's times its weight, for a block of frames.
struct Mix<'a> {
    levels: &'a [[f32; BLOCK]],
    weights: &'a [f32],
}

impl Kernel for Mix<'_> {
    type Output = [f32; BLOCK];

    #[inline(always)]
    fn run(self) -> [f32; BLOCK] {
        let mut sums = [0.0; BLOCK];
        for (levels, weight) in self.levels.iter().zip(self.weights) {
            for lane in 0..BLOCK {
                sums[lane] += weight * levels[lane];
            }
        }
        sums
    }
}

/// Mean and standard deviation (dividing by n) of a track.
struct Moments<'a>(&'a [f32]);

impl Kernel for Moments<'_> {
    type Output = [f32; 2];

    #[inline(always)]
    fn run(self) -> [f32; 2] {
        let (eights, rest) = self.0.as_chunks::<8>();
        let count = self.0.len() as f64;
        let mut sums = [0.0; 8];
        for eight in eights {
            sums.iter_mut().zip(eight).for_each(|(sum, &value)| *sum += f64::from(value));
        }
        let mean = (sums.iter().sum::<f64>() + rest.iter().map(|&value| f64::from(value)).sum::<f64>()) / count;
        let square = |value: f32| (f64::from(value) - mean) * (f64::from(value) - mean);
        let mut squares = [0.0; 8];
        for eight in eights {
            squares.iter_mut().zip(eight).for_each(|(sum, &value)| *sum += square(value));
        }
        let spread = (squares.iter().sum::<f64>() + rest.iter().map(|&value| square(value)).sum::<f64>()) / count;
        [mean as f32, spread.sqrt() as f32]
    }
}

impl FeatureSet for Mfcc {
    fn name(&self) -> &str {
        &self.name
    }

    fn about(&self) -> &str {
        "vector: mean and spread of 40 MFCC and of their first and second derivatives"
    }

    fn kind(&self) -> Kind {
        Kind::Row
    }

    fn version(&self) -> u32 {
        1
    }

    fn columns(&self) -> Vec<Column> {
        let named = |column: &Column, name| Column { name: format!("{}_{name}", column.name), ..*column };
        self.cepstrum.columns().flat_map(|column| ["mean", "sd"].map(|name| named(&column, name))).collect()
    }

    /// Mean, then standard deviation (dividing by n), of each track over all frames.
    fn extract(&self, wave: &Wave) -> Result<Features, FeatureError> {
        let (tracks, frames) = self.cepstrum.layers(wave)?;
        Ok(Features::Row(tracks.chunks_exact(frames).flat_map(|track| wide(Moments(track))).collect()))
    }

    /// `n`, `lifter`, and the parameters of `logmel`.
    fn with(&self, parameters: &Parameters) -> Result<Chosen, SpecError> {
        let cepstrum = self.cepstrum.with(ROW, parameters)?;
        Ok(Arc::new(Mfcc { name: cepstrum.name(ROW), cepstrum }))
    }
}

impl FeatureSet for MfccLld {
    fn name(&self) -> &str {
        &self.name
    }

    fn about(&self) -> &str {
        "image: 40 MFCC over time, their first and second derivative (64 bands, 25/10 ms)"
    }

    fn kind(&self) -> Kind {
        Kind::Image
    }

    fn version(&self) -> u32 {
        1
    }

    fn columns(&self) -> Vec<Column> {
        self.cepstrum.columns().collect()
    }

    /// `[3, n, frames]`; of a silent clip all but the 0th coefficient are 0.
    fn extract(&self, wave: &Wave) -> Result<Features, FeatureError> {
        let (tracks, frames) = self.cepstrum.layers(wave)?;
        let shape = (3, self.cepstrum.coefficients, frames);
        // The buffer was made for this shape; an image of zeros would be the answer to a bug here.
        let image = Array3::from_shape_vec(shape, tracks).unwrap_or_else(|_| Array3::zeros(shape));
        Ok(Features::Image(image.into_shared()))
    }

    /// Coefficients are no frequencies: their frames lie where those of `logmel` do.
    fn raster(&self, rate: u32) -> Option<Raster> {
        Some(Raster { edges: None, ..self.cepstrum.spectrogram.raster(rate) })
    }

    /// `n`, `lifter`, and the parameters of `logmel`.
    fn with(&self, parameters: &Parameters) -> Result<Chosen, SpecError> {
        let cepstrum = self.cepstrum.with(IMAGE, parameters)?;
        Ok(Arc::new(MfccLld { name: cepstrum.name(IMAGE), cepstrum }))
    }
}

#[cfg(test)]
#[allow(clippy::unwrap_used, clippy::panic)]
mod tests {
    use super::super::feature_set;
    use super::*;

    #[test]
    fn silence_has_one_coefficient() {
        let Features::Image(image) = MFCC_LLD.extract(&Wave { samples: vec![0.0; 8000], rate: 16_000 }).unwrap() else {
            panic!("mfcc-lld makes images")
        };
        assert_eq!(image.dim(), (3, 40, 51));
        // -100 dB in each of 64 bands, times sqrt(64).
        assert!((image[[0, 0, 0]] + 800.0).abs() < 1e-3, "{}", image[[0, 0, 0]]);
        assert!(image.iter().filter(|value| value.abs() > 1e-3).all(|value| (value + 800.0).abs() < 1e-3));
    }

    #[test]
    fn a_row_has_six_numbers_a_coefficient() {
        let set = feature_set("mfcc:n=13,lifter=22,bands=26").unwrap();
        assert_eq!(set.name(), "mfcc:n=13,lifter=22,bands=26");
        let names: Vec<String> = set.columns().into_iter().map(|column| column.name).collect();
        assert_eq!(names.len(), 13 * 6);
        assert_eq!(names[..3], ["mfcc0_mean", "mfcc0_sd", "mfcc1_mean"]);
    }

    #[test]
    fn there_are_no_more_coefficients_than_bands() {
        let error = feature_set("mfcc:bands=20").err().unwrap().to_string();
        assert!(error.contains("`n=40`: n must be at most bands=20"), "{error}");
    }
}
