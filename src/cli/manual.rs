//! `emolab completions` and `emolab man`: what shell and `man` want to know of the verbs, printed from the verbs themselves.
//!
//! Deliberately absent: installing it; the examples say where it goes.

use std::io::Write;
use std::path::PathBuf;

use anyhow::{Context, Result};
use clap::Args;
use clap_complete::Shell;
use clap_mangen::Man;

use super::{command, say, stdout};
use crate::file::write_whole;

/// Arguments of `emolab completions`.
#[derive(Debug, Args)]
pub struct Completions {
    /// For which shell.
    shell: Shell,
}

/// Arguments of `emolab man`.
#[derive(Debug, Args)]
pub struct Manual {
    /// Write a page for the program and one per verb into this folder, instead of printing the first.
    #[arg(long, value_name = "DIR")]
    out: Option<PathBuf>,
}

impl Completions {
    /// Prints the script.
    ///
    /// # Errors
    /// stdout's.
    pub fn run(self) -> Result<()> {
        // In memory first: the generator panics where it cannot write.
        let mut script = Vec::new();
        clap_complete::generate(self.shell, &mut command(), "emolab", &mut script);
        let mut out = stdout();
        out.write_all(&script)?;
        Ok(out.flush()?)
    }
}

impl Manual {
    /// Prints the page, or writes all.
    ///
    /// # Errors
    /// A folder that cannot be written; stdout's.
    pub fn run(self) -> Result<()> {
        let Some(folder) = self.out else {
            let mut out = stdout();
            Man::new(command()).render(&mut out)?;
            return Ok(out.flush()?);
        };
        std::fs::create_dir_all(&folder).with_context(|| folder.display().to_string())?;
        let pages = pages();
        for (name, page) in &pages {
            write_whole(&folder.join(name), |out| out.write_all(page))
                .with_context(|| folder.join(name).display().to_string())?;
        }
        say(&format!("{} pages in {}", pages.len(), folder.display()));
        Ok(())
    }
}

/// File name and text of the page of the program and of each verb that is shown.
fn pages() -> Vec<(String, Vec<u8>)> {
    let mut all = command();
    // So that the verbs know their whole names.
    all.build();
    let verbs: Vec<_> =
        all.get_subcommands().filter(|verb| !verb.is_hide_set() && verb.get_name() != "help").cloned().collect();
    let pages = std::iter::once(all).chain(verbs).filter_map(|verb| {
        let (page, mut text) = (Man::new(verb), Vec::new());
        // Writing into memory does not fail.
        page.render(&mut text).ok()?;
        Some((page.get_filename(), text))
    });
    pages.collect()
}
