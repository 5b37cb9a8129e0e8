//! Where a file lies, in little room: a million files lie in a few folders.
//!
//! Deliberately absent: opening it.

use std::collections::HashMap;
use std::ffi::OsString;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use super::ClipId;

/// A folder, shared by the files in it, and the file's name there.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Place {
    folder: Arc<Path>,
    /// Where it is not the last part of the clip's id.
    name: Option<Box<OsString>>,
}

/// The folders met so far.
#[derive(Debug, Default)]
pub(super) struct Folders(HashMap<PathBuf, Arc<Path>>);

impl Place {
    /// Of the file at `path`, which is called `id` in its corpus.
    pub fn of(path: &Path, id: &ClipId) -> Place {
        Folders::default().place(path, id)
    }

    /// The path, of the clip called `id` as when it was made.
    pub fn path(&self, id: &ClipId) -> PathBuf {
        match &self.name {
            Some(name) => self.folder.join(name.as_os_str()),
            None => self.folder.join(last(id)),
        }
    }
}

impl Folders {
    /// As [`Place::of`], with a folder that was met before taken from there.
    pub(super) fn place(&mut self, path: &Path, id: &ClipId) -> Place {
        let (folder, file) = match (path.parent(), path.file_name()) {
            (Some(folder), Some(file)) => (folder, file),
            _ => (path, "".as_ref()),
        };
        let folder = match self.0.get(folder) {
            Some(known) => Arc::clone(known),
            None => {
                let new: Arc<Path> = Arc::from(folder);
                self.0.insert(folder.to_owned(), Arc::clone(&new));
                new
            }
        };
        Place { folder, name: (file != last(id)).then(|| Box::new(file.to_owned())) }
    }
}

fn last(id: &ClipId) -> &str {
    id.0.rsplit_once('/').map_or(id.0.as_str(), |(_, name)| name)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_path_comes_back_as_it_was_whatever_the_id_looks_like() {
        for (path, id) in [
            ("/corpus/wav/03a01Fa.wav", "wav/03a01Fa.wav"),
            ("a.wav", "a.wav"),
            ("../x/a.wav", "../x/a.wav"),
            ("/corpus/a%FF.wav", "a%25FF.wav"),
            ("/elsewhere/b.wav", "renamed/c.wav"),
            ("/", "odd"),
        ] {
            let id = ClipId(id.into());
            assert_eq!(Place::of(Path::new(path), &id).path(&id), Path::new(path));
        }
    }

    #[test]
    fn files_of_one_folder_share_it() {
        let (mut folders, ids) = (Folders::default(), ["w/a.wav", "w/b.wav", "c.wav"].map(|id| ClipId(id.into())));
        let [a, b, c] = ids.map(|id| folders.place(&Path::new("/corpus").join(id.0.as_str()), &id));
        assert!(Arc::ptr_eq(&a.folder, &b.folder));
        assert_ne!(a.folder, c.folder);
    }
}
