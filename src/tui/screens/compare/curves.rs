//! Learning curves: the UAR over the speakers or clips that were learnt from; a point leads to its run.

use std::sync::Arc;

use ratatui::buffer::Buffer;
use ratatui::layout::{Constraint, Rect};

use super::{Shown, Spot, open};
use crate::tui::cursor::Cursor;
use crate::tui::screen::{Outcome, Then};
use crate::tui::theme::Theme;
use crate::tui::widgets::points::{self, Line, letter};
use crate::tui::widgets::{self, line, percent, put};
use crate::workbench::Workbench;
use crate::workbench::curve::{Curve, Point, curves};
use crate::workbench::experiment::Judged;

/// The curves of all runs.
pub struct Curves {
    all: Vec<Curve>,
}

impl Curves {
    /// Those that runs of this corpus are points of.
    pub fn of(runs: &[Arc<Judged>]) -> Curves {
        Curves { all: curves(runs) }
    }

    fn point(&self, row: usize, column: usize) -> Option<&Point> {
        self.all.get(row)?.points.get(column)
    }

    /// The curves that are drawn together with the one of a row: spent is the same thing, by the same plan.
    fn beside(&self, row: usize) -> Vec<usize> {
        let like = &self.all[row];
        (0..self.all.len()).filter(|&at| self.all[at].by == like.by && self.all[at].plan == like.plan).collect()
    }

    fn legend(&self, buffer: &mut Buffer, area: Rect, (rows, spot): (&[usize], Spot), theme: &Theme) {
        let mut cursor = Cursor::new(rows.len());
        cursor.select(rows.iter().position(|at| Some(*at) == spot.row.row()).unwrap_or(0));
        for (lines, number) in cursor.window(usize::from(area.height)).enumerate() {
            let (curve, place) = (&self.all[rows[number]], line(area, lines as u16));
            let last = percent(curve.points.last().and_then(|point| point.uar));
            let rest = put(buffer, place, &format!("{} ", letter(number)), theme.series(number).patch(theme.strong()));
            put(buffer, rest, &format!("{} {} {last}", curve.model, curve.features), theme.text());
            if cursor.row() == Some(number) {
                buffer.set_style(place.intersection(buffer.area), theme.selected());
            }
        }
    }
}

impl Shown for Curves {
    fn size(&self, row: usize) -> (usize, usize) {
        (self.all.len(), self.all.get(row).map_or(0, |curve| curve.points.len()))
    }

    fn about(&self) -> String {
        if self.all.is_empty() {
            return "no learning curves yet: the choice `curve` of Train, or emolab curve, makes some".to_owned();
        }
        "UAR in percent with less to learn from; same test clips; bars: sd over draws".to_owned()
    }

    fn draw(&self, buffer: &mut Buffer, area: Rect, spot: Spot, theme: &Theme) {
        let Some((row, column)) = spot.cell() else { return };
        let rows = self.beside(row);
        let lines: Vec<Line> = rows.iter().map(|&at| line_of(&self.all[at])).collect();
        // A point whose UAR is undefined is not drawn, and so not selected.
        let drawn = self.all[row].points[..column].iter().filter(|point| point.uar.is_some()).count();
        let known = self.point(row, column).is_some_and(|point| point.uar.is_some());
        let selected = rows.iter().position(|&at| at == row && known).map(|at| (at, drawn));
        let legend = (rows.len() as u16).min(area.height / 3);
        let [plot, below] = widgets::rows(area, [Constraint::Min(0), Constraint::Length(legend)]);
        let unit = self.all[row].by.to_string();
        points::draw(buffer, plot, &lines, (selected, &unit), theme);
        self.legend(buffer, below, (&rows, spot), theme);
    }

    fn chosen(&self, row: usize, column: usize) -> String {
        let (Some(curve), Some(point)) = (self.all.get(row), self.point(row, column)) else { return String::new() };
        let spread = point.draws.map_or_else(String::new, |sd| format!(" ± {:.1}", 100.0 * sd));
        let by = if point.amount == 1 {
            curve.by.to_string().trim_end_matches('s').to_owned()
        } else {
            curve.by.to_string()
        };
        let draws = if point.runs.len() == 1 { "1 draw".to_owned() } else { format!("{} draws", point.runs.len()) };
        let folds = percent(point.folds);
        format!(
            "{}: {} {by} ({:.0} clips) a fold: UAR {}{spread} ({draws}, folds ± {folds})",
            curve.model,
            point.amount,
            point.clips,
            percent(point.uar)
        )
    }

    fn enter(&self, bench: &Workbench, row: usize, column: usize) -> Outcome {
        match self.point(row, column).and_then(|point| point.runs.first()) {
            Some(run) => open(bench, run),
            None => Ok(Then::Say("there is no run".to_owned())),
        }
    }
}

fn line_of(curve: &Curve) -> Line {
    let point = |point: &Point| Some(points::Point { x: point.amount as f64, y: point.uar?, spread: point.draws });
    Line { name: curve.model.clone(), points: curve.points.iter().filter_map(point).collect() }
}
