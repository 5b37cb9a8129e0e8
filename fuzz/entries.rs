//! What the fuzz targets run: any bytes as a wave, a spec, a segment of the cache, a file of labels, or what the other end of remote
//! hearing says; panics where something is wrong.
//!
//! Also included by `tests/bad_input.rs`, so that it builds and runs without nightly. Deliberately absent: bytes.

use std::collections::BTreeMap;
use std::io::Write;
use std::os::unix::net::UnixStream;
use std::sync::Arc;

use emolab::audio::remote::wire::{Far, LONGEST, Message, Near, bytes as sent, read, write};
use emolab::audio::remote::{End, Hearth, Secret, Stream, serve};
use emolab::audio::{Progress, Sink, SinkName, Sound, Tuning, Wave};
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

/// Bytes as messages of either end: what is read is written as it was, and nothing else is taken.
pub fn messages(bytes: &[u8]) {
    all::<Far>(bytes);
    all::<Near>(bytes);
}

fn all<M: Message>(mut bytes: &[u8]) {
    loop {
        let before = bytes;
        let Ok(message) = read::<M>(&mut bytes) else { return };
        let taken = &before[..before.len() - bytes.len()];
        assert!(taken.len() <= 4 + LONGEST && sent(&message) == taken);
    }
}

/// A sink whose sounds are over at once: nobody waits.
struct Hurried;

impl Sink for Hurried {
    fn name(&self) -> SinkName {
        SinkName::Device
    }
    fn start(&mut self, sound: &Arc<Sound>, from: f64, tuning: Tuning) {
        assert!(!sound.samples.is_empty() && from <= sound.seconds() && tuning.speed.is_finite());
    }
    fn tune(&mut self, tuning: Tuning) {
        assert!(tuning.speed.is_finite() && tuning.volume.is_finite());
    }
    fn stop(&mut self) {}
    fn progress(&self) -> Progress {
        Progress::Finished
    }
}

/// Bytes as what a server sends that knows the secret: the companion plays or hangs up, and writes nowhere but in its cache.
pub fn companion(bytes: &[u8]) {
    let (Ok(folder), Ok((near, far))) = (tempfile::tempdir(), UnixStream::pair()) else { return };
    let (secret, cache) = (Secret::random(), folder.path().join("cache"));
    let hearth = Hearth { host: "laptop".into(), secret: secret.clone(), cache: Some(cache), limit: 0 };
    let served = std::thread::spawn(move || serve(Stream::Unix(near), &hearth, || Box::new(Hurried)));
    let mut stream = Stream::Unix(far);
    if let Ok(Near::Greeting { nonce, .. }) = read(&mut stream) {
        let proof = secret.prove(End::Far, &nonce, &[7; 32]);
        let hello = Far::Hello { version: "0".into(), host: "server".into(), nonce: [7; 32], proof };
        assert!(write(&mut stream, &hello).is_ok() && matches!(read(&mut stream), Ok(Near::Welcome { .. })));
        let mut answers = stream.try_clone().ok();
        let listens =
            std::thread::spawn(move || while answers.as_mut().is_some_and(|from| read::<Near>(from).is_ok()) {});
        // It may have hung up already.
        let _ = stream.write_all(bytes);
        let Stream::Unix(socket) = &stream else { return };
        let _ = socket.shutdown(std::net::Shutdown::Write);
        assert!(served.join().is_ok() && listens.join().is_ok());
    }
    let beside = std::fs::read_dir(folder.path()).map_or(0, |entries| entries.flatten().count());
    assert!(beside <= 1);
}
