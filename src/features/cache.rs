//! Features on disk: a cache of `.npy` files by content hash, and `.npy` files for users.
//!
//! The cache is a convenience and never a reason to fail: what cannot be read is computed again, what cannot be
//! written is still returned. It may be deleted at any time and shared by several processes, because a file appears
//! under its name only when complete. Deliberately absent: eviction, and knowing which clips exist.

use std::fs::File;
use std::io::BufReader;
use std::path::{Path, PathBuf};
use std::sync::OnceLock;

use anyhow::{Context, Result};
use ndarray::{Array1, Array2, Array3, ArrayBase, Data, Dimension};
use ndarray_npy::{ReadNpyExt, WriteNpyExt};

use super::{FeatureSet, Features, Image, Kind};
use crate::file::write_whole;

/// A folder `<set>-v<version>-<rate>/<first two of hash>/<hash>.npy`.
#[derive(Debug)]
pub struct Cache {
    folder: PathBuf,
    trouble: OnceLock<String>,
}

impl Cache {
    /// A cache in this folder, which is made when first written to.
    pub fn open(folder: impl Into<PathBuf>) -> Cache {
        Cache { folder: folder.into(), trouble: OnceLock::new() }
    }

    /// The features stored for a clip, else those `make` returns, which are then stored.
    ///
    /// `hash` names the clip's audio (`AudioFacts::hash`), `rate` the rate in Hz the features are computed at. A file
    /// that is damaged, of another shape or type, or not finite is ignored and replaced.
    ///
    /// # Errors
    /// Only what `make` returns.
    pub fn get_or<E>(
        &self,
        hash: &str,
        rate: u32,
        set: &dyn FeatureSet,
        make: impl FnOnce() -> Result<Features, E>,
    ) -> Result<Features, E> {
        let Some(path) = self.path(hash, rate, set) else { return make() };
        if let Some(found) = read(&path, set) {
            return Ok(found);
        }
        let made = make()?;
        if let Err(error) = write(&path, &made) {
            // Told once: a full disk would otherwise say the same for every clip.
            let _ = self.trouble.set(format!("{error:#}"));
        }
        Ok(made)
    }

    /// Why the first file that could not be stored was not; `None` while all is well.
    pub fn trouble(&self) -> Option<&str> {
        self.trouble.get().map(String::as_str)
    }

    /// `None` for a hash that is no plain word and so could lead out of the folder.
    fn path(&self, hash: &str, rate: u32, set: &dyn FeatureSet) -> Option<PathBuf> {
        let plain = hash.len() > 2 && hash.bytes().all(|byte| byte.is_ascii_alphanumeric());
        let set = format!("{}-v{}-{rate}", set.name(), set.version());
        plain.then(|| self.folder.join(set).join(&hash[..2]).join(format!("{hash}.npy")))
    }
}

/// Writes a matrix `[clip, column]` as `.npy`; the file appears only when complete.
///
/// # Errors
/// Names the file when its folder cannot be made or it cannot be written.
pub fn write_matrix(path: &Path, matrix: &Array2<f32>) -> Result<()> {
    write_array(path, matrix)
}

/// Writes an image `[channel, band, frame]` as `.npy`; the file appears only when complete.
///
/// # Errors
/// Names the file when its folder cannot be made or it cannot be written.
pub fn write_image(path: &Path, image: &Image) -> Result<()> {
    write_array(path, image)
}

fn read(path: &Path, set: &dyn FeatureSet) -> Option<Features> {
    let file = BufReader::new(File::open(path).ok()?);
    let columns = set.columns().len();
    match set.kind() {
        Kind::Row => {
            let row = Array1::<f32>::read_npy(file).ok()?;
            (row.len() == columns && all_finite(&row)).then(|| Features::Row(row.to_vec()))
        }
        Kind::Image => {
            let image = Array3::<f32>::read_npy(file).ok()?;
            let (channels, bands, frames) = image.dim();
            let whole = channels.checked_mul(bands) == Some(columns) && frames > 0 && all_finite(&image);
            whole.then(|| Features::Image(image.as_standard_layout().into_owned().into_shared()))
        }
    }
}

fn all_finite<S: Data<Elem = f32>, D: Dimension>(array: &ArrayBase<S, D>) -> bool {
    array.iter().all(|value| value.is_finite())
}

fn write(path: &Path, features: &Features) -> Result<()> {
    match features {
        Features::Row(row) => write_array(path, &ndarray::aview1(row)),
        Features::Image(image) => write_array(path, image),
    }
}

fn write_array<S: Data<Elem = f32>, D: Dimension>(path: &Path, array: &ArrayBase<S, D>) -> Result<()> {
    let folder = path.parent().unwrap_or(path);
    let made = std::fs::create_dir_all(folder).map_err(anyhow::Error::from);
    made.and_then(|()| write_whole(path, |out| -> Result<()> { Ok(array.write_npy(out)?) }))
        .with_context(|| format!("cannot write {}", path.display()))
}

#[cfg(test)]
#[allow(clippy::unwrap_used, clippy::panic)]
mod tests {
    use std::fs;

    use super::*;
    use crate::features::functionals::FUNCTIONALS;
    use crate::features::logmel::LOGMEL;

    const HASH: &str = "ab12cd";

    fn row(fill: f32) -> Features {
        Features::Row(vec![fill; FUNCTIONALS.columns().len()])
    }

    /// What the cache gives when making yields `fill`.
    fn ask(cache: &Cache, fill: f32) -> Features {
        cache.get_or(HASH, 16_000, &FUNCTIONALS, || Ok::<_, ()>(row(fill))).unwrap()
    }

    #[test]
    fn the_second_time_nothing_is_made() {
        let folder = tempfile::tempdir().unwrap();
        let cache = Cache::open(folder.path());
        assert_eq!(ask(&cache, 1.0), row(1.0));
        assert_eq!(ask(&cache, 2.0), row(1.0));
        assert!(folder.path().join("functionals-v2-16000/ab/ab12cd.npy").is_file());
        let other_rate = cache.get_or(HASH, 8_000, &FUNCTIONALS, || Ok::<_, ()>(row(3.0)));
        assert_eq!(other_rate, Ok(row(3.0)));
    }

    #[test]
    fn images_come_back_equal() {
        let folder = tempfile::tempdir().unwrap();
        let cache = Cache::open(folder.path());
        let image = Array3::from_shape_fn((3, 64, 5), |(c, b, t)| (c * 1000 + b * 10 + t) as f32).into_shared();
        let made = cache.get_or(HASH, 8_000, &LOGMEL, || Ok::<_, ()>(Features::Image(image.clone())));
        let again = cache.get_or(HASH, 8_000, &LOGMEL, || Err("made again"));
        assert_eq!(made, Ok(Features::Image(image)));
        assert_eq!(again, Ok(made.unwrap()));
    }

    #[test]
    fn a_damaged_file_is_replaced() {
        let folder = tempfile::tempdir().unwrap();
        let cache = Cache::open(folder.path());
        ask(&cache, 1.0);
        let path = folder.path().join("functionals-v2-16000/ab/ab12cd.npy");
        let whole = fs::read(&path).unwrap();
        let wrong_len = Array1::<f32>::zeros(3);
        let wrong_type = Array1::<f64>::zeros(FUNCTIONALS.columns().len());
        let not_finite = Array1::from_elem(FUNCTIONALS.columns().len(), f32::NAN);
        let damages: [&dyn Fn(); 6] = [
            &|| fs::write(&path, &whole[..whole.len() / 2]).unwrap(),
            &|| fs::write(&path, b"").unwrap(),
            &|| fs::write(&path, b"not an array at all").unwrap(),
            &|| ndarray_npy::write_npy(&path, &wrong_len).unwrap(),
            &|| ndarray_npy::write_npy(&path, &wrong_type).unwrap(),
            &|| ndarray_npy::write_npy(&path, &not_finite).unwrap(),
        ];
        for (i, damage) in damages.iter().enumerate() {
            damage();
            let fill = 10.0 + i as f32;
            assert_eq!(ask(&cache, fill), row(fill), "damage {i} was read");
            assert_eq!(ask(&cache, -1.0), row(fill), "damage {i} was not replaced");
        }
        assert_eq!(cache.trouble(), None);
    }

    #[test]
    fn an_unwritable_cache_still_answers_and_says_so() {
        let folder = tempfile::tempdir().unwrap();
        let blocked = folder.path().join("file");
        fs::write(&blocked, b"in the way").unwrap();
        let cache = Cache::open(&blocked);
        assert_eq!(ask(&cache, 1.0), row(1.0));
        assert_eq!(ask(&cache, 2.0), row(2.0));
        assert!(cache.trouble().is_some_and(|text| text.contains("ab12cd.npy")), "{:?}", cache.trouble());
    }

    #[test]
    fn an_error_is_passed_on_and_not_stored() {
        let folder = tempfile::tempdir().unwrap();
        let cache = Cache::open(folder.path());
        assert_eq!(cache.get_or(HASH, 16_000, &FUNCTIONALS, || Err("broken clip")), Err("broken clip"));
        assert_eq!(ask(&cache, 4.0), row(4.0));
    }

    #[test]
    fn a_strange_hash_is_not_a_path() {
        let folder = tempfile::tempdir().unwrap();
        let cache = Cache::open(folder.path().join("cache"));
        for hash in ["../../escape", "", "a", "é12345"] {
            let made = cache.get_or(hash, 16_000, &FUNCTIONALS, || Ok::<_, ()>(row(1.0)));
            assert_eq!(made, Ok(row(1.0)));
        }
        assert!(!folder.path().join("cache").exists());
    }

    #[test]
    fn many_writers_of_one_clip_leave_one_whole_file() {
        let folder = tempfile::tempdir().unwrap();
        let answers: Vec<Features> = std::thread::scope(|scope| {
            let ask = |i: usize| {
                let folder = folder.path();
                scope.spawn(move || (0..20).map(|_| super::tests::ask(&Cache::open(folder), i as f32)).next_back())
            };
            let threads: Vec<_> = (0..4).map(ask).collect();
            threads.into_iter().filter_map(|thread| thread.join().unwrap()).collect()
        });
        let kept = ask(&Cache::open(folder.path()), 99.0);
        assert_ne!(kept, row(99.0));
        assert_eq!(answers.len(), 4);
        let files = fs::read_dir(folder.path().join("functionals-v2-16000/ab")).unwrap().count();
        assert_eq!(files, 1, "a temporary file was left");
    }

    #[test]
    fn a_matrix_is_read_back_by_others() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("deep/er/functionals.npy");
        let matrix = Array2::from_shape_fn((2, 3), |(r, c)| (r * 3 + c) as f32);
        write_matrix(&path, &matrix).unwrap();
        assert_eq!(ndarray_npy::read_npy::<_, Array2<f32>>(&path).unwrap(), matrix);
        let error = write_matrix(&path.join("under-a-file.npy"), &matrix).unwrap_err();
        assert!(format!("{error:#}").contains("under-a-file.npy"));
    }
}
