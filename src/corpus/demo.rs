//! The demo corpus: where it lies, and a copy inside the program for when it lies nowhere.
//!
//! Deliberately absent: making the clips (`corpora/demo/make.py` does).

use std::path::{Path, PathBuf};
use std::{env, fs, io};

use anyhow::Context as _;

/// The clips, embedded: (file name, bytes).
static CLIPS: &[(&str, &[u8])] = include!(concat!(env!("OUT_DIR"), "/demo.rs"));

/// The folder of the demo corpus: `$EMOLAB_DEMO`, `corpora/demo` beside the program, or that of the tree it was built in;
/// else the embedded copy is written to the user's cache folder (`$XDG_CACHE_HOME/emolab`, `~/.cache/emolab`).
///
/// # Errors
/// When `$EMOLAB_DEMO` is no folder, or the copy cannot be written.
pub fn demo_root() -> anyhow::Result<PathBuf> {
    if let Some(asked) = env::var_os("EMOLAB_DEMO") {
        let asked = PathBuf::from(asked);
        anyhow::ensure!(asked.is_dir(), "EMOLAB_DEMO: {} is not a folder", asked.display());
        return Ok(asked);
    }
    let beside = env::current_exe().ok().and_then(|exe| Some(exe.parent()?.join("corpora/demo")));
    let built = Path::new(env!("CARGO_MANIFEST_DIR")).join("corpora/demo");
    let there = beside.into_iter().chain([built]).find(|folder| holds_clips(folder));
    match there {
        Some(folder) => Ok(folder),
        None => unpack(&cache_folder()),
    }
}

/// Writes the embedded clips to `cache/demo-<version>` unless they are there. The folder appears complete or not at all.
///
/// # Errors
/// When the folder cannot be written.
pub fn unpack(cache: &Path) -> anyhow::Result<PathBuf> {
    let folder = cache.join(concat!("demo-", env!("CARGO_PKG_VERSION")));
    if holds_clips(&folder) {
        return Ok(folder);
    }
    let written = || -> io::Result<()> {
        fs::create_dir_all(cache)?;
        let fresh = tempfile::Builder::new().prefix("demo-").tempdir_in(cache)?;
        for (name, bytes) in CLIPS {
            fs::write(fresh.path().join(name), bytes)?;
        }
        match fs::rename(fresh.path(), &folder) {
            // Another process was faster.
            Err(_) if holds_clips(&folder) => Ok(()),
            other => other,
        }
    };
    written().with_context(|| format!("cannot unpack the demo corpus to {}", folder.display()))?;
    Ok(folder)
}

fn holds_clips(folder: &Path) -> bool {
    !CLIPS.is_empty() && CLIPS.iter().all(|(name, _)| folder.join(name).is_file())
}

fn cache_folder() -> PathBuf {
    // XDG: a relative path in the variable is to be ignored.
    let xdg = env::var_os("XDG_CACHE_HOME").map(PathBuf::from).filter(|p| p.is_absolute());
    let home = env::var_os("HOME").map(|home| Path::new(&home).join(".cache"));
    xdg.or(home).unwrap_or_else(env::temp_dir).join("emolab")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_embedded_copy_unpacks_whole_and_once() {
        let cache = tempfile::tempdir().unwrap();
        let folder = unpack(cache.path()).unwrap();
        assert_eq!(fs::read_dir(&folder).unwrap().count(), 96);
        let first = fs::metadata(folder.join(CLIPS[0].0)).unwrap().modified().unwrap();
        assert_eq!(unpack(cache.path()).unwrap(), folder);
        assert_eq!(fs::metadata(folder.join(CLIPS[0].0)).unwrap().modified().unwrap(), first);
        assert_eq!(fs::read_dir(cache.path()).unwrap().count(), 1, "no temporary folder is left");
    }
}
