//! One editable line of text.
//!
//! Deliberately absent: several lines, selection, history.

use crossterm::event::{KeyCode, KeyEvent, KeyModifiers};
use ratatui::buffer::Buffer;
use ratatui::layout::Rect;
use unicode_width::UnicodeWidthStr;

use super::put;
use crate::tui::theme::Theme;

/// What is typed and where the caret stands.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Input {
    before: String,
    after: String,
}

impl Input {
    /// Holds `text` with the caret at its end.
    pub fn new(text: impl Into<String>) -> Input {
        Input { before: text.into(), after: String::new() }
    }

    /// The whole line.
    pub fn text(&self) -> String {
        format!("{}{}", self.before, self.after)
    }

    /// What stands before the caret.
    pub fn before(&self) -> &str {
        &self.before
    }

    /// The same with `word` in the place of what stands between byte `from` and the caret.
    #[must_use]
    pub fn replacing(&self, from: usize, word: &str) -> Input {
        let kept = self.before.get(..from).unwrap_or(&self.before);
        Input { before: format!("{kept}{word}"), after: self.after.clone() }
    }

    /// Takes an editing key; false when it is none.
    pub fn key(&mut self, key: &KeyEvent) -> bool {
        match (key.modifiers.contains(KeyModifiers::CONTROL), key.code) {
            (true, KeyCode::Char('a')) | (false, KeyCode::Home) => {
                self.after = self.text();
                self.before.clear();
            }
            (true, KeyCode::Char('e')) | (false, KeyCode::End) => *self = Input::new(self.text()),
            (true, KeyCode::Char('u')) => self.before.clear(),
            (true, KeyCode::Char('w')) => self.drop_word(),
            (false, KeyCode::Backspace) | (true, KeyCode::Char('h')) => drop(self.before.pop()),
            (false, KeyCode::Delete) => drop(self.pop_after()),
            (false, KeyCode::Left) => {
                if let Some(letter) = self.before.pop() {
                    self.after.insert(0, letter);
                }
            }
            (false, KeyCode::Right) => {
                if let Some(letter) = self.pop_after() {
                    self.before.push(letter);
                }
            }
            (false, KeyCode::Char(letter)) => self.before.push(letter),
            _ => return false,
        }
        true
    }

    /// Takes pasted text; line breaks become spaces.
    pub fn paste(&mut self, text: &str) {
        self.before.extend(text.chars().map(|letter| if letter.is_control() { ' ' } else { letter }));
    }

    /// Draws the line after `prompt`, scrolled so that the caret (a reversed cell) is seen.
    pub fn draw(&self, buffer: &mut Buffer, area: Rect, prompt: &str, theme: &Theme) {
        let area = put(buffer, area, prompt, theme.accent());
        if area.width == 0 {
            return;
        }
        let mut shown = self.before.as_str();
        while shown.width() >= usize::from(area.width) {
            shown = shown.char_indices().nth(1).map_or("", |(at, _)| &shown[at..]);
        }
        let rest = put(buffer, area, shown, theme.text());
        put(buffer, rest, &self.after, theme.text());
        buffer.set_style(Rect { width: rest.width.min(1), ..rest }, theme.selected());
    }

    fn pop_after(&mut self) -> Option<char> {
        (!self.after.is_empty()).then(|| self.after.remove(0))
    }

    fn drop_word(&mut self) {
        let kept = self.before.trim_end().rfind(char::is_whitespace).map_or(0, |at| at + 1);
        self.before.truncate(kept);
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::tui::theme::Depth;

    fn press(input: &mut Input, keys: &[KeyCode]) {
        for code in keys {
            input.key(&KeyEvent::from(*code));
        }
    }

    #[test]
    fn typing_moving_and_deleting() {
        let mut input = Input::new("faer");
        press(&mut input, &[KeyCode::Left, KeyCode::Backspace, KeyCode::Left, KeyCode::Char('e')]);
        assert_eq!(input.text(), "fear");
        press(&mut input, &[KeyCode::Home, KeyCode::Delete, KeyCode::End, KeyCode::Char('s')]);
        assert_eq!(input.text(), "ears");
        input.key(&KeyEvent::new(KeyCode::Char('w'), KeyModifiers::CONTROL));
        assert_eq!(input.text(), "");
        assert!(!input.key(&KeyEvent::from(KeyCode::F(5))));
    }

    #[test]
    fn ctrl_w_takes_one_word_and_paste_holds_no_line_breaks() {
        let mut input = Input::new("überaus müde ");
        input.key(&KeyEvent::new(KeyCode::Char('w'), KeyModifiers::CONTROL));
        input.paste("a\nb");
        assert_eq!(input.text(), "überaus a b");
    }

    #[test]
    fn the_caret_is_seen_however_long_the_line() {
        let theme = Theme::plain(Depth::Mono);
        for width in 1..12 {
            let mut buffer = Buffer::empty(Rect::new(0, 0, width, 1));
            let area = buffer.area;
            Input::new("悲しみ and more").draw(&mut buffer, area, "", &theme);
            let carets =
                buffer.content().iter().filter(|cell| cell.style().add_modifier == theme.selected().add_modifier);
            assert_eq!(carets.count(), 1, "{width}");
        }
    }
}
