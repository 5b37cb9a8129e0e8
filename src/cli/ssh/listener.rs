//! The companion's door on the laptop: a socket in a private folder, and a thread for each connection through it.
//!
//! Deliberately absent: what is said there (see `audio::remote`), and ssh, which alone is meant to come in.

use std::os::unix::fs::PermissionsExt;
use std::os::unix::net::{UnixListener, UnixStream};
use std::path::PathBuf;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::thread;

use anyhow::{Context, Result};
use tempfile::TempDir;

use super::tidy;
use crate::audio::remote::{Hearth, Stream, serve};
use crate::audio::{Ladder, Sink, Wish};

/// Where private folders are made. Not `$TMPDIR`, which may be too long for a socket's path.
pub(super) const PLACE: &str = "/tmp";
/// Connections at a time, at most: programs in several panes, and strangers who do not know the secret.
const DOORS: usize = 16;

/// An open door; dropped, it is shut and its folder is gone.
pub(super) struct Listener {
    folder: TempDir,
    shut: Arc<AtomicBool>,
}

impl Listener {
    /// Opens it.
    pub(super) fn open(hearth: Hearth, wish: Wish) -> Result<Listener> {
        let mode = std::fs::Permissions::from_mode(0o700);
        let mut folder = tempfile::Builder::new();
        let folder = folder.prefix(tidy::PREFIX).rand_bytes(tidy::RANDOM).permissions(mode).tempdir_in(PLACE);
        let folder = folder.with_context(|| format!("no private folder in {PLACE}"))?;
        let door = UnixListener::bind(folder.path().join("s")).with_context(|| format!("no socket in {PLACE}"))?;
        let shut = Arc::new(AtomicBool::new(false));
        let closing = Arc::clone(&shut);
        thread::Builder::new()
            .name("companion".into())
            .spawn(move || let_in(&door, &Arc::new((hearth, wish)), &closing))?;
        Ok(Listener { folder, shut })
    }

    /// Where it is.
    pub(super) fn socket(&self) -> PathBuf {
        self.folder.path().join("s")
    }

    /// Where ssh may keep the connection that its processes share.
    pub(super) fn control(&self) -> PathBuf {
        self.folder.path().join("c")
    }
}

impl Drop for Listener {
    fn drop(&mut self) {
        self.shut.store(true, Ordering::Relaxed);
        // It waits for somebody to come.
        let _ = UnixStream::connect(self.socket());
    }
}

fn let_in(door: &UnixListener, house: &Arc<(Hearth, Wish)>, shut: &AtomicBool) {
    let inside = Arc::new(AtomicUsize::new(0));
    for stream in door.incoming() {
        if shut.load(Ordering::Relaxed) {
            return;
        }
        let Ok(stream) = stream else { continue };
        if inside.fetch_add(1, Ordering::Relaxed) >= DOORS {
            inside.fetch_sub(1, Ordering::Relaxed);
            continue;
        }
        let (house, leaving) = (Arc::clone(house), Arc::clone(&inside));
        let visit = move || {
            let (hearth, wish) = &*house;
            if let Err(error) = serve(Stream::Unix(stream), hearth, || open(wish)) {
                log::warn!("companion: {error}");
            }
            leaving.fetch_sub(1, Ordering::Relaxed);
        };
        if thread::Builder::new().name("companion".into()).spawn(visit).is_err() {
            inside.fetch_sub(1, Ordering::Relaxed);
        }
    }
}

/// What the laptop plays on: never a companion, which might be itself.
fn open(wish: &Wish) -> Box<dyn Sink> {
    Box::new(Ladder::here(wish))
}
