//! `emolab ssh`: the workbench on a server, heard on this laptop.
//!
//! The user's own ssh does all that ssh does: it is run twice over one connection, first to prepare a private folder there, then to
//! start the program with a socket that leads back here. Deliberately absent: ssh_config, keys, passwords, hosts.

mod listener;
mod shell;
mod tidy;
mod watchman;

use std::io::{self, IsTerminal, Write};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, ExitStatus, Stdio};

use anyhow::{Context, Result, bail, ensure};
use clap::Args;
use rustix::termios::{OptionalActions, Termios, tcgetattr, tcsetattr};

use self::listener::Listener;
use self::shell::Prepared;
use self::watchman::Watchman;
use super::{say, stdout};
use crate::audio::Wish;
use crate::audio::remote::{Hearth, Secret, wire::PROTOCOL};
use crate::job::Cancelled;
use crate::tui::Stderr;
use crate::workbench::config::Config;
use crate::workbench::places;

/// Ports that may be tried for TCP: above those of services, below those that systems give out.
const PORTS: std::ops::Range<u16> = 20_000..32_000;
/// What gives a terminal back that a program left without saying goodbye: synchronised output, alternate screen, cursor, pasting,
/// mouse, colours.
const GIVE_BACK: &str =
    "\x1b[?2026l\x1b[?1049l\x1b[?25h\x1b[?2004l\x1b[?1000l\x1b[?1002l\x1b[?1003l\x1b[?1006l\x1b[0m\r\n";

/// Arguments of `emolab ssh`.
#[derive(Debug, Args)]
pub struct Ssh {
    /// The server, and the corpus there; without a PATH the demo corpus.
    #[arg(value_name = "[USER@]HOST[:PATH]", required_unless_present = "protocol")]
    target: Option<String>,
    /// Open the Label screen there.
    #[arg(long)]
    label: bool,
    /// Run COMMAND there instead, such as "tmux new -A -s work": every emolab in it is heard here.
    #[arg(long, value_name = "COMMAND", conflicts_with = "label")]
    run: Option<String>,
    /// Use TCP on the loopback there, also where sockets can be forwarded.
    #[arg(long)]
    tcp: bool,
    /// Where sound goes here, on the laptop: auto, pulse, device, file:PATH (a WAV of what would be heard) or none.
    #[arg(long, value_name = "SINK")]
    audio: Option<Wish>,
    /// Kilobytes of sound a second, at most.
    #[arg(long, value_name = "KB", value_parser = clap::value_parser!(u32).range(1..=1_000_000))]
    limit: Option<u32>,
    /// The ssh program, with options that go before all others.
    #[arg(long, value_name = "PROGRAM", env = "EMOLAB_SSH", default_value = "ssh")]
    ssh: String,
    /// Print protocol and version, for an emolab that asks over ssh, and remove what lost connections left.
    #[arg(long, hide = true)]
    protocol: bool,
    /// Options of ssh, such as -J jump -p 2222.
    #[arg(last = true, value_name = "SSH OPTIONS")]
    options: Vec<String>,
}

impl Ssh {
    /// Connects, and stays until the program there has ended.
    pub fn run(self) -> Result<()> {
        // On either side, before anything of this connection is there.
        tidy::sweep(Path::new(listener::PLACE));
        let Some(target) = self.target.clone().filter(|_| !self.protocol) else {
            let mut out = stdout();
            writeln!(out, "{PROTOCOL} {}", env!("CARGO_PKG_VERSION"))?;
            return Ok(out.flush()?);
        };
        let (again, (host, path)) = (again(std::env::args()), split(&target)?);
        let terminal = io::stdin().is_terminal() && io::stdout().is_terminal();
        ensure!(terminal, "emolab ssh needs a terminal; ssh {host} emolab scan … does not");
        let secret = Secret::random();
        let hearth = Hearth {
            host: places::host(),
            secret: secret.clone(),
            cache: places::cache().ok().map(|cache| cache.join("heard")),
            limit: self.limit.unwrap_or(0).saturating_mul(1_000),
        };
        let listener = Listener::open(hearth, self.wish()?)?;
        let line = Line { ssh: self, host, control: listener.control(), watchman: Watchman::new()? };
        let prepared = line.prepare(&secret)?;
        let status = line.visit(&prepared, path, &listener.socket());
        line.hang_up();
        if let Some(reason) = listener.silence() {
            say(&format!("nothing could be heard here: {reason}; emolab doctor tells what mends it"));
        }
        line.farewell(status?, &again)
    }
}

impl Ssh {
    /// Where sound goes here: as the flag says, else the settings, as far as that fits.
    fn wish(&self) -> Result<Wish> {
        let fits = |wish: &Wish| !matches!(wish, Wish::Companion | Wish::Browser(_));
        match self.audio.clone() {
            Some(wish) if !fits(&wish) => {
                bail!("--audio {wish}: a companion plays on auto, pulse, device, file:PATH or none")
            }
            Some(wish) => Ok(wish),
            None => {
                let set = Config::of(None).value("audio").and_then(|text| text.parse().ok());
                Ok(set.filter(fits).unwrap_or_default())
            }
        }
    }
}

/// The same command once more, as one would type it.
fn again(args: impl Iterator<Item = String>) -> String {
    std::iter::once("emolab".to_owned()).chain(args.skip(1).map(|arg| word(&arg))).collect::<Vec<_>>().join(" ")
}

/// A word as one would type it in a shell.
fn word(word: &str) -> String {
    let plain = |c: char| c.is_ascii_alphanumeric() || "-_./:@=,~+%[]".contains(c);
    match !word.is_empty() && word.chars().all(plain) {
        true => word.to_owned(),
        false => shell::quoted(word),
    }
}

/// Host and path; a host of IPv6 digits stands in brackets.
fn split(target: &str) -> Result<(&str, Option<&str>)> {
    let (host, path) = match target.strip_prefix('[').and_then(|rest| rest.split_once(']')) {
        Some((host, "")) => (host, None),
        Some((host, rest)) => (host, Some(rest.strip_prefix(':').context("after ] comes : and a path")?)),
        None => target.split_once(':').map_or((target, None), |(host, path)| (host, Some(path))),
    };
    ensure!(!host.is_empty() && !host.starts_with('-'), "{target}: no host; write [user@]host[:path]");
    Ok((host, path.filter(|path| !path.is_empty())))
}

/// The way to one server.
struct Line<'a> {
    ssh: Ssh,
    host: &'a str,
    control: PathBuf,
    watchman: Watchman,
}

impl Line<'_> {
    /// ssh with the user's options first: of every option the first counts. Its processes share one connection, so that a password
    /// is asked for once.
    fn ssh(&self) -> Result<Command> {
        let mut words = self.ssh.ssh.split_whitespace();
        let mut command = Command::new(words.next().context("--ssh names no program")?);
        command.args(words).args(&self.ssh.options);
        command.args(["-o", "ControlMaster=auto", "-o", "ControlPersist=5"]);
        command.arg("-o").arg(format!("ControlPath={}", self.control.display()));
        command.args(["-o", "ServerAliveInterval=15", "-o", "ServerAliveCountMax=4"]);
        Ok(command)
    }

    fn prepare(&self, secret: &Secret) -> Result<Prepared> {
        let mut child = self
            .ssh()?
            .args(["-T", self.host, &shell::prepare()])
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .spawn()
            .with_context(|| format!("cannot run {}", self.ssh.ssh))?;
        let written = child.stdin.take().map(|mut input| writeln!(input, "{}", secret.hex()));
        let output = self.watchman.mind(child, Child::wait_with_output)?;
        if output.status.code() == Some(255) {
            bail!("ssh found no way to {}; it said why above", self.host);
        }
        written.transpose().context("the server hung up")?;
        ensure!(output.status.success(), "{}: no private folder could be made in /tmp there", self.host);
        let prepared = shell::prepared(&String::from_utf8_lossy(&output.stdout)).context(self.host.to_owned())?;
        if let Err(unfit) = self.fits(&prepared) {
            // Nothing will be started that would remove it.
            let _ = self.ssh()?.args(["-T", self.host, &shell::remove(&prepared.folder)]).stdin(Stdio::null()).status();
            self.hang_up();
            return Err(unfit);
        }
        Ok(prepared)
    }

    /// Whether the emolab there can be heard here. Whoever runs something else knows what.
    fn fits(&self, prepared: &Prepared) -> Result<()> {
        let (host, here) = (self.host, env!("CARGO_PKG_VERSION"));
        match &prepared.program {
            _ if self.ssh.run.is_some() => Ok(()),
            Some((PROTOCOL, _)) => Ok(()),
            Some((0, _)) => bail!(
                "the emolab on {host} does not answer; it said why above. It may be older than remote hearing, or a library may be \
                 missing (ALSA's: apt-get install libasound2-dev)"
            ),
            Some((protocol, version)) => bail!(
                "{host} has emolab {version} (protocol {protocol}), this laptop {here} (protocol {PROTOCOL}): they would not \
                 understand each other; install the same version on both"
            ),
            None => {
                let program = std::env::current_exe().unwrap_or_else(|_| "emolab".into());
                let way = self.way();
                bail!(
                    "no emolab on {host}, neither in PATH nor in ~/.cargo/bin or ~/.local/bin; build it there as here, or, if it \
                     runs the same system as this laptop, copy it:\n  {way} 'mkdir -p ~/.local/bin && cat >~/.local/bin/emolab && \
                     chmod +x ~/.local/bin/emolab' <{}",
                    word(&program.display().to_string())
                )
            }
        }
    }

    /// The way there as one would type it.
    fn way(&self) -> String {
        let options: String = self.ssh.options.iter().map(|option| format!(" {}", word(option))).collect();
        format!("{}{options} {}", self.ssh.ssh, self.host)
    }

    /// Starts the program there; over TCP where the server forwards no sockets.
    fn visit(&self, prepared: &Prepared, path: Option<&str>, socket: &Path) -> Result<ExitStatus> {
        let verb = if self.ssh.label { "label" } else { "" };
        let command = self.ssh.run.clone().unwrap_or_else(|| shell::program(verb, path));
        if !self.ssh.tcp {
            let forward = format!("{}/s:{}", prepared.folder, socket.display());
            let status = self.start(&forward, &shell::start(&prepared.folder, None, &command))?;
            if status.code() != Some(shell::NO_SOCKET) {
                return Ok(status);
            }
            say("the server forwards no sockets; going over TCP on its loopback");
        }
        let port = rand::random_range(PORTS);
        let forward = format!("127.0.0.1:{port}:{}", socket.display());
        self.start(&forward, &shell::start(&prepared.folder, Some(port), &command))
    }

    fn start(&self, forward: &str, line: &str) -> Result<ExitStatus> {
        let terminal = tcgetattr(rustix::stdio::stdin()).ok();
        let child =
            self.ssh()?.args(["-t", "-o", "ExitOnForwardFailure=no", "-R", forward, self.host, line]).spawn()?;
        // From here on sound libraries of this process would write on the other one's screen.
        let stderr = Stderr::new()?;
        stderr.to_log();
        let status = self.watchman.mind(child, |mut child| child.wait());
        stderr.back();
        // What ended by itself has said goodbye to the terminal.
        if !status.as_ref().is_ok_and(|status| status.code().is_some_and(|code| code != 255)) {
            give_back(terminal.as_ref());
        }
        status
    }

    /// Ends the connection that ssh's processes shared.
    fn hang_up(&self) {
        let quietly = |mut ssh: Command| {
            ssh.args(["-O", "exit", self.host])
                .stdin(Stdio::null())
                .stdout(Stdio::null())
                .stderr(Stdio::null())
                .status()
        };
        // One that is gone already is as good.
        let _ = self.ssh().map(quietly);
    }

    fn farewell(&self, status: ExitStatus, again: &str) -> Result<()> {
        match status.code() {
            Some(0) => Ok(()),
            Some(130) => Err(Cancelled.into()),
            Some(255) | None => {
                bail!(
                    "connection to {} lost; every label given is saved there. To go on where you were:\n  {again}",
                    self.host
                )
            }
            Some(127) => bail!("{}: the command was not found there", self.host),
            Some(code) => bail!("{}: ended with code {code}", self.host),
        }
    }
}

/// The terminal as it was, as far as anything can still be written to it.
fn give_back(terminal: Option<&Termios>) {
    let _ = terminal.map(|terminal| tcsetattr(rustix::stdio::stdin(), OptionalActions::Drain, terminal));
    let _ = io::stdout().write_all(GIVE_BACK.as_bytes()).and_then(|()| io::stdout().flush());
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_command_is_told_as_it_was_typed() {
        let args = ["/usr/bin/emolab", "ssh", "ann@host:~/a b", "--run", "it's", "", "--", "-J", "jump"];
        let line = again(args.into_iter().map(str::to_owned));
        assert_eq!(line, r"emolab ssh 'ann@host:~/a b' --run 'it'\''s' '' -- -J jump");
    }

    #[test]
    fn a_target_is_a_host_and_perhaps_a_path() {
        assert_eq!(split("host").unwrap(), ("host", None));
        assert_eq!(split("ann@host:~/a:b").unwrap(), ("ann@host", Some("~/a:b")));
        assert_eq!(split("host:").unwrap(), ("host", None));
        assert_eq!(split("[::1]:x").unwrap(), ("::1", Some("x")));
        assert_eq!(split("[::1]").unwrap(), ("::1", None));
        for wrong in ["", ":x", "-oProxyCommand=x:y", "[::1]x"] {
            assert!(split(wrong).is_err(), "{wrong}");
        }
    }
}
