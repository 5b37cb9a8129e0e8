//! The training round: after each clip the known answers and what they mean; then on.
//!
//! Deliberately absent: which clips it has (see `Round`), and anything of it in the work itself: hidden repeats and known answers
//! there look like any other clip.

use std::collections::BTreeMap;

use super::{Label, form};
use crate::label::{Answers, Occasion, Question, is_hit};
use crate::tui::widgets::wrap;
use crate::workbench::Workbench;

impl Label {
    /// The known answers of the clip at hand, by question, once it is answered in training.
    pub(super) fn taught<'a>(&self, bench: &'a Workbench) -> Option<&'a BTreeMap<String, String>> {
        let at = self.at(bench).filter(|at| at.occasion == Occasion::Training && bench.ledger().is_done(*at))?;
        bench.round().training.get(at.clip)
    }

    /// What is said of it, in lines of that width: whether it was right, and the line.
    pub(super) fn lesson(&self, bench: &Workbench, width: u16) -> Option<Vec<(bool, String)>> {
        let (known, at) = (self.taught(bench)?, self.at(bench)?);
        let mut lines = Vec::new();
        for question in self.scheme.iter().flat_map(|scheme| &scheme.questions) {
            let Some(known) = known.get(&question.name) else { continue };
            let said = bench.ledger().answer(at, &question.name).unwrap_or_default();
            let right = is_hit(said, known, matches!(question.answers, Answers::Scale(_)));
            let text = told(question, said, known, right);
            lines.extend(wrap(&text, usize::from(width)).into_iter().map(|line| (right, line)));
        }
        lines.push((true, "Enter: on to the next clip".to_owned()));
        Some(lines)
    }
}

/// `Emotion: fear, right. Worried to terrified …`.
fn told(question: &Question, said: &str, known: &str, right: bool) -> String {
    let title = if question.title.is_empty() { String::new() } else { format!("{}: ", question.title) };
    let verdict = match right {
        true if said == known => format!("{known}, right."),
        true => format!("{said}, near enough; known answer: {known}."),
        false => format!("you said {}; known answer: {known}.", form::words(question, said)),
    };
    let class = question.answers.classes().iter().find(|class| class.name == known);
    let about = class.map_or(&question.about, |class| &class.about);
    format!("{title}{verdict} {about}")
}
