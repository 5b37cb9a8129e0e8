//! Numbered events for the tests of this room.

use super::{Act, Annotation, AnnotationId, Annotator, NewAnnotation, Occasion, SchemeId, Timestamp};
use crate::corpus::ClipId;

/// Hands out annotations with rising ids.
#[derive(Debug, Default)]
pub(crate) struct Events {
    last: i64,
}

impl Events {
    /// `anna` says it in scheme `s@1`.
    pub(crate) fn say(&mut self, clip: &str, act: Act) -> Annotation {
        self.by(Annotator::Human("anna".to_owned()), clip, act)
    }

    /// Someone says it in scheme `s@1`.
    pub(crate) fn by(&mut self, annotator: Annotator, clip: &str, act: Act) -> Annotation {
        self.last += 1;
        let new = NewAnnotation {
            clip: ClipId(clip.into()),
            audio: "00ff".to_owned(),
            annotator,
            scheme: SchemeId { name: "s".to_owned(), version: 1 },
            act,
            confidence: None,
            exposure: None,
            at: Timestamp::from_millis(1_700_000_000_000 + self.last).expect("in range"),
            occasion: Occasion::Main,
            listening: None,
        };
        new.numbered(AnnotationId(self.last))
    }
}
