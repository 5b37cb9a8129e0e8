//! The convolutional net on images, on our own engine.
//!
//! Blocks of 3x3 convolution, batch normalisation, ReLU and pool; dropout; a linear layer. Trained by
//! back-propagation and Adam on random windows of each clip, scored on whole clips. Deliberately absent: reading of
//! images and their normalisation across clips (`features`, `learn::norm`), and frameworks: three matrix products per
//! convolution and one fused pass per block are all there is.
//!
//! | file | what |
//! |---|---|
//! | `kernel.rs` | the matrix product; all unsafe code |
//! | `plane.rs` | the flat padded layout |
//! | `conv.rs`, `block.rs`, `dense.rs`, `loss.rs` | layers, forward and backward |
//! | `layout.rs` | named tensors in one flat vector |
//! | `net.rs`, `pass.rs` | the net: scoring; one batch forward and backward |
//! | `adam.rs`, `split.rs`, `train.rs` | optimiser, inner split, epochs |

mod adam;
mod block;
mod conv;
mod dense;
mod kernel;
mod layout;
mod loss;
mod net;
mod pass;
mod plane;
#[cfg(test)]
mod reference;
mod split;
mod train;
#[cfg(test)]
mod trajectory;

pub use adam::Adam;
pub use dense::{Dense, dropout, scale};
pub use layout::{Layout, tensor};
pub use loss::{Loss, log_softmax};
pub use net::{Net, Scratch, Shape, Window};
pub use pass::{Draw, Pass};
pub use train::{Schedule, Trainee, generator, inner_split, train};

use ndarray::{Array2, ArrayD, arr1};
use rand::Rng;
use rand_pcg::Pcg64;
use rayon::prelude::*;

use super::{BEST_EPOCH, Classifier, Data, Epoch, Inputs, LearnError, Model, Recipe, Weights};
use crate::features::{Image, Kind};
use crate::job::Watch;

/// Frames of a training window (1.92 s at a step of 10 ms).
const FRAMES: usize = 192;
/// Bundles of bands that each have their own mean.
const PARTS: usize = 4;
/// Share of the pooled numbers that dropout blanks.
const DROPOUT: f32 = 0.3;
/// Share of the target spread over all classes.
const SMOOTHING: f64 = 0.1;
/// Up to one part in so many of the bands, and of the frames, is blanked (SpecAugment, arXiv:1904.08779).
const BLANKED: usize = 6;
const SCHEDULE: Schedule = Schedule { epochs: 40, batch: 16, patience: 15, rate: 3e-3 };

/// The classifier.
#[derive(Debug, Clone, Copy)]
pub struct Cnn;

impl Classifier for Cnn {
    fn name(&self) -> &'static str {
        "cnn"
    }

    fn about(&self) -> &'static str {
        "convolutional net on the spectrogram image (own engine)"
    }

    fn kind(&self) -> Kind {
        Kind::Image
    }

    fn checkpoint(&self) -> &'static str {
        BEST_EPOCH
    }

    fn fit(&self, data: &Data, recipe: &Recipe, watch: &dyn Watch<Epoch>) -> Result<Box<dyn Model>, LearnError> {
        let images = images_of(&data.inputs)?;
        let first = images.first().ok_or_else(|| LearnError::TooFewRows("no clips to train on".to_owned()))?;
        let shape = Shape::standard(first.dim().0, first.dim().1, data.classes).in_parts(PARTS);
        check(images, &shape)?;
        let mut random = generator(recipe);
        let split = inner_split(data, &mut random);
        let schedule = Schedule { epochs: recipe.epochs.unwrap_or(SCHEDULE.epochs), ..SCHEDULE };
        let net = Net::new(shape);
        let longest = images.iter().map(|image| image.dim().2).max().unwrap_or(0);
        let pass = Pass::new(&net, schedule.batch.min(images.len()), longest.min(FRAMES));
        let loss = Loss::balanced(split.fit.iter().map(|&row| data.labels[row]), data.classes, SMOOTHING);
        let mut learner = Learner { images, labels: &data.labels, net, pass, loss };
        train(&mut learner, data, (&split, schedule), &mut random, watch)?;
        Ok(Box::new(CnnModel { net: learner.net }))
    }

    fn load(&self, weights: &Weights) -> Result<Box<dyn Model>, LearnError> {
        let mut net = Net::new(shape_of(weights)?);
        net.parameters = net.layout.load(weights)?;
        net.state = net.state_layout.load(weights)?;
        if net.blocks.iter().any(|block| net.state[block.variance.clone()].iter().any(|&v| v < 0.0)) {
            return Err(LearnError::BadModel("a variance is negative".to_owned()));
        }
        Ok(Box::new(CnnModel { net }))
    }
}

/// A net in training with its clips.
struct Learner<'a> {
    images: &'a [Image],
    labels: &'a [usize],
    net: Net,
    pass: Pass,
    loss: Loss,
}

impl Trainee for Learner<'_> {
    type State = (Vec<f32>, Vec<f32>);

    fn start(&mut self, random: &mut Pcg64) {
        self.net.start(random);
    }

    fn gradient(&mut self, rows: &[usize], random: &mut Pcg64, watch: &dyn Watch<Epoch>) -> Result<f64, LearnError> {
        let draw = |&row: &usize| {
            let image = &self.images[row];
            Draw { image, window: random_window(image, random), label: self.labels[row] }
        };
        let batch: Vec<Draw<'_>> = rows.iter().map(draw).collect();
        let kept = dropout(DROPOUT, rows.len() * self.net.head.inputs, random);
        self.pass.run(&mut self.net, &batch, (&self.loss, &kept), watch)
    }

    fn descend(&mut self, adam: &mut Adam, rate: f64) {
        adam.step(&mut self.net.parameters, &self.pass.gradient, rate);
    }

    fn size(&self) -> usize {
        self.net.parameters.len()
    }

    fn log_probabilities(&self, rows: &[usize], watch: &dyn Watch<Epoch>) -> Result<Vec<Vec<f64>>, LearnError> {
        let one = |scratch: &mut Scratch, &row: &usize| {
            watch.check()?;
            Ok(log_softmax(&self.net.logits(&self.images[row], scratch)))
        };
        rows.par_iter().map_init(Scratch::default, one).collect()
    }

    fn state(&self) -> Self::State {
        (self.net.parameters.clone(), self.net.state.clone())
    }

    fn restore(&mut self, state: Self::State) {
        (self.net.parameters, self.net.state) = state;
    }
}

/// A fitted net.
struct CnnModel {
    net: Net,
}

impl Model for CnnModel {
    fn scores(&self, inputs: &Inputs) -> Result<Array2<f64>, LearnError> {
        let images = images_of(inputs)?;
        check(images, &self.net.shape)?;
        let one = |scratch: &mut Scratch, image: &Image| log_softmax(&self.net.logits(image, scratch));
        let rows: Vec<Vec<f64>> = images.par_iter().map_init(Scratch::default, one).collect();
        Ok(Array2::from_shape_fn((rows.len(), self.net.shape.classes), |(row, class)| rows[row][class].exp()))
    }

    fn weights(&self) -> Weights {
        let mut weights = Weights::default();
        self.net.layout.save(&self.net.parameters, &mut weights);
        self.net.state_layout.save(&self.net.state, &mut weights);
        let input = arr1(&[self.net.shape.channels as f32, self.net.shape.bands as f32]);
        weights.tensors.insert("input".to_owned(), input.into_dyn());
        weights
    }

    fn parameters(&self) -> usize {
        self.net.parameters.len()
    }
}

/// A random stretch of [`FRAMES`] frames with some bands and frames blanked.
fn random_window(image: &Image, random: &mut Pcg64) -> Window {
    let (_, bands, frames) = image.dim();
    let seen = frames.min(FRAMES);
    let start = random.random_range(0..=frames - seen);
    let mut blank = |from: usize, len: usize| {
        let size = random.random_range(0..=len / BLANKED);
        let first = from + random.random_range(0..=len - size);
        first..first + size
    };
    Window { frames: start..start + seen, blank_frames: blank(start, seen), blank_bands: blank(0, bands) }
}

fn images_of(inputs: &Inputs) -> Result<&[Image], LearnError> {
    match inputs {
        Inputs::Images(images) => Ok(images),
        Inputs::Rows(_) => Err(LearnError::WrongInput("the cnn reads images, not rows of numbers".to_owned())),
    }
}

/// All images have the net's channels and bands, a frame, and finite numbers.
fn check(images: &[Image], shape: &Shape) -> Result<(), LearnError> {
    for (row, image) in images.iter().enumerate() {
        let (channels, bands, frames) = image.dim();
        if (channels, bands) != (shape.channels, shape.bands) || channels * bands * frames == 0 {
            let want = format!("{} x {} x at least 1", shape.channels, shape.bands);
            return Err(LearnError::WrongInput(format!("image {row} is {channels} x {bands} x {frames}, not {want}")));
        }
        if let Some(((channel, band, _), _)) = image.indexed_iter().find(|(_, value)| !value.is_finite()) {
            return Err(LearnError::NotFinite { row, column: channel * bands + band });
        }
    }
    Ok(())
}

/// The net's shape as its tensors tell it; sizes are bounded so that a damaged file cannot ask for all memory.
fn shape_of(weights: &Weights) -> Result<Shape, LearnError> {
    const BLOCKS: usize = 8;
    let input: Vec<usize> = tensor(weights, "input")?.iter().map(|&v| v as usize).collect();
    let [channels @ 1..=256, bands @ 1..=4096] = input[..] else {
        return Err(LearnError::BadModel(format!("input size {input:?} is not one of a cnn")));
    };
    let len = |tensor: &ArrayD<f32>| tensor.len();
    let gammas = (0..BLOCKS).map_while(|number| weights.tensors.get(&format!("block{number}.gamma")));
    let widths: Vec<usize> = gammas.map(len).collect();
    let classes = len(tensor(weights, "head.bias")?);
    let sizes = || widths.iter().chain([&classes]);
    if widths.is_empty() || sizes().any(|size| !(1..=4096).contains(size)) {
        return Err(LearnError::BadModel(format!("blocks of {widths:?} and {classes} classes are no cnn")));
    }
    let inputs = tensor(weights, "head.weight")?.shape().first().copied().unwrap_or(0);
    let parts = widths.last().map_or(0, |width| inputs / width);
    let shape = Shape { channels, bands, widths, parts: 1, classes };
    if parts > 0 && shape.clone().in_parts(parts).parts == parts {
        return Ok(Shape { parts, ..shape });
    }
    Err(LearnError::BadModel(format!("a head of {inputs} inputs fits no cnn of {bands} bands")))
}
