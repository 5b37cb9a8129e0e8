//! `emolab features`: one `.npy` per clip for images, one matrix for rows, and `index.csv` beside them.

use std::path::PathBuf;

use anyhow::{Context, Result};
use clap::Args;
use ndarray::Array2;

use super::compare::{tell_cache, tell_problems};
use super::progress::Progress;
use super::{Files, Place, say};
use crate::corpus::{Clip, Corpus, scan};
use crate::features::cache::{Cache, write_image, write_matrix};
use crate::features::{FeatureSet, feature_set};
use crate::file::write_whole;
use crate::learn::Inputs;
use crate::workbench::material::Listener;

/// Arguments of `emolab features`.
#[derive(Debug, Args)]
pub struct Extract {
    #[command(flatten)]
    place: Place,
    /// Feature set.
    #[arg(long, value_name = "SET", default_value = "functionals")]
    set: String,
    /// Folder to write.
    #[arg(long, short, value_name = "DIR")]
    out: PathBuf,
    /// No progress.
    #[arg(long, short)]
    quiet: bool,
    #[command(flatten)]
    files: Files,
}

impl Extract {
    /// Scans, computes, writes; the index last, so that a folder with an index is whole.
    pub fn run(self) -> Result<()> {
        let set = feature_set(&self.set)?;
        let progress = Progress::new(self.quiet)?;
        let corpus = scan(&self.place.path, self.place.corpus.as_deref(), &progress)?;
        tell_problems(&corpus);
        let cache = Cache::open(&self.files.cache()?);
        let listener = Listener { cache: &cache, rate: self.files.rate };
        let clips: Vec<&Clip> = corpus.clips.iter().collect();
        let inputs = listener.inputs(&clips, set.as_ref(), &progress)?;
        std::fs::create_dir_all(&self.out).with_context(|| self.out.display().to_string())?;
        let arrays = self.write(set.as_ref(), &inputs)?;
        self.write_index(&corpus, &arrays)?;
        progress.end();
        tell_cache(&cache);
        say(&format!("{}: {} of {} clips", self.out.display(), set.name(), clips.len()));
        Ok(())
    }

    /// Writes the arrays; for each clip the array's file name and the row in it, if it is a matrix.
    fn write(&self, set: &dyn FeatureSet, inputs: &Inputs) -> Result<Vec<(String, Option<usize>)>> {
        match inputs {
            Inputs::Images(images) => {
                let name = |index: usize| format!("{}-{index:06}.npy", set.name());
                for (index, image) in images.iter().enumerate() {
                    write_image(&self.out.join(name(index)), image)?;
                }
                Ok((0..images.len()).map(|index| (name(index), None)).collect())
            }
            Inputs::Rows(rows) => {
                let (name, matrix): (_, Array2<f32>) = (format!("{}.npy", set.name()), rows.mapv(|value| value as f32));
                write_matrix(&self.out.join(&name), &matrix)?;
                let columns = set.columns();
                write_whole(&self.out.join("columns.csv"), |out| -> Result<()> {
                    let mut csv = csv::Writer::from_writer(out);
                    csv.write_record(["column", "unit", "source"])?;
                    for column in &columns {
                        csv.write_record([column.name.as_str(), column.unit, column.source])?;
                    }
                    Ok(csv.flush()?)
                })?;
                Ok((0..rows.nrows()).map(|row| (name.clone(), Some(row))).collect())
            }
        }
    }

    fn write_index(&self, corpus: &Corpus, arrays: &[(String, Option<usize>)]) -> Result<()> {
        write_whole(&self.out.join("index.csv"), |out| -> Result<()> {
            let mut csv = csv::Writer::from_writer(out);
            csv.write_record(["file", "array", "row", "speaker", "sex", "label"])?;
            for (clip, (array, row)) in corpus.clips.iter().zip(arrays) {
                let row = row.map(|row| row.to_string()).unwrap_or_default();
                let sex = clip.sex.map(|sex| sex.to_string()).unwrap_or_default();
                let word = |value: &Option<String>| value.clone().unwrap_or_default();
                csv.write_record([&clip.id.0, array, &row, &word(&clip.speaker), &sex, &word(&clip.label)])?;
            }
            Ok(csv.flush()?)
        })
    }
}
