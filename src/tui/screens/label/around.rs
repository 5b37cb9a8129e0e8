//! What stands around the questions: how far the annotator is, what was remarked, what a model says once it may.
//!
//! Deliberately absent: keys, saving, and anything that names the clip.

use ratatui::buffer::Buffer;
use ratatui::layout::Rect;

use super::{Label, at, form};
use crate::label::{At, Occasion};
use crate::tui::screens::opinion;
use crate::tui::theme::Theme;
use crate::tui::widgets::{put, put_right};
use crate::workbench::Workbench;
use crate::workbench::safe::Standing;

/// Minutes of work after which a break is proposed where the lead says nothing: the longest session that ITU-R BS.1116-3
/// advises for listening tests.
const REST_MINUTES: u32 = 30;

impl Label {
    /// What the model says of a decided clip, and what the annotator said; without one, that it will.
    pub(super) fn opinion(&self, buffer: &mut Buffer, area: Rect, bench: &Workbench, theme: &Theme) {
        let Some(adviser) = bench.adviser().filter(|_| bench.opinion_places().label) else { return };
        if let Some(reason) = &adviser.trouble {
            put(buffer, area, &format!("model {}: {reason}", adviser.name), theme.bad());
            return;
        }
        let Some(told) = self.told(bench) else {
            let text = format!("model {}: shown once you have decided; m switches it off", adviser.name);
            put(buffer, area, &text, theme.dim());
            return;
        };
        let yours = at(told, bench).and_then(|at| bench.ledger().label(at)).unwrap_or("cannot judge");
        let (which, way) = if self.current == Some(told) { ("", "") } else { ("clip before: ", "  Backspace: back") };
        let said = opinion::words(adviser, told.clip).unwrap_or_else(|reason| reason);
        let rest = put(buffer, area, &format!("{which}{}: {said}; you: {yours}", adviser.name), theme.text());
        if usize::from(rest.width) >= way.len() {
            put(buffer, rest, way, theme.dim());
        }
    }

    pub(super) fn progress(&self, buffer: &mut Buffer, area: Rect, bench: &Workbench, theme: &Theme) {
        let progress = bench.queue().progress();
        let share = progress.labelled as f64 / progress.total.max(1) as f64;
        let place = self.current.and_then(|turn| bench.queue().place(turn)).map_or(0, |place| place + 1);
        let rest = put(buffer, area, &self.place(place, progress.total, bench), theme.strong());
        let rest = match self.only.word() {
            "" => rest,
            only => put(buffer, rest, &format!("  {only}"), theme.accent()),
        };
        if self.returns {
            put(buffer, rest, "  to be labelled anew; then back to the list", theme.accent());
            return;
        }
        let mut text = format!("  {} labelled ({:.0} %) · {}", progress.labelled, 100.0 * share, today(bench));
        if progress.skipped > 0 {
            text += &format!(" · {} skipped", progress.skipped);
        }
        let rest = put(buffer, rest, &text, theme.text());
        match (rest_due(bench), own(bench)) {
            (Some(hint), _) => put_right(buffer, rest, &format!("  {hint}"), theme.accent()),
            (None, Some(quality)) => put_right(buffer, rest, &format!("  {quality}"), theme.dim()),
            (None, None) => put_right(buffer, rest, &format!("  {}", bench.scheme().title), theme.dim()),
        }
    }

    /// `clip 3 of 100`; hidden repeats and known answers are clips like any other.
    fn place(&self, place: usize, total: usize, bench: &Workbench) -> String {
        if self.current.is_none_or(|turn| turn.occasion != Occasion::Training) {
            return format!("clip {place} of {total}");
        }
        let training = bench.queue().turns().iter().take_while(|turn| turn.occasion == Occasion::Training).count();
        format!("training: clip {place} of {training}")
    }

    /// Flag, skip and note of the clip, and an answer that its only question cannot show as a class.
    pub(super) fn remarks(&self, buffer: &mut Buffer, area: Rect, bench: &Workbench, at: At<'_>, theme: &Theme) {
        let ledger = bench.ledger();
        let mut rest = area;
        if matches!(self.current.and_then(|turn| bench.picture(turn.clip)), Some(Err(_))) {
            rest = put(buffer, rest, "not to be heard: s skips it, ! flags it  ", theme.bad());
        }
        if self.examples.is_some() {
            let text = match bench.example_failed() {
                true => "this example cannot be played  ",
                false => "examples: the key of a class plays one; x: answer again  ",
            };
            rest = put(buffer, rest, text, theme.accent());
        }
        if let Some([question]) = self.scheme.as_ref().map(|scheme| &scheme.questions[..])
            && let Some(value) = ledger.answer(at, &question.name)
            && (value.is_empty() || !question.takes(value))
        {
            rest = put(buffer, rest, &format!("{}  ", form::words(question, value)), theme.strong());
        }
        if ledger.flagged(at) {
            rest = put(buffer, rest, "! flagged  ", theme.warn());
        }
        if ledger.skipped(at) {
            rest = put(buffer, rest, "skipped before  ", theme.dim());
        }
        if let Some(note) = ledger.note(at) {
            put(buffer, rest, &format!("note: {note}"), theme.text());
        }
    }
}

/// How the annotator is doing, where the lead lets raters see it: `repeats 9 of 10 the same, 1 of 40 too fast`.
fn own(bench: &Workbench) -> Option<String> {
    let found = bench.raters().filter(|_| bench.round().show_quality)?.ok()?;
    let mine = found.iter().find(|one| one.rater == bench.annotator().name())?;
    let all = mine.questions.iter().map(|question| question.near.unwrap_or(question.same));
    let (same, of) = all.fold((0, 0), |(same, of), one| (same + one.count, of + one.of));
    let repeats = if of > 0 { format!("repeats {same} of {of} the same") } else { "no repeats yet".to_owned() };
    Some(format!("{repeats}, {} of {} too fast", mine.fast.count, mine.fast.of))
}

/// `37 of 100 today · 7.5 a minute`.
fn today(bench: &Workbench) -> String {
    let done = bench.done_today();
    let done = match bench.round().goal {
        Some(goal) if done >= goal => format!("{done} today, goal reached"),
        Some(goal) => format!("{done} of {goal} today"),
        None => format!("{done} today"),
    };
    bench.sitting().rate().map_or(done.clone(), |rate| format!("{done} · {rate:.1} a minute"))
}

/// A break is proposed, never demanded.
fn rest_due(bench: &Workbench) -> Option<String> {
    let minutes = bench.round().rest_minutes.unwrap_or(REST_MINUTES);
    let worked = bench.sitting().since_break / 60.0;
    (worked >= f64::from(minutes)).then(|| format!("{worked:.0} min of work: a break of five helps your ears"))
}

/// Where what was said is, unless all of it is in the store; `trouble`: why the last act is nowhere.
pub fn safety(buffer: &mut Buffer, area: Rect, bench: &Workbench, trouble: Option<&str>, theme: &Theme) {
    match (trouble, bench.standing()) {
        (Some(reason), _) => drop(put(buffer, area, &format!("NOT SAVED: {reason}"), theme.bad())),
        (None, Standing::Nowhere(reason)) => drop(put(buffer, area, &format!("NOT SAVED: {reason}"), theme.bad())),
        (None, Standing::Journal(waiting, reason)) => {
            let text = format!("SAVED IN THE JOURNAL ({waiting}), not yet in the store: {reason}");
            put(buffer, area, &text, theme.warn());
        }
        (None, Standing::Store) => {}
    }
}
