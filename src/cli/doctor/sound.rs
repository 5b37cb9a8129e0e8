//! Each way out for sound: opened, and the one that would be taken played.
//!
//! Deliberately absent: changing the choice; `--audio` does that.

use std::sync::Arc;
use std::sync::mpsc::{Receiver, channel};
use std::time::{Duration, Instant};

use super::{Finding, LIMIT, State, ask};
use crate::audio::{Progress, Sink, Sound, Tuning, Wish, is_over_ssh, rungs};
use crate::tui::Stderr;

/// How often the tone is looked at.
const LOOK: Duration = Duration::from_millis(20);
/// A tone of half a second that is not through by then does not play.
const LATE: Duration = Duration::from_secs(3);

/// What a thread says of one sink.
#[derive(Debug, Clone, PartialEq)]
struct Tried {
    name: &'static str,
    /// How it went, or why it cannot play.
    outcome: Result<String, String>,
}

/// Tries every rung that the wish leaves; with `talks`, the first good one with a tone that is asked about.
pub(super) fn check(wish: &Wish, talks: bool) -> Vec<Finding> {
    let tried = unsaid(|| try_all(wish));
    let taken = tried.iter().find(|one| one.outcome.is_ok()).map(|one| one.name);
    let mut findings: Vec<Finding> = tried.iter().map(|one| finding(one, taken, wish)).collect();
    match taken {
        None => findings.push(Finding::new("sound", "all", State::Bad, "nothing can play; clips pass in silence")),
        Some("browser") => {}
        Some(name) if talks && !ask(&format!("A tone was played through: {name}. Did you hear it?")) => {
            let heard = Finding::new("sound", "heard", State::Bad, format!("not heard through: {name}"));
            findings.push(heard.with("turn it up (also in the system's mixer), or try another: --audio browser"));
        }
        Some(_) => {}
    }
    findings
}

/// Does `work` while what libraries print of themselves (ALSA, where there is no sound card) goes to the log.
fn unsaid<T>(work: impl FnOnce() -> T) -> T {
    let stderr = Stderr::new().ok();
    stderr.iter().for_each(Stderr::to_log);
    let done = work();
    stderr.iter().for_each(Stderr::back);
    done
}

/// Opens each rung and plays a tone on it, one after the other, on a thread of its own.
fn try_all(wish: &Wish) -> Vec<Tried> {
    let (send, told) = channel();
    let names: Vec<&'static str> = rungs(wish).iter().map(|rung| rung.name()).collect();
    let wished = wish.clone();
    let started = std::thread::Builder::new().name("check sound".into()).spawn(move || {
        let mut played = false;
        for mut rung in rungs(&wished) {
            let outcome = rung.open().and_then(|mut sink| match (rung.name(), played) {
                ("browser", _) => Ok("can be opened".to_owned()),
                (_, true) => Ok("can be opened".to_owned()),
                (_, false) => play(sink.as_mut()),
            });
            played |= outcome.is_ok();
            if send.send(Tried { name: rung.name(), outcome }).is_err() {
                return;
            }
        }
    });
    let missing = if started.is_ok() { format!("no answer within {} s", LIMIT.as_secs()) } else { "no thread".into() };
    names.into_iter().map(|name| receive(&told, name, &missing)).collect()
}

fn receive(told: &Receiver<Tried>, name: &'static str, missing: &str) -> Tried {
    told.recv_timeout(LIMIT).unwrap_or_else(|_| Tried { name, outcome: Err(missing.to_owned()) })
}

/// Plays a soft tone of half a second and waits for its end.
fn play(sink: &mut dyn Sink) -> Result<String, String> {
    let (rate, seconds) = (48_000_u32, 0.5);
    let sample = |n: u32| {
        let t = f64::from(n) / f64::from(rate);
        let fade = (t / 0.02).min((seconds - t) / 0.02).min(1.0);
        (0.1 * fade * (std::f64::consts::TAU * 440.0 * t).sin()) as f32
    };
    let samples = (0..(f64::from(rate) * seconds) as u32).map(sample).collect();
    let sound = Arc::new(Sound { samples, channels: 1, rate });
    let begin = Instant::now();
    sink.start(&sound, 0.0, Tuning::default());
    loop {
        match sink.progress() {
            Progress::Finished => break,
            Progress::Lost(reason) => return Err(reason),
            Progress::At(_) if begin.elapsed() > LATE => return Err("opens, but plays nothing".to_owned()),
            Progress::At(_) => std::thread::sleep(LOOK),
        }
    }
    sink.stop();
    let late = begin.elapsed().as_secs_f64() - seconds;
    Ok(format!("plays; a tone was through {:.0} ms after its length", 1_000.0 * late.max(0.0)))
}

fn finding(tried: &Tried, taken: Option<&'static str>, wish: &Wish) -> Finding {
    let name = tried.name;
    match &tried.outcome {
        Ok(how) if taken == Some(name) => {
            let taken = Finding::new("sound", name, State::Good, format!("{how}; this is where sound goes"));
            if name == "browser" { taken.with(hint_of_page()) } else { taken }
        }
        Ok(how) => Finding::new("sound", name, State::Good, how),
        Err(reason) => {
            let state = if *wish == Wish::Auto { State::Note } else { State::Bad };
            Finding::new("sound", name, state, reason).with(hint(name))
        }
    }
}

fn hint_of_page() -> String {
    let page = "start emolab --audio browser:8017 and open the address that it shows at the bottom";
    if !is_over_ssh() {
        return page.to_owned();
    }
    let host = crate::workbench::places::host();
    format!("on the laptop: ssh -L 8017:127.0.0.1:8017 {host}; here: {page} (VS Code forwards the port by itself)")
}

/// The line that mends it.
fn hint(name: &str) -> String {
    match name {
        "companion" => "on the laptop: emolab ssh HOST:PATH".to_owned(),
        "pulse" => "on the laptop: ssh -R /tmp/sound-$USER:$XDG_RUNTIME_DIR/pulse/native HOST; here: \
                    export PULSE_SERVER=unix:/tmp/sound-$USER"
            .to_owned(),
        "device" if is_over_ssh() => "sound to where you sit: emolab ssh, or --audio browser".to_owned(),
        "device" => device_hint(std::path::Path::new("/dev/snd")),
        "file" => "name a file in a folder that can be written: --audio file:heard.wav".to_owned(),
        _ => "another port: --audio browser:PORT".to_owned(),
    }
}

fn device_hint(devices: &std::path::Path) -> String {
    let listed =
        std::fs::read_dir(devices).map(|entries| entries.flatten().map(|entry| entry.path()).collect::<Vec<_>>());
    let mut playing = listed.unwrap_or_default();
    playing.retain(|path| path.to_string_lossy().ends_with('p'));
    match playing.first() {
        None => "plug in a device (aplay -l lists them), or hear in a browser: --audio browser".to_owned(),
        Some(path) if std::fs::OpenOptions::new().write(true).open(path).is_err() => {
            "this user may not use it: sudo usermod -aG audio $USER, then log in again".to_owned()
        }
        Some(_) => {
            "another program may hold it (fuser -v /dev/snd/*), or hear in a browser: --audio browser".to_owned()
        }
    }
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use super::*;
    use crate::audio::Silent;

    #[test]
    fn what_is_passed_over_is_bad_only_if_it_was_asked_for() {
        let tried = Tried { name: "device", outcome: Err("no sound device".to_owned()) };
        assert_eq!(finding(&tried, None, &Wish::Auto).state, State::Note);
        assert_eq!(finding(&tried, None, &Wish::Device).state, State::Bad);
        assert!(finding(&tried, None, &Wish::Auto).fix.is_some());
        let page = Tried { name: "browser", outcome: Ok("can be opened".to_owned()) };
        assert!(finding(&page, Some("browser"), &Wish::Auto).fix.unwrap().contains("--audio browser:8017"));
    }

    #[test]
    fn a_sink_that_plays_says_how_late_it_was() {
        let since = Instant::now();
        // A clock ten times too fast, so that nobody waits.
        let mut sink = Silent::with_clock("test", Box::new(move || since.elapsed() * 10));
        assert!(play(&mut sink).unwrap().starts_with("plays; "));
        let mut stopped = Silent::with_clock("test", Box::new(|| Duration::ZERO));
        stopped.stop();
        assert_eq!(stopped.progress(), Progress::Finished);
    }

    #[test]
    fn a_missing_device_is_told_from_a_forbidden_one() {
        let folder = tempfile::tempdir().unwrap();
        assert!(device_hint(folder.path()).starts_with("plug in"));
        std::fs::write(folder.path().join("pcmC0D0p"), "").unwrap();
        assert!(device_hint(folder.path()).starts_with("another program"));
    }
}
