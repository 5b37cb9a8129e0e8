//! The figures of a run that tables and screens show, each with how it came about.

use crate::score::{
    Bootstrap, Confusion, Interval, PerClass, ScoreError, bootstrap, calibration_error, fold_spread, metric,
};
use crate::store::{Prediction, Run};

/// Scores of one run, pooled over its folds.
#[derive(Debug, Clone, PartialEq)]
pub struct Summary {
    /// Rows = truth.
    pub confusion: Confusion,
    /// Unweighted average recall, 0..1.
    pub uar: Option<f64>,
    /// 95 % interval of the UAR by bootstrap over speakers.
    pub uar_ci: Option<Interval>,
    /// Mean of the UAR over folds, and its standard deviation.
    pub uar_folds: Option<(f64, Option<f64>)>,
    /// Weighted accuracy (share of right clips), 0..1.
    pub wa: Option<f64>,
    /// Mean F1 over classes, 0..1.
    pub macro_f1: Option<f64>,
    /// UAR of the fit of each seed by itself; empty where there is but one fit.
    pub uar_seeds: Vec<Option<f64>>,
    /// Expected calibration error of the probabilities, 0..1.
    pub calibration_error: Option<f64>,
    /// Precision, recall, F1 and support of each class.
    pub per_class: Vec<PerClass>,
}

impl Summary {
    /// Scores `run`; takes a few milliseconds (the bootstrap).
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
        let sure = |one: &Prediction| Some((f64::from(*one.p.get(one.pred)?), one.pred == one.truth));
        let sure: Vec<(f64, bool)> = run.predictions.iter().filter_map(sure).collect();
        let how = Bootstrap { seed: run.recipe.seed, ..Bootstrap::default() };
        let of = |name| metric(name).and_then(|metric| (metric.of)(&confusion));
        Ok(Summary {
            uar: uar(&confusion),
            uar_ci: bootstrap(&speakers, uar, how),
            uar_folds: fold_spread(&folds),
            wa: of("wa"),
            macro_f1: of("macro_f1"),
            uar_seeds: seeds.collect::<Result<_, ScoreError>>()?,
            calibration_error: calibration_error(&sure),
            per_class: confusion.per_class(),
            confusion,
        })
    }
}

fn uar(confusion: &Confusion) -> Option<f64> {
    metric("uar").and_then(|metric| (metric.of)(confusion))
}
