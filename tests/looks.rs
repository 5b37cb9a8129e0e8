//! Every screen at 80x24, 120x40 and 200x60, dark, light, in 256 and 16 colours, without colours and in ASCII.
//!
//! What is written lies in `tests/looks/`, a file per state: three sizes and, for the smallest, which role of the theme each
//! cell has. That the roles are the same in every theme, and what must hold of any screen, is checked by code.
//! `LOOKS=write cargo test --test all -- looks::` writes the files anew; read what has changed.

use std::collections::BTreeSet;
use std::path::{Path, PathBuf};

use ratatui::buffer::{Buffer, Cell};
use ratatui::style::{Color, Modifier, Style};
use unicode_width::UnicodeWidthStr;

use emolab::tui::screens::screens;
use emolab::tui::theme::{Depth, Ground, Theme};

use crate::screens::{Stage, text};
use crate::support::gallery::tour;

const SIZES: [(u16, u16); 3] = [(80, 24), (120, 40), (200, 60)];
const SMALLEST: (u16, u16) = (60, 18);
type Role = (char, fn(&Theme) -> Style);
/// A letter for every role of a theme.
const ROLES: [Role; 19] = [
    (' ', Theme::text),
    ('d', Theme::dim),
    ('b', Theme::strong),
    ('a', Theme::accent),
    ('g', Theme::good),
    ('w', Theme::warn),
    ('x', Theme::bad),
    ('i', |theme| theme.series(0)),
    ('j', |theme| theme.series(1)),
    ('k', |theme| theme.series(2)),
    ('l', |theme| theme.series(3)),
    ('m', |theme| theme.series(4)),
    ('n', |theme| theme.series(5)),
    ('o', |theme| bold(theme.series(0))),
    ('p', |theme| bold(theme.series(1))),
    ('q', |theme| bold(theme.series(2))),
    ('r', |theme| bold(theme.series(3))),
    ('s', |theme| bold(theme.series(4))),
    ('t', |theme| bold(theme.series(5))),
];

fn bold(style: Style) -> Style {
    style.add_modifier(Modifier::BOLD)
}

fn themes() -> Vec<Theme> {
    let grounds = [Ground::Dark, Ground::Light, Ground::Either];
    let depths = [Depth::Sixteen, Depth::Indexed, Depth::True];
    let all = grounds.into_iter().flat_map(|ground| depths.map(|depth| Theme::new(depth, ground)));
    let mono = Theme::new(Depth::Mono, Ground::Either);
    all.chain([mono.clone(), mono.in_ascii(), Theme::plain(Depth::True).in_ascii()]).collect()
}

fn worn(stage: &mut Stage, theme: Theme, (width, height): (u16, u16)) -> Buffer {
    stage.app.wear(theme);
    stage.cells(width, height)
}

fn file(name: &str) -> PathBuf {
    let name = name.replace('/', "-");
    Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/looks").join(format!("{name}.txt"))
}

/// What passes with time or lies in a temporary place.
fn steady(text: &str) -> String {
    if text.contains("the corpus could not be opened") {
        // The reason names a folder whose length breaks its lines elsewhere on another machine.
        let known = |line: &&str| line.starts_with(" emolab ") || line.contains("could not") || line.contains("? help");
        return text.lines().filter(known).collect::<Vec<_>>().join("\n");
    }
    let line = |line: &str| match line {
        _ if line.contains("running for ") => format!("{}running for …", line.split("running for ").next().unwrap()),
        _ => line.to_owned(),
    };
    text.lines().map(line).collect::<Vec<_>>().join("\n")
}

/// The role of a cell in that theme; `~` in a picture, `#` on a heat map, upper case where it is selected.
fn role(cell: &Cell, theme: &Theme) -> char {
    let is_picture =
        matches!(cell.symbol().chars().next(), Some('\u{2800}'..='\u{28FF}' | '▀' | '│')) && cell.bg != Color::Reset;
    if is_picture {
        return '~';
    }
    if cell.bg != Color::Reset {
        return '#';
    }
    let is_selected = cell.modifier.contains(Modifier::REVERSED);
    let modifier = cell.modifier - Modifier::REVERSED;
    let has = |style: Style| style.fg.unwrap_or(Color::Reset) == cell.fg && style.add_modifier == modifier;
    let found = ROLES.iter().find(|(_, style)| has(style(theme))).map_or('?', |(letter, _)| *letter);
    match (is_selected, found) {
        (true, ' ') => 'Z',
        (true, letter) => letter.to_ascii_uppercase(),
        (false, letter) => letter,
    }
}

fn layer(cells: &Buffer, theme: &Theme) -> String {
    let row = |y| (0..cells.area.width).map(|x| role(&cells[(x, y)], theme)).collect::<String>().trim_end().to_owned();
    (0..cells.area.height).map(row).collect::<Vec<_>>().join("\n")
}

#[test]
fn every_state_looks_as_it_did() {
    let write = std::env::var_os("LOOKS").is_some_and(|how| how == "write");
    let (mut seen, mut wrong) = (BTreeSet::new(), Vec::new());
    tour(|name, stage| {
        let theme = Theme::plain(Depth::True);
        let mut looks = String::new();
        for (width, height) in SIZES {
            looks += &format!("{width}x{height}\n{}\n\n", steady(&text(&worn(stage, theme.clone(), (width, height)))));
        }
        looks += &format!("roles\n{}\n", layer(&worn(stage, theme.clone(), SIZES[0]), &theme));
        let path = file(name);
        if write {
            std::fs::create_dir_all(path.parent().unwrap()).unwrap();
            std::fs::write(&path, &looks).unwrap();
        } else if std::fs::read_to_string(&path).ok().as_deref() != Some(looks.as_str()) {
            let known = std::fs::read_to_string(&path).unwrap_or_default();
            let line = known.lines().zip(looks.lines()).find(|(before, now)| before != now);
            wrong.push(format!("{}: {line:#?}", path.display()));
        }
        seen.insert(path);
    });
    assert!(wrong.is_empty(), "{}\nLOOKS=write writes them anew", wrong.join("\n"));
    let lying = std::fs::read_dir(file("x").parent().unwrap()).unwrap().map(|entry| entry.unwrap().path());
    let lost: Vec<_> = lying.filter(|path| !seen.contains(path)).collect();
    assert!(lost.is_empty(), "no state looks like {lost:?}");
}

#[test]
fn no_screen_is_left_out() {
    let mut seen = BTreeSet::new();
    tour(|name, stage| {
        let screen = name.split('/').next().unwrap().to_owned();
        // Help names the screen that it lies over; a layer that is open already takes the key.
        stage.press(&["F1"]);
        let help = text(&stage.cells(80, 24));
        if help.contains(&format!("│ {}", screen.to_uppercase())) {
            seen.insert(screen);
        }
        stage.press(&["Esc"]);
    });
    let all: BTreeSet<String> = screens().iter().map(|screen| screen.name().to_owned()).collect();
    assert_eq!(seen, all, "the gallery must lead through every screen");
}

#[test]
fn what_holds_of_every_screen_in_every_theme_and_size() {
    tour(|name, stage| {
        let dark = Theme::plain(Depth::True);
        let widest = text(&worn(stage, dark.clone(), SIZES[2]));
        for size in SIZES.into_iter().chain([SMALLEST]) {
            let plain = worn(stage, dark.clone(), size);
            let at = format!("{name} at {size:?}");
            whole(&plain, &at);
            ends_with_words(&text(&plain), &widest, &at);
            let roles = layer(&plain, &dark);
            assert!(!roles.contains('?'), "{at}: a style that is no role of the theme\n{}\n{roles}", text(&plain));
            // What depends on the size does not depend on the colours: all themes at one size, some at the others.
            let all = themes();
            let worn_here = if size == SIZES[0] { all } else { vec![all[3].clone(), all[10].clone()] };
            for theme in worn_here {
                let cells = worn(stage, theme.clone(), size);
                let again = stage.cells(size.0, size.1);
                let (once, twice) = (untimed(&cells), untimed(&again));
                assert!(once == twice, "{at}: drawn twice\n{}\n{}", text(&cells), text(&again));
                colours(&cells, &theme, &at);
                match theme.ascii() {
                    true => ascii(&cells, &plain, &at),
                    false => same_roles(&cells, &plain, (&theme, &dark), &at),
                }
            }
        }
    });
}

/// No half of a wide letter, and the footer where no layer hides it.
fn whole(cells: &Buffer, at: &str) {
    for y in 0..cells.area.height {
        for x in 0..cells.area.width {
            if cells[(x, y)].symbol().width() == 2 {
                assert!(x + 1 < cells.area.width, "{at}: half a letter at the edge of line {y}");
                assert_eq!(cells[(x + 1, y)].symbol(), " ", "{at}: half a letter at {x} on line {y}");
            }
        }
    }
    let text = text(cells);
    let is_covered = ["help", "problems"].iter().any(|layer| at.contains(layer));
    let last = text.lines().last().unwrap();
    // While a line is filled in, other keys do something.
    let is_footer = last.ends_with("? help  : palette") || last.starts_with(" Enter take  Esc leave");
    assert!(is_covered || is_footer, "{at}: no footer\n{text}");
}

/// A line that reaches the right edge ends with a whole word, or with a sign that something is missing.
fn ends_with_words(text: &str, widest: &str, at: &str) {
    let width = text.lines().map(|line| line.chars().count()).max().unwrap_or(0);
    let words: BTreeSet<&str> = widest.split_whitespace().collect();
    for line in text.lines().filter(|line| line.chars().count() == width) {
        let last = line.split([' ', '~', '│']).next_back().unwrap_or_default();
        let is_word = last.chars().any(char::is_alphabetic) && !last.ends_with(['…', '│', '┐', '┘', '~']);
        assert!(!is_word || words.iter().any(|word| word.contains(last)), "{at}: {last:?} in\n{text}");
    }
}

fn colours(cells: &Buffer, theme: &Theme, at: &str) {
    for color in cells.content().iter().flat_map(|cell| [cell.fg, cell.bg]).filter(|color| *color != Color::Reset) {
        let fits = match theme.depth() {
            Depth::Mono => false,
            Depth::Sixteen => !matches!(color, Color::Rgb(..) | Color::Indexed(_)),
            Depth::Indexed => !matches!(color, Color::Rgb(..)),
            Depth::True => true,
        };
        assert!(fits, "{at}: {color} in {theme:?}");
    }
}

/// The lines that tell how much time has passed, or is left: it may have passed between two drawings.
fn timed(lines: &str) -> Vec<bool> {
    let words = ["running for ", " left", "at most", "this fit"];
    lines.lines().map(|line| words.iter().any(|word| line.contains(word))).collect()
}

/// The cells of all other lines.
fn untimed(cells: &Buffer) -> Vec<Option<&Cell>> {
    let (timed, width) = (timed(&text(cells)), usize::from(cells.area.width));
    cells.content().iter().enumerate().map(|(place, cell)| (!timed[place / width]).then_some(cell)).collect()
}

/// Only ASCII, and no sign without an ASCII likeness of its own.
fn ascii(cells: &Buffer, plain: &Buffer, at: &str) {
    for (cell, before) in cells.content().iter().zip(plain.content()) {
        assert!(cell.symbol().is_ascii(), "{at}: {}", cell.symbol());
        let letter = before.symbol().chars().next().unwrap_or(' ');
        let is_drawn = !letter.is_ascii() && !letter.is_alphanumeric() && letter < '\u{3000}';
        assert!(!is_drawn || cell.symbol() != "?" || at.contains("odd"), "{at}: {letter} has no likeness in ASCII");
    }
}

/// Every cell has the same text and the same role in both themes, pictures aside: they have other signs without colours.
fn same_roles(cells: &Buffer, plain: &Buffer, (theme, dark): (&Theme, &Theme), at: &str) {
    let lines = text(plain);
    let passing = timed(&lines);
    for (place, (cell, before)) in cells.content().iter().zip(plain.content()).enumerate() {
        let was = role(before, dark);
        if matches!(was, '~' | '#') || passing[place / usize::from(cells.area.width)] {
            continue;
        }
        assert_eq!(cell.symbol(), before.symbol(), "{at}: cell {place} in {theme:?}");
        // Several roles may look the same with few colours.
        let found =
            ROLES.iter().find(|(letter, _)| letter.eq_ignore_ascii_case(&was) || (was == 'Z' && *letter == ' '));
        let style = found.unwrap().1(theme);
        let modifier = cell.modifier - Modifier::REVERSED;
        let now = (cell.fg, modifier, cell.modifier.contains(Modifier::REVERSED));
        let wanted = (style.fg.unwrap_or(Color::Reset), style.add_modifier, was.is_ascii_uppercase());
        assert_eq!(now, wanted, "{at}: cell {place} ({was}) in {theme:?}");
    }
}
