//! Agree: how far the people who labelled the corpus agree, and from every figure to the clips behind it.
//!
//! For a lead: whoever labels sees nothing of it in Label. The figures are worked out in the background, anew whenever the screen is
//! opened. Deliberately absent: deciding disputes (see `adjudicate.rs`), and words for how good a figure is.

mod views;

use std::sync::Arc;

use ratatui::buffer::Buffer;
use ratatui::layout::{Constraint, Position, Rect};

use crate::tui::command::{Command, Row, named, row, rows};
use crate::tui::cursor::Cursor;
use crate::tui::screen::{Hit, Outcome, Said, Screen, Then, Topic};
use crate::tui::theme::Theme;
use crate::tui::widgets::{self, line, put, put_center, put_right, table, tabs};
use crate::workbench::agree::Study;
use crate::workbench::{Opening, Workbench};
use views::View;

/// The screen's state: which question, which figures, which cell.
#[derive(Default)]
pub struct Agree {
    /// The studies shown, one per question.
    shown: Option<Arc<Vec<Study>>>,
    question: Cursor,
    view: Cursor,
    row: Cursor,
    column: Cursor,
    /// Opened before the corpus was: study as soon as it is.
    waits: bool,
}

/// Whose words stand beside clips.
const RATERS: &str = "the raters";

static COMMANDS: &[Command<Agree>] = &[
    Command { row: row("open", &["Enter"], "the clips behind this figure"), run: Agree::enter },
    Command {
        row: row("next view", &["Tab"], "coefficients, pairs, raters, classes, clips"),
        run: |agree, bench| agree.turn(1, bench),
    },
    Command { row: row("question", &["o"], "the next question of the scheme"), run: |agree, _| agree.next_question() },
    Command {
        row: row("adjudicate", &["a"], "decide disputed clips, raters unnamed"),
        run: |_, _| Ok(Then::Open("adjudicate", Topic::Itself)),
    },
    Command {
        row: row("raters", &["w"], "watch how everybody is doing"),
        run: |_, _| Ok(Then::Open("raters", Topic::Itself)),
    },
    Command { row: row("anew", &["R"], "work the figures out anew"), run: Agree::anew },
    Command { row: row("left", &["h", "Left"], "to the cell at the left"), run: |agree, _| agree.aside(-1) },
    Command { row: row("right", &["l", "Right"], "to the cell at the right"), run: |agree, _| agree.aside(1) },
    Command {
        row: row("previous view", &["Shift-Tab"], "the views the other way round"),
        run: |agree, bench| agree.turn(-1, bench),
    },
];

impl Screen for Agree {
    fn name(&self) -> &'static str {
        "agree"
    }

    fn rows(&self) -> Vec<&'static Row> {
        rows(COMMANDS)
    }

    fn run(&mut self, command: &str, bench: &mut Workbench) -> Outcome {
        let outcome = named(COMMANDS, command).map_or(Ok(Then::Stay), |command| (command.run)(self, bench));
        self.fit();
        outcome
    }

    fn refusal(&self, command: &str, _bench: &Workbench) -> Option<&'static str> {
        (command == "open" && self.study().is_none()).then_some("there is nothing to open yet")
    }

    fn arrive(&mut self, _topic: Topic, bench: &mut Workbench) -> Outcome {
        self.waits = true;
        Ok(self.sync(bench))
    }

    fn sync(&mut self, bench: &mut Workbench) -> Then {
        let mut then = Then::Stay;
        if self.waits && *bench.opening() == Opening::Open {
            self.waits = false;
            if let Err(error) = bench.study() {
                then = Then::Say(format!("{error:#}"));
            }
        }
        if let Some(Ok(found)) = bench.studies()
            && !self.shown.as_ref().is_some_and(|shown| Arc::ptr_eq(shown, found))
        {
            self.shown = Some(Arc::clone(found));
        }
        self.fit();
        then
    }

    fn list(&mut self) -> Option<&mut Cursor> {
        Some(&mut self.row)
    }

    fn has_list(&self) -> bool {
        true
    }

    fn list_area(&self, body: Rect, _bench: &Workbench) -> Rect {
        let body = parts(body)[2];
        let panes = self.study().map(|study| self.panes(body, study)).unwrap_or_default();
        table::body(panes.iter().find(|(view, _)| *view == self.view()).map_or(body, |(_, place)| *place))
    }

    fn column(&mut self) -> Option<&mut Cursor> {
        Some(&mut self.column)
    }

    fn hit(&self, at: Position, body: Rect, _bench: &Workbench) -> Option<Hit> {
        let [_, names, body, _] = parts(body);
        let study = self.study()?;
        if let Some(view) = tabs::hit(names, View::ALL.map(View::name), at) {
            return Some(Hit::view(self.view.row()?, view));
        }
        let (view, place) = self.panes(body, study).into_iter().find(|(_, place)| place.contains(at))?;
        if view != self.view() {
            return Some(Hit::view(self.view.row()?, View::ALL.iter().position(|other| *other == view)?));
        }
        let (row, column) = view.cell(place, (study, self.row, self.column), at)?;
        Some(Hit::Cell(row, Some(column)))
    }

    fn draw(&self, buffer: &mut Buffer, area: Rect, bench: &Workbench, theme: &Theme) {
        let [head, names, body, foot] = parts(area);
        let Some(study) = self.study() else {
            let reason = bench.studies().and_then(Result::err);
            let text = match (bench.opening(), reason) {
                (Opening::Scanning(_), _) => "reading the corpus …",
                (Opening::Failed(_), _) => "the corpus could not be opened; 1 tells why",
                (_, Some(reason)) if !bench.is_studying() => reason,
                _ => "working it out …",
            };
            return put_center(buffer, line(area, area.height / 2), text, theme.text());
        };
        for (at, text) in views::about(study, self.shown.as_ref().map_or(1, |all| all.len())).iter().enumerate() {
            put(buffer, line(head, at as u16), text, if at == 0 { theme.strong() } else { theme.dim() });
        }
        match bench.studies() {
            _ if bench.is_studying() => put_right(buffer, line(head, 0), " working it out …", theme.accent()),
            Some(Err(reason)) => put_right(buffer, line(head, 0), &format!(" {reason}"), theme.bad()),
            _ => {}
        }
        tabs::draw(buffer, names, View::ALL.map(View::name), self.view.row().unwrap_or(0), theme);
        let view = self.view();
        for (shown, place) in self.panes(body, study) {
            let is_chosen = shown == view;
            if place.y > body.y {
                let head = if is_chosen { theme.accent() } else { theme.strong() };
                put(buffer, Rect { y: place.y - 1, height: 1, ..place }, shown.name(), head);
            }
            let (rows, columns) = shown.size(study);
            let (row, column) = match is_chosen {
                true => (self.row, self.column),
                false => (Cursor::new(rows).at_rest(), Cursor::new(columns).at_rest()),
            };
            shown.draw(buffer, place, (study, row, column), theme);
        }
        put(buffer, foot, &view.chosen(study, self.row.row(), self.column.row()), theme.strong());
    }
}

impl Agree {
    fn study(&self) -> Option<&Study> {
        self.shown.as_ref()?.get(self.question.row()?)
    }

    /// The views that are seen and where, a heading of a line above each where there are several: all of them where there is
    /// room, but the clips, whose answers are seen only by who asks for them, instead of what is at the right.
    fn panes(&self, body: Rect, study: &Study) -> Vec<(View, Rect)> {
        if !widgets::is_wide(Rect { height: body.height + AROUND, ..body }) {
            return vec![(self.view(), body)];
        }
        let [left, _, right] =
            widgets::columns(body, [Constraint::Fill(5), Constraint::Length(3), Constraint::Fill(4)]);
        let lines = |view: View| Constraint::Length(view.size(study).0 as u16 + 3);
        let [coefficients, raters] = widgets::rows(left, [lines(View::Coefficients), Constraint::Min(0)]);
        let [pairs, classes] = widgets::rows(right, [lines(View::Pairs), Constraint::Min(0)]);
        let mut panes = vec![(View::Coefficients, coefficients), (View::Raters, raters)];
        match self.view() {
            View::Clips => panes.push((View::Clips, right)),
            _ => panes.extend([(View::Pairs, pairs), (View::Classes, classes)]),
        }
        let below = |place: Rect| Rect { y: place.y + 1, height: place.height.saturating_sub(2), ..place };
        panes.into_iter().map(|(view, place)| (view, below(place))).collect()
    }

    fn view(&self) -> View {
        View::ALL[self.view.row().unwrap_or(0)]
    }

    fn turn(&mut self, by: isize, bench: &mut Workbench) -> Outcome {
        self.view.step_around(by);
        (self.row, self.column) = (Cursor::default(), Cursor::default());
        if let Some(study) = self.study().filter(|_| self.view() == View::Clips) {
            // What people said of each clip comes on the screen: who labels it from now on is not blind to it.
            let worst = study.worst.iter().filter_map(|(clip, _)| bench.corpus().index_of(study.clip(*clip)));
            let seen: Vec<usize> = worst.collect();
            bench.see_run(&seen, RATERS);
        }
        Ok(Then::Stay)
    }

    fn aside(&mut self, by: isize) -> Outcome {
        self.column.step(by);
        Ok(Then::Stay)
    }

    fn next_question(&mut self) -> Outcome {
        if self.question.len() < 2 {
            return Ok(Then::Say("the scheme has no other question with answers".to_owned()));
        }
        self.question.step_around(1);
        (self.row, self.column) = (Cursor::default(), Cursor::default());
        Ok(Then::Stay)
    }

    fn anew(&mut self, bench: &mut Workbench) -> Outcome {
        bench.study()?;
        Ok(Then::Stay)
    }

    /// Opens the clips behind the selected figure, with what people said of them: who saw that is no longer blind.
    fn enter(&mut self, bench: &mut Workbench) -> Outcome {
        let Some(study) = self.study() else { return Ok(Then::Say("there is nothing to open yet".to_owned())) };
        let Some((title, clips)) = self.view().clips(study, self.row.row(), self.column.row()) else {
            return Ok(Then::Say("no clips stand behind this figure alone".to_owned()));
        };
        let known = |&clip: &usize| Some((bench.corpus().index_of(study.clip(clip))?, study.said(clip)));
        let (clips, words): (Vec<usize>, Vec<String>) = clips.iter().filter_map(known).unzip();
        if clips.is_empty() {
            return Ok(Then::Say(format!("no clip: {title}")));
        }
        let said = Some(Said { by: RATERS.to_owned(), words });
        Ok(Then::Open("browse", Topic::Clips { title, order: "worst first", clips, said }))
    }

    fn fit(&mut self) {
        self.question.resize(self.shown.as_ref().map_or(0, |all| all.len()));
        self.view.resize(View::ALL.len());
        let (rows, columns) = self.study().map_or((0, 0), |study| self.view().size(study));
        self.row.resize(rows);
        self.column.resize(columns);
    }
}

/// Lines around the views.
const AROUND: u16 = 5;

/// What is seen in three lines, names of the views, the view, the selected figure.
fn parts(area: Rect) -> [Rect; 4] {
    let fixed = Constraint::Length;
    widgets::rows(area, [fixed(AROUND - 2), fixed(1), Constraint::Min(0), fixed(1)])
}
