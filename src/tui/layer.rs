//! What lies over the screens and takes the keys first: text, a question, the palette (a line to fill in: `prompt.rs`).
//!
//! Deliberately absent: any effect. A layer answers with a [`Reply`]; the app acts on it.

use crossterm::event::{KeyCode, KeyEvent};
use ratatui::buffer::Buffer;
use ratatui::layout::{Position, Rect};
use unicode_width::UnicodeWidthStr;

use super::command::{Bound, Group, Row, fuzzy, key_name};
use super::cursor::Cursor;
use super::screen::{Answer, Page};
use super::theme::Theme;
use super::widgets::input::Input;
use super::widgets::{cut, line, popup, put, put_right, table, wrap};
use crate::workbench::filter::Completion;

/// What a layer makes of a key.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Reply {
    /// Taken; stays open.
    Stay,
    /// Closes, nothing else.
    Close,
    /// An answer to the screen's question, closing unless it is only typed so far.
    Answer(&'static str, Answer),
    /// Closes and runs this command of this group; what it asks for is answered with the text, if there is one.
    Command(&'static str, &'static str, Option<String>),
    /// Closes and goes to this row of the screen's list, counted from 1.
    Row(usize),
    /// Yes, quit.
    Quit,
}

/// Something over the screen.
pub trait Layer {
    /// Draws over `area`, the whole terminal; pure.
    fn draw(&self, buffer: &mut Buffer, area: Rect, theme: &Theme);
    /// Takes a key; all keys come here while the layer is open.
    fn key(&mut self, key: &KeyEvent) -> Reply;
    /// Takes pasted text.
    fn paste(&mut self, _text: &str) -> Reply {
        Reply::Stay
    }
    /// Takes a press of the mouse; `area` is the whole terminal.
    fn click(&mut self, _at: Position, _area: Rect) -> Reply {
        Reply::Stay
    }
    /// Takes a notch of the wheel: 1 down, -1 up.
    fn wheel(&mut self, _by: isize) {}
    /// For which purpose what is typed so far, up to the caret, if it can be completed now.
    fn typed(&self) -> Option<(&'static str, &str)> {
        None
    }
    /// Takes what may come next behind what [`Layer::typed`] told.
    fn offer(&mut self, _completion: Completion) {}
    /// Whether it can be understood and answered in a terminal too small for any screen.
    fn fits_anywhere(&self) -> bool {
        false
    }
}

/// Text to read.
pub struct Reader {
    page: Page,
    top: Cursor,
}

/// Quit while work is running?
pub struct QuitQuestion {
    /// Why it is asked.
    pub reason: String,
}

/// All commands by name, best match first.
pub struct Palette {
    groups: Vec<Group>,
    input: Input,
    found: Vec<(&'static str, Bound)>,
    cursor: Cursor,
}

impl Reader {
    /// From the top.
    pub fn new(page: Page) -> Reader {
        Reader { top: Cursor::new(page.lines.len()), page }
    }

    fn size(&self) -> (u16, u16) {
        (WIDTH, (self.page.lines.len() as u16).saturating_add(3))
    }
}

/// Columns of a page with its frame.
const WIDTH: u16 = 76;
/// Before the reason why a command can do nothing.
const NOT_NOW: &str = " - not now: ";

/// What a command does, and why it cannot do it now.
fn about(row: &Bound) -> String {
    row.refusal.map_or_else(|| row.help.to_owned(), |reason| format!("{}{NOT_NOW}{reason}", row.help))
}

/// The keys of `groups`, a heading per group; what can do nothing now says why.
pub fn help(groups: &[Group]) -> Page {
    let names = groups.iter().flat_map(|group| group.rows.iter().map(|row| row.name.len())).max().unwrap_or(0);
    let mut lines = Vec::new();
    for group in groups {
        if !lines.is_empty() {
            lines.push(String::new());
        }
        lines.push(group.name.to_uppercase());
        for row in &group.rows {
            let mut head = format!("{:<13} {:<names$}  ", row.keys.join(" "), row.name);
            let room = usize::from(WIDTH - 2).saturating_sub(head.width());
            let texts = match about(row) {
                whole if whole.width() <= room => vec![whole],
                _ => {
                    let reason = row.refusal.map(|reason| wrap(&format!("{}{reason}", NOT_NOW.trim_start()), room));
                    wrap(row.help, room).into_iter().chain(reason.unwrap_or_default()).collect()
                }
            };
            for text in texts {
                lines.push(format!("{head}{text}"));
                head = " ".repeat(head.width());
            }
        }
    }
    Page { title: "keys".to_owned(), lines }
}

/// Whether a line belongs to a command that can do nothing; what goes on from the line above is indented.
fn is_refused(lines: &[String], at: usize) -> bool {
    let begins = |at: &usize| !lines[*at].starts_with(' ');
    let from = (0..=at).rev().find(begins).unwrap_or(0);
    let to = (at + 1..lines.len()).find(begins).unwrap_or(lines.len());
    lines[from..to].iter().any(|line| line.contains(NOT_NOW.trim()))
}

impl Layer for Reader {
    fn draw(&self, buffer: &mut Buffer, area: Rect, theme: &Theme) {
        let inner = popup::draw(buffer, area, &self.page.title, self.size(), theme);
        let body = inner.height.saturating_sub(1);
        let last = self.page.lines.len().saturating_sub(usize::from(body));
        let first = self.top.row().unwrap_or(0).min(last);
        for (at, text) in self.page.lines.iter().skip(first).take(usize::from(body)).enumerate() {
            let heading = !text.is_empty() && *text == text.to_uppercase();
            let style = if is_refused(&self.page.lines, first + at) { theme.dim() } else { theme.text() };
            put(buffer, line(inner, at as u16), text, if heading { theme.accent() } else { style });
        }
        let foot = line(inner, body);
        put(buffer, foot, "Esc closes", theme.dim());
        if last > 0 {
            put_right(buffer, foot, &format!("j k move · {} of {}", first + 1, last + 1), theme.dim());
        }
    }

    fn key(&mut self, key: &KeyEvent) -> Reply {
        match key_name(key).as_deref() {
            Some("Esc" | "q" | "?" | "F1" | "Enter" | "Ctrl-c") => return Reply::Close,
            Some("j" | "Down") => self.top.step(1),
            Some("k" | "Up") => self.top.step(-1),
            Some("PgDn" | "Ctrl-d" | "Space") => self.top.step(10),
            Some("PgUp" | "Ctrl-u") => self.top.step(-10),
            Some("g" | "Home") => self.top.first(),
            Some("G" | "End") => self.top.last(),
            _ => {}
        }
        Reply::Stay
    }

    fn click(&mut self, at: Position, area: Rect) -> Reply {
        let place = popup::place(area, self.size());
        let inner = popup::inside(place);
        let foot = line(inner, inner.height.saturating_sub(1)).contains(at);
        if foot || !place.contains(at) { Reply::Close } else { Reply::Stay }
    }

    fn wheel(&mut self, by: isize) {
        self.top.step(3 * by);
    }
}

impl QuitQuestion {
    const WIDTH: u16 = 56;

    fn lines(&self, area: Rect) -> Vec<String> {
        wrap(&self.reason, usize::from(QuitQuestion::WIDTH.min(area.width).saturating_sub(4)))
    }

    fn size(&self, area: Rect) -> (u16, u16) {
        (QuitQuestion::WIDTH, self.lines(area).len() as u16 + 3)
    }
}

impl Layer for QuitQuestion {
    fn draw(&self, buffer: &mut Buffer, area: Rect, theme: &Theme) {
        let lines = self.lines(area);
        // The answer comes first where not everything has room.
        let inner = popup::draw(buffer, area, "quit?", self.size(area), theme);
        put(buffer, line(inner, 0), "y quits, any other key stays", theme.strong());
        for (at, text) in lines.iter().enumerate() {
            put(buffer, line(inner, at as u16 + 1), text, theme.text());
        }
    }

    fn click(&mut self, at: Position, area: Rect) -> Reply {
        let place = popup::place(area, self.size(area));
        match (line(popup::inside(place), 0).contains(at), place.contains(at)) {
            (true, _) => Reply::Quit,
            (false, true) => Reply::Stay,
            (false, false) => Reply::Close,
        }
    }

    fn fits_anywhere(&self) -> bool {
        true
    }

    fn key(&mut self, key: &KeyEvent) -> Reply {
        if matches!(key.code, KeyCode::Char('y' | 'Y')) { Reply::Quit } else { Reply::Close }
    }
}

impl Palette {
    const SIZE: (u16, u16) = (72, 16);

    /// Over all commands of `groups`.
    pub fn new(groups: Vec<Group>) -> Palette {
        let mut palette = Palette { groups, input: Input::default(), found: Vec::new(), cursor: Cursor::default() };
        palette.find();
        palette
    }

    /// The command whose name was typed in full, and what was typed behind it.
    fn told(&self) -> Option<(&'static str, &Bound, String)> {
        let typed = self.input.text();
        let rows = self.groups.iter().flat_map(|group| group.rows.iter().map(|row| (group.name, row)));
        let named = rows.filter_map(|(group, row)| {
            let rest = typed.strip_prefix(row.name)?.strip_prefix(' ')?;
            Some((group, row, rest.trim().to_owned()))
        });
        named.max_by_key(|(_, row, _)| row.name.len())
    }

    fn chosen(&self) -> Reply {
        let told = self.told().map(|(.., rest)| rest).filter(|rest| !rest.is_empty());
        let chosen = self.cursor.row().map(|row| &self.found[row]);
        chosen.map_or(Reply::Stay, |(group, row)| Reply::Command(group, row.name, told))
    }

    fn find(&mut self) {
        if let Some((group, row)) = self.told().map(|(group, row, _)| (group, row.clone())) {
            (self.found, self.cursor) = (vec![(group, row)], Cursor::new(1));
            return;
        }
        let typed = self.input.text();
        let mut found: Vec<_> = self
            .groups
            .iter()
            .flat_map(|group| group.rows.iter().map(|row| (group.name, row)))
            .filter_map(|(group, row)| Some((cost(&typed, row)?, group, row.clone())))
            .collect();
        found.sort_by_key(|(cost, ..)| *cost);
        self.found = found.into_iter().map(|(_, group, row)| (group, row)).collect();
        self.cursor = Cursor::new(self.found.len());
    }
}

/// A match of the name counts before one of the help.
fn cost(typed: &str, row: &Row) -> Option<usize> {
    fuzzy(typed, row.name).or_else(|| Some(1000 + fuzzy(typed, row.help)?))
}

impl Layer for Palette {
    fn draw(&self, buffer: &mut Buffer, area: Rect, theme: &Theme) {
        let inner = popup::draw(buffer, area, "command", Palette::SIZE, theme);
        self.input.draw(buffer, line(inner, 0), ": ", theme);
        let list = table::body(inner);
        if self.found.is_empty() {
            let row = self.input.text().trim().parse::<usize>().ok();
            let text = row.map_or_else(|| "no such command".to_owned(), |row| format!("to row {row}"));
            put(buffer, list, &text, theme.dim());
        }
        for (at, number) in self.cursor.window(usize::from(list.height)).enumerate() {
            let (_, row) = &self.found[number];
            let place = line(list, at as u16);
            let style = if row.refusal.is_some() { theme.dim() } else { theme.text() };
            let key = row.keys.first().map_or(0, |key| key.width() as u16 + 2);
            let rest = put(buffer, place, &format!("{:<12}", row.name), style);
            let rest = put(buffer, rest, " ", style);
            let room = usize::from(rest.width.saturating_sub(key));
            let rest = match (row.refusal, about(row)) {
                // Why it cannot be done says more than what it would do.
                (Some(reason), whole) if whole.width() > room => {
                    put(buffer, rest, &cut(&format!("not now: {reason}"), room), style)
                }
                (_, whole) => put(buffer, rest, &cut(&whole, room), style),
            };
            if let Some(key) = row.keys.first() {
                put_right(buffer, rest, &cut(&format!("  {key}"), usize::from(rest.width)), theme.accent());
            }
            if self.cursor.row() == Some(number) {
                buffer.set_style(place, theme.selected());
            }
        }
    }

    fn key(&mut self, key: &KeyEvent) -> Reply {
        match key_name(key).as_deref() {
            Some("Esc" | "Ctrl-c") => return Reply::Close,
            Some("Enter") => {
                if let Ok(row) = self.input.text().trim().parse() {
                    return Reply::Row(row);
                }
                return self.chosen();
            }
            Some("Down" | "Ctrl-n" | "Tab") => self.cursor.step_around(1),
            Some("Up" | "Ctrl-p" | "Shift-Tab") => self.cursor.step_around(-1),
            _ if self.input.key(key) => self.find(),
            _ => {}
        }
        Reply::Stay
    }

    fn click(&mut self, at: Position, area: Rect) -> Reply {
        let place = popup::place(area, Palette::SIZE);
        match self.cursor.row_at(table::body(popup::inside(place)), at) {
            Some(row) => {
                self.cursor.select(row);
                self.chosen()
            }
            None if place.contains(at) => Reply::Stay,
            None => Reply::Close,
        }
    }

    fn wheel(&mut self, by: isize) {
        self.cursor.step(by);
    }

    fn paste(&mut self, text: &str) -> Reply {
        self.input.paste(text);
        self.find();
        Reply::Stay
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    static ROWS: [Row; 3] = [
        Row { name: "filter", keys: &["f"], help: "show some clips" },
        Row { name: "search", keys: &["/"], help: "find a clip" },
        Row { name: "quit", keys: &["q"], help: "end" },
    ];

    fn palette() -> Palette {
        Palette::new(vec![Group::new("browse", ROWS.iter().collect())])
    }

    fn type_in(layer: &mut dyn Layer, text: &str) -> Reply {
        text.chars().map(|letter| layer.key(&KeyEvent::from(KeyCode::Char(letter)))).last().unwrap_or(Reply::Stay)
    }

    #[test]
    fn the_palette_prefers_names_to_help_and_runs_the_chosen_one() {
        let mut palette = palette();
        type_in(&mut palette, "fi");
        let names: Vec<_> = palette.found.iter().map(|(_, row)| row.name).collect();
        assert_eq!(names, ["filter", "search"]);
        palette.key(&KeyEvent::from(KeyCode::Down));
        assert_eq!(palette.key(&KeyEvent::from(KeyCode::Enter)), Reply::Command("browse", "search", None));
    }

    #[test]
    fn behind_a_name_comes_what_it_asks_for() {
        let mut palette = palette();
        type_in(&mut palette, "filter label:fear -x");
        let told = Some("label:fear -x".to_owned());
        assert_eq!(palette.key(&KeyEvent::from(KeyCode::Enter)), Reply::Command("browse", "filter", told));
    }

    #[test]
    fn a_number_is_a_row() {
        let mut palette = palette();
        type_in(&mut palette, "120");
        assert_eq!(palette.key(&KeyEvent::from(KeyCode::Enter)), Reply::Row(120));
    }

    #[test]
    fn enter_without_a_match_stays() {
        let mut palette = palette();
        type_in(&mut palette, "zzz");
        assert_eq!(palette.key(&KeyEvent::from(KeyCode::Enter)), Reply::Stay);
    }

    #[test]
    fn in_help_a_name_never_touches_its_explanation() {
        static LONG: Row = Row { name: "a name that is rather long", keys: &["x"], help: "does this" };
        let page = help(&[Group::new("browse", vec![&ROWS[0], &LONG])]);
        assert_eq!(page.lines[1].find("show some clips"), page.lines[2].find("does this"));
        assert!(page.lines[2].contains("rather long  does this"), "{:?}", page.lines);
    }

    #[test]
    fn a_long_reason_is_read_to_its_end() {
        let reason = format!("Not saved: /a{}/emolab.db: the disk is full", "/folder".repeat(5));
        let mut buffer = Buffer::empty(Rect::new(0, 0, 60, 18));
        let area = buffer.area;
        QuitQuestion { reason }.draw(&mut buffer, area, &Theme::plain(crate::tui::theme::Depth::Mono));
        let text: String = buffer.content().iter().map(|cell| cell.symbol()).collect();
        assert!(text.contains("y quits") && text.contains("disk is full"), "{text}");
    }

    #[test]
    fn only_yes_quits() {
        let mut question = QuitQuestion { reason: String::new() };
        assert_eq!(type_in(&mut question, "n"), Reply::Close);
        assert_eq!(type_in(&mut question, "y"), Reply::Quit);
    }
}
