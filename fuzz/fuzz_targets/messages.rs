//! Any bytes as messages of remote hearing: read and written alike, or refused, in bounded memory.
//! `cargo +nightly fuzz run messages`.
#![no_main]

#[allow(dead_code)]
#[path = "../entries.rs"]
mod entries;

use libfuzzer_sys::fuzz_target;

fuzz_target!(|bytes: &[u8]| entries::messages(bytes));
