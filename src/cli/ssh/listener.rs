//! The companion's door on the laptop: a socket in a private folder, and a thread for each connection through it.
//!
//! Deliberately absent: what is said there (see `audio::remote`), and ssh, which alone is meant to come in.

use std::os::unix::fs::PermissionsExt;
use std::os::unix::net::{UnixListener, UnixStream};
use std::path::PathBuf;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use std::thread;

use anyhow::{Context, Result};
use tempfile::TempDir;

use super::tidy;
use crate::audio::remote::{Hearth, Stream, serve};
use crate::audio::{Ladder, Sink, SinkName, Wish};

/// Where private folders are made. Not `$TMPDIR`, which may be too long for a socket's path.
pub(super) const PLACE: &str = "/tmp";
/// Connections at a time, at most: programs in several panes, and strangers who do not know the secret.
const DOORS: usize = 16;

/// An open door; dropped, it is shut and its folder is gone.
pub(super) struct Listener {
    folder: TempDir,
    shut: Arc<AtomicBool>,
    silence: Silence,
}

/// Why nothing could be played, once that was tried.
type Silence = Arc<Mutex<Option<Arc<str>>>>;

impl Listener {
    /// Opens it.
    pub(super) fn open(hearth: Hearth, wish: Wish) -> Result<Listener> {
        let mode = std::fs::Permissions::from_mode(0o700);
        let mut folder = tempfile::Builder::new();
        let folder = folder.prefix(tidy::PREFIX).rand_bytes(tidy::RANDOM).permissions(mode).tempdir_in(PLACE);
        let folder = folder.with_context(|| format!("no private folder in {PLACE}"))?;
        let door = UnixListener::bind(folder.path().join("s")).with_context(|| format!("no socket in {PLACE}"))?;
        let shut = Arc::new(AtomicBool::new(false));
        let (closing, silence) = (Arc::clone(&shut), Silence::default());
        let house = Arc::new((hearth, wish, Arc::clone(&silence)));
        thread::Builder::new().name("companion".into()).spawn(move || let_in(&door, &house, &closing))?;
        Ok(Listener { folder, shut, silence })
    }

    /// Where it is.
    pub(super) fn socket(&self) -> PathBuf {
        self.folder.path().join("s")
    }

    /// Why nothing was heard, if a sound came and there was nothing to play it on.
    pub(super) fn silence(&self) -> Option<Arc<str>> {
        self.silence.lock().unwrap_or_else(PoisonError::into_inner).clone()
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

fn let_in(door: &UnixListener, house: &Arc<(Hearth, Wish, Silence)>, shut: &AtomicBool) {
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
            let (hearth, wish, silence) = &*house;
            if let Err(error) = serve(Stream::Unix(stream), hearth, || open(wish, silence)) {
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
fn open(wish: &Wish, silence: &Silence) -> Box<dyn Sink> {
    let ladder = Ladder::here(wish);
    if let SinkName::Silent(reason) = ladder.name()
        && *wish != Wish::None
    {
        *silence.lock().unwrap_or_else(PoisonError::into_inner) = Some(reason);
    }
    Box::new(ladder)
}
