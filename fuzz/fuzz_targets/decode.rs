//! Any bytes: a sound or an error, never a panic. `cargo +nightly fuzz run decode`, seeds in tests/golden/audio.
#![no_main]

use libfuzzer_sys::fuzz_target;

fuzz_target!(|bytes: &[u8]| {
    if let Ok(sound) = emolab::audio::decode_bytes(bytes) {
        assert!(sound.channels > 0 && sound.samples.iter().all(|sample| sample.is_finite()));
    }
});
