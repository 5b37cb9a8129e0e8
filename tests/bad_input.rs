//! Clips that nobody should have but everybody has: a defined value or a problem that names the file, for every feature
//! set there is; and the same for waves and segments made of random bytes, by the functions that the fuzzer runs.

#[path = "../fuzz/entries.rs"]
mod entries;

use std::path::Path;

use emolab::corpus::scan;
use emolab::features::cache::Cache;
use emolab::features::{FEATURE_SETS, Features, Preparation, feature_set};
use emolab::job::Unwatched;
use emolab::workbench::material::Listener;

use crate::support::{Home, text};

fn write(path: &Path, (channels, rate): (u16, u32), samples: &[f32]) {
    let spec =
        hound::WavSpec { channels, sample_rate: rate, bits_per_sample: 32, sample_format: hound::SampleFormat::Float };
    let mut file = hound::WavWriter::create(path, spec).unwrap();
    for sample in samples {
        (0..channels).for_each(|_| file.write_sample(*sample).unwrap());
    }
    file.finalize().unwrap();
}

/// One odd clip per file; those that hold no sound are named in the second list.
fn odd_corpus(folder: &Path) -> (Vec<&'static str>, Vec<&'static str>) {
    let tone = |rate: u32, seconds: f32| -> Vec<f32> {
        let len = (rate as f32 * seconds) as usize;
        (0..len).map(|i| 0.4 * (i as f32 * 1257.0 / rate as f32).sin()).collect()
    };
    let loud: Vec<f32> = tone(16_000, 0.3).iter().map(|x| (x * 50.0).clamp(-1.0, 1.0)).collect();
    let mut broken = tone(16_000, 0.3);
    (broken[100], broken[200], broken[300]) = (f32::NAN, f32::INFINITY, f32::NEG_INFINITY);
    let clips: [(&str, (u16, u32), Vec<f32>); 11] = [
        ("5ms.wav", (1, 16_000), tone(16_000, 0.005)),
        ("one_sample.wav", (1, 16_000), vec![0.5]),
        ("silent.wav", (1, 16_000), vec![0.0; 4800]),
        ("dc.wav", (1, 16_000), vec![0.7; 4800]),
        ("clipped.wav", (1, 16_000), loud),
        ("nan_and_inf.wav", (1, 16_000), broken),
        ("all_nan.wav", (1, 16_000), vec![f32::NAN; 1600]),
        ("huge.wav", (1, 16_000), vec![f32::MAX; 1600]),
        ("8khz.wav", (1, 8_000), tone(8_000, 0.3)),
        ("192khz.wav", (1, 192_000), tone(192_000, 0.1)),
        ("8_channels.wav", (8, 44_100), tone(44_100, 0.1)),
    ];
    for (name, format, samples) in &clips {
        write(&folder.join(name), *format, samples);
    }
    std::fs::write(folder.join("empty.wav"), b"").unwrap();
    write(&folder.join("no_samples.wav"), (1, 16_000), &[]);
    std::fs::write(folder.join("text.wav"), b"this is not audio").unwrap();
    (clips.iter().map(|(name, ..)| *name).collect(), vec!["empty.wav", "no_samples.wav", "text.wav"])
}

fn numbers(features: &Features) -> Vec<f32> {
    match features {
        Features::Row(row) => row.clone(),
        Features::Image(image) => image.iter().copied().collect(),
    }
}

#[test]
fn every_set_gives_numbers_or_a_problem_that_names_the_file() {
    let folder = tempfile::tempdir().unwrap();
    let (good, bad) = odd_corpus(folder.path());
    let corpus = scan(folder.path(), None, &Unwatched).unwrap();
    for file in bad {
        assert!(corpus.problems.iter().any(|problem| problem.file == file), "{file} is no problem");
    }
    assert_eq!(corpus.clips.len(), good.len());
    let cache = Cache::open(folder.path().join("cache"));
    let full = Preparation {
        trim: Some(60.0),
        intensity: Some("loudness".parse().unwrap()),
        length: Some("0.3:centre:repeat".parse().unwrap()),
        pre_emphasis: Some(0.97),
        ..Preparation::plain(16_000)
    };
    for preparation in [Preparation::plain(22_050), full] {
        let listener = Listener { cache: &cache, preparation };
        for (set, clip) in FEATURE_SETS.iter().flat_map(|set| corpus.clips.iter().map(move |clip| (set, clip))) {
            match listener.features(clip, set) {
                Ok(features) => {
                    let all = numbers(&features);
                    assert!(!all.is_empty() && all.iter().all(|x| x.is_finite()), "{} of {}", set.name(), clip.id.0);
                }
                Err(error) => {
                    let said = format!("{error:#}");
                    assert!(
                        said.contains(clip.id.0.as_str()) && !said.contains("internal error"),
                        "{}: {said}",
                        set.name()
                    );
                }
            }
        }
    }
}

#[test]
fn the_verb_writes_what_it_can_and_names_the_rest() {
    let home = Home::new();
    let clips = home.path().join("clips");
    std::fs::create_dir(&clips).unwrap();
    odd_corpus(&clips);
    let done = home.run(&["features", "clips", "--out", "out", "--format", "csv", "-q"]);
    let said = text(&done.stderr);
    assert!(done.status.success(), "{said}");
    assert!(said.contains("empty.wav"), "{said}");
    let table = std::fs::read_to_string(home.path().join("out/functionals.csv")).unwrap();
    let mut lines = csv::Reader::from_reader(table.as_bytes());
    for line in lines.records() {
        let line = line.unwrap();
        let finite = |cell: &str| cell.parse::<f32>().is_ok_and(f32::is_finite);
        assert!(line.iter().skip(4).all(finite), "{}", &line[0]);
    }
    let named = |file: &str| table.lines().any(|line| line.starts_with(file));
    assert!(named("8_channels.wav") && named("192khz.wav") && !named("huge.wav"));
    assert!(said.contains("huge.wav: "), "{said}");
    let only = home.path().join("only");
    std::fs::create_dir(&only).unwrap();
    std::fs::copy(clips.join("empty.wav"), only.join("empty.wav")).unwrap();
    assert_eq!(home.run(&["features", "only", "--out", "out2"]).status.code(), Some(1));
}

#[test]
fn random_waves_specs_and_segments_do_no_harm() {
    let mut state = 42_u64;
    let mut byte = || {
        state = state.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        (state >> 33) as u8
    };
    for round in 0..40 {
        let bytes: Vec<u8> = (0..8 + round * 2).map(|_| byte()).collect();
        entries::spec(&bytes);
        entries::segment(&bytes);
        entries::exchange(&bytes);
        entries::messages(&bytes);
        entries::companion(&bytes);
        if round % 4 == 0 {
            entries::wave(&bytes);
        }
    }
    for spec in ["", "+", ":", "logmel:", "logmel:=", "a+b:c=d,,e", "functionals+functionals:x=1"] {
        assert!(feature_set(spec).is_err(), "{spec}");
    }
}

#[test]
fn bent_messages_of_a_server_do_no_harm() {
    use emolab::audio::remote::wire::{Codec, Far, Header, bytes};
    use emolab::audio::{Sound, Tuning};
    let sound = Sound { samples: vec![0.25; 300], channels: 1, rate: 16_000 };
    let (hash, data) = (sound.facts().hash, sound.samples.iter().flat_map(|sample| sample.to_le_bytes()).collect());
    let header = Header { hash, rate: 16_000, channels: 1, frames: 300, codec: Codec::Floats, bytes: 1_200 };
    let play = Far::Play { take: 1, hash, from: 0.0, tuning: Tuning::default() };
    let said = [Far::Sound(header), Far::Chunk { hash, at: 0, data }, play, Far::Tune(Tuning::default()), Far::Ping(3)];
    let fine: Vec<u8> = said.iter().flat_map(bytes).collect();
    entries::messages(&fine);
    entries::companion(&fine);
    for at in 0..fine.len().min(300) {
        for bent in [0xff, fine[at] ^ 1, fine[at] ^ 0x80] {
            let mut wrong = fine.clone();
            wrong[at] = bent;
            entries::messages(&wrong);
            entries::companion(&wrong);
        }
        entries::companion(&fine[..at]);
    }
}
