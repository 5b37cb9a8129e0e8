//! `emolab ssh` against a real OpenSSH server on this host: clips there, a terminal and a file that listens here.

use std::fs;
use std::path::{Path, PathBuf};

use emolab::audio::{Sound, decode};
use emolab::label::{Act, Annotation};
use emolab::store::Store;
use emolab::workbench::key_of;

use crate::support::Home;
use crate::support::pty::{Start, Terminal};
use crate::support::sshd::{Sshd, comm, descendants, until};

/// What says loudness that the workbench evens out to.
const LOUDNESS: f32 = -23.0;

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
        let target = format!("server:{}", self.clips.display());
        let mut args = vec!["ssh", "--label"];
        args.extend(more);
        args.extend([target.as_str(), "--"]);
        let options = sshd.options();
        args.extend(options.iter().map(String::as_str));
        Terminal::with(self.near.path(), &args, Start::default())
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

/// The number of the clip that has been heard to its end, as the screen tells by its length.
fn heard_out(screen: &str) -> Option<usize> {
    let line = screen.lines().find(|line| line.starts_with("paused"))?;
    let mut words = line.split_whitespace().skip(1);
    let (at, of) = (words.next()?, words.nth(1)?);
    let hundredths: usize = of.strip_prefix("0.")?.parse().ok()?;
    (at == of).then(|| hundredths - 10)
}

/// No process of this connection is left, and no folder of it on either side.
fn nothing_is_left(near: u32, sshd: &Sshd) {
    until("the connection's processes to end", || {
        let still = |pid: &u32| comm(*pid).is_some();
        !descendants(near).iter().any(still) && !sshd.sessions().iter().any(still)
    });
    // mode 700 and ours: other tests run at the same time, with folders of their own.
}

#[test]
fn twenty_clips_are_labelled_over_ssh_and_every_sample_arrives() {
    const CLIPS: usize = 20;
    let pair = Pair::new(CLIPS);
    let Some(sshd) = Sshd::start(pair.far.path(), &["EMOLAB_SCHEME=ekman6"], &[]) else { return };
    let mut terminal = pair.label(&sshd, &["--audio", "file:heard.wav"]);
    let near = terminal.pid();
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
    terminal.send("q");
    assert!(terminal.end());
    nothing_is_left(near, &sshd);
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
