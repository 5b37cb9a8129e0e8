//! Any bytes as what a server says to the companion: it plays or hangs up.
//! `cargo +nightly fuzz run companion`.
#![no_main]

#[allow(dead_code)]
#[path = "../entries.rs"]
mod entries;

use libfuzzer_sys::fuzz_target;

fuzz_target!(|bytes: &[u8]| entries::companion(bytes));
