//! Why a plan makes no splits, in words for the user.
//!
//! Deliberately absent: leaks (a plan that leaks makes splits; see `guard`).

use super::Plan;

/// Why there are no splits.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum PlanError {
    /// A word that names no plan.
    #[error("no plan `{0}`; there are {words} (K, L = number of folds, at least 2)", words = Plan::WORDS)]
    Unknown(String),
    /// No rows at all.
    #[error("there are no clips to split")]
    NoRows,
    /// Fewer than two folds.
    #[error("the plan `{0}` has fewer than 2 folds")]
    TooFewFolds(Plan),
    /// Speakers must be kept apart and there is only one.
    #[error("the plan `{0}` needs at least 2 speakers and there is one; random:K works, but judges on the same voice")]
    OneSpeaker(Plan),
    /// More folds than speakers.
    #[error("the plan `{plan}` has more folds than there are speakers ({speakers})")]
    TooFewSpeakers {
        /// The plan.
        plan: Plan,
        /// Speakers there are.
        speakers: usize,
    },
    /// More folds than sentences.
    #[error("the plan `{plan}` needs more sentences than there are ({sentences})")]
    TooFewSentences {
        /// The plan.
        plan: Plan,
        /// Sentences there are.
        sentences: usize,
    },
    /// More folds than rows.
    #[error("the plan `{plan}` has more folds than there are clips ({rows})")]
    TooFewRows {
        /// The plan.
        plan: Plan,
        /// Rows there are.
        rows: usize,
    },
    /// Speakers must be kept apart and some are unknown.
    #[error(
        "{lacking} of {clips} clips have no known speaker, so speakers cannot be kept apart: name them (corpora/README.md), or take the \
         plan random:5, whose score speakers flatter"
    )]
    UnknownSpeakers {
        /// Clips without a speaker.
        lacking: usize,
        /// All clips.
        clips: usize,
    },
    /// Sentences must be kept apart and some are unknown.
    #[error("{lacking} of {clips} clips have no known sentence (text), so sentences cannot be kept apart")]
    UnknownSentences {
        /// Clips without a sentence.
        lacking: usize,
        /// All clips.
        clips: usize,
    },
    /// A fold would be learnt from fewer than two classes.
    #[error("testing on {fold} leaves fewer than 2 classes to learn from")]
    FewClasses {
        /// Name of the fold.
        fold: String,
        /// The groups it would test and not learn from.
        held_out: Vec<usize>,
    },
    /// The corpus has no such column.
    #[error("no column `{column}` to split by; {}", known(.there))]
    NoColumn {
        /// As asked for.
        column: String,
        /// Columns there are.
        there: Vec<String>,
    },
    /// A column or file that makes no folds.
    #[error("{place}: {reason}")]
    Odd {
        /// The column or the file.
        place: String,
        /// What is wrong, in words for the user.
        reason: String,
    },
}

impl PlanError {
    /// Of a file or a column.
    pub(super) fn odd(place: impl Into<String>, reason: impl Into<String>) -> PlanError {
        PlanError::Odd { place: place.into(), reason: reason.into() }
    }
}

fn known(there: &[String]) -> String {
    match there {
        [] => "nothing is known of the clips beyond speaker, label and text".to_owned(),
        some => format!("there are {}", some.join(", ")),
    }
}
