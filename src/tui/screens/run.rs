//! One run: report, confusion matrix, classes, speakers, reliability; each figure leads to the clips behind it.
//!
//! Deliberately absent: the table of runs (see `results.rs`), and several runs side by side (see `compare.rs`).

mod figures;

use std::sync::Arc;

use anyhow::Context;
use ratatui::buffer::Buffer;
use ratatui::layout::{Constraint, Position, Rect};

use super::behind;
use super::results::{leaks, protocol};
use crate::learn::Cost;
use crate::score::report;
use crate::tui::command::{Command, Row, named, row, rows};
use crate::tui::cursor::Cursor;
use crate::tui::screen::{Hit, Outcome, Screen, Then, Topic};
use crate::tui::theme::Theme;
use crate::tui::widgets::bars::{self, Bars};
use crate::tui::widgets::matrix::{self, Matrix};
use crate::tui::widgets::{self, line, percent, put, table, tabs};
use crate::workbench::Workbench;
use crate::workbench::experiment::Judged;
use figures::Figures;

/// The screen's state: which run, which view of it, which cell of each view.
#[derive(Default)]
pub struct RunDetail {
    open: Option<Open>,
    view: usize,
    normalised: bool,
}

/// A run and where the user looks.
struct Open {
    judged: Arc<Judged>,
    figures: Figures,
    /// One for each of [`VIEWS`].
    spots: [Spot; VIEWS.len()],
}

/// The selected cell of a view.
#[derive(Clone, Copy)]
struct Spot {
    row: Cursor,
    column: Cursor,
}

#[derive(Clone, Copy, PartialEq, Eq)]
enum View {
    Report,
    Matrix,
    Classes,
    Speakers,
    Reliability,
}

const VIEWS: [(View, &str); 5] = [
    (View::Report, "report"),
    (View::Matrix, "confusion"),
    (View::Classes, "classes"),
    (View::Speakers, "speakers"),
    (View::Reliability, "reliability"),
];

/// Columns of a report beside other views: its text is 54 wide, what is told of costs longer.
const REPORT: u16 = 84;

static COMMANDS: &[Command<RunDetail>] = &[
    Command {
        row: row("next view", &["Tab"], "report, confusion matrix, classes, speakers, reliability"),
        run: |run, _| run.turn(1),
    },
    Command { row: row("clips", &["Enter"], "the clips behind this figure, worst first"), run: RunDetail::clips },
    Command { row: row("shares", &["m"], "confusion matrix in clips or in percent"), run: |run, _| run.change() },
    Command { row: row("previous view", &["Shift-Tab"], "the views the other way round"), run: |run, _| run.turn(-1) },
    Command { row: row("left", &["h", "Left"], "to the figure at the left"), run: |run, _| run.aside(-1) },
    Command { row: row("right", &["l", "Right"], "to the figure at the right"), run: |run, _| run.aside(1) },
];

impl Screen for RunDetail {
    fn name(&self) -> &'static str {
        "run"
    }

    fn rows(&self) -> Vec<&'static Row> {
        rows(COMMANDS)
    }

    fn run(&mut self, command: &str, bench: &mut Workbench) -> Outcome {
        named(COMMANDS, command).map_or(Ok(Then::Stay), |command| (command.run)(self, bench))
    }

    fn arrive(&mut self, topic: Topic, bench: &mut Workbench) -> Outcome {
        if let Topic::Run(place) = topic {
            self.open = Some(Open::new(Arc::clone(bench.runs().get(place).context("this run is gone")?)));
        }
        Ok(Then::Stay)
    }

    fn sync(&mut self, _bench: &mut Workbench) -> Then {
        Then::Stay
    }

    fn list(&mut self) -> Option<&mut Cursor> {
        Some(&mut self.open.as_mut()?.spots[self.view].row)
    }

    fn has_list(&self) -> bool {
        true
    }

    fn list_area(&self, body: Rect, _bench: &Workbench) -> Rect {
        let panes = self.open.as_ref().map(|open| self.panes(parts(body)[3], open)).unwrap_or_default();
        table::body(panes.iter().find(|(view, _)| *view == self.view).map_or_else(Rect::default, |(_, place)| *place))
    }

    fn column(&mut self) -> Option<&mut Cursor> {
        Some(&mut self.open.as_mut()?.spots[self.view].column)
    }

    fn hit(&self, at: Position, body: Rect, _bench: &Workbench) -> Option<Hit> {
        let [_, _, names, body] = parts(body);
        if let Some(view) = tabs::hit(names, VIEWS.map(|(_, name)| name), at) {
            return Some(Hit::view(self.view, view));
        }
        let open = self.open.as_ref()?;
        let (view, place) = self.panes(body, open).into_iter().find(|(_, place)| place.contains(at))?;
        if view == self.view { open.hit(VIEWS[view].0, place, at) } else { Some(Hit::view(self.view, view)) }
    }

    fn draw(&self, buffer: &mut Buffer, area: Rect, _bench: &Workbench, theme: &Theme) {
        let Some(open) = &self.open else { return };
        let [head, about, names, body] = parts(area);
        heading(buffer, head, &open.judged, theme);
        for (at, text) in protocol(&open.judged).iter().enumerate() {
            put(buffer, line(about, at as u16), text, theme.dim());
        }
        self.tabs(buffer, names, theme);
        let view = VIEWS[self.view].0;
        for (shown, place) in self.panes(body, open) {
            let is_chosen = shown == self.view;
            if place.y > body.y {
                let style = if is_chosen { theme.accent() } else { theme.strong() };
                put(buffer, Rect { y: place.y - 1, height: 1, ..place }, VIEWS[shown].1, style);
            }
            open.draw(buffer, place, (VIEWS[shown].0, is_chosen, self.normalised), theme);
        }
        put(buffer, view_and_foot(body)[1], &open.chosen(view), theme.strong());
    }
}

impl RunDetail {
    /// The views that are seen and where: where there is room the report and, below a heading of a line each, as many of the
    /// others as fit under one another; else the chosen one.
    fn panes(&self, area: Rect, open: &Open) -> Vec<(usize, Rect)> {
        let [body, foot] = view_and_foot(area);
        if !widgets::is_wide(Rect { height: area.height + AROUND, ..area }) {
            // Without a figure to tell of, the report takes the line of the foot.
            let more = if VIEWS[self.view].0 == View::Report { foot.height } else { 0 };
            return vec![(self.view, Rect { height: body.height + more, ..body })];
        }
        let [left, _, mut rest] =
            widgets::columns(body, [Constraint::Length(REPORT), Constraint::Length(3), Constraint::Min(0)]);
        let lines = |view: usize| open.spots[view].row.len() as u16 + 3;
        let fits = (1..VIEWS.len()).map(lines).sum::<u16>() <= rest.height;
        let views = if fits { 1..VIEWS.len() } else { self.view.max(1)..self.view.max(1) + 1 };
        let below = |view: usize| {
            let height = if fits { lines(view) } else { rest.height }.min(rest.height);
            let place = Rect { y: rest.y + 1, height: height.saturating_sub(2), ..rest };
            rest = Rect { y: rest.y + height, height: rest.height - height, ..rest };
            (view, place)
        };
        std::iter::once((0, left)).chain(views.map(below)).collect()
    }

    fn turn(&mut self, by: isize) -> Outcome {
        let mut views = Cursor::new(VIEWS.len());
        views.select(self.view);
        views.step_around(by);
        self.view = views.row().unwrap_or(0);
        Ok(Then::Stay)
    }

    fn change(&mut self) -> Outcome {
        if VIEWS[self.view].0 != View::Matrix {
            return Ok(Then::Say("that is for the confusion matrix; Tab shows it".to_owned()));
        }
        self.normalised = !self.normalised;
        Ok(Then::Stay)
    }

    fn aside(&mut self, by: isize) -> Outcome {
        if let Some(open) = &mut self.open {
            open.spots[self.view].column.step(by);
        }
        Ok(Then::Stay)
    }

    /// The clips behind the selected figure.
    fn clips(&mut self, bench: &mut Workbench) -> Outcome {
        let open = self.open.as_ref().context("no run is open")?;
        if VIEWS[self.view].0 == View::Report {
            self.turn(1)?;
            return Ok(Then::Say("choose a cell; Enter shows its clips".to_owned()));
        }
        open.clips(bench, VIEWS[self.view].0)
    }

    fn tabs(&self, buffer: &mut Buffer, area: Rect, theme: &Theme) {
        let rest = tabs::draw(buffer, area, VIEWS.map(|(_, name)| name), self.view, theme);
        let shown = match VIEWS[self.view].0 {
            View::Report => "",
            View::Matrix if self.normalised => "percent of the truth",
            View::Matrix => "clips",
            View::Classes => "percent",
            View::Speakers => "worst first",
            View::Reliability => "bar: right, ┃: promised",
        };
        put(buffer, rest, shown, theme.dim());
    }
}

impl Open {
    fn new(judged: Arc<Judged>) -> Open {
        let figures = Figures::of(&judged);
        let classes = judged.run.classes().len();
        let size = |view| match view {
            View::Report => (text(&judged).lines().count(), 1),
            View::Matrix => (classes, classes),
            View::Classes => (classes, figures::CLASS.len()),
            View::Speakers => (figures.speakers.len(), figures::SPEAKER.len()),
            View::Reliability => (figures.bins.len(), figures::BIN.len()),
        };
        let spots = VIEWS.map(|(view, _)| {
            let (rows, columns) = size(view);
            Spot { row: Cursor::new(rows), column: Cursor::new(columns) }
        });
        Open { figures, spots, judged }
    }

    /// Row and column of the selected cell of a view.
    fn cell(&self, view: View) -> Option<(usize, usize)> {
        let spot = self.spots[VIEWS.iter().position(|(other, _)| *other == view)?];
        spot.row.row().zip(spot.column.row())
    }

    fn clips(&self, bench: &Workbench, view: View) -> Outcome {
        let Some((row, column)) = self.cell(view) else {
            return Ok(Then::Say("there is nothing to choose".to_owned()));
        };
        let title = self.title(view, (row, column));
        let speaker = self.figures.speakers.get(row).map(|row| &row.name);
        behind::clips(bench, &self.judged, title, |one| match view {
            View::Report => true,
            View::Matrix => one.truth == row && one.pred == column,
            View::Classes => match column {
                0 => one.pred == row,
                1 => one.truth == row,
                _ => one.pred == row || one.truth == row,
            },
            View::Speakers => speaker.is_some_and(|name| one.speaker == *name),
            View::Reliability => self.figures.in_bin(row, one),
        })
    }

    /// What the clips of a cell are.
    fn title(&self, view: View, (row, column): (usize, usize)) -> String {
        let (classes, by) = (self.judged.run.classes(), behind::name(&self.judged));
        match view {
            View::Report => by,
            View::Matrix => format!("{} heard as {} by {by}", classes[row], classes[column]),
            View::Classes => match column {
                0 => format!("heard as {} by {by}", classes[row]),
                1 => format!("{} heard by {by}", classes[row]),
                _ => format!("{}, or heard so by {by}", classes[row]),
            },
            View::Speakers => format!("speaker {} heard by {by}", self.figures.speakers[row].name),
            View::Reliability => format!("of probability {} by {by}", self.figures.bins[row].name),
        }
    }

    /// The selected figure in words.
    fn chosen(&self, view: View) -> String {
        let Some((row, column)) = self.cell(view) else { return String::new() };
        let classes = self.judged.run.classes();
        let figure = |name: &str, share: Option<f64>| format!("{name} {}; Enter shows the clips", percent(share));
        let bar = |rows: &[bars::Row]| rows[row].bars[column].share;
        match view {
            View::Report => String::new(),
            View::Matrix => {
                let count = self.judged.summary.confusion.count(row, column);
                let clips = match count {
                    0 => "no clip".to_owned(),
                    1 => "1 clip; Enter shows it".to_owned(),
                    _ => format!("{count} clips; Enter shows them, worst first"),
                };
                format!("{} heard as {}: {clips}", classes[row], classes[column])
            }
            View::Classes => {
                let name = format!("{}: {}", classes[row], figures::CLASS[column]);
                figure(&name, bar(&self.figures.classes))
            }
            View::Speakers => {
                let name = format!("speaker {}: {}", self.figures.speakers[row].name, figures::SPEAKER[column]);
                figure(&name, bar(&self.figures.speakers))
            }
            View::Reliability => {
                let bin = &self.figures.bins[row];
                let promised = percent(bin.bars[0].mark);
                figure(&format!("probability {}: promised {promised}, right", bin.name), bin.bars[0].share)
            }
        }
    }

    /// One view; one that is not chosen marks nothing.
    fn draw(&self, buffer: &mut Buffer, area: Rect, (view, chosen, normalised): (View, bool, bool), theme: &Theme) {
        match view {
            View::Report => self.report(buffer, area, theme),
            View::Matrix => matrix::draw(buffer, area, &self.matrix((self.spot(view, chosen), normalised)), theme),
            View::Reliability if self.figures.bins.is_empty() => {
                put(buffer, line(area, 1), "the scores of this run are no probabilities", theme.text());
            }
            View::Classes | View::Speakers | View::Reliability => {
                let bars = self.bars(view, chosen);
                bars.iter().for_each(|bars| bars::side_by_side(buffer, area, bars, theme));
            }
        }
    }

    fn spot(&self, view: View, chosen: bool) -> Spot {
        let spot = self.spots[VIEWS.iter().position(|(other, _)| *other == view).unwrap_or(0)];
        if chosen { spot } else { Spot { row: spot.row.at_rest(), column: spot.column.at_rest() } }
    }

    fn report(&self, buffer: &mut Buffer, area: Rect, theme: &Theme) {
        let text = text(&self.judged);
        let lines: Vec<&str> = text.lines().collect();
        // As far as the cursor asks, but never past the end: the report scrolls only where it is longer than its place.
        let asked = self.spots[0].row.row().unwrap_or(0);
        let first = asked.min(lines.len().saturating_sub(usize::from(area.height)));
        for (at, text) in lines[first..].iter().take(usize::from(area.height)).enumerate() {
            put(buffer, line(area, at as u16), text, theme.text());
        }
    }

    fn matrix(&self, (spot, normalised): (Spot, bool)) -> Matrix<'_> {
        let Spot { row, column } = spot;
        let (classes, counts) = (self.judged.run.classes(), self.judged.summary.confusion.rows());
        Matrix { classes, counts, normalised, truth: row, pred: column, marked: row.row().is_some() }
    }

    /// What a view shows side by side, if it does.
    fn bars(&self, view: View, chosen: bool) -> Option<Bars<'_>> {
        let (corner, heads, rows): (_, &[&str], _) = match view {
            View::Report | View::Matrix => return None,
            View::Classes => ("class", &figures::CLASS, &self.figures.classes),
            View::Speakers => ("speaker", &figures::SPEAKER, &self.figures.speakers),
            View::Reliability => ("probability", &figures::BIN, &self.figures.bins),
        };
        let Spot { row, column } = self.spot(view, chosen);
        Some(Bars { corner, heads, rows, row, column })
    }

    fn hit(&self, view: View, area: Rect, at: Position) -> Option<Hit> {
        let cell = match view {
            View::Report => return Some(Hit::Nothing).filter(|_| area.contains(at)),
            View::Matrix => matrix::cell(area, &self.matrix((self.spot(view, true), false)), at),
            View::Classes | View::Speakers | View::Reliability => bars::cell(area, &self.bars(view, true)?, at),
        };
        cell.map(|(row, column)| Hit::Cell(row, Some(column)))
    }
}

/// The view, and a line on what of it is selected.
fn view_and_foot(area: Rect) -> [Rect; 2] {
    widgets::rows(area, [Constraint::Min(0), Constraint::Length(1)])
}

/// Lines above the views.
const AROUND: u16 = 6;

/// Heading, protocol, names of the views, view.
fn parts(area: Rect) -> [Rect; 4] {
    let fixed = Constraint::Length;
    widgets::rows(area, [fixed(1), fixed(AROUND - 3), fixed(2), Constraint::Min(0)])
}

/// The report, and below it what else a reader must know.
pub fn text(judged: &Judged) -> String {
    let protocol = &judged.run.protocol;
    let mut text = report(&judged.summary.confusion, judged.run.classes());
    text += &format!("\nweights kept: {}\n", protocol.training.checkpoint);
    text += &format!("clips prepared: {}\n", protocol.training.preparation);
    protocol.plan.notes.iter().for_each(|note| text += &format!("{note}\n"));
    if let Some(cost) = &judged.run.cost {
        told(cost).iter().for_each(|line| text += &format!("{line}\n"));
    }
    text
}

/// In words, what was counted and measured of it; a line each.
fn told(cost: &Cost) -> Vec<String> {
    let mut size = format!("size: {} parameters, {:.2} MB", cost.parameters, cost.megabytes());
    if let Some(macs) = cost.macs_3s {
        size += &format!(", {:.1} million multiply-adds for 3 s", macs as f64 / 1e6);
    }
    let alone = cost.clip_ms.map(|ms| format!("{ms:.2} ms for one clip without its features"));
    let heard = cost.real_time.map(|share| format!("{share:.4} x real time with them"));
    let time: Vec<String> = alone.into_iter().chain(heard).collect();
    let time = (!time.is_empty()).then(|| format!("time: {}", time.join(", ")));
    std::iter::once(size).chain(time).collect()
}

fn heading(buffer: &mut Buffer, area: Rect, judged: &Judged, theme: &Theme) {
    let summary = &judged.summary;
    let rest = put(buffer, area, &behind::name(judged), theme.accent());
    let ci = summary.uar_ci.map_or_else(String::new, |ci| {
        let few = if ci.few_groups { " (few speakers)" } else { "" };
        format!(" [{}, {}]{few}", percent(Some(ci.low)), percent(Some(ci.high)))
    });
    let scores = [summary.uar, summary.wa, summary.macro_f1].map(percent);
    let text = format!("  UAR {}{ci}  WA {}  macro-F1 {}", scores[0], scores[1], scores[2]);
    let rest = put(buffer, rest, &text, theme.strong());
    if leaks(judged) {
        put(buffer, rest, "  SPEAKERS LEAK", theme.warn());
    }
}
