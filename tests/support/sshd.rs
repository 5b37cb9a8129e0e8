//! An OpenSSH server of a test's own on 127.0.0.1, with its own host key, user key, config and port; dropped, it is gone with all
//! its sessions.

use std::fs;
use std::io::{BufRead, BufReader};
use std::net::{Ipv4Addr, TcpListener};
use std::os::unix::fs::DirBuilderExt;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

use super::skipped;

/// Patience: a test that would wait longer has failed. No test depends on its length.
const PATIENCE: Duration = Duration::from_secs(60);
/// Another program may take the port that was free a moment ago.
const TRIES: usize = 5;

/// A running server.
pub struct Sshd {
    folder: tempfile::TempDir,
    child: Child,
    port: u16,
    /// Where it runs, if not on this host's network.
    _apart: Option<Apart>,
}

impl Sshd {
    /// Starts a server on which whoever logs in has the home `home`, `variables` such as `A=b`, and finds this program first;
    /// `more`: lines of its config, which count before the others. `None`, said aloud, where there is no OpenSSH.
    pub fn start(home: &Path, variables: &[&str], more: &[&str]) -> Option<Sshd> {
        Sshd::on(None, home, variables, more)
    }

    /// The same on another network: a namespace of its own, with its own loopback, that a pair of cards leads to. `None`, said
    /// aloud, where that cannot be made: it takes root and iproute2.
    pub fn apart(home: &Path, variables: &[&str], more: &[&str]) -> Option<Sshd> {
        let Some(apart) = Apart::new() else {
            skipped("no network namespace can be made here");
            return None;
        };
        Sshd::on(Some(apart), home, variables, more)
    }

    fn on(apart: Option<Apart>, home: &Path, variables: &[&str], more: &[&str]) -> Option<Sshd> {
        let Some(program) = program() else {
            skipped("no sshd");
            return None;
        };
        let folder = tempfile::tempdir().unwrap();
        for key in ["host", "user"] {
            let mut made = Command::new("ssh-keygen");
            let made = made.args(["-q", "-t", "ed25519", "-N", "", "-f"]).arg(folder.path().join(key)).status();
            if !made.is_ok_and(|status| status.success()) {
                skipped("no ssh-keygen");
                return None;
            }
        }
        // As packages make it for a server that runs as root; another needs none.
        let _ = fs::DirBuilder::new().recursive(true).mode(0o755).create("/run/sshd");
        let bin = folder.path().join("bin");
        fs::create_dir(&bin).unwrap();
        std::os::unix::fs::symlink(env!("CARGO_BIN_EXE_emolab"), bin.join("emolab")).unwrap();
        let path = std::env::var("PATH").unwrap();
        let set = format!(
            "SetEnv HOME={} PATH={}:{path} EMOLAB_TOUR=never LANG=C.UTF-8 {}\n",
            home.display(),
            bin.display(),
            variables.join(" ")
        );
        let address = apart.as_ref().map_or_else(|| "127.0.0.1".to_owned(), |apart| apart.address.clone());
        (0..TRIES)
            .find_map(|_| {
                let port = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).unwrap().local_addr().unwrap().port();
                fs::write(folder.path().join("sshd_config"), server(folder.path(), (&address, port), more) + &set)
                    .unwrap();
                fs::write(folder.path().join("ssh_config"), client(folder.path(), (&address, port))).unwrap();
                listening(&program, folder.path(), apart.as_ref()).map(|child| (child, port))
            })
            .map(|(child, port)| Sshd { folder, child, port, _apart: apart })
    }

    /// Options of ssh with which the host is `server`.
    pub fn options(&self) -> [String; 2] {
        ["-F".to_owned(), self.folder.path().join("ssh_config").display().to_string()]
    }

    /// The port of 127.0.0.1 where it listens.
    pub fn port(&self) -> u16 {
        self.port
    }

    /// The folder of the programs that are found there first.
    pub fn bin(&self) -> PathBuf {
        self.folder.path().join("bin")
    }

    /// The processes of its sessions, and what runs in them.
    pub fn sessions(&self) -> Vec<u32> {
        descendants(self.child.id())
    }

    /// Ends all connections as if the line were cut: nobody can say goodbye.
    pub fn cut(&self) {
        let own = |pid: &u32| comm(*pid).is_some_and(|name| name.starts_with("sshd"));
        self.sessions().into_iter().filter(own).for_each(|pid| kill(pid, "KILL"));
    }
}

impl Drop for Sshd {
    fn drop(&mut self) {
        self.sessions().into_iter().for_each(|pid| kill(pid, "KILL"));
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

fn program() -> Option<PathBuf> {
    let places = std::env::var_os("PATH").unwrap_or_default();
    let places = std::env::split_paths(&places).chain(["/usr/sbin", "/usr/local/sbin"].map(PathBuf::from));
    places.map(|place| place.join("sshd")).find(|path| path.exists())
}

fn server(folder: &Path, (address, port): (&str, u16), more: &[&str]) -> String {
    let (folder, more) = (folder.display(), more.join("\n"));
    format!(
        "{more}\nPort {port}\nListenAddress {address}\nHostKey {folder}/host\nPidFile none\n\
         AuthorizedKeysFile {folder}/user.pub\nStrictModes no\nUsePAM no\nPasswordAuthentication no\n\
         KbdInteractiveAuthentication no\nPermitRootLogin prohibit-password\nMaxStartups 100\nLogLevel INFO\n"
    )
}

fn client(folder: &Path, (address, port): (&str, u16)) -> String {
    let folder = folder.display();
    format!(
        "Host server jump\n  HostName {address}\n  Port {port}\n  IdentityFile {folder}/user\n  IdentitiesOnly yes\n  \
         UserKnownHostsFile {folder}/known\n  StrictHostKeyChecking no\n  GlobalKnownHostsFile none\n  LogLevel ERROR\n"
    )
}

/// Starts the server and waits until it says that it listens; `None` if it ends instead.
fn listening(program: &Path, folder: &Path, apart: Option<&Apart>) -> Option<Child> {
    let config = folder.join("sshd_config");
    let mut child = apart
        .map_or_else(|| Command::new(program), |apart| apart.command(program))
        .args(["-D", "-e", "-f"])
        .arg(config)
        .stdin(Stdio::null())
        .stderr(Stdio::piped())
        .spawn()
        .unwrap();
    let mut lines = BufReader::new(child.stderr.take().unwrap()).lines().map_while(Result::ok);
    let there = lines.any(|line| line.contains("Server listening"));
    if !there {
        child.wait().unwrap();
        return None;
    }
    // A server whose log is not read stands still one day.
    std::thread::spawn(move || lines.for_each(drop));
    Some(child)
}

/// A network namespace that a pair of cards leads to; dropped, it is gone with them.
struct Apart {
    name: String,
    /// Its end of the pair.
    address: String,
}

impl Apart {
    fn new() -> Option<Apart> {
        let number = std::process::id();
        let name = format!("emolab-{number}");
        let (near, far) = (format!("el{number}a"), format!("el{number}b"));
        let net = format!("10.213.{}", number % 250);
        let address = format!("{net}.2");
        ip(&["netns", "add", &name])?;
        let apart = Apart { name, address };
        let name = &apart.name;
        ip(&["link", "add", &near, "type", "veth", "peer", "name", &far, "netns", name])?;
        ip(&["addr", "add", &format!("{net}.1/30"), "dev", &near])?;
        ip(&["link", "set", &near, "up"])?;
        ip(&["-n", name, "addr", "add", &format!("{}/30", apart.address), "dev", &far])?;
        ip(&["-n", name, "link", "set", &far, "up"])?;
        ip(&["-n", name, "link", "set", "lo", "up"])?;
        Some(apart)
    }

    fn command(&self, program: &Path) -> Command {
        let mut command = Command::new("ip");
        command.args(["netns", "exec", &self.name]).arg(program);
        command
    }
}

impl Drop for Apart {
    fn drop(&mut self) {
        let _ = ip(&["netns", "del", &self.name]);
    }
}

fn ip(args: &[&str]) -> Option<()> {
    let done = Command::new("ip").args(args).stdout(Stdio::null()).stderr(Stdio::null()).status();
    done.is_ok_and(|status| status.success()).then_some(())
}

/// All processes that come from `pid`, as far as their parents live.
pub fn descendants(pid: u32) -> Vec<u32> {
    let processes: Vec<(u32, u32)> = fs::read_dir("/proc")
        .into_iter()
        .flatten()
        .flatten()
        .filter_map(|entry| {
            let pid = entry.file_name().to_str()?.parse().ok()?;
            Some((pid, parent(pid)?))
        })
        .collect();
    let mut found = vec![pid];
    let mut at = 0;
    while let Some(&above) = found.get(at) {
        found.extend(processes.iter().filter(|(_, parent)| *parent == above).map(|(pid, _)| *pid));
        at += 1;
    }
    found.split_off(1)
}

fn parent(pid: u32) -> Option<u32> {
    let stat = fs::read_to_string(format!("/proc/{pid}/stat")).ok()?;
    // The name before it may hold anything.
    stat.rsplit_once(')')?.1.split_whitespace().nth(1)?.parse().ok()
}

/// The name of a process that runs.
pub fn comm(pid: u32) -> Option<String> {
    let stat = fs::read_to_string(format!("/proc/{pid}/stat")).ok()?;
    let (name, rest) = stat.split_once('(')?.1.rsplit_once(')')?;
    (!rest.trim_start().starts_with('Z')).then(|| name.to_owned())
}

/// What a process does: `R` runs, `S` sleeps, `T` was stopped.
pub fn state(pid: u32) -> Option<char> {
    let stat = fs::read_to_string(format!("/proc/{pid}/stat")).ok()?;
    stat.rsplit_once(')')?.1.trim_start().chars().next()
}

pub fn kill(pid: u32, signal: &str) {
    // One that has ended already is as good.
    let _ = Command::new("kill").args([&format!("-{signal}"), &pid.to_string()]).stderr(Stdio::null()).status();
}

/// Waits for what other processes do, who cannot be asked to tell.
pub fn until(what: &str, there: impl Fn() -> bool) {
    let start = Instant::now();
    while !there() {
        assert!(start.elapsed() < PATIENCE, "waited for {what}");
        std::thread::sleep(Duration::from_millis(5));
    }
}
