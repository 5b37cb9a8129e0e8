//! Where files lie: the XDG base directories, each overridden by a flag or variable of its own.

use std::env;
use std::path::PathBuf;

use anyhow::{Context, Result};

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

/// The log that catches what libraries print while a screen is up: `emolab/emolab.log` in the XDG state directory.
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

fn place(own: &str, xdg: &str, under_home: &str, file: &str) -> Result<PathBuf> {
    if let Some(path) = env::var_os(own).filter(|value| !value.is_empty()) {
        return Ok(path.into());
    }
    // The XDG specification: a relative path there is to be ignored.
    let base = match env::var_os(xdg).map(PathBuf::from).filter(|path| path.is_absolute()) {
        Some(base) => base,
        None => env::home_dir()
            .filter(|home| !home.as_os_str().is_empty())
            .with_context(|| format!("neither {own}, {xdg} nor HOME is set"))?
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
