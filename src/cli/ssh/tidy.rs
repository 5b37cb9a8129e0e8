//! Folders that a killed connection left in /tmp, on either side: known by their name, their owner and an address that nobody answers.
//!
//! What ends in order removes its own. Deliberately absent: haste; a folder without a socket may be one that waits for its connection.

use std::fs;
use std::io::ErrorKind;
use std::os::unix::fs::MetadataExt;
use std::path::{Path, PathBuf};
use std::time::Duration;

use crate::audio::remote::{Address, read};

/// What the folders' names begin with, and how many letters and digits follow.
pub(super) const PREFIX: &str = "emolab-";
pub(super) const RANDOM: usize = 10;

/// A connection is made in less, or not at all.
const YOUNG: Duration = Duration::from_secs(60 * 60);

/// Between being bound and listening, a socket refuses too.
const OPENING: Duration = Duration::from_millis(500);
/// What has refused for as long as this is not about to listen.
const OPENED: Duration = Duration::from_secs(10);

/// Removes this user's dead folders of `place`.
pub(super) fn sweep(place: &Path) {
    sweep_after(place, || std::thread::sleep(OPENING));
}

/// The same; `pause`: what is waited for where a folder is young.
fn sweep_after(place: &Path, pause: impl FnOnce()) {
    let folders = fs::read_dir(place).into_iter().flatten().flatten();
    let named = folders.filter(|entry| is_named(&entry.file_name().to_string_lossy())).map(|entry| entry.path());
    let mut dead: Vec<PathBuf> = named.filter(|folder| is_dead(folder)).collect();
    if dead.iter().any(|folder| !is_older(folder, OPENED)) {
        pause();
        dead.retain(|folder| is_dead(folder));
    }
    for folder in dead {
        // One that somebody else removed just now is gone as well.
        let _ = fs::remove_dir_all(folder);
    }
}

fn is_named(name: &str) -> bool {
    let random = name.strip_prefix(PREFIX).unwrap_or_default();
    random.len() == RANDOM && random.chars().all(|c| c.is_ascii_alphanumeric())
}

fn is_dead(folder: &Path) -> bool {
    let Ok(about) = fs::symlink_metadata(folder) else { return false };
    let own = about.is_dir() && about.uid() == rustix::process::getuid().as_raw() && about.mode() & 0o077 == 0;
    let address = read(&folder.join("note")).map_or_else(|_| Address::Socket(folder.join("s")), |note| note.address);
    own && match address.connect().map_err(|error| error.kind()) {
        Err(ErrorKind::ConnectionRefused) => true,
        Err(ErrorKind::NotFound) => is_older(folder, YOUNG),
        _ => false,
    }
}

/// Nothing was made or removed in the folder for as long as `age`.
fn is_older(folder: &Path, age: Duration) -> bool {
    let changed = fs::symlink_metadata(folder).and_then(|about| about.modified());
    changed.is_ok_and(|then| then.elapsed().is_ok_and(|passed| passed > age))
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::os::unix::fs::{DirBuilderExt, PermissionsExt};
    use std::os::unix::net::UnixListener;

    #[test]
    fn a_socket_that_is_bound_and_about_to_listen_stays() {
        let place = tempfile::tempdir().unwrap();
        let path = place.path().join("emolab-abcdefghi6");
        fs::DirBuilder::new().mode(0o700).create(&path).unwrap();
        let address = rustix::net::SocketAddrUnix::new(path.join("s")).unwrap();
        let (family, kind) = (rustix::net::AddressFamily::UNIX, rustix::net::SocketType::STREAM);
        let socket = rustix::net::socket(family, kind, None).unwrap();
        rustix::net::bind(&socket, &address).unwrap();
        assert!(is_dead(&path), "it refuses, as a dead one does");
        sweep_after(place.path(), || rustix::net::listen(&socket, 1).unwrap());
        assert!(path.exists());
    }

    #[test]
    fn only_ones_own_folders_with_a_dead_socket_go() {
        let place = tempfile::tempdir().unwrap();
        let folder = |name: &str| {
            let path = place.path().join(name);
            fs::DirBuilder::new().mode(0o700).create(&path).unwrap();
            let door = UnixListener::bind(path.join("s")).unwrap();
            (path, door)
        };
        let (alive, _door) = folder("emolab-abcdefghi1");
        let dead = folder("emolab-abcdefghi2").0;
        let open = folder("emolab-abcdefghi3").0;
        fs::set_permissions(&open, fs::Permissions::from_mode(0o755)).unwrap();
        let other = folder("emolab-bench").0;
        let fresh = folder("emolab-abcdefghi4").0;
        fs::remove_file(fresh.join("s")).unwrap();
        let old = folder("emolab-abcdefghi5").0;
        fs::remove_file(old.join("s")).unwrap();
        fs::File::open(&old).unwrap().set_modified(std::time::SystemTime::now() - 2 * YOUNG).unwrap();
        sweep(place.path());
        assert_eq!([alive, open, other, fresh].map(|path| path.exists()), [true; 4]);
        assert_eq!([dead, old].map(|path| path.exists()), [false; 2]);
    }
}
