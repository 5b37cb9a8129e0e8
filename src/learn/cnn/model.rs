//! A model: a checked list of layers with its heads and all its numbers; and scoring with it.
//!
//! Layers at the front that the fused engine knows are planned as one. All numbers lie in one vector each of parameters
//! and state. Deliberately absent: training a batch (`pass.rs`) and what the numbers mean (`layers/`, `fused/`).

use std::ops::Range;
use std::sync::{Arc, Mutex, PoisonError};

use rand::Rng;

use super::batch::Batch;
use super::fused::fuse;
use super::kernel::Real;
use super::layer::{Kind, Layer, Start, Tensor};
use super::layers::Linear;
use super::layout::Layout;
use super::list::{Input, List};
use super::pass::{Window, fill};
use super::plane::Plane;
use super::quantized::{Front, Quantized};
use super::random::Random;
use super::run::Run;
use super::versioned::Versioned;
use crate::features::Image;
use crate::job::Unwatched;
use crate::learn::{LearnError, Weights};

/// Most parameters of a model: a damaged or mistaken list must not ask for all memory.
const MOST: usize = 1 << 27;
/// A scratch that held a larger image is not kept: about a minute of sound.
const KEPT: usize = 1 << 20;
/// Most heads, and classes of a head.
const HEADS: (usize, usize) = (8, 4096);

/// A list at work, with its numbers.
#[derive(Debug, Clone)]
pub struct Model<F = f32> {
    plan: Plan,
    nodes: Vec<Node<F>>,
    layout: Layout,
    state_layout: Layout,
    /// The front in whole numbers, where the model was quantized; its numbers are not among the others.
    front: Option<Arc<Front>>,
    /// What is trained.
    pub parameters: Versioned<Vec<F>>,
    /// Running moments.
    pub state: Versioned<Vec<F>>,
}

/// What decides a model's shape; kept with its weights.
#[derive(Debug, Clone, PartialEq, serde::Serialize, serde::Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Plan {
    /// The layers.
    pub list: List,
    /// What they read.
    pub input: Input,
    /// Classes of each head.
    pub heads: Vec<usize>,
}

/// A layer, or several fused, and where its numbers are.
#[derive(Debug, Clone)]
pub(super) struct Node<F> {
    kind: Arc<dyn Kind<F>>,
    input: Plane,
    pub parameters: Range<usize>,
    pub state: Range<usize>,
    starts: Vec<(Range<usize>, Start)>,
    state_starts: Vec<(Range<usize>, Start)>,
}

impl Model<f32> {
    /// All numbers at zero or one, for [`Model::start`] or for loading; layers are fused where possible.
    ///
    /// # Errors
    /// [`LearnError::WrongInput`] that names the layer that does not fit and why, or says what is too large.
    pub fn new(plan: Plan) -> Result<Model<f32>, LearnError> {
        let fused = fuse(&plan.list);
        Model::planned(plan, fused)
    }

    /// Takes the model out of what [`Model::save`] gave.
    ///
    /// # Errors
    /// [`LearnError::BadModel`].
    pub fn load(weights: &Weights) -> Result<Model<f32>, LearnError> {
        let plan: Plan = weights.get_json("plan")?;
        let model = match Front::load((&plan.list, plan.input), weights)? {
            Some(front) => Model::fronted(plan, front),
            None => Model::new(plan),
        };
        let mut model = model.map_err(|why| LearnError::BadModel(why.to_string()))?;
        *model.parameters = model.layout.load(weights)?;
        *model.state = model.state_layout.load(weights)?;
        let variances = model.state_layout.places("variance");
        if variances.into_iter().any(|place| model.state[place].iter().any(|&v| v < 0.0)) {
            return Err(LearnError::BadModel("a variance is negative".to_owned()));
        }
        Ok(model)
    }

    /// Adds the plan and all numbers to `weights`.
    pub fn save(&self, weights: &mut Weights) {
        self.layout.save(&self.parameters, weights);
        self.state_layout.save(&self.state, weights);
        if let Some(front) = &self.front {
            front.save(weights);
        }
        // Cannot fail: a plan is names and numbers, and a rate that is not finite is refused when the model is made.
        let _ = weights.put_json("plan", &self.plan);
    }

    /// Takes over the numbers of a fitted net wherever both have the same layer; its head only where asked for.
    ///
    /// # Errors
    /// [`LearnError::BadModel`] when they have nothing in common.
    pub fn adopt(&mut self, weights: &Weights, head: bool) -> Result<(), LearnError> {
        let taken = self.layout.adopt(&mut self.parameters, weights, head);
        self.state_layout.adopt(&mut self.state, weights, head);
        if taken > 0 {
            Ok(())
        } else {
            Err(LearnError::BadModel("no layer to start from: it is of another net".to_owned()))
        }
    }

    /// The same layer by layer, in any precision: slower, and its gradient can be followed in scoring, too.
    ///
    /// # Errors
    /// [`LearnError::BadModel`] when its front is in whole numbers.
    pub(super) fn unfused<F: Real>(&self) -> Result<Model<F>, LearnError> {
        let mut weights = Weights::default();
        self.save(&mut weights);
        spread_first_kernel(&mut weights);
        let mut plain = Model::<F>::plain(self.plan.clone())?;
        let wide = |numbers: Vec<f32>| numbers.into_iter().map(|value| F::of(f64::from(value))).collect();
        *plain.parameters = wide(plain.layout.load(&weights)?);
        *plain.state = wide(plain.state_layout.load(&weights)?);
        Ok(plain)
    }

    /// The same with its front in whole numbers, calibrated on whole images, which need no labels.
    ///
    /// # Errors
    /// [`LearnError::WrongInput`] when nothing at the front can be quantized or all of it is already, `TooFewRows` without an
    /// image.
    pub fn quantized(&self, images: &[Image]) -> Result<Model<f32>, LearnError> {
        if self.front.is_some() {
            return Err(LearnError::WrongInput("this net is quantized already".to_owned()));
        }
        let (plan, mut weights) = (self.plan.clone(), Weights::default());
        self.save(&mut weights);
        let image = |clip: usize| {
            let mut batch = Batch::default();
            self.whole(&images[clip], &mut batch);
            batch
        };
        let front = Front::calibrate((&plan.list, plan.input), &weights, &image, images.len())?;
        let mut model = Model::fronted(plan, front)?;
        *model.parameters = model.layout.load(&weights)?;
        *model.state = model.state_layout.load(&weights)?;
        Ok(model)
    }

    /// Numbers in it that were trained.
    pub fn count(&self) -> usize {
        self.parameters.len() + self.front.as_ref().map_or(0, |front| front.count())
    }

    fn fronted(plan: Plan, front: Front) -> Result<Model<f32>, LearnError> {
        let front = Arc::new(front);
        let kind: Arc<dyn Kind<f32>> = Arc::new(Quantized(Arc::clone(&front)));
        let model = Model::planned(plan, Some((front.taken, kind)))?;
        Ok(Model { front: Some(front), ..model })
    }

    /// All of an image as the layers read it.
    fn whole(&self, image: &Image, batch: &mut Batch<f32>) {
        let frames = image.dim().2;
        batch.shape(self.plan.list.padded(self.plan.input, frames), [frames].into_iter());
        fill(image, &Window::whole(frames), batch.plane, &mut batch.values);
    }

    /// Logits of all heads, one behind the other, of a whole image.
    ///
    /// # Errors
    /// [`LearnError::Failed`] when a layer fails.
    pub fn logits(&self, image: &Image, scratch: &mut Scratch) -> Result<Vec<f32>, LearnError> {
        self.whole(image, &mut scratch.input);
        self.scored(scratch)
    }

    /// The same for a row of numbers.
    ///
    /// # Errors
    /// [`LearnError::Failed`] when a layer fails.
    pub fn logits_of_rows(&self, rows: &[f32], count: usize, scratch: &mut Scratch) -> Result<Vec<f32>, LearnError> {
        scratch.input.shape(self.plan.list.padded(self.plan.input, 1), std::iter::repeat_n(1, count));
        scratch.input.values.copy_from_slice(rows);
        self.scored(scratch)
    }

    fn scored(&self, scratch: &mut Scratch) -> Result<Vec<f32>, LearnError> {
        let Scratch { run, input } = scratch;
        let run = run.get_or_insert_with(|| Run::new(self));
        run.forward(self, input, None, &Unwatched)?;
        Ok(run.made().to_vec())
    }
}

impl<F: Real> Model<F> {
    /// The same without fusing: every layer by itself.
    ///
    /// # Errors
    /// As [`Model::new`].
    pub fn plain(plan: Plan) -> Result<Model<F>, LearnError> {
        Model::planned(plan, None)
    }

    fn planned(plan: Plan, fused: Option<(usize, Arc<dyn Kind<F>>)>) -> Result<Model<F>, LearnError> {
        check_heads(&plan.heads)?;
        // Two columns behind all pools: no image is taken for a row.
        let sizes = plan.list.sizes(plan.input, 2 * plan.list.shrink().1)?;
        let (mut kinds, mut first) = (Vec::new(), 0);
        if let Some((count, kind)) = fused {
            kinds.push((String::new(), kind, sizes[0]));
            first = count;
        }
        for (number, layer) in plan.list.layers.iter().enumerate().skip(first) {
            kinds.push((format!("{}.{}", number + 1, layer.name()), layer.kind(), sizes[number]));
        }
        let head: Arc<dyn Kind<F>> = Arc::new(Linear { outputs: plan.heads.iter().sum() });
        kinds.push(("head".to_owned(), head, sizes[sizes.len() - 1]));
        let (mut layout, mut state_layout) = (Layout::default(), Layout::default());
        let mut nodes = Vec::new();
        for (name, kind, input) in kinds {
            nodes.push(Node::new((&name, kind, input), &mut layout, &mut state_layout)?);
        }
        let zeros = |layout: &Layout| Versioned::new(vec![F::ZERO; layout.size()]);
        let (parameters, state) = (zeros(&layout), zeros(&state_layout));
        let mut model = Model { plan, nodes, layout, state_layout, front: None, parameters, state };
        model.fill_with(|start, tensor| tensor.fill(if start == Start::Ones { F::ONE } else { F::ZERO }));
        Ok(model)
    }

    /// Random start.
    pub fn start(&mut self, random: &mut Random) {
        self.fill_with(|start, tensor| fill_start(start, tensor, random));
    }

    /// The plan.
    pub fn plan(&self) -> &Plan {
        &self.plan
    }

    /// Numbers that the heads make.
    pub fn outputs(&self) -> usize {
        self.plan.heads.iter().sum()
    }

    /// Multiply-adds of scoring an image of so many frames.
    pub fn macs(&self, frames: usize) -> u64 {
        let Ok(sizes) = self.plan.list.sizes(self.plan.input, frames) else { return 0 };
        let layers = self.plan.list.layers.iter().zip(&sizes);
        let body: u64 = layers.map(|(layer, &size)| layer.kind::<F>().macs(size)).sum();
        body + (sizes[sizes.len() - 1].channels * self.outputs()) as u64
    }

    /// Where each layer's tensors lie.
    #[cfg(test)]
    pub(super) fn tensors(&self) -> Vec<Vec<Range<usize>>> {
        let places = |node: &Node<F>| node.starts.iter().map(|(place, _)| place.clone()).collect();
        self.nodes.iter().map(places).collect()
    }

    pub(super) fn nodes(&self) -> &[Node<F>] {
        &self.nodes
    }

    /// Calls `fill` for each tensor of parameters and state, in order.
    fn fill_with(&mut self, mut fill: impl FnMut(Start, &mut [F])) {
        for node in &self.nodes {
            node.starts.iter().for_each(|(place, start)| fill(*start, &mut self.parameters[place.clone()]));
            node.state_starts.iter().for_each(|(place, start)| fill(*start, &mut self.state[place.clone()]));
        }
    }
}

impl<F: Real> Node<F> {
    fn new(
        (name, kind, input): (&str, Arc<dyn Kind<F>>, Plane),
        layout: &mut Layout,
        state_layout: &mut Layout,
    ) -> Result<Node<F>, LearnError> {
        let add = |layout: &mut Layout, tensors: Vec<Tensor>| {
            let first = layout.size();
            let mut starts = Vec::new();
            for tensor in tensors {
                let len = tensor.shape.iter().try_fold(1, |len: usize, &side| len.checked_mul(side));
                if len.is_none_or(|len| len > MOST - layout.size().min(MOST)) {
                    return Err(LearnError::WrongInput(format!("{name}: more than {MOST} numbers in all")));
                }
                let name = if name.is_empty() { tensor.name } else { format!("{name}.{}", tensor.name) };
                starts.push((layout.add(name, &tensor.shape), tensor.start));
            }
            Ok((first..layout.size(), starts))
        };
        let (parameters, starts) = add(layout, kind.parameters(input))?;
        let (state, state_starts) = add(state_layout, kind.state(input))?;
        Ok(Node { kind, input, parameters, state, starts, state_starts })
    }

    pub fn build(&self) -> Box<dyn Layer<F>> {
        self.kind.build(self.input)
    }
}

/// The fused front keeps the first kernel as `[1][column][row x channel][width]`, a layer as `[row][column][channel][width]`.
fn spread_first_kernel(weights: &mut Weights) {
    let Some(kernel) = weights.tensors.get_mut("1.conv.kernel") else { return };
    let &[1, columns, stacked, width] = kernel.shape() else { return };
    let parted = kernel.to_shape((columns, 3, stacked / 3, width)).map(|kernel| kernel.permuted_axes([1, 0, 2, 3]));
    if let Ok(parted) = parted {
        *kernel = parted.as_standard_layout().into_owned().into_dyn();
    }
}

fn check_heads(heads: &[usize]) -> Result<(), LearnError> {
    let (most, widest) = HEADS;
    if (1..=most).contains(&heads.len()) && heads.iter().all(|classes| (1..=widest).contains(classes)) {
        return Ok(());
    }
    Err(LearnError::WrongInput(format!("heads of {heads:?} classes; there are 1 to {most} of 1 to {widest} each")))
}

/// Buffers for scoring one model; they grow to the longest image met.
#[derive(Default)]
pub struct Scratch {
    run: Option<Run<f32>>,
    input: Batch<f32>,
}

/// Scratches for scoring one model from many threads: asking the system for that much memory anew would take half as
/// long as scoring a clip.
#[derive(Default)]
pub struct Scratches(Mutex<Vec<Scratch>>);

impl Scratches {
    /// Lends one out.
    pub fn with<R>(&self, work: impl FnOnce(&mut Scratch) -> R) -> R {
        let free = || self.0.lock().unwrap_or_else(PoisonError::into_inner);
        let mut scratch = free().pop().unwrap_or_default();
        let made = work(&mut scratch);
        if scratch.input.values.capacity() <= KEPT {
            free().push(scratch);
        }
        made
    }
}

fn fill_start<F: Real>(start: Start, tensor: &mut [F], random: &mut Random) {
    let bound = match start {
        Start::Zeros => return tensor.fill(F::ZERO),
        Start::Ones => return tensor.fill(F::ONE),
        Start::He(inputs) => (6.0 / inputs.max(1) as f32).sqrt(),
        Start::Small(inputs) => (1.0 / inputs.max(1) as f32).sqrt(),
    };
    tensor.iter_mut().for_each(|value| *value = F::of(f64::from((random.random::<f32>() * 2.0 - 1.0) * bound)));
}
