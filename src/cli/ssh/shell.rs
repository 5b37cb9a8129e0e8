//! The lines that a server's shell is given: one that prepares a private folder there, one that starts the program.
//!
//! They are `sh`'s, on one line, without `!`, so that bash, dash, fish and csh pass them on alike. Nothing of them is secret: the
//! secret goes through standard input. Deliberately absent: anything that could not be run by hand to see what it does.

use anyhow::{Context, Result, bail, ensure};

/// What the prepared lines begin with: shells may print other things first.
const MARK: &str = "emolab-ssh:";
/// Where programs are that a shell without login does not find.
const FIND: &str = r#"PATH="$PATH:$HOME/.cargo/bin:$HOME/.local/bin"; export PATH"#;
/// Where `audio::remote::find` looks for the newest note.
const NEWEST: &str = r#"l="${XDG_STATE_HOME:-$HOME/.local/state}/emolab""#;
/// The program's exit code when the server forwards no sockets.
pub(super) const NO_SOCKET: i32 = 75;

/// What the server said of itself.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Prepared {
    /// A folder there that is this user's alone, with the note.
    pub(super) folder: String,
    /// Protocol and version of its emolab; `None` = there is none.
    pub(super) program: Option<(u16, String)>,
}

/// Makes the folder, writes the note with the secret that comes on standard input, links it as the newest, and tells what
/// emolab there is.
pub(super) fn prepare() -> String {
    wrapped(&format!(
        r#"umask 077; d=$(mktemp -d /tmp/emolab-XXXXXXXXXX) || exit 71; {{ echo "$d/s"; cat; }} > "$d/note" || exit 71; {NEWEST}; mkdir -p "$l" && ln -sfn "$d/note" "$l/companion"; {FIND}; p=none; command -v emolab > /dev/null 2>&1 && {{ p=$(emolab ssh --protocol < /dev/null 2> "$d/why") || {{ p="0 unknown"; cat "$d/why" >&2; }}; rm -f "$d/why"; }}; echo "{MARK} $d $p""#
    ))
}

/// What [`prepare`] printed.
///
/// # Errors
/// It is not there, or the folder is not one that it makes.
pub(super) fn prepared(output: &str) -> Result<Prepared> {
    let line =
        output.lines().find_map(|line| line.trim().strip_prefix(MARK)).context("the server's shell said nothing")?;
    let mut words = line.split_whitespace();
    let folder = words.next().unwrap_or_default();
    let random = folder.strip_prefix("/tmp/emolab-").unwrap_or_default();
    // It goes into a command line: nothing but what `mktemp` makes.
    ensure!(!random.is_empty() && random.chars().all(|c| c.is_ascii_alphanumeric()), "the server named an odd folder");
    let program = match (words.next(), words.next()) {
        (Some("none"), _) => None,
        (Some(protocol), Some(version)) => {
            let plain = version.chars().all(|c| c.is_ascii_alphanumeric() || ".-+".contains(c));
            let protocol = protocol.parse().ok().filter(|_| plain && version.len() <= 40);
            Some((protocol.context("the server's emolab said something odd")?, version.to_owned()))
        }
        _ => bail!("the server's shell said too little"),
    };
    Ok(Prepared { folder: folder.to_owned(), program })
}

/// Starts `command` with the folder's companion; removes the folder at its end, also when the connection is lost. With a `port`,
/// the companion is reached there; without, ends with [`NO_SOCKET`] where the socket was not made.
pub(super) fn start(folder: &str, port: Option<u16>, command: &str) -> String {
    let reach = match port {
        None => format!(r#"test -S "$d/s" || exit {NO_SOCKET}"#),
        Some(port) => {
            format!(r#"( umask 077; {{ echo tcp:{port}; sed 1d "$d/note"; }} > "$d/new" && mv -f "$d/new" "$d/note" )"#)
        }
    };
    wrapped(&format!(
        r#"d={folder}; {reach}; {NEWEST}; trap "rm -rf $d; test -e \"$l/companion\" || rm -f \"$l/companion\"" EXIT; trap "exit 129" HUP; trap "exit 143" TERM; trap "exit 130" INT; EMOLAB_COMPANION="$d/note"; export EMOLAB_COMPANION; {FIND}; {command}"#
    ))
}

/// Removes the folder, where nothing was started that would.
pub(super) fn remove(folder: &str) -> String {
    wrapped(&format!(r#"rm -rf {folder}; {NEWEST}; test -e "$l/companion" || rm -f "$l/companion""#))
}

/// `emolab`, or `emolab label`, on a path of the server; the demo corpus there if it is `None`.
pub(super) fn program(verb: &str, path: Option<&str>) -> String {
    let path = path.map_or(String::new(), |path| format!(" -- {}", there(path)));
    format!("emolab {verb}{path}")
}

/// A path as the server's shell should see it; `~/` is the home there.
fn there(path: &str) -> String {
    match path.strip_prefix("~/") {
        Some(rest) => format!(r#""$HOME"/{}"#, quoted(rest)),
        None if path == "~" => r#""$HOME""#.into(),
        None => quoted(path),
    }
}

/// As one word of any shell.
pub(super) fn quoted(text: &str) -> String {
    format!("'{}'", text.replace('\'', r"'\''"))
}

/// For whatever shell the user has there.
fn wrapped(script: &str) -> String {
    format!("exec sh -c {}", quoted(script))
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::process::{Command, Output, Stdio};

    /// Runs a line as a server would, in this shell, with this home.
    fn run(shell: &str, line: &str, home: &std::path::Path, input: &str) -> Output {
        let file = home.join("input");
        std::fs::write(&file, input).unwrap();
        let stdin = Stdio::from(std::fs::File::open(&file).unwrap());
        let path = format!("{}:/usr/bin:/bin", home.join("bin").display());
        Command::new(shell)
            .args(["-c", line])
            .env_clear()
            .env("HOME", home)
            .env("PATH", path)
            .stdin(stdin)
            .output()
            .unwrap()
    }

    fn text(bytes: &[u8]) -> String {
        String::from_utf8_lossy(bytes).into_owned()
    }

    /// A home with an emolab that prints its arguments and variable.
    fn home() -> tempfile::TempDir {
        let home = tempfile::tempdir().unwrap();
        let program = home.path().join("bin/emolab");
        std::fs::create_dir(home.path().join("bin")).unwrap();
        let script = "#!/bin/sh\ntest \"$1 $2\" = 'ssh --protocol' && echo '1 0.1.0' && exit\n\
            for word in \"$@\"; do printf '<%s>\\n' \"$word\"; done; cat \"$EMOLAB_COMPANION\"; exit 5\n";
        std::fs::write(&program, script).unwrap();
        let run = std::os::unix::fs::PermissionsExt::from_mode(0o755);
        std::fs::set_permissions(&program, run).unwrap();
        home
    }

    #[test]
    fn the_lines_work_in_every_shell_that_is_here() {
        for shell in
            ["/bin/sh", "/bin/bash", "/usr/bin/fish", "/bin/csh"].iter().filter(|shell| std::fs::exists(shell).unwrap())
        {
            let home = home();
            let output = run(shell, &prepare(), home.path(), "secret\n");
            let prepared = prepared(&text(&output.stdout)).unwrap();
            assert_eq!(prepared.program, Some((1, "0.1.0".into())), "{shell}");
            let (folder, newest) = (&prepared.folder, home.path().join(".local/state/emolab/companion"));
            let mode = std::os::unix::fs::PermissionsExt::mode(&std::fs::metadata(folder).unwrap().permissions());
            assert_eq!(mode & 0o777, 0o700);
            assert_eq!(std::fs::read_to_string(&newest).unwrap(), format!("{folder}/s\nsecret\n"));

            let line = start(folder, None, &program("", None));
            assert_eq!(run(shell, &line, home.path(), "").status.code(), Some(NO_SOCKET));
            assert!(std::fs::exists(folder).unwrap());

            let line = start(folder, Some(4711), &program("label", Some("~/it's $(here) \"a\\b")));
            let output = run(shell, &line, home.path(), "");
            let path = format!("{}/it's $(here) \"a\\b", home.path().display());
            assert_eq!(text(&output.stdout), format!("<label>\n<-->\n<{path}>\ntcp:4711\nsecret\n"), "{shell}");
            assert_eq!(output.status.code(), Some(5), "{shell}: {}", text(&output.stderr));
            assert!(!std::fs::exists(folder).unwrap() && newest.symlink_metadata().is_err());
        }
    }

    #[test]
    fn a_folder_without_a_program_is_removed() {
        let home = tempfile::tempdir().unwrap();
        let output = run("/bin/sh", &prepare(), home.path(), "secret\n");
        let prepared = prepared(&text(&output.stdout)).unwrap();
        assert_eq!(prepared.program, None);
        assert!(run("/bin/sh", &remove(&prepared.folder), home.path(), "").status.success());
        assert!(!std::fs::exists(&prepared.folder).unwrap());
    }

    #[test]
    fn what_a_server_says_is_not_believed_blindly() {
        let fine = prepared("Welcome!\nemolab-ssh: /tmp/emolab-aB3 1 0.1.0\n").unwrap();
        assert_eq!(fine, Prepared { folder: "/tmp/emolab-aB3".into(), program: Some((1, "0.1.0".into())) });
        for odd in [
            "",
            "emolab-ssh: /tmp/emolab-a;rm 1 0.1.0",
            "emolab-ssh: /etc 1 0.1.0",
            "emolab-ssh: /tmp/emolab- 1 0.1.0",
            "emolab-ssh: /tmp/emolab-a",
            "emolab-ssh: /tmp/emolab-a x 0.1.0",
            "emolab-ssh: /tmp/emolab-a 1 \u{1b}[2J",
        ] {
            assert!(prepared(odd).is_err(), "{odd:?}");
        }
    }
}
