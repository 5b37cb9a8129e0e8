//! Where files lie: the XDG base directories, each overridden by a flag, a variable or a setting of its own.

use std::env;
use std::path::PathBuf;
use std::sync::OnceLock;

use anyhow::{Context, Result};

use super::config::Config;
use crate::store::Store;

static SETTINGS: OnceLock<Config> = OnceLock::new();

/// Has the places that the user's settings name taken from now on. A second call changes nothing.
pub fn settle(config: Config) {
    // A program has one user; who comes second means the same.
    let _ = SETTINGS.set(config);
}

/// Labels and runs: `$EMOLAB_STORE`, else `emolab/emolab.db` in the XDG data directory.
///
/// # Errors
/// Neither the variables nor `$HOME` are set.
pub fn store() -> Result<PathBuf> {
    own("EMOLAB_STORE", "store").map_or_else(|| Ok(Store::default_path()?), Ok)
}

/// The user's settings: `$EMOLAB_CONFIG`, else `emolab/config.toml` in the XDG config directory.
///
/// # Errors
/// Neither the variables nor `$HOME` are set.
pub fn config() -> Result<PathBuf> {
    place("EMOLAB_CONFIG", "XDG_CONFIG_HOME", ".config", "config.toml")
}

/// The user's own keys: `$EMOLAB_KEYS`, else `emolab/keys.toml` in the XDG config directory.
///
/// # Errors
/// Neither the variables nor `$HOME` are set.
pub fn keys() -> Result<PathBuf> {
    place("EMOLAB_KEYS", "XDG_CONFIG_HOME", ".config", "keys.toml")
}

/// Features of earlier runs: `$EMOLAB_CACHE`, else `emolab` in the XDG cache directory. Safe to delete.
///
/// # Errors
/// Neither the variables nor `$HOME` are set.
pub fn cache() -> Result<PathBuf> {
    place("EMOLAB_CACHE", "XDG_CACHE_HOME", ".cache", "")
}

/// The user's own models, a folder each: `$EMOLAB_MODELS`, else `emolab/models` in the XDG data directory.
///
/// # Errors
/// Neither the variables nor `$HOME` are set.
pub fn models() -> Result<PathBuf> {
    place("EMOLAB_MODELS", "XDG_DATA_HOME", ".local/share", "models")
}

/// The log: `$EMOLAB_LOG`, else `emolab/emolab.log` in the XDG state directory.
///
/// # Errors
/// Neither the variables nor `$HOME` are set.
pub fn log() -> Result<PathBuf> {
    place("EMOLAB_LOG", "XDG_STATE_HOME", ".local/state", "emolab.log")
}

/// What a killed run needs to go on: `$EMOLAB_CHECKPOINTS`, else `emolab/checkpoints` in the XDG state directory.
///
/// # Errors
/// Neither the variables nor `$HOME` are set.
pub fn checkpoints() -> Result<PathBuf> {
    place("EMOLAB_CHECKPOINTS", "XDG_STATE_HOME", ".local/state", "checkpoints")
}

/// What labels wait in while the store cannot take them: `$EMOLAB_JOURNAL`, else `emolab/journal` in the XDG state
/// directory.
///
/// # Errors
/// Neither the variables nor `$HOME` are set.
pub fn journal() -> Result<PathBuf> {
    place("EMOLAB_JOURNAL", "XDG_STATE_HOME", ".local/state", "journal")
}

/// That the tour was shown: `emolab/tour` in the XDG state directory.
///
/// # Errors
/// Neither the variables nor `$HOME` are set.
pub fn tour() -> Result<PathBuf> {
    base("XDG_STATE_HOME", ".local/state", "tour")
}

/// Where sessions stood whose connection was lost: `emolab/lost` in the XDG state directory.
///
/// # Errors
/// Neither the variables nor `$HOME` are set.
pub fn lost() -> Result<PathBuf> {
    base("XDG_STATE_HOME", ".local/state", "lost")
}

fn place(variable: &str, xdg: &str, under_home: &str, file: &str) -> Result<PathBuf> {
    let setting = variable.trim_start_matches("EMOLAB_").to_ascii_lowercase();
    own(variable, &setting).map_or_else(|| base(xdg, under_home, file), Ok)
}

/// What the user has chosen, by the variable or in a file.
fn own(variable: &str, setting: &str) -> Option<PathBuf> {
    let variable = env::var_os(variable).filter(|value| !value.is_empty()).map(PathBuf::from);
    variable.or_else(|| SETTINGS.get()?.value(setting).map(PathBuf::from))
}

fn base(xdg: &str, under_home: &str, file: &str) -> Result<PathBuf> {
    // The XDG specification: a relative path there is to be ignored.
    let base = match env::var_os(xdg).map(PathBuf::from).filter(|path| path.is_absolute()) {
        Some(base) => base,
        None => env::home_dir()
            .filter(|home| !home.as_os_str().is_empty())
            .with_context(|| format!("neither {xdg} nor HOME is set"))?
            .join(under_home),
    };
    let dir = base.join("emolab");
    Ok(if file.is_empty() { dir } else { dir.join(file) })
}

/// Its processor and the wide registers that the kernels choose by, for the record of a run: what may change last bits.
pub fn cpu() -> String {
    let listed = std::fs::read_to_string("/proc/cpuinfo").unwrap_or_default();
    let model = listed.lines().find_map(|line| line.strip_prefix("model name")?.split_once(':'));
    let name = model.map_or(env::consts::ARCH, |(_, name)| name.trim());
    format!("{name}{}", wide())
}

#[cfg(target_arch = "x86_64")]
fn wide() -> &'static str {
    if is_x86_feature_detected!("avx512f") {
        ", AVX-512"
    } else if is_x86_feature_detected!("avx2") {
        ", AVX2"
    } else {
        ""
    }
}

#[cfg(not(target_arch = "x86_64"))]
fn wide() -> &'static str {
    ""
}

/// Name of this machine, for the record of a run.
pub fn host() -> String {
    #[cfg(unix)]
    return rustix::system::uname().nodename().to_string_lossy().into_owned();
    #[cfg(not(unix))]
    env::var("COMPUTERNAME").unwrap_or_default()
}
