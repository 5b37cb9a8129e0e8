//! Any bytes as files of the cache: what was stored, or computed again, never a panic.
//! `cargo +nightly fuzz run segment`.
#![no_main]

#[allow(dead_code)]
#[path = "../entries.rs"]
mod entries;

use libfuzzer_sys::fuzz_target;

fuzz_target!(|bytes: &[u8]| entries::segment(bytes));
