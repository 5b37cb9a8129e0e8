//! `emolab keys`: which key does what now, what a `keys.toml` may say, what is wrong with the one there.
//!
//! Deliberately absent: changing a file; an editor does that.

use std::io::Write;

use anyhow::{Result, bail};
use clap::Args;

use super::{say, stdout, table};
use crate::tui::app::all_groups;
use crate::tui::keymap::{Keymap, template};
use crate::workbench::places;

/// Arguments of `emolab keys`.
#[derive(Debug, Args)]
pub struct Keys {
    /// Print a keys.toml of the usual keys, every line a comment, to start from.
    #[arg(long)]
    default: bool,
    /// Only tell what is wrong with the keys.toml; fails if anything is.
    #[arg(long, conflicts_with = "default")]
    check: bool,
}

impl Keys {
    /// Prints the keys that hold.
    ///
    /// # Errors
    /// With `--check`: something is wrong with the file.
    pub fn run(self) -> Result<()> {
        let mut out = stdout();
        if self.default {
            return Ok(out.write_all(template().as_bytes())?);
        }
        let keymap = Keymap::load();
        keymap.problems.iter().for_each(|problem| say(&format!("emolab: {problem}")));
        if self.check {
            return match keymap.problems.len() {
                0 => Ok(writeln!(out, "{}: nothing is wrong", places::keys()?.display())?),
                1 => bail!("1 line is wrong; the usual key holds instead"),
                wrong => bail!("{wrong} lines are wrong; the usual keys hold instead"),
            };
        }
        for (at, group) in keymap.bind(all_groups()).into_iter().enumerate() {
            let gap = if at == 0 { "" } else { "\n" };
            writeln!(out, "{gap}[{}]", group.name)?;
            let rows: Vec<Vec<String>> = group
                .rows
                .iter()
                .map(|row| vec![row.keys.join(" "), row.name.to_owned(), row.help.to_owned()])
                .collect();
            table::left(&rows).iter().try_for_each(|line| writeln!(out, "{line}"))?;
        }
        Ok(())
    }
}
