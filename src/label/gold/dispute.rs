//! Disputed clips, those first whose decision is worth most; people stand behind letters.
//!
//! Worth is the chance that a decision differs from the label the clip would have without it: the expected gain in right labels, its
//! value of information (Howard 1966; Sheng, Provost & Ipeirotis, KDD 2008, ask again where labels are least sure). For classes it
//! is 1 - max p, where p is the mean of the shares of votes and the Dawid-Skene posterior, which alone is too sure of itself on few
//! ratings. On a scale it is the standard error of the clip's mean as a share of the scale. Deliberately absent: names.

use std::collections::BTreeMap;

use super::super::{Ratings, Said, lot};
use super::decision::Decision;
use super::{How, dawid_skene, shares};
use crate::corpus::ClipId;
use crate::score::agreement::Level;

/// A clip on which people differ.
#[derive(Debug, Clone, PartialEq)]
pub struct Dispute {
    /// The clip.
    pub clip: ClipId,
    /// What a decision is worth, 0..1.
    pub worth: f64,
    /// What people said, each behind a letter that means nothing beyond this clip; places in [`Ratings::labels`].
    pub said: Vec<(char, usize)>,
}

/// Clips that two or more judged and that are neither agreed on nor decided, the worthiest first. `seed` deals the letters.
#[must_use]
pub fn disputes(ratings: &Ratings, decided: &BTreeMap<ClipId, Decision>, seed: u64) -> Vec<Dispute> {
    let worth = match ratings.level {
        Level::Nominal => doubts(ratings),
        Level::Scale => ratings.said.iter().map(|row| error_of_mean(ratings, row)).collect(),
    };
    let open = |clip: &usize| {
        let codes = &ratings.said[*clip];
        let differ = codes.windows(2).any(|two| two[0].code != two[1].code);
        differ && !decided.contains_key(&ratings.clips[*clip])
    };
    let dispute = |clip: usize| Dispute {
        clip: ratings.clips[clip].clone(),
        worth: worth[clip],
        said: behind_letters(ratings, clip, seed),
    };
    let mut open: Vec<Dispute> = (0..ratings.clips.len()).filter(open).map(dispute).collect();
    open.sort_by(|a, b| b.worth.total_cmp(&a.worth).then_with(|| a.clip.cmp(&b.clip)));
    open
}

/// A clip as a dispute, whether or not people differ on it: for a review of labels that a classifier doubts. Worth 0; `None` where
/// nobody judged it.
#[must_use]
pub fn case(ratings: &Ratings, clip: &ClipId, seed: u64) -> Option<Dispute> {
    let place = ratings.clips.binary_search(clip).ok()?;
    Some(Dispute { clip: clip.clone(), worth: 0.0, said: behind_letters(ratings, place, seed) })
}

/// 1 - max p of each clip.
fn doubts(ratings: &Ratings) -> Vec<f64> {
    let learnt = dawid_skene::dawid_skene(ratings, &How::plain(&super::METHODS[0])).distributions;
    let doubt = |(votes, learnt): (&Vec<f64>, &Vec<f64>)| {
        1.0 - votes.iter().zip(learnt).map(|(vote, learnt)| (vote + learnt) / 2.0).fold(0.0, f64::max)
    };
    shares(ratings).iter().zip(&learnt).map(doubt).collect()
}

fn error_of_mean(ratings: &Ratings, row: &[Said]) -> f64 {
    let n = row.len() as f64;
    let range = ratings.values.last().zip(ratings.values.first()).map_or(0.0, |(high, low)| high - low);
    if row.len() < 2 || range <= 0.0 {
        return 0.0;
    }
    let value = |one: &Said| ratings.values[one.code];
    let mean = row.iter().map(value).sum::<f64>() / n;
    let variance = row.iter().map(|one| (value(one) - mean).powi(2)).sum::<f64>() / (n - 1.0);
    (variance / n).sqrt() / range
}

/// Letters go by lot, clip by clip, so that nobody is known by theirs.
fn behind_letters(ratings: &Ratings, clip: usize, seed: u64) -> Vec<(char, usize)> {
    let lot = |one: &Said| lot(seed, &["letter", &ratings.clips[clip].0, &ratings.raters[one.rater]]);
    let mut dealt: Vec<&Said> = ratings.said[clip].iter().collect();
    dealt.sort_by_cached_key(|one| lot(one));
    // Beyond 26 people on one clip letters come again; what they said is what counts.
    dealt.into_iter().zip(('A'..='Z').cycle()).map(|(one, letter)| (letter, one.code)).collect()
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use super::super::super::test_events::Events;
    use super::super::super::{Act, Annotation, Annotator, Asked};
    use super::*;

    fn ratings(rows: &[(&str, &str)]) -> Ratings {
        let mut events = Events::default();
        let mut all: Vec<Annotation> = Vec::new();
        for (clip, answers) in rows {
            for (who, answer) in ["anna", "ben", "cleo", "dan"].iter().zip(answers.chars()) {
                all.push(events.by(Annotator::Human((*who).to_owned()), clip, Act::label(answer.to_string())));
            }
        }
        Ratings::of(&all, &Asked { scheme: "s", ..Asked::default() }).unwrap()
    }

    #[test]
    fn the_least_sure_clip_comes_first_and_agreed_ones_never() {
        let all = ratings(&[("agreed", "xxxx"), ("odd", "xxxy"), ("even", "xxyy"), ("wild", "xyzw"), ("lone", "x")]);
        let open = disputes(&all, &BTreeMap::new(), 0);
        let names: Vec<&str> = open.iter().map(|one| one.clip.0.as_str()).collect();
        assert_eq!((names.len(), names[2]), (3, "odd"), "{open:?}");
        assert!(open.windows(2).all(|two| two[0].worth >= two[1].worth) && open[0].worth > open[2].worth);
        let decision = Decision { value: "x".to_owned(), by: "lead".to_owned(), at: super::super::Timestamp::now() };
        let decided = BTreeMap::from([(ClipId("even".into()), decision)]);
        assert_eq!(disputes(&all, &decided, 0).len(), 2);
    }

    #[test]
    fn a_scale_goes_by_the_error_of_the_mean() {
        let open = disputes(&ratings(&[("near", "4445"), ("far", "1199"), ("same", "5555")]), &BTreeMap::new(), 0);
        let found: Vec<(&str, f64)> = open.iter().map(|one| (one.clip.0.as_str(), one.worth)).collect();
        assert_eq!((found[0].0, found[1].0, found.len()), ("far", "near", 2));
        // Deviations 4: variance 64 / 3, over 4 people, of a range of 8.
        assert!((found[0].1 - (64.0_f64 / 12.0).sqrt() / 8.0).abs() < 1e-12);
    }

    #[test]
    fn letters_hide_who_said_what() {
        let clips: Vec<String> = (0..20).map(|at| format!("clip{at}")).collect();
        let rows: Vec<(&str, &str)> = clips.iter().map(|clip| (clip.as_str(), "xyzw")).collect();
        let (all, other) =
            (disputes(&ratings(&rows), &BTreeMap::new(), 1), disputes(&ratings(&rows), &BTreeMap::new(), 2));
        let first = |dispute: &Dispute| dispute.said.iter().find(|(letter, _)| *letter == 'A').unwrap().1;
        let mut anna: Vec<usize> = all.iter().map(first).collect();
        assert_ne!(anna, other.iter().map(first).collect::<Vec<_>>(), "dealt by the seed");
        anna.sort_unstable();
        anna.dedup();
        assert_eq!(anna.len(), 4, "A is somebody else each time");
    }
}
