//! Features of 3 s clips in memory, one thread.
//!
//! `cargo bench --bench features` measures every set with criterion. With `--worker WAV...` it answers `SET N` on stdin
//! with the milliseconds that the features of the N-th file took (`absent` when there is no such set), so that
//! `features_ratio.py` can drive it and the peers in turn; besides the feature sets there are `pyin` and `cepstrum`, the
//! coefficients of `mfcc` without derivatives and moments.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::print_stdout, missing_docs)]

use std::hint::black_box;
use std::io::{BufRead, Write};
use std::time::Instant;

use criterion::Criterion;
use emolab::audio::Wave;
use emolab::features::curves::Curves;
use emolab::features::dsp::pyin::Pyin;
use emolab::features::mfcc::Cepstrum;
use emolab::features::{FEATURE_SETS, feature_set};

/// C2 and C7, as in librosa's examples.
const PYIN_HZ: [f64; 2] = [65.406_391_325_149_66, 2_093.004_522_404_789];

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

fn main() {
    // `--bench` is added by cargo; whoever asks for a worker gets nothing else.
    let mut arguments = std::env::args().skip_while(|argument| argument != "--worker");
    if arguments.next().is_some() {
        return work(&arguments.map(|path| read(&path)).collect::<Vec<_>>());
    }
    let mut criterion = Criterion::default().configure_from_args();
    let mut group = criterion.benchmark_group("features of 3 s at 22,050 Hz");
    let wave = clip(22_050);
    for set in FEATURE_SETS {
        group.bench_function(set.name(), |b| b.iter(|| set.extract(black_box(&wave))));
    }
    group.bench_function("pyin", |b| b.iter(|| pyin(black_box(&wave))));
    group.bench_function("pitch and level curves", |b| b.iter(|| Curves::of(black_box(&wave))));
    group.finish();
    criterion.final_summary();
}

fn read(path: &str) -> Wave {
    let mut file = hound::WavReader::open(path).expect("a WAV file");
    let rate = file.spec().sample_rate;
    Wave { samples: file.samples::<i16>().map(|sample| f32::from(sample.unwrap()) / 32_768.0).collect(), rate }
}

fn pyin(wave: &Wave) {
    black_box(Pyin::new(PYIN_HZ[0], PYIN_HZ[1], 2048).track(&wave.samples, wave.rate));
}

fn work(waves: &[Wave]) {
    for line in std::io::stdin().lock().lines() {
        let line = line.unwrap();
        let [name, which] = line.split_whitespace().collect::<Vec<_>>()[..] else { return };
        let wave = &waves[which.parse::<usize>().expect("the number of a file") % waves.len()];
        match (name, feature_set(name)) {
            ("pyin", _) => answer(|| pyin(wave)),
            ("cepstrum", _) => answer(|| drop(black_box(Cepstrum::SPEECH.of(wave).unwrap()))),
            (_, Ok(set)) => answer(|| drop(black_box(set.extract(wave).unwrap()))),
            (_, Err(_)) => println!("absent"),
        }
        std::io::stdout().flush().unwrap();
    }
}

fn answer(task: impl FnOnce()) {
    let start = Instant::now();
    task();
    println!("{:.4}", start.elapsed().as_secs_f64() * 1e3);
}
