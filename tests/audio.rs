//! The audio room on real bytes: every format, every quirk of the corpora, damage, resampling beside libsoxr, playback.

use std::path::{Path, PathBuf};

use emolab::audio::{AudioError, Sound, decode, decode_bytes};

fn golden(name: &str) -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/golden/audio").join(name)
}

/// A folder of the shared corpora, or `None` after saying so.
fn corpus(name: &str) -> Option<PathBuf> {
    let root = std::env::var_os("EMOLAB_CORPORA")
        .map_or_else(|| Path::new(env!("CARGO_MANIFEST_DIR")).join("../shared/corpora"), PathBuf::from);
    let folder = root.join(name);
    if !folder.is_dir() {
        println!("skipped: no {}", folder.display());
        return None;
    }
    Some(folder)
}

/// Root mean square distance of the first channel from the 440 Hz sine of make.sh, over the middle half.
fn distance_from_tone(sound: &Sound) -> f64 {
    let frames = sound.frames();
    let (from, to) = (frames / 4, frames * 3 / 4);
    let sum: f64 = (from..to)
        .map(|frame| {
            let tone = 0.5 * (std::f64::consts::TAU * 440.0 * frame as f64 / f64::from(sound.rate)).sin();
            (f64::from(sound.samples[frame * usize::from(sound.channels)]) - tone).powi(2)
        })
        .sum();
    (sum / (to - from) as f64).sqrt()
}

#[test]
fn every_format_decodes_to_the_same_tone() {
    // name, rate, channels, seconds, tolerance in seconds, tolerance of the samples
    let table = [
        ("tone.flac", 16_000, 1, 0.25, 0.0, 1e-4),
        ("stereo.flac", 8_000, 2, 0.125, 0.0, 1e-4),
        ("tone.aiff", 8_000, 1, 0.25, 0.0, 2e-3),
        ("stereo24.aiff", 8_000, 2, 0.125, 0.0, 1e-4),
        ("tone_alac.m4a", 16_000, 1, 0.25, 0.0, 1e-4),
        ("mulaw.wav", 8_000, 2, 0.125, 0.0, 2e-2),
        ("adpcm_ms.wav", 8_000, 2, 0.125, 0.004, 2e-2),
        ("tone.mp3", 16_000, 1, 0.25, 0.0, 2e-2),
        ("tone.ogg", 16_000, 1, 0.25, 0.0, 2e-2),
        ("tone.m4a", 16_000, 1, 0.25, 0.0, 2e-2),
    ];
    for (name, rate, channels, seconds, slack, distance) in table {
        let sound = decode(&golden(name)).unwrap_or_else(|error| panic!("{name}: {error}"));
        assert_eq!((sound.rate, sound.channels), (rate, channels), "{name}");
        println!("{name}: {} s, distance {}", sound.seconds(), distance_from_tone(&sound));
        assert!((sound.seconds() - seconds).abs() <= slack, "{name}: {} s", sound.seconds());
        assert!(distance_from_tone(&sound) < distance, "{name}: {}", distance_from_tone(&sound));
    }
}

#[test]
fn every_quirky_clip_decodes_as_its_label_says() {
    let Some(folder) = corpus("quirks") else { return };
    let table = std::fs::read_to_string(folder.join("labels.tsv")).unwrap();
    let mut count = 0;
    for row in table.lines().skip(1) {
        let cells: Vec<&str> = row.split('\t').collect();
        let sound = decode(&folder.join(cells[0])).unwrap_or_else(|error| panic!("{}: {error}", cells[0]));
        assert_eq!(sound.rate, cells[6].parse::<u32>().unwrap(), "{}", cells[0]);
        assert_eq!(sound.channels, cells[7].parse::<u16>().unwrap(), "{}", cells[0]);
        let seconds: f64 = cells[8].parse().unwrap();
        assert!((sound.seconds() - seconds).abs() < 0.002, "{}: {} s", cells[0], sound.seconds());
        count += 1;
    }
    assert_eq!(count, 67);
}

#[test]
fn equal_audio_has_equal_hashes() {
    let Some(folder) = corpus("quirks") else { return };
    let hash = |name: &str| decode(&folder.join(name)).unwrap().facts().hash;
    let pairs = [
        ("ravdess/Actor_07/03-01-03-01-02-01-07.wav", "ravdess/Actor_07/03-01-03-01-02-02-07.wav"),
        ("baved/0/46-m-20-0-0-156.wav", "baved/0/53-m-20-0-0-209.wav"),
    ];
    for (one, other) in pairs {
        assert_eq!(hash(one), hash(other), "{one}");
    }
    assert_ne!(hash(pairs[0].0), hash(pairs[1].0));
}

#[test]
fn all_of_emodb_decodes() {
    let Some(folder) = corpus("emodb/wav") else { return };
    let mut seconds = 0.0;
    let mut count = 0;
    let start = std::time::Instant::now();
    for entry in std::fs::read_dir(folder).unwrap() {
        let path = entry.unwrap().path();
        let sound = decode(&path).unwrap_or_else(|error| panic!("{}: {error}", path.display()));
        assert_eq!((sound.rate, sound.channels), (16_000, 1), "{}", path.display());
        seconds += sound.seconds();
        count += 1;
    }
    println!("{count} clips, {seconds:.1} s of speech in {:?}", start.elapsed());
    assert_eq!(count, 535);
    assert!((1_480.0..1_500.0).contains(&seconds), "{seconds}");
}
