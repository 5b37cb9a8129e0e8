//! When two annotations are the same event, though they were numbered apart: in a journal and in a store, in two stores.
//!
//! Deliberately absent: comparing what is not part of the act (audio hash, confidence, how it was listened to): an event
//! is told by who said what about which clip, and when, to the millisecond.

use crate::label::NewAnnotation;

/// Half of a blake3 hash: two of 10^9 different events agree with a probability below 10^-20.
pub(super) type Identity = [u8; 16];

/// The identity of what was `said` about a clip of the corpus filed under `corpus_key`. `target` stands for the annotation
/// that an undo or redo is about (its own number means nothing elsewhere); empty for every other act.
pub(super) fn identity(corpus_key: &str, said: &NewAnnotation, target: &[u8]) -> Identity {
    let mut hash = blake3::Hasher::new();
    let mut field = |bytes: &[u8]| {
        hash.update(&(bytes.len() as u64).to_le_bytes());
        hash.update(bytes);
    };
    field(corpus_key.as_bytes());
    field(said.clip.0.as_bytes());
    field(said.annotator.kind().as_bytes());
    field(said.annotator.name().as_bytes());
    field(said.scheme.to_string().as_bytes());
    field(said.occasion.word().as_bytes());
    field(said.act.word().as_bytes());
    field(said.act.question().unwrap_or_default().as_bytes());
    // A value that is absent and one that is empty are two things.
    field(&[u8::from(said.act.value().is_some())]);
    field(said.act.value().unwrap_or_default().as_bytes());
    field(&said.at.millis().to_le_bytes());
    field(target);
    let mut half = Identity::default();
    half.copy_from_slice(&hash.finalize().as_bytes()[..16]);
    half
}
