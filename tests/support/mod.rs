//! What several topics need: the program, a home of its own for each test, the demo corpus, the real recordings.

pub mod gallery;
pub mod pty;
pub mod svg;
pub mod writer;

use std::path::{Path, PathBuf};
use std::process::{Command, Output};

use emolab::features::Kind;
use emolab::learn::Classifier;
use emolab::learn::cnn::Settings;

/// A net of one block: the crate under test is not optimised, and what is tested around a net needs no better one.
pub const SMALL_NET: &str = r#"
smoothing = 0.1
second = 0.3

[schedule]
epochs = 40
batch = 16
patience = 40
rate = 1e-2
curve = { kind = "one_cycle", rise = 0.2, from = 0.1 }
method = { kind = "adam" }
average = { kind = "none" }

[augment]
frames = 32

[[layer]]
kind = "conv"
channels = 8
kernel = [3, 3]

[[layer]]
kind = "batch_norm"

[[layer]]
kind = "relu"

[[layer]]
kind = "mean_pool"
parts = 3
"#;

/// A home that nothing else uses; gone when dropped.
pub struct Home(tempfile::TempDir);

impl Home {
    pub fn new() -> Home {
        Home(tempfile::tempdir().unwrap())
    }

    pub fn path(&self) -> &Path {
        self.0.path()
    }

    /// The program with this home, without sound, without the caller's settings.
    pub fn emolab(&self, args: &[&str]) -> Command {
        let mut command = Command::new(env!("CARGO_BIN_EXE_emolab"));
        let ours = |name: &str| name.starts_with("EMOLAB_") && !["EMOLAB_DEMO", "EMOLAB_CORPORA"].contains(&name);
        for (name, _) in std::env::vars_os() {
            let name = name.to_string_lossy();
            if ours(&name) || name.starts_with("XDG_") || name == "RUST_LOG" {
                command.env_remove(name.as_ref());
            }
        }
        command.env("HOME", self.path()).current_dir(self.path()).args(args);
        command
    }

    /// Runs to the end.
    pub fn run(&self, args: &[&str]) -> Output {
        self.emolab(args).output().unwrap()
    }
}

/// The demo corpus of this checkout.
pub fn demo() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("corpora/demo")
}

/// A small corpus: the demo's clips for which `wanted` holds, copied.
pub fn part_of_demo(into: &Path, wanted: impl Fn(&str) -> bool) -> PathBuf {
    let dir = into.join("clips");
    std::fs::create_dir_all(&dir).unwrap();
    for entry in std::fs::read_dir(demo()).unwrap() {
        let path = entry.unwrap().path();
        let name = path.file_name().unwrap().to_string_lossy().into_owned();
        if name.ends_with(".flac") && wanted(&name) {
            std::fs::copy(&path, dir.join(&name)).unwrap();
        }
    }
    dir
}

pub fn text(bytes: &[u8]) -> String {
    String::from_utf8_lossy(bytes).into_owned()
}

/// A folder of the real recordings beside the checkout (or under `$EMOLAB_CORPORA`); `None`, said aloud, where it is
/// absent.
pub fn recordings(name: &str) -> Option<PathBuf> {
    let beside = Path::new(env!("CARGO_MANIFEST_DIR")).join("../shared/corpora");
    let folder = std::env::var_os("EMOLAB_CORPORA").map_or(beside, PathBuf::from).join(name);
    if folder.is_dir() {
        return Some(folder);
    }
    skipped(&format!("no {}", folder.display()));
    None
}

/// Says so on the real stderr: what a passing test prints by macro is swallowed.
pub fn skipped(why: &str) {
    use std::io::Write;
    let _ = writeln!(std::io::stderr(), "skipped: {why}");
}

/// The registry's net with an eighth of its width, or as it is where it reads rows: all of its layers, in the time that the
/// test profile has.
pub fn narrow(kind: &dyn Classifier) -> Option<Settings> {
    let settings = kind.settings()?.unwrap();
    if kind.kind() == Kind::Row {
        return Some(settings);
    }
    let mut table: toml::Table = settings.text().unwrap().parse().unwrap();
    for layer in table["layer"].as_array_mut().unwrap() {
        for key in ["channels", "hidden"] {
            if let Some(width) = layer.get_mut(key) {
                *width = toml::Value::Integer((width.as_integer().unwrap() / 8).max(4));
            }
        }
    }
    Some(Settings::read(&table.to_string()).unwrap())
}
