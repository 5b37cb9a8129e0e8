//! Learning curves: what classifiers reach with less and less to learn from.
//!
//! The folds and their test clips stay those of the plan; only their training parts are thinned, to whole speakers or to
//! clips of each class by its share. Draws are nested: what is learnt from at a point is part of what is learnt from at
//! the next, so that a curve rises by what is added and not by who was drawn. Each point and draw is a run like any
//! other, kept with [`Spent`] in its protocol; a curve is read back from runs. Deliberately absent: fitted laws and
//! extrapolation, and plans that leak speakers.

use std::collections::BTreeSet;
use std::sync::Arc;

use anyhow::{Result, bail, ensure};
use rand::SeedableRng;
use rand::seq::SliceRandom;
use rand_pcg::Pcg64;

use super::checkpoints::Shelf;
use super::copies::copies;
use super::experiment::{Agenda, Compared, Failure, Judged, Material, News, Request, Series, finish, hearings, run};
use super::folds::Planned;
use super::material::{Contender, Listener, check_asked, contenders, sets};
use super::pretrain::pretrain;
use crate::corpus::plan::Split;
use crate::corpus::{Corpus, Task, task};
use crate::job::{Watch, is_cancelled};
use crate::score::fold_spread;
use crate::store::{Coin, Run, RunId, Spent};

/// How a learning curve is drawn.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Spending {
    /// What is spent.
    pub by: Coin,
    /// Points, the last one with everything; at least 2.
    pub points: usize,
    /// Draws at each point but the last; at least 1.
    pub draws: usize,
}

impl Default for Spending {
    fn default() -> Spending {
        Spending { by: Coin::Speakers, points: 5, draws: 3 }
    }
}

/// The runs of a recipe on the same task and folds with more and more to learn from.
#[derive(Debug, Clone)]
pub struct Curve {
    /// The recipe's title.
    pub model: String,
    /// Its feature set.
    pub features: String,
    /// The plan, as typed.
    pub plan: String,
    /// What was spent.
    pub by: Coin,
    /// Least first.
    pub points: Vec<Point>,
}

/// What a recipe reached with so much to learn from.
#[derive(Debug, Clone)]
pub struct Point {
    /// Speakers or clips in a training part, on average.
    pub amount: usize,
    /// Clips in a training part, on average over folds and draws.
    pub clips: f64,
    /// Mean UAR over draws, each pooled over its folds, 0..1; `None` where it is undefined for all.
    pub uar: Option<f64>,
    /// Standard deviation of that over draws; `None` for one.
    pub draws: Option<f64>,
    /// Mean over draws of the standard deviation of the UAR over folds.
    pub folds: Option<f64>,
    /// One run per draw.
    pub runs: Vec<Arc<Judged>>,
}

/// A run and what was spent on it.
type Drawn = (Spent, Arc<Judged>);

/// A point and draw that is to be run.
#[derive(Debug, Clone, PartialEq)]
struct Portion {
    spent: Spent,
    planned: Planned,
}

/// Runs every classifier of `request` at every point of its curve; finished runs are given to `keep` and told at once
/// (see [`super::experiment::compare`]), so that a cancel loses the run at hand alone.
///
/// # Errors
/// As `compare`; a plan that leaks speakers, fewer than 2 points, no draw, fewer than 2 training speakers in a fold.
pub fn curve(
    corpus: &Corpus,
    (request, spending): (&Request, Spending),
    listener: &Listener<'_>,
    keep: &mut dyn FnMut(&Run) -> Result<Option<RunId>>,
    watch: &dyn Watch<News>,
) -> Result<Compared> {
    ensure!(spending.points >= 2 && spending.draws >= 1, "a learning curve has at least 2 points and 1 draw");
    let all = contenders(&request.models)?;
    check_asked(&all, (request.features.as_deref(), request.effort.also))?;
    let task = task(corpus, request.target)?;
    let copies = copies(corpus, &task, listener.cache, watch)?;
    let whole = Planned::of(&task, &request.plan, (request.seed, &request.allow), &copies)?;
    whole.hold()?;
    ensure!(!whole.speakers_leak(), "a learning curve needs a plan that keeps speakers apart, not {}", whole.plan);
    let portions = portions(&task, &whole, spending, request.seed)?;
    let mut sets = sets(corpus, &task, (&all, request), listener, watch)?;
    let pretrained = pretrain((corpus, &task), (&all, request), &mut sets, listener, watch)?;
    let hearings = hearings(corpus, &task, (&all, request), listener, watch)?;
    let material = Material { corpus, task: &task, preparation: listener.preparation, sets, pretrained, hearings };
    watch.tell(News::Start(Arc::new(agenda(&material, request, &all, &portions)?)));
    let mut compared = Compared::default();
    let of = portions.len() * all.len();
    let series = all.iter().flat_map(|who| portions.iter().map(move |portion| (who, portion)));
    for (index, (who, portion)) in series.enumerate() {
        let (model, plan) = (request.recipe(who)?.0.title(), told(request, portion));
        watch.tell(News::Model {
            model: model.clone(),
            plan: plan.clone(),
            index,
            of,
            folds: portion.planned.splits().len(),
        });
        let shelf = material.shelf(request, who, (&plan, portion.planned.splits()))?;
        match one(who, (&material, shelf.as_ref()), request, portion, watch) {
            Ok(run) => {
                let judged = finish(run, shelf.as_ref(), keep, watch)?;
                watch.tell(News::Run(Arc::clone(&judged)));
                compared.runs.push(judged);
            }
            Err(error) if is_cancelled(&error) => return Err(error),
            Err(error) => {
                let reason = format!("{error:#}");
                watch.tell(News::Trouble(format!("{model} on {plan}: {reason}")));
                compared.failed.push(Failure { model, plan, reason });
            }
        }
        compared.shelves.extend(shelf);
    }
    match compared.failed.first() {
        Some(first) if compared.runs.is_empty() => bail!("{} on {}: {}", first.model, first.plan, first.reason),
        _ => Ok(compared),
    }
}

/// The curves that runs are points of, by model; a point that was run again counts once, the newest run of each draw.
///
/// `runs` come newest first, as [`super::Workbench::runs`] has them, or in any order where none was run twice.
pub fn curves<'a>(runs: impl IntoIterator<Item = &'a Arc<Judged>>) -> Vec<Curve> {
    let mut found: Vec<(&Arc<Judged>, Vec<Drawn>)> = Vec::new();
    for judged in runs {
        let Some(spent) = judged.run.protocol.plan.spent else { continue };
        match found.iter_mut().find(|(first, _)| alike(first, judged)) {
            Some((_, of)) => of.push((spent, Arc::clone(judged))),
            None => found.push((judged, vec![(spent, Arc::clone(judged))])),
        }
    }
    let mut curves: Vec<Curve> = found.into_iter().map(|(first, of)| Curve::of(first, of)).collect();
    curves.sort_by(|a, b| (a.by, &a.plan, &a.model).cmp(&(b.by, &b.plan, &b.model)));
    curves
}

/// Points of one curve.
fn alike(a: &Judged, b: &Judged) -> bool {
    let (ours, theirs) = (&a.run.protocol, &b.run.protocol);
    let by = |spent: Option<Spent>| spent.map(|spent| spent.by);
    a.run.recipe == b.run.recipe
        && ours.data == theirs.data
        && ours.plan.plan == theirs.plan.plan
        && by(ours.plan.spent) == by(theirs.plan.spent)
        && ours.training.preparation == theirs.training.preparation
}

impl Curve {
    fn of(first: &Judged, mut runs: Vec<Drawn>) -> Curve {
        let by = runs[0].0.by;
        // Stable: of two runs of one draw the newer one stays in front.
        runs.sort_by_key(|(spent, _)| (spent.amount(), spent.draw));
        runs.dedup_by_key(|(spent, _)| (spent.amount(), spent.draw));
        let amounts: BTreeSet<usize> = runs.iter().map(|(spent, _)| spent.amount()).collect();
        let at = |amount: &usize| {
            let of = runs.iter().filter(|(spent, _)| spent.amount() == *amount);
            Point::of(*amount, of.cloned().collect())
        };
        let (recipe, plan) = (&first.run.recipe, first.run.protocol.plan.plan.clone());
        Curve {
            model: recipe.title(),
            features: recipe.features.clone(),
            plan,
            by,
            points: amounts.iter().map(at).collect(),
        }
    }
}

impl Point {
    fn of(amount: usize, runs: Vec<Drawn>) -> Point {
        let uars: Vec<f64> = runs.iter().filter_map(|(_, judged)| judged.summary.uar).collect();
        let folds: Vec<f64> = runs.iter().filter_map(|(_, judged)| judged.summary.uar_folds?.1).collect();
        let clips = runs.iter().map(|(spent, _)| spent.clips as f64).sum::<f64>() / runs.len().max(1) as f64;
        let spread = fold_spread(&uars);
        Point {
            amount,
            clips,
            uar: spread.map(|(mean, _)| mean),
            draws: spread.and_then(|(_, sd)| sd),
            folds: fold_spread(&folds).map(|(mean, _)| mean),
            runs: runs.into_iter().map(|(_, judged)| judged).collect(),
        }
    }
}

fn one(
    who: &Contender,
    at: (&Material<'_>, Option<&Shelf>),
    request: &Request,
    portion: &Portion,
    watch: &dyn Watch<News>,
) -> Result<Run> {
    let mut run = run(who, at, request, &portion.planned, watch)?;
    run.protocol.plan.spent = Some(portion.spent);
    Ok(run)
}

fn told(request: &Request, portion: &Portion) -> String {
    format!("{}, {}", request.plan, portion.spent)
}

fn agenda(material: &Material<'_>, request: &Request, all: &[Contender], portions: &[Portion]) -> Result<Agenda> {
    let mut series = Vec::new();
    for who in all {
        let model = request.recipe(who)?.0.title();
        for portion in portions {
            let folds = portion.planned.splits().iter().map(|split| split.name.clone()).collect();
            series.push(Series { model: model.clone(), plan: told(request, portion), folds });
        }
    }
    Ok(Agenda { series, ..Agenda::of(material.corpus, material.task) })
}

/// The folds with their training parts thinned as a point of a curve has them; the same seed thins alike.
pub(super) fn thinned(task: &Task, splits: &[Split], spent: &Spent, seed: u64) -> Vec<Split> {
    let Some(step) = spent.step else { return splits.to_vec() };
    let thin = |(fold, split): (usize, &Split)| {
        let random = &mut drawer(seed, fold, spent.draw);
        let train = match spent.by {
            Coin::Speakers => of_speakers(task, &split.train, step as usize, random),
            Coin::Clips => of_clips(task, &split.train, step, random),
        };
        Split { train, ..split.clone() }
    };
    splits.iter().enumerate().map(thin).collect()
}

/// What is run for one classifier, least first; the last one is the whole plan.
fn portions(task: &Task, whole: &Planned, spending: Spending, seed: u64) -> Result<Vec<Portion>> {
    let speakers = |split: &Split| split.train.iter().map(|&row| task.groups[row]).collect::<BTreeSet<_>>().len();
    let splits = whole.splits();
    let fewest = splits.iter().map(speakers).min().unwrap_or(0);
    let steps: Vec<u32> = match spending.by {
        Coin::Speakers => {
            ensure!(fewest >= 2, "a learning curve by speakers needs at least 2 training speakers in every fold");
            even(fewest, spending.points).into_iter().map(|count| count as u32).collect()
        }
        Coin::Clips => (1..spending.points as u32).rev().collect(),
    };
    let mut all = Vec::new();
    for (step, draw) in steps.into_iter().flat_map(|step| (0..spending.draws).map(move |draw| (step, draw))) {
        let asked = Spent { by: spending.by, speakers: 0, clips: 0, draw, step: Some(step) };
        let mut planned = whole.clone();
        planned.layout.splits = thinned(task, splits, &asked, seed);
        all.push(Portion::of(task, planned, asked));
    }
    let everything = Spent { by: spending.by, speakers: 0, clips: 0, draw: 0, step: None };
    all.push(Portion::of(task, whole.clone(), everything));
    // Halves of few clips may be the same as the point before.
    all.dedup_by(|a, b| a.planned == b.planned);
    Ok(all)
}

impl Portion {
    fn of(task: &Task, planned: Planned, asked: Spent) -> Portion {
        let splits = planned.splits();
        let speakers = |split: &Split| split.train.iter().map(|&row| task.groups[row]).collect::<BTreeSet<_>>().len();
        let mean = |counts: usize| (counts as f64 / splits.len().max(1) as f64).round() as usize;
        let speakers = mean(splits.iter().map(speakers).sum());
        let clips = mean(splits.iter().map(|split| split.train.len()).sum());
        Portion { spent: Spent { speakers, clips, ..asked }, planned }
    }
}

/// How many speakers each point but the last has, of `all`: evenly spread from 1, without the same number twice.
fn even(all: usize, points: usize) -> Vec<usize> {
    let steps = (points - 1).max(1) as f64;
    let mut found: Vec<usize> =
        (0..points - 1).map(|k| 1 + (k as f64 * (all - 1) as f64 / steps).round() as usize).collect();
    found.dedup();
    found.retain(|&count| count < all);
    found
}

/// One generator per draw and fold: the same speakers come first at every point.
fn drawer(seed: u64, fold: usize, draw: usize) -> Pcg64 {
    let words: Vec<u8> = [seed, fold as u64, draw as u64].iter().flat_map(|word| word.to_le_bytes()).collect();
    Pcg64::from_seed(*blake3::hash(&words).as_bytes())
}

/// The rows of so many of the speakers of `train`, ascending.
fn of_speakers(task: &Task, train: &[usize], count: usize, random: &mut Pcg64) -> Vec<usize> {
    let all: BTreeSet<usize> = train.iter().map(|&row| task.groups[row]).collect();
    let mut all: Vec<usize> = all.into_iter().collect();
    all.shuffle(random);
    all.truncate(count);
    train.iter().copied().filter(|&row| all.contains(&task.groups[row])).collect()
}

/// The rows of `train`, those of each class halved so many times, ascending.
fn of_clips(task: &Task, train: &[usize], halves: u32, random: &mut Pcg64) -> Vec<usize> {
    let mut rows = Vec::new();
    for class in 0..task.classes.len() {
        let mut of: Vec<usize> = train.iter().copied().filter(|&row| task.labels[row] == class).collect();
        of.shuffle(random);
        // A class that is there stays: what is asked is how many clips it needs, not whether it is known.
        of.truncate(of.len().div_ceil(2_usize.saturating_pow(halves)));
        rows.append(&mut of);
    }
    rows.sort_unstable();
    rows
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::corpus::plan::Plan;
    use crate::corpus::{Target, Traits};

    /// Five speakers with eight clips of each of three classes.
    fn five() -> Task {
        let rows: Vec<usize> = (0..120).collect();
        Task {
            target: Target::Emotion,
            classes: ["a", "b", "c"].map(str::to_owned).to_vec(),
            labels: rows.iter().map(|row| row % 3).collect(),
            groups: rows.iter().map(|row| row / 24).collect(),
            speakers: (0..5).map(|speaker| format!("s{speaker}")).collect(),
            rows,
            twins: 0,
            traits: Traits::default(),
        }
    }

    fn made(by: Coin, points: usize) -> (Task, Vec<Portion>) {
        let task = five();
        let whole = Planned::unplanned(Plan::Loso, task.splits(&Plan::Loso, 0).unwrap());
        let portions = portions(&task, &whole, Spending { by, points, draws: 2 }, 7).unwrap();
        (task, portions)
    }

    #[test]
    fn test_parts_stay_and_training_parts_grow_around_what_was_there() {
        for by in Coin::ALL {
            let (task, all) = made(by, 4);
            let whole = task.splits(&Plan::Loso, 0).unwrap();
            assert_eq!(all.last().unwrap().planned.splits(), whole);
            for portion in &all {
                for (thin, full) in portion.planned.splits().iter().zip(&whole) {
                    assert_eq!(thin.test, full.test);
                    assert!(thin.train.is_sorted() && thin.train.iter().all(|row| full.train.contains(row)));
                }
            }
            for draw in 0..2 {
                let of: Vec<&Portion> = all.iter().filter(|portion| portion.spent.draw == draw).collect();
                for two in of.windows(2) {
                    let fold = |portion: &Portion| portion.planned.splits()[3].train.clone();
                    assert!(fold(two[0]).iter().all(|row| fold(two[1]).contains(row)), "{by}: not nested");
                    assert!(fold(two[0]).len() < fold(two[1]).len());
                }
            }
            assert_ne!(all[0].planned, all[1].planned, "two draws are alike");
        }
    }

    #[test]
    fn speakers_are_drawn_whole_and_classes_by_their_share() {
        let (task, all) = made(Coin::Speakers, 4);
        let amounts: Vec<usize> = all.iter().map(|portion| portion.spent.amount()).collect();
        assert_eq!(amounts, [1, 1, 2, 2, 3, 3, 4]);
        assert!(all.iter().all(|one| one.spent.clips == 24 * one.spent.speakers));
        let (_, all) = made(Coin::Clips, 4);
        let amounts: Vec<usize> = all.iter().map(|portion| portion.spent.amount()).collect();
        assert_eq!(amounts, [12, 12, 24, 24, 48, 48, 96]);
        let train = &all[0].planned.splits()[0].train;
        assert!((0..3).all(|class| train.iter().filter(|&&row| task.labels[row] == class).count() == 4));
    }

    #[test]
    fn points_are_spread_evenly_and_none_comes_twice() {
        assert_eq!(even(9, 5), [1, 3, 5, 7]);
        assert_eq!(even(2, 5), [1]);
        assert_eq!(even(3, 2), [1]);
        assert_eq!(made(Coin::Speakers, 50).1.len(), 2 * 3 + 1);
    }
}
