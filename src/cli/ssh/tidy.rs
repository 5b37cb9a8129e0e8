//! Folders that a killed connection left in /tmp, on either side: known by their name, their owner and a socket that nobody answers.
//!
//! What ends in order removes its own. Deliberately absent: anything about folders without a dead socket; somebody may need them yet.

use std::fs;
use std::io::ErrorKind;
use std::os::unix::fs::MetadataExt;
use std::os::unix::net::UnixStream;
use std::path::Path;

/// What the folders' names begin with, and how many letters and digits follow.
pub(super) const PREFIX: &str = "emolab-";
pub(super) const RANDOM: usize = 10;

/// Removes this user's dead folders of `place`.
pub(super) fn sweep(place: &Path) {
    for entry in fs::read_dir(place).into_iter().flatten().flatten() {
        if is_named(&entry.file_name().to_string_lossy()) && is_dead(&entry.path()) {
            // One that somebody else removed just now is gone as well.
            let _ = fs::remove_dir_all(entry.path());
        }
    }
}

fn is_named(name: &str) -> bool {
    let random = name.strip_prefix(PREFIX).unwrap_or_default();
    random.len() == RANDOM && random.chars().all(|c| c.is_ascii_alphanumeric())
}

fn is_dead(folder: &Path) -> bool {
    let own = fs::symlink_metadata(folder).is_ok_and(|about| {
        about.is_dir() && about.uid() == rustix::process::getuid().as_raw() && about.mode() & 0o077 == 0
    });
    own && UnixStream::connect(folder.join("s")).is_err_and(|error| error.kind() == ErrorKind::ConnectionRefused)
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::os::unix::fs::{DirBuilderExt, PermissionsExt};
    use std::os::unix::net::UnixListener;

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
        sweep(place.path());
        assert_eq!([alive, dead, open, other, fresh].map(|path| path.exists()), [true, false, true, true, true]);
    }
}
