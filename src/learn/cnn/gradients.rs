//! Gradients against finite differences, in f64: each layer by itself, the model of all layers; and the fused front
//! against the same layers one by one.

use super::batch::Batch;
use super::golden::{all_layers, clips, heads, numbers, targets};
use super::kernel::Real;
use super::layer::{Backward, Forward, Seen};
use super::list::{Input, LayerSpec, List};
use super::model::{Model, Plan};
use super::plane::Plane;
use super::random::Random;
use super::run::Run;
use crate::job::Unwatched;

const STEP: f64 = 1e-5;

/// Checks `gradient` against central differences of `f` around `at`: at most 60 entries.
pub(super) fn assert_gradient(what: &str, gradient: &[f64], at: &[f64], f: impl Fn(&[f64]) -> f64) {
    assert_eq!(gradient.len(), at.len());
    for i in (0..at.len()).step_by((at.len() / 60).max(1)) {
        let moved = |by: f64| {
            let mut at = at.to_vec();
            at[i] += by;
            f(&at)
        };
        let slope = (moved(STEP) - moved(-STEP)) / (2.0 * STEP);
        let error = (gradient[i] - slope).abs();
        assert!(error <= 1e-6 * (slope.abs() + 0.1), "{what}, entry {i}: {}, differences say {slope}", gradient[i]);
    }
}

/// Numbers without two alike and none near zero: no tie of a pool, no kink of a ReLU is near.
pub(super) fn rough(seed: usize, len: usize) -> Vec<f64> {
    let one = |i: usize| ((i as f64 + 1.0) * 0.618_033_988_7 + seed as f64 * 0.377).fract() - 0.5;
    (0..len).map(one).map(|v| v + 0.01_f64.copysign(v)).collect()
}

fn batch(plane: Plane, valid: &[usize], values: &[f64]) -> Batch<f64> {
    let mut x = Batch::default();
    x.shape(plane, valid.iter().copied());
    x.values.copy_from_slice(values);
    x
}

/// A layer by itself: its loss is a weighted sum of what it makes.
fn check_layer(text: &str, plane: Plane, valid: &[usize]) {
    let list = List::read(&format!("[[layer]]\n{text}")).unwrap();
    let kind = list.layers[0].kind::<f64>();
    let len = |tensors: &[super::layer::Tensor]| tensors.iter().map(|t| t.shape.iter().product::<usize>()).sum();
    let parameters = rough(1, len(&kind.parameters(plane)));
    let x = rough(2, valid.len() * plane.dense_len());
    let loss = |parameters: &[f64], x: &[f64]| {
        let (mut layer, mut y, x) = (kind.build(plane), Batch::default(), batch(plane, valid, x));
        let mut random = Random::new(3);
        let with = Forward { parameters, state: &[], random: Some(&mut random), watch: &Unwatched };
        layer.forward(with, &x, &mut y).unwrap();
        let weights = rough(4, y.values.len());
        let loss = y.values.iter().zip(&weights).map(|(y, w)| y * w).sum::<f64>();
        (loss, layer, y, weights)
    };
    let (_, mut layer, y, weights) = loss(&parameters, &x);
    let mut dy = y.clone();
    dy.values = weights;
    let (images, mut dx) = (batch(plane, valid, &x), batch(plane, valid, &x));
    let mut gradient = vec![0.0; parameters.len()];
    let with = Backward { parameters: &parameters, gradient: &mut gradient, watch: &Unwatched };
    layer.backward(with, Seen { x: &images, y: &y, dy: &dy }, Some(&mut dx)).unwrap();
    assert_gradient(&format!("{text}: parameters"), &gradient, &parameters, |moved| loss(moved, &x).0);
    assert_gradient(&format!("{text}: input"), &dx.values, &x, |moved| loss(&parameters, moved).0);
}

#[test]
fn gradients_of_every_layer_agree_with_finite_differences() {
    let image = Plane { height: 4, width: 6, channels: 3 };
    let sequence = Plane { height: 1, width: 6, channels: 3 };
    let row = Plane { height: 1, width: 1, channels: 5 };
    for (text, plane) in [
        ("kind='conv'\nchannels=4\nkernel=[3,5]\nbias=true", image),
        ("kind='conv'\nchannels=2\nkernel=[3,3]\nstride=[2,2]\ndilation=[1,2]", image),
        ("kind='conv'\nchannels=3\nkernel=[5,3]\nstride=[1,2]\ndepthwise=true\nbias=true", image),
        ("kind='conv1d'\nchannels=2\nkernel=3\nstride=2\ndilation=2\nbias=true", sequence),
        ("kind='conv1d'\nchannels=3\nkernel=5\ndepthwise=true", sequence),
        ("kind='batch_norm'", image),
        ("kind='relu'", image),
        ("kind='silu'", image),
        ("kind='max_pool'\nsize=[2,3]", image),
        ("kind='avg_pool'\nsize=[4,2]", image),
        ("kind='mean_pool'\nparts=4", image),
        ("kind='dropout'\nrate=0.4", image),
        ("kind='dropout'\nrate=0.4\nspatial=true", image),
        ("kind='squeeze'\nhidden=4", image),
        ("kind='attention'\nhidden=4", sequence),
        ("kind='gru'\nhidden=6", sequence),
        ("kind='gru'\nhidden=2\nboth_ways=false", sequence),
        ("kind='fold'", image),
        ("kind='linear'\noutputs=3", row),
    ] {
        let valid = if plane == row { vec![1; 3] } else { vec![6, 4, 1] };
        check_layer(text, plane, &valid);
    }
}

/// Loss, gradients of parameters and of the input.
fn slopes<F: Real>(model: &Model<F>, x: &Batch<F>) -> (f64, Vec<F>, Batch<F>) {
    let (mut run, mut dx) = (Run::new(model), Batch::default());
    run.forward(model, x, Some(&mut Random::new(1)), &Unwatched).unwrap();
    let (loss, d) = heads().of_batch(run.made(), &targets(0));
    let mut gradient = vec![F::ZERO; model.parameters.len()];
    run.backward(model, (x, Some(&mut dx)), (&d, &mut gradient), &Unwatched).unwrap();
    (loss, gradient, dx)
}

#[test]
fn gradients_of_the_model_of_all_layers_agree_with_finite_differences() {
    let golden: serde_json::Value =
        serde_json::from_str(include_str!("../../../tests/golden/cnn_layers.json")).unwrap();
    let model = all_layers::<f64>(golden["trajectory"]["list"].as_str().unwrap());
    // Behind the clips' ends, too: zeros there would tie in the pools.
    let values = rough(5, 6 * 8 * 24 * 2);
    let x = batch(Plane { height: 8, width: 24, channels: 2 }, &[24, 20, 7, 24, 13, 22], &values);
    let (_, gradient, dx) = slopes(&model, &x);
    assert_gradient("parameters", &gradient, &model.parameters, |moved| {
        let mut model = model.clone();
        model.parameters.copy_from_slice(moved);
        slopes(&model, &x).0
    });
    assert_gradient("input", &dx.values, &x.values, |moved| {
        slopes(&model, &Batch { values: moved.to_vec(), ..x.clone() }).0
    });
}

const BLOCKS: &str = "
    [[layer]]\nkind='conv'\nchannels=5\nkernel=[3,3]\n[[layer]]\nkind='batch_norm'\n[[layer]]\nkind='relu'
    [[layer]]\nkind='max_pool'\nsize=[2,2]
    [[layer]]\nkind='conv'\nchannels=17\nkernel=[3,3]\n[[layer]]\nkind='batch_norm'\n[[layer]]\nkind='relu'\n";
/// Channels that go by Winograd's way, blocks without a pool, sizes that its tiles do not divide.
const DEEP: &str = "
    [[layer]]\nkind='conv'\nchannels=16\nkernel=[3,3]\n[[layer]]\nkind='batch_norm'\n[[layer]]\nkind='relu'
    [[layer]]\nkind='conv'\nchannels=32\nkernel=[3,3]\n[[layer]]\nkind='batch_norm'\n[[layer]]\nkind='relu'
    [[layer]]\nkind='max_pool'\nsize=[2,2]
    [[layer]]\nkind='conv'\nchannels=16\nkernel=[3,3]\n[[layer]]\nkind='batch_norm'\n[[layer]]\nkind='relu'\n";
const MEAN: &str = "[[layer]]\nkind='mean_pool'\nparts=2\n[[layer]]\nkind='dropout'\nrate=0.3\n";
const NEITHER: &str = "[[layer]]\nkind='avg_pool'\nsize=[2,1]\n[[layer]]\nkind='mean_pool'\n";
const POOL: &str = "[[layer]]\nkind='max_pool'\nsize=[2,2]\n[[layer]]\nkind='mean_pool'\n";

/// The same list fused in f32 and layer by layer in f64, at the same numbers; negative gammas turn pools over.
fn twins(blocks: &str, end: &str) -> (Model<f32>, Model<f64>) {
    let list = List::read(&format!("{blocks}{end}")).unwrap();
    let plan = Plan { list, input: Input::Images { channels: 2, bands: 8 }, heads: vec![3, 2] };
    let (mut fused, mut plain) = (Model::new(plan.clone()).unwrap(), Model::<f64>::plain(plan).unwrap());
    *plain.parameters = numbers(7, plain.parameters.len());
    let narrow = plain.parameters.iter().map(|&v| v as f32).collect();
    *fused.parameters = columns_first(&fused, narrow);
    (fused, plain)
}

/// The first kernel, `[row][column][2][outputs]`, becomes `[column][row][2][outputs]`, which is what the fused front has.
fn columns_first<T: Copy>(model: &Model<f32>, numbers: Vec<T>) -> Vec<T> {
    let LayerSpec::Conv(first) = &model.plan().list.layers[0] else { panic!("no convolution") };
    let tap_len = 2 * first.channels;
    let taps = (0..9).flat_map(|tap| numbers[(tap % 3 * 3 + tap / 3) * tap_len..][..tap_len].to_vec());
    taps.chain(numbers[9 * tap_len..].to_vec()).collect()
}

#[test]
fn the_fused_front_is_the_same_as_its_layers() {
    for (blocks, end) in [(BLOCKS, MEAN), (BLOCKS, POOL), (DEEP, MEAN), (DEEP, POOL), (DEEP, NEITHER)] {
        let (mut fused, mut plain) = twins(blocks, end);
        // Behind a clip's end all is even: of four equal numbers a pool takes the first, of four that Winograd rounds apart
        // any. Both are right, but not the same.
        let valid = if blocks == DEEP { [24; 6] } else { [24, 20, 7, 24, 13, 22] };
        let (x, wide) = (clips::<f32>(200, &valid), clips::<f64>(200, &valid));
        let ((loss, gradient, dx), (want, d, wide_dx)) = (slopes(&fused, &x), slopes(&plain, &wide));
        assert!((loss - want).abs() < 1e-5 * want, "{loss} for {want}");
        let close = |what: &str, got: &[f32], want: &[f64]| {
            let most = want.iter().fold(0.0, |most: f64, v| most.max(v.abs()));
            for (i, (&got, want)) in got.iter().zip(want).enumerate() {
                assert!((f64::from(got) - want).abs() < 1e-4 * most, "{what} {i}: {got} for {want}");
            }
        };
        close("gradient", &columns_first(&fused, gradient), &d);
        close("gradient of the input", &dx.values, &wide_dx.values);
        // Scoring, with moments that moved.
        let mut runs = (Run::new(&fused), Run::new(&plain));
        runs.0.forward(&fused, &x, Some(&mut Random::new(1)), &Unwatched).unwrap();
        runs.1.forward(&plain, &wide, Some(&mut Random::new(1)), &Unwatched).unwrap();
        runs.0.follow(&mut fused);
        runs.1.follow(&mut plain);
        runs.0.forward(&fused, &x, None, &Unwatched).unwrap();
        runs.1.forward(&plain, &wide, None, &Unwatched).unwrap();
        let most = runs.1.made().iter().fold(0.0, |most: f64, v| most.max(v.abs()));
        for (&got, want) in runs.0.made().iter().zip(runs.1.made()) {
            assert!((f64::from(got) - want).abs() < 1e-5 * most, "with the normalisation folded in: {got} for {want}");
        }
    }
}
