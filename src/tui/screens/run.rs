//! One run: classification report, confusion matrix, bars per class; a cell leads to the clips behind it.
//!
//! Deliberately absent: the table of runs (see `results.rs`).

use std::sync::Arc;

use anyhow::Context;
use ratatui::buffer::Buffer;
use ratatui::layout::{Constraint, Rect};

use super::results::{leaks, protocol};
use crate::learn::Cost;
use crate::score::{PerClass, report};
use crate::tui::command::{Command, Row, named, rows};
use crate::tui::cursor::Cursor;
use crate::tui::screen::{Outcome, Screen, Then, Topic};
use crate::tui::theme::Theme;
use crate::tui::widgets::matrix::{self, Matrix};
use crate::tui::widgets::{self, bars, line, percent, put};
use crate::workbench::Workbench;
use crate::workbench::experiment::Judged;

/// The screen's state: which run, which view of it, which cell.
#[derive(Default)]
pub struct RunDetail {
    judged: Option<Arc<Judged>>,
    view: View,
    lines: Cursor,
    truth: Cursor,
    pred: Cursor,
    normalised: bool,
    bar: usize,
}

#[derive(Default, Clone, Copy, PartialEq, Eq)]
enum View {
    #[default]
    Report,
    Matrix,
    Bars,
}

/// Name and figure of each kind of bars.
type Bars = (&'static str, fn(&PerClass) -> Option<f64>);

const VIEWS: [(View, &str); 3] = [(View::Report, "report"), (View::Matrix, "confusion"), (View::Bars, "bars")];
const BARS: [Bars; 3] = [("recall", |c| c.recall), ("precision", |c| c.precision), ("F1", |c| c.f1)];

static COMMANDS: &[Command<RunDetail>] = &[
    Command { row: row("next view", &["Tab"], "report, confusion matrix, bars"), run: |run, _| run.turn(1) },
    Command { row: row("clips", &["Enter"], "the clips behind this cell, worst first"), run: RunDetail::clips },
    Command {
        row: row("other figures", &["m"], "counts or shares; recall, precision or F1"),
        run: |run, _| run.change(),
    },
    Command { row: row("previous view", &["Shift-Tab"], "the views the other way round"), run: |run, _| run.turn(-1) },
    Command { row: row("left", &["h", "Left"], "to the class predicted at the left"), run: |run, _| run.aside(-1) },
    Command { row: row("right", &["l", "Right"], "to the class predicted at the right"), run: |run, _| run.aside(1) },
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
            let judged = Arc::clone(bench.runs().get(place).context("this run is gone")?);
            let classes = judged.run.classes().len();
            (self.truth, self.pred) = (Cursor::new(classes), Cursor::new(classes));
            self.lines = Cursor::new(text(&judged).lines().count());
            self.judged = Some(judged);
        }
        Ok(Then::Stay)
    }

    fn sync(&mut self, _bench: &mut Workbench) -> Then {
        Then::Stay
    }

    fn list(&mut self) -> Option<&mut Cursor> {
        match self.view {
            View::Report => Some(&mut self.lines),
            View::Matrix => Some(&mut self.truth),
            View::Bars => None,
        }
    }

    fn has_list(&self) -> bool {
        true
    }

    fn draw(&self, buffer: &mut Buffer, area: Rect, _bench: &Workbench, theme: &Theme) {
        let Some(judged) = &self.judged else { return };
        let [head, about, tabs, body] = widgets::rows(
            area,
            [Constraint::Length(1), Constraint::Length(3), Constraint::Length(2), Constraint::Min(0)],
        );
        heading(buffer, head, judged, theme);
        for (at, text) in protocol(judged).iter().enumerate() {
            put(buffer, line(about, at as u16), text, theme.dim());
        }
        self.tabs(buffer, line(tabs, 0), theme);
        match self.view {
            View::Report => self.report(buffer, body, judged, theme),
            View::Matrix => self.matrix(buffer, body, judged, theme),
            View::Bars => self.bars(buffer, body, judged, theme),
        }
    }
}

impl RunDetail {
    fn turn(&mut self, by: isize) -> Outcome {
        let mut views = Cursor::new(VIEWS.len());
        views.select(VIEWS.iter().position(|(view, _)| *view == self.view).unwrap_or(0));
        views.step_around(by);
        self.view = VIEWS[views.row().unwrap_or(0)].0;
        Ok(Then::Stay)
    }

    fn change(&mut self) -> Outcome {
        match self.view {
            View::Report => return Ok(Then::Say("Tab shows the matrix and the bars".to_owned())),
            View::Matrix => self.normalised = !self.normalised,
            View::Bars => self.bar = (self.bar + 1) % BARS.len(),
        }
        Ok(Then::Stay)
    }

    fn aside(&mut self, by: isize) -> Outcome {
        if self.view == View::Matrix {
            self.pred.step(by);
        }
        Ok(Then::Stay)
    }

    /// The clips behind the selected cell, the one whose true class got the least probability first.
    fn clips(&mut self, bench: &mut Workbench) -> Outcome {
        let judged = self.judged.as_ref().context("no run is open")?;
        if self.view != View::Matrix {
            self.view = View::Matrix;
            return Ok(Then::Say("choose a cell; Enter shows its clips".to_owned()));
        }
        let (Some(truth), Some(pred)) = (self.truth.row(), self.pred.row()) else { return Ok(Then::Stay) };
        let cell = judged.run.predictions.iter().filter(|one| one.truth == truth && one.pred == pred);
        let mut found: Vec<(f32, usize)> = cell
            .filter_map(|one| {
                let sure = one.p.get(truth).copied().unwrap_or(0.0);
                Some((sure, bench.corpus().index_of(&one.clip)?))
            })
            .collect();
        found.sort_by(|a, b| a.0.total_cmp(&b.0).then(a.1.cmp(&b.1)));
        let classes = judged.run.classes();
        let title = format!("{} heard as {} by {}", classes[truth], classes[pred], judged.run.recipe.classifier);
        if found.is_empty() {
            return Ok(Then::Say(format!("no clip: {title}")));
        }
        let clips = found.into_iter().map(|(_, clip)| clip).collect();
        Ok(Then::Open("browse", Topic::Clips { title, order: "worst first", clips }))
    }

    fn tabs(&self, buffer: &mut Buffer, area: Rect, theme: &Theme) {
        let mut rest = area;
        for (view, name) in VIEWS {
            let style = if view == self.view { theme.accent().patch(theme.selected()) } else { theme.text() };
            rest = put(buffer, rest, &format!(" {name} "), style);
            rest = put(buffer, rest, " ", theme.text());
        }
        let shown = match self.view {
            View::Report => "",
            View::Matrix if self.normalised => "percent of the truth",
            View::Matrix => "clips",
            View::Bars => BARS[self.bar].0,
        };
        put(buffer, rest, shown, theme.dim());
    }

    fn report(&self, buffer: &mut Buffer, area: Rect, judged: &Judged, theme: &Theme) {
        let text = text(judged);
        let lines: Vec<&str> = text.lines().collect();
        // As far as the cursor asks, but never past the end: the report scrolls only where it is longer than its place.
        let first = self.lines.row().unwrap_or(0).min(lines.len().saturating_sub(usize::from(area.height)));
        for (at, text) in lines[first..].iter().take(usize::from(area.height)).enumerate() {
            put(buffer, line(area, at as u16), text, theme.text());
        }
    }

    fn matrix(&self, buffer: &mut Buffer, area: Rect, judged: &Judged, theme: &Theme) {
        let [body, foot] = widgets::rows(area, [Constraint::Min(0), Constraint::Length(1)]);
        let shown = Matrix {
            classes: judged.run.classes(),
            counts: judged.summary.confusion.rows(),
            normalised: self.normalised,
            truth: self.truth,
            pred: self.pred,
            marked: true,
        };
        matrix::draw(buffer, body, &shown, theme);
        if let (Some(truth), Some(pred)) = (self.truth.row(), self.pred.row()) {
            let count = judged.summary.confusion.count(truth, pred);
            let classes = judged.run.classes();
            let clips = if count == 1 { "clip" } else { "clips" };
            let text = format!("{} heard as {}: {count} {clips}; Enter shows them", classes[truth], classes[pred]);
            put(buffer, foot, &text, theme.strong());
        }
    }

    fn bars(&self, buffer: &mut Buffer, area: Rect, judged: &Judged, theme: &Theme) {
        let classes = judged.summary.confusion.per_class();
        let shares: Vec<(String, Option<f64>)> =
            judged.run.classes().iter().cloned().zip(classes.iter().map(BARS[self.bar].1)).collect();
        bars::draw(buffer, area, &shares, theme);
    }
}

/// The report, and below it what else a reader must know.
fn text(judged: &Judged) -> String {
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
    let Judged { run, summary } = judged;
    let rest = put(buffer, area, &run.recipe.classifier, theme.accent());
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
