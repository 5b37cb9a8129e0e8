//! Both ends over a socket pair: with each other, and each against a hand that plays the other end badly.

use std::os::unix::net::UnixStream;
use std::sync::mpsc::{Receiver, Sender, channel};
use std::sync::{Arc, Mutex};
use std::thread::{self, JoinHandle};
use std::time::{Duration, Instant};

use super::packing::pack;
use super::secret::nonce;
use super::wire::{self, CHUNK, Far, Near, WireError};
use super::{Companion, End, Hearth, Secret, Stream, serve};
use crate::audio::{Progress, Sink, SinkName, Sound, Tuning};

/// A test that would wait longer has failed.
const PATIENCE: Duration = Duration::from_secs(30);

/// What the laptop's sink was told.
#[derive(Debug, PartialEq)]
enum Told {
    Start(Arc<Sound>, f64, Tuning),
    Tune(Tuning),
    Stop,
}

/// A sink that writes down what it is told and stands where the test puts it.
struct Recorder {
    told: Sender<Told>,
    at: Arc<Mutex<Progress>>,
}

impl Sink for Recorder {
    fn name(&self) -> SinkName {
        SinkName::Device
    }
    fn start(&mut self, sound: &Arc<Sound>, from: f64, tuning: Tuning) {
        *self.at.lock().unwrap() = Progress::At(from);
        self.told.send(Told::Start(Arc::clone(sound), from, tuning)).unwrap();
    }
    fn tune(&mut self, tuning: Tuning) {
        self.told.send(Told::Tune(tuning)).unwrap();
    }
    fn stop(&mut self) {
        self.told.send(Told::Stop).unwrap();
    }
    fn progress(&self) -> Progress {
        self.at.lock().unwrap().clone()
    }
}

/// A laptop that serves one end of a pair.
struct Laptop {
    told: Receiver<Told>,
    at: Arc<Mutex<Progress>>,
    served: JoinHandle<Result<(), WireError>>,
    hearth: Hearth,
}

impl Laptop {
    fn new() -> (Laptop, Stream) {
        Laptop::with(Hearth { host: "laptop".into(), secret: Secret::random(), cache: None, limit: 0 })
    }

    fn with(hearth: Hearth) -> (Laptop, Stream) {
        let (near, far) = pair();
        let (told, at) = (channel(), Arc::new(Mutex::new(Progress::Finished)));
        let (sink, here) = (Recorder { told: told.0, at: Arc::clone(&at) }, hearth.clone());
        let served = thread::spawn(move || serve(near, &here, || Box::new(sink)));
        (Laptop { told: told.1, at, served, hearth }, far)
    }

    fn connected() -> (Laptop, Companion) {
        let (laptop, far) = Laptop::new();
        let companion = Companion::connect(far, &laptop.hearth.secret, "server").unwrap();
        (laptop, companion)
    }

    fn told(&self) -> Told {
        self.told.recv_timeout(PATIENCE).unwrap()
    }

    /// A hand in the place of the server, already welcome.
    fn by_hand() -> (Laptop, Stream) {
        let (laptop, mut far) = Laptop::new();
        far.set_patience(Some(PATIENCE), Some(PATIENCE)).unwrap();
        let Ok(Near::Greeting { nonce: greeting, .. }) = wire::read(&mut far) else { panic!("no greeting") };
        let nonce = nonce();
        let proof = laptop.hearth.secret.prove(End::Far, &greeting, &nonce);
        let hello = Far::Hello { version: "1".into(), host: "server".into(), nonce, proof };
        wire::write(&mut far, &hello).unwrap();
        assert!(matches!(wire::read(&mut far), Ok(Near::Welcome { .. })));
        (laptop, far)
    }
}

fn pair() -> (Stream, Stream) {
    let (near, far) = UnixStream::pair().unwrap();
    (Stream::Unix(near), Stream::Unix(far))
}

/// A companion with a hand in the place of the laptop.
fn companion_of_hand() -> (Companion, Stream) {
    let (mut near, far) = pair();
    let secret = Secret::random();
    let known = secret.clone();
    let connecting = thread::spawn(move || Companion::connect(far, &known, "server"));
    near.set_patience(Some(PATIENCE), Some(PATIENCE)).unwrap();
    let greeting = nonce();
    wire::write(&mut near, &Near::Greeting { version: "1".into(), nonce: greeting }).unwrap();
    let Ok(Far::Hello { nonce, .. }) = wire::read(&mut near) else { panic!("no hello") };
    let proof = secret.prove(End::Near, &greeting, &nonce);
    wire::write(&mut near, &Near::Welcome { host: "laptop".into(), proof, limit: 0 }).unwrap();
    (connecting.join().unwrap().unwrap(), near)
}

fn hear(stream: &mut Stream) -> Far {
    wire::read(stream).unwrap()
}

fn answer(stream: &mut Stream) -> Near {
    wire::read(stream).unwrap()
}

/// Noise that FLAC cannot make much shorter: `seconds` of it make 32,000 bytes each.
fn noise(seconds: f64, seed: u32) -> Arc<Sound> {
    let mut state = seed;
    let mut next = || {
        state = state.wrapping_mul(1_664_525).wrapping_add(1_013_904_223);
        f32::from((state >> 16) as i16) / 32_768.0
    };
    let samples = (0..(16_000.0 * seconds) as usize).map(|_| next()).collect();
    Arc::new(Sound { samples, channels: 1, rate: 16_000 })
}

fn until(what: &str, mut there: impl FnMut() -> bool) {
    let start = Instant::now();
    while !there() {
        assert!(start.elapsed() < PATIENCE, "waited for {what}");
        thread::sleep(Duration::from_millis(1));
    }
}

#[test]
fn a_sound_is_heard_sample_by_sample_and_its_end_is_told() {
    let (laptop, mut companion) = Laptop::connected();
    assert_eq!(companion.name(), SinkName::Companion("laptop".into()));
    let (sound, tuning) = (noise(1.5, 1), Tuning { volume: 0.5, region: Some((0.25, 1.0)), ..Tuning::default() });
    companion.start(&sound, 0.25, tuning);
    assert_eq!(laptop.told(), Told::Start(Arc::clone(&sound), 0.25, tuning));
    *laptop.at.lock().unwrap() = Progress::At(0.75);
    until("the position", || matches!(companion.progress(), Progress::At(at) if at >= 0.75));
    companion.tune(Tuning { looping: true, ..tuning });
    assert_eq!(laptop.told(), Told::Tune(Tuning { looping: true, ..tuning }));
    *laptop.at.lock().unwrap() = Progress::Finished;
    assert_eq!(laptop.told(), Told::Stop);
    until("the end", || companion.progress() == Progress::Finished);
    drop(companion);
    assert!(laptop.served.join().unwrap().is_ok());
}

#[test]
fn the_last_of_many_quick_orders_is_heard() {
    let (laptop, mut companion) = Laptop::connected();
    let sounds: Vec<_> = (0..30).map(|seed| noise(0.1, seed)).collect();
    companion.ahead(&sounds[20..]);
    for sound in &sounds {
        companion.start(sound, 0.0, Tuning::default());
    }
    until("the last sound", || matches!(laptop.told(), Told::Start(sound, ..) if sound == sounds[29]));
    companion.stop();
    until("silence", || laptop.told() == Told::Stop);
}

#[test]
fn a_sound_that_was_sent_ahead_is_not_sent_again() {
    let (laptop, mut far) = Laptop::by_hand();
    let sound = noise(0.2, 1);
    let (header, bytes) = pack(&sound);
    wire::write(&mut far, &Far::Sound(header)).unwrap();
    assert_eq!(answer(&mut far), Near::Need(header.hash));
    let mut at = 0;
    for data in bytes.chunks(CHUNK) {
        wire::write(&mut far, &Far::Chunk { hash: header.hash, at, data: data.to_vec() }).unwrap();
        at += data.len() as u64;
        assert_eq!(answer(&mut far), Near::Got(at));
    }
    wire::write(&mut far, &Far::Sound(header)).unwrap();
    assert_eq!(answer(&mut far), Near::Have(header.hash));
    let play = Far::Play { take: 7, hash: header.hash, from: 0.0, tuning: Tuning::default() };
    wire::write(&mut far, &play).unwrap();
    assert_eq!(laptop.told(), Told::Start(sound, 0.0, Tuning::default()));
    assert_eq!(answer(&mut far), Near::Started(7));
    wire::write(&mut far, &Far::Ping(3)).unwrap();
    until("the pong", || answer(&mut far) == Near::Pong(3));
}

#[test]
fn a_sound_that_the_laptop_has_is_not_sent() {
    let (mut companion, mut near) = companion_of_hand();
    let sounds = [noise(0.1, 1), noise(0.1, 2)];
    companion.ahead(&sounds);
    for _ in 0..2 {
        let Far::Sound(header) = hear(&mut near) else { panic!("no announcement") };
        wire::write(&mut near, &Near::Have(header.hash)).unwrap();
    }
    companion.start(&sounds[1], 0.0, Tuning::default());
    // Asked again, unless its first answer has not been read yet.
    until("play", || match hear(&mut near) {
        Far::Sound(header) => {
            wire::write(&mut near, &Near::Have(header.hash)).unwrap();
            false
        }
        message => {
            assert!(matches!(message, Far::Play { take: 1, .. }), "{message:?}");
            true
        }
    });
    companion.stop();
    assert_eq!(hear(&mut near), Far::Stop);
}

#[test]
fn a_stop_is_not_behind_a_whole_clip() {
    let (mut companion, mut near) = companion_of_hand();
    companion.start(&noise(20.0, 1), 0.0, Tuning::default());
    let Far::Sound(header) = hear(&mut near) else { panic!("no announcement") };
    assert!(header.bytes > 600_000);
    assert!(matches!(hear(&mut near), Far::Play { .. }));
    wire::write(&mut near, &Near::Need(header.hash)).unwrap();
    assert!(matches!(hear(&mut near), Far::Chunk { at: 0, .. }));
    companion.stop();
    let mut chunks = 0;
    while hear(&mut near) != Far::Stop {
        chunks += 1;
    }
    assert!(chunks < 8, "{chunks}");
}

#[test]
fn what_is_no_longer_wanted_is_not_sent_to_its_end() {
    let (mut companion, mut near) = companion_of_hand();
    companion.ahead(&[noise(20.0, 1)]);
    let Far::Sound(header) = hear(&mut near) else { panic!("no announcement") };
    wire::write(&mut near, &Near::Need(header.hash)).unwrap();
    assert!(matches!(hear(&mut near), Far::Chunk { .. }));
    assert!(companion.is_sending(), "nothing has arrived: the line is full");
    companion.ahead(&[]);
    until("its end", || hear(&mut near) == Far::Forget(header.hash));
    until("the line to be free", || !companion.is_sending());
}

#[test]
fn what_is_ordered_while_it_is_sent_ahead_goes_on_where_it_was() {
    let (mut companion, mut near) = companion_of_hand();
    let sound = noise(20.0, 1);
    companion.ahead(std::slice::from_ref(&sound));
    let Far::Sound(header) = hear(&mut near) else { panic!("no announcement") };
    wire::write(&mut near, &Near::Need(header.hash)).unwrap();
    assert!(matches!(hear(&mut near), Far::Chunk { at: 0, .. }));
    // As a label does: the next clip is played, and no longer to come.
    companion.start(&sound, 0.0, Tuning::default());
    companion.ahead(&[]);
    until("the order", || match hear(&mut near) {
        Far::Play { .. } => true,
        Far::Chunk { at, .. } => at == 0,
        other => panic!("{other:?}"),
    });
    wire::write(&mut near, &Near::Got(8_192)).unwrap();
    until("more of it", || matches!(hear(&mut near), Far::Chunk { at: 1.., .. }));
}

#[test]
fn a_connection_that_breaks_in_a_sound_is_told_and_nothing_hangs() {
    let (mut companion, mut near) = companion_of_hand();
    companion.start(&noise(20.0, 1), 0.5, Tuning::default());
    assert_eq!(companion.progress(), Progress::At(0.5));
    let Far::Sound(header) = hear(&mut near) else { panic!("no announcement") };
    wire::write(&mut near, &Near::Need(header.hash)).unwrap();
    near.end();
    let lost = Progress::Lost("connection to the laptop lost".into());
    until("the loss", || companion.progress() == lost);
    until("the end of both threads", || companion.threads() == 0);
    companion.start(&noise(0.1, 2), 0.0, Tuning::default());
    assert_eq!(companion.progress(), lost);
}

#[test]
fn a_server_that_dies_in_a_sound_leaves_no_thread() {
    let (laptop, mut far) = Laptop::by_hand();
    let (header, bytes) = pack(&noise(1.0, 1));
    wire::write(&mut far, &Far::Sound(header)).unwrap();
    wire::write(&mut far, &Far::Chunk { hash: header.hash, at: 0, data: bytes[..CHUNK].to_vec() }).unwrap();
    far.end();
    assert!(laptop.served.join().unwrap().is_ok());
}

#[test]
fn who_does_not_know_the_secret_is_refused_on_either_side() {
    let (laptop, far) = Laptop::new();
    let refusal = Companion::connect(far, &Secret::random(), "server").map(drop).unwrap_err();
    assert!(refusal.ends_with("the secret is another one"), "{refusal}");
    assert!(laptop.served.join().unwrap().is_err());

    let (mut near, far) = pair();
    let connecting = thread::spawn(move || Companion::connect(far, &Secret::random(), "server"));
    wire::write(&mut near, &Near::Greeting { version: "1".into(), nonce: [0; 32] }).unwrap();
    assert!(matches!(wire::read(&mut near), Ok(Far::Hello { .. })));
    wire::write(&mut near, &Near::Welcome { host: "thief".into(), proof: [0; 32], limit: 0 }).unwrap();
    let refusal = connecting.join().unwrap().map(drop).unwrap_err();
    assert!(refusal.ends_with("does not know the secret"), "{refusal}");
}

#[test]
fn a_server_that_breaks_the_rules_is_cut_off() {
    let (header, bytes) = pack(&noise(1.0, 1));
    let chunk = |at: u64| Far::Chunk { hash: header.hash, at, data: bytes[..CHUNK].to_vec() };
    let many = (0..40_u8).map(|n| Far::Sound(wire::Header { hash: crate::audio::AudioHash([n; 32]), ..header }));
    let cases: [(Vec<Far>, &str); 3] = [
        (vec![chunk(0)], "a chunk of no announced sound"),
        (vec![Far::Sound(header), chunk(5)], "a chunk out of order"),
        (many.collect(), "too many sounds at once"),
    ];
    for (messages, rule) in cases {
        let (laptop, mut far) = Laptop::by_hand();
        for message in messages {
            // It may be cut off before the last of them.
            let _ = wire::write(&mut far, &message);
        }
        let end = laptop.served.join().unwrap().unwrap_err().to_string();
        assert!(end.ends_with(rule), "{end}");
    }
}

#[test]
fn a_laptop_without_sound_says_so() {
    let (near, far) = pair();
    let hearth = Hearth { host: "laptop".into(), secret: Secret::random(), cache: None, limit: 0 };
    let secret = hearth.secret.clone();
    let open = || Box::new(crate::audio::Silent::new("no sound device")) as Box<dyn Sink>;
    let served = thread::spawn(move || serve(near, &hearth, open));
    let mut companion = Companion::connect(far, &secret, "server").unwrap();
    companion.start(&noise(0.1, 1), 0.0, Tuning::default());
    until("the reason", || companion.progress() == Progress::Lost("laptop: no sound device".into()));
    assert!(served.join().unwrap().is_ok());
}
