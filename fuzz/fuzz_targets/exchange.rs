//! Any bytes as a file of labels in any format: a sheet or an error, never a panic.
//! `cargo +nightly fuzz run exchange`, seeds in tests/golden/exchange.
#![no_main]

#[allow(dead_code)]
#[path = "../entries.rs"]
mod entries;

use libfuzzer_sys::fuzz_target;

fuzz_target!(|bytes: &[u8]| entries::exchange(bytes));
