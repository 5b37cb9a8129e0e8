//! Several runs side by side: how they differ, which is better than which, learning curves, the matrix of corpora.
//!
//! Each view lives in a file of its own and knows what its selected cell leads to. Deliberately absent: choosing the runs
//! (see `results.rs`), and any figure of one run alone (see `run.rs`).

mod corpora;
mod curves;
mod differences;
mod tests;

use std::sync::Arc;

use ratatui::buffer::Buffer;
use ratatui::layout::{Constraint, Position, Rect};

use super::behind;
use crate::tui::command::{Command, Row, named, row, rows};
use crate::tui::cursor::Cursor;
use crate::tui::screen::{Hit, Outcome, Screen, Side, Then, Topic};
use crate::tui::theme::Theme;
use crate::tui::widgets::grid::{self, Grid};
use crate::tui::widgets::{self, line, put, table, tabs};
use crate::workbench::Workbench;
use crate::workbench::experiment::Judged;
use corpora::Corpora;
use curves::Curves;
use differences::Differences;
use tests::Tests;

/// The screen's state: what is seen side by side, which view, which cell.
#[derive(Default)]
pub struct Compare {
    views: Vec<View>,
    view: usize,
}

/// A view and its selected cell.
struct View {
    side: Side,
    shown: Box<dyn Shown>,
    spot: Spot,
}

/// The selected cell of a view.
#[derive(Debug, Clone, Copy, Default)]
struct Spot {
    row: Cursor,
    column: Cursor,
}

/// What a view shows, worked out once.
trait Shown {
    /// Rows, and columns of a row.
    fn size(&self, row: usize) -> (usize, usize);

    /// Catches up with the Workbench.
    fn sync(&mut self, _bench: &mut Workbench) {}

    /// One line of what is seen.
    fn about(&self) -> String;

    /// The cells that are drawn, where nothing else is.
    fn grid(&self, _spot: Spot) -> Option<Grid<'_>> {
        None
    }

    /// Draws; pure.
    fn draw(&self, buffer: &mut Buffer, area: Rect, spot: Spot, theme: &Theme);

    /// The selected cell in words.
    fn chosen(&self, row: usize, column: usize) -> String;

    /// Where the selected cell leads.
    ///
    /// # Errors
    /// What the status line is to say.
    fn enter(&self, bench: &Workbench, row: usize, column: usize) -> Outcome;
}

static COMMANDS: &[Command<Compare>] = &[
    Command {
        row: row("next view", &["Tab"], "differences, tests, learning curves, corpora"),
        run: |compare, _| compare.turn(1),
    },
    Command { row: row("open", &["Enter"], "the run or the clips behind this cell"), run: Compare::enter },
    Command { row: row("left", &["h", "Left"], "to the cell at the left"), run: |compare, _| compare.aside(-1) },
    Command { row: row("right", &["l", "Right"], "to the cell at the right"), run: |compare, _| compare.aside(1) },
    Command {
        row: row("previous view", &["Shift-Tab"], "the views the other way round"),
        run: |compare, _| compare.turn(-1),
    },
];

impl Screen for Compare {
    fn name(&self) -> &'static str {
        "compare"
    }

    fn rows(&self) -> Vec<&'static Row> {
        rows(COMMANDS)
    }

    fn run(&mut self, command: &str, bench: &mut Workbench) -> Outcome {
        let outcome = named(COMMANDS, command).map_or(Ok(Then::Stay), |command| (command.run)(self, bench));
        self.fit();
        outcome
    }

    fn arrive(&mut self, topic: Topic, bench: &mut Workbench) -> Outcome {
        if let Topic::Runs(side, places) = topic {
            let all = bench.runs();
            let runs: Vec<Arc<Judged>> = places.iter().filter_map(|&place| all.get(place)).map(Arc::clone).collect();
            self.views = vec![
                View::new(Side::Differences, Box::new(Differences::of(&runs))),
                View::new(Side::Significance, Box::new(Tests::of(&runs))),
                View::new(Side::Curves, Box::new(Curves::of(all))),
                View::new(Side::Corpora, Box::new(Corpora::of(bench.crossed()))),
            ];
            self.view = self.views.iter().position(|view| view.side == side).unwrap_or(0);
        }
        Ok(Then::Stay)
    }

    fn sync(&mut self, bench: &mut Workbench) -> Then {
        if let Some(view) = self.views.get_mut(self.view) {
            view.shown.sync(bench);
        }
        // A row may have fewer columns than the one before.
        self.fit();
        Then::Stay
    }

    fn list(&mut self) -> Option<&mut Cursor> {
        self.views.get_mut(self.view).map(|view| &mut view.spot.row)
    }

    fn has_list(&self) -> bool {
        true
    }

    fn list_area(&self, body: Rect, _bench: &Workbench) -> Rect {
        table::body(parts(body)[2])
    }

    fn hit(&self, at: Position, body: Rect, _bench: &Workbench) -> Option<Hit> {
        let [names, _, body, _] = parts(body);
        if let Some(view) = tabs::hit(names, self.views.iter().map(|view| name(view.side)), at) {
            return Some(Hit::view(self.view, view));
        }
        let view = self.views.get(self.view)?;
        match view.shown.grid(view.spot) {
            None => Some(Hit::Nothing).filter(|_| body.contains(at)),
            Some(grid) => grid::cell(body, &grid, at).map(|(row, column)| Hit::Cell(row, Some(column))),
        }
    }

    fn column(&mut self) -> Option<&mut Cursor> {
        self.views.get_mut(self.view).map(|view| &mut view.spot.column)
    }

    fn draw(&self, buffer: &mut Buffer, area: Rect, _bench: &Workbench, theme: &Theme) {
        let Some(view) = self.views.get(self.view) else { return };
        let [names, about, body, foot] = parts(area);
        tabs::draw(buffer, names, self.views.iter().map(|view| name(view.side)), self.view, theme);
        for (at, text) in widgets::wrap(&view.shown.about(), usize::from(about.width)).iter().take(2).enumerate() {
            put(buffer, line(about, at as u16), text, theme.dim());
        }
        view.shown.draw(buffer, body, view.spot, theme);
        if let Some((row, column)) = view.spot.cell() {
            put(buffer, foot, &view.shown.chosen(row, column), theme.strong());
        }
    }
}

impl Compare {
    fn turn(&mut self, by: isize) -> Outcome {
        let mut views = Cursor::new(self.views.len());
        views.select(self.view);
        views.step_around(by);
        self.view = views.row().unwrap_or(0);
        Ok(Then::Stay)
    }

    fn aside(&mut self, by: isize) -> Outcome {
        if let Some(view) = self.views.get_mut(self.view) {
            view.spot.column.step(by);
        }
        Ok(Then::Stay)
    }

    fn enter(&mut self, bench: &mut Workbench) -> Outcome {
        let Some(view) = self.views.get(self.view) else { return Ok(Then::Stay) };
        match view.spot.cell() {
            Some((row, column)) => view.shown.enter(bench, row, column),
            None => Ok(Then::Say("there is nothing to open".to_owned())),
        }
    }

    fn fit(&mut self) {
        for view in &mut self.views {
            let (_, columns) = view.shown.size(view.spot.row.row().unwrap_or(0));
            view.spot.column.resize(columns);
        }
    }
}

impl View {
    fn new(side: Side, shown: Box<dyn Shown>) -> View {
        let (rows, columns) = shown.size(0);
        View { side, shown, spot: Spot { row: Cursor::new(rows), column: Cursor::new(columns) } }
    }
}

impl Spot {
    fn cell(&self) -> Option<(usize, usize)> {
        self.row.row().zip(self.column.row())
    }
}

/// Names of the views, about, view, the selected cell.
fn parts(area: Rect) -> [Rect; 4] {
    let fixed = Constraint::Length;
    widgets::rows(area, [fixed(1), fixed(2), Constraint::Min(0), fixed(1)])
}

fn name(side: Side) -> &'static str {
    match side {
        Side::Differences => "differences",
        Side::Significance => "tests",
        Side::Curves => "learning curves",
        Side::Corpora => "corpora",
    }
}

/// `12 svm`: a run as the head of a row or column.
fn short(judged: &Judged) -> String {
    let title = judged.run.recipe.title();
    judged.run.id.map_or_else(|| title.clone(), |id| format!("{} {title}", id.0))
}

/// Opens a run.
fn open(bench: &Workbench, judged: &Arc<Judged>) -> Outcome {
    let place = bench.runs().iter().position(|other| Arc::ptr_eq(other, judged));
    Ok(place.map_or_else(
        || Then::Say(format!("{} is gone", behind::name(judged))),
        |place| Then::Open("run", Topic::Run(place)),
    ))
}
