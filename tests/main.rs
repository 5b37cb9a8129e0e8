//! All integration tests in one binary: one link, one list of topics.

// The lints allow these in test functions; tests also have helpers.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, clippy::print_stdout, clippy::print_stderr)]

mod agreement;
mod architecture;
mod audio;
mod augment;
mod bad_input;
mod cli;
mod cnn;
mod contracts;
mod corpus;
mod curve;
mod device;
mod docs;
mod egemaps;
mod exchange;
mod extract;
mod faults;
mod features;
mod first;
mod graphics;
mod hearing;
mod journeys;
mod label;
mod log;
mod looks;
mod merge;
mod pictures;
mod plans;
mod power;
mod preparation;
mod pretrain;
mod quantize;
mod remote;
mod reports;
mod resume;
mod robust;
mod runs;
mod scores;
mod screens;
mod search;
mod segments;
mod several;
mod statistics;
mod store;
mod support;
mod trees;
mod truth;
mod tune;
