//! eGeMAPSv02 (Eyben et al., "The Geneva Minimalistic Acoustic Parameter Set", 2016), written from the paper.
//!
//! Deliberately absent: tracks of other sets; frames here start at their left edge, as the paper's tool has them.

mod formants;
mod frames;
mod lpc;

pub use formants::{Formants, formants};
