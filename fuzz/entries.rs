//! What the fuzz targets run: any bytes as a wave, a spec, a segment of the cache or a file of labels; panics where something is wrong.
//!
//! Also included by `tests/bad_input.rs`, so that it builds and runs without nightly. Deliberately absent: bytes.

use std::collections::BTreeMap;

use emolab::audio::{Sound, Wave};
use emolab::corpus::Corpus;
use emolab::features::cache::Cache;
use emolab::features::{FEATURE_SETS, FeatureError, Features, Preparation, feature_set};
use emolab::label::exchange::{EXCHANGES, Folder};

/// Rates that clips have; a byte chooses one, or any rate at all.
const RATES: [u32; 8] = [1_000, 8_000, 16_000, 22_050, 44_100, 48_000, 96_000, 192_000];

/// Bytes as rate, kind and samples, through every feature set, plain and prepared in every way.
pub fn wave(bytes: &[u8]) {
    let Some((&[choice, kind, a, b, c, d], rest)) = bytes.split_first_chunk::<6>() else { return };
    let any = u32::from_le_bytes([a, b, c, d]);
    let rate = RATES.get(usize::from(choice % 16)).copied().unwrap_or(any % 1_000_000);
    let samples: Vec<f32> = match kind % 3 {
        0 => rest.chunks_exact(2).map(|two| f32::from(i16::from_le_bytes([two[0], two[1]])) / 32_768.0).collect(),
        1 => rest.chunks_exact(4).map(|four| f32::from_le_bytes([four[0], four[1], four[2], four[3]])).collect(),
        // Long stretches of one value: silence, steps, clipped sound.
        _ => rest.iter().flat_map(|&level| [f32::from(level) / 128.0 - 1.0; 16]).collect(),
    };
    let prepared = Preparation {
        trim: Some(1.0 + f64::from(a)),
        intensity: ["peak", "rms", "loudness"][usize::from(b % 3)].parse().ok(),
        length: ["0.05", "0.1:start", "0.1:repeat"][usize::from(c % 3)].parse().ok(),
        pre_emphasis: Some(0.97),
        ..Preparation::plain(16_000)
    };
    // What no file can hold is never prepared: decoding gives finite samples and a rate within bounds.
    let finite = samples.iter().map(|sample| if sample.is_finite() { *sample } else { 0.0 }).collect();
    let sound = Sound { samples: finite, channels: 1, rate: rate.clamp(1_000, 768_000) };
    let waves = [Some(Wave { samples, rate }), prepared.apply(sound).ok()];
    for (wave, set) in waves.iter().flatten().flat_map(|wave| FEATURE_SETS.iter().map(move |set| (wave, set))) {
        match set.extract(wave) {
            Ok(Features::Row(row)) => {
                assert_eq!(row.len(), set.columns().len(), "{}", set.name());
                assert!(row.iter().all(|number| number.is_finite()), "{}", set.name());
            }
            Ok(Features::Image(image)) => assert!(image.iter().all(|number| number.is_finite()), "{}", set.name()),
            Err(FeatureError::Undefined { .. }) => panic!("{}: not a finite number", set.name()),
            Err(_) => {}
        }
    }
}

/// Bytes as the name of a feature set: a set or an error that says something.
pub fn spec(bytes: &[u8]) {
    let text = String::from_utf8_lossy(bytes);
    for text in [text.as_ref(), &format!("logmel:{text}"), &format!("functionals+{text}")] {
        match feature_set(text) {
            Ok(set) => assert!(!set.columns().is_empty()),
            Err(error) => assert!(!error.to_string().is_empty()),
        }
    }
}

/// Bytes as the array of a segment, with an index that tells the truth about them and one made of them: what comes out
/// has the right width and is finite, and what does not come out is computed.
pub fn segment(bytes: &[u8]) {
    let Ok(folder) = tempfile::tempdir() else { return };
    let Some(set) = FEATURE_SETS.iter().find(|set| set.name() == "functionals") else { return };
    let columns = set.columns().len();
    let how = Preparation::plain(16_000);
    let shelf = folder.path().join(format!("{}-v{}-{}", set.name(), set.version(), how.key()));
    let hash = blake3::hash(bytes).to_hex();
    let mut array = emolab::features::npy::header(&[1, columns]);
    let start = array.len();
    array.extend(bytes.iter().cycle().take(4 * columns * usize::from(!bytes.is_empty())));
    let sum = &blake3::hash(&array[start..]).to_hex()[..16];
    let honest = format!("audio,first,records,channels,checksum\n{hash},0,1,1,{sum}\n");
    let write = |name: &str, bytes: &[u8]| std::fs::write(shelf.join(name), bytes).is_ok();
    let written = std::fs::create_dir_all(&shelf).is_ok()
        && write("0000-a.npy", &array)
        && write("0000-a.csv", honest.as_bytes())
        && write("0001-b.npy", bytes)
        && write("0001-b.csv", honest.as_bytes())
        && write("0002-c.npy", &array)
        && write("0002-c.csv", bytes);
    let cache = Cache::open(folder.path());
    let wave = || Ok::<_, FeatureError>(Wave { samples: vec![0.1; 400], rate: 16_000 });
    match cache.features(&hash, &how, *set, wave) {
        Ok(Features::Row(row)) => assert!(row.len() == columns && row.iter().all(|number| number.is_finite())),
        other => panic!("{other:?} ({written})"),
    }
}

/// The first byte chooses a format, the rest is its files: a sheet or an error that says something.
pub fn exchange(bytes: &[u8]) {
    let Some((&choice, rest)) = bytes.split_first() else { return };
    let exchange = EXCHANGES[usize::from(choice) % EXCHANGES.len()];
    let yaml = b"schemes: {v: {dtype: float}}\ntables: {t: {columns: {c: {scheme_id: v}}}}\n";
    let names: &[&str] = match exchange.name() {
        "audformat" => &["db.yaml", "db.t.csv"],
        "audformat-parquet" => &["db.t.parquet"],
        "audiofolder" => &["metadata.csv"],
        "audiofolder-jsonl" => &["metadata.jsonl"],
        "audiofolder-parquet" => &["metadata.parquet"],
        "kaldi" => &["wav.scp", "segments", "text", "utt2spk", "utt2emo"],
        "emobox" => &["x.jsonl", "label_map.json"],
        "textgrid" => &["x.TextGrid"],
        "listeners" => &["summaryTable.csv"],
        _ => &["x.txt"],
    };
    let mut files: BTreeMap<String, Vec<u8>> = names.iter().map(|name| ((*name).to_owned(), rest.to_vec())).collect();
    if exchange.name() == "audformat-parquet" {
        files.insert("db.yaml".to_owned(), yaml.to_vec());
    }
    match exchange.read(&Folder::held(files), &Corpus::empty("/c".as_ref())) {
        Ok(sheet) => assert!(sheet.said.iter().all(|said| said.item < sheet.items.len())),
        Err(trouble) => assert!(!trouble.reason.is_empty()),
    }
}
