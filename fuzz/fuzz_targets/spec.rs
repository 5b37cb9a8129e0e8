//! Any text as the name of a feature set: a set or an error, never a panic.
//! `cargo +nightly fuzz run spec`.
#![no_main]

#[allow(dead_code)]
#[path = "../entries.rs"]
mod entries;

use libfuzzer_sys::fuzz_target;

fuzz_target!(|bytes: &[u8]| entries::spec(bytes));
