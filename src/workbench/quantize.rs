//! From a model folder to one whose net computes in whole numbers, with what that saves and what it costs in its card.
//!
//! Calibration needs speech, not labels. Where labelled clips are at hand both models are scored on them. Deliberately
//! absent: an honest estimate of the UAR, which needs speakers that the model never heard (`emolab compare`).

use std::path::Path;
use std::time::Instant;

use anyhow::{Context, Result, bail};
use arcstr::ArcStr;

use super::cost::{Hearings, cost, median};
use super::experiment::{News, argmax};
use super::material::Listener;
use super::models::{Card, Saved};
use super::shelf;
use crate::corpus::{Clip, Corpus, Target, task};
use crate::features::Chosen;
use crate::job::Watch;
use crate::learn::committee::{Committee, Views};
use crate::learn::model_file;
use crate::score::{Confusion, metric};

/// Most clips to calibrate on, evenly spread over the corpus.
const CALIBRATE: usize = 256;
/// Clips of a batch.
const BATCH: usize = 32;
/// Times that each model is timed, at most.
const ROUNDS: usize = 25;
/// Seconds after which no further round begins.
const PATIENCE: f64 = 1.0;

/// What a card says of a quantized model.
#[derive(Debug, Clone, PartialEq, serde::Serialize, serde::Deserialize)]
pub struct Quantized {
    /// blake3 of the weights that it was made from.
    pub from: String,
    /// Corpus that it was calibrated on.
    pub calibrated_on: String,
    /// Clips of it.
    pub clips: usize,
    /// How, in words.
    pub scheme: String,
    /// The model that it was made from.
    pub before: Figures,
    /// The quantized one.
    pub after: Figures,
    /// Both on labelled clips, where there were any.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub scored: Option<Difference>,
}

/// What a model takes, measured beside the other one.
#[derive(Debug, Clone, Copy, PartialEq, serde::Serialize, serde::Deserialize)]
pub struct Figures {
    /// Size of its weights in 10^6 bytes.
    pub megabytes: f64,
    /// Median milliseconds a clip, one at a time; features excluded.
    pub clip_ms: f64,
    /// Median milliseconds a clip, 32 at a time on all cores; features excluded.
    pub batch_ms: f64,
    /// Seconds of computing per second of sound, features included, one clip at a time.
    pub real_time: Option<f64>,
}

/// Both models on the same labelled clips. Unless the model never heard these speakers, only the difference means
/// something.
#[derive(Debug, Clone, PartialEq, serde::Serialize, serde::Deserialize)]
pub struct Difference {
    /// Corpus of the clips.
    pub corpus: String,
    /// Clips.
    pub clips: usize,
    /// Unweighted average recall before, as a fraction.
    pub uar_before: f64,
    /// The same after.
    pub uar_after: f64,
    /// Points of UAR lost; below zero where some were won.
    pub uar_loss: f64,
    /// Share of clips that both models give the same class.
    pub agreement: f64,
}

/// What to quantize on.
#[derive(Debug, Clone, Copy)]
pub struct Material<'a> {
    /// Speech such as the model was trained on; labels are not read.
    pub calibrate: &'a Corpus,
    /// Labelled clips to score both models on; without it those of `calibrate` if they have labels of the model.
    pub test: Option<&'a Corpus>,
}

/// Quantizes the model in the folder `model`, or of that name.
///
/// # Errors
/// There is no such model, its net has nothing to quantize or is quantized already, a clip cannot be read, no clip of
/// `material.test` has a class of the model, cancelling.
pub fn quantize(
    model: &Path,
    material: Material<'_>,
    listener: &Listener<'_>,
    watch: &dyn Watch<News>,
) -> Result<Saved> {
    let saved = shelf::model(model)?;
    if saved.card.quantized.is_some() {
        bail!("{} is quantized already", model.display());
    }
    let (sets, corpus) = (saved.sets()?, material.calibrate);
    let listener = &Listener { preparation: saved.card.preparation, ..*listener };
    let clips = spread(&corpus.clips, CALIBRATE);
    if clips.is_empty() {
        bail!("{}: no clip to calibrate on", corpus.root.display());
    }
    let (views, groups) = (views(&clips, &sets, listener, watch)?, groups(&clips));
    watch.check()?;
    let fitted = saved.fitted.quantized(&views, &groups).with_context(|| model.display().to_string())?;
    let hearings = Hearings::of(&clips, &sets, listener, watch)?;
    let seconds: Vec<f64> = clips.iter().map(|clip| clip.audio.seconds).collect();
    let both = [&saved.fitted, &fitted];
    let [before, after] = figures(both, (&views, &groups), (&seconds, &hearings), watch)?;
    let scored = match material.test {
        Some(test) => Some(difference(&saved.card, both, test, (&sets, listener), watch)?),
        None if corpus.clips.iter().all(|clip| clip.label.is_none()) => None,
        // Clips to calibrate on may be labelled in other words.
        None => uncancelled(difference(&saved.card, both, corpus, (&sets, listener), watch))?,
    };
    let quantized = Quantized {
        from: shelf::weights_hash(model)?,
        calibrated_on: corpus.name.clone(),
        clips: clips.len(),
        scheme:
            "weights int8, a scale per output channel; images 7 bits, a scale each that holds 99.99 % of what is above \
                 zero; layers behind the convolutions in f32"
                .to_owned(),
        before,
        after,
        scored,
    };
    let card = Card {
        emolab: env!("CARGO_PKG_VERSION").to_owned(),
        parameters: fitted.parameters(),
        cost: Some(cost(&fitted, (&views, &groups), &seconds, &hearings, watch)?),
        quantized: Some(quantized),
        ..saved.card
    };
    Ok(Saved { card, fitted, shelf: None })
}

/// `None` in place of an error, unless it is the wish to stop.
fn uncancelled<T>(found: Result<T>) -> Result<Option<T>> {
    match found {
        Err(error) if crate::job::is_cancelled(&error) => Err(error),
        found => Ok(found.ok()),
    }
}

/// At most so many of them, evenly spread.
fn spread(clips: &[Clip], most: usize) -> Vec<&Clip> {
    let clips: Vec<&Clip> = clips.iter().filter(|clip| !clip.is_cut()).collect();
    let count = clips.len().min(most);
    (0..count).map(|place| clips[place * clips.len() / count]).collect()
}

/// Features of the clips in each of the sets.
fn views(clips: &[&Clip], sets: &[Chosen], listener: &Listener<'_>, watch: &dyn Watch<News>) -> Result<Views> {
    let mut all = Views::new();
    for set in sets {
        if !all.contains_key(set.name()) {
            all.insert(set.name().to_owned(), listener.inputs(clips, set.as_ref(), watch)?);
        }
    }
    Ok(all)
}

fn select(views: &Views, rows: &[usize]) -> Views {
    views.iter().map(|(name, inputs)| (name.clone(), inputs.select(rows))).collect()
}

/// Who speaks, as numbers; those of no known speaker are one group.
fn groups(clips: &[&Clip]) -> Vec<usize> {
    let mut known: Vec<&Option<ArcStr>> = clips.iter().map(|clip| &clip.speaker).collect();
    known.sort_unstable();
    known.dedup();
    clips.iter().map(|clip| known.partition_point(|&speaker| speaker < &clip.speaker)).collect()
}

/// Both models timed in turn on the same clips.
fn figures(
    models: [&Committee; 2],
    (views, groups): (&Views, &[usize]),
    (seconds, hearings): (&[f64], &Hearings),
    watch: &dyn Watch<News>,
) -> Result<[Figures; 2]> {
    let clips = groups.len();
    let batch: Vec<usize> = (0..BATCH).map(|clip| clip % clips).collect();
    let time = |model: &Committee, rows: &[usize]| -> Result<f64> {
        watch.check()?;
        let (views, groups) = (select(views, rows), rows.iter().map(|&row| groups[row]).collect::<Vec<_>>());
        let start = Instant::now();
        model.scores(&views, &groups)?;
        Ok(1e3 * start.elapsed().as_secs_f64() / rows.len() as f64)
    };
    let (mut alone, mut together, mut shares) = ([vec![], vec![]], [vec![], vec![]], [vec![], vec![]]);
    let began = Instant::now();
    for round in 0..=ROUNDS {
        if round > 1 && began.elapsed().as_secs_f64() > PATIENCE {
            break;
        }
        for (place, model) in models.iter().enumerate() {
            let row = round % clips;
            let (one, of_many) = (time(model, &[row])?, time(model, &batch)?);
            // The first round finds cold caches and asks for memory.
            if round > 0 {
                alone[place].push(one);
                together[place].push(of_many);
                shares[place].push(one / 1e3 / seconds[row].max(1e-3));
            }
        }
    }
    let mut of = |place: usize| -> Result<Figures> {
        let scored = median(std::mem::take(&mut shares[place]));
        Ok(Figures {
            megabytes: model_file::size(&models[place].weights()?)? as f64 / 1e6,
            clip_ms: median(std::mem::take(&mut alone[place])).unwrap_or_default(),
            batch_ms: median(std::mem::take(&mut together[place])).unwrap_or_default(),
            real_time: hearings.per_second(models[place].recipe()).zip(scored).map(|(heard, scored)| heard + scored),
        })
    };
    Ok([of(0)?, of(1)?])
}

/// Both models on the clips of `corpus` whose class the model knows.
fn difference(
    card: &Card,
    models: [&Committee; 2],
    corpus: &Corpus,
    (sets, listener): (&[Chosen], &Listener<'_>),
    watch: &dyn Watch<News>,
) -> Result<Difference> {
    let target: Target = card.target.parse().map_err(anyhow::Error::msg)?;
    let task = task(corpus, target)?;
    let known: Vec<Option<usize>> =
        task.classes.iter().map(|class| card.classes.iter().position(|own| own == class)).collect();
    let rows: Vec<usize> = (0..task.labels.len()).filter(|&row| known[task.labels[row]].is_some()).collect();
    if rows.is_empty() {
        bail!("{}: no clip of a class that the model knows ({})", corpus.root.display(), card.classes.join(", "));
    }
    let clips: Vec<&Clip> = rows.iter().map(|&row| &corpus.clips[task.rows[row]]).collect();
    let (test, groups) = (views(&clips, sets, listener, watch)?, groups(&clips));
    let truth: Vec<usize> = rows.iter().filter_map(|&row| known[task.labels[row]]).collect();
    let mut said = Vec::new();
    for model in models {
        watch.check()?;
        let scores = model.scores(&test, &groups)?.scores;
        said.push(scores.outer_iter().map(|row| argmax(row.iter().copied())).collect::<Vec<usize>>());
    }
    let uar = |pred: &[usize]| -> Result<f64> {
        let confusion = Confusion::of(&truth, pred, card.classes.len())?;
        metric("uar").and_then(|metric| (metric.of)(&confusion)).context("no recall is defined")
    };
    let (before, after) = (uar(&said[0])?, uar(&said[1])?);
    let alike = said[0].iter().zip(&said[1]).filter(|(a, b)| a == b).count();
    Ok(Difference {
        corpus: corpus.name.clone(),
        clips: rows.len(),
        uar_before: before,
        uar_after: after,
        uar_loss: 100.0 * (before - after),
        agreement: alike as f64 / rows.len() as f64,
    })
}
