//! Models on disk: training one on a whole corpus, its folder, and predicting with it.
//!
//! A folder holds `card.toml` (what it is, in words a person can read) and `weights.safetensors` (model, scaling and
//! which columns are read). The card is written last: a folder with a card is whole.
//! Deliberately absent: scoring a model on its own training clips.

use std::collections::BTreeMap;
use std::fs;
use std::io::ErrorKind;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use anyhow::{Context, Result, bail};
use rayon::prelude::*;

use super::checkpoints::Shelf;
use super::cost::{Hearings, cost};
use super::experiment::{Agenda, Judged, Material, News, Request, Series, argmax, versions};
use super::folds::confounding_note;
use super::material::{Listener, check_asked, contenders, gather, sets};
use super::pretrain::pretrain;
use super::quantize::Quantized;
use crate::audio::decode;
use crate::corpus::{About, Clip, Corpus, Task, descriptions, task};
use crate::features::curves::Curves;
use crate::features::{Chosen, Features, Preparation, feature_set};
use crate::file::write_whole;
use crate::job::{Cancelled, Mapped, Watch};
use crate::learn::committee::{Committee, Views, convene, unkept};
use crate::learn::{Cost, Norm, Recipe, model_file};

/// Version of the folder's layout; a newer one is refused.
const FORMAT: u32 = 1;
/// The file a person reads.
pub(super) const CARD: &str = "card.toml";
/// The file with the numbers.
const WEIGHTS: &str = "weights.safetensors";
/// Clips that go through a model at a time.
pub const BATCH: usize = 32;

/// What a model folder says about itself.
#[derive(Debug, Clone, PartialEq, serde::Serialize, serde::Deserialize)]
pub struct Card {
    /// Layout version.
    pub format: u32,
    /// emolab that wrote it.
    pub emolab: String,
    /// What is recognised: `emotion`, `sex`, `sex+emotion`.
    pub target: String,
    /// Classes, in the order of the scores.
    pub classes: Vec<String>,
    /// What happens to a clip before its features are computed: `rate`, and what else was asked for.
    #[serde(flatten)]
    pub preparation: Preparation,
    /// Version of the feature set, the first where there are several.
    pub features_version: u32,
    /// Versions of the feature sets by name, where there are several.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub sets: BTreeMap<String, u32>,
    /// How the probabilities were calibrated, in words.
    #[serde(default)]
    pub calibration: String,
    /// Trained parameters.
    pub parameters: usize,
    /// Corpus, clips and speakers it was fitted on.
    pub trained_on: TrainedOn,
    /// Classifier, features, scaling, seed.
    pub recipe: Recipe,
    /// Scores of the same recipe under plans; empty when it was not evaluated, two when a plan leaks speakers.
    #[serde(default)]
    pub scores: Vec<Scores>,
    /// What scoring costs; absent in cards from before it was measured.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub cost: Option<Cost>,
    /// Where its net computes in whole numbers: from what, and what came of it. `scores` are then of the recipe before.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub quantized: Option<Quantized>,
}

/// The material of a model.
#[derive(Debug, Clone, PartialEq, serde::Serialize, serde::Deserialize)]
pub struct TrainedOn {
    /// Name of the corpus description.
    pub corpus: String,
    /// Machine-made speech: the model means nothing.
    pub synthetic: bool,
    /// Clips.
    pub clips: usize,
    /// Speakers.
    pub speakers: usize,
    /// Other corpora that its nets were trained on before, a sentence each.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub pretrained: Vec<String>,
    /// Licence of the recordings, where the corpus is a known one.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub licence: Option<String>,
    /// Where to get them.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub source: Option<String>,
    /// The paper to cite.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub citation: Option<String>,
}

/// Scores of a recipe under a plan, as fractions.
#[derive(Debug, Clone, PartialEq, serde::Serialize, serde::Deserialize)]
pub struct Scores {
    /// The plan, as typed.
    pub plan: String,
    /// True when the same speakers are in training and test.
    pub speakers_leak: bool,
    /// Unweighted average recall.
    pub uar: Option<f64>,
    /// Its 95 % interval by bootstrap over speakers.
    pub uar_ci: Option<[f64; 2]>,
    /// Share of right clips.
    pub wa: Option<f64>,
}

/// A model with its card, ready to predict.
pub struct Saved {
    /// What it says about itself.
    pub card: Card,
    pub(super) fitted: Committee,
    /// Of the fit, until it is written.
    pub(super) shelf: Option<Shelf>,
}

/// A file to be recognised.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Asked {
    /// Where it lies.
    pub path: PathBuf,
    /// Who speaks, where the layout of a corpus tells.
    pub speaker: Option<String>,
}

/// One row of the table of predictions.
#[derive(Debug, Clone, PartialEq, serde::Serialize)]
pub struct Row {
    /// The file, as given.
    pub file: String,
    /// Name of the class with the highest probability.
    pub pred: String,
    /// Probability per class, in the card's order.
    pub p: Vec<f64>,
    /// Mean pitch over voiced frames in Hz; `None` without any.
    pub pitch_hz: Option<f64>,
    /// Mean level over 25 ms frames in dB re full scale, at least -100.
    pub energy_db: f64,
}

/// Fits the only classifier of `request` on every labelled clip of `corpus`.
///
/// # Errors
/// As [`super::experiment::compare`].
pub fn train(corpus: &Corpus, request: &Request, listener: &Listener<'_>, watch: &dyn Watch<News>) -> Result<Saved> {
    let all = contenders(&request.models)?;
    let [who] = &all[..] else { bail!("a model is made of one classifier, {} were named", all.len()) };
    let task = task(corpus, request.target)?;
    if request.norm == Norm::Speaker && task.speakerless() > 0 {
        bail!("scaling by speaker: {} of {} clips have no speaker", task.speakerless(), task.rows.len());
    }
    if let Some(note) = confounding_note(&task, request.norm) {
        watch.tell(News::Trouble(note));
    }
    check_asked(&all, (request.features.as_deref(), request.effort.also))?;
    let (recipe, read) = request.recipe(who)?;
    let mut sets = sets(corpus, &task, (&all, request), listener, watch)?;
    let pretrained = pretrain((corpus, &task), (&all, request), &mut sets, listener, watch)?;
    let clips: Vec<&Clip> = task.rows.iter().map(|&row| &corpus.clips[row]).collect();
    let hearings = Hearings::of(&clips, &read, listener, watch)?;
    let material = Material { corpus, task: &task, preparation: listener.preparation, sets, pretrained, hearings };
    let shelf = material.shelf(request, who, ("all clips", &[]))?;
    let (model, plan) = (recipe.title(), "all clips".to_owned());
    let series = vec![Series { model: model.clone(), plan: plan.clone(), folds: vec![plan.clone()] }];
    watch.tell(News::Start(Arc::new(Agenda { series, ..Agenda::of(corpus, &task) })));
    watch.tell(News::Model { model, plan, index: 0, of: 1, folds: 1 });
    let keepers = |fit: &str| shelf.as_ref().map_or_else(|| unkept(fit), |shelf| shelf.keeper(0, fit));
    let told = Mapped::new(watch, |epoch| {
        shelf.iter().for_each(|shelf| shelf.tell(watch));
        Some(News::Epoch { fold: 0, epoch })
    });
    let fitted = convene(&recipe, &material.sets, &keepers, &told)?;
    let seconds: Vec<f64> = clips.iter().map(|clip| clip.audio.seconds).collect();
    let groups = material.sets.values().next().map_or(Vec::new(), |data| data.groups.clone());
    let (sets, hearings) = (material.sets, material.hearings);
    let views: Views = sets.into_iter().map(|(name, data)| (name, data.inputs)).collect();
    let card = Card {
        format: FORMAT,
        emolab: env!("CARGO_PKG_VERSION").to_owned(),
        target: request.target.to_string(),
        classes: task.classes.clone(),
        preparation: listener.preparation,
        features_version: read[0].version(),
        sets: versions(&read),
        calibration: calibration(&fitted),
        parameters: fitted.parameters(),
        trained_on: TrainedOn::of(corpus, &task, material.pretrained.clone()),
        recipe,
        scores: Vec::new(),
        cost: Some(cost(&fitted, (&views, &groups), &seconds, &hearings, watch)?),
        quantized: None,
    };
    Ok(Saved { card, fitted, shelf })
}

impl TrainedOn {
    fn of(corpus: &Corpus, task: &Task, pretrained: Vec<String>) -> TrainedOn {
        let about = descriptions().iter().find(|known| known.name == corpus.name).map(|known| &known.about);
        let said = |text: fn(&About) -> &String| about.map(text).filter(|text| !text.is_empty()).cloned();
        TrainedOn {
            corpus: corpus.name.clone(),
            synthetic: corpus.synthetic,
            clips: task.rows.len(),
            speakers: task.known_speakers(),
            pretrained,
            licence: said(|about| &about.licence),
            source: said(|about| &about.source),
            citation: said(|about| &about.citation),
        }
    }
}

/// How a model's probabilities were calibrated.
fn calibration(fitted: &Committee) -> String {
    let one = |temperature: Option<f64>| temperature.map_or_else(|| "none".to_owned(), |t| format!("{t:.2}"));
    let temperatures = fitted.temperatures();
    if temperatures.iter().all(Option::is_none) {
        return "none: temperature 1, for want of clips that were not learnt from".to_owned();
    }
    let all = temperatures.into_iter().map(one).collect::<Vec<_>>().join(", ");
    format!("temperature of each fit, by training speakers that it did not learn from: {all}")
}

impl Scores {
    /// The figures of a run that a card keeps.
    pub fn of(judged: &Judged) -> Scores {
        let (run, summary) = (&judged.run, &judged.summary);
        Scores {
            plan: run.protocol.plan.plan.clone(),
            speakers_leak: run.protocol.plan.speakers_leak,
            uar: summary.uar,
            uar_ci: summary.uar_ci.as_ref().map(|ci| [ci.low, ci.high]),
            wa: summary.wa,
        }
    }
}

impl Saved {
    /// Writes the folder; an older model there is replaced, other files there stay. The fit's checkpoints go.
    ///
    /// The old card goes first and the new one comes last: a folder with a card is whole.
    ///
    /// # Errors
    /// As [`check_folder`], or the folder cannot be written.
    pub fn write(&self, dir: &Path) -> Result<()> {
        check_folder(dir)?;
        let card = dir.join(CARD);
        let text = toml::to_string_pretty(&self.card)?;
        fs::create_dir_all(dir).with_context(|| dir.display().to_string())?;
        match fs::remove_file(&card) {
            Err(error) if error.kind() != ErrorKind::NotFound => return Err(error).context(card.display().to_string()),
            _ => {}
        }
        model_file::write(&dir.join(WEIGHTS), &self.fitted.weights()?)?;
        write_whole(&card, |out| out.write_all(text.as_bytes())).with_context(|| card.display().to_string())?;
        self.shelf.iter().for_each(Shelf::clear);
        Ok(())
    }

    /// Opens a model folder.
    ///
    /// # Errors
    /// Not a model, cut short, from a newer emolab, or made with features this emolab no longer computes.
    pub fn open(dir: &Path) -> Result<Saved> {
        let path = dir.join(CARD);
        let text = fs::read_to_string(&path).with_context(|| format!("{}: no model there", path.display()))?;
        let card = card(&text).with_context(|| path.display().to_string())?;
        let path = dir.join(WEIGHTS);
        let weights = model_file::read(&path)?;
        let fitted = Committee::load(card.recipe.clone(), card.classes.len(), &weights)
            .with_context(|| path.display().to_string())?;
        Ok(Saved { card, fitted, shelf: None })
    }

    /// From a card and weights that do not lie on disk.
    ///
    /// # Errors
    /// As [`Saved::open`].
    pub fn of(text: &str, weights: &[u8]) -> Result<Saved> {
        let card = card(text)?;
        let fitted = Committee::load(card.recipe.clone(), card.classes.len(), &model_file::parse(weights)?)?;
        Ok(Saved { card, fitted, shelf: None })
    }

    /// Predicts `files` in batches of 32 and gives each batch's rows to `each` as soon as they are there.
    ///
    /// A model with `speaker` scaling takes all files of a speaker as one batch, and those without one as another.
    /// Returns the files that could not be predicted with the reason.
    ///
    /// # Errors
    /// Cancelling, or a failure of `each`; an unreadable file is not one.
    pub fn predict(
        &self,
        files: &[Asked],
        watch: &dyn Watch<News>,
        each: &mut dyn FnMut(Vec<Row>) -> Result<()>,
    ) -> Result<Vec<(PathBuf, String)>> {
        let mut problems = Vec::new();
        for files in self.batches(files) {
            let hear = |file: &&Asked| {
                watch.check()?;
                Ok((file.path.clone(), self.hear(&file.path)))
            };
            let heard: Vec<_> = files.par_iter().map(hear).collect::<Result<_, Cancelled>>()?;
            let mut known = Vec::new();
            for (file, heard) in heard {
                match heard {
                    Ok(heard) => known.push(heard),
                    Err(error) => problems.push((file, format!("{error:#}"))),
                }
            }
            if !known.is_empty() {
                each(self.score(known)?)?;
            }
        }
        Ok(problems)
    }

    /// What goes through the model at a time.
    fn batches<'a>(&self, files: &'a [Asked]) -> Vec<Vec<&'a Asked>> {
        if self.card.recipe.norm != Norm::Speaker {
            return files.chunks(BATCH).map(|batch| batch.iter().collect()).collect();
        }
        let mut speakers: BTreeMap<Option<&str>, Vec<&Asked>> = BTreeMap::new();
        files.iter().for_each(|file| speakers.entry(file.speaker.as_deref()).or_default().push(file));
        speakers.into_values().collect()
    }

    /// The feature sets that it reads, one per classifier of it.
    pub(super) fn sets(&self) -> Result<Vec<Chosen>> {
        self.card.recipe.leaves().iter().map(|leaf| known(&leaf.features)).collect()
    }

    /// The features of a file in each set of the model, with what else is told of it.
    fn hear(&self, file: &Path) -> Result<(Row, Vec<Features>)> {
        let sound = decode(file)?;
        let heard = sound.mono().resample(self.card.preparation.rate)?;
        let wave = self.card.preparation.apply(sound)?;
        let features = self.sets()?.iter().map(|set| Ok(set.extract(&wave)?)).collect::<Result<_>>()?;
        // Pitch and level are those of the file: a model's preparation is not what a person asks about.
        let curves = Curves::of(&heard)?;
        let row = Row {
            file: file.display().to_string(),
            pred: String::new(),
            p: Vec::new(),
            pitch_hz: curves.mean_pitch().map(f64::from),
            energy_db: f64::from(curves.mean_level()),
        };
        Ok((row, features))
    }

    /// The features of many clips, each in every set of the model, as the model reads them.
    ///
    /// # Errors
    /// As [`gather`].
    pub(super) fn views(&self, features: &[Vec<Features>]) -> Result<Views> {
        let mut views = Views::new();
        for (at, leaf) in self.card.recipe.leaves().iter().enumerate() {
            views.insert(leaf.features.clone(), gather(features.iter().map(|all| all[at].clone()).collect())?);
        }
        Ok(views)
    }

    fn score(&self, heard: Vec<(Row, Vec<Features>)>) -> Result<Vec<Row>> {
        let (rows, features): (Vec<Row>, Vec<Vec<Features>>) = heard.into_iter().unzip();
        let scores = self.fitted.scores(&self.views(&features)?, &vec![0; rows.len()])?.scores;
        let named = rows.into_iter().zip(scores.outer_iter()).map(|(row, p)| Row {
            pred: self.card.classes[argmax(p.iter().copied())].clone(),
            p: p.to_vec(),
            ..row
        });
        Ok(named.collect())
    }
}

/// blake3 of a model folder's weights: names what a model was made from.
///
/// # Errors
/// The file cannot be read.
pub fn weights_hash(dir: &Path) -> Result<String> {
    let path = dir.join(WEIGHTS);
    let bytes = fs::read(&path).with_context(|| path.display().to_string())?;
    Ok(blake3::hash(&bytes).to_hex().to_string())
}

/// Checks, before the work, that a model can be written to `dir`.
///
/// # Errors
/// It is a file, or a folder with something else than a model in it.
pub fn check_folder(dir: &Path) -> Result<()> {
    let mut entries = match fs::read_dir(dir) {
        Ok(entries) => entries,
        Err(error) if error.kind() == ErrorKind::NotFound => return Ok(()),
        Err(error) => return Err(error).context(dir.display().to_string()),
    };
    if entries.next().is_some() && !dir.join(CARD).exists() {
        bail!("{} is not empty and holds no model; choose another folder", dir.display());
    }
    Ok(())
}

/// Parses and checks a card: format first, so that a newer one is told as such whatever else changed.
fn card(text: &str) -> Result<Card> {
    let table: toml::Table = text.parse().context("not a model card")?;
    match table.get("format").and_then(toml::Value::as_integer) {
        None => bail!("not a model card: it has no `format`"),
        Some(format) if format > i64::from(FORMAT) => {
            bail!("format {format} was written by a newer emolab; this one reads up to {FORMAT}")
        }
        Some(_) => {}
    }
    let card: Card = toml::from_str(text).context("not a model card")?;
    for leaf in card.recipe.leaves() {
        let (name, now) = (&leaf.features, known(&leaf.features)?.version());
        let made = *card.sets.get(name).unwrap_or(&card.features_version);
        if made != now {
            bail!(
                "made with version {made} of the features `{name}`, this emolab computes version {now}; train it again"
            );
        }
    }
    Ok(card)
}

fn known(set: &str) -> Result<Chosen> {
    feature_set(set).with_context(|| format!("this emolab has no feature set `{set}`"))
}
