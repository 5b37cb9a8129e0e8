//! An answer as a JSON object, for formats that have a place for objects of one's own.
//!
//! Deliberately absent: what is no answer (notes, skips, undo).

use serde::{Deserialize, Serialize};

use super::sheet::lead_time;
use super::{Item, Rater, Said};
use crate::label::{Act, Timestamp};

/// One rater's answer. Every field is always written, so that tables of such objects have the same columns in every row.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub(super) struct Opinion {
    /// [`Rater`] as text.
    #[serde(default)]
    pub(super) rater: Option<String>,
    /// `name@version`.
    #[serde(default)]
    pub(super) scheme: Option<String>,
    #[serde(default)]
    pub(super) question: String,
    pub(super) value: String,
    #[serde(default)]
    pub(super) confidence: Option<f64>,
    /// RFC 3339.
    #[serde(default)]
    pub(super) at: Option<Timestamp>,
    /// On the clip.
    #[serde(default)]
    pub(super) seconds: Option<f64>,
    /// In seconds, where only a part of the file is meant.
    #[serde(default)]
    pub(super) start: Option<f64>,
    #[serde(default)]
    pub(super) end: Option<f64>,
}

impl Opinion {
    /// `None` for what is no answer.
    pub(super) fn of(said: &Said, item: &Item) -> Option<Opinion> {
        Some(Opinion {
            rater: said.rater.as_ref().map(ToString::to_string),
            scheme: said.scheme.as_ref().map(ToString::to_string),
            question: said.question().to_owned(),
            value: said.value()?.to_owned(),
            confidence: said.confidence,
            at: said.at,
            seconds: said.seconds(),
            start: item.span.map(|(start, _)| start),
            end: item.span.map(|(_, end)| end),
        })
    }

    /// The part of the file that is meant.
    pub(super) fn span(&self) -> Option<(f64, f64)> {
        self.start.zip(self.end)
    }

    /// What was said of that item.
    ///
    /// # Errors
    /// A scheme that is no `name@version`, a confidence outside 0..=1.
    pub(super) fn said(&self, item: usize) -> Result<Said, String> {
        if let Some(sure) = self.confidence.filter(|sure| !(0.0..=1.0).contains(sure)) {
            return Err(format!("a confidence of {sure} is not in 0..=1"));
        }
        let rater = self.rater.as_deref().filter(|name| !name.is_empty()).map(Rater::parse);
        Ok(Said {
            scheme: self.scheme.as_ref().map(|text| text.parse()).transpose()?,
            act: Act::label(self.value.clone()).asked(self.question.clone()),
            confidence: self.confidence,
            at: self.at,
            listening: self.seconds.map(lead_time),
            ..Said::answer(item, rater, "")
        })
    }
}
