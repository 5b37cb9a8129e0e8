//! All that decides a net and its training beside the data, as one TOML that a person can read and change:
//!
//! ```toml
//! smoothing = 0.1
//! second = 0.3
//! balance = "loss"
//! crops = { count = 3, whole = true }
//!
//! [schedule]
//! epochs = 40
//! # …
//!
//! [augment]
//! frames = 192
//!
//! [[layer]]
//! kind = "conv"
//! # …
//! ```
//!
//! Deliberately absent: the seed and the scaling of features (`learn::Recipe`).

use serde::{Deserialize, Serialize};

use super::augment::Augment;
use super::balance::Balance;
use super::crops::Crops;
use super::list::{LayerSpec, List};
use super::schedule::Schedule;
use crate::learn::LearnError;

/// A net and how it is trained.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Settings {
    /// The feature set that it is made for, as typed after `--features`; `None` = the first of its kind.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub features: Option<String>,
    /// Share of the target that is spread evenly over all classes (Szegedy et al. 2016), 0..1.
    pub smoothing: f64,
    /// What the second head's loss counts beside the first one's, where the data have second labels.
    pub second: f64,
    /// Share of the learning rate for a net that starts from a pre-trained one.
    #[serde(default = "finetune")]
    pub finetune: f64,
    /// How long and how fast.
    pub schedule: Schedule,
    /// What is changed in a clip before it is learnt from.
    #[serde(default)]
    pub augment: Augment,
    /// How rare and frequent classes come to count the same.
    #[serde(default)]
    pub balance: Balance,
    /// Which parts of a clip are scored.
    #[serde(default)]
    pub crops: Crops,
    /// The layers before the heads.
    #[serde(rename = "layer")]
    pub layers: Vec<LayerSpec>,
}

/// Gentle enough to keep what was learnt, as is usual; not tuned.
fn finetune() -> f64 {
    0.3
}

impl Settings {
    /// Reads the TOML and checks it.
    ///
    /// # Errors
    /// [`LearnError::WrongInput`] that names the key, or the layer (1-based), and what is wrong with it.
    pub fn read(text: &str) -> Result<Settings, LearnError> {
        let wrong = |why: toml::de::Error| LearnError::WrongInput(format!("net: {}", why.message()));
        let mut table: toml::Table = text.parse().map_err(wrong)?;
        let layers = List::take(&mut table)?.layers;
        table.insert("layer".to_owned(), toml::Value::Array(Vec::new()));
        let settings = Settings { layers, ..table.try_into().map_err(wrong)? };
        settings.check()?;
        Ok(settings)
    }

    /// The text that [`Settings::read`] reads.
    ///
    /// # Errors
    /// [`LearnError::Failed`] when TOML cannot hold a setting.
    pub fn text(&self) -> Result<String, LearnError> {
        toml::to_string(self).map_err(|why| LearnError::Failed(format!("net: {why}")))
    }

    /// The layers as a list.
    #[must_use]
    pub fn list(&self) -> List {
        List { layers: self.layers.clone() }
    }

    /// All numbers are where training can use them.
    ///
    /// # Errors
    /// [`LearnError::WrongInput`] that names the setting.
    pub fn check(&self) -> Result<(), LearnError> {
        let within = |name: &str, value: f64, low: f64, high: f64| {
            if value.is_finite() && (low..=high).contains(&value) {
                return Ok(());
            }
            Err(LearnError::WrongInput(format!("net: {name} is {value}, not {low} to {high}")))
        };
        let schedule = &self.schedule;
        within("smoothing", self.smoothing, 0.0, 0.9)?;
        within("finetune", self.finetune, 1e-6, 1.0)?;
        within("second", self.second, 0.0, 100.0)?;
        within("schedule.epochs", schedule.epochs as f64, 1.0, 1e5)?;
        within("schedule.batch", schedule.batch as f64, 1.0, 4096.0)?;
        within("schedule.patience", schedule.patience as f64, 1.0, 1e5)?;
        within("schedule.settle", schedule.settle, 0.0, 1.0)?;
        let [least, most] = schedule.steps.unwrap_or([1, 1]);
        within("schedule.steps[0]", least as f64, 0.0, 1e9)?;
        within("schedule.steps[1]", most as f64, least.max(1) as f64, 1e9)?;
        within("schedule.rate", schedule.rate, 1e-9, 100.0)?;
        within("schedule.clip", schedule.clip.unwrap_or(1.0), 1e-9, 1e9)?;
        within("crops.count", self.crops.count as f64, 0.0, 100.0)?;
        self.augment.check()
    }
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use super::*;

    #[test]
    fn a_net_reads_what_it_writes_and_names_what_is_wrong() {
        let text = include_str!("nets/cnn.toml");
        let settings = Settings::read(text).unwrap();
        assert_eq!(Settings::read(&settings.text().unwrap()).unwrap(), settings);
        for (from, to, named) in [
            ("rate = 3e-3", "rate = nan", "schedule.rate"),
            ("batch = 16", "batch = 0", "schedule.batch"),
            ("smoothing = 0.1", "smothing = 0.1", "smothing"),
            ("kind = \"conv\"\nchannels = 16", "kind = \"convolution\"\nchannels = 16", "layer 1"),
        ] {
            let why = Settings::read(&text.replacen(from, to, 1)).unwrap_err().to_string();
            assert!(why.contains(named), "{to}: {why}");
        }
    }
}
