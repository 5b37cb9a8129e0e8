//! A power cut: whatever a disk may hold afterwards, every label that was told as saved is there.
//!
//! A child process writes labels through a thin layer under SQLite that notes each write, truncation, sync and removal in
//! order. From these notes the test builds states that a disk may hold when the power goes at any moment: of each file, all
//! that was written before its last sync, and of what came later any sectors at all, in any order, torn at 512 bytes; a file
//! never synced may have no name, one removed may still be there. Deliberately absent: disks that lie about syncs.

// A layer under SQLite is a table of C functions. Each passes its arguments on as they came; nothing is kept beyond the call
// but the notes. This file alone of the tests is unsafe.
#![allow(unsafe_code)]

use std::collections::BTreeMap;
use std::ffi::{CStr, c_char, c_int, c_void};
use std::fs;
use std::io::Write;
use std::path::Path;
use std::process::Command;
use std::sync::Mutex;
use std::sync::atomic::{AtomicPtr, Ordering};

use rusqlite::ffi::{
    SQLITE_OK, SQLITE_OPEN_MAIN_DB, SQLITE_OPEN_MAIN_JOURNAL, SQLITE_OPEN_WAL, sqlite3_file, sqlite3_int64,
    sqlite3_io_methods, sqlite3_vfs, sqlite3_vfs_find, sqlite3_vfs_register,
};
use serde::{Deserialize, Serialize};

use emolab::corpus::ClipId;
use emolab::label::{Act, Annotator, NewAnnotation, SchemeId};
use emolab::store::Store;

/// One thing done to the disk, or one label told as saved.
#[derive(Debug, Clone, Serialize, Deserialize)]
enum Note {
    Write(String, u64, Vec<u8>),
    Truncate(String, u64),
    Sync(String),
    Remove(String),
    Told(String),
}

static NOTES: Mutex<Vec<Note>> = Mutex::new(Vec::new());
/// The layer below, and its table of functions for an open file.
static BELOW: AtomicPtr<sqlite3_vfs> = AtomicPtr::new(std::ptr::null_mut());

fn note(note: Note) {
    NOTES.lock().unwrap().push(note);
}

/// An open file of ours; that of the layer below lies right behind it.
#[repr(C)]
struct File {
    methods: *const sqlite3_io_methods,
    table: *mut sqlite3_io_methods,
    name: *mut String,
}

unsafe fn below(file: *mut sqlite3_file) -> *mut sqlite3_file {
    unsafe { file.cast::<File>().add(1).cast() }
}

unsafe fn name(file: *mut sqlite3_file) -> Option<String> {
    unsafe { (*file.cast::<File>()).name.as_ref().cloned() }
}

/// A function of an open file that does nothing but call the one below.
macro_rules! pass {
    ($name:ident($($arg:ident: $kind:ty),*) -> $out:ty) => {
        pub unsafe extern "C" fn $name(file: *mut sqlite3_file, $($arg: $kind),*) -> $out {
            unsafe {
                let file = below(file);
                ((*(*file).pMethods).$name.unwrap())(file, $($arg),*)
            }
        }
    };
}

#[allow(non_snake_case)]
mod methods {
    use super::*;

    pass!(xRead(to: *mut c_void, count: c_int, at: sqlite3_int64) -> c_int);
    pass!(xFileSize(size: *mut sqlite3_int64) -> c_int);
    pass!(xLock(level: c_int) -> c_int);
    pass!(xUnlock(level: c_int) -> c_int);
    pass!(xCheckReservedLock(out: *mut c_int) -> c_int);
    pass!(xFileControl(op: c_int, arg: *mut c_void) -> c_int);
    pass!(xSectorSize() -> c_int);
    pass!(xDeviceCharacteristics() -> c_int);
    pass!(xShmMap(page: c_int, size: c_int, extend: c_int, out: *mut *mut c_void) -> c_int);
    pass!(xShmLock(offset: c_int, n: c_int, flags: c_int) -> c_int);
    pass!(xShmBarrier() -> ());
    pass!(xShmUnmap(delete: c_int) -> c_int);
    pass!(xFetch(at: sqlite3_int64, count: c_int, out: *mut *mut c_void) -> c_int);
    pass!(xUnfetch(at: sqlite3_int64, page: *mut c_void) -> c_int);

    pub unsafe extern "C" fn xClose(file: *mut sqlite3_file) -> c_int {
        unsafe {
            let real = below(file);
            let done = ((*(*real).pMethods).xClose.unwrap())(real);
            let ours = file.cast::<File>();
            drop(Box::from_raw((*ours).table));
            if !(*ours).name.is_null() {
                drop(Box::from_raw((*ours).name));
            }
            done
        }
    }

    pub unsafe extern "C" fn xWrite(
        file: *mut sqlite3_file,
        from: *const c_void,
        n: c_int,
        at: sqlite3_int64,
    ) -> c_int {
        unsafe {
            if let Some(name) = name(file) {
                let bytes = std::slice::from_raw_parts(from.cast::<u8>(), n as usize);
                note(Note::Write(name, at as u64, bytes.to_vec()));
            }
            let file = below(file);
            ((*(*file).pMethods).xWrite.unwrap())(file, from, n, at)
        }
    }

    pub unsafe extern "C" fn xTruncate(file: *mut sqlite3_file, size: sqlite3_int64) -> c_int {
        unsafe {
            name(file).into_iter().for_each(|name| note(Note::Truncate(name, size as u64)));
            let file = below(file);
            ((*(*file).pMethods).xTruncate.unwrap())(file, size)
        }
    }

    pub unsafe extern "C" fn xSync(file: *mut sqlite3_file, flags: c_int) -> c_int {
        unsafe {
            let named = name(file);
            let file = below(file);
            let done = ((*(*file).pMethods).xSync.unwrap())(file, flags);
            named.into_iter().for_each(|name| note(Note::Sync(name)));
            done
        }
    }
}

unsafe extern "C" fn open(
    _: *mut sqlite3_vfs,
    path: *const c_char,
    file: *mut sqlite3_file,
    flags: c_int,
    out: *mut c_int,
) -> c_int {
    unsafe {
        let ours = file.cast::<File>();
        (*ours).methods = std::ptr::null();
        let vfs = BELOW.load(Ordering::SeqCst);
        let real = below(file);
        let done = ((*vfs).xOpen.unwrap())(vfs, path, real, flags, out);
        if done != SQLITE_OK {
            return done;
        }
        let kept = flags & (SQLITE_OPEN_MAIN_DB | SQLITE_OPEN_MAIN_JOURNAL | SQLITE_OPEN_WAL) != 0 && !path.is_null();
        let named = || Box::into_raw(Box::new(CStr::from_ptr(path).to_string_lossy().into_owned()));
        let mut table = *(*real).pMethods;
        table.xClose = Some(methods::xClose);
        table.xRead = Some(methods::xRead);
        table.xWrite = Some(methods::xWrite);
        table.xTruncate = Some(methods::xTruncate);
        table.xSync = Some(methods::xSync);
        table.xFileSize = Some(methods::xFileSize);
        table.xLock = Some(methods::xLock);
        table.xUnlock = Some(methods::xUnlock);
        table.xCheckReservedLock = Some(methods::xCheckReservedLock);
        table.xFileControl = Some(methods::xFileControl);
        table.xSectorSize = Some(methods::xSectorSize);
        table.xDeviceCharacteristics = Some(methods::xDeviceCharacteristics);
        table.xShmMap = Some(methods::xShmMap);
        table.xShmLock = Some(methods::xShmLock);
        table.xShmBarrier = Some(methods::xShmBarrier);
        table.xShmUnmap = Some(methods::xShmUnmap);
        table.xFetch = Some(methods::xFetch);
        table.xUnfetch = Some(methods::xUnfetch);
        let table = Box::into_raw(Box::new(table));
        *ours = File { methods: table, table, name: if kept { named() } else { std::ptr::null_mut() } };
        done
    }
}

unsafe extern "C" fn delete(_: *mut sqlite3_vfs, path: *const c_char, sync: c_int) -> c_int {
    unsafe {
        note(Note::Remove(CStr::from_ptr(path).to_string_lossy().into_owned()));
        let vfs = BELOW.load(Ordering::SeqCst);
        ((*vfs).xDelete.unwrap())(vfs, path, sync)
    }
}

/// Every file that SQLite opens in this process from now on is noted.
fn take_notes() {
    unsafe {
        let vfs = sqlite3_vfs_find(std::ptr::null());
        BELOW.store(vfs, Ordering::SeqCst);
        let mut ours = *vfs;
        ours.szOsFile += size_of::<File>() as c_int;
        ours.zName = c"notes".as_ptr();
        ours.xOpen = Some(open);
        ours.xDelete = Some(delete);
        sqlite3_vfs_register(Box::into_raw(Box::new(ours)), 1);
    }
}

const CHILD: &str = "EMOLAB_TEST_POWER";

/// Labels, with checkpoints of all kinds between, and leaves the notes in a file.
fn write_and_note(folder: &Path) {
    take_notes();
    let path = folder.join("x.db");
    let mut store = Store::open(&path).unwrap();
    for number in 0..24 {
        let clip = format!("clip{number}");
        let (who, scheme) = (Annotator::Human("anna".to_owned()), SchemeId { name: "s".to_owned(), version: 1 });
        let new = NewAnnotation::now(ClipId(clip.clone().into()), "00".to_owned(), who, scheme, Act::label("joy"));
        store.append("/c", &new).unwrap();
        note(Note::Told(clip));
        if number % 5 == 4 {
            let kind = ["PASSIVE", "RESTART", "TRUNCATE"][number / 5 % 3];
            let db = rusqlite::Connection::open(&path).unwrap();
            db.query_row(&format!("PRAGMA wal_checkpoint({kind})"), [], |_| Ok(())).unwrap();
        }
        if number == 17 {
            drop(store);
            store = Store::open(&path).unwrap();
        }
    }
    drop(store);
    let notes = serde_json::to_vec(&*NOTES.lock().unwrap()).unwrap();
    fs::File::create(folder.join("notes")).unwrap().write_all(&notes).unwrap();
}

/// A file as the disk has it for sure, and what was done to it since.
#[derive(Debug, Clone, Default)]
struct Disk {
    sure: Option<Vec<u8>>,
    since: Vec<Note>,
}

/// Small, seeded, good enough to choose sectors.
struct Dice(u64);

impl Dice {
    fn below(&mut self, n: u64) -> u64 {
        self.0 = self.0.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        (self.0 >> 33) % n.max(1)
    }
}

const SECTOR: usize = 512;

/// Does to `bytes` what was noted; with dice, only some sectors of it arrive.
fn done(mut bytes: Option<Vec<u8>>, notes: &[Note], mut dice: Option<&mut Dice>) -> Option<Vec<u8>> {
    for one in notes {
        let mut luck = || dice.as_mut().is_none_or(|dice| dice.below(2) == 0);
        match one {
            Note::Write(_, at, new) => {
                let file = bytes.get_or_insert_with(Vec::new);
                for (sector, part) in new.chunks(SECTOR).enumerate() {
                    let from = *at as usize + sector * SECTOR;
                    if luck() {
                        file.resize(file.len().max(from + part.len()), 0);
                        file[from..from + part.len()].copy_from_slice(part);
                    }
                }
            }
            Note::Truncate(_, size) if luck() => {
                bytes.get_or_insert_with(Vec::new).resize(*size as usize, 0);
            }
            Note::Remove(_) if luck() => bytes = None,
            _ => {}
        }
    }
    bytes
}

/// What the disk may hold if the power goes after these notes: by file.
fn after_cut(notes: &[Note], dice: &mut Dice) -> BTreeMap<String, Vec<u8>> {
    let mut disks: BTreeMap<&str, Disk> = BTreeMap::new();
    for one in notes {
        match one {
            Note::Write(name, ..) | Note::Truncate(name, _) | Note::Remove(name) => {
                disks.entry(name).or_default().since.push(one.clone());
            }
            Note::Sync(name) => {
                let disk = disks.entry(name).or_default();
                let since = std::mem::take(&mut disk.since);
                disk.sure = done(disk.sure.take(), &since, None);
            }
            Note::Told(_) => {}
        }
    }
    let file = |(name, disk): (&str, Disk)| Some((name.to_owned(), done(disk.sure, &disk.since, Some(&mut *dice))?));
    disks.into_iter().filter_map(file).collect()
}

/// The labels told before the cut that are not there after it, or what keeps the store from opening.
fn lost(notes: &[Note], cut: usize, dice: &mut Dice) -> Vec<String> {
    let folder = tempfile::tempdir().unwrap();
    for (name, bytes) in after_cut(&notes[..cut], dice) {
        fs::write(folder.path().join(Path::new(&name).file_name().unwrap()), bytes).unwrap();
    }
    let told = notes[..cut].iter().filter_map(|one| if let Note::Told(clip) = one { Some(clip.clone()) } else { None });
    let kept = Store::open(&folder.path().join("x.db")).and_then(|store| store.annotations("/c", None));
    match kept {
        Ok(kept) => told.filter(|clip| !kept.iter().any(|said| said.clip.0 == *clip)).collect(),
        // Before anything was told there may be less than a store.
        Err(_) if told.clone().next().is_none() => Vec::new(),
        Err(error) => vec![error.to_string()],
    }
}

/// What a child process noted.
fn notes() -> Vec<Note> {
    let folder = tempfile::tempdir().unwrap();
    let mut child = Command::new(std::env::current_exe().unwrap());
    child.args(["power::the_child_that_writes", "--exact"]).env(CHILD, folder.path());
    let output = child.output().unwrap();
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stdout));
    serde_json::from_slice(&fs::read(folder.path().join("notes")).unwrap()).unwrap()
}

#[test]
fn the_child_that_writes() {
    if let Some(folder) = std::env::var_os(CHILD) {
        write_and_note(Path::new(&folder));
    }
}

#[test]
fn a_power_cut_at_any_moment_loses_nothing_that_was_told() {
    let (notes, mut dice) = (notes(), Dice(1));
    let cuts = |dice: &mut Dice| dice.below(notes.len() as u64 + 1) as usize;
    for round in 0..150 {
        // Right after a label is told is where a promise hurts most.
        let told: Vec<usize> = (0..notes.len()).filter(|&at| matches!(notes[at], Note::Told(_))).collect();
        let cut = if round % 3 == 0 { told[round / 3 % told.len()] + 1 } else { cuts(&mut dice) };
        let lost = lost(&notes, cut, &mut dice);
        assert!(lost.is_empty(), "cut after {cut} of {} notes: {lost:?}", notes.len());
    }
    // The test can fail: on a disk that ignores syncs labels are lost.
    let lazy: Vec<Note> = notes.iter().filter(|one| !matches!(one, Note::Sync(_))).cloned().collect();
    assert!((0..20).any(|_| !lost(&lazy, lazy.len() / 2, &mut dice).is_empty()));
}
