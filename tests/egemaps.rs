//! eGeMAPS beside openSMILE's own numbers (`golden/egemaps.py`), on recordings and on waves that nobody would record.

use emolab::audio::Wave;
use emolab::features::{Features, feature_set};

use crate::support::recordings;

fn extract(set: &str, samples: Vec<f32>, rate: u32) -> Features {
    feature_set(set).unwrap().extract(&Wave { samples, rate }).unwrap()
}

fn row(samples: Vec<f32>, rate: u32) -> Vec<f32> {
    match extract("egemaps", samples, rate) {
        Features::Row(row) => row,
        Features::Image(_) => panic!("egemaps makes rows"),
    }
}

/// The descriptors: one vector per column.
fn tracks(samples: Vec<f32>, rate: u32) -> Vec<Vec<f32>> {
    match extract("egemaps-lld", samples, rate) {
        Features::Image(image) => image.outer_iter().next().unwrap().outer_iter().map(|t| t.to_vec()).collect(),
        Features::Row(_) => panic!("egemaps-lld makes images"),
    }
}

fn names(set: &str) -> Vec<String> {
    feature_set(set).unwrap().columns().into_iter().map(|column| column.name).collect()
}

fn clip(name: &str) -> Option<Vec<f32>> {
    let path = recordings("emodb")?.join("wav").join(name);
    let mut file = hound::WavReader::open(path).unwrap();
    assert_eq!(file.spec().sample_rate, 16_000);
    Some(file.samples::<i16>().map(|sample| f32::from(sample.unwrap()) / 32_768.0).collect())
}

/// Header and lines of a golden table.
fn golden(text: &str) -> (Vec<&str>, Vec<Vec<&str>>) {
    let mut lines = text.lines().map(|line| line.split(',').collect::<Vec<_>>());
    (lines.next().unwrap(), lines.collect())
}

/// Rank of each value; equal ones share their mean rank.
fn ranks(values: &[f64]) -> Vec<f64> {
    let rank = |value: &f64| {
        let below = values.iter().filter(|other| *other < value).count();
        let equal = values.iter().filter(|other| *other == value).count();
        below as f64 + (equal as f64 - 1.0) / 2.0
    };
    values.iter().map(rank).collect()
}

/// Correlation of ranks; 0 where one of the two is constant.
fn spearman(a: &[f64], b: &[f64]) -> f64 {
    let (a, b) = (ranks(a), ranks(b));
    let mean = (a.len() as f64 - 1.0) / 2.0;
    let product = |x: &[f64], y: &[f64]| x.iter().zip(y).map(|(p, q)| (p - mean) * (q - mean)).sum::<f64>();
    let scale = (product(&a, &a) * product(&b, &b)).sqrt();
    if scale > 0.0 { product(&a, &b) / scale } else { 0.0 }
}

#[test]
fn columns_have_opensmiles_names_and_order() {
    let (functionals, _) = golden(include_str!("golden/egemaps_functionals.csv"));
    let (descriptors, _) = golden(include_str!("golden/egemaps_lld.csv"));
    assert_eq!(names("egemaps"), functionals[1..]);
    assert_eq!(names("egemaps-lld"), descriptors);
}

#[test]
fn functionals_rank_clips_as_opensmile_does() {
    let (header, lines) = golden(include_str!("golden/egemaps_functionals.csv"));
    let Some(clips) = lines.iter().map(|line| clip(line[0])).collect::<Option<Vec<_>>>() else { return };
    let rows: Vec<Vec<f32>> = std::thread::scope(|scope| {
        let workers: Vec<_> = clips.into_iter().map(|clip| scope.spawn(|| row(clip, 16_000))).collect();
        workers.into_iter().map(|worker| worker.join().unwrap()).collect()
    });
    let agreement = |column: usize| {
        let ours: Vec<f64> = rows.iter().map(|row| f64::from(row[column])).collect();
        let theirs: Vec<f64> = lines.iter().map(|line| line[column + 1].parse().unwrap()).collect();
        spearman(&ours, &theirs)
    };
    let all: Vec<(f64, &str)> = header[1..].iter().enumerate().map(|(i, name)| (agreement(i), *name)).collect();
    let least = |wanted: f64| all.iter().filter(|(rho, _)| *rho >= wanted).count();
    let worst: Vec<_> = all.iter().filter(|(rho, _)| *rho < 0.95).collect();
    assert!(least(0.99) >= 60 && least(0.95) >= 78, "{} and {}: {worst:?}", least(0.99), least(0.95));
    for (rho, name) in &all {
        let exact =
            ["loudness_sma3_p", "loudness_sma3_a", "slopeUV", "alphaRatioV_sma3nz_amean", "F1frequency", "equivalent"];
        assert!(*rho >= 0.95 || !exact.iter().any(|start| name.starts_with(start)), "{name}: {rho}");
    }
}

#[test]
fn descriptors_of_a_clip_are_opensmiles() {
    let Some(samples) = clip("03a01Fa.wav") else { return };
    let ours = tracks(samples, 16_000);
    let (header, lines) = golden(include_str!("golden/egemaps_lld.csv"));
    assert_eq!(ours[0].len(), lines.len(), "number of frames");
    for (column, name) in header.iter().enumerate().take(10) {
        let theirs: Vec<f64> = lines.iter().map(|line| line[column].parse().unwrap()).collect();
        let largest = theirs.iter().fold(0.0_f64, |most, value| most.max(value.abs()));
        // The flux of openSMILE's very first frame is not 0 in its descriptors; skip what smoothing makes of it.
        let worst =
            ours[column].iter().zip(&theirs).skip(2).map(|(a, b)| (f64::from(*a) - b).abs()).fold(0.0, f64::max);
        assert!(worst <= 2e-4 * largest, "{name} differs by {worst:e}, largest {largest}");
    }
}

#[test]
fn formants_can_be_resonances_instead() {
    // 110 Hz pulses through resonators at 700, 1200, 2500 and 3500 Hz
    let mut wave: Vec<f64> = (0..8000).map(|i| f64::from(u8::from(i % 145 == 0))).collect();
    for hz in [700.0, 1200.0, 2500.0, 3500.0] {
        let radius = (-80.0 * std::f64::consts::PI / 16_000.0).exp();
        let (a, b) = (2.0 * radius * (std::f64::consts::TAU * hz / 16_000.0).cos(), -radius * radius);
        for i in 2..wave.len() {
            wave[i] += a * wave[i - 1] + b * wave[i - 2];
        }
    }
    let samples: Vec<f32> = wave.into_iter().map(|x| x as f32 * 0.005).collect();
    let column = names("egemaps").iter().position(|name| name == "F1frequency_sma3nz_amean").unwrap();
    let first = |set: &str| match extract(set, samples.clone(), 16_000) {
        Features::Row(row) => row[column],
        Features::Image(_) => panic!("{set} makes rows"),
    };
    let (reported, resonance) = (first("egemaps"), first("egemaps:formants=resonances"));
    assert!((resonance - 700.0).abs() < 70.0, "{resonance}");
    assert!((reported - 700.0).abs() > 100.0, "{reported}");
    assert_eq!(first("egemaps:formants=opensmile"), reported);
    let wrong = feature_set("egemaps:formants=none").err().unwrap().to_string();
    assert!(wrong.contains("opensmile or resonances"), "{wrong}");
    assert!(feature_set("egemaps:bands=3").is_err());
}

#[test]
fn a_silent_clip_has_opensmiles_numbers() {
    let (columns, row) = (names("egemaps"), row(vec![0.0; 16_000], 16_000));
    let value = |name: &str| row[columns.iter().position(|column| column == name).unwrap()];
    for (name, expected) in [
        ("F0semitoneFrom27.5Hz_sma3nz_amean", 0.0),
        ("loudness_sma3_amean", 0.001_034),
        ("F1amplitudeLogRelF0_sma3nz_amean", -201.0),
        ("slopeUV0-500_sma3nz_amean", 0.112),
        ("slopeUV500-1500_sma3nz_amean", 0.076_364),
        ("MeanUnvoicedSegmentLength", 0.93),
        ("VoicedSegmentsPerSec", 0.0),
        ("equivalentSoundLevel_dBp", -120.0),
    ] {
        assert!((value(name) - expected).abs() <= 1e-3 * expected.abs(), "{name}: {}", value(name));
    }
}

#[test]
fn odd_waves_have_finite_numbers() {
    let sine = |len: usize, rate: f32| -> Vec<f32> { (0..len).map(|i| (i as f32 * 1000.0 / rate).sin()).collect() };
    let clipped = sine(4000, 16_000.0).into_iter().map(|x| (x * 50.0).clamp(-1.0, 1.0)).collect();
    let waves = [
        ("5 ms", sine(80, 16_000.0), 16_000),
        ("one frame of pitch", sine(960, 16_000.0), 16_000),
        ("silent", vec![0.0; 3000], 16_000),
        ("constant", vec![0.4; 4000], 16_000),
        ("clipped", clipped, 16_000),
        ("8 kHz", sine(2000, 8_000.0), 8_000),
        ("192 kHz", sine(30_000, 192_000.0), 192_000),
    ];
    for (name, samples, rate) in waves {
        let (functionals, descriptors) = (row(samples.clone(), rate), tracks(samples, rate));
        assert!(functionals.len() == 88 && functionals.iter().all(|value| value.is_finite()), "{name}");
        assert!(descriptors.len() == 25 && descriptors.iter().flatten().all(|value| value.is_finite()), "{name}");
    }
}
