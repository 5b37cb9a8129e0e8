//! A round: who rates which clips, how often, and how their work is watched. A lead plans it; raters' queues follow from it.
//!
//! Deliberately absent: the order itself (`queue.rs`), what raters' figures come to (`quality.rs`), and storage.

use std::collections::{BTreeMap, BTreeSet};

use super::Annotator;
use crate::corpus::ClipId;

/// Known answers: by clip, then by question.
pub type Known = BTreeMap<ClipId, BTreeMap<String, String>>;

/// What a lead plans for the raters of one corpus and scheme. Whoever works without one rates every clip, once.
#[derive(Debug, Clone, PartialEq, Default, serde::Serialize, serde::Deserialize)]
#[serde(default)]
pub struct Round {
    /// Who takes part; empty: anyone, and each hears all.
    pub raters: Vec<String>,
    /// How many of them hear each clip; 0: all.
    pub overlap: usize,
    /// Of order and assignment.
    pub seed: u64,
    /// The clips; empty: all of the corpus.
    pub clips: BTreeSet<ClipId>,
    /// Share of a rater's clips that come a second time, unsaid; 0..=0.5.
    pub repeats: f64,
    /// Known answers, hidden among the others and heard by every rater.
    pub gold: Known,
    /// Known answers for the training round, heard first, with feedback.
    pub training: Known,
    /// Clips a rater is asked to do in a session.
    pub goal: Option<usize>,
    /// Minutes of work after which a break is proposed.
    pub rest_minutes: Option<u32>,
    /// Whether raters see how steady and quick they are.
    pub show_quality: bool,
    /// Clips are pointed at while labelling goes on; `None` = the order by lot stays.
    pub ahead: Option<Ahead>,
}

/// Retraining in the background.
#[derive(Debug, Clone, PartialEq, Eq, serde::Serialize, serde::Deserialize)]
pub struct Ahead {
    /// New labels of one rater after which it begins anew.
    pub every: usize,
    /// Classifier that learns from the labels there are.
    pub model: String,
    /// Its feature set; `None` = the usual one.
    pub features: Option<String>,
    /// `uncertain`, `random` or `both`.
    pub way: String,
    /// Clips it points at.
    pub size: usize,
}

impl Round {
    /// Whether the plan can be carried out.
    ///
    /// # Errors
    /// In words: more raters asked for a clip than there are, a doubled name, a share beyond 0..=0.5.
    pub fn check(&self) -> Result<(), String> {
        let names: BTreeSet<&String> = self.raters.iter().collect();
        if names.len() < self.raters.len() {
            return Err("a rater is named twice".to_owned());
        }
        if self.overlap > self.raters.len() {
            return Err(format!("{} raters cannot hear each clip {} times", self.raters.len(), self.overlap));
        }
        match self.repeats {
            share if (0.0..=0.5).contains(&share) => Ok(()),
            share => Err(format!("a share of {share} repeats is not in 0 to 0.5")),
        }
    }

    /// Whether `rater` hears `clip` as part of the work. Raters are ranked by lot for each clip and the first `overlap` hear it
    /// (rendezvous hashing, Thaler and Ravishankar 1998): clips or raters that join later move no clip between the others, at the
    /// price of shares that are even only on average.
    pub fn assigns(&self, clip: &ClipId, rater: &Annotator) -> bool {
        if !self.clips.is_empty() && !self.clips.contains(clip) {
            return false;
        }
        if self.raters.is_empty() {
            return true;
        }
        let Some(place) = self.raters.iter().position(|name| rater.is_human() && name == rater.name()) else {
            return false;
        };
        if self.overlap == 0 || self.overlap >= self.raters.len() || self.gold.contains_key(clip) {
            return true;
        }
        let lots: Vec<[u8; 32]> = self.raters.iter().map(|name| lot(self.seed, &["assign", name, &clip.0])).collect();
        lots.iter().filter(|other| **other < lots[place]).count() < self.overlap
    }
}

/// A lot: a hash of seed and words, the same on every machine and in every version.
pub fn lot(seed: u64, words: &[&str]) -> [u8; 32] {
    let mut hash = blake3::Hasher::new();
    hash.update(&seed.to_le_bytes());
    for word in words {
        hash.update(&(word.len() as u64).to_le_bytes());
        hash.update(word.as_bytes());
    }
    *hash.finalize().as_bytes()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn clip(i: usize) -> ClipId {
        ClipId(format!("clip{i:03}.wav").into())
    }

    fn human(name: &str) -> Annotator {
        Annotator::Human(name.to_owned())
    }

    fn round(raters: &[&str], overlap: usize) -> Round {
        Round { raters: raters.iter().map(|name| (*name).to_owned()).collect(), overlap, ..Round::default() }
    }

    #[test]
    fn each_clip_has_as_many_raters_as_asked_and_loads_are_even() {
        let names = ["anna", "ben", "cleo", "dan"];
        let round = round(&names, 2);
        let loads = names.map(|name| (0..400).filter(|&i| round.assigns(&clip(i), &human(name))).count());
        assert_eq!(loads.iter().sum::<usize>(), 800);
        assert!(loads.iter().all(|load| (160..=240).contains(load)), "{loads:?}");
        assert!((0..400).all(|i| names.iter().filter(|name| round.assigns(&clip(i), &human(name))).count() == 2));
        assert!(
            !round.assigns(&clip(0), &human("eve")) && !round.assigns(&clip(0), &Annotator::Machine("anna".into()))
        );
    }

    #[test]
    fn who_joins_takes_clips_and_moves_none_between_the_others() {
        let (three, four) = (round(&["anna", "ben", "cleo"], 1), round(&["anna", "ben", "cleo", "dan"], 1));
        for i in 0..100 {
            for name in ["anna", "ben", "cleo"] {
                assert!(three.assigns(&clip(i), &human(name)) || !four.assigns(&clip(i), &human(name)));
            }
        }
    }

    #[test]
    fn gold_is_for_all_and_a_selection_for_nobody_else() {
        let mut one = round(&["anna", "ben"], 1);
        one.gold.insert(clip(0), BTreeMap::new());
        assert!(["anna", "ben"].iter().all(|name| one.assigns(&clip(0), &human(name))));
        one.clips.insert(clip(7));
        assert!(!one.assigns(&clip(1), &human("anna")) && !one.assigns(&clip(1), &human("ben")));
        assert!(Round::default().assigns(&clip(1), &human("anyone")));
    }

    #[test]
    fn plans_that_cannot_be_are_refused() {
        let refused = |round: Round| round.check().unwrap_err();
        assert_eq!(refused(round(&["anna", "anna"], 1)), "a rater is named twice");
        assert_eq!(refused(round(&["anna"], 2)), "1 raters cannot hear each clip 2 times");
        assert!(refused(Round { repeats: f64::NAN, ..Round::default() }).contains("NaN"));
        assert_eq!(round(&["anna", "ben"], 2).check(), Ok(()));
    }
}
