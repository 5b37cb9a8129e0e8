//! What earlier scans found out about files, so that a corpus opens again without decoding it.
//!
//! A file per corpus in a folder that may be deleted at any time: fixed records sorted by a key (path, size, times and number
//! of the file), with a checksum at the end. What is damaged, or of another version, is computed again; what cannot be
//! written is computed again next time. Deliberately absent: files that could not be decoded (the reason is words, and
//! whoever repairs one wants to see it), and noticing a change that keeps size and all times.

use std::fs;
use std::path::{Path, PathBuf};
use std::sync::Mutex;
use std::time::{Duration, SystemTime};

use crate::audio::{AudioFacts, AudioHash, Span};
use crate::file::write_whole;

/// The facts of one corpus' files.
#[derive(Debug, Default)]
pub struct Facts {
    file: Option<PathBuf>,
    known: Vec<u8>,
    /// Keys met in this scan, with the facts of those that were new.
    met: Mutex<Vec<(Key, Option<Box<AudioFacts>>)>>,
}

type Key = [u8; 16];

/// Names the layout of a record; another decoder or hash needs another.
const MAGIC: &[u8; 16] = b"emolab facts  1\n";
const KEY: usize = size_of::<Key>();
/// Key, rate, channels, seconds, peak, rms, hash.
const RECORD: usize = KEY + 4 + 2 + 8 + 4 + 4 + 32;
const SUM: usize = 32;
/// A file younger than this may still be changed without its time showing it.
const FRESH: Duration = Duration::from_secs(2);

impl Facts {
    /// The facts kept in `folder` of the corpus at `root`; none where there are none.
    pub fn of(folder: &Path, root: &Path) -> Facts {
        let root = root.canonicalize().unwrap_or_else(|_| root.to_owned());
        let name = blake3::hash(root.as_os_str().as_encoded_bytes()).to_hex();
        let file = folder.join(format!("{}.facts", &name[..16]));
        let known = fs::read(&file).ok().filter(|bytes| is_whole(bytes)).unwrap_or_default();
        Facts { file: Some(file), known, met: Mutex::default() }
    }

    /// Keeps nothing and knows nothing.
    pub fn none() -> Facts {
        Facts::default()
    }

    /// The facts of a file: those known, else what `decode` finds.
    pub(super) fn get(
        &self,
        path: &Path,
        decode: impl FnOnce() -> Result<AudioFacts, String>,
    ) -> Result<AudioFacts, String> {
        let Some(key) = self.file.as_ref().and_then(|_| key(path)) else { return decode() };
        if let Some(facts) = self.find(&key) {
            self.meet(key, None);
            return Ok(facts);
        }
        let facts = decode()?;
        self.meet(key, Some(Box::new(facts.clone())));
        Ok(facts)
    }

    /// The facts of a part of a file, if they are known.
    pub(super) fn of_part(&self, path: &Path, span: Span) -> Option<AudioFacts> {
        let key = self.file.as_ref().and_then(|_| part_key(path, span))?;
        let facts = self.find(&key)?;
        self.meet(key, None);
        Some(facts)
    }

    /// Remembers the facts of a part of a file.
    pub(super) fn learn_part(&self, path: &Path, span: Span, facts: &AudioFacts) {
        if let Some(key) = self.file.as_ref().and_then(|_| part_key(path, span)) {
            self.meet(key, Some(Box::new(facts.clone())));
        }
    }

    /// Writes what was met, if any of it is new; what was not met is forgotten.
    pub(super) fn keep(self) {
        let mut met = self.met.into_inner().unwrap_or_default();
        let Some(file) = self.file.filter(|_| met.iter().any(|(_, new)| new.is_some())) else { return };
        met.sort_unstable_by_key(|(key, _)| *key);
        met.dedup_by_key(|(key, _)| *key);
        let mut bytes = MAGIC.to_vec();
        for (key, new) in &met {
            match new {
                None => bytes.extend(find(&self.known, key).unwrap_or_default()),
                Some(facts) => bytes.extend(record(key, facts).unwrap_or_default()),
            }
        }
        bytes.extend(blake3::hash(&bytes).as_bytes());
        // A cache: without it the next scan takes longer, that is all.
        let _ = file.parent().map_or(Ok(()), fs::create_dir_all);
        let _ = write_whole(&file, |out| out.write_all(&bytes));
    }

    fn find(&self, key: &Key) -> Option<AudioFacts> {
        facts(find(&self.known, key)?)
    }

    fn meet(&self, key: Key, facts: Option<Box<AudioFacts>>) {
        if let Ok(mut met) = self.met.lock() {
            met.push((key, facts));
        }
    }
}

fn is_whole(bytes: &[u8]) -> bool {
    let Some((body, sum)) = bytes.split_last_chunk::<SUM>() else { return false };
    body.starts_with(MAGIC) && (body.len() - MAGIC.len()).is_multiple_of(RECORD) && blake3::hash(body).as_bytes() == sum
}

/// The record of a key in the bytes of a file.
fn find<'a>(file: &'a [u8], key: &Key) -> Option<&'a [u8]> {
    let records = file.get(MAGIC.len()..file.len().checked_sub(SUM)?)?;
    let (mut from, mut to) = (0, records.len() / RECORD);
    while from < to {
        let middle = usize::midpoint(from, to);
        let record = &records[middle * RECORD..][..RECORD];
        match record[..KEY].cmp(key) {
            std::cmp::Ordering::Equal => return Some(record),
            std::cmp::Ordering::Less => from = middle + 1,
            std::cmp::Ordering::Greater => to = middle,
        }
    }
    None
}

fn record(key: &Key, facts: &AudioFacts) -> Option<Vec<u8>> {
    let mut record = key.to_vec();
    record.extend(facts.rate.to_le_bytes());
    record.extend(facts.channels.to_le_bytes());
    record.extend(facts.seconds.to_le_bytes());
    record.extend(facts.peak.to_le_bytes());
    record.extend(facts.rms.to_le_bytes());
    record.extend(facts.hash.0);
    Some(record)
}

fn facts(record: &[u8]) -> Option<AudioFacts> {
    let (rate, rest) = record[KEY..].split_first_chunk()?;
    let (channels, rest) = rest.split_first_chunk()?;
    let (seconds, rest) = rest.split_first_chunk()?;
    let (peak, rest) = rest.split_first_chunk()?;
    let (rms, hash) = rest.split_first_chunk()?;
    let hash: [u8; 32] = hash.try_into().ok()?;
    Some(AudioFacts {
        rate: u32::from_le_bytes(*rate),
        channels: u16::from_le_bytes(*channels),
        seconds: f64::from_le_bytes(*seconds),
        peak: f32::from_le_bytes(*peak),
        rms: f32::from_le_bytes(*rms),
        hash: AudioHash(hash),
    })
}

/// Names a file as it is now; `None` for one that was changed a moment ago.
fn key(path: &Path) -> Option<Key> {
    let file = fs::metadata(path).ok()?;
    let changed = file.modified().ok()?;
    if SystemTime::now().duration_since(changed).is_ok_and(|age| age < FRESH) {
        return None;
    }
    let mut hash = blake3::Hasher::new();
    hash.update(path.as_os_str().as_encoded_bytes());
    hash.update(&[0]);
    let since = changed.duration_since(SystemTime::UNIX_EPOCH).ok()?;
    hash.update(&since.as_nanos().to_le_bytes());
    hash.update(&file.len().to_le_bytes());
    #[cfg(unix)]
    {
        use std::os::unix::fs::MetadataExt;
        for number in [file.dev(), file.ino(), file.ctime() as u64, file.ctime_nsec() as u64] {
            hash.update(&number.to_le_bytes());
        }
    }
    let mut key = Key::default();
    key.copy_from_slice(&hash.finalize().as_bytes()[..KEY]);
    Some(key)
}

/// Names a part of a file as it is now.
fn part_key(path: &Path, span: Span) -> Option<Key> {
    let mut hash = blake3::Hasher::new();
    hash.update(&key(path)?).update(span.to_string().as_bytes());
    let mut key = Key::default();
    key.copy_from_slice(&hash.finalize().as_bytes()[..KEY]);
    Some(key)
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Old enough to be kept.
    fn old_file(folder: &Path, name: &str) -> PathBuf {
        let path = folder.join(name);
        fs::write(&path, name).unwrap();
        age(&path, 60);
        path
    }

    fn age(path: &Path, seconds: u64) {
        let file = fs::File::options().write(true).open(path).unwrap();
        file.set_modified(SystemTime::now() - Duration::from_secs(seconds)).unwrap();
    }

    fn some(number: u32) -> AudioFacts {
        let hash = AudioHash(blake3::hash(&number.to_le_bytes()).into());
        AudioFacts { rate: 16_000 + number, channels: 2, seconds: 0.1 + 0.2, peak: 0.3, rms: 1e-9, hash }
    }

    fn never() -> Result<AudioFacts, String> {
        Err("decoded".to_owned())
    }

    #[test]
    fn facts_are_kept_until_their_file_changes() {
        let home = tempfile::tempdir().unwrap();
        let cache = home.path().join("facts");
        let files: Vec<PathBuf> = (0..9).map(|n| old_file(home.path(), &format!("{n}.wav"))).collect();
        let facts = Facts::of(&cache, home.path());
        for (n, file) in files.iter().enumerate() {
            assert_eq!(facts.get(file, || Ok(some(n as u32))), Ok(some(n as u32)));
        }
        facts.keep();
        let facts = Facts::of(&cache, home.path());
        for (n, file) in files.iter().enumerate() {
            assert_eq!(facts.get(file, never), Ok(some(n as u32)));
        }
        age(&files[3], 30);
        assert_eq!(facts.get(&files[3], never), Err("decoded".to_owned()));
        assert_eq!(Facts::of(&cache, &cache).get(&files[0], never), Err("decoded".to_owned()), "another corpus");
        assert_eq!(Facts::none().get(&files[0], never), Err("decoded".to_owned()));
    }

    #[test]
    fn parts_are_kept_beside_their_file() {
        let home = tempfile::tempdir().unwrap();
        let (cache, file) = (home.path().join("facts"), old_file(home.path(), "a.wav"));
        let spans = [Span::millis(0, 5).unwrap(), Span::millis(5, 9).unwrap()];
        let facts = Facts::of(&cache, home.path());
        facts.get(&file, || Ok(some(1))).unwrap();
        facts.learn_part(&file, spans[0], &some(2));
        facts.keep();
        let facts = Facts::of(&cache, home.path());
        assert_eq!(facts.get(&file, never), Ok(some(1)));
        assert_eq!(spans.map(|span| facts.of_part(&file, span)), [Some(some(2)), None]);
        age(&file, 30);
        assert_eq!(facts.of_part(&file, spans[0]), None, "the file has changed");
    }

    #[test]
    fn a_file_changed_a_moment_ago_is_not_trusted() {
        let home = tempfile::tempdir().unwrap();
        fs::write(home.path().join("a.wav"), "a").unwrap();
        let facts = Facts::of(&home.path().join("facts"), home.path());
        facts.get(&home.path().join("a.wav"), || Ok(some(1))).unwrap();
        facts.keep();
        assert!(!home.path().join("facts").exists());
    }

    #[test]
    fn what_is_damaged_anywhere_is_computed_again() {
        let home = tempfile::tempdir().unwrap();
        let (cache, file) = (home.path().join("facts"), old_file(home.path(), "a.wav"));
        let facts = Facts::of(&cache, home.path());
        facts.get(&file, || Ok(some(1))).unwrap();
        facts.keep();
        let kept = fs::read_dir(&cache).unwrap().next().unwrap().unwrap().path();
        let whole = fs::read(&kept).unwrap();
        for at in 0..whole.len() {
            let mut spoilt = whole.clone();
            spoilt[at] ^= 1;
            fs::write(&kept, &spoilt).unwrap();
            assert_eq!(Facts::of(&cache, home.path()).get(&file, never), Err("decoded".to_owned()), "byte {at}");
        }
        fs::write(&kept, &whole[..whole.len() - 1]).unwrap();
        assert!(Facts::of(&cache, home.path()).get(&file, never).is_err());
    }
}
