//! How Browse and Label ask which model to consult, and how they show what it says.
//!
//! Deliberately absent: when it may be shown; that is each screen's own business, and Label's is strict.

use anyhow::Result;
use ratatui::buffer::Buffer;
use ratatui::layout::Rect;

use crate::tui::screen::{Question, Then};
use crate::tui::theme::Theme;
use crate::tui::widgets::{bars, line, put, put_right, wrap};
use crate::workbench::Workbench;
use crate::workbench::filter::Completion;
use crate::workbench::opinion::{Adviser, Ask, Marked};
use crate::workbench::shelf;

/// [`Question::purpose`] of the question for a model.
pub const MODEL: &str = "model";
/// Classes named in a line, and the least probability of a named one behind the first.
const NAMED: (usize, f64) = (3, 0.1);

/// The model that is meant by no name: the last one, or the first that has a name.
fn likely(bench: &Workbench) -> Option<String> {
    let last = bench.adviser().map(|adviser| adviser.name.clone());
    last.or_else(|| shelf::names().into_iter().next())
}

/// Asks which model to consult.
pub fn question(bench: &Workbench) -> Then {
    let hint = likely(bench).map_or_else(|| "a folder".to_owned(), |name| format!("Enter alone: {name}"));
    Then::Ask(Question { purpose: MODEL, prompt: format!("model ({hint}):"), text: String::new() })
}

/// The names that begin as typed.
pub fn complete(typed: &str) -> Completion {
    let words = shelf::names().into_iter().filter(|name| name.starts_with(typed)).collect();
    Completion { from: 0, words }
}

/// Consults the model that was named; false where there is none to be meant.
///
/// # Errors
/// As [`Workbench::consult`].
pub fn consult(named: &str, bench: &mut Workbench) -> Result<bool> {
    let named = Some(named.trim().to_owned()).filter(|name| !name.is_empty());
    let Some(name) = named.or_else(|| likely(bench)) else { return Ok(false) };
    bench.consult(&name)?;
    Ok(true)
}

/// What a model says of a clip in a few words: `anger 62 %, sadness 21 %`; a `…` while it is not known.
pub fn words(adviser: &Adviser, clip: usize) -> Result<String, String> {
    if let Some(reason) = adviser.failure(Ask::Scores(clip)) {
        return Err(reason.to_owned());
    }
    let Some(ranked) = adviser.ranked(clip) else { return Ok("…".to_owned()) };
    let named = ranked.iter().enumerate().take(NAMED.0).filter(|(place, (_, p))| *place == 0 || *p >= NAMED.1);
    Ok(named.map(|(_, (class, p))| format!("{class} {}", percent(*p))).collect::<Vec<_>>().join(", "))
}

/// Draws what a model says of a clip: its name, what is marked, and a bar per class.
pub fn panel(
    buffer: &mut Buffer,
    area: Rect,
    bench: &Workbench,
    (clip, marked): (usize, Option<usize>),
    theme: &Theme,
) {
    let Some(adviser) = bench.adviser() else { return };
    let rest = put(buffer, line(area, 0), &adviser.name, theme.strong());
    if adviser.card.as_ref().is_some_and(|card| card.trained_on.synthetic) {
        put_right(buffer, rest, " synthetic", theme.warn());
    }
    if let Some(reason) = adviser.failure(Ask::Scores(clip)) {
        for (at, text) in wrap(reason, usize::from(area.width)).iter().enumerate() {
            put(buffer, line(area, at as u16 + 1), text, theme.bad());
        }
        return;
    }
    let Some(scores) = adviser.scores(clip) else {
        put(buffer, line(area, 1), "…", theme.dim());
        return;
    };
    let shares: Vec<(String, Option<f64>)> = scores.map(|(class, p)| (class.to_owned(), Some(p))).collect();
    let mut top = 1;
    if let Some(class) = marked {
        about(buffer, line(area, 1), (adviser, clip, class), &shares[class], theme);
        top = 2;
    }
    let below = Rect { y: area.y + top.min(area.height), height: area.height.saturating_sub(top), ..area };
    bars::draw(buffer, below, &shares, theme);
}

/// The class whose evidence is marked over the picture of a clip, if any.
pub fn marked(bench: &Workbench, clip: usize) -> Option<usize> {
    let adviser = bench.adviser()?;
    match bench.opinion_places().marked {
        Marked::Nothing => None,
        Marked::Predicted => adviser.class(adviser.ranked(clip)?.first()?.0),
        Marked::Labelled => adviser.class(bench.corpus().clips.get(clip)?.label.as_deref()?),
    }
}

/// Says what is marked: `█ spoke for anger 62 %`.
fn about(
    buffer: &mut Buffer,
    area: Rect,
    (adviser, clip, class): (&Adviser, usize, usize),
    (name, p): &(String, Option<f64>),
    theme: &Theme,
) {
    let (text, style) = match (adviser.failure(Ask::Salience(clip, class)), adviser.salience(clip, class)) {
        (Some(reason), _) => (reason.to_owned(), theme.bad()),
        (None, None) => (format!("{name}: …"), theme.dim()),
        (None, Some(None)) => ("it cannot tell what spoke".to_owned(), theme.dim()),
        (None, Some(Some(_))) => (format!(" spoke for {name} {}", percent(p.unwrap_or(0.0))), theme.text()),
    };
    let mut rest = area;
    if text.starts_with(' ') {
        let paint = theme.marked(0.5, 1.0);
        let (sign, style) = match paint.color {
            Some(color) => ('█', theme.text().fg(color)),
            None => (paint.shade, theme.text()),
        };
        rest = put(buffer, area, &sign.to_string(), style);
    }
    put(buffer, rest, &text, style);
}

fn percent(share: f64) -> String {
    format!("{:.0} %", 100.0 * share)
}
