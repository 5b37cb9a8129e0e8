//! The net of STACK.md, fused, beside PyTorch: 20 steps of training (`tests/golden/cnn.csv`, made by the script beside
//! it); and what must never be silent.

use super::golden::numbers;
use super::{Draw, Heads, Input, List, Loss, Method, Net, Optimiser, Pass, Plan, Random, Scratch, Window};
use crate::features::Image;
use crate::job::Unwatched;
use crate::learn::LearnError;

const GOLDEN: &str = include_str!("../../../tests/golden/cnn.csv");

fn images(seed: usize, count: usize, dim: (usize, usize, usize)) -> Vec<Image> {
    let all = numbers::<f32>(seed, count * dim.0 * dim.1 * dim.2);
    all.chunks(dim.0 * dim.1 * dim.2).map(|one| Image::from_shape_vec(dim, one.to_vec()).unwrap()).collect()
}

fn golden(what: &str) -> Vec<f64> {
    let rows = GOLDEN.lines().filter_map(|line| line.strip_prefix(what));
    rows.map(|row| row.rsplit(',').next().unwrap().parse().unwrap()).collect()
}

/// The net of `trajectory.toml`, its weights by the script's formula.
fn net() -> Net {
    let text = include_str!("trajectory.toml");
    let input = Input::Images { channels: 3, bands: 16 };
    let mut net = Net::new(Plan { list: List::read(text).unwrap(), input, heads: vec![7] }).unwrap();
    let kernels = [0, 1, 2, 3, 10].into_iter().zip(net.tensors().concat().into_iter().step_by(3).take(5));
    for (seed, place) in kernels {
        let start = numbers::<f32>(seed, place.len());
        net.parameters[place].iter_mut().zip(start).for_each(|(k, v)| *k = v / 8.0);
    }
    net
}

fn step(net: &mut Net, pass: &mut Pass, number: usize) -> Result<f64, LearnError> {
    let images = images(20 + number % 2, 8, (3, 16, 24));
    let batch: Vec<Draw<'_>> = images.iter().map(|image| Draw { image, window: Window::whole(24) }).collect();
    let heads = Heads::one(Loss::plain(7));
    let targets = heads.targets((0..8).map(|i| Some((i * 5 + number % 2) % 7)));
    pass.of_images(net, (&batch, 24), (&heads, &targets), &mut Random::new(0), &Unwatched)
}

#[test]
fn twenty_steps_follow_pytorch() {
    let mut net = net();
    let (mut pass, mut adam) = (Pass::new(&net), Optimiser::new(Method::Adam, net.parameters.len()));
    for (number, want) in golden("loss,").into_iter().enumerate() {
        let loss = step(&mut net, &mut pass, number).unwrap();
        adam.step(&mut net.parameters, &pass.gradient, 1e-3);
        assert!((loss - want).abs() <= 1e-4 * want, "step {number}: loss {loss}, PyTorch {want}");
    }
    let logits = net.logits(&images(20, 1, (3, 16, 24))[0], &mut Scratch::default()).unwrap();
    for (got, want) in logits.iter().zip(golden("logit,")) {
        assert!((f64::from(*got) - want).abs() <= 2e-3 * (1.0 + want.abs()), "logit {got}, PyTorch {want}");
    }
}

#[test]
fn a_second_run_over_the_same_buffers_gives_the_same_bits() {
    let mut net = net();
    let mut pass = Pass::new(&net);
    step(&mut net, &mut pass, 0).unwrap();
    let first = pass.gradient.clone();
    step(&mut net, &mut pass, 1).unwrap();
    step(&mut net, &mut pass, 0).unwrap();
    assert_eq!(first, pass.gradient);
}

#[test]
fn nan_in_the_weights_is_an_error_and_not_a_silent_zero() {
    let good = net();
    for place in good.tensors().concat() {
        let mut net = good.clone();
        net.parameters[place.start] = f32::NAN;
        let result = step(&mut net, &mut Pass::new(&good), 0);
        assert!(matches!(result, Err(LearnError::Failed(_))), "parameter {}: {result:?}", place.start);
    }
}
