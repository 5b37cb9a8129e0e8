//! `weights.safetensors`: the numbers of a fitted model on disk.
//!
//! f32 and i8 tensors and byte entries in the safetensors format, with one line of metadata that says whose file it is, its
//! version and a checksum. Written beside its place and renamed, so that a reader sees the old file or the new one.
//! Deliberately absent: the recipe and class names; they are in the card beside it (written by the workbench).

use std::collections::HashMap;
use std::io;
use std::path::Path;

use ndarray::ArrayD;
use safetensors::tensor::{Dtype, SafeTensors, TensorView, serialize};

use super::{LearnError, Weights};
use crate::file::{Staged, stage};

/// The version read; files of a higher one are refused. Written is the lowest that knows what a file holds: 2 with i8
/// tensors, else 1.
pub const VERSION: u32 = 2;

/// Key of the metadata line. One key only: the format keeps them unordered, and equal models shall be equal files.
const FORMAT: &str = "emolab-model";

/// Writes `weights` to `path`, atomically.
///
/// # Errors
/// [`LearnError::Failed`] with the path and the reason.
pub fn write(path: &Path, weights: &Weights) -> Result<(), LearnError> {
    write_then(path, weights, Staged::durable)
}

/// As [`write`](write()) without waiting until the bytes are on the disk: for what can be made again.
///
/// # Errors
/// As [`write`](write()).
pub fn write_soon(path: &Path, weights: &Weights) -> Result<(), LearnError> {
    write_then(path, weights, Ok)
}

fn write_then(path: &Path, weights: &Weights, then: impl Fn(Staged) -> io::Result<Staged>) -> Result<(), LearnError> {
    let failed = |why: &dyn std::fmt::Display| LearnError::Failed(format!("cannot write {}: {why}", path.display()));
    let bytes = encode(weights).map_err(|why| failed(&why))?;
    let staged = stage(path, |out| out.write_all(&bytes)).and_then(then);
    staged.and_then(|staged| staged.publish(path)).map_err(|why| failed(&why))
}

/// Reads what [`write`](write()) wrote.
///
/// # Errors
/// [`LearnError::BadModel`] with the path and the reason: unreadable, not a model of ours, cut short, damaged, or
/// written by a newer version.
pub fn read(path: &Path) -> Result<Weights, LearnError> {
    let bad = |why: String| LearnError::BadModel(format!("{}: {why}", path.display()));
    let bytes = std::fs::read(path).map_err(|why| bad(why.to_string()))?;
    decode(&bytes).map_err(bad)
}

/// Reads the bytes of such a file.
///
/// # Errors
/// [`LearnError::BadModel`] with the reason.
pub fn parse(bytes: &[u8]) -> Result<Weights, LearnError> {
    decode(bytes).map_err(LearnError::BadModel)
}

/// Bytes of the file that [`write`](write()) makes.
///
/// # Errors
/// [`LearnError::Failed`] as there.
pub fn size(weights: &Weights) -> Result<u64, LearnError> {
    let bytes = encode(weights).map_err(|why| LearnError::Failed(format!("weights: {why}")))?;
    Ok(bytes.len() as u64)
}

fn encode(weights: &Weights) -> Result<Vec<u8>, safetensors::SafeTensorError> {
    let raw = |tensor: &ArrayD<f32>| tensor.iter().flat_map(|value| value.to_le_bytes()).collect::<Vec<u8>>();
    let small = |tensor: &ArrayD<i8>| tensor.iter().flat_map(|value| value.to_le_bytes()).collect::<Vec<u8>>();
    let tensors = weights.tensors.iter().map(|(name, tensor)| (name, Dtype::F32, tensor.shape(), raw(tensor)));
    let int8 = weights.int8.iter().map(|(name, tensor)| (name, Dtype::I8, tensor.shape(), small(tensor)));
    let all: Vec<(&String, Dtype, &[usize], Vec<u8>)> = tensors.chain(int8).collect();
    let mut views: Vec<(&str, TensorView)> = Vec::new();
    for (name, kind, shape, bytes) in &all {
        views.push((name, TensorView::new(*kind, shape.to_vec(), bytes)?));
    }
    for (name, bytes) in &weights.bytes {
        views.push((name, TensorView::new(Dtype::U8, vec![bytes.len()], bytes)?));
    }
    let version = if weights.int8.is_empty() { 1 } else { 2 };
    let line = format!("{version} {}", checksum(&views));
    serialize(views, Some(HashMap::from([(FORMAT.to_owned(), line)])))
}

fn decode(bytes: &[u8]) -> Result<Weights, String> {
    let (_, header) = SafeTensors::read_metadata(bytes).map_err(|why| not_ours(bytes, &why.to_string()))?;
    let line = header.metadata().as_ref().and_then(|pairs| pairs.get(FORMAT));
    let line = line.ok_or("a safetensors file, but not a model of emolab")?;
    let (version, sum) = line.split_once(' ').ok_or("its version line is damaged")?;
    let version: u32 = version.parse().map_err(|_| "its version line is damaged")?;
    if version > VERSION {
        return Err(format!("written by a newer emolab (format {version}, this one reads up to {VERSION})"));
    }
    let file = SafeTensors::deserialize(bytes).map_err(|why| not_ours(bytes, &why.to_string()))?;
    let mut views: Vec<(&str, TensorView)> = file.iter().collect();
    let place = |kind: Dtype| [Dtype::F32, Dtype::I8].iter().position(|&other| other == kind).unwrap_or(2);
    views.sort_by(|a, b| (place(a.1.dtype()), a.0).cmp(&(place(b.1.dtype()), b.0)));
    if checksum(&views) != sum {
        return Err("damaged: its contents do not fit its checksum".into());
    }
    let mut weights = Weights::default();
    for (name, view) in views {
        match view.dtype() {
            Dtype::F32 => drop(weights.tensors.insert(name.to_owned(), tensor(&view)?)),
            Dtype::I8 => drop(weights.int8.insert(name.to_owned(), small(&view)?)),
            Dtype::U8 => drop(weights.bytes.insert(name.to_owned(), view.data().to_vec())),
            other => return Err(format!("entry {name:?} is of type {other:?}")),
        }
    }
    Ok(weights)
}

fn tensor(view: &TensorView) -> Result<ArrayD<f32>, String> {
    let values = view.data().chunks_exact(4).map(|four| f32::from_le_bytes([four[0], four[1], four[2], four[3]]));
    ArrayD::from_shape_vec(view.shape(), values.collect()).map_err(|why| why.to_string())
}

fn small(view: &TensorView) -> Result<ArrayD<i8>, String> {
    let values = view.data().iter().map(|&byte| byte as i8).collect();
    ArrayD::from_shape_vec(view.shape(), values).map_err(|why| why.to_string())
}

/// A file that begins as ours but whose end is missing is cut short; anything else is foreign.
fn not_ours(bytes: &[u8], why: &str) -> String {
    let begins_as_ours = bytes.get(8..).is_some_and(|rest| {
        let start = &rest[..rest.len().min(64)];
        start.windows(FORMAT.len()).any(|part| part == FORMAT.as_bytes())
    });
    if begins_as_ours { format!("cut short ({why})") } else { format!("not a model of emolab ({why})") }
}

/// blake3 over names, types, shapes and contents, in the order given.
fn checksum(views: &[(&str, TensorView)]) -> String {
    let mut hasher = blake3::Hasher::new();
    for (name, view) in views {
        hasher.update(format!("{name:?} {:?} {:?}\n", view.dtype(), view.shape()).as_bytes());
        hasher.update(view.data());
    }
    hasher.finalize().to_hex().to_string()
}

#[cfg(test)]
mod tests {
    use super::*;
    use ndarray::{Array1, arr0, array};

    fn some() -> Weights {
        let mut weights = Weights::default();
        weights.put("a/slopes", &array![[1.0f32, -0.1], [f32::MIN_POSITIVE, 3e30]]);
        weights.put("scalar", &arr0(2.5f32));
        weights.put("none", &Array1::<f32>::zeros(0));
        weights.put_json("json", &[1.5, 2.5]).unwrap();
        weights.int8.insert("small".into(), array![[-128i8, 127], [0, -1]].into_dyn());
        weights.bytes.insert("a/odd length".into(), vec![1, 2, 3]);
        weights
    }

    #[test]
    fn what_is_written_is_read() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("weights.safetensors");
        write(&path, &Weights::default()).unwrap();
        write(&path, &some()).unwrap();
        assert_eq!(read(&path).unwrap(), some());
        assert_eq!(std::fs::read_dir(folder.path()).unwrap().count(), 1, "no temporary file stays");
        assert_eq!(std::fs::read(&path).unwrap(), encode(&some()).unwrap(), "equal weights, equal files");
    }

    #[test]
    fn every_truncation_is_refused_as_cut_short_or_foreign() {
        let whole = encode(&some()).unwrap();
        for length in 0..whole.len() {
            let why = decode(&whole[..length]).unwrap_err();
            // The first 38 bytes hold the length of the header and our name.
            let wanted = if length < 38 { "not a model of emolab" } else { "cut short" };
            assert!(why.contains(wanted), "{length}: {why}");
        }
    }

    #[test]
    fn a_flipped_bit_is_refused() {
        let whole = encode(&some()).unwrap();
        for at in (0..whole.len()).step_by(7) {
            let mut damaged = whole.clone();
            damaged[at] ^= 0x10;
            // Padding of the header and the names of JSON fields aside, no flip goes unseen.
            if let Ok(read) = decode(&damaged) {
                assert_eq!(read, some(), "byte {at}");
            }
        }
    }

    #[test]
    fn foreign_and_newer_files_are_refused_with_a_reason() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("x");
        let text = |bytes: &[u8]| {
            std::fs::write(&path, bytes).unwrap();
            read(&path).unwrap_err().to_string()
        };
        assert!(text(b"RIFF....WAVEfmt ").contains("not a model of emolab"));
        assert!(text(b"").contains("not a model of emolab"));
        let plain = serialize(Vec::<(&str, TensorView)>::new(), None).unwrap();
        assert!(text(&plain).contains("a safetensors file, but not a model of emolab"));
        let newer = HashMap::from([(FORMAT.to_owned(), format!("{} x", VERSION + 1))]);
        let newer = serialize(Vec::<(&str, TensorView)>::new(), Some(newer)).unwrap();
        assert!(text(&newer).contains("written by a newer emolab"));
        assert!(read(&folder.path().join("absent")).unwrap_err().to_string().contains("absent"));
    }

    #[test]
    fn a_place_that_cannot_be_written_is_an_error() {
        let why = write(Path::new("/nonexistent/weights.safetensors"), &some()).unwrap_err().to_string();
        assert!(why.starts_with("cannot write /nonexistent/weights.safetensors"), "{why}");
    }
}
