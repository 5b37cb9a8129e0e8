//! A store in a folder that belongs to a group: what one rater makes, the others may write.
//!
//! SQLite gives the files beside a store (`-wal`, `-shm`) the permissions of the store itself, so those of the store are
//! enough. Deliberately absent: changing a file that exists already (its owner may have had reasons).

use std::io;
use std::path::Path;

/// Makes the file of a new store writable for the group, if its folder is and hands its group on (`chmod g+ws`). The umask,
/// which speaks of a user's own files, would forbid it.
#[cfg(unix)]
pub(super) fn prepare(path: &Path) -> io::Result<()> {
    use std::fs::{OpenOptions, Permissions};
    use std::os::unix::fs::{OpenOptionsExt, PermissionsExt};

    const HANDS_GROUP_ON: u32 = 0o2020;
    let folder = path.parent().filter(|folder| !folder.as_os_str().is_empty()).unwrap_or(Path::new("."));
    let mode = folder.metadata().map_or(0, |folder| folder.permissions().mode());
    if path.exists() || mode & HANDS_GROUP_ON != HANDS_GROUP_ON {
        return Ok(());
    }
    match OpenOptions::new().write(true).create_new(true).mode(0o600).open(path) {
        Ok(file) => file.set_permissions(Permissions::from_mode(0o660 | mode & 0o004)),
        Err(error) if error.kind() == io::ErrorKind::AlreadyExists => Ok(()),
        Err(error) => Err(error),
    }
}

/// There are no groups of this kind.
#[cfg(not(unix))]
pub(super) fn prepare(_path: &Path) -> io::Result<()> {
    Ok(())
}

#[cfg(all(test, unix))]
mod tests {
    use std::fs::{self, Permissions};
    use std::os::unix::fs::PermissionsExt;

    use crate::store::Store;

    #[test]
    fn a_store_in_a_folder_of_a_group_is_the_groups_with_all_that_lies_beside_it() {
        let folder = tempfile::tempdir().unwrap();
        let modes = |folder_mode: u32, name: &str| {
            fs::set_permissions(folder.path(), Permissions::from_mode(folder_mode)).unwrap();
            let path = folder.path().join(name);
            let store = Store::open(&path).unwrap();
            store.content().unwrap();
            let mode = |ending: &str| {
                let file = crate::store::with_ending(&path, ending);
                fs::metadata(file).unwrap().permissions().mode() & 0o777
            };
            let modes = ["", "-wal", "-shm"].map(mode);
            drop(store);
            modes
        };
        assert_eq!(modes(0o2775, "all.db"), [0o664; 3]);
        assert_eq!(modes(0o2770, "group.db"), [0o660; 3]);
        assert!(modes(0o755, "own.db").iter().all(|mode| mode & 0o020 == 0));
    }
}
