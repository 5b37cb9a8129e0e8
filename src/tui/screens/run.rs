//! One run: report, confusion matrix, classes, speakers, reliability; each figure leads to the clips behind it.
//!
//! Deliberately absent: the table of runs (see `results.rs`), and several runs side by side (see `compare.rs`).

mod figures;

use std::sync::Arc;

use anyhow::Context;
use ratatui::buffer::Buffer;
use ratatui::layout::{Constraint, Rect};

use super::behind;
use super::results::{leaks, protocol};
use crate::learn::Cost;
use crate::score::report;
use crate::tui::command::{Command, Row, named, rows};
use crate::tui::cursor::Cursor;
use crate::tui::screen::{Outcome, Screen, Then, Topic};
use crate::tui::theme::Theme;
use crate::tui::widgets::bars::{self, Bars};
use crate::tui::widgets::matrix::{self, Matrix};
use crate::tui::widgets::{self, line, percent, put};
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

const fn row(name: &'static str, keys: &'static [&'static str], help: &'static str) -> Row {
    Row { name, keys, help }
}

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

    fn page(&self, body: Rect, _bench: &Workbench) -> usize {
        usize::from(parts(body)[3].height.saturating_sub(2))
    }

    fn draw(&self, buffer: &mut Buffer, area: Rect, _bench: &Workbench, theme: &Theme) {
        let Some(open) = &self.open else { return };
        let [head, about, tabs, body] = parts(area);
        heading(buffer, head, &open.judged, theme);
        for (at, text) in protocol(&open.judged).iter().enumerate() {
            put(buffer, line(about, at as u16), text, theme.dim());
        }
        self.tabs(buffer, tabs, theme);
        let [mut body, foot] = widgets::rows(body, [Constraint::Min(0), Constraint::Length(1)]);
        let view = VIEWS[self.view].0;
        if widgets::is_wide(area) {
            let [left, _, right] =
                widgets::columns(body, [Constraint::Length(REPORT), Constraint::Length(3), Constraint::Min(0)]);
            open.report(buffer, left, theme);
            self.beside(buffer, right, open, theme);
        } else {
            // Without a figure to tell of, the report takes the line of the foot.
            body.height += u16::from(view == View::Report);
            open.draw(buffer, body, (view, open.spots[self.view], self.normalised), theme);
        }
        put(buffer, foot, &open.chosen(view), theme.strong());
    }
}

impl RunDetail {
    /// All views but the report as far as they have room under one another, else the chosen one.
    fn beside(&self, buffer: &mut Buffer, area: Rect, open: &Open, theme: &Theme) {
        let all: Vec<usize> = (1..VIEWS.len()).collect();
        let lines = |view: usize| open.spots[view].row.len() as u16 + 3;
        let fits = all.iter().map(|view| lines(*view)).sum::<u16>() <= area.height;
        let views = if fits { all } else { vec![self.view.max(1)] };
        let mut rest = area;
        for view in views {
            let (is_chosen, spot) = (view == self.view, open.spots[view]);
            let style = if is_chosen { theme.accent() } else { theme.strong() };
            put(buffer, line(rest, 0), VIEWS[view].1, style);
            let height = if fits { lines(view) } else { rest.height }.min(rest.height);
            let place = Rect { y: rest.y + 1, height: height.saturating_sub(2), ..rest };
            let spot = if is_chosen { spot } else { Spot { row: spot.row.at_rest(), column: spot.column.at_rest() } };
            open.draw(buffer, place, (VIEWS[view].0, spot, self.normalised), theme);
            rest = Rect { y: rest.y + height, height: rest.height - height, ..rest };
        }
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
        let rest = widgets::tabs(buffer, area, (VIEWS.iter().map(|(_, name)| *name), self.view), theme);
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
                let clips = if count == 1 { "clip" } else { "clips" };
                format!("{} heard as {}: {count} {clips}; Enter shows them", classes[row], classes[column])
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

    /// One view; a spot at rest marks nothing.
    fn draw(&self, buffer: &mut Buffer, area: Rect, (view, spot, normalised): (View, Spot, bool), theme: &Theme) {
        match view {
            View::Report => self.report(buffer, area, theme),
            View::Matrix => self.matrix(buffer, area, (spot, normalised), theme),
            View::Classes => self.bars(buffer, area, ("class", &figures::CLASS, &self.figures.classes), spot, theme),
            View::Speakers => {
                self.bars(buffer, area, ("speaker", &figures::SPEAKER, &self.figures.speakers), spot, theme);
            }
            View::Reliability if self.figures.bins.is_empty() => {
                put(buffer, line(area, 1), "the scores of this run are no probabilities", theme.text());
            }
            View::Reliability => {
                self.bars(buffer, area, ("probability", &figures::BIN, &self.figures.bins), spot, theme);
            }
        }
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

    fn matrix(&self, buffer: &mut Buffer, area: Rect, (spot, normalised): (Spot, bool), theme: &Theme) {
        let Spot { row, column } = spot;
        let (classes, counts) = (self.judged.run.classes(), self.judged.summary.confusion.rows());
        let shown = Matrix { classes, counts, normalised, truth: row, pred: column, marked: row.row().is_some() };
        matrix::draw(buffer, area, &shown, theme);
    }

    fn bars(
        &self,
        buffer: &mut Buffer,
        area: Rect,
        (corner, heads, rows): (&str, &[&str], &[bars::Row]),
        Spot { row, column }: Spot,
        theme: &Theme,
    ) {
        bars::side_by_side(buffer, area, &Bars { corner, heads, rows, row, column }, theme);
    }
}

/// Heading, protocol, names of the views, view.
fn parts(area: Rect) -> [Rect; 4] {
    let fixed = Constraint::Length;
    widgets::rows(area, [fixed(1), fixed(3), fixed(2), Constraint::Min(0)])
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
