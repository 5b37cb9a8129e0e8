//! The wall between the rooms (see `docs/ARCHITECTURE.md`): who may use whom, who may name which library, and the budgets.
//!
//! Reads the sources as text. Deliberately absent: a parser; `crate::room` and a library's name are easy to see.

use std::collections::BTreeMap;
use std::fs;
use std::path::{Path, PathBuf};

/// Room and the rooms it may use besides itself.
const MAY_USE: &[(&str, &[&str])] = &[
    ("file", &[]),
    ("job", &[]),
    ("score", &[]),
    ("audio", &["job"]),
    ("corpus", &["audio", "job"]),
    ("label", &["corpus", "score"]),
    ("features", &["audio", "job"]),
    ("learn", &["features", "score", "job"]),
    ("store", &["corpus", "label", "score", "features", "learn"]),
    ("workbench", &["job", "score", "audio", "corpus", "label", "features", "learn", "store"]),
    ("cli", &["job", "score", "audio", "corpus", "label", "features", "learn", "store", "workbench", "tui"]),
    ("tui", &["job", "score", "audio", "corpus", "label", "features", "learn", "store", "workbench"]),
];

/// Library and the only places that may name it.
const ONLY: &[(&str, &[&str])] = &[
    ("symphonia", &["audio"]),
    ("rubato", &["audio"]),
    ("rodio", &["audio/device.rs"]),
    ("pulseaudio", &["audio/pulse.rs"]),
    ("ebur128", &["audio/level.rs"]),
    ("flac_codec", &["audio/remote/packing.rs"]),
    ("walkdir", &["corpus"]),
    ("realfft", &["features"]),
    ("rustfft", &["features"]),
    ("pulp", &["features/dsp"]),
    ("ndarray_npy", &["features"]),
    ("memmap2", &["features/mapped.rs"]),
    ("argmin", &["learn/logistic.rs"]),
    ("linfa", &["learn/naive_bayes.rs"]),
    ("linfa_bayes", &["learn/naive_bayes.rs"]),
    ("smartcore", &["learn/diverse.rs"]),
    ("gemm", &["learn/cnn"]),
    ("safetensors", &["learn"]),
    ("rusqlite", &["store"]),
    ("serde_saphyr", &["label/exchange/audformat.rs"]),
    ("quick_xml", &["label/exchange"]),
    ("parquet", &["label/exchange/grid.rs"]),
    ("clap", &["cli"]),
    ("indicatif", &["cli"]),
    ("ratatui", &["tui"]),
    ("crossterm", &["tui"]),
];

/// The files that may hold `unsafe`, each with its reasons.
const UNSAFE: &[&str] = &["learn/cnn/kernel.rs", "learn/cnn/kernel_int8.rs", "features/mapped.rs", "cli/memory.rs"];
/// Lines of code a file may have.
const FILE: usize = 600;
/// Lines a function may have.
const FUNCTION: usize = 100;

struct Source {
    /// Relative to `src`, `/` between parts.
    path: String,
    /// Code without comments and without the tests at the end.
    code: Vec<String>,
    text: String,
}

fn sources() -> Vec<Source> {
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).join("src");
    let mut paths = Vec::new();
    collect(&root, &mut paths);
    paths.sort();
    assert!(paths.len() > 30, "only {} sources found", paths.len());
    paths.iter().map(|path| source(&root, path)).collect()
}

fn collect(dir: &Path, into: &mut Vec<PathBuf>) {
    for entry in fs::read_dir(dir).unwrap() {
        let path = entry.unwrap().path();
        if path.is_dir() {
            collect(&path, into);
        } else if path.extension().is_some_and(|ending| ending == "rs") {
            into.push(path);
        }
    }
}

fn source(root: &Path, path: &Path) -> Source {
    let text = fs::read_to_string(path).unwrap();
    let lines: Vec<&str> = text.lines().collect();
    let tests = lines.windows(3).position(|three| {
        three[0].trim() == "#[cfg(test)]" && three[1..].iter().any(|line| line.trim_start().starts_with("mod "))
    });
    let code = lines[..tests.unwrap_or(lines.len())]
        .iter()
        .filter(|line| !line.trim().is_empty() && !line.trim_start().starts_with("//"))
        .map(|line| (*line).to_owned())
        .collect();
    let path = path.strip_prefix(root).unwrap().to_string_lossy().replace('\\', "/");
    Source { path, code, text }
}

fn room(path: &str) -> &str {
    path.split('/').next().unwrap().trim_end_matches(".rs")
}

/// True where `word` stands as a path's first part or in a `use`, not as a part of a longer word.
fn names(line: &str, word: &str) -> bool {
    let bounded = |at: usize| {
        let before = line[..at].chars().next_back();
        !before.is_some_and(|c| c.is_alphanumeric() || c == '_' || c == ':' || c == '"')
    };
    line.match_indices(&format!("{word}::")).any(|(at, _)| bounded(at))
        || line.trim().starts_with(&format!("use {word};"))
}

/// Rooms named by `crate::room` or inside `crate::{…}` on this line.
fn rooms_used(line: &str) -> Vec<&str> {
    let mut used = Vec::new();
    for (at, _) in line.match_indices("crate::") {
        let rest = &line[at + "crate::".len()..];
        let rest = rest.strip_prefix('{').unwrap_or(rest);
        let word = rest.split(|c: char| !(c.is_alphanumeric() || c == '_')).next().unwrap();
        used.push(word);
    }
    used
}

#[test]
fn rooms_use_only_the_rooms_they_may() {
    let allowed: BTreeMap<_, _> = MAY_USE.iter().copied().collect();
    let mut wrong = Vec::new();
    for source in sources() {
        let room = room(&source.path).to_owned();
        let Some(may) = allowed.get(room.as_str()) else { continue };
        for line in &source.code {
            for used in rooms_used(line) {
                // Every room may use `file`: writing a file whole is no room's own business.
                if used != room && used != "file" && allowed.contains_key(used) && !may.contains(&used) {
                    wrong.push(format!("{}: {}", source.path, line.trim()));
                }
            }
        }
    }
    assert!(wrong.is_empty(), "through the wall:\n{}", wrong.join("\n"));
}

#[test]
fn every_room_is_known_to_the_wall() {
    for source in sources() {
        let room = room(&source.path);
        let known = ["lib", "main"].contains(&room) || MAY_USE.iter().any(|(name, _)| *name == room);
        assert!(known, "{} stands in no room", source.path);
    }
}

#[test]
fn libraries_are_named_only_where_they_may_be() {
    let mut wrong = Vec::new();
    for source in sources() {
        for (library, places) in ONLY {
            if places.iter().any(|place| source.path == *place || source.path.starts_with(&format!("{place}/"))) {
                continue;
            }
            let named = source.code.iter().filter(|line| names(line, library));
            wrong.extend(named.map(|line| format!("{} names {library}: {}", source.path, line.trim())));
        }
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}

#[test]
fn the_wall_can_fall() {
    assert!(names("use rodio::Player;", "rodio") && names("let x: rodio::Sink;", "rodio"));
    assert!(!names("let x = my_rodio::y;", "rodio") && !names("use self::gemm::x;", "gemm"));
    assert_eq!(rooms_used("use crate::store::Run; // crate::tui"), ["store", "tui"]);
}

#[test]
fn every_file_says_what_it_is() {
    for source in sources() {
        assert!(source.text.starts_with("//!"), "{} does not start with //!", source.path);
    }
}

#[test]
fn unsafe_stands_only_in_the_audited_files() {
    for source in sources() {
        let named = source.code.iter().any(|line| line.contains("unsafe {") || line.contains("unsafe fn"));
        assert!(!named || UNSAFE.contains(&source.path.as_str()), "{} holds unsafe", source.path);
    }
}

#[test]
fn files_and_functions_keep_their_budgets() {
    let mut over = Vec::new();
    for source in sources() {
        if source.code.len() > FILE {
            over.push(format!("{}: {} lines of code", source.path, source.code.len()));
        }
        let mut start: Option<(usize, usize, String)> = None;
        for (at, line) in source.code.iter().enumerate() {
            let indent = line.len() - line.trim_start().len();
            if start.is_none() && (line.trim_start().starts_with("fn ") || line.contains(" fn ")) && line.ends_with('{')
            {
                start = Some((at, indent, line.trim().to_owned()));
            } else if let Some((from, depth, name)) = &start
                && *depth == indent
                && line.trim() == "}"
            {
                if at - from + 1 > FUNCTION {
                    over.push(format!("{}: {} lines: {name}", source.path, at - from + 1));
                }
                start = None;
            }
        }
    }
    assert!(over.is_empty(), "over budget:\n{}", over.join("\n"));
}
