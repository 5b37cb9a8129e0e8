//! What the companion keeps of the sounds that it was sent: some in memory, more in a folder, each under the hash of its samples.
//!
//! Both are bounded, the oldest go first, and every file is checked when it is read: its name is a promise that anybody could
//! have broken. Deliberately absent: names that came over the wire; a file's name is 64 hex digits.

use std::collections::VecDeque;
use std::fs;
use std::io;
use std::os::unix::fs::DirBuilderExt;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::SystemTime;

use super::packing::unpack;
use super::wire::Header;
use crate::audio::{AudioHash, Sound};
use crate::file;

/// Samples kept in memory, over all sounds: 256 MiB.
const SAMPLES: usize = 1 << 26;
/// Bytes kept in the folder.
const BYTES: u64 = 1 << 29;

/// The sounds at hand.
pub(super) struct Keep {
    /// The one used last at the end.
    memory: VecDeque<(AudioHash, Arc<Sound>)>,
    folder: Option<PathBuf>,
    most: u64,
}

impl Keep {
    /// With a folder, which is made when the first sound goes there; without one, memory alone.
    pub(super) fn new(folder: Option<PathBuf>) -> Keep {
        Keep { memory: VecDeque::new(), folder, most: BYTES }
    }

    /// A sound that is in memory.
    pub(super) fn get(&mut self, hash: AudioHash) -> Option<Arc<Sound>> {
        let at = self.memory.iter().position(|(of, _)| *of == hash)?;
        let entry = self.memory.remove(at)?;
        let sound = Arc::clone(&entry.1);
        self.memory.push_back(entry);
        Some(sound)
    }

    /// Whether the announced sound is at hand; one in the folder is brought to memory.
    pub(super) fn has(&mut self, header: &Header) -> bool {
        if self.get(header.hash).is_some() {
            return true;
        }
        let Some(path) = self.path(header.hash) else { return false };
        // Looked at before it is read: another program may have put anything there.
        if !fs::symlink_metadata(&path).is_ok_and(|file| file.is_file() && file.len() == header.bytes) {
            return false;
        }
        match fs::read(&path).map(|bytes| unpack(header, &bytes)) {
            Ok(Ok(sound)) => {
                // Only the time it was used last: the folder's oldest go first.
                let _ = fs::File::open(&path).and_then(|file| file.set_modified(SystemTime::now()));
                self.remember(header.hash, Arc::new(sound));
                true
            }
            _ => false,
        }
    }

    /// Takes in a sound that has arrived.
    ///
    /// # Errors
    /// The bytes are not the sound that was announced; one line.
    pub(super) fn take(&mut self, header: &Header, bytes: &[u8]) -> Result<(), String> {
        self.remember(header.hash, Arc::new(unpack(header, bytes)?));
        if let Some(path) = self.path(header.hash)
            && let Some(folder) = &self.folder
        {
            // A cache that cannot be written is a cache less, and no reason to be silent.
            let _ = private(folder).and_then(|()| {
                thin_out(folder, self.most.saturating_sub(bytes.len() as u64));
                file::write_whole(&path, |out| out.write_all(bytes))
            });
        }
        Ok(())
    }

    fn remember(&mut self, hash: AudioHash, sound: Arc<Sound>) {
        self.memory.push_back((hash, sound));
        let mut samples: usize = self.memory.iter().map(|(_, sound)| sound.samples.len()).sum();
        while samples > SAMPLES && self.memory.len() > 1 {
            samples -= self.memory.pop_front().map_or(0, |(_, sound)| sound.samples.len());
        }
    }

    fn path(&self, hash: AudioHash) -> Option<PathBuf> {
        Some(self.folder.as_ref()?.join(format!("{hash}.sound")))
    }
}

/// The folder, for nobody else: what somebody said may be nobody else's business.
fn private(folder: &Path) -> io::Result<()> {
    fs::DirBuilder::new().recursive(true).mode(0o700).create(folder)
}

/// Removes the sounds used longest ago until the rest takes at most that many bytes.
fn thin_out(folder: &Path, most: u64) {
    let Ok(entries) = fs::read_dir(folder) else { return };
    let sound = |entry: fs::DirEntry| {
        let (path, about) = (entry.path(), entry.metadata().ok()?);
        (about.is_file() && path.extension()? == "sound").then_some((about.modified().ok()?, about.len(), path))
    };
    let mut sounds: Vec<_> = entries.flatten().filter_map(sound).collect();
    sounds.sort();
    let mut bytes: u64 = sounds.iter().map(|(_, bytes, _)| bytes).sum();
    for (_, size, path) in sounds {
        if bytes <= most {
            return;
        }
        // One that another companion removed just now is gone as well.
        let _ = fs::remove_file(path);
        bytes -= size;
    }
}

#[cfg(test)]
mod tests {
    use super::super::packing::pack;
    use super::*;

    fn packed(number: usize) -> (Header, Vec<u8>) {
        pack(&Sound { samples: vec![0.3 + number as f32; 100], channels: 1, rate: 16_000 })
    }

    #[test]
    fn what_arrived_once_is_there_for_the_next_companion() {
        let folder = tempfile::tempdir().unwrap();
        let (header, bytes) = packed(1);
        let mut keep = Keep::new(Some(folder.path().join("heard")));
        assert!(!keep.has(&header) && keep.get(header.hash).is_none());
        keep.take(&header, &bytes).unwrap();
        assert_eq!(keep.get(header.hash).unwrap().samples.len(), 100);
        let mut next = Keep::new(Some(folder.path().join("heard")));
        assert!(next.has(&header));
        assert_eq!(next.get(header.hash), keep.get(header.hash));
    }

    #[test]
    fn a_file_that_is_not_its_sound_is_not_played() {
        let folder = tempfile::tempdir().unwrap();
        let (header, mut bytes) = packed(1);
        let mut keep = Keep::new(Some(folder.path().to_owned()));
        keep.take(&header, &bytes).unwrap();
        bytes[7] ^= 1;
        let file = fs::read_dir(folder.path()).unwrap().next().unwrap().unwrap().path();
        fs::write(file, &bytes).unwrap();
        assert!(!Keep::new(Some(folder.path().to_owned())).has(&header));
        assert!(keep.take(&header, &bytes).is_err());
    }

    #[test]
    fn the_folder_is_bounded_and_leaves_what_is_not_its_own() {
        let folder = tempfile::tempdir().unwrap();
        fs::write(folder.path().join("other"), [0; 5_000]).unwrap();
        let mut keep = Keep { most: 1_000, ..Keep::new(Some(folder.path().to_owned())) };
        for number in 0..6 {
            let (header, bytes) = packed(number);
            assert_eq!(bytes.len(), 400);
            keep.take(&header, &bytes).unwrap();
        }
        let names = fs::read_dir(folder.path()).unwrap().map(|entry| entry.unwrap().file_name());
        assert_eq!(names.filter(|name| name != "other").count(), 2);
        assert!(folder.path().join("other").exists());
    }
}
