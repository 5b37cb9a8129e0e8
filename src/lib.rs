//! emolab: a terminal workbench for emotional speech.
//!
//! The rooms of the house, lowest first; a room may use only the rooms named with it
//! (`tests/architecture.rs` is the wall, `docs/ARCHITECTURE.md` tells why):
//!
//! | module | what it is | may use |
//! |---|---|---|
//! | [`mod@file`] | files that appear whole or not at all; every room may use it | - |
//! | [`job`] | a thread, a flag, one way to report | - |
//! | [`score`] | confusion, metrics, intervals; which columns tell classes apart | - |
//! | [`audio`] | decode, resample, loudness, playback | job |
//! | [`corpus`] | clips, speakers, problems, plans | audio, job |
//! | [`label`] | schemes, annotations, queue, votes | corpus, score |
//! | [`features`] | preparation of a clip, feature sets, their cache | audio, job |
//! | [`learn`] | classifiers over matrices and numbers | features, score, job |
//! | [`store`] | the SQLite file: annotations, runs | corpus, label, score, features, learn |
//! | [`workbench`] | every verb of the program, no terminal | all above |
//! | [`cli`] | verbs without a screen | workbench and value types |
//! | [`tui`] | the screens | workbench and value types |
//!
//! The library never talks to the user: only `cli` and `tui` print.

pub mod audio;
pub mod cli;
pub mod corpus;
pub mod features;
pub mod file;
pub mod job;
pub mod label;
pub mod learn;
pub mod score;
pub mod store;
pub mod tui;
pub mod workbench;
