//! Features of 3 s clips in memory, one thread. The peer is `tests/golden/bench_librosa.py`.

use std::hint::black_box;

use criterion::{Criterion, criterion_group, criterion_main};
use emolab::audio::Wave;
use emolab::features::FEATURE_SETS;
use emolab::features::curves::Curves;

/// Three seconds of a gliding sawtooth in noise: voiced, so that no path is skipped.
fn clip(rate: u32) -> Wave {
    let (mut phase, mut state) = (0.0_f32, 1_u32);
    let sample = |i: u32| {
        phase = (phase + (120.0 + 40.0 * i as f32 / rate as f32) / rate as f32).fract();
        state = state.wrapping_mul(1_664_525).wrapping_add(1_013_904_223);
        0.3 * (phase - 0.5) + 0.01 * ((state >> 8) as f32 / 8_388_608.0 - 1.0)
    };
    Wave { samples: (0..3 * rate).map(sample).collect(), rate }
}

fn sets(bench: &mut Criterion) {
    let mut group = bench.benchmark_group("features of 3 s at 22,050 Hz");
    let wave = clip(22_050);
    for set in FEATURE_SETS {
        group.bench_function(set.name(), |b| b.iter(|| set.extract(black_box(&wave))));
    }
    group.bench_function("pitch and level curves", |b| b.iter(|| Curves::of(black_box(&wave))));
    group.finish();
}

criterion_group!(benches, sets);
criterion_main!(benches);
