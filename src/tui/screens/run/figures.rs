//! The bars of a run: per class, per speaker, per interval of probability.
//!
//! Deliberately absent: the scores themselves (see `score`), and drawing (see `widgets::bars`).

use crate::score::{Confusion, metric};
use crate::store::Prediction;
use crate::tui::widgets::bars::{Bar, Row};
use crate::workbench::experiment::Judged;

/// Figures of a class.
pub const CLASS: [&str; 3] = ["precision", "recall", "F1"];
/// Figures of a speaker.
pub const SPEAKER: [&str; 2] = ["UAR", "WA"];
/// Figures of an interval of probability.
pub const BIN: [&str; 1] = ["right"];

/// Intervals that probabilities are sorted into.
const BINS: usize = 10;

/// What the views show.
pub struct Figures {
    /// In the order of the classes.
    pub classes: Vec<Row>,
    /// The lowest UAR first.
    pub speakers: Vec<Row>,
    /// Intervals in which there are clips, from the surest down.
    pub bins: Vec<Row>,
    /// Number of the interval of each of `bins`.
    places: Vec<usize>,
}

impl Figures {
    /// Of all predictions of a run.
    pub fn of(judged: &Judged) -> Figures {
        let (bins, places) = bins(&judged.run.predictions).into_iter().unzip();
        Figures { classes: classes(judged), speakers: speakers(judged), bins, places }
    }

    /// Whether the probability of what a clip was heard as lies in the interval of a row.
    pub fn in_bin(&self, row: usize, one: &Prediction) -> bool {
        sure(one).map(place) == self.places.get(row).copied()
    }
}

/// Who speaks, in words.
pub fn speaker(one: &Prediction) -> &str {
    if one.speaker.is_empty() { "unknown" } else { &one.speaker }
}

fn classes(judged: &Judged) -> Vec<Row> {
    let scores = judged.summary.confusion.per_class();
    let row = |(name, of): (&String, &crate::score::PerClass)| {
        let bars = [of.precision, of.recall, of.f1].map(Bar::from).to_vec();
        Row { name: name.clone(), bars, clips: of.support }
    };
    judged.run.classes().iter().zip(&scores).map(row).collect()
}

fn speakers(judged: &Judged) -> Vec<Row> {
    let mut by = std::collections::BTreeMap::<&str, Confusion>::new();
    for one in &judged.run.predictions {
        let of = by.entry(speaker(one)).or_insert_with(|| Confusion::new(judged.run.classes().len()));
        of.see(one.truth, one.pred);
    }
    let score = |name, of: &Confusion| metric(name).and_then(|metric| (metric.of)(of));
    let mut rows: Vec<Row> = by
        .into_iter()
        .map(|(name, of)| Row {
            name: name.to_owned(),
            bars: ["uar", "wa"].map(|metric| Bar::from(score(metric, &of))).to_vec(),
            clips: of.total(),
        })
        .collect();
    rows.sort_by(|a, b| a.bars[0].share.unwrap_or(2.0).total_cmp(&b.bars[0].share.unwrap_or(2.0)));
    rows
}

/// How often clips were right, beside how sure the run was on average; with the number of the interval.
fn bins(predictions: &[Prediction]) -> Vec<(Row, usize)> {
    let mut all = [(0u64, 0u64, 0.0f64); BINS];
    for one in predictions {
        let Some(p) = sure(one) else { continue };
        let (clips, right, sum) = &mut all[place(p)];
        *clips += 1;
        *right += u64::from(one.pred == one.truth);
        *sum += p;
    }
    let row = |(place, (clips, right, sum)): (usize, (u64, u64, f64))| {
        let [low, high] = [place, place + 1].map(|edge| edge as f64 / BINS as f64);
        let bar = Bar { share: Some(right as f64 / clips as f64), mark: Some(sum / clips as f64) };
        (Row { name: format!("{low:.1}–{high:.1}"), bars: vec![bar], clips }, place)
    };
    all.into_iter().enumerate().rev().filter(|(_, (clips, ..))| *clips > 0).map(row).collect()
}

/// The probability of what a clip was heard as.
fn sure(one: &Prediction) -> Option<f64> {
    one.p.get(one.pred).map(|p| f64::from(*p))
}

/// The interval of a probability; closed above, so that 1 is in the last one.
fn place(p: f64) -> usize {
    ((p * BINS as f64).ceil() as usize).clamp(1, BINS) - 1
}
