//! The frame around a screen: names of the screens above, what may be done now below. Each piece knows its place, so that what
//! is drawn and what answers to the mouse are the same.
//!
//! Deliberately absent: the status line (see `app.rs`), and what is inside the screen.

use ratatui::buffer::Buffer;
use ratatui::layout::{Position, Rect};
use unicode_width::UnicodeWidthStr;

use super::{App, TABS};
use crate::tui::command::{Named, Row, named};
use crate::tui::keys::{BACK, EVERYWHERE, EVERYWHERE_TABLE, PLAY, SOUND};
use crate::tui::widgets::{line, put, put_right};

/// A command with its key and name in the footer.
struct Offer {
    command: Named,
    key: String,
    place: Rect,
}

/// What the footer always ends with.
const ALWAYS: [&str; 2] = ["help", "palette"];

impl App {
    pub(super) fn header(&self, buffer: &mut Buffer, area: Rect) {
        let mut rest = put(buffer, area, PROGRAM, self.theme.strong());
        for (tab, text, place) in self.tabs(area) {
            let open = self.open.iter().any(|index| self.screens[*index].name() == tab);
            let style = if open { self.theme.accent().patch(self.theme.selected()) } else { self.theme.text() };
            put(buffer, place, &text, style);
            rest = Rect { x: place.right(), width: area.right() - place.right(), ..rest };
        }
        if self.bench.corpus().synthetic {
            let texts = [" synthetic: scores mean nothing ", " synthetic speech ", " synthetic "];
            let text = texts.into_iter().find(|text| text.len() <= usize::from(rest.width)).unwrap_or(texts[2]);
            put_right(buffer, rest, text, self.theme.warn());
        }
    }

    pub(super) fn footer(&self, buffer: &mut Buffer, area: Rect) {
        put(buffer, area, " ", self.theme.text());
        for Offer { command: (_, name), key, place } in self.offers(area) {
            let always = ALWAYS.contains(&name);
            // With the gap behind it.
            let place = Rect { width: (place.width + 2).min(area.right() - place.x), ..place };
            let rest = put(buffer, place, &key, if always { self.theme.dim() } else { self.theme.accent() });
            let gap = usize::from(rest.width).saturating_sub(name.width() + 1);
            put(buffer, rest, &format!(" {name}{}", " ".repeat(gap)), self.theme.dim());
        }
    }

    /// The command that a press of the mouse gives at that place of the frame.
    pub fn command_at(&self, at: Position) -> Option<Named> {
        let (above, below) = (line(self.size, 0), line(self.size, self.size.height.saturating_sub(1)));
        let tab =
            self.tabs(above).into_iter().find(|(.., place)| place.contains(at)).map(|(tab, ..)| (EVERYWHERE, tab));
        tab.or_else(|| self.offers(below).into_iter().find(|offer| offer.place.contains(at)).map(|offer| offer.command))
    }

    /// The screens that have a key, each with its text and place.
    fn tabs(&self, area: Rect) -> Vec<(&'static str, String, Rect)> {
        let mut x = (area.x + PROGRAM.len() as u16).min(area.right());
        let tab = |tab: &&'static str| {
            let key = named(EVERYWHERE_TABLE, tab)
                .and_then(|tab| self.hands.keymap.keys(EVERYWHERE, &tab.row).into_iter().next());
            // A digit that labels must not be offered as a way to another screen.
            let is_offered = |key: &String| !self.screen().takes_digits() || key.parse::<u8>().is_err();
            let key = key.filter(is_offered).map_or_else(String::new, |key| format!("{key} "));
            let text = format!(" {key}{} ", capitalised(tab));
            let place = Rect { x, width: (text.width() as u16).min(area.right() - x), ..area };
            x = place.right();
            (*tab, text, place)
        };
        TABS.iter().map(tab).collect()
    }

    /// What the footer offers of what is possible now, as far as it has room: sound, the way out where the header names none,
    /// then what is the screen's own; at the right help and palette.
    fn offers(&self, area: Rect) -> Vec<Offer> {
        let offer = |(group, row): (&'static str, &'static Row), x: u16| {
            let key = self.hands.keymap.keys(group, row).into_iter().next()?;
            let width = (key.width() + 1 + row.name.width()) as u16;
            Some(Offer { command: (group, row.name), key, place: Rect { x, width, ..area } })
        };
        let mut end = area.right();
        let mut offers = Vec::new();
        for name in ALWAYS.iter().rev() {
            let command = named(EVERYWHERE_TABLE, name);
            let Some(mut last) = command.and_then(|one| offer((EVERYWHERE, &one.row), area.x)) else { continue };
            last.place.x = end.saturating_sub(last.place.width).max(area.x);
            end = last.place.x.saturating_sub(2);
            offers.push(last);
        }
        let mut x = area.x + 1;
        for one in self.offered().into_iter().filter_map(|row| offer(row, 0)) {
            if x + one.place.width > end {
                break;
            }
            offers.push(Offer { place: Rect { x, ..one.place }, ..one });
            x += offers.last().map_or(0, |one| one.place.width) + 2;
        }
        offers
    }

    fn offered(&self) -> Vec<(&'static str, &'static Row)> {
        let screen = self.screen();
        let play = screen.has_sound().then_some((SOUND, &PLAY));
        let back = (screen.takes_digits() || self.open.len() > 1).then_some((EVERYWHERE, &BACK));
        let own = screen.rows().into_iter().map(|row| (screen.name(), row));
        let all = play.into_iter().chain(back).chain(own);
        all.filter(|(group, row)| self.refusal(group, row).is_none()).collect()
    }
}

const PROGRAM: &str = " emolab ";

fn capitalised(word: &str) -> String {
    let mut letters = word.chars();
    letters.next().map_or_else(String::new, |first| first.to_uppercase().chain(letters).collect())
}
