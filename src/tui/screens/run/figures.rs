//! The bars of a run: per class, per speaker, per interval of probability.
//!
//! Deliberately absent: the scores themselves (see `workbench::summary`), and drawing (see `widgets::bars`).

use crate::score::{PerClass, ReliabilityBin};
use crate::store::Prediction;
use crate::tui::widgets::bars::{Bar, Row};
use crate::workbench::experiment::Judged;
use crate::workbench::summary::Part;

/// Figures of a class.
pub const CLASS: [&str; 3] = ["precision", "recall", "F1"];
/// Figures of a speaker.
pub const SPEAKER: [&str; 2] = ["UAR", "WA"];
/// Figures of an interval of probability.
pub const BIN: [&str; 1] = ["right"];

/// What the views show.
pub struct Figures {
    /// In the order of the classes.
    pub classes: Vec<Row>,
    /// The lowest UAR first.
    pub speakers: Vec<Row>,
    /// Intervals in which there are clips, the surest first.
    pub bins: Vec<Row>,
    /// The interval of each of `bins`.
    edges: Vec<ReliabilityBin>,
}

impl Figures {
    /// Of a run.
    pub fn of(judged: &Judged) -> Figures {
        let summary = &judged.summary;
        let mut speakers: Vec<Row> = summary.by_speaker.iter().map(speaker).collect();
        // Stable: speakers as good as each other stay in the order of their names; an undefined score comes last.
        speakers.sort_by(|a, b| a.bars[0].share.unwrap_or(2.0).total_cmp(&b.bars[0].share.unwrap_or(2.0)));
        let bins = summary.calibration.iter().flat_map(|calibration| &calibration.bins);
        let edges: Vec<ReliabilityBin> = bins.rev().filter(|bin| bin.clips > 0).copied().collect();
        let classes = judged.run.classes().iter().zip(&summary.per_class).map(class).collect();
        Figures { classes, speakers, bins: edges.iter().map(bin).collect(), edges }
    }

    /// Whether the probability of what a clip was heard as lies in the interval of a row.
    pub fn in_bin(&self, row: usize, one: &Prediction) -> bool {
        let sure = one.p.get(one.pred).map(|p| f64::from(*p));
        self.edges.get(row).zip(sure).is_some_and(|(bin, p)| (p > bin.low || bin.low == 0.0) && p <= bin.high)
    }
}

fn class((name, of): (&String, &PerClass)) -> Row {
    Row { name: name.clone(), bars: [of.precision, of.recall, of.f1].map(Bar::from).to_vec(), clips: of.support }
}

fn speaker(part: &Part) -> Row {
    Row { name: part.name.clone(), bars: [part.uar, part.wa].map(Bar::from).to_vec(), clips: part.clips as u64 }
}

/// How often clips were right, beside how sure the run was of them on average.
fn bin(bin: &ReliabilityBin) -> Row {
    let bar = Bar { share: bin.right, mark: bin.confidence };
    Row { name: format!("{:.2}–{:.2}", bin.low, bin.high), bars: vec![bar], clips: bin.clips as u64 }
}
