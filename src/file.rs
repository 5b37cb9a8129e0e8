//! Files that appear whole or not at all: written beside their place, then renamed.
//!
//! Deliberately absent: formats. Labels do not come this way; they have SQLite.

use std::io::{self, BufWriter, Write};
use std::path::Path;

/// A file that is complete and waits for its name; dropped without [`Staged::publish`], it is gone.
#[derive(Debug)]
pub struct Staged(tempfile::NamedTempFile);

/// Writes a file beside `path`, with the permissions of any new file; it takes the name with [`Staged::publish`].
///
/// # Errors
/// The folder does not exist or cannot be written, or what `write` returns.
pub fn stage<E: From<io::Error>>(
    path: &Path,
    write: impl FnOnce(&mut dyn Write) -> Result<(), E>,
) -> Result<Staged, E> {
    let folder = path.parent().filter(|folder| !folder.as_os_str().is_empty()).unwrap_or(Path::new("."));
    let mut file = beside(folder)?;
    let mut buffer = BufWriter::new(file.as_file_mut());
    write(&mut buffer)?;
    buffer.flush()?;
    drop(buffer);
    Ok(Staged(file))
}

/// [`stage`] and [`Staged::publish`] in one.
///
/// # Errors
/// As both.
pub fn write_whole<E: From<io::Error>>(
    path: &Path,
    write: impl FnOnce(&mut dyn Write) -> Result<(), E>,
) -> Result<(), E> {
    Ok(stage(path, write)?.publish(path)?)
}

impl Staged {
    /// Waits until the bytes are on the disk: for what cannot be made again.
    ///
    /// # Errors
    /// The operating system's.
    pub fn durable(self) -> io::Result<Staged> {
        self.0.as_file().sync_all()?;
        Ok(self)
    }

    /// Gives the file its name, in place of what had it.
    ///
    /// # Errors
    /// The operating system's.
    pub fn publish(self, path: &Path) -> io::Result<()> {
        self.0.persist(path)?;
        Ok(())
    }
}

/// Waits until the names in a folder are on the disk: a new file is only as durable as its name.
///
/// # Errors
/// The operating system's. Where folders cannot be opened (Windows) nothing is done.
pub fn sync_folder(folder: &Path) -> io::Result<()> {
    #[cfg(unix)]
    std::fs::File::open(if folder.as_os_str().is_empty() { Path::new(".") } else { folder })?.sync_all()?;
    #[cfg(not(unix))]
    let _ = folder;
    Ok(())
}

/// Without this a temporary file is its owner's alone, and so would be what it becomes.
fn beside(folder: &Path) -> io::Result<tempfile::NamedTempFile> {
    let mut builder = tempfile::Builder::new();
    #[cfg(unix)]
    {
        use std::os::unix::fs::PermissionsExt;
        builder.permissions(std::fs::Permissions::from_mode(0o666));
    }
    builder.tempfile_in(folder)
}

#[cfg(test)]
mod tests {
    use std::fs;

    use super::*;

    #[test]
    fn a_failed_write_leaves_the_old_file_and_nothing_else() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("a.txt");
        write_whole(&path, |out| out.write_all(b"old")).unwrap();
        let failed = write_whole(&path, |out| {
            out.write_all(b"half")?;
            Err(io::Error::other("disk full"))
        });
        assert_eq!(failed.unwrap_err().to_string(), "disk full");
        assert_eq!(fs::read(&path).unwrap(), b"old");
        assert_eq!(fs::read_dir(folder.path()).unwrap().count(), 1);
    }

    #[cfg(unix)]
    #[test]
    fn others_may_read_what_the_umask_lets_them() {
        use std::os::unix::fs::PermissionsExt;
        let folder = tempfile::tempdir().unwrap();
        let (ours, plain) = (folder.path().join("a"), folder.path().join("b"));
        write_whole(&ours, |out| out.write_all(b"x")).unwrap();
        fs::write(&plain, b"x").unwrap();
        let mode = |path: &Path| fs::metadata(path).unwrap().permissions().mode();
        assert_eq!(mode(&ours), mode(&plain));
    }
}
