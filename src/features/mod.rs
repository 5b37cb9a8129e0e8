//! Numbers from a clip: images and rows, one file or folder per feature set; what happens to a clip before; their cache.
//!
//! Deliberately absent: normalisation across clips (fitted inside a fold, see `learn::norm`) and anything about labels.

pub mod alter;
pub mod cache;
pub mod curves;
mod descriptors;
pub mod dsp;
pub mod egemaps;
pub mod fingerprint;
pub mod functionals;
pub mod logmel;
mod mapped;
pub mod mfcc;
pub mod npy;
mod parameter;
pub mod parquet;
pub mod prepare;
pub mod prosody;
pub mod rich;
pub mod segment;
mod spec;
pub mod spectral;
mod statistics;

use std::sync::Arc;

use ndarray::{ArcArray, Ix3};

pub use prepare::Preparation;
pub use spec::{Combined, Parameters, SpecError, feature_set};

use crate::audio::Wave;

/// A picture of a clip: `[channel, band, frame]`.
pub type Image = ArcArray<f32, Ix3>;

/// What a feature set makes of one clip.
#[derive(Debug, Clone, PartialEq)]
pub enum Features {
    /// `[channel, band, frame]`; the number of frames depends on the clip.
    Image(Image),
    /// One number per column.
    Row(Vec<f32>),
}

/// Which of the two kinds of [`Features`] a set makes and a classifier takes.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Kind {
    /// [`Features::Image`].
    Image,
    /// [`Features::Row`].
    Row,
}

/// One number of a row, or one channel and band of an image.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Column {
    /// Unique within the set, e.g. `mfcc3_mean`.
    pub name: String,
    /// Physical unit, or "-".
    pub unit: &'static str,
    /// Where its definition comes from: a function of a named library, or a paper.
    pub source: &'static str,
}

/// Where the pixels of an image lie, for whoever draws something of its size over a spectrogram.
#[derive(Debug, Clone, PartialEq)]
pub struct Raster {
    /// Seconds from one frame to the next; frame `t` is centred on `t * hop`.
    pub hop: f64,
    /// Edges of the bands in Hz, lowest first, one more than there are bands; `None` where bands are no frequencies.
    pub edges: Option<Vec<f64>>,
}

/// A recipe that turns a wave into [`Features`]; one static per file, listed in [`FEATURE_SETS`].
pub trait FeatureSet: Send + Sync {
    /// As typed after `--set`, parameters included: `logmel`, `logmel:bands=40`.
    fn name(&self) -> &str;
    /// One line for pickers and the catalogue.
    fn about(&self) -> &str;
    /// What it makes.
    fn kind(&self) -> Kind;
    /// Raised whenever the numbers change; part of the cache key.
    fn version(&self) -> u32;
    /// Names of the columns (rows), or of channel x band (images), in order.
    fn columns(&self) -> Vec<Column>;
    /// Samples per second that clips are brought to for this set unless the user says otherwise.
    fn rate(&self) -> u32 {
        USUAL_RATE
    }
    /// Computes the features of one clip, at the wave's own rate.
    ///
    /// # Errors
    /// [`FeatureError`] when the wave is empty, not finite, or of no usable rate. A short or silent wave is not an
    /// error: what it lacks has the value the set documents, and every number is finite.
    fn extract(&self, wave: &Wave) -> Result<Features, FeatureError>;
    /// Where the pixels of its images lie, of a wave of that rate; `None` for rows.
    fn raster(&self, _rate: u32) -> Option<Raster> {
        None
    }
    /// The sets that stand side by side in this one; none for a set of its own.
    fn parts(&self) -> &[Chosen] {
        &[]
    }
    /// The same set with other parameters, as typed after its name.
    ///
    /// # Errors
    /// [`SpecError::Parameter`] for one that the set does not have, or a value that makes no sense.
    fn with(&self, parameters: &Parameters) -> Result<Chosen, SpecError> {
        Err(parameters.unknown(self.name(), &[]))
    }
}

impl Raster {
    /// Of bands that are no frequencies.
    fn frames(framing: &dsp::Framing, rate: u32) -> Raster {
        Raster { hop: framing.hop as f64 / f64::from(rate.max(1)), edges: None }
    }
}

/// A feature set that the user chose: one of the registry, one with other parameters, or several side by side.
pub type Chosen = Arc<dyn FeatureSet>;

/// Why a clip has no features.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum FeatureError {
    /// No samples.
    #[error("the clip holds no samples")]
    Empty,
    /// NaN or infinity in the samples.
    #[error("sample {0} is not a finite number")]
    NotFinite(usize),
    /// A rate outside [`RATES`], in Hz.
    #[error("a rate of {0} Hz is outside 1 kHz to 768 kHz")]
    Rate(u32),
    /// A number that is not finite came out: an error of the set, kept from travelling further.
    #[error("the set `{set}` gives no finite number for {column}")]
    Undefined {
        /// Name of the set.
        set: String,
        /// Name of the first such column.
        column: String,
    },
}

/// The paper's system's rate in Hz: what clips are brought to unless a set or the user says otherwise.
pub const USUAL_RATE: u32 = 22_050;

/// Rates that features are computed at, in Hz.
pub const RATES: std::ops::RangeInclusive<u32> = 1_000..=768_000;

/// All feature sets; the first of each kind is that kind's default.
pub static FEATURE_SETS: &[&dyn FeatureSet] = &[
    &logmel::LOGMEL,
    &functionals::FUNCTIONALS,
    &mfcc::MFCC,
    &mfcc::MFCC_LLD,
    &spectral::SPECTRAL,
    &egemaps::EGEMAPS,
    &egemaps::DESCRIPTORS,
    &prosody::PROSODY,
    &rich::RICH,
];

/// The wave itself when features can be made of it.
fn checked(wave: &Wave) -> Result<&Wave, FeatureError> {
    if wave.samples.is_empty() {
        return Err(FeatureError::Empty);
    }
    // Whole registers at a time; where it is only matters once something is wrong.
    if !wave.samples.iter().fold(true, |all, sample| all & sample.is_finite()) {
        let at = wave.samples.iter().position(|sample| !sample.is_finite());
        return Err(FeatureError::NotFinite(at.unwrap_or_default()));
    }
    if RATES.contains(&wave.rate) { Ok(wave) } else { Err(FeatureError::Rate(wave.rate)) }
}
