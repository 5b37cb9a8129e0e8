//! `emolab config`: what is set, where it was said, and a file to say it in.
//!
//! Deliberately absent: changing a file; an editor does that.

use std::fs::File;
use std::io::{ErrorKind, Write};
use std::path::PathBuf;

use anyhow::{Context, Result, bail};
use clap::{Args, Subcommand};
use serde_json::json;

use super::{say, stdout, table};
use crate::workbench::config::{Config, SETTINGS, project_file, template, user_file};
use crate::workbench::places;

/// Arguments of `emolab config`.
#[derive(Debug, Args)]
pub struct ConfigVerb {
    #[command(subcommand)]
    what: What,
}

#[derive(Debug, Subcommand)]
enum What {
    /// Print every setting and its value; where nobody set it, the place that holds, or `-` for the default.
    Show(Show),
    /// Print the paths of the files that are read, nearest first.
    Path(Whose),
    /// Write a commented file of all settings; never over one that is there.
    Init,
}

#[derive(Debug, Args)]
struct Show {
    #[command(flatten)]
    whose: Whose,
    /// Tell where each value was said.
    #[arg(long)]
    origin: bool,
    /// Print JSON.
    #[arg(long)]
    json: bool,
}

#[derive(Debug, Args)]
struct Whose {
    /// Also the project's file of this corpus.
    #[arg(long, value_name = "PATH")]
    corpus: Option<PathBuf>,
}

impl ConfigVerb {
    /// Prints, or writes the file.
    ///
    /// # Errors
    /// No home; a file that is there already, or cannot be written.
    pub fn run(self) -> Result<()> {
        match self.what {
            What::Show(show) => show.run(),
            What::Path(whose) => whose.print(),
            What::Init => init(),
        }
    }
}

impl Show {
    fn run(self) -> Result<()> {
        let config = Config::of(self.whose.corpus.as_deref());
        config.problems.iter().for_each(|problem| say(&format!("emolab: {problem}")));
        let mut out = stdout();
        if self.json {
            let one = |name: &str| json!({ "value": config.value(name), "origin": config.origin(name).to_string() });
            let all: serde_json::Map<_, _> =
                SETTINGS.iter().map(|one_of| (one_of.name.to_owned(), one(one_of.name))).collect();
            serde_json::to_writer_pretty(&mut out, &json!({ "settings": all, "problems": config.problems }))?;
            writeln!(out)?;
        } else {
            let rows: Vec<Vec<String>> =
                SETTINGS.iter().map(|setting| self.row(&config, setting.name, setting.default)).collect();
            table::left(&rows).iter().try_for_each(|line| writeln!(out, "{line}"))?;
        }
        Ok(out.flush()?)
    }

    fn row(&self, config: &Config, name: &str, default: &str) -> Vec<String> {
        let place = || holds(name).map_or_else(|| "-".to_owned(), |place| place.display().to_string());
        let value = config.value(name).map_or_else(place, str::to_owned);
        let origin = match config.value(name) {
            Some(_) => config.origin(name).to_string(),
            None => format!("default: {default}"),
        };
        [name.to_owned(), value].into_iter().chain(self.origin.then_some(origin)).collect()
    }
}

/// The place that holds for a setting that names one.
fn holds(name: &str) -> Option<PathBuf> {
    let place = match name {
        "cache" => places::cache(),
        "checkpoints" => places::checkpoints(),
        "journal" => places::journal(),
        "log" => places::log(),
        "models" => places::models(),
        "store" => places::store(),
        _ => return None,
    };
    place.ok()
}

impl Whose {
    fn print(&self) -> Result<()> {
        let mut out = stdout();
        let project = self.corpus.as_deref().and_then(project_file);
        for file in project.into_iter().chain([user_file()?]) {
            writeln!(out, "{}{}", file.display(), if file.exists() { "" } else { "  (not there)" })?;
        }
        Ok(out.flush()?)
    }
}

fn init() -> Result<()> {
    let path = user_file()?;
    let write = || -> std::io::Result<()> {
        path.parent().map_or(Ok(()), std::fs::create_dir_all)?;
        File::create_new(&path)?.write_all(template().as_bytes())
    };
    match write() {
        Err(error) if error.kind() == ErrorKind::AlreadyExists => {
            bail!("{}: is there already and stays as it is; `emolab config show` tells what it says", path.display())
        }
        written => written.with_context(|| path.display().to_string())?,
    }
    let mut out = stdout();
    writeln!(out, "{}", path.display())?;
    Ok(out.flush()?)
}
