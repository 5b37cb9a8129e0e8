//! Several fits that decide together: one recipe under several seeds, and different classifiers, each on its own features.
//!
//! Seeds: the mean of their probabilities. Members of a fusion: the mean of the logarithms of their probabilities (a
//! geometric mean, normalised), each member calibrated before on speakers that it did not learn from: nets on those that
//! chose their best epoch, others across folds of the training groups. So is a fit by itself whose scores promise nothing. Members weigh the same: the only clips that a net's
//! weight could be fitted on are those that chose its best epoch, and they flatter it. A committee may be of committees.
//! Deliberately absent: test folds, and one fit (`fit.rs`).

use std::cell::Cell;
use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use ndarray::Array2;

use super::calibration::{self, DEEP, FLOOR, WIDE, logarithms, temperature, tempered};
use super::cnn::{Keeper, Unkept};
use super::fit::{Fitted, fit, fit_kept};
use super::{Data, Epoch, Inputs, LearnError, Recipe, Weights, classifier};
use crate::job::{Mapped, Watch};

/// Folds of training groups over which a member that cannot calibrate itself is calibrated.
const FOLDS: usize = 5;

/// A name for classifiers that decide together, as typed after `--models`.
#[derive(Debug, Clone, Copy)]
pub struct Fusion {
    /// As typed.
    pub name: &'static str,
    /// One line.
    pub about: &'static str,
    /// Names of the classifiers, each with its feature set; `None` = the usual one of its kind.
    pub members: &'static [(&'static str, Option<&'static str>)],
}

/// All fusions with a name.
pub static FUSIONS: &[Fusion] = &[Fusion {
    name: "fusion",
    about: "cnn on its image and linear-svm on `rich`, each calibrated: mean of log-probabilities",
    members: &[("cnn", None), ("linear-svm", Some("rich"))],
}];

/// The same clips, labels and groups by the name of the feature set.
pub type Sets = BTreeMap<String, Data>;

/// The same clips by the name of the feature set.
pub type Views = BTreeMap<String, Inputs>;

/// Gives the place of the checkpoints of one fit, by its name within the committee.
pub type Keepers<'a> = &'a dyn Fn(&str) -> Arc<dyn Keeper>;

/// Keepers that keep nothing.
pub fn unkept(_: &str) -> Arc<dyn Keeper> {
    Arc::new(Unkept)
}

/// A fitted recipe of any kind.
#[derive(Debug)]
pub struct Committee {
    recipe: Recipe,
    body: Body,
}

#[derive(Debug)]
enum Body {
    /// One fit, and the temperature of its scores where a committee calibrated it.
    One(Box<Fitted>, Option<f64>),
    /// Those of the recipe's seeds or members, in their order.
    Many(Vec<Committee>),
}

/// What a committee says.
#[derive(Debug, Clone, PartialEq)]
pub struct Verdict {
    /// n x classes; rows sum to 1.
    pub scores: Array2<f64>,
    /// The same of each seed by itself; empty where there is but one fit.
    pub seeds: Vec<Array2<f64>>,
}

/// Fits `recipe` with all its seeds and members, one after the other.
///
/// # Errors
/// As [`fit`]; `WrongInput` when a member's features are not in `sets`.
pub fn convene(
    recipe: &Recipe,
    sets: &Sets,
    keepers: Keepers<'_>,
    watch: &dyn Watch<Epoch>,
) -> Result<Committee, LearnError> {
    let each = recipe.leaves().into_iter().filter(|leaf| is_net(leaf)).count();
    let hall = Hall { sets, keepers, watch, nets: each * recipe.seeds.len().max(1), begun: Cell::new(0) };
    hall.seat(recipe, "fit", false)
}

/// What all fits of a committee share.
struct Hall<'a> {
    sets: &'a Sets,
    keepers: Keepers<'a>,
    watch: &'a dyn Watch<Epoch>,
    /// Fits that have epochs: in all, and begun.
    nets: usize,
    begun: Cell<usize>,
}

impl Hall<'_> {
    fn seat(&self, recipe: &Recipe, name: &str, calibrated: bool) -> Result<Committee, LearnError> {
        let parts = parts(recipe);
        let body = if parts.is_empty() {
            self.one(recipe, name, calibrated)?
        } else {
            let fused = recipe.seeds.is_empty();
            let all = parts.iter().map(|(part, recipe)| self.seat(recipe, &format!("{name}.{part}"), fused));
            Body::Many(all.collect::<Result<_, _>>()?)
        };
        Ok(Committee { recipe: recipe.clone(), body })
    }

    fn one(&self, recipe: &Recipe, name: &str, calibrated: bool) -> Result<Body, LearnError> {
        let missing = || LearnError::WrongInput(format!("{}: no features `{}`", recipe.classifier, recipe.features));
        let data = self.sets.get(&recipe.features).ok_or_else(missing)?;
        let (nets, before) = (self.nets, self.begun.get());
        self.begun.set(before + usize::from(is_net(recipe)));
        // All nets of a committee are one course to who watches.
        let told = Mapped::new(self.watch, |told: Epoch| {
            let (epoch, epochs) = (before * told.epochs + told.epoch, nets * told.epochs);
            let best = told.best.map(|best| before * told.epochs + best);
            // Whatever this fit does, one that is still to come may stop.
            let may_stop = told.may_stop || before + 1 < nets;
            Some(Epoch { epoch, epochs, best, may_stop, ..told })
        });
        let fitted = fit_kept(recipe, data, (self.keepers)(name), &told)?;
        let overstates = classifier(&recipe.classifier).is_some_and(|kind| kind.overstates());
        let own = if overstates || (calibrated && !is_net(recipe)) {
            Some(cross_fitted(recipe, data, self.watch)?)
        } else {
            None
        };
        Ok(Body::One(Box::new(fitted), own))
    }
}

/// The recipes whose fits make up that of `recipe`, with a name each; none where it is one fit.
fn parts(recipe: &Recipe) -> Vec<(String, Recipe)> {
    let members = recipe.members.iter().enumerate();
    match &recipe.seeds[..] {
        [] => members.map(|(at, member)| (format!("member-{at}"), member.clone())).collect(),
        seeds => seeds.iter().map(|&seed| (format!("seed-{seed}"), recipe.with_seed(seed))).collect(),
    }
}

fn is_net(recipe: &Recipe) -> bool {
    classifier(&recipe.classifier).is_some_and(|kind| kind.settings().is_some())
}

/// Temperature of what `recipe` says of groups that it did not learn from, over all of `data`.
fn cross_fitted(recipe: &Recipe, data: &Data, watch: &dyn Watch<Epoch>) -> Result<f64, LearnError> {
    let mut groups: Vec<usize> = data.groups.iter().copied().collect::<BTreeSet<_>>().into_iter().collect();
    if groups.len() == 1 {
        // One voice: clips are all that can be kept apart.
        groups = (0..data.labels.len()).collect();
    }
    let alone = data.groups.iter().all(|&group| group == data.groups[0]);
    let fold_of = |row: usize| if alone { row } else { groups.partition_point(|&g| g < data.groups[row]) } % FOLDS;
    let (mut said, mut labels) = (Vec::new(), Vec::new());
    for fold in 0..FOLDS {
        let (test, train): (Vec<usize>, Vec<usize>) = (0..data.labels.len()).partition(|&row| fold_of(row) == fold);
        let learnt: BTreeSet<usize> = train.iter().map(|&row| data.labels[row]).collect();
        // A class that could not be learnt tells nothing of how sure the others should be.
        let test: Vec<usize> = test.into_iter().filter(|&row| learnt.contains(&data.labels[row])).collect();
        if learnt.len() < 2 || test.is_empty() {
            continue;
        }
        let (fitted, test) = (fit(recipe, &data.select(&train), watch)?, data.select(&test));
        said.extend(logarithms(&fitted.scores(&test.inputs, &test.groups)?, DEEP));
        labels.extend(test.labels);
    }
    Ok(temperature(&said, &labels, WIDE))
}

impl Committee {
    /// Scores clips given in all feature sets of the recipe; `groups` as in [`Fitted::scores`].
    ///
    /// # Errors
    /// As [`Fitted::scores`]; `WrongInput` when features are missing.
    pub fn scores(&self, views: &Views, groups: &[usize]) -> Result<Verdict, LearnError> {
        let all = match &self.body {
            Body::One(fitted, own) => {
                let name = &self.recipe.features;
                let inputs = views.get(name).ok_or_else(|| LearnError::WrongInput(format!("no features `{name}`")))?;
                let scores = fitted.scores(inputs, groups)?;
                let scores = own.map_or_else(|| scores.clone(), |temperature| tempered(&scores, temperature));
                return Ok(Verdict { scores, seeds: Vec::new() });
            }
            Body::Many(all) => all,
        };
        let each = all.iter().map(|one| Ok(one.scores(views, groups)?.scores));
        let each: Vec<Array2<f64>> = each.collect::<Result<_, LearnError>>()?;
        if self.recipe.seeds.is_empty() {
            return Ok(Verdict { scores: fused(&each), seeds: Vec::new() });
        }
        Ok(Verdict { scores: mean(&each), seeds: each })
    }

    /// What of the clip at `row` spoke for a class (see [`Fitted::saliency`]), and the feature set whose image that is: the
    /// mean over all fits that read the first image of the committee. `None` where no fit can tell.
    ///
    /// # Errors
    /// As [`Committee::scores`].
    pub fn saliency(
        &self,
        views: &Views,
        groups: &[usize],
        of: (usize, usize),
    ) -> Result<Option<(&str, Array2<f32>)>, LearnError> {
        let mut found: Option<(&str, Array2<f32>)> = None;
        for fitted in self.fits() {
            let name = fitted.recipe().features.as_str();
            let inputs = views.get(name).ok_or_else(|| LearnError::WrongInput(format!("no features `{name}`")))?;
            if found.as_ref().is_some_and(|(other, _)| *other != name) {
                continue;
            }
            match (fitted.saliency(inputs, groups, of)?, &mut found) {
                (Some(map), Some((_, sum))) => *sum += &map,
                (Some(map), none) => *none = Some((name, map)),
                (None, _) => {}
            }
        }
        let most = |map: &Array2<f32>| map.fold(0.0_f32, |most, &value| most.max(value)).max(f32::MIN_POSITIVE);
        Ok(found.map(|(name, sum)| (name, &sum / most(&sum))))
    }

    /// The recipe.
    pub fn recipe(&self) -> &Recipe {
        &self.recipe
    }

    /// All fits, first to last.
    pub fn fits(&self) -> Vec<&Fitted> {
        match &self.body {
            Body::One(fitted, _) => vec![fitted],
            Body::Many(all) => all.iter().flat_map(Committee::fits).collect(),
        }
    }

    /// Of each fit, the temperature of its scores; `None` = not calibrated.
    pub fn temperatures(&self) -> Vec<Option<f64>> {
        match &self.body {
            Body::One(fitted, own) => vec![own.or(fitted.temperature())],
            Body::Many(all) => all.iter().flat_map(Committee::temperatures).collect(),
        }
    }

    /// Number of trained parameters of all fits.
    pub fn parameters(&self) -> usize {
        self.fits().iter().map(|fitted| fitted.parameters()).sum()
    }

    /// Multiply-adds of scoring a clip that has so many frames in each feature set; `None` where a fit does not count them.
    pub fn macs(&self, frames: &dyn Fn(&str) -> usize) -> Option<u64> {
        self.fits().iter().map(|fitted| fitted.macs(frames(&fitted.recipe().features))).sum()
    }

    /// The same with every net in whole numbers that can be (see [`Fitted::quantized`]); other members stay as they are.
    ///
    /// # Errors
    /// As [`Fitted::quantized`], when no fit can be quantized.
    pub fn quantized(&self, views: &Views, groups: &[usize]) -> Result<Committee, LearnError> {
        let body = match &self.body {
            Body::One(fitted, own) => {
                let name = &self.recipe.features;
                let inputs = views.get(name).ok_or_else(|| LearnError::WrongInput(format!("no features `{name}`")))?;
                Body::One(Box::new(fitted.quantized(inputs, groups)?), *own)
            }
            Body::Many(all) => {
                let each: Vec<_> = all.iter().map(|one| one.quantized(views, groups)).collect();
                if let (true, Some(Err(why))) = (each.iter().all(Result::is_err), each.first()) {
                    return Err(why.clone());
                }
                let as_it_is = |one: &Committee| Committee::load(one.recipe.clone(), one.classes(), &one.weights()?);
                let either = |(one, made): (&Committee, Result<Committee, LearnError>)| made.or_else(|_| as_it_is(one));
                Body::Many(all.iter().zip(each).map(either).collect::<Result<_, _>>()?)
            }
        };
        Ok(Committee { recipe: self.recipe.clone(), body })
    }

    fn classes(&self) -> usize {
        self.fits()[0].classes()
    }

    /// Everything that [`Committee::load`] needs beside the recipe and the number of classes; of one fit, its own.
    ///
    /// # Errors
    /// As [`Fitted::weights`].
    pub fn weights(&self) -> Result<Weights, LearnError> {
        match &self.body {
            Body::One(fitted, own) => {
                let mut weights = fitted.weights()?;
                calibration::save(*own, &mut weights);
                Ok(weights)
            }
            Body::Many(all) => {
                let mut weights = Weights::default();
                for ((name, _), one) in parts(&self.recipe).iter().zip(all) {
                    weights.nest(name, one.weights()?);
                }
                Ok(weights)
            }
        }
    }

    /// Rebuilds what [`Committee::weights`] described; it scores exactly as before.
    ///
    /// # Errors
    /// [`LearnError::BadModel`].
    pub fn load(recipe: Recipe, classes: usize, weights: &Weights) -> Result<Committee, LearnError> {
        let parts = parts(&recipe);
        let body = if parts.is_empty() {
            let own = calibration::load(weights)?;
            Body::One(Box::new(Fitted::load(recipe.clone(), classes, weights)?), own)
        } else {
            let load = |(name, part): (String, Recipe)| Committee::load(part, classes, &weights.room(&name));
            Body::Many(parts.into_iter().map(load).collect::<Result<_, _>>()?)
        };
        Ok(Committee { recipe, body })
    }
}

fn mean(each: &[Array2<f64>]) -> Array2<f64> {
    let mut sum = each[0].clone();
    each[1..].iter().for_each(|scores| sum += scores);
    sum / each.len() as f64
}

/// Geometric mean of each probability, rows normalised; what all give 0 stays 0.
fn fused(each: &[Array2<f64>]) -> Array2<f64> {
    let logs: Vec<Vec<Vec<f64>>> = each.iter().map(|scores| logarithms(scores, FLOOR)).collect();
    let mut all = Array2::from_shape_fn(each[0].dim(), |(row, class)| {
        let known = each.iter().any(|scores| scores[(row, class)] > 0.0);
        let sum: f64 = logs.iter().map(|logs| logs[row][class]).sum();
        if known { (sum / each.len() as f64).exp() } else { 0.0 }
    });
    for mut row in all.rows_mut() {
        let sum = row.sum();
        row /= sum;
    }
    all
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use super::*;
    use crate::job::Unwatched;
    use crate::learn::{Extras, Norm};
    use ndarray::array;

    /// Three classes, six groups; the set `a` tells class 0 from the others, `b` class 2.
    fn sets() -> Sets {
        let clips = 54;
        let labels: Vec<usize> = (0..clips).map(|clip| clip % 3).collect();
        let set = |class: usize, salt: usize| {
            let rows = Array2::from_shape_fn((clips, 4), |(clip, column)| {
                let noise = ((clip * 7919 + column * 131 + salt) as f64 * 0.618_034 * 7.0).fract() - 0.5;
                noise + f64::from(u8::from(column == 0 && labels[clip] == class))
            });
            let groups = (0..clips).map(|clip| clip / 3 % 6).collect();
            let extras = Extras::default();
            Data { inputs: Inputs::Rows(rows), labels: labels.clone(), groups, classes: 3, extras }
        };
        [("a".to_owned(), set(0, 1)), ("b".to_owned(), set(2, 5))].into()
    }

    fn member(classifier: &str, features: &str) -> Recipe {
        let (classifier, features) = (classifier.to_owned(), features.to_owned());
        Recipe { classifier, features, norm: Norm::Train, epochs: Some(8), ..Recipe::default() }
    }

    fn fusion() -> Recipe {
        let members = vec![member("mlp", "a"), member("linear-svm", "b")];
        Recipe { members, ..member("fusion", "a + b") }
    }

    fn views(sets: &Sets) -> Views {
        sets.iter().map(|(name, data)| (name.clone(), data.inputs.clone())).collect()
    }

    fn right(scores: &Array2<f64>, labels: &[usize]) -> usize {
        let best = |row: usize| (0..3).max_by(|&a, &b| scores[(row, a)].total_cmp(&scores[(row, b)]));
        labels.iter().enumerate().filter(|(row, label)| best(*row) == Some(**label)).count()
    }

    fn convened(recipe: &Recipe) -> Committee {
        convene(recipe, &sets(), &unkept, &Unwatched).unwrap()
    }

    #[test]
    fn a_fusion_knows_what_its_members_know() {
        let (sets, groups) = (sets(), sets()["a"].groups.clone());
        let both = convened(&fusion()).scores(&views(&sets), &groups).unwrap();
        let count = |recipe: &Recipe| {
            right(&convened(recipe).scores(&views(&sets), &groups).unwrap().scores, &sets["a"].labels)
        };
        let alone = [count(&member("mlp", "a")), count(&member("linear-svm", "b"))];
        let found = right(&both.scores, &sets["a"].labels);
        assert!(found > alone[0].max(alone[1]) && both.seeds.is_empty(), "{found} beside {alone:?}");
    }

    #[test]
    fn members_are_calibrated_and_so_is_what_promises_nothing() {
        let fusion = convened(&fusion());
        assert!(fusion.temperatures().iter().all(Option::is_some), "{:?}", fusion.temperatures());
        assert!(convened(&member("linear-svm", "b")).temperatures()[0].is_some());
        assert_eq!(convened(&member("logistic", "b")).temperatures(), [None]);
    }

    #[test]
    fn seeds_are_averaged_and_each_is_the_fit_of_its_seed() {
        let (sets, groups) = (sets(), sets()["a"].groups.clone());
        let recipe = Recipe { seeds: vec![4, 5], ..member("mlp", "a") };
        let both = convened(&recipe).scores(&views(&sets), &groups).unwrap();
        let alone = convened(&recipe.with_seed(5)).scores(&views(&sets), &groups).unwrap();
        assert_eq!(both.seeds[1], alone.scores);
        assert!(both.seeds[0] != both.seeds[1]);
        assert_eq!(both.scores, (&both.seeds[0] + &both.seeds[1]) / 2.0);
        assert_eq!((recipe.title(), alone.seeds.len()), ("mlp x2".to_owned(), 0));
    }

    #[test]
    fn a_committee_of_committees_comes_back_from_its_weights() {
        let (sets, groups) = (sets(), sets()["a"].groups.clone());
        let recipe = Recipe { seeds: vec![1, 2], ..fusion() };
        let first = convened(&recipe);
        let again = Committee::load(recipe, 3, &first.weights().unwrap()).unwrap();
        let of = |committee: &Committee| committee.scores(&views(&sets), &groups).unwrap();
        assert_eq!(of(&first), of(&again));
        assert_eq!((first.fits().len(), first.temperatures()), (4, again.temperatures()));
        let mut cut = first.weights().unwrap();
        cut.bytes.remove("seed-2/member-1/present").unwrap();
        assert!(matches!(Committee::load(first.recipe().clone(), 3, &cut), Err(LearnError::BadModel(_))));
    }

    #[test]
    fn epochs_of_all_nets_are_one_course() {
        struct Heard(std::sync::Mutex<Vec<(usize, usize)>>);
        impl Watch<Epoch> for Heard {
            fn check(&self) -> Result<(), crate::job::Cancelled> {
                Ok(())
            }
            fn tell(&self, news: Epoch) {
                self.0.lock().unwrap().push((news.epoch, news.epochs));
            }
        }
        let heard = Heard(std::sync::Mutex::default());
        convene(&Recipe { seeds: vec![1, 2], epochs: Some(2), ..member("mlp", "a") }, &sets(), &unkept, &heard)
            .unwrap();
        assert_eq!(*heard.0.lock().unwrap(), [(1, 4), (2, 4), (3, 4), (4, 4)]);
    }

    #[test]
    fn features_that_are_not_there_are_named() {
        let why = convene(&member("mlp", "c"), &sets(), &unkept, &Unwatched).unwrap_err();
        assert_eq!(why, LearnError::WrongInput("mlp: no features `c`".to_owned()));
    }

    #[test]
    fn the_geometric_mean_is_normalised_and_keeps_zeros() {
        let both = fused(&[array![[0.8, 0.2, 0.0]], array![[0.5, 0.5, 0.0]]]);
        // √0.4 : √0.1 = 2 : 1.
        assert!((both[(0, 0)] - 2.0 / 3.0).abs() < 1e-12 && both[(0, 2)] == 0.0, "{both}");
    }
}
