//! What every classifier of the registry promises, run through the one door `learn::fit`.
//!
//! New classifiers are held to these without a line here. The data are made, small, and of the classifier's own kind:
//! rows of 6 numbers or images of 3 x 12 x 40 whose class shows in the level of two columns or bands.

#![allow(clippy::unwrap_used, clippy::panic)]

use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};

use emolab::features::Kind;
use emolab::job::{Cancelled, Unwatched, Watch};
use emolab::learn::{
    CLASSIFIERS, Classifier, Data, Epoch, Extras, Fitted, Inputs, LearnError, Norm, Recipe, check_params, fit,
    model_file, unusual,
};
use ndarray::{Array2, Array3};
use rand::{Rng, SeedableRng};
use rand_pcg::Pcg64;

use crate::support::narrow;

const BANDS: usize = 12;

/// All classifiers but the one that cannot learn.
fn learners() -> impl Iterator<Item = &'static dyn Classifier> {
    CLASSIFIERS.iter().copied().filter(|kind| kind.name() != "majority")
}

fn recipe(kind: &dyn Classifier, seed: u64) -> Recipe {
    // Images are slow in the test profile: narrow nets, and no more epochs than these need; rows take what they need.
    let epochs = (kind.kind() == Kind::Image).then_some(16);
    Recipe {
        classifier: kind.name().into(),
        features: "made".into(),
        norm: Norm::Train,
        seed,
        epochs,
        net: narrow(kind),
        ..Recipe::default()
    }
}

/// `clips` per class, three classes, six groups; noise of `spread` around class levels that are 1 apart.
fn made(kind: Kind, clips: usize, spread: f64, seed: u64) -> Data {
    let mut random = Pcg64::seed_from_u64(seed);
    let labels: Vec<usize> = (0..3 * clips).map(|clip| clip % 3).collect();
    let groups = (0..labels.len()).map(|clip| clip / 3 % 6).collect();
    let mut noise = |size: f64| size * (0..4).map(|_| random.random_range(-1.0..1.0)).sum::<f64>();
    let inputs = match kind {
        Kind::Row => {
            let mut rows = Array2::zeros((labels.len(), 6));
            for ((clip, column), value) in rows.indexed_iter_mut() {
                *value = level(labels[clip], column) + noise(spread);
            }
            Inputs::Rows(rows)
        }
        Kind::Image => Inputs::Images(labels.iter().map(|&label| picture(label, noise(spread), &mut noise)).collect()),
    };
    Data { inputs, labels, groups, classes: 3, extras: Extras::default() }
}

/// Classes 0, 1, 2 stand at three corners in columns 0 and 1; the others are noise.
fn level(label: usize, column: usize) -> f64 {
    f64::from(u8::from(column < 2 && label == column + 1))
}

fn picture(label: usize, shift: f64, noise: &mut impl FnMut(f64) -> f64) -> emolab::features::Image {
    Array3::from_shape_fn((3, BANDS, 40), |(_, band, _)| {
        let lit = band * 3 / BANDS == label;
        (f64::from(u8::from(lit)) * 2.0 + shift + noise(0.3)) as f32
    })
    .into_shared()
}

fn accuracy(fitted: &Fitted, data: &Data) -> f64 {
    let scores = fitted.scores(&data.inputs, &data.groups).unwrap();
    let best = |row: ndarray::ArrayView1<f64>| (0..row.len()).max_by(|&a, &b| row[a].total_cmp(&row[b])).unwrap();
    let right = scores.rows().into_iter().zip(&data.labels).filter(|(row, label)| best(*row) == **label).count();
    right as f64 / data.labels.len() as f64
}

fn fitted(kind: &dyn Classifier, data: &Data) -> Fitted {
    fit(&recipe(kind, 1), data, &Unwatched).unwrap_or_else(|why| panic!("{}: {why}", kind.name()))
}

fn refused(kind: &dyn Classifier, data: &Data) -> LearnError {
    match fit(&recipe(kind, 1), data, &Unwatched) {
        Ok(_) => panic!("{} took it", kind.name()),
        Err(why) => why,
    }
}

#[test]
fn learns_a_separable_set() {
    for kind in learners() {
        let found = accuracy(&fitted(kind, &made(kind.kind(), 24, 0.1, 1)), &made(kind.kind(), 12, 0.1, 2));
        assert!(found >= 0.9, "{}: {found:.3} on a separable set", kind.name());
    }
}

#[test]
fn beats_chance_on_a_noisy_set() {
    for kind in learners() {
        let found = accuracy(&fitted(kind, &made(kind.kind(), 24, 0.5, 3)), &made(kind.kind(), 24, 0.5, 4));
        assert!(found > 0.45, "{}: {found:.3}, chance is 0.333", kind.name());
    }
}

#[test]
fn repeats_with_its_seed_whatever_the_thread_count() {
    for kind in CLASSIFIERS {
        let data = made(kind.kind(), 12, 0.5, 5);
        let of = |threads: usize| {
            let pool = rayon::ThreadPoolBuilder::new().num_threads(threads).build().unwrap();
            pool.install(|| fitted(*kind, &data).scores(&data.inputs, &data.groups).unwrap())
        };
        assert_eq!(of(1), of(3), "{}", kind.name());
    }
}

#[test]
fn scores_are_shares() {
    for kind in CLASSIFIERS {
        let data = made(kind.kind(), 12, 0.5, 6);
        let scores = fitted(*kind, &data).scores(&data.inputs, &data.groups).unwrap();
        assert_eq!(scores.dim(), (36, 3));
        for row in scores.rows() {
            assert!((row.sum() - 1.0).abs() < 1e-9 && row.iter().all(|score| *score >= 0.0), "{}: {row}", kind.name());
        }
    }
}

#[test]
fn a_class_absent_from_training_scores_zero() {
    for kind in CLASSIFIERS {
        let mut data = made(kind.kind(), 12, 0.3, 7);
        // Classes 0, 1, 2 become 0, 2, 3 of five.
        data.labels.iter_mut().for_each(|label| *label += usize::from(*label > 0));
        data.classes = 5;
        let fitted = fitted(*kind, &data);
        let scores = fitted.scores(&data.inputs, &data.groups).unwrap();
        assert_eq!(fitted.present(), [0, 2, 3]);
        assert!(scores.column(1).iter().chain(scores.column(4)).all(|score| *score == 0.0), "{}", kind.name());
        assert!((scores.sum() - 36.0).abs() < 1e-6, "{}", kind.name());
    }
}

#[test]
fn saves_and_loads_to_equal_scores() {
    let folder = tempfile::tempdir().unwrap();
    for kind in CLASSIFIERS {
        let data = made(kind.kind(), 12, 0.5, 8);
        let path = folder.path().join(kind.name());
        let first = fitted(*kind, &data);
        let weights = first.weights().unwrap();
        model_file::write(&path, &weights).unwrap();
        let again = Fitted::load(first.recipe().clone(), 3, &model_file::read(&path).unwrap()).unwrap();
        let scores = |model: &Fitted| model.scores(&data.inputs, &data.groups).unwrap();
        assert_eq!(scores(&first), scores(&again), "{}", kind.name());
        assert_eq!(again.weights().unwrap(), weights, "{}", kind.name());
        assert_eq!(again.parameters(), first.parameters(), "{}", kind.name());
    }
}

#[test]
fn weights_of_another_classifier_are_a_bad_model() {
    for kind in CLASSIFIERS {
        for other in CLASSIFIERS.iter().filter(|other| other.name() != kind.name() && other.kind() == kind.kind()) {
            // Nets say themselves what they are made of: any net's weights make it again.
            if kind.settings().is_some() && other.settings().is_some() {
                continue;
            }
            let weights = fitted(*other, &made(other.kind(), 4, 0.3, 9)).weights().unwrap();
            let end = Fitted::load(recipe(*kind, 1), 3, &weights);
            assert!(matches!(end, Err(LearnError::BadModel(_))), "{} from {}: {end:?}", kind.name(), other.name());
        }
    }
}

#[test]
fn one_class_or_one_clip_is_an_error() {
    for kind in CLASSIFIERS {
        let mut data = made(kind.kind(), 4, 0.3, 10);
        data.labels.fill(2);
        assert_eq!(refused(*kind, &data), LearnError::TooFewClasses(1), "{}", kind.name());
        assert!(matches!(refused(*kind, &data.select(&[0])), LearnError::TooFewRows(_)), "{}", kind.name());
        assert!(matches!(refused(*kind, &data.select(&[])), LearnError::TooFewRows(_)), "{}", kind.name());
    }
}

#[test]
fn two_clips_of_two_classes_do_not_panic() {
    for kind in CLASSIFIERS {
        let data = made(kind.kind(), 4, 0.3, 11).select(&[0, 1]);
        match fit(&recipe(*kind, 1), &data, &Unwatched) {
            Ok(fitted) => assert_eq!(fitted.scores(&data.inputs, &data.groups).unwrap().nrows(), 2),
            Err(LearnError::TooFewRows(why)) => assert!(!why.is_empty()),
            Err(other) => panic!("{}: {other}", kind.name()),
        }
    }
}

#[test]
fn a_number_that_is_not_finite_is_named() {
    for kind in CLASSIFIERS {
        let good = made(kind.kind(), 4, 0.3, 12);
        let mut bad = good.clone();
        match &mut bad.inputs {
            Inputs::Rows(rows) => rows[(7, 4)] = f64::NAN,
            Inputs::Images(images) => images[7][(0, 4, 20)] = f32::INFINITY,
        }
        let wanted = LearnError::NotFinite { row: 7, column: 4 };
        assert_eq!(refused(*kind, &bad), wanted, "{}", kind.name());
        assert_eq!(fitted(*kind, &good).scores(&bad.inputs, &bad.groups).unwrap_err(), wanted, "{}", kind.name());
    }
}

#[test]
fn the_wrong_kind_and_wrong_lengths_are_refused() {
    for kind in CLASSIFIERS {
        let other = if kind.kind() == Kind::Row { Kind::Image } else { Kind::Row };
        let wrong = |data: &Data| assert!(matches!(refused(*kind, data), LearnError::WrongInput(_)), "{}", kind.name());
        wrong(&made(other, 4, 0.3, 13));
        let good = made(kind.kind(), 4, 0.3, 13);
        wrong(&Data { labels: good.labels[1..].to_vec(), ..good.clone() });
        wrong(&Data { groups: vec![], ..good.clone() });
        wrong(&Data { classes: 2, ..good.clone() });
        let scores = fitted(*kind, &good).scores(&made(other, 4, 0.3, 13).inputs, &good.groups);
        assert!(matches!(scores, Err(LearnError::WrongInput(_))), "{}", kind.name());
    }
}

#[test]
fn constant_columns_do_no_harm() {
    for kind in learners() {
        let flat = |mut data: Data| {
            match &mut data.inputs {
                Inputs::Rows(rows) => rows.columns_mut().into_iter().skip(2).for_each(|mut column| column.fill(3.25)),
                Inputs::Images(images) => {
                    images.iter_mut().for_each(|image| image.index_axis_mut(ndarray::Axis(0), 2).fill(3.25));
                }
            }
            data
        };
        for norm in [Norm::None, Norm::Train, Norm::Speaker] {
            let how = Recipe { norm, ..recipe(kind, 1) };
            let fitted = fit(&how, &flat(made(kind.kind(), 18, 0.1, 14)), &Unwatched).unwrap();
            let found = accuracy(&fitted, &flat(made(kind.kind(), 12, 0.1, 15)));
            assert!(found >= 0.8, "{} {norm:?}: {found:.3}", kind.name());
        }
    }
}

#[test]
fn identical_clips_of_different_classes_do_not_panic() {
    for kind in CLASSIFIERS {
        let data = made(kind.kind(), 6, 0.3, 16);
        let twins =
            Data { inputs: data.inputs.select(&[0, 0, 0, 1, 1, 1, 0, 1]), ..data.select(&[0, 1, 2, 0, 1, 2, 0, 1]) };
        let scores = fitted(*kind, &twins).scores(&twins.inputs, &twins.groups).unwrap();
        assert!(scores.iter().all(|score| score.is_finite()), "{}", kind.name());
    }
}

/// Says "go on" `left` times, then "stop".
struct Stops {
    left: AtomicUsize,
    told: AtomicBool,
}

impl Watch<Epoch> for Stops {
    fn check(&self) -> Result<(), Cancelled> {
        let left = self.left.fetch_update(Ordering::SeqCst, Ordering::SeqCst, |left| Some(left.saturating_sub(1)));
        if left == Ok(0) { Err(Cancelled) } else { Ok(()) }
    }
    fn tell(&self, _: Epoch) {
        self.told.store(true, Ordering::SeqCst);
    }
}

#[test]
fn stops_when_asked() {
    for kind in CLASSIFIERS {
        let data = made(kind.kind(), 24, 0.5, 17);
        for left in [0, 1] {
            let watch = Stops { left: AtomicUsize::new(left), told: AtomicBool::new(false) };
            match fit(&recipe(*kind, 1), &data, &watch) {
                Err(LearnError::Cancelled(_)) => {}
                // One look at the watch may be all that a quick classifier needs.
                Ok(_) if left == 1 => {}
                end => panic!("{}: {end:?}", kind.name()),
            }
            assert!(left > 0 || !watch.told.load(Ordering::SeqCst), "{}: news after the stop", kind.name());
        }
    }
}

#[test]
fn a_fit_in_a_full_pool_does_not_hang() {
    use rayon::prelude::*;
    let pool = rayon::ThreadPoolBuilder::new().num_threads(2).build().unwrap();
    for kind in CLASSIFIERS.iter().filter(|kind| kind.kind() == Kind::Row) {
        let ends: Vec<bool> = pool.install(|| {
            let fold = |seed| fit(&recipe(*kind, 1), &made(Kind::Row, 6, 0.3, seed), &Unwatched).is_ok();
            (0..6).into_par_iter().map(fold).collect()
        });
        assert!(ends.iter().all(|&end| end), "{}", kind.name());
    }
}

#[test]
fn an_unknown_classifier_is_an_error_that_names_the_known() {
    let how = Recipe { classifier: "no such".into(), ..recipe(CLASSIFIERS[0], 1) };
    let why = fit(&how, &made(Kind::Row, 4, 0.3, 18), &Unwatched).unwrap_err().to_string();
    for kind in CLASSIFIERS {
        assert!(why.contains(kind.name()), "{why}");
    }
}

#[test]
fn names_are_unique_and_said() {
    let mut names: Vec<&str> = CLASSIFIERS.iter().map(|kind| kind.name()).collect();
    assert!(CLASSIFIERS.iter().all(|kind| kind.about().len() > 10));
    names.sort_unstable();
    names.dedup();
    assert_eq!(names.len(), CLASSIFIERS.len());
}

#[test]
fn hyper_parameters_are_in_their_range_and_worth_trying() {
    for kind in CLASSIFIERS {
        for (at, knob) in kind.knobs().iter().enumerate() {
            let what = format!("{}.{}", kind.name(), knob.name);
            assert!(kind.knobs()[..at].iter().all(|other| other.name != knob.name) && knob.about.len() > 10, "{what}");
            assert!(knob.tries.is_sorted_by(|a, b| a < b), "{what}");
            for &value in knob.default.iter().chain(knob.tries) {
                assert_eq!(check_params(*kind, &[(knob.name.to_owned(), value)].into()), Ok(()), "{what}");
            }
        }
    }
}

#[test]
fn an_unknown_or_absurd_hyper_parameter_is_refused_before_anything_is_fitted() {
    for kind in CLASSIFIERS {
        let refused = |name: &str, value: f64| {
            let how = Recipe { params: [(name.to_owned(), value)].into(), ..recipe(*kind, 1) };
            // Two clips of one class would be refused, too, but later.
            fit(&how, &made(kind.kind(), 1, 0.3, 19).select(&[0]), &Unwatched).unwrap_err().to_string()
        };
        assert!(refused("no such", 1.0).contains("no hyper-parameter `no such`"), "{}", kind.name());
        for knob in kind.knobs() {
            for value in [f64::NAN, f64::INFINITY, knob.range.0 - 1.0, knob.range.1 * 2.0] {
                let why = refused(knob.name, value);
                assert!(why.contains(knob.name) && why.contains("not within"), "{}: {why}", kind.name());
            }
        }
    }
}

#[test]
fn defaults_written_out_change_nothing() {
    for kind in CLASSIFIERS.iter().filter(|kind| !kind.knobs().is_empty()) {
        let all = kind.knobs().iter().filter_map(|knob| Some((knob.name.to_owned(), knob.default?)));
        let how = Recipe { params: all.collect(), ..recipe(*kind, 1) };
        let data = made(kind.kind(), 12, 0.5, 20);
        let scores = |fitted: Fitted| fitted.scores(&data.inputs, &data.groups).unwrap();
        assert_eq!(scores(fit(&how, &data, &Unwatched).unwrap()), scores(fitted(*kind, &data)), "{}", kind.name());
        assert!(unusual(*kind, &how.params).is_empty());
    }
}
