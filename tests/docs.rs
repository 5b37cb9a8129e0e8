//! Generated pages and the README say what the program does.

use std::fs;
use std::path::Path;

fn file(name: &str) -> String {
    fs::read_to_string(Path::new(env!("CARGO_MANIFEST_DIR")).join(name))
        .unwrap_or_else(|error| panic!("{name}: {error}"))
}

#[test]
fn generated_pages_are_current() {
    for (name, text) in emolab::cli::pages().unwrap() {
        assert_eq!(file(&format!("docs/{name}")), text, "docs/{name} is out of date; run `just docs`");
    }
}

#[test]
fn every_command_line_of_the_readme_is_understood() {
    let readme = file("README.md");
    let lines: Vec<&str> = readme.lines().filter_map(|line| line.strip_prefix("emolab ")).collect();
    assert!(lines.len() >= 5, "README shows {} commands", lines.len());
    for line in lines {
        let line = line.split(" # ").next().unwrap_or(line);
        let args = std::iter::once("emolab").chain(line.split_whitespace());
        if let Err(error) = emolab::cli::check(args) {
            panic!("README: emolab {line}\n{error}");
        }
    }
}

#[test]
fn the_architecture_names_every_room() {
    let page = file("docs/ARCHITECTURE.md");
    for entry in fs::read_dir(Path::new(env!("CARGO_MANIFEST_DIR")).join("src")).unwrap() {
        let name = entry.unwrap().file_name().to_string_lossy().into_owned();
        let room = name.trim_end_matches(".rs");
        assert!(page.contains(room), "docs/ARCHITECTURE.md does not know src/{name}");
    }
}
