//! The matrix of corpora: what recipes reach that learnt on one corpus and were judged on another.
//!
//! A row per recipe and what it learnt from, a column per tested corpus; the cell where both are the same is marked: there
//! other speakers of the corpus were learnt from. Deliberately absent: making such runs (`emolab cross` does).

use std::collections::BTreeSet;
use std::sync::Arc;

use ratatui::buffer::Buffer;
use ratatui::layout::Rect;

use super::{Shown, Spot, open};
use crate::tui::screen::{Outcome, Then};
use crate::tui::theme::Theme;
use crate::tui::widgets::grid::{self, Grid};
use crate::tui::widgets::percent;
use crate::tui::widgets::table::Cell;
use crate::workbench::Workbench;
use crate::workbench::experiment::Judged;

/// Cells of a column at least.
const LEAST: u16 = 9;

/// The cells of all recipes.
pub struct Corpora {
    rows: Vec<String>,
    columns: Vec<String>,
    cells: Vec<(usize, usize, Arc<Judged>)>,
}

impl Corpora {
    /// Of runs that know what they learnt from; the first of several in a cell counts.
    pub fn of(runs: &[Arc<Judged>]) -> Corpora {
        let mut found: Vec<(String, &str, &Arc<Judged>)> = Vec::new();
        for judged in runs {
            if let Some(facts) = &judged.run.protocol.plan.cross {
                let recipe = &judged.run.recipe;
                let row = format!("{} {}: {}", recipe.title(), recipe.features, facts.trained_on.join(" + "));
                found.push((row, &facts.tested_on, judged));
            }
        }
        let rows = distinct(found.iter().map(|(row, ..)| row.as_str()));
        let columns = distinct(found.iter().map(|(_, column, _)| *column));
        let at = |all: &[String], name: &str| all.iter().position(|other| other == name);
        let cell = |(row, column, judged): &(String, &str, &Arc<Judged>)| {
            Some((at(&rows, row)?, at(&columns, column)?, Arc::clone(judged)))
        };
        let cells = found.iter().filter_map(cell).collect();
        Corpora { rows, columns, cells }
    }

    fn cell(&self, row: usize, column: usize) -> Option<&Arc<Judged>> {
        self.cells.iter().find(|(r, c, _)| (*r, *c) == (row, column)).map(|(.., judged)| judged)
    }
}

/// Names in their order, each once.
fn distinct<'a>(names: impl Iterator<Item = &'a str>) -> Vec<String> {
    names.collect::<BTreeSet<_>>().into_iter().map(str::to_owned).collect()
}

/// True where a corpus is judged by what learnt from itself.
fn within(judged: &Judged) -> bool {
    let cross = judged.run.protocol.plan.cross.as_ref();
    cross.is_some_and(|facts| facts.trained_on == [facts.tested_on.clone()])
}

impl Shown for Corpora {
    fn size(&self, _row: usize) -> (usize, usize) {
        (self.rows.len(), self.columns.len())
    }

    fn about(&self) -> String {
        if self.rows.is_empty() {
            return "no matrix of corpora yet: emolab cross CORPUS CORPUS --models NAMES makes one".to_owned();
        }
        "UAR in percent; rows: what was learnt from, columns: what was judged; = other speakers of the same corpus"
            .to_owned()
    }

    fn grid(&self, Spot { row, column }: Spot) -> Option<Grid<'_>> {
        let (rows, columns) = (&self.rows, &self.columns);
        (!rows.is_empty()).then_some(Grid { corner: "learnt from", rows, columns, least: LEAST, row, column })
    }

    fn draw(&self, buffer: &mut Buffer, area: Rect, spot: Spot, theme: &Theme) {
        let Some(grid) = self.grid(spot) else { return };
        grid::draw(buffer, area, &grid, theme, |row, column| match self.cell(row, column) {
            None => Cell::from("–"),
            Some(judged) => {
                let (sign, style) = if within(judged) { ("=", theme.strong()) } else { (" ", theme.text()) };
                Cell { text: format!("{sign} {}", percent(judged.summary.uar)), style }
            }
        });
    }

    fn chosen(&self, row: usize, column: usize) -> String {
        let Some(judged) = self.cell(row, column) else { return "no run of this".to_owned() };
        let ci = judged
            .summary
            .uar_ci
            .map_or_else(String::new, |ci| format!(" [{}, {}]", percent(Some(ci.low)), percent(Some(ci.high))));
        let plan = if within(judged) { ", other speakers of it" } else { "" };
        format!(
            "{} on {}{plan}: UAR {}{ci}, {} clips; Enter opens the run",
            self.rows[row],
            self.columns[column],
            percent(judged.summary.uar),
            judged.run.protocol.data.clips
        )
    }

    /// Only runs on the corpus that is open have their clips here.
    fn enter(&self, bench: &Workbench, row: usize, column: usize) -> Outcome {
        let Some(judged) = self.cell(row, column) else { return Ok(Then::Stay) };
        let here = bench.runs().iter().find(|run| run.run.id == judged.run.id);
        match (here, judged.run.id) {
            (Some(run), _) => open(bench, run),
            (None, Some(id)) => {
                let place = &judged.run.protocol.data.corpus_key;
                Ok(Then::Say(format!("run {} is on {}, which is not open: emolab {place}", id.0, self.columns[column])))
            }
            (None, None) => Ok(Then::Say("this run is gone".to_owned())),
        }
    }
}
