//! What of an image spoke for a class: the gradient of its logit, times the image.
//!
//! The logit is taken against the mean of all logits, as scores do not change when all rise alike. Signed, because
//! evidence for a class and evidence against it are not the same. Chosen by deletion on 60 clips of EmoDB: blanking the
//! tenth of the pixels that it marks lowers the logit by 2.4 of 2.9; a random tenth by 0.2, absolute values by 0.8, blocks
//! of 8 x 8 blanked one by one by 1.7, and integrated gradients of 8 steps by no more than it. Deliberately absent: how a
//! gradient is computed (`run.rs`).

use ndarray::{Array2, ArrayViewMut1, Axis};

use super::batch::Batch;
use super::kernel::Real;
use super::model::Model;
use super::pass::{Window, fill};
use super::run::Run;
use crate::features::Image;
use crate::job::Unwatched;
use crate::learn::LearnError;

/// Neighbours, in bands and in frames, that a pixel is smoothed over: a max-pool hands its gradient to one pixel of those
/// it stands for. More blurs the map and lowers what it finds.
const REACH: usize = 2;

/// Bands x frames, 0 to 1: the gradient times the input (Shrikumar et al. 2016, arXiv:1605.01713), summed over channels;
/// what spoke against the class is 0. Of several heads the first one speaks. `None` where the net has no numbers to follow
/// a gradient through.
///
/// # Errors
/// [`LearnError::WrongInput`] for a class the net does not know, [`LearnError::Failed`] when a layer fails.
pub fn saliency(net: &Model, image: &Image, class: usize) -> Result<Option<Array2<f32>>, LearnError> {
    let classes = net.plan().heads[0];
    if class >= classes {
        return Err(LearnError::WrongInput(format!("class {class} of {classes}")));
    }
    let Ok(plain) = net.unfused::<f32>() else { return Ok(None) };
    let (channels, bands, frames) = image.dim();
    let mut x = Batch::default();
    x.shape(net.plan().list.padded(net.plan().input, frames), [frames].into_iter());
    fill(image, &Window::whole(frames), x.plane, &mut x.values);
    let dx = slope(&plain, &x, class)?;
    let told = Array2::from_shape_fn((bands, frames), |(band, frame)| {
        let pixel = (band * x.plane.width + frame) * channels;
        let terms = x.values[pixel..][..channels].iter().zip(&dx.values[pixel..][..channels]);
        terms.map(|(x, slope)| x * slope).sum::<f32>()
    });
    Ok(Some(share_of_most(smooth(told, REACH))))
}

/// The gradient, with respect to `x`, of a class's logit less the mean of all.
fn slope<F: Real>(model: &Model<F>, x: &Batch<F>, class: usize) -> Result<Batch<F>, LearnError> {
    let (mut run, mut dx) = (Run::new(model), Batch::default());
    run.forward(model, x, None, &Unwatched)?;
    let classes = model.plan().heads[0];
    let mut d = vec![F::ZERO; model.outputs()];
    d[..classes].fill(F::of(-1.0 / classes as f64));
    d[class] += F::ONE;
    let mut gradient = vec![F::ZERO; model.parameters.len()];
    run.backward(model, (x, Some(&mut dx)), (&d, &mut gradient), &Unwatched)?;
    Ok(dx)
}

/// Weighted means of neighbours at most so many bands and frames away, the nearer the heavier.
fn smooth(mut map: Array2<f32>, reach: usize) -> Array2<f32> {
    for axis in [Axis(0), Axis(1)] {
        map.lanes_mut(axis).into_iter().for_each(|lane| smooth_lane(lane, reach));
    }
    map
}

fn smooth_lane(mut lane: ArrayViewMut1<'_, f32>, reach: usize) {
    let old = lane.to_vec();
    for (at, to) in lane.iter_mut().enumerate() {
        let near = at.saturating_sub(reach)..(at + reach + 1).min(old.len());
        let weight = |other: usize| (reach + 1 - at.abs_diff(other)) as f32;
        let (sum, weights) =
            near.fold((0.0, 0.0), |(sum, all), other| (sum + weight(other) * old[other], all + weight(other)));
        *to = sum / weights;
    }
}

/// 0 below 0, 1 at the largest; all 0 where nothing spoke for it.
fn share_of_most(map: Array2<f32>) -> Array2<f32> {
    let most = map.iter().fold(0.0_f32, |most, &value| most.max(value));
    if most > 0.0 && most.is_finite() { map.mapv(|value| (value / most).max(0.0)) } else { Array2::zeros(map.dim()) }
}

#[cfg(test)]
mod tests {
    use super::super::golden::all_layers;
    use super::super::gradients::{assert_gradient, rough};
    use super::super::list::{Input, List};
    use super::super::model::{Plan, Scratch};
    use super::super::plane::Plane;
    use super::super::random::Random;
    use super::super::settings::Settings;
    use super::*;
    use crate::learn::{Data, Extras, Inputs, Recipe, classifier, fit};
    use ndarray::{Array3, s};

    #[test]
    fn the_gradient_agrees_with_finite_differences_of_the_logit() {
        let golden: serde_json::Value =
            serde_json::from_str(include_str!("../../../tests/golden/cnn_layers.json")).unwrap();
        let mut model = all_layers::<f64>(golden["trajectory"]["list"].as_str().unwrap());
        // Moments as training leaves them: neither 0 nor 1.
        model.state.iter_mut().zip(rough(1, 999)).for_each(|(state, by)| *state += 0.4 * by);
        let mut x = Batch::default();
        x.shape(Plane { height: 8, width: 24, channels: 2 }, [22].into_iter());
        x.values = rough(5, 8 * 24 * 2);
        let dx = slope(&model, &x, 1).unwrap();
        assert_gradient("input", &dx.values, &x.values, |moved| {
            let mut run = Run::new(&model);
            run.forward(&model, &Batch { values: moved.to_vec(), ..x.clone() }, None, &Unwatched).unwrap();
            let logits = &run.made()[..model.plan().heads[0]];
            logits[1] - logits.iter().sum::<f64>() / logits.len() as f64
        });
    }

    #[test]
    fn layer_by_layer_a_fused_net_scores_the_same() {
        let block = |width| {
            format!(
                "[[layer]]\nkind='conv'\nchannels={width}\nkernel=[3,3]\n[[layer]]\nkind='batch_norm'\n[[layer]]\nkind='relu'\n"
            )
        };
        let pool = "[[layer]]\nkind='max_pool'\nsize=[2,2]\n";
        let list =
            List::read(&format!("{}{pool}{}[[layer]]\nkind='mean_pool'\nparts=2\n", block(5), block(17))).unwrap();
        let plan = Plan { list, input: Input::Images { channels: 2, bands: 8 }, heads: vec![3, 2] };
        let mut net = Model::new(plan).unwrap();
        net.start(&mut Random::new(1));
        net.state.iter_mut().zip(rough(1, 999)).for_each(|(state, by)| *state += 0.4 * by as f32);
        let image = Array3::from_shape_fn((2, 8, 20), |(c, b, f)| rough(c + 2, 160)[b * 20 + f] as f32).into_shared();
        let (plain, mut x) = (net.unfused::<f64>().unwrap(), Batch::default());
        x.shape(plain.plan().list.padded(plain.plan().input, 20), [20].into_iter());
        x.values = (0..8 * 20 * 2).map(|at| f64::from(image[(at % 2, at / 40, at / 2 % 20)])).collect();
        let mut run = Run::new(&plain);
        run.forward(&plain, &x, None, &Unwatched).unwrap();
        for (want, got) in run.made().iter().zip(net.logits(&image, &mut Scratch::default()).unwrap()) {
            assert!((want - f64::from(got)).abs() < 1e-5, "{got} for {want}");
        }
    }

    /// Clips of three classes, each loud for a while in its own third of the bands.
    fn clips() -> (Vec<Image>, Vec<usize>) {
        let clip = |number: usize| {
            let mut image = Array3::from_shape_fn((1, 12, 16), |(_, b, f)| rough(number, 192)[b * 16 + f] as f32);
            let (band, frame) = (number % 3 * 4, number / 3 % 8);
            image.slice_mut(s![0, band..band + 4, frame..frame + 8]).mapv_inplace(|value| value + 2.0);
            image.into_shared()
        };
        ((0..36).map(clip).collect(), (0..36).map(|number| number % 3).collect())
    }

    /// One block, then a mean over three bundles of bands.
    fn thirds() -> List {
        let layers =
            "[[layer]]\nkind='conv'\nchannels=1\nkernel=[3,3]\n[[layer]]\nkind='batch_norm'\n[[layer]]\nkind='relu'\n
            [[layer]]\nkind='mean_pool'\nparts=3\n";
        List::read(layers).unwrap()
    }

    #[test]
    fn what_makes_a_class_is_what_spoke_for_it() {
        let plan = Plan { list: thirds(), input: Input::Images { channels: 1, bands: 12 }, heads: vec![3] };
        let mut net = Model::new(plan).unwrap();
        // The pixel itself, as it is; each bundle speaks for a class of its own.
        let tensors = net.tensors().concat();
        net.parameters[tensors[0].start + 4] = 1.0;
        (0..3).for_each(|class| net.parameters[tensors[3].start + 4 * class] = 1.0);
        let (images, labels) = clips();
        for (row, (image, class)) in images.iter().zip(labels).enumerate() {
            let map = saliency(&net, image, class).unwrap().unwrap();
            let own = map.slice(s![class * 4..class * 4 + 4, ..]);
            assert!(own.iter().any(|value| *value == 1.0), "clip {row}: the most lies elsewhere");
            let share = own.sum() / map.sum();
            assert!(share > 0.8, "clip {row}: {share} of it in the bands of class {class}");
            let loud = own.slice(s![.., row / 3 % 8..row / 3 % 8 + 8]).sum() / own.sum();
            assert!(loud > 0.8, "clip {row}: {loud} of that while they are loud");
        }
        assert!(saliency(&net, &images[0], 3).is_err(), "a class too many");
    }

    #[test]
    fn a_fitted_net_tells_for_each_class_that_it_has_met() {
        let (images, labels) = clips();
        let inputs = Inputs::Images(images);
        let groups = (0..36).map(|number| number / 9).collect();
        // Class 1 of four never occurs.
        let labels = labels.into_iter().map(|label| label + usize::from(label > 0)).collect();
        let data = Data { inputs: inputs.clone(), labels, groups, classes: 4, extras: Extras::default() };
        let usual = classifier("cnn").unwrap().settings().unwrap().unwrap();
        let net = Some(Settings { layers: thirds().layers, ..usual });
        let recipe = Recipe { classifier: "cnn".to_owned(), net, epochs: Some(1), ..Recipe::default() };
        let fitted = fit(&recipe, &data, &Unwatched).unwrap();
        for class in 0..4 {
            let map = fitted.saliency(&inputs, &[0; 36], (5, class)).unwrap();
            assert_eq!(map.map(|map| map.dim()), (class != 1).then_some((12, 16)), "class {class}");
        }
    }

    #[test]
    fn nothing_for_it_is_nothing_and_smoothing_keeps_a_constant() {
        assert_eq!(share_of_most(Array2::from_elem((2, 3), -1.0)), Array2::<f32>::zeros((2, 3)));
        let flat = smooth(Array2::from_elem((5, 9), 0.5), 2);
        assert!(flat.iter().all(|value| (value - 0.5).abs() < 1e-6), "{flat}");
    }
}
