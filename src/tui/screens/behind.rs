//! From a figure of a run to the clips that it is of, those first that went most wrong.
//!
//! Deliberately absent: which figures there are (see `run.rs` and `compare.rs`), and what is done with the clips (Browse).

use std::collections::HashSet;

use crate::store::Prediction;
use crate::tui::screen::{Outcome, Said, Then, Topic};
use crate::workbench::Workbench;
use crate::workbench::experiment::Judged;

/// Opens the clips of which `wanted` holds, the one whose true class got the least probability first; clips that have left
/// the corpus are left out.
pub fn clips(bench: &Workbench, judged: &Judged, title: String, wanted: impl Fn(&Prediction) -> bool) -> Outcome {
    let sure = |one: &Prediction| one.p.get(one.truth).copied().unwrap_or(0.0);
    let chosen = judged.run.predictions.iter().filter(|one| wanted(one));
    let mut found: Vec<(&Prediction, usize)> =
        chosen.filter_map(|one| Some((one, bench.corpus().index_of(&one.clip)?))).collect();
    if found.is_empty() {
        return Ok(Then::Say(format!("no clip: {title}")));
    }
    found.sort_by(|a, b| sure(a.0).total_cmp(&sure(b.0)).then(a.1.cmp(&b.1)));
    // A plan that is repeated tests a clip more than once.
    let mut heard = HashSet::new();
    found.retain(|(_, clip)| heard.insert(*clip));
    let classes = judged.run.classes();
    let said = |one: &Prediction| format!("{} {:.2}", classes[one.pred], one.p.get(one.pred).copied().unwrap_or(0.0));
    let words = found.iter().map(|(one, _)| said(one)).collect();
    let clips = found.iter().map(|(_, clip)| *clip).collect();
    let said = Some(Said { by: name(judged), words });
    Ok(Then::Open("browse", Topic::Clips { title, order: "worst first", clips, said }))
}

/// A run in words: `svm (run 12)`.
pub fn name(judged: &Judged) -> String {
    let title = judged.run.recipe.title();
    judged.run.id.map_or_else(|| title.clone(), |id| format!("{title} (run {})", id.0))
}
