//! On what kind of file system a store lies, and what that means for it.
//!
//! WAL keeps its index in memory that processes share, so two machines must never open one store in that mode
//! (sqlite.org/wal.html). The rollback journal needs nothing but file locks that all machines see; where there are none,
//! nothing is safe. Deliberately absent: finding out by trying, which takes two machines.

use std::path::Path;

/// What a store may do where it lies.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum FileSystem {
    /// A disk of this machine: WAL.
    Local,
    /// Shared between machines that see each other's locks: rollback journal. Its name.
    Shared(String),
    /// Shared between machines that do not: no writing. Its name.
    Lockless(String),
}

/// Asks the system about the folder or file at `path`. What cannot be asked counts as local.
pub fn file_system(path: &Path) -> FileSystem {
    #[cfg(target_os = "linux")]
    return linux::file_system(path);
    #[cfg(not(target_os = "linux"))]
    {
        let _ = path;
        FileSystem::Local
    }
}

#[cfg(target_os = "linux")]
mod linux {
    use std::path::Path;

    use super::FileSystem;

    /// Numbers of statfs(2) and of linux/magic.h.
    const SHARED: &[(u64, &str)] = &[
        (0x6969, "NFS"),
        (0x517B, "SMB"),
        (0xFF53_4D42, "CIFS"),
        (0xFE53_4D42, "SMB2"),
        (0x0102_1997, "9p"),
        (0x00C3_6400, "Ceph"),
        (0x0BD0_0BD0, "Lustre"),
        (0x4750_4653, "GPFS"),
        (0x1983_0326, "BeeGFS"),
        (0x0116_1970, "GFS2"),
        (0x7461_636F, "OCFS2"),
    ];
    const LOCKLESS: &[(u64, &str)] = &[(0x5346_414F, "AFS"), (0x7375_7245, "Coda"), (0x564C, "NCP")];
    const FUSE: u64 = 0x6573_5546;
    /// Kinds under FUSE that keep locks to the machine, and that share them.
    const FUSE_LOCKLESS: &[&str] = &["sshfs", "s3fs", "rclone", "gvfsd-fuse", "gcsfuse", "davfs", "curlftpfs"];
    const FUSE_SHARED: &[&str] = &["glusterfs", "ceph", "ceph-fuse", "moosefs", "lizardfs", "juicefs"];

    pub(super) fn file_system(path: &Path) -> FileSystem {
        let Ok(found) = rustix::fs::statfs(path) else { return FileSystem::Local };
        // The field is signed on some machines; the numbers have 32 bits.
        let magic = found.f_type as u64 & 0xFFFF_FFFF;
        let mounts = std::fs::read_to_string("/proc/self/mountinfo").unwrap_or_default();
        let whole = path.canonicalize().unwrap_or_else(|_| path.to_owned());
        judge(magic, mount(&mounts, &whole))
    }

    /// Kind and options of the mount that `path` lies under: the longest mount point, the last of equals (proc(5)).
    fn mount<'a>(mounts: &'a str, path: &Path) -> Option<(&'a str, &'a str)> {
        let lines = mounts.lines().filter_map(|line| {
            let (before, after) = line.split_once(" - ")?;
            let point = before.split(' ').nth(4)?.replace("\\040", " ");
            let mut after = after.split(' ');
            let (kind, options) = (after.next()?, after.nth(1).unwrap_or_default());
            path.starts_with(&point).then_some((point.len(), (kind, options)))
        });
        lines.max_by_key(|(length, _)| *length).map(|(_, mount)| mount)
    }

    pub(super) fn judge(magic: u64, mount: Option<(&str, &str)>) -> FileSystem {
        let (kind, options) = mount.unwrap_or_default();
        let named =
            |table: &[(u64, &'static str)]| table.iter().find(|(number, _)| *number == magic).map(|(_, name)| *name);
        if let Some(name) = named(LOCKLESS) {
            return FileSystem::Lockless(name.to_owned());
        }
        if let Some(name) = named(SHARED) {
            let mut options = options.split(',');
            let own_locks = options.any(|option| ["nolock", "local_lock=all", "local_lock=posix"].contains(&option));
            let name = if own_locks { format!("{name} without locks between machines") } else { name.to_owned() };
            return if own_locks { FileSystem::Lockless(name) } else { FileSystem::Shared(name) };
        }
        match kind.strip_prefix("fuse.") {
            Some(sub) if magic == FUSE && FUSE_LOCKLESS.contains(&sub) => FileSystem::Lockless(sub.to_owned()),
            Some(sub) if magic == FUSE && FUSE_SHARED.contains(&sub) => FileSystem::Shared(sub.to_owned()),
            _ => FileSystem::Local,
        }
    }

    #[cfg(test)]
    mod tests {
        use super::*;

        #[test]
        fn the_mount_of_a_path_is_the_innermost() {
            let mounts = "22 1 8:1 / / rw - ext4 /dev/sda rw\n\
                30 22 0:40 / /home rw,relatime shared:1 - nfs4 server:/home rw,vers=4.2,local_lock=none\n\
                31 30 0:41 / /home/my\\040lab rw - fuse.sshfs a@b:/ rw\n";
            let kind = |path: &str| mount(mounts, Path::new(path)).unwrap().0;
            assert_eq!([kind("/etc"), kind("/home/x"), kind("/home/my lab/x")], ["ext4", "nfs4", "fuse.sshfs"]);
            assert_eq!(judge(0x6969, mount(mounts, Path::new("/home/x"))), FileSystem::Shared("NFS".to_owned()));
            let sshfs = judge(FUSE, mount(mounts, Path::new("/home/my lab/x")));
            assert_eq!(sshfs, FileSystem::Lockless("sshfs".to_owned()));
        }

        #[test]
        fn network_mounts_without_common_locks_are_told_apart() {
            assert!(matches!(judge(0x6969, Some(("nfs", "rw,nolock"))), FileSystem::Lockless(_)));
            assert!(matches!(judge(0xFF53_4D42, Some(("cifs", "rw,vers=3.1.1"))), FileSystem::Shared(_)));
            assert_eq!(judge(FUSE, Some(("fuse.ntfs-3g", "rw"))), FileSystem::Local);
            assert_eq!(judge(0xEF53, Some(("ext4", "rw"))), FileSystem::Local);
            assert_eq!(file_system(Path::new("/proc")), FileSystem::Local);
        }
    }
}
