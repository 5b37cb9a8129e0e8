//! What can be done in Label now.
//!
//! Deliberately absent: what the clip's own state decides (a form half filled); the command itself tells that.

use crate::label::{Occasion, Turn};
use crate::workbench::Workbench;

/// Why a command can do nothing now.
pub(super) fn refusal(command: &str, current: Option<Turn>, bench: &Workbench) -> Option<&'static str> {
    let decided = |occasion: Occasion| occasion == Occasion::Adjudication;
    match command {
        "undo" => match bench.ledger().undo_target() {
            None => Some("nothing to undo"),
            Some((_, at)) => decided(at.occasion).then_some("your last act was a decision; Adjudicate takes it back"),
        },
        "redo" => match bench.ledger().redo_target() {
            None => Some("nothing to do again"),
            Some((_, at)) => decided(at.occasion).then_some("what was taken back last was a decision"),
        },
        "question after" | "question before" if bench.scheme().questions.len() < 2 => {
            Some("the scheme has one question")
        }
        "skip" | "flag" | "note" | "on" | "cannot judge" | "examples" | "classes" if bench.lacks_classes() => {
            Some("there are no classes")
        }
        "skip" | "flag" | "note" | "on" | "cannot judge" if current.is_none() => Some("there is no clip to label"),
        _ => None,
    }
}
