//! Whether the tour of the first start is due, and the note that it was shown.
//!
//! Deliberately absent: the tour (`tui::tour`).

use std::fs::File;

use crate::workbench::config::Config;
use crate::workbench::places;

/// True once for each user; where that cannot be noted, never: nobody wants to meet it every day.
pub fn is_due(config: &Config) -> bool {
    if config.value("tour") == Some("never") {
        return false;
    }
    let note = || -> anyhow::Result<()> {
        let path = places::tour()?;
        path.parent().map_or(Ok(()), std::fs::create_dir_all)?;
        File::create_new(path)?;
        Ok(())
    };
    note().is_ok()
}
