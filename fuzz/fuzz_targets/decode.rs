//! Any bytes: a sound or an error, never a panic of our own. `just fuzz`; seeds in tests/golden/audio.
//!
//! A panic inside symphonia becomes an error by design (`audio::decode` catches it): it ends the run no more than in the product.
#![no_main]

use std::panic;

use libfuzzer_sys::fuzz_target;

fuzz_target!(
    init: {
        let abort = panic::take_hook();
        panic::set_hook(Box::new(move |info| {
            let foreign = info.location().is_some_and(|place| place.file().contains("/symphonia-"));
            if !foreign {
                abort(info);
            }
        }));
    },
    |bytes: &[u8]| {
        if let Ok(sound) = emolab::audio::decode_bytes(bytes) {
            assert!(sound.channels > 0 && sound.samples.iter().all(|sample| sample.is_finite()));
        }
    }
);
