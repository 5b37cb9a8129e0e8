//! The store as its users see it: several windows on one file, strange and damaged files, a killed process.
//!
//! Deliberately absent: what needs a look inside the file (unit tests of `store`).

#![allow(clippy::unwrap_used, clippy::print_stdout)]

use std::fs;
use std::path::Path;
use std::process::{Command, Stdio};

use emolab::corpus::ClipId;
use emolab::label::{Act, Annotator, Exposure, NewAnnotation, SchemeId};
use emolab::store::{Content, FileSystem, Store, StoreError};

use crate::support::{Home, skipped, text};

fn new(annotator: &str, clip: &str, act: Act) -> NewAnnotation {
    let (who, scheme) = (Annotator::Human(annotator.to_owned()), SchemeId { name: "emodb7".to_owned(), version: 1 });
    NewAnnotation::now(ClipId(clip.into()), "00ff".to_owned(), who, scheme, act)
}

fn label(annotator: &str, clip: &str) -> NewAnnotation {
    new(annotator, clip, Act::label("anger"))
}

fn clips(store: &Store, annotator: Option<&str>) -> Vec<String> {
    let who = annotator.map(|name| Annotator::Human(name.to_owned()));
    store.annotations("/c", who.as_ref()).unwrap().into_iter().map(|it| it.said.clip.0.to_string()).collect()
}

#[test]
fn what_was_appended_reads_back_after_reopening() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("deep/er/x.db");
    let mut store = Store::open(&path).unwrap();
    let mut sure = label("anna", "wav/ä b.wav");
    sure.confidence = Some(0.1 + 0.2);
    sure.exposure = Some(Exposure::After("emodb-cnn".to_owned()));
    let first = store.append("/c", &sure).unwrap();
    let said = [
        first.clone(),
        store.append("/c", &new("anna", "wav/ä b.wav", Act::Undo(first.id))).unwrap(),
        store.append("/c", &new("anna", "wav/ä b.wav", Act::Redo(first.id))).unwrap(),
        store.append("/c", &new("ben", "x", Act::Note("say \"=1\"\n".to_owned()))).unwrap(),
        store.append("/c", &new("ben", "x", Act::Flag(true))).unwrap(),
    ];
    store.append("/other", &label("ben", "x")).unwrap();
    drop(store);
    let store = Store::open(&path).unwrap();
    assert_eq!(store.annotations("/c", None).unwrap(), said);
    assert_eq!(store.annotations("/c", Some(&Annotator::Human("ben".to_owned()))).unwrap(), said[3..]);
    assert_eq!(store.annotations("/c", Some(&Annotator::Machine("ben".to_owned()))).unwrap(), []);
}

#[test]
fn senseless_annotations_are_refused_and_leave_nothing() {
    let folder = tempfile::tempdir().unwrap();
    let mut store = Store::open(&folder.path().join("x.db")).unwrap();
    let said = store.append("/c", &label("anna", "a")).unwrap();
    let undone = store.append("/c", &new("anna", "a", Act::Undo(said.id))).unwrap();
    let mut unsure = label("anna", "a");
    unsure.confidence = Some(f64::NAN);
    let senseless = [
        unsure,
        label("", "a"),
        new("ben", "a", Act::Undo(said.id)),
        new("anna", "b", Act::Undo(said.id)),
        new("anna", "a", Act::Undo(undone.id)),
    ];
    for new in senseless {
        let refused = store.append("/c", &new).unwrap_err();
        assert!(matches!(refused, StoreError::Refused(_)), "{refused}");
    }
    assert_eq!(clips(&store, None), ["a", "a"]);
}

#[test]
fn many_windows_write_at_once_and_lose_nothing() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("x.db");
    let write = |who: String| {
        let mut store = Store::open(&path).unwrap();
        for n in 0..50 {
            store.append("/c", &label(&who, &format!("{who}{n:02}"))).unwrap();
        }
    };
    // All open the file while it does not exist yet.
    std::thread::scope(|scope| (0..4).for_each(|n| drop(scope.spawn(move || write(format!("rater{n}"))))));
    let store = Store::open(&path).unwrap();
    assert_eq!(clips(&store, None).len(), 200);
    for who in ["rater0", "rater1", "rater2", "rater3"] {
        assert_eq!(clips(&store, Some(who)), (0..50).map(|n| format!("{who}{n:02}")).collect::<Vec<_>>());
    }
}

/// Opens `path`, which must be refused and stay as it is, with nothing left beside it.
fn refused(path: &Path) -> StoreError {
    let before = fs::read(path).unwrap();
    let error = Store::open(path).unwrap_err();
    assert!(error.to_string().contains(&path.display().to_string()), "{error}");
    assert_eq!(fs::read(path).unwrap(), before, "touched");
    let beside = fs::read_dir(path.parent().unwrap()).unwrap().count();
    assert_eq!(beside, 1, "something was left beside it");
    error
}

#[test]
fn foreign_files_are_refused_untouched() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("x.db");
    for bytes in [&b"file,label\na.wav,anger\n"[..], b"SQLite format 3\0", b"S"] {
        fs::write(&path, bytes).unwrap();
        assert!(matches!(refused(&path), StoreError::NotAStore { .. }));
    }
    fs::remove_file(&path).unwrap();
    rusqlite::Connection::open(&path).unwrap().execute_batch("CREATE TABLE birds (name)").unwrap();
    let error = refused(&path);
    assert!(error.to_string().ends_with("an SQLite file, but not a store of emolab"), "{error}");
    assert!(matches!(Store::open(folder.path()), Err(StoreError::Unusable { .. })), "a folder");
}

#[test]
fn a_newer_store_is_refused_untouched() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("x.db");
    drop(Store::open(&path).unwrap());
    rusqlite::Connection::open(&path).unwrap().pragma_update(None, "user_version", 99).unwrap();
    let error = refused(&path);
    assert!(matches!(error, StoreError::TooNew { found: 99, .. }), "{error}");
}

#[test]
fn truncated_and_overwritten_stores_are_refused_untouched() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("x.db");
    let mut store = Store::open(&path).unwrap();
    for n in 0..200 {
        store.append("/c", &label("anna", &format!("{n}"))).unwrap();
    }
    drop(store);
    let whole = fs::read(&path).unwrap();
    for length in [60, 100, 4096, whole.len() / 2, whole.len() - 4096] {
        fs::write(&path, &whole[..length]).unwrap();
        let error = refused(&path);
        assert!(matches!(error, StoreError::Damaged { .. } | StoreError::NotAStore { .. }), "{length}: {error}");
    }
    for page in 1..whole.len() / 4096 {
        let mut spoilt = whole.clone();
        spoilt[page * 4096..][..2048].fill(0xA5);
        fs::write(&path, &spoilt).unwrap();
        let error = refused(&path);
        assert!(matches!(error, StoreError::Damaged { .. }), "page {page}: {error}");
    }
    fs::write(&path, &whole).unwrap();
    assert_eq!(clips(&Store::open(&path).unwrap(), None).len(), 200);
}

#[test]
fn a_folder_that_cannot_be_made_is_told_with_the_name_of_the_store() {
    let folder = tempfile::tempdir().unwrap();
    fs::write(folder.path().join("file"), "").unwrap();
    let error = Store::open(&folder.path().join("file/x.db")).unwrap_err();
    assert!(matches!(error, StoreError::Unusable { .. }));
    assert!(error.to_string().contains("file/x.db"), "{error}");
}

/// What the child process of a test does: `write` until killed, or `append` once; it tells on stdout.
const CHILD: &str = "EMOLAB_TEST_STORE_CHILD";

fn child(test: &str, task: &str, path: &Path) -> Command {
    let mut command = Command::new(std::env::current_exe().unwrap());
    command.args([test, "--exact", "--nocapture"]).env(CHILD, format!("{task} {}", path.display()));
    command.stdout(Stdio::piped()).stderr(Stdio::piped());
    command
}

fn task_of_child() -> Option<(String, String)> {
    std::env::var(CHILD).ok()?.split_once(' ').map(|(task, path)| (task.to_owned(), path.to_owned()))
}

#[test]
fn a_killed_process_loses_nothing_it_had_told() {
    use std::io::{BufRead, BufReader};
    if let Some((_, path)) = task_of_child() {
        let mut store = Store::open(Path::new(&path)).unwrap();
        for n in 0.. {
            store.append("/c", &label("anna", &format!("{n}"))).unwrap();
            println!("told {n}");
        }
    }
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("x.db");
    for round in 1..=3 {
        let test = concat!(module_path!(), "::a_killed_process_loses_nothing_it_had_told");
        let mut child = child(test.split_once("::").unwrap().1, "write", &path).spawn().unwrap();
        let lines = BufReader::new(child.stdout.take().unwrap()).lines().map(Result::unwrap);
        let told = lines.filter(|line| line.starts_with("told ")).take(20).count();
        child.kill().unwrap();
        child.wait().unwrap();
        assert_eq!(told, 20);
        let kept = clips(&Store::open(&path).unwrap(), None).len();
        assert!(kept >= 20 * round, "round {round}: {kept} kept");
    }
}

#[cfg(unix)]
#[test]
fn a_read_only_store_can_be_read_and_says_why_it_cannot_be_written() {
    use std::os::unix::fs::{MetadataExt, PermissionsExt};
    use std::os::unix::process::CommandExt;
    if let Some((_, path)) = task_of_child() {
        let mut store = Store::open(Path::new(&path)).unwrap();
        println!("read {:?}", clips(&store, None));
        let error = store.append("/c", &label("anna", "b")).unwrap_err();
        println!("error {error}");
        println!("read {:?}", clips(&store, None));
        return;
    }
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("x.db");
    Store::open(&path).unwrap().append("/c", &label("anna", "a")).unwrap();
    fs::set_permissions(&path, fs::Permissions::from_mode(0o444)).unwrap();
    fs::set_permissions(folder.path(), fs::Permissions::from_mode(0o777)).unwrap();
    let test = concat!(module_path!(), "::a_read_only_store_can_be_read_and_says_why_it_cannot_be_written");
    let mut child = child(test.split_once("::").unwrap().1, "append", &path);
    if folder.path().metadata().unwrap().uid() == 0 {
        child.uid(65_534); // permissions do not bind root
    }
    let output = match child.output() {
        Ok(output) => output,
        Err(error) => return skipped(&format!("the test cannot run itself as another user: {error}")),
    };
    let text = String::from_utf8_lossy(&output.stdout);
    assert_eq!(text.matches("read [\"a\"]").count(), 2, "{text}\n{}", String::from_utf8_lossy(&output.stderr));
    assert!(text.contains(&format!("error {}: attempt to write a readonly database", path.display())), "{text}");
}

#[test]
fn a_store_that_was_removed_under_an_open_window_takes_no_label_for_saved() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("x.db");
    let mut store = Store::open(&path).unwrap();
    store.append("/c", &label("anna", "a")).unwrap();
    fs::rename(&path, folder.path().join("y.db")).unwrap();
    assert!(matches!(store.append("/c", &label("anna", "b")), Err(StoreError::Vanished { .. })));
    assert!(matches!(Store::open_existing(&path), Err(StoreError::Vanished { .. })), "none is made in its place");
}

#[test]
fn on_a_shared_file_system_the_rollback_journal_is_used_and_where_there_are_no_locks_nothing() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("x.db");
    Store::open(&path).unwrap().append("/c", &label("anna", "a")).unwrap();
    let on = |kind: FileSystem| Store::open_on(&path, &move |_: &Path| kind.clone());
    let mut store = on(FileSystem::Shared("NFS".to_owned())).unwrap();
    store.append("/c", &label("anna", "b")).unwrap();
    assert!(store.cautions()[0].contains("lies on NFS"), "{:?}", store.cautions());
    assert!(!folder.path().join("x.db-wal").exists() && !folder.path().join("x.db-shm").exists());
    let mut second = on(FileSystem::Shared("NFS".to_owned())).unwrap();
    second.append("/c", &label("ben", "c")).unwrap();
    drop((store, second));
    assert_eq!(clips(&Store::open(&path).unwrap(), None), ["a", "b", "c"]);
    let refused = on(FileSystem::Lockless("sshfs".to_owned())).unwrap_err();
    assert!(refused.to_string().contains("lies on sshfs") && refused.to_string().contains("emolab merge"), "{refused}");
}

#[test]
fn a_store_in_wal_mode_is_not_opened_on_a_shared_file_system_while_someone_has_it() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("x.db");
    let mut local = Store::open(&path).unwrap();
    local.append("/c", &label("anna", "a")).unwrap();
    let refused = Store::open_on(&path, &|_: &Path| FileSystem::Shared("NFS".to_owned())).unwrap_err();
    assert!(matches!(refused, StoreError::Busy { .. }), "{refused}");
}

#[test]
fn a_backup_is_of_one_moment_and_replaces_nothing() {
    let folder = tempfile::tempdir().unwrap();
    let (path, copy) = (folder.path().join("x.db"), folder.path().join("copy.db"));
    let mut store = Store::open(&path).unwrap();
    store.append("/c", &label("anna", "a")).unwrap();
    assert_eq!(store.backup(&copy).unwrap(), Content { annotations: 1, runs: 0 });
    let before = fs::read(&copy).unwrap();
    store.append("/c", &label("anna", "b")).unwrap();
    assert!(store.backup(&copy).unwrap_err().to_string().ends_with("copy.db: exists already"));
    assert_eq!(fs::read(&copy).unwrap(), before);
    assert_eq!(
        store.annotations("/c", None).unwrap()[..1],
        Store::open(&copy).unwrap().annotations("/c", None).unwrap()
    );
    assert!(store.backup(&folder.path().join("no/such/copy.db")).is_err());
    assert_eq!(
        fs::read_dir(folder.path())
            .unwrap()
            .filter(|entry| { entry.as_ref().unwrap().file_name().to_string_lossy().starts_with(".emolab") })
            .count(),
        0,
        "no half copy is left"
    );
}

#[test]
fn restoring_keeps_what_was_there_whole_or_damaged() {
    let folder = tempfile::tempdir().unwrap();
    let (path, copy) = (folder.path().join("x.db"), folder.path().join("copy.db"));
    let mut store = Store::open(&path).unwrap();
    store.append("/c", &label("anna", "a")).unwrap();
    store.backup(&copy).unwrap();
    store.append("/c", &label("anna", "b")).unwrap();
    let busy = Store::restore(&copy, &path).unwrap_err();
    assert!(matches!(busy, StoreError::Busy { .. }), "a window is open: {busy}");
    assert_eq!(clips(&store, None), ["a", "b"]);
    drop(store);
    let restored = Store::restore(&copy, &path).unwrap();
    assert_eq!(restored.content.annotations, 1);
    assert_eq!(clips(&Store::open(&path).unwrap(), None), ["a"]);
    let (aside, content) = restored.kept.unwrap();
    assert_eq!(content.unwrap().annotations, 2);
    assert_eq!(clips(&Store::open(&aside).unwrap(), None), ["a", "b"]);
    // A damaged store is moved aside as it is; a damaged copy takes no store's place.
    let whole = fs::read(&copy).unwrap();
    let spoilt: Vec<u8> = whole.iter().enumerate().map(|(at, byte)| if at > 4096 { !byte } else { *byte }).collect();
    fs::write(&path, &spoilt).unwrap();
    let restored = Store::restore(&copy, &path).unwrap();
    assert_eq!(fs::read(restored.kept.unwrap().0).unwrap(), spoilt);
    fs::write(&copy, &spoilt).unwrap();
    assert!(matches!(Store::restore(&copy, &path), Err(StoreError::Damaged { .. })));
    assert_eq!(clips(&Store::open(&path).unwrap(), None), ["a"]);
    assert!(Store::restore(&folder.path().join("none.db"), &path).is_err());
}

#[test]
fn check_finds_what_is_wrong_and_says_what_to_do() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("x.db");
    let mut store = Store::open(&path).unwrap();
    store.append("/c", &label("anna", "a")).unwrap();
    let bad = |store: &Store| {
        let findings = store.check().unwrap();
        findings
            .into_iter()
            .filter(|finding| !finding.good)
            .map(|finding| (finding.what, finding.text))
            .collect::<Vec<_>>()
    };
    assert_eq!(bad(&store), []);
    let spoil = |sql: &str| rusqlite::Connection::open(&path).unwrap().execute_batch(sql).unwrap();
    spoil("DROP TRIGGER annotation_never_changes; UPDATE annotation SET at = 'noon'");
    assert!(bad(&store)[0].1.contains("annotation 1 has a senseless time"), "{:?}", bad(&store));
    spoil("PRAGMA foreign_keys = OFF; UPDATE annotation SET clip_id = 77");
    let found = bad(&store);
    assert!(found[0].1.contains("row 1 of annotation refers to a row of clip"), "{found:?}");
}

#[test]
fn the_verbs_copy_check_and_restore() {
    let home = Home::new();
    let none = home.run(&["check"]);
    assert_eq!((none.status.code(), text(&none.stderr).contains("there is no store yet")), (Some(1), true));
    let path = home.path().join(".local/share/emolab/emolab.db");
    Store::open(&path).unwrap().append("/c", &label("anna", "a")).unwrap();
    let copy = home.path().join("copy.db");
    let done = home.run(&["backup", copy.to_str().unwrap()]);
    assert!(done.status.success() && text(&done.stderr).contains("1 annotations, 0 runs"), "{}", text(&done.stderr));
    let check = home.run(&["check"]);
    assert!(check.status.success(), "{}", text(&check.stdout));
    assert!(text(&check.stdout).contains("recovery journal nothing waits"), "{}", text(&check.stdout));
    fs::write(&path, "spoilt").unwrap();
    let check = home.run(&["check"]);
    assert_eq!(check.status.code(), Some(1));
    assert!(text(&check.stdout).contains("BAD  opening"), "{}", text(&check.stdout));
    let restored = home.run(&["restore", copy.to_str().unwrap()]);
    assert!(restored.status.success() && text(&restored.stderr).contains("is kept"), "{}", text(&restored.stderr));
    assert_eq!(clips(&Store::open(&path).unwrap(), None), ["a"]);
    assert!(home.run(&["backup"]).status.success());
}
