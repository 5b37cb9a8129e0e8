//! The mouse: what is pressed where it is drawn does what its key does; the wheel moves in lists and texts.
//!
//! Deliberately absent: moves of the mouse, which would wake the program for nothing and fill the line of a remote one; and where
//! things stand (see `frame.rs` and each screen).

use crossterm::event::{MouseButton, MouseEvent, MouseEventKind};
use ratatui::layout::Position;

use super::{App, body, too_small};
use crate::tui::screen::{Hit, Outcome, Then};

/// Rows that a notch of the wheel moves by, where not all of them are seen.
const NOTCH: isize = 3;

impl App {
    /// Takes a press of a button or a turn of the wheel; false when nothing may look different now.
    pub fn mouse(&mut self, event: &MouseEvent) -> bool {
        let at = Position::new(event.column, event.row);
        match event.kind {
            _ if too_small(self.size) => return false,
            MouseEventKind::Down(MouseButton::Left) => self.click(at),
            MouseEventKind::ScrollDown => self.wheel(1),
            MouseEventKind::ScrollUp => self.wheel(-1),
            _ => return false,
        }
        self.sync();
        true
    }

    fn click(&mut self, at: Position) {
        if let Some(layer) = self.layers.last_mut() {
            let reply = layer.click(at, self.size);
            return self.reply(reply);
        }
        self.status = None;
        let outcome = match self.command_at(at) {
            Some((group, name)) => self.command(group, name),
            None => self.hit(at),
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

    /// A press inside the screen.
    fn hit(&mut self, at: Position) -> Outcome {
        let (index, body) = (self.front(), body(self.size));
        let (screen, bench) = (&mut self.screens[index], &mut self.bench);
        let hit = screen.hit(at, body, bench);
        let rows = screen.list_area(body, bench);
        let row = screen.list().and_then(|list| list.row_at(rows, at));
        match hit.or(row.map(|row| Hit::Cell(row, None))) {
            None | Some(Hit::Nothing) => Ok(Then::Stay),
            Some(Hit::Key(name)) => self.press(&name),
            Some(Hit::Command(name, times)) => {
                (0..times).try_fold(Then::Stay, |_, _| self.screens[index].run(name, &mut self.bench))
            }
            Some(Hit::Head(column)) => screen.sort_by(column, bench),
            Some(Hit::Moment(seconds)) => {
                if let Some(clip) = screen.clip(bench) {
                    bench.play_at(clip, seconds);
                }
                Ok(Then::Stay)
            }
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
