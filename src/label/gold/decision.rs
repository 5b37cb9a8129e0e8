//! Decisions of a lead about disputed clips: who decided what, and when.
//!
//! The latest decision that was not taken back counts. Deliberately absent: asking for one (see `dispute`).

use std::collections::BTreeMap;

use super::super::{Act, Annotation, AnnotationId, Annotator, Ledger, Occasion, Timestamp};
use super::{Gold, Origin};
use crate::corpus::ClipId;

/// What was decided about a clip.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Decision {
    /// A class, a number; empty: nobody can tell.
    pub value: String,
    /// Who.
    pub by: String,
    /// When.
    pub at: Timestamp,
}

/// The decision on each clip of a question; `annotations` in order of id.
#[must_use]
pub fn decisions(annotations: &[Annotation], scheme: &str, question: &str) -> BTreeMap<ClipId, Decision> {
    let wanted = |event: &&Annotation| event.occasion == Occasion::Adjudication && event.scheme.name == scheme;
    let mut ledgers: BTreeMap<&Annotator, Ledger> = BTreeMap::new();
    for event in annotations.iter().filter(wanted) {
        ledgers.entry(&event.annotator).or_default().apply(event);
    }
    let holds = |who: &Annotator, id: AnnotationId| ledgers.get(who).is_some_and(|ledger| ledger.holds(id));
    let mut decided = BTreeMap::new();
    for event in annotations.iter().filter(wanted).filter(|event| holds(&event.annotator, event.id)) {
        if let Act::Answer { question: asked, value } = &event.act
            && asked == question
        {
            let by = event.annotator.name().to_owned();
            decided.insert(event.clip.clone(), Decision { value: value.clone(), by, at: event.at });
        }
    }
    decided
}

impl Decision {
    /// As a gold label of a clip that so many people had judged.
    pub(super) fn gold(&self, clip: &ClipId, labels: &[String], of: usize) -> Gold {
        let known = labels.contains(&self.value);
        let distribution = labels.iter().map(|label| f64::from(u8::from(*label == self.value)));
        Gold {
            clip: clip.clone(),
            value: Some(self.value.clone()).filter(|value| !value.is_empty()),
            distribution: if known { distribution.collect() } else { Vec::new() },
            origin: Origin::Decided { by: self.by.clone(), at: self.at, of },
        }
    }
}

#[cfg(test)]
mod tests {
    use super::super::super::test_events::Events;
    use super::*;

    #[test]
    fn the_last_decision_that_holds_counts() {
        let mut events = Events::default();
        let mut decide = |who: &str, act: Act| {
            let mut one = events.by(Annotator::Human(who.to_owned()), "a", act);
            one.said.occasion = Occasion::Adjudication;
            one
        };
        let first = decide("lead", Act::label("x"));
        let second = decide("other", Act::label("y"));
        let undo = decide("other", Act::Undo(second.id));
        let value =
            |all: &[Annotation]| decisions(all, "s", "").values().map(|one| one.value.clone()).collect::<Vec<_>>();
        assert_eq!(value(&[first.clone(), second.clone()]), ["y"]);
        assert_eq!(value(&[first.clone(), second, undo]), ["x"]);
        assert!(
            decisions(std::slice::from_ref(&first), "s", "arousal").is_empty()
                && decisions(&[first], "t", "").is_empty()
        );
    }
}
