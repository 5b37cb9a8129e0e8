//! What people (and machines) say about clips: schemes, annotators, annotations, queue, votes, ratings, gold labels.
//!
//! An [`Annotation`] is an event and is never changed; [`Ledger`] folds one annotator's events into what now holds.
//! Deliberately absent: storage (see `store`), the keys of the screen, agreement coefficients (see `score::agreement`).

mod annotation;
pub mod exchange;
pub mod gold;
mod ledger;
mod quality;
mod question;
mod queue;
mod ratings;
mod round;
mod scheme;
#[cfg(test)]
mod test_events;
mod vote;

pub use annotation::{
    Act, Annotation, AnnotationId, Annotator, Exposure, Listening, NewAnnotation, Occasion, SchemeId, Timestamp,
};
pub use exchange::{ExportError, Exported, Format, Row, export};
pub use ledger::{At, Ledger};
pub use quality::{OfQuestion, Quality, Share, Streak, Third, is_hit, quality};
pub use question::{Answers, Class, Question, SEVERAL, Scale};
pub use queue::{Progress, Queue, Turn};
pub use ratings::{Asked, Ratings, RatingsError, Said};
pub use round::{Ahead, Known, Round, lot};
pub use scheme::{BUILT_IN, Scheme, SchemeError};
pub use vote::{Vote, Voters, votes};
