//! What the screens look like and listen to, as flags. Each stands for a variable of the environment and counts before it.
//!
//! Deliberately absent: what they mean (see `tui::theme`).

use clap::Args;

use crate::tui::MOUSE;
use crate::tui::graphics::{GRAPHICS, GRAPHICS_WORDS};
use crate::tui::theme::{ASCII, THEME, THEMES};

/// Flags of the verbs that open screens.
#[derive(Debug, Clone, Args)]
pub struct Looks {
    /// Colours for dark or light ground, or none; auto asks the environment (EMOLAB_THEME).
    #[arg(long, value_parser = THEMES, value_name = "auto|dark|light|mono", hide_possible_values = true)]
    theme: Option<String>,
    /// Spectrograms in pixels, by the protocol that your terminal knows (EMOLAB_GRAPHICS).
    #[arg(long, value_parser = GRAPHICS_WORDS, value_name = "off|kitty|sixel", hide_possible_values = true)]
    graphics: Option<String>,
    /// Draw with ASCII signs alone (EMOLAB_ASCII).
    #[arg(long)]
    ascii: bool,
    /// Leave the mouse to the terminal, to select text (EMOLAB_MOUSE=0).
    #[arg(long)]
    no_mouse: bool,
}

impl Looks {
    /// What the flags say of that variable, if anything.
    pub fn get(&self, name: &str) -> Option<String> {
        match name {
            THEME => self.theme.clone(),
            GRAPHICS => self.graphics.clone(),
            MOUSE => self.no_mouse.then(|| "0".to_owned()),
            ASCII => self.ascii.then(|| "1".to_owned()),
            _ => None,
        }
    }
}
