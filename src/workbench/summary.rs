//! The figures of a run that tables and screens show, each with how it came about.
//!
//! Deliberately absent: what sets runs apart (see `versus`) and what listeners reach (see `human`).

use std::collections::BTreeMap;

use crate::score::{
    Bootstrap, Calibration, Confusion, Interval, METRICS, PerClass, ScoreError, SoftFit, bootstrap, fold_spread, metric,
};
use crate::store::{Prediction, Run};

/// Scores of one run, pooled over its folds.
#[derive(Debug, Clone, PartialEq)]
pub struct Summary {
    /// Rows = truth.
    pub confusion: Confusion,
    /// Unweighted average recall, 0..1.
    pub uar: Option<f64>,
    /// 95 % interval of the UAR by bootstrap over speakers; over clips where no speaker is known (see [`Summary::unit`]).
    pub uar_ci: Option<Interval>,
    /// Mean of the UAR over folds, and its standard deviation.
    pub uar_folds: Option<(f64, Option<f64>)>,
    /// Weighted accuracy (share of right clips), 0..1.
    pub wa: Option<f64>,
    /// Mean F1 over classes, 0..1.
    pub macro_f1: Option<f64>,
    /// UAR of the fit of each seed by itself; empty where there is but one fit.
    pub uar_seeds: Vec<Option<f64>>,
    /// What the probabilities are worth: ECE, Brier, NLL, reliability; `None` where scores are no probabilities.
    pub calibration: Option<Calibration>,
    /// How near they come to the shares of what people said, where these were the labels.
    pub soft: Option<SoftFit>,
    /// Precision, recall, F1 and support of each class.
    pub per_class: Vec<PerClass>,
    /// Each known speaker by name.
    pub by_speaker: Vec<Part>,
    /// Each sex that the run knows of.
    pub by_sex: Vec<Part>,
}

/// The clips of a run that have something in common.
#[derive(Debug, Clone, PartialEq)]
pub struct Part {
    /// What: a speaker, a sex, a level of agreement.
    pub name: String,
    /// Number of clips.
    pub clips: usize,
    /// UAR over the classes that occur among them, 0..1.
    pub uar: Option<f64>,
    /// Share of right clips, 0..1.
    pub wa: Option<f64>,
}

impl Summary {
    /// Scores `run`; takes some milliseconds (the bootstrap).
    ///
    /// # Errors
    /// A class number beyond the run's classes: the run is damaged.
    pub fn of(run: &Run) -> Result<Summary, ScoreError> {
        let (truth, pred, k) = (run.truth(), run.pred(), run.classes().len());
        let confusion = Confusion::of(&truth, &pred, k)?;
        let speakers = Confusion::by_group(&truth, &pred, &run.groups(), k)?;
        let folds: Vec<usize> = run.predictions.iter().map(|prediction| prediction.fold).collect();
        let folds: Vec<f64> = Confusion::by_group(&truth, &pred, &folds, k)?.iter().filter_map(uar).collect();
        let seeds = run.pred_of_seeds();
        let seeds = seeds.iter().map(|pred| Ok(uar(&Confusion::of(&truth, pred, k)?)));
        let p: Vec<_> = run.predictions.iter().map(|one| (&one.p[..], one.pred, one.truth)).collect();
        let how = Bootstrap { seed: run.recipe.seed, ..Bootstrap::default() };
        let of = |name| metric(name).and_then(|metric| (metric.of)(&confusion));
        let sexes = &run.protocol.data.sexes;
        Ok(Summary {
            uar: uar(&confusion),
            uar_ci: bootstrap(&speakers, uar, how),
            uar_folds: fold_spread(&folds),
            wa: of("wa"),
            macro_f1: of("macro_f1"),
            uar_seeds: seeds.collect::<Result<_, ScoreError>>()?,
            calibration: Calibration::of(&p),
            soft: soft(run),
            per_class: confusion.per_class(),
            by_speaker: parts(run, |one| Some(one.speaker.clone()).filter(|name| !name.is_empty()))?,
            by_sex: parts(run, |one| sexes.get(&one.speaker).map(ToString::to_string))?,
            confusion,
        })
    }

    /// Every row of [`METRICS`] with its value.
    pub fn metrics(&self) -> Vec<(&'static str, Option<f64>)> {
        METRICS.iter().map(|metric| (metric.name, (metric.of)(&self.confusion))).collect()
    }

    /// The known speaker with the lowest UAR; the first by name of equals.
    pub fn worst_speaker(&self) -> Option<&Part> {
        let known = self.by_speaker.iter().filter(|part| part.uar.is_some());
        known.min_by(|a, b| a.uar.unwrap_or(1.0).total_cmp(&b.uar.unwrap_or(1.0)))
    }

    /// Mean UAR of the known speakers, each counting alike however many clips they have.
    pub fn speakers_mean(&self) -> Option<f64> {
        let each: Vec<f64> = self.by_speaker.iter().filter_map(|part| part.uar).collect();
        fold_spread(&each).map(|(mean, _)| mean)
    }

    /// What is drawn for the interval: speakers, or clips where no speaker is known.
    pub fn unit(&self) -> &'static str {
        if self.by_speaker.is_empty() { "clips" } else { "speakers" }
    }

    /// How the interval came about, in words: `speaker bootstrap, expanded BCa`.
    pub fn interval_name(&self) -> Option<String> {
        let ci = self.uar_ci?;
        Some(format!("{} bootstrap, {}", self.unit().trim_end_matches('s'), ci.method.name()))
    }
}

/// The clips of `run` by what `name` says of them, in the order of names; clips without one are left out.
///
/// # Errors
/// As [`Summary::of`].
pub fn parts(run: &Run, name: impl Fn(&Prediction) -> Option<String>) -> Result<Vec<Part>, ScoreError> {
    let mut by: BTreeMap<String, (Vec<usize>, Vec<usize>)> = BTreeMap::new();
    for one in &run.predictions {
        if let Some(name) = name(one) {
            let (truth, pred) = by.entry(name).or_default();
            truth.push(one.truth);
            pred.push(one.pred);
        }
    }
    let part = |(name, (truth, pred)): (String, (Vec<usize>, Vec<usize>))| {
        let all = Confusion::of(&truth, &pred, run.classes().len())?;
        let wa = metric("wa").and_then(|metric| (metric.of)(&all));
        Ok(Part { name, clips: truth.len(), uar: uar(&all), wa })
    };
    by.into_iter().map(part).collect()
}

/// The probabilities of a run beside the soft labels that it was judged by.
fn soft(run: &Run) -> Option<SoftFit> {
    let truth = run.protocol.data.truth.as_ref().filter(|truth| !truth.shares.is_empty())?;
    let place = |class: &String| truth.classes.iter().position(|known| known == class);
    let places: Vec<usize> = run.classes().iter().filter_map(place).collect();
    let shares = |one: &Prediction| -> Option<Vec<f64>> {
        let all = truth.shares.get(&one.clip)?;
        let kept: Vec<f64> = places.iter().map(|&place| f64::from(all[place])).collect();
        let sum: f64 = kept.iter().sum();
        (kept.len() == one.p.len() && sum > 0.0).then(|| kept.iter().map(|share| share / sum).collect())
    };
    SoftFit::of(run.predictions.iter().filter_map(|one| Some((&one.p[..], shares(one)?))))
}

/// UAR of a confusion.
pub(super) fn uar(confusion: &Confusion) -> Option<f64> {
    metric("uar").and_then(|metric| (metric.of)(confusion))
}
