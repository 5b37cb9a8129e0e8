//! Any wave through every feature set: finite numbers or an error, never a panic.
//! `cargo +nightly fuzz run features`.
#![no_main]

#[allow(dead_code)]
#[path = "../entries.rs"]
mod entries;

use libfuzzer_sys::fuzz_target;

fuzz_target!(|bytes: &[u8]| entries::wave(bytes));
