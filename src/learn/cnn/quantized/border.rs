//! Where a byte lies: an image with a border wide enough for a kernel, so that the pixels that a kernel row covers lie
//! together.
//!
//! As `plane.rs`, for any odd kernel: rows above and below, columns at the right of each row (which serve the next row as
//! its left border), pixels before all. Deliberately absent: the bytes.

use std::ops::Range;

use super::super::kernel_int8::GROUP;
use super::super::plane::Plane;

/// Bytes behind an image that the last group may read.
const SLACK: usize = GROUP - 1;

/// An image and the half sides of the kernel that reads it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Bordered {
    /// Size without the border.
    pub plane: Plane,
    rows: usize,
    columns: usize,
}

impl Bordered {
    /// For a kernel of these odd sides.
    pub fn new(plane: Plane, kernel: [usize; 2]) -> Bordered {
        Bordered { plane, rows: kernel[0] / 2, columns: kernel[1] / 2 }
    }

    /// Pixels from one row to the next.
    pub fn stride(self) -> usize {
        self.plane.width + self.columns
    }

    /// Pixels whose windows follow each other without a gap through so many rows; some of them are border.
    pub fn pixels(self, rows: usize) -> usize {
        rows * self.stride() - self.columns
    }

    /// Bytes of the whole, with those behind it.
    pub fn len(self) -> usize {
        let pixels = self.columns + (self.plane.height + 2 * self.rows) * self.stride();
        pixels * self.plane.channels + SLACK
    }

    /// Row `y` without its border.
    pub fn row(self, y: usize) -> Range<usize> {
        let first = (self.columns + (y + self.rows) * self.stride()) * self.plane.channels;
        first..first + self.plane.width * self.plane.channels
    }

    /// Makes room in `x` and writes `value` to all of the border; the rest is of no meaning.
    pub fn fit(self, x: &mut Vec<u8>, value: u8) {
        x.resize(self.len(), 0);
        let mut from = 0;
        for y in 0..self.plane.height {
            let row = self.row(y);
            x[from..row.start].fill(value);
            from = row.end;
        }
        x[from..].fill(value);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn border_and_rows_cover_all_once_and_windows_stay_inside() {
        for kernel in [[1, 1], [3, 3], [1, 5], [5, 3]] {
            let bordered = Bordered::new(Plane { height: 3, width: 4, channels: 2 }, kernel);
            let mut x = vec![1; bordered.len()];
            bordered.fit(&mut x, 0);
            assert_eq!(x.iter().filter(|&&byte| byte == 1).count(), bordered.plane.dense_len());
            for y in 0..3 {
                assert!(x[bordered.row(y)].iter().all(|&byte| byte == 1));
            }
            let last = bordered.pixels(3) - 1 + (kernel[0] - 1) * bordered.stride();
            assert!((last + kernel[1]) * 2 + SLACK <= bordered.len(), "{kernel:?}");
        }
    }
}
