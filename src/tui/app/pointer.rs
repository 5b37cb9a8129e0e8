//! The mouse: what is pressed where it is drawn does what its key does; the wheel moves in lists and texts.
//!
//! Deliberately absent: moves of the mouse, which would wake the program for nothing and fill the line of a remote one; and where
//! things stand (see `frame.rs` and each screen).

use std::time::{Duration, Instant};

use crossterm::event::{MouseButton, MouseEvent, MouseEventKind};
use ratatui::layout::Position;

use super::{App, body, too_small};
use crate::tui::screen::{Hit, Outcome, Then};

/// Rows that a notch of the wheel moves by, where not all of them are seen.
const NOTCH: isize = 3;
/// Within this the second press of a double click follows the first, as desktops have it.
pub const DOUBLE: Duration = Duration::from_millis(500);

impl App {
    /// Takes a press of a button or a turn of the wheel; false when nothing may look different now.
    pub fn mouse(&mut self, event: &MouseEvent) -> bool {
        self.mouse_at(event, Instant::now())
    }

    /// As [`App::mouse`], at a time of the clock: what is pressed twice within [`DOUBLE`] at one place is a double click.
    pub fn mouse_at(&mut self, event: &MouseEvent, now: Instant) -> bool {
        let at = Position::new(event.column, event.row);
        match event.kind {
            _ if too_small(self.size) => return false,
            MouseEventKind::Down(MouseButton::Left) => {
                let before = self.hands.pressed.replace((now, at));
                let is_near = |(then, place): (Instant, Position)| {
                    now.saturating_duration_since(then) < DOUBLE && place.y == at.y && place.x.abs_diff(at.x) <= 1
                };
                self.click(at, before.is_some_and(is_near));
            }
            MouseEventKind::ScrollDown => self.wheel(1),
            MouseEventKind::ScrollUp => self.wheel(-1),
            _ => return false,
        }
        self.sync();
        true
    }

    fn click(&mut self, at: Position, twice: bool) {
        if let Some(layer) = self.layers.last_mut() {
            let reply = layer.click(at, self.size);
            return self.reply(reply);
        }
        if self.tour.as_ref().is_some_and(|tour| tour.takes(at, body(self.size), self.answers_stand_below())) {
            self.tour = None;
            return;
        }
        (self.status, self.lead) = (None, None);
        let outcome = match self.command_at(at) {
            Some((group, name)) => self.command(group, name, None),
            None => self.hit(at, twice),
        };
        self.follow(outcome);
    }

    fn wheel(&mut self, by: isize) {
        if let Some(layer) = self.layers.last_mut() {
            return layer.wheel(by);
        }
        let index = self.front();
        let page = usize::from(self.screen().list_area(body(self.size), &self.bench).height);
        if let Some(list) = self.screens[index].list() {
            list.step(if list.len() > page { by * NOTCH } else { by });
        }
    }

    /// A press inside the screen; `twice`: the second of a double click.
    fn hit(&mut self, at: Position, twice: bool) -> Outcome {
        let (index, body) = (self.front(), body(self.size));
        let (screen, bench) = (&mut self.screens[index], &mut self.bench);
        let hit = screen.hit(at, body, bench);
        let rows = screen.list_area(body, bench);
        let row = screen.list().and_then(|list| list.row_at(rows, at));
        match hit.or(row.map(|row| Hit::Cell(row, None))) {
            None | Some(Hit::Nothing) => Ok(Then::Stay),
            // The next clip has the same answers at the same place.
            Some(Hit::Key(_)) if twice => Ok(Then::Stay),
            Some(Hit::Key(name)) => self.press(&name),
            Some(Hit::Command(name, times)) => {
                (0..times).try_fold(Then::Stay, |_, _| self.screens[index].run(name, &mut self.bench))
            }
            Some(Hit::Head(column)) => screen.sort_by(column, bench),
            Some(Hit::Moment(seconds)) => screen.go_to(seconds, bench),
            Some(Hit::Cell(row, column)) => self.choose(row, column),
        }
    }

    /// Selects a row, and a cell of it; opens what was selected already.
    fn choose(&mut self, row: usize, column: Option<usize>) -> Outcome {
        let (index, body) = (self.front(), body(self.size));
        let screen = &mut self.screens[index];
        let page = usize::from(screen.list_area(body, &self.bench).height);
        let mut same = true;
        if let Some(list) = screen.list() {
            same &= list.row() == Some(row);
            list.point(row, page);
        }
        if let Some((cursor, column)) = screen.column().zip(column) {
            same &= cursor.row() == Some(column);
            cursor.select(column);
        }
        match screen.opens().filter(|_| same) {
            Some(opens) => screen.run(opens, &mut self.bench),
            None => Ok(Then::Stay),
        }
    }
}
