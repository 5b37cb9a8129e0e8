//! Which clips come next: all open ones, or only those skipped, flagged, or answered in words that the scheme no longer has.
//!
//! Deliberately absent: the order of the queue, which holds within each kind.

use super::Label;
use crate::label::{At, Occasion, Turn};
use crate::tui::screen::{Outcome, Then};
use crate::workbench::Workbench;

/// A kind of clips.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Only {
    /// Not yet done; skipped ones at the end.
    #[default]
    Open,
    /// Skipped, not done.
    Skipped,
    /// Flagged.
    Flagged,
    /// With an old answer.
    Old,
}

impl Only {
    fn following(self) -> Only {
        match self {
            Only::Open => Only::Skipped,
            Only::Skipped => Only::Flagged,
            Only::Flagged => Only::Old,
            Only::Old => Only::Open,
        }
    }

    /// In words, for the heading; nothing for all open ones.
    pub fn word(self) -> &'static str {
        match self {
            Only::Open => "",
            Only::Skipped => "only skipped",
            Only::Flagged => "only flagged",
            Only::Old => "only old answers",
        }
    }
}

impl Label {
    /// To the next kind that has clips.
    pub(super) fn next_kind(&mut self, bench: &mut Workbench) -> Outcome {
        loop {
            self.only = self.only.following();
            if self.only == Only::Open {
                return Ok(Then::Say("all open clips".to_owned()));
            }
            if let Some(turn) = self.first_of_kind(bench, None) {
                self.leave_for(turn, bench);
                return Ok(Then::Say(self.only.word().to_owned()));
            }
        }
    }

    /// The turn that comes next.
    pub(super) fn next(&self, bench: &Workbench) -> Option<Turn> {
        match self.only {
            Only::Open => bench.queue().next_after(self.current),
            _ => self.first_of_kind(bench, self.current),
        }
    }

    /// The clips that will probably be heard next, at most so many.
    pub(super) fn coming(&self, bench: &Workbench, most: usize) -> Vec<usize> {
        let turns = match self.only {
            Only::Open => bench.queue().coming(self.current, most),
            _ => Vec::from_iter(self.next(bench)),
        };
        turns.iter().map(|turn| turn.clip).collect()
    }

    /// The first of the kind behind a turn, around the end.
    fn first_of_kind(&self, bench: &Workbench, behind: Option<Turn>) -> Option<Turn> {
        let (ledger, corpus) = (bench.ledger(), bench.corpus());
        let wanted = |at: At<'_>| match self.only {
            Only::Open => false,
            Only::Skipped => ledger.skipped(at),
            Only::Flagged => ledger.flagged(at),
            Only::Old => {
                let mut questions = self.scheme.iter().flat_map(|scheme| &scheme.questions);
                questions.any(|question| ledger.answer(at, &question.name).is_some_and(|value| !question.takes(value)))
            }
        };
        let start = behind.and_then(|turn| bench.queue().place(turn));
        let turns = [Occasion::Training, Occasion::Main, Occasion::Repeat].into_iter().flat_map(|occasion| {
            let met = ledger.met(occasion).filter(move |clip| wanted(At { clip, occasion }));
            met.filter_map(move |clip| Some(Turn { clip: corpus.index_of(clip)?, occasion }))
        });
        let placed = turns.filter_map(|turn| Some((bench.queue().place(turn)?, turn)));
        let behind = |place: usize| start.is_some_and(|start| place <= start);
        placed.min_by_key(|(place, _)| (behind(*place), *place)).map(|(_, turn)| turn)
    }
}
