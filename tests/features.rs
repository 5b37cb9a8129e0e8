//! Contracts over every feature set, and golden numbers against librosa (`golden/features.py`).

use crate::support::recordings;
use emolab::audio::Wave;
use emolab::features::dsp::mel::{self, MelBank};
use emolab::features::dsp::pitch::Yin;
use emolab::features::dsp::{Framing, Stft, shape};
use emolab::features::logmel::Spectrogram;
use emolab::features::{FEATURE_SETS, FeatureError, FeatureSet, Features, Kind, feature_set};
use serde_json::Value;

/// The same arithmetic as `synthetic` in `golden/features.py`.
fn synthetic() -> Vec<f32> {
    let (mut phase, mut state) = (0_i64, 1_i64);
    let sample = |i: i64| {
        phase = (phase + 450_560 + 40 * i) % (1 << 26);
        state = (state * 1_664_525 + 1_013_904_223) % (1 << 32);
        let (saw, noise) = ((phase >> 10) - 32_768, (state >> 16) - 32_768);
        let gain = if i < 6400 { i.min(2000) } else { 0 };
        (((saw * gain) >> 12) + if i < 7200 { noise >> 7 } else { 0 }) as f32 / 32_768.0
    };
    (0..8000).map(sample).collect()
}

fn golden() -> Value {
    serde_json::from_str(include_str!("golden/features.json")).unwrap()
}

fn numbers(table: &Value) -> Vec<f64> {
    table["values"].as_array().unwrap().iter().map(|v| v.as_f64().unwrap()).collect()
}

/// Largest difference, relative to the value or, for values small beside the table's largest, to `floor` of that:
/// single precision cannot hold a bin 100 dB below its neighbour.
fn worst(ours: &[f32], table: &Value, floor: f64) -> f64 {
    let theirs = numbers(table);
    assert_eq!(ours.len(), theirs.len(), "number of values");
    let largest = theirs.iter().fold(0.0_f64, |most, v| most.max(v.abs()));
    let error = |(a, b): (&f32, &f64)| (f64::from(*a) - b).abs() / b.abs().max(floor * largest).max(1e-12);
    ours.iter().zip(&theirs).map(error).fold(0.0, f64::max)
}

fn agrees(name: &str, ours: &[f32], table: &Value, floor: f64) {
    let error = worst(ours, table, floor);
    assert!(error <= 1e-4, "{name} differs from librosa by {error:e}");
}

/// Every `step`-th frame of a row-major `[band, frame]` picture, frame by frame.
fn thinned(picture: &[f32], frames: usize, step: usize) -> Vec<f32> {
    let bands = picture.len() / frames;
    (0..frames).step_by(step).flat_map(|t| (0..bands).map(move |b| picture[b * frames + t])).collect()
}

fn spectra_agree(samples: &[f32], rate: u32, wanted: &Value) {
    let framing = Framing::seconds(rate, 0.025, 0.010);
    let frames = framing.frames(samples.len());
    let step = (frames / 12).max(1);
    let hz = framing.frequencies(rate);
    let mut stft = Stft::new(framing);
    let spectra: Vec<Vec<f32>> = (0..frames).map(|t| stft.power(samples, t).to_vec()).collect();
    let kept: Vec<f32> = spectra.iter().step_by(step * 4).flatten().copied().collect();
    agrees("power", &kept, &wanted["power"], 1e-6);

    let bank = MelBank::new(&hz, 40, 20.0, 8000.0_f64.min(f64::from(rate) / 2.0));
    let matrix = mel::dct(20, 40);
    let mfcc = |power: &Vec<f32>| {
        let (mut bands, mut out) = (vec![0.0; 40], vec![0.0; 20]);
        bank.apply(power, &mut bands);
        bands.iter_mut().for_each(|v| *v = mel::power_to_db(*v));
        mel::transform(&matrix, &bands, &mut out);
        out
    };
    agrees("mfcc", &spectra.iter().step_by(step).flat_map(mfcc).collect::<Vec<_>>(), &wanted["mfcc"], 1e-2);

    let magnitudes: Vec<Vec<f32>> = spectra.iter().map(|p| p.iter().map(|v| v.sqrt()).collect()).collect();
    let (centroid, bandwidth): (Vec<f32>, Vec<f32>) =
        magnitudes.iter().map(|m| shape::centroid_and_bandwidth(m, &hz)).unzip();
    agrees("centroid", &centroid, &wanted["centroid"], 0.0);
    agrees("bandwidth", &bandwidth, &wanted["bandwidth"], 0.0);
    let rolloff: Vec<f32> = magnitudes.iter().map(|m| shape::rolloff(m, &hz, 0.85)).collect();
    agrees("rolloff", &rolloff, &wanted["rolloff"], 0.0);
    agrees("flatness", &spectra.iter().map(|p| shape::flatness(p)).collect::<Vec<_>>(), &wanted["flatness"], 0.0);
    agrees("rms", &shape::rms(samples, framing.window, framing.hop), &wanted["rms"], 1e-6);
    agrees("zcr", &shape::zero_crossing_rate(samples, framing.window, framing.hop), &wanted["zcr"], 0.0);
}

fn image_agrees(samples: &[f32], rate: u32, wanted: &Value) {
    let wave = Wave { samples: samples.to_vec(), rate };
    let (db, frames) = Spectrogram { level: None, ..Spectrogram::SPEECH }.decibels(&wave).unwrap();
    let step = (frames / 12).max(1);
    agrees("db", &thinned(&db, frames, step), &wanted["db"], 1e-3);
    type Derivative = fn(&[f32], &mut [f32]);
    for (name, derive) in [("delta", mel::delta as Derivative), ("delta2", mel::delta2)] {
        let mut slopes = vec![0.0; db.len()];
        db.chunks(frames).zip(slopes.chunks_mut(frames)).for_each(|(track, out)| derive(track, out));
        agrees(name, &thinned(&slopes, frames, step), &wanted[name], 1e-2);
    }
}

fn pitch_agrees(samples: &[f32], rate: u32, wanted: &Value) {
    let hop = Framing::seconds(rate, 0.025, 0.010).hop;
    let track: Vec<f32> = Yin::speech(rate, hop).track(samples, rate).iter().map(|c| c.hz).collect();
    agrees("yin", &track, &wanted["yin"], 0.0);
}

#[test]
fn a_made_signal_has_librosas_numbers() {
    let (wave, wanted) = (synthetic(), &golden()["synthetic"]);
    spectra_agree(&wave, 16_000, wanted);
    image_agrees(&wave, 16_000, wanted);
    pitch_agrees(&wave, 16_000, wanted);
}

#[test]
fn a_real_clip_has_librosas_numbers() {
    let golden = golden();
    let wanted = &golden["clip"];
    let Some(root) = recordings("") else { return };
    let path = root.join(wanted["file"].as_str().unwrap());
    let mut file = hound::WavReader::open(path).unwrap();
    let rate = file.spec().sample_rate;
    let wave: Vec<f32> = file.samples::<i16>().map(|s| f32::from(s.unwrap()) / 32_768.0).collect();
    spectra_agree(&wave, rate, wanted);
    image_agrees(&wave, rate, wanted);
    pitch_agrees(&wave, rate, wanted);
}

#[test]
fn mel_weights_are_librosas() {
    let framing = Framing { window: 551, hop: 221, fft: 1024 };
    let bank = MelBank::new(&framing.frequencies(22_050), 64, 50.0, 8000.0);
    let mut columns = Vec::new();
    for bin in (0..400).step_by(3) {
        let (mut unit, mut out) = (vec![0.0; framing.bins()], vec![0.0; 64]);
        unit[bin] = 1.0;
        bank.apply(&unit, &mut out);
        columns.push(out);
    }
    let weights: Vec<f32> = (0..64).step_by(9).flat_map(|b| columns.iter().map(move |c| c[b])).collect();
    agrees("mel", &weights, &golden()["mel"], 1e-3);
}

#[test]
fn a_short_track_has_librosas_nearest_delta() {
    let mut out = [0.0; 5];
    mel::delta(&[3.0, 1.0, 4.0, 1.0, 5.0], &mut out);
    agrees("short delta", &out, &golden()["short_delta"], 1e-3);
}

// ---- contracts over the registry ----

fn for_every_set(check: impl Fn(&dyn FeatureSet)) {
    FEATURE_SETS.iter().for_each(|set| check(*set));
}

fn noise(len: usize, level: f32) -> Vec<f32> {
    let mut state = 7_u32;
    let mut next = || {
        state = state.wrapping_mul(1_664_525).wrapping_add(1_013_904_223);
        (state >> 8) as f32 / 8_388_608.0 - 1.0
    };
    (0..len).map(|_| next() * level).collect()
}

/// All numbers of a clip's features, after checking that they fit the columns.
fn values(set: &dyn FeatureSet, samples: Vec<f32>, rate: u32) -> Vec<f32> {
    let columns = set.columns().len();
    match set.extract(&Wave { samples, rate }).unwrap() {
        Features::Row(row) => {
            assert_eq!((row.len(), set.kind()), (columns, Kind::Row));
            row
        }
        Features::Image(image) => {
            let (channels, bands, frames) = image.dim();
            assert_eq!((channels * bands, set.kind()), (columns, Kind::Image));
            assert!(frames > 0 && image.is_standard_layout());
            image.iter().copied().collect()
        }
    }
}

#[test]
fn names_are_unique_and_found() {
    for_every_set(|set| {
        assert_eq!(FEATURE_SETS.iter().filter(|other| other.name() == set.name()).count(), 1);
        assert!(feature_set(set.name()).is_ok_and(|found| found.name() == set.name()));
        assert!(set.version() > 0 && !set.about().is_empty());
        let mut names: Vec<String> = set.columns().into_iter().map(|c| c.name).collect();
        let count = names.len();
        names.sort();
        names.dedup();
        assert_eq!(names.len(), count, "{} names a column twice", set.name());
        assert!(set.columns().iter().all(|c| !c.unit.is_empty()));
    });
    assert!(feature_set("no such set").is_err());
    assert!([Kind::Image, Kind::Row].iter().all(|kind| FEATURE_SETS.iter().any(|set| set.kind() == *kind)));
}

#[test]
fn odd_clips_have_finite_features() {
    let sine = |len: usize| -> Vec<f32> { (0..len).map(|i| (i as f32 * 0.06).sin()).collect() };
    let clips: Vec<(&str, Vec<f32>)> = vec![
        ("silence", vec![0.0; 16_000]),
        ("one sample", vec![0.5]),
        ("one silent sample", vec![0.0]),
        ("two samples", vec![0.5, -0.5]),
        ("5 ms", sine(80)),
        ("10 ms", noise(160, 0.3)),
        ("constant", vec![0.7; 8000]),
        ("clipped", sine(8000).iter().map(|x| (x * 50.0).clamp(-1.0, 1.0)).collect()),
        ("noise", noise(16_000, 0.5)),
        ("hardly audible", noise(8000, 1e-9)),
        ("denormal", vec![1e-40; 4000]),
        ("huge", noise(4000, f32::MAX / 2.0)),
        ("one click", (0..8000).map(|i| f32::from(u8::from(i == 4000))).collect()),
        ("speech then silence", [noise(8000, 0.5), vec![0.0; 8000]].concat()),
    ];
    for_every_set(|set| {
        for (name, clip) in &clips {
            let bad = values(set, clip.clone(), 16_000).into_iter().position(|v| !v.is_finite());
            assert_eq!(bad, None, "{} of {name}", set.name());
        }
    });
}

#[test]
fn any_usable_rate_works_and_others_are_refused() {
    for_every_set(|set| {
        for rate in [1_000, 8_000, 11_025, 24_414, 44_100, 48_000, 192_000, 768_000] {
            assert!(values(set, noise(rate as usize / 5, 0.3), rate).iter().all(|v| v.is_finite()), "{rate} Hz");
        }
        for rate in [0, 1, 999, u32::MAX] {
            let refused = set.extract(&Wave { samples: vec![0.1; 100], rate });
            assert_eq!(refused, Err(FeatureError::Rate(rate)));
        }
    });
}

#[test]
fn a_minute_of_sound_works() {
    for_every_set(|set| assert!(values(set, noise(60 * 16_000, 0.2), 16_000).iter().all(|v| v.is_finite())));
}

#[test]
fn empty_and_nan_are_errors() {
    for_every_set(|set| {
        let of = |samples: Vec<f32>| set.extract(&Wave { samples, rate: 16_000 });
        assert_eq!(of(vec![]), Err(FeatureError::Empty));
        assert_eq!(of(vec![0.0, f32::NAN]), Err(FeatureError::NotFinite(1)));
        assert_eq!(of(vec![f32::NEG_INFINITY; 500]), Err(FeatureError::NotFinite(0)));
    });
}

#[test]
fn the_same_wave_gives_the_same_bits() {
    for_every_set(|set| {
        let once = values(set, synthetic(), 16_000);
        let elsewhere = std::thread::scope(|scope| scope.spawn(|| values(set, synthetic(), 16_000)).join().unwrap());
        assert!(once.iter().zip(&elsewhere).all(|(a, b)| a.to_bits() == b.to_bits()), "{}", set.name());
    });
}
