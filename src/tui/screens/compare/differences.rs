//! The fields of recipe and protocol that are not the same in all runs, a column per run.

use std::sync::Arc;

use ratatui::buffer::Buffer;
use ratatui::layout::Rect;

use super::{Shown, Spot, open, short};
use crate::tui::screen::Outcome;
use crate::tui::theme::Theme;
use crate::tui::widgets::grid::{self, Grid};
use crate::tui::widgets::percent;
use crate::tui::widgets::table::Cell;
use crate::workbench::Workbench;
use crate::workbench::differ::{Unshared, unshared};
use crate::workbench::experiment::Judged;

/// Cells of a column at least.
const LEAST: u16 = 15;

/// What differs; the first row is the UAR, so that one sees what it is good for.
pub struct Differences {
    runs: Vec<Arc<Judged>>,
    fields: Vec<Unshared>,
    rows: Vec<String>,
    columns: Vec<String>,
}

impl Differences {
    /// Between these runs.
    pub fn of(runs: &[Arc<Judged>]) -> Differences {
        let fields = unshared(&runs.iter().map(|judged| &judged.run).collect::<Vec<_>>());
        let rows = std::iter::once("UAR %".to_owned()).chain(fields.iter().map(|one| one.field.clone())).collect();
        let columns = runs.iter().map(|judged| short(judged)).collect();
        Differences { runs: runs.to_vec(), fields, rows, columns }
    }

    fn value(&self, row: usize, column: usize) -> &str {
        let field = row.checked_sub(1).and_then(|row| self.fields.get(row));
        field.and_then(|field| field.values.get(column)?.as_deref()).unwrap_or("–")
    }
}

impl Shown for Differences {
    fn size(&self, _row: usize) -> (usize, usize) {
        (if self.runs.is_empty() { 0 } else { self.rows.len() }, self.columns.len())
    }

    fn about(&self) -> String {
        match (self.runs.len(), self.fields.len()) {
            (0, _) => "no runs are marked; Space marks one in the table of runs".to_owned(),
            (runs, 0) => format!("nothing in recipe and protocol differs between these {runs} runs"),
            (runs, 1) => format!("1 field of recipe and protocol differs between these {runs} runs"),
            (runs, fields) => format!("{fields} fields of recipe and protocol differ between these {runs} runs"),
        }
    }

    fn grid(&self, Spot { row, column }: Spot) -> Option<Grid<'_>> {
        Some(Grid { corner: "field", rows: &self.rows, columns: &self.columns, least: LEAST, row, column })
    }

    fn draw(&self, buffer: &mut Buffer, area: Rect, spot: Spot, theme: &Theme) {
        let Some(grid) = self.grid(spot) else { return };
        grid::draw(buffer, area, &grid, theme, |row, column| match row {
            0 => Cell { text: percent(self.runs[column].summary.uar), style: theme.strong() },
            _ => Cell::from(self.value(row, column)),
        });
    }

    fn chosen(&self, row: usize, column: usize) -> String {
        match row {
            0 => format!("{}; Enter opens the run", self.columns[column]),
            _ => format!("{}: {}", self.rows[row], self.value(row, column)),
        }
    }

    fn enter(&self, bench: &Workbench, _row: usize, column: usize) -> Outcome {
        open(bench, &self.runs[column])
    }
}
