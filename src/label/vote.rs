//! One answer per clip out of several annotators' labels: the majority.
//!
//! Deliberately absent: breaking ties (they are shown), weighing annotators, agreement.

use std::collections::{BTreeMap, BTreeSet};

use super::{Annotation, Annotator, Ledger, Occasion};
use crate::corpus::ClipId;

/// Whose labels count.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Voters {
    /// People only.
    #[default]
    Humans,
    /// People and machines alike.
    Everyone,
}

/// What the annotators of one scheme say about one clip.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Vote {
    /// The clip.
    pub clip: ClipId,
    /// Name of the scheme; its versions vote together.
    pub scheme: String,
    /// Name of its question; empty where it has only one. Texts that people type vote, too: whoever reads the table knows.
    pub question: String,
    /// The class with most votes; `None` on a tie and without votes.
    pub label: Option<String>,
    /// Votes per class that has any, most first, then by name.
    pub counts: Vec<(String, usize)>,
    /// Annotators with a label for the clip.
    pub raters: usize,
    /// Annotators who flag it.
    pub flags: usize,
}

impl Vote {
    /// The classes that share first place, when there are several.
    pub fn tied(&self) -> &[(String, usize)] {
        let best = self.counts.first().map_or(0, |(_, count)| *count);
        match self.counts.partition_point(|(_, count)| *count == best) {
            0 | 1 => &[],
            several => &self.counts[..several],
        }
    }
}

/// A row per scheme, question and clip that any voter said anything about, sorted by these. `annotations` in order of id. "Cannot
/// judge" is no vote.
pub fn votes(annotations: &[Annotation], voters: Voters) -> Vec<Vote> {
    let ledgers = ledgers(annotations);
    let heard = |annotator: &Annotator| voters == Voters::Everyone || annotator.is_human();
    let mut questions: BTreeMap<&str, BTreeSet<&str>> = BTreeMap::new();
    for ((scheme, _), ledger) in &ledgers {
        questions.entry(scheme).or_default().extend(ledger.questions());
    }
    let mut rows: BTreeMap<(&str, &str, &ClipId), Vec<&Ledger>> = BTreeMap::new();
    for ((scheme, _), ledger) in ledgers.iter().filter(|((_, annotator), _)| heard(annotator)) {
        // A clip that was only flagged or skipped has its row, too.
        let asked = questions.get(scheme).filter(|asked| !asked.is_empty());
        let asked = asked.map_or(vec![""], |asked| asked.iter().copied().collect());
        for clip in ledger.clips() {
            for question in &asked {
                rows.entry((scheme, question, clip)).or_default().push(ledger);
            }
        }
    }
    rows.into_iter().map(|(row, ledgers)| count(row, &ledgers)).collect()
}

/// The ledger of every annotator in every scheme, in one pass over the events of the work itself.
pub(super) fn ledgers(annotations: &[Annotation]) -> BTreeMap<(&str, &Annotator), Ledger> {
    let mut ledgers: BTreeMap<(&str, &Annotator), Ledger> = BTreeMap::new();
    for event in annotations.iter().filter(|event| event.occasion == Occasion::Main) {
        ledgers.entry((&event.scheme.name, &event.annotator)).or_default().apply(event);
    }
    ledgers
}

fn count((scheme, question, clip): (&str, &str, &ClipId), ledgers: &[&Ledger]) -> Vote {
    let answers = ledgers.iter().filter_map(|ledger| ledger.answer(clip, question));
    let labels: Vec<&str> = answers.filter(|value| !value.is_empty()).collect();
    let classes: BTreeSet<&str> = labels.iter().copied().collect();
    let votes_for = |class: &str| labels.iter().filter(|label| **label == class).count();
    let mut counts: Vec<(String, usize)> =
        classes.iter().map(|class| ((*class).to_owned(), votes_for(class))).collect();
    counts.sort_by(|(_, a), (_, b)| b.cmp(a));
    let label = match &counts[..] {
        [] => None,
        [(_, first), (_, second), ..] if first == second => None,
        [(class, _), ..] => Some(class.clone()),
    };
    let flags = ledgers.iter().filter(|ledger| ledger.flagged(clip)).count();
    let (scheme, question) = (scheme.to_owned(), question.to_owned());
    Vote { clip: clip.clone(), scheme, question, label, counts, raters: labels.len(), flags }
}

#[cfg(test)]
mod tests {
    use super::super::Act;
    use super::super::test_events::Events;
    use super::*;

    fn label(class: &str) -> Act {
        Act::label(class)
    }

    fn human(name: &str) -> Annotator {
        Annotator::Human(name.to_owned())
    }

    #[test]
    fn the_majority_of_current_labels_wins() {
        let mut events = Events::default();
        let first = events.by(human("anna"), "x.wav", label("fear"));
        let all = [
            first,
            events.by(human("anna"), "x.wav", label("anger")),
            events.by(human("ben"), "x.wav", label("anger")),
            events.by(human("cleo"), "x.wav", label("fear")),
            events.by(Annotator::Machine("cnn".to_owned()), "x.wav", label("fear")),
        ];
        let vote = &votes(&all, Voters::Humans)[0];
        assert_eq!((vote.label.as_deref(), vote.raters), (Some("anger"), 3));
        assert_eq!(vote.counts, [("anger".to_owned(), 2), ("fear".to_owned(), 1)]);
        assert!(vote.tied().is_empty());
        let vote = &votes(&all, Voters::Everyone)[0];
        assert_eq!((vote.label.as_deref(), vote.raters), (None, 4));
        assert_eq!(vote.tied(), [("anger".to_owned(), 2), ("fear".to_owned(), 2)]);
    }

    #[test]
    fn clips_without_a_label_have_a_row_without_winner() {
        let mut events = Events::default();
        let all = [events.say("b.wav", Act::Skip), events.say("a.wav", Act::Flag(true))];
        let votes = votes(&all, Voters::Humans);
        assert_eq!(votes.iter().map(|vote| vote.clip.0.as_str()).collect::<Vec<_>>(), ["a.wav", "b.wav"]);
        assert!(votes.iter().all(|vote| vote.label.is_none() && vote.raters == 0 && vote.tied().is_empty()));
        assert_eq!(votes.iter().map(|vote| vote.flags).collect::<Vec<_>>(), [1, 0]);
    }

    #[test]
    fn schemes_vote_apart_and_undone_labels_do_not_count() {
        let mut events = Events::default();
        let one = events.say("a.wav", label("fear"));
        let undo = events.say("a.wav", Act::Undo(one.id));
        let mut other = events.say("a.wav", label("low"));
        other.said.scheme.name = "arousal".to_owned();
        let votes = votes(&[one, undo, other], Voters::Humans);
        let seen: Vec<_> = votes.iter().map(|vote| (vote.scheme.as_str(), vote.label.as_deref())).collect();
        assert_eq!(seen, [("arousal", Some("low")), ("s", None)]);
    }
}
