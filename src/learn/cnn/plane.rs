//! Where a pixel lies: the *flat padded* layout of an image, height x width x channels with the channels together.
//!
//! One zero row above and below, one zero column at the right of each row (which is also the left border of the next
//! row), one leading pixel. So every pixel's left and right neighbours are its neighbours in memory, and a 3x3
//! convolution is three products of plain matrices. Deliberately absent: the numbers themselves; they are `&[f32]`.

use std::ops::Range;

/// Size of one image.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Plane {
    /// Rows (bands).
    pub height: usize,
    /// Pixels of a row (frames), without the border.
    pub width: usize,
    /// Numbers of a pixel.
    pub channels: usize,
}

impl Plane {
    /// Pixels from one row to the next.
    pub fn stride(self) -> usize {
        self.width + 1
    }

    /// Numbers of the padded layout.
    pub fn padded_len(self) -> usize {
        (1 + (self.height + 2) * self.stride()) * self.channels
    }

    /// Numbers of the *flat* layout: rows with their right column (of no meaning), without the other borders.
    pub fn flat_len(self) -> usize {
        self.height * self.stride() * self.channels
    }

    /// Numbers without any border.
    pub fn dense_len(self) -> usize {
        self.height * self.width * self.channels
    }

    /// Row `y` in the padded layout, without its right column.
    pub fn padded_row(self, y: usize) -> Range<usize> {
        let first = (1 + (y + 1) * self.stride()) * self.channels;
        first..first + self.width * self.channels
    }

    /// Row `y` in the flat layout, without its right column.
    pub fn flat_row(self, y: usize) -> Range<usize> {
        let first = y * self.stride() * self.channels;
        first..first + self.width * self.channels
    }

    /// Row `y` without any border.
    pub fn dense_row(self, y: usize) -> Range<usize> {
        y * self.width * self.channels..(y + 1) * self.width * self.channels
    }

    /// The image after pooling 2x2 (sizes must be even for nothing to be lost).
    #[must_use]
    pub fn halved(self) -> Plane {
        Plane { height: self.height / 2, width: self.width / 2, ..self }
    }

    /// The same pixels with another number of channels.
    #[must_use]
    pub fn with_channels(self, channels: usize) -> Plane {
        Plane { channels, ..self }
    }

    /// Writes zeros to all borders of the padded layout.
    pub fn clear_border(self, padded: &mut [f32]) {
        let (row, pixel) = (self.stride() * self.channels, self.channels);
        padded[..row + pixel].fill(0.0);
        for y in 0..self.height {
            let end = self.padded_row(y).end;
            padded[end..end + pixel].fill(0.0);
        }
        let below = self.padded_row(self.height).start;
        padded[below..below + row].fill(0.0);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn border_and_rows_cover_the_padded_layout_once() {
        let plane = Plane { height: 3, width: 4, channels: 2 };
        let mut seen = vec![1.0; plane.padded_len()];
        plane.clear_border(&mut seen);
        assert_eq!(seen.iter().sum::<f32>() as usize, plane.dense_len());
        for y in 0..3 {
            for value in &mut seen[plane.padded_row(y)] {
                assert_eq!(std::mem::take(value), 1.0);
            }
        }
        assert!(seen.iter().all(|&v| v == 0.0));
    }
}
