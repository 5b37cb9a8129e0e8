//! Which keys give which command: those of the rows, or what the user's `keys.toml` says instead.
//!
//! A table per group, a line per command, its value one key or a list of them. What is wrong is told with its line, and that
//! command keeps its own keys: no file keeps the program from starting, and none takes away the way out. Deliberately absent: the
//! keys of the classes in Label (a scheme's own), and those inside of texts, questions and lines to fill in.

use std::borrow::Cow;
use std::collections::BTreeMap;
use std::io::ErrorKind;
use std::path::Path;

use toml::Spanned;
use toml::de::{DeTable, DeValue};

use super::app::{all_groups, groups_of};
use super::command::{Bound, Group, Named, Row, clash, is_key, key_twin};
use super::keys::EVERYWHERE;
use super::screens::screens;
use crate::workbench::config::nearest;
use crate::workbench::places;

/// The user's keys, and what is wrong with them.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Keymap {
    chosen: BTreeMap<Named, Chosen>,
    /// A line each: file, line, what is wrong, what holds.
    pub problems: Vec<String>,
}

#[derive(Debug, Clone, PartialEq, Eq)]
struct Chosen {
    keys: Vec<String>,
    line: usize,
}

/// Commands without which nobody finds out of the program, or back to another keymap; they always have a key.
const NEEDED: [&str; 4] = ["help", "palette", "back", "quit"];

impl Keymap {
    /// What the user's file says; where there is none, the rows' own keys hold.
    pub fn load() -> Keymap {
        let told = |problem: String| Keymap { problems: vec![problem], ..Keymap::default() };
        let file = match places::keys() {
            Ok(file) => file,
            // Without a home there are no keys of the user's own.
            Err(_) => return Keymap::default(),
        };
        match std::fs::read_to_string(&file) {
            Ok(text) => Keymap::parse(&text, &file),
            Err(error) if error.kind() == ErrorKind::NotFound => Keymap::default(),
            Err(error) => told(format!("{}: {error}; the usual keys hold", file.display())),
        }
    }

    /// What a text says that stands in `file`.
    pub fn parse(text: &str, file: &Path) -> Keymap {
        let mut reader = Reader { text, file, groups: all_groups(), broken: Vec::new(), map: Keymap::default() };
        let (table, errors) = DeTable::parse_recoverable(text);
        for error in &errors {
            let at = error.span().map_or(0, |span| span.start);
            reader.broken.push(reader.line(at));
            reader.tell(at, error.message());
        }
        for (group, commands) in table.into_inner() {
            reader.group(&group, &commands);
        }
        reader.settle();
        reader.map
    }

    /// The keys of a command, the one that is shown first.
    pub fn keys(&self, group: &'static str, row: &'static Row) -> Vec<String> {
        let own = || row.keys.iter().map(|key| (*key).to_owned()).collect();
        self.chosen.get(&(group, row.name)).map_or_else(own, |chosen| chosen.keys.clone())
    }

    /// The same groups with the keys that hold.
    pub fn bind(&self, groups: Vec<Group>) -> Vec<Group> {
        let bound = |group: &'static str, one: Bound| Bound { keys: self.keys(group, one.row), ..one };
        let rows = |group: Group| Group {
            rows: group.rows.into_iter().map(|row| bound(group.name, row)).collect(),
            name: group.name,
        };
        groups.into_iter().map(rows).collect()
    }
}

/// A file being read.
struct Reader<'a> {
    text: &'a str,
    file: &'a Path,
    groups: Vec<Group>,
    /// Lines that are no TOML.
    broken: Vec<usize>,
    map: Keymap,
}

impl Reader<'_> {
    fn line(&self, offset: usize) -> usize {
        1 + self.text[..offset.min(self.text.len())].matches('\n').count()
    }

    fn tell(&mut self, offset: usize, reason: &str) {
        let line = self.line(offset);
        self.map.problems.push(format!("{}:{line}: {reason}", self.file.display()));
    }

    fn group(&mut self, name: &Spanned<Cow<'_, str>>, commands: &Spanned<DeValue<'_>>) {
        let (typed, at) = (&**name.get_ref(), name.span().start);
        let known = |groups: &[Group]| groups.iter().map(|group| group.name.to_owned()).collect::<Vec<_>>();
        let Some(group) = self.groups.iter().find(|group| group.name == typed).cloned() else {
            let reason = unknown("group", typed, known(&self.groups));
            return self.tell(at, &reason);
        };
        let DeValue::Table(commands) = commands.get_ref() else {
            return self.tell(at, &format!("`{typed}` must be a table: [{typed}], then a line per command"));
        };
        for (command, keys) in commands {
            let (typed, at) = (&**command.get_ref(), command.span().start);
            if self.broken.contains(&self.line(at)) {
                continue;
            }
            let Some(row) = group.rows.iter().find(|row| row.name == typed) else {
                let names = group.rows.iter().map(|row| row.name.to_owned()).collect();
                let reason = unknown(&format!("command of {}", group.name), typed, names);
                self.tell(at, &reason);
                continue;
            };
            match chosen((group.name, row.row), keys.get_ref()) {
                Ok(keys) => {
                    let line = self.line(at);
                    self.map.chosen.insert((group.name, row.name), Chosen { keys, line });
                }
                Err(reason) => {
                    let kept = row.keys.join(" ");
                    self.tell(at, &format!("{reason}; {} keeps {kept}", row.name));
                }
            }
        }
    }

    /// Takes back what gives one key to two commands of a screen, the last line first, until none does.
    fn settle(&mut self) {
        let screens = screens();
        loop {
            let groups = |screen: &_| self.map.bind(groups_of(screen));
            let Some((key, one, other)) = screens.iter().find_map(|screen| clash(&groups(screen.as_ref()))) else {
                return;
            };
            let line = |named: &Named| self.map.chosen.get(named).map(|chosen| chosen.line);
            let (guilty, holder) = if line(&one) > line(&other) { (one, other) } else { (other, one) };
            let Some(chosen) = self.map.chosen.remove(&guilty) else { return };
            let reason = format!(
                "{key} is the key of {} in {} already; {} of {} keeps its own",
                holder.1, holder.0, guilty.1, guilty.0
            );
            self.map.problems.push(format!("{}:{}: {reason}", self.file.display(), chosen.line));
        }
    }
}

fn unknown(what: &str, typed: &str, known: Vec<String>) -> String {
    let near = nearest(typed, known.iter().cloned());
    let near = near.map_or_else(|| format!("there are {}", known.join(", ")), |name| format!("did you mean `{name}`?"));
    format!("there is no {what} `{typed}`; {near}")
}

/// The keys that a line gives to a command.
fn chosen((group, row): (&str, &Row), value: &DeValue<'_>) -> Result<Vec<String>, String> {
    let text = |value: &DeValue<'_>| match value {
        DeValue::String(text) => Ok(text.to_string()),
        _ => Err("keys are texts in quotes, such as \"a\", or lists of them".to_owned()),
    };
    let keys: Vec<String> = match value {
        DeValue::Array(all) => all.iter().map(|one| text(one.get_ref())).collect::<Result<_, _>>()?,
        one => vec![text(one)?],
    };
    if keys.is_empty() && group == EVERYWHERE && NEEDED.contains(&row.name) {
        return Err(format!("{} needs a key", row.name));
    }
    for (at, key) in keys.iter().enumerate() {
        if !is_key(key) {
            return Err(format!("there is no key `{key}`; keys are written a, A, !, Space, Enter, PgDn, Ctrl-r, F5"));
        }
        if let Some(twin) = key_twin(key) {
            return Err(format!("terminals send the same for {key} as for {twin}"));
        }
        if keys[..at].contains(key) {
            return Err(format!("{key} stands there twice"));
        }
        let is_digit = key.parse::<u8>().is_ok_and(|digit| digit < 10);
        if is_digit && answers(group) && !row.keys.contains(&key.as_str()) {
            return Err(format!("{key} answers there"));
        }
    }
    Ok(keys)
}

/// Whether digits answer on the screen of that group.
fn answers(group: &str) -> bool {
    screens().iter().any(|screen| screen.name() == group && screen.takes_digits())
}

/// A `keys.toml` that says what holds without one, every line a comment.
pub fn template() -> String {
    let mut text = String::from(
        "# Keys of emolab. Take the # away and change what stands behind the =. A command may have several keys, or none: [].\n\
         # Keys are written a, A, !, Space, Enter, Tab, PgDn, Ctrl-r, F5. `emolab keys --check` tells what is wrong here.\n",
    );
    for group in all_groups() {
        text += &format!("\n[{}]\n", group.name);
        for row in &group.rows {
            let keys: Vec<String> = row.keys.iter().map(|key| quoted(key)).collect();
            let value = if keys.len() == 1 { keys.concat() } else { format!("[{}]", keys.join(", ")) };
            let plain = row.name.chars().all(|letter| letter.is_ascii_alphanumeric());
            let name = if plain { row.name.to_owned() } else { quoted(row.name) };
            text += &format!("# {name} = {value}  # {}\n", row.help);
        }
    }
    text
}

/// As TOML writes a text.
fn quoted(text: &str) -> String {
    toml::Value::String(text.to_owned()).to_string()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(text: &str) -> Keymap {
        Keymap::parse(text, Path::new("keys.toml"))
    }

    fn keys(map: &Keymap, group: &str, name: &str) -> Vec<String> {
        let groups = map.bind(all_groups());
        let group = groups.iter().find(|one| one.name == group).unwrap();
        group.rows.iter().find(|row| row.name == name).unwrap().keys.clone()
    }

    #[test]
    fn a_line_gives_a_command_other_keys() {
        let map = read("[browse]\nfilter = \"F5\"\n\"next hit\" = [\"n\", \"Ctrl-n\"]\n[list]\n\"page down\" = []\n");
        assert_eq!(map.problems, [""; 0]);
        assert_eq!(keys(&map, "browse", "filter"), ["F5"]);
        assert_eq!(keys(&map, "browse", "next hit"), ["n", "Ctrl-n"]);
        assert_eq!(keys(&map, "list", "page down"), [""; 0]);
        assert_eq!(keys(&map, "browse", "search"), ["/"]);
    }

    #[test]
    fn two_commands_may_change_places() {
        let map = read("[browse]\nfilter = \"/\"\nsearch = \"f\"\n");
        assert_eq!(map.problems, [""; 0]);
        assert_eq!(
            (keys(&map, "browse", "filter"), keys(&map, "browse", "search")),
            (vec!["/".into()], vec!["f".into()])
        );
    }

    #[test]
    fn what_is_wrong_is_told_with_its_line_and_the_usual_key_holds() {
        let text = "[brwose]\n[browse]\nfilte = \"x\"\nfilter = \"Ctrl+x\"\nsearch = 3\nsort = \"Ctrl-i\"\n[everywhere]\nquit = []\n\
                    [label]\nskip = \"7\"\n";
        let map = read(text);
        assert_eq!(
            map.problems,
            [
                "keys.toml:1: there is no group `brwose`; did you mean `browse`?",
                "keys.toml:3: there is no command of browse `filte`; did you mean `filter`?",
                "keys.toml:4: there is no key `Ctrl+x`; keys are written a, A, !, Space, Enter, PgDn, Ctrl-r, F5; filter keeps f",
                "keys.toml:5: keys are texts in quotes, such as \"a\", or lists of them; search keeps /",
                "keys.toml:6: terminals send the same for Ctrl-i as for Tab; sort keeps o",
                "keys.toml:8: quit needs a key; quit keeps q",
                "keys.toml:10: 7 answers there; skip keeps s",
            ]
        );
        assert_eq!(map.bind(all_groups()).len(), all_groups().len());
        assert_eq!(keys(&map, "browse", "filter"), ["f"]);
    }

    #[test]
    fn a_key_of_two_commands_of_a_screen_stays_with_the_first() {
        let map = read("[list]\ndown = \"J\"\nup = \"n\"\n[browse]\nfilter = \"J\"\nsearch = \"F\"\n");
        assert_eq!(
            map.problems,
            [
                "keys.toml:5: J is the key of down in list already; filter of browse keeps its own",
                "keys.toml:3: n is the key of next hit in browse already; up of list keeps its own",
                "keys.toml:6: F is the key of formants in view already; search of browse keeps its own",
            ]
        );
        assert_eq!(
            (keys(&map, "list", "down"), keys(&map, "list", "up")),
            (vec!["J".into()], vec!["k".into(), "Up".into()])
        );
    }

    #[test]
    fn a_text_that_is_no_toml_changes_what_it_says_and_no_more() {
        let map = read("[browse]\nfilter = \"F5\"\nsearch = \n");
        assert!(map.problems.iter().any(|problem| problem.starts_with("keys.toml:3: ")), "{:?}", map.problems);
        assert_eq!(keys(&map, "browse", "search"), ["/"]);
        assert_eq!(keys(&map, "browse", "filter"), ["F5"]);
    }

    #[test]
    fn the_template_says_what_holds_without_it() {
        let whole: String =
            template().lines().skip(2).map(|line| format!("{}\n", line.trim_start_matches("# "))).collect();
        let map = read(&whole);
        assert_eq!(map.problems, [""; 0]);
        assert_eq!(map.chosen.len(), all_groups().iter().map(|group| group.rows.len()).sum::<usize>());
        for group in all_groups() {
            for row in &group.rows {
                assert_eq!(map.keys(group.name, row.row), row.keys, "{}", row.name);
            }
        }
        assert_eq!(read(&template()), Keymap::default());
    }
}
