//! A made corpus of very many tiny clips and a store of what five people said of each: for benches at scale.
//!
//! It is made once and stays in the temporary folder (or under `$EMOLAB_BENCH`). Deliberately absent: speech.

use std::fs;
use std::path::{Path, PathBuf};
use std::time::Instant;

use emolab::store::Store;
use emolab::workbench::key_of;

/// Where it lies.
pub struct Made {
    /// For use as a home.
    pub home: PathBuf,
    /// The corpus.
    pub root: PathBuf,
    /// The store.
    pub store: PathBuf,
}

/// A corpus of so many clips, made if it is not there.
pub fn made(clips: usize) -> Made {
    let home =
        std::env::var_os("EMOLAB_BENCH").map_or_else(|| std::env::temp_dir().join("emolab-bench"), PathBuf::from);
    let (root, store) = (home.join(format!("clips{clips}")), home.join(format!("store{clips}.db")));
    let timed = |what: &str, work: &mut dyn FnMut()| {
        let since = Instant::now();
        work();
        println!("{what}: {:.2} s", since.elapsed().as_secs_f64());
    };
    if !root.exists() {
        timed("making the clips", &mut || make_clips(&root, clips));
    }
    if !store.exists() {
        timed("making the store", &mut || make_store(&store, &key_of(&root), clips));
    }
    Made { home, root, store }
}

/// So many tiny clips of noise under `root`, half of them in each of two folders.
pub fn make_clips(root: &Path, count: usize) {
    for class in ["angry", "sad"] {
        fs::create_dir_all(root.join(class)).unwrap();
    }
    for number in 0..count {
        let mut wav = b"RIFF\0\0\0\0WAVEfmt \x10\0\0\0\x01\0\x01\0\x40\x1f\0\0\x80\x3e\0\0\x02\0\x10\0data".to_vec();
        let samples: Vec<u8> = (0..64_u64)
            .flat_map(|at| {
                let mixed = (number as u64 * 64 + at + 1).wrapping_mul(0x9E37_79B9_7F4A_7C15);
                ((mixed >> 50) as i16 - 8192).to_le_bytes()
            })
            .collect();
        wav.extend((samples.len() as u32).to_le_bytes());
        wav.extend(samples);
        let length = (wav.len() - 8) as u32;
        wav[4..8].copy_from_slice(&length.to_le_bytes());
        fs::write(root.join(name(number)), wav).unwrap();
    }
}

/// The path of a clip below the corpus.
pub fn name(number: usize) -> String {
    format!("{}/{number:07}.wav", ["angry", "sad"][number % 2])
}

/// Five raters have labelled every clip; the first one all but the last two thousand.
pub fn make_store(path: &Path, key: &str, clips: usize) {
    drop(Store::open(path).unwrap());
    let db = rusqlite::Connection::open(path).unwrap();
    db.execute_batch("PRAGMA synchronous = OFF; PRAGMA cache_size = -400000; BEGIN").unwrap();
    db.execute("INSERT INTO corpus (key, name, root) VALUES (?1, ?1, ?1)", [key]).unwrap();
    db.execute_batch("INSERT INTO scheme (name, version) VALUES ('ekman6', 1)").unwrap();
    let mut clip = db.prepare("INSERT INTO clip (corpus_id, name) VALUES (1, ?1)").unwrap();
    for number in 0..clips {
        clip.execute([name(number)]).unwrap();
    }
    let mut said = db
        .prepare(
            "INSERT INTO annotation (corpus_id, clip_id, audio, annotator_id, scheme_id, act, value, at, listening)
             VALUES (1, ?1, ?2, ?3, 1, 'label', ?4, '2026-01-01T00:00:00.000Z',
                     '{\"plays\":1,\"heard\":1.0,\"sink\":\"silent\",\"gain_db\":0.0,\"picture\":\"waveform\",\"seconds\":2.5}')",
        )
        .unwrap();
    for rater in 1..=5_i64 {
        db.execute("INSERT INTO annotator (kind, name) VALUES ('human', ?1)", [format!("rater{rater}")]).unwrap();
        let count = if rater == 1 { clips.saturating_sub(2000) } else { clips };
        for number in 0..count {
            let audio = format!("{:016x}{number:016x}{:032x}", rater, 7);
            let value = ["anger", "sadness", "fear"][(number * rater as usize) % 3];
            said.execute(rusqlite::params![number as i64 + 1, audio, rater, value]).unwrap();
        }
    }
    drop((clip, said));
    db.execute_batch("COMMIT; PRAGMA wal_checkpoint(TRUNCATE)").unwrap();
}

/// A line of /proc/PID/status.
pub fn memory(pid: u32, what: &str) -> String {
    let status = fs::read_to_string(format!("/proc/{pid}/status")).unwrap_or_default();
    let line = status.lines().find_map(|line| line.strip_prefix(what)?.strip_prefix(':'));
    line.map_or_else(|| "-".to_owned(), |line| line.trim().to_owned())
}
