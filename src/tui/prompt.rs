//! A line to fill in, at the bottom of the screen so that the list above stays visible: with what may come next over it (Tab), and
//! what was typed before (Up).
//!
//! Deliberately absent: what the line means; the screen that asked says what may come next.

use crossterm::event::KeyEvent;
use ratatui::buffer::Buffer;
use ratatui::layout::{Position, Rect};
use ratatui::widgets::{Clear, Widget};

use unicode_width::UnicodeWidthStr;

use super::command::key_name;
use super::cursor::Cursor;
use super::layer::{Layer, Reply};
use super::screen::{Answer, Question};
use super::theme::Theme;
use super::widgets::input::Input;
use super::widgets::{line, put};
use crate::workbench::filter::Completion;

/// Before the words that may come next.
const TAB: &str = " Tab ";

/// The line, and what helps to fill it in.
pub struct Prompt {
    question: Question,
    input: Input,
    offered: Completion,
    /// The offered word that stands in the line, while Tab goes through them; with the line before that.
    chosen: Option<(Cursor, Input)>,
    /// What was answered before, and where the user is in it; behind the last one the line itself.
    past: Vec<String>,
    at: Cursor,
}

impl Prompt {
    /// With the caret behind the given text; `past` holds earlier answers to the same question, the last one last.
    pub fn new(question: Question, mut past: Vec<String>) -> Prompt {
        past.push(question.text.clone());
        let mut at = Cursor::new(past.len());
        at.last();
        Prompt {
            input: Input::new(question.text.clone()),
            question,
            offered: Completion::default(),
            chosen: None,
            past,
            at,
        }
    }

    fn typing(&mut self) -> Reply {
        self.chosen = None;
        Reply::Answer(self.question.purpose, Answer::Typing(self.input.text()))
    }

    /// Puts the next of the offered words into the line.
    fn complete(&mut self, step: isize) -> Reply {
        let begins = self.chosen.is_none() && step > 0;
        self.choose(|cursor| if begins { cursor.first() } else { cursor.step_around(step) })
    }

    /// Puts that of the offered words into the line which a cursor is moved to.
    fn choose(&mut self, go: impl FnOnce(&mut Cursor)) -> Reply {
        let (mut cursor, bare) = match self.chosen.take() {
            Some(chosen) => chosen,
            None => (Cursor::new(self.offered.words.len()), self.input.clone()),
        };
        go(&mut cursor);
        let Some(word) = cursor.row().and_then(|row| self.offered.words.get(row)) else { return Reply::Stay };
        self.input = bare.replacing(self.offered.from, word);
        let reply = self.typing();
        // A single word is what was meant: the next Tab goes on behind it.
        self.chosen = (self.offered.words.len() > 1).then_some((cursor, bare));
        reply
    }

    /// The offered word that stands in the line.
    fn at_word(&self) -> Option<usize> {
        self.chosen.as_ref().and_then(|(cursor, _)| cursor.row())
    }

    /// Where the offered words stand, as many as have room.
    fn places(&self, area: Rect) -> Vec<(usize, Rect)> {
        let place = over(area);
        let mut x = place.x + TAB.len() as u16;
        let words = self.offered.words.iter().enumerate().skip(self.at_word().unwrap_or(0).saturating_sub(2));
        let placed = words.map(|(number, word)| {
            let at = x.min(place.right());
            let width = (word.width() as u16).min(place.right() - at);
            x = at + width + 2;
            (number, Rect { x: at, width, ..place })
        });
        placed.take_while(|(_, place)| !place.is_empty()).collect()
    }

    /// What the footer offers while a line is filled in, in the footer's place.
    fn keys(&self, buffer: &mut Buffer, place: Rect, theme: &Theme) {
        Clear.render(place, buffer);
        let offers = [
            ("Enter", "take", true),
            ("Esc", "leave", true),
            ("Tab", "complete", !self.offered.words.is_empty()),
            ("Up", "earlier", self.past.len() > 1),
        ];
        let mut rest = put(buffer, place, " ", theme.text());
        for (key, name, _) in offers.into_iter().filter(|(.., possible)| *possible) {
            rest = put(buffer, rest, key, theme.accent());
            rest = put(buffer, rest, &format!(" {name}  "), theme.dim());
        }
    }

    fn recall(&mut self, step: isize) -> Reply {
        if self.at.row() == self.past.len().checked_sub(1) {
            self.past.pop();
            self.past.push(self.input.text());
        }
        self.at.step(step);
        self.input = Input::new(self.at.row().map_or("", |row| self.past[row].as_str()));
        self.typing()
    }
}

/// Where what may come next stands.
fn over(area: Rect) -> Rect {
    line(area, area.height.saturating_sub(3))
}

impl Layer for Prompt {
    fn draw(&self, buffer: &mut Buffer, area: Rect, theme: &Theme) {
        let place = line(area, area.height.saturating_sub(2)).intersection(buffer.area);
        Clear.render(place, buffer);
        self.input.draw(buffer, place, &format!(" {} ", self.question.prompt), theme);
        self.keys(buffer, line(area, area.height.saturating_sub(1)).intersection(buffer.area), theme);
        if self.offered.words.is_empty() {
            return;
        }
        let place = over(area).intersection(buffer.area);
        Clear.render(place, buffer);
        put(buffer, place, TAB, theme.accent());
        for (number, place) in self.places(area) {
            let style = if self.at_word() == Some(number) { theme.selected() } else { theme.dim() };
            put(buffer, place, &self.offered.words[number], style);
        }
    }

    fn click(&mut self, at: Position, area: Rect) -> Reply {
        let word = self.places(area).into_iter().find(|(_, place)| place.contains(at));
        word.map_or(Reply::Stay, |(number, _)| self.choose(|cursor| cursor.select(number)))
    }

    fn key(&mut self, key: &KeyEvent) -> Reply {
        match key_name(key).as_deref() {
            Some("Esc" | "Ctrl-c") => Reply::Answer(self.question.purpose, Answer::Dropped),
            Some("Enter") => Reply::Answer(self.question.purpose, Answer::Done(self.input.text())),
            Some("Tab") => self.complete(1),
            Some("Shift-Tab") => self.complete(-1),
            Some("Up" | "Ctrl-p") => self.recall(-1),
            Some("Down" | "Ctrl-n") => self.recall(1),
            _ if self.input.key(key) => self.typing(),
            _ => Reply::Stay,
        }
    }

    fn paste(&mut self, text: &str) -> Reply {
        self.input.paste(text);
        self.typing()
    }

    fn typed(&self) -> Option<(&'static str, &str)> {
        self.chosen.is_none().then(|| (self.question.purpose, self.input.before()))
    }

    fn offer(&mut self, completion: Completion) {
        self.offered = completion;
    }
}

#[cfg(test)]
mod tests {
    use crossterm::event::KeyCode;

    use super::*;

    fn prompt(past: &[&str]) -> Prompt {
        let question = Question { purpose: "filter", prompt: "filter:".into(), text: "a".into() };
        Prompt::new(question, past.iter().map(ToString::to_string).collect())
    }

    fn press(prompt: &mut Prompt, code: KeyCode) -> String {
        match prompt.key(&KeyEvent::from(code)) {
            Reply::Answer(_, Answer::Typing(text) | Answer::Done(text)) => text,
            other => format!("{other:?}"),
        }
    }

    #[test]
    fn a_prompt_tells_what_is_typed_and_what_was_meant() {
        let mut prompt = prompt(&[]);
        assert_eq!(press(&mut prompt, KeyCode::Char('b')), "ab");
        assert_eq!(prompt.paste("c\nd"), Reply::Answer("filter", Answer::Typing("abc d".into())));
        assert_eq!(prompt.key(&KeyEvent::from(KeyCode::Enter)), Reply::Answer("filter", Answer::Done("abc d".into())));
        assert_eq!(prompt.key(&KeyEvent::from(KeyCode::Esc)), Reply::Answer("filter", Answer::Dropped));
    }

    #[test]
    fn tab_goes_through_what_is_offered_and_round_again() {
        let mut prompt = prompt(&[]);
        press(&mut prompt, KeyCode::Char(' '));
        prompt.offer(Completion { from: 2, words: vec!["sex:".into(), "session:".into()] });
        assert_eq!(prompt.typed(), Some(("filter", "a ")));
        assert_eq!(press(&mut prompt, KeyCode::Tab), "a sex:");
        assert_eq!(prompt.typed(), None, "while choosing, what is offered stays");
        assert_eq!(press(&mut prompt, KeyCode::Tab), "a session:");
        assert_eq!(press(&mut prompt, KeyCode::Tab), "a sex:");
        assert_eq!(press(&mut prompt, KeyCode::BackTab), "a session:");
        assert_eq!(press(&mut prompt, KeyCode::Char('S')), "a session:S");
        prompt.offer(Completion { from: 10, words: vec!["S1".into()] });
        assert_eq!(press(&mut prompt, KeyCode::Tab), "a session:S1");
        assert_eq!(prompt.typed(), Some(("filter", "a session:S1")), "the only one ends the choosing");
        prompt.offer(Completion::default());
        assert_eq!(press(&mut prompt, KeyCode::Tab), "Stay");
    }

    #[test]
    fn up_brings_back_what_was_asked_before_and_down_what_was_being_typed() {
        let mut prompt = prompt(&["old", "new"]);
        press(&mut prompt, KeyCode::Char('b'));
        assert_eq!([press(&mut prompt, KeyCode::Up), press(&mut prompt, KeyCode::Up)], ["new", "old"]);
        assert_eq!(press(&mut prompt, KeyCode::Up), "old");
        assert_eq!([press(&mut prompt, KeyCode::Down), press(&mut prompt, KeyCode::Down)], ["new", "ab"]);
    }
}
