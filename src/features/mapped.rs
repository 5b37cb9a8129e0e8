//! A file seen as bytes in memory, read by the system when touched.
//!
//! The only unsafe code of the cache. Deliberately absent: writing, and any meaning of the bytes.

#![allow(unsafe_code)]

use std::fs::File;
use std::io;
use std::path::Path;

/// The bytes of a file; they are on disk, not on the heap.
#[derive(Debug)]
pub struct Mapped(memmap2::Mmap);

impl Mapped {
    /// Maps a file that nobody changes any more.
    ///
    /// # Errors
    /// The operating system's: no such file, or an address space that is full.
    pub fn open(path: &Path) -> io::Result<Mapped> {
        let file = File::open(path)?;
        // SAFETY: a map is a `&[u8]` that another process could change, or whose end it could cut off (then reading there
        // is a bus error). The files mapped here are segments of the cache: they appear by rename when complete, under
        // a name that is used once, no code of emolab opens one for writing, and they go by unlink, which leaves the
        // map whole. The bytes are only ever read as plain numbers, for which every bit pattern is valid, and copied
        // out against a checksum. What remains is a stranger who cuts off a file inside emolab's own cache folder
        // while it is being read; no file can be mapped without that. See `cache::tests` for files that were damaged
        // before they were opened, which are found out.
        let map = unsafe { memmap2::Mmap::map(&file)? };
        Ok(Mapped(map))
    }

    /// All bytes of the file.
    pub fn bytes(&self) -> &[u8] {
        &self.0
    }
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use super::*;

    #[test]
    fn the_bytes_are_those_of_the_file_also_when_it_is_gone() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("a");
        std::fs::write(&path, b"once").unwrap();
        let map = Mapped::open(&path).unwrap();
        assert_eq!(map.bytes(), b"once");
        #[cfg(unix)]
        {
            std::fs::remove_file(&path).unwrap();
            assert_eq!(map.bytes(), b"once");
        }
        assert!(Mapped::open(&folder.path().join("b")).is_err());
    }

    #[test]
    fn an_empty_file_has_no_bytes() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("empty");
        std::fs::write(&path, b"").unwrap();
        assert!(Mapped::open(&path).is_ok_and(|map| map.bytes().is_empty()));
    }
}
