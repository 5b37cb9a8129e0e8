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

/// The lines of a page's `sh` blocks that call emolab, without what is said about them.
fn commands(page: &str) -> Vec<String> {
    let mut inside = false;
    let lines = page.lines().filter(|line| {
        if line.starts_with("```") {
            inside = *line == "```sh";
        }
        inside && line.starts_with("emolab ") && !line.contains('…')
    });
    let bare = |line: &str| {
        line.split(" # ").next().unwrap_or(line).split(['>', '|', '&']).next().unwrap_or(line).trim().to_owned()
    };
    lines.map(bare).collect()
}

/// As the shell takes a line apart; what single quotes hold together stays together.
fn arguments(line: &str) -> Vec<String> {
    let mut arguments: Vec<String> = Vec::new();
    for (at, part) in line.split('\'').enumerate() {
        if at % 2 == 1 {
            arguments.push(part.to_owned());
        } else {
            arguments.extend(part.split_whitespace().map(str::to_owned));
        }
    }
    arguments
}

#[test]
fn every_page_is_listed_and_its_command_lines_are_understood() {
    let (list, mut seen) = (file("docs/README.md"), 0);
    for entry in fs::read_dir(Path::new(env!("CARGO_MANIFEST_DIR")).join("docs")).unwrap() {
        let name = entry.unwrap().file_name().to_string_lossy().into_owned();
        if !name.ends_with(".md") || name == "README.md" {
            continue;
        }
        assert!(list.contains(&format!("]({name})")), "docs/README.md does not list {name}");
        for line in commands(&file(&format!("docs/{name}"))) {
            seen += 1;
            if let Err(error) = emolab::cli::check(arguments(&line)) {
                panic!("docs/{name}: {line}\n{error}");
            }
        }
    }
    assert!(seen >= 30, "{seen}");
}

#[test]
fn the_commands_about_settings_do_what_the_page_says() {
    let home = crate::support::Home::new();
    let lines = commands(&file("docs/settings.md"));
    let lines: Vec<&String> = lines.iter().filter(|line| line.starts_with("emolab config")).collect();
    assert_eq!(lines.len(), 4);
    for line in lines {
        let args: Vec<&str> = line.split_whitespace().skip(1).collect();
        let output = home.emolab(&args).current_dir(env!("CARGO_MANIFEST_DIR")).output().unwrap();
        assert!(output.status.success() && output.stderr.is_empty(), "{line}: {output:?}");
        assert!(!output.stdout.is_empty(), "{line}");
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
