//! A command is a row: name, keys, help, function. Dispatch, footer, help, palette, `docs/keys.md` and the
//! duplicate-key test are all read from the rows.
//!
//! Deliberately absent: what the commands do (their functions stand beside the rows in `screens/` and `app.rs`).

use std::ops::Deref;

use crossterm::event::{KeyCode, KeyEvent, KeyModifiers};

use super::screen::Outcome;
use crate::workbench::Workbench;

/// What may be known of a command without knowing what it acts on.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Row {
    /// Short name, unique within its group; shown in the footer, typed in the palette.
    pub name: &'static str,
    /// Keys in [`key_name`]'s words; the first is the one that is shown.
    pub keys: &'static [&'static str],
    /// One line.
    pub help: &'static str,
}

/// A row.
pub const fn row(name: &'static str, keys: &'static [&'static str], help: &'static str) -> Row {
    Row { name, keys, help }
}

/// A row and the function that acts on `S`.
pub struct Command<S: 'static> {
    /// Name, keys, help.
    pub row: Row,
    /// What it does.
    pub run: fn(&mut S, &mut Workbench) -> Outcome,
}

/// Rows that belong together, with the heading they are printed under.
#[derive(Debug, Clone)]
pub struct Group {
    /// `browse`, `list`, `sound`, `everywhere`.
    pub name: &'static str,
    /// In the order of help and footer.
    pub rows: Vec<Bound>,
}

/// A row with the keys that hold.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Bound {
    /// Name and help, and the keys that hold unless the user chose others.
    pub row: &'static Row,
    /// The first is the one that is shown.
    pub keys: Vec<String>,
    /// Why it can do nothing now.
    pub refusal: Option<&'static str>,
}

impl From<&'static Row> for Bound {
    fn from(row: &'static Row) -> Bound {
        Bound { row, keys: row.keys.iter().map(|key| (*key).to_owned()).collect(), refusal: None }
    }
}

impl Deref for Bound {
    type Target = Row;

    fn deref(&self) -> &Row {
        self.row
    }
}

impl Group {
    /// Rows with their own keys.
    pub fn new(name: &'static str, rows: Vec<&'static Row>) -> Group {
        Group { name, rows: rows.into_iter().map(Bound::from).collect() }
    }
}

/// A command: its group and its name.
pub type Named = (&'static str, &'static str);

/// The first command of a table with that name.
pub fn named<S>(table: &'static [Command<S>], name: &str) -> Option<&'static Command<S>> {
    table.iter().find(|command| command.row.name == name)
}

/// The rows of a table.
pub fn rows<S>(table: &'static [Command<S>]) -> Vec<&'static Row> {
    table.iter().map(|command| &command.row).collect()
}

/// A key press in the words of the rows: `a`, `A`, `?`, `Space`, `Ctrl-r`, `PgDn`, `F1`. `None` for keys without a name.
pub fn key_name(key: &KeyEvent) -> Option<String> {
    let plain = match key.code {
        KeyCode::Char(' ') => "Space".to_owned(),
        KeyCode::Char(letter) => letter.to_string(),
        KeyCode::F(number) => format!("F{number}"),
        code => named_key(code)?.to_owned(),
    };
    let ctrl = key.modifiers.contains(KeyModifiers::CONTROL);
    Some(if ctrl { format!("Ctrl-{}", plain.to_ascii_lowercase()) } else { plain })
}

const NAMED: [(KeyCode, &str); 14] = [
    (KeyCode::Enter, "Enter"),
    (KeyCode::Esc, "Esc"),
    (KeyCode::Tab, "Tab"),
    (KeyCode::BackTab, "Shift-Tab"),
    (KeyCode::Backspace, "Backspace"),
    (KeyCode::Delete, "Del"),
    (KeyCode::Up, "Up"),
    (KeyCode::Down, "Down"),
    (KeyCode::Left, "Left"),
    (KeyCode::Right, "Right"),
    (KeyCode::PageUp, "PgUp"),
    (KeyCode::PageDown, "PgDn"),
    (KeyCode::Home, "Home"),
    (KeyCode::End, "End"),
];

fn named_key(code: KeyCode) -> Option<&'static str> {
    NAMED.iter().find(|(known, _)| *known == code).map(|(_, name)| *name)
}

/// How well `text` matches what was typed in the palette: `None` unless all letters occur in order; smaller is better
/// (letters skipped, with a bonus for starts of words).
pub fn fuzzy(typed: &str, text: &str) -> Option<usize> {
    let text: Vec<char> = text.to_lowercase().chars().collect();
    let (mut at, mut cost) = (0, 0);
    for letter in typed.to_lowercase().chars().filter(|letter| !letter.is_whitespace()) {
        let skipped = text[at..].iter().position(|&other| other == letter)?;
        let place = at + skipped;
        let starts_word = place == 0 || !text[place - 1].is_alphanumeric();
        cost += if starts_word { skipped.min(1) } else { 2 * skipped };
        at = place + 1;
    }
    Some(cost)
}

/// Whether keys are written so (see [`key_name`]).
pub fn is_key(name: &str) -> bool {
    if let Some(letter) = name.strip_prefix("Ctrl-") {
        return letter.len() == 1 && letter.chars().all(|letter| letter.is_ascii_lowercase());
    }
    let mut letters = name.chars();
    match (letters.next(), letters.next()) {
        (Some(letter), None) => !letter.is_whitespace() && !letter.is_control(),
        _ => {
            let function = name.strip_prefix('F').and_then(|number| number.parse::<u8>().ok());
            name == "Space" || NAMED.iter().any(|(_, known)| *known == name) || matches!(function, Some(1..=12))
        }
    }
}

/// The key for which terminals send the same as for this one.
pub fn key_twin(name: &str) -> Option<&'static str> {
    match name {
        "Ctrl-i" => Some("Tab"),
        "Ctrl-m" => Some("Enter"),
        _ => None,
    }
}

/// The letters and signs among the keys, without digits: no class may have them.
pub fn letters(groups: &[Group]) -> Vec<char> {
    let keys = groups.iter().flat_map(|group| group.rows.iter().flat_map(|row| &row.keys));
    keys.filter_map(|key| key.parse::<char>().ok()).filter(|key| !key.is_ascii_digit()).collect()
}

/// Two commands of `groups` that answer to the same key, if any: the key, the first, the second.
pub fn clash(groups: &[Group]) -> Option<(String, Named, Named)> {
    let keys = |group: &Group| {
        let name = group.name;
        let of = |row: &Bound| row.keys.iter().map(|key| (key.clone(), (name, row.name))).collect::<Vec<_>>();
        group.rows.iter().flat_map(of).collect::<Vec<_>>()
    };
    let all: Vec<(String, Named)> = groups.iter().flat_map(keys).collect();
    all.iter().enumerate().find_map(|(place, (key, second))| {
        all[..place].iter().find(|(other, _)| other == key).map(|(_, first)| (key.clone(), *first, *second))
    })
}

/// The printed key sheet (`docs/keys.md`): one Markdown table per group of every screen, straight from the rows.
pub fn key_sheet_markdown() -> String {
    let mut sheet = String::from(
        "# Keys\n\nPrinted from the command rows; do not edit. `?` or F1 shows the same in the program, `:` finds a command \
         by name.\nIn Label, the classes have their own keys, shown on the screen. Other keys, and the mouse: \
         [keys of your own](keys-own.md).\n",
    );
    for group in super::app::all_groups() {
        sheet += &format!("\n## {}\n\n| keys | command | what it does |\n|---|---|---|\n", group.name);
        for row in group.rows {
            let keys: Vec<String> = row.keys.iter().map(|key| format!("`{}`", key.replace('|', "\\|"))).collect();
            sheet += &format!("| {} | {} | {} |\n", keys.join(" "), row.name, row.help);
        }
    }
    sheet
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn keys_are_named_as_users_write_them() {
        let name = |code, modifiers| key_name(&KeyEvent::new(code, modifiers));
        assert_eq!(name(KeyCode::Char(' '), KeyModifiers::NONE).as_deref(), Some("Space"));
        assert_eq!(name(KeyCode::Char('L'), KeyModifiers::SHIFT).as_deref(), Some("L"));
        assert_eq!(name(KeyCode::Char('R'), KeyModifiers::CONTROL).as_deref(), Some("Ctrl-r"));
        assert_eq!(name(KeyCode::BackTab, KeyModifiers::SHIFT).as_deref(), Some("Shift-Tab"));
        assert_eq!(name(KeyCode::F(1), KeyModifiers::NONE).as_deref(), Some("F1"));
        assert_eq!(name(KeyCode::CapsLock, KeyModifiers::NONE), None);
    }

    #[test]
    fn a_key_is_known_by_how_it_is_written() {
        assert!(
            ["a", "A", "?", "ü", "Space", "Ctrl-r", "PgDn", "Shift-Tab", "F1", "F12"].iter().all(|key| is_key(key))
        );
        assert!(
            !["", " ", "ab", "Ctrl-R", "ctrl-r", "Ctrl-", "F0", "F13", "Alt-a", "space"].iter().any(|key| is_key(key))
        );
        assert_eq!((key_twin("Ctrl-i"), key_twin("Ctrl-r")), (Some("Tab"), None));
    }

    #[test]
    fn fuzzy_prefers_starts_of_words() {
        assert_eq!(fuzzy("", "anything"), Some(0));
        assert_eq!(fuzzy("xyz", "filter"), None);
        assert!(fuzzy("ps", "play sound") < fuzzy("ps", "speed up slower"));
        assert!(fuzzy("fil", "filter") < fuzzy("fil", "find illness"));
    }

    proptest! {
        #[test]
        fn a_text_matches_itself(text in "[a-z ]{0,20}") {
            prop_assert!(fuzzy(&text, &text).is_some());
        }
    }

    #[test]
    fn a_clash_names_both_commands() {
        static ONE: Row = Row { name: "one", keys: &["a", "b"], help: "" };
        static TWO: Row = Row { name: "two", keys: &["b"], help: "" };
        let group = |row| Group::new("g", vec![row]);
        assert_eq!(clash(&[group(&ONE), group(&TWO)]), Some(("b".to_owned(), ("g", "one"), ("g", "two"))));
        assert_eq!(clash(&[group(&ONE)]), None);
    }
}
