//! Features of a whole corpus as files for other programs, with memory bounded by the clips in flight.
//!
//! First every distinct recording goes through the cache, in parallel; then the files are written from it in the corpus'
//! order. So a run that was stopped goes on where it was, and no matrix is ever held whole. Where nothing can be cached
//! features are computed twice. Deliberately absent: splitting, scaling, and choosing clips.

use std::collections::{HashMap, HashSet};
use std::fs;
use std::io::{ErrorKind, Write};
use std::path::Path;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Mutex, PoisonError};

use anyhow::{Context, Result, bail};
use rayon::prelude::*;

use super::experiment::News;
use super::material::Listener;
use crate::audio::AudioHash;
use crate::corpus::{Clip, Corpus, Problem};
use crate::features::cache::file_name;
use crate::features::npy::{header, write_image, write_numbers};
use crate::features::parquet::{Kind as Cell, Parquet, Value};
use crate::features::{FeatureSet, Features, Image, Kind};
use crate::file::write_whole;
use crate::job::Watch;

/// Clips that are read from the cache together, per thread.
const AT_A_TIME: usize = 32;
/// Clips longer than this, in seconds, are computed one at a time.
const LONG: f64 = 300.0;
/// What stands before the numbers of a row of a table.
const FACTS: [&str; 4] = ["file", "speaker", "sex", "label"];

/// How features are written.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Format {
    /// Rows: one matrix `[clip, column]`. Images: `[channel, band, frame]` per clip.
    Npy,
    /// Rows: a line per clip. Images: a file per clip with a line per frame.
    Csv,
    /// As [`Format::Csv`], in Apache Parquet.
    Parquet,
}

/// What is to be written where.
pub struct Extraction<'a> {
    /// The clips.
    pub corpus: &'a Corpus,
    /// What is computed.
    pub set: &'a dyn FeatureSet,
    /// How it is written.
    pub format: Format,
    /// Into which folder.
    pub out: &'a Path,
}

/// What came of it.
#[derive(Debug)]
pub struct Extracted {
    /// Clips whose features were written.
    pub clips: usize,
    /// Clips that have none, with the reason.
    pub problems: Vec<Problem>,
}

impl Extraction<'_> {
    /// Computes and writes: the arrays or tables, `columns.csv` (name, unit, source), `recipe.toml` (set and
    /// preparation), `problems.csv` if there are any, and `index.csv` last: a folder with an index is whole.
    ///
    /// # Errors
    /// No clip has features, the folder cannot be written, or cancelled; single bad clips are none.
    pub fn run(&self, listener: &Listener<'_>, watch: &dyn Watch<News>) -> Result<Extracted> {
        fs::create_dir_all(self.out).with_context(|| self.out.display().to_string())?;
        self.fits(listener)?;
        absent(&self.out.join("index.csv"))?;
        let failed = self.compute(listener, watch)?;
        listener.cache.flush();
        let (good, bad): (Vec<&Clip>, Vec<&Clip>) = self
            .corpus
            .clips
            .iter()
            .filter(|clip| !clip.is_cut())
            .partition(|clip| !failed.contains_key(&clip.audio.hash));
        let problem = |clip: &&Clip| Problem {
            file: clip.id.0.to_string(),
            reason: failed.get(&clip.audio.hash).cloned().unwrap_or_default(),
        };
        let problems: Vec<Problem> = bad.iter().map(problem).collect();
        let all: Vec<Problem> = problems.iter().chain(&self.corpus.problems).cloned().collect();
        if let (true, Some(first)) = (good.is_empty(), problems.first()) {
            bail!("none of {} clips has features; the first, {}: {}", bad.len(), first.file, first.reason);
        }
        let arrays = match self.set.kind() {
            Kind::Row => self.write_rows(&good, listener, watch)?,
            Kind::Image => self.write_images(&good, listener, watch)?,
        };
        self.write_about(listener, &all)?;
        self.write_index(&good, &arrays)?;
        Ok(Extracted { clips: good.len(), problems })
    }

    /// Refuses a folder that holds something else: its files would lie beside ours under one index.
    fn fits(&self, listener: &Listener<'_>) -> Result<()> {
        let path = self.out.join("recipe.toml");
        match fs::read_to_string(&path) {
            Err(error) if error.kind() == ErrorKind::NotFound => Ok(()),
            Ok(there) if there == self.recipe(listener)? => Ok(()),
            Ok(_) => bail!(
                "{} was written for another set, preparation or corpus; choose another folder",
                self.out.display()
            ),
            Err(error) => Err(error).with_context(|| path.display().to_string()),
        }
    }

    fn recipe(&self, listener: &Listener<'_>) -> Result<String> {
        Ok(toml::to_string(&Recipe {
            set: self.set.name(),
            version: self.set.version(),
            corpus: &self.corpus.name,
            synthetic: self.corpus.synthetic,
            emolab: env!("CARGO_PKG_VERSION"),
            preparation: listener.preparation,
        })?)
    }

    /// Has the features of every distinct recording computed and kept; the hashes of those that have none, and why.
    fn compute(&self, listener: &Listener<'_>, watch: &dyn Watch<News>) -> Result<HashMap<AudioHash, String>> {
        let mut heard = HashSet::new();
        let distinct: Vec<&Clip> =
            self.corpus.clips.iter().filter(|clip| !clip.is_cut() && heard.insert(clip.audio.hash)).collect();
        let (done, failed) = (AtomicUsize::new(0), Mutex::new(HashMap::new()));
        let one = |clip: &&Clip| -> Result<()> {
            watch.check()?;
            if let Err(error) = listener.features(clip, self.set) {
                let mut failed = failed.lock().unwrap_or_else(PoisonError::into_inner);
                failed.insert(clip.audio.hash, reason(&error));
            }
            let done = done.fetch_add(1, Ordering::Relaxed) + 1;
            watch.tell(News::Reading { set: self.set.name().to_owned(), done, total: distinct.len() });
            Ok(())
        };
        // An hour of sound takes a gigabyte: no two such at a time.
        let (long, short): (Vec<&Clip>, Vec<&Clip>) = distinct.iter().partition(|clip| clip.audio.seconds > LONG);
        short.par_iter().try_for_each(one)?;
        long.iter().try_for_each(one)?;
        Ok(failed.into_inner().unwrap_or_else(PoisonError::into_inner))
    }

    /// One table of all clips; its name and the row of each.
    fn write_rows(
        &self,
        clips: &[&Clip],
        listener: &Listener<'_>,
        watch: &dyn Watch<News>,
    ) -> Result<Vec<(String, Option<usize>)>> {
        let name = format!("{}.{}", file_name(self.set.name()), self.format.suffix());
        let path = self.out.join(&name);
        let columns: Vec<String> = self.set.columns().into_iter().map(|column| column.name).collect();
        write_whole(&path, |out| -> Result<()> {
            let mut table = Table::of_clips(self.format, out, (clips.len(), columns))?;
            let at_a_time = AT_A_TIME * rayon::current_num_threads();
            for (part, few) in clips.chunks(at_a_time).enumerate() {
                watch.check()?;
                watch.tell(News::Reading { set: name.clone(), done: part * at_a_time, total: clips.len() });
                let rows: Vec<Features> =
                    few.par_iter().map(|clip| listener.features(clip, self.set)).collect::<Result<_>>()?;
                for (clip, features) in few.iter().zip(rows) {
                    let Features::Row(row) = features else { bail!("{} makes images", self.set.name()) };
                    table.clip(clip, &row)?;
                }
            }
            table.end()
        })
        .with_context(|| format!("cannot write {}", path.display()))?;
        Ok((0..clips.len()).map(|row| (name.clone(), Some(row))).collect())
    }

    /// One file per clip; their names.
    fn write_images(
        &self,
        clips: &[&Clip],
        listener: &Listener<'_>,
        watch: &dyn Watch<News>,
    ) -> Result<Vec<(String, Option<usize>)>> {
        let columns: Vec<String> = self.set.columns().into_iter().map(|column| column.name).collect();
        let (stem, suffix) = (file_name(self.set.name()), self.format.suffix());
        let write = |(index, clip): (usize, &&Clip)| -> Result<(String, Option<usize>)> {
            watch.check()?;
            let name = format!("{stem}-{index:06}.{suffix}");
            let Features::Image(image) = listener.features(clip, self.set)? else {
                bail!("{} makes rows", self.set.name())
            };
            self.write_one(&self.out.join(&name), &image, &columns)?;
            Ok((name, None))
        };
        clips.par_iter().enumerate().map(write).collect()
    }

    fn write_one(&self, path: &Path, image: &Image, columns: &[String]) -> Result<()> {
        if self.format == Format::Npy {
            return write_image(path, image);
        }
        let write = |out: &mut dyn Write| -> Result<()> {
            let mut table = Table::of_frames(self.format, out, columns.to_vec())?;
            for frame in 0..image.dim().2 {
                let numbers: Vec<f32> = image.index_axis(ndarray::Axis(2), frame).iter().copied().collect();
                table.frame(frame, &numbers)?;
            }
            table.end()
        };
        write_whole(path, write).with_context(|| format!("cannot write {}", path.display()))
    }

    fn write_about(&self, listener: &Listener<'_>, problems: &[Problem]) -> Result<()> {
        let columns = self.set.columns();
        let lines = columns.iter().map(|column| vec![column.name.as_str(), column.unit, column.source]);
        write_csv(&self.out.join("columns.csv"), &["column", "unit", "source"], lines)?;
        let text = self.recipe(listener)?;
        write_whole(&self.out.join("recipe.toml"), |out| out.write_all(text.as_bytes()))?;
        let path = self.out.join("problems.csv");
        if problems.is_empty() {
            return absent(&path);
        }
        let lines = problems.iter().map(|problem| vec![problem.file.as_str(), problem.reason.as_str()]);
        write_csv(&path, &["file", "reason"], lines)
    }

    fn write_index(&self, clips: &[&Clip], arrays: &[(String, Option<usize>)]) -> Result<()> {
        let rows: Vec<String> =
            arrays.iter().map(|(_, row)| row.map(|row| row.to_string()).unwrap_or_default()).collect();
        let lines = clips.iter().zip(arrays).zip(&rows).map(|((clip, (array, _)), row)| {
            let [file, speaker, sex, label] = facts(clip);
            let word = Option::unwrap_or_default;
            vec![word(file), array.as_str(), row.as_str(), word(speaker), word(sex), word(label)]
        });
        write_csv(&self.out.join("index.csv"), &["file", "array", "row", "speaker", "sex", "label"], lines)
    }
}

/// `recipe.toml`: what the numbers are.
#[derive(serde::Serialize)]
struct Recipe<'a> {
    set: &'a str,
    version: u32,
    corpus: &'a str,
    synthetic: bool,
    emolab: &'a str,
    preparation: crate::features::Preparation,
}

impl Format {
    fn suffix(self) -> &'static str {
        match self {
            Format::Npy => "npy",
            Format::Csv => "csv",
            Format::Parquet => "parquet",
        }
    }
}

/// A table being written, in one of the formats.
enum Table<'a> {
    Npy(&'a mut dyn Write),
    Csv(Box<csv::Writer<&'a mut dyn Write>>),
    Parquet(Parquet<'a>),
}

impl<'a> Table<'a> {
    /// A row per clip: what is known of it, then the numbers; numbers alone in `.npy`.
    fn of_clips(format: Format, out: &'a mut dyn Write, (clips, columns): (usize, Vec<String>)) -> Result<Table<'a>> {
        let facts = FACTS.map(|name| (name.to_owned(), Cell::Text)).to_vec();
        Table::new(format, out, (clips, facts, columns))
    }

    /// A row per frame: its number, then the numbers.
    fn of_frames(format: Format, out: &'a mut dyn Write, columns: Vec<String>) -> Result<Table<'a>> {
        Table::new(format, out, (0, vec![("frame".to_owned(), Cell::Integer)], columns))
    }

    fn new(
        format: Format,
        out: &'a mut dyn Write,
        (rows, before, columns): (usize, Vec<(String, Cell)>, Vec<String>),
    ) -> Result<Table<'a>> {
        Ok(match format {
            Format::Npy => {
                out.write_all(&header(&[rows, columns.len()]))?;
                Table::Npy(out)
            }
            Format::Csv => {
                let mut csv = csv::Writer::from_writer(out);
                csv.write_record(before.iter().map(|(name, _)| name).chain(&columns))?;
                Table::Csv(Box::new(csv))
            }
            Format::Parquet => {
                let columns = columns.into_iter().map(|name| (name, Cell::Float));
                Table::Parquet(Parquet::new(out, before.into_iter().chain(columns))?)
            }
        })
    }

    fn clip(&mut self, clip: &Clip, numbers: &[f32]) -> Result<()> {
        self.row(facts(clip).map(Value::Text), numbers)
    }

    fn frame(&mut self, frame: usize, numbers: &[f32]) -> Result<()> {
        self.row([Value::Integer(i32::try_from(frame)?)], numbers)
    }

    fn row<'v>(&mut self, before: impl IntoIterator<Item = Value<'v>>, numbers: &[f32]) -> Result<()> {
        match self {
            Table::Npy(out) => write_numbers(*out, numbers)?,
            Table::Csv(csv) => {
                let before = before.into_iter().map(|value| match value {
                    Value::Text(text) => text.unwrap_or_default().to_owned(),
                    Value::Integer(number) => number.to_string(),
                    Value::Float(number) => number.to_string(),
                });
                csv.write_record(before.chain(numbers.iter().map(f32::to_string)))?;
            }
            Table::Parquet(parquet) => {
                parquet.row(before.into_iter().chain(numbers.iter().map(|&number| Value::Float(number))))?;
            }
        }
        Ok(())
    }

    fn end(self) -> Result<()> {
        match self {
            Table::Npy(_) => Ok(()),
            Table::Csv(mut csv) => Ok(csv.flush()?),
            Table::Parquet(parquet) => Ok(parquet.end()?),
        }
    }
}

/// In the order of [`FACTS`].
fn facts(clip: &Clip) -> [Option<&str>; 4] {
    use crate::corpus::Sex;
    let sex = clip.sex.map(|sex| match sex {
        Sex::Female => "female",
        Sex::Male => "male",
    });
    [Some(&clip.id.0), clip.speaker.as_deref(), sex, clip.label.as_deref()]
}

fn write_csv<'a>(path: &Path, head: &[&str], lines: impl Iterator<Item = Vec<&'a str>>) -> Result<()> {
    write_whole(path, |out| -> Result<()> {
        let mut csv = csv::Writer::from_writer(out);
        csv.write_record(head)?;
        for line in lines {
            csv.write_record(line)?;
        }
        Ok(csv.flush()?)
    })
    .with_context(|| format!("cannot write {}", path.display()))
}

/// The causes without the first, which is the file's name.
fn reason(error: &anyhow::Error) -> String {
    error.chain().skip(1).map(ToString::to_string).collect::<Vec<_>>().join(": ")
}

/// Makes sure that there is no such file.
fn absent(path: &Path) -> Result<()> {
    match fs::remove_file(path) {
        Err(error) if error.kind() != ErrorKind::NotFound => Err(error).with_context(|| path.display().to_string()),
        _ => Ok(()),
    }
}
