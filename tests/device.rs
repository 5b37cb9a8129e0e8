//! The sound device from end to end: a sound server of the test's own stands in for a sound card (ALSA's plugin leads to it), and
//! what its null sink was given is compared to the clip. Without PulseAudio on this machine the test is skipped aloud.

use std::io::Read;
use std::path::Path;
use std::process::{Child, Command, Stdio};

use crate::support::pty::{Start, Terminal};
use crate::support::{Home, skipped, text};

/// Frames of the clip, and per second.
const FRAMES: usize = 12_000;
const RATE: u32 = 48_000;
/// A fall that the clip does not have: it began again.
const SEAM: f32 = 0.05;

/// Repeats that have to follow one another without a gap.
const LOOPS: usize = 4;
/// Frames after which a gapless run is no longer waited for.
const PATIENCE: usize = 60 * RATE as usize;

/// A sound card with an ear at its other end.
struct Card {
    server: Child,
    address: String,
}

impl Card {
    /// `None` where PulseAudio, its tools or ALSA's way to it are missing.
    fn plug(home: &Path) -> Option<Card> {
        let plugin = ["/usr/lib/x86_64-linux-gnu", "/usr/lib/aarch64-linux-gnu", "/usr/lib64", "/usr/lib"]
            .iter()
            .any(|dir| Path::new(dir).join("alsa-lib/libasound_module_pcm_pulse.so").exists());
        if !plugin {
            return None;
        }
        std::fs::write(home.join(".asoundrc"), "pcm.!default { type pulse }\nctl.!default { type pulse }\n").unwrap();
        let socket = home.join("pulse.socket");
        let server = Command::new("pulseaudio")
            .args(["-n", "--daemonize=no", "--exit-idle-time=-1", "--use-pid-file=no"])
            .args(["-L", &format!("module-null-sink sink_name=ear rate={RATE} channels=2")])
            .args(["-L", &format!("module-native-protocol-unix auth-anonymous=1 socket={}", socket.display())])
            .env("HOME", home)
            .env("XDG_RUNTIME_DIR", home)
            .stdout(Stdio::null())
            .stderr(Stdio::null())
            .spawn()
            .ok()?;
        let card = Card { server, address: format!("unix:{}", socket.display()) };
        while card.ask("pactl", &["info"])?.is_empty() {
            std::thread::yield_now();
        }
        Some(card)
    }

    /// What a tool of the server prints; `None` where there is no such tool.
    fn ask(&self, tool: &str, args: &[&str]) -> Option<String> {
        let told = Command::new(tool).args(args).env("PULSE_SERVER", &self.address).output().ok()?;
        Some(text(&told.stdout))
    }

    /// Listens until `enough` of what was heard, on the left.
    fn hear(&self, enough: impl Fn(&[f32]) -> bool) -> Vec<f32> {
        let mut ear = Command::new("parec")
            .args(["-d", "ear.monitor", "--format=float32le", "--channels=2", "--latency-msec=20"])
            .arg(format!("--rate={RATE}"))
            .env("PULSE_SERVER", &self.address)
            .stdout(Stdio::piped())
            .spawn()
            .unwrap();
        let mut stream = ear.stdout.take().unwrap();
        let (mut heard, mut block) = (Vec::new(), [0; 8 * 1_024]);
        while !enough(&heard) {
            stream.read_exact(&mut block).unwrap();
            heard.extend(block.chunks_exact(8).map(|frame| f32::from_le_bytes(frame[..4].try_into().unwrap())));
        }
        ear.kill().unwrap();
        ear.wait().unwrap();
        heard
    }
}

impl Drop for Card {
    fn drop(&mut self) {
        let _ = self.server.kill();
        let _ = self.server.wait();
    }
}

/// Places where the clip began again.
fn seams(heard: &[f32]) -> Vec<usize> {
    heard.windows(2).enumerate().filter(|(_, pair)| pair[0] - pair[1] > SEAM).map(|(at, _)| at + 1).collect()
}

/// Where [`LOOPS`] repeats began that followed one another without a gap. On a machine that is busy the server and its ear lose
/// sound of their own now and then.
fn gapless(heard: &[f32]) -> Option<usize> {
    let seams = seams(heard);
    let whole = |run: &&[usize]| run.windows(2).all(|pair| pair[1] - pair[0] == FRAMES);
    seams.windows(LOOPS + 1).find(whole).map(|run| run[0])
}

fn rising(at: usize) -> f32 {
    0.1 + 0.4 * at as f32 / FRAMES as f32
}

/// A terminal at a clip that rises, again and again.
fn playing(home: &Home, card: &Card) -> Terminal {
    let dir = home.path().join("clips");
    std::fs::create_dir(&dir).unwrap();
    let format = hound::SampleFormat::Float;
    let spec = hound::WavSpec { channels: 1, sample_rate: RATE, bits_per_sample: 32, sample_format: format };
    let mut wav = hound::WavWriter::create(dir.join("rising.wav"), spec).unwrap();
    (0..FRAMES).for_each(|at| wav.write_sample(rising(at)).unwrap());
    wav.finalize().unwrap();
    let start = Start { env: &[("PULSE_SERVER", card.address.as_str())], size: (120, 40), ..Start::default() };
    let mut terminal = Terminal::with(home.path(), &[dir.to_str().unwrap(), "--audio", "device"], start);
    terminal.wait("48000 Hz mono");
    terminal.send("L ");
    terminal.wait("sound on");
    terminal
}

#[test]
fn a_loop_reaches_the_device_whole_and_a_lost_device_is_told() {
    let home = Home::new();
    let Some(mut card) = Card::plug(home.path()) else { return skipped("no PulseAudio with ALSA's plugin here") };
    let mut terminal = playing(&home, &card);
    let heard = card.hear(|heard| gapless(heard).is_some() || heard.len() > PATIENCE);
    let from = gapless(&heard).unwrap_or_else(|| panic!("never gapless: {:?}", seams(&heard)));
    let gain = heard[from] / rising(0);
    for (at, sample) in heard[from..from + LOOPS * FRAMES].iter().enumerate() {
        assert!((sample - gain * rising(at % FRAMES)).abs() < 1e-3, "frame {at}: {sample}");
    }
    card.server.kill().unwrap();
    card.server.wait().unwrap();
    terminal.wait("sound device lost");
    terminal.send("q");
    assert!(terminal.end());
}

#[test]
fn a_device_with_nothing_to_play_is_let_go_of_and_taken_again() {
    let home = Home::new();
    let Some(card) = Card::plug(home.path()) else { return skipped("no PulseAudio with ALSA's plugin here") };
    let mut terminal = playing(&home, &card);
    let streams = || card.ask("pactl", &["list", "short", "sink-inputs"]).unwrap();
    assert!(seams(&card.hear(|heard| seams(heard).len() >= 2)).len() >= 2);
    assert_ne!(streams(), "");
    terminal.send(" ");
    terminal.wait("paused");
    while !streams().is_empty() {
        std::thread::yield_now();
    }
    terminal.send(" ");
    assert!(seams(&card.hear(|heard| seams(heard).len() >= 2)).len() >= 2);
    assert!(terminal.screen().contains("sound on"), "no loss is made up by closing the device");
    terminal.send("q");
    assert!(terminal.end());
}
