//! One segment of the cache: many clips' features in one `.npy` that never changes, and an index of what is in it.
//!
//! `0007-1f2e….npy` is a matrix `[record, column]`: one record per row, one per frame of an image (its columns are
//! channel x band). `0007-1f2e….csv` beside it names each clip's audio, its first record, how many it has, their channels
//! and a checksum of their bytes. The index comes second: a segment without one is not there yet.
//! Deliberately absent: which segment is asked (see `cache`).

use std::fs;
use std::io::{self, Write};
use std::ops::Range;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use blake3::Hash;
use ndarray::{Array3, ArrayView2};
use ndarray_npy::ViewNpyExt;

use super::mapped::Mapped;
use super::npy::{header, write_numbers};
use super::{Features, Kind};
use crate::file::{stage, write_whole};

const INDEX_HEAD: &str = "audio,first,records,channels,checksum";

/// A segment whose array was found whole when it was opened.
#[derive(Debug, Clone)]
pub struct Segment {
    /// Path of the array.
    pub array: PathBuf,
    /// Bytes before the numbers.
    start: usize,
    columns: usize,
    records: usize,
}

/// Where in a segment a clip's records lie.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Place {
    /// First record.
    pub first: usize,
    /// Number of records: 1 for a row, one per frame for an image.
    pub records: usize,
    /// Channels of an image; 1 for a row.
    pub channels: usize,
    checksum: u64,
}

/// A segment, and whose audio lies where in it.
pub type Indexed = (Segment, Vec<(Hash, Place)>);

/// Features of one clip, ready to be written: records one after the other.
#[derive(Debug, Clone, PartialEq)]
pub struct Records {
    numbers: Vec<f32>,
    channels: usize,
}

impl Records {
    /// `None` for what does not fit `columns`, or is not finite.
    pub fn of(features: &Features, columns: usize) -> Option<Records> {
        let (numbers, channels) = match features {
            Features::Row(row) => (row.clone(), 1),
            Features::Image(image) => {
                let (channels, bands, _) = image.dim();
                let fits = channels * bands == columns;
                // [frame, channel, band]: a frame is a record.
                let frames = image.view().permuted_axes([2, 0, 1]);
                (if fits { frames.iter().copied().collect() } else { Vec::new() }, channels)
            }
        };
        let whole = columns > 0 && !numbers.is_empty() && numbers.len() % columns == 0;
        let row = matches!(features, Features::Image(_)) || numbers.len() == columns;
        (whole && row && numbers.iter().all(|number| number.is_finite())).then_some(Records { numbers, channels })
    }

    /// Size on disk.
    pub fn bytes(&self) -> usize {
        self.numbers.len() * size_of::<f32>()
    }

    /// Back to features; `None` when the numbers are no such features, or not finite.
    pub fn features(self, kind: Kind, columns: usize) -> Option<Features> {
        if !self.numbers.iter().all(|number| number.is_finite()) || columns == 0 || self.channels == 0 {
            return None;
        }
        let (frames, bands) = (self.numbers.len() / columns, columns / self.channels);
        match kind {
            Kind::Row => (self.numbers.len() == columns).then_some(Features::Row(self.numbers)),
            Kind::Image if frames == 0 => None,
            Kind::Image => {
                let records = Array3::from_shape_vec((frames, self.channels, bands), self.numbers).ok()?;
                let image = records.permuted_axes([1, 2, 0]).as_standard_layout().into_owned();
                Some(Features::Image(image.into_shared()))
            }
        }
    }
}

impl Segment {
    /// Opens the segment that `index` speaks of, and gives the places it names; `None` when the array is not there, cut
    /// short, not ours, or of other columns. Lines of the index that make no sense are left out.
    pub fn open(index: &Path, columns: usize) -> Option<Indexed> {
        let array = index.with_extension("npy");
        let map = Mapped::open(&array).ok()?;
        let view = ArrayView2::<f32>::view_npy(map.bytes()).ok().filter(|view| view.is_standard_layout())?;
        let (records, have) = view.dim();
        let start = map.bytes().len() - records * have * size_of::<f32>();
        let text = fs::read_to_string(index).ok()?;
        let mut lines = text.lines();
        if have != columns || records == 0 || lines.next() != Some(INDEX_HEAD) {
            return None;
        }
        let inside = |place: &Place| place.first.checked_add(place.records).is_some_and(|end| end <= records);
        let places = lines.filter_map(read_line).filter(|(_, place)| inside(place)).collect();
        Some((Segment { array, start, columns, records }, places))
    }

    /// Size of the numbers in bytes.
    pub fn bytes(&self) -> usize {
        self.records * self.columns * size_of::<f32>()
    }

    /// The records at `place`, copied; `None` when their bytes are not those that were written.
    pub fn read(&self, map: &Mapped, place: &Place) -> Option<Records> {
        let bytes = self.slice(map, place)?;
        let number = |four: &[u8]| <[u8; 4]>::try_from(four).map_or(f32::NAN, f32::from_le_bytes);
        Some(Records { numbers: bytes.chunks_exact(4).map(number).collect(), channels: place.channels })
    }

    fn slice<'a>(&self, map: &'a Mapped, place: &Place) -> Option<&'a [u8]> {
        let record = self.columns * size_of::<f32>();
        let range: Range<usize> =
            self.start + place.first * record..self.start + (place.first + place.records) * record;
        map.bytes().get(range).filter(|bytes| checksum(bytes) == place.checksum)
    }

    /// Path of the index.
    pub fn index(&self) -> PathBuf {
        self.array.with_extension("csv")
    }
}

/// What goes into a new segment, in order.
pub enum Content<'a> {
    /// Features of clips that were just computed.
    Fresh(&'a [(Hash, Records)]),
    /// Records of older segments, which are copied.
    Kept(&'a [(Hash, Kept)]),
}

/// Records in an older segment.
pub struct Kept {
    /// The segment.
    pub segment: Arc<Segment>,
    /// Its bytes.
    pub map: Arc<Mapped>,
    /// Where in it.
    pub place: Place,
}

/// Writes a segment into `folder` under the next number; `None` when there is nothing to write.
///
/// # Errors
/// The folder or a file cannot be written.
pub fn write(folder: &Path, columns: usize, content: &Content<'_>) -> io::Result<Option<Indexed>> {
    let places = content.places(columns);
    let records: usize = places.iter().map(|(_, place)| place.records).sum();
    if records == 0 {
        return Ok(None);
    }
    fs::create_dir_all(folder)?;
    let index: String = std::iter::once(format!("{INDEX_HEAD}\n")).chain(places.iter().map(line)).collect();
    let unique = &blake3::hash(format!("{index}{}", std::process::id()).as_bytes()).to_hex()[..12];
    let array = folder.join(format!("{:04}-{unique}.npy", next_number(folder)?));
    let head = header(&[records, columns]);
    let start = head.len();
    let staged = stage(&array, |out| -> io::Result<()> {
        out.write_all(&head)?;
        content.write(out)
    })?;
    staged.publish(&array)?;
    write_whole(&array.with_extension("csv"), |out| out.write_all(index.as_bytes()))?;
    Ok(Some((Segment { array, start, columns, records }, places)))
}

impl Content<'_> {
    fn places(&self, columns: usize) -> Vec<(Hash, Place)> {
        let mut next = 0;
        let mut place = |records, channels, checksum| {
            let first = next;
            next += records;
            Place { first, records, channels, checksum }
        };
        match self {
            Content::Fresh(all) => all
                .iter()
                .map(|(hash, new)| (*hash, place(new.numbers.len() / columns.max(1), new.channels, new.checksum())))
                .collect(),
            Content::Kept(all) => all
                .iter()
                .map(|(hash, old)| (*hash, place(old.place.records, old.place.channels, old.place.checksum)))
                .collect(),
        }
    }

    fn write(&self, out: &mut dyn Write) -> io::Result<()> {
        match self {
            Content::Fresh(all) => all.iter().try_for_each(|(_, new)| write_numbers(out, &new.numbers)),
            Content::Kept(all) => all.iter().try_for_each(|(_, old)| {
                let bytes = old.segment.slice(&old.map, &old.place);
                out.write_all(bytes.ok_or_else(|| io::Error::other("a segment changed while it was copied"))?)
            }),
        }
    }
}

impl Records {
    fn checksum(&self) -> u64 {
        let mut bytes = Vec::with_capacity(self.bytes());
        bytes.extend(self.numbers.iter().flat_map(|number| number.to_le_bytes()));
        checksum(&bytes)
    }
}

/// The first 64 bits of BLAKE3.
fn checksum(bytes: &[u8]) -> u64 {
    let mut first = [0; 8];
    first.copy_from_slice(&blake3::hash(bytes).as_bytes()[..8]);
    u64::from_be_bytes(first)
}

fn line((hash, place): &(Hash, Place)) -> String {
    let Place { first, records, channels, checksum } = place;
    format!("{},{first},{records},{channels},{checksum:016x}\n", hash.to_hex())
}

fn read_line(line: &str) -> Option<(Hash, Place)> {
    let parts: Vec<&str> = line.split(',').collect();
    let [hash, first, records, channels, sum] = parts[..] else { return None };
    let place = Place {
        first: first.parse().ok()?,
        records: records.parse().ok()?,
        channels: channels.parse().ok()?,
        checksum: u64::from_str_radix(sum, 16).ok().filter(|_| sum.len() == 16)?,
    };
    let whole = place.records > 0 && place.channels > 0;
    Hash::from_hex(hash).ok().filter(|_| whole).map(|hash| (hash, place))
}

/// One more than the highest number in the folder: newer segments come later in the order of names.
fn next_number(folder: &Path) -> io::Result<u32> {
    let mut next = 0;
    for entry in fs::read_dir(folder)? {
        let name = entry?.file_name();
        let number = name.to_str().and_then(|name| name.split_once('-')?.0.parse::<u32>().ok());
        next = next.max(number.map_or(0, |number| number.saturating_add(1)));
    }
    Ok(next)
}
