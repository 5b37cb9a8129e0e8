//! The three steps of the first start: hear, label, train. A card in a corner that waits until the user has really done each.
//!
//! It takes no key of its own but the one that shows it, so that nothing works otherwise than without it. Deliberately absent: whether it is due (`cli`
//! knows), and any teaching beyond the three steps; `?` has the keys.

use ratatui::buffer::Buffer;
use ratatui::layout::{Position, Rect};

use super::theme::Theme;
use super::widgets::{line, popup, put, put_right};
use crate::workbench::Workbench;

/// Width and height of the card with its frame.
const CARD: (u16, u16) = (46, 6);

/// What is to be done, in the order of the steps; the last is the farewell.
const STEPS: [[&str; 2]; 4] = [
    ["Space plays the clip you stand on.", "j and k go to others."],
    ["2 opens Label. Hear the clip, then press", "the key of the emotion you heard."],
    ["Esc leaves Label, then 3 opens Train;", "Enter there trains what is ticked."],
    ["That is all there is to it.", "? shows the keys, : finds commands."],
];

/// How far the user is.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Tour {
    step: usize,
    /// What there was when the step began: a card is not done by what was done before.
    labelled: usize,
    training: Option<u64>,
}

impl Tour {
    /// From the first step.
    pub fn new(bench: &Workbench) -> Tour {
        Tour {
            step: 0,
            labelled: bench.ledger().labelled_count(),
            training: bench.training().map(|training| training.number()),
        }
    }

    /// Goes on where the user has done what the card asks for.
    pub fn notice(&mut self, bench: &Workbench) {
        let is_done = match self.step {
            0 => bench.playing().is_some(),
            1 => bench.ledger().labelled_count() > self.labelled,
            2 => bench.training().map(|training| training.number()) != self.training,
            _ => false,
        };
        if is_done {
            self.step += 1;
            let (labelled, training) =
                (bench.ledger().labelled_count(), bench.training().map(|training| training.number()));
            (self.labelled, self.training) = (labelled, training);
        }
    }

    /// Whether a press of the mouse there ends it; `above` as it was drawn.
    pub fn takes(&self, at: Position, area: Rect, above: bool) -> bool {
        corner(area, above).contains(at)
    }

    /// Draws the card over the lower right corner of `area`; `above`: over the upper one, where answers stand below.
    pub fn draw(&self, buffer: &mut Buffer, area: Rect, above: bool, theme: &Theme) {
        let corner = corner(area, above);
        let steps = STEPS.len() - 1;
        let title = if self.step < steps { format!("step {} of {steps}", self.step + 1) } else { "done".to_owned() };
        let inner = popup::draw(buffer, corner, &title, (corner.width, corner.height), theme);
        for (at, text) in STEPS[self.step.min(steps)].iter().enumerate() {
            put(buffer, line(inner, at as u16), text, theme.text());
        }
        put_right(buffer, line(inner, inner.height.saturating_sub(1)), "F2 ends the tour", theme.dim());
    }
}

fn corner(area: Rect, above: bool) -> Rect {
    let (width, height) = (CARD.0.min(area.width), CARD.1.min(area.height));
    // Below the heading that says how far one is.
    let y = if above { area.y + u16::from(area.height > height) } else { area.bottom() - height };
    Rect { x: area.right() - width, y, width, height }
}
