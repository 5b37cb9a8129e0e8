//! `.npy` files of f32 in C order (numpy's format 1.0), written row by row and never held whole.
//!
//! Deliberately absent: reading (a map is read by its segment), other element types, and archives.

use std::io::{self, Write};
use std::path::Path;

use anyhow::{Context, Result};

use super::Image;
use crate::file::write_whole;

/// Numbers turned into bytes at a time.
const BLOCK: usize = 1 << 14;

/// The bytes before the numbers of an array of this shape; a multiple of 64 of them, so that a map is aligned.
///
/// <https://numpy.org/doc/stable/reference/generated/numpy.lib.format.html>
pub fn header(shape: &[usize]) -> Vec<u8> {
    let sizes: String = shape.iter().map(|size| format!("{size}, ")).collect();
    let text = format!("{{'descr': '<f4', 'fortran_order': False, 'shape': ({sizes}), }}");
    let before = b"\x93NUMPY\x01\x00".len() + 2;
    let padded = (before + text.len() + 1).next_multiple_of(64) - before;
    let mut bytes = b"\x93NUMPY\x01\x00".to_vec();
    bytes.extend((padded as u16).to_le_bytes());
    bytes.extend(text.bytes());
    bytes.resize(before + padded - 1, b' ');
    bytes.push(b'\n');
    bytes
}

/// Writes numbers as the format wants them: little-endian.
///
/// # Errors
/// What `out` returns.
pub fn write_numbers(out: &mut dyn Write, numbers: &[f32]) -> io::Result<()> {
    let mut block = Vec::with_capacity(4 * numbers.len().min(BLOCK));
    for numbers in numbers.chunks(BLOCK) {
        block.clear();
        block.extend(numbers.iter().flat_map(|number| number.to_le_bytes()));
        out.write_all(&block)?;
    }
    Ok(())
}

/// Writes an image `[channel, band, frame]` as `.npy`; the file appears only when complete.
///
/// # Errors
/// Names the file when it cannot be written.
pub fn write_image(path: &Path, image: &Image) -> Result<()> {
    let whole = image.as_standard_layout();
    let write = |out: &mut dyn Write| -> io::Result<()> {
        out.write_all(&header(image.shape()))?;
        write_numbers(out, whole.as_slice().unwrap_or_default())
    };
    write_whole(path, write).with_context(|| format!("cannot write {}", path.display()))
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use super::*;
    use ndarray::{Array2, Array3};

    #[test]
    fn others_read_what_is_written() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("image.npy");
        let image = Array3::from_shape_fn((3, 4, 5), |(c, b, t)| (c * 100 + b * 10 + t) as f32);
        write_image(&path, &image.clone().into_shared()).unwrap();
        assert_eq!(ndarray_npy::read_npy::<_, Array3<f32>>(&path).unwrap(), image);

        let matrix = folder.path().join("matrix.npy");
        let numbers: Vec<f32> = (0..6).map(|i| i as f32).collect();
        write_whole(&matrix, |out| {
            out.write_all(&header(&[2, 3]))?;
            write_numbers(out, &numbers)
        })
        .unwrap();
        let wanted = Array2::from_shape_vec((2, 3), numbers).unwrap();
        assert_eq!(ndarray_npy::read_npy::<_, Array2<f32>>(&matrix).unwrap(), wanted);
        let error = write_image(&matrix.join("under-a-file.npy"), &image.into_shared()).unwrap_err();
        assert!(format!("{error:#}").contains("under-a-file.npy"));
    }

    #[test]
    fn numbers_start_at_a_multiple_of_64_bytes() {
        for shape in [vec![1], vec![123_456_789, 6000], vec![3, 64, 301]] {
            assert_eq!(header(&shape).len() % 64, 0, "{shape:?}");
        }
    }
}
