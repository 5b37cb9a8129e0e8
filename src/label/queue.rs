//! The order in which one annotator meets the clips: blind (it follows from a seed, not from names or labels) and the
//! same each time.
//!
//! Deliberately absent: who gets which clips, spacing of speakers, repeats and gold clips.

use std::collections::HashMap;

use super::{Annotator, Ledger};
use crate::corpus::ClipId;

/// All clips in one annotator's order.
#[derive(Debug, Clone, Default)]
pub struct Queue {
    order: Vec<ClipId>,
    place: HashMap<ClipId, usize>,
}

/// How far an annotator is with a queue.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Progress {
    /// Clips that are done: every question that is asked has its answer.
    pub labelled: usize,
    /// Clips put off.
    pub skipped: usize,
    /// Clips of the queue.
    pub total: usize,
}

impl Queue {
    /// Orders `clips` for `annotator`. The place of a clip depends on seed, annotator and its own id alone, so clips that
    /// join or leave the corpus do not shuffle the others. Doubled clips count once.
    pub fn new(clips: &[ClipId], annotator: &Annotator, seed: u64) -> Queue {
        let mut keyed: Vec<([u8; 32], &ClipId)> = clips.iter().map(|clip| (lot(clip, annotator, seed), clip)).collect();
        keyed.sort_unstable();
        keyed.dedup();
        let order: Vec<ClipId> = keyed.into_iter().map(|(_, clip)| clip.clone()).collect();
        let place = order.iter().enumerate().map(|(place, clip)| (clip.clone(), place)).collect();
        Queue { order, place }
    }

    /// The clips in order.
    pub fn order(&self) -> &[ClipId] {
        &self.order
    }

    /// The clip's place in the order, from 0.
    pub fn place(&self, clip: &ClipId) -> Option<usize> {
        self.place.get(clip).copied()
    }

    /// Where to go on: the first clip neither labelled nor skipped, else the first skipped one.
    pub fn resume(&self, ledger: &Ledger) -> Option<&ClipId> {
        self.next_after(None, ledger)
    }

    /// The next clip to label after `current`, around the end to the start: one neither done nor skipped; when none
    /// is left, a skipped one. `None` when every clip is done. A clip outside the queue counts as no clip.
    pub fn next_after(&self, current: Option<&ClipId>, ledger: &Ledger) -> Option<&ClipId> {
        let start = current.and_then(|clip| self.place(clip)).map_or(0, |place| place + 1);
        let around = || self.order[start..].iter().chain(&self.order[..start]);
        let fresh = around().find(|clip| !ledger.is_done(clip) && !ledger.skipped(clip));
        fresh.or_else(|| around().find(|clip| ledger.skipped(clip)))
    }

    /// How far the annotator is; counts only clips of the queue.
    pub fn progress(&self, ledger: &Ledger) -> Progress {
        let labelled = self.order.iter().filter(|clip| ledger.is_done(clip)).count();
        let skipped = self.order.iter().filter(|clip| ledger.skipped(clip)).count();
        Progress { labelled, skipped, total: self.order.len() }
    }
}

/// The lot that a clip draws: a hash, so that it is the same on every machine and in every version.
fn lot(clip: &ClipId, annotator: &Annotator, seed: u64) -> [u8; 32] {
    let mut hash = blake3::Hasher::new();
    hash.update(&seed.to_le_bytes());
    for part in [annotator.kind(), annotator.name(), &clip.0] {
        hash.update(&(part.len() as u64).to_le_bytes());
        hash.update(part.as_bytes());
    }
    *hash.finalize().as_bytes()
}

#[cfg(test)]
mod tests {
    use super::super::Act;
    use super::super::test_events::Events;
    use super::*;
    use proptest::prelude::*;

    fn clips(n: usize) -> Vec<ClipId> {
        (0..n).map(|i| ClipId(format!("clip{i:03}.wav"))).collect()
    }

    fn human(name: &str) -> Annotator {
        Annotator::Human(name.to_owned())
    }

    #[test]
    fn the_order_is_the_annotators_own_and_stays() {
        let all = clips(50);
        let anna = Queue::new(&all, &human("anna"), 1);
        let mut reversed = all.clone();
        reversed.reverse();
        assert_eq!(anna.order(), Queue::new(&reversed, &human("anna"), 1).order());
        for other in [Queue::new(&all, &human("ben"), 1), Queue::new(&all, &human("anna"), 2)] {
            assert_ne!(anna.order(), other.order());
        }
        assert_ne!(anna.order(), &all[..], "blind: not by name");
        let without: Vec<ClipId> = all.iter().skip(1).cloned().collect();
        let rest: Vec<&ClipId> = anna.order().iter().filter(|clip| **clip != all[0]).collect();
        assert_eq!(rest, Queue::new(&without, &human("anna"), 1).order().iter().collect::<Vec<_>>());
    }

    #[test]
    fn skipped_clips_come_back_at_the_end() {
        let queue = Queue::new(&clips(3), &human("anna"), 7);
        let order = queue.order().to_vec();
        let (mut events, mut ledger) = (Events::default(), Ledger::default());
        ledger.apply(&events.say(&order[0].0, Act::Skip));
        assert_eq!(queue.next_after(Some(&order[0]), &ledger), Some(&order[1]));
        ledger.apply(&events.say(&order[1].0, Act::label("a")));
        assert_eq!(queue.resume(&ledger), Some(&order[2]));
        ledger.apply(&events.say(&order[2].0, Act::label("a")));
        assert_eq!(queue.next_after(Some(&order[2]), &ledger), Some(&order[0]));
        assert_eq!(queue.next_after(Some(&order[0]), &ledger), Some(&order[0]), "still open");
        assert_eq!(queue.progress(&ledger), Progress { labelled: 2, skipped: 1, total: 3 });
        ledger.apply(&events.say(&order[0].0, Act::label("b")));
        assert_eq!(queue.next_after(Some(&order[0]), &ledger), None);
        assert_eq!(queue.resume(&ledger), None);
    }

    #[test]
    fn an_empty_queue_and_a_foreign_clip_are_no_trouble() {
        let ledger = Ledger::default();
        assert_eq!(Queue::new(&[], &human("anna"), 0).resume(&ledger), None);
        let queue = Queue::new(&clips(2), &human("anna"), 0);
        assert_eq!(queue.next_after(Some(&ClipId("gone.wav".to_owned())), &ledger), queue.order().first());
    }

    proptest! {
        #[test]
        fn labelling_what_comes_next_meets_every_clip_once(n in 0_usize..40, seed: u64) {
            let queue = Queue::new(&clips(n), &human("anna"), seed);
            let (mut events, mut ledger) = (Events::default(), Ledger::default());
            let mut met = Vec::new();
            while let Some(clip) = queue.next_after(met.last(), &ledger).cloned() {
                ledger.apply(&events.say(&clip.0, Act::label("a")));
                met.push(clip);
            }
            prop_assert_eq!(&met[..], queue.order());
        }
    }
}
