//! What is changed in clips before a net learns from them: bits, who is asked, settings, cancelling, real sounds.

use std::collections::BTreeSet;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex};

use emolab::features::Image;
use emolab::features::alter::Change;
use emolab::job::{Cancelled, Unwatched, Watch};
use emolab::learn::cnn::{CNN, Keeper, Settings, Unkept};
use emolab::learn::{
    Alter, Altered, Classifier, Data, Epoch, Extras, Inputs, LearnError, Model, Norm, Recipe, Second, fit,
};
use ndarray::Array2;

use crate::cnn::{Mortal, image};

/// A small net with everything on.
const ALL: &str = r#"
smoothing = 0.1
second = 0.3
balance = "sampling"
crops = { count = 3, whole = true }
schedule = { epochs = 2, batch = 8, patience = 9, rate = 1e-2, curve = { kind = "constant" }, method = { kind = "adam" }, average = { kind = "none" } }
[augment]
frames = 16
blank = 0.2
masks = 2
speed = { p = 0.5, low = 0.9, high = 1.1 }
pitch = { p = 0.5, semitones = 2.0 }
noise = { p = 0.5, low = 5.0, high = 30.0 }
gain = { p = 0.5, db = 6.0 }
shift = { p = 0.5, frames = 4 }
mixup = { p = 0.5, alpha = 0.4 }
paste = { p = 0.5, neutral = 0.5 }
[[layer]]
kind = "conv"
channels = 4
kernel = [3, 3]
[[layer]]
kind = "relu"
[[layer]]
kind = "mean_pool"
parts = 2
"#;

/// Makes images of as many frames as the speed leaves, lifted by the gain; remembers who was asked for.
struct Maker {
    images: Vec<Image>,
    asked: Mutex<BTreeSet<usize>>,
    /// After so many images, the fit is cancelled.
    calls: AtomicUsize,
}

impl Alter for Maker {
    fn image(&self, row: usize, change: &Change) -> Result<Image, LearnError> {
        self.asked.lock().unwrap().insert(row);
        self.calls.fetch_add(1, Ordering::Relaxed);
        let own = &self.images[row];
        let (channels, bands, frames) = own.dim();
        let len = ((frames as f64 / change.speed) as usize).max(1);
        let lift = (change.gain * 0.01) as f32;
        Ok(Image::from_shape_fn((channels, bands, len), |(c, b, f)| own[[c, b, f.min(frames - 1)]] + lift))
    }
}

fn made(clips: usize) -> (Data, Arc<Maker>) {
    let labels: Vec<usize> = (0..clips).map(|clip| clip % 3).collect();
    let images: Vec<Image> = (0..clips).map(|clip| image(labels[clip], clip, 1 + clip * 7 % 40)).collect();
    let maker = Arc::new(Maker { images: images.clone(), asked: Mutex::default(), calls: AtomicUsize::new(0) });
    let second = Second { labels: (0..clips).map(|clip| (clip % 5 > 0).then_some(clip % 2)).collect(), classes: 2 };
    let dynamic: Arc<dyn Alter> = maker.clone();
    let altered = Some(Altered::new(&dynamic, clips));
    let extras = Extras { second: Some(second), altered, neutral: Some(1), ..Extras::default() };
    let groups = (0..clips).map(|clip| clip / 3 % 4).collect();
    (Data { inputs: Inputs::Images(images), labels, groups, classes: 3, extras }, maker)
}

fn recipe(net: &str, norm: Norm) -> Recipe {
    let net = Some(Settings::read(net).unwrap());
    Recipe { classifier: "cnn".into(), features: "made".into(), norm, seed: 3, net, ..Recipe::default() }
}

#[test]
fn bits_depend_on_the_seed_and_not_on_the_threads() {
    let (data, _) = made(30);
    let with = |threads: usize, keeper: &dyn Keeper| {
        let pool = rayon::ThreadPoolBuilder::new().num_threads(threads).build().unwrap();
        pool.install(|| CNN.fit_kept(&data, &recipe(ALL, Norm::None), keeper, &Unwatched))
    };
    let one = with(1, &Unkept).unwrap().weights();
    assert!(one == with(3, &Unkept).unwrap().weights(), "other bits with other threads");
    let keeper = Mortal::new(1);
    assert!(with(2, &keeper).is_err());
    keeper.revive();
    assert!(with(2, &keeper).unwrap().weights() == one, "other bits after a kill");
}

#[test]
fn each_setting_changes_what_is_learnt() {
    let (data, _) = made(18);
    let weights = |text: &str| CNN.fit_kept(&data, &recipe(text, Norm::None), &Unkept, &Unwatched).unwrap().weights();
    let all = weights(ALL);
    for key in ["balance", "blank", "masks", "speed", "gain", "shift", "mixup", "paste"] {
        let without: String =
            ALL.lines().filter(|line| !line.starts_with(key)).map(|line| format!("{line}\n")).collect();
        assert!(weights(&without) != all, "{key} changes nothing");
    }
}

#[test]
fn only_clips_that_are_fitted_on_are_changed() {
    let (data, maker) = made(36);
    let train: Vec<usize> = (0..36).filter(|clip| data.groups[*clip] != 2).collect();
    for norm in [Norm::None, Norm::Train, Norm::Speaker] {
        fit(&recipe(ALL, norm), &data.select(&train), &Unwatched).unwrap();
    }
    let asked = maker.asked.lock().unwrap();
    assert!(asked.len() > 6 && asked.iter().all(|clip| data.groups[*clip] != 2), "{asked:?}");
    // Every fit holds out one of three speakers to choose the epoch by; with one seed it is always the same.
    let heard: BTreeSet<usize> = asked.iter().map(|clip| data.groups[*clip]).collect();
    assert_eq!(heard.len(), 2, "held-out clips were changed: {asked:?}");
}

#[test]
fn a_changed_clip_is_scaled_as_its_own_speakers_clips_are() {
    // A maker that changes nothing: then nothing but the draws may differ from a fit without sounds.
    struct Same(Vec<Image>);
    impl Alter for Same {
        fn image(&self, row: usize, _: &Change) -> Result<Image, LearnError> {
            Ok(self.0[row].clone())
        }
    }
    let (mut data, maker) = made(24);
    let loud = "speed = { p = 1.0, low = 0.9, high = 1.1 }";
    let text = ALL.replace("speed = { p = 0.5, low = 0.9, high = 1.1 }", loud);
    for norm in [Norm::None, Norm::Train, Norm::Speaker] {
        let mut weights = Vec::new();
        for offset in [0.0, 500.0] {
            // What a speaker's microphone adds is taken away from the changed clips too, and so is what all share.
            let shifted: Vec<Image> =
                maker.images.iter().map(|image| image.map(|v| v + offset).into_shared()).collect();
            data.inputs = Inputs::Images(shifted.clone());
            let same: Arc<dyn Alter> = Arc::new(Same(shifted));
            data.extras.altered = Some(Altered::new(&same, 24));
            let fitted = fit(&recipe(&text, norm), &data, &Unwatched).unwrap();
            weights.push(fitted.scores(&data.inputs, &data.groups).unwrap());
        }
        let far = (&weights[0] - &weights[1]).iter().fold(0.0_f64, |far, gap| far.max(gap.abs()));
        assert_eq!(far < 0.05, norm != Norm::None, "{norm}: {far}");
    }
}

#[test]
fn wrong_settings_are_named() {
    for (from, to, named) in [
        ("low = 0.9, high", "low = 0.1, high", "augment.speed.low"),
        ("high = 1.1", "high = 0.8", "augment.speed.high"),
        ("semitones = 2.0", "semitones = nan", "augment.pitch.semitones"),
        ("low = 5.0", "low = 50.0", "augment.noise.high"),
        ("db = 6.0", "db = -1.0", "augment.gain.db"),
        ("mixup = { p = 0.5", "mixup = { p = 1.5", "augment.mixup.p"),
        ("alpha = 0.4", "alpha = 0.0", "augment.mixup.alpha"),
        ("neutral = 0.5", "neutral = 2.0", "augment.paste.neutral"),
        ("masks = 2", "mask = 2", "mask"),
        ("count = 3", "count = 1000", "crops.count"),
    ] {
        assert!(ALL.contains(from), "{from}");
        let why = Settings::read(&ALL.replacen(from, to, 1)).unwrap_err().to_string();
        assert!(why.contains(named), "{to}: {why}");
    }
    let settings = Settings::read(ALL).unwrap();
    assert_eq!(Settings::read(&settings.text().unwrap()).unwrap(), settings);
}

#[test]
fn rows_can_be_mixed_and_nothing_else() {
    let rows =
        Array2::from_shape_fn((30, 4), |(row, column)| f64::from(u8::from(row % 3 == column)) + row as f64 * 0.01);
    let labels: Vec<usize> = (0..30).map(|row| row % 3).collect();
    let groups = (0..30).map(|row| row / 3 % 4).collect();
    let data = Data { inputs: Inputs::Rows(rows), labels, groups, classes: 3, extras: Extras::default() };
    let head = &ALL[..ALL.find("[augment]").unwrap()].replace("crops = { count = 3, whole = true }", "");
    let layers = "\n[[layer]]\nkind = \"linear\"\noutputs = 8\n[[layer]]\nkind = \"relu\"\n";
    let run = |augment: &str| {
        let recipe = Recipe { classifier: "mlp".into(), ..recipe(&format!("{head}{augment}{layers}"), Norm::Train) };
        fit(&recipe, &data, &Unwatched).map(|fitted| fitted.weights().unwrap())
    };
    assert!(run("[augment]\nmixup = { p = 1.0, alpha = 0.4 }").unwrap() != run("").unwrap());
    let why = run("[augment]\nspeed = { p = 1.0, low = 0.9, high = 1.1 }").unwrap_err().to_string();
    assert!(why.contains("augment.speed is for images"), "{why}");
}

#[test]
fn parts_are_scored_again_after_loading() {
    let (data, _) = made(18);
    let model = CNN.fit_kept(&data, &recipe(ALL, Norm::None), &Unkept, &Unwatched).unwrap();
    let scores = |model: &dyn Model| model.scores(&data.inputs).unwrap();
    let loaded = |change: &dyn Fn(&mut emolab::learn::Weights)| {
        let mut weights = model.weights();
        change(&mut weights);
        emolab::learn::classifier("cnn").unwrap().load(&weights).unwrap()
    };
    assert_eq!(scores(loaded(&|_| ()).as_ref()), scores(model.as_ref()));
    // A model of before there were parts scores whole clips.
    let whole = scores(loaded(&|weights| drop(weights.bytes.remove("cut"))).as_ref());
    assert!(whole != scores(model.as_ref()) && whole.rows().into_iter().all(|row| (row.sum() - 1.0).abs() < 1e-9));
}

#[test]
fn cancelling_stops_among_the_clips_of_a_batch() {
    /// Says stop once a maker was asked a few times.
    struct Impatient(Arc<Maker>);
    impl Watch<Epoch> for Impatient {
        fn check(&self) -> Result<(), Cancelled> {
            if self.0.calls.load(Ordering::Relaxed) < 3 { Ok(()) } else { Err(Cancelled) }
        }
        fn tell(&self, _: Epoch) {}
    }
    let (data, maker) = made(60);
    let text = ALL.replace("speed = { p = 0.5", "speed = { p = 1.0").replace("batch = 8", "batch = 60");
    let watch = Impatient(Arc::clone(&maker));
    let pool = rayon::ThreadPoolBuilder::new().num_threads(1).build().unwrap();
    let end = pool.install(|| CNN.fit_kept(&data, &recipe(&text, Norm::None), &Unkept, &watch));
    assert!(matches!(end, Err(LearnError::Cancelled(_))));
    assert!(maker.calls.load(Ordering::Relaxed) < 6, "{} images were made", maker.calls.load(Ordering::Relaxed));
}

#[test]
fn a_maker_that_fails_is_quoted() {
    struct Broken;
    impl Alter for Broken {
        fn image(&self, row: usize, _: &Change) -> Result<Image, LearnError> {
            Err(LearnError::Failed(format!("clip {row} is gone")))
        }
    }
    let (mut data, _) = made(18);
    let broken: Arc<dyn Alter> = Arc::new(Broken);
    data.extras.altered = Some(Altered::new(&broken, 18));
    let why = fit(&recipe(ALL, Norm::Train), &data, &Unwatched).unwrap_err().to_string();
    assert!(why.contains("epoch 1, batch 1") && why.contains("is gone"), "{why}");
    data.extras.altered = Some(Altered::new(&broken, 17));
    let why = fit(&recipe(ALL, Norm::Train), &data, &Unwatched).unwrap_err().to_string();
    assert!(why.contains("17 clips to change for 18 clips"), "{why}");
}
