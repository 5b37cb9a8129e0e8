//! The layers, optimisers, schedules, averages and losses, and 20 steps of a model that uses all layers, beside PyTorch
//! (`tests/golden/cnn_layers.json`, made by the script beside it).

use serde_json::Value;

use super::average::{Average, Averager};
use super::batch::Batch;
use super::kernel::Real;
use super::layer::{Backward, Forward, Seen};
use super::list::{Input, List};
use super::loss::{Heads, Loss};
use super::model::{Model, Plan};
use super::optimiser::{Method, Optimiser, clip};
use super::plane::Plane;
use super::random::Random;
use super::run::Run;
use super::schedule::Curve;
use crate::job::Unwatched;

/// The formula of the scripts in `tests/golden/`; exact in f32.
pub fn numbers<F: Real>(seed: usize, len: usize) -> Vec<F> {
    (0..len).map(|i| F::of(((i * i * 31 + i * 7919 + seed * 104_729) % 2003) as f64 / 1024.0 - 1.0)).collect()
}

fn golden() -> Value {
    serde_json::from_str(include_str!("../../../tests/golden/cnn_layers.json")).unwrap()
}

fn vector(value: &Value) -> Vec<f64> {
    value.as_array().unwrap().iter().map(|v| v.as_f64().unwrap()).collect()
}

fn sizes(value: &Value) -> Vec<usize> {
    vector(value).into_iter().map(|v| v as usize).collect()
}

/// Largest difference, as a share of the largest number there (or of 1e-3 where all are smaller).
fn error<F: Real>(got: &[F], want: &[f64]) -> f64 {
    assert_eq!(got.len(), want.len());
    let largest = want.iter().fold(1e-3, |most: f64, v| most.max(v.abs()));
    got.iter().zip(want).map(|(got, want)| (got.wide() - want).abs()).fold(0.0, f64::max) / largest
}

/// The errors of one layer: output, gradient of the input, of the parameters; scoring and state where there is one.
fn errors<F: Real>(case: &Value, seed: usize) -> Vec<f64> {
    let &[height, width, channels] = &sizes(&case["plane"])[..] else { panic!() };
    let plane = Plane { height, width, channels };
    let list = List::read(case["list"].as_str().unwrap()).unwrap();
    let kind = list.layers[0].kind::<F>();
    let lens = |tensors: Vec<super::layer::Tensor>| -> Vec<usize> {
        tensors.iter().map(|tensor| tensor.shape.iter().product()).collect()
    };
    let starts = lens(kind.parameters(plane)).into_iter().enumerate();
    let four = F::of(4.0);
    let parameters: Vec<F> =
        starts.flat_map(|(number, len)| numbers::<F>(seed + number, len)).map(|v| v / four).collect();
    let mut x = Batch::default();
    x.shape(plane, sizes(&case["valid"]).into_iter());
    x.values = numbers(50, x.values.len());
    let (mut y, mut dx, mut dy) = (Batch::default(), x.clone(), Batch::default());
    let mut layer = kind.build(plane);
    let mut random = Random::new(0);
    let with = Forward { parameters: &parameters, state: &[], random: Some(&mut random), watch: &Unwatched };
    layer.forward(with, &x, &mut y).unwrap();
    dy.shape_after(&y, y.plane, 1);
    dy.values = numbers(60, y.values.len());
    let mut gradient = vec![F::ZERO; parameters.len()];
    let with = Backward { parameters: &parameters, gradient: &mut gradient, watch: &Unwatched };
    layer.backward(with, Seen { x: &x, y: &y, dy: &dy }, Some(&mut dx)).unwrap();
    let mut found = vec![
        error(&y.values, &vector(&case["y"])),
        error(&dx.values, &vector(&case["dx"])),
        error(&gradient, &vector(&case["gradient"])),
    ];
    if !lens(kind.state(plane)).is_empty() {
        let mut state = [vec![F::ZERO; channels], vec![F::ONE; channels]].concat();
        layer.follow(&mut state);
        found.push(error(&state, &vector(&case["state"])));
        let with = Forward { parameters: &parameters, state: &state, random: None, watch: &Unwatched };
        layer.forward(with, &x, &mut y).unwrap();
        found.push(error(&y.values, &vector(&case["scored"])));
    }
    found
}

#[test]
fn every_layer_is_pytorchs() {
    let golden = golden();
    // The seeds of the script, case by case; layers without parameters need none.
    let seeds = [1, 2, 3, 4, 5, 6, 7, 8, 9, 0, 0, 0, 0, 0, 10, 11, 12, 13, 14, 0];
    let cases = golden["layers"].as_array().unwrap();
    assert_eq!(cases.len(), seeds.len());
    for (case, seed) in cases.iter().zip(seeds) {
        let (exact, narrow) = (errors::<f64>(case, seed), errors::<f32>(case, seed));
        let most = |errors: &[f64]| errors.iter().copied().fold(0.0, f64::max);
        println!("{}: f64 {:.1e}, f32 {:.1e}", case["name"], most(&exact), most(&narrow));
        assert!(exact.iter().all(|&e| e < 1e-7), "{} in f64: {exact:?}", case["name"]);
        assert!(narrow.iter().all(|&e| e < 1e-5), "{} in f32: {narrow:?}", case["name"]);
    }
}

/// The model of all layers at the script's numbers.
pub fn all_layers<F: Real>(text: &str) -> Model<F> {
    let plan =
        Plan { list: List::read(text).unwrap(), input: Input::Images { channels: 2, bands: 8 }, heads: vec![3, 2] };
    let mut model = Model::<F>::plain(plan).unwrap();
    // The script gives each tensor of a layer the next seed; a layer's first seed stands here.
    let firsts = [100, 102, 104, 106, 108, 110, 114, 118, 126, 129, 140];
    let mut starts = firsts.into_iter();
    let four = F::of(4.0);
    for tensors in model.tensors() {
        let Some(first) = (!tensors.is_empty()).then(|| starts.next().unwrap()) else { continue };
        for (number, place) in tensors.into_iter().enumerate() {
            let values = numbers::<F>(first + number, place.len());
            model.parameters[place].iter_mut().zip(values).for_each(|(p, v)| *p = v / four);
        }
    }
    assert!(starts.next().is_none());
    model
}

/// Clips of 24 frames, zero behind their ends.
pub fn clips<F: Real>(seed: usize, valid: &[usize]) -> Batch<F> {
    let plane = Plane { height: 8, width: 24, channels: 2 };
    let mut x = Batch::default();
    x.shape(plane, valid.iter().copied());
    x.values = numbers(seed, x.values.len());
    for (number, pixel) in x.values.chunks_exact_mut(2).enumerate() {
        if number % 24 >= valid[number / (8 * 24)] {
            pixel.fill(F::ZERO);
        }
    }
    x
}

pub fn heads() -> Heads {
    Heads(vec![(Loss { weights: vec![0.5, 1.0, 2.0], smoothing: 0.1 }, 1.0), (Loss::plain(2), 0.3)])
}

pub fn targets(step: usize) -> Vec<f64> {
    let labels = (0..6).flat_map(|clip| [Some((clip * 5 + step % 2) % 3), Some(clip % 2)]);
    let mut targets = heads().targets(labels);
    targets[..3].copy_from_slice(&[0.25, 0.75, 0.0]);
    targets
}

#[test]
fn twenty_steps_of_all_layers_are_pytorchs() {
    let golden = &golden()["trajectory"];
    let mut model = all_layers::<f32>(golden["list"].as_str().unwrap());
    let mut run = Run::new(&model);
    let (mut optimiser, mut random) =
        (Optimiser::new(Method::AdamW { decay: 0.05 }, model.parameters.len()), Random::new(0));
    let mut worst: f64 = 0.0;
    for (step, want) in vector(&golden["losses"]).into_iter().enumerate() {
        let x = clips(200 + step % 2, &[24, 20, 7, 24, 13, 22]);
        run.forward(&model, &x, Some(&mut random), &Unwatched).unwrap();
        let (loss, d) = heads().of_batch(run.made(), &targets(step));
        let mut gradient = vec![0.0; model.parameters.len()];
        run.backward(&model, (&x, None), (&d, &mut gradient), &Unwatched).unwrap();
        run.follow(&mut model);
        clip(&mut gradient, 1.0);
        optimiser.step(&mut model.parameters, &gradient, 3e-2 * Curve::Cosine { floor: 0.0 }.at(step as f64 / 20.0));
        worst = worst.max((loss - want).abs() / want);
        assert!((loss - want).abs() <= 1e-4 * want, "step {step}: loss {loss}, PyTorch {want}");
    }
    run.forward(&model, &clips(200, &[24]), None, &Unwatched).unwrap();
    let logits = error(run.made(), &vector(&golden["logits"]));
    println!("largest error of a loss {worst:.1e}, of the logits {logits:.1e}");
    assert!(logits < 1e-4, "logits differ by {logits}");
}

#[test]
fn optimisers_and_clipping_are_pytorchs() {
    let golden = &golden()["optimisers"];
    let sgd = Method::Sgd { momentum: 0.9, decay: 0.2 };
    for (name, method) in [("adam", Method::Adam), ("adamw", Method::AdamW { decay: 0.2 }), ("sgd", sgd)] {
        let mut at = numbers(1, 7);
        let mut optimiser = Optimiser::new(method, 7);
        (0..20).for_each(|step| optimiser.step(&mut at, &numbers(300 + step, 7), 0.03));
        let error = error(&at, &vector(&golden[name]));
        assert!(error < 1e-5, "{name}: {error}");
    }
    let mut gradient = numbers(3, 7);
    clip(&mut gradient, 0.7);
    assert!(error(&gradient, &vector(&golden["clipped"])) < 1e-6);
}

#[test]
fn averages_are_pytorchs() {
    let golden = &golden()["averages"];
    for (name, average) in [("ema", Average::Ema { decay: 0.8 }), ("swa", Average::Swa { from: 0.5 })] {
        let mut averager = Averager::new(average);
        averager.after_epoch([&[9.0; 7], &[]], 0.4);
        for step in 0..10 {
            let now = numbers(400 + step, 7);
            averager.after_step([&now, &[]]);
            averager.after_epoch([&now, &[]], 0.5);
        }
        let mean = &averager.mean().unwrap().parameters;
        assert!(error(mean, &vector(&golden[name])) < 1e-5, "{name}: {mean:?}");
    }
}

#[test]
fn schedules_are_pytorchs() {
    let golden = &golden()["schedules"];
    let restarts = Curve::Restarts { first: 7.0 / 50.0, growth: 2.0, floor: 0.1 };
    let one_cycle = Curve::OneCycle { rise: 0.2, from: 0.1 };
    for (name, curve) in [("cosine", Curve::Cosine { floor: 0.1 }), ("restarts", restarts), ("one_cycle", one_cycle)] {
        let rates: Vec<f64> = (0..50).map(|step| curve.at(f64::from(step) / 50.0)).collect();
        let error = error(&rates, &vector(&golden[name]));
        assert!(error < 1e-7, "{name}: {error}");
    }
}

#[test]
fn losses_are_pytorchs() {
    for (name, case) in golden()["losses"].as_object().unwrap() {
        let loss = Loss { weights: vector(&case["weights"]), smoothing: case["smoothing"].as_f64().unwrap() };
        let logits: Vec<f64> = numbers::<f64>(4, 12).into_iter().map(|v| 2.0 * v).collect();
        let (value, gradient) = loss.of_batch(&logits, &vector(&case["targets"]));
        assert!((value - case["loss"].as_f64().unwrap()).abs() < 1e-8, "{name}: {value}");
        assert!(error(&gradient, &vector(&case["gradient"])) < 1e-7, "{name}");
    }
}
