//! The cnn and the mlp from outside: learning, bits, cancelling, saving, and awkward data.

use std::sync::Mutex;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::mpsc;
use std::time::{Duration, Instant};

use emolab::features::Image;
use emolab::job::{Cancelled, Unwatched, Watch};
use emolab::learn::cnn::{
    Augment, Average, Balance, CNN, Crops, Curve, Fit, Input, Keeper, List, MLP, Method, Net, Plan, Schedule, Scratch,
    Settings, Unkept,
};
use emolab::learn::{
    Classifier, Data, Epoch, Extras, Inputs, LearnError, Model, Norm, Recipe, Second, Weights, classifier,
};
use emolab::score::metric;
use ndarray::{Array2, s};

use crate::support::{SMALL_NET, narrow};

const BANDS: usize = 12;

fn recipe(name: &str, epochs: usize, seed: u64) -> Recipe {
    let (classifier, features) = (name.to_owned(), "made up".to_owned());
    let net = emolab::learn::classifier(name).and_then(narrow);
    Recipe { classifier, features, norm: Norm::None, seed, epochs: Some(epochs), net, ..Recipe::default() }
}

/// A cnn of one block.
pub fn small(epochs: usize, seed: u64) -> Recipe {
    Recipe { net: Some(Settings::read(SMALL_NET).unwrap()), ..recipe("cnn", epochs, seed) }
}

fn kinds() -> [&'static dyn Classifier; 2] {
    ["cnn", "mlp"].map(|name| classifier(name).unwrap())
}

/// Values in -0.5..0.5 without a generator: the fractional part of multiples of an irrational number.
fn noise(i: usize) -> f32 {
    (i as f32 * 0.618_034 * 7.0 + (i as f32 * 0.37).sin()).fract() - 0.5
}

/// A clip whose class lifts a third of its bands.
pub fn image(class: usize, number: usize, frames: usize) -> Image {
    Image::from_shape_fn((3, BANDS, frames), |(channel, band, frame)| {
        let lifted = channel == 0 && band / 4 == class;
        noise(number * 7919 + band * 131 + frame * 17 + channel) + if lifted { 1.0 } else { 0.0 }
    })
}

/// `clips` clips of three classes and four groups, as the classifier wants them.
pub fn data(kind: &dyn Classifier, clips: usize, frames: impl Fn(usize) -> usize) -> Data {
    let labels: Vec<usize> = (0..clips).map(|i| i % 3).collect();
    let images: Vec<Image> = (0..clips).map(|i| image(labels[i], i, frames(i))).collect();
    let inputs = match kind.name() {
        "cnn" => Inputs::Images(images),
        _ => Inputs::Rows(Array2::from_shape_fn((clips, BANDS), |(i, band)| f64::from(images[i][[0, band, 0]]))),
    };
    Data { inputs, groups: (0..clips).map(|i| i / 3 % 4).collect(), labels, classes: 3, extras: Extras::default() }
}

fn fit(kind: &dyn Classifier, data: &Data, epochs: usize, seed: u64) -> Box<dyn Model> {
    kind.fit(data, &recipe(kind.name(), epochs, seed), &Unwatched).unwrap()
}

fn right(model: &dyn Model, data: &Data) -> usize {
    let scores = model.scores(&data.inputs).unwrap();
    let best = |row: usize| (0..data.classes).max_by(|&a, &b| scores[[row, a]].total_cmp(&scores[[row, b]]));
    (0..data.labels.len()).filter(|&row| best(row) == Some(data.labels[row])).count()
}

#[test]
fn both_learn_a_separable_set_and_give_probabilities() {
    for kind in kinds() {
        let data = data(kind, 60, |i| 20 + i % 9);
        let model = fit(kind, &data, 25, 1);
        assert!(right(model.as_ref(), &data) >= 54, "{}: {} of 60", kind.name(), right(model.as_ref(), &data));
        for row in model.scores(&data.inputs).unwrap().rows() {
            assert!((row.sum() - 1.0).abs() < 1e-9 && row.iter().all(|&p| (0.0..=1.0).contains(&p)));
        }
        assert!(model.parameters() > 100);
    }
}

#[test]
fn a_second_head_learns_what_is_known_of_it() {
    let kind = classifier("cnn").unwrap();
    let mut data = data(kind, 60, |i| 20 + i % 9);
    // The second thing shows in another channel than the first, and is known of two clips in three. Its classes are 1 and 3.
    let truth = |i: usize| i / 2 % 2;
    if let Inputs::Images(images) = &mut data.inputs {
        for (i, image) in images.iter_mut().enumerate() {
            image.slice_mut(s![1, 6.., ..]).mapv_inplace(|v| v + truth(i) as f32);
        }
    }
    let labels = (0..60).map(|i| (i % 3 > 0).then_some(1 + 2 * truth(i))).collect();
    data.extras.second = Some(Second { labels, classes: 4 });
    let fitted = emolab::learn::fit(&small(80, 1), &data, &Unwatched).unwrap();
    let net = Net::load(&fitted.weights().unwrap().room("model")).unwrap();
    assert_eq!(net.plan().heads, [3, 2], "classes that nobody has get no output");
    let Inputs::Images(images) = &data.inputs else { panic!("images") };
    let said = |image: &Image| net.logits(image, &mut Scratch::default()).unwrap();
    let right = (0..60).filter(|&i| usize::from(said(&images[i])[4] > said(&images[i])[3]) == truth(i)).count();
    assert!(right >= 54, "{right} of 60");
    let first = fitted.scores(&data.inputs, &data.groups).unwrap();
    assert_eq!(first.dim(), (60, 3), "the first head scores");
}

#[test]
fn bits_depend_on_the_seed_and_not_on_the_threads() {
    for kind in kinds() {
        let data = data(kind, 41, |i| 9 + i % 30);
        let with = |threads: usize, seed: u64| {
            let pool = rayon::ThreadPoolBuilder::new().num_threads(threads).build().unwrap();
            pool.install(|| fit(kind, &data, 2, seed).weights())
        };
        let one = with(1, 3);
        assert!(one == with(2, 3) && one == with(3, 3), "{}: other bits with other threads", kind.name());
        assert!(one != with(1, 4), "{}: the seed changes nothing", kind.name());
    }
}

#[test]
fn a_loaded_model_gives_equal_scores_and_weights() {
    for kind in kinds() {
        let data = data(kind, 24, |i| 10 + i);
        let model = fit(kind, &data, 2, 0);
        let again = kind.load(&model.weights()).unwrap();
        assert_eq!(model.scores(&data.inputs).unwrap(), again.scores(&data.inputs).unwrap());
        assert_eq!(model.weights(), again.weights());
    }
}

#[test]
fn damaged_weights_are_refused() {
    for kind in kinds() {
        let good = fit(kind, &data(kind, 24, |_| 16), 1, 0).weights();
        assert!(matches!(kind.load(&Weights::default()), Err(LearnError::BadModel(_))));
        let plan = String::from_utf8(good.bytes["plan"].clone()).unwrap();
        for (from, to) in [("relu", "rely"), ("\"heads\":[3]", "\"heads\":[0]"), ("\"rate\":0.", "\"rate\":9.")] {
            let mut bad = good.clone();
            bad.bytes.insert("plan".to_owned(), plan.replace(from, to).into_bytes());
            assert!(plan.contains(from), "{plan}");
            assert!(matches!(kind.load(&bad), Err(LearnError::BadModel(_))), "{} with {to}", kind.name());
        }
        for name in good.tensors.keys() {
            let mut cut = good.clone();
            cut.tensors.remove(name);
            assert!(matches!(kind.load(&cut), Err(LearnError::BadModel(_))), "{} without {name}", kind.name());
            let mut bad = good.clone();
            bad.tensors.get_mut(name).unwrap().fill(f32::NAN);
            assert!(matches!(kind.load(&bad), Err(LearnError::BadModel(_))), "{} with NaN in {name}", kind.name());
        }
    }
}

#[test]
fn awkward_data_neither_panics_nor_gives_nan() {
    for kind in kinds() {
        // Two clips; one frame; a last batch of one; one group only; a class nobody has.
        for (clips, frames) in [(2, 5), (2, 1), (17, 1), (33, 3)] {
            for one_group in [false, true] {
                let mut data = data(kind, clips, |_| frames);
                data.classes = 4;
                if one_group {
                    data.groups = vec![0; clips];
                }
                let scores = fit(kind, &data, 2, 0).scores(&data.inputs).unwrap();
                assert_eq!(scores.dim(), (clips, 4));
                assert!(scores.iter().all(|p| p.is_finite()), "{}: {clips} clips of {frames}", kind.name());
            }
        }
    }
}

#[test]
fn a_strided_image_scores_as_its_copy() {
    let kind = classifier("cnn").unwrap();
    let data = data(kind, 12, |_| 30);
    let model = fit(kind, &data, 1, 0);
    let wide = image(1, 5, 30);
    let view = wide.slice(s![.., .., 5..20]);
    let (shared, copied) = (view.to_shared(), Image::from_shape_fn(view.dim(), |at| view[at]));
    let score = |image: Image| model.scores(&Inputs::Images(vec![image])).unwrap();
    assert_eq!(score(shared), score(copied));
}

#[test]
fn wrong_inputs_are_named() {
    let [cnn, mlp] = kinds();
    let (images, rows) = (data(cnn, 12, |_| 9), data(mlp, 12, |_| 9));
    let refused = |kind: &dyn Classifier, data: &Data| kind.fit(data, &recipe("x", 1, 0), &Unwatched).err();
    assert!(matches!(refused(cnn, &rows), Some(LearnError::WrongInput(_))));
    assert!(matches!(refused(mlp, &images), Some(LearnError::WrongInput(_))));
    let (net, feed) = (fit(cnn, &images, 1, 0), fit(mlp, &rows, 1, 0));
    let other = Inputs::Images(vec![Image::zeros((3, BANDS + 1, 9))]);
    assert!(matches!(net.scores(&other), Err(LearnError::WrongInput(_))));
    assert!(matches!(net.scores(&Inputs::Images(vec![Image::zeros((3, BANDS, 0))])), Err(LearnError::WrongInput(_))));
    assert!(matches!(feed.scores(&Inputs::Rows(Array2::zeros((1, 5)))), Err(LearnError::WrongInput(_))));
    let mut hole = Array2::zeros((2, BANDS));
    hole[[1, 3]] = f64::NAN;
    assert_eq!(feed.scores(&Inputs::Rows(hole)), Err(LearnError::NotFinite { row: 1, column: 3 }));
}

/// Cancels after so many looks, or when told to; collects news.
struct Impatient {
    looks_left: AtomicUsize,
    news: mpsc::SyncSender<Epoch>,
}

impl Watch<Epoch> for Impatient {
    fn check(&self) -> Result<(), Cancelled> {
        let left = self.looks_left.fetch_update(Ordering::Relaxed, Ordering::Relaxed, |left| left.checked_sub(1));
        left.map(drop).map_err(|_| Cancelled)
    }
    fn tell(&self, news: Epoch) {
        self.news.send(news).unwrap();
    }
}

#[test]
fn cancelling_ends_the_fit_at_the_next_look_wherever_that_is() {
    for kind in kinds() {
        let data = data(kind, 40, |_| 40);
        for looks in [0, 1, 7, 25] {
            let (news, _kept) = mpsc::sync_channel(100);
            let watch = Impatient { looks_left: AtomicUsize::new(looks), news };
            let result = kind.fit(&data, &recipe(kind.name(), 50, 0), &watch);
            assert!(matches!(result, Err(LearnError::Cancelled(_))), "{} after {looks} looks", kind.name());
        }
    }
}

/// Measures the longest time between two looks.
struct Stopwatch(std::sync::Mutex<(Instant, Duration)>);

impl Watch<Epoch> for Stopwatch {
    fn check(&self) -> Result<(), Cancelled> {
        let mut times = self.0.lock().unwrap();
        times.1 = times.1.max(times.0.elapsed());
        times.0 = Instant::now();
        Ok(())
    }
    fn tell(&self, _news: Epoch) {}
}

#[test]
fn the_watch_is_asked_many_times_within_a_batch() {
    let kind = classifier("cnn").unwrap();
    let data = data(kind, 32, |_| 100);
    let watch = Stopwatch(std::sync::Mutex::new((Instant::now(), Duration::ZERO)));
    let start = Instant::now();
    kind.fit(&data, &recipe("cnn", 3, 0), &watch).unwrap();
    // A share, not an absolute time: six batches of 16 clips have over 80 looks.
    let longest = watch.0.lock().unwrap().1;
    assert!(longest < start.elapsed() / 4, "{longest:?} of {:?} without a look", start.elapsed());
}

#[test]
fn every_epoch_is_told_in_order_with_its_scores() {
    for kind in kinds() {
        let data = data(kind, 36, |_| 20);
        let (news, told) = mpsc::sync_channel(100);
        let watch = Impatient { looks_left: AtomicUsize::new(usize::MAX), news };
        kind.fit(&data, &recipe(kind.name(), 4, 0), &watch).unwrap();
        drop(watch);
        let settle = kind.settings().unwrap().unwrap().schedule.settle;
        let told: Vec<Epoch> = told.into_iter().collect();
        assert_eq!(told.iter().map(|e| e.epoch).collect::<Vec<_>>(), [1, 2, 3, 4]);
        for epoch in told {
            assert!(epoch.train_loss.is_finite() && epoch.rate >= 0.0 && epoch.epochs == 4);
            assert!(epoch.dev_loss.is_some_and(f64::is_finite));
            let uar = epoch.dev_uar.unwrap();
            assert!((0.0..=1.0).contains(&uar) && epoch.train_uar.is_some_and(|uar| (0.0..=1.0).contains(&uar)));
            // Who was taken for whom agrees with the figure.
            assert_eq!((metric("uar").unwrap().of)(epoch.dev.as_ref().unwrap()), Some(uar));
            // None is chosen before the fit has settled, and none from before that afterwards.
            let settled = (settle * 4.0).ceil().max(1.0) as usize;
            assert_eq!(epoch.best.is_some(), epoch.epoch >= settled, "epoch {}", epoch.epoch);
            assert!(epoch.best.is_none_or(|best| (settled..=epoch.epoch).contains(&best)));
            assert!(!epoch.may_stop, "there is more patience than epochs");
            assert!(epoch.pace.seconds > 0.0 && epoch.pace.clips_per_second > 0.0);
        }
    }
}

#[test]
fn an_exploding_fit_fails_with_the_batch_named() {
    let kind = classifier("cnn").unwrap();
    let mut data = data(kind, 12, |_| 20);
    if let Inputs::Images(images) = &mut data.inputs {
        images.iter_mut().for_each(|image| image.mapv_inplace(|v| v * 1e30));
    }
    match kind.fit(&data, &recipe("cnn", 2, 0), &Unwatched) {
        Err(LearnError::Failed(why)) => assert!(why.contains("epoch 1, batch 1"), "{why}"),
        other => panic!("{:?}", other.map(|_| "a model")),
    }
}

/// A list that uses every layer.
const EVERYTHING: &str = r#"
[[layer]]
kind = "conv"
channels = 6
kernel = [3, 3]
[[layer]]
kind = "batch_norm"
[[layer]]
kind = "relu"
[[layer]]
kind = "max_pool"
size = [2, 2]
[[layer]]
kind = "conv"
channels = 6
kernel = [3, 3]
dilation = [2, 1]
depthwise = true
[[layer]]
kind = "conv"
channels = 8
kernel = [1, 1]
stride = [2, 1]
bias = true
[[layer]]
kind = "silu"
[[layer]]
kind = "squeeze"
hidden = 4
[[layer]]
kind = "dropout"
rate = 0.1
spatial = true
[[layer]]
kind = "avg_pool"
size = [3, 1]
[[layer]]
kind = "fold"
[[layer]]
kind = "conv1d"
channels = 9
kernel = 3
[[layer]]
kind = "batch_norm"
[[layer]]
kind = "relu"
[[layer]]
kind = "gru"
hidden = 7
[[layer]]
kind = "attention"
hidden = 5
[[layer]]
kind = "linear"
outputs = 12
[[layer]]
kind = "relu"
[[layer]]
kind = "dropout"
rate = 0.2
"#;

const READS: Input = Input::Images { channels: 3, bands: BANDS };

fn everything(schedule: Schedule) -> Settings {
    let augment = Augment { blank: 1.0 / 6.0, ..Augment::default() };
    let layers = List::read(EVERYTHING).unwrap().layers;
    let (features, balance, crops) = (None, Balance::Sampling, Crops::default());
    Settings { features, smoothing: 0.1, second: 0.3, finetune: 0.3, schedule, augment, balance, crops, layers }
}

/// All that a schedule can ask for.
fn demanding(epochs: usize) -> Schedule {
    Schedule {
        curve: Curve::Restarts { first: 0.25, growth: 2.0, floor: 0.0 },
        method: Method::AdamW { decay: 0.01 },
        clip: Some(2.0),
        average: Average::Ema { decay: 0.9 },
        ..Schedule::new(epochs, 16, 15, 1e-2)
    }
}

#[test]
fn any_list_learns_and_its_bits_do_not_depend_on_the_threads() {
    let cnn = classifier("cnn").unwrap();
    let data = data(cnn, 60, |i| 9 + i % 12);
    let recipe = recipe("cnn", 30, 3);
    let with = |threads: usize, schedule: Schedule| {
        let fit = Fit { recipe: &recipe, schedule, keeper: &Unkept, watch: &Unwatched };
        let pool = rayon::ThreadPoolBuilder::new().num_threads(threads).build().unwrap();
        pool.install(|| emolab::learn::cnn::fit((&everything(schedule), READS), &data, &fit).unwrap())
    };
    let one = with(1, demanding(2)).weights();
    let same = one == with(2, demanding(2)).weights() && one == with(3, demanding(2)).weights();
    assert!(same, "other bits with other threads");
    let model = with(2, Schedule::new(24, 8, 24, 1e-2));
    assert!(right(&model, &data) >= 54, "{} of 60", right(&model, &data));
    let again = cnn.load(&model.weights()).unwrap();
    assert_eq!(model.scores(&data.inputs).unwrap(), again.scores(&data.inputs).unwrap());
}

/// Keeps checkpoints in memory and stops the fit, like a kill, when it wants to write one too many.
pub struct Mortal {
    kept: Mutex<Option<Weights>>,
    writes_left: AtomicUsize,
}

impl Mortal {
    pub fn new(writes: usize) -> Mortal {
        Mortal { kept: Mutex::new(None), writes_left: AtomicUsize::new(writes) }
    }

    /// From now on, as often as wanted.
    pub fn revive(&self) {
        self.writes_left.store(100, Ordering::Relaxed);
    }
}

impl Keeper for Mortal {
    fn read(&self) -> Result<Option<Weights>, LearnError> {
        Ok(self.kept.lock().unwrap().clone())
    }

    fn write(&self, checkpoint: &Weights) -> Result<(), LearnError> {
        let left = self.writes_left.fetch_update(Ordering::Relaxed, Ordering::Relaxed, |left| left.checked_sub(1));
        left.map_err(|_| LearnError::Failed("killed".to_owned()))?;
        *self.kept.lock().unwrap() = Some(checkpoint.clone());
        Ok(())
    }
}

#[test]
fn a_fit_that_was_killed_goes_on_to_the_same_bits() {
    for kind in kinds() {
        let data = data(kind, 41, |i| 9 + i % 30);
        let whole = fit(kind, &data, 4, 5).weights();
        let run = |keeper: &dyn Keeper| match kind.name() {
            "cnn" => CNN.fit_kept(&data, &recipe("cnn", 4, 5), keeper, &Unwatched),
            _ => MLP.fit_kept(&data, &recipe("mlp", 4, 5), keeper, &Unwatched),
        };
        for epochs in [1, 3] {
            let keeper = Mortal::new(epochs);
            assert!(run(&keeper).is_err());
            keeper.revive();
            assert!(run(&keeper).unwrap().weights() == whole, "{} after {epochs} epochs", kind.name());
            assert_eq!(keeper.writes_left.load(Ordering::Relaxed), 100 - (4 - epochs), "epochs done again");
            // A fit that was done is not fitted again.
            assert!(run(&keeper).unwrap().weights() == whole);
        }
    }
}

#[test]
fn a_second_leg_learns_from_all_clips_and_survives_a_kill_in_either() {
    let cnn = classifier("cnn").unwrap();
    let data = data(cnn, 30, |_| 16);
    let recipe = recipe("cnn", 4, 1);
    let run = |refit: bool, keeper: &dyn Keeper, watch: &dyn Watch<Epoch>| {
        let schedule = Schedule { refit, ..demanding(4) };
        let fit = Fit { recipe: &recipe, schedule, keeper, watch };
        emolab::learn::cnn::fit((&everything(schedule), READS), &data, &fit)
    };
    let (news, told) = mpsc::sync_channel(100);
    let watch = Impatient { looks_left: AtomicUsize::new(usize::MAX), news };
    let whole = run(true, &Unkept, &watch).unwrap();
    drop(watch);
    let told: Vec<Epoch> = told.into_iter().collect();
    // Four epochs choose; the second leg goes to the best of them and holds nothing out.
    let best = told[3].best.unwrap();
    assert_eq!(told.iter().map(|e| e.epoch).collect::<Vec<_>>(), (1..=4 + best).collect::<Vec<_>>());
    assert!(told[..4].iter().all(|e| e.dev_uar.is_some() && e.epochs == 8));
    assert!(told[4..].iter().all(|e| e.dev_uar.is_none() && e.epochs == 4 + best));
    let once = run(false, &Unkept, &Unwatched).unwrap();
    assert_eq!(whole.temperature(), once.temperature(), "the held-out clips give the temperature");
    assert!(whole.weights() != once.weights(), "all clips are learnt from");
    for writes in 1..4 + best {
        let keeper = Mortal::new(writes);
        assert!(run(true, &keeper, &Unwatched).is_err());
        keeper.revive();
        assert!(run(true, &keeper, &Unwatched).unwrap().weights() == whole.weights(), "killed after {writes}");
        assert_eq!(keeper.writes_left.load(Ordering::Relaxed), 100 - (4 + best - writes), "epochs done again");
    }
}

#[test]
fn a_killed_fit_goes_on_with_every_method_and_average_and_through_a_file() {
    let cnn = classifier("cnn").unwrap();
    let data = data(cnn, 30, |_| 16);
    let recipe = recipe("cnn", 4, 1);
    let sgd = Method::Sgd { momentum: 0.9, decay: 0.001 };
    for (method, average) in [(sgd, Average::Swa { from: 0.5 }), (Method::Adam, Average::Ema { decay: 0.9 })] {
        let run = |keeper: &dyn Keeper, epochs: usize| {
            let schedule = Schedule { method, average, ..demanding(epochs) };
            let fit = Fit { recipe: &recipe, schedule, keeper, watch: &Unwatched };
            emolab::learn::cnn::fit((&everything(schedule), READS), &data, &fit)
        };
        let whole = run(&Unkept, 4).unwrap().weights();
        let keeper = Mortal::new(3);
        assert!(run(&keeper, 4).is_err());
        let dir = tempfile::tempdir().unwrap();
        let file = dir.path().join("checkpoint.safetensors");
        emolab::learn::model_file::write(&file, keeper.kept.lock().unwrap().as_ref().unwrap()).unwrap();
        let read = Mortal::new(100);
        *read.kept.lock().unwrap() = Some(emolab::learn::model_file::read(&file).unwrap());
        assert!(run(&read, 4).unwrap().weights() == whole, "{method:?}, {average:?}");
        // Of another fit, it is refused.
        assert!(matches!(run(&keeper, 5), Err(LearnError::BadModel(_))));
    }
}

#[test]
fn damaged_checkpoints_are_refused() {
    let cnn = classifier("cnn").unwrap();
    let data = data(cnn, 24, |_| 16);
    let keeper = Mortal::new(1);
    assert!(CNN.fit_kept(&data, &recipe("cnn", 3, 0), &keeper, &Unwatched).is_err());
    let good = keeper.kept.lock().unwrap().clone().unwrap();
    let refused = |kept: Weights| {
        let keeper = Mortal::new(9);
        *keeper.kept.lock().unwrap() = Some(kept);
        matches!(CNN.fit_kept(&data, &recipe("cnn", 3, 0), &keeper, &Unwatched), Err(LearnError::BadModel(_)))
    };
    for name in good.tensors.keys() {
        let mut cut = good.clone();
        cut.tensors.insert(name.clone(), ndarray::Array1::zeros(3).into_dyn());
        assert!(refused(cut), "with another {name}");
    }
    assert!(refused(Weights { bytes: Default::default(), ..good }));
}

#[test]
fn wrong_lists_are_named_with_the_layer_and_why() {
    let read = |text: &str| List::read(text).map(drop).unwrap_err().to_string();
    assert!(read("").contains("no [[layer]]"));
    assert!(read("[[layer]]\nkind='conv'\nchannels=4").contains("layer 1 (conv): missing field `kernel`"));
    assert!(read("[[layer]]\nkind='relu'\n[[layer]]\nkind='wavelet'").contains("layer 2 (wavelet): unknown variant"));
    assert!(read("[[layer]]\nkind='gru'\nhiden=4").contains("layer 1 (gru)"));
    assert!(read("size=3\n[[layer]]\nkind='relu'").contains("`size`"));
    let shape = |entries: &[&str]| {
        let text: String = entries.iter().map(|entry| format!("[[layer]]\n{entry}\n")).collect();
        let input = Input::Images { channels: 3, bands: BANDS };
        Net::new(Plan { list: List::read(&text).unwrap(), input, heads: vec![2] }).map(drop).unwrap_err().to_string()
    };
    for (entries, want) in [
        (&["kind='relu'", "kind='linear'\noutputs=3"][..], "layer 2 (linear): it reads rows"),
        (&["kind='gru'\nhidden=4"], "layer 1 (gru): it reads images of height 1, not 12"),
        (&["kind='conv'\nchannels=3\nkernel=[2,3]"], "layer 1 (conv): a kernel of [2, 3] has no middle"),
        (&["kind='conv'\nchannels=0\nkernel=[3,3]"], "layer 1 (conv): 0 channels"),
        (&["kind='conv'\nchannels=4\nkernel=[3,3]\ndepthwise=true"], "as many channels as it reads: 3, not 4"),
        (&["kind='dropout'\nrate=1.0"], "layer 1 (dropout): a rate of 1"),
        (&["kind='mean_pool'", "kind='max_pool'\nsize=[1,2]"], "layer 2 (max_pool)"),
        (&["kind='max_pool'\nsize=[0,2]"], "0"),
        (&["kind='relu'"], "ends in an image"),
        (&["kind='fold'", "kind='conv1d'\nchannels=60000\nkernel=63", "kind='mean_pool'"], "more than"),
    ] {
        assert!(shape(entries).contains(want), "{}", shape(entries));
    }
}

#[test]
fn a_list_is_the_same_after_writing_and_reading() {
    let list = everything(demanding(1)).list();
    assert_eq!(List::read(&list.text().unwrap()).unwrap(), list);
}
