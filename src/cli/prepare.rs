//! The flags that say what happens to a clip before its features are computed; the same for every verb that computes.
//!
//! Deliberately absent: what they do (see `features::prepare`).

use clap::Args;

use crate::features::prepare::{Intensity, Length, Mono, PreparationError, within};
use crate::features::{Preparation, SpecError, USUAL_RATE, feature_set};

/// Preparation of clips; without any of these only channels are averaged and the rate is changed.
#[derive(Debug, Clone, Args)]
#[command(next_help_heading = "Before features are computed")]
pub struct Prepare {
    /// Sample rate in Hz that clips are resampled to for features [default: 16000 for egemaps, 22050 for all else].
    #[arg(long, value_name = "HZ", value_parser = clap::value_parser!(u32).range(8_000..=192_000))]
    rate: Option<u32>,
    /// Take the first channel alone, not the mean of all.
    #[arg(long)]
    first_channel: bool,
    /// Cut off ends that are DB below the loudest frame (librosa's default is 60).
    #[arg(long, value_name = "DB", allow_hyphen_values = true, value_parser = decibels)]
    trim: Option<f64>,
    /// Scale each clip to one intensity: peak, rms or loudness (EBU R 128), with a level if wanted: rms:-20.
    #[arg(long, value_name = "KIND[:DB]", allow_hyphen_values = true)]
    intensity: Option<Intensity>,
    /// Cut or fill each clip to a length in seconds; by default its middle, filled with zeros: 3, 3:start:repeat.
    #[arg(long, value_name = "S[:FROM][:FILL]")]
    length: Option<Length>,
    /// Pre-emphasis y[t] = x[t] - C x[t-1] (librosa's default is 0.97).
    #[arg(long, value_name = "C", value_parser = coefficient)]
    pre_emphasis: Option<f64>,
}

impl Prepare {
    /// As the library takes it, for the feature set asked for, if any.
    pub fn preparation(&self, set: Option<&str>) -> Preparation {
        let usual = set.and_then(|set| feature_set(set).ok()).map_or(USUAL_RATE, |set| set.rate());
        Preparation {
            rate: self.rate.unwrap_or(usual),
            mono: if self.first_channel { Mono::First } else { Mono::Mean },
            trim: self.trim,
            intensity: self.intensity,
            length: self.length,
            pre_emphasis: self.pre_emphasis,
        }
    }
}

/// That a text names a feature set: a typing error is told before anything is read.
pub fn set_name(text: &str) -> Result<String, SpecError> {
    feature_set(text).map(|_| text.to_owned())
}

fn decibels(text: &str) -> Result<f64, PreparationError> {
    within(text, &Preparation::TRIM, "a number of dB")
}

fn coefficient(text: &str) -> Result<f64, PreparationError> {
    within(text, &Preparation::EMPHASIS, "a coefficient")
}
