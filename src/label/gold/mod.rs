//! Gold: one answer per clip out of several people's, how sure it is, and how it came to be.
//!
//! A new method is one file and one row of [`METHODS`]. What a lead decided (`Occasion::Adjudication`) wins over every method.
//! Deliberately absent: what machines say, and learning from labels (the workbench does).

mod dawid_skene;
mod decision;
mod dispute;
mod ewe;
#[cfg(test)]
mod golden;
mod mace;
mod majority;

use std::collections::BTreeMap;

use super::{Annotation, Asked, Ratings, RatingsError, Timestamp};
use crate::corpus::ClipId;
use crate::score::agreement::Level;

pub use decision::{Decision, decisions};
pub use dispute::{Dispute, case, disputes};

/// A row of [`METHODS`].
#[derive(Debug, Clone, Copy)]
pub struct Method {
    /// Short name, as on the command line.
    pub name: &'static str,
    /// One line for help and the catalogue, with the source.
    pub about: &'static str,
    /// `None`: for categories and scales alike.
    pub level: Option<Level>,
    of: fn(&Ratings, &How) -> Opinion,
}

/// All methods, the plainest first.
pub static METHODS: &[Method] = &[
    Method {
        name: "majority",
        about: "the answer most people gave; ties by the tie rule",
        level: None,
        of: majority::majority,
    },
    Method {
        name: "soft",
        about: "the shares of the answers, smoothed; its label is the likeliest",
        level: None,
        of: majority::soft,
    },
    Method {
        name: "ds",
        about: "Dawid-Skene (1979): EM over true classes and each person's confusions",
        level: Some(Level::Nominal),
        of: dawid_skene::dawid_skene,
    },
    Method {
        name: "mace",
        about: "MACE (Hovy et al. 2013): who knows and who guesses, by variational Bayes",
        level: Some(Level::Nominal),
        of: mace::mace,
    },
    Method { name: "mean", about: "the mean of the ratings", level: Some(Level::Scale), of: ewe::mean },
    Method {
        name: "ewe",
        about: "evaluator weighted estimator (Grimm & Kroschel 2005): mean, each person weighted by correlation with the others",
        level: Some(Level::Scale),
        of: ewe::ewe,
    },
];

/// What becomes of a clip on which as many people say one thing as another.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Tie {
    /// It has no label.
    #[default]
    Open,
    /// The answer with more confidence in sum; else open.
    Confidence,
    /// The one that stands first in the scheme; on a scale the lower.
    First,
}

/// How gold labels are made.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct How {
    /// The method.
    pub method: &'static Method,
    /// For `majority`.
    pub tie: Tie,
    /// For `soft`: added to the count of every answer (Lidstone; 1 is Laplace).
    pub smoothing: f64,
    /// For `mace`, which begins at random.
    pub seed: u64,
}

/// The gold labels of one question.
#[derive(Debug, Clone, PartialEq)]
pub struct GoldSet {
    /// Name of the scheme.
    pub scheme: String,
    /// Name of the question; empty where the scheme has only one.
    pub question: String,
    /// Categories or a scale.
    pub level: Level,
    /// What the places of a distribution stand for.
    pub labels: Vec<String>,
    /// How they were made.
    pub how: How,
    /// By clip.
    pub clips: Vec<Gold>,
    /// Each person and how far the method trusts them: accuracy (ds), chance of knowing (mace), correlation with the others (ewe).
    pub raters: Vec<(String, Option<f64>)>,
}

/// The gold label of one clip.
#[derive(Debug, Clone, PartialEq)]
pub struct Gold {
    /// The clip.
    pub clip: ClipId,
    /// A class, a number; `None` where it stays open, or was decided to be unfit.
    pub value: Option<String>,
    /// Probability of each of [`GoldSet::labels`]; empty where nothing is known.
    pub distribution: Vec<f64>,
    /// How it came to be.
    pub origin: Origin,
}

/// How a gold label came to be.
#[derive(Debug, Clone, PartialEq)]
pub enum Origin {
    /// By the method, from so many ratings, of which so many say the same as the label.
    Ratings {
        /// People who judged the clip.
        of: usize,
        /// Those who said the label (on a scale: the step nearest to it).
        agree: usize,
    },
    /// Somebody decided.
    Decided {
        /// Who.
        by: String,
        /// When.
        at: Timestamp,
        /// People who had judged the clip.
        of: usize,
    },
}

/// What a method makes of ratings; everything by place in [`Ratings::clips`] or [`Ratings::raters`].
struct Opinion {
    values: Vec<Option<String>>,
    distributions: Vec<Vec<f64>>,
    raters: Vec<Option<f64>>,
}

impl PartialEq for Method {
    fn eq(&self, other: &Method) -> bool {
        self.name == other.name
    }
}

impl std::fmt::Debug for Opinion {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Opinion").field("values", &self.values).finish_non_exhaustive()
    }
}

impl How {
    /// That method, ties open, no smoothing, seed 0.
    #[must_use]
    pub fn plain(method: &'static Method) -> How {
        How { method, tie: Tie::Open, smoothing: 0.0, seed: 0 }
    }
}

impl Tie {
    /// All of them, by the word on the command line.
    pub const ALL: [(&'static str, Tie); 3] =
        [("open", Tie::Open), ("confidence", Tie::Confidence), ("first", Tie::First)];
}

/// The method of that name.
#[must_use]
pub fn method(name: &str) -> Option<&'static Method> {
    METHODS.iter().find(|method| method.name == name)
}

/// Why there are no gold labels.
#[derive(Debug, Clone, PartialEq, thiserror::Error)]
pub enum GoldError {
    /// There are no ratings to make them of.
    #[error(transparent)]
    Ratings(#[from] RatingsError),
    /// Categories where it takes a scale, or the other way round.
    #[error("`{method}` is for {needs}; see `majority`")]
    Level {
        /// The method.
        method: &'static str,
        /// What it is for.
        needs: &'static str,
    },
}

/// The gold label of every clip that anybody rated or decided, by clip; `annotations` in order of id.
///
/// # Errors
/// No ratings (see [`Ratings::of`]), or a method that does not fit the question.
pub fn labels(annotations: &[Annotation], asked: &Asked<'_>, how: How) -> Result<GoldSet, GoldError> {
    let ratings = Ratings::of(annotations, asked)?;
    of(&ratings, &decisions(annotations, asked.scheme, asked.question), how)
}

/// The same from ratings at hand.
///
/// # Errors
/// A method that does not fit the question.
pub fn of(ratings: &Ratings, decided: &BTreeMap<ClipId, Decision>, how: How) -> Result<GoldSet, GoldError> {
    if let Some(level) = how.method.level.filter(|level| *level != ratings.level) {
        let needs = if level == Level::Nominal { "classes" } else { "scales" };
        return Err(GoldError::Level { method: how.method.name, needs });
    }
    let Opinion { values, distributions, raters } = (how.method.of)(ratings, &how);
    let mut clips: BTreeMap<ClipId, Gold> = BTreeMap::new();
    for (at, (value, distribution)) in values.into_iter().zip(distributions).enumerate() {
        let agree = value.as_deref().map_or(0, |value| supporters(ratings, at, value));
        let origin = Origin::Ratings { of: ratings.said[at].len(), agree };
        let clip = ratings.clips[at].clone();
        clips.insert(clip.clone(), Gold { clip, value, distribution, origin });
    }
    for (clip, decision) in decided {
        let of = clips.get(clip).map_or(0, |gold| match gold.origin {
            Origin::Ratings { of, .. } | Origin::Decided { of, .. } => of,
        });
        clips.insert(clip.clone(), decision.gold(clip, &ratings.labels, of));
    }
    Ok(GoldSet {
        scheme: ratings.scheme.clone(),
        question: ratings.question.clone(),
        level: ratings.level,
        labels: ratings.labels.clone(),
        how,
        clips: clips.into_values().collect(),
        raters: ratings.raters.iter().cloned().zip(raters).collect(),
    })
}

/// People who said the value; on a scale, the step nearest to it.
fn supporters(ratings: &Ratings, clip: usize, value: &str) -> usize {
    let code = match value.parse::<f64>() {
        Ok(number) if ratings.level == Level::Scale => {
            let off = |value: &f64| (value - number).abs();
            ratings.values.iter().enumerate().min_by(|a, b| off(a.1).total_cmp(&off(b.1))).map(|(code, _)| code)
        }
        _ => ratings.labels.iter().position(|label| label == value),
    };
    ratings.said[clip].iter().filter(|one| Some(one.code) == code).count()
}

/// Of each clip the share of each answer; all 0 where nobody judged.
fn shares(ratings: &Ratings) -> Vec<Vec<f64>> {
    let of = |row: &Vec<super::Said>| {
        let mut shares = vec![0.0; ratings.labels.len()];
        row.iter().for_each(|one| shares[one.code] += 1.0);
        shares.iter_mut().for_each(|share| *share /= row.len().max(1) as f64);
        shares
    };
    ratings.said.iter().map(of).collect()
}

/// The place of the largest; the first of several.
fn likeliest(shares: &[f64]) -> Option<usize> {
    let best = shares.iter().copied().fold(0.0, f64::max);
    shares.iter().position(|share| *share == best).filter(|_| best > 0.0)
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use super::super::test_events::Events;
    use super::super::{Act, Annotator, Occasion};
    use super::*;

    /// Three people on four clips: agreed, two against one, a tie with one who cannot judge, alone.
    fn said(events: &mut Events) -> Vec<Annotation> {
        let rows = [("a", "xxx"), ("b", "xxy"), ("c", "xy-"), ("d", "y")];
        let mut all = Vec::new();
        for (clip, answers) in rows {
            for (who, answer) in ["anna", "ben", "cleo"].iter().zip(answers.chars()) {
                let value = if answer == '-' { String::new() } else { answer.to_string() };
                all.push(events.by(Annotator::Human((*who).to_owned()), clip, Act::label(value)));
            }
        }
        all
    }

    fn asked() -> Asked<'static> {
        Asked { scheme: "s", ..Asked::default() }
    }

    fn values(set: &GoldSet) -> Vec<(&str, Option<&str>)> {
        set.clips.iter().map(|gold| (gold.clip.0.as_str(), gold.value.as_deref())).collect()
    }

    #[test]
    fn every_method_for_classes_agrees_where_people_do() {
        let mut events = Events::default();
        let all = said(&mut events);
        for method in METHODS.iter().filter(|method| method.level != Some(Level::Scale)) {
            let set = labels(&all, &asked(), How::plain(method)).unwrap();
            assert_eq!(values(&set)[0], ("a", Some("x")), "{}", method.name);
            assert_eq!(values(&set)[1], ("b", Some("x")), "{}", method.name);
            assert_eq!(set.clips[1].origin, Origin::Ratings { of: 3, agree: 2 });
            for gold in &set.clips {
                let sum: f64 = gold.distribution.iter().sum();
                assert!((sum - 1.0).abs() < 1e-9, "{}: {:?}", method.name, gold.distribution);
            }
        }
        let refused = labels(&all, &asked(), How::plain(method("ewe").unwrap())).unwrap_err();
        assert_eq!(refused.to_string(), "`ewe` is for scales; see `majority`");
        assert_eq!(method("no such"), None);
    }

    #[test]
    fn a_decision_wins_and_tells_who_and_when() {
        let mut events = Events::default();
        let mut all = said(&mut events);
        let mut decide = |clip: &str, value: &str| {
            let mut one = events.by(Annotator::Human("lead".to_owned()), clip, Act::label(value));
            one.said.occasion = Occasion::Adjudication;
            one
        };
        let (c, b, new) = (decide("c", "y"), decide("b", ""), decide("e", "z"));
        let at = c.at;
        all.extend([c, b, new]);
        let set = labels(&all, &asked(), How::plain(&METHODS[0])).unwrap();
        assert_eq!(values(&set), [("a", Some("x")), ("b", None), ("c", Some("y")), ("d", Some("y")), ("e", Some("z"))]);
        assert_eq!(set.clips[2].origin, Origin::Decided { by: "lead".to_owned(), at, of: 2 });
        assert_eq!(set.clips[2].distribution, [0.0, 1.0]);
        assert!(set.clips[1].distribution.is_empty(), "decided that nobody can tell");
        assert_eq!(set.raters.len(), 3, "the lead is no rater");
    }

    #[test]
    fn nobody_said_anything() {
        for method in METHODS.iter().filter(|method| method.level != Some(Level::Scale)) {
            let set = labels(&[], &asked(), How::plain(method)).unwrap();
            assert!(set.clips.is_empty() && set.raters.is_empty(), "{}", method.name);
        }
    }
}
