//! The audio room on real bytes: every format, every quirk of the corpora, damage, resampling beside libsoxr, playback.

#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, clippy::print_stdout)]

use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, mpsc};
use std::time::Duration;

use emolab::audio::{
    AudioError, Playback, PlaybackNews, Player, Progress, Silent, Sink, SinkName, Sound, Tuning, Wave,
};
use emolab::audio::{decode, decode_bytes};

use crate::support::{recordings, skipped};

fn golden(name: &str) -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/golden/audio").join(name)
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
        ("tone.m4a", 16_000, 1, 0.25, 0.0, 4e-2),
    ];
    for (name, rate, channels, seconds, slack, distance) in table {
        let sound = decode(&golden(name)).unwrap_or_else(|error| panic!("{name}: {error}"));
        assert_eq!((sound.rate, sound.channels), (rate, channels), "{name}");
        assert!((sound.seconds() - seconds).abs() <= slack, "{name}: {} s", sound.seconds());
        assert!(distance_from_tone(&sound) < distance, "{name}: {}", distance_from_tone(&sound));
    }
}

#[test]
fn every_quirky_clip_decodes_as_its_label_says() {
    let Some(folder) = recordings("quirks") else { return };
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
    let Some(folder) = recordings("quirks") else { return };
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
    let Some(folder) = recordings("emodb/wav") else { return };
    let mut seconds = 0.0;
    let mut count = 0;
    for entry in std::fs::read_dir(folder).unwrap() {
        let path = entry.unwrap().path();
        let sound = decode(&path).unwrap_or_else(|error| panic!("{}: {error}", path.display()));
        assert_eq!((sound.rate, sound.channels), (16_000, 1), "{}", path.display());
        seconds += sound.seconds();
        count += 1;
    }
    assert_eq!(count, 535);
    assert!((1_480.0..1_500.0).contains(&seconds), "{seconds}");
}

/// The sweep of tests/golden/resample.py.
fn sweep(rate: u32, to: u32) -> Wave {
    use std::f64::consts::{PI, TAU};
    let n = rate / 4;
    let top = 0.85 * f64::from(rate.min(to)) / 2.0;
    let sample = |i: u32| {
        let t = f64::from(i) / f64::from(rate);
        let phase = TAU * (100.0 * t + (top - 100.0) * t * t / 0.5);
        (0.5 * phase.sin() * (PI * f64::from(i) / f64::from(n)).sin().powi(2)) as f32
    };
    Wave { samples: (0..n).map(sample).collect(), rate }
}

#[test]
fn resampling_agrees_with_libsoxr_to_minus_60_db() {
    let table = include_str!("golden/resample.csv");
    let rows: Vec<(u32, u32, usize, f64)> = table
        .lines()
        .skip(1)
        .map(|row| {
            let cells: Vec<&str> = row.split(',').collect();
            (cells[0].parse().unwrap(), cells[1].parse().unwrap(), cells[2].parse().unwrap(), cells[3].parse().unwrap())
        })
        .collect();
    for pair in rows.chunk_by(|a, b| (a.0, a.1) == (b.0, b.1)) {
        let (from, to, ..) = pair[0];
        let wave = sweep(from, to).resample(to).unwrap();
        let length = (f64::from(from / 4) * f64::from(to) / f64::from(from)).round() as usize;
        assert_eq!((wave.samples.len(), wave.rate), (length, to));
        let error: f64 = pair.iter().map(|row| (f64::from(wave.samples[row.2]) - row.3).powi(2)).sum();
        let power: f64 = pair.iter().map(|row| row.3.powi(2)).sum();
        let decibels = 10.0 * (error / power).log10();
        println!("{from} -> {to}: {decibels:.1} dB");
        assert!(decibels < -60.0, "{from} -> {to}: {decibels:.1} dB");
    }
}

#[test]
fn resampling_keeps_time_channels_and_odd_lengths() {
    let sound = decode(&golden("stereo.flac")).unwrap();
    let finer = sound.resample(44_100).unwrap();
    assert_eq!((finer.channels, finer.frames()), (2, 5_513));
    let (left, right) = (finer.samples[2_000 * 2], finer.samples[2_000 * 2 + 1]);
    assert!((left - 2.0 * right).abs() < 1e-3, "{left} {right}");
    for length in [0, 1, 2, 99, 1_024, 1_025] {
        let wave = Wave { samples: vec![0.25; length], rate: 24_414 }.resample(22_050).unwrap();
        assert_eq!(wave.samples.len(), (length as f64 * 22_050.0 / 24_414.0).round() as usize);
        assert!(wave.samples.iter().all(|sample| sample.is_finite()));
    }
    assert!(Wave { samples: vec![0.0; 9], rate: 0 }.resample(8_000).is_err());
}

/// A RIFF chunk with its padding.
fn chunk(id: &[u8; 4], body: &[u8]) -> Vec<u8> {
    let pad = &[0][..body.len() % 2];
    [&id[..], &(body.len() as u32).to_le_bytes(), body, pad].concat()
}

fn riff(chunks: &[Vec<u8>]) -> Vec<u8> {
    let body = chunks.concat();
    [b"RIFF", &(body.len() as u32 + 4).to_le_bytes()[..], b"WAVE", &body].concat()
}

/// `fmt ` for 8 kHz: tag, channels, bytes per sample, bits.
fn fmt(tag: u16, channels: u16, width: u16, bits: u16) -> Vec<u8> {
    let rate = 8_000_u32;
    let fields: [&[u8]; 6] = [
        &tag.to_le_bytes(),
        &channels.to_le_bytes(),
        &rate.to_le_bytes(),
        &(rate * u32::from(channels * width)).to_le_bytes(),
        &(channels * width).to_le_bytes(),
        &bits.to_le_bytes(),
    ];
    fields.concat()
}

fn extensible(tag: u8, width: u16, valid: u16) -> Vec<u8> {
    let guid = [tag, 0, 0, 0, 0, 0, 0x10, 0, 0x80, 0, 0, 0xaa, 0, 0x38, 0x9b, 0x71];
    [&fmt(0xfffe, 1, width, width * 8)[..], &22_u16.to_le_bytes(), &valid.to_le_bytes(), &[4, 0, 0, 0], &guid].concat()
}

/// Samples of -1/2, 0 and 1/4 in each width.
#[test]
fn wav_of_every_sample_width() {
    let f64s: Vec<u8> = [-0.5_f64, 0.0, 0.25].iter().flat_map(|x| x.to_le_bytes()).collect();
    let f32s: Vec<u8> = [-0.5_f32, 0.0, 0.25].iter().flat_map(|x| x.to_le_bytes()).collect();
    let (s16, s24) = ([0, 0xc0, 0, 0, 0, 0x20], [0, 0, 0xc0, 0, 0, 0, 0, 0, 0x20]);
    let s32 = [0, 0, 0, 0xc0, 0, 0, 0, 0, 0, 0, 0, 0x20];
    let table: [(&str, Vec<u8>, &[u8]); 12] = [
        ("u8", fmt(1, 1, 1, 8), &[64, 128, 160]),
        ("s16", fmt(1, 1, 2, 16), &s16),
        ("12 bits in 16", fmt(1, 1, 2, 12), &s16),
        ("s16 with block align 0", fmt(1, 1, 0, 16), &s16),
        ("s24", fmt(1, 1, 3, 24), &s24),
        ("s32", fmt(1, 1, 4, 32), &s32),
        ("f32", fmt(3, 1, 4, 32), &f32s),
        ("f64", fmt(3, 1, 8, 64), &f64s),
        ("f32 with an extension", [fmt(3, 1, 4, 32), vec![2, 0, 9, 9]].concat(), &f32s),
        ("extensible s24", extensible(1, 3, 24), &s24),
        ("extensible 24 valid bits of 32", extensible(1, 4, 24), &s32),
        ("extensible f32", extensible(3, 4, 32), &f32s),
    ];
    for (name, format, data) in table {
        let bytes = riff(&[chunk(b"fmt ", &format), chunk(b"data", data)]);
        let sound = decode_bytes(&bytes).unwrap_or_else(|error| panic!("{name}: {error}"));
        assert_eq!((sound.rate, sound.channels, &sound.samples[..]), (8_000, 1, &[-0.5, 0.0, 0.25][..]), "{name}");
    }
}

#[test]
fn wav_boxes_as_tools_leave_them() {
    let (format, data) = (chunk(b"fmt ", &fmt(1, 2, 2, 16)), chunk(b"data", &[0, 0x40, 0, 0xc0, 0, 0x20, 0, 0]));
    let list = chunk(b"LIST", b"INFOISFT\x05\0\0\0odd!!");
    let sized = |size: u32| [b"data", &size.to_le_bytes()[..], &data[8..]].concat();
    let unpadded = b"bext\x03\0\0\0abc".to_vec();
    let whole = riff(&[format.clone(), data.clone()]);
    let outer = |size: u32| [b"RIFF", &size.to_le_bytes()[..], &whole[8..]].concat();
    let rf64 = [
        b"RF64\xff\xff\xff\xffWAVE",
        &chunk(b"ds64", &[&[0; 8][..], &[8, 0, 0, 0, 0, 0, 0, 0], &[0; 12]].concat())[..],
    ];
    let table: [(&str, Vec<u8>); 12] = [
        ("plain", whole.clone()),
        ("LIST first", riff(&[list.clone(), format.clone(), data.clone()])),
        (
            "RAVDESS' order",
            riff(&[format.clone(), chunk(b"FLLR", &[0; 40]), data.clone(), list.clone(), chunk(b"_PMX", b"<x/>")]),
        ),
        ("data before fmt", riff(&[data.clone(), format.clone()])),
        ("odd chunk without padding", riff(&[format.clone(), unpadded, data.clone()])),
        ("a LIST that is a lie", riff(&[format.clone(), chunk(b"LIST", b"INFOxxxx\xff\xff\xff\xff"), data.clone()])),
        ("data of size 0", riff(&[format.clone(), sized(0)])),
        ("data of size 4 GiB", riff(&[format.clone(), sized(u32::MAX)])),
        ("data longer than the file", riff(&[format.clone(), sized(1_000)])),
        ("outer size 0", outer(0)),
        ("outer size 4 GiB", outer(u32::MAX)),
        ("RF64", [&rf64.concat()[..], &format, &sized(u32::MAX), &list].concat()),
    ];
    for (name, bytes) in table {
        let sound = decode_bytes(&bytes).unwrap_or_else(|error| panic!("{name}: {error}"));
        assert_eq!((sound.channels, &sound.samples[..]), (2, &[0.5, -0.5, 0.25, 0.0][..]), "{name}");
    }
}

#[test]
fn what_is_wrong_is_named() {
    let format = chunk(b"fmt ", &fmt(1, 1, 2, 16));
    let wav = |channels: u16, tag: u16, bits: u16| {
        riff(&[chunk(b"fmt ", &fmt(tag, channels, bits / 8, bits)), chunk(b"data", &[0; 8])])
    };
    let mut slow = riff(&[format.clone(), chunk(b"data", &[0; 8])]);
    slow[24..28].copy_from_slice(&1_u32.to_le_bytes());
    let wide = |width: u16, bits: u16| riff(&[chunk(b"fmt ", &fmt(1, 1, width, bits)), chunk(b"data", &[0; 8])]);
    let table: [(Vec<u8>, &str); 16] = [
        (vec![], "empty file"),
        (b"file,label\na.wav,anger\n".repeat(40), "not audio in a known format"),
        (vec![0; 4_096], "not audio in a known format"),
        (b"RIFF".to_vec(), "truncated: ends before the first sample"),
        (b"RIFF\x10\0\0\0AVI LIST".to_vec(), "unsupported: AVI container"),
        (riff(std::slice::from_ref(&format)), "damaged: no `data` chunk"),
        (riff(&[chunk(b"data", &[0; 8])]), "damaged: no `fmt` chunk"),
        (riff(&[format.clone(), chunk(b"data", &[])]), "no samples"),
        (riff(&[format.clone(), chunk(b"data", &[]), chunk(b"LIST", b"INFO")]), "no samples"),
        (wav(0, 1, 16), "damaged: the header says 0 channels"),
        (wav(300, 1, 16), "unsupported: 300 channels"),
        (wav(1, 1, 64), "unsupported: 64-bit samples"),
        (wide(65_535, 16), "unsupported: 524280-bit samples"),
        (wide(65_535, 65_535), "unsupported: 524280-bit samples"),
        (wav(1, 0x161, 16), "unsupported: WAV codec 0x0161"),
        (slow, "damaged: the header says 1 samples per second"),
    ];
    for (bytes, text) in table {
        assert_eq!(decode_bytes(&bytes).unwrap_err().to_string(), text, "{:?}", &bytes[..bytes.len().min(12)]);
    }
    let opus = decode(&golden("opus.ogg")).unwrap_err().to_string();
    assert_eq!(opus, "unsupported: Opus codec");
    assert!(matches!(decode(&golden("")), Err(AudioError::NotAFile)));
    assert!(matches!(decode(&golden("none.wav")), Err(AudioError::Io(_))));
}

#[test]
fn not_a_number_never_travels() {
    let data: Vec<u8> = [f32::NAN, f32::INFINITY, 0.5].iter().flat_map(|x| x.to_le_bytes()).collect();
    let sound = decode_bytes(&riff(&[chunk(b"fmt ", &fmt(3, 1, 4, 32)), chunk(b"data", &data)])).unwrap();
    assert_eq!(sound.samples, [0.0, 0.0, 0.5]);
    assert_eq!(sound.facts().peak, 0.5);
}

#[test]
fn facts_and_mono_mix_of_a_stereo_sound() {
    let sound = Sound { samples: vec![0.5, -0.1, 0.25, 0.25], channels: 2, rate: 4 };
    assert_eq!(sound.mono(), Wave { samples: vec![0.2, 0.25], rate: 4 });
    let facts = sound.facts();
    assert_eq!((facts.seconds, facts.peak), (0.5, 0.5));
    assert!((f64::from(facts.rms) - (0.385_f64 / 4.0).sqrt()).abs() < 1e-6);
    assert_ne!(facts.hash, Sound { channels: 1, ..sound.clone() }.facts().hash);
    assert_ne!(facts.hash, Sound { rate: 5, ..sound }.facts().hash);
}

/// Every fixture, whole, by name.
fn fixtures() -> Vec<(String, Vec<u8>)> {
    let files = std::fs::read_dir(golden("")).unwrap().map(|entry| entry.unwrap().path());
    let mut fixtures: Vec<(String, Vec<u8>)> = files
        .filter(|path| path.extension().is_none_or(|suffix| suffix != "sh"))
        .map(|path| (path.display().to_string(), std::fs::read(path).unwrap()))
        .collect();
    fixtures.sort();
    fixtures
}

#[test]
fn a_cut_file_yields_its_beginning_or_an_error() {
    for (name, bytes) in fixtures() {
        let whole = decode_bytes(&bytes).map(|sound| sound.frames()).unwrap_or(0);
        let mut saved = 0;
        for length in (0..bytes.len()).step_by(7) {
            match decode_bytes(&bytes[..length]) {
                Ok(sound) => saved = saved.max(sound.frames()),
                Err(error) => assert!(!error.to_string().contains("decoder failed"), "{name} at {length}: {error}"),
            }
        }
        // The others hold the tone in one block, or their index at the end.
        let in_pieces = ["mulaw.wav", "aiff", "flac", "mp3"].iter().any(|ending| name.ends_with(ending));
        assert!(!in_pieces || saved * 10 > whole * 7, "{name}: {saved} of {whole} frames");
    }
}

proptest::proptest! {
    #![proptest_config(proptest::prelude::ProptestConfig { cases: 400, failure_persistence: None, ..Default::default() })]

    /// Real bytes with some of them changed: a sound without NaN or an error of one line; no panic gets out.
    #[test]
    fn mutated_files_are_a_sound_or_an_error(
        which in 0_usize..11,
        changes in proptest::collection::vec((0.0..1.0_f64, proptest::num::u8::ANY), 1..12),
        near_the_head in proptest::bool::ANY,
    ) {
        let (name, mut bytes) = fixtures().swap_remove(which);
        let reach = if near_the_head { bytes.len().min(96) } else { bytes.len() };
        for (at, value) in changes {
            bytes[(at * reach as f64) as usize] = value;
        }
        match decode_bytes(&bytes) {
            Ok(sound) => {
                proptest::prop_assert!(sound.samples.iter().all(|sample| sample.is_finite()));
                proptest::prop_assert!(sound.channels > 0 && sound.samples.len().is_multiple_of(usize::from(sound.channels)));
            }
            // A panic inside a decoder (with overflow checks on, symphonia's ADPCM has one) must arrive as an error too.
            Err(error) => proptest::prop_assert!(!error.to_string().contains('\n'), "{name}: {error}"),
        }
    }
}

/// Silence that counts how often it was started.
struct Counted(Silent, Arc<AtomicU64>);

impl Sink for Counted {
    fn name(&self) -> SinkName {
        self.0.name()
    }
    fn start(&mut self, sound: &Arc<Sound>, from: f64, tuning: Tuning) {
        self.0.start(sound, from, tuning);
        self.1.fetch_add(1, Ordering::SeqCst);
    }
    fn tune(&mut self, tuning: Tuning) {
        self.0.tune(tuning);
    }
    fn stop(&mut self) {
        self.0.stop();
    }
    fn progress(&self) -> Progress {
        self.0.progress()
    }
}

/// A player into silence by a clock (milliseconds) that the test turns.
struct Rig {
    player: Player,
    clock: Arc<AtomicU64>,
    starts: Arc<AtomicU64>,
    news: mpsc::Receiver<PlaybackNews>,
}

fn rig() -> Rig {
    let (clock, starts) = (Arc::new(AtomicU64::new(0)), Arc::new(AtomicU64::new(0)));
    let (hand, count) = (Arc::clone(&clock), Arc::clone(&starts));
    let open = move || {
        let now = move || Duration::from_millis(hand.load(Ordering::SeqCst));
        Box::new(Counted(Silent::with_clock("no sound device", Box::new(now)), count)) as Box<dyn Sink>
    };
    let (send, news) = mpsc::channel();
    let player = Player::new(open, move |told| drop(send.send(told))).unwrap();
    Rig { player, clock, starts, news }
}

impl Rig {
    /// Lets time pass once the sink has been started `starts` times.
    fn pass(&self, starts: u64, milliseconds: u64) {
        while self.starts.load(Ordering::SeqCst) < starts {
            std::thread::yield_now();
        }
        self.clock.fetch_add(milliseconds, Ordering::SeqCst);
    }
}

fn tone(seconds: usize) -> Arc<Sound> {
    Arc::new(Sound { samples: vec![0.1; 1_000 * seconds], channels: 1, rate: 1_000 })
}

/// Waits for the state, not for a time; a player that never gets there hangs in the test's own time limit.
fn until(player: &Player, reached: impl Fn(&Playback) -> bool) -> Playback {
    loop {
        let state = player.state();
        if reached(&state) {
            return state;
        }
        std::thread::yield_now();
    }
}

#[test]
fn a_silent_player_runs_to_the_end_and_tells() {
    let rig = rig();
    let player = &rig.player;
    assert_eq!(player.state(), Playback::default());
    let take = player.play(tone(3), 0.5, 1.0);
    let state = player.state();
    assert_eq!((state.take, state.playing, state.seconds), (take, true, 3.0), "shown before the thread obeyed");
    let silent = SinkName::Silent("no sound device".into());
    assert_eq!(rig.news.recv().unwrap(), PlaybackNews::Sink(silent.clone()));
    rig.pass(1, 1_000);
    assert_eq!(until(player, |state| state.position > 0.5).position, 1.5);
    rig.pass(1, 60_000);
    assert_eq!(rig.news.recv().unwrap(), PlaybackNews::Finished(take));
    let state = player.state();
    assert_eq!((state.playing, state.position, state.sink), (false, 3.0, silent));
}

#[test]
fn commands_show_at_once_and_hold() {
    let rig = rig();
    let player = &rig.player;
    player.play(tone(10), 0.0, 1.0);
    player.set_speed(9.0);
    player.set_volume(-1.0);
    assert_eq!((player.state().speed, player.state().volume), (2.0, 0.0));
    player.set_looping(true);
    player.toggle();
    player.seek(4.0);
    player.seek(-1.0);
    let state = player.state();
    assert_eq!((state.playing, state.position, state.looping), (false, 3.0, true));
    player.toggle();
    rig.pass(2, 500);
    assert_eq!(until(player, |state| state.position > 3.0).position, 4.0, "half a second at twice the speed");
    player.replay();
    assert_eq!((player.state().playing, player.state().position), (true, 0.0));
    player.stop();
    let state = player.state();
    assert_eq!((state.take, state.playing, state.seconds), (0, false, 0.0));
}

#[test]
fn a_newer_take_is_the_one_that_finishes() {
    let rig = rig();
    let first = rig.player.play(tone(5), 0.0, 1.0);
    let second = rig.player.play(tone(1), 0.0, 1.0);
    assert_ne!(first, second);
    rig.pass(2, 1_500);
    assert!(matches!(rig.news.recv().unwrap(), PlaybackNews::Sink(_)));
    assert_eq!(rig.news.recv().unwrap(), PlaybackNews::Finished(second));
}

#[cfg(all(feature = "playback", target_os = "linux"))]
mod alsa {
    use super::*;

    const CHILD: &str = "EMOLAB_TEST_ALSA_CHILD";

    /// Runs this test again in a process of its own whose ALSA writes to a file, and looks at the file.
    #[test]
    fn the_device_plays_at_the_right_pitch_and_level() {
        if std::env::var_os(CHILD).is_some() {
            return play_to_the_end();
        }
        let system = Path::new("/usr/share/alsa/alsa.conf");
        if !system.exists() {
            skipped(&format!("no {}", system.display()));
            return;
        }
        let folder = tempfile::tempdir().unwrap();
        let (config, raw) = (folder.path().join("asound.conf"), folder.path().join("out.raw"));
        let text = format!(
            "<{}>\npcm.!default {{ type plug slave {{ pcm {{ type file slave.pcm {{ type null }} file \"{}\" format raw }} \
             rate 48000 channels 2 format S16_LE }} }}\n",
            system.display(),
            raw.display()
        );
        std::fs::write(&config, text).unwrap();
        let module = module_path!().split_once("::").map_or("", |(_, module)| module);
        let test = format!("{module}::the_device_plays_at_the_right_pitch_and_level");
        let child = std::process::Command::new(std::env::current_exe().unwrap())
            .args(["--exact", &test, "--nocapture"])
            .env("ALSA_CONFIG_PATH", &config)
            .env(CHILD, "1")
            .output()
            .unwrap();
        assert!(child.status.success(), "{}", String::from_utf8_lossy(&child.stdout));
        let left: Vec<i16> =
            std::fs::read(&raw).unwrap().chunks_exact(4).map(|f| i16::from_le_bytes([f[0], f[1]])).collect();
        let heard: Vec<f64> = left.iter().map(|&s| f64::from(s) / 32_768.0).collect();
        let begin = heard.iter().position(|s| s.abs() > 0.01).expect("something was heard");
        let heard = &heard[begin..begin + 12_000];
        let crossings = heard.windows(2).filter(|pair| pair[0] < 0.0 && pair[1] >= 0.0).count();
        assert!((109..=111).contains(&crossings), "{crossings} periods of 440 Hz in 0.25 s");
        let rms = (heard.iter().map(|s| s * s).sum::<f64>() / heard.len() as f64).sqrt();
        assert!((rms - 0.5 / 2.0_f64.sqrt()).abs() < 0.01, "{rms}");
    }

    fn play_to_the_end() {
        let (send, news) = mpsc::channel();
        let player = Player::start(move |told| drop(send.send(told))).unwrap();
        let take = player.play(Arc::new(decode(&golden("tone.flac")).unwrap()), 0.0, 1.0);
        assert_eq!(news.recv().unwrap(), PlaybackNews::Sink(SinkName::Device));
        assert_eq!(news.recv().unwrap(), PlaybackNews::Finished(take));
        // A second sound, so that the first has left the device's buffer.
        let take = player.play(Arc::new(decode(&golden("tone.flac")).unwrap()), 0.0, 1.0);
        assert_eq!(news.recv().unwrap(), PlaybackNews::Finished(take));
    }
}
