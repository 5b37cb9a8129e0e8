//! Where the labels of a corpus come from, when people gave them instead of the corpus.
//!
//! Deliberately absent: making one label out of several people's (see `label::gold`); this is what is told of it.

use std::collections::BTreeMap;

use super::ClipId;

/// Labels made of what people said of the clips.
#[derive(Debug, Clone, PartialEq, Default, serde::Serialize, serde::Deserialize)]
pub struct Truth {
    /// `majority`, `ds`, `mace`, `soft`, or `gold` (decided by a lead, else the majority).
    pub method: String,
    /// Name of the scheme.
    pub scheme: String,
    /// Name of its question; empty where it has only one.
    pub question: String,
    /// People whose labels count.
    pub raters: usize,
    /// Number of the last annotation that was looked at: the same store gives the same labels again.
    pub until: i64,
    /// Clips that have a label so.
    pub labelled: usize,
    /// Clips that people judged and that stay open: ties.
    pub open: usize,
    /// Clips whose label a lead decided.
    pub decided: usize,
    /// For `soft`: names of the classes that people chose from.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub classes: Vec<String>,
    /// For `soft`: of each clip the share of each of these.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub shares: BTreeMap<ClipId, Vec<f32>>,
}

impl std::fmt::Display for Truth {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let Truth { method, scheme, raters, labelled, open, decided, .. } = self;
        let question = if self.question.is_empty() { String::new() } else { format!(", {}", self.question) };
        write!(f, "labels by {method} of {raters} raters ({scheme}{question}): {labelled} clips")?;
        if *decided > 0 {
            write!(f, ", {decided} decided by a lead")?;
        }
        if *open > 0 {
            write!(f, ", {open} judged but open and left out")?;
        }
        Ok(())
    }
}
