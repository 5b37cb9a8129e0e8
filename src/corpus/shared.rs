//! Texts that many clips have in common, kept once: a million clips have a few dozen speakers and labels.
//!
//! Deliberately absent: a store of texts for the whole program; this one is dropped when a corpus has been read.

use std::collections::HashSet;
use std::sync::Arc;

use arcstr::ArcStr;

use super::description::{Fields, Said};

/// The texts met so far.
#[derive(Debug, Default)]
pub(super) struct Shared {
    texts: HashSet<ArcStr>,
    fields: HashSet<Arc<Fields>>,
}

impl Shared {
    /// The same, with texts that were met before taken from there.
    pub(super) fn said(&mut self, said: Said) -> Said {
        let Said { speaker, sex, label, text, words, intensity, language, other, note } = said;
        Said {
            speaker: self.text(speaker),
            sex,
            label: self.text(label),
            text: self.text(text),
            words: self.text(words),
            intensity: self.text(intensity),
            language: self.text(language),
            other: known(&mut self.fields, other),
            note,
        }
    }

    fn text(&mut self, text: Option<ArcStr>) -> Option<ArcStr> {
        text.map(|text| known(&mut self.texts, text))
    }
}

fn known<T: Clone + Eq + std::hash::Hash>(all: &mut HashSet<T>, one: T) -> T {
    match all.get(&one) {
        Some(known) => known.clone(),
        None => {
            all.insert(one.clone());
            one
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn equal_texts_lie_in_one_place() {
        let said = || Said {
            speaker: Some("03".into()),
            label: Some("fear".into()),
            other: Arc::new(Fields::from([("session".to_owned(), "1".to_owned())])),
            ..Said::default()
        };
        let mut shared = Shared::default();
        let (first, second) = (shared.said(said()), shared.said(said()));
        assert_eq!(first, said());
        assert!(Arc::ptr_eq(&first.other, &second.other));
        let place = |said: &Said| said.speaker.as_ref().map(|text| text.as_ptr());
        assert_eq!(place(&first), place(&second));
        assert_ne!(place(&first), place(&said()));
    }
}
