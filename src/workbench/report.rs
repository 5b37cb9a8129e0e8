//! Reports of runs that are kept: text, Markdown, CSV, JSON, HTML, LaTeX, SVG.
//!
//! What a report holds is one [`document::Document`]; each format draws it, in a file of its own, but for CSV and JSON, which
//! hold data. Deliberately absent: files on the disk (the caller writes them) and scores (see `summary`).

mod contents;
mod csv;
pub mod document;
pub mod figure;
mod html;
mod json;
mod latex;
mod markdown;
pub mod svg;
mod text;
mod words;

use std::collections::BTreeSet;

use anyhow::{Result, bail, ensure};

use super::experiment::Judged;
use super::kept;
use super::versus::{LEVEL, Versus};
use crate::store::{Run, RunId, Store};
use document::Document;
use figure::Figure;
pub use json::dict as classification_dict;

/// Runs to be reported, in the order asked for.
#[derive(Debug, Clone)]
pub struct Report {
    /// At least one.
    pub entries: Vec<Entry>,
}

/// A run, and what must stand beside it.
#[derive(Debug, Clone)]
pub struct Entry {
    /// The run.
    pub judged: Judged,
    /// Where its speakers leak: the same recipe with speakers kept apart.
    pub twin: Option<Judged>,
    /// Why there is no such run.
    pub no_twin: Option<String>,
}

/// How a report is written.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Format {
    /// Plain text, with scikit-learn's classification report.
    Text,
    /// Markdown.
    Markdown,
    /// Scores, predictions and confusions as tables of data.
    Csv,
    /// Everything as data.
    Json,
    /// One page with figures.
    Html,
    /// Tables and paragraphs for a paper.
    Latex,
    /// The figures.
    Svg,
}

/// A file of a report.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Output {
    /// Its name.
    pub name: String,
    /// All of it.
    pub text: String,
}

/// What a group of comparable runs comes to.
pub(super) struct Verdict {
    /// Places in the group of the best run and of those that tie with it.
    pub strong: Vec<usize>,
    /// How that was found, a sentence.
    pub told: String,
    /// Adjusted p of each run beside the best; `None` for the best.
    pub p: Vec<Option<f64>>,
}

impl Report {
    /// Of these runs; those whose speakers leak with the run of the same recipe that keeps them apart.
    ///
    /// # Errors
    /// A run that does not exist, is damaged, holds no predictions or is named twice.
    pub fn load(store: &Store, ids: &[RunId]) -> Result<Report> {
        let (mut entries, mut seen) = (Vec::new(), BTreeSet::new());
        for &id in ids {
            ensure!(seen.insert(id), "run {id} is named twice");
            let judged = kept::judged(store, id)?;
            ensure!(!judged.run.predictions.is_empty(), "run {id} holds no predictions");
            let mut entry = Entry { judged, twin: None, no_twin: None };
            if entry.judged.run.protocol.plan.speakers_leak {
                entry.twin = kept::twin(store, &entry.judged.run)?;
                let missing = "No run of this recipe that keeps speakers apart is kept beside it: emolab compare with --plan loso or speakers:K makes one.";
                entry.no_twin = entry.twin.is_none().then(|| missing.to_owned());
            }
            entries.push(entry);
        }
        Ok(Report { entries })
    }

    /// What stands in it, for the formats that are read by people.
    pub fn document(&self) -> Document {
        contents::document(self)
    }

    /// As one text.
    ///
    /// # Errors
    /// CSV of several runs, which is several files.
    pub fn single(&self, format: Format) -> Result<String> {
        let document = || self.document();
        Ok(match format {
            Format::Text => text::render(&document()),
            Format::Markdown => markdown::render(&document()),
            Format::Html => html::render(&document()),
            Format::Latex => latex::render(&document()),
            Format::Json => format!("{:#}\n", json::value(self)),
            Format::Svg => svg::sheet(&document().figures().collect::<Vec<&Figure>>()),
            Format::Csv => match &self.entries[..] {
                [only] => csv::predictions(&only.judged)?,
                several => bail!("the predictions of {} runs are {0} files: give a folder with -o", several.len()),
            },
        })
    }

    /// As the files of a folder.
    ///
    /// # Errors
    /// As [`Report::single`].
    pub fn files(&self, format: Format) -> Result<Vec<Output>> {
        let file = |name: &str, text| vec![Output { name: name.to_owned(), text }];
        Ok(match format {
            Format::Csv => self.csv()?,
            Format::Svg => {
                let one =
                    |figure: &Figure| Output { name: format!("{}.svg", figure.name), text: svg::sheet(&[figure]) };
                self.document().figures().map(one).collect()
            }
            single => file(&format!("report.{}", single.ending()), self.single(single)?),
        })
    }

    fn csv(&self) -> Result<Vec<Output>> {
        let all: Vec<&Judged> =
            self.entries.iter().flat_map(|one| [Some(&one.judged), one.twin.as_ref()]).flatten().collect();
        let mut files = vec![Output { name: "scores.csv".to_owned(), text: csv::scores(&all)? }];
        for entry in &self.entries {
            let id = entry.judged.run.id.map_or(0, |id| id.0);
            let predictions = csv::predictions(&entry.judged)?;
            files.push(Output { name: format!("run-{id}-predictions.csv"), text: predictions });
            files.push(Output { name: format!("run-{id}-confusion.csv"), text: csv::confusion(&entry.judged)? });
        }
        Ok(files)
    }

    /// Places of the runs that are comparable: of the same clips, classes and plan.
    pub(super) fn groups(&self) -> Vec<Vec<usize>> {
        let key = |at: usize| {
            let protocol = &self.entries[at].judged.run.protocol;
            let (data, plan) = (&protocol.data, &protocol.plan);
            (&data.data_hash, data.target, &data.classes, &plan.plan, plan.spent)
        };
        let mut groups: Vec<Vec<usize>> = Vec::new();
        for at in 0..self.entries.len() {
            match groups.iter_mut().find(|group| key(group[0]) == key(at)) {
                Some(group) => group.push(at),
                None => groups.push(vec![at]),
            }
        }
        groups
    }

    /// Who is best in a group, and who ties with it; `None` where that cannot be told.
    pub(super) fn versus(&self, group: &[usize]) -> Option<Verdict> {
        let runs: Vec<&Run> = group.iter().map(|&at| &self.entries[at].judged.run).collect();
        let versus = Versus::of(&runs, runs.first()?.recipe.seed).ok()?;
        let strong: Vec<usize> = (0..runs.len()).filter(|&at| versus.ties(at)).collect();
        let mut told = "What stands out is the best UAR and what ties with it".to_owned();
        told.push_str(&match versus.too_few() {
            true => {
                format!(": all runs, since over {} {} no difference can be significant.", versus.units, versus.unit)
            }
            false => format!(", adjusted p > {LEVEL} ({}).", versus.name()),
        });
        let p = versus.beside_best.iter().map(|pair| pair.map(|pair| pair.p_holm)).collect();
        Some(Verdict { strong, told, p })
    }
}

impl Format {
    /// Every format with its name.
    pub const ALL: [(&'static str, Format); 7] = [
        ("text", Format::Text),
        ("md", Format::Markdown),
        ("csv", Format::Csv),
        ("json", Format::Json),
        ("html", Format::Html),
        ("latex", Format::Latex),
        ("svg", Format::Svg),
    ];

    /// Ending of its files.
    pub fn ending(self) -> &'static str {
        match self {
            Format::Text => "txt",
            Format::Markdown => "md",
            Format::Csv => "csv",
            Format::Json => "json",
            Format::Html => "html",
            Format::Latex => "tex",
            Format::Svg => "svg",
        }
    }
}
