//! `emolab ssh` against a real OpenSSH server on this host: clips there, a terminal and a file that listens here.

mod ways;

use std::fs;
use std::path::{Path, PathBuf};
use std::thread;

use emolab::audio::{Sound, decode};
use emolab::label::{Act, Annotation};
use emolab::store::Store;
use emolab::workbench::key_of;
use rand::rngs::StdRng;
use rand::{Rng, SeedableRng};

use crate::support::Home;
use crate::support::pty::{Start, Terminal};
use crate::support::sshd::{Sshd, comm, descendants, kill, until};

/// What says loudness that the workbench evens out to.
const LOUDNESS: f32 = -23.0;
/// Clips that are labelled from first to last.
const CLIPS: usize = 20;

/// A server's home with a folder of clips, and a laptop's home.
struct Pair {
    far: Home,
    near: Home,
    clips: PathBuf,
}

impl Pair {
    /// With `count` clips of noise, each of another length: 0.10 s, 0.11 s and so on.
    fn new(count: usize) -> Pair {
        let far = Home::new();
        let clips = far.path().join("clips");
        fs::create_dir(&clips).unwrap();
        (0..count).for_each(|number| fs::write(clips.join(format!("{number:02}.wav")), noise(number)).unwrap());
        Pair { far, near: Home::new(), clips }
    }

    /// Starts `emolab ssh` on the laptop, at the Label screen of the clips.
    fn label(&self, sshd: &Sshd, more: &[&str]) -> Terminal {
        Terminal::with(self.near.path(), &self.words(more, sshd), Start::default())
    }

    /// The words of that command; what follows are options of ssh.
    fn words(&self, more: &[&str], sshd: &Sshd) -> Vec<String> {
        let target = format!("server:{}", self.clips.display());
        let words = [&["ssh", "--label"], more, &[target.as_str(), "--"]].concat();
        words.into_iter().map(str::to_owned).chain(sshd.options()).collect()
    }

    /// What the server's store holds.
    fn annotations(&self) -> Vec<Annotation> {
        let store = Store::open(&self.far.path().join(".local/share/emolab/emolab.db")).unwrap();
        store.annotations(&key_of(&self.clips), None).unwrap()
    }

    /// The numbers of the clips that have a label, in the order in which they got it.
    fn labelled(&self) -> Vec<usize> {
        let answers = self.annotations().into_iter().filter(|it| matches!(&it.act, Act::Answer { .. }));
        answers.map(|it| it.clip.0[..2].parse().unwrap()).collect()
    }
}

/// A WAV file of noise that no other number has.
fn noise(number: usize) -> Vec<u8> {
    let mut state = number as u32 + 1;
    let mut next = || {
        state = state.wrapping_mul(1_664_525).wrapping_add(1_013_904_223);
        ((state >> 16) as i16) / 4
    };
    let samples: Vec<u8> = (0..1_600 + 160 * number).flat_map(|_| next().to_le_bytes()).collect();
    let mut file = b"RIFF".to_vec();
    file.extend((36 + samples.len() as u32).to_le_bytes());
    file.extend(b"WAVEfmt \x10\0\0\0\x01\0\x01\0");
    file.extend(16_000_u32.to_le_bytes());
    file.extend(32_000_u32.to_le_bytes());
    file.extend(b"\x02\0\x10\0data");
    file.extend((samples.len() as u32).to_le_bytes());
    file.extend(samples);
    file
}

/// What a listener is given of a file.
fn given(file: &Path) -> Vec<f32> {
    let sound: Sound = decode(file).unwrap();
    let gain = sound.gain_to(LOUDNESS);
    sound.samples.iter().map(|sample| sample * gain).collect()
}

/// What the screen tells of the sound: the word, where it is and the number of the clip, which its length tells.
fn sound(screen: &str) -> Option<(&str, &str, usize)> {
    let line = screen.lines().find(|line| line.starts_with("paused") || line.starts_with("playing"))?;
    let words: Vec<&str> = line.split_whitespace().collect();
    let length = words.get(3)?;
    Some((words[0], words[1], length.strip_prefix("0.")?.parse::<usize>().ok()?.checked_sub(10)?))
}

/// The number of the clip that has been heard to its end.
fn heard_out(screen: &str) -> Option<usize> {
    let (word, at, number) = sound(screen)?;
    (word == "paused" && at == format!("0.{}", number + 10)).then_some(number)
}

/// A connection that is up: what it consists of.
struct Line {
    processes: Vec<u32>,
    folders: Vec<PathBuf>,
}

impl Line {
    fn of(terminal: &Terminal, pair: &Pair, sshd: &Sshd) -> Line {
        let mut processes = descendants(terminal.pid());
        let near = processes.iter().find_map(|pid| {
            let args = fs::read_to_string(format!("/proc/{pid}/cmdline")).ok()?;
            Some(PathBuf::from(args.split('\0').find_map(|arg| arg.strip_prefix("ControlPath="))?.strip_suffix("/c")?))
        });
        processes.extend(sshd.sessions());
        let note = fs::read_link(pair.far.path().join(".local/state/emolab/companion")).ok();
        let far = note.and_then(|note| Some(note.parent()?.to_owned()));
        Line { processes, folders: near.into_iter().chain(far).collect() }
    }

    /// Nothing of it runs any more.
    fn has_ended(&self) {
        until("the processes of the connection to end", || self.processes.iter().all(|pid| comm(*pid).is_none()));
    }

    fn is_swept(&self) {
        until("the folders of the connection to go", || self.folders.iter().all(|folder| !folder.exists()));
    }
}

#[test]
fn twenty_clips_are_labelled_over_ssh_and_every_sample_arrives() {
    let pair = Pair::new(CLIPS);
    let Some(sshd) = Sshd::start(pair.far.path(), &["EMOLAB_SCHEME=ekman6"], &[]) else { return };
    label_all(&pair, &sshd);
}

#[test]
fn from_one_network_to_another_every_sample_arrives_too_by_sockets_and_by_tcp() {
    for more in [&[][..], &["AllowStreamLocalForwarding no"]] {
        let pair = Pair::new(CLIPS);
        let Some(sshd) = Sshd::apart(pair.far.path(), &["EMOLAB_SCHEME=ekman6"], more) else { return };
        label_all(&pair, &sshd);
    }
}

/// Labels all clips, and holds what was stored and heard against them.
fn label_all(pair: &Pair, sshd: &Sshd) {
    let mut terminal = pair.label(sshd, &["--audio", "file:heard.wav"]);
    let mut met = Vec::new();
    while met.len() < CLIPS {
        let screen = terminal.wait_until("a clip to be heard out", |screen| {
            heard_out(screen).is_some_and(|number| !met.contains(&number))
        });
        met.extend(heard_out(&screen));
        assert!(screen.contains("sound at "), "{screen}");
        terminal.send("a");
    }
    terminal.wait("all clips have their label");
    let line = Line::of(&terminal, pair, sshd);
    assert!(line.processes.len() >= 3 && line.folders.len() == 2, "the program, two ends of ssh");
    terminal.send("q");
    assert!(terminal.end());
    line.has_ended();
    line.is_swept();
    assert_eq!(pair.labelled(), met);
    for said in pair.annotations() {
        let told = said.listening.as_ref().unwrap();
        assert_eq!((told.sink.as_str(), told.plays), ("companion", 1), "{told:?}");
        assert!(told.heard > 0.9, "the laptop's clock counts: {told:?}");
    }
    let heard = decode(&pair.near.path().join("heard.wav")).unwrap();
    let mut from = 0;
    for number in met {
        let clip = given(&pair.clips.join(format!("{number:02}.wav")));
        let at = heard.samples[from..].windows(clip.len()).position(|part| part == clip);
        from += at.unwrap_or_else(|| panic!("clip {number} was not heard as it is")) + clip.len();
    }
}

/// How a connection is lost.
#[derive(Debug, Clone, Copy)]
enum Blow {
    Cut,
    Client,
    Term,
    Window,
    Kill,
}

#[test]
fn a_connection_lost_at_any_point_loses_no_label_and_leaves_nothing() {
    let rounds = |seed: u64| {
        let pair = Pair::new(20);
        let Some(sshd) = Sshd::start(pair.far.path(), &["EMOLAB_SCHEME=ekman6"], &[]) else { return };
        let mut chance = StdRng::seed_from_u64(seed);
        let (mut given, mut place, mut lines) = (Vec::new(), None, Vec::new());
        for blow in [Blow::Cut, Blow::Client, Blow::Term, Blow::Window, Blow::Kill] {
            let mut terminal = pair.label(&sshd, &["--audio", "none"]);
            let mut at = on_screen(&terminal, None);
            assert!(place.is_none_or(|place| place == at), "after the one before {blow:?} it goes on at the same clip");
            for _ in 0..chance.random_range(0..3) {
                terminal.send("a");
                given.push(at);
                at = on_screen(&terminal, Some(at));
            }
            let line = Line::of(&terminal, &pair, &sshd);
            // The last key may or may not have arrived: then nobody was told that it did.
            place = Some(at).filter(|_| chance.random_bool(0.5));
            if place.is_none() {
                terminal.send("a");
            }
            lose(terminal, blow, &sshd);
            line.has_ended();
            if !matches!(blow, Blow::Kill) {
                line.is_swept();
            }
            lines.push(line);
            let kept = pair.labelled();
            assert!(given.iter().all(|number| kept.contains(number)), "{blow:?}: {given:?} were given, {kept:?} kept");
        }
        let mut terminal = pair.label(&sshd, &["--audio", "none"]);
        on_screen(&terminal, None);
        terminal.send("q");
        assert!(terminal.end());
        lines.iter().for_each(Line::is_swept);
    };
    thread::scope(|scope| (0..4).for_each(|seed| drop(scope.spawn(move || rounds(seed)))));
}

/// The number of the clip that is on the screen, once it is another one than `before`.
fn on_screen(terminal: &Terminal, before: Option<usize>) -> usize {
    let number = |screen: &str| sound(screen).map(|(.., number)| number).filter(|number| Some(*number) != before);
    number(&terminal.wait_until("a clip", |screen| number(screen).is_some())).unwrap()
}

/// Loses the connection, and sees the laptop's terminal given back as far as anybody is left to do it.
fn lose(terminal: Terminal, blow: Blow, sshd: &Sshd) {
    let near = terminal.pid();
    let client = || descendants(near).into_iter().filter(|pid| comm(*pid).as_deref() == Some("ssh"));
    match blow {
        Blow::Cut => sshd.cut(),
        Blow::Client => client().for_each(|pid| kill(pid, "KILL")),
        Blow::Term => kill(near, "TERM"),
        Blow::Window => {
            terminal.close().wait();
            return;
        }
        Blow::Kill => {
            kill(near, "KILL");
            terminal.close().wait();
            return;
        }
    }
    if matches!(blow, Blow::Cut | Blow::Client) {
        terminal.wait("To go on where you were");
    }
    assert!(terminal.ends_tidily(), "{blow:?}");
}
