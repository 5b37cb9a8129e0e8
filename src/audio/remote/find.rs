//! Where a program beside the clips finds the companion of whoever uses it.
//!
//! `emolab ssh` leaves a folder on the server that only its owner can enter: the socket, and a note with the address and the secret.
//! `$EMOLAB_COMPANION` names the note; a link in the state directory leads to the newest one, so that a program that outlives its
//! connection (in tmux) finds the next. Deliberately absent: searching; whoever could put a socket elsewhere could listen.

use std::env;
use std::ffi::OsString;
use std::fs::{self, File};
use std::io::{ErrorKind, Read};
use std::os::unix::fs::{FileTypeExt, MetadataExt};
use std::path::{Path, PathBuf};

use super::companion::Companion;
use super::secret::Secret;
use super::stream::Address;

/// Names the note of this session's companion.
pub const VARIABLE: &str = "EMOLAB_COMPANION";
/// Bytes of a note, at most.
const NOTE: u64 = 4_096;
/// Permissions that nobody but the owner may have.
const OTHERS: u32 = 0o077;

/// What a program must know to reach a companion: two lines, address and secret.
#[derive(Debug, Clone)]
pub struct Note {
    /// Where it listens.
    pub address: Address,
    /// What both ends know.
    pub secret: Secret,
}

/// The companion of whoever uses this program; `None` where nobody said that there is one. Connects, so it may take a while.
///
/// # Errors
/// One line for the status bar: there should be one, but it cannot be reached.
pub fn find() -> Option<Result<Companion, String>> {
    Some(followed(own_variable)?.and_then(|path| connect(&path)))
}

/// The note that [`find`] follows now, if there is one. Every connection has another; cheap.
pub fn note() -> Option<PathBuf> {
    fs::canonicalize(followed(own_variable)?.ok()?).ok()
}

/// Whether `emolab ssh` started this session, or the tmux that it runs in.
pub fn is_expected() -> bool {
    own_variable(VARIABLE).is_some()
}

fn own_variable(name: &str) -> Option<OsString> {
    env::var_os(name).filter(|value| !value.is_empty())
}

/// The note to follow, by the variables of this session: its own; inside tmux or screen, which outlive connections, the newest.
fn followed(variable: impl Fn(&str) -> Option<OsString>) -> Option<Result<PathBuf, String>> {
    let outlives = ["TMUX", "STY"].iter().any(|name| variable(name).is_some());
    let own = variable(VARIABLE).map(PathBuf::from);
    // Who sits at the machine itself has no use for a laptop that is connected to it.
    let from_afar = own.is_some() || outlives || variable("SSH_CONNECTION").is_some();
    let newest = newest(&variable).filter(|_| from_afar);
    let mut notes = [own.clone(), newest];
    if outlives {
        notes.reverse();
    }
    let there = notes.into_iter().flatten().find(|note| note.exists());
    let gone = own.map(|_| Err("the laptop is no longer connected; run emolab ssh there".into()));
    there.map(Ok).or(gone)
}

/// Where `emolab ssh` links the newest note; what its shell line says in other words.
fn newest(variable: impl Fn(&str) -> Option<OsString>) -> Option<PathBuf> {
    let state = variable("XDG_STATE_HOME").map(PathBuf::from).filter(|path| path.is_absolute());
    let state = state.or_else(|| Some(Path::new(&variable("HOME")?).join(".local/state")))?;
    Some(state.join("emolab/companion"))
}

fn connect(path: &Path) -> Result<Companion, String> {
    let note = read(path)?;
    if let Address::Socket(socket) = &note.address {
        check_socket(socket)?;
    }
    let stream = note.address.connect().map_err(|error| match (&note.address, error.kind()) {
        (Address::Port(_), ErrorKind::ConnectionRefused) => {
            "no way to the laptop: does this server forward?".to_owned()
        }
        _ => format!("the laptop is not connected: {error}"),
    })?;
    let host = rustix::system::uname().nodename().to_string_lossy().into_owned();
    Companion::connect(stream, &note.secret, &host)
}

/// Reads a note, if nobody but this user can have written or read it.
///
/// # Errors
/// One line.
pub fn read(path: &Path) -> Result<Note, String> {
    let unread = |error: std::io::Error| format!("{}: {error}", path.display());
    let mut file = File::open(path).map_err(unread)?;
    let about = file.metadata().map_err(unread)?;
    if !about.is_file() || about.len() > NOTE {
        return Err(format!("{}: not a note of emolab ssh", path.display()));
    }
    if about.uid() != rustix::process::getuid().as_raw() || about.mode() & OTHERS != 0 {
        return Err(format!("{}: others have access to it; not used", path.display()));
    }
    let mut text = String::new();
    file.by_ref().take(NOTE).read_to_string(&mut text).map_err(unread)?;
    let mut lines = text.lines();
    let address = lines.next().and_then(Address::parse);
    let secret = lines.next().and_then(|line| line.parse().ok());
    match (address, secret) {
        (Some(address), Some(secret)) => Ok(Note { address, secret }),
        _ => Err(format!("{}: not a note of emolab ssh", path.display())),
    }
}

fn check_socket(path: &Path) -> Result<(), String> {
    let about = fs::symlink_metadata(path).map_err(|_| "the laptop is no longer connected; run emolab ssh there")?;
    let own = about.uid() == rustix::process::getuid().as_raw() && about.mode() & OTHERS == 0;
    if about.file_type().is_socket() && own {
        return Ok(());
    }
    Err(format!("{}: not a socket of this user alone; not used", path.display()))
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::os::unix::fs::PermissionsExt;
    use std::os::unix::net::UnixListener;

    fn write(path: &Path, text: &str, mode: u32) {
        fs::write(path, text).unwrap();
        fs::set_permissions(path, fs::Permissions::from_mode(mode)).unwrap();
    }

    #[test]
    fn a_note_is_for_its_owner_alone() {
        let folder = tempfile::tempdir().unwrap();
        let (path, secret) = (folder.path().join("note"), Secret::random());
        let text = format!("/tmp/x/s\n{}\n", secret.hex());
        write(&path, &text, 0o600);
        let note = read(&path).unwrap();
        assert_eq!((note.address, note.secret.hex()), (Address::Socket("/tmp/x/s".into()), secret.hex()));
        for (text, mode, reason) in [
            (text.as_str(), 0o640, "others have access"),
            ("/tmp/x/s\nabc", 0o600, "not a note"),
            ("x\n", 0o600, "not a note"),
            ("", 0o600, "not a note"),
        ] {
            write(&path, text, mode);
            assert!(read(&path).map(drop).unwrap_err().contains(reason), "{text:?} {mode:o}");
        }
        assert!(read(folder.path()).map(drop).unwrap_err().contains("not a note"));
    }

    #[test]
    fn a_socket_is_its_owners_alone() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("s");
        assert!(check_socket(&path).unwrap_err().contains("no longer connected"));
        let _listener = UnixListener::bind(&path).unwrap();
        fs::set_permissions(&path, fs::Permissions::from_mode(0o666)).unwrap();
        assert!(check_socket(&path).unwrap_err().contains("this user alone"));
        fs::set_permissions(&path, fs::Permissions::from_mode(0o600)).unwrap();
        assert_eq!(check_socket(&path), Ok(()));
    }

    #[test]
    fn the_sessions_own_note_counts_and_then_the_newest() {
        let folder = tempfile::tempdir().unwrap();
        let (own, newest) = (folder.path().join("own"), folder.path().join("emolab/companion"));
        fs::create_dir(folder.path().join("emolab")).unwrap();
        let look = |more: &'static [&'static str]| {
            followed(|name| match name {
                "XDG_STATE_HOME" => Some(folder.path().into()),
                VARIABLE if more.contains(&VARIABLE) => Some(own.clone().into()),
                name => more.contains(&name).then(|| "x".into()),
            })
        };
        assert_eq!(look(&["SSH_CONNECTION"]), None);
        assert!(look(&[VARIABLE]).unwrap().unwrap_err().contains("no longer connected"));
        write(&newest, "", 0o600);
        assert_eq!(look(&[]), None);
        assert_eq!(look(&["TMUX"]), Some(Ok(newest.clone())));
        assert_eq!(look(&[VARIABLE]), Some(Ok(newest.clone())));
        write(&own, "", 0o600);
        assert_eq!(look(&[VARIABLE]), Some(Ok(own.clone())));
        assert_eq!(look(&[VARIABLE, "TMUX"]), Some(Ok(newest.clone())));
        fs::remove_file(&newest).unwrap();
        assert_eq!(look(&[VARIABLE, "TMUX"]), Some(Ok(own.clone())));
    }
}
