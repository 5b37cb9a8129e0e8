//! Labels in and out: every format that other programs read or write, one file each.
//!
//! A format reads files into a [`Sheet`] and writes files from one; it states which [`Part`]s of a sheet it keeps, so that an export
//! can say what it loses. A new format is a file here and two lines below. Deliberately absent: the store (see `import` for what is
//! to be appended), sound, and running anything a file names.

mod audacity;
mod audformat;
mod audiofolder;
mod emobox;
mod emotionml;
mod folder;
mod grid;
mod import;
mod kaldi;
mod label_studio;
mod listeners;
mod opinion;
mod own;
mod prodigy;
mod sheet;
mod textgrid;

use std::fmt;
use std::io;
use std::path::{Path, PathBuf};

pub use folder::{Folder, Put, Staging};
pub use import::{Import, Wishes, plan, segments};
pub use own::{ExportError, Exported, Format, Row, export};
pub use sheet::{Asked, Expected, Item, Part, Places, Rater, RaterKind, Said, Sheet, lead_time};

use crate::corpus::Corpus;

/// Every format, in the order in which files are recognised.
pub static EXCHANGES: &[&dyn Exchange] = &[
    &own::Csv,
    &own::Jsonl,
    &audformat::Audformat { parquet: false },
    &audformat::Audformat { parquet: true },
    &audiofolder::Audiofolder(audiofolder::Table::Csv),
    &audiofolder::Audiofolder(audiofolder::Table::Jsonl),
    &audiofolder::Audiofolder(audiofolder::Table::Parquet),
    &label_studio::LabelStudio,
    &prodigy::Prodigy,
    &kaldi::Kaldi,
    &emobox::EmoBox,
    &textgrid::TextGrid,
    &emotionml::EmotionMl,
    &listeners::Listeners,
    &audacity::Audacity,
];

/// A format of labels.
pub trait Exchange: Sync {
    /// The word for `--format`.
    fn name(&self) -> &'static str;

    /// One line on what it is.
    fn about(&self) -> &'static str;

    /// What it keeps of a sheet.
    fn keeps(&self) -> &'static [Part];

    /// True when it is a folder of files, false for one file.
    fn folder(&self) -> bool {
        false
    }

    /// True when it is only read.
    fn import_only(&self) -> bool {
        false
    }

    /// True when clips that nobody said anything about are written, too, so that the corpus must be scanned.
    fn describes_clips(&self) -> bool {
        true
    }

    /// True when the files look like this format.
    fn fits(&self, files: &Folder) -> bool;

    /// Reads the files. `corpus` tells what some formats leave to it.
    ///
    /// # Errors
    /// [`Trouble`] with file, line and column where the files break the format's rules. What can be left out is one of
    /// [`Sheet::problems`] instead.
    fn read(&self, files: &Folder, corpus: &Corpus) -> Result<Sheet, Trouble>;

    /// Writes the files. `name` is that of the one file, or what the folder's files may be called.
    ///
    /// # Errors
    /// `put`'s, and what the format has no way to write at all.
    fn write(&self, sheet: &Sheet, name: &str, put: &mut dyn Put) -> io::Result<()>;
}

/// The format of that name.
pub fn named(name: &str) -> Option<&'static dyn Exchange> {
    EXCHANGES.iter().copied().find(|one| one.name() == name)
}

/// The first format that the files look like.
pub fn recognised(files: &Folder) -> Option<&'static dyn Exchange> {
    EXCHANGES.iter().copied().find(|one| one.fits(files))
}

/// Writes a sheet to a file, or into a folder that is made where absent. All files are complete before any takes its name.
///
/// # Errors
/// [`ExportError`] when a file cannot be written.
pub fn write(exchange: &dyn Exchange, sheet: &Sheet, to: &Path) -> Result<Vec<PathBuf>, ExportError> {
    let failed = |file: &Path, source| ExportError { file: file.to_owned(), source };
    let name = to.file_name().map(|name| name.to_string_lossy().into_owned()).unwrap_or_default();
    let folder = if exchange.folder() {
        std::fs::create_dir_all(to).map_err(|error| failed(to, error))?;
        to
    } else {
        to.parent().filter(|folder| !folder.as_os_str().is_empty()).unwrap_or(Path::new("."))
    };
    let mut staging = Staging::new(folder);
    if let Err(error) = exchange.write(sheet, &name, &mut staging) {
        return Err(failed(staging.at(), error));
    }
    staging.publish().map_err(|(file, source)| ExportError { file, source })
}

/// What is wrong with a file, and where: `file:line:column: reason`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Trouble {
    /// The file.
    pub file: String,
    /// 1-based; `None` for the file as a whole.
    pub line: Option<usize>,
    /// 1-based, in characters.
    pub column: Option<usize>,
    /// What is wrong.
    pub reason: String,
}

impl Trouble {
    /// With the file as a whole.
    pub fn file(file: impl fmt::Display, reason: impl fmt::Display) -> Trouble {
        Trouble { file: file.to_string(), line: None, column: None, reason: reason.to_string() }
    }

    /// At a line and a column.
    pub fn line(file: impl fmt::Display, line: usize, column: usize, reason: impl fmt::Display) -> Trouble {
        Trouble { line: Some(line), column: Some(column), ..Trouble::file(file, reason) }
    }

    /// At a byte of the file's text.
    pub fn at(file: impl fmt::Display, text: &str, offset: usize, reason: impl fmt::Display) -> Trouble {
        let before = text.as_bytes().get(..offset.min(text.len())).unwrap_or_default();
        let start = before.iter().rposition(|&byte| byte == b'\n').map_or(0, |at| at + 1);
        let line = before.iter().filter(|&&byte| byte == b'\n').count() + 1;
        let column = String::from_utf8_lossy(&before[start..]).chars().count() + 1;
        Trouble::line(file, line, column, reason)
    }

    /// Of a JSON text that stands at that line (counted from 1) of its file.
    pub fn json(file: impl fmt::Display, line: usize, error: &serde_json::Error) -> Trouble {
        let text = error.to_string();
        let reason = text.rsplit_once(" at line ").map_or(text.as_str(), |(reason, _)| reason);
        Trouble::line(file, line + error.line().saturating_sub(1), error.column().max(1), reason)
    }

    /// Of a CSV text; columns of broken records are counted in fields, as CSV has no other.
    pub fn csv(file: impl fmt::Display, error: &csv::Error) -> Trouble {
        let line = error.position().map_or(1, |at| usize::try_from(at.line()).unwrap_or(usize::MAX));
        let field = match error.kind() {
            csv::ErrorKind::Deserialize { err, .. } => {
                err.field().and_then(|field| usize::try_from(field).ok()).unwrap_or(0)
            }
            csv::ErrorKind::UnequalLengths { len, .. } => usize::try_from(*len).unwrap_or(0),
            _ => 0,
        };
        let reason = match error.kind() {
            csv::ErrorKind::UnequalLengths { expected_len, len, .. } => {
                format!("{len} fields instead of {expected_len}")
            }
            csv::ErrorKind::Deserialize { err, .. } => err.kind().to_string(),
            _ => error.to_string(),
        };
        Trouble::line(file, line, field + 1, reason)
    }
}

impl fmt::Display for Trouble {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.file)?;
        for number in [self.line, self.column].into_iter().flatten() {
            write!(f, ":{number}")?;
        }
        write!(f, ": {}", self.reason)
    }
}

impl std::error::Error for Trouble {}

#[cfg(test)]
mod tests;
