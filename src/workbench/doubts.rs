//! Labels that are probably wrong: what a classifier that had not learnt from the clip says against it, times how far people
//! doubted it; mixed with controls, so that whoever looks at them again cannot tell which is which.
//!
//! Both speak in odds, which multiply where evidence is independent: those against the label by its out-of-fold probability (as in
//! confident learning, Northcutt, Jiang and Chuang 2021), and those of the raters, with one imagined on each side. Plain probabilities
//! multiplied would let a single dissenter outweigh a classifier that is sure. Deliberately absent:
//! changing a label: a lead decides (`Occasion::Adjudication`), and [`outcome`] tells whether the finder was worth it.

use std::collections::{BTreeMap, HashMap, HashSet};

use anyhow::{Result, ensure};
use rand::SeedableRng;
use rand::seq::SliceRandom;
use rand_pcg::Pcg64;

use crate::corpus::ClipId;
use crate::label::Timestamp;
use crate::label::gold::{Decision, GoldSet, Origin};
use crate::store::{Batch, Proposed, Run};

/// Words of a batch for review.
pub const SUSPECT: &str = "suspect";
/// See [`SUSPECT`].
pub const CONTROL: &str = "control";

/// A clip whose label is doubted.
#[derive(Debug, Clone, PartialEq, serde::Serialize)]
pub struct Doubt {
    /// The clip.
    pub clip: ClipId,
    /// Its label.
    pub label: String,
    /// What the classifier would have said.
    pub instead: String,
    /// The classifier's probability of the label, 0..1.
    pub p: f64,
    /// Share of raters who said something else, with one imagined on each side; 0.5 where nobody rated.
    pub raters: f64,
    /// The odds of both against the label multiplied, as a probability, 0..1: the larger, the more doubted.
    pub score: f64,
}

/// Every clip of the run, the most doubted first. `gold` tells how far people agreed.
///
/// # Errors
/// A run in which speakers leak: its probabilities know the voices.
pub fn doubts(run: &Run, gold: Option<&GoldSet>) -> Result<Vec<Doubt>> {
    ensure!(!run.protocol.plan.speakers_leak, "speakers leak in that run: choose one that keeps them apart");
    let rated = gold.into_iter().flat_map(|set| &set.clips).filter_map(|one| match one.origin {
        Origin::Ratings { of, agree } => Some((&one.clip, (of, agree))),
        Origin::Decided { .. } => None,
    });
    let people: HashMap<&ClipId, (usize, usize)> = rated.collect();
    let classes = run.classes();
    let doubt = |one: &crate::store::Prediction| {
        let p = f64::from(one.p.get(one.truth).copied().unwrap_or_default()).clamp(0.0, 1.0);
        let (of, agree) = people.get(&one.clip).copied().unwrap_or_default();
        let raters = (of.saturating_sub(agree) as f64 + 1.0) / (of as f64 + 2.0);
        let likeliest = one.p.iter().enumerate().filter(|(class, _)| *class != one.truth);
        let instead = likeliest.max_by(|a, b| a.1.total_cmp(b.1)).map_or(one.truth, |(class, _)| class);
        let (label, instead) = (classes[one.truth].clone(), classes[instead].clone());
        Doubt { clip: one.clip.clone(), label, instead, p, raters, score: together(1.0 - p, raters) }
    };
    let mut all: Vec<Doubt> = run.predictions.iter().map(doubt).collect();
    all.sort_by(|a, b| b.score.total_cmp(&a.score).then_with(|| a.clip.cmp(&b.clip)));
    Ok(all)
}

/// Two probabilities of the same thing as one: their odds multiplied. Certainty counts as one in a billion short of it.
fn together(a: f64, b: f64) -> f64 {
    let odds = |p: f64| p.clamp(1e-9, 1.0 - 1e-9) / (1.0 - p.clamp(1e-9, 1.0 - 1e-9));
    let both = odds(a) * odds(b);
    both / (1.0 + both)
}

/// The `most` doubted clips and, for each, a control with the same label drawn by lot from the rest, in an order that tells nothing.
/// What `decided` has a decision already is left out.
pub fn review(all: &[Doubt], (most, seed): (usize, u64), decided: &BTreeMap<ClipId, Decision>, by: String) -> Batch {
    let open: Vec<&Doubt> = all.iter().filter(|one| !decided.contains_key(&one.clip)).collect();
    let (suspects, rest) = open.split_at(most.min(open.len()));
    let mut random = Pcg64::seed_from_u64(seed);
    let mut rest = rest.to_vec();
    rest.shuffle(&mut random);
    let mut taken: HashSet<&ClipId> = HashSet::new();
    let mut clips: Vec<(&ClipId, &str)> = suspects.iter().map(|one| (&one.clip, SUSPECT)).collect();
    for suspect in suspects {
        let control = rest.iter().find(|one| one.label == suspect.label && !taken.contains(&one.clip));
        let control = control.or_else(|| rest.iter().find(|one| !taken.contains(&one.clip)));
        if let Some(control) = control {
            taken.insert(&control.clip);
            clips.push((&control.clip, CONTROL));
        }
    }
    clips.shuffle(&mut random);
    let clips = clips.into_iter().map(|(clip, method)| Proposed { clip: clip.clone(), method: method.to_owned() });
    Batch { clips: clips.collect(), by, labelled: all.len(), at: Timestamp::now() }
}

/// What came of a review.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, serde::Serialize)]
pub struct Outcome {
    /// Clips looked at again, and of these such whose label was changed or withdrawn.
    pub suspects: [usize; 2],
    /// The same of controls.
    pub controls: [usize; 2],
}

/// How many suspects and controls of `review` got another label than `labels` says; by the decisions there are.
pub fn outcome(review: &Batch, labels: &BTreeMap<ClipId, String>, decided: &BTreeMap<ClipId, Decision>) -> Outcome {
    let mut outcome = Outcome::default();
    for one in &review.clips {
        let (Some(label), Some(decision)) = (labels.get(&one.clip), decided.get(&one.clip)) else { continue };
        let side = if one.method == SUSPECT { &mut outcome.suspects } else { &mut outcome.controls };
        side[0] += 1;
        side[1] += usize::from(decision.value != *label);
    }
    outcome
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use super::*;
    use crate::store::run::tests::run;

    fn doubt(clip: usize, label: &str, score: f64) -> Doubt {
        let clip = ClipId(format!("{clip:02}.wav").into());
        Doubt { clip, label: label.to_owned(), instead: "x".to_owned(), p: 1.0 - score, raters: 1.0, score }
    }

    #[test]
    fn what_the_classifier_speaks_against_comes_first_and_leaky_runs_do_not_count() {
        let mut run = run("/c");
        for (at, one) in run.predictions.iter_mut().enumerate() {
            let sure = 1.0 - at as f32 / 10.0;
            one.p = vec![(1.0 - sure) / (one.p.len() - 1) as f32; one.p.len()];
            one.p[one.truth] = sure;
        }
        let all = doubts(&run, None).unwrap();
        let last = run.predictions.last().unwrap();
        assert_eq!((&all[0].clip, all.len()), (&last.clip, run.predictions.len()));
        assert!(all[0].label != all[0].instead && (all[0].raters - 0.5).abs() < 1e-12);
        run.protocol.plan.speakers_leak = true;
        assert!(doubts(&run, None).unwrap_err().to_string().contains("speakers leak"));
    }

    #[test]
    fn a_sure_classifier_outweighs_one_dissenter_and_even_odds_say_nothing() {
        assert!((together(0.9, 0.5) - 0.9).abs() < 1e-12 && (together(0.5, 0.2) - 0.2).abs() < 1e-12);
        assert!(together(0.99, 0.2) > together(0.9, 0.4));
        assert!(together(1.0, 0.4) <= 1.0 && together(0.0, 1.0).is_finite());
    }

    #[test]
    fn each_suspect_has_a_control_of_its_label_and_the_order_tells_nothing() {
        let label = |clip: usize| if clip.is_multiple_of(2) { "fear" } else { "anger" };
        let all: Vec<Doubt> = (0..40).map(|clip| doubt(clip, label(clip), 1.0 - clip as f64 / 40.0)).collect();
        let batch = review(&all, (6, 2), &BTreeMap::new(), String::new());
        assert_eq!((batch.clips.len(), batch.is_review()), (12, true));
        let of = |method: &str| {
            batch.clips.iter().filter(|one| one.method == method).map(|one| &one.clip).collect::<Vec<_>>()
        };
        let fear = |clips: &[&ClipId]| clips.iter().filter(|id| id.0[..2].parse::<usize>().unwrap() % 2 == 0).count();
        assert_eq!((fear(&of(SUSPECT)), fear(&of(CONTROL))), (3, 3));
        assert!(of(SUSPECT).iter().all(|id| id.0.as_str() < "06.wav"));
        assert!(batch.clips[..6].iter().any(|one| one.method == CONTROL));
    }

    #[test]
    fn an_outcome_counts_what_was_decided() {
        let all: Vec<Doubt> = (0..8).map(|clip| doubt(clip, "fear", 1.0 - clip as f64 / 8.0)).collect();
        let decision = |value: &str| Decision { value: value.to_owned(), by: "lea".to_owned(), at: Timestamp::now() };
        let mut decided = BTreeMap::new();
        let batch = review(&all, (3, 1), &decided, String::new());
        let labels: BTreeMap<ClipId, String> = all.iter().map(|one| (one.clip.clone(), one.label.clone())).collect();
        assert_eq!(outcome(&batch, &labels, &decided), Outcome::default());
        for one in &batch.clips {
            let value = if one.clip.0 == "00.wav" { "anger" } else { "fear" };
            decided.insert(one.clip.clone(), decision(value));
        }
        assert_eq!(outcome(&batch, &labels, &decided), Outcome { suspects: [3, 1], controls: [3, 0] });
        assert!(review(&all, (3, 1), &decided, String::new()).clips.len() <= 2);
    }
}
