//! Hearing from end to end: a page in a browser played by hand over a socket, speed at the same pitch and loudness on real
//! recordings, and the doctor.

use std::io::{Read, Write};
use std::net::TcpStream;
use std::process::{Child, Command, Stdio};
use std::sync::{Arc, mpsc};
use std::time::Duration;

use emolab::audio::{
    Again, Browser, Ladder, Playback, PlaybackNews, Player, Rung, Sink, SinkName, Sound, Wish, decode, decode_bytes,
};
use emolab::features::dsp::pitch::Yin;
use serde_json::{Value, json};

use crate::support::{Home, recordings, skipped, text};

/// A browser without eyes: asks as the page does.
struct Page {
    address: String,
    secret: String,
    name: &'static str,
}

impl Page {
    fn ask(&self, request: &str, headers: &str, body: &str) -> (u16, Vec<u8>) {
        let mut stream = TcpStream::connect(&self.address).unwrap();
        let length = body.len();
        let head = format!("{request} HTTP/1.1\r\n{headers}Content-Length: {length}\r\nX-End: 1\r\n\r\n{body}");
        stream.write_all(head.as_bytes()).unwrap();
        stream.shutdown(std::net::Shutdown::Write).unwrap();
        let mut answer = Vec::new();
        stream.read_to_end(&mut answer).unwrap();
        let end = answer.windows(4).position(|four| four == b"\r\n\r\n").unwrap();
        let status = String::from_utf8_lossy(&answer[9..12]).parse().unwrap();
        (status, answer[end + 4..].to_vec())
    }

    fn with_secret(&self, request: &str, body: &str) -> (u16, Vec<u8>) {
        let headers = format!("Host: {}\r\nX-Emolab-Secret: {}\r\n", self.address, self.secret);
        self.ask(request, &headers, body)
    }

    fn next(&self, after: u64) -> Value {
        let (status, body) = self.with_secret(&format!("GET /next?page={}&after={after}", self.name), "");
        assert_eq!(status, 200);
        serde_json::from_slice(&body).unwrap()
    }

    fn report(&self, take: u64, state: &str, at: f64) -> u16 {
        let body = json!({ "page": self.name, "take": take, "state": state, "at": at, "trip": 0.0 });
        self.with_secret("POST /report", &body.to_string()).0
    }

    fn of(url: &str, name: &'static str) -> Page {
        let (address, secret) = url.strip_prefix("http://").unwrap().split_once("/#").unwrap();
        Page { address: address.to_owned(), secret: secret.to_owned(), name }
    }
}

fn tone(seconds: f64) -> Arc<Sound> {
    let samples = (0..(8_000.0 * seconds) as u32).map(|n| 0.5 * (f64::from(n) * 0.3).sin() as f32).collect();
    Arc::new(Sound { samples, channels: 1, rate: 8_000 })
}

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
fn a_page_plays_what_the_terminal_plays_and_its_clock_counts() {
    let (send, news) = mpsc::channel();
    let open = || Box::new(Browser::open(None).unwrap()) as Box<dyn Sink>;
    let player = Player::new(open, move |told| drop(send.send(told))).unwrap();
    player.play(tone(60.0), 0.0, 1.0);
    let PlaybackNews::Sink(SinkName::Silent(reason)) = news.recv().unwrap() else { panic!("a page nobody has opened") };
    let url = reason.strip_prefix("to hear, open ").unwrap();
    until(&player, |state| state.position > 0.0);
    let page = Page::of(url, "one");
    assert_eq!(page.report(0, "ready", 0.0), 204);
    let sink = SinkName::Browser(url.into());
    assert_eq!(news.recv().unwrap(), PlaybackNews::Sink(sink));
    // Another sound: its cursor waits until the page has begun.
    let sound = tone(40.0);
    player.set_volume(0.5);
    player.play(Arc::clone(&sound), 20.0, 1.0);
    let order = loop {
        let order = page.next(0);
        if order["seconds"] == 40.0 {
            break order;
        }
    };
    assert_eq!((&order["playing"], &order["from"], &order["volume"]), (&json!(true), &json!(20.0), &json!(0.5)));
    assert_eq!(player.state().position, 20.0);
    let (status, wav) = page.with_secret(&format!("GET /sound?number={}&speed=1", order["sound"]), "");
    assert_eq!((status, decode_bytes(&wav).unwrap().frames()), (200, 320_000));
    let take = order["take"].as_u64().unwrap();
    page.report(take, "started", 20.0);
    page.report(take, "position", 27.5);
    assert!(until(&player, |state| state.position > 20.0).position < 28.5);
    until(&player, |state| state.position >= 27.5);
    page.report(take, "finished", 40.0);
    assert!(matches!(news.recv().unwrap(), PlaybackNews::Finished(2)));
    let stopped = page.next(order["serial"].as_u64().unwrap());
    assert_eq!(stopped["playing"], false);
}

/// A real browser at that address, which is not asked for a click; `None` where there is none.
fn chromium(home: &Home, url: &str) -> Option<Child> {
    let start = |name: &&str| {
        let mut browser = Command::new(name);
        // Without its sandbox it also starts as root; the one page that it opens is ours.
        browser.args(["--headless=new", "--no-sandbox", "--disable-gpu", "--autoplay-policy=no-user-gesture-required"]);
        browser.arg(format!("--user-data-dir={}", home.path().join("browser").display())).arg(url);
        browser.stdout(Stdio::null()).stderr(Stdio::null()).spawn().ok()
    };
    ["chromium", "chromium-browser", "google-chrome"].iter().find_map(start)
}

#[test]
fn a_real_browser_plays_the_page_and_follows() {
    let (send, news) = mpsc::channel();
    let open = || Box::new(Browser::open(None).unwrap()) as Box<dyn Sink>;
    let player = Player::new(open, move |told| drop(send.send(told))).unwrap();
    player.play(tone(60.0), 0.0, 1.0);
    let PlaybackNews::Sink(SinkName::Silent(reason)) = news.recv().unwrap() else { panic!("a page nobody has opened") };
    let home = Home::new();
    let Some(mut browser) = chromium(&home, reason.split_whitespace().last().unwrap()) else {
        return skipped("no chromium here");
    };
    let there = news.recv_timeout(Duration::from_secs(60)).unwrap();
    assert!(matches!(there, PlaybackNews::Sink(SinkName::Browser(_))), "the page says that it is there");
    let take = player.play(tone(0.4), 0.0, 1.0);
    assert_eq!(news.recv().unwrap(), PlaybackNews::Finished(take), "told by the page when the sound was over");
    player.play(tone(60.0), 20.0, 1.0);
    until(&player, |state| state.playing && state.position > 20.2 && state.position < 30.0);
    player.pause();
    let at = until(&player, |state| !state.playing).position;
    player.seek_to(5.0);
    player.resume();
    until(&player, |state| state.position > 5.1 && state.position < at);
    browser.kill().unwrap();
    browser.wait().unwrap();
}

#[test]
fn a_page_is_told_of_every_change_and_the_newest_page_wins() {
    let mut browser = Browser::open(None).unwrap();
    let (one, two) = (Page::of(&browser.url(), "one"), Page::of(&browser.url(), "two"));
    one.report(0, "ready", 0.0);
    assert!(browser.has_page());
    let tuning = emolab::audio::Tuning { looping: true, region: Some((0.5, 1.5)), ..Default::default() };
    browser.start(&tone(4.0), 0.5, tuning);
    let order = one.next(0);
    assert_eq!((&order["start"], &order["end"], &order["loop"]), (&json!(0.5), &json!(1.5), &json!(true)));
    browser.tune(emolab::audio::Tuning { volume: 0.25, ..tuning });
    let softer = one.next(order["serial"].as_u64().unwrap());
    assert_eq!((&softer["take"], &softer["volume"]), (&order["take"], &json!(0.25)));
    browser.tune(emolab::audio::Tuning { speed: 1.5, ..tuning });
    let faster = one.next(softer["serial"].as_u64().unwrap());
    assert_ne!(faster["take"], order["take"], "another speed is another file");
    let (_, wav) = one.with_secret(&format!("GET /sound?number={}&speed=1.5", faster["sound"]), "");
    assert_eq!(decode_bytes(&wav).unwrap().frames(), 21_333);
    browser.ahead(&[tone(1.0), tone(2.0)]);
    let ahead = one.next(faster["serial"].as_u64().unwrap());
    assert_eq!(ahead["ahead"].as_array().map(Vec::len), Some(2));
    two.next(0);
    assert_eq!(one.report(1, "position", 3.0), 409);
    assert_eq!(one.with_secret("GET /next?page=one&after=0", "").0, 409);
}

#[test]
fn strangers_hear_nothing() {
    let mut browser = Browser::open(None).unwrap();
    browser.start(&tone(1.0), 0.0, emolab::audio::Tuning::default());
    let page = Page::of(&browser.url(), "stranger");
    let own = format!("Host: {}\r\n", page.address);
    let table = [
        ("GET /", own.clone(), 200),
        ("GET /page.js", own.clone(), 200),
        ("GET /next?page=a&after=0", own.clone(), 403),
        ("GET /sound?number=1&speed=1", format!("{own}X-Emolab-Secret: aaaaaaaaaaaaaaaa\r\n"), 403),
        ("POST /report", format!("{own}X-Emolab-Secret: {}x\r\n", page.secret), 403),
        ("GET /sound?number=1&speed=1", format!("Host: evil.example\r\nX-Emolab-Secret: {}\r\n", page.secret), 421),
        ("GET /", format!("{own}Origin: http://evil.example\r\n"), 421),
        ("GET /", String::new(), 421),
        ("GET /sound?number=9&speed=1", format!("{own}X-Emolab-Secret: {}\r\n", page.secret), 404),
        ("GET /sound?number=1&speed=1e9", format!("{own}X-Emolab-Secret: {}\r\n", page.secret), 404),
        ("PUT /report", format!("{own}X-Emolab-Secret: {}\r\n", page.secret), 404),
    ];
    for (request, headers, status) in table {
        assert_eq!(page.ask(request, &headers, "").0, status, "{request} {headers}");
    }
    let (_, html) = page.ask("GET /", &own, "");
    assert!(!text(&html).contains("http"), "nothing comes from elsewhere");
    for body in
        ["", "{}", "[1]", &"x".repeat(1_900), r#"{"page":"a","take":1,"state":"position","at":1e999,"trip":-1}"#]
    {
        assert_eq!(page.with_secret("POST /report", body).0, 400, "{body}");
    }
    let trip = r#"{"page":"a","take":1,"state":"position","at":0.5,"trip":-1e300}"#;
    assert_eq!(page.with_secret("POST /report", trip).0, 204, "a strange number does no harm");
    assert!(!browser.url().contains("0.0.0.0"));
}

#[test]
fn a_closed_browser_sink_leaves_no_port_behind() {
    let browser = Browser::open(None).unwrap();
    let page = Page::of(&browser.url(), "one");
    let port = page.address.rsplit(':').next().unwrap().parse().unwrap();
    assert!(Browser::open(Some(port)).is_err_and(|reason| reason.contains(&page.address)));
    drop(browser);
    while TcpStream::connect(&page.address).is_ok() {
        std::thread::yield_now();
    }
}

#[test]
fn a_player_goes_down_the_ladder_at_the_same_place() {
    struct Failing;
    impl Sink for Failing {
        fn name(&self) -> SinkName {
            SinkName::Pulse
        }
        fn start(&mut self, _: &Arc<Sound>, _: f64, _: emolab::audio::Tuning) {}
        fn tune(&mut self, _: emolab::audio::Tuning) {}
        fn stop(&mut self) {}
        fn progress(&self) -> emolab::audio::Progress {
            emolab::audio::Progress::Lost("server gone".into())
        }
    }
    let (send, news) = mpsc::channel();
    let open = || {
        let failing = Rung::new("pulse", || Ok(Box::new(Failing) as Box<dyn Sink>), |_| Again::No);
        let page =
            Rung::new("browser", || Browser::open(None).map(|page| Box::new(page) as Box<dyn Sink>), |_| Again::No);
        Box::new(Ladder::of(vec![failing, page], "none")) as Box<dyn Sink>
    };
    let player = Player::new(open, move |told| drop(send.send(told))).unwrap();
    player.play(tone(30.0), 12.0, 1.0);
    assert_eq!(news.recv().unwrap(), PlaybackNews::Sink(SinkName::Pulse));
    assert!(
        matches!(news.recv().unwrap(), PlaybackNews::Sink(SinkName::Silent(reason)) if reason.contains("127.0.0.1"))
    );
    let state = player.state();
    assert!(state.playing && (12.0..13.0).contains(&state.position), "{state:?}");
}

/// Hertz every 10 ms of sound, where the pitch is clear; `speed`: of the sound's own time.
fn pitches(sound: &Sound, speed: f64) -> Vec<Option<f64>> {
    let hop = (f64::from(sound.rate) / 100.0 / speed).round() as usize;
    let track = Yin::speech(sound.rate, hop).track(&sound.samples, sound.rate);
    track.iter().map(|frame| (frame.aperiodicity < 0.15).then_some(f64::from(frame.hz))).collect()
}

#[test]
fn another_speed_keeps_the_pitch_of_real_speech() {
    let Some(folder) = recordings("emodb/wav") else { return };
    let whole = decode(&folder.join("13b01Ec.wav")).unwrap();
    let sound = Sound { samples: whole.samples[8_000..28_000].to_vec(), ..whole }.resample(8_000).unwrap();
    let own = pitches(&sound, 1.0);
    for speed in [0.75, 1.25] {
        let other = sound.at_speed(speed);
        let pairs = own.iter().zip(pitches(&other, f64::from(speed)));
        let mut cents: Vec<f64> = pairs.filter_map(|(own, other)| Some(1_200.0 * (other? / (*own)?).log2())).collect();
        cents.sort_by(f64::total_cmp);
        let median = cents[cents.len() / 2];
        println!("at {speed}: {median:+.1} cents in {} frames", cents.len());
        assert!(cents.len() > 20 && median.abs() < 10.0, "at {speed}: {median} cents");
    }
    for speed in [0.5, 0.75, 1.25, 1.5, 2.0] {
        let ratio = sound.at_speed(speed).seconds() * f64::from(speed) / sound.seconds();
        assert!((ratio - 1.0).abs() < 0.001, "at {speed}: {ratio}");
    }
    assert_eq!(sound.at_speed(1.0), sound);
}

#[test]
fn loudness_and_true_peak_agree_with_ffmpeg() {
    let Some(folder) = recordings("emodb/wav") else { return };
    for row in include_str!("golden/loudness.csv").lines().skip(1) {
        let cells: Vec<&str> = row.split(',').collect();
        let (loudness, peak): (f32, f32) = (cells[1].parse().unwrap(), cells[2].parse().unwrap());
        let sound = decode(&folder.join(cells[0])).unwrap();
        let own = sound.mono().loudness().unwrap();
        assert!((own - loudness).abs() < 0.1, "{row}: {own} LUFS");
        // At -23 LUFS, unless a peak between the samples came above -1 dB.
        let gain = 20.0 * sound.gain_to(-23.0).log10();
        let expected = (-23.0 - loudness).min(-1.0 - peak);
        assert!((gain - expected).abs() < 0.25, "{row}: {gain} dB, not {expected}");
        let loud = 20.0 * sound.gain_to(-5.0).log10();
        assert!((loud - (-1.0 - peak)).abs() < 0.25, "{row}: held at {loud} dB");
    }
}

#[test]
fn the_doctor_says_what_works_and_what_mends_the_rest() {
    let home = Home::new();
    let quiet = |args: &[&str]| {
        let mut command = home.emolab(&[&["doctor"], args].concat());
        for name in ["PULSE_SERVER", "SSH_CONNECTION", "SSH_CLIENT", "SSH_TTY", "DISPLAY"] {
            command.env_remove(name);
        }
        command.env("TERM", "xterm-256color").output().unwrap()
    };
    let told = quiet(&["--audio", "browser"]);
    let words = text(&told.stdout);
    assert!(told.status.success(), "{words}{}", text(&told.stderr));
    for part in [
        "sound     browser  can be opened; this is where sound goes",
        "--audio browser:8017",
        "storage   store",
        "can be written",
    ] {
        assert!(words.contains(part), "no `{part}` in\n{words}");
    }
    let json: Value = serde_json::from_slice(&quiet(&["--audio", "browser", "--json"]).stdout).unwrap();
    assert!(json.as_array().unwrap().iter().any(|it| it["area"] == "sound" && it["state"] == "good"), "{json}");
    let report = text(&quiet(&["--audio", "browser", "--report"]).stdout);
    assert!(report.starts_with("```text\n") && !report.contains(home.path().to_str().unwrap()), "{report}");
    let mut failing = home.emolab(&["doctor", "--audio", "pulse", "--quiet"]);
    let failed = failing.env("PULSE_SERVER", "unix:/nowhere").output().unwrap();
    assert_eq!(failed.status.code(), Some(1), "{}", text(&failed.stdout));
    assert!(text(&failed.stdout).contains("BAD  sound"), "{}", text(&failed.stdout));
    assert!(text(&failed.stdout).contains("-> on the laptop: ssh -R"), "{}", text(&failed.stdout));
}

#[test]
fn the_doctor_keeps_to_himself_what_alsa_says() {
    let home = Home::new();
    // A card that is not there: ALSA tells so in several lines, on standard error, unasked.
    std::fs::write(
        home.path().join(".asoundrc"),
        "pcm.!default { type hw card 99 }\nctl.!default { type hw card 99 }\n",
    )
    .unwrap();
    let told = home.run(&["doctor", "--audio", "device", "--quiet"]);
    let (out, err) = (text(&told.stdout), text(&told.stderr));
    assert!(out.contains("sound     device"), "{out}");
    assert!(err.lines().all(|line| line.starts_with("emolab: ")), "{err}");
}

#[test]
fn a_wish_that_nobody_knows_is_refused_by_flag_and_by_setting() {
    let home = Home::new();
    let flag = home.run(&["--audio", "loud"]);
    assert_eq!(flag.status.code(), Some(2));
    assert!(
        text(&flag.stderr).contains("one of auto, companion, pulse, device, browser, browser:PORT, file:PATH, none")
    );
    assert_eq!("browser:8017".parse(), Ok(Wish::Browser(Some(8_017))));
    let both = home.run(&["--silent", "--audio", "none"]);
    assert_eq!(both.status.code(), Some(2));
}
