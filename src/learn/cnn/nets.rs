//! The nets of the registry: a name and a TOML each ([`Settings`]). A new one is a TOML, a static here and a line in
//! `CLASSIFIERS`.

use super::list::Input;
use super::settings::Settings;
use super::{Fit, Keeper, NetModel, Unkept, fit};
use crate::features::Kind;
use crate::job::Watch;
use crate::learn::{BEST_EPOCH, Classifier, Data, Epoch, Inputs, LearnError, Model, Recipe, Weights};

/// A net that is trained by back-propagation on the own engine.
#[derive(Debug, Clone, Copy)]
pub struct Net {
    name: &'static str,
    about: &'static str,
    kind: Kind,
    text: &'static str,
}

/// Two-dimensional convolutions on the spectrogram image.
pub static CNN: Net = Net {
    name: "cnn",
    about: "convolutional net on the spectrogram image (own engine)",
    kind: Kind::Image,
    text: include_str!("nets/cnn.toml"),
};

/// Convolutions along time on cepstral coefficients.
pub static CNN1D: Net = Net {
    name: "cnn1d",
    about: "the paper's lineage: convolutions along time on MFCCs (own engine)",
    kind: Kind::Image,
    text: include_str!("nets/cnn1d.toml"),
};

/// Two-dimensional convolutions, then recurrent units.
pub static CRNN: Net = Net {
    name: "crnn",
    about: "convolutions, then gated recurrent units in both directions, and attention (own engine)",
    kind: Kind::Image,
    text: include_str!("nets/crnn.toml"),
};

/// Linear layers on rows.
pub static MLP: Net = Net {
    name: "mlp",
    about: "feed-forward net, two hidden layers (own engine)",
    kind: Kind::Row,
    text: include_str!("nets/mlp.toml"),
};

impl Net {
    /// Its settings under `recipe`, and what it reads of `data`.
    fn settled(&self, data: &Data, recipe: &Recipe) -> Result<(Settings, Input), LearnError> {
        let input = match &data.inputs {
            Inputs::Images(images) => {
                images.first().map(|image| Input::Images { channels: image.dim().0, bands: image.dim().1 })
            }
            Inputs::Rows(rows) => (!rows.is_empty()).then_some(Input::Rows(rows.ncols())),
        };
        let input = input.ok_or_else(|| LearnError::TooFewRows("no clips to train on".to_owned()))?;
        if self.kind != data.inputs.kind() {
            return Err(LearnError::WrongInput(format!("{} does not read inputs of this kind", self.name)));
        }
        let mut settings = recipe.net.clone().map_or_else(|| Settings::read(self.text), Ok)?;
        settings.check()?;
        if data.extras.starts.contains_key(self.name) {
            settings.schedule.rate *= settings.finetune;
        }
        settings.schedule.epochs = recipe.epochs.unwrap_or_else(|| settings.schedule.epochs_of(data.labels.len()));
        Ok((settings, input))
    }
}

impl Classifier for Net {
    fn name(&self) -> &'static str {
        self.name
    }

    fn about(&self) -> &'static str {
        self.about
    }

    fn kind(&self) -> Kind {
        self.kind
    }

    fn checkpoint(&self) -> &'static str {
        BEST_EPOCH
    }

    fn settings(&self) -> Option<Result<Settings, LearnError>> {
        Some(Settings::read(self.text))
    }

    fn fit(&self, data: &Data, recipe: &Recipe, watch: &dyn Watch<Epoch>) -> Result<Box<dyn Model>, LearnError> {
        self.fit_kept(data, recipe, &Unkept, watch)
    }

    fn fit_kept(
        &self,
        data: &Data,
        recipe: &Recipe,
        keeper: &dyn Keeper,
        watch: &dyn Watch<Epoch>,
    ) -> Result<Box<dyn Model>, LearnError> {
        let (settings, input) = self.settled(data, recipe)?;
        Ok(Box::new(fit((&settings, input), data, &Fit { recipe, schedule: settings.schedule, keeper, watch })?))
    }

    fn load(&self, weights: &Weights) -> Result<Box<dyn Model>, LearnError> {
        let model = NetModel::load(weights)?;
        let kind = if matches!(model.plan().input, Input::Images { .. }) { Kind::Image } else { Kind::Row };
        if kind == self.kind {
            return Ok(Box::new(model));
        }
        Err(LearnError::BadModel(format!("these tensors are no {}: it reads something else", self.name)))
    }
}
