//! A model in training with its clips, and the fitted model: what the classifiers of this engine share.
//!
//! Deliberately absent: which list and schedule (the classifiers say).

use ndarray::Array2;
use rayon::prelude::*;

use super::again::{Again, Chosen};
use super::augment::{Made, Planned, Plans, targets};
use super::average::Numbers;
use super::balance::Balance;
use super::crops::Cut;
use super::list::Input;
use super::loss::{Heads, Loss, log_softmax};
use super::model::{Model as Net, Plan, Scratches};
use super::pass::{Draw, Pass};
use super::random::Random;
use super::saliency::saliency;
use super::settings::Settings;
use super::split::Inner;
use super::split::inner;
use super::train::{Fit, Leg, Trainee, purpose, train};
use crate::features::Image;
use crate::job::Watch;
use crate::learn::calibration::{self, FLATTERED, temperature, tempered};
use crate::learn::{Data, Epoch, Inputs, LearnError, Model, Start, Weights};
use crate::score::Confusion;

/// Rows scored between two looks at the watch.
const ROWS: usize = 256;

/// Fits a net to data that its layers can read.
///
/// # Errors
/// [`LearnError::WrongInput`] when the layers do not fit the data, and as [`train`].
pub fn fit((settings, input): (&Settings, Input), data: &Data, fit: &Fit<'_>) -> Result<NetModel, LearnError> {
    let second = data.extras.second.as_ref();
    let heads = std::iter::once(data.classes).chain(second.map(|second| second.classes)).collect();
    let plan = Plan { list: settings.list(), input, heads };
    check(&data.inputs, plan.input)?;
    check_use(settings, &data.inputs)?;
    let net = Net::new(plan)?;
    let start = data.extras.starts.get(&fit.recipe.classifier).map(AsRef::as_ref);
    if let Some(start) = start {
        // Tried here, where it may fail.
        net.clone().adopt(&start.weights, false)?;
    }
    let mut random = Random::new(fit.recipe.seed);
    let split = inner(&data.labels, &data.groups, &mut random);
    let frames = match &data.inputs {
        Inputs::Images(images) => {
            images.iter().map(|image| image.dim().2).max().unwrap_or(0).min(settings.augment.frames)
        }
        Inputs::Rows(_) => 1,
    };
    let pass = Pass::new(&net);
    let heads = heads_of(data, &split.fit, settings);
    let plans = Plans::new(settings.augment, data, &split.fit);
    let cut = settings.crops.of(settings.augment.frames);
    let mut learner = Learner {
        data,
        net,
        pass,
        heads,
        scratches: Scratches::default(),
        cut,
        plans,
        balance: settings.balance,
        frames,
        start,
    };
    let temperature = legs(&mut learner, data, (split, random), (fit, settings))?;
    Ok(NetModel { net: learner.net, scratches: learner.scratches, cut, temperature })
}

/// Trains once with some clips held out, which choose the epoch and give the temperature, and, where the schedule says so, once
/// more on all clips up to that epoch; returns the temperature, `None` where nothing could be held out.
fn legs<'a>(
    learner: &mut Learner<'a>,
    data: &'a Data,
    (split, random): (Inner, Random),
    (fit, settings): (&Fit<'_>, &Settings),
) -> Result<Option<f64>, LearnError> {
    let epochs = fit.schedule.epochs;
    let again = fit.schedule.refit && !split.dev.is_empty();
    let (again_from, of) = (random.clone(), purpose(fit, data, &split)?);
    let chosen = match Chosen::kept(fit.keeper, &of)?.filter(|_| again) {
        Some(chosen) => chosen,
        None => {
            let leg = Leg { split, until: epochs, before: 0, after: if again { epochs } else { 0 } };
            let (done, best) = train(learner, data, &leg, random, fit)?;
            let temperature = learner.temperature(&leg.split.dev, fit.watch)?;
            Chosen { of, done, best: best.unwrap_or(epochs), temperature }
        }
    };
    let temperature = chosen.temperature;
    if again {
        let all: Vec<usize> = (0..data.labels.len()).collect();
        learner.heads = heads_of(data, &all, settings);
        learner.plans = Plans::new(settings.augment, data, &all);
        let split = Inner { fit: all, dev: Vec::new() };
        let leg = Leg { split, until: chosen.best, before: chosen.done, after: 0 };
        let keeper = Again { keeper: fit.keeper, chosen };
        train(learner, data, &leg, again_from, &Fit { keeper: &keeper, ..*fit })?;
    }
    Ok(temperature)
}

/// Rows of numbers have no sound, bands or frames, nor parts to score.
fn check_use(settings: &Settings, inputs: &Inputs) -> Result<(), LearnError> {
    let crops = (settings.crops.count > 0).then_some("crops");
    match (inputs, settings.augment.only_of_images().map(|key| format!("augment.{key}")).or(crops.map(str::to_owned))) {
        (Inputs::Rows(_), Some(key)) => {
            Err(LearnError::WrongInput(format!("net: {key} is for images, not for rows of numbers")))
        }
        _ => Ok(()),
    }
}

/// The losses of all heads over the clips to fit; the second one's classes are always balanced in the loss.
fn heads_of(data: &Data, rows: &[usize], settings: &Settings) -> Heads {
    let labels = rows.iter().map(|&row| data.labels[row]);
    let first = settings.balance.loss(labels, data.classes, settings.smoothing);
    let second = data.extras.second.as_ref().map(|second| {
        let labels = rows.iter().filter_map(|&row| second.labels[row]);
        (Loss::balanced(labels, second.classes, settings.smoothing), settings.second)
    });
    Heads(std::iter::once((first, 1.0)).chain(second).collect())
}

/// A net in training with its clips.
struct Learner<'a> {
    data: &'a Data,
    net: Net,
    pass: Pass,
    heads: Heads,
    scratches: Scratches,
    cut: Cut,
    plans: Plans<'a>,
    balance: Balance,
    /// Of a training window.
    frames: usize,
    start: Option<&'a Start>,
}

impl Learner<'_> {
    /// Fitted on the clips that chose the best epoch; `None` where there are none.
    fn temperature(&self, dev: &[usize], watch: &dyn Watch<Epoch>) -> Result<Option<f64>, LearnError> {
        let labels: Vec<usize> = dev.iter().map(|&row| self.data.labels[row]).collect();
        let log_p = self.log_probabilities(dev, watch)?;
        Ok((!dev.is_empty()).then(|| temperature(&log_p, &labels, FLATTERED)))
    }
}

impl Trainee for Learner<'_> {
    fn start(&mut self, random: &mut Random) {
        self.net.start(random);
        if let Some(start) = self.start {
            // Cannot fail: it was tried.
            let _ = self.net.adopt(&start.weights, !start.classes.is_empty());
        }
    }

    fn order(&self, rows: &[usize], random: &mut Random) -> Vec<usize> {
        self.balance.order(rows, &self.data.labels, random)
    }

    fn gradient(&mut self, rows: &[usize], random: &mut Random, watch: &dyn Watch<Epoch>) -> Result<f64, LearnError> {
        let plans = self.plans.draw(rows, random);
        let targets = targets(&plans, &self.heads, self.data);
        let goal = (&self.heads, &targets[..]);
        match &self.data.inputs {
            Inputs::Images(images) => {
                let made = Made::all(&plans, (self.data, images), self.frames, watch)?;
                let batch: Vec<Draw<'_>> = made.iter().map(Made::draw).collect();
                self.pass.of_images(&mut self.net, (&batch, self.frames), goal, random, watch)
            }
            Inputs::Rows(all) => {
                let rows = mixed_rows(&gather(all, rows), &plans);
                self.pass.of_rows(&mut self.net, &rows, goal, random, watch)
            }
        }
    }

    fn slope(&mut self) -> (&mut [f32], &mut [f32]) {
        (&mut self.net.parameters, &mut self.pass.gradient)
    }

    fn seen(&mut self) -> &mut Confusion {
        &mut self.pass.seen
    }

    fn log_probabilities(&self, rows: &[usize], watch: &dyn Watch<Epoch>) -> Result<Vec<Vec<f64>>, LearnError> {
        match &self.data.inputs {
            Inputs::Images(images) => {
                let one = |&row: &usize| {
                    watch.check()?;
                    of_image(&self.net, &self.data.image(images, row), self.cut, &self.scratches)
                };
                rows.par_iter().map(one).collect()
            }
            Inputs::Rows(all) => {
                let mut found = Vec::new();
                for rows in rows.chunks(ROWS) {
                    watch.check()?;
                    found.extend(of_rows(&self.net, all, rows, &self.scratches)?);
                }
                Ok(found)
            }
        }
    }

    fn numbers(&self) -> [&[f32]; 2] {
        [&self.net.parameters, &self.net.state]
    }

    fn swap(&mut self, numbers: Numbers) -> Numbers {
        let parameters = std::mem::replace(&mut *self.net.parameters, numbers.parameters);
        Numbers { parameters, state: std::mem::replace(&mut *self.net.state, numbers.state) }
    }
}

/// A fitted net; of several heads the first one scores.
pub struct NetModel {
    net: Net,
    scratches: Scratches,
    /// `None` where nothing was held out to fit it on.
    temperature: Option<f64>,
    cut: Cut,
}

impl NetModel {
    /// Rebuilds what [`Model::weights`] gave.
    ///
    /// # Errors
    /// [`LearnError::BadModel`].
    pub fn load(weights: &Weights) -> Result<NetModel, LearnError> {
        let temperature = calibration::load(weights)?;
        // Models of before there were crops do not say.
        let cut = if weights.bytes.contains_key("cut") { weights.get_json("cut")? } else { Cut::WHOLE };
        Ok(NetModel { net: Net::load(weights)?, scratches: Scratches::default(), cut, temperature })
    }

    /// Its layers and what they read.
    pub fn plan(&self) -> &Plan {
        self.net.plan()
    }
}

impl Model for NetModel {
    fn scores(&self, inputs: &Inputs) -> Result<Array2<f64>, LearnError> {
        check(inputs, self.net.plan().input)?;
        let classes = self.net.plan().heads[0];
        let rows: Vec<Vec<f64>> = match inputs {
            Inputs::Images(images) => {
                let one = |image: &Image| of_image(&self.net, image, self.cut, &self.scratches);
                images.par_iter().map(one).collect::<Result<_, _>>()?
            }
            Inputs::Rows(all) => {
                let rows: Vec<usize> = (0..all.nrows()).collect();
                of_rows(&self.net, all, &rows, &self.scratches)?
            }
        };
        let p = Array2::from_shape_fn((rows.len(), classes), |(row, class)| rows[row][class].exp());
        Ok(match self.temperature {
            Some(temperature) => tempered(&p, temperature),
            None => p,
        })
    }

    fn saliency(&self, inputs: &Inputs, class: usize) -> Result<Option<Array2<f32>>, LearnError> {
        check(inputs, self.net.plan().input)?;
        match inputs {
            Inputs::Images(images) => images.first().map_or(Ok(None), |image| saliency(&self.net, image, class)),
            Inputs::Rows(_) => Ok(None),
        }
    }

    fn weights(&self) -> Weights {
        let mut weights = Weights::default();
        self.net.save(&mut weights);
        calibration::save(self.temperature, &mut weights);
        // Cannot fail: two numbers and a word.
        let _ = weights.put_json("cut", &self.cut);
        weights
    }

    fn parameters(&self) -> usize {
        self.net.count()
    }

    fn macs(&self, frames: usize) -> Option<u64> {
        Some(self.cut.parts(frames).map(|frames| self.net.macs(frames)).sum())
    }

    fn quantized(&self, inputs: &Inputs) -> Result<Box<dyn Model>, LearnError> {
        check(inputs, self.net.plan().input)?;
        match inputs {
            Inputs::Images(images) => {
                let net = self.net.quantized(images)?;
                let scratches = Scratches::default();
                Ok(Box::new(NetModel { net, scratches, cut: self.cut, temperature: self.temperature }))
            }
            Inputs::Rows(_) => Err(LearnError::WrongInput("a net on rows has no image to quantize".to_owned())),
        }
    }

    fn temperature(&self) -> Option<f64> {
        self.temperature
    }
}

/// Log-probabilities of the first head's classes.
fn of_image(net: &Net, image: &Image, cut: Cut, scratches: &Scratches) -> Result<Vec<f64>, LearnError> {
    scratches.with(|scratch| cut.log_probabilities(image, net.plan().heads[0], |part| net.logits(part, scratch)))
}

/// The same of rows.
fn of_rows(net: &Net, all: &Array2<f64>, rows: &[usize], scratches: &Scratches) -> Result<Vec<Vec<f64>>, LearnError> {
    let logits = scratches.with(|scratch| net.logits_of_rows(&gather(all, rows), rows.len(), scratch))?;
    Ok(logits.chunks_exact(net.outputs()).map(|row| log_softmax(&row[..net.plan().heads[0]])).collect())
}

/// All inputs are what the net reads, and finite.
fn check(inputs: &Inputs, want: Input) -> Result<(), LearnError> {
    match (inputs, want) {
        (Inputs::Images(images), Input::Images { channels, bands }) => {
            images.iter().enumerate().try_for_each(|(row, image)| check_image(row, image, (channels, bands)))
        }
        (Inputs::Rows(rows), Input::Rows(numbers)) => check_rows(rows, numbers),
        (Inputs::Images(_), _) => Err(LearnError::WrongInput("the net reads rows of numbers, not images".to_owned())),
        (Inputs::Rows(_), _) => Err(LearnError::WrongInput("the net reads images, not rows of numbers".to_owned())),
    }
}

fn check_image(row: usize, image: &Image, want: (usize, usize)) -> Result<(), LearnError> {
    let (channels, bands, frames) = image.dim();
    if (channels, bands) != want || channels * bands * frames == 0 {
        let want = format!("{} x {} x at least 1", want.0, want.1);
        return Err(LearnError::WrongInput(format!("image {row} is {channels} x {bands} x {frames}, not {want}")));
    }
    match image.indexed_iter().find(|(_, value)| !value.is_finite()) {
        Some(((channel, band, _), _)) => Err(LearnError::NotFinite { row, column: channel * bands + band }),
        None => Ok(()),
    }
}

fn check_rows(rows: &Array2<f64>, want: usize) -> Result<(), LearnError> {
    if rows.ncols() != want {
        return Err(LearnError::WrongInput(format!("{} columns where the net has {want}", rows.ncols())));
    }
    // Beyond f32's range a number would become infinite on the way in.
    match rows.indexed_iter().find(|(_, value)| !(**value as f32).is_finite()) {
        Some(((row, column), _)) => Err(LearnError::NotFinite { row, column }),
        None => Ok(()),
    }
}

/// Rows of a batch, mixed as planned.
fn mixed_rows(plain: &[f32], plans: &[Planned]) -> Vec<f32> {
    let width = plain.len() / plans.len().max(1);
    let row = |clip: usize| &plain[clip * width..(clip + 1) * width];
    let mut all = plain.to_vec();
    for (clip, (to, planned)) in all.chunks_exact_mut(width).zip(plans).enumerate() {
        if let Some((other, share)) = planned.mixed {
            let both = row(clip).iter().zip(row(other));
            to.iter_mut().zip(both).for_each(|(to, (a, b))| *to = share as f32 * a + (1.0 - share as f32) * b);
        }
    }
    all
}

fn gather(rows: &Array2<f64>, chosen: &[usize]) -> Vec<f32> {
    chosen.iter().flat_map(|&row| rows.row(row).into_iter().map(|&v| v as f32)).collect()
}
