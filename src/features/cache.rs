//! Features on disk, by content hash: segments of many clips, opened by memory map.
//!
//! `<set>-v<version>-<preparation>/NNNN-unique.npy` with its index beside it (see `segment`). Segments never change:
//! what is new goes into another one, every few seconds, and when many small ones have piled up they are copied into
//! one and removed. So any number of processes may share a cache without locks, and a kill loses seconds of work.
//!
//! The cache is a convenience and never a reason to fail: what cannot be read is computed again, what cannot be
//! written is still returned. It may be deleted at any time. Deliberately absent: eviction, and knowing which clips
//! exist.

use std::collections::HashMap;
use std::fs;
use std::io;
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, OnceLock, PoisonError};
use std::time::{Duration, Instant, SystemTime};

use blake3::Hash;

use super::mapped::Mapped;
use super::prepare::Preparation;
use super::segment::{self, Content, Kept, Place, Records, Segment};
use super::{FeatureError, FeatureSet, Features, Kind};
use crate::audio::Wave;

/// What was computed is written after this time at the latest (when the next clip is done).
const FLUSH_AFTER: Duration = Duration::from_secs(2);
/// … or when it is this many bytes.
const FLUSH_BYTES: usize = 16 << 20;
/// So many segments of about the same size are merged into one,
const MERGED: usize = 8;
/// unless they are larger than this: then there are few enough of them, and a merge never maps very much.
const MERGED_BYTES: usize = 16 << 20;
/// At most so many bytes are mapped at a time; maps used least recently go first.
const MAPPED_BYTES: usize = 128 << 20;
/// Files without an index, and temporary ones, are a killed process' when they are this old.
const LEFT_BEHIND: Duration = Duration::from_secs(24 * 3600);

/// A cache in a folder; what is not yet written is when it is dropped.
#[derive(Debug)]
pub struct Cache {
    folder: PathBuf,
    shelves: Mutex<HashMap<String, Arc<Shelf>>>,
    trouble: OnceLock<String>,
}

impl Cache {
    /// A cache in this folder, which is made when first written to.
    pub fn open(folder: impl Into<PathBuf>) -> Cache {
        Cache { folder: folder.into(), shelves: Mutex::default(), trouble: OnceLock::new() }
    }

    /// The features of a clip: those stored, else those that `set` makes of `wave`, which are then stored.
    ///
    /// `hash` names the clip's audio (`AudioFacts::hash`), `how` the preparation that `wave` will have had. Sets side
    /// by side share what their parts have stored, and one wave. What is damaged, of another shape, or not finite is
    /// ignored.
    ///
    /// # Errors
    /// What `wave` returns, and [`FeatureError`].
    pub fn features<E: From<FeatureError>>(
        &self,
        hash: &str,
        how: &Preparation,
        set: &dyn FeatureSet,
        wave: impl FnOnce() -> Result<Wave, E>,
    ) -> Result<Features, E> {
        let mut wave = Late { make: Some(wave), made: None };
        if set.parts().is_empty() {
            return self.single(hash, how, set, &mut wave);
        }
        let mut all = Vec::new();
        for part in set.parts() {
            match self.single(hash, how, part.as_ref(), &mut wave)? {
                Features::Row(row) => all.extend(row),
                Features::Image(image) => all.extend(image.iter()),
            }
        }
        Ok(Features::Row(all))
    }

    /// Writes what is not yet written.
    pub fn flush(&self) {
        let shelves: Vec<_> = lock(&self.shelves).values().cloned().collect();
        shelves.iter().for_each(|shelf| self.note(shelf.flush()));
    }

    /// Closes what is mapped, for when all that is wanted was read; what is asked for later is mapped again.
    pub fn close_maps(&self) {
        let shelves: Vec<_> = lock(&self.shelves).values().cloned().collect();
        shelves.iter().for_each(|shelf| lock(&shelf.state).maps.clear());
    }

    /// Why features could not be stored, after writing all there are; `None` while all is well.
    pub fn trouble(&self) -> Option<&str> {
        self.flush();
        self.trouble.get().map(String::as_str)
    }

    /// True once something could not be stored: what is computed now is not kept.
    pub fn has_failed(&self) -> bool {
        self.trouble.get().is_some()
    }

    fn single<E: From<FeatureError>>(
        &self,
        hash: &str,
        how: &Preparation,
        set: &dyn FeatureSet,
        wave: &mut Late<impl FnOnce() -> Result<Wave, E>>,
    ) -> Result<Features, E> {
        // A hash that is none names no audio: such a clip is not kept.
        let place = Hash::from_hex(hash).ok().map(|hash| (hash, self.shelf(how, set)));
        if let Some(found) = place.as_ref().and_then(|(hash, shelf)| shelf.get(hash)) {
            return Ok(found);
        }
        let made = set.extract(wave.get()?)?;
        all_finite(set, &made)?;
        if let Some((hash, shelf)) = place
            && !self.has_failed()
        {
            self.note(shelf.put(hash, &made));
        }
        Ok(made)
    }

    fn shelf(&self, how: &Preparation, set: &dyn FeatureSet) -> Arc<Shelf> {
        let key = file_name(&format!("{}-v{}-{}", set.name(), set.version(), how.key()));
        let mut shelves = lock(&self.shelves);
        let new = || Arc::new(Shelf::open(self.folder.join(&key), set.kind(), set.columns().len()));
        Arc::clone(shelves.entry(key.clone()).or_insert_with(new))
    }

    /// Told once: a full disk would otherwise say the same for every clip.
    fn note(&self, end: Result<(), String>) {
        if let Err(reason) = end {
            let _ = self.trouble.set(reason);
        }
    }
}

impl Drop for Cache {
    fn drop(&mut self) {
        self.flush();
    }
}

/// `text` as a file name: what is not a letter, digit or one of `._=+,-` becomes `-`, and a few digits of the text's
/// hash then keep two texts apart.
pub fn file_name(text: &str) -> String {
    let plain = |c: char| c.is_ascii_alphanumeric() || "._=+,-".contains(c);
    if text.len() <= 120 && text.chars().all(plain) {
        return text.to_owned();
    }
    let safe: String = text.chars().take(100).map(|c| if plain(c) { c } else { '-' }).collect();
    format!("{safe}-{}", &blake3::hash(text.as_bytes()).to_hex()[..8])
}

/// A wave that is decoded when first asked for.
struct Late<F> {
    make: Option<F>,
    made: Option<Wave>,
}

impl<E, F: FnOnce() -> Result<Wave, E>> Late<F> {
    fn get(&mut self) -> Result<&Wave, E> {
        if let Some(make) = self.make.take() {
            self.made = Some(make()?);
        }
        // Empty only after an error, which ended the caller.
        Ok(self.made.get_or_insert_with(|| Wave { samples: Vec::new(), rate: 0 }))
    }
}

fn all_finite(set: &dyn FeatureSet, features: &Features) -> Result<(), FeatureError> {
    let column = match features {
        Features::Row(row) => row.iter().position(|number| !number.is_finite()),
        Features::Image(image) => {
            let (_, bands, _) = image.dim();
            image.indexed_iter().find(|(_, number)| !number.is_finite()).map(|((c, b, _), _)| c * bands + b)
        }
    };
    let name = |at: usize| set.columns().get(at).map_or_else(|| at.to_string(), |column| column.name.clone());
    column.map_or(Ok(()), |at| Err(FeatureError::Undefined { set: set.name().to_owned(), column: name(at) }))
}

fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

/// The segments of one set, version and preparation.
#[derive(Debug)]
struct Shelf {
    folder: PathBuf,
    kind: Kind,
    columns: usize,
    state: Mutex<State>,
    /// Said once per process: merging again and again what cannot be merged would cost without end.
    unmergeable: AtomicBool,
}

#[derive(Debug)]
struct State {
    segments: Vec<Arc<Segment>>,
    /// The newest entry of every clip: which segment, where in it.
    places: HashMap<Hash, (usize, Place)>,
    /// Maps in use, the least recently used first.
    maps: Vec<(usize, Arc<Mapped>)>,
    fresh: Vec<(Hash, Records)>,
    fresh_bytes: usize,
    /// Where in `fresh` a clip is.
    waiting: HashMap<Hash, usize>,
    flushed: Instant,
}

impl Shelf {
    fn open(folder: PathBuf, kind: Kind, columns: usize) -> Shelf {
        sweep(&folder);
        let state = Mutex::new(State::read(&folder, columns));
        Shelf { folder, kind, columns, state, unmergeable: AtomicBool::new(false) }
    }

    fn get(&self, hash: &Hash) -> Option<Features> {
        let mut state = lock(&self.state);
        if let Some(&at) = state.waiting.get(hash) {
            let records = state.fresh[at].1.clone();
            return records.features(self.kind, self.columns);
        }
        let &(at, place) = state.places.get(hash)?;
        let (segment, map) = (Arc::clone(&state.segments[at]), state.map(at)?);
        drop(state);
        segment.read(&map, &place)?.features(self.kind, self.columns)
    }

    fn put(&self, hash: Hash, features: &Features) -> Result<(), String> {
        let Some(records) = Records::of(features, self.columns) else { return Ok(()) };
        let mut state = lock(&self.state);
        if !state.waiting.contains_key(&hash) {
            let at = state.fresh.len();
            state.waiting.insert(hash, at);
            state.fresh_bytes += records.bytes();
            state.fresh.push((hash, records));
        }
        if state.fresh_bytes < FLUSH_BYTES && state.flushed.elapsed() < FLUSH_AFTER {
            return Ok(());
        }
        self.write(&mut state)
    }

    fn flush(&self) -> Result<(), String> {
        self.write(&mut lock(&self.state))
    }

    fn write(&self, state: &mut State) -> Result<(), String> {
        let fresh = std::mem::take(&mut state.fresh);
        state.waiting.clear();
        state.fresh_bytes = 0;
        state.flushed = Instant::now();
        let written = segment::write(&self.folder, self.columns, &Content::Fresh(&fresh));
        let Some((segment, places)) = written.map_err(|error| self.failed(&error))? else { return Ok(()) };
        let at = state.segments.len();
        state.places.extend(places.into_iter().map(|(hash, place)| (hash, (at, place))));
        state.segments.push(Arc::new(segment));
        if let Some(crowd) = crowd(&state.segments)
            && !self.unmergeable.load(Ordering::Relaxed)
        {
            self.merge(state, &crowd);
        }
        Ok(())
    }

    /// Copies what is valid in these segments into one, and removes them. What fails leaves them as they are: they can
    /// still be read.
    fn merge(&self, state: &mut State, crowd: &[usize]) {
        let mut kept = Vec::new();
        for &at in crowd {
            let Some(map) = state.map(at) else { continue };
            let segment = &state.segments[at];
            let mut own: Vec<(&Hash, Place)> =
                state.places.iter().filter(|(_, (of, _))| *of == at).map(|(hash, (_, place))| (hash, *place)).collect();
            own.sort_by_key(|(_, place)| place.first);
            let whole = own.into_iter().filter(|(_, place)| segment.read(&map, place).is_some());
            kept.extend(
                whole.map(|(hash, place)| (*hash, Kept { segment: Arc::clone(segment), map: Arc::clone(&map), place })),
            );
        }
        if segment::write(&self.folder, self.columns, &Content::Kept(&kept)).is_err() {
            self.unmergeable.store(true, Ordering::Relaxed);
            return;
        }
        for &at in crowd {
            let segment = &state.segments[at];
            // The index first: without it the array is not there. What cannot be removed now is merged again later.
            let _ = fs::remove_file(segment.index()).and_then(|()| fs::remove_file(&segment.array));
        }
        *state = State::read(&self.folder, self.columns);
    }

    fn failed(&self, error: &io::Error) -> String {
        format!("cannot write to {}: {error}", self.folder.display())
    }
}

impl State {
    fn read(folder: &Path, columns: usize) -> State {
        let mut indices: Vec<PathBuf> = fs::read_dir(folder)
            .map(|entries| entries.filter_map(|entry| entry.ok().map(|entry| entry.path())).collect())
            .unwrap_or_default();
        indices.retain(|path| path.extension().is_some_and(|ending| ending == "csv"));
        // Later numbers are newer: what was computed again after damage wins.
        indices.sort();
        let (mut segments, mut places) = (Vec::new(), HashMap::new());
        for (segment, named) in indices.iter().filter_map(|index| Segment::open(index, columns)) {
            places.extend(named.into_iter().map(|(hash, place)| (hash, (segments.len(), place))));
            segments.push(Arc::new(segment));
        }
        let (maps, fresh, waiting) = (Vec::new(), Vec::new(), HashMap::new());
        State { segments, places, maps, fresh, fresh_bytes: 0, waiting, flushed: Instant::now() }
    }

    /// The bytes of a segment; `None` when another process has merged it away.
    fn map(&mut self, at: usize) -> Option<Arc<Mapped>> {
        let found = self.maps.iter().position(|(of, _)| *of == at);
        let map = match found {
            Some(found) => self.maps.remove(found).1,
            None => Arc::new(Mapped::open(&self.segments[at].array).ok()?),
        };
        self.maps.push((at, Arc::clone(&map)));
        let mut mapped: usize = self.maps.iter().map(|(_, map)| map.bytes().len()).sum();
        while mapped > MAPPED_BYTES && self.maps.len() > 1 {
            mapped -= self.maps.remove(0).1.bytes().len();
        }
        Some(map)
    }
}

/// The first [`MERGED`] or more segments of about the same size, none too large.
fn crowd(segments: &[Arc<Segment>]) -> Option<Vec<usize>> {
    let mut tiers: HashMap<u32, Vec<usize>> = HashMap::new();
    for (at, segment) in segments.iter().enumerate().filter(|(_, segment)| segment.bytes() < MERGED_BYTES) {
        // Sizes within a factor of eight are about the same; so a number is copied a few times at most.
        tiers.entry((segment.bytes() >> 16).max(1).ilog2() / 3).or_default().push(at);
    }
    tiers.into_values().find(|tier| tier.len() >= MERGED)
}

/// Removes what killed processes left behind: temporary files, and arrays that never got their index.
fn sweep(folder: &Path) {
    let Ok(entries) = fs::read_dir(folder) else { return };
    for path in entries.filter_map(|entry| entry.ok().map(|entry| entry.path())) {
        let temporary = path.file_name().is_some_and(|name| name.as_encoded_bytes().starts_with(b".tmp"));
        let lone = path.extension().is_some_and(|ending| ending == "npy") && !path.with_extension("csv").exists();
        let age = |path: &Path| SystemTime::now().duration_since(path.metadata().ok()?.modified().ok()?).ok();
        if (temporary || lone) && age(&path).is_some_and(|age| age > LEFT_BEHIND) {
            let _ = fs::remove_file(path);
        }
    }
}

#[cfg(test)]
#[allow(clippy::unwrap_used, clippy::panic)]
mod tests {
    use super::*;
    use crate::features::functionals::FUNCTIONALS;
    use crate::features::{Chosen, Column, Combined, Image};
    use ndarray::Array3;

    /// A row of `columns` times the wave's first sample, or an image of it.
    struct Fake {
        name: &'static str,
        kind: Kind,
        columns: usize,
    }

    const ROW: Fake = Fake { name: "fake", kind: Kind::Row, columns: 5 };

    impl FeatureSet for Fake {
        fn name(&self) -> &str {
            self.name
        }
        fn about(&self) -> &str {
            "for tests"
        }
        fn kind(&self) -> Kind {
            self.kind
        }
        fn version(&self) -> u32 {
            1
        }
        fn columns(&self) -> Vec<Column> {
            (0..self.columns).map(|at| Column { name: format!("c{at}"), unit: "-", source: "" }).collect()
        }
        fn extract(&self, wave: &Wave) -> Result<Features, FeatureError> {
            let fill = wave.samples[0];
            Ok(match self.kind {
                Kind::Row => Features::Row(vec![fill; self.columns]),
                Kind::Image => Features::Image(image(fill, self.columns)),
            })
        }
    }

    fn image(fill: f32, columns: usize) -> Image {
        let of = |(c, b, t): (usize, usize, usize)| fill + (c * 1000 + b * 10 + t) as f32;
        Array3::from_shape_fn((3, columns / 3, 7), of).into_shared()
    }

    fn hash(of: &str) -> String {
        blake3::hash(of.as_bytes()).to_hex().to_string()
    }

    /// What the cache gives for this clip when computing yields `fill`.
    fn ask(cache: &Cache, clip: &str, fill: f32) -> f32 {
        let wave = || Ok::<_, FeatureError>(Wave { samples: vec![fill], rate: 1 });
        match cache.features(&hash(clip), &Preparation::plain(16_000), &ROW, wave).unwrap() {
            Features::Row(row) => row[0],
            Features::Image(_) => panic!("an image"),
        }
    }

    /// The files of the shelf with this ending.
    fn files(folder: &Path, ending: &str) -> Vec<PathBuf> {
        let shelf = folder.join("fake-v1-16000");
        let mut all: Vec<PathBuf> = fs::read_dir(shelf).unwrap().map(|entry| entry.unwrap().path()).collect();
        all.retain(|path| path.extension().is_some_and(|have| have == ending));
        all.sort();
        all
    }

    #[test]
    fn the_second_time_nothing_is_made() {
        let folder = tempfile::tempdir().unwrap();
        let cache = Cache::open(folder.path());
        assert_eq!(ask(&cache, "a", 1.0), 1.0);
        assert_eq!(ask(&cache, "a", 2.0), 1.0, "before it is written");
        cache.flush();
        assert_eq!(ask(&cache, "a", 2.0), 1.0, "after it is written");
        assert_eq!(ask(&Cache::open(folder.path()), "a", 2.0), 1.0, "by the next process");
        let other = |how: Preparation| {
            let wave = || Ok::<_, FeatureError>(Wave { samples: vec![3.0], rate: 1 });
            cache.features(&hash("a"), &how, &ROW, wave).unwrap()
        };
        assert_eq!(other(Preparation::plain(8_000)), Features::Row(vec![3.0; 5]));
        assert_eq!(other(Preparation { trim: Some(60.0), ..Preparation::plain(16_000) }), Features::Row(vec![3.0; 5]));
    }

    #[test]
    fn a_segment_is_one_array_that_numpy_reads_and_an_index() {
        let folder = tempfile::tempdir().unwrap();
        let cache = Cache::open(folder.path());
        for (at, clip) in ["a", "b", "c"].iter().enumerate() {
            ask(&cache, clip, at as f32);
        }
        drop(cache);
        let array: ndarray::Array2<f32> = ndarray_npy::read_npy(&files(folder.path(), "npy")[0]).unwrap();
        assert_eq!((array.dim(), array[(2, 4)]), ((3, 5), 2.0));
        let index = fs::read_to_string(&files(folder.path(), "csv")[0]).unwrap();
        let lines: Vec<&str> = index.lines().collect();
        assert_eq!((lines.len(), lines[0]), (4, "audio,first,records,channels,checksum"));
        assert!(lines[2].starts_with(&format!("{},1,1,1,", hash("b"))), "{}", lines[2]);
    }

    #[test]
    fn images_come_back_equal() {
        let folder = tempfile::tempdir().unwrap();
        let set = Fake { name: "pictures", kind: Kind::Image, columns: 12 };
        let ask = |fill: Option<f32>| {
            let wave = || fill.map(|fill| Wave { samples: vec![fill], rate: 1 }).ok_or(FeatureError::Empty);
            let cache = Cache::open(folder.path());
            ["a", "b"].map(|clip| cache.features(&hash(clip), &Preparation::plain(8_000), &set, wave))
        };
        let made = ask(Some(0.5));
        assert_eq!(made[0], Ok(Features::Image(image(0.5, 12))));
        assert_eq!(ask(None), made);
    }

    #[test]
    fn sets_side_by_side_share_what_their_parts_have() {
        let folder = tempfile::tempdir().unwrap();
        let cache = Cache::open(folder.path());
        ask(&cache, "a", 1.0);
        let other = Fake { name: "other", kind: Kind::Row, columns: 2 };
        let both = Combined::new(vec![Arc::new(ROW) as Chosen, Arc::new(other)]).unwrap();
        let decoded = AtomicBool::new(false);
        let ask = || {
            let wave = || {
                decoded.store(true, Ordering::Relaxed);
                Ok::<_, FeatureError>(Wave { samples: vec![2.0], rate: 1 })
            };
            cache.features(&hash("a"), &Preparation::plain(16_000), &both, wave).unwrap()
        };
        let wanted = Features::Row(vec![1.0, 1.0, 1.0, 1.0, 1.0, 2.0, 2.0]);
        assert_eq!(ask(), wanted);
        assert!(decoded.swap(false, Ordering::Relaxed));
        assert_eq!(ask(), wanted);
        assert!(!decoded.load(Ordering::Relaxed), "the file was read though all was there");
    }

    #[test]
    fn what_is_damaged_is_made_again() {
        let folder = tempfile::tempdir().unwrap();
        ask(&Cache::open(folder.path()), "a", 1.0);
        let (array, index) = (files(folder.path(), "npy").remove(0), files(folder.path(), "csv").remove(0));
        let (whole, text) = (fs::read(&array).unwrap(), fs::read_to_string(&index).unwrap());
        let nan = |bytes: &mut Vec<u8>| {
            let at = bytes.len() - 4;
            bytes[at..].copy_from_slice(&f32::NAN.to_le_bytes());
        };
        let with = |change: &dyn Fn(&mut Vec<u8>)| {
            let mut bytes = whole.clone();
            change(&mut bytes);
            bytes
        };
        let doubles = ndarray::Array2::<f64>::zeros((1, 5));
        let wide = ndarray::Array2::<f32>::zeros((1, 6));
        let damages: [&dyn Fn(); 11] = [
            &|| fs::write(&array, &whole[..whole.len() / 2]).unwrap(),
            &|| fs::write(&array, with(&|bytes| bytes.truncate(bytes.len() - 1))).unwrap(),
            &|| fs::write(&array, b"").unwrap(),
            &|| fs::write(&array, b"not an array at all").unwrap(),
            &|| fs::write(&array, with(&|bytes| *bytes.last_mut().unwrap() ^= 1)).unwrap(),
            &|| fs::write(&array, with(&nan)).unwrap(),
            &|| ndarray_npy::write_npy(&array, &doubles).unwrap(),
            &|| ndarray_npy::write_npy(&array, &wide).unwrap(),
            &|| fs::remove_file(&array).unwrap(),
            &|| fs::write(&index, text.replace(",0,1,1,", ",7,1,1,")).unwrap(),
            &|| fs::write(&index, &text[..text.len() - 3]).unwrap(),
        ];
        for (i, damage) in damages.iter().enumerate() {
            files(folder.path(), "csv")
                .iter()
                .filter(|path| **path != index)
                .for_each(|path| drop(fs::remove_file(path)));
            fs::write(&array, &whole).unwrap();
            fs::write(&index, &text).unwrap();
            assert_eq!(ask(&Cache::open(folder.path()), "a", -1.0), 1.0, "before damage {i}");
            damage();
            let fill = 10.0 + i as f32;
            let cache = Cache::open(folder.path());
            assert_eq!(ask(&cache, "a", fill), fill, "damage {i} was read");
            assert_eq!(cache.trouble(), None);
            assert_eq!(ask(&Cache::open(folder.path()), "a", -1.0), fill, "damage {i} was not replaced");
        }
    }

    #[test]
    fn small_segments_do_not_pile_up() {
        let folder = tempfile::tempdir().unwrap();
        for clip in 0..60 {
            ask(&Cache::open(folder.path()), &format!("clip {clip}"), clip as f32);
        }
        let left = files(folder.path(), "npy").len();
        assert!(left < MERGED, "{left} segments");
        assert_eq!(files(folder.path(), "csv").len(), left);
        let cache = Cache::open(folder.path());
        (0..60).for_each(|clip| assert_eq!(ask(&cache, &format!("clip {clip}"), -1.0), clip as f32));
    }

    #[test]
    fn a_merge_by_another_process_costs_nothing_but_work() {
        let folder = tempfile::tempdir().unwrap();
        ask(&Cache::open(folder.path()), "early", 1.0);
        let slow = Cache::open(folder.path());
        ask(&slow, "mine", 2.0);
        for clip in 0..2 * MERGED {
            ask(&Cache::open(folder.path()), &format!("clip {clip}"), 3.0);
        }
        assert_eq!(ask(&slow, "early", 1.0), 1.0);
        assert_eq!(slow.trouble(), None);
        drop(slow);
        assert_eq!(ask(&Cache::open(folder.path()), "mine", -1.0), 2.0);
    }

    #[test]
    fn an_unwritable_cache_still_answers_and_says_so() {
        let folder = tempfile::tempdir().unwrap();
        let blocked = folder.path().join("file");
        fs::write(&blocked, b"in the way").unwrap();
        let cache = Cache::open(&blocked);
        assert_eq!(ask(&cache, "a", 1.0), 1.0);
        assert!(cache.trouble().is_some_and(|text| text.contains("fake-v1-16000")), "{:?}", cache.trouble());
        assert_eq!(ask(&cache, "a", 2.0), 2.0);
    }

    #[test]
    fn an_error_is_passed_on_and_not_stored() {
        let folder = tempfile::tempdir().unwrap();
        let cache = Cache::open(folder.path());
        let how = Preparation::plain(16_000);
        let broken = cache.features(&hash("a"), &how, &ROW, || Err(FeatureError::Empty));
        assert_eq!(broken, Err(FeatureError::Empty));
        let nan = || Ok::<_, FeatureError>(Wave { samples: vec![f32::NAN], rate: 1 });
        let undefined = cache.features(&hash("a"), &how, &ROW, nan).unwrap_err();
        assert_eq!(undefined.to_string(), "the set `fake` gives no finite number for c0");
        assert_eq!(ask(&cache, "a", 4.0), 4.0);
    }

    #[test]
    fn a_strange_hash_is_not_kept_and_no_path() {
        let folder = tempfile::tempdir().unwrap();
        let cache = Cache::open(folder.path().join("cache"));
        for hash in ["../../escape", "", "a", "é12345"] {
            let wave = || Ok::<_, FeatureError>(Wave { samples: vec![1.0; 400], rate: 16_000 });
            assert!(cache.features(hash, &Preparation::plain(16_000), &FUNCTIONALS, wave).is_ok());
        }
        drop(cache);
        assert!(!folder.path().join("cache").exists());
    }

    #[test]
    fn names_of_folders_are_plain_and_tell_apart() {
        assert_eq!(file_name("functionals-v1-22050"), "functionals-v1-22050");
        let (one, two) = (file_name("logmel:bands=40"), file_name("logmel/bands=40"));
        assert!(one.starts_with("logmel-bands=40-") && two.starts_with("logmel-bands=40-") && one != two);
        assert!(file_name(&"long".repeat(100)).len() < 120);
    }

    #[test]
    fn many_writers_agree_in_the_end() {
        let folder = tempfile::tempdir().unwrap();
        std::thread::scope(|scope| {
            for writer in 0..4 {
                let folder = folder.path();
                scope.spawn(move || {
                    for _ in 0..20 {
                        ask(&Cache::open(folder), "a", writer as f32);
                    }
                });
            }
        });
        let kept = ask(&Cache::open(folder.path()), "a", 99.0);
        assert!((0.0..4.0).contains(&kept));
        let names: Vec<_> =
            fs::read_dir(folder.path().join("fake-v1-16000")).unwrap().map(|e| e.unwrap().path()).collect();
        assert!(names.iter().all(|path| path.extension().is_some_and(|end| end == "npy" || end == "csv")), "{names:?}");
    }
}
