//! The pictures of the README: real screens, drawn anew by `LOOKS=write cargo test --test all -- pictures::`.
//!
//! What is written on them must be current to the letter. Of the spectrograms only how much is drawn is compared: the last bit
//! of a sample may round otherwise on another machine.

use std::path::Path;

use emolab::tui::theme::{Depth, Theme};

use crate::support::gallery::tour;
use crate::support::svg::Picture;

const WIDTH: u16 = 100;
/// A file may not be larger: the README loads all of them.
const LARGEST: usize = 150_000;
/// State, file, lines, what is seen.
const PICTURES: [(&str, &str, u16, &str); 7] = [
    ("browse", "browse", 30, "Browse: the clips, the sound of one with its spectrogram, pitch and energy"),
    ("label", "label", 30, "Label: a clip to hear, blind, and a key per class"),
    ("train/live", "train", 30, "Train: a net while it learns"),
    ("results", "results", 18, "Results: runs with their scores and intervals"),
    ("compare/tests", "compare", 18, "Runs compared: differences, their intervals and the tests"),
    ("run/confusion", "run", 18, "A run: its confusion matrix; each cell leads to its clips"),
    ("agree/coefficients", "agree", 18, "Agree: how far three people agree"),
];

/// Without the words beside "running": times pass while a picture is drawn.
fn steady(text: &str) -> String {
    let height = |line: &str| Some(line.split_once(" y=\"")?.1.split_once('"')?.0.to_owned());
    let running = text.lines().find(|line| line.contains(">running<")).and_then(height);
    text.lines().filter(|line| running.is_none() || height(line) != running).collect::<Vec<_>>().join("\n")
}

#[test]
fn the_pictures_of_the_readme_are_current() {
    let write = std::env::var_os("LOOKS").is_some_and(|how| how == "write");
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("docs/pictures");
    let mut made = 0;
    tour(|name, stage| {
        let Some((_, file, height, title)) = PICTURES.iter().find(|(state, ..)| *state == name) else { return };
        stage.app.wear(Theme::plain(Depth::True));
        let picture = Picture::of(&stage.cells(WIDTH, *height), title);
        let (now, path) = (picture.whole(), folder.join(format!("{file}.svg")));
        assert!(now.len() < LARGEST, "{file}: {} bytes", now.len());
        if write {
            std::fs::create_dir_all(&folder).unwrap();
            std::fs::write(&path, &now).unwrap();
        }
        let lying = std::fs::read_to_string(&path).unwrap_or_default();
        let same = !lying.is_empty() && steady(&Picture::without_heat(&lying)) == steady(&Picture::without_heat(&now));
        assert!(same, "{} is out of date; LOOKS=write cargo test --test all -- pictures::", path.display());
        let close = (lying.len() as f64 / now.len() as f64 - 1.0).abs() < 0.1;
        assert!(close, "{}: {} bytes, now {}", path.display(), lying.len(), now.len());
        made += 1;
    });
    assert_eq!(made, PICTURES.len());
}

#[test]
fn the_readme_shows_each_of_them_once_and_no_other() {
    let readme = std::fs::read_to_string(Path::new(env!("CARGO_MANIFEST_DIR")).join("README.md")).unwrap();
    let mut shown: Vec<&str> = readme
        .split("](docs/pictures/")
        .skip(1)
        .filter_map(|rest| rest.split_once(".svg)"))
        .map(|(file, _)| file)
        .collect();
    let mut made: Vec<&str> = PICTURES.iter().map(|(_, file, ..)| *file).collect();
    shown.sort_unstable();
    made.sort_unstable();
    assert_eq!(shown, made);
}
