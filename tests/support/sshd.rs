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
}

impl Sshd {
    /// Starts a server on which whoever logs in has the home `home`, `variables` such as `A=b`, and finds this program first;
    /// `more`: lines of its config, which count before the others. `None`, said aloud, where there is no OpenSSH.
    pub fn start(home: &Path, variables: &[&str], more: &[&str]) -> Option<Sshd> {
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
        (0..TRIES)
            .find_map(|_| {
                let port = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).unwrap().local_addr().unwrap().port();
                fs::write(folder.path().join("sshd_config"), server(folder.path(), port, more) + &set).unwrap();
                fs::write(folder.path().join("ssh_config"), client(folder.path(), port)).unwrap();
                listening(&program, folder.path()).map(|child| (child, port))
            })
            .map(|(child, port)| Sshd { folder, child, port })
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

fn server(folder: &Path, port: u16, more: &[&str]) -> String {
    let (folder, more) = (folder.display(), more.join("\n"));
    format!(
        "{more}\nPort {port}\nListenAddress 127.0.0.1\nHostKey {folder}/host\nPidFile none\n\
         AuthorizedKeysFile {folder}/user.pub\nStrictModes no\nUsePAM no\nPasswordAuthentication no\n\
         KbdInteractiveAuthentication no\nPermitRootLogin prohibit-password\nMaxStartups 100\nLogLevel INFO\n"
    )
}

fn client(folder: &Path, port: u16) -> String {
    let folder = folder.display();
    format!(
        "Host server jump\n  HostName 127.0.0.1\n  Port {port}\n  IdentityFile {folder}/user\n  IdentitiesOnly yes\n  \
         UserKnownHostsFile {folder}/known\n  StrictHostKeyChecking no\n  GlobalKnownHostsFile none\n  LogLevel ERROR\n"
    )
}

/// Starts the server and waits until it says that it listens; `None` if it ends instead.
fn listening(program: &Path, folder: &Path) -> Option<Child> {
    let config = folder.join("sshd_config");
    let mut child = Command::new(program)
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
