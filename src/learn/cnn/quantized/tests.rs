//! Quantized nets beside the real ones they were made from; files of them, whole and damaged.

use ndarray::Array0;
use rand::Rng;

use super::super::list::{Input, List};
use super::super::model::{Model, Plan, Scratch};
use super::super::random::Random;
use crate::features::Image;
use crate::learn::{LearnError, Weights};

/// Channels, bands.
const SIZE: (usize, usize) = (2, 12);

/// Blocks with odd widths, with and without pools and bias, some of them fused in the real net.
const NET: &str = "
    [[layer]]\nkind='conv'\nchannels=5\nkernel=[3,3]\n[[layer]]\nkind='batch_norm'\n[[layer]]\nkind='relu'
    [[layer]]\nkind='max_pool'\nsize=[2,2]
    [[layer]]\nkind='conv'\nchannels=18\nkernel=[3,3]\nbias=true\n[[layer]]\nkind='batch_norm'\n[[layer]]\nkind='relu'
    [[layer]]\nkind='dropout'\nrate=0.5
    [[layer]]\nkind='conv'\nchannels=33\nkernel=[3,3]\n[[layer]]\nkind='batch_norm'\n[[layer]]\nkind='relu'
    [[layer]]\nkind='max_pool'\nsize=[3,1]
    [[layer]]\nkind='mean_pool'\nparts=2";

/// The bands folded into channels at once, as in a net of convolutions along time alone.
const ALONG: &str = "
    [[layer]]\nkind='fold'
    [[layer]]\nkind='conv1d'\nchannels=17\nkernel=5\nbias=true\n[[layer]]\nkind='batch_norm'\n[[layer]]\nkind='relu'
    [[layer]]\nkind='max_pool'\nsize=[1,2]
    [[layer]]\nkind='conv1d'\nchannels=6\nkernel=1\n[[layer]]\nkind='batch_norm'\n[[layer]]\nkind='relu'
    [[layer]]\nkind='mean_pool'";

/// The bands folded between two blocks.
const MIXED: &str = "
    [[layer]]\nkind='conv'\nchannels=5\nkernel=[3,5]\n[[layer]]\nkind='batch_norm'\n[[layer]]\nkind='relu'
    [[layer]]\nkind='max_pool'\nsize=[3,2]
    [[layer]]\nkind='fold'
    [[layer]]\nkind='conv1d'\nchannels=20\nkernel=3\n[[layer]]\nkind='batch_norm'\n[[layer]]\nkind='relu'
    [[layer]]\nkind='attention'\nhidden=4";

fn plan(text: &str) -> Plan {
    let input = Input::Images { channels: SIZE.0, bands: SIZE.1 };
    Plan { list: List::read(text).unwrap(), input, heads: vec![4] }
}

/// With moments and signs such as training leaves behind.
fn net(text: &str) -> Model {
    let mut net = Model::new(plan(text)).unwrap();
    let mut random = Random::new(5);
    net.start(&mut random);
    let mut weights = Weights::default();
    net.save(&mut weights);
    for (name, tensor) in &mut weights.tensors {
        let mut between = |low: f32, high: f32| tensor.iter_mut().for_each(|v| *v = random.random_range(low..high));
        match name.rsplit('.').next().unwrap() {
            "gamma" => between(-1.5, 1.5),
            "variance" => between(0.2, 2.0),
            "beta" | "mean" | "bias" => between(-0.5, 0.5),
            _ => {}
        }
    }
    Model::load(&weights).unwrap()
}

fn images(count: usize) -> Vec<Image> {
    let mut random = Random::new(7);
    (0..count).map(|i| Image::from_shape_fn((SIZE.0, SIZE.1, 9 + 4 * i), |_| random.random_range(-2.0..3.0))).collect()
}

fn logits(net: &Model, images: &[Image]) -> Vec<Vec<f32>> {
    let mut scratch = Scratch::default();
    images.iter().map(|image| net.logits(image, &mut scratch).unwrap()).collect()
}

#[test]
fn a_quantized_net_says_nearly_what_the_real_one_says() {
    for text in [NET, ALONG, MIXED] {
        let (net, images) = (net(text), images(6));
        let (real, whole) = (logits(&net, &images), logits(&net.quantized(&images).unwrap(), &images));
        let spread = real.iter().flatten().fold(0.0_f32, |most, v| most.max(v.abs()));
        for (real, whole) in real.iter().flatten().zip(whole.iter().flatten()) {
            assert!((real - whole).abs() < 0.05 * spread, "{whole} for {real}, largest {spread}: {text}");
        }
    }
}

#[test]
fn what_is_saved_scores_as_before_and_is_saved_alike() {
    let (net, images) = (net(NET), images(3));
    let whole = net.quantized(&images).unwrap();
    let mut weights = Weights::default();
    whole.save(&mut weights);
    let names: Vec<&String> = weights.int8.keys().collect();
    assert_eq!(names, ["1.conv.int8", "5.conv.int8", "9.conv.int8"]);
    assert!(!weights.tensors.keys().any(|name| name.ends_with("kernel") || name.ends_with("gamma")));
    let read = Model::load(&weights).unwrap();
    assert_eq!(logits(&whole, &images), logits(&read, &images));
    assert_eq!(whole.count(), read.count());
    let mut again = Weights::default();
    read.save(&mut again);
    assert_eq!(weights, again);
}

#[test]
fn damaged_numbers_are_refused() {
    let mut weights = Weights::default();
    net(NET).quantized(&images(2)).unwrap().save(&mut weights);
    let refused = |what: &str, spoil: &dyn Fn(&mut Weights)| {
        let mut spoiled = weights.clone();
        spoil(&mut spoiled);
        assert!(matches!(Model::load(&spoiled), Err(LearnError::BadModel(_))), "{what}");
    };
    for bad in [0.0, -1.0, f32::NAN, f32::INFINITY] {
        refused("factor", &|weights| weights.tensors.get_mut("5.conv.factor").unwrap()[3] = bad);
        refused("step", &|weights| weights.put("input.step", &Array0::from_elem((), bad)));
    }
    refused("offset", &|weights| weights.tensors.get_mut("5.conv.offset").unwrap()[0] = f32::NAN);
    for zero in [128.0, -1.0, 0.5] {
        refused("zero", &|weights| weights.put("input.zero", &Array0::from_elem((), zero)));
    }
    refused("a missing factor", &|weights| drop(weights.tensors.remove("1.conv.factor")));
    refused("a missing kernel", &|weights| drop(weights.int8.remove("1.conv.int8")));
    refused("a kernel of no layer", &|weights| {
        let kernel = weights.int8["1.conv.int8"].clone();
        weights.int8.insert("4.conv.int8".to_owned(), kernel);
    });
    refused("a kernel of another shape", &|weights| {
        let kernel = weights.int8["5.conv.int8"].clone();
        weights.int8.insert("1.conv.int8".to_owned(), kernel);
    });
}

#[test]
fn what_cannot_be_quantized_says_so() {
    let images = images(2);
    let why = net("[[layer]]\nkind='conv'\nchannels=3\nkernel=[5,5]\n[[layer]]\nkind='mean_pool'").quantized(&images);
    assert!(why.unwrap_err().to_string().contains("nothing to quantize"));
    let real = net(NET);
    assert!(matches!(real.quantized(&[]), Err(LearnError::TooFewRows(_))));
    assert!(real.quantized(&images).unwrap().quantized(&images).unwrap_err().to_string().contains("already"));
}

#[test]
fn silent_clips_and_dead_channels_quantize_to_finite_numbers() {
    let silent = vec![Image::zeros((SIZE.0, SIZE.1, 8))];
    let mut weights = Weights::default();
    net(NET).save(&mut weights);
    weights.tensors.get_mut("1.conv.kernel").unwrap().fill(0.0);
    weights.tensors.get_mut("6.batch_norm.gamma").unwrap().fill(0.0);
    let whole = Model::load(&weights).unwrap().quantized(&silent).unwrap();
    assert!(logits(&whole, &[silent, images(2)].concat()).iter().flatten().all(|v| v.is_finite()));
}
