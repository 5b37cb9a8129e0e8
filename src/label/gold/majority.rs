//! The answer most people gave, and the shares of all answers.
//!
//! Everyone counts alike. Deliberately absent: weighing people (see `dawid_skene`, `mace`, `ewe`).

use super::super::Ratings;
use super::{How, Opinion, Tie, likeliest, shares};

/// The largest share; ties by [`How::tie`].
pub(super) fn majority(ratings: &Ratings, how: &How) -> Opinion {
    let distributions = shares(ratings);
    let of = |clip: usize| winner(ratings, clip, &distributions[clip], how.tie);
    let values = (0..distributions.len()).map(|clip| of(clip).map(|code| ratings.labels[code].clone())).collect();
    Opinion { values, distributions, raters: vec![None; ratings.raters.len()] }
}

/// Shares with [`How::smoothing`] added to every count: (n + s) / (N + s K).
pub(super) fn soft(ratings: &Ratings, how: &How) -> Opinion {
    let mut distributions = shares(ratings);
    let classes = ratings.labels.len() as f64;
    for (shares, row) in distributions.iter_mut().zip(&ratings.said) {
        let (people, smoothing) = (row.len() as f64, how.smoothing);
        if people + smoothing > 0.0 {
            shares.iter_mut().for_each(|share| *share = (*share * people + smoothing) / (people + smoothing * classes));
        }
    }
    let judged = |(shares, row): (&Vec<f64>, &Vec<_>)| likeliest(shares).filter(|_| !row.is_empty());
    let codes = distributions.iter().zip(&ratings.said).map(judged);
    let values = codes.map(|code| code.map(|code| ratings.labels[code].clone())).collect();
    Opinion { values, distributions, raters: vec![None; ratings.raters.len()] }
}

fn winner(ratings: &Ratings, clip: usize, shares: &[f64], tie: Tie) -> Option<usize> {
    let first = likeliest(shares)?;
    let tied: Vec<usize> = (first..shares.len()).filter(|&code| shares[code] == shares[first]).collect();
    match (tied.len(), tie) {
        (1, _) | (_, Tie::First) => Some(first),
        (_, Tie::Open) => None,
        (_, Tie::Confidence) => {
            let sure = |code: usize| -> f64 {
                let said = ratings.said[clip].iter().filter(|one| one.code == code);
                said.filter_map(|one| one.confidence).sum()
            };
            let best = tied.iter().map(|&code| sure(code)).fold(0.0, f64::max);
            let mut surest = tied.into_iter().filter(|&code| sure(code) == best);
            surest.next().filter(|_| surest.next().is_none())
        }
    }
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use super::super::super::test_events::Events;
    use super::super::super::{Act, Annotator, Asked};
    use super::super::{METHODS, labels, method};
    use super::*;

    #[test]
    fn ties_are_broken_as_asked() {
        let mut events = Events::default();
        let mut by = |who: &str, value: &str, confidence: f64| {
            let mut one = events.by(Annotator::Human(who.to_owned()), "a", Act::label(value));
            one.said.confidence = Some(confidence);
            one
        };
        let all = [by("anna", "x", 0.2), by("ben", "y", 0.9)];
        let found = |all: &[_], tie| {
            let how = How { tie, ..How::plain(&METHODS[0]) };
            labels(all, &Asked { scheme: "s", ..Asked::default() }, how).unwrap().clips[0].value.clone()
        };
        assert_eq!(found(&all, Tie::Open), None);
        assert_eq!(found(&all, Tie::First).as_deref(), Some("x"));
        assert_eq!(found(&all, Tie::Confidence).as_deref(), Some("y"));
        let even = [by("anna", "x", 0.5), by("ben", "y", 0.5)];
        assert_eq!(found(&even, Tie::Confidence), None);
    }

    #[test]
    fn smoothing_leaves_no_class_at_zero() {
        let mut events = Events::default();
        let who = |name: &str| Annotator::Human(name.to_owned());
        let all = [
            events.by(who("anna"), "a", Act::label("x")),
            events.by(who("ben"), "a", Act::label("x")),
            events.by(who("anna"), "b", Act::label("y")),
        ];
        let how = How { smoothing: 1.0, ..How::plain(method("soft").unwrap()) };
        let set = labels(&all, &Asked { scheme: "s", ..Asked::default() }, how).unwrap();
        assert_eq!(set.clips[0].distribution, [0.75, 0.25]);
        assert_eq!(set.clips[0].value.as_deref(), Some("x"));
    }
}
