//! Contracts over every feature set, and golden numbers against librosa (`golden/features.py`).

use crate::support::recordings;
use emolab::audio::Wave;
use emolab::features::dsp::chroma::{Chroma, Tuning};
use emolab::features::dsp::contrast::Contrast;
use emolab::features::dsp::emphasis::{deemphasis, preemphasis};
use emolab::features::dsp::mel::{self, Decibels, Mel, MelBank, Norm, Order, Reference, Scale};
use emolab::features::dsp::pitch::Yin;
use emolab::features::dsp::pyin::Pyin;
use emolab::features::dsp::trim::trim;
use emolab::features::dsp::{Framing, Stft, shape};
use emolab::features::logmel::Spectrogram;
use emolab::features::mfcc::Cepstrum;
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

fn floats(table: &Value) -> Vec<f64> {
    table.as_array().unwrap().iter().map(|v| v.as_f64().unwrap()).collect()
}

/// Largest difference, relative to the value or to `floor` where that is larger.
fn worst(ours: &[f32], theirs: &[f64], floor: f64) -> f64 {
    assert_eq!(ours.len(), theirs.len(), "number of values");
    let error = |(a, b): (&f32, &f64)| (f64::from(*a) - b).abs() / b.abs().max(floor).max(1e-12);
    ours.iter().zip(theirs).map(error).fold(0.0, f64::max)
}

/// A signal of the golden tables: its samples, its framing, and librosa's numbers.
struct Signal<'a> {
    name: &'a str,
    samples: Vec<f32>,
    rate: u32,
    framing: Framing,
    wanted: &'a Value,
}

impl<'a> Signal<'a> {
    /// `None`, said aloud, where its recording is not there.
    fn of(name: &'a str, wanted: &'a Value) -> Option<Signal<'a>> {
        let number = |key: &str| wanted[key].as_u64().unwrap() as usize;
        let framing = Framing { window: number("window"), hop: number("hop"), fft: number("fft") };
        let samples = if wanted["file"].is_null() { synthetic() } else { read(wanted)? };
        Some(Signal { name, samples, rate: number("rate") as u32, framing, wanted })
    }

    /// To 1e-4, relative to values no smaller than the table's `floor`: below it librosa in single precision does not
    /// agree with itself in double.
    fn agrees(&self, measure: &str, ours: &[f32]) {
        self.agrees_above(measure, ours, 0.0);
    }

    /// The same, also relative to no less than a `share` of the largest value.
    fn agrees_above(&self, measure: &str, ours: &[f32], share: f64) {
        let table = &self.wanted[measure];
        let theirs = floats(&table["values"]);
        let largest = theirs.iter().fold(0.0_f64, |most, v| most.max(v.abs()));
        let error = worst(ours, &theirs, table["floor"].as_f64().unwrap().max(share * largest));
        println!("{} {measure}: {error:.1e}", self.name);
        assert!(error <= 1e-4, "{measure} of {} differs from librosa by {error:e}", self.name);
    }

    /// Every how manieth frame the tables keep.
    fn step(&self) -> usize {
        (self.framing.frames(self.samples.len()) / 6).max(1)
    }

    /// Power of every frame.
    fn spectra(&self) -> Vec<Vec<f32>> {
        let mut stft = Stft::new(self.framing);
        (0..self.framing.frames(self.samples.len())).map(|t| stft.power(&self.samples, t).to_vec()).collect()
    }
}

/// A second of a clip as `read` of the script takes it.
fn read(wanted: &Value) -> Option<Vec<f32>> {
    let path = recordings("")?.join(wanted["file"].as_str().unwrap());
    let mut file = hound::WavReader::open(path).unwrap();
    let (rate, first) = (file.spec().sample_rate as usize, wanted["first"].as_u64().unwrap() as usize);
    let wave: Vec<f32> = file.samples::<i16>().map(|s| f32::from(s.unwrap()) / 32_768.0).collect();
    let halved = wanted["halved"].as_bool().unwrap();
    let wave = if halved { wave.chunks_exact(2).map(|two| (two[0] + two[1]) / 2.0).collect() } else { wave };
    let end = (first + rate / if halved { 2 } else { 1 }).min(wave.len());
    Some(wave[first..end].to_vec())
}

/// A picture `[row, frame]` of the kept frames, frame by frame, from one row per frame.
fn thinned<const N: usize>(rows: &[[f32; N]], step: usize) -> Vec<f32> {
    rows.iter().step_by(step).flatten().copied().collect()
}

fn flat(rows: &[Vec<f32>], step: usize) -> Vec<f32> {
    rows.iter().step_by(step).flatten().copied().collect()
}

/// Row-major `[row, frame]` of one row per frame.
fn turned(rows: &[Vec<f32>]) -> Vec<f32> {
    (0..rows[0].len()).flat_map(|at| rows.iter().map(move |row| row[at])).collect()
}

/// One row per frame of row-major `[row, frame]`.
fn back(picture: &[f32], frames: usize) -> Vec<Vec<f32>> {
    (0..frames).map(|t| picture[t..].iter().step_by(frames).copied().collect()).collect()
}

fn bands_agree(signal: &Signal<'_>, spectra: &[Vec<f32>]) {
    let (step, half) = (signal.step(), f64::from(signal.rate) / 2.0);
    let frequencies = signal.framing.frequencies(signal.rate);
    let apply = |bank: &MelBank| -> Vec<Vec<f32>> {
        let mut out = vec![0.0; bank.len()];
        let mut of = |power: &Vec<f32>| {
            bank.apply(power, &mut out);
            out.clone()
        };
        spectra.iter().map(&mut of).collect()
    };
    let slaney = apply(&MelBank::new(&frequencies, 64, 50.0, half.min(8000.0)));
    let htk = Mel { bands: 40, low: 0.0, high: half, scale: Scale::Htk, norm: Norm::Height };
    signal.agrees("mel", &flat(&slaney, step));
    signal.agrees("htk", &flat(&apply(&MelBank::of(&frequencies, htk)), step));
    let mut db = turned(&slaney);
    Decibels::LIBROSA.powers(&mut db);
    cepstra_agree(signal, &db, spectra.len());
    derivatives_agree(signal, &db, spectra.len());
}

fn cepstra_agree(signal: &Signal<'_>, db: &[f32], frames: usize) {
    let step = signal.step();
    signal.agrees("db", &flat(&back(db, frames), step));
    let spectrogram = Spectrogram { bands: 64, ..Spectrogram::SPEECH };
    let mut mfcc = vec![0.0; 20 * frames];
    for (name, lifter) in [("lifted", 22.0), ("mfcc", 0.0)] {
        Cepstrum { spectrogram, coefficients: 20, lifter }.transform(db, &mut mfcc, frames);
        signal.agrees(name, &flat(&back(&mfcc, frames), step));
    }
    let mut slopes = vec![0.0; mfcc.len()];
    let tracks = mfcc.chunks(frames).zip(slopes.chunks_mut(frames));
    tracks.for_each(|(track, out)| mel::derivative(track, out, Order::First, 5));
    signal.agrees("delta5", &flat(&back(&slopes, frames), step));
}

fn derivatives_agree(signal: &Signal<'_>, db: &[f32], frames: usize) {
    type Derivative = fn(&[f32], &mut [f32]);
    let orders: [(&str, Derivative, Order); 2] =
        [("delta", mel::delta, Order::First), ("delta2", mel::delta2, Order::Second)];
    for (name, derive, order) in orders {
        let (mut fixed, mut free) = (vec![0.0; db.len()], vec![0.0; db.len()]);
        db.chunks(frames).zip(fixed.chunks_mut(frames)).for_each(|(track, out)| derive(track, out));
        db.chunks(frames).zip(free.chunks_mut(frames)).for_each(|(t, out)| mel::derivative(t, out, order, 9));
        signal.agrees(name, &flat(&back(&fixed, frames), signal.step()));
        signal.agrees(name, &flat(&back(&free, frames), signal.step()));
    }
}

fn shapes_agree(signal: &Signal<'_>, spectra: &[Vec<f32>]) {
    let hz = signal.framing.frequencies(signal.rate);
    let magnitudes: Vec<Vec<f32>> = spectra.iter().map(|p| p.iter().map(|v| v.sqrt()).collect()).collect();
    let every = |of: &dyn Fn(&Vec<f32>) -> f32| magnitudes.iter().map(of).collect::<Vec<_>>();
    signal.agrees("centroid", &every(&|m| shape::centroid_and_bandwidth(m, &hz).0));
    signal.agrees("bandwidth", &every(&|m| shape::centroid_and_bandwidth(m, &hz).1));
    signal.agrees("rolloff", &every(&|m| shape::rolloff(m, &hz, 0.85)));
    signal.agrees("flatness", &spectra.iter().map(|p| shape::flatness(p)).collect::<Vec<_>>());

    let step = signal.step();
    let kept = |rows: &[Vec<f32>]| rows.iter().step_by(2 * step).flat_map(|r| r.iter().step_by(12).copied()).collect();
    let power: Vec<f32> = kept(spectra);
    // librosa transforms in double precision and rounds; ours is single, which cannot hold more than 60 dB between
    // bins of a frame to 1e-4.
    signal.agrees_above("power", &power, 1e-6);
    let mut levels = magnitudes.concat();
    Decibels { reference: Reference::Maximum, floor: 1e-10, top_db: Some(60.0) }.amplitudes(&mut levels);
    let levels: Vec<Vec<f32>> = levels.chunks(signal.framing.bins()).map(<[f32]>::to_vec).collect();
    let levels: Vec<f32> = kept(&levels);
    signal.agrees("db_max", &levels);

    let frames = spectra.len();
    let mut bands = Contrast::new(&hz);
    let (mut peaks, mut valleys) = (vec![0.0; bands.len() * frames], vec![0.0; bands.len() * frames]);
    for (t, magnitude) in magnitudes.iter().enumerate() {
        bands.ends(magnitude, |k, high, low| (peaks[k * frames + t], valleys[k * frames + t]) = (high, low));
    }
    Contrast::decibels(&mut peaks, &mut valleys);
    signal.agrees("contrast", &flat(&back(&peaks, frames), step));
}

fn chroma_agrees(signal: &Signal<'_>, spectra: &[Vec<f32>]) {
    let mut tuning = Tuning::new(signal.rate, signal.framing.fft);
    spectra.iter().for_each(|power| tuning.add(power));
    let tuning = tuning.estimate();
    assert!((tuning - floats(&signal.wanted["tuning"]["values"])[0]).abs() < 1e-6, "{}: tuning {tuning}", signal.name);
    for (name, tuning) in [("chroma", tuning), ("chroma0", 0.0)] {
        let classes = Chroma::new(signal.rate, signal.framing.fft, tuning);
        let rows: Vec<[f32; 12]> = spectra.iter().map(|power| classes.of(power)).collect();
        signal.agrees(name, &thinned(&rows, signal.step()));
    }
}

fn waves_agree(signal: &Signal<'_>) {
    let Framing { window, hop, .. } = signal.framing;
    let wave = &signal.samples;
    signal.agrees("rms", &shape::rms(wave, window, hop));
    signal.agrees("zcr", &shape::zero_crossing_rate(wave, window, hop));
    let kept = trim(wave, 30.0, window, hop);
    signal.agrees("trim", &[kept.start as f32, kept.end as f32]);
    let thin = |wave: Vec<f32>| wave.iter().step_by(wave.len() / 100).copied().collect::<Vec<_>>();
    signal.agrees("preemphasis", &thin(preemphasis(wave, 0.97)));
    signal.agrees("deemphasis", &thin(deemphasis(wave, 0.97)));
    let frame = signal.wanted["pitch"].as_u64().unwrap() as usize;
    let yin = Yin { low: 60.0, high: 600.0, frame, hop, trough: 0.1 };
    signal.agrees("yin", &yin.track(wave, signal.rate).iter().map(|c| c.hz).collect::<Vec<_>>());
}

fn signal_agrees(name: &str) {
    let golden = golden();
    let Some(signal) = Signal::of(name, &golden["signals"][name]) else { return };
    let spectra = signal.spectra();
    bands_agree(&signal, &spectra);
    shapes_agree(&signal, &spectra);
    chroma_agrees(&signal, &spectra);
    waves_agree(&signal);
}

#[test]
fn a_made_signal_has_librosas_numbers() {
    signal_agrees("synthetic");
}

#[test]
fn speech_at_16_khz_has_librosas_numbers() {
    signal_agrees("16000");
}

#[test]
fn speech_at_22_khz_has_librosas_numbers() {
    signal_agrees("22050");
}

#[test]
fn speech_at_44_khz_has_librosas_numbers() {
    signal_agrees("44100");
}

#[test]
fn speech_at_48_khz_has_librosas_numbers() {
    signal_agrees("48000");
}

/// The logarithm of the picture is an approximation: it is held to the one that librosa takes.
#[test]
fn the_image_has_librosas_decibels() {
    let golden = golden();
    let signal = Signal::of("synthetic", &golden["signals"]["synthetic"]).unwrap();
    let wave = Wave { samples: signal.samples.clone(), rate: signal.rate };
    let (db, frames) = Spectrogram { level: None, ..Spectrogram::SPEECH }.decibels(&wave).unwrap();
    signal.agrees("db", &flat(&back(&db, frames), signal.step()));
}

#[test]
fn pyin_hears_what_librosas_hears() {
    let golden: Value = serde_json::from_str(include_str!("golden/features_pitch.json")).unwrap();
    let (mut frames, mut same, mut both, mut near) = (0, 0, 0, 0);
    for clip in golden["clips"].as_array().unwrap() {
        let Some(root) = recordings("") else { return };
        let mut file = hound::WavReader::open(root.join(clip["file"].as_str().unwrap())).unwrap();
        let wave: Vec<f32> = file.samples::<i16>().map(|s| f32::from(s.unwrap()) / 32_768.0).collect();
        let range = ["low", "high"].map(|key| clip[key].as_f64().unwrap());
        let second = &wave[..wave.len().min(file.spec().sample_rate as usize)];
        let track = Pyin::new(range[0], range[1], 2048).track(second, file.spec().sample_rate);
        let [hz, voiced, share] = ["hz", "voiced", "probability"].map(|key| floats(&clip[key]));
        assert_eq!(track.len(), hz.len());
        for (t, found) in track.iter().enumerate() {
            frames += 1;
            same += usize::from(found.voiced == (voiced[t] == 1.0));
            assert!((f64::from(found.probability) - share[t]).abs() < 0.011, "frame {t}: {found:?}, {}", share[t]);
            if found.voiced && voiced[t] == 1.0 {
                both += 1;
                near += usize::from((1200.0 * (f64::from(found.hz) / hz[t]).log2()).abs() < 10.0);
            }
        }
    }
    assert!(same * 100 >= frames * 99, "voicing of {same} of {frames} frames");
    assert!(near * 100 >= both * 99 && both > 30, "pitch of {near} of {both} voiced frames");
}

#[test]
fn a_short_track_has_librosas_nearest_delta() {
    let mut out = [0.0; 5];
    mel::delta(&[3.0, 1.0, 4.0, 1.0, 5.0], &mut out);
    let error = worst(&out, &floats(&golden()["short_delta"]["values"]), 0.0);
    assert!(error <= 1e-4, "{error:e}");
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
        assert!(set.columns().iter().all(|c| !c.unit.is_empty() && !c.source.is_empty()));
    });
    assert!(feature_set("no such set").is_err());
    assert!([Kind::Image, Kind::Row].iter().all(|kind| FEATURE_SETS.iter().any(|set| set.kind() == *kind)));
}

#[test]
fn parameters_are_part_of_the_name() {
    let chosen = [
        ("logmel:hop=0.02,bands=40", "logmel:bands=40,hop=0.02"),
        ("logmel:scale=htk,level=keep,low=0,high=4000", "logmel:low=0,high=4000,scale=htk,level=keep"),
        ("logmel:bands=64,window=0.025,level=0.10", "logmel"),
        ("mfcc:n=13,lifter=22", "mfcc:n=13,lifter=22"),
        ("mfcc-lld:bands=26,n=13,scale=htk", "mfcc-lld:n=13,bands=26,scale=htk"),
        ("spectral:rolloff=0.5,hop=0.02", "spectral:hop=0.02,rolloff=0.5"),
        ("spectral:chroma=0.05+mfcc:n=12", "spectral:chroma=0.05+mfcc:n=12"),
    ];
    for (typed, name) in chosen {
        let set = feature_set(typed).unwrap();
        assert_eq!(set.name(), name, "{typed}");
        let again = feature_set(set.name()).unwrap();
        assert_eq!((again.name(), again.columns()), (set.name(), set.columns()));
        let wave = Wave { samples: synthetic(), rate: 16_000 };
        assert_eq!(again.extract(&wave), set.extract(&wave), "{typed}");
        assert!(values(&*again, noise(100, 0.3), 8_000).iter().all(|v| v.is_finite()), "{typed}");
    }
}

#[test]
fn a_wrong_parameter_says_what_is_right() {
    let wrong = [
        ("logmel:bands=0", "bands must be a whole number from 1 to 512"),
        ("logmel:window=25", "window must be a number from 0.001 to 1"),
        ("logmel:scale=bark", "scale must be slaney or htk"),
        ("logmel:level=loud", "level must be a root mean square"),
        ("logmel:low=9000", "low must be below high=8000"),
        ("logmel:bnads=40", "no parameter `bnads`; there are bands, window, hop"),
        ("mfcc:n=65", "n must be at most bands=64"),
        ("mfcc:lifter=-1", "lifter must be a number from 0 to 1000"),
        ("mfcc-lld:n=x", "feature set `mfcc-lld`: `n=x`: n must be a whole number"),
        ("spectral:rolloff=85", "rolloff must be a number from 0.01 to 0.99"),
        ("spectral:hop=nan", "hop must be a number"),
    ];
    for (typed, right) in wrong {
        let error = feature_set(typed).err().unwrap().to_string();
        assert!(error.contains(right), "{typed}: {error}");
    }
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
fn a_long_clip_works() {
    for_every_set(|set| assert!(values(set, noise(15 * 16_000, 0.2), 16_000).iter().all(|v| v.is_finite())));
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
