//! The feed-forward net on rows: linear layers with ReLU and dropout, on the cnn's engine and training loop.
//!
//! Deliberately absent: scaling of the columns (`learn::norm`).

use ndarray::{Array2, ArrayD};
use rand_pcg::Pcg64;

use super::cnn::{
    Adam, Dense, Layout, Loss, Schedule, Trainee, dropout, generator, inner_split, log_softmax, scale, tensor, train,
};
use super::{BEST_EPOCH, Classifier, Data, Epoch, Inputs, LearnError, Model, Recipe, Weights};
use crate::features::Kind;
use crate::job::Watch;

/// Numbers of each hidden layer.
const HIDDEN: [usize; 2] = [128, 64];
/// Share of the hidden numbers that dropout blanks.
const DROPOUT: f32 = 0.4;
/// Share of the target spread over all classes.
const SMOOTHING: f64 = 0.1;
const SCHEDULE: Schedule = Schedule { epochs: 60, batch: 32, patience: 20, rate: 2e-3 };
/// Rows scored between two looks at the watch.
const ROWS: usize = 256;

/// The classifier.
#[derive(Debug, Clone, Copy)]
pub struct Mlp;

impl Classifier for Mlp {
    fn name(&self) -> &'static str {
        "mlp"
    }

    fn about(&self) -> &'static str {
        "feed-forward net, two hidden layers (own engine)"
    }

    fn kind(&self) -> Kind {
        Kind::Row
    }

    fn checkpoint(&self) -> &'static str {
        BEST_EPOCH
    }

    fn fit(&self, data: &Data, recipe: &Recipe, watch: &dyn Watch<Epoch>) -> Result<Box<dyn Model>, LearnError> {
        let rows = rows_of(&data.inputs)?;
        if rows.is_empty() {
            return Err(LearnError::TooFewRows("no numbers to train on".to_owned()));
        }
        let net = Net::new(rows.ncols(), &HIDDEN, data.classes);
        net.check(rows)?;
        let mut random = generator(recipe);
        let split = inner_split(data, &mut random);
        let schedule = Schedule { epochs: recipe.epochs.unwrap_or(SCHEDULE.epochs), ..SCHEDULE };
        let loss = Loss::balanced(split.fit.iter().map(|&row| data.labels[row]), data.classes, SMOOTHING);
        let gradient = vec![0.0; net.parameters.len()];
        let mut learner = Learner { rows, labels: &data.labels, net, loss, gradient };
        train(&mut learner, data, (&split, schedule), &mut random, watch)?;
        Ok(Box::new(learner.net))
    }

    fn load(&self, weights: &Weights) -> Result<Box<dyn Model>, LearnError> {
        let sizes: Vec<usize> = (0..HIDDEN.len() + 1)
            .map(|number| tensor(weights, &format!("layer{number}.weight")).map(|w| w.shape().first().copied()))
            .collect::<Result<Option<_>, _>>()?
            .unwrap_or_default();
        let classes = tensor(weights, &format!("layer{}.bias", HIDDEN.len())).map(ArrayD::len)?;
        let ([inputs, hidden @ ..], 1..) = (&sizes[..], classes) else {
            return Err(LearnError::BadModel("these tensors are no mlp".to_owned()));
        };
        let mut net = Net::new(*inputs, hidden, classes);
        net.parameters = net.layout.load(weights)?;
        Ok(Box::new(net))
    }
}

/// Linear layers with ReLU between them.
#[derive(Debug, Clone)]
struct Net {
    layers: Vec<Dense>,
    layout: Layout,
    parameters: Vec<f32>,
    classes: usize,
}

impl Net {
    fn new(inputs: usize, hidden: &[usize], classes: usize) -> Net {
        let mut layout = Layout::default();
        let mut layers = Vec::new();
        let mut size = inputs;
        for (number, &outputs) in hidden.iter().chain([&classes]).enumerate() {
            layers.push(Dense::new(&mut layout, &format!("layer{number}"), size, outputs));
            size = outputs;
        }
        let parameters = vec![0.0; layout.size()];
        Net { layers, layout, parameters, classes }
    }

    /// The input of each layer, and the logits last. `kept` are the factors of dropout per hidden layer; empty = none.
    fn forward(&self, x: Vec<f32>, rows: usize, kept: &[Vec<f32>]) -> Vec<Vec<f32>> {
        let mut values = vec![x];
        for (number, layer) in self.layers.iter().enumerate() {
            let mut y = layer.forward(&self.parameters, &values[number], rows);
            if number + 1 < self.layers.len() {
                y.iter_mut().for_each(|v| *v = if *v < 0.0 { 0.0 } else { *v });
            }
            if let Some(kept) = kept.get(number) {
                scale(&mut y, kept);
            }
            values.push(y);
        }
        values
    }

    fn backward(&self, values: &[Vec<f32>], mut d: Vec<f32>, kept: &[Vec<f32>], gradient: &mut [f32]) {
        let rows = d.len() / self.classes;
        for (number, layer) in self.layers.iter().enumerate().rev() {
            layer.add_gradient(&values[number], &d, rows, gradient);
            if number > 0 {
                d = layer.backward(&self.parameters, &d, rows);
                scale(&mut d, &kept[number - 1]);
                // A blanked number is 0 here too, and its gradient already is.
                d.iter_mut().zip(&values[number]).for_each(|(d, &v)| *d = if v > 0.0 { *d } else { 0.0 });
            }
        }
    }

    fn log_probabilities(&self, rows: &Array2<f64>, chosen: &[usize]) -> Vec<Vec<f64>> {
        let values = self.forward(gather(rows, chosen), chosen.len(), &[]);
        values.last().map(|logits| logits.chunks_exact(self.classes).map(log_softmax).collect()).unwrap_or_default()
    }

    fn check(&self, rows: &Array2<f64>) -> Result<(), LearnError> {
        let want = self.layers[0].inputs;
        if rows.ncols() != want {
            return Err(LearnError::WrongInput(format!("{} columns where the mlp has {want}", rows.ncols())));
        }
        // Beyond f32's range a number would become infinite on the way in.
        let fits = |value: f64| (value as f32).is_finite();
        match rows.indexed_iter().find(|(_, value)| !fits(**value)) {
            Some(((row, column), _)) => Err(LearnError::NotFinite { row, column }),
            None => Ok(()),
        }
    }
}

impl Model for Net {
    fn scores(&self, inputs: &Inputs) -> Result<Array2<f64>, LearnError> {
        let rows = rows_of(inputs)?;
        self.check(rows)?;
        let all: Vec<usize> = (0..rows.nrows()).collect();
        let log_p = self.log_probabilities(rows, &all);
        Ok(Array2::from_shape_fn((rows.nrows(), self.classes), |(row, class)| log_p[row][class].exp()))
    }

    fn weights(&self) -> Weights {
        let mut weights = Weights::default();
        self.layout.save(&self.parameters, &mut weights);
        weights
    }

    fn parameters(&self) -> usize {
        self.parameters.len()
    }
}

/// A net in training with its clips.
struct Learner<'a> {
    rows: &'a Array2<f64>,
    labels: &'a [usize],
    net: Net,
    loss: Loss,
    gradient: Vec<f32>,
}

impl Trainee for Learner<'_> {
    type State = Vec<f32>;

    fn start(&mut self, random: &mut Pcg64) {
        self.net.layers.iter().for_each(|layer| layer.start(&mut self.net.parameters, random));
    }

    fn gradient(&mut self, rows: &[usize], random: &mut Pcg64, watch: &dyn Watch<Epoch>) -> Result<f64, LearnError> {
        watch.check()?;
        let hidden = &self.net.layers[..self.net.layers.len() - 1];
        let kept: Vec<Vec<f32>> =
            hidden.iter().map(|layer| dropout(DROPOUT, rows.len() * layer.outputs, random)).collect();
        let values = self.net.forward(gather(self.rows, rows), rows.len(), &kept);
        let labels: Vec<usize> = rows.iter().map(|&row| self.labels[row]).collect();
        let (loss, d) = self.loss.of_batch(values.last().map_or(&[], Vec::as_slice), &labels);
        if !loss.is_finite() {
            return Err(LearnError::Failed("the loss is not a finite number".to_owned()));
        }
        self.gradient.fill(0.0);
        self.net.backward(&values, d, &kept, &mut self.gradient);
        Ok(loss)
    }

    fn descend(&mut self, adam: &mut Adam, rate: f64) {
        adam.step(&mut self.net.parameters, &self.gradient, rate);
    }

    fn size(&self) -> usize {
        self.net.parameters.len()
    }

    fn log_probabilities(&self, rows: &[usize], watch: &dyn Watch<Epoch>) -> Result<Vec<Vec<f64>>, LearnError> {
        let mut all = Vec::new();
        for rows in rows.chunks(ROWS) {
            watch.check()?;
            all.extend(self.net.log_probabilities(self.rows, rows));
        }
        Ok(all)
    }

    fn state(&self) -> Self::State {
        self.net.parameters.clone()
    }

    fn restore(&mut self, state: Self::State) {
        self.net.parameters = state;
    }
}

fn rows_of(inputs: &Inputs) -> Result<&Array2<f64>, LearnError> {
    match inputs {
        Inputs::Rows(rows) => Ok(rows),
        Inputs::Images(_) => Err(LearnError::WrongInput("the mlp reads rows of numbers, not images".to_owned())),
    }
}

fn gather(rows: &Array2<f64>, chosen: &[usize]) -> Vec<f32> {
    chosen.iter().flat_map(|&row| rows.row(row).into_iter().map(|&v| v as f32)).collect()
}
