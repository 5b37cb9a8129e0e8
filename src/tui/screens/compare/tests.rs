//! Which runs on the same clips are better than which: a cell per pair, with the p of a paired test over speakers.

use std::collections::HashMap;
use std::sync::Arc;

use ratatui::buffer::Buffer;
use ratatui::layout::Rect;

use super::super::behind;
use super::{Shown, Spot, open, short};
use crate::store::Prediction;
use crate::tui::screen::Outcome;
use crate::tui::theme::Theme;
use crate::tui::widgets::grid::{self, Grid};
use crate::tui::widgets::percent;
use crate::tui::widgets::table::Cell;
use crate::workbench::Workbench;
use crate::workbench::experiment::Judged;
use crate::workbench::versus::{LEVEL, Pair, Versus};

/// Runs of which all pairs are tested; of more the best.
const MOST: usize = 16;
/// Cells of a column at least.
const LEAST: u16 = 9;

/// The pairs of some runs, the best run first.
pub struct Tests {
    runs: Vec<Arc<Judged>>,
    /// How many there were to choose from.
    of: usize,
    names: Vec<String>,
    found: Option<Result<Versus, String>>,
}

impl Tests {
    /// Between these runs; the answer comes later.
    pub fn of(runs: &[Arc<Judged>]) -> Tests {
        let mut best = runs.to_vec();
        best.sort_by(|a, b| b.summary.uar.unwrap_or(-1.0).total_cmp(&a.summary.uar.unwrap_or(-1.0)));
        best.truncate(MOST);
        let names = best.iter().map(|judged| short(judged)).collect();
        Tests { runs: best, of: runs.len(), names, found: None }
    }

    fn versus(&self) -> Option<&Versus> {
        self.found.as_ref()?.as_ref().ok()
    }

    /// The pair of two runs, and how much better the first one is, as a fraction.
    fn pair(&self, row: usize, column: usize) -> Option<(&Pair, f64)> {
        let of = |pair: &&Pair| (pair.a, pair.b) == (row, column) || (pair.a, pair.b) == (column, row);
        let pair = self.versus()?.pairs.iter().find(of)?;
        let difference = if pair.a == row { pair.difference() } else { -pair.difference() };
        Some((pair, difference))
    }
}

impl Shown for Tests {
    fn size(&self, _row: usize) -> (usize, usize) {
        (self.runs.len(), self.runs.len())
    }

    fn sync(&mut self, bench: &mut Workbench) {
        if self.found.is_none() && self.runs.len() > 1 {
            let asked = bench.test(&self.runs);
            let found = bench.pairs(&self.runs).map(|found| found.cloned().map_err(str::to_owned));
            self.found = asked.map_or_else(|error| Some(Err(format!("{error:#}"))), |()| found);
        }
    }

    fn about(&self) -> String {
        match &self.found {
            _ if self.runs.len() < 2 => {
                "there are no two runs that judge the same clips under the same plan".to_owned()
            }
            None => "testing …".to_owned(),
            Some(Err(reason)) => reason.clone(),
            Some(Ok(versus)) => {
                let some = if self.of > MOST { format!("the best {MOST} of {}; ", self.of) } else { String::new() };
                let few = if versus.too_few() { "; too few to find anything" } else { "" };
                format!("{some}{}{few}", versus.name())
            }
        }
    }

    fn grid(&self, Spot { row, column }: Spot) -> Option<Grid<'_>> {
        let names = &self.names;
        let grid = Grid { corner: "> better", rows: names, columns: names, least: LEAST, row, column };
        (self.runs.len() > 1).then_some(grid)
    }

    fn draw(&self, buffer: &mut Buffer, area: Rect, spot: Spot, theme: &Theme) {
        let Some(grid) = self.grid(spot) else { return };
        grid::draw(buffer, area, &grid, theme, |row, column| match self.pair(row, column) {
            None if row == column => {
                Cell { text: format!("  {}", percent(self.runs[row].summary.uar)), style: theme.strong() }
            }
            None => Cell::from("–"),
            Some((pair, difference)) => {
                let (sign, style) = match (pair.p_holm <= LEVEL, difference > 0.0) {
                    (false, _) => ('=', theme.dim()),
                    (true, true) => ('>', theme.good()),
                    (true, false) => ('<', theme.bad()),
                };
                Cell { text: format!("{sign} {}", probability(pair.p_holm)), style }
            }
        });
    }

    fn chosen(&self, row: usize, column: usize) -> String {
        let Some((pair, difference)) = self.pair(row, column) else {
            return format!("{}; Enter opens the run", self.names[row]);
        };
        let verdict = if pair.p_holm <= LEVEL { "significant" } else { "tie" };
        format!(
            "{} less {}: UAR {:+.1}, p {} ({verdict}), McNemar {}; Enter: clips",
            self.names[row],
            self.names[column],
            100.0 * difference,
            probability(pair.p_holm),
            probability(pair.mcnemar.p)
        )
    }

    /// The clips that only one of the two is right about; a run beside itself is opened.
    fn enter(&self, bench: &Workbench, row: usize, column: usize) -> Outcome {
        let (one, other) = (&self.runs[row], &self.runs[column]);
        if row == column {
            return open(bench, one);
        }
        let key = |one: &Prediction| (one.clip.clone(), one.fold);
        let right = |one: &Prediction| one.pred == one.truth;
        let theirs: HashMap<_, bool> = other.run.predictions.iter().map(|one| (key(one), right(one))).collect();
        let title = format!("{} and {} part", behind::name(one), behind::name(other));
        behind::clips(bench, one, title, |clip| theirs.get(&key(clip)).is_some_and(|it| *it != right(clip)))
    }
}

/// A probability in at most five cells.
fn probability(p: f64) -> String {
    if p < 0.001 { "<.001".to_owned() } else { format!("{p:.3}").trim_start_matches('0').to_owned() }
}
