//! Servers that are not the plain one: no emolab there or another one, no sockets forwarded, a host to jump over, tmux, and other
//! accounts.

use std::fs;
use std::io::ErrorKind;
use std::os::unix::fs::PermissionsExt;
use std::path::Path;
use std::process::Command;
use std::thread;

use emolab::audio::decode;
use emolab::audio::remote::{Companion, Note, Secret, read};
use rustix::process::{Gid, Uid};

use super::{Line, Pair, given, heard_out, on_screen};
use crate::support::pty::{Start, Terminal};
use crate::support::skipped;
use crate::support::sshd::{Sshd, descendants, kill, state, until};

/// A user that every system has, and who owns nothing.
const NOBODY: u32 = 65_534;

impl Pair {
    /// The note that the server's programs follow.
    fn note(&self) -> Note {
        read(&self.far.path().join(".local/state/emolab/companion")).unwrap()
    }

    /// Labels one clip that was heard, and ends; the laptop's own file has every sample of it.
    fn is_heard_once(&self, mut terminal: Terminal, line: &Line) {
        let number = heard_out(&terminal.wait_until("a clip to be heard out", |it| heard_out(it).is_some())).unwrap();
        terminal.send("a");
        on_screen(&terminal, Some(number));
        terminal.send("q");
        assert!(terminal.end());
        line.has_ended();
        line.is_swept();
        assert_eq!(self.labelled(), [number]);
        assert_eq!(self.annotations()[0].listening.as_ref().unwrap().sink, "companion");
        self.was_heard(number);
    }

    fn was_heard(&self, number: usize) {
        let heard = decode(&self.near.path().join("heard.wav")).unwrap();
        let clip = given(&self.clips.join(format!("{number:02}.wav")));
        assert!(heard.samples.windows(clip.len()).any(|part| part == clip), "clip {number} was not heard as it is");
    }
}

#[test]
fn another_protocol_there_is_told_with_both_versions() {
    let pair = Pair::new(1);
    let Some(sshd) = Sshd::start(pair.far.path(), &[], &[]) else { return };
    let program = sshd.bin().join("emolab");
    fs::remove_file(&program).unwrap();
    fs::write(&program, "#!/bin/sh\necho 999 9.8.7\n").unwrap();
    fs::set_permissions(&program, fs::Permissions::from_mode(0o755)).unwrap();
    let terminal = pair.label(&sshd, &[]);
    terminal.wait("server has emolab 9.8.7 (protocol 999)");
    terminal.wait("install the same version on both");
    assert!(!terminal.end());
    assert!(pair.far.path().join(".local/state/emolab/companion").symlink_metadata().is_err());
    fs::write(&program, "#!/bin/sh\necho 'libasound.so.2: cannot open shared object file' >&2\nexit 127\n").unwrap();
    let terminal = pair.label(&sshd, &[]);
    terminal.wait("the emolab on server does not answer");
    assert!(terminal.screen().contains("cannot open shared object file"), "its own words: {}", terminal.screen());
    assert!(!terminal.end());
}

#[test]
fn a_server_without_emolab_is_told_with_what_installs_it() {
    let places = std::env::var_os("PATH").unwrap_or_default();
    if std::env::split_paths(&places).any(|place| place.join("emolab").exists()) {
        return skipped("emolab is installed here");
    }
    let pair = Pair::new(1);
    let Some(sshd) = Sshd::start(pair.far.path(), &[], &[]) else { return };
    fs::remove_file(sshd.bin().join("emolab")).unwrap();
    let wide = Start { size: (500, 24), ..Start::default() };
    let terminal = Terminal::with(pair.near.path(), &pair.words(&["--audio", "none"], &sshd), wide);
    terminal.wait("no emolab on server");
    let advised = |screen: &str| screen.lines().find(|line| line.starts_with("  ssh ")).map(str::to_owned);
    let line = advised(&terminal.wait_until("a command", |screen| advised(screen).is_some())).unwrap();
    assert!(!terminal.end());
    // It is done as it is said, with the options of ssh that the user gave.
    assert!(Command::new("sh").args(["-c", &line]).status().unwrap().success(), "{line}");
    let mut terminal = pair.label(&sshd, &["--audio", "none"]);
    on_screen(&terminal, None);
    terminal.send("q");
    assert!(terminal.end());
}

#[test]
fn where_no_sockets_are_forwarded_it_goes_over_tcp_and_the_secret_stays_one() {
    let pair = Pair::new(2);
    let rule = ["AllowStreamLocalForwarding no"];
    let Some(sshd) = Sshd::start(pair.far.path(), &["EMOLAB_SCHEME=ekman6"], &rule) else { return };
    let terminal = pair.label(&sshd, &["--audio", "file:heard.wav"]);
    on_screen(&terminal, None);
    let (note, line) = (pair.note(), Line::of(&terminal, &pair, &sshd));
    let secret = note.secret.hex();
    let told = |name: &str, pid: &u32| fs::read_to_string(format!("/proc/{pid}/{name}")).unwrap_or_default();
    assert!(line.processes.iter().any(|pid| told("environ", pid).contains("EMOLAB_COMPANION=")));
    for name in ["cmdline", "environ"] {
        assert!(!line.processes.iter().any(|pid| told(name, pid).contains(&secret)), "{name}");
    }
    // A port is open to every account of the host: without the secret it leads nowhere.
    let stranger = Companion::connect(note.address.connect().unwrap(), &Secret::random(), "stranger");
    assert!(stranger.unwrap_err().contains("the secret is another one"));
    pair.is_heard_once(terminal, &line);
}

#[test]
fn where_nothing_is_forwarded_labels_are_given_in_silence() {
    let pair = Pair::new(2);
    let Some(sshd) = Sshd::start(pair.far.path(), &["EMOLAB_SCHEME=ekman6"], &["DisableForwarding yes"]) else {
        return;
    };
    let mut terminal = pair.label(&sshd, &["--audio", "file:heard.wav"]);
    let number = on_screen(&terminal, None);
    terminal.wait("silent: no way to the laptop: does this server forward?");
    terminal.send("a");
    on_screen(&terminal, Some(number));
    terminal.send("q");
    assert!(terminal.end());
    assert_eq!(pair.labelled(), [number]);
    assert_eq!(pair.annotations()[0].listening.as_ref().unwrap().sink, "silent");
}

#[test]
fn a_laptop_that_cannot_play_says_why_at_the_end() {
    let pair = Pair::new(2);
    let Some(sshd) = Sshd::start(pair.far.path(), &["EMOLAB_SCHEME=ekman6"], &[]) else { return };
    let mut terminal = pair.label(&sshd, &["--audio", "pulse"]);
    let told = |line: &str| line.contains("silent: ") && line.contains(": no sound server");
    terminal.wait_until("the laptop's own reason", |screen| screen.lines().any(told));
    terminal.send("q");
    terminal.wait("nothing could be heard here: no sound server");
    assert!(terminal.end());
}

#[test]
fn a_jump_host_and_a_port_are_options_of_ssh() {
    let pair = Pair::new(2);
    let Some(sshd) = Sshd::start(pair.far.path(), &["EMOLAB_SCHEME=ekman6"], &[]) else { return };
    let mut args = pair.words(&["--audio", "file:heard.wav"], &sshd);
    args.extend(["-J", "jump", "-p", &sshd.port().to_string()].map(str::to_owned));
    let terminal = Terminal::with(pair.near.path(), &args, Start::default());
    on_screen(&terminal, None);
    let line = Line::of(&terminal, &pair, &sshd);
    pair.is_heard_once(terminal, &line);
}

/// A tmux server of this test's own.
struct Tmux<'a> {
    place: &'a Path,
}

impl Tmux<'_> {
    fn is_there() -> bool {
        Command::new("tmux").arg("-V").output().is_ok_and(|output| output.status.success())
    }
}

impl Drop for Tmux<'_> {
    fn drop(&mut self) {
        // One that has ended already is as good.
        let _ = Command::new("tmux").env("TMUX_TMPDIR", self.place).arg("kill-server").output();
    }
}

#[test]
fn in_tmux_the_next_connection_is_heard_by_the_same_program() {
    if !Tmux::is_there() {
        return skipped("no tmux");
    }
    let pair = Pair::new(4);
    let place = pair.far.path();
    let set = format!("TMUX_TMPDIR={}", place.display());
    let Some(sshd) = Sshd::start(place, &["EMOLAB_SCHEME=ekman6", &set], &[]) else { return };
    let _tmux = Tmux { place };
    let run = format!("tmux -f /dev/null new -A -s work 'emolab label {}'", pair.clips.display());
    let options = sshd.options();
    let heard = ["ssh", "--audio", "file:heard.wav", "--run", &run, "server", "--", &options[0], &options[1]];
    let start = || Terminal::with(pair.near.path(), &heard, Start::default());

    let mut terminal = start();
    let first = heard_out(&terminal.wait_until("a clip to be heard out", |it| heard_out(it).is_some())).unwrap();
    let line = Line::of(&terminal, &pair, &sshd);
    let before = line.folders.clone();
    sshd.cut();
    terminal.wait("To go on where you were");
    assert!(terminal.ends_tidily());
    until("the first connection's folders to go", || before.iter().all(|folder| !folder.exists()));
    fs::remove_file(pair.near.path().join("heard.wav")).unwrap();

    terminal = start();
    assert_eq!(on_screen(&terminal, None), first, "the same program, as it was left");
    terminal.send("a");
    let heard = |screen: &str| heard_out(screen).filter(|number| *number != first);
    let second = heard(&terminal.wait_until("the next to be heard out", |it| heard(it).is_some())).unwrap();
    terminal.send("a");
    on_screen(&terminal, Some(second));
    terminal.send("q");
    assert!(terminal.end());
    assert_eq!(pair.labelled(), [first, second]);
    let sinks: Vec<_> = pair.annotations().iter().map(|it| it.listening.as_ref().unwrap().sink.clone()).collect();
    assert_eq!(sinks, ["companion"; 2]);
    pair.was_heard(second);
}

#[test]
fn a_laptop_that_was_asleep_goes_on_where_it_was() {
    let pair = Pair::new(3);
    let Some(sshd) = Sshd::start(pair.far.path(), &["EMOLAB_SCHEME=ekman6"], &[]) else { return };
    let mut terminal = pair.label(&sshd, &["--audio", "file:heard.wav"]);
    let heard = |terminal: &Terminal, before: &[usize]| {
        let new = |screen: &str| heard_out(screen).filter(|number| !before.contains(number));
        new(&terminal.wait_until("a clip to be heard out", |screen| new(screen).is_some())).unwrap()
    };
    let first = heard(&terminal, &[]);
    let laptop: Vec<u32> = descendants(terminal.pid()).into_iter().chain([terminal.pid()]).collect();
    assert!(laptop.len() > 1, "ssh is part of it");
    laptop.iter().for_each(|pid| kill(*pid, "STOP"));
    until("the laptop to sleep", || laptop.iter().all(|pid| state(*pid) == Some('T')));
    // What is pressed while the lid is closed waits.
    terminal.send("a");
    laptop.iter().for_each(|pid| kill(*pid, "CONT"));
    let second = heard(&terminal, &[first]);
    terminal.send("a");
    let third = heard(&terminal, &[first, second]);
    terminal.send("q");
    assert!(terminal.end());
    assert_eq!(pair.labelled(), [first, second]);
    [first, second, third].into_iter().for_each(|number| pair.was_heard(number));
}

#[test]
fn another_account_of_either_machine_comes_no_further_than_the_door() {
    if !rustix::process::getuid().is_root() {
        return skipped("not root: cannot be somebody else");
    }
    let pair = Pair::new(2);
    let Some(sshd) = Sshd::start(pair.far.path(), &["EMOLAB_SCHEME=ekman6"], &[]) else { return };
    let terminal = pair.label(&sshd, &["--audio", "file:heard.wav"]);
    on_screen(&terminal, None);
    let line = Line::of(&terminal, &pair, &sshd);
    assert_eq!(line.folders.len(), 2);
    let doors: Vec<_> = line.folders.iter().map(|folder| folder.join("s")).collect();
    assert!(doors.iter().all(|door| std::os::unix::net::UnixStream::connect(door).is_ok()), "the owner gets in");
    let folders = line.folders.clone();
    // Only this thread is somebody else.
    let tried = thread::spawn(move || {
        let (user, group) = (Uid::from_raw(NOBODY), Gid::from_raw(NOBODY));
        rustix::thread::set_thread_groups(&[]).unwrap();
        rustix::thread::set_thread_res_gid(group, group, group).unwrap();
        rustix::thread::set_thread_res_uid(user, user, user).unwrap();
        let connected = |folder: &Path| std::os::unix::net::UnixStream::connect(folder.join("s")).unwrap_err().kind();
        let tries = |folder: &Path| {
            [
                connected(folder),
                fs::read(folder.join("note")).unwrap_err().kind(),
                fs::read_dir(folder).unwrap_err().kind(),
                fs::write(folder.join("x"), "").unwrap_err().kind(),
                fs::remove_dir_all(folder).unwrap_err().kind(),
            ]
        };
        folders.iter().flat_map(|folder| tries(folder)).collect::<Vec<_>>()
    });
    assert_eq!(tried.join().unwrap(), [ErrorKind::PermissionDenied; 10]);
    pair.is_heard_once(terminal, &line);
}
