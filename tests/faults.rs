//! Nothing that was shown as saved is lost: many writers at once, a writer killed, a full disk, permissions taken away.
//!
//! Small numbers here; `benches/labels.rs` does the same some hundred times. Deliberately absent: a power cut (see `power`).

use std::fs;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};

use crate::support::skipped;
use crate::support::writer::{kept, lost_or_doubled, told, write};

/// What the child process of a test does: store, journal, name, first number, how many, bytes a file may have.
const CHILD: &str = "EMOLAB_TEST_WRITER";

/// A folder with a store and journals in it.
struct Place(tempfile::TempDir);

impl Place {
    fn new() -> Place {
        Place(tempfile::tempdir().unwrap())
    }

    fn paths(&self) -> (PathBuf, PathBuf) {
        (self.0.path().join("store/x.db"), self.0.path().join("journal"))
    }

    fn kept(&self) -> Vec<String> {
        let (store, journal) = self.paths();
        kept(&store, &journal)
    }

    /// The test binary as a writer.
    fn writer(&self, who: &str, first: usize, count: usize, limit: u64) -> Command {
        let mut command = Command::new(std::env::current_exe().unwrap());
        command.args(["faults::the_child_process_of_the_others", "--exact", "--nocapture"]);
        let (store, journal) = self.paths();
        let task = format!("{}|{}|{who}|{first}|{count}|{limit}", store.display(), journal.display());
        command.env(CHILD, task).stdout(Stdio::piped()).stderr(Stdio::null());
        command
    }
}

fn spawn(mut command: Command) -> Child {
    command.spawn().unwrap()
}

#[test]
fn the_child_process_of_the_others() {
    let Ok(task) = std::env::var(CHILD) else { return };
    let task: Vec<&str> = task.split('|').collect();
    let [store, journal, who, first, count, limit] = task[..] else { panic!("{task:?}") };
    limit_files(limit.parse().unwrap());
    write((Path::new(store), Path::new(journal)), who, first.parse().unwrap(), count.parse().unwrap());
}

/// No file may grow beyond so many bytes: the disk is full, for this process alone. 0: no limit.
#[cfg(unix)]
fn limit_files(bytes: u64) {
    use rustix::process::{Resource, Rlimit, setrlimit};
    if bytes > 0 {
        // Without a handler the signal would end the process before the write can fail.
        let flag = std::sync::Arc::default();
        signal_hook::flag::register(signal_hook::consts::SIGXFSZ, flag).unwrap();
        setrlimit(Resource::Fsize, Rlimit { current: Some(bytes), maximum: Some(bytes) }).unwrap();
    }
}

#[cfg(not(unix))]
fn limit_files(_bytes: u64) {}

#[test]
fn eight_processes_at_once_lose_and_double_nothing() {
    let place = Place::new();
    let writers: Vec<Child> = (0..8).map(|n| spawn(place.writer(&format!("rater{n}"), 0, 25, 0))).collect();
    let mut said = Vec::new();
    for mut writer in writers {
        said.extend(told(&mut writer, usize::MAX).concat());
        assert!(writer.wait().unwrap().success());
    }
    let kept = place.kept();
    assert_eq!((said.len(), kept.len()), (200, 200));
    assert_eq!(lost_or_doubled(&said, &kept), [] as [String; 0]);
}

#[test]
fn a_writer_killed_at_any_moment_has_lost_nothing_it_had_told() {
    let (place, mut said) = (Place::new(), Vec::new());
    for round in 0..12 {
        let mut writer = spawn(place.writer("anna", 1000 * round, 1000, 0));
        let now = told(&mut writer, 1 + round * 7 % 13).concat();
        writer.kill().unwrap();
        writer.wait().unwrap();
        assert!(!now.is_empty());
        said.extend(now);
    }
    assert_eq!(lost_or_doubled(&said, &place.kept()), [] as [String; 0]);
}

#[cfg(unix)]
#[test]
fn on_a_full_disk_labels_go_to_the_journal_or_are_told_as_lost() {
    let (place, mut said, mut waited) = (Place::new(), Vec::new(), 0);
    // Enough for the store to be made; then less and less room for its log, and at last for the journal.
    said.extend(told(&mut spawn(place.writer("anna", 0, 3, 0)), usize::MAX).concat());
    for (round, limit) in [(1, 700_000), (2, 60_000), (3, 20_000), (4, 2_000), (5, 400)] {
        let mut writer = spawn(place.writer("anna", 1000 * round, 30, limit));
        let [stored, journalled] = told(&mut writer, usize::MAX);
        assert!(writer.wait().unwrap().success());
        waited += journalled.len();
        said.extend([stored, journalled].concat());
    }
    assert!(waited > 30, "{waited}: the limits were meant to hurt");
    assert_eq!(lost_or_doubled(&said, &place.kept()), [] as [String; 0]);
}

#[cfg(unix)]
#[test]
fn without_permission_labels_wait_in_the_journal_until_it_is_given() {
    use std::os::unix::fs::{MetadataExt, PermissionsExt, chown};
    use std::os::unix::process::CommandExt;
    let (place, nobody) = (Place::new(), 65_534);
    let (store, journal) = place.paths();
    let root = place.0.path().metadata().unwrap().uid() == 0;
    let chmod = |path: &Path, mode: u32| fs::set_permissions(path, fs::Permissions::from_mode(mode)).unwrap();
    let folder = store.parent().unwrap().to_owned();
    fs::create_dir_all(&folder).unwrap();
    fs::create_dir_all(&journal).unwrap();
    chmod(place.0.path(), 0o755);
    let mut said = Vec::new();
    let as_other = |first: usize| {
        let mut command = place.writer("anna", first, 4, 0);
        if root {
            command.uid(nobody); // permissions do not bind root
        }
        command.spawn()
    };
    if root {
        [&folder, &journal].iter().for_each(|path| chown(path, Some(nobody), Some(nobody)).unwrap());
    }
    match as_other(0) {
        Ok(mut writer) => said.extend(told(&mut writer, usize::MAX).concat()),
        Err(error) => return skipped(&format!("the test cannot run itself as another user: {error}")),
    }
    // The file alone, the folder alone, both; the store not even to be read; its folder neither.
    for (round, [file_mode, folder_mode]) in
        [[0o444, 0o755], [0o644, 0o555], [0o444, 0o555], [0o000, 0o755], [0o644, 0o000]].into_iter().enumerate()
    {
        chmod(&store, file_mode);
        chmod(&folder, folder_mode);
        let [stored, journalled] = told(&mut as_other(1000 * (round + 1)).unwrap(), usize::MAX);
        chmod(&folder, 0o755);
        chmod(&store, 0o644);
        assert_eq!(stored.len() + journalled.len(), 4, "{file_mode:o} {folder_mode:o}");
        said.extend([stored, journalled].concat());
    }
    let kept = place.kept();
    assert_eq!((lost_or_doubled(&said, &kept), kept.len()), (Vec::new(), 24));
}
