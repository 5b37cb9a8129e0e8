//! Where emolab keeps things: whether they can be written, on what they lie, and how much room is left.
//!
//! Deliberately absent: what is in them (`emolab check`).

use std::path::{Path, PathBuf};

use anyhow::Result;

use super::{Finding, State};
use crate::store::{FileSystem, file_system};
use crate::workbench::places;

/// Less room than this is told of: a store that grows and its copy.
const ROOM: u64 = 256 << 20;

/// The places, and whether losing them loses labels.
pub(super) fn check() -> Vec<Finding> {
    let store = places::store().map(|store| folder(&store));
    let all: [(&str, Result<PathBuf>, bool); 5] = [
        ("store", store, true),
        ("journal", places::journal(), true),
        ("cache", places::cache(), false),
        ("models", places::models(), false),
        ("log", places::log().map(|log| folder(&log)), false),
    ];
    all.into_iter().map(|(name, place, needed)| look(name, place, needed)).collect()
}

fn look(name: &'static str, place: Result<PathBuf>, needed: bool) -> Finding {
    let lost = if needed { State::Bad } else { State::Note };
    let place = match place {
        Ok(place) => place,
        Err(error) => {
            return Finding::new("storage", name, lost, format!("{error:#}")).with("export HOME, or name a place");
        }
    };
    let near = existing(&place);
    let finding = |state, found: String| Finding::new("storage", name, state, format!("{}: {found}", place.display()));
    if let Err(error) = tempfile::Builder::new().prefix(".emolab-doctor").tempfile_in(near) {
        let reason = format!("cannot be written: {}", error.kind());
        return finding(lost, reason).with(format!("ls -ld {0}; df -h {0}", near.display()));
    }
    match (file_system(near), room(near)) {
        (FileSystem::Lockless(kind), _) if needed => finding(State::Bad, format!("on {kind}, which keeps no locks"))
            .with("name a place on a disk of this machine: --store, or `store` in the settings"),
        (_, Some(room)) if room < ROOM => finding(lost, format!("{} MB free", room >> 20)).with("make room"),
        (FileSystem::Shared(kind), _) => finding(State::Good, format!("can be written, on {kind} (shared)")),
        (_, room) => {
            let room = room.map_or(String::new(), |room| format!(", {:.1} GB free", room as f64 / 1e9));
            finding(State::Good, format!("can be written{room}"))
        }
    }
}

fn folder(file: &Path) -> PathBuf {
    file.parent().unwrap_or(file).to_owned()
}

/// The place, or the folder above it in which it would be made.
fn existing(place: &Path) -> &Path {
    place.ancestors().find(|path| path.is_dir()).unwrap_or(Path::new("/"))
}

/// Bytes that this user may still write there.
#[cfg(unix)]
fn room(place: &Path) -> Option<u64> {
    let found = rustix::fs::statvfs(place).ok()?;
    Some(found.f_bavail.saturating_mul(found.f_frsize))
}

#[cfg(not(unix))]
fn room(_place: &Path) -> Option<u64> {
    None
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use super::*;

    #[test]
    fn a_place_that_is_not_there_yet_is_judged_by_where_it_would_be() {
        let folder = tempfile::tempdir().unwrap();
        let found = look("store", Ok(folder.path().join("a/b/c")), true);
        assert_eq!(found.state, State::Good, "{found:?}");
        assert!(found.found.contains("can be written"), "{found:?}");
        assert!(std::fs::read_dir(folder.path()).unwrap().next().is_none(), "nothing is left behind");
        let file = folder.path().join("file");
        std::fs::write(&file, "").unwrap();
        assert_eq!(existing(&file.join("below")), folder.path());
    }

    #[cfg(target_os = "linux")]
    #[test]
    fn a_place_that_cannot_be_written_loses_labels_or_only_time() {
        let state = |needed| look("store", Ok("/proc/nothing".into()), needed).state;
        assert_eq!((state(true), state(false)), (State::Bad, State::Note));
    }
}
